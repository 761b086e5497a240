//! A span while it is open, and its end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Instant, SystemTime};

use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, KeyValue};
use tracing::Dispatch;
use tracing::metadata::Kind;

use super::attributes::{Attributes, Entry, find, key_value};
use super::callsite::LEVEL;
use super::definition::{
    Aggregate, Derived, EventDefinition, Field, Measured, RecordDefinition, SpanDefinition,
};
use super::fields::with_values;
use super::inherited::Inherited;
use super::instruments::{Binding, capture_content};
use super::outcome::{self, Failure, Seen};
use super::tracer;
use super::value::Value;
use crate::generated::semconv::error;

/// The field of an event that log layers print first.
const MESSAGE: &str = "message";

/// A span: shared by its handle, its scopes and the parents of its children.
pub(crate) struct SpanState {
    pub(crate) definition: &'static SpanDefinition,
    /// What it stands under, if that is typed; while it is disabled, its children go there.
    pub(crate) parent: Option<Arc<SpanState>>,
    /// The instruments of the test scope that it was started in.
    pub(crate) binding: Option<Arc<Binding>>,
    pub(crate) inherited: Option<Inherited>,
    /// It stands for a foreign span that a caller stepped in from: nothing here ends it.
    pub(crate) foreign: bool,
    pub(crate) start_time: Option<SystemTime>,
    started: Instant,
    started_at: SystemTime,
    /// Unwinding had begun before it started, so it says nothing of this span's work.
    was_panicking: bool,
    live: OnceLock<Live>,
    ended: AtomicBool,
    data: Mutex<Data>,
}

/// The span as others know it.
pub(crate) struct Live {
    /// For `tracing`.
    pub(crate) span: tracing::Span,
    /// For OpenTelemetry; with no span in it where no layer of Vigil's listens.
    pub(crate) context: Context,
}

/// What was recorded so far.
#[derive(Default)]
pub(crate) struct Data {
    pub(crate) entries: Vec<Entry>,
    /// Attributes that OpenTelemetry has already, as samplers needed them: the first so many.
    pub(crate) sent: usize,
    /// Attributes that `tracing` has already, as fields: the first so many, but for those changed
    /// since.
    shown: usize,
    changed: Vec<usize>,
    /// Attributes of nobody's contract, set through OpenTelemetry by foreign code.
    pub(crate) undeclared: Vec<KeyValue>,
    pub(crate) failure: Option<Failure>,
    pub(crate) seen: Option<Seen>,
}

pub(crate) struct NewState {
    pub(crate) definition: &'static SpanDefinition,
    pub(crate) parent: Option<Arc<SpanState>>,
    pub(crate) binding: Option<Arc<Binding>>,
    pub(crate) inherited: Option<Inherited>,
    pub(crate) foreign: bool,
    pub(crate) start_time: Option<SystemTime>,
}

impl SpanState {
    pub(crate) fn new(new: NewState) -> Self {
        Self {
            definition: new.definition,
            parent: new.parent,
            binding: new.binding,
            inherited: new.inherited,
            foreign: new.foreign,
            start_time: new.start_time,
            started: Instant::now(),
            started_at: SystemTime::now(),
            was_panicking: std::thread::panicking(),
            live: OnceLock::new(),
            ended: AtomicBool::new(false),
            data: Mutex::default(),
        }
    }

    pub(crate) fn data(&self) -> MutexGuard<'_, Data> {
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The span is open: as `live` for others, with these attributes, the first `sent` of which
    /// OpenTelemetry has.
    pub(crate) fn begin(&self, live: Option<Live>, mut entries: Vec<Entry>, sent: usize) {
        if let Some(live) = live {
            // Set once, by whoever started the span.
            let _ = self.live.set(live);
        }
        let mut data = self.data();
        data.sent = sent;
        data.shown = entries.len();
        // A foreign layer may have recorded something by now.
        entries.append(&mut data.entries);
        data.entries = entries;
    }

    /// The span as others know it, if any of them wanted it.
    pub(crate) fn live(&self) -> Option<&Live> {
        self.live.get()
    }

    /// This span, or the nearest above it, that somebody wanted.
    pub(crate) fn nearest_live(&self) -> Option<&Live> {
        let mut state = self;
        loop {
            match (state.live(), &state.parent) {
                (Some(live), _) => return Some(live),
                (None, Some(parent)) => state = parent,
                (None, None) => return None,
            }
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.ended.load(Ordering::Acquire)
    }

    pub(crate) fn attributes(&self) -> Attributes {
        Attributes::new(capture_content(self.binding.as_deref()))
    }

    /// The value of an attribute, its own or inherited.
    pub(crate) fn value(&self, key: &str) -> Option<Value> {
        let own = find(&self.data().entries, key).cloned();
        own.or_else(|| self.inherited.as_ref()?.get(key))
    }

    /// Sets attributes of the span's own contract.
    pub(crate) fn set(&self, attributes: Attributes) {
        if self.is_open() {
            let fields = self.definition.fields;
            self.merge(fields, attributes.into_entries());
        }
    }

    pub(crate) fn record(&self, record: &'static RecordDefinition, attributes: Attributes) {
        if !self.is_open() {
            return;
        }
        self.measure(record.metrics, attributes.entries(), None);
        if let Some(event) = record.event {
            self.send(event, &attributes);
        }
        self.merge(record.fields, attributes.into_entries());
    }

    pub(crate) fn emit(&self, event: &'static EventDefinition, attributes: Attributes) {
        self.send(event, &attributes);
        if event.keep_last && self.is_open() {
            self.merge(event.fields, attributes.into_entries());
        }
    }

    fn merge(&self, fields: &'static [Field], entries: Vec<Entry>) {
        if self.definition.root
            && let Some(inherited) = &self.inherited
        {
            for (key, value) in &entries {
                if fields
                    .iter()
                    .any(|field| field.key() == *key && field.attribute.inherited)
                {
                    inherited.set(key, value.clone());
                }
            }
        }
        if self.foreign {
            // A foreign span ends without telling, so nothing may wait for that.
            if let Some(live) = self.live() {
                live.context
                    .span()
                    .set_attributes(entries.iter().map(key_value));
            }
            return;
        }
        let mut data = self.data();
        let sent = data.sent;
        for (key, value) in entries {
            match data.entries.iter_mut().position(|(other, _)| *other == key) {
                // What samplers saw has left: it can't be taken back.
                Some(place) if place < sent => {}
                Some(place) => {
                    let aggregate = fields
                        .iter()
                        .find(|field| field.key() == key)
                        .map_or(Aggregate::Last, |field| field.aggregate);
                    data.entries[place].1.merge(value, aggregate);
                    if place < data.shown {
                        data.changed.push(place);
                    }
                }
                None => data.entries.push((key, value)),
            }
        }
    }

    /// What foreign code sets through OpenTelemetry or `tracing` joins what the typed API sets.
    /// `None`: it is of the contract, and was taken or refused as that says.
    pub(crate) fn set_foreign(&self, attribute: KeyValue) {
        let field = self.definition.field(attribute.key.as_str());
        let mut data = self.data();
        match field {
            Some(field) => {
                if field.attribute.sensitive {
                    return;
                }
                let Some(value) = typed(field, attribute.value) else {
                    return;
                };
                drop(data);
                self.merge(self.definition.fields, vec![(field.key(), value)]);
            }
            None => match data
                .undeclared
                .iter_mut()
                .find(|other| other.key == attribute.key)
            {
                Some(other) => other.value = attribute.value,
                None => data.undeclared.push(attribute),
            },
        }
    }

    fn send(&self, event: &'static EventDefinition, attributes: &Attributes) {
        let metadata = event.site.metadata(event.name, Kind::EVENT, || {
            std::iter::once(MESSAGE)
                .chain(event.fields.iter().map(Field::key))
                .collect()
        });
        let live = self.nearest_live();
        if let Some(live) = live {
            live.context.span().add_event(
                event.name,
                attributes.entries().iter().map(key_value).collect(),
            );
        }
        // Log layers print a message, not the name.
        let message = (MESSAGE, Value::from(event.name));
        let fields = || std::iter::once(&message).chain(attributes.entries());
        let log = |dispatch: &Dispatch| {
            if event.site.enabled(metadata, dispatch) {
                with_values(metadata, fields(), |values| {
                    let event = match live.and_then(|live| live.span.id()) {
                        Some(id) => tracing::Event::new_child_of(id, metadata, values),
                        None => tracing::Event::new(metadata, values),
                    };
                    tracer::while_sending(|| dispatch.event(&event));
                });
            }
        };
        match live {
            Some(live) => drop(live.span.with_subscriber(|(_, dispatch)| log(dispatch))),
            None => tracing::dispatcher::get_default(log),
        }
    }

    /// Records that the work failed.
    pub(crate) fn fail(&self, failure: Failure) {
        if self.foreign {
            if let Some(live) = self.live() {
                let span = live.context.span();
                span.set_attribute(KeyValue::new(
                    error::TYPE,
                    Value::Text(failure.error_type.clone()),
                ));
                span.set_status(failure.status());
            }
        } else {
            self.data().failure = Some(failure);
        }
    }

    fn measure(
        &self,
        derived: &'static [Derived],
        entries: &[Entry],
        end_time: Option<SystemTime>,
    ) {
        if derived.is_empty() {
            return;
        }
        let Some(binding) = Binding::of(self.binding.as_ref()) else {
            return;
        };
        for derived in derived {
            let value = match derived.value {
                Measured::Duration => Some(Value::Double(self.duration(end_time).as_secs_f64())),
                Measured::Count => Some(Value::Int(1)),
                Measured::Attribute(key) => find(entries, key).cloned(),
            };
            let Some(value) = value else { continue };
            binding.measure(derived.metric, &value, |key| {
                derived
                    .with
                    .iter()
                    .find_map(|(other, value)| (*other == key).then(|| Value::from(*value)))
                    .or_else(|| find(entries, key).cloned())
                    .or_else(|| self.value(key))
            });
        }
    }

    /// How long the span was open. The wall clock counts only where a time was given: it jumps.
    fn duration(&self, end_time: Option<SystemTime>) -> std::time::Duration {
        let start = match (self.start_time, end_time) {
            (None, None) => return self.started.elapsed(),
            (start, _) => start.unwrap_or(self.started_at),
        };
        let end = end_time.unwrap_or_else(SystemTime::now);
        end.duration_since(start).unwrap_or_default()
    }

    /// Ends the span, once.
    pub(crate) fn end(&self, end_time: Option<SystemTime>) {
        if self.foreign || self.ended.swap(true, Ordering::AcqRel) {
            return;
        }
        let unwinding = std::thread::panicking() && !self.was_panicking;
        let mut data = std::mem::take(&mut *self.data());
        let failure = outcome::failure(self.definition, &data, unwinding);
        if let Some(outcome) = &self.definition.outcome
            && let Some(member) = outcome::inferred_member(outcome, &data, failure.as_ref())
        {
            data.entries.push((outcome.key, Value::from(member)));
        }
        if let Some(failure) = &failure
            && find(&data.entries, error::TYPE).is_none()
        {
            data.entries
                .push((error::TYPE, Value::Text(failure.error_type.clone())));
        }
        if let Some(live) = self.live() {
            live.end(self.definition, &data, failure, end_time);
        }
        self.measure(self.definition.metrics, &data.entries, end_time);
        // Parents and scopes outlive the span: what they ask for stays.
        *self.data() = data;
    }
}

impl Live {
    fn end(
        &self,
        definition: &'static SpanDefinition,
        data: &Data,
        failure: Option<Failure>,
        end_time: Option<SystemTime>,
    ) {
        let later = &data.entries[data.sent..];
        let changed = data.changed.iter().map(|place| &data.entries[*place]);
        let mut fields = data.entries[data.shown..].iter().chain(changed).peekable();
        if fields.peek().is_some() {
            with_values(definition.metadata(), fields, |values| {
                self.span.with_subscriber(|(id, dispatch)| {
                    tracer::while_sending(|| {
                        dispatch.record(id, &tracing::span::Record::new(values));
                    });
                });
            });
        }
        let span = self.context.span();
        if span.is_recording() {
            span.set_attributes(
                later
                    .iter()
                    .map(key_value)
                    .chain(data.undeclared.iter().cloned()),
            );
            if let Some(failure) = failure {
                span.set_status(failure.status());
            }
        }
        match end_time {
            Some(time) => span.end_with_timestamp(time),
            None => span.end(),
        }
    }
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

/// The value in the type that the contract declares, if it can be told in it.
fn typed(field: &Field, value: opentelemetry::Value) -> Option<Value> {
    use super::definition::ValueType;
    use opentelemetry::{Array, Value as Otel};
    let value = match (field.attribute.value_type, value) {
        (ValueType::Boolean, Otel::Bool(value)) => Value::Bool(value),
        (ValueType::Int, Otel::I64(value)) => Value::Int(value),
        (ValueType::Double, Otel::F64(value)) => Value::Double(value),
        (ValueType::String | ValueType::Any, Otel::String(value)) => {
            Value::Text(value.as_str().into())
        }
        (ValueType::Strings, Otel::Array(Array::String(values))) => {
            Value::Texts(values.iter().map(|value| value.as_str().into()).collect())
        }
        (ValueType::Ints, Otel::Array(Array::I64(values))) => Value::Ints(values),
        (ValueType::Doubles, Otel::Array(Array::F64(values))) => Value::Doubles(values),
        (ValueType::Booleans, Otel::Array(Array::Bool(values))) => Value::Bools(values),
        _ => return None,
    };
    let listed = field.attribute.closed.is_none_or(|members| {
        value
            .as_text()
            .is_none_or(|text| members.contains(&text.as_str()))
    });
    listed.then_some(value)
}

impl std::fmt::Debug for SpanState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Span")
            .field("type", &self.definition.span_type)
            .field("open", &self.is_open())
            .finish_non_exhaustive()
    }
}
