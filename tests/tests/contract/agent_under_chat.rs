use vigil::{Deliberate, agent_span, chat_span, phase_span};

fn main() {
    let agent = agent_span("s-1", "arcan").start();
    let chat = chat_span(&phase_span(&agent, Deliberate), "sonnet", "anthropic").start();
    let _sub = agent_span("s-2", "scout").parent(&chat).start();
}
