//! Constants, enums and static descriptions of attributes.

use std::collections::{BTreeMap, BTreeSet};

use crate::ir;
use crate::names;
use crate::registry::{
    Attribute, AttributeType, EnumMember, EnumType, EnumValue, OptInKey, PrimitiveType, Registry,
};

use super::collisions::{Identifiers, Owner, Space};
use super::docs::{self, Docs};
use super::imports::Imports;
use super::usage::{deprecated_allow, members_allows};
use super::{Context, deprecation, literal};

/// The module and the name of each enum attribute's type.
///
/// A type that several attributes share stands where the attribute does that it is named after, or
/// else with the first of them.
pub(crate) fn enum_types<'a>(
    registry: &'a Registry,
    shared: &BTreeMap<&str, Vec<&Attribute>>,
) -> BTreeMap<&'a str, (String, String)> {
    let path = |attribute: &Attribute| match &attribute.ty {
        AttributeType::Enum(EnumType {
            shared_name: Some(name),
            ..
        }) => {
            let namespace = names::namespace(&shared[name.as_str()][0].key);
            Some((
                names::module_name(namespace),
                names::shared_type_name(name, namespace),
            ))
        }
        AttributeType::Enum(_) => {
            let namespace = names::namespace(&attribute.key);
            Some((
                names::module_name(namespace),
                names::enum_type_name(&attribute.key),
            ))
        }
        _ => None,
    };
    let is_current = |attribute: &&Attribute| attribute.docs.deprecated.is_none();
    let current: BTreeSet<_> = registry
        .attributes
        .values()
        .filter(is_current)
        .filter_map(path)
        .collect();
    registry
        .attributes
        .values()
        .filter_map(|attribute| {
            let (module, name) = path(attribute)?;
            let own = !matches!(
                &attribute.ty,
                AttributeType::Enum(EnumType {
                    shared_name: Some(_),
                    ..
                })
            );
            let taken = own
                && attribute.docs.deprecated.is_some()
                && current.contains(&(module.clone(), name.clone()));
            let name = if taken {
                names::making_way(&name)
            } else {
                name
            };
            Some((attribute.key.as_str(), (module, name)))
        })
        .collect()
}

/// The attributes that share a type, by its name; the one that it stands with first.
pub(crate) fn shared_types(registry: &Registry) -> BTreeMap<&str, Vec<&Attribute>> {
    let mut shared: BTreeMap<&str, Vec<&Attribute>> = BTreeMap::new();
    for attribute in registry.attributes.values() {
        if let AttributeType::Enum(EnumType {
            shared_name: Some(name),
            ..
        }) = &attribute.ty
        {
            shared.entry(name).or_default().push(attribute);
        }
    }
    for (name, attributes) in &mut shared {
        attributes.sort_by_key(|attribute| names::enum_type_name(&attribute.key) != *name);
    }
    shared
}

impl Context<'_> {
    /// `semconv/<namespace>.rs`
    pub(crate) fn semconv_modules(&self, identifiers: &mut Identifiers) -> Vec<ir::SemconvModule> {
        self.by_module(&self.registry.attributes, |it| &it.docs)
            .into_iter()
            .map(|(module, attributes)| self.semconv_module(&module, &attributes, identifiers))
            .collect()
    }

    fn semconv_module(
        &self,
        module: &str,
        attributes: &[&Attribute],
        identifiers: &mut Identifiers,
    ) -> ir::SemconvModule {
        let place = format!("semconv::{module}");
        let mut imports = Imports::default();
        let constants = attributes
            .iter()
            .map(|attribute| {
                let owner = Owner::new(&attribute.key, self.locations.attribute(&attribute.key));
                let constant = self.attribute_constant(&attribute.key);
                if identifiers.claim_value(&place, constant, owner.clone()) {
                    identifiers.claim_value(&format!("{place}::definitions"), constant, owner);
                }
                self.constant(attribute, module)
            })
            .collect();
        let mut enums: Vec<ir::Enum> = attributes
            .iter()
            .filter_map(|attribute| self.enumeration(&place, attribute, &mut imports, identifiers))
            .collect();
        enums.sort_by(|a, b| a.name.cmp(&b.name));
        let mut definition_imports = Imports::default();
        definition_imports.carriers(&["AttributeDefinition", "ValueType"]);
        identifiers.reserve(&place, Space::Types, imports.names());
        identifiers.reserve(&place, Space::Types, names::types_in_use());
        let place = format!("{place}::definitions");
        identifiers.reserve(&place, Space::Types, definition_imports.names());
        identifiers.reserve(&place, Space::Values, names::statics_in_use());
        let mut header = self.header(module, "Attributes", &[&imports]);
        let deprecated = |attribute: &&Attribute| {
            attribute.docs.deprecated.is_some() || has_deprecated_member(attribute)
        };
        if attributes.iter().any(deprecated) {
            header.allows.push(deprecated_allow());
        }
        ir::SemconvModule {
            header,
            attributes: constants,
            enums,
            definition_imports: definition_imports.groups(&self.paths),
        }
    }

    fn constant(&self, attribute: &Attribute, module: &str) -> ir::Constant {
        ir::Constant {
            name: self.attribute_constant(&attribute.key).to_owned(),
            key: literal::string(&attribute.key),
            docs: self.constant_docs(attribute, module),
            definition_docs: vec![docs::link(
                self.attribute_constant(&attribute.key),
                &names::constant_link("super::", self.attribute_constant(&attribute.key)),
            )],
            deprecated: deprecation(&attribute.docs, |to| self.attribute_path(to)),
            value_type: value_type(&attribute.ty).to_owned(),
            template: matches!(attribute.ty, AttributeType::Template(_)),
            marks: marks(attribute),
        }
    }

    fn constant_docs(&self, attribute: &Attribute, module: &str) -> Vec<String> {
        let mut facts = vec![self.type_fact(attribute, module)];
        if let Some(unit) = &attribute.unit {
            facts.push(format!("Unit: `{unit}`."));
        }
        facts.push(format!(
            "Stability: {}.",
            docs::stability(attribute.docs.stability)
        ));
        let mut rules = Vec::new();
        if attribute.identity {
            rules.push("An identity: never on a metric.".to_owned());
        }
        if attribute.inherited {
            rules.push(
                "Inherited: given on the root span, it stands on every span under it.".to_owned(),
            );
        }
        if let Some(source) = &attribute.filled_from {
            rules.push(format!("Takes the value of `{source}` unless given."));
        }
        if attribute.sensitive {
            rules.push("Content: kept only where content is captured.".to_owned());
        }
        if let Some(opt_in) = &attribute.stability_opt_in {
            rules.push(format!(
                "Emitted as `{}` where `{}` is opted in to.",
                opt_in.renamed_to, opt_in.category
            ));
        }
        Docs::new()
            .brief(&attribute.docs.brief)
            .note(&attribute.docs.note)
            .paragraph(&facts.join(" "))
            .paragraph(&rules.join(" "))
            .lines()
    }

    fn type_fact(&self, attribute: &Attribute, module: &str) -> String {
        if let AttributeType::Enum(_) = &attribute.ty {
            let (home, name) = self.enum_type(&attribute.key);
            let path = match self.tables.type_homes.get(attribute.key.as_str()) {
                Some(root) => format!("{root}::semconv::{home}::"),
                None if home == module => String::new(),
                None => format!("super::{home}::"),
            };
            let link = docs::link(name, &names::enum_link(&path, name));
            return format!("One of {link}.");
        }
        let ty = type_text(&attribute.ty);
        let examples: Vec<String> = attribute.examples.iter().filter_map(example).collect();
        let prefix = if let AttributeType::Template(_) = attribute.ty {
            "The key is a prefix. "
        } else {
            ""
        };
        if examples.is_empty() {
            format!("{prefix}Type: {ty}.")
        } else {
            format!(
                "{prefix}Type: {ty}, for example {}.",
                docs::any_of(&examples)
            )
        }
    }

    /// A link to a constant from within the module `place`.
    fn link_from(&self, place: &str, key: &str) -> String {
        let module = names::module_name(names::namespace(key));
        let constant = self.attribute_constant(key);
        let path = if place == format!("semconv::{module}") {
            String::new()
        } else {
            format!("super::{module}::")
        };
        docs::link(constant, &names::constant_link(&path, constant))
    }

    /// The type of an enum attribute, if it stands with this attribute.
    fn enumeration(
        &self,
        place: &str,
        attribute: &Attribute,
        imports: &mut Imports,
        identifiers: &mut Identifiers,
    ) -> Option<ir::Enum> {
        let AttributeType::Enum(ty) = &attribute.ty else {
            return None;
        };
        let sharing = match &ty.shared_name {
            Some(name) => self.tables.shared[name.as_str()].as_slice(),
            None => &[attribute],
        };
        let is_there = self.tables.type_homes.contains_key(attribute.key.as_str());
        if is_there || sharing[0].key != attribute.key {
            return None;
        }
        let (_, name) = self.enum_type(&attribute.key);
        let owner = Owner::new(&attribute.key, self.locations.attribute(&attribute.key));
        let keys: Vec<String> = sharing
            .iter()
            .map(|other| self.link_from(place, &other.key))
            .collect();
        let docs = Docs::new()
            .brief(&attribute.docs.brief)
            .paragraph(&format!("The values of {}.", docs::all_of(&keys)))
            .lines();
        let lowered = lowered_enum(name, docs, ty);
        if identifiers.claim_type(place, name, owner) {
            for (member, lowered) in ty.members.iter().zip(&lowered.members) {
                let owner = Owner::new(
                    &member.id,
                    self.locations.member(&attribute.key, &member.id),
                );
                identifiers.claim_type(&format!("{place}::{name}"), &lowered.name, owner);
            }
        }
        import_for(ty, imports);
        Some(lowered)
    }
}

/// The type of an enum's values.
pub(super) fn lowered_enum(name: &str, docs: Vec<String>, ty: &EnumType) -> ir::Enum {
    let members: Vec<ir::Member> = ty
        .members
        .iter()
        .map(|other| member(other, ty, name))
        .collect();
    let variants: Vec<String> = members.iter().map(|member| member.name.clone()).collect();
    ir::Enum {
        name: name.to_owned(),
        docs,
        repr: repr(ty).to_owned(),
        value: owned(ty).to_owned(),
        fallback: (!ty.closed).then(|| names::fallback_name(&variants)),
        allows: members_allows(members.len()),
        members,
    }
}

/// The variant of a member. What is deprecated makes way for what is not.
pub(crate) fn variant(member: &EnumMember, ty: &EnumType) -> String {
    let name = names::member_name(&member.id);
    let takes_it = |other: &EnumMember| {
        other.docs.deprecated.is_none() && names::member_name(&other.id) == name
    };
    if member.docs.deprecated.is_some() && ty.members.iter().any(takes_it) {
        names::making_way(&name)
    } else {
        name
    }
}

fn member(member: &EnumMember, ty: &EnumType, type_name: &str) -> ir::Member {
    let docs = if member.docs.brief.is_empty() {
        Docs::new().paragraph(&format!("`{}`.", member.id))
    } else {
        Docs::new().brief(&member.docs.brief)
    };
    let path = |to: &str| {
        let renamed = ty.members.iter().find(|other| other.id == to)?;
        Some(format!("{type_name}::{}", variant(renamed, ty)))
    };
    let former: Vec<String> = member
        .aliases
        .iter()
        .map(|alias| format!("`{}`", alias.id))
        .collect();
    let former = if former.is_empty() {
        String::new()
    } else {
        format!("Formerly {}.", docs::all_of(&former))
    };
    ir::Member {
        name: variant(member, ty),
        docs: docs.note(&member.docs.note).paragraph(&former).lines(),
        value: literal::value(&member.value),
        deprecated: deprecation(&member.docs, path),
    }
}

fn has_deprecated_member(attribute: &Attribute) -> bool {
    match &attribute.ty {
        AttributeType::Enum(ty) => ty
            .members
            .iter()
            .any(|member| member.docs.deprecated.is_some()),
        _ => false,
    }
}

pub(super) fn import_for(ty: &EnumType, imports: &mut Imports) {
    imports.std("std", "fmt");
    imports.carrier("Value");
    match (repr(ty), ty.closed) {
        ("string", true) => {
            imports.std("std::str", "FromStr");
            imports.carriers(&["Text", "UnknownMember"]);
        }
        ("string", false) => {
            imports.std("std::str", "FromStr");
            imports.std("std::convert", "Infallible");
            imports.carrier("Text");
        }
        (_, true) => {
            imports.carrier("UnknownMember");
        }
        (_, false) => {}
    }
}

fn repr(ty: &EnumType) -> &'static str {
    match ty.primitive {
        PrimitiveType::Int => "int",
        PrimitiveType::Boolean => "boolean",
        // No member is a `double`.
        PrimitiveType::String | PrimitiveType::Double => "string",
    }
}

fn owned(ty: &EnumType) -> &'static str {
    match repr(ty) {
        "int" => "i64",
        "boolean" => "bool",
        _ => "Text",
    }
}

fn value_type(ty: &AttributeType) -> &'static str {
    match ty {
        AttributeType::String => "String",
        AttributeType::Int => "Int",
        AttributeType::Double => "Double",
        AttributeType::Boolean => "Boolean",
        AttributeType::Any => "Any",
        AttributeType::Array(PrimitiveType::String) => "Strings",
        AttributeType::Array(PrimitiveType::Int) => "Ints",
        AttributeType::Array(PrimitiveType::Double) => "Doubles",
        AttributeType::Array(PrimitiveType::Boolean) => "Booleans",
        AttributeType::Template(ty) => value_type(ty),
        AttributeType::Enum(ty) => match repr(ty) {
            "int" => "Int",
            "boolean" => "Boolean",
            _ => "String",
        },
    }
}

/// The type as the registry writes it.
fn type_text(ty: &AttributeType) -> String {
    let primitive = |ty: &PrimitiveType| match ty {
        PrimitiveType::String => "string",
        PrimitiveType::Int => "int",
        PrimitiveType::Double => "double",
        PrimitiveType::Boolean => "boolean",
    };
    match ty {
        AttributeType::String => "string".to_owned(),
        AttributeType::Int => "int".to_owned(),
        AttributeType::Double => "double".to_owned(),
        AttributeType::Boolean => "boolean".to_owned(),
        AttributeType::Any => "any".to_owned(),
        AttributeType::Array(element) => format!("`{}[]`", primitive(element)),
        AttributeType::Template(ty) => type_text(ty),
        AttributeType::Enum(ty) => primitive(&ty.primitive).to_owned(),
    }
}

fn marks(attribute: &Attribute) -> Vec<String> {
    let mut marks = Vec::new();
    if let AttributeType::Enum(EnumType {
        closed: true,
        members,
        ..
    }) = &attribute.ty
    {
        let values: Vec<String> = members
            .iter()
            .filter(|member| matches!(member.value, EnumValue::String(_)))
            .map(|member| literal::value(&member.value))
            .collect();
        if !values.is_empty() {
            marks.push(format!("closed(&[{}])", values.join(", ")));
        }
    }
    let flags = [
        (attribute.sensitive, "sensitive()"),
        (attribute.identity, "identity()"),
        (attribute.inherited, "inherited()"),
    ];
    marks.extend(
        flags
            .into_iter()
            .filter(|(set, _)| *set)
            .map(|(_, mark)| mark.to_owned()),
    );
    if let Some(source) = &attribute.filled_from {
        marks.push(format!("filled_from({})", literal::string(source)));
    }
    marks.extend(attribute.stability_opt_in.as_ref().map(renamed));
    if attribute.docs.deprecated.is_some() {
        marks.push("deprecated()".to_owned());
    }
    marks
}

/// That it has another key for whoever opts in, as a method call.
pub(super) fn renamed(opt_in: &OptInKey) -> String {
    format!(
        "renamed({}, {})",
        literal::string(&opt_in.category),
        literal::string(&opt_in.renamed_to)
    )
}

/// An example as code; lists of examples of array types give one list each.
fn example(value: &serde_yaml::Value) -> Option<String> {
    let text = plain(value)?;
    let text = docs::one_line(&text);
    let fits = !text.is_empty() && text.chars().count() <= 60 && !text.contains('`');
    fits.then(|| format!("`{text}`"))
}

fn plain(value: &serde_yaml::Value) -> Option<String> {
    match value {
        serde_yaml::Value::String(text) => Some(text.clone()),
        serde_yaml::Value::Number(number) => Some(number.to_string()),
        serde_yaml::Value::Bool(flag) => Some(flag.to_string()),
        serde_yaml::Value::Sequence(items) => {
            let items: Option<Vec<String>> = items.iter().map(plain).collect();
            Some(format!("[{}]", items?.join(", ")))
        }
        _ => None,
    }
}
