//! What a span may stand under.

use std::marker::PhantomData;
use std::sync::Arc;

use opentelemetry::propagation::Extractor;
use opentelemetry::trace::{SpanContext, TraceContextExt};

use super::definition::SpanDefinition;
use super::handle::Handle;
use super::state::SpanState;

/// A span of a generated type.
pub trait TypedSpan {
    /// What the registry says of it.
    fn definition() -> &'static SpanDefinition;

    /// The span itself.
    fn handle(&self) -> &Handle;
}

/// Anything that a span can stand under. Contracts narrow it: see the traits of the generated spans.
pub trait ParentSpan {
    /// It, as the carrier takes it.
    fn parent_ref(&self) -> ParentRef<'_>;
}

/// A borrowed parent.
#[derive(Clone, Copy, Debug)]
pub struct ParentRef<'a>(pub(crate) Repr<'a>);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Repr<'a> {
    Typed(Option<&'a Arc<SpanState>>),
    Foreign(&'a tracing::Span),
    Remote(&'a RemoteParent),
    Root,
}

impl<T: TypedSpan> ParentSpan for T {
    fn parent_ref(&self) -> ParentRef<'_> {
        self.handle().parent_ref()
    }
}

/// A typed parent that can be cloned and moved: for work on other tasks and threads.
///
/// It neither keeps the span open nor ends it. What starts under it after the span has ended
/// still stands under it.
pub struct Parent<T> {
    state: Option<Arc<SpanState>>,
    span: PhantomData<fn() -> T>,
}

impl<T: TypedSpan> Parent<T> {
    /// That span, as a parent.
    pub fn of(span: &T) -> Self {
        Self {
            state: span.handle().state().cloned(),
            span: PhantomData,
        }
    }
}

impl<T> Clone for Parent<T> {
    fn clone(&self) -> Self {
        Self {
            state: self.state.clone(),
            span: PhantomData,
        }
    }
}

impl<T> std::fmt::Debug for Parent<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Parent").field(&self.state).finish()
    }
}

impl<T: TypedSpan> ParentSpan for Parent<T> {
    fn parent_ref(&self) -> ParentRef<'_> {
        ParentRef(Repr::Typed(self.state.as_ref()))
    }
}

/// No parent: the span begins a trace.
#[derive(Clone, Copy, Debug, Default)]
pub struct Root;

impl ParentSpan for Root {
    fn parent_ref(&self) -> ParentRef<'_> {
        ParentRef(Repr::Root)
    }
}

/// A span that some other instrumentation made.
pub type ForeignSpan = tracing::Span;

impl ParentSpan for ForeignSpan {
    fn parent_ref(&self) -> ParentRef<'_> {
        ParentRef(Repr::Foreign(self))
    }
}

/// A span of another process, as its trace context tells.
#[derive(Clone, Debug)]
pub struct RemoteParent(pub(crate) opentelemetry::Context);

impl RemoteParent {
    /// The span that the context holds: what a propagator extracted, baggage included.
    pub fn new(context: opentelemetry::Context) -> Self {
        Self(context)
    }
}

impl RemoteParent {
    /// The span that a request's headers name, baggage included, as the process's propagator reads
    /// them: [`init`](crate::init) sets W3C Trace Context and Baggage. None if they name no span.
    ///
    /// ```
    /// use std::collections::HashMap;
    ///
    /// use vigil::agent_span;
    /// use vigil::carrier::RemoteParent;
    ///
    /// # fn handle(headers: &HashMap<String, String>) {
    /// let agent = agent_span("s-1", "arcan");
    /// let agent = match RemoteParent::extract(headers) {
    ///     Some(caller) => agent.parent(&caller).start(),
    ///     None => agent.start(),
    /// };
    /// # }
    /// # handle(&HashMap::new());
    /// ```
    pub fn extract(headers: &dyn Extractor) -> Option<Self> {
        let context = opentelemetry::global::get_text_map_propagator(|propagator| {
            propagator.extract_with_context(&opentelemetry::Context::new(), headers)
        });
        let is_named = context.span().span_context().is_valid();
        is_named.then_some(Self(context))
    }
}

impl From<SpanContext> for RemoteParent {
    fn from(context: SpanContext) -> Self {
        Self(opentelemetry::Context::new().with_remote_span_context(context))
    }
}

impl ParentSpan for RemoteParent {
    fn parent_ref(&self) -> ParentRef<'_> {
        ParentRef(Repr::Remote(self))
    }
}
