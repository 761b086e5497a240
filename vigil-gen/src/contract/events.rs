//! Events that a span sends when it ends.

use super::{Checker, is_given, is_outcome};
use crate::codes;
use crate::diagnostic::{Diagnostic, quoted};
use crate::locations::Kind;
use crate::registry::RequirementLevel;
use crate::resolve::Reference;
use crate::schema::{EventDef, Located};

/// Collects which span sends which event: one each.
pub(super) fn link(checker: &mut Checker<'_>) {
    let events = &checker.names.definitions.events;
    for (event, span) in events
        .iter()
        .filter_map(|event| Some((event, event.at_end_of.as_ref()?)))
    {
        let first = checker.links.at_end.get(&span.value).map(|(_, at)| *at);
        if let Some(first) = first {
            checker.push(
                Diagnostic::new(
                    codes::END_EVENT,
                    span.at,
                    format!("{} sends another event when it ends", quoted(&span.value)),
                )
                .with_secondary(first, "the first")
                .with_help("a span sends one: put what it says into that"),
            );
        } else {
            let entry = (event.name.value.clone(), span.at);
            checker.links.at_end.insert(span.value.clone(), entry);
        }
    }
}

/// Checks an event against the span that sends it.
pub(super) fn check(event: &EventDef, references: &[Reference], checker: &mut Checker<'_>) {
    let Some(span) = &event.at_end_of else {
        return;
    };
    if !checker.names.expect(Kind::Span, span) {
        return;
    }
    if checker.contract(&span.value).is_none() {
        let at = checker.names.definitions.locations.span(&span.value);
        checker.push(
            Diagnostic::new(
                codes::END_EVENT,
                span.at,
                format!(
                    "{} has no contract, so it sends nothing when it ends",
                    quoted(&span.value)
                ),
            )
            .with_secondary(at, "defined here"),
        );
        return;
    }
    if event.keep_last {
        checker.push(
            Diagnostic::new(
                codes::END_EVENT,
                span.at,
                format!(
                    "{} is sent when its span ends, which keeps nothing after that",
                    quoted(&event.name.value)
                ),
            )
            .with_help("leave `keep_last` out"),
        );
    }
    check_records(event, span, checker);
    for reference in references {
        check_reference(event, span, reference, checker);
    }
}

/// What goes out with a record must not go out without it.
fn check_records(event: &EventDef, span: &Located<String>, checker: &mut Checker<'_>) {
    let name = &event.name.value;
    let records = checker.records.iter().filter_map(|(id, (_, notes))| {
        let sent = notes.event.as_ref().filter(|sent| sent.value == *name)?;
        Some((*id, sent.at))
    });
    for (id, at) in records.collect::<Vec<_>>() {
        checker.push(
            Diagnostic::new(
                codes::END_EVENT,
                span.at,
                format!(
                    "{} goes out with the record {}, so no span sends it when it ends",
                    quoted(name),
                    quoted(id)
                ),
            )
            .with_secondary(at, "named here"),
        );
    }
}

/// The event takes its attributes from the span as it ends.
fn check_reference(
    event: &EventDef,
    span: &Located<String>,
    reference: &Reference,
    checker: &mut Checker<'_>,
) {
    if reference.notes.value.is_some() {
        return;
    }
    let key = &reference.key.value;
    let Some(attribute) = checker.resolved.attributes.get(key) else {
        return;
    };
    let own: Vec<&Reference> = checker
        .own_references(&span.value)
        .iter()
        .filter(|it| it.key.value == *key)
        .collect();
    let records = checker.links.records.get(&span.value);
    let recorded: Vec<&Reference> = records
        .into_iter()
        .flatten()
        .flat_map(|id| checker.group_references(id))
        .filter(|it| it.key.value == *key)
        .collect();
    let inherited = attribute.inherited || attribute.filled_from.is_some();
    let message = if own.is_empty() && recorded.is_empty() && !inherited {
        format!(
            "{} has no {}, so its event never has it",
            quoted(&span.value),
            quoted(key)
        )
    } else if reference.level == Some(RequirementLevel::Required)
        && !own.iter().any(|it| is_given(it) || is_outcome(it))
        && !recorded.iter().any(|it| is_outcome(it))
        && !checker.always_inherited(key)
    {
        format!(
            "{} needs {}, which {} does not always have",
            quoted(&event.name.value),
            quoted(key),
            quoted(&span.value)
        )
    } else {
        return;
    };
    let error = Diagnostic::new(codes::END_EVENT, reference.key.at, message)
        .with_secondary(span.at, "sent when this span ends")
        .with_help(if own.is_empty() && recorded.is_empty() && !inherited {
            format!("leave it out, or add `- ref: {key}` to the span")
        } else {
            "ask less of the event, or require it on the span".to_owned()
        });
    checker.push(error);
}
