//! TOML as the tree of values that YAML is read into, so that both are checked and told alike.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::codes;
use crate::diagnostic::{Diagnostic, Diagnostics, Location};
use crate::source::{FileId, SourceMap};
use crate::yaml::{Entry, Node, Yaml};

/// Reads a file. `None` if it is no TOML; what is wrong is then reported.
pub(super) fn parse(
    file: FileId,
    sources: &SourceMap,
    diagnostics: &mut Diagnostics,
) -> Option<Node> {
    let places = Places { file, sources };
    let (root, errors) = DeTable::parse_recoverable(sources.text(file));
    for error in &errors {
        let at = match error.span() {
            Some(span) => places.of(span.start, span.end),
            None => Location::whole(file),
        };
        let message = error.message().lines().collect::<Vec<_>>().join("; ");
        diagnostics.push(Diagnostic::new(
            codes::INVALID_TOML,
            at,
            format!("this is not TOML: {message}"),
        ));
    }
    if errors.is_empty() {
        let mut node = places.table(root.get_ref());
        node.at = places.of(0, 0);
        Some(node)
    } else {
        None
    }
}

struct Places<'a> {
    file: FileId,
    sources: &'a SourceMap,
}

impl Places<'_> {
    fn of(&self, start: usize, end: usize) -> Location {
        self.sources.at(self.file, start..end)
    }

    fn table(&self, table: &DeTable<'_>) -> Node {
        let mut entries: Vec<Entry> = table
            .iter()
            .map(|(key, value)| {
                let span = key.span();
                Entry {
                    key: key.get_ref().to_string(),
                    key_at: self.of(span.start, span.end),
                    node: self.value(value),
                }
            })
            .collect();
        // Errors are told in the order of the file.
        entries.sort_by_key(|entry| entry.key_at);
        let at = entries
            .first()
            .map_or_else(|| self.of(0, 0), |entry| entry.key_at);
        Node {
            at,
            yaml: Yaml::Map(entries),
        }
    }

    fn value(&self, value: &Spanned<DeValue<'_>>) -> Node {
        let span = value.span();
        let at = self.of(span.start, span.end);
        let yaml = match value.get_ref() {
            DeValue::String(text) => Yaml::String(text.to_string()),
            DeValue::Boolean(flag) => Yaml::Bool(*flag),
            DeValue::Integer(number) => {
                let value = i64::from_str_radix(number.as_str(), number.radix());
                value.map_or(Yaml::Huge(f64::INFINITY), Yaml::Int)
            }
            DeValue::Float(number) => Yaml::Float(number.as_str().parse().unwrap_or(f64::NAN)),
            // No field holds a date: any value of the wrong kind does.
            DeValue::Datetime(_) => Yaml::Float(f64::NAN),
            DeValue::Array(items) => {
                Yaml::List(items.iter().map(|item| self.value(item)).collect())
            }
            DeValue::Table(table) => {
                let node = self.table(table);
                if node.entries().is_empty() {
                    return Node { at, ..node };
                }
                return node;
            }
        };
        Node { at, yaml }
    }
}
