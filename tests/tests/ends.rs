//! How spans end: what sets their status, their `error.type`, their times and their metrics.

// Numbers come back as they were recorded, to the last bit.
#![allow(clippy::float_cmp)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, SystemTime};

use opentelemetry::trace::Status;
use vigil::records::gen_ai::TokenUsage;
use vigil::semconv::gen_ai::ProviderName;
use vigil::semconv::life::ToolStatus;
use vigil::spans::gen_ai::{AgentSpan, ChatSpan, ToolSpan};
use vigil::spans::life::PhaseSpan;
use vigil::testing::Pipeline;
use vigil::{Deliberate, Execute, agent_span, chat_span, phase_span, tool_span};

struct Tree {
    agent: AgentSpan,
    deliberate: PhaseSpan<Deliberate>,
    execute: PhaseSpan<Execute>,
}

fn tree() -> Tree {
    let agent = agent_span("s-1", "arcan").start();
    let deliberate = phase_span(&agent, Deliberate);
    let execute = phase_span(&agent, Execute);
    Tree {
        agent,
        deliberate,
        execute,
    }
}

fn chat(tree: &Tree) -> ChatSpan {
    chat_span(&tree.deliberate, "sonnet", ProviderName::Anthropic).start()
}

fn tool(tree: &Tree) -> ToolSpan {
    tool_span(&tree.execute, "shell", "call-1").start()
}

fn is_error(status: &Status) -> bool {
    matches!(status, Status::Error { .. })
}

#[derive(Debug)]
struct ProviderDown;

#[test]
fn success_leaves_the_status_unset_and_no_error_type() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let tree = tree();
        let _: Result<u8, ProviderDown> = chat(&tree).run_blocking(|| Ok(7));
    });
    let chat = pipeline.span("chat sonnet");
    assert_eq!(*chat.status(), Status::Unset);
    assert_eq!(chat.attribute("error.type"), None);
}

#[test]
fn dropping_a_handle_ends_the_span_while_its_children_are_open() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let tree = tree();
        let chat = chat(&tree);
        drop(tree);
        let names: Vec<_> = pipeline
            .spans()
            .iter()
            .map(|span| span.name().to_owned())
            .collect();
        assert_eq!(
            names,
            ["invoke_agent arcan", "phase deliberate", "phase execute"]
        );
        drop(chat);
    });
    let chat = pipeline.span("chat sonnet");
    let phase = pipeline.span("phase deliberate");
    assert!(chat.is_child_of(&phase));
    assert!(chat.end_time() >= phase.end_time());
}

#[test]
fn end_and_drop_are_the_same_end_and_come_once() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let tree = tree();
        chat(&tree).end();
    });
    assert_eq!(
        pipeline
            .spans()
            .iter()
            .filter(|span| span.name() == "chat sonnet")
            .count(),
        1
    );
    assert_eq!(
        pipeline.metric("gen_ai.client.operation.duration").points[0].count,
        1
    );
}

#[test]
fn a_span_ends_when_its_handle_does_and_not_when_it_was_last_entered() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let tree = tree();
        let chat = chat(&tree);
        chat.in_scope(|| ());
        std::thread::sleep(Duration::from_millis(30));
        chat.end();
    });
    let chat = pipeline.span("chat sonnet");
    let open = chat
        .end_time()
        .duration_since(chat.start_time())
        .expect("it ends after it starts");
    assert!(open >= Duration::from_millis(30), "{open:?}");
}

#[test]
fn an_error_sets_the_status_and_the_name_of_its_type() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let tree = tree();
        let result: Result<(), _> = chat(&tree).run_blocking(|| Err(ProviderDown));
        assert!(result.is_err());
    });
    let chat = pipeline.span("chat sonnet");
    assert!(is_error(chat.status()));
    assert_eq!(chat.text("error.type"), Some("ends::ProviderDown"));
    let duration = pipeline.metric("gen_ai.client.operation.duration");
    assert_eq!(
        duration
            .point(&[("error.type", "ends::ProviderDown")])
            .count,
        1
    );
}

#[test]
fn a_caller_can_classify_its_errors() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let tree = tree();
        let _: Result<(), u16> = chat(&tree).run_blocking_with(|| Err(429), u16::to_string);
    });
    assert_eq!(pipeline.span("chat sonnet").text("error.type"), Some("429"));
}

#[test]
fn a_retry_that_succeeds_makes_the_call_a_success() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let tree = tree();
        let chat = chat(&tree);
        let _: Result<(), _> = chat.run_blocking(|| Err(ProviderDown));
        let _: Result<(), ProviderDown> = chat.run_blocking(|| Ok(()));
    });
    assert_eq!(*pipeline.span("chat sonnet").status(), Status::Unset);
}

#[test]
fn what_is_recorded_beats_what_is_inferred() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let tree = tree();
        let chat = chat(&tree);
        chat.record_error_with("overloaded", "try again in a minute");
        let _: Result<(), _> = chat.run_blocking(|| Err(ProviderDown));
    });
    let chat = pipeline.span("chat sonnet");
    assert_eq!(chat.text("error.type"), Some("overloaded"));
    assert_eq!(*chat.status(), Status::error("try again in a minute"));
}

#[test]
fn a_panic_in_a_span_ends_it_as_one() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let tree = tree();
        let result = catch_unwind(AssertUnwindSafe(|| {
            let _tool = tool(&tree);
            panic!("no such file");
        }));
        assert!(result.is_err());
    });
    let tool = pipeline.span("execute_tool shell");
    assert!(is_error(tool.status()));
    assert_eq!(tool.text("error.type"), Some("panic"));
    assert_eq!(tool.text("life.tool.status"), Some("error"));
    assert_eq!(*pipeline.span("phase execute").status(), Status::Unset);
}

#[test]
fn a_panic_that_is_caught_around_a_scope_still_counts() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let tree = tree();
        let chat = chat(&tree);
        let caught = catch_unwind(AssertUnwindSafe(|| chat.in_scope(|| panic!("bug"))));
        assert!(caught.is_err());
    });
    assert_eq!(
        pipeline.span("chat sonnet").text("error.type"),
        Some("panic")
    );
}

#[test]
fn a_span_that_starts_while_unwinding_does_not_end_as_a_panic() {
    struct CleansUp<'a>(&'a Tree);
    impl Drop for CleansUp<'_> {
        fn drop(&mut self) {
            tool_span(&self.0.execute, "cleanup", "call-2")
                .start()
                .record_tool_status(ToolStatus::Ok);
            chat_span(&self.0.deliberate, "haiku", "anthropic")
                .start()
                .end();
        }
    }
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let tree = tree();
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let _cleanup = CleansUp(&tree);
            panic!("bug");
        }));
    });
    assert_eq!(
        *pipeline.span("execute_tool cleanup").status(),
        Status::Unset
    );
    assert_eq!(*pipeline.span("chat haiku").status(), Status::Unset);
}

#[test]
fn a_tool_without_an_outcome_is_cancelled() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| drop(tool(&tree())));
    let tool = pipeline.span("execute_tool shell");
    assert_eq!(tool.text("life.tool.status"), Some("cancelled"));
    assert_eq!(tool.text("error.type"), Some("cancelled"));
    assert!(is_error(tool.status()));
    let executions = pipeline.metric("life.tool.executions");
    assert_eq!(
        executions
            .point(&[
                ("life.tool.status", "cancelled"),
                ("gen_ai.tool.name", "shell")
            ])
            .value,
        1.0
    );
}

#[test]
fn a_tool_takes_its_status_from_what_ran_in_it() {
    for (result, status, error_type) in [
        (Ok(()), "ok", None),
        (Err("timeout"), "timeout", Some("timeout")),
        (Err("exit code 1"), "error", Some("exit code 1")),
    ] {
        let pipeline = Pipeline::new();
        pipeline.scope(|| {
            let _ = tool(&tree()).run_blocking_with(|| result, |error| *error);
        });
        let tool = pipeline.span("execute_tool shell");
        assert_eq!(tool.text("life.tool.status"), Some(status));
        assert_eq!(tool.text("error.type"), error_type);
        assert_eq!(is_error(tool.status()), error_type.is_some());
    }
}

#[test]
fn a_recorded_tool_status_decides_over_the_result() {
    for (status, text, error_type) in [
        (ToolStatus::Ok, "ok", None),
        (ToolStatus::Timeout, "timeout", Some("timeout")),
        (ToolStatus::Cancelled, "cancelled", Some("cancelled")),
        // The status says that it failed, the result how.
        (ToolStatus::Error, "error", Some("ends::ProviderDown")),
    ] {
        let pipeline = Pipeline::new();
        pipeline.scope(|| {
            let tree = tree();
            let tool = tool(&tree);
            let _: Result<(), _> = tool.run_blocking(|| Err(ProviderDown));
            tool.record_tool_status(status);
        });
        let tool = pipeline.span("execute_tool shell");
        assert_eq!(tool.text("life.tool.status"), Some(text));
        assert_eq!(tool.text("error.type"), error_type);
        assert_eq!(is_error(tool.status()), error_type.is_some());
        let executions = pipeline.metric("life.tool.executions");
        assert_eq!(executions.points.len(), 1);
        assert_eq!(executions.point(&[("life.tool.status", text)]).value, 1.0);
    }
}

#[test]
fn a_tool_that_failed_without_saying_how_has_the_standard_error_type() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| tool(&tree()).record_tool_status(ToolStatus::Error));
    assert_eq!(
        pipeline.span("execute_tool shell").text("error.type"),
        Some("_OTHER")
    );
}

#[test]
fn an_error_line_in_a_typed_span_does_not_change_its_status() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let tree = tree();
        chat(&tree).in_scope(|| tracing::error!(code = 503, "the first attempt failed"));
    });
    let chat = pipeline.span("chat sonnet");
    assert_eq!(*chat.status(), Status::Unset);
    assert_eq!(chat.events().len(), 1, "the line itself is kept");
}

#[test]
fn recording_an_attribute_again_replaces_it() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let tree = tree();
        let chat = chat(&tree);
        chat.record_response_id("resp-1");
        chat.record_response_id("resp-2");
    });
    let chat = pipeline.span("chat sonnet");
    let ids: Vec<_> = chat
        .attributes()
        .iter()
        .filter(|attribute| attribute.key.as_str() == "gen_ai.response.id")
        .collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(ids[0].value.as_str(), "resp-2");
}

#[test]
fn token_usage_adds_up_and_is_measured_once_at_the_end() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let tree = tree();
        let chat = chat(&tree);
        let usage = |input: u32, output: u32| {
            TokenUsage::default()
                .input_tokens(input)
                .output_tokens(output)
        };
        chat.record_token_usage(&usage(100, 5));
        chat.record_token_usage(&usage(20, 7));
        assert!(
            pipeline
                .metrics()
                .iter()
                .all(|metric| metric.name != "gen_ai.client.token.usage")
        );
    });
    let chat = pipeline.span("chat sonnet");
    assert_eq!(
        chat.attribute("gen_ai.usage.input_tokens"),
        Some(&120_i64.into())
    );
    assert_eq!(
        chat.attribute("gen_ai.usage.output_tokens"),
        Some(&12_i64.into())
    );
    let usage = pipeline.metric("gen_ai.client.token.usage");
    let input = usage.point(&[("gen_ai.token.type", "input")]);
    assert_eq!((input.count, input.value), (1, 120.0));
    let output = usage.point(&[("gen_ai.token.type", "output")]);
    assert_eq!((output.count, output.value), (1, 12.0));
}

#[test]
fn finish_reasons_append_in_order_as_an_array_of_strings() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let tree = tree();
        let chat = chat(&tree);
        chat.record_finish_reason("tool_call");
        chat.record_finish_reason("stop");
    });
    let reasons = pipeline.span("chat sonnet");
    let reasons = reasons.attribute("gen_ai.response.finish_reasons");
    let expected = opentelemetry::Array::String(vec!["tool_call".into(), "stop".into()]);
    assert_eq!(reasons, Some(&opentelemetry::Value::Array(expected)));
}

#[test]
fn a_span_can_be_told_after_the_fact_with_its_own_times() {
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
    let end = start + Duration::from_secs(9);
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let tree = tree();
        chat_span(&tree.deliberate, "sonnet", "anthropic")
            .start_time(start)
            .start()
            .end_at(end);
    });
    let chat = pipeline.span("chat sonnet");
    assert_eq!((chat.start_time(), chat.end_time()), (start, end));
    assert_eq!(
        pipeline.metric("gen_ai.client.operation.duration").points[0].value,
        9.0
    );
}

#[tokio::test]
async fn a_future_that_is_dropped_before_its_end_is_cancelled() {
    let pipeline = Pipeline::new();
    pipeline
        .run(async {
            let tree = tree();
            let chat = chat(&tree);
            let never = chat.run(std::future::pending::<Result<(), ProviderDown>>());
            let timed_out = tokio::time::timeout(Duration::from_millis(1), never).await;
            assert!(timed_out.is_err());
        })
        .await;
    let chat = pipeline.span("chat sonnet");
    assert_eq!(chat.text("error.type"), Some("cancelled"));
    assert!(is_error(chat.status()));
}

#[tokio::test]
async fn an_error_of_a_future_passes_through_and_ends_the_span() {
    let pipeline = Pipeline::new();
    let result: Result<(), ProviderDown> = pipeline
        .run(async {
            let tree = tree();
            chat(&tree).run(async { Err(ProviderDown) }).await
        })
        .await;
    assert!(result.is_err());
    assert_eq!(
        pipeline.span("chat sonnet").text("error.type"),
        Some("ends::ProviderDown")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn spawned_work_stands_under_its_typed_parent() {
    let pipeline = Pipeline::new();
    pipeline
        .run(async {
            let tree = tree();
            let parent = tree.execute.parent();
            let on_task = tokio::spawn(async move {
                tool_span(&parent, "on-task", "call-1")
                    .start()
                    .run(async { Ok::<_, ProviderDown>(()) })
                    .await
            });
            let parent = tree.execute.parent();
            let on_thread = std::thread::spawn(move || {
                tool_span(&parent, "on-thread", "call-2")
                    .start()
                    .record_tool_status(ToolStatus::Ok);
            });
            on_task
                .await
                .expect("the task ends")
                .expect("the tool works");
            on_thread.join().expect("the thread ends");
        })
        .await;
    let phase = pipeline.span("phase execute");
    for name in ["execute_tool on-task", "execute_tool on-thread"] {
        let tool = pipeline.span(name);
        assert!(tool.is_child_of(&phase), "{name}");
        assert_eq!(tool.text("life.session_id"), Some("s-1"));
    }
    assert_eq!(pipeline.metric("life.tool.executions").points.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_future_of_run_borrows_nothing_and_can_be_spawned() {
    let pipeline = Pipeline::new();
    pipeline
        .run(async {
            let tree = tree();
            let tool = tool(&tree);
            let work = tool.run(async {
                tokio::task::yield_now().await;
                tracing::info_span!("inside").in_scope(|| ());
                Ok::<_, ProviderDown>(())
            });
            tokio::spawn(work)
                .await
                .expect("the task ends")
                .expect("the tool works");
        })
        .await;
    assert!(
        pipeline
            .span("inside")
            .is_child_of(&pipeline.span("execute_tool shell"))
    );
    assert_eq!(
        pipeline.span("execute_tool shell").text("life.tool.status"),
        Some("ok")
    );
}

#[test]
fn a_parent_outlives_its_span_without_keeping_it_open() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let execute = phase_span(&agent, Execute);
        let parent = execute.parent();
        execute.end();
        assert!(
            pipeline
                .spans()
                .iter()
                .any(|span| span.name() == "phase execute")
        );
        tool_span(&parent, "late", "call-9")
            .start()
            .record_tool_status(ToolStatus::Ok);
    });
    assert!(
        pipeline
            .span("execute_tool late")
            .is_child_of(&pipeline.span("phase execute"))
    );
}

#[test]
fn handles_and_parents_can_cross_threads() {
    fn crosses<T: Send + Sync + 'static>() {}
    crosses::<AgentSpan>();
    crosses::<PhaseSpan<Execute>>();
    crosses::<ChatSpan>();
    crosses::<ToolSpan>();
    crosses::<vigil::carrier::Parent<PhaseSpan<Execute>>>();
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let tree = tree();
        let tool = tool(&tree);
        std::thread::scope(|scope| {
            scope.spawn(|| tool.record_tool_status(ToolStatus::Ok));
        });
        let Tree { agent, .. } = tree;
        std::thread::spawn(move || agent.end())
            .join()
            .expect("the thread ends");
    });
    assert_eq!(
        pipeline.span("execute_tool shell").text("life.tool.status"),
        Some("ok")
    );
    assert_eq!(*pipeline.span("invoke_agent arcan").status(), Status::Unset);
}
