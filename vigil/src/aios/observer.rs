//! Spans from the events of agents.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aios_protocol::event::{EventEnvelope, EventKind, EventRecord, LoopPhase, TokenUsage};

use super::event_kind;
use crate::carrier::{Handle, Parent, Text, TypedSpan, captures, told_at};
use crate::content::Message;
use crate::events::exception::Exception;
use crate::records::life::{AgentState, Budget};
use crate::semconv::life::{OperatingMode, ToolStatus};
use crate::semconv::vigil::INFERRED;
use crate::spans::gen_ai::{AgentSpan, ToolSpan, agent_span, chat_span, tool_span};
use crate::spans::life::{
    AnyPhaseSpan, Deliberate, Execute, PhaseSpan, phase_span, phase_span_dyn,
};

/// How many runs may be open at once; the one that was silent for longest makes room.
const MAX_RUNS: usize = 1024;
/// How many calls of tools may be wanted or open at once within a run; the oldest makes room.
const MAX_CALLS: usize = 1024;

/// Follows the events of agents, and opens and closes the spans that they tell of.
///
/// A *run* is what happens on one branch of one session from `RunStarted` to `RunFinished` or
/// `RunErrored`: an agent span, with phases, model calls and tool calls under it.
///
/// - [`live`](Self::live): spans start and end when their events are observed, and are measured.
/// - [`replay`](Self::replay): they start and end when the events say, and nothing is measured, as it
///   was when it happened.
///
/// A model call is told only where a committed message names its model: from the beginning of its
/// Deliberate phase, or from the message before it, to the message, or to the end of the phase.
///
/// Events that don't fit are no trouble. What must have been there is made up for and marked
/// `vigil.inferred`: a run without `RunStarted`, a phase around a tool's call. A call that never ends is
/// `cancelled` when its run ends; so is a run that another one takes the place of. Events seen before
/// (by their sequence number) and kinds that tell of no span are passed over. Not more than 1024 runs
/// are kept open.
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
    /// The last event of each branch.
    seen: HashMap<Place, u64>,
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
    /// The event's place on its branch.
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
        let event = event.into();
        let place = (event.session_id.to_owned(), event.branch_id.to_owned());
        let again = self.seen.get(&place).is_some_and(|seen| event.seq <= *seen);
        if again {
            return;
        }
        self.remember(&place, event.seq);
        if self.replay {
            // Clocks jump; a trace goes forward.
            let time = self
                .runs
                .get(&place)
                .map_or(event.time, |run| run.last.max(event.time));
            told_at(time, || self.take(place, &event, time));
        } else {
            self.take(place, &event, SystemTime::now());
        }
    }

    /// Ends what is open.
    pub fn finish(mut self) {
        self.end_all();
    }

    fn end_all(&mut self) {
        for (_, run) in self.runs.drain() {
            run.abandon(self.replay);
        }
    }

    fn remember(&mut self, place: &Place, seq: u64) {
        // Without a run there is nothing that an old event could do twice.
        if self.seen.len() > 2 * MAX_RUNS {
            let runs = &self.runs;
            self.seen.retain(|place, _| runs.contains_key(place));
        }
        self.seen.insert(place.clone(), seq);
    }

    fn take(&mut self, place: Place, event: &ObservedEvent<'_>, now: SystemTime) {
        self.tick += 1;
        match event.kind {
            EventKind::RunStarted { provider, .. } => {
                // It may have begun before it was told.
                let begun = self.runs.remove(&place).filter(|run| !run.started);
                if let Some(mut run) = begun {
                    run.started = true;
                    run.provider = Some(provider.clone());
                    self.runs.insert(place, run);
                } else {
                    let mut run = self.open(event, now);
                    run.started = true;
                    run.provider = Some(provider.clone());
                    self.insert(place, run);
                }
            }
            EventKind::RunFinished { .. } => {
                if let Some(run) = self.runs.remove(&place) {
                    run.finish(None);
                }
            }
            EventKind::RunErrored { error } => {
                let run = self.runs.remove(&place);
                let run = run.unwrap_or_else(|| self.inferred(event, now));
                run.finish(Some(error));
            }
            // It waits between runs as well, and then there is nothing to tell.
            EventKind::PhaseEntered {
                phase: LoopPhase::Sleep,
            } if !self.runs.contains_key(&place) => {}
            kind if tells(kind) => {
                if !self.runs.contains_key(&place) {
                    let run = self.inferred(event, now);
                    self.insert(place.clone(), run);
                }
                let tick = self.tick;
                if let Some(run) = self.runs.get_mut(&place) {
                    run.tick = tick;
                    run.take(event, now);
                }
            }
            _ => {}
        }
    }

    fn open(&self, event: &ObservedEvent<'_>, now: SystemTime) -> Run {
        let mut agent =
            agent_span(event.session_id, self.agent_name.clone()).branch_id(event.branch_id);
        if let Some(run) = event.run_id {
            agent = agent.run_id(run);
        }
        if let Some(id) = event.agent_id {
            agent = agent.agent_id(id);
        }
        Run {
            agent: agent.start(),
            phase: None,
            deliberated: None,
            calls: Vec::new(),
            provider: None,
            budget: None,
            started: false,
            last: now,
            tick: self.tick,
        }
    }

    fn inferred(&self, event: &ObservedEvent<'_>, now: SystemTime) -> Run {
        let run = self.open(event, now);
        mark(&run.agent);
        run
    }

    fn insert(&mut self, place: Place, run: Run) {
        if self.runs.len() >= MAX_RUNS {
            let silent = self.runs.iter().min_by_key(|(_, run)| run.tick);
            if let Some(silent) = silent.map(|(place, _)| place.clone())
                && let Some(run) = self.runs.remove(&silent)
            {
                run.abandon(self.replay);
            }
        }
        if let Some(before) = self.runs.insert(place, run) {
            before.abandon(self.replay);
        }
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.end_all();
    }
}

/// Whether an event of this kind tells of a span, or of something on one.
fn tells(kind: &EventKind) -> bool {
    match kind {
        EventKind::PhaseEntered { .. }
        | EventKind::ToolCallRequested { .. }
        | EventKind::ToolCallStarted { .. }
        | EventKind::ToolCallCompleted { .. }
        | EventKind::ToolCallFailed { .. }
        | EventKind::BudgetUpdated { .. }
        | EventKind::ModeChanged { .. }
        | EventKind::StateEstimated { .. }
        | EventKind::ErrorRaised { .. } => true,
        EventKind::AssistantMessageCommitted { model, .. } | EventKind::Message { model, .. } => {
            model.is_some()
        }
        _ => false,
    }
}

fn mark(span: &Handle) {
    span.set::<bool>(INFERRED, true);
}

/// An open run.
#[derive(Debug)]
struct Run {
    agent: AgentSpan,
    phase: Option<AnyPhaseSpan>,
    deliberated: Option<Deliberated>,
    calls: Vec<Call>,
    provider: Option<String>,
    /// What was told where no contract lets it be recorded: it waits for a phase that does.
    budget: Option<Budget>,
    /// `RunStarted` was there.
    started: bool,
    last: SystemTime,
    tick: u64,
}

/// The last Deliberate phase, under which messages may be told after it has ended.
#[derive(Debug)]
struct Deliberated {
    phase: Parent<PhaseSpan<Deliberate>>,
    /// When the next model call can have begun.
    from: SystemTime,
    ended: Option<SystemTime>,
}

impl Deliberated {
    fn of(phase: &PhaseSpan<Deliberate>, now: SystemTime) -> Self {
        Self {
            phase: phase.parent(),
            from: now,
            ended: None,
        }
    }
}

/// A tool's call.
#[derive(Debug)]
struct Call {
    id: Option<String>,
    run: Option<String>,
    name: String,
    /// Kept until it starts, where content is captured.
    arguments: Option<String>,
    /// None while it is only wanted.
    span: Option<ToolSpan>,
}

/// A tool's call that starts.
struct Called<'a> {
    name: &'a str,
    id: &'a str,
    arguments: Option<String>,
    /// When it did, if not now.
    begun: Option<SystemTime>,
}

impl Run {
    fn take(&mut self, event: &ObservedEvent<'_>, now: SystemTime) {
        self.last = self.last.max(now);
        match event.kind {
            EventKind::PhaseEntered { phase } => self.enter(*phase, now),
            EventKind::AssistantMessageCommitted {
                role,
                content,
                model: Some(model),
                token_usage,
            }
            | EventKind::Message {
                role,
                content,
                model: Some(model),
                token_usage,
            } => {
                let message = Message::new(role.as_str()).text(content.as_str());
                self.message(model, message, token_usage.as_ref(), now);
            }
            EventKind::ToolCallRequested { .. }
            | EventKind::ToolCallStarted { .. }
            | EventKind::ToolCallCompleted { .. }
            | EventKind::ToolCallFailed { .. } => self.take_call(event.kind, now),
            EventKind::BudgetUpdated { budget, .. } => {
                self.budget = Some(Budget::from(budget));
                self.record_budget();
            }
            EventKind::ModeChanged { from, to, .. } => self.change_mode(from.into(), to.into()),
            EventKind::StateEstimated { state, mode } => {
                if let Some(phase) = &self.phase {
                    phase.record_operating_mode(mode.into());
                }
                if let Some(AnyPhaseSpan::Reflect(reflect)) = &self.phase {
                    reflect.record_agent_state(&AgentState::from(state));
                }
            }
            EventKind::ErrorRaised { message } => {
                let exception = Exception::default()
                    .exception_type(event_kind(event.kind))
                    .message(message.clone());
                match &self.phase {
                    Some(phase) => exception.emit(phase.handle()),
                    None => exception.emit(&self.agent),
                }
            }
            _ => {}
        }
    }

    fn take_call(&mut self, kind: &EventKind, now: SystemTime) {
        match kind {
            EventKind::ToolCallRequested {
                call_id,
                tool_name,
                arguments,
                ..
            } => self.keep(Call {
                id: Some(call_id.clone()),
                run: None,
                name: tool_name.clone(),
                arguments: captures().then(|| arguments.to_string()),
                span: None,
            }),
            EventKind::ToolCallStarted {
                tool_run_id,
                tool_name,
            } => {
                let wanted = self.calls.iter().position(|call| {
                    call.span.is_none() && call.run.is_none() && call.name == *tool_name
                });
                let wanted = wanted.map(|place| self.calls.remove(place));
                let (id, arguments) = wanted.map_or((None, None), |call| (call.id, call.arguments));
                let run = tool_run_id.as_str();
                let called = Called {
                    name: tool_name,
                    id: id.as_deref().unwrap_or(run),
                    arguments,
                    begun: None,
                };
                let span = self.start_tool(called, now);
                if id.is_none() {
                    // Nobody told what the model calls it.
                    mark(&span);
                }
                self.keep(Call {
                    id,
                    run: Some(run.to_owned()),
                    name: tool_name.clone(),
                    arguments: None,
                    span: Some(span),
                });
            }
            EventKind::ToolCallCompleted {
                tool_run_id,
                call_id,
                tool_name,
                result,
                duration_ms,
                status,
            } => {
                let run = tool_run_id.as_str();
                let begun = now.checked_sub(Duration::from_millis(*duration_ms));
                let ids = (call_id.as_deref(), Some(run));
                let span = self.end_call(ids, tool_name, begun, now);
                span.record_tool_call_result(|| result.to_string());
                span.record_tool_status(status.into());
            }
            EventKind::ToolCallFailed {
                call_id,
                tool_name,
                error,
            } => {
                let ids = (Some(call_id.as_str()), None);
                let span = self.end_call(ids, tool_name, None, now);
                span.record_tool_status(ToolStatus::Error);
                span.record_error_with(event_kind(kind), error.clone());
            }
            _ => {}
        }
    }

    /// Ends the phase that was open, and opens another.
    fn enter(&mut self, phase: LoopPhase, now: SystemTime) {
        self.leave(now);
        let phase = phase_span_dyn(&self.agent, phase.into());
        if let AnyPhaseSpan::Deliberate(deliberate) = &phase {
            self.deliberated = Some(Deliberated::of(deliberate, now));
        }
        self.phase = Some(phase);
        self.record_budget();
    }

    fn leave(&mut self, now: SystemTime) {
        if let Some(AnyPhaseSpan::Deliberate(_)) = &self.phase
            && let Some(deliberated) = &mut self.deliberated
        {
            deliberated.ended = Some(now);
        }
        self.phase = None;
    }

    /// The Execute phase that is open, or one that must have been.
    fn execute(&mut self, now: SystemTime) -> Parent<PhaseSpan<Execute>> {
        if let Some(AnyPhaseSpan::Execute(execute)) = &self.phase {
            return execute.parent();
        }
        self.leave(now);
        let execute = phase_span(&self.agent, Execute);
        mark(&execute);
        let parent = execute.parent();
        self.phase = Some(AnyPhaseSpan::Execute(execute));
        parent
    }

    /// A model's call, from what was committed of it.
    fn message(
        &mut self,
        model: &str,
        message: Message<'_>,
        usage: Option<&TokenUsage>,
        now: SystemTime,
    ) {
        if self.deliberated.is_none() {
            self.phase = None;
            let deliberate = phase_span(&self.agent, Deliberate);
            mark(&deliberate);
            self.deliberated = Some(Deliberated::of(&deliberate, now));
            self.phase = Some(AnyPhaseSpan::Deliberate(deliberate));
        }
        let Some(deliberated) = &mut self.deliberated else {
            return;
        };
        let from = deliberated.from;
        // Committed later than the model answered: the phase had ended by then.
        let to = deliberated.ended.unwrap_or(now).max(from);
        deliberated.from = to;
        let provider = self.provider.clone();
        let chat = chat_span(
            &deliberated.phase,
            model.to_owned(),
            provider.clone().unwrap_or_else(|| "_OTHER".to_owned()),
        )
        .start_time(from)
        .start();
        if provider.is_none() {
            mark(&chat);
        }
        chat.record_output_messages(|| message);
        if let Some(usage) = usage {
            chat.record_token_usage(&usage.into());
        }
        chat.end_at(to);
    }

    fn keep(&mut self, call: Call) {
        if self.calls.len() >= MAX_CALLS {
            // Dropped, it is `cancelled`.
            self.calls.remove(0);
        }
        self.calls.push(call);
    }

    /// A tool's span, from now on or from a time before.
    fn start_tool(&mut self, called: Called<'_>, now: SystemTime) -> ToolSpan {
        let execute = self.execute(now);
        let mut tool = tool_span(&execute, called.name.to_owned(), called.id.to_owned());
        if let Some(arguments) = called.arguments {
            tool = tool.tool_call_arguments(|| arguments);
        }
        if let Some(begun) = called.begun {
            tool = tool.start_time(begun);
        }
        tool.start()
    }

    /// Takes the call out of those that are open; one that nobody told of began at `begun`.
    fn end_call(
        &mut self,
        (id, run): (Option<&str>, Option<&str>),
        name: &str,
        begun: Option<SystemTime>,
        now: SystemTime,
    ) -> ToolSpan {
        let of_run = |call: &Call| run.is_some() && call.run.as_deref() == run;
        let of_id = |call: &Call| id.is_some() && call.id.as_deref() == id;
        let place = self
            .calls
            .iter()
            .position(of_run)
            .or_else(|| self.calls.iter().position(of_id));
        let call = place.map(|place| self.calls.remove(place));
        let arguments = match call {
            Some(Call {
                span: Some(span), ..
            }) => return span,
            call => call.and_then(|call| call.arguments),
        };
        let called = Called {
            name,
            id: id.or(run).unwrap_or_default(),
            arguments,
            begun,
        };
        let span = self.start_tool(called, now);
        mark(&span);
        span
    }

    fn record_budget(&mut self) {
        let Some(budget) = &self.budget else { return };
        match &self.phase {
            Some(AnyPhaseSpan::Perceive(perceive)) => perceive.record_budget(budget),
            Some(AnyPhaseSpan::Reflect(reflect)) => reflect.record_budget(budget),
            _ => return,
        }
        self.budget = None;
    }

    fn change_mode(&self, from: OperatingMode, to: OperatingMode) {
        match &self.phase {
            Some(AnyPhaseSpan::Deliberate(phase)) => phase.record_mode_transition(from, to),
            Some(AnyPhaseSpan::Gate(phase)) => phase.record_mode_transition(from, to),
            Some(AnyPhaseSpan::Execute(phase)) => phase.record_mode_transition(from, to),
            Some(AnyPhaseSpan::Reflect(phase)) => phase.record_mode_transition(from, to),
            Some(phase) => phase.record_operating_mode(to),
            None => {}
        }
    }

    /// Ends the run in order, or with an error.
    fn finish(mut self, error: Option<&str>) {
        self.calls.clear();
        self.phase = None;
        if let Some(error) = error {
            self.agent.record_error_with("RunErrored", error.to_owned());
        }
    }

    /// Ends a run that nobody has ended.
    fn abandon(mut self, replay: bool) {
        let last = self.last;
        let end = || {
            self.calls.clear();
            self.phase = None;
            self.agent.record_error("cancelled");
            drop(self);
        };
        if replay { told_at(last, end) } else { end() }
    }
}
