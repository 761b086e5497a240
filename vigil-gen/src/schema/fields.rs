//! Mappings with a fixed set of fields: what may be there, what must, and typed access.

use std::fmt;

use crate::codes;
use crate::diagnostic::{Diagnostic, Diagnostics, Location, nearest, one_of, quoted};
use crate::schema::Located;
use crate::schema::shape::{Shape, Words};
use crate::yaml::{Entry, Node, Yaml};

/// A mapping that was checked against its shape.
pub(crate) struct Fields<'a> {
    pub(crate) node: &'a Node,
}

impl<'a> Fields<'a> {
    /// Checks a mapping; reports all fields that are unknown or missing at once. `None` if it is
    /// no mapping at all.
    pub(crate) fn open(
        node: &'a Node,
        shape: &Shape,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let Yaml::Map(entries) = &node.yaml else {
            let glued = node.text().and_then(|text| shape.glued(text));
            diagnostics.push(wrong_shape(node, shape.what, "a mapping").with_help_if(glued));
            return None;
        };
        for entry in entries {
            if shape.field(&entry.key).is_some() {
                continue;
            }
            let message = format!("{} has no field {}", shape.what, quoted(&entry.key));
            diagnostics.push(
                Diagnostic::new(codes::UNKNOWN_FIELD, entry.key_at, message)
                    .with_help(shape.help_for(entry)),
            );
        }
        for name in shape.required {
            if node.get(name).is_none_or(Node::is_null) {
                let at = Self { node }.entry(name);
                diagnostics.push(missing(
                    at.map_or(node.at, |entry| entry.key_at),
                    shape,
                    name,
                ));
            }
        }
        Some(Self { node })
    }

    /// A field that is there and isn't `null`.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Node> {
        self.node.get(name).filter(|node| !node.is_null())
    }

    /// A field with its key.
    pub(crate) fn entry(&self, name: &str) -> Option<&'a Entry> {
        let entries = self.node.entries();
        entries.iter().find(|entry| entry.key == name)
    }

    /// A field that holds text.
    pub(crate) fn text(
        &self,
        name: &str,
        diagnostics: &mut Diagnostics,
    ) -> Option<Located<String>> {
        let node = self.get(name)?;
        text(node, format_args!("`{name}`"), diagnostics)
    }

    /// A field that holds text to be read by people: without the line break that folding leaves.
    pub(crate) fn prose(&self, name: &str, diagnostics: &mut Diagnostics) -> Option<String> {
        self.text(name, diagnostics)
            .map(|text| text.value.trim().to_owned())
    }

    /// A field that holds `true` or `false`.
    pub(crate) fn flag(&self, name: &str, diagnostics: &mut Diagnostics) -> Option<Located<bool>> {
        let node = self.get(name)?;
        if let Yaml::Bool(value) = node.yaml {
            return Some(Located::new(value, node.at));
        }
        let meant = node
            .text()
            .and_then(|text| match text.to_ascii_lowercase().as_str() {
                "yes" | "y" | "on" | "true" => Some(true),
                "no" | "n" | "off" | "false" => Some(false),
                _ => None,
            });
        let help = meant.map(|meant| format!("write `{meant}`"));
        let error = wrong_shape(node, format_args!("`{name}`"), "`true` or `false`");
        diagnostics.push(error.with_help_if(help));
        // What follows from it is not to be reported as well.
        meant.map(|meant| Located::new(meant, node.at))
    }

    /// A field that holds a list; nothing if it isn't there.
    pub(crate) fn list(&self, name: &str, diagnostics: &mut Diagnostics) -> &'a [Node] {
        self.get(name).map_or(&[], |node| {
            list(node, format_args!("`{name}`"), diagnostics)
        })
    }

    /// A field that holds a list of texts.
    pub(crate) fn texts(&self, name: &str, diagnostics: &mut Diagnostics) -> Vec<Located<String>> {
        if let Some(node) = self.get(name)
            && let Some(text) = node.text()
        {
            let error = wrong_shape(node, format_args!("`{name}`"), "a list");
            let help = format!("write {}", quoted(&format!("[{text}]")));
            diagnostics.push(error.with_help(help));
            return vec![Located::new(text.to_owned(), node.at)];
        }
        let nodes = self.list(name, diagnostics);
        nodes
            .iter()
            .filter_map(|node| text(node, format_args!("an item of `{name}`"), diagnostics))
            .collect()
    }

    /// A field that holds one of a few words.
    pub(crate) fn word<T: Copy>(
        &self,
        name: &str,
        vocabulary: &Vocabulary<T>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Located<T>> {
        self.get(name)
            .and_then(|node| vocabulary.read(node, diagnostics))
    }
}

impl<T> Words for Vocabulary<T> {
    fn offered(&self) -> Vec<&'static str> {
        self.words.iter().map(|(word, _)| *word).collect()
    }

    fn also(&self) -> Vec<&'static str> {
        self.also.iter().map(|(word, _)| *word).collect()
    }
}

/// A few words, one of which must be chosen.
pub(crate) struct Vocabulary<T: 'static> {
    /// What they are, without an article: `span kind`.
    pub(crate) what: &'static str,
    /// The error code of any other word.
    pub(crate) code: &'static str,
    /// The words, as they are offered.
    pub(crate) words: &'static [(&'static str, T)],
    /// Further spellings, which are accepted and not offered.
    pub(crate) also: &'static [(&'static str, T)],
}

impl<T: Copy> Vocabulary<T> {
    /// Reads a word; reports any other.
    pub(crate) fn read(&self, node: &Node, diagnostics: &mut Diagnostics) -> Option<Located<T>> {
        let offered = || self.words.iter().map(|(word, _)| *word);
        let Some(text) = node.text() else {
            diagnostics.push(
                Diagnostic::new(
                    self.code,
                    node.at,
                    format!("the {} is a word, not {}", self.what, node.described()),
                )
                .with_help(format!("write {}", one_of(offered()))),
            );
            return None;
        };
        let found = self
            .words
            .iter()
            .chain(self.also)
            .find(|(word, _)| *word == text);
        if let Some((_, value)) = found {
            return Some(Located::new(*value, node.at));
        }
        let choice = one_of(offered());
        let help = match nearest(text, offered()) {
            Some(word) => format!("did you mean {}? it can be {choice}", quoted(word)),
            None => format!("write {choice}"),
        };
        diagnostics.push(
            Diagnostic::new(
                self.code,
                node.at,
                format!("there is no {} {}", self.what, quoted(text)),
            )
            .with_help(help),
        );
        None
    }
}

/// Text, or an error that names what should have been text.
pub(crate) fn text(
    node: &Node,
    what: impl fmt::Display,
    diagnostics: &mut Diagnostics,
) -> Option<Located<String>> {
    if let Some(text) = node.text() {
        return Some(Located::new(text.to_owned(), node.at));
    }
    let error = wrong_shape(node, what, "text");
    let scalar = matches!(
        node.yaml,
        Yaml::Bool(_) | Yaml::Int(_) | Yaml::Huge(_) | Yaml::Float(_)
    );
    let help = scalar.then(|| "put it in quotes".to_owned());
    diagnostics.push(error.with_help_if(help));
    None
}

/// The items of a list, or an error that names what should have been one.
pub(crate) fn list<'a>(
    node: &'a Node,
    what: impl fmt::Display,
    diagnostics: &mut Diagnostics,
) -> &'a [Node] {
    if let Yaml::List(items) = &node.yaml {
        return items;
    }
    diagnostics.push(wrong_shape(node, what, "a list"));
    &[]
}

/// A field that `shape` needs is not there.
pub(crate) fn missing(at: Location, shape: &Shape, name: &str) -> Diagnostic {
    let message = format!("{} needs `{name}`", shape.what);
    Diagnostic::new(codes::MISSING_FIELD, at, message).with_help_if(shape.help_to_add(name))
}

/// `what` should be `expected` and is not.
pub(crate) fn wrong_shape(node: &Node, what: impl fmt::Display, expected: &str) -> Diagnostic {
    let message = format!("{what} is {expected}, not {}", node.described());
    Diagnostic::new(codes::WRONG_SHAPE, node.at, message)
}
