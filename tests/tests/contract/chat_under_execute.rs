use vigil::{Execute, agent_span, chat_span, phase_span};

fn main() {
    let agent = agent_span("s-1", "arcan").start();
    let execute = phase_span(&agent, Execute);
    let _chat = chat_span(&execute, "sonnet", "anthropic").start();
}
