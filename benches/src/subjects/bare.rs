//! The tick on OpenTelemetry's SDK alone, and the floor under everything that makes `tracing` spans.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use opentelemetry::global::{self, BoxedTracer};
use opentelemetry::metrics::{
    BoundCounter, BoundGauge, BoundHistogram, Counter, Gauge, Histogram, Meter,
};
use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanKind, TraceContextExt, Tracer, TracerProvider,
};
use opentelemetry::{Array, Context, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::{AGENT, CALL, MODEL, PROVIDER, RESPONSE, SESSION, Subject, TOOL, work};
use crate::cases::Case;
use crate::pipeline;
use crate::sinks::Kept;

pub(super) fn build(case: Case, floor: bool, kept: Option<&Kept>) -> Box<dyn Subject> {
    let tracers = (!matches!(case, Case::Off | Case::Metrics))
        .then(|| pipeline::tracers(case, pipeline::batches(kept)));
    if case != Case::Off {
        // After the processor is made: it would measure itself.
        global::set_meter_provider(pipeline::meters(kept));
    }
    match (tracers, floor) {
        (None, _) if case == Case::Off => {
            let tracer: BoxedTracer = global::tracer("benches");
            Box::new(Tick::new(tracer, None, Cached::new(), false))
        }
        (None, false) => Box::new(Measurements(Cached::new())),
        (None, true) => Box::new(Measurements(Bound::new())),
        (Some(tracers), false) => {
            let tracer: SdkTracer = tracers.tracer("benches");
            Box::new(Tick::new(tracer, Some(tracers), Cached::new(), false))
        }
        (Some(tracers), true) => {
            tracing_subscriber::registry().with(Empty).init();
            let tracer: SdkTracer = tracers.tracer("benches");
            Box::new(Tick::new(tracer, Some(tracers), Bound::new(), true))
        }
    }
}

/// What a layer of `tracing` costs that does nothing.
struct Empty;

impl<S: tracing::Subscriber> Layer<S> for Empty {}

struct Tick<T, M> {
    tracer: T,
    agent: Context,
    session: Arc<str>,
    provider: Option<SdkTracerProvider>,
    metrics: M,
    /// Whether there is a `tracing` span beside each.
    beside: bool,
}

impl<T, M> Tick<T, M>
where
    T: Tracer,
    T::Span: Send + Sync + 'static,
{
    fn new(tracer: T, provider: Option<SdkTracerProvider>, metrics: M, beside: bool) -> Self {
        let agent = tracer.start_with_context("invoke_agent arcan", &Context::new());
        Self {
            agent: Context::new().with_span(agent),
            session: SESSION.into(),
            tracer,
            provider,
            metrics,
            beside,
        }
    }

    /// A span with what identifies the work.
    fn start(
        &self,
        parent: &Context,
        name: impl Into<std::borrow::Cow<'static, str>>,
        kind: SpanKind,
        attributes: impl IntoIterator<Item = KeyValue, IntoIter: ExactSizeIterator>,
    ) -> (T::Span, tracing::Span) {
        let own = attributes.into_iter();
        let mut attributes = Vec::with_capacity(own.len() + 4 + 6);
        attributes.extend(own);
        attributes.extend([
            KeyValue::new("life.session_id", Arc::clone(&self.session)),
            KeyValue::new("session.id", Arc::clone(&self.session)),
            KeyValue::new("gen_ai.conversation.id", Arc::clone(&self.session)),
            KeyValue::new("gen_ai.agent.name", AGENT),
        ]);
        let span = self.tracer.build_with_context(
            SpanBuilder::from_name(name)
                .with_kind(kind)
                .with_attributes(attributes),
            parent,
        );
        let traced = if self.beside {
            tracing::info_span!(parent: None, "span")
        } else {
            tracing::Span::none()
        };
        (span, traced)
    }

    fn phase(&self, phase: &'static str, name: &'static str) -> (T::Span, tracing::Span) {
        let attributes = [KeyValue::new("life.loop_phase", phase)];
        self.start(&self.agent, name, SpanKind::Internal, attributes)
    }
}

impl<T, M> Subject for Tick<T, M>
where
    T: Tracer,
    T::Span: Send + Sync + 'static,
    M: Measure,
{
    fn tick(&mut self) {
        let (mut perceive, traced_perceive) = self.phase("perceive", "phase perceive");
        perceive.set_attributes([
            KeyValue::new("life.budget.tokens_remaining", 118_000),
            KeyValue::new("life.budget.cost_remaining_usd", 4.75),
        ]);
        self.metrics.budget(118_000, 4.75);
        drop((perceive, traced_perceive));

        let (deliberate, traced_deliberate) = self.phase("deliberate", "phase deliberate");
        let deliberate = self.agent.with_span(deliberate);
        let started = Instant::now();
        let (chat, traced_chat) = self.start(
            &deliberate,
            format!("chat {MODEL}"),
            SpanKind::Client,
            [
                KeyValue::new("gen_ai.operation.name", "chat"),
                KeyValue::new("gen_ai.provider.name", PROVIDER),
                KeyValue::new("gen_ai.request.model", MODEL),
                KeyValue::new("gen_ai.request.max_tokens", 4096),
                KeyValue::new("gen_ai.request.temperature", 0.7),
            ],
        );
        let chat = deliberate.with_span(chat);
        let attached = chat.clone().attach();
        let replied = traced_chat.in_scope(work);
        drop(attached);
        let reasons = Array::String(vec![StringValue::from("tool_call")]);
        chat.span().set_attributes([
            KeyValue::new("gen_ai.usage.input_tokens", 1200),
            KeyValue::new("gen_ai.usage.output_tokens", 85),
            KeyValue::new("gen_ai.response.finish_reasons", Value::Array(reasons)),
            KeyValue::new("gen_ai.response.id", Arc::<str>::from(RESPONSE)),
            KeyValue::new("gen_ai.response.model", MODEL),
        ]);
        self.metrics.chat(started.elapsed());
        chat.span().end();
        deliberate.span().end();
        drop((chat, traced_chat, deliberate, traced_deliberate, replied));

        let (execute, traced_execute) = self.phase("execute", "phase execute");
        let execute = self.agent.with_span(execute);
        let started = Instant::now();
        let (tool, traced_tool) = self.start(
            &execute,
            format!("execute_tool {TOOL}"),
            SpanKind::Internal,
            [
                KeyValue::new("gen_ai.operation.name", "execute_tool"),
                KeyValue::new("gen_ai.tool.name", TOOL),
                KeyValue::new("gen_ai.tool.call.id", Arc::<str>::from(CALL)),
            ],
        );
        let tool = execute.with_span(tool);
        let attached = tool.clone().attach();
        let ran = traced_tool.in_scope(work);
        drop(attached);
        tool.span()
            .set_attribute(KeyValue::new("life.tool.status", "ok"));
        self.metrics.tool(started.elapsed());
        tool.span().end();
        execute.span().end();
        drop((tool, traced_tool, execute, traced_execute, ran));

        let (mut reflect, _reflect) = self.phase("reflect", "phase reflect");
        let modes = || {
            [
                KeyValue::new("life.mode.from", "explore"),
                KeyValue::new("life.mode.to", "execute"),
            ]
        };
        reflect.set_attributes(modes());
        reflect.add_event_with_timestamp(
            "life.mode.transition",
            SystemTime::now(),
            modes().to_vec(),
        );
        self.metrics.transition();
    }

    fn flush(&mut self) {
        if let Some(provider) = &self.provider {
            provider.force_flush().expect("the exporter takes all");
        }
    }
}

/// The measurements of a tick.
pub(super) trait Measure {
    fn budget(&self, tokens: u64, cost: f64);
    fn chat(&self, duration: Duration);
    fn tool(&self, duration: Duration);
    fn transition(&self);
}

struct Measurements<M>(M);

impl<M: Measure> Subject for Measurements<M> {
    fn tick(&mut self) {
        self.0.budget(118_000, 4.75);
        self.0.chat(Duration::from_millis(1500));
        self.0.tool(Duration::from_millis(15));
        self.0.transition();
    }
}

/// The boundaries that the conventions give such histograms.
const SECONDS: [f64; 14] = [
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
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

struct Instruments {
    tokens: Gauge<u64>,
    cost: Gauge<f64>,
    duration: Histogram<f64>,
    usage: Histogram<u64>,
    tool_duration: Histogram<f64>,
    executions: Counter<u64>,
    transitions: Counter<u64>,
}

impl Instruments {
    fn new(meter: &Meter) -> Self {
        Self {
            tokens: meter.u64_gauge("life.budget.tokens_remaining").build(),
            cost: meter.f64_gauge("life.budget.cost_remaining_usd").build(),
            duration: meter
                .f64_histogram("gen_ai.client.operation.duration")
                .with_boundaries(SECONDS.to_vec())
                .build(),
            usage: meter
                .u64_histogram("gen_ai.client.token.usage")
                .with_boundaries(TOKENS.to_vec())
                .build(),
            tool_duration: meter
                .f64_histogram("gen_ai.execute_tool.duration")
                .with_boundaries(SECONDS.to_vec())
                .build(),
            executions: meter.u64_counter("life.tool.executions").build(),
            transitions: meter.u64_counter("life.mode.transitions").build(),
        }
    }
}

/// The attributes of each measurement.
struct Sets {
    agent: [KeyValue; 1],
    chat: [KeyValue; 4],
    input: [KeyValue; 5],
    output: [KeyValue; 5],
    tool: [KeyValue; 1],
    execution: [KeyValue; 2],
    transition: [KeyValue; 2],
}

impl Sets {
    fn new() -> Self {
        let chat = [
            KeyValue::new("gen_ai.operation.name", "chat"),
            KeyValue::new("gen_ai.provider.name", PROVIDER),
            KeyValue::new("gen_ai.request.model", MODEL),
            KeyValue::new("gen_ai.response.model", MODEL),
        ];
        let tokens = |token_type| {
            let [operation, provider, request, response] = chat.clone();
            let token_type = KeyValue::new("gen_ai.token.type", token_type);
            [operation, provider, request, response, token_type]
        };
        Self {
            agent: [KeyValue::new("gen_ai.agent.name", AGENT)],
            input: tokens("input"),
            output: tokens("output"),
            chat,
            tool: [KeyValue::new("gen_ai.tool.name", TOOL)],
            execution: [
                KeyValue::new("gen_ai.tool.name", TOOL),
                KeyValue::new("life.tool.status", "ok"),
            ],
            transition: [
                KeyValue::new("life.mode.from", "explore"),
                KeyValue::new("life.mode.to", "execute"),
            ],
        }
    }
}

/// Instruments with the attributes made once.
pub(super) struct Cached {
    instruments: Instruments,
    sets: Sets,
}

impl Cached {
    pub(super) fn new() -> Self {
        Self {
            instruments: Instruments::new(&global::meter("benches")),
            sets: Sets::new(),
        }
    }
}

impl Measure for Cached {
    fn budget(&self, tokens: u64, cost: f64) {
        self.instruments.tokens.record(tokens, &self.sets.agent);
        self.instruments.cost.record(cost, &self.sets.agent);
    }

    fn chat(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        self.instruments.duration.record(seconds, &self.sets.chat);
        self.instruments.usage.record(1200, &self.sets.input);
        self.instruments.usage.record(85, &self.sets.output);
    }

    fn tool(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        self.instruments
            .tool_duration
            .record(seconds, &self.sets.tool);
        self.instruments.executions.add(1, &self.sets.execution);
    }

    fn transition(&self) {
        self.instruments.transitions.add(1, &self.sets.transition);
    }
}

/// Instruments bound to their attributes.
struct Bound {
    tokens: BoundGauge<u64>,
    cost: BoundGauge<f64>,
    duration: BoundHistogram<f64>,
    input: BoundHistogram<u64>,
    output: BoundHistogram<u64>,
    tool_duration: BoundHistogram<f64>,
    executions: BoundCounter<u64>,
    transitions: BoundCounter<u64>,
}

impl Bound {
    fn new() -> Self {
        let Cached { instruments, sets } = Cached::new();
        Self {
            tokens: instruments.tokens.bind(&sets.agent),
            cost: instruments.cost.bind(&sets.agent),
            duration: instruments.duration.bind(&sets.chat),
            input: instruments.usage.bind(&sets.input),
            output: instruments.usage.bind(&sets.output),
            tool_duration: instruments.tool_duration.bind(&sets.tool),
            executions: instruments.executions.bind(&sets.execution),
            transitions: instruments.transitions.bind(&sets.transition),
        }
    }
}

impl Measure for Bound {
    fn budget(&self, tokens: u64, cost: f64) {
        self.tokens.record(tokens);
        self.cost.record(cost);
    }

    fn chat(&self, duration: Duration) {
        self.duration.record(duration.as_secs_f64());
        self.input.record(1200);
        self.output.record(85);
    }

    fn tool(&self, duration: Duration) {
        self.tool_duration.record(duration.as_secs_f64());
        self.executions.add(1);
    }

    fn transition(&self) {
        self.transitions.add(1);
    }
}
