//! Where spans may stand and records may be made, as traits.

use crate::ir;
use crate::names;
use crate::registry::{Contract, Group, Origin, Span};

use super::super::docs::{self, Docs};
use super::super::imports::Imports;
use super::super::{Context, literal};
use super::{SpanNames, type_per_enum};

impl Context<'_> {
    /// Where the span may stand, and the trait that holds others off.
    pub(super) fn place(&self, span: &Span, names: &SpanNames, imports: &mut Imports) -> ir::Place {
        let Some(contract) = span
            .contract
            .as_ref()
            .filter(|contract| contract.root || !contract.parents.is_empty())
        else {
            imports.carrier("ParentSpan");
            return ir::Place {
                root: false,
                bound: "ParentSpan".to_owned(),
                contract: None,
            };
        };
        imports.carrier("ParentSpan");
        let (implementors, titles) = self.parents(contract, names, imports);
        let contract_trait = ir::ContractTrait {
            name: names.contract(),
            docs: Docs::new()
                .paragraph(&format!(
                    "Where {} may stand: {}.",
                    names.a_title(),
                    docs::any_of(&titles)
                ))
                .lines(),
            extends: "ParentSpan".to_owned(),
            advice: ir::Advice {
                message: not_allowed(&names.function),
                label: literal::string(&format!("{} can't stand here", names.a_title())),
                notes: vec![
                    literal::string(&format!("it stands under {}", docs::any_of(&titles))),
                    self.contract_note(rules(contract), &span.ty, &span.docs.origin),
                ],
            },
            implementors,
        };
        ir::Place {
            root: contract.root,
            bound: contract_trait.name.clone(),
            contract: Some(contract_trait),
        }
    }

    /// The types that a span may stand under, and how they are called in a sentence.
    fn parents(
        &self,
        contract: &Contract,
        names: &SpanNames,
        imports: &mut Imports,
    ) -> (Vec<ir::Implementor>, Vec<String>) {
        let mut implementors = Vec::new();
        let mut titles = Vec::new();
        let mut add = |generics: &str, ty: String| {
            for ty in [format!("Parent<{ty}>"), ty] {
                implementors.push(ir::Implementor {
                    generics: generics.to_owned(),
                    ty,
                });
            }
        };
        for parent in &contract.parents {
            let Some(parent_names) = self.tables.spans.get(parent.as_str()) else {
                continue;
            };
            let handle = &parent_names.handle;
            let docs = self.registry.spans.get(parent).map(|it| &it.docs);
            let root = docs.and_then(|docs| self.elsewhere(docs));
            let mut import = |name: &str| {
                if root.is_some() || parent_names.module != names.module {
                    imports.span_type(root, &parent_names.module, name);
                }
            };
            import(handle);
            match &parent_names.type_per {
                None => {
                    add("", handle.clone());
                    titles.push(format!("`{handle}`"));
                }
                Some((name, _)) if contract.phases.is_empty() => {
                    import(name);
                    add(&format!("<P: {name}>"), format!("{handle}<P>"));
                    titles.push(format!("`{handle}`"));
                    if self.has_any(parent) {
                        import(&parent_names.any());
                        add("", parent_names.any());
                    }
                }
                Some((_, markers)) => {
                    for (_, marker) in markers
                        .iter()
                        .filter(|(id, _)| contract.phases.contains(id))
                    {
                        import(marker);
                        add("", format!("{handle}<{marker}>"));
                        titles.push(format!("`{handle}<{marker}>`"));
                    }
                }
            }
        }
        if contract.root {
            imports.carriers(&["ForeignSpan", "RemoteParent", "Root"]);
            for ty in ["ForeignSpan", "RemoteParent", "Root"] {
                implementors.push(ir::Implementor {
                    generics: String::new(),
                    ty: ty.to_owned(),
                });
            }
            titles.extend(["a foreign span", "a remote context", "nothing"].map(str::to_owned));
        }
        (implementors, titles)
    }

    /// Whether the span's member can be chosen at run time.
    fn has_any(&self, span_type: &str) -> bool {
        let span = self.registry.spans.get(span_type);
        span.and_then(|span| type_per_enum(span, self.registry))
            .is_some_and(|(_, ty)| ty.closed)
    }

    /// The trait of the phases in which a record may be made, if it may not be made in all.
    pub(super) fn record_bound(
        &self,
        group: &Group,
        names: &SpanNames,
    ) -> Option<ir::ContractTrait> {
        let record = group
            .record
            .as_ref()
            .filter(|record| !record.phases.is_empty())?;
        let (extends, markers) = names.type_per.as_ref()?;
        let method = names::record_method(&record.name);
        let allowed: Vec<&str> = markers
            .iter()
            .filter(|(id, _)| record.phases.contains(id))
            .map(|(_, marker)| marker.as_str())
            .collect();
        let titles: Vec<String> = allowed.iter().map(|marker| format!("`{marker}`")).collect();
        Some(ir::ContractTrait {
            name: names::record_trait(&record.name),
            docs: Docs::new()
                .paragraph(&format!(
                    "Where [`{method}`]({}::{method}) may be called: in {}.",
                    names.handle,
                    docs::any_of(&titles)
                ))
                .lines(),
            extends: extends.clone(),
            advice: ir::Advice {
                message: not_allowed(&method),
                label: literal::string(&format!(
                    "{} of this kind does not record it",
                    names.a_title()
                )),
                notes: vec![
                    literal::string(&format!("it is recorded in {}", docs::any_of(&titles))),
                    self.contract_note("`record.phases`", &group.id, &group.docs.origin),
                ],
            },
            implementors: allowed
                .into_iter()
                .map(|marker| ir::Implementor {
                    generics: String::new(),
                    ty: marker.to_owned(),
                })
                .collect(),
        })
    }

    /// Where the rule is written. rustc takes braces for placeholders.
    fn contract_note(&self, rules: &str, of: &str, origin: &Origin) -> String {
        let registry = origin.registry.as_ref().unwrap_or(&self.target.registry);
        let file = format!("{registry}/{}", origin.file);
        let file = file.replace('{', "{{").replace('}', "}}");
        literal::string(&format!("the contract is {rules} of `{of}` in {file}"))
    }
}

fn not_allowed(function: &str) -> String {
    literal::string(&format!("`{function}` is not allowed inside `{{Self}}`"))
}

/// Which keys of the contract say where the span may stand.
fn rules(contract: &Contract) -> &'static str {
    match (contract.parents.is_empty(), contract.phases.is_empty()) {
        (true, _) => "`root`",
        (false, true) => "`parents`",
        (false, false) => "`parents` and `phases`",
    }
}
