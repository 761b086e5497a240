//! Attributes whose keys are made at run time, where no code can be made of them.

use crate::codes;
use crate::diagnostic::{Diagnostic, Diagnostics, Location};
use crate::locations::Locations;
use crate::registry::{AttributeRef, AttributeType, Registry, RequirementLevel};

/// Reports each that is required, since no type says that a key was given, and each on a metric,
/// since nothing bounds its keys.
pub(crate) fn check(registry: &Registry, locations: &Locations, diagnostics: &mut Diagnostics) {
    let mut required = |name: &str, at: Location, attributes: &[AttributeRef]| {
        for reference in attributes.iter().filter(|it| is_required(it, registry)) {
            diagnostics.push(
                Diagnostic::new(
                    codes::REQUIRED_TEMPLATE,
                    at,
                    format!(
                        "`{name}` requires `{}`, and nothing can tell that it was given: it is the prefix of keys that are made at run time",
                        reference.key
                    ),
                )
                .with_secondary(locations.attribute(&reference.key), "defined here")
                .with_help("make the reference `recommended` or `opt_in`, or give the attribute a type that is no template"),
            );
        }
    };
    for span in registry.spans.values() {
        let own: Vec<AttributeRef> = span
            .attributes
            .iter()
            .filter(|it| {
                it.from_group
                    .as_ref()
                    .is_none_or(|group| !span.records.contains(group))
            })
            .cloned()
            .collect();
        required(&span.ty, locations.span(&span.ty), &own);
    }
    for group in registry.groups.values().filter(|it| it.record.is_some()) {
        required(&group.id, locations.group(&group.id), &group.attributes);
    }
    for event in registry.events.values() {
        required(&event.name, locations.event(&event.name), &event.attributes);
    }
    for metric in registry.metrics.values() {
        let templates = metric.attributes.iter();
        for reference in templates.filter(|it| is_template(it, registry)) {
            diagnostics.push(
                Diagnostic::new(
                    codes::METRIC_TEMPLATE,
                    locations.metric(&metric.name),
                    format!(
                        "`{}` has `{}`, and nothing bounds its keys: it is the prefix of keys that are made at run time",
                        metric.name, reference.key
                    ),
                )
                .with_secondary(locations.attribute(&reference.key), "defined here")
                .with_help("take it out, or refer to an attribute for each key that matters"),
            );
        }
    }
}

fn is_required(reference: &AttributeRef, registry: &Registry) -> bool {
    reference.level == RequirementLevel::Required
        && reference.value.is_none()
        && is_template(reference, registry)
}

fn is_template(reference: &AttributeRef, registry: &Registry) -> bool {
    let attribute = registry.attributes.get(&reference.key);
    attribute.is_some_and(|it| matches!(it.ty, AttributeType::Template(_)))
}
