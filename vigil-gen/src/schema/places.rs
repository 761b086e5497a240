//! The places in which `annotations.vigil` may stand, and what it may hold in each.

use std::collections::BTreeSet;

use super::MeasuredDef;
use super::fields::Vocabulary;
use super::shape::{Field, Place, Shape, Types, Value, field};
use crate::codes;
use crate::lint::LintNames;
use crate::registry::{Aggregate, NumberType, SetTime};

pub(super) const OWNER: Field = field!(
    "owner",
    Value::Sentence,
    "Who answers for it: a team or a person. Left out, it is whom [the manifest](#owners-and-expiry) names.",
);
pub(super) const EXPIRES: Field = field!(
    "expires",
    Value::Date,
    "The day from which on it is [to be looked at again](#owners-and-expiry), such as `2027-06-30`.",
);
pub(super) const ALLOW: Field = field!(
    "allow",
    Value::List(&ALLOWED),
    "The [lints](#lints) that are suppressed here and in all that is within, each by its name or as `{ lint: NAME, reason: … }`.",
);
static ALLOWED: Value = Value::Either(&[LINT, Value::Shape(&ALLOWED_LINT)]);
const LINT: Value = Value::Named("lint", &Value::Word(&LintNames));

pub(super) static ALLOWED_LINT: Shape = Shape {
    what: "a suppressed lint",
    name: "allowed_lint",
    required: &["lint"],
    fields: &[&[
        field!("lint", LINT, "Its name."),
        field!("reason", Value::Sentence, "Why it does not hold here."),
    ]],
};

pub(super) static ATTRIBUTE: Place = Place {
    what: "an attribute",
    name: "attribute_annotations",
    keys: &[
        field!(
            "identity",
            Value::Flag,
            "Names one session, run, call or response. Refused on metrics: each value would be a time series. What is filled from an identity is one too.",
        ),
        field!(
            "sensitive",
            Value::Flag,
            "Content. Every reference is `opt_in`, every value passes the capture gate. Refused on metrics, and with a constant `value`. What is filled from content is content too.",
        ),
        field!(
            "inherited",
            Value::Flag,
            "Given on the root span, it stands on every span under it. Given later, on those that start after.",
        ),
        field!(
            "filled_from",
            Value::Text,
            "Takes that attribute's value on every span unless it is given. The source is inherited and of the same type.",
        ),
        field!(
            "closed",
            Value::Flag,
            "Enums only: no other value is possible.",
        ),
        field!(
            "type",
            Value::Text,
            "Enums only: the name of the Rust type. Attributes that give the same name share it; their members and `closed` must be equal.",
        ),
        field!(
            "unit",
            Value::Text,
            "Numbers only. With `s` the setter of a `double` takes a `Duration`; that of an `int` takes a number.",
        ),
        OWNER,
        EXPIRES,
        ALLOW,
    ],
    code_generation: &[],
    for_types: &[
        ("closed", Types::Enums),
        ("type", Types::Enums),
        ("unit", Types::Numbers),
        ("inherited", Types::OneKey),
        ("filled_from", Types::OneKey),
    ],
};

pub(super) const CONSTANT: Field = field!(
    "value",
    Value::Scalar,
    "The attribute has this value here. No argument, no setter.",
);
pub(super) const SET_FIELD: Field = field!(
    "set",
    Value::Word(&SET),
    "When it is given: to the builder, to the open span, or by Vigil itself. Left out, it is `start`; in a record everything is later.",
);
pub(super) const AGGREGATE_FIELD: Field = field!(
    "aggregate",
    Value::Word(&AGGREGATE),
    "What becomes of a second value on the same span: it replaces the first, is added to it (numbers), or follows it (arrays). Left out, it is `last`.",
);
pub(super) const OUTCOME: Field = field!(
    "outcome",
    Value::Flag,
    "The value says how the span ended. For a closed enum with `ok`, `error`, `cancelled` and, if it likes, `timeout`. Once for each span.",
);
pub(super) const CARDINALITY: Field = field!(
    "cardinality",
    Value::Count,
    "How many distinct values a process admits; later ones are sent as `_OTHER` and reported once. Needed for text and numbers, [where Vigil's annotations are used](#whose-rules-hold); enums and booleans are bounded by themselves. An open enum that meets many values beside its members, as `error.type` does, takes a bound too.",
);

pub(super) static SPAN_REFERENCE: Place = Place {
    what: "an attribute reference of a span",
    name: "span_reference_annotations",
    keys: &[CONSTANT, SET_FIELD, AGGREGATE_FIELD, OUTCOME, ALLOW],
    code_generation: &[],
    for_types: &[],
};
pub(super) static GROUP_REFERENCE: Place = Place {
    what: "an attribute reference of a group",
    name: "group_reference_annotations",
    keys: &[
        CONSTANT,
        SET_FIELD,
        AGGREGATE_FIELD,
        OUTCOME,
        CARDINALITY,
        ALLOW,
    ],
    code_generation: &[],
    for_types: &[],
};
pub(super) static METRIC_REFERENCE: Place = Place {
    what: "an attribute reference of a metric",
    name: "metric_reference_annotations",
    keys: &[CONSTANT, CARDINALITY, ALLOW],
    code_generation: &[],
    for_types: &[],
};
pub(super) static EVENT_REFERENCE: Place = Place {
    what: "an attribute reference of an event",
    name: "event_reference_annotations",
    keys: &[CONSTANT, ALLOW],
    code_generation: &[],
    for_types: &[],
};
pub(super) static ENTITY_REFERENCE: Place = Place {
    what: "an attribute reference of an entity",
    name: "entity_reference_annotations",
    keys: &[ALLOW],
    code_generation: &[],
    for_types: &[],
};
pub(super) const METRICS: Field = field!(
    "metrics",
    Value::List(&Value::Text),
    "What is recorded when the span ends.",
);
pub(super) static SPAN: Place = Place {
    what: "a span",
    name: "span_annotations",
    keys: &[
        field!(
            "builder",
            Value::Text,
            "Starts the span. Ends in `_span`, is the only one of that name, and names the handle: `chat_span` gives `ChatSpan`.",
        ),
        field!(
            "parents",
            Value::List(&Value::Text),
            "The spans that it may stand under.",
        ),
        field!(
            "phases",
            Value::List(&Value::Text),
            "Where the parent has a `type_per`: the members that it may stand under. Left out, it may stand under all.",
        ),
        field!(
            "root",
            Value::Flag,
            "It may stand under nothing, under a foreign span, and under a remote context.",
        ),
        field!(
            "type_per",
            Value::Text,
            "A required enum of the span's own. Each member is a Rust type, so that what stands below can name it.",
        ),
        field!(
            "immediate",
            Value::Flag,
            "The function starts the span, and `PhaseSpan::builder(…)` takes what is not required. Left out, the function gives the builder, whatever attributes the span has. To change it is a breaking change.",
        ),
        METRICS,
        field!(
            "stream",
            Value::Shape(&STREAM),
            "Its work may come in chunks.",
        ),
        OWNER,
        EXPIRES,
        ALLOW,
    ],
    code_generation: &[],
    for_types: &[],
};
pub(super) static GROUP: Place = Place {
    what: "a public group",
    name: "group_annotations",
    keys: &[
        field!(
            "record",
            Value::Shape(&RECORD),
            "It is a [record](#records): what an open span takes in one call.",
        ),
        OWNER,
        EXPIRES,
        ALLOW,
    ],
    code_generation: &[],
    for_types: &[],
};
pub(super) static METRIC: Place = Place {
    what: "a metric",
    name: "metric_annotations",
    keys: &[
        field!(
            "boundaries",
            Value::List(&Value::Number),
            "Histograms only: the upper bounds of the buckets, rising. Left out, the SDK decides, whose bounds (0, 5, 10 … 10000) suit milliseconds: a duration in `s` needs its own.",
        ),
        field!(
            "measures",
            Value::Either(&[
                Value::Word(&MEASURE_WORDS),
                Value::Shape(&MEASURE),
                Value::List(&Value::Shape(&MEASURE)),
            ]),
            "What a measurement takes as its value where the metric derives from a span or a record.",
        ),
        field!(
            "from",
            Value::List(&Value::Text),
            "The spans and records that feed it. The same as naming the metric there, so that a new metric edits no existing definition. On one side only.",
        ),
        OWNER,
        EXPIRES,
        ALLOW,
    ],
    code_generation: &[VALUE_TYPE],
    for_types: &[],
};
pub(super) static METRIC_REFINEMENT: Place = Place {
    what: "a metric refinement",
    name: "metric_refinement_annotations",
    keys: &[ALLOW],
    code_generation: &[VALUE_TYPE],
    for_types: &[],
};
pub(super) static EVENT: Place = Place {
    what: "an event",
    name: "event_annotations",
    keys: &[
        field!(
            "keep_last",
            Value::Flag,
            "`true`: the span on which it happens keeps the values of the last one as attributes.",
        ),
        field!(
            "at_end_of",
            Value::Text,
            "The type of a span with a contract. The span sends the event when it ends, once, where content goes into events.",
        ),
        OWNER,
        EXPIRES,
        ALLOW,
    ],
    code_generation: &[],
    for_types: &[],
};
pub(super) static ENTITY: Place = Place {
    what: "an entity",
    name: "entity_annotations",
    keys: &[OWNER, EXPIRES, ALLOW],
    code_generation: &[],
    for_types: &[],
};
pub(super) static MANIFEST: Place = Place {
    what: "a manifest",
    name: "manifest_annotations",
    keys: &[
        field!(
            "owner",
            Value::Sentence,
            "Who answers for what nobody else is named for: a team or a person.",
        ),
        field!(
            "owners",
            Value::Map(&Value::Sentence),
            "Who answers for all names that begin with a namespace: from namespaces to teams or persons. The longest one counts.",
        ),
    ],
    code_generation: &[],
    for_types: &[],
};
/// Where nothing of ours may stand but what suppresses lints.
pub(super) static OTHER: Place = Place {
    what: "this",
    name: "other_annotations",
    keys: &[ALLOW],
    code_generation: &[],
    for_types: &[],
};

pub(super) const VALUE_TYPE: Field = field!(
    "metric_value_type",
    Value::Word(&NUMBER),
    "`int` or `double`. The key is OpenTelemetry's.",
);

/// Every place, to tell in which a misplaced key belongs.
pub(super) static PLACES: [&Place; 9] = [
    &ATTRIBUTE,
    &SPAN_REFERENCE,
    &METRIC_REFERENCE,
    &GROUP_REFERENCE,
    &SPAN,
    &GROUP,
    &METRIC,
    &EVENT,
    &MANIFEST,
];

/// `annotations`, in each place.
pub(super) const fn annotations(place: &'static Place) -> Field {
    field!(
        "annotations",
        Value::Annotations(place),
        "What is Vigil's, under `vigil`, and what other tools keep beside it.",
    )
}

pub(super) const ANNOTATIONS: Field = annotations(&OTHER);
pub(super) const ON_ATTRIBUTE: Field = annotations(&ATTRIBUTE);
pub(super) const ON_SPAN: Field = annotations(&SPAN);
pub(super) const ON_GROUP: Field = annotations(&GROUP);
pub(super) const ON_METRIC: Field = annotations(&METRIC);
pub(super) const ON_METRIC_REFINEMENT: Field = annotations(&METRIC_REFINEMENT);
pub(super) const ON_EVENT: Field = annotations(&EVENT);
pub(super) const ON_ENTITY: Field = annotations(&ENTITY);
pub(super) const ON_MANIFEST: Field = annotations(&MANIFEST);
pub(super) const ON_SPAN_REFERENCE: Field = annotations(&SPAN_REFERENCE);
pub(super) const ON_GROUP_REFERENCE: Field = annotations(&GROUP_REFERENCE);
pub(super) const ON_METRIC_REFERENCE: Field = annotations(&METRIC_REFERENCE);
pub(super) const ON_EVENT_REFERENCE: Field = annotations(&EVENT_REFERENCE);
pub(super) const ON_ENTITY_REFERENCE: Field = annotations(&ENTITY_REFERENCE);

pub(super) static RECORD: Shape = Shape {
    what: "a record",
    name: "record",
    required: &["on"],
    fields: &[&[
        field!("on", Value::Text, "The span that takes it. Required."),
        field!(
            "name",
            Value::Text,
            "The method's name without `record_`. Left out, it is the last part of the group's id.",
        ),
        field!(
            "phases",
            Value::List(&Value::Text),
            "Where the span has a `type_per`: the members that take it. Left out, all do.",
        ),
        field!(
            "metrics",
            Value::List(&Value::Text),
            "What is recorded at the call.",
        ),
        field!(
            "event",
            Value::Text,
            "What is sent at the call. What the event requires must be in the record, inherited, or required on the span. Such an event has no struct of its own: nothing else sends it.",
        ),
    ]],
};

pub(super) static STREAM: Shape = Shape {
    what: "a stream",
    name: "stream",
    required: &["time_to_first_chunk"],
    fields: &[&[
        field!(
            "time_to_first_chunk",
            Value::Text,
            "The first chunk sets this attribute, unless it was recorded: the time since the span started. A `double` in the unit `s`. Required.",
        ),
        field!(
            "flag",
            Value::Text,
            "Is `true` on a span that streams, unless it was given. A `boolean`.",
        ),
        field!(
            "time_per_output_chunk",
            Value::Text,
            "Each chunk after the first is measured with it, as it arrives: the time since the one before. A histogram of `double` in the unit `s` that says `measures: chunk`.",
        ),
    ]],
};

pub(super) const MEASURE_WORDS: Vocabulary<MeasuredDef> = Vocabulary {
    what: "measure",
    code: codes::INVALID_ANNOTATION,
    words: &[
        ("duration", MeasuredDef::Duration),
        ("count", MeasuredDef::Count),
        ("chunk", MeasuredDef::Chunk),
    ],
    also: &[],
};

pub(super) static MEASURE: Shape = Shape {
    what: "a measurement",
    name: "measurement",
    required: &["attribute"],
    fields: &[&[
        field!(
            "attribute",
            Value::Text,
            "The value of a numeric attribute, where it is given.",
        ),
        field!(
            "with",
            Value::Map(&Value::Text),
            "Attributes that are added to the measurement: from keys to enum members.",
        ),
    ]],
};

pub(super) const SET: Vocabulary<SetTime> = Vocabulary {
    what: "`set` value",
    code: codes::INVALID_ANNOTATION,
    words: &[
        ("start", SetTime::Start),
        ("later", SetTime::Later),
        ("runtime", SetTime::Runtime),
    ],
    also: &[],
};

pub(super) const AGGREGATE: Vocabulary<Aggregate> = Vocabulary {
    what: "`aggregate` value",
    code: codes::INVALID_ANNOTATION,
    words: &[
        ("last", Aggregate::Last),
        ("sum", Aggregate::Sum),
        ("append", Aggregate::Append),
    ],
    also: &[],
};

pub(super) const NUMBER: Vocabulary<NumberType> = Vocabulary {
    what: "metric value type",
    code: codes::INVALID_ANNOTATION,
    words: &[("int", NumberType::Int), ("double", NumberType::Double)],
    also: &[],
};

/// Keys that stand under `vigil` or `code_generation`, and beside them say nothing.
pub(super) fn keys_of_others() -> BTreeSet<&'static str> {
    let places = PLACES.iter();
    let fields = places.flat_map(|place| place.keys.iter().chain(place.code_generation));
    fields.map(|field| field.name).collect()
}
