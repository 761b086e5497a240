//! Dashboards and rules name what the registry has, as Prometheus and Tempo call it.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::{upstream, workspace, yaml_files};
use vigil_gen::registry::{Instrument, Metric, NamePart, Registry, SpanName};
use vigil_gen::{Options, Output, Subject, generate, read_registry};

/// What Prometheus itself adds to every series, and to the buckets of histograms.
const OWN_LABELS: [&str; 2] = ["job", "le"];

/// The words of PromQL that are no names.
const WORDS: [&str; 8] = [
    "by",
    "group_left",
    "histogram_quantile",
    "ignoring",
    "min",
    "rate",
    "sum",
    "without",
];

#[test]
fn every_query_of_the_dashboard_names_metrics_and_labels_of_the_registry() {
    let registry = committed_registry();
    let known = series(&registry);
    let mut named = BTreeSet::new();
    for target in prometheus_targets(&dashboard()) {
        let query = Query::of(text(&target, "expr"));
        named.extend(query.check(&known));
        let legend = text(&target, "legendFormat");
        for label in legend.split("{{").skip(1) {
            let label = label.split("}}").next().unwrap();
            assert!(query.labels.contains(label) || query.is_plain(), "{legend}");
            assert!(query.allowed(&known).contains(label), "{legend}");
        }
    }
    assert_eq!(named, names(&registry), "each metric has a panel");
}

#[test]
fn every_rule_names_metrics_and_labels_of_the_registry_or_what_a_rule_records() {
    let registry = committed_registry();
    let mut known = series(&registry);
    let mut named = BTreeSet::new();
    let mut alerts = BTreeSet::new();
    let rules =
        rules(&fs::read_to_string(workspace().join("dashboards/prometheus-rules.yaml")).unwrap());
    for rule in &rules {
        let query = Query::of(text(rule, "expr"));
        named.extend(query.check(&known));
        if let Some(record) = rule.get("record") {
            let entry = (String::new(), query.labels.clone());
            let record = record.as_str().unwrap().to_owned();
            assert!(known.insert(record, entry).is_none());
        } else {
            let alert = text(rule, "alert").to_owned();
            assert!(alerts.insert(alert.clone()), "{alert} is there twice");
        }
    }
    named.remove("");
    assert_eq!(named, names(&registry), "each metric has a rule");
    assert!(!alerts.is_empty());
}

#[test]
fn every_question_to_tempo_names_attributes_and_spans_of_the_registry() {
    let registry = committed_registry();
    let mut asked = 0;
    let spans: BTreeSet<String> = registry
        .spans
        .values()
        .filter_map(|span| match &span.name {
            SpanName::Pattern(parts) => match &parts[0] {
                NamePart::Word(word) => Some(word.clone()),
                NamePart::Key(_) => None,
            },
            SpanName::Prose(_) => None,
        })
        .collect();
    for panel in panels(&dashboard()) {
        if panel["datasource"]["type"] != "tempo" {
            continue;
        }
        for target in panel["targets"].as_array().unwrap() {
            let query = text(target, "query");
            for part in query.split("span.").skip(1) {
                let key: String = part
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || "._".contains(*c))
                    .collect();
                let carried = registry
                    .spans
                    .values()
                    .any(|span| span.attributes.iter().any(|it| it.key == key));
                assert!(carried, "{key}");
                asked += 1;
            }
            if let Some((_, rest)) = query.split_once("name =~ \"") {
                let word = rest.split(".*").next().unwrap();
                assert!(spans.contains(word), "{query}");
                asked += 1;
            }
        }
    }
    assert!(asked > spans.len());
}

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
    let Some(model) = upstream() else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let registry = dir.path().join("model");
    for from in yaml_files(&model) {
        let to = registry.join(from.strip_prefix(&model).unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    }
    fs::write(
        registry.join("manifest.yaml"),
        "schema_url: https://opentelemetry.io/schemas/1.41.1\n",
    )
    .unwrap();
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
    let Some(promtool) = installed("promtool") else {
        eprintln!("skipped: promtool is not installed");
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

fn installed(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|it| it.is_file())
}

fn committed_registry() -> Registry {
    read_registry(&workspace().join("semconv"))
        .unwrap()
        .registry
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

fn prometheus_targets(dashboard: &Value) -> Vec<Value> {
    let panels = panels(dashboard).into_iter();
    panels
        .filter(|it| it["datasource"]["type"] == "prometheus")
        .flat_map(|it| it["targets"].as_array().unwrap().clone())
        .collect()
}

fn rules(text: &str) -> Vec<Value> {
    let file: Value = serde_yaml::from_str(text).unwrap();
    let groups = file["groups"].as_array().unwrap().iter();
    groups
        .flat_map(|it| it["rules"].as_array().unwrap().clone())
        .collect()
}

fn text<'a>(of: &'a Value, key: &str) -> &'a str {
    of[key]
        .as_str()
        .unwrap_or_else(|| panic!("no {key} in {of}"))
}

fn names(registry: &Registry) -> BTreeSet<String> {
    registry.metrics.keys().cloned().collect()
}

/// Every series that the metrics of the registry make: its metric and its labels.
fn series(registry: &Registry) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let mut series = BTreeMap::new();
    for (name, metric) in &registry.metrics {
        let labels = metric.attributes.iter().map(|it| it.key.replace('.', "_"));
        let entry = (name.clone(), labels.collect::<BTreeSet<_>>());
        for called in called(metric) {
            series.insert(called, entry.clone());
        }
    }
    series
}

fn called(metric: &Metric) -> Vec<String> {
    let mut name = metric.name.replace('.', "_");
    if metric.unit == "s" {
        name.push_str("_seconds");
    }
    match metric.instrument {
        Instrument::Counter => vec![name + "_total"],
        Instrument::Histogram => ["bucket", "sum", "count"]
            .map(|part| format!("{name}_{part}"))
            .to_vec(),
        Instrument::Gauge | Instrument::UpDownCounter => vec![name],
    }
}

/// The names in PromQL.
struct Query<'a> {
    text: &'a str,
    metrics: BTreeSet<String>,
    labels: BTreeSet<String>,
}

impl<'a> Query<'a> {
    fn of(text: &'a str) -> Self {
        let mut query = Self {
            text,
            metrics: BTreeSet::new(),
            labels: BTreeSet::new(),
        };
        // Labels stand in braces and after the words that list them; strings and ranges hold no names.
        let mut listing = false;
        let mut rest = text;
        let mut within = Vec::new();
        while let Some(first) = rest.chars().next() {
            let length = match first {
                '"' => rest[1..].find('"').unwrap() + 2,
                '[' => rest.find(']').unwrap() + 1,
                c if c.is_ascii_alphabetic() || c == '_' || c == ':' => {
                    let end = |c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':');
                    let length = rest.find(end).unwrap_or(rest.len());
                    let word = &rest[..length];
                    if WORDS.contains(&word) {
                        listing = ["by", "ignoring", "without"].contains(&word);
                    } else if within.last() == Some(&true) {
                        query.labels.insert(word.to_owned());
                    } else {
                        query.metrics.insert(word.to_owned());
                    }
                    length
                }
                '{' | '(' => {
                    within.push(first == '{' || listing);
                    listing = false;
                    1
                }
                '}' | ')' => {
                    within.pop().unwrap();
                    1
                }
                c => c.len_utf8(),
            };
            rest = &rest[length..];
        }
        assert!(within.is_empty(), "{text}");
        assert!(!query.metrics.is_empty(), "{text}");
        query
    }

    /// Whether it is a series as it comes, whose labels it does not name.
    fn is_plain(&self) -> bool {
        !self.text.contains('(')
    }

    fn allowed(&self, known: &BTreeMap<String, (String, BTreeSet<String>)>) -> BTreeSet<String> {
        let mut allowed: BTreeSet<String> = OWN_LABELS.map(str::to_owned).into();
        for metric in &self.metrics {
            let found = known.get(metric);
            let (_, labels) = found.unwrap_or_else(|| panic!("{metric} of {}", self.text));
            allowed.extend(labels.iter().cloned());
        }
        allowed
    }

    /// The metrics of the registry that it is about.
    fn check(&self, known: &BTreeMap<String, (String, BTreeSet<String>)>) -> BTreeSet<String> {
        let allowed = self.allowed(known);
        let lost: Vec<_> = self.labels.difference(&allowed).collect();
        assert!(lost.is_empty(), "{lost:?} of {}", self.text);
        self.metrics.iter().map(|it| known[it].0.clone()).collect()
    }
}
