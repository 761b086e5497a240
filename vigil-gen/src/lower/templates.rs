//! Attributes whose keys are made at run time. The carrier takes only keys that are declared, so no
//! generated code sets them.

use crate::codes;
use crate::diagnostic::{Diagnostic, Diagnostics, Location};
use crate::locations::Locations;
use crate::registry::{AttributeRef, AttributeType, Registry, RequirementLevel};

/// Reports each that is required: it would never be given.
pub(crate) fn check(registry: &Registry, locations: &Locations, diagnostics: &mut Diagnostics) {
    let mut check = |name: &str, at: Location, attributes: &[AttributeRef]| {
        for reference in attributes.iter().filter(|it| is_required(it, registry)) {
            diagnostics.push(
                Diagnostic::new(
                    codes::REQUIRED_TEMPLATE,
                    at,
                    format!(
                        "`{name}` requires `{}`, which generated code can't set: it is the prefix of keys that are made at run time",
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
        check(&span.ty, locations.span(&span.ty), &own);
    }
    for group in registry.groups.values().filter(|it| it.record.is_some()) {
        check(&group.id, locations.group(&group.id), &group.attributes);
    }
    for metric in registry.metrics.values() {
        check(
            &metric.name,
            locations.metric(&metric.name),
            &metric.attributes,
        );
    }
    for event in registry.events.values() {
        check(&event.name, locations.event(&event.name), &event.attributes);
    }
}

fn is_required(reference: &AttributeRef, registry: &Registry) -> bool {
    let attribute = registry.attributes.get(&reference.key);
    reference.level == RequirementLevel::Required
        && reference.value.is_none()
        && attribute.is_some_and(|it| matches!(it.ty, AttributeType::Template(_)))
}
