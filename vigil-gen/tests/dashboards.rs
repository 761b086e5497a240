//! Dashboards and rules are made of any registry, and are what Grafana and Prometheus take.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
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
fn the_panels_lie_side_by_side_with_ids_of_their_own() {
    let mut ids = BTreeSet::new();
    let mut taken = BTreeSet::new();
    for panel in panels(&dashboard()) {
        assert!(ids.insert(panel["id"].as_u64().unwrap()));
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|it| panel["gridPos"][it].as_u64().unwrap());
        assert!(x + w <= 24);
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(taken.insert(cell), "{} lies over another", panel["title"]);
        }
    }
}

#[test]
fn upstream_has_a_dashboard_and_rules() {
    let dir = tempfile::tempdir().unwrap();
    let Some(registry) = upstream_in(dir.path()) else {
        return;
    };
    let (dashboard, rules_text) = make(&registry, dir.path());
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
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
fn prometheus_takes_the_rules() {
    let Some(promtool) = installed(&["promtool"]) else {
        return;
    };
    let output = Command::new(promtool)
        .args(["check", "rules"])
        .arg(workspace().join("dashboards/prometheus-rules.yaml"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
}

/// With Prometheus's own tool, where it is installed.
#[test]
fn prometheus_alerts_when_tools_fail_when_calls_are_long_and_when_a_budget_is_used_up() {
    let Some(promtool) = installed(&["promtool"]) else {
        return;
    };
    let share = target("gen_ai.execute_tool.duration, share that failed");
    let median = target("gen_ai.execute_tool.duration, percentiles");
    let tests = json!({
        "rule_files": [workspace().join("dashboards/prometheus-rules.yaml")],
        "evaluation_interval": "1m",
        "tests": [{
            "interval": "1m",
            "input_series": [
                { "series": r#"gen_ai_execute_tool_duration_seconds_count{job="a",gen_ai_tool_name="t"}"#, "values": "0+3x30" },
                { "series": r#"gen_ai_execute_tool_duration_seconds_count{job="a",gen_ai_tool_name="t",error_type="timeout"}"#, "values": "0+1x30" },
                { "series": r#"gen_ai_execute_tool_duration_seconds_bucket{job="a",gen_ai_tool_name="t",le="1"}"#, "values": "0+3x30" },
                { "series": r#"gen_ai_execute_tool_duration_seconds_bucket{job="a",gen_ai_tool_name="t",le="81.92"}"#, "values": "0+3x30" },
                { "series": r#"gen_ai_execute_tool_duration_seconds_bucket{job="a",gen_ai_tool_name="t",le="+Inf"}"#, "values": "0+4x30" },
                { "series": r#"life_budget_tokens_remaining{job="a",gen_ai_agent_name="arcan"}"#, "values": "5-1x5 0x30" },
                { "series": r#"life_budget_cost_remaining_usd{job="a",gen_ai_agent_name="arcan"}"#, "values": "5x35" },
            ],
            "promql_expr_test": [
                { "expr": share, "eval_time": "20m", "exp_samples": [{ "labels": r#"{error_type="timeout"}"#, "value": 0.25 }] },
                { "expr": median, "eval_time": "20m", "exp_samples": [{ "labels": r#"{gen_ai_tool_name="t"}"#, "value": 2.0 / 3.0 }] },
            ],
            "alert_rule_test": [
                alert("GenAiExecuteToolDurationFailing", &[("job", "a")], "warning", "More than a tenth of what gen_ai.execute_tool.duration measures fails."),
                alert("GenAiExecuteToolDurationBeyondBuckets", &[("job", "a")], "warning", "A twentieth of gen_ai.execute_tool.duration is beyond its largest bucket, 81.92 s."),
                alert("LifeBudgetTokensRemainingUsedUp", &[("job", "a"), ("gen_ai_agent_name", "arcan")], "critical", "Nothing remains: life.budget.tokens_remaining is 0."),
                { "eval_time": "25m", "alertname": "LifeBudgetCostRemainingUsdUsedUp", "exp_alerts": [] },
            ],
        }],
    });
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

/// That an alert is raised, with its labels.
fn alert(name: &str, labels: &[(&str, &str)], severity: &str, summary: &str) -> Value {
    let mut labels: BTreeMap<&str, &str> = labels.iter().copied().collect();
    labels.insert("severity", severity);
    json!({
        "eval_time": "25m",
        "alertname": name,
        "exp_alerts": [{ "exp_labels": labels, "exp_annotations": { "summary": summary } }],
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
