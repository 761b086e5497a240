//! As many ticks as there can be, while the collector goes through its moods.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use vigil::config::Otlp;
use vigil::export::{ExportStats, Protocol, Signal};
use vigil::{VigConfig, VigGuard};
use vigil_tests::receiver::{Acknowledged, Answer, Receiver};

use super::Options;
use super::process::resident;
use super::tick::{Ends, LOG_RECORDS, SPANS, run as run_ticks, session};

/// How long the pipeline waits for an answer, with all retries.
const PATIENCE: Duration = Duration::from_secs(4);
/// Growth between the halves of a run that is no growth: allocators round.
const ROUNDING_KIB: u64 = 16 * 1024;

/// What the agents did.
#[derive(Default)]
struct Done {
    stop: AtomicBool,
    ticks: AtomicU64,
    longest_nanos: AtomicU64,
}

fn run_agent(done: &Done, session: &str, rate: Option<f64>) {
    let period = rate.map(|rate| Duration::from_secs_f64(1.0 / rate));
    let mut number = 0;
    while !done.stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        run_ticks(session, number, 1, &mut Ends::default());
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

/// Runs it, and says whether what must hold does.
pub(crate) fn run(options: &Options, protocol: Protocol) -> ExitCode {
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
            scope.spawn(move || run_agent(done, &session(number), rate));
        }
        let most = watch(options, &done, &guard, &receiver);
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
        (Signal::Traces, "spans", report.traces, ticks * (1 + SPANS)),
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
