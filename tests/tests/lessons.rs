//! What a process promises to whoever looks at what it sent, wrote and returned.
//!
//! Some promises are kept under watch elsewhere, by tests that look at the same place: what arrives is
//! what the registry declares, all of it and nothing else, and content only if asked for
//! (`received.rs`); every way to end, every kind of collector, TLS and runtimes over every transport
//! (`matrix.rs`); traces that go on in other processes (`propagation.rs`); one `init` (`init.rs`).

use opentelemetry::Value;
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_proto::tonic::metrics::v1::HistogramDataPoint;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use vigil::export::{Protocol, Signal};
use vigil::testing::{Exported, ExportedSpan};
use vigil_tests::child::{self, PROTOCOLS, Ran, set, towards};
use vigil_tests::received::exported;
use vigil_tests::receiver::Receiver;

const LOOP: &str = env!("CARGO_BIN_EXE_loop");
const AGENT: &str = env!("CARGO_BIN_EXE_agent");

/// Runs the loop towards a collector that is well, with these variables beside.
fn run(protocol: Protocol, what: &str, variables: &[(&str, &str)]) -> (Ran, Receiver) {
    let receiver = Receiver::plain(protocol == Protocol::Grpc);
    let mut all = towards(protocol, &receiver);
    all.extend(variables.iter().map(|(name, value)| set(name, value)));
    // Time enough, whatever else the machine does: bounds are tested elsewhere.
    let ran = child::run(LOOP, &[what, "no-runtime", "30000"], &all);
    assert!(ran.status.success(), "{ran:?}");
    (ran, receiver)
}

/// Runs the loop with no collector anywhere.
fn run_alone(what: &str, variables: &[(&str, &str)]) -> Ran {
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| set(name, value))
        .collect();
    let ran = child::run(LOOP, &[what], &variables);
    assert!(ran.status.success(), "{ran:?}");
    ran
}

fn everything(receiver: &Receiver) -> Exported {
    exported(&receiver.requests())
}

/// Its lines, where each is an object of JSON.
fn json(lines: &str) -> Vec<serde_json::Value> {
    let parse =
        |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    lines.lines().map(parse).collect()
}

trait Named {
    fn named(&self, name: &str) -> &ExportedSpan;
}

impl Named for Exported {
    #[track_caller]
    fn named(&self, name: &str) -> &ExportedSpan {
        let span = self.spans.iter().find(|span| span.name() == name);
        span.unwrap_or_else(|| panic!("no `{name}`"))
    }
}

mod wrong_data {
    use super::*;

    #[test]
    fn whole_numbers_arrive_as_whole_numbers_whatever_their_type_was() {
        for protocol in PROTOCOLS {
            let (_, receiver) = run(protocol, "numbers", &[]);
            let all = everything(&receiver);
            let chat = all.named("chat sonnet");
            for (key, value) in [
                ("gen_ai.usage.input_tokens", 12_000),
                ("gen_ai.usage.output_tokens", 80),
                ("gen_ai.request.max_tokens", 4_096),
                ("server.port", 443),
            ] {
                assert_eq!(chat.attribute(key), Some(&Value::I64(value)), "{protocol}");
            }
        }
    }

    #[test]
    fn finish_reasons_arrive_as_an_array_of_texts_in_order() {
        for protocol in PROTOCOLS {
            let (_, receiver) = run(protocol, "numbers", &[]);
            let all = everything(&receiver);
            let reasons = all
                .named("chat sonnet")
                .attribute("gen_ai.response.finish_reasons");
            let expected = opentelemetry::Array::String(vec!["tool_call".into(), "stop".into()]);
            assert_eq!(reasons, Some(&Value::Array(expected)), "{protocol}");
        }
    }

    #[test]
    fn a_chat_is_a_call_of_a_client_and_is_named_after_its_model() {
        let (_, receiver) = run(Protocol::HttpProtobuf, "numbers", &[]);
        let all = everything(&receiver);
        assert_eq!(*all.named("chat sonnet").kind(), SpanKind::Client);
    }

    #[test]
    fn a_tool_says_how_it_ended_and_one_that_failed_is_an_error() {
        for protocol in PROTOCOLS {
            let (_, receiver) = run(protocol, "outcomes", &[]);
            let all = everything(&receiver);
            for (tool, status, error_type) in [
                ("works", "ok", None),
                ("fails", "error", Some("loop::ToolFailed")),
                ("hangs", "timeout", Some("timeout")),
                ("is-left", "cancelled", Some("cancelled")),
                ("panics", "error", Some("panic")),
            ] {
                let span = all.named(&format!("execute_tool {tool}"));
                assert_eq!(span.text("life.tool.status"), Some(status), "{tool}");
                assert_eq!(span.text("error.type"), error_type, "{tool}");
                let is_error = matches!(span.status(), Status::Error { .. });
                assert_eq!(is_error, error_type.is_some(), "{tool}: {span:?}");
                assert_ne!(*span.status(), Status::Ok, "success is left unset");
            }
        }
    }

    #[test]
    fn spans_of_others_carry_what_they_were_given_and_whose_work_it_is() {
        let (_, receiver) = run(Protocol::HttpProtobuf, "foreign", &[]);
        let all = everything(&receiver);
        let mut keys: Vec<_> = all
            .named("helper")
            .attributes()
            .iter()
            .map(|attribute| attribute.key.as_str())
            .collect();
        keys.sort_unstable();
        assert_eq!(
            keys,
            [
                "count",
                "gen_ai.agent.name",
                "gen_ai.conversation.id",
                "life.session_id",
                "session.id"
            ]
        );
    }

    #[test]
    fn prompts_of_real_size_fall_into_buckets_of_their_own() {
        for protocol in PROTOCOLS {
            let (_, receiver) = run(protocol, "numbers", &[]);
            let metrics = receiver.metrics();
            let metric = metrics
                .iter()
                .find(|metric| metric.name == "gen_ai.client.token.usage")
                .expect("the metric is there");
            assert_eq!(metric.unit, "{token}");
            let Some(Data::Histogram(histogram)) = &metric.data else {
                panic!("{metric:?}");
            };
            let of_three = |point: &&HistogramDataPoint| point.sum == Some(242_000.0);
            let input = histogram.data_points.iter().find(of_three);
            let input = input.unwrap_or_else(|| panic!("{histogram:?}"));
            let filled = input.bucket_counts.iter().filter(|count| **count > 0);
            assert_eq!(filled.count(), 3, "{protocol}: {input:?}");
            assert_eq!(input.bucket_counts.last(), Some(&0), "none is beyond");
        }
    }

    #[test]
    fn two_agents_have_a_budget_each() {
        let (_, receiver) = run(Protocol::HttpProtobuf, "budgets", &[]);
        let all = everything(&receiver);
        let metric = all
            .metrics
            .iter()
            .find(|metric| metric.name == "life.budget.tokens_remaining")
            .expect("the gauge is there");
        let mut budgets: Vec<_> = metric
            .points
            .iter()
            .map(|point| {
                let agent = point.attribute("gen_ai.agent.name").expect("whose it is");
                (agent.as_str().into_owned(), point.value.to_string())
            })
            .collect();
        budgets.sort();
        let budget = |agent: &str, tokens: &str| (agent.to_owned(), tokens.to_owned());
        assert_eq!(budgets, [budget("one", "1000"), budget("two", "2000")]);
    }

    #[test]
    fn instruments_that_were_touched_before_init_are_live_after_it() {
        let (_, early) = run(Protocol::HttpProtobuf, "early", &[]);
        let (_, later) = run(Protocol::HttpProtobuf, "least", &[]);
        let counts = |receiver: &Receiver| {
            let all = everything(receiver);
            let point = |metric: &vigil::testing::ExportedMetric| {
                let counts: u64 = metric.points.iter().map(|point| point.count).sum();
                (metric.name.clone(), metric.points.len(), counts)
            };
            let mut counts: Vec<_> = all.metrics.iter().map(point).collect();
            counts.sort();
            counts
        };
        assert!(!counts(&early).is_empty());
        assert_eq!(counts(&early), counts(&later));
    }
}

mod correlation {
    use super::*;

    #[test]
    fn without_a_collector_every_line_of_a_run_has_the_ids_of_its_trace() {
        let ran = run_alone("most", &[("VIGIL_LOG_FORMAT", "json")]);
        let lines = json(&ran.lines);
        let trace_id = lines[0]["trace_id"].as_str().expect("an id").to_owned();
        assert_eq!(trace_id.len(), 32);
        assert_ne!(trace_id, "0".repeat(32));
        for line in lines.iter().filter(|line| line["event"] != "metric") {
            assert_eq!(line["trace_id"], *trace_id, "{line}");
            assert_eq!(line["span_id"].as_str().map(str::len), Some(16), "{line}");
        }
    }

    #[test]
    fn an_id_that_is_handed_on_says_whether_its_trace_is_exported() {
        let flag = |ran: &Ran| {
            let header = ran
                .out
                .lines()
                .find_map(|line| line.strip_prefix("header traceparent: "));
            let header = header.unwrap_or_else(|| panic!("{ran:?}"));
            header.rsplit('-').next().unwrap_or_default().to_owned()
        };
        let (sampled, _) = run(Protocol::HttpProtobuf, "call", &[]);
        assert_eq!(flag(&sampled), "01");
        let off = [("OTEL_TRACES_SAMPLER", "always_off")];
        let (unsampled, receiver) = run(Protocol::HttpProtobuf, "call", &off);
        assert_eq!(flag(&unsampled), "00");
        assert_eq!(receiver.spans(), []);
        assert_eq!(flag(&run_alone("call", &[])), "00", "nobody exports it");
    }

    #[test]
    fn parents_hold_across_awaits_tasks_and_threads() {
        for protocol in PROTOCOLS {
            let (_, receiver) = run(protocol, "threads", &[]);
            let all = everything(&receiver);
            for (session, agent) in [("s-1", "one"), ("s-2", "two")] {
                let root = all.named(&format!("invoke_agent {agent}"));
                let phase = all
                    .spans
                    .iter()
                    .find(|span| span.name() == "phase execute" && span.is_child_of(root))
                    .expect("the phase stands under its agent");
                for tool in ["awaits", "task", "blocks", "thread"] {
                    let tool = all.named(&format!("execute_tool {tool}-{agent}"));
                    assert!(tool.is_child_of(phase), "{protocol}: {tool:?}");
                    assert_eq!(tool.text("life.session_id"), Some(session));
                }
                for tool in ["awaits", "blocks", "thread"] {
                    let tool = all.named(&format!("execute_tool {tool}-{agent}"));
                    let helpers = all
                        .spans
                        .iter()
                        .filter(|span| span.name() == "helper" && span.is_child_of(tool));
                    assert_eq!(helpers.count(), 1, "{protocol}: {tool:?}");
                    let lines = all
                        .logs
                        .iter()
                        .filter(|log| log.trace_id == root.trace_id());
                    assert_eq!(lines.count(), 3, "{protocol}");
                }
            }
        }
    }
}

mod configuration_and_transport {
    use super::*;

    #[test]
    fn the_sampling_ratio_of_the_environment_decides_what_is_exported() {
        let none = [("VIGIL_SAMPLING_RATIO", "0")];
        let (_, receiver) = run(Protocol::HttpProtobuf, "least", &none);
        assert_eq!(receiver.spans(), []);
        assert!(!receiver.metrics().is_empty(), "what is counted is counted");
        let (ran, receiver) = run(
            Protocol::HttpProtobuf,
            "least",
            &[("VIGIL_SAMPLING_RATIO", "NaN")],
        );
        assert!(!receiver.spans().is_empty(), "it is no ratio");
        assert!(ran.lines.contains("VIGIL_SAMPLING_RATIO"), "{ran:?}");
    }

    #[test]
    fn each_signal_is_posted_to_its_own_path_under_the_endpoint() {
        let receiver = Receiver::http();
        for base in ["", "/", "/otlp", "/otlp/"] {
            let endpoint = set("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url(base));
            let before = receiver.requests().len();
            child::run(LOOP, &["least"], &[endpoint]);
            let requests = receiver.requests();
            let mut paths: Vec<_> = requests[before..]
                .iter()
                .map(|request| request.path.clone())
                .collect();
            paths.sort();
            let base = base.trim_end_matches('/');
            let expected = ["logs", "metrics", "traces"].map(|s| format!("{base}/v1/{s}"));
            assert_eq!(paths, expected);
        }
    }

    #[test]
    fn an_endpoint_for_traces_alone_is_enough_for_traces_alone() {
        let receiver = Receiver::http();
        let endpoint = set(
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            receiver.url("/v1/traces"),
        );
        let ran = child::run(LOOP, &["least"], &[endpoint]);
        assert!(!receiver.spans().is_empty(), "{ran:?}");
        assert_eq!(receiver.requests().len(), 1, "{ran:?}");
    }

    #[test]
    fn the_hosted_backends_get_their_traces_over_tls() {
        use vigil_tests::receiver::Authority;
        for (preset, variables, path, header) in [
            (
                "langfuse",
                [
                    ("LANGFUSE_BASE_URL", ""),
                    ("LANGFUSE_PUBLIC_KEY", "pk-1"),
                    ("LANGFUSE_SECRET_KEY", "sk-1"),
                ],
                "/api/public/otel/v1/traces",
                ("authorization", "Basic cGstMTpzay0x"),
            ),
            (
                "langsmith",
                [
                    ("LANGSMITH_ENDPOINT", ""),
                    ("LANGSMITH_API_KEY", "ls-1"),
                    ("LANGSMITH_PROJECT", "arcan"),
                ],
                "/otel/v1/traces",
                ("x-api-key", "ls-1"),
            ),
        ] {
            let authority = Authority::new();
            let certificate = authority.ca_file().display().to_string();
            let receiver = Receiver::tls(false, authority, false);
            let mut all = vec![
                set("VIGIL_PRESET", preset),
                set("OTEL_EXPORTER_OTLP_CERTIFICATE", certificate),
            ];
            all.extend(variables.map(|(name, value)| match value {
                "" => set(name, receiver.url("")),
                value => set(name, value),
            }));
            let ran = child::run(LOOP, &["least"], &all);
            let requests = receiver.requests();
            assert_eq!(requests.len(), 1, "{ran:?}");
            assert_eq!(requests[0].path, path);
            assert_eq!(requests[0].headers[header.0], header.1);
            assert!(!ran.lines.contains("sk-1"), "{ran:?}");
            assert!(!ran.lines.contains("ls-1"), "{ran:?}");
        }
    }

    #[test]
    fn a_value_that_cannot_be_read_is_named_and_the_run_goes_on() {
        for (name, value) in [
            ("VIGIL_LOG_FORMAT", "jsn"),
            ("VIGIL_SAMPLING_RATIO", "50%"),
            ("VIGIL_CAPTURE_CONTENT", "yes"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-bad key=1"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "zip"),
            ("OTEL_TRACES_SAMPLER", "sometimes"),
        ] {
            let (ran, receiver) = run(Protocol::HttpProtobuf, "least", &[(name, value)]);
            assert!(ran.lines.contains(&format!("`{name}`")), "{ran:?}");
            assert!(!receiver.spans().is_empty(), "{name}");
        }
    }

    #[test]
    fn what_can_be_read_is_read_without_a_word() {
        let (ran, receiver) = run(
            Protocol::HttpJson,
            "most",
            &[
                ("VIGIL_CAPTURE_CONTENT", "TRUE"),
                ("VIGIL_LOG_FORMAT", "JSON"),
                ("RUST_LOG", "warn"),
            ],
        );
        assert_eq!(ran.lines, "");
        let all = everything(&receiver);
        let chat = all.named("chat sonnet");
        assert_eq!(chat.text("gen_ai.input.messages"), Some("[]"));
    }

    #[test]
    fn an_init_that_failed_leaves_nothing_behind() {
        let receiver = Receiver::http();
        let ran = run_alone("after-a-failure", &[("COLLECTOR", &receiver.url(""))]);
        assert!(ran.out.contains("/nowhere/ca.pem"), "{ran:?}");
        let (_, other) = run(Protocol::HttpProtobuf, "least", &[]);
        assert_eq!(receiver.spans().len(), other.spans().len());
        assert_eq!(receiver.metrics().len(), other.metrics().len());
        assert_eq!(receiver.logs().len(), other.logs().len());
    }
}

mod lifecycle_and_degradation {
    use super::*;

    #[test]
    fn a_burst_of_twenty_thousand_spans_arrives_to_the_last() {
        for protocol in PROTOCOLS {
            let (ran, receiver) = run(protocol, "burst", &[]);
            assert_eq!(receiver.spans().len(), 20_000, "{protocol}");
            assert_eq!(ran.number(Signal::Traces, "delivered"), 20_000);
        }
    }

    #[test]
    fn a_burst_that_is_too_much_is_counted_to_the_last() {
        let small = [("OTEL_BSP_MAX_QUEUE_SIZE", "100")];
        let (ran, receiver) = run(Protocol::HttpProtobuf, "burst", &small);
        let arrived = receiver.spans().len() as u64;
        let dropped = ran.number(Signal::Traces, "dropped");
        assert!(dropped > 0, "{}", ran.out);
        assert_eq!(arrived + dropped, 20_000);
        assert!(
            ran.lines.contains("the queue of 100 spans is full"),
            "{}",
            ran.lines
        );
        let lost = ran.lines.lines().filter_map(|line| {
            let (_, lost) = line.strip_suffix(" spans lost")?.rsplit_once(' ')?;
            lost.parse::<u64>().ok()
        });
        assert_eq!(lost.sum::<u64>(), dropped, "{}", ran.lines);
    }

    #[test]
    fn without_a_collector_spans_are_told_on_standard_error_and_not_on_standard_output() {
        for format in ["pretty", "json"] {
            let ran = run_alone("most", &[("VIGIL_LOG_FORMAT", format)]);
            for name in ["invoke_agent arcan", "phase execute", "chat sonnet"] {
                assert!(ran.lines.contains(name), "{name}: {ran:?}");
            }
            assert!(!ran.out.contains("chat"), "{ran:?}");
        }
    }

    #[test]
    fn content_is_in_no_line_while_capture_is_off() {
        for format in ["pretty", "json"] {
            let variables = [set("VIGIL_LOG_FORMAT", format), set("RUST_LOG", "trace")];
            let ran = child::run(AGENT, &["run"], &variables);
            assert!(ran.lines.contains("chat claude-sonnet-4-5"), "{ran:?}");
            assert!(!ran.lines.contains("secret"), "{ran:?}");
        }
    }

    #[test]
    fn lines_of_many_threads_are_whole_and_their_times_are_those_of_rfc_3339() {
        let ran = run_alone("lines", &[("VIGIL_LOG_FORMAT", "json")]);
        let lines = json(&ran.lines);
        assert_eq!(lines.len(), 12_000);
        for line in &lines {
            let stamp = line["timestamp"].as_str().unwrap_or_default();
            // `2026-11-22T19:31:51.123456Z`
            let shape: String = stamp
                .chars()
                .map(|c| if c.is_ascii_digit() { '0' } else { c })
                .collect();
            assert_eq!(shape, "0000-00-00T00:00:00.000000Z", "{line}");
        }
        // Each thread's lines are all there, in its order.
        for thread in 0..12 {
            let of_thread = |line: &&serde_json::Value| line["fields"]["thread"] == thread;
            let numbers = lines.iter().filter(of_thread);
            let numbers: Vec<_> = numbers
                .map(|line| line["fields"]["line"].as_u64())
                .collect();
            assert_eq!(
                numbers,
                (0..1_000).map(Some).collect::<Vec<_>>(),
                "{thread}"
            );
        }
    }
}
