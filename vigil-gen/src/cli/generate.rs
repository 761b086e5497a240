//! Brings the generated files up to date, or compares.

use std::env;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use vigil_gen::{Options, generate, is_module_path};

use super::{Judged, Stop, Which, config, say, warn};

#[derive(Debug, Args)]
pub(super) struct Generate {
    /// Compare only: print a unified diff of what is stale, missing or orphaned, and exit 1 if
    /// there is any.
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    pub(super) which: Which,
    /// The directory of templates of your own; those that it lacks are built in.
    #[arg(long, value_name = "DIR")]
    templates: Option<PathBuf>,
    /// The directory of the generated code.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The Rust path of the module that stands in that directory, from `crate` [default:
    /// crate::generated].
    #[arg(long, value_name = "PATH", value_parser = module_path)]
    module: Option<String>,
    /// Put each namespace behind a feature of its name. Which they are, and what they need of each
    /// other, is written into a marked part of the Cargo.toml nearest to the generated code.
    #[arg(long)]
    features_per_namespace: bool,
    #[command(flatten)]
    judged: Judged,
}

fn module_path(text: &str) -> Result<String, String> {
    if is_module_path(text) {
        Ok(text.to_owned())
    } else {
        Err("it is a path from `crate`, such as `crate::telemetry`".to_owned())
    }
}

pub(super) fn run(arguments: Generate) -> Result<ExitCode, Stop> {
    let messages = arguments.which.message_format;
    let report = generate(&options(arguments)?)?;
    warn(&report.warnings, messages);
    if let Some(diff) = &report.diff {
        say(&mut io::stdout(), diff);
    }
    say(&mut io::stderr(), format!("{report}\n"));
    if report.stale {
        say(
            &mut io::stderr(),
            "the generated code is stale: the same call without `--check` brings it up to date\n",
        );
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn options(arguments: Generate) -> Result<Options, Stop> {
    let Generate {
        check,
        which,
        templates,
        out,
        module,
        features_per_namespace,
        judged,
    } = arguments;
    let mut options = match (which.registry, out, &which.config) {
        (Some(registry), Some(out), None) => {
            let mut options = Options::new(registry, "", out);
            options.templates = None;
            options
        }
        (registry, out, named) => {
            let mut config = config(named.as_deref(), "both --registry and --out")?;
            let instead = [
                ("registry", registry.is_some()),
                ("templates", templates.is_some()),
            ];
            let relied_on = instead.iter().filter(|(_, given)| !given);
            let relied_on: Vec<&str> = relied_on.map(|(key, _)| *key).collect();
            config.require_directories(&relied_on)?;
            config.registry = registry.unwrap_or(config.registry);
            config.out = out.or(config.out);
            config.options()
        }
    };
    options.templates = templates.or(options.templates);
    options.module = module.unwrap_or(options.module);
    options.features_per_namespace |= features_per_namespace;
    judged.give(&mut options.lints)?;
    options.today = judged.today;
    options.check = check;
    if let Some(rustfmt) = env::var_os("RUSTFMT") {
        options.rustfmt = rustfmt.into();
    }
    Ok(options)
}
