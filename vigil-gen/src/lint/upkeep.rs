//! Who answers for what, and until when it is good.

use super::scope::Scope;
use crate::diagnostic::{Diagnostic, quoted};

pub(super) fn owners(scope: &Scope<'_>) -> Vec<Diagnostic> {
    let orphans = scope.current().filter(|it| it.docs.owner.is_none());
    let found = orphans.map(|it| {
        let message = format!("nobody answers for {}", quoted(it.name));
        scope.finding(scope.at(it), message).with_help(
            "add `owner` under `annotations.vigil`, here or, for a namespace or all, in the manifest",
        )
    });
    found.collect()
}

pub(super) fn expired(scope: &Scope<'_>) -> Vec<Diagnostic> {
    let found = scope.own().filter_map(|it| {
        let day = it.docs.expires.filter(|day| *day <= scope.today)?;
        let message = format!("{} expired on {day}", quoted(it.name));
        let whom = it.docs.owner.as_ref();
        let whom = whom.map_or_else(String::new, |owner| {
            format!("; its owner is {}", quoted(owner))
        });
        let help =
            format!("look whether it is still needed, then set a later day or deprecate it{whom}");
        Some(scope.finding(scope.at(it), message).with_help(help))
    });
    found.collect()
}
