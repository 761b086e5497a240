//! The process's own meter provider: swapped, bounded, and never too late.
//!
//! These tests share the process's provider, so they are one test binary, and run one at a time.

// Numbers come back as they were recorded, to the last bit.
#![allow(clippy::float_cmp)]

use std::sync::{Mutex, PoisonError};

use opentelemetry::InstrumentationScope;
use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use vigil::metrics::life::{TOOL_EXECUTIONS, ToolExecutionsAttributes};
use vigil::semconv::life::ToolStatus;
use vigil::testing::{Pipeline, Point};

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn is_of(point: &Point, tool: &str) -> bool {
    let name = point.attribute("gen_ai.tool.name");
    name.is_some_and(|name| name.as_str() == tool)
}

fn count(tool: &str) {
    TOOL_EXECUTIONS.add(1, &ToolExecutionsAttributes::new(tool, ToolStatus::Ok));
}

#[test]
fn an_instrument_that_was_touched_too_early_is_live_later() {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    count("before anybody listens");
    let first = Pipeline::new();
    vigil::set_meter_provider(first.meter_provider().clone());
    count("first");
    let second = Pipeline::new();
    vigil::set_meter_provider(second.meter_provider().clone());
    count("second");

    let tools = |pipeline: &Pipeline| -> Vec<String> {
        let metric = pipeline.metric("life.tool.executions");
        metric
            .points
            .iter()
            .filter_map(|point| point.attribute("gen_ai.tool.name"))
            .map(|tool| tool.as_str().into_owned())
            .collect()
    };
    assert_eq!(tools(&first), ["first"]);
    assert_eq!(tools(&second), ["second"]);
}

#[test]
fn a_bound_instrument_goes_with_the_provider_and_with_the_test_scope() {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let bound = TOOL_EXECUTIONS.bind(&ToolExecutionsAttributes::new("bound", ToolStatus::Ok));
    let pipelines: Vec<Pipeline> = (0..3).map(|_| Pipeline::new()).collect();
    for (pipeline, times) in pipelines[..2].iter().zip([2, 3]) {
        vigil::set_meter_provider(pipeline.meter_provider().clone());
        for _ in 0..times {
            bound.add(1);
        }
        pipelines[2].scope(|| bound.add(10));
    }
    let counted = |pipeline: &Pipeline| -> Vec<f64> {
        let metric = pipeline.metric("life.tool.executions");
        let points = metric.points.iter();
        points
            .filter(|point| is_of(point, "bound"))
            .map(|point| point.value)
            .collect()
    };
    assert_eq!(
        pipelines.iter().map(counted).collect::<Vec<_>>(),
        [[2.0], [3.0], [20.0]]
    );
}

#[test]
fn a_bound_instrument_admits_no_more_values_than_the_metric() {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let admitted = vigil::metrics::life::definitions::TOOL_EXECUTIONS
        .field("gen_ai.tool.name")
        .and_then(|field| field.cardinality)
        .expect("tool names come from outside, so they are bounded");
    let pipeline = Pipeline::new();
    vigil::set_meter_provider(pipeline.meter_provider().clone());
    for tool in 0..admitted + 2 {
        let tool = ToolExecutionsAttributes::new(format!("bound-{tool}"), ToolStatus::Ok);
        TOOL_EXECUTIONS.bind(&tool).add(1);
    }
    let metric = pipeline.metric("life.tool.executions");
    assert_eq!(metric.points.len(), admitted + 1);
    let others = metric.point(&[("gen_ai.tool.name", "_OTHER")]);
    assert_eq!(others.value, 2.0);
}

#[test]
fn a_metric_admits_as_many_values_as_the_registry_says_and_reports_the_rest_once() {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let bound = vigil::metrics::life::definitions::TOOL_EXECUTIONS
        .field("gen_ai.tool.name")
        .and_then(|field| field.cardinality)
        .expect("tool names come from outside, so they are bounded");
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        tracing::info_span!("around").in_scope(|| {
            for tool in 0..bound + 10 {
                count(&format!("tool-{tool}"));
            }
            count("tool-0");
        });
    });
    let metric = pipeline.metric("life.tool.executions");
    assert_eq!(metric.points.len(), bound + 1);
    assert_eq!(metric.point(&[("gen_ai.tool.name", "_OTHER")]).value, 10.0);
    assert_eq!(metric.point(&[("gen_ai.tool.name", "tool-0")]).value, 2.0);
    let reports = pipeline.span("around").events();
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert_eq!(
        reports[0]
            .attribute("attribute")
            .map(|value| value.as_str().into_owned())
            .as_deref(),
        Some("gen_ai.tool.name")
    );
}

#[test]
fn two_agents_do_not_share_a_budget_gauge() {
    use vigil::records::life::Budget;
    use vigil::{Perceive, agent_span, phase_span};

    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        for (agent, tokens) in [("one", 100), ("two", 900)] {
            let agent = agent_span("s-1", agent).start();
            phase_span(&agent, Perceive).record_budget(&Budget::new(tokens));
        }
    });
    let gauge = pipeline.metric("life.budget.tokens_remaining");
    assert_eq!(gauge.point(&[("gen_ai.agent.name", "one")]).value, 100.0);
    assert_eq!(gauge.point(&[("gen_ai.agent.name", "two")]).value, 900.0);
}

/// A provider that is not the SDK's own.
struct Wrapped(SdkMeterProvider);

impl MeterProvider for Wrapped {
    fn meter_with_scope(&self, scope: InstrumentationScope) -> Meter {
        self.0.meter_with_scope(scope)
    }
}

#[test]
fn a_provider_of_another_make_measures_the_same() {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let pipeline = Pipeline::new();
    vigil::set_meter_provider(Wrapped(pipeline.meter_provider().clone()));
    for tool in ["shell", "browser", "shell"] {
        count(tool);
    }
    let metric = pipeline.metric("life.tool.executions");
    let value = |tool| metric.point(&[("gen_ai.tool.name", tool)]).value;
    assert_eq!((value("shell"), value("browser")), (2.0, 1.0));
}
