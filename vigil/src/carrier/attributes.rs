//! A batch of attributes on its way to a span, an event or a measurement.

use super::content;
use super::value::{Element, Value};

/// A batch of attributes.
///
/// Values are only converted, and closures only called, when somebody listens: a batch does not
/// exist otherwise.
#[derive(Debug)]
pub struct Attributes {
    entries: Vec<Entry>,
    capture: bool,
}

/// One attribute of a batch.
pub(crate) type Entry = (&'static str, Value);

impl Attributes {
    pub(crate) fn new(capture: bool) -> Self {
        Self {
            entries: Vec::new(),
            capture,
        }
    }

    /// Sets `key` to `value`, in the place of an earlier one.
    pub fn set<V: Into<Value>>(&mut self, key: &'static str, value: impl Into<V>) {
        self.put(key, value.into().into());
    }

    /// Sets the array `key` to `values`, in the place of an earlier one.
    pub fn set_all<E: Element>(
        &mut self,
        key: &'static str,
        values: impl IntoIterator<Item = impl Into<E>>,
    ) {
        self.put(key, E::array(values.into_iter().map(Into::into).collect()));
    }

    /// Sets `key` to what `value` returns, which is only called if content is captured.
    pub fn set_sensitive<V: Into<Value>, T: Into<V>>(
        &mut self,
        key: &'static str,
        value: impl FnOnce() -> T,
    ) {
        if self.capture {
            self.put(key, content::cut_to_size(value().into().into()));
        }
    }

    pub(crate) fn set_capture(&mut self, capture: bool) {
        self.capture = capture;
    }

    pub(crate) fn captures(&self) -> bool {
        self.capture
    }

    pub(crate) fn put(&mut self, key: &'static str, value: Value) {
        match self.entries.iter_mut().find(|(other, _)| *other == key) {
            Some((_, old)) => *old = value,
            None => self.entries.push((key, value)),
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        find(&self.entries, key)
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn into_entries(self) -> Vec<Entry> {
        self.entries
    }
}

pub(crate) fn find<'a>(entries: &'a [Entry], key: &str) -> Option<&'a Value> {
    entries
        .iter()
        .find_map(|(other, value)| (*other == key).then_some(value))
}

pub(crate) fn key_value((key, value): &Entry) -> opentelemetry::KeyValue {
    opentelemetry::KeyValue::new(*key, value.clone())
}

/// A struct of attributes: those of a record, a metric or an event.
pub trait AttributeSet {
    /// Sets the attributes that have a value.
    fn write(&self, attributes: &mut Attributes);
}

/// No attributes.
impl AttributeSet for () {
    fn write(&self, _: &mut Attributes) {}
}
