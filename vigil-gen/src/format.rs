//! Formatting, by the `rustfmt` of whoever runs the generator.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};

use crate::codes::RUSTFMT;
use crate::output::plain;
use crate::render::Files;

/// The names under which rustfmt looks for its configuration.
const CONFIGURATION: [&str; 2] = [".rustfmt.toml", "rustfmt.toml"];

/// Formats the files as the directory that they are for asks: with the `rustfmt.toml` that is
/// nearest to it, by the toolchain that is pinned there.
///
/// One process formats all of them, in a directory of its own.
///
/// # Errors
///
/// When rustfmt is missing, or refuses a file, as it does when a template's output is no Rust.
pub(crate) fn format(files: &Files, for_dir: &Path, rustfmt: &Path) -> Result<Files, FormatError> {
    let scratch = tempfile::Builder::new()
        .prefix("vigil-gen-")
        .tempdir()
        .map_err(FormatError::Io)?;
    // rustfmt looks upwards from each file: with one here it finds no other, wherever this is.
    let configuration = configuration_near(for_dir).map_err(FormatError::Io)?;
    fs::write(scratch.path().join(CONFIGURATION[0]), configuration).map_err(FormatError::Io)?;
    for (path, text) in files {
        let path = scratch.path().join(path);
        path.parent()
            .map_or(Ok(()), fs::create_dir_all)
            .map_err(FormatError::Io)?;
        fs::write(path, text).map_err(FormatError::Io)?;
    }
    run(files, scratch.path(), for_dir, rustfmt)?;
    files
        .keys()
        .map(|path| Ok((path.clone(), fs::read_to_string(scratch.path().join(path))?)))
        .collect::<io::Result<Files>>()
        .map_err(FormatError::Io)
}

fn run(files: &Files, scratch: &Path, for_dir: &Path, rustfmt: &Path) -> Result<(), FormatError> {
    let mut command = Command::new(rustfmt);
    command.args(["--edition", "2024"]);
    command.args(roots(files).map(|path| scratch.join(path)));
    if let Some(dir) = existing(for_dir) {
        command.current_dir(dir);
    }
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(FormatError::Refused {
            said: message(&output, scratch),
            status: output.status,
        }),
        Err(error) => Err(FormatError::Start {
            rustfmt: rustfmt.to_owned(),
            error,
        }),
    }
}

/// The files that no other one lists: rustfmt follows `mod` by itself.
fn roots(files: &Files) -> impl Iterator<Item = &String> {
    files.keys().filter(|path| match path.rsplit_once('/') {
        Some((dir, file)) => {
            let module = file.trim_end_matches(".rs");
            let listed = files.get(&format!("{dir}.rs")).is_some_and(|parent| {
                [format!("mod {module};"), format!("mod r#{module};")]
                    .iter()
                    .any(|line| parent.contains(line))
            });
            !listed
        }
        None => true,
    })
}

fn configuration_near(dir: &Path) -> io::Result<String> {
    for dir in std::path::absolute(dir)?.ancestors() {
        for name in CONFIGURATION {
            match fs::read_to_string(dir.join(name)) {
                Ok(text) => return Ok(text),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) if error.kind() == io::ErrorKind::NotADirectory => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(String::new())
}

/// The directory, or the nearest above it that is there.
fn existing(dir: &Path) -> Option<PathBuf> {
    let dir = std::path::absolute(dir).ok()?;
    dir.ancestors().find(|dir| dir.is_dir()).map(Path::to_owned)
}

fn message(output: &Output, scratch: &Path) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    text.replace(&format!("{}/", scratch.display()), "")
        .trim()
        .to_owned()
}

/// Why the files could not be formatted.
#[derive(Debug)]
pub enum FormatError {
    /// rustfmt did not start.
    Start {
        /// What was to be run.
        rustfmt: PathBuf,
        /// Why it was not.
        error: io::Error,
    },
    /// rustfmt refused a file.
    Refused {
        /// Its own words, empty if it said none.
        said: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// The files could not be put where rustfmt reads them.
    Io(io::Error),
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start { rustfmt, error } => {
                writeln!(
                    f,
                    "error[{RUSTFMT}]: can't run `{}`: {}",
                    rustfmt.display(),
                    plain(error)
                )?;
                writeln!(
                    f,
                    "   = help: `rustup component add rustfmt` installs it; `RUSTFMT` may name another one"
                )
            }
            Self::Refused { said, status } if said.is_empty() => {
                writeln!(
                    f,
                    "error[{RUSTFMT}]: it ended with {status} and said nothing"
                )
            }
            Self::Refused { said, .. } => {
                writeln!(f, "error[{RUSTFMT}]: what the templates make is no Rust")?;
                for line in said.lines() {
                    writeln!(f, "   | {line}")?;
                }
                Ok(())
            }
            Self::Io(error) => writeln!(
                f,
                "error[{RUSTFMT}]: can't use the directory for temporary files: {}",
                plain(error)
            ),
        }
    }
}

impl std::error::Error for FormatError {}
