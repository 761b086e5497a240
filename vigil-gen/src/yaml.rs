//! YAML with positions: values, each with the place where it stands.
//!
//! saphyr-parser's events carry marks; [`parse`] makes values of them, and takes scalars for what
//! serde_yaml takes them for, which is what other tools read registries with. Whatever could make a
//! value larger than its text (aliases) or deeper than the stack (nesting) is refused on the way,
//! before serde_yaml sees it and is [asked](second) whether it can read the file too.

mod mistakes;
mod reader;
mod scalar;
pub(crate) mod second;

use serde_yaml::Value;

use crate::diagnostic::{Diagnostics, Location};
use crate::source::FileId;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    /// Its first scalar, or the place where it would stand.
    pub at: Location,
    /// What it is.
    pub yaml: Yaml,
}

/// What a [`Node`] is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Yaml {
    /// Nothing, or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number of 64 bits.
    Int(i64),
    /// A whole number of more than 64 bits.
    Huge(f64),
    /// Any other number.
    Float(f64),
    /// Text.
    String(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<Entry>),
}

/// A key of a mapping and its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// The key. Scalars that aren't text are kept as they are written.
    pub key: String,
    /// Where the key stands.
    pub key_at: Location,
    /// The value.
    pub node: Node,
}

impl Node {
    /// The value of a key, if this is a mapping that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entries()
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.node)
    }

    /// The entries of a mapping; none for anything else.
    pub(crate) fn entries(&self) -> &[Entry] {
        if let Yaml::Map(entries) = &self.yaml {
            entries
        } else {
            &[]
        }
    }

    /// The text, if it is text.
    pub(crate) fn text(&self) -> Option<&str> {
        if let Yaml::String(text) = &self.yaml {
            Some(text)
        } else {
            None
        }
    }

    /// Whether there is nothing.
    pub(crate) fn is_null(&self) -> bool {
        self.yaml == Yaml::Null
    }

    /// What it is, in a word, for messages.
    pub(crate) fn described(&self) -> &'static str {
        match self.yaml {
            Yaml::Null => "nothing",
            Yaml::Bool(_) => "a boolean",
            Yaml::Int(_) | Yaml::Huge(_) | Yaml::Float(_) => "a number",
            Yaml::String(_) => "text",
            Yaml::List(_) => "a list",
            Yaml::Map(_) => "a mapping",
        }
    }

    /// The value without positions.
    pub(crate) fn to_value(&self) -> Value {
        match &self.yaml {
            Yaml::Null => Value::Null,
            Yaml::Bool(value) => Value::from(*value),
            Yaml::Int(value) => Value::from(*value),
            Yaml::Float(value) | Yaml::Huge(value) => Value::from(*value),
            Yaml::String(value) => Value::from(value.as_str()),
            Yaml::List(nodes) => nodes.iter().map(Node::to_value).collect(),
            Yaml::Map(entries) => Value::Mapping(
                entries
                    .iter()
                    .map(|entry| (Value::from(entry.key.as_str()), entry.node.to_value()))
                    .collect(),
            ),
        }
    }
}

/// Reads the one document of a file. `None` if it can't be read; the reasons are then reported.
pub(crate) fn parse(file: FileId, text: &str, diagnostics: &mut Diagnostics) -> Option<Node> {
    reader::read(file, text, diagnostics)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    #[test]
    fn files_mean_what_serde_yaml_takes_them_for() {
        let mut files = Vec::new();
        for dir in ["../semconv", "tests/accepted", "tests/generated"] {
            collect(Path::new(dir), &mut files);
        }
        assert!(files.len() > 20, "{files:?}");
        for path in files {
            let text = fs::read_to_string(&path).unwrap();
            let mut diagnostics = Diagnostics::new();
            let node = parse(FileId::default(), &text, &mut diagnostics).unwrap();
            let expected: Value = serde_yaml::from_str(&text).unwrap();
            assert_eq!(node.to_value(), expected, "{}", path.display());
        }
    }

    #[test]
    fn text_of_every_style_means_what_serde_yaml_takes_it_for() {
        let text = "a: >\n  one\n  two\n\n  three\nb: |\n  one\n   two\n\nc: >-\n  x\n\nd: |+\n  y\n\n\
                    e: 'it''s'\nf: \"a\\tb\\u00e9 \\\n   c\"\ng: plain\n  goes on\nh: [a, 'b', \"c\", 1, ~]\n\
                    i: {j: k, l: }\nm:\n- n\n-\no: 'two\n\n  lines'\n";
        let node = parse(FileId::default(), text, &mut Diagnostics::new()).unwrap();
        assert_eq!(
            node.to_value(),
            serde_yaml::from_str::<Value>(text).unwrap()
        );
    }

    #[test]
    fn a_bracket_may_be_closed_as_far_left_as_the_key_above_it() {
        let text = "a:\n  b:\n  - [\n    'c'\n  ]\n  d: {\n    e: f\n  }\n  g: |\n    [\n    ]\n";
        let mut diagnostics = Diagnostics::new();
        let node = parse(FileId::default(), text, &mut diagnostics).unwrap();
        let expected: Value = serde_yaml::from_str(text).unwrap();
        assert_eq!(node.to_value(), expected);
    }

    fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, files);
            } else if path.extension().is_some_and(|it| it == "yaml") {
                files.push(path);
            }
        }
    }
}
