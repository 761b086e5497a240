//! OTLP over gRPC, on a runtime that nobody else sees.

use std::error::Error as _;
use std::str::FromStr;
use std::time::Duration;

use http::uri::PathAndQuery;
use prost::Message;
use prost::bytes::{Buf, BufMut, Bytes};
use rustls::RootCertStore;
use tokio::runtime::Runtime;
use tonic::client::Grpc;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};

use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue, MetadataMap};
use tonic::transport::{Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Request, Status};

use super::certificates::Certificates;
use super::encode::RpcStatus;
use super::error::ExportError;
use super::retry::{Failure, shown};
use super::stats::Signal;
use super::target::{Compression, Target};

/// No longer answer is accepted: there is nothing more to learn from it.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Where requests go, and the connection once there has been one.
pub(super) struct GrpcTransport {
    endpoint: Endpoint,
    path: PathAndQuery,
    metadata: MetadataMap,
    gzip: bool,
    shown_url: String,
    /// Made on the worker's thread and dropped there: an agent's thread may be inside a runtime,
    /// where another one can't be dropped.
    connection: Option<Connection>,
}

/// One with a connection of its own.
impl Clone for GrpcTransport {
    fn clone(&self) -> Self {
        Self {
            endpoint: self.endpoint.clone(),
            path: self.path.clone(),
            metadata: self.metadata.clone(),
            gzip: self.gzip,
            shown_url: self.shown_url.clone(),
            connection: None,
        }
    }
}

/// A channel, and the runtime that drives it while a request is under way.
struct Connection {
    client: Grpc<Channel>,
    runtime: Runtime,
}

impl GrpcTransport {
    pub(super) fn new(signal: Signal, target: &Target) -> Result<Self, ExportError> {
        let bad_url = |error: tonic::transport::Error| ExportError::Url {
            url: target.shown_url(),
            problem: error.to_string(),
        };
        let mut endpoint = Endpoint::from_shared(target.url.clone())
            .and_then(|endpoint| endpoint.user_agent(concat!("vigil/", env!("CARGO_PKG_VERSION"))))
            .map_err(bad_url)?;
        if endpoint.uri().scheme_str() == Some("https") {
            endpoint = endpoint.tls_config(tls_config(target)?).map_err(bad_url)?;
        }
        Ok(Self {
            endpoint,
            path: PathAndQuery::from_static(match signal {
                Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
                Signal::Metrics => {
                    "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
                }
                Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            }),
            metadata: metadata(target)?,
            gzip: target.compression == Compression::Gzip,
            shown_url: target.shown_url(),
            connection: None,
        })
    }

    /// One attempt; the encoded answer if the collector accepted.
    pub(super) fn send(&mut self, body: &Bytes, timeout: Duration) -> Result<Bytes, Failure> {
        let Connection { client, runtime } = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(connect(&self.endpoint, self.gzip)?),
        };
        let mut request = Request::new(body.clone());
        *request.metadata_mut() = self.metadata.clone();
        request.set_timeout(timeout);
        let path = self.path.clone();
        let call = async {
            client
                .ready()
                .await
                .map_err(|error| Status::from_error(error.into()))?;
            client.unary(request, path, AsTheyAre).await
        };
        match runtime.block_on(async { tokio::time::timeout(timeout, call).await }) {
            Ok(Ok(answer)) => Ok(answer.into_inner()),
            Ok(Err(status)) => Err(failure(&self.shown_url, &status)),
            Err(_) => Err(Failure::NoAnswer {
                reason: format!("{} does not answer in time", self.shown_url),
            }),
        }
    }
}

fn connect(endpoint: &Endpoint, gzip: bool) -> Result<Connection, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::NoAnswer {
            reason: format!("can't start a runtime: {error}"),
        })?;
    // A channel belongs to the runtime around it.
    let channel = {
        let _entered = runtime.enter();
        endpoint.connect_lazy()
    };
    let mut client = Grpc::new(channel)
        .max_decoding_message_size(LONGEST_ANSWER)
        .accept_compressed(CompressionEncoding::Gzip);
    if gzip {
        client = client.send_compressed(CompressionEncoding::Gzip);
    }
    Ok(Connection { client, runtime })
}

fn tls_config(target: &Target) -> Result<ClientTlsConfig, ExportError> {
    let certificates = Certificates::read(&target.tls)?;
    let mut config = match certificates.roots {
        Some(roots) => {
            let mut store = RootCertStore::empty();
            store.add_parsable_certificates(roots);
            ClientTlsConfig::new().trust_anchors(store.roots)
        }
        None => ClientTlsConfig::new().with_webpki_roots(),
    };
    if let Some(client) = certificates.client {
        config = config.identity(Identity::from_pem(client.certificate, client.key));
    }
    Ok(config)
}

fn metadata(target: &Target) -> Result<MetadataMap, ExportError> {
    let mut metadata = MetadataMap::new();
    for (name, value) in &target.headers {
        let bad = |problem| ExportError::Header {
            name: shown(name),
            problem,
        };
        let key = AsciiMetadataKey::from_str(&name.to_ascii_lowercase())
            .map_err(|_| bad("that is no name for gRPC metadata"))?;
        let value = AsciiMetadataValue::try_from(value.reveal())
            .map_err(|_| bad("its value is none for gRPC metadata"))?;
        metadata.append(key, value);
    }
    Ok(metadata)
}

fn failure(url: &str, status: &Status) -> Failure {
    if let Some(error) = status.source().and_then(transport_error) {
        return Failure::NoAnswer {
            reason: format!("{url}: {error}"),
        };
    }
    let says = match shown(status.message()) {
        says if says.is_empty() => says,
        says => format!(": {says}"),
    };
    let reason = format!("{url} answers {:?}{says}", status.code());
    let after = retry_delay(status.details());
    match status.code() {
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => Failure::Later { reason, after },
        Code::ResourceExhausted if after.is_some() => Failure::Later { reason, after },
        _ => Failure::Final { reason },
    }
}

/// The deepest cause, if it is the connection that failed and not the collector.
fn transport_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<String> {
    let mut is_connection = false;
    let mut cause = Some(error);
    let mut deepest: &'a (dyn std::error::Error + 'static) = error;
    while let Some(error) = cause {
        is_connection |= error.is::<tonic::transport::Error>()
            || error.is::<std::io::Error>()
            || error.is::<tonic::ConnectError>();
        deepest = error;
        cause = error.source();
    }
    is_connection.then(|| deepest.to_string())
}

/// `google.rpc.RetryInfo` among the details of a status.
fn retry_delay(details: &[u8]) -> Option<Duration> {
    let status = RpcStatus::decode(details).ok()?;
    let info = status
        .details
        .iter()
        .find(|detail| detail.type_url.ends_with("/google.rpc.RetryInfo"))?;
    let delay = RetryInfo::decode(info.value.as_slice()).ok()?.retry_delay?;
    let seconds = u64::try_from(delay.seconds).ok()?;
    let nanos = u32::try_from(delay.nanos).ok()?;
    (nanos < 1_000_000_000).then(|| Duration::new(seconds, nanos))
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<RetryDelay>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, Copy, PartialEq, Message)]
struct RetryDelay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// Messages are encoded once for all attempts, before they get here.
struct AsTheyAre;

impl Codec for AsTheyAre {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for AsTheyAre {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for AsTheyAre {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
