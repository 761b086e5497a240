//! An agent's run with every span, record, metric and event of the registry in it.

use std::collections::BTreeSet;
use std::time::Duration;

use vigil::carrier::Field;
use vigil::events::{exception, gen_ai as genai_events, life as life_events};
use vigil::metrics::gen_ai as metrics;
use vigil::records::autonomic::Health;
use vigil::records::gen_ai::TokenUsage;
use vigil::records::life::{AgentState, Budget};
use vigil::registry::REGISTRY;
use vigil::semconv::autonomic::EconomicMode;
use vigil::semconv::gen_ai::{OutputType, ProviderName};
use vigil::semconv::life::{LoopPhase, OperatingMode, RiskLevel, ToolStatus};
use vigil::testing::{Exported, ExportedSpan};
use vigil::{
    Deliberate, Execute, Perceive, Reflect, agent_span, chat_span, phase_span, phase_span_dyn,
    tool_span,
};

/// Every signal with nothing but what it can't be made without.
pub fn least() {
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
pub fn most() {
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
    by_hand();
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

/// What no span feeds, at least where the latest names are opted in to.
fn by_hand() {
    let embeddings = metrics::ClientOperationDurationAttributes::new("embeddings", "anthropic")
        .request_model("small")
        .response_model("small-1")
        .server_address("api.anthropic.com")
        .server_port(443)
        .error_type("overloaded");
    metrics::CLIENT_OPERATION_DURATION.record(Duration::from_millis(20), &embeddings);
    let read = metrics::ClientInferenceOperationInputTokensAttributes::new("chat", "anthropic")
        .request_model("sonnet")
        .response_model("sonnet-20251101")
        .server_address("api.anthropic.com")
        .server_port(443);
    metrics::CLIENT_INFERENCE_OPERATION_INPUT_TOKENS.record(1_200, &read);
    let written = metrics::ClientInferenceOperationOutputTokensAttributes::new("chat", "anthropic")
        .request_model("sonnet")
        .response_model("sonnet-20251101")
        .server_address("api.anthropic.com")
        .server_port(443);
    metrics::CLIENT_INFERENCE_OPERATION_OUTPUT_TOKENS.record(80, &written);
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

/// What of the registry is not among what was exported: a metric, an event, or an attribute of one
/// or of a span, by the names that were opted in to. [`most`] leaves nothing out, if content is captured.
pub fn missing(exported: &Exported) -> Vec<String> {
    let mut missing = Vec::new();
    let mut look = |carried: &BTreeSet<String>, name: &str, keys: &[&str]| {
        let lacking = keys.iter().filter(|key| !carried.contains(**key));
        missing.extend(lacking.map(|key| format!("{name}: {key}")));
    };
    let opt_in = &exported.stability_opt_in;
    let keys = |field: &Field| field.keys(opt_in).collect::<Vec<_>>();
    for definition in REGISTRY.spans {
        let word = first_word(definition.span_type());
        let spans = exported.spans.iter();
        let attributes = spans
            .filter(|span| span.name().starts_with(word))
            .flat_map(ExportedSpan::attributes);
        let carried = attributes.map(|a| a.key.to_string()).collect();
        for field in definition.attributes() {
            let no_phase_fails =
                field.key() == "error.type" && definition.span_type() == "life.phase.internal";
            // The runtime's own words about a span whose place or events are not all there.
            let of_the_runtime =
                ["vigil.parent.unchecked", "vigil.inferred"].contains(&field.key());
            if !of_the_runtime && !no_phase_fails {
                look(&carried, definition.span_type(), &keys(field));
            }
        }
    }
    for definition in REGISTRY.metrics.iter().filter(|it| it.is_emitted(opt_in)) {
        let metrics = exported.metrics.iter();
        let points = metrics
            .filter(|metric| metric.name == definition.name())
            .flat_map(|metric| &metric.points);
        let mut carried: BTreeSet<_> = BTreeSet::new();
        for point in points {
            carried.insert("a point".to_owned());
            carried.extend(point.attributes.iter().map(|a| a.key.to_string()));
        }
        look(&carried, definition.name(), &["a point"]);
        for field in definition.attributes() {
            look(&carried, definition.name(), &keys(field));
        }
    }
    for definition in REGISTRY.events {
        let on_spans = exported.spans.iter().flat_map(ExportedSpan::events);
        let on_spans = on_spans.map(|event| (event.name, event.attributes));
        let logs = exported.logs.iter();
        let logs = logs.map(|log| (log.event_name.clone(), log.attributes.clone()));
        let mut carried: BTreeSet<_> = BTreeSet::new();
        for (name, attributes) in on_spans.chain(logs) {
            if name == definition.name() {
                carried.insert("an event".to_owned());
                carried.extend(attributes.iter().map(|a| a.key.to_string()));
            }
        }
        look(&carried, definition.name(), &["an event"]);
        for field in definition.attributes() {
            look(&carried, definition.name(), &keys(field));
        }
    }
    missing
}

fn first_word(span_type: &str) -> &'static str {
    match span_type {
        "gen_ai.invoke_agent.internal" => "invoke_agent ",
        "life.phase.internal" => "phase ",
        "gen_ai.inference.client" => "chat ",
        "gen_ai.execute_tool.internal" => "execute_tool ",
        other => panic!("`{other}` is new: let `most` make one"),
    }
}
