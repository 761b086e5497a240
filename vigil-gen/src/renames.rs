//! What has another name now, as OpenTelemetry's schema files tell it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::registry::{AttributeRef, Docs, NamePart, Registry, SpanName};

/// What has another name now: what `deprecated` says is renamed, and the name that it ends up with, where
/// that one was renamed as well.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Renames {
    /// Attributes, wherever they stand: the new key by the old one.
    pub attributes: BTreeMap<String, String>,
    /// Metrics: the new name by the old one.
    pub metrics: BTreeMap<String, String>,
    /// Events: the new name by the old one.
    pub events: BTreeMap<String, String>,
    /// Attributes that only some spans have under another key, by the name of the span, if it is always the same.
    pub of_spans: BTreeMap<String, BTreeMap<String, String>>,
    /// Attributes that only some metrics have under another key, by the name of the metric.
    pub of_metrics: BTreeMap<String, BTreeMap<String, String>>,
    /// Attributes that only some events have under another key, by the name of the event.
    pub of_events: BTreeMap<String, BTreeMap<String, String>>,
}

impl Renames {
    /// Those of a registry, along with what it takes from others.
    pub fn of(registry: &Registry) -> Self {
        let Registry {
            attributes,
            metrics,
            events,
            spans,
            ..
        } = registry;
        let attributes = renamed(attributes.iter().map(|(key, it)| (key, &it.docs)));
        let by_signal = |signals: &mut dyn Iterator<Item = (String, &[AttributeRef])>| {
            let mut by_name: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
            for (name, references) in signals {
                let own = references
                    .iter()
                    .filter(|it| !attributes.contains_key(&it.key))
                    .filter_map(|it| {
                        let to = it.deprecated.as_ref()?.new_name()?;
                        Some((it.key.clone(), to.to_owned()))
                    });
                for (key, to) in own {
                    let to = attributes.get(&to).cloned().unwrap_or(to);
                    by_name.entry(name.clone()).or_default().insert(key, to);
                }
            }
            by_name
        };
        Self {
            metrics: renamed(metrics.iter().map(|(name, it)| (name, &it.docs))),
            events: renamed(events.iter().map(|(name, it)| (name, &it.docs))),
            of_spans: by_signal(
                &mut spans
                    .values()
                    .filter_map(|it| Some((fixed(&it.name)?, it.attributes.as_slice()))),
            ),
            of_metrics: by_signal(
                &mut metrics
                    .iter()
                    .map(|(name, it)| (name.clone(), it.attributes.as_slice())),
            ),
            of_events: by_signal(
                &mut events
                    .iter()
                    .map(|(name, it)| (name.clone(), it.attributes.as_slice())),
            ),
            attributes,
        }
    }
}

/// The last name of each that has had another one. A registry has no circle of them.
fn renamed<'a>(
    definitions: impl Iterator<Item = (&'a String, &'a Docs)>,
) -> BTreeMap<String, String> {
    let next: BTreeMap<&String, String> = definitions
        .filter_map(|(name, docs)| {
            let to = docs.deprecated.as_ref()?.new_name()?;
            Some((name, to.to_owned()))
        })
        .collect();
    next.iter()
        .map(|(old, new)| {
            let mut last = new;
            while let Some(later) = next.get(last) {
                last = later;
            }
            ((*old).clone(), last.clone())
        })
        .collect()
}

/// The name that every span of the kind has, if no placeholder is in it.
fn fixed(name: &SpanName) -> Option<String> {
    let SpanName::Pattern(parts) = name else {
        return None;
    };
    let words = parts.iter().map(|part| match part {
        NamePart::Word(word) => Some(word.as_str()),
        NamePart::Key(_) => None,
    });
    let words: Option<Vec<&str>> = words.collect();
    words.map(|words| words.join(" "))
}
