//! What is current on a thread: OpenTelemetry's context, and what `tracing` needs for its spans.
//!
//! They are kept in thread-locals, and whoever asks without them panics. Destructors of thread-locals, in
//! which a panic aborts the program, may run when those are gone. Then nothing is current, and `tracing` is
//! told of no spans.

use std::cell::Cell;
use std::panic::catch_unwind;
use std::thread::LocalKey;

use opentelemetry::{Context, ContextGuard};

/// What is there as long as what was made before it: thread-locals go in the order opposite to that.
struct Marker;

impl Drop for Marker {
    // One that drops nothing never goes.
    fn drop(&mut self) {}
}

std::thread_local! {
    /// Of OpenTelemetry's contexts; none if the thread had lost them when it first met Vigil.
    static CONTEXTS: Option<Marker> =
        catch_unwind(|| Context::map_current(|_| ())).ok().map(|()| Marker);
    static MADE: Marker = const { Marker };
    static ENTERED: Marker = const { Marker };
    static ACTIVATED: Marker = const { Marker };
    /// Which of the steps this thread has taken.
    static TAKEN: Cell<u8> = const { Cell::new(0) };
}

/// Something for which others need thread-locals, which they make when it is done for the first time.
pub(super) struct Step {
    marker: &'static LocalKey<Marker>,
    bit: u8,
}

/// `tracing-subscriber` makes a span.
pub(super) static MAKE: Step = Step {
    marker: &MADE,
    bit: 1,
};
/// `tracing-subscriber` enters a span.
pub(super) static ENTER: Step = Step {
    marker: &ENTERED,
    bit: 2,
};
/// `tracing-opentelemetry` makes the context of a span current, or no longer so.
pub(super) static ACTIVATE: Step = Step {
    marker: &ACTIVATED,
    bit: 4,
};

impl Step {
    /// Whether it can be done on this thread.
    #[inline]
    pub(super) fn is_possible(&self) -> bool {
        is_there() && (TAKEN.get() & self.bit == 0 || self.marker.try_with(|_| ()).is_ok())
    }

    /// It has been done.
    #[inline]
    pub(super) fn taken(&self) {
        TAKEN.set(TAKEN.get() | self.bit);
        let _ = self.marker.try_with(|_| ());
    }
}

/// Whether there is a current context here. It may be empty.
#[inline]
pub(crate) fn is_there() -> bool {
    CONTEXTS.try_with(Option::is_some).unwrap_or(false)
}

/// The current context.
#[inline]
pub(crate) fn context() -> Context {
    map(Clone::clone)
}

/// What `f` makes of the current context.
#[inline]
pub(crate) fn map<R>(f: impl FnOnce(&Context) -> R) -> R {
    if is_there() {
        Context::map_current(f)
    } else {
        f(&Context::new())
    }
}

/// Makes it the current context until the guard is dropped, where there can be one.
#[inline]
pub(crate) fn attach(context: Context) -> Option<ContextGuard> {
    is_there().then(|| context.attach())
}
