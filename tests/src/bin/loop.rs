//! An agent that does whatever a test asks for, for tests that look at a process from outside.
//!
//! The first argument says what: a name of the list at the end. The second says where: in no
//! runtime (nothing), in a runtime of Tokio's on one thread (`current-thread`) or on two
//! (`multi-thread`), where `init` and the end are inside, too. The third is how the pipeline ends: the
//! milliseconds that its shutdown may take (nothing: 5000), or `drop` for a guard that is dropped.
//!
//! At the end it prints what became of each signal's telemetry, as far as it was told.

use std::collections::HashMap;
use std::time::Duration;

use opentelemetry::baggage::BaggageExt;
use opentelemetry::{Context, KeyValue};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use vigil::carrier::RemoteParent;
use vigil::export::ExportStats;
use vigil::{Execute, Perceive, agent_span, phase_span, tool_span};
use vigil::{VigConfig, VigGuard};
use vigil_tests::everything;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_default();
    let place = arguments.next().unwrap_or_default();
    let end = arguments.next().unwrap_or_default();
    let runtime = match place.as_str() {
        "" | "no-runtime" => return go(&what, &end),
        "current-thread" => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build(),
        "multi-thread" => tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build(),
        other => panic!("`{other}` is no place"),
    };
    let runtime = runtime.expect("a runtime");
    runtime.block_on(async { go(&what, &end) });
}

fn go(what: &str, end: &str) {
    let guard = vigil::init(&VigConfig::new().service_name("agent-under-test"));
    let guard = match guard {
        Ok(guard) => guard,
        Err(error) => {
            println!("refused: {error}");
            std::process::exit(3);
        }
    };
    match what {
        "least" => everything::least(),
        "most" => everything::most(),
        "call" => call(),
        "serve" => serve(),
        other => panic!("`{other}` is nothing to do"),
    }
    finish(guard, end);
}

/// Calls a sub-agent in another process: prints the headers of the call.
fn call() {
    let incoming = Context::new().with_baggage([KeyValue::new("tenant", "acme")]);
    let agent = agent_span("s-1", "arcan")
        .parent(&RemoteParent::new(incoming))
        .start();
    let execute = phase_span(&agent, Execute);
    let tool = tool_span(&execute, "delegate", "call-1").start();
    let mut headers = HashMap::new();
    opentelemetry::global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&tool.span().context(), &mut headers);
    });
    for (name, value) in headers {
        println!("header {name}: {value}");
    }
}

/// Is called, with the headers in its environment.
fn serve() {
    let header = |name| std::env::var(name).unwrap_or_default();
    let headers = HashMap::from([
        ("traceparent".to_owned(), header("TRACEPARENT")),
        ("baggage".to_owned(), header("BAGGAGE")),
    ]);
    let context =
        opentelemetry::global::get_text_map_propagator(|propagator| propagator.extract(&headers));
    if let Some(tenant) = context.baggage().get("tenant") {
        println!("for {tenant}");
    }
    let agent = agent_span("s-2", "helper")
        .parent(&RemoteParent::new(context))
        .start();
    drop(phase_span(&agent, Perceive));
}

fn finish(guard: VigGuard, end: &str) {
    if end == "drop" {
        return;
    }
    let bound = end.parse().unwrap_or(5_000);
    let report = guard.shutdown(Duration::from_millis(bound));
    for (signal, stats) in [
        ("traces", report.traces),
        ("metrics", report.metrics),
        ("logs", report.logs),
    ] {
        let ExportStats {
            created,
            delivered,
            dropped,
            rejected,
            failed,
            pending,
            ..
        } = stats;
        println!(
            "{signal} created={created} delivered={delivered} dropped={dropped} \
             rejected={rejected} failed={failed} pending={pending}"
        );
    }
    println!("in time: {}", report.in_time);
}
