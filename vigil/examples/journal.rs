//! An agent's loop that writes to a real journal: from a trace to its events, and from an event to its
//! trace.
//!
//! `cargo run -p vigil --features lago --example journal`

use std::collections::HashMap;

use aios_protocol::event::{EventKind, LoopPhase, SpanStatus, TokenUsage};
use aios_protocol::{BudgetState, OperatingMode, ToolRunId};
use lago_core::{BranchId, EventEnvelope, EventId, Journal, SessionId};
use lago_journal::RedbJournal;
use vigil::aios::Observer;
use vigil::lago::JournalExt;
use vigil::records::life::Budget;
use vigil::{
    Commit, Deliberate, Execute, Perceive, Reflect, VigConfig, agent_span, chat_span, phase_span,
    tool_span,
};

const SESSION: &str = "s-1";

fn event(kind: EventKind) -> EventEnvelope {
    EventEnvelope {
        event_id: EventId::new(),
        session_id: SessionId::from_string(SESSION),
        branch_id: BranchId::from_string("main"),
        run_id: None,
        // The journal counts.
        seq: 0,
        timestamp: EventEnvelope::now_micros(),
        parent_id: None,
        payload: kind,
        metadata: HashMap::new(),
        schema_version: 1,
    }
}

/// One tick: each event is written on the span that it belongs to.
async fn tick(journal: &dyn Journal) -> Result<EventId, lago_core::LagoError> {
    let agent = agent_span(SESSION, "arcan").start();
    let started = event(EventKind::RunStarted {
        provider: "anthropic".to_owned(),
        max_iterations: 1,
    });
    journal.append_traced(&agent, started).await?;

    let perceive = phase_span(&agent, Perceive);
    let entered = |phase| event(EventKind::PhaseEntered { phase });
    journal
        .append_traced(&perceive, entered(LoopPhase::Perceive))
        .await?;
    perceive.record_budget(&Budget::from(&BudgetState::default()));
    drop(perceive);

    let deliberate = phase_span(&agent, Deliberate);
    journal
        .append_traced(&deliberate, entered(LoopPhase::Deliberate))
        .await?;
    let chat = chat_span(&deliberate, "claude-sonnet-4-5", "anthropic").start();
    let usage = TokenUsage {
        prompt_tokens: 1_200,
        completion_tokens: 85,
        total_tokens: 1_285,
    };
    chat.record_token_usage(&(&usage).into());
    let answered = event(EventKind::AssistantMessageCommitted {
        role: "assistant".to_owned(),
        content: "I'll read the file.".to_owned(),
        model: Some("claude-sonnet-4-5".to_owned()),
        token_usage: Some(usage),
    });
    journal.append_traced(&chat, answered).await?;
    let wanted = event(EventKind::ToolCallRequested {
        call_id: "call-1".to_owned(),
        tool_name: "read_file".to_owned(),
        arguments: "README.md".into(),
        category: None,
    });
    journal.append_traced(&deliberate, wanted).await?;
    drop((chat, deliberate));

    let execute = phase_span(&agent, Execute);
    journal
        .append_traced(&execute, entered(LoopPhase::Execute))
        .await?;
    let tool = tool_span(&execute, "read_file", "call-1").start();
    let run = ToolRunId::from("run-1");
    let read = event(EventKind::ToolCallStarted {
        tool_run_id: run.clone(),
        tool_name: "read_file".to_owned(),
    });
    let read_id = read.event_id.clone();
    journal.append_traced(&tool, read).await?;
    let status = SpanStatus::Ok;
    tool.record_tool_status(status.into());
    let done = event(EventKind::ToolCallCompleted {
        tool_run_id: run,
        call_id: Some("call-1".to_owned()),
        tool_name: "read_file".to_owned(),
        result: "42 lines".into(),
        duration_ms: 3,
        status,
    });
    journal.append_traced(&tool, done).await?;
    drop((tool, execute));

    journal
        .append_traced(&phase_span(&agent, Commit), entered(LoopPhase::Commit))
        .await?;
    let reflect = phase_span(&agent, Reflect);
    journal
        .append_traced(&reflect, entered(LoopPhase::Reflect))
        .await?;
    let (from, to) = (OperatingMode::Explore, OperatingMode::Execute);
    reflect.record_mode_transition(from.into(), to.into());
    drop(reflect);
    let finished = event(EventKind::RunFinished {
        reason: "done".to_owned(),
        total_iterations: 1,
        final_answer: None,
        usage: None,
    });
    journal.append_traced(&agent, finished).await?;
    Ok(read_id)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let guard = vigil::init(&VigConfig::new().service_name("journal"))?;
    let dir = tempfile::tempdir()?;
    let journal = RedbJournal::open(dir.path().join("journal.redb"))?;
    let read = tick(&journal).await?;

    println!("Which trace does the event {read} belong to?");
    let Some(context) = journal.trace_of_event(&read).await?.transpose()? else {
        return Err("the event carries no trace".into());
    };
    let recorded = match context.is_sampled() {
        Some(true) => "recorded",
        Some(false) => "not recorded",
        None => "nobody knows whether it was recorded",
    };
    println!(
        "  {} (span {}), {recorded}",
        context.trace_id(),
        context.span_id()
    );

    println!("Which events does the trace have?");
    let session = SessionId::from_string(SESSION);
    let events = journal
        .events_of_trace(context.trace_id(), Some(&session))
        .await?;
    for event in &events {
        println!(
            "  {:>2} {} (span {})",
            event.seq,
            vigil::aios::event_kind(&event.payload),
            event.metadata["span_id"],
        );
    }

    println!("And told again from the journal alone:");
    let mut observer = Observer::replay("arcan");
    for event in &events {
        observer.observe(event);
    }
    observer.finish();

    guard.shutdown(std::time::Duration::from_secs(2));
    Ok(())
}
