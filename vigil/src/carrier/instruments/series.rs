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

/// The hash of the values of a metric's attributes; none if they are too many, or arrays, which no
/// handle is worth.
#[inline]
pub(super) fn hash(values: &[Option<&Value>]) -> Option<u64> {
    if values.len() > ATTRIBUTES {
        return None;
    }
    let mut hasher = FxHasher::default();
    for value in values {
        match value {
            None => hasher.write_u8(0),
            Some(Value::Text(text)) => hasher.write(text.as_str().as_bytes()),
            Some(Value::Int(int)) => int.hash(&mut hasher),
            Some(Value::Bool(bool)) => bool.hash(&mut hasher),
            Some(Value::Double(double)) => double.to_bits().hash(&mut hasher),
            Some(_) => return None,
        }
    }
    Some(hasher.finish())
}

#[inline]
fn are(values: &[Option<&Value>], known: &[Option<Value>]) -> bool {
    values.iter().zip(known).all(|pair| match pair {
        (Some(value), Some(known)) => *value == known,
        (None, None) => true,
        _ => false,
    })
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
    pub(super) fn get(&self, hash: u64, values: &[Option<&Value>]) -> Option<Arc<Bound>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (known, bound) = known.get(&hash)?;
        are(values, known).then(|| Arc::clone(bound))
    }

    /// Keeps a handle, as long as there is room. One in its place by chance stays.
    pub(super) fn keep(&self, hash: u64, values: &[Option<&Value>], bound: Bound) -> Arc<Bound> {
        let bound = Arc::new(bound);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MOST {
            let values = values.iter().map(|value| value.cloned()).collect();
            let kept = (values, Arc::clone(&bound));
            known.entry(hash).or_insert(kept);
        }
        bound
    }
}
