//! Span contracts: builders, parents, phases.

use std::collections::BTreeSet;

use super::{Checker, is_outcome};
use crate::codes;
use crate::diagnostic::{Diagnostic, quoted};
use crate::graph::{Edges, walk};
use crate::locations::Kind;
use crate::registry::{AttributeType, Contract, RequirementLevel, SetTime};
use crate::resolve::Reference;
use crate::schema::{Located, SpanDef, SpanNotes};

/// Checks a span's references, and its contract if it has one.
pub(super) fn check<'a>(span: &'a SpanDef, checker: &mut Checker<'a>) -> Option<Contract> {
    let own = checker.own_references(&span.ty.value);
    checker.check_sensitive(own);
    check_sampling(own, checker);
    check_outcomes(span, checker);
    let notes = span.notes.as_ref()?;
    check_builder(span, notes, checker);
    check_place(span, notes, checker);
    check_type_per(span, notes, checker);
    Some(Contract {
        builder: notes
            .builder
            .as_ref()
            .map(|it| it.value.clone())
            .unwrap_or_default(),
        root: notes.root,
        parents: values(&notes.parents),
        phases: values(&notes.phases),
        type_per: notes.type_per.as_ref().map(|it| it.value.clone()),
        immediate: notes.immediate,
    })
}

pub(super) fn values(names: &[Located<String>]) -> Vec<String> {
    names.iter().map(|name| name.value.clone()).collect()
}

/// Samplers decide before anything set later is known.
fn check_sampling(references: &[Reference], checker: &mut Checker<'_>) {
    for reference in references {
        let Some(sampling) = reference.sampling_relevant.as_ref().filter(|it| it.value) else {
            continue;
        };
        let Some(set) = reference
            .notes
            .set
            .as_ref()
            .filter(|it| it.value != SetTime::Start)
        else {
            continue;
        };
        checker.push(
            Diagnostic::new(
                codes::INVALID_SET,
                set.at,
                format!(
                    "{} is relevant for sampling, so it has to be given at the start",
                    quoted(&reference.key.value)
                ),
            )
            .with_secondary(sampling.at, "marked as relevant here"),
        );
    }
}

fn check_outcomes(span: &SpanDef, checker: &mut Checker<'_>) {
    let ty = &span.ty.value;
    let records = checker.links.records.get(ty).into_iter().flatten();
    let recorded = records.flat_map(|id| checker.group_references(id));
    let mut outcomes = checker
        .own_references(ty)
        .iter()
        .chain(recorded)
        .filter(|it| is_outcome(it));
    let Some(first) = outcomes.next() else { return };
    let further: Vec<&Reference> = outcomes.collect();
    for other in further {
        let at = other
            .notes
            .outcome
            .as_ref()
            .map_or(other.key.at, |it| it.at);
        checker.push(
            Diagnostic::new(
                codes::INVALID_OUTCOME,
                at,
                format!("{} has two attributes that tell how it ended", quoted(ty)),
            )
            .with_secondary(first.key.at, "the first"),
        );
    }
}

fn check_builder<'a>(span: &SpanDef, notes: &'a SpanNotes, checker: &mut Checker<'a>) {
    let Some(builder) = &notes.builder else {
        if notes.unread {
            return;
        }
        checker.push(
            Diagnostic::new(
                codes::INCOMPLETE_CONTRACT,
                notes.at,
                format!(
                    "the contract of {} names no `builder`",
                    quoted(&span.ty.value)
                ),
            )
            .with_help("add the name of the function that starts it, such as `builder: chat_span`"),
        );
        return;
    };
    if !is_builder_name(&builder.value) {
        checker.push(
            Diagnostic::new(
                codes::INVALID_BUILDER,
                builder.at,
                format!("{} can't name a builder", quoted(&builder.value)),
            )
            .with_help("write lowercase words joined by `_`, the last of which is `span`"),
        );
    }
    let first = checker.builders.entry(&builder.value).or_insert(builder.at);
    if *first != builder.at {
        let first = *first;
        checker.push(
            Diagnostic::new(
                codes::DUPLICATE_BUILDER,
                builder.at,
                format!("two spans have the builder {}", quoted(&builder.value)),
            )
            .with_secondary(first, "first given here"),
        );
    }
}

fn is_builder_name(name: &str) -> bool {
    let words = name.strip_suffix("_span").unwrap_or_default();
    words.starts_with(|c: char| c.is_ascii_lowercase())
        && !words.ends_with('_')
        && !words.contains("__")
        && words
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Where the span may stand: under which parents, in which of their phases.
fn check_place(span: &SpanDef, notes: &SpanNotes, checker: &mut Checker<'_>) {
    if !notes.root && notes.parents.is_empty() && !notes.unread {
        checker.push(
            Diagnostic::new(
                codes::INCOMPLETE_CONTRACT,
                notes.at,
                format!(
                    "the contract of {} lets it stand nowhere",
                    quoted(&span.ty.value)
                ),
            )
            .with_help("add the `parents` it stands under, or `root: true`"),
        );
    }
    for parent in &notes.parents {
        if checker.names.expect(Kind::Span, parent) && checker.contract(&parent.value).is_none() {
            let at = checker.names.definitions.locations.span(&parent.value);
            checker.push(
                Diagnostic::new(
                    codes::INVALID_PARENT,
                    parent.at,
                    format!(
                        "{} has no contract, so nothing can stand under it",
                        quoted(&parent.value)
                    ),
                )
                .with_secondary(at, "defined here"),
            );
        }
    }
    checker.check_distinct(&notes.parents);
    let Some(first_phase) = notes.phases.first() else {
        return;
    };
    let with_phases: Vec<&str> = notes
        .parents
        .iter()
        .map(|parent| parent.value.as_str())
        .filter(|parent| {
            checker
                .contract(parent)
                .is_some_and(|notes| notes.type_per.is_some())
        })
        .collect();
    match with_phases.as_slice() {
        [parent] => checker.check_phases(&notes.phases, parent),
        // An unknown parent may be the one that was meant.
        [] if notes
            .parents
            .iter()
            .any(|parent| checker.contract(&parent.value).is_none_or(|it| it.unread)) => {}
        [] => checker.push(
            Diagnostic::new(
                codes::INVALID_PHASES,
                first_phase.at,
                format!(
                    "{} has phases, but none of its parents does",
                    quoted(&span.ty.value)
                ),
            )
            .with_help("a parent has phases if its contract has a `type_per`"),
        ),
        _ => checker.push(Diagnostic::new(
            codes::INVALID_PHASES,
            first_phase.at,
            format!(
                "{} has phases, but more than one of its parents does",
                quoted(&span.ty.value)
            ),
        )),
    }
}

fn check_type_per(span: &SpanDef, notes: &SpanNotes, checker: &mut Checker<'_>) {
    let Some(key) = &notes.type_per else { return };
    if !checker.names.expect(Kind::Attribute, key) {
        return;
    }
    let references = checker.own_references(&span.ty.value);
    let reference = references.iter().find(|it| it.key.value == key.value);
    let late = |it: &Reference| {
        it.notes
            .set
            .as_ref()
            .is_some_and(|set| set.value != SetTime::Start)
    };
    let problem = match (reference, checker.resolved.type_of(&key.value)) {
        (None, _) => "is no attribute of this span",
        (_, Some(ty)) if !matches!(ty, AttributeType::Enum(_)) => "is no enum",
        (Some(it), _) if it.level != Some(RequirementLevel::Required) && !it.level_unread => {
            "is not required"
        }
        (Some(it), _) if late(it) => "is not given at the start",
        (Some(it), _) if it.notes.value.is_some() => "has a fixed value",
        _ => return,
    };
    let error = Diagnostic::new(
        codes::INVALID_TYPE_PER,
        key.at,
        format!(
            "{} {problem}, so there can't be a type for each of its members",
            quoted(&key.value)
        ),
    );
    let error = match reference {
        Some(reference) => error.with_secondary(reference.key.at, "referred to here"),
        None => error,
    };
    checker.push(error.with_help("`type_per` is a required enum attribute of the span itself"));
}

/// Every span with a contract stands under a root, however far.
///
/// A circle of parents is fine as long as a root leads into it: an agent stands under a tool that
/// stands under an agent.
pub(super) fn check_tree(checker: &mut Checker<'_>) {
    let spans = &checker.names.definitions.spans;
    let mut lost = Edges::new();
    let reached = reached(checker);
    for span in spans {
        let ty = span.ty.value.as_str();
        let Some(notes) = span.notes.as_ref().filter(|_| !reached.contains(ty)) else {
            continue;
        };
        lost.insert(
            ty,
            notes
                .parents
                .iter()
                .map(|parent| (parent.value.as_str(), parent.at))
                .collect(),
        );
    }
    let cycles = walk(&lost).cycles;
    let in_cycle: BTreeSet<&str> = cycles
        .iter()
        .flat_map(|cycle| cycle.names.iter().copied())
        .collect();
    for cycle in &cycles {
        checker.push(
            cycle
                .diagnostic(
                    "these spans stand under each other in a circle that no root leads into",
                )
                .with_help("add `root: true` to one of them, or a parent that a root leads to"),
        );
    }
    for span in spans {
        let ty = span.ty.value.as_str();
        let placed = span
            .notes
            .as_ref()
            .is_some_and(|notes| !notes.parents.is_empty());
        if placed && lost.contains_key(ty) && !in_cycle.contains(ty) {
            checker.push(
                Diagnostic::new(
                    codes::UNREACHABLE_SPAN,
                    span.ty.at,
                    format!("{} stands under no root", quoted(ty)),
                )
                .with_help("one of its parents, or theirs, needs `root: true`"),
            );
        }
    }
}

/// The spans that a root leads to, and those whose parents are already reported as unknown.
fn reached<'a>(checker: &Checker<'a>) -> BTreeSet<&'a str> {
    let spans = &checker.names.definitions.spans;
    let mut children: std::collections::BTreeMap<&str, Vec<&'a str>> =
        std::collections::BTreeMap::new();
    let mut pending: Vec<&'a str> = Vec::new();
    for span in spans {
        let Some(notes) = &span.notes else { continue };
        let ty = span.ty.value.as_str();
        let mut parents = notes.parents.iter();
        let unsure =
            notes.unread || parents.any(|parent| checker.contract(&parent.value).is_none());
        if notes.root || unsure {
            pending.push(ty);
        }
        for parent in &notes.parents {
            children.entry(&parent.value).or_default().push(ty);
        }
    }
    let mut reached = BTreeSet::new();
    while let Some(ty) = pending.pop() {
        if reached.insert(ty) {
            pending.extend(children.get(ty).into_iter().flatten());
        }
    }
    reached
}
