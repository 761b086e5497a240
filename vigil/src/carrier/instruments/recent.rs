//! The series that this thread measured last, for each metric: most measurements are of the same few, and
//! take no lock that other threads take.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::super::definition::MetricDefinition;
use super::super::value::Value;
use super::series::{Known, are};
use super::{Bound, GENERATION};

/// So many of each metric.
const EACH: usize = 2;

std::thread_local! {
    /// By the number of the metric.
    static RECENT: RefCell<Vec<Recent>> = const { RefCell::new(Vec::new()) };
}

/// The last series of one metric.
#[derive(Default)]
struct Recent {
    /// Whose series they are: see [`GENERATION`].
    generation: usize,
    series: [Option<Known>; EACH],
    next: usize,
}

/// Measures with the process's meter provider, if this series is among the last.
#[inline]
pub(super) fn measure(
    metric: &'static MetricDefinition,
    value: &Value,
    attributes: &[Option<&Value>],
) -> bool {
    let measured = RECENT.try_with(|all| {
        let all = all.try_borrow().ok()?;
        let recent = all.get(metric.number())?;
        if recent.generation != GENERATION.load(Ordering::Acquire) {
            return None;
        }
        let mut series = recent.series.iter().flatten();
        let (_, bound) = series.find(|(known, _)| are(attributes, known))?;
        bound.record_bound(value);
        Some(())
    });
    matches!(measured, Ok(Some(())))
}

/// That series is the last. `generation` was read before it was looked up.
pub(super) fn keep(
    metric: &'static MetricDefinition,
    generation: usize,
    attributes: &[Option<&Value>],
    bound: &Arc<Bound>,
) {
    let known = || {
        let values = attributes.iter().map(|value| value.cloned());
        (values.collect(), Arc::clone(bound))
    };
    let before = RECENT.try_with(|all| {
        let mut all = all.try_borrow_mut().ok()?;
        let number = metric.number();
        if all.len() <= number {
            all.resize_with(number + 1, Recent::default);
        }
        let recent = &mut all[number];
        let mut before = None;
        if recent.generation != generation {
            before = Some(std::mem::take(recent));
            recent.generation = generation;
        }
        let next = recent.next;
        recent.next = (next + 1) % EACH;
        Some((recent.series[next].replace(known()), before))
    });
    // What goes may be a provider of somebody else's: not while the list is borrowed.
    drop(before);
}
