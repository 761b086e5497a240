//! What a log line allocates: nothing, once the thread has made some of an agent's run.
//!
//! One test in a process of its own: it counts the allocations of the thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracing_subscriber::layer::SubscriberExt;
use vigil::log::{LogFormat, LogLayer};
use vigil::records::gen_ai::TokenUsage;
use vigil::records::life::Budget;
use vigil::semconv::gen_ai::ProviderName;
use vigil::semconv::life::ToolStatus;
use vigil::spans::gen_ai::AgentSpan;
use vigil::{Deliberate, Execute, Perceive, agent_span, chat_span, phase_span, tool_span};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: it hands everything to the system's allocator.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Counts what is written and drops it.
#[derive(Clone, Default)]
struct Lines(Arc<AtomicUsize>);

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        assert_eq!(line.last(), Some(&b'\n'));
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Ends spans and logs, in the same way whether lines of it are written.
fn work(agent: &AgentSpan) {
    phase_span(agent, Perceive).record_budget(&Budget::new(98_500).cost_remaining_usd(4.2));
    let deliberate = phase_span(agent, Deliberate);
    let chat = chat_span(&deliberate, "sonnet", ProviderName::Anthropic)
        .request_temperature(0.5)
        .start();
    chat.record_token_usage(&TokenUsage::default().input_tokens(1200).output_tokens(85));
    chat.record_finish_reason("tool_call");
    chat.in_scope(|| {
        tracing::warn!(attempt = 2, ratio = 0.25, reason = "too busy", tool = %"read", "retrying");
    });
    drop((chat, deliberate));
    let execute = phase_span(agent, Execute);
    let tool = tool_span(&execute, "read_file", "call-1").start();
    tool.record_tool_status(ToolStatus::Error);
    tool.record_error_with("timeout", "took too \"long\"");
    drop((tool, execute));
}

/// Allocations and lines of as much work in the steady state, with lines of that level.
fn of_work(format: LogFormat, level: &str) -> (usize, usize) {
    const TIMES: usize = 50;

    let lines = Lines::default();
    let layer = LogLayer::new(format)
        .writer(lines.clone())
        .filter(level)
        .unwrap();
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || {
        let agent = agent_span("s-1", "arcan").run_id("r-7").start();
        for _ in 0..TIMES {
            work(&agent);
        }
        let before = (ALLOCATIONS.get(), lines.0.load(Ordering::Relaxed));
        for _ in 0..TIMES {
            work(&agent);
        }
        (
            ALLOCATIONS.get() - before.0,
            lines.0.load(Ordering::Relaxed) - before.1,
        )
    })
}

#[test]
fn a_line_allocates_nothing_once_the_thread_has_made_some_of_the_run() {
    for format in [LogFormat::Pretty, LogFormat::Json] {
        let (without, none) = of_work(format, "off");
        let (with, lines) = of_work(format, "info");
        assert_eq!(none, 0, "{format:?}");
        assert_eq!(lines, 50 * 6, "{format:?}");
        assert_eq!(with, without, "{format:?}");
    }
}
