//! The JSON Schemas of a registry's files, as a validator has them.

use jsonschema::Validator;
use serde_json::Value;
use vigil_gen::diagnostic::Diagnostic;
use vigil_gen::{FileKind, json_schema};

/// What the schema can know: one file, key by key.
const ABOUT_SHAPES: [&str; 14] = [
    "unknown-field",
    "missing-field",
    "wrong-shape",
    "unknown-annotation",
    "misplaced-annotation",
    "invalid-type",
    "invalid-group-type",
    "invalid-role",
    "invalid-kind",
    "invalid-instrument",
    "invalid-stability",
    "invalid-level",
    "invalid-deprecation",
    "invalid-visibility",
];

/// Mistakes that take more than the keys of one mapping to see.
const BEYOND: [&str; 3] = [
    "so it would be passed over",
    "has no attributes",
    // In the older format, unless it is deprecated.
    "an attribute needs `brief`",
];

/// Whether the schema is to have something against it too.
pub(crate) fn is_about_shape(error: &Diagnostic) -> bool {
    let beyond = BEYOND.iter().any(|text| error.message.contains(text));
    ABOUT_SHAPES.contains(&error.code) && !beyond
}

pub(crate) struct Schemas {
    definitions: Validator,
    groups: Validator,
    manifest: Validator,
}

impl Schemas {
    pub(crate) fn new() -> Self {
        let validator = |kind| {
            let schema = serde_json::from_str(&json_schema(kind)).unwrap();
            jsonschema::draft202012::meta::validate(&schema).unwrap();
            jsonschema::draft202012::new(&schema).unwrap()
        };
        Self {
            definitions: validator(FileKind::Definitions),
            groups: validator(FileKind::Groups),
            manifest: validator(FileKind::Manifest),
        }
    }

    /// What the schema of a file has against it; `None` if it is no YAML.
    pub(crate) fn misfits(&self, path: &str, content: &[u8]) -> Option<Vec<String>> {
        let file: Value = serde_yaml::from_slice(content).ok()?;
        let name = path.rsplit('/').next()?;
        let validator = if ["manifest.yaml", "registry_manifest.yaml"].contains(&name) {
            &self.manifest
        } else if file.get("groups").is_some() && file.get("file_format").is_none() {
            &self.groups
        } else {
            &self.definitions
        };
        let errors = validator.iter_errors(&file);
        let misfits = errors.map(|error| format!("{}: {error}", error.instance_path()));
        Some(misfits.collect())
    }
}
