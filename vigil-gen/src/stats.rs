//! A registry in numbers: what there is of it, and how many series its metrics can make.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use serde::Serialize;

use crate::names;
use crate::registry::{
    Attribute, AttributeRef, AttributeType, Docs, Metric, PrimitiveType, Registry,
    RequirementLevel, Stability,
};

/// What is counted of a registry. Displays as tables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// How many definitions there are.
    pub total: Kinds,
    /// How many of each namespace.
    pub namespaces: BTreeMap<String, Kinds>,
    /// How many of each stability; what is deprecated counts as that.
    pub stability: BTreeMap<String, Kinds>,
    /// The largest number of series of each metric.
    pub series: BTreeMap<String, Series>,
}

/// Definitions by what they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Kinds {
    /// Attributes.
    pub attributes: usize,
    /// Public attribute groups, records among them.
    pub groups: usize,
    /// Records.
    pub records: usize,
    /// Spans.
    pub spans: usize,
    /// Metrics.
    pub metrics: usize,
    /// Events.
    pub events: usize,
    /// Entities.
    pub entities: usize,
}

/// How many series a metric can make: the product of how many values each of its attributes can have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Series {
    /// That product; none if an attribute has no bound.
    pub largest: Option<u64>,
    /// How many values each attribute can have; none if it has no bound.
    pub values: BTreeMap<String, Option<u64>>,
}

impl Stats {
    /// Counts.
    pub fn of(registry: &Registry) -> Self {
        let mut stats = Self::default();
        for (key, it) in &registry.attributes {
            stats.count(key, &it.docs, |kinds| &mut kinds.attributes);
        }
        for (id, it) in &registry.groups {
            stats.count(id, &it.docs, |kinds| &mut kinds.groups);
            if it.record.is_some() {
                stats.count(id, &it.docs, |kinds| &mut kinds.records);
            }
        }
        for (ty, it) in &registry.spans {
            stats.count(ty, &it.docs, |kinds| &mut kinds.spans);
        }
        for (name, it) in &registry.metrics {
            stats.count(name, &it.docs, |kinds| &mut kinds.metrics);
            stats.series.insert(name.clone(), Series::of(it, registry));
        }
        for (name, it) in &registry.events {
            stats.count(name, &it.docs, |kinds| &mut kinds.events);
        }
        for (ty, it) in &registry.entities {
            stats.count(ty, &it.docs, |kinds| &mut kinds.entities);
        }
        stats
    }

    fn count(&mut self, name: &str, docs: &Docs, kind: fn(&mut Kinds) -> &mut usize) {
        let namespace = names::namespace(name).to_owned();
        let stability = match (&docs.deprecated, docs.stability) {
            (Some(_), _) => "deprecated",
            (None, Stability::Development) => "development",
            (None, Stability::Alpha) => "alpha",
            (None, Stability::Beta) => "beta",
            (None, Stability::ReleaseCandidate) => "release_candidate",
            (None, Stability::Stable) => "stable",
        };
        *kind(&mut self.total) += 1;
        *kind(self.namespaces.entry(namespace).or_default()) += 1;
        *kind(self.stability.entry(stability.to_owned()).or_default()) += 1;
    }

    /// As JSON, indented. Keys are only ever added.
    pub fn json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}

impl Series {
    pub(crate) fn of(metric: &Metric, registry: &Registry) -> Self {
        let values: BTreeMap<String, Option<u64>> = metric
            .attributes
            .iter()
            .filter(|reference| reference.level_is_given())
            .map(|reference| {
                let attribute = registry.attributes.get(&reference.key);
                (
                    reference.key.clone(),
                    attribute.and_then(|it| values(reference, it)),
                )
            })
            .collect();
        let largest = values.values().try_fold(1_u64, |product, values| {
            Some(product.saturating_mul((*values)?))
        });
        Self { largest, values }
    }
}

impl AttributeRef {
    /// Whether measurements have it: what is opt-in they have only where somebody asks for it.
    fn level_is_given(&self) -> bool {
        !matches!(self.level, RequirementLevel::OptIn(_))
    }
}

/// How many values an attribute can have on a metric, none at all among them where it may be missing.
fn values(reference: &AttributeRef, attribute: &Attribute) -> Option<u64> {
    if reference.value.is_some() {
        return Some(1);
    }
    // Those beyond the bound are sent as one.
    let bound = reference.cardinality.map(|bound| u64::from(bound) + 1);
    let by_itself = match &attribute.ty {
        AttributeType::Boolean => Some(2),
        AttributeType::Enum(ty) => {
            let members = ty.members.len() as u64;
            let others = !ty.closed && ty.primitive != PrimitiveType::Boolean;
            Some(members + u64::from(others))
        }
        _ => None,
    };
    let given = bound.or(by_itself)?;
    let missing = reference.level != RequirementLevel::Required;
    Some(given + u64::from(missing))
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = |title: &str, rows: &BTreeMap<String, Kinds>| {
            let rows = rows.iter().map(|(name, kinds)| kinds.row(name));
            let head = std::iter::once(
                [
                    title,
                    "attributes",
                    "groups",
                    "records",
                    "spans",
                    "metrics",
                    "events",
                    "entities",
                ]
                .map(str::to_owned)
                .to_vec(),
            );
            table(head.chain(rows).chain([self.total.row("total")]).collect())
        };
        writeln!(f, "{}", by("namespace", &self.namespaces))?;
        f.write_str(&by("stability", &self.stability))?;
        if self.series.is_empty() {
            return Ok(());
        }
        let rows = self.series.iter().map(|(name, series)| {
            let number = |values: Option<u64>| match values {
                Some(u64::MAX) => "very many".to_owned(),
                Some(values) => values.to_string(),
                None => "unbounded".to_owned(),
            };
            let factors = series
                .values
                .iter()
                .map(|(key, values)| format!("{key} {}", number(*values)));
            vec![
                name.clone(),
                number(series.largest),
                factors.collect::<Vec<_>>().join(", "),
            ]
        });
        let head = ["metric", "series at most", "values of its attributes"].map(str::to_owned);
        write!(
            f,
            "\n{}",
            table([head.to_vec()].into_iter().chain(rows).collect())
        )
    }
}

impl Kinds {
    fn row(&self, name: &str) -> Vec<String> {
        let Self {
            attributes,
            groups,
            records,
            spans,
            metrics,
            events,
            entities,
        } = self;
        let counts = [
            attributes, groups, records, spans, metrics, events, entities,
        ];
        let counts = counts.into_iter().map(ToString::to_string);
        std::iter::once(name.to_owned()).chain(counts).collect()
    }
}

/// Rows of cells as lines: the first and the last column to the left, numbers to the right.
fn table(rows: Vec<Vec<String>>) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or_default()
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = widths[column];
            let left = column == 0 || cell.contains(' ') && column > 1;
            // Writing to a string can't fail.
            let _ = if left {
                write!(line, "{cell:<width$}  ")
            } else {
                write!(line, "{cell:>width$}  ")
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
