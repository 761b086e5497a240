//! What `definition/2` and the older format of `groups:` allow: the definitions as they are
//! written, before any reference is followed, and how each is read. Both make the same definitions:
//! what comes after this stage does not know in which of them a file was written.
//!
//! A definition that is wrong in one place is still read in all others. What could not be read is
//! `None` (or absent from a list); whoever reported it has done so, and later stages pass over it.

mod attribute;
mod body;
mod common;
#[cfg(test)]
mod documented;
pub(crate) mod fields;
mod groups;
mod json;
mod manifest;
mod notes;
mod older;
mod places;
mod reference;
mod sections;
pub(crate) mod shape;
mod signal;
mod unit;
mod upkeep;

use std::collections::BTreeSet;

use crate::date::Date;
use crate::diagnostic::{Diagnostics, Location};
use crate::locations::{Kind, Locations};
use crate::registry::{
    Aggregate, AttributeType, Body, Deprecated, Docs, EntityAssociation, EnumValue, Instrument,
    Manifest, NumberType, Origin, RequirementLevel, SetTime, SpanKind, Stability,
};
use crate::source::FileId;
use crate::yaml::Node;

pub(crate) use attribute::{read_examples_of, scalar_fits, value_text};
pub(crate) use fields::Fields;
pub(crate) use groups::read_groups;
pub use json::{FileKind, json_schema};
pub(crate) use manifest::read_manifest;
pub(crate) use older::GROUPS;
pub(crate) use sections::{FILE_FORMAT, SECTIONS};
pub(crate) use signal::read_section;
pub(crate) use upkeep::{Allow, read_allows};

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub at: Location,
}

impl<T> Located<T> {
    /// A value at a place.
    pub(crate) fn new(value: T, at: Location) -> Self {
        Self { value, at }
    }
}

/// All definitions of a registry.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    /// What the manifest says.
    pub manifest: Manifest,
    /// `attributes`
    pub attributes: Vec<AttributeDef>,
    /// `attribute_groups`
    pub groups: Vec<GroupDef>,
    /// `spans` and `span_refinements`
    pub spans: Vec<SpanDef>,
    /// `metrics` and `metric_refinements`
    pub metrics: Vec<MetricDef>,
    /// `events` and `event_refinements`
    pub events: Vec<EventDef>,
    /// `entities` and `entity_refinements`
    pub entities: Vec<EntityDef>,
    /// The groups that only their own registry may refer to.
    pub internal_groups: BTreeSet<String>,
    /// What is imported from the registries that a registry depends on.
    pub imports: Vec<Import>,
    /// Whether a file imports entities from elsewhere, whose names can't be checked.
    pub imports_entities: bool,
    /// The registries, each after those that it depends on; the last is the one asked for.
    pub registries: Vec<RegistryDef>,
    /// Whether there are files whose definitions could not be read: what is mentioned may be there.
    pub incomplete: bool,
    /// Where each of them stands.
    pub locations: Locations,
    /// The lints that are suppressed in the registry that was asked for.
    pub allows: Vec<Allow>,
}

impl Definitions {
    /// What each definition says of itself, by its name.
    pub(crate) fn docs_mut(&mut self) -> impl Iterator<Item = (&str, &mut DocsDef)> {
        let attributes = self.attributes.iter_mut();
        let attributes = attributes.map(|it| (it.key.value.as_str(), &mut it.docs));
        let groups = self.groups.iter_mut();
        let groups = groups.map(|it| (it.id.value.as_str(), &mut it.docs));
        let spans = self.spans.iter_mut();
        let spans = spans.map(|it| (it.ty.value.as_str(), &mut it.docs));
        let metrics = self.metrics.iter_mut();
        let metrics = metrics.map(|it| (it.name.value.as_str(), &mut it.docs));
        let events = self.events.iter_mut();
        let events = events.map(|it| (it.name.value.as_str(), &mut it.docs));
        let entities = self.entities.iter_mut();
        let entities = entities.map(|it| (it.ty.value.as_str(), &mut it.docs));
        let signals = spans.chain(metrics).chain(events).chain(entities);
        attributes.chain(groups).chain(signals)
    }

    /// The registry that a file belongs to: its files follow its directory.
    pub(crate) fn registry_of(&self, file: FileId) -> Option<&RegistryDef> {
        let before = self.registries.iter().filter(|it| it.root <= file);
        before.max_by_key(|it| it.root)
    }
}

/// A registry, as others know it.
#[derive(Clone, Debug)]
pub(crate) struct RegistryDef {
    /// Its directory.
    pub root: FileId,
    /// What it is called.
    pub name: String,
    /// Its schema URL, or that which it is to have.
    pub schema_url: Option<String>,
    /// What it may refer to: itself, and all that it depends on.
    pub sees: BTreeSet<FileId>,
}

/// An item of `imports`.
#[derive(Clone, Debug)]
pub(crate) struct Import {
    /// What is imported.
    pub(crate) kind: Kind,
    /// Its name, in which `*` stands for anything.
    pub pattern: Located<String>,
}

/// What every definition may say of itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct DocsDef {
    /// `brief`
    pub brief: Option<String>,
    /// `note`
    pub note: Option<String>,
    /// `stability`
    pub stability: Option<Stability>,
    /// `deprecated`; the place is that of `renamed_to` where there is one.
    pub deprecated: Option<Located<Deprecated>>,
    /// `annotations.vigil.owner`, or whom the manifest names.
    pub owner: Option<String>,
    /// `annotations.vigil.expires`
    pub expires: Option<Date>,
    /// The file.
    pub origin: Origin,
}

impl DocsDef {
    /// The docs, with what is not said taken from the definition that this one refines.
    pub(crate) fn over(&self, base: Option<&Docs>) -> Docs {
        let base = base.cloned().unwrap_or_default();
        Docs {
            brief: self.brief.clone().unwrap_or(base.brief),
            note: self.note.clone().unwrap_or(base.note),
            stability: self.stability.unwrap_or(base.stability),
            deprecated: self
                .deprecated
                .as_ref()
                .map(|it| it.value.clone())
                .or(base.deprecated),
            owner: self.owner.clone().or(base.owner),
            expires: self.expires.or(base.expires),
            origin: self.origin.clone(),
        }
    }
}

/// An item of `attributes`.
#[derive(Clone, Debug)]
pub(crate) struct AttributeDef {
    /// `key`
    pub key: Located<String>,
    /// `type`
    pub ty: Option<AttributeType>,
    /// Where each member's `renamed_to` stands, and what it says.
    pub member_renames: Vec<(String, Located<String>)>,
    /// `examples`, one by one.
    pub examples: Vec<serde_yaml::Value>,
    /// Brief, note, stability, deprecation.
    pub docs: DocsDef,
    /// `annotations.vigil`
    pub notes: AttributeNotes,
}

/// `annotations.vigil` of an attribute.
#[derive(Clone, Debug, Default)]
pub(crate) struct AttributeNotes {
    /// `identity`
    pub identity: bool,
    /// `sensitive`
    pub sensitive: bool,
    /// `inherited`
    pub inherited: Option<Located<bool>>,
    /// `filled_from`
    pub filled_from: Option<Located<String>>,
    /// `closed`
    pub closed: Option<Located<bool>>,
    /// `type`
    pub shared_name: Option<Located<String>>,
    /// `unit`
    pub unit: Option<Located<String>>,
}

/// An item of a list of references.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// `ref`
    Attribute(Box<RefDef>),
    /// `ref_group`
    Group(Located<String>),
}

/// A reference to an attribute.
#[derive(Clone, Debug)]
pub(crate) struct RefDef {
    /// `ref`
    pub key: Located<String>,
    /// `requirement_level`
    pub level: Option<RequirementLevel>,
    /// Whether it is there and could not be read.
    pub level_unread: bool,
    /// `brief`
    pub brief: Option<String>,
    /// `note`
    pub note: Option<String>,
    /// `examples`
    pub examples: Option<Node>,
    /// Whether they must be of the attribute's type.
    pub examples_checked: bool,
    /// `stability`
    pub stability: Option<Stability>,
    /// `deprecated`; the place is that of `renamed_to` where there is one.
    pub deprecated: Option<Located<Deprecated>>,
    /// Whether it tells an entity from others. The older format writes it as `role`.
    pub identifying: Option<bool>,
    /// `sampling_relevant`
    pub sampling_relevant: Option<Located<bool>>,
    /// `annotations.vigil`
    pub notes: RefNotes,
}

/// `annotations.vigil` of a reference.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RefNotes {
    /// `value`
    pub value: Option<Located<EnumValue>>,
    /// `set`
    pub set: Option<Located<SetTime>>,
    /// `aggregate`
    pub aggregate: Option<Located<Aggregate>>,
    /// `outcome`
    pub outcome: Option<Located<bool>>,
    /// `cardinality`
    pub cardinality: Option<Located<u32>>,
}

/// What `entity_associations` says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Associations {
    /// The list.
    pub list: Vec<EntityAssociation>,
    /// Every entity that it names.
    pub names: Vec<Located<String>>,
}

/// An item of `attribute_groups`, or the attributes of an item of `groups`.
#[derive(Clone, Debug)]
pub(crate) struct GroupDef {
    /// `id`
    pub id: Located<String>,
    /// `visibility: public`
    pub public: bool,
    /// Brief, note, stability, deprecation.
    pub docs: DocsDef,
    /// `attributes`
    pub items: Vec<Item>,
    /// `annotations.vigil.record`
    pub record: Option<RecordNotes>,
}

/// `annotations.vigil.record` of a public group.
#[derive(Clone, Debug)]
pub(crate) struct RecordNotes {
    /// `name`
    pub name: Option<Located<String>>,
    /// `on`
    pub on: Option<Located<String>>,
    /// `phases`
    pub phases: Vec<Located<String>>,
    /// `metrics`
    pub metrics: Vec<Located<String>>,
    /// `event`
    pub event: Option<Located<String>>,
}

/// An item of `spans` or `span_refinements`.
#[derive(Clone, Debug)]
pub(crate) struct SpanDef {
    /// `type`, or the refinement's `id`.
    pub ty: Located<String>,
    /// The refinement's `ref`.
    pub refines: Option<Located<String>>,
    /// `kind`
    pub kind: Option<SpanKind>,
    /// `name.note`
    pub name: Option<Located<String>>,
    /// Brief, note, stability, deprecation.
    pub docs: DocsDef,
    /// `attributes`
    pub items: Vec<Item>,
    /// `entity_associations`
    pub entities: Associations,
    /// `annotations.vigil`
    pub notes: Option<SpanNotes>,
}

/// `annotations.vigil` of a span.
#[derive(Clone, Debug)]
pub(crate) struct SpanNotes {
    /// Where `vigil` stands.
    pub at: Location,
    /// Whether `builder`, `parents` or `type_per` is there and could not be read.
    pub unread: bool,
    /// `builder`
    pub builder: Option<Located<String>>,
    /// `root`
    pub root: bool,
    /// `parents`
    pub parents: Vec<Located<String>>,
    /// `phases`
    pub phases: Vec<Located<String>>,
    /// `type_per`
    pub type_per: Option<Located<String>>,
    /// `annotations.vigil.immediate`
    pub immediate: bool,
    /// `metrics`
    pub metrics: Vec<Located<String>>,
    /// `stream`
    pub stream: Option<StreamNotes>,
}

/// `annotations.vigil.stream` of a span.
#[derive(Clone, Debug)]
pub(crate) struct StreamNotes {
    /// `flag`
    pub flag: Option<Located<String>>,
    /// `time_to_first_chunk`
    pub time_to_first_chunk: Option<Located<String>>,
    /// `time_per_output_chunk`
    pub time_per_output_chunk: Option<Located<String>>,
}

/// An item of `metrics` or `metric_refinements`.
#[derive(Clone, Debug)]
pub(crate) struct MetricDef {
    /// `name`, or the refinement's `id`.
    pub name: Located<String>,
    /// The refinement's `ref`.
    pub refines: Option<Located<String>>,
    /// `instrument`
    pub instrument: Option<Instrument>,
    /// `unit`
    pub unit: Option<String>,
    /// `annotations.code_generation.metric_value_type`, or what is taken where it may be left out.
    pub value_type: Option<NumberType>,
    /// Whether its attributes need bounds: the registry that it stands in uses Vigil's annotations.
    pub bounded: bool,
    /// Brief, note, stability, deprecation.
    pub docs: DocsDef,
    /// `attributes`
    pub items: Vec<Item>,
    /// `entity_associations`
    pub entities: Associations,
    /// `annotations.vigil`
    pub notes: MetricNotes,
}

/// `annotations.vigil` of a metric.
#[derive(Clone, Debug, Default)]
pub(crate) struct MetricNotes {
    /// `boundaries`
    pub boundaries: Option<Located<Vec<f64>>>,
    /// `from`
    pub from: Vec<Located<String>>,
    /// `measures`
    pub measures: Vec<MeasureDef>,
    /// Where `measures` stands, readable or not.
    pub measures_at: Option<Location>,
}

/// What `measures` says.
#[derive(Clone, Debug)]
pub(crate) struct MeasureDef {
    /// Where it stands.
    pub at: Location,
    /// What is measured.
    pub value: MeasuredDef,
    /// `with`
    pub with: Vec<(Located<String>, Located<String>)>,
}

/// What is measured.
#[derive(Clone, Debug)]
pub(crate) enum MeasuredDef {
    /// `duration`
    Duration,
    /// `count`
    Count,
    /// `chunk`
    Chunk,
    /// `attribute`
    Attribute(Located<String>),
}

/// An item of `events` or `event_refinements`.
#[derive(Clone, Debug)]
pub(crate) struct EventDef {
    /// `name`, or the refinement's `id`.
    pub name: Located<String>,
    /// The refinement's `ref`.
    pub refines: Option<Located<String>>,
    /// Brief, note, stability, deprecation.
    pub docs: DocsDef,
    /// `attributes`
    pub items: Vec<Item>,
    /// `entity_associations`
    pub entities: Associations,
    /// `annotations.vigil.keep_last`
    pub keep_last: bool,
    /// `annotations.vigil.at_end_of`
    pub at_end_of: Option<Located<String>>,
    /// `body`, which only the older format has.
    pub body: Option<Body>,
}

/// An item of `entities` or `entity_refinements`.
#[derive(Clone, Debug)]
pub(crate) struct EntityDef {
    /// `type`, or the refinement's `id`.
    pub ty: Located<String>,
    /// The refinement's `ref`.
    pub refines: Option<Located<String>>,
    /// Brief, note, stability, deprecation.
    pub docs: DocsDef,
    /// `identity` and `description`
    pub items: Vec<Item>,
}

/// What a reader of definitions writes to.
pub(crate) struct Reading<'a> {
    pub(crate) diagnostics: &'a mut Diagnostics,
    pub(crate) definitions: &'a mut Definitions,
    pub(crate) origin: Origin,
    /// Whether the registry uses Vigil's annotations, and so is held to what they ask for.
    pub(crate) annotated: bool,
    /// Whether the registry depends on others.
    pub(crate) dependent: bool,
}
