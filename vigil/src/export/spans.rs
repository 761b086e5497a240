//! Spans: a span processor over the queue.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use super::courier::Courier;
use super::limits::AttributeLimits;
use super::monitor::{Monitor, sdk_result};
use super::queue::{Deliver, Outcome, Patience, Queue};

/// Exports spans: a processor for `SdkTracerProvider::builder().with_span_processor(…)`.
///
/// The thread that ends a span puts it into a queue, and that is all it does; everything else
/// happens on a thread named `vigil-traces`. Unsampled spans are not exported.
#[derive(Debug)]
pub struct SpanExport {
    pub(super) queue: Arc<Queue<SpanData>>,
    pub(super) resource: SharedResource,
    pub(super) flush_bound: Duration,
}

impl SpanExport {
    /// Numbers, flush and shutdown of this export, for whoever does not hold the processor.
    pub fn monitor(&self) -> Monitor {
        Monitor::new(Arc::clone(&self.queue))
    }
}

impl SpanProcessor for SpanExport {
    fn on_start(&self, _span: &mut Span, _cx: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() {
            self.queue.push(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        sdk_result(self.queue.flush(self.flush_bound), self.flush_bound)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        sdk_result(self.queue.finish(timeout), timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource.set(resource);
    }
}

impl Drop for SpanExport {
    fn drop(&mut self) {
        self.queue.close(super::AFTER_DROP);
    }
}

/// The resource of a provider, which is known only once the provider is built.
#[derive(Clone, Debug, Default)]
pub(super) struct SharedResource(Arc<Mutex<Arc<ResourceAttributesWithSchema>>>);

impl SharedResource {
    pub(super) fn set(&self, resource: &Resource) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(resource.into());
    }

    pub(super) fn get(&self) -> Arc<ResourceAttributesWithSchema> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Takes batches of spans to the collector.
pub(super) struct DeliverSpans {
    pub(super) courier: Courier,
    pub(super) resource: SharedResource,
    pub(super) limits: AttributeLimits,
}

impl Deliver<SpanData> for DeliverSpans {
    fn deliver(&mut self, batch: Vec<SpanData>, patience: &Patience<'_>) -> Outcome {
        let items = batch.len() as u64;
        let mut request = ExportTraceServiceRequest {
            resource_spans: group_spans_by_resource_and_scope(batch, &self.resource.get()),
        };
        self.limits.of_spans(&mut request);
        self.courier.deliver(&request, items, patience)
    }
}
