//! The one retry loop, for every transport, as the OTLP specification has it.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

use super::queue::{Outcome, Patience};

/// Wait before the first retry. It doubles from one retry to the next.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// No wait grows longer than this, unless the collector asks for more.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What came of one attempt that the collector did not accept.
#[derive(Debug)]
pub(super) enum Failure {
    /// The collector says to try again, perhaps when.
    Later {
        reason: String,
        after: Option<Duration>,
    },
    /// There was no answer: no connection, or nothing sensible on it.
    NoAnswer { reason: String },
    /// Trying again would not help.
    Final { reason: String },
}

/// An accepted request.
#[derive(Debug, Default)]
pub(super) struct Accepted {
    /// What the collector rejected of it all the same.
    pub(super) rejected: u64,
    /// What it says about that.
    pub(super) message: String,
}

/// Repeats `attempt` while that makes sense and `patience` lasts. `items` are lost if it fails.
///
/// An attempt gets all the time that is left. During a shutdown nobody waits for a collector that
/// does not answer: one immediate retry, as the connection may just have been stale.
pub(super) fn deliver(
    items: u64,
    patience: &Patience<'_>,
    mut attempt: impl FnMut(Duration) -> Result<Accepted, Failure>,
) -> Outcome {
    let lost = |reason: String| Outcome {
        failed: items,
        rejected: 0,
        reason: Some(reason),
    };
    if let Some(left) = patience.held() {
        // Only at shutdown does a delivery begin before the collector wants it to.
        if left >= patience.remaining() {
            return lost("the collector asked to wait longer than there was time".to_owned());
        }
        patience.wait(left, false);
    }
    let mut wait = FIRST_WAIT;
    let mut failures = 0_u32;
    let mut unanswered_while_closing = 0_u32;
    let mut latest = "there was no time left".to_owned();
    loop {
        let remaining = patience.remaining();
        if remaining.is_zero() {
            return lost(latest);
        }
        let (reason, after) = match attempt(remaining) {
            Ok(accepted) => return outcome_of(items, &accepted),
            Err(Failure::Final { reason }) => return lost(reason),
            Err(Failure::NoAnswer { reason }) => {
                if patience.is_closing() {
                    unanswered_while_closing += 1;
                    if unanswered_while_closing > 1 {
                        return lost(reason);
                    }
                }
                (reason, None)
            }
            Err(Failure::Later { reason, after }) => {
                if let Some(after) = after {
                    patience.hold(after);
                }
                (reason, after)
            }
        };
        failures += 1;
        if failures > 1 {
            patience.trouble(&reason);
        }
        let pause = jittered(wait).max(after.unwrap_or_default());
        if pause >= patience.remaining() {
            return lost(reason);
        }
        if unanswered_while_closing == 0 {
            patience.wait(pause, after.is_none());
        }
        wait = (wait * 2).min(LONGEST_WAIT);
        latest = reason;
    }
}

fn outcome_of(items: u64, accepted: &Accepted) -> Outcome {
    let rejected = accepted.rejected.min(items);
    if rejected == 0 {
        // A message without a rejection is advice, of no consequence.
        return Outcome::default();
    }
    let says = if accepted.message.is_empty() {
        String::new()
    } else {
        format!(": {}", shown(&accepted.message))
    };
    Outcome {
        rejected,
        failed: 0,
        reason: Some(format!(
            "the collector rejected {rejected} of {items}{says}"
        )),
    }
}

/// Three quarters to five quarters of it, so that agents that failed together do not return
/// together.
fn jittered(wait: Duration) -> Duration {
    // A hasher's keys are random, and that is random enough.
    let random = RandomState::new().hash_one(0_u8) % 512;
    let share = 768 + u32::try_from(random).unwrap_or_default();
    wait * share / 1024
}

/// Foreign text, fit for a log line.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 200;
    let mut shown: String = text
        .trim()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST)
        .collect();
    if text.trim().chars().count() > LONGEST {
        shown.push('…');
    }
    shown
}
