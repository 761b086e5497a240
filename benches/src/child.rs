//! The process that ticks.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{self, BufRead, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::cases::{Case, Who};
use crate::subjects::{self, Subject};

/// Ticks until caches are filled, buffers have grown and branches are known.
const WARM_UP: u32 = 400;

/// Counts what the ticking thread allocates, while it is asked to: at other times it costs one check.
struct Counting;

static COUNTS: AtomicBool = AtomicBool::new(false);

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static BYTES: Cell<u64> = const { Cell::new(0) };
}

fn count(bytes: usize) {
    if COUNTS.load(Ordering::Relaxed) {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        BYTES.set(BYTES.get() + bytes as u64);
    }
}

// SAFETY: it hands everything to the system's allocator.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Ticks that count: callgrind collects in here and nowhere else.
#[inline(never)]
fn measured_ticks(subject: &mut dyn Subject, ticks: u32) {
    subject.ticks(ticks);
    // It has to be a call, which callgrind sees the end of.
    std::hint::black_box(());
}

fn warm(case: Case, who: Who) -> Box<dyn Subject> {
    let mut subject = subjects::build(case, who, None);
    subject.ticks(WARM_UP.min(case.ticks()));
    subject.flush();
    subject
}

/// Ticks under callgrind.
pub(crate) fn tick(case: Case, who: Who, ticks: u32) {
    let mut subject = warm(case, who);
    measured_ticks(&mut *subject, ticks);
    // What is open would end, and that is not what is measured.
    #[allow(clippy::exit)]
    std::process::exit(0);
}

/// Answers each line of `time N` with nanoseconds, of `count N` with allocations and bytes.
pub(crate) fn serve(case: Case, who: Who) -> io::Result<()> {
    let mut subject = warm(case, who);
    let mut answers = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (what, ticks) = line.split_once(' ').unwrap_or((&line, "0"));
        let ticks = ticks.parse().map_err(io::Error::other)?;
        match what {
            "time" => {
                let started = Instant::now();
                measured_ticks(&mut *subject, ticks);
                writeln!(answers, "{}", started.elapsed().as_nanos())?;
            }
            "count" => {
                let before = (ALLOCATIONS.get(), BYTES.get());
                COUNTS.store(true, Ordering::Relaxed);
                measured_ticks(&mut *subject, ticks);
                COUNTS.store(false, Ordering::Relaxed);
                let (allocations, bytes) = (ALLOCATIONS.get(), BYTES.get());
                writeln!(answers, "{} {}", allocations - before.0, bytes - before.1)?;
            }
            other => return Err(io::Error::other(format!("what is `{other}`?"))),
        }
        answers.flush()?;
        subject.flush();
    }
    #[allow(clippy::exit)]
    std::process::exit(0);
}
