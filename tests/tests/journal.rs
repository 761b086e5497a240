//! From a trace to the journal and back, through the real crates.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::pin::Pin;
use std::sync::Arc;

use aios_protocol::event::{EventKind, EventRecord, LoopPhase, RiskLevel, SpanStatus, TokenUsage};
use aios_protocol::{AgentStateVector, BudgetState, OperatingMode, ToolRunId};
use lago_core::{
    BranchId, EventEnvelope, EventId, EventQuery, EventStream, Journal, LagoError, LagoResult,
    RunId, SeqNo, Session, SessionId,
};
use lago_journal::RedbJournal;
use opentelemetry::Value;
use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::Sampler;
use serde_json::json;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use vigil::aios::{Observer, event_kind};
use vigil::export::Protocol;
use vigil::journal::{
    SPAN_ID, TRACE_FLAGS, TRACE_ID, TraceCarrier, TraceContext, TraceContextError,
    extract_trace_context, write_trace_context,
};
use vigil::lago::JournalExt;
use vigil::records::gen_ai::TokenUsage as VigilTokenUsage;
use vigil::records::life::{AgentState, Budget};
use vigil::registry::REGISTRY;
use vigil::semconv::life;
use vigil::testing::{ExportedSpan, Pipeline};
use vigil::{
    Commit, Deliberate, Execute, Perceive, Reflect, agent_span, chat_span, phase_span,
    phase_span_dyn, tool_span,
};
use vigil_tests::child::{run, set, towards};
use vigil_tests::received::exported;
use vigil_tests::receiver::Receiver;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

fn event(session: &str, branch: &str, kind: EventKind) -> EventEnvelope {
    EventEnvelope {
        event_id: EventId::new(),
        session_id: SessionId::from_string(session),
        branch_id: BranchId::from_string(branch),
        run_id: Some(RunId::from_string("r-7")),
        seq: 0,
        timestamp: EventEnvelope::now_micros(),
        parent_id: None,
        payload: kind,
        metadata: HashMap::new(),
        schema_version: 1,
    }
}

fn heartbeat(summary: impl Into<String>) -> EventKind {
    EventKind::Heartbeat {
        summary: summary.into(),
        checkpoint_id: None,
    }
}

/// A journal in a directory that goes when this does.
struct Opened {
    journal: RedbJournal,
    _dir: tempfile::TempDir,
}

fn open() -> Opened {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let journal = RedbJournal::open(dir.path().join("journal.redb")).expect("it is new");
    Opened { journal, _dir: dir }
}

fn ids(events: &[EventEnvelope]) -> BTreeSet<String> {
    events
        .iter()
        .map(|event| event.event_id.to_string())
        .collect()
}

/// 25 agents at once, on five sessions and two branches: 400 events each, one by one and in batches.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_thousand_events_are_found_by_their_trace_and_no_others() {
    const AGENTS: usize = 25;
    const EVENTS: usize = 400;
    let Opened { journal, _dir } = open();
    let pipeline = Pipeline::new();
    let mut writers = Vec::new();
    for agent in 0..AGENTS {
        let journal = journal.clone();
        writers.push(tokio::spawn(pipeline.run(async move {
            let session = format!("session-{}", agent % 5);
            let branch = if agent % 2 == 0 { "main" } else { "fork" };
            let agent = agent_span(session.as_str(), format!("agent-{agent}")).start();
            let context = agent.span_context().expect("somebody listens");
            let mut written = BTreeSet::new();
            let mut left = EVENTS;
            while left > 0 {
                let phase = phase_span(&agent, Commit);
                let many = left.min(if left.is_multiple_of(3) { 1 } else { 37 });
                let kinds = (0..many).map(|n| heartbeat(n.to_string()));
                let mut events: Vec<_> = kinds.map(|kind| event(&session, branch, kind)).collect();
                written.extend(ids(&events));
                if many == 1 {
                    let event = events.remove(0);
                    journal
                        .append_traced(&phase, event)
                        .await
                        .expect("it is open");
                } else {
                    journal
                        .append_batch_traced(&phase, events)
                        .await
                        .expect("it is open");
                }
                left -= many;
            }
            (session, context.trace_id(), written)
        })));
    }
    let mut all = 0;
    let mut by_event = HashMap::new();
    for (place, writer) in writers.into_iter().enumerate() {
        let (session, trace_id, written) = writer.await.expect("it does not panic");
        let session = SessionId::from_string(session);
        let found = journal
            .events_of_trace(trace_id, Some(&session))
            .await
            .expect("it can be read");
        assert_eq!(found.len(), EVENTS);
        assert_eq!(ids(&found), written);
        assert!(found.windows(2).all(|two| two[0].seq < two[1].seq));
        if place % 12 == 0 {
            let anywhere = journal.events_of_trace(trace_id, None).await;
            assert_eq!(ids(&anywhere.expect("it can be read")), written);
        }
        // And back.
        let event = &found[place].event_id;
        let context = journal.trace_of_event(event).await.expect("it can be read");
        let context = context.expect("it was written").expect("it is valid");
        assert_eq!(context.trace_id(), trace_id);
        all += found.len();
        by_event.extend(found.into_iter().map(|event| {
            let key = (
                event.metadata[TRACE_ID].clone(),
                event.branch_id.to_string(),
                event.seq,
            );
            (key, event)
        }));
    }
    assert_eq!(all, 10_000);

    // Each has its event on the span whose id it carries, and that says where it is.
    let mut told = 0;
    for span in pipeline.spans() {
        for append in span.events() {
            assert_eq!(append.name, "life.journal.append");
            let text = |key: &str| match append.attribute(key) {
                Some(Value::String(text)) => text.to_string(),
                other => panic!("{key} is {other:?}"),
            };
            let Some(Value::I64(seq)) = append.attribute("life.event_seq") else {
                panic!("no place: {append:?}");
            };
            let seq = u64::try_from(*seq).expect("places begin at 1");
            let key = (span.trace_id().to_string(), text("lago.fs_branch"), seq);
            let event = &by_event[&key];
            assert_eq!(event.metadata[SPAN_ID], span.span_id().to_string());
            assert_eq!(text("lago.stream_id"), event.session_id.to_string());
            assert_eq!(text("life.event_kind"), "Heartbeat");
            told += 1;
        }
    }
    assert_eq!(told, 10_000);
}

#[tokio::test]
async fn a_batch_on_several_branches_says_of_each_event_where_it_is() {
    let Opened { journal, _dir } = open();
    let pipeline = Pipeline::new();
    pipeline
        .run(async {
            let agent = agent_span("s-1", "arcan").start();
            let batch = ["main", "fork", "main", "main", "fork"];
            let batch = batch.map(|branch| event("s-1", branch, heartbeat("")));
            let last = journal.append_batch_traced(&agent, batch.into()).await;
            assert_eq!(last.expect("it is open"), 2);
            assert_eq!(
                journal.append_batch_traced(&agent, Vec::new()).await.ok(),
                Some(0)
            );
        })
        .await;
    pipeline.assert_conforms(&REGISTRY);
    let agent = pipeline.span("invoke_agent arcan");
    let places: Vec<_> = agent
        .events()
        .iter()
        .map(|append| {
            let text = |key| append.attribute(key).map(ToString::to_string);
            let (branch, seq) = (text("lago.fs_branch"), text("life.event_seq"));
            (branch.unwrap_or_default(), seq.unwrap_or_default())
        })
        .collect();
    let expected = [
        ("main", "1"),
        ("fork", "1"),
        ("main", "2"),
        ("main", "3"),
        ("fork", "2"),
    ];
    assert_eq!(
        places,
        expected.map(|(branch, seq)| (branch.to_owned(), seq.to_owned()))
    );
    // The span keeps the last.
    assert_eq!(agent.attribute("life.event_seq"), Some(&Value::I64(2)));
}

#[tokio::test]
async fn sessions_that_the_journal_takes_for_each_other_are_told_apart() {
    // Of 26 bytes nothing is left to tell the first two apart, and the third begins the fourth.
    let sessions = [
        "a-session-with-a-long-name-1",
        "a-session-with-a-long-name-2",
        "s-1",
        "s-10",
        "s-1é",
    ];
    let Opened { journal, _dir } = open();
    let pipeline = Pipeline::new();
    pipeline
        .run(async {
            // One trace over all of them: an agent that has sub-agents.
            let agent = agent_span("s-0", "arcan").start();
            let trace_id = agent.span_context().expect("somebody listens").trace_id();
            for round in 0..3 {
                for session in sessions {
                    let event = event(session, "main", heartbeat(round.to_string()));
                    journal
                        .append_traced(&agent, event)
                        .await
                        .expect("it is open");
                }
            }
            for session in sessions {
                let id = SessionId::from_string(session);
                let unfiltered = EventQuery::new().session(id.clone());
                let unfiltered = journal.read(unfiltered).await.expect("it can be read");
                if session != "s-10" && session != "s-1é" {
                    assert!(unfiltered.len() > 3, "{session} has no double");
                }
                let found = journal.events_of_trace(trace_id, Some(&id)).await;
                let found = found.expect("it can be read");
                assert_eq!(found.len(), 3, "{session}");
                assert!(found.iter().all(|event| event.session_id == id));
            }
            let all = journal.events_of_trace(trace_id, None).await;
            assert_eq!(all.expect("it can be read").len(), 15);
        })
        .await;
}

#[tokio::test]
async fn what_others_wrote_is_no_trace_and_hides_none() {
    let Opened { journal, _dir } = open();
    let with = |trace: &str, span: &str| {
        let mut event = event("s-1", "main", heartbeat(""));
        event.metadata.insert(TRACE_ID.into(), trace.into());
        event.metadata.insert(SPAN_ID.into(), span.into());
        event
    };
    let right = with(TRACE, SPAN);
    let bad = [
        with("", SPAN),
        with(&TRACE.to_uppercase(), SPAN),
        with(&"0".repeat(32), SPAN),
        with(&format!("{TRACE}0"), SPAN),
    ];
    let none = event("s-1", "main", heartbeat(""));
    for event in bad.iter().chain([&right, &none]) {
        journal.append(event.clone()).await.expect("it is open");
    }
    let trace_id = TraceId::from_hex(TRACE).expect("it is one");
    let found = journal.events_of_trace(trace_id, None).await;
    assert_eq!(ids(&found.expect("it can be read")), ids(&[right]));
    for event in &bad {
        let context = journal.trace_of_event(&event.event_id).await;
        let context = context
            .expect("it can be read")
            .expect("there is something");
        assert_eq!(context.expect_err("it is none").key(), TRACE_ID);
    }
    for id in [none.event_id, EventId::from_string("nobody's")] {
        let context = journal.trace_of_event(&id).await.expect("it can be read");
        assert_eq!(context, None);
    }
}

/// A journal that is out of order, or not there.
struct Refusing;

type Answer<'a, T> = Pin<Box<dyn Future<Output = LagoResult<T>> + Send + 'a>>;

fn no<'a, T: Send + 'a>() -> Answer<'a, T> {
    Box::pin(async { Err(LagoError::Journal("no".into())) })
}

impl Journal for Refusing {
    fn append(&self, _: EventEnvelope) -> Answer<'_, SeqNo> {
        no()
    }

    fn append_batch(&self, _: Vec<EventEnvelope>) -> Answer<'_, SeqNo> {
        no()
    }

    fn read(&self, _: EventQuery) -> Answer<'_, Vec<EventEnvelope>> {
        no()
    }

    fn get_event(&self, _: &EventId) -> Answer<'_, Option<EventEnvelope>> {
        no()
    }

    fn head_seq(&self, _: &SessionId, _: &BranchId) -> Answer<'_, SeqNo> {
        no()
    }

    fn stream(&self, _: SessionId, _: BranchId, _: SeqNo) -> Answer<'_, EventStream> {
        no()
    }

    fn put_session(&self, _: Session) -> Answer<'_, ()> {
        no()
    }

    fn get_session(&self, _: &SessionId) -> Answer<'_, Option<Session>> {
        no()
    }

    fn list_sessions(&self) -> Answer<'_, Vec<Session>> {
        no()
    }
}

#[tokio::test]
async fn what_was_not_appended_is_not_told() {
    let pipeline = Pipeline::new();
    let journal: Arc<dyn Journal> = Arc::new(Refusing);
    pipeline
        .run(async {
            let agent = agent_span("s-1", "arcan").start();
            let one = journal.append_traced(&agent, event("s-1", "main", heartbeat("")));
            assert!(one.await.is_err());
            let batch = vec![event("s-1", "main", heartbeat(""))];
            assert!(journal.append_batch_traced(&agent, batch).await.is_err());
        })
        .await;
    let agent = pipeline.span("invoke_agent arcan");
    assert!(agent.events().is_empty());
    assert_eq!(agent.attribute("life.event_seq"), None);
}

#[tokio::test]
async fn an_event_whose_payload_is_a_blob_says_which() {
    let Opened { journal, _dir } = open();
    let pipeline = Pipeline::new();
    let hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    pipeline
        .run(async {
            let agent = agent_span("s-1", "arcan").start();
            let written = EventKind::FileWrite {
                path: "README.md".to_owned(),
                blob_hash: aios_protocol::BlobHash::from_hex(hash),
                size_bytes: 4,
                content_type: None,
            };
            let event = event("s-1", "main", written);
            journal
                .append_traced(&agent, event)
                .await
                .expect("it is open");
        })
        .await;
    pipeline.assert_conforms(&REGISTRY);
    let append = &pipeline.span("invoke_agent arcan").events()[0];
    assert_eq!(append.attribute("lago.blob_hash"), Some(&Value::from(hash)));
    assert_eq!(
        append.attribute("life.event_kind"),
        Some(&Value::from("FileWrite"))
    );
}

/// A tick that tells the journal what it does, each event on its span.
async fn tick(journal: &RedbJournal) -> LagoResult<()> {
    let tell = |kind| event("s-1", "main", kind);
    let entered = |phase| tell(EventKind::PhaseEntered { phase });
    let agent = agent_span("s-1", "arcan")
        .branch_id("main")
        .run_id("r-7")
        .start();
    let started = EventKind::RunStarted {
        provider: "anthropic".to_owned(),
        max_iterations: 1,
    };
    journal.append_traced(&agent, tell(started)).await?;
    let perceive = phase_span(&agent, Perceive);
    journal
        .append_traced(&perceive, entered(LoopPhase::Perceive))
        .await?;
    drop(perceive);
    let deliberate = phase_span(&agent, Deliberate);
    journal
        .append_traced(&deliberate, entered(LoopPhase::Deliberate))
        .await?;
    let chat = chat_span(&deliberate, "sonnet", "anthropic").start();
    let answered = EventKind::AssistantMessageCommitted {
        role: "assistant".to_owned(),
        content: "Let me look.".to_owned(),
        model: Some("sonnet".to_owned()),
        token_usage: None,
    };
    journal.append_traced(&chat, tell(answered)).await?;
    let wanted = EventKind::ToolCallRequested {
        call_id: "c-1".to_owned(),
        tool_name: "shell".to_owned(),
        arguments: json!({}),
        category: None,
    };
    journal.append_traced(&chat, tell(wanted)).await?;
    drop((chat, deliberate));
    let execute = phase_span(&agent, Execute);
    journal
        .append_traced(&execute, entered(LoopPhase::Execute))
        .await?;
    let tool = tool_span(&execute, "shell", "c-1").start();
    let begun = EventKind::ToolCallStarted {
        tool_run_id: ToolRunId::from("r-1"),
        tool_name: "shell".to_owned(),
    };
    journal.append_traced(&tool, tell(begun)).await?;
    tool.record_tool_status(SpanStatus::Timeout.into());
    let done = EventKind::ToolCallCompleted {
        tool_run_id: ToolRunId::from("r-1"),
        call_id: Some("c-1".to_owned()),
        tool_name: "shell".to_owned(),
        result: json!(null),
        duration_ms: 1,
        status: SpanStatus::Timeout,
    };
    journal.append_traced(&tool, tell(done)).await?;
    drop((tool, execute));
    let reflect = phase_span(&agent, Reflect);
    journal
        .append_traced(&reflect, entered(LoopPhase::Reflect))
        .await?;
    drop(reflect);
    let finished = EventKind::RunFinished {
        reason: "done".to_owned(),
        total_iterations: 1,
        final_answer: None,
        usage: None,
    };
    journal.append_traced(&agent, tell(finished)).await?;
    Ok(())
}

/// Names with those above, and how each went, in the order in which they ended.
fn told(pipeline: &Pipeline) -> Vec<[Option<String>; 4]> {
    let spans = pipeline.spans();
    spans
        .iter()
        // The journal has spans of its own.
        .filter(|span| span.scope().name() == REGISTRY.scope.name)
        .map(|span| {
            let parent = spans.iter().find(|parent| span.is_child_of(parent));
            let text = |key| span.text(key).map(str::to_owned);
            [
                Some(span.name().to_owned()),
                parent.map(|parent| parent.name().to_owned()),
                text("error.type"),
                text("gen_ai.tool.call.id"),
            ]
        })
        .collect()
}

#[tokio::test]
async fn a_session_that_is_read_from_the_journal_is_told_as_it_was() {
    let Opened { journal, _dir } = open();
    let live = Pipeline::new();
    live.run(tick(&journal)).await.expect("it is open");
    let trace_id = live.span("invoke_agent arcan").trace_id();
    // Its own spans are where it was called.
    let spans = live.spans();
    assert!(spans.iter().all(|span| span.trace_id() == trace_id));
    let events = journal.events_of_trace(trace_id, None).await;
    let events = events.expect("it can be read");
    let replay = Pipeline::new();
    replay.scope(|| {
        let mut observer = Observer::replay("arcan");
        for event in &events {
            observer.observe(event);
        }
        observer.finish();
    });
    replay.assert_conforms(&REGISTRY);
    assert_eq!(told(&replay), told(&live));
    assert!(replay.metrics().is_empty());
    let marked = |span: &ExportedSpan| span.attribute("vigil.inferred").is_some();
    assert!(!replay.spans().iter().any(marked));
    // It ended when the journal says so, to the microsecond.
    let agent = replay.span("invoke_agent arcan");
    let last = events.last().map(|event| event.timestamp);
    let end = agent.end_time().duration_since(std::time::UNIX_EPOCH);
    let end = end.expect("it is after 1970").as_micros();
    assert_eq!(Some(u64::try_from(end).expect("not that late")), last);
    assert_eq!(agent.text("life.run_id"), Some("r-7"));
}

/// Something of somebody's that carries events.
#[derive(Default)]
struct Letter {
    trace: Option<(String, String)>,
}

impl TraceCarrier for Letter {
    fn trace_id(&self) -> Option<&str> {
        self.trace.as_ref().map(|(trace, _)| trace.as_str())
    }

    fn span_id(&self) -> Option<&str> {
        self.trace.as_ref().map(|(_, span)| span.as_str())
    }

    fn set(&mut self, trace_id: String, span_id: String, _: &'static str) {
        self.trace = Some((trace_id, span_id));
    }
}

fn record() -> EventRecord {
    EventRecord::new("s-1".into(), "main".into(), 1, heartbeat(""))
}

/// Writes and reads one, and says whether the sampled flag came along.
fn goes_through(mut carrier: impl TraceCarrier) -> Option<bool> {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let written = agent
            .write_trace_context(&mut carrier)
            .expect("somebody listens");
        let read = extract_trace_context(&carrier).expect("it is valid");
        let read = read.expect("it is there");
        let own = agent.span_context().expect("somebody listens");
        assert_eq!(
            (read.trace_id(), read.span_id()),
            (own.trace_id(), own.span_id())
        );
        assert_eq!(written.is_sampled(), Some(true));
        assert_eq!(
            read.span_context().is_sampled(),
            read.is_sampled() == Some(true)
        );
        read.is_sampled()
    })
}

#[test]
fn every_carrier_carries_it_and_the_flag_where_there_is_a_place() {
    assert_eq!(goes_through(record().to_envelope()), Some(true));
    assert_eq!(
        goes_through(event("s-1", "main", heartbeat(""))),
        Some(true)
    );
    assert_eq!(goes_through(HashMap::<String, String>::new()), Some(true));
    assert_eq!(
        goes_through(HashMap::<&'static str, String>::new()),
        Some(true)
    );
    assert_eq!(goes_through(BTreeMap::<String, String>::new()), Some(true));
    assert_eq!(goes_through(record()), None);
    assert_eq!(goes_through(Letter::default()), None);
}

#[test]
fn what_was_there_before_is_replaced() {
    let mut envelope = record().to_envelope();
    envelope.trace_id = Some(String::new());
    envelope.metadata.insert(TRACE_ID.into(), "stale".into());
    envelope.metadata.insert(TRACE_FLAGS.into(), "stale".into());
    assert_eq!(goes_through(envelope), Some(true));
}

#[tokio::test]
async fn it_comes_through_the_journal_in_the_protocols_envelope_too() {
    let Opened { journal, _dir } = open();
    let pipeline = Pipeline::builder().sampler(Sampler::AlwaysOff).build();
    let written = pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let mut envelope = record().to_envelope();
        let written = agent
            .write_trace_context(&mut envelope)
            .expect("it has ids");
        let envelope = lago_core::protocol_bridge::from_protocol(&envelope);
        (written, envelope.expect("it can be converted"))
    });
    let (written, envelope) = written;
    let id = envelope.event_id.clone();
    journal.append(envelope).await.expect("it is open");
    let context = journal.trace_of_event(&id).await.expect("it can be read");
    assert_eq!(context, Some(Ok(written)));
    assert_eq!(written.is_sampled(), Some(false));
    let back = journal.get_event(&id).await.expect("it can be read");
    let back = back
        .and_then(|event| event.to_protocol())
        .expect("it is one");
    assert_eq!(extract_trace_context(&back), Ok(Some(written)));
}

#[test]
fn without_ids_nothing_is_written_and_that_is_said() {
    let mut metadata = HashMap::from([(TRACE_ID.to_owned(), "as it was".to_owned())]);
    let before = metadata.clone();
    let agent = agent_span("s-1", "arcan").start();
    assert_eq!(agent.write_trace_context(&mut metadata), None);
    assert_eq!(write_trace_context(&mut metadata), None);
    assert_eq!(metadata, before);
    let mut record = record();
    assert_eq!(agent.write_trace_context(&mut record), None);
    assert_eq!((record.trace_id, record.span_id), (None, None));
}

#[test]
fn code_without_a_handle_writes_the_current_span() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let mut metadata: HashMap<String, String> = HashMap::new();
        assert_eq!(write_trace_context(&mut metadata), None);
        agent.in_scope(|| write_trace_context(&mut metadata));
        let own = agent.span_context().expect("somebody listens");
        assert_eq!(metadata[SPAN_ID], own.span_id().to_string());
        let foreign = agent.in_scope(|| tracing::info_span!("foreign"));
        let written = foreign.in_scope(|| write_trace_context(&mut metadata));
        let written = written.expect("somebody listens");
        assert_eq!(written.trace_id(), own.trace_id());
        assert_ne!(written.span_id(), own.span_id());
    });
}

/// A trace's id, a span's, and flags.
type Parts<'a> = [Option<&'a str>; 3];

fn read(parts: Parts<'_>) -> Result<Option<TraceContext>, TraceContextError> {
    let mut metadata: HashMap<String, String> = HashMap::new();
    for (key, value) in [TRACE_ID, SPAN_ID, TRACE_FLAGS].into_iter().zip(parts) {
        if let Some(value) = value {
            metadata.insert(key.into(), value.into());
        }
    }
    extract_trace_context(&metadata)
}

#[test]
fn what_can_not_be_an_id_is_refused_by_name() {
    let (trace, span) = (Some(TRACE), Some(SPAN));
    let zeros = "0".repeat(32);
    let upper = TRACE.to_uppercase();
    let wide = "４bf92f3577b34da6a3ce929d0e0e47"; // its first digit is three bytes
    let digits = "hexadecimal digits in lower case";
    let refused: &[(Parts<'_>, &str, &str)] = &[
        (
            [trace, None, None],
            SPAN_ID,
            "there is a `trace_id` and no `span_id`",
        ),
        (
            [None, span, None],
            TRACE_ID,
            "there is a `span_id` and no `trace_id`",
        ),
        ([Some(""), span, None], TRACE_ID, "the `trace_id` is empty"),
        ([trace, Some(""), None], SPAN_ID, "the `span_id` is empty"),
        ([Some(&zeros), span, None], TRACE_ID, "is zero"),
        ([trace, Some(&zeros[..16]), None], SPAN_ID, "is zero"),
        ([Some(&upper), span, None], TRACE_ID, digits),
        ([Some(wide), span, None], TRACE_ID, digits),
        ([trace, Some("+0f067aa0ba902b7"), None], SPAN_ID, digits),
        ([trace, trace, None], SPAN_ID, digits),
        ([Some("a\nb"), span, None], TRACE_ID, r"`a\nb`"),
        ([trace, span, Some("")], TRACE_FLAGS, "is empty"),
        ([trace, span, Some("1")], TRACE_FLAGS, digits),
        ([trace, span, Some("0x")], TRACE_FLAGS, digits),
    ];
    for (parts, key, says) in refused {
        let error = read(*parts).expect_err(says);
        assert_eq!(error.key(), *key, "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[test]
fn flags_say_whether_the_trace_was_recorded_and_nothing_without_one() {
    assert_eq!(read([None, None, None]), Ok(None));
    assert_eq!(read([None, None, Some("01")]), Ok(None));
    let sampled = |flags| {
        let context = read([Some(TRACE), Some(SPAN), flags]).expect("it is valid");
        context.expect("it is there").is_sampled()
    };
    assert_eq!(sampled(None), None);
    assert_eq!(sampled(Some("00")), Some(false));
    assert_eq!(sampled(Some("01")), Some(true));
    // A flag that W3C gives a meaning later.
    assert_eq!(sampled(Some("03")), Some(true));
    assert_eq!(sampled(Some("02")), Some(false));
}

#[test]
fn what_was_read_links_and_continues() {
    let mut metadata: HashMap<String, String> = HashMap::new();
    metadata.insert(TRACE_ID.into(), TRACE.into());
    metadata.insert(SPAN_ID.into(), SPAN.into());
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let context = extract_trace_context(&metadata).expect("it is valid");
        let context = context.expect("it is there");
        assert!(context.span_context().is_remote());
        let continued = agent_span("s-1", "continued")
            .parent(&context.remote_parent())
            .start();
        drop(continued);
        let linked = agent_span("s-1", "linked").start();
        linked.span().add_link(context.span_context());
        drop(linked);
        // Where it is known that nobody has the trace, nobody gets more of it.
        metadata.insert(TRACE_FLAGS.into(), "00".into());
        let context = extract_trace_context(&metadata).expect("it is valid");
        let context = context.expect("it is there");
        let parent = context.remote_parent();
        let unseen = agent_span("s-1", "unseen").parent(&parent).start();
        let flags = unseen.span_context().map(|context| context.trace_id());
        assert_eq!(flags, Some(context.trace_id()));
    });
    let continued = pipeline.span("invoke_agent continued");
    assert_eq!(
        continued.trace_id(),
        TraceId::from_hex(TRACE).expect("it is one")
    );
    assert_eq!(
        continued.parent_span_id(),
        Some(SpanId::from_hex(SPAN).expect("it is one"))
    );
    let linked = format!("{:?}", pipeline.span("invoke_agent linked"));
    assert!(
        linked.contains("SpanLinks") && linked.contains(TRACE),
        "{linked}"
    );
}

fn word<T: serde::Serialize>(value: T) -> String {
    let word = serde_json::to_value(value).expect("it is a word");
    word.as_str().unwrap_or_default().to_owned()
}

#[test]
fn the_words_of_the_registry_are_those_of_the_protocol() {
    macro_rules! same {
        ($($ours:ty, $theirs:ty;)+) => {$(
            for ours in <$ours>::MEMBERS {
                let theirs = <$theirs>::from(ours);
                assert_eq!(word(&theirs), ours.as_str());
                assert_eq!(<$ours>::from(&theirs), *ours);
                assert_eq!(<$ours>::from(theirs), *ours);
            }
        )+};
    }
    same! {
        life::LoopPhase, LoopPhase;
        life::OperatingMode, OperatingMode;
        life::RiskLevel, RiskLevel;
        life::ToolStatus, SpanStatus;
    }
    assert_eq!(life::OperatingMode::default(), life::OperatingMode::Execute);
    assert_eq!(
        OperatingMode::from(life::OperatingMode::default()),
        OperatingMode::default()
    );
}

#[test]
fn the_protocols_numbers_are_vigils_records() {
    let budget = BudgetState {
        tokens_remaining: u64::MAX,
        time_remaining_ms: 90_000,
        cost_remaining_usd: 4.25,
        tool_calls_remaining: 12,
        error_budget_remaining: 3,
    };
    let expected = Budget::new(u64::MAX)
        .time_remaining_ms(90_000)
        .cost_remaining_usd(4.25)
        .tool_calls_remaining(12);
    assert_eq!(Budget::from(&budget), expected);
    assert_eq!(expected.tokens_remaining, i64::MAX);
    let state = AgentStateVector {
        progress: 0.7,
        uncertainty: 0.1,
        risk_level: RiskLevel::Critical,
        error_streak: 2,
        context_pressure: 0.35,
        ..AgentStateVector::default()
    };
    let expected = AgentState::new(0.7)
        .uncertainty(0.1)
        .risk_level(life::RiskLevel::Critical)
        .error_streak(2)
        .context_pressure(0.35);
    assert_eq!(AgentState::from(&state), expected);
    let usage = TokenUsage {
        prompt_tokens: 1_200,
        completion_tokens: 85,
        total_tokens: 1_285,
    };
    let expected = VigilTokenUsage::default()
        .input_tokens(1_200)
        .output_tokens(85);
    assert_eq!(VigilTokenUsage::from(&usage), expected);
}

#[test]
fn phases_of_the_protocol_start_phase_spans() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        phase_span_dyn(&agent, LoopPhase::Gate.into()).end();
    });
    assert_eq!(
        pipeline.span("phase gate").text("life.loop_phase"),
        Some("gate")
    );
}

#[test]
fn kinds_are_called_as_the_journal_calls_them() {
    let kinds = [
        heartbeat("{ Custom"),
        EventKind::PhaseEntered {
            phase: LoopPhase::Gate,
        },
        EventKind::RunErrored {
            error: String::new(),
        },
        EventKind::ErrorRaised {
            message: "\"".to_owned(),
        },
        EventKind::SessionResumed {
            from_snapshot: None,
        },
    ];
    for kind in kinds {
        let json = serde_json::to_value(&kind).expect("it is JSON");
        assert_eq!(json["type"], event_kind(&kind).as_str());
    }
    let unknown = json!({ "type": "Dreamt", "of": "sheep" });
    let unknown: EventKind = serde_json::from_value(unknown).expect("anything can be read");
    assert_eq!(event_kind(&unknown), "Dreamt");
}

/// What the example prints, with these variables in its environment.
fn example(variables: &[(String, String)]) -> vigil_tests::child::Ran {
    run(env!("CARGO_BIN_EXE_journal"), &[], variables)
}

#[test]
fn without_an_endpoint_the_ids_are_there_and_say_that_nobody_has_the_trace() {
    let ran = example(&[set("VIGIL_LOG_FORMAT", "json")]);
    assert!(ran.status.success(), "{ran:?}");
    let (first, rest) = ran.out.split_once("Which events").expect("it asks both");
    let trace = first.lines().nth(1).unwrap_or_default().trim();
    assert!(trace.ends_with(", not recorded"), "{first}");
    let events: Vec<_> = rest
        .lines()
        .filter(|line| line.contains("(span "))
        .collect();
    assert_eq!(events.len(), 11, "{rest}");
    assert!(events[0].contains(" 1 RunStarted"), "{rest}");
    assert!(events[10].contains("11 RunFinished"), "{rest}");
    // The log tells of the same trace, and where the journal has it.
    let trace = &trace[..32];
    let lines: Vec<serde_json::Value> = ran
        .lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line is JSON"))
        .collect();
    let appended = lines
        .iter()
        .filter(|line| line["message"] == "life.journal.append" && line["trace_id"] == trace);
    let seqs: Vec<_> = appended
        .map(|line| line["fields"]["life.event_seq"].as_i64())
        .collect();
    assert_eq!(seqs, (1..=11).map(Some).collect::<Vec<_>>());
    // Told again it is another trace, and nothing is measured twice.
    let agents: Vec<_> = lines
        .iter()
        .filter(|line| line["name"] == "invoke_agent arcan")
        .map(|line| line["trace_id"] == trace)
        .collect();
    assert_eq!(agents, [true, false]);
    let executions = lines
        .iter()
        .find(|line| line["name"] == "life.tool.executions");
    assert_eq!(executions.map(|line| &line["value"]), Some(&json!(1)));
}

#[test]
fn with_a_collector_the_journal_and_what_arrives_point_at_each_other() {
    let receiver = Receiver::plain(false);
    let ran = example(&towards(Protocol::HttpProtobuf, &receiver));
    assert!(ran.status.success(), "{ran:?}");
    let all = exported(&receiver.requests());
    all.assert_conforms(&REGISTRY);
    let (first, rest) = ran.out.split_once("Which events").expect("it asks both");
    let trace = first.lines().nth(1).unwrap_or_default().trim();
    assert!(trace.ends_with(", recorded"), "{first}");
    let trace = TraceId::from_hex(&trace[..32]).expect("it is one");
    let lines = rest.lines().filter_map(|line| line.split_once(" (span "));
    let mut events = 0;
    for (event, span) in lines {
        let span = SpanId::from_hex(span.trim_end_matches(')')).expect("it is one");
        let arrived = |other: &ExportedSpan| (other.trace_id(), other.span_id()) == (trace, span);
        assert!(all.spans.iter().any(arrived), "{event}");
        let (seq, kind) = event.trim().split_once(' ').expect("a place and a kind");
        let seq: i64 = seq.parse().expect("it is a number");
        let appended = all.logs.iter().find(|log| {
            log.event_name == "life.journal.append"
                && (log.trace_id, log.span_id) == (trace, span)
                && log.attribute("life.event_seq") == Some(&Value::I64(seq))
        });
        let appended = appended.unwrap_or_else(|| panic!("nothing tells of {event}"));
        assert_eq!(
            appended.attribute("life.event_kind"),
            Some(&Value::from(kind.to_owned()))
        );
        events += 1;
    }
    assert_eq!(events, 11);
    // What was told again from the journal is in a trace of its own, and was measured once.
    let roots = all
        .spans
        .iter()
        .filter(|span| span.name() == "invoke_agent arcan");
    let traces: BTreeSet<_> = roots.map(|root| root.trace_id().to_string()).collect();
    assert_eq!(traces.len(), 2);
    let tools = all
        .metrics
        .iter()
        .find(|metric| metric.name == "life.tool.executions");
    let tools = tools.expect("it was measured");
    assert!((tools.points.iter().map(|point| point.value).sum::<f64>() - 1.0).abs() < 1e-9);
}

#[test]
fn switched_off_nothing_is_written() {
    let ran = example(&[set("OTEL_SDK_DISABLED", "true")]);
    assert!(!ran.status.success());
    assert!(ran.lines.contains("the event carries no trace"), "{ran:?}");
}
