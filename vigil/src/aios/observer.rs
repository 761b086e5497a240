//! Spans from the events of agents.

mod run;
mod seen;

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aios_protocol::event::{EventEnvelope, EventKind, EventRecord, LoopPhase};

use self::run::Run;
use self::seen::{Order, Seen};
use crate::carrier::{Text, is_active, told_at};

/// How many runs may be open at once; the one that was silent for longest makes room.
const MAX_RUNS: usize = 1024;

/// Follows the events of agents, and opens and closes the spans that they tell of.
///
/// A *run* is what happens on one branch of one session from `RunStarted` to `RunFinished` or
/// `RunErrored`: an agent span, with phases, model calls and tool calls under it.
///
/// - [`live`](Self::live): spans start and end when their events are observed, and are measured.
/// - [`replay`](Self::replay): they start and end when the events say, and nothing is measured, as it
///   was when it happened.
///
/// Each run is a trace of its own, whatever span the observer is called in. To go from it to the trace
/// that the events carry, if the agent wrote one, ask an event:
/// [`extract_trace_context`](crate::extract_trace_context).
///
/// A model call is told only where a committed message names its model: from the beginning of its
/// Deliberate phase, or from the message before it, to the message, or to the end of the phase.
///
/// Content (messages, arguments and results of tools, the final answer) goes where content is
/// [captured](crate::set_capture_content), and nowhere else.
///
/// # What does not fit
///
/// What must have been there is made up for and marked `vigil.inferred`: a run without `RunStarted`, a
/// phase around a tool's call, the id of a call. A call that never ends is `cancelled` when its run
/// ends; so is a run that another one takes the place of. Kinds that tell of no span are passed over,
/// as is, between runs, what can't begin one.
///
/// Events may come twice, and late: those of the last 64 of a branch (by their sequence numbers) are
/// known. What is seen again is passed over. What comes late is told if it can still be: calls of tools,
/// messages, errors and the end of the run. A phase or a mode that others have followed is over.
///
/// In a replay, times before 1970 or after 2262 are told as the nearest in between.
///
/// No more than 1024 runs are kept open, and 1024 calls within a run: then the one that was silent for
/// longest is `cancelled`.
///
/// While nobody listens, nothing is kept.
///
/// ```
/// use aios_protocol::event::{EventKind, EventRecord, LoopPhase};
/// use aios_protocol::{BranchId, SessionId};
/// use vigil::aios::Observer;
///
/// let mut observer = Observer::live("arcan");
/// # let event = EventRecord::new(
/// #     SessionId::from("s-1"),
/// #     BranchId::main(),
/// #     1,
/// #     EventKind::PhaseEntered { phase: LoopPhase::Perceive },
/// # );
/// observer.observe(&event);
/// observer.finish(); // what is still open is `cancelled`
/// ```
#[derive(Debug)]
pub struct Observer {
    agent_name: Text,
    replay: bool,
    runs: HashMap<Place, Run>,
    /// The last events of each branch.
    seen: HashMap<Place, Seen>,
    /// Counts events, to know who was silent.
    tick: u64,
}

/// A branch of a session.
type Place = (String, String);

/// An event, from whatever envelope it comes in.
#[derive(Clone, Copy, Debug)]
pub struct ObservedEvent<'a> {
    /// The session.
    pub session_id: &'a str,
    /// The branch of the session.
    pub branch_id: &'a str,
    /// The run, if the envelope names it.
    pub run_id: Option<&'a str>,
    /// The agent, if the envelope names it.
    pub agent_id: Option<&'a str>,
    /// The event's place on its branch, from 1 on. 0, as before a journal has counted it, stands for
    /// the next.
    pub seq: u64,
    /// When it happened.
    pub time: SystemTime,
    /// What happened.
    pub kind: &'a EventKind,
}

/// That many microseconds after the epoch.
pub(crate) fn at_micros(micros: u64) -> SystemTime {
    let time = UNIX_EPOCH.checked_add(Duration::from_micros(micros));
    time.unwrap_or_else(SystemTime::now)
}

/// The time, or the nearest to it that OTLP can tell, which counts nanoseconds after the epoch.
fn tellable(time: SystemTime) -> SystemTime {
    let latest = UNIX_EPOCH + Duration::from_nanos(i64::MAX.unsigned_abs());
    time.clamp(UNIX_EPOCH, latest)
}

impl<'a> From<&'a EventEnvelope> for ObservedEvent<'a> {
    fn from(event: &'a EventEnvelope) -> Self {
        Self {
            session_id: event.session_id.as_str(),
            branch_id: event.branch_id.as_str(),
            run_id: event.run_id.as_ref().map(AsRef::as_ref),
            agent_id: Some(event.agent_id.as_str()),
            seq: event.seq,
            time: at_micros(event.timestamp),
            kind: &event.kind,
        }
    }
}

impl<'a> From<&'a EventRecord> for ObservedEvent<'a> {
    fn from(event: &'a EventRecord) -> Self {
        Self {
            session_id: event.session_id.as_str(),
            branch_id: event.branch_id.as_str(),
            run_id: None,
            agent_id: Some(event.agent_id.as_str()),
            seq: event.sequence,
            time: event.timestamp.into(),
            kind: &event.kind,
        }
    }
}

#[cfg(feature = "lago")]
impl<'a> From<&'a lago_core::EventEnvelope> for ObservedEvent<'a> {
    fn from(event: &'a lago_core::EventEnvelope) -> Self {
        Self {
            session_id: event.session_id.as_str(),
            branch_id: event.branch_id.as_str(),
            run_id: event.run_id.as_ref().map(AsRef::as_ref),
            agent_id: event.metadata.get("agent_id").map(String::as_str),
            seq: event.seq,
            time: at_micros(event.timestamp),
            kind: &event.payload,
        }
    }
}

impl Observer {
    /// Follows what happens now.
    pub fn live(agent_name: impl Into<Text>) -> Self {
        Self::new(agent_name.into(), false)
    }

    /// Tells what happened before, from a journal.
    pub fn replay(agent_name: impl Into<Text>) -> Self {
        Self::new(agent_name.into(), true)
    }

    fn new(agent_name: Text, replay: bool) -> Self {
        Self {
            agent_name,
            replay,
            runs: HashMap::new(),
            seen: HashMap::new(),
            tick: 0,
        }
    }

    /// Takes the next event.
    pub fn observe<'a>(&mut self, event: impl Into<ObservedEvent<'a>>) {
        if !is_active() {
            return;
        }
        let event = event.into();
        let place = (event.session_id.to_owned(), event.branch_id.to_owned());
        let order = self.order(&place, event.seq);
        if order == Order::Again {
            return;
        }
        self.tick += 1;
        let time = if self.replay {
            // Clocks jump; a trace goes forward.
            let run = self.runs.get(&place);
            let time = tellable(event.time);
            run.map_or(time, |run| run.last().max(time))
        } else {
            SystemTime::now()
        };
        let replay = self.replay;
        let take = || match order {
            Order::Late => self.take_late(place, &event, time),
            _ => self.take(place, &event, time),
        };
        if replay {
            told_at(time, take);
        } else {
            take();
        }
    }

    /// Ends what is open: it is `cancelled`.
    pub fn finish(mut self) {
        self.end_all();
    }

    fn end_all(&mut self) {
        let mut runs: Vec<Run> = self.runs.drain().map(|(_, run)| run).collect();
        runs.sort_by_key(Run::tick);
        for run in runs {
            run.abandon(self.replay);
        }
    }

    fn order(&mut self, place: &Place, seq: u64) -> Order {
        if seq == 0 {
            return Order::Next;
        }
        if let Some(seen) = self.seen.get_mut(place) {
            return seen.see(seq);
        }
        // Without a run there is nothing that an old event could do twice.
        if self.seen.len() >= 2 * MAX_RUNS {
            let runs = &self.runs;
            self.seen.retain(|place, _| runs.contains_key(place));
        }
        self.seen.insert(place.clone(), Seen::first(seq));
        Order::Next
    }

    fn take(&mut self, place: Place, event: &ObservedEvent<'_>, now: SystemTime) {
        let run = self.runs.remove(&place);
        match event.kind {
            EventKind::RunStarted { provider, .. } => {
                let run = match run {
                    // It began before it was told.
                    Some(run) if !run.is_started() => run,
                    before => {
                        if let Some(before) = before {
                            before.abandon(self.replay);
                        }
                        self.open(event)
                    }
                };
                self.keep(place, run.started(provider, event.seq));
            }
            EventKind::RunFinished { final_answer, .. } => {
                if let Some(run) = run {
                    run.finish(final_answer.as_deref());
                }
            }
            EventKind::RunErrored { error } => {
                run.unwrap_or_else(|| self.inferred(event, now)).fail(error);
            }
            kind => {
                let run = run.or_else(|| begins(kind).then(|| self.inferred(event, now)));
                if let Some(mut run) = run {
                    run.take(event, self.tick, now);
                    self.keep(place, run);
                }
            }
        }
    }

    /// Takes an event that others have overtaken, as far as it belongs to the run that is open.
    fn take_late(&mut self, place: Place, event: &ObservedEvent<'_>, now: SystemTime) {
        let Some(mut run) = self.runs.remove(&place) else {
            return;
        };
        let belongs = event.seq > run.first() || !run.is_started();
        match event.kind {
            EventKind::RunStarted { provider, .. } if !run.is_started() => {
                run = run.started(provider, event.seq);
            }
            EventKind::RunFinished { final_answer, .. } if belongs => {
                return run.finish(final_answer.as_deref());
            }
            EventKind::RunErrored { error } if belongs => return run.fail(error),
            _ if belongs => run.take_late(event, self.tick, now),
            _ => {}
        }
        self.runs.insert(place, run);
    }

    fn open(&self, event: &ObservedEvent<'_>) -> Run {
        Run::open(self.agent_name.clone(), event, None, self.tick)
    }

    fn inferred(&self, event: &ObservedEvent<'_>, now: SystemTime) -> Run {
        Run::inferred(self.agent_name.clone(), event, now, self.tick)
    }

    fn keep(&mut self, place: Place, run: Run) {
        if self.runs.len() >= MAX_RUNS {
            let silent = self.runs.iter().min_by_key(|(_, run)| run.tick());
            if let Some(silent) = silent.map(|(place, _)| place.clone())
                && let Some(run) = self.runs.remove(&silent)
            {
                run.abandon(self.replay);
            }
        }
        self.runs.insert(place, run);
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.end_all();
    }
}

/// Whether a run must have begun where an event of this kind happens.
fn begins(kind: &EventKind) -> bool {
    match kind {
        // It sleeps between runs as well, and then there is nothing to tell.
        EventKind::PhaseEntered { phase } => *phase != LoopPhase::Sleep,
        EventKind::ToolCallRequested { .. }
        | EventKind::ToolCallStarted { .. }
        | EventKind::ToolCallCompleted { .. }
        | EventKind::ToolCallFailed { .. } => true,
        // What a user or a tool says names no call of a model, whatever it carries.
        EventKind::Message { role, .. } if !role.eq_ignore_ascii_case("assistant") => false,
        EventKind::AssistantMessageCommitted { model, .. } | EventKind::Message { model, .. } => {
            model.as_ref().is_some_and(|model| !model.is_empty())
        }
        _ => false,
    }
}
