//! Where everything was defined, for errors of the stages that no longer know of files.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Location, nearest};

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
    definitions: BTreeMap<Kind, BTreeMap<String, Location>>,
    members: BTreeMap<String, BTreeMap<String, Location>>,
    /// Where the registry's own definitions refer to attributes.
    references: BTreeMap<Kind, BTreeMap<String, BTreeMap<String, Location>>>,
    /// Names against the rules, which nobody should be pointed to.
    malformed: BTreeMap<Kind, BTreeSet<String>>,
    /// What those were reported to be better called.
    mended: BTreeMap<Kind, BTreeSet<String>>,
    /// Kinds of which a definition's name could not be read.
    nameless: BTreeSet<Kind>,
}

impl Locations {
    pub(crate) fn add(&mut self, kind: Kind, name: &str, at: Location) {
        let of_kind = self.definitions.entry(kind).or_default();
        of_kind.insert(name.to_owned(), at);
    }

    pub(crate) fn add_member(&mut self, key: &str, id: &str, at: Location) {
        if let Some(members) = self.members.get_mut(key) {
            members.insert(id.to_owned(), at);
        } else {
            let members = BTreeMap::from([(id.to_owned(), at)]);
            self.members.insert(key.to_owned(), members);
        }
    }

    /// Enters where a definition refers to attributes: their keys, and the places.
    pub(crate) fn add_references<'k>(
        &mut self,
        kind: Kind,
        name: &str,
        keys: impl Iterator<Item = (&'k str, Location)>,
    ) {
        let of_kind = self.references.entry(kind).or_default();
        let keys = keys.map(|(key, at)| (key.to_owned(), at));
        of_kind.insert(name.to_owned(), keys.collect());
    }

    /// Where a definition refers to an attribute, unless another registry says so.
    pub(crate) fn reference(&self, kind: Kind, name: &str, key: &str) -> Option<Location> {
        self.references.get(&kind)?.get(name)?.get(key).copied()
    }

    /// Keeps in mind that a name is against the rules, and what it was to be called instead.
    pub(crate) fn malformed(&mut self, kind: Kind, name: &str, mended: Option<String>) {
        let malformed = self.malformed.entry(kind).or_default();
        malformed.insert(name.to_owned());
        self.mended.entry(kind).or_default().extend(mended);
    }

    /// Keeps in mind that there is a definition whose name could not be read.
    pub(crate) fn nameless(&mut self, kind: Kind) {
        self.nameless.insert(kind);
    }

    /// Whether a name that isn't defined may be that of a definition whose name was refused: it is
    /// what that one should be called, or, if that is asked for, near to it.
    pub(crate) fn may_be_meant(&self, kind: Kind, name: &str, or_near: bool) -> bool {
        let [malformed, mended] = [&self.malformed, &self.mended].map(|names| names.get(&kind));
        let refused = malformed.into_iter().chain(mended).flatten();
        self.nameless.contains(&kind)
            || mended.is_some_and(|mended| mended.contains(name))
            || (or_near && nearest(name, refused.map(String::as_str)).is_some())
    }

    /// Whether the name of some definition could not be read.
    pub(crate) fn any_nameless(&self) -> bool {
        !self.nameless.is_empty()
    }

    pub(crate) fn get(&self, kind: Kind, name: &str) -> Option<Location> {
        self.definitions.get(&kind)?.get(name).copied()
    }

    /// Every name of a kind that can be used, in order.
    pub(crate) fn names(&self, kind: Kind) -> impl Iterator<Item = &str> {
        let names = self.definitions.get(&kind).into_iter().flatten();
        let malformed = self.malformed.get(&kind);
        names
            .map(|(name, _)| name.as_str())
            .filter(move |name| malformed.is_none_or(|it| !it.contains(*name)))
    }

    /// The `key` of an attribute. The registry's directory if there is no such attribute, as for
    /// the other kinds below.
    pub fn attribute(&self, key: &str) -> Location {
        self.get(Kind::Attribute, key).unwrap_or_default()
    }

    /// The `id` of a member of an enum attribute.
    pub fn member(&self, key: &str, id: &str) -> Location {
        self.members
            .get(key)
            .and_then(|members| members.get(id))
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
