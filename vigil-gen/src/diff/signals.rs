//! Groups, spans with their contracts, metrics with what they derive from, events and entities.

use std::collections::BTreeSet;

use super::{Comparison, Place, Rule, json, rules};
use crate::diagnostic::quoted;
use crate::registry::{
    AttributeRef, Contract, Entity, Event, Group, Measure, MeasuredValue, Metric, NamePart, Record,
    Registry, Span, SpanName,
};

impl<'a> Comparison<'a> {
    pub(super) fn group(&mut self, place: Place<'a>, before: &'a Group, after: &'a Group) {
        match (&before.record, &after.record) {
            (Some(old), Some(new)) => {
                self.references(place, &before.attributes, &after.attributes);
                self.record(place, old, new);
            }
            (None, Some(_)) => self.push(place, rules::RECORD_ADDED, "a record now"),
            (Some(_), None) => self.push(place, rules::RECORD_REMOVED, "no record any more"),
            // What a group holds is told of at the signals that take it in.
            (None, None) => {}
        }
    }

    fn record(&mut self, place: Place<'a>, old: &'a Record, new: &'a Record) {
        self.word(place, rules::RECORD_METHOD, "method", &old.name, &new.name);
        self.word(place, rules::RECORD_SPAN, "span", &old.on, &new.on);
        let phases = (&*old.phases, &*new.phases);
        self.phases(place, phases, rules::RECORD_IN_ALL_PHASES);
        let rule = match old.event {
            None => rules::RECORD_EVENT_ADDED,
            Some(_) => rules::RECORD_EVENT_REMOVED,
        };
        self.word(place, rule, "event", &json(&old.event), &json(&new.event));
    }

    pub(super) fn span(&mut self, place: Place<'a>, before: &'a Span, after: &'a Span) {
        let kinds = (json(&before.kind), json(&after.kind));
        self.word(place, rules::SPAN_KIND, "kind", &kinds.0, &kinds.1);
        let names = (span_name(&before.name), span_name(&after.name));
        self.word(place, rules::SPAN_NAME, "name", &names.0, &names.1);
        self.references(place, &before.attributes, &after.attributes);
        match (&before.contract, &after.contract) {
            (Some(old), Some(new)) => self.contract(place, old, new),
            (None, Some(_)) => self.push(place, rules::CONTRACT_ADDED, "has a contract now"),
            (Some(_), None) => {
                self.push(place, rules::CONTRACT_REMOVED, "has no contract any more");
            }
            (None, None) => {}
        }
        let rule = match before.stream {
            None => rules::STREAM_ADDED,
            Some(_) => rules::STREAM_OTHER,
        };
        self.word(place, rule, "stream", &stream(before), &stream(after));
        let entities = (
            json(&before.entity_associations),
            json(&after.entity_associations),
        );
        self.word(place, rules::ENTITIES, "entities", &entities.0, &entities.1);
    }

    fn contract(&mut self, place: Place<'a>, old: &'a Contract, new: &'a Contract) {
        self.word(
            place,
            rules::SPAN_BUILDER,
            "builder",
            &old.builder,
            &new.builder,
        );
        match (old.root, new.root) {
            (false, true) => self.push(place, rules::ROOT_ADDED, "a root now"),
            (true, false) => self.push(place, rules::ROOT_REMOVED, "no root any more"),
            _ => {}
        }
        let parents = (old.parents.as_slice(), new.parents.as_slice());
        self.names(
            place,
            "parent",
            parents,
            rules::PARENT_ADDED,
            rules::PARENT_REMOVED,
        );
        let phases = (&*old.phases, &*new.phases);
        self.phases(place, phases, rules::PHASES_WIDENED);
        let per = (json(&old.type_per), json(&new.type_per));
        self.word(place, rules::TYPE_PER, "`type_per`", &per.0, &per.1);
        let immediate = (json(&old.immediate), json(&new.immediate));
        self.word(
            place,
            rules::IMMEDIATE,
            "`immediate`",
            &immediate.0,
            &immediate.1,
        );
    }

    /// Phases where something may be; an empty list means all of them.
    fn phases(
        &mut self,
        place: Place<'a>,
        (old, new): (&[String], &[String]),
        to_all: &'static Rule,
    ) {
        let (added, removed) = (rules::PHASES_WIDENED, rules::PHASES_NARROWED);
        match (old, new) {
            ([], []) => {}
            ([], new) => self.word(place, removed, "phases", "all", &new.join(", ")),
            (old, []) => self.word(place, to_all, "phases", &old.join(", "), "all"),
            (old, new) => self.names(place, "phase", (old, new), added, removed),
        }
    }

    /// Names of a list, whose order plays no part.
    fn names(
        &mut self,
        place: Place<'a>,
        of: &str,
        (old, new): (&[String], &[String]),
        added: &'static Rule,
        removed: &'static Rule,
    ) {
        for name in old.iter().filter(|name| !new.contains(name)) {
            self.push(place, removed, format!("{of} {} removed", quoted(name)));
        }
        for name in new.iter().filter(|name| !old.contains(name)) {
            self.push(place, added, format!("{of} {} added", quoted(name)));
        }
    }

    pub(super) fn metric(&mut self, place: Place<'a>, before: &'a Metric, after: &'a Metric) {
        let instruments = (json(&before.instrument), json(&after.instrument));
        self.word(
            place,
            rules::METRIC_INSTRUMENT,
            "instrument",
            &instruments.0,
            &instruments.1,
        );
        self.word(place, rules::METRIC_UNIT, "unit", &before.unit, &after.unit);
        let types = (json(&before.value_type), json(&after.value_type));
        self.word(
            place,
            rules::METRIC_VALUE_TYPE,
            "value type",
            &types.0,
            &types.1,
        );
        let boundaries = (numbers(&before.boundaries), numbers(&after.boundaries));
        self.word(
            place,
            rules::METRIC_BOUNDARIES,
            "boundaries",
            &boundaries.0,
            &boundaries.1,
        );
        self.references(place, &before.attributes, &after.attributes);
        let (old, new) = (
            sources(self.before, place.name),
            sources(self.after, place.name),
        );
        for source in old.difference(&new) {
            let what = format!("does not derive from {source} any more");
            self.push(place, rules::METRIC_DERIVED_NO_MORE, what);
        }
        for source in new.difference(&old) {
            self.push(
                place,
                rules::METRIC_DERIVED,
                format!("derives from {source}"),
            );
        }
        if !before.measures.is_empty() && !after.measures.is_empty() {
            let measures = (measures(&before.measures), measures(&after.measures));
            self.word(
                place,
                rules::METRIC_MEASURES,
                "`measures`",
                &measures.0,
                &measures.1,
            );
        }
        let is_only = |it: &Metric| {
            let opt_in = it.stability_opt_in.as_ref();
            opt_in.is_some_and(|it| it.replaced_by.is_empty())
        };
        let rule = match (&before.stability_opt_in, &after.stability_opt_in) {
            (_, Some(_)) if is_only(after) && !is_only(before) => rules::METRIC_OPT_IN_ONLY,
            (None, _) => rules::METRIC_OPT_IN,
            (_, None) if is_only(before) => rules::METRIC_OPT_IN_LIFTED,
            _ => rules::METRIC_OPT_IN_OTHER,
        };
        let opt_ins = (
            json(&before.stability_opt_in),
            json(&after.stability_opt_in),
        );
        self.word(place, rule, "`stability_opt_in`", &opt_ins.0, &opt_ins.1);
        let entities = (
            json(&before.entity_associations),
            json(&after.entity_associations),
        );
        self.word(place, rules::ENTITIES, "entities", &entities.0, &entities.1);
    }

    pub(super) fn event(&mut self, place: Place<'a>, before: &'a Event, after: &'a Event) {
        self.references(place, &before.attributes, &after.attributes);
        match (before.keep_last, after.keep_last) {
            (false, true) => self.push(
                place,
                rules::EVENT_KEPT,
                "the span keeps the last values now",
            ),
            (true, false) => {
                self.push(
                    place,
                    rules::EVENT_KEPT_NO_MORE,
                    "the span does not keep the last values any more",
                );
            }
            _ => {}
        }
        let rule = match before.at_end_of {
            None => rules::EVENT_AT_END,
            Some(_) => rules::EVENT_AT_END_NO_MORE,
        };
        let ends = (json(&before.at_end_of), json(&after.at_end_of));
        self.word(place, rule, "`at_end_of`", &ends.0, &ends.1);
        self.body(place, before.body.as_ref(), after.body.as_ref());
        let entities = (
            json(&before.entity_associations),
            json(&after.entity_associations),
        );
        self.word(place, rules::ENTITIES, "entities", &entities.0, &entities.1);
    }

    pub(super) fn entity(&mut self, place: Place<'a>, before: &'a Entity, after: &'a Entity) {
        let identity = (keys(&before.identity), keys(&after.identity));
        self.word(
            place,
            rules::ENTITY_IDENTITY,
            "identity",
            &identity.0,
            &identity.1,
        );
        let description = (keys(&before.description), keys(&after.description));
        self.word(
            place,
            rules::ENTITY_DESCRIPTION,
            "description",
            &description.0,
            &description.1,
        );
    }
}

/// What feeds a metric.
pub(super) fn sources(registry: &Registry, metric: &str) -> BTreeSet<String> {
    let mut sources = BTreeSet::new();
    for (ty, span) in &registry.spans {
        let streams = span
            .stream
            .iter()
            .filter_map(|it| it.time_per_output_chunk.as_ref());
        if span.metrics.iter().chain(streams).any(|it| it == metric) {
            sources.insert(format!("span {}", quoted(ty)));
        }
    }
    for (id, group) in &registry.groups {
        let mut records = group.record.iter();
        if records.any(|it| it.metrics.iter().any(|it| it == metric)) {
            sources.insert(format!("record {}", quoted(id)));
        }
    }
    sources
}

/// What sends an event without being asked to.
pub(super) fn senders(registry: &Registry, event: &str) -> BTreeSet<String> {
    let at_end_of = registry.events.get(event).map(|it| &it.at_end_of);
    let spans = at_end_of.into_iter().flatten();
    let spans = spans.map(|ty| format!("span {}", quoted(ty)));
    let sends = |record: &Record| record.event.as_deref() == Some(event);
    let groups = registry.groups.iter();
    let records = groups.filter(|(_, it)| it.record.as_ref().is_some_and(sends));
    let records = records.map(|(id, _)| format!("record {}", quoted(id)));
    spans.chain(records).collect()
}

/// What is set by the chunks of a span, by name.
fn stream(span: &Span) -> String {
    let Some(stream) = &span.stream else {
        return String::new();
    };
    let first = Some(&stream.time_to_first_chunk);
    let names = [
        stream.flag.as_ref(),
        first,
        stream.time_per_output_chunk.as_ref(),
    ];
    let names: Vec<&str> = names.into_iter().flatten().map(String::as_str).collect();
    names.join(", ")
}

/// A span's name as it is written.
fn span_name(name: &SpanName) -> String {
    match name {
        SpanName::Prose(text) => text.clone(),
        SpanName::Pattern(parts) => {
            let words = parts.iter().map(|part| match part {
                NamePart::Word(word) => word.clone(),
                NamePart::Key(key) => format!("{{{key}}}"),
            });
            words.collect::<Vec<_>>().join(" ")
        }
    }
}

/// What a metric measures, as one writes it.
fn measures(measures: &[Measure]) -> String {
    let words = measures.iter().map(|it| {
        let value = match &it.value {
            MeasuredValue::Attribute(key) => format!("attribute: {key}"),
            plain => json(plain),
        };
        let with = it
            .with
            .iter()
            .map(|(key, to)| format!("{key}: {}", json(to)));
        let with: Vec<String> = with.collect();
        if with.is_empty() {
            value
        } else {
            format!("{value} with {}", with.join(", "))
        }
    });
    words.collect::<Vec<_>>().join("; ")
}

fn numbers(numbers: &[f64]) -> String {
    let words: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    words.join(", ")
}

fn keys(references: &[AttributeRef]) -> String {
    let mut keys: Vec<&str> = references.iter().map(|it| it.key.as_str()).collect();
    keys.sort_unstable();
    keys.join(", ")
}
