//! OTLP over HTTP/1.1.

use std::io::{Read, Write};
use std::time::{Duration, SystemTime};

use flate2::write::GzEncoder;
use prost::Message;
use ureq::http::{HeaderMap, Uri};
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

use super::certificates::Certificates;
use super::encode::{Format, RpcStatus};
use super::error::ExportError;
use super::retry::{Failure, shown};
use super::target::{Compression, Target};

/// Connections that are kept open while nothing is sent.
const MOST_IDLE: usize = 16;

/// No more of an answer is read: there is nothing longer to learn from it.
const LONGEST_ANSWER: u64 = 64 * 1024;

/// A connection for each request that is under way; clones share them.
#[derive(Clone)]
pub(super) struct HttpTransport {
    agent: ureq::Agent,
    uri: Uri,
    shown_url: String,
    headers: Vec<(String, super::target::Secret)>,
    format: Format,
    gzip: bool,
}

impl HttpTransport {
    pub(super) fn new(target: &Target, format: Format) -> Result<Self, ExportError> {
        let uri: Uri = target.url.parse().map_err(|error| ExportError::Url {
            url: target.shown_url(),
            problem: format!("{error}"),
        })?;
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!("vigil/", env!("CARGO_PKG_VERSION")))
            .max_idle_connections(MOST_IDLE)
            .max_idle_connections_per_host(MOST_IDLE);
        if uri.scheme_str() == Some("https") {
            config = config.tls_config(tls_config(Certificates::read(&target.tls)?));
        }
        Ok(Self {
            agent: config.build().new_agent(),
            uri,
            shown_url: target.shown_url(),
            headers: target.headers.clone(),
            format,
            gzip: target.compression == Compression::Gzip,
        })
    }

    /// Compresses a body, if asked to.
    pub(super) fn pack(&self, body: Vec<u8>) -> Packed {
        if !self.gzip {
            return Packed { body, gzip: false };
        }
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        match encoder.write_all(&body).and_then(|()| encoder.finish()) {
            Ok(body) => Packed { body, gzip: true },
            // Writing to memory does not fail; if it did, there is a way without.
            Err(_) => Packed { body, gzip: false },
        }
    }

    /// One attempt; the body of the answer if the collector accepted.
    pub(super) fn send(&self, packed: &Packed, timeout: Duration) -> Result<Vec<u8>, Failure> {
        let content_type = match self.format {
            #[cfg(any(feature = "http-proto", feature = "grpc"))]
            Format::Protobuf => "application/x-protobuf",
            #[cfg(feature = "http-json")]
            Format::Json => "application/json",
        };
        let mut request = self.agent.post(&self.uri).content_type(content_type);
        if packed.gzip {
            request = request.header("content-encoding", "gzip");
        }
        for (name, value) in &self.headers {
            request = request.header(name, value.reveal());
        }
        let answer = request
            .config()
            .timeout_global(Some(timeout))
            .build()
            .send(packed.body.as_slice())
            .map_err(|error| self.failure(&error))?;
        let (parts, body) = answer.into_parts();
        let mut answer = Vec::new();
        // Whatever happens to the body, the status has been given.
        let _ = body
            .into_reader()
            .take(LONGEST_ANSWER)
            .read_to_end(&mut answer);
        let content_type = parts
            .headers
            .get("content-type")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let status = parts.status;
        if status.is_success() {
            if content_type.starts_with("text/html") {
                let reason = format!(
                    "{} answers with a web page: that is no OTLP endpoint",
                    self.shown_url
                );
                return Err(Failure::Final { reason });
            }
            return Ok(answer);
        }
        let says = match explanation(content_type, &answer) {
            says if says.is_empty() => says,
            says => format!(": {says}"),
        };
        let reason = format!("{} answers {status}{says}", self.shown_url);
        Err(match status.as_u16() {
            429 | 502 | 503 | 504 => Failure::Later {
                reason,
                after: retry_after(&parts.headers),
            },
            _ => Failure::Final { reason },
        })
    }

    fn failure(&self, error: &ureq::Error) -> Failure {
        let reason = match error {
            ureq::Error::Timeout(_) => format!("{} does not answer in time", self.shown_url),
            error => format!("{}: {error}", self.shown_url),
        };
        match error {
            ureq::Error::BadUri(_)
            | ureq::Error::Http(_)
            | ureq::Error::InvalidProxyUrl
            | ureq::Error::LargeResponseHeader(..) => Failure::Final { reason },
            _ => Failure::NoAnswer { reason },
        }
    }
}

/// A body as it goes over the wire, for all attempts.
pub(super) struct Packed {
    body: Vec<u8>,
    gzip: bool,
}

fn tls_config(certificates: Certificates) -> TlsConfig {
    let roots = match certificates.roots {
        Some(roots) => {
            let roots: Vec<_> = roots
                .iter()
                .map(|root| Certificate::from_der(root).to_owned())
                .collect();
            RootCerts::new_with_certs(&roots)
        }
        None => RootCerts::WebPki,
    };
    let client = certificates.client.and_then(|identity| {
        let chain: Vec<_> = parse_pem(&identity.certificate)
            .filter_map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(certificate),
                _ => None,
            })
            .collect();
        let key = PrivateKey::from_pem(&identity.key).ok()?;
        Some(ClientCert::new_with_certs(&chain, key))
    });
    TlsConfig::builder()
        .root_certs(roots)
        .client_cert(client)
        .build()
}

/// What a collector says about an error, as far as it is text.
fn explanation(content_type: &str, body: &[u8]) -> String {
    if content_type.contains("protobuf") {
        return RpcStatus::decode(body)
            .map(|status| shown(&status.message))
            .unwrap_or_default();
    }
    if content_type.starts_with("text/html") {
        return String::new();
    }
    std::str::from_utf8(body).map(shown).unwrap_or_default()
}

/// Seconds, or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get("retry-after")?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    // A date that has passed asks for nothing.
    date.duration_since(SystemTime::now()).ok()
}
