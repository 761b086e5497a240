//! What `vigil-gen` makes of `registry/`, whose kinds of definitions Vigil's own registry does without:
//!
//! ```sh
//! cargo run -p vigil-gen -- --registry tests/registry --templates templates \
//!     --out tests/src/kinds --module crate::kinds
//! ```

pub mod events;
pub mod metrics;
pub mod records;
pub mod registry;
pub mod semconv;
pub mod spans;
