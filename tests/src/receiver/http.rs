//! HTTP/1.1, as much as OTLP needs of it.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde::Serialize;
use serde::de::DeserializeOwned;
use vigil::export::Signal;

use super::{Answer, Answering, Body, Received, Shared};

trait Stream: Read + Write + Send {}
impl<S: Read + Write + Send> Stream for S {}

pub(super) fn serve(listener: TcpListener, shared: Arc<Shared>, tls: Option<Arc<ServerConfig>>) {
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            if shared.lock().stopped {
                return;
            }
            let (Ok(socket), shared, tls) = (socket, Arc::clone(&shared), tls.clone()) else {
                continue;
            };
            std::thread::spawn(move || {
                // Clients that go away or can't be understood are the tests' business.
                let _ = talk(socket, &shared, tls);
            });
        }
    });
}

fn talk(socket: TcpStream, shared: &Shared, tls: Option<Arc<ServerConfig>>) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let stream: Box<dyn Stream> = match tls {
        Some(config) => {
            let connection = ServerConnection::new(config).map_err(io::Error::other)?;
            Box::new(StreamOwned::new(connection, socket))
        }
        None => Box::new(socket),
    };
    let mut stream = BufReader::new(stream);
    while let Some(received) = read_request(&mut stream)? {
        let is_json =
            received.headers.get("content-type").map(String::as_str) == Some("application/json");
        let signal = received.body.signal();
        let (answer, answering) = Answering::begin(shared, received);
        if shared.lock().stopped {
            break;
        }
        let stays_open = write_answer(stream.get_mut(), answer, signal, is_json)?;
        answering.written();
        if !stays_open {
            break;
        }
    }
    Ok(())
}

fn read_request(stream: &mut impl BufRead) -> io::Result<Option<Received>> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|n| n.parse().ok());
    let mut raw = vec![0; length.unwrap_or_default()];
    stream.read_exact(&mut raw)?;
    if headers.get("content-encoding").map(String::as_str) == Some("gzip") {
        let mut plain = Vec::new();
        GzDecoder::new(raw.as_slice()).read_to_end(&mut plain)?;
        raw = plain;
    }
    let is_json = match headers.get("content-type").map(String::as_str) {
        Some("application/json") => true,
        Some("application/x-protobuf") => false,
        other => return Err(io::Error::other(format!("content type {other:?}"))),
    };
    let body = match path.as_str() {
        path if path.ends_with("/v1/traces") => {
            Body::Traces(decode::<ExportTraceServiceRequest>(is_json, &raw)?)
        }
        path if path.ends_with("/v1/metrics") => {
            Body::Metrics(decode::<ExportMetricsServiceRequest>(is_json, &raw)?)
        }
        path if path.ends_with("/v1/logs") => {
            Body::Logs(decode::<ExportLogsServiceRequest>(is_json, &raw)?)
        }
        other => return Err(io::Error::other(format!("path {other}"))),
    };
    Ok(Some(Received {
        at: Instant::now(),
        path,
        headers,
        raw,
        body,
        accepted: false,
    }))
}

fn decode<M: Message + Default + DeserializeOwned>(is_json: bool, raw: &[u8]) -> io::Result<M> {
    if is_json {
        Ok(serde_json::from_slice(raw)?)
    } else {
        Ok(M::decode(raw)?)
    }
}

/// Whether the connection stays open.
fn write_answer(
    stream: &mut impl Stream,
    answer: Answer,
    signal: Signal,
    is_json: bool,
) -> io::Result<bool> {
    match answer {
        Answer::Accept => write_body(stream, &accepted(signal, is_json, 0, ""), is_json)?,
        Answer::Slow(time) => {
            std::thread::sleep(time);
            write_body(stream, &accepted(signal, is_json, 0, ""), is_json)?;
        }
        Answer::Partial(rejected, message) => {
            write_body(
                stream,
                &accepted(signal, is_json, rejected, message),
                is_json,
            )?;
        }
        Answer::Later(seconds) => {
            let after = seconds.map(|seconds| ("Retry-After", seconds.to_string()));
            write_status(stream, 503, &after.into_iter().collect::<Vec<_>>(), b"")?;
        }
        Answer::Never(why) => {
            let kind = ("Content-Type", "text/plain".to_owned());
            write_status(stream, 400, &[kind], why.as_bytes())?;
        }
        Answer::Http(status, headers, body) => write_status(stream, status, &headers, body)?,
        Answer::Hang => {
            // Until the client goes away.
            let _ = stream.read(&mut [0]);
            return Ok(false);
        }
        Answer::Disconnect | Answer::Grpc(..) => return Ok(false),
        Answer::HalfAnswer => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")?;
            stream.flush()?;
            return Ok(false);
        }
        Answer::Garbage => write_body(stream, b"\xff\xfe no message at all \x00\x01", is_json)?,
        Answer::Noise => {
            stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n\r\n\r\n")?;
            stream.flush()?;
            return Ok(false);
        }
        Answer::Endless => {
            stream.write_all(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nConnection: close\r\n\r\n",
            )?;
            while stream.write_all(&[7; 4096]).is_ok() {}
            return Ok(false);
        }
    }
    Ok(true)
}

fn write_body(stream: &mut impl Stream, body: &[u8], is_json: bool) -> io::Result<()> {
    let kind = if is_json {
        "application/json"
    } else {
        "application/x-protobuf"
    };
    write_status(stream, 200, &[("Content-Type", kind.to_owned())], body)
}

fn write_status(
    stream: &mut impl Stream,
    status: u16,
    headers: &[(&'static str, String)],
    body: &[u8],
) -> io::Result<()> {
    let mut head = format!(
        "HTTP/1.1 {status} Said\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(name);
        head.push_str(": ");
        head.push_str(value);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    stream.flush()
}

fn accepted(signal: Signal, is_json: bool, rejected: i64, message: &str) -> Vec<u8> {
    let partial = rejected != 0 || !message.is_empty();
    let error_message = message.to_owned();
    match signal {
        Signal::Traces => encode(
            is_json,
            &ExportTraceServiceResponse {
                partial_success: partial.then_some(ExportTracePartialSuccess {
                    rejected_spans: rejected,
                    error_message,
                }),
            },
        ),
        Signal::Metrics => encode(
            is_json,
            &ExportMetricsServiceResponse {
                partial_success: partial.then_some(ExportMetricsPartialSuccess {
                    rejected_data_points: rejected,
                    error_message,
                }),
            },
        ),
        Signal::Logs => encode(
            is_json,
            &ExportLogsServiceResponse {
                partial_success: partial.then_some(ExportLogsPartialSuccess {
                    rejected_log_records: rejected,
                    error_message,
                }),
            },
        ),
    }
}

fn encode(is_json: bool, message: &(impl Message + Serialize)) -> Vec<u8> {
    if is_json {
        serde_json::to_vec(message).unwrap_or_default()
    } else {
        message.encode_to_vec()
    }
}
