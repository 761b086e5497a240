//! How a span starts.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use opentelemetry::{Context, KeyValue};
use tracing::Dispatch;
use tracing::field::ValueSet;

use super::attributes::{Attributes, Entries, Entry, find, key_value};
use super::bridge::LogBridge;
use super::current;
use super::definition::{NamePart, SpanDefinition};
use super::ended;
use super::exposed;
use super::facts::Facts;
use super::fields::with_values;
use super::gate::Gate;
use super::handle::Handle;
use super::inherited::Inherited;
use super::instruments::Binding;
use super::is_active;
use super::open;
use super::parent::{ParentRef, RemoteParent, Repr};
use super::state::{Around, Data, Listeners, Live, SpanNames, SpanState};
use super::told;
use super::tracer::{self, Opening};
use super::value::{Element, Text, Value};
use crate::generated::semconv::vigil as marks;

/// A span that is about to start: generated builders hold one.
#[derive(Debug)]
#[must_use = "the span is there once `start` is called"]
pub struct SpanStart(Option<Arc<SpanState>>);

/// A parent. Most are typed, so the others may be a step away.
#[derive(Debug)]
pub(super) enum ParentLink {
    Current,
    Typed(Arc<SpanState>),
    Foreign(Box<tracing::Span>),
    Remote(Box<RemoteParent>),
    Root,
}

impl SpanStart {
    /// A span under `parent`.
    #[inline]
    pub fn under(definition: &'static SpanDefinition, parent: ParentRef<'_>) -> Self {
        if is_active() {
            Self::active(definition, parent)
        } else {
            Self(None)
        }
    }

    /// A span under the current one, if there is one.
    #[inline]
    pub fn root(definition: &'static SpanDefinition) -> Self {
        if is_active() {
            Self::active_under(definition, ParentLink::Current)
        } else {
            Self(None)
        }
    }

    #[cold]
    #[inline(never)]
    fn active(definition: &'static SpanDefinition, parent: ParentRef<'_>) -> Self {
        Self::active_under(definition, parent.into())
    }

    #[cold]
    #[inline(never)]
    fn active_under(definition: &'static SpanDefinition, link: ParentLink) -> Self {
        let binding = Binding::scoped().or_else(|| link.binding());
        Self(Some(SpanState::new(definition, link, binding)))
    }

    /// The span, which nobody else has yet.
    #[inline]
    fn starting(&mut self) -> Option<&mut SpanState> {
        self.0.as_mut().and_then(Arc::get_mut)
    }

    /// Names it. For spans whose names the registry describes in prose; an empty name is none.
    pub fn name(&mut self, name: impl Into<Text>) {
        if let Some(state) = self.starting() {
            let name = name.into();
            state.name = (!name.as_str().is_empty()).then_some(name);
        }
    }

    /// Puts it under another parent.
    #[inline]
    pub fn parent(&mut self, parent: ParentRef<'_>) {
        if let Some(state) = self.starting() {
            state.link = parent.into();
            if state.binding.is_none() {
                state.binding = state.link.binding();
            }
        }
    }

    /// Sets the attribute `key` to the one value that it has on this span.
    #[inline]
    pub fn constant(&mut self, key: &'static str, value: impl Into<Value>) {
        if let Some(state) = self.starting() {
            state.start_with(key, value.into());
        }
    }

    /// Sets the attribute `key`. Content has [`set_sensitive`](Self::set_sensitive).
    #[inline]
    pub fn set<V: Into<Value>>(&mut self, key: &'static str, value: impl Into<V>) {
        if let Some(state) = self.starting() {
            state.start_with(key, value.into().into());
        }
    }

    /// Sets the attribute `key`, an array.
    #[inline]
    pub fn set_all<E: Element>(
        &mut self,
        key: &'static str,
        values: impl IntoIterator<Item = impl Into<E>>,
    ) {
        if let Some(state) = self.starting() {
            let values = values.into_iter().map(Into::into).collect();
            state.start_with(key, E::array(values));
        }
    }

    /// Sets the attribute `key`, content, if content is captured.
    #[inline]
    pub fn set_sensitive<V: Into<Value>, T: Into<V>>(
        &mut self,
        key: &'static str,
        value: impl FnOnce() -> T,
    ) {
        self.set_many(|attributes| attributes.set_sensitive(key, value));
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
        if let Some(state) = self.starting() {
            state.start_with_many(write);
        }
    }

    /// When it started, if not now.
    #[inline]
    pub fn start_time(&mut self, time: SystemTime) {
        if let Some(state) = self.starting() {
            state.start_time = Some(time);
        }
    }

    /// Starts it.
    #[inline]
    pub fn start(self) -> Handle {
        match self.0 {
            Some(state) => start(state),
            None => Handle::off(),
        }
    }
}

impl SpanState {
    #[cold]
    #[inline(never)]
    fn start_with(&mut self, key: &'static str, value: Value) {
        let definition = self.definition;
        self.data_mut().start_with(definition, key, value);
    }

    #[cold]
    #[inline(never)]
    fn start_with_many(&mut self, write: impl FnOnce(&mut Attributes)) {
        let definition = self.definition;
        let gate = gate(definition, self.binding.as_deref());
        let capture = gate.capture();
        let mut attributes = Attributes::new(gate);
        write(&mut attributes);
        let keyed = attributes.take_keyed();
        let (entries, content) = attributes.drain();
        let data = self.data_mut();
        if let Some(keyed) = keyed {
            data.start_with_keyed(*keyed);
        }
        for (key, value) in entries {
            data.start_with(definition, key, value);
        }
        for (key, value) in content {
            data.start_with_content(definition, key, value, capture);
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
            Repr::Foreign(span) => Self::Foreign(Box::new(span.clone())),
            Repr::Remote(remote) => Self::Remote(Box::new(remote.clone())),
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

#[cold]
#[inline(never)]
fn start(mut state: Arc<SpanState>) -> Handle {
    tracer::let_go();
    let Some(own) = Arc::get_mut(&mut state) else {
        // Nobody else has it.
        return Handle::off();
    };
    let sent = prepare(own);
    if !open_untraced(own, sent) {
        open(&state, sent);
    }
    open::add(&state);
    Handle::owner(state)
}

/// Settles what the span starts with: where it stands, what it inherits, and how many of its attributes
/// samplers see.
fn prepare(state: &mut SpanState) -> usize {
    let definition = state.definition;
    let mut place = Place::of(&state.link);
    state.above = place.context;
    if definition.root {
        let inherited = inherit(state, place.inherited.as_ref());
        state.above = Some(state.above().with_value(inherited.clone()));
        place.inherited = Some(inherited);
    }
    if unchecked(definition, &state.link) {
        let mark = Value::Bool(true);
        state
            .data_mut()
            .add(definition, marks::PARENT_UNCHECKED, mark);
    }
    state.depth = match &state.link {
        ParentLink::Typed(parent) => parent.depth + 1,
        ParentLink::Current => tracer::current_typed(|_| true).map_or(0, |it| it.depth + 1),
        _ => 0,
    };
    inherited_now(state, place.inherited.as_ref());
    state.inherited = place.inherited;
    state.told = told::time().is_some();
    state.was_panicking = std::thread::panicking();
    state.started = is_timed(definition, &state.link).then(Instant::now);
    if state.data_mut().starts_with_keyed() {
        let capture = gate(definition, state.binding.as_deref()).capture();
        state.data_mut().settle_keyed(definition, capture);
    }
    sampled_first(definition, &mut state.data_mut().entries)
}

/// Whether somebody will look at how long the span was open, beside OpenTelemetry: a metric, a stream, or a
/// layer, if one that is told of ends is around. Clocks are read for nobody else.
fn is_timed(definition: &SpanDefinition, link: &ParentLink) -> bool {
    let around = match link {
        ParentLink::Typed(parent) => parent.live().map(|live| &live.around),
        _ => None,
    };
    !definition.metrics.is_empty()
        || definition.stream.is_some()
        || around.is_none_or(|around| !around.is_wanted || around.listeners.hear_ends)
}

/// Where a span goes in OpenTelemetry's tree.
struct Place {
    /// None, if it is that of the typed parent.
    context: Option<Context>,
    inherited: Option<Inherited>,
}

/// Where a span goes in `tracing`'s tree.
enum Under<'a> {
    /// Whatever span is entered here and now.
    Current,
    /// That one.
    Span(&'a tracing::Span),
    /// None.
    Nothing,
}

impl Place {
    fn of(parent: &ParentLink) -> Self {
        match parent {
            ParentLink::Current => Self::current(),
            ParentLink::Typed(state) => Self {
                inherited: state.inherited.clone(),
                // Otherwise it is being started, by a layer that looks at it meanwhile.
                context: state.live().is_none().then(current::context),
            },
            ParentLink::Foreign(span) => {
                let context = tracer::context_of(span).unwrap_or_default();
                Self {
                    inherited: Inherited::of(&context).cloned(),
                    context: Some(context),
                }
            }
            ParentLink::Remote(remote) => Self {
                inherited: Inherited::of(&remote.0).cloned(),
                context: Some(remote.0.clone()),
            },
            ParentLink::Root => Self {
                context: Some(Context::new()),
                inherited: None,
            },
        }
    }

    fn current() -> Self {
        let context = current::context();
        Self {
            inherited: Inherited::of(&context).cloned(),
            context: Some(context),
        }
    }
}

impl<'a> Under<'a> {
    fn of(parent: &'a ParentLink) -> Self {
        match parent {
            ParentLink::Current => Self::Current,
            ParentLink::Typed(state) => match state.traced() {
                Some(span) => Self::Span(span),
                None => Self::Current,
            },
            ParentLink::Foreign(span) => Self::Span(span),
            ParentLink::Remote(_) | ParentLink::Root => Self::Nothing,
        }
    }

    /// The dispatcher of the span above, so that a tree stays in one place whatever thread it
    /// grows on.
    fn dispatch(&self, parent: &ParentLink) -> Dispatch {
        let above = match (self, parent) {
            (Self::Span(span), _) => span.with_subscriber(|(_, dispatch)| dispatch.clone()),
            // The thread is ending, and `tracing` has no span for it.
            (Self::Current, ParentLink::Typed(parent)) => {
                parent.live().map(|live| live.around.dispatch.clone())
            }
            (Self::Current | Self::Nothing, _) => None,
        };
        above.unwrap_or_else(current_dispatch)
    }
}

fn current_dispatch() -> Dispatch {
    tracing::dispatcher::get_default(Dispatch::clone)
}

/// What is around a span that is made there: the same as around the one above, if that is known.
fn around(parent: &ParentLink, dispatch: Dispatch) -> Arc<Around> {
    if let ParentLink::Typed(parent) = parent
        && let Some(live) = parent.live()
        && live.around.is_wanted
    {
        return Arc::clone(&live.around);
    }
    let (see_events, hear_ends) = ended::listening(&dispatch);
    let listeners = Listeners {
        see_fields: tracer::shows_fields(&dispatch),
        see_events,
        hear_ends,
        take_records: dispatch.is::<LogBridge>(),
    };
    Arc::new(Around {
        is_wanted: true,
        listeners,
        direct: tracer::direct(&dispatch),
        dispatch,
    })
}

/// What is around one that nobody wanted.
fn unwanted(dispatch: Dispatch) -> Arc<Around> {
    Arc::new(Around {
        dispatch,
        is_wanted: false,
        listeners: Listeners::default(),
        direct: None,
    })
}

/// Whether the compiler could not see what the span stands under, and nothing else can either.
fn unchecked(definition: &SpanDefinition, parent: &ParentLink) -> bool {
    match parent {
        ParentLink::Typed(state) => state.foreign,
        // A root may stand under anything but a typed span that its contract does not name.
        ParentLink::Current => tracer::current_typed(SpanState::is_open)
            .is_some_and(|state| !definition.parents.contains(&state.definition.span_type)),
        _ => false,
    }
}

/// Opens the span with OpenTelemetry alone, if it stands under one where that does: all layers are
/// Vigil's there, and no filter is asked of each span. `tracing` gets it when code runs in it, or asks for
/// it. Returns whether that was possible.
fn open_untraced(state: &mut SpanState, sent: usize) -> bool {
    let definition = state.definition;
    let ParentLink::Typed(parent) = &state.link else {
        return false;
    };
    if !definition.is_always_enabled() {
        return false;
    }
    let Some(live) = parent.live().and_then(Live::untraced) else {
        return false;
    };
    let Some(tracer) = &live.around.direct else {
        return false;
    };
    let names = state.names_at_start();
    let (given, data) = state.starting();
    let (name, attributes) = for_samplers(definition, given, data, sent, names.as_ref());
    let span = tracer.build(
        definition,
        name,
        attributes,
        state.start_time,
        state.above(),
    );
    state.begin_untraced(live, span, sent);
    true
}

/// Makes the span for `tracing` that was opened without, under the nearest that `tracing` knows.
pub(super) fn trace(state: &Arc<SpanState>, live: &Live) -> tracing::Span {
    let metadata = state.definition.metadata();
    let nothing = metadata.fields().value_set(&[]);
    let mut link = &state.link;
    let above = loop {
        match link {
            ParentLink::Typed(parent) => match parent.live().and_then(Live::span) {
                Some(span) => break span.id(),
                None => link = &parent.link,
            },
            ParentLink::Foreign(span) => break span.id(),
            ParentLink::Current | ParentLink::Remote(_) | ParentLink::Root => break None,
        }
    };
    tracer::while_tracing(metadata, state.depth, || match above {
        Some(id) => tracing::Span::child_of_with(id, metadata, &nothing, &live.around.dispatch),
        None => tracing::Span::new_root_with(metadata, &nothing, &live.around.dispatch),
    })
}

/// The name that a span starts with, and the attributes that samplers see.
pub(super) fn for_samplers(
    definition: &'static SpanDefinition,
    given: Option<&Text>,
    data: &Data,
    sent: usize,
    names: Option<&SpanNames<'_>>,
) -> (Cow<'static, str>, Vec<KeyValue>) {
    let name = name(definition, given, &data.entries);
    let mut attributes = Vec::with_capacity(definition.facts.room().max(sent));
    let sampled = &data.entries.as_slice()[..sent];
    match names {
        Some(names) => attributes.extend(names.rename(sampled).iter().map(key_value)),
        None => attributes.extend(sampled.iter().map(key_value)),
    }
    attributes.extend(data.keyed_for_samplers());
    (name, attributes)
}

/// Opens the span with `tracing` and OpenTelemetry, if somebody there wants it. If nobody does, it
/// is not there: what starts under it stands under what it would have stood under.
fn open(state: &Arc<SpanState>, sent: usize) {
    let definition = state.definition;
    let under = Under::of(&state.link);
    let dispatch = under.dispatch(&state.link);
    if !definition.enabled(&dispatch) {
        let span = match under {
            Under::Span(span) => span.clone(),
            Under::Current => tracing::Span::current(),
            Under::Nothing => tracing::Span::none(),
        };
        return state.begin(Live::traced(span, unwanted(dispatch)), 0, 0);
    }
    let metadata = definition.metadata();
    let around = around(&state.link, dispatch);
    if !current::MAKE.is_possible() {
        tracer::build_alone(state, sent, &around.dispatch);
        return state.begin(Live::of_sdk(around), sent, 0);
    }
    let (dispatch, listeners) = (&around.dispatch, around.listeners);
    let opening = Opening {
        state: Arc::clone(state),
        // Vigil's own layers do not ask for spans that are being made.
        asked: listeners.see_fields.then(|| dispatch.clone()),
        sent,
    };
    let make = |values: &ValueSet<'_>| match under {
        Under::Current => tracing::Span::new_with(metadata, values, dispatch),
        Under::Nothing => tracing::Span::new_root_with(metadata, values, dispatch),
        Under::Span(parent) => {
            tracing::Span::child_of_with(parent.id(), metadata, values, dispatch)
        }
    };
    let (span, shown) = if listeners.see_fields {
        // No lock is held: layers may look at the span meanwhile, and set something on it.
        let (entries, count) = {
            let data = state.data();
            let entries = data.entries.as_slice();
            let count = entries.len();
            let keyed = data.keyed_fields();
            let all = match state.names_at_start() {
                Some(names) => [names.rename(entries), keyed].concat(),
                None => [entries, &keyed].concat(),
            };
            (all, count)
        };
        let before = exposed::before();
        let most = entries.len();
        let span = with_values(&definition.site, most, entries.iter(), |_, values| {
            tracer::while_opening(opening, || make(values))
        });
        drop(before);
        (span, count)
    } else {
        let nothing = metadata.fields().value_set(&[]);
        let span = tracer::while_opening(opening, || make(&nothing));
        (span, 0)
    };
    let live = Live::traced(span, around);
    state.begin(live, sent, shown);
}

/// What the span inherits is settled when it starts.
fn inherited_now(state: &mut SpanState, inherited: Option<&Inherited>) {
    let definition = state.definition;
    let Some(inherited) = inherited.filter(|_| !definition.root) else {
        return;
    };
    // Registries differ in what they let spans inherit.
    let is_alike = inherited.is_of(definition.scope);
    state.data_mut().inherit(inherited.snapshot(), is_alike);
}

/// Brings what samplers look at to the front and says how much it is.
fn sampled_first(definition: &'static SpanDefinition, entries: &mut Entries) -> usize {
    let fields = definition.fields;
    let (mut sampled, mut last) = (0, 0);
    for place in &Facts::of(definition).sampled {
        if let Some(at) = entries.position(fields, *place) {
            sampled += 1;
            last = last.max(at + 1);
        }
    }
    if last > sampled {
        let is_sampled = |key: &'static str| {
            let place = definition.place(key);
            place.is_some_and(|place| fields[place].sampled)
        };
        entries.rearrange(definition.fields, |entries| {
            entries.sort_by_key(|(key, _)| !is_sampled(key));
        });
    }
    sampled
}

/// The inherited attributes under a root span: those above it, and its own in their place.
fn inherit(state: &mut SpanState, above: Option<&Inherited>) -> Inherited {
    let definition = state.definition;
    let binding = state.binding.clone();
    let binding = binding.as_deref();
    let data = state.data_mut();
    for field in definition.fields {
        let Some(source) = field.attribute.filled_from else {
            continue;
        };
        let entries = data.entries.as_slice();
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
        data.add(definition, field.key(), above.unwrap_or(value));
    }
    let inherited = Inherited::under(above, definition.scope);
    for (key, value) in data.entries.as_slice() {
        if let Some(field) = definition.field(key)
            && field.attribute.inherited
        {
            inherited.set(field, value.clone(), binding);
        }
    }
    for (key, value) in inherited.snapshot().entries() {
        // What stands on every span under it stands on the root as well.
        if find(data.entries.as_slice(), key).is_none() {
            data.add(definition, key, value.clone());
        }
    }
    inherited
}

/// The span's name: the one that it was given, or that of its pattern.
pub(crate) fn name(
    definition: &'static SpanDefinition,
    given: Option<&Text>,
    entries: &Entries,
) -> Cow<'static, str> {
    let known = match given {
        Some(given) => given.as_static(),
        None => known_name(definition, entries),
    };
    if let Some(known) = known {
        return Cow::Borrowed(known);
    }
    let mut name = String::with_capacity(48);
    write_name(&mut name, definition, given, entries);
    Cow::Owned(name)
}

/// Writes it behind nothing.
pub(crate) fn write_name(
    name: &mut String,
    definition: &'static SpanDefinition,
    given: Option<&Text>,
    entries: &Entries,
) {
    match given.map(Text::as_str).or(known_name(definition, entries)) {
        Some(known) => name.push_str(known),
        None => write_pattern(name, definition, entries.as_slice()),
    }
}

fn known_name(definition: &'static SpanDefinition, entries: &Entries) -> Option<&'static str> {
    definition.facts.name(definition, entries, || {
        let mut name = String::new();
        write_pattern(&mut name, definition, entries.as_slice());
        name
    })
}

/// The name by the pattern, in which a placeholder without a value is dropped with its space.
fn write_pattern(name: &mut String, definition: &SpanDefinition, entries: &[Entry]) {
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
}

/// Stands in for a span of that type that callers step into from foreign code: the current span,
/// whatever it is.
pub(crate) fn adopt_current(definition: &'static SpanDefinition) -> Handle {
    let context = current::context();
    let mut new = SpanState::new(definition, ParentLink::Current, Binding::scoped());
    let Some(state) = Arc::get_mut(&mut new) else {
        // Nobody else has it.
        return Handle::off();
    };
    state.inherited = Inherited::of(&context).cloned();
    state.above = Some(context);
    state.foreign = true;
    state.started = Some(Instant::now());
    let live = Live::traced(tracing::Span::current(), unwanted(current_dispatch()));
    state.begin(live, 0, 0);
    Handle::adopted(new)
}
