//! Tests that span the crates of the workspace; see `tests/`. Here is what they share.

pub mod child;
pub mod everything;
pub mod installed;
pub mod kinds;
pub mod received;
pub mod receiver;
pub mod scratch;
