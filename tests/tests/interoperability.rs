//! A typed span is an ordinary `tracing` span to everything else.

use std::io;
use std::sync::{Arc, Mutex};

use opentelemetry::trace::{Status, TraceContextExt};
use opentelemetry_sdk::trace::Sampler;
use tracing::Instrument;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::FmtSpan;
use vigil::testing::Pipeline;
use vigil::{Deliberate, Perceive, agent_span, chat_span, phase_span};

/// What a log layer wrote.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(
            self.0
                .lock()
                .expect("nobody panicked while writing")
                .clone(),
        )
        .expect("a log is text")
    }
}

impl io::Write for Lines {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .expect("nobody panicked while writing")
            .extend_from_slice(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn fmt(lines: &Lines) -> impl Layer<tracing_subscriber::Registry> + Send + Sync + use<> {
    let lines = lines.clone();
    tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_span_events(FmtSpan::CLOSE)
        .with_writer(move || lines.clone())
}

#[test]
fn a_log_layer_shows_what_the_span_started_with_and_what_was_recorded() {
    let lines = Lines::default();
    let pipeline = Pipeline::builder().layer(fmt(&lines)).build();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let deliberate = phase_span(&agent, Deliberate);
        let chat = chat_span(&deliberate, "sonnet", "anthropic")
            .request_max_tokens(64)
            .start();
        chat.record_finish_reason("stop");
        chat.in_scope(|| tracing::info!("streaming"));
    });
    let text = lines.text();
    let line = text
        .lines()
        .find(|line| line.contains("streaming"))
        .expect("the line is there");
    assert!(
        line.contains("phase{life.loop_phase=\"deliberate\""),
        "{line}"
    );
    assert!(line.contains("gen_ai.request.model=\"sonnet\""), "{line}");
    assert!(line.contains("gen_ai.request.max_tokens=64"), "{line}");
    let close = text
        .lines()
        .find(|line| line.contains("chat{") && line.contains("close"))
        .expect("the end is there");
    assert!(
        close.contains("gen_ai.response.finish_reasons=[\"stop\"]"),
        "{close}"
    );
}

#[test]
fn events_are_log_lines_and_span_events_each_once() {
    let lines = Lines::default();
    let pipeline = Pipeline::builder().layer(fmt(&lines)).build();
    pipeline.scope(|| {
        use vigil::semconv::life::OperatingMode::{Execute, Explore};
        let agent = agent_span("s-1", "arcan").start();
        let reflect = phase_span(&agent, vigil::Reflect);
        reflect.record_mode_transition(Explore, Execute);
    });
    let text = lines.text();
    let told = text
        .lines()
        .filter(|line| line.contains(": life.mode.transition life.mode.from=\"explore\""))
        .count();
    assert_eq!(told, 1, "{text}");
    let events = pipeline.span("phase reflect").events();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].name, "life.mode.transition");
}

#[test]
fn foreign_code_sees_the_context_of_a_typed_span_and_can_add_to_it() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let chat = chat_span(&phase_span(&agent, Deliberate), "sonnet", "anthropic").start();
        let span = chat.span();
        assert_eq!(
            Some(span.context().span().span_context().clone()),
            chat.span_context()
        );
        span.set_attribute("tenant", "acme");
        span.add_event(
            "cache-miss",
            vec![opentelemetry::KeyValue::new("key", "k-1")],
        );
    });
    let chat = pipeline.span("chat sonnet");
    assert_eq!(chat.text("tenant"), Some("acme"));
    assert_eq!(chat.events()[0].name, "cache-miss");
}

#[test]
fn a_field_that_foreign_code_records_keeps_the_declared_type() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let chat = chat_span(&phase_span(&agent, Deliberate), "sonnet", "anthropic").start();
        chat.in_scope(|| {
            tracing::Span::current().record("gen_ai.usage.input_tokens", 12_u64);
            tracing::Span::current().record("gen_ai.usage.output_tokens", "a dozen");
            tracing::Span::current().record("gen_ai.input.messages", "secret");
        });
    });
    let chat = pipeline.span("chat sonnet");
    assert_eq!(
        chat.attribute("gen_ai.usage.input_tokens"),
        Some(&12_i64.into())
    );
    assert_eq!(chat.attribute("gen_ai.usage.output_tokens"), None);
    assert_eq!(chat.attribute("gen_ai.input.messages"), None);
}

#[tokio::test]
async fn instrumented_futures_run_in_a_typed_span() {
    let pipeline = Pipeline::new();
    pipeline
        .run(async {
            let agent = agent_span("s-1", "arcan").start();
            async { tracing::info_span!("inside").in_scope(|| ()) }
                .instrument(agent.span())
                .await;
        })
        .await;
    assert!(
        pipeline
            .span("inside")
            .is_child_of(&pipeline.span("invoke_agent arcan"))
    );
}

#[test]
fn an_explicit_status_of_foreign_code_is_kept() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        agent.span().set_status(Status::error("budget exceeded"));
    });
    assert_eq!(
        *pipeline.span("invoke_agent arcan").status(),
        Status::error("budget exceeded")
    );
}

#[test]
fn a_sampled_out_span_is_not_exported_but_measured() {
    let pipeline = Pipeline::builder().sampler(Sampler::AlwaysOff).build();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let chat = chat_span(&phase_span(&agent, Deliberate), "sonnet", "anthropic").start();
        assert!(
            chat.span_context()
                .is_some_and(|context| !context.is_sampled())
        );
    });
    assert!(pipeline.spans().is_empty());
    assert_eq!(
        pipeline.metric("gen_ai.client.operation.duration").points[0].count,
        1
    );
}

#[test]
fn samplers_see_name_kind_and_sampling_relevant_attributes() {
    use opentelemetry::trace::{Link, SpanKind, TraceId};
    use opentelemetry::{Context, KeyValue};
    use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult};

    type Seen = Arc<Mutex<Vec<(String, SpanKind, Vec<String>)>>>;

    #[derive(Clone, Debug, Default)]
    struct Watching(Seen);

    impl opentelemetry_sdk::trace::ShouldSample for Watching {
        fn should_sample(
            &self,
            _: Option<&Context>,
            _: TraceId,
            name: &str,
            kind: &SpanKind,
            attributes: &[KeyValue],
            _: &[Link],
        ) -> SamplingResult {
            let keys = attributes
                .iter()
                .map(|attribute| attribute.key.to_string())
                .collect();
            self.0
                .lock()
                .expect("nobody panicked")
                .push((name.to_owned(), kind.clone(), keys));
            SamplingResult {
                decision: SamplingDecision::RecordAndSample,
                attributes: Vec::new(),
                trace_state: opentelemetry::trace::TraceState::default(),
            }
        }
    }

    let watching = Watching::default();
    let pipeline = Pipeline::builder()
        .sampler(Sampler::ParentBased(Box::new(watching.clone())))
        .build();
    pipeline.scope(|| {
        drop(agent_span("s-1", "arcan").start());
        drop(chat_span(&Deliberate::current(), "sonnet", "anthropic").start());
    });
    let seen = watching.0.lock().expect("nobody panicked").clone();
    let (name, kind, keys) = &seen[1];
    assert_eq!((name.as_str(), kind), ("chat sonnet", &SpanKind::Client));
    for key in [
        "gen_ai.operation.name",
        "gen_ai.provider.name",
        "gen_ai.request.model",
    ] {
        assert!(
            keys.iter().any(|other| other == key),
            "{key} is missing from {keys:?}"
        );
    }
}

#[test]
fn a_child_of_a_disabled_span_attaches_to_the_nearest_enabled_ancestor() {
    use tracing_subscriber::layer::SubscriberExt;

    // A filter over the whole subscriber, as `RUST_LOG` often is.
    let kept = Kept::default();
    let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder()
        .with_span_processor(kept.clone())
        .build();
    let no_phases = tracing_subscriber::filter::filter_fn(|metadata| metadata.name() != "phase");
    let subscriber = tracing_subscriber::registry()
        .with(vigil::trace_layer(&provider))
        .with(Global(no_phases));
    tracing::subscriber::with_default(subscriber, || {
        let agent = agent_span("s-1", "arcan").start();
        let deliberate = phase_span(&agent, Deliberate);
        drop(chat_span(&deliberate, "sonnet", "anthropic").start());
    });
    let spans = kept.0.lock().expect("nobody panicked").clone();
    let names: Vec<_> = spans.iter().map(|span| span.name.to_string()).collect();
    assert_eq!(names, ["chat sonnet", "invoke_agent arcan"]);
    assert_eq!(spans[0].parent_span_id, spans[1].span_context.span_id());
}

/// A filter for the whole subscriber: what it refuses, no layer sees.
struct Global<F>(F);

impl<S, F> Layer<S> for Global<F>
where
    S: tracing::Subscriber,
    F: tracing_subscriber::layer::Filter<S> + 'static,
{
    fn enabled(
        &self,
        metadata: &tracing::Metadata<'_>,
        ctx: tracing_subscriber::layer::Context<'_, S>,
    ) -> bool {
        self.0.enabled(metadata, &ctx)
    }
}

#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<Vec<opentelemetry_sdk::trace::SpanData>>>);

impl opentelemetry_sdk::trace::SpanProcessor for Kept {
    fn on_start(&self, _: &mut opentelemetry_sdk::trace::Span, _: &opentelemetry::Context) {}

    fn on_end(&self, span: opentelemetry_sdk::trace::SpanData) {
        self.0.lock().expect("nobody panicked").push(span);
    }

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

#[test]
fn a_filter_on_the_log_layer_does_not_touch_spans_and_metrics() {
    let lines = Lines::default();
    let pipeline = Pipeline::builder()
        .layer(fmt(&lines).with_filter(LevelFilter::ERROR))
        .build();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        drop(phase_span(&agent, Perceive));
    });
    assert_eq!(lines.text(), "");
    assert!(
        pipeline
            .span("phase perceive")
            .is_child_of(&pipeline.span("invoke_agent arcan"))
    );
    assert_eq!(
        pipeline.metric("gen_ai.invoke_agent.duration").points[0].count,
        1
    );
}

#[test]
fn foreign_layers_see_attributes_as_fields_unless_that_is_switched_off() {
    use tracing_subscriber::layer::SubscriberExt;

    for fields in [true, false] {
        let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder().build();
        let lines = Lines::default();
        let subscriber = tracing_subscriber::registry()
            .with(fmt(&lines))
            .with(vigil::trace_layer(&provider).with_fields(fields));
        tracing::subscriber::with_default(subscriber, || {
            agent_span("s-1", "arcan").start().end();
        });
        let text = lines.text();
        assert!(text.contains("agent"), "{text}");
        assert_eq!(text.contains("s-1"), fields, "{text}");
    }
}

/// What foreign code that knows nothing of handles does with the span that it runs in.
fn look_at_the_current_span() -> opentelemetry::trace::SpanContext {
    let span = tracing::Span::current();
    span.set_attribute("tenant", "acme");
    span.add_event("cache-miss", Vec::new());
    span.context().span().span_context().clone()
}

#[test]
fn code_in_a_typed_span_reaches_it_as_the_current_one() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let chat = chat_span(&phase_span(&agent, Deliberate), "sonnet", "anthropic").start();
        let seen = chat.in_scope(look_at_the_current_span);
        assert_eq!(Some(seen), chat.span_context());
    });
    let chat = pipeline.span("chat sonnet");
    assert_eq!(chat.text("tenant"), Some("acme"));
    assert_eq!(chat.events()[0].name, "cache-miss");
}

#[test]
fn work_that_takes_the_current_span_with_it_stays_in_it_on_another_thread() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let chat = chat_span(&phase_span(&agent, Deliberate), "sonnet", "anthropic").start();
        let span = chat.in_scope(tracing::Span::current);
        std::thread::scope(|threads| {
            let work = || {
                let seen = span.in_scope(|| {
                    tracing::info_span!("inside").in_scope(|| ());
                    look_at_the_current_span()
                });
                assert_eq!(Some(seen), chat.span_context());
            };
            let pipeline = &pipeline;
            let scoped = move || pipeline.scope(work);
            threads.spawn(scoped).join().expect("nothing panics");
        });
    });
    let chat = pipeline.span("chat sonnet");
    assert!(pipeline.span("inside").is_child_of(&chat));
    assert_eq!(chat.text("tenant"), Some("acme"));
}

#[test]
fn a_foreign_span_whose_parent_is_named_stands_under_a_typed_one() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let deliberate = phase_span(&agent, Deliberate);
        drop(tracing::info_span!(parent: &deliberate.span(), "by handle"));
        let id = deliberate.in_scope(|| tracing::Span::current().id());
        drop(tracing::info_span!(parent: id, "by id"));
    });
    let deliberate = pipeline.span("phase deliberate");
    for name in ["by handle", "by id"] {
        let span = pipeline.span(name);
        assert!(span.is_child_of(&deliberate), "{name}");
        assert_eq!(span.text("life.session_id"), Some("s-1"), "{name}");
    }
}

#[test]
fn a_typed_span_is_found_from_a_foreign_one_under_it_on_another_thread() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let deliberate = phase_span(&agent, Deliberate);
        let chat = chat_span(&deliberate, "sonnet", "anthropic").start();
        let inside = chat.in_scope(|| tracing::info_span!("inside"));
        std::thread::scope(|threads| {
            let work = || inside.in_scope(|| Deliberate::current().record_error("found"));
            let pipeline = &pipeline;
            let scoped = move || pipeline.scope(work);
            threads.spawn(scoped).join().expect("nothing panics");
        });
    });
    // It was never entered itself.
    let deliberate = pipeline.span("phase deliberate");
    assert_eq!(deliberate.text("error.type"), Some("found"));
}

#[test]
fn what_the_sdk_starts_in_a_typed_span_stands_under_it_even_after_its_end() {
    use opentelemetry::trace::{Span as _, Tracer, TracerProvider};

    let pipeline = Pipeline::new();
    let tracer = pipeline.tracer_provider().tracer("other");
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let context = agent.in_scope(opentelemetry::Context::current);
        agent.end();
        context
            .span()
            .set_attribute(opentelemetry::KeyValue::new("late", true));
        tracer.start_with_context("after", &context).end();
    });
    let agent = pipeline.span("invoke_agent arcan");
    assert!(pipeline.span("after").is_child_of(&agent));
    assert_eq!(agent.attribute("late"), None);
}

#[test]
fn a_layer_that_asks_at_every_step_gets_the_ids_each_time() {
    use tracing_subscriber::layer::{Context, SubscriberExt};
    use tracing_subscriber::registry::LookupSpan;

    type Seen = Arc<Mutex<Vec<opentelemetry::trace::SpanId>>>;

    struct Asks(Seen);

    impl Asks {
        fn ask(&self, id: &tracing::Id) {
            tracing::dispatcher::get_default(|dispatch| {
                let context = tracing_opentelemetry::get_otel_context(id, dispatch);
                let id = context.map(|context| context.span().span_context().span_id());
                let mut seen = self.0.lock().expect("nobody panicked");
                seen.push(id.unwrap_or(opentelemetry::trace::SpanId::INVALID));
            });
        }
    }

    impl<S: tracing::Subscriber + for<'span> LookupSpan<'span>> Layer<S> for Asks {
        fn on_new_span(
            &self,
            _: &tracing::span::Attributes<'_>,
            id: &tracing::Id,
            _: Context<'_, S>,
        ) {
            self.ask(id);
        }

        fn on_enter(&self, id: &tracing::Id, _: Context<'_, S>) {
            self.ask(id);
        }

        fn on_exit(&self, id: &tracing::Id, _: Context<'_, S>) {
            self.ask(id);
        }
    }

    let seen = Seen::default();
    let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder().build();
    let subscriber = tracing_subscriber::registry()
        .with(vigil::trace_layer(&provider))
        .with(Asks(Arc::clone(&seen)));
    let own = tracing::subscriber::with_default(subscriber, || {
        let agent = agent_span("s-1", "arcan").start();
        agent.in_scope(|| ());
        agent.span_context().map(|ids| ids.span_id())
    });
    let seen = seen.lock().expect("nobody panicked");
    assert_eq!(seen.iter().copied().map(Some).collect::<Vec<_>>(), [own; 3]);
}

#[test]
fn code_that_kept_the_current_span_can_ask_for_its_context_without_entering_it() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let kept = agent.in_scope(tracing::Span::current);
        let found = kept.context().span().span_context().clone();
        assert_eq!(Some(found), agent.span_context());
        // Somebody has asked, so the next are there from the start, and after their ends.
        let other = agent_span("s-2", "arcan").start();
        let kept = other.in_scope(tracing::Span::current);
        let ids = other.span_context();
        other.end();
        let found = kept.context().span().span_context().clone();
        assert_eq!(Some(found), ids);
    });
}
