//! The manifest.

use super::common::STABILITY;
use super::fields::{Fields, Shape, Vocabulary, text};
use crate::codes;
use crate::diagnostic::{Diagnostic, Diagnostics, quoted};
use crate::registry::Manifest;
use crate::yaml::Node;

/// Besides what is used here, what other tools and earlier versions of the format put there.
const MANIFEST: Shape = Shape {
    what: "a manifest",
    required: &["schema_url"],
    optional: &[
        "file_format",
        "description",
        "stability",
        "dependencies",
        "name",
        "version",
        "semconv_version",
        "schema_base_url",
    ],
};

const DEPENDENCY: Shape = Shape {
    what: "a dependency",
    required: &[],
    optional: &["schema_url", "registry_path", "name"],
};

const FILE_FORMAT: Vocabulary<()> = Vocabulary {
    what: "manifest format",
    code: codes::FILE_FORMAT,
    words: &[("definition_manifest/2.0", ())],
    also: &[],
};

/// Reads the manifest.
pub fn read_manifest(node: &Node, diagnostics: &mut Diagnostics) -> Manifest {
    let Some(fields) = Fields::open(node, &MANIFEST, diagnostics) else {
        return Manifest::default();
    };
    fields.word("file_format", &FILE_FORMAT, diagnostics);
    for name in ["name", "version", "semconv_version", "schema_base_url"] {
        fields.text(name, diagnostics);
    }
    read_dependencies(&fields, diagnostics);
    Manifest {
        schema_url: read_schema_url(&fields, diagnostics).unwrap_or_default(),
        description: fields.prose("description", diagnostics).unwrap_or_default(),
        stability: fields
            .word("stability", &STABILITY, diagnostics)
            .map(|it| it.value)
            .unwrap_or_default(),
    }
}

fn read_schema_url(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Option<String> {
    let node = fields.get("schema_url")?;
    // The published schema describes it as a mapping with a `url`; everyone writes plain text.
    let node = node.get("url").unwrap_or(node);
    let url = text(node, "`schema_url`", diagnostics)?;
    if !is_schema_url(&url.value) {
        diagnostics.push(
            Diagnostic::new(
                codes::INVALID_SCHEMA_URL,
                url.at,
                format!("{} is no schema URL", quoted(&url.value)),
            )
            .with_help("write `https://`, a host, a path, and the version as its last part"),
        );
    }
    Some(url.value)
}

/// `http[s]://server[:port]/path/<version>`
fn is_schema_url(url: &str) -> bool {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    let Some(mut parts) = rest.map(|rest| rest.split('/')) else {
        return false;
    };
    let host = parts.next().unwrap_or_default();
    let path: Vec<&str> = parts.collect();
    let plain = url
        .chars()
        .all(|c| c.is_ascii_graphic() && !"?#<>\"{}|\\^`".contains(c));
    plain && !host.is_empty() && path.last().is_some_and(|version| !version.is_empty())
}

fn read_dependencies(fields: &Fields<'_>, diagnostics: &mut Diagnostics) {
    let dependencies = fields.list("dependencies", diagnostics);
    for dependency in dependencies {
        if let Some(fields) = Fields::open(dependency, &DEPENDENCY, diagnostics) {
            for name in ["registry_path", "name"] {
                fields.text(name, diagnostics);
            }
        }
    }
    if let Some(first) = dependencies.first() {
        diagnostics.push(
            Diagnostic::new(
                codes::UNSUPPORTED_DEPENDENCY,
                first.at,
                "dependencies on other registries are not supported",
            )
            .with_help(
                "define what is borrowed in a file of its own, and leave `dependencies` out",
            ),
        );
    }
}
