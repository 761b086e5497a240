//! Content as JSON.

use super::{Message, Part, ToolDefinition};
use crate::carrier::{AnyValue, Text};
use crate::log::json::string;

/// What has a JSON form.
pub(super) trait Write {
    fn write(&self, json: &mut String);
}

/// An object, while it is written.
struct Object<'a>(&'a mut String);

impl<'a> Object<'a> {
    /// Begins with a key that is always there.
    fn start(json: &'a mut String, key: &str, value: &str) -> Self {
        json.push('{');
        string(json, key);
        json.push(':');
        string(json, value);
        Self(json)
    }

    fn key(&mut self, key: &str) -> &mut String {
        self.0.push(',');
        string(self.0, key);
        self.0.push(':');
        self.0
    }

    fn string(&mut self, key: &str, value: &str) {
        string(self.key(key), value);
    }

    fn some(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.string(key, value);
        }
    }

    fn end(self) {
        self.0.push('}');
    }
}

fn array<T: Write>(json: &mut String, items: &[T]) {
    json.push('[');
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            json.push(',');
        }
        item.write(json);
    }
    json.push(']');
}

impl Write for Message<'_> {
    fn write(&self, json: &mut String) {
        let mut object = Object::start(json, "role", &self.role);
        object.some("name", self.name.as_deref());
        array(object.key("parts"), &self.parts);
        object.some("finish_reason", self.finish_reason.as_deref());
        object.end();
    }
}

impl Write for Part<'_> {
    fn write(&self, json: &mut String) {
        let mut object = Object::start(json, "type", self.kind());
        match self {
            Self::Text { content } | Self::Reasoning { content } => {
                object.string("content", content);
            }
            Self::ToolCall {
                id,
                name,
                arguments,
            } => {
                object.string("id", id);
                object.string("name", name);
                arguments.write(object.key("arguments"));
            }
            Self::ToolCallResponse { id, response } => {
                object.string("id", id);
                response.write(object.key("response"));
            }
            Self::Blob {
                mime_type,
                modality,
                content,
            } => {
                object.some("mime_type", mime_type.as_deref());
                object.string("modality", modality);
                object.string("content", content);
            }
            Self::File {
                mime_type,
                modality,
                file_id,
            } => {
                object.some("mime_type", mime_type.as_deref());
                object.string("modality", modality);
                object.string("file_id", file_id);
            }
            Self::Uri {
                mime_type,
                modality,
                uri,
            } => {
                object.some("mime_type", mime_type.as_deref());
                object.string("modality", modality);
                object.string("uri", uri);
            }
            Self::Other { fields, .. } => {
                for (key, value) in fields {
                    value.write(object.key(key));
                }
            }
        }
        object.end();
    }
}

impl Part<'_> {
    fn kind(&self) -> &str {
        match self {
            Self::Text { .. } => "text",
            Self::Reasoning { .. } => "reasoning",
            Self::ToolCall { .. } => "tool_call",
            Self::ToolCallResponse { .. } => "tool_call_response",
            Self::Blob { .. } => "blob",
            Self::File { .. } => "file",
            Self::Uri { .. } => "uri",
            Self::Other { kind, .. } => kind,
        }
    }
}

impl Write for ToolDefinition<'_> {
    fn write(&self, json: &mut String) {
        let mut object = Object::start(json, "type", &self.kind);
        object.string("name", &self.name);
        object.some("description", self.description.as_deref());
        if let Some(parameters) = &self.parameters {
            parameters.write(object.key("parameters"));
        }
        object.end();
    }
}

/// Values of attributes that are structured: the same JSON.
macro_rules! values {
    ($($generics:tt: $($of:ty),*);*) => {
        $(values!(@each $generics: $($of),*);)*
    };
    (@each $generics:tt: $($of:ty),*) => {
        $(values!(@one $generics $of);)*
    };
    (@one [$($generics:tt)*] $of:ty) => {
        impl<$($generics)*> From<$of> for AnyValue {
            fn from(items: $of) -> Self {
                Self::Text(items.into())
            }
        }
    };
}

macro_rules! arrays {
    ($($item:ident),*) => {$(
        impl From<&[$item<'_>]> for Text {
            fn from(items: &[$item<'_>]) -> Self {
                let mut json = String::new();
                array(&mut json, items);
                Self::from(json)
            }
        }

        /// An array of one.
        impl From<$item<'_>> for Text {
            fn from(item: $item<'_>) -> Self {
                Self::from(std::slice::from_ref(&item))
            }
        }

        impl From<Vec<$item<'_>>> for Text {
            fn from(items: Vec<$item<'_>>) -> Self {
                Self::from(items.as_slice())
            }
        }

        impl From<&Vec<$item<'_>>> for Text {
            fn from(items: &Vec<$item<'_>>) -> Self {
                Self::from(items.as_slice())
            }
        }

        impl<const N: usize> From<[$item<'_>; N]> for Text {
            fn from(items: [$item<'_>; N]) -> Self {
                Self::from(items.as_slice())
            }
        }

        impl<const N: usize> From<&[$item<'_>; N]> for Text {
            fn from(items: &[$item<'_>; N]) -> Self {
                Self::from(items.as_slice())
            }
        }

        values!(
            []: &[$item<'_>], $item<'_>, Vec<$item<'_>>, &Vec<$item<'_>>;
            [const N: usize]: [$item<'_>; N], &[$item<'_>; N]
        );
    )*};
}

arrays!(Message, Part, ToolDefinition);
