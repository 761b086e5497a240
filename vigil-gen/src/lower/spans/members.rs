//! Spans with a type for each member of an enum.

use crate::ir;
use crate::names;
use crate::registry::{AttributeRef, Span};

use super::super::docs::{self, Docs};
use super::super::imports::Imports;
use super::super::semconv::variant;
use super::super::usage::{Home, function_allows, members_allows};
use super::super::{Context, literal};
use super::prose::line;
use super::{SpanNames, flags, split_signature, type_per_enum};

/// The attribute each member of which is a type of its own, as an argument.
pub(super) struct PerMember<'a> {
    pub(super) key: &'a str,
    /// The argument that takes the type.
    pub(super) argument: String,
    /// The argument that takes the member at run time.
    member: String,
}

impl PerMember<'_> {
    /// What an argument is called where the member is given at run time.
    pub(super) fn dynamic<'a>(&'a self, argument: &'a ir::Attribute) -> &'a str {
        if argument.name == self.argument {
            &self.member
        } else {
            &argument.name
        }
    }
}

impl Context<'_> {
    /// The attribute each member of which is a type, named together with the others of the span.
    pub(super) fn per_member<'a>(
        &'a self,
        span: &'a Span,
        names: &SpanNames,
        given: &[&AttributeRef],
        home: &Home<'_>,
    ) -> Option<PerMember<'a>> {
        let (key, _) = type_per_enum(span, self.registry)?;
        let index = given.iter().position(|reference| reference.key == key)?;
        Some(PerMember {
            argument: names::apart_from_methods(names::snake(&names.label)),
            member: home.names(given).swap_remove(index),
            key,
        })
    }

    /// The types of the members, and what takes a member at run time.
    pub(super) fn type_per(
        &self,
        span: &Span,
        names: &SpanNames,
        per: &PerMember<'_>,
        signature: &[(String, String)],
        imports: &mut Imports,
    ) -> Option<ir::TypePer> {
        let (key, ty) = type_per_enum(span, self.registry)?;
        let (name, markers) = names.type_per.as_ref()?;
        imports.std("std::marker", "PhantomData");
        let (_, enum_name) = self.enum_type(key);
        let module = &self.type_module(key, imports);
        let member = format!("{module}::{enum_name}");
        let link = docs::link(
            &member,
            &names::enum_link(&format!("{module}::"), enum_name),
        );
        let any = ty
            .closed
            .then(|| any_span(names, per, &member, signature, markers.len()));
        let current = line(&format!(
            "The nearest open {} of this kind around the current code, or what stands in for it.",
            names.title()
        ));
        let markers = ty.members.iter().zip(markers);
        Some(ir::TypePer {
            docs: line(&format!("A member of {link} as a type of its own.")),
            advice: member_advice(names, name, enum_name, any.as_ref()),
            key: self.key(key, imports),
            markers: markers
                .map(|(member, (_, marker))| ir::Marker {
                    current_docs: current.clone(),
                    values: signature
                        .iter()
                        .map(|(name, _)| {
                            if *name == per.argument {
                                marker.clone()
                            } else {
                                name.clone()
                            }
                        })
                        .collect(),
                    name: marker.clone(),
                    docs: Docs::new()
                        .brief(&member.docs.brief)
                        .note(&member.docs.note)
                        .lines(),
                    member: variant(member, ty),
                    value: literal::value_as_string(&member.value),
                })
                .collect(),
            any,
            name: name.clone(),
            member,
        })
    }
}

/// The function and the type for a member that is known at run time.
fn any_span(
    names: &SpanNames,
    per: &PerMember<'_>,
    member: &str,
    signature: &[(String, String)],
    members: usize,
) -> ir::AnySpan {
    let function = names.any_function();
    let dynamic: Vec<(String, String)> = signature
        .iter()
        .map(|(name, ty)| {
            if *name == per.argument {
                (per.member.clone(), member.to_owned())
            } else {
                (name.clone(), ty.clone())
            }
        })
        .collect();
    ir::AnySpan {
        function_docs: line(&format!(
            "Starts {} whose {} is known only at run time. See [`{}`].",
            names.a_title(),
            names.label.replace('_', " "),
            names.function
        )),
        parameters: split_signature(&dynamic).0,
        argument: per.member.clone(),
        allows: function_allows(
            dynamic.len(),
            flags(&dynamic),
            members * (dynamic.len() + 4),
        ),
        method_allows: members_allows(members),
        name: names.any(),
        docs: line(&format!(
            "An open {} of any kind: what [`{function}`] returns.",
            names.title()
        )),
        function,
    }
}

/// What rustc says where a type belongs and something else is given.
fn member_advice(
    names: &SpanNames,
    name: &str,
    enum_name: &str,
    any: Option<&ir::AnySpan>,
) -> ir::Advice {
    let kind = names.label.replace('_', " ");
    let example = names
        .type_per
        .as_ref()
        .and_then(|(_, markers)| markers.first());
    let instead = example.map(|(_, marker)| {
        format!("pass the type of a member, such as `{marker}`, not a value of `{enum_name}`")
    });
    let dynamic = any.map(|any| {
        format!(
            "`{}` takes a value that is known only at run time",
            any.function
        )
    });
    ir::Advice {
        message: literal::string(&format!("`{{Self}}` is not the type of a {kind}")),
        label: literal::string(&format!("no `{name}`")),
        notes: instead
            .iter()
            .chain(&dynamic)
            .map(|note| literal::string(note))
            .collect(),
    }
}
