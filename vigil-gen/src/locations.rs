//! Where everything was defined, for errors of the stages that no longer know of files.

use std::collections::BTreeMap;

use crate::diagnostic::Location;

/// A kind of definition. Names are unique within their kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Attribute,
    Group,
    Span,
    Metric,
    Event,
    Entity,
}

/// The place of each definition's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Locations {
    definitions: BTreeMap<(Kind, String), Location>,
    members: BTreeMap<(String, String), Location>,
}

impl Locations {
    pub(crate) fn add(&mut self, kind: Kind, name: &str, at: Location) {
        self.definitions.insert((kind, name.to_owned()), at);
    }

    pub(crate) fn add_member(&mut self, key: &str, id: &str, at: Location) {
        self.members.insert((key.to_owned(), id.to_owned()), at);
    }

    pub(crate) fn get(&self, kind: Kind, name: &str) -> Option<Location> {
        self.definitions.get(&(kind, name.to_owned())).copied()
    }

    /// Every name of a kind, in order.
    pub(crate) fn names(&self, kind: Kind) -> impl Iterator<Item = &str> {
        self.definitions
            .range((kind, String::new())..)
            .take_while(move |((found, _), _)| *found == kind)
            .map(|((_, name), _)| name.as_str())
    }

    /// The `key` of an attribute. The registry's directory if there is no such attribute, as for
    /// the other kinds below.
    pub fn attribute(&self, key: &str) -> Location {
        self.get(Kind::Attribute, key).unwrap_or_default()
    }

    /// The `id` of a member of an enum attribute.
    pub fn member(&self, key: &str, id: &str) -> Location {
        self.members
            .get(&(key.to_owned(), id.to_owned()))
            .copied()
            .unwrap_or_default()
    }

    /// The `type` of a span, or the `id` of a span refinement.
    pub fn span(&self, ty: &str) -> Location {
        self.get(Kind::Span, ty).unwrap_or_default()
    }

    /// The `name` of a metric.
    pub fn metric(&self, name: &str) -> Location {
        self.get(Kind::Metric, name).unwrap_or_default()
    }

    /// The `name` of an event.
    pub fn event(&self, name: &str) -> Location {
        self.get(Kind::Event, name).unwrap_or_default()
    }

    /// The `id` of an attribute group.
    pub fn group(&self, id: &str) -> Location {
        self.get(Kind::Group, id).unwrap_or_default()
    }
}
