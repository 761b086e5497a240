//! Work that comes in chunks: when they arrive, and streams that run in a span.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures_core::Stream;
use pin_project_lite::pin_project;

use super::definition::StreamDefinition;
use super::facts::Facts;
use super::handle::{Handle, interrupted};
use super::instruments::Amount;
use super::outcome::{Failure, Seen};
use super::parent::TypedSpan;
use super::run::{self, Outcome};
use super::state::SpanState;
use super::value::Value;

/// What a span knows of its chunks.
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    /// One has arrived, whoever told of it.
    begun: AtomicBool,
    /// When the last of those arrived that were recorded one by one.
    last: Mutex<Option<Instant>>,
}

impl SpanState {
    fn stream(&self) -> Option<&'static StreamDefinition> {
        self.definition.stream.as_ref()
    }

    /// Its work streams, whether or not anything of it arrives.
    fn streams(&self) {
        if let Some(flag) = self.stream().and_then(|stream| stream.flag) {
            self.set_unless_given(flag, Value::Bool(true));
        }
    }

    /// A chunk has arrived, the first of its stream or some time after the one before.
    fn chunk(&self, since: Option<Duration>) {
        let Some(stream) = self.stream() else { return };
        // One span covers a call with its retries: the first chunk of all counts.
        if !self.chunks.begun.swap(true, Ordering::Relaxed) {
            let time = self.duration(None).as_secs_f64();
            self.set_unless_given(stream.time_to_first_chunk, Value::Double(time));
        }
        if let (Some(derivation), Some(since)) = (&Facts::of(self.definition).chunks, since)
            // A foreign span has not got what the metric asks for.
            && !self.foreign
            && !self.told
            && self.is_open()
        {
            let time = Amount::Double(since.as_secs_f64());
            self.measure_with(derivation, &[], |_| Some(time));
        }
    }

    fn set_unless_given(&self, key: &'static str, value: Value) {
        if self.value(key).is_none() {
            let mut attributes = self.attributes();
            attributes.put(key, value);
            self.set(&mut attributes);
        }
    }
}

/// Records that a chunk has arrived on a span that [says](super::SpanDefinition::stream) what
/// becomes of it; on any other it has no effect.
pub fn record_chunk(handle: &Handle) {
    if let Some(state) = handle.state() {
        let now = Instant::now();
        let before = state
            .chunks
            .last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .replace(now);
        if before.is_none() {
            state.streams();
        }
        state.chunk(before.map(|before| now.duration_since(before)));
    }
}

/// Runs `stream` in the span. Each `Ok` is a chunk, an `Err` is how the span ended: `error.type` is
/// its type's name. So is a panic, and dropping the stream before its end: `cancelled`.
pub fn run_stream<S, T, E>(handle: &Handle, stream: S) -> RunStream<S>
where
    S: Stream<Item = Result<T, E>>,
{
    run_stream_with(handle, stream, run::type_name::<E>)
}

/// Like [`run_stream`]; `classify` gives the `error.type`.
pub fn run_stream_with<S, T, E, C, M>(
    handle: &Handle,
    stream: S,
    classify: M,
) -> RunStreamWith<S, M>
where
    S: Stream<Item = Result<T, E>>,
    M: FnMut(&E) -> C,
    C: Into<Failure>,
{
    let state = handle.state().cloned();
    if let Some(state) = &state {
        state.streams();
    }
    RunStreamWith {
        stream: Some(stream),
        scope: Scope {
            state,
            last: None,
            failed: false,
            panicked: false,
            classify,
        },
    }
}

/// The stream of [`run_stream`].
pub type RunStream<S> = RunStreamWith<S, fn(&ErrorOf<S>) -> &'static str>;

type ErrorOf<S> = <<S as Stream>::Item as Outcome>::Error;

pin_project! {
    /// The stream of [`run_stream_with`]. Polled after its end, it has ended.
    #[must_use = "streams do nothing unless polled"]
    pub struct RunStreamWith<S, M> {
        #[pin]
        stream: Option<S>,
        scope: Scope<M>,
    }

    impl<S, M> PinnedDrop for RunStreamWith<S, M> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            // What it holds belongs to the span, so it is dropped in there too.
            if this.stream.is_some() && let Some(state) = this.scope.state.take() {
                if !this.scope.panicked {
                    state.see(interrupted());
                }
                run::enter(&state, || this.stream.set(None));
            }
        }
    }
}

struct Scope<M> {
    state: Option<Arc<SpanState>>,
    /// When the last chunk arrived.
    last: Option<Instant>,
    /// An error came, so the end is no success.
    failed: bool,
    /// Somebody caught the panic, and may drop the stream long after.
    panicked: bool,
    classify: M,
}

impl<S, T, E, C, M> Stream for RunStreamWith<S, M>
where
    S: Stream<Item = Result<T, E>>,
    M: FnMut(&E) -> C,
    C: Into<Failure>,
{
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        let Some(stream) = this.stream.as_mut().as_pin_mut() else {
            return Poll::Ready(None);
        };
        let Some(state) = this.scope.state.as_ref() else {
            let item = ready!(stream.poll_next(cx));
            if item.is_none() {
                this.stream.set(None);
            }
            return Poll::Ready(item);
        };
        this.scope.panicked = true;
        let poll = run::in_scope(state, || stream.poll_next(cx));
        this.scope.panicked = false;
        let item = ready!(poll);
        match &item {
            Some(Ok(_)) => {
                let now = Instant::now();
                let before = this.scope.last.replace(now);
                state.chunk(before.map(|before| now.duration_since(before)));
            }
            Some(Err(error)) => {
                this.scope.failed = true;
                let failure = run::failure(error, &mut this.scope.classify);
                state.see(Seen::Failure(failure));
            }
            None => {
                run::enter(state, || this.stream.set(None));
                if !this.scope.failed {
                    state.see(Seen::Success);
                }
            }
        }
        Poll::Ready(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.as_ref().map_or((0, Some(0)), Stream::size_hint)
    }
}

impl<S, M> std::fmt::Debug for RunStreamWith<S, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("RunStream").field(&self.scope.state).finish()
    }
}

pin_project! {
    /// A stream that has its span with it, which ends when the stream does or is dropped. A span that
    /// was found, not started, is ended by whoever started it.
    ///
    /// The stream of `into_stream` on spans whose work comes in chunks:
    ///
    /// ```
    /// use vigil::carrier::Stream;
    /// use vigil::records::gen_ai::TokenUsage;
    /// use vigil::spans::gen_ai::ChatSpan;
    ///
    /// struct Chunk {
    ///     text: String,
    ///     usage: Option<TokenUsage>,
    /// }
    ///
    /// /// The provider's chunks, for a caller that reads them when it likes, or stops to.
    /// fn reply<E>(
    ///     chat: ChatSpan,
    ///     chunks: impl Stream<Item = Result<Chunk, E>>,
    /// ) -> impl Stream<Item = Result<Chunk, E>> {
    ///     chat.into_stream(chunks).on_chunk(|chat, chunk| {
    ///         if let Some(usage) = &chunk.usage {
    ///             chat.record_token_usage(usage);
    ///         }
    ///     })
    /// }
    /// ```
    #[must_use = "streams do nothing unless polled"]
    pub struct SpanStream<H, S> {
        // Dropped first: it tells the span how it ended.
        #[pin]
        stream: S,
        span: Option<H>,
    }
}

impl<H: TypedSpan, S: Stream> SpanStream<H, S> {
    /// `stream`, which runs in `span`, with that.
    pub fn new(span: H, stream: S) -> Self {
        Self {
            stream,
            span: Some(span),
        }
    }

    /// The span, to record what the chunks tell; none once the stream and so the span have ended.
    pub fn span(&self) -> Option<&H> {
        self.span.as_ref()
    }

    /// Calls `record` in the span with each chunk that arrives, before it is handed on; while nobody
    /// listens, never. A panic in there goes no further.
    pub fn on_chunk<T, E, F>(self, record: F) -> OnChunk<H, S, F>
    where
        S: Stream<Item = Result<T, E>>,
        F: FnMut(&H, &T),
    {
        OnChunk {
            stream: self,
            record,
        }
    }
}

impl<H: TypedSpan, S: Stream> Stream for SpanStream<H, S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        let item = ready!(this.stream.poll_next(cx));
        if item.is_none() {
            // It ends now, however long the rest of this lies about.
            *this.span = None;
        }
        Poll::Ready(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.size_hint()
    }
}

impl<H: std::fmt::Debug, S> std::fmt::Debug for SpanStream<H, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SpanStream").field(&self.span).finish()
    }
}

pin_project! {
    /// The stream of [`SpanStream::on_chunk`].
    #[must_use = "streams do nothing unless polled"]
    pub struct OnChunk<H, S, F> {
        #[pin]
        stream: SpanStream<H, S>,
        record: F,
    }
}

impl<H: TypedSpan, S: Stream, F> OnChunk<H, S, F> {
    /// The span; none once the stream and so the span have ended.
    pub fn span(&self) -> Option<&H> {
        self.stream.span()
    }
}

impl<H, S, T, E, F> Stream for OnChunk<H, S, F>
where
    H: TypedSpan,
    S: Stream<Item = Result<T, E>>,
    F: FnMut(&H, &T),
{
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        let item = ready!(this.stream.as_mut().poll_next(cx));
        if let Some(Ok(chunk)) = &item
            && let Some(span) = this.stream.span()
            && let Some(state) = span.handle().state()
        {
            // It watches the work; that it panics is nothing that the work did.
            let record = || run::enter(state, || (this.record)(span, chunk));
            let _ = catch_unwind(AssertUnwindSafe(record));
        }
        Poll::Ready(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.size_hint()
    }
}

impl<H: std::fmt::Debug, S, F> std::fmt::Debug for OnChunk<H, S, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("OnChunk").field(&self.stream).finish()
    }
}
