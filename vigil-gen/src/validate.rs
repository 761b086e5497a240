//! From parsed files to definitions: everything that can be checked about a file without
//! following references.

use crate::codes;
use crate::diagnostic::{Diagnostic, Diagnostics, nearest, quoted};
use crate::load::{Document, Sources};
use crate::registry::Origin;
use crate::schema::{
    Definitions, Fields, GROUPS, Reading, SECTIONS, read_groups, read_manifest, read_section,
};
use crate::source::SourceMap;
use crate::yaml::{Node, Yaml};

/// What a file of definitions says it is.
const FILE_FORMAT: &str = "definition/2";

/// Reads all definitions of all files.
pub fn validate(sources: &Sources, diagnostics: &mut Diagnostics) -> Definitions {
    let mut definitions = Definitions {
        incomplete: sources.unread,
        ..Definitions::default()
    };
    if let Some(manifest) = &sources.manifest {
        definitions.manifest = read_manifest(&manifest.root, diagnostics);
    }
    let annotated = sources
        .documents
        .iter()
        .any(|document| is_annotated(&document.root));
    for document in &sources.documents {
        read_document(
            document,
            annotated,
            &sources.map,
            &mut definitions,
            diagnostics,
        );
    }
    // If something is broken, it may only seem that there is nothing.
    if diagnostics.is_empty() && defines_nothing(&definitions) {
        diagnostics.push(
            Diagnostic::new(
                codes::EMPTY_REGISTRY,
                sources.map.root(),
                "this registry defines nothing",
            )
            .with_help(
                "add a file that begins with `file_format: definition/2` and lists `attributes`",
            ),
        );
    }
    definitions
}

fn defines_nothing(definitions: &Definitions) -> bool {
    definitions.attributes.is_empty()
        && definitions.groups.is_empty()
        && definitions.spans.is_empty()
        && definitions.metrics.is_empty()
        && definitions.events.is_empty()
        && definitions.entities.is_empty()
}

/// Whether anything in it is annotated with what is Vigil's.
fn is_annotated(node: &Node) -> bool {
    match &node.yaml {
        Yaml::List(items) => items.iter().any(is_annotated),
        Yaml::Map(entries) => entries.iter().any(|entry| {
            (entry.key == "annotations" && entry.node.get("vigil").is_some())
                || is_annotated(&entry.node)
        }),
        _ => false,
    }
}

fn read_document(
    document: &Document,
    annotated: bool,
    sources: &SourceMap,
    definitions: &mut Definitions,
    diagnostics: &mut Diagnostics,
) {
    let format = format_of(&document.root, diagnostics);
    let (shape, read): (_, fn(&str, &Node, &mut Reading<'_>)) = match format {
        Some(Format::Definitions) => (&SECTIONS, read_section),
        Some(Format::Groups) => (&GROUPS, read_groups),
        None => {
            definitions.incomplete = true;
            return;
        }
    };
    let Some(fields) = Fields::open(&document.root, shape, diagnostics) else {
        definitions.incomplete = true;
        return;
    };
    let origin = origin(sources.relative(document.file));
    // What stands under a misspelt section is not known.
    let known = |name: &str| shape.required.contains(&name) || shape.optional.contains(&name);
    let mut entries = fields.node.entries().iter();
    definitions.incomplete |= !entries.all(|entry| known(&entry.key));
    for entry in fields.node.entries() {
        let mut reading = Reading {
            diagnostics,
            definitions,
            origin: origin.clone(),
            annotated,
        };
        read(&entry.key, &entry.node, &mut reading);
    }
}

/// How a file is written.
#[derive(Clone, Copy)]
enum Format {
    /// With a section for each kind of definition.
    Definitions,
    /// As a list of groups.
    Groups,
}

/// A file of another format would be wrong in every line: one error says it better.
fn format_of(root: &Node, diagnostics: &mut Diagnostics) -> Option<Format> {
    let help = format!("begin the file with `file_format: {FILE_FORMAT}`");
    let error = match root.get("file_format") {
        Some(node) => match node.text() {
            Some(FILE_FORMAT) => return Some(Format::Definitions),
            Some(other) => {
                let help = match nearest(other, [FILE_FORMAT]) {
                    Some(format) => format!("did you mean `{format}`?"),
                    None => format!("`{FILE_FORMAT}` is what is read here"),
                };
                let message = format!("the format {} is not supported", quoted(other));
                Diagnostic::new(codes::FILE_FORMAT, node.at, message).with_help(help)
            }
            None => {
                let message = format!("`file_format` is text, not {}", node.described());
                Diagnostic::new(codes::FILE_FORMAT, node.at, message).with_help(help)
            }
        },
        None if root.get("groups").is_some() => return Some(Format::Groups),
        // Anything but a mapping is reported as such.
        None if root.entries().is_empty() => return Some(Format::Definitions),
        None => Diagnostic::new(
            codes::FILE_FORMAT,
            root.at,
            "this file does not say of which format it is",
        )
        .with_help(help),
    };
    diagnostics.push(error);
    None
}

fn origin(relative: &str) -> Origin {
    let namespace = match relative.split_once('/') {
        Some((first, _)) => first,
        None => relative.rsplit_once('.').map_or(relative, |(stem, _)| stem),
    };
    Origin {
        file: relative.to_owned(),
        namespace: namespace.to_owned(),
    }
}
