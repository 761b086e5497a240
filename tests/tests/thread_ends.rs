//! What a thread does while it ends, in the destructors of its thread-locals, is telemetry as well, and no
//! reason to panic: there, a panic aborts the program.
//!
//! The subscriber is the process's, as others are out of reach by then: so these tests are one test binary.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock, mpsc};

use opentelemetry_sdk::logs::SdkLoggerProvider;
use tracing_subscriber::layer::SubscriberExt;
use vigil::carrier::Root;
use vigil::config::LogFormat;
use vigil::log::LogLayer;
use vigil::testing::Pipeline;
use vigil::{Deliberate, agent_span, chat_span, phase_span};

/// What was written.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn text(&self) -> String {
        let written = self.0.lock().expect("nobody panics with it");
        String::from_utf8_lossy(&written).into_owned()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = self.0.lock().expect("nobody panics with it");
        written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Process {
    pipeline: Pipeline,
    json: Written,
    pretty: Written,
}

/// What the whole process exports and writes.
fn process() -> &'static Process {
    static PROCESS: OnceLock<Process> = OnceLock::new();
    PROCESS.get_or_init(|| {
        let pipeline = Pipeline::new();
        let (json, pretty) = (Written::default(), Written::default());
        let subscriber = tracing_subscriber::registry()
            .with(vigil::trace_layer(pipeline.tracer_provider()))
            .with(vigil::log_bridge(&SdkLoggerProvider::builder().build()))
            .with(LogLayer::new(LogFormat::Json).writer(json.clone()))
            .with(LogLayer::new(LogFormat::Pretty).writer(pretty.clone()));
        tracing::subscriber::set_global_default(subscriber).expect("there is no other");
        Process {
            pipeline,
            json,
            pretty,
        }
    })
}

/// Does something when the thread ends that it belongs to, and tells of its panic.
struct AtEnd(Option<Box<dyn FnOnce()>>, mpsc::Sender<bool>);

impl Drop for AtEnd {
    fn drop(&mut self) {
        if let Some(work) = self.0.take() {
            let went = catch_unwind(AssertUnwindSafe(work));
            let _ = self.1.send(went.is_ok());
        }
    }
}

thread_local! {
    static AT_END: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
}

/// Runs `work` when a thread ends on which OpenTelemetry and Vigil have done their work already.
#[track_caller]
fn at_the_end_of_a_thread(work: impl FnOnce() + Send + 'static) {
    let _ = process();
    let (told, tell) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        // What came first goes last.
        AT_END.with_borrow_mut(|at_end| *at_end = Some(AtEnd(Some(Box::new(work)), told)));
        let agent = agent_span("s-0", "earlier").parent(&Root).start();
        agent.in_scope(|| tracing::info!("earlier"));
    });
    thread.join().expect("the thread ends");
    assert_eq!(tell.recv(), Ok(true), "nothing panicked");
}

#[test]
fn an_agent_that_starts_while_its_thread_ends_is_exported() {
    at_the_end_of_a_thread(|| {
        let agent = agent_span("s-1", "root").start();
        let deliberate = phase_span(&agent, Deliberate);
        drop(chat_span(&deliberate, "sonnet", "anthropic").start());
    });
    let pipeline = &process().pipeline;
    let (chat, phase) = (
        pipeline.span("chat sonnet"),
        pipeline.span("phase deliberate"),
    );
    assert!(chat.is_child_of(&phase));
    assert!(phase.is_child_of(&pipeline.span("invoke_agent root")));
    assert_eq!(chat.text("life.session_id"), Some("s-1"));
}

#[test]
fn code_runs_in_a_span_while_its_thread_ends() {
    let (ran, run) = mpsc::channel();
    at_the_end_of_a_thread(move || {
        let agent = agent_span("s-1", "entered").start();
        agent.in_scope(|| {
            tracing::info!("entered at the end");
            ran.send(()).expect("the test waits");
        });
    });
    assert_eq!(run.recv(), Ok(()));
    assert!(process().json.text().contains("entered at the end"));
}

#[test]
fn log_lines_are_written_while_their_thread_ends() {
    at_the_end_of_a_thread(|| tracing::info!("last words"));
    assert!(process().json.text().contains("last words"));
    assert!(process().pretty.text().contains("last words"));
}

#[test]
fn spans_that_were_open_before_go_on_and_end_while_their_thread_ends() {
    let _ = process();
    let agent = agent_span("s-1", "open").parent(&Root).start();
    agent.in_scope(|| ());
    let foreign = tracing::info_span!(parent: &agent.span(), "foreign");
    foreign.in_scope(|| ());
    let (ran, run) = mpsc::channel();
    at_the_end_of_a_thread(move || {
        agent.in_scope(|| tracing::info!("in the agent"));
        drop(foreign);
        ran.send(agent.span_context().is_some())
            .expect("the test waits");
    });
    assert_eq!(run.recv(), Ok(true));
    let pipeline = &process().pipeline;
    assert!(
        pipeline
            .span("foreign")
            .is_child_of(&pipeline.span("invoke_agent open"))
    );
    assert!(process().json.text().contains("in the agent"));
}

#[test]
fn spans_that_tracing_does_not_know_yet_do_without_it_while_their_thread_ends() {
    let pipeline = Pipeline::new();
    let layer = vigil::trace_layer(pipeline.tracer_provider()).with_fields(false);
    let subscriber = tracing_subscriber::registry().with(layer);
    let agent =
        tracing::subscriber::with_default(subscriber, || agent_span("s-1", "arcan").start());
    let deliberate = phase_span(&agent, Deliberate);
    at_the_end_of_a_thread(move || {
        let chat = chat_span(&deliberate, "sonnet", "anthropic").start();
        chat.in_scope(|| assert!(chat.span().is_none()));
        deliberate.in_scope(|| ());
    });
    let chat = pipeline.span("chat sonnet");
    assert!(chat.is_child_of(&pipeline.span("phase deliberate")));
}

#[test]
fn who_asks_for_what_is_current_while_the_thread_ends_is_told_that_nothing_is() {
    at_the_end_of_a_thread(|| {
        let mut headers = HashMap::<String, String>::new();
        assert!(vigil::write_trace_context(&mut headers).is_none());
        drop(chat_span(&Deliberate::current(), "late", "anthropic").start());
    });
    process().pipeline.span("chat late");
}
