//! Trace context in a journal's events, so that traces and the event log can be joined.
//!
//! Whatever carries an event says so by a small trait, [`TraceCarrier`]: maps of strings do; the
//! features `aios` and `lago` bring the envelopes of the Agent OS.
//!
//! ```
//! use std::collections::HashMap;
//!
//! use vigil::journal::extract_trace_context;
//! use vigil::{Reflect, agent_span, phase_span};
//!
//! # fn main() -> Result<(), vigil::journal::TraceContextError> {
//! let agent = agent_span("s-1", "arcan").start();
//! let reflect = phase_span(&agent, Reflect);
//! let mut metadata: HashMap<String, String> = HashMap::new();
//! let written = reflect.write_trace_context(&mut metadata);
//! // Nobody gives ids here, so nothing was written.
//! assert!(written.is_none() && metadata.is_empty());
//!
//! metadata.insert("trace_id".into(), "4bf92f3577b34da6a3ce929d0e0e4736".into());
//! metadata.insert("span_id".into(), "00f067aa0ba902b7".into());
//! let context = extract_trace_context(&metadata)?.expect("it is there");
//! let later = agent_span("s-1", "arcan").parent(&context.remote_parent()).start();
//! # drop(later);
//! # Ok(())
//! # }
//! ```

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{BuildHasher, Hash};

use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};

use crate::carrier::{Handle, RemoteParent, current, is_active};

/// The metadata key of the trace's id.
pub const TRACE_ID: &str = "trace_id";
/// The metadata key of the span's id.
pub const SPAN_ID: &str = "span_id";
/// The metadata key of the flags: `01` if the trace is recorded, `00` if not.
pub const TRACE_FLAGS: &str = "trace_flags";

/// Something that an event carries its trace context in.
pub trait TraceCarrier {
    /// What stands there as the trace's id.
    fn trace_id(&self) -> Option<&str>;

    /// What stands there as the span's id.
    fn span_id(&self) -> Option<&str>;

    /// What stands there as the flags. Not every carrier has a place for them: then nobody knows
    /// whether the trace was recorded.
    fn trace_flags(&self) -> Option<&str> {
        None
    }

    /// Puts these there, in place of what was there before: ids in lower-case hexadecimal, flags as
    /// in W3C Trace Context.
    fn set(&mut self, trace_id: String, span_id: String, trace_flags: &'static str);
}

/// Maps of strings: all three stand under their keys.
macro_rules! maps {
    ($(impl<$($param:ident: [$($bound:tt)+]),+> for $map:ty;)+) => {$(
        impl<$($param: $($bound)+),+> TraceCarrier for $map {
            fn trace_id(&self) -> Option<&str> {
                self.get(TRACE_ID).map(String::as_str)
            }

            fn span_id(&self) -> Option<&str> {
                self.get(SPAN_ID).map(String::as_str)
            }

            fn trace_flags(&self) -> Option<&str> {
                self.get(TRACE_FLAGS).map(String::as_str)
            }

            fn set(&mut self, trace_id: String, span_id: String, trace_flags: &'static str) {
                self.insert(TRACE_ID.into(), trace_id);
                self.insert(SPAN_ID.into(), span_id);
                self.insert(TRACE_FLAGS.into(), trace_flags.to_owned());
            }
        }
    )+};
}

maps! {
    impl<K: [From<&'static str> + Borrow<str> + Eq + Hash], S: [BuildHasher]> for HashMap<K, String, S>;
    impl<K: [From<&'static str> + Borrow<str> + Ord]> for BTreeMap<K, String>;
}

/// The trace and the span that an event belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace_id: TraceId,
    span_id: SpanId,
    sampled: Option<bool>,
}

impl TraceContext {
    /// The trace's id, never zero.
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// The span's id, never zero.
    pub fn span_id(&self) -> SpanId {
        self.span_id
    }

    /// Whether the trace was recorded, so that a backend may have it. Where the carrier has no place
    /// for that, nobody knows.
    pub fn is_sampled(&self) -> Option<bool> {
        self.sampled
    }

    /// The span, as OpenTelemetry links to it. Of unknown flags it is one that was not recorded.
    pub fn span_context(&self) -> SpanContext {
        let flags = if self.sampled == Some(true) {
            TraceFlags::SAMPLED
        } else {
            TraceFlags::NOT_SAMPLED
        };
        SpanContext::new(
            self.trace_id,
            self.span_id,
            flags,
            true,
            TraceState::default(),
        )
    }

    /// The span as a parent: what starts under it continues the trace. It is recorded if the trace
    /// was; where nobody knows, it is, so that a trace is continued rather than cut off.
    pub fn remote_parent(&self) -> RemoteParent {
        let flags = if self.sampled == Some(false) {
            TraceFlags::NOT_SAMPLED
        } else {
            TraceFlags::SAMPLED
        };
        RemoteParent::from(SpanContext::new(
            self.trace_id,
            self.span_id,
            flags,
            true,
            TraceState::default(),
        ))
    }

    fn of(context: &SpanContext) -> Option<Self> {
        context.is_valid().then(|| Self {
            trace_id: context.trace_id(),
            span_id: context.span_id(),
            sampled: Some(context.is_sampled()),
        })
    }

    fn write(self, carrier: &mut impl TraceCarrier) -> Self {
        let flags = if self.sampled == Some(true) {
            "01"
        } else {
            "00"
        };
        carrier.set(self.trace_id.to_string(), self.span_id.to_string(), flags);
        self
    }
}

impl Handle {
    /// Writes the span's ids into `carrier`, in place of what is there, and returns them.
    ///
    /// If the span has none, as nobody of Vigil's listens, it leaves the carrier as it is and returns
    /// `None`. A span that a filter shut out writes the ids of the nearest above it.
    pub fn write_trace_context(&self, carrier: &mut impl TraceCarrier) -> Option<TraceContext> {
        let context = self.context()?.span().span_context().clone();
        Some(TraceContext::of(&context)?.write(carrier))
    }
}

/// Writes the ids of the current span into `carrier`, in place of what is there, and returns them: for
/// code that has no handle.
///
/// Without a current span, or while nobody listens, it leaves the carrier as it is and returns `None`.
pub fn write_trace_context(carrier: &mut impl TraceCarrier) -> Option<TraceContext> {
    if !is_active() {
        return None;
    }
    let context = current::map(|context| TraceContext::of(context.span().span_context()))?;
    Some(context.write(carrier))
}

/// Reads the trace context of `carrier`: `None` if it carries none.
///
/// # Errors
///
/// If an id is missing beside the other, empty, malformed or zero, or if the flags are none.
pub fn extract_trace_context(
    carrier: &impl TraceCarrier,
) -> Result<Option<TraceContext>, TraceContextError> {
    let (trace_id, span_id) = match (carrier.trace_id(), carrier.span_id()) {
        (None, None) => return Ok(None),
        (Some(_), None) => return Err(TraceContextError::missing(SPAN_ID, TRACE_ID)),
        (None, Some(_)) => return Err(TraceContextError::missing(TRACE_ID, SPAN_ID)),
        (Some(trace_id), Some(span_id)) => (trace_id, span_id),
    };
    let trace_id = checked(TRACE_ID, trace_id, 32)?;
    let span_id = checked(SPAN_ID, span_id, 16)?;
    let sampled = carrier
        .trace_flags()
        .map(|flags| {
            digits(TRACE_FLAGS, flags, 2)?;
            let flags = u8::from_str_radix(flags, 16).unwrap_or_default();
            Ok(TraceFlags::new(flags).is_sampled())
        })
        .transpose()?;
    Ok(Some(TraceContext {
        trace_id: TraceId::from_hex(trace_id).unwrap_or(TraceId::INVALID),
        span_id: SpanId::from_hex(span_id).unwrap_or(SpanId::INVALID),
        sampled,
    }))
}

fn checked<'a>(
    key: &'static str,
    id: &'a str,
    length: usize,
) -> Result<&'a str, TraceContextError> {
    digits(key, id, length)?;
    if id.bytes().all(|digit| digit == b'0') {
        return Err(TraceContextError::new(key, Problem::Zero));
    }
    Ok(id)
}

fn digits(key: &'static str, text: &str, length: usize) -> Result<(), TraceContextError> {
    let hex = |digit: u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit);
    if text.is_empty() {
        Err(TraceContextError::new(key, Problem::Empty))
    } else if text.len() != length || !text.bytes().all(hex) {
        let text = text.chars().take(64).collect();
        Err(TraceContextError::new(
            key,
            Problem::Malformed { text, length },
        ))
    } else {
        Ok(())
    }
}

/// A trace context that can't be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContextError {
    key: &'static str,
    problem: Problem,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Problem {
    Missing { beside: &'static str },
    Empty,
    Malformed { text: String, length: usize },
    Zero,
}

impl TraceContextError {
    fn new(key: &'static str, problem: Problem) -> Self {
        Self { key, problem }
    }

    fn missing(key: &'static str, beside: &'static str) -> Self {
        Self::new(key, Problem::Missing { beside })
    }

    /// Which part can't be one: [`TRACE_ID`], [`SPAN_ID`] or [`TRACE_FLAGS`].
    pub fn key(&self) -> &'static str {
        self.key
    }
}

impl fmt::Display for TraceContextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key;
        match &self.problem {
            Problem::Missing { beside } => write!(f, "there is a `{beside}` and no `{key}`"),
            Problem::Empty => write!(f, "the `{key}` is empty"),
            Problem::Malformed { text, length } => write!(
                f,
                "the `{key}` is `{}`, not {length} hexadecimal digits in lower case",
                text.escape_debug()
            ),
            Problem::Zero => write!(f, "the `{key}` is zero, which stands for none"),
        }
    }
}

impl std::error::Error for TraceContextError {}
