//! Events.

use crate::ir;
use crate::names;
use crate::registry::{AttributeRef, Event};

use super::bodies::{Bodies, Lowering};
use super::collisions::{Identifiers, Owner, Space};
use super::docs::{self, Docs};
use super::imports::Imports;
use super::usage::{Home, deprecated_allow, setter_allow, setter_allows};
use super::{Context, deprecation, literal};

impl Context<'_> {
    /// `events/<namespace>.rs`
    pub(crate) fn event_modules(&self, identifiers: &mut Identifiers) -> Vec<ir::EventModule> {
        self.by_module(&self.registry.events, |it| &it.docs)
            .into_iter()
            .map(|(module, events)| {
                let mut imports = Imports::default();
                let mut definition_imports = Imports::default();
                definition_imports.carrier("EventDefinition");
                let mut bodies = Bodies::default();
                let events: Vec<ir::Event> = events
                    .iter()
                    .map(|event| {
                        self.event(
                            event,
                            &module,
                            &mut imports,
                            &mut definition_imports,
                            &mut bodies,
                            identifiers,
                        )
                    })
                    .collect();
                let place = format!("events::{module}");
                identifiers.reserve(&place, Space::Types, imports.names());
                identifiers.reserve(&place, Space::Types, names::signal_types_in_use());
                let mut header = self.header(&module, "Events", &[&imports, &definition_imports]);
                let structs = events.iter().filter_map(|it| it.attributes.as_ref());
                header.allows.extend(setter_allows(structs).or_else(|| {
                    let mut fields = bodies.structs.iter().flat_map(|it| &it.fields);
                    fields.any(|field| field.optional).then(setter_allow)
                }));
                if bodies.deprecated {
                    header.allows.push(deprecated_allow());
                }
                ir::EventModule {
                    header,
                    events,
                    bodies: bodies.structs,
                    enums: bodies.enums,
                    definition_imports: definition_imports.groups(&self.paths),
                }
            })
            .collect()
    }

    fn event(
        &self,
        event: &Event,
        module: &str,
        imports: &mut Imports,
        definition_imports: &mut Imports,
        bodies: &mut Bodies,
        identifiers: &mut Identifiers,
    ) -> ir::Event {
        let place = format!("events::{module}");
        let owner = Owner::new(&event.name, self.locations.event(&event.name));
        let name = names::constant_name(&event.name);
        identifiers.claim_value(&format!("{place}::definitions"), &name, owner.clone());
        let attributes = self
            .is_sent_by_itself(&event.name)
            .then(|| self.event_struct(event, &place, &owner, imports, identifiers))
            .map(|structure| match &event.body {
                Some(body) => {
                    let mut lowering = Lowering {
                        place: &place,
                        owner: &owner,
                        bodies,
                        imports,
                        identifiers,
                    };
                    with_body(structure, lowering.body(event, body))
                }
                None => structure,
            });
        let has_body = attributes.as_ref().is_some_and(|it| it.body.is_some());
        let docs = match &attributes {
            Some(attributes) => format!("[`{0}`](super::{0})", attributes.name),
            None => format!("`{}`", event.name),
        };
        ir::Event {
            attributes,
            deprecated: deprecation(&event.docs, |to| self.event_path(to)),
            docs: vec![docs],
            key: literal::string(&event.name),
            fields: self.fields(&event.attributes, definition_imports),
            keep_last: event.keep_last,
            has_body,
            name,
        }
    }

    /// Whether callers send the event. One that goes out with a record must not go out without it.
    pub(crate) fn is_sent_by_itself(&self, name: &str) -> bool {
        let mut records = self
            .registry
            .groups
            .values()
            .filter_map(|group| group.record.as_ref());
        !records.any(|record| record.event.as_deref() == Some(name))
    }

    fn event_struct(
        &self,
        event: &Event,
        place: &str,
        owner: &Owner,
        imports: &mut Imports,
        identifiers: &mut Identifiers,
    ) -> ir::Struct {
        imports.carrier("Handle");
        let name = names::event_struct(&event.name);
        identifiers.claim_type(place, &name, owner.clone());
        let references: Vec<&AttributeRef> = event.attributes.iter().collect();
        let home = Home {
            namespace: names::namespace(&event.name),
            shorten: true,
        };
        self.claim_fields(place, owner, &references, &home, identifiers);
        let facts = format!(
            "`{}`. Stability: {}.",
            event.name,
            docs::stability(event.docs.stability)
        );
        let docs = Docs::new()
            .brief(&event.docs.brief)
            .note(&event.docs.note)
            .paragraph(&facts)
            .lines();
        self.structure(name, docs, &references, &home, imports)
    }

    /// The static of an event, from another module.
    pub(super) fn event_definition(&self, event: &str, imports: &mut Imports) -> String {
        let docs = self.registry.events.get(event).map(|it| &it.docs);
        let root = docs.and_then(|docs| self.elsewhere(docs));
        let module = names::module_name(names::namespace(event));
        let events = imports.kind(root, "events", &module);
        let constant = names::constant_name(event);
        format!("&{events}::{module}::definitions::{constant}")
    }
}

/// A struct with the field that holds the event's body.
fn with_body(structure: ir::Struct, body: ir::BodyField) -> ir::Struct {
    ir::Struct {
        required: structure.required || !body.optional,
        body: Some(body),
        ..structure
    }
}
