//! Measurements that derive from a span or a record: made together, of the same few attributes, so they are
//! looked up together.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::definition::{Derived, Field, MetricDefinition};
use super::super::value::{Text, Value};
use super::recent::Recent;
use super::series::are;
use super::{Amount, Binding, Bound, measure_here, with_slots};

std::thread_local! {
    /// By the number of the derivation.
    static RECENT: RefCell<Vec<Recent<Series>>> = const { RefCell::new(Vec::new()) };
}

/// The series of all metrics that derive from the same, for one set of attributes.
struct Series {
    values: Box<[Option<Value>]>,
    /// In the order of the metrics; none where there was nothing to measure yet.
    handles: Box<[Option<Arc<Bound>>]>,
}

/// Keys and values.
type Fixed = &'static [(&'static str, &'static str)];

/// Which metrics derive from something, and what their attributes are.
#[derive(Debug)]
pub(crate) struct Derivation {
    /// Its place among those of this process.
    number: usize,
    /// The attributes, each once, that are not always the same.
    attributes: Box<[&'static Field]>,
    metrics: Box<[Metric]>,
}

#[derive(Debug)]
struct Metric {
    definition: &'static MetricDefinition,
    attributes: Box<[Source]>,
}

/// Where an attribute of a measurement is from.
#[derive(Debug)]
enum Source {
    /// It is always this.
    Fixed(Value),
    /// The attribute of that place among those of the derivation.
    Given(usize),
}

impl Derivation {
    pub(crate) fn of(derived: &'static [Derived]) -> Self {
        Self::new(derived.iter().map(|it| (it.metric, it.with)))
    }

    /// Of these metrics, each with the attributes that it has beside those of what it derives from.
    pub(crate) fn new(metrics: impl Iterator<Item = (&'static MetricDefinition, Fixed)>) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);

        let mut attributes: Vec<&'static Field> = Vec::new();
        let mut source = |field: &'static Field, with: Fixed| {
            let with = with.iter().find(|(key, _)| *key == field.key());
            if let Some(fixed) = field.constant.or(with.map(|(_, value)| *value)) {
                return Source::Fixed(Value::Text(Text::from_static(fixed)));
            }
            let known = attributes.iter().position(|it| it.key() == field.key());
            Source::Given(known.unwrap_or_else(|| {
                attributes.push(field);
                attributes.len() - 1
            }))
        };
        let metrics = metrics.map(|(definition, with)| Metric {
            definition,
            attributes: definition
                .fields
                .iter()
                .map(|field| source(field, with))
                .collect(),
        });
        let metrics = metrics.collect();
        Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            attributes: attributes.into(),
            metrics,
        }
    }

    /// The attributes that [`measure`](Self::measure) is given.
    pub(crate) fn attributes(&self) -> &[&'static Field] {
        &self.attributes
    }

    /// Measures what `amount` says of each metric, by its place; `value` gives the attributes by theirs.
    pub(crate) fn measure<'a>(
        &self,
        own: Option<&Arc<Binding>>,
        value: impl Fn(usize) -> Option<&'a Value>,
        amount: impl Fn(usize) -> Option<Amount>,
    ) {
        let fill = |slots: &mut [Option<&'a Value>]| {
            for (at, slot) in slots.iter_mut().enumerate() {
                *slot = value(at);
            }
        };
        let measure = |values: &[Option<&'a Value>]| {
            let is_global = own.is_none() && !Binding::is_scoped();
            let measured = if is_global {
                self.measure_recent(values, &amount)
            } else {
                0
            };
            let missed = (0..self.metrics.len()).filter(|nth| measured & bit(*nth) == 0);
            let mut missed = missed
                .filter_map(|nth| Some((nth, amount(nth)?)))
                .peekable();
            if missed.peek().is_some() {
                self.measure_anew(own, values, missed);
            }
        };
        with_slots(self.attributes.len(), measure, fill);
    }

    /// Measures what is among the last of this thread, and says which of them by their bits.
    #[inline]
    fn measure_recent(
        &self,
        values: &[Option<&Value>],
        amount: &impl Fn(usize) -> Option<Amount>,
    ) -> u64 {
        let measured = RECENT.try_with(|all| {
            let all = all.try_borrow().ok()?;
            let recent = all.get(self.number)?;
            let series = recent.find(|series| are(values, &series.values))?;
            let mut measured = 0;
            for (nth, handle) in series.handles.iter().enumerate() {
                if let (Some(handle), Some(amount)) = (handle, amount(nth)) {
                    handle.record_bound(amount);
                    measured |= bit(nth);
                }
            }
            Some(measured)
        });
        measured.ok().flatten().unwrap_or_default()
    }

    /// Measures what is not, and keeps what the process's meter provider has for it.
    #[inline(never)]
    fn measure_anew(
        &self,
        own: Option<&Arc<Binding>>,
        values: &[Option<&Value>],
        missed: impl Iterator<Item = (usize, Amount)>,
    ) {
        for (nth, amount) in missed {
            let metric = &self.metrics[nth];
            let found = with_slots(
                metric.attributes.len(),
                |attributes| measure_here(own, metric.definition, amount, attributes),
                |slots| {
                    for (slot, source) in slots.iter_mut().zip(&metric.attributes) {
                        *slot = match source {
                            Source::Fixed(value) => Some(value),
                            Source::Given(at) => values[*at],
                        };
                    }
                },
            );
            if let Some((generation, bound)) = found
                && bit(nth) != 0
            {
                self.keep(generation, values, nth, bound);
            }
        }
    }

    fn keep(&self, generation: usize, values: &[Option<&Value>], nth: usize, bound: Arc<Bound>) {
        let gone = RECENT.try_with(|all| {
            let mut all = all.try_borrow_mut().ok()?;
            if all.len() <= self.number {
                all.resize_with(self.number + 1, Recent::default);
            }
            let recent = &mut all[self.number];
            let known = recent.find_mut(generation, |series| are(values, &series.values));
            if let Some(known) = known {
                known.handles[nth] = Some(bound);
                return None;
            }
            let mut handles = vec![None; self.metrics.len()];
            handles[nth] = Some(bound);
            let values = values.iter().map(|value| value.cloned()).collect();
            let series = Series {
                values,
                handles: handles.into(),
            };
            Some(recent.keep(generation, series))
        });
        // Now that nothing is borrowed.
        drop(gone);
    }
}

/// Of so many metrics, one is known by its bit; none where there are more.
fn bit(nth: usize) -> u64 {
    u32::try_from(nth)
        .ok()
        .and_then(|nth| 1_u64.checked_shl(nth))
        .unwrap_or(0)
}
