//! What becomes of the events of agents: the right spans, live and after the fact, whatever is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aios_protocol::event::{EventKind, EventRecord, LoopPhase, RiskLevel, SpanStatus, TokenUsage};
use aios_protocol::{
    AgentId, AgentStateVector, BranchId, BudgetState, OperatingMode, SessionId, ToolRunId,
};
use chrono::{DateTime, TimeDelta, Utc};
use opentelemetry::Value;
use opentelemetry::trace::Status;
use serde_json::json;
use vigil::aios::{ObservedEvent, Observer};
use vigil::config::CaptureContent;
use vigil::log::{LogFormat, LogLayer};
use vigil::registry::REGISTRY;
use vigil::testing::{ExportedSpan, Pipeline};

/// When the recorded runs began.
fn then() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).expect("it was a time")
}

fn event(session: &str, branch: &str, seq: u64, kind: EventKind) -> EventRecord {
    let mut event = EventRecord::new(SessionId::from(session), BranchId::from(branch), seq, kind);
    event.agent_id = AgentId::from("agent-1");
    let millis = i64::try_from(seq).unwrap_or_default() * 100;
    event.timestamp = then() + TimeDelta::milliseconds(millis);
    event
}

fn phase(phase: LoopPhase) -> EventKind {
    EventKind::PhaseEntered { phase }
}

fn run_started() -> EventKind {
    EventKind::RunStarted {
        provider: "anthropic".to_owned(),
        max_iterations: 10,
    }
}

fn run_finished() -> EventKind {
    EventKind::RunFinished {
        reason: "done".to_owned(),
        total_iterations: 1,
        final_answer: Some("a secret answer".to_owned()),
        usage: None,
    }
}

fn run_errored() -> EventKind {
    EventKind::RunErrored {
        error: "out of budget".to_owned(),
    }
}

fn message(model: Option<&str>) -> EventKind {
    EventKind::AssistantMessageCommitted {
        role: "assistant".to_owned(),
        content: "a secret message".to_owned(),
        model: model.map(str::to_owned),
        token_usage: Some(TokenUsage {
            prompt_tokens: 1_200,
            completion_tokens: 85,
            total_tokens: 1_285,
        }),
    }
}

fn requested(call: &str, tool: &str) -> EventKind {
    EventKind::ToolCallRequested {
        call_id: call.to_owned(),
        tool_name: tool.to_owned(),
        arguments: json!({ "secret of": call }),
        category: None,
    }
}

fn started(run: &str, tool: &str) -> EventKind {
    EventKind::ToolCallStarted {
        tool_run_id: ToolRunId::from(run),
        tool_name: tool.to_owned(),
    }
}

fn completed(run: &str, call: Option<&str>, tool: &str, status: SpanStatus) -> EventKind {
    EventKind::ToolCallCompleted {
        tool_run_id: ToolRunId::from(run),
        call_id: call.map(str::to_owned),
        tool_name: tool.to_owned(),
        result: json!("a secret result"),
        duration_ms: 50,
        status,
    }
}

fn failed(call: &str, tool: &str) -> EventKind {
    EventKind::ToolCallFailed {
        call_id: call.to_owned(),
        tool_name: tool.to_owned(),
        error: "no such file".to_owned(),
    }
}

fn budget(tokens: u64) -> EventKind {
    EventKind::BudgetUpdated {
        budget: BudgetState {
            tokens_remaining: tokens,
            ..BudgetState::default()
        },
        reason: "a call".to_owned(),
    }
}

fn mode(from: OperatingMode, to: OperatingMode) -> EventKind {
    EventKind::ModeChanged {
        from,
        to,
        reason: "uncertain".to_owned(),
    }
}

/// A run of one tick, with everything that tells of spans.
fn tick() -> Vec<EventKind> {
    vec![
        run_started(),
        phase(LoopPhase::Perceive),
        budget(118_000),
        phase(LoopPhase::Deliberate),
        message(Some("sonnet")),
        requested("c-1", "read_file"),
        requested("c-2", "run_tests"),
        phase(LoopPhase::Gate),
        mode(OperatingMode::Explore, OperatingMode::Verify),
        phase(LoopPhase::Execute),
        started("r-1", "read_file"),
        started("r-2", "run_tests"),
        completed("r-1", Some("c-1"), "read_file", SpanStatus::Ok),
        completed("r-2", Some("c-2"), "run_tests", SpanStatus::Timeout),
        phase(LoopPhase::Commit),
        phase(LoopPhase::Reflect),
        EventKind::StateEstimated {
            state: AgentStateVector {
                progress: 0.7,
                risk_level: RiskLevel::High,
                ..AgentStateVector::default()
            },
            mode: OperatingMode::Execute,
        },
        EventKind::ErrorRaised {
            message: "a warning".to_owned(),
        },
        phase(LoopPhase::Sleep),
        run_finished(),
    ]
}

/// These, one after the other on a branch.
fn stream(kinds: Vec<EventKind>) -> Vec<EventRecord> {
    let kinds = (1_u64..).zip(kinds);
    kinds
        .map(|(seq, kind)| event("s-1", "main", seq, kind))
        .collect()
}

fn observe(observer: &mut Observer, events: &[EventRecord]) {
    for event in events {
        observer.observe(event);
    }
}

/// What an observer tells of them.
fn told(mut observer: Observer, events: &[EventRecord]) -> Pipeline {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        observe(&mut observer, events);
        observer.finish();
    });
    pipeline
}

fn replayed(kinds: Vec<EventKind>) -> Pipeline {
    let pipeline = told(Observer::replay("arcan"), &stream(kinds));
    pipeline.assert_conforms(&REGISTRY);
    pipeline
}

fn is_inferred(span: &ExportedSpan) -> bool {
    span.attribute("vigil.inferred") == Some(&Value::Bool(true))
}

/// Names, how far they are down, and whether they are marked, in the order in which they ended.
fn tree(pipeline: &Pipeline) -> Vec<String> {
    let spans = pipeline.spans();
    let parent = |span: &ExportedSpan| spans.iter().find(|other| span.is_child_of(other)).cloned();
    let path = |span: &ExportedSpan| {
        let mut path = span.name().to_owned();
        let mut above = parent(span);
        while let Some(span) = above {
            path = format!("{} > {path}", span.name());
            above = parent(&span);
        }
        path
    };
    let mark = |span: &ExportedSpan| if is_inferred(span) { " (inferred)" } else { "" };
    spans.iter().map(|span| path(span) + mark(span)).collect()
}

fn millis(seq: u64) -> SystemTime {
    SystemTime::from(then()) + Duration::from_millis(seq * 100)
}

#[test]
fn a_run_is_the_tree_that_was_promised() {
    let pipeline = replayed(tick());
    assert_eq!(
        tree(&pipeline),
        [
            "invoke_agent arcan > phase perceive",
            "invoke_agent arcan > phase deliberate > chat sonnet",
            "invoke_agent arcan > phase deliberate",
            "invoke_agent arcan > phase gate",
            "invoke_agent arcan > phase execute > execute_tool read_file",
            "invoke_agent arcan > phase execute > execute_tool run_tests",
            "invoke_agent arcan > phase execute",
            "invoke_agent arcan > phase commit",
            "invoke_agent arcan > phase reflect",
            "invoke_agent arcan > phase sleep",
            "invoke_agent arcan",
        ]
    );
    let agent = pipeline.span("invoke_agent arcan");
    assert_eq!(agent.text("life.session_id"), Some("s-1"));
    assert_eq!(agent.text("life.branch_id"), Some("main"));
    assert_eq!(agent.text("gen_ai.agent.id"), Some("agent-1"));
    assert_eq!(*agent.status(), Status::Unset);
    let perceive = pipeline.span("phase perceive");
    assert_eq!(
        perceive.attribute("life.budget.tokens_remaining"),
        Some(&Value::I64(118_000))
    );
    let chat = pipeline.span("chat sonnet");
    assert_eq!(chat.text("gen_ai.provider.name"), Some("anthropic"));
    assert_eq!(
        chat.attribute("gen_ai.usage.input_tokens"),
        Some(&Value::I64(1_200))
    );
    let gate = pipeline.span("phase gate");
    assert_eq!(gate.text("life.mode.to"), Some("verify"));
    assert_eq!(gate.events()[0].name, "life.mode.transition");
    let tool = pipeline.span("execute_tool run_tests");
    assert_eq!(tool.text("gen_ai.tool.call.id"), Some("c-2"));
    assert_eq!(tool.text("life.tool.status"), Some("timeout"));
    assert_eq!(tool.text("error.type"), Some("timeout"));
    let reflect = pipeline.span("phase reflect");
    assert_eq!(
        reflect.attribute("life.state.progress"),
        Some(&Value::F64(0.7))
    );
    assert_eq!(reflect.text("life.state.risk_level"), Some("high"));
    assert_eq!(reflect.text("life.operating_mode"), Some("execute"));
    assert!(reflect.attribute("life.budget.tokens_remaining").is_some());
    assert_eq!(reflect.events()[0].name, "exception");
}

#[test]
fn a_replay_has_the_times_of_the_events() {
    let pipeline = replayed(tick());
    let times = |name: &str| {
        let span = pipeline.span(name);
        (span.start_time(), span.end_time())
    };
    assert_eq!(times("invoke_agent arcan"), (millis(1), millis(20)));
    assert_eq!(times("phase deliberate"), (millis(4), millis(8)));
    assert_eq!(times("chat sonnet"), (millis(4), millis(5)));
    assert_eq!(times("execute_tool read_file"), (millis(11), millis(13)));
    assert_eq!(times("phase sleep"), (millis(19), millis(20)));
}

#[test]
fn a_replay_is_named_and_ordered_as_what_happened() {
    let live = told(Observer::live("arcan"), &stream(tick()));
    live.assert_conforms(&REGISTRY);
    assert_eq!(tree(&live), tree(&replayed(tick())));
    let attributes = |pipeline: &Pipeline| {
        let spans = pipeline.spans();
        let shown = spans.iter().map(|span| {
            let attributes = span.attributes().iter();
            let shown: BTreeMap<_, _> = attributes
                .map(|attribute| (attribute.key.to_string(), attribute.value.to_string()))
                .collect();
            (span.name().to_owned(), shown, span.status().clone())
        });
        shown.collect::<Vec<_>>()
    };
    assert_eq!(attributes(&live), attributes(&replayed(tick())));
}

#[test]
fn what_is_followed_live_is_measured_and_what_is_replayed_is_not() {
    let live = told(Observer::live("arcan"), &stream(tick()));
    let tools = live.metric("life.tool.executions");
    assert!((tools.points.iter().map(|point| point.value).sum::<f64>() - 2.0).abs() < 1e-9);
    for name in [
        "gen_ai.client.token.usage",
        "gen_ai.client.operation.duration",
        "gen_ai.invoke_agent.duration",
        "life.mode.transitions",
        "life.budget.tokens_remaining",
    ] {
        assert!(!live.metric(name).points.is_empty(), "{name}");
    }
    let replayed = replayed(tick());
    assert_eq!(replayed.metrics().len(), 0);
}

#[test]
fn what_is_measured_live_happens_now() {
    let before = SystemTime::now();
    let live = told(Observer::live("arcan"), &stream(tick()));
    let spans = live.spans();
    for span in &spans {
        assert!(span.start_time() >= before, "{}", span.name());
        assert!(span.end_time() >= span.start_time(), "{}", span.name());
        let parent = spans.iter().find(|parent| span.is_child_of(parent));
        if let Some(parent) = parent {
            assert!(span.start_time() >= parent.start_time(), "{}", span.name());
            assert!(span.end_time() <= parent.end_time(), "{}", span.name());
        }
    }
}

#[test]
fn content_is_told_where_it_is_captured_and_nowhere_else() {
    let kept = |capture: CaptureContent| {
        let pipeline = Pipeline::builder().capture_content_in(capture).build();
        pipeline.scope(|| {
            let mut observer = Observer::replay("arcan");
            observe(&mut observer, &stream(tick()));
        });
        pipeline.assert_conforms(&REGISTRY);
        pipeline
    };
    let none = kept(CaptureContent::NoContent);
    assert!(!format!("{:?}", none.spans()).contains("secret"));

    let all = kept(CaptureContent::SpanOnly);
    let text = |name: &str, key: &str| {
        let span = all.span(name);
        span.text(key).map(str::to_owned).unwrap_or_default()
    };
    assert_eq!(
        text("execute_tool run_tests", "gen_ai.tool.call.arguments"),
        r#"{"secret of":"c-2"}"#
    );
    assert!(text("execute_tool run_tests", "gen_ai.tool.call.result").contains("a secret result"));
    assert!(text("chat sonnet", "gen_ai.output.messages").contains("a secret message"));
    assert!(text("invoke_agent arcan", "gen_ai.output.messages").contains("a secret answer"));

    let events = kept(CaptureContent::EventOnly);
    let chat = events.span("chat sonnet");
    assert_eq!(chat.text("gen_ai.output.messages"), None);
    assert!(format!("{:?}", chat.events()).contains("a secret message"));
}

/// A writer that keeps what is written.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panics").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("nobody panics").clone()).expect("lines are text")
    }
}

#[test]
fn log_lines_of_a_replay_have_its_times_and_later_ones_their_own() {
    let lines = Lines::default();
    let layer = LogLayer::new(LogFormat::Json).writer(lines.clone());
    let pipeline = Pipeline::builder().layer(layer).build();
    pipeline.scope(|| {
        let mut observer = Observer::replay("arcan");
        observe(&mut observer, &stream(tick()));
        observer.finish();
        tracing::info!("now");
    });
    let lines = lines.text();
    let lines: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line is JSON"))
        .collect();
    let time = |name: &str| {
        let line = lines
            .iter()
            .find(|line| line["name"] == name || line["message"] == name);
        let line = line.unwrap_or_else(|| panic!("no line tells of {name}: {lines:#?}"));
        let time = line["timestamp"].as_str().unwrap_or_default();
        (time.to_owned(), line["duration_ms"].as_f64())
    };
    assert_eq!(
        time("chat sonnet"),
        ("2023-11-14T22:13:20.500000Z".to_owned(), Some(100.0))
    );
    assert_eq!(
        time("invoke_agent arcan"),
        ("2023-11-14T22:13:22.000000Z".to_owned(), Some(1_900.0))
    );
    assert_eq!(
        time("life.mode.transition").0,
        "2023-11-14T22:13:20.900000Z"
    );
    assert!(time("now").0.as_str() > "2026");
    assert!(lines.iter().all(|line| line["event"] != "metric"));
}

#[test]
fn a_model_call_is_told_only_where_a_message_names_its_model() {
    let pipeline = replayed(vec![
        run_started(),
        phase(LoopPhase::Deliberate),
        message(None),
        run_finished(),
    ]);
    assert_eq!(
        tree(&pipeline),
        [
            "invoke_agent arcan > phase deliberate",
            "invoke_agent arcan"
        ]
    );
}

#[test]
fn model_calls_of_one_phase_follow_each_other_and_late_messages_end_with_it() {
    let pipeline = replayed(vec![
        run_started(),
        phase(LoopPhase::Deliberate),
        message(Some("one")),
        message(Some("two")),
        phase(LoopPhase::Commit),
        message(Some("three")),
        run_finished(),
    ]);
    let times = |name: &str| {
        let span = pipeline.span(name);
        (span.start_time(), span.end_time())
    };
    assert_eq!(times("chat one"), (millis(2), millis(3)));
    assert_eq!(times("chat two"), (millis(3), millis(4)));
    assert_eq!(times("chat three"), (millis(4), millis(5)));
    let three = pipeline.span("chat three");
    assert!(three.is_child_of(&pipeline.span("phase deliberate")));
}

#[test]
fn a_run_that_fails_says_why() {
    let pipeline = replayed(vec![
        run_started(),
        phase(LoopPhase::Execute),
        requested("c-1", "read_file"),
        started("r-1", "read_file"),
        failed("c-1", "read_file"),
        run_errored(),
    ]);
    let tool = pipeline.span("execute_tool read_file");
    assert_eq!(tool.text("life.tool.status"), Some("error"));
    assert_eq!(tool.text("error.type"), Some("ToolCallFailed"));
    assert_eq!(*tool.status(), Status::error("no such file"));
    assert!(!is_inferred(&tool));
    let agent = pipeline.span("invoke_agent arcan");
    assert_eq!(agent.text("error.type"), Some("RunErrored"));
    assert_eq!(*agent.status(), Status::error("out of budget"));
}

#[test]
fn a_call_that_completes_and_fails_is_one_call() {
    let pipeline = replayed(vec![
        run_started(),
        phase(LoopPhase::Execute),
        requested("c-1", "shell"),
        started("r-1", "shell"),
        failed("c-1", "shell"),
        completed("r-1", Some("c-1"), "shell", SpanStatus::Error),
        requested("c-1", "shell"),
        started("r-2", "shell"),
        completed("r-2", Some("c-1"), "shell", SpanStatus::Ok),
        run_finished(),
    ]);
    let spans = pipeline.spans();
    let tools: Vec<_> = spans
        .iter()
        .filter(|span| span.name() == "execute_tool shell")
        .collect();
    // The second is a second try.
    let statuses: Vec<_> = tools
        .iter()
        .map(|tool| tool.text("life.tool.status"))
        .collect();
    assert_eq!(statuses, [Some("error"), Some("ok")]);
}

#[test]
fn two_calls_of_a_tool_keep_their_ids_whichever_starts_first() {
    let pipeline = Pipeline::builder().capture_content().build();
    pipeline.scope(|| {
        let mut observer = Observer::replay("arcan");
        let events = stream(vec![
            run_started(),
            phase(LoopPhase::Execute),
            requested("c-1", "shell"),
            requested("c-2", "shell"),
            started("of c-2", "shell"),
            started("of c-1", "shell"),
            completed("of c-2", Some("c-2"), "shell", SpanStatus::Ok),
            completed("of c-1", Some("c-1"), "shell", SpanStatus::Error),
            run_finished(),
        ]);
        observe(&mut observer, &events);
    });
    pipeline.assert_conforms(&REGISTRY);
    let spans = pipeline.spans();
    let tools = spans
        .iter()
        .filter(|span| span.name() == "execute_tool shell");
    let tools: Vec<_> = tools
        .map(|tool| {
            (
                tool.text("gen_ai.tool.call.id").unwrap_or_default(),
                tool.text("gen_ai.tool.call.arguments").unwrap_or_default(),
                tool.text("life.tool.status").unwrap_or_default(),
                tool.start_time(),
            )
        })
        .collect();
    assert_eq!(
        tools,
        [
            ("c-2", r#"{"secret of":"c-2"}"#, "ok", millis(5)),
            ("c-1", r#"{"secret of":"c-1"}"#, "error", millis(6)),
        ]
    );
}

#[test]
fn what_nobody_told_of_is_made_up_for_and_marked() {
    let pipeline = replayed(vec![
        completed("r-1", Some("c-1"), "shell", SpanStatus::Ok),
        phase(LoopPhase::Commit),
        run_finished(),
    ]);
    assert_eq!(
        tree(&pipeline),
        [
            "invoke_agent arcan > phase execute > execute_tool shell (inferred)",
            "invoke_agent arcan > phase execute (inferred)",
            "invoke_agent arcan > phase commit",
            "invoke_agent arcan (inferred)",
        ]
    );
    // All of it is as old as the call says that it is.
    let begun = millis(1) - Duration::from_millis(50);
    for name in ["execute_tool shell", "phase execute", "invoke_agent arcan"] {
        assert_eq!(pipeline.span(name).start_time(), begun, "{name}");
    }
    assert_eq!(pipeline.span("execute_tool shell").end_time(), millis(1));
}

#[test]
fn a_message_without_its_phase_and_provider_disturbs_no_other_phase() {
    let pipeline = replayed(vec![
        phase(LoopPhase::Execute),
        started("r-1", "shell"),
        message(Some("sonnet")),
        completed("r-1", None, "shell", SpanStatus::Ok),
        run_finished(),
    ]);
    assert_eq!(
        tree(&pipeline),
        [
            "invoke_agent arcan > phase deliberate (inferred)",
            "invoke_agent arcan > phase deliberate > chat sonnet (inferred)",
            "invoke_agent arcan > phase execute > execute_tool shell (inferred)",
            "invoke_agent arcan > phase execute",
            "invoke_agent arcan (inferred)",
        ]
    );
    let chat = pipeline.span("chat sonnet");
    assert_eq!(chat.text("gen_ai.provider.name"), Some("_OTHER"));
    let tool = pipeline.span("execute_tool shell");
    assert_eq!(tool.text("gen_ai.tool.call.id"), Some("r-1"));
}

#[test]
fn messages_without_a_phase_have_each_their_own_time() {
    let pipeline = replayed(vec![
        run_started(),
        message(Some("one")),
        requested("c-1", "shell"),
        started("r-1", "shell"),
        completed("r-1", Some("c-1"), "shell", SpanStatus::Ok),
        message(Some("two")),
        run_finished(),
    ]);
    for (name, seq) in [("chat one", 2), ("chat two", 6)] {
        let chat = pipeline.span(name);
        let times = (chat.start_time(), chat.end_time());
        assert_eq!(times, (millis(seq), millis(seq)), "{name}");
    }
    let spans = pipeline.spans();
    let deliberate = spans
        .iter()
        .filter(|span| span.name() == "phase deliberate");
    assert_eq!(deliberate.filter(|span| is_inferred(span)).count(), 2);
}

#[test]
fn an_empty_name_names_no_model() {
    let pipeline = replayed(vec![
        message(Some("")),
        run_started(),
        phase(LoopPhase::Deliberate),
        message(Some("")),
        run_finished(),
    ]);
    assert_eq!(
        tree(&pipeline),
        [
            "invoke_agent arcan > phase deliberate",
            "invoke_agent arcan",
        ]
    );
}

#[test]
fn a_call_of_which_the_middle_is_missing_is_one_call() {
    // Who wants it is missing, then that it started.
    let without_request = vec![started("r-1", "shell"), failed("c-1", "shell")];
    let without_start = vec![
        requested("c-1", "shell"),
        completed("r-1", None, "shell", SpanStatus::Error),
        // It may have completed and failed.
        failed("c-1", "shell"),
    ];
    for kinds in [without_request, without_start] {
        let mut all = vec![run_started(), phase(LoopPhase::Execute)];
        all.extend(kinds);
        all.push(run_finished());
        let pipeline = replayed(all);
        assert_eq!(
            tree(&pipeline),
            [
                "invoke_agent arcan > phase execute > execute_tool shell (inferred)",
                "invoke_agent arcan > phase execute",
                "invoke_agent arcan",
            ]
        );
        let tool = pipeline.span("execute_tool shell");
        assert_eq!(tool.text("gen_ai.tool.call.id"), Some("c-1"));
        assert_eq!(tool.text("life.tool.status"), Some("error"));
    }
}

#[test]
fn a_call_that_turns_out_to_be_another_gives_its_id_back() {
    let pipeline = replayed(vec![
        run_started(),
        phase(LoopPhase::Execute),
        // Nobody told who wants it, so the next one is taken for what was wanted after it.
        started("r-1", "shell"),
        requested("c-1", "shell"),
        started("r-2", "shell"),
        completed("r-1", Some("c-1"), "shell", SpanStatus::Ok),
        completed("r-2", None, "shell", SpanStatus::Ok),
        run_finished(),
    ]);
    let spans = pipeline.spans();
    let tools = spans
        .iter()
        .filter(|span| span.name() == "execute_tool shell");
    let ids: Vec<_> = tools
        .map(|span| (span.text("gen_ai.tool.call.id"), is_inferred(span)))
        .collect();
    assert_eq!(ids, [(Some("c-1"), true), (Some("r-2"), true)]);
}

#[test]
fn what_happened_at_no_time_of_ours_is_told_at_one() {
    for (micros, time) in [
        (u64::MAX, DateTime::<Utc>::MAX_UTC),
        (0, DateTime::<Utc>::MIN_UTC),
    ] {
        let pipeline = Pipeline::new();
        let mut envelope = event("s-1", "main", 0, phase(LoopPhase::Perceive)).to_envelope();
        envelope.timestamp = micros;
        let mut record = event("s-1", "main", 0, phase(LoopPhase::Commit));
        record.timestamp = time;
        pipeline.scope(|| {
            let mut observer = Observer::replay("arcan");
            observer.observe(&envelope);
            observer.observe(&record);
            observer.finish();
        });
        assert_sound(&pipeline);
        for span in pipeline.spans() {
            let nanos = span.end_time().duration_since(SystemTime::UNIX_EPOCH);
            let nanos = nanos.expect("it is after the epoch").as_nanos();
            assert!(i64::try_from(nanos).is_ok(), "{} at {nanos}", span.name());
        }
    }
}

#[test]
fn what_never_ends_is_cancelled() {
    let mut kinds = tick();
    kinds.truncate(11);
    let pipeline = replayed(kinds);
    for name in ["execute_tool read_file", "invoke_agent arcan"] {
        let span = pipeline.span(name);
        assert_eq!(span.text("error.type"), Some("cancelled"), "{name}");
        assert_eq!(span.end_time(), millis(11), "{name}");
    }
}

#[test]
fn a_run_takes_the_place_of_one_that_did_not_end() {
    let mut kinds = tick();
    kinds.truncate(4);
    kinds.extend([run_started(), phase(LoopPhase::Perceive), run_finished()]);
    let pipeline = replayed(kinds);
    let agents = pipeline.spans();
    let agents: Vec<_> = agents
        .iter()
        .filter(|span| span.name() == "invoke_agent arcan")
        .collect();
    assert_eq!(agents[0].text("error.type"), Some("cancelled"));
    assert_eq!(agents[1].text("error.type"), None);
    assert_eq!(agents[1].start_time(), millis(5));
}

#[test]
fn a_mode_that_changes_where_no_phase_records_it_is_told_on_the_run() {
    let kinds = vec![
        run_started(),
        mode(OperatingMode::Explore, OperatingMode::Verify),
        phase(LoopPhase::Perceive),
        mode(OperatingMode::Verify, OperatingMode::Execute),
        run_finished(),
    ];
    let pipeline = told(Observer::live("arcan"), &stream(kinds));
    pipeline.assert_conforms(&REGISTRY);
    let events = pipeline.span("invoke_agent arcan").events();
    let to: Vec<_> = events
        .iter()
        .filter_map(|event| event.attribute("life.mode.to"))
        .collect();
    assert_eq!(to, [&Value::from("verify"), &Value::from("execute")]);
    let counted = pipeline.metric("life.mode.transitions");
    assert_eq!(counted.points.len(), 2);
}

#[test]
fn between_runs_nothing_begins_one_but_what_is_part_of_it() {
    let mut kinds = vec![phase(LoopPhase::Sleep), budget(5)];
    kinds.extend(tick());
    kinds.extend([
        phase(LoopPhase::Sleep),
        budget(4),
        mode(OperatingMode::Execute, OperatingMode::Sleep),
        EventKind::ErrorRaised {
            message: "late".to_owned(),
        },
        EventKind::Heartbeat {
            summary: "all well".to_owned(),
            checkpoint_id: None,
        },
    ]);
    let pipeline = replayed(kinds);
    assert_eq!(tree(&pipeline), tree(&replayed(tick())));
}

#[test]
fn events_that_come_again_are_passed_over() {
    let events = stream(tick());
    let doubled: Vec<_> = events
        .iter()
        .flat_map(|event| [event.clone(), event.clone()])
        .chain(events.iter().rev().cloned())
        .collect();
    let pipeline = told(Observer::replay("arcan"), &doubled);
    assert_eq!(tree(&pipeline), tree(&replayed(tick())));
}

#[test]
fn events_that_nobody_has_counted_are_taken_as_they_come() {
    let mut events = stream(tick());
    for event in &mut events {
        event.sequence = 0;
    }
    let pipeline = told(Observer::replay("arcan"), &events);
    assert_eq!(tree(&pipeline), tree(&replayed(tick())));
}

#[test]
fn two_that_have_overtaken_each_other_are_both_told() {
    let mut events = stream(tick());
    // Concurrent calls, and the last event of the run.
    events.swap(12, 13);
    events.swap(18, 19);
    let pipeline = told(Observer::live("arcan"), &events);
    pipeline.assert_conforms(&REGISTRY);
    let ok = pipeline.span("execute_tool read_file");
    assert_eq!(ok.text("life.tool.status"), Some("ok"));
    let timeout = pipeline.span("execute_tool run_tests");
    assert_eq!(timeout.text("life.tool.status"), Some("timeout"));
    let agent = pipeline.span("invoke_agent arcan");
    assert_eq!(agent.text("error.type"), None);
}

#[test]
fn a_late_beginning_and_a_late_request_are_still_known() {
    let mut events = stream(tick());
    events.swap(0, 1);
    let pipeline = told(Observer::replay("arcan"), &events);
    let chat = pipeline.span("chat sonnet");
    assert_eq!(chat.text("gen_ai.provider.name"), Some("anthropic"));
    assert_eq!(pipeline.spans().len(), 11);

    let mut events = stream(vec![
        run_started(),
        phase(LoopPhase::Execute),
        requested("c-1", "shell"),
        started("r-1", "shell"),
        completed("r-1", None, "shell", SpanStatus::Ok),
        run_finished(),
    ]);
    events.swap(2, 3);
    let pipeline = told(Observer::replay("arcan"), &events);
    pipeline.assert_conforms(&REGISTRY);
    let tool = pipeline.span("execute_tool shell");
    assert_eq!(tool.text("gen_ai.tool.call.id"), Some("c-1"));
}

#[test]
fn branches_and_sessions_are_told_apart() {
    let mut events = Vec::new();
    for (session, branch) in [("s-1", "main"), ("s-1", "fork"), ("s-2", "main")] {
        let kinds = (1_u64..).zip(tick());
        events.push(kinds.map(move |(seq, kind)| event(session, branch, seq, kind)));
    }
    let mut mixed = Vec::new();
    for _ in 0..20 {
        for stream in &mut events {
            mixed.extend(stream.next());
        }
    }
    let pipeline = told(Observer::live("arcan"), &mixed);
    pipeline.assert_conforms(&REGISTRY);
    let spans = pipeline.spans();
    let agents: BTreeSet<_> = spans
        .iter()
        .filter(|span| span.parent_span_id().is_none())
        .map(|span| {
            let text = |key| span.text(key).unwrap_or_default().to_owned();
            (text("life.session_id"), text("life.branch_id"))
        })
        .collect();
    assert_eq!(agents.len(), 3);
    let traces: BTreeSet<_> = spans
        .iter()
        .map(|span| span.trace_id().to_string())
        .collect();
    assert_eq!((traces.len(), spans.len()), (3, 33));
    for span in &spans {
        let of_trace = spans
            .iter()
            .filter(|other| other.trace_id() == span.trace_id());
        let sessions: BTreeSet<_> = of_trace.map(|span| span.text("life.session_id")).collect();
        assert_eq!(sessions.len(), 1);
    }
}

#[test]
fn a_run_is_a_trace_of_its_own_wherever_it_is_observed() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let around = vigil::agent_span("s-0", "watcher").start();
        around.in_scope(|| {
            let mut observer = Observer::live("arcan");
            observe(&mut observer, &stream(tick()));
        });
    });
    assert_eq!(pipeline.span("invoke_agent arcan").parent_span_id(), None);
}

#[test]
fn no_more_than_1024_runs_are_open() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let mut observer = Observer::replay("arcan");
        for n in 0..1_500 {
            observer.observe(&event(&format!("s-{n}"), "main", 1, run_started()));
        }
        // Those that were silent for longest made room.
        let ended = pipeline.spans();
        assert_eq!(ended.len(), 476);
        assert_eq!(ended[0].text("life.session_id"), Some("s-0"));
        assert_eq!(ended[475].text("life.session_id"), Some("s-475"));
        assert_eq!(ended[0].text("error.type"), Some("cancelled"));
        observer.finish();
    });
    assert_eq!(pipeline.spans().len(), 1_500);
}

#[test]
fn no_more_than_1024_calls_are_open_in_a_run() {
    let mut kinds = vec![run_started(), phase(LoopPhase::Execute)];
    kinds.extend((0..1_100).map(|n| started(&format!("r-{n}"), "shell")));
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let mut observer = Observer::live("arcan");
        observe(&mut observer, &stream(kinds));
        assert_eq!(pipeline.spans().len(), 76);
    });
    assert_eq!(pipeline.spans().len(), 1_102);
}

#[test]
fn times_that_can_not_be_are_no_trouble() {
    let mut events = stream(vec![
        run_started(),
        phase(LoopPhase::Execute),
        EventKind::ToolCallCompleted {
            tool_run_id: ToolRunId::from("r-1"),
            call_id: None,
            tool_name: "shell".to_owned(),
            result: json!(null),
            duration_ms: u64::MAX,
            status: SpanStatus::Ok,
        },
        run_finished(),
    ]);
    // The clock went back to the beginning of time.
    events[2].timestamp = DateTime::UNIX_EPOCH;
    let pipeline = told(Observer::replay("arcan"), &events);
    assert_sound(&pipeline);
    let tool = pipeline.span("execute_tool shell");
    assert_eq!((tool.start_time(), tool.end_time()), (millis(2), millis(2)));

    let kind = run_finished();
    let mut observer = Observer::replay("arcan");
    for micros in [0, u64::MAX] {
        let mut envelope = event("s-1", "main", 0, kind.clone()).to_envelope();
        envelope.timestamp = micros;
        let event = ObservedEvent::from(&envelope);
        assert!(event.time >= SystemTime::UNIX_EPOCH);
        observer.observe(event);
    }
}

/// Whatever was told: ended, in order, of the registry, and each run has one root.
fn assert_sound(pipeline: &Pipeline) {
    let spans = pipeline.spans();
    let mut roots = BTreeMap::new();
    for span in &spans {
        assert!(span.end_time() >= span.start_time(), "{}", span.name());
        if span.parent_span_id().is_none() {
            assert_eq!(span.name(), "invoke_agent arcan");
            *roots.entry(span.trace_id().to_string()).or_insert(0) += 1;
        } else {
            let parent = spans.iter().find(|parent| span.is_child_of(parent));
            let parent = parent.unwrap_or_else(|| panic!("{} has no parent", span.name()));
            assert!(span.start_time() >= parent.start_time(), "{}", span.name());
        }
    }
    let traces: BTreeSet<_> = spans
        .iter()
        .map(|span| span.trace_id().to_string())
        .collect();
    assert_eq!(traces.len(), roots.len());
    assert!(roots.values().all(|roots| *roots == 1));
    if !spans.is_empty() {
        pipeline.assert_conforms(&REGISTRY);
    }
}

/// Every run that is open ends, and nothing else happens after that.
fn ended_all(pipeline: &Pipeline, observer: Observer) {
    pipeline.scope(|| observer.finish());
    // A child of a span that is still open would have no parent among the exported ones, and a root
    // is never missing: `assert_sound` looks for both.
    let spans = pipeline.spans();
    let with_children = spans.iter().filter(|span| span.parent_span_id().is_some());
    for span in with_children {
        let root = spans
            .iter()
            .any(|root| root.parent_span_id().is_none() && root.trace_id() == span.trace_id());
        assert!(root, "the run of {} is open", span.name());
    }
}

#[test]
fn every_order_of_a_short_stream_leaves_a_sound_trace() {
    let events = stream(vec![
        run_started(),
        phase(LoopPhase::Deliberate),
        message(Some("sonnet")),
        requested("c-1", "shell"),
        started("r-1", "shell"),
        completed("r-1", Some("c-1"), "shell", SpanStatus::Ok),
        run_finished(),
    ]);
    let mut order: Vec<usize> = (0..events.len()).collect();
    let mut orders = 0;
    loop {
        let pipeline = Pipeline::new();
        let mut observer = if orders % 2 == 0 {
            Observer::replay("arcan")
        } else {
            Observer::live("arcan")
        };
        pipeline.scope(|| {
            for place in &order {
                observer.observe(&events[*place]);
            }
        });
        ended_all(&pipeline, observer);
        assert_sound(&pipeline);
        // There was one call and one run: nothing makes two of it.
        let spans = pipeline.spans();
        for name in ["execute_tool shell", "chat sonnet", "invoke_agent arcan"] {
            let times = spans.iter().filter(|span| span.name() == name).count();
            assert!(times <= 1, "{name} {times} times, in the order {order:?}");
        }
        orders += 1;
        if !next_permutation(&mut order) {
            break;
        }
    }
    assert_eq!(orders, 5_040);
}

/// The next in the order of the dictionary.
fn next_permutation(order: &mut [usize]) -> bool {
    let Some(i) = (1..order.len()).rev().find(|i| order[i - 1] < order[*i]) else {
        return false;
    };
    let j = (i..order.len()).rev().find(|j| order[*j] > order[i - 1]);
    order.swap(i - 1, j.unwrap_or(i));
    order[i..].reverse();
    true
}

/// Numbers that are the same in every run of the tests.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from((self.0 >> 33) % bound as u64).expect("it is below a usize")
    }
}

#[test]
fn drops_repeats_and_shuffles_leave_sound_traces() {
    let mut recorded = Vec::new();
    for session in ["s-1", "s-2"] {
        let mut kinds = tick();
        kinds.extend([
            run_started(),
            phase(LoopPhase::Execute),
            failed("c-9", "shell"),
            run_errored(),
        ]);
        kinds.extend(tick());
        let kinds = (1_u64..).zip(kinds);
        recorded.extend(kinds.map(|(seq, kind)| event(session, "main", seq, kind)));
    }
    for seed in 0..400 {
        let mut numbers = Numbers(seed);
        let mut events = recorded.clone();
        for _ in 0..numbers.below(30) {
            events.remove(numbers.below(events.len()));
        }
        for _ in 0..numbers.below(20) {
            let (from, to) = (numbers.below(events.len()), numbers.below(events.len()));
            events.insert(to, events[from].clone());
        }
        // Near each other, or anywhere.
        let reach = [2, 5, events.len()][numbers.below(3)];
        for _ in 0..numbers.below(60) {
            let from = numbers.below(events.len());
            let to = (from + numbers.below(reach)).min(events.len() - 1);
            events.swap(from, to);
        }
        if numbers.below(8) == 0 {
            for event in &mut events {
                event.sequence = 0;
            }
        }
        let pipeline = Pipeline::builder().capture_content().build();
        let mut observer = match numbers.below(2) {
            0 => Observer::replay("arcan"),
            _ => Observer::live("arcan"),
        };
        pipeline.scope(|| observe(&mut observer, &events));
        ended_all(&pipeline, observer);
        assert_sound(&pipeline);
    }
}

#[test]
fn a_run_that_began_while_nobody_listened_is_marked() {
    let pipeline = Pipeline::new();
    let mut observer = Observer::live("arcan");
    pipeline.scope(|| {
        observer.observe(&event("s-1", "main", 30, phase(LoopPhase::Commit)));
        observer.finish();
    });
    assert!(is_inferred(&pipeline.span("invoke_agent arcan")));
}

#[test]
fn what_a_user_says_is_no_call_of_a_model() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let mut observer = Observer::live("arcan");
        let said = EventKind::Message {
            role: "user".to_owned(),
            content: "a secret question".to_owned(),
            model: Some("claude-sonnet-4-5".to_owned()),
            token_usage: None,
        };
        let kinds = [
            run_started(),
            phase(LoopPhase::Deliberate),
            said,
            run_finished(),
        ];
        for (seq, kind) in (1..).zip(kinds) {
            observer.observe(&event("s-1", "main", seq, kind));
        }
        observer.finish();
    });
    let names: Vec<_> = pipeline
        .spans()
        .iter()
        .map(|span| span.name().to_owned())
        .collect();
    assert_eq!(names, ["phase deliberate", "invoke_agent arcan"]);
}
