//! Tells what changed since another state of the registry, and whether it breaks anything.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use vigil_gen::diagnostic::{Rejected, quoted};
use vigil_gen::diff::{Audience, Diff as Told};
use vigil_gen::{Checked, read_registry, read_registry_in_memory};

use super::revision::Revision;
use super::{Stop, Which, say};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vigil-gen diff v0.1.0
      what changed since that tag, in the registry of the nearest vigil-gen.toml
  vigil-gen diff ../released/semconv --registry semconv --deny dashboards
      two directories; exit 1 only if dashboards or alerts break
  vigil-gen diff v0.1.0 --allow-announced
      let go what v0.1.0 has as deprecated, and nothing else
  vigil-gen diff v0.1.0 --changelog CHANGELOG.md
      the section Registry of the version that is being worked on
  vigil-gen diff --first-release --changelog CHANGELOG.md --check
      exit 1 if that section is stale, here before there is anything to compare with

Exit status: 0 if nothing breaks that --deny names, 1 if something does or one of the registries has
errors, 2 if it was called the wrong way or there is no such baseline.")]
pub(super) struct Diff {
    /// What to compare with: a directory with a registry, or a git revision, of which the same
    /// directory is read.
    #[arg(required_unless_present = "first_release")]
    baseline: Option<String>,
    /// There is no baseline: tell of every definition as added.
    #[arg(long, conflicts_with = "baseline")]
    first_release: bool,
    #[command(flatten)]
    pub(super) which: Which,
    /// How it is written.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Write it into the section `Registry` of this changelog, for the version of its first heading:
    /// between two lines that are put there, beside which nothing is touched.
    #[arg(long, value_name = "FILE", conflicts_with = "format")]
    changelog: Option<PathBuf>,
    /// Compare the changelog only: print a unified diff of what is stale, and exit 1 if there is any.
    #[arg(long, requires = "changelog")]
    check: bool,
    /// Whom nothing may break for: what does makes the exit status 1 [default: code,dashboards; with
    /// --changelog, none].
    #[arg(long, value_name = "WHOM", value_delimiter = ',')]
    deny: Vec<Deny>,
    /// Let through what the baseline announced: what it has as `deprecated` may be removed.
    #[arg(long)]
    allow_announced: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people: each change with both verdicts, the reasons, and what to do instead.
    Text,
    /// The section `Registry` of a changelog: what breaks first.
    Markdown,
    /// For programs.
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Deny {
    /// Whoever calls the generated API.
    Code,
    /// Whoever has dashboards, alerts and queries.
    Dashboards,
    /// Nobody: only tell.
    None,
}

pub(super) fn run(arguments: &Diff) -> Result<ExitCode, Stop> {
    let deny = match arguments.deny.as_slice() {
        [] if arguments.changelog.is_some() => &[],
        [] => &[Deny::Code, Deny::Dashboards][..],
        [Deny::None] => &[],
        some if some.contains(&Deny::None) => {
            return Err(usage("`--deny none` stands alone"));
        }
        some => some,
    };
    let registry = arguments.which.registry()?;
    let after = read_registry(&registry)?;
    let named = arguments.baseline.as_deref();
    let diff = match named {
        Some(named) => Told::of(&baseline(named, &registry)?.registry, &after.registry),
        None => Told::first(&after.registry),
    };
    let mut stdout = io::stdout();
    let mut stale = false;
    match (&arguments.changelog, arguments.format) {
        (Some(path), _) => stale = !changelog(&diff, path, named, arguments.check)?,
        (None, Format::Text) => say(&mut stdout, &diff),
        (None, Format::Markdown) => say(&mut stdout, diff.markdown()),
        (None, Format::Json) => say(&mut stdout, diff.json()),
    }
    let denied = |audience| {
        let announced = if arguments.allow_announced {
            diff.announced(audience)
        } else {
            0
        };
        diff.breaking(audience) > announced
    };
    let breaks = deny.iter().any(|whom| match whom {
        Deny::Code => denied(Audience::Code),
        Deny::Dashboards => denied(Audience::Dashboards),
        Deny::None => false,
    });
    Ok(if breaks || stale {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Writes or compares the section of a changelog; whether it is up to date then.
fn changelog(diff: &Told, path: &Path, baseline: Option<&str>, check: bool) -> Result<bool, Stop> {
    let done = diff.update_changelog(path, baseline, check)?;
    let path = path.display();
    let mut stderr = io::stderr();
    if let Some(stale) = done.stale {
        say(&mut io::stdout(), stale);
        let help = "the same call without `--check` brings it up to date";
        say(&mut stderr, format!("{path} is stale: {help}\n"));
        return Ok(false);
    }
    let what = if done.written { "written" } else { "unchanged" };
    say(&mut stderr, format!("{path}: {what}, {}\n", diff.summary()));
    Ok(true)
}

/// The registry to compare with.
pub(super) fn baseline(baseline: &str, registry: &Path) -> Result<Checked, Stop> {
    let told = |rejected: Rejected| {
        let name = quoted(baseline);
        say(
            &mut io::stderr(),
            format!("the baseline {name} has errors:\n"),
        );
        Stop::from(rejected)
    };
    let dir = Path::new(baseline);
    if dir.is_dir() {
        return read_registry(dir).map_err(told);
    }
    let revision = Revision::read(baseline, registry)
        .map_err(|why| usage(&format!("no baseline {}: {why}", quoted(baseline))))?;
    read_registry_in_memory(&revision.files, &revision.registry).map_err(told)
}

fn usage(message: &str) -> Stop {
    Stop::Usage(format!(
        "error: {message}\n\nFor more information, try 'vigil-gen diff --help'.\n"
    ))
}
