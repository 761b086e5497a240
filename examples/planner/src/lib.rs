//! A planner with conventions of its own: an attribute, a span that stands in a phase of Vigil's, and a
//! metric. They are declared in `conventions/`, on top of Vigil's registry, and used beside Vigil's API.
//!
//! ```
//! use planner::telemetry::semconv::planner::PlanStrategy;
//! use planner::telemetry::spans::planner::plan_span;
//! use vigil::{Deliberate, agent_span, phase_span};
//!
//! let agent = agent_span("session-1", "planner").start();
//! let plan = plan_span(&phase_span(&agent, Deliberate), PlanStrategy::Forward).start();
//! ```
//!
//! The contract stands in `conventions/planner.yaml`, and in another phase it does not compile:
//!
//! ```compile_fail,E0277
//! use planner::telemetry::semconv::planner::PlanStrategy;
//! use planner::telemetry::spans::planner::plan_span;
//! use vigil::{Execute, agent_span, phase_span};
//!
//! let agent = agent_span("session-1", "planner").start();
//! let plan = plan_span(&phase_span(&agent, Execute), PlanStrategy::Forward).start();
//! ```

pub mod telemetry;

use vigil::semconv::gen_ai::ProviderName;
use vigil::semconv::life::RiskLevel;
use vigil::spans::gen_ai::AgentSpan;
use vigil::{Deliberate, chat_span, phase_span};

use telemetry::semconv::planner::PlanStrategy;
use telemetry::spans::planner::plan_span;

/// There is no way from here.
#[derive(Debug)]
pub struct NoPlan;

/// Deliberates once: looks for a plan of `length` steps, then asks a model about it.
///
/// # Errors
///
/// [`NoPlan`] when there is nothing to plan.
pub fn deliberate(
    agent: &AgentSpan,
    strategy: &PlanStrategy,
    length: usize,
) -> Result<Vec<usize>, NoPlan> {
    let deliberate = phase_span(agent, Deliberate);
    let span = plan_span(&deliberate, strategy.clone())
        .state_risk_level(RiskLevel::Low)
        .start();
    let steps = span.run_blocking(|| search(strategy, length))?;
    span.record_plan_steps(steps.len());
    span.end();
    let chat = chat_span(&deliberate, "claude-sonnet-4-5", ProviderName::Anthropic).start();
    chat.end();
    Ok(steps)
}

fn search(strategy: &PlanStrategy, length: usize) -> Result<Vec<usize>, NoPlan> {
    let steps: Vec<usize> = match strategy {
        PlanStrategy::Backward => (0..length).rev().collect(),
        _ => (0..length).collect(),
    };
    if steps.is_empty() {
        Err(NoPlan)
    } else {
        Ok(steps)
    }
}
