//! What a run did, for people.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::diagnostic::Warnings;
use crate::output::Counts;
use crate::registry::Registry;

/// What is in a registry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many attributes each namespace's directory defines.
    pub conventions: BTreeMap<String, usize>,
    /// How many spans there are.
    pub spans: usize,
    /// How many records.
    pub records: usize,
    /// How many metrics.
    pub metrics: usize,
    /// How many events.
    pub events: usize,
}

impl Summary {
    /// Counts.
    pub fn of(registry: &Registry) -> Self {
        let mut conventions = BTreeMap::new();
        for attribute in registry.attributes.values() {
            *conventions
                .entry(attribute.docs.origin.namespace.clone())
                .or_default() += 1;
        }
        Self {
            conventions,
            spans: registry.spans.len(),
            records: registry
                .groups
                .values()
                .filter(|group| group.record.is_some())
                .count(),
            metrics: registry.metrics.len(),
            events: registry.events.len(),
        }
    }
}

/// What a run read, made and changed. Displays as a few lines.
#[derive(Clone, Debug)]
pub struct Report {
    /// What is in the registry.
    pub summary: Summary,
    /// How many files of it were read.
    pub read: usize,
    /// Every file and directory that was read: of the registry and those that it depends on, the
    /// templates, the configuration.
    pub inputs: Vec<PathBuf>,
    /// How many files were written, or would be.
    pub counts: Counts,
    /// How many in which directory.
    pub directories: Vec<(PathBuf, Counts)>,
    /// Whether a check found something to do.
    pub stale: bool,
    /// What a check found, as a unified diff.
    pub diff: Option<String>,
    /// What there is to say of the registry.
    pub warnings: Warnings,
    /// How long it took.
    pub elapsed: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary {
            conventions,
            spans,
            records,
            metrics,
            events,
        } = &self.summary;
        let namespaces: Vec<String> = conventions
            .iter()
            .map(|(namespace, count)| format!("{namespace} {count}"))
            .collect();
        let total: usize = conventions.values().sum();
        let read = self.read;
        let line = format!(
            "{} ({}) in {}",
            counted(total, "attribute"),
            namespaces.join(", "),
            counted(read, "file")
        );
        writeln!(f, "registry   {}", wrapped(&line))?;
        writeln!(
            f,
            "signals    {}, {}, {}, {}",
            counted(*spans, "span"),
            counted(*records, "record"),
            counted(*metrics, "metric"),
            counted(*events, "event")
        )?;
        if !self.warnings.diagnostics.is_empty() {
            writeln!(f, "lints      {}", self.warnings.diagnostics.counted())?;
        }
        let (to_write, to_remove) = if self.diff.is_some() {
            ("to write", "to remove")
        } else {
            ("written", "removed")
        };
        for (dir, counts) in &self.directories {
            let Counts {
                written,
                unchanged,
                removed,
            } = counts;
            let here = dir.as_os_str().is_empty();
            let dir = if here { Path::new(".") } else { dir };
            writeln!(
                f,
                "{}: {written} {to_write}, {unchanged} unchanged, {removed} {to_remove}",
                dir.display()
            )?;
        }
        write!(f, "done in {} ms", self.elapsed.as_millis())
    }
}

/// `1 span`, `2 spans`, `2 entities`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    if count == 1 {
        format!("1 {what}")
    } else {
        match what.strip_suffix('y') {
            Some(what) => format!("{count} {what}ies"),
            None => format!("{count} {what}s"),
        }
    }
}

/// The text in lines that fit beside a heading.
fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    let mut length = 0;
    for item in text.split_inclusive(", ") {
        if length + item.len() > 88 {
            lines.truncate(lines.trim_end().len());
            lines.push_str("\n           ");
            length = 0;
        }
        lines.push_str(item);
        length += item.len();
    }
    lines
}
