//! OpenTelemetry's rules for names, beyond what makes them names at all.

use std::collections::{BTreeMap, BTreeSet};

use super::scope::{Definition, Scope, is_own};
use crate::diagnostic::{Diagnostic, Location, quoted};
use crate::is_upstream;
use crate::locations::Kind;
use crate::names::namespace;
use crate::registry::{AttributeType, Docs, Instrument, PrimitiveType};

/// Units as they get into names.
const UNITS: [&str; 46] = [
    "bytes",
    "cents",
    "celsius",
    "day",
    "days",
    "eur",
    "fahrenheit",
    "gb",
    "gib",
    "hertz",
    "hour",
    "hours",
    "hrs",
    "hz",
    "kb",
    "kib",
    "kilobytes",
    "mb",
    "meters",
    "mhz",
    "mib",
    "micros",
    "microseconds",
    "millis",
    "milliseconds",
    "mins",
    "minute",
    "minutes",
    "ms",
    "msec",
    "nanos",
    "nanoseconds",
    "ns",
    "pct",
    "percent",
    "percentage",
    "sec",
    "second",
    "seconds",
    "secs",
    "tb",
    "tib",
    "us",
    "usd",
    "usec",
    "watts",
];

pub(super) fn units(scope: &Scope<'_>) -> Vec<Diagnostic> {
    let attributes = scope.attributes().filter(|it| is_number(&it.ty));
    let attributes = attributes.map(|it| {
        let home = match it.ty {
            AttributeType::Int | AttributeType::Double => "`annotations.vigil.unit`",
            // The annotation is for single numbers.
            _ => "its brief",
        };
        (Definition::attribute(it), home)
    });
    let metrics = scope.metrics();
    let metrics = metrics.map(|it| (Definition::metric(it), "the metric's `unit`"));
    let found = attributes.chain(metrics).filter_map(|(definition, home)| {
        let (rest, unit) = last_word(definition.name);
        if rest.is_empty() || !UNITS.contains(&unit) {
            return None;
        }
        let name = quoted(definition.name);
        let message = format!("{name} has the unit {} in its name", quoted(unit));
        let help = format!("call it {}, and leave the unit to {home}", quoted(rest));
        Some(scope.finding(scope.at(definition), message).with_help(help))
    });
    found.collect()
}

pub(super) fn totals(scope: &Scope<'_>) -> Vec<Diagnostic> {
    let metrics = scope
        .metrics()
        .filter(|it| last_word(&it.name).1 == "total");
    let found = metrics.map(|it| {
        let message = format!("{} ends in `total`", quoted(&it.name));
        let help = format!("call it {}", quoted(last_word(&it.name).0));
        scope
            .finding(scope.at(Definition::metric(it)), message)
            .with_help(help)
    });
    found.collect()
}

pub(super) fn plurals(scope: &Scope<'_>) -> Vec<Diagnostic> {
    // What ends in an `s` and is one thing.
    const SINGULAR: [&str; 3] = ["ss", "us", "is"];
    let metrics = scope.metrics();
    let counters = metrics.filter(|it| it.instrument == Instrument::UpDownCounter);
    let plural = counters.filter(|it| {
        let singular = SINGULAR.iter().any(|ending| it.name.ends_with(ending));
        it.name.ends_with('s') && !singular
    });
    let found = plural.map(|it| {
        let message = format!(
            "{} is an up-down counter with a plural for a name",
            quoted(&it.name)
        );
        scope
            .finding(scope.at(Definition::metric(it)), message)
            .with_help("name it in the singular, with `.count` or what is told of it at its end")
    });
    found.collect()
}

pub(super) fn namespaces(scope: &Scope<'_>) -> Vec<Diagnostic> {
    let named = scope
        .current()
        .filter(|it| is_on_the_wire(it.kind) && !it.name.contains('.'));
    let found = named.map(|it| {
        let message = format!("{} has no namespace", quoted(it.name));
        scope
            .finding(scope.at(it), message)
            .with_help("begin it with a namespace of your own, and a `.`")
    });
    found.collect()
}

pub(super) fn trees(scope: &Scope<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for kind in [Kind::Attribute, Kind::Metric] {
        let all = names(scope, kind);
        for (name, docs) in &all {
            let prefix = format!("{name}.");
            let below = all.range(prefix.as_str()..);
            let mut below = below.take_while(|(other, _)| other.starts_with(&prefix));
            let place = |name: &str| scope.checked.locations.get(kind, name).unwrap_or_default();
            let told = |at: Location, other: Location, what: String| {
                scope
                    .finding(at, what)
                    .with_secondary(other, "the other one")
                    .with_help("name the one that is a namespace more exactly")
            };
            if is_own(docs) {
                if let Some((other, _)) = below.next() {
                    let what = format!("{} is the namespace of {}", quoted(name), quoted(other));
                    found.push(told(place(name), place(other), what));
                }
            } else {
                for (other, _) in below.filter(|(_, docs)| is_own(docs)) {
                    let what = format!("{} has {} as its namespace", quoted(other), quoted(name));
                    found.push(told(place(other), place(name), what));
                }
            }
        }
    }
    found
}

pub(super) fn constants(scope: &Scope<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for kind in [Kind::Attribute, Kind::Metric] {
        let all = names(scope, kind);
        let mut by_constant: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for name in all.keys() {
            let constant = name.replace('.', "_");
            by_constant.entry(constant).or_default().push(name);
        }
        for same in by_constant.values().filter(|names| names.len() > 1) {
            let place = |name: &str| scope.checked.locations.get(kind, name).unwrap_or_default();
            // One that the registry can change, and any other.
            let own = |name: &&&str| is_own(all[**name]);
            let Some(name) = same.iter().rfind(own) else {
                continue;
            };
            let Some(other) = same.iter().find(|other| *other != name) else {
                continue;
            };
            let message = format!(
                "{} and {} are one where dots can't stand",
                quoted(name),
                quoted(other)
            );
            found.push(
                scope
                    .finding(place(name), message)
                    .with_secondary(place(other), "the other one")
                    .with_help("rename one of them"),
            );
        }
    }
    found
}

pub(super) fn reserved(scope: &Scope<'_>) -> Vec<Diagnostic> {
    if is_upstream(&scope.registry.manifest.schema_url) {
        return Vec::new();
    }
    let named = scope.current().filter(|it| it.name.starts_with("otel."));
    let named = named.filter(|it| is_on_the_wire(it.kind) || it.kind == Kind::Event);
    let found = named.map(|it| {
        let message = format!(
            "{} stands in OpenTelemetry's own namespace",
            quoted(it.name)
        );
        scope
            .finding(scope.at(it), message)
            .with_help("put it into a namespace of your own")
    });
    found.collect()
}

pub(super) fn upstream(scope: &Scope<'_>) -> Vec<Diagnostic> {
    let whole = scope.checked.whole.as_ref().unwrap_or(scope.registry);
    let attributes = whole.attributes.iter().map(|(key, it)| (key, &it.docs));
    let metrics = whole.metrics.iter().map(|(name, it)| (name, &it.docs));
    let theirs = attributes.chain(metrics).filter(|(_, docs)| {
        let registry = docs.origin.registry.as_ref();
        registry.is_some_and(|it| scope.checked.upstream.contains(it))
    });
    let theirs: BTreeSet<&str> = theirs.map(|(name, _)| namespace(name)).collect();
    let named = scope.current().filter(|it| is_on_the_wire(it.kind));
    let found = named.filter(|it| theirs.contains(namespace(it.name)));
    let found = found.map(|it| {
        let message = format!(
            "{} stands in {}, which is a namespace of OpenTelemetry's",
            quoted(it.name),
            quoted(namespace(it.name))
        );
        scope
            .finding(scope.at(it), message)
            .with_help("put it into a namespace of your own")
    });
    found.collect()
}

/// All names of a kind that are to be used, of other registries too.
fn names<'a>(scope: &Scope<'a>, kind: Kind) -> BTreeMap<&'a str, &'a Docs> {
    let registry = scope.registry;
    let attributes = registry.attributes.iter();
    let attributes = attributes.map(|(key, it)| (Kind::Attribute, key.as_str(), &it.docs));
    let metrics = registry.metrics.iter();
    let metrics = metrics.map(|(name, it)| (Kind::Metric, name.as_str(), &it.docs));
    let all = attributes.chain(metrics).filter(|(of, ..)| *of == kind);
    let current = all.filter(|(.., docs)| docs.deprecated.is_none());
    current.map(|(_, name, docs)| (name, docs)).collect()
}

/// Whether backends tell definitions of the kind apart by their names' parts.
fn is_on_the_wire(kind: Kind) -> bool {
    matches!(kind, Kind::Attribute | Kind::Metric)
}

fn is_number(ty: &AttributeType) -> bool {
    match ty {
        AttributeType::Int | AttributeType::Double => true,
        AttributeType::Array(item) => {
            matches!(item, PrimitiveType::Int | PrimitiveType::Double)
        }
        AttributeType::Template(inner) => is_number(inner),
        _ => false,
    }
}

/// What stands before the last word of a name, and that.
fn last_word(name: &str) -> (&str, &str) {
    name.rsplit_once(['.', '_']).unwrap_or(("", name))
}
