//! Records: what is written on an open span in one call.

use crate::ir;
use crate::names;
use crate::registry::{Aggregate, AttributeRef, Group, RequirementLevel};

use super::collisions::{Identifiers, Owner, Space};
use super::docs::Docs;
use super::imports::Imports;
use super::passing::element_passing;
use super::usage::{Home, setter_allows};
use super::{Context, literal};

impl Context<'_> {
    /// `records/<namespace>.rs`
    pub(crate) fn record_modules(&self, identifiers: &mut Identifiers) -> Vec<ir::RecordModule> {
        self.by_module(&self.registry.groups, |it| &it.docs)
            .into_iter()
            .filter_map(|(module, groups)| {
                let groups: Vec<&Group> = groups
                    .into_iter()
                    .filter(|group| group.record.is_some())
                    .collect();
                (!groups.is_empty()).then(|| self.record_module(&module, &groups, identifiers))
            })
            .collect()
    }

    fn record_module(
        &self,
        module: &str,
        groups: &[&Group],
        identifiers: &mut Identifiers,
    ) -> ir::RecordModule {
        let place = format!("records::{module}");
        let mut imports = Imports::default();
        let mut definition_imports = Imports::default();
        let mut structs = Vec::new();
        let mut definitions = Vec::new();
        for group in groups {
            let Some(record) = &group.record else {
                continue;
            };
            let owner = Owner::new(&group.id, self.locations.group(&group.id));
            let references: Vec<&AttributeRef> = group.attributes.iter().collect();
            let home = record_home(group);
            self.claim_fields(&place, &owner, &references, &home, identifiers);
            if self.record_values(group, &mut Imports::default()).is_none() {
                let name = names::signal_type_name(&record.name, names::namespace(&group.id));
                identifiers.claim_type(&place, &name, owner.clone());
                let docs = Docs::new()
                    .brief(&group.docs.brief)
                    .note(&group.docs.note)
                    .lines();
                structs.push(self.structure(name, docs, &references, &home, &mut imports));
            }
            let name = names::constant_name(&record.name);
            identifiers.claim_value(&format!("{place}::definitions"), &name, owner);
            definitions.push(self.record_definition(group, name, &mut definition_imports));
        }
        identifiers.reserve(&place, Space::Types, imports.names());
        identifiers.reserve(&place, Space::Types, names::signal_types_in_use());
        let mut header = self.header(module, "Records", &[&imports, &definition_imports]);
        header.allows.extend(setter_allows(&structs));
        ir::RecordModule {
            header,
            structs,
            definition_imports: definition_imports.groups(&self.paths),
            definitions,
        }
    }

    fn record_definition(
        &self,
        group: &Group,
        name: String,
        imports: &mut Imports,
    ) -> ir::RecordDefinition {
        imports.carrier("RecordDefinition");
        let record = group.record.as_ref();
        let event = record
            .and_then(|record| record.event.as_ref())
            .map(|event| self.event_definition(event, imports));
        ir::RecordDefinition {
            docs: vec![format!("`{}`", group.id)],
            id: literal::string(&group.id),
            fields: self.fields(&group.attributes, imports),
            event,
            metrics: record
                .map(|record| self.derived(&record.metrics, imports))
                .unwrap_or_default(),
            name,
        }
    }

    /// The arguments of a record that is taken value by value: that of a single attribute, or of
    /// two that are required. None if it has a struct.
    pub(crate) fn record_values(
        &self,
        group: &Group,
        imports: &mut Imports,
    ) -> Option<Vec<ir::Attribute>> {
        let references: Vec<&AttributeRef> = group.attributes.iter().collect();
        let given: Vec<&AttributeRef> = references
            .iter()
            .copied()
            .filter(|reference| Self::is_given(reference))
            .collect();
        let one_by_one = match given.as_slice() {
            // One call may be about several keys.
            [only] => !self.is_template(only),
            [first, second] => [first, second]
                .iter()
                .all(|reference| reference.level == RequirementLevel::Required),
            _ => false,
        };
        if !one_by_one {
            return None;
        }
        let [only] = given.as_slice() else {
            return Some(self.attributes(&references, &record_home(group), imports));
        };
        let name = names::record_argument(&group.record.as_ref()?.name);
        let mut argument = self.usage(only, name, imports);
        let attribute = self.attribute(&only.key);
        if only.aggregate == Aggregate::Append
            && !attribute.sensitive
            && let Some(passing) =
                element_passing(&self.shape(attribute, imports), &argument.name, imports)
        {
            argument.direct = passing;
        }
        Some(vec![argument])
    }
}

fn record_home(group: &Group) -> Home<'_> {
    Home {
        namespace: names::namespace(&group.id),
        shorten: true,
    }
}
