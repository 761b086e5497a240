use vigil::semconv::life::LoopPhase;
use vigil::{agent_span, phase_span};

fn main() {
    let agent = agent_span("s-1", "arcan").start();
    let _phase = phase_span(&agent, LoopPhase::Execute);
}
