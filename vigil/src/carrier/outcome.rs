//! How a span ended: what was recorded, what can be inferred, and which of them counts.

use opentelemetry::trace::Status;

use super::attributes::find;
use super::definition::{Outcome, SpanDefinition};
use super::state::Data;
use super::value::{Text, Value};

/// `error.type` of work that nobody waited for.
pub(crate) const CANCELLED: &str = "cancelled";
/// `error.type` of work that panicked.
pub(crate) const PANIC: &str = "panic";
/// `error.type` of work that failed without saying how, as OpenTelemetry has it.
const OTHER: &str = "_OTHER";

/// That the work failed, and how.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) error_type: Text,
    pub(crate) description: Option<Text>,
}

impl Failure {
    pub(crate) fn of_type(error_type: Text) -> Self {
        Self {
            error_type,
            description: None,
        }
    }

    pub(crate) fn status(&self) -> Status {
        let description = self.description.as_ref().map(Text::as_str);
        Status::error(description.unwrap_or_default().to_owned())
    }
}

/// What a scope saw of the work that ran in it. The last one counts: one span covers a call with
/// all of its retries.
#[derive(Clone, Debug)]
pub(crate) enum Seen {
    Success,
    Failure(Failure),
}

/// The failure with which the span ends, if it is one. What was recorded beats what was inferred.
pub(crate) fn failure(
    definition: &SpanDefinition,
    data: &Data,
    unwinding: bool,
) -> Option<Failure> {
    if let Some(explicit) = &data.failure {
        return Some(explicit.clone());
    }
    let seen = match &data.seen {
        Some(Seen::Failure(failure)) => Some(failure.clone()),
        Some(Seen::Success) => None,
        None => unwinding.then(|| Failure::of_type(Text::from_static(PANIC))),
    };
    let Some(outcome) = &definition.outcome else {
        return seen;
    };
    match recorded(outcome, data) {
        Some(status) if status == outcome.ok => None,
        Some(status) if status == outcome.error => {
            Some(seen.unwrap_or_else(|| Failure::of_type(Text::from_static(OTHER))))
        }
        Some(status) => Some(Failure::of_type(Text::from_static(status))),
        None if seen.is_some() || data.seen.is_some() => seen,
        None => Some(Failure::of_type(Text::from_static(CANCELLED))),
    }
}

/// The member of the outcome attribute that stands for how the span ended, unless recorded.
pub(crate) fn inferred_member(
    outcome: &Outcome,
    data: &Data,
    failure: Option<&Failure>,
) -> Option<&'static str> {
    if recorded(outcome, data).is_some() {
        return None;
    }
    Some(match failure {
        None => outcome.ok,
        Some(failure) => [Some(outcome.cancelled), outcome.timeout]
            .into_iter()
            .flatten()
            .find(|member| failure.error_type == *member)
            .unwrap_or(outcome.error),
    })
}

fn recorded(outcome: &Outcome, data: &Data) -> Option<&'static str> {
    let value = find(&data.entries, outcome.key).and_then(Value::as_text)?;
    [
        Some(outcome.ok),
        Some(outcome.error),
        outcome.timeout,
        Some(outcome.cancelled),
    ]
    .into_iter()
    .flatten()
    .find(|member| *value == *member)
}
