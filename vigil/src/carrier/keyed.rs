//! Attributes whose keys are made at run time: those of the registry's types `template[..]`, which
//! declare a prefix.
//!
//! They go beside the others in lists of their own, which are not there until the first of them is
//! given: what has static keys pays nothing for them.

use std::sync::Arc;

use super::any::AnyValue;
use super::attributes::Entry;
use super::definition::{Aggregate, Field, ValueType};
use super::value::{Text, Value};
use crate::config::CaptureContent;

/// An attribute under a key below a prefix.
#[derive(Clone, Debug)]
pub(crate) struct Keyed {
    /// The key of the registry's attribute.
    pub(crate) prefix: &'static str,
    /// The whole key.
    pub(crate) key: Text,
    pub(crate) value: Value,
}

impl Keyed {
    /// None where nothing follows the prefix: that would be no key.
    pub(crate) fn new(
        prefix: &'static str,
        key: &str,
        value: impl FnOnce() -> Value,
    ) -> Option<Self> {
        (!key.is_empty()).then(|| Self {
            prefix,
            key: whole(prefix, key),
            value: value(),
        })
    }

    /// The key without its prefix.
    fn rest(&self) -> &str {
        &self.key.as_str()[self.prefix.len() + 1..]
    }
}

/// The whole key.
pub(crate) fn whole(prefix: &str, key: &str) -> Text {
    Text::from(format!("{prefix}.{key}"))
}

impl From<Keyed> for opentelemetry::KeyValue {
    fn from(keyed: Keyed) -> Self {
        Self::new(keyed.key, keyed.value)
    }
}

/// The one of `fields` below whose prefix the key stands.
pub(crate) fn field_of<'a>(fields: &'a [Field], key: &str) -> Option<&'a Field> {
    let below = fields.iter().filter(|field| {
        field.attribute.value_type == ValueType::Template && is_below(field.key(), key)
    });
    // One prefix may stand below another.
    below.max_by_key(|field| field.key().len())
}

/// Whether `key` stands below `prefix`.
pub(crate) fn is_below(prefix: &str, key: &str) -> bool {
    key.strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('.'))
        .is_some_and(|rest| !rest.is_empty())
}

/// Sets one in the place of an earlier one of the same key.
pub(crate) fn put(all: &mut Vec<Keyed>, keyed: Keyed) {
    match all.iter_mut().find(|other| other.key == keyed.key) {
        Some(other) => *other = keyed,
        None => all.push(keyed),
    }
}

/// As [`put`], but the second value joins the first as `aggregate` says.
fn merge(all: &mut Vec<Keyed>, keyed: &Keyed, aggregate: Aggregate) {
    match all.iter_mut().find(|other| other.key == keyed.key) {
        Some(other) => other.value.merge(keyed.value.clone(), aggregate),
        None => all.push(keyed.clone()),
    }
}

/// Those of a batch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Batch {
    pub(crate) entries: Vec<Keyed>,
    /// What passed the gate.
    pub(crate) content: Vec<Keyed>,
}

impl Batch {
    /// What of it `fields` declare, and whether it is content.
    pub(crate) fn declared<'a>(
        &'a self,
        fields: &'a [Field],
    ) -> impl Iterator<Item = (&'a Field, &'a Keyed)> {
        let of = move |all: &'a [Keyed], is_content: bool| {
            all.iter().filter_map(move |keyed| {
                let mut fields = fields.iter();
                let field = fields.find(|field| field.key() == keyed.prefix)?;
                let fits = field.attribute.sensitive == is_content;
                (fits && field.takes_below(&keyed.value)).then_some((field, keyed))
            })
        };
        of(&self.entries, false).chain(of(&self.content, true))
    }
}

/// Those of an open span.
#[derive(Clone, Debug, Default)]
pub(crate) struct OnSpan {
    pub(crate) entries: Vec<Keyed>,
    /// What OpenTelemetry has already, as samplers needed it: the first so many.
    pub(crate) sent: usize,
    /// Something was set since `tracing` has them as fields.
    changed: bool,
    /// Content that goes into the event at the end, and nowhere else.
    pub(crate) content: Vec<Keyed>,
    /// Content as foreign code set it, before the gate.
    pub(crate) foreign: Vec<Keyed>,
}

impl OnSpan {
    /// What a span starts with: first what samplers look at.
    pub(crate) fn starting(batch: &Batch, fields: &[Field], capture: CaptureContent) -> Self {
        let mut keyed = Self::default();
        for sampled in [true, false] {
            let declared = batch.declared(fields);
            for (field, attribute) in declared.filter(|(field, _)| field.sampled == sampled) {
                keyed.keep(field, attribute, capture, true);
            }
            if sampled {
                keyed.sent = keyed.entries.len();
            }
        }
        keyed.changed = false;
        keyed
    }

    /// Keeps one, content where it may stand. What samplers saw can't be taken back.
    pub(crate) fn keep(
        &mut self,
        field: &Field,
        keyed: &Keyed,
        capture: CaptureContent,
        tells_at_end: bool,
    ) {
        let seen = self.entries[..self.sent]
            .iter()
            .any(|other| other.key == keyed.key);
        if seen {
            return;
        }
        if !field.attribute.sensitive || capture.on_spans() {
            merge(&mut self.entries, keyed, field.aggregate);
            self.changed = true;
        } else if capture.in_events() && tells_at_end {
            merge(&mut self.content, keyed, field.aggregate);
        }
    }

    pub(crate) fn has(&self, key: &Text) -> bool {
        let all = self.entries.iter().chain(&self.content);
        all.into_iter().any(|other| other.key == *key)
    }

    /// Those set since `tracing` had them as fields: see [`as_fields`].
    pub(crate) fn changed_fields(&self) -> Vec<Entry> {
        if self.changed {
            as_fields(&self.entries)
        } else {
            Vec::new()
        }
    }
}

/// For `tracing`, whose fields have static names: a map for each prefix.
pub(crate) fn as_fields(all: &[Keyed]) -> Vec<Entry> {
    let mut fields: Vec<Entry> = Vec::new();
    for keyed in all {
        if fields.iter().any(|(prefix, _)| *prefix == keyed.prefix) {
            continue;
        }
        let same = all.iter().filter(|other| other.prefix == keyed.prefix);
        let map = same
            .map(|other| {
                (
                    Text::from(other.rest()),
                    AnyValue::from(other.value.clone()),
                )
            })
            .collect();
        fields.push((keyed.prefix, Value::Any(Arc::new(AnyValue::Map(map)))));
    }
    fields
}
