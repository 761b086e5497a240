//! What a lint looks at.

use super::{Judging, Lint};
use crate::Checked;
use crate::date::Date;
use crate::diagnostic::{Diagnostic, Location};
use crate::locations::Kind;
use crate::registry::{Attribute, AttributeRef, Docs, Metric, Registry};

/// A registry, and what lints go by.
pub(super) struct Scope<'a> {
    /// The lint.
    lint: &'static Lint,
    /// The registry, with all that it takes from others.
    pub(super) registry: &'a Registry,
    /// The same, with its places.
    pub(super) checked: &'a Checked,
    /// The day that it is.
    pub(super) today: Date,
    /// An earlier state of it.
    pub(super) baseline: Option<&'a Checked>,
    /// Which of the suppressions have suppressed something so far.
    pub(super) used: &'a [bool],
}

/// A definition of the registry's own.
#[derive(Clone, Copy)]
pub(super) struct Definition<'a> {
    pub(super) kind: Kind,
    pub(super) name: &'a str,
    pub(super) docs: &'a Docs,
}

impl<'a> Scope<'a> {
    pub(super) fn new(
        lint: &'static Lint,
        checked: &'a Checked,
        judging: &Judging<'a>,
        used: &'a [bool],
    ) -> Self {
        Self {
            lint,
            registry: &checked.registry,
            checked,
            today: judging.today,
            baseline: judging.baseline,
            used,
        }
    }

    /// Something that was found.
    pub(super) fn finding(&self, at: Location, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.lint.name, at, message)
    }

    /// Everything that the registry itself defines.
    pub(super) fn own(&self) -> impl Iterator<Item = Definition<'a>> {
        let registry = self.registry;
        macro_rules! all {
            ($($kind:ident $field:ident),*) => {
                std::iter::empty()$(.chain(registry.$field.iter().map(|(name, it)| Definition {
                    kind: Kind::$kind,
                    name,
                    docs: &it.docs,
                })))*
            };
        }
        let all = all!(
            Attribute attributes, Group groups, Span spans, Metric metrics, Event events, Entity entities
        );
        all.filter(|it| is_own(it.docs))
    }

    /// What of that is to be used.
    pub(super) fn current(&self) -> impl Iterator<Item = Definition<'a>> {
        self.own().filter(|it| it.docs.deprecated.is_none())
    }

    /// The attributes among them.
    pub(super) fn attributes(&self) -> impl Iterator<Item = &'a Attribute> {
        let all = self.registry.attributes.values();
        all.filter(|it| is_current(&it.docs))
    }

    /// The metrics among them.
    pub(super) fn metrics(&self) -> impl Iterator<Item = &'a Metric> {
        let all = self.registry.metrics.values();
        all.filter(|it| is_current(&it.docs))
    }

    /// The attribute that a reference refers to.
    pub(super) fn attribute(&self, reference: &AttributeRef) -> Option<&'a Attribute> {
        self.registry.attributes.get(&reference.key)
    }

    /// What a definition refers to. A span's records are definitions themselves.
    pub(super) fn references(
        &self,
        definition: Definition<'a>,
    ) -> impl Iterator<Item = &'a AttributeRef> {
        let registry = self.registry;
        let name = definition.name;
        let (some, more): (&[AttributeRef], &[AttributeRef]) = match definition.kind {
            Kind::Attribute => (&[], &[]),
            Kind::Group => (&registry.groups[name].attributes, &[]),
            Kind::Span => (&registry.spans[name].attributes, &[]),
            Kind::Metric => (&registry.metrics[name].attributes, &[]),
            Kind::Event => (&registry.events[name].attributes, &[]),
            Kind::Entity => {
                let entity = &registry.entities[name];
                (&entity.identity, &entity.description)
            }
        };
        let is_span = definition.kind == Kind::Span;
        let all = some.iter().chain(more);
        all.filter(move |it| !is_span || it.from_group.is_none())
    }

    /// Where a definition stands.
    pub(super) fn at(&self, definition: Definition<'_>) -> Location {
        let at = self.checked.locations.get(definition.kind, definition.name);
        at.unwrap_or_default()
    }

    /// Where a definition refers to an attribute, or where it stands itself if that is another registry's
    /// to say.
    pub(super) fn reference_at(&self, definition: Definition<'_>, key: &str) -> Location {
        let locations = &self.checked.locations;
        let at = locations.reference(definition.kind, definition.name, key);
        at.unwrap_or_else(|| self.at(definition))
    }
}

impl<'a> Definition<'a> {
    pub(super) fn attribute(attribute: &'a Attribute) -> Self {
        Self {
            kind: Kind::Attribute,
            name: &attribute.key,
            docs: &attribute.docs,
        }
    }

    pub(super) fn metric(metric: &'a Metric) -> Self {
        Self {
            kind: Kind::Metric,
            name: &metric.name,
            docs: &metric.docs,
        }
    }
}

/// Whether the registry itself says so.
pub(super) fn is_own(docs: &Docs) -> bool {
    docs.origin.registry.is_none()
}

fn is_current(docs: &Docs) -> bool {
    is_own(docs) && docs.deprecated.is_none()
}
