//! References: of a definition to attributes, groups and entities.

use super::common::read_docs;
use super::fields::{Fields, Shape, Vocabulary, list, text, wrong_shape};
use super::notes::read_ref_notes;
use super::{Associations, Item, Located, RefDef, RefNotes};
use crate::codes;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::registry::{EntityAssociation, Origin, RequirementLevel};
use crate::yaml::{Node, Yaml};

/// The words of an attribute's requirement level.
const LEVELS: Vocabulary<fn(Option<String>) -> RequirementLevel> = Vocabulary {
    what: "requirement level",
    code: codes::INVALID_LEVEL,
    words: &[
        ("required", |_| RequirementLevel::Required),
        ("conditionally_required", |text| {
            RequirementLevel::ConditionallyRequired(text.unwrap_or_default())
        }),
        ("recommended", RequirementLevel::Recommended),
        ("opt_in", RequirementLevel::OptIn),
    ],
    also: &[],
};

const SPAN_REF: Shape = Shape {
    what: "an attribute reference",
    required: &["ref"],
    optional: &[
        "requirement_level",
        "sampling_relevant",
        "brief",
        "note",
        "examples",
        "stability",
        "deprecated",
        "annotations",
    ],
};

/// As on spans, without what only spans have.
const PLAIN_REF: Shape = Shape {
    what: "an attribute reference outside of spans",
    required: &["ref"],
    optional: &[
        "requirement_level",
        "brief",
        "note",
        "examples",
        "stability",
        "deprecated",
        "annotations",
    ],
};

const GROUP_REF: Shape = Shape {
    what: "a group reference",
    required: &["ref_group"],
    optional: &[],
};

/// Which references a list may hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ListOf {
    /// Of a span: with `sampling_relevant`.
    Span,
    /// Of a group, where what concerns spans may stand, except for `sampling_relevant`.
    Group,
    /// Of a metric.
    Metric,
    /// Of an event.
    Event,
    /// Of an entity, which refers to no groups.
    Entity,
}

pub(super) fn read_items(
    fields: &Fields<'_>,
    name: &str,
    of: ListOf,
    diagnostics: &mut Diagnostics,
) -> Vec<Item> {
    let nodes = fields.list(name, diagnostics);
    nodes
        .iter()
        .filter_map(|node| read_item(node, of, diagnostics))
        .collect()
}

fn read_item(node: &Node, of: ListOf, diagnostics: &mut Diagnostics) -> Option<Item> {
    if of != ListOf::Entity && node.get("ref").is_none() && node.get("ref_group").is_some() {
        let fields = Fields::open(node, &GROUP_REF, diagnostics)?;
        return fields.text("ref_group", diagnostics).map(Item::Group);
    }
    if node.get("ref").is_none() && node.get("key").is_some() {
        diagnostics.push(
            Diagnostic::new(
                codes::WRONG_SHAPE,
                node.at,
                "an attribute can't be defined here, only referred to",
            )
            .with_help("define it under `attributes`, and write `ref:` and its key here"),
        );
        return None;
    }
    let shape = if of == ListOf::Span {
        &SPAN_REF
    } else {
        &PLAIN_REF
    };
    let fields = Fields::open(node, shape, diagnostics)?;
    let reference = read_reference(&fields, of, diagnostics)?;
    Some(Item::Attribute(Box::new(RefDef {
        sampling_relevant: reference.sampling_relevant.filter(|_| of == ListOf::Span),
        ..reference
    })))
}

/// Reads what a reference may say in either format.
pub(super) fn read_reference(
    fields: &Fields<'_>,
    of: ListOf,
    diagnostics: &mut Diagnostics,
) -> Option<RefDef> {
    let key = fields.text("ref", diagnostics);
    let docs = read_docs(fields, &Origin::default(), diagnostics);
    let notes = read_ref_notes(fields, of, diagnostics);
    let asked = read_asked(fields, diagnostics);
    Some(RefDef {
        brief: docs.brief,
        note: docs.note,
        examples: fields.get("examples").cloned(),
        stability: docs.stability,
        deprecated: docs.deprecated,
        notes,
        ..asked.of(key?)
    })
}

/// How much an attribute is asked for, and how it matters where it is referred to.
pub(super) struct Asked {
    level: Option<RequirementLevel>,
    level_unread: bool,
    sampling_relevant: Option<Located<bool>>,
}

impl Asked {
    /// A reference that says no more than this.
    pub(super) fn of(self, key: Located<String>) -> RefDef {
        RefDef {
            key,
            level: self.level,
            level_unread: self.level_unread,
            brief: None,
            note: None,
            examples: None,
            examples_checked: true,
            stability: None,
            deprecated: None,
            identifying: None,
            sampling_relevant: self.sampling_relevant,
            notes: RefNotes::default(),
        }
    }
}

/// Reads `requirement_level` and `sampling_relevant`.
pub(super) fn read_asked(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Asked {
    let level_at = fields.get("requirement_level");
    let level = level_at.and_then(|node| read_level(node, diagnostics));
    Asked {
        level_unread: level_at.is_some() && level.is_none(),
        level,
        sampling_relevant: fields.flag("sampling_relevant", diagnostics),
    }
}

/// The requirement level of an attribute: a word, or a mapping from a word to a condition.
pub(super) fn read_level(node: &Node, diagnostics: &mut Diagnostics) -> Option<RequirementLevel> {
    if let [entry] = node.entries() {
        let make: Option<fn(String) -> RequirementLevel> = match entry.key.as_str() {
            "conditionally_required" => Some(RequirementLevel::ConditionallyRequired),
            "recommended" => Some(|text| RequirementLevel::Recommended(Some(text))),
            "opt_in" => Some(|text| RequirementLevel::OptIn(Some(text))),
            _ => None,
        };
        if let Some(make) = make {
            let condition = text(&entry.node, "a condition", diagnostics)?;
            return Some(make(condition.value.trim().to_owned()));
        }
        if entry.key == "required" {
            diagnostics.push(
                Diagnostic::new(
                    codes::INVALID_LEVEL,
                    entry.key_at,
                    "`required` takes no condition",
                )
                .with_help(
                    "write `required` alone, or `conditionally_required` with the condition",
                ),
            );
            return None;
        }
        let word = Node {
            at: entry.key_at,
            yaml: Yaml::String(entry.key.clone()),
        };
        LEVELS.read(&word, diagnostics);
        return None;
    }
    if node.text() == Some("conditionally_required") {
        diagnostics.push(
            Diagnostic::new(
                codes::INVALID_LEVEL,
                node.at,
                "`conditionally_required` needs its condition",
            )
            .with_help("write `{ conditionally_required: If … }`"),
        );
        return None;
    }
    LEVELS
        .read(node, diagnostics)
        .map(|make| (make.value)(None))
}

/// Expressions of entities' types, `one_of` and `all_of`.
pub(super) fn read_associations(
    fields: &Fields<'_>,
    diagnostics: &mut Diagnostics,
) -> Associations {
    let mut names = Vec::new();
    let nodes = fields.list("entity_associations", diagnostics);
    let list = nodes
        .iter()
        .filter_map(|node| read_association(node, &mut names, diagnostics))
        .collect();
    Associations { list, names }
}

fn read_association(
    node: &Node,
    names: &mut Vec<Located<String>>,
    diagnostics: &mut Diagnostics,
) -> Option<EntityAssociation> {
    if let Some(name) = node.text() {
        names.push(Located::new(name.to_owned(), node.at));
        return Some(EntityAssociation::Entity(name.to_owned()));
    }
    let make = match node.entries() {
        [entry] if entry.key == "one_of" => Some((entry, EntityAssociation::OneOf as fn(_) -> _)),
        [entry] if entry.key == "all_of" => Some((entry, EntityAssociation::AllOf as fn(_) -> _)),
        _ => None,
    };
    let Some((entry, make)) = make else {
        diagnostics.push(wrong_shape(
            node,
            "an entity association",
            "an entity's type, or a mapping with `one_of` or `all_of`",
        ));
        return None;
    };
    let items = list(&entry.node, &format!("`{}`", entry.key), diagnostics);
    let items = items
        .iter()
        .filter_map(|item| read_association(item, names, diagnostics));
    Some(make(items.collect()))
}
