//! Bodies of events: a struct for each map, an enum for each list of members.

use crate::ir;
use crate::names;
use crate::registry::{Body, EnumType, Event, RequirementLevel};

use super::collisions::{Identifiers, Owner};
use super::docs::{self, Docs};
use super::imports::Imports;
use super::passing::{Element, Named, Shape, held};
use super::semconv::{import_for, lowered_enum};
use super::usage::{flags_allow, function_allows};
use super::{deprecation, literal};

/// The types that the bodies of a module's events are made of.
#[derive(Default)]
pub(super) struct Bodies {
    pub(super) structs: Vec<ir::BodyStruct>,
    pub(super) enums: Vec<ir::Enum>,
    /// Whether one of them has something deprecated.
    pub(super) deprecated: bool,
}

/// The type of a value in a body, and how it becomes an `AnyValue`.
struct Typed {
    shape: Shape,
    into_any: Option<&'static str>,
}

impl Typed {
    fn new(shape: Shape) -> Self {
        Self {
            shape,
            into_any: Some("AnyValue::from"),
        }
    }
}

/// Where a body's types go, and what is claimed there.
pub(super) struct Lowering<'a> {
    pub(super) place: &'a str,
    pub(super) owner: &'a Owner,
    pub(super) bodies: &'a mut Bodies,
    pub(super) imports: &'a mut Imports,
    pub(super) identifiers: &'a mut Identifiers,
}

impl Lowering<'_> {
    /// The body of an event, as a field of its struct.
    pub(super) fn body(&mut self, event: &Event, body: &Body) -> ir::BodyField {
        let structure = names::event_struct(&event.name);
        let name = names::body_type(&structure, names::EVENT_BODY);
        let home = format!("The body of [`{structure}`].");
        self.imports.carrier("AnyValue");
        let typed = self.typed(body, &name, &home);
        let mut field = self.field(body, &typed, names::EVENT_BODY.to_owned());
        if body.docs.brief.is_empty() {
            field.docs = Docs::new()
                .paragraph("Its body.")
                .note(&body.docs.note)
                .paragraph(&facts(body))
                .lines();
        }
        field
    }

    fn typed(&mut self, body: &Body, name: &str, home: &str) -> Typed {
        let any = || Typed {
            shape: Shape::Open("AnyValue".to_owned()),
            into_any: None,
        };
        match body.ty.as_str() {
            "string" => Typed::new(Shape::Into(Element::Text)),
            "int" => Typed::new(Shape::Into(Element::Int)),
            "double" => Typed::new(Shape::Into(Element::Double)),
            "boolean" => Typed::new(Shape::Copy("bool".to_owned())),
            "bytes" => Typed {
                shape: Shape::Open("Vec<u8>".to_owned()),
                into_any: Some("AnyValue::bytes"),
            },
            "string[]" => Typed::new(Shape::List(Element::Text)),
            "int[]" => Typed::new(Shape::List(Element::Int)),
            "double[]" => Typed::new(Shape::List(Element::Double)),
            "boolean[]" => Typed::new(Shape::List(Element::Bool)),
            "map" if !body.fields.is_empty() => {
                self.structure(body, name, home);
                Typed::new(Shape::Open(name.to_owned()))
            }
            "map[]" if !body.fields.is_empty() => {
                self.structure(body, name, home);
                Typed {
                    shape: Shape::Items(name.to_owned()),
                    into_any: Some("AnyValue::list"),
                }
            }
            "map[]" => Typed {
                shape: Shape::Items("AnyValue".to_owned()),
                into_any: Some("AnyValue::list"),
            },
            "enum" => match body.enum_type() {
                Some(ty) => {
                    self.enumeration(body, &ty, name, home);
                    Typed::new(Shape::Open(name.to_owned()))
                }
                None => any(),
            },
            _ => any(),
        }
    }

    fn structure(&mut self, body: &Body, name: &str, home: &str) {
        self.imports.carriers(&["AnyValue", "Text"]);
        self.identifiers
            .claim_type(self.place, name, self.owner.clone());
        let place = format!("{}::{name}", self.place);
        let fields: Vec<ir::BodyField> = body
            .fields
            .iter()
            .map(|field| {
                let field_name = names::apart_from_methods(names::snake(&field.id));
                self.identifiers
                    .claim_value(&place, &field_name, self.owner.clone());
                let home = format!("`{}` of [`{name}`].", field.id);
                let typed = self.typed(field, &names::body_type(name, &field.id), &home);
                self.field(field, &typed, field_name)
            })
            .collect();
        let given: Vec<&ir::BodyField> = fields.iter().filter(|field| !field.optional).collect();
        let flags = given.iter().filter(|field| field.field == "bool").count();
        self.bodies.structs.push(ir::BodyStruct {
            name: name.to_owned(),
            docs: Docs::new()
                .brief(&body.docs.brief)
                .note(&body.docs.note)
                .paragraph(home)
                .lines(),
            required: !given.is_empty(),
            allows: flags_allow(flags, "clippy::struct_excessive_bools"),
            new_allows: function_allows(given.len(), flags, fields.len() + 2),
            fields,
        });
    }

    fn enumeration(&mut self, body: &Body, ty: &EnumType, name: &str, home: &str) {
        self.imports.carrier("AnyValue");
        import_for(ty, self.imports);
        let docs = Docs::new().brief(&body.docs.brief).paragraph(home).lines();
        let lowered = lowered_enum(name, docs, ty);
        if self
            .identifiers
            .claim_type(self.place, name, self.owner.clone())
        {
            for member in &lowered.members {
                let place = format!("{}::{name}", self.place);
                self.identifiers
                    .claim_type(&place, &member.name, self.owner.clone());
            }
        }
        let mut members = ty.members.iter();
        self.bodies.deprecated |= members.any(|member| member.docs.deprecated.is_some());
        self.bodies.enums.push(lowered);
    }

    fn field(&mut self, body: &Body, typed: &Typed, name: String) -> ir::BodyField {
        let held = held(&typed.shape, Named::field(&name), self.imports);
        ir::BodyField {
            key: literal::string(&body.id),
            docs: Docs::new()
                .brief(&body.docs.brief)
                .note(&body.docs.note)
                .paragraph(&facts(body))
                .lines(),
            optional: body.level != RequirementLevel::Required,
            deprecated: deprecation(&body.docs, |_| None),
            argument: held.argument,
            field: held.field,
            store: held.store,
            into_any: typed.into_any.map(str::to_owned),
            name,
        }
    }
}

fn facts(body: &Body) -> String {
    format!(
        "`{}`, {}. Stability: {}.",
        body.id,
        docs::level(&body.level),
        docs::stability(body.docs.stability),
    )
}
