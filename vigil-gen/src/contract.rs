//! What `annotations.vigil` promises: where spans may stand, what is recorded on them, which
//! metrics derive from them. Checks the promises and completes the registry with them.

mod events;
mod metrics;
mod name;
mod opt_in;
mod records;
mod spans;
mod stream;

use std::collections::{BTreeMap, BTreeSet};

use crate::codes;
use crate::diagnostic::{Diagnostic, Diagnostics, Location, listed, nearest, quoted};
use crate::locations::Kind;
use crate::registry::{
    Aggregate, AttributeRef, AttributeType, Entity, Event, Group, Instrument, NumberType, Registry,
    RequirementLevel, SetTime, Span, SpanKind,
};
use crate::resolve::{self, Reference, Resolved, Resolver};
use crate::schema::{
    AttributeNotes, Definitions, EntityDef, GroupDef, Located, MetricDef, RecordNotes, SpanDef,
    SpanNotes, read_examples_of,
};
use crate::source::SourceMap;

/// Checks all contracts and builds the registry. It is whole only if there were no errors.
pub(crate) fn check(
    definitions: &Definitions,
    resolved: Resolved,
    sources: &SourceMap,
    diagnostics: &mut Diagnostics,
) -> Registry {
    let mut checker = Checker::new(
        Resolver {
            definitions,
            sources,
            diagnostics,
            unfolded: 0,
        },
        &resolved,
    );
    checker.link();
    opt_in::check(&mut checker);
    let mut registry = Registry {
        manifest: definitions.manifest.clone(),
        ..Registry::default()
    };
    spans::check_tree(&mut checker);
    for group in definitions.groups.iter().filter(|group| group.public) {
        registry
            .groups
            .insert(group.id.value.clone(), checker.group(group));
    }
    for span in &definitions.spans {
        registry
            .spans
            .insert(span.ty.value.clone(), checker.span(span));
    }
    for metric in &definitions.metrics {
        let built = metrics::metric(metric, &mut checker);
        // A refinement says more of a metric, but is sent under the metric's own name.
        if metric.refines.is_none() {
            registry.metrics.insert(metric.name.value.clone(), built);
        }
    }
    for event in &definitions.events {
        let references = resolved
            .events
            .get(&event.name.value)
            .map_or(&[][..], Vec::as_slice);
        checker.check_sensitive(references);
        if event.refines.is_some() {
            continue;
        }
        events::check(event, references, &mut checker);
        let attributes = checker.plain_references(references);
        let name = event.name.value.clone();
        let docs = event.docs.over(None);
        registry.events.insert(
            name.clone(),
            Event {
                name,
                docs,
                attributes,
                keep_last: event.keep_last,
                at_end_of: event.at_end_of.as_ref().map(|span| span.value.clone()),
                body: event.body.clone(),
                entity_associations: event.entities.list.clone(),
            },
        );
    }
    for entity in &definitions.entities {
        if entity.refines.is_none() {
            let built = checker.entity(entity);
            registry.entities.insert(built.ty.clone(), built);
        }
    }
    registry.attributes = resolved.attributes;
    registry
}

/// A span or record that feeds a metric.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Span(String),
    Record(String),
    /// The stream of a span, by the span's type.
    Stream(String),
}

impl Source {
    fn name(&self) -> &str {
        match self {
            Source::Span(name) | Source::Record(name) | Source::Stream(name) => name,
        }
    }
}

/// What feeds what, whichever side says so.
#[derive(Debug, Default)]
struct Links {
    /// The sources of each metric, in order, and where the link is given.
    sources: BTreeMap<String, BTreeMap<Source, Location>>,
    /// The metrics of each source, in order.
    metrics: BTreeMap<Source, BTreeSet<String>>,
    /// The records of each span, by id.
    records: BTreeMap<String, Vec<String>>,
    /// The event that each span sends when it ends, and where that is said.
    at_end: BTreeMap<String, (String, Location)>,
}

impl Links {
    fn metrics_of(&self, source: &Source) -> Vec<String> {
        self.metrics
            .get(source)
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }
}

/// What every check needs.
struct Checker<'a> {
    names: Resolver<'a>,
    resolved: &'a Resolved,
    links: Links,
    /// The contracts, by the type of their span.
    contracts: BTreeMap<&'a str, &'a SpanNotes>,
    /// The types of the spans that need no parent.
    roots: Vec<&'a str>,
    /// The groups that are records, by id.
    records: BTreeMap<&'a str, (&'a GroupDef, &'a RecordNotes)>,
    /// Where each builder's name was first given.
    builders: BTreeMap<&'a str, Location>,
}

impl<'a> Checker<'a> {
    fn new(names: Resolver<'a>, resolved: &'a Resolved) -> Self {
        let spans = names.definitions.spans.iter();
        let contracts: BTreeMap<&str, &SpanNotes> = spans
            .filter_map(|span| Some((span.ty.value.as_str(), span.notes.as_ref()?)))
            .collect();
        let roots = contracts
            .iter()
            .filter(|(_, notes)| notes.root)
            .map(|(ty, _)| *ty)
            .collect();
        let groups = names.definitions.groups.iter();
        let records = groups
            .filter_map(|group| Some((group.id.value.as_str(), (group, group.record.as_ref()?))))
            .collect();
        Self {
            names,
            resolved,
            links: Links::default(),
            contracts,
            roots,
            records,
            builders: BTreeMap::new(),
        }
    }

    fn push(&mut self, diagnostic: Diagnostic) {
        self.names.diagnostics.push(diagnostic);
    }

    fn contract(&self, ty: &str) -> Option<&'a SpanNotes> {
        self.contracts.get(ty).copied()
    }

    /// The references of a span itself, without those of its records.
    fn own_references(&self, ty: &str) -> &'a [Reference] {
        self.resolved
            .spans
            .get(ty)
            .map_or(&[], |span| &span.references)
    }

    fn group_references(&self, id: &str) -> &'a [Reference] {
        self.resolved
            .groups
            .get(id)
            .map_or(&[], |group| &group.references)
    }

    /// The ids of the members that a span has a type for each, if its `type_per` is in order.
    fn phases_of(&self, ty: &str) -> Option<Vec<&'a str>> {
        let key = self.contract(ty)?.type_per.as_ref()?;
        match self.resolved.type_of(&key.value)? {
            AttributeType::Enum(ty) => {
                Some(ty.members.iter().map(|member| member.id.as_str()).collect())
            }
            _ => None,
        }
    }

    /// Every phase is a member of the `type_per` enum of the span `of`.
    fn check_phases(&mut self, phases: &[Located<String>], of: &str) {
        // If `type_per` itself is wrong, that was reported where it stands.
        let Some(members) = self.phases_of(of) else {
            return;
        };
        for phase in phases {
            if !members.contains(&phase.value.as_str()) {
                let help = match nearest(&phase.value, members.iter().copied()) {
                    Some(guess) => format!("did you mean {}?", quoted(guess)),
                    None => format!("it has {}", listed(&members)),
                };
                let message = format!("{} has no phase {}", quoted(of), quoted(&phase.value));
                self.push(Diagnostic::new(codes::UNKNOWN_PHASE, phase.at, message).with_help(help));
            }
        }
        self.check_distinct(phases);
    }

    fn check_distinct(&mut self, names: &[Located<String>]) {
        for (index, name) in names.iter().enumerate() {
            if let Some(first) = names[..index]
                .iter()
                .find(|first| first.value == name.value)
            {
                self.push(
                    Diagnostic::new(
                        codes::DUPLICATE_REFERENCE,
                        name.at,
                        format!("{} stands twice in one list", quoted(&name.value)),
                    )
                    .with_secondary(first.at, "first given here"),
                );
            }
        }
    }

    /// Collects who feeds and records what, from both sides.
    fn link(&mut self) {
        let definitions = self.names.definitions;
        for span in &definitions.spans {
            for metric in span.notes.iter().flat_map(|notes| &notes.metrics) {
                self.link_metric(&Source::Span(span.ty.value.clone()), metric);
            }
            let streams = span.notes.iter().filter_map(|notes| notes.stream.as_ref());
            for metric in streams.filter_map(|stream| stream.time_per_output_chunk.as_ref()) {
                self.link_metric(&Source::Stream(span.ty.value.clone()), metric);
            }
        }
        for group in &definitions.groups {
            let Some(record) = &group.record else {
                continue;
            };
            if let Some(on) = &record.on {
                self.links
                    .records
                    .entry(on.value.clone())
                    .or_default()
                    .push(group.id.value.clone());
            }
            for metric in &record.metrics {
                self.link_metric(&Source::Record(group.id.value.clone()), metric);
            }
        }
        for records in self.links.records.values_mut() {
            records.sort();
        }
        for metric in &definitions.metrics {
            for from in &metric.notes.from {
                self.link_source(metric, from);
            }
        }
        events::link(self);
    }

    fn link_metric(&mut self, source: &Source, metric: &Located<String>) {
        if self.names.expect(Kind::Metric, metric) {
            self.add_link(&metric.value, source.clone(), metric.at);
        }
    }

    fn link_source(&mut self, metric: &MetricDef, from: &Located<String>) {
        let locations = &self.names.definitions.locations;
        let group = locations.get(Kind::Group, &from.value);
        if self.contract(&from.value).is_some() {
            self.add_link(
                &metric.name.value,
                Source::Span(from.value.clone()),
                from.at,
            );
        } else if self.records.contains_key(from.value.as_str()) {
            self.add_link(
                &metric.name.value,
                Source::Record(from.value.clone()),
                from.at,
            );
        } else if let Some(at) = group.or_else(|| locations.get(Kind::Span, &from.value)) {
            let lacks = if group.is_some() {
                "is not a record"
            } else {
                "has no contract"
            };
            self.push(
                Diagnostic::new(
                    codes::INVALID_MEASURE,
                    from.at,
                    format!(
                        "{} {lacks}, so nothing derives from it",
                        quoted(&from.value)
                    ),
                )
                .with_secondary(at, "defined here"),
            );
        } else {
            self.names.expect(Kind::Span, from);
        }
    }

    fn add_link(&mut self, metric: &str, source: Source, at: Location) {
        let name = source.name().to_owned();
        self.links
            .metrics
            .entry(source.clone())
            .or_default()
            .insert(metric.to_owned());
        let sources = self.links.sources.entry(metric.to_owned()).or_default();
        if let Some(first) = sources.insert(source, at) {
            self.push(
                Diagnostic::new(
                    codes::DUPLICATE_LINK,
                    at,
                    format!(
                        "that {} feeds {} is said twice",
                        quoted(&name),
                        quoted(metric)
                    ),
                )
                .with_secondary(first, "first said here")
                .with_help("name the metric at its source, or the source at the metric, not both"),
            );
        }
    }

    /// The attribute that is marked: the one itself, or the one that it is filled from.
    fn marked(&self, key: &str, is_marked: fn(&AttributeNotes) -> bool) -> Location {
        let definitions = &self.names.definitions.attributes;
        let mut sought = key;
        // Circles were reported, and do not go on for longer than there are attributes.
        for _ in definitions {
            let Some(found) = definitions.iter().find(|it| it.key.value == sought) else {
                break;
            };
            match &found.notes.filled_from {
                Some(from) if !is_marked(&found.notes) => sought = &from.value,
                _ => return found.key.at,
            }
        }
        self.names.definitions.locations.attribute(key)
    }

    /// Content is never recorded unasked.
    fn check_sensitive(&mut self, references: &[Reference]) {
        for reference in references {
            let key = &reference.key.value;
            let sensitive = self
                .resolved
                .attributes
                .get(key)
                .is_some_and(|attribute| attribute.sensitive);
            let opt_in = matches!(reference.level, Some(RequirementLevel::OptIn(_)));
            if sensitive && !opt_in && !reference.level_unread {
                self.push(
                    Diagnostic::new(
                        codes::SENSITIVE_LEVEL,
                        reference.key.at,
                        format!("{} is sensitive, so it has to be opt-in", quoted(key)),
                    )
                    .with_secondary(
                        self.marked(key, |notes| notes.sensitive),
                        "marked as sensitive here",
                    )
                    .with_help("add `requirement_level: opt_in`"),
                );
            }
        }
    }

    fn group(&mut self, group: &GroupDef) -> Group {
        let references = self.group_references(&group.id.value);
        self.check_sensitive(references);
        let record = group
            .record
            .as_ref()
            .map(|notes| records::check(group, notes, self));
        let set = if record.is_some() {
            SetTime::Later
        } else {
            SetTime::Start
        };
        let attributes = references.iter().filter_map(|it| self.reference(it, set));
        Group {
            id: group.id.value.clone(),
            docs: group.docs.over(None),
            attributes: attributes.collect(),
            record,
        }
    }

    fn span(&mut self, span: &'a SpanDef) -> Span {
        let ty = &span.ty.value;
        let own = self.own_references(ty);
        let contract = spans::check(span, self);
        let records = self.links.records.get(ty).cloned().unwrap_or_default();
        let mut attributes: Vec<AttributeRef> = own
            .iter()
            .filter_map(|it| self.reference(it, SetTime::Start))
            // A span's attribute is a record's, or its own whatever group it was written in.
            .map(|it| AttributeRef {
                from_group: None,
                cardinality: None,
                ..it
            })
            .collect();
        for id in &records {
            let references = self.group_references(id).iter();
            attributes.extend(
                references
                    .filter_map(|it| self.reference(it, SetTime::Later))
                    .map(|it| AttributeRef {
                        level: level_on_span(&it),
                        from_group: Some(id.clone()),
                        cardinality: None,
                        ..it
                    }),
            );
        }
        let resolved = self.resolved.spans.get(ty).cloned().unwrap_or_default();
        Span {
            ty: ty.clone(),
            kind: resolved.kind.unwrap_or(SpanKind::Internal),
            name: name::check(span, &resolved, self),
            docs: resolved.docs,
            attributes,
            contract,
            records,
            metrics: self.links.metrics_of(&Source::Span(ty.clone())),
            stream: stream::check(span, self),
            at_end: self.links.at_end.get(ty).map(|(event, _)| event.clone()),
            entity_associations: span.entities.list.clone(),
        }
    }

    fn entity(&mut self, entity: &EntityDef) -> Entity {
        let references = self
            .resolved
            .entities
            .get(&entity.ty.value)
            .map_or(&[][..], Vec::as_slice);
        let (identity, description): (Vec<Reference>, Vec<Reference>) = references
            .iter()
            .cloned()
            .partition(|it| it.identifying == Some(true));
        Entity {
            ty: entity.ty.value.clone(),
            docs: entity.docs.over(None),
            identity: self.plain_references(&identity),
            description: self.plain_references(&description),
        }
    }

    /// References where nothing is set over time: on metrics and events.
    fn plain_references(&self, references: &[Reference]) -> Vec<AttributeRef> {
        let plain = references
            .iter()
            .filter_map(|it| self.reference(it, SetTime::Start));
        plain
            .map(|it| AttributeRef {
                set: SetTime::default(),
                aggregate: Aggregate::default(),
                outcome: false,
                cardinality: None,
                ..it
            })
            .collect()
    }

    /// A reference with what it inherits from its attribute; `None` if that isn't defined.
    fn reference(&self, reference: &Reference, set: SetTime) -> Option<AttributeRef> {
        let attribute = self.resolved.attributes.get(&reference.key.value)?;
        let notes = &reference.notes;
        Some(AttributeRef {
            key: reference.key.value.clone(),
            level: reference
                .level
                .clone()
                .unwrap_or(RequirementLevel::Recommended(None)),
            brief: reference
                .brief
                .clone()
                .unwrap_or_else(|| attribute.docs.brief.clone()),
            note: reference
                .note
                .clone()
                .unwrap_or_else(|| attribute.docs.note.clone()),
            examples: reference
                .examples
                .as_ref()
                .map(|node| read_examples_of(node, &attribute.ty, &mut Diagnostics::new()))
                .unwrap_or_default(),
            stability: reference.stability,
            deprecated: reference.deprecated.clone(),
            sampling_relevant: reference
                .sampling_relevant
                .as_ref()
                .is_some_and(|it| it.value),
            value: notes.value.as_ref().map(|it| it.value.clone()),
            set: notes.set.as_ref().map_or(set, |it| it.value),
            aggregate: notes
                .aggregate
                .as_ref()
                .map(|it| it.value)
                .unwrap_or_default(),
            outcome: notes.outcome.as_ref().is_some_and(|it| it.value),
            cardinality: notes.cardinality.as_ref().map(|it| it.value),
            stability_opt_in: notes
                .opt_in
                .as_ref()
                .map(resolve::opt_in_key)
                .or_else(|| attribute.stability_opt_in.clone()),
            from_group: reference.group.clone(),
        })
    }

    /// Whether an attribute is certain to stand on every span: inherited from the roots, all of
    /// which require it, or filled from one that is.
    fn always_inherited(&self, key: &str) -> bool {
        let Some(attribute) = self.resolved.attributes.get(key) else {
            return false;
        };
        let source = if attribute.inherited {
            Some(key)
        } else {
            attribute.filled_from.as_deref()
        };
        let Some(source) = source else { return false };
        self.roots.iter().all(|root| {
            let references = self.own_references(root);
            references
                .iter()
                .any(|it| it.key.value == source && is_given(it))
        })
    }
}

/// Whether the definition makes sure that the attribute has a value.
fn is_given(reference: &Reference) -> bool {
    reference.level == Some(RequirementLevel::Required)
        || reference.level_unread
        || reference.notes.value.is_some()
}

fn is_outcome(reference: &Reference) -> bool {
    reference.notes.outcome.as_ref().is_some_and(|it| it.value)
}

/// Defaults for what could not be read, in a registry that will not be handed out.
const UNREAD_INSTRUMENT: Instrument = Instrument::Counter;
const UNREAD_NUMBER: NumberType = NumberType::Int;

/// What a record requires, its span has only if the record is made. An outcome is always there:
/// the end of the span gives one that was not recorded.
fn level_on_span(recorded: &AttributeRef) -> RequirementLevel {
    match &recorded.level {
        RequirementLevel::Required if !recorded.outcome => {
            RequirementLevel::ConditionallyRequired("If it is recorded.".to_owned())
        }
        level => level.clone(),
    }
}
