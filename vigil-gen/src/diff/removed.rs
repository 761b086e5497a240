//! Definitions that are gone: whether the baseline announced it, and what stands in for them.

use std::collections::BTreeSet;

use super::signals::{senders, sources};
use super::{Comparison, Place, Rule, fate, rules};
use crate::diagnostic::quoted;
use crate::registry::{AttributeRef, Docs, Registry, RequirementLevel};

impl<'a> Comparison<'a> {
    pub(super) fn removed(&mut self, place: Place<'a>, docs: &'a Docs) {
        let group = self.before.groups.get(place.name);
        let plain = place.subject == "group" && group.is_none_or(|it| it.record.is_none());
        let Some(deprecated) = &docs.deprecated else {
            let rule = if plain {
                rules::GROUP_REMOVED
            } else {
                rules::REMOVED
            };
            self.push(place, rule, "removed");
            return;
        };
        let heir = self.successor(place, docs);
        let what = match heir {
            Some(new) => format!("renamed to {}, and the old name removed", quoted(new)),
            None => format!("removed; {}", fate(deprecated)),
        };
        let rule = match heir {
            _ if plain => rules::GROUP_REMOVED_DEPRECATED,
            _ if place.subject == "attribute" && !self.carried(place.name) => rules::REMOVED_UNUSED,
            Some(new) => self.renamed_and_removed(place, new),
            None => rules::REMOVED_DEPRECATED,
        };
        self.push(place, rule, what);
    }

    /// What lives on of something that was renamed, once or several times; none if that is gone as well.
    fn successor(&self, place: Place<'a>, docs: &'a Docs) -> Option<&'a str> {
        let mut new = docs.deprecated.as_ref()?.new_name()?;
        while docs_of(self.after, place.subject, new).is_none() {
            let gone = docs_of(self.before, place.subject, new)?;
            new = gone.deprecated.as_ref()?.new_name()?;
        }
        Some(new)
    }

    /// How that is judged: by whether the baseline sent the new name in the place of the old one.
    fn renamed_and_removed(&self, place: Place<'a>, new: &str) -> &'static Rule {
        let old = place.name;
        match place.subject {
            "attribute" => {
                let stands_in = lists(self.before).all(|list| {
                    let list: Vec<&AttributeRef> = list.iter().collect();
                    let old = list.iter().find(|it| it.key == old);
                    old.is_none_or(|old| stands_in(&list, old, new))
                });
                if stands_in {
                    rules::RENAMED_REMOVED
                } else {
                    rules::RENAMED_REMOVED_EARLY
                }
            }
            "metric" => follows(&sources(self.before, old), &sources(self.before, new)),
            "event" => follows(&senders(self.before, old), &senders(self.before, new)),
            _ => rules::RENAMED_REMOVED_CALLED,
        }
    }

    /// Whether anything of the baseline refers to the attribute.
    fn carried(&self, key: &str) -> bool {
        lists(self.before).flatten().any(|it| it.key == key)
    }
}

/// What sends a signal without being asked to, for its old name and its new one.
fn follows(old: &BTreeSet<String>, new: &BTreeSet<String>) -> &'static Rule {
    if old.is_empty() {
        rules::RENAMED_REMOVED_CALLED
    } else if old.is_subset(new) {
        rules::RENAMED_REMOVED
    } else {
        rules::RENAMED_REMOVED_EARLY
    }
}

/// Whether a list has the new attribute as well, asked for at least as much as the old one.
pub(super) fn stands_in(list: &[&AttributeRef], old: &AttributeRef, new: &str) -> bool {
    let rank = |it: &AttributeRef| match it.level {
        RequirementLevel::Required => 0,
        RequirementLevel::ConditionallyRequired(_) => 1,
        RequirementLevel::Recommended(_) => 2,
        RequirementLevel::OptIn(_) => 3,
    };
    list.iter().any(|it| it.key == new && rank(it) <= rank(old))
}

/// Every list of attributes that a registry has.
fn lists(registry: &Registry) -> impl Iterator<Item = &[AttributeRef]> {
    let groups = registry.groups.values().map(|it| &it.attributes);
    let spans = registry.spans.values().map(|it| &it.attributes);
    let metrics = registry.metrics.values().map(|it| &it.attributes);
    let events = registry.events.values().map(|it| &it.attributes);
    let entities = registry.entities.values();
    let entities = entities.flat_map(|it| [&it.identity, &it.description]);
    let signals = groups.chain(spans).chain(metrics).chain(events);
    signals.chain(entities).map(Vec::as_slice)
}

/// What a definition says of itself, if it is there.
fn docs_of<'a>(registry: &'a Registry, subject: &str, name: &str) -> Option<&'a Docs> {
    match subject {
        "attribute" => registry.attributes.get(name).map(|it| &it.docs),
        "group" => registry.groups.get(name).map(|it| &it.docs),
        "span" => registry.spans.get(name).map(|it| &it.docs),
        "metric" => registry.metrics.get(name).map(|it| &it.docs),
        "event" => registry.events.get(name).map(|it| &it.docs),
        "entity" => registry.entities.get(name).map(|it| &it.docs),
        _ => None,
    }
}
