//! Lists of references: what each one says about its attribute, and how groups unfold into them.
//!
//! As upstream has it: a definition's own reference to an attribute that also comes with a group
//! refines what the group says, field by field. Two groups of one list that bring the same
//! attribute are an error, since neither is nearer than the other.

use std::collections::{BTreeMap, HashMap};

use super::{Reference, Resolved, Resolver, Unfolded, opt_in};
use crate::codes;
use crate::diagnostic::{Diagnostic, Diagnostics, Location, nearest, quoted, visible};
use crate::locations::Kind;
use crate::registry::{Aggregate, AttributeType, DeprecationReason, EnumValue};
use crate::schema::{Item, Located, RefDef, RefNotes, read_examples_of, scalar_fits, value_text};

/// Checks what a list refers to, and what it says about it.
pub(super) fn check(items: &[Item], resolved: &Resolved, names: &mut Resolver<'_>) {
    for item in items {
        match item {
            Item::Group(id) => {
                names.expect(Kind::Group, id);
            }
            Item::Attribute(reference) => check_reference(reference, resolved, names),
        }
    }
}

fn check_reference(reference: &RefDef, resolved: &Resolved, names: &mut Resolver<'_>) {
    if let Some(deprecated) = &reference.deprecated
        && let DeprecationReason::Renamed(to) = &deprecated.value.reason
    {
        if *to == reference.key.value {
            let key = visible(to);
            let message = format!("this is renamed to itself: `{key} -> {key}`");
            names
                .diagnostics
                .push(Diagnostic::new(codes::CYCLE, deprecated.at, message));
        } else {
            let to = Located::new(to.clone(), deprecated.at);
            names.expect(Kind::Attribute, &to);
        }
    }
    if !names.expect(Kind::Attribute, &reference.key) {
        return;
    }
    let key = &reference.key.value;
    let Some(ty) = resolved.type_of(key) else {
        return;
    };
    if let Some(opt_in) = &reference.notes.opt_in {
        opt_in::check_key(&reference.key, opt_in, resolved, names);
    }
    let sensitive = resolved.attributes.get(key).is_some_and(|it| it.sensitive);
    let diagnostics = &mut *names.diagnostics;
    if let Some(value) = reference.notes.value.as_ref().filter(|_| sensitive) {
        let message = format!(
            "{} is sensitive, and a constant would go out unasked",
            quoted(key)
        );
        diagnostics.push(
            Diagnostic::new(codes::INVALID_CONSTANT, value.at, message)
                .with_secondary(
                    names.definitions.locations.attribute(key),
                    "marked as sensitive here",
                )
                .with_help("take `value` out: content passes the capture gate"),
        );
    }
    if let Some(examples) = &reference.examples
        && reference.examples_checked
    {
        read_examples_of(examples, ty, diagnostics);
    }
    if let Some(value) = &reference.notes.value
        && let Err(problem) = scalar_fits(key, &value.value, ty)
    {
        let help = nearest_member(&value.value, ty);
        diagnostics.push(
            Diagnostic::new(codes::INVALID_CONSTANT, value.at, problem)
                .with_help_if(help.map(|member| format!("did you mean {}?", quoted(member)))),
        );
    }
    if let Some(aggregate) = &reference.notes.aggregate {
        check_aggregate(key, aggregate, ty, diagnostics);
    }
    if let Some(outcome) = reference
        .notes
        .outcome
        .as_ref()
        .filter(|outcome| outcome.value)
    {
        check_outcome(key, outcome.at, ty, diagnostics);
    }
}

fn nearest_member<'a>(value: &EnumValue, ty: &'a AttributeType) -> Option<&'a str> {
    let (EnumValue::String(text), AttributeType::Enum(ty)) = (value, ty) else {
        return None;
    };
    let values = ty.members.iter().filter_map(|member| match &member.value {
        EnumValue::String(value) => Some(value.as_str()),
        EnumValue::Int(_) | EnumValue::Boolean(_) => None,
    });
    nearest(text, values)
}

fn check_aggregate(
    key: &str,
    aggregate: &Located<Aggregate>,
    ty: &AttributeType,
    diagnostics: &mut Diagnostics,
) {
    let problem = match (aggregate.value, ty) {
        (Aggregate::Last, _)
        | (Aggregate::Sum, AttributeType::Int | AttributeType::Double)
        | (Aggregate::Append, AttributeType::Array(_)) => return,
        (Aggregate::Sum, _) => "can't be added up, since it is neither `int` nor `double`",
        (Aggregate::Append, _) => "can't be appended to, since it is no array",
    };
    diagnostics.push(Diagnostic::new(
        codes::INVALID_AGGREGATE,
        aggregate.at,
        format!("{} {problem}", quoted(key)),
    ));
}

/// An outcome decides a span's status, so every value it can have must have a meaning.
fn check_outcome(key: &str, at: Location, ty: &AttributeType, diagnostics: &mut Diagnostics) {
    const KNOWN: [&str; 4] = ["ok", "error", "timeout", "cancelled"];
    const NEEDED: [&str; 3] = ["ok", "error", "cancelled"];
    let key = quoted(key);
    let problem = match ty {
        AttributeType::Enum(ty) if !ty.closed => {
            format!("an outcome is a closed enum, and {key} is open")
        }
        AttributeType::Enum(ty) => {
            let values: Vec<&EnumValue> = ty.members.iter().map(|member| &member.value).collect();
            let is = |word: &str| {
                values
                    .iter()
                    .any(|value| matches!(value, EnumValue::String(text) if text == word))
            };
            let missing = NEEDED.into_iter().find(|word| !is(word));
            let other = values
                .iter()
                .map(|value| value_text(value))
                .find(|text| !KNOWN.contains(&text.as_str()));
            match (other, missing) {
                (Some(other), _) => {
                    format!("{} of {key} does not tell how a span ended", quoted(&other))
                }
                (None, Some(missing)) => {
                    format!("an outcome needs a value `{missing}`, which {key} lacks")
                }
                (None, None) => return,
            }
        }
        _ => format!("an outcome is a closed enum, and {key} is none"),
    };
    diagnostics.push(
        Diagnostic::new(codes::INVALID_OUTCOME, at, problem)
            .with_help("its values are `ok`, `error`, `cancelled`, and `timeout` if need be"),
    );
}

/// Turns a list of items into references.
pub(super) struct Unfolder<'a> {
    groups: &'a BTreeMap<String, Unfolded>,
    list: Vec<Reference>,
    /// Where in `list` a key is.
    index: HashMap<String, usize>,
    /// Which `ref_group` of this list brought a key.
    brought: HashMap<String, Located<String>>,
    /// Where this list refers to an attribute itself.
    said: HashMap<String, Location>,
    /// Where this list refers to a group.
    grouped: HashMap<String, Location>,
}

impl<'a> Unfolder<'a> {
    pub(super) fn new(groups: &'a BTreeMap<String, Unfolded>) -> Self {
        Self {
            groups,
            list: Vec::new(),
            index: HashMap::new(),
            brought: HashMap::new(),
            said: HashMap::new(),
            grouped: HashMap::new(),
        }
    }

    /// Starts with what a refined definition has; anything in the list refines it.
    pub(super) fn over(mut self, base: Vec<Reference>) -> Self {
        for reference in base {
            self.push(reference);
        }
        self
    }

    /// Keys stand where they are first mentioned. What was not found is left out.
    pub(super) fn unfold(
        mut self,
        items: &[Item],
        diagnostics: &mut Diagnostics,
    ) -> Vec<Reference> {
        for item in items {
            let (name, seen) = match item {
                Item::Group(id) => (id, &mut self.grouped),
                Item::Attribute(reference) => (&reference.key, &mut self.said),
            };
            if let Some(first) = seen.insert(name.value.clone(), name.at) {
                diagnostics.push(
                    Diagnostic::new(
                        codes::DUPLICATE_REFERENCE,
                        name.at,
                        format!("{} is referred to twice in one list", quoted(&name.value)),
                    )
                    .with_secondary(first, "first referred to here"),
                );
                continue;
            }
            match item {
                Item::Group(id) => self.add_group(id, diagnostics),
                Item::Attribute(reference) => self.add_reference(reference),
            }
        }
        self.list
    }

    fn add_group(&mut self, id: &Located<String>, diagnostics: &mut Diagnostics) {
        let groups = self.groups;
        let Some(group) = groups.get(&id.value) else {
            return;
        };
        for reference in &group.references {
            let key = &reference.key.value;
            if let Some(other) = self.brought.get(key) {
                diagnostics.push(collision(key, other, id));
                continue;
            }
            self.brought.insert(key.clone(), id.clone());
            let name = || group.public.then(|| id.value.clone());
            let reference = Reference {
                group: reference.group.clone().or_else(name),
                ..reference.clone()
            };
            match self.index.get(key) {
                // The list's own reference came before the group: it stays the nearer one.
                Some(&at) if self.said.contains_key(key) => {
                    self.list[at] = refined(&reference, self.list[at].clone());
                }
                Some(&at) => self.list[at] = refined(&self.list[at], reference),
                None => self.push(reference),
            }
        }
    }

    fn add_reference(&mut self, definition: &RefDef) {
        let reference = Reference {
            key: definition.key.clone(),
            level: definition.level.clone(),
            level_unread: definition.level_unread,
            brief: definition.brief.clone(),
            note: definition.note.clone(),
            examples: definition.examples.clone(),
            stability: definition.stability,
            deprecated: definition.deprecated.as_ref().map(|it| it.value.clone()),
            identifying: definition.identifying,
            sampling_relevant: definition.sampling_relevant.clone(),
            notes: definition.notes.clone(),
            group: None,
        };
        match self.index.get(&definition.key.value) {
            Some(&at) => self.list[at] = refined(&self.list[at], reference),
            None => self.push(reference),
        }
    }

    fn push(&mut self, reference: Reference) {
        self.index
            .insert(reference.key.value.clone(), self.list.len());
        self.list.push(reference);
    }
}

fn collision(key: &str, one: &Located<String>, other: &Located<String>) -> Diagnostic {
    let groups = (quoted(&one.value), quoted(&other.value));
    let message = format!(
        "{} comes with {} and with {}",
        quoted(key),
        groups.0,
        groups.1
    );
    Diagnostic::new(codes::GROUP_COLLISION, other.at, message)
        .with_secondary(one.at, "the other group")
        .with_help("take it out of one of them, or refer to it directly")
}

/// `over` with what it leaves open taken from `base`.
fn refined(base: &Reference, over: Reference) -> Reference {
    let (below, notes) = (&base.notes, over.notes);
    Reference {
        key: over.key,
        level_unread: over.level_unread || (over.level.is_none() && base.level_unread),
        level: over.level.or_else(|| base.level.clone()),
        brief: over.brief.or_else(|| base.brief.clone()),
        note: over.note.or_else(|| base.note.clone()),
        examples: over.examples.or_else(|| base.examples.clone()),
        stability: over.stability.or(base.stability),
        deprecated: over.deprecated.or_else(|| base.deprecated.clone()),
        identifying: over.identifying.or(base.identifying),
        sampling_relevant: over
            .sampling_relevant
            .or_else(|| base.sampling_relevant.clone()),
        notes: RefNotes {
            value: notes.value.or_else(|| below.value.clone()),
            set: notes.set.or_else(|| below.set.clone()),
            aggregate: notes.aggregate.or_else(|| below.aggregate.clone()),
            outcome: notes.outcome.or_else(|| below.outcome.clone()),
            cardinality: notes.cardinality.or_else(|| below.cardinality.clone()),
            opt_in: notes.opt_in.or_else(|| below.opt_in.clone()),
        },
        group: over.group.or_else(|| base.group.clone()),
    }
}
