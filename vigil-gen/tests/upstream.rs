//! OpenTelemetry's own registry, read as it is published: what was resolved, against the YAML itself.
//!
//! The registry is no part of this repository. The tests look for it in `../shared/upstream` beside
//! the workspace, or where `VIGIL_UPSTREAM` says, and say so when it isn't there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_yaml::{Mapping, Value};
use vigil_gen::registry::{
    AttributeRef, AttributeType, Instrument, NumberType, RequirementLevel, SpanKind,
};
use vigil_gen::{Checked, Files, Options, Output, Stats, Subject, read_registry, render_files};

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
    let Some(_) = Upstream::find() else {
        return;
    };
    let registry = Upstream::read().registry;
    let AttributeType::Enum(ty) = &registry.attributes["gen_ai.token.type"].ty else {
        panic!("it is an enum");
    };
    let output = ty.members.iter().find(|it| it.id == "output").unwrap();
    let former: Vec<&str> = output.aliases.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(former, ["completion"]);
}

#[test]
fn every_attribute_of_upstream_has_a_constant_of_its_type() {
    let Some(upstream) = Upstream::find() else {
        return;
    };
    let code = Upstream::code("semconv/");
    assert_eq!(
        code.count("AttributeDefinition = "),
        upstream.definitions.len()
    );
    let mut enums = 0;
    for (key, definition) in &upstream.definitions {
        let ty = &definition["type"];
        let members: Vec<&Value> = match ty.get("members") {
            Some(members) => members.as_sequence().unwrap().iter().collect(),
            None => Vec::new(),
        };
        let (constant, file) = code.before(&format!(": &str = {key:?};"), "pub const ");
        let made = if ty.as_str().is_some_and(|ty| ty.starts_with("template[")) {
            "template"
        } else {
            "new"
        };
        let value_type = match ty.as_str() {
            Some(word) => value_type(word),
            None => match &members[0]["value"] {
                Value::String(_) => "String",
                Value::Number(_) => "Int",
                _ => "Boolean",
            },
        };
        let described = format!(
            "static {constant}: AttributeDefinition = AttributeDefinition::{made}(super::{constant}, ValueType::{value_type})"
        );
        assert!(file.contains(&described), "{key}: {described}");
        if members.is_empty() {
            continue;
        }
        enums += 1;
        let (_, after) = file
            .split_once(&format!("The values of [`{constant}`]"))
            .unwrap_or_else(|| panic!("no enum has the values of {key}"));
        let (_, after) = after.split_once("pub enum ").unwrap();
        let name = after.split(' ').next().unwrap();
        assert!(
            file.contains(&format!("impl From<{name}> for Value")),
            "{key}"
        );
        let matched = between(after, "match self {", "(value) =>");
        let values: BTreeSet<String> = matched
            .split("Self::")
            .filter_map(|arm| Some(arm.trim().trim_end_matches(',').split_once(" => ")?.1))
            .map(|value| value.replace('_', " "))
            .collect();
        let written: BTreeSet<String> = members
            .iter()
            .map(|member| match &member["value"] {
                Value::String(text) => format!("{text:?}").replace('_', " "),
                Value::Number(number) => number.to_string(),
                other => other.as_bool().unwrap().to_string(),
            })
            .collect();
        assert_eq!(values, written, "{key}");
    }
    assert_eq!(code.count("pub enum "), enums);
}

#[test]
fn every_metric_of_upstream_has_an_instrument_and_a_struct_of_its_attributes() {
    let Some(upstream) = Upstream::find() else {
        return;
    };
    let code = Upstream::code("metrics/");
    let metrics = upstream.groups_of("metric");
    assert_eq!(code.count("MetricDefinition = "), metrics.len());
    for (id, group) in metrics {
        let name = text(group, "metric_name");
        let described = format!(": MetricDefinition = MetricDefinition::new({name:?},");
        let (constant, file) = code.before(&described, "pub static ");
        let instrument = match text(group, "instrument") {
            "counter" => "Counter<",
            "updowncounter" => "UpDownCounter<",
            "gauge" => "Gauge<",
            _ => "istogram<",
        };
        let (_, declared) = file
            .split_once(&format!("pub static {constant}: "))
            .unwrap_or_else(|| panic!("{name}"));
        let declared = declared.split(" = ").next().unwrap();
        assert!(declared.contains(instrument), "{name}: {declared}");
        let attributes = upstream.attributes_of(id);
        let set = declared.trim_end_matches('>').rsplit(['<', ' ']).next();
        if attributes.is_empty() {
            assert_eq!(set, Some("()"), "{name}");
        } else {
            let fields = fields_of(file, set.unwrap());
            assert_eq!(fields.len(), attributes.len(), "{name}: {fields:?}");
        }
    }
}

#[test]
fn every_span_of_upstream_has_a_builder_that_takes_all_of_its_attributes() {
    let Some(upstream) = Upstream::find() else {
        return;
    };
    let code = Upstream::code("spans/");
    let spans = upstream.groups_of("span");
    assert_eq!(code.count("SpanDefinition = "), spans.len());
    for (id, group) in spans {
        let ty = id.strip_prefix("span.").unwrap();
        let kind = text(group, "span_kind");
        let described = format!(": SpanDefinition = SpanDefinition::new({ty:?},");
        let (constant, file) = code.before(&described, "pub static ");
        let description = between(file, &described, ";");
        let kind = kind[..1].to_uppercase() + &kind[1..];
        assert!(description.contains(&format!("SpanKind::{kind},")), "{ty}");
        let attributes = upstream.attributes_of(id);
        let declared = description.matches("Field::new(").count();
        assert_eq!(declared, attributes.len(), "{ty}");
        // From the handle of that definition to its builder.
        let (before, _) = file
            .split_once(&format!("SpanStart::under(&{constant}, "))
            .unwrap_or_else(|| panic!("{ty} can't be started"));
        let (_, signature) = before.rsplit_once("pub fn ").unwrap();
        let required = attributes.values().filter(|it| it.level == "required");
        let required = required.count();
        let parameters = between(signature, "(", ") ->");
        // Beside them the parent and the name.
        assert_eq!(
            parameters.matches(": ").count(),
            required + 2,
            "{ty}: {parameters}"
        );
        let builder = between(signature, "-> ", " {");
        let setters = between(file, &format!("impl {builder} {{"), "pub fn start(");
        let setters = setters.matches("pub fn ").count();
        let given = attributes.len() - required;
        let others = 1 + usize::from(given > 0);
        assert_eq!(setters, given + others, "{ty}");
    }
    let http = code.file("spans/http.rs");
    let header = "pub fn request_header(mut self, key: impl AsRef<str>, \
                  value: impl IntoIterator<Item = impl Into<Text>>) -> Self {";
    assert!(http.contains(header), "{http}");
}

#[test]
fn every_event_of_upstream_has_a_struct_with_its_body_and_an_emit() {
    let Some(upstream) = Upstream::find() else {
        return;
    };
    let code = Upstream::code("events/");
    let events = upstream.groups_of("event");
    assert_eq!(code.count("EventDefinition = "), events.len());
    assert_eq!(
        code.count("pub fn emit(&self, span: &Handle)"),
        events.len()
    );
    for (id, group) in events {
        let name = text(group, "name");
        let described = format!(": EventDefinition = EventDefinition::new({name:?},");
        let (constant, file) = code.before(&described, "pub static ");
        let (before, _) = file
            .split_once(&format!("(&definitions::{constant},"))
            .unwrap_or_else(|| panic!("{name} can't be sent"));
        let (_, structure) = before.rsplit_once("pub struct ").unwrap();
        let structure = structure.split(' ').next().unwrap();
        let fields = fields_of(file, structure);
        let body = group.get("body").and_then(Value::as_mapping);
        let attributes = upstream.attributes_of(id).len();
        let expected = attributes + usize::from(body.is_some());
        assert_eq!(fields.len(), expected, "{name}: {fields:?}");
        if let Some(body) = body {
            let typed = fields.iter().find_map(|it| it.strip_prefix("body: "));
            check_body(file, body, without_option(typed.unwrap()));
        }
    }
}

/// Each field of a body has its type in the struct of it, all the way down.
fn check_body(file: &str, body: &Mapping, typed: &str) {
    let id = text(body, "id");
    let ty = text(body, "type");
    let parts: Vec<&Mapping> = match body.get("fields").and_then(Value::as_sequence) {
        Some(fields) => fields.iter().map(|it| it.as_mapping().unwrap()).collect(),
        None => Vec::new(),
    };
    let plain = match ty {
        "string" => "Text",
        "int" => "i64",
        "double" => "f64",
        "boolean" => "bool",
        "string[]" => "Vec<Text>",
        "undefined" => "AnyValue",
        "enum" => {
            let members = body["members"].as_sequence().unwrap();
            let variants = between(file, &format!("pub enum {typed} {{"), "Other(");
            assert_eq!(variants.matches(',').count(), members.len(), "{id}");
            return;
        }
        "map" | "map[]" if !parts.is_empty() => {
            let holder = typed
                .strip_prefix("Vec<")
                .map_or(typed, |it| it.trim_end_matches('>'));
            assert_eq!(holder != typed, ty == "map[]", "{id}");
            let fields = fields_of(file, holder);
            assert_eq!(fields.len(), parts.len(), "{id}: {fields:?}");
            for (part, field) in parts.into_iter().zip(fields) {
                let (_, typed) = field.split_once(": ").unwrap();
                let required = part.get("requirement_level").and_then(Value::as_str);
                let is_optional = typed.starts_with("Option<");
                assert_eq!(is_optional, required != Some("required"), "{id}: {field}");
                check_body(file, part, without_option(typed));
            }
            return;
        }
        other => panic!("{id} is of the type {other}"),
    };
    assert_eq!(typed, plain, "{id}");
}

fn without_option(ty: &str) -> &str {
    ty.strip_prefix("Option<")
        .map_or(ty, |it| &it[..it.len() - 1])
}

/// The fields of a struct: `name: Text`.
fn fields_of<'a>(file: &'a str, structure: &str) -> Vec<&'a str> {
    let fields = between(file, &format!("pub struct {structure} {{"), "}");
    fields
        .split("pub ")
        .skip(1)
        .map(|field| field.rsplit_once(',').unwrap().0)
        .collect()
}

/// What stands after `begin`, up to the next `end`.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let (_, after) = text
        .split_once(begin)
        .unwrap_or_else(|| panic!("no `{begin}`"));
    after.split_once(end).map_or(after, |(before, _)| before)
}

/// The type of a word, as attributes are described with it.
fn value_type(word: &str) -> &'static str {
    let inner = word.strip_prefix("template[");
    match inner.map_or(word, |it| &it[..it.len() - 1]) {
        "string" => "String",
        "int" => "Int",
        "double" => "Double",
        "boolean" => "Boolean",
        "string[]" => "Strings",
        "int[]" => "Ints",
        "double[]" => "Doubles",
        "boolean[]" => "Booleans",
        "any" => "Any",
        other => panic!("{other}"),
    }
}

/// Generated files, each as one line, without the marks of docs but for those of struct fields.
struct Code(BTreeMap<String, String>);

impl Code {
    fn count(&self, what: &str) -> usize {
        self.0.values().map(|file| file.matches(what).count()).sum()
    }

    fn file(&self, path: &str) -> &str {
        &self.0[path]
    }

    /// The word between `begin` and the one place of `what`, and the file that it stands in.
    fn before(&self, what: &str, begin: &str) -> (&str, &str) {
        let mut places = self.0.values().filter(|file| file.contains(what));
        let (file, more) = (places.next(), places.next());
        let file = file.unwrap_or_else(|| panic!("no file has `{what}`"));
        assert!(more.is_none(), "two files have `{what}`");
        assert_eq!(file.matches(what).count(), 1, "{what}");
        let (before, _) = file.split_once(what).unwrap();
        (before.rsplit_once(begin).unwrap().1, file)
    }
}

/// A file as one line: as if rustfmt had never broken one, and without docs within structs.
fn flat(text: &str) -> String {
    let mut in_fields = false;
    let mut words = String::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with("pub struct ") || line.starts_with("pub enum ") {
            in_fields = true;
        } else if line == "}" {
            in_fields = false;
        }
        let is_docs = line.starts_with("///");
        if in_fields && (is_docs || line.starts_with("#[deprecated")) {
            continue;
        }
        words.push_str(line.trim_start_matches("///").trim());
        words.push(' ');
    }
    let breaks = [
        ("( ", "("),
        (", )", ")"),
        (" )", ")"),
        (" .", "."),
        ("< ", "<"),
        (", >", ">"),
    ];
    for (broken, whole) in breaks {
        words = words.replace(broken, whole);
    }
    words
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

#[test]
fn every_rename_of_upstream_is_in_its_schema_file_and_nothing_else() {
    let Some(upstream) = Upstream::find() else {
        return;
    };
    let rendered = Upstream::in_a_directory(|registry| {
        let output = Output::new("schema.yaml.j2", Subject::Registry, "{version}.yaml");
        let options = Options {
            outputs: vec![output.unwrap()],
            templates: None,
            ..Options::new(registry, "", "out")
        };
        render_files(&options).unwrap_or_else(|failure| panic!("{failure}"))
    });
    let schema: Value = serde_yaml::from_str(&rendered.files["1.41.1.yaml"]).unwrap();
    assert_eq!(
        schema["schema_url"],
        "https://opentelemetry.io/schemas/1.41.1"
    );
    let version = &schema["versions"]["1.41.1"];

    let attributes = upstream.definitions.iter();
    let attributes = attributes.map(|(key, definition)| (key.as_str(), definition));
    let mut expected = renamed(attributes);
    assert_eq!(
        expected["gen_ai.system"], "gen_ai.provider.name",
        "the YAML is read wrongly"
    );
    let renames = &version["all"]["changes"][0]["rename_attributes"]["attribute_map"];
    assert_eq!(mapped(renames), expected);

    let metrics = upstream.groups_of("metric").into_iter();
    expected = renamed(metrics.map(|(_, group)| (text(group, "metric_name"), group)));
    assert!(!expected.is_empty());
    let changes = version["metrics"]["changes"].as_sequence().unwrap();
    let renames = changes
        .iter()
        .find_map(|it| it.get("rename_metrics"))
        .unwrap();
    assert_eq!(mapped(renames), expected);
}

/// The last name of each definition that has another one.
fn renamed<'a>(
    definitions: impl Iterator<Item = (&'a str, &'a Mapping)>,
) -> BTreeMap<String, String> {
    let to = |definition: &Mapping| {
        // One that is `uncategorized` has prose there.
        let deprecated = definition.get("deprecated")?;
        let is_rename = deprecated.get("reason")?.as_str() == Some("renamed");
        let to = deprecated.get("renamed_to").filter(|_| is_rename)?;
        Some(to.as_str().unwrap().to_owned())
    };
    let next: BTreeMap<String, String> = definitions
        .filter_map(|(name, it)| Some((name.to_owned(), to(it)?)))
        .collect();
    let mut last = next.clone();
    for to in last.values_mut() {
        while let Some(later) = next.get(to) {
            to.clone_from(later);
        }
    }
    last
}

fn mapped(map: &Value) -> BTreeMap<String, String> {
    serde_yaml::from_value(map.clone()).unwrap()
}

struct Upstream {
    dir: PathBuf,
    groups: BTreeMap<String, Mapping>,
    definitions: BTreeMap<String, Mapping>,
}

impl Upstream {
    fn find() -> Option<Self> {
        let mut found = Self {
            dir: support::upstream()?,
            groups: BTreeMap::new(),
            definitions: BTreeMap::new(),
        };
        for path in yaml_files(&found.dir) {
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

    /// The groups of that type, by their ids.
    fn groups_of(&self, ty: &str) -> Vec<(&str, &Mapping)> {
        let groups = self.groups.iter();
        let groups = groups.filter(|(_, group)| text(group, "type") == ty);
        groups.map(|(id, group)| (id.as_str(), group)).collect()
    }

    /// What is generated of it below that directory.
    fn code(directory: &str) -> Code {
        static FILES: OnceLock<Files> = OnceLock::new();
        let files = FILES.get_or_init(|| {
            let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates");
            Self::in_a_directory(|registry| {
                let options = Options::new(registry, templates, "out");
                let rendered = render_files(&options).unwrap_or_else(|failure| panic!("{failure}"));
                rendered.files
            })
        });
        let files = files.iter().filter(|(path, _)| path.starts_with(directory));
        Code(
            files
                .map(|(path, text)| (path.clone(), flat(text)))
                .collect(),
        )
    }

    fn read() -> Checked {
        Self::in_a_directory(|registry| {
            read_registry(registry).unwrap_or_else(|rejected| panic!("{rejected}"))
        })
    }

    /// As a registry of its own, whose manifest upstream writes when it publishes.
    fn in_a_directory<R>(f: impl FnOnce(&Path) -> R) -> R {
        let dir = tempfile::tempdir().unwrap();
        let registry = support::upstream_in(dir.path());
        f(&registry.expect("it was there a moment ago"))
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
