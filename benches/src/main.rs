//! What a tick costs: `cargo run --release --manifest-path benches/Cargo.toml`.
//!
//! Each case is run by a process for each subject, so that none shares a subscriber, a provider or
//! an allocator's state with another.

mod cases;
mod check;
mod child;
mod driver;
mod pipeline;
mod profile;
mod report;
mod sinks;
mod subjects;

use std::io;
use std::process::ExitCode;

use clap::Parser;

use self::cases::{Case, Who};
use self::profile::Profile;

#[derive(Debug, Parser)]
#[command(about = "Measures what a tick costs, prints it and writes it into docs/performance.md.")]
struct Args {
    /// Fewer rounds; nothing is written.
    #[arg(long)]
    quick: bool,
    /// This case alone; nothing is written.
    #[arg(long, value_name = "CASE")]
    only: Option<Case>,
    /// Shows what one tick of each exports, and that it is the same.
    #[arg(long)]
    check: bool,
    /// Shows which functions the instructions of Vigil's tick are in; nothing is written.
    #[arg(long, value_name = "CASE")]
    profile: Option<Case>,
    #[command(subcommand)]
    child: Option<Child>,
}

#[derive(Clone, Copy, Debug, clap::Subcommand)]
enum Child {
    /// Ticks as it is told on standard input.
    #[command(hide = true)]
    Serve { case: Case, who: Who },
    /// Ticks so many times, under callgrind.
    #[command(hide = true)]
    Tick { case: Case, who: Who, ticks: u32 },
    /// Shows one tick.
    #[command(hide = true)]
    Show { who: Who },
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> io::Result<bool> {
    match args.child {
        Some(Child::Serve { case, who }) => child::serve(case, who).map(|()| true),
        Some(Child::Tick { case, who, ticks }) => {
            child::tick(case, who, ticks);
            Ok(true)
        }
        Some(Child::Show { who }) => {
            check::show(who);
            Ok(true)
        }
        None if args.check => check::run(),
        None if let Some(case) = args.profile => {
            let profile = Profile::of(case, case.who()[0])?;
            println!("{}", report::profile(&profile));
            for (function, instructions) in profile.functions() {
                println!("{instructions:>8.0}  {function}");
            }
            Ok(true)
        }
        None => {
            let cases: Vec<Case> = args.only.map_or(Case::ALL.to_vec(), |case| vec![case]);
            let results = driver::measure(&cases, args.quick)?;
            let report = report::Report::new(&results);
            println!("{report}");
            if args.only.is_none() && !args.quick {
                let profile = Profile::of(Case::Export, Who::Vigil)?;
                report.write(&profile)?;
            }
            Ok(true)
        }
    }
}
