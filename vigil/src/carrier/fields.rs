//! Attributes as `tracing` fields, so that foreign layers see them.

use tracing::Metadata;
use tracing::field::{DebugValue, Field, Value as FieldValue, ValueSet, debug};

use super::attributes::Entry;
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

/// Calls `f` with those of `entries` that `metadata` has a field for.
pub(crate) fn with_values<'a, R>(
    metadata: &'static Metadata<'static>,
    entries: impl Iterator<Item = &'a Entry>,
    f: impl FnOnce(&ValueSet<'_>) -> R,
) -> R {
    let mut entries = entries.peekable();
    if entries.peek().is_none() {
        return f(&metadata.fields().value_set(&[]));
    }
    let held: Vec<(Field, Held<'a>)> = entries
        .filter_map(|(key, value)| Some((metadata.fields().field(*key)?, Held::of(value))))
        .collect();
    let set: Vec<(&Field, Option<&dyn FieldValue>)> = held
        .iter()
        .map(|(field, value)| (field, Some(value.as_field_value())))
        .collect();
    with_arrays(metadata, &set, f)
}

/// `tracing` makes value sets of arrays only, whose length is part of their type: what is left of
/// the next fitting length is filled with nothing.
fn with_arrays<R>(
    metadata: &'static Metadata<'static>,
    set: &[(&Field, Option<&dyn FieldValue>)],
    f: impl FnOnce(&ValueSet<'_>) -> R,
) -> R {
    fn fill<R, const N: usize>(
        metadata: &'static Metadata<'static>,
        set: &[(&Field, Option<&dyn FieldValue>)],
        f: impl FnOnce(&ValueSet<'_>) -> R,
    ) -> R {
        let Some((any, _)) = set.first() else {
            return f(&metadata.fields().value_set(&[]));
        };
        let mut array: [(&Field, Option<&dyn FieldValue>); N] = [(any, None); N];
        for (place, value) in array.iter_mut().zip(set) {
            *place = *value;
        }
        f(&metadata.fields().value_set(&array))
    }
    match set.len() {
        0..=4 => fill::<R, 4>(metadata, set, f),
        5..=16 => fill::<R, 16>(metadata, set, f),
        17..=64 => fill::<R, 64>(metadata, set, f),
        _ => fill::<R, 256>(metadata, set, f),
    }
}
