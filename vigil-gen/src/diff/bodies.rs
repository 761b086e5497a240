//! Bodies of events, field by field.

use super::references::level_word;
use super::{Comparison, Place, fate, json, rules};
use crate::diagnostic::quoted;
use crate::registry::{Body, RequirementLevel};

impl<'a> Comparison<'a> {
    pub(super) fn body(
        &mut self,
        place: Place<'a>,
        before: Option<&'a Body>,
        after: Option<&'a Body>,
    ) {
        match (before, after) {
            (Some(old), Some(new)) => self.part(place, "", old, new),
            (Some(old), None) => self.part_removed(place, "", old),
            (None, Some(new)) => self.part_added(place, "", new),
            (None, None) => {}
        }
    }

    /// Compares the body, or the field of it that a path leads to.
    fn part(&mut self, place: Place<'a>, path: &str, old: &'a Body, new: &'a Body) {
        let part = words(path);
        let of = |what: &str| format!("{what} of the {part}");
        let required = |it: &Body| it.level == RequirementLevel::Required;
        let rule = match (required(old), required(new)) {
            (false, true) => rules::LEVEL_REQUIRED,
            (true, false) => rules::LEVEL_NOT_REQUIRED,
            _ if matches!(new.level, RequirementLevel::OptIn(_)) => rules::LEVEL_OPT_IN,
            _ => rules::LEVEL_OTHER,
        };
        let levels = (level_word(&old.level), level_word(&new.level));
        self.word(place, rule, &of("level"), levels.0, levels.1);
        let (was, is) = (&old.docs.deprecated, &new.docs.deprecated);
        self.deprecation(place, &format!("{part} "), was.as_ref(), is.as_ref());
        let (was, is) = (old.docs.stability, new.docs.stability);
        self.stability(place, &of("stability"), was, is);

        let types = (type_words(old), type_words(new));
        if types.0 == types.1 {
            if let (Some(old), Some(new)) = (old.enum_type(), new.enum_type()) {
                let members = (&*old.members, &*new.members);
                self.members(
                    place,
                    &format!(" of the {part}"),
                    members,
                    rules::MEMBER_ADDED,
                );
            }
            self.fields(place, path, old, new);
        } else {
            self.word(place, rules::EVENT_BODY, &of("type"), &types.0, &types.1);
        }
    }

    fn fields(&mut self, place: Place<'a>, path: &str, old: &'a Body, new: &'a Body) {
        let find = |of: &'a Body, id: &str| of.fields.iter().find(|it| it.id == id);
        let below = |id: &str| match path {
            "" => id.to_owned(),
            path => format!("{path}.{id}"),
        };
        for before in &old.fields {
            let path = below(&before.id);
            match find(new, &before.id) {
                Some(after) => self.part(place, &path, before, after),
                None => self.part_removed(place, &path, before),
            }
        }
        for after in &new.fields {
            if find(old, &after.id).is_none() {
                self.part_added(place, &below(&after.id), after);
            }
        }
        let required = |it: &&Body| it.level == RequirementLevel::Required;
        let arguments = |of: &'a Body, other: &'a Body| -> String {
            let all = of.fields.iter().filter(required);
            let kept = all.filter(|it| find(other, &it.id).as_ref().is_some_and(required));
            kept.map(|it| below(&it.id)).collect::<Vec<_>>().join(", ")
        };
        let order = (arguments(old, new), arguments(new, old));
        let of = "order of arguments";
        self.word(place, rules::ARGUMENT_ORDER, of, &order.0, &order.1);
    }

    fn part_added(&mut self, place: Place<'a>, path: &str, new: &Body) {
        let rule = match new.level {
            RequirementLevel::Required => rules::REQUIRED_ADDED,
            _ => rules::REFERENCE_ADDED,
        };
        let what = format!("{} added, {}", words(path), level_word(&new.level));
        self.push(place, rule, what);
    }

    fn part_removed(&mut self, place: Place<'a>, path: &str, old: &Body) {
        let what = format!("{} removed", words(path));
        match &old.docs.deprecated {
            Some(deprecated) => {
                let what = format!("{what}; {}", fate(deprecated));
                self.push(place, rules::REFERENCE_REMOVED_DEPRECATED, what);
            }
            None => self.push(place, rules::REFERENCE_REMOVED, what),
        }
    }
}

/// A part of a body: the body itself, or the field that a path leads to.
fn words(path: &str) -> String {
    match path {
        "" => "body".to_owned(),
        path => format!("body's field {}", quoted(path)),
    }
}

/// A type as one writes it; of a map whether its fields are known, of an enum what its values are.
fn type_words(body: &Body) -> String {
    if body.ty == "enum" {
        let of_one_type = body.enum_type().map(|it| json(&it.primitive));
        let each = || body.members.iter().map(|it| json(&it.value));
        let values = of_one_type.unwrap_or_else(|| each().collect::<Vec<_>>().join(" or "));
        format!("enum of {values}")
    } else if body.fields.is_empty() {
        body.ty.clone()
    } else {
        format!("{} of fields", body.ty)
    }
}
