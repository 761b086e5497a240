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

mod codes;
mod contract;
pub mod diagnostic;
mod format;
mod graph;
pub mod ir;
mod load;
mod locations;
mod lower;
mod names;
mod output;
mod print;
pub mod registry;
mod render;
mod report;
mod resolve;
mod schema;
mod select;
mod source;
mod validate;
mod yaml;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use diagnostic::{Diagnostics, Rejected};
use load::{Sources, Store};
use lower::Target;
use output::Lock;
use registry::Registry;
use render::Templates;

pub use format::FormatError;
pub use locations::Locations;
pub use output::{Counts, MARKER, OutputError};
pub use print::PrintFormat;
pub use render::{Files, RenderError};
pub use report::{Report, Summary};
pub use schema::{FileKind, json_schema};
pub use source::{FileId, SourceMap};

/// What a run reads and writes.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory of the registry.
    pub registry: PathBuf,
    /// The directory of the templates.
    pub templates: PathBuf,
    /// The directory of the generated code.
    pub out: PathBuf,
    /// The Rust path of the module that stands in that directory.
    pub module: String,
    /// The program that formats.
    pub rustfmt: PathBuf,
    /// Only compare: nothing is written.
    pub check: bool,
}

impl Options {
    /// From these directories, to be written, as `crate::generated`.
    pub fn new(
        registry: impl Into<PathBuf>,
        templates: impl Into<PathBuf>,
        out: impl Into<PathBuf>,
    ) -> Self {
        Self {
            registry: registry.into(),
            templates: templates.into(),
            out: out.into(),
            module: "crate::generated".to_owned(),
            rustfmt: "rustfmt".into(),
            check: false,
        }
    }
}

/// Files that are ready to be written.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// Their text, by their path below the output directory.
    pub files: Files,
    /// What they were made from.
    pub registry: Registry,
    /// How many files of the registry were read.
    pub read: usize,
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
}

/// Reads the registry in `dir` and those that it depends on, follows all references and checks all
/// contracts.
///
/// # Errors
///
/// Everything that is wrong with them, of all stages. Later stages skip what earlier ones could
/// make no sense of.
pub fn read_registry(dir: &Path) -> Result<Checked, Rejected> {
    read(dir, Store::Disk)
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
    read(Path::new(dir), Store::Memory(files))
}

fn read(dir: &Path, store: Store<'_>) -> Result<Checked, Rejected> {
    let mut diagnostics = Diagnostics::new();
    let Sources {
        map,
        registries,
        files,
        second,
    } = load::load(dir, store, &mut diagnostics);
    let definitions = validate::validate(&map, &registries, &mut diagnostics);
    let resolved = resolve::resolve(&definitions, &map, &mut diagnostics);
    // What a contract lacks may be in a file that could not be read.
    if definitions.incomplete || resolved.incomplete {
        diagnostics.extend(second.finish());
        let unchecked = definitions.incomplete;
        return Err(Rejected::new(diagnostics, map).with_names_unchecked(unchecked));
    }
    let registry = contract::check(&definitions, resolved, &map, &mut diagnostics);
    let registry = select::select(&definitions, registry, &mut diagnostics);
    diagnostics.extend(second.finish());
    if !diagnostics.is_empty() {
        let unchecked = definitions.locations.any_nameless();
        return Err(Rejected::new(diagnostics, map).with_names_unchecked(unchecked));
    }
    Ok(Checked {
        registry,
        locations: definitions.locations,
        files,
        sources: map,
    })
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
        templates: directory_name(&options.templates, "the templates"),
    };
    lower::lower(&checked.registry, &checked.locations, &target)
        .map_err(|diagnostics| Rejected::new(diagnostics, checked.sources.clone()))
}

/// Lowers and renders a registry that was read: the files as the templates leave them, before rustfmt.
///
/// # Errors
///
/// What no code can be made of, or what is wrong with a template.
pub fn render_unformatted(checked: &Checked, options: &Options) -> Result<Files, Failure> {
    let ir = lower(checked, options)?;
    Ok(Templates::read(&options.templates)?.render(&ir)?)
}

/// Reads, checks, lowers, renders and formats. Nothing is written.
///
/// # Errors
///
/// What is wrong with the registry, with a template, or with rustfmt.
pub fn render_files(options: &Options) -> Result<Rendered, Failure> {
    let checked = read_registry(&options.registry)?;
    let files = render_unformatted(&checked, options)?;
    let files = format::format(&files, &options.out, &options.rustfmt)?;
    Ok(Rendered {
        files,
        registry: checked.registry,
        read: checked.files,
    })
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
    let start = Instant::now();
    let rendered = render_files(options)?;
    let _lock = if options.check {
        Lock::to_compare(&options.out)
    } else {
        Lock::to_write(&options.out)?
    };
    let plan = output::plan(&options.out, &rendered.files)?;
    let (counts, diff) = if options.check {
        (plan.counts(), Some(plan.diff()))
    } else {
        (plan.apply()?, None)
    };
    Ok(Report {
        summary: Summary::of(&rendered.registry),
        read: rendered.read,
        counts,
        out: options.out.clone(),
        stale: options.check && !plan.is_up_to_date(),
        diff,
        elapsed: start.elapsed(),
    })
}

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
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(rejected) => {
                let errors = rejected.diagnostics.render(&rejected.sources);
                write!(f, "{errors}\n{}", rejected.summary())
            }
            Self::Render(error) => write!(f, "{error}\nnothing was written\n"),
            Self::Format(error) => write!(f, "{error}\nnothing was written\n"),
            Self::Output(error) => error.fmt(f),
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
            Self::Render(error) => (codes::TEMPLATE, error.to_string()),
            Self::Format(error) => (codes::RUSTFMT, error.to_string()),
            Self::Output(error) => (codes::OUTPUT, error.to_string()),
        };
        let prefix = format!("error[{code}]: ");
        let message = text.strip_prefix(&prefix).unwrap_or(&text).trim_end();
        (diagnostic::placeless(code, message) + "\n", String::new())
    }
}

impl From<Rejected> for Failure {
    fn from(rejected: Rejected) -> Self {
        Self::Registry(Box::new(rejected))
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
