//! So many spans a second, or all at once, to a collector that always does the same.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use vigil::config::Otlp;
use vigil::export::{ExportStats, Signal};
use vigil::{ShutdownReport, VigConfig, VigGuard};

use super::Options;
use super::collector::{Collector, Mood, Report};
use super::process::{Ran, resident, threads};
use super::tick::{self, Ends, LOG_RECORDS, SPANS, nanos, record, session};

/// How long the shutdown may take.
const BOUND: Duration = Duration::from_secs(10);

/// How much is made, and how fast.
#[derive(Clone, Copy)]
pub(crate) enum Pace {
    /// So many spans a second, for as long as the options say.
    PerSecond(f64),
    /// So many spans, as fast as they come.
    Burst(u64),
}

/// What one agent did.
struct Done {
    runs: u64,
    ends: Histogram<u64>,
    whole: Histogram<u64>,
    ran: Ran,
}

impl Default for Done {
    fn default() -> Self {
        Self {
            runs: 0,
            ends: nanos(),
            whole: nanos(),
            ran: Ran::default(),
        }
    }
}

/// The agent's, and those of its ticks.
fn spans_of_run(options: &Options) -> u64 {
    1 + SPANS * options.ticks
}

fn run_agent(session: &str, pace: Pace, options: &Options, stop: &AtomicBool) -> Done {
    let threads = u64::from(options.threads);
    let mut ends = Ends::timed();
    let mut whole = nanos();
    let before = Ran::this_thread();
    let (period, most) = match pace {
        #[allow(clippy::cast_precision_loss, reason = "nobody has so many threads")]
        Pace::PerSecond(spans) => {
            let seconds = (spans_of_run(options) * threads) as f64 / spans;
            (Some(Duration::from_secs_f64(seconds)), u64::MAX)
        }
        Pace::Burst(spans) => (None, spans.div_ceil(spans_of_run(options) * threads)),
    };
    let mut runs = 0;
    let mut due = Instant::now();
    while runs < most && !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        tick::run(session, runs, options.ticks, &mut ends);
        record(&mut whole, begun);
        runs += 1;
        if let Some(period) = period {
            // Who is late catches up: it is the pace that counts.
            due += period;
            if options.busy {
                while Instant::now() < due && !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            } else {
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
            }
        }
    }
    let after = Ran::this_thread();
    Done {
        runs,
        ends: ends.into_times().unwrap_or_else(nanos),
        whole,
        ran: Ran {
            cpu: after.cpu.saturating_sub(before.cpu),
            waited: after.waited.saturating_sub(before.waited),
        },
    }
}

/// Runs it, and says whether what must hold does.
pub(crate) fn run(options: &Options, pace: Pace, mood: Mood) -> ExitCode {
    let collector = match Collector::start(mood) {
        Ok(collector) => collector,
        Err(error) => {
            eprintln!("there is no collector: {error}");
            return ExitCode::from(2);
        }
    };
    let config = VigConfig::new()
        .service_name("soak")
        .otlp(Otlp::new().endpoint(collector.url()));
    // What it says of outages, and every line of every tick, is of no interest here.
    let guard = match vigil::init_with_writer(&config, std::io::sink()) {
        Ok(guard) => guard,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let stop = AtomicBool::new(false);
    let most = AtomicU64::new(0);
    let begun = Instant::now();
    let agents = std::thread::scope(|scope| {
        let stop = &stop;
        let agents: Vec<_> = (0..options.threads)
            .map(|number| scope.spawn(move || run_agent(&session(number), pace, options, stop)))
            .collect();
        watch(options, pace, &guard, &most, || {
            agents.iter().all(ScopedJoinHandle::is_finished)
        });
        stop.store(true, Ordering::Relaxed);
        agents
            .into_iter()
            .map(|agent| agent.join().expect("an agent does not panic"))
            .collect::<Vec<_>>()
    });
    let took = begun.elapsed();
    let exporters = threads("vigil-");
    let report = guard.shutdown(BOUND);
    let received = match collector.end() {
        Ok(received) => received,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };

    let mut sum = Done::default();
    for done in agents {
        sum.runs += done.runs;
        sum.ends += done.ends;
        sum.whole += done.whole;
        sum.ran += done.ran;
    }
    tell(options, &sum, &exporters, &report, &received, took);
    println!(
        "memory: {} MiB at most",
        most.load(Ordering::Relaxed) / 1024
    );
    ExitCode::from(u8::from(!check(
        options, pace, mood, &sum, &report, &received, took,
    )))
}

fn tell(
    options: &Options,
    sum: &Done,
    exporters: &[(String, Ran)],
    report: &ShutdownReport,
    received: &Report,
    took: Duration,
) {
    let spans = sum.runs * spans_of_run(options);
    show("spans", report.traces, received.spans, took);
    show("log records", report.logs, received.log_records, took);
    show("data points", report.metrics, received.data_points, took);
    times("a span's end", &sum.ends);
    times("a run", &sum.whole);
    cpu("the agents", sum.ran, spans);
    for (name, ran) in exporters {
        cpu(name, *ran, spans);
    }
    let collector = Ran {
        cpu: received.cpu,
        waited: Duration::ZERO,
    };
    cpu("the collector", collector, spans);
    for (name, items, count) in [
        ("spans", received.spans, received.traces),
        ("log records", received.log_records, received.logs),
        ("data points", received.data_points, received.metrics),
    ] {
        if items > 0 {
            println!(
                "on the wire: {items} {name} in {} requests, {:.1} bytes each, {:.1} uncompressed",
                count.requests,
                ratio(count.bytes, items),
                ratio(count.inflated, items),
            );
        }
    }
}

/// Whether what must hold does.
fn check(
    options: &Options,
    pace: Pace,
    mood: Mood,
    sum: &Done,
    report: &ShutdownReport,
    received: &Report,
    took: Duration,
) -> bool {
    let mut sound = true;
    let mut check = |holds: bool, what: String| {
        println!("{} {what}", if holds { "holds:   " } else { "VIOLATED:" });
        sound &= holds;
    };
    let (spans, records) = (
        sum.runs * spans_of_run(options),
        sum.runs * options.ticks * LOG_RECORDS,
    );
    for (name, stats, made, taken) in [
        ("spans", report.traces, spans, received.spans),
        ("log records", report.logs, records, received.log_records),
    ] {
        let (delivered, lost) = (stats.delivered, stats.lost());
        check(
            made == stats.created && made == delivered + lost,
            format!("{name} made, {made}, are delivered, {delivered}, or lost, {lost}"),
        );
        check(
            delivered <= taken,
            format!("{name} delivered are among those that the collector took, {taken}"),
        );
        if mood == Mood::Accepts {
            check(lost == 0, format!("no {name} are lost: {lost}"));
        }
    }
    if let Pace::PerSecond(asked) = pace {
        let rate = per_second(spans, took);
        check(
            rate >= asked * 0.95,
            format!("the pace is kept: {rate:.0} spans a second"),
        );
    }
    let longest = Duration::from_nanos(sum.whole.max());
    check(
        longest <= Duration::from_millis(options.longest_tick),
        format!("nobody waits: the longest run took {}", shown(longest)),
    );
    check(report.in_time, "the shutdown kept its bound".to_owned());
    sound
}

/// Until the time is over or all is done; notes the most memory that it took.
fn watch(
    options: &Options,
    pace: Pace,
    guard: &VigGuard,
    most: &AtomicU64,
    is_done: impl Fn() -> bool,
) {
    let begun = Instant::now();
    let mut told = 1;
    while !is_done() {
        let elapsed = begun.elapsed();
        if matches!(pace, Pace::PerSecond(_)) && elapsed.as_secs() >= options.seconds {
            return;
        }
        most.fetch_max(resident(), Ordering::Relaxed);
        if elapsed.as_secs() >= told {
            told += 5;
            let stats = guard.stats(Signal::Traces);
            println!(
                "{:>4} s  {:>9} spans made  {:>9} delivered  {:>9} lost  {:>6} waiting",
                elapsed.as_secs(),
                stats.created,
                stats.delivered,
                stats.lost(),
                stats.pending,
            );
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn show(name: &str, stats: ExportStats, taken: u64, took: Duration) {
    let rate = per_second(stats.created, took);
    println!(
        "{name}: {} made ({rate:.0} a second), {} delivered, {taken} taken by the collector, {} lost \
         (dropped {}, rejected {}, failed {})",
        stats.created,
        stats.delivered,
        stats.lost(),
        stats.dropped,
        stats.rejected,
        stats.failed,
    );
}

fn times(name: &str, times: &Histogram<u64>) {
    let at = |quantile| shown(Duration::from_nanos(times.value_at_quantile(quantile)));
    println!(
        "{name} takes {} (half), {} (99 %), {} (99.9 %), {} (worst), on the clock",
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0),
    );
}

fn cpu(name: &str, ran: Ran, spans: u64) {
    println!(
        "{name}: {:.2} s of CPU, {:.2} µs a span; waited {:.2} s for a CPU",
        ran.cpu.as_secs_f64(),
        micros(ran.cpu) / per_second(spans.max(1), Duration::from_secs(1)),
        ran.waited.as_secs_f64(),
    );
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn shown(time: Duration) -> String {
    let micros = micros(time);
    if micros < 1_000.0 {
        format!("{micros:.1} µs")
    } else {
        format!("{:.1} ms", micros / 1_000.0)
    }
}

#[allow(clippy::cast_precision_loss, reason = "it is shown in a few digits")]
fn per_second(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

#[allow(clippy::cast_precision_loss, reason = "it is shown in a few digits")]
fn ratio(whole: u64, parts: u64) -> f64 {
    whole as f64 / parts as f64
}
