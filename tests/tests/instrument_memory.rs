//! An instrument takes memory for the series that its registry allows, and not for those that the SDK
//! would give it room for.
//!
//! One test in a process of its own: it counts the bytes that the thread allocates.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use opentelemetry_sdk::metrics::{ManualReader, SdkMeterProvider};
use vigil::metrics::gen_ai::{INVOKE_AGENT_DURATION, InvokeAgentDurationAttributes};
use vigil::metrics::life::{
    BUDGET_TOKENS_REMAINING, BudgetTokensRemainingAttributes, MODE_TRANSITIONS,
    ModeTransitionsAttributes, TOOL_EXECUTIONS, ToolExecutionsAttributes,
};
use vigil::semconv::life::{OperatingMode, ToolStatus};

struct Counting;

thread_local! {
    /// Below zero where what others allocated is freed here.
    static BYTES: Cell<isize> = const { Cell::new(0) };
}

// SAFETY: it hands everything to the system's allocator.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
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

/// What is held after the first measurement of each, and was not before.
fn held(meters: &SdkMeterProvider) -> [isize; 4] {
    vigil::set_meter_provider(meters.clone());
    let of = |measure: fn()| {
        let before = BYTES.get();
        measure();
        BYTES.get() - before
    };
    [
        of(|| BUDGET_TOKENS_REMAINING.record(1, &BudgetTokensRemainingAttributes::default())),
        of(|| {
            let (from, to) = (OperatingMode::Explore, OperatingMode::Execute);
            MODE_TRANSITIONS.add(1, &ModeTransitionsAttributes::new(from, to));
        }),
        of(|| TOOL_EXECUTIONS.add(1, &ToolExecutionsAttributes::new("a", ToolStatus::Ok))),
        of(|| {
            let second = std::time::Duration::from_secs(1);
            INVOKE_AGENT_DURATION.record(second, &InvokeAgentDurationAttributes::default());
        }),
    ]
}

#[test]
fn an_instrument_takes_memory_for_the_series_that_it_may_have() {
    let reader = || ManualReader::builder().build();
    let without = SdkMeterProvider::builder().with_reader(reader()).build();
    // Whatever is made once in a process, such as the definitions' list, is made by the first.
    held(&without);
    let without = SdkMeterProvider::builder().with_reader(reader()).build();
    let without = held(&without);
    let with = SdkMeterProvider::builder()
        .with_view(vigil::metric_view)
        .with_reader(reader())
        .build();
    let with = held(&with);
    println!("bytes of the first measurement: {without:?} without the view, {with:?} with it");
    let [budget, modes, tools, agents] =
        std::array::from_fn(|instrument| without[instrument] / with[instrument]);
    assert!(budget >= 10 && modes >= 30, "{without:?} {with:?}");
    assert!(tools >= 3, "{without:?} {with:?}");
    // It may have the most series that there are.
    assert!(agents < 3 && with[3] < without[3], "{without:?} {with:?}");
}
