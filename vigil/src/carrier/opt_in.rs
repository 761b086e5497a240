//! Two names at once: what attributes and metrics are called for whoever opts in.
//!
//! The names that the registry has until then are those that everything here works with. What leaves
//! is renamed on its way out, where somebody has opted in to something; nowhere else is there more to
//! it than a look at one flag.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::attributes::{Entry, same};
use super::definition::{Field, MetricDefinition, OptInKey};
use super::instruments::{self, Binding};
use super::value::Value;
use crate::config::{Names, StabilityOptIn};

/// Somebody has opted in to something, in this process or a test scope of it.
static ANY: AtomicBool = AtomicBool::new(false);
/// What the process has opted in to.
static PROCESS: RwLock<Option<Arc<StabilityOptIn>>> = RwLock::new(None);

/// Emits the names that `opt_in` asks for from now on, as `OTEL_SEMCONV_STABILITY_OPT_IN` does with
/// [`init`](crate::init). For people with a subscriber and an SDK of their own, before either of them
/// is used: spans that are open meanwhile may have some names of both kinds.
///
/// ```
/// use vigil::VigConfig;
///
/// vigil::set_stability_opt_in("gen_ai_latest_experimental/dup");
/// // What the variable says:
/// vigil::set_stability_opt_in(VigConfig::new().resolve_from_env().stability_opt_in().clone());
/// ```
pub fn set_stability_opt_in(opt_in: impl Into<StabilityOptIn>) {
    let opt_in = opt_in.into();
    note(&opt_in);
    let mut process = PROCESS.write().unwrap_or_else(PoisonError::into_inner);
    if process.as_deref() == Some(&opt_in) || process.is_none() && opt_in.is_empty() {
        return;
    }
    *process = Some(Arc::new(opt_in));
    drop(process);
    // Instruments were made with the names of before.
    instruments::make_anew();
}

/// What is opted in to there is to be looked for from now on.
pub(crate) fn note(opt_in: &StabilityOptIn) {
    if !opt_in.is_empty() {
        ANY.store(true, Ordering::Relaxed);
    }
}

/// Whether there is anything to look for.
#[inline]
pub(crate) fn is_any() -> bool {
    ANY.load(Ordering::Relaxed)
}

/// What counts here: a span's own test scope's, that of the test scope, the process's.
#[cold]
#[inline(never)]
pub(crate) fn of(own: Option<&Binding>) -> Arc<StabilityOptIn> {
    let scoped = || Binding::scoped()?.opt_in().cloned();
    let process = || {
        let process = PROCESS.read().unwrap_or_else(PoisonError::into_inner);
        process.clone()
    };
    own.and_then(|own| own.opt_in().cloned())
        .or_else(scoped)
        .or_else(process)
        .unwrap_or_default()
}

/// Entries under the names that they leave by. `key` says which of them have two.
pub(crate) fn renamed(
    entries: impl IntoIterator<Item = Entry>,
    key: impl Fn(&str) -> Option<OptInKey>,
    opt_in: &StabilityOptIn,
) -> Vec<Entry> {
    let mut renamed = Vec::new();
    for (former, value) in entries {
        let names = key(former).map(|it| (it.renamed_to, opt_in.names(it.category)));
        match names {
            None | Some((_, Names::Former)) => renamed.push((former, value)),
            Some((latest, Names::Latest)) => renamed.push((latest, value)),
            Some((latest, Names::Both)) => {
                renamed.push((former, value.clone()));
                renamed.push((latest, value));
            }
        }
    }
    renamed
}

/// What `fields` say of the names of an attribute.
pub(crate) fn key_of(fields: &[Field]) -> impl Fn(&str) -> Option<OptInKey> {
    |key| {
        let mut fields = fields.iter();
        fields.find(|it| same(it.key(), key))?.opt_in_key()
    }
}

/// Those that fields declare: of an event, or of a metric.
#[cold]
#[inline(never)]
pub(crate) fn of_fields<'a>(
    fields: &[Field],
    entries: &'a [Entry],
    own: Option<&Binding>,
) -> Cow<'a, [Entry]> {
    if fields.iter().all(|it| it.opt_in_key().is_none()) {
        return Cow::Borrowed(entries);
    }
    let entries = entries.iter().cloned();
    Cow::Owned(renamed(entries, key_of(fields), &of(own)))
}

/// The names that fields may have beside their own, for `tracing`, which has to know them before.
pub(crate) fn latest_keys(fields: &[Field]) -> impl Iterator<Item = &'static str> {
    fields
        .iter()
        .filter_map(|it| Some(it.opt_in_key()?.renamed_to))
}

impl MetricDefinition {
    /// Whether nothing is measured, as nobody has opted in to it.
    #[inline]
    pub(crate) fn is_withheld(&self, own: Option<&Binding>) -> bool {
        self.waits && (!is_any() || self.waits_here(own))
    }

    #[cold]
    #[inline(never)]
    fn waits_here(&self, own: Option<&Binding>) -> bool {
        let category = self.opt_in.map_or("", |it| it.category);
        !of(own).names(category).has_latest()
    }
}

/// Where a measurement goes.
pub(crate) struct Route {
    /// To the metric itself.
    pub(crate) stays: bool,
    /// To those that take its place, with the values of their attributes.
    pub(crate) others: Vec<(&'static MetricDefinition, Vec<Option<Value>>)>,
}

/// Where a measurement with these values of the metric's attributes goes, if not to the metric alone.
pub(crate) fn route(
    metric: &'static MetricDefinition,
    attributes: &[Option<&Value>],
    own: &Binding,
) -> Option<Route> {
    let opt_in = metric.opt_in.as_ref()?;
    if opt_in.replaced_by.is_empty() {
        let others = Vec::new();
        let withheld = Route {
            stays: false,
            others,
        };
        return metric.is_withheld(Some(own)).then_some(withheld);
    }
    if !is_any() {
        return None;
    }
    let names = of(Some(own)).names(opt_in.category);
    if !names.has_latest() {
        return None;
    }
    let value = |key: &str| {
        let at = metric.fields.iter().position(|it| same(it.key(), key))?;
        let constant = metric.fields[at].constant.map(Value::from);
        attributes.get(at).copied().flatten().cloned().or(constant)
    };
    let is = |value: Option<Value>, member: &str| {
        value.is_some_and(|value| match &value {
            Value::Text(text) => text.as_str() == member,
            other => other.to_string() == member,
        })
    };
    let others: Vec<_> = opt_in
        .replaced_by
        .iter()
        .filter(|it| it.only.iter().all(|(key, member)| is(value(key), member)))
        .map(|it| {
            let given = |field: &Field| {
                let with = it.with.iter().find(|(key, _)| *key == field.key());
                let fixed = field.constant.or(with.map(|(_, member)| *member));
                fixed.map(Value::from).or_else(|| value(field.key()))
            };
            (it.metric, it.metric.fields.iter().map(given).collect())
        })
        .collect();
    let stays = names.has_former() || others.is_empty();
    Some(Route { stays, others })
}
