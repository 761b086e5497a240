//! A bounded queue, the threads that empty it, and the book of what became of everything.
//!
//! One worker is always there. While a whole batch is left when one has been taken, and what is sent
//! arrives, others help, up to a number: where the agents leave no CPU idle, each answer is waited for
//! as long as it takes until the worker has its turn again, and one request at a time is too few.
//!
//! Invariants:
//! - Whoever pushes takes one lock that nobody holds while doing more than moving pointers and
//!   numbers, and at most once a batch wakes the worker. The queue grows by small blocks, so that
//!   growing copies nothing. Only workers start threads.
//! - Every item that was pushed is in exactly one column of [`ExportStats`] at every moment: queue
//!   and book are under the same lock.
//! - Closing ends within its bound, whatever the worker is doing. Who is late counts as failed, and
//!   what a late worker finds out changes nothing any more.
//! - A panic of the delivery costs its batch, of the worker what waits; neither goes uncounted.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry::Context;

use super::error::ExportError;
use super::stats::{ExportStats, Report, Signal};
use crate::carrier::current;

/// Items in a block of the queue.
const BLOCK: usize = 64;

/// How long a helper stays without work: with it goes its connection.
const IDLE: Duration = Duration::from_secs(10);

/// How long the queue must not have overflowed for it to be well again: one that overflows again
/// and again is one outage, not many.
const CALM: Duration = Duration::from_secs(1);

/// That much later, or far enough away if the clock can't hold it.
fn after(time: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    Instant::now() + time.min(FAR)
}

/// Who is told about outages.
pub(super) type Reporter = Arc<dyn Fn(&Report) + Send + Sync>;

/// Takes batches to where they belong, on a worker's thread. A clone does so on another, at the same
/// time.
pub(super) trait Deliver<T>: Clone + Send + 'static {
    /// Delivers `batch`, which is not empty, within the patience that is left.
    fn deliver(&mut self, batch: Batch<T>, patience: &Patience<'_>) -> Outcome;
}

/// What goes together, in the blocks that it waited in: moving it would only cost.
pub(super) struct Batch<T>(Vec<Vec<T>>);

impl<T> Batch<T> {
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flatten()
    }

    pub(super) fn into_iter(self) -> impl Iterator<Item = T> {
        self.0.into_iter().flatten()
    }
}

/// What became of a batch.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) rejected: u64,
    pub(super) failed: u64,
    /// Why something was lost.
    pub(super) reason: Option<String>,
}

/// A batch on its way.
struct Taken<T> {
    batch: Batch<T>,
    weight: u64,
    /// So much was taken before.
    begins: u64,
}

impl Outcome {
    /// What became of this part of a batch and of another.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            rejected: self.rejected + other.rejected,
            failed: self.failed + other.failed,
            reason: other.reason.or(self.reason),
        }
    }
}

/// How much, how often and how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) queue: u64,
    /// Memory that what waits may take.
    pub(super) bytes: u64,
    pub(super) batch: usize,
    pub(super) delay: Duration,
    /// For one batch with its retries.
    pub(super) delivery: Duration,
    /// Batches that may be under way at the same time.
    pub(super) concurrency: usize,
}

/// The queue. The worker closes with [`Queue::close`] or [`Queue::finish`].
pub(super) struct Queue<T> {
    signal: Signal,
    limits: Limits,
    weigh: fn(&T) -> u64,
    size: fn(&T) -> u64,
    reporter: Reporter,
    state: Mutex<State<T>>,
    /// There is something for the worker to do.
    work: Condvar,
    /// There is more than the worker can do.
    help: Condvar,
    /// Who waits for another attempt may have to hurry.
    hurry: Condvar,
    /// A worker has done something.
    done: Condvar,
}

struct Block<T> {
    items: Vec<T>,
    bytes: u64,
}

struct State<T> {
    blocks: VecDeque<Block<T>>,
    /// Items in the blocks, what they weigh, and about how many bytes they take.
    waiting: usize,
    waiting_weight: u64,
    waiting_bytes: u64,
    /// What has been taken for delivery, ever, and what of it is under way.
    taken: u64,
    in_flight: u64,
    /// Where the batches begin, counted in what was taken, that are not settled yet, or of which who
    /// listens has not been told all there is to tell.
    untold: Vec<u64>,
    /// Helpers, and those of them that have nothing to do.
    helpers: usize,
    idle: usize,
    stats: ExportStats,
    /// Deliver at once until this much of what was accepted is taken.
    flush_to: u64,
    phase: Phase,
    /// The last deliveries are due until then, although more may be pushed.
    hurry: Option<Instant>,
    /// The collector asked not to be bothered before.
    hold: Option<Instant>,
    health: Health,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    /// Delivering what is left, until then.
    Closing(Instant),
    Closed,
}

/// Whether there is an outage, and what it has cost.
#[derive(Default)]
struct Health {
    /// Losses up to the last time when all was well.
    lost_before: u64,
    /// Dropped ones that the worker knows of.
    dropped_seen: u64,
    outage_since: Option<Instant>,
    /// It was their size that the queue was full of.
    of_large_ones: bool,
    /// When the queue was last seen to have overflowed, in this outage.
    overflowed: Option<Instant>,
    /// The last delivery lost nothing.
    arrives: bool,
    /// The collector takes what it is sent, as far as is known: a queue that overflows is no reason to
    /// send less.
    is_taken: bool,
}

impl<T> State<T> {
    /// So much of what was accepted, from the first on, is settled and told.
    fn told(&self) -> u64 {
        self.untold.iter().copied().min().unwrap_or(self.taken)
    }

    /// Whether more than one batch at a time may be on the way: not to a collector that is in trouble.
    fn is_well(&self) -> bool {
        self.health.is_taken
    }

    fn accepted(&self) -> u64 {
        self.stats.created - self.stats.dropped
    }

    fn snapshot(&self) -> ExportStats {
        ExportStats {
            pending: self.waiting_weight + self.in_flight,
            ..self.stats
        }
    }

    /// Gives up what waits and what is on the way.
    fn abandon(&mut self) -> VecDeque<Block<T>> {
        self.stats.failed += self.waiting_weight + self.in_flight;
        self.waiting = 0;
        self.waiting_weight = 0;
        self.waiting_bytes = 0;
        self.in_flight = 0;
        std::mem::take(&mut self.blocks)
    }

    fn begin_outage(&mut self, signal: Signal, reason: &str) -> Option<Report> {
        if self.health.outage_since.is_some() {
            return None;
        }
        self.health.outage_since = Some(Instant::now());
        Some(Report::OutageBegan {
            signal,
            reason: reason.to_owned(),
        })
    }

    fn end_outage(&mut self, signal: Signal, recovered: bool) -> Option<Report> {
        self.health.overflowed = None;
        let since = self.health.outage_since.take()?;
        let lost = self.stats.lost() - self.health.lost_before;
        self.health.lost_before = self.stats.lost();
        Some(Report::OutageEnded {
            signal,
            lasted: since.elapsed(),
            lost,
            recovered,
        })
    }

    /// How long until an overflow is over, if all that was sent since has arrived.
    fn calm_in(&self) -> Option<Duration> {
        let at = self.health.overflowed.filter(|_| self.health.arrives)?;
        Some(CALM.saturating_sub(at.elapsed()))
    }

    /// An outage if the queue overflowed since the last look.
    fn notice_drops(&mut self, signal: Signal, limits: &Limits) -> (bool, Option<Report>) {
        let dropped = self.stats.dropped - self.health.dropped_seen;
        if dropped == 0 {
            return (false, None);
        }
        self.health.dropped_seen = self.stats.dropped;
        self.health.overflowed = Some(Instant::now());
        let items = signal.items();
        let (limit, of) = if self.health.of_large_ones {
            (limits.bytes, format!("bytes of {items}"))
        } else {
            (limits.queue, items.to_owned())
        };
        let reason = format!(
            "the queue of {limit} {of} is full, {dropped} dropped so far: \
             they are made faster than the collector takes them"
        );
        (true, self.begin_outage(signal, &reason))
    }
}

impl<T: Send + 'static> Queue<T> {
    /// Starts the worker. What an item counts for, `weigh` tells, and about how many bytes it takes,
    /// `size`.
    pub(super) fn start(
        signal: Signal,
        limits: Limits,
        weigh: fn(&T) -> u64,
        size: fn(&T) -> u64,
        reporter: Reporter,
        deliver: impl Deliver<T>,
    ) -> Result<Arc<Self>, ExportError> {
        let queue = Arc::new(Self {
            signal,
            limits,
            weigh,
            size,
            reporter,
            state: Mutex::new(State {
                blocks: VecDeque::new(),
                waiting: 0,
                waiting_weight: 0,
                waiting_bytes: 0,
                taken: 0,
                in_flight: 0,
                untold: Vec::new(),
                helpers: 0,
                idle: 0,
                stats: ExportStats::default(),
                flush_to: 0,
                phase: Phase::Running,
                hurry: None,
                hold: None,
                health: Health::default(),
            }),
            work: Condvar::new(),
            help: Condvar::new(),
            hurry: Condvar::new(),
            done: Condvar::new(),
        });
        let worker = Arc::clone(&queue);
        std::thread::Builder::new()
            .name(format!("vigil-{signal}"))
            .spawn(move || {
                let death = Death(&worker);
                worker.run(deliver, Queue::next_batch);
                drop(death);
            })
            .map_err(ExportError::Worker)?;
        Ok(queue)
    }

    /// Has somebody see to the batch that is left, where that helps.
    fn call_for_help(self: &Arc<Self>, deliver: &impl Deliver<T>) {
        let number = {
            let mut state = self.lock();
            if state.waiting < self.limits.batch || !state.is_well() {
                return;
            }
            if state.idle > 0 {
                self.help.notify_one();
                return;
            }
            if state.helpers + 1 >= self.limits.concurrency {
                return;
            }
            state.helpers += 1;
            state.helpers + 1
        };
        let helper = Helper(Arc::clone(self));
        let deliver = deliver.clone();
        // If there can't be one, the guard goes with the closure, and all is as it was.
        let _ = std::thread::Builder::new()
            .name(format!("vigil-{}-{number}", self.signal))
            .spawn(move || helper.0.run(deliver, Queue::help));
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(
        self: &Arc<Self>,
        mut deliver: impl Deliver<T>,
        next_batch: impl Fn(&Self) -> Option<Taken<T>>,
    ) {
        // What happens in here is nobody's telemetry.
        let _suppressed = Context::enter_telemetry_suppressed_scope();
        while let Some(Taken {
            batch,
            weight,
            begins,
        }) = next_batch(self)
        {
            self.call_for_help(&deliver);
            let patience = Patience {
                watch: &**self,
                until: after(self.limits.delivery),
            };
            let outcome = catch_unwind(AssertUnwindSafe(|| deliver.deliver(batch, &patience)));
            let outcome = outcome.unwrap_or_else(|_| Outcome {
                failed: weight,
                reason: Some("the export thread panicked".to_owned()),
                ..Outcome::default()
            });
            self.settle(begins, weight, &outcome);
        }
    }

    /// Accepts an item, unless the queue is full or closed.
    pub(super) fn push(&self, item: T) {
        // Freeing what can't be kept needs no lock.
        let _refused = self.try_push(item);
    }

    fn try_push(&self, item: T) -> Result<(), T> {
        let weight = (self.weigh)(&item);
        let bytes = (self.size)(&item);
        let mut state = self.lock();
        state.stats.created += weight;
        if state.phase != Phase::Running {
            state.stats.dropped += weight;
            // That is no overflow.
            state.health.dropped_seen += weight;
            return Err(item);
        }
        let are_many = state.waiting_weight + weight > self.limits.queue;
        let are_large = state.waiting_bytes + bytes > self.limits.bytes;
        if state.waiting > 0 && (are_many || are_large) {
            state.health.of_large_ones = !are_many;
            state.stats.dropped += weight;
            return Err(item);
        }
        match state.blocks.back_mut() {
            Some(block) if block.items.len() < block.items.capacity() => {
                block.items.push(item);
                block.bytes += bytes;
            }
            _ => {
                let mut items = Vec::with_capacity(BLOCK.min(self.limits.batch));
                items.push(item);
                state.blocks.push_back(Block { items, bytes });
            }
        }
        state.waiting += 1;
        state.waiting_weight += weight;
        state.waiting_bytes += bytes;
        let full = state.waiting == self.limits.batch;
        drop(state);
        if full {
            self.work.notify_one();
        }
        Ok(())
    }

    /// The next batch, when it is time for it; none once all is over.
    fn next_batch(&self) -> Option<Taken<T>> {
        let mut due = after(self.limits.delay);
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            let wait = match state.phase {
                Phase::Closed => return None,
                Phase::Closing(_) if state.waiting == 0 && state.in_flight > 0 => {
                    // Whoever settles the last of it says so.
                    Some(CALM)
                }
                Phase::Closing(_) if state.waiting == 0 => {
                    state.phase = Phase::Closed;
                    self.done.notify_all();
                    return None;
                }
                Phase::Closing(_) => None,
                Phase::Running => match state.hold.filter(|hold| *hold > now) {
                    Some(hold) if state.hurry.is_none() => Some(hold - now),
                    Some(_) if state.waiting > 0 => None,
                    _ if state.waiting == 0 => {
                        if due <= now {
                            due = after(self.limits.delay);
                        }
                        Some(due - now)
                    }
                    _ if state.waiting >= self.limits.batch
                        || state.flush_to > state.taken
                        || due <= now =>
                    {
                        None
                    }
                    _ => Some(due - now),
                },
            };
            let Some(wait) = wait else { break };
            let (dropped, report) = state.notice_drops(self.signal, &self.limits);
            let calm_in = state.calm_in().filter(|_| !dropped);
            let report = match calm_in {
                Some(Duration::ZERO) => state.end_outage(self.signal, true),
                _ => report,
            };
            let wait = calm_in.map_or(wait, |calm_in| wait.min(calm_in));
            if report.is_some() {
                drop(state);
                self.report(report);
                state = self.lock();
                continue;
            }
            state = self
                .work
                .wait_timeout(state, wait)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        Some(self.take(&mut state))
    }

    /// The next batch for a helper; none if it isn't needed any more.
    fn help(&self) -> Option<Taken<T>> {
        let until = after(IDLE);
        let mut state = self.lock();
        loop {
            let is_due = match state.phase {
                Phase::Closed => return None,
                Phase::Closing(_) if state.waiting == 0 => return None,
                Phase::Closing(_) => state.waiting > 0,
                Phase::Running => {
                    state.waiting >= self.limits.batch
                        || (state.waiting > 0 && state.flush_to > state.taken)
                }
            };
            if is_due && state.hold.is_none_or(|hold| hold <= Instant::now()) && state.is_well() {
                return Some(self.take(&mut state));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || state.phase != Phase::Running {
                return None;
            }
            state.idle += 1;
            state = self
                .help
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            state.idle -= 1;
        }
    }

    fn take(&self, state: &mut State<T>) -> Taken<T> {
        let mut blocks = Vec::new();
        let mut room = self.limits.batch;
        while room > 0
            && let Some(mut block) = state.blocks.pop_front()
        {
            if block.items.len() > room {
                let items = block.items.split_off(room);
                let bytes = items.iter().map(self.size).sum();
                block.bytes -= bytes;
                state.blocks.push_front(Block { items, bytes });
            }
            room -= block.items.len();
            state.waiting_bytes -= block.bytes;
            blocks.push(block.items);
        }
        let weight = blocks.iter().flatten().map(self.weigh).sum();
        state.waiting -= self.limits.batch - room;
        state.waiting_weight -= weight;
        let begins = state.taken;
        state.taken += weight;
        state.in_flight += weight;
        state.untold.push(begins);
        Taken {
            batch: Batch(blocks),
            weight,
            begins,
        }
    }

    fn settle(&self, begins: u64, weight: u64, outcome: &Outcome) {
        let mut state = self.lock();
        if state.phase == Phase::Closed {
            // Too late: it was counted when patience ran out.
            return;
        }
        let failed = outcome.failed.min(weight);
        let rejected = outcome.rejected.min(weight - failed);
        state.in_flight -= weight;
        state.stats.failed += failed;
        state.stats.rejected += rejected;
        state.stats.delivered += weight - failed - rejected;
        let (dropped, overflow) = state.notice_drops(self.signal, &self.limits);
        let loss = match &outcome.reason {
            Some(reason) => state.begin_outage(self.signal, reason),
            None => None,
        };
        state.health.arrives = failed + rejected == 0 && !dropped;
        state.health.is_taken = failed == 0;
        let recovery = if state.health.arrives && state.health.overflowed.is_none() {
            state.end_outage(self.signal, true)
        } else {
            None
        };
        drop(state);
        // At most one of the first two: an outage begins once.
        self.report(overflow.or(loss));
        self.report(recovery);
        let mut state = self.lock();
        state.untold.retain(|other| *other != begins);
        let is_over = state.phase != Phase::Running;
        drop(state);
        self.done.notify_all();
        if is_over {
            self.work.notify_one();
        }
    }

    fn report(&self, report: Option<Report>) {
        if let Some(report) = report {
            // It would only be one more thing that can't be exported.
            let _suppressed = current::is_there().then(Context::enter_telemetry_suppressed_scope);
            // Whoever listens can't bring the export down.
            let _ = catch_unwind(AssertUnwindSafe(|| (self.reporter)(&report)));
        }
    }

    pub(super) fn stats(&self) -> ExportStats {
        self.lock().snapshot()
    }

    /// Delivers what was pushed so far; what of it was lost, or nothing if the bound came first.
    pub(super) fn flush(&self, bound: Duration) -> Flush {
        let until = after(bound);
        let mut state = self.lock();
        if state.phase == Phase::Closed {
            return Flush::Closed;
        }
        let target = state.accepted();
        let lost_before = state.stats.rejected + state.stats.failed;
        state.flush_to = state.flush_to.max(target);
        self.work.notify_one();
        while state.told() < target && state.phase != Phase::Closed {
            let now = Instant::now();
            if now >= until {
                return Flush::TimedOut;
            }
            state = self
                .done
                .wait_timeout(state, until - now)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        Flush::Done {
            lost: state.stats.rejected + state.stats.failed - lost_before,
        }
    }

    /// From now on deliveries take as long as `bound` together and are not worth much waiting.
    pub(super) fn hurry(&self, bound: Duration) {
        self.lock().hurry = Some(after(bound));
        self.wake_all();
    }

    fn wake_all(&self) {
        self.work.notify_all();
        self.help.notify_all();
        self.hurry.notify_all();
    }

    /// Takes nothing more and lets the worker deliver what waits, for as long as `bound`.
    pub(super) fn close(&self, bound: Duration) -> bool {
        let mut state = self.lock();
        if state.phase != Phase::Running {
            return false;
        }
        state.phase = Phase::Closing(after(bound));
        drop(state);
        self.wake_all();
        true
    }

    /// Closes and waits until all is settled, or until `bound` is over: then what is left has
    /// failed.
    pub(super) fn finish(&self, bound: Duration) -> Flush {
        let until = after(bound);
        let before = self.stats();
        if !self.close(bound) {
            return Flush::Closed;
        }
        let mut state = self.lock();
        while state.phase != Phase::Closed {
            let now = Instant::now();
            if now >= until {
                break;
            }
            state = self
                .done
                .wait_timeout(state, until - now)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        let late = state.phase != Phase::Closed;
        let abandoned = if late {
            state.abandon()
        } else {
            VecDeque::new()
        };
        state.phase = Phase::Closed;
        let (_, overflow) = state.notice_drops(self.signal, &self.limits);
        let overflow = if late && overflow.is_none() {
            state.begin_outage(self.signal, "the time for shutting down is over")
        } else {
            overflow
        };
        let end = state.end_outage(self.signal, false);
        let lost = state.stats.rejected + state.stats.failed - before.rejected - before.failed;
        drop(state);
        drop(abandoned);
        self.wake_all();
        self.done.notify_all();
        self.report(overflow);
        self.report(end);
        if late {
            Flush::TimedOut
        } else {
            Flush::Done { lost }
        }
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("signal", &self.signal)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// How a flush or a shutdown ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flush {
    /// All is settled; this much of it was lost.
    Done {
        /// Rejected or failed meanwhile.
        lost: u64,
    },
    /// Not everything was settled within the bound.
    TimedOut,
    /// It had been shut down before.
    Closed,
}

/// Notices that the worker ends, however it does.
struct Death<'a, T: Send + 'static>(&'a Queue<T>);

impl<T: Send + 'static> Drop for Death<'_, T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if state.phase == Phase::Closed {
            return;
        }
        let abandoned = state.abandon();
        state.phase = Phase::Closed;
        let report = state.begin_outage(
            self.0.signal,
            "the export thread has died, nothing is exported any more",
        );
        drop(state);
        drop(abandoned);
        self.0.wake_all();
        self.0.done.notify_all();
        self.0.report(report);
    }
}

/// One helper more, until it is dropped.
struct Helper<T: Send + 'static>(Arc<Queue<T>>);

impl<T: Send + 'static> Drop for Helper<T> {
    fn drop(&mut self) {
        self.0.lock().helpers -= 1;
    }
}

/// What a delivery may know of the world outside: how long it may take, and when to hurry.
pub(super) struct Patience<'a> {
    watch: &'a dyn Watch,
    until: Instant,
}

impl Patience<'_> {
    /// What is left.
    pub(super) fn remaining(&self) -> Duration {
        let until = match self.watch.closing() {
            Some(closing) => closing.min(self.until),
            None => self.until,
        };
        until.saturating_duration_since(Instant::now())
    }

    /// Whether the export is being shut down.
    pub(super) fn is_closing(&self) -> bool {
        self.watch.closing().is_some()
    }

    /// Waits, unless patience runs out before or, if it `may_hurry`, a shutdown begins meanwhile. One that
    /// has begun already is no reason to hurry: who came back at once, again and again, would only keep a
    /// busy collector busy.
    pub(super) fn wait(&self, time: Duration, may_hurry: bool) {
        self.watch.wait(after(time), may_hurry);
    }

    /// The last attempts failed, and it does not look like the next one will not.
    pub(super) fn trouble(&self, reason: &str) {
        self.watch.trouble(reason);
    }

    /// The collector asked to be left alone for so long.
    pub(super) fn hold(&self, time: Duration) {
        self.watch.hold(after(time));
    }

    /// For how much longer the collector wants to be left alone.
    pub(super) fn held(&self) -> Option<Duration> {
        let left = self.watch.held()?.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }
}

/// The queue as seen by a delivery.
trait Watch {
    fn closing(&self) -> Option<Instant>;
    fn wait(&self, until: Instant, may_hurry: bool);
    fn trouble(&self, reason: &str);
    fn hold(&self, until: Instant);
    fn held(&self) -> Option<Instant>;
}

impl<T: Send + 'static> Watch for Queue<T> {
    fn closing(&self) -> Option<Instant> {
        let state = self.lock();
        match state.phase {
            Phase::Running => state.hurry,
            Phase::Closing(until) => Some(until),
            // Nobody waits for the outcome.
            Phase::Closed => Some(Instant::now()),
        }
    }

    fn wait(&self, until: Instant, may_hurry: bool) {
        let mut state = self.lock();
        let may_hurry = may_hurry && state.phase == Phase::Running && state.hurry.is_none();
        loop {
            let now = Instant::now();
            let hurry = match (state.phase, state.hurry) {
                (Phase::Running, None) => false,
                (Phase::Running, Some(closing)) | (Phase::Closing(closing), _) => {
                    may_hurry || until >= closing
                }
                (Phase::Closed, _) => true,
            };
            if hurry || now >= until {
                return;
            }
            state = self
                .hurry
                .wait_timeout(state, until - now)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    fn trouble(&self, reason: &str) {
        let mut state = self.lock();
        if state.phase == Phase::Closed {
            return;
        }
        state.health.is_taken = false;
        let report = state.begin_outage(self.signal, reason);
        drop(state);
        self.report(report);
    }

    fn hold(&self, until: Instant) {
        let mut state = self.lock();
        state.hold = state.hold.max(Some(until));
    }

    fn held(&self) -> Option<Instant> {
        self.lock().hold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Delivers numbers; a zero makes it panic.
    #[derive(Clone)]
    struct Fragile;

    impl Deliver<u8> for Fragile {
        fn deliver(&mut self, batch: Batch<u8>, _: &Patience<'_>) -> Outcome {
            assert!(batch.iter().all(|number| *number != 0), "a zero");
            Outcome::default()
        }
    }

    /// Kills the worker: what it delivers can't even be dropped.
    #[derive(Clone)]
    struct Deadly;

    struct Bomb(bool);

    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(!self.0 || std::thread::panicking(), "dropped");
        }
    }

    impl Deliver<Bomb> for Deadly {
        fn deliver(&mut self, mut batch: Batch<Bomb>, _: &Patience<'_>) -> Outcome {
            for bomb in batch.0.iter_mut().flatten() {
                bomb.0 = true;
            }
            Outcome::default()
        }
    }

    fn limits() -> Limits {
        Limits {
            queue: 1_000,
            bytes: u64::MAX,
            batch: 10,
            delay: Duration::from_secs(3600),
            delivery: Duration::from_secs(10),
            concurrency: 1,
        }
    }

    fn start<T: Send + 'static>(
        deliver: impl Deliver<T>,
        reporter: impl Fn(&Report) + Send + Sync + 'static,
    ) -> Arc<Queue<T>> {
        Queue::start(
            Signal::Traces,
            limits(),
            |_| 1,
            |_| 1,
            Arc::new(reporter),
            deliver,
        )
        .unwrap()
    }

    #[test]
    fn a_panic_costs_its_batch_and_no_more() {
        let queue = start(Fragile, |_| {});
        for number in 0..100 {
            queue.push(number);
        }
        assert_only_ten_are_lost(&queue);
        assert_eq!(
            queue.finish(Duration::from_secs(10)),
            Flush::Done { lost: 0 }
        );
    }

    fn assert_only_ten_are_lost(queue: &Queue<u8>) {
        // How much of it is lost during the flush, the worker's pace decides.
        let flush = queue.flush(Duration::from_secs(10));
        assert!(matches!(flush, Flush::Done { .. }), "{flush:?}");
        let stats = queue.stats();
        assert_eq!(
            (stats.created, stats.delivered, stats.failed),
            (100, 90, 10)
        );
    }

    #[test]
    fn a_panic_of_who_listens_costs_nothing() {
        let queue = start(Fragile, |_| panic!("no, thanks"));
        for number in 0..100 {
            queue.push(number);
        }
        assert_only_ten_are_lost(&queue);
    }

    #[test]
    fn a_panic_while_a_batch_is_dropped_is_caught_too() {
        let queue = start(Deadly, |_| {});
        queue.push(Bomb(false));
        assert_eq!(
            queue.flush(Duration::from_secs(10)),
            Flush::Done { lost: 1 }
        );
    }

    #[test]
    fn the_death_of_the_worker_is_noticed_and_counted() {
        let queue = start(Fragile, |_| {});
        for number in 1..=5 {
            queue.push(number);
        }
        drop(Death(&queue));
        assert_eq!(queue.flush(Duration::from_secs(10)), Flush::Closed);
        queue.push(6);
        let stats = queue.stats();
        assert_eq!((stats.failed, stats.dropped, stats.pending), (5, 1, 0));
    }

    #[test]
    fn batches_are_as_large_as_allowed_and_in_order() {
        #[derive(Clone)]
        struct Sizes(Arc<Mutex<Vec<Vec<u16>>>>);

        impl Deliver<u16> for Sizes {
            fn deliver(&mut self, batch: Batch<u16>, _: &Patience<'_>) -> Outcome {
                self.0.lock().unwrap().push(batch.into_iter().collect());
                Outcome::default()
            }
        }

        let batches = Arc::default();
        let limits = Limits {
            batch: 100,
            ..limits()
        };
        let sizes = Sizes(Arc::clone(&batches));
        let queue = Queue::start(
            Signal::Traces,
            limits,
            |_| 1,
            |_| 1,
            Arc::new(|_: &Report| {}),
            sizes,
        )
        .unwrap();
        for number in 0..250 {
            queue.push(number);
        }
        queue.finish(Duration::from_secs(10));
        let batches = batches.lock().unwrap();
        assert!(batches.iter().all(|batch| batch.len() <= 100));
        let all: Vec<_> = batches.iter().flatten().copied().collect();
        assert_eq!(all, (0..250).collect::<Vec<_>>());
    }

    #[test]
    fn bounds_without_end_are_no_trouble() {
        let queue = start(Fragile, |_| {});
        queue.push(1);
        assert_eq!(queue.flush(Duration::MAX), Flush::Done { lost: 0 });
        assert_eq!(queue.finish(Duration::MAX), Flush::Done { lost: 0 });
    }
}
