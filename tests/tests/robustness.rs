//! Whatever surrounds it, telemetry does not stop, break or mix up the program that it watches.
//!
//! What could hang runs on a thread of its own, with a limit.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::time::Duration;

use opentelemetry::trace::{SpanId, TraceContextExt, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, Span, SpanData, SpanProcessor};
use tracing::dispatcher::WeakDispatch;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use vigil::carrier::{
    Handle, NamePart, ParentSpan, RemoteParent, Scope, SpanDefinition, SpanKind, SpanStart, Text,
    TypedSpan,
};
use vigil::semconv::life::{OperatingMode, ToolStatus};
use vigil::spans::gen_ai::AgentSpan;
use vigil::testing::Pipeline;
use vigil::{Deliberate, Execute, Reflect, agent_span, chat_span, phase_span, tool_span};

/// Runs `work` on a thread, and fails instead of waiting for ever.
fn within_a_minute(work: impl FnOnce() + Send + 'static) {
    let (done, wait) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        work();
        let _ = done.send(());
    });
    match wait.recv_timeout(Duration::from_secs(60)) {
        Ok(()) => thread.join().expect("it ended well"),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            std::panic::resume_unwind(thread.join().expect_err("it ended with a panic"))
        }
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it hangs"),
    }
}

/// A processor made of two closures.
struct Hooks<S, E>(S, E);

impl<S, E> std::fmt::Debug for Hooks<S, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hooks")
    }
}

impl<S, E> SpanProcessor for Hooks<S, E>
where
    S: Fn() + Send + Sync,
    E: Fn(SpanData) + Send + Sync,
{
    fn on_start(&self, _: &mut Span, _: &Context) {
        self.0();
    }

    fn on_end(&self, span: SpanData) {
        self.1(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

fn provider(
    on_start: impl Fn() + Send + Sync + 'static,
    on_end: impl Fn(SpanData) + Send + Sync + 'static,
) -> SdkTracerProvider {
    SdkTracerProvider::builder()
        .with_span_processor(Hooks(on_start, on_end))
        .build()
}

/// What a provider exported.
fn kept() -> (Arc<Mutex<Vec<SpanData>>>, SdkTracerProvider) {
    let spans = Arc::<Mutex<Vec<SpanData>>>::default();
    let keep = Arc::clone(&spans);
    let provider = provider(
        || (),
        move |span| keep.lock().expect("nobody panicked").push(span),
    );
    (spans, provider)
}

fn named<'a>(spans: &'a [SpanData], name: &str) -> &'a SpanData {
    let found = spans.iter().find(|span| span.name == name);
    found.unwrap_or_else(|| {
        let names: Vec<_> = spans.iter().map(|span| &span.name).collect();
        panic!("no `{name}` among {names:?}")
    })
}

fn count(span: &SpanData, key: &str) -> usize {
    span.attributes
        .iter()
        .filter(|attribute| attribute.key.as_str() == key)
        .count()
}

#[test]
fn a_span_that_ends_in_its_own_scope_does_not_hang_on_a_processor_that_logs() {
    within_a_minute(|| {
        let provider = provider(|| (), |_| tracing::warn!("the queue is full"));
        let subscriber = tracing_subscriber::registry().with(vigil::trace_layer(&provider));
        tracing::subscriber::with_default(subscriber, || {
            let agent = agent_span("s-1", "arcan").start();
            agent.span().in_scope(move || agent.end());
        });
    });
}

#[test]
fn foreign_code_may_use_a_span_while_it_ends_on_another_thread() {
    within_a_minute(|| {
        let (_, provider) = kept();
        let subscriber = tracing_subscriber::registry().with(vigil::trace_layer(&provider));
        tracing::subscriber::with_default(subscriber, || {
            for _ in 0..300 {
                let agent = agent_span("s-1", "arcan").start();
                let context = agent.span().context();
                let barrier = Arc::new(std::sync::Barrier::new(2));
                let other = Arc::clone(&barrier);
                let thread = std::thread::spawn(move || {
                    other.wait();
                    for _ in 0..50 {
                        context
                            .span()
                            .set_attribute(KeyValue::new("tenant", "acme"));
                    }
                });
                barrier.wait();
                drop(agent);
                thread.join().expect("the thread ends");
            }
        });
    });
}

static OTHER_SCOPE: Scope = Scope {
    name: "other",
    version: "1.0.0",
    schema_url: "https://example.com/schemas/1.0.0",
};
static OTHER: SpanDefinition = SpanDefinition::new(
    "other.span.internal",
    "other",
    SpanKind::Internal,
    &OTHER_SCOPE,
)
.root()
.name(&[NamePart::Word("other")]);

#[test]
fn a_processor_may_start_typed_spans_of_another_crate() {
    within_a_minute(|| {
        let once = AtomicBool::new(true);
        let provider = provider(
            move || {
                if once.swap(false, Ordering::SeqCst) {
                    drop(SpanStart::root(&OTHER).start());
                }
            },
            |_| (),
        );
        let subscriber = tracing_subscriber::registry().with(vigil::trace_layer(&provider));
        tracing::subscriber::with_default(subscriber, || {
            agent_span("s-1", "arcan").start().end();
            agent_span("s-1", "arcan").start().end();
        });
    });
}

#[test]
fn a_layer_may_count_the_log_lines_of_the_provider_that_makes_its_counter() {
    struct Counts;

    impl<S: tracing::Subscriber> Layer<S> for Counts {
        fn on_event(&self, _: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
            use vigil::metrics::life::{TOOL_EXECUTIONS, ToolExecutionsAttributes};
            TOOL_EXECUTIONS.add(1, &ToolExecutionsAttributes::new("log", ToolStatus::Ok));
        }
    }

    struct Chatty(SdkMeterProvider);

    impl opentelemetry::metrics::MeterProvider for Chatty {
        fn meter_with_scope(
            &self,
            scope: opentelemetry::InstrumentationScope,
        ) -> opentelemetry::metrics::Meter {
            tracing::warn!("making a meter");
            self.0.meter_with_scope(scope)
        }
    }

    within_a_minute(|| {
        vigil::set_meter_provider(Chatty(SdkMeterProvider::default()));
        let subscriber = tracing_subscriber::registry().with(Counts);
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!("a line");
        });
    });
}

thread_local! {
    static HELD: RefCell<Option<AgentSpan>> = const { RefCell::new(None) };
}

#[test]
fn a_handle_may_live_until_its_thread_ends() {
    // An abort would take the whole test binary with it.
    let pipeline = Pipeline::new();
    let agent = pipeline.scope(|| agent_span("s-1", "arcan").start());
    std::thread::spawn(move || HELD.with_borrow_mut(|held| *held = Some(agent)))
        .join()
        .expect("the thread ends");
    assert_eq!(
        pipeline.span("invoke_agent arcan").text("life.session_id"),
        Some("s-1")
    );
    assert_eq!(
        pipeline.metric("gen_ai.invoke_agent.duration").points[0].count,
        1
    );
}

#[test]
fn a_second_trace_layer_steps_aside() {
    let (spans, provider) = kept();
    let subscriber = tracing_subscriber::registry()
        .with(vigil::trace_layer(&provider))
        .with(vigil::trace_layer(&provider));
    tracing::subscriber::with_default(subscriber, || {
        let agent = agent_span("s-1", "arcan").start();
        agent.in_scope(|| tracing::info_span!("inside").in_scope(|| ()));
    });
    let spans = spans.lock().expect("nobody panicked");
    let agent = named(&spans, "invoke_agent arcan");
    assert_eq!(
        named(&spans, "inside").parent_span_id,
        agent.span_context.span_id()
    );
    assert_eq!(spans.len(), 2);
}

#[test]
fn a_filter_on_the_trace_layer_does_not_split_the_trace() {
    let (spans, provider) = kept();
    let subscriber = tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().with_writer(std::io::sink))
        .with(
            vigil::trace_layer(&provider)
                .with_filter(filter_fn(|metadata| metadata.name() != "phase")),
        );
    tracing::subscriber::with_default(subscriber, || {
        let agent = agent_span("s-1", "arcan").start();
        phase_span(&agent, Reflect)
            .record_mode_transition(OperatingMode::Explore, OperatingMode::Execute);
        drop(chat_span(&phase_span(&agent, Deliberate), "sonnet", "anthropic").start());
    });
    let spans = spans.lock().expect("nobody panicked");
    let agent = named(&spans, "invoke_agent arcan");
    let chat = named(&spans, "chat sonnet");
    assert_eq!(chat.parent_span_id, agent.span_context.span_id());
    assert_eq!(chat.span_context.trace_id(), agent.span_context.trace_id());
    let events: Vec<_> = agent.events.iter().map(|event| &*event.name).collect();
    assert_eq!(
        events,
        ["life.mode.transition"],
        "it goes to the nearest span that is there"
    );
}

#[test]
fn a_foreign_parent_that_a_filter_shut_out_is_looked_past() {
    let (spans, provider) = kept();
    let subscriber = tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().with_writer(std::io::sink))
        .with(
            vigil::trace_layer(&provider)
                .with_filter(filter_fn(|metadata| metadata.name() != "noisy")),
        );
    tracing::subscriber::with_default(subscriber, || {
        tracing::info_span!("outer").in_scope(|| {
            let noisy = tracing::info_span!("noisy");
            drop(agent_span("s-1", "given").parent(&noisy).start());
            noisy.in_scope(|| drop(agent_span("s-2", "around").start()));
        });
    });
    let spans = spans.lock().expect("nobody panicked");
    let outer = named(&spans, "outer").span_context.span_id();
    assert_eq!(named(&spans, "invoke_agent given").parent_span_id, outer);
    assert_eq!(named(&spans, "invoke_agent around").parent_span_id, outer);
}

#[test]
fn what_a_disabled_agent_stood_under_is_not_forgotten() {
    use opentelemetry::trace::{SpanContext, TraceFlags, TraceId, TraceState};
    let remote = SpanContext::new(
        TraceId::from(0xabc_u128),
        SpanId::from(0xdef_u64),
        TraceFlags::SAMPLED,
        true,
        TraceState::default(),
    );
    let (spans, provider) = kept();
    let subscriber = tracing_subscriber::registry()
        .with(vigil::trace_layer(&provider))
        .with(tracing_subscriber::filter::dynamic_filter_fn(
            |metadata, _| metadata.name() != "agent",
        ));
    tracing::subscriber::with_default(subscriber, || {
        let agent = agent_span("s-1", "arcan")
            .parent(&RemoteParent::from(remote.clone()))
            .start();
        drop(phase_span(&agent, Deliberate));
        let job = tracing::info_span!("job");
        let agent = agent_span("s-1", "arcan").parent(&job).start();
        drop(phase_span(&agent, Execute));
    });
    let spans = spans.lock().expect("nobody panicked");
    let deliberate = named(&spans, "phase deliberate");
    assert_eq!(deliberate.span_context.trace_id(), remote.trace_id());
    assert_eq!(deliberate.parent_span_id, remote.span_id());
    let job = named(&spans, "job").span_context.span_id();
    assert_eq!(named(&spans, "phase execute").parent_span_id, job);
    assert_eq!(
        count(deliberate, "life.session_id"),
        1,
        "the work is still known"
    );
}

#[test]
fn a_layer_that_asks_for_the_ids_of_new_spans_gets_the_typed_ones() {
    struct Early;

    impl<S> Layer<S> for Early
    where
        S: tracing::Subscriber + for<'span> tracing_subscriber::registry::LookupSpan<'span>,
    {
        fn on_new_span(
            &self,
            _: &tracing::span::Attributes<'_>,
            id: &tracing::Id,
            _: tracing_subscriber::layer::Context<'_, S>,
        ) {
            tracing::dispatcher::get_default(|dispatch| {
                tracing_opentelemetry::get_otel_context(id, dispatch)
            });
        }
    }

    let (spans, provider) = kept();
    let subscriber = tracing_subscriber::registry()
        .with(vigil::trace_layer(&provider))
        .with(Early);
    tracing::subscriber::with_default(subscriber, || {
        let agent = agent_span("s-1", "arcan").start();
        drop(chat_span(&phase_span(&agent, Deliberate), "sonnet", "anthropic").start());
    });
    let spans = spans.lock().expect("nobody panicked");
    let chat = named(&spans, "chat sonnet");
    assert_eq!(chat.span_kind, SpanKind::Client);
    assert_eq!(count(chat, "gen_ai.request.model"), 1);
    assert_eq!(count(chat, "life.session_id"), 1);
}

#[test]
fn a_plain_opentelemetry_layer_gets_the_fields_and_nothing_twice() {
    let (spans, provider) = kept();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("plain"));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        let agent = agent_span("s-1", "arcan").start();
        let chat = chat_span(&phase_span(&agent, Deliberate), "sonnet", "anthropic")
            .request_max_tokens(64)
            .start();
        chat.record_response_id("r-1");
        drop(chat);
        phase_span(&agent, Reflect)
            .record_mode_transition(OperatingMode::Explore, OperatingMode::Execute);
    });
    let spans = spans.lock().expect("nobody panicked");
    let chat = named(&spans, "chat");
    for key in [
        "gen_ai.request.model",
        "gen_ai.request.max_tokens",
        "gen_ai.response.id",
    ] {
        assert_eq!(count(chat, key), 1, "{key}");
    }
    let events: usize = spans.iter().map(|span| span.events.iter().count()).sum();
    assert_eq!(events, 1);
}

#[test]
fn an_inherited_attribute_that_a_span_is_given_stands_there_once() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let chat = chat_span(&phase_span(&agent, Deliberate), "sonnet", "anthropic").start();
        chat.span().set_attribute("session.id", "other");
        tracing::info_span!("around").in_scope(|| {
            let adopted = Reflect::current();
            adopted.record_operating_mode(OperatingMode::Explore);
            adopted.record_operating_mode(OperatingMode::Execute);
        });
    });
    let values = |name: &str, key: &str| -> Vec<String> {
        let span = pipeline.span(name);
        let found = span
            .attributes()
            .iter()
            .filter(|attribute| attribute.key.as_str() == key);
        found
            .map(|attribute| attribute.value.as_str().into_owned())
            .collect()
    };
    assert_eq!(values("chat sonnet", "session.id"), ["other"]);
    assert_eq!(values("around", "life.operating_mode"), ["execute"]);
}

#[test]
fn foreign_code_cannot_change_who_the_work_belongs_to() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        agent.span().set_attribute("gen_ai.agent.name", "evil");
        agent.span().set_attribute("life.session_id", "evil");
        drop(phase_span(&agent, Deliberate));
    });
    for name in ["invoke_agent arcan", "phase deliberate"] {
        let span = pipeline.span(name);
        assert_eq!(span.text("gen_ai.agent.name"), Some("arcan"), "{name}");
        assert_eq!(span.text("life.session_id"), Some("s-1"), "{name}");
    }
}

#[test]
fn the_carrier_takes_nothing_that_the_contract_does_not_declare() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let chat = chat_span(&phase_span(&agent, Deliberate), "sonnet", "anthropic").start();
        chat.set::<Text>("gen_ai.input.messages", "secret");
        chat.set::<Text>("no.such.key", "x");
        chat.set::<Text>("gen_ai.usage.input_tokens", "a dozen");
    });
    let chat = pipeline.span("chat sonnet");
    for key in [
        "gen_ai.input.messages",
        "no.such.key",
        "gen_ai.usage.input_tokens",
    ] {
        assert_eq!(chat.attribute(key), None, "{key}");
    }
}

#[test]
fn a_panic_that_is_caught_around_a_future_is_a_panic() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let chat = chat_span(&phase_span(&agent, Deliberate), "sonnet", "anthropic").start();
        let mut future = Box::pin(chat.run(std::future::poll_fn(
            |_| -> std::task::Poll<Result<(), ()>> { panic!("bug") },
        )));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let caught = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut context)));
        assert!(caught.is_err());
        drop(future);
    });
    assert_eq!(
        pipeline.span("chat sonnet").text("error.type"),
        Some("panic")
    );
}

#[tokio::test]
async fn a_second_attempt_that_nobody_waited_for_does_not_undo_the_first() {
    let pipeline = Pipeline::new();
    pipeline
        .run(async {
            let agent = agent_span("s-1", "arcan").start();
            let chat = chat_span(&phase_span(&agent, Deliberate), "sonnet", "anthropic").start();
            let first = tokio::select! {
                biased;
                result = chat.run(async { Ok::<_, ()>(1) }) => result,
                result = chat.run(std::future::pending()) => result,
            };
            assert_eq!(first, Ok(1));
        })
        .await;
    assert_eq!(pipeline.span("chat sonnet").text("error.type"), None);
}

#[test]
fn a_panic_after_the_work_went_well_is_still_how_the_span_ended() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let chat = chat_span(&phase_span(&agent, Deliberate), "sonnet", "anthropic").start();
            let _: Result<(), ()> = chat.run_blocking(|| Ok(()));
            panic!("the answer can't be read");
        }));
    });
    assert_eq!(
        pipeline.span("chat sonnet").text("error.type"),
        Some("panic")
    );
}

#[test]
fn a_sub_agent_on_another_thread_stays_in_the_test_that_started_it() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let tool = tool_span(&phase_span(&agent, Execute), "delegate", "call-1").start();
        let parent = tool.parent();
        std::thread::spawn(move || agent_span("s-2", "scout").parent(&parent).start().end())
            .join()
            .expect("the thread ends");
        tool.record_tool_status(ToolStatus::Ok);
    });
    let duration = pipeline.metric("gen_ai.invoke_agent.duration");
    assert_eq!(duration.point(&[("gen_ai.agent.name", "scout")]).count, 1);
    assert_eq!(duration.point(&[("gen_ai.agent.name", "arcan")]).count, 1);
}

#[test]
fn status_and_error_type_never_contradict_each_other() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let deliberate = phase_span(&agent, Deliberate);
        let execute = phase_span(&agent, Execute);

        let chat = chat_span(&deliberate, "typed-wins", "anthropic").start();
        chat.span().set_attribute("error.type", "inner_retry");
        chat.record_error("overloaded");
        drop(chat);

        let chat = chat_span(&deliberate, "foreign-alone", "anthropic").start();
        chat.span().set_attribute("error.type", "inner_retry");
        drop(chat);

        let chat = chat_span(&deliberate, "ok-then-error", "anthropic").start();
        chat.span().set_status(opentelemetry::trace::Status::Ok);
        chat.record_error("overloaded");
        drop(chat);

        let tool = tool_span(&execute, "error-then-ok", "call-1").start();
        tool.record_error("exit_1");
        tool.record_tool_status(ToolStatus::Ok);
        drop(tool);

        let tool = tool_span(&execute, "ok-then-error", "call-2").start();
        tool.record_tool_status(ToolStatus::Ok);
        tool.record_error("exit_1");
    });
    let ended = |name: &str| {
        let span = pipeline.span(name);
        let failed = matches!(span.status(), opentelemetry::trace::Status::Error { .. });
        assert_eq!(failed, span.attribute("error.type").is_some(), "{name}");
        (
            span.text("error.type").map(str::to_owned),
            span.text("life.tool.status").map(str::to_owned),
        )
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(ended("chat typed-wins"), (some("overloaded"), None));
    assert_eq!(ended("chat foreign-alone"), (some("inner_retry"), None));
    assert_eq!(ended("chat ok-then-error"), (some("overloaded"), None));
    assert_eq!(ended("execute_tool error-then-ok"), (None, some("ok")));
    assert_eq!(
        ended("execute_tool ok-then-error"),
        (some("exit_1"), some("error"))
    );
}

#[test]
fn a_pipeline_inside_a_span_of_another_one_begins_a_trace_of_its_own() {
    let outer = Pipeline::new();
    let inner = Pipeline::new();
    outer.scope(|| {
        agent_span("s-1", "outer").start().in_scope(|| {
            inner.scope(|| agent_span("s-2", "inner").start().end());
        });
    });
    assert_eq!(inner.span("invoke_agent inner").parent_span_id(), None);
    assert_eq!(
        inner.span("invoke_agent inner").text("life.session_id"),
        Some("s-2")
    );
}

#[test]
fn debug_spans_of_other_crates_are_not_carried_unless_asked_for() {
    let (spans, provider) = kept();
    let subscriber = tracing_subscriber::registry().with(vigil::trace_layer(&provider));
    tracing::subscriber::with_default(subscriber, || {
        let agent = agent_span("s-1", "arcan").start();
        agent.in_scope(|| {
            tracing::debug_span!("chatter").in_scope(|| drop(tracing::info_span!("kept")));
        });
    });
    let spans = spans.lock().expect("nobody panicked");
    assert!(spans.iter().all(|span| span.name != "chatter"));
    let agent = named(&spans, "invoke_agent arcan").span_context.span_id();
    assert_eq!(named(&spans, "kept").parent_span_id, agent);
}

#[test]
fn a_disabled_span_leaves_no_fields_on_the_one_above() {
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
            self.0
                .lock()
                .expect("nobody panicked")
                .extend_from_slice(buffer);
            Ok(buffer.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let lines = Lines::default();
    let writer = lines.clone();
    let log = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE)
        .with_writer(move || writer.clone());
    let subscriber = tracing_subscriber::registry().with(log).with(
        tracing_subscriber::filter::dynamic_filter_fn(|metadata, _| metadata.name() != "chat"),
    );
    tracing::subscriber::with_default(subscriber, || {
        let agent = agent_span("s-1", "arcan").start();
        let chat = chat_span(&phase_span(&agent, Deliberate), "sonnet", "anthropic").start();
        chat.record_response_id("r-1");
    });
    let text = String::from_utf8(lines.0.lock().expect("nobody panicked").clone());
    let text = text.expect("a log is text");
    assert!(text.contains("phase{"), "{text}");
    assert!(!text.contains("gen_ai.response.id"), "{text}");
}

static ERROR_TYPE: vigil::carrier::AttributeDefinition =
    vigil::carrier::AttributeDefinition::new("error.type", vigil::carrier::ValueType::String);
static FAILED: vigil::carrier::EventDefinition = vigil::carrier::EventDefinition::new(
    "failed",
    &[vigil::carrier::Field::new(
        &ERROR_TYPE,
        vigil::carrier::Level::Required,
    )],
)
.keep_last();

#[test]
fn an_event_that_says_what_failed_does_not_say_it_twice_on_the_span() {
    let (spans, provider) = kept();
    let subscriber = tracing_subscriber::registry().with(vigil::trace_layer(&provider));
    tracing::subscriber::with_default(subscriber, || {
        let other = SpanStart::root(&OTHER).start();
        other.emit(&FAILED, |attributes| {
            attributes.set::<Text>("error.type", "early");
        });
        other.record_error("late");
    });
    let spans = spans.lock().expect("nobody panicked");
    assert_eq!(count(named(&spans, "other"), "error.type"), 1);
}

thread_local! {
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

/// Asks for the `tracing` span of a typed one at the end of its thread.
struct Last(AgentSpan, mpsc::Sender<bool>);

impl Drop for Last {
    fn drop(&mut self) {
        let span = catch_unwind(AssertUnwindSafe(|| self.0.span()));
        let _ = self.1.send(span.is_ok());
    }
}

#[test]
fn a_span_may_be_handed_out_while_its_thread_ends() {
    let pipeline = Pipeline::new();
    let (first, second) = pipeline.scope(|| {
        let first = agent_span("s-1", "first").start();
        (first, agent_span("s-2", "second").start())
    });
    let (told, tell) = mpsc::channel();
    std::thread::spawn(move || {
        LAST.with_borrow_mut(|last| *last = Some(Last(first, told)));
        drop(second.span());
    })
    .join()
    .expect("the thread ends");
    assert_eq!(tell.recv(), Ok(true));
}

/// A sampler that makes a span of its own, without `tracing`.
#[derive(Clone, Debug)]
struct Tracing(SdkTracerProvider);

impl opentelemetry_sdk::trace::ShouldSample for Tracing {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        _: opentelemetry::trace::TraceId,
        name: &str,
        _: &opentelemetry::trace::SpanKind,
        _: &[KeyValue],
        _: &[opentelemetry::trace::Link],
    ) -> opentelemetry_sdk::trace::SamplingResult {
        use opentelemetry::trace::Tracer;
        let parent = parent.cloned().unwrap_or_default();
        if name.starts_with("chat") {
            drop(
                self.0
                    .tracer("sampler")
                    .start_with_context("sampling", &parent),
            );
        }
        opentelemetry_sdk::trace::SamplingResult {
            decision: opentelemetry_sdk::trace::SamplingDecision::RecordAndSample,
            attributes: Vec::new(),
            trace_state: opentelemetry::trace::TraceState::default(),
        }
    }
}

#[test]
fn what_a_sampler_starts_inherits_like_any_other_span_and_takes_nothing_from_the_sampled_one() {
    let spans = Arc::<Mutex<Vec<SpanData>>>::default();
    let make = || {
        let keep = Arc::clone(&spans);
        SdkTracerProvider::builder().with_span_processor(
            vigil::carrier::InheritedAttributes::before(Hooks(
                || (),
                move |span| keep.lock().expect("nobody panicked").push(span),
            )),
        )
    };
    let provider = make().with_sampler(Tracing(make().build())).build();
    let subscriber = tracing_subscriber::registry().with(vigil::trace_layer(&provider));
    tracing::subscriber::with_default(subscriber, || {
        let agent = agent_span("s-1", "arcan").start();
        drop(chat_span(&phase_span(&agent, Deliberate), "sonnet", "anthropic").start());
    });
    let spans = spans.lock().expect("nobody panicked");
    assert_eq!(count(named(&spans, "sampling"), "life.session_id"), 1);
    assert_eq!(count(named(&spans, "chat sonnet"), "life.session_id"), 1);
}

/// A layer with a lock of its own, under which it asks for the ids of the span around a log line.
struct Locked {
    dispatch: Mutex<Option<tracing::dispatcher::WeakDispatch>>,
    lock: Mutex<()>,
    linked: Mutex<mpsc::Sender<()>>,
    asking: Mutex<(mpsc::Sender<()>, mpsc::Receiver<()>)>,
}

impl<S> Layer<S> for Locked
where
    S: tracing::Subscriber + for<'span> tracing_subscriber::registry::LookupSpan<'span>,
{
    fn on_register_dispatch(&self, dispatch: &tracing::Dispatch) {
        *self.dispatch.lock().expect("nobody panicked") = Some(dispatch.downgrade());
    }

    fn on_follows_from(
        &self,
        _: &tracing::span::Id,
        _: &tracing::span::Id,
        _: tracing_subscriber::layer::Context<'_, S>,
    ) {
        let _ = self.linked.lock().expect("nobody panicked").send(());
        drop(self.lock.lock());
    }

    fn on_event(&self, _: &tracing::Event<'_>, ctx: tracing_subscriber::layer::Context<'_, S>) {
        let _lock = self.lock.lock();
        {
            let asking = self.asking.lock().expect("nobody panicked");
            let _ = asking.0.send(());
            let _ = asking.1.recv();
        }
        let dispatch = self.dispatch.lock().expect("nobody panicked");
        let dispatch = dispatch
            .as_ref()
            .and_then(tracing::dispatcher::WeakDispatch::upgrade);
        if let Some((span, dispatch)) = ctx.lookup_current().zip(dispatch) {
            tracing_opentelemetry::get_otel_context(&span.id(), &dispatch);
        }
    }
}

#[test]
fn two_threads_that_ask_for_one_span_do_not_wait_for_each_others_locks() {
    within_a_minute(|| {
        let (linked, is_linked) = mpsc::channel();
        let (asking, is_asking) = mpsc::channel();
        let (go, gone) = mpsc::channel();
        let layer = Locked {
            dispatch: Mutex::new(None),
            lock: Mutex::new(()),
            linked: Mutex::new(linked),
            asking: Mutex::new((asking, gone)),
        };
        let (_, provider) = kept();
        let subscriber = tracing_subscriber::registry()
            .with(vigil::trace_layer(&provider).with_events(false))
            .with(layer);
        let dispatch = tracing::Dispatch::new(subscriber);
        let agent =
            tracing::dispatcher::with_default(&dispatch, || agent_span("s-1", "arcan").start());
        std::thread::scope(|threads| {
            threads.spawn(|| {
                tracing::dispatcher::with_default(&dispatch, || {
                    agent.in_scope(|| tracing::info!("a line"));
                });
            });
            is_asking.recv().expect("it asks");
            threads.spawn(|| drop(agent.span()));
            is_linked.recv().expect("it is linked");
            go.send(()).expect("it waits");
        });
    });
}

#[test]
fn code_that_kept_the_current_span_stays_under_it_when_it_has_ended() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let kept = agent.in_scope(tracing::Span::current);
        agent.end();
        kept.in_scope(|| drop(tracing::info_span!("late")));
    });
    let late = pipeline.span("late");
    assert!(late.is_child_of(&pipeline.span("invoke_agent arcan")));
    assert_eq!(late.text("life.session_id"), Some("s-1"));
}

#[test]
fn what_foreign_code_and_an_event_both_say_stands_on_the_span_once() {
    for foreign_first in [true, false] {
        let (spans, provider) = kept();
        let subscriber = tracing_subscriber::registry().with(vigil::trace_layer(&provider));
        tracing::subscriber::with_default(subscriber, || {
            let other = SpanStart::root(&OTHER).start();
            let foreign = || other.span().set_attribute("tenant", "foreign");
            let typed = || {
                other.emit(&MOVED, |attributes| {
                    attributes.set::<Text>("tenant", "typed");
                });
            };
            if foreign_first {
                foreign();
                typed();
            } else {
                typed();
                foreign();
            }
        });
        let spans = spans.lock().expect("nobody panicked");
        let other = named(&spans, "other");
        assert_eq!(count(other, "tenant"), 1, "foreign first: {foreign_first}");
        let tenant = other
            .attributes
            .iter()
            .find(|it| it.key.as_str() == "tenant");
        assert_eq!(tenant.map(|it| it.value.as_str()), Some("typed".into()));
    }
}

static TENANT: vigil::carrier::AttributeDefinition =
    vigil::carrier::AttributeDefinition::new("tenant", vigil::carrier::ValueType::String);
static MOVED: vigil::carrier::EventDefinition = vigil::carrier::EventDefinition::new(
    "moved",
    &[vigil::carrier::Field::new(
        &TENANT,
        vigil::carrier::Level::Required,
    )],
)
.keep_last();

/// Every field that a layer is told of.
struct Fields(Arc<Mutex<Vec<String>>>);
impl tracing::field::Visit for Fields {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        self.0
            .lock()
            .expect("nobody panicked")
            .push(format!("{}={value:?}", field.name()));
    }
}
impl<S: tracing::Subscriber> Layer<S> for Fields {
    fn on_new_span(
        &self,
        values: &tracing::span::Attributes<'_>,
        _: &tracing::Id,
        _: tracing_subscriber::layer::Context<'_, S>,
    ) {
        values.record(&mut Fields(Arc::clone(&self.0)));
    }
    fn on_record(
        &self,
        _: &tracing::Id,
        values: &tracing::span::Record<'_>,
        _: tracing_subscriber::layer::Context<'_, S>,
    ) {
        values.record(&mut Fields(Arc::clone(&self.0)));
    }
}
static STATUS: vigil::carrier::AttributeDefinition =
    vigil::carrier::AttributeDefinition::new("status", vigil::carrier::ValueType::String);
static AFTER: vigil::carrier::AttributeDefinition =
    vigil::carrier::AttributeDefinition::new("after", vigil::carrier::ValueType::String);
static WORK: SpanDefinition =
    SpanDefinition::new("work.internal", "work", SpanKind::Internal, &OTHER_SCOPE)
        .root()
        .fields(&[
            vigil::carrier::Field::new(&STATUS, vigil::carrier::Level::Required),
            vigil::carrier::Field::new(&AFTER, vigil::carrier::Level::Required),
        ])
        .outcome(vigil::carrier::Outcome {
            key: "status",
            ok: "ok",
            error: "error",
            cancelled: "cancelled",
            timeout: None,
        });
#[test]
fn a_log_layer_sees_what_changed_before_a_success_was_taken_back() {
    let (spans, provider) = kept();
    let all = Arc::<Mutex<Vec<String>>>::default();
    let subscriber = tracing_subscriber::registry()
        .with(vigil::trace_layer(&provider))
        .with(Fields(Arc::clone(&all)));
    tracing::subscriber::with_default(subscriber, || {
        let mut start = SpanStart::root(&WORK);
        start.set::<Text>("status", "ok");
        start.set::<Text>("after", "1");
        let work = start.start();
        work.set::<Text>("after", "2");
        work.record_error("late");
        work.end();
    });
    let mut seen = all.lock().expect("nobody panicked").split_off(2);
    seen.sort();
    assert_eq!(seen, [r#"after="2""#, r#"status="error""#]);
    let spans = spans.lock().expect("nobody panicked");
    assert_eq!(count(named(&spans, "work"), "status"), 1);
}

#[test]
fn a_layer_that_expects_each_linked_span_to_be_there_does_not_break_who_asks_for_one() {
    struct Links;

    impl<S> Layer<S> for Links
    where
        S: tracing::Subscriber + for<'span> tracing_subscriber::registry::LookupSpan<'span>,
    {
        fn on_follows_from(
            &self,
            _: &tracing::Id,
            follows: &tracing::Id,
            ctx: tracing_subscriber::layer::Context<'_, S>,
        ) {
            ctx.span(follows).expect("the span is there");
        }
    }

    let (spans, provider) = kept();
    let subscriber = tracing_subscriber::registry()
        .with(vigil::trace_layer(&provider))
        .with(Links);
    tracing::subscriber::with_default(subscriber, || {
        let agent = agent_span("s-1", "arcan").start();
        let context = agent.span().context();
        assert_eq!(
            Some(context.span().span_context().clone()),
            agent.span_context()
        );
    });
    assert_eq!(spans.lock().expect("nobody panicked").len(), 1);
}

/// A span that stands under another of its kind.
struct Link(Handle);

impl TypedSpan for Link {
    fn definition() -> &'static SpanDefinition {
        &OTHER
    }

    fn handle(&self) -> &Handle {
        &self.0
    }
}

#[test]
fn a_chain_of_spans_is_as_long_as_it_likes() {
    // Each keeps the one before, which nothing else does by then. An overflow of the stack would take the
    // whole test binary with it.
    const LENGTH: usize = 100_000;
    let provider = SdkTracerProvider::builder().build();
    for with_fields in [true, false] {
        let layer = vigil::trace_layer(&provider).with_fields(with_fields);
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            let mut last = Link(SpanStart::root(&OTHER).start());
            for _ in 0..LENGTH {
                last = Link(SpanStart::under(&OTHER, last.parent_ref()).start());
            }
            last.0.in_scope(|| ());
        });
    }
}

#[test]
fn subscribers_that_give_the_same_ids_are_not_mixed_up() {
    let unsampled = Pipeline::builder().sampler(Sampler::AlwaysOff).build();
    let pipeline = Pipeline::new();
    unsampled.scope(|| {
        let agent = agent_span("s-1", "unsampled").start();
        agent.in_scope(|| {
            pipeline.scope(|| {
                let other = tracing::info_span!(parent: None, "other");
                assert_eq!(agent.span().id(), other.id(), "what is tested here");
                other.in_scope(|| tracing::info!("a line"));
                tracing::info!(parent: &other, "another line");
            });
        });
    });
    let names: Vec<_> = pipeline
        .span("other")
        .events()
        .into_iter()
        .map(|it| it.name)
        .collect();
    assert_eq!(names, ["a line", "another line"]);
}

#[test]
fn a_scope_inside_a_typed_span_has_what_happens_in_it() {
    let (outer, inner) = (Pipeline::new(), Pipeline::new());
    outer.scope(|| {
        let agent = agent_span("s-1", "outer").start();
        agent.in_scope(|| {
            inner.scope(|| {
                let other = tracing::info_span!(parent: None, "other");
                other.set_attribute("tenant", "acme");
                other.in_scope(|| {
                    drop(tracing::info_span!("under it"));
                    let agent = agent_span("s-2", "inner").start();
                    agent.in_scope(|| tracing::Span::current().set_attribute("tenant", "acme"));
                });
            });
        });
    });
    let other = inner.span("other");
    assert_eq!(other.text("tenant"), Some("acme"));
    assert!(inner.span("under it").is_child_of(&other));
    let agent = inner.span("invoke_agent inner");
    assert!(agent.is_child_of(&other));
    assert_eq!(agent.text("tenant"), Some("acme"));
    assert_eq!(outer.span("invoke_agent outer").text("tenant"), None);
}

/// Reads what it keeps on the current span, and asks for its ids meanwhile.
struct Reads {
    dispatch: OnceLock<WeakDispatch>,
    seen: Arc<Mutex<Vec<SpanId>>>,
}

impl<S> Layer<S> for Reads
where
    S: tracing::Subscriber + for<'span> tracing_subscriber::registry::LookupSpan<'span>,
{
    fn on_event(&self, event: &tracing::Event<'_>, ctx: tracing_subscriber::layer::Context<'_, S>) {
        let Some(span) = ctx.event_span(event) else {
            return;
        };
        let dispatch = self.dispatch.get().and_then(WeakDispatch::upgrade);
        let dispatch = dispatch.expect("it was told");
        let kept = span.extensions();
        let context = tracing_opentelemetry::get_otel_context(&span.id(), &dispatch);
        let id = context.map(|context| context.span().span_context().span_id());
        self.seen.lock().expect("nobody panicked").extend(id);
        drop(kept);
    }

    fn on_register_dispatch(&self, dispatch: &tracing::Dispatch) {
        let _ = self.dispatch.set(dispatch.downgrade());
    }
}

#[test]
fn a_layer_may_ask_for_the_ids_of_a_span_while_it_reads_what_it_keeps_there() {
    let lines: [fn(&AgentSpan); 2] = [
        |agent| agent.in_scope(|| tracing::info!("a line")),
        |agent| {
            let reflect = phase_span(agent, Reflect);
            reflect.in_scope(|| {
                reflect.record_mode_transition(OperatingMode::Explore, OperatingMode::Execute);
            });
        },
    ];
    for line in lines {
        within_a_minute(move || {
            let seen = Arc::<Mutex<Vec<SpanId>>>::default();
            let (spans, provider) = kept();
            let subscriber = tracing_subscriber::registry()
                .with(vigil::trace_layer(&provider).with_events(false))
                .with(Reads {
                    dispatch: OnceLock::new(),
                    seen: Arc::clone(&seen),
                });
            tracing::subscriber::with_default(subscriber, || {
                line(&agent_span("s-1", "arcan").start());
            });
            let seen = seen.lock().expect("nobody panicked");
            let spans = spans.lock().expect("nobody panicked");
            // What ends first is the innermost.
            assert_eq!(*seen, [spans[0].span_context.span_id()]);
        });
    }
}
