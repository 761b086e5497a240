use vigil::{Execute, agent_span, phase_span, tool_span};

fn main() {
    let agent = agent_span("s-1", "arcan").start();
    let execute = phase_span(&agent, Execute);
    let tool = tool_span(&execute, "shell", "call-1").start();
    tool.record_chunk();
}
