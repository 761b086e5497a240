//! The command line of the generator.

use std::env;
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use vigil_gen::diagnostic::{CODES, explain, nearest};
use vigil_gen::{
    Failure, FileKind, Options, PrintFormat, generate, is_module_path, json_schema, read_registry,
};

/// What a workspace is known by.
const MANIFEST: &str = "semconv/manifest.yaml";

/// Renders a registry of OpenTelemetry conventions into a typed Rust API.
///
/// Without an argument it reads semconv/, renders templates/ and writes vigil/src/generated/ of the
/// workspace that it is called in, from whichever directory of it.
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
  vigil-gen --registry conventions --templates my-templates --out src/telemetry \\
            --module crate::telemetry
      a registry, templates and a crate of your own
  vigil-gen resolve --registry conventions --format json
      what a registry means, once all references are followed
  vigil-gen schema manifest > manifest.schema.json
      what an editor needs to check and complete the YAML while it is typed
  vigil-gen explain unknown-attribute
      what an error means, and what to do about it

Exit status: 0 if all is well, 1 if the registry or a template has errors or the code is stale,
2 if it was called the wrong way.

Only files that begin with the generated marker are ever overwritten or deleted."
)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Compare only: print a unified diff of what is stale, missing or orphaned, and exit 1 if
    /// there is any.
    #[arg(long)]
    check: bool,
    /// The directory of the registry [default: semconv/ of the workspace].
    #[arg(long, value_name = "DIR")]
    registry: Option<PathBuf>,
    /// The directory of the templates [default: templates/ of the workspace].
    #[arg(long, value_name = "DIR")]
    templates: Option<PathBuf>,
    /// The directory of the generated code [default: vigil/src/generated/ of the workspace].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The Rust path of the module that stands in that directory, from `crate`.
    #[arg(long, value_name = "PATH", default_value = "crate::generated", value_parser = module_path)]
    module: String,
    /// How errors of the registry are printed.
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    message_format: MessageFormat,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prints a registry as it is resolved: groups unfolded, refinements and dependencies followed.
    Resolve {
        /// The directory of the registry [default: semconv/ of the workspace].
        #[arg(long, value_name = "DIR")]
        registry: Option<PathBuf>,
        /// How it is written.
        #[arg(long, value_name = "FORMAT", default_value = "yaml")]
        format: ResolveFormat,
        /// How errors of the registry are printed.
        #[arg(long, value_name = "FORMAT", default_value = "human")]
        message_format: MessageFormat,
    },
    /// Prints a JSON Schema of a registry's files, with which editors check and complete them.
    Schema {
        /// The kind of file.
        #[arg(default_value = "definitions")]
        kind: SchemaKind,
    },
    /// Says what an error code means, and what to do about it; without a code, lists all of them.
    Explain {
        /// The code, as it stands in `error[..]`.
        code: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SchemaKind {
    /// A file of `definition/2`.
    Definitions,
    /// A file of the older format, a list of `groups`.
    Groups,
    /// `manifest.yaml`.
    Manifest,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ResolveFormat {
    Yaml,
    Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum MessageFormat {
    /// For people, on stderr, with the lines that are meant.
    Human,
    /// For programs: each error as a line of JSON, on stdout.
    Json,
}

fn module_path(text: &str) -> Result<String, String> {
    if is_module_path(text) {
        Ok(text.to_owned())
    } else {
        Err("it is a path from `crate`, such as `crate::telemetry`".to_owned())
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Some(Command::Explain { code }) => Ok(explain_code(code.as_deref())),
        Some(Command::Schema { kind }) => {
            say(&mut io::stdout(), schema(kind));
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Resolve {
            registry,
            format,
            message_format,
        }) => resolve(registry, format, message_format),
        None => run(arguments),
    };
    done.unwrap_or_else(|message| {
        say(&mut io::stderr(), message);
        ExitCode::from(2)
    })
}

/// Brings the generated code up to date, or compares.
fn run(arguments: Arguments) -> Result<ExitCode, String> {
    let messages = arguments.message_format;
    let report = match generate(&options(arguments)?) {
        Ok(report) => report,
        Err(failure) => return Ok(refuse(&failure, messages)),
    };
    if let Some(diff) = &report.diff {
        say(&mut io::stdout(), diff);
    }
    say(&mut io::stderr(), format!("{report}\n"));
    if report.stale {
        say(
            &mut io::stderr(),
            "the generated code is stale: `cargo run -p vigil-gen` brings it up to date\n",
        );
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn resolve(
    registry: Option<PathBuf>,
    format: ResolveFormat,
    messages: MessageFormat,
) -> Result<ExitCode, String> {
    let registry = match registry {
        Some(registry) => registry,
        None => workspace()?.join("semconv"),
    };
    let checked = match read_registry(&registry) {
        Ok(checked) => checked,
        Err(rejected) => return Ok(refuse(&Failure::from(rejected), messages)),
    };
    let format = match format {
        ResolveFormat::Yaml => PrintFormat::Yaml,
        ResolveFormat::Json => PrintFormat::Json,
    };
    say(&mut io::stdout(), checked.registry.print(format));
    Ok(ExitCode::SUCCESS)
}

fn schema(kind: SchemaKind) -> String {
    json_schema(match kind {
        SchemaKind::Definitions => FileKind::Definitions,
        SchemaKind::Groups => FileKind::Groups,
        SchemaKind::Manifest => FileKind::Manifest,
    })
}

fn explain_code(code: Option<&str>) -> ExitCode {
    let Some(code) = code else {
        let lines: Vec<String> = CODES
            .iter()
            .map(|it| format!("{}: {}\n", it.code, it.meaning))
            .collect();
        say(&mut io::stdout(), lines.concat());
        return ExitCode::SUCCESS;
    };
    // As it is printed, it stands in brackets.
    let code = code.trim_start_matches("error[").trim_end_matches(']');
    if let Some(found) = explain(code) {
        say(&mut io::stdout(), found);
        return ExitCode::SUCCESS;
    }
    let known = CODES.iter().map(|it| it.code);
    let help = match nearest(code, known) {
        Some(guess) => format!("did you mean `{guess}`?"),
        None => "`vigil-gen explain` lists all of them".to_owned(),
    };
    say(
        &mut io::stderr(),
        format!("error: there is no error code `{code}`\n\n{help}\n"),
    );
    ExitCode::from(2)
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

fn options(arguments: Arguments) -> Result<Options, String> {
    let Arguments {
        check,
        registry,
        templates,
        out,
        module,
        ..
    } = arguments;
    let workspace = match (&registry, &templates, &out) {
        (Some(_), Some(_), Some(_)) => PathBuf::new(),
        _ => workspace()?,
    };
    let or_default =
        |given: Option<PathBuf>, default: &str| given.unwrap_or_else(|| workspace.join(default));
    let mut options = Options::new(
        or_default(registry, "semconv"),
        or_default(templates, "templates"),
        or_default(out, "vigil/src/generated"),
    );
    options.module = module;
    options.check = check;
    if let Some(rustfmt) = env::var_os("RUSTFMT") {
        options.rustfmt = rustfmt.into();
    }
    Ok(options)
}

/// The nearest directory above that is a workspace, as a path from here where that is shorter to read.
fn workspace() -> Result<PathBuf, String> {
    let here = env::current_dir()
        .map_err(|error| format!("error: can't tell the current directory: {error}\n"))?;
    let found = here.ancestors().find(|dir| dir.join(MANIFEST).is_file());
    match found {
        Some(dir) if dir == here => Ok(PathBuf::new()),
        Some(dir) => Ok(dir.to_owned()),
        None => Err(no_workspace(&here)),
    }
}

fn no_workspace(here: &Path) -> String {
    format!(
        "error: there is no {MANIFEST} in {} or above it\n\n\
         Call vigil-gen within the workspace, or name all of --registry, --templates and --out.\n\
         For more information, try '--help'.\n",
        here.display()
    )
}
