//! The committed OpenTelemetry schema file: what it says against the YAML itself, and its URL against
//! what goes out. That every signal and resource received has that URL is in `received.rs`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_yaml::Value;
use vigil::registry::REGISTRY;

#[test]
fn the_schema_file_is_the_one_that_every_scope_names() {
    let manifest = read(&workspace().join("semconv/manifest.yaml"));
    let url = manifest["schema_url"].as_str().unwrap();
    assert_eq!(REGISTRY.scope.schema_url, url);

    let (_, version) = url.rsplit_once('/').unwrap();
    let schema = read(&workspace().join(format!("schemas/{version}.yaml")));
    assert_eq!(schema["file_format"], "1.1.0");
    assert_eq!(schema["schema_url"], url);
    let versions = schema["versions"].as_mapping().unwrap();
    assert_eq!(versions.keys().collect::<Vec<_>>(), [version]);
}

#[test]
fn every_renamed_attribute_is_in_the_schema_file_and_nothing_else() {
    let mut renamed: BTreeMap<String, String> = BTreeMap::new();
    for path in yaml_files(&workspace().join("semconv")) {
        let file = read(&path);
        let attributes = file.get("attributes").and_then(Value::as_sequence);
        for attribute in attributes.into_iter().flatten() {
            let Some(deprecated) = attribute.get("deprecated") else {
                continue;
            };
            if deprecated["reason"] == "renamed" {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                renamed.insert(text(&attribute["key"]), text(&deprecated["renamed_to"]));
            }
        }
        for kind in ["metrics", "events"] {
            let signals = file.get(kind).and_then(Value::as_sequence);
            for signal in signals.into_iter().flatten() {
                assert!(signal.get("deprecated").is_none(), "extend this test");
            }
        }
    }
    assert_eq!(renamed["gen_ai.system"], "gen_ai.provider.name");

    let (_, version) = REGISTRY.scope.schema_url.rsplit_once('/').unwrap();
    let schema = read(&workspace().join(format!("schemas/{version}.yaml")));
    let changes = &schema["versions"][version];
    let expected = BTreeMap::from([("attribute_map", renamed)]);
    let expected = BTreeMap::from([("rename_attributes", expected)]);
    let expected = BTreeMap::from([("changes", [expected])]);
    let expected = BTreeMap::from([("all", expected)]);
    assert_eq!(*changes, serde_yaml::to_value(expected).unwrap());
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap();
    serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn yaml_files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                yaml_files(&path)
            } else {
                vec![path]
            }
        })
        .filter(|path| path.extension().is_some_and(|it| it == "yaml"))
        .collect()
}
