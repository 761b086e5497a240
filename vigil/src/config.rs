//! What a pipeline is to be: said in code, then by the environment.
//!
//! ```
//! use vigil::config::{Preset, Sampler, Signal, VigConfig};
//!
//! let config = VigConfig::new()
//!     .service_name("arcan")
//!     .preset(Preset::Langfuse)
//!     .sampler(Sampler::ParentBasedTraceIdRatio(0.5));
//! let resolved = config.resolve(|variable| match variable {
//!     "OTEL_EXPORTER_OTLP_ENDPOINT" => Some("http://collector:4318".to_owned()),
//!     "OTEL_BSP_MAX_QUEUE_SIZE" => Some("abc".to_owned()),
//!     _ => None,
//! });
//!
//! # #[cfg(feature = "http-proto")] {
//! let traces = resolved.target(Signal::Traces).unwrap();
//! assert_eq!(traces.shown_url(), "http://collector:4318/v1/traces");
//! assert_eq!(
//!     resolved.warnings()[0].to_string(),
//!     "`OTEL_BSP_MAX_QUEUE_SIZE`: `abc` is not a positive integer: using 32768",
//! );
//! # }
//! ```
//!
//! Variables mean what the OpenTelemetry specification says, with two departures: without an
//! endpoint (from a variable, a preset, code, or `otlp` among the exporters) nothing is exported;
//! and the environment wins over code everywhere. One default is another: queues hold 32,768, so
//! that a burst isn't lost.
//!
//! A variable of the specification wins over one of Vigil's own for the same thing, and who sets
//! both is told. What can't be read is never passed over in silence: [`Resolved::warnings`] name it
//! and say what holds instead.
//!
//! [`VARIABLES`] is the list of all that is read.

mod env;
mod options;
mod outputs;
mod preset;
mod resolve;
mod resolved;
mod stability;
#[cfg(test)]
mod tests;
mod text;
mod variables;
mod warning;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use opentelemetry::{Key, KeyValue, Value};

pub use options::{
    CaptureContent, Exporter, HistogramAggregation, Limits, LogFormat, Propagator, Sampler,
    Temporality,
};
pub use preset::Preset;
pub use resolved::{Output, Resolved};
pub use stability::{Names, StabilityOptIn};
pub(crate) use text::base64;
pub use variables::{VARIABLES, Variable};
pub use warning::Warning;

pub use crate::export::{Compression, Protocol, Secret, Signal};

use crate::carrier::Redaction;

/// What a pipeline is to be, as far as code says. What it doesn't say has the specification's
/// default, and the environment overrides all of it: see the [module](self).
///
/// A setter that is called again replaces what it said before, unless it says that it adds.
#[derive(Clone, Debug, Default)]
#[must_use = "a configuration does nothing until it is resolved"]
pub struct VigConfig {
    disabled: Option<bool>,
    service_name: Option<String>,
    resource: Vec<KeyValue>,
    preset: Option<Preset>,
    otlp: Otlp,
    signals: [SignalConfig; 3],
    sampler: Option<Sampler>,
    propagators: Option<Vec<Propagator>>,
    span_batch: BatchConfig,
    log_batch: BatchConfig,
    metric_interval: Option<Duration>,
    metric_timeout: Option<Duration>,
    temporality: Option<Temporality>,
    histograms: Option<HistogramAggregation>,
    limits: Limits,
    log_format: Option<LogFormat>,
    log_filter: Option<String>,
    capture_content: Option<CaptureContent>,
    content_max_bytes: Option<usize>,
    shutdown_timeout: Option<Duration>,
    handle_signals: Option<bool>,
    panics_are_fatal: Option<bool>,
    redaction: Option<Redaction>,
    stability_opt_in: Option<StabilityOptIn>,
}

/// What one signal has of its own.
#[derive(Clone, Debug, Default)]
struct SignalConfig {
    otlp: Otlp,
    exporters: Option<Vec<Exporter>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct BatchConfig {
    queue_size: Option<usize>,
    batch_size: Option<usize>,
    delay: Option<Duration>,
    timeout: Option<Duration>,
    concurrent: Option<usize>,
}

impl VigConfig {
    /// Says nothing: without an endpoint in the environment, telemetry stays in the log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing is recorded, logged or exported. Propagation stays.
    ///
    /// `OTEL_SDK_DISABLED`
    pub fn disabled(mut self, disabled: bool) -> Self {
        self.disabled = Some(disabled);
        self
    }

    /// The service that telemetry comes from: the resource's `service.name`.
    ///
    /// `OTEL_SERVICE_NAME`
    pub fn service_name(mut self, name: impl Into<String>) -> Self {
        self.service_name = Some(name.into());
        self
    }

    /// Adds an attribute of everything that is exported: `deployment.environment.name`.
    ///
    /// `OTEL_RESOURCE_ATTRIBUTES`
    pub fn resource_attribute(mut self, key: impl Into<Key>, value: impl Into<Value>) -> Self {
        self.resource.push(KeyValue::new(key, value));
        self
    }

    /// The backend, if it is one that is known by name.
    ///
    /// `VIGIL_PRESET`
    pub fn preset(mut self, preset: Preset) -> Self {
        self.preset = Some(preset);
        self
    }

    /// Where all signals go: the base to which `/v1/traces`, `/v1/metrics` and `/v1/logs` are added
    /// (for gRPC, the host). Short for an [`Otlp`] with that endpoint.
    ///
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.otlp = self.otlp.endpoint(url);
        self
    }

    /// How all signals are sent.
    ///
    /// `OTEL_EXPORTER_OTLP_PROTOCOL`
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.otlp = self.otlp.protocol(protocol);
        self
    }

    /// Adds a header to the requests of all signals.
    ///
    /// `OTEL_EXPORTER_OTLP_HEADERS`
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.otlp = self.otlp.header(name, value);
        self
    }

    /// Where all signals go, and how, in the place of what was said so far.
    pub fn otlp(mut self, otlp: Otlp) -> Self {
        self.otlp = otlp;
        self
    }

    /// Where one signal goes, and how, as far as that differs from the others. Its endpoint is
    /// taken to the letter: over HTTP with its path (`http://localhost:4318/v1/traces`).
    pub fn otlp_for(mut self, signal: Signal, otlp: Otlp) -> Self {
        self.signal(signal).otlp = otlp;
        self
    }

    /// Whether spans go anywhere.
    ///
    /// `OTEL_TRACES_EXPORTER`
    pub fn traces(self, on: bool) -> Self {
        self.switch(Signal::Traces, on)
    }

    /// Whether measurements go anywhere.
    ///
    /// `OTEL_METRICS_EXPORTER`
    pub fn metrics(self, on: bool) -> Self {
        self.switch(Signal::Metrics, on)
    }

    /// Whether log records are exported. Log lines are written all the same.
    ///
    /// `OTEL_LOGS_EXPORTER`
    pub fn logs(self, on: bool) -> Self {
        self.switch(Signal::Logs, on)
    }

    /// Where a signal goes. Unless said: over OTLP if there is an endpoint.
    ///
    /// `OTEL_TRACES_EXPORTER`, `OTEL_METRICS_EXPORTER`, `OTEL_LOGS_EXPORTER`
    pub fn exporters(
        mut self,
        signal: Signal,
        exporters: impl IntoIterator<Item = Exporter>,
    ) -> Self {
        self.signal(signal).exporters = Some(exporters.into_iter().collect());
        self
    }

    /// Which traces are recorded.
    ///
    /// `OTEL_TRACES_SAMPLER` with `OTEL_TRACES_SAMPLER_ARG`, or `VIGIL_SAMPLING_RATIO`
    pub fn sampler(mut self, sampler: Sampler) -> Self {
        self.sampler = Some(sampler);
        self
    }

    /// What travels to other processes.
    ///
    /// `OTEL_PROPAGATORS`
    pub fn propagators(mut self, propagators: impl IntoIterator<Item = Propagator>) -> Self {
        self.propagators = Some(propagators.into_iter().collect());
        self
    }

    /// How many spans may wait for their export. More are dropped and counted.
    ///
    /// `OTEL_BSP_MAX_QUEUE_SIZE`
    pub fn span_queue_size(mut self, spans: usize) -> Self {
        self.span_batch.queue_size = Some(spans);
        self
    }

    /// How many spans leave in one request.
    ///
    /// `OTEL_BSP_MAX_EXPORT_BATCH_SIZE`
    pub fn span_batch_size(mut self, spans: usize) -> Self {
        self.span_batch.batch_size = Some(spans);
        self
    }

    /// How often spans leave, however few.
    ///
    /// `OTEL_BSP_SCHEDULE_DELAY`
    pub fn span_delay(mut self, delay: Duration) -> Self {
        self.span_batch.delay = Some(delay);
        self
    }

    /// How long the export of a batch of spans may take. Zero is no limit.
    ///
    /// `OTEL_BSP_EXPORT_TIMEOUT`
    pub fn span_export_timeout(mut self, timeout: Duration) -> Self {
        self.span_batch.timeout = Some(timeout);
        self
    }

    /// How many requests with spans may be under way at the same time, each on a thread and a connection
    /// of its own. There is one, unless that is too slow.
    ///
    /// `OTEL_BSP_MAX_CONCURRENT_EXPORTS`
    pub fn span_concurrent_exports(mut self, requests: usize) -> Self {
        self.span_batch.concurrent = Some(requests);
        self
    }

    /// How many log records may wait for their export. More are dropped and counted.
    ///
    /// `OTEL_BLRP_MAX_QUEUE_SIZE`
    pub fn log_queue_size(mut self, records: usize) -> Self {
        self.log_batch.queue_size = Some(records);
        self
    }

    /// How many log records leave in one request.
    ///
    /// `OTEL_BLRP_MAX_EXPORT_BATCH_SIZE`
    pub fn log_batch_size(mut self, records: usize) -> Self {
        self.log_batch.batch_size = Some(records);
        self
    }

    /// How often log records leave, however few.
    ///
    /// `OTEL_BLRP_SCHEDULE_DELAY`
    pub fn log_delay(mut self, delay: Duration) -> Self {
        self.log_batch.delay = Some(delay);
        self
    }

    /// How long the export of a batch of log records may take. Zero is no limit.
    ///
    /// `OTEL_BLRP_EXPORT_TIMEOUT`
    pub fn log_export_timeout(mut self, timeout: Duration) -> Self {
        self.log_batch.timeout = Some(timeout);
        self
    }

    /// How many requests with log records may be under way at the same time, each on a thread and a
    /// connection of its own. There is one, unless that is too slow. No variable says it.
    pub fn log_concurrent_exports(mut self, requests: usize) -> Self {
        self.log_batch.concurrent = Some(requests);
        self
    }

    /// How often metrics leave. As log lines they are written no more often than that.
    ///
    /// `OTEL_METRIC_EXPORT_INTERVAL`
    pub fn metric_interval(mut self, interval: Duration) -> Self {
        self.metric_interval = Some(interval);
        self
    }

    /// How long one export of metrics may take. Zero is no limit.
    ///
    /// `OTEL_METRIC_EXPORT_TIMEOUT`
    pub fn metric_export_timeout(mut self, timeout: Duration) -> Self {
        self.metric_timeout = Some(timeout);
        self
    }

    /// Since when exported sums and histograms count.
    ///
    /// `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`
    pub fn temporality(mut self, temporality: Temporality) -> Self {
        self.temporality = Some(temporality);
        self
    }

    /// The buckets of all histograms.
    ///
    /// `OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION`
    pub fn histogram_aggregation(mut self, aggregation: HistogramAggregation) -> Self {
        self.histograms = Some(aggregation);
        self
    }

    /// How much spans, events, links and log records may hold.
    ///
    /// `OTEL_ATTRIBUTE_COUNT_LIMIT`, `OTEL_SPAN_EVENT_COUNT_LIMIT` and their like
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How log lines look.
    ///
    /// `VIGIL_LOG_FORMAT`
    pub fn log_format(mut self, format: LogFormat) -> Self {
        self.log_format = Some(format);
        self
    }

    /// Which log lines are written: `info`, `arcan=debug,warn`. Typed spans and metrics are
    /// exported whatever it says.
    ///
    /// `RUST_LOG`
    pub fn log_filter(mut self, directives: impl Into<String>) -> Self {
        self.log_filter = Some(directives.into());
        self
    }

    /// Which names are emitted where the registry has a former and a latest one: the former, unless
    /// their category is opted in to. With `/dup` behind it, both are emitted.
    ///
    /// ```
    /// let config = vigil::VigConfig::new().stability_opt_in("gen_ai_latest_experimental/dup");
    /// # drop(config);
    /// ```
    ///
    /// `OTEL_SEMCONV_STABILITY_OPT_IN`
    pub fn stability_opt_in(mut self, opt_in: impl Into<StabilityOptIn>) -> Self {
        self.stability_opt_in = Some(opt_in.into());
        self
    }

    /// Where content goes; `true` is onto spans.
    ///
    /// `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`, or `VIGIL_CAPTURE_CONTENT`
    pub fn capture_content(mut self, capture: impl Into<CaptureContent>) -> Self {
        self.capture_content = Some(capture.into());
        self
    }

    /// Asks `redact` about every piece of content that is captured, before it is cut to size: with the
    /// key of its attribute and its text. What it returns goes out, and with `None` nothing does. See
    /// [`set_redaction`](crate::set_redaction).
    ///
    /// ```
    /// let config = vigil::VigConfig::new()
    ///     .capture_content(true)
    ///     .redact(|_key, text| Some(text.replace("hunter2", "…")));
    /// # drop(config);
    /// ```
    pub fn redact(
        mut self,
        redact: impl Fn(&str, &str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.redaction = Some(Redaction::new(redact));
        self
    }

    /// The size to which the content of an attribute is cut, inside its JSON.
    ///
    /// `VIGIL_CAPTURE_CONTENT_MAX_BYTES`
    pub fn content_max_bytes(mut self, bytes: usize) -> Self {
        self.content_max_bytes = Some(bytes);
        self
    }

    /// How long the pipeline may take to hand over what it has where nobody says how long: when its
    /// guard is dropped, by [`vigil::exit`](crate::exit) or `std::process::exit`, at a signal, at a
    /// fatal panic. Unless said, 2 s.
    ///
    /// `VIGIL_SHUTDOWN_TIMEOUT`
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = Some(timeout);
        self
    }

    /// Whether SIGTERM, SIGINT and SIGHUP are handled: what is open ends as `terminated`, everything is
    /// handed over, and then the signal does what it did before. Unless said they are, on Unix.
    ///
    /// A program whose own handler was there before is called after that, with the pipeline still
    /// running. One that puts its handler in later, such as `tokio::signal`, has taken the signal
    /// over: then what has ended by then is handed over, and the rest is up to the program and its
    /// guard. So it is for the first process of a container without a handler (its id is 1), which
    /// the system lets no signal end but SIGKILL.
    pub fn handle_signals(mut self, handle: bool) -> Self {
        self.handle_signals = Some(handle);
        self
    }

    /// Whether a panic ends the process, so that everything has to be handed over before the panic
    /// hook of the program runs: spans of the trace in which it happened end as `panic`, others as
    /// `terminated`. Unless said, it does where the program is built with `panic = "abort"`.
    ///
    /// For a program whose panic hook ends the process.
    pub fn panics_are_fatal(mut self, fatal: bool) -> Self {
        self.panics_are_fatal = Some(fatal);
        self
    }

    /// What holds, with the variables that `lookup` knows. Nothing else is read.
    pub fn resolve(&self, lookup: impl Fn(&str) -> Option<String>) -> Resolved {
        resolve::resolve(self, &lookup, &Protocol::is_built_in)
    }

    /// What holds, with the environment of this process. Variables that begin with `VIGIL_` and are
    /// none of Vigil's are reported.
    pub fn resolve_from_env(&self) -> Resolved {
        let mut resolved = self.resolve(|name| {
            // What is no Unicode is not passed over: it is read with replacement characters, and
            // reported where those can't stand.
            std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
        });
        let own = |name: &&str| name.starts_with("VIGIL_");
        let known = || {
            VARIABLES
                .iter()
                .flat_map(|it| it.names)
                .copied()
                .filter(own)
        };
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if own(&&*name) && !known().any(|known| known == name) {
                let known: Vec<_> = known().map(|name| format!("`{name}`")).collect();
                resolved.warnings.push(Warning::new(
                    name,
                    format!("there is no such variable, only {}", known.join(", ")),
                    "ignoring it",
                ));
            }
        }
        resolved
    }

    fn signal(&mut self, signal: Signal) -> &mut SignalConfig {
        &mut self.signals[signal as usize]
    }

    fn switch(mut self, signal: Signal, on: bool) -> Self {
        self.signal(signal).exporters = (!on).then(|| vec![Exporter::None]);
        self
    }
}

/// Where telemetry goes over OTLP, and how: of all signals, or of one.
#[derive(Clone, Debug, Default)]
#[must_use = "it does nothing until it is part of a `VigConfig`"]
pub struct Otlp {
    endpoint: Option<Endpoint>,
    insecure: Option<bool>,
    protocol: Option<Protocol>,
    headers: Option<Vec<(String, Secret)>>,
    timeout: Option<Duration>,
    compression: Option<Compression>,
    ca_certificate: Option<PathBuf>,
    client_certificate: Option<PathBuf>,
    client_key: Option<PathBuf>,
}

/// A URL that may hold a password.
#[derive(Clone)]
struct Endpoint(String);

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::redact(&self.0).fmt(f)
    }
}

impl Otlp {
    /// Says nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The URL: for all signals the base to which `/v1/traces` and its like are added, for one
    /// signal the whole. A user and password in it become an `authorization` header.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(Endpoint(url.into()));
        self
    }

    /// Whether a gRPC endpoint without `http://` or `https://` is reached without TLS.
    pub fn insecure(mut self, insecure: bool) -> Self {
        self.insecure = Some(insecure);
        self
    }

    /// The protocol. Unless said, `http/protobuf`.
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = Some(protocol);
        self
    }

    /// Adds a header to each request (over gRPC: an entry to its metadata).
    ///
    /// Headers belong to the endpoint that is set in code with them, or to any if there is none in
    /// code: an endpoint from the environment that takes the place of one in code doesn't get them,
    /// and a preset's address never does.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.headers
            .get_or_insert_default()
            .push((name.into(), value.into()));
        self
    }

    /// For one export with all its retries. Unless said, 10 s; zero is no limit.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How requests are compressed. Unless said, they are not.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = Some(compression);
        self
    }

    /// The authorities to trust instead of the system's: a PEM file. Like headers, certificates
    /// belong to the endpoint in code.
    pub fn ca_certificate(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_certificate = Some(path.into());
        self
    }

    /// The certificate to present and its key: PEM files.
    pub fn client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.client_certificate = Some(certificate.into());
        self.client_key = Some(key.into());
        self
    }
}
