//! What can change in a registry, and whether that breaks anything.

/// A kind of change, judged once for code and once for dashboards and alerts.
#[derive(Debug)]
pub struct Rule {
    /// Its name: `metric-unit`.
    pub name: &'static str,
    /// For whoever calls the generated API.
    pub code: Judgement,
    /// For whoever queries what is sent.
    pub dashboards: Judgement,
    /// How to do it without breaking anything; none where nothing breaks.
    pub instead: Option<&'static str>,
    /// What those do whom it concerns; none where there is nothing to do.
    pub migration: Option<&'static str>,
}

/// Whether something breaks, and why or why not.
#[derive(Debug)]
pub enum Judgement {
    /// Nothing breaks.
    Fine(&'static str),
    /// Something does, as the baseline announced by `deprecated`.
    Announced(&'static str),
    /// Something does, unannounced.
    Breaks(&'static str),
}

impl Judgement {
    /// Whether something breaks, announced or not.
    pub fn breaks(&self) -> bool {
        matches!(self, Self::Breaks(_) | Self::Announced(_))
    }

    /// Whether something breaks, and the baseline announced it.
    pub fn announced(&self) -> bool {
        matches!(self, Self::Announced(_))
    }

    /// Why, or why not.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Fine(reason) | Self::Announced(reason) | Self::Breaks(reason) => reason,
        }
    }
}

use Judgement::{Announced, Breaks, Fine};

/// What stands at the end of a row, if anything does.
const fn given(migration: &[Option<&'static str>]) -> Option<&'static str> {
    match migration {
        [migration, ..] => *migration,
        [] => None,
    }
}

macro_rules! rules {
    ($($constant:ident $name:literal: $code:expr, $dashboards:expr, $instead:expr $(, $migration:expr)?;)*) => {
        $(
            pub(super) const $constant: &Rule = &Rule {
                name: $name,
                code: $code,
                dashboards: $dashboards,
                instead: $instead,
                migration: given(&[$($migration)?]),
            };
        )*
        /// Every kind of change that is told.
        pub static RULES: &[&Rule] = &[$($constant),*];
    };
}

const SAME_CODE: Judgement = Fine("the generated API is the same");
const SAME_WIRE: Judgement = Fine("the same is sent");
const FURTHER_CODE: Judgement = Fine("the generated API only grows");
const FURTHER_WIRE: Judgement = Fine("more is sent, and what was sent before still is");
const KEEP: Option<&str> = Some(
    "keep it and add `deprecated` with a reason, `renamed_to` where something takes its place",
);
const FRESH: Option<&str> =
    Some("define it under a new name, and deprecate this one as renamed to that");
const GONE_CODE: Judgement =
    Announced("what was generated for it is gone, also for those who passed over its deprecation");
const NEXT_BREAKING: Option<&str> = Some(
    "keep it deprecated until a release that may break code: the next minor version before 1.0.0, the next major one from then on",
);
const FOLLOW: Option<&str> = Some("do what its deprecation said");
const USE_NEW: Option<&str> = Some("use the new name");
const SEND_BOTH: Option<&str> =
    Some("send both for one release, and remove the old one in the next that may break code");
const ASK_FOR_LESS: Option<&str> = Some("add it as `recommended` or `conditionally_required`");

rules! {
    SCHEMA_URL "schema-url": SAME_CODE, Fine("the signals are the same, they name another version"), None;

    ADDED "added": FURTHER_CODE, FURTHER_WIRE, None;
    REMOVED "removed": Breaks("what was generated for it is gone"), Breaks("queries for it find nothing"), KEEP, Some("take what calls it and what asks for it out");
    REMOVED_DEPRECATED "removed-deprecated": GONE_CODE, Announced("queries for it find nothing any more, and nothing has taken its place"), NEXT_BREAKING, FOLLOW;
    REMOVED_UNUSED "removed-unused": GONE_CODE, Fine("nothing that the registry defines sent it"), NEXT_BREAKING, FOLLOW;
    RENAMED_REMOVED "renamed-removed": GONE_CODE, Fine("whatever sent the old name sent the new one as well"), NEXT_BREAKING, USE_NEW;
    RENAMED_REMOVED_CALLED "renamed-removed-called": GONE_CODE, Announced("queries for the old name find nothing any more; since when the new one is sent was up to those who call it"), NEXT_BREAKING, USE_NEW;
    RENAMED_REMOVED_EARLY "renamed-removed-early": GONE_CODE, Breaks("what sent the old name did not send the new one beside it: there was no time to move queries"), SEND_BOTH, Some("use the new name; for the time before this version, ask for the old one as well");
    GROUP_REMOVED "group-removed": Breaks("registries that take it in with `ref_group` can't be read any more"), SAME_WIRE, KEEP, Some("refer to its attributes one by one");
    GROUP_REMOVED_DEPRECATED "group-removed-deprecated": Announced("registries that still take it in with `ref_group` can't be read any more"), SAME_WIRE, NEXT_BREAKING, FOLLOW;
    RENAMED "renamed": Fine("the old name still compiles, with a warning that names the new one"), Fine("the old name is sent wherever it is still referred to"), None, Some("move to the new name before the old one goes");
    DEPRECATED "deprecated": Fine("it still compiles, with a warning"), SAME_WIRE, None, Some("do without it before it goes");
    UNDEPRECATED "undeprecated": Fine("a warning is gone"), SAME_WIRE, None;
    STABILITY_RAISED "stability-raised": SAME_CODE, SAME_WIRE, None;
    STABILITY_LOWERED "stability-lowered": SAME_CODE, SAME_WIRE, None;
    STABLE_NO_MORE "stable-no-more": Breaks("that it does not change was promised"), Breaks("that it does not change was promised"), Some("leave it stable, and deprecate it in favour of something new"), Some("expect it to change, and read the next versions' notes before moving to them");

    ATTRIBUTE_TYPE "attribute-type": Breaks("its argument or setter takes another type"), Breaks("backends compare and index values by their type"), FRESH, Some("give values of the new type; for the time before this version, compare with the old one as well");
    ATTRIBUTE_UNIT "attribute-unit": Breaks("what callers give is in the old unit, and what is in `s` takes a `Duration`"), Breaks("thresholds are in the old unit"), FRESH, Some("give values in the new unit, and convert thresholds to it");
    MEMBER_ADDED "member-added": Fine("an open enum is `non_exhaustive`"), FURTHER_WIRE, None;
    MEMBER_ADDED_CLOSED "member-added-closed": Breaks("a `match` on a closed enum lacks it"), FURTHER_WIRE, Some("enums that may grow are left open from the beginning"), Some("add an arm for it");
    MEMBER_REMOVED "member-removed": Breaks("its variant is gone"), Breaks("queries for its value find nothing"), Some("keep it and mark it as deprecated"), Some("use another member; for the time before this version, ask for its value as well");
    MEMBER_REMOVED_DEPRECATED "member-removed-deprecated": Announced("its variant is gone, also for those who passed over its deprecation"), Announced("queries for its value find nothing any more"), NEXT_BREAKING, Some("use what its note names in its place");
    FORMER_MEMBER_REMOVED "former-member-removed": Fine("a former name stands in the docs alone"), SAME_WIRE, None;
    MEMBER_RENAMED "member-renamed": Breaks("its variant is called otherwise, even if the old id stays as a deprecated one"), SAME_WIRE, Some("leave the id: what is sent is the value"), Some("use the variant's new name");
    MEMBER_VALUE "member-value": SAME_CODE, Breaks("queries for the old value find nothing"), Some("add a member with the new value, and deprecate this one"), Some("ask for both values");
    ENUM_CLOSED "enum-closed": Breaks("other values can't be given any more, and reading one can fail"), Breaks("other values are not sent any more"), Some("define a closed attribute under a new name"), Some("use one of its members, and handle the error of reading another one");
    ENUM_OPENED "enum-opened": Breaks("a `match` needs an arm for other values"), FURTHER_WIRE, Some("add members instead, or define an open attribute under a new name"), Some("add an arm for other values");
    ENUM_TYPE_NAME "enum-type-name": Breaks("the Rust type is called otherwise"), SAME_WIRE, Some("leave `type` as it was"), Some("use the type's new name");
    SENSITIVE "sensitive": SAME_CODE, Breaks("it is not sent any more unless content is captured"), Some("leave it, and define the content as another attribute"), Some("capture content where it is wanted");
    SENSITIVE_NO_MORE "sensitive-no-more": SAME_CODE, Fine("more is sent: look whether content is meant to be, unasked"), None;
    IDENTITY "identity": SAME_CODE, Fine("metrics that had it are told of by themselves"), None;
    INHERITED "inherited": SAME_CODE, FURTHER_WIRE, None;
    INHERITED_NO_MORE "inherited-no-more": SAME_CODE, Breaks("spans under the root lack it"), Some("refer to it from every span that is to keep it, before it stops being inherited"), Some("ask the root span for it, or give it to the spans that are to have it");
    FILLED_FROM "filled-from": SAME_CODE, Fine("it has a value where it had none"), None;
    FILLED_FROM_OTHER "filled-from-other": SAME_CODE, Breaks("it has another value, or none, unless it is given"), FRESH, Some("give it where its value matters");
    OPT_IN_KEY "opt-in-key": SAME_CODE, Fine("nothing else is sent unless somebody opts in, who asks for the latest keys"), None;
    OPT_IN_KEY_OTHER "opt-in-key-other": SAME_CODE, Breaks("whoever has opted in gets another key than before"), Some("leave it, and let go of the old key once nobody needs it any more: deprecate it as renamed"), Some("ask for either key where whoever reads it has opted in");

    REFERENCE_ADDED "reference-added": FURTHER_CODE, FURTHER_WIRE, None;
    REQUIRED_ADDED "required-added": Breaks("there is one more argument to give"), FURTHER_WIRE, ASK_FOR_LESS, Some("give the further argument");
    LABEL_ADDED "label-added": FURTHER_CODE, Breaks("each series becomes several: what is not aggregated, and what is joined, sees others"), Some("add it as `opt_in`, or define another metric"), Some("sum over it where it is not asked for");
    REQUIRED_LABEL_ADDED "required-label-added": Breaks("there is one more argument to give"), Breaks("each series becomes several: what is not aggregated, and what is joined, sees others"), Some("add it as `opt_in`, or define another metric"), Some("give the further argument, and sum over it where it is not asked for");
    REFERENCE_REMOVED "reference-removed": Breaks("its argument or setter is gone"), Breaks("it is not sent there any more"), Some("keep it, less asked for, until nobody reads it any more"), Some("take out what sets it there and what asks for it there");
    UNASKED_REMOVED "unasked-removed": SAME_CODE, Breaks("it is not sent there any more"), Some("keep it until nobody reads it any more"), Some("take out what asks for it there");
    REFERENCE_REMOVED_DEPRECATED "reference-removed-deprecated": Announced("its argument or setter is gone, also for those who passed over its deprecation"), Announced("it is not sent there any more"), NEXT_BREAKING, Some("take out what sets it there and what asks for it there");
    REFERENCE_RENAMED_REMOVED "reference-renamed-removed": Announced("its argument or setter is gone, also for those who passed over its deprecation"), Fine("the new name was sent there as well"), NEXT_BREAKING, USE_NEW;
    REFERENCE_RENAMED_EARLY "reference-renamed-early": Announced("its argument or setter is gone, also for those who passed over its deprecation"), Breaks("the new name was not sent beside it: there was no time to move queries"), SEND_BOTH, Some("use the new name; for the time before this version, ask for the old one as well");
    REFERENCE_RENAMED "reference-renamed": Breaks("its argument or setter is called otherwise"), Breaks("queries for the old key find nothing new"), Some("refer to both until nobody reads the old one any more"), Some("use the new name; for the time before this version, ask for the old one as well");
    LEVEL_REQUIRED "level-required": Breaks("what was a setter is an argument"), FURTHER_WIRE, Some("leave it `recommended`, and let a lint or a test ask for it"), Some("give it as an argument");
    LEVEL_NOT_REQUIRED "level-not-required": Breaks("what was an argument is a setter"), Breaks("it may be missing where it always was"), Some("leave it `required`, and send a value that stands for none"), Some("set it on the builder, and allow for its absence where it is asked for");
    LEVEL_LOOSER "level-looser": SAME_CODE, Breaks("it may be missing where it always was"), Some("leave it `required`, and send a value that stands for none"), Some("allow for its absence where it is asked for");
    LEVEL_OPT_IN "level-opt-in": SAME_CODE, Breaks("it is not there any more unless somebody asks for it"), Some("leave its level"), Some("opt in to it where it is wanted");
    LEVEL_OTHER "level-other": SAME_CODE, Fine("nothing that was sent is missing"), None;
    ATTRIBUTE_STRUCT "attribute-struct": Breaks("its attributes are given in a struct where they were not, or the other way round"), SAME_WIRE, Some("define another one with these attributes, and deprecate this one as renamed to that"), Some("give its attributes as the signature asks for now");
    ARGUMENT_ORDER "argument-order": Breaks("arguments come in the order of the references: two of the same type are swapped, and it compiles"), SAME_WIRE, Some("leave required references in their order, and put others behind them"), Some("read every call of it, also those that still compile");
    SET_TIME "set-time": Breaks("what was given to the builder is recorded on the open span, or the other way round"), SAME_WIRE, Some("leave `set` as it was"), Some("set it where the signature has it now");
    SET_BY_CALLERS "set-by-callers": FURTHER_CODE, Breaks("it is only there where it is given"), Some("leave it `set: runtime`"), Some("give it where it is to be had");
    FIXED_VALUE "fixed-value": Breaks("a fixed value is no argument and no setter"), Breaks("it has other values than before"), FRESH, Some("do not give it where it is fixed, and ask for the values that it has now");
    CONTENT_SETTER "content-setter": Breaks("content is given by a closure, which runs if it is captured, and other values as they are"), Fine("what is sent is told of at the attribute"), FRESH, Some("give it as its setter or `record_` method takes it now");
    RECORDED_NO_MORE "recorded-no-more": Breaks("its `record_` method is gone, as only what is inherited has one beside its setter"), Fine("where it is sent is told of at the attribute"), Some("leave it inherited"), Some("give it to the builder");
    AGGREGATE "aggregate": SAME_CODE, Breaks("a second value adds up, follows or replaces where it did not"), FRESH, Some("read its values as they are told now");
    AGGREGATE_APPEND "aggregate-append": Breaks("its `record_` method takes one value at a time where it took a list, or the other way round"), Breaks("a second value follows or replaces where it did not"), FRESH, Some("call the method as it takes values now, and read them as they are told now");
    OUTCOME "outcome": SAME_CODE, Breaks("other spans end in an error"), FRESH, Some("look again at alerts on failed spans");
    SAMPLING "sampling": SAME_CODE, Fine("samplers see it from the start, or no more"), None;
    CARDINALITY_RAISED "cardinality-raised": SAME_CODE, Fine("values that were `_OTHER` have their own series"), None;
    CARDINALITY_LOWERED "cardinality-lowered": SAME_CODE, Breaks("values that had their own series become `_OTHER`"), Some("leave the bound, or define another metric"), Some("expect `_OTHER` among its values");

    METRIC_INSTRUMENT "metric-instrument": Breaks("it takes its values by another method"), Breaks("queries are written for one instrument: a rate of a gauge, a quantile of a counter mean nothing"), FRESH, Some("record it by the new instrument's method, and write its queries anew");
    METRIC_UNIT "metric-unit": Breaks("what callers give is in the old unit, and what is in `s` takes a `Duration`"), Breaks("Prometheus has the unit in the metric's name, and thresholds are in the old one"), FRESH, Some("give values in the new unit; name the metric by it in Prometheus, and convert thresholds");
    METRIC_VALUE_TYPE "metric-value-type": Breaks("it takes another number type"), Breaks("backends hold a series to its first type"), FRESH, Some("give values of the new type");
    METRIC_BOUNDARIES "metric-boundaries": SAME_CODE, Breaks("old and new buckets do not add up, and alerts on one bucket find none"), Some("define another histogram, and move dashboards before this one goes"), Some("ask for the new buckets, and not across the change");
    METRIC_DERIVED "metric-derived": SAME_CODE, FURTHER_WIRE, None;
    METRIC_DERIVED_NO_MORE "metric-derived-no-more": Fine("the generated API is the same: what is still to be measured is recorded by hand"), Breaks("measurements are missing"), Some("leave the link, and derive a new metric beside it"), Some("record it by hand where it is to be had");
    METRIC_MEASURES "metric-measures": SAME_CODE, Breaks("the same series holds other values"), FRESH, Some("read its values as they are told now");
    METRIC_OPT_IN "metric-opt-in": SAME_CODE, Fine("the same is sent unless somebody opts in, who asks for the latest metrics"), None;
    METRIC_OPT_IN_ONLY "metric-opt-in-only": SAME_CODE, Breaks("it is not sent any more unless somebody opts in"), Some("define another metric for whoever opts in"), Some("opt in where it is read");
    METRIC_OPT_IN_LIFTED "metric-opt-in-lifted": SAME_CODE, Fine("it is sent whatever is opted in to"), None;
    METRIC_OPT_IN_OTHER "metric-opt-in-other": SAME_CODE, Breaks("whoever has opted in gets other metrics than before"), Some("leave it, and deprecate the metric once nobody needs it any more"), Some("ask for the metrics that there are now");

    SPAN_KIND "span-kind": SAME_CODE, Breaks("service maps and queries tell spans by kind"), Some("define another span"), Some("ask for both kinds");
    SPAN_NAME "span-name": SAME_CODE, Breaks("queries for the old name find nothing new"), Some("query by attributes first, then rename"), Some("ask for both names, or for an attribute");
    SPAN_BUILDER "span-builder": Breaks("its function is called otherwise"), SAME_WIRE, Some("leave `builder` as it was"), Some("call the function by its new name");
    CONTRACT_ADDED "contract-added": Breaks("its function is called as `builder` says, and takes the parents of the contract alone"), SAME_WIRE, Some("define a span with a contract beside it, and deprecate this one as renamed to that"), Some("start it by its new function, under one of its parents");
    CONTRACT_REMOVED "contract-removed": Breaks("its function and its handle are gone"), SAME_WIRE, Some("deprecate the span"), Some("start it by the function for spans without a contract");
    ROOT_ADDED "root-added": FURTHER_CODE, SAME_WIRE, None;
    ROOT_REMOVED "root-removed": Breaks("it needs a parent"), Breaks("traces that began with it begin elsewhere"), Some("define another span that has a parent"), Some("start it under one of its parents");
    PARENT_ADDED "parent-added": FURTHER_CODE, SAME_WIRE, None;
    PARENT_REMOVED "parent-removed": Breaks("it does not compile under that parent any more"), Breaks("it is not found under that parent any more"), Some("leave the parent"), Some("start it under another parent");
    PHASES_WIDENED "phases-widened": FURTHER_CODE, SAME_WIRE, None;
    PHASES_NARROWED "phases-narrowed": Breaks("it does not compile in those phases any more"), Breaks("it is not found in those phases any more"), Some("leave the phases"), Some("start it in another phase");
    TYPE_PER "type-per": Breaks("its handles have other types"), SAME_WIRE, Some("define another span"), Some("name the types of its handles as they are called now");
    IMMEDIATE "immediate": Breaks("its function returns a builder where it returned a span, or the other way round"), SAME_WIRE, Some("leave `immediate` as it was"), Some("call `start` on the builder, or leave it out");
    STREAM_ADDED "stream-added": FURTHER_CODE, FURTHER_WIRE, None;
    STREAM_OTHER "stream-other": Breaks("the methods for its chunks change"), Breaks("the times of its chunks are found elsewhere, or not at all"), Some("leave `stream` as it was"), Some("call the methods for chunks that there are now, and ask for their new attributes");
    RECORD_ADDED "record-added": FURTHER_CODE, FURTHER_WIRE, None;
    RECORD_REMOVED "record-removed": Breaks("its `record_` method is gone"), Breaks("its attributes are not sent any more"), KEEP, Some("take out what records it and what asks for it");
    RECORD_METHOD "record-method": Breaks("its `record_` method is called otherwise"), SAME_WIRE, Some("leave `name` as it was"), Some("call the method by its new name");
    RECORD_SPAN "record-span": Breaks("its method is on another handle"), Breaks("its attributes are on another span"), Some("define another record on that span"), Some("record it on the span that has it now");
    RECORD_IN_ALL_PHASES "record-in-all-phases": Breaks("the trait of the phases that take it is gone, which generic code names"), SAME_WIRE, Some("list all phases"), Some("take the bound out of generic code");
    RECORD_EVENT_ADDED "record-event-added": Breaks("an event that goes out with a record can't be sent by hand any more"), FURTHER_WIRE, Some("define another event for the record"), Some("record the record instead of sending the event");
    RECORD_EVENT_REMOVED "record-event-removed": SAME_CODE, Breaks("the event is not sent any more"), Some("leave `event`, and deprecate the event"), Some("send the event by hand where it is wanted");
    EVENT_KEPT "event-kept": SAME_CODE, FURTHER_WIRE, None;
    EVENT_KEPT_NO_MORE "event-kept-no-more": SAME_CODE, Breaks("the span lacks the last values"), Some("leave `keep_last`"), Some("ask for the event instead of the span");
    EVENT_AT_END "event-at-end": SAME_CODE, FURTHER_WIRE, None;
    EVENT_AT_END_NO_MORE "event-at-end-no-more": SAME_CODE, Breaks("it is not sent any more when that span ends"), Some("leave it, and deprecate the event"), Some("send the event by hand where it is wanted");
    EVENT_BODY "event-body": Breaks("what the body is made of has other types"), Breaks("queries look for what the body held"), FRESH, Some("fill the body as it is now, and ask for what it holds now");
    ENTITY_IDENTITY "entity-identity": SAME_CODE, Breaks("the same thing is told as another"), Some("define another entity"), Some("join what is told before and after by another attribute");
    ENTITY_DESCRIPTION "entity-description": SAME_CODE, Fine("what tells one from another is the same"), None;
    ENTITIES "entities": SAME_CODE, Fine("the signal itself is the same"), None;
}
