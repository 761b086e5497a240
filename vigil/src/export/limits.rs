//! How much the attributes of what leaves may hold.

/// Limits for attributes; without, there is none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AttributeLimits {
    /// Characters of a text, also within arrays and maps; as many of bytes.
    pub(super) length: Option<usize>,
    /// Attributes of a log record.
    pub(super) count: Option<usize>,
}

impl AttributeLimits {
    pub(super) fn text(self, text: &str) -> &str {
        let end = self
            .length
            // No text has more characters than bytes.
            .filter(|length| *length < text.len())
            .and_then(|length| text.char_indices().nth(length));
        end.map_or(text, |(end, _)| &text[..end])
    }

    pub(super) fn bytes(self, bytes: &[u8]) -> &[u8] {
        let length = self.length.unwrap_or(usize::MAX);
        bytes.get(..length).unwrap_or(bytes)
    }
}
