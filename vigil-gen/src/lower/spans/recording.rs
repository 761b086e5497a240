//! The methods of an open span that make records.

use crate::ir;
use crate::names;
use crate::registry::{AttributeRef, Group};

use super::super::docs::{self, Docs};
use super::super::imports::Imports;
use super::super::usage::length_allows;
use super::super::{Context, deprecation};
use super::SpanNames;

impl Context<'_> {
    /// The method that makes a record.
    pub(super) fn record_method(
        &self,
        group: &Group,
        names: &SpanNames,
        imports: &mut Imports,
    ) -> Option<ir::RecordMethod> {
        let record = group.record.as_ref()?;
        let module = names::module_name(names::namespace(&group.id));
        let records = imports.kind(self.elsewhere(&group.docs), "records", &module);
        let method = names::record_method(&record.name);
        let definition = format!(
            "{records}::{module}::definitions::{}",
            names::constant_name(&record.name)
        );
        let one_by_one = self.record_values(group, imports);
        let set = one_by_one.is_none().then(|| ir::RecordArgument {
            name: names::record_argument(&record.name),
            ty: format!(
                "{records}::{module}::{}",
                names::signal_type_name(&record.name, names::namespace(&group.id))
            ),
        });
        if set.is_some() {
            imports.carrier("AttributeSet");
        }
        let references: Vec<&AttributeRef> = group.attributes.iter().collect();
        let fixed = if set.is_none() {
            self.fixed(&references, imports)
        } else {
            Vec::new()
        };
        if !fixed.is_empty() {
            imports.carrier("Value");
        }
        Some(ir::RecordMethod {
            docs: self.record_docs(group, one_by_one.as_deref().unwrap_or_default()),
            deprecated: deprecation(&group.docs, |_| None),
            allows: length_allows(fixed.len() + 4),
            fixed,
            arguments: one_by_one.unwrap_or_default(),
            set,
            bound: self.record_bound(group, names),
            definition,
            method,
        })
    }

    fn record_docs(&self, group: &Group, arguments: &[ir::Attribute]) -> Vec<String> {
        let given = group
            .attributes
            .iter()
            .filter(|reference| Self::is_given(reference));
        let items = given
            .zip(arguments)
            .map(|(reference, argument)| self.item(reference, &argument.name));
        let code = |name: &String| format!("`{name}`");
        let record = group.record.as_ref();
        let event = record
            .and_then(|record| record.event.as_ref())
            .map(|event| format!("Sends the event {}.", code(event)));
        let metrics = record.and_then(|record| feeds(&record.metrics, ""));
        let effects: Vec<String> = [event, metrics].into_iter().flatten().collect();
        Docs::new()
            .brief(&group.docs.brief)
            .note(&group.docs.note)
            .list(items)
            .paragraph(&effects.join(" "))
            .lines()
    }
}

/// Which metrics a span or a record feeds, and when.
pub(super) fn feeds(metrics: &[String], when: &str) -> Option<String> {
    let metrics: Vec<String> = metrics.iter().map(|name| format!("`{name}`")).collect();
    (!metrics.is_empty()).then(|| format!("Feeds {}{when}.", docs::all_of(&metrics)))
}
