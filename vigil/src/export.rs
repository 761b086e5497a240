//! Export over OTLP that is never in the agent's way.
//!
//! [`Export`] makes the pieces that OpenTelemetry's SDK takes: a processor for spans, one for log
//! records, an exporter for metrics. Use them with an SDK of your own; `vigil` uses them for its own.
//!
//! ```
//! # #[cfg(feature = "http-proto")]
//! # fn main() -> Result<(), vigil::export::ExportError> {
//! use opentelemetry_sdk::trace::SdkTracerProvider;
//! use vigil::export::{Export, Protocol, Target};
//!
//! let target = Target::new(Protocol::HttpProtobuf, "http://localhost:4318/v1/traces");
//! let spans = Export::to(target).spans()?;
//! let monitor = spans.monitor();
//! let provider = SdkTracerProvider::builder()
//!     .with_span_processor(spans)
//!     .build();
//! // …
//! provider.shutdown().ok();
//! println!("{} spans lost", monitor.stats().lost());
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "http-proto"))]
//! # fn main() {}
//! ```
//!
//! - **No runtime is needed and any is fine.** Each signal has a thread of its own, which others help
//!   where it is too slow by itself, and all that takes time happens there. Who ends a span only puts it
//!   into a queue.
//! - **Nothing vanishes silently.** Each span, log record and data point is counted where it went
//!   ([`ExportStats`]), and outages are told when they begin and when they end ([`Report`]), by
//!   default as a `tracing` warning with the target `vigil`.
//! - **Retries are those of the OTLP specification**, the same on every protocol: what the collector
//!   may accept later is repeated with growing, jittered pauses, or when the collector asked for it
//!   (`Retry-After`, `RetryInfo`), until the target's timeout is over. What it refuses for good is not
//!   repeated, nor is what it rejected of a request that it accepted.
//! - **Shutdown is bounded**, whatever the collector does.
//!
//! Proxies are taken from the environment (`HTTPS_PROXY`, `NO_PROXY` …) over HTTP, and not used over
//! gRPC.

mod error;
mod stats;
mod target;

#[cfg(feature = "_otlp")]
mod certificates;
#[cfg(feature = "_otlp")]
mod courier;
#[cfg(feature = "_otlp")]
mod encode;
#[cfg(feature = "grpc")]
mod grpc;
#[cfg(any(feature = "http-proto", feature = "http-json"))]
mod http;
#[cfg(feature = "_otlp")]
mod limits;
#[cfg(feature = "_otlp")]
mod log_request;
#[cfg(feature = "_otlp")]
mod logs;
#[cfg(feature = "_otlp")]
mod metrics;
#[cfg(feature = "_otlp")]
mod monitor;
#[cfg(feature = "_otlp")]
mod overflow;
#[cfg(feature = "_otlp")]
mod protobuf;
#[cfg(feature = "_otlp")]
mod queue;
#[cfg(feature = "_otlp")]
mod retry;
#[cfg(feature = "_otlp")]
mod setup;
#[cfg(feature = "_otlp")]
mod span_request;
#[cfg(feature = "_otlp")]
mod spans;

pub use error::ExportError;
#[cfg(feature = "_otlp")]
pub use logs::LogExport;
#[cfg(feature = "_otlp")]
pub use metrics::{MetricExport, shutdown_meter_provider};
#[cfg(feature = "_otlp")]
pub use monitor::Monitor;
#[cfg(feature = "_otlp")]
pub use setup::Export;
#[cfg(feature = "_otlp")]
pub use spans::SpanExport;
pub use stats::{ExportStats, Report, Signal};
pub use target::{Batch, Compression, Protocol, Secret, Target, Tls};

/// What a worker may still take when its export was dropped without a shutdown.
#[cfg(feature = "_otlp")]
const AFTER_DROP: std::time::Duration = std::time::Duration::from_secs(5);
