//! What the templates lay out: finished identifiers, expressions and docs, file by file.
//!
//! [`lower`](crate::lower) makes it. Strings are Rust source as it will stand in the file; `docs`
//! are lines without their `///`. A template that changes one of them is in the wrong place.

use serde::Serialize;

/// Everything that is generated.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ir {
    /// `semconv/<namespace>.rs`
    pub semconv: Vec<SemconvModule>,
    /// `spans/<namespace>.rs`
    pub spans: Vec<SpanModule>,
    /// `records/<namespace>.rs`
    pub records: Vec<RecordModule>,
    /// `metrics/<namespace>.rs`
    pub metrics: Vec<MetricModule>,
    /// `events/<namespace>.rs`
    pub events: Vec<EventModule>,
    /// The file that lists the others, where there is one.
    pub root: Index,
    /// `semconv.rs`, `spans.rs` and so on.
    pub indexes: Vec<Index>,
    /// `registry.rs`
    pub registry: RegistryModule,
    /// The features that the modules are behind; none unless asked for.
    pub features: Vec<Feature>,
}

/// A feature of the crate: that of a namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Feature {
    /// Its name.
    pub name: String,
    /// The features that it needs.
    pub requires: Vec<String>,
}

/// Something that is there with a feature only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gated {
    /// What it is: a module, an expression.
    pub item: String,
    /// The feature, as a literal; none if it is always there.
    pub feature: Option<String>,
}

/// What every module begins with.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Header {
    /// The file's name without `.rs`.
    pub file: String,
    /// The module's own docs.
    pub docs: Vec<String>,
    /// Lints that the whole file must allow.
    pub allows: Vec<Allow>,
    /// The `use` lines, in groups.
    pub imports: Vec<Vec<String>>,
    /// The modules of namespaces that it refers to.
    pub uses: Vec<String>,
}

/// A lint that does not fit what the registry asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Allow {
    /// The lint.
    pub lint: String,
    /// Why.
    pub reason: String,
}

/// A file that lists modules.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Index {
    /// The file's name without `.rs`.
    pub file: String,
    /// The module's own docs.
    pub docs: Vec<String>,
    /// The modules.
    pub modules: Vec<Gated>,
}

/// The attributes of a namespace.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SemconvModule {
    /// What the file begins with.
    pub header: Header,
    /// Its attributes, by key.
    pub attributes: Vec<Constant>,
    /// The types of enum attributes' values, by name.
    pub enums: Vec<Enum>,
    /// The `use` lines of the module `definitions`.
    pub definition_imports: Vec<Vec<String>>,
}

/// The constant of an attribute, and the static that describes it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Constant {
    /// Its name, and that of the static.
    pub name: String,
    /// The key, as a literal.
    pub key: String,
    /// Its docs.
    pub docs: Vec<String>,
    /// The docs of the static.
    pub definition_docs: Vec<String>,
    /// What to tell whoever still uses it, as a literal.
    pub deprecated: Option<String>,
    /// The member of `ValueType`.
    pub value_type: String,
    /// Whether the key is a prefix.
    pub template: bool,
    /// What is said of it, as method calls.
    pub marks: Vec<String>,
}

/// The type of an enum attribute's values.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Enum {
    /// Its name.
    pub name: String,
    /// Its docs.
    pub docs: Vec<String>,
    /// What the members are on the wire: `string`, `int` or `boolean`.
    pub repr: String,
    /// The type of `repr` in Rust, owned: `Text`.
    pub value: String,
    /// The variant that holds a value that the registry does not list; none if the enum is closed.
    pub fallback: Option<String>,
    /// The members, in the registry's order.
    pub members: Vec<Member>,
    /// Lints that a function with a line for each member must allow.
    pub allows: Vec<Allow>,
}

/// A member of an [`Enum`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Member {
    /// The variant.
    pub name: String,
    /// Its docs.
    pub docs: Vec<String>,
    /// The value on the wire, as a literal.
    pub value: String,
    /// What to tell whoever still uses it, as a literal.
    pub deprecated: Option<String>,
}

/// An attribute where a caller gives its value: an argument, a setter, a field.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Attribute {
    /// The name of the argument, setter or field.
    pub name: String,
    /// The key, as an expression.
    pub key: String,
    /// The docs of its setter.
    pub docs: Vec<String>,
    /// Whether `key` is a prefix: setters take the rest of it first, and structs hold a map.
    pub template: bool,
    /// Whether a struct may leave it out.
    pub optional: bool,
    /// What to tell whoever still uses it, as a literal.
    pub deprecated: Option<String>,
    /// How it is given to the carrier by whoever starts or records.
    pub direct: Passing,
    /// How a struct holds it.
    pub held: Held,
}

/// How a function takes a value and hands it to the carrier.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Passing {
    /// The generic parameters that it needs.
    pub generics: String,
    /// The type of the argument.
    pub argument: String,
    /// The carrier's method, with its type arguments: `set::<Text>`.
    pub method: String,
    /// The expression that is handed over.
    pub value: String,
}

/// How a struct takes, holds and hands on a value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Held {
    /// The type of the argument of its setter.
    pub argument: String,
    /// The type of its field, without `Option`.
    pub field: String,
    /// From the argument to the field.
    pub store: String,
    /// What `write` looks into, where it may be missing: `&self.model`.
    pub place: String,
    /// The carrier's method, with its type arguments.
    pub method: String,
    /// The expression that is handed over, where it is always there.
    pub load: String,
    /// The expression that is handed over, once it is known to be there.
    pub load_given: String,
}

/// An attribute that has one value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fixed {
    /// The key, as an expression.
    pub key: String,
    /// The value, as an expression.
    pub value: String,
}

/// A struct of attributes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Struct {
    /// Its name.
    pub name: String,
    /// Its docs.
    pub docs: Vec<String>,
    /// Its fields.
    pub fields: Vec<Attribute>,
    /// What it sets beside them.
    pub fixed: Vec<Fixed>,
    /// The body of the event that it is of, if that has one.
    pub body: Option<BodyField>,
    /// Whether one of the fields must be given.
    pub required: bool,
    /// Lints that the struct must allow.
    pub allows: Vec<Allow>,
    /// Lints that its `new` must allow.
    pub new_allows: Vec<Allow>,
    /// Lints that its `write` must allow.
    pub write_allows: Vec<Allow>,
}

/// The spans of a namespace.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SpanModule {
    /// What the file begins with.
    pub header: Header,
    /// Its spans, by type.
    pub spans: Vec<Span>,
}

/// A span.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Span {
    /// The function that starts it.
    pub function: String,
    /// The function's docs.
    pub docs: Vec<String>,
    /// What to tell whoever still uses it, as a literal.
    pub deprecated: Option<String>,
    /// The type of the open span.
    pub handle: String,
    /// The docs of that type.
    pub handle_docs: Vec<String>,
    /// The docs of what gives the nearest open one.
    pub current_docs: Vec<String>,
    /// The type of the span that is about to start.
    pub builder: String,
    /// The docs of that type.
    pub builder_docs: Vec<String>,
    /// The docs of what gives it, where the function returns the open span; none where it returns
    /// the builder.
    pub immediate: Option<Vec<String>>,
    /// The docs of the method that puts it under a parent, if it need not have one.
    pub parent_docs: Option<Vec<String>>,
    /// The parameters of the function: `phase: P`.
    pub parameters: Vec<String>,
    /// Those by their names, to hand them on.
    pub values: Vec<String>,
    /// Where it may stand.
    pub place: Place,
    /// The argument that names it, if the registry has its name in prose.
    pub named: Option<String>,
    /// The attributes that have one value.
    pub fixed: Vec<Fixed>,
    /// The attributes that the function sets, in order.
    pub arguments: Vec<Attribute>,
    /// Lints that the function must allow.
    pub allows: Vec<Allow>,
    /// The attributes that the builder takes.
    pub setters: Vec<Attribute>,
    /// Those at once.
    pub attributes: Option<Struct>,
    /// The attributes that the open span takes one by one.
    pub later: Vec<Later>,
    /// The records that the open span takes.
    pub records: Vec<RecordMethod>,
    /// Set if its work may come in chunks.
    pub stream: Option<StreamMethods>,
    /// Set if each member of an enum is a type of its own.
    pub type_per: Option<TypePer>,
    /// Its static description.
    pub definition: SpanDefinition,
}

/// Where a span may stand.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Place {
    /// It needs no parent; the builder takes one.
    pub root: bool,
    /// The bound on a parent.
    pub bound: String,
    /// The trait that stands for the contract, if there is one.
    pub contract: Option<ContractTrait>,
}

/// A trait that only some types have, with what rustc says about the others.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ContractTrait {
    /// Its name.
    pub name: String,
    /// Its docs.
    pub docs: Vec<String>,
    /// The trait that it extends.
    pub extends: String,
    /// What rustc says about other types.
    pub advice: Advice,
    /// The types that have it, generic parameters first: `impl<P: Phase> … for PhaseSpan<P>`.
    pub implementors: Vec<Implementor>,
}

/// What rustc says about types that do not have a trait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// What is wrong, as a literal.
    pub message: String,
    /// What is wrong here, as a literal.
    pub label: String,
    /// Where the rule is written, or what to do, as literals.
    pub notes: Vec<String>,
}

/// A type that implements a [`ContractTrait`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Implementor {
    /// The generic parameters, with their brackets.
    pub generics: String,
    /// The type.
    pub ty: String,
}

/// An attribute that is recorded on an open span.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Later {
    /// The method.
    pub method: String,
    /// The attribute.
    pub attribute: Attribute,
}

/// A method that makes a record.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RecordMethod {
    /// Its name.
    pub method: String,
    /// Its docs.
    pub docs: Vec<String>,
    /// What to tell whoever still uses it, as a literal.
    pub deprecated: Option<String>,
    /// Lints that it must allow.
    pub allows: Vec<Allow>,
    /// The static that describes the record.
    pub definition: String,
    /// The attributes that have one value, where the values are taken one by one.
    pub fixed: Vec<Fixed>,
    /// The values, where they are taken one by one.
    pub arguments: Vec<Attribute>,
    /// The struct, where they are taken at once.
    pub set: Option<RecordArgument>,
    /// The trait of the phases in which it may be made, if not in all.
    pub bound: Option<ContractTrait>,
}

/// The methods of a span whose work may come in chunks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StreamMethods {
    /// What records a chunk: `record_chunk`.
    pub method: String,
    /// Its docs.
    pub docs: Vec<String>,
}

/// The argument that takes a record's struct.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RecordArgument {
    /// The argument.
    pub name: String,
    /// The struct.
    pub ty: String,
}

/// A span type with a Rust type for each member of an enum.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TypePer {
    /// The trait of the members' types: `Phase`.
    pub name: String,
    /// Its docs.
    pub docs: Vec<String>,
    /// What rustc says about other types.
    pub advice: Advice,
    /// The enum.
    pub member: String,
    /// The key of the enum attribute, as an expression.
    pub key: String,
    /// The types.
    pub markers: Vec<Marker>,
    /// What takes the member at run time; none for an open enum, whose other values have no type.
    pub any: Option<AnySpan>,
}

/// The type of a member.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Marker {
    /// Its name.
    pub name: String,
    /// Its docs.
    pub docs: Vec<String>,
    /// The member's variant.
    pub member: String,
    /// The member on the wire, as a literal string.
    pub value: String,
    /// The docs of what gives the nearest open span of this member.
    pub current_docs: Vec<String>,
    /// What to hand on to the function that takes the type, from that which takes the member.
    pub values: Vec<String>,
}

/// A span whose member is known at run time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AnySpan {
    /// The function that starts it.
    pub function: String,
    /// The function's docs.
    pub function_docs: Vec<String>,
    /// Its parameters: `loop_phase: life::LoopPhase`.
    pub parameters: Vec<String>,
    /// The one among them that takes the member.
    pub argument: String,
    /// Lints that the function must allow.
    pub allows: Vec<Allow>,
    /// Lints that its methods must allow.
    pub method_allows: Vec<Allow>,
    /// The enum of the spans of all members.
    pub name: String,
    /// Its docs.
    pub docs: Vec<String>,
}

/// The static of a span.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SpanDefinition {
    /// Its name.
    pub name: String,
    /// Its docs.
    pub docs: Vec<String>,
    /// The span's type, as a literal.
    pub span_type: String,
    /// What `tracing` calls it, as a literal.
    pub label: String,
    /// The member of `SpanKind`.
    pub kind: String,
    /// The types of the spans it may stand under, as literals.
    pub parents: Vec<String>,
    /// The parts of its name, as expressions.
    pub parts: Vec<String>,
    /// What it may carry, as expressions.
    pub fields: Vec<String>,
    /// The attribute that tells how it ended, as an expression.
    pub outcome: Option<String>,
    /// What derives from it, as expressions.
    pub metrics: Vec<String>,
    /// What is recorded of its chunks, as an expression.
    pub stream: Option<String>,
    /// The static of the event that it sends when it ends.
    pub at_end: Option<String>,
}

/// The records of a namespace.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RecordModule {
    /// What the file begins with.
    pub header: Header,
    /// The structs of those that take several values.
    pub structs: Vec<Struct>,
    /// The `use` lines of the module `definitions`.
    pub definition_imports: Vec<Vec<String>>,
    /// The statics.
    pub definitions: Vec<RecordDefinition>,
}

/// The static of a record.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RecordDefinition {
    /// Its name.
    pub name: String,
    /// Its docs.
    pub docs: Vec<String>,
    /// The id of the group, as a literal.
    pub id: String,
    /// What it consists of, as expressions.
    pub fields: Vec<String>,
    /// The static of the event that goes out with it.
    pub event: Option<String>,
    /// What derives from it, as expressions.
    pub metrics: Vec<String>,
}

/// The metrics of a namespace.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetricModule {
    /// What the file begins with.
    pub header: Header,
    /// Its metrics, by name.
    pub metrics: Vec<Metric>,
    /// The `use` lines of the module `definitions`.
    pub definition_imports: Vec<Vec<String>>,
}

/// A metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metric {
    /// The static of the instrument, and of its description.
    pub name: String,
    /// The docs of the instrument.
    pub docs: Vec<String>,
    /// What to tell whoever still uses it, as a literal.
    pub deprecated: Option<String>,
    /// The instrument without its type arguments: `Counter`.
    pub instrument: String,
    /// Its type arguments.
    pub parameters: String,
    /// The struct of its attributes, if it has any.
    pub attributes: Option<Struct>,
    /// The name on the wire, as a literal.
    pub key: String,
    /// The member of `InstrumentKind`.
    pub kind: String,
    /// The unit, as a literal.
    pub unit: String,
    /// The description, as a literal.
    pub description: String,
    /// The boundaries, as literals.
    pub boundaries: Vec<String>,
    /// What its measurements carry, as expressions.
    pub fields: Vec<String>,
    /// What becomes of it for whoever opts in, as a method call.
    pub opt_in: Option<String>,
}

/// The events of a namespace.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EventModule {
    /// What the file begins with.
    pub header: Header,
    /// Its events, by name.
    pub events: Vec<Event>,
    /// The maps that the bodies of its events are made of.
    pub bodies: Vec<BodyStruct>,
    /// The enums in those bodies.
    pub enums: Vec<Enum>,
    /// The `use` lines of the module `definitions`.
    pub definition_imports: Vec<Vec<String>>,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// The struct of its attributes; none if it goes out with a record.
    pub attributes: Option<Struct>,
    /// What to tell whoever still emits it, as a literal.
    pub deprecated: Option<String>,
    /// The static that describes it.
    pub name: String,
    /// The docs of the static.
    pub docs: Vec<String>,
    /// The name on the wire, as a literal.
    pub key: String,
    /// What it carries, as expressions.
    pub fields: Vec<String>,
    /// Whether the span keeps the last values.
    pub keep_last: bool,
    /// Whether it has a body.
    pub has_body: bool,
}

/// A map in the body of an event.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BodyStruct {
    /// Its name.
    pub name: String,
    /// Its docs.
    pub docs: Vec<String>,
    /// Its fields.
    pub fields: Vec<BodyField>,
    /// Whether one of the fields must be given.
    pub required: bool,
    /// Lints that the struct must allow.
    pub allows: Vec<Allow>,
    /// Lints that its `new` must allow.
    pub new_allows: Vec<Allow>,
}

/// A field of a [`BodyStruct`], or the body itself as a field of its event.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BodyField {
    /// The name of the field and of its setter.
    pub name: String,
    /// Its name on the wire, as a literal.
    pub key: String,
    /// Its docs.
    pub docs: Vec<String>,
    /// Whether it may be left out.
    pub optional: bool,
    /// What to tell whoever still uses it, as a literal.
    pub deprecated: Option<String>,
    /// The type of the argument of its setter.
    pub argument: String,
    /// Its type, without `Option`.
    pub field: String,
    /// From the argument to the field.
    pub store: String,
    /// The function that makes an `AnyValue` of it; none if it is one.
    pub into_any: Option<String>,
}

/// The registry as a whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RegistryModule {
    /// What the file begins with.
    pub header: Header,
    /// The schema URL, as a literal.
    pub schema_url: String,
    /// The statics of the attributes, a slice for each namespace.
    pub attributes: Vec<Gated>,
    /// The statics of the spans.
    pub spans: Vec<Gated>,
    /// The statics of the metrics.
    pub metrics: Vec<Gated>,
    /// The statics of the events.
    pub events: Vec<Gated>,
    /// The statics of those that it refers to.
    pub dependencies: Vec<String>,
}
