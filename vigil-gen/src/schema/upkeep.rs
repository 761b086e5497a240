//! Who answers for a definition, until when it is good, and which lints do not hold for it.

use super::fields::{Fields, text, wrong_shape};
use super::notes::{invalid, read_manifest_notes};
use super::places::ALLOWED_LINT;
use super::{Definitions, Located};
use crate::codes;
use crate::date::Date;
use crate::diagnostic::{Diagnostic, Diagnostics, Location, nearest, quoted};
use crate::lint::{self, Lint};
use crate::yaml::{Node, Yaml};

/// What `annotations.vigil` says of the upkeep of a definition.
#[derive(Clone, Debug, Default)]
pub(super) struct Upkeep {
    /// `owner`
    pub(super) owner: Option<String>,
    /// `expires`
    pub(super) expires: Option<Date>,
}

/// Reads `owner` and `expires`. Where they may not stand, that is reported with the other annotations.
pub(super) fn read_upkeep(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Upkeep {
    let notes = fields.get("annotations").and_then(|it| it.get("vigil"));
    let Some(notes) = notes.map(|node| Fields { node }) else {
        return Upkeep::default();
    };
    Upkeep {
        owner: notes
            .get("owner")
            .and_then(|node| read_owner(node, "`owner`", diagnostics)),
        expires: notes
            .get("expires")
            .and_then(|node| read_day(node, diagnostics)),
    }
}

fn read_owner(node: &Node, what: &str, diagnostics: &mut Diagnostics) -> Option<String> {
    let owner = text(node, what, diagnostics)?;
    let name = owner.value.trim();
    if name.is_empty() {
        diagnostics.push(
            invalid(owner.at, format!("{what} is empty")).with_help("name a team or a person"),
        );
        return None;
    }
    Some(name.to_owned())
}

fn read_day(node: &Node, diagnostics: &mut Diagnostics) -> Option<Date> {
    let read = node.text().and_then(|text| text.parse().ok());
    if read.is_none() {
        let error = match node.text() {
            Some(text) => invalid(node.at, format!("{} is no day", quoted(text))),
            None => wrong_shape(node, "`expires`", "a day"),
        };
        let help = "write year, month and day, such as `2027-06-30`";
        diagnostics.push(error.with_help(help));
    }
    read
}

/// Who a manifest says answers for what.
#[derive(Clone, Debug, Default)]
pub(crate) struct Owners {
    /// For all that nobody else is named for.
    of_all: Option<String>,
    /// For a namespace.
    of: Vec<(Located<String>, String)>,
}

/// Reads `owner` and `owners` of a manifest.
pub(super) fn read_owners(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Owners {
    let Some(fields) = read_manifest_notes(fields, diagnostics) else {
        return Owners::default();
    };
    let of_all = fields.get("owner");
    let owners = fields.get("owners");
    if let Some(node) = owners.filter(|node| !matches!(node.yaml, Yaml::Map(_))) {
        diagnostics.push(wrong_shape(
            node,
            "`owners`",
            "a mapping from namespaces to who answers for them",
        ));
    }
    Owners {
        of_all: of_all.and_then(|node| read_owner(node, "`owner`", diagnostics)),
        of: owners
            .map_or(&[][..], Node::entries)
            .iter()
            .filter_map(|entry| {
                let what = format!("the owner of {}", quoted(&entry.key));
                let owner = read_owner(&entry.node, &what, diagnostics)?;
                Some((Located::new(entry.key.clone(), entry.key_at), owner))
            })
            .collect(),
    }
}

impl Owners {
    /// Names the owner of all definitions of a registry that name none. Reports namespaces in which there
    /// is nothing.
    pub(crate) fn name(
        &self,
        registry: Option<&str>,
        definitions: &mut Definitions,
        diagnostics: &mut Diagnostics,
    ) {
        let mut known = Vec::new();
        for (name, docs) in definitions.docs_mut() {
            if docs.origin.registry.as_deref() != registry {
                continue;
            }
            if docs.owner.is_none() {
                docs.owner = self.of(name).map(str::to_owned);
            }
            known.push(name.to_owned());
        }
        if definitions.incomplete {
            return;
        }
        for (namespace, _) in &self.of {
            if known.iter().any(|name| is_within(name, &namespace.value)) {
                continue;
            }
            let spaces = known.iter().map(|name| crate::names::namespace(name));
            let guess = nearest(&namespace.value, spaces);
            diagnostics.push(
                Diagnostic::new(
                    codes::UNKNOWN_NAMESPACE,
                    namespace.at,
                    format!("nothing is defined in {}", quoted(&namespace.value)),
                )
                .with_help_if(guess.map(|guess| format!("did you mean {}?", quoted(guess)))),
            );
        }
    }

    fn of(&self, name: &str) -> Option<&str> {
        let spaces = self.of.iter();
        let spaces = spaces.filter(|(namespace, _)| is_within(name, &namespace.value));
        let nearest = spaces.max_by_key(|(namespace, _)| namespace.value.len());
        let owner = nearest.map(|(_, owner)| owner).or(self.of_all.as_ref());
        owner.map(String::as_str)
    }
}

/// Whether a name is a namespace, or stands in it.
fn is_within(name: &str, namespace: &str) -> bool {
    name.strip_prefix(namespace)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// A lint that does not hold for a definition or reference, and all that is within it.
#[derive(Clone, Debug)]
pub(crate) struct Allow {
    /// Which one, and where it is said.
    pub(crate) lint: Located<&'static Lint>,
    /// Why.
    pub(crate) reason: Option<String>,
    /// Where the definition or reference begins.
    from: Location,
    /// Where the last thing in it stands.
    to: Location,
}

impl Allow {
    /// Whether a place is within what it stands on.
    pub(crate) fn covers(&self, at: Location) -> bool {
        self.from.file == at.file && self.from <= at && at <= self.to
    }

    /// Of two that cover a place, the one that is nearer to it is greater.
    pub(crate) fn nearness(&self) -> Location {
        self.from
    }
}

/// Reads every `annotations.vigil.allow` in a file. Where it may not stand, that is reported with the
/// other annotations.
pub(crate) fn read_allows(node: &Node, diagnostics: &mut Diagnostics) -> Vec<Allow> {
    let mut allows = Vec::new();
    collect(node, &mut allows, diagnostics);
    allows
}

fn collect(node: &Node, allows: &mut Vec<Allow>, diagnostics: &mut Diagnostics) {
    match &node.yaml {
        Yaml::List(items) => {
            for item in items {
                collect(item, allows, diagnostics);
            }
        }
        Yaml::Map(entries) => {
            let notes = node.get("annotations").and_then(|it| it.get("vigil"));
            if let Some(list) = notes.and_then(|it| it.get("allow")) {
                let fields = Fields {
                    node: notes.unwrap_or(node),
                };
                let (from, to) = extent(node);
                let items = match list.text() {
                    _ if list.is_null() => &[],
                    Some(text) => {
                        let help = format!("write {}", quoted(&format!("[{text}]")));
                        let error = wrong_shape(list, "`allow`", "a list");
                        diagnostics.push(error.with_help(help));
                        &[]
                    }
                    None => fields.list("allow", diagnostics),
                };
                allows.extend(items.iter().filter_map(|item| {
                    let (lint, reason) = read_allow(item, diagnostics)?;
                    Some(Allow {
                        lint,
                        reason,
                        from,
                        to,
                    })
                }));
            }
            for entry in entries {
                collect(&entry.node, allows, diagnostics);
            }
        }
        _ => {}
    }
}

fn read_allow(
    node: &Node,
    diagnostics: &mut Diagnostics,
) -> Option<(Located<&'static Lint>, Option<String>)> {
    let (name, reason) = if let Yaml::Map(_) = node.yaml {
        let fields = Fields::open(node, &ALLOWED_LINT, diagnostics)?;
        let reason = fields.prose("reason", diagnostics);
        if reason.as_ref().is_some_and(String::is_empty)
            && let Some(entry) = fields.entry("reason")
        {
            diagnostics.push(
                invalid(entry.key_at, "the `reason` is empty")
                    .with_help("say why the lint does not hold here, or leave it out"),
            );
        }
        (fields.text("lint", diagnostics)?, reason)
    } else {
        (text(node, "a suppressed lint", diagnostics)?, None)
    };
    let lint = lint::find(&name.value);
    if lint.is_none() {
        diagnostics.push(lint::unknown(&name, []));
    }
    Some((Located::new(lint?, name.at), reason))
}

/// From the first thing in a node to the last.
fn extent(node: &Node) -> (Location, Location) {
    let (mut from, mut to) = (node.at, node.at);
    let mut take = |at: Location| {
        from = from.min(at);
        to = to.max(at);
    };
    match &node.yaml {
        Yaml::List(items) => {
            for item in items {
                let (first, last) = extent(item);
                take(first);
                take(last);
            }
        }
        Yaml::Map(entries) => {
            for entry in entries {
                take(entry.key_at);
                let (first, last) = extent(&entry.node);
                take(first);
                take(last);
            }
        }
        _ => {}
    }
    (from, to)
}
