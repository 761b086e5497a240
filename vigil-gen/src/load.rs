//! From a directory to parsed documents, and, through the later stages, to a checked registry.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::codes;
use crate::contract;
use crate::diagnostic::{Diagnostic, Diagnostics, Location, Rejected};
use crate::locations::Locations;
use crate::registry::Registry;
use crate::resolve;
use crate::source::{FileId, SourceMap};
use crate::validate;
use crate::yaml::{self, Node};

/// Registries are written by hand; a larger file is not one.
const SIZE_LIMIT: u64 = 8 * 1024 * 1024;
/// A directory tree that is deeper than this goes in circles.
const DEPTH_LIMIT: usize = 16;
/// What a manifest is called, and what it used to be called.
const MANIFEST_NAMES: [&str; 2] = ["manifest.yaml", "registry_manifest.yaml"];

/// A registry without errors, and where everything in it came from.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What the YAML means.
    pub registry: Registry,
    /// Where each definition stands.
    pub locations: Locations,
    /// The files.
    pub sources: SourceMap,
    /// How many files were read, the manifest included.
    pub files: usize,
}

/// The parsed files of a registry.
#[derive(Debug)]
pub struct Sources {
    /// The files.
    pub map: SourceMap,
    /// The manifest, if there is one that could be parsed.
    pub manifest: Option<Document>,
    /// All other files that could be parsed, in the order of their paths.
    pub documents: Vec<Document>,
    /// How many files were found, parsed or not.
    pub files: usize,
}

/// A parsed file.
#[derive(Debug)]
pub struct Document {
    /// Which file.
    pub file: FileId,
    /// Its content.
    pub root: Node,
}

/// Reads, validates and resolves the registry in `dir`, and checks its contracts.
///
/// # Errors
///
/// Everything that is wrong with it, of all stages. Later stages skip what earlier ones could
/// make no sense of.
pub fn read_registry(dir: &Path) -> Result<Checked, Rejected> {
    let mut diagnostics = Diagnostics::new();
    let sources = load(dir, &mut diagnostics);
    let definitions = validate::validate(&sources, &mut diagnostics);
    let resolved = resolve::resolve(&definitions, &sources.map, &mut diagnostics);
    // What a contract lacks may be in a file that could not be read.
    if definitions.incomplete {
        return Err(Rejected::new(diagnostics, sources.map));
    }
    let registry = contract::check(&definitions, resolved, &sources.map, &mut diagnostics);
    if !diagnostics.is_empty() {
        return Err(Rejected::new(diagnostics, sources.map));
    }
    let locations = definitions.locations;
    Ok(Checked {
        registry,
        locations,
        files: sources.files,
        sources: sources.map,
    })
}

/// Reads and parses every YAML file below `dir`. The order of the directory plays no part.
pub fn load(dir: &Path, diagnostics: &mut Diagnostics) -> Sources {
    let mut map = SourceMap::new(dir);
    let mut sources = Vec::new();
    let mut manifest = None;
    let paths = registry_files(dir, &map, diagnostics);
    let found_any = paths.is_some();
    let paths = paths.unwrap_or_default();

    for path in &paths {
        let (text, problem) = match read_text(&dir.join(path)) {
            Ok(text) => (text, None),
            Err(refusal) => (refusal.readable, Some(refusal.problem)),
        };
        let file = map.add(path, text);
        if let Some(problem) = problem {
            diagnostics.push(problem(file));
            continue;
        }
        let Some(root) = yaml::parse(file, map.text(file), diagnostics) else {
            continue;
        };
        let document = Document { file, root };
        if MANIFEST_NAMES.contains(&path.as_str()) {
            manifest = manifest_of(manifest, document, &map, diagnostics);
        } else {
            sources.push(document);
        }
    }
    if found_any
        && !paths
            .iter()
            .any(|path| MANIFEST_NAMES.contains(&path.as_str()))
    {
        diagnostics.push(
            Diagnostic::new(
                codes::NO_MANIFEST,
                map.root(),
                "this registry has no `manifest.yaml`",
            )
            .with_help("add one with `schema_url`, `description` and `stability`"),
        );
    }
    Sources {
        map,
        manifest,
        documents: sources,
        files: paths.len(),
    }
}

/// Of two manifests neither can be preferred without surprising someone.
fn manifest_of(
    first: Option<Document>,
    second: Document,
    map: &SourceMap,
    diagnostics: &mut Diagnostics,
) -> Option<Document> {
    if let Some(first) = &first {
        let at = Location {
            width: 0,
            ..second.root.at
        };
        diagnostics.push(
            Diagnostic::new(
                codes::TWO_MANIFESTS,
                at,
                "a registry has one manifest, and this is the second",
            )
            .with_secondary(first.root.at, "the first")
            .with_help(format!("keep `{}`", map.display(first.file))),
        );
    }
    first.or(Some(second))
}

/// The paths of all YAML files below `dir`, sorted, with `/`; `None` if there is no registry.
fn registry_files(
    dir: &Path,
    map: &SourceMap,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<String>> {
    let root = map.root();
    let problem = match fs::metadata(dir) {
        Ok(metadata) if metadata.is_dir() => None,
        Ok(_) => Some("a registry is a directory, and this is a file".to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Some("there is no such directory".to_owned())
        }
        Err(error) => Some(format!("this directory can't be read: {}", reason(&error))),
    };
    if let Some(problem) = problem {
        diagnostics.push(
            Diagnostic::new(codes::NO_REGISTRY, root, problem)
                .with_help("name the directory that holds `manifest.yaml` with `--registry`"),
        );
        return None;
    }
    let mut paths = Vec::new();
    let mut pending: Vec<(PathBuf, String, usize)> = vec![(dir.to_owned(), String::new(), 0)];
    while let Some((path, prefix, depth)) = pending.pop() {
        if let Err(error) = visit(&path, &prefix, depth, &mut paths, &mut pending) {
            diagnostics.push(Diagnostic::new(
                codes::UNREADABLE_FILE,
                root,
                format!(
                    "the directory `{}` can't be read: {}",
                    path.display(),
                    reason(&error)
                ),
            ));
        }
    }
    paths.sort();
    Some(paths)
}

fn visit(
    dir: &Path,
    prefix: &str,
    depth: usize,
    paths: &mut Vec<String>,
    pending: &mut Vec<(PathBuf, String, usize)>,
) -> io::Result<()> {
    if depth > DEPTH_LIMIT {
        return Err(io::Error::other("it is nested too deep"));
    }
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let path = entry.path();
        let relative = format!("{prefix}{name}");
        // Follows links, as whoever set one up would expect.
        let is_dir = fs::metadata(&path).is_ok_and(|metadata| metadata.is_dir());
        let is_yaml = path
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml");
        if is_dir {
            pending.push((path, format!("{relative}/"), depth + 1));
        } else if is_yaml {
            paths.push(relative);
        }
    }
    Ok(())
}

/// Why a file is not read, and as much of it as can be shown.
struct Refusal {
    readable: String,
    problem: Box<dyn Fn(FileId) -> Diagnostic>,
}

fn read_text(path: &Path) -> Result<String, Refusal> {
    let bytes = read_bytes(path).map_err(|error| {
        let message = format!("this file can't be read: {}", reason(&error));
        Refusal {
            readable: String::new(),
            problem: Box::new(move |file| {
                Diagnostic::new(
                    codes::UNREADABLE_FILE,
                    Location::whole(file),
                    message.as_str(),
                )
            }),
        }
    })?;
    if bytes.len() as u64 > SIZE_LIMIT {
        return Err(Refusal {
            readable: String::new(),
            problem: Box::new(|file| {
                let limit = SIZE_LIMIT / (1024 * 1024);
                Diagnostic::new(
                    codes::FILE_TOO_LARGE,
                    Location::whole(file),
                    format!("this file is larger than {limit} MiB"),
                )
            }),
        });
    }
    let text = String::from_utf8(bytes).map_err(|error| not_utf8(&error))?;
    Ok(text
        .strip_prefix('\u{feff}')
        .map_or_else(|| text.clone(), str::to_owned))
}

fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?
        .take(SIZE_LIMIT + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn not_utf8(error: &std::string::FromUtf8Error) -> Refusal {
    let valid = error.utf8_error().valid_up_to();
    let before = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .map_or(0, |rest| rest.chars().count())
        + 1;
    Refusal {
        readable: String::from_utf8_lossy(error.as_bytes()).into_owned(),
        problem: Box::new(move |file| {
            let at = Location {
                file,
                line: u32::try_from(line).unwrap_or(u32::MAX),
                column: u32::try_from(column).unwrap_or(u32::MAX),
                width: 1,
            };
            Diagnostic::new(codes::NOT_UTF8, at, "this file is not UTF-8 text")
        }),
    }
}

/// What the system says, without its error number, which says nothing more.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error")
        .next()
        .unwrap_or_default()
        .to_lowercase()
}
