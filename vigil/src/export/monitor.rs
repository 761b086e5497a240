//! An export as seen by whoever does not own it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};

use super::queue::{Flush, Queue};
use super::stats::ExportStats;

/// Looks after an export that a provider of the SDK owns: its numbers, and bounded flushes.
#[derive(Clone)]
pub struct Monitor(Arc<dyn Watched>);

impl Monitor {
    pub(super) fn new<T: Send + 'static>(queue: Arc<Queue<T>>) -> Self {
        Self(queue)
    }

    /// What became of everything so far.
    pub fn stats(&self) -> ExportStats {
        self.0.stats()
    }

    /// Exports what has been handed over so far.
    ///
    /// # Errors
    ///
    /// If not all of it was delivered within `timeout`.
    pub fn flush(&self, timeout: Duration) -> OTelSdkResult {
        sdk_result(self.0.flush(timeout), timeout)
    }

    /// Ends the export: what waits is sent, and what is not through within `timeout` has failed.
    ///
    /// Shutting down the provider does the same. Only metrics need their provider for it, as it
    /// collects for the last time: see [`shutdown_meter_provider`](super::shutdown_meter_provider).
    ///
    /// # Errors
    ///
    /// If something was lost on the way out, or the export had been shut down before.
    pub fn shutdown(&self, timeout: Duration) -> OTelSdkResult {
        sdk_result(self.0.finish(timeout), timeout)
    }

    pub(super) fn hurry(&self, bound: Duration) {
        self.0.hurry(bound);
    }

    pub(super) fn finish(&self, bound: Duration) -> Flush {
        self.0.finish(bound)
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Monitor").field(&self.stats()).finish()
    }
}

/// A queue of whatever.
trait Watched: Send + Sync {
    fn stats(&self) -> ExportStats;
    fn flush(&self, bound: Duration) -> Flush;
    fn hurry(&self, bound: Duration);
    fn finish(&self, bound: Duration) -> Flush;
}

impl<T: Send + 'static> Watched for Queue<T> {
    fn stats(&self) -> ExportStats {
        Queue::stats(self)
    }

    fn flush(&self, bound: Duration) -> Flush {
        Queue::flush(self, bound)
    }

    fn hurry(&self, bound: Duration) {
        Queue::hurry(self, bound);
    }

    fn finish(&self, bound: Duration) -> Flush {
        Queue::finish(self, bound)
    }
}

/// In the SDK's terms.
pub(super) fn sdk_result(flush: Flush, bound: Duration) -> OTelSdkResult {
    match flush {
        Flush::Done { lost: 0 } => Ok(()),
        Flush::Done { lost } => Err(OTelSdkError::InternalFailure(format!(
            "{lost} could not be delivered"
        ))),
        Flush::TimedOut => Err(OTelSdkError::Timeout(bound)),
        Flush::Closed => Err(OTelSdkError::AlreadyShutdown),
    }
}
