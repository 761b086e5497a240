//! How many series an instrument has room for, and what is said of those that are too many.
//!
//! The process has one pipeline, so these tests look at what one run of it exported and logged.

use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Metric, number_data_point};
use vigil::VigConfig;
use vigil::carrier::{
    AttributeDefinition, AttributeSet, Attributes, Counter, Field, InstrumentKind, Level,
    MetricDefinition, Scope, Text, ValueType,
};
use vigil::config::Otlp;
use vigil::metrics::gen_ai::{INVOKE_AGENT_DURATION, InvokeAgentDurationAttributes};
use vigil::metrics::life::{TOOL_EXECUTIONS, ToolExecutionsAttributes};
use vigil::semconv::life::ToolStatus;
use vigil_tests::receiver::{Body, Receiver};

/// The registry of somebody else, as their generated crate has it.
mod theirs {
    use super::{
        AttributeDefinition, AttributeSet, Attributes, Counter, Field, InstrumentKind, Level,
        MetricDefinition, Scope, Text, ValueType,
    };

    static SCOPE: Scope = Scope {
        name: "theirs",
        version: "1.0.0",
        schema_url: "https://example.com/theirs",
    };
    static SHAPE: AttributeDefinition =
        AttributeDefinition::new("shape", ValueType::String).closed(&["round", "square"]);
    static NAME: AttributeDefinition = AttributeDefinition::new("name", ValueType::String);

    /// Three texts and one for all others, or none; two shapes.
    pub(super) static BOUNDED: MetricDefinition = MetricDefinition::new(
        "theirs.bounded",
        InstrumentKind::CounterInt,
        "{thing}",
        "Things.",
        &SCOPE,
    )
    .fields(&[
        Field::new(&SHAPE, Level::Required),
        Field::new(&NAME, Level::Recommended).cardinality(3),
    ]);
    /// An enum that is closed, whatever callers say.
    pub(super) static SHAPES: MetricDefinition = MetricDefinition::new(
        "theirs.shapes",
        InstrumentKind::CounterInt,
        "{thing}",
        "Shapes.",
        &SCOPE,
    )
    .fields(&[Field::new(&SHAPE, Level::Required)]);
    /// Nothing bounds it.
    pub(super) static UNBOUNDED: MetricDefinition = MetricDefinition::new(
        "theirs.unbounded",
        InstrumentKind::CounterInt,
        "{thing}",
        "Names.",
        &SCOPE,
    )
    .fields(&[Field::new(&NAME, Level::Required)]);

    #[derive(Clone, PartialEq)]
    pub(super) struct Thing(pub(super) &'static str, pub(super) Option<String>);

    impl AttributeSet for Thing {
        fn write(&self, attributes: &mut Attributes) {
            attributes.set::<Text>("shape", self.0);
            if let Some(name) = &self.1 {
                attributes.set::<Text>("name", name.as_str());
            }
        }
    }

    pub(super) static BOUNDED_COUNTER: Counter<u64, Thing> = Counter::new(&BOUNDED);
    pub(super) static SHAPES_COUNTER: Counter<u64, Thing> = Counter::new(&SHAPES);
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.write(text)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What the process exported at last, and what it logged.
struct Ran {
    metrics: Vec<Metric>,
    log: String,
}

/// Agents and errors, each as many as the registry admits: more together than there is room for.
const AGENTS: usize = 50;
const ERRORS: usize = 100;

static RAN: LazyLock<Ran> = LazyLock::new(|| {
    let receiver = Receiver::http();
    let lines = Lines::default();
    let config = VigConfig::new()
        .otlp(Otlp::new().endpoint(receiver.url("")))
        .metric_interval(Duration::from_millis(50));
    let guard = vigil::init_with_writer(&config, lines.clone()).expect("the only one");
    for agent in 0..AGENTS {
        for error in 0..ERRORS {
            let attributes = InvokeAgentDurationAttributes::default()
                .agent_name(format!("agent-{agent}"))
                .error_type(format!("error-{error}"));
            INVOKE_AGENT_DURATION.record(Duration::from_secs(1), &attributes);
        }
    }
    for tool in 0..150 {
        let attributes = ToolExecutionsAttributes::new(format!("tool-{tool}"), ToolStatus::Ok);
        TOOL_EXECUTIONS.add(1, &attributes);
    }
    for name in 0..7 {
        for shape in ["round", "square"] {
            let name = (name > 0).then(|| format!("name-{name}"));
            theirs::BOUNDED_COUNTER.add(1, &theirs::Thing(shape, name));
        }
    }
    // The carrier doesn't hold anybody to a closed enum here.
    for shape in ["round", "square", "oval", "flat", "long"] {
        theirs::SHAPES_COUNTER.add(1, &theirs::Thing(shape, None));
    }
    // What is told once would be told again by now.
    receiver.wait_for(5);
    guard.shutdown(Duration::from_secs(10));
    let last = receiver
        .requests()
        .into_iter()
        .rev()
        .find_map(|received| match received.body {
            Body::Metrics(request) => Some(request),
            _ => None,
        });
    let resources = last.expect("metrics came").resource_metrics.into_iter();
    let scopes = resources.flat_map(|resource| resource.scope_metrics);
    let log = lines.0.lock().unwrap_or_else(PoisonError::into_inner);
    Ran {
        metrics: scopes.flat_map(|scope| scope.metrics).collect(),
        log: String::from_utf8(log.clone()).expect("text"),
    }
});

/// Each series of the metric: its attributes, and how many measurements it has.
fn series(name: &str) -> Vec<(Vec<KeyValue>, u64)> {
    let metric = RAN.metrics.iter().find(|metric| metric.name == name);
    let metric = metric.unwrap_or_else(|| panic!("no {name}"));
    match metric.data.as_ref().expect("data") {
        Data::Sum(sum) => {
            let points = sum.data_points.iter();
            let count = |value| match value {
                Some(number_data_point::Value::AsInt(count)) => u64::try_from(count).unwrap(),
                other => panic!("{other:?}"),
            };
            points
                .map(|point| (point.attributes.clone(), count(point.value)))
                .collect()
        }
        Data::Histogram(histogram) => {
            let points = histogram.data_points.iter();
            points
                .map(|point| (point.attributes.clone(), point.count))
                .collect()
        }
        other => panic!("{other:?}"),
    }
}

/// Those that have a place of their own, and what is counted together.
fn split(name: &str) -> (usize, u64) {
    let is_overflow = |attributes: &[KeyValue]| {
        attributes.iter().any(|attribute| {
            let value = attribute.value.as_ref().and_then(|it| it.value.as_ref());
            attribute.key == "otel.metric.overflow" && value == Some(&Value::BoolValue(true))
        })
    };
    let (over, own): (Vec<_>, Vec<_>) = series(name)
        .into_iter()
        .partition(|(attributes, _)| is_overflow(attributes));
    (own.len(), over.iter().map(|(_, count)| count).sum())
}

#[test]
fn an_instrument_has_room_for_what_its_attributes_are_bounded_to() {
    assert_eq!(theirs::BOUNDED.cardinality_limit(), 2 * (3 + 1 + 1));
    // Three names, all others, and no name at all; each round and square.
    assert_eq!(split("theirs.bounded"), (10, 0));
    assert_eq!(split("life.tool.executions"), (150, 0));
}

#[test]
fn what_goes_beyond_is_counted_together_also_for_registries_of_others() {
    assert_eq!(theirs::SHAPES.cardinality_limit(), 2);
    assert_eq!(split("theirs.shapes"), (2, 3));
}

#[test]
fn no_instrument_has_room_for_more_than_the_most() {
    let most = vigil::metrics::gen_ai::definitions::INVOKE_AGENT_DURATION.cardinality_limit();
    assert_eq!(most, theirs::UNBOUNDED.cardinality_limit());
    // The lint about it goes by the same number.
    assert_eq!(most as u64, vigil_gen::lint::MOST_SERIES);
    let all = u64::try_from(AGENTS * ERRORS).unwrap();
    let (own, over) = split("gen_ai.invoke_agent.duration");
    assert_eq!(own, most);
    assert_eq!(own as u64 + over, all);
}

#[test]
fn an_overflow_is_told_once_by_name() {
    let told = |name: &str| {
        let lines = RAN.log.lines();
        let about = lines.filter(|line| line.contains("series") && line.contains(name));
        about.count()
    };
    assert_eq!(told("gen_ai.invoke_agent.duration"), 1, "{}", RAN.log);
    assert_eq!(told("theirs.shapes"), 1, "{}", RAN.log);
    assert_eq!(told("theirs.bounded"), 0, "{}", RAN.log);
    assert_eq!(told("life.tool.executions"), 0, "{}", RAN.log);
}

#[test]
fn histograms_keep_the_boundaries_of_the_registry() {
    let metric = RAN
        .metrics
        .iter()
        .find(|metric| metric.name == "gen_ai.invoke_agent.duration");
    let Some(Data::Histogram(histogram)) = metric.and_then(|metric| metric.data.as_ref()) else {
        panic!("no histogram");
    };
    let bounds = &histogram.data_points[0].explicit_bounds;
    // The SDK's own begin with 0, 5, 10.
    assert!(bounds[0] > 0.0 && bounds[0] < 1.0, "{bounds:?}");
}
