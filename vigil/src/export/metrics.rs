//! Metrics: an exporter for the SDK's periodic reader.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{SdkMeterProvider, Temporality};

use super::courier::Courier;
use super::monitor::{Monitor, sdk_result};
use super::overflow::Overflows;
use super::queue::{Batch, Deliver, Flush, Outcome, Patience, Queue};

/// Exports metrics: an exporter for `PeriodicReader::builder(…)`.
///
/// What the reader collects is sent on a thread named `vigil-metrics`; `export` gives a future that
/// needs no runtime and blocks nobody who polls it. To shut down a meter provider within a bound,
/// which the SDK's own shutdown does not keep, use [`shutdown_meter_provider`].
///
/// A metric with more series than its instrument has room for is told of once, by name, as a `tracing`
/// warning with the target `vigil`.
#[derive(Debug)]
pub struct MetricExport {
    pub(super) queue: Arc<Queue<Job>>,
    pub(super) temporality: Temporality,
    pub(super) overflows: Overflows,
}

impl MetricExport {
    /// Reports changes since the last export (`Delta`), or since the start (`Cumulative`, the
    /// default).
    #[must_use]
    pub fn with_temporality(mut self, temporality: Temporality) -> Self {
        self.temporality = temporality;
        self
    }

    /// Numbers and shutdown of this export, for whoever does not hold the exporter.
    pub fn monitor(&self) -> Monitor {
        Monitor::new(Arc::clone(&self.queue))
    }
}

impl PushMetricExporter for MetricExport {
    fn export(&self, metrics: &ResourceMetrics) -> impl Future<Output = OTelSdkResult> + Send {
        let request = ExportMetricsServiceRequest::from(metrics);
        self.overflows.tell(&request);
        let points = data_points(&request);
        let reply = Reply::default();
        if points == 0 {
            reply.give(Ok(()));
        } else {
            self.queue.push(Job {
                request,
                points,
                reply: Some(Promise(reply.clone())),
            });
        }
        reply
    }

    fn force_flush(&self) -> OTelSdkResult {
        let bound = Duration::from_secs(30);
        sdk_result(self.queue.flush(bound), bound)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        sdk_result(self.queue.finish(timeout), timeout)
    }

    fn temporality(&self) -> Temporality {
        self.temporality
    }
}

impl Drop for MetricExport {
    fn drop(&mut self) {
        self.queue.close(super::AFTER_DROP);
    }
}

fn data_points(request: &ExportMetricsServiceRequest) -> u64 {
    let points = |data: &Data| match data {
        Data::Gauge(gauge) => gauge.data_points.len(),
        Data::Sum(sum) => sum.data_points.len(),
        Data::Histogram(histogram) => histogram.data_points.len(),
        Data::ExponentialHistogram(histogram) => histogram.data_points.len(),
        Data::Summary(summary) => summary.data_points.len(),
    };
    let points: usize = request
        .resource_metrics
        .iter()
        .flat_map(|resource| &resource.scope_metrics)
        .flat_map(|scope| &scope.metrics)
        .filter_map(|metric| metric.data.as_ref())
        .map(points)
        .sum();
    points as u64
}

/// One collection on its way.
#[derive(Debug)]
pub(super) struct Job {
    request: ExportMetricsServiceRequest,
    points: u64,
    reply: Option<Promise>,
}

impl Job {
    pub(super) fn weight(&self) -> u64 {
        self.points
    }
}

/// Takes collections to the collector.
#[derive(Clone)]
pub(super) struct DeliverMetrics {
    pub(super) courier: Courier,
}

impl Deliver<Job> for DeliverMetrics {
    fn deliver(&mut self, batch: Batch<Job>, patience: &Patience<'_>) -> Outcome {
        let mut whole = Outcome::default();
        for mut job in batch.into_iter() {
            let outcome = self.courier.deliver(&job.request, job.points, patience);
            if let Some(promise) = job.reply.take() {
                promise.keep(&outcome);
            }
            whole = whole.and(outcome);
        }
        whole
    }
}

/// The result of an export that is under way.
#[derive(Clone, Debug, Default)]
struct Reply(Arc<Mutex<ReplyState>>);

#[derive(Debug, Default)]
struct ReplyState {
    result: Option<OTelSdkResult>,
    waker: Option<Waker>,
}

impl Reply {
    fn give(&self, result: OTelSdkResult) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.result = Some(result);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Future for Reply {
    type Output = OTelSdkResult;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<OTelSdkResult> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(result) = state.result.take() {
            return Poll::Ready(result);
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// Gives a reply, whatever happens to its export.
#[derive(Debug)]
struct Promise(Reply);

impl Promise {
    fn keep(self, outcome: &Outcome) {
        self.0.give(match &outcome.reason {
            None => Ok(()),
            Some(reason) => Err(OTelSdkError::InternalFailure(reason.clone())),
        });
        // It has been kept.
        std::mem::forget(self);
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.0.give(Err(OTelSdkError::InternalFailure(
            "the metrics were given up".to_owned(),
        )));
    }
}

/// Shuts down a meter provider within `timeout`, whatever its collector and its callbacks do.
///
/// The SDK's own shutdown waits for five seconds however little it is given. This one collects and
/// sends for the last time on a thread of its own. What is not through in time is given up and
/// counted in `monitor`.
///
/// # Errors
///
/// If not all of it was delivered, or the provider was shut down before.
pub fn shutdown_meter_provider(
    provider: &SdkMeterProvider,
    monitor: &Monitor,
    timeout: Duration,
) -> OTelSdkResult {
    let failed_before = monitor.stats().lost();
    monitor.hurry(timeout);
    let (sender, result) = std::sync::mpsc::channel();
    let helper = provider.clone();
    let started = std::thread::Builder::new()
        .name("vigil-shutdown".to_owned())
        .spawn(move || {
            // Nobody may be left to hear it.
            let _ = sender.send(helper.shutdown());
        });
    let result = match started {
        Ok(_) => result.recv_timeout(timeout),
        Err(error) => {
            monitor.finish(Duration::ZERO);
            return Err(OTelSdkError::InternalFailure(format!(
                "can't start a thread for the shutdown: {error}"
            )));
        }
    };
    // Usually over by now. If not, it ends here, and with it the wait of the thread.
    let end = monitor.finish(Duration::ZERO);
    match result {
        Err(_) => Err(OTelSdkError::Timeout(timeout)),
        Ok(_) if end == Flush::TimedOut => Err(OTelSdkError::Timeout(timeout)),
        Ok(result) => {
            let lost = monitor.stats().lost() - failed_before;
            if lost == 0 {
                return result;
            }
            Err(OTelSdkError::InternalFailure(format!(
                "{lost} data points were lost"
            )))
        }
    }
}
