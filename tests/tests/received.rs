//! What a collector got is what the registry declares: over every transport, with content and
//! without.

use opentelemetry::Value;
use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Wire;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, HistogramDataPoint, Metric, NumberDataPoint, ScopeMetrics, Sum,
};
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::{ScopeSpans, Span};
use vigil::export::Protocol;
use vigil::registry::REGISTRY;
use vigil_tests::child::{self, PROTOCOLS, set, towards};
use vigil_tests::everything::missing;
use vigil_tests::received::{exported, resources};
use vigil_tests::receiver::{Body, Received, Receiver};

/// The programs, and what they are asked to do.
const PROGRAMS: [(&str, &str); 4] = [
    (env!("CARGO_BIN_EXE_agent_loop"), ""),
    (env!("CARGO_BIN_EXE_agent"), "run"),
    (LOOP, "least"),
    (LOOP, "most"),
];

const LOOP: &str = env!("CARGO_BIN_EXE_loop");

/// What a collector gets from a program.
fn received(protocol: Protocol, (program, what): (&str, &str), captures: bool) -> Vec<Received> {
    let receiver = Receiver::plain(protocol == Protocol::Grpc);
    let mut variables = towards(protocol, &receiver);
    let capture = if captures {
        "SPAN_AND_EVENT"
    } else {
        "NO_CONTENT"
    };
    variables.push(set(
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
        capture,
    ));
    let ran = child::run(program, &[what], &variables);
    assert!(ran.status.success(), "{ran:?}");
    receiver.requests()
}

/// Everything that every program sends, over every transport, with content or without.
fn everywhere(captures: bool, check: impl Fn(&str, &[Received]) + Sync) {
    std::thread::scope(|scope| {
        for protocol in PROTOCOLS {
            let check = &check;
            scope.spawn(move || {
                for program in PROGRAMS {
                    let place = format!("{program:?} over {protocol}");
                    check(&place, &received(protocol, program, captures));
                }
            });
        }
    });
}

#[test]
fn what_arrives_is_what_the_registry_declares() {
    for captures in [false, true] {
        everywhere(captures, |place, requests| {
            let all = exported(requests);
            assert_eq!(all.violations(&REGISTRY), [""; 0], "{place}");
            assert!(!all.spans.is_empty(), "{place}");
            assert!(!all.metrics.is_empty(), "{place}");
            assert!(!all.logs.is_empty(), "{place}");
        });
    }
}

#[test]
fn everything_that_the_registry_declares_arrives() {
    for protocol in PROTOCOLS {
        let all = exported(&received(protocol, (LOOP, "most"), true));
        assert_eq!(missing(&all), [""; 0], "{protocol}");
    }
}

#[test]
fn nothing_that_is_content_arrives_while_capture_is_off() {
    everywhere(false, |place, requests| {
        let all = exported(requests);
        let of_spans = all.spans.iter().flat_map(|span| span.attributes().to_vec());
        let events = all
            .spans
            .iter()
            .flat_map(vigil::testing::ExportedSpan::events);
        let of_events = events.flat_map(|event| event.attributes);
        let of_logs = all.logs.iter().flat_map(|log| log.attributes.clone());
        for attribute in of_spans.chain(of_events).chain(of_logs) {
            let definition = REGISTRY.attribute(attribute.key.as_str());
            assert!(
                !definition.is_some_and(|definition| definition.sensitive),
                "{place}: {attribute:?}"
            );
        }
    });
}

#[test]
fn spans_and_metrics_are_of_the_scope_of_the_registry_and_of_no_other() {
    everywhere(true, |place, requests| {
        let all = exported(requests);
        let scopes = all.spans.iter().map(vigil::testing::ExportedSpan::scope);
        for scope in scopes.chain(all.metrics.iter().map(|metric| &metric.scope)) {
            assert_eq!(scope.name(), "vigil", "{place}");
            assert_eq!(scope.version(), Some(REGISTRY.scope.version), "{place}");
            assert_eq!(
                scope.schema_url(),
                Some(REGISTRY.scope.schema_url),
                "{place}"
            );
        }
    });
}

#[test]
fn events_of_the_registry_are_of_its_scope_as_log_records_too() {
    everywhere(true, |place, requests| {
        let resources = requests.iter().flat_map(|request| match &request.body {
            Body::Logs(request) => request.resource_logs.as_slice(),
            _ => &[],
        });
        let mut events = 0;
        for scoped in resources.flat_map(|resource| &resource.scope_logs) {
            let mut names = scoped.log_records.iter().map(|it| it.event_name.as_str());
            if names.any(|name| REGISTRY.events.iter().any(|it| it.name() == name)) {
                events += 1;
                assert_eq!(scoped.schema_url, REGISTRY.scope.schema_url, "{place}");
            }
        }
        assert!(events > 0, "{place}");
    });
}

#[test]
fn the_resource_of_every_signal_is_the_same_and_names_the_service_and_the_sdk() {
    everywhere(false, |place, requests| {
        let resources = resources(requests);
        assert_eq!(resources.len(), 3, "{place}");
        for (attributes, schema_url) in resources {
            let mut attributes: Vec<_> = attributes
                .iter()
                .map(|attribute| (attribute.key.as_str(), attribute.value.as_str()))
                .collect();
            attributes.sort_unstable();
            let keys: Vec<_> = attributes.iter().map(|(key, _)| *key).collect();
            assert_eq!(
                keys,
                [
                    "service.name",
                    "telemetry.sdk.language",
                    "telemetry.sdk.name",
                    "telemetry.sdk.version"
                ],
                "{place}"
            );
            assert!(
                ["agent-under-test", "agent-loop"].contains(&&*attributes[0].1),
                "{place}: {attributes:?}"
            );
            assert_eq!(schema_url, REGISTRY.scope.schema_url, "{place}");
        }
    });
}

#[test]
fn a_log_line_carries_the_ids_of_the_span_that_it_is_written_in() {
    for protocol in PROTOCOLS {
        let all = exported(&received(protocol, PROGRAMS[1], false));
        let chat = all
            .spans
            .iter()
            .find(|span| span.name() == "chat claude-sonnet-4-5")
            .expect("the chat is exported");
        let line = all
            .logs
            .iter()
            .find(|log| log.body == "asking the model")
            .expect("the line is exported");
        assert_eq!(line.trace_id, chat.trace_id(), "{protocol}");
        assert_eq!(line.span_id, chat.span_id(), "{protocol}");
        assert_eq!(line.attribute("attempt"), Some(&Value::I64(1)));
    }
}

/// What a collector got, about to be spoilt.
struct Spoilt(Vec<Received>);

impl Spoilt {
    fn scope_spans(&mut self) -> impl Iterator<Item = &mut ScopeSpans> {
        self.0.iter_mut().flat_map(|request| {
            let resources = match &mut request.body {
                Body::Traces(request) => request.resource_spans.as_mut_slice(),
                _ => &mut [],
            };
            resources.iter_mut().flat_map(|r| &mut r.scope_spans)
        })
    }

    fn scope_metrics(&mut self) -> impl Iterator<Item = &mut ScopeMetrics> {
        self.0.iter_mut().flat_map(|request| {
            let resources = match &mut request.body {
                Body::Metrics(request) => request.resource_metrics.as_mut_slice(),
                _ => &mut [],
            };
            resources.iter_mut().flat_map(|r| &mut r.scope_metrics)
        })
    }

    fn span(&mut self, name: &str) -> &mut Span {
        self.scope_spans()
            .flat_map(|scoped| &mut scoped.spans)
            .find(|span| span.name == name)
            .expect("the span is there")
    }

    fn metric(&mut self, name: &str) -> &mut Metric {
        self.scope_metrics()
            .flat_map(|scoped| &mut scoped.metrics)
            .find(|metric| metric.name == name)
            .expect("the metric is there")
    }

    fn sum(&mut self, name: &str) -> &mut Sum {
        match &mut self.metric(name).data {
            Some(Data::Sum(sum)) => sum,
            other => panic!("{other:?}"),
        }
    }

    fn bucketed(&mut self, name: &str) -> &mut HistogramDataPoint {
        match &mut self.metric(name).data {
            Some(Data::Histogram(histogram)) => &mut histogram.data_points[0],
            other => panic!("{other:?}"),
        }
    }

    fn log(&mut self, event_name: &str) -> &mut LogRecord {
        self.0
            .iter_mut()
            .flat_map(|request| {
                let resources = match &mut request.body {
                    Body::Logs(request) => request.resource_logs.as_mut_slice(),
                    _ => &mut [],
                };
                resources.iter_mut().flat_map(|r| &mut r.scope_logs)
            })
            .flat_map(|scoped| &mut scoped.log_records)
            .find(|record| record.event_name == event_name)
            .expect("the log record is there")
    }
}

fn add(attributes: &mut Vec<KeyValue>, key: &str, value: &str) {
    attributes.push(KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Wire::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    });
}

fn remove(attributes: &mut Vec<KeyValue>, key: &str) {
    let before = attributes.len();
    attributes.retain(|attribute| attribute.key != key);
    assert!(attributes.len() < before, "`{key}` was not there");
}

fn replace(attributes: &mut Vec<KeyValue>, key: &str, value: &str) {
    remove(attributes, key);
    add(attributes, key, value);
}

/// A way to spoil what was received, and what is said of it.
type Mistake = (fn(&mut Spoilt), &'static str);

fn assert_reported(mistakes: &[Mistake]) {
    let requests = received(Protocol::HttpProtobuf, (LOOP, "most"), true);
    for (spoil, expected) in mistakes {
        let mut spoilt = Spoilt(requests.clone());
        spoil(&mut spoilt);
        let violations = exported(&spoilt.0).violations(&REGISTRY);
        assert!(
            violations
                .iter()
                .any(|violation| violation.contains(expected)),
            "{expected}\n{violations:#?}"
        );
    }
}

#[test]
fn a_wrong_span_is_told() {
    assert_reported(&[
        (
            |all| {
                add(
                    &mut all.span("chat sonnet").attributes,
                    "gen_ai.modle",
                    "sonnet",
                );
            },
            "span `chat sonnet`: `gen_ai.modle` is not declared",
        ),
        (
            |all| {
                remove(
                    &mut all.span("chat sonnet").attributes,
                    "gen_ai.provider.name",
                );
            },
            "span `chat sonnet`: `gen_ai.provider.name` is required and missing",
        ),
        (
            |all| {
                remove(
                    &mut all.span("execute_tool shell").attributes,
                    "life.session_id",
                );
            },
            "span `execute_tool shell`: `life.session_id` is inherited and missing",
        ),
        (
            |all| {
                let attributes = &mut all.span("chat sonnet").attributes;
                replace(attributes, "gen_ai.usage.input_tokens", "1200");
            },
            "`gen_ai.usage.input_tokens` is String(Owned(\"1200\")), not Int",
        ),
        (
            |all| {
                let attributes = &mut all.span("chat sonnet").attributes;
                replace(attributes, "gen_ai.response.finish_reasons", "stop");
            },
            "`gen_ai.response.finish_reasons` is String(Owned(\"stop\")), not Strings",
        ),
        (
            |all| {
                let attributes = &mut all.span("execute_tool shell").attributes;
                replace(attributes, "life.tool.status", "exploded");
            },
            "span `execute_tool shell`: `exploded` is no member of `life.tool.status`",
        ),
        (
            |all| {
                add(
                    &mut all.span("chat sonnet").attributes,
                    "life.run_id",
                    "r-1",
                );
            },
            "span `chat sonnet`: `life.run_id` stands there twice",
        ),
        (
            |all| {
                let attributes = &mut all.span("chat sonnet").attributes;
                replace(attributes, "gen_ai.operation.name", "talk");
            },
            "span `chat sonnet`: its name, kind and fixed attributes are of no declared span",
        ),
        (
            |all| all.span("chat sonnet").name = "chat".to_owned(),
            "span `chat`: its name, kind and fixed attributes are of no declared span",
        ),
        (
            |all| all.span("chat sonnet").kind = 1,
            "span `chat sonnet`: its name, kind and fixed attributes are of no declared span",
        ),
        (
            |all| {
                let execute = all.span("phase execute").span_id.clone();
                all.span("chat sonnet").parent_span_id = execute.clone();
                let agent = all.span("invoke_agent arcan").span_id.clone();
                all.span("execute_tool shell").parent_span_id = agent;
            },
            "span `execute_tool shell`: `invoke_agent arcan` is not among its parents",
        ),
        (
            |all| all.span("phase reflect").parent_span_id = vec![7; 8],
            "span `phase reflect`: its parent was not exported",
        ),
        (
            |all| all.span("phase reflect").trace_id = vec![7; 16],
            "span `phase reflect`: its parent was not exported",
        ),
    ]);
}

#[test]
fn a_wrong_event_is_told() {
    assert_reported(&[
        (
            |all| {
                add(
                    &mut all.log("life.journal.append").attributes,
                    "life.mood",
                    "sunny",
                );
            },
            "log record `life.journal.append`: `life.mood` is not declared",
        ),
        (
            |all| {
                remove(
                    &mut all.log("life.journal.append").attributes,
                    "life.event_seq",
                );
            },
            "log record `life.journal.append`: `life.event_seq` is required and missing",
        ),
        (
            |all| {
                replace(
                    &mut all.log("life.journal.append").attributes,
                    "life.event_seq",
                    "7",
                );
            },
            "`life.event_seq` is String(Owned(\"7\")), not Int",
        ),
        (
            |all| {
                let record = all.log("life.mode.transition");
                replace(&mut record.attributes, "life.mode.to", "dream");
            },
            "log record `life.mode.transition`: `dream` is no member of `life.mode.to`",
        ),
        (
            |all| {
                let trace_id = all.span("chat sonnet").trace_id.clone();
                let record = all.log("life.mode.transition");
                record.event_name.clear();
                record.trace_id = trace_id;
                record.span_id = vec![7; 8];
            },
            "log record \"life.mode.transition\": its span was not exported",
        ),
        (
            |all| {
                let mut event = Event {
                    name: "life.journal.append".to_owned(),
                    ..Event::default()
                };
                add(&mut event.attributes, "life.event_kind", "RunFinished");
                all.span("phase reflect").events.push(event);
            },
            "span `phase reflect`, event `life.journal.append`: `life.event_seq` is required and missing",
        ),
    ]);
}

#[test]
fn a_wrong_metric_is_told() {
    const TOKENS: &str = "gen_ai.client.token.usage";
    const RUNS: &str = "life.tool.executions";
    assert_reported(&[
        (
            |all| all.metric(TOKENS).unit = "tokens".to_owned(),
            "metric `gen_ai.client.token.usage`: its unit is `tokens`, not `{token}`",
        ),
        (
            |all| all.metric(TOKENS).description = "tokens".to_owned(),
            "metric `gen_ai.client.token.usage`: it says `tokens` of itself",
        ),
        (
            |all| all.metric(TOKENS).name = "gen_ai.tokens".to_owned(),
            "metric `gen_ai.tokens`: it is not declared",
        ),
        (
            |all| all.bucketed(TOKENS).explicit_bounds = vec![5.0, 10.0],
            "metric `gen_ai.client.token.usage`: its boundaries are [5.0, 10.0]",
        ),
        (
            |all| all.bucketed(TOKENS).sum = Some(0.5),
            "metric `gen_ai.client.token.usage`: it is a HistogramDouble, not a HistogramInt",
        ),
        (
            |all| {
                add(
                    &mut all.bucketed(TOKENS).attributes,
                    "life.session_id",
                    "s-1",
                );
            },
            "metric `gen_ai.client.token.usage`: `life.session_id` is not declared",
        ),
        (
            |all| remove(&mut all.bucketed(TOKENS).attributes, "gen_ai.token.type"),
            "metric `gen_ai.client.token.usage`: `gen_ai.token.type` is required and missing",
        ),
        (
            |all| all.sum(RUNS).is_monotonic = false,
            "metric `life.tool.executions`: it is a UpDownCounterInt, not a CounterInt",
        ),
        (
            |all| all.sum(RUNS).data_points[0].value = Some(Number::AsDouble(1.0)),
            "metric `life.tool.executions`: it is a CounterDouble, not a CounterInt",
        ),
        (
            |all| {
                let data_points = std::mem::take(&mut all.sum(RUNS).data_points);
                all.metric(RUNS).data = Some(Data::Gauge(Gauge { data_points }));
            },
            "metric `life.tool.executions`: it is a GaugeInt, not a CounterInt",
        ),
        (
            |all| {
                let NumberDataPoint { attributes, .. } = &mut all.sum(RUNS).data_points[0];
                replace(attributes, "life.tool.status", "exploded");
            },
            "metric `life.tool.executions`: `exploded` is no member of `life.tool.status`",
        ),
    ]);
}

#[test]
fn a_wrong_scope_is_told() {
    assert_reported(&[
        (
            |all| {
                for scoped in all.scope_spans() {
                    scoped.scope.as_mut().expect("a scope").version.clear();
                }
            },
            "span `chat sonnet`: the version of its scope is None",
        ),
        (
            |all| {
                for scoped in all.scope_spans() {
                    scoped.schema_url = "https://example.com".to_owned();
                }
            },
            "span `chat sonnet`: the schema URL of its scope is Some(\"https://example.com\")",
        ),
        (
            |all| {
                for scoped in all.scope_metrics() {
                    scoped.scope.as_mut().expect("a scope").version = "0.0.0".to_owned();
                }
            },
            "metric `life.tool.executions`: the version of its scope is Some(\"0.0.0\")",
        ),
        (|all| all.0.clear(), "pipeline: nothing was exported"),
    ]);
}

#[test]
fn ids_arrive_whole() {
    for protocol in PROTOCOLS {
        let all = exported(&received(protocol, (LOOP, "least"), false));
        for span in all.spans {
            assert_ne!(span.trace_id(), TraceId::INVALID, "{protocol}");
            assert_ne!(span.span_id(), SpanId::INVALID, "{protocol}");
        }
    }
}
