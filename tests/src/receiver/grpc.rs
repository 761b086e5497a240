//! gRPC, on a runtime of its own.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{
    LogsService, LogsServiceServer,
};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use prost::bytes::Bytes;
use tokio::sync::oneshot;
use tonic::codec::CompressionEncoding::Gzip;
use tonic::metadata::MetadataMap;
use tonic::transport::{Server, ServerTlsConfig};
use tonic::{Code, Request, Response, Status};

use super::{Answer, Answering, Body, Received, Shared};

pub(super) fn serve(
    listener: TcpListener,
    shared: Arc<Shared>,
    tls: Option<ServerTlsConfig>,
) -> oneshot::Sender<()> {
    let (stop, stopped) = oneshot::channel();
    std::thread::spawn(move || {
        // In this process, but not of it: what the server does is not the tests' telemetry.
        let _quiet = tracing::dispatcher::set_default(&tracing::Dispatch::none());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            listener.set_nonblocking(true).expect("a socket of ours");
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            let service = Service(shared);
            let mut server = Server::builder();
            if let Some(tls) = tls {
                server = server.tls_config(tls).expect("certificates of our own");
            }
            let serve = server
                .add_service(TraceServiceServer::new(service.clone()).accept_compressed(Gzip))
                .add_service(MetricsServiceServer::new(service.clone()).accept_compressed(Gzip))
                .add_service(LogsServiceServer::new(service).accept_compressed(Gzip))
                .serve_with_incoming(tonic::transport::server::TcpIncoming::from(listener));
            tokio::select! {
                _ = serve => {}
                _ = stopped => {}
            }
        });
        runtime.shutdown_background();
    });
    stop
}

#[derive(Clone)]
struct Service(Arc<Shared>);

impl Service {
    /// What is rejected of a request, or why all of it is.
    async fn answer(
        &self,
        path: &str,
        metadata: &MetadataMap,
        body: Body,
    ) -> Result<Option<(i64, String)>, Status> {
        let headers = metadata
            .clone()
            .into_headers()
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.as_str().to_owned(), value)
            })
            .collect();
        let received = Received {
            at: Instant::now(),
            path: path.to_owned(),
            headers,
            raw: Vec::new(),
            body,
            accepted: false,
        };
        let (answer, answering) = Answering::begin(&self.0, received);
        // Dropped here if the client goes away meanwhile.
        let said = Self::say(answer).await;
        answering.written();
        said
    }

    async fn say(answer: Answer) -> Result<Option<(i64, String)>, Status> {
        match answer {
            Answer::Accept => Ok(None),
            Answer::Slow(time) => {
                tokio::time::sleep(time).await;
                Ok(None)
            }
            Answer::Partial(rejected, message) => Ok(Some((rejected, message.to_owned()))),
            Answer::Later(seconds) => Err(status(
                Code::Unavailable,
                "later",
                seconds.map(Duration::from_secs),
            )),
            Answer::Never(why) => Err(Status::invalid_argument(why)),
            Answer::Grpc(code, message, after) => Err(status(code.into(), message, after)),
            Answer::Hang => std::future::pending().await,
            other => Err(Status::unimplemented(format!("{other:?} is for HTTP"))),
        }
    }
}

#[tonic::async_trait]
impl TraceService for Service {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let (metadata, _, body) = request.into_parts();
        let partial = self
            .answer("/v1/traces", &metadata, Body::Traces(body))
            .await?;
        Ok(Response::new(ExportTraceServiceResponse {
            partial_success: partial.map(|(rejected_spans, error_message)| {
                ExportTracePartialSuccess {
                    rejected_spans,
                    error_message,
                }
            }),
        }))
    }
}

#[tonic::async_trait]
impl MetricsService for Service {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let (metadata, _, body) = request.into_parts();
        let partial = self
            .answer("/v1/metrics", &metadata, Body::Metrics(body))
            .await?;
        Ok(Response::new(ExportMetricsServiceResponse {
            partial_success: partial.map(|(rejected_data_points, error_message)| {
                ExportMetricsPartialSuccess {
                    rejected_data_points,
                    error_message,
                }
            }),
        }))
    }
}

#[tonic::async_trait]
impl LogsService for Service {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let (metadata, _, body) = request.into_parts();
        let partial = self.answer("/v1/logs", &metadata, Body::Logs(body)).await?;
        Ok(Response::new(ExportLogsServiceResponse {
            partial_success: partial.map(|(rejected_log_records, error_message)| {
                ExportLogsPartialSuccess {
                    rejected_log_records,
                    error_message,
                }
            }),
        }))
    }
}

/// A status with `google.rpc.RetryInfo` among its details.
fn status(code: Code, message: &str, after: Option<Duration>) -> Status {
    let Some(after) = after else {
        return Status::new(code, message);
    };
    let info = RetryInfo {
        retry_delay: Some(RetryDelay {
            seconds: i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
            nanos: i32::try_from(after.subsec_nanos()).unwrap_or_default(),
        }),
    };
    let details = RpcStatus {
        code: code.into(),
        message: message.to_owned(),
        details: vec![RpcDetail {
            type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(),
            value: info.encode_to_vec(),
        }],
    };
    Status::with_details(code, message, Bytes::from(details.encode_to_vec()))
}

#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<RpcDetail>,
}

#[derive(Clone, PartialEq, Message)]
struct RpcDetail {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<RetryDelay>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct RetryDelay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}
