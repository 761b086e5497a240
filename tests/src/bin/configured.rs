//! A program that is configured on its command line, for tests that look at it from outside.
//!
//! Its first argument says what it does, the others what code says of the configuration:
//! `setter=value`. In the end it shuts down and prints what became of its telemetry.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{
    Span as _, SpanContext, SpanId, TraceFlags, TraceId, TraceState, Tracer,
};
use opentelemetry::{Array, Context, KeyValue, Value};
use vigil::carrier::RemoteParent;
use vigil::config::{
    CaptureContent, Compression, Exporter, HistogramAggregation, Limits, LogFormat, Otlp, Preset,
    Propagator, Protocol, Sampler, Signal, Temporality,
};
use vigil::records::gen_ai::TokenUsage;
use vigil::semconv::life::{OperatingMode, ToolStatus};
use vigil::{Deliberate, Execute, Reflect, VigConfig};
use vigil::{agent_span, chat_span, phase_span, tool_span};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let work = arguments.next().unwrap_or_default();
    let mut config = VigConfig::new();
    for argument in arguments {
        let (setter, value) = argument.split_once('=').expect("a setter and a value");
        config = set(config, setter, value);
    }
    let guard = if work.starts_with("stuck") {
        vigil::init_with_writer(&config, Stuck)
    } else {
        vigil::init(&config)
    };
    let guard = match guard {
        Ok(guard) => guard,
        Err(error) => {
            println!("refused: {error}");
            return;
        }
    };
    match work.as_str() {
        "tick" | "stuck" => tick(),
        "stuck until dropped" => {
            tick();
            drop(guard);
            return;
        }
        // At its end it is time for metrics.
        "stuck while open" => {
            let agent = agent_span("s-1", "open").start();
            std::thread::sleep(Duration::from_millis(50));
            std::mem::forget(agent);
        }
        "paced" => {
            for _ in 0..6 {
                tick();
                std::thread::sleep(Duration::from_millis(30));
            }
        }
        "many" => (0..400).for_each(|_| agent_span("s-1", "arcan").start().end()),
        "lines" => (0..40).for_each(|number| tracing::info!(number, "counting")),
        "wait" => {
            tick();
            // Until whoever started it has seen enough.
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
        }
        "remote" => {
            for flags in [TraceFlags::SAMPLED, TraceFlags::default()] {
                let parent = SpanContext::new(
                    TraceId::from(17),
                    SpanId::from(18),
                    flags,
                    true,
                    TraceState::default(),
                );
                let name = if flags.is_sampled() {
                    "sampled"
                } else {
                    "unsampled"
                };
                let parent = RemoteParent::from(parent);
                agent_span("s-1", name).parent(&parent).start().end();
            }
            agent_span("s-1", "root").start().end();
        }
        "wide" => wide(),
        "inject" => inject(),
        "drop" => {
            tick();
            let start = Instant::now();
            drop(guard);
            println!("took {} ms", start.elapsed().as_millis());
            return;
        }
        "panic" => {
            agent_span("s-1", "before").start().end();
            let _ = std::thread::spawn(|| panic!("nobody minds")).join();
            agent_span("s-1", "after").start().end();
        }
        "threads" => {
            tick();
            // A thread gives itself its name.
            std::thread::sleep(Duration::from_millis(200));
            println!("threads {}", threads().join(","));
        }
        other => panic!("no work is called `{other}`"),
    }
    let start = Instant::now();
    let bound = if work.starts_with("stuck") {
        300
    } else {
        5_000
    };
    let report = guard.shutdown(Duration::from_millis(bound));
    println!("{report}");
    println!("took {} ms", start.elapsed().as_millis());
}

/// A writer that never comes back from a line about a metric.
struct Stuck;

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        while bytes.windows("∑".len()).any(|some| some == "∑".as_bytes()) {
            std::thread::sleep(Duration::from_secs(60));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn tick() {
    let agent = agent_span("s-1", "arcan").start();
    let deliberate = phase_span(&agent, Deliberate);
    let chat = chat_span(&deliberate, "claude-sonnet-4-5", "anthropic")
        .input_messages(|| r#"[{"role":"user","parts":[{"type":"text","content":"secret, and more than fits"}]}]"#)
        .start();
    chat.record_token_usage(&TokenUsage::default().input_tokens(100).output_tokens(10));
    chat.in_scope(|| tracing::info!(attempt = 1, "asking the model"));
    drop((chat, deliberate));
    let execute = phase_span(&agent, Execute);
    tool_span(&execute, "shell", "call-1")
        .start()
        .record_tool_status(ToolStatus::Ok);
    drop(execute);
    phase_span(&agent, Reflect)
        .record_mode_transition(OperatingMode::Explore, OperatingMode::Recover);
}

/// A span and a log record with more than the limits of the tests allow.
fn wide() {
    let long = "täxt".repeat(5);
    let texts = Array::String(vec![long.clone().into(), "ok".into()]);
    let attributes = || {
        vec![
            KeyValue::new("a.text", long.clone()),
            KeyValue::new("b.texts", Value::Array(texts.clone())),
            KeyValue::new("c.number", 123_456_789),
            KeyValue::new("d.more", 4),
            KeyValue::new("e.more", 5),
        ]
    };
    let tracer = opentelemetry::global::tracer("wide");
    let mut span = tracer.span_builder("wide").with_attributes(attributes());
    let link = opentelemetry::trace::Link::new(
        SpanContext::new(
            TraceId::from(17),
            SpanId::from(18),
            TraceFlags::SAMPLED,
            true,
            TraceState::default(),
        ),
        attributes(),
        0,
    );
    span = span.with_links(vec![link; 5]);
    let mut span = span.start(&tracer);
    for name in ["one", "two", "three", "four", "five"] {
        span.add_event(name, attributes());
    }
    span.end();
    tracing::info!(
        a_text = long,
        b_number = 123_456_789,
        c = 3,
        d = 4,
        e = 5,
        "wide"
    );
}

fn inject() {
    let agent = agent_span("s-1", "arcan").start();
    agent.in_scope(|| {
        let context = Context::current().with_baggage([KeyValue::new("key", "value")]);
        let mut carrier = HashMap::new();
        opentelemetry::global::get_text_map_propagator(|propagator| {
            propagator.inject_context(&context, &mut carrier);
        });
        let mut names: Vec<_> = carrier.into_keys().collect();
        names.sort();
        println!("injected {}", names.join(","));
    });
}

/// The names of this program's threads, where the system tells.
fn threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    let names = tasks
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.map(|name| name.trim().to_owned()).collect()
}

fn set(config: VigConfig, setter: &str, value: &str) -> VigConfig {
    let number = || value.parse::<usize>().expect("a number");
    let millis = || Duration::from_millis(value.parse().expect("milliseconds"));
    let is_true = || value == "true";
    match setter {
        "disabled" => config.disabled(is_true()),
        "shutdown_timeout" => config.shutdown_timeout(millis()),
        "handle_signals" => config.handle_signals(is_true()),
        "panics_are_fatal" => config.panics_are_fatal(is_true()),
        "service_name" => config.service_name(value),
        "resource_attribute" => config.resource_attribute("acme.key", value.to_owned()),
        "preset" => config.preset(match value {
            "langfuse" => Preset::Langfuse,
            "langsmith" => Preset::Langsmith,
            other => panic!("no preset `{other}`"),
        }),
        "endpoint" => config.endpoint(value),
        "protocol" => config.protocol(protocol(value)),
        "header" => config.header("x-code", value),
        "otlp" => config.otlp(otlp(value)),
        "otlp_for" => config.otlp_for(Signal::Traces, otlp(value)),
        "traces" => config.traces(is_true()),
        "metrics" => config.metrics(is_true()),
        "logs" => config.logs(is_true()),
        "exporters" => config.exporters(
            Signal::Metrics,
            value.split(',').map(|name| match name {
                "otlp" => Exporter::Otlp,
                "console" => Exporter::Console,
                _ => Exporter::None,
            }),
        ),
        "sampler" => config.sampler(sampler(value)),
        "propagators" => config.propagators(value.split(',').filter_map(|name| match name {
            "tracecontext" => Some(Propagator::TraceContext),
            "baggage" => Some(Propagator::Baggage),
            _ => None,
        })),
        "span_queue_size" => config.span_queue_size(number()),
        "span_batch_size" => config.span_batch_size(number()),
        "span_delay" => config.span_delay(millis()),
        "span_export_timeout" => config.span_export_timeout(millis()),
        "span_concurrent_exports" => config.span_concurrent_exports(number()),
        "log_concurrent_exports" => config.log_concurrent_exports(number()),
        "log_queue_size" => config.log_queue_size(number()),
        "log_batch_size" => config.log_batch_size(number()),
        "log_delay" => config.log_delay(millis()),
        "log_export_timeout" => config.log_export_timeout(millis()),
        "metric_interval" => config.metric_interval(millis()),
        "metric_export_timeout" => config.metric_export_timeout(millis()),
        "temporality" => config.temporality(match value {
            "delta" => Temporality::Delta,
            "lowmemory" => Temporality::LowMemory,
            _ => Temporality::Cumulative,
        }),
        "histogram_aggregation" => config.histogram_aggregation(match value {
            "exponential" => HistogramAggregation::Exponential,
            _ => HistogramAggregation::ExplicitBuckets,
        }),
        "limits" => config.limits(limits(number())),
        "log_format" => config.log_format(match value {
            "json" => LogFormat::Json,
            _ => LogFormat::Pretty,
        }),
        "log_filter" => config.log_filter(value),
        "stability_opt_in" => config.stability_opt_in(value),
        "capture_content" => config.capture_content(match value {
            "SPAN_ONLY" => CaptureContent::SpanOnly,
            _ => CaptureContent::NoContent,
        }),
        "redact" => {
            let secret = value.to_owned();
            config.redact(move |_, text| Some(text.replace(&secret, "…")))
        }
        "content_max_bytes" => config.content_max_bytes(number()),
        other => panic!("no setter is called `{other}`"),
    }
}

/// `field:value;field:value`
fn otlp(text: &str) -> Otlp {
    text.split(';').fold(Otlp::new(), |otlp, part| {
        let (field, value) = part.split_once(':').expect("a field and a value");
        match field {
            "endpoint" => otlp.endpoint(value),
            "insecure" => otlp.insecure(value == "true"),
            "protocol" => otlp.protocol(protocol(value)),
            "header" => otlp.header("x-code", value),
            "timeout" => otlp.timeout(Duration::from_millis(value.parse().expect("a number"))),
            "compression" => otlp.compression(match value {
                "gzip" => Compression::Gzip,
                _ => Compression::None,
            }),
            "ca_certificate" => otlp.ca_certificate(value),
            "client_certificate" => {
                let (certificate, key) = value.split_once(',').expect("two files");
                otlp.client_certificate(certificate, key)
            }
            other => panic!("no field is called `{other}`"),
        }
    })
}

fn protocol(name: &str) -> Protocol {
    match name {
        "grpc" => Protocol::Grpc,
        "http/json" => Protocol::HttpJson,
        _ => Protocol::HttpProtobuf,
    }
}

fn sampler(name: &str) -> Sampler {
    match name {
        "always_off" => Sampler::AlwaysOff,
        "always_on" => Sampler::AlwaysOn,
        "parentbased_always_off" => Sampler::ParentBasedAlwaysOff,
        "quarter" => Sampler::TraceIdRatio(0.25),
        "parentbased_quarter" => Sampler::ParentBasedTraceIdRatio(0.25),
        _ => Sampler::ParentBasedAlwaysOn,
    }
}

fn limits(all: usize) -> Limits {
    Limits {
        span_attributes: all,
        span_attribute_length: Some(all),
        span_events: all,
        span_links: all,
        event_attributes: all,
        link_attributes: all,
        log_attributes: all,
        log_attribute_length: Some(all),
    }
}
