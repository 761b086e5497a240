//! Pipelines for tests: what a piece of code exports, and whether it is what the registry says.
//!
//! A [`Pipeline`] belongs to the thread that enters it and to the futures that run in it; tests
//! that use one each run in parallel without seeing each other.
//!
//! ```
//! use vigil::testing::Pipeline;
//!
//! let pipeline = Pipeline::new();
//! pipeline.scope(|| {
//!     vigil::agent_span("s-1", "arcan").start().end();
//! });
//! let agent = pipeline.span("invoke_agent arcan");
//! assert_eq!(agent.text("life.session_id"), Some("s-1"));
//! pipeline.assert_conforms(&vigil::registry::REGISTRY);
//! ```

mod conformance;

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanId, SpanKind, Status, TraceId};
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, Span, SpanData, SpanProcessor};
use pin_project_lite::pin_project;
use tracing::Dispatch;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry};

use crate::carrier::{self, Binding, Gate, InheritedAttributes, Redaction, current};
use crate::config::{CaptureContent, StabilityOptIn};

/// An in-memory pipeline for traces and metrics.
#[derive(Debug)]
pub struct Pipeline {
    dispatch: Dispatch,
    binding: Arc<Binding>,
    stability_opt_in: StabilityOptIn,
    spans: Spans,
    metrics: Metrics,
    tracers: SdkTracerProvider,
    meters: SdkMeterProvider,
}

/// How a [`Pipeline`] is put together.
#[derive(Default)]
pub struct PipelineBuilder {
    capture_content: CaptureContent,
    redaction: Option<Redaction>,
    sampler: Option<Sampler>,
    stability_opt_in: StabilityOptIn,
    layers: Vec<Box<dyn Layer<Registry> + Send + Sync>>,
}

impl std::fmt::Debug for PipelineBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PipelineBuilder")
            .field("capture_content", &self.capture_content)
            .finish_non_exhaustive()
    }
}

impl PipelineBuilder {
    /// Captures content, on spans and in events.
    #[must_use]
    pub fn capture_content(self) -> Self {
        self.capture_content_in(CaptureContent::SpanAndEvent)
    }

    /// Captures content there. Events stand on their spans.
    ///
    /// ```
    /// use vigil::config::CaptureContent;
    /// use vigil::content::Message;
    /// use vigil::testing::Pipeline;
    /// use vigil::{Deliberate, agent_span, chat_span, phase_span};
    ///
    /// let pipeline = Pipeline::builder()
    ///     .capture_content_in(CaptureContent::EventOnly)
    ///     .build();
    /// pipeline.scope(|| {
    ///     let agent = agent_span("s-1", "arcan").start();
    ///     let deliberate = phase_span(&agent, Deliberate);
    ///     let chat = chat_span(&deliberate, "sonnet", "anthropic");
    ///     drop(chat.input_messages(|| Message::user("Hi!")).start());
    /// });
    /// let chat = pipeline.span("chat sonnet");
    /// assert_eq!(chat.text("gen_ai.input.messages"), None);
    /// assert!(chat.events()[0].attribute("gen_ai.input.messages").is_some());
    /// ```
    #[must_use]
    pub fn capture_content_in(mut self, capture: CaptureContent) -> Self {
        self.capture_content = capture;
        self
    }

    /// Asks `redact` about content, as [`set_redaction`](crate::set_redaction) does for the process.
    #[must_use]
    pub fn redact(
        mut self,
        redact: impl Fn(&str, &str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.redaction = Some(Redaction::new(redact));
        self
    }

    /// Emits the names that `opt_in` asks for, whatever the process does: see
    /// [`set_stability_opt_in`](crate::set_stability_opt_in).
    ///
    /// ```
    /// use vigil::testing::Pipeline;
    ///
    /// let pipeline = Pipeline::builder()
    ///     .stability_opt_in("gen_ai_latest_experimental/dup")
    ///     .build();
    /// # pipeline.scope(|| drop(vigil::agent_span("s-1", "arcan").start()));
    /// pipeline.assert_conforms(&vigil::registry::REGISTRY);
    /// ```
    #[must_use]
    pub fn stability_opt_in(mut self, opt_in: impl Into<StabilityOptIn>) -> Self {
        self.stability_opt_in = opt_in.into();
        self
    }

    /// Samples with `sampler` instead of keeping everything.
    #[must_use]
    pub fn sampler(mut self, sampler: Sampler) -> Self {
        self.sampler = Some(sampler);
        self
    }

    /// Adds a layer of somebody else's, such as `tracing_subscriber::fmt`, under Vigil's.
    #[must_use]
    pub fn layer(mut self, layer: impl Layer<Registry> + Send + Sync) -> Self {
        self.layers.push(Box::new(layer));
        self
    }

    /// Builds it.
    pub fn build(self) -> Pipeline {
        let spans = Spans::default();
        let tracers = SdkTracerProvider::builder()
            .with_sampler(self.sampler.unwrap_or(Sampler::AlwaysOn))
            .with_span_processor(InheritedAttributes::new())
            .with_span_processor(spans.clone())
            .build();
        let metrics = Metrics::default();
        let meters = SdkMeterProvider::builder()
            .with_view(crate::metric_view)
            .with_reader(
                PeriodicReader::builder(metrics.clone())
                    .with_interval(Duration::from_secs(24 * 60 * 60))
                    .build(),
            )
            .build();
        // No layers are not a list of none: that would say that nothing is wanted.
        let layers = (!self.layers.is_empty()).then_some(self.layers);
        // Others see fields. Where there are none, it is as `init` has it.
        let trace_layer = carrier::trace_layer(&tracers).with_fields(layers.is_some());
        let dispatch = Dispatch::new(
            tracing_subscriber::registry()
                .with(layers)
                .with(trace_layer),
        );
        let gate = Gate::new(self.capture_content, self.redaction);
        let binding =
            Binding::new(Arc::new(meters.clone()), gate).opting_in(self.stability_opt_in.clone());
        Pipeline {
            stability_opt_in: self.stability_opt_in,
            dispatch,
            binding: Arc::new(binding),
            spans,
            metrics,
            tracers,
            meters,
        }
    }
}

impl Default for Pipeline {
    fn default() -> Self {
        Self::new()
    }
}

impl Pipeline {
    /// A pipeline that keeps everything but content.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A pipeline of another make.
    pub fn builder() -> PipelineBuilder {
        PipelineBuilder::default()
    }

    /// Runs `f` with this pipeline on this thread.
    pub fn scope<R>(&self, f: impl FnOnce() -> R) -> R {
        enter(&self.binding, &self.dispatch, f)
    }

    /// Runs `future` with this pipeline, whatever thread polls it.
    pub fn run<F: Future>(&self, future: F) -> Scoped<F> {
        Scoped {
            future: Some(future),
            dispatch: self.dispatch.clone(),
            binding: Arc::clone(&self.binding),
        }
    }

    /// The tracer provider: for spans that the SDK makes without `tracing`.
    pub fn tracer_provider(&self) -> &SdkTracerProvider {
        &self.tracers
    }

    /// The meter provider: for [`set_meter_provider`](crate::set_meter_provider).
    pub fn meter_provider(&self) -> &SdkMeterProvider {
        &self.meters
    }

    /// The spans that have ended, in the order in which they did.
    pub fn spans(&self) -> Vec<ExportedSpan> {
        let spans = self.spans.0.lock().unwrap_or_else(PoisonError::into_inner);
        spans.iter().cloned().map(ExportedSpan).collect()
    }

    /// The one span of that name that has ended.
    ///
    /// # Panics
    ///
    /// If there is none, or more than one.
    #[track_caller]
    pub fn span(&self, name: &str) -> ExportedSpan {
        let spans = self.spans();
        let mut named = spans.iter().filter(|span| span.name() == name);
        match (named.next(), named.next()) {
            (Some(span), None) => span.clone(),
            (Some(_), Some(_)) => panic!("more than one span is called `{name}`"),
            (None, _) => {
                let all: Vec<_> = spans.iter().map(ExportedSpan::name).collect();
                panic!("no span is called `{name}`, only {all:?}")
            }
        }
    }

    /// The metrics as they stand.
    ///
    /// # Panics
    ///
    /// If they can't be collected.
    pub fn metrics(&self) -> Vec<ExportedMetric> {
        self.meters
            .force_flush()
            .expect("an exporter in memory does not fail");
        let metrics = self
            .metrics
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        metrics.clone()
    }

    /// The metric of that name.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[track_caller]
    pub fn metric(&self, name: &str) -> ExportedMetric {
        let metrics = self.metrics();
        let Some(metric) = metrics.iter().find(|metric| metric.name == name) else {
            let all: Vec<_> = metrics.iter().map(|metric| &metric.name).collect();
            panic!("no metric is called `{name}`, only {all:?}")
        };
        metric.clone()
    }

    /// All that was exported so far.
    pub fn exported(&self) -> Exported {
        Exported {
            spans: self.spans(),
            metrics: self.metrics(),
            logs: Vec::new(),
            stability_opt_in: self.stability_opt_in.clone(),
        }
    }

    /// What of the spans, events and metrics is not as `registry` says: nothing, if all is well.
    pub fn violations(&self, registry: &carrier::Registry) -> Vec<String> {
        self.exported().violations(registry)
    }

    /// Checks every span, event and metric against `registry`.
    ///
    /// # Panics
    ///
    /// If one is not as the registry says, with all that is wrong.
    #[track_caller]
    pub fn assert_conforms(&self, registry: &carrier::Registry) {
        self.exported().assert_conforms(registry);
    }
}

/// What was exported, by whatever way: a [`Pipeline`] keeps it, and so may an exporter or a receiver
/// of one's own.
///
/// ```
/// use vigil::testing::Exported;
///
/// # let kept: Vec<opentelemetry_sdk::trace::SpanData> = Vec::new();
/// let exported = Exported {
///     spans: kept.into_iter().map(Into::into).collect(),
///     ..Exported::default()
/// };
/// let violations = exported.violations(&vigil::registry::REGISTRY);
/// assert_eq!(violations, ["pipeline: nothing was exported"]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Exported {
    /// Spans, all those of a trace, as contracts speak of parents.
    pub spans: Vec<ExportedSpan>,
    /// Metrics.
    pub metrics: Vec<ExportedMetric>,
    /// Log records, events among them.
    pub logs: Vec<ExportedLog>,
    /// What was opted in to, which decides by which names all of it left.
    pub stability_opt_in: StabilityOptIn,
}

impl Exported {
    /// What is not as `registry` says: nothing, if all is well.
    ///
    /// Spans and metrics of other scopes than the registry's are somebody else's. Of the log
    /// records, those with the name of a declared event are checked, and that those within a trace
    /// name a span of it.
    pub fn violations(&self, registry: &carrier::Registry) -> Vec<String> {
        conformance::violations(registry, self)
    }

    /// Checks all of it against `registry`.
    ///
    /// # Panics
    ///
    /// If something is not as the registry says, with all that is wrong.
    #[track_caller]
    pub fn assert_conforms(&self, registry: &carrier::Registry) {
        let violations = self.violations(registry);
        assert!(violations.is_empty(), "{}", violations.join("\n"));
    }
}

pin_project! {
    /// The future of [`Pipeline::run`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Scoped<F> {
        #[pin]
        future: Option<F>,
        dispatch: Dispatch,
        binding: Arc<Binding>,
    }

    impl<F> PinnedDrop for Scoped<F> {
        fn drop(this: Pin<&mut Self>) {
            // What it holds ends its spans in here.
            let mut this = this.project();
            enter(this.binding, this.dispatch, || this.future.set(None));
        }
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let future = this
            .future
            .as_pin_mut()
            .expect("it is there until it is dropped");
        enter(this.binding, this.dispatch, || future.poll(cx))
    }
}

/// Runs `f` in a pipeline, and under no span of another one.
fn enter<R>(binding: &Arc<Binding>, dispatch: &Dispatch, f: impl FnOnce() -> R) -> R {
    let _binding = Binding::enter(Arc::clone(binding));
    tracing::dispatcher::with_default(dispatch, || {
        let nothing = opentelemetry::Context::new();
        // Scopes nest: within one of its own, the span around is the parent.
        let is_outer = tracing::Span::current().is_none();
        let _context = is_outer.then(|| current::attach(nothing));
        f()
    })
}

/// A span as it was exported.
#[derive(Clone, Debug)]
pub struct ExportedSpan(SpanData);

impl From<SpanData> for ExportedSpan {
    fn from(span: SpanData) -> Self {
        Self(span)
    }
}

impl ExportedSpan {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Its kind.
    pub fn kind(&self) -> &SpanKind {
        &self.0.span_kind
    }

    /// Its status.
    pub fn status(&self) -> &Status {
        &self.0.status
    }

    /// The trace that it belongs to.
    pub fn trace_id(&self) -> TraceId {
        self.0.span_context.trace_id()
    }

    /// Its id.
    pub fn span_id(&self) -> SpanId {
        self.0.span_context.span_id()
    }

    /// The id of the span above it; `None` for a root.
    pub fn parent_span_id(&self) -> Option<SpanId> {
        (self.0.parent_span_id != SpanId::INVALID).then_some(self.0.parent_span_id)
    }

    /// Whether it stands right under `parent`, in the same trace.
    pub fn is_child_of(&self, parent: &Self) -> bool {
        self.trace_id() == parent.trace_id() && self.parent_span_id() == Some(parent.span_id())
    }

    /// When it started.
    pub fn start_time(&self) -> SystemTime {
        self.0.start_time
    }

    /// When it ended.
    pub fn end_time(&self) -> SystemTime {
        self.0.end_time
    }

    /// Its attributes, as they went out.
    pub fn attributes(&self) -> &[KeyValue] {
        &self.0.attributes
    }

    /// The value of an attribute.
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        value(&self.0.attributes, key)
    }

    /// The text of a string attribute.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.attribute(key)? {
            Value::String(text) => Some(text.as_str()),
            _ => None,
        }
    }

    /// Its events, in order.
    pub fn events(&self) -> Vec<ExportedEvent> {
        self.0
            .events
            .iter()
            .map(|event| ExportedEvent {
                name: event.name.to_string(),
                attributes: event.attributes.clone(),
            })
            .collect()
    }

    /// Who made it.
    pub fn scope(&self) -> &InstrumentationScope {
        &self.0.instrumentation_scope
    }
}

/// An event as it was exported.
#[derive(Clone, Debug)]
pub struct ExportedEvent {
    /// Its name.
    pub name: String,
    /// Its attributes.
    pub attributes: Vec<KeyValue>,
}

impl ExportedEvent {
    /// The value of an attribute.
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        value(&self.attributes, key)
    }
}

/// A log record as it was exported.
#[derive(Clone, Debug)]
pub struct ExportedLog {
    /// Its event name; empty if it has none.
    pub event_name: String,
    /// What it says, if that is text.
    pub body: String,
    /// Its attributes.
    pub attributes: Vec<KeyValue>,
    /// The trace that it belongs to; `TraceId::INVALID` if none.
    pub trace_id: TraceId,
    /// The span that it was written in; `SpanId::INVALID` if none.
    pub span_id: SpanId,
}

impl ExportedLog {
    /// The value of an attribute.
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        value(&self.attributes, key)
    }
}

/// A metric as it was exported.
#[derive(Clone, Debug)]
pub struct ExportedMetric {
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// Its description.
    pub description: String,
    /// What it is made with, and the type of its values.
    pub kind: carrier::InstrumentKind,
    /// Who made it.
    pub scope: InstrumentationScope,
    /// One for each set of attributes.
    pub points: Vec<Point>,
}

impl ExportedMetric {
    /// The point with exactly these string attributes among its own.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[track_caller]
    pub fn point(&self, attributes: &[(&str, &str)]) -> &Point {
        self.points
            .iter()
            .find(|point| {
                attributes.iter().all(|(key, text)| {
                    point
                        .attribute(key)
                        .is_some_and(|value| value.as_str() == *text)
                })
            })
            .unwrap_or_else(|| {
                panic!(
                    "`{}` has no point {attributes:?}: {:?}",
                    self.name, self.points
                )
            })
    }
}

/// What a metric says for one set of attributes.
#[derive(Clone, Debug)]
pub struct Point {
    /// The set.
    pub attributes: Vec<KeyValue>,
    /// The sum of a counter or histogram, the value of a gauge.
    pub value: f64,
    /// How many values a histogram has met; otherwise 0.
    pub count: u64,
    /// The upper bounds of a histogram's buckets.
    pub bounds: Vec<f64>,
}

impl Point {
    /// The value of an attribute.
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        value(&self.attributes, key)
    }
}

fn value<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    attributes
        .iter()
        .find(|attribute| attribute.key.as_str() == key)
        .map(|attribute| &attribute.value)
}

#[derive(Clone, Debug, Default)]
struct Spans(Arc<Mutex<Vec<SpanData>>>);

impl SpanProcessor for Spans {
    fn on_start(&self, _: &mut Span, _: &opentelemetry::Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() {
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

#[derive(Clone, Debug, Default)]
struct Metrics(Arc<Mutex<Vec<ExportedMetric>>>);

impl PushMetricExporter for Metrics {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = metrics
            .scope_metrics()
            .flat_map(|scope| {
                scope.metrics().map(|metric| {
                    let (kind, points) = points(metric.data());
                    ExportedMetric {
                        name: metric.name().to_owned(),
                        unit: metric.unit().to_owned(),
                        description: metric.description().to_owned(),
                        kind,
                        scope: scope.scope().clone(),
                        points,
                    }
                })
            })
            .collect();
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

fn points(data: &AggregatedMetrics) -> (carrier::InstrumentKind, Vec<Point>) {
    match data {
        AggregatedMetrics::F64(data) => typed_points(data, false, |value| value),
        #[allow(clippy::cast_precision_loss)]
        AggregatedMetrics::U64(data) => typed_points(data, true, |value| value as f64),
        #[allow(clippy::cast_precision_loss)]
        AggregatedMetrics::I64(data) => typed_points(data, true, |value| value as f64),
    }
}

fn typed_points<T: Copy>(
    data: &MetricData<T>,
    int: bool,
    float: impl Fn(T) -> f64,
) -> (carrier::InstrumentKind, Vec<Point>) {
    use carrier::InstrumentKind as Kind;
    let plain = |attributes: Vec<KeyValue>, value| Point {
        attributes,
        value: float(value),
        count: 0,
        bounds: Vec::new(),
    };
    match data {
        MetricData::Gauge(gauge) => (
            if int {
                Kind::GaugeInt
            } else {
                Kind::GaugeDouble
            },
            gauge
                .data_points()
                .map(|point| plain(point.attributes().cloned().collect(), point.value()))
                .collect(),
        ),
        MetricData::Sum(sum) => (
            match (sum.is_monotonic(), int) {
                (true, true) => Kind::CounterInt,
                (true, false) => Kind::CounterDouble,
                (false, true) => Kind::UpDownCounterInt,
                (false, false) => Kind::UpDownCounterDouble,
            },
            sum.data_points()
                .map(|point| plain(point.attributes().cloned().collect(), point.value()))
                .collect(),
        ),
        MetricData::Histogram(histogram) => (
            if int {
                Kind::HistogramInt
            } else {
                Kind::HistogramDouble
            },
            histogram
                .data_points()
                .map(|point| Point {
                    attributes: point.attributes().cloned().collect(),
                    value: float(point.sum()),
                    count: point.count(),
                    bounds: point.bounds().collect(),
                })
                .collect(),
        ),
        // Nobody asks for one: there is no view here.
        MetricData::ExponentialHistogram(_) => (Kind::HistogramDouble, Vec::new()),
    }
}
