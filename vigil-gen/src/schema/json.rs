//! A JSON Schema of the files of a registry, made of the tables that they are read by, for editors.

use serde_json::{Map, Value as Json, json};

use super::manifest::MANIFEST;
use super::older::GROUPS;
use super::places::keys_of_others;
use super::sections::SECTIONS;
use super::shape::{Field, Place, Shape, Types, Value, without_links};

/// A kind of file, of which there is a JSON Schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A file of `definition/2`.
    Definitions,
    /// A file of the older format, a list of `groups`.
    Groups,
    /// `manifest.yaml`.
    Manifest,
}

/// The JSON Schema of a kind of file, in the draft of 2020-12: every key that is read, what each may
/// hold, and what it means.
///
/// It knows one file at a time: whether a name is defined elsewhere is beyond it.
pub fn json_schema(kind: FileKind) -> String {
    let (shape, title) = match kind {
        FileKind::Definitions => (
            &SECTIONS,
            "A file of a registry, in the format definition/2",
        ),
        FileKind::Groups => (
            &GROUPS,
            "A file of a registry, in the older format of groups",
        ),
        FileKind::Manifest => (&MANIFEST, "The manifest of a registry"),
    };
    let mut schema = Schema::default();
    let mut root = schema.shape(shape);
    root.insert("title".to_owned(), json!(title));
    let draft = "https://json-schema.org/draft/2020-12/schema";
    root.insert("$schema".to_owned(), json!(draft));
    root.insert("$defs".to_owned(), Json::Object(schema.definitions));
    format!("{:#}\n", Json::Object(root))
}

/// What the names of a file are made of.
const NAME: &str = "^[a-z][a-z0-9]*([._][a-z0-9]+)*$";
/// A day, as far as a pattern can tell.
const DATE: &str = "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$";

/// A schema under construction.
#[derive(Default)]
struct Schema {
    /// `$defs`
    definitions: Map<String, Json>,
}

impl Schema {
    /// A mapping with the keys of a shape.
    fn shape(&mut self, shape: &Shape) -> Map<String, Json> {
        let mut schema = self.mapping(shape.all(), shape.required);
        schema.insert("additionalProperties".to_owned(), json!(false));
        schema.insert("title".to_owned(), json!(shape.what.replace('`', "")));
        let places = shape.all().filter_map(|field| match field.value {
            Value::Annotations(place) => Some(place),
            _ => None,
        });
        let only: Vec<Json> = places.flat_map(|it| it.for_types).map(for_types).collect();
        if !only.is_empty() {
            schema.insert("allOf".to_owned(), json!(only));
        }
        schema
    }

    fn mapping<'a>(
        &mut self,
        fields: impl Iterator<Item = &'a Field>,
        required: &[&str],
    ) -> Map<String, Json> {
        let properties: Map<String, Json> = fields
            .map(|field| {
                let value = self.value(&field.value);
                let value = if required.contains(&field.name) {
                    value
                } else {
                    // What is left empty is left out.
                    or_null(value)
                };
                (field.name.to_owned(), described(value, field.doc))
            })
            .collect();
        let mut schema = Map::new();
        schema.insert("type".to_owned(), json!("object"));
        schema.insert("properties".to_owned(), Json::Object(properties));
        if !required.is_empty() {
            schema.insert("required".to_owned(), json!(required));
        }
        schema
    }

    /// A reference to what is written once.
    fn defined(&mut self, name: &str, make: impl FnOnce(&mut Self) -> Json) -> Json {
        if !self.definitions.contains_key(name) {
            // Entered before it is made, since it may contain itself.
            self.definitions.insert(name.to_owned(), Json::Null);
            let definition = make(self);
            self.definitions.insert(name.to_owned(), definition);
        }
        json!({ "$ref": format!("#/$defs/{name}") })
    }

    fn value(&mut self, value: &Value) -> Json {
        match value {
            Value::Text => json!({ "type": "string" }),
            Value::Sentence => json!({ "type": "string", "pattern": "\\S" }),
            Value::Name => json!({ "type": "string", "pattern": NAME }),
            Value::Date => json!({ "type": "string", "format": "date", "pattern": DATE }),
            Value::Flag => json!({ "type": "boolean" }),
            Value::Count => json!({ "type": "integer", "minimum": 1, "maximum": u32::MAX }),
            Value::Number => json!({ "type": "number" }),
            Value::Scalar => json!({ "type": ["string", "integer", "boolean"] }),
            Value::Anything => json!({}),
            Value::Is(words) => json!({ "enum": words }),
            Value::Word(words) => {
                let offered = json!({ "enum": words.offered() });
                match words.also() {
                    also if also.is_empty() => offered,
                    // Read, but nothing to be written anew: editors offer no patterns.
                    also => {
                        let also = format!("^({})$", also.join("|"));
                        json!({ "anyOf": [offered, { "type": "string", "pattern": also }] })
                    }
                }
            }
            Value::List(items) => json!({ "type": "array", "items": self.value(items) }),
            Value::Map(values) => {
                json!({ "type": "object", "additionalProperties": self.value(values) })
            }
            Value::Shape(shape) => {
                self.defined(shape.name, |schema| Json::Object(schema.shape(shape)))
            }
            Value::Single(shape) => self.defined(shape.name, |schema| {
                let mut single = schema.shape(shape);
                single.insert("minProperties".to_owned(), json!(1));
                single.insert("maxProperties".to_owned(), json!(1));
                Json::Object(single)
            }),
            Value::Cases(cases) => {
                let shapes = cases.shapes.iter();
                let shapes: Vec<Json> = shapes
                    .map(|shape| self.value(&Value::Shape(shape)))
                    .collect();
                json!({ "oneOf": shapes })
            }
            Value::Named(name, value) => self.defined(name, |schema| schema.value(value)),
            Value::Either(values) => {
                let values: Vec<Json> = values.iter().map(|value| self.value(value)).collect();
                json!({ "anyOf": values })
            }
            Value::Annotations(place) => {
                self.defined(place.name, |schema| Json::Object(schema.place(place)))
            }
        }
    }

    /// `annotations`: what is ours is known, and everything else is somebody's.
    fn place(&mut self, place: &Place) -> Map<String, Json> {
        let mut vigil = self.mapping(place.keys.iter(), &[]);
        vigil.insert("additionalProperties".to_owned(), json!(false));
        let doc = "What Vigil adds to the format.";
        let mut properties = Map::new();
        properties.insert("vigil".to_owned(), described(Json::Object(vigil), doc));
        if !place.code_generation.is_empty() {
            let generation = self.mapping(place.code_generation.iter(), &[]);
            let doc = "What OpenTelemetry's tools know of code.";
            properties.insert(
                "code_generation".to_owned(),
                described(Json::Object(generation), doc),
            );
        }
        let mut schema = Map::new();
        schema.insert("type".to_owned(), json!("object"));
        schema.insert("properties".to_owned(), Json::Object(properties));
        let misplaced = json!({ "not": { "enum": keys_of_others() } });
        schema.insert("propertyNames".to_owned(), misplaced);
        schema
    }
}

/// A key of `annotations.vigil` says nothing, unless the attribute is of certain types.
fn for_types((key, types): &(&str, Types)) -> Json {
    let others = match types {
        Types::Enums => json!({ "type": "string" }),
        Types::Numbers => json!({ "not": { "enum": ["int", "double"] } }),
        Types::OneKey => json!({ "type": "string", "pattern": "^template\\[" }),
    };
    // That something is not so can be said of everything.
    let nothing: &[Json] = match *key {
        "inherited" => &[Json::Null, Json::Bool(false)],
        _ => &[Json::Null],
    };
    let within = |key: &str, value: Json| json!({ "properties": { key: value } });
    let vigil = within(key, json!({ "enum": nothing }));
    json!({
        "if": { "properties": { "type": others }, "required": ["type"] },
        "then": within("annotations", within("vigil", vigil)),
    })
}

/// The value, or nothing.
fn or_null(value: Json) -> Json {
    match value {
        Json::Object(ref map) if map.is_empty() => value,
        Json::Object(mut map) if map.get("type").is_some_and(Json::is_string) => {
            let either = [map["type"].take(), json!("null")];
            map.insert("type".to_owned(), json!(either));
            Json::Object(map)
        }
        value => json!({ "anyOf": [value, { "type": "null" }] }),
    }
}

/// With what is said of it to people.
fn described(mut value: Json, doc: &str) -> Json {
    let doc = without_links(doc);
    // Where there is but the one, editors show the marks of the other.
    value["description"] = json!(doc.replace('`', ""));
    value["markdownDescription"] = json!(doc);
    value
}
