//! What a thread keeps of what it measured: so little that it stays bounded, and enough that the same again
//! allocates nothing.
//!
//! One test in a process of its own: it counts what the thread allocates.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use opentelemetry_sdk::metrics::{ManualReader, SdkMeterProvider};
use vigil::metrics::gen_ai::{
    CLIENT_TOKEN_USAGE, ClientTokenUsageAttributes, EXECUTE_TOOL_DURATION,
    ExecuteToolDurationAttributes,
};
use vigil::metrics::life::{TOOL_EXECUTIONS, ToolExecutionsAttributes};
use vigil::semconv::gen_ai::{OperationName, ProviderName, TokenType};
use vigil::semconv::life::ToolStatus;
use vigil::{Execute, agent_span, phase_span, tool_span};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    /// Below zero where what others allocated is freed here.
    static BYTES: Cell<isize> = const { Cell::new(0) };
}

// SAFETY: it hands everything to the system's allocator.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        BYTES.set(BYTES.get() + layout.size().cast_signed());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        BYTES.set(BYTES.get() - layout.size().cast_signed());
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

fn held(work: impl FnOnce()) -> isize {
    let before = BYTES.get();
    work();
    BYTES.get() - before
}

/// A tool of that number is called, and measured by hand and by its span.
fn call(number: usize) {
    let tool = format!("tool-{number:06}");
    TOOL_EXECUTIONS.add(1, &ToolExecutionsAttributes::new(&tool, ToolStatus::Ok));
    let duration = ExecuteToolDurationAttributes::new(&tool);
    EXECUTE_TOOL_DURATION.record(Duration::from_millis(15), &duration);
    let agent = agent_span("s-1", "arcan").start();
    drop(tool_span(&phase_span(&agent, Execute), &tool, "call-1").start());
}

#[test]
fn what_is_measured_again_allocates_nothing_and_what_is_new_each_time_stays_bounded() {
    let reader = ManualReader::builder().build();
    let meters = SdkMeterProvider::builder()
        .with_view(vigil::metric_view)
        .with_reader(reader)
        .build();
    vigil::set_meter_provider(meters);

    let usage = |token_type| {
        let provider = ProviderName::Anthropic;
        ClientTokenUsageAttributes::new(OperationName::Chat, provider, token_type)
            .request_model("sonnet")
    };
    let usages = [TokenType::Input, TokenType::Output].map(usage);
    let tools = ["shell", "browser", "editor", "search"]
        .map(|tool| ToolExecutionsAttributes::new(tool, ToolStatus::Ok));
    let bound = TOOL_EXECUTIONS.bind(&tools[0]);
    let measure = || {
        for usage in &usages {
            CLIENT_TOKEN_USAGE.record(100, usage);
        }
        for tool in &tools {
            TOOL_EXECUTIONS.add(1, tool);
        }
        bound.add(1);
    };
    assert!(allocations(measure) > 0, "allocations are counted");
    assert_eq!(allocations(measure), 0);

    // All that the registry admits, and some more.
    let first = held(|| (0..1_000).for_each(call));
    assert!(first > 0, "bytes are counted");
    let more = held(|| (1_000..21_000).for_each(call));
    assert!(more.abs() < 1_024, "{first} bytes, and then {more} more");
}
