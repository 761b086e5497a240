//! A span while it is open, and its end.

use std::borrow::Cow;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use once_cell::sync::OnceCell;
use opentelemetry::trace::{Span as _, SpanContext, Status, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::Span;
use tracing::Dispatch;
use tracing::metadata::Kind;

use super::any::AnyValue;
use super::attributes::{Attributes, Entries, Entry, find, key_value, place, same};
use super::bridge::{self, LogBridge, Telling};
use super::callsite::LEVEL;
use super::current;
use super::definition::{
    Derived, EventDefinition, Field, Measured, RecordDefinition, Scope, SpanDefinition,
};
use super::ended::{self, EndedSpan};
use super::exposed::{self, Exposed};
use super::facts::{Facts, Places};
use super::fields::with_values;
use super::gate::{self, Gate, Place};
use super::inherited::{Inherited, Snapshot};
use super::instruments::{self, Amount, Binding, Derivation};
use super::keyed::{self, Batch, Keyed, OnSpan};
use super::open;
use super::opt_in;
use super::outcome::{self, Failure, Seen};
use super::start::{self, ParentLink};
use super::stream::Chunks;
use super::told;
use super::tracer::{self, BODY, CarrierSpan, CarrierTracer, MESSAGE, Teller};
use super::value::{Text, Value};
use crate::config::{CaptureContent, StabilityOptIn};
use crate::generated::semconv::error;

/// Metrics with more attributes than this are few.
const OWN: usize = 8;

/// A span: shared by its handle, its scopes and its children.
///
/// OpenTelemetry's contexts reach it too, but own nothing of it: they are locked while they are used,
/// and the end of the `tracing` span may come back to them.
pub(crate) struct SpanState {
    pub(crate) definition: &'static SpanDefinition,
    /// The instruments of the test scope that it was started in.
    pub(crate) binding: Option<Arc<Binding>>,
    /// What it was told to stand under.
    pub(super) link: ParentLink,
    pub(crate) inherited: Option<Inherited>,
    /// When it started, if that was said.
    pub(crate) start_time: Option<SystemTime>,
    /// It stands for a foreign span that a caller stepped in from: nothing here ends it.
    pub(crate) foreign: bool,
    /// The name that it was given, where the registry has none.
    pub(crate) name: Option<Text>,
    /// How many typed spans it stands under.
    pub(crate) depth: usize,
    /// When it was opened, if somebody looks at how long it was.
    pub(super) started: Option<Instant>,
    /// It is told after the fact, so nothing is measured.
    pub(super) told: bool,
    /// Unwinding had begun before it started, so it says nothing of this span's work.
    pub(super) was_panicking: bool,
    /// What it stands under, for OpenTelemetry, unless that is the place of its typed parent.
    pub(super) above: Option<Context>,
    pub(crate) chunks: Chunks,
    live: OnceCell<Live>,
    /// Its ids, if OpenTelemetry has it.
    ids: OnceCell<SpanContext>,
    /// The context that is its own, once somebody needs it.
    context: OnceCell<Context>,
    /// Foreign code can see it: see [`exposed`](super::exposed).
    pub(super) exposed: Exposed,
    /// It was entered, and the layer has noted that.
    pub(super) noted: AtomicBool,
    data: Mutex<Data>,
}

/// The span as others know it; where nobody wanted it, what it would have stood under.
pub(crate) struct Live {
    /// For `tracing`: see [`SpanState::traced`].
    span: OnceCell<tracing::Span>,
    /// Events stand on it.
    wants_events: bool,
    pub(super) around: Arc<Around>,
}

/// What is around a span, and mostly the same for all that stand under it.
pub(super) struct Around {
    pub(super) dispatch: Dispatch,
    /// Somebody wanted it.
    pub(super) is_wanted: bool,
    pub(super) listeners: Listeners,
    /// What makes the SDK's spans below it, where `tracing` needs none of its own.
    pub(super) direct: Option<CarrierTracer>,
}

/// Who listens beside OpenTelemetry, where a span was made.
// The marks are independent of each other.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Listeners {
    /// Layers other than Vigil's see its attributes as fields.
    pub(super) see_fields: bool,
    /// A layer of Vigil's sees its events.
    pub(super) see_events: bool,
    /// A layer is told how it ended.
    pub(super) hear_ends: bool,
    /// Its events become log records.
    pub(super) take_records: bool,
}

impl Listeners {
    /// Whether its events go to `tracing`.
    fn take_events(self) -> bool {
        self.see_fields || self.see_events || self.take_records
    }
}

impl Live {
    /// As `span` for `tracing`, which has been asked for it.
    pub(super) fn traced(span: tracing::Span, around: Arc<Around>) -> Self {
        Self {
            wants_events: tracer::wants_events(&around.dispatch),
            span: OnceCell::with_value(span),
            around,
        }
    }

    /// Of OpenTelemetry alone.
    pub(super) fn of_sdk(around: Arc<Around>) -> Self {
        Self {
            wants_events: tracer::wants_events(&around.dispatch),
            span: OnceCell::new(),
            around,
        }
    }

    /// Under this one, without one for `tracing` until somebody asks, if that is how it is done here.
    pub(super) fn untraced(&self) -> Option<Self> {
        let is_direct = self.around.is_wanted && self.around.direct.is_some();
        is_direct.then(|| Self {
            span: OnceCell::new(),
            wants_events: self.wants_events,
            around: Arc::clone(&self.around),
        })
    }

    /// The span for `tracing`, if there is one so far.
    pub(crate) fn span(&self) -> Option<&tracing::Span> {
        self.span.get()
    }
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live")
            .field("span", &self.span)
            .finish_non_exhaustive()
    }
}

/// What was recorded so far.
// The marks are independent of each other.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug)]
pub(crate) struct Data {
    pub(crate) entries: Entries,
    /// Attributes that OpenTelemetry has already, as samplers needed them: the first so many.
    sent: usize,
    /// Attributes that `tracing` has already, as fields: the first so many, but for those changed
    /// since.
    shown: usize,
    /// What most spans have nothing of.
    rare: Option<Box<Rare>>,
    /// The event at the end was sent by hand.
    told: bool,
    /// It has attributes of its own that it could have inherited.
    has_inheritable: bool,
    /// Inherited attributes as they were when the span started.
    inherited: Option<Arc<Snapshot>>,
    /// Where the span stands among the open ones, if those are kept.
    place: Option<open::Place>,
    /// How it ended, as recorded.
    pub(crate) failure: Option<Failure>,
    /// How it ended, as its scopes saw it.
    pub(crate) seen: Option<Seen>,
    /// Foreign code says that all went well.
    ok: bool,
    ended: bool,
    /// The SDK's span, if OpenTelemetry has one, until the end.
    sdk: Option<Span>,
    /// The layer that had it made wants events on spans, if it was a layer.
    wants_events: Option<bool>,
}

/// What is recorded on few spans.
#[derive(Clone, Debug, Default)]
struct Rare {
    /// Of the attributes that `tracing` has, those changed since.
    changed: Vec<usize>,
    /// Content that goes into the event at the end, and nowhere else.
    content: Vec<Entry>,
    /// Of what events left on the span, fields with another key for whoever opts in.
    renamed: Vec<&'static Field>,
    /// Content as foreign code set it. It passes the gate at the end: that may ask foreign code, and
    /// here locks may be held.
    foreign_content: Vec<Entry>,
    /// Attributes of nobody's contract, set through OpenTelemetry by foreign code.
    undeclared: Vec<KeyValue>,
    /// Attributes whose keys were made at run time, before the start: see [`Data::settle_keyed`].
    starts_with: Option<Arc<Batch>>,
    /// The same, since the start.
    keyed: Option<Box<OnSpan>>,
}

impl Rare {
    const NONE: &Self = &Self {
        changed: Vec::new(),
        content: Vec::new(),
        renamed: Vec::new(),
        foreign_content: Vec::new(),
        undeclared: Vec::new(),
        starts_with: None,
        keyed: None,
    };

    /// Whether there is content that has not passed the gate.
    fn has_foreign(&self) -> bool {
        let keyed = self.keyed.as_ref();
        !self.foreign_content.is_empty() || keyed.is_some_and(|it| !it.foreign.is_empty())
    }
}

impl Data {
    #[inline]
    fn rare(&self) -> &Rare {
        self.rare.as_deref().unwrap_or(Rare::NONE)
    }

    fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    #[inline]
    fn new() -> Self {
        Self {
            entries: Entries::new(),
            sent: 0,
            shown: 0,
            rare: None,
            told: false,
            has_inheritable: false,
            inherited: None,
            place: None,
            failure: None,
            seen: None,
            ok: false,
            ended: false,
            sdk: None,
            wants_events: None,
        }
    }
}

/// What stands for a definition until there is one.
static NONE: SpanDefinition = SpanDefinition::new(
    "",
    "",
    opentelemetry::trace::SpanKind::Internal,
    &Scope {
        name: "",
        version: "",
        schema_url: "",
    },
);

/// Of no definition yet. `Arc::default` makes it where it stays: it is large.
impl Default for SpanState {
    #[inline]
    fn default() -> Self {
        Self {
            definition: &NONE,
            binding: None,
            link: ParentLink::Root,
            inherited: None,
            start_time: told::time(),
            foreign: false,
            name: None,
            depth: 0,
            started: None,
            told: false,
            was_panicking: false,
            above: None,
            chunks: Chunks::default(),
            live: OnceCell::new(),
            ids: OnceCell::new(),
            context: OnceCell::new(),
            exposed: Exposed::new(),
            noted: AtomicBool::new(false),
            data: Mutex::new(Data::new()),
        }
    }
}

impl SpanState {
    /// A span that is about to start.
    #[inline]
    pub(super) fn new(
        definition: &'static SpanDefinition,
        link: ParentLink,
        binding: Option<Arc<Binding>>,
    ) -> Arc<Self> {
        let mut new: Arc<Self> = Arc::default();
        if let Some(state) = Arc::get_mut(&mut new) {
            state.definition = definition;
            state.link = link;
            state.binding = binding;
        }
        new
    }

    /// What it is called, if it was given a name, and what it starts with, while nobody else has it.
    pub(super) fn starting(&mut self) -> (Option<&Text>, &mut Data) {
        let data = self.data.get_mut().unwrap_or_else(PoisonError::into_inner);
        (self.name.as_ref(), data)
    }

    /// What it starts with, while nobody else has it.
    pub(super) fn data_mut(&mut self) -> &mut Data {
        self.data.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// The layer has made the SDK's span. Where others ask for its ids before it is open, they get them.
    #[inline]
    pub(crate) fn built(&self, span: Span, wants_events: bool, asked: bool) {
        if asked {
            let _ = self.ids.set(span.span_context().clone());
        }
        let mut data = self.data();
        data.sdk = Some(span);
        data.wants_events = Some(wants_events);
    }

    /// The span is open. OpenTelemetry has the first `sent` of its attributes, and `tracing` the first
    /// `shown`.
    #[inline]
    pub(super) fn begin(&self, mut live: Live, sent: usize, shown: usize) {
        let mut data = self.data();
        if let Some(span) = &data.sdk {
            let _ = self.ids.set(span.span_context().clone());
        }
        live.wants_events = data.wants_events.unwrap_or(live.wants_events);
        data.sent = sent;
        data.shown = shown;
        drop(data);
        // Set once, by whoever started the span.
        let _ = self.live.set(live);
    }

    /// The same, as `span` for OpenTelemetry, while nobody else has it.
    #[inline]
    pub(super) fn begin_untraced(&mut self, live: Live, span: Span, sent: usize) {
        let data = self.data.get_mut().unwrap_or_else(PoisonError::into_inner);
        // First: it is large, and goes where it stays.
        let span = data.sdk.insert(span);
        self.ids = OnceCell::with_value(span.span_context().clone());
        self.live = OnceCell::with_value(live);
        data.sent = sent;
    }

    /// The span as others know it; none while it is being started.
    #[inline]
    pub(crate) fn live(&self) -> Option<&Live> {
        self.live.get()
    }

    /// The span for `tracing`, which is made now if `tracing` went without so far; none while it is being
    /// started, and where the thread is ending.
    pub(crate) fn traced(self: &Arc<Self>) -> Option<&tracing::Span> {
        let live = self.live()?;
        if live.span.get().is_none() && current::MAKE.is_possible() {
            // Not while the cell is locked: layers are told. Another thread may be faster.
            let _ = live.span.set(start::trace(self, live));
        }
        live.span.get()
    }

    /// Its ids, if OpenTelemetry has it.
    pub(crate) fn ids(&self) -> Option<&SpanContext> {
        self.ids.get()
    }

    /// Whether OpenTelemetry has it.
    pub(crate) fn is_own(&self) -> bool {
        self.ids().is_some()
    }

    /// What it stands under, for OpenTelemetry.
    #[inline]
    pub(crate) fn above(&self) -> &Context {
        static NOTHING: OnceCell<Context> = OnceCell::new();
        let parent = || self.typed_parent().and_then(Self::context);
        let above = self.above.as_ref().or_else(parent);
        above.unwrap_or_else(|| NOTHING.get_or_init(Context::new))
    }

    /// The typed span that it was started under.
    pub(crate) fn typed_parent(&self) -> Option<&Arc<SpanState>> {
        match &self.link {
            ParentLink::Typed(parent) => Some(parent),
            _ => None,
        }
    }

    /// Where it stands in OpenTelemetry's tree: its own place, or that of the nearest span above. None
    /// while it is being started.
    pub(crate) fn context(self: &Arc<Self>) -> Option<&Context> {
        if self.is_own() {
            let make = || self.above().with_span(CarrierSpan::typed(self));
            return Some(self.context.get_or_init(make));
        }
        self.live().map(|_| self.above())
    }

    /// Whether foreign code can see it already.
    pub(crate) fn is_exposed(&self) -> bool {
        self.exposed.is()
    }

    pub(crate) fn attributes(&self) -> Attributes {
        self.attributes_with(true, false)
    }

    /// For what stands on the span, goes into an event, or both.
    pub(crate) fn attributes_with(&self, on_span: bool, in_event: bool) -> Attributes {
        let at_end = on_span && self.definition.at_end.is_some();
        let gate = Gate::of(self.binding.as_deref());
        Attributes::new(gate.only(on_span, in_event || at_end))
    }

    /// Sets attributes of the span's own contract.
    pub(crate) fn set(&self, attributes: &mut Attributes) {
        let definition = self.definition;
        let places = &definition.facts.places;
        self.merge(definition.fields, places, attributes, Then::Gone);
    }

    // What handles call once somebody listens. It is kept out of the callers' code, so that there is
    // little of it where nobody does.

    #[cold]
    #[inline(never)]
    pub(crate) fn set_with(&self, write: impl FnOnce(&mut Attributes)) {
        let mut attributes = self.attributes();
        write(&mut attributes);
        self.set(&mut attributes);
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn record_with(
        self: &Arc<Self>,
        record: &'static RecordDefinition,
        write: impl FnOnce(&mut Attributes),
    ) {
        let mut attributes = self.attributes_with(true, record.event.is_some());
        write(&mut attributes);
        self.record(record, &mut attributes);
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn emit_with(
        self: &Arc<Self>,
        event: &'static EventDefinition,
        write: impl FnOnce(&mut Attributes),
        body: Option<AnyValue>,
    ) {
        let mut attributes = self.attributes_with(event.keep_last, true);
        write(&mut attributes);
        self.emit(event, &mut attributes, body);
    }

    /// Sets one attribute of the span's own contract, no content.
    #[cold]
    #[inline(never)]
    pub(crate) fn set_plain(&self, key: &'static str, value: Value) {
        if self.foreign {
            // As in `merge`.
            let field = self.definition.field(key);
            if field.is_some_and(|field| field.takes(&value) && !field.attribute.sensitive) {
                let entries = [(key, value)];
                let own = self.binding.as_deref();
                let entries = opt_in::of_fields(self.definition.fields, &entries, own);
                self.set_on_foreign(&entries, std::iter::empty());
            }
            return;
        }
        let mut data = self.data();
        let Some(place) = self.definition.place(key) else {
            return;
        };
        let field = &self.definition.fields[place];
        if !data.ended && !field.attribute.sensitive && field.takes(&value) {
            self.put(&mut data, place, value);
        }
    }

    pub(crate) fn record(
        self: &Arc<Self>,
        record: &'static RecordDefinition,
        attributes: &mut Attributes,
    ) {
        let measures = record.measures();
        let then = match (&measures, record.event) {
            (None, None) => Then::Gone,
            _ => Then::Needed,
        };
        if self.merge(record.fields, &record.places, attributes, then) {
            if let Some((derived, derivation)) = measures {
                self.measure(derived, derivation, attributes.entries());
            }
            if let Some(event) = record.event {
                self.send(event, attributes, None);
            }
        }
    }

    fn emit(
        self: &Arc<Self>,
        event: &'static EventDefinition,
        attributes: &mut Attributes,
        body: Option<AnyValue>,
    ) {
        let is_open = if event.keep_last {
            self.merge(event.fields, &event.places, attributes, Then::Needed)
        } else {
            static NOWHERE: Places = Places::new();
            self.merge(&[], &NOWHERE, attributes, Then::Needed)
        };
        if is_open {
            self.send(event, attributes, body);
        }
    }

    /// Puts what `fields` declare to the rest, as the registry says; the others are no part of
    /// any contract and go nowhere. Returns whether the span is open.
    fn merge(
        &self,
        fields: &'static [Field],
        places: &Places,
        attributes: &mut Attributes,
        then: Then,
    ) -> bool {
        let declared = |key: &'static str, value: &Value| {
            let field = &fields[places.of(fields, key)?];
            field.takes(value).then_some(field)
        };
        let capture = attributes.gate().capture();
        if self.foreign {
            // A foreign span ends without telling, so nothing may wait for that.
            let plain = attributes.entries().iter().filter(|(key, value)| {
                declared(key, value).is_some_and(|field| !field.attribute.sensitive)
            });
            let content = attributes
                .content()
                .iter()
                .filter(|(key, value)| capture.on_spans() && declared(key, value).is_some());
            let all: Vec<Entry> = plain.chain(content).cloned().collect();
            let below = attributes_below(fields, attributes.keyed(), capture.on_spans());
            self.set_on_foreign(
                &opt_in::of_fields(fields, &all, self.binding.as_deref()),
                below,
            );
            return true;
        }
        let mut data = self.data();
        if data.ended {
            return false;
        }
        for (key, value) in attributes.entries_mut() {
            let Some(field) = declared(key, value).filter(|it| !it.attribute.sensitive) else {
                continue;
            };
            let value = match then {
                Then::Needed => value.clone(),
                Then::Gone => value.take(),
            };
            match self.definition.place(field.key()) {
                Some(place) => self.put(&mut data, place, value),
                // Whatever span it stands on keeps the last of an event.
                None => data.put_undeclared(field, value),
            }
        }
        for (key, value) in attributes.content() {
            if let Some(field) = declared(key, value)
                && let Some(place) = self.definition.place(field.key())
            {
                self.keep_content(&mut data, place, value, capture);
            }
        }
        for (field, keyed) in attributes
            .keyed()
            .into_iter()
            .flat_map(|it| it.declared(fields))
        {
            self.keep_keyed(&mut data, field, keyed, capture);
        }
        true
    }

    fn send(
        self: &Arc<Self>,
        event: &'static EventDefinition,
        attributes: &Attributes,
        body: Option<AnyValue>,
    ) {
        if self
            .definition
            .at_end
            .is_some_and(|at_end| std::ptr::eq(at_end, event))
        {
            self.data().told = true;
        }
        let is_content = |key: &str| {
            let mut fields = event.fields.iter();
            fields.any(|field| field.attribute.sensitive && field.key() == key)
        };
        let plain = attributes.entries();
        let content = attributes.content();
        let in_event = attributes.gate().capture().in_events();
        // Most events say nothing that is content.
        let entries = if content.is_empty() && !plain.iter().any(|(key, _)| is_content(key)) {
            Cow::Borrowed(plain)
        } else {
            let plain = plain.iter().filter(|(key, _)| !is_content(key));
            let content = content.iter();
            let content = content.filter(|(key, _)| in_event && is_content(key));
            plain.chain(content).cloned().collect()
        };
        let keyed = attributes.keyed().into_iter();
        let keyed = keyed.flat_map(|it| it.declared(event.fields));
        let keyed = keyed.filter(|(field, _)| in_event || !field.attribute.sensitive);
        let told = Told {
            keyed: keyed.map(|(_, keyed)| keyed.clone()).collect(),
            body,
            time: None,
        };
        self.tell(event, &entries, told);
    }

    /// Sends the event that the span declares for its end, with what stands on the span and the
    /// content that was kept for it.
    fn send_at_end(self: &Arc<Self>, end: &End, end_time: Option<SystemTime>) {
        let Some(event) = end.event else { return };
        let value = |field: &Field| {
            let key = field.key();
            let own = || find(end.entries(), key).or_else(|| find(&end.rare().content, key));
            let others = || {
                let other = end
                    .rare()
                    .undeclared
                    .iter()
                    .find(|other| other.key.as_str() == key);
                if let Some(other) = other {
                    return Value::of(field.attribute.value_type, other.value.clone());
                }
                end.inherited()
                    .find(|(other, _)| *other == key)
                    .map(|(_, value)| value.clone())
            };
            let constant = field.constant.map(Value::from);
            constant.or_else(|| own().cloned()).or_else(others)
        };
        let entries: Vec<Entry> = event
            .fields
            .iter()
            .filter_map(|field| Some((field.key(), value(field)?)))
            .collect();
        let kept = end.rare().keyed.iter();
        let kept = kept.flat_map(|it| it.entries.iter().chain(&it.content));
        let declared = |keyed: &&Keyed| event.fields.iter().any(|it| it.key() == keyed.prefix);
        let told = Told {
            keyed: kept.filter(declared).cloned().collect(),
            body: None,
            time: end_time,
        };
        tracer::while_ending(|| self.tell(event, &entries, told));
    }

    fn tell(self: &Arc<Self>, event: &'static EventDefinition, entries: &[Entry], told: Told) {
        let live = self.live();
        let Told { keyed, body, time } = told;
        let former = entries;
        let own = self.binding.as_deref();
        let renamed;
        let entries = if opt_in::is_any() {
            renamed = opt_in::of_fields(event.fields, former, own);
            &*renamed
        } else {
            former
        };
        let otel = || {
            let body = body.clone();
            let body = body.map(|body| KeyValue::new(BODY, Value::from(body)));
            let mut all = Vec::with_capacity(entries.len() + keyed.len() + 1);
            all.extend(entries.iter().map(key_value));
            all.extend(keyed.iter().cloned().map(KeyValue::from));
            all.extend(body);
            all
        };
        let time = time.or_else(told::time);
        let at = || time.unwrap_or_else(SystemTime::now);
        if live.is_some_and(|live| live.wants_events) {
            if self.is_own() {
                self.with_sdk(|span| {
                    if span.is_recording() {
                        span.add_event_with_timestamp(event.name, at(), otel());
                    }
                });
            } else {
                tracer::while_sending(|| {
                    let above = self.above().span();
                    above.add_event_with_timestamp(event.name, at(), otel());
                });
            }
        }
        if live.is_some_and(|live| self.is_own() && !live.around.listeners.take_events()) {
            return;
        }
        let metadata = event.site.metadata(event.name, Kind::EVENT, || {
            std::iter::once(MESSAGE)
                .chain(event.fields.iter().map(Field::key))
                .chain(opt_in::latest_keys(event.fields))
                .chain(event.has_body.then_some(BODY))
                .collect()
        });
        // Log layers print a message, not the name.
        let message = (MESSAGE, Value::from(event.name));
        let mut others = keyed::as_fields(&keyed);
        others.extend(body.clone().map(|body| (BODY, Value::from(body))));
        let most = 1 + entries.len() + others.len();
        let fields = || std::iter::once(&message).chain(entries).chain(&others);
        let log = |dispatch: &Dispatch| {
            if event.site.enabled(metadata, dispatch) {
                with_values(&event.site, most, fields(), |_, values| {
                    let traced = live.and_then(Live::span).and_then(tracing::Span::id);
                    let traced = match traced {
                        Some(id) => tracing::Event::new_child_of(id, metadata, values),
                        // Vigil's layers know whose it is.
                        None if self.is_own() => {
                            tracing::Event::new_child_of(None, metadata, values)
                        }
                        None => tracing::Event::new(metadata, values),
                    };
                    let teller = self.is_own().then(|| Teller::new(metadata, self));
                    let telling = dispatch.is::<LogBridge>().then(|| Telling {
                        metadata,
                        scope: self.definition.scope,
                        entries: {
                            let structured = bridge::structured(event, former);
                            if opt_in::is_any() {
                                opt_in::of_fields(event.fields, &structured, own).into_owned()
                            } else {
                                structured
                            }
                        },
                        keyed: bridge::structured_below(event, &keyed),
                        body: body.clone(),
                        span: live.map(|_| self.ids_or_above()),
                        time,
                    });
                    // Layers may ask for its ids.
                    let before = exposed::before();
                    if let Some(id) = traced.parent().filter(|_| self.is_own()) {
                        exposed::reach(self, id, None);
                    }
                    tracer::while_telling(teller, telling, || {
                        tracer::while_passing(metadata, || dispatch.event(&traced));
                    });
                    drop(before);
                });
            }
        };
        match live {
            Some(live) => log(&live.around.dispatch),
            None => tracing::dispatcher::get_default(log),
        }
    }

    /// Its ids, or those of the nearest span above.
    fn ids_or_above(&self) -> SpanContext {
        let above = || self.above().span().span_context().clone();
        self.ids().cloned().unwrap_or_else(above)
    }

    /// Records that the work failed.
    pub(crate) fn fail(&self, failure: Failure) {
        if self.foreign {
            let span = self.above().span();
            let error_type = Value::Text(failure.error_type.clone());
            span.set_attribute(KeyValue::new(error::TYPE, error_type));
            span.set_status(failure.status());
            return;
        }
        let mut data = self.data();
        if let Some(outcome) = &self.definition.outcome {
            // It can't have gone well and failed: what is said last counts.
            let fields = self.definition.fields;
            let at = outcome::recorded_success(outcome, data.entries.as_slice());
            // What samplers saw has left: it can't be taken back.
            if let Some(at) = at.filter(|at| *at >= data.sent) {
                data.entries.rearrange(fields, |entries| {
                    entries.remove(at);
                });
                data.shifted(at);
            }
        }
        data.failure = Some(failure);
    }

    /// A scope tells how the work in it went.
    pub(crate) fn see(&self, seen: Seen) {
        let mut data = self.data();
        // A second try that nobody waited for takes nothing back from the first.
        if !(data.seen.is_some() && seen.is_cancelled()) {
            data.seen = Some(seen);
        }
    }

    fn is_measured(&self) -> bool {
        !self.told && (self.binding.is_some() || instruments::is_bound())
    }

    /// What derives from a record.
    fn measure(&self, derived: &[Derived], derivation: &Derivation, entries: &[Entry]) {
        if !self.is_measured() {
            return;
        }
        let amount = |nth: usize| match derived[nth].value {
            // A span has one, a record has not.
            Measured::Duration => None,
            Measured::Count => Some(Amount::Int(1)),
            Measured::Attribute(key) => Amount::of(find(entries, key)?),
        };
        self.measure_with(derivation, entries, amount);
    }

    /// Measures with the attributes that `entries` have, and for the others those of the span.
    pub(super) fn measure_with(
        &self,
        derivation: &Derivation,
        entries: &[Entry],
        amount: impl Fn(usize) -> Option<Amount>,
    ) {
        // No lock may be held while a provider measures, so what is the span's is copied.
        let (mut few, mut many) = ([const { None }; OWN], Vec::new());
        let attributes = derivation.attributes();
        let own = if attributes.len() > OWN {
            many.resize(attributes.len(), None);
            &mut many[..]
        } else {
            &mut few[..]
        };
        for (slot, field) in own.iter_mut().zip(attributes) {
            if find(entries, field.key()).is_none() {
                *slot = self.value(field.key());
            }
        }
        let value = |at: usize| {
            own[at]
                .as_ref()
                .or_else(|| find(entries, attributes[at].key()))
        };
        derivation.measure(self.binding.as_ref(), value, amount);
    }

    /// What derives from the span itself, at its end.
    fn measure_end(&self, end: &End) {
        let Some(metrics) = &Facts::of(self.definition).metrics else {
            return;
        };
        if !self.is_measured() {
            return;
        }
        let entry = |place: usize| end.entries.get(self.definition.fields, place);
        let is_alike = self
            .inherited
            .as_ref()
            .is_none_or(|it| it.is_of(self.definition.scope));
        // Most attributes of metrics are nothing that could be inherited.
        let above = if metrics.inherits || !is_alike {
            let now = || self.inherited.as_ref().map(Inherited::snapshot);
            end.inherited.clone().or_else(now)
        } else {
            None
        };
        let attributes = metrics.derivation.attributes();
        let value = |at: usize| {
            let field = attributes[at];
            let own = match metrics.places[at] {
                Some(place) => entry(place),
                None => find(end.entries(), field.key()),
            };
            own.or_else(|| {
                let above = above.as_ref()?;
                (field.attribute.inherited || !is_alike)
                    .then(|| find(above.entries(), field.key()))?
            })
        };
        let amount = |nth: usize| match self.definition.metrics[nth].value {
            Measured::Duration => Some(Amount::Double(end.duration.as_secs_f64())),
            Measured::Count => Some(Amount::Int(1)),
            Measured::Attribute(_) => Amount::of(entry(metrics.measured[nth]?)?),
        };
        let own = self.binding.as_ref();
        metrics.derivation.measure(own, value, amount);
    }

    fn inherited_value(&self, key: &str) -> Option<Value> {
        self.inherited.as_ref()?.get(key)
    }

    /// Content that foreign code set passes the gate. What the typed API says of it comes first.
    fn admit_foreign(&self) {
        let (foreign, keyed) = match &mut self.data().rare {
            Some(rare) => {
                let keyed = rare.keyed.as_mut();
                let keyed = keyed.map(|it| std::mem::take(&mut it.foreign));
                (
                    std::mem::take(&mut rare.foreign_content),
                    keyed.unwrap_or_default(),
                )
            }
            None => return,
        };
        let gate = start::gate(self.definition, self.binding.as_deref());
        for (key, value) in foreign {
            // No lock is held: it may ask foreign code.
            let Some(value) = gate.admit(key, value) else {
                continue;
            };
            let mut data = self.data();
            let said =
                find(data.entries.as_slice(), key).or_else(|| find(&data.rare().content, key));
            if said.is_none()
                && let Some(place) = self.definition.place(key)
            {
                self.keep_content(&mut data, place, &value, gate.capture());
            }
        }
        for keyed in keyed {
            // As above.
            let Some(value) = gate.admit(keyed.key.as_str(), keyed.value.clone()) else {
                continue;
            };
            let mut data = self.data();
            let said = data
                .rare()
                .keyed
                .as_ref()
                .is_some_and(|all| all.has(&keyed.key));
            if let Some(field) = self.definition.field(keyed.prefix).filter(|_| !said) {
                let keyed = Keyed { value, ..keyed };
                self.keep_keyed(&mut data, field, &keyed, gate.capture());
            }
        }
    }

    /// How long the span was open. The wall clock counts only where a time was given: it jumps.
    pub(crate) fn duration(&self, end_time: Option<SystemTime>) -> Duration {
        let now = SystemTime::now;
        let elapsed = || self.started.map_or(Duration::ZERO, |it| it.elapsed());
        let (start, end) = match (self.start_time, end_time) {
            (None, None) => return elapsed(),
            (None, Some(end)) => (now().checked_sub(elapsed()), end),
            (start, end) => (start, end.unwrap_or_else(now)),
        };
        start
            .and_then(|start| end.duration_since(start).ok())
            .unwrap_or_default()
    }

    /// Its place among the open spans.
    pub(crate) fn placed(&self, place: open::Place) {
        self.data().place = Some(place);
    }

    /// Ends the span, once.
    #[cold]
    #[inline(never)]
    pub(crate) fn end(self: &Arc<Self>, end_time: Option<SystemTime>) {
        let end_time = end_time.or_else(told::time);
        let unwinding = std::thread::panicking() && !self.was_panicking;
        // It is large, and stays where it is.
        let mut end = self.conclude(end_time, |data| self.how(data, unwinding));
        if let Some(end) = &mut end {
            self.send_at_end(end, end_time);
            if opt_in::is_any() {
                self.rename(end);
            }
            self.show(end);
            self.close(end, end_time);
            // Not where the process ends: it may have to wait for a writer.
            if self.depth == 0
                && let Some(live) = self.live()
                && live.around.listeners.see_events
            {
                ended::tell_measured(live);
            }
        }
        tracer::let_go();
    }

    /// Ends the span because the process ends. What is left to do is to show it.
    pub(crate) fn terminate(self: &Arc<Self>, error_type: &'static str) -> Option<End> {
        let mut end = self.conclude(None, |data| {
            // An error that was seen says more.
            if !matches!(data.seen, Some(Seen::Failure(_))) {
                let failure = Failure::of_type(Text::from_static(error_type));
                data.seen = Some(Seen::Failure(failure));
            }
            self.how(data, false)
        })?;
        self.send_at_end(&end, None);
        if opt_in::is_any() {
            self.rename(&mut end);
        }
        self.close(&mut end.clone(), None);
        Some(end)
    }

    #[inline]
    fn conclude(
        &self,
        end_time: Option<SystemTime>,
        how: impl FnOnce(&mut Data) -> Status,
    ) -> Option<End> {
        if self.foreign {
            return None;
        }
        let duration = if self.started.is_some() {
            self.duration(end_time)
        } else {
            Duration::ZERO
        };
        let event = self.definition.at_end.filter(|_| {
            let gate = start::gate(self.definition, self.binding.as_deref());
            gate.capture().in_events()
        });
        let mut data = self.data();
        if data.rare().has_foreign() {
            drop(data);
            self.admit_foreign();
            data = self.data();
        }
        if std::mem::replace(&mut data.ended, true) {
            return None;
        }
        if let Some(place) = data.place.take() {
            open::remove(place);
        }
        Some(End {
            status: how(&mut data),
            entries: std::mem::replace(&mut data.entries, Entries::none()),
            sent: data.sent,
            shown: data.shown,
            rare: data.rare.take(),
            has_inheritable: data.has_inheritable,
            inherited: data.inherited.take(),
            event: event.filter(|_| !data.told),
            renamed: None,
            duration,
        })
    }

    /// Shows the end to log layers.
    pub(crate) fn show(&self, end: &End) {
        let Some(live) = self.live().filter(|live| live.around.is_wanted) else {
            return;
        };
        if live.around.listeners.see_fields
            && let Some(span) = live.span()
        {
            let changed = &end.rare().changed;
            let more = end.entries().len() - end.shown + changed.len();
            let changed = changed.iter().map(|place| &end.entries()[*place]);
            let fields = end.entries()[end.shown..].iter().chain(changed);
            let names = end.renamed.as_ref().and_then(|_| self.names(end.rare()));
            if let Some(names) = names {
                let fields: Vec<Entry> = fields.cloned().collect();
                let fields = names.rename(&fields);
                self.show_fields(span, fields.len(), fields.iter());
            } else {
                self.show_fields(span, more, fields);
            }
            if let Some(keyed) = &end.rare().keyed {
                let fields = keyed.changed_fields();
                self.show_fields(span, fields.len(), fields.iter());
            }
        }
        if live.around.listeners.hear_ends {
            ended::tell(&EndedSpan { state: self, end }, live);
        }
    }

    /// What has other names on this span, which is starting, if anything.
    #[inline]
    pub(super) fn names_at_start(&self) -> Option<SpanNames<'static>> {
        if opt_in::is_any() {
            self.names(Rare::NONE)
        } else {
            None
        }
    }

    /// What has other names on this span, if anything.
    #[cold]
    #[inline(never)]
    fn names<'a>(&self, rare: &'a Rare) -> Option<SpanNames<'a>> {
        let inherited = self.inherited.as_ref().map(Inherited::snapshot);
        let fields = self.definition.fields;
        let any = fields.iter().any(|it| it.opt_in_key().is_some())
            || !rare.renamed.is_empty()
            || inherited.as_ref().is_some_and(|it| it.has_renamed());
        let opt_in = any.then(|| opt_in::of(self.binding.as_deref()))?;
        (!opt_in.is_empty()).then_some(SpanNames {
            fields,
            events: &rare.renamed,
            inherited,
            opt_in,
        })
    }

    /// Works out what the span has under other names, where somebody has opted in to something.
    #[cold]
    #[inline(never)]
    fn rename(&self, end: &mut End) {
        let Some(names) = self.names(end.rare()) else {
            return;
        };
        let inherited: Vec<Entry> = end.inherited().cloned().collect();
        let renamed = Renamed {
            sent: names.rename(&end.entries()[..end.sent]).len(),
            entries: names.rename(end.entries()),
            inherited: names.rename(&inherited),
        };
        if let Some(rare) = &mut end.rare {
            // What the typed API says comes first.
            let is_said = |key: &str| find(&renamed.entries, key).is_some();
            rare.undeclared.retain(|it| !is_said(it.key.as_str()));
        }
        end.renamed = Some(Box::new(renamed));
    }

    /// Sets attributes on the foreign span that it stands for.
    #[cold]
    fn set_on_foreign(&self, entries: &[Entry], others: impl Iterator<Item = KeyValue>) {
        let all = entries.iter().map(key_value).chain(others);
        let all: Vec<_> = all.collect();
        tracer::while_sending(|| self.above().span().set_attributes(all));
    }

    /// Shows attributes that were set since the span started.
    fn show_fields<'a>(
        &self,
        span: &tracing::Span,
        most: usize,
        fields: impl Iterator<Item = &'a Entry>,
    ) {
        if most == 0 {
            return;
        }
        with_values(&self.definition.site, most, fields, |_, values| {
            span.with_subscriber(|(id, dispatch)| {
                tracer::while_passing(self.definition.metadata(), || {
                    dispatch.record(id, &tracing::span::Record::new(values));
                });
            });
        });
    }

    /// Measures, and ends the SDK's span.
    fn close(&self, end: &mut End, end_time: Option<SystemTime>) {
        self.measure_end(end);
        // No lock is held: processors and exporters may log, in this very span.
        let mut sdk = self.data().sdk.take();
        if let Some(span) = &mut sdk {
            // Nobody would read it otherwise.
            if span.is_recording() {
                self.definition.facts.had(end.set_on(span));
                if end.status != Status::Unset {
                    span.set_status(end.status.clone());
                }
            }
            let ids = span.span_context();
            let ids = (ids.trace_id(), ids.span_id());
            tracer::while_closing(ids, || match end_time {
                Some(time) => span.end_with_timestamp(time),
                None => span.end(),
            });
        }
    }
}

impl Drop for SpanState {
    fn drop(&mut self) {
        self.close_traced();
        // One after the other: a chain of parents may be longer than the stack is deep.
        let mut next = self.let_go_of_parent();
        while let Some(mut parent) = next.and_then(Arc::into_inner) {
            parent.close_traced();
            next = parent.let_go_of_parent();
        }
    }
}

impl SpanState {
    fn let_go_of_parent(&mut self) -> Option<Arc<Self>> {
        match std::mem::replace(&mut self.link, ParentLink::Root) {
            ParentLink::Typed(parent) => Some(parent),
            _ => None,
        }
    }

    /// Lets go of the `tracing` span.
    fn close_traced(&mut self) {
        let Some(live) = self.live.get_mut() else {
            return;
        };
        let Some(span) = live.span.take() else { return };
        // What the layer would find on it, foreign code has put there.
        let plain = if self.exposed.is() { None } else { span.id() };
        let (was_entered, dispatch) = (*self.noted.get_mut(), &live.around.dispatch);
        let close = || match plain {
            Some(id) => {
                if tracer::let_go_of(span, &id) && was_entered {
                    // Whoever has it may look for its context, and nobody will be there to show that.
                    exposed::show_kept(&id, dispatch);
                }
            }
            None => drop(span),
        };
        // The registry closes the spans above with the dispatcher of this thread, which may be another
        // one: it knows no such spans, and would panic.
        tracer::with_dispatch(dispatch, close);
    }
}

/// How a span ended, and with what.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) status: Status,
    pub(super) entries: Entries,
    /// Of the entries, what OpenTelemetry has already: the first so many.
    sent: usize,
    /// What `tracing` has already as fields: the first so many, but for those changed since.
    shown: usize,
    rare: Option<Box<Rare>>,
    has_inheritable: bool,
    inherited: Option<Arc<Snapshot>>,
    /// The event at the end, unless it was sent, or content goes into none.
    event: Option<&'static EventDefinition>,
    /// What leaves, where that has other names.
    renamed: Option<Box<Renamed>>,
    /// How long it was open, if somebody looks at that.
    pub(crate) duration: Duration,
}

/// What has other names on a span.
pub(super) struct SpanNames<'a> {
    fields: &'static [Field],
    /// Those of what events left on it.
    events: &'a [&'static Field],
    inherited: Option<Arc<Snapshot>>,
    opt_in: Arc<StabilityOptIn>,
}

impl SpanNames<'_> {
    pub(super) fn rename(&self, entries: &[Entry]) -> Vec<Entry> {
        let key = |key: &str| {
            let mut fields = self.fields.iter().chain(self.events.iter().copied());
            match fields.find(|it| same(it.key(), key)) {
                Some(field) => field.opt_in_key(),
                None => self.inherited.as_ref()?.opt_in_key(key),
            }
        };
        opt_in::renamed(entries.iter().cloned(), key, &self.opt_in)
    }
}

/// What a span has, under the names that it leaves by.
#[derive(Clone, Debug)]
struct Renamed {
    entries: Vec<Entry>,
    /// What OpenTelemetry has already: the first so many.
    sent: usize,
    inherited: Vec<Entry>,
}

impl End {
    #[inline]
    fn rare(&self) -> &Rare {
        self.rare.as_deref().unwrap_or(Rare::NONE)
    }

    /// Its attributes whose keys were made at run time.
    pub(crate) fn keyed(&self) -> &[Keyed] {
        let keyed = self.rare().keyed.as_ref();
        keyed.map_or(&[], |it| &it.entries)
    }

    /// What the span has itself, in the order in which it was set.
    pub(crate) fn entries(&self) -> &[Entry] {
        self.entries.as_slice()
    }

    /// The same, under the names that it leaves by.
    pub(crate) fn leaving(&self) -> &[Entry] {
        match &self.renamed {
            Some(renamed) => &renamed.entries,
            None => self.entries(),
        }
    }

    /// What it inherits, under the names that it leaves by.
    pub(crate) fn leaving_inherited(&self) -> impl Iterator<Item = &Entry> {
        let renamed = self.renamed.as_ref().map(|it| it.inherited.iter());
        let former = self.renamed.is_none().then(|| self.inherited());
        renamed
            .into_iter()
            .flatten()
            .chain(former.into_iter().flatten())
    }

    /// What foreign code set under keys that its contract does not have.
    pub(crate) fn undeclared(&self) -> &[KeyValue] {
        &self.rare().undeclared
    }

    /// What it inherits, if it has none of that itself.
    pub(crate) fn inherited_whole(&self) -> Option<&Snapshot> {
        let has_none =
            !self.has_inheritable && self.rare().undeclared.is_empty() && self.renamed.is_none();
        self.inherited.as_deref().filter(|_| has_none)
    }

    /// What it inherits and has not got itself.
    pub(crate) fn inherited(&self) -> impl Iterator<Item = &Entry> {
        let inherited = self.inherited.as_deref();
        let inherited = inherited.map_or(&[][..], Snapshot::entries).iter();
        inherited.filter(|(key, _)| {
            let is_own = || find(self.entries(), key).is_some();
            let is_other = |other: &KeyValue| other.key.as_str() == *key;
            !(self.has_inheritable && is_own() || self.rare().undeclared.iter().any(is_other))
        })
    }

    /// Hands all of it to the SDK's span, and says how much it was.
    #[inline]
    fn set_on(&mut self, span: &mut Span) -> usize {
        if let Some(renamed) = self.renamed.take() {
            return self.set_renamed_on(*renamed, span);
        }
        let mut count = self.entries().len();
        match &self.inherited {
            // Nothing of its own can be among them.
            Some(inherited) if !self.has_inheritable && self.rare.is_none() => {
                count += inherited.attributes().len();
                for attribute in inherited.attributes() {
                    span.set_attribute(attribute.clone());
                }
            }
            _ => {
                for entry in self.inherited() {
                    span.set_attribute(key_value(entry));
                    count += 1;
                }
            }
        }
        for (key, value) in self.entries.drain(self.sent) {
            span.set_attribute(KeyValue::new(key, value));
        }
        count + self.set_rare_on(span)
    }

    #[inline]
    fn set_rare_on(&mut self, span: &mut Span) -> usize {
        let Some(rare) = &mut self.rare else { return 0 };
        let mut count = rare.undeclared.len();
        if let Some(keyed) = rare.keyed.take() {
            count += keyed.entries.len();
            let rest = keyed.entries.into_iter().skip(keyed.sent);
            span.set_attributes(rest.map(KeyValue::from));
        }
        span.set_attributes(rare.undeclared.drain(..));
        count
    }

    /// The same under other names.
    #[cold]
    fn set_renamed_on(&mut self, renamed: Renamed, span: &mut Span) -> usize {
        let count = renamed.entries.len() + renamed.inherited.len();
        let rest = renamed.entries.into_iter().skip(renamed.sent);
        let all = renamed.inherited.into_iter().chain(rest);
        span.set_attributes(all.map(|(key, value)| KeyValue::new(key, value)));
        count + self.set_rare_on(span)
    }
}

impl SpanState {
    #[inline]
    pub(crate) fn data(&self) -> MutexGuard<'_, Data> {
        lock(&self.data)
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.data().ended
    }

    pub(crate) fn with_sdk<R>(&self, f: impl FnOnce(&mut Span) -> R) -> Option<R> {
        self.data().sdk.as_mut().map(f)
    }

    pub(crate) fn is_recording(&self) -> bool {
        self.with_sdk(|span| span.is_recording()).unwrap_or(false)
    }

    /// The value of an attribute, its own or inherited.
    pub(crate) fn value(&self, key: &str) -> Option<Value> {
        let own = find(self.data().entries.as_slice(), key).cloned();
        own.or_else(|| self.inherited_value(key))
    }

    /// What foreign code sets through OpenTelemetry or `tracing` joins what the typed API sets.
    pub(crate) fn set_foreign(&self, attribute: KeyValue) {
        let mut data = self.data();
        if data.ended {
            return;
        }
        let key = attribute.key.as_str();
        if key == error::TYPE {
            // Whoever sets it means that the work failed. What the typed API says comes first.
            let error_type = attribute.value.as_str().into_owned();
            let failure = Failure::of_type(error_type.into());
            data.failure.get_or_insert(failure);
        } else if let Some(place) = place(self.definition.fields, key) {
            let field = &self.definition.fields[place];
            if let Some(value) = Value::of(field.attribute.value_type, attribute.value)
                && field.takes(&value)
            {
                if field.attribute.sensitive {
                    let content = &mut data.rare_mut().foreign_content;
                    content.retain(|(other, _)| *other != field.key());
                    content.push((field.key(), value));
                } else {
                    self.put(&mut data, place, value);
                }
            }
        } else if let Some(field) = keyed::field_of(self.definition.fields, key) {
            self.set_foreign_keyed(&mut data, field, attribute);
        } else if find(data.entries.as_slice(), key).is_some() {
            // An event said so, or the root span above. What the typed API says comes first.
        } else if !gate::withholds(key, Place::Span) {
            let undeclared = &mut data.rare_mut().undeclared;
            match undeclared
                .iter_mut()
                .find(|other| other.key == attribute.key)
            {
                Some(other) => other.value = attribute.value,
                None => undeclared.push(attribute),
            }
        }
    }

    fn set_foreign_keyed(&self, data: &mut Data, field: &'static Field, attribute: KeyValue) {
        let Some(value) = field
            .attribute
            .template
            .and_then(|value_type| Value::of(value_type, attribute.value))
        else {
            return;
        };
        let keyed = Keyed {
            prefix: field.key(),
            key: attribute.key.as_str().into(),
            value,
        };
        if field.attribute.sensitive {
            keyed::put(&mut data.keyed_mut().foreign, keyed);
        } else {
            self.keep_keyed(data, field, &keyed, CaptureContent::NoContent);
        }
    }

    /// Keeps an attribute whose key was made at run time.
    fn keep_keyed(&self, data: &mut Data, field: &Field, keyed: &Keyed, capture: CaptureContent) {
        let tells_at_end = self.definition.at_end.is_some();
        data.keyed_mut().keep(field, keyed, capture, tells_at_end);
    }

    /// What foreign code says of how the span ended.
    pub(crate) fn set_status(&self, status: Status) {
        let mut data = self.data();
        match status {
            Status::Unset => {}
            Status::Ok => data.ok = true,
            Status::Error { description } => {
                data.failure
                    .get_or_insert_with(|| Failure::described(description));
            }
        }
    }

    /// Sets the attribute of that place among the fields.
    #[inline]
    fn put(&self, data: &mut Data, place: usize, value: Value) {
        let fields = self.definition.fields;
        let field = &fields[place];
        let at = data.entries.position(fields, place);
        // What samplers saw has left: it can't be taken back.
        if at.is_some_and(|at| at < data.sent) {
            return;
        }
        if field.attribute.inherited {
            data.has_inheritable = true;
            if self.definition.root
                && let Some(inherited) = &self.inherited
            {
                inherited.set(field, value.clone(), self.binding.as_deref());
            }
        }
        if let Some(outcome) = &self.definition.outcome
            && outcome::is_success(outcome, field.key(), &value)
        {
            data.failure = None;
        }
        match at {
            Some(at) => {
                data.entries.value_mut(at).merge(value, field.aggregate);
                if at < data.shown && !data.rare().changed.contains(&at) {
                    data.rare_mut().changed.push(at);
                }
            }
            None => data.entries.push(fields, place, value),
        }
    }

    /// Keeps what passed the gate: on the span, or for the event at the end.
    fn keep_content(&self, data: &mut Data, place: usize, value: &Value, capture: CaptureContent) {
        let field = &self.definition.fields[place];
        if capture.on_spans() {
            self.put(data, place, value.clone());
        } else if capture.in_events() && self.definition.at_end.is_some() {
            let content = &mut data.rare_mut().content;
            match content.iter_mut().find(|(key, _)| *key == field.key()) {
                Some((_, kept)) => kept.merge(value.clone(), field.aggregate),
                None => content.push((field.key(), value.clone())),
            }
        }
    }

    /// How the span ended, with all that follows from it.
    #[inline]
    fn how(&self, data: &mut Data, unwinding: bool) -> Status {
        let fields = self.definition.fields;
        let facts = Facts::of(self.definition);
        let recorded = |data: &Data| {
            let value = data.entries.get(fields, facts.outcome?)?;
            outcome::recorded(self.definition.outcome.as_ref()?, value)
        };
        let recorded = recorded(data);
        let failure = outcome::failure(self.definition, data, recorded, unwinding);
        if let (Some(outcome), Some(place), None) =
            (&self.definition.outcome, facts.outcome, recorded)
        {
            let member = outcome::inferred_member(outcome, failure.as_ref());
            data.entries.set(fields, place, Value::from(member));
        }
        match failure {
            Some(failure) => {
                let status = failure.status();
                let error_type = Value::Text(failure.error_type);
                match facts.error {
                    Some(place) => data.entries.set(fields, place, error_type),
                    // An event may have said so too.
                    None => data.entries.set_undeclared(error::TYPE, error_type),
                }
                status
            }
            None if data.ok => Status::Ok,
            None => Status::Unset,
        }
    }
}

/// What becomes of the values of a batch once the span has them.
#[derive(Clone, Copy)]
enum Then {
    /// They are measured, or sent as an event.
    Needed,
    Gone,
}

/// What an event says beside its attributes.
struct Told {
    /// Those whose keys were made at run time.
    keyed: Vec<Keyed>,
    body: Option<AnyValue>,
    /// When it happened, if not now.
    time: Option<SystemTime>,
}

/// What is set below the keys of `fields`.
fn attributes_below<'a>(
    fields: &'a [Field],
    batch: Option<&'a Batch>,
    with_content: bool,
) -> impl Iterator<Item = KeyValue> + 'a {
    let declared = batch.into_iter().flat_map(|it| it.declared(fields));
    let declared = declared.filter(move |(field, _)| with_content || !field.attribute.sensitive);
    declared.map(|(_, keyed)| KeyValue::from(keyed.clone()))
}

impl Data {
    /// What the span starts with: attributes whose keys are made at run time.
    pub(super) fn start_with_keyed(&mut self, keyed: Batch) {
        let all = &mut self.rare_mut().starts_with;
        let all = Arc::make_mut(all.get_or_insert_default());
        for one in keyed.entries {
            keyed::put(&mut all.entries, one);
        }
        for one in keyed.content {
            keyed::put(&mut all.content, one);
        }
    }

    pub(super) fn starts_with_keyed(&self) -> bool {
        self.rare().starts_with.is_some()
    }

    /// The span starts: what of them its contract has is settled, what samplers see first.
    pub(super) fn settle_keyed(&mut self, definition: &SpanDefinition, capture: CaptureContent) {
        if let Some(rare) = &mut self.rare
            && let Some(batch) = rare.starts_with.take()
        {
            let keyed = OnSpan::starting(&batch, definition.fields, capture);
            rare.keyed = Some(Box::new(keyed));
        }
    }

    fn keyed_mut(&mut self) -> &mut OnSpan {
        self.rare_mut().keyed.get_or_insert_default()
    }

    /// What samplers see of them.
    pub(crate) fn keyed_for_samplers(&self) -> impl Iterator<Item = KeyValue> + '_ {
        let keyed = self.rare().keyed.iter();
        let sampled = keyed.flat_map(|it| &it.entries[..it.sent]);
        sampled.cloned().map(KeyValue::from)
    }

    /// Those that the span starts with, for `tracing`.
    pub(super) fn keyed_fields(&self) -> Vec<Entry> {
        let keyed = self.rare().keyed.as_ref();
        keyed.map_or_else(Vec::new, |it| keyed::as_fields(&it.entries))
    }

    /// What the span starts with: one attribute of its contract, no content.
    #[inline]
    pub(super) fn start_with(
        &mut self,
        definition: &SpanDefinition,
        key: &'static str,
        value: Value,
    ) {
        let Some(place) = definition.place(key) else {
            return;
        };
        let field = &definition.fields[place];
        if !field.attribute.sensitive && field.takes(&value) {
            self.has_inheritable |= field.attribute.inherited;
            self.entries.set(definition.fields, place, value);
        }
    }

    /// One of the attributes is gone, and those behind it have moved up.
    fn shifted(&mut self, gone: usize) {
        if gone >= self.shown {
            return;
        }
        self.shown -= 1;
        if let Some(rare) = &mut self.rare {
            rare.changed.retain(|at| *at != gone);
            for at in rare.changed.iter_mut().filter(|at| **at > gone) {
                *at -= 1;
            }
        }
    }

    /// What the span inherits. If that is of another registry, the span may have a value of its own of
    /// some of it.
    pub(super) fn inherit(&mut self, inherited: Arc<Snapshot>, is_alike: bool) {
        self.has_inheritable |= !is_alike;
        self.inherited = Some(inherited);
    }

    /// An attribute that only what was recorded declares.
    fn put_undeclared(&mut self, field: &'static Field, value: Value) {
        self.has_inheritable = true;
        if field.opt_in_key().is_some() {
            let renamed = &mut self.rare_mut().renamed;
            if !renamed.iter().any(|it| it.key() == field.key()) {
                renamed.push(field);
            }
        }
        if let Some(rare) = &mut self.rare {
            rare.undeclared.retain(|it| it.key.as_str() != field.key());
        }
        let entries = self.entries.as_slice();
        match entries.iter().position(|(key, _)| same(key, field.key())) {
            Some(at) => self.entries.value_mut(at).merge(value, field.aggregate),
            None => self.entries.push_undeclared(field.key(), value),
        }
    }

    /// What the runtime says of it, or what it inherits.
    pub(super) fn add(&mut self, definition: &SpanDefinition, key: &'static str, value: Value) {
        match definition.place(key) {
            Some(place) => self.entries.set(definition.fields, place, value),
            None => self.entries.push_undeclared(key, value),
        }
    }

    /// What the span starts with: content that passed the gate.
    pub(super) fn start_with_content(
        &mut self,
        definition: &SpanDefinition,
        key: &'static str,
        value: Value,
        capture: CaptureContent,
    ) {
        let Some(place) = definition.place(key) else {
            return;
        };
        if !definition.fields[place].takes(&value) {
            return;
        }
        if capture.on_spans() {
            self.entries.set(definition.fields, place, value);
        } else {
            let content = &mut self.rare_mut().content;
            content.retain(|(other, _)| *other != key);
            content.push((key, value));
        }
    }
}

#[inline]
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SpanDefinition {
    pub(crate) fn metadata(&'static self) -> &'static tracing::Metadata<'static> {
        self.site.metadata(self.label, Kind::SPAN, || {
            let keys = self.fields.iter().map(Field::key);
            keys.chain(opt_in::latest_keys(self.fields)).collect()
        })
    }

    /// Whether everybody wants every span of that definition, so that nobody need be asked.
    pub(crate) fn is_always_enabled(&'static self) -> bool {
        self.metadata();
        LEVEL <= tracing::level_filters::LevelFilter::current() && self.site.is_always_enabled()
    }

    pub(crate) fn enabled(&'static self, dispatch: &Dispatch) -> bool {
        LEVEL <= tracing::level_filters::LevelFilter::current()
            && self.site.enabled(self.metadata(), dispatch)
    }
}

impl std::fmt::Debug for SpanState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Span")
            .field("type", &self.definition.span_type)
            .field("open", &self.is_open())
            .finish_non_exhaustive()
    }
}
