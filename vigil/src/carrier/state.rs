//! A span while it is open, and its end.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use opentelemetry::trace::{Span as _, SpanId, Status, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::Span;
use tracing::Dispatch;
use tracing::metadata::Kind;

use super::any::AnyValue;
use super::attributes::{Attributes, Entry, find, key_value};
use super::bridge::{self, LogBridge, Telling};
use super::callsite::LEVEL;
use super::definition::{
    Derived, EventDefinition, Field, Measured, RecordDefinition, SpanDefinition,
};
use super::ended::{self, EndedSpan};
use super::fields::with_values;
use super::gate::{self, Gate, Place};
use super::inherited::Inherited;
use super::instruments::Binding;
use super::keyed::{self, Batch, Keyed, OnSpan};
use super::open;
use super::outcome::{self, Failure, Seen};
use super::start;
use super::stream::Chunks;
use super::told;
use super::tracer::{self, BODY, MESSAGE};
use super::value::{Text, Value};
use crate::config::CaptureContent;
use crate::generated::semconv::error;

/// A span: shared by its handle, its scopes and the parents of its children.
pub(crate) struct SpanState {
    core: Arc<Core>,
    /// The instruments of the test scope that it was started in.
    pub(crate) binding: Option<Arc<Binding>>,
    /// How many typed spans it stands under.
    pub(crate) depth: usize,
    started: Instant,
    /// It is told after the fact, so nothing is measured.
    pub(super) told: bool,
    /// Unwinding had begun before it started, so it says nothing of this span's work.
    was_panicking: bool,
    pub(crate) chunks: Chunks,
    live: OnceLock<Live>,
    /// What the layer made of it, until the start is through.
    built: Mutex<Option<Context>>,
    /// Where it stands among the open spans, if those are kept.
    place: OnceLock<open::Place>,
}

/// What of a span OpenTelemetry's context reaches as well.
///
/// It must not own the `tracing` span: the context is locked while it is used, and the end of the
/// `tracing` span comes back to it.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) definition: &'static SpanDefinition,
    pub(crate) inherited: Option<Inherited>,
    pub(crate) start_time: Option<SystemTime>,
    /// It stands for a foreign span that a caller stepped in from: nothing here ends it.
    pub(crate) foreign: bool,
    /// The name that it was given, where the registry has none.
    pub(crate) name: Option<Text>,
    /// The SDK's span, if a layer of Vigil's asked for one, until the end.
    sdk: Mutex<Option<Span>>,
    data: Mutex<Data>,
}

/// The span as others know it; where nobody wanted it, what it would have stood under.
pub(crate) struct Live {
    /// For `tracing`.
    pub(crate) span: tracing::Span,
    /// For OpenTelemetry.
    pub(crate) context: Context,
    /// The context is the span's own.
    pub(crate) is_own: bool,
    /// What it stands under, for OpenTelemetry.
    pub(crate) parent: Option<SpanId>,
    /// Layers other than Vigil's see its attributes as fields.
    pub(crate) has_fields: bool,
}

impl Live {
    /// The span that `tracing` made, if it wanted one of that definition.
    pub(crate) fn traced(&self, definition: &'static SpanDefinition) -> Option<&tracing::Span> {
        let metadata = self.span.metadata()?;
        std::ptr::eq(metadata, definition.metadata()).then_some(&self.span)
    }
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live")
            .field("span", &self.span)
            .field("is_own", &self.is_own)
            .finish_non_exhaustive()
    }
}

/// What was recorded so far.
#[derive(Debug, Default)]
pub(crate) struct Data {
    pub(crate) entries: Vec<Entry>,
    /// Attributes that OpenTelemetry has already, as samplers needed them: the first so many.
    sent: usize,
    /// Attributes that `tracing` has already, as fields: the first so many, but for those changed
    /// since.
    shown: usize,
    changed: Vec<usize>,
    /// Content that goes into the event at the end, and nowhere else.
    pub(crate) content: Vec<Entry>,
    /// Content as foreign code set it. It passes the gate at the end: that may ask foreign code, and
    /// here locks may be held.
    foreign_content: Vec<Entry>,
    /// The event at the end was sent by hand.
    told: bool,
    /// Attributes of nobody's contract, set through OpenTelemetry by foreign code.
    undeclared: Vec<KeyValue>,
    /// Attributes whose keys were made at run time, if there are such.
    keyed: Option<Box<OnSpan>>,
    /// Inherited attributes as they were when the span started.
    inherited: Option<Arc<Vec<Entry>>>,
    /// How it ended, as recorded.
    pub(crate) failure: Option<Failure>,
    /// How it ended, as its scopes saw it.
    pub(crate) seen: Option<Seen>,
    /// Foreign code says that all went well.
    ok: bool,
    ended: bool,
}

pub(crate) struct NewState {
    pub(crate) definition: &'static SpanDefinition,
    pub(crate) depth: usize,
    pub(crate) binding: Option<Arc<Binding>>,
    pub(crate) inherited: Option<Inherited>,
    pub(crate) foreign: bool,
    pub(crate) name: Option<Text>,
    pub(crate) start_time: Option<SystemTime>,
}

impl std::ops::Deref for SpanState {
    type Target = Core;

    fn deref(&self) -> &Core {
        &self.core
    }
}

impl SpanState {
    pub(crate) fn new(new: NewState) -> Self {
        Self {
            core: Arc::new(Core {
                definition: new.definition,
                inherited: new.inherited,
                start_time: new.start_time,
                foreign: new.foreign,
                name: new.name,
                sdk: Mutex::default(),
                data: Mutex::default(),
            }),
            binding: new.binding,
            depth: new.depth,
            started: Instant::now(),
            told: told::time().is_some(),
            was_panicking: std::thread::panicking(),
            chunks: Chunks::default(),
            live: OnceLock::new(),
            built: Mutex::default(),
            place: OnceLock::new(),
        }
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// The layer has made the span: this is its context.
    pub(crate) fn built(&self, context: Context) {
        *lock(&self.built) = Some(context);
    }

    pub(crate) fn take_built(&self) -> Option<Context> {
        lock(&self.built).take()
    }

    /// The span is open: as `live` for others, with these attributes, the first `sent` of which
    /// OpenTelemetry has.
    pub(crate) fn begin(&self, live: Live, mut entries: Vec<Entry>, sent: usize) {
        // Set once, by whoever started the span.
        let _ = self.live.set(live);
        let inherited = self.inherited.as_ref().filter(|_| !self.definition.root);
        let mut data = self.data();
        data.inherited = inherited.map(Inherited::snapshot);
        data.sent = sent;
        data.shown = entries.len();
        // A foreign layer may have recorded something by now.
        if !data.entries.is_empty() {
            entries.append(&mut data.entries);
        }
        data.entries = entries;
    }

    /// What the span starts with beside its attributes: content for the event at its end, and what
    /// has keys that were made at run time.
    pub(crate) fn start_with(&self, content: Vec<Entry>, keyed: Option<Box<OnSpan>>) {
        let mut data = self.data();
        data.content = content;
        data.keyed = keyed;
    }

    /// The span as others know it; none while it is being started.
    pub(crate) fn live(&self) -> Option<&Live> {
        self.live.get()
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
    pub(crate) fn set(&self, attributes: &Attributes) {
        self.merge(self.definition.fields, attributes);
    }

    // What handles call once somebody listens. It is kept out of the callers' code, so that there is
    // little of it where nobody does.

    #[cold]
    #[inline(never)]
    pub(crate) fn set_with(&self, write: impl FnOnce(&mut Attributes)) {
        let mut attributes = self.attributes();
        write(&mut attributes);
        self.set(&attributes);
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn record_with(
        &self,
        record: &'static RecordDefinition,
        write: impl FnOnce(&mut Attributes),
    ) {
        let mut attributes = self.attributes_with(true, record.event.is_some());
        write(&mut attributes);
        self.record(record, &attributes);
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn emit_with(
        &self,
        event: &'static EventDefinition,
        write: impl FnOnce(&mut Attributes),
        body: Option<AnyValue>,
    ) {
        let mut attributes = self.attributes_with(event.keep_last, true);
        write(&mut attributes);
        self.emit(event, &attributes, body);
    }

    /// Sets one attribute of the span's own contract, no content.
    pub(crate) fn set_plain(&self, key: &'static str, value: &Value) {
        let Some(field) = self.definition.field(key) else {
            return;
        };
        if field.attribute.sensitive || !field.takes(value) {
            return;
        }
        if self.foreign {
            // As in `merge`.
            if let Some(live) = self.live() {
                let attribute = KeyValue::new(field.key(), value.clone());
                tracer::while_sending(|| live.context.span().set_attribute(attribute));
            }
            return;
        }
        let mut data = self.data();
        if !data.ended {
            self.core.put(&mut data, field, value);
        }
    }

    pub(crate) fn record(&self, record: &'static RecordDefinition, attributes: &Attributes) {
        if self.merge(record.fields, attributes) {
            if !record.metrics.is_empty() {
                self.measure(record.metrics, attributes.entries(), self.duration(None));
            }
            if let Some(event) = record.event {
                self.send(event, attributes, None);
            }
        }
    }

    fn emit(
        &self,
        event: &'static EventDefinition,
        attributes: &Attributes,
        body: Option<AnyValue>,
    ) {
        let kept = if event.keep_last { event.fields } else { &[] };
        if self.merge(kept, attributes) {
            self.send(event, attributes, body);
        }
    }

    /// Puts what `fields` declare to the rest, as the registry says; the others are no part of
    /// any contract and go nowhere. Returns whether the span is open.
    fn merge<'a>(&self, fields: &'static [Field], attributes: &'a Attributes) -> bool {
        let declared = |(key, value): &'a Entry| {
            let field = fields.iter().find(|field| field.key() == *key)?;
            field.takes(value).then_some((field, value))
        };
        let plain = attributes.entries().iter().filter_map(declared);
        let plain = plain.filter(|(field, _)| !field.attribute.sensitive);
        let content = attributes.content().iter().filter_map(declared);
        let capture = attributes.gate().capture();
        let batch = attributes.keyed();
        if self.foreign {
            // A foreign span ends without telling, so nothing may wait for that.
            if let Some(live) = self.live() {
                let content = content.filter(|_| capture.on_spans());
                let attributes = plain
                    .chain(content)
                    .map(|(field, value)| KeyValue::new(field.key(), value.clone()));
                let keyed = attributes_below(fields, batch, capture.on_spans());
                let attributes = attributes.chain(keyed);
                tracer::while_sending(|| live.context.span().set_attributes(attributes));
            }
            return true;
        }
        let mut data = self.data();
        if data.ended {
            return false;
        }
        for (field, value) in plain {
            self.core.put(&mut data, field, value);
        }
        for (field, value) in content {
            self.core.keep_content(&mut data, field, value, capture);
        }
        for (field, keyed) in batch.into_iter().flat_map(|it| it.declared(fields)) {
            self.core.keep_keyed(&mut data, field, keyed, capture);
        }
        true
    }

    fn send(
        &self,
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
        let plain = attributes.entries().iter();
        let content = attributes.content().iter();
        let in_event = attributes.gate().capture().in_events();
        let entries: Vec<Entry> = plain
            .filter(|(key, _)| !is_content(key))
            .chain(content.filter(|(key, _)| in_event && is_content(key)))
            .cloned()
            .collect();
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
    fn send_at_end(&self, end: &End, end_time: Option<SystemTime>) {
        let Some(event) = end.event else { return };
        let value = |field: &Field| {
            let key = field.key();
            let own = || find(&end.entries, key).or_else(|| find(&end.content, key));
            let others = || {
                let other = end
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
        let kept = end
            .keyed
            .iter()
            .flat_map(|it| it.entries.iter().chain(&it.content));
        let declared = |keyed: &&Keyed| event.fields.iter().any(|it| it.key() == keyed.prefix);
        let told = Told {
            keyed: kept.filter(declared).cloned().collect(),
            body: None,
            time: end_time,
        };
        tracer::while_ending(|| self.tell(event, &entries, told));
    }

    fn tell(&self, event: &'static EventDefinition, entries: &[Entry], told: Told) {
        let Told { keyed, body, time } = told;
        let live = self.live();
        let otel = || {
            let keyed = keyed.iter().cloned().map(KeyValue::from);
            let entries = entries.iter().map(key_value).chain(keyed);
            let body = body
                .clone()
                .map(|body| KeyValue::new(BODY, Value::from(body)));
            entries.chain(body).collect()
        };
        let time = time.or_else(told::time);
        let at = || time.unwrap_or_else(SystemTime::now);
        match live.filter(|live| tracer::wants_events(&live.span)) {
            Some(live) if live.is_own => {
                self.with_sdk(|span| span.add_event_with_timestamp(event.name, at(), otel()));
            }
            Some(live) => tracer::while_sending(|| {
                live.context
                    .span()
                    .add_event_with_timestamp(event.name, at(), otel());
            }),
            None => {}
        }
        let metadata = event.site.metadata(event.name, Kind::EVENT, || {
            std::iter::once(MESSAGE)
                .chain(event.fields.iter().map(Field::key))
                .chain(event.has_body.then_some(BODY))
                .collect()
        });
        // Log layers print a message, not the name.
        let message = (MESSAGE, Value::from(event.name));
        let mut others = keyed::as_fields(&keyed);
        others.extend(body.clone().map(|body| (BODY, Value::from(body))));
        let fields = || std::iter::once(&message).chain(entries).chain(&others);
        let log = |dispatch: &Dispatch| {
            if event.site.enabled(metadata, dispatch) {
                with_values(metadata, fields(), |values| {
                    let traced = match live.and_then(|live| live.span.id()) {
                        Some(id) => tracing::Event::new_child_of(id, metadata, values),
                        None => tracing::Event::new(metadata, values),
                    };
                    let telling = dispatch.is::<LogBridge>().then(|| Telling {
                        metadata,
                        scope: self.definition.scope,
                        entries: bridge::structured(event, entries),
                        keyed: bridge::structured_below(event, &keyed),
                        body: body.clone(),
                        span: live.map(|live| live.context.span().span_context().clone()),
                        time,
                    });
                    tracer::while_telling(telling, || {
                        tracer::while_sending(|| dispatch.event(&traced));
                    });
                });
            }
        };
        match live.filter(|live| !live.span.is_disabled()) {
            Some(live) => drop(live.span.with_subscriber(|(_, dispatch)| log(dispatch))),
            None => tracing::dispatcher::get_default(log),
        }
    }

    /// Records that the work failed.
    pub(crate) fn fail(&self, failure: Failure) {
        if self.foreign {
            if let Some(live) = self.live() {
                let span = live.context.span();
                let error_type = Value::Text(failure.error_type.clone());
                span.set_attribute(KeyValue::new(error::TYPE, error_type));
                span.set_status(failure.status());
            }
            return;
        }
        let mut data = self.data();
        if let Some(outcome) = &self.definition.outcome {
            // It can't have gone well and failed: what is said last counts.
            outcome::forget_success(outcome, &mut data.entries);
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

    fn measure(&self, derived: &'static [Derived], entries: &[Entry], duration: Duration) {
        if derived.is_empty() || self.told {
            return;
        }
        let Some(binding) = Binding::of(self.binding.as_ref()) else {
            return;
        };
        for derived in derived {
            let value = match derived.value {
                Measured::Duration => Some(Value::Double(duration.as_secs_f64())),
                Measured::Count => Some(Value::Int(1)),
                Measured::Attribute(key) => find(entries, key).cloned(),
            };
            let Some(value) = value else { continue };
            binding.measure(derived.metric, &value, |key| {
                let with = derived.with.iter().find(|(other, _)| *other == key);
                with.map(|(_, value)| Cow::Owned(Value::from(*value)))
                    .or_else(|| find(entries, key).map(Cow::Borrowed))
                    .or_else(|| self.value(key).map(Cow::Owned))
            });
        }
    }

    /// Content that foreign code set passes the gate. What the typed API says of it comes first.
    fn admit_foreign(&self, gate: &Gate) {
        let (foreign, keyed) = {
            let mut data = self.data();
            let foreign = std::mem::take(&mut data.foreign_content);
            let keyed = data
                .keyed
                .as_mut()
                .map(|it| std::mem::take(&mut it.foreign));
            (foreign, keyed.unwrap_or_default())
        };
        for (key, value) in foreign {
            // No lock is held: it may ask foreign code.
            let Some(value) = gate.admit(key, value) else {
                continue;
            };
            let mut data = self.data();
            let said = find(&data.entries, key).is_some() || find(&data.content, key).is_some();
            if let Some(field) = self.definition.field(key).filter(|_| !said) {
                self.core
                    .keep_content(&mut data, field, &value, gate.capture());
            }
        }
        for keyed in keyed {
            // As above.
            let Some(value) = gate.admit(keyed.key.as_str(), keyed.value.clone()) else {
                continue;
            };
            let mut data = self.data();
            let said = data.keyed.as_ref().is_some_and(|all| all.has(&keyed.key));
            if let Some(field) = self.definition.field(keyed.prefix).filter(|_| !said) {
                let keyed = Keyed { value, ..keyed };
                self.core
                    .keep_keyed(&mut data, field, &keyed, gate.capture());
            }
        }
    }

    /// How long the span was open. The wall clock counts only where a time was given: it jumps.
    pub(crate) fn duration(&self, end_time: Option<SystemTime>) -> Duration {
        let now = SystemTime::now;
        let (start, end) = match (self.start_time, end_time) {
            (None, None) => return self.started.elapsed(),
            (None, Some(end)) => (now().checked_sub(self.started.elapsed()), end),
            (start, end) => (start, end.unwrap_or_else(now)),
        };
        start
            .and_then(|start| end.duration_since(start).ok())
            .unwrap_or_default()
    }

    /// Its place among the open spans.
    pub(crate) fn placed(&self, place: open::Place) {
        // Set once, by whoever started the span.
        let _ = self.place.set(place);
    }

    /// Ends the span, once.
    pub(crate) fn end(&self, end_time: Option<SystemTime>) {
        let end_time = end_time.or_else(told::time);
        let unwinding = std::thread::panicking() && !self.was_panicking;
        if let Some(end) = self.conclude(end_time, |core, data| core.conclude(data, unwinding)) {
            self.send_at_end(&end, end_time);
            self.show(&end);
            self.close(end, end_time);
            // Not where the process ends: it may have to wait for a writer.
            if self.depth == 0
                && let Some(live) = self.live()
            {
                ended::tell_measured(live);
            }
        }
    }

    /// Ends the span because the process ends. What is left to do is to show it.
    pub(crate) fn terminate(&self, error_type: &'static str) -> Option<End> {
        let end = self.conclude(None, |core, data| {
            // An error that was seen says more.
            if !matches!(data.seen, Some(Seen::Failure(_))) {
                let failure = Failure::of_type(Text::from_static(error_type));
                data.seen = Some(Seen::Failure(failure));
            }
            core.conclude(data, false)
        })?;
        self.send_at_end(&end, None);
        self.close(end.clone(), None);
        Some(end)
    }

    fn conclude(
        &self,
        end_time: Option<SystemTime>,
        conclude: impl FnOnce(&Core, &mut Data) -> Status,
    ) -> Option<End> {
        if self.foreign {
            return None;
        }
        let duration = self.duration(end_time);
        let gate = start::gate(self.definition, self.binding.as_deref());
        self.admit_foreign(&gate);
        let mut end = {
            let mut data = self.data();
            if std::mem::replace(&mut data.ended, true) {
                return None;
            }
            let status = conclude(&self.core, &mut data);
            End {
                status,
                entries: std::mem::take(&mut data.entries),
                sent: data.sent,
                shown: data.shown,
                changed: std::mem::take(&mut data.changed),
                undeclared: std::mem::take(&mut data.undeclared),
                keyed: data.keyed.take(),
                inherited: data.inherited.take(),
                content: std::mem::take(&mut data.content),
                event: self.definition.at_end.filter(|_| !data.told),
                duration,
            }
        };
        end.event = end.event.filter(|_| gate.capture().in_events());
        if let Some(place) = self.place.get() {
            open::remove(place);
        }
        Some(end)
    }

    /// Shows the end to log layers.
    pub(crate) fn show(&self, end: &End) {
        let Some(live) = self.live() else { return };
        let Some(span) = live.traced(self.definition) else {
            return;
        };
        if live.has_fields {
            let changed = end.changed.iter().map(|place| &end.entries[*place]);
            let fields = end.entries[end.shown..].iter().chain(changed);
            self.show_fields(span, fields);
            if let Some(keyed) = &end.keyed {
                self.show_fields(span, keyed.changed_fields().iter());
            }
        }
        ended::tell(&EndedSpan {
            live,
            definition: self.definition,
            name: self.name.as_ref(),
            depth: self.depth,
            end,
        });
    }

    /// Shows attributes that were set since the span started.
    fn show_fields<'a>(&self, span: &tracing::Span, fields: impl Iterator<Item = &'a Entry>) {
        with_values(self.definition.metadata(), fields, |values| {
            if values.is_empty() {
                return;
            }
            span.with_subscriber(|(id, dispatch)| {
                tracer::while_sending(|| {
                    dispatch.record(id, &tracing::span::Record::new(values));
                });
            });
        });
    }

    /// Measures, and ends the SDK's span.
    fn close(&self, end: End, end_time: Option<SystemTime>) {
        self.measure(self.definition.metrics, &end.entries, end.duration);
        // No lock is held: processors and exporters may log, in this very span.
        let sdk = lock(&self.sdk).take();
        if let Some(mut span) = sdk {
            let status = end.set_on(&mut span);
            if status != Status::Unset {
                span.set_status(status);
            }
            tracer::while_closing(|| match end_time {
                Some(time) => span.end_with_timestamp(time),
                None => span.end(),
            });
        }
    }
}

impl Drop for SpanState {
    fn drop(&mut self) {
        // The registry closes the spans above with the dispatcher of this thread, which is another
        // one if the span belongs to a test scope.
        if self.binding.is_some()
            && let Some(live) = self.live.take()
            && let Some(dispatch) = live.span.with_subscriber(|(_, dispatch)| dispatch.clone())
        {
            tracing::dispatcher::with_default(&dispatch, || drop(live));
        }
    }
}

/// How a span ended, and with what.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) status: Status,
    pub(crate) entries: Vec<Entry>,
    /// Of the entries, what OpenTelemetry has already: the first so many.
    sent: usize,
    /// What `tracing` has already as fields: the first so many, but for those changed since.
    shown: usize,
    changed: Vec<usize>,
    undeclared: Vec<KeyValue>,
    keyed: Option<Box<OnSpan>>,
    inherited: Option<Arc<Vec<Entry>>>,
    /// Kept for the event at the end.
    content: Vec<Entry>,
    /// The event at the end, unless it was sent, or content goes into none.
    event: Option<&'static EventDefinition>,
    pub(crate) duration: Duration,
}

impl End {
    /// Its attributes whose keys were made at run time.
    pub(crate) fn keyed(&self) -> &[Keyed] {
        self.keyed.as_ref().map_or(&[], |it| &it.entries)
    }

    /// What it inherits and has not got itself.
    pub(crate) fn inherited(&self) -> impl Iterator<Item = &Entry> {
        let inherited = self.inherited.as_deref().into_iter().flatten();
        inherited.filter(|(key, _)| {
            find(&self.entries, key).is_none()
                && !self
                    .undeclared
                    .iter()
                    .any(|other| other.key.as_str() == *key)
        })
    }

    /// Hands all of it to the SDK's span.
    fn set_on(self, span: &mut Span) -> Status {
        for entry in self.inherited() {
            span.set_attribute(key_value(entry));
        }
        for (key, value) in self.entries.into_iter().skip(self.sent) {
            span.set_attribute(KeyValue::new(key, value));
        }
        if let Some(keyed) = self.keyed {
            let rest = keyed.entries.into_iter().skip(keyed.sent);
            span.set_attributes(rest.map(KeyValue::from));
        }
        span.set_attributes(self.undeclared);
        self.status
    }
}

impl Core {
    pub(crate) fn data(&self) -> MutexGuard<'_, Data> {
        lock(&self.data)
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.data().ended
    }

    /// The SDK has made the span.
    pub(crate) fn give(&self, span: Span) {
        *lock(&self.sdk) = Some(span);
    }

    pub(crate) fn with_sdk<R>(&self, f: impl FnOnce(&mut Span) -> R) -> Option<R> {
        lock(&self.sdk).as_mut().map(f)
    }

    /// The value of an attribute, its own or inherited.
    pub(crate) fn value(&self, key: &str) -> Option<Value> {
        let own = find(&self.data().entries, key).cloned();
        own.or_else(|| self.inherited.as_ref()?.get(key))
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
        } else if let Some(field) = self.definition.field(key) {
            if let Some(value) = Value::of(field.attribute.value_type, attribute.value)
                && field.takes(&value)
            {
                if field.attribute.sensitive {
                    data.foreign_content
                        .retain(|(other, _)| *other != field.key());
                    data.foreign_content.push((field.key(), value));
                } else {
                    self.put(&mut data, field, &value);
                }
            }
        } else if let Some(field) = keyed::field_of(self.definition.fields, key) {
            self.set_foreign_keyed(&mut data, field, attribute);
        } else if !gate::withholds(key, Place::Span) {
            let undeclared = &mut data.undeclared;
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
            keyed::put(&mut data.keyed.get_or_insert_default().foreign, keyed);
        } else {
            self.keep_keyed(data, field, &keyed, CaptureContent::NoContent);
        }
    }

    /// Keeps an attribute whose key was made at run time.
    fn keep_keyed(&self, data: &mut Data, field: &Field, keyed: &Keyed, capture: CaptureContent) {
        let tells_at_end = self.definition.at_end.is_some();
        let all = data.keyed.get_or_insert_default();
        all.keep(field, keyed, capture, tells_at_end);
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

    fn put(&self, data: &mut Data, field: &'static Field, value: &Value) {
        let key = field.key();
        match data.entries.iter().position(|(other, _)| *other == key) {
            // What samplers saw has left: it can't be taken back.
            Some(place) if place < data.sent => return,
            Some(place) => {
                data.entries[place].1.merge(value.clone(), field.aggregate);
                if place < data.shown && !data.changed.contains(&place) {
                    data.changed.push(place);
                }
            }
            None => data.entries.push((key, value.clone())),
        }
        if field.attribute.inherited
            && self.definition.root
            && let Some(inherited) = &self.inherited
        {
            inherited.set(key, value.clone());
        }
        if let Some(outcome) = &self.definition.outcome
            && outcome::is_success(outcome, key, value)
        {
            data.failure = None;
        }
    }

    /// Keeps what passed the gate: on the span, or for the event at the end.
    fn keep_content(
        &self,
        data: &mut Data,
        field: &'static Field,
        value: &Value,
        capture: CaptureContent,
    ) {
        if capture.on_spans() {
            self.put(data, field, value);
        } else if capture.in_events() && self.definition.at_end.is_some() {
            let content = &mut data.content;
            match content.iter_mut().find(|(key, _)| *key == field.key()) {
                Some((_, kept)) => kept.merge(value.clone(), field.aggregate),
                None => content.push((field.key(), value.clone())),
            }
        }
    }

    /// How the span ended, with all that follows from it.
    fn conclude(&self, data: &mut Data, unwinding: bool) -> Status {
        let failure = outcome::failure(self.definition, data, unwinding);
        if let Some(outcome) = &self.definition.outcome
            && let Some(member) = outcome::inferred_member(outcome, data, failure.as_ref())
        {
            data.entries.push((outcome.key, Value::from(member)));
        }
        match failure {
            Some(failure) => {
                let status = failure.status();
                data.entries
                    .push((error::TYPE, Value::Text(failure.error_type)));
                status
            }
            None if data.ok => Status::Ok,
            None => Status::Unset,
        }
    }
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SpanDefinition {
    pub(crate) fn metadata(&'static self) -> &'static tracing::Metadata<'static> {
        self.site.metadata(self.label, Kind::SPAN, || {
            self.fields.iter().map(Field::key).collect()
        })
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
