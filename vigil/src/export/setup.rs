//! Puts an export together.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_sdk::metrics::Temporality;

use super::courier::Courier;
use super::error::ExportError;
use super::limits::AttributeLimits;
use super::logs::{DeliverLogs, LogExport};
use super::metrics::{DeliverMetrics, Job, MetricExport};
use super::overflow::Overflows;
use super::queue::{Limits, Queue, Reporter};
use super::spans::{DeliverSpans, SharedResource, SpanExport};
use super::stats::{Report, Signal};
use super::target::{Batch, Target};
use super::{logs, spans};

/// Data points that may wait; the reader waits for each collection anyway.
const MAX_POINTS: u64 = 1_000_000;

/// The shortest interval of a worker: an idle one is to sleep, whatever was configured.
const SHORTEST_DELAY: Duration = Duration::from_millis(10);

/// An export of one signal in the making.
///
/// What can be wrong with a target is found out here, not when the first span is lost.
#[derive(Clone)]
pub struct Export {
    target: Target,
    batch: Option<Batch>,
    attributes: AttributeLimits,
    reporter: Reporter,
}

impl Export {
    /// To this target.
    pub fn to(target: Target) -> Self {
        Self {
            target,
            batch: None,
            attributes: AttributeLimits::default(),
            reporter: Arc::new(warn),
        }
    }

    /// In such portions; otherwise as in [`Batch::spans`] and [`Batch::logs`]. Metrics have none.
    #[must_use]
    pub fn batch(mut self, batch: Batch) -> Self {
        self.batch = Some(batch);
        self
    }

    /// Cuts texts in the attributes of spans, of their events and links, and of log records to so
    /// many characters. Unless said, they are not cut.
    #[must_use]
    pub fn attribute_length(mut self, characters: usize) -> Self {
        self.attributes.length = Some(characters);
        self
    }

    /// Drops attributes of a log record beyond so many, which the record says. Unless said, none are
    /// dropped. Those of spans the SDK counts, as its `SpanLimits` say.
    #[must_use]
    pub fn attribute_count(mut self, attributes: usize) -> Self {
        self.attributes.count = Some(attributes);
        self
    }

    /// Tells `reporter` about outages, instead of a `tracing` warning. It is called on the export's
    /// own thread, at the end perhaps on that of the shutdown.
    #[must_use]
    pub fn reporter(mut self, reporter: impl Fn(&Report) + Send + Sync + 'static) -> Self {
        self.reporter = Arc::new(reporter);
        self
    }

    /// Exports spans.
    ///
    /// # Errors
    ///
    /// If the target can't be exported to: see [`ExportError`].
    pub fn spans(self) -> Result<SpanExport, ExportError> {
        let batch = self.batch.unwrap_or_else(Batch::spans);
        let resource = SharedResource::default();
        let deliver = DeliverSpans {
            courier: Courier::new(Signal::Traces, &self.target)?,
            resource: resource.clone(),
            limits: self.attributes,
            length: 0,
        };
        let (limits, size) = (self.limits(batch), spans::size);
        Ok(SpanExport {
            queue: Queue::start(Signal::Traces, limits, |_| 1, size, self.reporter, deliver)?,
            resource,
            flush_bound: batch.export_timeout,
        })
    }

    /// Exports log records.
    ///
    /// # Errors
    ///
    /// If the target can't be exported to: see [`ExportError`].
    pub fn logs(self) -> Result<LogExport, ExportError> {
        let batch = self.batch.unwrap_or_else(Batch::logs);
        let resource = SharedResource::default();
        let deliver = DeliverLogs {
            courier: Courier::new(Signal::Logs, &self.target)?,
            resource: resource.clone(),
            limits: self.attributes,
            length: 0,
        };
        let (limits, size) = (self.limits(batch), logs::size);
        Ok(LogExport {
            queue: Queue::start(Signal::Logs, limits, |_| 1, size, self.reporter, deliver)?,
            resource,
            flush_bound: batch.export_timeout,
        })
    }

    /// Exports metrics, cumulative ones.
    ///
    /// # Errors
    ///
    /// If the target can't be exported to: see [`ExportError`].
    pub fn metrics(self) -> Result<MetricExport, ExportError> {
        let deliver = DeliverMetrics {
            courier: Courier::new(Signal::Metrics, &self.target)?,
        };
        let limits = Limits {
            queue: MAX_POINTS,
            bytes: u64::MAX,
            batch: 1,
            delay: Duration::from_secs(60),
            delivery: self.target.timeout,
            concurrency: 1,
        };
        Ok(MetricExport {
            queue: Queue::start(
                Signal::Metrics,
                limits,
                Job::weight,
                |_| 0,
                self.reporter,
                deliver,
            )?,
            temporality: Temporality::Cumulative,
            overflows: Overflows::default(),
        })
    }

    fn limits(&self, batch: Batch) -> Limits {
        let queue = batch.max_queue_size.max(1);
        Limits {
            queue: queue as u64,
            bytes: batch.max_queue_bytes as u64,
            batch: batch.max_export_batch_size.clamp(1, queue),
            delay: batch.schedule_delay.max(SHORTEST_DELAY),
            delivery: self.target.timeout.min(batch.export_timeout),
            concurrency: batch.max_concurrent_exports.max(1),
        }
    }
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export")
            .field("url", &self.target.shown_url())
            .field("protocol", &self.target.protocol)
            .field("batch", &self.batch)
            .finish_non_exhaustive()
    }
}

fn warn(report: &Report) {
    tracing::warn!(target: "vigil", "{report}");
}
