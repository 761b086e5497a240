//! The tables of `docs/registry.md` say of each key what is said here.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;

use super::shape::{Field, Shape};
use super::{attribute, opt_in, places, reference, sections};
use crate::config;

/// The heading that a table stands under, and the keys that it lists.
fn tables() -> Vec<(&'static str, Vec<&'static Field>)> {
    let shape = |shape: &'static Shape| shape.all().collect::<Vec<_>>();
    let keys = |place: &'static super::shape::Place| place.keys.iter().collect::<Vec<_>>();
    vec![
        ("## Attributes", shape(&attribute::ATTRIBUTE)),
        (
            "### `annotations.vigil` of an attribute",
            keys(&places::ATTRIBUTE),
        ),
        ("## References", shape(&reference::SPAN_REF)),
        (
            "### `annotations.vigil` of a reference",
            keys(&places::GROUP_REFERENCE),
        ),
        ("## Spans", shape(&sections::SPAN)),
        (
            "### `annotations.vigil` of a span: the contract",
            keys(&places::SPAN),
        ),
        ("### Streams", shape(&places::STREAM)),
        ("## Records", shape(&places::RECORD)),
        ("## Metrics", shape(&sections::METRIC)),
        ("### `annotations.vigil` of a metric", keys(&places::METRIC)),
        ("## Events", shape(&sections::EVENT)),
        ("### Attributes with two keys", shape(&opt_in::OPT_IN_KEY)),
        ("### Metrics with two names", shape(&opt_in::OPT_IN_METRIC)),
        ("#### Replacements", shape(&opt_in::REPLACEMENT)),
        ("### `vigil-gen.toml`", shape(&config::CONFIG)),
        ("#### Outputs", shape(&config::OUTPUT)),
    ]
}

/// `VIGIL_UPDATE_DOCS=1` writes what is said anew.
#[test]
fn the_documentation_says_of_each_key_what_editors_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/registry.md");
    let text = fs::read_to_string(&path).unwrap();
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    for (heading, fields) in tables() {
        let start = lines.iter().position(|line| line == heading);
        let start = start.unwrap_or_else(|| panic!("there is no {heading}"));
        let is_table = |line: &String| line.starts_with("| key");
        let table = start + lines[start..].iter().position(is_table).unwrap();
        let column = cells(&lines[table]).iter().position(|it| *it == "meaning");
        let column = column.unwrap();
        let mut listed = BTreeSet::new();
        for line in &mut lines[table + 2..] {
            if !line.starts_with('|') {
                break;
            }
            let row = cells(line);
            let keys: Vec<&str> = row[0].split('`').skip(1).step_by(2).collect();
            let parts = keys.iter().flat_map(|key| key.split('.'));
            listed.extend(parts.map(str::to_owned));
            let ([key], false) = (&keys[..], is_cross_reference(row[column])) else {
                continue;
            };
            // What stands under a key is another table's, and so not found.
            if let Some(field) = fields.iter().find(|it| it.name == *key) {
                *line = line.replace(row[column], field.doc);
            }
        }
        for field in fields {
            assert!(
                listed.contains(field.name),
                "{heading} does not list `{}`",
                field.name
            );
        }
    }
    let documented = lines.join("\n");
    if env::var_os("VIGIL_UPDATE_DOCS").is_some() {
        fs::write(&path, documented).unwrap();
    } else {
        assert!(
            documented == text,
            "run the test with VIGIL_UPDATE_DOCS=1 to write the tables anew"
        );
    }
}

fn cells(line: &str) -> Vec<&str> {
    line.trim_matches('|').split('|').map(str::trim).collect()
}

/// What points to another table says nothing itself.
fn is_cross_reference(meaning: &str) -> bool {
    meaning.contains("below") || meaning.starts_with("As on") || meaning == "References."
}
