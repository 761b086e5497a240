//! What follows from a span's definition, worked out when it is first needed: where the attributes are
//! that its metrics and its end ask for, and the names that it has had.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::attributes::{Entries, place, same};
use super::definition::{Field, Measured, NamePart, SpanDefinition};
use super::instruments::Derivation;
use super::value::Value;
use crate::generated::semconv::error;

/// Names of a definition that are kept: as many as an enum has members, or a program models.
const NAMES: usize = 16;
/// And how long the word in them may be.
const LONGEST_WORD: usize = 64;
/// Spans of fewer attributes than this have room for more.
const LEAST_ROOM: usize = 8;
const MOST_ROOM: usize = 64;

/// What follows from a definition.
#[derive(Debug)]
pub(crate) struct Facts {
    known: OnceLock<Known>,
    pub(crate) places: Places,
    names: [OnceLock<Name>; NAMES],
    /// How many attributes a span had at its end, the last time.
    attributes: AtomicUsize,
}

/// Where keys stand among fields, by their addresses. Keys are static, so an address and a length tell them
/// apart; each crate may have its own copy of one.
///
/// Each word is an address, a length and a place. An empty one is no key's: nothing is at address 0.
#[derive(Debug)]
pub(crate) struct Places([AtomicU64; Self::SLOTS]);

impl Places {
    const SLOTS: usize = 64;
    /// From which bits on the length and the place stand. What has no room there is looked for each time.
    const LENGTH: u32 = 48;
    const PLACE: u32 = 56;
    const KEY: u64 = (1 << Self::PLACE) - 1;
    /// Of a key that no field has.
    const NOWHERE: u64 = u8::MAX as u64;

    pub(crate) const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; Self::SLOTS])
    }

    /// The place of `key` among `fields`, which are always the same.
    #[inline]
    pub(crate) fn of(&self, fields: &[Field], key: &'static str) -> Option<usize> {
        let address = key.as_ptr().addr() as u64;
        let length = key.len() as u64;
        if address >> Self::LENGTH != 0 || length >> (Self::PLACE - Self::LENGTH) != 0 {
            return place(fields, key);
        }
        let asked = address | length << Self::LENGTH;
        // Two slots for each, as two keys may want the same.
        let slot = (asked.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58) as usize % Self::SLOTS;
        for slot in [slot, slot ^ 1] {
            let known = self.0[slot].load(Ordering::Relaxed);
            if known & Self::KEY == asked {
                let place = known >> Self::PLACE;
                return (place != Self::NOWHERE).then_some(place as usize);
            }
        }
        self.learn(fields, key, asked, slot)
    }

    #[cold]
    fn learn(&self, fields: &[Field], key: &str, asked: u64, slot: usize) -> Option<usize> {
        let place = place(fields, key);
        let known = place.map_or(Self::NOWHERE, |place| place as u64);
        if known < Self::NOWHERE || place.is_none() {
            let is_free = |slot: &usize| self.0[*slot].load(Ordering::Relaxed) == 0;
            let slot = [slot, slot ^ 1].into_iter().find(is_free).unwrap_or(slot);
            self.0[slot].store(asked | known << Self::PLACE, Ordering::Relaxed);
        }
        place
    }
}

/// A name, and the text in it that makes it what it is.
#[derive(Debug)]
struct Name {
    word: &'static str,
    name: &'static str,
}

#[derive(Debug)]
pub(crate) struct Known {
    /// The places of the attributes that samplers look at.
    pub(crate) sampled: Box<[usize]>,
    /// The place of `error.type`.
    pub(crate) error: Option<usize>,
    /// The place of the attribute that tells how it ended.
    pub(crate) outcome: Option<usize>,
    /// What it measures at its end, if it does.
    pub(crate) metrics: Option<Metrics>,
    /// What it measures of each chunk, if it does.
    pub(crate) chunks: Option<Derivation>,
    /// The place of the one attribute in its name that is not always the same.
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
            places: Places::new(),
            names: [const { OnceLock::new() }; NAMES],
            attributes: AtomicUsize::new(0),
        }
    }

    #[inline]
    pub(crate) fn of(definition: &'static SpanDefinition) -> &'static Known {
        definition.facts.known.get_or_init(|| known(definition))
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

    /// The name of a span in which one word alone changes, such as a model's or a tool's, if that is among
    /// the first that there were, and short. They stay for good.
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
        let word = text.as_str();
        if word.len() > LONGEST_WORD {
            return None;
        }
        let mut make = Some(make);
        for name in &self.names {
            let name = name.get_or_init(|| Name {
                word: text.as_static().unwrap_or_else(|| word.to_owned().leak()),
                name: make.take().map_or_else(String::new, |make| make()).leak(),
            });
            if same(name.word, word) {
                return Some(name.name);
            }
        }
        None
    }
}

fn known(definition: &'static SpanDefinition) -> Known {
    let fields = definition.fields;
    let keys = definition.name.iter().filter_map(|part| match part {
        NamePart::Key(key) => Some(place(fields, key)),
        NamePart::Word(_) => None,
    });
    let mut changing = keys.filter(|at| at.is_none_or(|at| fields[at].constant.is_none()));
    let named_by = changing.next().filter(|_| changing.next().is_none());
    let stream = definition.stream.as_ref();
    let chunks = stream.and_then(|stream| stream.time_per_output_chunk);
    Known {
        sampled: (0..fields.len()).filter(|at| fields[*at].sampled).collect(),
        error: place(fields, error::TYPE),
        outcome: definition
            .outcome
            .and_then(|outcome| place(fields, outcome.key)),
        metrics: (!definition.metrics.is_empty()).then(|| Metrics::of(definition)),
        chunks: chunks.map(|metric| Derivation::new(std::iter::once((metric, &[][..])))),
        named_by: named_by.flatten(),
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
                Measured::Attribute(key) => place(fields, key),
                Measured::Duration | Measured::Count => None,
            });
        Self {
            measured: measured.collect(),
            places: attributes
                .iter()
                .map(|field| place(fields, field.key()))
                .collect(),
            inherits: attributes.iter().any(|field| field.attribute.inherited),
            derivation,
        }
    }
}
