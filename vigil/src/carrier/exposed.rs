//! Typed spans in the eyes of foreign code.
//!
//! What `OpenTelemetrySpanExt` and layers of others know of a span stands on the `tracing` span, put
//! there by `tracing-opentelemetry`'s layer. Hardly anybody asks for it, and it costs as much as the rest
//! of a span. So it is put there when somebody can ask: when the `tracing` span is handed out, when
//! a foreign span goes under it, and when somebody looks for that layer on a thread where the span is
//! entered or being made. Code that runs in a span can keep it and ask elsewhere: the first time that
//! anybody looks for the layer, all that were ever entered and are open are shown; from then on each is
//! when it is entered.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tracing::Dispatch;
use tracing::span::Id;

use super::current;
use super::entered;
use super::layer::FindTyped;
use super::state::SpanState;
use super::tracer::{CarrierSpan, while_showing, with_flag};

std::thread_local! {
    /// The typed spans that code on this thread can get at by itself, the innermost last.
    static HERE: RefCell<Vec<Reached>> = const { RefCell::new(Vec::new()) };
    /// The one that Vigil's layer is to show, when it is called next.
    static ASKED: RefCell<Option<Arc<SpanState>>> = const { RefCell::new(None) };
    /// The id of one that has gone, which Vigil's layer is to show, when it is called next.
    static GONE: Cell<u64> = const { Cell::new(0) };
    /// One is being shown.
    static SHOWING: Cell<bool> = const { Cell::new(false) };
    /// Vigil itself asks for the context of a foreign span.
    static ASKS_ITSELF: Cell<bool> = const { Cell::new(false) };
}

/// The context of a span of other instrumentation.
pub(crate) fn foreign_context(id: &Id, dispatch: &Dispatch) -> Option<opentelemetry::Context> {
    with_flag(&ASKS_ITSELF, || {
        tracing_opentelemetry::get_otel_context(id, dispatch)
    })
}

struct Reached {
    state: Arc<SpanState>,
    id: Id,
    /// For one that is being made: others know theirs.
    dispatch: Option<Dispatch>,
}

/// How many there were: what has come since goes when this is dropped.
pub(crate) struct Before(usize);

impl Drop for Before {
    fn drop(&mut self) {
        let _ = HERE.try_with(|here| {
            // Hardly ever is it more than one, and the last owner of none.
            while here.borrow().len() > self.0 {
                let last = here.borrow_mut().pop();
                drop(last);
            }
        });
    }
}

/// Those that code on this thread can get at so far.
#[inline]
pub(crate) fn before() -> Before {
    Before(HERE.try_with(|here| here.borrow().len()).unwrap_or(0))
}

/// Code on this thread can get at the span from now on.
#[inline]
pub(crate) fn reach(state: &Arc<SpanState>, id: &Id, dispatch: Option<Dispatch>) {
    let reached = Reached {
        state: Arc::clone(state),
        id: id.clone(),
        dispatch,
    };
    let _ = HERE.try_with(|here| here.borrow_mut().push(reached));
}

/// The innermost of them, if it is that one, and of the subscriber that `find` is of: each gives ids of its
/// own.
#[inline]
pub(crate) fn reached(id: &Id, find: &FindTyped) -> Option<Arc<SpanState>> {
    let innermost = HERE.try_with(|here| {
        let here = here.borrow();
        let reached = here.last().filter(|it| it.id == *id)?;
        Some((Arc::clone(&reached.state), reached.dispatch.clone()))
    });
    let (state, dispatch) = innermost.ok()??;
    // Nothing is borrowed: layers are asked.
    let live = || state.live().map(|live| &live.around.dispatch);
    let dispatch = dispatch.as_ref().or_else(live)?;
    let is_of = |its: &FindTyped| std::ptr::eq(its, find);
    let is_it = dispatch.downcast_ref::<FindTyped>().is_some_and(is_of);
    is_it.then_some(state)
}

/// Somebody on this thread is about to ask for what `tracing-opentelemetry` knows.
pub(crate) fn expose_here() {
    let is_set = |flag: &'static std::thread::LocalKey<Cell<bool>>| flag.try_with(Cell::get);
    if is_set(&SHOWING).unwrap_or(true) || is_set(&ASKS_ITSELF).unwrap_or(true) {
        return;
    }
    for state in entered::take_all() {
        expose(&state);
    }
    expose_reached();
}

/// Lets foreign code see what code on this thread can get at. Layers may look at such spans next, and lock
/// what they keep there while they ask: then it is too late.
pub(crate) fn expose_reached() {
    let hidden = HERE.try_with(|here| {
        let hidden = here.borrow();
        let hidden = hidden.iter().filter(|it| !it.state.is_exposed());
        hidden
            .map(|it| (Arc::clone(&it.state), it.id.clone(), it.dispatch.clone()))
            .collect::<Vec<_>>()
    });
    for (state, id, dispatch) in hidden.unwrap_or_default() {
        match dispatch {
            Some(dispatch) => expose_as(&state, &id, &dispatch),
            None => expose(&state),
        }
    }
}

/// Lets foreign code see the span.
pub(crate) fn expose(state: &Arc<SpanState>) {
    if state.is_exposed() {
        return;
    }
    if state.is_own()
        && let Some(span) = state.traced()
    {
        span.with_subscriber(|(id, dispatch)| expose_as(state, id, dispatch));
    }
}

fn expose_as(state: &Arc<SpanState>, id: &Id, dispatch: &Dispatch) {
    // The thread is ending: then the span stays as it is.
    let is_ending = ASKED.try_with(|_| ()).is_err() || !current::is_there();
    if is_ending || SHOWING.get() {
        return;
    }
    // This thread does not come here again.
    state
        .exposed
        .once(|| with_flag(&SHOWING, || show(state, id, dispatch)));
}

/// Whether foreign code can see a span.
#[derive(Debug)]
pub(crate) struct Exposed(AtomicU8);

impl Exposed {
    const NO: u8 = 0;
    const SOON: u8 = 1;
    const YES: u8 = 2;
    /// It takes microseconds. Whoever waits longer holds a lock that a foreign layer wants meanwhile.
    const PATIENCE: Duration = Duration::from_millis(100);

    pub(crate) const fn new() -> Self {
        Self(AtomicU8::new(Self::NO))
    }

    pub(crate) fn is(&self) -> bool {
        self.0.load(Ordering::Acquire) == Self::YES
    }

    /// Shows it, if nobody has. Where another thread is at it, that is waited for, but not for ever.
    fn once(&self, show: impl FnOnce()) {
        struct Undo<'a>(&'a AtomicU8);

        impl Drop for Undo<'_> {
            fn drop(&mut self) {
                self.0.store(Exposed::NO, Ordering::Release);
            }
        }

        let (order, otherwise) = (Ordering::Acquire, Ordering::Acquire);
        if (self.0)
            .compare_exchange(Self::NO, Self::SOON, order, otherwise)
            .is_ok()
        {
            let undo = Undo(&self.0);
            show();
            std::mem::forget(undo);
            return self.0.store(Self::YES, Ordering::Release);
        }
        let since = Instant::now();
        while self.0.load(Ordering::Acquire) == Self::SOON && since.elapsed() < Self::PATIENCE {
            thread::sleep(Duration::from_micros(20));
        }
    }
}

/// The layer can only do something when it is called, until it is `done`. Nobody else minds a link to a span
/// that is not there; a filter around the layer wants one that is.
fn call(id: &Id, dispatch: &Dispatch, done: impl Fn() -> bool) {
    for other in [&Id::from_u64(u64::MAX), id] {
        if !done() {
            // Nor does it matter if one does.
            let link = AssertUnwindSafe(|| dispatch.record_follows_from(id, other));
            let _ = catch_unwind(link);
        }
    }
}

/// Lets foreign code see a span that has gone, as somebody has kept the `tracing` span.
pub(crate) fn show_kept(id: &Id, dispatch: &Dispatch) {
    if SHOWING.get() || !current::is_there() {
        return;
    }
    with_flag(&SHOWING, || {
        GONE.set(id.into_u64());
        call(id, dispatch, || GONE.get() == 0);
        GONE.set(0);
    });
}

/// For Vigil's layer: whether it is to show that span, which has gone.
pub(crate) fn take_gone(id: &Id) -> bool {
    let is_it = GONE.get() == id.into_u64();
    if is_it {
        GONE.set(0);
    }
    is_it
}

fn show(state: &Arc<SpanState>, id: &Id, dispatch: &Dispatch) {
    let _ = ASKED.try_with(|asked| asked.replace(Some(Arc::clone(state))));
    let is_done = || ASKED.try_with(|asked| asked.borrow().is_none()) != Ok(false);
    call(id, dispatch, is_done);
    let asked = ASKED.try_with(RefCell::take);
    drop(asked);
    // At once, while it is known whose it is.
    while_showing(CarrierSpan::typed(state), || {
        tracing_opentelemetry::get_otel_context(id, dispatch);
    });
}

/// For Vigil's layer: the span that it is to show.
pub(crate) fn take_asked(id: &Id) -> Option<Arc<SpanState>> {
    if !SHOWING.try_with(Cell::get).unwrap_or(false) {
        return None;
    }
    ASKED
        .try_with(|asked| {
            let is_it = |state: &mut Arc<SpanState>| {
                let here = state.live().and_then(|live| live.span()?.id());
                here.is_none_or(|other| other == *id)
            };
            asked.borrow_mut().take_if(is_it)
        })
        .ok()?
}

/// Whether it is the carrier that links a span to another: nothing is meant by it.
pub(crate) fn is_asking() -> bool {
    SHOWING.try_with(Cell::get).unwrap_or(false)
}
