//! What `vigil-gen` makes of `registry/`, whose kinds of definitions Vigil's own registry does without:
//!
//! ```sh
//! cargo run -p vigil-gen -- --config tests/vigil-gen.toml
//! ```

pub mod events;
pub mod metrics;
pub mod records;
pub mod registry;
pub mod semconv;
pub mod spans;
