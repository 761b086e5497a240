//! Metrics as log lines, with a subscriber and an SDK of one's own.

use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use serde_json::{Value, json};
use tracing_subscriber::layer::SubscriberExt;
use vigil::agent_span;
use vigil::log::{LogFormat, LogLayer, MetricLines};

const HOUR: Duration = Duration::from_secs(3_600);

/// A writer whose lines a test can read.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8(bytes.clone()).expect("lines are UTF-8")
    }

    /// The lines about metrics since the last time.
    fn metrics(&self) -> Vec<Value> {
        let text = self.text();
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        let lines = text.lines().map(|line| {
            serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"))
        });
        lines.filter(|line| line["event"] == "metric").collect()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Meters whose metrics a layer writes.
fn meters(interval: Duration) -> (SdkMeterProvider, LogLayer, Captured, MetricLines) {
    let metrics = MetricLines::every(interval);
    let meters = SdkMeterProvider::builder()
        .with_reader(metrics.clone())
        .build();
    let captured = Captured::default();
    let layer = LogLayer::new(LogFormat::Json)
        .writer(captured.clone())
        .metrics(&metrics);
    (meters, layer, captured, metrics)
}

fn with(layer: LogLayer, f: impl FnOnce()) {
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), f);
}

fn root() {
    agent_span("s-1", "arcan").start().end();
}

#[test]
fn each_report_says_what_happened_since_the_last() {
    let (meters, layer, captured, _) = meters(HOUR);
    let meter = meters.meter("test");
    let calls = meter.u64_counter("calls").with_unit("{call}").build();
    let open = meter.i64_up_down_counter("open").build();
    let share = meter.f64_gauge("share").build();
    let sizes = meter.u64_histogram("sizes").with_unit("By").build();
    meter
        .u64_observable_gauge("observed")
        .with_callback(|observer| observer.observe(7, &[]))
        .build();
    with(layer, || {
        let shell = [KeyValue::new("tool", "shell"), KeyValue::new("ok", true)];
        calls.add(2, &shell);
        open.add(3, &[]);
        share.record(0.25, &[]);
        sizes.record(10, &[]);
        sizes.record(30, &[]);
        root();
        assert_eq!(captured.metrics(), [] as [Value; 0], "it is not time yet");

        meters.force_flush().expect("it is flushed");
        let lines = captured.metrics();
        let timeless: Vec<_> = lines
            .into_iter()
            .map(|mut line| {
                let line = line.as_object_mut().expect("an object");
                let time = line.remove("timestamp");
                assert!(time.is_some_and(|time| time.is_string()));
                for (key, value) in [
                    ("level", "INFO"),
                    ("target", "vigil::metrics"),
                    ("event", "metric"),
                ] {
                    assert_eq!(line.remove(key), Some(value.into()));
                }
                Value::from(line.clone())
            })
            .collect();
        assert_eq!(
            timeless,
            [
                json!({"name": "calls", "kind": "counter", "unit": "{call}",
                       "attributes": {"ok": true, "tool": "shell"}, "value": 2}),
                json!({"name": "observed", "kind": "gauge", "unit": "",
                       "attributes": {}, "value": 7}),
                json!({"name": "open", "kind": "updowncounter", "unit": "",
                       "attributes": {}, "value": 3}),
                json!({"name": "share", "kind": "gauge", "unit": "",
                       "attributes": {}, "value": 0.25}),
                json!({"name": "sizes", "kind": "histogram", "unit": "By",
                       "attributes": {}, "count": 2, "sum": 40, "min": 10, "max": 30}),
            ]
        );

        meters.force_flush().expect("it is flushed");
        assert_eq!(captured.metrics(), [] as [Value; 0], "there are no news");

        calls.add(1, &shell);
        open.add(-1, &[]);
        meters.shutdown().expect("it is shut down");
        let values: Vec<_> = captured
            .metrics()
            .iter()
            .map(|line| (line["name"].clone(), line["value"].clone()))
            .collect();
        assert_eq!(
            values,
            [(json!("calls"), json!(1)), (json!("open"), json!(2))]
        );
    });
}

#[test]
fn what_the_filter_leaves_out_is_not_even_collected() {
    let (meters, layer, captured, _) = meters(Duration::ZERO);
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    meters
        .meter("test")
        .u64_observable_gauge("observed")
        .with_callback(move |observer| {
            count.fetch_add(1, Ordering::Relaxed);
            observer.observe(7, &[]);
        })
        .build();
    let layer = layer
        .filter("info,vigil::metrics=off")
        .expect("it can be read");
    with(layer, || {
        root();
        meters.shutdown().expect("it is shut down");
    });
    assert!(captured.text().contains("invoke_agent"));
    assert_eq!(captured.metrics(), [] as [Value; 0]);
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

#[test]
fn roots_of_many_threads_report_together_what_there_was() {
    const THREADS: u64 = 8;
    const ROOTS: u64 = 50;
    let (meters, layer, captured, _) = meters(Duration::ZERO);
    let calls = meters.meter("test").u64_counter("calls").build();
    let dispatch = tracing::Dispatch::new(tracing_subscriber::registry().with(layer));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                tracing::dispatcher::with_default(&dispatch, || {
                    for _ in 0..ROOTS {
                        calls.add(1, &[]);
                        root();
                    }
                });
            });
        }
    });
    meters.shutdown().expect("it is shut down");
    let lines = captured.metrics();
    let sum: u64 = lines.iter().filter_map(|line| line["value"].as_u64()).sum();
    assert_eq!(sum, THREADS * ROOTS);
    assert!(lines.len() > 1, "{}", lines.len());
}

#[test]
fn callbacks_may_log_end_spans_and_panic() {
    let (meters, layer, captured, _) = meters(Duration::ZERO);
    let meter = meters.meter("test");
    let calls = meter.u64_counter("calls").build();
    meter
        .u64_observable_gauge("observed")
        .with_callback(|observer| {
            tracing::info!("being asked");
            root();
            observer.observe(7, &[]);
        })
        .build();
    with(layer, || {
        calls.add(1, &[]);
        root();
        let text = captured.text();
        assert!(text.contains("being asked"), "{text}");
        let names: Vec<_> = captured
            .metrics()
            .iter()
            .map(|line| line["name"].clone())
            .collect();
        assert_eq!(names, ["calls", "observed"]);

        meter
            .u64_observable_gauge("broken")
            .with_callback(|_| panic!("a callback's own fault"))
            .build();
        root();
        root();
        tracing::info!("still here");
        assert!(captured.text().contains("still here"));
        // The SDK can't collect any more, and says so.
        let _ = meters.shutdown();
    });
}

#[test]
fn a_writer_may_end_spans_and_panic() {
    struct Wild(Captured);

    impl Write for Wild {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            root();
            self.0.write_all(bytes)?;
            panic!("a writer's own fault");
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let (meters, layer, captured, _) = meters(Duration::ZERO);
    let calls = meters.meter("test").u64_counter("calls").build();
    with(layer.writer(Wild(captured.clone())), || {
        calls.add(1, &[]);
        root();
        calls.add(1, &[]);
        meters.shutdown().expect("it is shut down");
    });
    let text = captured.text();
    assert_eq!(text.matches("\"calls\"").count(), 2, "{text}");
}

#[test]
fn each_layer_that_has_them_writes_them_and_no_other() {
    let (meters, layer, captured, metrics) = meters(Duration::ZERO);
    let people = Captured::default();
    let without = Captured::default();
    let calls = meters.meter("test").u64_counter("calls").build();
    let subscriber = tracing_subscriber::registry()
        .with(layer)
        .with(
            LogLayer::new(LogFormat::Pretty)
                .writer(people.clone())
                .metrics(&metrics),
        )
        .with(LogLayer::new(LogFormat::Pretty).writer(without.clone()));
    tracing::subscriber::with_default(subscriber, || {
        calls.add(
            1,
            &[
                KeyValue::new("gen_ai.tool.name", "a b\n"),
                KeyValue::new("k", "v w"),
            ],
        );
        root();
    });
    assert_eq!(captured.metrics().len(), 1);
    let people = people.text();
    assert!(
        people.ends_with("∑ calls  1  a b\\n  k=\"v w\"\n"),
        "{people}"
    );
    assert!(without.text().contains("invoke_agent"));
    assert!(!without.text().contains("calls"));
}
