//! The older format: a list of `groups`, each of which is a group of attributes or a signal, and
//! in which attributes are defined where they are first grouped.
//!
//! It is read into the same definitions as `definition/2`. A group's attributes become an attribute
//! group under the group's `id`, since any group can be extended; a signal is a definition that
//! takes that group in. What an attribute group `extends` is a group that it takes in first.

use super::attribute::read_definition;
use super::body::read_body;
use super::common::{check_name, declare, read_docs};
use super::fields::{Fields, list, missing};
use super::notes::{
    default_value_type, read_entity_notes, read_event_notes, read_metric_notes, read_record_notes,
    read_span_notes, read_value_type,
};
use super::older::{
    ATTRIBUTE_GROUP, DEFINITION, ENTITY, EVENT, GROUP_TYPE, GroupType, METRIC, ROLE, SPAN,
    reference_shape,
};
use super::reference::{ListOf, read_asked, read_associations, read_reference};
use super::sections::{INSTRUMENT, SPAN_KIND};
use super::signal::{read_imports, read_unit};
use super::unit::check_unit;
use super::{
    DocsDef, EntityDef, EventDef, GroupDef, Item, Located, MetricDef, Reading, RefDef, SpanDef,
};
use crate::codes;
use crate::diagnostic::{Diagnostic, Diagnostics, quoted};
use crate::locations::Kind;
use crate::yaml::{Node, Yaml};

/// Reads one section of a file.
pub(crate) fn read_groups(name: &str, node: &Node, reading: &mut Reading<'_>) {
    match name {
        _ if node.is_null() => {}
        "imports" => read_imports(node, reading),
        "groups" => {
            let items = list(node, "`groups`", reading.diagnostics);
            let readable = |node: &Node| matches!(node.yaml, Yaml::Map(_));
            reading.definitions.incomplete |=
                !matches!(node.yaml, Yaml::List(_)) || !items.iter().all(readable);
            for item in items {
                read_group(item, reading);
            }
        }
        // A field that was reported as unknown.
        _ => {}
    }
}

fn read_group(node: &Node, reading: &mut Reading<'_>) {
    // What a group may have depends on its type; without one, on what it is missing.
    let ty = match node.get("type").filter(|node| !node.is_null()) {
        Some(node) => {
            let Some(ty) = GROUP_TYPE.read(node, reading.diagnostics) else {
                reading.definitions.incomplete = true;
                return;
            };
            ty.value
        }
        None => GroupType::Attributes,
    };
    let (shape, of) = match ty {
        GroupType::Attributes => (&ATTRIBUTE_GROUP, ListOf::Group),
        GroupType::Span => (&SPAN, ListOf::Span),
        GroupType::Metric => (&METRIC, ListOf::Metric),
        GroupType::Event => (&EVENT, ListOf::Event),
        GroupType::Entity => (&ENTITY, ListOf::Entity),
    };
    let Some(fields) = Fields::open(node, shape, reading.diagnostics) else {
        return;
    };
    let id = fields.text("id", reading.diagnostics);
    let docs = read_docs(&fields, &reading.origin, reading.diagnostics);
    for name in ["display_name", "name"] {
        fields.text(name, reading.diagnostics);
    }
    let extends = fields.text("extends", reading.diagnostics);
    let mut items: Vec<Item> = extends.into_iter().map(Item::Group).collect();
    for item in fields.list("attributes", reading.diagnostics) {
        items.extend(read_attribute(item, of, reading).map(|it| Item::Attribute(Box::new(it))));
    }
    let signal = Signal { fields, docs };
    let Some(id) = id else {
        reading.definitions.locations.nameless(Kind::Group);
        // The rest of it can still be wrong.
        read_signal(&signal, ty, None, reading);
        return;
    };
    check_id(&id, reading.diagnostics);
    let is_group = signal.fields.get("type").is_some() && ty == GroupType::Attributes;
    if is_group && items.is_empty() {
        check_filled(&signal.fields, &id, reading.diagnostics);
    }
    if !declare(Kind::Group, &id, reading) {
        return;
    }
    let of_attributes = ty == GroupType::Attributes;
    let record = if of_attributes {
        read_record_notes(&signal.fields, reading.diagnostics)
    } else {
        None
    };
    let docs = if of_attributes {
        signal.docs.clone()
    } else {
        DocsDef::default()
    };
    reading.definitions.groups.push(GroupDef {
        id: id.clone(),
        public: of_attributes,
        docs,
        items,
        record,
    });
    read_signal(&signal, ty, Some(&id), reading);
}

/// Upstream has ids with `-`, which only ever name the group itself.
fn check_id(id: &Located<String>, diagnostics: &mut Diagnostics) {
    let plain = Located::new(id.value.replace('-', "_"), id.at);
    check_name("a group's id", &plain, diagnostics);
}

fn check_filled(fields: &Fields<'_>, id: &Located<String>, diagnostics: &mut Diagnostics) {
    let is_empty = |node: &Node| matches!(&node.yaml, Yaml::List(items) if items.is_empty());
    // What could not be read is not missing.
    let mut said = ["attributes", "extends"]
        .iter()
        .filter_map(|name| fields.get(name));
    if said.any(|node| !is_empty(node)) {
        return;
    }
    let message = format!("the group {} has no attributes", quoted(&id.value));
    diagnostics.push(
        Diagnostic::new(codes::MISSING_FIELD, id.at, message)
            .with_help("add `attributes`, or name the group that it `extends`"),
    );
}

/// An item of `attributes`: a definition with what its group says of it, or a reference.
fn read_attribute(node: &Node, of: ListOf, reading: &mut Reading<'_>) -> Option<RefDef> {
    let defines = node.get("id").is_some() && node.get("ref").is_none();
    let shape = if defines {
        &DEFINITION
    } else {
        reference_shape(of)
    };
    let fields = Fields::open(node, shape, reading.diagnostics)?;
    fields.text("tag", reading.diagnostics);
    let identifying = fields.word("role", &ROLE, reading.diagnostics);
    let reference = if defines {
        if fields.get("brief").is_none() && fields.get("deprecated").is_none() {
            let error = missing(node.at, &DEFINITION, "brief");
            reading.diagnostics.push(error);
        }
        let asked = read_asked(&fields, reading.diagnostics);
        asked.of(read_definition(&fields, "id", reading)?)
    } else {
        read_reference(&fields, of, reading.diagnostics)?
    };
    Some(RefDef {
        examples_checked: false,
        identifying: identifying.map(|it| it.value),
        ..reference
    })
}

/// The group of a signal, opened.
struct Signal<'a> {
    fields: Fields<'a>,
    docs: DocsDef,
}

/// Reads what a signal says beyond its attributes, and enters it if it has an id.
fn read_signal(
    signal: &Signal<'_>,
    ty: GroupType,
    id: Option<&Located<String>>,
    reading: &mut Reading<'_>,
) {
    match ty {
        GroupType::Attributes => {}
        GroupType::Span => read_span(signal, id, reading),
        GroupType::Metric => read_metric(signal, id, reading),
        GroupType::Event => read_event(signal, id, reading),
        GroupType::Entity => read_entity(signal, id, reading),
    }
}

/// A signal has the attributes of its own group.
fn items(id: &Located<String>) -> Vec<Item> {
    vec![Item::Group(id.clone())]
}

fn read_span(signal: &Signal<'_>, id: Option<&Located<String>>, reading: &mut Reading<'_>) {
    let Signal { fields, docs } = signal;
    let diagnostics = &mut *reading.diagnostics;
    let kind = fields.word("span_kind", &SPAN_KIND, diagnostics);
    fields.texts("events", diagnostics);
    let entities = read_associations(fields, diagnostics);
    let notes = read_span_notes(fields, diagnostics);
    let Some(id) = id else { return };
    let ty = id.value.strip_prefix("span.").unwrap_or(&id.value);
    let ty = Located::new(ty.to_owned(), id.at);
    if declare(Kind::Span, &ty, reading) {
        reading.definitions.spans.push(SpanDef {
            ty,
            refines: None,
            kind: kind.map(|it| it.value),
            name: None,
            docs: docs.clone(),
            items: items(id),
            entities,
            notes,
        });
    }
}

fn read_metric(signal: &Signal<'_>, id: Option<&Located<String>>, reading: &mut Reading<'_>) {
    let Signal { fields, docs } = signal;
    let diagnostics = &mut *reading.diagnostics;
    let name = fields.text("metric_name", diagnostics);
    if let Some(name) = &name {
        check_name("a metric's name", name, diagnostics);
    }
    let instrument = fields
        .word("instrument", &INSTRUMENT, diagnostics)
        .map(|it| it.value);
    let unit = read_unit(fields, diagnostics);
    if let Some(unit) = &unit {
        check_unit(unit, diagnostics);
    }
    let value_type = read_value_type(fields, name.as_ref(), reading.annotated, diagnostics)
        .or_else(|| Some(default_value_type(instrument?, &unit.as_ref()?.value)));
    let entities = read_associations(fields, diagnostics);
    let notes = read_metric_notes(fields, diagnostics);
    let Some(name) = name else {
        reading.definitions.locations.nameless(Kind::Metric);
        return;
    };
    let Some(id) = id else { return };
    if declare(Kind::Metric, &name, reading) {
        reading.definitions.metrics.push(MetricDef {
            name,
            refines: None,
            instrument,
            unit: unit.map(|it| it.value),
            value_type,
            bounded: reading.annotated,
            docs: docs.clone(),
            items: items(id),
            entities,
            notes,
        });
    }
}

fn read_event(signal: &Signal<'_>, id: Option<&Located<String>>, reading: &mut Reading<'_>) {
    let Signal { fields, docs } = signal;
    let diagnostics = &mut *reading.diagnostics;
    let name = fields.text("name", diagnostics);
    if let Some(name) = &name {
        check_name("an event's name", name, diagnostics);
    }
    let body = fields
        .get("body")
        .and_then(|node| read_body(node, &docs.origin, diagnostics));
    let entities = read_associations(fields, diagnostics);
    let (keep_last, at_end_of) = read_event_notes(fields, diagnostics);
    let Some(name) = name else {
        reading.definitions.locations.nameless(Kind::Event);
        return;
    };
    let Some(id) = id else { return };
    if declare(Kind::Event, &name, reading) {
        reading.definitions.events.push(EventDef {
            name,
            refines: None,
            docs: docs.clone(),
            items: items(id),
            entities,
            keep_last,
            at_end_of,
            body,
        });
    }
}

fn read_entity(signal: &Signal<'_>, id: Option<&Located<String>>, reading: &mut Reading<'_>) {
    let Signal { fields, docs } = signal;
    let diagnostics = &mut *reading.diagnostics;
    let ty = fields.text("name", diagnostics);
    if let Some(ty) = &ty {
        check_name("an entity's name", ty, diagnostics);
    }
    read_entity_notes(fields, diagnostics);
    let Some(ty) = ty else {
        reading.definitions.locations.nameless(Kind::Entity);
        return;
    };
    let Some(id) = id else { return };
    if declare(Kind::Entity, &ty, reading) {
        reading.definitions.entities.push(EntityDef {
            ty,
            refines: None,
            docs: docs.clone(),
            items: items(id),
        });
    }
}
