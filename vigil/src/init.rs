//! One call to a whole pipeline.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::propagation::TextMapCompositePropagator;
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use tracing_subscriber::layer::SubscriberExt;

use self::lifetime::Running;
use self::pipeline::Pipeline;
use crate::carrier::{self, Reason};
use crate::config::{Propagator, Resolved, VigConfig, Warning};
use crate::export::{ExportError, ExportStats, Signal};
use crate::log::{LogLayer, MetricLines};

#[cfg_attr(not(feature = "_otlp"), path = "init/no_exports.rs")]
mod exports;
mod lifetime;
mod pipeline;
#[cfg(feature = "_otlp")]
mod processor;
#[cfg(unix)]
mod signals;

pub use lifetime::exit;

/// Something that may take its time.
type Task<'a> = Box<dyn FnOnce() + Send + 'a>;

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
/// If `init` has succeeded before in this process, if the program has a `tracing` subscriber of its own (then
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
    let lines = lines(resolved.log_format())
        .filtered(resolved.log_filter())
        // Spans that are exported need no line: one looks at them where they go.
        .spans(is_told(&resolved));
    let metric_lines = (are_metrics_told(&resolved) && lines.wants_metrics())
        .then(|| MetricLines::every(resolved.metric_interval()));
    let lines = match &metric_lines {
        Some(metrics) => lines.metrics(metrics),
        None => lines,
    };
    let pipeline = Pipeline::new(&resolved, metric_lines)?;
    let bridge = pipeline.exports.bridge();
    let traces = pipeline.tracers.as_ref().map(|tracers| {
        carrier::trace_layer(tracers)
            .with_events(bridge.is_none())
            .with_fields(false)
    });
    let subscriber = tracing_subscriber::registry()
        .with(traces)
        .with(bridge)
        .with((!resolved.is_disabled()).then_some(lines));
    if tracing::subscriber::set_global_default(subscriber).is_err() {
        return Err(VigError::SubscriberSet);
    }
    carrier::set_stability_opt_in(resolved.stability_opt_in().clone());
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
    if resolved.is_disabled() {
        return Ok(VigGuard {
            running: None,
            #[cfg(unix)]
            signals: None,
            resolved,
        });
    }
    let running = Running::start(pipeline, resolved.shutdown_timeout());
    if resolved.panics_are_fatal() {
        lifetime::end_at_panic();
    }
    #[cfg(unix)]
    let signals = resolved
        .handles_signals()
        .then(|| {
            signals::handle(&running).inspect_err(|error| {
                tracing::warn!(target: "vigil", "signals are not handled: {error}");
            })
        })
        .and_then(Result::ok);
    Ok(VigGuard {
        running: Some(running),
        #[cfg(unix)]
        signals,
        resolved,
    })
}

/// Whether spans are written as lines: where they go nowhere else, or where that was asked for.
fn is_told(resolved: &Resolved) -> bool {
    let traces = resolved.output(Signal::Traces);
    traces.is_on_console() || (traces.target().is_none() && !traces.is_off())
}

/// Whether metrics are written as lines: where nothing at all is exported, or where that was asked
/// for.
fn are_metrics_told(resolved: &Resolved) -> bool {
    let metrics = resolved.output(Signal::Metrics);
    metrics.is_on_console() || (resolved.is_local() && !metrics.is_off())
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

/// The running pipeline. Dropping it ends it, within the
/// [shutdown timeout](VigConfig::shutdown_timeout).
///
/// So do [`exit`] and `std::process::exit`, SIGTERM, SIGINT and SIGHUP
/// ([how](VigConfig::handle_signals)), and a panic that [ends the
/// process](VigConfig::panics_are_fatal). Spans that are still open end then, the deepest first, with
/// the `error.type` `terminated` (or `panic`), unless something else was recorded of how they ended,
/// or an error was seen, as by [`run`](crate::carrier::Handle::run); what they record afterwards has
/// no effect. Spans that are started later are not exported; what would have been is counted as dropped.
#[derive(Debug)]
#[must_use = "dropping it shuts the pipeline down"]
pub struct VigGuard {
    running: Option<Arc<Running>>,
    #[cfg(unix)]
    signals: Option<signals::Handled>,
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
        let running = self.running.as_ref();
        running.map_or_else(ExportStats::default, |it| it.pipeline.exports.stats(signal))
    }

    /// Ends what is open and hands over what there is, within `timeout` whatever the collectors do,
    /// and says what became of it.
    pub fn shutdown(mut self, timeout: Duration) -> ShutdownReport {
        self.end(timeout).unwrap_or_default()
    }

    fn end(&mut self, timeout: Duration) -> Option<ShutdownReport> {
        let running = self.running.take()?;
        let reason = if std::thread::panicking() {
            Reason::panic()
        } else {
            Reason::Terminated
        };
        let report = running.shutdown(reason, timeout);
        // Until here a signal waits for the end instead of cutting it off.
        #[cfg(unix)]
        drop(self.signals.take());
        Some(report)
    }
}

impl Drop for VigGuard {
    fn drop(&mut self) {
        let report = self.end(self.resolved.shutdown_timeout());
        if let Some(report) = report.filter(|report| report.lost() > 0) {
            tracing::warn!(target: "vigil", "{report}");
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
        let signals = [
            (self.traces, "spans"),
            (self.metrics, "data points"),
            (self.logs, "log records"),
        ];
        if signals.iter().all(|(stats, _)| stats.created == 0) {
            return f.write_str("nothing was exported");
        }
        for (at, (stats, items)) in signals.into_iter().enumerate() {
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
#[non_exhaustive]
pub enum VigError {
    /// There is one already, or there was: a process has one.
    AlreadyRunning,
    /// The program has a `tracing` subscriber of its own.
    SubscriberSet,
    /// A signal can't be exported.
    Export(Signal, ExportError),
}

/// What `main` prints of an error that it returns.
impl fmt::Debug for VigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for VigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyRunning => f.write_str(
                "`init` has been called before: a process has one pipeline, which ends with the \
                 guard of the first call",
            ),
            Self::SubscriberSet => f.write_str(
                "the program has a `tracing` subscriber: put `vigil::trace_layer` on that one \
                 instead of calling `init`",
            ),
            Self::Export(signal, error) => write!(f, "{signal} can't be exported: {error}"),
        }
    }
}

impl std::error::Error for VigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Export(_, error) => Some(error),
            Self::AlreadyRunning | Self::SubscriberSet => None,
        }
    }
}
