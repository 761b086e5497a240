//! What is compared, and where.

use std::fmt;

use clap::ValueEnum;

/// What the tick is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Case {
    /// Nobody listens.
    Off,
    /// Lines for people, without a collector.
    Pretty,
    /// The same, and one log event a tick.
    PrettyEvent,
    /// JSON lines, without a collector.
    Json,
    /// The same, and one log event a tick.
    JsonEvent,
    /// Spans through a batch processor to an exporter that drops them, metrics to a reader.
    Export,
    /// The same, and one log event a tick, as a line and on its span.
    ExportLines,
    /// The sampler drops every trace; metrics are measured.
    SampledOut,
    /// The eight measurements without spans.
    Metrics,
}

impl Case {
    pub(crate) const ALL: [Self; 9] = [
        Self::Off,
        Self::Pretty,
        Self::PrettyEvent,
        Self::Json,
        Self::JsonEvent,
        Self::Export,
        Self::ExportLines,
        Self::SampledOut,
        Self::Metrics,
    ];

    /// Who is compared; the first is what the others are set against.
    pub(crate) fn who(self) -> &'static [Who] {
        use Who::{Bare, ByHand, Floor, LifeVigil, Vigil, VigilBound, VigilEvents, VigilInit};
        match self {
            Self::Off => &[Vigil, LifeVigil, ByHand, Bare],
            Self::Pretty | Self::PrettyEvent | Self::Json | Self::JsonEvent => {
                &[VigilInit, VigilEvents, LifeVigil, ByHand]
            }
            Self::Export => &[Vigil, VigilInit, LifeVigil, ByHand, Bare, Floor],
            Self::ExportLines => &[Vigil, VigilInit, LifeVigil, ByHand],
            Self::SampledOut => &[Vigil, VigilInit, LifeVigil, ByHand, Bare],
            Self::Metrics => &[Vigil, VigilBound, LifeVigil, Bare, Floor],
        }
    }

    /// Whether the tick logs.
    pub(crate) fn logs(self) -> bool {
        matches!(
            self,
            Self::PrettyEvent | Self::JsonEvent | Self::ExportLines
        )
    }

    /// Whether lines are JSON.
    pub(crate) fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::JsonEvent)
    }

    /// Whether there are lines and no collector.
    pub(crate) fn is_local(self) -> bool {
        matches!(
            self,
            Self::Pretty | Self::PrettyEvent | Self::Json | Self::JsonEvent
        )
    }

    /// Ticks of one measured portion: less than fills the SDK's queue of 2,048 spans.
    pub(crate) fn ticks(self) -> u32 {
        match self {
            Self::Off => 20_000,
            Self::Metrics => 2_000,
            _ => 300,
        }
    }

    pub(crate) fn name(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::Pretty => "local, pretty",
            Self::PrettyEvent => "local, pretty, one event",
            Self::Json => "local, JSON",
            Self::JsonEvent => "local, JSON, one event",
            Self::Export => "export",
            Self::ExportLines => "export, log lines, one event",
            Self::SampledOut => "sampled out",
            Self::Metrics => "metrics alone",
        })
    }
}

/// Who ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Who {
    /// Vigil's layers, on the same SDK as the others.
    Vigil,
    /// Vigil as `vigil::init` puts it together.
    VigilInit,
    /// Vigil's log layer without lines of spans: what `life-vigil` writes.
    VigilEvents,
    /// Vigil's instruments, each bound to its attributes.
    VigilBound,
    /// `life-vigil` 0.3.0.
    LifeVigil,
    /// `tracing` and `tracing-opentelemetry`, written by hand.
    ByHand,
    /// The SDK alone, with cached attributes of metrics.
    Bare,
    /// The SDK with bound instruments, and a `tracing` span beside each of its own.
    Floor,
}

impl Who {
    pub(crate) fn name(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }

    /// What it is called in that case.
    pub(crate) fn title(self, case: Case) -> &'static str {
        match (self, case) {
            (Self::Vigil, _) => "Vigil",
            (Self::VigilInit, _) => "Vigil, `init`",
            (Self::VigilEvents, _) => "Vigil, no lines of spans",
            (Self::VigilBound, _) => "Vigil, bound instruments",
            (Self::LifeVigil, _) => "life-vigil",
            (Self::ByHand, _) => "by hand",
            (Self::Bare, Case::Metrics) => "SDK, cached attributes",
            (Self::Floor, Case::Metrics) => "SDK, bound instruments",
            (Self::Bare, _) => "bare SDK",
            (Self::Floor, _) => "floor",
        }
    }
}
