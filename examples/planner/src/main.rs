//! A run of the planner: `cargo run -p planner` prints its spans and metrics in the terminal.

use std::time::Duration;

use planner::deliberate;
use planner::telemetry::semconv::planner::PlanStrategy;
use vigil::{VigConfig, agent_span};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let guard = vigil::init(&VigConfig::new().service_name("planner"))?;
    let agent = agent_span("session-1", "planner").start();
    for (strategy, length) in [
        (PlanStrategy::Forward, 3),
        (PlanStrategy::Backward, 2),
        (PlanStrategy::from("guess"), 0),
    ] {
        match deliberate(&agent, &strategy, length) {
            Ok(steps) => println!("{steps:?}"),
            Err(error) => println!("{error:?}"),
        }
    }
    agent.end();
    eprintln!("{}", guard.shutdown(Duration::from_secs(2)));
    Ok(())
}
