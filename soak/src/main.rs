//! Runs agents against a collector and checks what must hold.
//!
//! Without more said, the agents run as fast as they can and the collector flaps:
//!
//! - Memory stays bounded: the most that the second half of the run takes is little more than the
//!   most that the first half took.
//! - Nobody waits: no tick of an agent takes longer than `--longest-tick`.
//! - Nothing goes uncounted: `made = received + lost`, for spans and for log records, to the last one.
//!   Made is what the agents made. Received is what the collector took and said so, the answer written
//!   to the last byte. Lost is what the pipeline reports as lost: dropped, rejected, failed.
//!
//! The last needs that an answer that was written is also read. The collector is never slower than
//! the pipeline is patient, and is well again before the end. If the machine stands still for so long
//! that a client gives up on an answer that is already under way, its batch is both received and
//! reported lost, or received twice: the sum is too large then, never too small.
//!
//! The agents outrun the pipeline unless `--rate` holds them back: then most of what they make is lost,
//! and that is what is counted. The receiver is in the same process and counts without keeping, so
//! memory is that of both.
//!
//! With `--spans-per-second` or `--burst` the collector runs in a process of its own, costs as little as
//! it can and is always the same: it accepts, and then nothing may be lost, or it does what
//! `--collector` says. What a span's end and a tick took on the agents' threads is told, and the CPU
//! time of agents, export threads and collector, as far as the system tells it.
//!
//! It exits with 1 if something does not hold.

mod collector;
mod flaps;
mod process;
mod steady;
mod tick;

use std::process::ExitCode;

use clap::Parser;
use vigil::export::Protocol;

use self::collector::Mood;
use self::steady::Pace;

#[derive(Parser)]
#[command(about = "Vigil under load")]
struct Options {
    /// How long the agents run
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Agents, each on a thread of its own
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: u16,
    /// Ticks of a run, with `--spans-per-second` or `--burst`
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    ticks: u64,
    /// Ticks a second of each agent; as many as it can if not given
    #[arg(long)]
    rate: Option<f64>,
    /// `http/protobuf`, `http/json` or `grpc`
    #[arg(long, default_value = "http/protobuf")]
    protocol: String,
    /// Milliseconds that a tick may take, on the clock
    #[arg(long, default_value_t = 2_000)]
    longest_tick: u64,
    /// Spans a second of all agents together, to a collector that does not change
    #[arg(long, conflicts_with_all = ["rate", "protocol"])]
    spans_per_second: Option<u32>,
    /// The agents compute between their ticks, and leave no CPU idle, with `--spans-per-second`
    #[arg(long, requires = "spans_per_second")]
    busy: bool,
    /// Spans of all agents together, at once
    #[arg(long, conflicts_with_all = ["rate", "protocol", "spans_per_second"])]
    burst: Option<u64>,
    /// What the collector does, with `--spans-per-second` or `--burst`
    #[arg(long, default_value = "accepts")]
    collector: Mood,
    /// Be such a collector
    #[arg(long, hide = true)]
    serve: Option<Mood>,
}

/// Starts this program again, with one heap for all threads: the allocator gives each its own unless
/// told otherwise, and what is scattered over them grows for minutes, as if it leaked.
fn with_one_heap() -> Option<ExitCode> {
    const HEAPS: &str = "MALLOC_ARENA_MAX";
    if std::env::var_os(HEAPS).is_some() {
        return None;
    }
    let program = std::env::current_exe().ok()?;
    let status = std::process::Command::new(program)
        .args(std::env::args_os().skip(1))
        .env(HEAPS, "1")
        .status()
        .ok()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Some(ExitCode::from(code.unwrap_or(1)))
}

fn main() -> ExitCode {
    let options = Options::parse();
    if let Some(mood) = options.serve {
        return collector::serve(mood);
    }
    if let Some(code) = with_one_heap() {
        return code;
    }
    let protocol = match options.protocol.as_str() {
        "http/protobuf" => Protocol::HttpProtobuf,
        "http/json" => Protocol::HttpJson,
        "grpc" => Protocol::Grpc,
        other => {
            eprintln!("`{other}` is no protocol");
            return ExitCode::from(2);
        }
    };
    match (options.spans_per_second, options.burst) {
        (Some(spans), _) => steady::run(&options, Pace::PerSecond(spans.into()), options.collector),
        (_, Some(spans)) => steady::run(&options, Pace::Burst(spans), options.collector),
        (None, None) => flaps::run(&options, protocol),
    }
}
