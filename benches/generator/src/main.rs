//! What it costs to read and render a registry of conventions, and how that grows with its size.
//!
//! ```sh
//! cargo run --release --manifest-path benches/generator/Cargo.toml
//! ```
//!
//! prints a table and writes it to `docs/performance.md`. Each measurement is a process of its own.

mod child;
mod report;
mod synthetic;

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{Parser, ValueEnum};

use crate::report::Row;

/// Measures the generator.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where OpenTelemetry's registry is: `<version>/model` below this directory.
    #[arg(long, env = "VIGIL_UPSTREAM", value_name = "DIR")]
    upstream: Option<PathBuf>,
    /// How often each stage is run; the shortest time counts.
    #[arg(long, default_value_t = 15)]
    runs: usize,
    /// Print the table and leave the documentation as it is.
    #[arg(long)]
    dry: bool,
    /// What a measuring process does, with the registry that it reads.
    #[arg(long, hide = true, num_args = 2, value_names = ["STAGE", "DIR"])]
    child: Option<Vec<PathBuf>>,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Stage {
    /// Load, validate, resolve, contract, select.
    Read,
    /// The same, then lower and render.
    Render,
}

/// How many attributes the registries have that are made up.
const SIZES: [usize; 3] = [1_000, 10_000, 20_000];

/// Of registries larger than this, in bytes, instructions are not counted: it takes minutes, and they
/// grow as they did before.
const COUNTED: u64 = 10_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    if let Some(child) = &arguments.child {
        let [stage, dir] = &child[..] else {
            return Err("a child has a stage and a directory".into());
        };
        let stage = stage.to_str().ok_or("no stage")?;
        let stage = Stage::from_str(stage, false)?;
        return child::run(stage, dir, arguments.runs);
    }
    let mut rows = Vec::new();
    if let Some(model) = upstream(arguments.upstream.as_deref()) {
        let registry = tempfile::tempdir()?;
        copy(&model, registry.path())?;
        fs::write(
            registry.path().join("manifest.yaml"),
            "schema_url: https://opentelemetry.io/schemas/0.0.0\n",
        )?;
        rows.push(measure(
            "OpenTelemetry's own",
            registry.path(),
            arguments.runs,
        )?);
    } else {
        eprintln!("OpenTelemetry's registry is not there; --upstream says where it is");
    }
    for attributes in SIZES {
        let registry = tempfile::tempdir()?;
        for (path, text) in synthetic::registry(attributes) {
            fs::write(registry.path().join(path), text)?;
        }
        let name = format!("made up, {attributes} attributes");
        rows.push(measure(&name, registry.path(), arguments.runs)?);
    }
    let table = report::table(&rows);
    println!("{table}");
    if !arguments.dry {
        report::write(&table)?;
    }
    Ok(())
}

/// Reads and renders in processes of their own, then both once more under valgrind.
fn measure(name: &str, registry: &Path, runs: usize) -> Result<Row, Box<dyn Error>> {
    eprintln!("{name}");
    let bytes = size(registry)?;
    let count = bytes < COUNTED;
    Ok(Row {
        name: name.to_owned(),
        bytes,
        read: child::measure(Stage::Read, registry, runs, count)?,
        render: child::measure(Stage::Render, registry, runs, count)?,
    })
}

/// The newest model of OpenTelemetry's.
fn upstream(given: Option<&Path>) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/upstream");
    let versions = fs::read_dir(given.unwrap_or(&beside)).ok()?;
    let models = versions.filter_map(|version| Some(version.ok()?.path().join("model")));
    models.filter(|model| model.is_dir()).max()
}

fn copy(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(from)? {
        let (path, name) = {
            let entry = entry?;
            (entry.path(), entry.file_name())
        };
        if path.is_dir() {
            fs::create_dir_all(to.join(&name))?;
            copy(&path, &to.join(&name))?;
        } else {
            fs::copy(&path, to.join(&name))?;
        }
    }
    Ok(())
}

/// How much YAML there is.
fn size(dir: &Path) -> Result<u64, Box<dyn Error>> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            bytes += size(&path)?;
        } else if path
            .extension()
            .is_some_and(|it| it == "yaml" || it == "yml")
        {
            bytes += fs::metadata(&path)?.len();
        }
    }
    Ok(bytes)
}

/// This program, to be run as a child.
fn this_program() -> Result<Command, Box<dyn Error>> {
    Ok(Command::new(env::current_exe()?))
}
