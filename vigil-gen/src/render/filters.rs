//! What templates can call beside what minijinja brings.

use heck::{ToKebabCase, ToPascalCase, ToShoutySnakeCase, ToSnakeCase};
use minijinja::Environment;

/// Adds them.
pub(super) fn add(environment: &mut Environment<'_>) {
    environment.add_filter("cell", cell);
    environment.add_filter("kebab", |text: &str| text.to_kebab_case());
    environment.add_filter("pascal", |text: &str| text.to_pascal_case());
    environment.add_filter("shouty", |text: &str| text.to_shouty_snake_case());
    environment.add_filter("snake", |text: &str| text.to_snake_case());
}

/// Text as it can stand in a cell of a Markdown table.
fn cell(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.replace('|', "\\|")
}
