//! The table, the ratios and the gates.

use std::fmt::{self, Write};
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::cases::{Case, Who};
use crate::driver::Measured;

/// What of `docs/performance.md` is written by this program.
const BEGIN: &str =
    "<!-- written by `cargo run --release --manifest-path benches/Cargo.toml` -->\n";
const END: &str = "<!-- end -->\n";

/// Calls of Vigil's in a tick: 19, and 6 ends.
const CALLS: f64 = 25.0;

pub(crate) struct Report<'a>(&'a [Measured]);

impl<'a> Report<'a> {
    pub(crate) fn new(results: &'a [Measured]) -> Self {
        Self(results)
    }

    /// Puts it into the docs.
    pub(crate) fn write(&self) -> io::Result<()> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/performance.md");
        let text = std::fs::read_to_string(&path)?;
        let parts = text.split_once(BEGIN).and_then(|(before, rest)| {
            let (_, after) = rest.split_once(END)?;
            Some((before, after))
        });
        let (before, after) =
            parts.ok_or_else(|| io::Error::other("docs/performance.md has no place for it"))?;
        std::fs::write(path, format!("{before}{BEGIN}\n{self}\n{END}{after}"))
    }

    fn find(&self, case: Case, who: Who) -> Option<&Measured> {
        let mut all = self.0.iter();
        all.find(|measured| measured.case == case && measured.who == who)
    }

    fn gates(&self) -> Vec<Gate> {
        let mut gates = Vec::new();
        let mut gate = |what: String, target: String, measured: Option<(String, bool)>| {
            if let Some((measured, met)) = measured {
                gates.push(Gate {
                    what,
                    target,
                    measured,
                    met,
                });
            }
        };
        let pair = |case, one, other| Some((self.find(case, one)?, self.find(case, other)?));
        let times = |ratio: f64, at_least: f64| (format!("{ratio:.2}×"), ratio >= at_least);
        let instructions = |pair: Option<(&Measured, &Measured)>| {
            let (one, other) = pair?;
            Some(other.instructions? / one.instructions?)
        };

        let off = self.find(Case::Off, Who::Vigil);
        gate(
            "off: allocations".into(),
            "0".into(),
            off.map(|off| (number(off.allocations), off.allocations == 0.0)),
        );
        gate(
            "off: fewer instructions than life-vigil".into(),
            "≥ 15×".into(),
            instructions(pair(Case::Off, Who::Vigil, Who::LifeVigil)).map(|it| times(it, 15.0)),
        );
        gate(
            "off: a call".into(),
            "≤ 2 ns".into(),
            off.map(|off| {
                let call = off.nanos / CALLS;
                (format!("{call:.2} ns"), call <= 2.0)
            }),
        );
        let export = pair(Case::Export, Who::Vigil, Who::LifeVigil);
        gate(
            "export: fewer instructions than life-vigil".into(),
            "≥ 1.6×".into(),
            instructions(export).map(|it| times(it, 1.6)),
        );
        gate(
            "export: fewer allocations than life-vigil".into(),
            "≥ 2.3×".into(),
            export.map(|(one, other)| times(other.allocations / one.allocations, 2.3)),
        );
        gate(
            "export: faster than life-vigil".into(),
            "≥ 1.35×".into(),
            export.map(|(_, other)| times(other.ratio[1], 1.35)),
        );
        gate(
            "export: instructions of the floor".into(),
            "≤ 1.7×".into(),
            instructions(pair(Case::Export, Who::Floor, Who::Vigil))
                .map(|it| (format!("{it:.2}×"), it <= 1.7)),
        );
        gate(
            "metrics alone: faster than life-vigil".into(),
            "≥ 1.6×".into(),
            self.find(Case::Metrics, Who::LifeVigil)
                .map(|other| times(other.ratio[1], 1.6)),
        );
        gate(
            "metrics alone, bound: faster than life-vigil".into(),
            "≥ 8×".into(),
            self.find(Case::Metrics, Who::LifeVigil)
                .zip(self.find(Case::Metrics, Who::VigilBound))
                .map(|(other, bound)| times(other.ratio[1] / bound.ratio[1], 8.0)),
        );
        for case in [Case::PrettyEvent, Case::JsonEvent] {
            for (who, lines) in [
                (Who::VigilEvents, "the same lines"),
                (Who::VigilInit, "with 7 more lines"),
            ] {
                gate(
                    format!("{case}: fewer instructions than life-vigil, {lines}"),
                    "≥ 1.6×".into(),
                    instructions(pair(case, who, Who::LifeVigil)).map(|it| times(it, 1.6)),
                );
            }
        }
        gate(
            "export, log lines: fewer instructions than life-vigil".into(),
            "≥ 1.6×".into(),
            instructions(pair(Case::ExportLines, Who::Vigil, Who::LifeVigil))
                .map(|it| times(it, 1.6)),
        );
        gates
    }
}

struct Gate {
    what: String,
    target: String,
    measured: String,
    met: bool,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", machine())?;
        let mut rows = vec![
            [
                "case",
                "",
                "instructions",
                "allocations",
                "bytes",
                "ns",
                "instructions ×",
                "time × (quartiles)",
            ]
            .map(str::to_owned),
        ];
        let mut last = None;
        for measured in self.0 {
            let case = measured.case;
            let first = self.find(case, case.who()[0]).unwrap_or(measured);
            let is_new = last.replace(case) != Some(case);
            let instructions = measured.instructions.map(number);
            let ratio = measured
                .instructions
                .zip(first.instructions)
                .map(|(one, other)| format!("{:.2}", one / other));
            let [low, middle, high] = measured.ratio;
            rows.push([
                if is_new {
                    case.to_string()
                } else {
                    String::new()
                },
                measured.who.title(case).to_owned(),
                instructions.unwrap_or_default(),
                number(measured.allocations),
                number(measured.bytes),
                number(measured.nanos),
                ratio.unwrap_or_default(),
                if is_new {
                    "1".to_owned()
                } else {
                    format!("{middle:.2} ({low:.2}…{high:.2})")
                },
            ]);
        }
        f.write_str(&table(&rows, 2))?;
        let mut rows = vec![["gate", "target", "measured", ""].map(str::to_owned)];
        rows.extend(self.gates().into_iter().map(|gate| {
            let met = if gate.met { "met" } else { "not met" };
            [gate.what, gate.target, gate.measured, met.to_owned()]
        }));
        if rows.len() > 1 {
            write!(f, "\n{}", table(&rows, 1))?;
        }
        Ok(())
    }
}

/// A table, its columns in line; those after the first `texts` are numbers.
fn table<const N: usize>(rows: &[[String; N]], texts: usize) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or_default().max(3)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for (at, row) in rows.iter().enumerate() {
        for (column, cell) in row.iter().enumerate() {
            let width = widths[column];
            let _ = if column < texts {
                write!(text, "| {cell:<width$} ")
            } else {
                write!(text, "| {cell:>width$} ")
            };
        }
        text.push_str("|\n");
        if at == 0 {
            for (column, width) in widths.iter().enumerate() {
                let dashes = "-".repeat(width + 1);
                let _ = if column < texts {
                    write!(text, "|{dashes}-")
                } else {
                    write!(text, "|{dashes}:")
                };
            }
            text.push_str("|\n");
        }
    }
    text
}

/// With commas; a decimal where it counts.
fn number(value: f64) -> String {
    if value < 100.0 && value.fract() > 0.005 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// When, with what and on what.
fn machine() -> String {
    let rustc = Command::new("rustc").arg("-V").output();
    let rustc = rustc.map_or_else(
        |_| "rustc".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    );
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let crates = [
        "tracing",
        "tracing-subscriber",
        "tracing-opentelemetry",
        "opentelemetry_sdk",
        "life-vigil",
    ];
    let crates = crates.map(|name| format!("{name} {}", versions(name).join(" and ")));
    format!(
        "{}, {rustc}, {}. {cpu}, {cores} cores.",
        today(),
        crates.join(", ")
    )
}

/// The versions of a crate in the lock file.
fn versions(name: &str) -> Vec<&'static str> {
    let lock = include_str!("../Cargo.lock");
    let wanted = format!("name = \"{name}\"");
    let lines = lock.lines().collect::<Vec<_>>();
    lines
        .windows(2)
        .filter(|pair| pair[0] == wanted)
        .filter_map(|pair| pair[1].strip_prefix("version = \"")?.strip_suffix('"'))
        .collect()
}

/// The date, in UTC.
fn today() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let days = now.map_or(0, |now| now.as_secs() / 86_400);
    // Days are counted from the March of year 0, so that leap days come last.
    let days = days + 719_468;
    let era = days / 146_097;
    let day = days % 146_097;
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    format!("{:04}-{month:02}-{date:02}", year + era * 400 + next)
}
