//! Tests that span the crates of the workspace; see `tests/`. Here is what they share.

pub mod receiver;
pub mod scratch;
