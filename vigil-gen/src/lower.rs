//! From what the registry means to what is generated: finished identifiers, expressions and docs.
//!
//! Every decision about the generated code that is not layout is made here, and every identifier
//! comes from `names`. The only errors are identifiers that collide, and required attributes that
//! generated code has no way to set.

mod bodies;
mod collisions;
pub(crate) mod docs;
mod events;
mod features;
mod homes;
mod imports;
mod literal;
mod metrics;
mod passing;
mod records;
mod semconv;
mod spans;
mod templates;
mod usage;

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Diagnostics;
use crate::ir::{self, Ir};
use crate::locations::Locations;
use crate::names;
use crate::registry::{Attribute, AttributeRef, DeprecationReason, Docs, Registry};

use collisions::{Identifiers, Owner};
use homes::Part;
use imports::{Imports, Paths};
use spans::SpanNames;

pub(crate) use homes::Homes;

/// Makes the generated code's content from a registry.
///
/// # Errors
///
/// One for each pair of definitions that would make the same Rust identifier in the same place, for
/// each that would hide what generated code uses, and for each required attribute without a key.
pub(crate) fn lower(
    registry: &Registry,
    locations: &Locations,
    target: &Target<'_>,
) -> Result<Ir, Diagnostics> {
    let mut identifiers = Identifiers::default();
    let homes = &target.homes;
    claim_modules(registry, locations, homes, &mut identifiers);
    templates::check(registry, locations, &mut identifiers.diagnostics);
    homes.check(registry, locations, &mut identifiers.diagnostics);
    let parts = homes.parts(registry, target.whole);
    let tables = Tables::of(&parts);
    let context = Context {
        registry,
        locations,
        target,
        paths: Paths {
            root: target.module.clone(),
        },
        tables: &tables,
    };
    let semconv = context.semconv_modules(&mut identifiers);
    let spans = context.span_modules(&mut identifiers);
    let records = context.record_modules(&mut identifiers);
    let metrics = context.metric_modules(&mut identifiers);
    let events = context.event_modules(&mut identifiers);
    if !identifiers.diagnostics.is_empty() {
        return Err(identifiers.diagnostics);
    }
    let headers = |kind: &str| -> Vec<&ir::Header> {
        match kind {
            "semconv" => semconv.iter().map(|it| &it.header).collect(),
            "spans" => spans.iter().map(|it| &it.header).collect(),
            "records" => records.iter().map(|it| &it.header).collect(),
            "metrics" => metrics.iter().map(|it| &it.header).collect(),
            _ => events.iter().map(|it| &it.header).collect(),
        }
    };
    let indexes = INDEXES.map(|(kind, docs)| ir::Index {
        file: kind.to_owned(),
        docs: vec![docs.to_owned()],
        modules: headers(kind)
            .iter()
            .map(|header| names::module_name(&header.file))
            .map(|module| target.gated(module.clone(), &module))
            .collect(),
    });
    let all = INDEXES.iter().flat_map(|(kind, _)| headers(kind));
    let features = if target.features {
        features::features(all)
    } else {
        Vec::new()
    };
    let kinds = INDEXES.iter().map(|(kind, _)| *kind).chain(["registry"]);
    let kinds: BTreeSet<&str> = kinds.collect();
    Ok(Ir {
        root: ir::Index {
            file: "mod".to_owned(),
            // It may be taken in by `include!`, which knows no docs of a whole file.
            docs: Vec::new(),
            modules: kinds
                .into_iter()
                .map(|kind| ir::Gated {
                    item: kind.to_owned(),
                    feature: None,
                })
                .collect(),
        },
        indexes: indexes.into(),
        registry: context.registry_module(),
        features,
        semconv,
        spans,
        records,
        metrics,
        events,
    })
}

/// The modules that list the others, and what they say of themselves.
const INDEXES: [(&str, &str); 5] = [
    ("semconv", "Attributes, by namespace."),
    ("spans", "Spans, by namespace."),
    ("records", "What is recorded on open spans, by namespace."),
    ("metrics", "Metrics, by namespace."),
    ("events", "Events, by namespace."),
];

/// What the generated code is for, as it is told to whoever reads it.
#[derive(Clone, Debug)]
pub(crate) struct Target<'a> {
    /// The path of the module that will hold the generated ones: `crate::generated`.
    pub module: String,
    /// The name of the registry's directory: `semconv`.
    pub registry: String,
    /// Where the code of other registries is already.
    pub homes: Homes,
    /// The registry with all that it depends on, taken from there or not.
    pub whole: &'a Registry,
    /// Whether each namespace is behind a feature.
    pub features: bool,
}

impl Target<'_> {
    /// Something that is there if the module of a namespace is.
    fn gated(&self, item: String, module: &str) -> ir::Gated {
        let feature = self.features.then(|| names::feature_name(module));
        ir::Gated {
            item,
            feature: feature.map(|name| literal::string(&name)),
        }
    }
}

/// What lowering looks things up in.
pub(crate) struct Context<'a> {
    registry: &'a Registry,
    locations: &'a Locations,
    target: &'a Target<'a>,
    paths: Paths,
    tables: &'a Tables<'a>,
}

/// The names of everything, wherever its code is.
#[derive(Default)]
struct Tables<'a> {
    /// The attributes that share a type that is made now, by its name.
    shared: BTreeMap<&'a str, Vec<&'a Attribute>>,
    /// The module and the name of each enum attribute's type.
    types: BTreeMap<&'a str, (String, String)>,
    /// Where the type of an enum attribute is already.
    type_homes: BTreeMap<&'a str, &'a str>,
    /// The identifiers of each span, by its type.
    spans: BTreeMap<&'a str, SpanNames>,
    /// The constant of each attribute, by its key.
    attribute_constants: BTreeMap<&'a str, String>,
    /// The static of each metric, by its name.
    metric_constants: BTreeMap<&'a str, String>,
}

impl<'a> Tables<'a> {
    fn of(parts: &'a [Part]) -> Self {
        let mut tables = Self::default();
        // A type that attributes of several places share is that of the first place that has it.
        let mut shared_elsewhere: BTreeMap<&str, (&str, (String, String))> = BTreeMap::new();
        for part in parts.iter().rev() {
            let registry = &part.registry;
            let shared = semconv::shared_types(registry);
            let mut types = semconv::enum_types(registry, &shared);
            for (name, attributes) in &shared {
                for attribute in attributes {
                    let key = attribute.key.as_str();
                    if let Some((home, path)) = shared_elsewhere.get(name) {
                        types.insert(key, path.clone());
                        tables.type_homes.insert(key, home);
                    }
                }
            }
            if let Some(root) = &part.root {
                for key in types.keys() {
                    tables.type_homes.entry(key).or_insert(root);
                }
                for (name, attributes) in &shared {
                    let path = types[attributes[0].key.as_str()].clone();
                    shared_elsewhere.entry(name).or_insert((root, path));
                }
            } else {
                tables.shared = shared;
            }
            tables.types.extend(types);
            tables.spans.extend(spans::names(&part.with_all_attributes));
            let attributes = registry.attributes.values();
            tables
                .attribute_constants
                .extend(constants(attributes.map(|it| (it.key.as_str(), &it.docs))));
            let metrics = registry.metrics.values();
            tables
                .metric_constants
                .extend(constants(metrics.map(|it| (it.name.as_str(), &it.docs))));
        }
        tables
    }
}

impl<'a> Context<'a> {
    /// The definition of an attribute: a checked registry holds every key that it mentions.
    fn attribute(&self, key: &str) -> &'a Attribute {
        &self.registry.attributes[key]
    }

    fn attribute_owner(&self, reference: &AttributeRef) -> Owner {
        Owner::new(&reference.key, self.locations.attribute(&reference.key))
    }

    fn enum_type(&self, key: &str) -> &(String, String) {
        &self.tables.types[key]
    }

    /// Where the code of what is so described is already; none if it is made now.
    fn elsewhere(&self, docs: &Docs) -> Option<&'a str> {
        self.target.homes.of(&docs.origin)
    }

    /// Definitions whose code is made now, by the module of their namespace.
    fn by_module<T>(
        &self,
        definitions: &'a BTreeMap<String, T>,
        docs: fn(&T) -> &Docs,
    ) -> BTreeMap<String, Vec<&'a T>> {
        let mut modules: BTreeMap<String, Vec<&T>> = BTreeMap::new();
        let own = |definition: &T| self.elsewhere(docs(definition)).is_none();
        for (name, definition) in definitions.iter().filter(|(_, it)| own(it)) {
            modules
                .entry(names::module_name(names::namespace(name)))
                .or_default()
                .push(definition);
        }
        modules
    }

    /// What a module begins with. The first of its imports are the file's own.
    fn header(&self, module: &str, what: &str, imports: &[&Imports]) -> ir::Header {
        let namespace = names::file_stem(module);
        let uses = imports.iter().flat_map(|imports| imports.namespaces());
        let uses: BTreeSet<&String> = uses.filter(|used| *used != module).collect();
        ir::Header {
            file: namespace.to_owned(),
            docs: docs::Docs::new()
                .paragraph(&format!("{what} of the namespace `{namespace}`."))
                .lines(),
            allows: Vec::new(),
            imports: imports[0].groups(&self.paths),
            uses: uses.into_iter().cloned().collect(),
        }
    }

    /// The constant of an attribute, and the static that describes it.
    fn attribute_constant(&self, key: &str) -> &str {
        &self.tables.attribute_constants[key]
    }

    /// The static of a metric's instrument, and the one that describes it.
    fn metric_constant(&self, name: &str) -> &str {
        &self.tables.metric_constants[name]
    }

    /// How Rust code names an attribute, if there is one of that key.
    fn attribute_path(&self, key: &str) -> Option<String> {
        let attribute = self.registry.attributes.get(key)?;
        let path = path("semconv", key, self.attribute_constant(key));
        Some(within(self.elsewhere(&attribute.docs), path))
    }

    /// How Rust code names a metric, if there is one of that name.
    fn metric_path(&self, name: &str) -> Option<String> {
        let metric = self.registry.metrics.get(name)?;
        let path = path("metrics", name, self.metric_constant(name));
        Some(within(self.elsewhere(&metric.docs), path))
    }

    /// How Rust code names an event, if there is one of that name that is sent by itself.
    fn event_path(&self, name: &str) -> Option<String> {
        let event = self.registry.events.get(name)?;
        self.is_sent_by_itself(name).then(|| {
            let path = path("events", name, &names::event_struct(name));
            within(self.elsewhere(&event.docs), path)
        })
    }

    /// How Rust code names the function that starts a span, if there is one of that type.
    fn span_path(&self, span_type: &str) -> Option<String> {
        let span = self.registry.spans.get(span_type)?;
        let function = &self.tables.spans.get(span_type)?.function;
        let path = path("spans", span_type, function);
        Some(within(self.elsewhere(&span.docs), path))
    }

    /// Reports fields of one struct, or arguments of one function, that have the same name.
    fn claim_fields(
        &self,
        place: &str,
        owner: &Owner,
        references: &[&AttributeRef],
        home: &usage::Home<'_>,
        identifiers: &mut Identifiers,
    ) {
        let given: Vec<&AttributeRef> = references
            .iter()
            .copied()
            .filter(|reference| Self::is_given(reference))
            .collect();
        let place = format!("{place} (`{}`)", owner.name);
        for (reference, name) in given.iter().zip(home.names(&given)) {
            identifiers.claim_value(&place, &name, self.attribute_owner(reference));
        }
    }

    fn registry_module(&self) -> ir::RegistryModule {
        let mut imports = Imports::default();
        imports.carriers(&["Registry", "Scope"]);
        let modules: BTreeSet<String> = self
            .registry
            .attributes
            .values()
            .filter(|it| self.elsewhere(&it.docs).is_none())
            .map(|it| names::module_name(names::namespace(&it.key)))
            .collect();
        let attributes: Vec<ir::Gated> = modules
            .iter()
            .map(|module| {
                let all = format!("semconv::{module}::definitions::ALL");
                self.target.gated(all, module)
            })
            .collect();
        let of = |kind: &str, name: &String, constant: &str| {
            let module = names::module_name(names::namespace(name));
            let item = format!("&{kind}::{module}::{constant}");
            self.target.gated(item, &module)
        };
        let spans: Vec<ir::Gated> = self
            .registry
            .spans
            .values()
            .filter(|it| self.elsewhere(&it.docs).is_none())
            .map(|it| of("spans", &it.ty, &names::constant_name(&it.ty)))
            .collect();
        let metrics: Vec<ir::Gated> = self
            .registry
            .metrics
            .values()
            .filter(|it| self.elsewhere(&it.docs).is_none())
            .map(|it| {
                of(
                    "metrics",
                    &it.name,
                    &definition(self.metric_constant(&it.name)),
                )
            })
            .collect();
        let events: Vec<ir::Gated> = self
            .registry
            .events
            .values()
            .filter(|it| self.elsewhere(&it.docs).is_none())
            .map(|it| {
                of(
                    "events",
                    &it.name,
                    &definition(&names::constant_name(&it.name)),
                )
            })
            .collect();
        let used = [
            ("semconv", &attributes),
            ("spans", &spans),
            ("metrics", &metrics),
            ("events", &events),
        ];
        for (kind, _) in used.into_iter().filter(|(_, statics)| !statics.is_empty()) {
            imports.sibling(kind);
        }
        let roots: BTreeSet<&String> = self.target.homes.roots.values().collect();
        let dependencies = roots
            .into_iter()
            .map(|root| format!("&{root}::registry::REGISTRY"));
        ir::RegistryModule {
            header: ir::Header {
                file: "registry".to_owned(),
                docs: vec!["The registry as a whole.".to_owned()],
                allows: if self.target.features {
                    vec![features::unused_allow()]
                } else {
                    Vec::new()
                },
                imports: imports.groups(&self.paths),
                uses: Vec::new(),
            },
            schema_url: literal::string(&self.registry.manifest.schema_url),
            attributes,
            spans,
            metrics,
            events,
            dependencies: dependencies.collect(),
        }
    }
}

/// The static that describes what a constant or static of that name is.
fn definition(constant: &str) -> String {
    format!("definitions::{constant}")
}

/// The constants of definitions, by their names. What is deprecated makes way for what is not.
fn constants<'a>(
    definitions: impl Iterator<Item = (&'a str, &'a Docs)> + Clone,
) -> BTreeMap<&'a str, String> {
    let identifier = |name: &'a str| {
        (
            names::module_name(names::namespace(name)),
            names::constant_name(name),
        )
    };
    let current: BTreeSet<(String, String)> = definitions
        .clone()
        .filter(|(_, docs)| docs.deprecated.is_none())
        .map(|(name, _)| identifier(name))
        .collect();
    definitions
        .map(|(name, docs)| {
            let taken = docs.deprecated.is_some() && current.contains(&identifier(name));
            let constant = names::constant_name(name);
            (
                name,
                if taken {
                    names::making_way(&constant)
                } else {
                    constant
                },
            )
        })
        .collect()
}

/// Reports namespaces that differ in the registry but make the same module.
fn claim_modules(
    registry: &Registry,
    locations: &Locations,
    homes: &Homes,
    identifiers: &mut Identifiers,
) {
    let attributes = registry
        .attributes
        .iter()
        .filter(|(_, it)| homes.is_own(&it.docs))
        .map(|(name, _)| (name, locations.attribute(name)));
    let spans = registry
        .spans
        .iter()
        .filter(|(_, it)| homes.is_own(&it.docs))
        .map(|(name, _)| (name, locations.span(name)));
    let metrics = registry
        .metrics
        .iter()
        .filter(|(_, it)| homes.is_own(&it.docs))
        .map(|(name, _)| (name, locations.metric(name)));
    let events = registry
        .events
        .iter()
        .filter(|(_, it)| homes.is_own(&it.docs))
        .map(|(name, _)| (name, locations.event(name)));
    let groups = registry
        .groups
        .iter()
        .filter(|(_, it)| homes.is_own(&it.docs))
        .map(|(name, _)| (name, locations.group(name)));
    let mut first: BTreeMap<&str, Owner> = BTreeMap::new();
    for (name, at) in attributes
        .chain(spans)
        .chain(metrics)
        .chain(events)
        .chain(groups)
    {
        let namespace = names::namespace(name);
        first
            .entry(namespace)
            .or_insert_with(|| Owner::new(namespace, at));
    }
    for (namespace, owner) in first {
        identifiers.claim_type("the list of modules", &names::module_name(namespace), owner);
    }
}

fn path(kind: &str, name: &str, identifier: &str) -> String {
    format!(
        "{kind}::{}::{identifier}",
        names::module_name(names::namespace(name))
    )
}

/// The path from outside of the module that holds it.
fn within(root: Option<&str>, path: String) -> String {
    match root {
        Some(root) => format!("{root}::{path}"),
        None => path,
    }
}

/// What to tell whoever uses something deprecated, as a literal. `path` says how Rust code names
/// what took its place.
fn deprecation(of: &Docs, path: impl Fn(&str) -> Option<String>) -> Option<String> {
    let deprecated = of.deprecated.as_ref()?;
    let instead = match &deprecated.reason {
        DeprecationReason::Renamed(to) => path(to),
        _ => None,
    };
    Some(literal::string(&docs::deprecation(
        deprecated,
        instead.as_deref(),
    )))
}
