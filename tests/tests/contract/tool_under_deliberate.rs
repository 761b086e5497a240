use vigil::{Deliberate, agent_span, phase_span, tool_span};

fn main() {
    let agent = agent_span("s-1", "arcan").start();
    let deliberate = phase_span(&agent, Deliberate);
    // Moving the parent to a task does not get around the contract.
    let parent = deliberate.parent();
    let _tool = tool_span(&parent, "shell", "call-1").start();
}
