//! What follows from a span's definition, worked out when it is first needed: where the attributes are
//! that its metrics and its end ask for, and the names that it has had.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::attributes::{Entries, place, same};
use super::definition::{Field, Measured, NamePart, SpanDefinition};
use super::instruments::Derivation;
use super::value::Value;
use crate::generated::semconv::error;

/// Names of a definition that are kept: those of the members of an enum.
const NAMES: usize = 16;
/// Spans of fewer attributes than this have room for more.
const LEAST_ROOM: usize = 8;
const MOST_ROOM: usize = 64;

/// What follows from a definition.
#[derive(Debug)]
pub(crate) struct Facts {
    known: OnceLock<Known>,
    places: OnceLock<Places>,
    names: [OnceLock<Name>; NAMES],
    /// How many attributes a span had at its end, the last time.
    attributes: AtomicUsize,
}

/// For a hash of a key, where it stands among the fields; where two have the same, the last.
#[derive(Debug)]
struct Places([u8; Self::SLOTS]);

impl Places {
    const SLOTS: usize = 128;
    const NOWHERE: u8 = u8::MAX;

    #[inline]
    fn of(fields: &[Field]) -> Self {
        let mut places = [Self::NOWHERE; Self::SLOTS];
        for (place, field) in fields.iter().enumerate() {
            let place = u8::try_from(place).unwrap_or(Self::NOWHERE);
            places[Self::slot(field.key())] = place;
        }
        Self(places)
    }

    /// Keys of a namespace begin alike: their lengths and ends tell them apart.
    #[inline]
    fn slot(key: &str) -> usize {
        let end = |back: usize| usize::from(*key.as_bytes().iter().nth_back(back).unwrap_or(&0));
        (key.len() * 7 + end(0) * 3 + end(3) * 11 + end(6) * 29) % Self::SLOTS
    }
}

/// A name, and the static text in it that makes it what it is.
#[derive(Debug)]
struct Name {
    word: &'static str,
    name: &'static str,
}

#[derive(Debug)]
pub(crate) struct Known {
    /// Samplers look at some of its attributes.
    pub(crate) samples: bool,
    /// What it declares of its own that others inherit.
    pub(crate) inheritable: Box<[&'static str]>,
    /// The place of `error.type`.
    pub(crate) error: Option<usize>,
    /// The place of the attribute that tells how it ended.
    pub(crate) outcome: Option<usize>,
    /// What it measures at its end, if it does.
    pub(crate) metrics: Option<Metrics>,
    /// What it measures of each chunk, if it does.
    pub(crate) chunks: Option<Derivation>,
    /// The place of the one attribute in its name.
    named_by: Option<usize>,
}

/// Where the values of derived measurements are.
#[derive(Debug)]
pub(crate) struct Metrics {
    pub(crate) derivation: Derivation,
    /// Of each metric, what is measured, if that is an attribute.
    pub(crate) measured: Box<[Option<usize>]>,
    /// Of each attribute, if the span declares it.
    pub(crate) places: Box<[Option<usize>]>,
    /// Some of the attributes are inherited.
    pub(crate) inherits: bool,
}

impl Facts {
    pub(crate) const fn new() -> Self {
        Self {
            known: OnceLock::new(),
            places: OnceLock::new(),
            names: [const { OnceLock::new() }; NAMES],
            attributes: AtomicUsize::new(0),
        }
    }

    #[inline]
    pub(crate) fn of(definition: &'static SpanDefinition) -> &'static Known {
        definition.facts.known.get_or_init(|| known(definition))
    }

    /// Where among the fields the attribute of that key is.
    pub(crate) fn place(&self, fields: &[Field], key: &str) -> Option<usize> {
        let places = self.places.get_or_init(|| Places::of(fields));
        let at = usize::from(places.0[Places::slot(key)]);
        match fields.get(at) {
            Some(field) if same(field.key(), key) => Some(at),
            _ => place(fields, key, 0),
        }
    }

    /// How many attributes a span will probably have.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        self.attributes.load(Ordering::Relaxed)
    }

    /// So many it had.
    #[inline]
    pub(crate) fn had(&self, attributes: usize) {
        let attributes = attributes.clamp(LEAST_ROOM, MOST_ROOM);
        if self.attributes.load(Ordering::Relaxed) != attributes {
            self.attributes.store(attributes, Ordering::Relaxed);
        }
    }

    /// The name of a span whose only word that changes is static text: such as a member of an enum. As
    /// many are kept as an enum may have.
    pub(crate) fn name(
        &self,
        definition: &'static SpanDefinition,
        entries: &Entries,
        make: impl FnOnce() -> String,
    ) -> Option<&'static str> {
        let by = Self::of(definition).named_by?;
        let Some(Value::Text(text)) = entries.get(definition.fields, by) else {
            return None;
        };
        let word = text.as_static()?;
        let mut make = Some(make);
        for name in &self.names {
            let name = name.get_or_init(|| Name {
                word,
                name: make.take().map_or_else(String::new, |make| make()).leak(),
            });
            if std::ptr::eq(name.word, word) {
                return Some(name.name);
            }
        }
        None
    }
}

fn known(definition: &'static SpanDefinition) -> Known {
    let fields = definition.fields;
    let mut keys = definition.name.iter().filter_map(|part| match part {
        NamePart::Key(key) => Some(*key),
        NamePart::Word(_) => None,
    });
    let named_by = keys.next().filter(|_| keys.next().is_none());
    let stream = definition.stream.as_ref();
    let chunks = stream.and_then(|stream| stream.time_per_output_chunk);
    Known {
        samples: fields.iter().any(|field| field.sampled),
        inheritable: fields
            .iter()
            .filter(|field| field.attribute.inherited)
            .map(Field::key)
            .collect(),
        error: place(fields, error::TYPE, 0),
        outcome: definition
            .outcome
            .and_then(|outcome| place(fields, outcome.key, 0)),
        metrics: (!definition.metrics.is_empty()).then(|| Metrics::of(definition)),
        chunks: chunks.map(|metric| Derivation::new(std::iter::once((metric, &[][..])))),
        named_by: named_by.and_then(|key| place(fields, key, 0)),
    }
}

impl Metrics {
    fn of(definition: &'static SpanDefinition) -> Self {
        let fields = definition.fields;
        let derivation = Derivation::of(definition.metrics);
        let attributes = derivation.attributes();
        let measured = definition
            .metrics
            .iter()
            .map(|derived| match derived.value {
                Measured::Attribute(key) => place(fields, key, 0),
                Measured::Duration | Measured::Count => None,
            });
        Self {
            measured: measured.collect(),
            places: attributes
                .iter()
                .map(|field| place(fields, field.key(), 0))
                .collect(),
            inherits: attributes.iter().any(|field| field.attribute.inherited),
            derivation,
        }
    }
}
