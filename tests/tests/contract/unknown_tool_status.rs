use vigil::{Execute, agent_span, phase_span, tool_span};

fn main() {
    let agent = agent_span("s-1", "arcan").start();
    let tool = tool_span(&phase_span(&agent, Execute), "shell", "call-1").start();
    tool.record_tool_status("went well");
}
