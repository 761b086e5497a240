//! How many series metrics make.

use super::scope::{Definition, Scope};
use crate::diagnostic::{Diagnostic, quoted};
use crate::registry::AttributeType;
use crate::stats::Series;

/// How many series of a metric are kept apart: Vigil gives the SDK no room for more.
pub const MOST_SERIES: u64 = 1_791;

pub(super) fn unbounded(scope: &Scope<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for metric in scope.metrics() {
        let definition = Definition::metric(metric);
        for reference in &metric.attributes {
            let by_itself = scope
                .attribute(reference)
                .is_none_or(|it| matches!(it.ty, AttributeType::Enum(_) | AttributeType::Boolean));
            if by_itself || reference.cardinality.is_some() || reference.value.is_some() {
                continue;
            }
            let (key, name) = (quoted(&reference.key), quoted(&metric.name));
            let at = scope.reference_at(definition, &reference.key);
            found.push(
                scope
                    .finding(at, format!("{key} has no bound on its values on {name}"))
                    .with_help("add `annotations: { vigil: { cardinality: N } }` to the reference"),
            );
        }
    }
    found
}

pub(super) fn series(scope: &Scope<'_>) -> Vec<Diagnostic> {
    let found = scope.metrics().filter_map(|metric| {
        let largest = Series::of(metric, scope.registry).largest?;
        if largest <= MOST_SERIES {
            return None;
        }
        let largest = match largest {
            u64::MAX => "very many".to_owned(),
            largest => largest.to_string(),
        };
        let message = format!(
            "{} can make {largest} series, and {MOST_SERIES} are kept apart",
            quoted(&metric.name)
        );
        let at = scope.at(Definition::metric(metric));
        Some(scope.finding(at, message).with_help(
            "lower the bounds of its attributes, or take one out; `vigil-gen stats` shows the factors",
        ))
    });
    found.collect()
}
