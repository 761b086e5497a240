//! One call to a whole pipeline.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use opentelemetry::propagation::TextMapCompositePropagator;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, SpanLimits};
use tracing_subscriber::layer::SubscriberExt;

use crate::carrier::{self, InheritedAttributes};
use crate::config::{HistogramAggregation, Limits, Propagator, Resolved, VigConfig, Warning};
use crate::export::{Export, ExportError, ExportStats, Monitor, Signal, shutdown_meter_provider};
use crate::log::{FilterError, LogLayer};

mod processor;

/// How long a guard that is dropped may take to hand over what it has.
const ON_DROP: Duration = Duration::from_secs(2);

/// A pipeline belongs to the process, and so there is one.
static RUNNING: AtomicBool = AtomicBool::new(false);

/// Starts the pipeline that `config` and the environment ask for, for the whole process.
///
/// With an endpoint, spans, metrics and log records go there over OTLP. Without one, spans have real
/// ids that are not sampled, and are written as log lines where they end. Either way log lines go to
/// standard error as `RUST_LOG` says. What was said and doesn't hold is written there as well.
///
/// ```no_run
/// let guard = vigil::init(&vigil::VigConfig::new().service_name("arcan"))?;
/// // … the agent runs …
/// let report = guard.shutdown(std::time::Duration::from_secs(2));
/// eprintln!("{report}");
/// # Ok::<(), vigil::VigError>(())
/// ```
///
/// # Errors
///
/// If a pipeline runs already, if the program has a `tracing` subscriber of its own (then
/// [`trace_layer`](crate::trace_layer) and [`export`](crate::export) are for it), or if an export
/// can't be made, such as with a certificate that can't be read. Nothing global has changed then.
pub fn init(config: &VigConfig) -> Result<VigGuard, VigError> {
    init_resolved(config.resolve_from_env(), LogLayer::new)
}

/// Like [`init`], with log lines to `writer`.
///
/// # Errors
///
/// As [`init`].
pub fn init_with_writer(
    config: &VigConfig,
    writer: impl std::io::Write + Send + 'static,
) -> Result<VigGuard, VigError> {
    init_resolved(config.resolve_from_env(), |format| {
        LogLayer::new(format).writer(writer)
    })
}

fn init_resolved(
    resolved: Resolved,
    lines: impl FnOnce(crate::config::LogFormat) -> LogLayer,
) -> Result<VigGuard, VigError> {
    if RUNNING.swap(true, Ordering::AcqRel) {
        return Err(VigError::AlreadyRunning);
    }
    let started = start(resolved, lines);
    if started.is_err() {
        RUNNING.store(false, Ordering::Release);
    }
    started
}

fn start(
    resolved: Resolved,
    lines: impl FnOnce(crate::config::LogFormat) -> LogLayer,
) -> Result<VigGuard, VigError> {
    if tracing::dispatcher::has_been_set() {
        return Err(VigError::SubscriberSet);
    }
    let mut pipeline = Pipeline::default();
    if !resolved.is_disabled() {
        pipeline.traces(&resolved)?;
        pipeline.metrics(&resolved)?;
        pipeline.logs(&resolved)?;
    }
    let lines = lines(resolved.log_format())
        .filter(resolved.log_filter())
        .map_err(VigError::Filter)?
        // Spans that are exported need no line: one looks at them where they go.
        .spans(is_told(&resolved));
    let bridge = pipeline.loggers.as_ref().map(carrier::log_bridge);
    let traces = pipeline
        .tracers
        .as_ref()
        .map(|tracers| carrier::trace_layer(tracers).with_events(bridge.is_none()));
    let subscriber = tracing_subscriber::registry()
        .with(traces)
        .with(bridge)
        .with((!resolved.is_disabled()).then_some(lines));
    if tracing::subscriber::set_global_default(subscriber).is_err() {
        return Err(VigError::SubscriberSet);
    }
    if let Some(tracers) = &pipeline.tracers {
        opentelemetry::global::set_tracer_provider(tracers.clone());
    }
    if let Some(meters) = &pipeline.meters {
        opentelemetry::global::set_meter_provider(meters.clone());
        carrier::set_meter_provider(meters.clone());
    }
    if let Some(redaction) = resolved.redaction() {
        carrier::set_redaction_hook(redaction.clone());
    }
    carrier::set_capture_content(resolved.capture_content());
    carrier::set_content_max_bytes(resolved.content_max_bytes());
    opentelemetry::global::set_text_map_propagator(propagator(&resolved));
    for warning in resolved.warnings() {
        tracing::warn!(target: "vigil", "{warning}");
    }
    for setting in without_effect(&resolved) {
        tracing::warn!(target: "vigil", "{setting}");
    }
    Ok(VigGuard {
        pipeline: Some(pipeline),
        resolved,
    })
}

/// Whether spans are written as lines: where they go nowhere else, or where that was asked for.
fn is_told(resolved: &Resolved) -> bool {
    let traces = resolved.output(Signal::Traces);
    traces.is_on_console() || (traces.target().is_none() && !traces.is_off())
}

/// What can be asked for and is not there yet, with what holds instead.
fn without_effect(resolved: &Resolved) -> Vec<&'static str> {
    let limits = resolved.limits();
    let standard = Limits::default();
    let asked = [
        (
            resolved.histogram_aggregation() == HistogramAggregation::Exponential,
            "exponential histograms are not made: buckets are those of the registry",
        ),
        (
            (limits.log_attributes, limits.log_attribute_length)
                != (standard.log_attributes, standard.log_attribute_length),
            "limits of log records have no effect: they leave as they are",
        ),
        (
            resolved.output(Signal::Metrics).is_on_console()
                || resolved.output(Signal::Logs).is_on_console(),
            "metrics are not written as log lines, and log lines are written anyway",
        ),
    ];
    let asked = asked.into_iter().filter(|(is_asked, _)| *is_asked);
    asked.map(|(_, what)| what).collect()
}

fn propagator(resolved: &Resolved) -> TextMapCompositePropagator {
    let propagators = resolved
        .propagators()
        .iter()
        .map(|propagator| match propagator {
            Propagator::TraceContext => Box::new(TraceContextPropagator::new()) as Box<_>,
            Propagator::Baggage => Box::new(BaggagePropagator::new()) as Box<_>,
        });
    TextMapCompositePropagator::new(propagators.collect())
}

/// What runs.
#[derive(Debug, Default)]
struct Pipeline {
    tracers: Option<SdkTracerProvider>,
    meters: Option<SdkMeterProvider>,
    loggers: Option<SdkLoggerProvider>,
    spans: Option<Monitor>,
    data_points: Option<Monitor>,
    log_records: Option<Monitor>,
}

impl Pipeline {
    fn traces(&mut self, resolved: &Resolved) -> Result<(), ExportError> {
        if resolved.output(Signal::Traces).is_off() {
            return Ok(());
        }
        let limits = resolved.limits();
        let count = |limit: usize| u32::try_from(limit).unwrap_or(u32::MAX);
        let builder = SdkTracerProvider::builder()
            .with_resource(resolved.resource())
            .with_span_limits(SpanLimits {
                max_events_per_span: count(limits.span_events),
                max_attributes_per_span: count(limits.span_attributes),
                max_links_per_span: count(limits.span_links),
                max_attributes_per_event: count(limits.event_attributes),
                max_attributes_per_link: count(limits.link_attributes),
            })
            .with_span_processor(InheritedAttributes::new());
        let builder = match resolved.target(Signal::Traces) {
            None => builder.with_sampler(Sampler::AlwaysOff),
            Some(target) => {
                let spans = Export::to(target.clone())
                    .batch(resolved.span_batch())
                    .spans()?;
                self.spans = Some(spans.monitor());
                builder
                    .with_sampler(Sampler::from(resolved.sampler()))
                    .with_span_processor(processor::Outgoing::new(spans, resolved.clone()))
            }
        };
        self.tracers = Some(builder.build());
        Ok(())
    }

    fn metrics(&mut self, resolved: &Resolved) -> Result<(), ExportError> {
        let Some(target) = resolved.target(Signal::Metrics) else {
            return Ok(());
        };
        let target = target.clone().timeout(resolved.metric_export_timeout());
        let exporter = Export::to(target)
            .metrics()?
            .with_temporality(resolved.temporality().into());
        self.data_points = Some(exporter.monitor());
        let reader = PeriodicReader::builder(exporter)
            .with_interval(resolved.metric_interval())
            .build();
        let provider = SdkMeterProvider::builder()
            .with_resource(resolved.resource())
            .with_reader(reader)
            .build();
        self.meters = Some(provider);
        Ok(())
    }

    fn logs(&mut self, resolved: &Resolved) -> Result<(), ExportError> {
        let Some(target) = resolved.target(Signal::Logs) else {
            return Ok(());
        };
        let records = Export::to(target.clone())
            .batch(resolved.log_batch())
            .logs()?;
        self.log_records = Some(records.monitor());
        let provider = SdkLoggerProvider::builder()
            .with_resource(resolved.resource())
            .with_log_processor(records)
            .build();
        self.loggers = Some(provider);
        Ok(())
    }

    /// Hands over what there is, all signals at once, so that one that hangs costs the others
    /// nothing.
    fn shutdown(&self, timeout: Duration) -> ShutdownReport {
        let deadline = Instant::now() + timeout;
        std::thread::scope(|scope| {
            for monitor in [&self.spans, &self.log_records].into_iter().flatten() {
                // What was lost is counted; there is nobody else to tell.
                scope.spawn(move || monitor.shutdown(timeout).ok());
            }
            if let (Some(meters), Some(monitor)) = (&self.meters, &self.data_points) {
                scope.spawn(move || shutdown_meter_provider(meters, monitor, timeout).ok());
            }
        });
        let stats =
            |monitor: &Option<Monitor>| monitor.as_ref().map(Monitor::stats).unwrap_or_default();
        ShutdownReport {
            traces: stats(&self.spans),
            metrics: stats(&self.data_points),
            logs: stats(&self.log_records),
            in_time: Instant::now() <= deadline + Duration::from_millis(100),
        }
    }
}

/// The running pipeline. Dropping it hands over what it has, within two seconds.
///
/// It ends the exports, not the spans that are open: what they record after that is dropped, and
/// counted.
#[derive(Debug)]
#[must_use = "dropping it shuts the pipeline down"]
pub struct VigGuard {
    pipeline: Option<Pipeline>,
    resolved: Resolved,
}

impl VigGuard {
    /// What holds: the configuration as the environment overrode it.
    pub fn config(&self) -> &Resolved {
        &self.resolved
    }

    /// What was said and doesn't hold.
    pub fn warnings(&self) -> &[Warning] {
        self.resolved.warnings()
    }

    /// What became of a signal's telemetry so far.
    pub fn stats(&self, signal: Signal) -> ExportStats {
        let monitor = self.pipeline.as_ref().and_then(|pipeline| match signal {
            Signal::Traces => pipeline.spans.as_ref(),
            Signal::Metrics => pipeline.data_points.as_ref(),
            Signal::Logs => pipeline.log_records.as_ref(),
        });
        monitor.map(Monitor::stats).unwrap_or_default()
    }

    /// Hands over what there is, within `timeout` whatever the collectors do, and says what became
    /// of it.
    pub fn shutdown(mut self, timeout: Duration) -> ShutdownReport {
        match self.pipeline.take() {
            Some(pipeline) => pipeline.shutdown(timeout),
            None => ShutdownReport::default(),
        }
    }
}

impl Drop for VigGuard {
    fn drop(&mut self) {
        if let Some(pipeline) = self.pipeline.take() {
            let report = pipeline.shutdown(ON_DROP);
            if report.lost() > 0 {
                tracing::warn!(target: "vigil", "{report}");
            }
        }
    }
}

/// What became of everything when the pipeline was shut down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Spans.
    pub traces: ExportStats,
    /// Data points of metrics.
    pub metrics: ExportStats,
    /// Log records.
    pub logs: ExportStats,
    /// Whether it took no longer than it might.
    pub in_time: bool,
}

impl ShutdownReport {
    /// Everything that did not arrive.
    pub fn lost(&self) -> u64 {
        self.traces.lost() + self.metrics.lost() + self.logs.lost()
    }
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (stats, items)) in [
            (self.traces, "spans"),
            (self.metrics, "data points"),
            (self.logs, "log records"),
        ]
        .into_iter()
        .enumerate()
        {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{} {items} delivered", stats.delivered)?;
            if stats.lost() > 0 {
                write!(f, " and {} lost", stats.lost())?;
            }
        }
        Ok(())
    }
}

/// Why there is no pipeline.
#[derive(Debug)]
#[non_exhaustive]
pub enum VigError {
    /// There is one already.
    AlreadyRunning,
    /// The program has a `tracing` subscriber of its own.
    SubscriberSet,
    /// The filter of log lines can't be read.
    Filter(FilterError),
    /// An export can't be made.
    Export(ExportError),
}

impl fmt::Display for VigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyRunning => f.write_str(
                "a pipeline runs already: keep the guard of the first `init`, and call it once",
            ),
            Self::SubscriberSet => f.write_str(
                "the program has a `tracing` subscriber: put `vigil::trace_layer` on that one \
                 instead of calling `init`",
            ),
            Self::Filter(error) => write!(f, "the filter of log lines can't be read: {error}"),
            Self::Export(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for VigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Filter(error) => Some(error),
            Self::Export(error) => Some(error),
            Self::AlreadyRunning | Self::SubscriberSet => None,
        }
    }
}

impl From<ExportError> for VigError {
    fn from(error: ExportError) -> Self {
        Self::Export(error)
    }
}
