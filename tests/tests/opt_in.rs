//! Two names at once: what leaves by which name, as `OTEL_SEMCONV_STABILITY_OPT_IN` says.

// Numbers come back as they were recorded, to the last bit.
#![allow(clippy::float_cmp)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use opentelemetry::trace::{Link, SpanKind, TraceId, TraceState, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, ShouldSample};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::fmt::format::FmtSpan;
use vigil::config::{CaptureContent, Names, StabilityOptIn};
use vigil::export::Protocol;
use vigil::log::{LogFormat, LogLayer};
use vigil::registry::REGISTRY;
use vigil::testing::{Exported, ExportedSpan, Pipeline, PipelineBuilder};
use vigil_tests::child::{self, PROTOCOLS, set, towards};
use vigil_tests::everything::{least, missing, most};
use vigil_tests::kinds::events::moving::Moved;
use vigil_tests::kinds::registry::REGISTRY as OWN_REGISTRY;
use vigil_tests::kinds::spans::moving::{job_span, step_span};
use vigil_tests::received::exported as received;
use vigil_tests::receiver::Receiver;

const CATEGORY: &str = "gen_ai_latest_experimental";

/// Nothing, the latest names, both.
const MODES: [&str; 3] = [
    "",
    "gen_ai_latest_experimental",
    "gen_ai_latest_experimental/dup",
];

/// Attributes of the chat span and of its event, by both names.
const KEYS: [(&str, &str); 1] = [(
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_write.input_tokens",
)];

/// Metrics by both names.
const METRICS: [(&str, &str); 3] = [
    (
        "gen_ai.client.operation.duration",
        "gen_ai.client.inference.duration",
    ),
    (
        "gen_ai.client.operation.time_to_first_chunk",
        "gen_ai.client.inference.time_to_first_chunk",
    ),
    (
        "gen_ai.client.operation.time_per_output_chunk",
        "gen_ai.client.inference.time_per_output_chunk",
    ),
];

/// Counters that only the latest names have, and what they come to in [`most`].
const COUNTERS: [(&str, f64); 5] = [
    ("gen_ai.client.inference.usage.input_tokens", 1_200.0),
    ("gen_ai.client.inference.usage.output_tokens", 80.0),
    (
        "gen_ai.client.inference.usage.cache_read.input_tokens",
        512.0,
    ),
    (
        "gen_ai.client.inference.usage.cache_write.input_tokens",
        64.0,
    ),
    (
        "gen_ai.client.inference.usage.reasoning.output_tokens",
        30.0,
    ),
];

fn pipeline(mode: &str) -> Pipeline {
    let builder = Pipeline::builder().capture_content();
    builder.stability_opt_in(mode).build()
}

fn names(mode: &str) -> Names {
    StabilityOptIn::from(mode).names(CATEGORY)
}

/// Checks what [`most`] left in that mode.
fn check(exported: &Exported, mode: &str) {
    let names = names(mode);
    let (former, latest) = (names.has_former(), names.has_latest());
    let spans = exported.spans.iter();
    let chats: Vec<&ExportedSpan> = spans.filter(|it| it.name() == "chat sonnet").collect();
    assert!(!chats.is_empty());
    for chat in chats {
        let details = "gen_ai.client.inference.operation.details";
        let events = chat.events();
        let event = events.iter().find(|it| it.name == details);
        let log = exported.logs.iter().find(|it| it.event_name == details);
        let told = event
            .map(|it| &it.attributes)
            .or(log.map(|it| &it.attributes));
        let told = told.expect("the chat tells its details");
        for (old, new) in KEYS {
            let on_event = |key: &str| told.iter().find(|it| it.key.as_str() == key);
            for (key, there) in [(old, former), (new, latest)] {
                let value = chat.attribute(key).cloned();
                assert_eq!(
                    value,
                    there.then(|| 64_i64.into()),
                    "{mode}: {key} of the span"
                );
                let value = on_event(key).map(|it| it.value.clone());
                assert_eq!(
                    value,
                    there.then(|| 64_i64.into()),
                    "{mode}: {key} of the event"
                );
            }
        }
    }
    let points = |name: &str, operation: &str| {
        let metrics = exported.metrics.iter().filter(|it| it.name == name);
        let points = metrics.flat_map(|it| it.points.clone());
        let of = |it: &vigil::testing::Point| {
            let mut attributes = it.attributes.iter();
            attributes.any(|it| {
                it.key.as_str() == "gen_ai.operation.name" && it.value.as_str() == operation
            })
        };
        points.filter(of).collect::<Vec<_>>()
    };
    for (old, new) in METRICS {
        let (was, is) = (points(old, "chat"), points(new, "chat"));
        assert_eq!(was.len(), usize::from(former), "{mode}: {old}");
        assert_eq!(is.len(), usize::from(latest), "{mode}: {new}");
        if let ([was], [is]) = (&was[..], &is[..]) {
            assert_eq!(
                (was.value, was.count, &was.bounds),
                (is.value, is.count, &is.bounds),
                "{new}"
            );
            let sorted = |point: &vigil::testing::Point| {
                let attributes = point.attributes.iter();
                attributes
                    .map(|it| (it.key.to_string(), it.value.to_string()))
                    .collect::<BTreeMap<_, _>>()
            };
            assert_eq!(sorted(was), sorted(is), "{new}");
        }
    }
    assert_eq!(
        points("gen_ai.client.token.usage", "chat").len(),
        2 * usize::from(former),
        "{mode}"
    );
    for (name, sum) in COUNTERS {
        let values: Vec<f64> = points(name, "chat").iter().map(|it| it.value).collect();
        assert_eq!(
            values,
            if latest { vec![sum] } else { vec![] },
            "{mode}: {name}"
        );
    }
    // What generates nothing keeps its name.
    let embeddings = "gen_ai.client.operation.duration";
    assert_eq!(points(embeddings, "embeddings").len(), 1, "{mode}");
    assert!(
        points("gen_ai.client.inference.duration", "embeddings").is_empty(),
        "{mode}"
    );
}

#[test]
fn a_pipeline_in_memory_emits_the_names_that_were_opted_in_to() {
    for mode in MODES {
        let pipeline = pipeline(mode);
        pipeline.scope(most);
        check(&pipeline.exported(), mode);
        pipeline.assert_conforms(&REGISTRY);
        assert_eq!(missing(&pipeline.exported()), [""; 0], "{mode}");
    }
}

#[test]
fn every_signal_conforms_in_every_mode_with_only_what_is_required() {
    for mode in MODES {
        let pipeline = pipeline(mode);
        pipeline.scope(least);
        pipeline.assert_conforms(&REGISTRY);
    }
}

/// What is opted in to in a registry of somebody's own, and whether both names are there.
const OWN: [(&str, bool, bool); 3] = [
    ("", true, false),
    ("moving_latest", false, true),
    ("moving_latest/dup", true, true),
];

fn own(mode: &str) -> PipelineBuilder {
    Pipeline::builder().stability_opt_in(mode)
}

/// The values under two names, as far as they are there.
fn both<'a>(span: &'a ExportedSpan, former: &str, latest: &str) -> [Option<&'a Value>; 2] {
    [span.attribute(former), span.attribute(latest)]
}

fn as_opted<T: Clone>(value: T, former: bool, latest: bool) -> [Option<T>; 2] {
    [former.then(|| value.clone()), latest.then_some(value)]
}

#[test]
fn names_of_ones_own_change_on_spans_and_what_they_inherit_and_the_spans_are_named_as_before() {
    for (mode, former, latest) in OWN {
        let pipeline = own(mode).build();
        pipeline.scope(|| {
            let job = job_span("s-1", "build").limit(3).start();
            let step = step_span(&job).start();
            step.record_limit(4);
            step.in_scope(foreign);
            drop(step);
            pipeline.tracer_provider().tracer("sdk").start("by the SDK");
        });
        pipeline.assert_conforms(&OWN_REGISTRY);
        let text = |value: &str| as_opted(Value::from(value.to_owned()), former, latest);
        let session = text("s-1");
        let job = pipeline.span("job build");
        assert_eq!(
            both(&job, "moving.title", "moving.name").map(Option::<&Value>::cloned),
            text("build"),
            "{mode}"
        );
        let limits = both(&job, "moving.limit", "moving.most").map(Option::<&Value>::cloned);
        assert_eq!(limits, as_opted(3.into(), former, latest), "{mode}");
        // The name that an attribute has on one span is none of others'.
        assert_eq!(
            pipeline.span("step").attribute("moving.limit"),
            Some(&4.into())
        );
        for name in ["job build", "step", "foreign"] {
            let found = pipeline.span(name);
            let found = both(&found, "moving.session", "moving.thread");
            assert_eq!(
                found.map(Option::<&Value>::cloned),
                session,
                "{mode}: {name}"
            );
        }
    }
}

#[tracing::instrument]
fn foreign() {}

/// Keeps what a sampler was shown.
#[derive(Clone, Debug, Default)]
struct Shown(Arc<Mutex<Vec<(String, String)>>>);

impl ShouldSample for Shown {
    fn should_sample(
        &self,
        _: Option<&Context>,
        _: TraceId,
        _: &str,
        _: &SpanKind,
        attributes: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        let shown = attributes
            .iter()
            .map(|it| (it.key.to_string(), it.value.to_string()));
        self.0.lock().unwrap().extend(shown);
        SamplingResult {
            decision: SamplingDecision::RecordAndSample,
            attributes: Vec::new(),
            trace_state: TraceState::default(),
        }
    }
}

#[test]
fn samplers_see_the_names_that_leave() {
    for (mode, former, latest) in OWN {
        let shown = Shown::default();
        let pipeline = own(mode)
            .sampler(Sampler::ParentBased(Box::new(shown.clone())))
            .build();
        pipeline.scope(|| drop(job_span("s-1", "build").start()));
        let shown = shown.0.lock().unwrap().clone();
        let has = |key: &str| shown.iter().any(|(other, _)| other == key);
        for (old, new) in [
            ("moving.session", "moving.thread"),
            ("moving.title", "moving.name"),
        ] {
            assert_eq!((has(old), has(new)), (former, latest), "{mode}: {shown:?}");
        }
        pipeline.assert_conforms(&OWN_REGISTRY);
    }
}

#[test]
fn what_foreign_code_sets_by_either_name_stands_there_once() {
    for (mode, former, latest) in OWN {
        let pipeline = own(mode).capture_content().build();
        pipeline.scope(|| {
            let job = job_span("s-1", "build").shop("corner").start();
            job.span().set_attribute("moving.limit", 7);
            job.span().set_attribute("moving.prompt", "hello");
            job.span().set_attribute("moving.store", "other");
        });
        let job = pipeline.span("job build");
        let found = |old, new| both(&job, old, new).map(Option::<&Value>::cloned);
        assert_eq!(
            found("moving.limit", "moving.most"),
            as_opted(7.into(), former, latest),
            "{mode}"
        );
        assert_eq!(
            found("moving.prompt", "moving.text"),
            as_opted("hello".into(), former, latest),
            "{mode}"
        );
        // What the typed API says comes first.
        let store = if latest { "corner" } else { "other" };
        assert_eq!(job.text("moving.store"), Some(store), "{mode}");
        let twice = job
            .attributes()
            .iter()
            .filter(|it| it.key.as_str() == "moving.store");
        assert_eq!(twice.count(), 1, "{mode}");
    }
}

#[test]
fn content_passes_the_gate_by_either_name() {
    for (mode, former, latest) in OWN {
        for (capture, on_span, in_event) in [
            (CaptureContent::NoContent, false, false),
            (CaptureContent::SpanOnly, true, false),
            (CaptureContent::EventOnly, false, true),
        ] {
            let pipeline = own(mode).capture_content_in(capture).build();
            pipeline.scope(|| drop(job_span("s-1", "build").prompt(|| "hello").start()));
            let job = pipeline.span("job build");
            let found = both(&job, "moving.prompt", "moving.text").map(|it| it.is_some());
            assert_eq!(
                found,
                [former && on_span, latest && on_span],
                "{mode} {capture}"
            );
            let events = job.events();
            let told = events.iter().find(|it| it.name == "moving.told");
            assert_eq!(told.is_some(), in_event);
            if let Some(told) = told {
                let found =
                    ["moving.prompt", "moving.text"].map(|key| told.attribute(key).is_some());
                assert_eq!(found, [former, latest], "{mode} {capture}");
                let found =
                    ["moving.title", "moving.name"].map(|key| told.attribute(key).is_some());
                assert_eq!(found, [former, latest], "{mode} {capture}");
            }
            pipeline.assert_conforms(&OWN_REGISTRY);
        }
    }
}

#[test]
fn what_an_event_leaves_on_its_span_has_the_names_of_the_event() {
    for (mode, former, latest) in OWN {
        let pipeline = own(mode).build();
        pipeline.scope(|| {
            let job = job_span("s-1", "build").start();
            Moved::new(1).emit(&job);
            Moved::new(2).emit(&job);
        });
        let job = pipeline.span("job build");
        let found = both(&job, "moving.seq", "moving.number").map(Option::<&Value>::cloned);
        assert_eq!(found, as_opted(2.into(), former, latest), "{mode}");
        for (event, seq) in job.events().iter().zip([1_i64, 2]) {
            let found = ["moving.seq", "moving.number"].map(|key| event.attribute(key).cloned());
            assert_eq!(found, as_opted(seq.into(), former, latest), "{mode}");
        }
        pipeline.assert_conforms(&OWN_REGISTRY);
    }
}

#[test]
fn metrics_have_the_names_of_their_labels_and_those_to_opt_in_to_wait() {
    for (mode, former, latest) in OWN {
        let pipeline = own(mode).build();
        pipeline.scope(|| {
            for shop in ["a", "b", "c", "d"] {
                drop(job_span("s-1", "build").shop(shop).start());
            }
        });
        let jobs = pipeline.metric("moving.jobs");
        let mut shops: Vec<String> = Vec::new();
        for point in &jobs.points {
            let value = |key: &str| {
                let mut attributes = point.attributes.iter();
                attributes.find_map(|it| (it.key.as_str() == key).then(|| it.value.to_string()))
            };
            let (old, new) = (value("moving.shop"), value("moving.store"));
            assert_eq!((old.is_some(), new.is_some()), (former, latest), "{mode}");
            shops.extend(old.or(new));
        }
        shops.sort();
        // The bound holds whatever it is called.
        assert_eq!(shops, ["_OTHER", "a", "b"], "{mode}");
        let metrics = pipeline.metrics();
        let durations = metrics.iter().find(|it| it.name == "moving.durations");
        let count: Option<u64> = durations.map(|it| it.points.iter().map(|it| it.count).sum());
        assert_eq!(count, latest.then_some(4), "{mode}");
        pipeline.assert_conforms(&OWN_REGISTRY);
    }
}

#[test]
fn log_lines_and_layers_of_others_show_the_names_that_leave() {
    for (mode, former, latest) in OWN {
        let (own_lines, others) = (Lines::default(), Lines::default());
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_span_events(FmtSpan::CLOSE)
            .with_writer({
                let lines = others.clone();
                move || lines.clone()
            });
        let pipeline = own(mode)
            .layer(LogLayer::new(LogFormat::Json).writer(own_lines.clone()))
            .layer(layer)
            .build();
        pipeline.scope(|| {
            let job = job_span("s-1", "build").limit(3).start();
            Moved::new(2).emit(&job);
        });
        for lines in [own_lines.text(), others.text()] {
            for (old, new) in [
                ("moving.session", "moving.thread"),
                ("moving.title", "moving.name"),
                ("moving.limit", "moving.most"),
                ("moving.seq", "moving.number"),
            ] {
                let found = (lines.contains(old), lines.contains(new));
                assert_eq!(found, (former, latest), "{mode}: {old} in {lines}");
            }
        }
    }
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_leaves_by_another_name_than_was_opted_in_to_is_told_as_a_violation() {
    for (mode, other, said) in [
        ("", "moving_latest", "`moving.name` is required and missing"),
        ("", "moving_latest", "`moving.title` is not declared"),
        ("moving_latest", "", "`moving.name` is not declared"),
        (
            "moving_latest",
            "",
            "it is not emitted with what was opted in to",
        ),
        ("moving_latest/dup", "", "`moving.store` is not declared"),
    ] {
        let pipeline = own(mode).build();
        pipeline.scope(|| drop(job_span("s-1", "build").shop("a").start()));
        let mut exported = pipeline.exported();
        exported.stability_opt_in = StabilityOptIn::from(other);
        let violations = exported.violations(&OWN_REGISTRY);
        assert!(
            violations.iter().any(|it| it.contains(said)),
            "{mode}: {violations:#?}"
        );
    }
}

/// By `init`, over OTLP, as a collector gets it.
#[test]
fn a_collector_gets_the_names_that_the_variable_asks_for() {
    for mode in MODES {
        for protocol in PROTOCOLS {
            let receiver = Receiver::plain(protocol == Protocol::Grpc);
            let mut variables = towards(protocol, &receiver);
            variables.push(set("OTEL_SEMCONV_STABILITY_OPT_IN", mode));
            variables.push(set(
                "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
                "SPAN_AND_EVENT",
            ));
            let ran = child::run(env!("CARGO_BIN_EXE_loop"), &["most"], &variables);
            assert!(ran.status.success(), "{ran:?}");
            let mut exported = received(&receiver.requests());
            exported.stability_opt_in = mode.into();
            check(&exported, mode);
            exported.assert_conforms(&REGISTRY);
            assert_eq!(missing(&exported), [""; 0], "{mode}");
        }
    }
}
