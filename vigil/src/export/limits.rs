//! How much the attributes of what leaves may hold.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};

/// Limits for attributes; without, there is none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AttributeLimits {
    /// Characters of a text.
    pub(super) length: Option<usize>,
    /// Attributes of a log record.
    pub(super) count: Option<usize>,
}

impl AttributeLimits {
    pub(super) fn of_spans(self, request: &mut ExportTraceServiceRequest) {
        let Some(length) = self.length else {
            return;
        };
        let resources = request.resource_spans.iter_mut();
        let scopes = resources.flat_map(|resource| &mut resource.scope_spans);
        for span in scopes.flat_map(|scope| &mut scope.spans) {
            cut_all(&mut span.attributes, length);
            for event in &mut span.events {
                cut_all(&mut event.attributes, length);
            }
            for link in &mut span.links {
                cut_all(&mut link.attributes, length);
            }
        }
    }

    pub(super) fn of_log_records(self, request: &mut ExportLogsServiceRequest) {
        let resources = request.resource_logs.iter_mut();
        let scopes = resources.flat_map(|resource| &mut resource.scope_logs);
        for record in scopes.flat_map(|scope| &mut scope.log_records) {
            if let Some(count) = self.count {
                let dropped = record.attributes.len().saturating_sub(count);
                record.attributes.truncate(count);
                record.dropped_attributes_count += u32::try_from(dropped).unwrap_or(u32::MAX);
            }
            if let Some(length) = self.length {
                cut_all(&mut record.attributes, length);
            }
        }
    }
}

fn cut_all(attributes: &mut [KeyValue], length: usize) {
    for value in attributes.iter_mut().filter_map(|it| it.value.as_mut()) {
        cut(value, length);
    }
}

/// Cuts texts to `length` characters, bytes to as many, also those within arrays and maps.
fn cut(value: &mut AnyValue, length: usize) {
    match &mut value.value {
        Some(Value::StringValue(text)) => {
            if let Some((end, _)) = text.char_indices().nth(length) {
                text.truncate(end);
            }
        }
        Some(Value::BytesValue(bytes)) => bytes.truncate(length),
        Some(Value::ArrayValue(array)) => {
            for value in &mut array.values {
                cut(value, length);
            }
        }
        Some(Value::KvlistValue(map)) => cut_all(&mut map.values, length),
        _ => {}
    }
}
