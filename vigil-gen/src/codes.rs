//! Every kind of error there is, in the order in which they can come up.

macro_rules! codes {
    ($($name:ident = $code:literal, $meaning:literal;)*) => {
        $(#[doc = $meaning] pub(crate) const $name: &str = $code;)*

        /// Every error code and what it means, in a line.
        pub const CODES: &[(&str, &str)] = &[$(($code, $meaning)),*];
    };
}

codes! {
    // Files.
    NO_REGISTRY = "no-registry", "The registry's directory is missing, or is none.";
    NO_MANIFEST = "no-manifest", "There is no `manifest.yaml` in the registry's directory.";
    TWO_MANIFESTS = "two-manifests", "There is a `manifest.yaml` and a `registry_manifest.yaml`.";
    EMPTY_REGISTRY = "empty-registry", "The registry defines nothing.";
    UNREADABLE_FILE = "unreadable-file", "A file or directory can't be read.";
    FILE_TOO_LARGE = "file-too-large", "A file is larger than any registry written by hand.";
    NOT_UTF8 = "not-utf8", "A file is not UTF-8 text.";
    EMPTY_FILE = "empty-file", "A file holds nothing but comments.";

    // YAML.
    INVALID_YAML = "invalid-yaml", "A file does not parse as YAML.";
    TOO_DEEP = "too-deep", "Collections are nested too deep.";
    MULTIPLE_DOCUMENTS = "multiple-documents", "A file holds several YAML documents.";
    YAML_ALIAS = "yaml-alias", "A YAML alias, which can grow without bound.";
    YAML_TAG = "yaml-tag", "A YAML tag, which means nothing in a registry.";
    HIDDEN_CHARACTER = "hidden-character", "Text with a character that can't be seen and changes how the rest looks.";
    DUPLICATE_FIELD = "duplicate-field", "A key is given twice in one mapping.";

    // Shapes.
    FILE_FORMAT = "file-format", "A file is of another format, or does not say of which.";
    UNKNOWN_FIELD = "unknown-field", "A field that the format does not have in this place.";
    MISSING_FIELD = "missing-field", "A field that is required in this place is not there, or is empty.";
    WRONG_SHAPE = "wrong-shape", "A list, mapping, text, number or boolean where something else belongs.";
    UNSUPPORTED_DEPENDENCY = "unsupported-dependency", "A dependency on something that is no directory.";
    DEPENDENCY_CONFLICT = "dependency-conflict", "Two versions of a registry, or one that is not what it was to be.";
    UNKNOWN_IMPORT = "unknown-import", "An import of something that no dependency defines.";

    // Values.
    INVALID_NAME = "invalid-name", "A name against OpenTelemetry's naming rules.";
    INVALID_TYPE = "invalid-type", "An attribute type that does not exist.";
    INVALID_GROUP_TYPE = "invalid-group-type", "A type of group that does not exist.";
    INVALID_ROLE = "invalid-role", "A role of an attribute that does not exist.";
    INVALID_KIND = "invalid-kind", "A span kind that does not exist.";
    INVALID_INSTRUMENT = "invalid-instrument", "A metric instrument that does not exist.";
    INVALID_UNIT = "invalid-unit", "A unit that UCUM can't have.";
    INVALID_STABILITY = "invalid-stability", "A stability that does not exist.";
    INVALID_LEVEL = "invalid-level", "A requirement level that does not exist.";
    INVALID_DEPRECATION = "invalid-deprecation", "A reason of deprecation that does not exist.";
    INVALID_VISIBILITY = "invalid-visibility", "A group's visibility that is neither `public` nor `internal`.";
    INVALID_SCHEMA_URL = "invalid-schema-url", "A schema URL that is not a URL ending in a version.";
    SPAN_TYPE = "span-type", "A span's type that does not end in the span's kind.";

    // Enums and examples.
    EMPTY_ENUM = "empty-enum", "An enum without members.";
    MIXED_ENUM = "mixed-enum", "An enum whose members are of different types.";
    DUPLICATE_MEMBER = "duplicate-member", "Two members of an enum with the same id.";
    DUPLICATE_VALUE = "duplicate-value", "Two members of an enum with the same value.";
    SHARED_ENUM = "shared-enum", "Attributes that share a Rust type without having the same members.";
    MISSING_EXAMPLES = "missing-examples", "A text attribute without examples.";
    INVALID_EXAMPLE = "invalid-example", "An example that is not of the attribute's type.";

    // Names.
    DUPLICATE_ATTRIBUTE = "duplicate-attribute", "An attribute that is defined twice.";
    DUPLICATE_GROUP = "duplicate-group", "An attribute group that is defined twice.";
    DUPLICATE_SPAN = "duplicate-span", "A span or span refinement that is defined twice.";
    DUPLICATE_METRIC = "duplicate-metric", "A metric or metric refinement that is defined twice.";
    DUPLICATE_EVENT = "duplicate-event", "An event or event refinement that is defined twice.";
    DUPLICATE_ENTITY = "duplicate-entity", "An entity or entity refinement that is defined twice.";
    UNKNOWN_ATTRIBUTE = "unknown-attribute", "A mention of an attribute that is not defined.";
    UNKNOWN_GROUP = "unknown-group", "A mention of an attribute group that is not defined.";
    UNKNOWN_SPAN = "unknown-span", "A mention of a span that is not defined.";
    UNKNOWN_METRIC = "unknown-metric", "A mention of a metric that is not defined.";
    UNKNOWN_EVENT = "unknown-event", "A mention of an event that is not defined.";
    UNKNOWN_ENTITY = "unknown-entity", "A mention of an entity that is not defined.";
    UNKNOWN_MEMBER = "unknown-member", "A mention of an enum member that is not defined.";
    UNKNOWN_PHASE = "unknown-phase", "A phase that is not a member of the parent's `type_per` enum.";
    CYCLE = "cycle", "Definitions that lead back to themselves.";
    DUPLICATE_REFERENCE = "duplicate-reference", "An attribute or group that is referred to twice in one list.";
    GROUP_COLLISION = "group-collision", "An attribute that comes with two groups of one list.";
    TOO_MANY_REFERENCES = "too-many-references", "Groups and refinements that unfold to more references than a registry written by hand has.";

    // Annotations.
    UNKNOWN_ANNOTATION = "unknown-annotation", "A key under `annotations.vigil` that does not exist.";
    MISPLACED_ANNOTATION = "misplaced-annotation", "A key of `annotations` that belongs elsewhere.";
    INVALID_ANNOTATION = "invalid-annotation", "A value under `annotations.vigil` that the key can't have.";
    INVALID_FILL = "invalid-fill", "A `filled_from` of an attribute that is not inherited or of another type.";
    INVALID_CONSTANT = "invalid-constant", "A constant that the attribute can't have.";
    INVALID_SET = "invalid-set", "A `set` that contradicts where the reference stands.";
    INVALID_AGGREGATE = "invalid-aggregate", "An `aggregate` that the attribute's type can't do.";
    INVALID_OUTCOME = "invalid-outcome", "An `outcome` whose attribute can't tell how a span ended.";
    SENSITIVE_LEVEL = "sensitive-level", "A sensitive attribute that is not opt-in.";

    // Contracts.
    SPAN_NAME = "span-name", "A span name that can't be made from the span's attributes.";
    INVALID_BUILDER = "invalid-builder", "A builder's name that is no function name ending in `_span`.";
    DUPLICATE_BUILDER = "duplicate-builder", "Two spans with the same builder.";
    INCOMPLETE_CONTRACT = "incomplete-contract", "A span contract without a builder or a place to stand.";
    INVALID_PARENT = "invalid-parent", "A parent that has no contract of its own.";
    INVALID_PHASES = "invalid-phases", "Phases of a span whose parent has none.";
    INVALID_TYPE_PER = "invalid-type-per", "A `type_per` that is no required enum attribute of the span.";
    INVALID_STREAM = "invalid-stream", "A stream that its span can't tell of.";
    UNREACHABLE_SPAN = "unreachable-span", "A span that stands under no root.";
    INVALID_RECORD = "invalid-record", "A record that its span can't make.";
    DUPLICATE_RECORD = "duplicate-record", "Two records of one span with the same name.";
    RECORD_OVERLAP = "record-overlap", "An attribute that a span gets from two sides.";
    RECORD_EVENT = "record-event", "A record whose event needs what the record does not give.";
    END_EVENT = "end-event", "An event that its span can't send when it ends.";

    // Metrics.
    METRIC_IDENTITY = "metric-identity", "An attribute on a metric that names a single session, run or call.";
    METRIC_SENSITIVE = "metric-sensitive", "A sensitive attribute on a metric.";
    MISSING_CARDINALITY = "missing-cardinality", "A metric attribute without a bound on its values.";
    MISSING_VALUE_TYPE = "missing-value-type", "A metric that does not say whether it counts in `int` or `double`.";
    INVALID_BOUNDARIES = "invalid-boundaries", "Boundaries of no histogram, or in no order.";
    MISSING_MEASURE = "missing-measure", "A derived metric that does not say what it measures.";
    INVALID_MEASURE = "invalid-measure", "A measurement that the metric can't take from its sources.";
    DUPLICATE_LINK = "duplicate-link", "A metric and its source that name each other.";
    UNAVAILABLE_ATTRIBUTE = "unavailable-attribute", "A required metric attribute that a source does not give.";

    // Generated code.
    IDENTIFIER_COLLISION = "identifier-collision", "Two definitions that make the same Rust identifier.";
    REQUIRED_TEMPLATE = "required-template", "A required attribute whose key is made at run time.";
}
