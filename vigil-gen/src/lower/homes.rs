//! Whose code is where: what a registry takes from others may have been generated already, in another
//! crate. That is referred to, and not made again.

use std::collections::{BTreeMap, BTreeSet};

use crate::codes;
use crate::diagnostic::{Diagnostic, Diagnostics, Location, quoted};
use crate::locations::Locations;
use crate::registry::{Docs, Origin, Registry};

/// Where the code of other registries is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Homes {
    /// The Rust path of the module that holds it, by the registry's name.
    pub(crate) roots: BTreeMap<String, String>,
}

impl Homes {
    /// The Rust path of the module that holds the code of what is defined there; none if it is made now.
    pub(crate) fn of(&self, origin: &Origin) -> Option<&str> {
        self.roots
            .get(origin.registry.as_ref()?)
            .map(String::as_str)
    }

    /// Whether the code of what is so described is made now.
    pub(crate) fn is_own(&self, docs: &Docs) -> bool {
        self.of(&docs.origin).is_none()
    }

    /// The definitions by where their code is: those that are made now, of `registry`; and those of
    /// each other place, of `whole`, since names depend on what else has them there. Spans are told by
    /// attributes of any place, so those are in all parts, beside those that are the part's own.
    pub(super) fn parts(&self, registry: &Registry, whole: &Registry) -> Vec<Part> {
        let roots: BTreeSet<&String> = self.roots.values().collect();
        let others = roots.into_iter().map(|root| {
            let is_there = |docs: &Docs| self.of(&docs.origin) == Some(root.as_str());
            Part::of(whole, Some(root.clone()), is_there)
        });
        let own = Part::of(registry, None, |docs| self.is_own(docs));
        [own].into_iter().chain(others).collect()
    }

    /// Reports what would have to be written into code that is there already.
    pub(super) fn check(
        &self,
        registry: &Registry,
        locations: &Locations,
        diagnostics: &mut Diagnostics,
    ) {
        let mut report = |at: Location, message: String, help: &str| {
            diagnostics.push(Diagnostic::new(codes::ELSEWHERE, at, message).with_help(help));
        };
        let span = |ty: &String| {
            let span = registry.spans.get(ty)?;
            self.of(&span.docs.origin)
        };
        let own = |name: &String| {
            let metric = registry.metrics.get(name);
            metric.is_some_and(|it| self.is_own(&it.docs))
        };
        for group in registry.groups.values().filter(|it| self.is_own(&it.docs)) {
            let Some(record) = &group.record else {
                continue;
            };
            if let Some(root) = span(&record.on) {
                report(
                    locations.group(&group.id),
                    format!(
                        "{} is recorded on {}, whose code is in {} already",
                        quoted(&group.id),
                        quoted(&record.on),
                        quoted(root)
                    ),
                    "record it on a span of your own",
                );
            }
        }
        let spans = registry
            .spans
            .values()
            .map(|it| (&it.ty, &it.docs, &it.metrics));
        let records = registry.groups.values().filter_map(|it| {
            let record = it.record.as_ref()?;
            Some((&it.id, &it.docs, &record.metrics))
        });
        for (source, docs, metrics) in spans.chain(records) {
            let Some(root) = self.of(&docs.origin) else {
                continue;
            };
            for metric in metrics.iter().filter(|name| own(name)) {
                report(
                    locations.metric(metric),
                    format!(
                        "{} is fed from {}, whose code is in {} already",
                        quoted(metric),
                        quoted(source),
                        quoted(root)
                    ),
                    "feed it from a span or record of your own, or take `from` out and record it by hand",
                );
            }
        }
        for event in registry.events.values().filter(|it| self.is_own(&it.docs)) {
            if let Some(ty) = &event.at_end_of
                && let Some(root) = span(ty)
            {
                report(
                    locations.event(&event.name),
                    format!(
                        "{} is sent when {} ends, whose code is in {} already",
                        quoted(&event.name),
                        quoted(ty),
                        quoted(root)
                    ),
                    "send it from a span of your own, or take `at_end_of` out and emit it by hand",
                );
            }
        }
    }
}

/// What one module holds the code of.
pub(super) struct Part {
    /// The module; none if it is made now.
    pub(super) root: Option<String>,
    /// Its attributes, metrics and spans.
    pub(super) registry: Registry,
    /// All attributes, and its spans.
    pub(super) with_all_attributes: Registry,
}

impl Part {
    fn of(from: &Registry, root: Option<String>, belongs: impl Fn(&Docs) -> bool) -> Self {
        fn kept<T: Clone>(
            all: &BTreeMap<String, T>,
            belongs: impl Fn(&T) -> bool,
        ) -> BTreeMap<String, T> {
            let kept = all.iter().filter(|(_, it)| belongs(it));
            kept.map(|(name, it)| (name.clone(), it.clone())).collect()
        }
        let spans = kept(&from.spans, |it| belongs(&it.docs));
        Self {
            root,
            with_all_attributes: Registry {
                attributes: from.attributes.clone(),
                spans: spans.clone(),
                ..Registry::default()
            },
            registry: Registry {
                attributes: kept(&from.attributes, |it| belongs(&it.docs)),
                metrics: kept(&from.metrics, |it| belongs(&it.docs)),
                spans,
                ..Registry::default()
            },
        }
    }
}
