//! What holds.

use std::fmt;
use std::time::{Duration, SystemTime};

use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;

use super::env::show_duration;
use super::{
    CaptureContent, HistogramAggregation, Limits, LogFormat, Preset, Propagator, Sampler,
    StabilityOptIn, Temporality, Warning,
};
use crate::carrier::Redaction;
use crate::export::{Batch, Compression, Signal, Target};
use crate::generated::registry::REGISTRY;

/// What holds: the configuration in code as the environment overrides it, complete, with the
/// defaults filled in.
///
/// Its `Display` shows it all, for people, without secrets.
#[derive(Clone, Debug)]
pub struct Resolved {
    pub(super) disabled: bool,
    pub(super) outputs: [Output; 3],
    pub(super) preset: Option<Preset>,
    pub(super) resource: Vec<KeyValue>,
    pub(super) sampler: Sampler,
    pub(super) propagators: Vec<Propagator>,
    pub(super) span_batch: Batch,
    pub(super) log_batch: Batch,
    pub(super) metric_interval: Duration,
    pub(super) metric_timeout: Duration,
    pub(super) temporality: Temporality,
    pub(super) histograms: HistogramAggregation,
    pub(super) limits: Limits,
    pub(super) log_format: LogFormat,
    pub(super) log_filter: String,
    pub(super) capture_content: CaptureContent,
    pub(super) content_max_bytes: usize,
    pub(super) shutdown_timeout: Duration,
    pub(super) handle_signals: bool,
    pub(super) panics_are_fatal: bool,
    pub(super) redaction: Option<Redaction>,
    pub(super) stability_opt_in: StabilityOptIn,
    pub(super) warnings: Vec<Warning>,
}

/// Where one signal goes.
#[derive(Clone, Debug, Default)]
pub struct Output {
    pub(super) target: Option<Target>,
    pub(super) console: bool,
    pub(super) off: bool,
}

impl Output {
    /// Where it is exported to, if anywhere.
    pub fn target(&self) -> Option<&Target> {
        self.target.as_ref()
    }

    /// Whether `console` was asked for: structured log lines, beside an export or without.
    pub fn is_on_console(&self) -> bool {
        self.console
    }

    /// Whether it was said that it goes nowhere.
    pub fn is_off(&self) -> bool {
        self.off
    }
}

impl Resolved {
    /// Whether nothing is recorded, logged or exported. Propagation stays.
    pub fn is_disabled(&self) -> bool {
        self.disabled
    }

    /// Whether nothing is exported, so that telemetry stays in the log.
    pub fn is_local(&self) -> bool {
        !self.disabled && self.outputs.iter().all(|output| output.target.is_none())
    }

    /// Where a signal goes.
    pub fn output(&self, signal: Signal) -> &Output {
        &self.outputs[signal as usize]
    }

    /// Where a signal is exported to, if anywhere.
    pub fn target(&self, signal: Signal) -> Option<&Target> {
        self.output(signal).target()
    }

    /// The backend that was chosen by name.
    pub fn preset(&self) -> Option<Preset> {
        self.preset
    }

    /// The attributes that the chosen backend wants on a span beside those it has; none without a
    /// preset. See [`Preset::vendor_attributes`].
    pub fn vendor_attributes<'a, A>(&self, started: SystemTime, attributes: A) -> Vec<KeyValue>
    where
        A: IntoIterator<Item = (&'a str, &'a Value)>,
        A::IntoIter: Clone,
    {
        self.preset.map_or_else(Vec::new, |preset| {
            preset.vendor_attributes(started, attributes)
        })
    }

    /// What everything that is exported comes from. `service.name` is among it.
    pub fn resource_attributes(&self) -> &[KeyValue] {
        &self.resource
    }

    /// The same as the SDK wants it, with the SDK's own name and version, and the schema URL of
    /// Vigil's registry.
    pub fn resource(&self) -> Resource {
        Resource::builder_empty()
            .with_detector(Box::new(TelemetryResourceDetector))
            .with_attributes(self.resource.iter().cloned())
            .with_schema_url([], REGISTRY.scope.schema_url)
            .build()
    }

    /// Which traces are recorded.
    pub fn sampler(&self) -> Sampler {
        self.sampler
    }

    /// What travels to other processes, each once.
    pub fn propagators(&self) -> &[Propagator] {
        &self.propagators
    }

    /// How spans wait and leave.
    pub fn span_batch(&self) -> Batch {
        self.span_batch
    }

    /// How log records wait and leave.
    pub fn log_batch(&self) -> Batch {
        self.log_batch
    }

    /// How often metrics leave, or may be written as log lines.
    pub fn metric_interval(&self) -> Duration {
        self.metric_interval
    }

    /// How long one export of metrics may take.
    pub fn metric_export_timeout(&self) -> Duration {
        self.metric_timeout
    }

    /// Since when exported sums and histograms count.
    pub fn temporality(&self) -> Temporality {
        self.temporality
    }

    /// The buckets of all histograms.
    pub fn histogram_aggregation(&self) -> HistogramAggregation {
        self.histograms
    }

    /// How much spans, events, links and log records may hold.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// How log lines look.
    pub fn log_format(&self) -> LogFormat {
        self.log_format
    }

    /// Which log lines are written.
    pub fn log_filter(&self) -> &str {
        &self.log_filter
    }

    /// Where content goes.
    pub fn capture_content(&self) -> CaptureContent {
        self.capture_content
    }

    /// The categories whose latest names are emitted.
    pub fn stability_opt_in(&self) -> &StabilityOptIn {
        &self.stability_opt_in
    }

    /// What looks at content before it goes there.
    pub(crate) fn redaction(&self) -> Option<&Redaction> {
        self.redaction.as_ref()
    }

    /// The size to which the content of an attribute is cut.
    pub fn content_max_bytes(&self) -> usize {
        self.content_max_bytes
    }

    /// How long the pipeline may take to hand over what it has where nobody says how long.
    pub fn shutdown_timeout(&self) -> Duration {
        self.shutdown_timeout
    }

    /// Whether SIGTERM, SIGINT and SIGHUP are handled.
    pub fn handles_signals(&self) -> bool {
        self.handle_signals
    }

    /// Whether a panic ends the process.
    pub fn panics_are_fatal(&self) -> bool {
        self.panics_are_fatal
    }

    /// What was said and doesn't hold.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }
}

impl fmt::Display for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = |limit: Option<usize>| {
            limit.map_or_else(|| "no limit".to_owned(), |limit| limit.to_string())
        };
        if self.disabled {
            writeln!(f, "disabled")?;
        }
        for signal in super::outputs::SIGNALS {
            writeln!(f, "{signal}: {}", self.output(signal))?;
        }
        if let Some(preset) = self.preset {
            writeln!(f, "preset: {preset}")?;
        }
        for attribute in &self.resource {
            writeln!(f, "{}: {}", attribute.key, attribute.value)?;
        }
        writeln!(f, "sampler: {}", self.sampler)?;
        let propagators: Vec<_> = self.propagators.iter().map(|it| it.as_str()).collect();
        writeln!(f, "propagators: {}", propagators.join(", "))?;
        for (name, batch) in [("spans", self.span_batch), ("log records", self.log_batch)] {
            writeln!(
                f,
                "{name}: {} may wait, {} a request, {} requests at once, every {}, {} for an export",
                batch.max_queue_size,
                batch.max_export_batch_size,
                batch.max_concurrent_exports,
                show_duration(&batch.schedule_delay),
                show_duration(&batch.export_timeout),
            )?;
        }
        writeln!(
            f,
            "measurements: every {}, {} for an export, {}, {}",
            show_duration(&self.metric_interval),
            show_duration(&self.metric_timeout),
            self.temporality,
            self.histograms,
        )?;
        writeln!(
            f,
            "limits: {} attributes, {} events, {} links a span; {} attributes an event, {} a link, \
             {} a log record; text: {} on spans, {} on log records",
            self.limits.span_attributes,
            self.limits.span_events,
            self.limits.span_links,
            self.limits.event_attributes,
            self.limits.link_attributes,
            self.limits.log_attributes,
            limit(self.limits.span_attribute_length),
            limit(self.limits.log_attribute_length),
        )?;
        writeln!(f, "log lines: {}, {}", self.log_format, self.log_filter)?;
        write!(
            f,
            "content: {}, at most {} bytes",
            self.capture_content, self.content_max_bytes
        )?;
        if self.redaction.is_some() {
            f.write_str(", redacted")?;
        }
        if !self.stability_opt_in.is_empty() {
            write!(f, "\nopted in to: {}", self.stability_opt_in)?;
        }
        write!(
            f,
            "\nend: {} to hand over",
            show_duration(&self.shutdown_timeout)
        )?;
        if self.handle_signals && cfg!(unix) {
            write!(f, ", signals are handled")?;
        }
        if self.panics_are_fatal {
            write!(f, ", panics are fatal")?;
        }
        for warning in &self.warnings {
            write!(f, "\nwarning: {warning}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Some(target) => {
                let headers: Vec<_> = target
                    .headers
                    .iter()
                    .map(|(name, _)| name.as_str())
                    .collect();
                write!(f, "{} to {}", target.protocol, target.shown_url())?;
                if !headers.is_empty() {
                    write!(f, ", with {}", headers.join(", "))?;
                }
                if target.compression == Compression::Gzip {
                    write!(f, ", gzip")?;
                }
                write!(f, ", {}", show_duration(&target.timeout))?;
            }
            None if self.off => write!(f, "off")?,
            None => write!(f, "not exported")?,
        }
        if self.console {
            write!(f, ", console")?;
        }
        Ok(())
    }
}
