//! With nobody listening, telemetry costs next to nothing and changes nothing.
//!
//! One test in a process of its own: it counts the allocations of the whole program.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::HashMap;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use aios_protocol::event::{EventKind, EventRecord, LoopPhase};
use vigil::aios::Observer;
use vigil::carrier::Stream;
use vigil::content::Message;
use vigil::records::life::Budget;
use vigil::semconv::gen_ai::ProviderName;
use vigil::semconv::life::{OperatingMode, ToolStatus};
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

/// A response of so many chunks.
struct Chunks(usize);

impl Stream for Chunks {
    type Item = Result<(), ()>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let left = self.0;
        self.0 = left.saturating_sub(1);
        Poll::Ready((left > 0).then_some(Ok(())))
    }
}

/// Reads the stream to its end and says how many items it had.
fn read<S: Stream + Unpin>(mut stream: S) -> usize {
    let mut cx = Context::from_waker(Waker::noop());
    let mut items = 0;
    while let Poll::Ready(Some(_)) = Pin::new(&mut stream).poll_next(&mut cx) {
        items += 1;
    }
    items
}

fn tick(
    session: &str,
    model: &str,
    carrier: &mut HashMap<String, String>,
    (observer, event): (&mut Observer, &EventRecord),
) -> Result<(), ()> {
    let agent = agent_span(session, "arcan").run_id(session).start();
    phase_span(&agent, Perceive).record_budget(&Budget::new(1_000).cost_remaining_usd(2.5));
    let deliberate = phase_span(&agent, Deliberate);
    let chat = chat_span(&deliberate, model, ProviderName::Anthropic)
        .request_max_tokens(4096)
        .input_messages(|| -> String { unreachable!("content is only built for somebody") })
        .start();
    chat.run_blocking(|| Ok::<_, ()>(()))?;
    chat.record_finish_reason("stop");
    chat.record_output_messages(|| -> Message<'static> {
        unreachable!("content is only built for somebody")
    });
    chat.record_chunk();
    assert_eq!(read(chat.run_stream(Chunks(3))), 3);
    let chat = chat.into_stream(Chunks(3));
    let chat = chat.on_chunk(|_, ()| unreachable!("chunks are only looked at for somebody"));
    assert_eq!(read(chat), 3);
    let execute = phase_span(&agent, Execute);
    let tool = tool_span(&execute, "shell", "call-1").start();
    tool.record_tool_status(ToolStatus::Ok);
    assert!(!tool.is_active());
    assert_eq!(tool.span_context(), None);
    phase_span(&agent, Reflect)
        .record_mode_transition(OperatingMode::Explore, OperatingMode::Execute);
    drop(chat_span(&Deliberate::current(), model, "anthropic").start());
    assert!(agent.write_trace_context(carrier).is_none());
    assert!(vigil::write_trace_context(carrier).is_none());
    observer.observe(event);
    Ok(())
}

#[test]
fn a_tick_without_a_listener_allocates_nothing() {
    let before = ALLOCATIONS.get();
    drop(std::hint::black_box(Box::new(1)));
    assert_eq!(ALLOCATIONS.get() - before, 1, "allocations are counted");

    let mut carrier = HashMap::new();
    let mut observer = Observer::live("arcan");
    let phase = LoopPhase::Execute;
    let entered = EventKind::PhaseEntered { phase };
    let event = EventRecord::new("s-1".into(), "main".into(), 1, entered);

    let before = ALLOCATIONS.get();
    let observing = (&mut observer, &event);
    tick("s-1", "sonnet", &mut carrier, observing).expect("nothing fails");
    assert_eq!(ALLOCATIONS.get() - before, 0);
    assert!(carrier.is_empty());
}
