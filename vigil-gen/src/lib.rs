//! Renders a registry of OpenTelemetry conventions into a typed Rust API.
//!
//! [`generate`] runs all stages, and is what the command line calls:
//!
//! ```no_run
//! use vigil_gen::{Options, generate};
//!
//! let report = generate(&Options::new("semconv", "templates", "src/generated"))?;
//! println!("{report}");
//! # Ok::<(), vigil_gen::Failure>(())
//! ```
//!
//! | stage | ends with | |
//! |---|---|---|
//! | load, validate, resolve, contract, select | [`read_registry`] | YAML to a checked [`Registry`] |
//! | lint | [`lint::lint`] | to what there is to say of it |
//! | lower | [`lower`] | to the [`ir::Ir`], finished identifiers and docs |
//! | render | [`render_unformatted`] | to text |
//! | format | [`render_files`] | to text as `rustfmt` has it |
//! | write, or compare | [`generate`] | to files, or to a diff |
//!
//! [`render_files`] stops before anything is written:
//!
//! ```no_run
//! # use vigil_gen::{Options, render_files};
//! let rendered = render_files(&Options::new("semconv", "templates", "src/generated"))?;
//! for (path, text) in &rendered.files {
//!     println!("{path}: {} lines", text.lines().count());
//! }
//! # Ok::<(), vigil_gen::Failure>(())
//! ```

mod build;
mod codes;
mod config;
mod contract;
mod date;
pub mod diagnostic;
pub mod diff;
mod embedded;
mod features;
mod format;
mod graph;
mod init;
pub mod ir;
pub mod lint;
mod load;
mod locations;
mod lower;
mod made;
mod names;
mod output;
mod outputs;
mod print;
pub mod registry;
mod renames;
mod render;
mod report;
mod resolve;
mod schema;
mod select;
mod source;
mod stats;
mod validate;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use diagnostic::{Diagnostic, Diagnostics, Rejected, Severity, Warnings, quoted};
use lint::{Judging, Levels};
use load::{Sources, Store};
use lower::{Homes, Target};
use output::Edit;
use registry::Registry;
use render::Templates;
use schema::{Allow, RegistryDef};

pub use build::Build;
pub use config::{CONFIG_NAME, Config};
pub use date::{Date, DateError};
pub use format::FormatError;
pub use init::{InitError, Start, Vigil, init, workspace_around};
pub use locations::Locations;
pub use output::{Counts, LIST, MARKER, OutputError};
pub use outputs::{Comment, FilePattern, Output, PatternError, Subject};
pub use print::PrintFormat;
pub use renames::Renames;
pub use render::{Files, RenderError};
pub use report::{Report, Summary};
pub use schema::{FileKind, json_schema};
pub use source::{FileId, SourceMap};
pub use stats::{Kinds, Series, Stats};

/// What a run reads and writes.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory of the registry.
    pub registry: PathBuf,
    /// The directory of templates; those that it lacks, or all if there is none, are Vigil's own.
    pub templates: Option<PathBuf>,
    /// The directory of the generated code, and of outputs that name none.
    pub out: PathBuf,
    /// The Rust path of the module that stands in that directory.
    pub module: String,
    /// What is made.
    pub outputs: Vec<Output>,
    /// The Rust path where the code of a dependency is already, by the dependency's directory.
    pub crates: BTreeMap<PathBuf, String>,
    /// The configuration file that says so, if one does.
    pub config: Option<PathBuf>,
    /// The program that formats.
    pub rustfmt: PathBuf,
    /// Whether it does: code that nobody reads needs none.
    pub format: bool,
    /// Put each namespace behind a feature of its name, and the features into the `Cargo.toml` nearest
    /// to `out`, or to the configuration file if `out` is empty.
    pub features_per_namespace: bool,
    /// What becomes of what lints find.
    pub lints: Levels,
    /// The day that it is, for what expires; none: [`Date::today`].
    pub today: Option<Date>,
    /// Only compare: nothing is written.
    pub check: bool,
}

impl Options {
    /// From these directories, to be written, as `crate::generated`: the Rust API.
    pub fn new(
        registry: impl Into<PathBuf>,
        templates: impl Into<PathBuf>,
        out: impl Into<PathBuf>,
    ) -> Self {
        Self {
            registry: registry.into(),
            templates: Some(templates.into()),
            out: out.into(),
            module: "crate::generated".to_owned(),
            outputs: Output::rust(),
            crates: BTreeMap::new(),
            config: None,
            rustfmt: "rustfmt".into(),
            format: true,
            features_per_namespace: false,
            lints: Levels::default(),
            today: None,
            check: false,
        }
    }

    /// The directory whose crate the code is for.
    fn home(&self) -> PathBuf {
        let config = self.config.as_deref().and_then(Path::parent);
        match config {
            // Nothing but `dir` of outputs may say where the code goes.
            Some(dir) if self.out.as_os_str().is_empty() => dir.to_owned(),
            _ => self.out.clone(),
        }
    }
}

/// Files that are ready to be written.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// Their text, by their path below the output directory.
    pub files: Files,
    /// That of files in other directories.
    pub elsewhere: BTreeMap<PathBuf, Files>,
    /// What they were made from.
    pub registry: Registry,
    /// How many files of the registry were read.
    pub read: usize,
    /// Every file and directory that was read: of the registry and those that it depends on, the
    /// templates, the configuration.
    pub inputs: Vec<PathBuf>,
    /// The features that the code is behind, if it was asked for them.
    pub features: Vec<ir::Feature>,
    /// What there is to say of the registry.
    pub warnings: Warnings,
}

/// A registry without errors, and where everything in it came from.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What the YAML means.
    pub registry: Registry,
    /// Where each definition stands.
    pub locations: Locations,
    /// The files.
    pub sources: SourceMap,
    /// How many files were read, manifests included.
    pub files: usize,
    /// The directories of all registries: that which was asked for, then those that it depends on.
    pub directories: Vec<PathBuf>,
    /// The registry with all that it depends on, taken from there or not; none if that is the same.
    whole: Option<Registry>,
    /// The registries that it depends on: what each is called, and where it really is.
    dependencies: Vec<(String, PathBuf)>,
    /// Those of them that are OpenTelemetry's own, by what they are called.
    upstream: BTreeSet<String>,
    /// The lints that it suppresses, in the order of the files.
    allows: Vec<Allow>,
}

/// Whether a schema URL is that of OpenTelemetry's own conventions.
fn is_upstream(schema_url: &str) -> bool {
    let place = schema_url.split_once("://").map(|(_, place)| place);
    place.is_some_and(|place| place.starts_with("opentelemetry.io/"))
}

/// Reads the registry in `dir` and those that it depends on, follows all references and checks all
/// contracts.
///
/// # Errors
///
/// Everything that is wrong with them, of all stages. Later stages skip what earlier ones could
/// make no sense of.
pub fn read_registry(dir: &Path) -> Result<Checked, Rejected> {
    read(dir, Store::Disk).map_err(|refused| refused.rejected)
}

/// Reads the registry in `dir`, as [`read_registry`] does, and judges it by the lints.
///
/// # Errors
///
/// As [`read_registry`]; and along with that, if all definitions could be read, what lints find that is
/// denied. Where the registry is in order, what they find is no error here, whatever its severity.
pub fn read_and_lint(
    dir: &Path,
    judging: &Judging<'_>,
) -> Result<(Checked, Diagnostics), Rejected> {
    match read(dir, Store::Disk) {
        Ok(checked) => {
            let found = lint::lint(&checked, judging);
            Ok((checked, found))
        }
        Err(refused) => {
            let Refused { rejected, checked } = *refused;
            let found = checked.map(|it| lint::lint_in_part(&it, judging).errors());
            Err(rejected.and(found.unwrap_or_default()))
        }
    }
}

/// As [`read_registry`], of files in memory: the content of each, by its path with `/`. `dir` is the
/// directory of the registry among them; those that it depends on are looked for beside it, and
/// nowhere else.
///
/// ```
/// let files = [
///     ("shop/manifest.yaml", "schema_url: https://example.com/schemas/shop/1.0.0"),
///     ("shop/shop.yaml", "file_format: definition/2\nattributes: [{ key: shop.open, type: bool }]"),
/// ];
/// let files = files.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()));
/// let rejected = vigil_gen::read_registry_in_memory(&files.into(), "shop").unwrap_err();
/// assert!(rejected.to_string().contains("did you mean `boolean`?"));
/// ```
///
/// # Errors
///
/// As [`read_registry`].
pub fn read_registry_in_memory(
    files: &BTreeMap<String, Vec<u8>>,
    dir: &str,
) -> Result<Checked, Rejected> {
    read(Path::new(dir), Store::Memory(files)).map_err(|refused| refused.rejected)
}

/// A registry that was refused.
struct Refused {
    rejected: Rejected,
    /// What it means all the same, if all its definitions could be read: only what they mention, or what
    /// they promise, is wrong.
    checked: Option<Checked>,
}

fn read(dir: &Path, store: Store<'_>) -> Result<Checked, Box<Refused>> {
    let mut diagnostics = Diagnostics::new();
    let Sources {
        map,
        registries,
        files,
        second,
    } = load::load(dir, store, &mut diagnostics);
    let mut definitions = validate::validate(&map, &registries, &mut diagnostics);
    let readable = diagnostics.is_empty();
    let resolved = resolve::resolve(&definitions, &map, &mut diagnostics);
    // What a contract lacks may be in a file that could not be read.
    if definitions.incomplete || resolved.incomplete {
        diagnostics.extend(second.finish());
        let unchecked = definitions.incomplete;
        return Err(Box::new(Refused {
            rejected: Rejected::new(diagnostics, map).with_names_unchecked(unchecked),
            checked: None,
        }));
    }
    resolved.enter_places(&mut definitions);
    let registry = contract::check(&definitions, resolved, &map, &mut diagnostics);
    let depends = definitions.registries.len() > 1;
    let whole = depends.then(|| registry.clone());
    let registry = select::select(&definitions, registry, &mut diagnostics);
    diagnostics.extend(second.finish());
    let directory = |it: &RegistryDef| PathBuf::from(map.display(it.root));
    let (own, others) = match definitions.registries.split_last() {
        Some((own, others)) => (Some(own), others),
        None => (None, &[][..]),
    };
    let dependencies = others.iter().map(|it| {
        let dir = directory(it);
        (it.name.clone(), fs::canonicalize(&dir).unwrap_or(dir))
    });
    let upstream = others.iter().filter(|it| {
        let url = it.schema_url.as_deref();
        url.is_some_and(is_upstream)
    });
    let checked = Checked {
        upstream: upstream.map(|it| it.name.clone()).collect(),
        dependencies: dependencies.collect(),
        allows: definitions.allows,
        directories: own.into_iter().chain(others).map(directory).collect(),
        whole,
        registry,
        locations: definitions.locations,
        files,
        sources: map,
    };
    if diagnostics.is_empty() {
        return Ok(checked);
    }
    let unchecked = checked.locations.any_nameless();
    let rejected = Rejected::new(diagnostics, checked.sources.clone());
    Err(Box::new(Refused {
        rejected: rejected.with_names_unchecked(unchecked),
        checked: readable.then_some(checked),
    }))
}

/// Gives everything in a registry its Rust name, type and docs: what templates lay out.
///
/// # Errors
///
/// What no code can be made of.
pub fn lower(checked: &Checked, options: &Options) -> Result<ir::Ir, Rejected> {
    let target = Target {
        module: options.module.clone(),
        registry: directory_name(&options.registry, "the registry"),
        homes: homes(checked, options)?,
        whole: checked.whole.as_ref().unwrap_or(&checked.registry),
        features: options.features_per_namespace,
    };
    lower::lower(&checked.registry, &checked.locations, &target)
        .map_err(|diagnostics| Rejected::new(diagnostics, checked.sources.clone()))
}

/// Lowers and renders a registry that was read: the files of each directory as the templates leave
/// them, before rustfmt.
///
/// # Errors
///
/// What no code can be made of, or what is wrong with a template.
pub fn render_unformatted(
    checked: &Checked,
    options: &Options,
) -> Result<BTreeMap<PathBuf, Files>, Failure> {
    let options = Options {
        format: false,
        ..options.clone()
    };
    render(checked, &options).map(|(files, _)| files)
}

/// The files of each directory, and the features that they are behind.
fn render(
    checked: &Checked,
    options: &Options,
) -> Result<(BTreeMap<PathBuf, Files>, Vec<ir::Feature>), Failure> {
    let templates = Templates::read(options.templates.as_deref())?;
    // A registry that no Rust can be made of can still be told of.
    let rust = options
        .outputs
        .iter()
        .any(|output| output.subject.is_rust());
    if options.features_per_namespace && !rust {
        return Err(features::of_nothing().into());
    }
    let ir = rust.then(|| lower(checked, options)).transpose()?;
    let files = made::make(options, &templates, ir.as_ref(), &checked.registry)?;
    Ok((files, ir.map_or_else(Vec::new, |ir| ir.features)))
}

/// Reads, checks, lowers, renders and formats. Nothing is written.
///
/// # Errors
///
/// Everything that is wrong with the registry, or the first thing that is wrong with the templates.
pub fn render_files(options: &Options) -> Result<Rendered, Failure> {
    let judging = Judging {
        levels: &options.lints,
        today: options.today.map_or_else(Date::today, Ok)?,
        baseline: None,
    };
    let (checked, found) = read_and_lint(&options.registry, &judging)?;
    let denied = found.count(Severity::Error) > 0;
    // What is denied is told along with what no code can be made of; warnings can wait.
    let (mut all, features) = match render(&checked, options) {
        Err(Failure::Registry(rejected)) => return Err(rejected.and(found.errors()).into()),
        _ if denied => return Err(Rejected::new(found.errors(), checked.sources).into()),
        made => made?,
    };
    Ok(Rendered {
        inputs: inputs(&checked, options),
        files: all.remove(&options.out).unwrap_or_default(),
        elsewhere: all,
        registry: checked.registry,
        read: checked.files,
        features,
        warnings: Warnings {
            diagnostics: found,
            sources: checked.sources,
        },
    })
}

/// Every file and directory that was read.
fn inputs(checked: &Checked, options: &Options) -> Vec<PathBuf> {
    let mut inputs: Vec<PathBuf> = options.config.iter().cloned().collect();
    inputs.extend(checked.directories.iter().cloned());
    inputs.extend(checked.sources.paths().map(PathBuf::from));
    if let Some(templates) = &options.templates {
        inputs.push(templates.clone());
        inputs.extend(render::template_paths(templates).unwrap_or_default());
    }
    inputs
}

/// Where the code of the registries is that this one depends on, if it is there already.
fn homes(checked: &Checked, options: &Options) -> Result<Homes, Rejected> {
    let mut homes = Homes::default();
    let mut diagnostics = Diagnostics::new();
    for (dir, root) in &options.crates {
        let place = fs::canonicalize(dir).unwrap_or_else(|_| dir.clone());
        let found = checked.dependencies.iter().find(|(_, it)| *it == place);
        if let Some((name, _)) = found {
            homes.roots.insert(name.clone(), root.clone());
            continue;
        }
        let message = format!(
            "the code of {} is said to be in {}, but this registry does not depend on it",
            quoted(&dir.display().to_string()),
            quoted(root)
        );
        diagnostics.push(
            Diagnostic::new(codes::UNKNOWN_CRATE, checked.sources.root(), message).with_help(
                "list it under `dependencies` of the manifest, or take it out of `crates`",
            ),
        );
    }
    if diagnostics.is_empty() {
        Ok(homes)
    } else {
        Err(Rejected::new(diagnostics, checked.sources.clone()))
    }
}

/// What a directory is called, wherever it lies.
fn directory_name(dir: &Path, otherwise: &str) -> String {
    let whole = fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    whole
        .file_name()
        .and_then(|name| name.to_str())
        .filter(|name| !name.contains(char::is_control))
        .unwrap_or(otherwise)
        .to_owned()
}

/// Whether this can be [`Options::module`]: the path of a module, from `crate`.
pub fn is_module_path(path: &str) -> bool {
    names::is_module_path(path)
}

/// Brings the generated code up to date, or says what is not.
///
/// # Errors
///
/// As [`render_files`], and when something in the output directory is in the way. Then nothing has
/// been written.
pub fn generate(options: &Options) -> Result<Report, Failure> {
    run(options, |features| {
        features::edit(&options.home(), features).map(Some)
    })
}

/// Brings up to date, or compares. `edit` says what has to change in somebody's `Cargo.toml` for it to
/// have the features, if there are to be any.
fn run(
    options: &Options,
    edit: impl FnOnce(&[ir::Feature]) -> Result<Option<Edit>, OutputError>,
) -> Result<Report, Failure> {
    let start = Instant::now();
    let rendered = render_files(options)?;
    let summary = Summary::of(&rendered.registry);
    let (read, inputs, warnings) = (rendered.read, rendered.inputs, rendered.warnings);
    let mut directories = rendered.elsewhere;
    if options.outputs.iter().any(|output| output.dir.is_none()) {
        directories.insert(options.out.clone(), rendered.files);
    }
    let edit = || {
        if options.features_per_namespace {
            edit(&rendered.features)
        } else {
            Ok(None)
        }
    };
    let outcome = output::bring_up_to_date(&made::outermost(directories), edit, options.check)?;
    let of =
        |count: fn(&Counts) -> usize| outcome.directories.iter().map(|(_, it)| count(it)).sum();
    Ok(Report {
        summary,
        read,
        inputs,
        counts: Counts {
            written: of(|it| it.written),
            unchanged: of(|it| it.unchanged),
            removed: of(|it| it.removed),
        },
        directories: outcome.directories,
        stale: outcome.stale,
        diff: outcome.diff,
        warnings,
        elapsed: start.elapsed(),
    })
}

/// What a run says last that its first error ended.
const NOTHING_WRITTEN: &str = "nothing was written\n";

/// Why a run made nothing.
#[derive(Debug)]
pub enum Failure {
    /// The registry is not in order.
    Registry(Box<Rejected>),
    /// A template can't be rendered.
    Render(RenderError),
    /// The result can't be formatted.
    Format(FormatError),
    /// The result can't be written.
    Output(OutputError),
    /// Nothing says what day it is.
    Date(DateError),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(rejected) => {
                let errors = rejected.diagnostics.render(&rejected.sources);
                write!(f, "{errors}\n{}", rejected.summary())
            }
            Self::Render(error) => write!(f, "{error}\n{NOTHING_WRITTEN}"),
            Self::Format(error) => write!(f, "{error}\n{NOTHING_WRITTEN}"),
            Self::Output(error) => error.fmt(f),
            Self::Date(error) => write!(f, "error[{}]: {error}\n{NOTHING_WRITTEN}", codes::DATE),
        }
    }
}

impl std::error::Error for Failure {}

impl Failure {
    /// The errors, each as a line of JSON, and what else there is to say.
    pub fn json_lines(&self) -> (String, String) {
        let (code, text) = match self {
            Self::Registry(rejected) => {
                let lines = rejected.diagnostics.json_lines(&rejected.sources);
                return (lines, rejected.summary());
            }
            Self::Render(error) => return (error.json_line(), NOTHING_WRITTEN.to_owned()),
            Self::Format(error) => (codes::RUSTFMT, error.to_string()),
            Self::Output(error) => (codes::OUTPUT, error.to_string()),
            Self::Date(error) => (codes::DATE, error.to_string()),
        };
        let prefix = format!("error[{code}]: ");
        let message = text.strip_prefix(&prefix).unwrap_or(&text).trim_end();
        (
            diagnostic::placeless(code, message, None) + "\n",
            String::new(),
        )
    }
}

impl From<Rejected> for Failure {
    fn from(rejected: Rejected) -> Self {
        Self::Registry(Box::new(rejected))
    }
}

impl From<DateError> for Failure {
    fn from(error: DateError) -> Self {
        Self::Date(error)
    }
}

impl From<RenderError> for Failure {
    fn from(error: RenderError) -> Self {
        Self::Render(error)
    }
}

impl From<FormatError> for Failure {
    fn from(error: FormatError) -> Self {
        Self::Format(error)
    }
}

impl From<OutputError> for Failure {
    fn from(error: OutputError) -> Self {
        Self::Output(error)
    }
}
