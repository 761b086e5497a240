//! An open run, and the spans in it.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use aios_protocol::event::{EventKind, LoopPhase, TokenUsage};

use super::ObservedEvent;
use crate::aios::event_kind;
use crate::carrier::{self, Handle, Parent, Root, Text, TypedSpan, captures, told_at};
use crate::content::Message;
use crate::events::exception::Exception;
use crate::events::life::definitions::MODE_TRANSITION;
use crate::metrics::life::{MODE_TRANSITIONS, ModeTransitionsAttributes};
use crate::records::life::{AgentState, Budget};
use crate::semconv::gen_ai::{TOOL_CALL_ARGUMENTS, TOOL_CALL_ID};
use crate::semconv::life::{MODE_FROM, MODE_TO, OperatingMode, ToolStatus};
use crate::semconv::vigil::INFERRED;
use crate::spans::gen_ai::{AgentSpan, ToolSpan, agent_span, chat_span, tool_span};
use crate::spans::life::{
    AnyPhaseSpan, Deliberate, Execute, PhaseSpan, phase_span, phase_span_dyn,
};

/// How many calls of tools may be wanted or open at once; the oldest makes room.
const MAX_CALLS: usize = 1024;
/// How many calls that have ended are known, so that nobody tells of them twice.
const MAX_ENDED: usize = 64;

#[derive(Debug)]
pub(super) struct Run {
    agent: AgentSpan,
    phase: Option<AnyPhaseSpan>,
    begun: SystemTime,
    /// When the phase began.
    entered: SystemTime,
    deliberated: Option<Deliberated>,
    calls: Vec<Call>,
    ended: VecDeque<Ended>,
    provider: Option<String>,
    /// What was told where no contract lets it be recorded: it waits for a phase that does.
    budget: Option<Budget>,
    /// `RunStarted` was there.
    started: bool,
    /// The place of its first event.
    first: u64,
    /// When its last event happened.
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

/// What a call of a tool is known by.
#[derive(Clone, Debug, Default)]
struct Ids {
    /// By the model.
    call: Option<String>,
    /// By whoever runs the tool.
    run: Option<String>,
}

impl Ids {
    fn of(call: Option<&str>, run: Option<&str>) -> Self {
        Self {
            call: call.map(str::to_owned),
            run: run.map(str::to_owned),
        }
    }

    fn same_call(&self, other: &Self) -> bool {
        self.call.is_some() && self.call == other.call
    }

    fn same_run(&self, other: &Self) -> bool {
        self.run.is_some() && self.run == other.run
    }
}

/// A call that has ended.
#[derive(Debug)]
struct Ended {
    ids: Ids,
    name: String,
}

impl Ended {
    fn is(&self, ids: &Ids) -> bool {
        self.ids.same_call(ids) || self.ids.same_run(ids)
    }
}

/// A tool's call.
#[derive(Debug)]
struct Call {
    ids: Ids,
    name: String,
    /// Where content is captured.
    arguments: Option<String>,
    /// None while it is only wanted.
    span: Option<ToolSpan>,
    // It ends after what is in it.
    /// A phase of its own, as it belongs to none that was told of.
    execute: Option<PhaseSpan<Execute>>,
}

impl Call {
    fn wanted(ids: Ids, name: &str, arguments: Option<String>) -> Self {
        Self {
            ids,
            name: name.to_owned(),
            arguments,
            span: None,
            execute: None,
        }
    }

    /// It turns out which of those that were wanted it is.
    fn is(&mut self, id: Option<String>, arguments: Option<String>) {
        if let Some(span) = &self.span {
            if let Some(id) = id.as_ref().or(self.ids.run.as_ref()) {
                span.set::<Text>(TOOL_CALL_ID, id.as_str());
            }
            if id.is_none() {
                // Nobody told what the model calls it.
                mark(span);
            }
            if let Some(arguments) = &arguments {
                span.set_sensitive::<Text, _>(TOOL_CALL_ARGUMENTS, || arguments.clone());
            }
        }
        self.ids.call = id;
        self.arguments = arguments;
    }
}

fn mark(span: &Handle) {
    span.set::<bool>(INFERRED, true);
}

impl Run {
    pub(super) fn open(
        name: Text,
        event: &ObservedEvent<'_>,
        begun: Option<SystemTime>,
        tick: u64,
    ) -> Self {
        let mut agent = agent_span(event.session_id, name)
            .parent(&Root)
            .branch_id(event.branch_id);
        if let Some(begun) = begun {
            agent = agent.start_time(begun);
        }
        if let Some(run) = event.run_id {
            agent = agent.run_id(run);
        }
        if let Some(id) = event.agent_id {
            agent = agent.agent_id(id);
        }
        let agent = agent.start();
        let begun = begun.unwrap_or_else(carrier::now);
        Self {
            agent,
            phase: None,
            begun,
            entered: begun,
            deliberated: None,
            calls: Vec::new(),
            ended: VecDeque::new(),
            provider: None,
            budget: None,
            started: false,
            first: event.seq,
            last: begun,
            tick,
        }
    }

    /// A run whose beginning nobody told of. It is as old as what is told of it.
    pub(super) fn inferred(
        name: Text,
        event: &ObservedEvent<'_>,
        now: SystemTime,
        tick: u64,
    ) -> Self {
        let begun = match event.kind {
            EventKind::ToolCallCompleted { duration_ms, .. } => Some(before(now, *duration_ms)),
            _ => None,
        };
        let run = Self::open(name, event, begun, tick);
        mark(&run.agent);
        run
    }

    pub(super) fn started(mut self, provider: &str, seq: u64) -> Self {
        self.started = true;
        self.provider = Some(provider.to_owned()).filter(|provider| !provider.is_empty());
        self.first = self.first.min(seq);
        self
    }

    pub(super) fn is_started(&self) -> bool {
        self.started
    }

    pub(super) fn first(&self) -> u64 {
        self.first
    }

    pub(super) fn last(&self) -> SystemTime {
        self.last
    }

    pub(super) fn tick(&self) -> u64 {
        self.tick
    }

    pub(super) fn take(&mut self, event: &ObservedEvent<'_>, tick: u64, now: SystemTime) {
        self.tick = tick;
        self.last = self.last.max(now);
        match event.kind {
            EventKind::PhaseEntered { phase } => self.enter(*phase, now),
            EventKind::ToolCallRequested { .. } | EventKind::ToolCallStarted { .. } => {
                let ids = ids(event.kind);
                // A second try of what has ended.
                self.ended.retain(|ended| !ended.is(&ids));
                self.take_call(event.kind, false, now);
            }
            EventKind::BudgetUpdated { budget, .. } => self.take_budget(budget),
            EventKind::ModeChanged { from, to, .. } => self.change_mode(from.into(), to.into()),
            EventKind::StateEstimated { state, mode } => {
                if let Some(phase) = &self.phase {
                    phase.record_operating_mode(mode.into());
                }
                if let Some(AnyPhaseSpan::Reflect(reflect)) = &self.phase {
                    reflect.record_agent_state(&AgentState::from(state));
                }
                self.take_budget(&state.budget);
            }
            _ => self.take_any_time(event.kind, false, now),
        }
    }

    /// Takes an event that others have overtaken, if it can still be told.
    pub(super) fn take_late(&mut self, event: &ObservedEvent<'_>, tick: u64, now: SystemTime) {
        self.tick = tick;
        self.last = self.last.max(now);
        self.take_any_time(event.kind, true, now);
    }

    fn take_any_time(&mut self, kind: &EventKind, late: bool, now: SystemTime) {
        match kind {
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
                let message = || Message::new(role.as_str()).text(content.as_str());
                let answers = !matches!(kind, EventKind::Message { .. })
                    || role.eq_ignore_ascii_case("assistant");
                // Without a name it names none; nor is what a user says a call.
                if answers && !model.is_empty() {
                    self.message(model, message, token_usage.as_ref(), now);
                }
            }
            EventKind::ErrorRaised { message } => {
                let exception = Exception::default()
                    .exception_type(event_kind(kind))
                    .message(message.clone());
                match &self.phase {
                    Some(phase) => exception.emit(phase.handle()),
                    None => exception.emit(&self.agent),
                }
            }
            kind => self.take_call(kind, late, now),
        }
    }

    fn take_call(&mut self, kind: &EventKind, late: bool, now: SystemTime) {
        let ids = ids(kind);
        match kind {
            EventKind::ToolCallRequested {
                tool_name,
                arguments,
                ..
            } => {
                if late && self.ended.iter().any(|ended| ended.is(&ids)) {
                    return;
                }
                let arguments = captures().then(|| arguments.to_string());
                // It may have been started before it was told who wants it.
                let started = self.calls.iter_mut().find(|call| {
                    late && call.span.is_some()
                        && call.ids.call.is_none()
                        && call.name == *tool_name
                });
                if let Some(call) = started {
                    call.is(ids.call, arguments);
                } else {
                    self.keep(Call::wanted(ids, tool_name, arguments));
                }
            }
            EventKind::ToolCallStarted { tool_name, .. } => {
                if late && self.was_started(&ids, tool_name) {
                    return;
                }
                let wanted = self.calls.iter().position(|call| {
                    call.span.is_none() && call.ids.run.is_none() && call.name == *tool_name
                });
                let mut call = match wanted {
                    Some(wanted) => self.calls.remove(wanted),
                    None => Call::wanted(Ids::default(), tool_name, None),
                };
                call.ids.run = ids.run;
                if !late {
                    self.execute(now);
                }
                self.start_call(&mut call, None);
                self.keep(call);
            }
            EventKind::ToolCallCompleted {
                tool_name,
                result,
                duration_ms,
                status,
                ..
            } => {
                let begun = before(now, *duration_ms);
                self.end_call(&ids, tool_name, Some(begun), |span| {
                    span.record_tool_call_result(|| result.to_string());
                    span.record_tool_status(status.into());
                });
            }
            EventKind::ToolCallFailed {
                tool_name, error, ..
            } => self.end_call(&ids, tool_name, None, |span| {
                span.record_tool_status(ToolStatus::Error);
                span.record_error_with(event_kind(kind), error.clone());
            }),
            _ => {}
        }
    }

    /// Ends the phase that was open, and opens another.
    fn enter(&mut self, phase: LoopPhase, now: SystemTime) {
        self.leave(now);
        let phase = phase_span_dyn(&self.agent, phase.into());
        // A little later than `now`, and nothing in it may begin before it.
        self.entered = carrier::now();
        if let AnyPhaseSpan::Deliberate(deliberate) = &phase {
            self.deliberated = Some(Deliberated {
                phase: deliberate.parent(),
                from: self.entered,
                ended: None,
            });
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

    /// A call starts now: if this is not the Execute phase, it must have begun.
    fn execute(&mut self, now: SystemTime) {
        if !matches!(self.phase, Some(AnyPhaseSpan::Execute(_))) {
            self.enter(LoopPhase::Execute, now);
            if let Some(phase) = &self.phase {
                mark(phase.handle());
            }
        }
    }

    /// A model's call, from what was committed of it.
    fn message<'a>(
        &mut self,
        model: &str,
        message: impl FnOnce() -> Message<'a>,
        usage: Option<&TokenUsage>,
        now: SystemTime,
    ) {
        let inferred;
        let (phase, from, to) = if let Some(deliberated) = &mut self.deliberated {
            let from = deliberated.from;
            // Committed later than the model answered: the phase had ended by then.
            let to = deliberated.ended.unwrap_or(now).max(from);
            deliberated.from = to;
            (&deliberated.phase, from, to)
        } else {
            // Nobody told of it, so nobody knows how long it was. The next message has its own.
            let deliberate = phase_span(&self.agent, Deliberate);
            mark(&deliberate);
            inferred = deliberate.parent();
            let now = carrier::now();
            (&inferred, now, now)
        };
        let provider = self.provider.clone();
        let chat = chat_span(
            phase,
            model.to_owned(),
            provider.clone().unwrap_or_else(|| "_OTHER".to_owned()),
        )
        .start_time(from)
        .start();
        if provider.is_none() {
            mark(&chat);
        }
        chat.record_output_messages(message);
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

    /// A tool's span, from now or `begun` on, in the Execute phase that is open, or one that must have
    /// been.
    fn start_call(&self, call: &mut Call, begun: Option<SystemTime>) {
        let (execute, begun) = if let Some(AnyPhaseSpan::Execute(execute)) = &self.phase {
            (execute.parent(), begun.map(|begun| begun.max(self.entered)))
        } else {
            let mut execute = PhaseSpan::builder(&self.agent, Execute);
            if let Some(begun) = begun {
                execute = execute.start_time(begun);
            }
            let execute = call.execute.insert(execute.start());
            mark(execute);
            (execute.parent(), begun)
        };
        let id = call.ids.call.as_ref().or(call.ids.run.as_ref());
        let id = id.cloned().unwrap_or_default();
        let mut tool = tool_span(&execute, call.name.clone(), id);
        if let Some(arguments) = &call.arguments {
            tool = tool.tool_call_arguments(|| arguments.as_str());
        }
        if let Some(begun) = begun {
            tool = tool.start_time(begun);
        }
        let tool = tool.start();
        if call.ids.call.is_none() {
            // Nobody told what the model calls it.
            mark(&tool);
        }
        call.span = Some(tool);
    }

    /// Ends a call, or one that nobody told of and that began at `begun`.
    fn end_call(
        &mut self,
        ids: &Ids,
        name: &str,
        begun: Option<SystemTime>,
        end: impl FnOnce(&ToolSpan),
    ) {
        let place = self.calls.iter().position(|call| call.ids.same_run(ids));
        let place = place.or_else(|| self.calls.iter().position(|call| call.ids.same_call(ids)));
        // It may have completed and failed.
        if place.is_none() && self.has_ended(ids) {
            return;
        }
        let place = place.or_else(|| self.nameless(ids, name));
        let mut call = match place {
            Some(place) => self.calls.remove(place),
            None => Call::wanted(ids.clone(), name, None),
        };
        // Wanted, and started without anybody telling.
        call.ids.run = call.ids.run.or_else(|| ids.run.clone());
        // Started calls have no id of the model's: of two calls of a tool the other may be meant.
        if ids.call.is_some() && !call.ids.same_call(ids) {
            let other = self.calls.iter_mut().find(|other| other.ids.same_call(ids));
            let arguments = match other {
                Some(other) => {
                    let arguments = other.arguments.take();
                    other.is(call.ids.call.take(), call.arguments.take());
                    arguments
                }
                None => call.arguments.take(),
            };
            call.is(ids.call.clone(), arguments);
        }
        if call.span.is_none() {
            // Not before the run.
            let begun = begun.map(|begun| begun.max(self.begun));
            self.start_call(&mut call, begun);
            if let Some(span) = &call.span {
                mark(span);
            }
        }
        if let Some(span) = &call.span {
            end(span);
        }
        if self.ended.len() >= MAX_ENDED {
            self.ended.pop_front();
        }
        self.ended.push_back(Ended {
            ids: Ids {
                call: call.ids.call.take(),
                run: call.ids.run.take(),
            },
            name: std::mem::take(&mut call.name),
        });
    }

    /// The oldest call of this name that lacks the only id that what ends has: the event between, which
    /// has the other, is missing.
    fn nameless(&self, ids: &Ids, name: &str) -> Option<usize> {
        self.calls.iter().position(|call| {
            let lacks = match (&ids.call, &ids.run) {
                // It was started, and nobody told who wants it.
                (Some(_), None) => call.span.is_some() && call.ids.call.is_none(),
                // It was wanted, and nobody told that it started.
                (None, Some(_)) => call.span.is_none() && call.ids.run.is_none(),
                _ => false,
            };
            lacks && call.name == name
        })
    }

    /// Whether what ends with these ids is a call that has ended, and not a second try of it.
    fn has_ended(&self, ids: &Ids) -> bool {
        self.ended.iter().any(|ended| {
            let two_runs = ended.ids.run.is_some() && ids.run.is_some();
            ended.ids.same_run(ids) || (ended.ids.same_call(ids) && !two_runs)
        })
    }

    /// Whether what starts late has ended already: it has, or one of its name has of which nobody
    /// told how it was run.
    fn was_started(&mut self, ids: &Ids, name: &str) -> bool {
        if self.ended.iter().any(|ended| ended.is(ids)) {
            return true;
        }
        let mut ended = self.ended.iter_mut();
        let nameless = ended.find(|ended| ended.ids.run.is_none() && ended.name == name);
        match nameless {
            Some(ended) => {
                ended.ids.run.clone_from(&ids.run);
                true
            }
            None => false,
        }
    }

    fn take_budget(&mut self, budget: &aios_protocol::BudgetState) {
        self.budget = Some(Budget::from(budget));
        self.record_budget();
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
            // No contract lets this phase record it; what was told is told all the same.
            _ => {
                self.agent.emit(&MODE_TRANSITION, |attributes| {
                    attributes.set::<OperatingMode>(MODE_FROM, from);
                    attributes.set::<OperatingMode>(MODE_TO, to);
                });
                MODE_TRANSITIONS.add(1, &ModeTransitionsAttributes::new(from, to));
            }
        }
    }

    /// Ends the run in good order.
    pub(super) fn finish(mut self, answer: Option<&str>) {
        self.end_all();
        if let Some(answer) = answer {
            self.agent
                .record_output_messages(|| Message::assistant().text(answer));
        }
    }

    /// Ends the run with an error.
    pub(super) fn fail(mut self, error: &str) {
        self.end_all();
        self.agent.record_error_with("RunErrored", error.to_owned());
    }

    /// Ends a run that nobody has ended.
    pub(super) fn abandon(mut self, replay: bool) {
        let last = self.last;
        let end = || {
            self.end_all();
            self.agent.record_error("cancelled");
            drop(self);
        };
        if replay { told_at(last, end) } else { end() }
    }

    fn end_all(&mut self) {
        self.calls.clear();
        self.phase = None;
    }
}

/// What an event calls the call of a tool that it tells of.
fn ids(kind: &EventKind) -> Ids {
    match kind {
        EventKind::ToolCallRequested { call_id, .. }
        | EventKind::ToolCallFailed { call_id, .. } => Ids::of(Some(call_id), None),
        EventKind::ToolCallStarted { tool_run_id, .. } => Ids::of(None, Some(tool_run_id.as_str())),
        EventKind::ToolCallCompleted {
            tool_run_id,
            call_id,
            ..
        } => Ids::of(call_id.as_deref(), Some(tool_run_id.as_str())),
        _ => Ids::default(),
    }
}

/// So many milliseconds before.
fn before(now: SystemTime, millis: u64) -> SystemTime {
    let before = now.checked_sub(Duration::from_millis(millis));
    before.unwrap_or(now).max(SystemTime::UNIX_EPOCH.min(now))
}
