//! What both formats share.

use std::error::Error;
use std::fmt::Debug;

use tracing::field::{Field, Visit};

use crate::carrier;

/// The field that holds what is said.
pub(super) const MESSAGE: &str = "message";

/// The name of a field, without the mark of a raw identifier.
pub(super) fn name(field: &Field) -> &'static str {
    let name = field.name();
    name.strip_prefix("r#").unwrap_or(name)
}

/// A boolean.
pub(super) fn bool(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

/// Fields without content that is not captured.
pub(super) struct Shown<'a>(pub(super) &'a mut dyn Visit);

impl Shown<'_> {
    fn visit(&mut self, field: &Field, visit: impl FnOnce(&mut dyn Visit)) {
        if !carrier::hides(field, name(field)) {
            visit(self.0);
        }
    }
}

impl Visit for Shown<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.visit(field, |it| it.record_f64(field, value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.visit(field, |it| it.record_i64(field, value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.visit(field, |it| it.record_u64(field, value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.visit(field, |it| it.record_i128(field, value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.visit(field, |it| it.record_u128(field, value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.visit(field, |it| it.record_bool(field, value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.visit(field, |it| it.record_str(field, value));
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        self.visit(field, |it| it.record_bytes(field, value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.visit(field, |it| it.record_error(field, value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.visit(field, |it| it.record_debug(field, value));
    }
}
