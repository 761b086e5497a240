//! The OpenTelemetry side: what makes the SDK's spans, and what stands for them in its contexts.
//!
//! Typed spans are made straight from what the carrier knows, so that name, kind, scope and the sampled
//! attributes reach samplers as they are, typed, and no string is parsed back. Those of other
//! instrumentation are made by `tracing-opentelemetry`'s layer, whose tracer this is.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, Weak};
use std::thread::LocalKey;
use std::time::SystemTime;

use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanContext, SpanId, Status, TraceContextExt, TraceId, Tracer,
    TracerProvider,
};
use opentelemetry::{Context, InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, Span};
use tracing::callsite::Identifier;
use tracing::span::Id;
use tracing::{Dispatch, Metadata};

use super::bridge::Telling;
use super::definition::{Scope, SpanDefinition};
use super::exposed;
use super::gate::{self, Place};
use super::inherited::Inherited;
use super::layer::FindTyped;
use super::start;
use super::state::SpanState;

/// The field of an event that log layers print first.
pub(crate) const MESSAGE: &str = "message";
/// What an event's body is called where there are only attributes.
pub(crate) const BODY: &str = "body";

thread_local! {
    /// The typed span that `tracing` is making here and now.
    static OPENING: RefCell<Option<Opening>> = const { RefCell::new(None) };
    /// What it is for `tracing`, and how many typed spans it stands under.
    static OPENING_AS: Cell<Option<(&'static Metadata<'static>, usize)>> = const { Cell::new(None) };
    /// The typed span that `tracing-opentelemetry` asks for next, made long since.
    static SHOWING: RefCell<Option<CarrierSpan>> = const { RefCell::new(None) };
    /// The SDK is making a span that gets its inherited attributes by another way: under the context
    /// that is here.
    static BUILT_HERE: Cell<*const Context> = const { Cell::new(std::ptr::null()) };
    /// What is set on a span has passed the gate.
    static SENDING: Cell<bool> = const { Cell::new(false) };
    /// What passes through the layers and has reached OpenTelemetry by a shorter way.
    static PASSING: Cell<Option<&'static Metadata<'static>>> = const { Cell::new(None) };
    /// A typed span is entered, left or let go of, which the carrier sees to itself.
    static CARRYING: Cell<u64> = const { Cell::new(0) };
    /// The last one that was closed as the carrier let go of it.
    static CLOSED: Cell<u64> = const { Cell::new(0) };
    /// A log line is being turned into an event of the span around it.
    static LOGGING: Cell<bool> = const { Cell::new(false) };
    /// The event that a span sends when it ends passes through the layers.
    static ENDING: Cell<bool> = const { Cell::new(false) };
    /// The typed span that goes to the processors, whose content has passed the gate.
    static CLOSING: Cell<Option<(TraceId, SpanId)>> = const { Cell::new(None) };
    /// Typed spans that lost their last owner where they could not go.
    static LEFT: RefCell<Vec<SpanState>> = const { RefCell::new(Vec::new()) };
    /// The typed span whose event passes through the layers.
    static TELLER: RefCell<Option<Teller>> = const { RefCell::new(None) };
    /// The typed event that passes through the layers, for the one that makes log records.
    static TELLING: RefCell<Option<Telling>> = const { RefCell::new(None) };
}

/// What the layer needs to know of a typed span that `tracing` is making.
pub(crate) struct Opening {
    pub(crate) state: Arc<SpanState>,
    /// Where foreign layers may ask for it, before the start is through.
    pub(crate) asked: Option<Dispatch>,
    /// The first so many of its attributes are for samplers.
    pub(crate) sent: usize,
}

/// Leaves `value` in `place` while `f` runs, and what was there before after it, even if it panics.
#[inline]
fn leave<T: 'static, R>(
    place: &'static LocalKey<RefCell<Option<T>>>,
    value: T,
    f: impl FnOnce() -> R,
) -> R {
    struct Restore<T: 'static>(&'static LocalKey<RefCell<Option<T>>>, Option<T>);

    impl<T: 'static> Drop for Restore<T> {
        fn drop(&mut self) {
            let _ = self.0.try_with(|place| place.replace(self.1.take()));
        }
    }

    let mut value = Some(value);
    // The thread is ending: then the span goes without.
    let before = place.try_with(|place| place.replace(value.take()));
    let _restore = Restore(place, before.unwrap_or_default());
    f()
}

/// Runs `f`, in which `tracing` makes a typed span.
pub(crate) fn while_opening<R>(opening: Opening, f: impl FnOnce() -> R) -> R {
    let state = &opening.state;
    let (metadata, depth) = (state.definition.metadata(), state.depth);
    while_tracing(metadata, depth, || leave(&OPENING, opening, f))
}

/// Runs `f`, in which `tracing` makes a typed span, which OpenTelemetry may have already. It stands under
/// `depth` others.
pub(crate) fn while_tracing<R>(
    metadata: &'static Metadata<'static>,
    depth: usize,
    f: impl FnOnce() -> R,
) -> R {
    struct Restore(Option<(&'static Metadata<'static>, usize)>);

    impl Drop for Restore {
        fn drop(&mut self) {
            OPENING_AS.set(self.0);
        }
    }

    let _restore = Restore(OPENING_AS.replace(Some((metadata, depth))));
    f()
}

/// How many typed spans the one stands under that `tracing` is making, if that is what `metadata`
/// belongs to: another layer may make a span of its own on the way.
pub(crate) fn opening_depth(metadata: &Metadata<'_>) -> Option<usize> {
    let (opening, depth) = OPENING_AS.get()?;
    std::ptr::eq(opening, metadata).then_some(depth)
}

/// The typed span that OpenTelemetry is to get, if that is what `metadata` belongs to.
#[inline]
pub(crate) fn take_opening(metadata: &'static Metadata<'static>) -> Option<Opening> {
    let is_it = |opening: &mut Opening| std::ptr::eq(opening.state.definition.metadata(), metadata);
    OPENING
        .try_with(|opening| opening.borrow_mut().take_if(is_it))
        .ok()?
}

/// Runs `f`, in which `tracing-opentelemetry` asks for a typed span.
pub(crate) fn while_showing<R>(span: CarrierSpan, f: impl FnOnce() -> R) -> R {
    leave(&SHOWING, span, f)
}

/// Runs `f`, in which the SDK makes a span under `parent` that comes through `tracing`.
fn while_building<R>(parent: &Context, f: impl FnOnce() -> R) -> R {
    struct Restore(*const Context);

    impl Drop for Restore {
        fn drop(&mut self) {
            BUILT_HERE.set(self.0);
        }
    }

    let _restore = Restore(BUILT_HERE.replace(parent));
    f()
}

/// Whether the span that the SDK is making under `parent` comes through `tracing`. Asked once for each:
/// what samplers and other processors start meanwhile does not.
pub(crate) fn is_built_here(parent: &Context) -> bool {
    let is_it = std::ptr::eq(BUILT_HERE.get(), parent);
    if is_it {
        BUILT_HERE.set(std::ptr::null());
    }
    is_it
}

/// Runs `f`, which sets on somebody's span what has passed the gate.
pub(crate) fn while_sending<R>(f: impl FnOnce() -> R) -> R {
    with_flag(&SENDING, f)
}

/// Runs `f`, in which a typed event, or what was recorded on a typed span, passes through the layers.
pub(crate) fn while_passing<R>(metadata: &'static Metadata<'static>, f: impl FnOnce() -> R) -> R {
    struct Restore(Option<&'static Metadata<'static>>);

    impl Drop for Restore {
        fn drop(&mut self) {
            PASSING.set(self.0);
        }
    }

    let _restore = Restore(PASSING.replace(Some(metadata)));
    f()
}

/// Whether that is what passes: another layer may say something of its own on the way.
pub(crate) fn is_passing(callsite: &Identifier) -> bool {
    PASSING.get().is_some_and(|it| it.callsite() == *callsite)
}

/// A typed span that sends a typed event. `tracing` may not know it.
#[derive(Clone)]
pub(crate) struct Teller {
    metadata: &'static Metadata<'static>,
    state: Arc<SpanState>,
}

impl Teller {
    pub(crate) fn new(metadata: &'static Metadata<'static>, state: &Arc<SpanState>) -> Self {
        Self {
            metadata,
            state: Arc::clone(state),
        }
    }

    /// What it is for `tracing`: `chat`.
    pub(crate) fn label(&self) -> &'static str {
        self.state.definition.label
    }

    /// How many typed spans it stands under.
    pub(crate) fn depth(&self) -> usize {
        self.state.depth
    }

    /// Its ids, if it has some.
    pub(crate) fn ids(&self) -> Option<SpanContext> {
        self.state.ids().filter(|ids| ids.is_valid()).cloned()
    }
}

/// Runs `f`, in which a typed event passes through the layers.
pub(crate) fn while_telling<R>(
    teller: Option<Teller>,
    telling: Option<Telling>,
    f: impl FnOnce() -> R,
) -> R {
    let f = || match teller {
        Some(teller) => leave(&TELLER, teller, f),
        None => f(),
    };
    match telling {
        Some(telling) => leave(&TELLING, telling, f),
        None => f(),
    }
}

/// Whose event passes, if that is what `metadata` belongs to.
pub(crate) fn teller(metadata: &'static Metadata<'static>) -> Option<Teller> {
    let is_it = |teller: &&Teller| std::ptr::eq(teller.metadata, metadata);
    let teller = TELLER.try_with(|teller| teller.borrow().as_ref().filter(is_it).cloned());
    teller.ok().flatten()
}

/// The typed event that passes, if that is what `metadata` belongs to: another layer may log on the
/// way.
pub(crate) fn take_telling(metadata: &'static Metadata<'static>) -> Option<Telling> {
    let is_it = |telling: &mut Telling| std::ptr::eq(telling.metadata, metadata);
    TELLING
        .try_with(|telling| telling.borrow_mut().take_if(is_it))
        .ok()?
}

/// Runs `f`, in which a span sends the event of its end.
pub(crate) fn while_ending<R>(f: impl FnOnce() -> R) -> R {
    with_flag(&ENDING, f)
}

pub(crate) fn is_ending() -> bool {
    ENDING.get()
}

/// Runs `f`, in which the SDK's span of a typed one ends.
pub(crate) fn while_closing<R>(ids: (TraceId, SpanId), f: impl FnOnce() -> R) -> R {
    struct Restore(Option<(TraceId, SpanId)>);

    impl Drop for Restore {
        fn drop(&mut self) {
            CLOSING.set(self.0);
        }
    }

    let _restore = Restore(CLOSING.replace(Some(ids)));
    f()
}

/// Whether the span that ends is a typed one's: what processors end meanwhile is not.
#[cfg(feature = "_otlp")]
pub(crate) fn is_closing(ids: &SpanContext) -> bool {
    CLOSING.get() == Some((ids.trace_id(), ids.span_id()))
}

/// Runs `f`, in which a log line becomes a span event.
pub(crate) fn while_logging<R>(f: impl FnOnce() -> R) -> R {
    with_flag(&LOGGING, f)
}

#[inline]
pub(crate) fn with_flag<R>(flag: &'static LocalKey<Cell<bool>>, f: impl FnOnce() -> R) -> R {
    struct Restore(&'static LocalKey<Cell<bool>>, bool);

    impl Drop for Restore {
        fn drop(&mut self) {
            self.0.set(self.1);
        }
    }

    let _restore = Restore(flag, flag.replace(true));
    f()
}

/// Runs `f`, in which `tracing` tells layers that the carrier enters or leaves that span, or lets go
/// of it.
#[inline]
pub(crate) fn while_carrying<R>(id: &Id, f: impl FnOnce() -> R) -> R {
    struct Restore(u64);

    impl Drop for Restore {
        fn drop(&mut self) {
            let _ = CARRYING.try_with(|carrying| carrying.set(self.0));
        }
    }

    let before = CARRYING.try_with(|carrying| carrying.replace(id.into_u64()));
    let _restore = Restore(before.unwrap_or(0));
    f()
}

/// Lets go of a typed span's `tracing` span. Returns whether somebody else has kept it.
pub(crate) fn let_go_of(span: tracing::Span, id: &Id) -> bool {
    CLOSED.set(0);
    while_carrying(id, || drop(span));
    CLOSED.get() != id.into_u64()
}

/// A layer is told that nobody holds that span any more.
pub(crate) fn closed(id: &Id) {
    CLOSED.set(id.into_u64());
}

/// Whether the carrier does itself what a layer is told of that span.
#[inline]
pub(crate) fn is_carrying(id: &Id) -> bool {
    let id = id.into_u64();
    let is_it = CARRYING.try_with(|carrying| carrying.get() == id);
    is_it.unwrap_or(false)
}

/// The OpenTelemetry context of a foreign span, or of the nearest above it that has one.
pub(crate) fn context_of(span: &tracing::Span) -> Option<Context> {
    span.with_subscriber(|(id, dispatch)| {
        dispatch.downcast_ref::<FindTyped>()?.context(dispatch, id)
    })?
}

/// The ids of a span that a layer is told of.
pub(crate) fn ids_of(id: &Id, dispatch: &Dispatch) -> Option<SpanContext> {
    let find = dispatch.downcast_ref::<FindTyped>();
    if let Some(state) = find.and_then(|find| exposed::reached(id, find)) {
        return state.ids().cloned();
    }
    let context = match find {
        Some(find) => find.context_of(dispatch, id)?,
        None => exposed::foreign_context(id, dispatch)?,
    };
    Some(context.span().span_context().clone())
}

/// Whether events belong on spans there: not where they are exported as log records.
pub(crate) fn wants_events(dispatch: &Dispatch) -> bool {
    dispatch
        .downcast_ref::<FindTyped>()
        .is_none_or(|find| find.events)
}

/// Makes the SDK's span of a typed one where `tracing` can make none, if a layer of Vigil's is there.
pub(crate) fn build_alone(state: &SpanState, sent: usize, dispatch: &Dispatch) {
    if let Some(find) = dispatch.downcast_ref::<FindTyped>() {
        let span = find.tracer.build_for(state, sent);
        state.built(span, find.events, false);
    }
}

/// Runs `f` with that dispatcher as the thread's, if it is not already, and if another one can be set.
pub(crate) fn with_dispatch<R>(dispatch: &Dispatch, f: impl FnOnce() -> R) -> R {
    use tracing::dispatcher::{get_default, with_default};

    let find = |dispatch: &Dispatch| dispatch.downcast_ref::<FindTyped>().map(std::ptr::from_ref);
    let its = find(dispatch);
    let (is_default, given) = get_default(|given| {
        let is_default = its.is_some() && find(given) == its;
        (is_default, std::ptr::from_ref(given))
    });
    // Who asks while the thread's dispatcher is being asked is given an empty one, the same for all. Then
    // none can be set: `tracing` would panic.
    let is_asked = || given == get_default(|_| get_default(std::ptr::from_ref));
    if is_default || is_asked() {
        f()
    } else {
        with_default(dispatch, f)
    }
}

/// What makes the SDK's spans there, if no layer has to be told of each.
pub(crate) fn direct(dispatch: &Dispatch) -> Option<CarrierTracer> {
    dispatch.downcast_ref::<FindTyped>()?.direct.clone()
}

/// Whether layers other than Vigil's look at fields there.
pub(crate) fn shows_fields(dispatch: &Dispatch) -> bool {
    dispatch
        .downcast_ref::<FindTyped>()
        .is_none_or(|find| find.fields)
}

/// The nearest typed span around the current code that `wanted` accepts.
pub(crate) fn current_typed(wanted: impl Fn(&SpanState) -> bool) -> Option<Arc<SpanState>> {
    tracing::dispatcher::get_default(|dispatch: &Dispatch| {
        let find = dispatch.downcast_ref::<FindTyped>()?;
        find.nearest(dispatch, &wanted)
    })
}

/// Whether an attribute may stand where foreign code puts it. What the carrier sends has passed the
/// gate already.
fn passes(attribute: &KeyValue, place: Place) -> bool {
    SENDING.get() || !gate::withholds(attribute.key.as_str(), place)
}

/// The tracer under the layer.
#[derive(Clone, Debug)]
pub(crate) struct CarrierTracer(Arc<Tracers>);

#[derive(Debug)]
struct Tracers {
    provider: SdkTracerProvider,
    /// For spans that other instrumentation makes through `tracing`.
    foreign: SdkTracer,
    /// For the crates whose spans were generated.
    typed: ByScope<SdkTracer>,
}

impl CarrierTracer {
    pub(crate) fn new(provider: SdkTracerProvider) -> Self {
        Self(Arc::new(Tracers {
            foreign: provider.tracer("tracing"),
            provider,
            typed: ByScope::new(),
        }))
    }

    /// Makes the SDK's span of that one, with the first `sent` of its attributes.
    pub(crate) fn build_for(&self, state: &SpanState, sent: usize) -> Span {
        let (definition, given) = (state.definition, state.name.as_ref());
        let names = state.names_at_start();
        let (name, attributes) =
            start::for_samplers(definition, given, &state.data(), sent, names.as_ref());
        self.build(
            definition,
            name,
            attributes,
            state.start_time,
            state.above(),
        )
    }

    /// Makes the SDK's span of a typed one, under what that stands under.
    pub(crate) fn build(
        &self,
        definition: &'static SpanDefinition,
        name: Cow<'static, str>,
        attributes: Vec<KeyValue>,
        start_time: Option<SystemTime>,
        parent: &Context,
    ) -> Span {
        let builder = SpanBuilder {
            name,
            span_kind: Some(definition.kind.clone()),
            attributes: Some(attributes),
            start_time,
            ..SpanBuilder::default()
        };
        let make = |scope| self.0.provider.tracer_with_scope(scope);
        self.0.typed.with(definition.scope, make, |tracer| {
            while_building(parent, || tracer.build_with_context(builder, parent))
        })
    }
}

/// What is made once for each crate whose code was generated: for one, mostly, or for a handful.
#[derive(Debug)]
pub(crate) struct ByScope<T> {
    first: OnceLock<(&'static Scope, T)>,
    others: RwLock<Vec<(&'static Scope, T)>>,
}

impl<T: Clone> ByScope<T> {
    pub(crate) const fn new() -> Self {
        Self {
            first: OnceLock::new(),
            others: RwLock::new(Vec::new()),
        }
    }

    /// Uses what belongs to a scope. No lock is held meanwhile: processors may start spans and log.
    #[inline]
    pub(crate) fn with<R>(
        &self,
        scope: &'static Scope,
        make: impl FnOnce(InstrumentationScope) -> T,
        f: impl FnOnce(&T) -> R,
    ) -> R {
        match self.first.get() {
            Some((first, it)) if std::ptr::eq(*first, scope) => f(it),
            _ => f(&self.other(scope, make)),
        }
    }

    #[cold]
    fn other(&self, scope: &'static Scope, make: impl FnOnce(InstrumentationScope) -> T) -> T {
        let is_it = |(other, _): &&(&'static Scope, T)| std::ptr::eq(*other, scope);
        let others = self.others.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, found)) = others.iter().find(is_it) {
            return found.clone();
        }
        drop(others);
        let new = make(instrumentation_scope(scope));
        if self.first.set((scope, new.clone())).is_err() {
            let mut others = self.others.write().unwrap_or_else(PoisonError::into_inner);
            others.push((scope, new.clone()));
        }
        new
    }
}

pub(crate) fn instrumentation_scope(scope: &Scope) -> InstrumentationScope {
    InstrumentationScope::builder(scope.name)
        .with_version(scope.version)
        .with_schema_url(scope.schema_url)
        .build()
}

impl Tracer for CarrierTracer {
    type Span = CarrierSpan;

    fn build_with_context(&self, mut builder: SpanBuilder, parent: &Context) -> CarrierSpan {
        if let Some(span) = SHOWING.try_with(RefCell::take).ok().flatten() {
            return span;
        }
        if let Some(attributes) = &mut builder.attributes {
            attributes.retain(|attribute| passes(attribute, Place::Span));
        }
        for event in builder.events.iter_mut().flatten() {
            let passes = |attribute: &KeyValue| passes(attribute, Place::Event);
            event.attributes.retain(passes);
        }
        if let Some(inherited) = Inherited::of(parent) {
            inherited.complete(builder.attributes.get_or_insert_default());
        }
        let inner = while_building(parent, || {
            self.0.foreign.build_with_context(builder, parent)
        });
        CarrierSpan(Repr::Foreign {
            inner: Box::new(inner),
            late: Vec::new(),
        })
    }
}

/// A span of OpenTelemetry's context whose contract, if it has one, holds against whoever reaches
/// it.
#[derive(Debug)]
pub(crate) struct CarrierSpan(Repr);

#[derive(Debug)]
enum Repr {
    /// The SDK's span is in the state, from where it is ended: what runs then may come back here.
    Typed {
        ids: SpanContext,
        state: Weak<SpanState>,
    },
    /// Attributes wait for the end, so that one set again replaces the first: the SDK appends.
    /// In a box, as typed spans are moved about a lot, and are small.
    Foreign {
        inner: Box<Span>,
        late: Vec<KeyValue>,
    },
}

impl CarrierSpan {
    /// Stands for a typed span.
    pub(crate) fn typed(state: &Arc<SpanState>) -> Self {
        Self(Repr::Typed {
            ids: state.ids().cloned().unwrap_or(SpanContext::NONE),
            state: Arc::downgrade(state),
        })
    }

    /// Stands for a typed span that has gone, and had that context.
    pub(crate) fn gone(context: &Context) -> Self {
        Self(Repr::Typed {
            ids: context.span().span_context().clone(),
            state: Weak::new(),
        })
    }

    fn with_sdk<R>(&mut self, f: impl FnOnce(&mut Span) -> R) -> Option<R> {
        match &mut self.0 {
            Repr::Typed { state, .. } => with_state(state, |state| state.with_sdk(f))?,
            Repr::Foreign { inner, .. } => Some(f(inner)),
        }
    }
}

/// Does it with a typed span that is still there.
///
/// OpenTelemetry holds a lock meanwhile, and the end of a `tracing` span runs foreign code, which may
/// want that lock: so if everybody else has let go of the span in the meantime, it goes later.
fn with_state<R>(state: &Weak<SpanState>, f: impl FnOnce(&SpanState) -> R) -> Option<R> {
    let state = state.upgrade()?;
    let result = f(&state);
    if let Some(last) = Arc::into_inner(state) {
        let _ = LEFT.try_with(|left| left.borrow_mut().push(last));
    }
    Some(result)
}

/// Lets go of spans that nobody holds any more. Here no lock is held.
#[inline]
pub(crate) fn let_go() {
    let left = LEFT.try_with(|left| {
        // Hardly ever is there one.
        let is_empty = left.borrow().is_empty();
        (!is_empty).then(|| std::mem::take(&mut *left.borrow_mut()))
    });
    drop(left);
}

impl Drop for CarrierSpan {
    fn drop(&mut self) {
        if let Repr::Foreign { inner, late } = &mut self.0 {
            inner.set_attributes(late.drain(..));
        }
    }
}

impl opentelemetry::trace::Span for CarrierSpan {
    fn add_event_with_timestamp<T>(
        &mut self,
        name: T,
        timestamp: SystemTime,
        attributes: Vec<KeyValue>,
    ) where
        T: Into<Cow<'static, str>>,
    {
        let mut attributes = attributes;
        attributes.retain(|attribute| passes(attribute, Place::Event));
        self.with_sdk(|span| span.add_event_with_timestamp(name, timestamp, attributes));
    }

    fn span_context(&self) -> &SpanContext {
        match &self.0 {
            Repr::Typed { ids, .. } => ids,
            Repr::Foreign { inner, .. } => inner.span_context(),
        }
    }

    fn is_recording(&self) -> bool {
        match &self.0 {
            Repr::Typed { state, .. } => {
                with_state(state, SpanState::is_recording).unwrap_or(false)
            }
            Repr::Foreign { inner, .. } => inner.is_recording(),
        }
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        match &mut self.0 {
            Repr::Typed { state, .. } => {
                with_state(state, |state| state.set_foreign(attribute));
            }
            Repr::Foreign { .. } if !passes(&attribute, Place::Span) => {}
            Repr::Foreign { late, .. } => {
                match late.iter_mut().find(|it| it.key == attribute.key) {
                    Some(earlier) => earlier.value = attribute.value,
                    None => late.push(attribute),
                }
            }
        }
    }

    fn set_status(&mut self, status: Status) {
        match &mut self.0 {
            // A log line says nothing of how a typed span ends, whatever its level.
            Repr::Typed { .. } if LOGGING.get() => {}
            Repr::Typed { state, .. } => {
                with_state(state, |state| state.set_status(status));
            }
            Repr::Foreign { inner, .. } => inner.set_status(status),
        }
    }

    fn update_name<T>(&mut self, name: T)
    where
        T: Into<Cow<'static, str>>,
    {
        self.with_sdk(|span| span.update_name(name));
    }

    fn add_link(&mut self, context: SpanContext, attributes: Vec<KeyValue>) {
        self.with_sdk(|span| span.add_link(context, attributes));
    }

    fn end_with_timestamp(&mut self, timestamp: SystemTime) {
        // The layer ends a span when `tracing` closes it, at the time of its last exit. Typed
        // spans end by their handles alone.
        if let Repr::Foreign { inner, late } = &mut self.0 {
            inner.set_attributes(late.drain(..));
            inner.end_with_timestamp(timestamp);
        }
    }
}
