//! Says what an error code means.

use std::io;
use std::process::ExitCode;

use clap::Args;
use vigil_gen::diagnostic::{CODES, explain, nearest};

use super::say;

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The code, as it stands in `error[..]`.
    code: Option<String>,
}

pub(super) fn run(arguments: &Explain) -> ExitCode {
    let Some(code) = &arguments.code else {
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
