//! What leaves the planner: its own signals beside Vigil's.

use opentelemetry::trace::Status;
use planner::deliberate;
use planner::telemetry::registry::REGISTRY;
use planner::telemetry::semconv::planner::PlanStrategy;
use vigil::testing::Pipeline;

#[test]
fn the_plan_stands_in_vigils_phase_with_its_own_attributes_and_vigils() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = vigil::agent_span("s-1", "planner").start();
        deliberate(&agent, &PlanStrategy::Forward, 3).unwrap();
        agent.end();
    });
    let plan = pipeline.span("plan forward");
    let phase = pipeline.span("phase deliberate");
    assert!(plan.is_child_of(&phase));
    assert!(pipeline.span("chat claude-sonnet-4-5").is_child_of(&phase));
    assert_eq!(plan.text("planner.plan.strategy"), Some("forward"));
    assert_eq!(plan.text("life.state.risk_level"), Some("low"));
    // What Vigil inherits down a run stands on it too.
    assert_eq!(plan.text("life.session_id"), Some("s-1"));
    assert_eq!(plan.attribute("planner.plan.steps"), Some(&3_i64.into()));
    assert_eq!(plan.scope().name(), "planner");
    assert_eq!(
        plan.scope().schema_url(),
        Some("https://example.com/schemas/planner/0.1.0")
    );
    pipeline.assert_conforms(&REGISTRY);
    pipeline.assert_conforms(&vigil::registry::REGISTRY);
}

#[test]
fn the_search_is_measured_by_strategy_and_by_how_it_ended() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = vigil::agent_span("s-1", "planner").start();
        deliberate(&agent, &PlanStrategy::Backward, 2).unwrap();
        deliberate(&agent, &PlanStrategy::Backward, 0).unwrap_err();
        agent.end();
    });
    let durations = pipeline.metric("planner.plan.duration");
    let found = [
        ("planner.plan.strategy", "backward"),
        ("life.state.risk_level", "low"),
    ];
    durations.point(&found);
    let [strategy, risk] = found;
    durations.point(&[strategy, risk, ("error.type", "planner::NoPlan")]);
    let failed: Vec<_> = pipeline
        .spans()
        .into_iter()
        .filter(|span| span.name() == "plan backward" && *span.status() != Status::Unset)
        .collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].attribute("planner.plan.steps"), None);
}

#[test]
fn nothing_of_vigils_was_generated_again() {
    let of = |slices: &[&[&vigil::carrier::AttributeDefinition]]| {
        slices.iter().map(|it| it.len()).sum::<usize>()
    };
    assert_eq!(of(REGISTRY.attributes), 2);
    assert_eq!(
        (
            REGISTRY.spans.len(),
            REGISTRY.metrics.len(),
            REGISTRY.events.len()
        ),
        (1, 1, 0)
    );
}
