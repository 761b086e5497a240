//! The layer that generated code stands on, Vigil's own and other people's.
//!
//! It is small: a [`SpanStart`] gathers what a span starts with, a [`Handle`] records, emits and
//! ends, and the instruments measure. What is behind it (today `tracing` and
//! OpenTelemetry's SDK) can change without generated code or its callers noticing.
//!
//! Invariants:
//! - Nothing here fails, blocks or panics on what it is given.
//! - While nobody listens nothing is converted, copied or allocated: what starts spans and finds
//!   them asks [`is_active`] first, and a handle that was made then is empty.
//! - Through it goes nothing that no contract declares: keys, types, members of closed enums, and
//!   content while it is not captured. Where spans stand is checked by the compiler, above this
//!   layer. What foreign code sets through OpenTelemetry under keys of its own is its own affair.
//! - A span ends once, when its owner says so or is dropped; what comes later has no effect.

mod any;
mod attributes;
mod bridge;
mod callsite;
mod content;
pub(crate) mod current;
mod definition;
mod ended;
mod entered;
mod exposed;
mod facts;
mod fields;
mod gate;
mod handle;
mod inherited;
mod instruments;
mod keyed;
mod layer;
mod open;
mod opt_in;
mod outcome;
mod parent;
mod run;
mod start;
mod state;
mod stream;
mod told;
mod tracer;
mod value;

pub use any::AnyValue;
pub use attributes::{AttributeSet, Attributes};
pub use bridge::{LogBridge, log_bridge};
pub use content::set_content_max_bytes;
pub use definition::{
    Aggregate, AttributeDefinition, Derived, EventDefinition, Field, InstrumentKind, Level,
    Measured, MetricDefinition, NamePart, OptInKey, Outcome, RecordDefinition, Registry,
    Replacement, Scope, SpanDefinition, StreamDefinition, ValueType,
};
pub use ended::{EndedSpan, OnEnd};
pub use futures_core::Stream;
pub use gate::{set_capture_content, set_redaction};
pub use handle::Handle;
pub use inherited::InheritedAttributes;
pub use instruments::{
    BoundCounter, BoundDurationHistogram, BoundGauge, BoundHistogram, BoundUpDownCounter, Counter,
    DurationHistogram, Gauge, Histogram, Number, UpDownCounter, set_meter_provider,
};
pub use layer::{TraceLayer, trace_layer};
pub use opentelemetry::trace::SpanKind;
pub use opt_in::set_stability_opt_in;
pub use outcome::Failure;
pub use parent::{ForeignSpan, Parent, ParentRef, ParentSpan, RemoteParent, Root, TypedSpan};
pub use run::{Run, RunWith};
pub use start::SpanStart;
pub use stream::{
    OnChunk, RunStream, RunStreamWith, SpanStream, record_chunk, run_stream, run_stream_with,
};
pub(crate) use told::now;
pub use told::told_at;
pub use value::{Element, Int, Text, UnknownMember, Value};

#[cfg(feature = "testing")]
pub(crate) use gate::Gate;
#[cfg(feature = "aios")]
pub(crate) use gate::captures;
pub(crate) use gate::{Redaction, captures_on_spans, hides, set as set_redaction_hook};
#[cfg(feature = "_otlp")]
pub(crate) use gate::{is_content, leaving};
#[cfg(feature = "testing")]
pub(crate) use instruments::Binding;
#[cfg(feature = "testing")]
pub(crate) use keyed::is_below;
pub(crate) use open::{Reason, end_open, keep_open};
#[cfg(feature = "testing")]
pub(crate) use tracer::BODY;
#[cfg(feature = "_otlp")]
pub(crate) use tracer::is_closing;
pub(crate) use tracer::{ids_of, is_ending, opening_depth, teller};

/// Whether anybody may listen: a `tracing` subscriber of level `INFO` or more, or a meter provider.
#[inline]
pub fn is_active() -> bool {
    tracing::level_filters::LevelFilter::current() >= callsite::LEVEL || instruments::is_bound()
}
