//! A measuring process: what it does, and what it says of itself.

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use clap::ValueEnum as _;
use vigil_gen::{Options, read_registry, render_unformatted};

use crate::{Stage, this_program};

/// What one stage costs.
#[derive(Clone, Debug)]
pub(crate) struct Cost {
    /// The time of the stage alone: the shortest, since others only make it longer.
    pub(crate) time: Duration,
    /// The most memory that the process held, in bytes, when it had run once.
    pub(crate) memory: u64,
    /// Instructions of the process from its start; none where they were not counted, or there is no
    /// valgrind.
    pub(crate) instructions: Option<u64>,
}

/// Runs a stage and prints the peak of memory after the first run and the time of each.
pub(crate) fn run(stage: Stage, registry: &Path, runs: usize) -> Result<(), Box<dyn Error>> {
    let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../templates");
    let options = Options::new(registry, templates, "out");
    for index in 0..runs.max(1) {
        let start = Instant::now();
        let checked = read_registry(registry)?;
        let read = start.elapsed();
        let start = Instant::now();
        let time = match stage {
            Stage::Read => read,
            Stage::Render => {
                black_box(render_unformatted(&checked, &options)?);
                start.elapsed()
            }
        };
        black_box(checked);
        if index == 0 {
            println!("{}", peak()?);
        }
        println!("{}", time.as_nanos());
    }
    Ok(())
}

/// The most memory that this process ever held.
fn peak() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or("no VmHWM")?.parse::<u64>()? * 1024)
}

/// Has a child run a stage.
pub(crate) fn measure(
    stage: Stage,
    registry: &Path,
    runs: usize,
    count: bool,
) -> Result<Cost, Box<dyn Error>> {
    let mut command = this_program()?;
    let output = arguments(&mut command, stage, registry, runs).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let numbers = String::from_utf8(output.stdout)?;
    let mut numbers = numbers.lines().map(str::parse::<u64>);
    let memory = numbers.next().ok_or("the child said nothing")??;
    let times = numbers.collect::<Result<Vec<u64>, _>>()?;
    let shortest = times
        .into_iter()
        .min()
        .ok_or("the child measured nothing")?;
    Ok(Cost {
        time: Duration::from_nanos(shortest),
        memory,
        instructions: count.then(|| instructions(stage, registry)).flatten(),
    })
}

/// Instructions of one run, as valgrind counts them.
fn instructions(stage: Stage, registry: &Path) -> Option<u64> {
    let mut command = Command::new("valgrind");
    command.args([
        "--tool=cachegrind",
        "--cache-sim=no",
        "--cachegrind-out-file=/dev/null",
    ]);
    command.arg(std::env::current_exe().ok()?);
    let output = arguments(&mut command, stage, registry, 1).output().ok()?;
    let said = String::from_utf8(output.stderr).ok()?;
    let line = said.lines().find(|line| line.contains(" refs:"))?;
    let number: String = line
        .rsplit(':')
        .next()?
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    number.parse().ok()
}

fn arguments<'a>(
    command: &'a mut Command,
    stage: Stage,
    registry: &Path,
    runs: usize,
) -> &'a mut Command {
    let name = stage
        .to_possible_value()
        .map_or_else(String::new, |it| it.get_name().to_owned());
    command
        .args(["--runs", &runs.to_string(), "--child", &name])
        .arg(registry)
}
