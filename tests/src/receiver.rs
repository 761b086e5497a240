//! An OTLP receiver that does what real ones do: decodes with the official types, and misbehaves.
//!
//! ```
//! use vigil_tests::receiver::{Answer, Receiver};
//!
//! let receiver = Receiver::http();
//! receiver.next(Answer::Later(None)); // then all is well
//! let url = receiver.url("/v1/traces");
//! assert!(url.starts_with("http://127.0.0.1:"));
//! assert!(receiver.requests().is_empty());
//! ```

mod certificates;
mod grpc;
mod http;

use std::collections::{BTreeMap, VecDeque};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::Span;
use socket2::{Domain, Socket, Type};
use vigil::export::Signal;

pub use certificates::Authority;

/// What a receiver does with a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Accepts all of it.
    Accept,
    /// Accepts it, later.
    Slow(Duration),
    /// Accepts it but for so many.
    Partial(i64, &'static str),
    /// 503 or UNAVAILABLE, perhaps with the seconds to wait.
    Later(Option<u64>),
    /// 400 or INVALID_ARGUMENT, with an explanation.
    Never(&'static str),
    /// This HTTP status, with these headers and this body.
    Http(u16, Vec<(&'static str, String)>, &'static [u8]),
    /// This gRPC status, perhaps with the time to wait.
    Grpc(i32, &'static str, Option<Duration>),
    /// Keeps the connection open and says nothing.
    Hang,
    /// Closes the connection without an answer (HTTP).
    Disconnect,
    /// Closes the connection in the middle of an answer that accepts (HTTP).
    HalfAnswer,
    /// Accepts it, with a body that is none (HTTP).
    Garbage,
    /// Says something that is not HTTP.
    Noise,
    /// Accepts it, with a body that never ends (HTTP).
    Endless,
}

/// A request, decoded.
#[derive(Clone, Debug)]
pub struct Received {
    /// When it had arrived.
    pub at: Instant,
    /// The path, also over gRPC.
    pub path: String,
    /// Headers or metadata, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body as it came, over HTTP and uncompressed.
    pub raw: Vec<u8>,
    /// Decoded.
    pub body: Body,
    /// Whether it was accepted, at least in part.
    pub accepted: bool,
}

/// What a receiver has told its clients that it took, so many of a signal's spans, data points or log
/// records.
///
/// That is counted when the answer has been written, to the last byte. A request whose client went
/// away before is none of it, nor is one that was refused; one that came twice and was accepted twice
/// counts twice, as it does where telemetry is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Acknowledged {
    /// Taken.
    pub taken: u64,
    /// Rejected in answers that accepted the rest.
    pub rejected: u64,
}

/// What was exported.
#[derive(Clone, Debug)]
pub enum Body {
    /// Spans.
    Traces(ExportTraceServiceRequest),
    /// Metrics.
    Metrics(ExportMetricsServiceRequest),
    /// Log records.
    Logs(ExportLogsServiceRequest),
}

impl Body {
    /// What it brings.
    pub fn signal(&self) -> Signal {
        match self {
            Self::Traces(_) => Signal::Traces,
            Self::Metrics(_) => Signal::Metrics,
            Self::Logs(_) => Signal::Logs,
        }
    }

    /// How many spans, data points or log records it brings.
    pub fn items(&self) -> u64 {
        let items: usize = match self {
            Self::Traces(request) => {
                let scopes = request.resource_spans.iter().flat_map(|r| &r.scope_spans);
                scopes.map(|scope| scope.spans.len()).sum()
            }
            Self::Metrics(request) => {
                let scopes = request
                    .resource_metrics
                    .iter()
                    .flat_map(|r| &r.scope_metrics);
                let metrics = scopes.flat_map(|scope| &scope.metrics);
                metrics
                    .map(|metric| match &metric.data {
                        Some(Data::Gauge(gauge)) => gauge.data_points.len(),
                        Some(Data::Sum(sum)) => sum.data_points.len(),
                        Some(Data::Histogram(histogram)) => histogram.data_points.len(),
                        _ => 0,
                    })
                    .sum()
            }
            Self::Logs(request) => {
                let scopes = request.resource_logs.iter().flat_map(|r| &r.scope_logs);
                scopes.map(|scope| scope.log_records.len()).sum()
            }
        };
        items as u64
    }
}

impl Answer {
    /// How many items it rejects while it accepts the rest; `None` if it accepts nothing.
    fn rejects(&self) -> Option<u64> {
        match self {
            Self::Accept | Self::Slow(_) | Self::HalfAnswer | Self::Garbage | Self::Endless => {
                Some(0)
            }
            Self::Partial(rejected, _) => Some(u64::try_from(*rejected).unwrap_or_default()),
            _ => None,
        }
    }
}

#[derive(Debug)]
struct State {
    requests: Vec<Received>,
    /// Whether the requests are kept, or only counted.
    keeps: bool,
    acknowledged: [Acknowledged; 3],
    /// Answers that accept and are not written yet.
    accepting: usize,
    /// Answers to the requests to come; with a path, to those that go there.
    script: VecDeque<(Option<&'static str>, Answer)>,
    otherwise: Answer,
    stopped: bool,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a request and says how to answer it.
    fn take(&self, mut received: Received) -> Answer {
        let mut state = self.lock();
        let fits = |(path, _): &(Option<&str>, Answer)| path.is_none_or(|p| p == received.path);
        let at = state.script.iter().position(fits);
        let answer = at.and_then(|at| state.script.remove(at));
        let answer = answer.map_or_else(|| state.otherwise.clone(), |(_, answer)| answer);
        received.accepted = answer.rejects().is_some();
        state.accepting += usize::from(received.accepted);
        if state.keeps {
            state.requests.push(received);
        }
        drop(state);
        self.changed.notify_all();
        answer
    }
}

/// An answer that is about to be written: counted, or not, when it is over.
struct Answering<'a> {
    shared: &'a Shared,
    signal: Signal,
    items: u64,
    rejects: Option<u64>,
}

impl<'a> Answering<'a> {
    /// Records a request and says how to answer it.
    fn begin(shared: &'a Shared, received: Received) -> (Answer, Self) {
        let (signal, items) = (received.body.signal(), received.body.items());
        let answer = shared.take(received);
        let rejects = answer.rejects();
        let answering = Self {
            shared,
            signal,
            items,
            rejects,
        };
        (answer, answering)
    }

    /// It has been written.
    fn written(self) {
        let Some(rejected) = self.rejects else {
            return;
        };
        let rejected = rejected.min(self.items);
        let mut state = self.shared.lock();
        let acknowledged = &mut state.acknowledged[place(self.signal)];
        acknowledged.taken += self.items - rejected;
        acknowledged.rejected += rejected;
    }
}

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        if self.rejects.is_some() {
            self.shared.lock().accepting -= 1;
            self.shared.changed.notify_all();
        }
    }
}

fn place(signal: Signal) -> usize {
    match signal {
        Signal::Traces => 0,
        Signal::Metrics => 1,
        Signal::Logs => 2,
    }
}

/// A receiver on a port of its own, until it is dropped.
#[derive(Debug)]
pub struct Receiver {
    shared: Arc<Shared>,
    address: SocketAddr,
    is_grpc: bool,
    authority: Option<Authority>,
    asks_for_client: bool,
    reserved: Option<Socket>,
    stop_grpc: Option<tokio::sync::oneshot::Sender<()>>,
}

impl Receiver {
    /// OTLP over HTTP.
    pub fn http() -> Self {
        Self::down(false, None, false).up()
    }

    /// OTLP over gRPC.
    pub fn grpc() -> Self {
        Self::down(true, None, false).up()
    }

    /// A receiver of either kind.
    pub fn plain(is_grpc: bool) -> Self {
        Self::down(is_grpc, None, false).up()
    }

    /// A receiver that `authority` vouches for; `asks_for_client`: it wants the same of its clients.
    pub fn tls(is_grpc: bool, authority: Authority, asks_for_client: bool) -> Self {
        Self::down(is_grpc, Some(authority), asks_for_client).up()
    }

    /// A receiver that refuses connections until it is [`up`](Self::up).
    ///
    /// # Panics
    ///
    /// If there is no port to be had.
    pub fn down(is_grpc: bool, authority: Option<Authority>, asks_for_client: bool) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let any: SocketAddr = ([127, 0, 0, 1], 0).into();
        socket.bind(&any.into()).expect("a port");
        let address = socket.local_addr().expect("an address");
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(State {
                    requests: Vec::new(),
                    keeps: true,
                    acknowledged: [Acknowledged::default(); 3],
                    accepting: 0,
                    script: VecDeque::new(),
                    otherwise: Answer::Accept,
                    stopped: false,
                }),
                changed: Condvar::new(),
            }),
            address: address.as_socket().expect("an address of IPv4"),
            is_grpc,
            authority,
            asks_for_client,
            reserved: Some(socket),
            stop_grpc: None,
        }
    }

    /// Takes connections.
    ///
    /// # Panics
    ///
    /// If it can't.
    #[must_use]
    pub fn up(mut self) -> Self {
        let Some(socket) = self.reserved.take() else {
            return self;
        };
        socket.listen(128).expect("a listening socket");
        let listener = TcpListener::from(socket);
        let shared = Arc::clone(&self.shared);
        let tls = self.authority.as_ref();
        if self.is_grpc {
            let tls = tls.map(|authority| authority.tonic_config(self.asks_for_client));
            self.stop_grpc = Some(grpc::serve(listener, shared, tls));
        } else {
            let tls = tls.map(|authority| authority.rustls_config(self.asks_for_client));
            http::serve(listener, shared, tls);
        }
        self
    }

    /// Its URL with this path over HTTP, without one over gRPC.
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.authority.is_some() {
            "https"
        } else {
            "http"
        };
        let path = if self.is_grpc { "" } else { path };
        format!("{scheme}://127.0.0.1:{}{path}", self.address.port())
    }

    /// Answers the next request that has no answer yet like this.
    pub fn next(&self, answer: Answer) {
        self.shared.lock().script.push_back((None, answer));
    }

    /// Answers the next request to that path that has no answer yet like this.
    pub fn next_to(&self, path: &'static str, answer: Answer) {
        self.shared.lock().script.push_back((Some(path), answer));
    }

    /// Counts what comes from now on, and keeps none of it.
    pub fn count_only(&self) {
        self.shared.lock().keeps = false;
    }

    /// What it has told its clients that it took. Answers that are being written, it waits for.
    ///
    /// # Panics
    ///
    /// If one is not written within ten seconds.
    pub fn acknowledged(&self, signal: Signal) -> Acknowledged {
        let state = self.wait_until(
            |state| state.accepting == 0,
            |state| format!("all but {} answers", state.accepting),
        );
        state.acknowledged[place(signal)]
    }

    /// Answers all requests like this that have no answer of their own.
    pub fn always(&self, answer: Answer) {
        self.shared.lock().otherwise = answer;
    }

    /// What has come, accepted or not.
    pub fn requests(&self) -> Vec<Received> {
        self.shared.lock().requests.clone()
    }

    /// Waits for so many requests.
    ///
    /// # Panics
    ///
    /// If they do not come for ten seconds.
    pub fn wait_for(&self, requests: usize) -> Vec<Received> {
        let few = |state: &State| format!("{} of {requests} requests", state.requests.len());
        let state = self.wait_until(|state| state.requests.len() >= requests, few);
        state.requests.clone()
    }

    /// Waits for that to be so, and panics with what is so instead after ten seconds.
    fn wait_until(
        &self,
        is_so: impl Fn(&State) -> bool,
        instead: impl Fn(&State) -> String,
    ) -> std::sync::MutexGuard<'_, State> {
        let until = Instant::now() + Duration::from_secs(10);
        let mut state = self.shared.lock();
        while !is_so(&state) {
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited for, and came: {}", instead(&state));
            state = self
                .shared
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        state
    }

    /// All spans of the accepted requests.
    pub fn spans(&self) -> Vec<Span> {
        let mut spans = Vec::new();
        for received in self.requests() {
            if let (true, Body::Traces(request)) = (received.accepted, received.body) {
                let scopes = request
                    .resource_spans
                    .into_iter()
                    .flat_map(|r| r.scope_spans);
                spans.extend(scopes.flat_map(|scope| scope.spans));
            }
        }
        spans
    }

    /// All log records of the accepted requests.
    pub fn logs(&self) -> Vec<LogRecord> {
        let mut records = Vec::new();
        for received in self.requests() {
            if let (true, Body::Logs(request)) = (received.accepted, received.body) {
                let scopes = request.resource_logs.into_iter().flat_map(|r| r.scope_logs);
                records.extend(scopes.flat_map(|scope| scope.log_records));
            }
        }
        records
    }

    /// All metrics of the accepted requests.
    pub fn metrics(&self) -> Vec<Metric> {
        let mut metrics = Vec::new();
        for received in self.requests() {
            if let (true, Body::Metrics(request)) = (received.accepted, received.body) {
                let scopes = request
                    .resource_metrics
                    .into_iter()
                    .flat_map(|r| r.scope_metrics);
                metrics.extend(scopes.flat_map(|scope| scope.metrics));
            }
        }
        metrics
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.lock().stopped = true;
        if let Some(stop) = self.stop_grpc.take() {
            let _ = stop.send(());
        } else if self.reserved.is_none() {
            // So that the one that accepts sees that it is over.
            let _ = std::net::TcpStream::connect(self.address);
        }
    }
}
