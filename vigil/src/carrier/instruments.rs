//! Metric instruments, and the provider that they are made with.

use std::any::TypeId;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{self as otel, MeterProvider};
use opentelemetry_sdk::metrics::SdkMeterProvider;

use super::attributes::{AttributeSet, Attributes, find, same};
use super::definition::{Field, InstrumentKind, MetricDefinition};
use super::gate::Gate;
use super::tracer::instrumentation_scope;
use super::value::{Int, Text, Value};

/// What a metric attribute reads when its metric has admitted all the values that it may.
const OVERFLOW: &str = "_OTHER";

/// Sets of attributes that an instrument is bound to; those met later take the longer way.
const BOUND_SETS: usize = 64;
/// Attributes of a metric that are gathered without an allocation.
const FEW: usize = 8;

/// How many bindings there are, the process's and those of test scopes. Zero: nothing measures.
static BOUND: AtomicUsize = AtomicUsize::new(0);
/// The process's own.
static GLOBAL: RwLock<Option<Arc<Binding>>> = RwLock::new(None);

std::thread_local! {
    /// The test scope's.
    static SCOPED: RefCell<Option<Arc<Binding>>> = const { RefCell::new(None) };
    /// An instrument is being made.
    static MAKING: Cell<bool> = const { Cell::new(false) };
}

/// Whether anything measures.
#[inline]
pub(crate) fn is_bound() -> bool {
    BOUND.load(Ordering::Relaxed) > 0
}

/// Measures with `provider` from now on, in place of what did before.
///
/// Instruments need not be made anew: those that were touched before are live as well.
pub fn set_meter_provider(provider: impl MeterProvider + Send + Sync + 'static) {
    let binding = Arc::new(Binding::new(Arc::new(provider), Gate::closed()));
    let before = GLOBAL
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .replace(binding);
    if before.is_none() {
        BOUND.fetch_add(1, Ordering::Relaxed);
    }
}

/// A meter provider and the instruments that were made with it.
pub(crate) struct Binding {
    provider: Arc<dyn MeterProvider + Send + Sync>,
    /// What becomes of content in a test scope.
    gate: Gate,
    /// Whether its instruments can be bound to attributes. Others than the SDK's may drop what is
    /// measured through such a handle.
    binds: bool,
    /// By the address of their definition, which is static, in its order.
    instruments: RwLock<Vec<(usize, Arc<Instrument>)>>,
}

/// Ends a test scope on this thread.
pub(crate) struct BindingGuard(Option<Arc<Binding>>);

impl Drop for BindingGuard {
    fn drop(&mut self) {
        let _ = SCOPED.try_with(|scoped| scoped.replace(self.0.take()));
        BOUND.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Binding {
    pub(crate) fn new<P>(provider: Arc<P>, gate: Gate) -> Self
    where
        P: MeterProvider + Send + Sync + 'static,
    {
        Self {
            provider,
            gate,
            binds: TypeId::of::<P>() == TypeId::of::<SdkMeterProvider>(),
            instruments: RwLock::default(),
        }
    }

    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Measures with `binding` on this thread until the guard is dropped.
    pub(crate) fn enter(binding: Arc<Self>) -> BindingGuard {
        BOUND.fetch_add(1, Ordering::Relaxed);
        let before = SCOPED.try_with(|scoped| scoped.replace(Some(binding)));
        BindingGuard(before.ok().flatten())
    }

    /// That of the test scope on this thread.
    pub(crate) fn scoped() -> Option<Arc<Self>> {
        SCOPED.try_with(|scoped| scoped.borrow().clone()).ok()?
    }

    /// The one that counts here: a span's own, the test scope's, the process's.
    pub(crate) fn of(own: Option<&Arc<Self>>) -> Option<Arc<Self>> {
        own.cloned().or_else(Self::scoped).or_else(|| {
            GLOBAL
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .clone()
        })
    }

    /// Measures `value`; `attribute` finds the values of the metric's attributes.
    pub(crate) fn measure<'a>(
        &self,
        metric: &'static MetricDefinition,
        value: &Value,
        attribute: impl Fn(&'static str) -> Option<Cow<'a, Value>>,
    ) {
        let Some(instrument) = self.instrument(metric) else {
            return;
        };
        let value_of = |field: &Field| match field.constant {
            // It is the same for all.
            Some(_) => None,
            None => attribute(field.key()),
        };
        let fields = metric.fields.iter();
        if metric.fields.len() <= FEW {
            let mut values = [const { None }; FEW];
            for (value, field) in values.iter_mut().zip(fields) {
                *value = value_of(field);
            }
            instrument.measure(metric, value, &values[..metric.fields.len()], self.binds);
        } else {
            let values: Vec<_> = fields.map(value_of).collect();
            instrument.measure(metric, value, &values, self.binds);
        }
    }

    /// The instrument of that metric; none while it is being made on this thread, which a
    /// provider that logs may come back to.
    fn instrument(&self, metric: &'static MetricDefinition) -> Option<Arc<Instrument>> {
        let address = std::ptr::from_ref(metric).addr();
        let place = |instruments: &Vec<(usize, Arc<Instrument>)>| {
            instruments.binary_search_by_key(&address, |(address, _)| *address)
        };
        {
            let instruments = self
                .instruments
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            if let Ok(place) = place(&instruments) {
                return Some(Arc::clone(&instruments[place].1));
            }
        }
        if MAKING.replace(true) {
            return None;
        }
        let made = Arc::new(Instrument::new(&*self.provider, metric));
        MAKING.set(false);
        let mut instruments = self
            .instruments
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let place = match place(&instruments) {
            // Another thread was faster.
            Ok(place) => place,
            Err(place) => {
                instruments.insert(place, (address, made));
                place
            }
        };
        Some(Arc::clone(&instruments[place].1))
    }
}

impl std::fmt::Debug for Binding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Binding").finish_non_exhaustive()
    }
}

struct Instrument {
    kind: Made,
    /// For each attribute with a bound: the values that were admitted.
    admitted: Vec<Option<Mutex<Admitted>>>,
    /// What it was bound to, so that a set that comes again needs no attributes made, nor found by
    /// the SDK.
    sets: RwLock<Vec<BoundSet>>,
}

/// An instrument bound to attributes.
struct BoundSet {
    /// The values as they were measured, for each of the metric's attributes.
    values: Box<[Option<Value>]>,
    made: Bound,
}

impl BoundSet {
    fn is_of(&self, values: &[Option<Cow<'_, Value>>]) -> bool {
        let known = self.values.iter().map(Option::as_ref);
        known.eq(values.iter().map(Option::as_deref))
    }
}

#[derive(Default)]
struct Admitted {
    values: Vec<Text>,
    reported: bool,
}

enum Made {
    CounterInt(otel::Counter<u64>),
    CounterDouble(otel::Counter<f64>),
    UpDownCounterInt(otel::UpDownCounter<i64>),
    UpDownCounterDouble(otel::UpDownCounter<f64>),
    GaugeInt(otel::Gauge<i64>),
    GaugeDouble(otel::Gauge<f64>),
    HistogramInt(otel::Histogram<u64>),
    HistogramDouble(otel::Histogram<f64>),
}

impl Instrument {
    fn new(provider: &dyn MeterProvider, metric: &'static MetricDefinition) -> Self {
        Self {
            kind: Made::new(provider, metric),
            admitted: metric
                .fields
                .iter()
                .map(|field| field.cardinality.map(|_| Mutex::default()))
                .collect(),
            sets: RwLock::default(),
        }
    }

    /// Measures with these values of the metric's attributes.
    fn measure(
        &self,
        metric: &'static MetricDefinition,
        value: &Value,
        values: &[Option<Cow<'_, Value>>],
        binds: bool,
    ) {
        let has_place = binds && {
            let sets = self.sets.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(set) = sets.iter().find(|set| set.is_of(values)) {
                return set.made.record(value);
            }
            sets.len() < BOUND_SETS
        };
        let mut is_admitted = true;
        let attributes: Vec<KeyValue> = metric
            .fields
            .iter()
            .zip(values)
            .enumerate()
            .filter_map(|(place, (field, value))| {
                let value = if let Some(constant) = field.constant {
                    Value::from(constant)
                } else {
                    let value = value.as_deref()?.clone();
                    let (value, admitted) = self.admit(metric, place, field, value);
                    is_admitted &= admitted;
                    value
                };
                Some(KeyValue::new(field.key(), value))
            })
            .collect();
        // There is no end of values that are not admitted.
        if !has_place || !is_admitted {
            return self.kind.record(value, &attributes);
        }
        let made = self.kind.bind(&attributes);
        made.record(value);
        let mut sets = self.sets.write().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have been faster.
        if sets.len() < BOUND_SETS && !sets.iter().any(|set| set.is_of(values)) {
            sets.push(BoundSet {
                values: values
                    .iter()
                    .map(|value| value.as_deref().cloned())
                    .collect(),
                made,
            });
        }
    }

    /// The value, or what stands for one too many, and whether it is the value.
    fn admit(
        &self,
        metric: &'static MetricDefinition,
        place: usize,
        field: &Field,
        value: Value,
    ) -> (Value, bool) {
        let (Some(bound), Some(Some(admitted))) = (field.cardinality, self.admitted.get(place))
        else {
            return (value, true);
        };
        let text = match &value {
            Value::Text(text) => text.clone(),
            other => Text::from(other.to_string()),
        };
        let report = {
            let mut admitted = admitted.lock().unwrap_or_else(PoisonError::into_inner);
            if admitted.values.contains(&text) {
                return (value, true);
            }
            if admitted.values.len() < bound {
                admitted.values.push(text);
                return (value, true);
            }
            !std::mem::replace(&mut admitted.reported, true)
        };
        if report {
            tracing::warn!(
                target: super::callsite::TARGET,
                metric = metric.name,
                attribute = field.key(),
                bound,
                "the metric has met more values of the attribute than it admits: the others are `{OVERFLOW}`",
            );
        }
        (Value::from(OVERFLOW), false)
    }
}

impl Made {
    fn new(provider: &dyn MeterProvider, metric: &'static MetricDefinition) -> Self {
        let meter = provider.meter_with_scope(instrumentation_scope(metric.scope));
        macro_rules! made {
            ($builder:ident) => {
                meter
                    .$builder(metric.name)
                    .with_unit(metric.unit)
                    .with_description(metric.description)
                    .build()
            };
        }
        macro_rules! histogram {
            ($builder:ident) => {{
                let builder = meter
                    .$builder(metric.name)
                    .with_unit(metric.unit)
                    .with_description(metric.description);
                if metric.boundaries.is_empty() {
                    builder.build()
                } else {
                    builder.with_boundaries(metric.boundaries.to_vec()).build()
                }
            }};
        }
        match metric.kind {
            InstrumentKind::CounterInt => Self::CounterInt(made!(u64_counter)),
            InstrumentKind::CounterDouble => Self::CounterDouble(made!(f64_counter)),
            InstrumentKind::UpDownCounterInt => Self::UpDownCounterInt(made!(i64_up_down_counter)),
            InstrumentKind::UpDownCounterDouble => {
                Self::UpDownCounterDouble(made!(f64_up_down_counter))
            }
            InstrumentKind::GaugeInt => Self::GaugeInt(made!(i64_gauge)),
            InstrumentKind::GaugeDouble => Self::GaugeDouble(made!(f64_gauge)),
            InstrumentKind::HistogramInt => Self::HistogramInt(histogram!(u64_histogram)),
            InstrumentKind::HistogramDouble => Self::HistogramDouble(histogram!(f64_histogram)),
        }
    }

    fn record(&self, value: &Value, attributes: &[KeyValue]) {
        match (self, value) {
            (Self::CounterInt(made), Value::Int(value)) => {
                made.add(not_negative(*value), attributes);
            }
            (Self::CounterDouble(made), Value::Double(value)) => made.add(*value, attributes),
            (Self::UpDownCounterInt(made), Value::Int(value)) => made.add(*value, attributes),
            (Self::UpDownCounterDouble(made), Value::Double(value)) => made.add(*value, attributes),
            (Self::GaugeInt(made), Value::Int(value)) => made.record(*value, attributes),
            (Self::GaugeDouble(made), Value::Double(value)) => made.record(*value, attributes),
            (Self::HistogramInt(made), Value::Int(value)) => {
                made.record(not_negative(*value), attributes);
            }
            (Self::HistogramDouble(made), Value::Double(value)) => made.record(*value, attributes),
            // One counts as one in either type.
            #[allow(clippy::cast_precision_loss)]
            (Self::CounterDouble(made), Value::Int(value)) => made.add(*value as f64, attributes),
            // The generator lets a metric take only values of its own type.
            _ => {}
        }
    }

    fn bind(&self, attributes: &[KeyValue]) -> Bound {
        match self {
            Self::CounterInt(made) => Bound::CounterInt(made.bind(attributes)),
            Self::CounterDouble(made) => Bound::CounterDouble(made.bind(attributes)),
            Self::UpDownCounterInt(made) => Bound::UpDownCounterInt(made.bind(attributes)),
            Self::UpDownCounterDouble(made) => Bound::UpDownCounterDouble(made.bind(attributes)),
            Self::GaugeInt(made) => Bound::GaugeInt(made.bind(attributes)),
            Self::GaugeDouble(made) => Bound::GaugeDouble(made.bind(attributes)),
            Self::HistogramInt(made) => Bound::HistogramInt(made.bind(attributes)),
            Self::HistogramDouble(made) => Bound::HistogramDouble(made.bind(attributes)),
        }
    }
}

/// What was made, bound to attributes.
enum Bound {
    CounterInt(otel::BoundCounter<u64>),
    CounterDouble(otel::BoundCounter<f64>),
    UpDownCounterInt(otel::BoundUpDownCounter<i64>),
    UpDownCounterDouble(otel::BoundUpDownCounter<f64>),
    GaugeInt(otel::BoundGauge<i64>),
    GaugeDouble(otel::BoundGauge<f64>),
    HistogramInt(otel::BoundHistogram<u64>),
    HistogramDouble(otel::BoundHistogram<f64>),
}

impl Bound {
    /// As [`Made::record`] does.
    fn record(&self, value: &Value) {
        match (self, value) {
            (Self::CounterInt(made), Value::Int(value)) => made.add(not_negative(*value)),
            (Self::CounterDouble(made), Value::Double(value)) => made.add(*value),
            (Self::UpDownCounterInt(made), Value::Int(value)) => made.add(*value),
            (Self::UpDownCounterDouble(made), Value::Double(value)) => made.add(*value),
            (Self::GaugeInt(made), Value::Int(value)) => made.record(*value),
            (Self::GaugeDouble(made), Value::Double(value)) => made.record(*value),
            (Self::HistogramInt(made), Value::Int(value)) => made.record(not_negative(*value)),
            (Self::HistogramDouble(made), Value::Double(value)) => made.record(*value),
            #[allow(clippy::cast_precision_loss)]
            (Self::CounterDouble(made), Value::Int(value)) => made.add(*value as f64),
            _ => {}
        }
    }
}

fn not_negative(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// A number that instruments take.
pub trait Number: Copy {
    /// It, as the carrier takes it.
    fn value(self) -> Value;
}

impl Number for u64 {
    fn value(self) -> Value {
        Value::from(Int::from(self))
    }
}

impl Number for i64 {
    fn value(self) -> Value {
        Value::Int(self)
    }
}

impl Number for f64 {
    fn value(self) -> Value {
        Value::Double(self)
    }
}

fn measure<A: AttributeSet>(metric: &'static MetricDefinition, value: impl Number, attributes: &A) {
    if !is_bound() {
        return;
    }
    let Some(binding) = Binding::of(None) else {
        return;
    };
    let mut batch = Attributes::with_room(Gate::closed(), metric.fields.len());
    attributes.write(&mut batch);
    let entries = batch.entries();
    // They come in the order of the metric's attributes, as both are generated.
    let next = Cell::new(0);
    binding.measure(metric, &value.value(), |key| {
        let value = match entries.get(next.get()) {
            Some((other, value)) if same(other, key) => value,
            _ => find(entries, key)?,
        };
        next.set(next.get() + 1);
        Some(Cow::Borrowed(value))
    });
}

macro_rules! instruments {
    ($($(#[$docs:meta])* $name:ident, $method:ident, $verb:literal;)*) => {$(
        $(#[$docs])*
        ///
        /// It resolves through the meter provider that is set when it measures: touched too early,
        /// it is live later.
        pub struct $name<N, A> {
            metric: &'static MetricDefinition,
            types: PhantomData<fn(N, A)>,
        }

        impl<N: Number, A: AttributeSet> $name<N, A> {
            /// The instrument of that metric.
            pub const fn new(metric: &'static MetricDefinition) -> Self {
                Self { metric, types: PhantomData }
            }

            #[doc = $verb]
            pub fn $method(&self, value: N, attributes: &A) {
                measure(self.metric, value, attributes);
            }
        }

        impl<N, A> std::fmt::Debug for $name<N, A> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.metric.name).finish()
            }
        }
    )*};
}

instruments! {
    /// A metric that only grows.
    Counter, add, "Adds to it.";
    /// A metric that grows and shrinks.
    UpDownCounter, add, "Adds to it; a negative value takes away.";
    /// A metric of which the last value counts.
    Gauge, record, "Sets it.";
    /// A metric of which the distribution counts.
    Histogram, record, "Records a value.";
}

/// A histogram of durations, in seconds.
///
/// It resolves through the meter provider that is set when it measures: touched too early, it is
/// live later.
pub struct DurationHistogram<A> {
    metric: &'static MetricDefinition,
    attributes: PhantomData<fn(A)>,
}

impl<A: AttributeSet> DurationHistogram<A> {
    /// The instrument of that metric.
    pub const fn new(metric: &'static MetricDefinition) -> Self {
        Self {
            metric,
            attributes: PhantomData,
        }
    }

    /// Records a duration.
    pub fn record(&self, duration: Duration, attributes: &A) {
        measure(self.metric, duration.as_secs_f64(), attributes);
    }
}

impl<A> std::fmt::Debug for DurationHistogram<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("DurationHistogram")
            .field(&self.metric.name)
            .finish()
    }
}
