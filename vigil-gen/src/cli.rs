//! What can be called, and what all commands share.

mod diff;
mod explain;
mod generate;
mod init;
mod lint;
mod lints;
mod resolve;
mod revision;
mod schema;
mod stats;

use std::env;
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use vigil_gen::diagnostic::Rejected;
use vigil_gen::diagnostic::Warnings;
use vigil_gen::lint::{Level, Levels};
use vigil_gen::{CONFIG_NAME, Config, Date, Failure};

/// Renders a registry of OpenTelemetry conventions into a typed Rust API.
///
/// Without an argument it does what the nearest vigil-gen.toml says, in the directory that it is called
/// in or above it. What is given here takes the place of what stands there.
#[derive(Debug, Parser)]
#[command(
    name = "vigil-gen",
    version,
    after_help = "\
Examples:
  cargo run -p vigil-gen
      bring the generated code up to date after an edit of semconv/
  cargo run -p vigil-gen -- --check
      print what is stale as a unified diff, write nothing, exit 1 if there is any
  vigil-gen --registry conventions --out src/telemetry --module crate::telemetry
      a registry and a crate of your own; with both directories named, no vigil-gen.toml is read
  vigil-gen init shop
      a crate with a registry of its own, to begin with
  vigil-gen resolve --registry conventions --format json
      what a registry means, once all references are followed
  vigil-gen stats
      what there is in each namespace, and how many series each metric can make
  vigil-gen diff v0.1.0
      what changed since that git revision, and whether code, dashboards or alerts break
  vigil-gen lint --baseline v0.1.0 --deny warnings
      what can be said against the registry, and against what changed since that git revision
  vigil-gen lints
      the lints, their levels, and what each is for
  vigil-gen schema manifest > manifest.schema.json
      what an editor needs to check and complete the YAML while it is typed
  vigil-gen explain unknown-attribute
      what an error means, and what to do about it

Exit status: 0 if all is well, 1 if the registry, the configuration or a template has errors or the
code is stale (or, with diff, something breaks; or a lint finds what is denied), 2 if it was called the wrong way.

Only files that are marked as generated are ever overwritten or deleted."
)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    generate: generate::Generate,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes a crate with a registry of its own, that compiles as it is.
    Init(init::Init),
    /// Prints a registry as it is resolved: groups unfolded, refinements and dependencies followed.
    Resolve(resolve::Resolve),
    /// Counts what a registry defines, and how many series its metrics can make.
    Stats(stats::Stats),
    /// Tells what changed since another registry, and whether that breaks code or dashboards.
    Diff(diff::Diff),
    /// Judges a registry by the lints, and writes nothing.
    Lint(lint::Lint),
    /// Lists the lints, their levels, and what each is for.
    Lints(lints::Lints),
    /// Prints a JSON Schema of a registry's files, with which editors check and complete them.
    Schema(schema::Schema),
    /// Says what an error code or a lint means, and what to do about it; without one, lists all of them.
    Explain(explain::Explain),
}

/// Which registry is meant, and how it is told what is wrong with it.
#[derive(Debug, Args)]
struct Which {
    /// The configuration file [default: the nearest vigil-gen.toml].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The directory of the registry [default: that of the configuration].
    #[arg(long, value_name = "DIR")]
    registry: Option<PathBuf>,
    /// How errors and warnings of the registry are printed.
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    message_format: MessageFormat,
}

impl Which {
    /// What becomes of what lints find, as far as the configuration says, if there is one.
    fn levels(&self) -> Result<Levels, Stop> {
        let read = match (&self.registry, &self.config) {
            (_, Some(named)) => Some(Config::read(named)?),
            (Some(_), None) => None,
            (None, None) => nearest_config()?,
        };
        Ok(read.map(|it| it.lints).unwrap_or_default())
    }

    /// The directory of the registry.
    fn registry(&self) -> Result<PathBuf, Stop> {
        if let Some(registry) = &self.registry {
            return Ok(registry.clone());
        }
        let config = config(self.config.as_deref(), "--registry")?;
        config.require_directories(&["registry"])?;
        Ok(config.registry)
    }
}

/// What becomes of what lints find, in place of what the configuration says.
#[derive(Debug, Args)]
struct Judged {
    /// Pass over what this lint finds; `all` of them, or `warnings`: those that would warn.
    #[arg(long, value_name = "LINT", value_delimiter = ',')]
    allow: Vec<String>,
    /// Tell what this lint finds.
    #[arg(long, value_name = "LINT", value_delimiter = ',')]
    warn: Vec<String>,
    /// Take what this lint finds for an error: nothing is written, and the exit status is 1.
    #[arg(long, value_name = "LINT", value_delimiter = ',')]
    deny: Vec<String>,
    /// The day that it is, for what expires [default: that of `SOURCE_DATE_EPOCH`, or the clock's].
    #[arg(long, value_name = "DATE")]
    today: Option<Date>,
}

impl Judged {
    /// Gives these levels.
    fn give(&self, levels: &mut Levels) -> Result<(), Stop> {
        let lists = [
            (Level::Allow, &self.allow),
            (Level::Warn, &self.warn),
            (Level::Deny, &self.deny),
        ];
        let given = lists
            .iter()
            .flat_map(|(level, names)| names.iter().map(|name| (name.as_str(), *level)));
        levels.give(given).map_err(|error| {
            Stop::Usage(format!(
                "error: {error}\n\nFor more information, try '--help'.\n"
            ))
        })
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum MessageFormat {
    /// For people, on stderr, with the lines that are meant.
    Human,
    /// For programs: each error and warning as a line of JSON, on stdout.
    Json,
}

/// Why a command ended early.
enum Stop {
    /// It was called the wrong way.
    Usage(String),
    /// What it was to work on is not in order.
    Failed(Failure),
}

impl From<Rejected> for Stop {
    fn from(rejected: Rejected) -> Self {
        Self::Failed(Failure::from(rejected))
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Reads the arguments and does what they ask for.
pub(crate) fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let (messages, done) = match arguments.command {
        Some(Command::Init(arguments)) => return init::run(arguments),
        Some(Command::Explain(arguments)) => return explain::run(&arguments),
        Some(Command::Schema(arguments)) => return schema::run(&arguments),
        Some(Command::Resolve(arguments)) => {
            (arguments.which.message_format, resolve::run(&arguments))
        }
        Some(Command::Diff(arguments)) => (arguments.which.message_format, diff::run(&arguments)),
        Some(Command::Lint(arguments)) => (arguments.which.message_format, lint::run(&arguments)),
        Some(Command::Lints(arguments)) => (arguments.which.message_format, lints::run(&arguments)),
        Some(Command::Stats(arguments)) => (arguments.which.message_format, stats::run(&arguments)),
        None => {
            let messages = arguments.generate.which.message_format;
            (messages, generate::run(arguments.generate))
        }
    };
    match done {
        Ok(code) => code,
        Err(Stop::Usage(message)) => {
            say(&mut io::stderr(), message);
            ExitCode::from(2)
        }
        Err(Stop::Failed(failure)) => refuse(&failure, messages),
    }
}

/// The configuration of that name, or the nearest one. `instead` is what could be given in its place.
fn config(named: Option<&Path>, instead: &str) -> Result<Config, Stop> {
    if let Some(path) = named {
        return Ok(Config::read(path)?);
    }
    if let Some(found) = nearest_config()? {
        return Ok(found);
    }
    Err(Stop::Usage(format!(
        "error: there is no {CONFIG_NAME} in {} or above it\n\n\
         Call vigil-gen below one, name one with --config, or give {instead}. `vigil-gen init` makes one.\n\
         For more information, try '--help'.\n",
        here()?.display()
    )))
}

/// The nearest configuration, if there is one.
fn nearest_config() -> Result<Option<Config>, Stop> {
    let here = here()?;
    let Some(found) = Config::find(&here) else {
        return Ok(None);
    };
    // As a path from here, where that is shorter to read.
    let shown = found.strip_prefix(&here).unwrap_or(&found);
    Ok(Some(Config::read(shown)?))
}

fn here() -> Result<PathBuf, Stop> {
    env::current_dir().map_err(|error| {
        Stop::Usage(format!(
            "error: can't tell the current directory: {error}\n"
        ))
    })
}

/// Prints what there is to say of a registry that is in order.
fn warn(warnings: &Warnings, messages: MessageFormat) {
    if warnings.diagnostics.is_empty() {
        return;
    }
    match messages {
        MessageFormat::Human => say(&mut io::stderr(), format!("{warnings}\n")),
        MessageFormat::Json => say(&mut io::stdout(), warnings.json_lines()),
    }
}

/// Prints what is wrong.
fn refuse(failure: &Failure, messages: MessageFormat) -> ExitCode {
    match messages {
        MessageFormat::Human => say(&mut io::stderr(), failure),
        MessageFormat::Json => {
            let (lines, rest) = failure.json_lines();
            say(&mut io::stdout(), lines);
            say(&mut io::stderr(), rest);
        }
    }
    ExitCode::FAILURE
}

/// Prints; whoever has closed the other end of the pipe has seen enough.
fn say(stream: &mut impl io::Write, text: impl Display) {
    let _ = write!(stream, "{text}").and_then(|()| stream.flush());
}
