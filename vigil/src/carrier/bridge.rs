//! Log lines and typed events as log records.

use std::error::Error;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, LoggerProvider as _, Severity};
use opentelemetry::trace::SpanContext;
use opentelemetry_sdk::logs::{SdkLogRecord, SdkLogger, SdkLoggerProvider};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::any;
use super::attributes::Entry;
use super::current;
use super::definition::{EventDefinition, Scope, ValueType};
use super::gate::{self, Place};
use super::keyed::Keyed;
use super::tracer::{self, ByScope};
use super::value::Value;
use crate::content::structure;

/// What a typed event says, on its way through the layers, which would make text of arrays.
pub(crate) struct Telling {
    pub(crate) metadata: &'static Metadata<'static>,
    pub(crate) scope: &'static Scope,
    pub(crate) entries: Vec<Entry>,
    pub(crate) keyed: Vec<Keyed>,
    /// What it holds beside its attributes.
    pub(crate) body: Option<any::AnyValue>,
    /// The span that it belongs to.
    pub(crate) span: Option<SpanContext>,
    /// When it happened, if not now.
    pub(crate) time: Option<SystemTime>,
}

/// A `tracing` layer that makes log records of log lines and of typed events.
///
/// A typed event keeps the types of its attributes and the ids of its span, and has the scope of its
/// span; log lines have the ids of the span that they are logged in.
pub struct LogBridge {
    provider: SdkLoggerProvider,
    lines: SdkLogger,
    /// For the crates whose events were generated.
    events: ByScope<SdkLogger>,
}

/// The layer that hands log lines and typed events to `provider`, for people with a subscriber and
/// an SDK of their own. Beside it, [`TraceLayer::with_events`](super::TraceLayer::with_events) keeps
/// them from becoming span events as well.
///
/// ```
/// use tracing_subscriber::layer::SubscriberExt;
///
/// let provider = opentelemetry_sdk::logs::SdkLoggerProvider::builder().build();
/// let subscriber = tracing_subscriber::registry().with(vigil::log_bridge(&provider));
/// # drop(subscriber);
/// ```
pub fn log_bridge(provider: &SdkLoggerProvider) -> LogBridge {
    LogBridge {
        lines: provider.logger(""),
        provider: provider.clone(),
        events: ByScope::new(),
    }
}

impl LogBridge {
    fn line(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let severity = severity(*metadata.level());
        if !self
            .lines
            .event_enabled(severity, metadata.target(), Some(metadata.name()))
        {
            return;
        }
        let mut record = self.lines.create_log_record();
        record.set_target(metadata.target());
        head(&mut record, metadata);
        event.record(&mut Line(&mut record));
        self.lines.emit(record);
    }

    fn event(&self, telling: Telling) {
        let make = |scope| self.provider.logger_with_scope(scope);
        self.events
            .with(telling.scope, make, |logger| Self::record(logger, telling));
    }

    fn record(logger: &SdkLogger, telling: Telling) {
        let metadata = telling.metadata;
        let severity = severity(*metadata.level());
        if !logger.event_enabled(severity, metadata.target(), Some(metadata.name())) {
            return;
        }
        let mut record = logger.create_log_record();
        head(&mut record, metadata);
        record.set_body(match telling.body {
            Some(body) => body.into(),
            None => AnyValue::from(metadata.name()),
        });
        if let Some(time) = telling.time {
            record.set_timestamp(time);
        }
        if let Some(span) = telling.span.filter(SpanContext::is_valid) {
            record.set_trace_context(span.trace_id(), span.span_id(), Some(span.trace_flags()));
        }
        record.add_attributes(telling.entries);
        let keyed = telling.keyed.into_iter();
        record.add_attributes(keyed.map(|it| (it.key, it.value)));
        logger.emit(record);
    }
}

impl Debug for LogBridge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogBridge").finish_non_exhaustive()
    }
}

impl<S: Subscriber> Layer<S> for LogBridge {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        // The SDK asks what is current, and panics where nothing can be.
        if !current::is_there() {
            return;
        }
        match tracer::take_telling(event.metadata()) {
            Some(telling) => self.event(telling),
            None => self.line(event),
        }
    }
}

/// The attributes of an event with the structure that they have. Those of the type `any` may have been
/// given as JSON text, as content is: it has passed the gate as that.
pub(crate) fn structured(event: &EventDefinition, entries: &[Entry]) -> Vec<Entry> {
    let is_any = |key: &str| {
        let mut fields = event.fields.iter();
        fields.any(|field| field.key() == key && field.attribute.value_type == ValueType::Any)
    };
    let entries = entries.iter().cloned();
    let entries = entries.map(|(key, value)| {
        let value = if is_any(key) { unfolded(value) } else { value };
        (key, value)
    });
    entries.collect()
}

/// The same for those whose keys were made at run time.
pub(crate) fn structured_below(event: &EventDefinition, all: &[Keyed]) -> Vec<Keyed> {
    let is_any = |prefix: &str| {
        let mut fields = event.fields.iter();
        fields.any(|it| it.key() == prefix && it.attribute.template == Some(ValueType::Any))
    };
    let mut all = all.to_vec();
    for keyed in all.iter_mut().filter(|it| is_any(it.prefix)) {
        keyed.value = unfolded(keyed.value.clone());
    }
    all
}

/// The value that JSON text stands for, if it is an object or array.
fn unfolded(value: Value) -> Value {
    let structure = value.as_text().and_then(|text| structure(text.as_str()));
    structure.map_or(value, Value::from)
}

fn head(record: &mut SdkLogRecord, metadata: &'static Metadata<'static>) {
    record.set_event_name(metadata.name());
    record.set_severity_number(severity(*metadata.level()));
    record.set_severity_text(metadata.level().as_str());
}

fn severity(level: Level) -> Severity {
    match level {
        Level::TRACE => Severity::Trace,
        Level::DEBUG => Severity::Debug,
        Level::INFO => Severity::Info,
        Level::WARN => Severity::Warn,
        Level::ERROR => Severity::Error,
    }
}

impl From<Value> for AnyValue {
    fn from(value: Value) -> Self {
        match value {
            Value::Bool(value) => Self::Boolean(value),
            Value::Int(value) => Self::Int(value),
            Value::Double(value) => Self::Double(value),
            Value::Text(text) => Self::String(text.into()),
            Value::Bools(values) => values.into_iter().collect(),
            Value::Ints(values) => values.into_iter().collect(),
            Value::Doubles(values) => values.into_iter().collect(),
            Value::Texts(texts) => texts
                .into_iter()
                .map(|text| Self::String(text.into()))
                .collect(),
            Value::Any(value) => Arc::unwrap_or_clone(value).into(),
        }
    }
}

/// The fields of a log line.
struct Line<'a>(&'a mut SdkLogRecord);

impl Line<'_> {
    fn add(&mut self, field: &Field, value: impl Into<AnyValue>) {
        if field.name() == tracer::MESSAGE {
            self.0.set_body(value.into());
        } else if !gate::withholds(field.name(), Place::Event) {
            self.0.add_attribute(field.name(), value);
        }
    }
}

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.to_owned());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.record_i128(field, i128::from(value));
    }

    /// A number that the wire can't carry goes as text.
    fn record_i128(&mut self, field: &Field, value: i128) {
        match i64::try_from(value) {
            Ok(value) => self.add(field, value),
            Err(_) => self.add(field, value.to_string()),
        }
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        match i64::try_from(value) {
            Ok(value) => self.add(field, value),
            Err(_) => self.add(field, value.to_string()),
        }
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        self.add(field, value);
    }

    /// As the conventions name it, whatever the field is called.
    fn record_error(&mut self, _: &Field, value: &(dyn Error + 'static)) {
        let key = crate::generated::semconv::exception::MESSAGE;
        self.0.add_attribute(key, value.to_string());
    }
}
