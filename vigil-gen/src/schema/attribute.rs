//! Attribute definitions: types, enum members, examples.

use std::collections::{BTreeMap, HashMap};

use super::common::{DEPRECATED, DOCS, STABILITY_FIELD, check_name, declare, read_docs};
use super::fields::{Fields, wrong_shape};
use super::notes::{read_attribute_notes, read_no_notes};
use super::places::{self, ANNOTATIONS, ON_ATTRIBUTE};
use super::shape::{Field, Shape, Types, Value, Words, field};
use super::{AttributeDef, AttributeNotes, Located, Reading};
use crate::codes;
use crate::diagnostic::{Diagnostic, Diagnostics, Location, nearest, one_of, quoted};
use crate::locations::Kind;
use crate::registry::{
    AttributeType, DeprecationReason, EnumMember, EnumType, EnumValue, MemberAlias, Origin,
    PrimitiveType,
};
use crate::yaml::{Node, Yaml};

/// `type`
pub(super) const TYPE: Field = field!(
    "type",
    Value::Either(&[Value::Word(&TypeWords), Value::Shape(&ENUM)]),
    "`string`, `int`, `double`, `boolean`, `any`; `string[]` and its like; `template[string]` and its like; or a mapping with `members`.",
);

/// `examples`
pub(super) const EXAMPLES: Field = field!(
    "examples",
    Value::Anything,
    "Real values, of the attribute's type. OpenTelemetry's policies ask for them on numbers and booleans too.",
);

/// `members`
pub(super) const MEMBERS: Field = field!(
    "members",
    Value::List(&Value::Shape(&MEMBER)),
    "The values that it can have.",
);

pub(super) static ATTRIBUTE: Shape = Shape {
    what: "an attribute",
    name: "attribute",
    required: &["key", "type", "brief", "stability"],
    fields: &[
        &[
            field!(
                "key",
                Value::Name,
                "The name on the wire: lowercase words, `_` within a word, `.` between namespaces.",
            ),
            TYPE,
        ],
        DOCS,
        &[EXAMPLES, ON_ATTRIBUTE],
    ],
};

static ENUM: Shape = Shape {
    what: "an enum type",
    name: "enum_type",
    required: &["members"],
    fields: &[&[
        MEMBERS,
        field!(
            "allow_custom_values",
            Value::Flag,
            "Of an earlier format, and not used: an enum is open unless `annotations.vigil.closed` says otherwise.",
        ),
    ]],
};

static MEMBER: Shape = Shape {
    what: "an enum member",
    name: "enum_member",
    required: &["id"],
    fields: &[&[
        field!(
            "id",
            Value::Name,
            "What the member is called, here and in Rust."
        ),
        field!(
            "value",
            Value::Scalar,
            "What goes out on the wire: text, a whole number or a boolean, the same for all members. Left out, it is the `id`.",
        ),
        field!(
            "brief",
            Value::Text,
            "One sentence that says when it is this one.",
        ),
        super::common::NOTE,
        STABILITY_FIELD,
        DEPRECATED,
        ANNOTATIONS,
    ]],
};

/// The types that are written as a word, for editors.
struct TypeWords;

impl Words for TypeWords {
    fn offered(&self) -> Vec<&'static str> {
        let templates = TEMPLATE_TYPES.iter();
        TYPES.iter().chain(templates).copied().collect()
    }

    fn also(&self) -> Vec<&'static str> {
        Vec::new()
    }
}

/// The types of attributes whose keys are made at run time.
const TEMPLATE_TYPES: [&str; 9] = [
    "template[string]",
    "template[int]",
    "template[double]",
    "template[boolean]",
    "template[string[]]",
    "template[int[]]",
    "template[double[]]",
    "template[boolean[]]",
    "template[any]",
];

/// The types that are written as a word, templates aside.
const TYPES: [&str; 9] = [
    "string",
    "int",
    "double",
    "boolean",
    "string[]",
    "int[]",
    "double[]",
    "boolean[]",
    "any",
];

/// Reads an item of `attributes`.
pub(crate) fn read_attribute(node: &Node, reading: &mut Reading<'_>) {
    if let Some(fields) = Fields::open(node, &ATTRIBUTE, reading.diagnostics) {
        read_definition(&fields, "key", reading);
    }
}

/// Reads what a definition says, whichever field holds its key; that key. What holds it in `id` is
/// of the older format, whose examples are only for people: upstream's own are not all of the type.
pub(super) fn read_definition(
    fields: &Fields<'_>,
    key: &str,
    reading: &mut Reading<'_>,
) -> Option<Located<String>> {
    let diagnostics = &mut *reading.diagnostics;
    let checked = key == "key";
    let key = fields.text(key, diagnostics);
    let docs = read_docs(fields, &reading.origin, diagnostics);
    let notes = read_attribute_notes(fields, diagnostics);
    let mut member_renames = Vec::new();
    let mut members = Vec::new();
    let ty = fields.get("type").and_then(|node| {
        if matches!(node.yaml, Yaml::Map(_)) {
            let read = read_enum(node, &notes, &docs.origin, diagnostics)?;
            member_renames = read.renames;
            members = read.members_at;
            Some(AttributeType::Enum(read.ty))
        } else {
            read_type_word(node, diagnostics)
        }
    });
    check_notes(&notes, ty.as_ref(), diagnostics);
    let examples = read_examples(fields, key.as_ref(), ty.as_ref(), checked, diagnostics);
    let Some(key) = key else {
        reading.definitions.locations.nameless(Kind::Attribute);
        return None;
    };
    check_name("an attribute's key", &key, diagnostics);
    for (id, at) in members {
        reading
            .definitions
            .locations
            .add_member(&key.value, &id, at);
    }
    let definition = AttributeDef {
        key: key.clone(),
        ty,
        member_renames,
        examples,
        docs,
        notes,
    };
    if declare(Kind::Attribute, &definition.key, reading) {
        reading.definitions.attributes.push(definition);
    }
    Some(key)
}

/// What only some types can have.
fn check_notes(notes: &AttributeNotes, ty: Option<&AttributeType>, diagnostics: &mut Diagnostics) {
    let Some(ty) = ty else { return };
    for (name, types) in places::ATTRIBUTE.for_types {
        let at = match *name {
            "closed" => notes.closed.as_ref().map(|it| it.at),
            "type" => notes.shared_name.as_ref().map(|it| it.at),
            "unit" => notes.unit.as_ref().map(|it| it.at),
            "inherited" => notes
                .inherited
                .as_ref()
                .filter(|it| it.value)
                .map(|it| it.at),
            "filled_from" => notes.filled_from.as_ref().map(|it| it.at),
            "stability_opt_in" => notes.opt_in.as_ref().map(|it| it.at),
            _ => None,
        };
        let (fits, wrong) = match types {
            Types::Enums => (
                matches!(ty, AttributeType::Enum(_)),
                "for enums, and this attribute is none",
            ),
            Types::Numbers => (
                matches!(ty, AttributeType::Int | AttributeType::Double),
                "for `int` and `double`, and this attribute is neither",
            ),
            Types::OneKey => (
                !matches!(ty, AttributeType::Template(_)),
                "for attributes of one key, and this one is a template",
            ),
        };
        if let Some(at) = at.filter(|_| !fits) {
            let message = format!("`{name}` is {wrong}");
            diagnostics.push(Diagnostic::new(codes::MISPLACED_ANNOTATION, at, message));
        }
    }
}

fn read_type_word(node: &Node, diagnostics: &mut Diagnostics) -> Option<AttributeType> {
    let Some(word) = node.text() else {
        let item = match &node.yaml {
            Yaml::List(items) => items.first().and_then(Node::text),
            _ => None,
        };
        let item = item.and_then(|item| other_spelling(item).or(Some(item)));
        let item = item.filter(|item| primitive(item).is_some());
        let error = wrong_shape(node, "`type`", "a word or a mapping with `members`");
        diagnostics.push(error.with_help_if(item.map(|item| format!("write `{item}[]`"))));
        return None;
    };
    let inner = word
        .strip_prefix("template[")
        .and_then(|rest| rest.strip_suffix(']'));
    let ty = match inner {
        Some(inner) => simple_type(inner).map(|ty| AttributeType::Template(Box::new(ty))),
        None => simple_type(word),
    };
    if ty.is_none() {
        let meant = inner.unwrap_or(word);
        let guess = other_spelling(meant)
            .or_else(|| nearest(meant, TYPES.into_iter().chain(["template[string]"])));
        let choice = one_of(TYPES);
        let help = match guess {
            Some(guess) if inner.is_some() && !guess.starts_with("template") => {
                format!("did you mean `template[{guess}]`?")
            }
            Some(guess) => format!("did you mean `{guess}`?"),
            None => format!(
                "write {choice}, `template[..]` around one of these, or a mapping with `members`"
            ),
        };
        diagnostics.push(
            Diagnostic::new(
                codes::INVALID_TYPE,
                node.at,
                format!("there is no type {}", quoted(word)),
            )
            .with_help(help),
        );
    }
    ty
}

/// What other languages call a type.
fn other_spelling(word: &str) -> Option<&'static str> {
    match word.to_ascii_lowercase().as_str() {
        "integer" | "long" | "i64" => Some("int"),
        "float" | "number" | "f64" => Some("double"),
        "bool" => Some("boolean"),
        "str" | "text" => Some("string"),
        _ => None,
    }
}

fn simple_type(word: &str) -> Option<AttributeType> {
    if let Some(item) = word.strip_suffix("[]") {
        return primitive(item).map(AttributeType::Array);
    }
    match primitive(word) {
        Some(PrimitiveType::String) => Some(AttributeType::String),
        Some(PrimitiveType::Int) => Some(AttributeType::Int),
        Some(PrimitiveType::Double) => Some(AttributeType::Double),
        Some(PrimitiveType::Boolean) => Some(AttributeType::Boolean),
        None => (word == "any").then_some(AttributeType::Any),
    }
}

fn primitive(word: &str) -> Option<PrimitiveType> {
    match word {
        "string" => Some(PrimitiveType::String),
        "int" => Some(PrimitiveType::Int),
        "double" => Some(PrimitiveType::Double),
        "boolean" => Some(PrimitiveType::Boolean),
        _ => None,
    }
}

struct ReadEnum {
    ty: EnumType,
    members_at: Vec<(String, Location)>,
    renames: Vec<(String, Located<String>)>,
}

fn read_enum(
    node: &Node,
    notes: &AttributeNotes,
    origin: &Origin,
    diagnostics: &mut Diagnostics,
) -> Option<ReadEnum> {
    let fields = Fields::open(node, &ENUM, diagnostics)?;
    fields.flag("allow_custom_values", diagnostics);
    let list = fields.get("members")?;
    let items = fields.list("members", diagnostics);
    if items.is_empty() && matches!(list.yaml, Yaml::List(_)) {
        diagnostics.push(Diagnostic::new(
            codes::EMPTY_ENUM,
            list.at,
            "an enum needs at least one member",
        ));
    }
    let mut members_at = Vec::new();
    let mut renames = Vec::new();
    let mut members: Vec<(EnumMember, Location)> = Vec::new();
    for item in items {
        let Some(read) = read_member(item, origin, diagnostics) else {
            continue;
        };
        members_at.push((read.member.id.clone(), read.id_at));
        renames.extend(read.renamed_to.map(|to| (read.member.id.clone(), to)));
        members.push((read.member, read.value_at));
    }
    let members = under_one_name(members);
    check_members(&members, &members_at, diagnostics);
    let primitive = members
        .first()
        .map(|(member, _)| member.value.primitive())?;
    let ty = EnumType {
        shared_name: notes.shared_name.as_ref().map(|it| it.value.clone()),
        closed: notes.closed.as_ref().is_some_and(|it| it.value),
        primitive,
        members: members.into_iter().map(|(member, _)| member).collect(),
    };
    Some(ReadEnum {
        ty,
        members_at,
        renames,
    })
}

/// A deprecated member that has the value of the one that is current is that one's former name.
fn under_one_name(members: Vec<(EnumMember, Location)>) -> Vec<(EnumMember, Location)> {
    let is_current = |member: &EnumMember| member.docs.deprecated.is_none();
    // How many are current with each value, and the former names of the one.
    let mut current: BTreeMap<EnumValue, usize> = BTreeMap::new();
    for (member, _) in members.iter().filter(|(member, _)| is_current(member)) {
        *current.entry(member.value.clone()).or_default() += 1;
    }
    let mut aliases: BTreeMap<EnumValue, Vec<MemberAlias>> = BTreeMap::new();
    let mut kept = Vec::with_capacity(members.len());
    for (member, at) in members {
        if is_current(&member) || current.get(&member.value) != Some(&1) {
            kept.push((member, at));
            continue;
        }
        let EnumMember {
            id, value, docs, ..
        } = member;
        let former = aliases.entry(value).or_default();
        former.push(MemberAlias { id, docs });
    }
    for (member, _) in &mut kept {
        member.aliases = aliases.remove(&member.value).unwrap_or_default();
    }
    kept
}

pub(super) struct ReadMember {
    pub(super) member: EnumMember,
    id_at: Location,
    value_at: Location,
    renamed_to: Option<Located<String>>,
}

pub(super) fn read_member(
    node: &Node,
    origin: &Origin,
    diagnostics: &mut Diagnostics,
) -> Option<ReadMember> {
    let fields = Fields::open(node, &MEMBER, diagnostics)?;
    read_no_notes(&fields, "an enum member", diagnostics);
    let docs = read_docs(&fields, origin, diagnostics);
    let id = fields.text("id", diagnostics)?;
    check_name("an enum member's id", &id, diagnostics);
    let (value, value_at) = match fields.get("value") {
        Some(node) => (read_member_value(node, diagnostics)?, node.at),
        None => (EnumValue::String(id.value.clone()), id.at),
    };
    let renamed_to = docs
        .deprecated
        .as_ref()
        .and_then(|it| match &it.value.reason {
            DeprecationReason::Renamed(to) => Some(Located::new(to.clone(), it.at)),
            _ => None,
        });
    let mut docs = docs.over(None);
    if docs.brief.is_empty() {
        docs.brief.clone_from(&id.value);
    }
    let member = EnumMember {
        id: id.value,
        value,
        docs,
        aliases: Vec::new(),
    };
    Some(ReadMember {
        member,
        id_at: id.at,
        value_at,
        renamed_to,
    })
}

/// Upstream's schema lists numbers with fractions too, which no attribute value is compared with.
fn read_member_value(node: &Node, diagnostics: &mut Diagnostics) -> Option<EnumValue> {
    let value = scalar_value(node);
    if value.is_none() {
        let message = format!(
            "a member's `value` is text, a whole number or a boolean, not {}",
            actual_words(node)
        );
        diagnostics.push(Diagnostic::new(codes::WRONG_SHAPE, node.at, message));
    }
    value
}

/// A scalar that an enum member or a constant can be.
pub(super) fn scalar_value(node: &Node) -> Option<EnumValue> {
    match &node.yaml {
        Yaml::String(text) => Some(EnumValue::String(text.clone())),
        Yaml::Int(number) => Some(EnumValue::Int(*number)),
        Yaml::Bool(flag) => Some(EnumValue::Boolean(*flag)),
        Yaml::Null | Yaml::Huge(_) | Yaml::Float(_) | Yaml::List(_) | Yaml::Map(_) => None,
    }
}

fn check_members(
    members: &[(EnumMember, Location)],
    ids: &[(String, Location)],
    diagnostics: &mut Diagnostics,
) {
    let mut seen_ids = HashMap::new();
    for (id, at) in ids {
        if let Some(first) = seen_ids.insert(id, *at) {
            diagnostics.push(
                Diagnostic::new(
                    codes::DUPLICATE_MEMBER,
                    *at,
                    format!("the member {} is defined twice", quoted(id)),
                )
                .with_secondary(first, "first defined here"),
            );
        }
    }
    let mut seen_values = BTreeMap::new();
    let Some((first_member, first_at)) = members.first() else {
        return;
    };
    for (member, at) in members {
        if member.value.primitive() != first_member.value.primitive() {
            diagnostics.push(
                Diagnostic::new(
                    codes::MIXED_ENUM,
                    *at,
                    format!(
                        "the value of {} is {}, that of {} is {}",
                        quoted(&member.id),
                        primitive_words(member.value.primitive()),
                        quoted(&first_member.id),
                        primitive_words(first_member.value.primitive()),
                    ),
                )
                .with_secondary(*first_at, "the first member's value")
                .with_help("give all members values of one type"),
            );
        }
        let Some((id, first)) = seen_values.insert(&member.value, (&member.id, *at)) else {
            continue;
        };
        // The same id twice, value left out, is one mistake, already reported.
        if *id != member.id {
            diagnostics.push(
                Diagnostic::new(
                    codes::DUPLICATE_VALUE,
                    *at,
                    format!(
                        "{} and {} have the same value",
                        quoted(id),
                        quoted(&member.id)
                    ),
                )
                .with_secondary(first, "first given here")
                .with_help("keep one, or mark the former one as `deprecated`"),
            );
        }
    }
}

fn primitive_words(primitive: PrimitiveType) -> &'static str {
    match primitive {
        PrimitiveType::String => "text",
        PrimitiveType::Int => "a whole number",
        PrimitiveType::Double => "a number",
        PrimitiveType::Boolean => "a boolean",
    }
}

/// The examples of a definition, checked against its type.
fn read_examples(
    fields: &Fields<'_>,
    key: Option<&Located<String>>,
    ty: Option<&AttributeType>,
    checked: bool,
    diagnostics: &mut Diagnostics,
) -> Vec<serde_yaml::Value> {
    let Some(ty) = ty else { return Vec::new() };
    let given = fields
        .get("examples")
        .filter(|node| !matches!(&node.yaml, Yaml::List(items) if items.is_empty()));
    let Some(node) = given else {
        // What upstream's tool asks for: other types speak for themselves.
        if let Some(key) = key.filter(|_| is_text(ty)) {
            diagnostics.push(
                Diagnostic::new(
                    codes::MISSING_EXAMPLES,
                    key.at,
                    format!(
                        "{} has no `examples`, which attributes of text need",
                        quoted(&key.value)
                    ),
                )
                .with_help("add a list of values that one may meet"),
            );
        }
        return Vec::new();
    };
    let examples = example_nodes(node, ty);
    if checked {
        check_examples(&examples, ty, diagnostics);
    }
    examples.into_iter().map(Example::into_value).collect()
}

fn is_text(ty: &AttributeType) -> bool {
    match ty {
        AttributeType::String | AttributeType::Array(PrimitiveType::String) => true,
        AttributeType::Template(inner) => is_text(inner),
        _ => false,
    }
}

/// The examples of a reference, checked against the attribute's type.
pub(crate) fn read_examples_of(
    node: &Node,
    ty: &AttributeType,
    diagnostics: &mut Diagnostics,
) -> Vec<serde_yaml::Value> {
    let examples = example_nodes(node, ty);
    check_examples(&examples, ty, diagnostics);
    examples.into_iter().map(Example::into_value).collect()
}

/// An example: a value, or for array types the items of one.
enum Example<'a> {
    One(&'a Node),
    Items(&'a [Node]),
}

impl Example<'_> {
    fn into_value(self) -> serde_yaml::Value {
        match self {
            Example::One(node) => node.to_value(),
            Example::Items(items) => items.iter().map(Node::to_value).collect(),
        }
    }
}

/// Takes `examples` apart. A single example may stand without a list around it, which for array
/// types leaves a plain list of items.
fn example_nodes<'a>(node: &'a Node, ty: &AttributeType) -> Vec<Example<'a>> {
    let Yaml::List(items) = &node.yaml else {
        return vec![Example::One(node)];
    };
    let of_arrays = match ty {
        AttributeType::Template(inner) => matches!(**inner, AttributeType::Array(_)),
        ty => matches!(ty, AttributeType::Array(_)),
    };
    let nested = items.iter().any(|item| matches!(item.yaml, Yaml::List(_)));
    if of_arrays && !nested {
        return vec![Example::Items(items)];
    }
    items
        .iter()
        .map(|item| match &item.yaml {
            Yaml::List(inner) if of_arrays => Example::Items(inner),
            _ => Example::One(item),
        })
        .collect()
}

fn check_examples(examples: &[Example<'_>], ty: &AttributeType, diagnostics: &mut Diagnostics) {
    let ty = if let AttributeType::Template(inner) = ty {
        inner
    } else {
        ty
    };
    for example in examples {
        match (example, ty) {
            (_, AttributeType::Any) => {}
            (Example::Items(items), AttributeType::Array(item)) => {
                items
                    .iter()
                    .for_each(|node| check_example(node, *item, diagnostics));
            }
            (Example::One(node), AttributeType::Array(_)) => {
                diagnostics.push(Diagnostic::new(
                    codes::INVALID_EXAMPLE,
                    node.at,
                    format!("an example of an array is a list, not {}", node.described()),
                ));
            }
            (Example::One(node), ty) => {
                if let Some(primitive) = primitive_type(ty) {
                    check_example(node, primitive, diagnostics);
                }
            }
            // Examples are taken apart into items for arrays only.
            (Example::Items(_), _) => {}
        }
    }
}

fn check_example(node: &Node, primitive: PrimitiveType, diagnostics: &mut Diagnostics) {
    if primitive_fits(node, primitive) {
        return;
    }
    let message = format!(
        "an example of this attribute is {}, not {}",
        primitive_words(primitive),
        actual_words(node)
    );
    let scalar = matches!(
        node.yaml,
        Yaml::Bool(_) | Yaml::Int(_) | Yaml::Huge(_) | Yaml::Float(_)
    );
    let help =
        (scalar && primitive == PrimitiveType::String).then(|| "put it in quotes".to_owned());
    diagnostics.push(Diagnostic::new(codes::INVALID_EXAMPLE, node.at, message).with_help_if(help));
}

/// As [`Node::described`], but an `int` is told from a `double`.
fn actual_words(node: &Node) -> &'static str {
    match node.yaml {
        Yaml::Float(_) => "a number with a fraction",
        Yaml::Int(_) => "a whole number",
        Yaml::Huge(_) => "one beyond 64 bits",
        _ => node.described(),
    }
}

fn primitive_fits(node: &Node, primitive: PrimitiveType) -> bool {
    matches!(
        (&node.yaml, primitive),
        (Yaml::String(_), PrimitiveType::String)
            | (Yaml::Int(_), PrimitiveType::Int | PrimitiveType::Double)
            | (Yaml::Float(_) | Yaml::Huge(_), PrimitiveType::Double)
            | (Yaml::Bool(_), PrimitiveType::Boolean)
    )
}

/// The primitive that a single value of the type is.
fn primitive_type(ty: &AttributeType) -> Option<PrimitiveType> {
    match ty {
        AttributeType::String => Some(PrimitiveType::String),
        AttributeType::Int => Some(PrimitiveType::Int),
        AttributeType::Double => Some(PrimitiveType::Double),
        AttributeType::Boolean => Some(PrimitiveType::Boolean),
        AttributeType::Enum(ty) => Some(ty.primitive),
        AttributeType::Any | AttributeType::Array(_) | AttributeType::Template(_) => None,
    }
}

/// Whether a constant is a value of the type.
///
/// # Errors
///
/// Why it isn't, as a sentence about `key`.
pub(crate) fn scalar_fits(key: &str, value: &EnumValue, ty: &AttributeType) -> Result<(), String> {
    let key = quoted(key);
    let Some(primitive) = primitive_type(ty).filter(|it| *it != PrimitiveType::Double) else {
        return Err(format!(
            "{key} can't be fixed: only text, whole numbers, booleans and enums can"
        ));
    };
    let expected = match ty {
        _ if value.primitive() != primitive => {
            return Err(format!(
                "a value of {key} is {}, not {}",
                primitive_words(primitive),
                primitive_words(value.primitive())
            ));
        }
        AttributeType::Enum(ty) if !ty.members.iter().any(|member| member.value == *value) => {
            one_of(ty.members.iter().map(|member| value_text(&member.value)))
        }
        _ => return Ok(()),
    };
    Err(format!(
        "a value of {key} is {expected}, not {}",
        quoted(&value_text(value))
    ))
}

/// A value as it would be written, for messages.
pub(crate) fn value_text(value: &EnumValue) -> String {
    match value {
        EnumValue::String(value) => value.clone(),
        EnumValue::Int(value) => value.to_string(),
        EnumValue::Boolean(value) => value.to_string(),
    }
}
