//! Prints a registry as it is resolved.

use std::io;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use vigil_gen::{PrintFormat, read_registry};

use super::{Stop, Which, say};

#[derive(Debug, Args)]
pub(super) struct Resolve {
    #[command(flatten)]
    pub(super) which: Which,
    /// How it is written.
    #[arg(long, value_name = "FORMAT", default_value = "yaml")]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Yaml,
    Json,
}

pub(super) fn run(arguments: &Resolve) -> Result<ExitCode, Stop> {
    let checked = read_registry(&arguments.which.registry()?)?;
    let format = match arguments.format {
        Format::Yaml => PrintFormat::Yaml,
        Format::Json => PrintFormat::Json,
    };
    say(&mut io::stdout(), checked.registry.print(format));
    Ok(ExitCode::SUCCESS)
}
