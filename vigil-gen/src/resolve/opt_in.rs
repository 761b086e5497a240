//! Keys that attributes have for whoever opts in: they are defined, and mean the same.

use std::collections::BTreeSet;

use super::attributes::same_type;
use super::{Resolved, Resolver};
use crate::codes;
use crate::diagnostic::{Diagnostic, quoted};
use crate::graph::Edges;
use crate::locations::Kind;
use crate::registry::{Attribute, AttributeType, OptInKey};
use crate::schema::{Located, OptInKeyDef};

pub(crate) fn key(definition: &OptInKeyDef) -> OptInKey {
    OptInKey {
        category: definition.category.clone(),
        renamed_to: definition.renamed_to.value.clone(),
    }
}

/// Checks what attributes say of themselves.
pub(super) fn check(names: &mut Resolver<'_>, resolved: &Resolved) {
    let definitions = names.definitions.attributes.iter();
    let renamed = definitions.filter_map(|it| Some((&it.key, it.notes.opt_in.as_ref()?)));
    let renamed: Vec<(&Located<String>, &OptInKeyDef)> = renamed.collect();
    let mut edges = Edges::new();
    for (key, opt_in) in &renamed {
        let to = &opt_in.renamed_to;
        edges.insert(&key.value, vec![(&to.value, to.at)]);
    }
    names.report_cycles(&edges, "these are renamed to each other in a circle");
    for (key, opt_in) in renamed {
        // Of a template that was reported where it was read.
        let ty = resolved.type_of(&key.value);
        if !matches!(ty, Some(AttributeType::Template(_))) {
            check_key(key, opt_in, resolved, names);
        }
    }
}

/// Checks the key that an attribute has, everywhere or in one place.
pub(super) fn check_key(
    key: &Located<String>,
    opt_in: &OptInKeyDef,
    resolved: &Resolved,
    names: &mut Resolver<'_>,
) {
    let to = &opt_in.renamed_to;
    if !names.expect(Kind::Attribute, to) {
        return;
    }
    let (Some(own), Some(other)) = (
        resolved.attributes.get(&key.value),
        resolved.attributes.get(&to.value),
    ) else {
        return;
    };
    let is_known = |key: &Located<String>| resolved.type_of(&key.value).is_some();
    let types_known = is_known(key) && is_known(to);
    let Some(problem) = problem(own, other, types_known, resolved) else {
        return;
    };
    let at = names.definitions.locations.attribute(&to.value);
    names.diagnostics.push(
        Diagnostic::new(codes::INVALID_OPT_IN, to.at, problem).with_secondary(at, "defined here"),
    );
}

/// Why one can't stand for the other.
fn problem(
    own: &Attribute,
    other: &Attribute,
    types_known: bool,
    resolved: &Resolved,
) -> Option<String> {
    let (old, new) = (quoted(&own.key), quoted(&other.key));
    if own.key == other.key {
        // That an attribute is renamed to itself everywhere was reported as a circle.
        let everywhere = own.stability_opt_in.as_ref();
        return everywhere
            .is_none_or(|it| it.renamed_to != own.key)
            .then(|| format!("{old} is renamed to itself"));
    }
    if own.docs.deprecated.is_some() {
        return Some(format!(
            "{old} is deprecated, for everybody: there is nothing left to opt in to"
        ));
    }
    if other.docs.deprecated.is_some() {
        return Some(format!("{new} is deprecated, so nobody opts in to it"));
    }
    if matches!(own.ty, AttributeType::Template(_)) {
        return Some(format!(
            "{old} is the prefix of keys that are made at run time, which keep their names"
        ));
    }
    if let Some(next) = &other.stability_opt_in {
        // A circle was reported.
        return (!leads_back(other, resolved)).then(|| {
            format!(
                "{new} is renamed itself, to {}: name the last one",
                quoted(&next.renamed_to)
            )
        });
    }
    if types_known && !same_type(&own.ty, &other.ty) {
        Some(format!("{new} is of another type than {old}"))
    } else if own.unit != other.unit {
        Some(format!("{new} is in another unit than {old}"))
    } else if own.sensitive != other.sensitive {
        Some(format!("only one of {old} and {new} is sensitive"))
    } else if own.identity != other.identity {
        Some(format!("only one of {old} and {new} is an identity"))
    } else {
        None
    }
}

/// Whether an attribute ends up at a name that was passed already.
fn leads_back(from: &Attribute, resolved: &Resolved) -> bool {
    let mut passed = BTreeSet::new();
    let mut next = Some(from);
    while let Some(attribute) = next {
        if !passed.insert(attribute.key.as_str()) {
            return true;
        }
        let opt_in = attribute.stability_opt_in.as_ref();
        next = opt_in.and_then(|it| resolved.attributes.get(&it.renamed_to));
    }
    false
}
