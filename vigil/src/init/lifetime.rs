//! How the pipeline ends, whoever ends it: its guard, the program's exit, a signal, a panic.
//!
//! Invariants:
//! - It ends once. Who comes later waits for that, within its own bound, and gets the same report.
//! - The work is done on a thread of its own, so that nothing it meets, such as a lock of whoever
//!   panicked, holds up the end of the process for longer than the bound.
//! - Open spans end before anything is handed over, so that they are part of it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

use super::pipeline::Pipeline;
use super::{ShutdownReport, Task};
use crate::carrier::{self, Reason};

/// The process's pipeline, for who ends the process without having its guard.
static CURRENT: Mutex<Option<Arc<Running>>> = Mutex::new(None);

/// What a late thread may take beyond the bound before it counts as late.
const GRACE: Duration = Duration::from_millis(100);

/// A pipeline from its start to its end.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) pipeline: Pipeline,
    /// How long it may take where nobody says how long.
    pub(super) bound: Duration,
    /// A fork has the memory of this process, and none of its threads.
    process: u32,
    phase: Mutex<Phase>,
    ended: Condvar,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Running,
    Ending,
    Ended(ShutdownReport),
}

impl Running {
    /// The pipeline runs, and is ended when the process is.
    pub(super) fn start(pipeline: Pipeline, bound: Duration) -> Arc<Self> {
        let running = Arc::new(Self {
            pipeline,
            bound,
            process: std::process::id(),
            phase: Mutex::new(Phase::Running),
            ended: Condvar::new(),
        });
        *lock(&CURRENT) = Some(Arc::clone(&running));
        carrier::keep_open(true);
        end_at_exit();
        running
    }

    /// Ends what is open and hands over everything, within `bound`.
    pub(super) fn shutdown(self: &Arc<Self>, reason: Reason, bound: Duration) -> ShutdownReport {
        if self.process != std::process::id() {
            return ShutdownReport::default();
        }
        let deadline = after(bound);
        let is_first = {
            let mut phase = lock(&self.phase);
            let is_first = matches!(*phase, Phase::Running);
            if is_first {
                *phase = Phase::Ending;
            }
            is_first
        };
        if is_first {
            let running = Arc::clone(self);
            let left = move || deadline.saturating_duration_since(Instant::now());
            spawn(move || {
                carrier::keep_open(false);
                let show = carrier::end_open(reason);
                let report = running.pipeline.shutdown(left(), show);
                *lock(&running.phase) = Phase::Ended(report);
                running.ended.notify_all();
            });
        }
        self.wait(deadline + GRACE)
    }

    /// Ends what is open and hands over what there is, and goes on.
    #[cfg(unix)]
    pub(super) fn interrupt(self: &Arc<Self>, reason: Reason) {
        self.flush_after(move || carrier::end_open(reason)());
    }

    /// Hands over what there is, and goes on.
    #[cfg(unix)]
    pub(super) fn flush(self: &Arc<Self>) {
        self.flush_after(|| ());
    }

    #[cfg(unix)]
    fn flush_after(self: &Arc<Self>, first: impl FnOnce() + Send + 'static) {
        let running = Arc::clone(self);
        let (done, flushed) = std::sync::mpsc::sync_channel(1);
        spawn(move || {
            first();
            running.pipeline.flush(running.bound);
            // Who is late is not waited for.
            let _ = done.send(());
        });
        // What is lost is counted.
        let _ = flushed.recv_timeout(self.bound);
    }

    fn wait(&self, deadline: Instant) -> ShutdownReport {
        let mut phase = lock(&self.phase);
        loop {
            if let Phase::Ended(report) = *phase {
                return report;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return self.pipeline.report(false);
            }
            phase = self
                .ended
                .wait_timeout(phase, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

/// Ends the process with `code`, as [`std::process::exit`] does, after the pipeline: spans that are
/// open end with the `error.type` `terminated`, and everything is handed over within the
/// [shutdown timeout](crate::VigConfig::shutdown_timeout).
///
/// On Unix `std::process::exit` comes to the same; this one works everywhere.
///
/// ```no_run
/// let guard = vigil::init(&vigil::VigConfig::new())?;
/// if std::env::args().len() < 2 {
///     vigil::exit(2);
/// }
/// # drop(guard);
/// # Ok::<(), vigil::VigError>(())
/// ```
pub fn exit(code: i32) -> ! {
    end(Reason::Terminated);
    std::process::exit(code)
}

/// Ends the pipeline, if one runs, within its own bound.
fn end(reason: Reason) {
    let running = lock(&CURRENT).clone();
    if let Some(running) = running {
        running.shutdown(reason, running.bound);
    }
}

/// Ends the pipeline when the process ends in good order without having done it: by
/// `std::process::exit`, or from a `main` that leaked the guard.
fn end_at_exit() {
    #[cfg(unix)]
    {
        extern "C" fn at_exit() {
            // Unwinding must not leave here.
            let _ = std::panic::catch_unwind(|| end(Reason::Terminated));
        }

        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            // SAFETY: the function lives as long as the program and doesn't unwind. There is
            // nothing to be done if there is no room for it.
            #[allow(unsafe_code)]
            let _ = unsafe { libc::atexit(at_exit) };
        });
    }
}

/// Ends the pipeline when somebody panics, before the hook that is there now.
pub(super) fn end_at_panic() {
    static ONCE: Once = Once::new();
    // The hook can't be changed while panicking.
    if std::thread::panicking() {
        return;
    }
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            end(Reason::panic());
            before(panic);
        }));
    });
}

/// Runs `work` on a thread of its own, or here if there can't be one.
fn spawn(work: impl FnOnce() + Send + 'static) {
    let work = once(work);
    if named().spawn(work.clone()).is_err() {
        work();
    }
}

/// Does all of it, each on a thread of its own as far as there are any.
pub(super) fn all_at_once(tasks: Vec<Task<'_>>) {
    std::thread::scope(|scope| {
        for task in tasks {
            let task = once(task);
            if named().spawn_scoped(scope, task.clone()).is_err() {
                task();
            }
        }
    });
}

fn named() -> std::thread::Builder {
    std::thread::Builder::new().name("vigil-shutdown".to_owned())
}

/// Does it the first time, whichever of its clones that is: a thread that can't be started takes
/// with it what it was to do.
fn once(work: impl FnOnce() + Send) -> impl Fn() + Clone + Send {
    let work = Arc::new(Mutex::new(Some(work)));
    move || {
        let work = lock(&work).take();
        if let Some(work) = work {
            work();
        }
    }
}

/// That much later, or far enough away if the clock can't hold it.
fn after(bound: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    Instant::now() + bound.min(FAR)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
