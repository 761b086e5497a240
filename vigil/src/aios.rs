//! The Agent OS protocol, `aios-protocol` 0.3: its types as Vigil's, and trace context on its
//! envelopes.
//!
//! ```
//! use aios_protocol::{BudgetState, LoopPhase};
//! use vigil::records::life::Budget;
//! use vigil::{Perceive, agent_span, phase_span, phase_span_dyn};
//!
//! # let state = BudgetState::default();
//! let agent = agent_span("s-1", "arcan").start();
//! let perceive = phase_span(&agent, Perceive);
//! perceive.record_budget(&Budget::from(&state));
//! drop(perceive);
//! let gate = phase_span_dyn(&agent, (&LoopPhase::Gate).into());
//! # drop(gate);
//! ```
//!
//! Enums convert both ways, from values and from references. Structs convert to Vigil's records; what
//! has no convention is left out, and what has one and is not in the protocol is left unset.
//!
//! An [`Observer`] makes the spans of events, for agents that tell by events what they do.

mod observer;

use std::fmt;

use aios_protocol::event as protocol;

use crate::journal::TraceCarrier;
use crate::records::gen_ai::TokenUsage;
use crate::records::life::{AgentState, Budget};
use crate::semconv::life::{LoopPhase, OperatingMode, RiskLevel, ToolStatus};

pub use observer::{ObservedEvent, Observer};

/// Two enums that have to have the same members: a member that one of them gains or loses doesn't
/// compile.
macro_rules! same {
    ($($theirs:ty = $ours:ident { $($member:ident),+ $(,)? })+) => {$(
        impl From<&$theirs> for $ours {
            fn from(theirs: &$theirs) -> Self {
                match theirs {
                    $(<$theirs>::$member => Self::$member),+
                }
            }
        }

        impl From<$theirs> for $ours {
            fn from(theirs: $theirs) -> Self {
                Self::from(&theirs)
            }
        }

        impl From<&$ours> for $theirs {
            fn from(ours: &$ours) -> Self {
                match ours {
                    $($ours::$member => Self::$member),+
                }
            }
        }

        impl From<$ours> for $theirs {
            fn from(ours: $ours) -> Self {
                Self::from(&ours)
            }
        }
    )+};
}

same! {
    protocol::LoopPhase = LoopPhase {
        Perceive, Deliberate, Gate, Execute, Commit, Reflect, Sleep,
    }
    aios_protocol::OperatingMode = OperatingMode {
        Explore, Execute, Verify, Recover, AskHuman, Sleep,
    }
    protocol::RiskLevel = RiskLevel { Low, Medium, High, Critical }
    protocol::SpanStatus = ToolStatus { Ok, Error, Timeout, Cancelled }
}

/// The protocol's default: `execute`.
impl Default for OperatingMode {
    fn default() -> Self {
        aios_protocol::OperatingMode::default().into()
    }
}

/// What is left to spend. The error budget has no convention.
impl From<&aios_protocol::BudgetState> for Budget {
    fn from(state: &aios_protocol::BudgetState) -> Self {
        // All of it, so that a field that is added is decided on here.
        let aios_protocol::BudgetState {
            tokens_remaining,
            time_remaining_ms,
            cost_remaining_usd,
            tool_calls_remaining,
            // No convention: the runtime's own bound on retries.
            error_budget_remaining: _,
        } = state;
        Self::new(*tokens_remaining)
            .time_remaining_ms(*time_remaining_ms)
            .cost_remaining_usd(*cost_remaining_usd)
            .tool_calls_remaining(*tool_calls_remaining)
    }
}

/// How the agent stands. The budget is a [`Budget`] of its own; pressure by side effects and
/// dependency on people have no conventions.
impl From<&aios_protocol::AgentStateVector> for AgentState {
    fn from(state: &aios_protocol::AgentStateVector) -> Self {
        let aios_protocol::AgentStateVector {
            progress,
            uncertainty,
            risk_level,
            // A record of its own.
            budget: _,
            error_streak,
            context_pressure,
            // No conventions.
            side_effect_pressure: _,
            human_dependency: _,
        } = state;
        Self::new(as_written(*progress))
            .uncertainty(as_written(*uncertainty))
            .risk_level(risk_level.into())
            .error_streak(*error_streak)
            .context_pressure(as_written(*context_pressure))
    }
}

/// What a model call used. The total is the sum of the two.
impl From<&protocol::TokenUsage> for TokenUsage {
    fn from(usage: &protocol::TokenUsage) -> Self {
        let protocol::TokenUsage {
            prompt_tokens,
            completion_tokens,
            // The sum of the two.
            total_tokens: _,
        } = usage;
        Self::default()
            .input_tokens(*prompt_tokens)
            .output_tokens(*completion_tokens)
    }
}

macro_rules! by_value {
    ($($theirs:ty => $ours:ty),+ $(,)?) => {$(
        impl From<$theirs> for $ours {
            fn from(theirs: $theirs) -> Self {
                Self::from(&theirs)
            }
        }
    )+};
}

by_value! {
    aios_protocol::BudgetState => Budget,
    aios_protocol::AgentStateVector => AgentState,
    protocol::TokenUsage => TokenUsage,
}

/// What an event is called in the journal: its `type`, such as `ToolCallStarted`. One of a kind that the
/// protocol doesn't know is called what it came as.
pub fn event_kind(kind: &protocol::EventKind) -> String {
    /// Takes the name of a variant from its debug form, and nothing of what it holds.
    struct Name(String);

    impl fmt::Write for Name {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let end = text.find(|c: char| !c.is_ascii_alphanumeric());
            self.0.push_str(&text[..end.unwrap_or(text.len())]);
            if end.is_some() {
                Err(fmt::Error)
            } else {
                Ok(())
            }
        }
    }

    match kind {
        protocol::EventKind::Custom { event_type, .. } => event_type.clone(),
        kind => {
            let mut name = Name(String::new());
            // It fails when the name is through.
            let _ = fmt::write(&mut name, format_args!("{kind:?}"));
            name.0
        }
    }
}

/// The number that stands for the same decimal: 0.7 as 0.7, not as 0.699999988079071.
fn as_written(value: f32) -> f64 {
    value.to_string().parse().unwrap_or_else(|_| value.into())
}

/// In the fields, and in the metadata, where the journal keeps it. The flags are only there. The fields
/// are what is read.
impl TraceCarrier for protocol::EventEnvelope {
    fn trace_id(&self) -> Option<&str> {
        self.trace_id.as_deref()
    }

    fn span_id(&self) -> Option<&str> {
        self.span_id.as_deref()
    }

    fn trace_flags(&self) -> Option<&str> {
        self.metadata.trace_flags()
    }

    fn set(&mut self, trace_id: String, span_id: String, trace_flags: &'static str) {
        // The journal keeps the metadata and fills the fields from it.
        self.metadata
            .set(trace_id.clone(), span_id.clone(), trace_flags);
        self.trace_id = Some(trace_id);
        self.span_id = Some(span_id);
    }
}

/// In the fields. There is no place for the flags.
impl TraceCarrier for protocol::EventRecord {
    fn trace_id(&self) -> Option<&str> {
        self.trace_id.as_deref()
    }

    fn span_id(&self) -> Option<&str> {
        self.span_id.as_deref()
    }

    fn set(&mut self, trace_id: String, span_id: String, _: &'static str) {
        self.trace_id = Some(trace_id);
        self.span_id = Some(span_id);
    }
}
