//! Which keys a mapping may have, and what each may hold and means: tables. What is read, what the
//! errors say, the JSON Schema and the tables of the documentation all come from them.

use crate::diagnostic::{listed, nearest, one_of, quoted};
use crate::yaml::Entry;

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
        $crate::schema::shape::Field {
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
    /// A day: `2027-06-30`.
    Date,
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
    /// What attributes may have under `vigil` if they are of certain types only.
    pub(crate) for_types: &'static [(&'static str, Types)],
}

/// Types of attributes.
#[derive(Clone, Copy)]
pub(crate) enum Types {
    /// Those with `members`.
    Enums,
    /// `int` and `double`.
    Numbers,
    /// All but templates.
    OneKey,
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
    pub(crate) fn glued(&self, text: &str) -> Option<String> {
        let (name, value) = text.split_once([':', ' '])?;
        let known = self.field(name).is_some() && !value.is_empty();
        known.then(|| match text.as_bytes()[name.len()] {
            b':' => format!("put a space after the `:` of `{name}`"),
            _ => format!("put a `:` after `{name}`"),
        })
    }

    /// Help for a key that is not of this shape.
    pub(crate) fn help_for(&self, entry: &Entry) -> String {
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
    pub(crate) fn help_to_add(&self, name: &str) -> Option<String> {
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

/// The words of a vocabulary, whatever they stand for.
pub(crate) trait Words {
    /// Those that are offered.
    fn offered(&self) -> Vec<&'static str>;
    /// Those that are accepted and not offered.
    fn also(&self) -> Vec<&'static str>;
}
