//! From parsed files to definitions: everything that can be checked about a file without
//! following references.

use std::collections::BTreeMap;

use crate::codes;
use crate::diagnostic::{Diagnostic, Diagnostics, nearest, quoted};
use crate::load::{Document, RegistrySource};
use crate::registry::Origin;
use crate::schema::{
    Definitions, FILE_FORMAT, Fields, GROUPS, Located, Reading, RegistryDef, SECTIONS, read_allows,
    read_groups, read_manifest, read_section,
};
use crate::source::SourceMap;
use crate::yaml::{Entry, Node, Yaml};

/// Reads all definitions of all files, those of dependencies first.
pub(crate) fn validate(
    sources: &SourceMap,
    registries: &[RegistrySource],
    diagnostics: &mut Diagnostics,
) -> Definitions {
    let mut definitions = Definitions::default();
    let mut urls = Urls::default();
    for registry in registries {
        definitions.incomplete |= registry.unread;
        read_registry(registry, sources, &mut urls, &mut definitions, diagnostics);
    }
    // If something is broken, it may only seem that there is nothing.
    if diagnostics.is_empty() && defines_nothing(&definitions) {
        diagnostics.push(
            Diagnostic::new(
                codes::EMPTY_REGISTRY,
                sources.root(),
                "this registry defines nothing",
            )
            .with_help(
                "add a file that begins with `file_format: definition/2` and lists `attributes`",
            ),
        );
    }
    definitions
}

/// Where the schema URLs of the registries stand, by what is the same in all versions.
#[derive(Default)]
struct Urls {
    first: BTreeMap<String, Located<String>>,
}

impl Urls {
    /// Of two versions of a registry, or two copies, neither can be preferred.
    fn add(&mut self, url: Located<String>, diagnostics: &mut Diagnostics) {
        let family = url.value.rsplit_once('/').map_or("", |(family, _)| family);
        let Some(first) = self.first.get(family) else {
            self.first.insert(family.to_owned(), url);
            return;
        };
        let message = if first.value == url.value {
            format!("two registries have the schema URL {}", quoted(&url.value))
        } else {
            format!(
                "{} and {} are two versions of one registry",
                quoted(&first.value),
                quoted(&url.value)
            )
        };
        diagnostics.push(
            Diagnostic::new(codes::DEPENDENCY_CONFLICT, url.at, message)
                .with_secondary(first.at, "the other one")
                .with_help("let all that depend on it name one directory"),
        );
    }
}

fn read_registry(
    registry: &RegistrySource,
    sources: &SourceMap,
    urls: &mut Urls,
    definitions: &mut Definitions,
    diagnostics: &mut Diagnostics,
) {
    let manifest = registry.manifest.as_ref();
    let manifest = manifest.and_then(|it| read_manifest(&it.root, diagnostics));
    let own_url = manifest.as_ref().and_then(|it| {
        let url = it.manifest.schema_url.clone();
        Some(Located::new(url, it.schema_url_at?))
    });
    let expected = registry.named.as_ref().and_then(|it| it.schema_url.clone());
    if let (Some(own), Some(expected)) = (&own_url, &expected)
        && own.value != expected.value
    {
        let message = format!(
            "the registry there has the schema URL {}, not {}",
            quoted(&own.value),
            quoted(&expected.value)
        );
        diagnostics.push(
            Diagnostic::new(codes::DEPENDENCY_CONFLICT, expected.at, message)
                .with_secondary(own.at, "its own manifest"),
        );
    }
    let url = own_url.or(expected);
    let schema_url = url.as_ref().map(|it| it.value.clone());
    if let Some(url) = url {
        urls.add(url, diagnostics);
    }
    let sees = registry.dependencies.iter();
    let sees = sees.filter_map(|index| definitions.registries.get(*index));
    let sees = sees.flat_map(|it| it.sees.iter().copied());
    let sees = sees.chain([registry.root]).collect();
    let dependent = !registry.dependencies.is_empty();
    let name = manifest.as_ref().and_then(|it| it.name.clone());
    let name = name.unwrap_or_else(|| {
        let path = sources.display(registry.root);
        path.rsplit('/').next().unwrap_or(path).to_owned()
    });
    // Two may lie in directories of one name.
    let taken = definitions.registries.iter().any(|it| it.name == name);
    let name = if taken {
        sources.display(registry.root).to_owned()
    } else {
        name
    };
    let origin = registry.named.as_ref().map(|_| name.clone());
    definitions.registries.push(RegistryDef {
        root: registry.root,
        name,
        schema_url,
        sees,
    });
    let (owners, manifest) = manifest.map_or_else(Default::default, |it| (it.owners, it.manifest));
    definitions.manifest = manifest;
    let annotated = registry.documents.iter().any(|it| is_annotated(&it.root));
    for document in &registry.documents {
        let origin = origin_of(sources.relative(document.file), origin.as_deref());
        let mut reading = Reading {
            diagnostics: &mut *diagnostics,
            definitions: &mut *definitions,
            origin,
            annotated,
            dependent,
        };
        read_document(document, &mut reading);
        let allows = read_allows(&document.root, diagnostics);
        // What dependencies suppress is theirs to say.
        if registry.named.is_none() {
            definitions.allows.extend(allows);
        }
    }
    owners.name(origin.as_deref(), definitions, diagnostics);
}

fn defines_nothing(definitions: &Definitions) -> bool {
    definitions.attributes.is_empty()
        && definitions.groups.is_empty()
        && definitions.spans.is_empty()
        && definitions.metrics.is_empty()
        && definitions.events.is_empty()
        && definitions.entities.is_empty()
        && definitions.imports.is_empty()
}

/// Whether anything in it is annotated with what is Vigil's.
fn is_annotated(node: &Node) -> bool {
    match &node.yaml {
        Yaml::List(items) => items.iter().any(is_annotated),
        Yaml::Map(entries) => entries.iter().any(|entry| {
            (entry.key == "annotations" && entry.node.get("vigil").is_some_and(says_more))
                || is_annotated(&entry.node)
        }),
        _ => false,
    }
}

/// Whether what stands under `vigil` is more than upkeep, which any registry needs.
fn says_more(notes: &Node) -> bool {
    const UPKEEP: [&str; 3] = ["owner", "expires", "allow"];
    let entries = notes.entries();
    let upkeep = |entry: &Entry| UPKEEP.contains(&entry.key.as_str());
    entries.is_empty() || !entries.iter().all(upkeep)
}

fn read_document(document: &Document, reading: &mut Reading<'_>) {
    let format = format_of(&document.root, reading.diagnostics);
    let (shape, read): (_, fn(&str, &Node, &mut Reading<'_>)) = match format {
        Some(Format::Definitions) => (&SECTIONS, read_section),
        Some(Format::Groups) => (&GROUPS, read_groups),
        None => {
            reading.definitions.incomplete = true;
            return;
        }
    };
    let Some(fields) = Fields::open(&document.root, shape, reading.diagnostics) else {
        reading.definitions.incomplete = true;
        return;
    };
    // What stands under a misspelt section is not known.
    let known = |name: &str| shape.field(name).is_some();
    let mut entries = fields.node.entries().iter();
    reading.definitions.incomplete |= !entries.all(|entry| known(&entry.key));
    for entry in fields.node.entries() {
        read(&entry.key, &entry.node, reading);
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

fn origin_of(relative: &str, registry: Option<&str>) -> Origin {
    let namespace = match relative.split_once('/') {
        Some((first, _)) => first,
        None => relative.rsplit_once('.').map_or(relative, |(stem, _)| stem),
    };
    Origin {
        file: relative.to_owned(),
        namespace: namespace.to_owned(),
        registry: registry.map(str::to_owned),
    }
}
