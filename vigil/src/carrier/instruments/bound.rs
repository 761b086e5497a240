//! Instruments for one set of attributes.

use std::sync::atomic::Ordering;
use std::sync::{OnceLock, PoisonError, RwLock};

use super::super::attributes::{AttributeSet, Attributes};
use super::super::definition::MetricDefinition;
use super::super::gate::Gate;
use super::super::told;
use super::super::value::Value;
use super::{
    Amount, GENERATION, Number, SdkHandle, is_bound, is_plain, measure_here, with_entries,
};

/// One series of a metric, and the SDK's handle for it as long as the meter provider stays.
pub(super) struct BoundSeries<H> {
    metric: &'static MetricDefinition,
    attributes: Box<[Option<Value>]>,
    /// That of the first provider, which hardly ever has a second.
    first: OnceLock<Found<H>>,
    later: RwLock<Option<Found<H>>>,
}

#[derive(Clone)]
struct Found<H> {
    /// The process's meter provider that it belongs to.
    generation: usize,
    handle: H,
}

impl<H> Found<H> {
    #[inline]
    fn is_current(&self) -> bool {
        self.generation == GENERATION.load(Ordering::Acquire)
    }
}

impl<H> BoundSeries<H> {
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
    pub(super) fn measure<N: Number>(&self, value: N)
    where
        H: SdkHandle<N>,
    {
        if let Some(found) = self.first.get()
            && found.is_current()
            && is_plain()
        {
            return found.handle.measure(value.clamped());
        }
        if is_bound() {
            self.measure_later(value);
        }
    }

    #[cold]
    #[inline(never)]
    fn measure_later<N: Number>(&self, value: N)
    where
        H: SdkHandle<N>,
    {
        if is_plain() {
            let later = self.later.read().unwrap_or_else(PoisonError::into_inner);
            let found = later.as_ref().filter(|it| it.is_current()).cloned();
            drop(later);
            if let Some(found) = found {
                return found.handle.measure(value.clamped());
            }
        }
        if told::time().is_none()
            && let Some(amount) = Amount::of(&value.value())
        {
            self.look_up(amount);
        }
    }

    fn look_up(&self, amount: Amount)
    where
        H: Clone + 'static,
    {
        let attributes: Vec<Option<&Value>> = self.attributes.iter().map(Option::as_ref).collect();
        let found = measure_here(None, self.metric, amount, &attributes);
        if let Some((generation, bound)) = found
            && let Some(handle) = bound.handle()
        {
            let found = Found { generation, handle };
            if let Err(found) = self.first.set(found) {
                let mut later = self.later.write().unwrap_or_else(PoisonError::into_inner);
                let before = later.replace(found);
                drop(later);
                drop(before);
            }
        }
    }
}
