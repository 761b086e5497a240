//! The JSON Schema of a registry's files: it says the same as what reads them.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use vigil_gen::{FileKind, json_schema, read_registry};

use support::schemas::{Schemas, is_about_shape};
use support::yaml_files;

mod support;

#[test]
fn the_committed_schemas_are_up_to_date() {
    for (name, kind) in [
        ("definitions", FileKind::Definitions),
        ("manifest", FileKind::Manifest),
    ] {
        let path = support::workspace().join(format!("semconv/{name}.schema.json"));
        let schema = json_schema(kind);
        if env::var_os("VIGIL_UPDATE_DOCS").is_some() {
            fs::write(&path, &schema).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == schema,
            "{} is stale: run the test with VIGIL_UPDATE_DOCS=1",
            path.display()
        );
    }
}

#[test]
fn every_file_of_the_registry_names_its_schema() {
    let root = support::workspace().join("semconv");
    let files = yaml_files(&root);
    assert!(files.len() > 15, "{files:?}");
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let line = text.lines().nth(1).unwrap_or_default();
        let named = line.strip_prefix("# yaml-language-server: $schema=");
        let named = named.unwrap_or_else(|| panic!("{} names no schema", path.display()));
        let expected = if path.ends_with("manifest.yaml") {
            root.join("manifest.schema.json")
        } else {
            root.join("definitions.schema.json")
        };
        let named = path.parent().unwrap().join(named);
        assert_eq!(
            fs::canonicalize(named).unwrap(),
            fs::canonicalize(expected).unwrap(),
            "{}",
            path.display()
        );
    }
}

#[test]
fn every_file_that_is_read_without_an_error_fits_its_schema() {
    let schemas = Schemas::new();
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut files = yaml_files(&support::workspace().join("semconv"));
    for folder in [
        "accepted",
        "generated",
        "collisions",
        "dependencies",
        "lints",
    ] {
        files.extend(yaml_files(&tests.join(folder)));
    }
    for path in files {
        let misfits = misfits(&schemas, &path).unwrap();
        assert!(misfits.is_empty(), "{}: {misfits:#?}", path.display());
    }
}

#[test]
fn every_file_of_upstream_fits_its_schema() {
    let Some(model) = support::upstream() else {
        return;
    };
    let schemas = Schemas::new();
    let files = yaml_files(&model);
    assert!(files.len() > 100);
    for path in files {
        let misfits = misfits(&schemas, &path).unwrap();
        assert!(misfits.is_empty(), "{}: {misfits:#?}", path.display());
    }
}

#[test]
fn every_mistake_of_shape_is_one_to_the_schema_too() {
    let schemas = Schemas::new();
    let mut refused = BTreeSet::new();
    let mut passed = Vec::new();
    for case in support::cases("refused") {
        let rejected = read_registry(&case).unwrap_err();
        for error in &rejected.diagnostics {
            let path = PathBuf::from(rejected.sources.display(error.primary.file));
            // What does not parse is the editor's own to say.
            let Some(misfits) = misfits(&schemas, &path) else {
                continue;
            };
            if is_about_shape(error) {
                let case = support::name(&case);
                if misfits.is_empty() {
                    passed.push(format!("{case}: {}", error.message));
                } else {
                    refused.insert(case);
                }
            }
        }
    }
    assert!(passed.is_empty(), "{passed:#?}");
    assert!(refused.len() > 25, "{refused:?}");
}

#[test]
fn every_key_says_what_it_means() {
    for kind in [FileKind::Definitions, FileKind::Groups, FileKind::Manifest] {
        let schema: Value = serde_json::from_str(&json_schema(kind)).unwrap();
        let mut properties = Vec::new();
        collect(&schema, &mut properties);
        assert!(!properties.is_empty());
        for (key, value) in properties {
            let doc = value["markdownDescription"].as_str().unwrap_or_default();
            assert!(doc.ends_with(['.', '`', ')']), "{key}: {doc}");
            assert!(!doc.contains("](#"), "{key}: {doc}");
            assert_eq!(value["description"], doc.replace('`', ""), "{key}");
        }
    }
}

#[test]
fn what_only_some_types_can_have_is_a_mistake_on_all_others() {
    let schemas = Schemas::new();
    let enumeration = "{ members: [{ id: a }] }";
    let cases = [
        ("closed: true", vec![enumeration]),
        ("type: Name", vec![enumeration]),
        ("unit: s", vec!["int", "double"]),
        (
            "inherited: true",
            vec!["int", "double", "boolean", enumeration],
        ),
        (
            "filled_from: app.b",
            vec!["int", "double", "boolean", enumeration],
        ),
    ];
    let types = ["int", "double", "boolean", "template[int]", enumeration];
    for (key, fitting) in cases {
        for ty in types {
            let text = format!(
                "file_format: definition/2\nattributes: [{{ key: app.a, type: {ty:?}, brief: B., stability: stable, annotations: {{ vigil: {{ {key} }} }} }}]"
            );
            let text = text.replace(&format!("{enumeration:?}"), enumeration);
            let misfits = schemas.misfits("app.yaml", text.as_bytes()).unwrap();
            assert_eq!(
                misfits.is_empty(),
                fitting.contains(&ty),
                "{text}: {misfits:?}"
            );
        }
    }
}

/// Every property of every object. What stands in conditions is about properties that are described
/// beside them.
fn collect(schema: &Value, properties: &mut Vec<(String, Value)>) {
    match schema {
        Value::Object(map) => {
            for (key, value) in map.iter().filter(|(key, _)| *key != "allOf") {
                if let ("properties", Value::Object(own)) = (key.as_str(), value) {
                    properties.extend(own.clone());
                }
                collect(value, properties);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, properties)),
        _ => {}
    }
}

/// What the schema of a file has against it; `None` if it is no YAML.
fn misfits(schemas: &Schemas, path: &Path) -> Option<Vec<String>> {
    schemas.misfits(path.to_str()?, &fs::read(path).ok()?)
}
