//! Measurements that derive from a span or a record: made together, of the same few attributes, so they are
//! looked up together.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::definition::{Derived, Field, MetricDefinition};
use super::super::value::{Text, Value};
use super::recent::Recent;
use super::series::{are, is};
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

/// Which of the metrics: each has a bit.
type Missed = u64;

const ALL: Missed = Missed::MAX;
/// Of more metrics than this, no series are kept.
const MOST: usize = Missed::BITS as usize;

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
    #[inline]
    pub(crate) fn measure<'a>(
        &self,
        own: Option<&Arc<Binding>>,
        value: impl Fn(usize) -> Option<&'a Value>,
        amount: impl Fn(usize) -> Option<Amount>,
    ) {
        let mut missed = ALL;
        if own.is_none() && !Binding::is_scoped() {
            missed = self.measure_recent(&value, &amount);
        }
        if missed != 0 {
            with_slots(
                self.attributes.len(),
                |values| self.measure_anew(own, values, &amount, missed),
                |slots| {
                    for (at, slot) in slots.iter_mut().enumerate() {
                        *slot = value(at);
                    }
                },
            );
        }
    }

    /// Measures by what this thread measured last, and says which metrics are not among that.
    #[inline]
    fn measure_recent<'a>(
        &self,
        value: &impl Fn(usize) -> Option<&'a Value>,
        amount: &impl Fn(usize) -> Option<Amount>,
    ) -> Missed {
        let missed = RECENT.try_with(|all| {
            let all = all.try_borrow().ok()?;
            let recent = all.get(self.number)?;
            let series = recent.find(|series| {
                let mut known = series.values.iter().enumerate();
                known.all(|(at, known)| is(value(at), known.as_ref()))
            })?;
            let mut missed = 0;
            for (nth, handle) in series.handles.iter().enumerate() {
                match (amount(nth), handle) {
                    (Some(amount), Some(handle)) => handle.record_bound(amount),
                    (Some(_), None) => missed |= 1 << nth,
                    (None, _) => {}
                }
            }
            Some(missed)
        });
        missed.ok().flatten().unwrap_or(ALL)
    }

    /// Measures what was missed, and keeps what the process's meter provider has for it.
    #[inline(never)]
    fn measure_anew(
        &self,
        own: Option<&Arc<Binding>>,
        values: &[Option<&Value>],
        amount: &dyn Fn(usize) -> Option<Amount>,
        missed: Missed,
    ) {
        for (nth, metric) in self.metrics.iter().enumerate() {
            if missed != ALL && missed & (1 << nth) == 0 {
                continue;
            }
            let Some(amount) = amount(nth) else { continue };
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
                && self.metrics.len() <= MOST
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
