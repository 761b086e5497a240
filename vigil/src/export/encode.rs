//! From the SDK's types to requests, and from answers to what they say.

use std::collections::HashMap;
use std::marker::PhantomData;

use opentelemetry::InstrumentationScope;
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;

use super::retry::Accepted;
use super::stats::Signal;

/// The two encodings of OTLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    #[cfg(any(feature = "http-proto", feature = "grpc"))]
    Protobuf,
    #[cfg(feature = "http-json")]
    Json,
}

/// A request of one of the three services.
pub(super) trait Request {
    fn encode(self, format: Format) -> Result<Vec<u8>, String>;
}

impl Request for &ExportMetricsServiceRequest {
    fn encode(self, format: Format) -> Result<Vec<u8>, String> {
        match format {
            #[cfg(any(feature = "http-proto", feature = "grpc"))]
            Format::Protobuf => Ok(self.encode_to_vec()),
            #[cfg(feature = "http-json")]
            Format::Json => serde_json::to_vec(self).map_err(|error| error.to_string()),
        }
    }
}

/// A request `R` that is protobuf already.
pub(super) struct Protobuf<R>(Vec<u8>, PhantomData<R>);

impl<R> Protobuf<R> {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self(bytes, PhantomData)
    }
}

macro_rules! protobuf_requests {
    ($($request:ty),*) => {$(
        impl Request for Protobuf<$request> {
            fn encode(self, format: Format) -> Result<Vec<u8>, String> {
                match format {
                    #[cfg(any(feature = "http-proto", feature = "grpc"))]
                    Format::Protobuf => Ok(self.0),
                    #[cfg(feature = "http-json")]
                    Format::Json => {
                        let request = <$request>::decode(&*self.0);
                        let request = request.map_err(|error| error.to_string())?;
                        serde_json::to_vec(&request).map_err(|error| error.to_string())
                    }
                }
            }
        }
    )*};
}

protobuf_requests!(ExportTraceServiceRequest, ExportLogsServiceRequest);

/// No request is longer than this, uncompressed, unless one item alone is: the longest that a collector
/// takes over gRPC, if nobody told it otherwise, is 4 MiB.
const LONGEST_REQUEST: usize = 4_000_000;

/// Encodes the items in as many requests as it takes, and says how many are in each.
pub(super) fn in_requests<T>(
    items: &[T],
    encode: &mut impl FnMut(&[T]) -> Vec<u8>,
) -> Vec<(Vec<u8>, u64)> {
    let request = encode(items);
    if request.len() <= LONGEST_REQUEST || items.len() < 2 {
        return vec![(request, items.len() as u64)];
    }
    drop(request);
    let (first, second) = items.split_at(items.len() / 2);
    let mut requests = in_requests(first, encode);
    requests.extend(in_requests(second, encode));
    requests
}

/// A scope, and the name that stands for its own.
type Scope<'a> = (&'a InstrumentationScope, Option<&'a str>);

/// Puts together what has the same scope; scopes come in the order of their first.
pub(super) fn by_scope<'a, T>(
    items: impl Iterator<Item = (Scope<'a>, T)>,
) -> Vec<(Scope<'a>, Vec<T>)> {
    let mut scopes: Vec<(Scope<'a>, Vec<T>)> = Vec::new();
    let mut places: HashMap<Scope<'a>, usize> = HashMap::new();
    let mut latest = 0;
    for (scope, item) in items {
        // Usually it is that of the one before.
        if scopes.get(latest).is_none_or(|(known, _)| *known != scope) {
            latest = *places.entry(scope).or_insert_with(|| {
                scopes.push((scope, Vec::new()));
                scopes.len() - 1
            });
        }
        scopes[latest].1.push(item);
    }
    scopes
}

/// What the body of an answer that accepts a request says. One that can't be read says nothing:
/// the status decided already.
pub(super) fn accepted(signal: Signal, format: Format, body: &[u8]) -> Accepted {
    let partial = match signal {
        Signal::Traces => read::<ExportTraceServiceResponse>(format, body)
            .and_then(|response| response.partial_success)
            .map(|partial| (partial.rejected_spans, partial.error_message)),
        Signal::Metrics => read::<ExportMetricsServiceResponse>(format, body)
            .and_then(|response| response.partial_success)
            .map(|partial| (partial.rejected_data_points, partial.error_message)),
        Signal::Logs => read::<ExportLogsServiceResponse>(format, body)
            .and_then(|response| response.partial_success)
            .map(|partial| (partial.rejected_log_records, partial.error_message)),
    };
    let (rejected, message) = partial.unwrap_or_default();
    Accepted {
        rejected: u64::try_from(rejected).unwrap_or_default(),
        message,
    }
}

#[cfg(feature = "http-json")]
fn read<R>(format: Format, body: &[u8]) -> Option<R>
where
    R: Message + Default + serde::de::DeserializeOwned,
{
    match format {
        #[cfg(any(feature = "http-proto", feature = "grpc"))]
        Format::Protobuf => R::decode(body).ok(),
        Format::Json => serde_json::from_slice(body).ok(),
    }
}

#[cfg(not(feature = "http-json"))]
fn read<R: Message + Default>(format: Format, body: &[u8]) -> Option<R> {
    match format {
        Format::Protobuf => R::decode(body).ok(),
    }
}

/// `google.rpc.Status`, which collectors explain errors with.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RpcStatus {
    #[prost(int32, tag = "1")]
    pub(super) code: i32,
    #[prost(string, tag = "2")]
    pub(super) message: String,
    #[prost(message, repeated, tag = "3")]
    pub(super) details: Vec<RpcDetail>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RpcDetail {
    #[prost(string, tag = "1")]
    pub(super) type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) value: Vec<u8>,
}
