//! Keys that are made at run time, structured values and bodies: what leaves the process of them.

use std::sync::{Arc, Mutex};

use opentelemetry::logs::AnyValue as Logged;
use opentelemetry::trace::TraceState;
use opentelemetry::{Array, KeyValue, Value};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogProcessor, SdkLogRecord, SdkLoggerProvider};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult};
use serde_json::json;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::layer::SubscriberExt as _;
use vigil::carrier::{AnyValue, Handle};
use vigil::config::CaptureContent;
use vigil::content::Json;
use vigil::log::{LogFormat, LogLayer};
use vigil::testing::{ExportedSpan, Pipeline};
use vigil_tests::kinds::events::kinds::{Called, Said, Vital, VitalBody, VitalBodyCalls};
use vigil_tests::kinds::records::kinds::Labels;
use vigil_tests::kinds::registry::REGISTRY;
use vigil_tests::kinds::semconv::kinds::{self, KindsDead, KindsGrade};
use vigil_tests::kinds::spans::kinds::{CallSpan, CallSpanBuilder, call_span};

fn call() -> CallSpanBuilder {
    call_span("a", KindsGrade::One, KindsDead::Alive)
}

fn texts(values: &[&str]) -> Value {
    let texts = values.iter().map(|text| (*text).to_owned().into());
    Value::Array(Array::String(texts.collect()))
}

fn keys(span: &ExportedSpan) -> Vec<&str> {
    let attributes = span.attributes().iter();
    attributes.map(|it| it.key.as_str()).collect()
}

#[test]
fn a_template_attribute_is_exported_under_its_prefix_and_each_key() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let call = call()
            .header("content-type", ["text/html", "text/plain"])
            .header(String::from("x-id"), [String::from("7")])
            .level("deep.down", 3_u8)
            .ratio("r", 0.5)
            .flag("f", true)
            .start();
        call.record_detail("d", AnyValue::map([("a", 1)]));
    });
    let span = pipeline.span("call a");
    let expected: [(&str, Value); 6] = [
        (
            "kinds.header.content-type",
            texts(&["text/html", "text/plain"]),
        ),
        ("kinds.header.x-id", texts(&["7"])),
        ("kinds.level.deep.down", 3.into()),
        ("kinds.ratio.r", 0.5.into()),
        ("kinds.flag.f", true.into()),
        ("kinds.detail.d", r#"{"a":1}"#.into()),
    ];
    for (key, value) in expected {
        assert_eq!(span.attribute(key), Some(&value), "{key}");
    }
    pipeline.assert_conforms(&REGISTRY);
}

#[test]
fn enums_of_numbers_and_booleans_are_exported_as_such() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| drop(call_span("a", KindsGrade::from(7), KindsDead::Dead).start()));
    let span = pipeline.span("call a");
    assert_eq!(span.attribute(kinds::GRADE), Some(&Value::I64(7)));
    assert_eq!(span.attribute(kinds::DEAD), Some(&Value::Bool(true)));
    pipeline.assert_conforms(&REGISTRY);
}

#[test]
fn a_second_value_of_a_key_takes_the_place_of_the_first() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let call = call().level("a", 1).level("b", 2).level("a", 3).start();
        call.record_detail("x", "old");
        call.record_detail("x", "new");
        call.record_labels(&Labels::default().label("l", "old"));
        call.record_labels(&Labels::default().label("l", "new").label("m", "n"));
    });
    let span = pipeline.span("call a");
    let keyed: Vec<(&str, String)> = span
        .attributes()
        .iter()
        .map(|it| (it.key.as_str(), it.value.to_string()))
        .filter(|(key, _)| key.matches('.').count() == 2)
        .collect();
    let expected = [
        ("kinds.level.a", "3"),
        ("kinds.level.b", "2"),
        ("kinds.detail.x", "new"),
        ("kinds.label.l", "new"),
        ("kinds.label.m", "n"),
    ];
    assert_eq!(keyed, expected.map(|(key, value)| (key, value.to_owned())));
    let events = span.events();
    assert_eq!(events.len(), 2);
    assert_eq!(events[1].attribute("kinds.label.m"), Some(&"n".into()));
    pipeline.assert_conforms(&REGISTRY);
}

#[test]
fn a_struct_of_attributes_hands_all_of_its_keys_on() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let attributes = vigil_tests::kinds::spans::kinds::CallAttributes::default()
            .header("a", ["1"])
            .header("b", ["2"])
            .level("c", 3)
            .payload(AnyValue::from([1, 2].map(AnyValue::from)));
        drop(call().attributes(&attributes).start());
    });
    let span = pipeline.span("call a");
    assert_eq!(span.attribute("kinds.header.a"), Some(&texts(&["1"])));
    assert_eq!(span.attribute("kinds.header.b"), Some(&texts(&["2"])));
    assert_eq!(span.attribute("kinds.level.c"), Some(&3.into()));
    assert_eq!(span.attribute(kinds::PAYLOAD), Some(&"[1,2]".into()));
    pipeline.assert_conforms(&REGISTRY);
}

#[test]
fn an_empty_key_is_none() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let call = call().level("", 1).start();
        call.record_detail("", "x");
        Called::new("a").header("", ["x"]).emit(&call);
    });
    let span = pipeline.span("call a");
    assert_eq!(keys(&span), [kinds::NAME, kinds::GRADE, kinds::DEAD]);
    assert_eq!(span.events()[0].attributes.len(), 1);
    pipeline.assert_conforms(&REGISTRY);
}

#[test]
fn more_keys_than_a_span_has_room_for_leave_the_others_alone() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let mut call = call();
        for place in 0..300 {
            call = call.level(place.to_string(), place);
        }
        let call = call.start();
        call.record_error("timeout");
    });
    let span = pipeline.span("call a");
    assert_eq!(span.attributes().len(), 128);
    let keys = keys(&span);
    let declared = [kinds::NAME, kinds::GRADE, kinds::DEAD, "error.type"];
    assert_eq!(keys[..4], declared);
    assert_eq!(keys[4], "kinds.level.0");
}

#[test]
fn what_no_contract_declares_goes_nowhere() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let call = call().start();
        let handle: &Handle = &call;
        // Of no attribute, of another type, of an attribute that is content, of one that is no prefix,
        // and a prefix as a key.
        handle.set_keyed::<vigil::carrier::Text>("kinds.nothing", "a", "x");
        handle.set_keyed::<vigil::carrier::Text>(kinds::LEVEL, "a", "x");
        handle.set_keyed::<vigil::carrier::Text>(kinds::SECRET, "a", "x");
        handle.set_keyed::<vigil::carrier::Text>(kinds::NAME, "a", "x");
        handle.set::<vigil::carrier::Int>(kinds::LEVEL, 1);
    });
    assert_eq!(
        keys(&pipeline.span("call a")),
        [kinds::NAME, kinds::GRADE, kinds::DEAD]
    );
}

#[test]
fn foreign_code_sets_keys_below_a_prefix_by_the_same_rules() {
    let pipeline = Pipeline::builder().capture_content().build();
    pipeline.scope(|| {
        let call = call().level("mine", 1).start();
        let span = call.span();
        span.set_attribute("kinds.level.theirs", 2);
        span.set_attribute("kinds.level.wrong", "x");
        span.set_attribute("kinds.secret.theirs", "s");
        span.set_attribute("other.key", "o");
    });
    let span = pipeline.span("call a");
    assert_eq!(span.attribute("kinds.level.mine"), Some(&1.into()));
    assert_eq!(span.attribute("kinds.level.theirs"), Some(&2.into()));
    assert_eq!(span.attribute("kinds.level.wrong"), None);
    assert_eq!(span.text("kinds.secret.theirs"), Some("s"));
    assert_eq!(span.text("other.key"), Some("o"));
}

#[test]
fn content_below_a_key_passes_the_gate() {
    let record = || {
        let call = call()
            .secret("a", || "hunter2")
            .content(|| AnyValue::map([("password", "hunter2")]))
            .start();
        Called::new("a").secret("b", "hunter2").emit(&call);
        call.span().set_attribute("kinds.secret.c", "hunter2");
    };
    let closed = Pipeline::new();
    closed.scope(record);
    let span = closed.span("call a");
    assert_eq!(keys(&span), [kinds::NAME, kinds::GRADE, kinds::DEAD]);
    assert_eq!(span.events()[0].attribute("kinds.secret.b"), None);

    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&asked);
    let open = Pipeline::builder()
        .capture_content_in(CaptureContent::SpanAndEvent)
        .redact(move |key, text| {
            seen.lock().unwrap().push(key.to_owned());
            Some(text.replace("hunter2", "…"))
        })
        .build();
    open.scope(record);
    let span = open.span("call a");
    assert_eq!(span.text("kinds.secret.a"), Some("…"));
    assert_eq!(span.text("kinds.secret.c"), Some("…"));
    assert_eq!(span.text(kinds::CONTENT), Some(r#"{"password":"…"}"#));
    let events = span.events();
    assert_eq!(events[0].attribute("kinds.secret.b"), Some(&"…".into()));
    // The event at the end tells the span again.
    assert_eq!(events[1].attribute("kinds.secret.a"), Some(&"…".into()));
    assert_eq!(events[1].attribute("kinds.secret.c"), Some(&"…".into()));
    let mut asked = asked.lock().unwrap().clone();
    asked.sort();
    assert_eq!(
        asked,
        [
            "kinds.content",
            "kinds.secret.a",
            "kinds.secret.b",
            "kinds.secret.c"
        ]
    );
    open.assert_conforms(&REGISTRY);
}

#[test]
fn content_for_events_alone_stands_in_the_event_at_the_end() {
    let pipeline = Pipeline::builder()
        .capture_content_in(CaptureContent::EventOnly)
        .build();
    pipeline.scope(|| drop(call().secret("a", || "s").start()));
    let span = pipeline.span("call a");
    assert_eq!(span.attribute("kinds.secret.a"), None);
    assert_eq!(
        span.events()[0].attribute("kinds.secret.a"),
        Some(&"s".into())
    );
    pipeline.assert_conforms(&REGISTRY);
}

/// Keeps what a sampler was shown.
#[derive(Clone, Debug, Default)]
struct Shown(Arc<Mutex<Vec<KeyValue>>>);

impl opentelemetry_sdk::trace::ShouldSample for Shown {
    fn should_sample(
        &self,
        _: Option<&opentelemetry::Context>,
        _: opentelemetry::TraceId,
        _: &str,
        _: &opentelemetry::trace::SpanKind,
        attributes: &[KeyValue],
        _: &[opentelemetry::trace::Link],
    ) -> SamplingResult {
        self.0.lock().unwrap().extend_from_slice(attributes);
        SamplingResult {
            decision: SamplingDecision::RecordAndSample,
            attributes: Vec::new(),
            trace_state: TraceState::default(),
        }
    }
}

#[test]
fn samplers_see_what_the_registry_says_is_relevant_to_them() {
    let shown = Shown::default();
    let sampler = Sampler::ParentBased(Box::new(shown.clone()));
    let pipeline = Pipeline::builder().sampler(sampler).build();
    pipeline.scope(|| {
        let call = call().level("b", 1).header("a", ["x"]).start();
        // It has been seen: it stays as it is.
        call.set_all_keyed::<vigil::carrier::Text>(kinds::HEADER, "a", ["y"]);
    });
    let shown = shown.0.lock().unwrap().clone();
    assert_eq!(shown, [KeyValue::new("kinds.header.a", texts(&["x"]))]);
    let span = pipeline.span("call a");
    assert_eq!(span.attribute("kinds.header.a"), Some(&texts(&["x"])));
    pipeline.assert_conforms(&REGISTRY);
}

#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<Vec<SdkLogRecord>>>);

impl LogProcessor for Kept {
    fn emit(&self, record: &mut SdkLogRecord, _: &opentelemetry::InstrumentationScope) {
        self.0.lock().unwrap().push(record.clone());
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: std::time::Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// The event name of a log record, its body and its attributes.
type Log = (String, Option<Logged>, Vec<(String, Logged)>);

/// What `record` sends as log records.
fn logged(record: impl FnOnce(&CallSpan)) -> Vec<Log> {
    let kept = Kept::default();
    let logs = SdkLoggerProvider::builder()
        .with_log_processor(kept.clone())
        .build();
    let spans = opentelemetry_sdk::trace::SdkTracerProvider::builder().build();
    let subscriber = tracing_subscriber::registry()
        .with(vigil::trace_layer(&spans).with_events(false))
        .with(vigil::log_bridge(&logs));
    tracing::subscriber::with_default(subscriber, || {
        let call = call().start();
        record(&call);
    });
    let records = kept.0.lock().unwrap().clone().into_iter();
    let told = records.map(|record| {
        let attributes = record.attributes_iter();
        (
            record.event_name().unwrap_or_default().to_owned(),
            record.body().cloned(),
            attributes
                .map(|(key, value)| (key.to_string(), value.clone()))
                .collect(),
        )
    });
    told.collect()
}

fn map<const N: usize>(entries: [(&'static str, Logged); N]) -> Logged {
    let entries = entries.map(|(name, value)| (name.into(), value));
    Logged::Map(Box::new(entries.into_iter().collect()))
}

#[test]
fn log_records_have_structure_and_keys() {
    let records = logged(|call| {
        Called::new("a")
            .payload(AnyValue::map([("deep", AnyValue::list([1, 2]))]))
            .header("h", ["x"])
            .emit(call);
    });
    let [(name, body, attributes)] = records.as_slice() else {
        panic!("{records:?}");
    };
    assert_eq!(name, "kinds.called");
    assert_eq!(*body, Some(Logged::from("kinds.called")));
    let list = |values: Vec<Logged>| Logged::ListAny(Box::new(values));
    let deep = list(vec![Logged::Int(1), Logged::Int(2)]);
    assert_eq!(
        *attributes,
        [
            (kinds::NAME.to_owned(), Logged::from("a")),
            (kinds::PAYLOAD.to_owned(), map([("deep", deep)])),
            ("kinds.header.h".to_owned(), list(vec![Logged::from("x")])),
        ]
    );
}

#[test]
fn json_text_of_an_any_attribute_has_its_structure_on_log_records() {
    let records = logged(|call| {
        Called::new(r#"{"no":"any"}"#)
            .payload(r#"[{"role":"user","content":"\u00e4"}]"#)
            .emit(call);
        Called::new("a").payload("[no JSON").emit(call);
    });
    let message = map([
        ("role", Logged::from("user")),
        ("content", Logged::from("ä")),
    ]);
    let value = |record: usize, attribute: usize| records[record].2[attribute].1.clone();
    assert_eq!(value(0, 0), Logged::from(r#"{"no":"any"}"#));
    assert_eq!(value(0, 1), Logged::ListAny(Box::new(vec![message])));
    assert_eq!(value(1, 1), Logged::from("[no JSON"));
}

fn vital() -> Vital {
    let calls = VitalBodyCalls::new("f").done(true);
    let body = VitalBody::new("v-1", "fast")
        .count(3)
        .ratios([0.5])
        .raw(*b"ab")
        .more(AnyValue::from(["x"]))
        .calls([calls]);
    Vital::new("a", body)
}

#[test]
fn a_body_is_that_of_the_log_record_with_its_types() {
    let records = logged(|call| {
        vital().emit(call);
        Said::default().body("done").emit(call);
        Said::default().emit(call);
    });
    let bodies: Vec<_> = records.iter().map(|(_, body, _)| body.clone()).collect();
    let list = |values: Vec<Logged>| Logged::ListAny(Box::new(values));
    let whole = map([
        ("id", Logged::from("v-1")),
        ("kind", Logged::from("fast")),
        ("count", Logged::Int(3)),
        ("ratios", list(vec![Logged::Double(0.5)])),
        ("raw", Logged::Bytes(Box::new(b"ab".to_vec()))),
        ("more", list(vec![Logged::from("x")])),
        (
            "calls",
            list(vec![map([
                ("function.name", Logged::from("f")),
                ("done", Logged::Boolean(true)),
            ])]),
        ),
    ]);
    assert_eq!(
        bodies,
        [
            Some(whole),
            Some(Logged::from("done")),
            Some(Logged::from("kinds.said")),
        ]
    );
}

#[test]
fn on_spans_a_body_is_an_attribute_of_its_event() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let call = call().start();
        vital().emit(&call);
        Said::default().emit(&call);
    });
    let events = pipeline.span("call a").events();
    assert_eq!(
        events[0].attribute("body"),
        Some(
            &r#"{"id":"v-1","kind":"fast","count":3,"ratios":[0.5],"raw":"YWI=","more":["x"],"calls":[{"function.name":"f","done":true}]}"#
                .into()
        )
    );
    assert_eq!(events[1].attribute("body"), None);
    pipeline.assert_conforms(&REGISTRY);
}

#[test]
fn what_is_serialize_becomes_a_structured_value() {
    #[derive(serde::Serialize)]
    struct Weather {
        wind: Option<f64>,
        city: &'static str,
    }
    let weather = Weather {
        wind: None,
        city: "Oslo",
    };
    let records = logged(|call| Called::new("a").payload(Json(&weather)).emit(call));
    assert_eq!(records[0].2[1].1, map([("city", Logged::from("Oslo"))]));
    let pipeline = Pipeline::new();
    pipeline.scope(|| drop(call().payload(Json(&weather)).start()));
    assert_eq!(
        pipeline.span("call a").text(kinds::PAYLOAD),
        Some(r#"{"wind":null,"city":"Oslo"}"#)
    );
}

/// What the log layer writes of it, as JSON.
fn lines(record: impl FnOnce()) -> Vec<serde_json::Value> {
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let written = Written::default();
    let layer = LogLayer::new(LogFormat::Json).writer(written.clone());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), record);
    let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn log_lines_have_keys_structure_and_bodies() {
    let lines = lines(|| {
        let call = call()
            .level("a", 1)
            .header("h", ["x", "y"])
            .payload(AnyValue::map([("deep", AnyValue::list([1, 2]))]))
            .start();
        vital().emit(&call);
        Called::new("a")
            .header("h", ["x"])
            .payload(AnyValue::list([AnyValue::from(["\"quoted\""])]))
            .emit(&call);
    });
    let [vital, called, span] = lines.as_slice() else {
        panic!("{lines:?}");
    };
    assert_eq!(vital["fields"]["body"]["calls"][0]["done"], true);
    assert_eq!(vital["fields"]["body"]["ratios"], json!([0.5]));
    // Fields of events have static names, so a prefix holds its keys.
    assert_eq!(called["fields"]["kinds.header"], json!({ "h": ["x"] }));
    assert_eq!(called["fields"]["kinds.payload"], json!([["\"quoted\""]]));
    let attributes = &span["attributes"];
    assert_eq!(attributes["kinds.level.a"], 1);
    assert_eq!(attributes["kinds.header.h"], json!(["x", "y"]));
    assert_eq!(attributes["kinds.payload"], json!({ "deep": [1, 2] }));
}

#[test]
fn layers_of_others_see_what_is_below_a_prefix_as_one_field() {
    #[derive(Clone, Default)]
    struct Fields(Arc<Mutex<Vec<(String, String)>>>);

    impl tracing::field::Visit for Fields {
        fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
            let seen = (field.name().to_owned(), format!("{value:?}"));
            self.0.lock().unwrap().push(seen);
        }
    }

    impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Fields {
        fn on_new_span(
            &self,
            attributes: &tracing::span::Attributes<'_>,
            _: &tracing::span::Id,
            _: tracing_subscriber::layer::Context<'_, S>,
        ) {
            attributes.record(&mut self.clone());
        }

        fn on_record(
            &self,
            _: &tracing::span::Id,
            values: &tracing::span::Record<'_>,
            _: tracing_subscriber::layer::Context<'_, S>,
        ) {
            values.record(&mut self.clone());
        }
    }

    let fields = Fields::default();
    let subscriber = tracing_subscriber::registry().with(fields.clone());
    tracing::subscriber::with_default(subscriber, || {
        let call = call().header("h", ["x"]).start();
        call.record_detail("d", 1);
    });
    let seen = fields.0.lock().unwrap().clone();
    let expected = [
        (kinds::NAME, "\"a\""),
        (kinds::GRADE, "1"),
        (kinds::DEAD, "false"),
        (kinds::HEADER, r#"{"h":["x"]}"#),
        (kinds::HEADER, r#"{"h":["x"]}"#),
        (kinds::DETAIL, r#"{"d":1}"#),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(seen, expected);
}

#[test]
fn a_check_against_the_registry_knows_keys_and_their_types() {
    use opentelemetry::trace::{Tracer as _, TracerProvider as _};

    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        // What the SDK's span is told behind the carrier's back.
        let scope = opentelemetry::InstrumentationScope::builder(REGISTRY.scope.name)
            .with_version(REGISTRY.scope.version)
            .with_schema_url(REGISTRY.scope.schema_url)
            .build();
        let tracer = pipeline.tracer_provider().tracer_with_scope(scope);
        let builder = tracer
            .span_builder("call b")
            .with_kind(opentelemetry::trace::SpanKind::Client)
            .with_attributes([
                KeyValue::new(kinds::NAME, "b"),
                KeyValue::new(kinds::GRADE, 1),
                KeyValue::new(kinds::DEAD, false),
                KeyValue::new("kinds.level.a", "x"),
                KeyValue::new("kinds.level.b", 1),
                KeyValue::new("kinds.level", 1),
                KeyValue::new("kinds.levels.a", 1),
            ]);
        drop(tracer.build(builder));
    });
    assert_eq!(
        pipeline.violations(&REGISTRY),
        [
            r#"span `call b`: `kinds.level.a` is String(Static("x")), not Int"#,
            "span `call b`: `kinds.level` is I64(1), not Template",
            "span `call b`: `kinds.levels.a` is not declared",
        ]
    );
}
