//! What spans leave behind in memory once they have gone: nothing.
//!
//! One test in a process of its own: it counts the memory of the whole program.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering};

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, Span, SpanData, SpanProcessor};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use vigil::spans::gen_ai::AgentSpan;
use vigil::{Execute, agent_span, phase_span, tool_span};

struct Counting;

static HELD: AtomicIsize = AtomicIsize::new(0);

fn count(layout: Layout) -> isize {
    isize::try_from(layout.size()).unwrap_or(isize::MAX)
}

// SAFETY: it hands everything to the system's allocator.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(count(layout), Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(count(layout), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Takes spans and drops them.
#[derive(Debug)]
struct Null;

impl SpanProcessor for Null {
    fn on_start(&self, _: &mut Span, _: &opentelemetry::Context) {}

    fn on_end(&self, _: SpanData) {}

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: std::time::Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Code runs in the tool.
fn runs(agent: &AgentSpan) {
    let execute = phase_span(agent, Execute);
    tool_span(&execute, "read_file", "call-1")
        .start()
        .in_scope(|| tracing::info_span!("work").in_scope(|| ()));
}

/// It keeps the tool's span for longer than the tool is there.
fn keeps(agent: &AgentSpan) {
    let execute = phase_span(agent, Execute);
    let tool = tool_span(&execute, "read_file", "call-1").start();
    let kept = tool.in_scope(tracing::Span::current);
    drop((tool, execute));
    kept.in_scope(|| tracing::info_span!("later").in_scope(|| ()));
}

/// It asks for the context of one that it keeps.
fn asks(agent: &AgentSpan) {
    let execute = phase_span(agent, Execute);
    let tool = tool_span(&execute, "read_file", "call-1").start();
    let kept = tool.in_scope(tracing::Span::current);
    let context = kept.context();
    drop((tool, execute, context, kept));
}

#[test]
fn spans_that_have_gone_leave_nothing_in_memory() {
    let provider = SdkTracerProvider::builder()
        .with_span_processor(Null)
        .build();
    tracing_subscriber::registry()
        .with(vigil::trace_layer(&provider).with_fields(false))
        .init();
    let agent = agent_span("s-1", "arcan").start();
    // What asks changes how all that come later are made.
    for (what, work) in [
        ("runs", runs as fn(&AgentSpan)),
        ("keeps", keeps),
        ("asks", asks),
        ("runs after that", runs),
    ] {
        let held = |times: usize| {
            (0..times).for_each(|_| work(&agent));
            HELD.load(Ordering::Relaxed)
        };
        let before = held(100);
        let after = held(5_000);
        assert!(after - before < 5_000, "{what}: {before} B, then {after} B");
    }
}
