//! Static descriptions of spans, records, metrics and events: the registry, at run time.
//!
//! Generated code holds these as statics. The carrier reads them to know names, kinds and rules;
//! [`testing`](crate::testing) reads them to check what was exported.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use opentelemetry::trace::SpanKind;

use super::attributes::same;
use super::callsite::Site;
use super::facts::{Facts, Places};
use super::instruments::Derivation;
use super::value::Value;
use crate::config::{Names, StabilityOptIn};

/// Who made a span or a metric: OpenTelemetry's instrumentation scope.
#[derive(Debug)]
pub struct Scope {
    /// The crate's name.
    pub name: &'static str,
    /// The crate's version.
    pub version: &'static str,
    /// The schema URL of the registry that it was generated from.
    pub schema_url: &'static str,
}

/// The type of an attribute's values on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// `string`
    String,
    /// `int`
    Int,
    /// `double`
    Double,
    /// `boolean`
    Boolean,
    /// `string[]`
    Strings,
    /// `int[]`
    Ints,
    /// `double[]`
    Doubles,
    /// `boolean[]`
    Booleans,
    /// `any`: an [`AnyValue`](super::AnyValue), JSON text on spans.
    Any,
    /// `template[..]`: there are values below the key alone, whose type is
    /// [`AttributeDefinition::template`].
    Template,
}

/// The key that an attribute has for whoever opts in to a category.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptInKey {
    /// What is opted in to, as `OTEL_SEMCONV_STABILITY_OPT_IN` names it.
    pub category: &'static str,
    /// The key then.
    pub renamed_to: &'static str,
}

/// An attribute, as the registry defines it.
// The marks are independent of each other.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Copy, Debug)]
pub struct AttributeDefinition {
    /// Its key.
    pub key: &'static str,
    /// The type of its values.
    pub value_type: ValueType,
    /// The type of the values below the key, if that is the prefix of keys that are made at run time.
    pub template: Option<ValueType>,
    /// The values it may have, if it is a closed enum.
    pub closed: Option<&'static [&'static str]>,
    /// It is content: recorded only if capture is on.
    pub sensitive: bool,
    /// It names one session, run, call or response.
    pub identity: bool,
    /// Given on the root span, it stands on every span under it.
    pub inherited: bool,
    /// The inherited attribute whose value it takes unless given.
    pub filled_from: Option<&'static str>,
    /// It is not to be used any more.
    pub deprecated: bool,
    /// The key that it has for whoever opts in.
    pub opt_in: Option<OptInKey>,
}

impl AttributeDefinition {
    /// An attribute with none of the marks.
    pub const fn new(key: &'static str, value_type: ValueType) -> Self {
        Self {
            key,
            value_type,
            template: None,
            closed: None,
            sensitive: false,
            identity: false,
            inherited: false,
            filled_from: None,
            deprecated: false,
            opt_in: None,
        }
    }

    /// The prefix `key`, below which callers give keys of their own, with none of the marks. Values
    /// are of `value_type`.
    pub const fn template(key: &'static str, value_type: ValueType) -> Self {
        let mut definition = Self::new(key, ValueType::Template);
        definition.template = Some(value_type);
        definition
    }

    /// It has one of these values, and no other.
    #[must_use]
    pub const fn closed(mut self, values: &'static [&'static str]) -> Self {
        self.closed = Some(values);
        self
    }

    /// It is content.
    #[must_use]
    pub const fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    /// It names one session, run, call or response.
    #[must_use]
    pub const fn identity(mut self) -> Self {
        self.identity = true;
        self
    }

    /// Given on the root span, it stands on every span under it.
    #[must_use]
    pub const fn inherited(mut self) -> Self {
        self.inherited = true;
        self
    }

    /// It takes the value of `key` unless given.
    #[must_use]
    pub const fn filled_from(mut self, key: &'static str) -> Self {
        self.filled_from = Some(key);
        self
    }

    /// It is not to be used any more.
    #[must_use]
    pub const fn deprecated(mut self) -> Self {
        self.deprecated = true;
        self
    }

    /// It has the key `renamed_to` for whoever opts in to `category`.
    #[must_use]
    pub const fn renamed(mut self, category: &'static str, renamed_to: &'static str) -> Self {
        self.opt_in = Some(OptInKey {
            category,
            renamed_to,
        });
        self
    }
}

/// How much an attribute is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Always there.
    Required,
    /// There if a condition holds that only people can judge.
    ConditionallyRequired,
    /// There unless something speaks against it.
    Recommended,
    /// There only if asked for.
    OptIn,
}

/// What becomes of a second value of an attribute on one span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    /// It takes the first one's place.
    Last,
    /// It is added to the first.
    Sum,
    /// Its elements follow the first one's.
    Append,
}

/// An attribute as a span, record, metric or event has it.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The attribute.
    pub attribute: &'static AttributeDefinition,
    /// How much it is asked for here.
    pub level: Level,
    /// Samplers see it, so it is fixed when the span starts.
    pub sampled: bool,
    /// What becomes of a second value.
    pub aggregate: Aggregate,
    /// The one value it has here.
    pub constant: Option<&'static str>,
    /// How many distinct values a metric admits; the others are reported as `_OTHER`.
    pub cardinality: Option<usize>,
    /// The key that it has here for whoever opts in, if that is not the attribute's.
    pub opt_in: Option<OptInKey>,
}

impl Field {
    /// The attribute, at that level.
    pub const fn new(attribute: &'static AttributeDefinition, level: Level) -> Self {
        Self {
            attribute,
            level,
            sampled: false,
            aggregate: Aggregate::Last,
            constant: None,
            cardinality: None,
            opt_in: None,
        }
    }

    /// Samplers see it.
    #[must_use]
    pub const fn sampled(mut self) -> Self {
        self.sampled = true;
        self
    }

    /// A second value is added to the first.
    #[must_use]
    pub const fn sum(mut self) -> Self {
        self.aggregate = Aggregate::Sum;
        self
    }

    /// A second value's elements follow the first one's.
    #[must_use]
    pub const fn append(mut self) -> Self {
        self.aggregate = Aggregate::Append;
        self
    }

    /// It always has this value here.
    #[must_use]
    pub const fn constant(mut self, value: &'static str) -> Self {
        self.constant = Some(value);
        self
    }

    /// A metric admits this many distinct values.
    #[must_use]
    pub const fn cardinality(mut self, values: usize) -> Self {
        self.cardinality = Some(values);
        self
    }

    /// It has the key `renamed_to` here for whoever opts in to `category`.
    #[must_use]
    pub const fn renamed(mut self, category: &'static str, renamed_to: &'static str) -> Self {
        self.opt_in = Some(OptInKey {
            category,
            renamed_to,
        });
        self
    }

    /// The key that it has for whoever opts in: its own, or the attribute's.
    pub const fn opt_in_key(&self) -> Option<OptInKey> {
        match self.opt_in {
            Some(here) => Some(here),
            None => self.attribute.opt_in,
        }
    }

    /// The keys that it leaves by, where that is opted in to: one, or both.
    pub fn keys(&self, opt_in: &StabilityOptIn) -> impl Iterator<Item = &'static str> {
        let latest = self.opt_in_key();
        let names = latest.map_or(Names::Former, |it| opt_in.names(it.category));
        let latest = latest.map(|it| it.renamed_to);
        let former = names.has_former().then_some(self.key());
        former
            .into_iter()
            .chain(latest.filter(|_| names.has_latest()))
    }

    /// The key of the attribute.
    pub const fn key(&self) -> &'static str {
        self.attribute.key
    }

    /// Whether the value is of the attribute's type, and a member of it if it is a closed enum.
    #[inline]
    pub(crate) fn takes(&self, value: &Value) -> bool {
        let is_listed = match (self.attribute.closed, value) {
            (Some(members), Value::Text(text)) => {
                members.iter().any(|member| same(member, text.as_str()))
            }
            _ => true,
        };
        is_listed && value.is(self.attribute.value_type)
    }

    /// The same for a value below the attribute's key, if that is a prefix.
    pub(crate) fn takes_below(&self, value: &Value) -> bool {
        self.attribute
            .template
            .is_some_and(|value_type| value.is(value_type))
    }
}

/// A word of a span's name.
#[derive(Clone, Copy, Debug)]
pub enum NamePart {
    /// Stands as it is.
    Word(&'static str),
    /// The value of that attribute; dropped with its space where there is none.
    Key(&'static str),
}

/// A span type.
#[derive(Debug)]
pub struct SpanDefinition {
    pub(crate) span_type: &'static str,
    pub(crate) label: &'static str,
    pub(crate) kind: SpanKind,
    pub(crate) scope: &'static Scope,
    pub(crate) name: &'static [NamePart],
    pub(crate) fields: &'static [Field],
    pub(crate) parents: &'static [&'static str],
    pub(crate) root: bool,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) metrics: &'static [Derived],
    pub(crate) stream: Option<StreamDefinition>,
    pub(crate) at_end: Option<&'static EventDefinition>,
    pub(crate) site: Site,
    pub(crate) facts: Facts,
}

impl SpanDefinition {
    /// A span of that type and kind. `label` is its name for `tracing`: `chat`.
    pub const fn new(
        span_type: &'static str,
        label: &'static str,
        kind: SpanKind,
        scope: &'static Scope,
    ) -> Self {
        Self {
            span_type,
            label,
            kind,
            scope,
            name: &[],
            fields: &[],
            parents: &[],
            root: false,
            outcome: None,
            metrics: &[],
            stream: None,
            at_end: None,
            site: Site::new(),
            facts: Facts::new(),
        }
    }

    /// How it is named.
    #[must_use]
    pub const fn name(mut self, parts: &'static [NamePart]) -> Self {
        self.name = parts;
        self
    }

    /// What it may carry, its records' attributes included.
    #[must_use]
    pub const fn fields(mut self, fields: &'static [Field]) -> Self {
        self.fields = fields;
        self
    }

    /// The types of the spans it may stand under.
    #[must_use]
    pub const fn parents(mut self, parents: &'static [&'static str]) -> Self {
        self.parents = parents;
        self
    }

    /// It may stand under nothing, a foreign span, or a remote context.
    #[must_use]
    pub const fn root(mut self) -> Self {
        self.root = true;
        self
    }

    /// The attribute that tells how it ended.
    #[must_use]
    pub const fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = Some(outcome);
        self
    }

    /// The measurements that derive from it when it ends.
    #[must_use]
    pub const fn metrics(mut self, metrics: &'static [Derived]) -> Self {
        self.metrics = metrics;
        self
    }

    /// What is recorded of it if its work comes in chunks.
    #[must_use]
    pub const fn stream(mut self, stream: StreamDefinition) -> Self {
        self.stream = Some(stream);
        self
    }

    /// The event that it sends when it ends, where content goes into events.
    #[must_use]
    pub const fn at_end(mut self, event: &'static EventDefinition) -> Self {
        self.at_end = Some(event);
        self
    }

    /// Its type in the registry: `gen_ai.inference.client`.
    pub const fn span_type(&self) -> &'static str {
        self.span_type
    }

    /// What it may carry.
    pub const fn attributes(&self) -> &'static [Field] {
        self.fields
    }

    /// Its attribute of that key.
    pub fn field(&self, key: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| same(field.key(), key))
    }

    /// Where among its fields the attribute of that key is.
    #[inline]
    pub(crate) fn place(&self, key: &'static str) -> Option<usize> {
        self.facts.places.of(self.fields, key)
    }
}

/// What is recorded on a span whose work comes in chunks.
#[derive(Clone, Copy, Debug)]
pub struct StreamDefinition {
    pub(crate) flag: Option<&'static str>,
    pub(crate) time_to_first_chunk: &'static str,
    pub(crate) time_per_output_chunk: Option<&'static MetricDefinition>,
}

impl StreamDefinition {
    /// The first chunk sets this attribute: the time since the span started, in seconds.
    pub const fn new(time_to_first_chunk: &'static str) -> Self {
        Self {
            flag: None,
            time_to_first_chunk,
            time_per_output_chunk: None,
        }
    }

    /// The boolean attribute that says that it streams.
    #[must_use]
    pub const fn flag(mut self, key: &'static str) -> Self {
        self.flag = Some(key);
        self
    }

    /// Each chunk but the first is measured: the time since the one before, in seconds.
    #[must_use]
    pub const fn time_per_output_chunk(mut self, metric: &'static MetricDefinition) -> Self {
        self.time_per_output_chunk = Some(metric);
        self
    }
}

/// The attribute that tells how a span ended, and the members that stand for it.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// Its key.
    pub key: &'static str,
    /// It went well.
    pub ok: &'static str,
    /// It failed.
    pub error: &'static str,
    /// It took too long.
    pub timeout: Option<&'static str>,
    /// Nobody waited for its end.
    pub cancelled: &'static str,
}

/// Attributes that are recorded on an open span in one call.
#[derive(Debug)]
pub struct RecordDefinition {
    pub(crate) id: &'static str,
    pub(crate) fields: &'static [Field],
    pub(crate) event: Option<&'static EventDefinition>,
    metrics: &'static [Derived],
    derivation: OnceLock<Derivation>,
    pub(crate) places: Places,
}

impl RecordDefinition {
    /// A record of these attributes.
    pub const fn new(id: &'static str, fields: &'static [Field]) -> Self {
        Self {
            id,
            fields,
            event: None,
            metrics: &[],
            derivation: OnceLock::new(),
            places: Places::new(),
        }
    }

    /// Each call sends this event with the same attributes.
    #[must_use]
    pub const fn event(mut self, event: &'static EventDefinition) -> Self {
        self.event = Some(event);
        self
    }

    /// The measurements that are made at each call.
    #[must_use]
    pub const fn metrics(mut self, metrics: &'static [Derived]) -> Self {
        self.metrics = metrics;
        self
    }

    /// What it measures at each call, if it does.
    #[inline]
    pub(crate) fn measures(&'static self) -> Option<(&'static [Derived], &'static Derivation)> {
        let derivation = || self.derivation.get_or_init(|| Derivation::of(self.metrics));
        (!self.metrics.is_empty()).then(|| (self.metrics, derivation()))
    }

    /// Its id in the registry: `life.budget`.
    pub const fn id(&self) -> &'static str {
        self.id
    }
}

/// An event.
#[derive(Debug)]
pub struct EventDefinition {
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [Field],
    pub(crate) keep_last: bool,
    pub(crate) has_body: bool,
    pub(crate) site: Site,
    pub(crate) places: Places,
}

impl EventDefinition {
    /// An event of that name with these attributes.
    pub const fn new(name: &'static str, fields: &'static [Field]) -> Self {
        Self {
            name,
            fields,
            keep_last: false,
            has_body: false,
            site: Site::new(),
            places: Places::new(),
        }
    }

    /// The span on which it happens keeps the last values as attributes.
    #[must_use]
    pub const fn keep_last(mut self) -> Self {
        self.keep_last = true;
        self
    }

    /// It has a body beside its attributes.
    #[must_use]
    pub const fn with_body(mut self) -> Self {
        self.has_body = true;
        self
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What it may carry.
    pub const fn attributes(&self) -> &'static [Field] {
        self.fields
    }
}

/// What a metric is made with, and the type of its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstrumentKind {
    /// Only grows; `int`.
    CounterInt,
    /// Only grows; `double`.
    CounterDouble,
    /// Grows and shrinks; `int`.
    UpDownCounterInt,
    /// Grows and shrinks; `double`.
    UpDownCounterDouble,
    /// The last value counts; `int`.
    GaugeInt,
    /// The last value counts; `double`.
    GaugeDouble,
    /// The distribution counts; `int`.
    HistogramInt,
    /// The distribution counts; `double`.
    HistogramDouble,
}

/// A metric.
#[derive(Debug)]
pub struct MetricDefinition {
    pub(crate) name: &'static str,
    pub(crate) kind: InstrumentKind,
    pub(crate) unit: &'static str,
    pub(crate) description: &'static str,
    pub(crate) scope: &'static Scope,
    pub(crate) boundaries: &'static [f64],
    pub(crate) fields: &'static [Field],
    pub(crate) opt_in: Option<OptInMetric>,
    /// It is emitted only for whoever opts in.
    pub(crate) waits: bool,
    /// Counted from one when it is first measured.
    number: AtomicUsize,
}

impl MetricDefinition {
    /// A metric of that name and kind.
    pub const fn new(
        name: &'static str,
        kind: InstrumentKind,
        unit: &'static str,
        description: &'static str,
        scope: &'static Scope,
    ) -> Self {
        Self {
            name,
            kind,
            unit,
            description,
            scope,
            boundaries: &[],
            fields: &[],
            opt_in: None,
            waits: false,
            number: AtomicUsize::new(0),
        }
    }

    /// Its place among the metrics that this process has measured.
    #[inline]
    pub(crate) fn number(&'static self) -> usize {
        static NEXT: AtomicUsize = AtomicUsize::new(1);

        let number = self.number.load(Ordering::Relaxed);
        if number > 0 {
            return number - 1;
        }
        // Before anybody makes an instrument of it.
        crate::views::register(self);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let set = self
            .number
            .compare_exchange(0, next, Ordering::Relaxed, Ordering::Relaxed);
        // Another thread may have been faster: its number counts, and this one stands for nothing.
        set.map_or_else(|theirs| theirs - 1, |_| next - 1)
    }

    /// The upper bounds of a histogram's buckets.
    #[must_use]
    pub const fn boundaries(mut self, boundaries: &'static [f64]) -> Self {
        self.boundaries = boundaries;
        self
    }

    /// What its measurements carry.
    #[must_use]
    pub const fn fields(mut self, fields: &'static [Field]) -> Self {
        self.fields = fields;
        self
    }

    /// It is emitted only for whoever opts in to `category`.
    #[must_use]
    pub const fn opt_in(mut self, category: &'static str) -> Self {
        self.waits = true;
        self.replaced(category, &[])
    }

    /// Others take its place for whoever opts in to `category`.
    #[must_use]
    pub const fn replaced(
        mut self,
        category: &'static str,
        replaced_by: &'static [Replacement],
    ) -> Self {
        self.opt_in = Some(OptInMetric {
            category,
            replaced_by,
        });
        self
    }

    /// Whether measurements may leave under its name, where that is opted in to.
    pub fn is_emitted(&self, opt_in: &StabilityOptIn) -> bool {
        let Some(own) = &self.opt_in else {
            return true;
        };
        let names = opt_in.names(own.category);
        if own.replaced_by.is_empty() {
            return names.has_latest();
        }
        let others = own.replaced_by;
        let takes_all = others.iter().any(|it| it.only.is_empty());
        // Each member of a closed enum is taken by one of them.
        let take_each = self.fields.iter().any(|field| {
            let takes = |member| others.iter().any(|it| it.only == [(field.key(), member)]);
            let mut members = field.attribute.closed.iter().copied().flatten();
            field.attribute.closed.is_some() && members.all(|member| takes(*member))
        });
        names.has_former() || !takes_all && !take_each
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What it may carry.
    pub const fn attributes(&self) -> &'static [Field] {
        self.fields
    }

    /// Its attribute of that key.
    pub fn field(&self, key: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.key() == key)
    }
}

/// What becomes of a metric for whoever opts in to a category.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OptInMetric {
    pub(crate) category: &'static str,
    /// What takes its place then; nothing: it is emitted only then.
    pub(crate) replaced_by: &'static [Replacement],
}

/// A metric that takes measurements of another one, for whoever opts in.
#[derive(Clone, Copy, Debug)]
pub struct Replacement {
    pub(crate) metric: &'static MetricDefinition,
    pub(crate) only: &'static [(&'static str, &'static str)],
    pub(crate) with: &'static [(&'static str, &'static str)],
}

impl Replacement {
    /// That metric takes them.
    pub const fn new(metric: &'static MetricDefinition) -> Self {
        Self {
            metric,
            only: &[],
            with: &[],
        }
    }

    /// It takes those alone that have these attributes.
    #[must_use]
    pub const fn only(mut self, attributes: &'static [(&'static str, &'static str)]) -> Self {
        self.only = attributes;
        self
    }

    /// Attributes that it adds to them.
    #[must_use]
    pub const fn with(mut self, attributes: &'static [(&'static str, &'static str)]) -> Self {
        self.with = attributes;
        self
    }
}

/// A measurement that derives from a span or a record.
#[derive(Clone, Copy, Debug)]
pub struct Derived {
    pub(crate) metric: &'static MetricDefinition,
    pub(crate) value: Measured,
    pub(crate) with: &'static [(&'static str, &'static str)],
}

impl Derived {
    /// A measurement of that metric.
    pub const fn new(metric: &'static MetricDefinition, value: Measured) -> Self {
        Self {
            metric,
            value,
            with: &[],
        }
    }

    /// Attributes that it has beside those of the span or record.
    #[must_use]
    pub const fn with(mut self, attributes: &'static [(&'static str, &'static str)]) -> Self {
        self.with = attributes;
        self
    }
}

/// The value of a derived measurement.
#[derive(Clone, Copy, Debug)]
pub enum Measured {
    /// How long the span was open, in seconds.
    Duration,
    /// One.
    Count,
    /// The value of that attribute; no measurement where there is none.
    Attribute(&'static str),
}

/// Everything that a registry defines, for whoever checks telemetry against it.
#[derive(Debug)]
pub struct Registry {
    /// The scope of its spans and metrics.
    pub scope: &'static Scope,
    /// Its attributes, a slice for each namespace.
    pub attributes: &'static [&'static [&'static AttributeDefinition]],
    /// Its spans.
    pub spans: &'static [&'static SpanDefinition],
    /// Its metrics.
    pub metrics: &'static [&'static MetricDefinition],
    /// Its events.
    pub events: &'static [&'static EventDefinition],
    /// Those that it refers to, and whose code is elsewhere.
    pub dependencies: &'static [&'static Registry],
}

impl Registry {
    /// The attribute of that key, of this registry or of those that it refers to.
    pub fn attribute(&self, key: &str) -> Option<&'static AttributeDefinition> {
        let here = self.attributes.iter().flat_map(|namespace| *namespace);
        let found = here.copied().find(|attribute| attribute.key == key);
        found.or_else(|| self.dependencies.iter().find_map(|it| it.attribute(key)))
    }

    /// The categories that some of its names are opted in to by, each once.
    pub(crate) fn opt_in_categories(&self) -> Vec<&'static str> {
        let attributes = self.attributes.iter().flat_map(|namespace| *namespace);
        let keys = attributes.filter_map(|it| it.opt_in);
        let spans = self.spans.iter().flat_map(|it| it.fields);
        let events = self.events.iter().flat_map(|it| it.fields);
        let fields = spans.chain(events).filter_map(|it| it.opt_in);
        let metrics = self.metrics.iter().filter_map(|it| it.opt_in);
        let metrics = metrics.map(|it| it.category);
        let mut all: Vec<_> = keys
            .chain(fields)
            .map(|it| it.category)
            .chain(metrics)
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// This one, and those that it refers to.
    #[cfg(feature = "testing")]
    pub(crate) fn all(&self) -> Vec<&Self> {
        let further = self.dependencies.iter().flat_map(|it| it.all());
        std::iter::once(self).chain(further).collect()
    }
}
