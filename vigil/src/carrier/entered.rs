//! The typed spans that were entered: `tracing` may keep them for longer than the carrier does.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use opentelemetry::Context;
use rustc_hash::FxBuildHasher;
use tracing::span::Id;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::callsite;
use super::state::SpanState;

/// Those of all layers.
static ALL: Mutex<Vec<Weak<Entered>>> = Mutex::new(Vec::new());
/// Somebody has looked for what `tracing-opentelemetry` knows.
static WANTED: AtomicBool = AtomicBool::new(false);

/// What is known of a `tracing` span: the typed span that it is, which may go before it.
pub(crate) struct Typed {
    pub(crate) state: Weak<SpanState>,
    pub(crate) context: Option<Context>,
    /// The layer of `tracing-opentelemetry` has it.
    pub(crate) shown: bool,
}

/// The typed spans of a layer that were entered, as long as `tracing` has them.
pub(crate) struct Entered(Mutex<HashMap<Id, Typed, FxBuildHasher>>);

impl Entered {
    /// Those of a new layer.
    pub(crate) fn new() -> Arc<Self> {
        let new = Arc::new(Self(Mutex::default()));
        let mut all = lock(&ALL);
        all.retain(|other| other.strong_count() > 0);
        all.push(Arc::downgrade(&new));
        new
    }

    /// Looks at what is known of that span. It is asked of any.
    pub(crate) fn with<'a, S: LookupSpan<'a>, R>(
        &self,
        span: &SpanRef<'a, S>,
        f: impl FnOnce(&mut Typed) -> R,
    ) -> Option<R> {
        if !callsite::is_carried(span.metadata()) {
            return None;
        }
        lock(&self.0).get_mut(&span.id()).map(f)
    }

    /// The typed span, if it is one and has been entered.
    pub(crate) fn state<'a, S>(&self, span: &SpanRef<'a, S>) -> Option<Arc<SpanState>>
    where
        S: LookupSpan<'a>,
    {
        self.with(span, |typed| typed.state.upgrade())?
    }

    /// The span is entered for the first time, or `shown`.
    pub(crate) fn note(&self, state: &Arc<SpanState>, id: &Id, shown: bool) {
        let mut typed = Typed {
            state: Arc::downgrade(state),
            context: state.context().cloned(),
            shown,
        };
        let mut all = lock(&self.0);
        typed.shown |= all.get(id).is_some_and(|before| before.shown);
        let before = all.insert(id.clone(), typed);
        drop(all);
        drop(before);
    }

    /// `tracing` has it no more.
    pub(crate) fn remove(&self, id: &Id) {
        // No lock is held while it goes: it may be the last that knows a foreign span.
        let gone = lock(&self.0).remove(id);
        drop(gone);
    }
}

/// Whether spans are shown when they are entered.
pub(crate) fn is_wanted() -> bool {
    WANTED.load(Ordering::Relaxed)
}

/// Those that were entered before anybody looked.
pub(crate) fn take_all() -> Vec<Arc<SpanState>> {
    // What is noted later than its layer is looked at here sees this.
    if is_wanted() || WANTED.swap(true, Ordering::Relaxed) {
        return Vec::new();
    }
    let layers: Vec<_> = lock(&ALL).iter().filter_map(Weak::upgrade).collect();
    let mut open = Vec::new();
    for layer in layers {
        let typed = lock(&layer.0);
        open.extend(typed.values().filter_map(|it| it.state.upgrade()));
    }
    open
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
