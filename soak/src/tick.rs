//! What an agent does, again and again.

use std::time::Instant;

use hdrhistogram::Histogram;
use vigil::records::gen_ai::TokenUsage;
use vigil::records::life::Budget;
use vigil::semconv::gen_ai::ProviderName;
use vigil::semconv::life::OperatingMode;
use vigil::spans::gen_ai::AgentSpan;
use vigil::{Deliberate, Execute, Perceive, Reflect, agent_span, chat_span, phase_span, tool_span};

/// Spans of a tick; that of its run comes on top.
pub(crate) const SPANS: u64 = 6;
/// Log records of a tick: a line, and a change of mode.
pub(crate) const LOG_RECORDS: u64 = 2;

const TOOLS: [&str; 5] = ["read_file", "write_file", "search", "run_tests", "shell"];

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

/// Numbers that look random and are the same each time.
fn scatter(number: u64) -> u64 {
    let mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb)
}

/// An id as long as a UUID.
pub(crate) fn session(number: u16) -> String {
    format!(
        "{:016x}{:016x}",
        scatter(number.into()),
        scatter(u64::from(number) + 1)
    )
}

/// A run of so many ticks; the `number`th of its agent.
pub(crate) fn run(session: &str, number: u64, ticks: u64, ends: &mut Ends) {
    let agent = agent_span(session, "soak")
        .run_id(format!("run-{number}"))
        .start();
    for tick_number in 0..ticks {
        tick(&agent, number * ticks + tick_number, ends);
    }
    ends.end(agent);
}

/// What differs from tick to tick in real life differs here, so that it compresses no better.
fn tick(agent: &AgentSpan, number: u64, ends: &mut Ends) {
    let random = scatter(number);
    let tokens = |most: u64| i64::try_from(random % most).unwrap_or(0);
    let model = if random.is_multiple_of(3) {
        "claude-haiku-4-5"
    } else {
        "claude-sonnet-4-5"
    };
    let perceive = phase_span(agent, Perceive);
    perceive.record_budget(&Budget::new(tokens(200_000)).cost_remaining_usd(2.5));
    ends.end(perceive);
    let deliberate = phase_span(agent, Deliberate);
    let chat = chat_span(&deliberate, model, ProviderName::Anthropic)
        .request_max_tokens(4_096)
        .request_temperature(0.7)
        .start();
    chat.in_scope(|| tracing::info!(number, "asking the model"));
    let usage = TokenUsage::default();
    chat.record_token_usage(
        &usage
            .input_tokens(tokens(20_000))
            .output_tokens(tokens(900)),
    );
    chat.record_finish_reason("tool_call");
    chat.record_response_id(format!("msg_{random:020x}"));
    chat.record_response_model(model);
    ends.end(chat);
    ends.end(deliberate);
    let execute = phase_span(agent, Execute);
    let place = usize::try_from(random % TOOLS.len() as u64).unwrap_or(0);
    let tool = tool_span(&execute, TOOLS[place], format!("toolu_{random:020x}")).start();
    let fails = random.is_multiple_of(20);
    let _ = tool.run_blocking(|| if fails { Err(std::fmt::Error) } else { Ok(()) });
    ends.end(tool);
    ends.end(execute);
    let reflect = phase_span(agent, Reflect);
    reflect.record_mode_transition(OperatingMode::Explore, OperatingMode::Recover);
    ends.end(reflect);
}
