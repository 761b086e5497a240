//! Every kind of error there is, in the order in which they can come up: what it means, and what to
//! do about it. The tables in `docs/registry.md` and `vigil-gen explain` say what stands here.

use std::fmt;

/// A kind of error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// What it is called: `unknown-attribute`.
    pub code: &'static str,
    /// What it has to do with: `Names`.
    pub topic: &'static str,
    /// What is wrong, in a line of Markdown.
    pub meaning: &'static str,
    /// What to do about it, likewise. Links lead to sections of `docs/registry.md`.
    pub remedy: &'static str,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            code,
            meaning,
            remedy,
            ..
        } = self;
        let remedy = from_the_workspace(remedy);
        write!(f, "{code}: {meaning}\n\n{remedy}\n")
    }
}

/// Text of `docs/registry.md`, its links as they lead there from the root of the workspace.
pub(crate) fn from_the_workspace(text: &str) -> String {
    text.replace("](#", "](docs/registry.md#")
        .replace("](templates.md", "](docs/templates.md")
}

/// The kind of error that is called `code`.
pub fn explain(code: &str) -> Option<&'static Code> {
    CODES.iter().find(|it| it.code == code)
}

macro_rules! codes {
    ($($topic:literal { $($name:ident = $code:literal, $meaning:literal, $remedy:literal;)* })*) => {
        $($(#[doc = $meaning] pub(crate) const $name: &str = $code;)*)*

        /// Every kind of error.
        pub const CODES: &[Code] = &[$($(Code {
            code: $code,
            topic: $topic,
            meaning: $meaning,
            remedy: $remedy,
        }),*),*];
    };
}

codes! {
    "Files" {
        NO_REGISTRY = "no-registry",
            "The registry's directory is missing, or is none.",
            "Give `--registry` the directory that holds `manifest.yaml`.";
        NO_MANIFEST = "no-manifest",
            "There is no `manifest.yaml` in the registry's directory.",
            "Add one with a `schema_url`.";
        TWO_MANIFESTS = "two-manifests",
            "There is a `manifest.yaml` and a `registry_manifest.yaml`.",
            "Keep `manifest.yaml`; the other is its older name.";
        EMPTY_REGISTRY = "empty-registry",
            "The registry defines nothing.",
            "Point `--registry` at the right directory, or define something.";
        UNREADABLE_FILE = "unreadable-file",
            "A file or directory can't be read.",
            "Mend its permissions, or take it out: a pipe, a socket, a link to a directory that is read already.";
        FILE_TOO_LARGE = "file-too-large",
            "A file is larger than any registry written by hand.",
            "Split it, or take it out if it is no part of the registry.";
        NOT_UTF8 = "not-utf8",
            "A file is not UTF-8 text.",
            "Save it as UTF-8.";
        EMPTY_FILE = "empty-file",
            "A file holds nothing but comments.",
            "Fill it or delete it.";
    }
    "YAML" {
        INVALID_YAML = "invalid-yaml",
            "A file does not parse as YAML.",
            "Mend the line. Often a text with `: ` or `#` in it needs quotes, or an item is indented wrong.";
        TOO_DEEP = "too-deep",
            "Collections are nested too deep.",
            "Take the nesting out; no part of the format needs it.";
        MULTIPLE_DOCUMENTS = "multiple-documents",
            "A file holds several YAML documents.",
            "Take out the `---`, or split the file.";
        YAML_ALIAS = "yaml-alias",
            "A YAML alias, which can grow without bound.",
            "Write out what it stands for, or share it by `ref_group`.";
        YAML_TAG = "yaml-tag",
            "A YAML tag, which means nothing in a registry.",
            "Take it out. Put a value in quotes to make it text.";
        HIDDEN_CHARACTER = "hidden-character",
            "Text with a character that can't be seen and changes how the rest looks.",
            "Take it out.";
        DUPLICATE_FIELD = "duplicate-field",
            "A key is given twice in one mapping.",
            "Keep one.";
    }
    "Shapes" {
        FILE_FORMAT = "file-format",
            "A file is of another format, or does not say of which.",
            "Begin the file with `file_format: definition/2`, or list `groups`.";
        UNKNOWN_FIELD = "unknown-field",
            "A field that the format does not have in this place.",
            "Mend the spelling. What is Vigil's goes under `annotations.vigil`.";
        MISSING_FIELD = "missing-field",
            "A field that is required in this place is not there, or is empty.",
            "Add it.";
        WRONG_SHAPE = "wrong-shape",
            "A list, mapping, text, number or boolean where something else belongs.",
            "Write what the message asks for; text that looks like a number needs quotes.";
        UNSUPPORTED_DEPENDENCY = "unsupported-dependency",
            "A dependency on something that is no directory.",
            "Fetch it, and name its directory with `registry_path`.";
        DEPENDENCY_CONFLICT = "dependency-conflict",
            "Two versions of a registry, or one that is not what it was to be.",
            "Name one directory wherever it is depended on, and the schema URL that its manifest has.";
        UNKNOWN_IMPORT = "unknown-import",
            "An import of something that no dependency defines.",
            "Mend the name; see [Other registries](#other-registries).";
    }
    "Values" {
        INVALID_NAME = "invalid-name",
            "A name against OpenTelemetry's naming rules.",
            "Lowercase words that begin with a letter, `_` within and `.` between.";
        INVALID_TYPE = "invalid-type",
            "An attribute type that does not exist.",
            "See [Attributes](#attributes).";
        INVALID_GROUP_TYPE = "invalid-group-type",
            "A type of group that does not exist.",
            "See [The older format](#the-older-format).";
        INVALID_ROLE = "invalid-role",
            "A role of an attribute that does not exist.",
            "`identifying` or `descriptive`.";
        INVALID_KIND = "invalid-kind",
            "A span kind that does not exist.",
            "`internal`, `client`, `server`, `producer` or `consumer`.";
        INVALID_INSTRUMENT = "invalid-instrument",
            "A metric instrument that does not exist.",
            "`counter`, `updowncounter`, `gauge` or `histogram`.";
        INVALID_UNIT = "invalid-unit",
            "A unit that UCUM can't have.",
            "A UCUM code, not a word, such as `s` or `By`, or what is counted in braces: `\"{token}\"`.";
        INVALID_STABILITY = "invalid-stability",
            "A stability that does not exist.",
            "`development`, `alpha`, `beta`, `release_candidate` or `stable`.";
        INVALID_LEVEL = "invalid-level",
            "A requirement level that does not exist.",
            "See [References](#references).";
        INVALID_DEPRECATION = "invalid-deprecation",
            "A reason of deprecation that does not exist.",
            "`renamed`, `obsoleted` or `uncategorized`.";
        INVALID_VISIBILITY = "invalid-visibility",
            "A group's visibility that is neither `public` nor `internal`.",
            "`internal` to take it in elsewhere, `public` for a record.";
        INVALID_SCHEMA_URL = "invalid-schema-url",
            "A schema URL that is not a URL ending in a version.",
            "Such as `https://example.com/schemas/1.0.0`.";
        SPAN_TYPE = "span-type",
            "A span's type that does not end in the span's kind.",
            "Add the kind to the type: `life.phase.internal`.";
    }
    "Enums and examples" {
        EMPTY_ENUM = "empty-enum",
            "An enum without members.",
            "Add one, or make the type `string`.";
        MIXED_ENUM = "mixed-enum",
            "An enum whose members are of different types.",
            "Make all values text, or all whole numbers; put a number in quotes to make it text.";
        DUPLICATE_MEMBER = "duplicate-member",
            "Two members of an enum with the same id.",
            "Rename one.";
        DUPLICATE_VALUE = "duplicate-value",
            "Two members of an enum with the same value.",
            "Keep one, or mark the former one as `deprecated`.";
        SHARED_ENUM = "shared-enum",
            "Attributes that share a Rust type without having the same members.",
            "Make members and `closed` equal, or give one another `type`.";
        MISSING_EXAMPLES = "missing-examples",
            "A text attribute without examples.",
            "Add real values.";
        INVALID_EXAMPLE = "invalid-example",
            "An example that is not of the attribute's type.",
            "Mend it; an example of an array is itself a list.";
    }
    "Names" {
        DUPLICATE_ATTRIBUTE = "duplicate-attribute",
            "An attribute that is defined twice.",
            "Keep one and refer to it.";
        DUPLICATE_GROUP = "duplicate-group",
            "An attribute group that is defined twice.",
            "Rename one.";
        DUPLICATE_SPAN = "duplicate-span",
            "A span or span refinement that is defined twice.",
            "Rename one.";
        DUPLICATE_METRIC = "duplicate-metric",
            "A metric or metric refinement that is defined twice.",
            "Rename one.";
        DUPLICATE_EVENT = "duplicate-event",
            "An event or event refinement that is defined twice.",
            "Rename one.";
        DUPLICATE_ENTITY = "duplicate-entity",
            "An entity or entity refinement that is defined twice.",
            "Rename one.";
        UNKNOWN_ATTRIBUTE = "unknown-attribute",
            "A mention of an attribute that is not defined.",
            "Mend the key, or define it.";
        UNKNOWN_GROUP = "unknown-group",
            "A mention of an attribute group that is not defined.",
            "Mend the id, or define it.";
        UNKNOWN_SPAN = "unknown-span",
            "A mention of a span that is not defined.",
            "Mend the type; it ends in the kind.";
        UNKNOWN_METRIC = "unknown-metric",
            "A mention of a metric that is not defined.",
            "Mend the name, or define it.";
        UNKNOWN_EVENT = "unknown-event",
            "A mention of an event that is not defined.",
            "Mend the name, or define it.";
        UNKNOWN_ENTITY = "unknown-entity",
            "A mention of an entity that is not defined.",
            "Mend the type, or define it.";
        UNKNOWN_MEMBER = "unknown-member",
            "A mention of an enum member that is not defined.",
            "Mend it, or add it to the enum.";
        UNKNOWN_PHASE = "unknown-phase",
            "A phase that is not a member of the parent's `type_per` enum.",
            "Mend it, or add it to the enum.";
        UNKNOWN_NAMESPACE = "unknown-namespace",
            "An owner of a namespace in which nothing is defined.",
            "Mend the namespace: it is what names begin with.";
        CYCLE = "cycle",
            "Definitions that lead back to themselves.",
            "Break the chain that the message shows; a circle of spans needs a root that leads into it.";
        DUPLICATE_REFERENCE = "duplicate-reference",
            "An attribute or group that is referred to twice in one list.",
            "Keep one.";
        GROUP_COLLISION = "group-collision",
            "An attribute that comes with two groups of one list.",
            "Take it out of one of the groups.";
        TOO_MANY_REFERENCES = "too-many-references",
            "Groups and refinements that unfold to more references than a registry written by hand has.",
            "Take groups out of groups, or split the registry.";
    }
    "Annotations" {
        UNKNOWN_ANNOTATION = "unknown-annotation",
            "A key under `annotations.vigil` that does not exist.",
            "Mend the spelling; the tables above list them all.";
        MISPLACED_ANNOTATION = "misplaced-annotation",
            "A key of `annotations` that belongs elsewhere.",
            "Mend a misspelt `vigil`, or move the key: what is Vigil's stands under `vigil`, what an attribute is on its definition, what it does in one place on the reference.";
        INVALID_ANNOTATION = "invalid-annotation",
            "A value under `annotations.vigil` that the key can't have.",
            "See the key's table above.";
        INVALID_FILL = "invalid-fill",
            "A `filled_from` of an attribute that is not inherited or of another type.",
            "Fill from an inherited attribute of the same type.";
        INVALID_CONSTANT = "invalid-constant",
            "A constant that the attribute can't have.",
            "Mend the value; of an enum, give a member's value; of content, none.";
        INVALID_SET = "invalid-set",
            "A `set` that contradicts where the reference stands.",
            "What samplers look at is set at the start; what a record holds is set later.";
        INVALID_AGGREGATE = "invalid-aggregate",
            "An `aggregate` that the attribute's type can't do.",
            "`sum` for numbers, `append` for arrays, `last` for all.";
        INVALID_OUTCOME = "invalid-outcome",
            "An `outcome` whose attribute can't tell how a span ended.",
            "Use a closed enum of `ok`, `error`, `cancelled` and perhaps `timeout`, once for each span.";
        INVALID_OPT_IN = "invalid-opt-in",
            "A `stability_opt_in` that can't be followed.",
            "See [Two names at once](#two-names-at-once) for what it asks of both sides.";
        SENSITIVE_LEVEL = "sensitive-level",
            "A sensitive attribute that is not opt-in.",
            "Make the reference `opt_in`.";
    }
    "Lints" {
        UNKNOWN_LINT = "unknown-lint",
            "A lint that does not exist, where one is suppressed or given a level.",
            "Mend the name; [Lints](#lints) lists them all.";
        LINT_LEVEL = "lint-level",
            "A level of a lint that does not exist.",
            "`allow`, `warn` or `deny`.";
    }
    "Contracts" {
        SPAN_NAME = "span-name",
            "A span name that can't be made from the span's attributes.",
            "Use keys that the span has, between words.";
        INVALID_BUILDER = "invalid-builder",
            "A builder's name that is no function name ending in `_span`.",
            "Such as `chat_span`.";
        DUPLICATE_BUILDER = "duplicate-builder",
            "Two spans with the same builder.",
            "Rename one.";
        INCOMPLETE_CONTRACT = "incomplete-contract",
            "A span contract without a builder or a place to stand.",
            "Add `builder`, and `parents` or `root: true`.";
        INVALID_PARENT = "invalid-parent",
            "A parent that has no contract of its own.",
            "Give the parent a builder, or name another.";
        INVALID_PHASES = "invalid-phases",
            "Phases of a span whose parent has none.",
            "Take `phases` out, or name the one parent that has a `type_per`.";
        INVALID_TYPE_PER = "invalid-type-per",
            "A `type_per` that is no required enum attribute of the span.",
            "Refer to the enum on the span, `required`.";
        INVALID_STREAM = "invalid-stream",
            "A stream that its span can't tell of.",
            "Name attributes of the span itself that can be set later: a `boolean`, and a `double` in the unit `s`.";
        UNREACHABLE_SPAN = "unreachable-span",
            "A span that stands under no root.",
            "Give it, or a span above it, `root: true` or a parent that leads to a root.";
        INVALID_RECORD = "invalid-record",
            "A record that its span can't make.",
            "Name a span with a contract in `on`, and attributes that can be set later.";
        DUPLICATE_RECORD = "duplicate-record",
            "Two records of one span with the same name.",
            "Give one another `name`.";
        RECORD_OVERLAP = "record-overlap",
            "An attribute that a span gets from two sides.",
            "Leave it to the span or to the record.";
        END_EVENT = "end-event",
            "An event that its span can't send when it ends: the span has no contract, sends another one, or lacks an attribute of it; a record sends it; it keeps values.",
            "As the help says.";
        RECORD_EVENT = "record-event",
            "A record whose event needs what the record does not give.",
            "Add the attribute to the record, or ask less of the event.";
    }
    "Metrics" {
        METRIC_IDENTITY = "metric-identity",
            "An attribute on a metric that names a single session, run or call.",
            "Take it out; each value would be a time series. Spans carry it.";
        METRIC_SENSITIVE = "metric-sensitive",
            "A sensitive attribute on a metric.",
            "Take it out; content has no place on metrics.";
        MISSING_CARDINALITY = "missing-cardinality",
            "A metric attribute without a bound on its values.",
            "Add `cardinality: N` to the reference.";
        MISSING_VALUE_TYPE = "missing-value-type",
            "A metric that does not say whether it counts in `int` or `double`.",
            "Add `annotations: { code_generation: { metric_value_type: … } }`.";
        INVALID_BOUNDARIES = "invalid-boundaries",
            "Boundaries of no histogram, or in no order.",
            "Rising, finite numbers, on histograms only.";
        MISSING_MEASURE = "missing-measure",
            "A derived metric that does not say what it measures.",
            "Add `measures`, or take the metric off the span or record.";
        INVALID_MEASURE = "invalid-measure",
            "A measurement that the metric can't take from its sources.",
            "See [Metrics](#metrics) for what each measure asks for.";
        DUPLICATE_LINK = "duplicate-link",
            "A metric and its source that name each other.",
            "Keep `from` on the metric, or `metrics` on the source.";
        UNAVAILABLE_ATTRIBUTE = "unavailable-attribute",
            "A required metric attribute that a source does not give.",
            "Require it on the source, or ask less of the metric.";
    }
    "Generated code" {
        IDENTIFIER_COLLISION = "identifier-collision",
            "Two definitions that make the same Rust identifier.",
            "Rename one; see [Identifiers](#identifiers).";
        REQUIRED_TEMPLATE = "required-template",
            "A required attribute whose key is made at run time.",
            "Ask less of it, `recommended` or `opt_in`: the compiler can't tell that a key was given.";
        METRIC_TEMPLATE = "metric-template",
            "A metric attribute whose key is made at run time.",
            "Take it out: each key would be a dimension of its own, and nothing bounds them. Spans and events carry it.";
    }
    "Configuration" {
        INVALID_TOML = "invalid-toml",
            "`vigil-gen.toml` does not parse as TOML.",
            "Mend the line. Text needs quotes; a list of outputs is written `[[outputs]]`.";
        OUTPUT_WORD = "output-word",
            "A subject of an output, or a style of comment, that does not exist.",
            "See [vigil-gen.toml](#vigil-gentoml).";
        FILE_PATTERN = "file-pattern",
            "A file name of an output that can't be one: with a placeholder that its subject does not have, the same for several files, or outside of the output's directory.",
            "See [vigil-gen.toml](#vigil-gentoml).";
        RUST_PATH = "rust-path",
            "Something else where the path of a Rust module belongs.",
            "`crate::telemetry` for `module`, `vigil` and its like under `crates`.";
        UNKNOWN_CRATE = "unknown-crate",
            "A registry under `crates` that this one does not depend on.",
            "List it under `dependencies` of the manifest, or take it out of `crates`.";
        ELSEWHERE = "elsewhere",
            "Something that would have to be written into code that is generated elsewhere.",
            "Say it in the registry that the code is made of, or take that registry out of `crates`.";
    }
    "Output" {
        TEMPLATE = "template",
            "A template is missing, or can't be read or rendered.",
            "Mend the line that is named; what templates are given is in [templates.md](templates.md).";
        RUSTFMT = "rustfmt",
            "rustfmt can't be run, fails, or refuses what the templates make.",
            "Install it, or mend the template. `RUSTFMT` names another one.";
        CHANGELOG = "changelog",
            "A changelog in which the part that `diff` writes has no place, or not one that is told.",
            "Begin a version, or mend the lines that the part stands between: see [What changed](#what-changed).";
        OUTPUT = "output",
            "Something is in the way of the generated files, or they can't be written.",
            "Move what is in the way. If some were written, run it again: each is a whole file.";
        DATE = "date",
            "Nothing says what day it is, for what expires: `SOURCE_DATE_EPOCH` is no number, or too large.",
            "Set it to the seconds since 1970, or take it out; `--today` names a day.";
    }
}
