use vigil::{Deliberate, Execute, agent_span, phase_span};

fn main() {
    let agent = agent_span("s-1", "arcan").start();
    let execute = phase_span(&agent, Execute);
    let _nested = phase_span(&execute, Deliberate);
}
