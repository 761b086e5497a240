//! What holds, for what code and the environment say.

mod endpoints;
mod presets;
mod settings;
mod whole;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use opentelemetry::{KeyValue, Value};

use super::*;
use crate::export::{Target, Tls};

const ALL_BUILT_IN: &dyn Fn(Protocol) -> bool = &|_| true;

fn resolve_with(config: &VigConfig, variables: &[(&str, &str)]) -> Resolved {
    let lookup = |name: &str| {
        let set = variables.iter().find(|(variable, _)| *variable == name);
        set.map(|(_, value)| (*value).to_owned())
    };
    resolve::resolve(config, &lookup, ALL_BUILT_IN)
}

fn from(variables: &[(&str, &str)]) -> Resolved {
    resolve_with(&VigConfig::new(), variables)
}

fn warnings(resolved: &Resolved) -> Vec<String> {
    resolved
        .warnings()
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// What is said when that variable has that value, alone.
fn warned(name: &str, value: &str) -> String {
    warnings(&from(&[(name, value)])).join("\n")
}

fn url(resolved: &Resolved, signal: Signal) -> Option<&str> {
    resolved.target(signal).map(|target| target.url.as_str())
}

fn urls(resolved: &Resolved) -> [Option<&str>; 3] {
    outputs::SIGNALS.map(|signal| url(resolved, signal))
}

fn header<'a>(target: &'a Target, name: &str) -> Option<&'a str> {
    let mut headers = target.headers.iter();
    headers.find_map(|(other, value)| (other == name).then(|| value.reveal()))
}

fn traces(resolved: &Resolved) -> &Target {
    resolved
        .target(Signal::Traces)
        .expect("traces are exported")
}

fn attribute<'a>(resolved: &'a Resolved, key: &str) -> Option<std::borrow::Cow<'a, str>> {
    let mut attributes = resolved.resource_attributes().iter();
    attributes
        .find_map(|attribute| (attribute.key.as_str() == key).then(|| attribute.value.as_str()))
}

const OTLP: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const OTLP_TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const OTLP_METRICS: &str = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
const LANGFUSE: &[(&str, &str)] = &[
    ("VIGIL_PRESET", "langfuse"),
    ("LANGFUSE_PUBLIC_KEY", "pk"),
    ("LANGFUSE_SECRET_KEY", "sk-word"),
];

fn langfuse_and<'a>(more: &[(&'a str, &'a str)]) -> Resolved {
    from(&[LANGFUSE, more].concat())
}
