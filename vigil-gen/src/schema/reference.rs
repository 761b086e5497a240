//! References: of a definition to attributes, groups and entities.

use super::common::{DEPRECATED, STABILITY_FIELD, read_docs};
use super::fields::{Fields, Vocabulary, list, text, wrong_shape};
use super::notes::read_ref_notes;
use super::places::{
    ON_ENTITY_REFERENCE, ON_EVENT_REFERENCE, ON_GROUP_REFERENCE, ON_METRIC_REFERENCE,
    ON_SPAN_REFERENCE,
};
use super::shape::{Field, Shape, Value, Words, field};
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

/// `requirement_level`
pub(super) const LEVEL: Field = field!(
    "requirement_level",
    Value::Named(
        "requirement_level",
        &Value::Either(&[Value::Word(&PlainLevels), Value::Single(&CONDITION)])
    ),
    "`required`, `recommended`, `opt_in`, `{ conditionally_required: If … }`, or `{ recommended: If … }`. Left out, it is `recommended`.",
);

/// The levels that need no condition.
struct PlainLevels;

impl Words for PlainLevels {
    fn offered(&self) -> Vec<&'static str> {
        let words = LEVELS.offered().into_iter();
        words.filter(|word| *word != CONDITIONALLY).collect()
    }

    fn also(&self) -> Vec<&'static str> {
        Vec::new()
    }
}

const CONDITIONALLY: &str = "conditionally_required";

static CONDITION: Shape = Shape {
    what: "a requirement level with a condition",
    name: "condition",
    required: &[],
    fields: &[&[
        field!(CONDITIONALLY, Value::Text, "It is required if this holds."),
        field!(
            "recommended",
            Value::Text,
            "It is recommended if this holds.",
        ),
        field!(
            "opt_in",
            Value::Text,
            "It is left to choice, and this is why.",
        ),
    ]],
};

/// `sampling_relevant`
pub(super) const SAMPLING: Field = field!(
    "sampling_relevant",
    Value::Flag,
    "Spans only. Samplers look at it, so it is given at the start.",
);

/// What every reference may say, in either format.
pub(super) const REFERENCE: &[Field] = &[
    field!("ref", Value::Text, "The attribute's key."),
    LEVEL,
    field!(
        "brief",
        Value::Text,
        "Takes the place of the attribute's own here.",
    ),
    field!(
        "note",
        Value::Text,
        "Takes the place of the attribute's own here.",
    ),
    field!(
        "examples",
        Value::Anything,
        "Take the place of the attribute's own here.",
    ),
    STABILITY_FIELD,
    DEPRECATED,
];

pub(super) static SPAN_REF: Shape = Shape {
    what: "an attribute reference",
    name: "span_reference",
    required: &["ref"],
    fields: &[REFERENCE, &[SAMPLING, ON_SPAN_REFERENCE]],
};

static GROUP_ITEM: Shape = Shape {
    name: "group_attribute_reference",
    fields: &[REFERENCE, &[ON_GROUP_REFERENCE]],
    ..PLAIN_REF
};

static METRIC_REF: Shape = Shape {
    name: "metric_reference",
    fields: &[REFERENCE, &[ON_METRIC_REFERENCE]],
    ..PLAIN_REF
};

static EVENT_REF: Shape = Shape {
    name: "event_reference",
    fields: &[REFERENCE, &[ON_EVENT_REFERENCE]],
    ..PLAIN_REF
};

static ENTITY_REF: Shape = Shape {
    name: "entity_reference",
    fields: &[REFERENCE, &[ON_ENTITY_REFERENCE]],
    ..PLAIN_REF
};

/// As on spans, without what only spans have.
const PLAIN_REF: Shape = Shape {
    what: "an attribute reference outside of spans",
    name: "",
    required: &["ref"],
    fields: &[],
};

static GROUP_REF: Shape = Shape {
    what: "a group reference",
    name: "group_reference",
    required: &["ref_group"],
    fields: &[&[field!(
        "ref_group",
        Value::Text,
        "The id of an attribute group, all of whose references are taken in.",
    )]],
};

/// What lists of attributes are for.
pub(super) const ATTRIBUTES_DOC: &str =
    "What it carries: references to attributes, and to groups of them.";

pub(super) const SPAN_ATTRIBUTES: Field = field!(
    "attributes",
    Value::List(&Value::Either(&[
        Value::Shape(&SPAN_REF),
        Value::Shape(&GROUP_REF),
    ])),
    ATTRIBUTES_DOC
);

pub(super) const GROUP_ATTRIBUTES: Field = field!(
    "attributes",
    Value::List(&Value::Either(&[
        Value::Shape(&GROUP_ITEM),
        Value::Shape(&GROUP_REF),
    ])),
    ATTRIBUTES_DOC
);

pub(super) const METRIC_ATTRIBUTES: Field = field!(
    "attributes",
    Value::List(&Value::Either(&[
        Value::Shape(&METRIC_REF),
        Value::Shape(&GROUP_REF),
    ])),
    ATTRIBUTES_DOC
);

pub(super) const EVENT_ATTRIBUTES: Field = field!(
    "attributes",
    Value::List(&Value::Either(&[
        Value::Shape(&EVENT_REF),
        Value::Shape(&GROUP_REF),
    ])),
    ATTRIBUTES_DOC
);

/// What a list of an entity's attributes holds.
pub(super) const ENTITY_ATTRIBUTES: Value = Value::List(&Value::Shape(&ENTITY_REF));

/// `entity_associations`
pub(super) const ASSOCIATIONS: Field = field!(
    "entity_associations",
    Value::List(&ASSOCIATION),
    "The entities that it belongs to. Accepted, not used.",
);

static ASSOCIATION: Value = Value::Either(&[Value::Text, Value::Single(&COMBINED)]);

static COMBINED: Shape = Shape {
    what: "an entity association",
    name: "entity_association",
    required: &[],
    fields: &[&[
        field!(
            "one_of",
            Value::List(&ASSOCIATION),
            "It belongs to at least one of these.",
        ),
        field!(
            "all_of",
            Value::List(&ASSOCIATION),
            "It belongs to each of these.",
        ),
    ]],
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
    let shape = match of {
        ListOf::Span => &SPAN_REF,
        ListOf::Group => &GROUP_ITEM,
        ListOf::Metric => &METRIC_REF,
        ListOf::Event => &EVENT_REF,
        ListOf::Entity => &ENTITY_REF,
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
        let error = wrong_shape(
            node,
            "an entity association",
            "an entity's type or a mapping",
        );
        diagnostics.push(match &node.yaml {
            Yaml::Map(_) => Diagnostic::new(
                codes::WRONG_SHAPE,
                node.at,
                "an entity association has one key, `one_of` or `all_of`",
            ),
            _ => error,
        });
        return None;
    };
    let items = list(&entry.node, format_args!("`{}`", entry.key), diagnostics);
    let items = items
        .iter()
        .filter_map(|item| read_association(item, names, diagnostics));
    Some(make(items.collect()))
}
