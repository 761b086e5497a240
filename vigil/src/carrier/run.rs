//! Scopes: code that runs in a span, and what it tells of how the span ends.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use opentelemetry::ContextGuard;
use pin_project_lite::pin_project;
use tracing::span::Id;

use super::current;
use super::exposed;
use super::handle::interrupted;
use super::instruments::Binding;
use super::outcome::{Failure, Seen};
use super::state::SpanState;
use super::tracer;

/// The future of [`Handle::run`](super::Handle::run).
pub type Run<F> = RunWith<F, fn(&ErrorOf<F>) -> &'static str>;

type ErrorOf<F> = <<F as Future>::Output as Outcome>::Error;

/// What `run` runs: anything that ends in a `Result`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say whether the work went well",
    label = "it is no `Result`",
    note = "what runs in a span gives a `Result`, a stream one for each item: wrap what can't fail in `Ok`"
)]
pub trait Outcome {
    /// The type of its errors.
    type Error;
}

impl<T, E> Outcome for Result<T, E> {
    type Error = E;
}

pin_project! {
    /// The future of [`Handle::run_with`](super::Handle::run_with).
    #[must_use = "futures do nothing unless polled"]
    pub struct RunWith<F, M> {
        #[pin]
        future: Option<F>,
        scope: Scope<M>,
    }

    impl<F, M> PinnedDrop for RunWith<F, M> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            // What it holds belongs to the span, so it is dropped in there too.
            if this.future.is_some() && let Some(state) = this.scope.state.take() {
                if !this.scope.panicked {
                    state.see(interrupted());
                }
                enter(&state, || this.future.set(None));
            }
        }
    }
}

struct Scope<M> {
    state: Option<Arc<SpanState>>,
    /// Somebody caught the panic, and may drop the future long after.
    panicked: bool,
    classify: Option<M>,
}

impl<F, M> RunWith<F, M> {
    pub(crate) fn new(state: Option<Arc<SpanState>>, future: F, classify: M) -> Self {
        Self {
            future: Some(future),
            scope: Scope {
                state,
                panicked: false,
                classify: Some(classify),
            },
        }
    }
}

impl<F, T, E, C, M> Future for RunWith<F, M>
where
    F: Future<Output = Result<T, E>>,
    M: FnOnce(&E) -> C,
    C: Into<Failure>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let future = this
            .future
            .as_mut()
            .as_pin_mut()
            .expect("a future is not polled after it is ready");
        let Some(state) = this.scope.state.as_ref() else {
            let result = std::task::ready!(future.poll(cx));
            this.future.set(None);
            return Poll::Ready(result);
        };
        this.scope.panicked = true;
        let poll = in_scope(state, || future.poll(cx));
        this.scope.panicked = false;
        let result = std::task::ready!(poll);
        enter(state, || this.future.set(None));
        if let Some(classify) = this.scope.classify.take() {
            see(state, &result, classify);
        }
        Poll::Ready(result)
    }
}

impl<F, M> std::fmt::Debug for RunWith<F, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Run").field(&self.scope.state).finish()
    }
}

/// Tells the span what came out of its work.
pub(crate) fn see<T, E, C: Into<Failure>>(
    state: &SpanState,
    result: &Result<T, E>,
    classify: impl FnOnce(&E) -> C,
) {
    let seen = match result {
        Ok(_) => Seen::Success,
        Err(error) => Seen::Failure(failure(error, classify)),
    };
    state.see(seen);
}

/// What an error says of how the work ended. A caller's mistake in telling what kind it is does not
/// take the error itself from the program.
pub(crate) fn failure<E, C>(error: &E, classify: impl FnOnce(&E) -> C) -> Failure
where
    C: Into<Failure>,
{
    let failure = catch_unwind(AssertUnwindSafe(|| classify(error).into()));
    failure.unwrap_or_else(|_| type_name(error).into())
}

/// The `error.type` of an error that nobody classifies.
pub(crate) fn type_name<E>(_: &E) -> &'static str {
    std::any::type_name::<E>()
}

/// Runs `f` in the span; a panic is how the span ended.
pub(crate) fn in_scope<R>(state: &Arc<SpanState>, f: impl FnOnce() -> R) -> R {
    struct Unwinding<'a>(&'a SpanState);

    impl Drop for Unwinding<'_> {
        fn drop(&mut self) {
            self.0.see(interrupted());
        }
    }

    let unwinding = Unwinding(state);
    let result = enter(state, f);
    std::mem::forget(unwinding);
    result
}

/// Runs `f` with the span entered, and with the instruments of its test scope.
pub(crate) fn enter<R>(state: &Arc<SpanState>, f: impl FnOnce() -> R) -> R {
    let there = nearest(state);
    let span = there.traced();
    let f = || match span.zip(span.and_then(tracing::Span::id)) {
        Some((span, id)) => {
            let _entered = Entered::new(there, span, id);
            f()
        }
        None => f(),
    };
    let Some(binding) = &state.binding else {
        return f();
    };
    let _binding = Binding::enter(Arc::clone(binding));
    match state.live() {
        Some(live) => tracing::dispatcher::with_default(&live.around.dispatch, f),
        None => f(),
    }
}

/// The span itself, or if nobody wanted it, the nearest above it that is there.
fn nearest(state: &Arc<SpanState>) -> &Arc<SpanState> {
    let mut there = state;
    while !there.is_own() {
        match there.typed_parent() {
            Some(parent) => there = parent,
            // It knows the foreign one, if that is what it stands under.
            None => return state,
        }
    }
    there
}

/// A typed span while code runs in it. Its context is made current here, not by the layer, which would
/// have to look for it.
struct Entered<'a> {
    inside: Option<tracing::span::Entered<'a>>,
    id: Id,
    /// The carrier sees to it itself.
    carried: bool,
    _reachable: exposed::Before,
    _current: Option<ContextGuard>,
}

impl<'a> Entered<'a> {
    fn new(state: &Arc<SpanState>, span: &'a tracing::Span, id: Id) -> Self {
        let carried = state.is_own();
        let reachable = exposed::before();
        let context = carried.then(|| state.context().cloned()).flatten();
        let current = context.and_then(current::attach);
        if carried {
            exposed::reach(state, &id, None);
        }
        let enter = || current::ENTER.is_possible().then(|| span.enter());
        let inside = if carried {
            tracer::while_carrying(&id, enter)
        } else {
            enter()
        };
        Self {
            inside,
            id,
            carried,
            _reachable: reachable,
            _current: current,
        }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let inside = self.inside.take();
        if self.carried {
            tracer::while_carrying(&self.id, || drop(inside));
        }
    }
}
