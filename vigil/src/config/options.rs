//! What settings may be.

use std::fmt;

use crate::export::{Compression, Protocol, Signal};

/// What stands for the signal in the name of a variable.
pub(super) const fn variable(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "TRACES",
        Signal::Metrics => "METRICS",
        Signal::Logs => "LOGS",
    }
}

/// A setting that is one of a few names.
pub(super) trait Named: Copy + 'static {
    /// Its values, by the names they have in variables.
    const NAMES: &'static [(&'static str, Self)];

    /// The value of that name, in upper or lower case.
    fn named(name: &str) -> Option<Self> {
        Self::NAMES
            .iter()
            .find_map(|(known, value)| known.eq_ignore_ascii_case(name).then_some(*value))
    }

    /// The name of the value.
    fn name(self) -> &'static str
    where
        Self: PartialEq,
    {
        Self::NAMES
            .iter()
            .find_map(|(name, value)| (*value == self).then_some(*name))
            .unwrap_or_default()
    }

    /// All names, for a message.
    fn names() -> String {
        let names: Vec<_> = Self::NAMES
            .iter()
            .map(|(name, _)| format!("`{name}`"))
            .collect();
        names.join(", ")
    }
}

macro_rules! named {
    ($type:ty { $($name:literal => $variant:ident),+ $(,)? }) => {
        impl Named for $type {
            const NAMES: &'static [(&'static str, Self)] = &[$(($name, Self::$variant)),+];
        }

        impl $type {
            /// Its name in variables.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

/// Where a signal goes, as `OTEL_TRACES_EXPORTER` and its like name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exporter {
    /// To an OTLP endpoint: the configured one, else the one that the specification names
    /// (`http://localhost:4318`, for gRPC `http://localhost:4317`).
    Otlp,
    /// To the log, as structured lines.
    Console,
    /// Nowhere.
    None,
}

named!(Exporter { "otlp" => Otlp, "console" => Console, "none" => None });

impl Named for Protocol {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("http/protobuf", Self::HttpProtobuf),
        ("http/json", Self::HttpJson),
        ("grpc", Self::Grpc),
    ];
}

impl Named for Compression {
    const NAMES: &'static [(&'static str, Self)] = &[("none", Self::None), ("gzip", Self::Gzip)];
}

/// How a trace context travels to other processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagator {
    /// W3C Trace Context: `traceparent`, `tracestate`.
    TraceContext,
    /// W3C Baggage: `baggage`.
    Baggage,
}

named!(Propagator { "tracecontext" => TraceContext, "baggage" => Baggage });

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Pretty,
    /// An object of JSON on each line.
    Json,
}

named!(LogFormat { "pretty" => Pretty, "json" => Json });

/// Where content goes: what people and models said, what tools were given and returned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CaptureContent {
    /// Nowhere.
    #[default]
    NoContent,
    /// Onto spans.
    SpanOnly,
    /// Into events.
    EventOnly,
    /// Onto spans and into events.
    SpanAndEvent,
}

named!(CaptureContent {
    "NO_CONTENT" => NoContent,
    "SPAN_ONLY" => SpanOnly,
    "EVENT_ONLY" => EventOnly,
    "SPAN_AND_EVENT" => SpanAndEvent,
});

impl CaptureContent {
    /// Whether spans carry content.
    pub const fn on_spans(self) -> bool {
        matches!(self, Self::SpanOnly | Self::SpanAndEvent)
    }

    pub(crate) const fn of(on_spans: bool, in_events: bool) -> Self {
        match (on_spans, in_events) {
            (false, false) => Self::NoContent,
            (true, false) => Self::SpanOnly,
            (false, true) => Self::EventOnly,
            (true, true) => Self::SpanAndEvent,
        }
    }

    /// Whether events carry content.
    pub const fn in_events(self) -> bool {
        matches!(self, Self::EventOnly | Self::SpanAndEvent)
    }
}

/// `true` is onto spans.
impl From<bool> for CaptureContent {
    fn from(capture: bool) -> Self {
        Self::of(capture, false)
    }
}

/// Since when an exported sum or histogram counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Temporality {
    /// Since the process started.
    #[default]
    Cumulative,
    /// Since the last export, but for sums that go up and down.
    Delta,
    /// Since the last export for what is recorded synchronously, else since the process started.
    LowMemory,
}

named!(Temporality {
    "cumulative" => Cumulative,
    "delta" => Delta,
    "lowmemory" => LowMemory,
});

impl From<Temporality> for opentelemetry_sdk::metrics::Temporality {
    fn from(temporality: Temporality) -> Self {
        match temporality {
            Temporality::Cumulative => Self::Cumulative,
            Temporality::Delta => Self::Delta,
            Temporality::LowMemory => Self::LowMemory,
        }
    }
}

/// The buckets of all histograms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HistogramAggregation {
    /// Fixed ones: those of the registry, or the SDK's where none are named.
    #[default]
    ExplicitBuckets,
    /// Exponential ones, which fit themselves to what is measured: at most 160, of scale 20 or less.
    Exponential,
}

named!(HistogramAggregation {
    "explicit_bucket_histogram" => ExplicitBuckets,
    "base2_exponential_bucket_histogram" => Exponential,
});

/// Which traces are recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Sampler {
    /// Every span.
    AlwaysOn,
    /// None.
    AlwaysOff,
    /// This share of all traces, from 0 to 1.
    TraceIdRatio(f64),
    /// What the parent says; without one, every span.
    #[default]
    ParentBasedAlwaysOn,
    /// What the parent says; without one, none.
    ParentBasedAlwaysOff,
    /// What the parent says; without one, this share of all traces, from 0 to 1.
    ParentBasedTraceIdRatio(f64),
}

impl Sampler {
    /// Its names in `OTEL_TRACES_SAMPLER`. Those with a ratio have 1 here.
    pub(super) const NAMES: &'static [(&'static str, Self)] = &[
        ("always_on", Self::AlwaysOn),
        ("always_off", Self::AlwaysOff),
        ("traceidratio", Self::TraceIdRatio(1.0)),
        ("parentbased_always_on", Self::ParentBasedAlwaysOn),
        ("parentbased_always_off", Self::ParentBasedAlwaysOff),
        (
            "parentbased_traceidratio",
            Self::ParentBasedTraceIdRatio(1.0),
        ),
    ];

    /// Its name in `OTEL_TRACES_SAMPLER`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AlwaysOn => "always_on",
            Self::AlwaysOff => "always_off",
            Self::TraceIdRatio(_) => "traceidratio",
            Self::ParentBasedAlwaysOn => "parentbased_always_on",
            Self::ParentBasedAlwaysOff => "parentbased_always_off",
            Self::ParentBasedTraceIdRatio(_) => "parentbased_traceidratio",
        }
    }

    /// The share that it samples, if it is one that takes a share.
    pub const fn ratio(self) -> Option<f64> {
        match self {
            Self::TraceIdRatio(ratio) | Self::ParentBasedTraceIdRatio(ratio) => Some(ratio),
            _ => None,
        }
    }

    /// The same with another ratio, if it has one.
    pub(super) const fn with_ratio(self, ratio: f64) -> Self {
        match self {
            Self::TraceIdRatio(_) => Self::TraceIdRatio(ratio),
            Self::ParentBasedTraceIdRatio(_) => Self::ParentBasedTraceIdRatio(ratio),
            other => other,
        }
    }
}

impl fmt::Display for Sampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())?;
        match self.ratio() {
            Some(ratio) => write!(f, " {ratio}"),
            None => Ok(()),
        }
    }
}

impl From<Sampler> for opentelemetry_sdk::trace::Sampler {
    fn from(sampler: Sampler) -> Self {
        match sampler {
            Sampler::AlwaysOn => Self::AlwaysOn,
            Sampler::AlwaysOff => Self::AlwaysOff,
            Sampler::TraceIdRatio(ratio) => Self::TraceIdRatioBased(ratio),
            Sampler::ParentBasedAlwaysOn => Self::ParentBased(Box::new(Self::AlwaysOn)),
            Sampler::ParentBasedAlwaysOff => Self::ParentBased(Box::new(Self::AlwaysOff)),
            Sampler::ParentBasedTraceIdRatio(ratio) => {
                Self::ParentBased(Box::new(Self::TraceIdRatioBased(ratio)))
            }
        }
    }
}

/// How much a span, an event, a link or a log record may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Attributes of a span.
    pub span_attributes: usize,
    /// Characters of text in an attribute of a span, its events and links; without, any number.
    pub span_attribute_length: Option<usize>,
    /// Events of a span.
    pub span_events: usize,
    /// Links of a span.
    pub span_links: usize,
    /// Attributes of an event.
    pub event_attributes: usize,
    /// Attributes of a link.
    pub link_attributes: usize,
    /// Attributes of a log record.
    pub log_attributes: usize,
    /// Characters of text in an attribute of a log record; without, any number.
    pub log_attribute_length: Option<usize>,
}

impl Limits {
    /// What the specification gives each count.
    const COUNT: usize = 128;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            span_attributes: Self::COUNT,
            span_attribute_length: None,
            span_events: Self::COUNT,
            span_links: Self::COUNT,
            event_attributes: Self::COUNT,
            link_attributes: Self::COUNT,
            log_attributes: Self::COUNT,
            log_attribute_length: None,
        }
    }
}
