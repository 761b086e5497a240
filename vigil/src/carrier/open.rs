//! The typed spans that are open, kept so that they can be ended when the process is.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, ThreadId};

use opentelemetry::trace::{TraceContextExt, TraceId};
use slab::Slab;

use super::current;
use super::outcome::{PANIC, TERMINATED};
use super::state::SpanState;

/// Threads share a shard only if there are many of them.
const SHARDS: usize = 16;

/// Whether anybody will end what is open.
static KEPT: AtomicBool = AtomicBool::new(false);
static OPEN: [Mutex<Slab<Entry>>; SHARDS] = [const { Mutex::new(Slab::new()) }; SHARDS];

struct Entry {
    state: Weak<SpanState>,
    /// Where it was started.
    thread: ThreadId,
}

/// Where a span stands in the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    shard: usize,
    key: usize,
}

std::thread_local! {
    static HERE: (usize, ThreadId) = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        (NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS, thread::current().id())
    };
}

fn shard(at: usize) -> MutexGuard<'static, Slab<Entry>> {
    OPEN[at].lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps the spans that are started from now on, or no more.
pub(crate) fn keep_open(keep: bool) {
    KEPT.store(keep, Ordering::Relaxed);
}

/// The span is open. Those of test scopes don't belong to the process's pipeline.
#[inline]
pub(crate) fn add(state: &Arc<SpanState>) {
    if !KEPT.load(Ordering::Relaxed) || state.binding.is_some() {
        return;
    }
    // The thread is ending: what starts there is on its own.
    let Ok((at, thread)) = HERE.try_with(|here| *here) else {
        return;
    };
    let state_here = Arc::downgrade(state);
    let key = shard(at).insert(Entry {
        state: state_here,
        thread,
    });
    state.placed(Place { shard: at, key });
}

/// The span has ended.
#[inline]
pub(crate) fn remove(place: Place) {
    shard(place.shard).try_remove(place.key);
}

/// Why everything that is open ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reason {
    /// The process ends in good order, or is told to.
    Terminated,
    /// A panic ends it.
    Panic {
        /// What the panicking thread was working on, if it was in a span.
        trace: Option<TraceId>,
        thread: ThreadId,
    },
}

impl Reason {
    /// A panic on this thread. It takes no lock: who panics may hold any.
    pub(crate) fn panic() -> Self {
        let trace = current::map(|context| {
            let span = context.span().span_context().clone();
            span.is_valid().then(|| span.trace_id())
        });
        Self::Panic {
            trace,
            thread: thread::current().id(),
        }
    }

    fn error_type(self, state: &SpanState, started_on: ThreadId) -> &'static str {
        let Self::Panic { trace, thread } = self else {
            return TERMINATED;
        };
        let panicked = match (trace, state.ids()) {
            (Some(trace), Some(ids)) => ids.trace_id() == trace,
            _ => started_on == thread,
        };
        if panicked { PANIC } else { TERMINATED }
    }
}

/// Ends every span that is open, the deepest first, with what that means for OpenTelemetry. The
/// function that is returned shows them to log layers, which may take its time.
pub(crate) fn end_open(reason: Reason) -> impl FnOnce() + Send {
    let mut open: Vec<_> = (0..SHARDS)
        .flat_map(|at| {
            let shard = shard(at);
            let entries = shard.iter().map(|(_, entry)| entry);
            let states = entries.filter_map(|it| Some((it.state.upgrade()?, it.thread)));
            states.collect::<Vec<_>>()
        })
        .collect();
    open.sort_by_key(|(state, _)| std::cmp::Reverse(state.depth));
    let ended: Vec<_> = open
        .into_iter()
        .filter_map(|(state, thread)| {
            let end = alone(|| state.terminate(reason.error_type(&state, thread)))??;
            Some((state, end))
        })
        .collect();
    move || {
        for (state, end) in ended {
            alone(|| state.show(&end));
        }
    }
}

/// Does it for one span: the layers and processors that it belongs to may panic, and the others are
/// still to be ended.
fn alone<R>(end: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(end)).ok()
}
