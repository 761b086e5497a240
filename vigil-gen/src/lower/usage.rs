//! Attributes where they are used: as arguments, setters and fields, and as static descriptions.

use std::collections::BTreeMap;

use crate::ir;
use crate::names;
use crate::registry::{
    Aggregate, Attribute, AttributeRef, AttributeType, EnumValue, MeasuredValue, Metric,
    RequirementLevel, SetTime,
};

use super::docs::{self, Docs};
use super::imports::Imports;
use super::passing::{Element, Named, Shape, held, passing, sensitive_held, sensitive_passing};
use super::{Context, deprecation, literal};

/// How many members a `match` may have within clippy's hundred lines of a function.
const LONG: usize = 90;

/// Where attributes stand together, and so need names that differ.
pub(crate) struct Home<'a> {
    /// The namespace of the definition that has them.
    pub(crate) namespace: &'a str,
    /// Whether the words that all begin with are dropped.
    pub(crate) shorten: bool,
}

impl Home<'_> {
    /// The names of these attributes, in their order.
    pub(crate) fn names(&self, references: &[&AttributeRef]) -> Vec<String> {
        let short: Vec<String> = references
            .iter()
            .map(|reference| names::field_name(&reference.key, self.namespace))
            .collect();
        let one_namespace = references
            .windows(2)
            .all(|pair| names::namespace(&pair[0].key) == names::namespace(&pair[1].key));
        let short = if self.shorten && one_namespace {
            names::without_common_words(&short)
        } else {
            short
        };
        (0..references.len())
            .map(|index| {
                let twice = short.iter().filter(|name| **name == short[index]).count() > 1;
                // `exception_type` reads better than `r#type`.
                let unclear = twice || short[index].starts_with("r#");
                let name = if unclear {
                    names::full_field_name(&references[index].key)
                } else {
                    short[index].clone()
                };
                names::apart_from_methods(name)
            })
            .collect()
    }
}

impl Context<'_> {
    /// The shape of an attribute, or of one below its key, if that is a prefix.
    pub(crate) fn shape(&self, attribute: &Attribute, imports: &mut Imports) -> Shape {
        let ty = match &attribute.ty {
            AttributeType::Template(ty) => ty,
            ty => ty,
        };
        match ty {
            AttributeType::Double if attribute.unit.as_deref() == Some("s") => {
                imports.std("std::time", "Duration");
                Shape::Copy("Duration".to_owned())
            }
            // No template is one of templates.
            AttributeType::String | AttributeType::Template(_) => Shape::Into(Element::Text),
            AttributeType::Any => {
                imports.carrier("AnyValue");
                Shape::Open("AnyValue".to_owned())
            }
            AttributeType::Int => Shape::Into(Element::Int),
            AttributeType::Double => Shape::Into(Element::Double),
            AttributeType::Boolean => Shape::Copy("bool".to_owned()),
            AttributeType::Array(element) => Shape::List(Element::of(*element)),
            AttributeType::Enum(ty) => {
                let (_, name) = self.enum_type(&attribute.key);
                let module = self.type_module(&attribute.key, imports);
                let path = format!("{module}::{name}");
                if ty.closed {
                    Shape::Copy(path)
                } else {
                    Shape::Open(path)
                }
            }
        }
    }

    /// The key of an attribute as an expression. A deprecated one is a literal: its constant warns.
    pub(crate) fn key(&self, key: &str, imports: &mut Imports) -> String {
        if self.attribute(key).docs.deprecated.is_some() {
            return literal::string(key);
        }
        let module = self.attribute_module(key, imports);
        format!("{module}::{}", self.attribute_constant(key))
    }

    /// The module of an attribute, brought into a file.
    fn attribute_module(&self, key: &str, imports: &mut Imports) -> String {
        let module = names::module_name(names::namespace(key));
        imports.semconv(self.elsewhere(&self.attribute(key).docs), &module)
    }

    /// The module of an enum attribute's type, brought into a file.
    pub(crate) fn type_module(&self, key: &str, imports: &mut Imports) -> String {
        let (module, _) = self.enum_type(key);
        imports.semconv(self.tables.type_homes.get(key).copied(), module)
    }

    /// A link to the constant of an attribute.
    pub(crate) fn link(&self, key: &str) -> String {
        if self.attribute(key).docs.deprecated.is_some() {
            return format!("`{key}`");
        }
        let module = self.attribute_module(key, &mut Imports::default());
        let target = names::constant_link(&format!("{module}::"), self.attribute_constant(key));
        format!("[`{key}`]({target})")
    }

    /// The attributes that have one value here.
    pub(crate) fn fixed(
        &self,
        references: &[&AttributeRef],
        imports: &mut Imports,
    ) -> Vec<ir::Fixed> {
        references
            .iter()
            .filter_map(|reference| {
                let value = literal::typed_value(reference.value.as_ref()?);
                Some(ir::Fixed {
                    key: self.key(&reference.key, imports),
                    value,
                })
            })
            .collect()
    }

    /// The attributes that callers give, as they are named where they stand together.
    pub(crate) fn attributes(
        &self,
        references: &[&AttributeRef],
        home: &Home<'_>,
        imports: &mut Imports,
    ) -> Vec<ir::Attribute> {
        let given: Vec<&AttributeRef> = references
            .iter()
            .copied()
            .filter(|reference| Self::is_given(reference))
            .collect();
        let names = home.names(&given);
        given
            .iter()
            .zip(names)
            .map(|(reference, name)| self.usage(reference, name, imports))
            .collect()
    }

    /// Whether a caller gives it a value.
    pub(crate) fn is_given(reference: &AttributeRef) -> bool {
        reference.value.is_none() && reference.set != SetTime::Runtime
    }

    /// Whether its key is a prefix.
    pub(crate) fn is_template(&self, reference: &AttributeRef) -> bool {
        matches!(
            self.attribute(&reference.key).ty,
            AttributeType::Template(_)
        )
    }

    /// An attribute that callers give, under that name.
    pub(crate) fn usage(
        &self,
        reference: &AttributeRef,
        name: String,
        imports: &mut Imports,
    ) -> ir::Attribute {
        let attribute = self.attribute(&reference.key);
        let shape = self.shape(attribute, imports);
        let template = self.is_template(reference);
        let value = if template {
            Named::below_key()
        } else {
            Named::field(&name)
        };
        let (direct, held) = if attribute.sensitive {
            (
                sensitive_passing(&shape, value, imports),
                sensitive_held(&shape, value, imports),
            )
        } else {
            (
                passing(&shape, value, imports),
                held(&shape, value, imports),
            )
        };
        ir::Attribute {
            key: self.key(&reference.key, imports),
            template,
            docs: self.usage_docs(reference),
            optional: reference.level != RequirementLevel::Required,
            deprecated: deprecation(&attribute.docs, |to| self.attribute_path(to)),
            direct,
            held,
            name,
        }
    }

    fn usage_docs(&self, reference: &AttributeRef) -> Vec<String> {
        let attribute = self.attribute(&reference.key);
        let own_note = if reference.note == attribute.docs.note {
            ""
        } else {
            &reference.note
        };
        let facts = format!(
            "{}, {}. Stability: {}.",
            self.link(&reference.key),
            docs::level(&reference.level),
            docs::stability(attribute.docs.stability),
        );
        let keys = if self.is_template(reference) {
            format!(
                "Once for each key: it is exported as `{}.` and the key.",
                reference.key
            )
        } else {
            String::new()
        };
        let content = if attribute.sensitive {
            "Content: kept only where content is captured."
        } else {
            ""
        };
        Docs::new()
            .brief(&reference.brief)
            .note(own_note)
            .paragraph(&facts)
            .paragraph(&keys)
            .paragraph(content)
            .lines()
    }

    /// An argument as an item of a list.
    pub(crate) fn item(&self, reference: &AttributeRef, name: &str) -> String {
        let brief = docs::sentence(&docs::escape(&docs::one_line(&reference.brief)));
        format!(
            "`{}`, {}: {brief}",
            names::file_stem(name),
            self.link(&reference.key)
        )
    }

    /// The expression for an attribute as a span, record, metric or event has it.
    fn field(&self, reference: &AttributeRef, imports: &mut Imports) -> String {
        imports.carriers(&["Field", "Level"]);
        let module = self.attribute_module(&reference.key, imports);
        let level = match reference.level {
            RequirementLevel::Required => "Required",
            RequirementLevel::ConditionallyRequired(_) => "ConditionallyRequired",
            RequirementLevel::Recommended(_) => "Recommended",
            RequirementLevel::OptIn(_) => "OptIn",
        };
        let constant = self.attribute_constant(&reference.key);
        let value = reference
            .value
            .as_ref()
            .map(|value| format!(".constant({})", literal::value_as_string(value)));
        let sampled = reference.sampling_relevant.then(|| ".sampled()".to_owned());
        let aggregate = match reference.aggregate {
            Aggregate::Last => None,
            Aggregate::Sum => Some(".sum()".to_owned()),
            Aggregate::Append => Some(".append()".to_owned()),
        };
        let cardinality = reference
            .cardinality
            .map(|cardinality| format!(".cardinality({})", literal::int(i64::from(cardinality))));
        // What the attribute says of itself holds without being said again.
        let opt_in = reference.stability_opt_in.as_ref();
        let own = self.attribute(&reference.key).stability_opt_in.as_ref();
        let opt_in = opt_in.filter(|it| Some(*it) != own);
        let opt_in = opt_in.map(|it| format!(".{}", super::semconv::renamed(it)));
        let marks: String = [value, sampled, aggregate, cardinality, opt_in]
            .into_iter()
            .flatten()
            .collect();
        format!("Field::new(&{module}::definitions::{constant}, Level::{level}){marks}")
    }

    /// The expressions for several.
    pub(crate) fn fields(&self, references: &[AttributeRef], imports: &mut Imports) -> Vec<String> {
        references
            .iter()
            .map(|reference| self.field(reference, imports))
            .collect()
    }

    /// The expressions for the measurements that derive from a span or a record.
    pub(crate) fn derived(&self, metrics: &[String], imports: &mut Imports) -> Vec<String> {
        let metrics = metrics
            .iter()
            .filter_map(|name| self.registry.metrics.get(name));
        metrics
            .flat_map(|metric| self.derived_from(metric, imports))
            .collect()
    }

    fn derived_from(&self, metric: &Metric, imports: &mut Imports) -> Vec<String> {
        metric
            .measures
            .iter()
            .filter_map(|measure| {
                let value = match &measure.value {
                    MeasuredValue::Duration => "Duration".to_owned(),
                    MeasuredValue::Count => "Count".to_owned(),
                    MeasuredValue::Attribute(key) => {
                        format!("Attribute({})", self.key(key, imports))
                    }
                    // It is fed while the span is open.
                    MeasuredValue::Chunk => return None,
                };
                imports.carriers(&["Derived", "Measured"]);
                let definition = self.metric_definition(&metric.name, imports);
                let with = self.members("with", &measure.with, imports);
                Some(format!(
                    "Derived::new({definition}, Measured::{value}){with}"
                ))
            })
            .collect()
    }

    /// A call of `method` with the members of attributes; nothing where there are none.
    pub(crate) fn members(
        &self,
        method: &str,
        members: &BTreeMap<String, EnumValue>,
        imports: &mut Imports,
    ) -> String {
        if members.is_empty() {
            return String::new();
        }
        let pairs = members.iter().map(|(key, value)| {
            let key = self.key(key, imports);
            format!("({key}, {})", literal::value_as_string(value))
        });
        let pairs: Vec<String> = pairs.collect();
        format!(".{method}(&[{}])", pairs.join(", "))
    }

    /// The static that describes a metric, as an expression.
    pub(crate) fn metric_definition(&self, name: &str, imports: &mut Imports) -> String {
        let docs = self.registry.metrics.get(name).map(|it| &it.docs);
        let root = docs.and_then(|docs| self.elsewhere(docs));
        let module = names::module_name(names::namespace(name));
        let metrics = imports.kind(root, "metrics", &module);
        let constant = self.metric_constant(name);
        format!("&{metrics}::{module}::definitions::{constant}")
    }

    /// A struct of these attributes.
    pub(crate) fn structure(
        &self,
        name: String,
        docs: Vec<String>,
        references: &[&AttributeRef],
        home: &Home<'_>,
        imports: &mut Imports,
    ) -> ir::Struct {
        let fixed = self.fixed(references, imports);
        let fields = self.attributes(references, home, imports);
        structure_of(name, docs, fields, fixed, imports)
    }
}

/// A struct of attributes that have their names already.
pub(crate) fn structure_of(
    name: String,
    docs: Vec<String>,
    fields: Vec<ir::Attribute>,
    fixed: Vec<ir::Fixed>,
    imports: &mut Imports,
) -> ir::Struct {
    imports.carriers(&["AttributeSet", "Attributes"]);
    if !fixed.is_empty() {
        imports.carrier("Value");
    }
    if fields.iter().any(|field| field.template) {
        imports.std("std::collections", "BTreeMap");
        imports.carrier("Text");
    }
    let given: Vec<&ir::Attribute> = fields.iter().filter(|field| !field.optional).collect();
    let flags = given
        .iter()
        .filter(|field| field.held.field == "bool")
        .count();
    ir::Struct {
        required: !given.is_empty(),
        allows: flags_allow(flags, "clippy::struct_excessive_bools"),
        new_allows: function_allows(given.len(), flags, fields.len() + 2),
        write_allows: length_allows(fixed.len() + given.len() + 4 * (fields.len() - given.len())),
        name,
        docs,
        fields,
        fixed,
        body: None,
    }
}

/// The lints that a function of so many arguments, so many of them flags, and of about so many lines
/// must allow.
pub(crate) fn function_allows(arguments: usize, flags: usize, lines: usize) -> Vec<ir::Allow> {
    let mut allows = flags_allow(flags, "clippy::fn_params_excessive_bools");
    if arguments > 7 {
        allows.push(allow(
            "clippy::too_many_arguments",
            "the registry requires each of them",
        ));
    }
    allows.extend(length_allows(lines));
    allows
}

/// The lints that a file of these structs must allow.
pub(crate) fn setter_allows<'a>(
    structs: impl IntoIterator<Item = &'a ir::Struct>,
) -> Option<ir::Allow> {
    let mut structs = structs.into_iter();
    let any = structs.any(|it| it.fields.iter().any(|field| field.optional));
    any.then(setter_allow)
}

/// The lints that a file must allow in which attributes name setters: `is_open`, `to_disk`, `add`.
pub(crate) fn setter_allow() -> ir::Allow {
    allow(
        "clippy::should_implement_trait, clippy::wrong_self_convention",
        "the registry names the setters",
    )
}

/// The lints that a function of about so many lines must allow.
pub(crate) fn length_allows(lines: usize) -> Vec<ir::Allow> {
    if lines < 100 {
        Vec::new()
    } else {
        vec![allow(
            "clippy::too_many_lines",
            "a few lines for each attribute",
        )]
    }
}

pub(crate) fn flags_allow(flags: usize, lint: &str) -> Vec<ir::Allow> {
    if flags > 3 {
        vec![allow(lint, "the registry requires each of them")]
    } else {
        Vec::new()
    }
}

/// The lint that a function must allow with a line for each of so many members.
pub(crate) fn members_allows(members: usize) -> Vec<ir::Allow> {
    if members > LONG {
        vec![allow("clippy::too_many_lines", "a line for each member")]
    } else {
        Vec::new()
    }
}

/// The lint that a file must allow which names something deprecated.
pub(crate) fn deprecated_allow() -> ir::Allow {
    allow("deprecated", "what is deprecated is described all the same")
}

fn allow(lint: &str, reason: &str) -> ir::Allow {
    ir::Allow {
        lint: lint.to_owned(),
        reason: reason.to_owned(),
    }
}
