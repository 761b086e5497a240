//! What a file of the older format may hold: its groups, by their types, and what each may say.

use super::attribute::{EXAMPLES, TYPE};
use super::body::BODY;
use super::common::DOCS;
use super::fields::Vocabulary;
use super::places::{
    ON_ATTRIBUTE, ON_ENTITY, ON_ENTITY_REFERENCE, ON_EVENT, ON_EVENT_REFERENCE, ON_GROUP,
    ON_GROUP_REFERENCE, ON_METRIC, ON_METRIC_REFERENCE, ON_SPAN, ON_SPAN_REFERENCE,
};
use super::reference::{ASSOCIATIONS, LEVEL, ListOf, REFERENCE, SAMPLING};
use super::sections::{IMPORTS_FIELD, INSTRUMENT_FIELD, SPAN_KIND, UNIT};
use super::shape::{Cases, Field, Shape, Value, field};
use crate::codes;

/// A file of the older format.
pub(crate) static GROUPS: Shape = Shape {
    what: "a file of `groups`",
    name: "groups",
    required: &["groups"],
    fields: &[&[
        field!(
            "groups",
            Value::List(&Value::Cases(&GROUP)),
            "Groups of attributes, and signals.",
        ),
        IMPORTS_FIELD,
    ]],
};

/// What a group is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum GroupType {
    Attributes,
    Span,
    Metric,
    Event,
    Entity,
}

pub(super) const GROUP_TYPE: Vocabulary<GroupType> = Vocabulary {
    what: "type of group",
    code: codes::INVALID_GROUP_TYPE,
    words: &[
        ("attribute_group", GroupType::Attributes),
        ("span", GroupType::Span),
        ("metric", GroupType::Metric),
        ("event", GroupType::Event),
        ("entity", GroupType::Entity),
    ],
    // What entities were called before.
    also: &[("resource", GroupType::Entity)],
};

/// What every group may say.
pub(super) const COMMON: &[Field] = &[
    field!(
        "id",
        Value::Text,
        "The group's own name, by which others extend it.",
    ),
    field!(
        "extends",
        Value::Text,
        "Another group, of whatever type, all of whose attributes are taken in first.",
    ),
    field!("display_name", Value::Text, "Read and not used."),
];

/// What says nothing here, though a group may have it.
pub(super) const UNUSED_NAME: Field = field!("name", Value::Text, "Read and not used.");

pub(super) const ATTRIBUTES_DOC: &str =
    "What it carries: definitions of attributes, and references to them.";

pub(super) const fn of_type(words: &'static [&'static str]) -> Field {
    field!(
        "type",
        Value::Is(words),
        "`attribute_group`, `span`, `metric`, `event` or `entity`."
    )
}

pub(super) static ATTRIBUTE_GROUP: Shape = Shape {
    what: "an attribute group",
    name: "attribute_group",
    required: &["id", "type", "brief"],
    fields: &[
        COMMON,
        &[
            of_type(&["attribute_group"]),
            field!(
                "attributes",
                Value::List(&Value::Either(&[
                    Value::Shape(&DEFINITION),
                    Value::Shape(&GROUP_REF)
                ])),
                ATTRIBUTES_DOC
            ),
            UNUSED_NAME,
            ON_GROUP,
        ],
        DOCS,
    ],
};

pub(super) static SPAN: Shape = Shape {
    what: "a span",
    name: "span",
    required: &["id", "type", "span_kind", "brief", "stability"],
    fields: &[
        COMMON,
        &[
            of_type(&["span"]),
            field!(
                "span_kind",
                Value::Word(&SPAN_KIND),
                "`internal`, `client`, `server`, `producer` or `consumer`.",
            ),
            field!(
                "attributes",
                Value::List(&Value::Either(&[
                    Value::Shape(&DEFINITION),
                    Value::Shape(&SPAN_REF)
                ])),
                ATTRIBUTES_DOC
            ),
            UNUSED_NAME,
            field!("events", Value::List(&Value::Text), "Read and not used."),
            ASSOCIATIONS,
            ON_SPAN,
        ],
        DOCS,
    ],
};

pub(super) static METRIC: Shape = Shape {
    what: "a metric",
    name: "metric",
    required: &[
        "id",
        "type",
        "metric_name",
        "instrument",
        "unit",
        "brief",
        "stability",
    ],
    fields: &[
        COMMON,
        &[
            of_type(&["metric"]),
            field!("metric_name", Value::Name, "The name on the wire."),
            INSTRUMENT_FIELD,
            UNIT,
            field!(
                "attributes",
                Value::List(&Value::Either(&[
                    Value::Shape(&DEFINITION),
                    Value::Shape(&METRIC_REF)
                ])),
                ATTRIBUTES_DOC
            ),
            UNUSED_NAME,
            ASSOCIATIONS,
            ON_METRIC,
        ],
        DOCS,
    ],
};

pub(super) static EVENT: Shape = Shape {
    what: "an event",
    name: "event",
    required: &["id", "type", "name", "brief", "stability"],
    fields: &[
        COMMON,
        &[
            of_type(&["event"]),
            field!("name", Value::Name, "The name on the wire."),
            field!(
                "attributes",
                Value::List(&Value::Either(&[
                    Value::Shape(&DEFINITION),
                    Value::Shape(&EVENT_REF)
                ])),
                ATTRIBUTES_DOC
            ),
            field!(
                "body",
                Value::Cases(&BODY),
                "What the event holds beside its attributes.",
            ),
            ASSOCIATIONS,
            ON_EVENT,
        ],
        DOCS,
    ],
};

pub(super) static ENTITY: Shape = Shape {
    what: "an entity",
    name: "entity",
    required: &["id", "type", "name", "brief", "stability"],
    fields: &[
        COMMON,
        &[
            of_type(&["entity", "resource"]),
            field!("name", Value::Name, "What the entity is called."),
            field!(
                "attributes",
                Value::List(&Value::Either(&[
                    Value::Shape(&DEFINITION),
                    Value::Shape(&ENTITY_REF)
                ])),
                ATTRIBUTES_DOC
            ),
            ON_ENTITY,
        ],
        DOCS,
    ],
};

pub(super) static GROUP: Cases = Cases {
    key: "type",
    shapes: &[&ATTRIBUTE_GROUP, &SPAN, &METRIC, &EVENT, &ENTITY],
};

/// What an attribute may say of the group that it stands in, defined or referred to.
pub(super) const IN_GROUP: &[Field] = &[
    field!("tag", Value::Text, "Read and not used."),
    field!(
        "role",
        Value::Word(&ROLE),
        "`identifying` makes it part of an entity's identity.",
    ),
    SAMPLING,
];

/// The schema leaves `brief` out; upstream's tool asks for it unless the attribute is deprecated.
pub(super) static DEFINITION: Shape = Shape {
    what: "an attribute",
    name: "attribute",
    required: &["id", "type", "stability"],
    fields: &[
        &[
            field!(
                "id",
                Value::Name,
                "The name on the wire: lowercase words, `_` within a word, `.` between namespaces.",
            ),
            TYPE,
            EXAMPLES,
            LEVEL,
            ON_ATTRIBUTE,
        ],
        DOCS,
        IN_GROUP,
    ],
};

/// A reference, without what depends on where it stands.
pub(super) const PLAIN_REF: Shape = Shape {
    what: "an attribute reference",
    name: "",
    required: &["ref"],
    fields: &[],
};

pub(super) static GROUP_REF: Shape = Shape {
    name: "group_attribute_reference",
    fields: &[REFERENCE, IN_GROUP, &[ON_GROUP_REFERENCE]],
    ..PLAIN_REF
};

pub(super) static SPAN_REF: Shape = Shape {
    name: "span_reference",
    fields: &[REFERENCE, IN_GROUP, &[ON_SPAN_REFERENCE]],
    ..PLAIN_REF
};

pub(super) static METRIC_REF: Shape = Shape {
    name: "metric_reference",
    fields: &[REFERENCE, IN_GROUP, &[ON_METRIC_REFERENCE]],
    ..PLAIN_REF
};

pub(super) static EVENT_REF: Shape = Shape {
    name: "event_reference",
    fields: &[REFERENCE, IN_GROUP, &[ON_EVENT_REFERENCE]],
    ..PLAIN_REF
};

pub(super) static ENTITY_REF: Shape = Shape {
    name: "entity_reference",
    fields: &[REFERENCE, IN_GROUP, &[ON_ENTITY_REFERENCE]],
    ..PLAIN_REF
};

/// What a reference in a list may say.
pub(super) fn reference_shape(of: ListOf) -> &'static Shape {
    match of {
        ListOf::Group => &GROUP_REF,
        ListOf::Span => &SPAN_REF,
        ListOf::Metric => &METRIC_REF,
        ListOf::Event => &EVENT_REF,
        ListOf::Entity => &ENTITY_REF,
    }
}

/// Whether an attribute tells an entity from others.
pub(super) const ROLE: Vocabulary<bool> = Vocabulary {
    what: "role of an attribute",
    code: codes::INVALID_ROLE,
    words: &[("identifying", true), ("descriptive", false)],
    also: &[],
};
