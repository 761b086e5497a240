//! What runs: the SDK's providers, put together as the configuration says.

use std::time::{Duration, Instant};

use opentelemetry_sdk::metrics::{
    Aggregation, Instrument, InstrumentKind, SdkMeterProvider, Stream,
};
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanLimits};

use super::exports::Exports;
use super::lifetime::all_at_once;
use super::{ShutdownReport, Task, VigError};
use crate::config::{HistogramAggregation, Resolved};
use crate::export::{ExportError, Signal};
use crate::log::MetricLines;
use crate::views;

#[derive(Debug, Default)]
pub(super) struct Pipeline {
    pub(super) tracers: Option<SdkTracerProvider>,
    pub(super) meters: Option<SdkMeterProvider>,
    pub(super) exports: Exports,
}

impl Pipeline {
    pub(super) fn new(resolved: &Resolved, lines: Option<MetricLines>) -> Result<Self, VigError> {
        let of = |signal| move |error| VigError::Export(signal, error);
        let mut pipeline = Self::default();
        if !resolved.is_disabled() {
            pipeline.traces(resolved).map_err(of(Signal::Traces))?;
            let metrics = pipeline.metrics(resolved, lines);
            metrics.map_err(of(Signal::Metrics))?;
            let logs = pipeline.exports.logs(resolved);
            logs.map_err(of(Signal::Logs))?;
        }
        Ok(pipeline)
    }

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
            });
        self.tracers = Some(self.exports.spans(resolved, builder)?.build());
        Ok(())
    }

    fn metrics(
        &mut self,
        resolved: &Resolved,
        lines: Option<MetricLines>,
    ) -> Result<(), ExportError> {
        if resolved.target(Signal::Metrics).is_none() && lines.is_none() {
            return Ok(());
        }
        let histograms = resolved.histogram_aggregation();
        let mut builder = SdkMeterProvider::builder()
            .with_resource(resolved.resource())
            .with_view(without_the_sdk)
            .with_view(move |instrument: &Instrument| stream(instrument, histograms));
        // Before the export: readers are shut down in this order, and a collector may hang.
        if let Some(lines) = lines {
            builder = builder.with_reader(lines);
        }
        self.meters = Some(self.exports.metrics(resolved, builder)?.build());
        Ok(())
    }

    /// Hands over what there is, all signals at once, so that one that hangs costs the others
    /// nothing, and does `meanwhile` meanwhile.
    pub(super) fn shutdown(
        &self,
        timeout: Duration,
        meanwhile: impl FnOnce() + Send,
    ) -> ShutdownReport {
        let deadline = Instant::now().checked_add(timeout);
        let mut tasks: Vec<Task<'_>> = vec![Box::new(meanwhile)];
        tasks.extend(self.exports.shutdown(self.meters.as_ref(), timeout));
        all_at_once(tasks);
        let late = Duration::from_millis(100);
        self.report(deadline.is_none_or(|deadline| Instant::now() <= deadline + late))
    }

    /// Hands over what there is, and goes on.
    #[cfg(unix)]
    pub(super) fn flush(&self, timeout: Duration) {
        let mut tasks = self.exports.flush(timeout);
        if let Some(meters) = &self.meters {
            tasks.push(Box::new(|| drop(meters.force_flush())));
        }
        all_at_once(tasks);
    }

    pub(super) fn report(&self, in_time: bool) -> ShutdownReport {
        ShutdownReport {
            traces: self.exports.stats(Signal::Traces),
            metrics: self.exports.stats(Signal::Metrics),
            logs: self.exports.stats(Signal::Logs),
            in_time,
        }
    }
}

/// Leaves out what the SDK measures of itself: nobody has asked for it, and [`ExportStats`] tells
/// more. It comes with bound instruments.
///
/// [`ExportStats`]: crate::export::ExportStats
fn without_the_sdk(instrument: &Instrument) -> Option<Stream> {
    if instrument.scope().name() != "otel.sdk" {
        return None;
    }
    Stream::builder()
        .with_aggregation(Aggregation::Drop)
        .build()
        .ok()
}

/// The series that the registry allows, and the buckets that are configured. One view for both: the SDK
/// would take the limit from the first that fits, and the buckets as well.
fn stream(instrument: &Instrument, histograms: HistogramAggregation) -> Option<Stream> {
    let limit = views::cardinality_limit(instrument);
    let is_exponential = histograms == HistogramAggregation::Exponential
        && instrument.kind() == InstrumentKind::Histogram;
    if limit.is_none() && !is_exponential {
        return None;
    }
    let mut stream = Stream::builder();
    if let Some(limit) = limit {
        stream = stream.with_cardinality_limit(limit);
    }
    if is_exponential {
        // The size that the specification gives such histograms.
        stream = stream.with_aggregation(Aggregation::Base2ExponentialHistogram {
            max_size: 160,
            max_scale: 20,
            record_min_max: true,
        });
    }
    stream.build().ok()
}
