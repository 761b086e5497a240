//! The tick on `life-vigil` 0.3.0, with its own functions, as its consumers call them.

use std::time::{Duration, Instant};

use aios_protocol::event::{LoopPhase, TokenUsage};
use life_vigil::GenAiMetrics;
use life_vigil::spans::{
    agent_span, chat_span, phase_span, record_finish_reason, record_response_id,
    record_token_usage, record_tool_status, tool_span,
};
use opentelemetry_old::metrics::Histogram;
use opentelemetry_old::trace::TracerProvider;
use opentelemetry_old::{KeyValue, global};
use opentelemetry_sdk_old::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk_old::trace::{BatchSpanProcessor, Sampler, SdkTracerProvider};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use super::{AGENT, CALL, MODEL, PROVIDER, RESPONSE, SESSION, Subject, TOOL, work};
use crate::cases::Case;
use crate::pipeline::{self, NEVER};
use crate::sinks::{Kept, OldMetrics, OldSpans};

struct Tick {
    agent: tracing::Span,
    metrics: Measurements,
    logs: bool,
    tracers: Option<SdkTracerProvider>,
}

/// Its instruments, and the one that a tick needs and it lacks.
struct Measurements {
    metrics: GenAiMetrics,
    tool_duration: Histogram<f64>,
}

/// The layers that its `init_telemetry` puts together, which would write to standard output and
/// export to a collector.
pub(super) fn build(case: Case, kept: Option<&Kept>) -> Box<dyn Subject> {
    let mut tracers = None;
    if !matches!(case, Case::Off) && !case.is_local() {
        let spans = BatchSpanProcessor::builder(OldSpans(kept.cloned())).build();
        let sampler = match case {
            Case::SampledOut => Sampler::AlwaysOff,
            _ => Sampler::AlwaysOn,
        };
        let provider = SdkTracerProvider::builder()
            .with_sampler(sampler)
            .with_span_processor(spans)
            .build();
        let reader = PeriodicReader::builder(OldMetrics(kept.cloned()))
            .with_interval(NEVER)
            .build();
        let meters = SdkMeterProvider::builder().with_reader(reader).build();
        pipeline::collect_with({
            let meters = meters.clone();
            move || meters.force_flush().expect("the exporter takes all")
        });
        global::set_meter_provider(meters);
        tracers = Some(provider);
    }
    if case == Case::Metrics {
        return Box::new(Measurements::new());
    }
    let layer = tracers
        .as_ref()
        .map(|it| tracing_opentelemetry_old::layer().with_tracer(it.tracer("benches")));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::sink);
    let filter = EnvFilter::new("info");
    let registry = tracing_subscriber::registry().with(layer);
    match case {
        Case::Off => {}
        // Its own pipeline always writes lines as well.
        Case::Export | Case::SampledOut | Case::Metrics => registry.init(),
        Case::Json | Case::JsonEvent => registry.with(lines.json().with_filter(filter)).init(),
        _ => registry.with(lines.with_filter(filter)).init(),
    }
    Box::new(Tick {
        agent: agent_span(SESSION, AGENT),
        metrics: Measurements::new(),
        logs: case.logs(),
        tracers,
    })
}

impl Subject for Tick {
    fn tick(&mut self) {
        let _agent = self.agent.enter();
        {
            let _perceive = phase_span(LoopPhase::Perceive).entered();
            self.metrics.metrics.record_budget(118_000, 4.75);
        }
        {
            let _deliberate = phase_span(LoopPhase::Deliberate).entered();
            let started = Instant::now();
            let chat = chat_span(MODEL, PROVIDER, Some(4096), Some(0.7));
            let replied = chat.in_scope(work);
            let usage = TokenUsage {
                prompt_tokens: 1200,
                completion_tokens: 85,
                total_tokens: 1285,
            };
            record_token_usage(&chat, &usage);
            record_finish_reason(&chat, "tool_call");
            record_response_id(&chat, RESPONSE);
            self.metrics.chat(started.elapsed());
            drop(replied);
        }
        {
            let _execute = phase_span(LoopPhase::Execute).entered();
            if self.logs {
                tracing::info!(tool = TOOL, "allowed");
            }
            let started = Instant::now();
            let tool = tool_span(TOOL, CALL);
            let ran = tool.in_scope(work);
            record_tool_status(&tool, "ok");
            self.metrics.tool(started.elapsed());
            drop(ran);
        }
        let _reflect = phase_span(LoopPhase::Reflect).entered();
        self.metrics
            .metrics
            .record_mode_transition("explore", "execute");
    }

    fn flush(&mut self) {
        if let Some(tracers) = &self.tracers {
            tracers.force_flush().expect("the exporter takes all");
        }
    }
}

impl Measurements {
    fn new() -> Self {
        let tool_duration = global::meter_provider()
            .meter("benches")
            .f64_histogram("gen_ai.execute_tool.duration")
            .with_unit("s")
            .build();
        Self {
            metrics: GenAiMetrics::new("benches"),
            tool_duration,
        }
    }

    fn chat(&self, duration: Duration) {
        self.metrics.record_token_usage(MODEL, "chat", 1200, 85);
        self.metrics
            .record_operation_duration(MODEL, "chat", duration);
    }

    fn tool(&self, duration: Duration) {
        self.metrics.record_tool_execution(TOOL, "ok");
        // In its manner.
        let attributes = [KeyValue::new("gen_ai.tool.name", TOOL.to_string())];
        self.tool_duration
            .record(duration.as_secs_f64(), &attributes);
    }
}

impl Subject for Measurements {
    fn tick(&mut self) {
        self.metrics.record_budget(118_000, 4.75);
        self.chat(Duration::from_millis(1500));
        self.tool(Duration::from_millis(15));
        self.metrics.record_mode_transition("explore", "execute");
    }
}
