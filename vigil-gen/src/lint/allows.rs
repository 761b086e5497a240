//! What is suppressed.

use super::scope::Scope;
use crate::diagnostic::Diagnostic;

pub(super) fn reasons(scope: &Scope<'_>) -> Vec<Diagnostic> {
    let allows = scope.checked.allows.iter();
    let found = allows.filter(|it| it.reason.is_none()).map(|it| {
        let name = it.lint.value.name;
        let message = format!("`{name}` is suppressed without a reason");
        let help = format!("write `{{ lint: {name}, reason: … }}`");
        scope.finding(it.lint.at, message).with_help(help)
    });
    found.collect()
}

pub(super) fn unused(scope: &Scope<'_>) -> Vec<Diagnostic> {
    let allows = scope.checked.allows.iter().zip(scope.used);
    let unused = allows.filter(|(_, used)| !**used).map(|(allow, _)| allow);
    // Without a baseline nobody knows whether something was removed.
    let judged = unused.filter(|it| !it.lint.value.needs_baseline || scope.baseline.is_some());
    let found = judged.map(|it| {
        let message = format!(
            "`{}` is suppressed, and finds nothing here",
            it.lint.value.name
        );
        scope
            .finding(it.lint.at, message)
            .with_help("take it out of `allow`")
    });
    found.collect()
}
