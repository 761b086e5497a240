//! Attributes that identify the work and so stand on every span of it.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use super::attributes::{Entry, find, find_mut, key_value};
use super::definition::{Field, OptInKey, Scope};
use super::instruments::Binding;
use super::opt_in;
use super::value::Value;

/// The inherited attributes of one root span, shared with everything that starts under it.
///
/// They travel in OpenTelemetry's context: what the SDK starts there sees them as well.
#[derive(Clone, Debug)]
pub(crate) struct Inherited(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    entries: Mutex<Arc<Snapshot>>,
    /// Whose registry says what is inherited, if it is one alone.
    scope: Option<&'static Scope>,
}

/// What was inherited at one time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    entries: Vec<Entry>,
    /// The same, as OpenTelemetry has it.
    attributes: Vec<KeyValue>,
    /// The same, as it stands in lines.
    text: OnceLock<Box<str>>,
    /// Those with another key for whoever opts in.
    renamed: Vec<(&'static str, OptInKey)>,
}

impl Snapshot {
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn attributes(&self) -> &[KeyValue] {
        &self.attributes
    }

    /// The same as text, which is written once: all spans of an agent's run have it.
    pub(crate) fn text(&self, write: impl FnOnce(&mut String, &[Entry])) -> &str {
        self.text.get_or_init(|| {
            let mut text = String::new();
            write(&mut text, &self.entries);
            text.into()
        })
    }

    /// Whether some of it has another key for whoever opts in.
    pub(crate) fn has_renamed(&self) -> bool {
        !self.renamed.is_empty()
    }

    /// The key that an attribute has for whoever opts in.
    pub(crate) fn opt_in_key(&self, key: &str) -> Option<OptInKey> {
        let mut renamed = self.renamed.iter();
        renamed.find_map(|(other, to)| (*other == key).then_some(*to))
    }

    fn set(&mut self, field: &Field, value: Value, own: Option<&Binding>) {
        if let Some(to) = field.opt_in_key()
            && self.opt_in_key(field.key()).is_none()
        {
            self.renamed.push((field.key(), to));
        }
        self.text = OnceLock::new();
        self.set_former(field.key(), value);
        if !self.renamed.is_empty() && opt_in::is_any() {
            let entries = self.entries.iter().cloned();
            let entries = opt_in::renamed(entries, |key| self.opt_in_key(key), &opt_in::of(own));
            self.attributes = entries.iter().map(key_value).collect();
        }
    }

    fn set_former(&mut self, key: &'static str, value: Value) {
        if self.attributes.len() != self.entries.len() {
            // Some stand there under two keys: all are made again.
            match find_mut(&mut self.entries, key) {
                Some(earlier) => *earlier = value,
                None => self.entries.push((key, value)),
            }
            return;
        }
        let attribute = KeyValue::new(key, value.clone());
        if let Some(at) = self.entries.iter().position(|(other, _)| *other == key) {
            self.entries[at].1 = value;
            self.attributes[at] = attribute;
        } else {
            self.entries.push((key, value));
            self.attributes.push(attribute);
        }
    }
}

impl Inherited {
    /// Those of the context, if a root span is above it.
    pub(crate) fn of(context: &Context) -> Option<&Self> {
        context.get::<Self>()
    }

    /// Those of a root span of that scope: none of its own yet, and a copy of those `above` it that
    /// changes by itself.
    pub(crate) fn under(above: Option<&Self>, scope: &'static Scope) -> Self {
        Self(Arc::new(Shared {
            entries: Mutex::new(above.map(Self::snapshot).unwrap_or_default()),
            scope: above
                .is_none_or(|above| above.is_of(scope))
                .then_some(scope),
        }))
    }

    /// Whether that registry alone says what is in here.
    pub(crate) fn is_of(&self, scope: &'static Scope) -> bool {
        self.0.scope.is_some_and(|it| std::ptr::eq(it, scope))
    }

    pub(crate) fn set(&self, field: &Field, value: Value, own: Option<&Binding>) {
        let mut entries = self.entries();
        Arc::make_mut(&mut entries).set(field, value, own);
    }

    pub(crate) fn get(&self, key: &str) -> Option<Value> {
        find(self.entries().entries(), key).cloned()
    }

    /// What stands there now, shared until it changes.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.entries().clone()
    }

    fn entries(&self) -> MutexGuard<'_, Arc<Snapshot>> {
        self.0
            .entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what `attributes` lacks.
    pub(crate) fn complete(&self, attributes: &mut Vec<KeyValue>) {
        let entries = self.entries();
        for attribute in entries.attributes() {
            if !attributes.iter().any(|other| other.key == attribute.key) {
                attributes.push(attribute.clone());
            }
        }
    }
}

/// Puts the inherited attributes on spans that the OpenTelemetry SDK starts by itself.
///
/// Spans that come through `tracing` have them already. Whoever brings an SDK of their own adds
/// this processor to its tracer provider.
#[derive(Debug, Default)]
pub struct InheritedAttributes {
    next: Option<Box<dyn SpanProcessor>>,
}

impl InheritedAttributes {
    /// The processor.
    pub fn new() -> Self {
        Self::default()
    }

    /// The processor, with another one behind it. The SDK copies each span for each of its
    /// processors, unless there is only one.
    ///
    /// ```
    /// # #[cfg(feature = "http-proto")]
    /// # fn main() -> Result<(), vigil::export::ExportError> {
    /// use opentelemetry_sdk::trace::SdkTracerProvider;
    /// use vigil::carrier::InheritedAttributes;
    /// use vigil::export::{Export, Protocol, Target};
    ///
    /// let target = Target::new(Protocol::HttpProtobuf, "http://localhost:4318/v1/traces");
    /// let spans = Export::to(target).spans()?;
    /// let provider = SdkTracerProvider::builder()
    ///     .with_span_processor(InheritedAttributes::before(spans))
    ///     .build();
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "http-proto"))]
    /// # fn main() {}
    /// ```
    pub fn before(processor: impl SpanProcessor + 'static) -> Self {
        Self {
            next: Some(Box::new(processor)),
        }
    }
}

impl SpanProcessor for InheritedAttributes {
    fn on_start(&self, span: &mut Span, cx: &Context) {
        complete(span, cx);
        if let Some(next) = &self.next {
            next.on_start(span, cx);
        }
    }

    fn on_end(&self, span: SpanData) {
        if let Some(next) = &self.next {
            next.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.next.as_ref().map_or(Ok(()), |next| next.force_flush())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        let next = self.next.as_ref();
        next.map_or(Ok(()), |next| next.shutdown_with_timeout(timeout))
    }

    fn set_resource(&mut self, resource: &Resource) {
        if let Some(next) = &mut self.next {
            next.set_resource(resource);
        }
    }
}

/// Puts the inherited attributes on a span of the SDK's own.
fn complete(span: &mut Span, cx: &Context) {
    use opentelemetry::trace::Span as _;
    if super::tracer::is_built_here(cx) {
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
