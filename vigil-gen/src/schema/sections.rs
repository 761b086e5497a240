//! What a file of `definition/2` may hold: its sections, and what each kind of definition may say.

use super::attribute::ATTRIBUTE;
use super::common::DOCS;
use super::fields::Vocabulary;
use super::places::{
    ANNOTATIONS, ON_ENTITY, ON_EVENT, ON_GROUP, ON_METRIC, ON_METRIC_REFINEMENT, ON_SPAN,
};
use super::reference::{
    ASSOCIATIONS, ENTITY_ATTRIBUTES, EVENT_ATTRIBUTES, GROUP_ATTRIBUTES, METRIC_ATTRIBUTES,
    SPAN_ATTRIBUTES,
};
use super::shape::{Cases, Field, Shape, Value, field};
use crate::codes;
use crate::registry::{Instrument, SpanKind};

pub(super) const SPAN_KIND: Vocabulary<SpanKind> = Vocabulary {
    what: "span kind",
    code: codes::INVALID_KIND,
    words: &[
        ("internal", SpanKind::Internal),
        ("client", SpanKind::Client),
        ("server", SpanKind::Server),
        ("producer", SpanKind::Producer),
        ("consumer", SpanKind::Consumer),
    ],
    also: &[],
};

pub(super) const INSTRUMENT: Vocabulary<Instrument> = Vocabulary {
    what: "instrument",
    code: codes::INVALID_INSTRUMENT,
    words: &[
        ("counter", Instrument::Counter),
        ("updowncounter", Instrument::UpDownCounter),
        ("gauge", Instrument::Gauge),
        ("histogram", Instrument::Histogram),
    ],
    also: &[],
};

pub(super) const VISIBILITY: Vocabulary<bool> = Vocabulary {
    what: "visibility",
    code: codes::INVALID_VISIBILITY,
    words: &[("public", true), ("internal", false)],
    also: &[],
};

/// How much a signal is asked for. Nothing here depends on it; it must be right all the same.
pub(super) const SIGNAL_LEVEL: Vocabulary<()> = Vocabulary {
    what: "signal requirement level",
    code: codes::INVALID_LEVEL,
    words: &[("recommended", ()), ("opt_in", ())],
    also: &[],
};

pub(super) const GROUP_ID: Field = field!(
    "id",
    Value::Name,
    "The group's own name, by which it is referred to.",
);

pub(super) static INTERNAL_GROUP: Shape = Shape {
    what: "an internal group",
    name: "internal_group",
    required: &["id", "visibility"],
    fields: &[&[
        GROUP_ID,
        field!(
            "visibility",
            Value::Is(&["internal"]),
            "`internal` for a list to be taken in by `ref_group`, `public` for a [record](#records) and its like.",
        ),
        GROUP_ATTRIBUTES,
    ]],
};

pub(super) static PUBLIC_GROUP: Shape = Shape {
    what: "a public group",
    name: "public_group",
    required: &["id", "visibility", "brief", "stability"],
    fields: &[
        &[
            GROUP_ID,
            field!(
                "visibility",
                Value::Is(&["public"]),
                "`internal` for a list to be taken in by `ref_group`, `public` for a [record](#records) and its like.",
            ),
            GROUP_ATTRIBUTES,
        ],
        DOCS,
        &[ON_GROUP],
    ],
};

pub(super) static GROUP: Cases = Cases {
    key: "visibility",
    shapes: &[&INTERNAL_GROUP, &PUBLIC_GROUP],
};

/// `requirement_level` of a signal.
pub(super) const SIGNAL_LEVEL_FIELD: Field = field!(
    "requirement_level",
    Value::Word(&SIGNAL_LEVEL),
    "How much the signal itself is asked for.",
);

pub(super) const SPAN_NAME_FIELD: Field = field!(
    "name",
    Value::Shape(&SPAN_NAME),
    "`note`: the pattern of its name.",
);

pub(super) const INSTRUMENT_FIELD: Field = field!(
    "instrument",
    Value::Word(&INSTRUMENT),
    "`counter`, `updowncounter`, `gauge` or `histogram`.",
);

pub(super) const UNIT: Field = field!(
    "unit",
    Value::Text,
    "UCUM: `s`, `By`, `1`, or what is counted in braces: `\"{token}\"`.",
);

pub(super) static SPAN: Shape = Shape {
    what: "a span",
    name: "span",
    required: &["type", "kind", "name", "brief", "stability"],
    fields: &[
        &[
            field!(
                "type",
                Value::Name,
                "Names the span in the registry. Ends in its kind.",
            ),
            field!(
                "kind",
                Value::Word(&SPAN_KIND),
                "`internal`, `client`, `server`, `producer` or `consumer`.",
            ),
            SPAN_NAME_FIELD,
            SPAN_ATTRIBUTES,
            SIGNAL_LEVEL_FIELD,
            ASSOCIATIONS,
            ON_SPAN,
        ],
        DOCS,
    ],
};

pub(super) static SPAN_NAME: Shape = Shape {
    what: "a span's name",
    name: "span_name",
    required: &["note"],
    fields: &[&[field!(
        "note",
        Value::Text,
        "The pattern: words and `{keys}` of the span's own attributes. A placeholder without a value drops, together with the space before it.",
    )]],
};

pub(super) static METRIC: Shape = Shape {
    what: "a metric",
    name: "metric",
    required: &["name", "instrument", "unit", "brief", "stability"],
    fields: &[
        &[
            field!("name", Value::Name, "The name on the wire."),
            INSTRUMENT_FIELD,
            UNIT,
            METRIC_ATTRIBUTES,
            SIGNAL_LEVEL_FIELD,
            ASSOCIATIONS,
            ON_METRIC,
        ],
        DOCS,
    ],
};

pub(super) static EVENT: Shape = Shape {
    what: "an event",
    name: "event",
    required: &["name", "brief", "stability"],
    fields: &[
        &[
            field!("name", Value::Name, "The name on the wire."),
            EVENT_ATTRIBUTES,
            SIGNAL_LEVEL_FIELD,
            ASSOCIATIONS,
            ON_EVENT,
        ],
        DOCS,
    ],
};

pub(super) const DESCRIPTION: Field = field!(
    "description",
    ENTITY_ATTRIBUTES,
    "The attributes that describe it.",
);

pub(super) static ENTITY: Shape = Shape {
    what: "an entity",
    name: "entity",
    required: &["type", "identity", "brief", "stability"],
    fields: &[
        &[
            field!("type", Value::Name, "What the entity is called."),
            field!(
                "identity",
                ENTITY_ATTRIBUTES,
                "The attributes that tell one from others.",
            ),
            DESCRIPTION,
            SIGNAL_LEVEL_FIELD,
            ON_ENTITY,
        ],
        DOCS,
    ],
};

/// What every refinement has.
pub(super) const REFINEMENT: &[Field] = &[
    field!("id", Value::Name, "The name of the refined definition."),
    field!(
        "ref",
        Value::Text,
        "What is refined, by its name. What is not said here is as it is there.",
    ),
];

pub(super) static SPAN_REFINEMENT: Shape = Shape {
    what: "a span refinement",
    name: "span_refinement",
    required: &["id", "ref"],
    fields: &[
        REFINEMENT,
        &[SPAN_NAME_FIELD, SPAN_ATTRIBUTES, ASSOCIATIONS, ON_SPAN],
        DOCS,
    ],
};

pub(super) static METRIC_REFINEMENT: Shape = Shape {
    what: "a metric refinement",
    name: "metric_refinement",
    required: &["id", "ref"],
    fields: &[
        REFINEMENT,
        &[METRIC_ATTRIBUTES, ASSOCIATIONS, ON_METRIC_REFINEMENT],
        DOCS,
    ],
};

pub(super) static EVENT_REFINEMENT: Shape = Shape {
    what: "an event refinement",
    name: "event_refinement",
    required: &["id", "ref"],
    fields: &[
        REFINEMENT,
        &[EVENT_ATTRIBUTES, ASSOCIATIONS, ANNOTATIONS],
        DOCS,
    ],
};

pub(super) static ENTITY_REFINEMENT: Shape = Shape {
    what: "an entity refinement",
    name: "entity_refinement",
    required: &["id", "ref"],
    fields: &[REFINEMENT, &[DESCRIPTION, ANNOTATIONS], DOCS],
};

pub(super) const PATTERNS: Value = Value::List(&Value::Text);

pub(super) static IMPORTS: Shape = Shape {
    what: "`imports`",
    name: "imports",
    required: &[],
    fields: &[&[
        field!(
            "attribute_groups",
            PATTERNS,
            "The attribute groups, by their ids. `*` stands for anything, `?` for a character.",
        ),
        field!(
            "entities",
            PATTERNS,
            "The entities, by their types. `*` stands for anything, `?` for a character.",
        ),
        field!(
            "events",
            PATTERNS,
            "The events, by their names. `*` stands for anything, `?` for a character.",
        ),
        field!(
            "metrics",
            PATTERNS,
            "The metrics, by their names. `*` stands for anything, `?` for a character.",
        ),
        field!(
            "spans",
            PATTERNS,
            "The spans, by their types. `*` stands for anything, `?` for a character.",
        ),
    ]],
};

/// `imports`
pub(super) const IMPORTS_FIELD: Field = field!(
    "imports",
    Value::Shape(&IMPORTS),
    "What is taken in of the registries that this one depends on, though nothing here refers to it.",
);

/// What a file holds.
pub(crate) static SECTIONS: Shape = Shape {
    what: "a file of definitions",
    name: "definitions",
    required: &["file_format"],
    fields: &[&[
        field!("file_format", Value::Is(&[FILE_FORMAT]), "`definition/2`.",),
        field!(
            "attributes",
            Value::List(&Value::Shape(&ATTRIBUTE)),
            "Definitions of attributes, to be referred to.",
        ),
        field!(
            "attribute_groups",
            Value::List(&Value::Cases(&GROUP)),
            "Groups of attributes, and records.",
        ),
        field!(
            "spans",
            Value::List(&Value::Shape(&SPAN)),
            "Spans, and what each may stand under.",
        ),
        field!(
            "span_refinements",
            Value::List(&Value::Shape(&SPAN_REFINEMENT)),
            "Spans that are like others but for what they say.",
        ),
        field!(
            "metrics",
            Value::List(&Value::Shape(&METRIC)),
            "Metrics, and what feeds each of them.",
        ),
        field!(
            "metric_refinements",
            Value::List(&Value::Shape(&METRIC_REFINEMENT)),
            "Metrics that are like others but for what they say.",
        ),
        field!(
            "events",
            Value::List(&Value::Shape(&EVENT)),
            "Events: what may happen more than once within a span.",
        ),
        field!(
            "event_refinements",
            Value::List(&Value::Shape(&EVENT_REFINEMENT)),
            "Events that are like others but for what they say.",
        ),
        field!(
            "entities",
            Value::List(&Value::Shape(&ENTITY)),
            "Entities, which signals come from.",
        ),
        field!(
            "entity_refinements",
            Value::List(&Value::Shape(&ENTITY_REFINEMENT)),
            "Entities that are like others but for what they say.",
        ),
        IMPORTS_FIELD,
    ]],
};

/// What a file of definitions says it is.
pub(crate) const FILE_FORMAT: &str = "definition/2";
