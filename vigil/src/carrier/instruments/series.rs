//! The series of an instrument: for each set of attributes that was met, a handle that measures
//! without looking anything up.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::{Arc, PoisonError, RwLock};

use rustc_hash::FxHasher;

use super::super::value::Value;
use super::Bound;

/// More attributes than this has no metric: what has, is measured without a handle.
pub(super) const ATTRIBUTES: usize = 8;
/// More series than this has no instrument for itself: they are measured without a handle.
const MOST: usize = 2_000;

/// Of so many series the values are compared one by one: most instruments have no more.
const FEW: usize = 4;

/// Whether these values are worth a handle: not if they are too many, or arrays.
#[inline]
pub(super) fn are_bindable(values: &[Option<&Value>]) -> bool {
    use Value::{Bools, Doubles, Ints, Texts};
    let is_array = |value: &&Value| matches!(value, Bools(_) | Ints(_) | Doubles(_) | Texts(_));
    values.len() <= ATTRIBUTES && !values.iter().flatten().any(is_array)
}

fn hash(values: &[Option<&Value>]) -> u64 {
    let mut hasher = FxHasher::default();
    for value in values {
        match value {
            Some(Value::Text(text)) => hasher.write(text.as_str().as_bytes()),
            Some(Value::Int(int)) => int.hash(&mut hasher),
            Some(Value::Bool(bool)) => bool.hash(&mut hasher),
            Some(Value::Double(double)) => double.to_bits().hash(&mut hasher),
            _ => hasher.write_u8(0),
        }
    }
    hasher.finish()
}

#[inline]
pub(super) fn are(values: &[Option<&Value>], known: &[Option<Value>]) -> bool {
    let mut pairs = values.iter().zip(known);
    pairs.all(|(value, known)| is(*value, known.as_ref()))
}

#[inline]
pub(super) fn is(value: Option<&Value>, known: Option<&Value>) -> bool {
    match (value, known) {
        // Most are.
        (Some(Value::Text(value)), Some(Value::Text(known))) => value == known,
        (value, known) => value == known,
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

pub(super) type Known = (Box<[Option<Value>]>, Arc<Bound>);

/// The series of one instrument.
#[derive(Default)]
pub(super) struct Series(RwLock<Kept>);

#[derive(Default)]
struct Kept {
    few: Vec<Known>,
    /// By their hash, once they are more: then all of them.
    more: HashMap<u64, Known, BuildHasherDefault<AsIs>>,
}

impl Series {
    /// The handle for these values, if one was kept.
    pub(super) fn get(&self, values: &[Option<&Value>]) -> Option<Arc<Bound>> {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (_, bound) = if kept.more.is_empty() {
            kept.few.iter().find(|(known, _)| are(values, known))
        } else {
            let found = kept.more.get(&hash(values));
            found.filter(|(known, _)| are(values, known))
        }?;
        Some(Arc::clone(bound))
    }

    /// Keeps a handle, as long as there is room. One in its place by chance stays.
    pub(super) fn keep(&self, values: &[Option<&Value>], bound: Bound) -> Arc<Bound> {
        let bound = Arc::new(bound);
        let known: Box<[Option<Value>]> = values.iter().map(|value| value.cloned()).collect();
        let known = (known, Arc::clone(&bound));
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Kept { few, more } = &mut *kept;
        if more.is_empty() && few.len() < FEW {
            few.push(known);
            return bound;
        }
        for known in few.drain(..).chain([known]) {
            if more.len() < MOST {
                let values: Vec<_> = known.0.iter().map(Option::as_ref).collect();
                more.entry(hash(&values)).or_insert(known);
            }
        }
        bound
    }
}
