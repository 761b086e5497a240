//! What has other names for whoever opts in: nothing else has them in the same place, and metrics
//! take over what others measured.

use std::collections::{BTreeMap, BTreeSet};

use super::Checker;
use super::metrics::{check_members, member_values};
use crate::codes;
use crate::diagnostic::{Diagnostic, Location, quoted};
use crate::locations::Kind;
use crate::registry::{Instrument, OptInMetric, Replacement, RequirementLevel};
use crate::resolve::Reference;
use crate::schema::{MetricDef, OptInMetricDef, ReplacementDef};

/// Checks that in no place two attributes have one key.
pub(super) fn check(checker: &mut Checker<'_>) {
    let inherited = inherited(checker);
    let resolved = checker.resolved;
    for (ty, span) in &resolved.spans {
        let records = checker.links.records.get(ty).into_iter().flatten();
        let recorded = records.flat_map(|id| checker.group_references(id));
        let all: Vec<&Reference> = span.references.iter().chain(recorded).collect();
        check_keys(ty, &all, &inherited, checker);
    }
    let metrics = resolved.metrics.iter();
    for (name, references) in metrics.chain(&resolved.events) {
        let all: Vec<&Reference> = references.iter().collect();
        check_keys(name, &all, &[], checker);
    }
}

/// A key that an attribute has then, and where that is said.
type Renamed<'a> = (&'a str, &'a str, Location);

/// What stands on every span, whoever declares it.
fn inherited<'a>(checker: &Checker<'a>) -> Vec<Renamed<'a>> {
    let definitions = checker.names.definitions.attributes.iter();
    let renamed = definitions.filter_map(|it| {
        let opt_in = it.notes.opt_in.as_ref()?;
        let attribute = checker.resolved.attributes.get(&it.key.value)?;
        attribute.inherited.then_some((
            it.key.value.as_str(),
            opt_in.renamed_to.value.as_str(),
            opt_in.renamed_to.at,
        ))
    });
    renamed.collect()
}

fn check_keys(
    whose: &str,
    references: &[&Reference],
    inherited: &[Renamed<'_>],
    checker: &mut Checker<'_>,
) {
    let definitions = &checker.names.definitions.attributes;
    let renamed = references.iter().filter_map(|reference| {
        let key = reference.key.value.as_str();
        let here = reference.notes.opt_in.as_ref();
        let opt_in = here.or_else(|| {
            let attribute = checker.resolved.attributes.get(key)?;
            attribute.stability_opt_in.as_ref()?;
            let definition = definitions.iter().find(|it| it.key.value == key)?;
            definition.notes.opt_in.as_ref()
        })?;
        Some((key, opt_in.renamed_to.value.as_str(), opt_in.renamed_to.at))
    });
    let mut renamed: Vec<Renamed<'_>> = renamed.collect();
    let declares = |key: &str| references.iter().any(|it| it.key.value == key);
    renamed.extend(inherited.iter().filter(|(key, ..)| !declares(key)));
    let mut taken: BTreeMap<&str, (&str, Location)> = references
        .iter()
        .map(|it| (it.key.value.as_str(), (it.key.value.as_str(), it.key.at)))
        .collect();
    let mut clashes = Vec::new();
    for (key, to, at) in renamed {
        if let Some((other, there)) = taken.insert(to, (key, at))
            && other != key
        {
            let message = format!(
                "on {} this is the key of {} as well, and {} would stand there twice",
                quoted(whose),
                quoted(other),
                quoted(to)
            );
            clashes.push(
                Diagnostic::new(codes::INVALID_OPT_IN, at, message)
                    .with_secondary(there, "the other one"),
            );
        }
    }
    checker.names.diagnostics.extend(clashes);
}

/// Checks what becomes of a metric.
pub(super) fn metric(metric: &MetricDef, checker: &mut Checker<'_>) -> Option<OptInMetric> {
    let opt_in = metric.notes.opt_in.as_ref()?;
    let items = opt_in.replaced_by.as_deref().unwrap_or_default();
    if let Some(deprecated) = metric.docs.deprecated.as_ref() {
        let message = format!(
            "{} is deprecated, for everybody: there is nothing to opt in to",
            quoted(&metric.name.value)
        );
        checker.push(
            Diagnostic::new(codes::INVALID_OPT_IN, opt_in.at, message)
                .with_secondary(deprecated.at, "deprecated here"),
        );
    }
    for (index, item) in items.iter().enumerate() {
        check_replacement(metric, opt_in, item, checker);
        if let Some(first) = items[..index].iter().find(|first| overlap(first, item)) {
            let message = format!(
                "some measurements would be counted twice by {}",
                quoted(&item.metric.value)
            );
            checker.push(
                Diagnostic::new(codes::INVALID_OPT_IN, item.metric.at, message)
                    .with_secondary(first.metric.at, "first given here")
                    .with_help("tell them apart with `where`: another member of one attribute"),
            );
        }
    }
    let replaced_by = items.iter().map(|item| Replacement {
        metric: item.metric.value.clone(),
        only: member_values(&item.only, checker),
        with: member_values(&item.with, checker),
    });
    Some(OptInMetric {
        category: opt_in.category.clone(),
        replaced_by: replaced_by.collect(),
    })
}

/// Whether there may be a measurement that both take, for one metric.
fn overlap(one: &ReplacementDef, other: &ReplacementDef) -> bool {
    let apart = one.only.iter().any(|(key, member)| {
        let mut others = other.only.iter();
        others.any(|(other, value)| other.value == key.value && value.value != member.value)
    });
    one.metric.value == other.metric.value && !apart
}

fn check_replacement(
    metric: &MetricDef,
    opt_in: &OptInMetricDef,
    item: &ReplacementDef,
    checker: &mut Checker<'_>,
) {
    let name = &metric.name.value;
    let resolved = checker.resolved;
    let own = resolved.metrics.get(name).map_or(&[][..], Vec::as_slice);
    check_members(&item.only, name, own, codes::INVALID_OPT_IN, checker);
    if !checker.names.expect(Kind::Metric, &item.metric) {
        return;
    }
    let target = &item.metric.value;
    let definitions = checker.names.definitions;
    let Some(definition) = definitions
        .metrics
        .iter()
        .find(|it| it.name.value == *target && it.refines.is_none())
    else {
        return;
    };
    let theirs = resolved.metrics.get(target).map_or(&[][..], Vec::as_slice);
    check_members(&item.with, target, theirs, codes::INVALID_OPT_IN, checker);
    if let Some((problem, help)) = problem(metric, opt_in, definition, checker) {
        checker.push(
            Diagnostic::new(codes::INVALID_OPT_IN, item.metric.at, problem)
                .with_secondary(definition.name.at, "defined here")
                .with_help_if(help),
        );
    }
    check_required(metric, item, own, theirs, checker);
}

/// Why one metric can't take the other's place.
fn problem(
    metric: &MetricDef,
    opt_in: &OptInMetricDef,
    target: &MetricDef,
    checker: &Checker<'_>,
) -> Option<(String, Option<String>)> {
    let (old, new) = (quoted(&metric.name.value), quoted(&target.name.value));
    if metric.name.value == target.name.value {
        return Some((format!("{old} is replaced by itself"), None));
    }
    if target.docs.deprecated.is_some() {
        return Some((
            format!("{new} is deprecated, so nobody opts in to it"),
            None,
        ));
    }
    let Some(theirs) = &target.notes.opt_in else {
        let help = format!(
            "add `stability_opt_in: {{ category: {} }}` to the annotations of {new}",
            opt_in.category
        );
        let problem = format!("{new} is emitted whatever is opted in to");
        return Some((problem, Some(help)));
    };
    if theirs.category != opt_in.category {
        let problem = format!(
            "{new} is of the category {}, unlike {old}",
            quoted(&theirs.category)
        );
        return Some((problem, None));
    }
    if theirs.replaced_by.is_some() {
        return Some((
            format!("{new} is replaced itself: name what takes its place"),
            None,
        ));
    }
    let sources = checker.links.sources.get(&target.name.value);
    if let Some(source) = sources.and_then(|it| it.keys().next()) {
        let problem = format!(
            "{new} derives from {}, and what it takes from {old} would be counted twice",
            quoted(source.name())
        );
        let help = "take its `measures` out, and its name off what feeds it".to_owned();
        return Some((problem, Some(help)));
    }
    let counts = |it: &MetricDef| match it.instrument? {
        Instrument::Histogram | Instrument::Counter => Some(true),
        Instrument::UpDownCounter | Instrument::Gauge => Some(false),
    };
    let fits = metric.instrument == target.instrument
        || counts(metric) == Some(true) && target.instrument == Some(Instrument::Counter)
        || counts(metric).is_none()
        || counts(target).is_none();
    let problem = if metric.unit != target.unit {
        format!("{new} is in another unit than {old}")
    } else if metric.value_type != target.value_type {
        format!("{new} is of another value type than {old}")
    } else if !fits {
        format!("{new} is no instrument for what {old} measures")
    } else {
        return None;
    };
    Some((problem, None))
}

/// A measurement that is handed on has no caller to ask for what the other metric requires.
fn check_required(
    metric: &MetricDef,
    item: &ReplacementDef,
    own: &[Reference],
    theirs: &[Reference],
    checker: &mut Checker<'_>,
) {
    let always = |it: &&Reference| super::is_given(it);
    let given: BTreeSet<&str> = own
        .iter()
        .filter(always)
        .map(|it| it.key.value.as_str())
        .chain(item.with.iter().map(|(key, _)| key.value.as_str()))
        .chain(item.only.iter().map(|(key, _)| key.value.as_str()))
        .collect();
    for reference in theirs {
        let key = reference.key.value.as_str();
        if reference.level != Some(RequirementLevel::Required)
            || reference.notes.value.is_some()
            || given.contains(key)
        {
            continue;
        }
        checker.push(
            Diagnostic::new(
                codes::UNAVAILABLE_ATTRIBUTE,
                item.metric.at,
                format!(
                    "{} is required on {}, but {} does not always have it",
                    quoted(key),
                    quoted(&item.metric.value),
                    quoted(&metric.name.value)
                ),
            )
            .with_secondary(reference.key.at, "required here")
            .with_help("give it under `with`, or ask for less on the metric"),
        );
    }
}
