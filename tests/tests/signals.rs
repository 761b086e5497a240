//! Every span, metric and event of the registry leaves the process as declared: once with only
//! what is required, once with everything.

// Numbers come back as they were recorded, to the last bit.
#![allow(clippy::float_cmp)]

use std::collections::BTreeSet;
use std::time::Duration;

use opentelemetry::trace::SpanKind;
use vigil::events::{exception, gen_ai as genai_events, life as life_events};
use vigil::records::autonomic::Health;
use vigil::records::gen_ai::TokenUsage;
use vigil::records::life::{AgentState, Budget};
use vigil::registry::REGISTRY;
use vigil::semconv::autonomic::EconomicMode;
use vigil::semconv::gen_ai::{OutputType, ProviderName};
use vigil::semconv::life::{LoopPhase, OperatingMode, RiskLevel, ToolStatus};
use vigil::testing::{ExportedSpan, Pipeline};
use vigil::{
    Deliberate, Execute, Perceive, Reflect, agent_span, chat_span, phase_span, phase_span_dyn,
    tool_span,
};

/// Every signal with nothing but what it can't be made without.
fn least() {
    let agent = agent_span("s-1", "arcan").start();
    for phase in LoopPhase::MEMBERS {
        phase_span_dyn(&agent, *phase).end();
    }
    let perceive = phase_span(&agent, Perceive);
    perceive.record_budget(&Budget::new(1_000));
    perceive.record_operating_mode(OperatingMode::Explore);
    perceive.record_health(&Health::new(EconomicMode::Hustle));
    let deliberate = phase_span(&agent, Deliberate);
    let chat = chat_span(&deliberate, "sonnet", ProviderName::Anthropic).start();
    chat.record_token_usage(&TokenUsage::default());
    chat.record_finish_reason("stop");
    genai_events::ClientInferenceOperationDetails::new("chat", "anthropic").emit(&chat);
    genai_events::EvaluationResult::new("relevance").emit(&chat);
    exception::Exception::default().emit(&chat);
    let execute = phase_span(&agent, Execute);
    tool_span(&execute, "shell", "call-1")
        .start()
        .record_tool_status(ToolStatus::Ok);
    let reflect = phase_span(&agent, Reflect);
    reflect.record_agent_state(&AgentState::new(0.5));
    reflect.record_mode_transition(OperatingMode::Explore, OperatingMode::Execute);
    life_events::JournalAppend::new(7, "RunFinished").emit(&reflect);
}

/// Every signal with everything that it can carry.
fn most() {
    let agent = agent_span("s-1", "arcan")
        .agent_id("agent-1")
        .agent_description("fixes tests")
        .agent_version("1.2.0")
        .conversation_id("c-1")
        .run_id("r-1")
        .branch_id("main")
        .input_messages(|| "[]")
        .start();
    agent.record_output_messages(|| "[]");
    let perceive = phase_span(&agent, Perceive);
    perceive.record_budget(
        &Budget::new(1_000)
            .cost_remaining_usd(2.5)
            .time_remaining_ms(90_000)
            .tool_calls_remaining(12),
    );
    perceive.record_operating_mode(OperatingMode::AskHuman);
    perceive.record_health(
        &Health::new(EconomicMode::Sovereign)
            .operational_health(1.0)
            .cognitive_health(0.5)
            .economic_health(0.25),
    );
    let deliberate = phase_span(&agent, Deliberate);
    let chat = chat_span(&deliberate, "sonnet", ProviderName::Anthropic)
        .server_address("api.anthropic.com")
        .server_port(443)
        .request_max_tokens(4_096)
        .request_temperature(0.7)
        .request_top_p(0.9)
        .request_top_k(40.0)
        .request_stop_sequences(["END"])
        .request_frequency_penalty(0.1)
        .request_presence_penalty(0.2)
        .request_seed(42)
        .request_choice_count(2)
        .request_stream(true)
        .output_type(OutputType::Text)
        .system_instructions(|| "[]")
        .input_messages(|| "[]")
        .tool_definitions(|| "[]")
        .start();
    chat.record_response_id("resp-1");
    chat.record_response_model("sonnet-20251101");
    chat.record_response_time_to_first_chunk(Duration::from_millis(250));
    chat.record_chunk();
    chat.record_chunk();
    chat.record_output_messages(|| "[]");
    chat.record_token_usage(
        &TokenUsage::default()
            .input_tokens(1_200)
            .output_tokens(80)
            .cache_read_input_tokens(512)
            .cache_creation_input_tokens(64)
            .reasoning_output_tokens(30),
    );
    chat.record_finish_reason("stop");
    chat.record_error("overloaded");
    details().emit(&chat);
    genai_events::EvaluationResult::new("relevance")
        .evaluation_score_value(0.9)
        .evaluation_score_label("pass")
        .evaluation_explanation("on topic")
        .response_id("resp-1")
        .error_type("timeout")
        .emit(&chat);
    exception::Exception::default()
        .exception_type("std::io::Error")
        .message("connection reset")
        .stacktrace("0: main")
        .emit(&chat);
    let execute = phase_span(&agent, Execute);
    let tool = tool_span(&execute, "shell", "call-1")
        .tool_type("function")
        .tool_description(|| "runs a command")
        .tool_call_arguments(|| "{}")
        .start();
    tool.record_tool_call_result(|| "{}");
    tool.record_tool_output(|| "done");
    tool.record_tool_status(ToolStatus::Timeout);
    drop(tool);
    let reflect = phase_span(&agent, Reflect);
    reflect.record_agent_state(
        &AgentState::new(0.5)
            .uncertainty(0.25)
            .risk_level(RiskLevel::High)
            .error_streak(2)
            .context_pressure(0.75),
    );
    reflect.record_mode_transition(OperatingMode::Explore, OperatingMode::Recover);
    life_events::JournalAppend::new(7, "RunFinished")
        .stream_id("stream-1")
        .blob_hash("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        .fs_branch("main")
        .emit(&reflect);
    agent.record_error("budget exceeded");
}

fn details() -> genai_events::ClientInferenceOperationDetails {
    genai_events::ClientInferenceOperationDetails::new("chat", "anthropic")
        .request_model("sonnet")
        .conversation_id("c-1")
        .server_address("api.anthropic.com")
        .server_port(443)
        .request_max_tokens(4_096)
        .request_temperature(0.7)
        .request_top_p(0.9)
        .request_top_k(40.0)
        .request_stop_sequences(["END"])
        .request_frequency_penalty(0.1)
        .request_presence_penalty(0.2)
        .request_seed(42)
        .request_choice_count(2)
        .request_stream(true)
        .output_type(OutputType::Text)
        .system_instructions("[]")
        .input_messages("[]")
        .tool_definitions("[]")
        .response_id("resp-1")
        .response_model("sonnet-20251101")
        .response_finish_reasons(["stop"])
        .response_time_to_first_chunk(Duration::from_millis(250))
        .usage_input_tokens(1_200)
        .usage_output_tokens(80)
        .usage_cache_read_input_tokens(512)
        .usage_cache_creation_input_tokens(64)
        .usage_reasoning_output_tokens(30)
        .output_messages("[]")
        .error_type("overloaded")
}

fn keys(span: &ExportedSpan) -> BTreeSet<&str> {
    span.attributes()
        .iter()
        .map(|attribute| attribute.key.as_str())
        .collect()
}

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

    let metrics = pipeline.metrics();
    assert_eq!(
        metrics
            .iter()
            .map(|metric| metric.name.as_str())
            .collect::<BTreeSet<_>>(),
        all_names(REGISTRY.metrics.iter().map(|metric| metric.name()))
    );
    for metric in &metrics {
        let definition = REGISTRY
            .metrics
            .iter()
            .find(|other| other.name() == metric.name);
        let points: BTreeSet<_> = metric
            .points
            .iter()
            .flat_map(|point| &point.attributes)
            .map(|attribute| attribute.key.as_str())
            .collect();
        for field in definition.expect("it conforms").attributes() {
            // No span of the tree carries what only a direct measurement can say.
            assert!(
                points.contains(field.key()),
                "{}: {}",
                metric.name,
                field.key()
            );
        }
    }

    let spans = pipeline.spans();
    for definition in REGISTRY.spans {
        let carried: BTreeSet<_> = spans
            .iter()
            .filter(|span| span.name().starts_with(first_word(definition.span_type())))
            .flat_map(keys)
            .collect();
        for field in definition.attributes() {
            if field.key() != "vigil.parent.unchecked"
                && !(field.key() == "error.type" && definition.span_type() == "life.phase.internal")
            {
                assert!(
                    carried.contains(field.key()),
                    "{}: {}",
                    definition.span_type(),
                    field.key()
                );
            }
        }
    }
    for event in spans.iter().flat_map(ExportedSpan::events) {
        let definition = REGISTRY
            .events
            .iter()
            .find(|other| other.name() == event.name);
        for field in definition.expect("it conforms").attributes() {
            assert!(
                event.attribute(field.key()).is_some(),
                "{}: {}",
                event.name,
                field.key()
            );
        }
    }
}

fn first_word(span_type: &str) -> &'static str {
    match span_type {
        "gen_ai.invoke_agent.internal" => "invoke_agent ",
        "life.phase.internal" => "phase ",
        "gen_ai.inference.client" => "chat ",
        "gen_ai.execute_tool.internal" => "execute_tool ",
        other => panic!("`{other}` is new: export it here too"),
    }
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
    let declared: [(&str, InstrumentKind, &str, &[f64]); 10] = [
        (
            "gen_ai.client.token.usage",
            HistogramInt,
            "{token}",
            &TOKENS,
        ),
        (
            "gen_ai.client.operation.duration",
            HistogramDouble,
            "s",
            &DURATIONS,
        ),
        (
            "gen_ai.client.operation.time_to_first_chunk",
            HistogramDouble,
            "s",
            &DURATIONS,
        ),
        (
            "gen_ai.client.operation.time_per_output_chunk",
            HistogramDouble,
            "s",
            &DURATIONS,
        ),
        ("gen_ai.invoke_agent.duration", HistogramDouble, "s", &RUNS),
        (
            "gen_ai.execute_tool.duration",
            HistogramDouble,
            "s",
            &DURATIONS,
        ),
        ("life.tool.executions", CounterInt, "{execution}", &[]),
        ("life.budget.tokens_remaining", GaugeInt, "{token}", &[]),
        ("life.budget.cost_remaining_usd", GaugeDouble, "{USD}", &[]),
        ("life.mode.transitions", CounterInt, "{transition}", &[]),
    ];
    let pipeline = Pipeline::builder().capture_content().build();
    pipeline.scope(most);
    for (name, kind, unit, boundaries) in declared {
        let metric = pipeline.metric(name);
        assert_eq!((metric.kind, metric.unit.as_str()), (kind, unit), "{name}");
        for point in &metric.points {
            assert_eq!(point.bounds, boundaries, "{name}");
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
