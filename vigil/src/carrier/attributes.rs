//! A batch of attributes on its way to a span, an event or a measurement.

use super::definition::Field;
use super::gate::Gate;
use super::keyed::{self, Batch, Keyed};
use super::value::{Element, Value};

/// A batch of attributes.
///
/// Values are only converted, and closures only called, when somebody listens: a batch does not
/// exist otherwise.
#[derive(Debug)]
pub struct Attributes {
    entries: Vec<Entry>,
    /// What passed the gate.
    content: Vec<Entry>,
    /// What has keys that are made at run time, if there is such.
    keyed: Option<Box<Batch>>,
    gate: Gate,
}

/// One attribute of a batch.
pub(crate) type Entry = (&'static str, Value);

impl Attributes {
    pub(crate) fn new(gate: Gate) -> Self {
        Self::with_room(gate, 0)
    }

    /// A batch that will hold so many.
    pub(crate) fn with_room(gate: Gate, attributes: usize) -> Self {
        Self {
            entries: Vec::with_capacity(attributes),
            content: Vec::new(),
            keyed: None,
            gate,
        }
    }

    /// Sets `key` to `value`, in the place of an earlier one. Content goes nowhere from here:
    /// [`set_sensitive`](Self::set_sensitive) is for that.
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
        if self.gate.is_open()
            && let Some(value) = self.gate.admit(key, value().into().into())
        {
            put(&mut self.content, key, value);
        }
    }

    /// Sets the attribute `key` below `prefix` to `value`, in the place of an earlier one. What is
    /// exported is called `prefix.key`; an empty key is none. Content has
    /// [`set_sensitive_keyed`](Self::set_sensitive_keyed).
    pub fn set_keyed<V: Into<Value>>(
        &mut self,
        prefix: &'static str,
        key: impl AsRef<str>,
        value: impl Into<V>,
    ) {
        if let Some(keyed) = Keyed::new(prefix, key.as_ref(), || value.into().into()) {
            keyed::put(&mut self.keyed.get_or_insert_default().entries, keyed);
        }
    }

    /// Sets the array `key` below `prefix` to `values`, in the place of an earlier one.
    pub fn set_all_keyed<E: Element>(
        &mut self,
        prefix: &'static str,
        key: impl AsRef<str>,
        values: impl IntoIterator<Item = impl Into<E>>,
    ) {
        let values = E::array(values.into_iter().map(Into::into).collect());
        self.set_keyed::<Value>(prefix, key, values);
    }

    /// Sets `key` below `prefix` to what `value` returns, which is only called if content is captured.
    pub fn set_sensitive_keyed<V: Into<Value>, T: Into<V>>(
        &mut self,
        prefix: &'static str,
        key: impl AsRef<str>,
        value: impl FnOnce() -> T,
    ) {
        if !self.gate.is_open() {
            return;
        }
        let keyed = Keyed::new(prefix, key.as_ref(), || value().into().into());
        if let Some(Keyed { prefix, key, value }) = keyed
            && let Some(value) = self.gate.admit(key.as_str(), value)
        {
            let admitted = Keyed { prefix, key, value };
            keyed::put(&mut self.keyed.get_or_insert_default().content, admitted);
        }
    }

    pub(crate) fn keyed(&self) -> Option<&Batch> {
        self.keyed.as_deref()
    }

    pub(crate) fn take_keyed(&mut self) -> Option<Box<Batch>> {
        self.keyed.take()
    }

    pub(crate) fn set_gate(&mut self, gate: Gate) {
        self.gate = gate;
    }

    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    pub(crate) fn put(&mut self, key: &'static str, value: Value) {
        put(&mut self.entries, key, value);
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn content(&self) -> &[Entry] {
        &self.content
    }

    /// What of it `fields` declare, each to its end: all but content, and content.
    pub(crate) fn into_declared(self, fields: &[Field]) -> (Vec<Entry>, Vec<Entry>) {
        let declared = |entries: Vec<Entry>, is_content| -> Vec<Entry> {
            let declared = |(key, value): &Entry| {
                fields.iter().any(|field| {
                    field.key() == *key
                        && field.takes(value)
                        && (is_content || !field.attribute.sensitive)
                })
            };
            entries.into_iter().filter(declared).collect()
        };
        (declared(self.entries, false), declared(self.content, true))
    }
}

fn put(entries: &mut Vec<Entry>, key: &'static str, value: Value) {
    match entries.iter_mut().find(|(other, _)| same(other, key)) {
        Some((_, old)) => *old = value,
        None => entries.push((key, value)),
    }
}

pub(crate) fn find<'a>(entries: &'a [Entry], key: &str) -> Option<&'a Value> {
    entries
        .iter()
        .find_map(|(other, value)| same(other, key).then_some(value))
}

/// Whether they are equal: most keys, and many values, are one static string.
#[inline]
pub(crate) fn same(one: &str, other: &str) -> bool {
    one.len() == other.len() && (std::ptr::eq(one.as_ptr(), other.as_ptr()) || one == other)
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
