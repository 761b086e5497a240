//! Makes a crate to begin with.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use vigil_gen::{InitError, Start, Vigil, init, workspace_around};

use super::say;

#[derive(Debug, Args)]
pub(super) struct Init {
    /// The directory of the new crate: empty, or not there yet.
    dir: PathBuf,
    /// The name of the crate, and of the namespace of its keys [default: the directory's].
    #[arg(long)]
    name: Option<String>,
    /// Which `vigil` it depends on: the directory of one, or a version [default: this one's].
    #[arg(long, value_name = "PATH|VERSION", value_parser = vigil)]
    vigil: Option<Vigil>,
}

fn vigil(text: &str) -> Result<Vigil, String> {
    let manifest = Path::new(text).join("Cargo.toml");
    if manifest.is_file() {
        let is_vigil = fs::read_to_string(&manifest).is_ok_and(|text| {
            let mut lines = text.lines();
            lines.any(|line| line.replace(' ', "") == "name=\"vigil\"")
        });
        return if is_vigil {
            Ok(Vigil::Path(PathBuf::from(text)))
        } else {
            Err(format!("{} is not that of `vigil`", manifest.display()))
        };
    }
    let requirement = text.trim_start_matches(['^', '~', '=', ' ']);
    let is_version = requirement.starts_with(|c: char| c.is_ascii_digit())
        && requirement
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || ".-+".contains(c));
    if is_version {
        Ok(Vigil::Version(text.to_owned()))
    } else {
        Err("it is the directory of a `vigil`, or a version such as `0.1`".to_owned())
    }
}

pub(super) fn run(arguments: Init) -> ExitCode {
    let Init { dir, name, vigil } = arguments;
    let start = Start {
        dir,
        name,
        vigil: vigil.unwrap_or_else(|| Vigil::Version(env!("CARGO_PKG_VERSION").to_owned())),
        rustfmt: env::var_os("RUSTFMT").map_or_else(|| "rustfmt".into(), PathBuf::from),
    };
    match init(&start) {
        Ok(report) => {
            let dir = start.dir.display();
            let mut text = format!(
                "{report}\n\n{dir} is a crate: `cargo run --example job` there shows what it says\n"
            );
            if let Some(workspace) = workspace_around(&start.dir) {
                let members = format!("list it under `members` of {}\n", workspace.display());
                text.push_str(&members);
            }
            say(&mut io::stderr(), text);
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&mut io::stderr(), &error);
            match error {
                InitError::Usage(..) => ExitCode::from(2),
                _ => ExitCode::FAILURE,
            }
        }
    }
}
