//! Rust identifiers: the one place where names of the registry become names of the generated code.
//!
//! The rules, all of them:
//! - An attribute, span, metric or event lives in the module of its namespace, the first segment of
//!   its name; what is left of the name makes the identifier.
//! - Where the identifier stands beside those of other namespaces (fields, arguments, types), a
//!   name of which only one word is left keeps its namespace: `server.port` is `server_port`, since
//!   `port` alone says too little.
//! - Words are joined in the case that Rust wants there; acronyms are words like any other.
//! - A keyword becomes a raw identifier, or takes an underscore where there is no raw form.
//! - What would begin with a digit keeps its namespace.
//! - What is deprecated makes way for what is not: it takes an underscore where both would have the
//!   same name, as after a renaming that only put a `.` for a `_`.
//! - A type or constant that would stand in the way of one that generated code itself uses takes its
//!   namespace. `lower::collisions` reports what is missing in the lists below.

use heck::{ToPascalCase as _, ToShoutySnakeCase as _, ToSnakeCase as _};

/// The keywords of all editions, reserved ones included.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let",
    "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return",
    "static", "struct", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use",
    "virtual", "where", "while", "yield",
];

/// The keywords that have no raw form.
const NEVER_RAW: &[&str] = &["crate", "self", "super", "Self"];

/// The types and traits that generated code names without a path, whatever it is about.
const COMMON_TYPES: &[&str] = &[
    "Copy",
    "Default",
    "Err",
    "Fn",
    "FnOnce",
    "From",
    "FromStr",
    "Infallible",
    "Into",
    "IntoIterator",
    "None",
    "Ok",
    "Option",
    "Result",
    "Self",
    "Send",
    "Some",
    "String",
    "Sync",
    "Text",
    "TryFrom",
    "UnknownMember",
    "Value",
    "Vec",
];

/// The types and traits that generated code names without a path beside attributes.
pub(crate) fn types_in_use() -> impl Iterator<Item = &'static str> {
    COMMON_TYPES.iter().copied()
}

/// The same beside spans, records, metrics and events.
pub(crate) fn signal_types_in_use() -> impl Iterator<Item = &'static str> {
    types_in_use().chain(SIGNAL_TYPES.iter().copied())
}

/// The statics that stand beside those of attributes.
pub(crate) fn statics_in_use() -> impl Iterator<Item = &'static str> {
    STATICS_IN_USE.iter().copied()
}

/// Those that it names beside spans, records, metrics and events.
const SIGNAL_TYPES: &[&str] = &[
    "AnyValue",
    "AsRef",
    "AttributeSet",
    "Attributes",
    "BTreeMap",
    "Counter",
    "Current",
    "Deref",
    "Derived",
    "Duration",
    "DurationHistogram",
    "Element",
    "EventDefinition",
    "Field",
    "FnMut",
    "ForeignSpan",
    "Gauge",
    "Handle",
    "Histogram",
    "InstrumentKind",
    "Int",
    "Level",
    "Failure",
    "Measured",
    "MetricDefinition",
    "NamePart",
    "Outcome",
    "P",
    "Parent",
    "ParentSpan",
    "PhantomData",
    "RecordDefinition",
    "RemoteParent",
    "Root",
    "RunStream",
    "RunStreamWith",
    "SpanDefinition",
    "SpanKind",
    "SpanStart",
    "SpanStream",
    "Stream",
    "StreamDefinition",
    "SystemTime",
    "T",
    "TypedSpan",
    "UpDownCounter",
];

/// The modules and primitive types that generated code names: a namespace of such a name would hide
/// them. The file of a module `mod` would be taken for that of the directory.
const MODULES_IN_USE: &[&str] = &[
    "bool",
    "definitions",
    "events",
    "f64",
    "fmt",
    "i64",
    "metrics",
    "mod",
    "records",
    "registry",
    "semconv",
    "spans",
    "std",
    "str",
    "u64",
];

/// The statics that stand beside those of attributes.
const STATICS_IN_USE: &[&str] = &["ALL"];

/// The argument that names a span whose name the registry has in prose.
pub(crate) const SPAN_NAME: &str = "span_name";

/// The field of an event that holds its body.
pub(crate) const EVENT_BODY: &str = "body";

/// The methods that stand beside setters: those of builders, and those of structs of attributes.
const SETTERS_IN_USE: &[&str] = &[
    "attributes",
    EVENT_BODY,
    "builder",
    "default",
    "emit",
    "new",
    "parent",
    "span_name",
    "start",
    "start_time",
    "write",
];

/// The methods of the carrier's handle that a record of that name would hide.
const RECORDS_IN_USE: &[&str] = &["record_error", "record_error_with"];

/// The first segment of a name: `gen_ai` of `gen_ai.request.model`.
pub(crate) fn namespace(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// What follows the namespace; the whole name where that can't begin an identifier.
fn local(name: &str) -> &str {
    match name.split_once('.') {
        Some((_, rest)) if rest.starts_with(char::is_alphabetic) => rest,
        _ => name,
    }
}

/// As [`local`], but a single word keeps its namespace.
fn telling(name: &str) -> &str {
    let local = local(name);
    if local.to_snake_case().contains('_') {
        local
    } else {
        name
    }
}

/// The module of a namespace; its file is named the same, but for the `r#`.
pub(crate) fn module_name(namespace: &str) -> String {
    let name = snake(namespace);
    let stem = file_stem(&name);
    if MODULES_IN_USE.contains(&stem) {
        format!("{stem}_")
    } else {
        name
    }
}

/// The feature of a namespace, by its module. The one that cargo knows itself is no namespace's.
pub(crate) fn feature_name(module: &str) -> String {
    match file_stem(module) {
        "default" => "default_".to_owned(),
        stem => stem.to_owned(),
    }
}

/// The stem of the file of a module.
pub(crate) fn file_stem(module: &str) -> &str {
    module.strip_prefix("r#").unwrap_or(module)
}

/// The constant or static of an attribute, span, record, metric or event: `REQUEST_MODEL`.
pub(crate) fn constant_name(name: &str) -> String {
    let constant = identifier(local(name).to_shouty_snake_case());
    if STATICS_IN_USE.contains(&constant.as_str()) {
        format!("{}_{constant}", namespace(name).to_shouty_snake_case())
    } else {
        constant
    }
}

/// The identifier of something deprecated where something else has the same.
pub(crate) fn making_way(identifier: &str) -> String {
    format!("{identifier}_")
}

/// The field, argument or setter of an attribute: `request_model`. The attributes of `home`, the
/// namespace in which the field stands, never repeat it.
pub(crate) fn field_name(key: &str, home: &str) -> String {
    let words = if namespace(key) == home {
        local(key)
    } else {
        telling(key)
    };
    snake(words)
}

/// The field of an attribute with its namespace, for where the shorter name would stand twice.
pub(crate) fn full_field_name(key: &str) -> String {
    snake(key)
}

/// A field or argument that stands in the way of no method or variable of the generated code.
pub(crate) fn apart_from_methods(field: String) -> String {
    if SETTERS_IN_USE.contains(&field.as_str()) {
        format!("{field}_")
    } else {
        field
    }
}

/// Drops the words that all fields begin with, as `usage_` in `usage_input_tokens` and
/// `usage_output_tokens`, as far as that leaves each a name.
pub(crate) fn without_common_words(fields: &[String]) -> Vec<String> {
    let words: Vec<Vec<&str>> = fields
        .iter()
        .map(|field| {
            file_stem(field)
                .split('_')
                .filter(|word| !word.is_empty())
                .collect()
        })
        .collect();
    let Some(first) = words.first().filter(|_| words.len() > 1) else {
        return fields.to_vec();
    };
    let shortest = words.iter().map(Vec::len).min().unwrap_or(0);
    let common = (0..shortest.saturating_sub(1))
        .take_while(|&index| words.iter().all(|other| other[index] == first[index]))
        .count();
    let begins_with_a_letter = |words: &Vec<&str>| words[common].starts_with(char::is_alphabetic);
    if common == 0 || !words.iter().all(begins_with_a_letter) {
        return fields.to_vec();
    }
    words
        .iter()
        .map(|words| snake(&words[common..].join("_")))
        .collect()
}

/// The type of an enum attribute's values: `ProviderName`.
pub(crate) fn enum_type_name(key: &str) -> String {
    apart_from(
        &[COMMON_TYPES],
        telling(key).to_pascal_case(),
        namespace(key),
    )
}

/// The type of the values of several enum attributes, as the registry calls it.
pub(crate) fn shared_type_name(given: &str, namespace: &str) -> String {
    apart_from(&[COMMON_TYPES], given.to_pascal_case(), namespace)
}

/// A constant as links have it, below `path`: a keyword is a name like any other there, and a type
/// may have the constant's name, as `X`.
pub(crate) fn constant_link(path: &str, constant: &str) -> String {
    let path = path.replace("r#", "");
    if constant.to_pascal_case() == constant {
        format!("const@{path}{constant}")
    } else {
        format!("{path}{constant}")
    }
}

/// The same for the type of an enum's values.
pub(crate) fn enum_link(path: &str, name: &str) -> String {
    let path = path.replace("r#", "");
    if name.to_shouty_snake_case() == name {
        format!("enum@{path}{name}")
    } else {
        format!("{path}{name}")
    }
}

/// The struct of an event: `JournalAppend`.
pub(crate) fn event_struct(name: &str) -> String {
    signal_type_name(local(name), namespace(name))
}

/// The type of an event's body, or of a field of one, named after what holds it: `WebVitalBody`,
/// `WebVitalBodyName`.
pub(crate) fn body_type(holder: &str, field: &str) -> String {
    format!("{holder}{}", field.to_pascal_case())
}

/// The struct of a metric's attributes: `TokenUsageAttributes`.
pub(crate) fn metric_struct(name: &str) -> String {
    signal_type_name(&format!("{}_attributes", local(name)), namespace(name))
}

/// A type beside spans, records, metrics and events.
pub(crate) fn signal_type_name(words: &str, namespace: &str) -> String {
    apart_from(
        &[COMMON_TYPES, SIGNAL_TYPES],
        words.to_pascal_case(),
        namespace,
    )
}

/// The variant of an enum member: `GcpVertexAi`.
pub(crate) fn member_name(id: &str) -> String {
    match identifier(id.to_pascal_case()) {
        name if name == "Self" => "Self_".to_owned(),
        name => name,
    }
}

/// The variant for values that the registry does not list: `Other`, unless a member has that name.
pub(crate) fn fallback_name(members: &[String]) -> String {
    let mut name = "Other".to_owned();
    while members.contains(&name) {
        name.push_str("Value");
    }
    name
}

/// The function that starts a span without a contract: its type, the kind left out.
pub(crate) fn span_function(span_type: &str, kind: &str) -> String {
    let words = span_type
        .strip_suffix(kind)
        .and_then(|rest| rest.strip_suffix('.'))
        .unwrap_or(span_type);
    format!("{}_span", file_stem(&snake(words)))
}

/// The same with the kind, for where the shorter name would stand twice.
pub(crate) fn span_function_of_kind(span_type: &str) -> String {
    format!("{}_span", file_stem(&snake(span_type)))
}

/// The words of a span's function without its last: `chat` of `chat_span`.
pub(crate) fn span_label(function: &str) -> &str {
    function
        .strip_suffix("_span")
        .filter(|label| !label.is_empty())
        .unwrap_or(function)
}

/// The method that records something of that name: `record_budget`.
pub(crate) fn record_method(name: &str) -> String {
    let method = format!("record_{}", name.to_snake_case());
    if RECORDS_IN_USE.contains(&method.as_str()) {
        format!("{method}_")
    } else {
        method
    }
}

/// The argument that takes what a record of that name consists of: `usage` of `token_usage`.
pub(crate) fn record_argument(name: &str) -> String {
    let words = name.to_snake_case();
    let last = words
        .rsplit('_')
        .next()
        .filter(|word| word.starts_with(char::is_alphabetic));
    apart_from_methods(snake(last.unwrap_or(&words)))
}

/// The trait of the phases in which a record may be made: `RecordsBudget`.
pub(crate) fn record_trait(name: &str) -> String {
    format!("Records{}", name.to_pascal_case())
}

/// An identifier in snake case.
pub(crate) fn snake(words: &str) -> String {
    let name = identifier(words.to_snake_case());
    if NEVER_RAW.contains(&name.as_str()) {
        format!("{name}_")
    } else if KEYWORDS.contains(&name.as_str()) {
        format!("r#{name}")
    } else {
        name
    }
}

/// A type in pascal case.
pub(crate) fn pascal(words: &str) -> String {
    identifier(words.to_pascal_case())
}

/// Whether this is the path of a module within its crate: `crate::generated`.
pub(crate) fn is_module_path(path: &str) -> bool {
    let mut segments = path.split("::");
    segments.next() == Some("crate") && segments.all(is_segment)
}

/// Whether this names a module of this crate or of another one.
pub(crate) fn is_rust_path(path: &str) -> bool {
    is_module_path(path) || path.split("::").all(is_segment)
}

fn is_segment(segment: &str) -> bool {
    let name = file_stem(segment);
    let raw = name != segment;
    let mut chars = name.chars();
    name != "_"
        && chars
            .next()
            .is_some_and(|first| first == '_' || first.is_alphabetic())
        && chars.all(|c| c == '_' || c.is_alphanumeric())
        && !NEVER_RAW.contains(&name)
        && (raw || !KEYWORDS.contains(&name))
}

fn apart_from(in_use: &[&[&str]], name: String, namespace: &str) -> String {
    let name = identifier(name);
    if in_use.iter().any(|names| names.contains(&name.as_str())) {
        format!("{}{name}", namespace.to_pascal_case())
    } else {
        name
    }
}

/// What is left of a name in the case that is wanted. A checked registry has no name of which
/// nothing is left, and none that begins with a digit once its namespace is kept.
fn identifier(name: String) -> String {
    match name.chars().next() {
        None => "unnamed".to_owned(),
        Some(first) if first.is_numeric() => format!("_{name}"),
        Some(_) => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_leave_the_namespace_out() {
        assert_eq!(constant_name("gen_ai.request.top_k"), "REQUEST_TOP_K");
        assert_eq!(constant_name("life.session_id"), "SESSION_ID");
        assert_eq!(constant_name("exception"), "EXCEPTION");
    }

    #[test]
    fn a_single_word_keeps_its_namespace_except_at_home() {
        assert_eq!(field_name("server.port", "gen_ai"), "server_port");
        assert_eq!(field_name("server.port", "server"), "port");
        assert_eq!(field_name("gen_ai.request.model", "life"), "request_model");
        assert_eq!(enum_type_name("error.type"), "ErrorType");
        assert_eq!(enum_type_name("gen_ai.provider.name"), "ProviderName");
    }

    #[test]
    fn keywords_become_raw_or_take_an_underscore() {
        assert_eq!(field_name("app.type", "app"), "r#type");
        assert_eq!(field_name("app.gen", "app"), "r#gen");
        assert_eq!(field_name("app.self", "app"), "self_");
        assert_eq!(field_name("app.crate", "app"), "crate_");
        assert_eq!(member_name("self"), "Self_");
        assert_eq!(member_name("type"), "Type");
        assert_eq!(module_name("type"), "r#type");
        assert_eq!(file_stem("r#type"), "type");
    }

    #[test]
    fn a_feature_is_called_as_its_namespace_unless_cargo_knows_that_name() {
        assert_eq!(feature_name("gen_ai"), "gen_ai");
        assert_eq!(feature_name("r#type"), "type");
        assert_eq!(feature_name("default"), "default_");
    }

    #[test]
    fn the_types_of_a_body_are_named_after_their_places() {
        assert_eq!(event_struct("browser.web_vital"), "WebVital");
        assert_eq!(body_type("WebVital", EVENT_BODY), "WebVitalBody");
        assert_eq!(body_type("WebVitalBody", "name"), "WebVitalBodyName");
        assert_eq!(body_type("LogBody", "result.type"), "LogBodyResultType");
    }

    #[test]
    fn what_would_begin_with_a_digit_keeps_its_namespace() {
        assert_eq!(constant_name("app.3d.model"), "APP_3D_MODEL");
        assert_eq!(field_name("app.3d.model", "app"), "app_3d_model");
        assert_eq!(enum_type_name("app.3d.model"), "App3dModel");
    }

    #[test]
    fn words_that_all_fields_begin_with_are_dropped_as_far_as_names_are_left() {
        let shorten = |fields: &[&str]| {
            without_common_words(
                &fields
                    .iter()
                    .map(|field| (*field).to_owned())
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(
            shorten(&["usage_input_tokens", "usage_output_tokens"]),
            ["input_tokens", "output_tokens"]
        );
        assert_eq!(shorten(&["mode_from", "mode_to"]), ["from", "to"]);
        assert_eq!(shorten(&["mode", "mode_to"]), ["mode", "mode_to"]);
        assert_eq!(shorten(&["a_b", "c_d"]), ["a_b", "c_d"]);
        assert_eq!(shorten(&["usage_input_tokens"]), ["usage_input_tokens"]);
        assert_eq!(shorten(&["size_2d", "size_3d"]), ["size_2d", "size_3d"]);
        assert_eq!(shorten(&["x_type", "x_self"]), ["r#type", "self_"]);
    }

    #[test]
    fn the_fallback_of_an_open_enum_makes_way_for_members() {
        let members = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(fallback_name(&members(&["A"])), "Other");
        assert_eq!(fallback_name(&members(&["Other"])), "OtherValue");
        assert_eq!(
            fallback_name(&members(&["OtherValue", "Other"])),
            "OtherValueValue"
        );
    }

    #[test]
    fn types_do_not_hide_those_that_generated_code_uses() {
        assert_eq!(enum_type_name("app.text.value"), "TextValue");
        assert_eq!(shared_type_name("Value", "app"), "AppValue");
        assert_eq!(shared_type_name("Level", "app"), "Level");
        assert_eq!(signal_type_name("level", "app"), "AppLevel");
        assert_eq!(event_struct("app.result"), "AppResult");
        assert_eq!(signal_type_name("sync", "app"), "AppSync");
        assert_eq!(module_name("metrics"), "metrics_");
        assert_eq!(module_name("mod"), "mod_");
        assert_eq!(module_name("str"), "str_");
        assert_eq!(constant_name("app.all"), "APP_ALL");
    }

    #[test]
    fn the_path_of_a_module_begins_at_its_crate() {
        for path in ["crate", "crate::generated", "crate::a::r#type", "crate::_a"] {
            assert!(is_module_path(path), "{path}");
        }
        for path in [
            "",
            "foo",
            "::x",
            "crate::",
            "a b",
            "crate::a b",
            "crate::type",
            "crate::r#self",
            "crate::_",
            "crate::1",
        ] {
            assert!(!is_module_path(path), "{path}");
        }
    }

    #[test]
    fn spans_without_a_contract_are_named_after_their_type() {
        assert_eq!(
            span_function("http.server.server", "server"),
            "http_server_span"
        );
        assert_eq!(
            span_function("gen_ai.inference.client", "client"),
            "gen_ai_inference_span"
        );
        assert_eq!(span_label("chat_span"), "chat");
    }

    #[test]
    fn setters_and_records_stand_in_the_way_of_no_method() {
        assert_eq!(apart_from_methods("start".to_owned()), "start_");
        assert_eq!(apart_from_methods("started".to_owned()), "started");
        assert_eq!(record_method("error"), "record_error_");
        assert_eq!(record_method("token_usage"), "record_token_usage");
        assert_eq!(record_argument("token_usage"), "usage");
        assert_eq!(record_argument("attempt_2"), "attempt_2");
    }
}
