//! An agent that does whatever a test asks for, for tests that look at a process from outside.
//!
//! The first argument says what: see `go`. The second says where: in no
//! runtime (nothing), in a runtime of Tokio's on one thread (`current-thread`) or on two
//! (`multi-thread`), where `init` and the end are inside, too. The third is how the pipeline ends: the
//! milliseconds that its shutdown may take (nothing: 5000), or `drop` for a guard that is dropped.
//!
//! At the end it prints how long the pipeline took to end, and what became of each signal's telemetry,
//! as far as it was told.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use opentelemetry::baggage::BaggageExt;
use opentelemetry::{Context, KeyValue};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use vigil::carrier::RemoteParent;
use vigil::config::Otlp;
use vigil::export::ExportStats;
use vigil::records::gen_ai::TokenUsage;
use vigil::records::life::Budget;
use vigil::semconv::life::ToolStatus;
use vigil::{Deliberate, Execute, Perceive, agent_span, chat_span, phase_span, tool_span};
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
    let mut config = VigConfig::new().service_name("agent-under-test");
    match what {
        // Its instruments are touched while there is no pipeline.
        "early" => everything::least(),
        "after-a-failure" => {
            let nowhere = Otlp::new().endpoint("https://127.0.0.1:1");
            let nowhere = nowhere.ca_certificate("/nowhere/ca.pem");
            let failed = vigil::init(&config.clone().otlp(nowhere));
            println!("first: {}", failed.expect_err("there is no such file"));
            config = config.endpoint(std::env::var("COLLECTOR").unwrap_or_default());
        }
        _ => {}
    }
    let guard = match vigil::init(&config) {
        Ok(guard) => guard,
        Err(error) => {
            println!("refused: {error}");
            std::process::exit(3);
        }
    };
    match what {
        "most" => everything::most(),
        "least" | "early" | "after-a-failure" => everything::least(),
        "numbers" => numbers(),
        "outcomes" => outcomes(),
        "foreign" => foreign(),
        "budgets" => budgets(),
        "threads" => threads(),
        "burst" => burst(),
        "lines" => lines(),
        "call" => call(),
        "serve" => serve(),
        other => panic!("`{other}` is nothing to do"),
    }
    finish(guard, end);
}

/// Numbers of every type, and prompts of every size.
fn numbers() {
    let agent = agent_span("s-1", "arcan").start();
    let deliberate = phase_span(&agent, Deliberate);
    for input_tokens in [12_000_u64, 50_000, 180_000] {
        let chat = chat_span(&deliberate, "sonnet", "anthropic")
            .request_max_tokens(4_096_u32)
            .server_port(443_u16)
            .start();
        let usage = TokenUsage::default()
            .input_tokens(input_tokens)
            .output_tokens(80_usize);
        chat.record_token_usage(&usage);
        chat.record_finish_reason("tool_call");
        chat.record_finish_reason("stop");
    }
}

#[derive(Debug)]
struct ToolFailed;

/// Tools that end in every way.
fn outcomes() {
    let agent = agent_span("s-1", "arcan").start();
    let execute = phase_span(&agent, Execute);
    let tool = |name: &str| tool_span(&execute, name, "call-1").start();
    let _ = tool("works").run_blocking(|| Ok::<_, ToolFailed>(()));
    let _ = tool("fails").run_blocking(|| Err::<(), _>(ToolFailed));
    tool("hangs").record_tool_status(ToolStatus::Timeout);
    drop(tool("is-left"));
    let panicking = std::panic::AssertUnwindSafe(|| {
        let _tool = tool("panics");
        panic!("on purpose");
    });
    let _ = std::panic::catch_unwind(panicking);
}

#[tracing::instrument]
fn helper(count: i64) -> i64 {
    tracing::info!("helping");
    count
}

/// What other instrumentation makes, inside a tool.
fn foreign() {
    let agent = agent_span("s-1", "arcan").start();
    let execute = phase_span(&agent, Execute);
    let tool = tool_span(&execute, "shell", "call-1").start();
    tool.in_scope(|| helper(1));
}

/// Two agents, each with a budget of its own.
fn budgets() {
    for (name, tokens) in [("one", 1_000), ("two", 2_000)] {
        let agent = agent_span("s-1", name).start();
        phase_span(&agent, Perceive).record_budget(&Budget::new(tokens));
    }
}

/// Two agents at once, each with tools in a task, across an await, on a blocking thread and on a
/// thread of its own.
fn threads() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let both = async { tokio::join!(busy("s-1", "one"), busy("s-2", "two")) };
    runtime.block_on(both);
}

async fn busy(session: &str, name: &str) {
    let agent = agent_span(session, name).start();
    let execute = phase_span(&agent, Execute);
    let work = async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        helper(1);
        Ok::<_, ToolFailed>(())
    };
    let tool = tool_span(&execute, format!("awaits-{name}"), "call-1").start();
    let _ = tool.run(work).await;
    drop(tool);
    let parent = execute.parent();
    let tool = format!("task-{name}");
    let task = tokio::spawn(async move {
        let tool = tool_span(&parent, &tool, "call-2").start();
        let work = async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Ok::<_, ToolFailed>(())
        };
        let _ = tool.run(work).await;
    });
    let parent = execute.parent();
    let tool = format!("blocks-{name}");
    let blocking = tokio::task::spawn_blocking(move || {
        let tool = tool_span(&parent, &tool, "call-3").start();
        let _ = tool.run_blocking(|| Ok::<_, ToolFailed>(helper(2)));
    });
    let parent = execute.parent();
    let tool = format!("thread-{name}");
    let thread = std::thread::spawn(move || {
        let tool = tool_span(&parent, &tool, "call-4").start();
        let _ = tool.run_blocking(|| Ok::<_, ToolFailed>(helper(3)));
    });
    let _ = tokio::join!(task, blocking);
    let _ = thread.join();
}

/// Twenty thousand spans, as fast as they can be made.
fn burst() {
    for _ in 0..20_000 {
        drop(agent_span("s-1", "arcan").start());
    }
}

/// Twelve threads that write a thousand lines each.
fn lines() {
    std::thread::scope(|scope| {
        for thread in 0..12 {
            scope.spawn(move || {
                for line in 0..1_000_usize {
                    let text = "\u{1F980} \"x\"\n".repeat(line % 40);
                    tracing::info!(thread, line, text, "said");
                }
            });
        }
    });
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
    let begun = Instant::now();
    let ended = |begun: Instant| println!("ended in {} ms", begun.elapsed().as_millis());
    if end == "drop" {
        drop(guard);
        return ended(begun);
    }
    let bound = end.parse().unwrap_or(5_000);
    let report = guard.shutdown(Duration::from_millis(bound));
    ended(begun);
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
