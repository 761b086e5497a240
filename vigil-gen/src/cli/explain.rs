//! Says what an error code or a lint means.

use std::io;
use std::process::ExitCode;

use clap::Args;
use vigil_gen::diagnostic::{CODES, explain, nearest};
use vigil_gen::lint::{LINTS, find};

use super::say;

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The code or lint, as it stands in `error[..]` or `warning[..]`.
    code: Option<String>,
}

pub(super) fn run(arguments: &Explain) -> ExitCode {
    let Some(code) = &arguments.code else {
        let codes = CODES.iter().map(|it| (it.code, it.meaning.to_owned()));
        let all = codes.chain(LINTS.iter().map(|it| (it.name, it.meaning())));
        let lines = all.map(|(name, meaning)| format!("{name}: {meaning}\n"));
        say(&mut io::stdout(), lines.collect::<String>());
        return ExitCode::SUCCESS;
    };
    // As it is printed, it stands in brackets.
    let code = code.trim_start_matches("error[");
    let code = code.trim_start_matches("warning[").trim_end_matches(']');
    if let Some(found) = explain(code) {
        say(&mut io::stdout(), found);
        return ExitCode::SUCCESS;
    }
    if let Some(found) = find(code) {
        say(&mut io::stdout(), found);
        return ExitCode::SUCCESS;
    }
    let known = CODES.iter().map(|it| it.code);
    let known = known.chain(LINTS.iter().map(|it| it.name));
    let help = match nearest(code, known) {
        Some(guess) => format!("did you mean `{guess}`?"),
        None => "`vigil-gen explain` lists all of them".to_owned(),
    };
    say(
        &mut io::stderr(),
        format!("error: there is no error code or lint `{code}`\n\n{help}\n"),
    );
    ExitCode::from(2)
}
