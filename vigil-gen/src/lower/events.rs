//! Events.

use crate::ir;
use crate::names;
use crate::registry::{AttributeRef, Event};

use super::collisions::{Identifiers, Owner};
use super::docs::{self, Docs};
use super::imports::Imports;
use super::usage::Home;
use super::{Context, deprecation, literal};

impl Context<'_> {
    /// `events/<namespace>.rs`
    pub(crate) fn event_modules(&self, identifiers: &mut Identifiers) -> Vec<ir::EventModule> {
        Self::by_module(&self.registry.events)
            .into_iter()
            .map(|(module, events)| {
                let mut imports = Imports::default();
                imports.carrier("Handle");
                let mut definition_imports = Imports::default();
                definition_imports.carrier("EventDefinition");
                let events = events
                    .iter()
                    .map(|event| {
                        self.event(
                            event,
                            &module,
                            &mut imports,
                            &mut definition_imports,
                            identifiers,
                        )
                    })
                    .collect();
                ir::EventModule {
                    header: self.header(&module, "Events", &imports),
                    events,
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
        identifiers: &mut Identifiers,
    ) -> ir::Event {
        let place = format!("events::{module}");
        let owner = Owner::new(&event.name, self.locations.event(&event.name));
        let struct_name = names::event_struct(&event.name);
        identifiers.claim(&place, &struct_name, owner.clone());
        let name = names::constant_name(&event.name);
        identifiers.claim(&format!("{place}::definitions"), &name, owner.clone());
        let references: Vec<&AttributeRef> = event.attributes.iter().collect();
        let home = Home {
            namespace: names::namespace(&event.name),
            shorten: true,
        };
        self.claim_fields(&place, &owner, &references, &home, identifiers);
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
        ir::Event {
            attributes: self.structure(struct_name, docs, &references, &home, imports),
            deprecated: deprecation(&event.docs, |to| self.event_path(to)),
            key: literal::string(&event.name),
            fields: self.fields(&event.attributes, definition_imports),
            keep_last: event.keep_last,
            name,
        }
    }
}
