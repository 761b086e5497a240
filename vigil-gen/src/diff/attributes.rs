//! Attributes and the members of enums.

use super::{Comparison, Place, Rule, fate, json, rules};
use crate::diagnostic::quoted;
use crate::registry::{
    Attribute, AttributeType, DeprecationReason, EnumMember, EnumType, OptInKey,
};

impl<'a> Comparison<'a> {
    pub(super) fn attribute(
        &mut self,
        place: Place<'a>,
        before: &'a Attribute,
        after: &'a Attribute,
    ) {
        match (&before.ty, &after.ty) {
            (AttributeType::Enum(old), AttributeType::Enum(new))
                if old.primitive == new.primitive =>
            {
                self.enumeration(place, old, new);
            }
            (old, new) => {
                let (old, new) = (type_words(old), type_words(new));
                self.word(place, rules::ATTRIBUTE_TYPE, "type", &old, &new);
            }
        }
        let units = (json(&before.unit), json(&after.unit));
        self.word(place, rules::ATTRIBUTE_UNIT, "unit", &units.0, &units.1);
        match (before.sensitive, after.sensitive) {
            (false, true) => self.push(place, rules::SENSITIVE, "sensitive now"),
            (true, false) => self.push(place, rules::SENSITIVE_NO_MORE, "not sensitive any more"),
            _ => {}
        }
        match (before.inherited, after.inherited) {
            (false, true) => self.push(place, rules::INHERITED, "inherited now"),
            (true, false) => self.push(place, rules::INHERITED_NO_MORE, "not inherited any more"),
            _ => {}
        }
        if before.identity != after.identity {
            let what = if after.identity {
                "an identity now"
            } else {
                "no identity any more"
            };
            self.push(place, rules::IDENTITY, what);
        }
        let rule = match before.filled_from {
            None => rules::FILLED_FROM,
            Some(_) => rules::FILLED_FROM_OTHER,
        };
        let sources = (json(&before.filled_from), json(&after.filled_from));
        self.word(place, rule, "`filled_from`", &sources.0, &sources.1);
        let keys = (&before.stability_opt_in, &after.stability_opt_in);
        // The latest key has become everybody's.
        let deprecated = after.docs.deprecated.as_ref().map(|it| &it.reason);
        let arrived = keys.1.is_none()
            && keys.0.as_ref().is_some_and(|it| {
                deprecated == Some(&DeprecationReason::Renamed(it.renamed_to.clone()))
            });
        if !arrived {
            let (before, after) = (keys.0.as_ref(), keys.1.as_ref());
            self.opt_in_key(place, "key to opt in to", before, after);
        }
    }

    /// Compares the keys that whoever opts in gets.
    pub(super) fn opt_in_key(
        &mut self,
        place: Place<'_>,
        of: &str,
        before: Option<&OptInKey>,
        after: Option<&OptInKey>,
    ) {
        let rule = match before {
            None => rules::OPT_IN_KEY,
            Some(_) => rules::OPT_IN_KEY_OTHER,
        };
        let words = |it: Option<&OptInKey>| {
            it.map(|it| format!("{}: {}", it.category, it.renamed_to))
                .unwrap_or_default()
        };
        self.word(place, rule, of, &words(before), &words(after));
    }

    fn enumeration(&mut self, place: Place<'a>, before: &'a EnumType, after: &'a EnumType) {
        match (before.closed, after.closed) {
            (false, true) => self.push(place, rules::ENUM_CLOSED, "closed now"),
            (true, false) => self.push(place, rules::ENUM_OPENED, "open now"),
            _ => {}
        }
        let names = (json(&before.shared_name), json(&after.shared_name));
        self.word(
            place,
            rules::ENUM_TYPE_NAME,
            "Rust type",
            &names.0,
            &names.1,
        );
        let grows = if before.closed && after.closed {
            rules::MEMBER_ADDED_CLOSED
        } else {
            rules::MEMBER_ADDED
        };
        self.members(place, "", (&before.members, &after.members), grows);
        let gone = before.members.iter().flat_map(|member| {
            let heirs = after
                .members
                .iter()
                .filter(move |it| it.value == member.value);
            let kept = move |id: &str| {
                heirs
                    .clone()
                    .any(|it| it.id == id || it.aliases.iter().any(|alias| alias.id == id))
            };
            let aliases = member.aliases.iter();
            aliases.filter(move |alias| !kept(&alias.id))
        });
        for alias in gone {
            let what = format!("former member {} removed", quoted(&alias.id));
            self.push(place, rules::FORMER_MEMBER_REMOVED, what);
        }
    }

    /// Compares the members of an enum; with a space before it, of whose.
    pub(super) fn members(
        &mut self,
        place: Place<'_>,
        of: &str,
        (before, after): (&[EnumMember], &[EnumMember]),
        grows: &'static Rule,
    ) {
        for old in before {
            let member = format!("member {}{of}", quoted(&old.id));
            let same = after.iter().find(|it| it.id == old.id);
            let heir = after.iter().find(|it| it.value == old.value);
            match (same, heir) {
                (Some(new), _) => {
                    let of = format!("value of {member}");
                    let values = (json(&old.value), json(&new.value));
                    self.word(place, rules::MEMBER_VALUE, &of, &values.0, &values.1);
                    let (was, is) = (&old.docs.deprecated, &new.docs.deprecated);
                    self.deprecation(place, &format!("{member} "), was.as_ref(), is.as_ref());
                    let of = format!("stability of {member}");
                    self.stability(place, &of, old.docs.stability, new.docs.stability);
                }
                (None, Some(new)) => {
                    let of = format!("member{of}");
                    self.word(place, rules::MEMBER_RENAMED, &of, &old.id, &new.id);
                }
                (None, None) => self.member_removed(place, &member, old),
            }
        }
        let known = |new: &EnumMember| {
            let mut known = before.iter();
            known.any(|it| it.id == new.id || it.value == new.value)
        };
        for new in after.iter().filter(|new| !known(new)) {
            let what = format!("member {}{of} added", quoted(&new.id));
            self.push(place, grows, what);
        }
    }

    fn member_removed(&mut self, place: Place<'_>, member: &str, old: &EnumMember) {
        let what = format!("{member} removed");
        match &old.docs.deprecated {
            Some(deprecated) => {
                let what = format!("{what}; {}", fate(deprecated));
                self.push(place, rules::MEMBER_REMOVED_DEPRECATED, what);
            }
            None => self.push(place, rules::MEMBER_REMOVED, what),
        }
    }
}

/// A type as one writes it; of an enum that it is one, and of what.
fn type_words(ty: &AttributeType) -> String {
    match ty {
        AttributeType::Enum(ty) => format!("enum of {}", json(&ty.primitive)),
        AttributeType::Array(of) => format!("{}[]", json(of)),
        AttributeType::Template(of) => format!("template[{}]", type_words(of)),
        plain => json(plain),
    }
}
