//! What a receiver got, in the form that `vigil::testing` checks.

use std::time::{Duration, SystemTime};

use opentelemetry::trace::{
    Event, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Array, InstrumentationScope, KeyValue, StringValue, Value};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Wire;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, InstrumentationScope as WireScope, KeyValue as Pair,
};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_sdk::trace::SpanData;
use vigil::carrier::InstrumentKind;
use vigil::testing::{Exported, ExportedLog, ExportedMetric, Point};

use crate::receiver::{Body, Received};

/// All that the accepted ones among `requests` brought. Of a metric that came several times, the
/// last.
///
/// # Panics
///
/// If something is in it that no attribute or metric of the registry can be: it would be lost here,
/// unchecked.
pub fn exported(requests: &[Received]) -> Exported {
    let mut all = Exported::default();
    for request in requests.iter().filter(|request| request.accepted) {
        match &request.body {
            Body::Traces(request) => {
                for scoped in request.resource_spans.iter().flat_map(|r| &r.scope_spans) {
                    let scope = scope(scoped.scope.as_ref(), &scoped.schema_url);
                    let spans = scoped.spans.iter().map(|span| span_data(span, &scope));
                    all.spans.extend(spans.map(Into::into));
                }
            }
            Body::Metrics(request) => {
                for scoped in request
                    .resource_metrics
                    .iter()
                    .flat_map(|r| &r.scope_metrics)
                {
                    let scope = scope(scoped.scope.as_ref(), &scoped.schema_url);
                    for received in &scoped.metrics {
                        all.metrics.retain(|metric| metric.name != received.name);
                        all.metrics.push(metric(received, &scope));
                    }
                }
            }
            Body::Logs(request) => {
                let scoped = request.resource_logs.iter().flat_map(|r| &r.scope_logs);
                let records = scoped.flat_map(|scoped| &scoped.log_records);
                all.logs.extend(records.map(log));
            }
        }
    }
    all
}

/// The resource of each request, with its schema URL.
pub fn resources(requests: &[Received]) -> Vec<(Vec<KeyValue>, String)> {
    let pairs = |resource: Option<&Resource>, schema_url: &str| {
        let pairs = resource.map(|resource| key_values(&resource.attributes));
        (pairs.unwrap_or_default(), schema_url.to_owned())
    };
    let of_request = |request: &Received| match &request.body {
        Body::Traces(request) => request
            .resource_spans
            .iter()
            .map(|r| pairs(r.resource.as_ref(), &r.schema_url))
            .collect::<Vec<_>>(),
        Body::Metrics(request) => request
            .resource_metrics
            .iter()
            .map(|r| pairs(r.resource.as_ref(), &r.schema_url))
            .collect(),
        Body::Logs(request) => request
            .resource_logs
            .iter()
            .map(|r| pairs(r.resource.as_ref(), &r.schema_url))
            .collect(),
    };
    requests.iter().flat_map(of_request).collect()
}

fn scope(scope: Option<&WireScope>, schema_url: &str) -> InstrumentationScope {
    let scope = scope.cloned().unwrap_or_default();
    let mut builder = InstrumentationScope::builder(scope.name);
    // Nothing is written as an empty text.
    if !scope.version.is_empty() {
        builder = builder.with_version(scope.version);
    }
    if !schema_url.is_empty() {
        builder = builder.with_schema_url(schema_url.to_owned());
    }
    builder
        .with_attributes(key_values(&scope.attributes))
        .build()
}

fn span_data(span: &Span, scope: &InstrumentationScope) -> SpanData {
    let at = |nanos| SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos);
    let mut events = opentelemetry_sdk::trace::SpanEvents::default();
    events.events = span
        .events
        .iter()
        .map(|event| {
            let attributes = key_values(&event.attributes);
            Event::new(event.name.clone(), at(event.time_unix_nano), attributes, 0)
        })
        .collect();
    SpanData {
        span_context: SpanContext::new(
            trace_id(&span.trace_id),
            span_id(&span.span_id),
            TraceFlags::SAMPLED,
            false,
            TraceState::default(),
        ),
        parent_span_id: span_id(&span.parent_span_id),
        parent_span_is_remote: span.flags & 0x200 != 0,
        span_kind: match span.kind {
            1 => SpanKind::Internal,
            2 => SpanKind::Server,
            3 => SpanKind::Client,
            4 => SpanKind::Producer,
            5 => SpanKind::Consumer,
            other => panic!("`{}` has the kind {other}", span.name),
        },
        name: span.name.clone().into(),
        start_time: at(span.start_time_unix_nano),
        end_time: at(span.end_time_unix_nano),
        attributes: key_values(&span.attributes),
        dropped_attributes_count: span.dropped_attributes_count,
        events,
        links: opentelemetry_sdk::trace::SpanLinks::default(),
        status: match &span.status {
            Some(status) if status.code == 2 => Status::error(status.message.clone()),
            Some(status) if status.code == 1 => Status::Ok,
            _ => Status::Unset,
        },
        instrumentation_scope: scope.clone(),
    }
}

fn metric(metric: &Metric, scope: &InstrumentationScope) -> ExportedMetric {
    let (kind, points) = match metric.data.as_ref() {
        Some(Data::Gauge(gauge)) => {
            let (is_int, points) = numbers(&metric.name, &gauge.data_points);
            let kind = if is_int {
                InstrumentKind::GaugeInt
            } else {
                InstrumentKind::GaugeDouble
            };
            (kind, points)
        }
        Some(Data::Sum(sum)) => {
            let (is_int, points) = numbers(&metric.name, &sum.data_points);
            let kind = match (sum.is_monotonic, is_int) {
                (true, true) => InstrumentKind::CounterInt,
                (true, false) => InstrumentKind::CounterDouble,
                (false, true) => InstrumentKind::UpDownCounterInt,
                (false, false) => InstrumentKind::UpDownCounterDouble,
            };
            (kind, points)
        }
        Some(Data::Histogram(histogram)) => {
            let points = histogram.data_points.iter().map(|point| Point {
                attributes: key_values(&point.attributes),
                value: point.sum.unwrap_or_default(),
                count: point.count,
                bounds: point.explicit_bounds.clone(),
            });
            // On the wire a histogram has no type. Times are never whole; what is counted always is.
            let values = histogram.data_points.iter();
            let mut values = values.flat_map(|point| [point.sum, point.min, point.max]);
            let kind = if values.all(|value| value.is_none_or(|value| value.fract() == 0.0)) {
                InstrumentKind::HistogramInt
            } else {
                InstrumentKind::HistogramDouble
            };
            (kind, points.collect())
        }
        other => panic!("`{}` is {other:?}", metric.name),
    };
    ExportedMetric {
        name: metric.name.clone(),
        unit: metric.unit.clone(),
        description: metric.description.clone(),
        kind,
        scope: scope.clone(),
        points,
    }
}

/// Points, and whether they are integers.
fn numbers(name: &str, points: &[NumberDataPoint]) -> (bool, Vec<Point>) {
    let is_int = |point: &NumberDataPoint| matches!(point.value, Some(Number::AsInt(_)));
    let ints = points.iter().filter(|point| is_int(point)).count();
    assert!(ints == 0 || ints == points.len(), "`{name}` has both types");
    let points = points.iter().map(|point| Point {
        attributes: key_values(&point.attributes),
        value: match point.value {
            Some(Number::AsDouble(value)) => value,
            #[allow(clippy::cast_precision_loss)] // as `Point` has it
            Some(Number::AsInt(value)) => value as f64,
            None => panic!("`{name}` has a point without a value"),
        },
        count: 0,
        bounds: Vec::new(),
    });
    (ints > 0, points.collect())
}

fn log(record: &LogRecord) -> ExportedLog {
    let body = record.body.as_ref().and_then(|body| body.value.as_ref());
    ExportedLog {
        event_name: record.event_name.clone(),
        body: match body {
            Some(Wire::StringValue(text)) => text.clone(),
            _ => String::new(),
        },
        attributes: key_values(&record.attributes),
        trace_id: trace_id(&record.trace_id),
        span_id: span_id(&record.span_id),
    }
}

fn trace_id(bytes: &[u8]) -> TraceId {
    bytes
        .try_into()
        .map_or(TraceId::INVALID, TraceId::from_bytes)
}

fn span_id(bytes: &[u8]) -> SpanId {
    bytes.try_into().map_or(SpanId::INVALID, SpanId::from_bytes)
}

fn key_values(pairs: &[Pair]) -> Vec<KeyValue> {
    let key_value = |pair: &Pair| {
        let value = pair.value.as_ref().and_then(|value| value.value.as_ref());
        let value = value.unwrap_or_else(|| panic!("`{}` has no value", pair.key));
        KeyValue::new(pair.key.clone(), attribute(&pair.key, value))
    };
    pairs.iter().map(key_value).collect()
}

/// A value with its structure, as JSON.
///
/// # Panics
///
/// If it has bytes, or a value that is none.
pub fn json(value: &Wire) -> serde_json::Value {
    let of = |value: &AnyValue| json(value.value.as_ref().expect("there are no nulls"));
    match value {
        Wire::StringValue(text) => text.as_str().into(),
        Wire::IntValue(number) => (*number).into(),
        Wire::DoubleValue(number) => (*number).into(),
        Wire::BoolValue(truth) => (*truth).into(),
        Wire::ArrayValue(array) => array.values.iter().map(of).collect(),
        Wire::KvlistValue(map) => {
            let entries = map.values.iter();
            let entries = entries.map(|it| (it.key.clone(), it.value.as_ref().map(of)));
            entries.collect()
        }
        other => panic!("{other:?}"),
    }
}

/// As [`ExportedLog`] can have it: what has structure is JSON text.
fn attribute(key: &str, value: &Wire) -> Value {
    let has_structure = |value: &AnyValue| {
        matches!(
            value.value,
            Some(Wire::KvlistValue(_) | Wire::ArrayValue(_))
        )
    };
    match value {
        Wire::ArrayValue(array) if array.values.iter().any(has_structure) => {
            json(value).to_string().into()
        }
        Wire::KvlistValue(_) => json(value).to_string().into(),
        Wire::StringValue(text) => text.clone().into(),
        Wire::IntValue(number) => (*number).into(),
        Wire::DoubleValue(number) => (*number).into(),
        Wire::BoolValue(truth) => (*truth).into(),
        Wire::ArrayValue(array) => Value::Array(elements(key, &array.values)),
        other => panic!("`{key}` is {other:?}"),
    }
}

fn elements(key: &str, values: &[AnyValue]) -> Array {
    let all = |wire: fn(&Wire) -> bool| {
        values
            .iter()
            .all(|value| value.value.as_ref().is_some_and(wire))
    };
    let each = values.iter().filter_map(|value| value.value.as_ref());
    let each = each.map(|value| attribute(key, value));
    if all(|value| matches!(value, Wire::StringValue(_))) {
        Array::String(
            each.map(|value| StringValue::from(value.as_str().into_owned()))
                .collect(),
        )
    } else if all(|value| matches!(value, Wire::IntValue(_))) {
        let int = |value| match value {
            Value::I64(number) => Some(number),
            _ => None,
        };
        Array::I64(each.filter_map(int).collect())
    } else {
        panic!("`{key}` is an array of {values:?}")
    }
}
