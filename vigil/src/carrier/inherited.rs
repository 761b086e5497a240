//! Attributes that identify the work and so stand on every span of it.

use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use super::attributes::{Entry, find};
use super::value::Value;

/// The inherited attributes of one root span, shared with everything that starts under it.
///
/// They travel in OpenTelemetry's context: what the SDK starts there sees them as well.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inherited(Arc<Mutex<Arc<Vec<Entry>>>>);

impl Inherited {
    /// Those of the context, if a root span is above it.
    pub(crate) fn of(context: &Context) -> Option<&Self> {
        context.get::<Self>()
    }

    /// A copy that changes by itself: a sub-agent's.
    pub(crate) fn fork(&self) -> Self {
        Self(Arc::new(Mutex::new(self.snapshot())))
    }

    pub(crate) fn set(&self, key: &'static str, value: Value) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = Arc::make_mut(&mut entries);
        match entries.iter_mut().find(|(other, _)| *other == key) {
            Some((_, old)) => *old = value,
            None => entries.push((key, value)),
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<Value> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        find(&entries, key).cloned()
    }

    /// What stands there now, shared until it changes.
    pub(crate) fn snapshot(&self) -> Arc<Vec<Entry>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Adds what `attributes` lacks.
    pub(crate) fn complete(&self, attributes: &mut Vec<KeyValue>) {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, value) in entries.iter() {
            if !attributes.iter().any(|other| other.key.as_str() == *key) {
                attributes.push(KeyValue::new(*key, value.clone()));
            }
        }
    }
}

/// Puts the inherited attributes on spans that the OpenTelemetry SDK starts by itself.
///
/// Spans that come through `tracing` have them already. Whoever brings an SDK of their own adds
/// this processor to its tracer provider.
#[derive(Debug, Default)]
pub struct InheritedAttributes;

impl InheritedAttributes {
    /// The processor.
    pub fn new() -> Self {
        Self
    }
}

impl SpanProcessor for InheritedAttributes {
    fn on_start(&self, span: &mut Span, cx: &Context) {
        use opentelemetry::trace::Span as _;
        if super::tracer::is_built_here() {
            return;
        }
        if let Some(inherited) = Inherited::of(cx) {
            // The SDK does not show what the span has: one that sets such a key itself has it twice,
            // unless its data is asked for, which copies it. Such spans are few, and so are the keys.
            let mut attributes = span
                .exported_data()
                .map(|data| data.attributes)
                .unwrap_or_default();
            let own = attributes.len();
            inherited.complete(&mut attributes);
            span.set_attributes(attributes.drain(own..));
        }
    }

    fn on_end(&self, _: SpanData) {}

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: std::time::Duration) -> OTelSdkResult {
        Ok(())
    }
}
