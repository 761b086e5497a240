//! Spans: a span processor over the queue.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::{Array, Context, KeyValue, StringValue, Value};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use super::courier::Courier;
use super::encode::in_requests;
use super::limits::AttributeLimits;
use super::monitor::{Monitor, sdk_result};
use super::queue::{Batch, Deliver, Outcome, Patience, Queue};
use super::span_request;

/// Exports spans: a processor for `SdkTracerProvider::builder().with_span_processor(…)`.
///
/// The thread that ends a span puts it into a queue, and that is all it does; everything else
/// happens on a thread named `vigil-traces`, or on several, where one is too slow. Unsampled spans are not exported.
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
#[derive(Clone, Debug)]
pub(super) struct SharedResource(Arc<Mutex<Resource>>);

impl SharedResource {
    pub(super) fn set(&self, resource: &Resource) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = resource.clone();
    }

    pub(super) fn get(&self) -> Resource {
        let resource = self.0.lock();
        resource.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Default for SharedResource {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Resource::builder_empty().build())))
    }
}

/// Takes batches of spans to the collector.
#[derive(Clone)]
pub(super) struct DeliverSpans {
    pub(super) courier: Courier,
    pub(super) resource: SharedResource,
    pub(super) limits: AttributeLimits,
    /// Bytes of the last request: the next may be as long.
    pub(super) length: usize,
}

impl Deliver<SpanData> for DeliverSpans {
    fn deliver(&mut self, batch: Batch<SpanData>, patience: &Patience<'_>) -> Outcome {
        let resource = self.resource.get();
        let spans: Vec<_> = batch.iter().collect();
        let requests = in_requests(&spans, &mut |spans| {
            let spans = spans.iter().copied();
            let request = span_request::encode(spans, &resource, self.limits, self.length);
            self.length = request.len();
            request
        });
        drop(spans);
        // Not needed for the retries.
        drop(batch);
        self.courier
            .deliver_all::<ExportTraceServiceRequest>(requests, patience)
    }
}

/// About how many bytes of memory a span takes: itself, its attributes and their texts.
pub(super) fn size(span: &SpanData) -> u64 {
    let events = span
        .events
        .iter()
        .map(|event| attributes(&event.attributes));
    let links = span.links.iter().map(|link| attributes(&link.attributes));
    let parts = attributes(&span.attributes) + events.chain(links).sum::<usize>();
    (size_of::<SpanData>() + parts) as u64
}

fn attributes(attributes: &[KeyValue]) -> usize {
    let texts = attributes.iter().map(|attribute| match &attribute.value {
        Value::String(text) => text.as_str().len(),
        Value::Array(Array::String(texts)) => texts
            .iter()
            .map(|text| size_of::<StringValue>() + text.as_str().len())
            .sum(),
        // Their elements are small, and few.
        _ => 0,
    });
    size_of_val(attributes) + texts.sum::<usize>()
}
