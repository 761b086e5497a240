//! Tells what changed since another state of the registry, and whether it breaks anything.

use std::io;
use std::path::Path;
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
  vigil-gen diff v0.1.0 --format markdown --deny none
      the section of a changelog

Exit status: 0 if nothing breaks that --deny names, 1 if something does or one of the registries has
errors, 2 if it was called the wrong way or there is no such baseline.")]
pub(super) struct Diff {
    /// What to compare with: a directory with a registry, or a git revision, of which the same
    /// directory is read.
    baseline: String,
    #[command(flatten)]
    pub(super) which: Which,
    /// How it is written.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Whom nothing may break for: what does makes the exit status 1 [default: code,dashboards].
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
        [] => &[Deny::Code, Deny::Dashboards][..],
        [Deny::None] => &[],
        some if some.contains(&Deny::None) => {
            return Err(usage("`--deny none` stands alone"));
        }
        some => some,
    };
    let registry = arguments.which.registry()?;
    let after = read_registry(&registry)?;
    let before = baseline(&arguments.baseline, &registry)?;
    let diff = Told::of(&before.registry, &after.registry);
    let mut stdout = io::stdout();
    match arguments.format {
        Format::Text => say(&mut stdout, &diff),
        Format::Markdown => say(&mut stdout, diff.markdown()),
        Format::Json => say(&mut stdout, diff.json()),
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
    Ok(if breaks {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// The registry to compare with.
fn baseline(baseline: &str, registry: &Path) -> Result<Checked, Stop> {
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
