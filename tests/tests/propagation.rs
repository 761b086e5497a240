//! A trace goes on where the work does: from the request that came in, through the agent, to the
//! sub-agent in another process.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::{
    Extractor, Injector, TextMapCompositePropagator, TextMapPropagator,
};
use opentelemetry::trace::{SpanKind, TraceContextExt};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use tower::{Layer, ServiceExt, service_fn};
use tower_http::trace::{DefaultOnRequest, DefaultOnResponse, TraceLayer};
use tracing::{Level, Span, instrument};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use vigil::carrier::RemoteParent;
use vigil::config::LogFormat;
use vigil::log::LogLayer;
use vigil::registry::REGISTRY;
use vigil::testing::Pipeline;
use vigil::{Deliberate, Execute, agent_span, chat_span, phase_span, tool_span};
use vigil_tests::child::{self, PROTOCOLS, towards};
use vigil_tests::received::exported;
use vigil_tests::receiver::Receiver;

/// The agent behind the service, a function of somebody else's in between.
#[instrument]
async fn answer(question: String) -> String {
    let agent = agent_span("s-1", "arcan").start();
    let deliberate = phase_span(&agent, Deliberate);
    let chat = chat_span(&deliberate, "sonnet", "anthropic").start();
    let reply = chat
        .run(async move {
            tokio::task::yield_now().await;
            Ok::<_, Infallible>(question.to_uppercase())
        })
        .await;
    reply.unwrap_or_default()
}

async fn handle(request: Request<String>) -> Result<Response<String>, Infallible> {
    let reply = answer(request.into_body()).await;
    let status = if reply.is_empty() { 400 } else { 200 };
    let mut response = Response::new(reply);
    *response.status_mut() = status.try_into().expect("a status");
    Ok(response)
}

/// A request to a service that tower-http traces, as its users set it up.
async fn request(question: &str) -> StatusCode {
    let layer = TraceLayer::new_for_http()
        .make_span_with(|request: &Request<String>| {
            tracing::info_span!(
                "request",
                otel.name = format!("{} {}", request.method(), request.uri().path()),
                otel.kind = "server",
                http.response.status_code = tracing::field::Empty,
            )
        })
        .on_request(DefaultOnRequest::new().level(Level::INFO))
        .on_response(
            |response: &Response<_>, latency: std::time::Duration, span: &Span| {
                let status = i64::from(response.status().as_u16());
                span.record("http.response.status_code", status);
                let said = DefaultOnResponse::new().level(Level::INFO);
                tower_http::trace::OnResponse::on_response(said, response, latency, span);
            },
        );
    let service = layer.layer(service_fn(handle));
    let request = Request::post("/ask").body(question.to_owned());
    let response = service.oneshot(request.expect("a request")).await;
    response.expect("it is infallible").status()
}

/// Lines that nobody sees but who looks here.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl std::io::Write for Lines {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.extend_from_slice(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn an_agent_behind_tower_http_stands_under_the_request() {
    let pipeline = Pipeline::new();
    assert_eq!(pipeline.run(request("what now")).await, 200);
    let request = pipeline.span("POST /ask");
    assert_eq!(*request.kind(), SpanKind::Server);
    assert_eq!(request.parent_span_id(), None);
    let answer = pipeline.span("answer");
    assert!(answer.is_child_of(&request));
    assert!(pipeline.span("invoke_agent arcan").is_child_of(&answer));
    assert!(
        pipeline
            .span("chat sonnet")
            .is_child_of(&pipeline.span("phase deliberate"))
    );
    for span in pipeline.spans() {
        assert_eq!(span.trace_id(), request.trace_id());
    }
    pipeline.assert_conforms(&REGISTRY);
}

#[tokio::test]
async fn the_status_of_the_response_is_on_the_request_and_on_no_typed_span() {
    let pipeline = Pipeline::new();
    assert_eq!(pipeline.run(request("")).await, 400);
    let request = pipeline.span("POST /ask");
    assert_eq!(
        request.attribute("http.response.status_code"),
        Some(&Value::I64(400))
    );
    let said: Vec<_> = request
        .events()
        .into_iter()
        .map(|event| event.name)
        .collect();
    assert_eq!(
        said,
        ["started processing request", "finished processing request"]
    );
    let agent = pipeline.span("invoke_agent arcan");
    assert_eq!(agent.attribute("http.response.status_code"), None);
    assert_eq!(*agent.status(), opentelemetry::trace::Status::Unset);
}

#[tokio::test]
async fn a_filter_of_log_lines_loses_neither_the_request_nor_the_agent() {
    for directives in ["error", "off", "tower_http=debug", "info,vigil=off"] {
        let lines = Lines::default();
        let layer = LogLayer::new(LogFormat::Json)
            .writer(lines.clone())
            .filter(directives)
            .expect("directives");
        let pipeline = Pipeline::builder().layer(layer).build();
        pipeline.run(request("what now")).await;
        let agent = pipeline.span("invoke_agent arcan");
        assert!(agent.is_child_of(&pipeline.span("answer")), "{directives}");
        assert!(
            pipeline
                .span("answer")
                .is_child_of(&pipeline.span("POST /ask")),
            "{directives}"
        );
        assert!(
            !lines.text().contains("invoke_agent"),
            "{directives}: {}",
            lines.text()
        );
    }
}

#[tokio::test]
async fn requests_at_once_do_not_mix() {
    let pipeline = Pipeline::new();
    let both = async { tokio::join!(request("one"), request("two"), request("three")) };
    pipeline.run(both).await;
    let spans = pipeline.spans();
    let named = |name: &'static str| spans.iter().filter(move |span| span.name() == name);
    assert_eq!(named("POST /ask").count(), 3);
    for request in named("POST /ask") {
        let answers: Vec<_> = named("answer")
            .filter(|span| span.is_child_of(request))
            .collect();
        assert_eq!(answers.len(), 1);
        let agents = named("invoke_agent arcan").filter(|span| span.is_child_of(answers[0]));
        assert_eq!(agents.count(), 1);
    }
}

/// Headers of a request, as a client writes and a server reads them.
struct Headers(HeaderMap);

impl Injector for Headers {
    fn set(&mut self, key: &str, value: String) {
        let name = HeaderName::from_bytes(key.as_bytes()).expect("a name");
        self.0
            .insert(name, HeaderValue::from_str(&value).expect("a value"));
    }
}

impl Extractor for Headers {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

fn propagator() -> TextMapCompositePropagator {
    TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(BaggagePropagator::new()),
    ])
}

#[test]
fn a_sub_agent_goes_on_with_the_trace_and_the_baggage_of_the_tool_that_called_it() {
    let mut headers = Headers(HeaderMap::new());
    let here = Pipeline::new();
    here.scope(|| {
        let incoming = Context::new().with_baggage([KeyValue::new("tenant", "acme")]);
        let agent = agent_span("s-1", "arcan")
            .parent(&RemoteParent::new(incoming))
            .start();
        let execute = phase_span(&agent, Execute);
        let tool = tool_span(&execute, "delegate", "call-1").start();
        propagator().inject_context(&tool.span().context(), &mut headers);
    });
    assert_eq!(headers.get("baggage"), Some("tenant=acme"));

    let there = Pipeline::new();
    there.scope(|| {
        let context = propagator().extract(&headers);
        let agent = agent_span("s-2", "helper")
            .parent(&RemoteParent::new(context))
            .start();
        let deliberate = phase_span(&agent, Deliberate);
        let context = deliberate.span().context();
        let tenant = context.baggage().get("tenant").map(ToString::to_string);
        assert_eq!(tenant.as_deref(), Some("acme"), "it goes on from there");
        assert!(context.span().span_context().is_sampled());
    });
    let tool = here.span("execute_tool delegate");
    let helper = there.span("invoke_agent helper");
    assert!(helper.is_child_of(&tool));
    assert!(there.span("phase deliberate").is_child_of(&helper));
    // Whose work it is, it says itself.
    assert_eq!(helper.text("life.session_id"), Some("s-2"));
    there.assert_conforms(&REGISTRY);
}

#[test]
fn the_sub_agent_of_another_process_is_received_under_the_tool_that_called_it() {
    for protocol in PROTOCOLS {
        let receiver = Receiver::plain(protocol == vigil::export::Protocol::Grpc);
        let variables = towards(protocol, &receiver);
        let program = env!("CARGO_BIN_EXE_loop");
        let caller = child::run(program, &["call"], &variables);
        let sent: HashMap<&str, &str> = caller
            .out
            .lines()
            .filter_map(|line| line.strip_prefix("header ")?.split_once(": "))
            .collect();
        assert_eq!(sent.get("baggage"), Some(&"tenant=acme"), "{caller:?}");
        let mut serving = variables.clone();
        serving.push(child::set("TRACEPARENT", sent["traceparent"]));
        serving.push(child::set("BAGGAGE", sent["baggage"]));
        let helper = child::run(program, &["serve"], &serving);
        assert!(helper.out.contains("for acme"), "{helper:?}");

        let all = exported(&receiver.requests());
        let named = |name: &str| {
            let span = all.spans.iter().find(|span| span.name() == name);
            span.unwrap_or_else(|| panic!("no `{name}`"))
        };
        assert!(named("invoke_agent helper").is_child_of(named("execute_tool delegate")));
        assert_eq!(all.violations(&REGISTRY), [""; 0], "{protocol}");
    }
}
