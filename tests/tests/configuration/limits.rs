//! How much a span, an event, a link and a log record hold.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span;
use vigil_tests::receiver::Receiver;

use super::{Seen, Way, setter, variable};

pub(super) const SEEN: &[Seen] = &[
    (
        counts_are_limited_and_what_is_dropped_is_said,
        &[
            "OTEL_ATTRIBUTE_COUNT_LIMIT",
            "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
            "OTEL_SPAN_EVENT_COUNT_LIMIT",
            "OTEL_SPAN_LINK_COUNT_LIMIT",
            "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
            "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
            "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
            "VigConfig::limits",
        ],
    ),
    (
        texts_are_cut_between_characters_also_in_arrays,
        &[
            "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        ],
    ),
];

/// The span and the log record that are wide.
fn wide(way: Way, protocol: &str) -> (Span, LogRecord) {
    let receiver = Receiver::plain(protocol == "grpc");
    way.to(&receiver)
        .variable("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
        .run("wide");
    let (mut spans, logs) = (receiver.spans(), receiver.logs());
    assert_eq!(spans.len(), 1, "{spans:?}");
    let record = logs.into_iter().find(|record| {
        let body = record.body.as_ref().and_then(|body| body.value.as_ref());
        matches!(body, Some(Value::StringValue(text)) if text == "wide")
    });
    (spans.remove(0), record.expect("the record is there"))
}

/// Attributes of the span, events, links, attributes of an event, of a link, of the log record.
const ALL: [usize; 6] = [5, 5, 5, 5, 5, 5];

#[test]
fn counts_are_limited_and_what_is_dropped_is_said() {
    for (expected, way) in [
        (ALL, Way::default()),
        (
            [2, 5, 5, 2, 2, 2],
            variable("OTEL_ATTRIBUTE_COUNT_LIMIT", "2"),
        ),
        (
            [2, 5, 5, 5, 5, 5],
            variable("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "2"),
        ),
        (
            [5, 2, 5, 5, 5, 5],
            variable("OTEL_SPAN_EVENT_COUNT_LIMIT", "2"),
        ),
        (
            [5, 5, 2, 5, 5, 5],
            variable("OTEL_SPAN_LINK_COUNT_LIMIT", "2"),
        ),
        (
            [5, 5, 5, 2, 5, 5],
            variable("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "2"),
        ),
        (
            [5, 5, 5, 5, 2, 5],
            variable("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "2"),
        ),
        (
            [5, 5, 5, 5, 5, 2],
            variable("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "2"),
        ),
        ([2; 6], setter("limits", "2")),
    ] {
        let (span, record) = wide(way.clone(), "http/protobuf");
        let (event, link) = (&span.events[0], &span.links[0]);
        let kept = [
            span.attributes.len(),
            span.events.len(),
            span.links.len(),
            event.attributes.len(),
            link.attributes.len(),
            record.attributes.len(),
        ];
        assert_eq!(kept, expected, "{way:?}");
        let dropped = [
            span.dropped_attributes_count,
            span.dropped_events_count,
            span.dropped_links_count,
            event.dropped_attributes_count,
            link.dropped_attributes_count,
            record.dropped_attributes_count,
        ];
        let missing = expected.map(|kept| 5 - u32::try_from(kept).expect("a few"));
        assert_eq!(dropped, missing, "{way:?}");
    }
}

/// Every text, those in arrays too.
fn texts(attributes: &[KeyValue]) -> Vec<String> {
    let values = attributes.iter().filter_map(|it| it.value.as_ref());
    let mut texts = Vec::new();
    for value in values.filter_map(|it| it.value.as_ref()) {
        match value {
            Value::StringValue(text) => texts.push(text.clone()),
            Value::ArrayValue(array) => {
                for value in &array.values {
                    if let Some(Value::StringValue(text)) = &value.value {
                        texts.push(text.clone());
                    }
                }
            }
            _ => {}
        }
    }
    texts
}

#[test]
fn texts_are_cut_between_characters_also_in_arrays() {
    const LONG: &str = "täxttäxttäxttäxttäxt";
    const CUT: &str = "täxttä";
    let general = "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT";
    let of_spans = "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT";
    let of_records = "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT";
    for protocol in ["http/protobuf", "http/json", "grpc"] {
        for (on_span, on_record, way) in [
            (LONG, LONG, Way::default()),
            (CUT, CUT, variable(general, "6")),
            (CUT, LONG, variable(of_spans, "6")),
            (LONG, CUT, variable(of_records, "6")),
            (CUT, CUT, setter("limits", "6")),
        ] {
            let (span, record) = wide(way.clone(), protocol);
            for attributes in [
                &span.attributes,
                &span.events[0].attributes,
                &span.links[0].attributes,
            ] {
                assert_eq!(texts(attributes), [on_span, on_span, "ok"], "{way:?}");
                let number = attributes.iter().find(|it| it.key == "c.number");
                let number = number.and_then(|it| it.value.as_ref()?.value.as_ref());
                assert_eq!(number, Some(&Value::IntValue(123_456_789)));
            }
            assert_eq!(texts(&record.attributes), [on_record], "{way:?}");
        }
    }
}
