//! The `tracing` layer that carries spans to OpenTelemetry.

use std::any::TypeId;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Metadata, Subscriber};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::callsite::{self, LEVEL};
use super::current;
use super::entered::{self, Entered, Typed};
use super::exposed;
use super::state::SpanState;
use super::tracer::{self, CarrierSpan, CarrierTracer, Opening};

/// Carries typed spans, and what other instrumentation makes with `tracing`, to OpenTelemetry.
///
/// For people with a subscriber and an SDK of their own:
///
/// ```
/// use tracing_subscriber::layer::SubscriberExt;
///
/// let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder()
///     .with_span_processor(vigil::carrier::InheritedAttributes::new())
///     .build();
/// let subscriber = tracing_subscriber::registry().with(vigil::trace_layer(&provider));
/// # drop(subscriber);
/// ```
pub struct TraceLayer<S> {
    /// For spans of other instrumentation, and for typed ones that it gets at.
    inner: OpenTelemetryLayer<S, CarrierTracer>,
    find: FindTyped,
    /// What other instrumentation makes is carried up to this level.
    max_level: LevelFilter,
    /// There is another such layer already: two would each want the same place on every span.
    redundant: bool,
    /// A typed event has passed through the layers.
    has_told: AtomicBool,
}

/// A layer that makes its spans with `provider`.
///
/// What `tracing-opentelemetry` adds on its own (code location, thread, busy and idle times) is
/// left out: nobody declared it.
pub fn trace_layer<S>(provider: &SdkTracerProvider) -> TraceLayer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let tracer = CarrierTracer::new(provider.clone());
    let inner = tracing_opentelemetry::layer()
        .with_tracer(tracer.clone())
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_error_records_to_exceptions(false)
        .with_context_activation(true);
    TraceLayer {
        inner,
        find: FindTyped {
            tracer: tracer.clone(),
            nearest: nearest_typed::<S>,
            own_context: own_context::<S>,
            context: nearest_context::<S>,
            events: true,
            fields: true,
            direct: None,
            entered: Entered::new(),
        },
        max_level: LevelFilter::INFO,
        redundant: false,
        has_told: AtomicBool::new(false),
    }
}

impl<S> TraceLayer<S> {
    /// Carries what other instrumentation makes up to this level; `INFO` at first. Typed spans are
    /// always carried.
    #[must_use]
    pub fn with_max_level(mut self, level: LevelFilter) -> Self {
        self.max_level = level;
        self
    }

    /// Whether log lines and typed events become events of the span around them: yes, at first. They
    /// need not where they are exported as log records.
    #[must_use]
    pub fn with_events(mut self, events: bool) -> Self {
        self.find.events = events;
        self
    }

    /// Whether typed spans have their attributes as `tracing` fields: yes, at first. They need not
    /// where all other layers are Vigil's, which know attributes without that: then they are work for
    /// nobody. So are the spans themselves, and `tracing` gets a typed span there when code runs in it
    /// or asks for it; those under no typed span, at once.
    #[must_use]
    pub fn with_fields(mut self, fields: bool) -> Self {
        self.find.fields = fields;
        self
    }

    fn carries(&self, metadata: &Metadata<'_>) -> bool {
        !self.redundant && *metadata.level() <= self.max_level
    }
}

impl<S> std::fmt::Debug for TraceLayer<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TraceLayer").finish_non_exhaustive()
    }
}

/// Finds typed spans without knowing the type of the subscriber.
pub(crate) struct FindTyped {
    /// For typed spans.
    pub(crate) tracer: CarrierTracer,
    nearest: fn(&Entered, &Dispatch, &Wanted<'_>) -> Option<Arc<SpanState>>,
    /// Of the span itself, and of the nearest from there.
    own_context: fn(&Entered, &Dispatch, &Id) -> Option<opentelemetry::Context>,
    context: fn(&Entered, &Dispatch, &Id) -> Option<opentelemetry::Context>,
    pub(crate) events: bool,
    pub(crate) fields: bool,
    /// Makes the SDK's spans, where `tracing` need not know of each.
    pub(crate) direct: Option<CarrierTracer>,
    entered: Arc<Entered>,
}

/// Which span is looked for.
type Wanted<'a> = dyn Fn(&SpanState) -> bool + 'a;

impl FindTyped {
    pub(crate) fn nearest(
        &self,
        dispatch: &Dispatch,
        wanted: &Wanted<'_>,
    ) -> Option<Arc<SpanState>> {
        (self.nearest)(&self.entered, dispatch, wanted)
    }

    pub(crate) fn context_of(
        &self,
        dispatch: &Dispatch,
        id: &Id,
    ) -> Option<opentelemetry::Context> {
        (self.own_context)(&self.entered, dispatch, id)
    }

    pub(crate) fn context(&self, dispatch: &Dispatch, id: &Id) -> Option<opentelemetry::Context> {
        (self.context)(&self.entered, dispatch, id)
    }
}

fn nearest_context<S>(
    entered: &Entered,
    dispatch: &Dispatch,
    id: &Id,
) -> Option<opentelemetry::Context>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let mut scope = dispatch.downcast_ref::<S>()?.span(id)?.scope();
    scope.find_map(|span| context(entered, &span, dispatch))
}

fn own_context<S>(entered: &Entered, dispatch: &Dispatch, id: &Id) -> Option<opentelemetry::Context>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    context(entered, &dispatch.downcast_ref::<S>()?.span(id)?, dispatch)
}

fn context<'a, S>(
    entered: &Entered,
    span: &SpanRef<'a, S>,
    dispatch: &Dispatch,
) -> Option<opentelemetry::Context>
where
    S: LookupSpan<'a>,
{
    let known = entered.with(span, |typed| typed.context.clone());
    known.unwrap_or_else(|| exposed::foreign_context(&span.id(), dispatch))
}

fn nearest_typed<S>(
    entered: &Entered,
    dispatch: &Dispatch,
    wanted: &Wanted<'_>,
) -> Option<Arc<SpanState>>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let subscriber = dispatch.downcast_ref::<S>()?;
    let current = subscriber.current_span();
    for span in subscriber.span(current.id()?)?.scope() {
        // A span that nobody has entered is found by those under it.
        let mut next = entered.state(&span);
        while let Some(state) = next {
            if state.is_own() && wanted(&state) {
                return Some(state);
            }
            next = state.typed_parent().cloned();
        }
    }
    None
}

impl<S> TraceLayer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    /// Gives the inner layer a typed span, so that others find it there.
    fn show(&self, state: &Arc<SpanState>, id: &Id, ctx: Context<'_, S>) {
        self.find.entered.note(state, id, true);
        self.hand_in(state.definition.metadata(), state.context(), id, ctx);
    }

    fn hand_in(
        &self,
        metadata: &'static Metadata<'static>,
        context: Option<&opentelemetry::Context>,
        id: &Id,
        ctx: Context<'_, S>,
    ) {
        // Its fields are in the contract's hands, and its place in the tree is in its context.
        let nothing = metadata.fields().value_set(&[]);
        let bare = Attributes::new(metadata, &nothing);
        let attached = context.map(|context| current::attach(context.clone()));
        self.inner.on_new_span(&bare, id, ctx);
        drop(attached);
    }

    /// Before the inner layer looks at a span: if it is a typed one, it has to be there.
    fn expose(&self, id: Option<Id>, ctx: &Context<'_, S>) {
        let id = id.filter(|_| current::is_there());
        let Some(span) = id.and_then(|id| ctx.span(&id)) else {
            return;
        };
        let known = |typed: &mut Typed| (typed.state.upgrade(), typed.shown);
        match self.find.entered.with(&span, known) {
            Some((Some(state), _)) => exposed::expose(&state),
            Some((None, false)) => self.show_gone(&span, ctx),
            Some((None, true)) | None => {}
        }
    }

    /// Gives the inner layer a typed span that has gone, while somebody has kept that of `tracing`:
    /// what starts in there stands under it all the same.
    fn show_gone(&self, span: &SpanRef<'_, S>, ctx: &Context<'_, S>) {
        let hidden = self.find.entered.with(span, |typed| {
            // Another thread may have been faster.
            let was_shown = std::mem::replace(&mut typed.shown, true);
            typed.context.clone().filter(|_| !was_shown)
        });
        let Some(context) = hidden.flatten() else {
            return;
        };
        let id = span.id();
        self.hand_in(span.metadata(), Some(&context), &id, ctx.clone());
        // At once, while it is known whose it is.
        tracer::while_showing(CarrierSpan::gone(&context), || {
            self.enter(&id, ctx.clone());
            self.exit(&id, ctx.clone());
        });
    }

    fn enter(&self, id: &Id, ctx: Context<'_, S>) {
        if current::ACTIVATE.is_possible() {
            self.inner.on_enter(id, ctx);
            current::ACTIVATE.taken();
        }
    }

    fn exit(&self, id: &Id, ctx: Context<'_, S>) {
        if current::ACTIVATE.is_possible() {
            self.inner.on_exit(id, ctx);
        }
    }
}

impl<S> Layer<S> for TraceLayer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn on_register_dispatch(&self, subscriber: &Dispatch) {
        self.inner.on_register_dispatch(subscriber);
    }

    fn on_layer(&mut self, subscriber: &mut S) {
        let below: &dyn Subscriber = subscriber;
        if let Some(first) = below.downcast_ref::<FindTyped>() {
            self.redundant = true;
            self.find.entered = Arc::clone(&first.entered);
        }
        // Two layers have two minds.
        let alone = !self.redundant && !self.find.fields;
        self.find.direct = alone.then(|| self.find.tracer.clone());
        self.inner.on_layer(subscriber);
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        self.inner.register_callsite(metadata)
    }

    fn enabled(&self, metadata: &Metadata<'_>, ctx: Context<'_, S>) -> bool {
        self.inner.enabled(metadata, ctx)
    }

    fn on_new_span(&self, attrs: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        current::MAKE.taken();
        match tracer::take_opening(attrs.metadata()) {
            // Its fields go by a shorter way, with their types. The parent is the one that the carrier
            // found, which also knows remote ones and looks past spans that a filter shut out.
            Some(Opening { state, asked, sent }) => {
                let span = self.find.tracer.build_for(&state, sent);
                state.built(span, self.find.events, asked.is_some());
                if asked.is_some() {
                    exposed::reach(&state, id, asked);
                }
            }
            // OpenTelemetry has it.
            None if tracer::opening_depth(attrs.metadata()).is_some() => {}
            // Where nothing is current, the inner layer can make none.
            None if self.carries(attrs.metadata()) && current::is_there() => {
                self.expose(attrs.parent().cloned(), &ctx);
                self.inner.on_new_span(attrs, id, ctx);
            }
            None => {}
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.max_level.max(LevelFilter::from_level(LEVEL)))
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: Context<'_, S>) {
        let span = ctx.span(id);
        if span
            .as_ref()
            .is_some_and(|span| tracer::is_passing(&span.metadata().callsite()))
        {
            return;
        }
        match span.and_then(|span| self.find.entered.state(&span)) {
            Some(state) => values.record(&mut Foreign(&state)),
            None => self.inner.on_record(id, values, ctx),
        }
    }

    fn on_follows_from(&self, span: &Id, follows: &Id, ctx: Context<'_, S>) {
        if let Some(state) = exposed::take_asked(span) {
            return self.show(&state, span, ctx);
        }
        if exposed::take_gone(span) {
            return self.expose(Some(span.clone()), &ctx);
        }
        if exposed::is_asking() {
            return;
        }
        self.expose(Some(span.clone()), &ctx);
        self.expose(Some(follows.clone()), &ctx);
        self.inner.on_follows_from(span, follows, ctx);
    }

    fn event_enabled(&self, event: &Event<'_>, ctx: Context<'_, S>) -> bool {
        // Before any layer gets it. Typed events are all alike, so who asks does so the first time.
        let is_typed = || tracer::is_passing(&event.metadata().callsite());
        let has_told = || self.has_told.swap(true, Ordering::Relaxed);
        if self.find.fields && !(is_typed() && has_told() && !entered::is_wanted()) {
            exposed::expose_reached();
        }
        self.inner.event_enabled(event, ctx)
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let metadata = event.metadata();
        let is_sent = || tracer::is_passing(&metadata.callsite());
        if self.find.events && self.carries(metadata) && !is_sent() {
            let current = || ctx.current_span().id().cloned();
            let around = event.parent().cloned();
            let around = around.or_else(|| event.is_contextual().then(current).flatten());
            let reached = |id: &Id| exposed::reached(id, &self.find);
            let typed = around.as_ref().and_then(reached);
            if typed.is_some_and(|state| !state.is_recording()) {
                // Nobody would read it there.
                return;
            }
            self.expose(around, &ctx);
            tracer::while_logging(|| self.inner.on_event(event, ctx));
        }
    }

    fn on_enter(&self, id: &Id, ctx: Context<'_, S>) {
        current::ENTER.taken();
        if !tracer::is_carrying(id) {
            self.expose(Some(id.clone()), &ctx);
            return self.enter(id, ctx);
        }
        // The carrier has made its context current.
        if let Some(state) = exposed::reached(id, &self.find)
            && !state.noted.load(Ordering::Acquire)
        {
            // First of all: another thread that enters it may be right behind.
            self.find.entered.note(&state, id, false);
            state.noted.store(true, Ordering::Release);
            if entered::is_wanted() {
                exposed::expose(&state);
            }
        }
    }

    fn on_exit(&self, id: &Id, ctx: Context<'_, S>) {
        if !tracer::is_carrying(id) {
            self.exit(id, ctx);
        }
    }

    fn on_close(&self, id: Id, ctx: Context<'_, S>) {
        if tracer::is_carrying(&id) {
            self.find.entered.remove(&id);
            return tracer::closed(&id);
        }
        if ctx.metadata(&id).is_some_and(callsite::is_carried) {
            self.find.entered.remove(&id);
        }
        self.inner.on_close(id, ctx);
    }

    fn on_id_change(&self, old: &Id, new: &Id, ctx: Context<'_, S>) {
        self.inner.on_id_change(old, new, ctx);
    }

    // SAFETY: both pointers are to parts of `self`, valid for as long as it is; everything else
    // the inner layer answers, under the same contract.
    #[allow(unsafe_code)]
    unsafe fn downcast_raw(&self, id: TypeId) -> Option<*const ()> {
        if id == TypeId::of::<Self>() {
            Some(std::ptr::from_ref(self).cast())
        } else if id == TypeId::of::<FindTyped>() {
            Some(std::ptr::from_ref(&self.find).cast())
        } else {
            let found = unsafe { self.inner.downcast_raw(id) };
            if found.is_some() {
                // Somebody will ask what it knows of a span.
                exposed::expose_here();
            }
            found
        }
    }
}

/// Hands what foreign code records on a typed span to its contract.
struct Foreign<'a>(&'a SpanState);

impl Foreign<'_> {
    fn set(&self, field: &Field, value: impl Into<opentelemetry::Value>) {
        self.0
            .set_foreign(opentelemetry::KeyValue::new(field.name(), value));
    }
}

impl Visit for Foreign<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.set(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value.to_owned());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, i64::try_from(value).unwrap_or(i64::MAX));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value);
    }
}
