//! From a directory, and those that it depends on, to parsed documents.

mod memory;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use crate::codes;
use crate::diagnostic::{Diagnostic, Diagnostics, Location, quoted};
use crate::schema::Located;
use crate::source::{FileId, SourceMap};
use crate::yaml::second::SecondReader;
use crate::yaml::{self, Node, Yaml};

/// Registries are written by hand; a larger file is not one.
const SIZE_LIMIT: u64 = 8 * 1024 * 1024;
/// A directory tree that is deeper than this goes in circles.
const DEPTH_LIMIT: usize = 16;
/// What a manifest is called, and what it used to be called.
const MANIFEST_NAMES: [&str; 2] = ["manifest.yaml", "registry_manifest.yaml"];

/// The parsed files of a registry, and of those that it depends on.
#[derive(Debug)]
pub(crate) struct Sources {
    /// Who reads them once more, meanwhile.
    pub second: SecondReader,
    /// The files.
    pub map: SourceMap,
    /// The registries: each after those that it depends on, so that the one asked for is last.
    pub registries: Vec<RegistrySource>,
    /// How many files were found, parsed or not.
    pub files: usize,
}

/// The parsed files of one registry.
#[derive(Debug)]
pub(crate) struct RegistrySource {
    /// Its directory.
    pub root: FileId,
    /// The manifest, if there is one that could be parsed.
    pub manifest: Option<Document>,
    /// All other files that could be parsed, in the order of their paths.
    pub documents: Vec<Document>,
    /// Whether there are directories or files, besides the manifest, that could not be read.
    pub unread: bool,
    /// What it depends on, by index.
    pub dependencies: Vec<usize>,
    /// The first mention of it as a dependency; none for the one asked for.
    pub named: Option<Dependency>,
}

/// How a manifest names another registry.
#[derive(Clone, Debug)]
pub(crate) struct Dependency {
    /// Where it says so.
    pub at: Location,
    /// The schema URL that it is to have.
    pub schema_url: Option<Located<String>>,
}

/// A parsed file.
#[derive(Debug)]
pub(crate) struct Document {
    /// Which file.
    pub file: FileId,
    /// Its content.
    pub root: Node,
}

/// Where registries lie.
#[derive(Clone, Copy)]
pub(crate) enum Store<'a> {
    /// In the file system.
    Disk,
    /// In memory: the content of each file, by its path.
    Memory(&'a BTreeMap<String, Vec<u8>>),
}

impl Store<'_> {
    /// Where a directory really is; `None` if there is no such directory.
    fn directory(self, path: &Path) -> Option<PathBuf> {
        match self {
            Self::Disk => fs::canonicalize(path).ok().filter(|it| it.is_dir()),
            Self::Memory(files) => memory::directory(files, path),
        }
    }

    fn read(self, path: &Path) -> io::Result<Vec<u8>> {
        match self {
            Self::Disk => read_bytes(path),
            Self::Memory(files) => memory::read(files, path),
        }
    }
}

/// Reads and parses every YAML file below `dir`, and of the registries that it depends on. The
/// order of directories plays no part.
pub(crate) fn load(dir: &Path, store: Store<'_>, diagnostics: &mut Diagnostics) -> Sources {
    let mut loader = Loader {
        store,
        second: SecondReader::start(),
        map: SourceMap::new(dir),
        registries: Vec::new(),
        files: 0,
        places: BTreeMap::new(),
        open: Vec::new(),
        diagnostics,
    };
    let root = loader.map.root().file;
    loader.registry(dir, root, None);
    Sources {
        second: loader.second,
        map: loader.map,
        registries: loader.registries,
        files: loader.files,
    }
}

/// Reads registries, dependencies first.
struct Loader<'a> {
    store: Store<'a>,
    second: SecondReader,
    map: SourceMap,
    registries: Vec<RegistrySource>,
    files: usize,
    /// The index of each registry that was read, by where it really is.
    places: BTreeMap<PathBuf, usize>,
    /// The registries that are being read: where each is, and the mention that led to it.
    open: Vec<(PathBuf, Option<Location>)>,
    diagnostics: &'a mut Diagnostics,
}

impl Loader<'_> {
    /// Reads a registry and what it depends on; its index.
    fn registry(&mut self, dir: &Path, root: FileId, named: Option<Dependency>) -> usize {
        let place = self.store.directory(dir);
        let place = place.unwrap_or_else(|| dir.to_owned());
        let mut source = self.read(dir, root, named);
        let at = source.named.as_ref().map(|it| it.at);
        self.open.push((place.clone(), at));
        let manifest = source.manifest.as_ref().map(|it| &it.root);
        for item in manifest.map(dependency_nodes).unwrap_or_default() {
            match self.dependency(dir, item) {
                Some(index) => source.dependencies.push(index),
                // What is mentioned may be there.
                None => source.unread = true,
            }
        }
        self.open.pop();
        self.registries.push(source);
        let index = self.registries.len() - 1;
        self.places.insert(place, index);
        index
    }

    /// Follows an item of `dependencies`. What shape it has is checked with the rest of the manifest.
    fn dependency(&mut self, dir: &Path, item: &Node) -> Option<usize> {
        let text = |name: &str| {
            let node = item.get(name)?;
            Some(Located::new(node.text()?.to_owned(), node.at))
        };
        let Some(path) = text("registry_path") else {
            // A path that is there and no text is reported as that.
            if item.get("registry_path").is_none_or(Node::is_null) {
                let message = "this dependency names no `registry_path`";
                self.diagnostics.push(
                    Diagnostic::new(codes::UNSUPPORTED_DEPENDENCY, item.at, message)
                        .with_help(DIRECTORIES),
                );
            }
            return None;
        };
        let archive = [".zip", ".tar.gz", ".git"]
            .iter()
            .any(|end| path.value.ends_with(end));
        if path.value.contains("://") || archive || path.value.ends_with(']') {
            let message = format!("{} is no directory", quoted(&path.value));
            self.diagnostics.push(
                Diagnostic::new(codes::UNSUPPORTED_DEPENDENCY, path.at, message)
                    .with_help(DIRECTORIES),
            );
            return None;
        }
        let other = joined(dir, &path.value);
        let Some(place) = self.store.directory(&other) else {
            let message = format!("there is no directory {}", quoted(&shown(&other)));
            self.diagnostics.push(
                Diagnostic::new(codes::NO_REGISTRY, path.at, message)
                    .with_help("a `registry_path` is relative to the manifest's own directory"),
            );
            return None;
        };
        if let Some(first) = self.open.iter().position(|(open, _)| *open == place) {
            self.report_cycle(first, path.at);
            return None;
        }
        if let Some(index) = self.places.get(&place) {
            return Some(*index);
        }
        if self.open.len() > DEPTH_LIMIT {
            let message = format!("dependencies are more than {DEPTH_LIMIT} deep");
            let error = Diagnostic::new(codes::UNSUPPORTED_DEPENDENCY, path.at, message);
            self.diagnostics.push(error);
            return None;
        }
        let root = self.map.add_root(&other);
        let named = Dependency {
            at: path.at,
            schema_url: text("schema_url"),
        };
        Some(self.registry(&other, root, Some(named)))
    }

    /// `closing` leads back to the registry that is open at `first`.
    fn report_cycle(&mut self, first: usize, closing: Location) {
        let circle = &self.open[first..];
        let names: Vec<String> = circle
            .iter()
            .chain([&circle[0]])
            .map(|(place, _)| last_name(place))
            .collect();
        let message = format!(
            "these registries depend on each other in a circle: {}",
            quoted(&names.join(" -> "))
        );
        let mut error = Diagnostic::new(codes::CYCLE, closing, message);
        if let Some((_, Some(at))) = circle.get(1) {
            error = error.with_secondary(*at, "the circle begins here");
        }
        self.diagnostics.push(error);
    }

    /// Reads the files of one registry.
    fn read(&mut self, dir: &Path, root: FileId, named: Option<Dependency>) -> RegistrySource {
        let found = match self.store {
            Store::Disk => find(dir, root, &self.map, self.diagnostics),
            Store::Memory(files) => memory::find(files, dir),
        };
        if found.is_none() && matches!(self.store, Store::Memory(_)) {
            let error = no_registry(Location::whole(root), "there is no such directory");
            self.diagnostics.push(error);
        }
        let found_any = found.is_some();
        let Found { files, unread } = found.unwrap_or_default();
        self.files += files.len();
        let mut source = RegistrySource {
            root,
            manifest: None,
            documents: Vec::new(),
            unread,
            dependencies: Vec::new(),
            named,
        };
        for (path, os_path) in &files {
            let (text, problem) = match read_text(self.store.read(os_path)) {
                Ok(text) => (text, None),
                Err(refusal) => (refusal.readable, Some(refusal.problem)),
            };
            let file = self.map.add(root, path, text);
            let is_manifest = MANIFEST_NAMES.contains(&path.as_str());
            if let Some(problem) = problem {
                self.diagnostics.push(problem(file));
                source.unread |= !is_manifest;
                continue;
            }
            let Some(node) = yaml::parse(file, self.map.text(file), self.diagnostics) else {
                source.unread |= !is_manifest;
                continue;
            };
            self.second.read(file, self.map.shared_text(file));
            let document = Document { file, root: node };
            if is_manifest {
                let first = source.manifest.take();
                source.manifest = manifest_of(first, document, &self.map, self.diagnostics);
            } else {
                source.documents.push(document);
            }
        }
        let has_manifest = MANIFEST_NAMES.iter().any(|name| files.contains_key(*name));
        // What depends on a registry may say for it what its manifest would.
        let stood_in_for = source
            .named
            .as_ref()
            .is_some_and(|it| it.schema_url.is_some());
        if found_any && !has_manifest && !stood_in_for {
            let at = Location::whole(root);
            let message = "this registry has no `manifest.yaml`";
            let error = Diagnostic::new(codes::NO_MANIFEST, at, message)
                .with_help("add one with `schema_url`, `description` and `stability`");
            self.diagnostics.push(match &source.named {
                Some(named) => error
                    .with_secondary(named.at, "depended on here")
                    .with_help("add one, or say its `schema_url` where it is depended on"),
                None => error,
            });
        }
        source
    }
}

/// What a dependency may be.
const DIRECTORIES: &str = "name a directory with `registry_path`; fetch what is elsewhere first";

/// The items of `dependencies`.
fn dependency_nodes(manifest: &Node) -> &[Node] {
    match manifest.get("dependencies").map(|node| &node.yaml) {
        Some(Yaml::List(items)) => items,
        _ => &[],
    }
}

/// A path from a directory, without the steps back that it can do without.
pub(crate) fn joined(dir: &Path, path: &str) -> PathBuf {
    let mut joined = dir.to_owned();
    for part in Path::new(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                let last = joined.components().next_back();
                // A step back from a link leads elsewhere than to what holds the link.
                if matches!(last, Some(Component::Normal(_))) && !joined.is_symlink() {
                    joined.pop();
                } else {
                    joined.push("..");
                }
            }
            part => joined.push(part),
        }
    }
    if joined.as_os_str().is_empty() {
        joined.push(".");
    }
    joined
}

fn shown(path: &Path) -> String {
    path.display().to_string().replace('\\', "/")
}

fn last_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
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
fn find(dir: &Path, root: FileId, map: &SourceMap, diagnostics: &mut Diagnostics) -> Option<Found> {
    let root = Location::whole(root);
    let problem = match fs::metadata(dir) {
        Ok(metadata) if metadata.is_dir() => None,
        Ok(_) => Some("a registry is a directory, and this is a file".to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Some("there is no such directory".to_owned())
        }
        Err(error) => Some(format!("this directory can't be read: {}", reason(&error))),
    };
    if let Some(problem) = problem {
        diagnostics.push(no_registry(root, problem));
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

fn no_registry(root: Location, problem: impl Into<String>) -> Diagnostic {
    Diagnostic::new(codes::NO_REGISTRY, root, problem)
        .with_help("name the directory that holds `manifest.yaml` with `--registry`")
}

fn is_yaml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml")
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
        let is_link = entry.file_type()?.is_symlink();
        // A registry within is another one, and read if this one depends on it.
        let has_manifest = || MANIFEST_NAMES.iter().any(|name| path.join(name).exists());
        if is_dir && !is_link && has_manifest() {
            continue;
        }
        if is_dir {
            let list = if is_link { &mut *links } else { &mut *pending };
            list.push(Pending {
                path,
                prefix: format!("{relative}/"),
                depth: dir.depth + 1,
            });
        } else if is_yaml(&path) {
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

fn read_text(bytes: io::Result<Vec<u8>>) -> Result<String, Refusal> {
    let bytes = bytes.map_err(|error| {
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
