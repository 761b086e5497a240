//! A batch of attributes on its way to a span, an event or a measurement.

use std::cell::RefCell;

use smallvec::SmallVec;

use super::definition::Field;
use super::gate::Gate;
use super::keyed::{self, Batch, Keyed};
use super::value::{Element, Value};

/// What is recorded at once is seldom more.
const OWN: usize = 4;

/// A batch of attributes.
///
/// Values are only converted, and closures only called, when somebody listens: a batch does not
/// exist otherwise.
#[derive(Debug)]
pub struct Attributes {
    entries: SmallVec<[Entry; OWN]>,
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
        Self {
            entries: SmallVec::new(),
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
            match find_mut(&mut self.content, key) {
                Some(earlier) => *earlier = value,
                None => self.content.push((key, value)),
            }
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

    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    pub(crate) fn put(&mut self, key: &'static str, value: Value) {
        match find_mut(&mut self.entries, key) {
            Some(earlier) => *earlier = value,
            None => self.entries.push((key, value)),
        }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn entries_mut(&mut self) -> &mut [Entry] {
        &mut self.entries
    }

    pub(crate) fn content(&self) -> &[Entry] {
        &self.content
    }

    /// Takes out what was set: all but content, and content.
    pub(crate) fn drain(&mut self) -> (impl Iterator<Item = Entry>, impl Iterator<Item = Entry>) {
        (self.entries.drain(..), self.content.drain(..))
    }
}

std::thread_local! {
    /// Lists that have served spans.
    static SPARE: RefCell<Vec<Vec<Entry>>> = const { RefCell::new(Vec::new()) };
}

/// What each thread keeps of them at most, and of how many entries each.
const SPARES: usize = 16;
const SPARE_ROOM: usize = 64;

/// An empty list.
#[inline]
fn spare() -> Vec<Entry> {
    let spare = SPARE.try_with(|spare| spare.borrow_mut().pop());
    spare.ok().flatten().unwrap_or_default()
}

/// Takes a list back.
fn keep_spare(mut entries: Vec<Entry>) {
    if entries.capacity() > SPARE_ROOM {
        return;
    }
    entries.clear();
    // The thread is ending: then it goes.
    let _ = SPARE.try_with(|spare| {
        let mut spare = spare.borrow_mut();
        if spare.len() < SPARES {
            spare.push(entries);
        }
    });
}

/// The attributes of a span, found by their place among the fields of its definition.
#[derive(Clone, Debug)]
pub(crate) struct Entries {
    list: Vec<Entry>,
    /// For each place, where in the list its attribute is, counted from one.
    at: [u8; Self::PLACES],
}

impl Entries {
    /// Definitions of more fields than this are searched by key.
    const PLACES: usize = 64;

    pub(crate) fn new() -> Self {
        Self {
            list: spare(),
            at: [0; Self::PLACES],
        }
    }

    /// None, and no room for any.
    pub(crate) const fn none() -> Self {
        Self {
            list: Vec::new(),
            at: [0; Self::PLACES],
        }
    }

    /// Where in the list the attribute of that place is.
    #[inline]
    pub(crate) fn position(&self, fields: &[Field], place: usize) -> Option<usize> {
        if fields.len() <= Self::PLACES {
            return usize::from(self.at[place]).checked_sub(1);
        }
        let key = fields[place].key();
        self.list.iter().position(|(other, _)| same(other, key))
    }

    /// The value of the attribute of that place.
    #[inline]
    pub(crate) fn get(&self, fields: &[Field], place: usize) -> Option<&Value> {
        Some(&self.list[self.position(fields, place)?].1)
    }

    /// Sets the attribute of that place, instead of an earlier value.
    #[inline]
    pub(crate) fn set(&mut self, fields: &[Field], place: usize, value: Value) {
        match self.position(fields, place) {
            Some(at) => self.list[at].1 = value,
            None => self.push(fields, place, value),
        }
    }

    /// Adds the attribute of that place, which is not there yet.
    #[inline]
    pub(crate) fn push(&mut self, fields: &[Field], place: usize, value: Value) {
        self.list.push((fields[place].key(), value));
        if fields.len() <= Self::PLACES {
            // There are no more attributes than places.
            self.at[place] = u8::try_from(self.list.len()).unwrap_or_default();
        }
    }

    /// Adds an attribute that no field declares: the runtime's own word.
    pub(crate) fn push_undeclared(&mut self, key: &'static str, value: Value) {
        self.list.push((key, value));
    }

    /// Sets an attribute that no field declares, instead of an earlier value.
    pub(crate) fn set_undeclared(&mut self, key: &'static str, value: Value) {
        match find_mut(&mut self.list, key) {
            Some(earlier) => *earlier = value,
            None => self.push_undeclared(key, value),
        }
    }

    #[inline]
    pub(crate) fn value_mut(&mut self, at: usize) -> &mut Value {
        &mut self.list[at].1
    }

    /// Changes which are there, or in what order.
    pub(crate) fn rearrange(&mut self, fields: &[Field], f: impl FnOnce(&mut Vec<Entry>)) {
        f(&mut self.list);
        self.at = [0; Self::PLACES];
        if fields.len() > Self::PLACES {
            return;
        }
        for (at, (key, _)) in self.list.iter().enumerate() {
            if let Some(place) = place(fields, key) {
                self.at[place] = u8::try_from(at + 1).unwrap_or_default();
            }
        }
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[Entry] {
        &self.list
    }

    /// Takes the values out.
    #[inline]
    pub(crate) fn drain(&mut self, from: usize) -> impl Iterator<Item = Entry> {
        self.list.drain(from.min(self.list.len())..)
    }
}

impl Drop for Entries {
    #[inline]
    fn drop(&mut self) {
        // That of a span which has ended is.
        if self.list.capacity() > 0 {
            keep_spare(std::mem::take(&mut self.list));
        }
    }
}

/// The place of `key` among `fields`.
pub(crate) fn place(fields: &[Field], key: &str) -> Option<usize> {
    fields.iter().position(|field| same(field.key(), key))
}

#[inline]
pub(crate) fn find<'a>(entries: &'a [Entry], key: &str) -> Option<&'a Value> {
    entries
        .iter()
        .find_map(|(other, value)| same(other, key).then_some(value))
}

#[inline]
pub(crate) fn find_mut<'a>(entries: &'a mut [Entry], key: &str) -> Option<&'a mut Value> {
    entries
        .iter_mut()
        .find_map(|(other, value)| same(other, key).then_some(value))
}

/// Whether they are equal: most keys, and many values, are one static string. The last bytes differ
/// sooner than the first: keys begin with a namespace.
#[inline]
pub(crate) fn same(one: &str, other: &str) -> bool {
    one.len() == other.len()
        && (std::ptr::eq(one.as_ptr(), other.as_ptr())
            || one.as_bytes().last() == other.as_bytes().last() && one == other)
}

#[inline]
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
