//! What an agent does, again and again.

use std::time::Instant;

use hdrhistogram::Histogram;
use vigil::records::gen_ai::TokenUsage;
use vigil::records::life::Budget;
use vigil::semconv::gen_ai::ProviderName;
use vigil::semconv::life::OperatingMode;
use vigil::{Deliberate, Execute, Perceive, Reflect, agent_span, chat_span, phase_span, tool_span};

/// Spans of a tick.
pub(crate) const SPANS: u64 = 7;
/// Log records of a tick: a line, and a change of mode.
pub(crate) const LOG_RECORDS: u64 = 2;

/// How long the ends of spans take, in nanoseconds on the clock, for who wants to know.
#[derive(Default)]
pub(crate) struct Ends(Option<Histogram<u64>>);

impl Ends {
    pub(crate) fn timed() -> Self {
        Self(Some(nanos()))
    }

    pub(crate) fn into_times(self) -> Option<Histogram<u64>> {
        self.0
    }

    /// Ends a span.
    fn end(&mut self, span: impl Sized) {
        match &mut self.0 {
            None => drop(span),
            Some(times) => {
                let begun = Instant::now();
                drop(span);
                record(times, begun);
            }
        }
    }
}

/// Of times up to minutes, to a hundredth.
pub(crate) fn nanos() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 600_000_000_000, 2).expect("sensible bounds")
}

/// Records what has passed since.
pub(crate) fn record(times: &mut Histogram<u64>, since: Instant) {
    times.saturating_record(u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX));
}

pub(crate) fn tick(session: &str, number: u64, ends: &mut Ends) {
    let agent = agent_span(session, "soak").run_id("r-1").start();
    let perceive = phase_span(&agent, Perceive);
    perceive.record_budget(&Budget::new(1_000).cost_remaining_usd(2.5));
    ends.end(perceive);
    let deliberate = phase_span(&agent, Deliberate);
    let chat = chat_span(&deliberate, "claude-sonnet-4-5", ProviderName::Anthropic)
        .request_max_tokens(4_096)
        .start();
    chat.in_scope(|| tracing::info!(number, "asking the model"));
    chat.record_token_usage(&TokenUsage::default().input_tokens(1_200).output_tokens(80));
    chat.record_finish_reason("stop");
    ends.end(chat);
    ends.end(deliberate);
    let execute = phase_span(&agent, Execute);
    let tool = tool_span(&execute, "shell", "call-1").start();
    let _: Result<(), std::fmt::Error> = tool.run_blocking(|| Err(std::fmt::Error));
    ends.end(tool);
    ends.end(execute);
    let reflect = phase_span(&agent, Reflect);
    reflect.record_mode_transition(OperatingMode::Explore, OperatingMode::Recover);
    ends.end(reflect);
    ends.end(agent);
}
