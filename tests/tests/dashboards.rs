//! Dashboards and rules name what the registry has and what programs really export, as Prometheus and
//! Tempo call it.

#[path = "dashboards/exposition.rs"]
mod exposition;
#[path = "dashboards/prometheus.rs"]
mod prometheus;
#[path = "dashboards/traceql.rs"]
mod traceql;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use serde_json::Value;
use vigil::export::Protocol;
use vigil_gen::read_registry;
use vigil_gen::registry::{AttributeRef, AttributeType, Instrument, NamePart, Registry, SpanName};
use vigil_tests::child::{self, set, towards};
use vigil_tests::installed::installed;
use vigil_tests::receiver::Receiver;
use vigil_tests::scratch::workspace;

use exposition::Page;
use prometheus::Prometheus;
use traceql::Question;

/// What Prometheus itself adds to every series, and to the buckets of histograms.
const OWN_LABELS: [&str; 2] = ["job", "le"];

/// The words of PromQL that are no names.
const WORDS: [&str; 10] = [
    "by",
    "group_left",
    "histogram_quantile",
    "ignoring",
    "label_replace",
    "min",
    "or",
    "rate",
    "sum",
    "without",
];

/// What there is to ask for: each series, with its metric and its labels.
type Known = BTreeMap<String, (String, BTreeSet<String>)>;

#[test]
fn every_query_of_the_dashboard_names_metrics_and_labels_of_the_registry() {
    let registry = committed_registry();
    let known = series(&registry);
    let mut named = BTreeSet::new();
    for target in targets("prometheus") {
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
    for rule in rules() {
        let query = Query::of(text(&rule, "expr"));
        named.extend(query.check(&known));
        if let Some(record) = rule.get("record") {
            let entry = (String::new(), query.labels.clone());
            let record = record.as_str().unwrap().to_owned();
            assert!(known.insert(record, entry).is_none());
        } else {
            let alert = text(&rule, "alert").to_owned();
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
    let mut asked = BTreeSet::new();
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
    for target in targets("tempo") {
        let query = Asked::of(text(&target, "query"));
        for key in &query.attributes {
            let mut carried = registry.spans.values().flat_map(|span| &span.attributes);
            assert!(carried.any(|it| keys_of(it).any(|it| it == key)), "{key}");
        }
        for key in &query.numbers {
            let ty = &registry.attributes[key].ty;
            let is_number = matches!(ty, AttributeType::Int | AttributeType::Double);
            assert!(is_number, "{key} is no number");
        }
        let lost: Vec<_> = query.spans.difference(&spans).collect();
        assert!(lost.is_empty(), "{lost:?}");
        asked.extend(query.spans);
    }
    assert_eq!(asked, spans, "each span has a panel");
}

#[test]
fn the_example_agent_exports_what_the_dashboard_and_the_rules_ask_for() {
    asked_for("");
}

#[test]
fn so_it_does_by_the_latest_names() {
    asked_for("gen_ai_latest_experimental");
}

#[test]
fn so_it_does_by_both_names() {
    asked_for("gen_ai_latest_experimental/dup");
}

fn asked_for(opt_in: &str) {
    let registry = committed_registry();
    let mut all = Exported::of(env!("CARGO_BIN_EXE_agent_loop"), "", opt_in);
    let metrics: BTreeSet<String> = all.known.values().map(|it| it.0.clone()).collect();
    let mut lacking = names(&registry);
    lacking.retain(|it| !metrics.contains(it));
    // It streams nothing, and its provider caches nothing; some names are another mode's.
    let is_expected = |name: &str| {
        let own = registry.metrics[name].stability_opt_in.as_ref();
        let moves = own.is_some_and(|it| opt_in.is_empty() == it.replaced_by.is_empty());
        moves && !opt_in.ends_with("/dup")
            || [
                "_chunk",
                "usage.cache_",
                "usage.reasoning",
                "inference.operation.",
            ]
            .iter()
            .any(|it| name.contains(it))
    };
    let lost: Vec<_> = lacking.iter().filter(|it| !is_expected(it)).collect();
    assert!(lost.is_empty(), "{opt_in}: {lost:?}");
    // What the example has no occasion for.
    let rest = Exported::of(env!("CARGO_BIN_EXE_loop"), "most", opt_in);
    for (name, (metric, labels)) in rest.known {
        let known = all.known.entry(name).or_insert((metric, BTreeSet::new()));
        known.1.extend(labels);
    }
    all.attributes.extend(rest.attributes);
    all.spans.extend(rest.spans);

    let declared = series(&registry);
    // A metric that is emitted only for whoever opts in has a panel that is empty until then.
    let waits = |query: &Query<'_>| {
        let only = |name: &String| {
            let metric = declared.get(name).map(|(metric, _)| metric);
            let metric = metric.and_then(|metric| registry.metrics.get(metric));
            let own = metric.and_then(|it| it.stability_opt_in.as_ref());
            own.is_some_and(|it| it.replaced_by.is_empty())
        };
        opt_in.is_empty() && query.metrics.iter().all(only)
    };
    for target in targets("prometheus") {
        let query = Query::of(text(&target, "expr"));
        if !waits(&query) {
            query.among(&declared, &all.known).check(&all.known);
        }
    }
    for target in targets("tempo") {
        let asked = Asked::of(text(&target, "query"));
        for key in &asked.attributes {
            let carried = registry.spans.values().flat_map(|span| &span.attributes);
            let mut meant = carried.filter(|it| keys_of(it).any(|it| it == key));
            let there = |it: &String| all.attributes.contains(it);
            assert!(meant.any(|it| keys_of(it).any(there)), "{key}");
        }
        for word in &asked.spans {
            let found = all.spans.iter().any(|name| name.starts_with(word));
            assert!(found, "{word}");
        }
    }
    let mut silent = BTreeSet::new();
    for rule in rules() {
        let mut query = Query::of(text(&rule, "expr"));
        let is_silent = query.metrics.iter().all(|it| silent.contains(it));
        // Counters have no buckets: what is told of a distribution stops with the former name.
        let of_buckets = |name: &String| {
            let (metric, _) = &declared[name];
            let own = registry.metrics[metric].stability_opt_in.as_ref();
            let others = own.iter().flat_map(|it| &it.replaced_by);
            let counters = |name: &str| registry.metrics[name].instrument == Instrument::Counter;
            opt_in == "gen_ai_latest_experimental"
                && !name.ends_with("_sum")
                && others.into_iter().any(|it| counters(&it.metric))
        };
        let known = |name: &String| declared.contains_key(name);
        let is_silent = is_silent
            || query.metrics.iter().all(known)
                && (waits(&query) || query.metrics.iter().all(of_buckets));
        if is_silent {
            silent.extend(rule.get("record").map(|it| it.as_str().unwrap().to_owned()));
            continue;
        }
        query = query.among(&declared, &all.known);
        query.check(&all.known);
        if let Some(record) = rule.get("record") {
            let entry = (String::new(), query.labels.clone());
            all.known.insert(record.as_str().unwrap().to_owned(), entry);
        }
    }
}

/// A Prometheus, where it is installed, that scrapes what programs exported and has the rules.
#[test]
fn prometheus_answers_every_query_of_the_dashboard_and_evaluates_every_rule() {
    let Some(program) = installed("prometheus") else {
        return;
    };
    // The example, and a program that has an occasion for the rest.
    let pages = vec![
        (
            "agent_loop",
            Page::of(metrics_of(env!("CARGO_BIN_EXE_agent_loop"), "")),
        ),
        (
            "loop",
            Page::of(metrics_of(env!("CARGO_BIN_EXE_loop"), "most")),
        ),
    ];
    let jobs = ["agent_loop", "loop"];
    let file = workspace().join("dashboards/prometheus-rules.yaml");
    let server = Prometheus::start(&program, &file, &jobs, prometheus::serve(pages));
    server.wait_until("three scrapes of each", |server| {
        let scrapes = server.query("count_over_time((up == 1)[5m:1s])");
        scrapes.len() == jobs.len() && scrapes.iter().all(|(_, count)| *count >= 3.0)
    });

    for target in targets("prometheus") {
        let query = text(&target, "expr")
            .replace("$job", ".*")
            .replace("$__rate_interval", "5m");
        assert!(!query.contains('$'), "{query}");
        assert_there(&query, &server.query(&query));
    }
    // What the dashboard offers as jobs.
    assert_eq!(server.api("label/job/values"), serde_json::json!(jobs));

    let records: Vec<Value> = rules()
        .into_iter()
        .filter(|it| it["record"].is_string())
        .collect();
    server.wait_until("a value of each recording rule", |server| {
        let mut records = records.iter();
        records.all(|rule| !server.query(text(rule, "record")).is_empty())
    });
    for rule in rules() {
        let result = server.query(text(&rule, "expr"));
        // What an alert asks for may well not be there.
        if rule["record"].is_string() {
            assert_there(text(&rule, "expr"), &result);
            assert_there(text(&rule, "record"), &server.query(text(&rule, "record")));
        }
    }
    let loaded = server.api("rules");
    let groups = loaded["groups"].as_array().unwrap().iter();
    let loaded: Vec<&Value> = groups
        .flat_map(|it| it["rules"].as_array().unwrap())
        .collect();
    assert_eq!(loaded.len(), rules().len());
    for rule in loaded {
        assert_eq!(rule["health"], "ok", "{rule}");
    }
    // Of the example a tool, a chat and so the run fail; nothing else is wrong with it.
    let failing = [
        "GenAiClientOperationDurationFailing",
        "GenAiExecuteToolDurationFailing",
        "GenAiInvokeAgentDurationFailing",
    ];
    let alerts = |server: &Prometheus| -> BTreeSet<String> {
        let alerts = server.query(r#"ALERTS{job="agent_loop"}"#);
        alerts
            .iter()
            .map(|(it, _)| text(it, "alertname").to_owned())
            .collect()
    };
    server.wait_until("an evaluation of every alert", |server| {
        alerts(server).len() >= failing.len()
    });
    assert_eq!(alerts(&server), failing.map(str::to_owned).into());
}

/// That a query gives something, and numbers.
#[track_caller]
fn assert_there(query: &str, result: &[(Value, f64)]) {
    assert!(!result.is_empty(), "nothing for {query}");
    for (labels, value) in result {
        assert!(value.is_finite(), "{value} for {labels} of {query}");
    }
}

/// What a program sent, as Prometheus and Tempo have it.
struct Exported {
    known: Known,
    attributes: BTreeSet<String>,
    spans: BTreeSet<String>,
}

impl Exported {
    fn of(program: &str, argument: &str, opt_in: &str) -> Self {
        let receiver = received_from(program, argument, opt_in);
        let mut known = Known::new();
        for metric in receiver.metrics() {
            let data = metric.data.unwrap();
            let instrument = instrument(&data);
            let attributes = match data {
                Data::Gauge(it) => it.data_points.into_iter().map(|it| it.attributes).collect(),
                Data::Sum(it) => it.data_points.into_iter().map(|it| it.attributes).collect(),
                Data::Histogram(it) => it.data_points.into_iter().map(|it| it.attributes).collect(),
                other => panic!("{other:?}"),
            };
            let attributes: Vec<Vec<KeyValue>> = attributes;
            let labels = attributes
                .iter()
                .flatten()
                .map(|it| it.key.replace('.', "_"));
            let labels: BTreeSet<String> = labels.collect();
            for called in called(&metric.name, &metric.unit, instrument) {
                let entry = known
                    .entry(called)
                    .or_insert((metric.name.clone(), BTreeSet::new()));
                entry.1.extend(labels.clone());
            }
        }
        let spans = receiver.spans();
        let attributes = spans.iter().flat_map(|it| &it.attributes);
        Self {
            known,
            attributes: attributes.map(|it| it.key.clone()).collect(),
            spans: spans.iter().map(|it| it.name.clone()).collect(),
        }
    }
}

/// What a program sent.
fn received_from(program: &str, argument: &str, opt_in: &str) -> Receiver {
    let receiver = Receiver::plain(false);
    let mut variables = towards(Protocol::HttpProtobuf, &receiver);
    variables.push(set("OTEL_SEMCONV_STABILITY_OPT_IN", opt_in));
    let ran = child::run(program, &[argument], &variables);
    assert!(ran.status.success(), "{ran:?}");
    receiver
}

/// By both names, so that all panels have something to show.
fn metrics_of(program: &str, argument: &str) -> Vec<Metric> {
    received_from(program, argument, "gen_ai_latest_experimental/dup").metrics()
}

fn instrument(data: &Data) -> Instrument {
    match data {
        Data::Gauge(_) => Instrument::Gauge,
        Data::Sum(it) if it.is_monotonic => Instrument::Counter,
        Data::Sum(_) => Instrument::UpDownCounter,
        Data::Histogram(_) => Instrument::Histogram,
        other => panic!("{other:?}"),
    }
}

/// What a question to Tempo names.
struct Asked {
    attributes: BTreeSet<String>,
    /// Those that something is calculated of.
    numbers: BTreeSet<String>,
    /// The words that names of spans begin with.
    spans: BTreeSet<String>,
}

impl Asked {
    fn of(query: &str) -> Self {
        let question = Question::read(query).unwrap_or_else(|wrong| panic!("{wrong}: {query}"));
        let first_word = |name: &String| {
            let word = name.strip_suffix(".*");
            let word = word.unwrap_or_else(|| panic!("{name} is one name: {query}"));
            let plain = |c: char| c.is_alphanumeric() || "_- ".contains(c);
            assert!(word.chars().all(plain), "{word}: {query}");
            word.to_owned()
        };
        let asked = Self {
            spans: question.names.iter().map(first_word).collect(),
            attributes: question.attributes.into_iter().collect(),
            numbers: question.numbers.into_iter().collect(),
        };
        assert!(asked.attributes.len() + asked.spans.len() > 0, "{query}");
        asked
    }
}

/// The keys that an attribute may have.
fn keys_of(attribute: &AttributeRef) -> impl Iterator<Item = &String> {
    let latest = attribute.stability_opt_in.as_ref().map(|it| &it.renamed_to);
    std::iter::once(&attribute.key).chain(latest)
}

fn committed_registry() -> Registry {
    read_registry(&workspace().join("semconv"))
        .unwrap()
        .registry
}

/// What the panels ask a source of data.
fn targets(source: &str) -> Vec<Value> {
    let text = fs::read_to_string(workspace().join("dashboards/grafana.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets: Vec<Value> = panels
        .filter(|it| it["datasource"]["type"] == source)
        .flat_map(|it| it["targets"].as_array().unwrap().clone())
        .collect();
    assert!(!targets.is_empty(), "{source}");
    targets
}

fn rules() -> Vec<Value> {
    let path = workspace().join("dashboards/prometheus-rules.yaml");
    let file: Value = serde_yaml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
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
fn series(registry: &Registry) -> Known {
    let mut series = Known::new();
    for (name, metric) in &registry.metrics {
        let labels = metric.attributes.iter().map(|it| it.key.replace('.', "_"));
        let entry = (name.clone(), labels.collect::<BTreeSet<_>>());
        for called in called(name, &metric.unit, metric.instrument) {
            series.insert(called, entry.clone());
        }
    }
    series
}

fn called(name: &str, unit: &str, instrument: Instrument) -> Vec<String> {
    let mut name = name.replace('.', "_");
    if unit == "s" {
        name.push_str("_seconds");
    }
    match instrument {
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

    /// What is asked where a metric has one of two names: those of them that are there, and their labels.
    fn among(mut self, declared: &Known, there: &Known) -> Self {
        if self.text.contains(" or ") {
            let labels = self.allowed(declared);
            self.metrics.retain(|it| there.contains_key(it));
            assert!(!self.metrics.is_empty(), "{}", self.text);
            let left = self.metrics.iter().flat_map(|it| there[it].1.clone());
            let left: BTreeSet<String> = left.collect();
            // Labels that one of the names alone has are none of the others'.
            self.labels.retain(|it| {
                left.contains(it) || !labels.contains(it) || OWN_LABELS.contains(&it.as_str())
            });
        }
        self
    }

    /// Whether it is a series as it comes, whose labels it does not name.
    fn is_plain(&self) -> bool {
        !self.text.contains('(')
    }

    fn allowed(&self, known: &Known) -> BTreeSet<String> {
        let mut allowed: BTreeSet<String> = OWN_LABELS.map(str::to_owned).into();
        for metric in &self.metrics {
            let found = known.get(metric);
            let (_, labels) = found.unwrap_or_else(|| panic!("{metric} of {}", self.text));
            allowed.extend(labels.iter().cloned());
        }
        allowed
    }

    /// The metrics of the registry that it is about.
    fn check(&self, known: &Known) -> BTreeSet<String> {
        let allowed = self.allowed(known);
        let lost: Vec<_> = self.labels.difference(&allowed).collect();
        assert!(lost.is_empty(), "{lost:?} of {}", self.text);
        self.metrics.iter().map(|it| known[it].0.clone()).collect()
    }
}
