//! A crate to begin with: a small registry, what is made of it, and code that uses that.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use heck::ToSnakeCase;
use minijinja::context;

use crate::config::{CONFIG_NAME, Config};
use crate::names;
use crate::output::plain;
use crate::render::environment;
use crate::schema::{FileKind, json_schema};
use crate::{Failure, Report, generate};

/// Where each file goes, and what is in it.
const FILES: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("init/Cargo.toml.j2")),
    (CONFIG_NAME, include_str!("init/vigil-gen.toml.j2")),
    (
        "conventions/manifest.yaml",
        include_str!("init/manifest.yaml.j2"),
    ),
    (
        "conventions/vigil/spans.yaml",
        include_str!("init/runtime.yaml.j2"),
    ),
    ("src/lib.rs", include_str!("init/lib.rs.j2")),
    ("src/telemetry.rs", include_str!("init/telemetry.rs.j2")),
    ("examples/job.rs", include_str!("init/example.rs.j2")),
    ("tests/job.rs", include_str!("init/test.rs.j2")),
];

/// What would be in the way of its own name.
const TAKEN: [&str; 8] = [
    "alloc",
    "core",
    "error",
    "proc_macro",
    "std",
    "test",
    "tracing",
    "vigil",
];

/// What to begin with.
#[derive(Clone, Debug)]
pub struct Start {
    /// The directory of the crate, which is made.
    pub dir: PathBuf,
    /// The name of the crate; none: that of the directory.
    pub name: Option<String>,
    /// Which `vigil` it uses.
    pub vigil: Vigil,
    /// The program that formats.
    pub rustfmt: PathBuf,
}

/// Where a crate has `vigil` from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vigil {
    /// A version of it.
    Version(String),
    /// Its directory.
    Path(PathBuf),
}

/// Makes a crate with a registry of its own, that compiles as it is. Nothing that is there is
/// overwritten; the crate is there whole, or not at all.
///
/// # Errors
///
/// When the directory holds something, when it can't be named or written, or when the generator fails.
pub fn init(start: &Start) -> Result<Report, InitError> {
    let dir = &start.dir;
    let name = crate_name(start)?;
    if let Some(problem) = occupied(dir) {
        return Err(InitError::usage(
            problem,
            "choose a directory that is empty or not there yet; `vigil-gen.toml` and a registry can be added to a crate by hand",
        ));
    }
    let failed = |what: &str, path: &Path, error: &io::Error| {
        InitError::failed(format!("can't {what} {}: {}", path.display(), plain(error)))
    };
    let whole = std::path::absolute(dir).map_err(|error| failed("find", dir, &error))?;
    let parent = whole.parent().unwrap_or(&whole);
    fs::create_dir_all(parent).map_err(|error| failed("make", parent, &error))?;
    let scratch = tempfile::Builder::new()
        .prefix(".vigil-gen-init-")
        .tempdir_in(parent)
        .map_err(|error| failed("write to", parent, &error))?;
    // What is made is moved as a whole, and has the permissions of any new directory then.
    let made = scratch.path().join("crate");
    for (path, text) in files(&name, &start.vigil, &whole)? {
        let path = made.join(path);
        let dir = path.parent().unwrap_or(&made);
        fs::create_dir_all(dir).map_err(|error| failed("make", dir, &error))?;
        fs::write(&path, text).map_err(|error| failed("write", &path, &error))?;
    }
    let config = Config::read(&made.join(CONFIG_NAME)).map_err(Failure::from)?;
    let mut options = config.options();
    options.rustfmt.clone_from(&start.rustfmt);
    let report = generate(&options)?;
    if whole.exists() {
        fs::remove_dir(&whole).map_err(|error| failed("take the place of", dir, &error))?;
    }
    fs::rename(&made, &whole).map_err(|error| failed("make", dir, &error))?;
    Ok(Report {
        directories: report
            .directories
            .into_iter()
            .map(|(_, counts)| (dir.join("src/telemetry"), counts))
            .collect(),
        ..report
    })
}

/// The workspace around a directory, of which it is to be a member.
pub fn workspace_around(dir: &Path) -> Option<PathBuf> {
    let whole = std::path::absolute(dir).ok()?;
    let manifests = whole.ancestors().skip(1).map(|dir| dir.join("Cargo.toml"));
    manifests.into_iter().find(|manifest| {
        fs::read_to_string(manifest).is_ok_and(|text| {
            text.lines()
                .any(|line| line.trim_start().starts_with("[workspace"))
        })
    })
}

fn occupied(dir: &Path) -> Option<String> {
    let metadata = fs::symlink_metadata(dir).ok()?;
    if !metadata.is_dir() {
        return Some(format!(
            "{} is there already, and no directory",
            dir.display()
        ));
    }
    match fs::read_dir(dir).map(|mut entries| entries.next().is_none()) {
        Ok(true) => None,
        Ok(false) => Some(format!("{} is not empty", dir.display())),
        Err(error) => Some(format!("can't read {}: {}", dir.display(), plain(&error))),
    }
}

fn crate_name(start: &Start) -> Result<String, InitError> {
    let whole = std::path::absolute(&start.dir).unwrap_or_else(|_| start.dir.clone());
    let of_dir = || Some(whole.file_name()?.to_string_lossy().into_owned());
    let name = start.name.clone().or_else(of_dir).unwrap_or_default();
    let module = name.replace('-', "_");
    let plain = name
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c));
    let namespace = namespace(&name);
    if plain
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && names::is_rust_path(&module)
        && names::is_rust_path(&namespace)
        && !TAKEN.contains(&module.as_str())
        && !TAKEN.contains(&namespace.as_str())
    {
        return Ok(name);
    }
    Err(InitError::usage(
        format!("`{name}` can't be the name of the crate"),
        "give one with --name: lowercase letters, digits, `-` and `_`, and no word that Rust or Vigil uses itself",
    ))
}

/// The crate's name as the first part of keys.
fn namespace(name: &str) -> String {
    name.to_snake_case()
}

/// The files of the crate, generated ones left out.
fn files(name: &str, vigil: &Vigil, dir: &Path) -> Result<Vec<(String, String)>, InitError> {
    let namespace = namespace(name);
    let vigil = match vigil {
        Vigil::Version(version) => format!("version = {}", quoted(version)),
        Vigil::Path(path) => format!("path = {}", quoted(&relative(dir, path))),
    };
    let context = context! {
        name => name,
        krate => name.replace('-', "_"),
        module => names::module_name(&namespace),
        namespace => &namespace,
        vigil => vigil,
    };
    let environment = environment().map_err(Failure::from)?;
    let definitions = include_str!("init/definitions.yaml.j2");
    let own = format!("conventions/{namespace}/job.yaml");
    let templates = FILES
        .iter()
        .map(|(path, text)| ((*path).to_owned(), *text))
        .chain([(own, definitions)]);
    let mut files = Vec::new();
    for (path, template) in templates {
        let text = environment
            .render_str(template, &context)
            .map_err(|error| InitError::failed(format!("can't make {path}: {error}")))?;
        files.push((path, text));
    }
    for (kind, path) in [
        (FileKind::Definitions, "conventions/definitions.schema.json"),
        (FileKind::Manifest, "conventions/manifest.schema.json"),
    ] {
        files.push((path.to_owned(), json_schema(kind)));
    }
    Ok(files)
}

/// A TOML string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The way from a directory to another one, with `/`.
fn relative(from: &Path, to: &Path) -> String {
    let whole = |path: &Path| {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        // What is not there yet lies in something that is.
        let there = absolute.ancestors().find(|it| it.exists());
        match there.and_then(|there| {
            Some((
                fs::canonicalize(there).ok()?,
                absolute.strip_prefix(there).ok()?,
            ))
        }) {
            Some((there, rest)) if rest.as_os_str().is_empty() => there,
            Some((there, rest)) => there.join(rest),
            None => absolute,
        }
    };
    let (from, to) = (whole(from), whole(to));
    let common = from
        .components()
        .zip(to.components())
        .take_while(|(a, b)| a == b)
        .count();
    // Nothing in common but the root: the whole path says it better.
    if common <= 1 {
        return to.display().to_string().replace('\\', "/");
    }
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    let path: PathBuf = up.chain(to.components().skip(common)).collect();
    path.display().to_string().replace('\\', "/")
}

/// Why there is no crate.
#[derive(Debug)]
pub enum InitError {
    /// It was asked for in a way that it can't be made in: what is wrong, and what to do.
    Usage(String, &'static str),
    /// The system refused.
    Failed(String),
    /// The generator failed.
    Generate(Failure),
}

impl InitError {
    fn usage(message: String, help: &'static str) -> Self {
        Self::Usage(message, help)
    }

    fn failed(message: String) -> Self {
        Self::Failed(message)
    }
}

impl From<Failure> for InitError {
    fn from(failure: Failure) -> Self {
        Self::Generate(failure)
    }
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message, help) => write!(f, "error: {message}\n\n{help}\n"),
            Self::Failed(message) => writeln!(f, "error: {message}"),
            Self::Generate(failure) => failure.fmt(f),
        }
    }
}

impl std::error::Error for InitError {}
