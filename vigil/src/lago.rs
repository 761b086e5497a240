//! Lago's journal, `lago-core` 0.3: events that carry the trace they happened in, and both ways from
//! one to the other.
//!
//! `vigil/examples/journal.rs` runs a loop against a real journal and asks it both questions.
//! Needs Rust 1.93, as `lago-core` does.

use aios_protocol::EventKind;
use lago_core::{EventEnvelope, EventId, EventQuery, Journal, LagoResult, SeqNo, SessionId};
use opentelemetry::trace::TraceId;

use crate::aios::event_kind;
use crate::carrier::{Handle, Int};
use crate::events::life::JournalAppend;
use crate::journal::{
    TRACE_ID, TraceCarrier, TraceContext, TraceContextError, extract_trace_context,
};

impl TraceCarrier for EventEnvelope {
    fn trace_id(&self) -> Option<&str> {
        self.metadata.trace_id()
    }

    fn span_id(&self) -> Option<&str> {
        self.metadata.span_id()
    }

    fn trace_flags(&self) -> Option<&str> {
        self.metadata.trace_flags()
    }

    fn set(&mut self, trace_id: String, span_id: String, trace_flags: &'static str) {
        self.metadata.set(trace_id, span_id, trace_flags);
    }
}

/// What traces and a journal have to do with each other. Every [`Journal`] has it.
pub trait JournalExt: Journal {
    /// Appends `event` with the trace context of `span`, and emits `life.journal.append` there, so
    /// that one can go from the trace to the journal and back.
    ///
    /// # Errors
    ///
    /// If the journal can't append it; nothing is emitted then.
    fn append_traced(
        &self,
        span: &Handle,
        mut event: EventEnvelope,
    ) -> impl Future<Output = LagoResult<SeqNo>> + Send {
        span.write_trace_context(&mut event);
        let append = span.is_active().then(|| appended(&event));
        async move {
            // The journal's own span stands under this one.
            let seq = span.span().in_scope(|| self.append(event)).await?;
            if let Some(mut append) = append {
                append.event_seq = Int::from(seq).get();
                append.emit(span);
            }
            Ok(seq)
        }
    }

    /// Appends `events` at once, all or none, with the trace context of `span`, and emits
    /// `life.journal.append` there for each. Returns the place of the last.
    ///
    /// # Errors
    ///
    /// If the journal can't append them; nothing is emitted then.
    fn append_batch_traced(
        &self,
        span: &Handle,
        mut events: Vec<EventEnvelope>,
    ) -> impl Future<Output = LagoResult<SeqNo>> + Send {
        let mut appends = Vec::new();
        for event in &mut events {
            span.write_trace_context(event);
            if span.is_active() {
                appends.push((event.event_id.clone(), appended(event)));
            }
        }
        let one_branch = events.windows(2).all(|two| {
            (&two[0].session_id, &two[0].branch_id) == (&two[1].session_id, &two[1].branch_id)
        });
        async move {
            let last = span.span().in_scope(|| self.append_batch(events)).await?;
            let mut behind = appends.len() as u64;
            for (event_id, mut append) in appends {
                behind -= 1;
                // Each branch counts for itself, and the journal says where the last one was put.
                let seq = if one_branch {
                    Some(last.saturating_sub(behind))
                } else {
                    let event = self.get_event(&event_id).await;
                    event.ok().flatten().map(|event| event.seq)
                };
                if let Some(seq) = seq {
                    append.event_seq = Int::from(seq).get();
                    append.emit(span);
                }
            }
            Ok(last)
        }
    }

    /// The events of a trace, in the order of the journal (by session, branch and place): of one
    /// session, or, which reads the whole journal, of all.
    ///
    /// They are looked at again after the journal found them: it cuts ids to 26 bytes and looks for
    /// sessions by the beginning of their ids.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    fn events_of_trace(
        &self,
        trace_id: TraceId,
        session: Option<&SessionId>,
    ) -> impl Future<Output = LagoResult<Vec<EventEnvelope>>> + Send {
        let trace_id = trace_id.to_string();
        let mut query = EventQuery::new().with_metadata(TRACE_ID, &trace_id);
        if let Some(session) = session {
            query = query.session(session.clone());
        }
        let session = session.cloned();
        async move {
            let mut events = self.read(query).await?;
            events.retain(|event| {
                let in_session = session.as_ref().is_none_or(|id| event.session_id == *id);
                in_session && event.metadata.trace_id() == Some(trace_id.as_str())
            });
            Ok(events)
        }
    }

    /// The trace in which an event happened: `None` if there is no such event, or it carries none.
    ///
    /// # Errors
    ///
    /// If the journal can't be read. What the event carries is checked, too.
    fn trace_of_event(
        &self,
        event_id: &EventId,
    ) -> impl Future<Output = LagoResult<Option<Result<TraceContext, TraceContextError>>>> + Send
    {
        async move {
            let event = self.get_event(event_id).await?;
            Ok(event.and_then(|event| extract_trace_context(&event).transpose()))
        }
    }
}

impl<J: Journal + ?Sized> JournalExt for J {}

/// What is told of an event that was appended, but for its place.
fn appended(event: &EventEnvelope) -> JournalAppend {
    let append = JournalAppend::new(0_i64, event_kind(&event.payload))
        .stream_id(event.session_id.to_string())
        .fs_branch(event.branch_id.to_string());
    match blob(&event.payload) {
        Some(hash) => append.blob_hash(hash.to_owned()),
        None => append,
    }
}

/// The blob that holds the event's payload.
fn blob(payload: &EventKind) -> Option<&str> {
    match payload {
        EventKind::FileWrite {
            blob_hash: hash, ..
        }
        | EventKind::SnapshotCreated {
            data_hash: hash, ..
        }
        | EventKind::ObservationAppended {
            observation_ref: hash,
            ..
        }
        | EventKind::ReflectionCompacted {
            summary_ref: hash, ..
        }
        | EventKind::MemoryProposed {
            entries_ref: hash, ..
        }
        | EventKind::MemoryCommitted {
            committed_ref: hash,
            ..
        }
        | EventKind::WorldModelObserved {
            state_ref: hash, ..
        }
        | EventKind::WorldModelRollout {
            trajectory_ref: hash,
            ..
        } => Some(hash.as_str()),
        _ => None,
    }
}
