//! What happens to a span between its end and its export.

use std::time::Duration;

use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use crate::carrier;
use crate::config::Resolved;
use crate::export::SpanExport;

/// Withholds content that is not captured, adds the keys that the chosen backend reads, and hands the
/// span on.
#[derive(Debug)]
pub(super) struct Outgoing {
    export: SpanExport,
    resolved: Resolved,
}

impl Outgoing {
    pub(super) fn new(export: SpanExport, resolved: Resolved) -> Self {
        Self { export, resolved }
    }
}

impl SpanProcessor for Outgoing {
    fn on_start(&self, span: &mut Span, cx: &Context) {
        self.export.on_start(span, cx);
    }

    fn on_end(&self, mut span: SpanData) {
        withhold(&mut span);
        if self.resolved.preset().is_some() {
            let attributes = span
                .attributes
                .iter()
                .map(|attribute| (attribute.key.as_str(), &attribute.value));
            let vendor = self.resolved.vendor_attributes(span.start_time, attributes);
            span.attributes.extend(vendor);
        }
        self.export.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.export.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.export.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.export.set_resource(resource);
    }
}

/// Takes content off a span that is captured for no span, or that no redaction has seen: the SDK's
/// own spans pass no other gate. Typed ones have.
fn withhold(span: &mut SpanData) {
    if carrier::is_closing(&span.span_context) {
        return;
    }
    let captured = carrier::leaving(false);
    let passes = |attribute: &KeyValue| !carrier::is_content(attribute.key.as_str());
    if !captured.on_spans() {
        span.attributes.retain(passes);
        for link in &mut span.links.links {
            link.attributes.retain(passes);
        }
    }
    if !captured.in_events() {
        for event in &mut span.events.events {
            event.attributes.retain(passes);
        }
    }
}
