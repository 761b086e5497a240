//! Every span, metric and event of the registry leaves the process as declared: once with only
//! what is required, once with everything.

// Numbers come back as they were recorded, to the last bit.
#![allow(clippy::float_cmp)]

use std::collections::BTreeSet;

use opentelemetry::trace::SpanKind;
use vigil::events::life as life_events;
use vigil::registry::REGISTRY;
use vigil::semconv::life::{LoopPhase, OperatingMode};
use vigil::testing::{ExportedSpan, Pipeline};
use vigil::{Perceive, Reflect, agent_span, phase_span};
use vigil_tests::everything::{least, missing, most};

/// All that the registry names, apart from metrics that need more than what is required.
fn all_names<'a>(names: impl Iterator<Item = &'a str>) -> BTreeSet<&'a str> {
    names.collect()
}

#[test]
fn every_signal_conforms_with_only_what_is_required() {
    let pipeline = Pipeline::new();
    pipeline.scope(least);
    pipeline.assert_conforms(&REGISTRY);

    let events: Vec<_> = pipeline
        .spans()
        .iter()
        .flat_map(ExportedSpan::events)
        .collect();
    assert_eq!(
        events
            .iter()
            .map(|event| event.name.as_str())
            .collect::<BTreeSet<_>>(),
        all_names(REGISTRY.events.iter().map(|event| event.name()))
    );
    for phase in LoopPhase::MEMBERS {
        let name = format!("phase {phase}");
        assert!(
            pipeline.spans().iter().any(|span| span.name() == name),
            "{name}"
        );
    }
}

#[test]
fn every_signal_conforms_with_everything_that_it_can_carry() {
    let pipeline = Pipeline::builder().capture_content().build();
    pipeline.scope(most);
    pipeline.assert_conforms(&REGISTRY);

    assert_eq!(missing(&pipeline.exported()), [""; 0]);
}

#[test]
fn names_kinds_and_parents_are_those_of_the_promised_tree() {
    let pipeline = Pipeline::new();
    pipeline.scope(least);
    let agent = pipeline.span("invoke_agent arcan");
    let chat = pipeline.span("chat sonnet");
    let tool = pipeline.span("execute_tool shell");
    assert_eq!(*agent.kind(), SpanKind::Internal);
    assert_eq!(*chat.kind(), SpanKind::Client);
    assert_eq!(*tool.kind(), SpanKind::Internal);
    assert_eq!(agent.parent_span_id(), None);
    for span in pipeline.spans() {
        assert_eq!(span.trace_id(), agent.trace_id());
        assert_eq!(span.scope().name(), "vigil");
        assert_eq!(span.scope().version(), Some(env!("CARGO_PKG_VERSION")));
        assert_eq!(
            span.scope().schema_url(),
            Some("https://vigil.dev/schemas/0.1.0")
        );
        if span.name().starts_with("phase ") {
            assert!(span.is_child_of(&agent));
            assert_eq!(*span.kind(), SpanKind::Internal);
        }
    }
    let phase_of = |child: &ExportedSpan| {
        let spans = pipeline.spans();
        let parent = spans.iter().find(|span| child.is_child_of(span));
        parent.map(|span| span.name().to_owned())
    };
    assert_eq!(phase_of(&chat).as_deref(), Some("phase deliberate"));
    assert_eq!(phase_of(&tool).as_deref(), Some("phase execute"));
}

#[test]
fn metrics_have_the_units_kinds_and_boundaries_of_the_conventions() {
    const DURATIONS: [f64; 14] = [
        0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
    ];
    const RUNS: [f64; 13] = [
        0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6,
    ];
    const TOKENS: [f64; 14] = [
        1.0,
        4.0,
        16.0,
        64.0,
        256.0,
        1024.0,
        4096.0,
        16384.0,
        65536.0,
        262_144.0,
        1_048_576.0,
        4_194_304.0,
        16_777_216.0,
        67_108_864.0,
    ];
    use vigil::carrier::InstrumentKind::{
        self, CounterInt, GaugeDouble, GaugeInt, HistogramDouble, HistogramInt,
    };
    let mut declared: Vec<(&str, InstrumentKind, &str, &[f64])> = vec![
        (
            "gen_ai.client.token.usage",
            HistogramInt,
            "{token}",
            &TOKENS,
        ),
        ("gen_ai.invoke_agent.duration", HistogramDouble, "s", &RUNS),
        ("life.tool.executions", CounterInt, "{execution}", &[]),
        ("life.budget.tokens_remaining", GaugeInt, "{token}", &[]),
        ("life.budget.cost_remaining_usd", GaugeDouble, "{USD}", &[]),
        ("life.mode.transitions", CounterInt, "{transition}", &[]),
    ];
    let durations = [
        "gen_ai.client.operation.duration",
        "gen_ai.client.operation.time_to_first_chunk",
        "gen_ai.client.operation.time_per_output_chunk",
        "gen_ai.client.inference.duration",
        "gen_ai.client.inference.time_to_first_chunk",
        "gen_ai.client.inference.time_per_output_chunk",
        "gen_ai.execute_tool.duration",
    ];
    declared.extend(durations.map(|name| (name, HistogramDouble, "s", &DURATIONS[..])));
    let counters = [
        "gen_ai.client.inference.usage.input_tokens",
        "gen_ai.client.inference.usage.output_tokens",
        "gen_ai.client.inference.usage.cache_read.input_tokens",
        "gen_ai.client.inference.usage.cache_write.input_tokens",
        "gen_ai.client.inference.usage.reasoning.output_tokens",
    ];
    declared.extend(counters.map(|name| (name, CounterInt, "{token}", &[][..])));
    let distributions = [
        "gen_ai.client.inference.operation.input_tokens",
        "gen_ai.client.inference.operation.output_tokens",
    ];
    declared.extend(distributions.map(|name| (name, HistogramInt, "{token}", &TOKENS[..])));
    let pipeline = Pipeline::builder()
        .capture_content()
        .stability_opt_in("gen_ai_latest_experimental/dup")
        .build();
    pipeline.scope(most);
    for (name, kind, unit, boundaries) in &declared {
        let metric = pipeline.metric(name);
        assert_eq!(
            (metric.kind, metric.unit.as_str()),
            (*kind, *unit),
            "{name}"
        );
        for point in &metric.points {
            assert_eq!(point.bounds, *boundaries, "{name}");
        }
    }
    assert_eq!(REGISTRY.metrics.len(), declared.len());
}

#[test]
fn integers_are_integers_and_seconds_are_seconds() {
    let pipeline = Pipeline::new();
    pipeline.scope(most);
    let chat = pipeline.span("chat sonnet");
    assert_eq!(
        chat.attribute("gen_ai.usage.input_tokens"),
        Some(&1_200_i64.into())
    );
    assert_eq!(
        chat.attribute("gen_ai.request.max_tokens"),
        Some(&4_096_i64.into())
    );
    assert_eq!(
        chat.attribute("gen_ai.response.time_to_first_chunk"),
        Some(&0.25_f64.into())
    );
    let first_chunk = pipeline.metric("gen_ai.client.operation.time_to_first_chunk");
    assert_eq!(first_chunk.points[0].value, 0.25);
}

#[test]
fn no_content_leaves_while_capture_is_off() {
    let pipeline = Pipeline::new();
    pipeline.scope(most);
    let sensitive = |key: &str| {
        REGISTRY
            .attribute(key)
            .is_some_and(|attribute| attribute.sensitive)
    };
    for span in pipeline.spans() {
        let events = span.events();
        let of_events = events.iter().flat_map(|event| &event.attributes);
        for attribute in span.attributes().iter().chain(of_events) {
            assert!(
                !sensitive(attribute.key.as_str()),
                "{}: {}",
                span.name(),
                attribute.key
            );
        }
    }
}

#[test]
fn a_span_without_its_contract_is_told_as_a_violation() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        use tracing_opentelemetry::OpenTelemetrySpanExt;
        let agent = agent_span("s-1", "arcan").start();
        let perceive = phase_span(&agent, Perceive);
        perceive.span().set_attribute("life.mood", "sunny");
    });
    assert_eq!(
        pipeline.violations(&REGISTRY),
        ["span `phase perceive`: `life.mood` is not declared"]
    );
}

#[test]
fn the_last_journal_entry_stands_on_the_span_and_each_is_an_event() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let reflect = phase_span(&agent, Reflect);
        life_events::JournalAppend::new(7, "ToolCallCompleted").emit(&reflect);
        life_events::JournalAppend::new(8, "RunFinished").emit(&reflect);
    });
    let reflect = pipeline.span("phase reflect");
    assert_eq!(reflect.attribute("life.event_seq"), Some(&8_i64.into()));
    assert_eq!(reflect.text("life.event_kind"), Some("RunFinished"));
    let events = reflect.events();
    let seqs: Vec<_> = events
        .iter()
        .map(|event| event.attribute("life.event_seq"))
        .collect();
    assert_eq!(seqs, [Some(&7_i64.into()), Some(&8_i64.into())]);
    pipeline.assert_conforms(&REGISTRY);
}

#[test]
fn a_mode_transition_is_counted_told_and_kept_in_one_call() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let reflect = phase_span(&agent, Reflect);
        reflect.record_mode_transition(OperatingMode::Explore, OperatingMode::Execute);
        reflect.record_mode_transition(OperatingMode::Execute, OperatingMode::Verify);
        let counted = pipeline.metric("life.mode.transitions");
        assert_eq!(counted.points.len(), 2, "counted at the call");
    });
    let reflect = pipeline.span("phase reflect");
    assert_eq!(reflect.text("life.mode.from"), Some("execute"));
    assert_eq!(reflect.text("life.mode.to"), Some("verify"));
    assert_eq!(reflect.events().len(), 2);
}
