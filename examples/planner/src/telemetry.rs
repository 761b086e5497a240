//! What `vigil-gen` makes of `conventions/`, hung into the crate.

pub mod events;
pub mod metrics;
pub mod records;
pub mod registry;
pub mod semconv;
pub mod spans;
