//! OpenTelemetry's own registry, read as it is published: what was resolved, against the YAML itself.
//!
//! The registry is no part of this repository. The tests look for it in `../shared/upstream` beside
//! the workspace, or where `VIGIL_UPSTREAM` says, and say so when it isn't there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_yaml::{Mapping, Value};
use vigil_gen::registry::{
    AttributeRef, AttributeType, Instrument, NumberType, RequirementLevel, SpanKind,
};
use vigil_gen::{Checked, Stats, read_registry};

use support::yaml_files;

mod support;

#[test]
fn every_group_of_upstream_means_what_its_yaml_says() {
    let Some(upstream) = Upstream::find() else {
        return;
    };
    let registry = Upstream::read().registry;
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for group in upstream.groups.values() {
        let ty = text(group, "type");
        *seen.entry(ty).or_default() += 1;
        let id = text(group, "id");
        let (brief, resolved) = match ty {
            "attribute_group" => {
                let found = &registry.groups[id];
                (&found.docs.brief, found.attributes.clone())
            }
            "span" => {
                let found = &registry.spans[id.strip_prefix("span.").unwrap()];
                assert_eq!(kind(found.kind), text(group, "span_kind"), "{id}");
                (&found.docs.brief, found.attributes.clone())
            }
            "metric" => {
                let found = &registry.metrics[text(group, "metric_name")];
                assert_eq!(instrument(found.instrument), text(group, "instrument"));
                assert_eq!(found.unit, text(group, "unit"), "{id}");
                let written = group
                    .get("annotations")
                    .and_then(|it| it.get("code_generation"))
                    .and_then(|it| it.get("metric_value_type"));
                if let Some(written) = written {
                    assert_eq!(Some(number(found.value_type)), written.as_str(), "{id}");
                }
                (&found.docs.brief, found.attributes.clone())
            }
            "event" => {
                let found = &registry.events[text(group, "name")];
                assert_eq!(found.body.is_some(), group.contains_key("body"), "{id}");
                (&found.docs.brief, found.attributes.clone())
            }
            "entity" => {
                let found = &registry.entities[text(group, "name")];
                let identity: BTreeSet<&str> =
                    found.identity.iter().map(|it| it.key.as_str()).collect();
                let identifying = items(group).filter(|it| it.get("role").is_some_and(is_identity));
                let identifying: BTreeSet<&str> = identifying.map(|it| text(it, "ref")).collect();
                assert_eq!(identity, identifying, "{id}");
                let both = found.identity.iter().chain(&found.description);
                (&found.docs.brief, both.cloned().collect())
            }
            other => panic!("{id} is of the type {other}"),
        };
        assert_eq!(brief, text(group, "brief").trim(), "{id}");
        let resolved: BTreeMap<String, Said> = resolved
            .iter()
            .map(|it| (it.key.clone(), Said::resolved(it)))
            .collect();
        assert_eq!(resolved, upstream.attributes_of(id), "{id}");
    }
    assert_eq!(
        [
            registry.groups.len(),
            registry.spans.len(),
            registry.metrics.len(),
            registry.events.len(),
            registry.entities.len()
        ],
        ["attribute_group", "span", "metric", "event", "entity"].map(|ty| seen[ty])
    );
}

#[test]
fn every_attribute_of_upstream_means_what_its_yaml_says() {
    let Some(upstream) = Upstream::find() else {
        return;
    };
    let registry = Upstream::read().registry;
    assert_eq!(registry.attributes.len(), upstream.definitions.len());
    for (key, definition) in &upstream.definitions {
        let attribute = &registry.attributes[key];
        let deprecated = definition.contains_key("deprecated");
        assert_eq!(attribute.docs.deprecated.is_some(), deprecated, "{key}");
        let members = definition["type"].get("members");
        let (AttributeType::Enum(ty), Some(members)) = (&attribute.ty, members) else {
            assert_eq!(words(&attribute.ty), definition["type"].as_str().unwrap());
            continue;
        };
        let resolved: BTreeSet<&str> = ty
            .members
            .iter()
            .flat_map(|it| {
                let aliases = it.aliases.iter().map(|alias| alias.id.as_str());
                aliases.chain([it.id.as_str()])
            })
            .collect();
        let written = members.as_sequence().unwrap().iter();
        let written: BTreeSet<&str> = written.map(|it| it["id"].as_str().unwrap()).collect();
        assert_eq!(resolved, written, "{key}");
    }
}

#[test]
fn a_former_name_of_an_upstream_member_is_no_second_value() {
    if support::upstream().is_none() {
        return;
    }
    let registry = Upstream::read().registry;
    let AttributeType::Enum(ty) = &registry.attributes["gen_ai.token.type"].ty else {
        panic!("it is an enum");
    };
    let output = ty.members.iter().find(|it| it.id == "output").unwrap();
    let former: Vec<&str> = output.aliases.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(former, ["completion"]);
}

/// The files, parsed by serde_yaml alone.
#[test]
fn upstream_is_counted_as_its_yaml_has_it() {
    let Some(upstream) = Upstream::find() else {
        return;
    };
    let stats = Stats::of(&Upstream::read().registry);
    let of = |ty: &str| {
        let groups = upstream.groups.values();
        groups.filter(|group| text(group, "type") == ty).count()
    };
    assert_eq!(stats.total.attributes, upstream.definitions.len());
    assert_eq!(stats.total.metrics, of("metric"));
    assert_eq!(stats.total.spans, of("span"));
    assert_eq!(stats.total.events, of("event"));
    assert_eq!(stats.total.entities, of("entity"));
    let metrics: usize = stats.namespaces.values().map(|it| it.metrics).sum();
    assert_eq!(metrics, stats.total.metrics);
    assert_eq!(stats.series.len(), stats.total.metrics);
    // Upstream has no bounds: what is bounded has booleans and enums alone.
    assert_eq!(stats.series["http.server.request.duration"].largest, None);
    assert_eq!(stats.series["system.uptime"].largest, Some(1));
}

struct Upstream {
    groups: BTreeMap<String, Mapping>,
    definitions: BTreeMap<String, Mapping>,
}

impl Upstream {
    fn find() -> Option<Self> {
        let dir = support::upstream()?;
        let mut found = Self {
            groups: BTreeMap::new(),
            definitions: BTreeMap::new(),
        };
        for path in yaml_files(&dir) {
            let text = fs::read_to_string(&path).unwrap();
            let file: Mapping = serde_yaml::from_str(&text).unwrap();
            let Some(groups) = file.get("groups") else {
                continue;
            };
            for group in groups.as_sequence().unwrap() {
                let group = group.as_mapping().unwrap().clone();
                for item in items(&group).filter(|it| it.contains_key("id")) {
                    let key = text_of(item, "id");
                    assert!(found.definitions.insert(key, item.clone()).is_none());
                }
                let id = text_of(&group, "id");
                assert!(found.groups.insert(id, group).is_none());
            }
        }
        Some(found)
    }

    /// What it is read as.
    fn read() -> Checked {
        let dir = tempfile::tempdir().unwrap();
        let registry = support::upstream_in(dir.path()).unwrap();
        read_registry(&registry).unwrap_or_else(|rejected| panic!("{rejected}"))
    }

    /// What a group says of each attribute, on top of what the group that it extends says.
    fn attributes_of(&self, id: &str) -> BTreeMap<String, Said> {
        let group = &self.groups[id];
        let mut attributes = match group.get("extends") {
            Some(base) => self.attributes_of(base.as_str().unwrap()),
            None => BTreeMap::new(),
        };
        for item in items(group) {
            let key = item.get("ref").or_else(|| item.get("id")).unwrap();
            let key = key.as_str().unwrap().to_owned();
            let definition = &self.definitions[&key];
            let said = attributes.entry(key).or_insert_with(|| Said {
                level: "recommended".to_owned(),
                brief: prose(definition, "brief").unwrap_or_default(),
                note: prose(definition, "note").unwrap_or_default(),
                sampling_relevant: false,
            });
            if let Some(level) = item.get("requirement_level") {
                said.level = match level.as_mapping().and_then(|it| it.iter().next()) {
                    Some((word, condition)) => format!(
                        "{} {}",
                        word.as_str().unwrap(),
                        condition.as_str().unwrap().trim()
                    ),
                    None => level.as_str().unwrap().to_owned(),
                };
            }
            said.brief = prose(item, "brief").unwrap_or(said.brief.clone());
            said.note = prose(item, "note").unwrap_or(said.note.clone());
            let relevant = item
                .get("sampling_relevant")
                .map(|it| it.as_bool().unwrap());
            said.sampling_relevant = relevant.unwrap_or(said.sampling_relevant);
        }
        attributes
    }
}

/// What a group says of an attribute.
#[derive(Debug, PartialEq)]
struct Said {
    level: String,
    brief: String,
    note: String,
    sampling_relevant: bool,
}

impl Said {
    fn resolved(reference: &AttributeRef) -> Self {
        let level = match &reference.level {
            RequirementLevel::Required => "required".to_owned(),
            RequirementLevel::ConditionallyRequired(text) => {
                format!("conditionally_required {text}")
            }
            RequirementLevel::Recommended(None) => "recommended".to_owned(),
            RequirementLevel::Recommended(Some(text)) => format!("recommended {text}"),
            RequirementLevel::OptIn(None) => "opt_in".to_owned(),
            RequirementLevel::OptIn(Some(text)) => format!("opt_in {text}"),
        };
        Self {
            level,
            brief: reference.brief.clone(),
            note: reference.note.clone(),
            sampling_relevant: reference.sampling_relevant,
        }
    }
}

fn items(group: &Mapping) -> impl Iterator<Item = &Mapping> {
    let items = group.get("attributes").and_then(Value::as_sequence);
    items
        .into_iter()
        .flatten()
        .map(|it| it.as_mapping().unwrap())
}

fn is_identity(role: &Value) -> bool {
    role.as_str() == Some("identifying")
}

fn text<'a>(of: &'a Mapping, key: &str) -> &'a str {
    of[key].as_str().unwrap()
}

fn text_of(of: &Mapping, key: &str) -> String {
    text(of, key).to_owned()
}

fn prose(of: &Mapping, key: &str) -> Option<String> {
    Some(of.get(key)?.as_str()?.trim().to_owned())
}

fn kind(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Internal => "internal",
        SpanKind::Client => "client",
        SpanKind::Server => "server",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
    }
}

fn instrument(instrument: Instrument) -> &'static str {
    match instrument {
        Instrument::Counter => "counter",
        Instrument::UpDownCounter => "updowncounter",
        Instrument::Gauge => "gauge",
        Instrument::Histogram => "histogram",
    }
}

fn number(number: NumberType) -> &'static str {
    match number {
        NumberType::Int => "int",
        NumberType::Double => "double",
    }
}

/// A type as it is written.
fn words(ty: &AttributeType) -> String {
    match ty {
        AttributeType::Array(element) => format!("{}[]", format!("{element:?}").to_lowercase()),
        AttributeType::Template(inner) => format!("template[{}]", words(inner)),
        other => format!("{other:?}").to_lowercase(),
    }
}
