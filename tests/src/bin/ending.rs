//! An agent that ends with spans open, for tests that look at a process from outside.
//!
//! Its argument says how it ends; see `main`. It prints `ready` when the spans are open.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt;
use vigil::{Deliberate, Execute, VigConfig, VigGuard};
use vigil::{agent_span, chat_span, phase_span, tool_span};

static ASKED: AtomicBool = AtomicBool::new(false);

extern "C" fn ask(_: libc::c_int) {
    ASKED.store(true, Ordering::SeqCst);
}

/// A handler of the program's own, as C programs have them.
fn handle_signals() {
    let handler = ask as *const () as libc::sighandler_t;
    for signal in [libc::SIGTERM, libc::SIGINT] {
        // SAFETY: the handler stores to an atomic and nothing else.
        #[allow(unsafe_code)]
        unsafe {
            libc::signal(signal, handler);
        }
    }
}

fn say(words: &str) {
    println!("{words}");
    let _ = std::io::stdout().flush();
}

/// Works until the process is ended from outside, or the program is asked to end.
fn work() {
    for _ in 0..2_000 {
        std::thread::sleep(Duration::from_millis(10));
        if ASKED.load(Ordering::SeqCst) {
            say("asked to end");
            agent_span("s-2", "afterwards").start().end();
            return;
        }
    }
    say("nobody ended it");
}

/// A layer that can't stand what spans say in the end.
struct Broken;

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Broken {
    fn on_record(
        &self,
        _: &tracing::span::Id,
        _: &tracing::span::Record<'_>,
        _: tracing_subscriber::layer::Context<'_, S>,
    ) {
        panic!("a layer's own fault");
    }
}

fn tool_span_of(name: &str) -> vigil::spans::gen_ai::ToolSpan {
    let agent = agent_span("s-2", "arcan").start();
    tool_span(&phase_span(&agent, Execute), name, "call-1").start()
}

/// A fork of this process gets SIGTERM, and this process none.
fn fork() {
    // SAFETY: the child sleeps and does nothing else.
    #[allow(unsafe_code)]
    let child = unsafe {
        let child = libc::fork();
        if child == 0 {
            libc::sleep(5);
            libc::_exit(0);
        }
        std::thread::sleep(Duration::from_millis(100));
        libc::kill(child, libc::SIGTERM);
        child
    };
    let mut status = 0;
    // SAFETY: it is a child of this process, and there is room for its status.
    #[allow(unsafe_code)]
    unsafe {
        libc::waitpid(child, &raw mut status, 0);
    }
    say(&format!(
        "the fork was ended by {}",
        libc::WTERMSIG(status) * i32::from(libc::WIFSIGNALED(status))
    ));
    std::thread::sleep(Duration::from_millis(300));
    agent_span("s-2", "afterwards").start().end();
}

fn end(how: &str, guard: VigGuard) {
    match how {
        "return" => {}
        "shutdown" => {
            let report = guard.shutdown(Duration::from_secs(5));
            say(&format!(
                "lost {} in time {}",
                report.lost(),
                report.in_time
            ));
        }
        "leak" => std::mem::forget(guard),
        "exit" => vigil::exit(3),
        "process-exit" => std::process::exit(3),
        "thread-exit" => {
            let thread = std::thread::spawn(|| std::process::exit(3));
            let _ = thread.join();
        }
        "tokio-signal" => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("there is a runtime").block_on(async {
                let interrupted = tokio::signal::ctrl_c();
                let mut interrupted = std::pin::pin!(interrupted);
                // It puts its handler in when it is polled.
                let early = tokio::time::timeout(Duration::from_millis(10), &mut interrupted).await;
                assert!(early.is_err(), "nobody has sent a signal");
                agent_span("s-2", "already-over").start().end();
                say("ready");
                interrupted.await.expect("signals can be had");
                tokio::time::sleep(Duration::from_millis(300)).await;
                agent_span("s-2", "afterwards").start().end();
            });
            say("wound up");
        }
        "wait" | "handler-before" | "handler-after" | "not-handled" => {
            say("ready");
            work();
        }
        "shutdown-meanwhile" => {
            say("ready");
            // The signal has come, and its end takes longer than is waited for here.
            std::thread::sleep(Duration::from_millis(300));
            guard.shutdown(Duration::from_millis(50));
            work();
        }
        "failed" => {
            // Its handle is still there when the process is ended.
            let failed = tool_span_of("failed");
            let _ = failed.run_blocking_with(|| Err::<(), _>(()), |()| "overloaded");
            let slow = tool_span_of("slow");
            let _ = slow.run_blocking(|| Ok::<_, ()>(()));
            say("ready");
            work();
            drop((failed, slow));
        }
        "broken-layer" => {
            let broken = tracing_subscriber::registry()
                .with(vigil::trace_layer(&SdkTracerProvider::default()))
                .with(Broken);
            let tool = tracing::subscriber::with_default(broken, || tool_span_of("broken"));
            let report = guard.shutdown(Duration::from_secs(5));
            say(&format!(
                "lost {} in time {}",
                report.lost(),
                report.in_time
            ));
            std::mem::forget(tool);
        }
        "fork" => {
            say("ready");
            fork();
        }
        "first-process" => {
            let process = std::process::id();
            // SAFETY: it sends this process a signal.
            #[allow(unsafe_code)]
            unsafe {
                libc::kill(libc::getpid(), libc::SIGTERM);
            }
            std::thread::sleep(Duration::from_millis(300));
            say(&format!("signalled as {process}"));
            agent_span("s-2", "afterwards").start().end();
        }
        "panic" | "fatal-panic" => {
            // Somebody else's work goes on meanwhile, in a trace of its own.
            let other = std::thread::spawn(|| {
                let other = agent_span("s-3", "bystander").start();
                say("ready");
                work();
                drop(other);
            });
            std::thread::sleep(Duration::from_millis(200));
            assert!(how.is_empty(), "boom");
            let _ = other.join();
        }
        other => panic!("`{other}` is no way to end"),
    }
}

fn main() {
    let how = std::env::args().nth(1).unwrap_or_default();
    let mut config = VigConfig::new().service_name("agent-under-test");
    match how.as_str() {
        "handler-before" => handle_signals(),
        "not-handled" => config = config.handle_signals(false),
        "fatal-panic" => {
            config = config.panics_are_fatal(true);
            std::panic::set_hook(Box::new(|_| {
                say("the hook that was there before");
                std::process::abort();
            }));
        }
        _ => {}
    }
    let guard = vigil::init(&config).expect("there is no other");
    if how == "handler-after" {
        handle_signals();
    }
    let agent = agent_span("s-1", "arcan").start();
    let deliberate = phase_span(&agent, Deliberate);
    let chat = chat_span(&deliberate, "claude-sonnet-4-5", "anthropic").start();
    chat.in_scope(|| end(&how, guard));
}
