//! `stability_opt_in`: what has other names for whoever asks for them, which is what
//! `OTEL_SEMCONV_STABILITY_OPT_IN` is for.

use super::fields::{Fields, text, wrong_shape};
use super::shape::{Field, Shape, Value, field};
use super::{Located, OptInKeyDef, OptInMetricDef, ReplacementDef};
use crate::codes;
use crate::diagnostic::{Diagnostic, Diagnostics, quoted};
use crate::yaml::Yaml;

pub(super) const NAME: &str = "stability_opt_in";

/// Of an attribute, or a reference to one.
pub(super) const KEY_OPT_IN: Field = field!(
    NAME,
    Value::Shape(&OPT_IN_KEY),
    "It has another key for whoever [opts in](#two-names-at-once). Of a reference: here.",
);

/// Of a metric.
pub(super) const METRIC_OPT_IN: Field = field!(
    NAME,
    Value::Shape(&OPT_IN_METRIC),
    "Others take its place for whoever [opts in](#two-names-at-once), or it is emitted only then.",
);

const CATEGORY: Field = field!(
    "category",
    Value::Text,
    "What is opted in to, as `OTEL_SEMCONV_STABILITY_OPT_IN` names it. Required.",
);

pub(super) static OPT_IN_KEY: Shape = Shape {
    what: "a key to opt in to",
    name: "opt_in_key",
    required: &["category", "renamed_to"],
    fields: &[&[
        CATEGORY,
        field!(
            "renamed_to",
            Value::Text,
            "The key that it has then: a defined attribute of the same type, that nothing else there has. Required.",
        ),
    ]],
};

pub(super) static OPT_IN_METRIC: Shape = Shape {
    what: "what becomes of a metric",
    name: "opt_in_metric",
    required: &["category"],
    fields: &[&[
        CATEGORY,
        field!(
            "replaced_by",
            Value::List(&Value::Shape(&REPLACEMENT)),
            "The metrics that take its measurements then. Left out, the metric is emitted only then.",
        ),
    ]],
};

pub(super) static REPLACEMENT: Shape = Shape {
    what: "a replacement",
    name: "replacement",
    required: &["metric"],
    fields: &[&[
        field!(
            "metric",
            Value::Text,
            "The name of the metric that takes them: of the same unit and value type, of the same category, and fed by nothing else. Required.",
        ),
        field!(
            "where",
            Value::Map(&Value::Text),
            "It takes those measurements alone that have these attributes: from keys to enum members. What no replacement takes stays under the old name.",
        ),
        field!(
            "with",
            Value::Map(&Value::Text),
            "Attributes that are added to the measurement: from keys to enum members.",
        ),
    ]],
};

pub(super) fn read_key_opt_in(
    fields: &Fields<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<OptInKeyDef> {
    let node = fields.get(NAME)?;
    let fields = Fields::open(node, &OPT_IN_KEY, diagnostics)?;
    let category = read_category(&fields, diagnostics);
    let renamed_to = fields.text("renamed_to", diagnostics);
    Some(OptInKeyDef {
        at: node.at,
        category: category?,
        renamed_to: renamed_to?,
    })
}

pub(super) fn read_metric_opt_in(
    fields: &Fields<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<OptInMetricDef> {
    let node = fields.get(NAME)?;
    let fields = Fields::open(node, &OPT_IN_METRIC, diagnostics)?;
    let category = read_category(&fields, diagnostics);
    let replaced_by = fields.get("replaced_by").map(|list| {
        let items = fields.list("replaced_by", diagnostics);
        if items.is_empty() && matches!(list.yaml, Yaml::List(_)) {
            let message = "there are no metrics in `replaced_by`";
            diagnostics.push(
                Diagnostic::new(codes::INVALID_OPT_IN, list.at, message)
                    .with_help("name those that take its place, or leave `replaced_by` out of a metric that is emitted only then"),
            );
        }
        let read = |item| {
            let fields = Fields::open(item, &REPLACEMENT, diagnostics)?;
            let metric = fields.text("metric", diagnostics);
            let only = read_members(&fields, "where", diagnostics);
            let with = read_members(&fields, "with", diagnostics);
            Some(ReplacementDef {
                metric: metric?,
                only,
                with,
            })
        };
        items.iter().filter_map(read).collect()
    });
    Some(OptInMetricDef {
        at: node.at,
        category: category?,
        replaced_by,
    })
}

/// A category is an entry of a list with commas, where `/dup` behind it asks for both names.
fn read_category(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Option<String> {
    let category = fields.text("category", diagnostics)?;
    let name = category.value.as_str();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(plain) {
        return Some(category.value);
    }
    let help = match name.strip_suffix("/dup") {
        Some(name) => format!(
            "write {}: that both names are wanted, whoever opts in says",
            quoted(name)
        ),
        None => "lowercase letters, digits and `_`, as in `gen_ai_latest_experimental`".to_owned(),
    };
    let message = format!("{} is no category to opt in to", quoted(name));
    diagnostics.push(Diagnostic::new(codes::INVALID_OPT_IN, category.at, message).with_help(help));
    None
}

/// A mapping from keys to enum members.
pub(super) fn read_members(
    fields: &Fields<'_>,
    name: &str,
    diagnostics: &mut Diagnostics,
) -> Vec<(Located<String>, Located<String>)> {
    let Some(node) = fields.get(name) else {
        return Vec::new();
    };
    if !matches!(node.yaml, Yaml::Map(_)) {
        diagnostics.push(wrong_shape(
            node,
            format_args!("`{name}`"),
            "a mapping from keys to enum members",
        ));
    }
    let read = |entry: &crate::yaml::Entry| {
        let member = text(&entry.node, "an enum member", diagnostics)?;
        Some((Located::new(entry.key.clone(), entry.key_at), member))
    };
    node.entries().iter().filter_map(read).collect()
}
