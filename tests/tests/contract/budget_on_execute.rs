use vigil::records::life::Budget;
use vigil::{Execute, agent_span, phase_span};

fn main() {
    let agent = agent_span("s-1", "arcan").start();
    let execute = phase_span(&agent, Execute);
    execute.record_budget(&Budget::new(1_000));
}
