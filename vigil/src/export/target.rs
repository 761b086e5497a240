//! Where telemetry goes and in what portions: plain values, whoever they come from.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Where one signal goes, and how.
#[derive(Clone)]
pub struct Target {
    /// The whole URL (http/*: with `/v1/traces` and its like; grpc: `http(s)://host:port`).
    pub(crate) url: String,
    pub(crate) protocol: Protocol,
    /// Request headers / gRPC metadata. Secret: never shown.
    pub(crate) headers: Vec<(String, Secret)>,
    /// For one export with all its retries.
    pub(crate) timeout: Duration,
    pub(crate) compression: Compression,
    pub(crate) tls: Tls,
}

impl Target {
    /// A target at `url`, taken as it is: over HTTP with its path (`http://localhost:4318/v1/traces`),
    /// over gRPC without one (`http://localhost:4317`). `https://` means TLS, on every protocol.
    ///
    /// No headers, no compression, ten seconds for an export with all its retries.
    pub fn new(protocol: Protocol, url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            protocol,
            headers: Vec::new(),
            timeout: Duration::from_secs(10),
            compression: Compression::None,
            tls: Tls::default(),
        }
    }

    /// Sends a header (over gRPC: an entry of the metadata) with every request.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Gives one export, with all its retries, this much time.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Compresses requests.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Uses these certificates.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// The URL, without what may be secret in it: user, password and query.
    pub fn shown_url(&self) -> String {
        let url = self.url.split(['?', '#']).next().unwrap_or_default();
        let Some((scheme, rest)) = url.split_once("://") else {
            // Without a scheme there is no telling what is a password.
            return url.rsplit('@').next().unwrap_or_default().to_owned();
        };
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let host = authority.rsplit('@').next().unwrap_or_default();
        format!("{scheme}://{host}{path}")
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            url: _,
            protocol,
            headers,
            timeout,
            compression,
            tls,
        } = self;
        f.debug_struct("Target")
            .field("url", &self.shown_url())
            .field("protocol", protocol)
            .field("headers", headers)
            .field("timeout", timeout)
            .field("compression", compression)
            .field("tls", tls)
            .finish()
    }
}

/// The certificates of a connection: paths of PEM files.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// PEM; replaces the system's roots.
    pub(crate) ca_certificate: Option<PathBuf>,
    pub(crate) client_certificate: Option<PathBuf>,
    pub(crate) client_key: Option<PathBuf>,
}

impl Tls {
    /// The system's roots, or the bundled ones of Mozilla where the system has none; no client
    /// certificate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts the certificates in this file instead of the system's.
    #[must_use]
    pub fn ca_certificate(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_certificate = Some(path.into());
        self
    }

    /// Shows the collector this certificate (or chain) and proves it with this key.
    #[must_use]
    pub fn client(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.client_certificate = Some(certificate.into());
        self.client_key = Some(key.into());
        self
    }
}

/// How requests are encoded and carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Protobuf over HTTP/1.1 (feature `http-proto`, on by default).
    #[default]
    HttpProtobuf,
    /// JSON over HTTP/1.1 (feature `http-json`).
    HttpJson,
    /// gRPC (feature `grpc`).
    Grpc,
}

impl Protocol {
    /// The name that `OTEL_EXPORTER_OTLP_PROTOCOL` has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HttpProtobuf => "http/protobuf",
            Self::HttpJson => "http/json",
            Self::Grpc => "grpc",
        }
    }

    /// The cargo feature of `vigil` that it needs.
    pub fn feature(self) -> &'static str {
        match self {
            Self::HttpProtobuf => "http-proto",
            Self::HttpJson => "http-json",
            Self::Grpc => "grpc",
        }
    }

    /// Whether that feature is on.
    pub fn is_built_in(self) -> bool {
        match self {
            Self::HttpProtobuf => cfg!(feature = "http-proto"),
            Self::HttpJson => cfg!(feature = "http-json"),
            Self::Grpc => cfg!(feature = "grpc"),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether requests are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Compression {
    /// As they are.
    #[default]
    None,
    /// With gzip.
    Gzip,
}

/// Text that is never shown: `Debug` prints `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Of a batch processor: how much waits, for how long, and how much leaves at once.
///
/// The queue grows as it fills; it holds no memory for what is not there. A span that waits takes
/// about 350 bytes (a log record 530), 56 for each attribute, and their texts: 1 KB for one with ten
/// attributes. So the default bound of 32,768 costs nothing while the collector answers, and some 30
/// to 50 MB at the height of an outage. A second bound, in bytes, is for spans that hold content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    pub(crate) max_queue_size: usize,
    pub(crate) max_queue_bytes: usize,
    pub(crate) max_export_batch_size: usize,
    pub(crate) schedule_delay: Duration,
    pub(crate) export_timeout: Duration,
    pub(crate) max_concurrent_exports: usize,
}

impl Batch {
    /// For spans: a queue of 32,768, 512 at once, every five seconds, thirty seconds for a flush, four
    /// requests under way at the same time.
    pub fn spans() -> Self {
        Self {
            max_queue_size: 32_768,
            max_queue_bytes: 128 * 1024 * 1024,
            max_export_batch_size: 512,
            schedule_delay: Duration::from_secs(5),
            export_timeout: Duration::from_secs(30),
            max_concurrent_exports: 4,
        }
    }

    /// For log records: as for spans, but every second.
    pub fn logs() -> Self {
        Self {
            schedule_delay: Duration::from_secs(1),
            ..Self::spans()
        }
    }

    /// Lets at most this many wait; what comes when it is full is dropped and counted.
    #[must_use]
    pub fn max_queue_size(mut self, size: usize) -> Self {
        self.max_queue_size = size;
        self
    }

    /// Lets what waits take about this much memory at most, 128 MiB unless said: where messages and tool
    /// results are captured, a span can be a thousand times as large as another.
    #[must_use]
    pub fn max_queue_bytes(mut self, bytes: usize) -> Self {
        self.max_queue_bytes = bytes;
        self
    }

    /// Sends at most this many in one request, and as soon as this many wait.
    #[must_use]
    pub fn max_export_batch_size(mut self, size: usize) -> Self {
        self.max_export_batch_size = size;
        self
    }

    /// Sends what waits, however little, this often.
    #[must_use]
    pub fn schedule_delay(mut self, delay: Duration) -> Self {
        self.schedule_delay = delay;
        self
    }

    /// Lets at most this many requests be under way at the same time, each on a thread and a connection
    /// of its own. There is one, unless whole batches are left while it waits for its answer, and what
    /// is sent arrives: then others help until they have been idle for ten seconds.
    #[must_use]
    pub fn max_concurrent_exports(mut self, exports: usize) -> Self {
        self.max_concurrent_exports = exports;
        self
    }

    /// Bounds one export and one flush.
    #[must_use]
    pub fn export_timeout(mut self, timeout: Duration) -> Self {
        self.export_timeout = timeout;
        self
    }
}
