//! Dashboards and rules are made of any registry, and are what Grafana and Prometheus take.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use support::{installed, upstream_in, workspace, yaml_files};
use vigil_gen::{Options, Output, Subject, generate};

#[test]
fn a_renamed_metric_renames_its_panel_and_its_rules() {
    let dir = tempfile::tempdir().unwrap();
    let registry = dir.path().join("semconv");
    for from in yaml_files(&workspace().join("semconv")) {
        let below = from
            .strip_prefix(workspace().join("semconv"))
            .unwrap()
            .to_owned();
        let to = registry.join(below);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        let text = fs::read_to_string(from).unwrap();
        fs::write(to, text.replace("life.tool.executions", "life.tool.calls")).unwrap();
    }
    let (dashboard, rules) = make(&registry, dir.path());
    for text in [&dashboard, &rules] {
        assert!(text.contains("life_tool_calls_total"));
        assert!(!text.contains("life_tool_executions"));
    }
}

#[test]
fn of_the_committed_dashboard_all_holds_that_can_be_told_without_a_grafana() {
    check(&dashboard());
}

#[test]
fn whatever_a_metric_measures_its_panel_has_a_unit_of_grafanas() {
    let dir = tempfile::tempdir().unwrap();
    let registry = every_unit(dir.path());
    let (dashboard, _) = make(&registry, dir.path());
    let dashboard = serde_json::from_str(&dashboard).unwrap();
    check(&dashboard);
    let of = |metric: &str| {
        let panels = panels(&dashboard);
        let panel = panels.iter().find(|it| it["title"] == metric).unwrap();
        panel["fieldConfig"]["defaults"]["unit"].clone()
    };
    let units = [
        "app.gauge.no_0",
        "app.gauge.no_2",
        "app.gauge.no_7",
        "app.gauge.no_15",
    ]
    .map(of);
    assert_eq!(units, ["s", "\u{b5}s", "bytes", "currencyUSD"]);
}

#[test]
fn upstream_has_a_dashboard_and_rules() {
    let dir = tempfile::tempdir().unwrap();
    let Some(registry) = upstream_in(dir.path()) else {
        return;
    };
    let (dashboard, rules_text) = make(&registry, dir.path());
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    check(&dashboard);
    assert!(
        panels(&dashboard)
            .iter()
            .any(|it| it["title"] == "http.server.request.duration, percentiles")
    );
    assert!(
        rules(&rules_text)
            .iter()
            .any(|it| it["record"] == "job:http_server_request_duration_seconds:p95_5m")
    );
}

/// With Prometheus's own tool, where it is installed.
#[test]
fn prometheus_takes_the_rules_of_any_registry() {
    let Some(promtool) = installed(&["promtool"]) else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let registry = every_unit(dir.path());
    make(&registry, dir.path());
    let mut files = vec![
        workspace().join("dashboards/prometheus-rules.yaml"),
        dir.path().join("out/rules.yaml"),
    ];
    let upstream = tempfile::tempdir().unwrap();
    if let Some(registry) = upstream_in(upstream.path()) {
        make(&registry, upstream.path());
        files.push(upstream.path().join("out/rules.yaml"));
    }
    let output = Command::new(promtool)
        .args(["check", "rules"])
        .args(files)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
}

/// With Prometheus's own tool, where it is installed.
#[test]
fn every_alert_is_raised_where_something_is_wrong_and_nowhere_else() {
    let Some(promtool) = installed(&["promtool"]) else {
        return;
    };
    let path = workspace().join("dashboards/prometheus-rules.yaml");
    let rules = rules(&fs::read_to_string(&path).unwrap());
    let mut tests = Vec::new();
    for (at, rule) in rules.iter().enumerate() {
        if let Some(name) = rule["alert"].as_str() {
            tests.push(alert_test(name, rule, &rules[..at]));
        }
    }
    assert!(!tests.is_empty());
    let share = target("gen_ai.execute_tool.duration, share that failed");
    let median = target("gen_ai.execute_tool.duration, percentiles");
    tests.push(json!({
        "interval": "1m",
        "input_series": [
            { "series": r#"gen_ai_execute_tool_duration_seconds_count{job="a",gen_ai_tool_name="t"}"#, "values": "0+3x30" },
            { "series": r#"gen_ai_execute_tool_duration_seconds_count{job="a",gen_ai_tool_name="t",error_type="timeout"}"#, "values": "0+1x30" },
            { "series": r#"gen_ai_execute_tool_duration_seconds_bucket{job="a",gen_ai_tool_name="t",le="1"}"#, "values": "0+3x30" },
            { "series": r#"gen_ai_execute_tool_duration_seconds_bucket{job="a",gen_ai_tool_name="t",le="+Inf"}"#, "values": "0+4x30" },
        ],
        "promql_expr_test": [
            { "expr": share, "eval_time": "20m", "exp_samples": [{ "labels": r#"{error_type="timeout"}"#, "value": 0.25 }] },
            { "expr": median, "eval_time": "20m", "exp_samples": [{ "labels": r#"{gen_ai_tool_name="t"}"#, "value": 2.0 / 3.0 }] },
        ],
    }));
    let tests = json!({ "rule_files": [path], "evaluation_interval": "1m", "tests": tests });
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tests.yaml");
    fs::write(&path, tests.to_string()).unwrap();
    let output = Command::new(promtool)
        .args(["test", "rules"])
        .arg(path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
}

/// With Prometheus's own tool, where it is installed.
#[test]
fn panels_and_rules_say_the_same_by_former_names_by_latest_ones_and_by_both() {
    const CHAT: &str =
        r#"job="a",gen_ai_operation_name="chat",gen_ai_provider_name="p",gen_ai_request_model="m""#;
    let Some(promtool) = installed(&["promtool"]) else {
        return;
    };
    let of = |name: &str, labels: &str, values: &str| json!({ "series": format!("{name}{{{CHAT}{labels}}}"), "values": values });
    let durations = |metric: &str| {
        vec![
            of(&format!("{metric}_count"), "", "0+4x30"),
            of(&format!("{metric}_bucket"), r#",le="1""#, "0+2x30"),
            of(&format!("{metric}_bucket"), r#",le="2""#, "0+4x30"),
            of(&format!("{metric}_bucket"), r#",le="+Inf""#, "0+4x30"),
        ]
    };
    let mut former = durations("gen_ai_client_operation_duration_seconds");
    former.push(of(
        "gen_ai_client_token_usage_sum",
        r#",gen_ai_token_type="input""#,
        "0+600x30",
    ));
    former.push(of(
        "gen_ai_client_token_usage_sum",
        r#",gen_ai_token_type="output""#,
        "0+60x30",
    ));
    let mut latest = durations("gen_ai_client_inference_duration_seconds");
    let modality = r#",gen_ai_token_modality="unknown""#;
    latest.push(of(
        "gen_ai_client_inference_usage_input_tokens_total",
        modality,
        "0+600x30",
    ));
    latest.push(of(
        "gen_ai_client_inference_usage_output_tokens_total",
        modality,
        "0+60x30",
    ));
    // They take the place of those for models that generate; others stay.
    let embeddings = json!({
        "series": r#"gen_ai_client_operation_duration_seconds_count{job="a",gen_ai_operation_name="embeddings",gen_ai_provider_name="p",gen_ai_request_model="m"}"#,
        "values": "0+56x30",
    });
    let sample =
        |labels: &str, value: f64| json!({ "labels": format!("{{{labels}}}"), "value": value });
    let chat = CHAT.split_once(',').unwrap().1;
    let median = target("gen_ai.client.operation.duration, percentiles");
    let tokens = target("gen_ai.client.token.usage, per second");
    let recorded = "job:gen_ai_client_operation_duration_seconds_count:rate5m";
    let tests: Vec<Value> = [former.clone(), latest.clone(), [former, latest].concat()]
        .into_iter()
        .map(|mut series| {
            series.push(embeddings.clone());
            json!({
                "interval": "1m",
                "input_series": series,
                "promql_expr_test": [
                    { "expr": median, "eval_time": "20m", "exp_samples": [sample(chat, 1.0)] },
                    { "expr": tokens, "eval_time": "20m", "exp_samples": [
                        sample(&format!(r#"{chat},gen_ai_token_type="input""#), 10.0),
                        sample(&format!(r#"{chat},gen_ai_token_type="output""#), 1.0),
                    ] },
                    { "expr": format!("sum by (job) ({recorded})"), "eval_time": "20m", "exp_samples": [sample(r#"job="a""#, 1.0)] },
                ],
            })
        })
        .collect();
    let tests = json!({
        "rule_files": [workspace().join("dashboards/prometheus-rules.yaml")],
        "evaluation_interval": "1m",
        "tests": tests,
    });
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tests.yaml");
    fs::write(&path, tests.to_string()).unwrap();
    let mut command = Command::new(promtool);
    let output = command.args(["test", "rules"]).arg(path).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
}

/// Two jobs, of which one gives cause for the alert and the other one just doesn't. `before` are the rules
/// that stand before it: what it is about may be recorded by one.
fn alert_test(name: &str, rule: &Value, before: &[Value]) -> Value {
    let expr = rule["expr"].as_str().unwrap();
    let recorded = before.iter().rfind(|it| {
        let record = it["record"].as_str();
        record.is_some_and(|record| expr.starts_with(record))
    });
    let measured = recorded.map_or(expr, |it| it["expr"].as_str().unwrap());
    let (_, labels) = measured.split_once("by (").unwrap();
    let (labels, rest) = labels.split_once(')').unwrap();
    let labels: Vec<&str> = labels.split(", ").filter(|it| *it != "le").collect();
    let named = |job: &str| -> BTreeMap<&str, String> {
        let value = |label: &&str| if *label == "job" { job } else { "x" }.to_owned();
        labels.iter().map(|label| (*label, value(label))).collect()
    };
    // The metric is the first word in the innermost parentheses.
    let metric = rest.trim_start_matches([' ', '(']);
    let metric = metric.strip_prefix("rate(").unwrap_or(metric);
    let metric = metric.split(['{', '[', ')']).next().unwrap();
    let series = |job: &str, with: &str, values: &str| {
        let labels = named(job).into_iter();
        let labels: Vec<String> = labels
            .map(|(key, value)| format!("{key}={value:?}"))
            .collect();
        let labels = labels.join(",");
        json!({ "series": format!("{metric}{{{labels}{with}}}"), "values": values })
    };
    let input = if name.ends_with("Failing") {
        let failed = r#",error_type="timeout""#;
        vec![
            series("bad", "", "0+8x40"),
            series("bad", failed, "0+1x40"),
            series("good", "", "0+10x40"),
            series("good", failed, "0+1x40"),
        ]
    } else if name.ends_with("BeyondBuckets") {
        let (_, largest) = expr.split_once(">= ").unwrap();
        let largest = format!(",le={largest:?}");
        let all = r#",le="+Inf""#;
        vec![
            series("bad", &largest, "0+94x40"),
            series("bad", all, "0+100x40"),
            series("good", &largest, "0+96x40"),
            series("good", all, "0+100x40"),
        ]
    } else if name.ends_with("UsedUp") {
        vec![series("bad", "", "3-1x3 0x40"), series("good", "", "1x45")]
    } else {
        panic!("nothing is known of the alert {name}");
    };
    let mut labels = named("bad");
    labels.insert(
        "severity",
        rule["labels"]["severity"].as_str().unwrap().to_owned(),
    );
    let raised = json!([{ "exp_labels": labels, "exp_annotations": rule["annotations"] }]);
    json!({
        "interval": "1m",
        "input_series": input,
        "alert_rule_test": [
            // It has to last for a while.
            { "eval_time": "2m", "alertname": name, "exp_alerts": [] },
            { "eval_time": "30m", "alertname": name, "exp_alerts": raised },
        ],
    })
}

/// What a panel asks Prometheus first, for all jobs and five minutes.
fn target(title: &str) -> String {
    let panels = panels(&dashboard());
    let panel = panels.iter().find(|it| it["title"] == title).unwrap();
    let query = panel["targets"][0]["expr"].as_str().unwrap();
    query
        .replace("$job", ".*")
        .replace("$__rate_interval", "5m")
}

fn dashboard() -> Value {
    let text = fs::read_to_string(workspace().join("dashboards/grafana.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The dashboard and the rules, as the built-in templates make them.
fn make(registry: &Path, dir: &Path) -> (String, String) {
    let out = dir.join("out");
    let mut options = Options::new(registry, "", &out);
    options.templates = None;
    options.outputs = vec![
        Output::new("grafana.json.j2", Subject::Registry, "grafana.json").unwrap(),
        Output::new("prometheus_rules.yaml.j2", Subject::Registry, "rules.yaml").unwrap(),
    ];
    generate(&options).unwrap_or_else(|failure| panic!("{failure}"));
    let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
    (read("grafana.json"), read("rules.yaml"))
}

/// A registry with a metric of every instrument in every unit that there is a word for, and in others.
fn every_unit(dir: &Path) -> PathBuf {
    let registry = dir.join("semconv");
    fs::create_dir(&registry).unwrap();
    fs::write(
        registry.join("manifest.yaml"),
        "schema_url: https://example.com/schemas/1.0.0\n",
    )
    .unwrap();
    let mut text = "file_format: definition/2\nmetrics:\n".to_owned();
    for (at, unit) in [
        "s", "ms", "us", "ns", "min", "h", "d", "By", "KiBy", "By/s", "%", "1", "Hz", "Cel", "V",
        "{USD}", "{token}",
    ]
    .into_iter()
    .enumerate()
    {
        for instrument in ["counter", "updowncounter", "gauge", "histogram"] {
            writeln!(
                text,
                "  - {{ name: app.{instrument}.no_{at}, instrument: {instrument}, unit: \"{unit}\", brief: B., \
                 stability: development, requirement_level: recommended }}"
            )
            .unwrap();
        }
    }
    fs::write(registry.join("app.yaml"), text).unwrap();
    registry
}

/// What can be told of a dashboard without a Grafana: that its panels are of kinds and units that there are,
/// lie side by side, and ask sources and by variables that it defines.
fn check(dashboard: &Value) {
    let uid = dashboard["uid"].as_str().unwrap();
    assert!((1..=40).contains(&uid.len()), "{uid}");
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    assert!(uid.chars().all(plain), "{uid}");
    assert!(!dashboard["title"].as_str().unwrap().is_empty());

    let variables = dashboard["templating"]["list"].as_array().unwrap().iter();
    let mut known = BTreeMap::from([("__rate_interval", None), ("__all", None)]);
    for variable in variables {
        let source = match variable["type"].as_str().unwrap() {
            "datasource" => variable["query"].as_str(),
            "query" => None,
            other => panic!("{other}"),
        };
        let name = variable["name"].as_str().unwrap();
        assert!(
            known.insert(name, source).is_none(),
            "{name} is there twice"
        );
    }
    for name in variables_in(&dashboard.to_string()) {
        assert!(known.contains_key(name.as_str()), "${name} is not defined");
    }

    let mut ids = BTreeSet::new();
    let mut taken = BTreeSet::new();
    for panel in panels(dashboard) {
        let title = &panel["title"];
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}");
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|it| panel["gridPos"][it].as_u64().unwrap());
        assert!(w > 0 && h > 0 && x + w <= 24, "{title}");
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(taken.insert(cell), "{title} lies over another");
        }
        if panel["type"] == "row" {
            continue;
        }
        assert!(["timeseries", "table"].contains(&panel["type"].as_str().unwrap()));
        let unit = panel["fieldConfig"]["defaults"]["unit"].as_str().unwrap();
        assert!(UNITS.contains(&unit), "{title}: {unit}");
        // Its source is the one that the variable of that name offers.
        let source = panel["datasource"]["type"].as_str().unwrap();
        let variable = panel["datasource"]["uid"].as_str().unwrap();
        let variable = variable.trim_start_matches("${").trim_end_matches('}');
        assert_eq!(known[variable], Some(source), "{title}");
        let query = if source == "tempo" { "query" } else { "expr" };
        let mut refs = BTreeSet::new();
        for target in panel["targets"].as_array().unwrap() {
            assert!(refs.insert(target["refId"].as_str().unwrap()), "{title}");
            assert!(!target[query].as_str().unwrap().is_empty(), "{title}");
        }
        assert!(!refs.is_empty(), "{title} asks nothing");
    }
}

/// The units of Grafana's that there is a use for, by its names for them.
const UNITS: [&str; 20] = [
    "bytes",
    "celsius",
    "cps",
    "currencyEUR",
    "currencyUSD",
    "d",
    "decbytes",
    "h",
    "hertz",
    "joule",
    "m",
    "ms",
    "none",
    "ns",
    "percent",
    "percentunit",
    "s",
    "short",
    "volt",
    "\u{b5}s",
];

/// What follows a `$`, in braces or not.
fn variables_in(text: &str) -> BTreeSet<String> {
    let parts = text.split('$').skip(1);
    let name = |part: &str| {
        let part = part.strip_prefix('{').unwrap_or(part);
        let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        part[..end.unwrap_or(part.len())].to_owned()
    };
    parts.map(name).collect()
}

fn panels(dashboard: &Value) -> Vec<Value> {
    dashboard["panels"].as_array().unwrap().clone()
}

fn rules(text: &str) -> Vec<Value> {
    let file: Value = serde_yaml::from_str(text).unwrap();
    let groups = file["groups"].as_array().unwrap().iter();
    groups
        .flat_map(|it| it["rules"].as_array().unwrap().clone())
        .collect()
}
