//! What runs: the SDK's providers, put together as the configuration says.

use std::time::{Duration, Instant};

use opentelemetry_sdk::metrics::{
    Aggregation, Instrument, InstrumentKind, SdkMeterProvider, Stream,
};
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanLimits};

use super::exports::Exports;
use super::lifetime::all_at_once;
use super::{ShutdownReport, Task};
use crate::config::{HistogramAggregation, Resolved};
use crate::export::{ExportError, Signal};
use crate::log::MetricLines;

#[derive(Debug, Default)]
pub(super) struct Pipeline {
    pub(super) tracers: Option<SdkTracerProvider>,
    pub(super) meters: Option<SdkMeterProvider>,
    pub(super) exports: Exports,
}

impl Pipeline {
    pub(super) fn new(
        resolved: &Resolved,
        lines: Option<MetricLines>,
    ) -> Result<Self, ExportError> {
        let mut pipeline = Self::default();
        if !resolved.is_disabled() {
            pipeline.traces(resolved)?;
            pipeline.metrics(resolved, lines)?;
            pipeline.exports.logs(resolved)?;
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
        let mut builder = SdkMeterProvider::builder()
            .with_resource(resolved.resource())
            .with_view(not_of_the_sdk);
        if resolved.histogram_aggregation() == HistogramAggregation::Exponential {
            builder = builder.with_view(exponential);
        }
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

/// Leaves out what the SDK measures of itself, which comes with bound instruments.
fn not_of_the_sdk(instrument: &Instrument) -> Option<Stream> {
    if instrument.scope().name() != "otel.sdk" {
        return None;
    }
    let stream = Stream::builder().with_aggregation(Aggregation::Drop);
    stream.build().ok()
}

/// Makes every histogram exponential, in the size that the specification gives such ones.
fn exponential(instrument: &Instrument) -> Option<Stream> {
    let aggregation = Aggregation::Base2ExponentialHistogram {
        max_size: 160,
        max_scale: 20,
        record_min_max: true,
    };
    if instrument.kind() != InstrumentKind::Histogram {
        return None;
    }
    Stream::builder().with_aggregation(aggregation).build().ok()
}
