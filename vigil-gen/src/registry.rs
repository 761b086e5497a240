//! The resolved registry: what the YAML means, once every reference has been followed.
//!
//! [`read_registry`](crate::read_registry) builds it, and [`lower`](crate::lower()) reads it.
//! Nothing here knows of YAML, of files or of Rust: keys are the registry's own, lists are in the order of the definitions, maps are sorted.
//!
//! Invariant: a `Registry` is only ever built without errors. Every key that it mentions is
//! defined, every contract is checked, so that the later stages cannot fail on content.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::date::Date;

/// A whole registry, resolved and checked.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Registry {
    /// What `manifest.yaml` says.
    pub manifest: Manifest,
    /// Every attribute, by key.
    pub attributes: BTreeMap<String, Attribute>,
    /// Every public attribute group, by id, its references resolved.
    pub groups: BTreeMap<String, Group>,
    /// Every span, by type.
    pub spans: BTreeMap<String, Span>,
    /// Every metric, by name.
    pub metrics: BTreeMap<String, Metric>,
    /// Every event, by name.
    pub events: BTreeMap<String, Event>,
    /// Every entity, by type.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub entities: BTreeMap<String, Entity>,
}

/// The registry's own description.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Manifest {
    /// The URL under which consumers find this version of the conventions.
    pub schema_url: String,
    /// What the registry is about.
    pub description: String,
    /// How far its readers may rely on it.
    pub stability: Stability,
}

impl Manifest {
    /// The version of the conventions: the last part of the schema URL.
    pub fn version(&self) -> &str {
        let url = self.schema_url.as_str();
        url.rsplit_once('/').map_or(url, |(_, version)| version)
    }
}

/// Where a definition stands in the tree of sources.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Origin {
    /// The file, relative to the registry, with `/` between its parts: `gen_ai/spans.yaml`.
    pub file: String,
    /// The first directory of that path, or the file's stem where there is none: `gen_ai`.
    pub namespace: String,
    /// The registry, by name, if it is another one that this one depends on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
}

/// How far a definition may be relied on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stability {
    /// May change or vanish at any time.
    #[default]
    Development,
    /// Feature complete, may still change.
    Alpha,
    /// Unlikely to change.
    Beta,
    /// About to become stable.
    ReleaseCandidate,
    /// Does not change any more.
    Stable,
}

/// That a definition is not to be used any more, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deprecated {
    /// What became of it.
    pub reason: DeprecationReason,
    /// The author's own words, empty if there are none.
    pub note: String,
}

impl Deprecated {
    /// The name that it lives on under, if it was renamed.
    pub fn new_name(&self) -> Option<&str> {
        match &self.reason {
            DeprecationReason::Renamed(to) => Some(to),
            _ => None,
        }
    }
}

/// What became of a deprecated definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeprecationReason {
    /// It lives on under this name.
    Renamed(String),
    /// Nothing took its place.
    Obsoleted,
    /// It can't be told in one of the other ways.
    Uncategorized,
    /// The author gave no reason.
    Unspecified,
}

/// What every definition says of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Docs {
    /// One sentence or two.
    pub brief: String,
    /// More, empty if there is none.
    pub note: String,
    /// How far it may be relied on.
    pub stability: Stability,
    /// Set if it is not to be used any more.
    pub deprecated: Option<Deprecated>,
    /// Who answers for it: `annotations.vigil.owner`, or whom the manifest names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// `annotations.vigil.expires`: the day from which on it is to be looked at again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Date>,
    /// Where it is defined.
    pub origin: Origin,
}

/// A definition of `attributes`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Attribute {
    /// The name on the wire: `gen_ai.request.model`.
    pub key: String,
    /// The type of its values.
    #[serde(rename = "type")]
    pub ty: AttributeType,
    /// Values that one may meet, as YAML.
    pub examples: Vec<serde_yaml::Value>,
    /// Brief, note, stability, deprecation, origin.
    pub docs: Docs,
    /// `annotations.vigil.unit`: a UCUM unit of its values, such as `s`.
    pub unit: Option<String>,
    /// `annotations.vigil.identity`: names one session, run, call or response; never on a metric.
    pub identity: bool,
    /// `annotations.vigil.sensitive`: content, recorded only through the capture gate.
    pub sensitive: bool,
    /// `annotations.vigil.inherited`: given on the root span, it stands on every span under it.
    pub inherited: bool,
    /// `annotations.vigil.filled_from`: takes the value of that attribute unless given.
    pub filled_from: Option<String>,
    /// `annotations.vigil.stability_opt_in`: set if it has another key for whoever opts in to that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stability_opt_in: Option<OptInKey>,
}

/// The key that an attribute has for whoever opts in to a category.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OptInKey {
    /// The category, as `OTEL_SEMCONV_STABILITY_OPT_IN` names it.
    pub category: String,
    /// The key that it has then.
    pub renamed_to: String,
}

/// The type of an attribute's values.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AttributeType {
    /// `string`
    String,
    /// `int`, 64 bits, signed.
    Int,
    /// `double`
    Double,
    /// `boolean`
    Boolean,
    /// `any`: a structured value, carried as JSON text on spans.
    Any,
    /// `string[]`, `int[]`, `double[]`, `boolean[]`.
    Array(PrimitiveType),
    /// `template[string]` and its like: the key is a prefix.
    Template(Box<AttributeType>),
    /// A list of members.
    Enum(EnumType),
}

/// A type that arrays hold and enums are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PrimitiveType {
    /// `string`
    String,
    /// `int`
    Int,
    /// `double`
    Double,
    /// `boolean`
    Boolean,
}

/// The members of an enum attribute, all of one primitive type.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EnumType {
    /// `annotations.vigil.type`: the name of the Rust type, shared by all that give the same.
    pub shared_name: Option<String>,
    /// `annotations.vigil.closed`: no other value is possible.
    pub closed: bool,
    /// The type of the members' values.
    pub primitive: PrimitiveType,
    /// The members, in order.
    pub members: Vec<EnumMember>,
}

/// One value of an enum attribute.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EnumMember {
    /// Its name in the registry.
    pub id: String,
    /// What is sent.
    pub value: EnumValue,
    /// Brief, note, stability, deprecation; the origin is the attribute's.
    pub docs: Docs,
    /// Deprecated members with the same value, which this one stands for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<MemberAlias>,
}

/// A former name of an enum member: another id for the same value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MemberAlias {
    /// Its name in the registry.
    pub id: String,
    /// Brief, note, stability, and why it is deprecated.
    pub docs: Docs,
}

/// What an enum member is on the wire.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum EnumValue {
    /// A string.
    String(String),
    /// An integer.
    Int(i64),
    /// A boolean.
    Boolean(bool),
}

impl EnumValue {
    /// The type that it is of.
    pub(crate) fn primitive(&self) -> PrimitiveType {
        match self {
            Self::String(_) => PrimitiveType::String,
            Self::Int(_) => PrimitiveType::Int,
            Self::Boolean(_) => PrimitiveType::Boolean,
        }
    }
}

/// A reference to an attribute from a span, group, metric or event, with all that it says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AttributeRef {
    /// The key of the attribute.
    pub key: String,
    /// How much it is asked for, here.
    pub level: RequirementLevel,
    /// The reference's own brief, or the attribute's.
    pub brief: String,
    /// The reference's own note, or the attribute's.
    pub note: String,
    /// The reference's own examples, as YAML; empty: the attribute's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<serde_yaml::Value>,
    /// The reference's own stability; none: the attribute's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stability: Option<Stability>,
    /// Set if the attribute is not to be used any more, here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<Deprecated>,
    /// Samplers look at it: it is given when the span starts and does not change.
    pub sampling_relevant: bool,
    /// `annotations.vigil.value`: the one value it has here.
    pub value: Option<EnumValue>,
    /// `annotations.vigil.set`: when it is given.
    pub set: SetTime,
    /// `annotations.vigil.aggregate`: what becomes of a second value on the same span.
    pub aggregate: Aggregate,
    /// `annotations.vigil.outcome`: its value says how the span ended.
    pub outcome: bool,
    /// `annotations.vigil.cardinality`: how many values a metric admits.
    pub cardinality: Option<u32>,
    /// `annotations.vigil.stability_opt_in`, here or on the attribute: set if it has another key for
    /// whoever opts in to that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stability_opt_in: Option<OptInKey>,
    /// The public group that this reference came with, if any. For a span, the record's id.
    pub from_group: Option<String>,
}

/// How much an attribute is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RequirementLevel {
    /// Always there.
    Required,
    /// There if the condition holds.
    ConditionallyRequired(String),
    /// There unless something speaks against it; the text may say what.
    Recommended(Option<String>),
    /// There only if asked for.
    OptIn(Option<String>),
}

/// When an attribute of a span is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SetTime {
    /// To the builder.
    #[default]
    Start,
    /// To the open span.
    Later,
    /// By Vigil itself.
    Runtime,
}

/// What becomes of a second value of an attribute on the same span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// It takes the first one's place.
    #[default]
    Last,
    /// It is added to the first (`int`, `double`).
    Sum,
    /// Its elements follow the first one's (arrays).
    Append,
}

/// A public attribute group.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// Its id.
    pub id: String,
    /// Brief, note, stability, deprecation, origin.
    pub docs: Docs,
    /// Its attributes, nested groups unfolded.
    pub attributes: Vec<AttributeRef>,
    /// `annotations.vigil.record`: set if a span can record it.
    pub record: Option<Record>,
}

/// A group of attributes that is recorded on an open span in one call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Record {
    /// The name of the method, without `record_`: `budget`.
    pub name: String,
    /// The type of the span that it is recorded on.
    pub on: String,
    /// The members of that span's `type_per` enum where it may be; empty: all of them.
    pub phases: Vec<String>,
    /// The metrics that are fed at the call (its own list and theirs).
    pub metrics: Vec<String>,
    /// The event that goes out with each call.
    pub event: Option<String>,
}

/// The kind of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SpanKind {
    /// Inside the process.
    Internal,
    /// A call to another service.
    Client,
    /// Serving such a call.
    Server,
    /// Handing a message over.
    Producer,
    /// Taking a message up.
    Consumer,
}

/// A span, with its contract.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Span {
    /// Its type: `gen_ai.inference.client`.
    #[serde(rename = "type")]
    pub ty: String,
    /// Its kind.
    pub kind: SpanKind,
    /// Its name.
    pub name: SpanName,
    /// Brief, note, stability, deprecation, origin.
    pub docs: Docs,
    /// Its own attributes in order, groups unfolded; then those of its records, by record id.
    pub attributes: Vec<AttributeRef>,
    /// The contract, if it has one.
    pub contract: Option<Contract>,
    /// The records that may be made on it, by id.
    pub records: Vec<String>,
    /// The metrics that derive from it when it ends (its own list and theirs).
    pub metrics: Vec<String>,
    /// `annotations.vigil.stream`: set if its work may come in chunks.
    pub stream: Option<Stream>,
    /// The event that it sends when it ends.
    pub at_end: Option<String>,
    /// What it may be associated with, as `entity_associations` says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entity_associations: Vec<EntityAssociation>,
}

/// What is recorded on a span whose work comes in chunks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stream {
    /// The boolean attribute that says so.
    pub flag: Option<String>,
    /// The attribute that takes the time from the span's start to the first chunk, in seconds.
    pub time_to_first_chunk: String,
    /// The metric that takes the time from each chunk to the next, in seconds.
    pub time_per_output_chunk: Option<String>,
}

/// How a span is named.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SpanName {
    /// Words and placeholders.
    Pattern(Vec<NamePart>),
    /// Prose: whoever starts the span names it.
    Prose(String),
}

/// A word of a span's name.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NamePart {
    /// Stands as it is.
    Word(String),
    /// The value of that attribute; dropped with its space where there is none.
    Key(String),
}

/// Where a span may stand. `annotations.vigil` of a span.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Contract {
    /// `builder`: the name of the function that starts it: `chat_span`.
    pub builder: String,
    /// `root`: it may stand under nothing, under a foreign span, and under a remote context.
    pub root: bool,
    /// `parents`: the types of the spans it may stand under.
    pub parents: Vec<String>,
    /// `phases`: the members of the parents' `type_per` enum it may stand under; empty: all.
    pub phases: Vec<String>,
    /// `type_per`: the enum attribute each member of which is a Rust type of its own.
    pub type_per: Option<String>,
    /// `immediate`: the function starts the span, rather than a builder.
    pub immediate: bool,
}

/// What a metric is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Instrument {
    /// Only grows.
    Counter,
    /// Grows and shrinks.
    UpDownCounter,
    /// The last value counts.
    Gauge,
    /// The distribution counts.
    Histogram,
}

/// The type of a metric's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberType {
    /// 64 bits, signed.
    Int,
    /// 64 bits, floating.
    Double,
}

/// A metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// What it is made with.
    pub instrument: Instrument,
    /// Its unit, in UCUM.
    pub unit: String,
    /// `annotations.code_generation.metric_value_type`
    pub value_type: NumberType,
    /// `annotations.vigil.boundaries`: upper bounds of the buckets; empty: the SDK's.
    pub boundaries: Vec<f64>,
    /// Brief, note, stability, deprecation, origin.
    pub docs: Docs,
    /// Its attributes.
    pub attributes: Vec<AttributeRef>,
    /// `annotations.vigil.measures`: what a derived measurement takes as its value.
    pub measures: Vec<Measure>,
    /// `annotations.vigil.stability_opt_in`: set if it depends on what is opted in to whether it is
    /// emitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stability_opt_in: Option<OptInMetric>,
    /// What it may be associated with, as `entity_associations` says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entity_associations: Vec<EntityAssociation>,
}

/// What becomes of a metric for whoever opts in to a category.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OptInMetric {
    /// The category, as `OTEL_SEMCONV_STABILITY_OPT_IN` names it.
    pub category: String,
    /// The metrics that take its measurements then; empty: it is emitted only then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replaced_by: Vec<Replacement>,
}

/// A metric that takes measurements of another one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Replacement {
    /// Its name.
    pub metric: String,
    /// It takes those with these attributes; empty: all.
    #[serde(rename = "where", skip_serializing_if = "BTreeMap::is_empty")]
    pub only: BTreeMap<String, EnumValue>,
    /// Attributes that it adds to them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub with: BTreeMap<String, EnumValue>,
}

/// The value of a derived measurement.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measure {
    /// Where the value comes from.
    pub value: MeasuredValue,
    /// Attributes that it adds: `gen_ai.token.type: input`.
    pub with: BTreeMap<String, EnumValue>,
}

/// Where the value of a derived measurement comes from.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasuredValue {
    /// `duration`: how long the span was open.
    Duration,
    /// `count`: one for each span or record.
    Count,
    /// `chunk`: the time from each chunk of a stream to the next.
    Chunk,
    /// The value of that attribute, where it is given.
    Attribute(String),
}

/// An event.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// Its name.
    pub name: String,
    /// Brief, note, stability, deprecation, origin.
    pub docs: Docs,
    /// Its attributes.
    pub attributes: Vec<AttributeRef>,
    /// `annotations.vigil.keep_last`: the span that it happens on keeps the last values.
    pub keep_last: bool,
    /// `annotations.vigil.at_end_of`: the type of the span that sends it when it ends.
    pub at_end_of: Option<String>,
    /// What the event's body holds. Only the older format has bodies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
    /// What it may be associated with, as `entity_associations` says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entity_associations: Vec<EntityAssociation>,
}

/// The body of an event, or a field of one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Body {
    /// Its name within what holds it.
    pub id: String,
    /// The type, as it is written: `map`, `string[]`, `undefined`.
    #[serde(rename = "type")]
    pub ty: String,
    /// Brief, note, stability, deprecation.
    pub docs: Docs,
    /// How much it is asked for.
    pub level: RequirementLevel,
    /// Values that one may meet, as YAML.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<serde_yaml::Value>,
    /// What a `map` holds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Body>,
    /// The values of an `enum`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<EnumMember>,
}

impl Body {
    /// The members as a type of their own, if their values are of one type.
    pub(crate) fn enum_type(&self) -> Option<EnumType> {
        let primitive = self.members.first()?.value.primitive();
        // A former name of a value makes no member of its own, as with attributes.
        let mut own: Vec<EnumMember> = Vec::new();
        for member in &self.members {
            if member.value.primitive() != primitive {
                return None;
            }
            match own.iter_mut().find(|other| other.value == member.value) {
                Some(other) if other.docs.deprecated.is_some() => *other = member.clone(),
                Some(_) => {}
                None => own.push(member.clone()),
            }
        }
        Some(EnumType {
            shared_name: None,
            closed: false,
            primitive,
            members: own,
        })
    }
}

/// Something that telemetry is about: a service, a host, a container.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entity {
    /// Its type.
    #[serde(rename = "type")]
    pub ty: String,
    /// Brief, note, stability, deprecation, origin.
    pub docs: Docs,
    /// The attributes that tell it from others of its type.
    pub identity: Vec<AttributeRef>,
    /// Those that say more of it.
    pub description: Vec<AttributeRef>,
}

/// The entities that a signal may be associated with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EntityAssociation {
    /// An entity, by type.
    Entity(String),
    /// One of these.
    OneOf(Vec<EntityAssociation>),
    /// All of these.
    AllOf(Vec<EntityAssociation>),
}
