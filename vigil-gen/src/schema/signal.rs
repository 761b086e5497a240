//! Groups, spans, metrics, events and entities.

use super::attribute::read_attribute;
use super::common::{check_name, declare, read_docs};
use super::fields::{Fields, list, wrong_shape};
use super::notes::{
    default_value_type, read_entity_notes, read_event_notes, read_metric_notes, read_no_notes,
    read_record_notes, read_span_notes, read_value_type, written_value_type,
};
use super::reference::{ListOf, read_associations, read_items};
use super::sections::{
    ENTITY, ENTITY_REFINEMENT, EVENT, EVENT_REFINEMENT, IMPORTS, INSTRUMENT, INTERNAL_GROUP,
    METRIC, METRIC_REFINEMENT, PUBLIC_GROUP, SIGNAL_LEVEL, SPAN, SPAN_KIND, SPAN_NAME,
    SPAN_REFINEMENT, VISIBILITY,
};
use super::shape::Shape;
use super::unit::check_unit;
use super::{
    EntityDef, EventDef, GroupDef, Import, Item, Located, MetricDef, MetricNotes, Reading, SpanDef,
};
use crate::codes;
use crate::diagnostic::{Diagnostic, Diagnostics, quoted, visible};
use crate::locations::Kind;
use crate::registry::SpanKind;
use crate::yaml::{Node, Yaml};

/// Reads one section of a file, such as `spans`.
pub(crate) fn read_section(name: &str, node: &Node, reading: &mut Reading<'_>) {
    if node.is_null() {
        return;
    }
    let read: fn(&Node, &mut Reading<'_>) = match name {
        "imports" => return read_imports(node, reading),
        "attributes" => read_attribute,
        "attribute_groups" => read_group,
        "spans" => |node, reading| read_span(node, &SPAN, reading),
        "span_refinements" => |node, reading| read_span(node, &SPAN_REFINEMENT, reading),
        "metrics" => |node, reading| read_metric(node, &METRIC, reading),
        "metric_refinements" => |node, reading| read_metric(node, &METRIC_REFINEMENT, reading),
        "events" => |node, reading| read_event(node, &EVENT, reading),
        "event_refinements" => |node, reading| read_event(node, &EVENT_REFINEMENT, reading),
        "entities" => |node, reading| read_entity(node, &ENTITY, reading),
        "entity_refinements" => |node, reading| read_entity(node, &ENTITY_REFINEMENT, reading),
        // `file_format`, or a field that was reported as unknown.
        _ => return,
    };
    let items = list(node, format_args!("`{name}`"), reading.diagnostics);
    let readable = |node: &Node| matches!(node.yaml, Yaml::Map(_));
    reading.definitions.incomplete |=
        !matches!(node.yaml, Yaml::List(_)) || !items.iter().all(readable);
    for item in items {
        read(item, reading);
    }
}

/// What is taken in from the registries that this one depends on. Where it depends on none, saying
/// so in a registry's own words is no error as long as nothing needs it.
pub(super) fn read_imports(node: &Node, reading: &mut Reading<'_>) {
    const KINDS: [(&str, Kind); 5] = [
        ("attribute_groups", Kind::Group),
        ("entities", Kind::Entity),
        ("events", Kind::Event),
        ("metrics", Kind::Metric),
        ("spans", Kind::Span),
    ];
    let Some(fields) = Fields::open(node, &IMPORTS, reading.diagnostics) else {
        return;
    };
    for (name, kind) in KINDS {
        let patterns = fields.texts(name, reading.diagnostics);
        if !reading.dependent {
            reading.definitions.imports_entities |= kind == Kind::Entity && !patterns.is_empty();
            continue;
        }
        let imports = patterns.into_iter().map(|pattern| Import { kind, pattern });
        reading.definitions.imports.extend(imports);
    }
}

fn read_group(node: &Node, reading: &mut Reading<'_>) {
    let diagnostics = &mut *reading.diagnostics;
    // What else a group may have depends on its visibility; without one, on what it is missing.
    let visibility = node.get("visibility").filter(|node| !node.is_null());
    let visibility = visibility.and_then(|node| VISIBILITY.read(node, diagnostics));
    let public = visibility.is_none_or(|it| it.value);
    let shape = if public {
        &PUBLIC_GROUP
    } else {
        &INTERNAL_GROUP
    };
    let Some(fields) = Fields::open(node, shape, diagnostics) else {
        return;
    };
    let id = fields.text("id", diagnostics);
    let docs = read_docs(&fields, &reading.origin, diagnostics);
    let items = read_items(&fields, "attributes", ListOf::Group, diagnostics);
    let record = if public {
        read_record_notes(&fields, diagnostics)
    } else {
        None
    };
    let Some(id) = id else {
        reading.definitions.locations.nameless(Kind::Group);
        return;
    };
    check_name("a group's id", &id, diagnostics);
    if declare(Kind::Group, &id, reading) {
        if !public {
            let internal = &mut reading.definitions.internal_groups;
            internal.insert(id.value.clone());
        }
        reading.definitions.groups.push(GroupDef {
            id,
            public,
            docs,
            items,
            record,
        });
    }
}

/// A refinement has an `id` and a `ref` where a definition has its name.
fn read_identity(
    fields: &Fields<'_>,
    name: &str,
    what: &str,
    diagnostics: &mut Diagnostics,
) -> (Option<Located<String>>, Option<Located<String>>) {
    let refines = fields.text("ref", diagnostics);
    let id = fields.text(
        if fields.get("id").is_some() {
            "id"
        } else {
            name
        },
        diagnostics,
    );
    if let Some(id) = &id {
        check_name(what, id, diagnostics);
    }
    (id, refines)
}

fn read_span(node: &Node, shape: &Shape, reading: &mut Reading<'_>) {
    let diagnostics = &mut *reading.diagnostics;
    let Some(fields) = Fields::open(node, shape, diagnostics) else {
        return;
    };
    let (ty, refines) = read_identity(&fields, "type", "a span's type", diagnostics);
    let kind = fields.word("kind", &SPAN_KIND, diagnostics);
    let name = fields
        .get("name")
        .and_then(|node| Fields::open(node, &SPAN_NAME, diagnostics))
        .and_then(|fields| fields.text("note", diagnostics));
    let docs = read_docs(&fields, &reading.origin, diagnostics);
    fields.word("requirement_level", &SIGNAL_LEVEL, diagnostics);
    let items = read_items(&fields, "attributes", ListOf::Span, diagnostics);
    let entities = read_associations(&fields, diagnostics);
    let notes = read_span_notes(&fields, diagnostics);
    let Some(ty) = ty else {
        reading.definitions.locations.nameless(Kind::Span);
        return;
    };
    if let Some(kind) = &kind {
        check_span_type(&ty, kind, diagnostics);
    }
    if declare(Kind::Span, &ty, reading) {
        let kind = kind.map(|it| it.value);
        reading.definitions.spans.push(SpanDef {
            ty,
            refines,
            kind,
            name,
            docs,
            items,
            entities,
            notes,
        });
    }
}

fn check_span_type(ty: &Located<String>, kind: &Located<SpanKind>, diagnostics: &mut Diagnostics) {
    let word = SPAN_KIND
        .words
        .iter()
        .find(|(_, value)| *value == kind.value)
        .map_or("", |(word, _)| *word);
    let ends = ty
        .value
        .rsplit_once('.')
        .is_some_and(|(_, last)| last == word);
    if !ends {
        diagnostics.push(
            Diagnostic::new(
                codes::SPAN_TYPE,
                ty.at,
                format!(
                    "the type of a span of kind `{word}` ends in `.{word}`, unlike {}",
                    quoted(&ty.value)
                ),
            )
            .with_secondary(kind.at, "its kind"),
        );
    }
}

fn read_metric(node: &Node, shape: &Shape, reading: &mut Reading<'_>) {
    let diagnostics = &mut *reading.diagnostics;
    let Some(fields) = Fields::open(node, shape, diagnostics) else {
        return;
    };
    let (name, refines) = read_identity(&fields, "name", "a metric's name", diagnostics);
    let instrument = fields
        .word("instrument", &INSTRUMENT, diagnostics)
        .map(|it| it.value);
    let unit = read_unit(&fields, diagnostics);
    if let Some(unit) = &unit {
        check_unit(unit, diagnostics);
    }
    let docs = read_docs(&fields, &reading.origin, diagnostics);
    fields.word("requirement_level", &SIGNAL_LEVEL, diagnostics);
    let items = read_items(&fields, "attributes", ListOf::Metric, diagnostics);
    let entities = read_associations(&fields, diagnostics);
    let refinement = shape.required.contains(&"ref");
    let value_type = if refinement {
        written_value_type(&fields, diagnostics)
    } else {
        read_value_type(&fields, name.as_ref(), reading.annotated, diagnostics)
            .or_else(|| Some(default_value_type(instrument?, &unit.as_ref()?.value)))
    };
    let notes = if refinement {
        read_no_notes(&fields, shape.what, diagnostics);
        MetricNotes::default()
    } else {
        read_metric_notes(&fields, diagnostics)
    };
    let Some(name) = name else {
        reading.definitions.locations.nameless(Kind::Metric);
        return;
    };
    if declare(Kind::Metric, &name, reading) {
        reading.definitions.metrics.push(MetricDef {
            name,
            refines,
            instrument,
            unit: unit.map(|it| it.value),
            value_type,
            bounded: reading.annotated,
            docs,
            items,
            entities,
            notes,
        });
    }
}

/// Without its quotes, a unit in braces is a mapping.
pub(super) fn read_unit(
    fields: &Fields<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Located<String>> {
    if let Some(node) = fields.get("unit")
        && let [entry] = node.entries()
        && entry.node.is_null()
    {
        let help = format!("write `\"{{{}}}\"`, in quotes", visible(&entry.key));
        diagnostics.push(wrong_shape(node, "`unit`", "text").with_help(help));
        return None;
    }
    fields.text("unit", diagnostics)
}

fn read_event(node: &Node, shape: &Shape, reading: &mut Reading<'_>) {
    let diagnostics = &mut *reading.diagnostics;
    let Some(fields) = Fields::open(node, shape, diagnostics) else {
        return;
    };
    let (name, refines) = read_identity(&fields, "name", "an event's name", diagnostics);
    let docs = read_docs(&fields, &reading.origin, diagnostics);
    fields.word("requirement_level", &SIGNAL_LEVEL, diagnostics);
    let items = read_items(&fields, "attributes", ListOf::Event, diagnostics);
    let entities = read_associations(&fields, diagnostics);
    let (keep_last, at_end_of) = if shape.required.contains(&"ref") {
        read_no_notes(&fields, shape.what, diagnostics);
        (false, None)
    } else {
        read_event_notes(&fields, diagnostics)
    };
    let Some(name) = name else {
        reading.definitions.locations.nameless(Kind::Event);
        return;
    };
    if declare(Kind::Event, &name, reading) {
        reading.definitions.events.push(EventDef {
            name,
            refines,
            docs,
            items,
            entities,
            keep_last,
            at_end_of,
            body: None,
        });
    }
}

fn read_entity(node: &Node, shape: &Shape, reading: &mut Reading<'_>) {
    let diagnostics = &mut *reading.diagnostics;
    let Some(fields) = Fields::open(node, shape, diagnostics) else {
        return;
    };
    let (ty, refines) = read_identity(&fields, "type", "an entity's type", diagnostics);
    let docs = read_docs(&fields, &reading.origin, diagnostics);
    fields.word("requirement_level", &SIGNAL_LEVEL, diagnostics);
    if shape.required.contains(&"ref") {
        read_no_notes(&fields, shape.what, diagnostics);
    } else {
        read_entity_notes(&fields, diagnostics);
    }
    let mut items = Vec::new();
    for (list, identifying) in [("identity", true), ("description", false)] {
        let mut read = read_items(&fields, list, ListOf::Entity, diagnostics);
        for item in &mut read {
            if let Item::Attribute(reference) = item {
                reference.identifying = Some(identifying);
            }
        }
        items.extend(read);
    }
    let Some(ty) = ty else {
        reading.definitions.locations.nameless(Kind::Entity);
        return;
    };
    if declare(Kind::Entity, &ty, reading) {
        reading.definitions.entities.push(EntityDef {
            ty,
            refines,
            docs,
            items,
        });
    }
}
