//! References: of a definition to attributes, groups and entities.

use super::common::read_docs;
use super::fields::{Fields, Shape, Vocabulary, list, text, wrong_shape};
use super::notes::read_ref_notes;
use super::{Item, Located, RefDef};
use crate::codes;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::registry::{DeprecationReason, Origin, RequirementLevel};
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
    let key = fields.text("ref", diagnostics);
    let docs = read_docs(&fields, &Origin::default(), diagnostics);
    let level_at = fields.get("requirement_level");
    let level = level_at.and_then(|node| read_level(node, diagnostics));
    let sampling_relevant = if of == ListOf::Span {
        fields.flag("sampling_relevant", diagnostics)
    } else {
        None
    };
    let notes = read_ref_notes(&fields, of, diagnostics);
    let renamed_to = docs
        .deprecated
        .as_ref()
        .and_then(|it| match &it.value.reason {
            DeprecationReason::Renamed(to) => Some(Located::new(to.clone(), it.at)),
            _ => None,
        });
    Some(Item::Attribute(Box::new(RefDef {
        key: key?,
        level_unread: level_at.is_some() && level.is_none(),
        level,
        brief: docs.brief,
        note: docs.note,
        examples: fields.get("examples").cloned(),
        renamed_to,
        sampling_relevant,
        notes,
    })))
}

/// The requirement level of an attribute: a word, or a mapping from a word to a condition.
fn read_level(node: &Node, diagnostics: &mut Diagnostics) -> Option<RequirementLevel> {
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

/// The entities that an expression of `one_of` and `all_of` names.
pub(super) fn read_associations(
    fields: &Fields<'_>,
    diagnostics: &mut Diagnostics,
) -> Vec<Located<String>> {
    let mut entities = Vec::new();
    for node in fields.list("entity_associations", diagnostics) {
        read_association(node, &mut entities, diagnostics);
    }
    entities
}

fn read_association(
    node: &Node,
    entities: &mut Vec<Located<String>>,
    diagnostics: &mut Diagnostics,
) {
    if let Some(name) = node.text() {
        entities.push(Located::new(name.to_owned(), node.at));
        return;
    }
    match node.entries() {
        [entry] if matches!(entry.key.as_str(), "one_of" | "all_of") => {
            for item in list(&entry.node, &format!("`{}`", entry.key), diagnostics) {
                read_association(item, entities, diagnostics);
            }
        }
        _ => diagnostics.push(wrong_shape(
            node,
            "an entity association",
            "an entity's type, or a mapping with `one_of` or `all_of`",
        )),
    }
}
