//! Instruments for one set of attributes.

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use super::super::attributes::{AttributeSet, Attributes};
use super::super::definition::MetricDefinition;
use super::super::gate::Gate;
use super::super::told;
use super::super::value::Value;
use super::{Binding, Bound, GENERATION, is_bound, with_entries};

/// One series of a metric, and the handle for it as long as the meter provider stays.
pub(super) struct BoundSeries {
    metric: &'static MetricDefinition,
    attributes: Box<[Option<Value>]>,
    /// That of the first provider, which hardly ever has a second.
    first: OnceLock<Found>,
    later: RwLock<Option<Found>>,
}

struct Found {
    /// The process's meter provider that it belongs to.
    generation: usize,
    bound: Arc<Bound>,
}

impl BoundSeries {
    pub(super) fn new<A: AttributeSet>(metric: &'static MetricDefinition, attributes: &A) -> Self {
        let mut batch = Attributes::new(Gate::closed());
        attributes.write(&mut batch);
        Self {
            metric,
            attributes: with_entries(metric, batch.entries(), |values| {
                values.iter().map(|value| value.cloned()).collect()
            }),
            first: OnceLock::new(),
            later: RwLock::new(None),
        }
    }

    pub(super) fn name(&self) -> &'static str {
        self.metric.name
    }

    // Small enough to be part of its callers, who know the type of the value.
    #[inline]
    pub(super) fn measure(&self, value: impl FnOnce() -> Value) {
        if !is_bound() {
            return;
        }
        let value = value();
        if !Binding::is_scoped()
            && told::time().is_none()
            && let Some(found) = self.first.get()
            && found.generation == GENERATION.load(Ordering::Acquire)
        {
            return found.bound.record_bound(&value);
        }
        self.measure_later(&value);
    }

    #[cold]
    #[inline(never)]
    fn measure_later(&self, value: &Value) {
        if told::time().is_some() {
            return;
        }
        if !Binding::is_scoped() {
            let generation = GENERATION.load(Ordering::Acquire);
            let later = self.later.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(found) = later.as_ref().filter(|it| it.generation == generation) {
                return found.bound.record_bound(value);
            }
        }
        self.look_up(value);
    }

    fn look_up(&self, value: &Value) {
        let generation = GENERATION.load(Ordering::Acquire);
        let Some(binding) = Binding::of(None) else {
            return;
        };
        let attributes: Vec<Option<&Value>> = self.attributes.iter().map(Option::as_ref).collect();
        let bound = binding.bound(self.metric, &attributes);
        match bound {
            Some(bound) => {
                bound.record_bound(value);
                // That of a test scope is nobody else's.
                if !Binding::is_scoped() {
                    let found = Found { generation, bound };
                    if let Err(found) = self.first.set(found) {
                        let mut later = self.later.write().unwrap_or_else(PoisonError::into_inner);
                        *later = Some(found);
                    }
                }
            }
            None => binding.measure(self.metric, value, &attributes),
        }
    }
}
