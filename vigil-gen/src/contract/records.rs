//! Records: groups of attributes that are recorded on an open span in one call.

use super::spans::values;
use super::{Checker, Source, is_given};
use crate::codes;
use crate::diagnostic::{Diagnostic, Location, quoted};
use crate::locations::Kind;
use crate::registry::{Record, RequirementLevel, SetTime};
use crate::resolve::Reference;
use crate::schema::{GroupDef, Located, RecordNotes};

/// Checks a record against its span.
pub(super) fn check(group: &GroupDef, notes: &RecordNotes, checker: &mut Checker<'_>) -> Record {
    let id = &group.id.value;
    check_set(checker.group_references(id), checker);
    if let Some(on) = &notes.on
        && checker.names.expect(Kind::Span, on)
    {
        check_span(group, notes, on, checker);
    }
    if let Some(event) = &notes.event
        && checker.names.expect(Kind::Event, event)
    {
        check_event(group, notes, event, checker);
    }
    Record {
        name: name(group, notes).to_owned(),
        on: notes
            .on
            .as_ref()
            .map(|on| on.value.clone())
            .unwrap_or_default(),
        phases: values(&notes.phases),
        metrics: checker.links.metrics_of(&Source::Record(id.clone())),
        event: notes.event.as_ref().map(|event| event.value.clone()),
    }
}

fn name<'a>(group: &'a GroupDef, notes: &'a RecordNotes) -> &'a str {
    let id = &group.id.value;
    notes
        .name
        .as_ref()
        .map_or_else(|| id.rsplit('.').next().unwrap_or(id), |name| &name.value)
}

/// What is recorded on an open span comes later by nature.
fn check_set(references: &[Reference], checker: &mut Checker<'_>) {
    for reference in references {
        if let Some(set) = reference
            .notes
            .set
            .as_ref()
            .filter(|set| set.value == SetTime::Start)
        {
            checker.push(
                Diagnostic::new(
                    codes::INVALID_SET,
                    set.at,
                    format!(
                        "{} is part of a record, which is never made at the start",
                        quoted(&reference.key.value)
                    ),
                )
                .with_help("leave `set` out"),
            );
        }
    }
}

fn check_span(
    group: &GroupDef,
    notes: &RecordNotes,
    on: &Located<String>,
    checker: &mut Checker<'_>,
) {
    let Some(contract) = checker.contract(&on.value) else {
        let at = checker.names.definitions.locations.span(&on.value);
        checker.push(
            Diagnostic::new(
                codes::INVALID_RECORD,
                on.at,
                format!(
                    "{} has no contract, so nothing can be recorded on it",
                    quoted(&on.value)
                ),
            )
            .with_secondary(at, "defined here"),
        );
        return;
    };
    if contract.type_per.is_some() {
        checker.check_phases(&notes.phases, &on.value);
    } else if let Some(phase) = notes.phases.first() {
        checker.push(
            Diagnostic::new(
                codes::INVALID_PHASES,
                phase.at,
                format!("{} has no phases", quoted(&on.value)),
            )
            .with_help("a span has phases if its contract has a `type_per`"),
        );
    }
    check_name(group, notes, on, checker);
    check_overlap(group, on, checker);
}

/// The records of the same span that come before this one by id.
fn earlier<'a>(
    group: &GroupDef,
    on: &str,
    checker: &Checker<'a>,
) -> Vec<(&'a GroupDef, &'a RecordNotes)> {
    let records = checker.links.records.get(on).into_iter().flatten();
    records
        .take_while(|id| **id != group.id.value)
        .filter_map(|id| checker.records.get(id.as_str()).copied())
        .collect()
}

fn check_name(
    group: &GroupDef,
    notes: &RecordNotes,
    on: &Located<String>,
    checker: &mut Checker<'_>,
) {
    let at = |group: &GroupDef, notes: &RecordNotes| {
        notes.name.as_ref().map_or(group.id.at, |name| name.at)
    };
    let own = name(group, notes);
    let mut earlier = earlier(group, &on.value, checker).into_iter();
    if let Some((other, other_notes)) = earlier.find(|(other, notes)| name(other, notes) == own) {
        checker.push(
            Diagnostic::new(
                codes::DUPLICATE_RECORD,
                at(group, notes),
                format!(
                    "{} has two records named {}",
                    quoted(&on.value),
                    quoted(own)
                ),
            )
            .with_secondary(at(other, other_notes), "the first")
            .with_help("give one of them another `name`"),
        );
    }
}

/// An attribute of a span has one way to get onto it.
fn check_overlap(group: &GroupDef, on: &Located<String>, checker: &mut Checker<'_>) {
    let mut taken: Vec<(&str, Location, &str)> = Vec::new();
    for reference in checker.own_references(&on.value) {
        taken.push((&reference.key.value, reference.key.at, &on.value));
    }
    for (other, _) in earlier(group, &on.value, checker) {
        for reference in checker.group_references(&other.id.value) {
            taken.push((&reference.key.value, reference.key.at, &other.id.value));
        }
    }
    for reference in checker.group_references(&group.id.value) {
        let key = reference.key.value.as_str();
        let Some((_, at, owner)) = taken.iter().find(|(other, ..)| *other == key) else {
            continue;
        };
        checker.push(
            Diagnostic::new(
                codes::RECORD_OVERLAP,
                reference.key.at,
                format!(
                    "{} is on {} already, and comes with the record {} again",
                    quoted(key),
                    quoted(&on.value),
                    quoted(&group.id.value)
                ),
            )
            .with_secondary(*at, format!("referred to by {}", quoted(owner)))
            .with_help("leave it out of one of them"),
        );
    }
}

/// The event that goes out with a record takes its attributes from the record and its span.
fn check_event(
    group: &GroupDef,
    notes: &RecordNotes,
    event: &Located<String>,
    checker: &mut Checker<'_>,
) {
    let needed = checker
        .resolved
        .events
        .get(&event.value)
        .map_or(&[][..], Vec::as_slice);
    let span = notes
        .on
        .as_ref()
        .map_or(&[][..], |on| checker.own_references(&on.value));
    for reference in needed {
        let key = &reference.key.value;
        let required =
            reference.level == Some(RequirementLevel::Required) && reference.notes.value.is_none();
        let recorded = checker
            .group_references(&group.id.value)
            .iter()
            .any(|it| it.key.value == *key);
        let on_span = span.iter().any(|it| it.key.value == *key && is_given(it));
        let inherited = checker
            .resolved
            .attributes
            .get(key)
            .is_none_or(|attribute| attribute.inherited);
        if required && !recorded && !on_span && !inherited {
            checker.push(
                Diagnostic::new(
                    codes::RECORD_EVENT,
                    event.at,
                    format!(
                        "{} needs {}, which this record does not give",
                        quoted(&event.value),
                        quoted(key)
                    ),
                )
                .with_secondary(reference.key.at, "required here")
                .with_help(format!("add `- ref: {key}` to the record's attributes")),
            );
        }
    }
}
