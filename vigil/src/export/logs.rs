//! Log records: a log processor over the queue.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentelemetry::logs::{AnyValue, LogRecord as _};
use opentelemetry::{InstrumentationScope, Key};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogProcessor, SdkLogRecord};

use super::courier::Courier;
use super::encode::in_requests;
use super::limits::AttributeLimits;
use super::log_request;
use super::monitor::{Monitor, sdk_result};
use super::queue::{Batch, Deliver, Outcome, Patience, Queue};
use super::spans::SharedResource;

/// A log record and the scope that it was made in.
pub(super) type Record = Box<(SdkLogRecord, InstrumentationScope)>;

/// Exports log records: a processor for `SdkLoggerProvider::builder().with_log_processor(…)`.
///
/// The thread that logs puts a copy of the record into a queue; everything else happens on a
/// thread named `vigil-logs`, or on several, where one is too slow.
#[derive(Debug)]
pub struct LogExport {
    pub(super) queue: Arc<Queue<Record>>,
    pub(super) resource: SharedResource,
    pub(super) flush_bound: Duration,
}

impl LogExport {
    /// Numbers, flush and shutdown of this export, for whoever does not hold the processor.
    pub fn monitor(&self) -> Monitor {
        Monitor::new(Arc::clone(&self.queue))
    }
}

impl LogProcessor for LogExport {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        let mut record = record.clone();
        if record.observed_timestamp().is_none() {
            // The encoding can't do without.
            record.set_observed_timestamp(SystemTime::now());
        }
        self.queue.push(Box::new((record, scope.clone())));
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

impl Drop for LogExport {
    fn drop(&mut self) {
        self.queue.close(super::AFTER_DROP);
    }
}

/// Takes batches of log records to the collector.
#[derive(Clone)]
pub(super) struct DeliverLogs {
    pub(super) courier: Courier,
    pub(super) resource: SharedResource,
    pub(super) limits: AttributeLimits,
    /// Bytes of the last request: the next may be as long.
    pub(super) length: usize,
}

impl Deliver<Record> for DeliverLogs {
    fn deliver(&mut self, batch: Batch<Record>, patience: &Patience<'_>) -> Outcome {
        let resource = self.resource.get();
        let records: Vec<_> = batch.iter().collect();
        let requests = in_requests(&records, &mut |records| {
            let records = records.iter().map(|record| (&record.0, &record.1));
            let request = log_request::encode(records, &resource, self.limits, self.length);
            self.length = request.len();
            request
        });
        drop(records);
        // Not needed for the retries.
        drop(batch);
        self.courier
            .deliver_all::<ExportLogsServiceRequest>(requests, patience)
    }
}

/// About how many bytes of memory a record takes: itself, its attributes and all texts.
pub(super) fn size(record: &Record) -> u64 {
    let record = &record.0;
    let attributes = record.attributes_iter();
    let attributes = attributes.map(|(_, value)| size_of::<(Key, AnyValue)>() + texts(value));
    let body = record.body().map(texts).unwrap_or_default();
    (size_of::<SdkLogRecord>() + body + attributes.sum::<usize>()) as u64
}

/// Of a value, however deep.
fn texts(value: &AnyValue) -> usize {
    match value {
        AnyValue::String(text) => text.as_str().len(),
        AnyValue::Bytes(bytes) => bytes.len(),
        AnyValue::ListAny(values) => {
            size_of_val(values.as_slice()) + values.iter().map(texts).sum::<usize>()
        }
        AnyValue::Map(values) => values
            .iter()
            .map(|(key, value)| size_of::<(Key, AnyValue)>() + key.as_str().len() + texts(value))
            .sum(),
        _ => 0,
    }
}
