//! What both formats share.

use tracing::field::Field;

/// The field that holds what is said.
pub(super) const MESSAGE: &str = "message";

/// The name of a field, without the mark of a raw identifier.
pub(super) fn name(field: &Field) -> &'static str {
    let name = field.name();
    name.strip_prefix("r#").unwrap_or(name)
}
