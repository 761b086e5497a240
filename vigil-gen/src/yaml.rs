//! YAML with positions: values as serde_yaml reads them, each with the place where it stands.
//!
//! serde_yaml decides what a scalar is, but forgets where it was. saphyr-parser's events carry
//! marks. [`parse`] runs both and lays one over the other. The events come first: whatever could
//! make a value larger than its text (aliases) or deeper than the stack (nesting) is refused
//! there, before serde_yaml sees it.

mod positions;

use serde_yaml::Value;

use crate::codes;
use crate::diagnostic::{Diagnostic, Diagnostics, Location, quoted};
use crate::source::FileId;
use positions::{Positions, Shape};

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its first scalar, or the place where it would stand.
    pub at: Location,
    /// What it is.
    pub yaml: Yaml,
}

/// What a [`Node`] is.
#[derive(Clone, Debug, PartialEq)]
pub enum Yaml {
    /// Nothing, or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number of 64 bits.
    Int(i64),
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
pub struct Entry {
    /// The key. Scalars that aren't text are kept as they are written.
    pub key: String,
    /// Where the key stands.
    pub key_at: Location,
    /// The value.
    pub node: Node,
}

impl Node {
    /// The value of a key, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries()
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.node)
    }

    /// The entries of a mapping; none for anything else.
    pub fn entries(&self) -> &[Entry] {
        if let Yaml::Map(entries) = &self.yaml {
            entries
        } else {
            &[]
        }
    }

    /// The text, if it is text.
    pub fn text(&self) -> Option<&str> {
        if let Yaml::String(text) = &self.yaml {
            Some(text)
        } else {
            None
        }
    }

    /// Whether there is nothing.
    pub fn is_null(&self) -> bool {
        self.yaml == Yaml::Null
    }

    /// What it is, in a word, for messages.
    pub fn described(&self) -> &'static str {
        match self.yaml {
            Yaml::Null => "nothing",
            Yaml::Bool(_) => "a boolean",
            Yaml::Int(_) | Yaml::Float(_) => "a number",
            Yaml::String(_) => "text",
            Yaml::List(_) => "a list",
            Yaml::Map(_) => "a mapping",
        }
    }

    /// The value without positions.
    pub fn to_value(&self) -> Value {
        match &self.yaml {
            Yaml::Null => Value::Null,
            Yaml::Bool(value) => Value::from(*value),
            Yaml::Int(value) => Value::from(*value),
            Yaml::Float(value) => Value::from(*value),
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
pub fn parse(file: FileId, text: &str, diagnostics: &mut Diagnostics) -> Option<Node> {
    let positions = positions::read(file, text, diagnostics)?;
    match serde_yaml::from_str::<Value>(text) {
        Ok(value) => Some(locate(value, &positions, diagnostics)),
        Err(error) => {
            diagnostics.push(parse_error(file, &error));
            None
        }
    }
}

/// What serde_yaml refuses although the events were fine.
fn parse_error(file: FileId, error: &serde_yaml::Error) -> Diagnostic {
    let place = error.location();
    let at = place.as_ref().map_or_else(
        || Location::whole(file),
        |place| Location {
            file,
            line: u32::try_from(place.line()).unwrap_or(0),
            column: u32::try_from(place.column()).unwrap_or(0),
            width: 1,
        },
    );
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    Diagnostic::new(
        codes::INVALID_YAML,
        at,
        format!("this is not YAML: {message}"),
    )
}

fn locate(value: Value, positions: &Positions, diagnostics: &mut Diagnostics) -> Node {
    let at = positions.at;
    let yaml = match value {
        Value::Null => Yaml::Null,
        Value::Bool(value) => Yaml::Bool(value),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Yaml::Int(whole),
            None => Yaml::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Yaml::String(text),
        Value::Sequence(values) => Yaml::List(locate_list(values, positions, diagnostics)),
        Value::Mapping(map) => Yaml::Map(locate_map(map, positions, diagnostics)),
        Value::Tagged(tagged) => {
            diagnostics.push(Diagnostic::new(
                codes::YAML_TAG,
                at,
                format!(
                    "the tag {} means nothing in a registry",
                    quoted(&tagged.tag.to_string())
                ),
            ));
            return locate(tagged.value, positions, diagnostics);
        }
    };
    Node { at, yaml }
}

fn locate_list(
    values: Vec<Value>,
    positions: &Positions,
    diagnostics: &mut Diagnostics,
) -> Vec<Node> {
    let places: &[Positions] = if let Shape::List(places) = &positions.shape {
        places
    } else {
        &[]
    };
    values
        .into_iter()
        .enumerate()
        .map(|(index, value)| locate(value, places.get(index).unwrap_or(positions), diagnostics))
        .collect()
}

fn locate_map(
    map: serde_yaml::Mapping,
    positions: &Positions,
    diagnostics: &mut Diagnostics,
) -> Vec<Entry> {
    let places: &[(Location, Positions)] = if let Shape::Map(places) = &positions.shape {
        places
    } else {
        &[]
    };
    let mut entries = Vec::with_capacity(map.len());
    for (index, (key, value)) in map.into_iter().enumerate() {
        let (key_at, place) = places
            .get(index)
            .map_or((positions.at, positions), |(at, place)| (*at, place));
        let node = locate(value, place, diagnostics);
        match key_text(&key) {
            Some(key) => entries.push(Entry { key, key_at, node }),
            None => diagnostics.push(Diagnostic::new(
                codes::WRONG_SHAPE,
                key_at,
                "a key is text, not a list or a mapping",
            )),
        }
    }
    entries
}

fn key_text(key: &Value) -> Option<String> {
    match key {
        Value::Null => Some("null".to_owned()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(value) => Some(value.to_string()),
        Value::String(value) => Some(value.clone()),
        Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => None,
    }
}
