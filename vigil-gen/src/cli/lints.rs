//! Lists the lints.

use std::io;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use vigil_gen::lint::{LINTS, Levels, json};

use super::{Judged, Stop, Which, say};

#[derive(Debug, Args)]
pub(super) struct Lints {
    #[command(flatten)]
    pub(super) which: Which,
    /// How they are written.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    #[command(flatten)]
    judged: Judged,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
}

pub(super) fn run(arguments: &Lints) -> Result<ExitCode, Stop> {
    let mut levels = arguments.which.levels()?;
    arguments.judged.give(&mut levels)?;
    match arguments.format {
        Format::Text => say(&mut io::stdout(), table(&levels)),
        Format::Json => say(&mut io::stdout(), json(&levels)),
    }
    Ok(ExitCode::SUCCESS)
}

/// A line for each: its name, the level that it has, what it finds.
fn table(levels: &Levels) -> String {
    let widest = LINTS.iter().map(|it| it.name.len()).max();
    let width = widest.unwrap_or_default();
    let lines = LINTS.iter().map(|it| {
        let level = levels.of(it).word();
        format!("{:width$}  {level:5}  {}\n", it.name, it.meaning())
    });
    lines.collect()
}
