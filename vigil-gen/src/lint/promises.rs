//! What is promised to those who rely on it.

use super::scope::{Scope, is_own};
use crate::Checked;
use crate::diagnostic::{Diagnostic, Location, quoted};
use crate::diff::{Change, Diff};
use crate::locations::Kind;
use crate::registry::{AttributeType, RequirementLevel};

pub(super) fn stability(scope: &Scope<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    // A group promises nothing by itself.
    for definition in scope.current().filter(|it| it.kind != Kind::Group) {
        let promised = definition.docs.stability;
        for reference in scope.references(definition) {
            let Some(attribute) = scope.attribute(reference) else {
                continue;
            };
            let stability = reference.stability.unwrap_or(attribute.docs.stability);
            let opt_in = matches!(reference.level, RequirementLevel::OptIn(_));
            let deprecated = reference.deprecated.is_some() || attribute.docs.deprecated.is_some();
            if opt_in || deprecated || stability >= promised {
                continue;
            }
            let message = format!(
                "{} is less stable than {}, which refers to it",
                quoted(&reference.key),
                quoted(definition.name)
            );
            let at = scope.reference_at(definition, &reference.key);
            found.push(
                scope
                    .finding(at, message)
                    .with_help("make the reference `opt_in`, or give both one stability"),
            );
        }
    }
    found
}

/// What the diff tells of as removed, and was not deprecated before.
pub(super) fn removed(scope: &Scope<'_>) -> Vec<Diagnostic> {
    let Some(baseline) = scope.baseline else {
        return Vec::new();
    };
    let diff = Diff::of(&baseline.registry, scope.registry);
    let found = diff.changes.iter().filter_map(|change| {
        let before = former_place(change, baseline)?;
        let (at, message) = if change.removes_a_member() {
            let at = scope.checked.locations.attribute(&change.name);
            (
                at,
                format!(
                    "{} from {} without having been deprecated",
                    change.what,
                    quoted(&change.name)
                ),
            )
        } else {
            let file = baseline.sources.relative(before.file);
            let file = scope.checked.sources.own_file(file);
            let at = file.map_or_else(|| scope.checked.sources.root(), Location::whole);
            let message = format!(
                "the {} {} is gone without having been deprecated",
                change.subject,
                quoted(&change.name)
            );
            (at, message)
        };
        let there = baseline.sources.position(before);
        let instead = change.rule.instead.unwrap_or_default();
        Some(
            scope
                .finding(at, message)
                .with_help(format!("{instead}; it stood at {there}")),
        )
    });
    found.collect()
}

/// Where something stood that was removed and not deprecated before, if the change is of that kind.
fn former_place(change: &Change, baseline: &Checked) -> Option<Location> {
    let registry = &baseline.registry;
    let locations = &baseline.locations;
    let name = change.name.as_str();
    // Those of a body are the event's.
    if change.removes_a_member() && change.subject == "attribute" {
        let attribute = registry
            .attributes
            .get(name)
            .filter(|it| is_own(&it.docs))?;
        let AttributeType::Enum(ty) = &attribute.ty else {
            return None;
        };
        let member = ty.members.iter().find(|it| change.names(&it.id))?;
        let current = member.docs.deprecated.is_none();
        return current.then(|| locations.member(name, &member.id));
    }
    if !change.removes_a_definition() {
        return None;
    }
    let (docs, at) = match change.subject {
        "attribute" => (
            &registry.attributes.get(name)?.docs,
            locations.attribute(name),
        ),
        "group" => (&registry.groups.get(name)?.docs, locations.group(name)),
        "span" => (&registry.spans.get(name)?.docs, locations.span(name)),
        "metric" => (&registry.metrics.get(name)?.docs, locations.metric(name)),
        "event" => (&registry.events.get(name)?.docs, locations.event(name)),
        "entity" => {
            let at = locations.get(Kind::Entity, name).unwrap_or_default();
            (&registry.entities.get(name)?.docs, at)
        }
        _ => return None,
    };
    is_own(docs).then_some(at)
}
