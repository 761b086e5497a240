//! How a span ended: what was recorded, what can be inferred, and which of them counts.

use std::borrow::Cow;

use opentelemetry::trace::Status;

use super::attributes::Entry;
use super::definition::{Outcome, SpanDefinition};
use super::state::Data;
use super::value::{Text, Value};

/// `error.type` of work that nobody waited for.
pub(crate) const CANCELLED: &str = "cancelled";
/// `error.type` of work that panicked.
pub(crate) const PANIC: &str = "panic";
/// `error.type` of work that the end of the process cut off.
pub(crate) const TERMINATED: &str = "terminated";
/// `error.type` of work that failed without saying how, as OpenTelemetry has it.
const OTHER: &str = "_OTHER";

/// That the work failed, and how: the `error.type`, and perhaps a description for people.
///
/// What classifies errors gives one, or what makes one: a text is the type, two texts are type and
/// description.
///
/// ```
/// use vigil::{Execute, agent_span, phase_span, tool_span};
///
/// # fn read() -> Result<String, std::io::Error> { Err(std::io::ErrorKind::NotFound.into()) }
/// let agent = agent_span("s-1", "arcan").start();
/// let execute = phase_span(&agent, Execute);
/// let tool = tool_span(&execute, "read_file", "call-1").start();
/// let text = tool.run_blocking_with(read, |error| (error.kind().to_string(), error.to_string()));
/// # drop(text);
/// ```
#[derive(Clone, Debug)]
pub struct Failure {
    pub(crate) error_type: Text,
    pub(crate) description: Option<Text>,
}

macro_rules! types {
    ($($text:ty),+) => {$(
        impl From<$text> for Failure {
            fn from(error_type: $text) -> Self {
                Self::of_type(error_type.into())
            }
        }
    )+};
}

types!(&'static str, String, Cow<'static, str>, Text);

/// The `error.type`, and a description.
impl<T: Into<Text>, D: Into<Text>> From<(T, D)> for Failure {
    fn from((error_type, description): (T, D)) -> Self {
        Self {
            error_type: error_type.into(),
            description: Some(description.into()),
        }
    }
}

impl Failure {
    pub(crate) fn of_type(error_type: Text) -> Self {
        Self {
            error_type,
            description: None,
        }
    }

    /// What is known of it is a text for people.
    pub(crate) fn described(description: Cow<'static, str>) -> Self {
        Self {
            error_type: Text::from_static(OTHER),
            description: Some(description.into()),
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

impl Seen {
    pub(crate) fn is_cancelled(&self) -> bool {
        matches!(self, Self::Failure(failure) if failure.error_type == CANCELLED)
    }
}

/// The failure with which the span ends, if it is one. What was recorded beats what was inferred.
pub(crate) fn failure(
    definition: &SpanDefinition,
    data: &Data,
    recorded: Option<&'static str>,
    unwinding: bool,
) -> Option<Failure> {
    if let Some(explicit) = &data.failure {
        return Some(explicit.clone());
    }
    let seen = match &data.seen {
        Some(Seen::Failure(failure)) => Some(failure.clone()),
        // The work went well, and what followed it panicked.
        _ if unwinding => Some(Failure::of_type(Text::from_static(PANIC))),
        _ => None,
    };
    let Some(outcome) = &definition.outcome else {
        return seen;
    };
    match recorded {
        Some(status) if status == outcome.ok => None,
        Some(status) if status == outcome.error => {
            Some(seen.unwrap_or_else(|| Failure::of_type(Text::from_static(OTHER))))
        }
        Some(status) => Some(Failure::of_type(Text::from_static(status))),
        None if seen.is_some() || data.seen.is_some() => seen,
        None => Some(Failure::of_type(Text::from_static(CANCELLED))),
    }
}

/// The member of the outcome attribute that stands for how the span ended, where none is recorded.
pub(crate) fn inferred_member(outcome: &Outcome, failure: Option<&Failure>) -> &'static str {
    match failure {
        None => outcome.ok,
        Some(failure) => [Some(outcome.cancelled), outcome.timeout]
            .into_iter()
            .flatten()
            .find(|member| failure.error_type == *member)
            .unwrap_or(outcome.error),
    }
}

/// Whether this attribute says that all went well.
pub(crate) fn is_success(outcome: &Outcome, key: &str, value: &Value) -> bool {
    key == outcome.key && value.as_text().is_some_and(|text| *text == outcome.ok)
}

/// Where among the attributes that was recorded.
pub(crate) fn recorded_success(outcome: &Outcome, entries: &[Entry]) -> Option<usize> {
    entries
        .iter()
        .position(|(key, value)| is_success(outcome, key, value))
}

/// The member that was recorded as `value`, if it is one.
pub(crate) fn recorded(outcome: &Outcome, value: &Value) -> Option<&'static str> {
    let value = value.as_text()?;
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
