//! The part of a pipeline that leaves the process, where no transport is built in: nothing does.

#![allow(
    clippy::unnecessary_wraps,
    clippy::unused_self,
    reason = "it stands in for the one that does"
)]

use std::time::Duration;

use opentelemetry_sdk::metrics::{MeterProviderBuilder, SdkMeterProvider};
use opentelemetry_sdk::trace::{Sampler, TracerProviderBuilder};
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Identity;

use super::Task;
use crate::config::Resolved;
use crate::export::{ExportError, ExportStats, Signal};

#[derive(Debug, Default)]
pub(super) struct Exports;

impl Exports {
    pub(super) fn spans(
        &mut self,
        _: &Resolved,
        builder: TracerProviderBuilder,
    ) -> Result<TracerProviderBuilder, ExportError> {
        Ok(builder.with_sampler(Sampler::AlwaysOff))
    }

    pub(super) fn metrics(
        &mut self,
        _: &Resolved,
        builder: MeterProviderBuilder,
    ) -> Result<MeterProviderBuilder, ExportError> {
        Ok(builder)
    }

    pub(super) fn logs(&mut self, _: &Resolved) -> Result<(), ExportError> {
        Ok(())
    }

    pub(super) fn bridge<S: Subscriber>(&self) -> Option<impl Layer<S> + use<S>> {
        None::<Identity>
    }

    pub(super) fn stats(&self, _: Signal) -> ExportStats {
        ExportStats::default()
    }

    pub(super) fn shutdown<'a>(
        &'a self,
        meters: Option<&'a SdkMeterProvider>,
        _: Duration,
    ) -> Vec<Task<'a>> {
        let meters = meters.into_iter();
        meters
            .map(|meters| Box::new(|| drop(meters.shutdown())) as Task<'_>)
            .collect()
    }

    #[cfg(unix)]
    pub(super) fn flush(&self, _: Duration) -> Vec<Task<'_>> {
        Vec::new()
    }
}
