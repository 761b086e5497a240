//! Bodies of events, which only the older format describes field by field.

use super::attribute::{EXAMPLES, MEMBERS, read_member};
use super::common::{DOCS, read_docs};
use super::fields::{Fields, Vocabulary};
use super::places::ANNOTATIONS;
use super::reference::{LEVEL, read_level};
use super::shape::{Cases, Field, Shape, Value, field};
use crate::codes;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::registry::{Body, Origin, RequirementLevel};
use crate::yaml::{Node, Yaml};

/// What all of them may say.
const COMMON: &[Field] = &[
    field!("id", Value::Text, "The field's name within the body."),
    EXAMPLES,
    LEVEL,
    ANNOTATIONS,
];

/// A value that is neither made of others nor chosen from a list.
static VALUE: Shape = Shape {
    what: "a field of a body",
    name: "body_value",
    required: &["id", "type"],
    fields: &[
        &[field!(
            "type",
            Value::Is(&[
                "string",
                "int",
                "double",
                "boolean",
                "bytes",
                "undefined",
                "string[]",
                "int[]",
                "double[]",
                "boolean[]",
            ]),
            "`map`, `enum`, `string`, `int` or another type of a body.",
        )],
        COMMON,
        DOCS,
    ],
};

static MAP: Shape = Shape {
    what: "a map",
    name: "body_map",
    required: &["id", "type"],
    fields: &[
        &[field!(
            "type",
            Value::Is(&["map", "map[]"]),
            "`map`, `enum`, `string`, `int` or another type of a body."
        )],
        COMMON,
        DOCS,
        &[field!(
            "fields",
            Value::List(&Value::Cases(&BODY)),
            "What it is made of.",
        )],
    ],
};

static ENUM: Shape = Shape {
    what: "an enum",
    name: "body_enum",
    required: &["id", "type", "members"],
    fields: &[
        &[
            field!(
                "type",
                Value::Is(&["enum"]),
                "`map`, `enum`, `string`, `int` or another type of a body."
            ),
            MEMBERS,
        ],
        COMMON,
        DOCS,
    ],
};

/// A body, or a field of one.
pub(super) static BODY: Cases = Cases {
    key: "type",
    shapes: &[&MAP, &ENUM, &VALUE],
};

/// What a body or a field of one can be. Of what it is made, the older format says for maps and
/// enums alone.
const TYPE: Vocabulary<&str> = Vocabulary {
    what: "type of a body",
    code: codes::INVALID_TYPE,
    words: &[
        ("map", "map"),
        ("enum", "enum"),
        ("string", "string"),
        ("int", "int"),
        ("double", "double"),
        ("boolean", "boolean"),
        ("bytes", "bytes"),
        ("undefined", "undefined"),
        ("string[]", "string[]"),
        ("int[]", "int[]"),
        ("double[]", "double[]"),
        ("boolean[]", "boolean[]"),
        ("map[]", "map[]"),
    ],
    also: &[],
};

/// Reads `body`, or one of its fields.
pub(super) fn read_body(
    node: &Node,
    origin: &Origin,
    diagnostics: &mut Diagnostics,
) -> Option<Body> {
    let ty = match node.get("type").filter(|node| !node.is_null()) {
        Some(node) => Some(TYPE.read(node, diagnostics)?.value),
        None => None,
    };
    let shape = ty.and_then(|ty| BODY.shape(ty)).unwrap_or(&VALUE);
    let fields = Fields::open(node, shape, diagnostics)?;
    let id = fields.text("id", diagnostics);
    let docs = read_docs(&fields, origin, diagnostics).over(None);
    let level = fields
        .get("requirement_level")
        .and_then(|node| read_level(node, diagnostics));
    let parts = fields.list("fields", diagnostics).iter();
    let parts: Vec<Body> = parts
        .filter_map(|node| read_body(node, origin, diagnostics))
        .collect();
    let members = fields.get("members").map(|node| {
        let items = fields.list("members", diagnostics);
        if items.is_empty() && matches!(node.yaml, Yaml::List(_)) {
            diagnostics.push(Diagnostic::new(
                codes::EMPTY_ENUM,
                node.at,
                "an enum needs at least one member",
            ));
        }
        let read = items
            .iter()
            .filter_map(|node| read_member(node, origin, diagnostics));
        read.map(|read| read.member).collect()
    });
    let examples = match fields.get("examples") {
        Some(node) => match &node.yaml {
            Yaml::List(items) => items.iter().map(Node::to_value).collect(),
            _ => vec![node.to_value()],
        },
        None => Vec::new(),
    };
    Some(Body {
        id: id?.value,
        ty: ty?.to_owned(),
        docs,
        level: level.unwrap_or(RequirementLevel::Recommended(None)),
        examples,
        fields: parts,
        members: members.unwrap_or_default(),
    })
}
