//! The SDK's part, the same for all: a batch processor and a reader whose time never comes.

use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{BatchSpanProcessor, Sampler, SdkTracerProvider, SpanProcessor};

use crate::cases::Case;
use crate::sinks::{Kept, Metrics, Spans};

/// Longer than anything here takes.
pub(crate) const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

static COLLECT: OnceLock<Box<dyn Fn() + Send + Sync>> = OnceLock::new();

/// Says how the metrics of this process are collected: it has one provider.
pub(crate) fn collect_with(collect: impl Fn() + Send + Sync + 'static) {
    let _ = COLLECT.set(Box::new(collect));
}

/// Collects the metrics of this process.
pub(crate) fn collect() {
    if let Some(collect) = COLLECT.get() {
        collect();
    }
}

pub(crate) fn batches(kept: Option<&Kept>) -> BatchSpanProcessor {
    BatchSpanProcessor::builder(Spans(kept.cloned())).build()
}

pub(crate) fn tracers(case: Case, processor: impl SpanProcessor + 'static) -> SdkTracerProvider {
    let sampler = match case {
        Case::SampledOut => Sampler::AlwaysOff,
        _ => Sampler::AlwaysOn,
    };
    SdkTracerProvider::builder()
        .with_sampler(sampler)
        .with_span_processor(processor)
        .build()
}

pub(crate) fn meters(kept: Option<&Kept>) -> SdkMeterProvider {
    let reader = PeriodicReader::builder(Metrics(kept.cloned()))
        .with_interval(NEVER)
        .build();
    let meters = SdkMeterProvider::builder().with_reader(reader).build();
    collect_with({
        let meters = meters.clone();
        move || meters.force_flush().expect("the exporter takes all")
    });
    meters
}
