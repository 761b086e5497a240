//! Groups, spans, metrics, events and entities.

use super::attribute::{ATTRIBUTE, read_attribute};
use super::common::{DOCS, check_name, declare, read_docs};
use super::fields::{Cases, Field, Fields, Shape, Value, Vocabulary, field, list, wrong_shape};
use super::notes::{
    ANNOTATIONS, ON_EVENT, ON_GROUP, ON_METRIC, ON_METRIC_REFINEMENT, ON_SPAN, default_value_type,
    read_event_notes, read_metric_notes, read_no_notes, read_record_notes, read_span_notes,
    read_value_type, written_value_type,
};
use super::reference::{
    ASSOCIATIONS, ENTITY_ATTRIBUTES, EVENT_ATTRIBUTES, GROUP_ATTRIBUTES, ListOf, METRIC_ATTRIBUTES,
    SPAN_ATTRIBUTES, read_associations, read_items,
};
use super::unit::check_unit;
use super::{
    EntityDef, EventDef, GroupDef, Import, Item, Located, MetricDef, MetricNotes, Reading, SpanDef,
};
use crate::codes;
use crate::diagnostic::{Diagnostic, Diagnostics, quoted, visible};
use crate::locations::Kind;
use crate::registry::{Instrument, SpanKind};
use crate::yaml::{Node, Yaml};

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

const VISIBILITY: Vocabulary<bool> = Vocabulary {
    what: "visibility",
    code: codes::INVALID_VISIBILITY,
    words: &[("public", true), ("internal", false)],
    also: &[],
};

/// How much a signal is asked for. Nothing here depends on it; it must be right all the same.
const SIGNAL_LEVEL: Vocabulary<()> = Vocabulary {
    what: "signal requirement level",
    code: codes::INVALID_LEVEL,
    words: &[("recommended", ()), ("opt_in", ())],
    also: &[],
};

const GROUP_ID: Field = field!(
    "id",
    Value::Name,
    "The group's own name, by which it is referred to.",
);

static INTERNAL_GROUP: Shape = Shape {
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

static GROUP: Cases = Cases {
    key: "visibility",
    shapes: &[&INTERNAL_GROUP, &PUBLIC_GROUP],
};

/// `requirement_level` of a signal.
const SIGNAL_LEVEL_FIELD: Field = field!(
    "requirement_level",
    Value::Word(&SIGNAL_LEVEL),
    "How much the signal itself is asked for.",
);

const SPAN_NAME_FIELD: Field = field!(
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

static SPAN_NAME: Shape = Shape {
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

const DESCRIPTION: Field = field!(
    "description",
    ENTITY_ATTRIBUTES,
    "The attributes that describe it.",
);

static ENTITY: Shape = Shape {
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
            ANNOTATIONS,
        ],
        DOCS,
    ],
};

/// What every refinement has.
const REFINEMENT: &[Field] = &[
    field!("id", Value::Name, "The name of the refined definition."),
    field!(
        "ref",
        Value::Text,
        "What is refined, by its name. What is not said here is as it is there.",
    ),
];

static SPAN_REFINEMENT: Shape = Shape {
    what: "a span refinement",
    name: "span_refinement",
    required: &["id", "ref"],
    fields: &[
        REFINEMENT,
        &[SPAN_NAME_FIELD, SPAN_ATTRIBUTES, ASSOCIATIONS, ON_SPAN],
        DOCS,
    ],
};

static METRIC_REFINEMENT: Shape = Shape {
    what: "a metric refinement",
    name: "metric_refinement",
    required: &["id", "ref"],
    fields: &[
        REFINEMENT,
        &[METRIC_ATTRIBUTES, ASSOCIATIONS, ON_METRIC_REFINEMENT],
        DOCS,
    ],
};

static EVENT_REFINEMENT: Shape = Shape {
    what: "an event refinement",
    name: "event_refinement",
    required: &["id", "ref"],
    fields: &[
        REFINEMENT,
        &[EVENT_ATTRIBUTES, ASSOCIATIONS, ANNOTATIONS],
        DOCS,
    ],
};

static ENTITY_REFINEMENT: Shape = Shape {
    what: "an entity refinement",
    name: "entity_refinement",
    required: &["id", "ref"],
    fields: &[REFINEMENT, &[DESCRIPTION, ANNOTATIONS], DOCS],
};

const PATTERNS: Value = Value::List(&Value::Text);

static IMPORTS: Shape = Shape {
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
    read_no_notes(&fields, "an entity", diagnostics);
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
