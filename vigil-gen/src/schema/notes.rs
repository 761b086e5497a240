//! `annotations`: which keys `vigil` may hold in which place, and what they may say.

use super::attribute::scalar_value;
use super::common::check_name;
use super::fields::{Fields, list, text, wrong_shape};
use super::places::{
    AGGREGATE, ATTRIBUTE, ENTITY, ENTITY_REFERENCE, EVENT, EVENT_REFERENCE, GROUP, GROUP_REFERENCE,
    MANIFEST, MEASURE, MEASURE_WORDS, METRIC, METRIC_REFERENCE, NUMBER, OTHER, PLACES, RECORD, SET,
    SPAN, SPAN_REFERENCE, STREAM,
};
use super::reference::ListOf;
use super::shape::{Place, Words as _};
use super::unit::check_unit;
use super::{
    AttributeNotes, Located, MeasureDef, MeasuredDef, MetricNotes, RecordNotes, RefNotes,
    SpanNotes, StreamNotes,
};
use crate::codes;
use crate::diagnostic::{Diagnostic, Diagnostics, Location, listed, misspelt, nearest, quoted};
use crate::registry::{Instrument, NumberType};
use crate::yaml::{Entry, Node, Yaml};

/// The entry `vigil` of `annotations`, its keys checked against the place.
fn open<'a>(
    fields: &Fields<'a>,
    place: &Place,
    diagnostics: &mut Diagnostics,
) -> Option<(&'a Entry, Fields<'a>)> {
    let annotations = fields.get("annotations")?;
    if !matches!(annotations.yaml, Yaml::Map(_)) {
        diagnostics.push(wrong_shape(annotations, "`annotations`", "a mapping"));
        return None;
    }
    for entry in annotations.entries() {
        diagnostics.extend(outside(entry, place));
    }
    let entry = annotations
        .entries()
        .iter()
        .find(|entry| entry.key == "vigil")?;
    if !matches!(entry.node.yaml, Yaml::Map(_)) {
        diagnostics.push(wrong_shape(&entry.node, "`vigil`", "a mapping"));
        return None;
    }
    for key in entry.node.entries() {
        if !place.has(&key.key) {
            diagnostics.push(unexpected(key, place));
        }
    }
    Some((entry, Fields { node: &entry.node }))
}

/// What stands beside `vigil` is other people's, unless it was to be `vigil` or to stand in it.
fn outside(entry: &Entry, place: &Place) -> Option<Diagnostic> {
    const KNOWN: [&str; 2] = ["vigil", "code_generation"];
    let key = entry.key.as_str();
    if KNOWN.contains(&key) {
        return None;
    }
    let ours = PLACES.iter().any(|place| place.has(key));
    let (message, help) = if ours {
        let message = format!("{} stands under `vigil`, not beside it", quoted(key));
        let help = if place.has(key) {
            format!("write `annotations: {{ vigil: {{ {key}: .. }} }}`")
        } else {
            let home = PLACES.iter().find(|place| place.has(key))?;
            format!("it belongs on {}, under `vigil`", home.what)
        };
        (message, help)
    } else if key == "metric_value_type" {
        (
            format!("{} stands under `code_generation`", quoted(key)),
            "write `annotations: { code_generation: { metric_value_type: .. } }`".to_owned(),
        )
    } else {
        let meant = misspelt(key, &KNOWN, 2)?;
        (
            format!(
                "{} is not `{meant}`, so it would be passed over",
                quoted(key)
            ),
            format!("did you mean `{meant}`?"),
        )
    };
    let error = Diagnostic::new(codes::MISPLACED_ANNOTATION, entry.key_at, message);
    Some(error.with_help(help))
}

fn unexpected(entry: &Entry, place: &Place) -> Diagnostic {
    let key = entry.key.as_str();
    let home = PLACES.iter().find(|place| place.has(key));
    if let Some(home) = home {
        return Diagnostic::new(
            codes::MISPLACED_ANNOTATION,
            entry.key_at,
            format!("{} can't be annotated with {}", place.what, quoted(key)),
        )
        .with_help(format!("it belongs on {}", home.what));
    }
    let keys = || place.keys.iter().map(|field| field.name);
    let help = match nearest(key, keys()) {
        Some(name) => format!("did you mean {}?", quoted(name)),
        None => format!("{} takes {}", place.what, listed(keys())),
    };
    Diagnostic::new(
        codes::UNKNOWN_ANNOTATION,
        entry.key_at,
        format!("there is no annotation {} for {}", quoted(key), place.what),
    )
    .with_help(help)
}

pub(super) fn invalid(at: Location, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(codes::INVALID_ANNOTATION, at, message)
}

fn flag(fields: &Fields<'_>, name: &str, diagnostics: &mut Diagnostics) -> bool {
    fields.flag(name, diagnostics).is_some_and(|it| it.value)
}

/// Where nothing of ours may stand but what suppresses lints.
pub(super) fn read_no_notes(
    fields: &Fields<'_>,
    what: &'static str,
    diagnostics: &mut Diagnostics,
) {
    open(fields, &Place { what, ..OTHER }, diagnostics);
}

/// Where nothing of ours may stand but what every definition has.
pub(super) fn read_entity_notes(fields: &Fields<'_>, diagnostics: &mut Diagnostics) {
    open(fields, &ENTITY, diagnostics);
}

/// What is Vigil's in a manifest.
pub(super) fn read_manifest_notes<'a>(
    fields: &Fields<'a>,
    diagnostics: &mut Diagnostics,
) -> Option<Fields<'a>> {
    open(fields, &MANIFEST, diagnostics).map(|(_, fields)| fields)
}

pub(super) fn read_attribute_notes(
    fields: &Fields<'_>,
    diagnostics: &mut Diagnostics,
) -> AttributeNotes {
    let Some((_, fields)) = open(fields, &ATTRIBUTE, diagnostics) else {
        return AttributeNotes::default();
    };
    let notes = AttributeNotes {
        identity: flag(&fields, "identity", diagnostics),
        sensitive: flag(&fields, "sensitive", diagnostics),
        inherited: fields.flag("inherited", diagnostics),
        filled_from: fields.text("filled_from", diagnostics),
        closed: fields.flag("closed", diagnostics),
        shared_name: fields.text("type", diagnostics),
        unit: fields.text("unit", diagnostics),
    };
    if let Some(unit) = &notes.unit {
        check_unit(unit, diagnostics);
    }
    if let Some(name) = notes
        .shared_name
        .as_ref()
        .filter(|name| !is_type_name(&name.value))
    {
        diagnostics.push(
            invalid(
                name.at,
                format!("{} can't name a type", quoted(&name.value)),
            )
            .with_help("write it like `LoopPhase`: letters and digits, each word with a capital"),
        );
    }
    notes
}

fn is_type_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_alphanumeric())
}

pub(super) fn read_ref_notes(
    fields: &Fields<'_>,
    of: ListOf,
    diagnostics: &mut Diagnostics,
) -> RefNotes {
    let place = match of {
        ListOf::Span => &SPAN_REFERENCE,
        ListOf::Group => &GROUP_REFERENCE,
        ListOf::Metric => &METRIC_REFERENCE,
        ListOf::Event => &EVENT_REFERENCE,
        ListOf::Entity => &ENTITY_REFERENCE,
    };
    let Some((_, fields)) = open(fields, place, diagnostics) else {
        return RefNotes::default();
    };
    RefNotes {
        value: fields.get("value").and_then(|node| {
            let value = scalar_value(node);
            if value.is_none() {
                let message = format!(
                    "a constant is text, a whole number or a boolean, not {}",
                    node.described()
                );
                diagnostics.push(Diagnostic::new(codes::INVALID_CONSTANT, node.at, message));
            }
            value.map(|value| Located::new(value, node.at))
        }),
        set: fields.word("set", &SET, diagnostics),
        aggregate: fields.word("aggregate", &AGGREGATE, diagnostics),
        outcome: fields.flag("outcome", diagnostics),
        cardinality: fields
            .get("cardinality")
            .map(|node| read_cardinality(node, diagnostics)),
    }
}

fn read_cardinality(node: &Node, diagnostics: &mut Diagnostics) -> Located<u32> {
    let bound = if let Yaml::Int(number) = node.yaml {
        u32::try_from(number).ok()
    } else {
        None
    };
    let bound = bound.filter(|bound| *bound > 0);
    if bound.is_none() {
        let meant = node.text().and_then(|text| text.trim().parse::<u32>().ok());
        let help = meant.filter(|it| *it > 0).map(|it| format!("write `{it}`"));
        let error = invalid(node.at, "`cardinality` is a whole number from 1");
        diagnostics.push(error.with_help_if(help));
    }
    // A bound that can't be read is not missing.
    Located::new(bound.unwrap_or(1), node.at)
}

pub(super) fn read_span_notes(
    fields: &Fields<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<SpanNotes> {
    let (entry, fields) = open(fields, &SPAN, diagnostics)?;
    let before = diagnostics.len();
    let builder = fields.text("builder", diagnostics);
    let parents = fields.texts("parents", diagnostics);
    let type_per = fields.text("type_per", diagnostics);
    Some(SpanNotes {
        at: entry.key_at,
        unread: diagnostics.len() > before,
        builder,
        root: flag(&fields, "root", diagnostics),
        parents,
        phases: fields.texts("phases", diagnostics),
        type_per,
        immediate: flag(&fields, "immediate", diagnostics),
        metrics: fields.texts("metrics", diagnostics),
        stream: fields
            .get("stream")
            .and_then(|node| read_stream(node, diagnostics)),
    })
}

fn read_stream(node: &Node, diagnostics: &mut Diagnostics) -> Option<StreamNotes> {
    let fields = Fields::open(node, &STREAM, diagnostics)?;
    Some(StreamNotes {
        flag: fields.text("flag", diagnostics),
        time_to_first_chunk: fields.text("time_to_first_chunk", diagnostics),
        time_per_output_chunk: fields.text("time_per_output_chunk", diagnostics),
    })
}

pub(super) fn read_record_notes(
    fields: &Fields<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<RecordNotes> {
    let (entry, _) = open(fields, &GROUP, diagnostics)?;
    let record = entry
        .node
        .entries()
        .iter()
        .find(|entry| entry.key == "record")?;
    let fields = Fields::open(&record.node, &RECORD, diagnostics)?;
    let name = fields.text("name", diagnostics);
    if let Some(name) = &name {
        check_name("a record's name", name, diagnostics);
        if name.value.contains('.') {
            diagnostics.push(invalid(
                name.at,
                format!(
                    "a record's name is one word, unlike {}",
                    quoted(&name.value)
                ),
            ));
        }
    }
    Some(RecordNotes {
        name,
        on: fields.text("on", diagnostics),
        phases: fields.texts("phases", diagnostics),
        metrics: fields.texts("metrics", diagnostics),
        event: fields.text("event", diagnostics),
    })
}

/// `keep_last` and `at_end_of`.
pub(super) fn read_event_notes(
    fields: &Fields<'_>,
    diagnostics: &mut Diagnostics,
) -> (bool, Option<Located<String>>) {
    let Some((_, fields)) = open(fields, &EVENT, diagnostics) else {
        return (false, None);
    };
    (
        flag(&fields, "keep_last", diagnostics),
        fields.text("at_end_of", diagnostics),
    )
}

/// `annotations.code_generation.metric_value_type`, which is upstream's. In a registry that uses
/// Vigil's annotations a metric must have one, and elsewhere may.
pub(super) fn read_value_type(
    fields: &Fields<'_>,
    metric: Option<&Located<String>>,
    required: bool,
    diagnostics: &mut Diagnostics,
) -> Option<NumberType> {
    if value_type_node(fields).is_some() {
        return written_value_type(fields, diagnostics);
    }
    // What is in the wrong place, which was reported, is not missing.
    let annotations = fields.get("annotations").map_or(&[][..], Node::entries);
    let misplaced = annotations.iter().any(|entry| {
        entry.key == "metric_value_type" || misspelt(&entry.key, &["code_generation"], 2).is_some()
    });
    if let Some(metric) = metric.filter(|_| required && !misplaced) {
        diagnostics.push(
            Diagnostic::new(
                codes::MISSING_VALUE_TYPE,
                metric.at,
                format!(
                    "{} does not say whether its values are `int` or `double`",
                    quoted(&metric.value)
                ),
            )
            .with_help("add `annotations: { code_generation: { metric_value_type: int } }`"),
        );
    }
    None
}

fn value_type_node<'a>(fields: &Fields<'a>) -> Option<&'a Node> {
    let generation = fields.get("annotations")?.get("code_generation")?;
    generation.get("metric_value_type")
}

/// As it is written, if it is.
pub(super) fn written_value_type(
    fields: &Fields<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<NumberType> {
    let read = NUMBER.read(value_type_node(fields)?, diagnostics)?;
    Some(read.value)
}

/// What is taken for the values of a metric that doesn't say: whole numbers where things or bytes
/// are counted, and anything for the rest.
pub(super) fn default_value_type(instrument: Instrument, unit: &str) -> NumberType {
    let counts = matches!(instrument, Instrument::Counter | Instrument::UpDownCounter);
    let things = unit.starts_with('{') || unit == "By";
    if counts && things {
        NumberType::Int
    } else {
        NumberType::Double
    }
}

pub(super) fn read_metric_notes(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> MetricNotes {
    let Some((_, fields)) = open(fields, &METRIC, diagnostics) else {
        return MetricNotes::default();
    };
    let measures = fields.get("measures");
    MetricNotes {
        boundaries: fields
            .get("boundaries")
            .and_then(|node| read_boundaries(node, diagnostics)),
        from: fields.texts("from", diagnostics),
        measures: measures
            .map(|node| read_measures(node, diagnostics))
            .unwrap_or_default(),
        measures_at: measures.map(|node| node.at),
    }
}

fn read_boundaries(node: &Node, diagnostics: &mut Diagnostics) -> Option<Located<Vec<f64>>> {
    let mut bounds: Vec<f64> = Vec::new();
    let items = list(node, "`boundaries`", diagnostics);
    for item in items {
        let bound = match item.yaml {
            // Whole bounds are far below where a double could no longer tell them apart.
            #[expect(clippy::cast_precision_loss)]
            Yaml::Int(number) => number as f64,
            Yaml::Float(number) => number,
            _ => f64::NAN,
        };
        let problem = if !bound.is_finite() {
            Some("a boundary is a finite number".to_owned())
        } else if bounds.last().is_some_and(|last| *last >= bound) {
            Some("each boundary is greater than the one before".to_owned())
        } else {
            None
        };
        if let Some(problem) = problem {
            diagnostics.push(Diagnostic::new(codes::INVALID_BOUNDARIES, item.at, problem));
            return None;
        }
        bounds.push(bound);
    }
    if bounds.is_empty() {
        if matches!(node.yaml, Yaml::List(_)) {
            diagnostics.push(
                Diagnostic::new(
                    codes::INVALID_BOUNDARIES,
                    node.at,
                    "there are no boundaries in the list",
                )
                .with_help("leave `boundaries` out to take the SDK's"),
            );
        }
        return None;
    }
    Some(Located::new(bounds, node.at))
}

fn read_measures(node: &Node, diagnostics: &mut Diagnostics) -> Vec<MeasureDef> {
    let words = MEASURE_WORDS.words;
    let known = node
        .text()
        .and_then(|text| words.iter().find(|(word, _)| *word == text));
    if let Some((_, value)) = known {
        return vec![MeasureDef {
            at: node.at,
            value: value.clone(),
            with: Vec::new(),
        }];
    }
    match &node.yaml {
        Yaml::Map(_) => read_measure(node, diagnostics).into_iter().collect(),
        Yaml::List(items) if !items.is_empty() => items
            .iter()
            .filter_map(|item| read_measure(item, diagnostics))
            .collect(),
        _ => {
            let word = node
                .text()
                .and_then(|text| nearest(text, MEASURE_WORDS.offered()));
            diagnostics.push(
                invalid(
                    node.at,
                    "`measures` is `duration`, `count`, `chunk`, a mapping with `attribute`, or a list of such mappings",
                )
                .with_help_if(word.map(|word| format!("did you mean `{word}`?"))),
            );
            Vec::new()
        }
    }
}

fn read_measure(node: &Node, diagnostics: &mut Diagnostics) -> Option<MeasureDef> {
    let fields = Fields::open(node, &MEASURE, diagnostics)?;
    let attribute = fields.text("attribute", diagnostics);
    let mut with = Vec::new();
    if let Some(node) = fields.get("with") {
        if !matches!(node.yaml, Yaml::Map(_)) {
            diagnostics.push(wrong_shape(
                node,
                "`with`",
                "a mapping from keys to enum members",
            ));
        }
        for entry in node.entries() {
            let key = Located::new(entry.key.clone(), entry.key_at);
            if let Some(member) = text(&entry.node, "an enum member", diagnostics) {
                with.push((key, member));
            }
        }
    }
    Some(MeasureDef {
        at: node.at,
        value: MeasuredDef::Attribute(attribute?),
        with,
    })
}
