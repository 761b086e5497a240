//! What templates can call beside what minijinja brings.

use heck::{ToKebabCase, ToPascalCase, ToShoutySnakeCase, ToSnakeCase};
use minijinja::{Environment, Value};

use super::{markdown, prometheus};

/// Adds them.
pub(super) fn add(environment: &mut Environment<'_>) {
    environment.add_filter("cell", markdown::cell);
    environment.add_filter("code", markdown::code);
    environment.add_filter("html", markdown::html);
    environment.add_filter("kebab", |text: &str| text.to_kebab_case());
    environment.add_filter("markdown", markdown::tame);
    environment.add_filter("number", |number: f64| number.to_string());
    environment.add_filter("pascal", |text: &str| text.to_pascal_case());
    environment.add_filter("prometheus_label", prometheus::label);
    environment.add_filter("prometheus_name", |metric: Value| {
        prometheus::metric(&metric)
    });
    environment.add_filter("shouty", |text: &str| text.to_shouty_snake_case());
    environment.add_filter("snake", |text: &str| text.to_snake_case());
    environment.add_filter("yaml", yaml);
}

/// Text as a YAML scalar on one line that stays text: in quotes where it would be read as something else.
fn yaml(text: &str) -> String {
    match serde_yaml::to_string(text) {
        Ok(scalar) if scalar.trim_end().lines().count() <= 1 => scalar.trim_end().to_owned(),
        // JSON's text is YAML's as well.
        _ => serde_json::Value::from(text).to_string(),
    }
}
