//! From the SDK's types to requests, and from answers to what they say.

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
    fn encode(&self, format: Format) -> Result<Vec<u8>, String>;
}

macro_rules! requests {
    ($($request:ty),*) => {$(
        impl Request for $request {
            fn encode(&self, format: Format) -> Result<Vec<u8>, String> {
                match format {
                    #[cfg(any(feature = "http-proto", feature = "grpc"))]
                    Format::Protobuf => Ok(self.encode_to_vec()),
                    #[cfg(feature = "http-json")]
                    Format::Json => serde_json::to_vec(self).map_err(|error| error.to_string()),
                }
            }
        }
    )*};
}

requests!(
    ExportTraceServiceRequest,
    ExportLogsServiceRequest,
    ExportMetricsServiceRequest
);

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
