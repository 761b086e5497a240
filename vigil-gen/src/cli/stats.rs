//! Prints a registry in numbers.

use std::io;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use vigil_gen::{Stats as Counted, read_registry};

use super::{Stop, Which, say};

#[derive(Debug, Args)]
pub(super) struct Stats {
    #[command(flatten)]
    pub(super) which: Which,
    /// How they are written.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
}

pub(super) fn run(arguments: &Stats) -> Result<ExitCode, Stop> {
    let checked = read_registry(&arguments.which.registry()?)?;
    let stats = Counted::of(&checked.registry);
    match arguments.format {
        Format::Text => say(&mut io::stdout(), stats),
        Format::Json => say(&mut io::stdout(), stats.json()),
    }
    Ok(ExitCode::SUCCESS)
}
