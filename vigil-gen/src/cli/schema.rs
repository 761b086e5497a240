//! Prints a JSON Schema.

use std::io;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use vigil_gen::{FileKind, json_schema};

use super::say;

#[derive(Debug, Args)]
pub(super) struct Schema {
    /// The kind of file.
    #[arg(default_value = "definitions")]
    kind: Kind,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// A file of `definition/2`.
    Definitions,
    /// A file of the older format, a list of `groups`.
    Groups,
    /// `manifest.yaml`.
    Manifest,
}

pub(super) fn run(arguments: &Schema) -> ExitCode {
    let kind = match arguments.kind {
        Kind::Definitions => FileKind::Definitions,
        Kind::Groups => FileKind::Groups,
        Kind::Manifest => FileKind::Manifest,
    };
    say(&mut io::stdout(), json_schema(kind));
    ExitCode::SUCCESS
}
