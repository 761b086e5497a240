//! What stands on the wire, on every protocol.

use std::time::{Duration, SystemTime};

use opentelemetry::logs::{AnyValue, LogRecord, Logger, LoggerProvider, Severity};
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{
    Span as _, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, Tracer,
    TracerProvider,
};
use opentelemetry::{Array, Context, InstrumentationScope, KeyValue, StringValue, Value};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Wire;
use opentelemetry_proto::tonic::common::v1::{AnyValue as WireValue, ArrayValue, KeyValue as Pair};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use vigil::export::{Compression, Export, Protocol, Tls};
use vigil_tests::receiver::{Authority, Body, Receiver};

use super::{LONG, PROTOCOLS, Traces, is_grpc, target};

fn scope() -> InstrumentationScope {
    InstrumentationScope::builder("scope")
        .with_version("1.2.3")
        .with_schema_url("https://example.com/scope")
        .build()
}

fn resource() -> Resource {
    Resource::builder_empty()
        .with_schema_url(
            [KeyValue::new("service.name", "tested")],
            "https://example.com/resource",
        )
        .build()
}

fn value<'a>(pairs: &'a [Pair], key: &str) -> Option<&'a Wire> {
    let mut found = pairs.iter().filter(|pair| pair.key == key);
    let pair = found.next()?;
    assert!(found.next().is_none(), "{key} stands there twice");
    pair.value.as_ref()?.value.as_ref()
}

fn array(values: impl IntoIterator<Item = Wire>) -> Wire {
    Wire::ArrayValue(ArrayValue {
        values: values
            .into_iter()
            .map(|value| WireValue { value: Some(value) })
            .collect(),
    })
}

/// The trace and the span above the one that is made.
const PARENT: (u128, u64) = (
    0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10,
    0xa1a2_a3a4_a5a6_a7a8,
);

/// When it starts, to the nanosecond.
const START: u64 = 1_700_000_000_123_456_789;

fn make_span(tracer: &SdkTracer) -> SpanId {
    let remote = SpanContext::new(
        TraceId::from(PARENT.0),
        SpanId::from(PARENT.1),
        TraceFlags::SAMPLED,
        true,
        "vendor=state".parse().unwrap(),
    );
    let start = SystemTime::UNIX_EPOCH + Duration::from_nanos(START);
    let mut span = tracer
        .span_builder("chat sonnet")
        .with_kind(SpanKind::Client)
        .with_start_time(start)
        .with_attributes([
            KeyValue::new("tokens", 9_007_199_254_740_993_i64),
            KeyValue::new("ratio", 0.25),
            KeyValue::new("done", true),
            KeyValue::new("text", "täxt \"quoted\"\n"),
            KeyValue::new(
                "reasons",
                Value::Array(Array::String(vec![
                    "stop".into(),
                    StringValue::from("length"),
                ])),
            ),
            KeyValue::new("counts", Value::Array(Array::I64(vec![1, -2]))),
        ])
        .start_with_context(tracer, &Context::new().with_remote_span_context(remote));
    span.add_event_with_timestamp(
        "appended",
        start + Duration::from_nanos(1),
        vec![KeyValue::new("seq", 7)],
    );
    span.add_link(
        SpanContext::new(
            TraceId::from(17),
            SpanId::from(18),
            TraceFlags::default(),
            false,
            opentelemetry::trace::TraceState::default(),
        ),
        vec![],
    );
    span.set_status(Status::error("it broke"));
    span.end_with_timestamp(start + Duration::from_millis(5));
    span.span_context().span_id()
}

fn check_span(span: &Span, id: SpanId) {
    assert_eq!(span.name, "chat sonnet");
    assert_eq!(span.kind, 3, "client");
    assert_eq!(span.trace_id, PARENT.0.to_be_bytes());
    assert_eq!(span.parent_span_id, PARENT.1.to_be_bytes());
    assert_eq!(span.span_id, id.to_bytes());
    assert_eq!(span.trace_state, "vendor=state");
    assert_eq!(span.flags, 0x301, "sampled, with a remote parent");
    assert_eq!(span.start_time_unix_nano, START);
    assert_eq!(span.end_time_unix_nano, START + 5_000_000);
    let attributes = &span.attributes;
    assert_eq!(
        value(attributes, "tokens"),
        Some(&Wire::IntValue(9_007_199_254_740_993))
    );
    assert_eq!(value(attributes, "ratio"), Some(&Wire::DoubleValue(0.25)));
    assert_eq!(value(attributes, "done"), Some(&Wire::BoolValue(true)));
    assert_eq!(
        value(attributes, "text"),
        Some(&Wire::StringValue("täxt \"quoted\"\n".to_owned()))
    );
    assert_eq!(
        value(attributes, "reasons"),
        Some(&array(
            ["stop", "length"].map(|text| Wire::StringValue(text.to_owned()))
        ))
    );
    assert_eq!(
        value(attributes, "counts"),
        Some(&array([1, -2].map(Wire::IntValue)))
    );
    let status = span.status.as_ref().unwrap();
    assert_eq!((status.code, &*status.message), (2, "it broke"));
    let event = &span.events[0];
    assert_eq!(event.name, "appended");
    assert_eq!(event.time_unix_nano, span.start_time_unix_nano + 1);
    assert_eq!(value(&event.attributes, "seq"), Some(&Wire::IntValue(7)));
    assert_eq!(span.links[0].trace_id, TraceId::from(17).to_bytes());
}

#[test]
fn spans_arrive_as_they_were_made() {
    for protocol in PROTOCOLS {
        let receiver = Receiver::plain(is_grpc(protocol));
        let export = Export::to(target(protocol, &receiver, "/v1/traces"))
            .spans()
            .unwrap();
        let provider = SdkTracerProvider::builder()
            .with_resource(resource())
            .with_span_processor(export)
            .build();
        let tracer = provider.tracer_with_scope(scope());
        let id = make_span(&tracer);
        provider.shutdown().unwrap();

        let requests = receiver.requests();
        assert_eq!(requests.len(), 1, "{protocol}");
        assert_eq!(requests[0].path, "/v1/traces");
        let Body::Traces(request) = &requests[0].body else {
            panic!("no traces: {requests:?}");
        };
        let of_resource = &request.resource_spans[0];
        assert_eq!(of_resource.schema_url, "https://example.com/resource");
        let attributes = &of_resource.resource.as_ref().unwrap().attributes;
        assert_eq!(
            value(attributes, "service.name"),
            Some(&Wire::StringValue("tested".to_owned()))
        );
        let of_scope = &of_resource.scope_spans[0];
        assert_eq!(of_scope.schema_url, "https://example.com/scope");
        let scope = of_scope.scope.as_ref().unwrap();
        assert_eq!((&*scope.name, &*scope.version), ("scope", "1.2.3"));

        check_span(&of_scope.spans[0], id);
    }
}

#[test]
fn texts_of_any_length_arrive_whole() {
    // Where a length takes one byte more than the one before.
    let lengths = [
        0, 1, 100, 120, 127, 128, 129, 16_200, 16_383, 16_384, 300_000,
    ];
    for protocol in PROTOCOLS {
        let receiver = Receiver::plain(is_grpc(protocol));
        let traces = Traces::to(target(protocol, &receiver, "/v1/traces"));
        let maker = traces.provider.tracer("");
        for length in lengths {
            let text = "x".repeat(length);
            let both = vec![StringValue::from(text.clone()), StringValue::from("y")];
            let mut span = maker
                .span_builder(text.clone())
                .with_attributes([
                    KeyValue::new("text", text.clone()),
                    KeyValue::new("texts", Value::Array(Array::String(both))),
                ])
                .start(&maker);
            span.add_event(text.clone(), vec![KeyValue::new("text", text)]);
        }
        traces.provider.force_flush().unwrap();
        let spans = receiver.spans();
        assert_eq!(spans.len(), lengths.len());
        for (span, length) in spans.iter().zip(lengths) {
            let text = "x".repeat(length);
            let wire = Wire::StringValue(text.clone());
            assert_eq!((&span.name, &span.events[0].name), (&text, &text));
            assert_eq!(value(&span.attributes, "text"), Some(&wire));
            assert_eq!(value(&span.events[0].attributes, "text"), Some(&wire));
            let both = array([wire, Wire::StringValue("y".to_owned())]);
            assert_eq!(value(&span.attributes, "texts"), Some(&both));
        }
    }
}

#[test]
fn a_batch_that_no_collector_would_take_whole_leaves_in_parts() {
    for protocol in PROTOCOLS {
        let receiver = Receiver::plain(is_grpc(protocol));
        let traces = Traces::to(target(protocol, &receiver, "/v1/traces"));
        let maker = traces.provider.tracer("");
        let text = "x".repeat(100_000);
        for number in 0..100 {
            let long = KeyValue::new("text", text.clone());
            let number = KeyValue::new("number", number);
            let span = maker.span_builder("span").with_attributes([number, long]);
            drop(span.start(&maker));
        }
        traces.provider.force_flush().unwrap();
        let numbers: Vec<_> = receiver
            .spans()
            .iter()
            .map(|span| value(&span.attributes, "number").cloned())
            .collect();
        let all: Vec<_> = (0..100)
            .map(|number| Some(Wire::IntValue(number)))
            .collect();
        assert_eq!(numbers, all, "{protocol}");
        assert_eq!(traces.stats().delivered, 100);
        for received in receiver.requests() {
            assert!(received.body.items() < 42, "{}", received.body.items());
        }
    }
}

#[test]
fn spans_of_several_scopes_stand_under_theirs() {
    let receiver = Receiver::http();
    let traces = Traces::to(target(Protocol::HttpProtobuf, &receiver, "/v1/traces"));
    let makers = ["one", "two", "three"].map(|name| traces.provider.tracer(name));
    for round in 0..5 {
        for maker in &makers {
            drop(maker.start(format!("{round}")));
        }
    }
    traces.provider.force_flush().unwrap();
    let Body::Traces(request) = &receiver.requests()[0].body else {
        panic!("no spans")
    };
    let scopes = &request.resource_spans[0].scope_spans;
    let found: Vec<(&str, Vec<&str>)> = scopes
        .iter()
        .map(|scope| {
            let names = scope.spans.iter().map(|span| span.name.as_str());
            (scope.scope.as_ref().unwrap().name.as_str(), names.collect())
        })
        .collect();
    let rounds = vec!["0", "1", "2", "3", "4"];
    assert_eq!(
        found,
        ["one", "two", "three"].map(|name| (name, rounds.clone()))
    );
}

#[test]
fn json_is_the_json_of_otlp() {
    let receiver = Receiver::http();
    let traces = Traces::to(target(Protocol::HttpJson, &receiver, "/v1/traces"));
    let maker = traces.provider.tracer("test");
    let mut span = maker
        .span_builder("chat")
        .with_kind(SpanKind::Client)
        .with_attributes([KeyValue::new("tokens", 100)])
        .start(&maker);
    span.end();
    traces.provider.force_flush().unwrap();
    let request = receiver.requests().remove(0);
    assert_eq!(request.headers["content-type"], "application/json");
    let json: serde_json::Value = serde_json::from_slice(&request.raw).unwrap();
    let json = &json["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    assert_eq!(json["traceId"], span.span_context().trace_id().to_string());
    assert_eq!(json["spanId"], span.span_context().span_id().to_string());
    assert_eq!(json["kind"], 3);
    assert!(json["startTimeUnixNano"].is_string());
    assert_eq!(json["attributes"][0]["value"]["intValue"], "100");
}

#[test]
fn log_records_arrive_as_they_were_made() {
    for protocol in PROTOCOLS {
        let receiver = Receiver::plain(is_grpc(protocol));
        let export = Export::to(target(protocol, &receiver, "/v1/logs"))
            .logs()
            .unwrap();
        let monitor = export.monitor();
        let provider = SdkLoggerProvider::builder()
            .with_resource(resource())
            .with_log_processor(export)
            .build();
        let logger = provider.logger_with_scope(scope());
        let mut record = logger.create_log_record();
        record.set_timestamp(SystemTime::UNIX_EPOCH + Duration::from_nanos(7));
        record.set_severity_number(Severity::Warn);
        record.set_severity_text("WARN");
        record.set_body(AnyValue::from("it rains"));
        record.set_event_name("life.mode.transition");
        record.add_attribute("count", 3_i64);
        record.set_trace_context(
            TraceId::from(17),
            SpanId::from(18),
            Some(TraceFlags::SAMPLED),
        );
        logger.emit(record);
        provider.shutdown().unwrap();

        let requests = receiver.requests();
        assert_eq!(requests.len(), 1, "{protocol}");
        let Body::Logs(request) = &requests[0].body else {
            panic!("no logs: {requests:?}");
        };
        let of_resource = &request.resource_logs[0];
        assert_eq!(of_resource.schema_url, "https://example.com/resource");
        let of_scope = &of_resource.scope_logs[0];
        assert_eq!(of_scope.schema_url, "https://example.com/scope");
        assert_eq!(of_scope.scope.as_ref().unwrap().version, "1.2.3");
        let record = &of_scope.log_records[0];
        assert_eq!(record.time_unix_nano, 7);
        assert_ne!(record.observed_time_unix_nano, 0);
        assert_eq!(
            (record.severity_number, &*record.severity_text),
            (13, "WARN")
        );
        assert_eq!(record.event_name, "life.mode.transition");
        assert_eq!(
            record.body.as_ref().unwrap().value,
            Some(Wire::StringValue("it rains".to_owned()))
        );
        assert_eq!(value(&record.attributes, "count"), Some(&Wire::IntValue(3)));
        assert_eq!(record.trace_id, TraceId::from(17).to_bytes());
        assert_eq!(record.span_id, SpanId::from(18).to_bytes());
        assert_eq!(record.flags, 1);
        assert_eq!((monitor.stats().created, monitor.stats().delivered), (1, 1));
    }
}

#[test]
fn metrics_arrive_as_they_were_measured() {
    for protocol in PROTOCOLS {
        let receiver = Receiver::plain(is_grpc(protocol));
        let export = Export::to(target(protocol, &receiver, "/v1/metrics"))
            .metrics()
            .unwrap();
        let monitor = export.monitor();
        let provider = SdkMeterProvider::builder()
            .with_resource(resource())
            .with_reader(PeriodicReader::builder(export).build())
            .build();
        let meter = provider.meter_with_scope(scope());
        let counter = meter.u64_counter("calls").with_unit("{call}").build();
        counter.add(2, &[KeyValue::new("tool", "shell")]);
        counter.add(3, &[KeyValue::new("tool", "web")]);
        let histogram = meter
            .f64_histogram("seconds")
            .with_unit("s")
            .with_boundaries(vec![1.0, 2.0])
            .build();
        histogram.record(1.5, &[]);
        vigil::export::shutdown_meter_provider(&provider, &monitor, LONG).unwrap();

        let metrics = receiver.metrics();
        let metric = |name: &str| metrics.iter().find(|metric| metric.name == name).unwrap();
        assert_eq!(metric("calls").unit, "{call}");
        let Some(Data::Sum(sum)) = &metric("calls").data else {
            panic!("no sum: {metrics:?}");
        };
        assert!(sum.is_monotonic);
        assert_eq!(sum.aggregation_temporality, 2, "cumulative");
        let mut values: Vec<_> = sum.data_points.iter().map(|point| point.value).collect();
        values.sort_by_key(|value| match value {
            Some(Number::AsInt(value)) => *value,
            other => panic!("no integer: {other:?}"),
        });
        assert_eq!(values, [Some(Number::AsInt(2)), Some(Number::AsInt(3))]);
        let Some(Data::Histogram(histogram)) = &metric("seconds").data else {
            panic!("no histogram: {metrics:?}");
        };
        let point = &histogram.data_points[0];
        assert_eq!(point.explicit_bounds, [1.0, 2.0]);
        assert_eq!(point.bucket_counts, [0, 1, 0]);
        let stats = monitor.stats();
        assert_eq!((stats.created, stats.delivered, stats.lost()), (3, 3, 0));
    }
}

#[test]
fn headers_and_gzip_reach_the_collector() {
    for protocol in PROTOCOLS {
        let receiver = Receiver::plain(is_grpc(protocol));
        let target = target(protocol, &receiver, "/v1/traces")
            .header("Authorization", "Bearer secret")
            .header("x-tenant", "a b=c")
            .compression(Compression::Gzip);
        let traces = Traces::to(target);
        traces.make(100);
        traces.provider.force_flush().unwrap();
        let request = receiver.requests().remove(0);
        assert_eq!(request.headers["authorization"], "Bearer secret");
        assert_eq!(request.headers["x-tenant"], "a b=c");
        let encoding = if is_grpc(protocol) {
            "grpc-encoding"
        } else {
            "content-encoding"
        };
        assert_eq!(request.headers[encoding], "gzip", "{protocol}");
        assert!(request.headers["user-agent"].starts_with("vigil/"));
        assert_eq!(receiver.spans().len(), 100);
    }
}

#[test]
fn https_works_with_an_authority_of_ones_own() {
    for protocol in PROTOCOLS {
        let authority = Authority::new();
        let tls = Tls::new().ca_certificate(authority.ca_file());
        let receiver = Receiver::tls(is_grpc(protocol), authority, false);
        let traces = Traces::to(target(protocol, &receiver, "/v1/traces").tls(tls));
        traces.make(3);
        traces.provider.force_flush().unwrap();
        assert_eq!(receiver.spans().len(), 3, "{protocol}");
    }
}

#[test]
fn a_collector_that_nobody_vouches_for_gets_nothing() {
    for protocol in PROTOCOLS {
        let receiver = Receiver::tls(is_grpc(protocol), Authority::new(), false);
        let target = target(protocol, &receiver, "/v1/traces").timeout(Duration::from_millis(400));
        let traces = Traces::to(target);
        traces.make(3);
        traces.provider.force_flush().unwrap_err();
        assert_eq!(receiver.requests().len(), 0, "{protocol}");
        assert_eq!(traces.stats().failed, 3);
        let reports = traces.reports.all();
        let reason = reports[0].to_string().to_lowercase();
        assert!(reason.contains("certificate"), "{reason}");
    }
}

#[test]
fn a_client_certificate_is_shown_where_it_is_asked_for() {
    for protocol in PROTOCOLS {
        let authority = Authority::new();
        let (certificate, key) = authority.client_files();
        let tls = Tls::new().ca_certificate(authority.ca_file());
        let receiver = Receiver::tls(is_grpc(protocol), authority, true);
        let target = target(protocol, &receiver, "/v1/traces").timeout(Duration::from_millis(400));

        let traces = Traces::to(target.clone().tls(tls.clone()));
        traces.make(1);
        traces.provider.force_flush().unwrap_err();
        assert_eq!(receiver.spans().len(), 0, "{protocol}, without");

        let target = target.timeout(LONG).tls(tls.client(certificate, key));
        let traces = Traces::to(target);
        traces.make(1);
        traces.provider.force_flush().unwrap();
        assert_eq!(receiver.spans().len(), 1, "{protocol}, with");
    }
}
