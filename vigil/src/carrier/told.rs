//! What is told after the fact.

use std::cell::Cell;
use std::time::SystemTime;

std::thread_local! {
    static TOLD: Cell<Option<SystemTime>> = const { Cell::new(None) };
}

/// Runs `f`, which tells on this thread what happened at `time`: spans start and end then, events
/// happen then, and nothing is measured, as it was when it happened or will be by whoever counts.
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use vigil::agent_span;
/// use vigil::carrier::told_at;
///
/// let yesterday = SystemTime::now() - Duration::from_secs(86_400);
/// let agent = told_at(yesterday, || agent_span("s-1", "arcan").start());
/// told_at(yesterday + Duration::from_secs(3), || agent.end());
/// ```
pub fn told_at<R>(time: SystemTime, f: impl FnOnce() -> R) -> R {
    struct Restore(Option<SystemTime>);

    impl Drop for Restore {
        fn drop(&mut self) {
            TOLD.set(self.0);
        }
    }

    let _restore = Restore(TOLD.replace(Some(time)));
    f()
}

/// When what is told here and now happened: now, unless that is said.
pub(crate) fn now() -> SystemTime {
    time().unwrap_or_else(SystemTime::now)
}

/// When what is told here and now happened, if not now.
#[inline]
pub(crate) fn time() -> Option<SystemTime> {
    TOLD.get()
}
