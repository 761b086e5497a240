//! What a configuration says that doesn't hold.

use std::fmt;

/// A setting that doesn't hold as given, and what holds instead.
///
/// ```text
/// `OTEL_BSP_MAX_QUEUE_SIZE`: `abc` is not a positive integer: using 32768
/// ```
///
/// It never shows a secret: not the value of a header, nor a password or a query in a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    name: String,
    problem: String,
    outcome: String,
}

impl Warning {
    pub(super) fn new(
        name: impl Into<String>,
        problem: impl Into<String>,
        outcome: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            problem: problem.into(),
            outcome: outcome.into(),
        }
    }

    /// The variable, or the method of [`VigConfig`](super::VigConfig).
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is wrong with it.
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// What holds instead.
    pub fn outcome(&self) -> &str {
        &self.outcome
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}: {}", self.name, self.problem, self.outcome)
    }
}
