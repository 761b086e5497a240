//! Runs agents as fast as they can against a collector that flaps, and checks what must hold:
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
//! and that is what is counted. It exits with 1 if one of the three does not hold. The receiver is in the same process and counts
//! without keeping, so memory is that of both.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use vigil::config::Otlp;
use vigil::export::{ExportStats, Protocol, Signal};
use vigil::records::gen_ai::TokenUsage;
use vigil::records::life::Budget;
use vigil::semconv::gen_ai::ProviderName;
use vigil::semconv::life::OperatingMode;
use vigil::{
    Deliberate, Execute, Perceive, Reflect, VigConfig, VigGuard, agent_span, chat_span, phase_span,
    tool_span,
};
use vigil_tests::receiver::{Acknowledged, Answer, Receiver};

/// Spans of a tick.
const SPANS: u64 = 7;
/// Log records of a tick: a line, and a change of mode.
const LOG_RECORDS: u64 = 2;
/// How long the pipeline waits for an answer, with all retries.
const PATIENCE: Duration = Duration::from_secs(4);
/// Growth between the halves of a run that is no growth: allocators round.
const ROUNDING_KIB: u64 = 16 * 1024;

#[derive(Parser)]
#[command(about = "Vigil under load, against a collector that is rarely well")]
struct Options {
    /// How long the agents run
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Agents, each on a thread of its own
    #[arg(long, default_value_t = 16)]
    threads: usize,
    /// Ticks a second of each agent; as many as it can if not given
    #[arg(long)]
    rate: Option<f64>,
    /// `http/protobuf`, `http/json` or `grpc`
    #[arg(long, default_value = "http/protobuf")]
    protocol: String,
    /// Milliseconds that a tick may take, on the clock
    #[arg(long, default_value_t = 2_000)]
    longest_tick: u64,
}

/// What the agents did.
#[derive(Default)]
struct Done {
    stop: AtomicBool,
    ticks: AtomicU64,
    longest_nanos: AtomicU64,
}

fn tick(session: &str, number: u64) {
    let agent = agent_span(session, "soak").run_id("r-1").start();
    phase_span(&agent, Perceive).record_budget(&Budget::new(1_000).cost_remaining_usd(2.5));
    let deliberate = phase_span(&agent, Deliberate);
    let chat = chat_span(&deliberate, "claude-sonnet-4-5", ProviderName::Anthropic)
        .request_max_tokens(4_096)
        .start();
    chat.in_scope(|| tracing::info!(number, "asking the model"));
    chat.record_token_usage(&TokenUsage::default().input_tokens(1_200).output_tokens(80));
    chat.record_finish_reason("stop");
    drop((chat, deliberate));
    let execute = phase_span(&agent, Execute);
    let tool = tool_span(&execute, "shell", "call-1").start();
    let _: Result<(), std::fmt::Error> = tool.run_blocking(|| Err(std::fmt::Error));
    drop((tool, execute));
    phase_span(&agent, Reflect)
        .record_mode_transition(OperatingMode::Explore, OperatingMode::Recover);
}

fn run_agent(done: &Done, session: &str, rate: Option<f64>) {
    let period = rate.map(|rate| Duration::from_secs_f64(1.0 / rate));
    let mut number = 0;
    while !done.stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        tick(session, number);
        let took = begun.elapsed();
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        done.longest_nanos.fetch_max(nanos, Ordering::Relaxed);
        done.ticks.fetch_add(1, Ordering::Relaxed);
        number += 1;
        if let Some(rest) = period.and_then(|period| period.checked_sub(took)) {
            std::thread::sleep(rest);
        }
    }
}

/// What the collector does, in turn, and how it is called.
fn moods() -> Vec<(&'static str, Answer)> {
    vec![
        ("accepts", Answer::Accept),
        ("disconnects", Answer::Disconnect),
        ("accepts", Answer::Accept),
        ("is slow", Answer::Slow(Duration::from_millis(150))),
        ("is busy", Answer::Later(None)),
        ("rejects a part", Answer::Partial(3, "too many")),
        ("is busy, come in 1 s", Answer::Later(Some(1))),
        ("accepts", Answer::Accept),
        ("refuses", Answer::Never("no")),
        ("hangs", Answer::Hang),
    ]
}

/// Memory that this process holds, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.trim().parse().ok()).unwrap_or(0)
}

fn show(name: &str, stats: ExportStats, received: Acknowledged) {
    println!(
        "{name:>11}: {} made, {} received, {} lost (dropped {}, rejected {}, failed {}), {} pending",
        stats.created,
        received.taken,
        stats.lost(),
        stats.dropped,
        stats.rejected,
        stats.failed,
        stats.pending
    );
}

/// Spoils the collector's mood and tells how it goes until the time is over; the most memory that
/// each half took.
fn watch(options: &Options, done: &Done, guard: &VigGuard, receiver: &Receiver) -> [u64; 2] {
    let begun = Instant::now();
    let whole = Duration::from_secs(options.seconds);
    // All moods in each half, or they are no halves.
    let turn = (whole / 40).clamp(Duration::from_millis(300), Duration::from_secs(3));
    let moods = moods();
    let mut most = [0, 0];
    let mut told = 0;
    let mut turns = 0_usize;
    let mut turned = begun;
    while begun.elapsed() < whole {
        let elapsed = begun.elapsed();
        let half = usize::from(elapsed > whole / 2);
        most[half] = most[half].max(resident());
        if turned.elapsed() >= turn {
            turns += 1;
            turned = Instant::now();
        }
        let (name, answer) = &moods[turns % moods.len()];
        receiver.always(answer.clone());
        if elapsed.as_secs() >= told {
            told += 5;
            let stats = guard.stats(Signal::Traces);
            println!(
                "{:>4} s  {:>9} ticks  {:>6} MiB  longest tick {:>6.1} ms  {:>9} spans delivered  \
                 {:>9} lost  the collector {name}",
                elapsed.as_secs(),
                done.ticks.load(Ordering::Relaxed),
                resident() / 1024,
                longest(done).as_secs_f64() * 1_000.0,
                stats.delivered,
                stats.lost(),
            );
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    most
}

fn longest(done: &Done) -> Duration {
    Duration::from_nanos(done.longest_nanos.load(Ordering::Relaxed))
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
    let receiver = Receiver::plain(protocol == Protocol::Grpc);
    receiver.count_only();
    let config = VigConfig::new().service_name("soak").otlp(
        Otlp::new()
            .endpoint(receiver.url(""))
            .protocol(protocol)
            .timeout(PATIENCE),
    );
    // What it says of outages, and every line of every tick, is of no interest here.
    let guard = match vigil::init_with_writer(&config, std::io::sink()) {
        Ok(guard) => guard,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };

    let done = Done::default();
    let most = std::thread::scope(|scope| {
        for number in 0..options.threads {
            let (done, rate) = (&done, options.rate);
            scope.spawn(move || run_agent(done, &format!("s-{number}"), rate));
        }
        let most = watch(&options, &done, &guard, &receiver);
        done.stop.store(true, Ordering::Relaxed);
        most
    });
    // Whatever is under way is answered, or given up, before the collector is asked what it has.
    receiver.always(Answer::Accept);
    std::thread::sleep(PATIENCE);
    let report = guard.shutdown(Duration::from_secs(60));

    let ticks = done.ticks.load(Ordering::Relaxed);
    let longest = longest(&done);
    println!(
        "{ticks} ticks on {} threads over {protocol}",
        options.threads
    );
    let mut sound = true;
    let mut check = |holds: bool, what: String| {
        println!("{} {what}", if holds { "holds:   " } else { "VIOLATED:" });
        sound &= holds;
    };
    for (signal, name, stats, made) in [
        (Signal::Traces, "spans", report.traces, ticks * SPANS),
        (
            Signal::Logs,
            "log records",
            report.logs,
            ticks * LOG_RECORDS,
        ),
    ] {
        let collector = receiver.acknowledged(signal);
        show(name, stats, collector);
        check(
            stats.created == made,
            format!(
                "{name} made, {made}, are all in the book: {}",
                stats.created
            ),
        );
        check(
            made == collector.taken + stats.lost(),
            format!(
                "{name} made, {made}, are those received, {}, and those lost, {}",
                collector.taken,
                stats.lost()
            ),
        );
        check(
            collector.rejected == stats.rejected,
            format!("{name} rejected, {}, are those reported", stats.rejected),
        );
    }
    let [first, second] = most.map(|kib| kib / 1024);
    check(
        most[1] <= most[0] + most[0] / 10 + ROUNDING_KIB,
        format!("memory stays: {first} MiB at most in the first half, {second} MiB in the second"),
    );
    check(
        longest <= Duration::from_millis(options.longest_tick),
        format!(
            "nobody waits: the longest tick took {:.1} ms",
            longest.as_secs_f64() * 1_000.0
        ),
    );
    check(report.in_time, "the shutdown kept its bound".to_owned());
    ExitCode::from(u8::from(!sound))
}
