//! The part of a pipeline that leaves the process.

use std::time::Duration;

use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::{MeterProviderBuilder, PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{Sampler, TracerProviderBuilder};
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

use super::{Task, processor};
use crate::carrier::{self, InheritedAttributes};
use crate::config::Resolved;
use crate::export::{Export, ExportError, ExportStats, Monitor, Signal, shutdown_meter_provider};

#[derive(Debug, Default)]
pub(super) struct Exports {
    loggers: Option<SdkLoggerProvider>,
    spans: Option<Monitor>,
    data_points: Option<Monitor>,
    log_records: Option<Monitor>,
}

impl Exports {
    /// Where spans go; if that is nowhere, they are not sampled.
    pub(super) fn spans(
        &mut self,
        resolved: &Resolved,
        builder: TracerProviderBuilder,
    ) -> Result<TracerProviderBuilder, ExportError> {
        let Some(target) = resolved.target(Signal::Traces) else {
            return Ok(builder
                .with_sampler(Sampler::AlwaysOff)
                .with_span_processor(InheritedAttributes::new()));
        };
        let mut export = Export::to(target.clone()).batch(resolved.span_batch());
        if let Some(length) = resolved.limits().span_attribute_length {
            export = export.attribute_length(length);
        }
        let spans = export.spans()?;
        self.spans = Some(spans.monitor());
        let outgoing = processor::Outgoing::new(spans, resolved.clone());
        Ok(builder
            .with_sampler(Sampler::from(resolved.sampler()))
            .with_span_processor(InheritedAttributes::before(outgoing)))
    }

    pub(super) fn metrics(
        &mut self,
        resolved: &Resolved,
        builder: MeterProviderBuilder,
    ) -> Result<MeterProviderBuilder, ExportError> {
        let Some(target) = resolved.target(Signal::Metrics) else {
            return Ok(builder);
        };
        let timeout = target.timeout.min(resolved.metric_export_timeout());
        let exporter = Export::to(target.clone().timeout(timeout))
            .metrics()?
            .with_temporality(resolved.temporality().into());
        self.data_points = Some(exporter.monitor());
        let reader = PeriodicReader::builder(exporter)
            .with_interval(resolved.metric_interval())
            .build();
        Ok(builder.with_reader(reader))
    }

    pub(super) fn logs(&mut self, resolved: &Resolved) -> Result<(), ExportError> {
        let Some(target) = resolved.target(Signal::Logs) else {
            return Ok(());
        };
        let limits = resolved.limits();
        let mut export = Export::to(target.clone())
            .batch(resolved.log_batch())
            .attribute_count(limits.log_attributes);
        if let Some(length) = limits.log_attribute_length {
            export = export.attribute_length(length);
        }
        let records = export.logs()?;
        self.log_records = Some(records.monitor());
        let provider = SdkLoggerProvider::builder()
            .with_resource(resolved.resource())
            .with_log_processor(records)
            .build();
        self.loggers = Some(provider);
        Ok(())
    }

    /// The layer that makes log records of log lines.
    pub(super) fn bridge<S>(&self) -> Option<impl Layer<S> + use<S>>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        self.loggers.as_ref().map(carrier::log_bridge)
    }

    pub(super) fn stats(&self, signal: Signal) -> ExportStats {
        let monitor = match signal {
            Signal::Traces => &self.spans,
            Signal::Metrics => &self.data_points,
            Signal::Logs => &self.log_records,
        };
        monitor.as_ref().map(Monitor::stats).unwrap_or_default()
    }

    /// What it takes to end it all. What is lost is counted; there is nobody else to tell.
    pub(super) fn shutdown<'a>(
        &'a self,
        meters: Option<&'a SdkMeterProvider>,
        timeout: Duration,
    ) -> Vec<Task<'a>> {
        let monitors = [&self.spans, &self.log_records].into_iter().flatten();
        let mut tasks: Vec<Task<'_>> = monitors
            .map(|monitor| Box::new(move || drop(monitor.shutdown(timeout))) as Task<'_>)
            .collect();
        match (meters, &self.data_points) {
            (Some(meters), Some(monitor)) => tasks.push(Box::new(move || {
                drop(shutdown_meter_provider(meters, monitor, timeout));
            })),
            (Some(meters), None) => tasks.push(Box::new(|| drop(meters.shutdown()))),
            (None, _) => {}
        }
        tasks
    }

    /// What it takes to hand over all but the metrics.
    #[cfg(unix)]
    pub(super) fn flush(&self, timeout: Duration) -> Vec<Task<'_>> {
        let monitors = [&self.spans, &self.log_records].into_iter().flatten();
        monitors
            .map(|monitor| Box::new(move || drop(monitor.flush(timeout))) as Task<'_>)
            .collect()
    }
}
