//! The tick, written once for each that is compared.
//!
//! The agent span is held open. A tick is Perceive with the budget, Deliberate with a chat, Execute
//! with a tool, Reflect with a change of mode: 6 spans and 8 measurements. What identifies the work
//! stands on every span, as it does on Vigil's; `life-vigil` has no function for that.

pub(crate) mod bare;
pub(crate) mod by_hand;
pub(crate) mod life_vigil;
pub(crate) mod vigil;

use crate::cases::{Case, Who};
use crate::sinks::Kept;

/// Who works, and on what.
pub(crate) const SESSION: &str = "session-0001";
pub(crate) const AGENT: &str = "arcan";
pub(crate) const MODEL: &str = "claude-sonnet-4-5";
pub(crate) const PROVIDER: &str = "anthropic";
pub(crate) const RESPONSE: &str = "msg_01XFDUDYJgAACzvnptvVoYEL";
pub(crate) const TOOL: &str = "read_file";
pub(crate) const CALL: &str = "toolu_01A09q90qw90lq917835lq9";

/// One that is compared.
pub(crate) trait Subject {
    /// One tick of the agent's loop.
    fn tick(&mut self);

    /// Lets what waits for its export leave.
    fn flush(&mut self) {}

    /// Some ticks.
    fn ticks(&mut self, ticks: u32) {
        for _ in 0..ticks {
            self.tick();
        }
    }
}

/// The subject, ready to tick. If `kept` is given, what it exports is kept there.
pub(crate) fn build(case: Case, who: Who, kept: Option<&Kept>) -> Box<dyn Subject> {
    match who {
        Who::Vigil | Who::VigilInit | Who::VigilEvents | Who::VigilBound => {
            vigil::build(case, who, kept)
        }
        Who::LifeVigil => life_vigil::build(case, kept),
        Who::ByHand => by_hand::build(case, kept),
        Who::Bare => bare::build(case, false, kept),
        Who::Floor => bare::build(case, true, kept),
    }
}

/// What the model and the tool do: nothing, and that is not optimized away.
#[inline(never)]
pub(crate) fn work() -> Result<(), std::io::Error> {
    std::hint::black_box(Ok(()))
}
