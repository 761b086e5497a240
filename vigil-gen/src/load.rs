//! From a directory to parsed documents, and, through the later stages, to a checked registry.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::codes;
use crate::contract;
use crate::diagnostic::{Diagnostic, Diagnostics, Location, Rejected, quoted};
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
    /// Whether there are directories or files, besides the manifest, that could not be read.
    pub unread: bool,
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
    if definitions.incomplete || resolved.incomplete {
        let unchecked = definitions.incomplete;
        return Err(Rejected::new(diagnostics, sources.map).with_names_unchecked(unchecked));
    }
    let registry = contract::check(&definitions, resolved, &sources.map, &mut diagnostics);
    if !diagnostics.is_empty() {
        let unchecked = definitions.locations.any_nameless();
        return Err(Rejected::new(diagnostics, sources.map).with_names_unchecked(unchecked));
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
    let found = find(dir, &map, diagnostics);
    let found_any = found.is_some();
    let Found {
        files: paths,
        mut unread,
    } = found.unwrap_or_default();

    for (path, os_path) in &paths {
        let (text, problem) = match read_text(os_path) {
            Ok(text) => (text, None),
            Err(refusal) => (refusal.readable, Some(refusal.problem)),
        };
        let file = map.add(path, text);
        let is_manifest = MANIFEST_NAMES.contains(&path.as_str());
        if let Some(problem) = problem {
            diagnostics.push(problem(file));
            unread |= !is_manifest;
            continue;
        }
        let Some(root) = yaml::parse(file, map.text(file), diagnostics) else {
            unread |= !is_manifest;
            continue;
        };
        let document = Document { file, root };
        if is_manifest {
            manifest = manifest_of(manifest, document, &map, diagnostics);
        } else {
            sources.push(document);
        }
    }
    if found_any
        && !paths
            .keys()
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
        unread,
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

/// What is below a registry's directory.
#[derive(Default)]
struct Found {
    /// The YAML files: their paths below the directory, with `/`, and as the system has them.
    files: BTreeMap<String, PathBuf>,
    /// Whether some directory could not be read.
    unread: bool,
}

/// A directory that is still to be visited.
struct Pending {
    path: PathBuf,
    /// Its path below the registry, with `/` at the end.
    prefix: String,
    depth: usize,
}

/// All YAML files below `dir`; `None` if there is no registry.
fn find(dir: &Path, map: &SourceMap, diagnostics: &mut Diagnostics) -> Option<Found> {
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
    let mut found = Found::default();
    // Where each directory really is, and by which path it was visited.
    let mut visited: BTreeMap<PathBuf, String> = BTreeMap::new();
    let mut pending = vec![Pending {
        path: dir.to_owned(),
        prefix: String::new(),
        depth: 0,
    }];
    // Links come last, so that what they lead to goes by its own name.
    let mut links = Vec::new();
    while let Some(next) = pending.pop().or_else(|| links.pop()) {
        let shown = |prefix: &str| quoted(&format!("{}/{prefix}", map.display(root.file)));
        let place = fs::canonicalize(&next.path).unwrap_or_else(|_| next.path.clone());
        if let Some(first) = visited.get(&place) {
            let message = format!(
                "the directory {} is {} over again",
                shown(&next.prefix),
                shown(first)
            );
            diagnostics.push(
                Diagnostic::new(codes::UNREADABLE_FILE, root, message)
                    .with_help("take out the link, since nothing can be defined twice"),
            );
            continue;
        }
        visited.insert(place, next.prefix.clone());
        if let Err(error) = visit(&next, &mut found.files, &mut pending, &mut links) {
            found.unread = true;
            let message = format!(
                "the directory {} can't be read: {}",
                shown(&next.prefix),
                reason(&error)
            );
            diagnostics.push(Diagnostic::new(codes::UNREADABLE_FILE, root, message));
        }
    }
    Some(found)
}

fn visit(
    dir: &Pending,
    files: &mut BTreeMap<String, PathBuf>,
    pending: &mut Vec<Pending>,
    links: &mut Vec<Pending>,
) -> io::Result<()> {
    if dir.depth > DEPTH_LIMIT {
        return Err(io::Error::other("it is nested too deep"));
    }
    let mut entries = fs::read_dir(&dir.path)?.collect::<io::Result<Vec<_>>>()?;
    // The last one is visited first.
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.file_name()));
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let path = entry.path();
        let relative = format!("{}{name}", dir.prefix);
        // Follows links, as whoever set one up would expect.
        let is_dir = fs::metadata(&path).is_ok_and(|metadata| metadata.is_dir());
        let is_yaml = path
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml");
        if is_dir {
            let list = if entry.file_type()?.is_symlink() {
                &mut *links
            } else {
                &mut *pending
            };
            list.push(Pending {
                path,
                prefix: format!("{relative}/"),
                depth: dir.depth + 1,
            });
        } else if is_yaml {
            // Two names that are no text may look the same.
            let mut shown = relative;
            while files.contains_key(&shown) {
                shown.push('_');
            }
            files.insert(shown, path);
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
    let unmarked = bytes.strip_prefix(b"\xef\xbb\xbf").map(<[u8]>::to_vec);
    let text = String::from_utf8(unmarked.unwrap_or(bytes)).map_err(|error| not_utf8(&error))?;
    Ok(with_line_feeds(text))
}

/// Lines may end in a carriage return alone, which YAML takes for a line end. The text keeps its
/// length, so that places in it stay what they are.
fn with_line_feeds(text: String) -> String {
    if !text.contains('\r') {
        return text;
    }
    let mut rest = text.chars().peekable();
    let mut lines = String::with_capacity(text.len());
    while let Some(c) = rest.next() {
        let alone = c == '\r' && rest.peek() != Some(&'\n');
        lines.push(if alone { '\n' } else { c });
    }
    lines
}

fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    // Opening a pipe would wait for whoever writes to it.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
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
