//! Metric instruments.

use crate::ir;
use crate::names;
use crate::registry::{AttributeRef, Instrument, Metric, NumberType, OptInMetric, Replacement};

use super::collisions::{Identifiers, Owner, Space};
use super::docs::{self, Docs};
use super::imports::Imports;
use super::usage::{Home, setter_allows};
use super::{Context, deprecation, literal};

impl Context<'_> {
    /// `metrics/<namespace>.rs`
    pub(crate) fn metric_modules(&self, identifiers: &mut Identifiers) -> Vec<ir::MetricModule> {
        self.by_module(&self.registry.metrics, |it| &it.docs)
            .into_iter()
            .map(|(module, metrics)| {
                let mut imports = Imports::default();
                let mut definition_imports = Imports::default();
                definition_imports.carriers(&["InstrumentKind", "MetricDefinition"]);
                definition_imports.sibling("registry");
                let metrics: Vec<ir::Metric> = metrics
                    .iter()
                    .map(|metric| {
                        self.metric(
                            metric,
                            &module,
                            &mut imports,
                            &mut definition_imports,
                            identifiers,
                        )
                    })
                    .collect();
                let place = format!("metrics::{module}");
                identifiers.reserve(&place, Space::Types, imports.names());
                identifiers.reserve(&place, Space::Types, names::signal_types_in_use());
                let mut header = self.header(&module, "Metrics", &[&imports, &definition_imports]);
                let structs = metrics.iter().filter_map(|it| it.attributes.as_ref());
                header.allows.extend(setter_allows(structs));
                ir::MetricModule {
                    header,
                    metrics,
                    definition_imports: definition_imports.groups(&self.paths),
                }
            })
            .collect()
    }

    fn metric(
        &self,
        metric: &Metric,
        module: &str,
        imports: &mut Imports,
        definition_imports: &mut Imports,
        identifiers: &mut Identifiers,
    ) -> ir::Metric {
        let place = format!("metrics::{module}");
        let owner = Owner::new(&metric.name, self.locations.metric(&metric.name));
        let name = self.metric_constant(&metric.name).to_owned();
        identifiers.claim_value(&place, &name, owner.clone());
        let attributes = self.metric_attributes(metric, &place, &owner, imports, identifiers);
        let (instrument, number) = instrument(metric);
        imports.carrier(instrument);
        let set = attributes
            .as_ref()
            .map_or("()", |attributes| attributes.name.as_str());
        ir::Metric {
            docs: metric_docs(metric),
            deprecated: deprecation(&metric.docs, |to| self.metric_path(to)),
            instrument: instrument.to_owned(),
            parameters: if number.is_empty() {
                set.to_owned()
            } else {
                format!("{number}, {set}")
            },
            key: literal::string(&metric.name),
            kind: format!(
                "{}{}",
                instrument_word(metric.instrument),
                number_word(metric.value_type)
            ),
            unit: literal::string(&metric.unit),
            description: literal::string(&docs::one_line(&metric.docs.brief)),
            boundaries: metric
                .boundaries
                .iter()
                .copied()
                .map(literal::double)
                .collect(),
            fields: self.fields(&metric.attributes, definition_imports),
            opt_in: self.metric_opt_in(metric, definition_imports),
            attributes,
            name,
        }
    }

    fn metric_struct(&self, metric: &Metric) -> String {
        let name = names::metric_struct(&metric.name);
        if self.metric_constant(&metric.name) == names::constant_name(&metric.name) {
            name
        } else {
            names::making_way(&name)
        }
    }

    fn metric_attributes(
        &self,
        metric: &Metric,
        place: &str,
        owner: &Owner,
        imports: &mut Imports,
        identifiers: &mut Identifiers,
    ) -> Option<ir::Struct> {
        if metric.attributes.is_empty() {
            return None;
        }
        let name = self.metric_struct(metric);
        identifiers.claim_type(place, &name, owner.clone());
        let references: Vec<&AttributeRef> = metric.attributes.iter().collect();
        let home = Home {
            namespace: names::namespace(&metric.name),
            shorten: true,
        };
        self.claim_fields(place, owner, &references, &home, identifiers);
        let docs = Docs::new()
            .paragraph(&format!(
                "The attributes of [`{}`].",
                self.metric_constant(&metric.name)
            ))
            .lines();
        Some(self.structure(name, docs, &references, &home, imports))
    }
}

impl Context<'_> {
    /// What becomes of a metric for whoever opts in, as a method call.
    fn metric_opt_in(&self, metric: &Metric, imports: &mut Imports) -> Option<String> {
        let opt_in = metric.stability_opt_in.as_ref()?;
        let category = literal::string(&opt_in.category);
        if opt_in.replaced_by.is_empty() {
            return Some(format!("opt_in({category})"));
        }
        imports.carrier("Replacement");
        let replacement = |it: &Replacement, imports: &mut Imports| {
            let definition = self.metric_definition(&it.metric, imports);
            let only = self.members("only", &it.only, imports);
            let with = self.members("with", &it.with, imports);
            format!("Replacement::new({definition}){only}{with}")
        };
        let items = opt_in.replaced_by.iter();
        let items: Vec<String> = items.map(|it| replacement(it, imports)).collect();
        Some(format!("replaced({category}, &[{}])", items.join(", ")))
    }
}

/// What becomes of a metric for whoever opts in, in words.
fn opted_in(opt_in: &OptInMetric) -> String {
    let mut metrics: Vec<String> = Vec::new();
    for replacement in &opt_in.replaced_by {
        let name = format!("`{}`", replacement.metric);
        if !metrics.contains(&name) {
            metrics.push(name);
        }
    }
    if metrics.is_empty() {
        format!("Emitted only where `{}` is opted in to.", opt_in.category)
    } else {
        format!(
            "Where `{}` is opted in to, {} {} its place.",
            opt_in.category,
            docs::all_of(&metrics),
            if metrics.len() == 1 { "takes" } else { "take" }
        )
    }
}

fn metric_docs(metric: &Metric) -> Vec<String> {
    let opt_in = metric.stability_opt_in.as_ref();
    let opted_in = opt_in.map(opted_in).unwrap_or_default();
    let facts = format!(
        "`{}`, {}, {}. Stability: {}.",
        metric.name,
        instrument_text(metric),
        if metric.unit == "1" || metric.unit.is_empty() {
            "without a unit".to_owned()
        } else {
            format!("in `{}`", metric.unit)
        },
        docs::stability(metric.docs.stability),
    );
    Docs::new()
        .brief(&metric.docs.brief)
        .note(&metric.docs.note)
        .paragraph(&facts)
        .paragraph(&opted_in)
        .lines()
}

/// The type of the instrument, and that of its values unless it takes durations.
fn instrument(metric: &Metric) -> (&'static str, &'static str) {
    match (metric.instrument, metric.value_type) {
        (Instrument::Histogram, NumberType::Double) if metric.unit == "s" => {
            ("DurationHistogram", "")
        }
        (Instrument::Histogram, NumberType::Double) => ("Histogram", "f64"),
        (Instrument::Histogram, NumberType::Int) => ("Histogram", "u64"),
        (Instrument::Counter, NumberType::Double) => ("Counter", "f64"),
        (Instrument::Counter, NumberType::Int) => ("Counter", "u64"),
        (Instrument::UpDownCounter, NumberType::Double) => ("UpDownCounter", "f64"),
        (Instrument::UpDownCounter, NumberType::Int) => ("UpDownCounter", "i64"),
        (Instrument::Gauge, NumberType::Double) => ("Gauge", "f64"),
        (Instrument::Gauge, NumberType::Int) => ("Gauge", "i64"),
    }
}

fn instrument_text(metric: &Metric) -> String {
    let number = match metric.value_type {
        NumberType::Int => "int",
        NumberType::Double => "double",
    };
    let instrument = match metric.instrument {
        Instrument::Counter => "counter",
        Instrument::UpDownCounter => "up-down counter",
        Instrument::Gauge => "gauge",
        Instrument::Histogram => "histogram",
    };
    format!("{instrument} of {number}")
}

fn instrument_word(instrument: Instrument) -> &'static str {
    match instrument {
        Instrument::Counter => "Counter",
        Instrument::UpDownCounter => "UpDownCounter",
        Instrument::Gauge => "Gauge",
        Instrument::Histogram => "Histogram",
    }
}

fn number_word(number: NumberType) -> &'static str {
    match number {
        NumberType::Int => "Int",
        NumberType::Double => "Double",
    }
}
