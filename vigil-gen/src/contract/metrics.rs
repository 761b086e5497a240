//! Metrics: bounded attributes, boundaries, and what derives from spans and records.

use std::collections::BTreeMap;

use super::{Checker, Source, UNREAD_INSTRUMENT, UNREAD_NUMBER, is_given, is_outcome, opt_in};
use crate::codes;
use crate::diagnostic::{Diagnostic, nearest, one_of, quoted};
use crate::locations::Kind;
use crate::registry::{
    AttributeRef, AttributeType, EnumType, EnumValue, Instrument, Measure, MeasuredValue, Metric,
    NumberType, RequirementLevel, SetTime,
};
use crate::resolve::Reference;
use crate::schema::{Located, MeasureDef, MeasuredDef, MetricDef, value_text};

/// Checks a metric and what it derives from.
pub(super) fn metric(metric: &MetricDef, checker: &mut Checker<'_>) -> Metric {
    let references = checker
        .resolved
        .metrics
        .get(&metric.name.value)
        .map_or(&[][..], Vec::as_slice);
    check_attributes(metric, references, checker);
    if let Some(boundaries) = &metric.notes.boundaries
        && metric
            .instrument
            .is_some_and(|instrument| instrument != Instrument::Histogram)
    {
        checker.push(
            Diagnostic::new(
                codes::INVALID_BOUNDARIES,
                boundaries.at,
                "only a histogram has `boundaries`",
            )
            .with_secondary(metric.name.at, "the metric"),
        );
    }
    let sources: Vec<Source> = checker
        .links
        .sources
        .get(&metric.name.value)
        .map(|sources| sources.keys().cloned().collect())
        .unwrap_or_default();
    check_derivation(metric, references, &sources, checker);
    let measures = metric
        .notes
        .measures
        .iter()
        .map(|it| measure(it, checker))
        .collect();
    Metric {
        name: metric.name.value.clone(),
        instrument: metric.instrument.unwrap_or(UNREAD_INSTRUMENT),
        unit: metric.unit.clone().unwrap_or_default(),
        value_type: metric.value_type.unwrap_or(UNREAD_NUMBER),
        boundaries: metric
            .notes
            .boundaries
            .as_ref()
            .map(|it| it.value.clone())
            .unwrap_or_default(),
        docs: metric.docs.over(None),
        attributes: attributes(references, checker),
        measures,
        stability_opt_in: opt_in::metric(metric, checker),
        entity_associations: metric.entities.list.clone(),
    }
}

fn attributes(references: &[Reference], checker: &Checker<'_>) -> Vec<AttributeRef> {
    let bounds = references
        .iter()
        .filter_map(|it| checker.reference(it, SetTime::Start));
    let plain = checker.plain_references(references);
    let pairs = plain.into_iter().zip(bounds);
    pairs
        .map(|(plain, bound)| AttributeRef {
            cardinality: bound.cardinality,
            ..plain
        })
        .collect()
}

/// Every combination of attribute values is a series that someone has to pay for.
fn check_attributes(metric: &MetricDef, references: &[Reference], checker: &mut Checker<'_>) {
    for reference in references {
        let key = &reference.key.value;
        let Some(attribute) = checker.resolved.attributes.get(key) else {
            continue;
        };
        if attribute.identity {
            checker.push(
                Diagnostic::new(
                    codes::METRIC_IDENTITY,
                    reference.key.at,
                    format!(
                        "{} is an identity, which would make a series of each",
                        quoted(key)
                    ),
                )
                .with_secondary(
                    checker.marked(key, |notes| notes.identity),
                    "marked as an identity here",
                )
                .with_help("leave it out: spans and events carry it"),
            );
        }
        if attribute.sensitive {
            checker.push(
                Diagnostic::new(
                    codes::METRIC_SENSITIVE,
                    reference.key.at,
                    format!("{} is sensitive, so it can't be on a metric", quoted(key)),
                )
                .with_secondary(
                    checker.marked(key, |notes| notes.sensitive),
                    "marked as sensitive here",
                ),
            );
        }
        let bounded = reference.notes.cardinality.is_some() || reference.notes.value.is_some();
        let bounded = bounded || !metric.bounded || metric.refines.is_some();
        let bounded = bounded || attribute.identity || attribute.sensitive;
        let itself = matches!(
            checker.resolved.type_of(key),
            None | Some(AttributeType::Enum(_) | AttributeType::Boolean)
        );
        if !bounded && !itself {
            checker.push(
                Diagnostic::new(
                    codes::MISSING_CARDINALITY,
                    reference.key.at,
                    format!(
                        "{} has no bound on its values on {}",
                        quoted(key),
                        quoted(&metric.name.value)
                    ),
                )
                .with_help("add `annotations: { vigil: { cardinality: N } }` to the reference"),
            );
        }
    }
}

fn check_derivation(
    metric: &MetricDef,
    references: &[Reference],
    sources: &[Source],
    checker: &mut Checker<'_>,
) {
    let name = &metric.name;
    let Some(measures_at) = metric.notes.measures_at else {
        if let Some(source) = sources.first() {
            let at = checker.links.sources[&name.value][source];
            checker.push(
                Diagnostic::new(
                    codes::MISSING_MEASURE,
                    name.at,
                    format!(
                        "{} derives from {}, but does not say what it measures",
                        quoted(&name.value),
                        quoted(source.name())
                    ),
                )
                .with_secondary(at, "derived from here")
                .with_help(match source {
                    Source::Stream(_) => "add `measures: chunk`",
                    _ => "add `measures:` with `duration`, `count` or `{ attribute: KEY }`",
                }),
            );
        }
        return;
    };
    if sources.is_empty() {
        // A link that was reported is not missing.
        if metric.notes.from.is_empty() {
            let of_chunks = |it: &MeasureDef| matches!(it.value, MeasuredDef::Chunk);
            let help = if metric.notes.measures.iter().any(of_chunks) {
                STREAMED
            } else {
                "name its sources with `from`, or the metric under `metrics` of a span or record"
            };
            checker.push(
                Diagnostic::new(
                    codes::INVALID_MEASURE,
                    measures_at,
                    format!(
                        "{} measures something, but derives from nothing",
                        quoted(&name.value)
                    ),
                )
                .with_help(help),
            );
        }
        return;
    }
    for measure in &metric.notes.measures {
        check_value(metric, measure, sources, checker);
        check_with(metric, measure, references, checker);
    }
    check_availability(metric, references, sources, checker);
}

/// How a metric comes by the chunks of a stream.
const STREAMED: &str = "name it as `time_per_output_chunk` under `stream` of a span";

fn check_value(
    metric: &MetricDef,
    measure: &MeasureDef,
    sources: &[Source],
    checker: &mut Checker<'_>,
) {
    let stream = sources
        .iter()
        .find(|source| matches!(source, Source::Stream(_)));
    if let Some(stream) = stream.filter(|_| !matches!(measure.value, MeasuredDef::Chunk)) {
        let at = checker.links.sources[&metric.name.value][stream];
        checker.push(
            Diagnostic::new(
                codes::INVALID_MEASURE,
                measure.at,
                format!(
                    "{} takes the time of each chunk, so it measures nothing else",
                    quoted(&metric.name.value)
                ),
            )
            .with_secondary(at, "named for its chunks here")
            .with_help("write `measures: chunk`"),
        );
        return;
    }
    let problem = match &measure.value {
        MeasuredDef::Chunk => {
            check_chunks(metric, measure, sources, checker);
            None
        }
        MeasuredDef::Duration => {
            let record = sources
                .iter()
                .find(|source| matches!(source, Source::Record(_)));
            if metric.unit.as_deref().is_some_and(|unit| unit != "s") {
                Some("a duration is measured in the unit `s`".to_owned())
            } else if metric.value_type == Some(NumberType::Int) {
                Some("a duration is a `double`".to_owned())
            } else {
                record.map(|record| {
                    format!(
                        "{} is a record, and only spans have a duration",
                        quoted(record.name())
                    )
                })
            }
        }
        MeasuredDef::Count => {
            let counter = metric
                .instrument
                .is_none_or(|instrument| instrument == Instrument::Counter);
            (!counter).then(|| "only a counter can count".to_owned())
        }
        MeasuredDef::Attribute(key) => {
            check_measured(metric, key, sources, checker);
            None
        }
    };
    if let Some(problem) = problem {
        checker.push(
            Diagnostic::new(codes::INVALID_MEASURE, measure.at, problem)
                .with_secondary(metric.name.at, "the metric"),
        );
    }
}

/// What is measured of each chunk is a time, and only streams have chunks.
fn check_chunks(
    metric: &MetricDef,
    measure: &MeasureDef,
    sources: &[Source],
    checker: &mut Checker<'_>,
) {
    let other = sources
        .iter()
        .find(|source| !matches!(source, Source::Stream(_)));
    if let Some(other) = other {
        let at = checker.links.sources[&metric.name.value][other];
        checker.push(
            Diagnostic::new(
                codes::INVALID_MEASURE,
                measure.at,
                format!(
                    "{} ends as a whole, and only streams have chunks",
                    quoted(other.name())
                ),
            )
            .with_secondary(at, "derived from here")
            .with_help(STREAMED),
        );
        return;
    }
    let problem = if metric
        .instrument
        .is_some_and(|it| it != Instrument::Histogram)
    {
        "the times of chunks make a histogram"
    } else if metric.unit.as_deref().is_some_and(|unit| unit != "s") {
        "the time of a chunk is measured in the unit `s`"
    } else if metric.value_type == Some(NumberType::Int) {
        "the time of a chunk is a `double`"
    } else {
        return;
    };
    checker.push(
        Diagnostic::new(codes::INVALID_MEASURE, measure.at, problem)
            .with_secondary(metric.name.at, "the metric"),
    );
}

/// The attribute whose value is measured is a number that every source has.
fn check_measured(
    metric: &MetricDef,
    key: &Located<String>,
    sources: &[Source],
    checker: &mut Checker<'_>,
) {
    if !checker.names.expect(Kind::Attribute, key) {
        return;
    }
    let problem = match checker.resolved.type_of(&key.value) {
        None | Some(AttributeType::Int) => None,
        Some(AttributeType::Double) => (metric.value_type == Some(NumberType::Int)).then(|| {
            format!(
                "{} is a `double`, and the metric counts in `int`",
                quoted(&key.value)
            )
        }),
        Some(_) => Some(format!(
            "{} is no number, so it can't be measured",
            quoted(&key.value)
        )),
    };
    if let Some(problem) = problem {
        checker.push(
            Diagnostic::new(codes::INVALID_MEASURE, key.at, problem)
                .with_secondary(metric.name.at, "the metric"),
        );
    }
    for source in sources {
        let found = match source {
            Source::Span(ty) => {
                has(checker.own_references(ty), &key.value) || recorded(ty, &key.value, checker)
            }
            Source::Record(id) => has(checker.group_references(id), &key.value),
            // What such a metric may measure was said before.
            Source::Stream(_) => true,
        };
        if !found {
            let at = checker.links.sources[&metric.name.value][source];
            checker.push(
                Diagnostic::new(
                    codes::INVALID_MEASURE,
                    key.at,
                    format!(
                        "{} is no attribute of {}",
                        quoted(&key.value),
                        quoted(source.name())
                    ),
                )
                .with_secondary(at, "derived from here"),
            );
        }
    }
}

fn has(references: &[Reference], key: &str) -> bool {
    references.iter().any(|it| it.key.value == key)
}

fn recorded(ty: &str, key: &str, checker: &Checker<'_>) -> bool {
    let ids = checker.links.records.get(ty).into_iter().flatten();
    ids.into_iter()
        .any(|id| has(checker.group_references(id), key))
}

/// `with` gives enum attributes of the metric a member.
fn check_with(
    metric: &MetricDef,
    measure: &MeasureDef,
    references: &[Reference],
    checker: &mut Checker<'_>,
) {
    let name = &metric.name.value;
    check_members(
        &measure.with,
        name,
        references,
        codes::INVALID_MEASURE,
        checker,
    );
}

/// Each key is an enum attribute of the metric, and has that member.
pub(super) fn check_members(
    members: &[(Located<String>, Located<String>)],
    metric: &str,
    references: &[Reference],
    code: &'static str,
    checker: &mut Checker<'_>,
) {
    for (key, member) in members {
        if !checker.names.expect(Kind::Attribute, key) {
            continue;
        }
        if !has(references, &key.value) {
            checker.push(
                Diagnostic::new(
                    code,
                    key.at,
                    format!(
                        "{} is no attribute of {}",
                        quoted(&key.value),
                        quoted(metric)
                    ),
                )
                .with_help(format!(
                    "add `- ref: {}` to the metric's attributes",
                    key.value
                )),
            );
        }
        let problem = match checker.resolved.type_of(&key.value) {
            None => None,
            Some(AttributeType::Enum(ty)) => unknown_member(key, member, ty),
            Some(_) => Some(Diagnostic::new(
                code,
                key.at,
                format!("{} is no enum, so it has no members", quoted(&key.value)),
            )),
        };
        checker.names.diagnostics.extend(problem);
    }
}

fn unknown_member(
    key: &Located<String>,
    member: &Located<String>,
    ty: &EnumType,
) -> Option<Diagnostic> {
    if member_value(ty, &member.value).is_some() {
        return None;
    }
    let ids: Vec<&str> = ty.members.iter().map(|member| member.id.as_str()).collect();
    let help = match nearest(&member.value, ids.iter().copied()) {
        Some(guess) => format!("did you mean {}?", quoted(guess)),
        None => format!("write {}", one_of(&ids)),
    };
    let message = format!(
        "{} has no member {}",
        quoted(&key.value),
        quoted(&member.value)
    );
    Some(Diagnostic::new(codes::UNKNOWN_MEMBER, member.at, message).with_help(help))
}

/// The value of the member that goes by this id or value.
fn member_value(ty: &EnumType, word: &str) -> Option<EnumValue> {
    let by_id = ty.members.iter().find(|member| member.id == word);
    let found = by_id.or_else(|| {
        ty.members
            .iter()
            .find(|member| value_text(&member.value) == word)
    });
    found.map(|member| member.value.clone())
}

/// A derived measurement has no caller to ask for what the metric requires.
fn check_availability(
    metric: &MetricDef,
    references: &[Reference],
    sources: &[Source],
    checker: &mut Checker<'_>,
) {
    for reference in references {
        let key = reference.key.value.as_str();
        let fixed = reference.notes.value.is_some();
        if reference.level != Some(RequirementLevel::Required)
            || fixed
            || checker.always_inherited(key)
        {
            continue;
        }
        let measures = &metric.notes.measures;
        let given = measures
            .iter()
            .all(|measure| measure.with.iter().any(|(with, _)| with.value == key));
        if given && !measures.is_empty() {
            continue;
        }
        for source in sources {
            if source_gives(source, key, checker) {
                continue;
            }
            let at = checker.links.sources[&metric.name.value][source];
            checker.push(
                Diagnostic::new(
                    codes::UNAVAILABLE_ATTRIBUTE,
                    reference.key.at,
                    format!(
                        "{} is required on {}, but {} does not always have it",
                        quoted(key),
                        quoted(&metric.name.value),
                        quoted(source.name())
                    ),
                )
                .with_secondary(at, "derived from here")
                .with_help(
                    "require it at the source, give it under `with`, or ask for less on the metric",
                ),
            );
        }
    }
}

fn source_gives(source: &Source, key: &str, checker: &Checker<'_>) -> bool {
    let gives = |references: &[Reference]| {
        references
            .iter()
            .any(|it| it.key.value == key && (is_given(it) || is_outcome(it)))
    };
    match source {
        Source::Span(ty) => {
            let ids = checker.links.records.get(ty).into_iter().flatten();
            // Whatever else a record holds is there only if it was made; an outcome always is.
            let mut recorded = ids.flat_map(|id| checker.group_references(id));
            gives(checker.own_references(ty))
                || recorded.any(|it| it.key.value == key && is_outcome(it))
        }
        Source::Record(id) => {
            let on = checker
                .records
                .get(id.as_str())
                .and_then(|(_, record)| record.on.as_ref());
            gives(checker.group_references(id))
                || on.is_some_and(|on| given_at_start(&on.value, key, checker))
        }
        Source::Stream(ty) => given_at_start(ty, key, checker),
    }
}

/// Whether the span has the attribute from the start, for what is measured while it is open.
fn given_at_start(span: &str, key: &str, checker: &Checker<'_>) -> bool {
    let at_start = |it: &&Reference| {
        it.notes
            .set
            .as_ref()
            .is_none_or(|set| set.value == SetTime::Start)
    };
    let started = checker.own_references(span).iter().filter(at_start);
    started
        .into_iter()
        .any(|it| it.key.value == key && is_given(it))
}

fn measure(definition: &MeasureDef, checker: &Checker<'_>) -> Measure {
    let value = match &definition.value {
        MeasuredDef::Duration => MeasuredValue::Duration,
        MeasuredDef::Count => MeasuredValue::Count,
        MeasuredDef::Chunk => MeasuredValue::Chunk,
        MeasuredDef::Attribute(key) => MeasuredValue::Attribute(key.value.clone()),
    };
    let with = member_values(&definition.with, checker);
    Measure { value, with }
}

/// The values of these members, as far as there are such.
pub(super) fn member_values(
    members: &[(Located<String>, Located<String>)],
    checker: &Checker<'_>,
) -> BTreeMap<String, EnumValue> {
    let value = |(key, member): &(Located<String>, Located<String>)| {
        let AttributeType::Enum(ty) = checker.resolved.type_of(&key.value)? else {
            return None;
        };
        Some((key.value.clone(), member_value(ty, &member.value)?))
    };
    members.iter().filter_map(value).collect()
}
