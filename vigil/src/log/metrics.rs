//! Metrics, collected for lines.

use std::collections::HashMap;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::{
    AggregatedMetrics, Metric, MetricData, ResourceMetrics, ScopeMetrics,
};
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{InstrumentKind, ManualReader, Pipeline, Temporality};

use super::{LEVEL, METRICS, Printer, output};

/// How long one that has to write waits for one that writes already.
const PATIENCE: Duration = Duration::from_secs(1);

/// Reads metrics for a [`LogLayer`](super::LogLayer), which writes a line for each data point.
///
/// A reader for `SdkMeterProvider::builder().with_reader(…)` that needs no thread: it writes when a
/// typed span ends that stands under no other and the interval has passed, when the provider is
/// flushed, and when it is shut down. Each report says what happened since the last one; of what
/// nothing happened to, it says nothing. Callbacks of observable instruments run on the thread that
/// ends the span, flushes or shuts down: they must not need a lock that is held there.
///
/// Lines have the level `INFO` and the target `vigil::metrics`. Where the filter of the layer lets
/// none pass, nothing is collected.
///
/// ```
/// use std::time::Duration;
/// use opentelemetry_sdk::metrics::SdkMeterProvider;
/// use tracing_subscriber::layer::SubscriberExt;
/// use vigil::log::{LogFormat, LogLayer, MetricLines};
///
/// let metrics = MetricLines::every(Duration::from_secs(60));
/// let meters = SdkMeterProvider::builder().with_reader(metrics.clone()).build();
/// let lines = LogLayer::new(LogFormat::Json).metrics(&metrics);
/// let subscriber = tracing_subscriber::registry().with(lines);
/// // …
/// meters.shutdown().ok(); // writes what there is
/// # drop(subscriber);
/// ```
#[derive(Clone)]
pub struct MetricLines(Arc<Shared>);

struct Shared {
    reader: ManualReader,
    /// Who has it, collects and writes; nobody waits for it who could be what it waits for.
    state: Mutex<State>,
    printers: Mutex<Vec<Arc<Printer>>>,
    started: Instant,
    interval: Duration,
    /// When the next report is due, in milliseconds after the start.
    due: AtomicU64,
}

#[derive(Default)]
struct State {
    /// What stands in the last report and doesn't start anew with each: its value is news only if
    /// it is another one.
    told: HashMap<(String, Vec<KeyValue>), Amount>,
    shut_down: bool,
}

impl MetricLines {
    /// Reports at most this often, and at the end.
    pub fn every(interval: Duration) -> Self {
        Self(Arc::new(Shared {
            reader: ManualReader::builder()
                .with_temporality(Temporality::Delta)
                .build(),
            state: Mutex::default(),
            printers: Mutex::default(),
            started: Instant::now(),
            interval,
            due: AtomicU64::new(millis(interval)),
        }))
    }

    pub(super) fn write_to(&self, printer: &Arc<Printer>) {
        lock(&self.0.printers).push(Arc::clone(printer));
    }

    /// Writes a report if it is time for one.
    pub(super) fn write_if_due(&self) {
        let due = self.0.due.load(Ordering::Relaxed);
        let now = self.0.started.elapsed();
        // Within a writer nothing can be written: it would be collected and lost.
        if millis(now) < due || output::is_writing() {
            return;
        }
        let next = millis(now.saturating_add(self.0.interval));
        let exchange = self
            .0
            .due
            .compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed);
        if exchange.is_ok()
            && let Some(state) = self.state()
        {
            self.write(state);
        }
    }

    /// The right to collect, unless somebody has it: perhaps this thread, further up.
    fn state(&self) -> Option<MutexGuard<'_, State>> {
        match self.0.state.try_lock() {
            Ok(state) => Some(state),
            Err(TryLockError::Poisoned(state)) => Some(state.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// The same, for one who has to write.
    fn state_within(&self, timeout: Duration) -> Option<MutexGuard<'_, State>> {
        let until = Instant::now() + timeout;
        loop {
            let state = self.state();
            if state.is_some() || Instant::now() >= until {
                return state;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn write(&self, mut state: MutexGuard<'_, State>) {
        let mut printers = lock(&self.0.printers).clone();
        printers.retain(|printer| printer.wants(METRICS, LEVEL));
        if printers.is_empty() || state.shut_down || output::is_writing() {
            return;
        }
        // Instruments may have callbacks, which are anybody's code.
        let _ = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let mut metrics = ResourceMetrics::default();
            if self.0.reader.collect(&mut metrics).is_ok() {
                let points = state.news(&metrics);
                for printer in printers {
                    printer.metrics(&points);
                }
            }
        }));
    }
}

impl fmt::Debug for MetricLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricLines")
            .field("interval", &self.0.interval)
            .finish_non_exhaustive()
    }
}

impl MetricReader for MetricLines {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.0.reader.register_pipeline(pipeline);
    }

    fn collect(&self, metrics: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.reader.collect(metrics)
    }

    fn force_flush(&self) -> OTelSdkResult {
        if let Some(state) = self.state_within(PATIENCE) {
            self.write(state);
        }
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.force_flush()?;
        if let Some(mut state) = self.state() {
            state.shut_down = true;
        }
        self.0.reader.shutdown_with_timeout(timeout)
    }

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.0.reader.temporality(kind)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was measured with one set of attributes.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) name: String,
    pub(super) unit: String,
    pub(super) kind: Kind,
    pub(super) attributes: Vec<KeyValue>,
    pub(super) measured: Measured,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Measured {
    Value(Amount),
    Distribution {
        count: u64,
        sum: Amount,
        min: Option<Amount>,
        max: Option<Amount>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Amount {
    Int(i128),
    Double(f64),
}

impl Amount {
    // What is shown of a number that large is rounded anyway.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn as_f64(self) -> f64 {
        match self {
            Self::Int(amount) => amount as f64,
            Self::Double(amount) => amount,
        }
    }

    fn is_zero(self) -> bool {
        self == Self::Int(0) || self == Self::Double(0.0)
    }
}

impl From<u64> for Amount {
    fn from(amount: u64) -> Self {
        Self::Int(amount.into())
    }
}

impl From<i64> for Amount {
    fn from(amount: i64) -> Self {
        Self::Int(amount.into())
    }
}

impl From<f64> for Amount {
    fn from(amount: f64) -> Self {
        Self::Double(amount)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    UpDownCounter,
    Gauge,
    Histogram,
}

impl Kind {
    /// As the registry names it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::UpDownCounter => "updowncounter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

impl State {
    /// What happened since the last report, in an order that stays.
    fn news(&mut self, metrics: &ResourceMetrics) -> Vec<Point> {
        let mut points = Vec::new();
        for metric in metrics.scope_metrics().flat_map(ScopeMetrics::metrics) {
            match metric.data() {
                AggregatedMetrics::F64(data) => add(&mut points, metric, data),
                AggregatedMetrics::U64(data) => add(&mut points, metric, data),
                AggregatedMetrics::I64(data) => add(&mut points, metric, data),
            }
        }
        let before = std::mem::take(&mut self.told);
        points.retain(|point| match (point.kind, point.measured) {
            (Kind::Counter, Measured::Value(value)) => !value.is_zero(),
            (Kind::UpDownCounter | Kind::Gauge, Measured::Value(value)) => {
                let key = (point.name.clone(), point.attributes.clone());
                let is_news = before.get(&key) != Some(&value);
                self.told.insert(key, value);
                is_news
            }
            (_, Measured::Distribution { count, .. }) => count > 0,
            (Kind::Histogram, Measured::Value(_)) => true,
        });
        points.sort_by_cached_key(|point| {
            let attributes = point.attributes.iter();
            let attributes: Vec<_> = attributes
                .map(|attribute| {
                    let value = attribute.value.as_str().into_owned();
                    (attribute.key.as_str().to_owned(), value)
                })
                .collect();
            (point.name.clone(), attributes)
        });
        points
    }
}

fn add<T: Copy + Into<Amount>>(points: &mut Vec<Point>, metric: &Metric, data: &MetricData<T>) {
    let mut push = |kind, attributes: &mut dyn Iterator<Item = &KeyValue>, measured| {
        let mut attributes: Vec<_> = attributes.cloned().collect();
        attributes.sort_by(|a, b| a.key.cmp(&b.key));
        points.push(Point {
            name: metric.name().to_owned(),
            unit: metric.unit().to_owned(),
            kind,
            attributes,
            measured,
        });
    };
    match data {
        MetricData::Gauge(gauge) => {
            for point in gauge.data_points() {
                let value = Measured::Value(point.value().into());
                push(Kind::Gauge, &mut point.attributes(), value);
            }
        }
        MetricData::Sum(sum) => {
            let kind = if sum.is_monotonic() {
                Kind::Counter
            } else {
                Kind::UpDownCounter
            };
            for point in sum.data_points() {
                let value = Measured::Value(point.value().into());
                push(kind, &mut point.attributes(), value);
            }
        }
        MetricData::Histogram(histogram) => {
            for point in histogram.data_points() {
                let measured = Measured::Distribution {
                    count: point.count(),
                    sum: point.sum().into(),
                    min: point.min().map(Into::into),
                    max: point.max().map(Into::into),
                };
                push(Kind::Histogram, &mut point.attributes(), measured);
            }
        }
        MetricData::ExponentialHistogram(histogram) => {
            for point in histogram.data_points() {
                let measured = Measured::Distribution {
                    count: point.count() as u64,
                    sum: point.sum().into(),
                    min: point.min().map(Into::into),
                    max: point.max().map(Into::into),
                };
                push(Kind::Histogram, &mut point.attributes(), measured);
            }
        }
    }
}
