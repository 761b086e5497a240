//! Judges a registry.

use std::io;
use std::process::ExitCode;

use clap::Args;
use vigil_gen::diagnostic::{Severity, Warnings};
use vigil_gen::lint::Judging;
use vigil_gen::{Date, Failure, read_and_lint};

use super::diff::baseline;
use super::{Judged, Stop, Which, say, warn};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vigil-gen lint
      what can be said against the registry of the nearest vigil-gen.toml
  vigil-gen lint --baseline v0.1.0
      also, what was removed since that tag without having been deprecated
  vigil-gen lint --deny all --allow missing-owner
      exit 1 if any lint but one finds something

Exit status: 0 if nothing is found that is denied, 1 if something is or a registry has errors, 2 if it
was called the wrong way or there is no such baseline.")]
pub(super) struct Lint {
    #[command(flatten)]
    pub(super) which: Which,
    /// What to compare with: a directory with a registry, or a git revision, of which the same
    /// directory is read.
    #[arg(long, value_name = "BASELINE")]
    baseline: Option<String>,
    #[command(flatten)]
    judged: Judged,
}

pub(super) fn run(arguments: &Lint) -> Result<ExitCode, Stop> {
    let mut levels = arguments.which.levels()?;
    arguments.judged.give(&mut levels)?;
    let registry = arguments.which.registry()?;
    let before = arguments.baseline.as_ref();
    let before = before.map(|it| baseline(it, &registry)).transpose()?;
    let today = arguments.judged.today.map_or_else(Date::today, Ok);
    let judging = Judging {
        levels: &levels,
        today: today.map_err(Failure::from)?,
        baseline: before.as_ref(),
    };
    let (checked, diagnostics) = read_and_lint(&registry, &judging)?;
    let found = Warnings {
        diagnostics,
        sources: checked.sources,
    };
    warn(&found, arguments.which.message_format);
    let found = found.diagnostics;
    let counted = if found.is_empty() {
        "nothing found".to_owned()
    } else {
        found.counted()
    };
    say(&mut io::stderr(), format!("{counted}\n"));
    Ok(if found.count(Severity::Error) > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
