//! Follows references: what each definition means once groups are unfolded, refinements laid
//! over what they refine, and renamings checked.

mod attributes;
mod references;

use std::collections::{BTreeMap, BTreeSet};

use crate::codes;
use crate::diagnostic::{Diagnostic, Diagnostics, Location, nearest, quoted};
use crate::graph::{Edges, walk};
use crate::locations::Kind;
use crate::registry::{
    Attribute, AttributeType, Deprecated, DeprecationReason, Docs, RequirementLevel, SpanKind,
    Stability,
};
use crate::schema::{Definitions, DocsDef, Item, Located, RefNotes};
use crate::source::SourceMap;
use crate::yaml::Node;
use references::Unfolder;

/// After so many errors nobody reads suggestions any more, which cost a look at every name.
const SUGGESTIONS: usize = 100;
/// Groups within groups can multiply without bound; OpenTelemetry's own registry has a tenth of
/// this.
const REFERENCES: usize = 200_000;

/// Definitions with their references followed, and still with their places.
#[derive(Debug, Default)]
pub(crate) struct Resolved {
    /// Every attribute, by key.
    pub attributes: BTreeMap<String, Attribute>,
    /// Attributes whose type could not be read: nothing can be said about their values.
    pub untyped: BTreeSet<String>,
    /// What the groups, internal ones too, unfold to, by id.
    pub groups: BTreeMap<String, Unfolded>,
    /// The spans, refinements included.
    pub spans: BTreeMap<String, ResolvedSpan>,
    /// The references of metrics.
    pub metrics: BTreeMap<String, Vec<Reference>>,
    /// The references of events.
    pub events: BTreeMap<String, Vec<Reference>>,
    /// The references of entities.
    pub entities: BTreeMap<String, Vec<Reference>>,
    /// Whether there were too many references to follow them all.
    pub incomplete: bool,
}

impl Resolved {
    /// Enters where the registry that was asked for refers to attributes.
    pub(crate) fn enter_places(&self, definitions: &mut Definitions) {
        let own = definitions.registries.last().map(|it| it.root);
        let groups = self.groups.iter();
        let groups = groups.map(|(id, it)| (Kind::Group, id, &it.references));
        let spans = self.spans.iter();
        let spans = spans.map(|(ty, it)| (Kind::Span, ty, &it.references));
        let metrics = self.metrics.iter();
        let metrics = metrics.map(|(name, it)| (Kind::Metric, name, it));
        let events = self.events.iter();
        let events = events.map(|(name, it)| (Kind::Event, name, it));
        let entities = self.entities.iter();
        let entities = entities.map(|(ty, it)| (Kind::Entity, ty, it));
        let signals = spans.chain(metrics).chain(events).chain(entities);
        for (kind, name, references) in groups.chain(signals) {
            let is_own = |at: Location| definitions.registry_of(at.file).map(|it| it.root) == own;
            let places = references
                .iter()
                .map(|it| (it.key.value.as_str(), it.key.at));
            let places: Vec<_> = places.filter(|(_, at)| is_own(*at)).collect();
            let locations = &mut definitions.locations;
            locations.add_references(kind, name, places.into_iter());
        }
    }

    /// The type of an attribute, if it is known.
    pub(crate) fn type_of(&self, key: &str) -> Option<&AttributeType> {
        self.attributes
            .get(key)
            .filter(|_| !self.untyped.contains(key))
            .map(|attribute| &attribute.ty)
    }
}

/// A group, with the groups in it unfolded.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unfolded {
    /// Whether it is known to anyone outside of the registry.
    pub public: bool,
    /// Its references.
    pub references: Vec<Reference>,
}

/// A span, with what a refinement takes from the span it refines.
#[derive(Clone, Debug, Default)]
pub(crate) struct ResolvedSpan {
    /// Its kind.
    pub kind: Option<SpanKind>,
    /// Its name's note.
    pub name: Option<Located<String>>,
    /// Brief, note, stability, deprecation.
    pub docs: Docs,
    /// Its references, groups unfolded.
    pub references: Vec<Reference>,
}

/// A reference to an attribute, as it holds for one definition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reference {
    /// The key, where the definition itself (or the nearest group) mentions it.
    pub key: Located<String>,
    /// `requirement_level`
    pub level: Option<RequirementLevel>,
    /// Whether it is there and could not be read, so that it may be any.
    pub level_unread: bool,
    /// `brief`
    pub brief: Option<String>,
    /// `note`
    pub note: Option<String>,
    /// `examples`
    pub examples: Option<Node>,
    /// `stability`
    pub stability: Option<Stability>,
    /// `deprecated`
    pub deprecated: Option<Deprecated>,
    /// Whether it tells an entity from others.
    pub identifying: Option<bool>,
    /// `sampling_relevant`
    pub sampling_relevant: Option<Located<bool>>,
    /// `annotations.vigil`
    pub notes: RefNotes,
    /// The innermost public group that it came with.
    pub group: Option<String>,
}

/// Follows all references.
pub(crate) fn resolve(
    definitions: &Definitions,
    sources: &SourceMap,
    diagnostics: &mut Diagnostics,
) -> Resolved {
    let mut stage = Resolver {
        definitions,
        sources,
        diagnostics,
        unfolded: 0,
    };
    let mut resolved = Resolved::default();
    attributes::resolve(&mut stage, &mut resolved);
    stage.check_renames();
    stage.check_entities();
    let lists = definitions.groups.iter().map(|it| &it.items);
    let lists = lists.chain(definitions.spans.iter().map(|it| &it.items));
    let lists = lists.chain(definitions.metrics.iter().map(|it| &it.items));
    let lists = lists.chain(definitions.events.iter().map(|it| &it.items));
    let lists = lists.chain(definitions.entities.iter().map(|it| &it.items));
    for items in lists {
        references::check(items, &resolved, &mut stage);
    }
    stage.resolve_groups(&mut resolved);
    stage.resolve_spans(&mut resolved);
    stage.resolve_metrics(&mut resolved);
    stage.resolve_events(&mut resolved);
    stage.resolve_entities(&mut resolved);
    resolved.incomplete = stage.unfolded > REFERENCES;
    resolved
}

/// Looks names up, and reports those that aren't there.
pub(crate) struct Resolver<'a> {
    pub(crate) definitions: &'a Definitions,
    pub(crate) sources: &'a SourceMap,
    pub(crate) diagnostics: &'a mut Diagnostics,
    /// How many references groups and refinements have been unfolded to.
    pub(crate) unfolded: usize,
}

impl<'a> Resolver<'a> {
    /// Whether `name` is defined; if not, an error that suggests what was meant. Says nothing
    /// where a file could not be read, since the name may well be defined there.
    pub(crate) fn expect(&mut self, kind: Kind, name: &Located<String>) -> bool {
        let locations = &self.definitions.locations;
        if let Some(defined) = locations.get(kind, &name.value) {
            return self.is_within_sight(kind, name, defined);
        }
        let few = self.diagnostics.len() < SUGGESTIONS;
        if self.definitions.incomplete || locations.may_be_meant(kind, &name.value, few) {
            return false;
        }
        let (code, what) = unknown(kind);
        let guess = few
            .then(|| nearest(&name.value, locations.names(kind)))
            .flatten();
        let guess = guess.or_else(|| self.only_below(kind, &name.value));
        let other = match kind {
            Kind::Attribute if locations.get(Kind::Group, &name.value).is_some() => {
                Some("this is an attribute group: `ref_group` takes it in")
            }
            Kind::Group if locations.get(Kind::Attribute, &name.value).is_some() => {
                Some("this is an attribute: `ref` refers to it")
            }
            _ => None,
        };
        let help = guess.map(|guess| {
            let at = locations.get(kind, guess).unwrap_or_default();
            format!(
                "did you mean {} ({}:{})?",
                quoted(guess),
                self.sources.display(at.file),
                at.line
            )
        });
        let message = format!("no {what} {}", quoted(&name.value));
        self.diagnostics.push(
            Diagnostic::new(code, name.at, message)
                .with_help_if(help)
                .with_help_if(other.map(str::to_owned)),
        );
        false
    }

    /// Whether what is defined there is known here: a registry knows itself and what it depends on.
    fn is_within_sight(&mut self, kind: Kind, name: &Located<String>, defined: Location) -> bool {
        if self.definitions.registries.len() < 2 {
            return true;
        }
        let files = [name.at.file, defined.file];
        let [here, there] = files.map(|file| self.definitions.registry_of(file));
        let (Some(here), Some(there)) = (here, there) else {
            return true;
        };
        let problem = if !here.sees.contains(&there.root) {
            format!(
                "{} is defined in the registry {}, which {} does not depend on",
                quoted(&name.value),
                quoted(&there.name),
                quoted(&here.name)
            )
        } else if kind == Kind::Group
            && here.root != there.root
            && self.definitions.internal_groups.contains(&name.value)
        {
            format!(
                "{} is internal to the registry {}",
                quoted(&name.value),
                quoted(&there.name)
            )
        } else {
            return true;
        };
        let code = match kind {
            Kind::Attribute => codes::UNKNOWN_ATTRIBUTE,
            Kind::Group => codes::UNKNOWN_GROUP,
            Kind::Span => codes::UNKNOWN_SPAN,
            Kind::Metric => codes::UNKNOWN_METRIC,
            Kind::Event => codes::UNKNOWN_EVENT,
            Kind::Entity => codes::UNKNOWN_ENTITY,
        };
        self.diagnostics
            .push(Diagnostic::new(code, name.at, problem).with_secondary(defined, "defined here"));
        false
    }

    /// The one name that begins with `prefix`, if there is but one: of `life.phase.internal` the
    /// kind is soon forgotten.
    fn only_below(&self, kind: Kind, prefix: &str) -> Option<&'a str> {
        if self.diagnostics.len() >= SUGGESTIONS {
            return None;
        }
        let below = |name: &&str| {
            name.strip_prefix(prefix)
                .is_some_and(|rest| rest.starts_with('.'))
        };
        let mut names = self.definitions.locations.names(kind).filter(below);
        let first = names.next()?;
        names.next().is_none().then_some(first)
    }

    /// Every `renamed_to` names a definition of the same kind, and none leads back to itself.
    fn check_renames(&mut self) {
        let definitions = self.definitions;
        let attributes = definitions
            .attributes
            .iter()
            .map(|it| (it.key.value.as_str(), &it.docs));
        self.check_renames_of(Kind::Attribute, attributes);
        let groups = definitions
            .groups
            .iter()
            .map(|it| (it.id.value.as_str(), &it.docs));
        self.check_renames_of(Kind::Group, groups);
        let spans = definitions
            .spans
            .iter()
            .map(|it| (it.ty.value.as_str(), &it.docs));
        self.check_renames_of(Kind::Span, spans);
        let metrics = definitions
            .metrics
            .iter()
            .map(|it| (it.name.value.as_str(), &it.docs));
        self.check_renames_of(Kind::Metric, metrics);
        let events = definitions
            .events
            .iter()
            .map(|it| (it.name.value.as_str(), &it.docs));
        self.check_renames_of(Kind::Event, events);
        let entities = definitions
            .entities
            .iter()
            .map(|it| (it.ty.value.as_str(), &it.docs));
        self.check_renames_of(Kind::Entity, entities);
    }

    fn check_renames_of(
        &mut self,
        kind: Kind,
        definitions: impl Iterator<Item = (&'a str, &'a DocsDef)>,
    ) {
        let mut edges = Edges::new();
        for (name, docs) in definitions {
            let Some(deprecated) = &docs.deprecated else {
                continue;
            };
            let DeprecationReason::Renamed(to) = &deprecated.value.reason else {
                continue;
            };
            self.expect(kind, &Located::new(to.clone(), deprecated.at));
            edges.insert(name, vec![(to.as_str(), deprecated.at)]);
        }
        self.report_cycles(&edges, "these are renamed to each other in a circle");
    }

    /// Reports the cycles; the order in which everything comes after what it leads to.
    fn report_cycles(&mut self, edges: &Edges<'a>, what: &str) -> Vec<&'a str> {
        let found = walk(edges);
        self.diagnostics
            .extend(found.cycles.iter().map(|cycle| cycle.diagnostic(what)));
        found.order
    }

    fn check_entities(&mut self) {
        let definitions = self.definitions;
        if definitions.imports_entities {
            return;
        }
        let spans = definitions.spans.iter().flat_map(|it| &it.entities.names);
        let metrics = definitions.metrics.iter().flat_map(|it| &it.entities.names);
        let events = definitions.events.iter().flat_map(|it| &it.entities.names);
        for entity in spans.chain(metrics).chain(events) {
            self.expect(Kind::Entity, entity);
        }
    }

    fn resolve_groups(&mut self, resolved: &mut Resolved) {
        let by_id: BTreeMap<&str, _> = self
            .definitions
            .groups
            .iter()
            .map(|group| (group.id.value.as_str(), group))
            .collect();
        let edges: Edges<'a> = by_id
            .iter()
            .map(|(id, group)| (*id, group_edges(&group.items)))
            .collect();
        for id in self.report_cycles(&edges, "these groups hold each other in a circle") {
            let Some(group) = by_id.get(id) else { continue };
            let references = self.unfold(&group.id, &resolved.groups, Vec::new(), &group.items);
            let public = group.public;
            resolved
                .groups
                .insert(id.to_owned(), Unfolded { public, references });
        }
    }

    fn resolve_spans(&mut self, resolved: &mut Resolved) {
        let spans = &self.definitions.spans;
        let refinements = spans
            .iter()
            .map(|it| (it.ty.value.as_str(), it.refines.as_ref()));
        let by_type: BTreeMap<&str, _> = spans
            .iter()
            .map(|span| (span.ty.value.as_str(), span))
            .collect();
        for ty in self.refinement_order(Kind::Span, refinements) {
            let Some(span) = by_type.get(ty) else {
                continue;
            };
            let base = span
                .refines
                .as_ref()
                .and_then(|base| resolved.spans.get(&base.value))
                .cloned();
            let base = base.unwrap_or_default();
            let docs = span.docs.over(span.refines.as_ref().map(|_| &base.docs));
            let references = self.unfold(&span.ty, &resolved.groups, base.references, &span.items);
            let span = ResolvedSpan {
                kind: span.kind.or(base.kind),
                name: span.name.clone().or(base.name),
                docs,
                references,
            };
            resolved.spans.insert(ty.to_owned(), span);
        }
    }

    fn resolve_metrics(&mut self, resolved: &mut Resolved) {
        let metrics = &self.definitions.metrics;
        let refinements = metrics
            .iter()
            .map(|it| (it.name.value.as_str(), it.refines.as_ref()));
        let order = self.refinement_order(Kind::Metric, refinements);
        let lists = metrics.iter().map(|it| {
            (
                it.name.value.as_str(),
                (&it.name, it.refines.as_ref(), it.items.as_slice()),
            )
        });
        resolved.metrics = self.unfold_all(&order, &lists.collect(), &resolved.groups);
    }

    fn resolve_events(&mut self, resolved: &mut Resolved) {
        let events = &self.definitions.events;
        let refinements = events
            .iter()
            .map(|it| (it.name.value.as_str(), it.refines.as_ref()));
        let order = self.refinement_order(Kind::Event, refinements);
        let lists = events.iter().map(|it| {
            (
                it.name.value.as_str(),
                (&it.name, it.refines.as_ref(), it.items.as_slice()),
            )
        });
        resolved.events = self.unfold_all(&order, &lists.collect(), &resolved.groups);
    }

    fn resolve_entities(&mut self, resolved: &mut Resolved) {
        let entities = &self.definitions.entities;
        let refinements = entities
            .iter()
            .map(|it| (it.ty.value.as_str(), it.refines.as_ref()));
        let order = self.refinement_order(Kind::Entity, refinements);
        let lists = entities.iter().map(|it| {
            (
                it.ty.value.as_str(),
                (&it.ty, it.refines.as_ref(), it.items.as_slice()),
            )
        });
        resolved.entities = self.unfold_all(&order, &lists.collect(), &resolved.groups);
    }

    /// All names of a kind, each after what it refines; reports unknown and circular refinements.
    fn refinement_order(
        &mut self,
        kind: Kind,
        refinements: impl Iterator<Item = (&'a str, Option<&'a Located<String>>)>,
    ) -> Vec<&'a str> {
        let mut edges = Edges::new();
        for (name, base) in refinements {
            if let Some(base) = base {
                self.expect(kind, base);
            }
            edges.insert(
                name,
                base.map(|base| (base.value.as_str(), base.at))
                    .into_iter()
                    .collect(),
            );
        }
        self.report_cycles(&edges, "these refine each other in a circle")
    }

    /// The references of a list, laid over `base`; none once there have been too many.
    fn unfold(
        &mut self,
        whose: &Located<String>,
        groups: &BTreeMap<String, Unfolded>,
        base: Vec<Reference>,
        items: &[Item],
    ) -> Vec<Reference> {
        if self.unfolded > REFERENCES {
            return Vec::new();
        }
        let references = Unfolder::new(groups)
            .over(base)
            .unfold(items, self.diagnostics);
        self.unfolded += references.len();
        if self.unfolded > REFERENCES {
            let message = format!(
                "with {}, groups and refinements unfold to more than {REFERENCES} references",
                quoted(&whose.value)
            );
            self.diagnostics.push(
                Diagnostic::new(codes::TOO_MANY_REFERENCES, whose.at, message)
                    .with_help("take groups out of groups, or split the registry"),
            );
        }
        references
    }

    fn unfold_all(
        &mut self,
        order: &[&str],
        lists: &BTreeMap<&str, List<'_>>,
        groups: &BTreeMap<String, Unfolded>,
    ) -> BTreeMap<String, Vec<Reference>> {
        let mut unfolded: BTreeMap<String, Vec<Reference>> = BTreeMap::new();
        for name in order {
            let Some((whose, base, items)) = lists.get(name) else {
                continue;
            };
            let base = base
                .and_then(|base| unfolded.get(&base.value))
                .cloned()
                .unwrap_or_default();
            let references = self.unfold(whose, groups, base, items);
            unfolded.insert((*name).to_owned(), references);
        }
        unfolded
    }
}

/// The error for a name of that kind that is not defined, and what the kind is called.
fn unknown(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Attribute => (codes::UNKNOWN_ATTRIBUTE, "attribute"),
        Kind::Group => (codes::UNKNOWN_GROUP, "attribute group"),
        Kind::Span => (codes::UNKNOWN_SPAN, "span"),
        Kind::Metric => (codes::UNKNOWN_METRIC, "metric"),
        Kind::Event => (codes::UNKNOWN_EVENT, "event"),
        Kind::Entity => (codes::UNKNOWN_ENTITY, "entity"),
    }
}

/// A definition's name, what it refines, and its list of references.
type List<'a> = (&'a Located<String>, Option<&'a Located<String>>, &'a [Item]);

fn group_edges(items: &[Item]) -> Vec<(&str, Location)> {
    let groups = items.iter().filter_map(|item| match item {
        Item::Group(id) => Some((id.value.as_str(), id.at)),
        Item::Attribute(_) => None,
    });
    groups.collect()
}
