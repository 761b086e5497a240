//! What `vigil-gen` makes of `semconv/`, hung into the crate.

/// Events: a struct for each, and its `emit`.
pub mod events;
/// Metric instruments, and the attributes that each takes.
pub mod metrics;
/// Attributes that are recorded on an open span in one call.
pub mod records;
/// The whole registry in one static.
pub mod registry;
/// Attribute keys, and the values of those that are enums.
pub mod semconv;
/// Spans: functions that start them, builders, handles, and where each may stand.
pub mod spans;
