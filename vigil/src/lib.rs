//! Observability for agents: typed spans, metrics and events, carried to OpenTelemetry.
//!
//! The API is generated from a registry of conventions (`semconv/`). Spans are named after the tree
//! that they form, and each says where it may stand:
//!
//! ```text
//! agent_span(session, name)
//!   ├── phase_span(Perceive)    → record_budget
//!   ├── phase_span(Deliberate)  → chat_span(model, provider)
//!   │                               └── record_token_usage, record_finish_reason
//!   ├── phase_span(Execute)     → tool_span(name, call id)
//!   │                               └── record_tool_status
//!   └── phase_span(Reflect)     → record_mode_transition
//! ```
//!
//! ```
//! use vigil::semconv::gen_ai::ProviderName;
//! use vigil::{Deliberate, agent_span, chat_span, phase_span};
//!
//! # fn ask() -> Result<String, std::io::Error> { Ok(String::new()) }
//! # fn main() -> Result<(), std::io::Error> {
//! let agent = agent_span("s-1", "arcan").start();
//! let deliberate = phase_span(&agent, Deliberate);
//! let chat = chat_span(&deliberate, "claude-sonnet-4-5", ProviderName::Anthropic)
//!     .request_max_tokens(4096)
//!     .start();
//! let answer = chat.run_blocking(ask)?; // an error sets the status and `error.type`
//! chat.record_finish_reason("stop");
//! # Ok(())
//! # }
//! ```
//!
//! A chat under another phase does not compile:
//!
//! ```compile_fail,E0277
//! use vigil::{Execute, agent_span, chat_span, phase_span};
//!
//! let agent = agent_span("s-1", "arcan").start();
//! let execute = phase_span(&agent, Execute);
//! let chat = chat_span(&execute, "claude-sonnet-4-5", "anthropic").start();
//! ```
//!
//! # Replies in chunks
//!
//! A chat that streams tells when its chunks arrive, and whether it was read to its end:
//!
//! ```
//! use std::future::poll_fn;
//! use std::pin::pin;
//!
//! use vigil::carrier::Stream;
//! use vigil::spans::gen_ai::ChatSpan;
//!
//! async fn read<E>(
//!     chat: &ChatSpan,
//!     chunks: impl Stream<Item = Result<String, E>>,
//! ) -> Result<String, E> {
//!     let mut chunks = pin!(chat.run_stream(chunks));
//!     let mut reply = String::new();
//!     while let Some(chunk) = poll_fn(|cx| chunks.as_mut().poll_next(cx)).await {
//!         reply += &chunk?; // an error sets the status and `error.type`
//!     }
//!     Ok(reply)
//! }
//! ```
//!
//! [`into_stream`](spans::gen_ai::ChatSpan::into_stream) takes the span along, for a stream that is
//! handed on. [`record_chunk`](spans::gen_ai::ChatSpan::record_chunk) is for clients that call back.
//!
//! # Who listens
//!
//! Nobody, until [`init`] starts a pipeline: to an OTLP endpoint if there is one, else to the terminal.
//! Whoever has a `tracing` subscriber or an OpenTelemetry SDK takes the parts instead: a
//! [`trace_layer`] with [`carrier::InheritedAttributes`] among the SDK's processors,
//! [`set_meter_provider`] with a [`metric_view`], [`log_bridge`], [`log::LogLayer`], [`export`].
//!
//! Content (messages, tool arguments and output) is recorded only if it is asked for: [`content`] tells
//! how.
//!
//! # The Agent OS
//!
//! [`journal`] puts trace context into events and reads it. The feature `aios` converts the types of
//! `aios-protocol` and makes spans of its events (`vigil::aios`); `lago` joins traces and Lago's journal
//! (`vigil::lago`), and needs Rust 1.93.
//!
//! # Tests
//!
//! In tests, `vigil::testing::Pipeline` (feature `testing`) keeps what was exported and checks it
//! against the [registry](registry::REGISTRY).
//!
//! # How spans end
//!
//! Spans end when their handle is dropped or ended; [`carrier::Handle`] tells how. Everything that
//! is recorded is declared in [`semconv`], and costs next to nothing while nobody listens.

// The docs link to what is behind features; they are built with all of them.
#![cfg_attr(not(feature = "_otlp"), allow(rustdoc::broken_intra_doc_links))]

// The code in the guide is code that compiles.
#[cfg(all(doctest, feature = "lago"))]
#[doc = include_str!("../../docs/migration.md")]
#[allow(dead_code)]
struct Migration;

// Generated code, here and in other crates, names the carrier the same way.
#[allow(unused_extern_crates)]
extern crate self as vigil;

#[cfg(feature = "aios")]
pub mod aios;
pub mod carrier;
pub mod config;
pub mod content;
pub mod export;
mod generated;
mod init;
pub mod journal;
#[cfg(feature = "lago")]
pub mod lago;
pub mod log;
#[cfg(feature = "testing")]
pub mod testing;
mod views;

#[doc(inline)]
pub use carrier::{
    log_bridge, set_capture_content, set_meter_provider, set_redaction, set_stability_opt_in,
    trace_layer,
};
#[doc(inline)]
pub use config::{Preset, VigConfig};
#[doc(inline)]
pub use generated::{events, metrics, records, registry, semconv, spans};
#[doc(inline)]
pub use init::{ShutdownReport, VigError, VigGuard, exit, init, init_with_writer};
#[doc(inline)]
pub use journal::{extract_trace_context, write_trace_context};
#[doc(inline)]
pub use spans::gen_ai::{AgentSpan, ChatSpan, ToolSpan, agent_span, chat_span, tool_span};
#[doc(inline)]
pub use spans::life::{
    Commit, Deliberate, Execute, Gate, Perceive, PhaseSpan, Reflect, Sleep, phase_span,
    phase_span_dyn,
};
#[doc(inline)]
pub use views::metric_view;
