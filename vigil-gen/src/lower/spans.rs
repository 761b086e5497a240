//! Span builders, open spans and their contracts.

use std::collections::BTreeMap;

use crate::ir;
use crate::names;
use crate::registry::{
    AttributeRef, AttributeType, EnumMember, EnumType, Group, NamePart, Registry, RequirementLevel,
    SetTime, Span, SpanKind, SpanName,
};

mod contract;
mod members;
mod prose;
mod recording;
mod stream;

use members::PerMember;
use stream::claimed_stream;

use super::collisions::{Identifiers, Owner, Space};
use super::docs::{self, Docs};
use super::imports::Imports;
use super::semconv::variant;
use super::usage::{Home, deprecated_allow, function_allows, setter_allow, structure_of};
use super::{Context, deprecation, literal};

/// The identifiers of a span: other spans name them too.
#[derive(Clone, Debug)]
pub(crate) struct SpanNames {
    pub(crate) module: String,
    pub(crate) function: String,
    label: String,
    handle: String,
    /// The trait of the members' types, if each has one, and those types by the member's id.
    type_per: Option<(String, Vec<(String, String)>)>,
}

impl SpanNames {
    fn of(span: &Span, function: String, registry: &Registry) -> Self {
        let label = names::span_label(&function).to_owned();
        let type_per = type_per_enum(span, registry).map(|(_, ty)| {
            let markers = ty
                .members
                .iter()
                .map(|member| (member.id.clone(), marker_name(member, ty, &label)));
            (
                names::signal_type_name(&label, names::namespace(&span.ty)),
                markers.collect(),
            )
        });
        Self {
            module: names::module_name(names::namespace(&span.ty)),
            handle: names::signal_type_name(&function, names::namespace(&span.ty)),
            function,
            label,
            type_per,
        }
    }

    fn title(&self) -> String {
        format!("{} span", self.label.replace('_', " "))
    }

    fn a_title(&self) -> String {
        format!("{} {}", docs::article(&self.label), self.title())
    }

    fn builder(&self) -> String {
        format!("{}Builder", self.handle)
    }

    fn contract(&self) -> String {
        format!("{}Parent", self.handle)
    }

    fn attributes(&self) -> String {
        format!("{}Attributes", names::pascal(&self.label))
    }

    fn any(&self) -> String {
        format!("Any{}", self.handle)
    }

    fn any_function(&self) -> String {
        format!("{}_dyn", names::file_stem(&self.function))
    }

    /// The types and traits that stand in the module for this span, those of the members left out,
    /// and so the struct of its attributes, which it need not have.
    fn types(&self) -> Vec<String> {
        let mut types = vec![self.handle.clone(), self.builder(), self.contract()];
        if let Some((name, _)) = &self.type_per {
            types.extend([name.clone(), self.any()]);
        }
        types
    }
}

/// The identifiers of every span, by its type.
pub(crate) fn names(registry: &Registry) -> BTreeMap<&str, SpanNames> {
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    for span in registry.spans.values() {
        *taken.entry(function(span)).or_default() += 1;
    }
    let spans = registry.spans.values().map(|span| {
        let function = match function(span) {
            // The client's side of something and the server's differ in nothing else.
            shared if taken[&shared] > 1 && span.contract.is_none() => {
                names::span_function_of_kind(&span.ty)
            }
            function => function,
        };
        (span.ty.as_str(), SpanNames::of(span, function, registry))
    });
    spans.collect()
}

/// The function that starts a span, if no other one has the same.
fn function(span: &Span) -> String {
    match &span.contract {
        Some(contract) => names::snake(&contract.builder),
        None => names::span_function(&span.ty, kind_word(span.kind)),
    }
}

/// The enum attribute each member of which is a type of its own.
fn type_per_enum<'a>(span: &'a Span, registry: &'a Registry) -> Option<(&'a str, &'a EnumType)> {
    let key = span.contract.as_ref()?.type_per.as_deref()?;
    match &registry.attributes.get(key)?.ty {
        AttributeType::Enum(ty) => Some((key, ty)),
        _ => None,
    }
}

/// A span's attributes, by how they come to it.
struct Split<'a> {
    fixed: Vec<&'a AttributeRef>,
    arguments: Vec<&'a AttributeRef>,
    setters: Vec<&'a AttributeRef>,
    later: Vec<&'a AttributeRef>,
}

impl<'a> Split<'a> {
    /// Those that callers give.
    fn given(&self) -> Vec<&'a AttributeRef> {
        let given = self.arguments.iter().chain(&self.setters);
        given.chain(&self.later).copied().collect()
    }
}

impl Context<'_> {
    /// `spans/<namespace>.rs`
    pub(crate) fn span_modules(&self, identifiers: &mut Identifiers) -> Vec<ir::SpanModule> {
        let modules = self
            .by_module(&self.registry.spans, |it| &it.docs)
            .into_iter()
            .map(|(module, spans)| {
                let mut imports = Imports::default();
                let lowered: Vec<ir::Span> = spans
                    .iter()
                    .map(|span| self.span(span, &mut imports, identifiers))
                    .collect();
                identifiers.reserve("spans", Space::Types, imports.names());
                let mut header = self.header(&module, "Spans", &[&imports]);
                if lowered.iter().any(|span| !span.setters.is_empty()) {
                    header.allows.push(setter_allow());
                }
                if spans.iter().any(|span| self.has_deprecated_marker(span)) {
                    header.allows.push(deprecated_allow());
                }
                ir::SpanModule {
                    header,
                    spans: lowered,
                }
            })
            .collect();
        identifiers.reserve("spans", Space::Types, names::signal_types_in_use());
        modules
    }

    fn span(&self, span: &Span, imports: &mut Imports, identifiers: &mut Identifiers) -> ir::Span {
        let names = &self.tables.spans[span.ty.as_str()];
        self.claim_span(span, names, identifiers);
        imports.carriers(&[
            "Handle",
            "Parent",
            "SpanDefinition",
            "SpanKind",
            "SpanStart",
            "TypedSpan",
        ]);
        imports.std("std::ops", "Deref");
        imports.std("std::time", "SystemTime");
        imports.sibling("registry");

        let split = Self::split(span);
        let home = Home {
            namespace: names::namespace(&span.ty),
            shorten: false,
        };
        let given = split.given();
        let owner = Owner::new(&span.ty, self.locations.span(&span.ty));
        self.claim_fields(
            &format!("the attributes of `{}`", names.function),
            &owner,
            &given,
            &home,
            identifiers,
        );

        let per = self.per_member(span, names, &given, &home);
        let (arguments, mut items) =
            self.arguments(&split.arguments, &given, &home, per.as_ref(), imports);
        let setters = self.named(&split.setters, &given, &home, imports);
        let later = self.later(&split, &given, &home, imports);
        let groups: Vec<&Group> = span
            .records
            .iter()
            .filter_map(|id| self.registry.groups.get(id))
            .collect();
        let records = groups
            .iter()
            .filter_map(|group| self.record_method(group, names, imports))
            .collect();
        self.claim_arguments(names, &split, &arguments, per.as_ref(), identifiers);
        let place = format!("spans::{}::{}", names.module, names.handle);
        for (reference, later) in self.recorded(&split).iter().zip(&later) {
            identifiers.claim_value(&place, &later.method, self.attribute_owner(reference));
        }
        for group in groups {
            self.claim_record(group, &place, identifiers);
        }
        let stream = claimed_stream(span, &place, &owner, imports, identifiers);

        let immediate = span.contract.as_ref().is_some_and(|it| it.immediate);
        let place = self.place(span, names, imports);
        let name_argument = name_argument(span, &mut items, imports);
        let signature = signature(&place, name_argument.as_deref(), &arguments);
        let (parameters, values) = split_signature(&signature);
        let lines = split.fixed.len() + 3 * arguments.len() + 5;
        let allows = function_allows(signature.len(), flags(&signature), lines);
        let type_per = per
            .as_ref()
            .and_then(|per| self.type_per(span, names, per, &signature, imports));
        let attributes = self.attributes_struct(names, &split, &given, &home, imports);
        if let Some(attributes) = &attributes {
            identifiers.claim_type("spans", &attributes.name, owner);
        }
        ir::Span {
            docs: prose::function_docs(
                span,
                names,
                &place,
                items,
                immediate && !setters.is_empty(),
            ),
            deprecated: deprecation(&span.docs, |to| self.span_path(to)),
            handle_docs: prose::handle_docs(span, names),
            handle: names.handle.clone(),
            current_docs: prose::current_docs(names),
            builder: names.builder(),
            builder_docs: prose::builder_docs(names),
            immediate: immediate.then(|| prose::immediate_docs(names, !setters.is_empty())),
            parent_docs: place.root.then(|| prose::parent_docs(&place)),
            parameters,
            values,
            named: name_argument,
            fixed: self.fixed(&split.fixed, imports),
            allows,
            arguments,
            attributes,
            setters,
            later,
            records,
            stream,
            definition: self.span_definition(span, names, imports),
            function: names.function.clone(),
            type_per,
            place,
        }
    }

    /// Types are imported from one module of spans into another, so they differ between all.
    fn claim_span(&self, span: &Span, names: &SpanNames, identifiers: &mut Identifiers) {
        let owner = Owner::new(&span.ty, self.locations.span(&span.ty));
        for ty in names.types() {
            identifiers.claim_type("spans", &ty, owner.clone());
        }
        if let Some((_, markers)) = &names.type_per {
            for (id, marker) in markers {
                let key = type_per_enum(span, self.registry).map_or("", |(key, _)| key);
                let owner = Owner::new(id, self.locations.member(key, id));
                // A struct without fields is a value as well.
                if identifiers.claim_type("spans", marker, owner.clone()) {
                    identifiers.claim_value(&format!("spans::{}", names.module), marker, owner);
                }
            }
        }
        let place = format!("spans::{}", names.module);
        identifiers.claim_value(&place, &names.function, owner.clone());
        if names.type_per.is_some() {
            identifiers.claim_value(&place, &names.any_function(), owner.clone());
        }
        identifiers.claim_value(&place, &names::constant_name(&span.ty), owner);
    }

    fn claim_arguments(
        &self,
        names: &SpanNames,
        split: &Split<'_>,
        arguments: &[ir::Attribute],
        per: Option<&PerMember<'_>>,
        identifiers: &mut Identifiers,
    ) {
        let place = format!("the arguments of `{}`", names.function);
        let dynamic = format!("the arguments of `{}`", names.any_function());
        for (reference, argument) in split.arguments.iter().zip(arguments) {
            let owner = || self.attribute_owner(reference);
            if identifiers.claim_value(&place, &argument.name, owner())
                && let Some(per) = per
            {
                identifiers.claim_value(&dynamic, per.dynamic(argument), owner());
            }
        }
    }

    fn claim_record(&self, group: &Group, place: &str, identifiers: &mut Identifiers) {
        let Some(record) = &group.record else { return };
        let owner = Owner::new(&group.id, self.locations.group(&group.id));
        identifiers.claim_value(place, &names::record_method(&record.name), owner.clone());
        if !record.phases.is_empty() {
            identifiers.claim_type("spans", &names::record_trait(&record.name), owner);
        }
    }

    fn split(span: &Span) -> Split<'_> {
        let mut split = Split {
            fixed: Vec::new(),
            arguments: Vec::new(),
            setters: Vec::new(),
            later: Vec::new(),
        };
        for reference in &span.attributes {
            let recorded = reference
                .from_group
                .as_ref()
                .is_some_and(|group| span.records.contains(group));
            if recorded {
                continue;
            }
            if reference.value.is_some() {
                split.fixed.push(reference);
            } else if Self::is_given(reference) {
                match (reference.set, &reference.level) {
                    (SetTime::Later, _) => split.later.push(reference),
                    (_, RequirementLevel::Required) => split.arguments.push(reference),
                    _ => split.setters.push(reference),
                }
            }
        }
        split
    }

    /// Some of the attributes that stand together, under the names that they have there.
    fn named(
        &self,
        wanted: &[&AttributeRef],
        together: &[&AttributeRef],
        home: &Home<'_>,
        imports: &mut Imports,
    ) -> Vec<ir::Attribute> {
        let names = home.names(together);
        wanted
            .iter()
            .filter_map(|reference| {
                let index = together
                    .iter()
                    .position(|other| other.key == reference.key)?;
                Some(self.usage(reference, names[index].clone(), imports))
            })
            .collect()
    }

    /// The arguments of the function, and what its docs say of them.
    fn arguments(
        &self,
        wanted: &[&AttributeRef],
        together: &[&AttributeRef],
        home: &Home<'_>,
        per: Option<&PerMember<'_>>,
        imports: &mut Imports,
    ) -> (Vec<ir::Attribute>, Vec<String>) {
        let mut arguments = self.named(wanted, together, home, imports);
        for (reference, argument) in wanted.iter().zip(&mut arguments) {
            if let Some(per) = per.filter(|per| per.key == reference.key) {
                argument.name.clone_from(&per.argument);
                "P".clone_into(&mut argument.direct.argument);
                argument.direct.value = format!("{}.value()", per.argument);
            }
        }
        let items = wanted
            .iter()
            .zip(&arguments)
            .map(|(reference, argument)| self.item(reference, &argument.name))
            .collect();
        (arguments, items)
    }

    /// What the open span takes one by one: what is set later, and what is inherited and optional.
    fn recorded<'a>(&self, split: &Split<'a>) -> Vec<&'a AttributeRef> {
        let inherited = split
            .setters
            .iter()
            .filter(|reference| self.attribute(&reference.key).inherited);
        split.later.iter().chain(inherited).copied().collect()
    }

    fn later(
        &self,
        split: &Split<'_>,
        together: &[&AttributeRef],
        home: &Home<'_>,
        imports: &mut Imports,
    ) -> Vec<ir::Later> {
        self.named(&self.recorded(split), together, home, imports)
            .into_iter()
            .map(|attribute| ir::Later {
                method: names::record_method(names::file_stem(&attribute.name)),
                attribute,
            })
            .collect()
    }

    fn attributes_struct(
        &self,
        names: &SpanNames,
        split: &Split<'_>,
        together: &[&AttributeRef],
        home: &Home<'_>,
        imports: &mut Imports,
    ) -> Option<ir::Struct> {
        if split.setters.is_empty() {
            return None;
        }
        let docs = Docs::new()
            .paragraph(&format!(
                "What [`{}`] may be given beside what it requires.",
                names.function
            ))
            .lines();
        let fields = self.named(&split.setters, together, home, imports);
        Some(structure_of(
            names.attributes(),
            docs,
            fields,
            Vec::new(),
            imports,
        ))
    }

    fn has_deprecated_marker(&self, span: &Span) -> bool {
        type_per_enum(span, self.registry).is_some_and(|(_, ty)| {
            ty.members
                .iter()
                .any(|member| member.docs.deprecated.is_some())
        })
    }

    fn span_definition(
        &self,
        span: &Span,
        names: &SpanNames,
        imports: &mut Imports,
    ) -> ir::SpanDefinition {
        let parts = match &span.name {
            SpanName::Pattern(parts) => parts.as_slice(),
            SpanName::Prose(_) => &[],
        };
        if !parts.is_empty() {
            imports.carrier("NamePart");
        }
        let parts = parts
            .iter()
            .map(|part| match part {
                NamePart::Word(word) => format!("NamePart::Word({})", literal::string(word)),
                NamePart::Key(key) => format!("NamePart::Key({})", self.key(key, imports)),
            })
            .collect();
        let parents = span.contract.iter().flat_map(|contract| &contract.parents);
        ir::SpanDefinition {
            name: names::constant_name(&span.ty),
            docs: vec![format!("`{}`", span.ty)],
            span_type: literal::string(&span.ty),
            label: literal::string(&names.label),
            kind: kind_word(span.kind)[..1].to_uppercase() + &kind_word(span.kind)[1..],
            parents: parents.map(|parent| literal::string(parent)).collect(),
            parts,
            fields: self.fields(&span.attributes, imports),
            outcome: self.outcome(span, imports),
            metrics: self.derived(&span.metrics, imports),
            stream: self.stream_definition(span, imports),
            at_end: span
                .at_end
                .as_ref()
                .map(|event| self.event_definition(event, imports)),
        }
    }

    fn outcome(&self, span: &Span, imports: &mut Imports) -> Option<String> {
        let reference = span.attributes.iter().find(|reference| reference.outcome)?;
        imports.carrier("Outcome");
        let AttributeType::Enum(ty) = &self.attribute(&reference.key).ty else {
            return None;
        };
        let timeout = if ty.members.iter().any(|member| member.id == "timeout") {
            "Some(\"timeout\")"
        } else {
            "None"
        };
        let key = self.key(&reference.key, imports);
        Some(format!(
            "Outcome {{ key: {key}, ok: \"ok\", error: \"error\", timeout: {timeout}, cancelled: \"cancelled\" }}"
        ))
    }
}

/// The type of a member. It makes way where the member does.
fn marker_name(member: &EnumMember, ty: &EnumType, label: &str) -> String {
    let name = names::signal_type_name(&member.id, label);
    if variant(member, ty) == names::member_name(&member.id) {
        name
    } else {
        names::making_way(&name)
    }
}

/// The argument that names a span whose name the registry has in prose, told of in the docs.
fn name_argument(span: &Span, items: &mut Vec<String>, imports: &mut Imports) -> Option<String> {
    if let SpanName::Pattern(_) = span.name {
        return None;
    }
    imports.carrier("Text");
    items.insert(0, format!("`{}`: The name of the span.", names::SPAN_NAME));
    Some(names::SPAN_NAME.to_owned())
}

/// The arguments of the function that starts a span, with their types.
fn signature(
    place: &ir::Place,
    name_argument: Option<&str>,
    arguments: &[ir::Attribute],
) -> Vec<(String, String)> {
    let parent = (!place.root).then(|| ("parent".to_owned(), format!("&impl {}", place.bound)));
    let name = name_argument.map(|name| (name.to_owned(), "impl Into<Text>".to_owned()));
    let arguments = arguments
        .iter()
        .map(|argument| (argument.name.clone(), argument.direct.argument.clone()));
    parent.into_iter().chain(name).chain(arguments).collect()
}

/// How many of the arguments are flags.
fn flags(signature: &[(String, String)]) -> usize {
    signature.iter().filter(|(_, ty)| ty == "bool").count()
}

/// A signature as parameters, and as what is handed on.
fn split_signature(signature: &[(String, String)]) -> (Vec<String>, Vec<String>) {
    let parameters = signature.iter().map(|(name, ty)| format!("{name}: {ty}"));
    let values = signature.iter().map(|(name, _)| name.clone());
    (parameters.collect(), values.collect())
}

fn kind_word(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Internal => "internal",
        SpanKind::Client => "client",
        SpanKind::Server => "server",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
    }
}
