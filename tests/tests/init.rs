//! One call to a pipeline, seen from outside the process.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use vigil_tests::receiver::{Answer, Body, Receiver};

/// Runs the agent with nothing in its environment but `variables`.
fn agent(how: &str, variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_agent"))
        .arg(how)
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .expect("the agent starts")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn lines(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let found = spans.iter().find(|span| span.name == name);
    found.unwrap_or_else(|| panic!("no `{name}`"))
}

fn text(span: &Span, key: &str) -> Option<String> {
    let attribute = span
        .attributes
        .iter()
        .find(|attribute| attribute.key == key)?;
    match attribute.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        other => Some(format!("{other:?}")),
    }
}

#[test]
fn one_endpoint_is_all_that_traces_metrics_and_logs_need() {
    let receiver = Receiver::http();
    let output = agent("run", &[("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.url(""))]);
    assert!(output.status.success(), "{}", lines(&output));
    assert_eq!(out(&output), "lost 0 in time true\n");

    let spans = receiver.spans();
    let agent = named(&spans, "invoke_agent arcan");
    let chat = named(&spans, "chat claude-sonnet-4-5");
    assert_eq!(spans.len(), 7);
    assert_eq!(chat.trace_id, agent.trace_id);
    assert_eq!(
        chat.parent_span_id,
        named(&spans, "phase deliberate").span_id
    );
    assert_eq!(text(chat, "session.id").as_deref(), Some("s-1"));
    assert_eq!(text(chat, "gen_ai.input.messages"), None, "content is off");
    assert_eq!(
        text(chat, "gen_ai.usage.input_tokens").as_deref(),
        Some("IntValue(1200)")
    );

    let metrics = receiver.metrics();
    for name in [
        "gen_ai.client.token.usage",
        "life.tool.executions",
        "life.mode.transitions",
    ] {
        assert!(metrics.iter().any(|metric| metric.name == name), "{name}");
    }

    let logs = receiver.logs();
    let asking: Vec<_> = logs
        .iter()
        .filter(|log| log.trace_id == chat.trace_id)
        .collect();
    assert!(
        asking.iter().any(|log| log.span_id == chat.span_id),
        "{logs:?}"
    );
    assert!(
        chat.events.is_empty(),
        "a line leaves once: as a log record"
    );

    for received in receiver.requests() {
        let expected = match received.body {
            Body::Traces(_) => "/v1/traces",
            Body::Metrics(_) => "/v1/metrics",
            Body::Logs(_) => "/v1/logs",
        };
        assert_eq!(received.path, expected);
    }
}

#[test]
fn dropping_the_guard_hands_over_what_there_is() {
    let receiver = Receiver::http();
    let output = agent(
        "drop",
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.url(""))],
    );
    assert!(output.status.success(), "{}", lines(&output));
    assert_eq!(receiver.spans().len(), 7);
}

#[test]
fn a_collector_that_hangs_costs_no_more_than_the_bound() {
    let receiver = Receiver::http();
    receiver.always(Answer::Hang);
    let start = Instant::now();
    let output = agent(
        "drop",
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.url(""))],
    );
    assert!(output.status.success(), "{}", lines(&output));
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn without_an_endpoint_the_run_is_told_in_the_log() {
    let output = agent("run", &[]);
    assert!(output.status.success());
    let lines = lines(&output);
    for words in [
        "chat claude-sonnet-4-5",
        "execute_tool shell",
        "asking the model",
        "timeout",
    ] {
        assert!(lines.contains(words), "{words}:\n{lines}");
    }
    assert!(!lines.contains("secret"), "{lines}");
}

#[test]
fn the_log_filter_governs_lines_and_nothing_else() {
    let receiver = Receiver::http();
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url("")),
        ("RUST_LOG", "off".to_owned()),
    ];
    let variables: Vec<_> = variables
        .iter()
        .map(|(key, value)| (*key, value.as_str()))
        .collect();
    let output = agent("run", &variables);
    assert_eq!(lines(&output), "");
    assert_eq!(receiver.spans().len(), 7);
    assert!(!receiver.metrics().is_empty());
}

#[test]
fn a_second_init_is_refused_and_changes_nothing() {
    let receiver = Receiver::http();
    let output = agent(
        "twice",
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.url(""))],
    );
    assert!(
        out(&output).starts_with("refused: a pipeline runs already"),
        "{}",
        out(&output)
    );
    assert_eq!(receiver.spans().len(), 7, "the first one goes on");
}

#[test]
fn a_program_with_a_subscriber_of_its_own_is_told_what_to_do() {
    let output = agent("own", &[]);
    assert!(
        out(&output).contains("`vigil::trace_layer`"),
        "{}",
        out(&output)
    );
}

#[test]
fn a_value_that_cannot_be_read_is_reported_by_name_with_what_holds() {
    let output = agent(
        "run",
        &[
            ("OTEL_BSP_SCHEDULE_DELAY", "soon"),
            ("VIGIL_LOG_FORMAT", "jsn"),
        ],
    );
    let lines = lines(&output);
    assert!(lines.contains("OTEL_BSP_SCHEDULE_DELAY"), "{lines}");
    assert!(lines.contains("VIGIL_LOG_FORMAT"), "{lines}");
}

#[test]
fn a_disabled_sdk_records_exports_and_writes_nothing() {
    let receiver = Receiver::http();
    let url = receiver.url("");
    let output = agent(
        "run",
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &url),
            ("OTEL_SDK_DISABLED", "true"),
        ],
    );
    assert!(output.status.success());
    assert!(receiver.requests().is_empty());
    assert!(!lines(&output).contains("chat"), "{}", lines(&output));
}

#[test]
fn captured_content_leaves_on_the_span() {
    let receiver = Receiver::http();
    let url = receiver.url("");
    agent(
        "run",
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &url),
            ("VIGIL_CAPTURE_CONTENT", "true"),
        ],
    );
    let spans = receiver.spans();
    let messages = text(
        named(&spans, "chat claude-sonnet-4-5"),
        "gen_ai.input.messages",
    );
    assert!(messages.is_some_and(|messages| messages.contains("secret")));
}

#[test]
fn a_preset_adds_the_keys_that_its_backend_reads_and_only_then() {
    let receiver = Receiver::http();
    let url = receiver.url("");
    let langfuse = [
        ("VIGIL_PRESET", "langfuse"),
        ("LANGFUSE_BASE_URL", url.as_str()),
        ("LANGFUSE_PUBLIC_KEY", "pk-1"),
        ("LANGFUSE_SECRET_KEY", "sk-1"),
    ];
    let output = agent("run", &langfuse);
    let requests = receiver.requests();
    assert!(!requests.is_empty(), "{}", lines(&output));
    assert!(
        requests
            .iter()
            .all(|received| received.path == "/api/public/otel/v1/traces")
    );
    let spans = receiver.spans();
    let kind = |name: &str| text(named(&spans, name), "langfuse.observation.type");
    assert_eq!(
        kind("chat claude-sonnet-4-5").as_deref(),
        Some("generation")
    );
    assert_eq!(kind("execute_tool shell").as_deref(), Some("tool"));
    assert!(!lines(&output).contains("sk-1"));
}

#[test]
fn content_is_cut_to_size_inside_its_json() {
    let receiver = Receiver::http();
    let url = receiver.url("");
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("VIGIL_CAPTURE_CONTENT", "true"),
        ("VIGIL_CAPTURE_CONTENT_MAX_BYTES", "68"),
    ];
    agent("run", &variables);
    let spans = receiver.spans();
    let messages = text(
        named(&spans, "chat claude-sonnet-4-5"),
        "gen_ai.input.messages",
    );
    let messages = messages.expect("content is captured");
    assert!(messages.len() <= 68, "{messages}");
    let json: serde_yaml::Value = serde_yaml::from_str(&messages).expect("it is still JSON");
    assert_eq!(json[0]["role"], "user");
}
