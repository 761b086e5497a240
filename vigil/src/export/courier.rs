//! Takes requests over a target's transport, with retries.

use super::encode::{self, Format, Protobuf, Request};
use super::error::ExportError;
#[cfg(feature = "grpc")]
use super::grpc::GrpcTransport;
#[cfg(any(feature = "http-proto", feature = "http-json"))]
use super::http::HttpTransport;
use super::queue::{Outcome, Patience};
use super::retry;
use super::stats::Signal;
use super::target::{Protocol, Target};

/// The way to a collector, for one signal. A clone is another way to the same.
#[derive(Clone)]
pub(super) struct Courier {
    signal: Signal,
    format: Format,
    transport: Transport,
}

#[derive(Clone)]
enum Transport {
    #[cfg(any(feature = "http-proto", feature = "http-json"))]
    Http(HttpTransport),
    #[cfg(feature = "grpc")]
    Grpc(Box<GrpcTransport>),
}

impl Courier {
    /// Checks the target; nothing is sent yet.
    pub(super) fn new(signal: Signal, target: &Target) -> Result<Self, ExportError> {
        check_url(target)?;
        check_headers(target)?;
        let (format, transport) = match target.protocol {
            #[cfg(feature = "http-proto")]
            Protocol::HttpProtobuf => (
                Format::Protobuf,
                Transport::Http(HttpTransport::new(target, Format::Protobuf)?),
            ),
            #[cfg(feature = "http-json")]
            Protocol::HttpJson => (
                Format::Json,
                Transport::Http(HttpTransport::new(target, Format::Json)?),
            ),
            #[cfg(feature = "grpc")]
            Protocol::Grpc => (
                Format::Protobuf,
                Transport::Grpc(Box::new(GrpcTransport::new(signal, target)?)),
            ),
            #[allow(unreachable_patterns)] // with all of them built in
            protocol => return Err(ExportError::FeatureOff(protocol)),
        };
        Ok(Self {
            signal,
            format,
            transport,
        })
    }

    /// Delivers the requests of a batch, one after another, with the items that are in each.
    pub(super) fn deliver_all<R>(
        &mut self,
        requests: Vec<(Vec<u8>, u64)>,
        patience: &Patience<'_>,
    ) -> Outcome
    where
        Protobuf<R>: Request,
    {
        let requests = requests.into_iter();
        let outcomes = requests
            .map(|(request, items)| self.deliver(Protobuf::<R>::new(request), items, patience));
        outcomes.reduce(Outcome::and).unwrap_or_default()
    }

    /// Delivers a request that `items` are in.
    pub(super) fn deliver(
        &mut self,
        request: impl Request,
        items: u64,
        patience: &Patience<'_>,
    ) -> Outcome {
        let body = match request.encode(self.format) {
            Ok(body) => body,
            Err(problem) => {
                return Outcome {
                    failed: items,
                    rejected: 0,
                    reason: Some(format!("can't encode the request: {problem}")),
                };
            }
        };
        let (signal, format) = (self.signal, self.format);
        match &mut self.transport {
            #[cfg(any(feature = "http-proto", feature = "http-json"))]
            Transport::Http(http) => {
                let body = http.pack(body);
                retry::deliver(items, patience, |timeout| {
                    let _quiet = quiet();
                    let answer = http.send(&body, timeout)?;
                    Ok(encode::accepted(signal, format, &answer))
                })
            }
            #[cfg(feature = "grpc")]
            Transport::Grpc(grpc) => {
                let body = prost::bytes::Bytes::from(body);
                retry::deliver(items, patience, |timeout| {
                    let _quiet = quiet();
                    let answer = grpc.send(&body, timeout)?;
                    Ok(encode::accepted(signal, format, &answer))
                })
            }
        }
    }
}

/// While it lives, what client libraries say on this thread is nobody's telemetry.
fn quiet() -> tracing::dispatcher::DefaultGuard {
    tracing::dispatcher::set_default(&tracing::Dispatch::none())
}

fn check_url(target: &Target) -> Result<(), ExportError> {
    let bad = |problem: &str| ExportError::Url {
        url: target.shown_url(),
        problem: problem.to_owned(),
    };
    let rest = ["http://", "https://"]
        .iter()
        .find_map(|scheme| target.url.strip_prefix(scheme))
        .ok_or_else(|| bad("it must begin with `http://` or `https://`"))?;
    if rest.is_empty() || rest.starts_with(['/', ':', '?', '#']) {
        return Err(bad("it names no host"));
    }
    let path = rest.find('/').map_or("", |at| &rest[at..]);
    if target.protocol == Protocol::Grpc && !matches!(path, "" | "/") {
        return Err(bad("over gRPC there is no path: give `scheme://host:port`"));
    }
    Ok(())
}

fn check_headers(target: &Target) -> Result<(), ExportError> {
    const OURS: [&str; 6] = [
        "content-type",
        "content-length",
        "content-encoding",
        "transfer-encoding",
        "connection",
        "te",
    ];
    for (name, value) in &target.headers {
        let lower = name.to_ascii_lowercase();
        let is_token = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&c);
        let problem = if name.is_empty() || !name.bytes().all(is_token) {
            "that is no name of a header"
        } else if OURS.contains(&lower.as_str()) || lower.starts_with("grpc-") {
            "the exporter sets it itself"
        } else if target.protocol == Protocol::Grpc && lower.ends_with("-bin") {
            "binary metadata is not supported"
        } else if !value.reveal().bytes().all(|c| (b' '..=b'~').contains(&c)) {
            "its value has characters other than visible ASCII"
        } else {
            continue;
        };
        return Err(ExportError::Header {
            name: super::retry::shown(name),
            problem,
        });
    }
    Ok(())
}
