//! The request that takes log records to a collector.

use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLogRecord;

use super::encode::by_scope;
use super::limits::AttributeLimits;
use super::protobuf::{Writer, nanos};

/// `ExportLogsServiceRequest`, encoded; about `about` bytes of it.
pub(super) fn encode<'a>(
    records: impl Iterator<Item = (&'a SdkLogRecord, &'a InstrumentationScope)>,
    resource: &Resource,
    limits: AttributeLimits,
    about: usize,
) -> Vec<u8> {
    // A record's target stands for the name of its scope.
    let scopes = by_scope(records.map(|(record, scope)| {
        let target = record.target().map(|target| &**target);
        ((scope, target), record)
    }));
    let mut request = Writer::of_about(about);
    request.message(1, about, |it| {
        it.resource(1, resource);
        for ((scope, target), records) in scopes {
            it.message(2, about, |it| {
                it.scope(1, scope, target);
                for record in records {
                    it.message(2, 256, |it| write_record(it, record, limits));
                }
                it.text(3, scope.schema_url().unwrap_or_default());
            });
        }
        it.text(3, resource.schema_url().unwrap_or_default());
    });
    request.into_bytes()
}

fn write_record(it: &mut Writer, record: &SdkLogRecord, limits: AttributeLimits) {
    it.fixed64(1, record.timestamp().map(nanos).unwrap_or_default());
    let severity = record.severity_number().map(|it| it as u64);
    it.uint(2, severity.unwrap_or_default());
    it.text(3, record.severity_text().unwrap_or_default());
    if let Some(body) = record.body() {
        // Limits are for attributes.
        it.message(5, 0, |it| it.log_value(body, AttributeLimits::default()));
    }
    let most = limits.count.unwrap_or(usize::MAX);
    for (key, value) in record.attributes_iter().take(most) {
        it.attribute(6, key, |it| it.log_value(value, limits));
    }
    let dropped = record.attributes_iter().skip(most).count();
    it.uint(7, u32::try_from(dropped).unwrap_or(u32::MAX).into());
    let trace = record.trace_context();
    if let Some(trace) = trace {
        let flags = trace.trace_flags.map(|flags| flags.to_u8().into());
        it.fixed32(8, flags.unwrap_or_default());
        it.bytes(9, &trace.trace_id.to_bytes());
        it.bytes(10, &trace.span_id.to_bytes());
    }
    it.fixed64(
        11,
        record.observed_timestamp().map(nanos).unwrap_or_default(),
    );
    it.text(12, record.event_name().unwrap_or_default());
}
