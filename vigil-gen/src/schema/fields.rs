//! Mappings with a fixed set of fields: what may be there, what must, and typed access.

use std::fmt;

use crate::codes;
use crate::diagnostic::{Diagnostic, Diagnostics, Location, listed, nearest, one_of, quoted};
use crate::schema::Located;
use crate::yaml::{Entry, Node, Yaml};

/// The fields of a kind of mapping: what is read, what is refused, what an editor offers.
pub(crate) struct Shape {
    /// What it is, with its article, to begin a sentence with: `a span`.
    pub(crate) what: &'static str,
    /// What it is called in the JSON Schema.
    pub(crate) name: &'static str,
    /// Fields without which it means nothing, in the order in which they are offered.
    pub(crate) required: &'static [&'static str],
    /// The fields, in lists that shapes share.
    pub(crate) fields: &'static [&'static [Field]],
}

/// A field of a mapping.
#[derive(Clone, Copy)]
pub(crate) struct Field {
    /// Its key.
    pub(crate) name: &'static str,
    /// What it may hold.
    pub(crate) value: Value,
    /// What it means, in Markdown. Links lead to sections of `docs/registry.md`.
    pub(crate) doc: &'static str,
}

/// A field, in a line. No function, since what it borrows is to live as long as the table does.
macro_rules! field {
    ($name:expr, $value:expr, $doc:expr $(,)?) => {
        $crate::schema::fields::Field {
            name: $name,
            value: $value,
            doc: $doc,
        }
    };
}
pub(crate) use field;

/// What a field may hold, as far as it can be told without the rest of the file.
#[derive(Clone, Copy)]
pub(crate) enum Value {
    /// Any text.
    Text,
    /// Text that says something.
    Sentence,
    /// A name by OpenTelemetry's rules.
    Name,
    /// `true` or `false`.
    Flag,
    /// A whole number from 1.
    Count,
    /// A number.
    Number,
    /// Text, a whole number or a boolean.
    Scalar,
    /// Whatever YAML can say.
    Anything,
    /// One of these words, which tells one shape from others.
    Is(&'static [&'static str]),
    /// A word of a vocabulary.
    Word(&'static (dyn Words + Sync)),
    /// A list.
    List(&'static Value),
    /// A mapping with any keys.
    Map(&'static Value),
    /// A mapping with these keys.
    Shape(&'static Shape),
    /// A mapping with one of these keys.
    Single(&'static Shape),
    /// A mapping with the keys of one of several shapes.
    Cases(&'static Cases),
    /// What stands in many places, and what it is called in the JSON Schema.
    Named(&'static str, &'static Value),
    /// One of several.
    Either(&'static [Value]),
    /// What stands under `annotations`.
    Annotations(&'static Place),
}

/// Shapes that are told apart by what one of their fields says.
pub(crate) struct Cases {
    /// The field.
    pub(crate) key: &'static str,
    /// The shapes, in each of which that field [`Is`](Value::Is) something else.
    pub(crate) shapes: &'static [&'static Shape],
}

impl Cases {
    /// The shape in which the field says `word`.
    pub(crate) fn shape(&self, word: &str) -> Option<&'static Shape> {
        let says = |shape: &&&Shape| match shape.field(self.key).map(|it| it.value) {
            Some(Value::Is(words)) => words.contains(&word),
            _ => false,
        };
        self.shapes.iter().find(says).copied()
    }
}

/// A place in which `annotations.vigil` may stand.
pub(crate) struct Place {
    /// `an attribute`
    pub(crate) what: &'static str,
    /// What it is called in the JSON Schema.
    pub(crate) name: &'static str,
    /// What may stand under `vigil`.
    pub(crate) keys: &'static [Field],
    /// What may stand under `code_generation`, of what is read here.
    pub(crate) code_generation: &'static [Field],
}

impl Place {
    pub(crate) fn has(&self, key: &str) -> bool {
        self.keys.iter().any(|field| field.name == key)
    }
}

impl Shape {
    /// The keys: those that are required, then the others.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        let others = self.all().map(|field| field.name);
        let others = others.filter(|name| !self.required.contains(name));
        self.required.iter().copied().chain(others)
    }

    /// All fields.
    pub(crate) fn all(&self) -> impl Iterator<Item = &'static Field> {
        self.fields.iter().flat_map(|fields| fields.iter())
    }

    /// A field.
    pub(crate) fn field(&self, name: &str) -> Option<&'static Field> {
        self.all().find(|field| field.name == name)
    }

    /// Help for `key:value` and `key value`, which are one word to YAML.
    fn glued(&self, text: &str) -> Option<String> {
        let (name, value) = text.split_once([':', ' '])?;
        let known = self.field(name).is_some() && !value.is_empty();
        known.then(|| match text.as_bytes()[name.len()] {
            b':' => format!("put a space after the `:` of `{name}`"),
            _ => format!("put a `:` after `{name}`"),
        })
    }

    /// Help for a key that is not of this shape.
    fn help_for(&self, entry: &Entry) -> String {
        let key = entry.key.as_str();
        if entry.node.is_null()
            && let Some(help) = self.glued(key)
        {
            return help;
        }
        let place = self.all().find_map(|field| match field.value {
            Value::Annotations(place) => Some(place),
            _ => None,
        });
        if place.is_some_and(|place| place.has(key)) {
            return format!("it is Vigil's: write `annotations: {{ vigil: {{ {key}: … }} }}`");
        }
        match nearest(key, self.names()) {
            Some(name) => format!("did you mean {}?", quoted(name)),
            None => format!("{} has {}", self.what, listed(self.names())),
        }
    }

    /// Help for a field that is missing.
    fn help_to_add(&self, name: &str) -> Option<String> {
        let field = self.field(name)?;
        if let Value::Word(words) = field.value {
            return Some(format!("add `{name}`: {}", one_of(words.offered())));
        }
        let doc = without_links(field.doc);
        let sentence = doc.split(". ").next()?.trim_end_matches('.');
        // An acronym keeps its capitals.
        let mut letters = sentence.chars();
        let (first, rest) = (letters.next()?, letters.as_str());
        let acronym = rest.starts_with(|c: char| c.is_ascii_uppercase());
        let first = if acronym {
            first
        } else {
            first.to_ascii_lowercase()
        };
        Some(format!("add `{name}`: {first}{rest}"))
    }
}

/// What is said of a field, without links: they lead within the documentation.
pub(crate) fn without_links(doc: &str) -> String {
    let mut text = String::with_capacity(doc.len());
    let mut rest = doc;
    while let Some((before, link)) = rest.split_once("](#") {
        let (Some((before, label)), Some((_, after))) =
            (before.rsplit_once('['), link.split_once(')'))
        else {
            break;
        };
        text.extend([before, label]);
        rest = after;
    }
    text + rest
}

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

/// The words of a vocabulary, whatever they stand for.
pub(crate) trait Words {
    /// Those that are offered.
    fn offered(&self) -> Vec<&'static str>;
    /// Those that are accepted and not offered.
    fn also(&self) -> Vec<&'static str>;
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
