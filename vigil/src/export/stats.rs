//! What became of what was created, in numbers and in words.

use std::fmt;
use std::time::Duration;

/// The kinds of telemetry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Measurements; counted are data points.
    Metrics,
    /// Log records.
    Logs,
}

impl Signal {
    /// What is counted, in the plural.
    pub(super) fn items(self) -> &'static str {
        match self {
            Self::Traces => "spans",
            Self::Metrics => "data points",
            Self::Logs => "log records",
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        })
    }
}

/// What became of a signal's spans, log records or data points so far.
///
/// At every moment `created = delivered + dropped + rejected + failed + pending`; after shutdown
/// nothing is pending. What is sent while the bound of a shutdown runs out may have arrived, but
/// nobody knows: it counts as failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportStats {
    /// Handed over for export.
    pub created: u64,
    /// Accepted by the collector.
    pub delivered: u64,
    /// Never sent: the queue was full, or it was after shutdown.
    pub dropped: u64,
    /// Sent and refused by the collector, in the answer to a request that it accepted otherwise.
    pub rejected: u64,
    /// Given up: the collector refused the request, or retrying took too long.
    pub failed: u64,
    /// Waiting or being sent.
    pub pending: u64,
}

impl ExportStats {
    /// Everything that will not arrive.
    pub fn lost(&self) -> u64 {
        self.dropped + self.rejected + self.failed
    }
}

/// What is worth saying about an export: once when an outage begins, once when it ends.
///
/// `Display` puts it into a sentence. An outage is the time from the first loss, or from the second
/// failed attempt in a row, to the next delivery without loss. A queue that overflows again and again
/// is one outage: it is over when that has not happened for a second.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Report {
    /// Telemetry is being lost, or will be if this goes on.
    OutageBegan {
        /// Of which signal.
        signal: Signal,
        /// What the collector said, or why it could not be reached.
        reason: String,
    },
    /// The outage is over.
    OutageEnded {
        /// Of which signal.
        signal: Signal,
        /// How long it took.
        lasted: Duration,
        /// How many spans, log records or data points it cost.
        lost: u64,
        /// Whether telemetry arrives again; if not, the export was shut down.
        recovered: bool,
    },
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutageBegan { signal, reason } => {
                write!(f, "export of {signal} is failing: {reason}")
            }
            Self::OutageEnded {
                signal,
                lasted,
                lost,
                recovered,
            } => {
                let how = if *recovered {
                    "is working again"
                } else {
                    "was shut down while failing"
                };
                let items = signal.items();
                write!(
                    f,
                    "export of {signal} {how} after {:.1} s: {lost} {items} lost",
                    lasted.as_secs_f64()
                )
            }
        }
    }
}
