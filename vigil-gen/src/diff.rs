//! Two registries, told apart by what they mean.

mod attributes;
mod bodies;
mod changelog;
mod references;
mod removed;
mod render;
mod rules;
mod signals;

use std::collections::BTreeMap;

use crate::diagnostic::{quoted, visible};
use crate::registry::{Deprecated, DeprecationReason, Docs, Registry, Stability};

pub use changelog::Changelog;
pub use rules::{Judgement, RULES, Rule};

/// What changed from one registry to another. Displays as text, breaking changes with the reason and
/// what to do instead.
///
/// Briefs, notes, examples, owners, expiry and the files that definitions stand in play no part.
#[derive(Debug, Default)]
pub struct Diff {
    /// The changes: attributes first, then groups, spans, metrics, events and entities, by name.
    pub changes: Vec<Change>,
}

/// One thing that changed.
#[derive(Debug)]
pub struct Change {
    /// What it is a change of: `attribute`, `group`, `span`, `metric`, `event`, `entity`, `registry`.
    pub subject: &'static str,
    /// The key, id, type or name of that.
    pub name: String,
    /// Which kind of change it is, and how that is judged.
    pub rule: &'static Rule,
    /// What changed, in words.
    pub what: String,
}

/// Who a change can break something for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Whoever calls the generated API.
    Code,
    /// Whoever queries what is sent.
    Dashboards,
}

impl Change {
    /// Whether it breaks something for them, announced or not.
    pub fn breaks(&self, audience: Audience) -> bool {
        self.judgement(audience).breaks()
    }

    /// How it is judged for them.
    pub fn judgement(&self, audience: Audience) -> &'static Judgement {
        match audience {
            Audience::Code => &self.rule.code,
            Audience::Dashboards => &self.rule.dashboards,
        }
    }

    /// Whether a definition is gone that was not deprecated.
    pub(crate) fn removes_a_definition(&self) -> bool {
        self.rule.name == rules::REMOVED.name
    }

    /// Whether a member of an enum is gone.
    pub(crate) fn removes_a_member(&self) -> bool {
        self.rule.name == rules::MEMBER_REMOVED.name
    }

    /// Whether it is told of that part of what it is a change of.
    pub(crate) fn names(&self, part: &str) -> bool {
        self.what.contains(&quoted(part))
    }
}

impl Diff {
    /// What changed from `before` to `after`.
    pub fn of(before: &Registry, after: &Registry) -> Self {
        let mut comparison = Comparison {
            before,
            after,
            changes: Vec::new(),
        };
        comparison.whole();
        Self {
            changes: comparison.changes,
        }
    }

    /// What a first release brings: every definition of the registry.
    pub fn first(registry: &Registry) -> Self {
        let nothing = Registry {
            manifest: registry.manifest.clone(),
            ..Registry::default()
        };
        Self::of(&nothing, registry)
    }

    /// How many changes break something for them, announced or not.
    pub fn breaking(&self, audience: Audience) -> usize {
        self.count(audience, Judgement::breaks)
    }

    /// How many changes break something for them that the baseline announced by `deprecated`.
    pub fn announced(&self, audience: Audience) -> usize {
        self.count(audience, Judgement::announced)
    }

    fn count(&self, audience: Audience, is: fn(&Judgement) -> bool) -> usize {
        let judgements = self.changes.iter().map(|it| it.judgement(audience));
        judgements.filter(|it| is(it)).count()
    }
}

/// What is compared, and what was found so far.
struct Comparison<'a> {
    before: &'a Registry,
    after: &'a Registry,
    changes: Vec<Change>,
}

/// A definition: what it is, and its name.
#[derive(Clone, Copy)]
struct Place<'a> {
    subject: &'static str,
    name: &'a str,
}

impl<'a> Comparison<'a> {
    fn whole(&mut self) {
        let (before, after) = (self.before, self.after);
        let urls = (&before.manifest.schema_url, &after.manifest.schema_url);
        let place = Place {
            subject: "registry",
            name: urls.1,
        };
        self.word(place, rules::SCHEMA_URL, "schema URL", urls.0, urls.1);
        let stability = (before.manifest.stability, after.manifest.stability);
        self.stability(place, "stability", stability.0, stability.1);
        let maps = (&before.attributes, &after.attributes);
        self.each("attribute", maps, |it| &it.docs, Self::attribute);
        let maps = (&before.groups, &after.groups);
        self.each("group", maps, |it| &it.docs, Self::group);
        let maps = (&before.spans, &after.spans);
        self.each("span", maps, |it| &it.docs, Self::span);
        let maps = (&before.metrics, &after.metrics);
        self.each("metric", maps, |it| &it.docs, Self::metric);
        let maps = (&before.events, &after.events);
        self.each("event", maps, |it| &it.docs, Self::event);
        let maps = (&before.entities, &after.entities);
        self.each("entity", maps, |it| &it.docs, Self::entity);
    }

    /// Compares definitions of one kind: which there are, what all say of themselves, and the rest.
    fn each<T>(
        &mut self,
        subject: &'static str,
        (before, after): (&'a BTreeMap<String, T>, &'a BTreeMap<String, T>),
        docs: fn(&T) -> &Docs,
        compare: fn(&mut Self, Place<'a>, &'a T, &'a T),
    ) {
        let fresh = after.iter().filter(|(name, _)| !before.contains_key(*name));
        let names = before.keys().chain(fresh.map(|(name, _)| name));
        let mut names: Vec<&String> = names.collect();
        names.sort();
        for name in names {
            let place = Place { subject, name };
            match (before.get(name), after.get(name)) {
                (Some(old), Some(new)) => {
                    self.docs(place, docs(old), docs(new));
                    compare(self, place, old, new);
                }
                (Some(old), None) => self.removed(place, docs(old)),
                (None, Some(_)) => self.push(place, rules::ADDED, "added"),
                (None, None) => {}
            }
        }
    }

    fn docs(&mut self, place: Place<'a>, before: &Docs, after: &Docs) {
        let (old, new) = (&before.deprecated, &after.deprecated);
        self.deprecation(place, "", old.as_ref(), new.as_ref());
        self.stability(place, "stability", before.stability, after.stability);
    }

    /// Compares what became of a definition, or, with a space behind its name, of a part of one.
    fn deprecation(
        &mut self,
        place: Place<'_>,
        of: &str,
        before: Option<&Deprecated>,
        after: Option<&Deprecated>,
    ) {
        match (before, after) {
            (old, Some(new)) if old.map(|it| &it.reason) != Some(&new.reason) => {
                let rule = match new.reason {
                    DeprecationReason::Renamed(_) => rules::RENAMED,
                    _ => rules::DEPRECATED,
                };
                self.push(place, rule, format!("{of}{}", fate(new)));
            }
            (Some(_), None) => {
                self.push(
                    place,
                    rules::UNDEPRECATED,
                    format!("{of}not deprecated any more"),
                );
            }
            _ => {}
        }
    }

    fn stability(&mut self, place: Place<'_>, of: &str, before: Stability, after: Stability) {
        let rule = if before == Stability::Stable {
            rules::STABLE_NO_MORE
        } else if after < before {
            rules::STABILITY_LOWERED
        } else {
            rules::STABILITY_RAISED
        };
        self.word(place, rule, of, &json(&before), &json(&after));
    }

    /// Tells of a word that is another one now.
    fn word(&mut self, place: Place<'_>, rule: &'static Rule, of: &str, before: &str, after: &str) {
        if before != after {
            let what = format!("{of} from {} to {}", or_none(before), or_none(after));
            self.push(place, rule, what);
        }
    }

    fn push(&mut self, place: Place<'_>, rule: &'static Rule, what: impl Into<String>) {
        self.changes.push(Change {
            subject: place.subject,
            name: place.name.to_owned(),
            rule,
            what: what.into(),
        });
    }
}

fn or_none(word: &str) -> String {
    if word.is_empty() {
        "(none)".to_owned()
    } else {
        // Never shortened: lists may differ in their last element.
        format!("`{}`", visible(word))
    }
}

/// What became of something deprecated.
fn fate(deprecated: &Deprecated) -> String {
    match &deprecated.reason {
        DeprecationReason::Renamed(to) => format!("deprecated: renamed to {}", quoted(to)),
        DeprecationReason::Obsoleted => "deprecated: obsoleted".to_owned(),
        DeprecationReason::Uncategorized | DeprecationReason::Unspecified => {
            "deprecated".to_owned()
        }
    }
}

/// A value as the resolved registry prints it: words bare, nothing as nothing, the rest as JSON.
fn json<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(serde_json::Value::Null) | Err(_) => String::new(),
        Ok(value) => value.to_string(),
    }
}
