//! Checks exported telemetry against a registry.

use opentelemetry::trace::TraceId;
use opentelemetry::{Array, KeyValue, Value};

use super::{Exported, ExportedEvent, ExportedLog, ExportedMetric, ExportedSpan};
use crate::carrier::{
    AttributeDefinition, BODY, EventDefinition, Field, Level, MetricDefinition, NamePart, Registry,
    Scope, SpanDefinition, ValueType, is_below,
};
use crate::config::StabilityOptIn;

/// What is not as the registry says.
pub(super) fn violations(registry: &Registry, exported: &Exported) -> Vec<String> {
    let Exported {
        spans,
        metrics,
        logs,
        stability_opt_in: opt_in,
    } = exported;
    let mut check = Check {
        registry,
        opt_in,
        violations: Vec::new(),
    };
    if spans.is_empty() && metrics.is_empty() && logs.is_empty() {
        check.say("pipeline", "nothing was exported");
    }
    for span in spans {
        check.span(span, spans);
    }
    for metric in metrics {
        check.metric(metric);
    }
    for log in logs {
        check.log(log, spans);
    }
    check.violations
}

struct Check<'a> {
    registry: &'a Registry,
    /// What decides by which names all of it left.
    opt_in: &'a StabilityOptIn,
    violations: Vec<String>,
}

impl Check<'_> {
    fn say(&mut self, place: &str, what: &str) {
        self.violations.push(format!("{place}: {what}"));
    }

    /// What declares a span: by its name, or, where the registry leaves that to whoever starts it,
    /// by the most attributes of its own.
    fn definition(&self, span: &ExportedSpan) -> Option<&'static SpanDefinition> {
        let named = self
            .candidates(span)
            .find(|definition| name(definition, span) == span.name());
        let declared = |definition: &&SpanDefinition| {
            let fields = definition.fields.iter();
            fields
                .filter(|field| self.keys(field).all(|key| span.attribute(key).is_some()))
                .count()
        };
        let unnamed = self.candidates(span).filter(|it| it.name.is_empty());
        named.or_else(|| unnamed.max_by_key(declared))
    }

    /// Those of its kind and with its fixed attributes.
    fn candidates<'s>(
        &'s self,
        span: &'s ExportedSpan,
    ) -> impl Iterator<Item = &'static SpanDefinition> + 's {
        let registries = self.registry.all();
        let mut registries = registries.into_iter();
        let declaring = registries.find(|it| it.scope.name == span.scope().name());
        declaring
            .map_or(&[][..], |it| it.spans)
            .iter()
            .copied()
            .filter(|definition| definition.kind == *span.kind())
            .filter(move |definition| {
                definition.fields.iter().all(|field| {
                    let is =
                        |constant| self.keys(field).all(|key| span.text(key) == Some(constant));
                    field.constant.is_none_or(is)
                })
            })
    }

    /// The keys that an attribute left by.
    fn keys(&self, field: &Field) -> impl Iterator<Item = &'static str> {
        field.keys(self.opt_in)
    }

    fn span(&mut self, span: &ExportedSpan, all: &[ExportedSpan]) {
        let place = format!("span `{}`", span.name());
        if span.scope().name() != self.registry.scope.name {
            return;
        }
        let Some(definition) = self.definition(span) else {
            return self.say(
                &place,
                "its name, kind and fixed attributes are of no declared span",
            );
        };
        self.scope(&place, span.scope());
        let registries = self.registry.all();
        let kept = registries
            .iter()
            .flat_map(|it| it.events)
            .filter(|event| event.keep_last)
            .flat_map(|event| event.fields);
        let declared: Vec<&Field> = definition.fields.iter().chain(kept).collect();
        for attribute in span.attributes() {
            self.attribute(&place, attribute, &declared, true);
        }
        self.no_duplicates(&place, span.attributes());
        self.all_required(&place, definition.fields, span.attributes());
        self.parent(&place, definition, span, all);
        for event in span.events() {
            self.event(&place, &event);
        }
    }

    fn parent(
        &mut self,
        place: &str,
        definition: &SpanDefinition,
        span: &ExportedSpan,
        all: &[ExportedSpan],
    ) {
        let unchecked = span
            .attribute(crate::generated::semconv::vigil::PARENT_UNCHECKED)
            .is_some();
        if definition.root || unchecked || definition.parents.is_empty() {
            return;
        }
        let Some(parent) = all.iter().find(|parent| span.is_child_of(parent)) else {
            return self.say(place, "its parent was not exported");
        };
        let allowed = self
            .definition(parent)
            .is_some_and(|parent| definition.parents.contains(&parent.span_type));
        if !allowed {
            self.say(
                place,
                &format!("`{}` is not among its parents", parent.name()),
            );
        }
        for key in self.always_inherited() {
            if parent.attribute(key).is_some() && span.attribute(key).is_none() {
                self.say(place, &format!("`{key}` is inherited and missing"));
            }
        }
    }

    /// What a root can't do without and all under it inherit. Others may be set later than a child
    /// starts.
    fn always_inherited(&self) -> Vec<&'static str> {
        let registries = self.registry.all();
        let spans = registries.iter().flat_map(|it| it.spans);
        let roots = spans.filter(|span| span.root);
        roots
            .flat_map(|root| root.fields)
            .filter(|field| field.level == Level::Required && field.attribute.inherited)
            .flat_map(|field| self.keys(field))
            .collect()
    }

    fn event(&mut self, place: &str, event: &ExportedEvent) {
        let Some(definition) = self.event_definition(&event.name) else {
            // A log line.
            return;
        };
        let place = format!("{place}, event `{}`", event.name);
        self.event_attributes(&place, definition, &event.attributes);
    }

    fn log(&mut self, log: &ExportedLog, spans: &[ExportedSpan]) {
        let definition = self.event_definition(&log.event_name);
        let place = match definition {
            Some(definition) => format!("log record `{}`", definition.name),
            None => format!("log record \"{}\"", log.body),
        };
        let is_in_trace = log.trace_id != TraceId::INVALID;
        if is_in_trace || definition.is_some() {
            let written_in = spans
                .iter()
                .find(|span| (span.trace_id(), span.span_id()) == (log.trace_id, log.span_id));
            if written_in.is_none() {
                self.say(&place, "its span was not exported");
            }
        }
        if let Some(definition) = definition {
            self.event_attributes(&place, definition, &log.attributes);
        }
    }

    fn event_attributes(
        &mut self,
        place: &str,
        definition: &EventDefinition,
        attributes: &[KeyValue],
    ) {
        let declared: Vec<&Field> = definition.fields.iter().collect();
        let is_body = |attribute: &KeyValue| definition.has_body && attribute.key.as_str() == BODY;
        for attribute in attributes.iter().filter(|it| !is_body(it)) {
            self.attribute(place, attribute, &declared, false);
        }
        self.no_duplicates(place, attributes);
        self.all_required(place, definition.fields, attributes);
    }

    fn event_definition(&self, name: &str) -> Option<&'static EventDefinition> {
        let registries = self.registry.all();
        let mut events = registries.iter().flat_map(|it| it.events).copied();
        events.find(|event| event.name == name)
    }

    fn metric(&mut self, metric: &ExportedMetric) {
        let place = format!("metric `{}`", metric.name);
        if metric.scope.name() != self.registry.scope.name {
            return;
        }
        let Some(definition) = self.metric_definition(&metric.name) else {
            return self.say(&place, "it is not declared");
        };
        self.scope(&place, &metric.scope);
        if !definition.is_emitted(self.opt_in) {
            self.say(&place, "it is not emitted with what was opted in to");
        }
        if metric.kind != definition.kind {
            self.say(
                &place,
                &format!("it is a {:?}, not a {:?}", metric.kind, definition.kind),
            );
        }
        if metric.unit != definition.unit {
            self.say(
                &place,
                &format!("its unit is `{}`, not `{}`", metric.unit, definition.unit),
            );
        }
        if metric.description != definition.description {
            self.say(
                &place,
                &format!("it says `{}` of itself", metric.description),
            );
        }
        let declared: Vec<&Field> = definition.fields.iter().collect();
        for point in &metric.points {
            if !definition.boundaries.is_empty() && point.bounds != definition.boundaries {
                self.say(&place, &format!("its boundaries are {:?}", point.bounds));
            }
            for attribute in &point.attributes {
                self.attribute(&place, attribute, &declared, false);
            }
            self.no_duplicates(&place, &point.attributes);
            self.all_required(&place, definition.fields, &point.attributes);
            self.replaced(&place, definition, &point.attributes);
        }
    }

    /// What other metrics take does not leave under this name as well, unless both were asked for.
    fn replaced(&mut self, place: &str, definition: &MetricDefinition, attributes: &[KeyValue]) {
        let Some(own) = &definition.opt_in else {
            return;
        };
        if self.opt_in.names(own.category).has_former() {
            return;
        }
        let is = |(key, member): &(&str, &str)| {
            let mut attributes = attributes.iter();
            attributes.any(|it| it.key.as_str() == *key && it.value.as_str() == *member)
        };
        let mut others = own.replaced_by.iter();
        if let Some(other) = others.find(|it| it.only.iter().all(is)) {
            let other = other.metric.name;
            self.say(place, &format!("`{other}` takes its place"));
        }
    }

    fn metric_definition(&self, name: &str) -> Option<&'static MetricDefinition> {
        self.registry
            .metrics
            .iter()
            .copied()
            .find(|metric| metric.name == name)
    }

    fn scope(&mut self, place: &str, scope: &opentelemetry::InstrumentationScope) {
        let Scope {
            version,
            schema_url,
            ..
        } = self.registry.scope;
        if scope.version() != Some(version) {
            self.say(
                place,
                &format!("the version of its scope is {:?}", scope.version()),
            );
        }
        if scope.schema_url() != Some(schema_url) {
            self.say(
                place,
                &format!("the schema URL of its scope is {:?}", scope.schema_url()),
            );
        }
    }

    fn attribute(&mut self, place: &str, attribute: &KeyValue, declared: &[&Field], on_span: bool) {
        let key = attribute.key.as_str();
        let below =
            |field: &&&Field| field.attribute.template.is_some() && is_below(field.key(), key);
        let leaves_by = |field: &&&Field| self.keys(field).any(|it| it == key);
        let field = declared.iter().find(leaves_by);
        let field = field.or_else(|| declared.iter().find(below));
        let definition = match field {
            Some(field) => Some(field.attribute),
            None => self.inherited_attribute(key),
        };
        let inherited = on_span && definition.is_some_and(|definition| definition.inherited);
        let Some(definition) = definition.filter(|_| field.is_some() || inherited) else {
            return self.say(place, &format!("`{key}` is not declared"));
        };
        let value_type = match definition.template {
            Some(value_type) if field.is_none_or(|it| it.key() != key) => value_type,
            _ => definition.value_type,
        };
        // Spans have text there; on log records it is whatever it is.
        let is_any = value_type == ValueType::Any && !on_span;
        if !is_any && !fits(value_type, &attribute.value) {
            let value = &attribute.value;
            self.say(place, &format!("`{key}` is {value:?}, not {value_type:?}"));
        }
        if let (Some(members), Value::String(text)) = (definition.closed, &attribute.value)
            && !members.contains(&text.as_str())
        {
            self.say(place, &format!("`{text}` is no member of `{key}`"));
        }
        if let Some(constant) = field.and_then(|field| field.constant)
            && attribute.value.as_str() != constant
        {
            self.say(
                place,
                &format!("`{key}` is `{}`, not `{constant}`", attribute.value),
            );
        }
    }

    /// An attribute that may have come from the root span, by the key that it left by.
    fn inherited_attribute(&self, key: &str) -> Option<&'static AttributeDefinition> {
        let registries = self.registry.all();
        let attributes = registries.iter().flat_map(|it| it.attributes);
        let mut attributes = attributes.flat_map(|namespace| *namespace).copied();
        attributes.find(|it| {
            Field::new(it, Level::Recommended)
                .keys(self.opt_in)
                .any(|it| it == key)
        })
    }

    fn no_duplicates(&mut self, place: &str, attributes: &[KeyValue]) {
        for (at, attribute) in attributes.iter().enumerate() {
            if attributes[..at]
                .iter()
                .any(|other| other.key == attribute.key)
            {
                self.say(place, &format!("`{}` stands there twice", attribute.key));
            }
        }
    }

    fn all_required(&mut self, place: &str, fields: &[Field], attributes: &[KeyValue]) {
        for field in fields.iter().filter(|field| field.level == Level::Required) {
            for key in field.keys(self.opt_in) {
                if !attributes.iter().any(|it| it.key.as_str() == key) {
                    self.say(place, &format!("`{key}` is required and missing"));
                }
            }
        }
    }
}

/// The name that the span should have, from its attributes as they were exported.
fn name(definition: &SpanDefinition, span: &ExportedSpan) -> String {
    // By a name that it should not have it is still known.
    let value = |key: &str| {
        let latest = definition.field(key).and_then(Field::opt_in_key);
        let latest = || span.attribute(latest?.renamed_to);
        span.attribute(key).or_else(latest)
    };
    let words: Vec<String> = definition
        .name
        .iter()
        .filter_map(|part| match part {
            NamePart::Word(word) => Some((*word).to_owned()),
            NamePart::Key(key) => value(key).map(|value| value.as_str().into_owned()),
        })
        .collect();
    words.join(" ")
}

fn fits(declared: ValueType, value: &Value) -> bool {
    matches!(
        (declared, value),
        (ValueType::String | ValueType::Any, Value::String(_))
            | (ValueType::Int, Value::I64(_))
            | (ValueType::Double, Value::F64(_))
            | (ValueType::Boolean, Value::Bool(_))
            | (ValueType::Strings, Value::Array(Array::String(_)))
            | (ValueType::Ints, Value::Array(Array::I64(_)))
            | (ValueType::Doubles, Value::Array(Array::F64(_)))
            | (ValueType::Booleans, Value::Array(Array::Bool(_)))
    )
}
