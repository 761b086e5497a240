//! Starts the processes that tick, and reads what they say.

use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::cases::{Case, Who};

/// What was measured of one subject in one case, a tick each.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    pub(crate) case: Case,
    pub(crate) who: Who,
    /// None without valgrind.
    pub(crate) instructions: Option<f64>,
    pub(crate) allocations: f64,
    pub(crate) bytes: f64,
    /// The median.
    pub(crate) nanos: f64,
    /// How many times as long as the first subject's, in the same round: the quartiles.
    pub(crate) ratio: [f64; 3],
}

/// Measures the cases.
pub(crate) fn measure(cases: &[Case], quick: bool) -> io::Result<Vec<Measured>> {
    let valgrind = Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !valgrind {
        eprintln!("valgrind is not there: no instructions are counted");
    }
    let rounds = if quick { 20 } else { 200 };
    let mut all = Vec::new();
    for &case in cases {
        eprintln!("{case} …");
        all.extend(measure_case(case, rounds, valgrind)?);
    }
    Ok(all)
}

fn measure_case(case: Case, rounds: usize, valgrind: bool) -> io::Result<Vec<Measured>> {
    let who = case.who();
    let ticks = case.ticks();
    let mut servers = who
        .iter()
        .map(|who| Server::start(case, *who))
        .collect::<io::Result<Vec<_>>>()?;
    let mut nanos = vec![Vec::with_capacity(rounds); who.len()];
    for round in 0..rounds {
        // Each is first as often as the others.
        for place in 0..who.len() {
            let at = (round + place) % who.len();
            let [taken] = servers[at].ask(&format!("time {ticks}"))?;
            nanos[at].push(taken / f64::from(ticks));
        }
    }
    let mut measured = Vec::new();
    for (at, &who) in who.iter().enumerate() {
        let [allocations, bytes] = servers[at].ask(&format!("count {ticks}"))?;
        let pairs = nanos[at].iter().zip(&nanos[0]);
        let ratios: Vec<f64> = pairs.map(|(nanos, first)| nanos / first).collect();
        measured.push(Measured {
            case,
            who,
            instructions: None,
            allocations: allocations / f64::from(ticks),
            bytes: bytes / f64::from(ticks),
            nanos: quantile(&nanos[at], 2),
            ratio: [1, 2, 3].map(|quarter| quantile(&ratios, quarter)),
        });
    }
    drop(servers);
    if valgrind {
        for measured in &mut measured {
            measured.instructions = Some(instructions(case, measured.who)?);
        }
    }
    Ok(measured)
}

/// The first, second or third quartile.
fn quantile(values: &[f64], quarter: usize) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[(values.len() - 1) * quarter / 4]
}

/// This program, told to be a child, with nothing in its environment that telemetry reads.
fn arguments(mode: &str, case: Case, who: Who) -> io::Result<Vec<std::ffi::OsString>> {
    let program = std::env::current_exe()?;
    Ok(vec![
        program.into(),
        mode.into(),
        case.name().into(),
        who.name().into(),
    ])
}

/// How many ticks are counted.
pub(crate) fn callgrind_ticks(case: Case) -> u32 {
    case.ticks().min(300)
}

/// Instructions of a tick, counted on the thread that ticks.
fn instructions(case: Case, who: Who) -> io::Result<f64> {
    let collected = callgrind(case, who, Path::new("/dev/null"))?;
    Ok(collected / f64::from(callgrind_ticks(case)))
}

/// Counts the instructions of all ticks, and writes to `file` whose they are.
pub(crate) fn callgrind(case: Case, who: Who, file: &Path) -> io::Result<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--vgdb=no"])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .args(["--collect-atstart=no", "--toggle-collect=*measured_ticks*"])
        .args(arguments("tick", case, who)?)
        .arg(callgrind_ticks(case).to_string())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said.lines().find_map(|line| {
        let (_, collected) = line.split_once("Collected : ")?;
        collected.trim().parse::<f64>().ok()
    });
    match collected {
        Some(collected) if output.status.success() => Ok(collected),
        _ => Err(io::Error::other(format!("callgrind failed: {said}"))),
    }
}

/// A process that ticks when it is told to.
struct Server {
    process: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Server {
    fn start(case: Case, who: Who) -> io::Result<Self> {
        let arguments = arguments("serve", case, who)?;
        let mut process = Command::new(&arguments[0])
            .args(&arguments[1..])
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let answers = process.stdout.take().map(BufReader::new);
        Ok(Self {
            questions: process.stdin.take(),
            answers: answers.ok_or_else(|| io::Error::other("no answers"))?,
            process,
        })
    }

    fn ask<const N: usize>(&mut self, question: &str) -> io::Result<[f64; N]> {
        if let Some(questions) = &mut self.questions {
            writeln!(questions, "{question}")?;
            questions.flush()?;
        }
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        let numbers = answer.split_whitespace().map(str::parse);
        let numbers = numbers.collect::<Result<Vec<f64>, _>>();
        numbers
            .ok()
            .and_then(|numbers| numbers.try_into().ok())
            .ok_or_else(|| io::Error::other(format!("`{question}` was answered `{answer}`")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.questions.take());
        let _ = self.process.wait();
    }
}
