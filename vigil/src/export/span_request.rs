//! The request that takes spans to a collector.

use opentelemetry::trace::{Link, SpanContext, SpanId, SpanKind, Status};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;

use super::encode::by_scope;
use super::limits::AttributeLimits;
use super::protobuf::{Writer, nanos};

/// It is known whether the span's parent, or the linked span, is remote; and it is.
const IS_REMOTE_KNOWN: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;

/// `ExportTraceServiceRequest`, encoded; about `about` bytes of it.
pub(super) fn encode<'a>(
    spans: impl Iterator<Item = &'a SpanData>,
    resource: &Resource,
    limits: AttributeLimits,
    about: usize,
) -> Vec<u8> {
    let scopes = by_scope(spans.map(|span| ((&span.instrumentation_scope, None), span)));
    let mut request = Writer::of_about(about);
    request.message(1, about, |it| {
        it.resource(1, resource);
        for ((scope, _), spans) in scopes {
            it.message(2, about, |it| {
                it.scope(1, scope, None);
                for span in spans {
                    it.message(2, 256, |it| write_span(it, span, limits));
                }
                it.text(3, scope.schema_url().unwrap_or_default());
            });
        }
        it.text(3, resource.schema_url().unwrap_or_default());
    });
    request.into_bytes()
}

fn write_span(it: &mut Writer, span: &SpanData, limits: AttributeLimits) {
    let context = &span.span_context;
    write_ids(it, context);
    if span.parent_span_id != SpanId::INVALID {
        it.bytes(4, &span.parent_span_id.to_bytes());
    }
    it.text(5, &span.name);
    it.uint(
        6,
        match span.span_kind {
            SpanKind::Internal => 1,
            SpanKind::Server => 2,
            SpanKind::Client => 3,
            SpanKind::Producer => 4,
            SpanKind::Consumer => 5,
        },
    );
    it.fixed64(7, nanos(span.start_time));
    it.fixed64(8, nanos(span.end_time));
    it.attributes(9, &span.attributes, limits);
    it.uint(10, span.dropped_attributes_count.into());
    for event in &span.events.events {
        it.message(11, 0, |it| {
            it.fixed64(1, nanos(event.timestamp));
            it.text(2, &event.name);
            it.attributes(3, &event.attributes, limits);
            it.uint(4, event.dropped_attributes_count.into());
        });
    }
    it.uint(12, span.events.dropped_count.into());
    for link in &span.links.links {
        it.message(13, 0, |it| write_link(it, link, limits));
    }
    it.uint(14, span.links.dropped_count.into());
    it.message(15, 0, |it| match &span.status {
        Status::Unset => {}
        Status::Ok => it.uint(3, 1),
        Status::Error { description } => {
            it.text(2, description);
            it.uint(3, 2);
        }
    });
    it.fixed32(16, flags(context, span.parent_span_is_remote));
}

fn write_link(it: &mut Writer, link: &Link, limits: AttributeLimits) {
    let context = &link.span_context;
    write_ids(it, context);
    it.attributes(4, &link.attributes, limits);
    it.uint(5, link.dropped_attributes_count.into());
    it.fixed32(6, flags(context, context.is_remote()));
}

/// The first three fields of spans and links.
fn write_ids(it: &mut Writer, context: &SpanContext) {
    it.bytes(1, &context.trace_id().to_bytes());
    it.bytes(2, &context.span_id().to_bytes());
    // Most have none, and making text of it allocates.
    if *context.trace_state() != opentelemetry::trace::TraceState::NONE {
        it.text(3, &context.trace_state().header());
    }
}

fn flags(context: &SpanContext, is_remote: bool) -> u32 {
    let remote = if is_remote { IS_REMOTE } else { 0 };
    u32::from(context.trace_flags().to_u8()) | IS_REMOTE_KNOWN | remote
}
