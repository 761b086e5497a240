//! The tick on `tracing` and `tracing-opentelemetry`, as lean as they allow.

use std::time::Instant;

use opentelemetry::trace::TracerProvider;
use opentelemetry::{Array, StringValue, Value};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::field::Empty;
use tracing::info_span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::bare::{Cached, Measure};
use super::{AGENT, CALL, MODEL, PROVIDER, RESPONSE, SESSION, Subject, TOOL, work};
use crate::cases::Case;
use crate::pipeline;
use crate::sinks::Kept;

struct Tick {
    agent: tracing::Span,
    metrics: Cached,
    logs: bool,
    tracers: Option<SdkTracerProvider>,
}

/// A span with what identifies the work. Its name for OpenTelemetry is set at the start: later it
/// would cost more.
macro_rules! span {
    (under: $parent:expr, $name:expr, otel: $otel:expr, $($fields:tt)*) => {
        info_span!(
            parent: $parent,
            $name,
            otel.name = $otel,
            life.session_id = SESSION,
            session.id = SESSION,
            gen_ai.conversation.id = SESSION,
            gen_ai.agent.name = AGENT,
            $($fields)*
        )
    };
}

pub(super) fn build(case: Case, kept: Option<&Kept>) -> Box<dyn Subject> {
    let tracers = (case != Case::Off && !case.is_local())
        .then(|| pipeline::tracers(case, pipeline::batches(kept)));
    let layer = tracers.as_ref().map(|tracers| {
        tracing_opentelemetry::layer()
            .with_tracer(tracers.tracer("benches"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_context_activation(true)
    });
    let lines = tracing_subscriber::fmt::layer()
        .compact()
        .with_ansi(false)
        .with_writer(std::io::sink);
    // One filter for all: one for each layer costs more.
    let registry = tracing_subscriber::registry()
        .with(LevelFilter::INFO)
        .with(layer);
    match case {
        Case::Off => {}
        Case::Export | Case::SampledOut | Case::Metrics => registry.init(),
        Case::Json | Case::JsonEvent => {
            let lines = tracing_subscriber::fmt::layer().json();
            let lines = lines.with_span_events(FmtSpan::CLOSE);
            registry.with(lines.with_writer(std::io::sink)).init();
        }
        Case::Pretty | Case::PrettyEvent => {
            registry.with(lines.with_span_events(FmtSpan::CLOSE)).init();
        }
        // What is exported needs no line.
        Case::ExportLines => registry.with(lines).init(),
    }
    if tracers.is_some() {
        opentelemetry::global::set_meter_provider(pipeline::meters(kept));
    }
    Box::new(Tick {
        agent: info_span!(
            "invoke_agent",
            otel.name = "invoke_agent arcan",
            gen_ai.operation.name = "invoke_agent",
            gen_ai.agent.name = AGENT,
            life.session_id = SESSION,
            session.id = SESSION,
            gen_ai.conversation.id = SESSION,
        ),
        metrics: Cached::new(),
        logs: case.logs(),
        tracers,
    })
}

impl Subject for Tick {
    fn tick(&mut self) {
        let agent = &self.agent;
        let perceive = span!(
            under: agent,
            "phase",
            otel: "phase perceive",
            life.loop_phase = "perceive",
            life.budget.tokens_remaining = 118_000_i64,
            life.budget.cost_remaining_usd = 4.75,
        );
        self.metrics.budget(118_000, 4.75);
        drop(perceive);

        let deliberate = span!(
            under: agent,
            "phase",
            otel: "phase deliberate",
            life.loop_phase = "deliberate",
        );
        let started = Instant::now();
        let chat = span!(
            under: &deliberate,
            "chat",
            otel: format_args!("chat {MODEL}"),
            otel.kind = "client",
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = PROVIDER,
            gen_ai.request.model = MODEL,
            gen_ai.request.max_tokens = 4096_i64,
            gen_ai.request.temperature = 0.7,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            gen_ai.response.id = Empty,
            gen_ai.response.model = Empty,
        );
        let replied = chat.in_scope(work);
        tracing::record_all!(
            chat,
            gen_ai.usage.input_tokens = 1200_i64,
            gen_ai.usage.output_tokens = 85_i64,
            gen_ai.response.id = RESPONSE,
            gen_ai.response.model = MODEL,
        );
        if self.tracers.is_some() {
            // `tracing` has no arrays.
            let reasons = Array::String(vec![StringValue::from("tool_call")]);
            chat.set_attribute("gen_ai.response.finish_reasons", Value::Array(reasons));
        }
        self.metrics.chat(started.elapsed());
        drop((chat, deliberate, replied));

        let execute = span!(
            under: agent,
            "phase",
            otel: "phase execute",
            life.loop_phase = "execute",
        );
        if self.logs {
            execute.in_scope(|| tracing::info!(tool = TOOL, "allowed"));
        }
        let started = Instant::now();
        let tool = span!(
            under: &execute,
            "execute_tool",
            otel: format_args!("execute_tool {TOOL}"),
            gen_ai.operation.name = "execute_tool",
            gen_ai.tool.name = TOOL,
            gen_ai.tool.call.id = CALL,
            life.tool.status = Empty,
        );
        let ran = tool.in_scope(work);
        tool.record("life.tool.status", "ok");
        self.metrics.tool(started.elapsed());
        drop((tool, execute, ran));

        let reflect = span!(
            under: agent,
            "phase",
            otel: "phase reflect",
            life.loop_phase = "reflect",
            life.mode.from = "explore",
            life.mode.to = "execute",
        );
        tracing::info!(
            name: "life.mode.transition",
            parent: &reflect,
            { life.mode.from = "explore", life.mode.to = "execute" },
            "life.mode.transition",
        );
        self.metrics.transition();
    }

    fn flush(&mut self) {
        if let Some(tracers) = &self.tracers {
            tracers.force_flush().expect("the exporter takes all");
        }
    }
}
