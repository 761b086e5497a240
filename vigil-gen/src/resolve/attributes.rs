//! Attribute definitions: what they say of other attributes, and of their own members.

use std::collections::BTreeMap;

use super::{Resolved, Resolver, opt_in};
use crate::codes;
use crate::diagnostic::{Diagnostic, nearest, quoted};
use crate::graph::Edges;
use crate::locations::Kind;
use crate::registry::{Attribute, AttributeType, EnumMember, EnumType};
use crate::schema::{AttributeDef, Located, value_text};

pub(super) fn resolve(names: &mut Resolver<'_>, resolved: &mut Resolved) {
    for definition in &names.definitions.attributes {
        let key = &definition.key.value;
        if definition.ty.is_none() {
            resolved.untyped.insert(key.clone());
        }
        resolved
            .attributes
            .insert(key.clone(), attribute(definition));
        check_member_renames(definition, names);
    }
    for definition in &names.definitions.attributes {
        check_filled_from(definition, resolved, names);
    }
    follow_fills(names, resolved);
    opt_in::check(names, resolved);
    check_shared_types(names);
}

fn attribute(definition: &AttributeDef) -> Attribute {
    let notes = &definition.notes;
    Attribute {
        key: definition.key.value.clone(),
        ty: definition.ty.clone().unwrap_or(AttributeType::Any),
        examples: definition.examples.clone(),
        docs: definition.docs.over(None),
        unit: notes.unit.as_ref().map(|unit| unit.value.clone()),
        identity: notes.identity,
        sensitive: notes.sensitive,
        inherited: notes.inherited.as_ref().is_some_and(|it| it.value),
        filled_from: notes.filled_from.as_ref().map(|key| key.value.clone()),
        stability_opt_in: notes.opt_in.as_ref().map(opt_in::key),
    }
}

/// A member is renamed to another one's id, or to its value, as upstream does.
fn check_member_renames<'a>(definition: &'a AttributeDef, names: &mut Resolver<'a>) {
    let Some(AttributeType::Enum(ty)) = &definition.ty else {
        return;
    };
    let mut edges = Edges::new();
    for (id, to) in &definition.member_renames {
        let is_meant =
            |member: &&EnumMember| member.id == to.value || value_text(&member.value) == to.value;
        let mut targets = ty.members.iter().filter(is_meant).peekable();
        let itself = targets.peek().is_some();
        if let Some(target) = targets.find(|target| target.id != *id) {
            edges.insert(id, vec![(&target.id, to.at)]);
            continue;
        }
        let others = ty
            .members
            .iter()
            .map(|member| member.id.as_str())
            .filter(|other| other != id);
        let help =
            nearest(&to.value, others).map(|guess| format!("did you mean {}?", quoted(guess)));
        let message = if itself {
            format!("the member {} is renamed to itself", quoted(id))
        } else {
            format!(
                "{} has no member {}",
                quoted(&definition.key.value),
                quoted(&to.value)
            )
        };
        names
            .diagnostics
            .push(Diagnostic::new(codes::UNKNOWN_MEMBER, to.at, message).with_help_if(help));
    }
    names.report_cycles(
        &edges,
        "these members are renamed to each other in a circle",
    );
}

/// What fills an attribute on every span must be on every span, and fit.
fn check_filled_from(definition: &AttributeDef, resolved: &Resolved, names: &mut Resolver<'_>) {
    let Some(from) = &definition.notes.filled_from else {
        return;
    };
    if !names.expect(Kind::Attribute, from) {
        return;
    }
    let Some(source) = resolved.attributes.get(&from.value) else {
        return;
    };
    let at = names.definitions.locations.attribute(&from.value);
    if !source.inherited {
        names.diagnostics.push(
            Diagnostic::new(
                codes::INVALID_FILL,
                from.at,
                format!(
                    "{} is not inherited, so it can't fill other attributes",
                    quoted(&from.value)
                ),
            )
            .with_secondary(at, "defined here")
            .with_help("add `inherited: true` to its annotations"),
        );
    }
    let types = (
        resolved.type_of(&definition.key.value),
        resolved.type_of(&from.value),
    );
    if let (Some(own), Some(other)) = types
        && !same_type(own, other)
    {
        names.diagnostics.push(
            Diagnostic::new(
                codes::INVALID_FILL,
                from.at,
                format!(
                    "{} is of another type than {}",
                    quoted(&from.value),
                    quoted(&definition.key.value)
                ),
            )
            .with_secondary(at, "defined here"),
        );
    }
}

/// What is filled from an identity or from content is one itself.
fn follow_fills(names: &mut Resolver<'_>, resolved: &mut Resolved) {
    let mut edges = Edges::new();
    for definition in &names.definitions.attributes {
        let from = definition.notes.filled_from.iter();
        let from = from.map(|from| (from.value.as_str(), from.at));
        edges.insert(&definition.key.value, from.collect());
    }
    let order = names.report_cycles(&edges, "these are filled from each other in a circle");
    for key in order {
        let Some(from) = edges.get(key).and_then(|from| from.first()) else {
            continue;
        };
        let Some(source) = resolved.attributes.get(from.0) else {
            continue;
        };
        let (identity, sensitive) = (source.identity, source.sensitive);
        if let Some(attribute) = resolved.attributes.get_mut(key) {
            attribute.identity |= identity;
            attribute.sensitive |= sensitive;
        }
    }
}

pub(super) fn same_type(left: &AttributeType, right: &AttributeType) -> bool {
    match (left, right) {
        (AttributeType::Enum(left), AttributeType::Enum(right)) => {
            difference(left, right).is_none()
        }
        _ => left == right,
    }
}

/// Attributes that share a type must agree on all that the type is made of.
fn check_shared_types(names: &mut Resolver<'_>) {
    let mut first: BTreeMap<&str, (&Located<String>, &str, &EnumType)> = BTreeMap::new();
    for definition in &names.definitions.attributes {
        let (Some(AttributeType::Enum(ty)), Some(name)) =
            (&definition.ty, &definition.notes.shared_name)
        else {
            continue;
        };
        let key = definition.key.value.as_str();
        let Some((other_name, other_key, other)) = first.get(name.value.as_str()) else {
            first.insert(&name.value, (name, key, ty));
            continue;
        };
        if let Some(difference) = difference(other, ty) {
            names.diagnostics.push(
                Diagnostic::new(
                    codes::SHARED_ENUM,
                    name.at,
                    format!(
                        "{} and {} share the type {}, but {difference}",
                        quoted(other_key),
                        quoted(key),
                        quoted(&name.value),
                    ),
                )
                .with_secondary(other_name.at, "first given here")
                .with_help("make them equal, or give one of them a type name of its own"),
            );
        }
    }
}

/// In what two enums differ, to follow a "but".
fn difference(left: &EnumType, right: &EnumType) -> Option<String> {
    if left.closed != right.closed {
        return Some("only one of them is `closed`".to_owned());
    }
    if left.members.len() != right.members.len() {
        return Some(format!(
            "one has {} members, the other {}",
            left.members.len(),
            right.members.len()
        ));
    }
    let mut pairs = left.members.iter().zip(&right.members);
    let (one, other) = pairs.find(|(one, other)| one.id != other.id || one.value != other.value)?;
    Some(if one.id == other.id {
        format!("their members {} have different values", quoted(&one.id))
    } else {
        format!(
            "one has {} where the other has {}",
            quoted(&one.id),
            quoted(&other.id)
        )
    })
}
