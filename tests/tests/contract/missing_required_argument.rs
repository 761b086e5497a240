use vigil::{Deliberate, agent_span, chat_span, phase_span};

fn main() {
    let agent = agent_span("s-1", "arcan").start();
    let _chat = chat_span(&phase_span(&agent, Deliberate), "sonnet").start();
}
