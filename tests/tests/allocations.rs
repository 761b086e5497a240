//! What a tick allocates where somebody listens, as a bound that holds on every machine.
//!
//! One test in a process of its own: it counts the allocations of the whole program. Instructions and
//! times are measured by the benches.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use opentelemetry_sdk::metrics::{ManualReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{SdkTracerProvider, Span, SpanData, SpanProcessor};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use vigil::carrier::InheritedAttributes;
use vigil::records::gen_ai::TokenUsage;
use vigil::records::life::Budget;
use vigil::semconv::gen_ai::ProviderName;
use vigil::semconv::life::{OperatingMode, ToolStatus};
use vigil::spans::gen_ai::AgentSpan;
use vigil::{Deliberate, Execute, Perceive, Reflect, agent_span, chat_span, phase_span, tool_span};

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

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
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

    fn force_flush(&self) -> opentelemetry_sdk::error::OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(
        &self,
        _: std::time::Duration,
    ) -> opentelemetry_sdk::error::OTelSdkResult {
        Ok(())
    }
}

/// The tick of `docs/performance.md`.
fn tick(agent: &AgentSpan) {
    phase_span(agent, Perceive).record_budget(&Budget::new(118_000).cost_remaining_usd(4.75));
    let deliberate = phase_span(agent, Deliberate);
    let chat = chat_span(&deliberate, "sonnet", ProviderName::Anthropic)
        .request_max_tokens(4096)
        .request_temperature(0.7)
        .start();
    let usage = TokenUsage::default().input_tokens(1200).output_tokens(85);
    chat.record_token_usage(&usage);
    chat.record_finish_reason("tool_call");
    chat.record_response_id("msg-1");
    chat.record_response_model("sonnet");
    drop((chat, deliberate));
    let execute = phase_span(agent, Execute);
    let tool = tool_span(&execute, "read_file", "call-1").start();
    tool.record_tool_status(ToolStatus::Ok);
    drop((tool, execute));
    phase_span(agent, Reflect)
        .record_mode_transition(OperatingMode::Explore, OperatingMode::Execute);
}

#[test]
fn a_tick_that_is_exported_allocates_no_more_than_it_did() {
    /// What was measured; whoever makes it less lowers it.
    const BOUND: usize = 31;
    const TICKS: usize = 100;

    let tracers = SdkTracerProvider::builder()
        .with_span_processor(InheritedAttributes::before(Null))
        .build();
    tracing_subscriber::registry()
        .with(vigil::trace_layer(&tracers))
        .init();
    let reader = ManualReader::builder().build();
    vigil::set_meter_provider(SdkMeterProvider::builder().with_reader(reader).build());
    let agent = agent_span("s-1", "arcan").start();
    // Instruments are made and bound, and buffers grow.
    for _ in 0..TICKS {
        tick(&agent);
    }
    let before = ALLOCATIONS.get();
    for _ in 0..TICKS {
        tick(&agent);
    }
    let allocations = ALLOCATIONS.get() - before;
    assert!(
        allocations <= BOUND * TICKS,
        "{allocations} in {TICKS} ticks"
    );
}
