//! What was measured once is found faster the next time. That holds for the meter provider, the test scope
//! and the time that it was found in, and for nothing else.
//!
//! These tests share the process's provider, so they are one test binary, and run one at a time.

// Numbers come back as they were recorded, to the last bit.
#![allow(clippy::float_cmp)]

use std::cell::{Cell, RefCell};
use std::sync::{Barrier, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use opentelemetry::InstrumentationScope;
use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use vigil::carrier::{
    AttributeDefinition, AttributeSet, Attributes, Counter, Field, InstrumentKind, Level,
    MetricDefinition, Scope, Text, ValueType, told_at,
};
use vigil::metrics::gen_ai::{CLIENT_TOKEN_USAGE, ClientTokenUsageAttributes};
use vigil::metrics::life::{TOOL_EXECUTIONS, ToolExecutionsAttributes};
use vigil::records::gen_ai::TokenUsage;
use vigil::records::life::Budget;
use vigil::semconv::gen_ai::{OperationName, ProviderName, TokenType};
use vigil::semconv::life::{OperatingMode, ToolStatus};
use vigil::spans::gen_ai::ToolSpan;
use vigil::testing::Pipeline;
use vigil::{Deliberate, Execute, Perceive, Reflect, agent_span, chat_span, phase_span, tool_span};

fn one_at_a_time() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A pipeline that is the process's from now on.
fn process() -> Pipeline {
    let pipeline = Pipeline::new();
    vigil::set_meter_provider(pipeline.meter_provider().clone());
    pipeline
}

fn tool(name: &str) -> ToolExecutionsAttributes {
    ToolExecutionsAttributes::new(name, ToolStatus::Ok)
}

fn count(name: &str) {
    TOOL_EXECUTIONS.add(1, &tool(name));
}

const WAYS: [&str; 4] = ["called", "bound", "long bound", "derived"];

/// A pipeline that is the process's from now on, and what counts one execution in each way that there is.
fn every_way() -> (Pipeline, impl Fn()) {
    let _before = process();
    // Bound while another provider was the process's, and measured there.
    let long_bound = TOOL_EXECUTIONS.bind(&tool("long bound"));
    long_bound.add(1);
    let pipeline = process();
    let bound = TOOL_EXECUTIONS.bind(&tool("bound"));
    let all = move || {
        count("called");
        bound.add(1);
        long_bound.add(1);
        spans("arcan", "derived");
    };
    (pipeline, all)
}

/// How often that tool was executed, and nothing where no tool was.
fn executions(pipeline: &Pipeline, name: &str) -> Option<f64> {
    let metrics = pipeline.metrics();
    let metric = metrics
        .iter()
        .find(|it| it.name == "life.tool.executions")?;
    let mut points = metric.points.iter();
    let is_of = |value: &opentelemetry::Value| value.as_str() == name;
    let point = points.find(|it| it.attribute("gen_ai.tool.name").is_some_and(is_of))?;
    Some(point.value)
}

/// A tick that measures by its spans and records alone.
fn spans(agent: &str, name: &str) {
    let agent = agent_span("s-1", agent).start();
    phase_span(&agent, Perceive).record_budget(&Budget::new(118_000).cost_remaining_usd(4.75));
    let deliberate = phase_span(&agent, Deliberate);
    let chat = chat_span(&deliberate, "sonnet", ProviderName::Anthropic).start();
    chat.record_token_usage(&TokenUsage::default().input_tokens(1200).output_tokens(85));
    drop((chat, deliberate));
    let execute = phase_span(&agent, Execute);
    let tool = tool_span(&execute, name, "call-1").start();
    tool.record_tool_status(ToolStatus::Ok);
    drop((tool, execute));
    phase_span(&agent, Reflect)
        .record_mode_transition(OperatingMode::Explore, OperatingMode::Execute);
}

/// Each series and how much was measured in it, but for how long things took.
fn measured(pipeline: &Pipeline) -> Vec<String> {
    let mut lines = Vec::new();
    for metric in pipeline.metrics() {
        for point in &metric.points {
            let mut attributes: Vec<String> = point
                .attributes
                .iter()
                .map(|it| format!("{}={}", it.key, it.value.as_str()))
                .collect();
            attributes.sort();
            let value = if metric.unit == "s" {
                -1.0
            } else {
                point.value
            };
            let (name, count) = (&metric.name, point.count);
            lines.push(format!("{name} {} {value} {count}", attributes.join(" ")));
        }
    }
    lines.sort();
    lines
}

#[test]
fn what_is_measured_again_goes_to_the_provider_that_is_set_by_then() {
    let _one = one_at_a_time();
    let bound = TOOL_EXECUTIONS.bind(&tool("bound"));
    let pipelines = [3, 2, 5].map(|times| {
        let pipeline = process();
        for _ in 0..times {
            count("again");
            bound.add(1);
        }
        (pipeline, f64::from(times))
    });
    for (pipeline, times) in &pipelines {
        assert_eq!(executions(pipeline, "again"), Some(*times));
        assert_eq!(executions(pipeline, "bound"), Some(*times));
    }
}

#[test]
fn what_derives_from_spans_again_goes_to_the_provider_that_is_set_by_then() {
    let _one = one_at_a_time();
    let pipelines = [2, 2, 2].map(|times| {
        let pipeline = process();
        for _ in 0..times {
            spans("arcan", "shell");
        }
        pipeline
    });
    let [first, second, third] = pipelines.each_ref().map(measured);
    // Ten metrics, without those of streams; token usage has two series.
    assert_eq!(first.len(), 9, "{first:#?}");
    assert_eq!(first, second);
    assert_eq!(first, third);
}

#[test]
fn a_tick_measures_the_same_the_first_time_and_later() {
    let _one = one_at_a_time();
    let names = ["one", "two", "three", "four", "five", "six", "seven"];
    let again = process();
    for _ in 0..3 {
        for name in names {
            spans(name, name);
        }
    }
    // A thread that has just begun has measured nothing.
    let anew = process();
    for _ in 0..3 {
        for name in names {
            std::thread::spawn(move || spans(name, name))
                .join()
                .expect("it ends well");
        }
    }
    let (again, anew) = (measured(&again), measured(&anew));
    assert_eq!(again, anew);
    let of = |part: &str| again.iter().filter(|line| line.contains(part)).count();
    assert_eq!(of("gen_ai.agent.name=seven"), 4, "{again:#?}");
    assert_eq!(of("gen_ai.tool.name=seven"), 2, "{again:#?}");
}

#[test]
fn a_test_scope_keeps_what_was_measured_outside_before_to_itself() {
    let _one = one_at_a_time();
    let (process, all) = every_way();
    let scope = Pipeline::new();
    all();
    scope.scope(|| {
        all();
        all();
    });
    all();
    for name in WAYS {
        assert_eq!(executions(&process, name), Some(2.0), "{name}");
        assert_eq!(executions(&scope, name), Some(2.0), "{name}");
    }
}

#[test]
fn a_span_measures_where_its_scope_is_though_the_same_was_measured_elsewhere_before() {
    let _one = one_at_a_time();
    let process = process();
    let scope = Pipeline::new();
    let call = || {
        let agent = agent_span("s-1", "arcan").start();
        let tool = tool_span(&phase_span(&agent, Execute), "shell", "call-1").start();
        tool.record_tool_status(ToolStatus::Ok);
        tool
    };
    drop(call());
    // It ends outside of its scope.
    drop(scope.scope(call));
    assert_eq!(executions(&process, "shell"), Some(1.0));
    assert_eq!(executions(&scope, "shell"), Some(1.0));
    // One that is nobody's ends in a scope.
    let tool = call();
    scope.scope(|| drop(tool));
    assert_eq!(executions(&process, "shell"), Some(1.0));
    assert_eq!(executions(&scope, "shell"), Some(2.0));
}

#[test]
fn spans_that_differ_in_one_attribute_measure_in_series_of_their_own() {
    let _one = one_at_a_time();
    let pipeline = process();
    let agent = agent_span("s-1", "arcan").start();
    for _ in 0..3 {
        for status in [ToolStatus::Ok, ToolStatus::Error, ToolStatus::Timeout] {
            let tool = tool_span(&phase_span(&agent, Execute), "shell", "call-1").start();
            tool.record_tool_status(status);
        }
        for model in ["sonnet", "haiku"] {
            let deliberate = phase_span(&agent, Deliberate);
            drop(chat_span(&deliberate, model, ProviderName::Anthropic).start());
            let chat = chat_span(&deliberate, model, ProviderName::Anthropic).start();
            chat.record_response_model("sonnet-1");
        }
        for to in [OperatingMode::Execute, OperatingMode::Verify] {
            phase_span(&agent, Reflect).record_mode_transition(OperatingMode::Explore, to);
        }
    }
    let values = |name: &str| -> Vec<f64> {
        let points = pipeline.metric(name).points;
        points.iter().map(|point| point.value).collect()
    };
    assert_eq!(values("life.tool.executions"), [3.0; 3]);
    assert_eq!(values("life.mode.transitions"), [3.0; 2]);
    let durations = pipeline.metric("gen_ai.client.operation.duration").points;
    let counts: Vec<u64> = durations.iter().map(|point| point.count).collect();
    assert_eq!(counts, [3; 4]);
}

#[test]
fn nothing_is_measured_of_what_is_told_after_the_fact_though_it_was_measured_before() {
    let _one = one_at_a_time();
    let (pipeline, all) = every_way();
    all();
    all();
    told_at(SystemTime::now() - Duration::from_secs(60), &all);
    all();
    for name in WAYS {
        assert_eq!(executions(&pipeline, name), Some(3.0), "{name}");
    }
}

#[test]
fn more_series_than_a_thread_remembers_are_all_counted() {
    let _one = one_at_a_time();
    let pipeline = process();
    let names: Vec<String> = (0..50).map(|tool| format!("tool-{tool}")).collect();
    for round in 0..4 {
        // Now one after the other, now the same one again and again.
        for name in &names {
            count(name);
            if round % 2 == 1 {
                count(name);
            }
        }
    }
    for name in &names {
        assert_eq!(executions(&pipeline, name), Some(6.0), "{name}");
    }
}

#[test]
fn a_value_too_many_is_other_as_often_as_it_comes() {
    let _one = one_at_a_time();
    let pipeline = process();
    let admitted = vigil::metrics::life::definitions::TOOL_EXECUTIONS
        .field("gen_ai.tool.name")
        .and_then(|field| field.cardinality)
        .expect("tool names come from outside, so they are bounded");
    for tool in 0..admitted {
        count(&format!("tool-{tool}"));
    }
    for _ in 0..3 {
        count("too many");
        spans("arcan", "many too");
        count("tool-0");
    }
    assert_eq!(executions(&pipeline, "_OTHER"), Some(6.0));
    assert_eq!(executions(&pipeline, "tool-0"), Some(4.0));
    assert_eq!(executions(&pipeline, "too many"), None);
}

#[test]
fn each_chat_measures_what_it_has_though_others_before_it_had_less() {
    let _one = one_at_a_time();
    let pipeline = process();
    let agent = agent_span("s-1", "arcan").start();
    let usages = [
        TokenUsage::default(),
        TokenUsage::default().input_tokens(10),
        TokenUsage::default().output_tokens(3),
        TokenUsage::default().input_tokens(20).output_tokens(4),
        TokenUsage::default(),
    ];
    for usage in usages {
        let deliberate = phase_span(&agent, Deliberate);
        let chat = chat_span(&deliberate, "sonnet", ProviderName::Anthropic).start();
        chat.record_token_usage(&usage);
    }
    let tokens = pipeline.metric("gen_ai.client.token.usage");
    let of = |token_type| {
        let point = tokens.point(&[("gen_ai.token.type", token_type)]);
        (point.value, point.count)
    };
    assert_eq!(of("input"), (30.0, 2));
    assert_eq!(of("output"), (7.0, 2));
    let duration = pipeline.metric("gen_ai.client.operation.duration");
    assert_eq!(duration.points.len(), 1, "{duration:?}");
    assert_eq!(duration.points[0].count, 5);
}

#[test]
fn sets_that_differ_in_what_they_lack_are_series_of_their_own() {
    let _one = one_at_a_time();
    let pipeline = process();
    let usage = || {
        ClientTokenUsageAttributes::new(
            OperationName::Chat,
            ProviderName::Anthropic,
            TokenType::Input,
        )
    };
    for _ in 0..2 {
        CLIENT_TOKEN_USAGE.record(1, &usage());
        CLIENT_TOKEN_USAGE.record(10, &usage().request_model("sonnet"));
        CLIENT_TOKEN_USAGE.record(100, &usage().response_model("sonnet"));
        CLIENT_TOKEN_USAGE.record(1000, &usage().server_port(1));
        CLIENT_TOKEN_USAGE.record(10_000, &usage().server_port(2));
    }
    let metric = pipeline.metric("gen_ai.client.token.usage");
    let mut sums: Vec<f64> = metric.points.iter().map(|point| point.value).collect();
    sums.sort_by(f64::total_cmp);
    assert_eq!(sums, [2.0, 20.0, 200.0, 2000.0, 20_000.0]);
}

#[test]
fn an_integer_that_the_wire_cannot_carry_is_its_greatest_each_time() {
    let _one = one_at_a_time();
    let bound = TOOL_EXECUTIONS.bind(&tool("bound"));
    // In providers of their own, as the sums would overflow.
    let greatest = || {
        let pipeline = process();
        bound.add(0);
        count("called");
        TOOL_EXECUTIONS.add(u64::MAX, &tool("called"));
        bound.add(u64::MAX);
        ["called", "bound"].map(|name| executions(&pipeline, name))
    };
    // As a double it has fewer digits.
    #[allow(clippy::cast_precision_loss)]
    let most = Some(i64::MAX as f64);
    assert_eq!(greatest(), [most, most]);
    // What is bound finds its series in another place by now.
    assert_eq!(greatest(), [most, most]);
}

#[test]
fn each_measurement_of_any_thread_is_counted_once_while_the_provider_changes() {
    const THREADS: u32 = 4;
    const TIMES: u32 = 2_000;

    let _one = one_at_a_time();
    let pipelines: Vec<Pipeline> = (0..6).map(|_| Pipeline::new()).collect();
    vigil::set_meter_provider(pipelines[0].meter_provider().clone());
    let bound = TOOL_EXECUTIONS.bind(&tool("bound"));
    let begin = Barrier::new(THREADS as usize + 1);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                begin.wait();
                for _ in 0..TIMES {
                    count("called");
                    bound.add(1);
                }
            });
        }
        begin.wait();
        for pipeline in &pipelines[1..] {
            vigil::set_meter_provider(pipeline.meter_provider().clone());
            count("called");
            bound.add(1);
        }
    });
    for name in ["called", "bound"] {
        let counted: f64 = pipelines.iter().filter_map(|it| executions(it, name)).sum();
        assert_eq!(counted, f64::from(THREADS * TIMES + 5), "{name}");
    }
}

/// A provider that is not the SDK's own.
struct Wrapped(SdkMeterProvider);

impl MeterProvider for Wrapped {
    fn meter_with_scope(&self, scope: InstrumentationScope) -> Meter {
        self.0.meter_with_scope(scope)
    }
}

#[test]
fn a_provider_of_another_make_takes_over_and_hands_back() {
    let _one = one_at_a_time();
    let bound = TOOL_EXECUTIONS.bind(&tool("bound"));
    let all = || {
        for _ in 0..2 {
            count("called");
            bound.add(1);
            spans("arcan", "derived");
        }
    };
    let before = process();
    all();
    let other = Pipeline::new();
    vigil::set_meter_provider(Wrapped(other.meter_provider().clone()));
    all();
    let after = process();
    all();
    let before = measured(&before);
    assert_eq!(before.len(), 11, "{before:#?}");
    assert_eq!(before, measured(&other));
    assert_eq!(before, measured(&after));
}

/// The registry of somebody who writes attribute sets by hand.
mod theirs {
    use super::{
        AttributeDefinition, Cell, Counter, Field, InstrumentKind, Level, MetricDefinition, Scope,
        ValueType,
    };

    static SCOPE: Scope = Scope {
        name: "theirs",
        version: "1.0.0",
        schema_url: "https://example.com/theirs",
    };
    static NAME: AttributeDefinition = AttributeDefinition::new("name", ValueType::String);
    static SHARE: AttributeDefinition = AttributeDefinition::new("share", ValueType::Double);

    static THINGS: MetricDefinition = MetricDefinition::new(
        "theirs.things",
        InstrumentKind::CounterInt,
        "{thing}",
        "Things.",
        &SCOPE,
    )
    .fields(&[
        Field::new(&NAME, Level::Required).cardinality(10),
        Field::new(&SHARE, Level::Recommended),
    ]);

    pub(super) static COUNTER: Counter<u64, super::Thing> = Counter::new(&THINGS);
    /// The same metric, called with other attributes.
    pub(super) static TUPLES: Counter<u64, super::Pair> = Counter::new(&THINGS);

    std::thread_local! {
        /// Comparing and copying measure as well, once each.
        pub(super) static IS_CHATTY: Cell<bool> = const { Cell::new(false) };
    }
}

#[derive(Debug)]
struct Thing {
    name: &'static str,
    share: Option<f64>,
}

impl Thing {
    fn chat() {
        if theirs::IS_CHATTY.replace(false) {
            theirs::COUNTER.add(100, &thing("inner"));
            theirs::IS_CHATTY.set(true);
        }
    }
}

impl PartialEq for Thing {
    fn eq(&self, other: &Self) -> bool {
        Self::chat();
        self.name == other.name && self.share == other.share
    }
}

impl Clone for Thing {
    fn clone(&self) -> Self {
        Self::chat();
        Self { ..*self }
    }
}

impl AttributeSet for Thing {
    fn write(&self, attributes: &mut Attributes) {
        attributes.set::<Text>("name", self.name);
        if let Some(share) = self.share {
            attributes.set::<f64>("share", share);
        }
    }
}

#[derive(Clone, PartialEq)]
struct Pair(&'static str, Option<f64>);

impl AttributeSet for Pair {
    fn write(&self, attributes: &mut Attributes) {
        // In another order than the metric has them.
        if let Some(share) = self.1 {
            attributes.set::<f64>("share", share);
        }
        attributes.set::<Text>("name", self.0);
    }
}

fn thing(name: &'static str) -> Thing {
    Thing { name, share: None }
}

fn things(pipeline: &Pipeline, name: &str) -> f64 {
    let metric = pipeline.metric("theirs.things");
    metric.point(&[("name", name)]).value
}

#[test]
fn attributes_that_measure_while_they_are_compared_and_copied_are_counted_too() {
    let _one = one_at_a_time();
    let pipeline = process();
    theirs::IS_CHATTY.set(true);
    for name in ["one", "two", "three", "two", "one"] {
        theirs::COUNTER.add(1, &thing(name));
    }
    theirs::IS_CHATTY.set(false);
    let [one, two, three] = ["one", "two", "three"].map(|name| things(&pipeline, name));
    assert_eq!([one, two, three], [2.0, 2.0, 1.0]);
    assert!(things(&pipeline, "inner") >= 300.0);
}

#[test]
fn a_panic_of_attributes_while_they_are_compared_harms_no_later_measurement() {
    #[derive(Clone)]
    struct Fragile(&'static str);

    impl PartialEq for Fragile {
        fn eq(&self, other: &Self) -> bool {
            assert_ne!(other.0, "broken", "this one can't be compared");
            self.0 == other.0
        }
    }

    impl AttributeSet for Fragile {
        fn write(&self, attributes: &mut Attributes) {
            attributes.set::<Text>("gen_ai.tool.name", self.0);
        }
    }

    static COUNTER: Counter<u64, Fragile> =
        Counter::new(&vigil::metrics::life::definitions::TOOL_EXECUTIONS);

    let _one = one_at_a_time();
    let pipeline = process();
    COUNTER.add(1, &Fragile("whole"));
    assert!(std::panic::catch_unwind(|| COUNTER.add(1, &Fragile("broken"))).is_err());
    COUNTER.add(1, &Fragile("whole"));
    COUNTER.add(1, &Fragile("another"));
    count("whole");
    let metric = pipeline.metric("life.tool.executions");
    let whole = metric.points.iter().filter(|point| {
        let name = point.attribute("gen_ai.tool.name");
        name.is_some_and(|name| name.as_str() == "whole")
    });
    let mut values: Vec<f64> = whole.map(|point| point.value).collect();
    values.sort_by(f64::total_cmp);
    // One series with a status, one without.
    assert_eq!(values, [1.0, 2.0]);
    assert_eq!(executions(&pipeline, "another"), Some(1.0));
}

#[test]
fn one_metric_may_be_called_with_attributes_of_two_types() {
    let _one = one_at_a_time();
    let pipeline = process();
    for _ in 0..3 {
        theirs::COUNTER.add(1, &thing("one"));
        theirs::TUPLES.add(10, &Pair("one", None));
        theirs::TUPLES.add(5, &Pair("two", Some(0.5)));
    }
    let metric = pipeline.metric("theirs.things");
    assert_eq!(metric.points.len(), 2, "{metric:?}");
    assert_eq!(things(&pipeline, "one"), 33.0);
    assert_eq!(things(&pipeline, "two"), 15.0);
}

#[test]
fn what_equals_nothing_is_counted_all_the_same() {
    let _one = one_at_a_time();
    let pipeline = process();
    for _ in 0..20 {
        let name = "odd";
        let share = Some(f64::NAN);
        theirs::COUNTER.add(1, &Thing { name, share });
    }
    let metric = pipeline.metric("theirs.things");
    let counted: f64 = metric.points.iter().map(|point| point.value).sum();
    assert_eq!(counted, 20.0);
}

/// Counts when its thread ends, and then the tool's span ends.
struct Last {
    name: &'static str,
    _tool: ToolSpan,
}

impl Last {
    fn new(name: &'static str) -> Self {
        let agent = agent_span("s-1", "arcan").start();
        let tool = tool_span(&phase_span(&agent, Execute), name, "call-1").start();
        tool.record_tool_status(ToolStatus::Ok);
        Self { name, _tool: tool }
    }
}

impl Drop for Last {
    fn drop(&mut self) {
        count(self.name);
        TOOL_EXECUTIONS.bind(&tool(self.name)).add(1);
    }
}

#[test]
fn what_is_measured_while_a_thread_ends_is_counted() {
    thread_local! {
        static FIRST: RefCell<Option<Last>> = const { RefCell::new(None) };
        static SECOND: RefCell<Option<Last>> = const { RefCell::new(None) };
    }

    let _one = one_at_a_time();
    let pipeline = process();
    std::thread::spawn(|| {
        // What the thread remembers goes after one of them and before the other, whatever the order.
        FIRST.set(Some(Last::new("first")));
        count("between");
        spans("arcan", "between");
        SECOND.set(Some(Last::new("second")));
    })
    .join()
    .expect("the thread ends");
    assert_eq!(executions(&pipeline, "first"), Some(3.0));
    assert_eq!(executions(&pipeline, "second"), Some(3.0));
    assert_eq!(executions(&pipeline, "between"), Some(2.0));
}
