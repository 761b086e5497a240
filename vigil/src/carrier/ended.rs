//! Typed spans as they end, for layers that write them down.

use std::borrow::Cow;
use std::time::Duration;

use opentelemetry::trace::{SpanContext, SpanId, Status, TraceContextExt};
use tracing::Dispatch;

use super::definition::SpanDefinition;
use super::inherited::Snapshot;
use super::start;
use super::state::{End, Live, SpanState};
use super::value::Value;

/// A typed span that has just ended, with everything that was recorded on it.
#[derive(Debug)]
pub struct EndedSpan<'a> {
    pub(super) state: &'a SpanState,
    pub(super) end: &'a End,
}

impl EndedSpan<'_> {
    /// What the registry says of it.
    pub fn definition(&self) -> &'static SpanDefinition {
        self.state.definition
    }

    /// Its name, as it is exported.
    pub fn name(&self) -> Cow<'static, str> {
        let given = self.state.name.as_ref();
        start::name(self.state.definition, given, &self.end.entries)
    }

    /// Writes its name to an empty buffer.
    pub(crate) fn write_name(&self, buffer: &mut String) {
        let given = self.state.name.as_ref();
        start::write_name(buffer, self.state.definition, given, &self.end.entries);
    }

    /// How many typed spans it stands under.
    pub fn depth(&self) -> usize {
        self.state.depth
    }

    /// Its own attributes, in the order in which they were set; last those whose keys were made at
    /// run time.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &Value)> {
        // The static keys are to be as short-lived as the others.
        let declared = self
            .declared()
            .map(|(key, value)| -> (&str, &Value) { (key, value) });
        declared.chain(self.keyed())
    }

    /// Those with keys of the registry.
    pub(crate) fn declared(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.end.leaving().iter().map(|(key, value)| (*key, value))
    }

    /// Those whose keys were made at run time.
    pub(crate) fn keyed(&self) -> impl Iterator<Item = (&str, &Value)> {
        let keyed = self.end.keyed().iter();
        keyed.map(|it| (it.key.as_str(), &it.value))
    }

    /// What foreign code set under keys that its contract does not have.
    pub(crate) fn undeclared(&self) -> impl Iterator<Item = (&str, Value)> {
        let undeclared = self.end.undeclared().iter();
        undeclared.filter_map(|it| Some((it.key.as_str(), Value::of_foreign(it.value.clone())?)))
    }

    /// What it inherits, if that is all that there is to inherit.
    pub(crate) fn inherited_whole(&self) -> Option<&Snapshot> {
        self.end.inherited_whole()
    }

    /// What it inherits from the root span above, such as the session.
    pub fn inherited(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.end
            .leaving_inherited()
            .map(|(key, value)| (*key, value))
    }

    /// The value of an attribute of its own.
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        let keyed = || {
            let mut keyed = self.end.keyed().iter();
            keyed.find_map(|it| (it.key == *key).then_some(&it.value))
        };
        super::attributes::find(self.end.leaving(), key).or_else(keyed)
    }

    /// How it ended.
    pub fn status(&self) -> &Status {
        &self.end.status
    }

    /// How long it was open.
    pub fn duration(&self) -> Duration {
        self.end.duration
    }

    /// Its trace and span id, if a layer of Vigil's gives them.
    pub fn span_context(&self) -> Option<SpanContext> {
        self.state.ids().filter(|ids| ids.is_valid()).cloned()
    }

    /// The id of the span that it stands under, in whatever process, if a layer of Vigil's knows.
    pub fn parent_span_id(&self) -> Option<SpanId> {
        let above = self.state.above().span().span_context().clone();
        above.is_valid().then(|| above.span_id())
    }
}

type Tell = Box<dyn Fn(&EndedSpan<'_>) + Send + Sync>;

/// What a layer is told of each typed span that ends, on the thread that ends it.
///
/// A layer that wants it answers for this type in its `downcast_raw`.
pub struct OnEnd {
    ended: Option<Tell>,
    measured: Option<Box<dyn Fn() + Send + Sync>>,
}

impl OnEnd {
    /// Calls `f` for each typed span that ends.
    pub fn new(f: impl Fn(&EndedSpan<'_>) + Send + Sync + 'static) -> Self {
        Self {
            ended: Some(Box::new(f)),
            measured: None,
        }
    }

    /// Calls nothing: for a layer that looks at typed events alone.
    pub(crate) fn nothing() -> Self {
        Self {
            ended: None,
            measured: None,
        }
    }

    /// Calls `f` too when a typed span that stands under no other has ended and what it measured
    /// is in its metrics. No lock is held then.
    #[must_use]
    pub fn after_root(mut self, f: impl Fn() + Send + Sync + 'static) -> Self {
        self.measured = Some(Box::new(f));
        self
    }
}

impl std::fmt::Debug for OnEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OnEnd").finish_non_exhaustive()
    }
}

/// Whether a layer there looks at typed events, and whether it wants to know of ends.
pub(crate) fn listening(dispatch: &Dispatch) -> (bool, bool) {
    let on_end = dispatch.downcast_ref::<OnEnd>();
    let hears = on_end.is_some_and(|on_end| on_end.ended.is_some());
    (on_end.is_some(), hears)
}

/// Tells the layer that wants to know.
pub(crate) fn tell(ended: &EndedSpan<'_>, live: &Live) {
    if let Some(tell) = live
        .around
        .dispatch
        .downcast_ref::<OnEnd>()
        .and_then(|on_end| on_end.ended.as_ref())
    {
        tell(ended);
    }
}

/// Tells it that all is measured of a span that stands under no other.
pub(crate) fn tell_measured(live: &Live) {
    if let Some(measured) = live
        .around
        .dispatch
        .downcast_ref::<OnEnd>()
        .and_then(|on_end| on_end.measured.as_ref())
    {
        measured();
    }
}
