//! An open span in the hands of whoever started it.

use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry::propagation::Injector;
use opentelemetry::trace::SpanContext;

use super::any::AnyValue;
use super::attributes::Attributes;
use super::current;
use super::definition::{EventDefinition, RecordDefinition, SpanDefinition};
use super::exposed;
use super::outcome::{CANCELLED, Failure, PANIC, Seen};
use super::parent::{ParentRef, Repr};
use super::run::{Run, RunWith};
use super::start;
use super::state::SpanState;
use super::tracer;
use super::value::{Element, Text, Value};
use super::{is_active, run};

/// An open span. Generated handles dereference to one.
///
/// It is not `Clone`: whoever has it decides when the span ends, by [`end`](Self::end) or by
/// dropping it, on whatever thread. For work elsewhere there is `parent()` on the generated
/// handles, and [`run`](Self::run), which borrows nothing. [`run_stream`](super::run_stream) does the
/// same for streams.
///
/// # How a span ends
///
/// What was recorded counts first: [`record_error`](Self::record_error), a recorded status, the last
/// of them. Then what the last of its scopes saw ([`run`](Self::run): an error, a panic, a future
/// that was dropped before its end, unless an earlier one had a result), and whether a panic drops
/// the handle. A failure sets the status `Error` and `error.type`; success leaves the status unset. A
/// span that declares an outcome, as a tool does, is `cancelled` when nothing of this says how it
/// went.
#[derive(Debug)]
#[must_use = "the span ends when its handle is dropped"]
pub struct Handle {
    state: Option<Arc<SpanState>>,
    /// It was found, not started: somebody else ends it.
    adopted: bool,
}

impl Handle {
    pub(crate) const fn off() -> Self {
        Self {
            state: None,
            adopted: false,
        }
    }

    pub(crate) fn owner(state: Arc<SpanState>) -> Self {
        Self {
            state: Some(state),
            adopted: false,
        }
    }

    pub(crate) fn adopted(state: Arc<SpanState>) -> Self {
        Self {
            state: Some(state),
            adopted: true,
        }
    }

    pub(crate) fn state(&self) -> Option<&Arc<SpanState>> {
        self.state.as_ref()
    }

    pub(crate) fn parent_ref(&self) -> ParentRef<'_> {
        ParentRef(Repr::Typed(self.state.as_ref()))
    }

    /// The nearest open span of that type around the current code.
    ///
    /// If there is none it stands for the current span, whatever that is: what starts under it is
    /// marked `vigil.parent.unchecked`. It never ends what it found.
    pub fn current(definition: &'static SpanDefinition) -> Self {
        Self::find(definition, |state| {
            std::ptr::eq(state.definition, definition)
        })
    }

    /// Like [`current`](Self::current), for a span whose attribute `key` has that value.
    pub fn current_member(
        definition: &'static SpanDefinition,
        key: &'static str,
        value: &'static str,
    ) -> Self {
        Self::find(definition, |state| {
            std::ptr::eq(state.definition, definition)
                && state.value(key) == Some(Value::from(value))
        })
    }

    fn find(definition: &'static SpanDefinition, wanted: impl Fn(&SpanState) -> bool) -> Self {
        if !is_active() {
            return Self::off();
        }
        match tracer::current_typed(|state| state.is_open() && wanted(state)) {
            Some(state) => Self::adopted(state),
            None => start::adopt_current(definition),
        }
    }

    /// Whether somebody listens: nothing is recorded otherwise.
    #[inline]
    pub fn is_active(&self) -> bool {
        self.state.is_some()
    }

    /// Sets the attribute `key`; a second value takes the first one's place, is added to it or
    /// follows it, as the registry says. Content has [`set_sensitive`](Self::set_sensitive).
    #[inline]
    pub fn set<V: Into<Value>>(&self, key: &'static str, value: impl Into<V>) {
        if let Some(state) = &self.state {
            state.set_plain(key, value.into().into());
        }
    }

    /// Sets the attribute `key`, an array.
    #[inline]
    pub fn set_all<E: Element>(
        &self,
        key: &'static str,
        values: impl IntoIterator<Item = impl Into<E>>,
    ) {
        self.set_many(|attributes| attributes.set_all(key, values));
    }

    /// Sets the attribute `key`, content, if content is captured.
    #[inline]
    pub fn set_sensitive<V: Into<Value>, T: Into<V>>(
        &self,
        key: &'static str,
        value: impl FnOnce() -> T,
    ) {
        self.set_many(|attributes| attributes.set_sensitive(key, value));
    }

    /// Sets the attribute `key` below `prefix`, for attributes whose keys are made at run time: see
    /// [`Attributes::set_keyed`].
    #[inline]
    pub fn set_keyed<V: Into<Value>>(
        &self,
        prefix: &'static str,
        key: impl AsRef<str>,
        value: impl Into<V>,
    ) {
        self.set_many(|attributes| attributes.set_keyed(prefix, key, value));
    }

    /// Sets the attribute `key` below `prefix`, an array.
    #[inline]
    pub fn set_all_keyed<E: Element>(
        &self,
        prefix: &'static str,
        key: impl AsRef<str>,
        values: impl IntoIterator<Item = impl Into<E>>,
    ) {
        self.set_many(|attributes| attributes.set_all_keyed(prefix, key, values));
    }

    /// Sets the attribute `key` below `prefix`, content, if content is captured.
    #[inline]
    pub fn set_sensitive_keyed<V: Into<Value>, T: Into<V>>(
        &self,
        prefix: &'static str,
        key: impl AsRef<str>,
        value: impl FnOnce() -> T,
    ) {
        self.set_many(|attributes| attributes.set_sensitive_keyed(prefix, key, value));
    }

    #[inline]
    fn set_many(&self, write: impl FnOnce(&mut Attributes)) {
        if let Some(state) = &self.state {
            state.set_with(write);
        }
    }

    /// Records `record`: its attributes, its event, its measurements.
    #[inline]
    pub fn record(&self, record: &'static RecordDefinition, write: impl FnOnce(&mut Attributes)) {
        if let Some(state) = &self.state {
            state.record_with(record, write);
        }
    }

    /// Sends `event`.
    #[inline]
    pub fn emit(&self, event: &'static EventDefinition, write: impl FnOnce(&mut Attributes)) {
        if let Some(state) = &self.state {
            state.emit_with(event, write, None);
        }
    }

    /// Sends `event` with what `body` returns, which is only called if somebody listens. A log record
    /// has it as it is; where the event is one of a span, the attribute `body` is its JSON, as in log
    /// lines.
    #[inline]
    pub fn emit_with_body(
        &self,
        event: &'static EventDefinition,
        write: impl FnOnce(&mut Attributes),
        body: impl FnOnce() -> Option<AnyValue>,
    ) {
        if let Some(state) = &self.state {
            state.emit_with(event, write, body());
        }
    }

    /// Records that the work failed: `error.type` and the status `Error` at the end.
    ///
    /// `error_type` is one of few words that tell kinds of failure apart, never a message: an
    /// HTTP status, a provider's error code, a type's name.
    #[inline]
    pub fn record_error(&self, error_type: impl Into<Text>) {
        if let Some(state) = &self.state {
            state.fail(Failure::of_type(error_type.into()));
        }
    }

    /// Like [`record_error`](Self::record_error), with a description for people: the status's.
    #[inline]
    pub fn record_error_with(&self, error_type: impl Into<Text>, description: impl Into<Text>) {
        if let Some(state) = &self.state {
            state.fail(Failure {
                error_type: error_type.into(),
                description: Some(description.into()),
            });
        }
    }

    /// The span as `tracing` knows it: to enter it, or to `.instrument()` a future with it.
    ///
    /// It is a disabled one while nobody listens, and the span above if a filter shut this one out.
    pub fn span(&self) -> tracing::Span {
        let Some(state) = &self.state else {
            return tracing::Span::none();
        };
        exposed::expose(state);
        state.traced().cloned().unwrap_or_else(tracing::Span::none)
    }

    /// Its trace and span id, if it has them: a layer of Vigil's listens, and no filter shut it out.
    pub fn span_context(&self) -> Option<SpanContext> {
        self.state.as_ref()?.ids().cloned()
    }

    /// Writes the span into a request's headers, baggage included, as the process's propagator does:
    /// [`init`](crate::init) sets W3C Trace Context and Baggage. What the other side starts with
    /// [`RemoteParent::extract`](super::RemoteParent::extract) stands under it.
    ///
    /// The flags say whether the span is recorded. Without an endpoint it is not, so another process
    /// that samples as its parent does will record nothing either.
    ///
    /// While nobody listens, it writes what is current.
    ///
    /// ```
    /// use std::collections::HashMap;
    ///
    /// use vigil::{Execute, agent_span, phase_span, tool_span};
    ///
    /// let agent = agent_span("s-1", "arcan").start();
    /// let execute = phase_span(&agent, Execute);
    /// let tool = tool_span(&execute, "ask_sub_agent", "call-1").start();
    /// let mut headers = HashMap::new(); // or an `http::HeaderMap`, through `opentelemetry-http`
    /// tool.inject(&mut headers);
    /// ```
    pub fn inject(&self, headers: &mut dyn Injector) {
        opentelemetry::global::get_text_map_propagator(|propagator| match self.context() {
            Some(context) => propagator.inject_context(context, headers),
            None => current::map(|context| propagator.inject_context(context, headers)),
        });
    }

    /// Where it stands in OpenTelemetry's tree: its own place, or that of the nearest span above.
    pub(crate) fn context(&self) -> Option<&opentelemetry::Context> {
        self.state.as_ref()?.context()
    }

    /// Runs `f` in the span: what it starts without a parent of its own stands under it.
    ///
    /// A panic counts as how the span ended, unless that is recorded.
    pub fn in_scope<R>(&self, f: impl FnOnce() -> R) -> R {
        match &self.state {
            Some(state) => run::in_scope(state, f),
            None => f(),
        }
    }

    /// Runs `work` in the span. An error is how the span ended: `error.type` is its type's name.
    ///
    /// # Errors
    ///
    /// Whatever `work` returns.
    pub fn run_blocking<T, E>(&self, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.run_blocking_with(work, run::type_name)
    }

    /// Like [`run_blocking`](Self::run_blocking); `classify` gives the `error.type`, alone or with a
    /// description for people: see [`Failure`].
    ///
    /// # Errors
    ///
    /// Whatever `work` returns.
    pub fn run_blocking_with<T, E, C: Into<Failure>>(
        &self,
        work: impl FnOnce() -> Result<T, E>,
        classify: impl FnOnce(&E) -> C,
    ) -> Result<T, E> {
        let result = self.in_scope(work);
        if let Some(state) = &self.state {
            run::see(state, &result, classify);
        }
        result
    }

    /// Runs `future` in the span. An error is how the span ended: `error.type` is its type's name.
    /// So is a panic, and dropping the future before its end: `cancelled`.
    ///
    /// The future borrows nothing of this handle, so it can be spawned.
    pub fn run<F, T, E>(&self, future: F) -> Run<F>
    where
        F: Future<Output = Result<T, E>>,
    {
        self.run_with(future, run::type_name::<E>)
    }

    /// Like [`run`](Self::run); `classify` gives the `error.type`, alone or with a description for
    /// people: see [`Failure`].
    pub fn run_with<F, T, E, C, M>(&self, future: F, classify: M) -> RunWith<F, M>
    where
        F: Future<Output = Result<T, E>>,
        M: FnOnce(&E) -> C,
        C: Into<Failure>,
    {
        RunWith::new(self.state.clone(), future, classify)
    }

    /// Ends the span now, whatever of its children is open.
    #[inline]
    pub fn end(self) {
        drop(self);
    }

    /// Ends the span at `time`: for what is told after the fact.
    pub fn end_at(self, time: SystemTime) {
        if let Some(state) = &self.state
            && !self.adopted
        {
            state.end(Some(time));
        }
    }
}

impl Drop for Handle {
    #[inline]
    fn drop(&mut self) {
        if let Some(state) = &self.state
            && !self.adopted
        {
            state.end(None);
        }
    }
}

/// What an interrupted scope says of the work in it.
pub(crate) fn interrupted() -> Seen {
    let error_type = if std::thread::panicking() {
        PANIC
    } else {
        CANCELLED
    };
    Seen::Failure(Failure::of_type(Text::from_static(error_type)))
}
