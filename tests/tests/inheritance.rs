//! What identifies the work stands on every span of it, whoever makes the span.

use opentelemetry::trace::{Tracer, TracerProvider};
use tracing::Instrument;
use vigil::carrier::{RemoteParent, Root};
use vigil::testing::{ExportedSpan, Pipeline};
use vigil::{Deliberate, Execute, agent_span, chat_span, phase_span, tool_span};

fn identity(span: &ExportedSpan) -> [Option<&str>; 5] {
    [
        "life.session_id",
        "session.id",
        "gen_ai.conversation.id",
        "gen_ai.agent.name",
        "life.run_id",
    ]
    .map(|key| span.text(key))
}

const WORK: [Option<&str>; 5] = [
    Some("s-1"),
    Some("s-1"),
    Some("s-1"),
    Some("arcan"),
    Some("r-7"),
];

#[test]
fn every_typed_span_carries_what_the_agent_was_given() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").run_id("r-7").start();
        let deliberate = phase_span(&agent, Deliberate);
        drop(chat_span(&deliberate, "sonnet", "anthropic").start());
    });
    let spans = pipeline.spans();
    assert_eq!(spans.len(), 3);
    for span in &spans {
        assert_eq!(identity(span), WORK, "{}", span.name());
    }
}

#[test]
fn spans_of_other_instrumentation_carry_it_too() {
    #[tracing::instrument]
    fn look_up() {}

    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").run_id("r-7").start();
        agent.in_scope(|| {
            look_up();
            let tracer = pipeline.tracer_provider().tracer("http-client");
            tracer.in_span("GET", |_| ());
        });
    });
    let agent = pipeline.span("invoke_agent arcan");
    for name in ["look_up", "GET"] {
        let span = pipeline.span(name);
        assert_eq!(identity(&span), WORK, "{name}");
        assert!(span.is_child_of(&agent), "{name}");
    }
}

#[test]
fn a_span_keeps_its_own_value_of_an_inherited_attribute() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        agent.in_scope(|| {
            tracing::info_span!("cache", session.id = "of-the-cache").in_scope(|| ());
        });
    });
    let span = pipeline.span("cache");
    let ids: Vec<_> = span
        .attributes()
        .iter()
        .filter(|attribute| attribute.key.as_str() == "session.id")
        .collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(ids[0].value.as_str(), "of-the-cache");
}

#[test]
fn what_is_set_later_stands_on_the_spans_that_start_after_it() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        drop(phase_span(&agent, Deliberate));
        agent.record_run_id("r-7");
        drop(phase_span(&agent, Execute));
    });
    assert_eq!(pipeline.span("phase deliberate").text("life.run_id"), None);
    assert_eq!(
        pipeline.span("phase execute").text("life.run_id"),
        Some("r-7")
    );
    assert_eq!(
        pipeline.span("invoke_agent arcan").text("life.run_id"),
        Some("r-7")
    );
}

#[test]
fn a_given_conversation_beats_the_session() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").conversation_id("c-9").start();
        drop(phase_span(&agent, Deliberate));
    });
    let phase = pipeline.span("phase deliberate");
    assert_eq!(phase.text("gen_ai.conversation.id"), Some("c-9"));
    assert_eq!(phase.text("session.id"), Some("s-1"));
}

#[test]
fn a_sub_agent_stands_under_its_tool_with_a_session_of_its_own() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").run_id("r-7").start();
        let execute = phase_span(&agent, Execute);
        let tool = tool_span(&execute, "delegate", "call-1").start();
        let sub = agent_span("s-2", "scout").parent(&tool).start();
        drop(phase_span(&sub, Deliberate));
        drop(sub);
        drop(phase_span(&agent, Deliberate));
    });
    let sub = pipeline.span("invoke_agent scout");
    assert!(sub.is_child_of(&pipeline.span("execute_tool delegate")));
    assert_eq!(
        identity(&sub),
        [
            Some("s-2"),
            Some("s-2"),
            Some("s-2"),
            Some("scout"),
            Some("r-7")
        ]
    );
    let spans = pipeline.spans();
    let names: Vec<_> = spans
        .iter()
        .filter(|span| span.name() == "phase deliberate")
        .map(|span| span.text("gen_ai.agent.name"))
        .collect();
    assert_eq!(names, [Some("scout"), Some("arcan")]);
}

#[test]
fn two_agents_at_once_do_not_mix() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let one = agent_span("s-1", "one").parent(&Root).start();
        let two = agent_span("s-2", "two").parent(&Root).start();
        let of_one = phase_span(&one, Execute);
        two.in_scope(|| drop(tool_span(&of_one, "shell", "call-1").start()));
    });
    let tool = pipeline.span("execute_tool shell");
    assert_eq!(tool.text("life.session_id"), Some("s-1"));
    assert_eq!(tool.text("gen_ai.agent.name"), Some("one"));
    assert_ne!(
        pipeline.span("invoke_agent one").trace_id(),
        pipeline.span("invoke_agent two").trace_id()
    );
}

#[test]
fn an_agent_continues_the_trace_of_a_remote_parent() {
    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
    let remote = SpanContext::new(
        TraceId::from(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128),
        SpanId::from(0x00f0_67aa_0ba9_02b7_u64),
        TraceFlags::SAMPLED,
        true,
        TraceState::default(),
    );
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan")
            .parent(&RemoteParent::from(remote.clone()))
            .start();
        drop(phase_span(&agent, Execute));
    });
    let agent = pipeline.span("invoke_agent arcan");
    assert_eq!(agent.trace_id(), remote.trace_id());
    assert_eq!(agent.parent_span_id(), Some(remote.span_id()));
    assert!(pipeline.span("phase execute").is_child_of(&agent));
}

#[test]
fn an_agent_stands_under_the_foreign_span_around_it_or_the_one_it_is_given() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        tracing::info_span!("request").in_scope(|| drop(agent_span("s-1", "inside").start()));
        let job = tracing::info_span!("job");
        drop(agent_span("s-2", "given").parent(&job).start());
        tracing::info_span!("noise")
            .in_scope(|| drop(agent_span("s-3", "alone").parent(&Root).start()));
    });
    let request = pipeline.span("request");
    assert!(pipeline.span("invoke_agent inside").is_child_of(&request));
    assert!(
        pipeline
            .span("invoke_agent given")
            .is_child_of(&pipeline.span("job"))
    );
    let alone = pipeline.span("invoke_agent alone");
    assert_eq!(alone.parent_span_id(), None);
    assert_eq!(alone.attribute("vigil.parent.unchecked"), None);
}

#[test]
fn an_agent_inside_a_phase_is_marked() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let execute = phase_span(&agent, Execute);
        execute.in_scope(|| drop(agent_span("s-2", "stray").start()));
    });
    assert_eq!(
        pipeline
            .span("invoke_agent stray")
            .attribute("vigil.parent.unchecked"),
        Some(&true.into())
    );
}

#[tokio::test]
async fn code_without_a_handle_finds_the_typed_span_around_it() {
    async fn deep_inside() {
        tokio::task::yield_now().await;
        tracing::info_span!("in between").in_scope(|| {
            let chat = chat_span(&Deliberate::current(), "sonnet", "anthropic").start();
            drop(chat);
        });
    }

    let pipeline = Pipeline::new();
    pipeline
        .run(async {
            let agent = agent_span("s-1", "arcan").start();
            let deliberate = phase_span(&agent, Deliberate);
            deep_inside().instrument(deliberate.span()).await;
            assert!(
                pipeline
                    .spans()
                    .iter()
                    .all(|span| span.name() != "phase deliberate"),
                "what was found is not ended"
            );
        })
        .await;
    let chat = pipeline.span("chat sonnet");
    assert!(chat.is_child_of(&pipeline.span("phase deliberate")));
    assert_eq!(chat.attribute("vigil.parent.unchecked"), None);
    pipeline.assert_conforms(&vigil::registry::REGISTRY);
}

#[test]
fn code_without_a_typed_span_around_it_attaches_to_the_current_one_and_is_marked() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        tracing::info_span!("foreign").in_scope(|| {
            drop(chat_span(&Deliberate::current(), "sonnet", "anthropic").start());
        });
        drop(chat_span(&Deliberate::current(), "haiku", "anthropic").start());
    });
    let chat = pipeline.span("chat sonnet");
    assert!(chat.is_child_of(&pipeline.span("foreign")));
    assert_eq!(chat.attribute("vigil.parent.unchecked"), Some(&true.into()));
    let alone = pipeline.span("chat haiku");
    assert_eq!(alone.parent_span_id(), None);
    assert_eq!(
        alone.attribute("vigil.parent.unchecked"),
        Some(&true.into())
    );
    pipeline.assert_conforms(&vigil::registry::REGISTRY);
}

#[test]
fn a_phase_of_another_kind_is_not_found() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let execute = phase_span(&agent, Execute);
        execute.in_scope(|| drop(chat_span(&Deliberate::current(), "sonnet", "anthropic").start()));
    });
    let chat = pipeline.span("chat sonnet");
    assert_eq!(chat.attribute("vigil.parent.unchecked"), Some(&true.into()));
    assert!(
        chat.is_child_of(&pipeline.span("phase execute")),
        "it attaches to what is there"
    );
}
