//! Attributes as `tracing` fields, so that foreign layers see them.

use tracing::Metadata;
use tracing::field::{DebugValue, Field, Value as FieldValue, ValueSet, debug};

use super::attributes::{Entry, same};
use super::callsite::Site;
use super::value::Value;

/// A value in the form that `tracing` takes. Arrays go as text, and so does what has structure: it has
/// none.
enum Held<'a> {
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(&'a str),
    Array(DebugValue<&'a dyn std::fmt::Debug>),
}

impl<'a> Held<'a> {
    fn of(value: &'a Value) -> Self {
        match value {
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(value) => Self::Int(*value),
            Value::Double(value) => Self::Double(*value),
            Value::Text(value) => Self::Text(value.as_str()),
            Value::Bools(values) => Self::Array(debug(values as &dyn std::fmt::Debug)),
            Value::Ints(values) => Self::Array(debug(values as &dyn std::fmt::Debug)),
            Value::Doubles(values) => Self::Array(debug(values as &dyn std::fmt::Debug)),
            Value::Texts(values) => Self::Array(debug(values as &dyn std::fmt::Debug)),
            Value::Any(value) => Self::Array(debug(&**value as &dyn std::fmt::Debug)),
        }
    }

    fn as_field_value(&self) -> &dyn FieldValue {
        match self {
            Self::Bool(value) => value,
            Self::Int(value) => value,
            Self::Double(value) => value,
            Self::Text(value) => value,
            Self::Array(value) => value,
        }
    }
}

/// Calls `f` with those of `entries`, `most` at most, that the callsite has a field for.
///
/// `tracing` makes value sets of arrays only, whose length is part of their type: what is left of
/// the next fitting length is filled with nothing.
pub(crate) fn with_values<'a, R>(
    site: &'static Site,
    most: usize,
    entries: impl Iterator<Item = &'a Entry>,
    f: impl FnOnce(&'static Metadata<'static>, &ValueSet<'_>) -> R,
) -> R {
    let (metadata, fields) = site.made();
    let Some(any) = fields.first().filter(|_| most > 0) else {
        return f(metadata, &metadata.fields().value_set(&[]));
    };
    let entries = Fields {
        all: fields,
        next: 0,
        entries,
    };
    match most {
        0..=4 => fill::<R, 4>(metadata, any, entries, f),
        5..=12 => fill::<R, 12>(metadata, any, entries, f),
        13..=32 => fill::<R, 32>(metadata, any, entries, f),
        33..=96 => fill::<R, 96>(metadata, any, entries, f),
        _ => fill::<R, 256>(metadata, any, entries, f),
    }
}

/// Entries with their fields. Both come in the same order, mostly.
struct Fields<I> {
    all: &'static [Field],
    next: usize,
    entries: I,
}

impl<'a, I: Iterator<Item = &'a Entry>> Iterator for Fields<I> {
    type Item = (&'static Field, Held<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let is = |field: &Field, key: &str| same(field.name(), key);
        loop {
            let (key, value) = self.entries.next()?;
            let at = match self.all.get(self.next) {
                Some(field) if is(field, key) => Some(self.next),
                _ => self.all.iter().position(|field| is(field, key)),
            };
            if let Some(at) = at {
                self.next = at + 1;
                return Some((&self.all[at], Held::of(value)));
            }
        }
    }
}

fn fill<'a, R, const N: usize>(
    metadata: &'static Metadata<'static>,
    any: &'static Field,
    mut entries: impl Iterator<Item = (&'static Field, Held<'a>)>,
    f: impl FnOnce(&'static Metadata<'static>, &ValueSet<'_>) -> R,
) -> R {
    let mut count = 0;
    let held: [(&Field, Held<'a>); N] = std::array::from_fn(|_| match entries.next() {
        Some(held) => {
            count += 1;
            held
        }
        None => (any, Held::Bool(false)),
    });
    let set: [(&Field, Option<&dyn FieldValue>); N] = std::array::from_fn(|at| {
        let (field, held) = &held[at];
        (*field, (at < count).then(|| held.as_field_value()))
    });
    f(metadata, &metadata.fields().value_set(&set))
}
