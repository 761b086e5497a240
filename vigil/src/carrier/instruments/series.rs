//! The series of an instrument: for each set of attributes that was met, a handle that measures
//! without looking anything up.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::{Arc, PoisonError, RwLock};

use rustc_hash::FxHasher;

use super::super::value::Value;
use super::Bound;

/// More attributes than this has no metric: what has, is measured without a handle.
const ATTRIBUTES: usize = 8;
/// More series than this has no instrument for itself: they are measured without a handle.
const MOST: usize = 2_000;

/// The values of a metric's attributes, in the order of its fields.
pub(super) struct Values<'a> {
    values: [Option<Cow<'a, Value>>; ATTRIBUTES],
    hash: u64,
}

impl<'a> Values<'a> {
    /// Those that `value` gives for the places, `count` in number; none if they are too many, or
    /// arrays, which no handle is worth.
    pub(super) fn new(
        count: usize,
        mut value: impl FnMut(usize) -> Option<Cow<'a, Value>>,
    ) -> Option<Self> {
        if count > ATTRIBUTES {
            return None;
        }
        let mut values = [const { None }; ATTRIBUTES];
        let mut hasher = FxHasher::default();
        for (place, slot) in values.iter_mut().enumerate().take(count) {
            if let Some(value) = value(place) {
                place.hash(&mut hasher);
                match &*value {
                    Value::Text(text) => hasher.write(text.as_str().as_bytes()),
                    Value::Int(int) => int.hash(&mut hasher),
                    Value::Bool(bool) => bool.hash(&mut hasher),
                    Value::Double(double) => double.to_bits().hash(&mut hasher),
                    _ => return None,
                }
                *slot = Some(value);
            }
        }
        Some(Self {
            values,
            hash: hasher.finish(),
        })
    }

    pub(super) fn get(&self, place: usize) -> Option<&Value> {
        self.values.get(place)?.as_deref()
    }

    fn is(&self, known: &[Option<Value>]) -> bool {
        self.values
            .iter()
            .zip(known)
            .all(|(value, known)| value.as_deref() == known.as_ref())
    }

    fn to_known(&self, count: usize) -> Box<[Option<Value>]> {
        let values = self.values.iter().take(count);
        values.map(|value| value.as_deref().cloned()).collect()
    }
}

/// The hash is made already.
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

type Known = (Box<[Option<Value>]>, Arc<Bound>);

#[derive(Default)]
pub(super) struct Series(RwLock<HashMap<u64, Known, BuildHasherDefault<AsIs>>>);

impl Series {
    /// The handle for these values, if one was kept.
    pub(super) fn get(&self, values: &Values<'_>) -> Option<Arc<Bound>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (known, bound) = known.get(&values.hash)?;
        values.is(known).then(|| Arc::clone(bound))
    }

    /// Keeps a handle, as long as there is room. One in its place by chance stays.
    pub(super) fn keep(&self, values: &Values<'_>, count: usize, bound: Bound) -> Arc<Bound> {
        let bound = Arc::new(bound);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MOST {
            let kept = (values.to_known(count), Arc::clone(&bound));
            known.entry(values.hash).or_insert(kept);
        }
        bound
    }
}
