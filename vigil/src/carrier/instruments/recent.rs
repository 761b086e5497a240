//! The series that this thread measured last: most measurements are of the same few, and take no lock that
//! other threads take.

use std::any::Any;
use std::cell::RefCell;
use std::sync::atomic::Ordering;

use super::GENERATION;

/// So many of each metric.
const EACH: usize = 8;

type Lists = Vec<Option<Box<dyn Any>>>;

std::thread_local! {
    /// By the number of the metric, what it was called with.
    static CALLED: RefCell<Lists> = const { RefCell::new(Vec::new()) };
}

/// The last series of one metric, whatever they are known by.
pub(super) struct Recent<S> {
    /// Whose series they are: see [`GENERATION`].
    generation: usize,
    series: Vec<S>,
    /// Which makes room for another.
    oldest: usize,
}

impl<S> Default for Recent<S> {
    fn default() -> Self {
        Self {
            generation: 0,
            series: Vec::new(),
            oldest: 0,
        }
    }
}

impl<S> Recent<S> {
    /// The first that it is, of the meter provider that is the process's now.
    #[inline]
    pub(super) fn find(&self, is: impl Fn(&S) -> bool) -> Option<&S> {
        if self.generation != GENERATION.load(Ordering::Acquire) {
            return None;
        }
        self.series.iter().find(|series| is(series))
    }

    /// The same to change it, of that generation.
    pub(super) fn find_mut(
        &mut self,
        generation: usize,
        is: impl Fn(&S) -> bool,
    ) -> Option<&mut S> {
        if self.generation != generation {
            return None;
        }
        self.series.iter_mut().find(|series| is(series))
    }

    /// Keeps one. `generation` was read before it was looked up. What has to make room is given back: it may
    /// belong to somebody else, so it goes when nothing is borrowed.
    pub(super) fn keep(&mut self, generation: usize, series: S) -> (Vec<S>, Option<S>) {
        if self.generation != generation {
            self.generation = generation;
            self.oldest = 0;
            let before = std::mem::replace(&mut self.series, vec![series]);
            return (before, None);
        }
        if self.series.len() < EACH {
            self.series.push(series);
            return (Vec::new(), None);
        }
        let oldest = self.oldest;
        self.oldest = (oldest + 1) % EACH;
        let before = std::mem::replace(&mut self.series[oldest], series);
        (Vec::new(), Some(before))
    }
}

/// Looks among the last of that metric.
#[inline]
pub(super) fn with<S: 'static, R>(
    number: usize,
    f: impl FnOnce(&Recent<S>) -> Option<R>,
) -> Option<R> {
    let found = CALLED.try_with(|lists| {
        let lists = lists.try_borrow().ok()?;
        f(lists.get(number)?.as_ref()?.downcast_ref()?)
    });
    found.ok().flatten()
}

/// That series is one of the last of that metric. `generation` was read before it was looked up.
pub(super) fn keep<S: 'static>(number: usize, generation: usize, series: S) {
    let gone = CALLED.try_with(|lists| {
        let mut lists = lists.try_borrow_mut().ok()?;
        if lists.len() <= number {
            lists.resize_with(number + 1, || None);
        }
        let list = &mut lists[number];
        let mut other = None;
        if !list.as_ref().is_some_and(|list| list.is::<Recent<S>>()) {
            other = list.replace(Box::new(Recent::<S>::default()));
        }
        let recent = list.as_mut()?.downcast_mut::<Recent<S>>()?;
        Some((recent.keep(generation, series), other))
    });
    // Now that nothing is borrowed.
    drop(gone);
}
