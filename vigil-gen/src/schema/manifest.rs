//! The manifest.

use super::Located;
use super::common::{STABILITY, STABILITY_FIELD};
use super::fields::{Fields, Vocabulary, text};
use super::places::ON_MANIFEST;
use super::shape::{Shape, Value, field};
use super::upkeep::{Owners, read_owners};
use crate::codes;
use crate::diagnostic::{Diagnostic, Diagnostics, Location, quoted};
use crate::registry::Manifest;
use crate::yaml::Node;

/// Besides what is used here, what other tools and earlier versions of the format put there.
pub(crate) static MANIFEST: Shape = Shape {
    what: "a manifest",
    name: "manifest",
    required: &["schema_url"],
    fields: &[&[
        field!(
            "schema_url",
            SCHEMA_URL,
            "The schema URL, which goes out with every span, metric and log record. Its last part is the version: `https://example.com/schemas/shop/1.0.0`.",
        ),
        field!("description", Value::Text, "What the registry is about."),
        STABILITY_FIELD,
        field!(
            "dependencies",
            Value::List(&Value::Shape(&DEPENDENCY)),
            "The registries whose definitions this one refers to.",
        ),
        field!(
            "file_format",
            Value::Word(&FILE_FORMAT),
            "The manifest's own format.",
        ),
        field!(
            "name",
            Value::Text,
            "What the registry is called in messages.",
        ),
        field!(
            "version",
            Value::Text,
            "Of an earlier format, and not used.",
        ),
        field!(
            "semconv_version",
            Value::Text,
            "Of an earlier format, and not used.",
        ),
        field!(
            "schema_base_url",
            Value::Text,
            "Of an earlier format, and not used.",
        ),
        ON_MANIFEST,
    ]],
};

static DEPENDENCY: Shape = Shape {
    what: "a dependency",
    name: "dependency",
    required: &[],
    fields: &[&[
        field!(
            "schema_url",
            SCHEMA_URL,
            "The schema URL that its manifest gives; where it has no manifest, this one stands in.",
        ),
        field!(
            "registry_path",
            Value::Text,
            "Its directory, relative to this manifest. Nothing is fetched.",
        ),
        field!("name", Value::Text, "What it is called. Not used."),
    ]],
};

/// The published schema describes it as a mapping with a `url`; everyone writes plain text.
const SCHEMA_URL: Value = Value::Either(&[Value::Text, Value::Shape(&URL)]);

static URL: Shape = Shape {
    what: "a schema URL",
    name: "schema_url",
    required: &["url"],
    fields: &[&[field!("url", Value::Text, "The schema URL.")]],
};

const FILE_FORMAT: Vocabulary<()> = Vocabulary {
    what: "manifest format",
    code: codes::FILE_FORMAT,
    words: &[("definition_manifest/2.0", ())],
    also: &[],
};

/// What a manifest says.
pub(crate) struct ReadManifest {
    /// What goes into the registry.
    pub manifest: Manifest,
    /// `name`
    pub name: Option<String>,
    /// Where `schema_url` stands.
    pub schema_url_at: Option<Location>,
    /// Who answers for what.
    pub owners: Owners,
}

/// Reads the manifest; `None` if it is no mapping.
pub(crate) fn read_manifest(node: &Node, diagnostics: &mut Diagnostics) -> Option<ReadManifest> {
    let fields = Fields::open(node, &MANIFEST, diagnostics)?;
    fields.word("file_format", &FILE_FORMAT, diagnostics);
    for name in ["version", "semconv_version", "schema_base_url"] {
        fields.text(name, diagnostics);
    }
    let name = fields.text("name", diagnostics).map(|it| it.value);
    read_dependencies(&fields, diagnostics);
    let schema_url = read_schema_url(&fields, diagnostics);
    let schema_url_at = schema_url.as_ref().map(|it| it.at);
    let manifest = Manifest {
        schema_url: schema_url.map(|it| it.value).unwrap_or_default(),
        description: fields.prose("description", diagnostics).unwrap_or_default(),
        stability: fields
            .word("stability", &STABILITY, diagnostics)
            .map(|it| it.value)
            .unwrap_or_default(),
    };
    Some(ReadManifest {
        manifest,
        name,
        schema_url_at,
        owners: read_owners(&fields, diagnostics),
    })
}

fn read_schema_url(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Option<Located<String>> {
    let node = fields.get("schema_url")?;
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
    Some(url)
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
            read_schema_url(&fields, diagnostics);
        }
    }
}
