//! The generator in a build script.

use std::env;
use std::path::{Path, PathBuf};
use std::process;

use crate::{Config, Failure, FilePattern, Options, Output, Report, Subject, features, run};

/// Generates while a crate is built, into `OUT_DIR`: nothing is committed, and nothing can be stale.
///
/// ```no_run
/// // build.rs
/// vigil_gen::Build::new("conventions").module("crate::telemetry").run();
/// ```
///
/// The crate takes in what was made, whose root is `mod.rs`:
///
/// ```text
/// /// What is made of `conventions/`.
/// pub mod telemetry {
///     include!(concat!(env!("OUT_DIR"), "/mod.rs"));
/// }
/// ```
///
/// It is made again when a file of the registry changes, of those that it depends on, of the templates, or
/// of the configuration. It is not formatted, so no rustfmt is needed.
#[derive(Debug)]
pub struct Build {
    options: Result<Options, Box<Failure>>,
}

impl Build {
    /// Of the registry in that directory, relative to the crate's own. The code is `crate::generated`.
    pub fn new(registry: impl Into<PathBuf>) -> Self {
        let mut options = Options::new(registry, "", "");
        options.templates = None;
        Self {
            options: Ok(options),
        }
    }

    /// As a `vigil-gen.toml` says. What it says of `out` holds for the command line alone, and so do
    /// outputs that have a `dir`: a build script writes nowhere but to `OUT_DIR`.
    pub fn from_config(path: impl AsRef<Path>) -> Self {
        let config = Config::read(path.as_ref());
        let options = config.and_then(|config| {
            config.require_directories(&["registry"])?;
            let mut options = config.options();
            options.outputs.retain(|output| output.dir.is_none());
            Ok(options)
        });
        Self {
            options: options.map_err(|rejected| Box::new(Failure::from(rejected))),
        }
    }

    /// The Rust path of the module that takes the code in, from `crate`.
    #[must_use]
    pub fn module(self, path: &str) -> Self {
        self.with(|options| path.clone_into(&mut options.module))
    }

    /// A directory of templates of one's own: those that it lacks are Vigil's.
    #[must_use]
    pub fn templates(self, dir: impl Into<PathBuf>) -> Self {
        self.with(|options| options.templates = Some(dir.into()))
    }

    /// Where the code of a dependency is already: its directory, and a Rust path.
    #[must_use]
    pub fn crate_of(self, registry: impl Into<PathBuf>, path: &str) -> Self {
        self.with(|options| {
            options.crates.insert(registry.into(), path.to_owned());
        })
    }

    /// Each namespace is behind a feature of its name. They have to be in the `Cargo.toml` of the crate:
    /// a build script only compares, and says what is missing there.
    #[must_use]
    pub fn features_per_namespace(self) -> Self {
        self.with(|options| options.features_per_namespace = true)
    }

    fn with(mut self, change: impl FnOnce(&mut Options)) -> Self {
        if let Ok(options) = &mut self.options {
            change(options);
        }
        self
    }

    /// Generates. If something is wrong, prints what, where, and what to do, and ends the build.
    pub fn run(self) {
        let Some(out) = env::var_os("OUT_DIR") else {
            eprintln!("error: OUT_DIR is not set: this is to be called by a build script");
            process::exit(1);
        };
        match self.run_in(PathBuf::from(out)) {
            Ok(report) => {
                let warnings = &report.warnings;
                for warning in &warnings.diagnostics {
                    println!("cargo::warning={}", warning.in_a_line(&warnings.sources));
                }
                // What expires depends on what day it is.
                println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
                for path in &report.inputs {
                    println!("cargo::rerun-if-changed={}", path.display());
                }
            }
            Err(failure) => {
                eprintln!("{failure}");
                process::exit(1);
            }
        }
    }

    /// Generates into a directory.
    ///
    /// # Errors
    ///
    /// As [`generate`](crate::generate), when the configuration could not be read, and when the
    /// `Cargo.toml` of the crate lacks features.
    pub fn run_in(self, out: PathBuf) -> Result<Report, Failure> {
        let mut options = self.options.map_err(|failure| *failure)?;
        options.out = out;
        options.format = false;
        if let Ok(file) = FilePattern::new("mod.rs", Subject::RustRoot) {
            options.outputs.push(Output::rust_root(file));
        }
        // The crate is where cargo calls its build script.
        let mut manifest = None;
        let mut report = run(&options, |needed| {
            manifest = Some(features::compare(Path::new(""), needed)?);
            Ok(None)
        })?;
        report.inputs.extend(manifest);
        Ok(report)
    }
}
