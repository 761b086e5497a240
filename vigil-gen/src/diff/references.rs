//! The attributes of signals.

use super::removed::stands_in;
use super::{Comparison, Place, fate, json, rules};
use crate::diagnostic::quoted;
use crate::registry::{
    Aggregate, AttributeRef, OptInKey, Registry, RequirementLevel, SetTime, Stability,
};

impl<'a> Comparison<'a> {
    /// Compares the attributes of a signal; those that came to it with a record are the record's.
    pub(super) fn references(
        &mut self,
        place: Place<'a>,
        before: &'a [AttributeRef],
        after: &'a [AttributeRef],
    ) {
        let own = |list: &'a [AttributeRef]| -> Vec<&'a AttributeRef> {
            let span = place.subject == "span";
            let all = list.iter();
            all.filter(|it| !span || it.from_group.is_none()).collect()
        };
        let (before, after) = (own(before), own(after));
        let find =
            |list: &[&'a AttributeRef], key: &str| list.iter().find(|it| it.key == key).copied();
        let mut heirs = Vec::new();
        let structs = (in_struct(place, &before), in_struct(place, &after));
        for old in &before {
            if let Some(new) = find(&after, &old.key) {
                let in_struct = structs != (false, false);
                self.reference(place, old, new, in_struct);
                if !in_struct {
                    self.passing(place, old, new);
                }
                continue;
            }
            let heir = self
                .heir(&old.key)
                .filter(|heir| find(&after, heir).is_some() && find(&before, heir).is_none());
            if let Some(heir) = heir {
                heirs.push(heir);
                let of = "attribute";
                self.word(place, rules::REFERENCE_RENAMED, of, &old.key, heir);
            } else {
                self.reference_removed(place, old, &before, &after);
            }
        }
        for new in &after {
            if find(&before, &new.key).is_none() && !heirs.contains(&new.key.as_str()) {
                self.reference_added(place, new);
            }
        }
        if structs.0 != structs.1 {
            let (old, new) = (shape(structs.0), shape(structs.1));
            self.word(place, rules::ATTRIBUTE_STRUCT, "attributes", old, new);
        }
        self.argument_order(place, &before, &after);
    }

    fn reference_added(&mut self, place: Place<'a>, new: &AttributeRef) {
        let label = place.subject == "metric"
            && new.value.is_none()
            && !matches!(new.level, RequirementLevel::OptIn(_));
        let rule = match (is_argument(place, new), label) {
            (true, true) => rules::REQUIRED_LABEL_ADDED,
            (true, false) => rules::REQUIRED_ADDED,
            (false, true) => rules::LABEL_ADDED,
            (false, false) => rules::REFERENCE_ADDED,
        };
        let level = level_word(&new.level);
        self.push(
            place,
            rule,
            format!("attribute {} added, {level}", quoted(&new.key)),
        );
    }

    /// What the attribute was renamed to, as either registry has it.
    fn heir(&self, key: &str) -> Option<&'a str> {
        let found = |it: &'a Registry| it.attributes.get(key)?.docs.deprecated.as_ref()?.new_name();
        found(self.after).or_else(|| found(self.before))
    }

    fn reference_removed(
        &mut self,
        place: Place<'a>,
        old: &'a AttributeRef,
        before: &[&AttributeRef],
        after: &[&AttributeRef],
    ) {
        let key = quoted(&old.key);
        // A reference may be deprecated by itself, or with its attribute.
        let attribute = self.before.attributes.get(&old.key);
        let deprecated = attribute.and_then(|it| it.docs.deprecated.as_ref());
        let Some(deprecated) = old.deprecated.as_ref().or(deprecated) else {
            let rule = if is_given(old) {
                rules::REFERENCE_REMOVED
            } else {
                rules::UNASKED_REMOVED
            };
            self.push(place, rule, format!("attribute {key} removed"));
            return;
        };
        let Some(new) = deprecated.new_name() else {
            let what = format!("attribute {key} removed; {}", fate(deprecated));
            self.push(place, rules::REFERENCE_REMOVED_DEPRECATED, what);
            return;
        };
        let rule = if stands_in(before, old, new) && after.iter().any(|it| it.key == new) {
            rules::REFERENCE_RENAMED_REMOVED
        } else {
            rules::REFERENCE_RENAMED_EARLY
        };
        let what = format!("attribute {key}, renamed to {}, removed", quoted(new));
        self.push(place, rule, what);
    }

    fn reference(
        &mut self,
        place: Place<'a>,
        old: &AttributeRef,
        new: &AttributeRef,
        in_struct: bool,
    ) {
        let of = |what: &str| format!("{what} of {}", quoted(&old.key));
        let required = |it: &AttributeRef| it.level == RequirementLevel::Required;
        let opt_in = |it: &AttributeRef| matches!(it.level, RequirementLevel::OptIn(_));
        let rule = match (required(old), required(new)) {
            (false, true) if is_argument(place, new) => rules::LEVEL_REQUIRED,
            (true, false) if is_argument(place, old) => rules::LEVEL_NOT_REQUIRED,
            (true, false) => rules::LEVEL_LOOSER,
            _ if opt_in(new) => rules::LEVEL_OPT_IN,
            _ => rules::LEVEL_OTHER,
        };
        let levels = (level_word(&old.level), level_word(&new.level));
        // A constant is sent whatever is asked for.
        if old.value.is_none() || old.value != new.value {
            self.word(place, rule, &of("level"), levels.0, levels.1);
        }
        let (was, is) = (&old.deprecated, &new.deprecated);
        let name = format!("attribute {} ", quoted(&old.key));
        self.deprecation(place, &name, was.as_ref(), is.as_ref());
        // What it has from the attribute is told of there.
        if old.stability.is_some() || new.stability.is_some() {
            let (was, is) = (stability(self.before, old), stability(self.after, new));
            self.stability(place, &of("stability"), was, is);
        }
        let values = (json(&old.value), json(&new.value));
        self.word(
            place,
            rules::FIXED_VALUE,
            &of("fixed value"),
            &values.0,
            &values.1,
        );
        let sets = (json(&old.set), json(&new.set));
        let rule = if old.set == SetTime::Runtime && !is_argument(place, new) {
            rules::SET_BY_CALLERS
        } else {
            rules::SET_TIME
        };
        self.word(place, rule, &of("`set`"), &sets.0, &sets.1);
        let aggregates = (json(&old.aggregate), json(&new.aggregate));
        let append = [old, new].map(|it| it.aggregate == Aggregate::Append);
        let rule = if place.subject == "group" && !in_struct && append.contains(&true) {
            rules::AGGREGATE_APPEND
        } else {
            rules::AGGREGATE
        };
        self.word(
            place,
            rule,
            &of("`aggregate`"),
            &aggregates.0,
            &aggregates.1,
        );
        let outcomes = (json(&old.outcome), json(&new.outcome));
        self.word(
            place,
            rules::OUTCOME,
            &of("`outcome`"),
            &outcomes.0,
            &outcomes.1,
        );
        let sampled = (json(&old.sampling_relevant), json(&new.sampling_relevant));
        self.word(
            place,
            rules::SAMPLING,
            &of("`sampling_relevant`"),
            &sampled.0,
            &sampled.1,
        );
        let bound = |it: &AttributeRef| it.cardinality.unwrap_or(u32::MAX);
        let rule = if bound(new) < bound(old) {
            rules::CARDINALITY_LOWERED
        } else {
            rules::CARDINALITY_RAISED
        };
        let bounds = (json(&old.cardinality), json(&new.cardinality));
        self.word(place, rule, &of("`cardinality`"), &bounds.0, &bounds.1);
        let keys = (opt_in_key(self.before, old), opt_in_key(self.after, new));
        self.opt_in_key(place, &of("key to opt in to"), keys.0, keys.1);
    }

    /// Compares how a value is given that is no field of a struct, as far as its attribute decides.
    fn passing(&mut self, place: Place<'a>, old: &AttributeRef, new: &AttributeRef) {
        let called = matches!(place.subject, "span" | "group");
        if !called || !is_given(old) || !is_given(new) {
            return;
        }
        let attributes = |it: &'a Registry| it.attributes.get(&old.key);
        let (Some(was), Some(is)) = (attributes(self.before), attributes(self.after)) else {
            return;
        };
        let name = quoted(&old.key);
        match (was.sensitive, is.sensitive) {
            (false, true) => {
                let what = format!("attribute {name} given as content now");
                self.push(place, rules::CONTENT_SETTER, what);
            }
            (true, false) => {
                let what = format!("attribute {name} not given as content any more");
                self.push(place, rules::CONTENT_SETTER, what);
            }
            _ => {}
        }
        let only_at_start = |it: &AttributeRef| place.subject == "span" && it.set == SetTime::Start;
        let recorded = was.inherited && old.level != RequirementLevel::Required;
        if only_at_start(old) && recorded && only_at_start(new) && !is.inherited {
            let what = format!("attribute {name} only given to the builder");
            self.push(place, rules::RECORDED_NO_MORE, what);
        }
    }

    /// Arguments that were there before and still are have kept their order.
    fn argument_order(
        &mut self,
        place: Place<'a>,
        before: &[&AttributeRef],
        after: &[&AttributeRef],
    ) {
        let arguments = |list: &[&'_ AttributeRef], others: &[&'_ AttributeRef]| -> Vec<String> {
            let is_argument = |it: &&&AttributeRef| is_argument(place, it);
            let kept = |it: &&&AttributeRef| {
                others
                    .iter()
                    .filter(is_argument)
                    .any(|other| other.key == it.key)
            };
            let all = list.iter().filter(is_argument).filter(kept);
            all.map(|it| it.key.clone()).collect()
        };
        let (old, new) = (arguments(before, after), arguments(after, before));
        let (old, new) = (old.join(", "), new.join(", "));
        self.word(
            place,
            rules::ARGUMENT_ORDER,
            "order of arguments",
            &old,
            &new,
        );
    }
}

/// Whether callers give it at all.
fn is_given(it: &AttributeRef) -> bool {
    it.value.is_none() && it.set != SetTime::Runtime
}

/// Whether a function asks for it.
fn is_argument(place: Place<'_>, it: &AttributeRef) -> bool {
    let at_start = place.subject != "span" || it.set == SetTime::Start;
    it.level == RequirementLevel::Required && it.value.is_none() && at_start
}

/// Whether attributes are given in a struct: those of a metric if it has any, those of a record unless
/// it has one to give, or two that are required. Spans and events have a builder of their own in any case.
fn in_struct(place: Place<'_>, references: &[&AttributeRef]) -> bool {
    let given = || references.iter().filter(|it| it.value.is_none());
    match (place.subject, given().count()) {
        ("metric", _) => !references.is_empty(),
        ("group", 0 | 1) => false,
        ("group", 2) => given().any(|it| it.level != RequirementLevel::Required),
        ("group", _) => true,
        _ => false,
    }
}

/// How stable it is here.
fn stability(registry: &Registry, it: &AttributeRef) -> Stability {
    let attribute = || registry.attributes.get(&it.key).map(|it| it.docs.stability);
    it.stability.or_else(attribute).unwrap_or_default()
}

/// The key that it has here for whoever opts in, if the attribute does not say so itself.
fn opt_in_key<'a>(registry: &Registry, it: &'a AttributeRef) -> Option<&'a OptInKey> {
    let attribute = registry.attributes.get(&it.key);
    let everywhere = attribute.and_then(|it| it.stability_opt_in.as_ref());
    let here = it.stability_opt_in.as_ref();
    here.filter(|here| Some(*here) != everywhere)
}

fn shape(in_struct: bool) -> &'static str {
    if in_struct {
        "a struct"
    } else {
        "arguments, or none"
    }
}

/// A level without its condition.
pub(super) fn level_word(level: &RequirementLevel) -> &'static str {
    match level {
        RequirementLevel::Required => "required",
        RequirementLevel::ConditionallyRequired(_) => "conditionally_required",
        RequirementLevel::Recommended(_) => "recommended",
        RequirementLevel::OptIn(_) => "opt_in",
    }
}
