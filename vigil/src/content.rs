//! Content in the form that the conventions give it: messages, instructions, tools.
//!
//! Content is off at first. [`VigConfig::capture_content`](crate::VigConfig::capture_content) or
//! [`set_capture_content`](crate::set_capture_content) captures it, and says whether it goes onto
//! spans, into the event that a chat sends when it ends, or both. Values are given as closures, which
//! are called only then. Before it leaves, [`VigConfig::redact`](crate::VigConfig::redact) is asked
//! about it, and texts in it are cut until it has the size that it may have
//! ([`set_content_max_bytes`](crate::carrier::set_content_max_bytes)).
//!
//! ```
//! use vigil::content::{Message, Part, ToolDefinition};
//! use vigil::{Deliberate, agent_span, chat_span, phase_span};
//!
//! # let (prompt, answer) = ("How warm is it in Oslo?", "I'll look.");
//! let agent = agent_span("s-1", "arcan").start();
//! let deliberate = phase_span(&agent, Deliberate);
//! let chat = chat_span(&deliberate, "claude-sonnet-4-5", "anthropic")
//!     .system_instructions(|| Part::text("Answer in one sentence."))
//!     .input_messages(|| [Message::user(prompt)])
//!     .tool_definitions(|| {
//!         [ToolDefinition::function("weather").parameters(r#"{"type":"object"}"#)]
//!     })
//!     .start();
//! chat.record_output_messages(|| {
//!     Message::assistant()
//!         .text(answer)
//!         .tool_call("call-1", "weather", r#"{"city":"Oslo"}"#)
//!         .finish_reason("tool_call")
//! });
//! ```
//!
//! Setters of content take text as well: JSON that a provider's client has made already goes out as
//! it is, on log records with its structure. With the feature `serde`, `Json(&value)` is the JSON of
//! anything that is `Serialize`.

mod check;
mod data;
mod parse;
mod write;

use std::borrow::Cow;

pub(crate) use check::is_structure;
pub use data::Data;
#[cfg(feature = "serde")]
pub use data::Json;
pub(crate) use parse::structure;

/// A message of a conversation.
///
/// ```
/// use vigil::carrier::Text;
/// use vigil::content::Message;
///
/// let messages = [
///     Message::user("How warm is it in Oslo?"),
///     Message::assistant().tool_call("call-1", "weather", r#"{"city":"Oslo"}"#),
///     Message::tool("call-1", "12 °C"),
/// ];
/// assert_eq!(
///     Text::from(&messages[..2]),
///     concat!(
///         r#"[{"role":"user","parts":[{"type":"text","content":"How warm is it in Oslo?"}]},"#,
///         r#"{"role":"assistant","parts":[{"type":"tool_call","id":"call-1","name":"weather","#,
///         r#""arguments":{"city":"Oslo"}}]}]"#,
///     ),
/// );
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a message does nothing until it is recorded"]
pub struct Message<'a> {
    role: Cow<'a, str>,
    name: Option<Cow<'a, str>>,
    parts: Vec<Part<'a>>,
    finish_reason: Option<Cow<'a, str>>,
}

impl<'a> Message<'a> {
    /// A message of that role, without parts.
    pub fn new(role: impl Into<Cow<'a, str>>) -> Self {
        Self {
            role: role.into(),
            name: None,
            parts: Vec::new(),
            finish_reason: None,
        }
    }

    /// What the system says, where its instructions are among the messages.
    pub fn system(text: impl Into<Cow<'a, str>>) -> Self {
        Self::new("system").text(text)
    }

    /// What the user says.
    pub fn user(text: impl Into<Cow<'a, str>>) -> Self {
        Self::new("user").text(text)
    }

    /// What the model says: parts follow.
    pub fn assistant() -> Self {
        Self::new("assistant")
    }

    /// What a tool answers to the call of that id.
    pub fn tool(id: impl Into<Cow<'a, str>>, response: impl Into<Data<'a>>) -> Self {
        Self::new("tool").tool_call_response(id, response)
    }

    /// Adds text.
    pub fn text(self, text: impl Into<Cow<'a, str>>) -> Self {
        self.part(Part::text(text))
    }

    /// Adds what the model thought on the way.
    pub fn reasoning(self, text: impl Into<Cow<'a, str>>) -> Self {
        self.part(Part::reasoning(text))
    }

    /// Adds a call of a tool that the model asks for.
    pub fn tool_call(
        self,
        id: impl Into<Cow<'a, str>>,
        name: impl Into<Cow<'a, str>>,
        arguments: impl Into<Data<'a>>,
    ) -> Self {
        self.part(Part::tool_call(id, name, arguments))
    }

    /// Adds what a tool answered.
    pub fn tool_call_response(
        self,
        id: impl Into<Cow<'a, str>>,
        response: impl Into<Data<'a>>,
    ) -> Self {
        self.part(Part::tool_call_response(id, response))
    }

    /// Adds a part.
    pub fn part(mut self, part: Part<'a>) -> Self {
        self.parts.push(part);
        self
    }

    /// Who speaks, where several have the same role.
    pub fn name(mut self, name: impl Into<Cow<'a, str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Why the model stopped: `stop`, `length`, `content_filter`, `tool_call`, `error`. Output
    /// messages have it.
    pub fn finish_reason(mut self, reason: impl Into<Cow<'a, str>>) -> Self {
        self.finish_reason = Some(reason.into());
        self
    }
}

/// A part of a message or of the system's instructions.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Part<'a> {
    /// Text.
    #[non_exhaustive]
    Text {
        /// It.
        content: Cow<'a, str>,
    },
    /// What the model thought on the way.
    #[non_exhaustive]
    Reasoning {
        /// It, as far as the provider shows it.
        content: Cow<'a, str>,
    },
    /// A call of a tool that the model asks for.
    #[non_exhaustive]
    ToolCall {
        /// The id of the call.
        id: Cow<'a, str>,
        /// The tool.
        name: Cow<'a, str>,
        /// What it is called with.
        arguments: Data<'a>,
    },
    /// What a tool answered.
    #[non_exhaustive]
    ToolCallResponse {
        /// The id of the call.
        id: Cow<'a, str>,
        /// The answer.
        response: Data<'a>,
    },
    /// An image, a sound or a video, in the message itself.
    #[non_exhaustive]
    Blob {
        /// `image/png`
        mime_type: Option<Cow<'a, str>>,
        /// `image`, `audio`, `video`
        modality: Cow<'a, str>,
        /// The bytes, in base 64.
        content: Cow<'a, str>,
    },
    /// A file that the provider has.
    #[non_exhaustive]
    File {
        /// `image/png`
        mime_type: Option<Cow<'a, str>>,
        /// `image`, `audio`, `video`
        modality: Cow<'a, str>,
        /// The provider's id of it.
        file_id: Cow<'a, str>,
    },
    /// A file that is somewhere else.
    #[non_exhaustive]
    Uri {
        /// `image/png`
        mime_type: Option<Cow<'a, str>>,
        /// `image`, `audio`, `video`
        modality: Cow<'a, str>,
        /// Where it is.
        uri: Cow<'a, str>,
    },
    /// Anything else.
    #[non_exhaustive]
    Other {
        /// Its `type`.
        kind: Cow<'a, str>,
        /// What else it has.
        fields: Vec<(Cow<'a, str>, Data<'a>)>,
    },
}

impl<'a> Part<'a> {
    /// Text.
    pub fn text(content: impl Into<Cow<'a, str>>) -> Self {
        Self::Text {
            content: content.into(),
        }
    }

    /// What the model thought on the way.
    pub fn reasoning(content: impl Into<Cow<'a, str>>) -> Self {
        Self::Reasoning {
            content: content.into(),
        }
    }

    /// A call of a tool that the model asks for.
    pub fn tool_call(
        id: impl Into<Cow<'a, str>>,
        name: impl Into<Cow<'a, str>>,
        arguments: impl Into<Data<'a>>,
    ) -> Self {
        Self::ToolCall {
            id: id.into(),
            name: name.into(),
            arguments: arguments.into(),
        }
    }

    /// What a tool answered.
    pub fn tool_call_response(id: impl Into<Cow<'a, str>>, response: impl Into<Data<'a>>) -> Self {
        Self::ToolCallResponse {
            id: id.into(),
            response: response.into(),
        }
    }

    /// An image (`image`), a sound (`audio`) or a video (`video`), as bytes.
    pub fn blob(modality: impl Into<Cow<'a, str>>, bytes: impl AsRef<[u8]>) -> Self {
        Self::Blob {
            mime_type: None,
            modality: modality.into(),
            content: Cow::Owned(crate::config::base64(bytes.as_ref())),
        }
    }

    /// A file that the provider has.
    pub fn file(modality: impl Into<Cow<'a, str>>, file_id: impl Into<Cow<'a, str>>) -> Self {
        Self::File {
            mime_type: None,
            modality: modality.into(),
            file_id: file_id.into(),
        }
    }

    /// A file that is somewhere else.
    pub fn uri(modality: impl Into<Cow<'a, str>>, uri: impl Into<Cow<'a, str>>) -> Self {
        Self::Uri {
            mime_type: None,
            modality: modality.into(),
            uri: uri.into(),
        }
    }

    /// A part of another type; [`field`](Self::field) gives what it has.
    pub fn other(kind: impl Into<Cow<'a, str>>) -> Self {
        Self::Other {
            kind: kind.into(),
            fields: Vec::new(),
        }
    }

    /// The type of a blob, file or URI: `image/png`. Other parts have none.
    #[must_use]
    pub fn mime_type(mut self, of: impl Into<Cow<'a, str>>) -> Self {
        if let Self::Blob { mime_type, .. }
        | Self::File { mime_type, .. }
        | Self::Uri { mime_type, .. } = &mut self
        {
            *mime_type = Some(of.into());
        }
        self
    }

    /// Something that a part of another type has; the parts above have no such fields.
    #[must_use]
    pub fn field(mut self, key: impl Into<Cow<'a, str>>, value: impl Into<Data<'a>>) -> Self {
        if let Self::Other { fields, .. } = &mut self {
            fields.push((key.into(), value.into()));
        }
        self
    }
}

/// A tool that the model may call.
///
/// ```
/// use vigil::carrier::Text;
/// use vigil::content::ToolDefinition;
///
/// let weather = ToolDefinition::function("weather").description("How warm it is somewhere.");
/// assert_eq!(
///     Text::from(weather),
///     r#"[{"type":"function","name":"weather","description":"How warm it is somewhere."}]"#,
/// );
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a definition does nothing until it is recorded"]
pub struct ToolDefinition<'a> {
    kind: Cow<'a, str>,
    name: Cow<'a, str>,
    description: Option<Cow<'a, str>>,
    parameters: Option<Data<'a>>,
}

impl<'a> ToolDefinition<'a> {
    /// A tool of that type.
    pub fn new(kind: impl Into<Cow<'a, str>>, name: impl Into<Cow<'a, str>>) -> Self {
        Self {
            kind: kind.into(),
            name: name.into(),
            description: None,
            parameters: None,
        }
    }

    /// A tool of type `function`.
    pub fn function(name: impl Into<Cow<'a, str>>) -> Self {
        Self::new("function", name)
    }

    /// What the model is told of it.
    pub fn description(mut self, description: impl Into<Cow<'a, str>>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// What it takes: a JSON schema.
    pub fn parameters(mut self, schema: impl Into<Data<'a>>) -> Self {
        self.parameters = Some(schema.into());
        self
    }
}
