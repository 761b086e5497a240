//! How a span starts.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, KeyValue};
use tracing::Dispatch;

use super::attributes::{Attributes, Entry, find, key_value};
use super::definition::{NamePart, SpanDefinition};
use super::fields::with_values;
use super::gate::Gate;
use super::handle::Handle;
use super::inherited::Inherited;
use super::instruments::Binding;
use super::is_active;
use super::keyed::{self, OnSpan};
use super::open;
use super::parent::{ParentRef, RemoteParent, Repr};
use super::state::{Live, NewState, SpanState};
use super::told;
use super::tracer;
use super::value::{Element, Text, Value};
use crate::generated::semconv::vigil as marks;

/// A span that is about to start: generated builders hold one.
#[derive(Debug)]
#[must_use = "the span is there once `start` is called"]
pub struct SpanStart(Option<Box<Starting>>);

#[derive(Debug)]
struct Starting {
    definition: &'static SpanDefinition,
    parent: ParentLink,
    binding: Option<Arc<Binding>>,
    attributes: Attributes,
    /// Its name, where the registry has it in prose.
    name: Option<Text>,
    start_time: Option<SystemTime>,
}

/// A parent, held until the span starts.
#[derive(Debug)]
enum ParentLink {
    Current,
    Typed(Arc<SpanState>),
    Foreign(tracing::Span),
    Remote(RemoteParent),
    Root,
}

impl SpanStart {
    /// A span under `parent`.
    #[inline]
    pub fn under(definition: &'static SpanDefinition, parent: ParentRef<'_>) -> Self {
        if is_active() {
            Self::active(definition, parent.into())
        } else {
            Self(None)
        }
    }

    /// A span under the current one, if there is one.
    #[inline]
    pub fn root(definition: &'static SpanDefinition) -> Self {
        if is_active() {
            Self::active(definition, ParentLink::Current)
        } else {
            Self(None)
        }
    }

    #[cold]
    fn active(definition: &'static SpanDefinition, parent: ParentLink) -> Self {
        let binding = Binding::scoped().or_else(|| parent.binding());
        let gate = gate(definition, binding.as_deref());
        // Most spans say less than they may.
        let attributes = Attributes::with_room(gate, definition.fields.len().min(12));
        Self(Some(Box::new(Starting {
            definition,
            parent,
            binding,
            attributes,
            name: None,
            start_time: told::time(),
        })))
    }

    /// Names it. For spans whose names the registry describes in prose; an empty name is none.
    pub fn name(&mut self, name: impl Into<Text>) {
        if let Some(starting) = &mut self.0 {
            let name = name.into();
            starting.name = (!name.as_str().is_empty()).then_some(name);
        }
    }

    /// Puts it under another parent.
    #[inline]
    pub fn parent(&mut self, parent: ParentRef<'_>) {
        if let Some(starting) = &mut self.0 {
            starting.parent = parent.into();
            if starting.binding.is_none() {
                starting.binding = starting.parent.binding();
                let gate = gate(starting.definition, starting.binding.as_deref());
                starting.attributes.set_gate(gate);
            }
        }
    }

    /// Sets the attribute `key` to the one value that it has on this span.
    #[inline]
    pub fn constant(&mut self, key: &'static str, value: impl Into<Value>) {
        if let Some(starting) = &mut self.0 {
            starting.attributes.put(key, value.into());
        }
    }

    /// Sets the attribute `key`. Content has [`set_sensitive`](Self::set_sensitive).
    #[inline]
    pub fn set<V: Into<Value>>(&mut self, key: &'static str, value: impl Into<V>) {
        if let Some(starting) = &mut self.0 {
            starting.attributes.set(key, value);
        }
    }

    /// Sets the attribute `key`, an array.
    #[inline]
    pub fn set_all<E: Element>(
        &mut self,
        key: &'static str,
        values: impl IntoIterator<Item = impl Into<E>>,
    ) {
        if let Some(starting) = &mut self.0 {
            starting.attributes.set_all(key, values);
        }
    }

    /// Sets the attribute `key`, content, if content is captured.
    #[inline]
    pub fn set_sensitive<V: Into<Value>, T: Into<V>>(
        &mut self,
        key: &'static str,
        value: impl FnOnce() -> T,
    ) {
        if let Some(starting) = &mut self.0 {
            starting.attributes.set_sensitive(key, value);
        }
    }

    /// Sets the attribute `key` below `prefix`, for attributes whose keys are made at run time: see
    /// [`Attributes::set_keyed`].
    #[inline]
    pub fn set_keyed<V: Into<Value>>(
        &mut self,
        prefix: &'static str,
        key: impl AsRef<str>,
        value: impl Into<V>,
    ) {
        self.set_many(|attributes| attributes.set_keyed(prefix, key, value));
    }

    /// Sets the attribute `key` below `prefix`, an array.
    #[inline]
    pub fn set_all_keyed<E: Element>(
        &mut self,
        prefix: &'static str,
        key: impl AsRef<str>,
        values: impl IntoIterator<Item = impl Into<E>>,
    ) {
        self.set_many(|attributes| attributes.set_all_keyed(prefix, key, values));
    }

    /// Sets the attribute `key` below `prefix`, content, if content is captured.
    #[inline]
    pub fn set_sensitive_keyed<V: Into<Value>, T: Into<V>>(
        &mut self,
        prefix: &'static str,
        key: impl AsRef<str>,
        value: impl FnOnce() -> T,
    ) {
        self.set_many(|attributes| attributes.set_sensitive_keyed(prefix, key, value));
    }

    /// Sets several attributes.
    #[inline]
    pub fn set_many(&mut self, write: impl FnOnce(&mut Attributes)) {
        if let Some(starting) = &mut self.0 {
            write(&mut starting.attributes);
        }
    }

    /// When it started, if not now.
    #[inline]
    pub fn start_time(&mut self, time: SystemTime) {
        if let Some(starting) = &mut self.0 {
            starting.start_time = Some(time);
        }
    }

    /// Starts it.
    #[inline]
    pub fn start(self) -> Handle {
        match self.0 {
            Some(starting) => starting.start(),
            None => Handle::off(),
        }
    }
}

/// The gate of what a span of that type records itself.
pub(crate) fn gate(definition: &SpanDefinition, binding: Option<&Binding>) -> Gate {
    Gate::of(binding).only(true, definition.at_end.is_some())
}

impl From<ParentRef<'_>> for ParentLink {
    fn from(parent: ParentRef<'_>) -> Self {
        match parent.0 {
            Repr::Typed(Some(state)) => Self::Typed(Arc::clone(state)),
            // It was made while nobody listened, so there is nothing to stand under.
            Repr::Typed(None) => Self::Current,
            Repr::Foreign(span) if span.is_disabled() => Self::Current,
            Repr::Foreign(span) => Self::Foreign(span.clone()),
            Repr::Remote(remote) => Self::Remote(remote.clone()),
            Repr::Root => Self::Root,
        }
    }
}

impl ParentLink {
    /// The instruments of the test scope that the parent was started in.
    fn binding(&self) -> Option<Arc<Binding>> {
        match self {
            Self::Typed(state) => state.binding.clone(),
            _ => None,
        }
    }
}

impl Starting {
    #[cold]
    fn start(self) -> Handle {
        let Self {
            definition,
            parent,
            binding,
            mut attributes,
            name,
            start_time,
        } = self;
        let mut place = Place::of(&parent);
        let capture = attributes.gate().capture();
        let keyed = attributes
            .take_keyed()
            .map(|keyed| Box::new(OnSpan::starting(&keyed, definition.fields, capture)));
        let on_span = capture.on_spans();
        let (mut entries, mut content) = attributes.into_declared(definition.fields);
        if on_span && !content.is_empty() {
            entries.append(&mut content);
        }
        if definition.root {
            let inherited = inherit(definition, place.inherited.as_ref(), &mut entries);
            place.context = place.context.with_value(inherited.clone());
            place.inherited = Some(inherited);
        }
        if unchecked(definition, &parent) {
            entries.push((marks::PARENT_UNCHECKED, Value::Bool(true)));
        }
        let sent = sampled_first(definition, &mut entries);
        let depth = match &parent {
            ParentLink::Typed(parent) => parent.depth + 1,
            ParentLink::Current => tracer::current_typed(|_| true).map_or(0, |it| it.depth + 1),
            _ => 0,
        };
        let state = Arc::new(SpanState::new(NewState {
            definition,
            depth,
            binding,
            inherited: place.inherited.clone(),
            foreign: false,
            name,
            start_time,
        }));
        let shown = keyed.as_ref().map(|it| it.shown()).unwrap_or_default();
        state.start_with(content, keyed);
        let live = open(&state, place, &entries, sent, shown);
        state.begin(live, entries, sent);
        open::add(&state);
        Handle::owner(state)
    }
}

/// Where a span goes in the trees of `tracing` and OpenTelemetry.
struct Place {
    under: Under,
    context: Context,
    inherited: Option<Inherited>,
}

enum Under {
    /// Whatever span is entered here and now.
    Current,
    /// That one.
    Span(tracing::Span),
    /// None.
    Nothing,
}

impl Place {
    fn of(parent: &ParentLink) -> Self {
        match parent {
            ParentLink::Current => Self::current(),
            ParentLink::Typed(state) => match state.live() {
                Some(live) => Self {
                    under: Under::Span(live.span.clone()),
                    context: live.context.clone(),
                    inherited: state.inherited.clone(),
                },
                // It is being started, by a layer that looks at it meanwhile.
                None => Self {
                    inherited: state.inherited.clone(),
                    ..Self::current()
                },
            },
            ParentLink::Foreign(span) => {
                let context = tracer::context_of(span).unwrap_or_default();
                Self {
                    under: Under::Span(span.clone()),
                    inherited: Inherited::of(&context).cloned(),
                    context,
                }
            }
            ParentLink::Remote(RemoteParent(context)) => Self {
                under: Under::Nothing,
                inherited: Inherited::of(context).cloned(),
                context: context.clone(),
            },
            ParentLink::Root => Self {
                under: Under::Nothing,
                context: Context::new(),
                inherited: None,
            },
        }
    }

    fn current() -> Self {
        let context = Context::current();
        Self {
            under: Under::Current,
            inherited: Inherited::of(&context).cloned(),
            context,
        }
    }

    /// The dispatcher of the span above, so that a tree stays in one place whatever thread it
    /// grows on.
    fn dispatch(&self) -> Dispatch {
        let above = match &self.under {
            Under::Span(span) => span.with_subscriber(|(_, dispatch)| dispatch.clone()),
            Under::Current | Under::Nothing => None,
        };
        above.unwrap_or_else(|| tracing::dispatcher::get_default(Dispatch::clone))
    }
}

/// Whether the compiler could not see what the span stands under, and nothing else can either.
fn unchecked(definition: &SpanDefinition, parent: &ParentLink) -> bool {
    match parent {
        ParentLink::Typed(state) => state.foreign,
        // A root may stand under anything but a typed span that its contract does not name.
        ParentLink::Current => tracer::current_typed(|state| state.is_open())
            .is_some_and(|state| !definition.parents.contains(&state.definition.span_type)),
        _ => false,
    }
}

/// Opens the span with `tracing` and OpenTelemetry, if somebody there wants it. If nobody does, it
/// is not there: what starts under it stands under what it would have stood under.
fn open(
    state: &Arc<SpanState>,
    place: Place,
    entries: &[Entry],
    sent: usize,
    keyed: keyed::Shown,
) -> Live {
    let definition = state.definition;
    let dispatch = place.dispatch();
    if !definition.enabled(&dispatch) {
        let span = match place.under {
            Under::Span(span) => span,
            Under::Current => tracing::Span::current(),
            Under::Nothing => tracing::Span::none(),
        };
        return Live {
            span,
            context: place.context,
            is_own: false,
            parent: None,
            has_fields: false,
        };
    }
    let metadata = definition.metadata();
    let opening = tracer::Opening {
        state: Arc::clone(state),
        parent: place.context.clone(),
        dispatch: dispatch.clone(),
        building: tracer::Building {
            core: Arc::clone(state.core()),
            name: name(definition, state.name.as_ref(), entries),
            attributes: first(definition, &entries[..sent], keyed.sampled),
        },
    };
    let has_fields = tracer::shows_fields(&dispatch);
    let shown = if has_fields { entries } else { &[] };
    let shown = if has_fields && !keyed.fields.is_empty() {
        Cow::Owned([shown, &keyed.fields].concat())
    } else {
        Cow::Borrowed(shown)
    };
    let span = with_values(metadata, shown.iter(), |values| {
        tracer::while_opening(opening, || match &place.under {
            Under::Current => tracing::Span::new_with(metadata, values, &dispatch),
            Under::Nothing => tracing::Span::new_root_with(metadata, values, &dispatch),
            Under::Span(parent) => {
                tracing::Span::child_of_with(parent.id(), metadata, values, &dispatch)
            }
        })
    });
    let built = state.take_built();
    let above = place.context.span().span_context().clone();
    Live {
        span,
        is_own: built.is_some(),
        has_fields,
        parent: above.is_valid().then(|| above.span_id()),
        // Without a layer of Vigil's, or past its filter: what stands above stays above.
        context: built.unwrap_or(place.context),
    }
}

/// What samplers look at, with room for the rest: the SDK adds one by one.
fn first(definition: &SpanDefinition, sent: &[Entry], keyed: Vec<KeyValue>) -> Vec<KeyValue> {
    let mut attributes = Vec::with_capacity(definition.fields.len().clamp(8, 20));
    attributes.extend(sent.iter().map(key_value));
    attributes.extend(keyed);
    attributes
}

/// Brings what samplers look at to the front and says how much it is.
fn sampled_first(definition: &SpanDefinition, entries: &mut [Entry]) -> usize {
    let mut sampled = 0;
    for place in 0..entries.len() {
        let key = entries[place].0;
        if definition.field(key).is_some_and(|field| field.sampled) {
            entries[sampled..=place].rotate_right(1);
            sampled += 1;
        }
    }
    sampled
}

/// The inherited attributes under a root span: those above it, and its own in their place.
fn inherit(
    definition: &SpanDefinition,
    above: Option<&Inherited>,
    entries: &mut Vec<Entry>,
) -> Inherited {
    for field in definition.fields {
        let Some(source) = field.attribute.filled_from else {
            continue;
        };
        if find(entries, field.key()).is_some() {
            continue;
        }
        let Some(value) = find(entries, source).cloned() else {
            continue;
        };
        // A sub-agent in the session of the agent above it keeps the conversation of that one.
        let same = above.is_some_and(|above| above.get(source).as_ref() == Some(&value));
        let above = above
            .and_then(|above| above.get(field.key()))
            .filter(|_| same);
        entries.push((field.key(), above.unwrap_or(value)));
    }
    let inherited = above.map(Inherited::fork).unwrap_or_default();
    for (key, value) in entries.iter() {
        if definition
            .field(key)
            .is_some_and(|field| field.attribute.inherited)
        {
            inherited.set(key, value.clone());
        }
    }
    for (key, value) in inherited.snapshot().iter() {
        // What stands on every span under it stands on the root as well.
        if find(entries, key).is_none() {
            entries.push((*key, value.clone()));
        }
    }
    inherited
}

/// The span's name: the one that it was given, or that of its pattern, in which a placeholder
/// without a value is dropped with its space.
pub(crate) fn name(definition: &SpanDefinition, given: Option<&Text>, entries: &[Entry]) -> String {
    if let Some(given) = given {
        return given.as_str().to_owned();
    }
    let mut name = String::with_capacity(48);
    for part in definition.name {
        let start = name.len();
        if start > 0 {
            name.push(' ');
        }
        let words = name.len();
        match part {
            NamePart::Word(word) => name.push_str(word),
            NamePart::Key(key) => match find(entries, key) {
                Some(Value::Text(text)) => name.push_str(text.as_str()),
                // A string takes all.
                Some(value) => drop(write!(name, "{value}")),
                None => {}
            },
        }
        if name.len() == words {
            name.truncate(start);
        }
    }
    if name.is_empty() {
        name.push_str(definition.label);
    }
    name
}

/// Stands in for a span of that type that callers step into from foreign code: the current span,
/// whatever it is.
pub(crate) fn adopt_current(definition: &'static SpanDefinition) -> Handle {
    let span = tracing::Span::current();
    let context = Context::current();
    let state = Arc::new(SpanState::new(NewState {
        definition,
        depth: 0,
        binding: Binding::scoped(),
        inherited: Inherited::of(&context).cloned(),
        foreign: true,
        name: None,
        start_time: None,
    }));
    let live = Live {
        span,
        context,
        is_own: false,
        parent: None,
        has_fields: false,
    };
    state.begin(live, Vec::new(), 0);
    Handle::adopted(state)
}
