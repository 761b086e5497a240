//! What a registry takes from those that it depends on: what it imports, and what it refers to.
//!
//! The rest of a dependency was read and checked, and is no part of what is made.

use std::collections::{BTreeMap, BTreeSet};

use crate::codes;
use crate::diagnostic::{Diagnostic, Diagnostics, nearest, quoted};
use crate::locations::Kind;
use crate::registry::{
    AttributeRef, Docs, EntityAssociation, Event, Group, MeasuredValue, Metric, Registry, Span,
};
use crate::schema::{Definitions, Import};

/// Leaves out what comes from other registries and nothing needs. Reports imports of nothing.
pub(crate) fn select(
    definitions: &Definitions,
    mut registry: Registry,
    diagnostics: &mut Diagnostics,
) -> Registry {
    let imported = imported(definitions, diagnostics);
    if definitions.registries.len() < 2 {
        return registry;
    }
    let mut selection = Selection {
        registry: &registry,
        kept: BTreeSet::new(),
        pending: imported,
    };
    selection.add_own();
    selection.follow();
    let kept = selection.kept;
    let is_kept = |kind: Kind, name: &str| kept.contains(&(kind, name.to_owned()));
    let keys = |kind, map: &[&String]| -> BTreeSet<String> {
        let kept = map.iter().filter(|name| is_kept(kind, name));
        kept.map(|name| (*name).clone()).collect()
    };
    macro_rules! retain {
        ($($kind:ident $field:ident),*) => {$(
            let names: Vec<&String> = registry.$field.keys().collect();
            let names = keys(Kind::$kind, &names);
            registry.$field.retain(|name, _| names.contains(name));
        )*};
    }
    retain!(Attribute attributes, Group groups, Span spans, Metric metrics, Event events, Entity entities);
    registry
}

/// What the registry that was asked for imports. Every import of every registry has to match.
fn imported(definitions: &Definitions, diagnostics: &mut Diagnostics) -> Vec<(Kind, String)> {
    let mut found = Vec::new();
    let own = definitions.registries.last().map(|it| it.root);
    for Import { kind, pattern } in &definitions.imports {
        let Some(registry) = definitions.registry_of(pattern.at.file) else {
            continue;
        };
        let here = registry.root;
        let visible = |name: &&str| {
            let at = definitions.locations.get(*kind, name).unwrap_or_default();
            let there = definitions.registry_of(at.file).map(|it| it.root);
            let internal = *kind == Kind::Group && definitions.internal_groups.contains(*name);
            let other = there.filter(|there| *there != here);
            other.is_some_and(|there| registry.sees.contains(&there)) && !internal
        };
        let names: Vec<&str> = definitions.locations.names(*kind).filter(visible).collect();
        let matching = names.iter().filter(|name| matches(&pattern.value, name));
        let before = found.len();
        found.extend(matching.map(|name| (*kind, (*name).to_owned())));
        if found.len() == before && !definitions.incomplete {
            let guess = nearest(&pattern.value, names.iter().copied());
            let what = match kind {
                Kind::Attribute => "an attribute",
                Kind::Group => "an attribute group",
                Kind::Span => "a span",
                Kind::Metric => "a metric",
                Kind::Event => "an event",
                Kind::Entity => "an entity",
            };
            let message = format!("no dependency has {what} {}", quoted(&pattern.value));
            diagnostics.push(
                Diagnostic::new(codes::UNKNOWN_IMPORT, pattern.at, message)
                    .with_help_if(guess.map(|name| format!("did you mean {}?", quoted(name)))),
            );
        }
        if Some(here) != own {
            found.truncate(before);
        }
    }
    found
}

/// Whether a name is as the pattern says, where `*` stands for anything and `?` for a character.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut seen) = (0, 0);
    // Where the last `*` stands, and how much of the name it has taken.
    let mut star: Option<(usize, usize)> = None;
    while seen < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(c) if *c == '?' || *c == name[seen] => {
                at += 1;
                seen += 1;
            }
            _ => {
                let Some((last, taken)) = star else {
                    return false;
                };
                star = Some((last, taken + 1));
                at = last + 1;
                seen = taken + 1;
            }
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

/// Definitions, and what they need.
struct Selection<'a> {
    registry: &'a Registry,
    kept: BTreeSet<(Kind, String)>,
    pending: Vec<(Kind, String)>,
}

impl<'a> Selection<'a> {
    /// All that is the registry's own.
    fn add_own(&mut self) {
        let registry = self.registry;
        self.own(Kind::Attribute, &registry.attributes, |it| &it.docs);
        self.own(Kind::Group, &registry.groups, |it| &it.docs);
        self.own(Kind::Span, &registry.spans, |it| &it.docs);
        self.own(Kind::Metric, &registry.metrics, |it| &it.docs);
        self.own(Kind::Event, &registry.events, |it| &it.docs);
        self.own(Kind::Entity, &registry.entities, |it| &it.docs);
    }

    fn own<T>(&mut self, kind: Kind, all: &'a BTreeMap<String, T>, docs: fn(&T) -> &Docs) {
        let own = all
            .iter()
            .filter(|(_, it)| docs(it).origin.registry.is_none());
        self.pending
            .extend(own.map(|(name, _)| (kind, name.clone())));
    }

    fn follow(&mut self) {
        while let Some((kind, name)) = self.pending.pop() {
            if !self.kept.insert((kind, name.clone())) {
                continue;
            }
            let registry = self.registry;
            match kind {
                Kind::Attribute => {
                    let attribute = registry.attributes.get(&name);
                    let from = attribute.and_then(|it| it.filled_from.as_ref());
                    self.all(Kind::Attribute, from);
                    let opt_in = attribute.and_then(|it| it.stability_opt_in.as_ref());
                    self.all(Kind::Attribute, opt_in.map(|it| &it.renamed_to));
                }
                Kind::Group => registry
                    .groups
                    .get(&name)
                    .into_iter()
                    .for_each(|it| self.group(it)),
                Kind::Span => registry
                    .spans
                    .get(&name)
                    .into_iter()
                    .for_each(|it| self.span(it)),
                Kind::Metric => registry
                    .metrics
                    .get(&name)
                    .into_iter()
                    .for_each(|it| self.metric(it)),
                Kind::Event => registry
                    .events
                    .get(&name)
                    .into_iter()
                    .for_each(|it| self.event(it)),
                Kind::Entity => {
                    if let Some(entity) = registry.entities.get(&name) {
                        self.references(&entity.identity);
                        self.references(&entity.description);
                    }
                }
            }
        }
    }

    fn all(&mut self, kind: Kind, names: impl IntoIterator<Item = &'a String>) {
        let names = names.into_iter().map(|name| (kind, name.clone()));
        self.pending.extend(names);
    }

    fn references(&mut self, references: &'a [AttributeRef]) {
        self.all(Kind::Attribute, references.iter().map(|it| &it.key));
        let opt_ins = references
            .iter()
            .filter_map(|it| it.stability_opt_in.as_ref());
        self.all(Kind::Attribute, opt_ins.map(|it| &it.renamed_to));
    }

    fn associations(&mut self, associations: &'a [EntityAssociation]) {
        for association in associations {
            match association {
                EntityAssociation::Entity(ty) => self.all(Kind::Entity, [ty]),
                EntityAssociation::OneOf(list) | EntityAssociation::AllOf(list) => {
                    self.associations(list);
                }
            }
        }
    }

    fn group(&mut self, group: &'a Group) {
        self.references(&group.attributes);
        if let Some(record) = &group.record {
            self.all(Kind::Span, [&record.on]);
            self.all(Kind::Metric, &record.metrics);
            self.all(Kind::Event, &record.event);
        }
    }

    fn span(&mut self, span: &'a Span) {
        self.references(&span.attributes);
        if let Some(contract) = &span.contract {
            self.all(Kind::Span, &contract.parents);
        }
        if let Some(stream) = &span.stream {
            self.all(Kind::Metric, &stream.time_per_output_chunk);
        }
        self.all(Kind::Group, &span.records);
        self.all(Kind::Metric, &span.metrics);
        self.all(Kind::Event, &span.at_end);
        self.associations(&span.entity_associations);
    }

    fn metric(&mut self, metric: &'a Metric) {
        self.references(&metric.attributes);
        for measure in &metric.measures {
            if let MeasuredValue::Attribute(key) = &measure.value {
                self.all(Kind::Attribute, [key]);
            }
            self.all(Kind::Attribute, measure.with.keys());
        }
        let opt_in = metric.stability_opt_in.iter();
        for replacement in opt_in.flat_map(|it| &it.replaced_by) {
            self.all(Kind::Metric, [&replacement.metric]);
            self.all(Kind::Attribute, replacement.with.keys());
        }
        self.associations(&metric.entity_associations);
    }

    fn event(&mut self, event: &'a Event) {
        self.references(&event.attributes);
        self.all(Kind::Span, &event.at_end_of);
        self.associations(&event.entity_associations);
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_anything() {
        assert!(matches("http.*", "http.client.request"));
        assert!(matches("*.client*", "http.client.request"));
        assert!(matches("http.?", "http.a"));
        assert!(matches("*", ""));
        assert!(!matches("http.*", "https.client"));
        assert!(!matches("*.server", "http.server.request"));
    }
}
