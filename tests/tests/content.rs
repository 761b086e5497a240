//! Content: whether it leaves, where, as what.

use std::io::{self, Write};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use opentelemetry::trace::TraceContextExt;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::json;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;
use vigil::carrier::Text;
use vigil::config::CaptureContent;
use vigil::content::{Data, Json, Message, Part, ToolDefinition};
use vigil::events::life::JournalAppend;
use vigil::log::{LogFormat, LogLayer};
use vigil::spans::gen_ai::ChatSpan;
use vigil::testing::Pipeline;
use vigil::{Deliberate, Execute, Reflect, agent_span, chat_span, phase_span, tool_span};
use vigil_tests::received;
use vigil_tests::receiver::{Body, Receiver};

const CAPTURE: &str = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";
const DETAILS: &str = "gen_ai.client.inference.operation.details";
const INPUT: &str = "gen_ai.input.messages";
const OUTPUT: &str = "gen_ai.output.messages";

/// Runs an agent that says content, redacted in that way.
fn speaking(redacted: &str, variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_agent"))
        .args(["speak", redacted])
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .expect("the agent starts")
}

fn lines(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs it with that capture and a collector of all signals.
fn captured(capture: &str, redacted: &str) -> (Receiver, Output) {
    let receiver = Receiver::http();
    let url = receiver.url("");
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*url), (CAPTURE, capture)];
    let output = speaking(redacted, &variables);
    assert!(output.status.success(), "{}", lines(&output));
    (receiver, output)
}

fn span(receiver: &Receiver, name: &str) -> Span {
    let found = receiver.spans().into_iter().find(|span| span.name == name);
    found.unwrap_or_else(|| panic!("no `{name}`"))
}

fn chat(receiver: &Receiver) -> Span {
    span(receiver, "chat claude-sonnet-4-5")
}

fn records(receiver: &Receiver, name: &str) -> Vec<LogRecord> {
    let mut records = receiver.logs();
    records.retain(|record| record.event_name == name);
    records
}

fn value<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    let mut attributes = attributes.iter();
    let attribute = attributes.find(|attribute| attribute.key == key)?;
    attribute.value.as_ref()?.value.as_ref()
}

fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    match value(attributes, key)? {
        Value::StringValue(text) => Some(text),
        other => panic!("`{key}` is {other:?}"),
    }
}

/// A value that left with its structure.
fn structured(attributes: &[KeyValue], key: &str) -> serde_json::Value {
    let value = value(attributes, key).unwrap_or_else(|| panic!("no `{key}`"));
    assert!(matches!(value, Value::ArrayValue(_)), "{value:?}");
    received::json(value)
}

fn texts(attributes: &[KeyValue], key: &str) -> Vec<String> {
    let Some(Value::ArrayValue(array)) = value(attributes, key) else {
        panic!("`{key}` is {:?}", value(attributes, key));
    };
    let values = array.values.iter();
    values
        .map(|value| match &value.value {
            Some(Value::StringValue(text)) => text.clone(),
            other => panic!("{other:?}"),
        })
        .collect()
}

fn parsed(json: &str) -> serde_json::Value {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"))
}

fn question() -> serde_json::Value {
    json!([{"role": "user", "parts": [{"type": "text", "content": "a secret \"question\""}]}])
}

#[test]
fn without_capture_no_content_leaves_whatever_way_it_was_said() {
    let (receiver, output) = captured("NO_CONTENT", "");
    let bodies = format!("{:?}", receiver.requests());
    assert!(bodies.contains("invoke_agent arcan"), "{bodies}");
    assert!(bodies.contains("a line"), "log lines leave, but for it");
    assert!(!bodies.contains("secret"), "{bodies}");
    assert!(!lines(&output).contains("secret"), "{}", lines(&output));
    assert!(records(&receiver, DETAILS).is_empty());

    let alone = lines(&speaking("", &[]));
    assert!(alone.contains("execute_tool shell"), "{alone}");
    assert!(!alone.contains("secret"), "{alone}");
}

#[test]
fn content_on_spans_is_on_spans_alone() {
    let (receiver, _) = captured("SPAN_ONLY", "");
    let chat = chat(&receiver);
    let input = text(&chat.attributes, INPUT).expect("it is captured");
    assert_eq!(parsed(input), question());
    let tool = span(&receiver, "execute_tool shell");
    let arguments = text(&tool.attributes, "gen_ai.tool.call.arguments");
    assert_eq!(arguments, Some(r#"{"command":"secret"}"#));
    assert_eq!(
        text(&tool.attributes, "life.tool.output"),
        Some("secret output")
    );
    assert!(records(&receiver, DETAILS).is_empty());
    assert!(!format!("{:?}", receiver.logs()).contains("secret"));
}

#[test]
fn content_in_events_leaves_once_with_its_types_and_the_span_that_it_belongs_to() {
    let (receiver, output) = captured("EVENT_ONLY", "");
    assert!(!lines(&output).contains(DETAILS), "{}", lines(&output));
    let mut spans = receiver.spans();
    // The SDK's own has content in an event, where it may be.
    spans.retain(|span| span.name != "bare");
    let spans = format!("{spans:?}");
    assert!(!spans.contains("secret"), "{spans}");
    let chat = chat(&receiver);
    assert!(chat.events.is_empty(), "{:?}", chat.events);

    let records = records(&receiver, DETAILS);
    let [details] = records.as_slice() else {
        panic!("it leaves once: {records:?}");
    };
    assert_eq!(
        (&details.trace_id, &details.span_id),
        (&chat.trace_id, &chat.span_id)
    );
    let attributes = &details.attributes;
    assert_eq!(structured(attributes, INPUT), question());
    assert_eq!(
        structured(attributes, OUTPUT),
        json!([{
            "role": "assistant",
            "parts": [{"type": "text", "content": "a secret answer"}],
            "finish_reason": "stop",
        }])
    );
    assert_eq!(
        structured(attributes, "gen_ai.system_instructions"),
        json!([{"type": "text", "content": "secret rules"}])
    );
    for (key, expected) in [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "anthropic"),
        ("gen_ai.request.model", "claude-sonnet-4-5"),
        ("gen_ai.conversation.id", "s-1"),
        ("error.type", "overloaded"),
    ] {
        assert_eq!(text(attributes, key), Some(expected));
    }
    assert_eq!(
        value(attributes, "gen_ai.usage.input_tokens"),
        Some(&Value::IntValue(1_200))
    );
    assert_eq!(
        texts(attributes, "gen_ai.response.finish_reasons"),
        ["stop"]
    );
    assert_eq!(texts(attributes, "gen_ai.request.stop_sequences"), ["END"]);
}

#[test]
fn content_in_both_places_is_the_same() {
    let (receiver, _) = captured("SPAN_AND_EVENT", "");
    let chat = chat(&receiver);
    let records = records(&receiver, DETAILS);
    assert_eq!(records.len(), 1);
    for key in [INPUT, OUTPUT, "gen_ai.system_instructions"] {
        let on_span = text(&chat.attributes, key).expect("it is captured");
        assert!(on_span.contains("secret"), "{key}");
        // Text there, and here what it says.
        assert_eq!(parsed(on_span), structured(&records[0].attributes, key));
    }
}

#[test]
fn the_log_record_of_a_typed_event_has_the_scope_of_its_span() {
    let (receiver, _) = captured("EVENT_ONLY", "");
    let scopes = |received: &vigil_tests::receiver::Received| match &received.body {
        Body::Logs(request) => request.resource_logs[0].scope_logs.clone(),
        _ => Vec::new(),
    };
    let requests = receiver.requests();
    let scope = requests
        .iter()
        .flat_map(scopes)
        .find(|scope| scope.log_records.iter().any(|it| it.event_name == DETAILS))
        .expect("it was received");
    assert_eq!(scope.scope.expect("it is there").name, "vigil");
    assert_eq!(scope.schema_url, vigil::registry::REGISTRY.scope.schema_url);
}

#[test]
fn content_in_an_event_is_cut_to_size_inside_its_json() {
    let receiver = Receiver::http();
    let url = receiver.url("");
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*url),
        (CAPTURE, "EVENT_ONLY"),
        ("VIGIL_CAPTURE_CONTENT_MAX_BYTES", "66"),
    ];
    speaking("replaced", &variables);
    let details = &records(&receiver, DETAILS)[0];
    let input = structured(&details.attributes, INPUT);
    assert!(input.to_string().len() <= 66, "{input}");
    let content = input[0]["parts"][0]["content"].to_string();
    // What is redacted is the whole text.
    assert!(
        content.starts_with("\"a ***") && content.ends_with("…\""),
        "{content}"
    );
}

#[test]
fn where_logs_go_nowhere_the_event_stands_on_the_span() {
    let receiver = Receiver::http();
    let url = receiver.url("/v1/traces");
    let variables = [
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &*url),
        (CAPTURE, "EVENT_ONLY"),
    ];
    let output = speaking("", &variables);
    assert!(!lines(&output).contains(DETAILS), "{}", lines(&output));
    let chat = chat(&receiver);
    assert_eq!(text(&chat.attributes, INPUT), None);
    let details: Vec<_> = chat.events.iter().filter(|it| it.name == DETAILS).collect();
    let [details] = details.as_slice() else {
        panic!("it stands there once: {:?}", chat.events);
    };
    assert_eq!(
        parsed(text(&details.attributes, INPUT).expect("it is captured")),
        question()
    );
    assert_eq!(
        texts(&details.attributes, "gen_ai.request.stop_sequences"),
        ["END"]
    );
}

#[test]
fn without_an_endpoint_the_event_is_a_log_line_that_the_filter_governs() {
    let base = [(CAPTURE, "EVENT_ONLY"), ("VIGIL_LOG_FORMAT", "json")];
    let told = lines(&speaking("", &base));
    let line = |what: &str| {
        let found: Vec<_> = told.lines().filter(|line| line.contains(what)).collect();
        assert_eq!(found.len(), 1, "{what}: {told}");
        parsed(found[0])
    };
    let details = line(r#""message":"gen_ai.client.inference.operation.details""#);
    let input = details["fields"][INPUT].as_str().expect("it is captured");
    assert_eq!(parsed(input), question());
    assert_eq!(
        details["fields"]["gen_ai.request.stop_sequences"],
        json!(["END"])
    );
    let chat = line(r#""name":"chat claude-sonnet-4-5""#);
    assert!(!chat.to_string().contains("secret"), "{chat}");
    assert_eq!(chat["span_id"], details["span_id"]);

    let [first, second] = base;
    let quiet = speaking("", &[first, second, ("RUST_LOG", "info,vigil=off")]);
    assert!(!lines(&quiet).contains(DETAILS), "{}", lines(&quiet));
}

#[test]
fn a_typed_event_is_a_log_record_of_its_span_wherever_it_is_sent() {
    let receiver = Receiver::http();
    let output = Command::new(env!("CARGO_BIN_EXE_agent"))
        .arg("run")
        .env_clear()
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url(""))
        .output()
        .expect("the agent starts");
    assert!(output.status.success(), "{}", lines(&output));
    let records = records(&receiver, "life.mode.transition");
    assert_eq!(records.len(), 1, "{records:?}");
    assert_eq!(records[0].span_id, span(&receiver, "phase reflect").span_id);
    assert_eq!(
        text(&records[0].attributes, "life.mode.to"),
        Some("recover")
    );
}

#[test]
fn what_the_redaction_returns_goes_out_and_nothing_else() {
    let (receiver, output) = captured("SPAN_AND_EVENT", "replaced");
    let bodies = format!("{:?}", receiver.requests());
    assert!(!bodies.contains("secret"), "{bodies}");
    assert!(!lines(&output).contains("secret"), "{}", lines(&output));
    let chat = chat(&receiver);
    let input = text(&chat.attributes, INPUT).expect("it is captured");
    assert_eq!(
        parsed(input)[0]["parts"][0]["content"],
        "a *** \"question\""
    );

    let (receiver, _) = captured("SPAN_ONLY", "left out");
    let chat = self::chat(&receiver);
    assert_eq!(text(&chat.attributes, INPUT), None);
    assert!(text(&chat.attributes, OUTPUT).is_some_and(|text| text.contains("***")));
}

#[test]
fn a_redaction_that_panics_lets_nothing_out_and_is_told_once() {
    let (receiver, output) = captured("SPAN_AND_EVENT", "panicking");
    let bodies = format!("{:?}", receiver.requests());
    assert!(!bodies.contains("secret"), "{bodies}");
    assert_eq!(lines(&output).matches("the redaction panicked").count(), 1);
    assert_eq!(receiver.spans().len(), 7, "the agent went on");
}

fn in_chat<R>(pipeline: &Pipeline, f: impl FnOnce(&ChatSpan) -> R) -> R {
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let deliberate = phase_span(&agent, Deliberate);
        f(&chat_span(&deliberate, "sonnet", "anthropic").start())
    })
}

#[test]
fn messages_have_the_form_of_the_conventions() {
    let blob = Part::blob("image", [0xff, 0x00, 0x10]).mime_type("image/png");
    let messages = vec![
        Message::system("Be brief."),
        Message::user("Look: ü \"\\\n\u{1}").name("ann").part(blob),
        Message::user(String::from("And these."))
            .part(Part::file("audio", "file-1"))
            .part(Part::uri("video", "https://example.com/v").mime_type("video/mp4"))
            .part(
                Part::other("citation")
                    .field("page", Json(&7))
                    .field("of", "a book"),
            ),
        Message::assistant()
            .reasoning("Hm.")
            .tool_call("call-1", "weather", r#"{"city":"Oslo"}"#)
            .tool_call("call-2", "weather", "{broken")
            .finish_reason("tool_call"),
        Message::tool("call-1", Json(&json!({"celsius": -3}))),
        Message::tool("call-2", Data::text("[]")),
        Message::new("critic"),
    ];
    let expected = json!([
        {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
        {"role": "user", "name": "ann", "parts": [
            {"type": "text", "content": "Look: ü \"\\\n\u{1}"},
            {"type": "blob", "mime_type": "image/png", "modality": "image", "content": "/wAQ"},
        ]},
        {"role": "user", "parts": [
            {"type": "text", "content": "And these."},
            {"type": "file", "modality": "audio", "file_id": "file-1"},
            {"type": "uri", "mime_type": "video/mp4", "modality": "video",
             "uri": "https://example.com/v"},
            {"type": "citation", "page": 7, "of": "a book"},
        ]},
        {"role": "assistant", "parts": [
            {"type": "reasoning", "content": "Hm."},
            {"type": "tool_call", "id": "call-1", "name": "weather", "arguments": {"city": "Oslo"}},
            {"type": "tool_call", "id": "call-2", "name": "weather", "arguments": "{broken"},
        ], "finish_reason": "tool_call"},
        {"role": "tool", "parts": [
            {"type": "tool_call_response", "id": "call-1", "response": {"celsius": -3}},
        ]},
        {"role": "tool", "parts": [
            {"type": "tool_call_response", "id": "call-2", "response": "[]"},
        ]},
        {"role": "critic", "parts": []},
    ]);
    assert_eq!(parsed(Text::from(&messages).as_str()), expected);

    let pipeline = Pipeline::builder().capture_content().build();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let deliberate = phase_span(&agent, Deliberate);
        let schema = json!({"type": "object"});
        let chat = chat_span(&deliberate, "sonnet", "anthropic")
            .input_messages(|| &messages[..])
            .system_instructions(|| [Part::text("One."), Part::text("Two.")])
            .tool_definitions(|| {
                [ToolDefinition::function("weather")
                    .description("How warm it is.")
                    .parameters(Json(&schema))]
            })
            .start();
        chat.record_output_messages(|| {
            vec![Message::assistant().text("Cold.").finish_reason("stop")]
        });
    });
    let chat = pipeline.span("chat sonnet");
    let attribute = |key| parsed(chat.text(key).unwrap_or_else(|| panic!("no `{key}`")));
    assert_eq!(attribute(INPUT), expected);
    assert_eq!(
        attribute("gen_ai.system_instructions"),
        json!([{"type": "text", "content": "One."}, {"type": "text", "content": "Two."}])
    );
    assert_eq!(
        attribute("gen_ai.tool.definitions"),
        json!([{
            "type": "function",
            "name": "weather",
            "description": "How warm it is.",
            "parameters": {"type": "object"},
        }])
    );
    assert_eq!(
        attribute(OUTPUT),
        json!([{
            "role": "assistant",
            "parts": [{"type": "text", "content": "Cold."}],
            "finish_reason": "stop",
        }])
    );
    pipeline.assert_conforms(&vigil::registry::REGISTRY);
}

/// It can't be serialized, or panics over it.
struct Stubborn {
    panics: bool,
}

impl serde::Serialize for Stubborn {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        assert!(!self.panics, "no");
        Err(serde::ser::Error::custom("no"))
    }
}

#[test]
fn a_value_that_cannot_be_serialized_leaves_a_text_that_says_so() {
    for panics in [false, true] {
        let value = Stubborn { panics };
        let text = Text::from(Json(&value));
        assert_eq!(parsed(text.as_str()), "(could not be serialized)");
        let call = Text::from(Message::assistant().tool_call("1", "t", Json(&value)));
        let arguments = &parsed(call.as_str())[0]["parts"][0]["arguments"];
        assert_eq!(arguments, "(could not be serialized)");
    }
}

#[test]
fn values_are_built_only_for_a_place_that_they_have() {
    for (capture, spans, events) in [
        (CaptureContent::NoContent, false, false),
        (CaptureContent::SpanOnly, true, false),
        (CaptureContent::EventOnly, false, true),
        (CaptureContent::SpanAndEvent, true, true),
    ] {
        let asked = Arc::new(AtomicUsize::new(0));
        let asks = Arc::clone(&asked);
        let pipeline = Pipeline::builder()
            .capture_content_in(capture)
            .redact(move |_, text| {
                asks.fetch_add(1, Ordering::Relaxed);
                Some(text.to_owned())
            })
            .build();
        let (of_chat, of_tool) = (AtomicUsize::new(0), AtomicUsize::new(0));
        pipeline.scope(|| {
            let agent = agent_span("s-1", "arcan").start();
            let deliberate = phase_span(&agent, Deliberate);
            let chat = chat_span(&deliberate, "sonnet", "anthropic").start();
            chat.record_output_messages(|| {
                of_chat.fetch_add(1, Ordering::Relaxed);
                Message::assistant().text("Hi!")
            });
            let execute = phase_span(&agent, Execute);
            let tool = tool_span(&execute, "shell", "call-1").start();
            tool.record_tool_output(|| {
                of_tool.fetch_add(1, Ordering::Relaxed);
                "output"
            });
        });
        let of_chat = of_chat.into_inner() > 0;
        let of_tool = of_tool.into_inner() > 0;
        assert_eq!(of_chat, spans || events, "{capture:?}");
        // A tool sends no event that it could go into.
        assert_eq!(of_tool, spans, "{capture:?}");
        let expected = usize::from(of_chat) + usize::from(of_tool);
        assert_eq!(asked.load(Ordering::Relaxed), expected, "{capture:?}");
        let chat = pipeline.span("chat sonnet");
        assert_eq!(chat.attribute(OUTPUT).is_some(), spans, "{capture:?}");
        assert_eq!(chat.events().len(), usize::from(events), "{capture:?}");
        let tool = pipeline.span("execute_tool shell");
        assert_eq!(tool.attribute("life.tool.output").is_some(), spans);
        pipeline.assert_conforms(&vigil::registry::REGISTRY);
    }
}

#[test]
fn foreign_code_passes_the_same_gate() {
    let foreign = |pipeline: &Pipeline| {
        in_chat(pipeline, |chat| {
            let span = chat.span();
            span.set_attribute(INPUT, "a secret input");
            span.record(OUTPUT, "a secret output");
            span.set_attribute("life.tool.output", "of no chat: secret");
            span.context()
                .span()
                .add_event("seen", vec![opentelemetry::KeyValue::new(INPUT, "secret")]);
            chat.in_scope(|| {
                let other = tracing::info_span!("other", gen_ai.input.messages = "secret");
                other.set_attribute(OUTPUT, "secret");
                tracing::info!(gen_ai.input.messages = "secret", "a line");
            });
        });
        format!("{:?}", pipeline.spans())
    };
    let off = Pipeline::new();
    let told = foreign(&off);
    assert!(told.contains("a line"), "{told}");
    assert!(!told.contains("secret"), "{told}");

    let redacting = Pipeline::builder()
        .capture_content()
        .redact(|_, text| Some(text.replace("secret", "***")))
        .build();
    let told = foreign(&redacting);
    assert!(!told.contains("secret"), "{told}");
    let chat = redacting.span("chat sonnet");
    assert_eq!(chat.text(INPUT), Some("a *** input"));
    assert_eq!(chat.text(OUTPUT), Some("a *** output"));

    let on = Pipeline::builder().capture_content().build();
    let told = foreign(&on);
    assert_eq!(on.span("other").text(INPUT), Some("secret"), "{told}");
}

#[test]
fn a_redaction_may_log_start_spans_and_say_content_itself() {
    let pipeline = Pipeline::builder()
        .capture_content()
        .redact(|key, text| {
            tracing::info!(key, "asked");
            let agent = agent_span("s-2", "inner").start();
            let deliberate = phase_span(&agent, Deliberate);
            let chat = chat_span(&deliberate, "haiku", "anthropic")
                .input_messages(|| "secret")
                .start();
            chat.span().set_attribute(OUTPUT, "secret");
            Some(text.to_uppercase())
        })
        .build();
    in_chat(&pipeline, |chat| {
        chat.in_scope(|| chat.record_output_messages(|| "said"));
        chat.span().set_attribute(INPUT, "foreign");
    });
    let chat = pipeline.span("chat sonnet");
    assert_eq!(chat.text(OUTPUT), Some("SAID"));
    assert_eq!(chat.text(INPUT), Some("FOREIGN"));
    let inner: Vec<_> = pipeline
        .spans()
        .into_iter()
        .filter(|span| span.name() == "chat haiku")
        .collect();
    assert_eq!(inner.len(), 2);
    assert!(!format!("{inner:?}").contains("secret"), "{inner:?}");
}

#[test]
fn a_redaction_that_panics_while_a_panic_ends_the_span_is_no_second_panic() {
    let pipeline = Pipeline::builder()
        .capture_content()
        .redact(|_, _| panic!("no"))
        .build();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        in_chat(&pipeline, |chat| {
            chat.span().set_attribute(INPUT, "secret");
            panic!("the agent's own");
        });
    }));
    let panic = outcome.expect_err("it goes on");
    assert_eq!(panic.downcast_ref(), Some(&"the agent's own"));
    let chat = pipeline.span("chat sonnet");
    assert_eq!(chat.text("error.type"), Some("panic"));
    assert_eq!(chat.attribute(INPUT), None);
}

#[test]
fn plain_setters_take_no_content() {
    let pipeline = Pipeline::builder().capture_content().build();
    in_chat(&pipeline, |chat| chat.set::<Text>(INPUT, "past the gate"));
    assert_eq!(pipeline.span("chat sonnet").attribute(INPUT), None);
}

#[test]
fn an_event_that_was_sent_by_hand_is_not_sent_again() {
    use vigil::events::gen_ai::ClientInferenceOperationDetails;
    let pipeline = Pipeline::builder()
        .capture_content_in(CaptureContent::EventOnly)
        .build();
    in_chat(&pipeline, |chat| {
        chat.record_output_messages(|| "[]");
        ClientInferenceOperationDetails::new("chat", "anthropic")
            .input_messages("[]")
            .emit(chat);
    });
    let chat = pipeline.span("chat sonnet");
    let [details] = &chat.events()[..] else {
        panic!("{:?}", chat.events());
    };
    assert!(details.attribute(INPUT).is_some());
}

#[test]
fn people_with_an_sdk_of_their_own_have_typed_log_records() {
    use opentelemetry_sdk::logs::{LogProcessor, SdkLogRecord, SdkLoggerProvider};

    #[derive(Clone, Debug, Default)]
    struct Kept(Arc<Mutex<Vec<SdkLogRecord>>>);

    impl LogProcessor for Kept {
        fn emit(&self, record: &mut SdkLogRecord, _: &opentelemetry::InstrumentationScope) {
            self.0.lock().expect("nobody panics").push(record.clone());
        }

        fn force_flush(&self) -> opentelemetry_sdk::error::OTelSdkResult {
            Ok(())
        }
    }

    let kept = Kept::default();
    let loggers = SdkLoggerProvider::builder()
        .with_log_processor(kept.clone())
        .build();
    let tracers = opentelemetry_sdk::trace::SdkTracerProvider::builder().build();
    let subscriber = tracing_subscriber::registry()
        .with(vigil::trace_layer(&tracers).with_events(false))
        .with(vigil::log_bridge(&loggers));
    let ids = tracing::subscriber::with_default(subscriber, || {
        let agent = agent_span("s-1", "arcan").start();
        vigil::events::life::JournalAppend::new(7_u64, "message").emit(&agent);
        agent.in_scope(|| {
            tracing::warn!(
                big = u64::MAX,
                small = 3_u8,
                gen_ai.input.messages = "secret",
                "a line"
            );
        });
        agent.span_context().expect("it has ids")
    });
    let records = kept.0.lock().expect("nobody panics").clone();
    let [append, line] = records.as_slice() else {
        panic!("{records:?}");
    };
    assert_eq!(append.event_name(), Some("life.journal.append"));
    for record in [append, line] {
        let context = record.trace_context().expect("it has ids");
        assert_eq!(context.span_id, ids.span_id());
    }
    let attributes =
        |record: &SdkLogRecord| format!("{:?}", record.attributes_iter().collect::<Vec<_>>());
    assert!(
        attributes(append).contains("Int(7)"),
        "{}",
        attributes(append)
    );
    assert!(attributes(line).contains("Int(3)"), "{}", attributes(line));
    assert!(attributes(line).contains("18446744073709551615"));
    assert!(!attributes(line).contains("secret"), "{}", attributes(line));
}

/// What was written.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics with it").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A layer that does what any code may do, while a typed event passes; once to that span.
#[derive(Clone, Default)]
struct Busy(Arc<Mutex<Option<tracing::Span>>>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Busy {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        if event.metadata().target() != "vigil" {
            return;
        }
        tracing::info!(gen_ai.input.messages = "secret", "about an event");
        let other = self.0.lock().expect("nobody panics with it").take();
        if let Some(other) = other {
            other.set_attribute("gen_ai.input.messages", "secret");
            other.record("seen", true);
        }
    }
}

#[test]
fn what_a_layer_says_while_a_typed_event_passes_is_said_as_at_any_other_time() {
    let pipeline = Pipeline::new();
    let (busy, written) = (Busy::default(), Written::default());
    let subscriber = tracing_subscriber::registry()
        .with(LogLayer::new(LogFormat::Json).writer(written.clone()))
        .with(vigil::trace_layer(pipeline.tracer_provider()))
        .with(busy.clone());
    tracing::subscriber::with_default(subscriber, || {
        let agent = agent_span("s-1", "arcan").start();
        let other = tracing::info_span!("other", seen = tracing::field::Empty);
        *busy.0.lock().expect("nobody panics with it") = Some(other);
        let reflect = phase_span(&agent, Reflect);
        reflect.in_scope(|| JournalAppend::new(7, "RunFinished").emit(&reflect));
    });
    let reflect = pipeline.span("phase reflect");
    let names: Vec<_> = reflect.events().into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["life.journal.append", "about an event"]);
    assert_eq!(pipeline.span("other").attribute("seen"), Some(&true.into()));
    let written = written.0.lock().expect("nobody panics with it").clone();
    let written = String::from_utf8_lossy(&written);
    assert!(written.contains("about an event"), "{written}");
    let exported = format!("{written}{:?}", pipeline.spans());
    assert!(!exported.contains("secret"), "{exported}");
}
