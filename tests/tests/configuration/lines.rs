//! Log lines, metrics among them.

use std::collections::BTreeMap;

use serde_json::Value;
use vigil_tests::receiver::Receiver;

use super::{Ran, SIGNALS, Seen, Way, requests_of, setter, variable};

pub(super) const SEEN: &[Seen] = &[
    (
        lines_are_for_people_or_for_machines,
        &["VIGIL_LOG_FORMAT", "VigConfig::log_format"],
    ),
    (
        the_filter_leaves_lines_out,
        &["RUST_LOG", "VigConfig::log_filter"],
    ),
    (
        metrics_are_lines_where_they_are_asked_for_beside_an_endpoint,
        &["OTEL_METRICS_EXPORTER", "VigConfig::exporters"],
    ),
    (
        spans_are_lines_where_they_are_asked_for_beside_an_endpoint,
        &["OTEL_TRACES_EXPORTER"],
    ),
    (
        a_signal_that_goes_nowhere_is_not_sent,
        &[
            "OTEL_LOGS_EXPORTER",
            "VigConfig::traces",
            "VigConfig::metrics",
            "VigConfig::logs",
        ],
    ),
    (
        what_is_disabled_says_and_sends_nothing,
        &["OTEL_SDK_DISABLED", "VigConfig::disabled"],
    ),
];

fn json() -> Way {
    variable("VIGIL_LOG_FORMAT", "json")
}

/// The lines of metrics, in JSON.
fn metrics(ran: &Ran) -> Vec<Value> {
    let lines = ran.lines.lines().map(|line| {
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"))
    });
    lines.filter(|line| line["event"] == "metric").collect()
}

/// What all reports together say, by name and attributes.
fn totals(lines: &[Value]) -> BTreeMap<String, (u64, f64)> {
    let mut totals = BTreeMap::new();
    for line in lines {
        let key = format!("{} {}", line["name"], line["attributes"]);
        let (count, sum) = totals.entry(key).or_insert((0, 0.0));
        *count += line["count"].as_u64().unwrap_or(0);
        *sum += line["sum"].as_f64().or(line["value"].as_f64()).unwrap();
    }
    totals
}

#[test]
fn without_an_endpoint_metrics_are_lines_at_the_end() {
    let lines = metrics(&json().run("tick"));
    let named =
        |name: &str| -> Vec<&Value> { lines.iter().filter(|line| line["name"] == name).collect() };
    let [input, output] = named("gen_ai.client.token.usage")[..] else {
        panic!("{lines:?}");
    };
    assert_eq!(input["level"], "INFO");
    assert_eq!(input["target"], "vigil::metrics");
    assert_eq!(input["kind"], "histogram");
    assert_eq!(input["unit"], "{token}");
    assert_eq!(input["attributes"]["gen_ai.token.type"], "input");
    for (key, expected) in [("count", 1), ("sum", 100), ("min", 100), ("max", 100)] {
        assert_eq!(input[key], expected, "{key}");
    }
    assert_eq!(output["sum"], 10);
    let tools = named("life.tool.executions")[0];
    assert_eq!(
        (&tools["kind"], &tools["value"]),
        (&"counter".into(), &1.into())
    );
    assert_eq!(tools["attributes"]["life.tool.status"], "ok");
    assert!(tools.get("count").is_none());
    assert!(named("gen_ai.invoke_agent.duration")[0]["sum"].as_f64() > Some(0.0));

    let pretty = Way::default().run("paced").lines;
    let line = |words: &str| {
        let line = pretty.lines().find(|line| line.contains(words));
        line.unwrap_or_else(|| panic!("{words}:\n{pretty}"))
    };
    assert!(line("∑ client.token.usage ").contains(" 600 tokens  6 × 100 "));
    assert!(line("60 tokens").ends_with("  chat claude-sonnet-4-5 output  anthropic"));
    assert!(line("∑ tool.executions ").contains(" 6 executions "));
    assert!(line("∑ mode.transitions ").ends_with("  explore→recover"));
    let duration = line("∑ invoke_agent.duration ");
    assert!(
        duration.contains(" 6 × ") && duration.contains('…'),
        "{duration}"
    );
    let columns = pretty.lines().filter(|line| line.contains('∑'));
    let columns: Vec<_> = columns
        .filter_map(|line| line.split_once(" × "))
        .map(|(before, _)| before.chars().count())
        .collect();
    assert!(columns.len() > 3 && columns.iter().all(|column| *column == columns[0]));
}

#[test]
fn a_gauge_says_its_last_value_when_the_guard_is_dropped() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_agent"))
        .arg("drop")
        .env_clear()
        .env("VIGIL_LOG_FORMAT", "json")
        .output()
        .expect("the agent starts");
    let ran = Ran {
        out: String::new(),
        lines: String::from_utf8_lossy(&output.stderr).into_owned(),
    };
    let lines = metrics(&ran);
    let gauge = lines
        .iter()
        .find(|line| line["name"] == "life.budget.cost_remaining_usd")
        .expect("the gauge is there");
    assert_eq!(gauge["kind"], "gauge");
    assert_eq!(gauge["value"], 2.5);
    assert_eq!(gauge["attributes"]["gen_ai.agent.name"], "arcan");
}

#[test]
fn reports_come_in_between_and_add_up_to_the_whole() {
    for way in [
        json().variable("OTEL_METRIC_EXPORT_INTERVAL", "50"),
        json().setter("metric_interval", "50"),
    ] {
        let ran = way.run("paced");
        let lines = metrics(&ran);
        let reports = lines
            .iter()
            .filter(|line| line["name"] == "gen_ai.invoke_agent.duration")
            .count();
        assert!((2..=6).contains(&reports), "{reports} reports");
        let first_metric = ran.lines.find("\"metric\"").expect("metrics are there");
        let last_span = ran.lines.rfind("\"span\"").expect("spans are there");
        assert!(first_metric < last_span, "{}", ran.lines);

        let whole = totals(&metrics(&json().run("paced")));
        let all = totals(&lines);
        assert_eq!(whole.len(), all.len());
        for (key, (count, sum)) in whole {
            let (other_count, other_sum) = all[&key];
            assert_eq!(count, other_count, "{key}");
            if !key.contains("duration") {
                assert!((sum - other_sum).abs() < 1e-9, "{key}");
            }
        }
    }
}

#[test]
fn a_writer_that_hangs_costs_no_more_than_the_bound() {
    let ran = Way::default().run("stuck");
    assert!((300..3_000).contains(&ran.millis()), "{}", ran.out);
}

#[test]
fn without_an_endpoint_no_thread_reads_or_sends() {
    let with_threads = |way: &Way| {
        let out = way.run("threads").out;
        let line = out.lines().find_map(|line| line.strip_prefix("threads "));
        line.expect("threads are named").to_owned()
    };
    let works = |threads: &str| {
        let mut names = threads.split(',');
        names.any(|name| {
            let name = name.to_lowercase();
            name.contains("opentelemetry")
                || name.contains("metric")
                || ["vigil-traces", "vigil-logs", "vigil-shutdown"].contains(&name.as_str())
        })
    };
    let receiver = Receiver::http();
    let exporting = with_threads(&Way::default().to(&receiver));
    if cfg!(target_os = "linux") {
        assert!(works(&exporting), "{exporting}");
    }
    let local = with_threads(&Way::default().variable("OTEL_METRIC_EXPORT_INTERVAL", "1"));
    assert!(!works(&local), "{local}");
}

#[test]
fn lines_are_for_people_or_for_machines() {
    for (is_json, way) in [
        (false, Way::default()),
        (true, json()),
        (true, setter("log_format", "json")),
    ] {
        let ran = way.run("tick");
        let mut lines = ran.lines.lines();
        assert_eq!(lines.all(|line| line.starts_with('{')), is_json, "{way:?}");
    }
}

#[test]
fn the_filter_leaves_lines_out() {
    // Metrics, spans, log events.
    for (expected, directives) in [
        ([true, true, true], "info"),
        ([false, true, true], "info,vigil::metrics=off"),
        ([false, false, true], "info,vigil=off"),
        ([true, false, false], "off,vigil::metrics=info"),
        ([false, false, false], "warn"),
    ] {
        for way in [
            variable("RUST_LOG", directives),
            setter("log_filter", directives),
        ] {
            let lines = way.run("tick").lines;
            let said = ["∑ ", "phase execute", "asking the model"];
            let said = said.map(|words| lines.contains(words));
            assert_eq!(said, expected, "{way:?}: {lines}");
        }
    }
}

#[test]
fn metrics_are_lines_where_they_are_asked_for_beside_an_endpoint() {
    // Sent, written.
    for (expected, way) in [
        ((true, false), json()),
        (
            (true, false),
            json().variable("OTEL_METRICS_EXPORTER", "otlp"),
        ),
        (
            (false, true),
            json().variable("OTEL_METRICS_EXPORTER", "console"),
        ),
        (
            (true, true),
            json().variable("OTEL_METRICS_EXPORTER", "otlp,console"),
        ),
        (
            (false, false),
            json().variable("OTEL_METRICS_EXPORTER", "none"),
        ),
        ((true, true), json().setter("exporters", "otlp,console")),
        ((false, true), json().setter("exporters", "console")),
    ] {
        let receiver = Receiver::http();
        let ran = way.clone().to(&receiver).run("paced");
        let lines = metrics(&ran);
        let found = (!receiver.metrics().is_empty(), !lines.is_empty());
        assert_eq!(found, expected, "{way:?}");
        if found.1 {
            let key = totals(&lines)
                .into_iter()
                .find(|(key, _)| key.contains("life.tool"));
            assert_eq!(key.expect("tools are counted").1, (0, 6.0));
        }
    }
    let silent = json().variable("OTEL_METRICS_EXPORTER", "none").run("tick");
    assert!(metrics(&silent).is_empty(), "without an endpoint");
}

#[test]
fn spans_are_lines_where_they_are_asked_for_beside_an_endpoint() {
    for (expected, value) in [
        ((true, false), "otlp"),
        ((false, true), "console"),
        ((true, true), "console,otlp"),
        ((false, false), "none"),
    ] {
        let receiver = Receiver::http();
        let way = variable("OTEL_TRACES_EXPORTER", value).to(&receiver);
        let lines = way.run("tick").lines;
        let found = (
            !receiver.spans().is_empty(),
            lines.contains("phase execute"),
        );
        assert_eq!(found, expected, "{value}");
    }
}

#[test]
fn a_signal_that_goes_nowhere_is_not_sent() {
    let setters = ["traces", "metrics", "logs"];
    for (signal, name) in SIGNALS.into_iter().zip(setters) {
        for way in [
            variable(format!("OTEL_{signal}_EXPORTER"), "none"),
            setter(name, "false"),
        ] {
            let receiver = Receiver::http();
            way.to(&receiver).run("tick");
            for other in SIGNALS {
                let is_sent = requests_of(&receiver, other) > 0;
                assert_eq!(is_sent, other != signal, "{signal} is off");
            }
        }
    }
}

#[test]
fn what_is_disabled_says_and_sends_nothing() {
    for way in [
        variable("OTEL_SDK_DISABLED", "true"),
        setter("disabled", "true"),
    ] {
        let receiver = Receiver::http();
        let lines = way.to(&receiver).run("tick").lines;
        assert_eq!(lines, "");
        assert!(receiver.requests().is_empty());
    }
}
