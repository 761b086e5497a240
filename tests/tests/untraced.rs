//! Typed spans that `tracing` gets when somebody asks for them, as all layers are Vigil's.

use std::sync::{Arc, Mutex};

use opentelemetry::trace::TraceContextExt;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::{Dispatch, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Context, SubscriberExt};
use vigil::testing::Pipeline as Exporting;
use vigil::{Deliberate, Execute, agent_span, chat_span, phase_span, tool_span};

/// The names of the spans that `tracing` makes.
#[derive(Clone, Default)]
struct Made(Arc<Mutex<Vec<&'static str>>>);

impl Made {
    fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.0.lock().expect("nobody panics with it"))
    }
}

impl<S: Subscriber> Layer<S> for Made {
    fn on_new_span(&self, attrs: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        let mut made = self.0.lock().expect("nobody panics with it");
        made.push(attrs.metadata().name());
    }
}

struct Pipeline {
    exporting: Exporting,
    made: Made,
    dispatch: Dispatch,
}

impl Pipeline {
    fn new() -> Self {
        let exporting = Exporting::new();
        let made = Made::default();
        let traces = vigil::trace_layer(exporting.tracer_provider()).with_fields(false);
        let subscriber = tracing_subscriber::registry()
            .with(made.clone())
            .with(traces);
        Self {
            exporting,
            made,
            dispatch: Dispatch::new(subscriber),
        }
    }

    fn scope(&self, f: impl FnOnce()) {
        tracing::dispatcher::with_default(&self.dispatch, f);
    }

    #[track_caller]
    fn assert_under(&self, child: &str, parent: &str) {
        let (child, parent) = (self.exporting.span(child), self.exporting.span(parent));
        assert!(child.is_child_of(&parent), "{child:?}");
    }
}

#[test]
fn tracing_gets_a_span_when_code_runs_in_it_or_asks_for_it() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let deliberate = phase_span(&agent, Deliberate);
        let chat = chat_span(&deliberate, "sonnet", "anthropic").start();
        assert_eq!(pipeline.made.take(), ["agent"]);
        chat.in_scope(|| tracing::info!("thinking"));
        assert_eq!(pipeline.made.take(), ["chat"]);
        chat.in_scope(|| ());
        assert!(pipeline.made.take().is_empty());
        drop(deliberate.span());
        assert_eq!(pipeline.made.take(), ["phase"]);
    });
    pipeline.assert_under("chat sonnet", "phase deliberate");
    pipeline.assert_under("phase deliberate", "invoke_agent arcan");
}

#[test]
fn what_starts_in_such_a_span_stands_under_it() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let execute = phase_span(&agent, Execute);
        let tool = tool_span(&execute, "search", "call-1").start();
        let kept = tool.in_scope(|| {
            tracing::info_span!("request").in_scope(|| ());
            // The phase was never entered, and is found all the same.
            drop(tool_span(&Execute::current(), "fetch", "call-2").start());
            tracing::Span::current()
        });
        kept.in_scope(|| tracing::info_span!("later").in_scope(|| ()));
        let context = kept.context().span().span_context().clone();
        assert_eq!(Some(context), tool.span_context());
    });
    pipeline.assert_under("request", "execute_tool search");
    pipeline.assert_under("later", "execute_tool search");
    pipeline.assert_under("execute_tool fetch", "phase execute");
    pipeline.assert_under("execute_tool search", "phase execute");
}

#[test]
fn what_foreign_code_sets_through_such_a_span_stands_on_it() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let deliberate = phase_span(&agent, Deliberate);
        let span = deliberate.span();
        span.set_attribute("tenant", "acme");
        span.add_event("cache-miss", Vec::new());
        // As another thread would find it, long after.
        let other = std::thread::spawn(move || {
            span.set_attribute("shard", 7);
        });
        other.join().expect("nothing panics");
    });
    let phase = pipeline.exporting.span("phase deliberate");
    assert_eq!(phase.text("tenant"), Some("acme"));
    assert_eq!(phase.text("life.session_id"), Some("s-1"));
    assert_eq!(phase.attribute("shard"), Some(&7.into()));
    assert_eq!(phase.events()[0].name, "cache-miss");
}

#[test]
fn threads_that_enter_such_a_span_at_once_are_all_in_it() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let deliberate = phase_span(&agent, Deliberate);
        let chat = chat_span(&deliberate, "sonnet", "anthropic").start();
        std::thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| {
                    tracing::dispatcher::with_default(&pipeline.dispatch, || {
                        chat.in_scope(|| tracing::info_span!("inside").in_scope(|| ()));
                    });
                });
            }
        });
    });
    let chat = pipeline.exporting.span("chat sonnet");
    let spans = pipeline.exporting.spans();
    let inside = spans.iter().filter(|it| it.name() == "inside");
    assert_eq!(inside.clone().count(), 8);
    assert!(inside.clone().all(|it| it.is_child_of(&chat)));
}

#[test]
fn code_that_kept_such_a_span_asks_for_its_context_when_it_has_ended() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let deliberate = phase_span(&agent, Deliberate);
        let kept = deliberate.in_scope(tracing::Span::current);
        let ids = deliberate.span_context();
        drop(deliberate);
        drop(agent);
        let context = kept.context().span().span_context().clone();
        assert_eq!(Some(context), ids);
        tracing::info_span!(parent: &kept, "under it").in_scope(|| ());
    });
    pipeline.assert_under("under it", "phase deliberate");
}

#[test]
fn the_last_of_a_span_may_go_where_another_subscriber_is() {
    let (pipeline, other) = (Pipeline::new(), Pipeline::new());
    let mut kept = None;
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let tool = tool_span(&phase_span(&agent, Execute), "search", "call-1").start();
        tool.in_scope(|| ());
        kept = Some(tool);
    });
    other.scope(|| {
        let beside = agent_span("s-2", "scout").start();
        drop(kept);
        beside.in_scope(|| tracing::info_span!("inside").in_scope(|| ()));
    });
    pipeline.assert_under("execute_tool search", "phase execute");
    other.assert_under("inside", "invoke_agent scout");
}

#[test]
fn spans_under_one_that_has_ended_stand_under_it() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let deliberate = phase_span(&agent, Deliberate);
        let parent = vigil::carrier::Parent::of(&deliberate);
        drop(deliberate);
        drop(agent);
        let late = std::thread::spawn(move || {
            let chat = chat_span(&parent, "sonnet", "anthropic").start();
            chat.in_scope(|| ());
            chat.span()
        });
        let late = late.join().expect("nothing panics");
        tracing::info_span!(parent: &late, "under it").in_scope(|| ());
    });
    pipeline.assert_under("chat sonnet", "phase deliberate");
    pipeline.assert_under("under it", "chat sonnet");
}

#[test]
fn a_filter_that_is_changed_lets_such_spans_be() {
    let exporting = Exporting::new();
    let traces = vigil::trace_layer(exporting.tracer_provider()).with_fields(false);
    let (filter, handle) = tracing_subscriber::reload::Layer::new(LevelFilter::INFO);
    let subscriber = tracing_subscriber::registry().with(filter).with(traces);
    tracing::subscriber::with_default(subscriber, || {
        let agent = agent_span("s-1", "arcan").start();
        let execute = phase_span(&agent, Execute);
        let tool = tool_span(&execute, "search", "call-1").start();
        handle
            .reload(LevelFilter::ERROR)
            .expect("it is still there");
        // Nobody wants it, so what starts under it stands under the tool.
        let chat = chat_span(&vigil::Deliberate::current(), "sonnet", "anthropic").start();
        drop(chat);
        tool.in_scope(|| tracing::error_span!("inside").in_scope(|| ()));
        handle.reload(LevelFilter::INFO).expect("it is still there");
        drop(tool_span(&execute, "fetch", "call-2").start());
    });
    let spans = exporting.spans();
    assert!(!spans.iter().any(|it| it.name() == "chat sonnet"));
    let (tool, inside) = (
        exporting.span("execute_tool search"),
        exporting.span("inside"),
    );
    assert!(inside.is_child_of(&tool));
    let fetch = exporting.span("execute_tool fetch");
    assert!(fetch.is_child_of(&exporting.span("phase execute")));
}

#[test]
fn a_subscriber_of_another_scope_keeps_its_spans_to_itself() {
    let (first, second) = (Pipeline::new(), Pipeline::new());
    first.scope(|| {
        let agent = agent_span("s-1", "first").start();
        let execute = phase_span(&agent, Execute);
        let tool = tool_span(&execute, "search", "call-1").start();
        second.scope(|| {
            let other = agent_span("s-2", "second")
                .parent(&vigil::carrier::Root)
                .start();
            let deliberate = phase_span(&other, Deliberate);
            // The ids that subscribers give are the same in both.
            tool.in_scope(|| tracing::info_span!("in the first").in_scope(|| ()));
            deliberate.in_scope(|| {
                drop(chat_span(&Deliberate::current(), "sonnet", "anthropic").start());
                tracing::info_span!("in the second").in_scope(|| ());
            });
        });
    });
    second.assert_under("chat sonnet", "phase deliberate");
    second.assert_under("in the second", "phase deliberate");
    first.assert_under("execute_tool search", "phase execute");
}

#[test]
fn threads_that_enter_such_a_span_at_once_all_find_it() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        for _ in 0..2_000 {
            let deliberate = phase_span(&agent, Deliberate);
            let both = std::sync::Barrier::new(2);
            std::thread::scope(|threads| {
                for _ in 0..2 {
                    threads.spawn(|| {
                        tracing::dispatcher::with_default(&pipeline.dispatch, || {
                            both.wait();
                            deliberate.in_scope(|| {
                                drop(chat_span(&Deliberate::current(), "m", "p").start());
                            });
                        });
                    });
                }
            });
        }
    });
    let unchecked =
        |it: &vigil::testing::ExportedSpan| it.attribute("vigil.parent.unchecked").is_some();
    assert_eq!(
        pipeline
            .exporting
            .spans()
            .iter()
            .filter(|it| unchecked(it))
            .count(),
        0
    );
}

#[test]
fn code_in_a_span_that_a_filter_shut_out_runs_in_the_one_above() {
    for with_fields in [true, false] {
        let exporting = Exporting::new();
        let traces = vigil::trace_layer(exporting.tracer_provider())
            .with_fields(with_fields)
            .with_filter(filter_fn(|metadata| metadata.name() != "chat"));
        let subscriber = tracing_subscriber::registry()
            .with(Made::default())
            .with(traces);
        tracing::subscriber::with_default(subscriber, || {
            let agent = agent_span("s-1", "arcan").start();
            let deliberate = phase_span(&agent, Deliberate);
            let chat = chat_span(&deliberate, "sonnet", "anthropic").start();
            chat.in_scope(|| {
                tracing::info_span!("inside").in_scope(|| ());
                let found = Deliberate::current().span_context();
                assert_eq!(found, deliberate.span_context());
            });
        });
        let spans = exporting.spans();
        assert!(!spans.iter().any(|it| it.name() == "chat sonnet"));
        let inside = exporting.span("inside");
        assert!(inside.is_child_of(&exporting.span("phase deliberate")));
    }
}
