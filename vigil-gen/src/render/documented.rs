//! `docs/templates.md` lists what templates are given and can call, and its examples give what it says.

use std::collections::BTreeSet;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::*;
use crate::{Options, lower, read_registry};

fn page() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/templates.md")).unwrap()
}

/// What stands under a heading, up to the next one of its rank.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let rank = heading.split(' ').next().unwrap();
    let start = page
        .find(&format!("\n{heading}\n"))
        .unwrap_or_else(|| panic!("no {heading}"));
    let body = &page[start + heading.len() + 2..];
    let end = body.find(&format!("\n{rank} ")).unwrap_or(body.len());
    &body[..end]
}

/// The rows of a table: the names, the example, what it gives.
fn rows(section: &str) -> Vec<(Vec<String>, String, String)> {
    let code = |cell: &str| cell.trim().trim_matches('`').replace("\\|", "|");
    let lines = section.lines().filter(|line| line.starts_with("| `"));
    lines
        .map(|line| {
            let line = line.replace("\\|", "\u{0}");
            let cells: Vec<String> = line
                .split('|')
                .map(|cell| cell.replace('\u{0}', "|"))
                .collect();
            let names = cells[1].split(", ").map(code).collect();
            (names, code(&cells[2]), code(&cells[3]))
        })
        .collect()
}

/// The names in a list of the environment's own description.
fn registered(environment: &Environment<'_>, list: &str) -> BTreeSet<String> {
    let described = format!("{environment:?}");
    let (_, rest) = described.split_once(&format!("{list}: ")).unwrap();
    let end = rest.find(['}', ']']).unwrap();
    let names = rest[1..end].split('"').skip(1).step_by(2);
    names.map(str::to_owned).collect()
}

fn check(heading: &str, expected: &BTreeSet<String>) {
    let page = page();
    let environment = environment().unwrap();
    let rows = rows(section(&page, heading));
    let listed: BTreeSet<String> = rows.iter().flat_map(|(names, ..)| names.clone()).collect();
    assert_eq!(listed, *expected, "{heading}");
    let mut wrong = Vec::new();
    for (names, example, gives) in rows {
        let text = environment
            .render_str(&example, ())
            .unwrap_or_else(|error| panic!("{example}: {error}"));
        if text != gives {
            wrong.push(format!("`{example}` gives `{text}`, not `{gives}`"));
        }
        assert!(
            names.iter().any(|name| example.contains(name.as_str())),
            "{example}"
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_filter_is_listed_with_an_example() {
    check(
        "## Filters",
        &registered(&environment().unwrap(), "filters"),
    );
}

#[test]
fn every_test_is_listed_with_an_example() {
    check("## Tests", &registered(&environment().unwrap(), "tests"));
}

#[test]
fn every_function_is_listed_with_an_example() {
    let environment = environment().unwrap();
    let globals = environment
        .globals()
        .map(|(name, _)| name.to_owned())
        .collect();
    check("## Functions", &globals);
}

/// The first block of code of a language.
fn block<'a>(section: &'a str, language: &str) -> &'a str {
    let fence = format!("```{language}\n");
    let start = section
        .find(&fence)
        .unwrap_or_else(|| panic!("no {language} in\n{section}"));
    let body = &section[start + fence.len()..];
    &body[..body.find("```").unwrap()]
}

#[test]
fn every_subject_is_told_with_an_example_that_gives_what_it_says() {
    let page = page();
    let dir = tempfile::tempdir().unwrap();
    let registry = dir.path().join("shop");
    fs::create_dir(&registry).unwrap();
    fs::write(
        registry.join("manifest.yaml"),
        "schema_url: https://example.com/schemas/1.0.0\n",
    )
    .unwrap();
    let subjects_section = section(&page, "## What a template is applied to");
    fs::write(registry.join("shop.yaml"), block(subjects_section, "yaml")).unwrap();
    let checked = read_registry(&registry).unwrap_or_else(|rejected| panic!("{rejected}"));
    let ir = lower(&checked, &Options::new(&registry, "", "")).unwrap();
    let subjects = Subjects::new(&checked.registry);
    for (word, subject) in Subject::WORDS {
        // One example stands for all of Vigil's own.
        if word.starts_with("rust.") && *subject != Subject::RustSemconv {
            assert!(
                subjects_section.contains(&format!("`{word}`")),
                "{word} is not told of"
            );
            continue;
        }
        let example = section(subjects_section, &format!("### `{word}`"));
        fs::write(dir.path().join("example.j2"), block(example, "jinja")).unwrap();
        let templates = Templates::read(Some(dir.path())).unwrap();
        let placeholders = subject
            .placeholders()
            .iter()
            .map(|name| format!("{{{name}}}"));
        let file = placeholders
            .chain(["x".to_owned()])
            .collect::<Vec<_>>()
            .join("-");
        let output = Output::new("example.j2", *subject, &file).unwrap();
        let files = templates
            .render(&output, Some(&ir), &subjects)
            .unwrap_or_else(|error| panic!("{word}: {error}"));
        let first = files
            .values()
            .next()
            .unwrap_or_else(|| panic!("{word} makes nothing"));
        assert_eq!(
            first.trim_end(),
            block(example, "text").trim_end(),
            "{word}"
        );
    }
}

/// `VIGIL_UPDATE_DOCS=1` writes what is said anew.
#[test]
fn every_variable_is_listed_with_its_meaning() {
    let page = page();
    let start = page.find("## The registry\n").unwrap_or(page.len());
    let (before, tables) = page.split_at(start);
    let registry = types(include_str!("../registry.rs")) + &types(include_str!("../renames.rs"));
    let rust = types(include_str!("../ir.rs"));
    let expected = format!(
        "## The registry\n\nA field in italics is left out where it is empty: ask `is defined`. A type that is one of \
         several words is given as that word, or as a mapping of the word to what belongs to it.\n\n{registry}\
         ## The Rust modules\n\nStrings are Rust source as it stands in the file; `docs` are lines without their \
         `///`.\n\n{rust}"
    );
    let expected = expected.trim_end().to_owned() + "\n";
    if env::var_os("VIGIL_UPDATE_DOCS").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/templates.md");
        fs::write(path, before.to_owned() + &expected).unwrap();
        return;
    }
    assert_eq!(
        tables, expected,
        "run the test with VIGIL_UPDATE_DOCS=1 to write the tables anew"
    );
}

/// A table for each type of a module whose fields templates see.
fn types(source: &str) -> String {
    let mut text = String::new();
    let mut docs: Vec<&str> = Vec::new();
    let mut serde = String::new();
    let mut open = None;
    for line in source.lines() {
        let trimmed = line.trim();
        if let Some(doc) = trimmed.strip_prefix("///") {
            docs.push(doc.trim());
        } else if let Some(attribute) = trimmed.strip_prefix("#[serde(") {
            serde.push_str(attribute);
        } else if let Some(name) = declared(line, "pub struct ") {
            writeln!(
                text,
                "### `{name}`\n\n{}\n\n| field | meaning |\n|---|---|",
                plain(&docs)
            )
            .unwrap();
            open = Some(false);
        } else if let Some(name) = declared(line, "pub enum ") {
            writeln!(
                text,
                "### `{name}`\n\n{}\n\n| word | meaning |\n|---|---|",
                plain(&docs)
            )
            .unwrap();
            open = Some(!serde.contains("untagged"));
        } else if line == "}" && open.take().is_some() {
            text.push('\n');
        } else if let (Some(words), false) = (
            open,
            trimmed.is_empty() || trimmed.starts_with("#[") || trimmed.starts_with("//"),
        ) {
            let name = trimmed
                .trim_start_matches("pub ")
                .split([':', '(', ','])
                .next()
                .unwrap();
            let name = match serde.split_once("rename = \"") {
                Some((_, rest)) => rest.split('"').next().unwrap().to_owned(),
                None if line.trim_start().starts_with("pub ") => name.to_owned(),
                None if words => heck::ToSnakeCase::to_snake_case(name),
                None => name.to_owned(),
            };
            let name = if serde.contains("skip_serializing_if") {
                format!("*{name}*")
            } else {
                format!("`{name}`")
            };
            writeln!(text, "| {name} | {} |", plain(&docs)).unwrap();
        }
        if !trimmed.starts_with("///") && !trimmed.starts_with("#[") {
            docs.clear();
            serde.clear();
        }
    }
    text
}

fn declared<'a>(line: &'a str, what: &str) -> Option<&'a str> {
    line.strip_prefix(what)?.strip_suffix(" {")
}

/// Rustdoc as Markdown that has no links, in a line.
fn plain(docs: &[&str]) -> String {
    let text = docs.join(" ");
    text.replace("[`", "`")
        .replace("`]", "`")
        .replace('|', "\\|")
}
