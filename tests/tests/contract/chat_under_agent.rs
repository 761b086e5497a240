use vigil::{agent_span, chat_span};

fn main() {
    let agent = agent_span("s-1", "arcan").start();
    let _chat = chat_span(&agent, "sonnet", "anthropic").start();
}
