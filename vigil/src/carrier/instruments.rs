//! Metric instruments, and the provider that they are made with.

mod bound;
mod recent;
mod series;

use std::any::TypeId;
use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{self as otel, MeterProvider};
use opentelemetry_sdk::metrics::SdkMeterProvider;

use self::bound::BoundSeries;
use self::series::Series;

use super::attributes::{AttributeSet, Attributes, Entry, find, key_value, same};
use super::definition::{Field, InstrumentKind, MetricDefinition};
use super::gate::Gate;
use super::opt_in::{self, Route};
use super::told;
use super::tracer::instrumentation_scope;
use super::value::{Int, Text, Value};
use crate::config::StabilityOptIn;

/// What a metric attribute reads when its metric has admitted all the values that it may.
const OVERFLOW: &str = "_OTHER";

/// How many bindings there are, the process's and those of test scopes. Zero: nothing measures.
static BOUND: AtomicUsize = AtomicUsize::new(0);
/// How many times the process's own was set.
static GENERATION: AtomicUsize = AtomicUsize::new(0);
/// The process's own.
static GLOBAL: RwLock<Option<Arc<Binding>>> = RwLock::new(None);

std::thread_local! {
    /// The test scope's.
    static SCOPED: RefCell<Option<Arc<Binding>>> = const { RefCell::new(None) };
    /// There is one: asked at each measurement, so it is kept where it costs least.
    static IS_SCOPED: Cell<bool> = const { Cell::new(false) };
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
pub fn set_meter_provider<P: MeterProvider + Send + Sync + 'static>(provider: P) {
    let mut binding = Binding::new(Arc::new(provider), Gate::closed());
    // Another one may have no bound instruments, and would measure nothing by them.
    binding.binds = TypeId::of::<P>() == TypeId::of::<SdkMeterProvider>();
    let binding = Arc::new(binding);
    let before = GLOBAL
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .replace(binding);
    GENERATION.fetch_add(1, Ordering::Release);
    if before.is_none() {
        BOUND.fetch_add(1, Ordering::Relaxed);
    }
}

/// Makes the instruments of the process's provider once more: names have changed.
pub(crate) fn make_anew() {
    let mut global = GLOBAL.write().unwrap_or_else(PoisonError::into_inner);
    let Some(before) = global.take() else { return };
    let mut binding = Binding::new(Arc::clone(&before.provider), Gate::closed());
    binding.binds = before.binds;
    *global = Some(Arc::new(binding));
    GENERATION.fetch_add(1, Ordering::Release);
    drop(global);
    // It may be the last to hold instruments of somebody else's.
    drop(before);
}

/// A meter provider and the instruments that were made with it.
pub(crate) struct Binding {
    provider: Arc<dyn MeterProvider + Send + Sync>,
    /// What becomes of content in a test scope.
    gate: Gate,
    /// What a test scope has opted in to.
    opt_in: Option<Arc<StabilityOptIn>>,
    /// Whether the provider is the SDK's, whose instruments can be bound to a set of attributes.
    binds: bool,
    instruments: Instruments,
}

/// The instruments by the number of their metric, in chunks that double and never move, so that
/// whoever measures takes no lock.
#[derive(Default)]
struct Instruments([OnceLock<Box<[OnceLock<Instrument>]>>; 24]);

impl Instruments {
    const FIRST: usize = 32;

    #[inline]
    fn place(&self, number: usize) -> Option<&OnceLock<Instrument>> {
        let shifted = number + Self::FIRST;
        let chunk = (shifted / Self::FIRST).ilog2() as usize;
        let length = Self::FIRST << chunk;
        let chunk = self.0.get(chunk)?;
        let chunk = chunk.get_or_init(|| (0..length).map(|_| OnceLock::new()).collect());
        chunk.get(shifted - length)
    }
}

/// Ends a test scope on this thread.
pub(crate) struct BindingGuard(Option<Arc<Binding>>);

impl Drop for BindingGuard {
    fn drop(&mut self) {
        IS_SCOPED.set(self.0.is_some());
        let _ = SCOPED.try_with(|scoped| scoped.replace(self.0.take()));
        BOUND.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Binding {
    pub(crate) fn new(provider: Arc<dyn MeterProvider + Send + Sync>, gate: Gate) -> Self {
        Self {
            provider,
            gate,
            opt_in: None,
            binds: true,
            instruments: Instruments::default(),
        }
    }

    /// The same of a test scope, which has opted in to that, whatever the process has.
    #[cfg(feature = "testing")]
    pub(crate) fn opting_in(mut self, opt_in: StabilityOptIn) -> Self {
        opt_in::note(&opt_in);
        self.opt_in = Some(Arc::new(opt_in));
        self
    }

    pub(crate) fn opt_in(&self) -> Option<&Arc<StabilityOptIn>> {
        self.opt_in.as_ref()
    }

    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Measures with `binding` on this thread until the guard is dropped.
    pub(crate) fn enter(binding: Arc<Self>) -> BindingGuard {
        BOUND.fetch_add(1, Ordering::Relaxed);
        let before = SCOPED.try_with(|scoped| scoped.replace(Some(binding)));
        IS_SCOPED.set(before.is_ok());
        BindingGuard(before.ok().flatten())
    }

    /// That of the test scope on this thread.
    pub(crate) fn scoped() -> Option<Arc<Self>> {
        if !Self::is_scoped() {
            return None;
        }
        SCOPED.try_with(|scoped| scoped.borrow().clone()).ok()?
    }

    /// The handle for these attributes of an instrument, if the provider has such.
    fn bound(
        &self,
        metric: &'static MetricDefinition,
        attributes: &[Option<&Value>],
    ) -> Option<Arc<Bound>> {
        if !self.binds || !series::are_bindable(attributes) {
            return None;
        }
        self.series(metric, attributes)
    }

    /// Whether a test scope measures on this thread.
    #[inline]
    fn is_scoped() -> bool {
        IS_SCOPED.get()
    }

    /// The one that counts here: a span's own, the test scope's, the process's.
    #[inline]
    pub(crate) fn of(own: Option<&Arc<Self>>) -> Option<Arc<Self>> {
        own.cloned().or_else(Self::scoped).or_else(|| {
            GLOBAL
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .clone()
        })
    }

    /// Measures `value`; `attributes` are those of the metric, in the order of its fields.
    pub(crate) fn measure(
        &self,
        metric: &'static MetricDefinition,
        value: &Value,
        attributes: &[Option<&Value>],
    ) {
        let Some(instrument) = self.instrument(metric) else {
            return;
        };
        if !series::are_bindable(attributes) {
            return self.measure_unbound(metric, instrument, value, attributes);
        }
        let bound = instrument.series.get(attributes);
        let bound = bound.unwrap_or_else(|| self.bind_new(metric, instrument, attributes));
        bound.record(value);
    }

    #[cold]
    fn measure_unbound(
        &self,
        metric: &'static MetricDefinition,
        instrument: &Instrument,
        value: &Value,
        attributes: &[Option<&Value>],
    ) {
        if let Some(route) = opt_in::route(metric, attributes, self) {
            for (other, attributes) in &route.others {
                let attributes: Vec<_> = attributes.iter().map(Option::as_ref).collect();
                self.measure(other, value, &attributes);
            }
            if !route.stays {
                return;
            }
        }
        let fields = metric.fields;
        let admitted = |place: usize| {
            let value = attributes.get(place).copied().flatten()?.clone();
            Some(instrument.admit(metric, place, &fields[place], value))
        };
        if let Some(made) = instrument.made(self, metric) {
            made.record(value, &self.key_values(fields, admitted));
        }
    }

    /// The first of its kind, or one too many: then another stands for it.
    #[cold]
    fn bind_new(
        &self,
        metric: &'static MetricDefinition,
        instrument: &Instrument,
        attributes: &[Option<&Value>],
    ) -> Arc<Bound> {
        let fields = metric.fields;
        let admit = |(place, value): (usize, Option<&Value>)| {
            let value = value?.clone();
            Some(instrument.admit(metric, place, &fields[place], value))
        };
        let admitted: Vec<Option<Value>> =
            attributes.iter().copied().enumerate().map(admit).collect();
        let admitted: Vec<Option<&Value>> = admitted.iter().map(Option::as_ref).collect();
        instrument.series.get(&admitted).unwrap_or_else(|| {
            let own = || {
                let attributes = self.key_values(fields, |place| admitted[place].cloned());
                let made = instrument.made(self, metric)?;
                Some(Bound::new(made, attributes, self.binds))
            };
            let bound = match opt_in::route(metric, &admitted, self) {
                None => own(),
                Some(route) => self.bind_route(&route, own),
            };
            match bound {
                Some(bound) => instrument.series.keep(&admitted, bound),
                // It is being made: the next one will find it.
                None => Arc::new(Bound::Several(Vec::new())),
            }
        })
    }

    /// Handles of all that a measurement goes to.
    #[cold]
    fn bind_route(&self, route: &Route, own: impl FnOnce() -> Option<Bound>) -> Option<Bound> {
        let mut all = Vec::new();
        if route.stays {
            all.push(Arc::new(own()?));
        }
        for (other, attributes) in &route.others {
            let attributes: Vec<_> = attributes.iter().map(Option::as_ref).collect();
            all.push(self.series(other, &attributes)?);
        }
        Some(Bound::Several(all))
    }

    /// The handle for these attributes of an instrument.
    #[cold]
    fn series(
        &self,
        metric: &'static MetricDefinition,
        attributes: &[Option<&Value>],
    ) -> Option<Arc<Bound>> {
        let instrument = self.instrument(metric)?;
        let kept = instrument.series.get(attributes);
        Some(kept.unwrap_or_else(|| self.bind_new(metric, instrument, attributes)))
    }

    /// Attributes as they leave, under the names that are wanted.
    fn key_values(
        &self,
        fields: &[Field],
        value: impl Fn(usize) -> Option<Value>,
    ) -> Vec<KeyValue> {
        let places = fields.iter().enumerate();
        let entries: Vec<Entry> = places
            .filter_map(|(place, field)| Some((field.key(), value(place)?)))
            .collect();
        if opt_in::is_any() {
            let entries = opt_in::of_fields(fields, &entries, Some(self));
            return entries.iter().map(key_value).collect();
        }
        entries.iter().map(key_value).collect()
    }

    /// The instrument of that metric.
    fn instrument(&self, metric: &'static MetricDefinition) -> Option<&Instrument> {
        let place = self.instruments.place(metric.number())?;
        Some(place.get_or_init(|| Instrument::new(metric)))
    }
}

impl std::fmt::Debug for Binding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Binding").finish_non_exhaustive()
    }
}

struct Instrument {
    /// The provider's, once something is measured with it: what others take the place of needs none.
    made: OnceLock<Arc<Made>>,
    series: Series,
    /// For each attribute with a bound: the values that were admitted.
    admitted: Vec<Option<Mutex<Admitted>>>,
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
    fn new(metric: &'static MetricDefinition) -> Self {
        Self {
            made: OnceLock::new(),
            series: Series::default(),
            admitted: metric
                .fields
                .iter()
                .map(|field| field.cardinality.map(|_| Mutex::default()))
                .collect(),
        }
    }

    /// The provider's; none while one is being made on this thread, which a provider that logs may
    /// come back to.
    fn made(&self, binding: &Binding, metric: &'static MetricDefinition) -> Option<&Arc<Made>> {
        struct Making;

        impl Drop for Making {
            fn drop(&mut self) {
                MAKING.set(false);
            }
        }

        if let Some(known) = self.made.get() {
            return Some(known);
        }
        if MAKING.replace(true) {
            return None;
        }
        let making = Making;
        let made = Made::new(&*binding.provider, metric);
        drop(making);
        // Another thread may have been faster.
        let _ = self.made.set(Arc::new(made));
        self.made.get()
    }

    /// The value, or what stands for one too many.
    fn admit(
        &self,
        metric: &'static MetricDefinition,
        place: usize,
        field: &Field,
        value: Value,
    ) -> Value {
        let (Some(bound), Some(Some(admitted))) = (field.cardinality, self.admitted.get(place))
        else {
            return value;
        };
        let text = match &value {
            Value::Text(text) => text.clone(),
            other => Text::from(other.to_string()),
        };
        let report = {
            let mut admitted = admitted.lock().unwrap_or_else(PoisonError::into_inner);
            if admitted.values.contains(&text) {
                return value;
            }
            if admitted.values.len() < bound {
                admitted.values.push(text);
                return value;
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
        Value::from(OVERFLOW)
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
}

/// An instrument for one set of attributes.
enum Bound {
    CounterInt(otel::BoundCounter<u64>),
    CounterDouble(otel::BoundCounter<f64>),
    UpDownCounterInt(otel::BoundUpDownCounter<i64>),
    UpDownCounterDouble(otel::BoundUpDownCounter<f64>),
    GaugeInt(otel::BoundGauge<i64>),
    GaugeDouble(otel::BoundGauge<f64>),
    HistogramInt(otel::BoundHistogram<u64>),
    HistogramDouble(otel::BoundHistogram<f64>),
    /// Of a provider that binds none.
    Attributes(Arc<Made>, Vec<KeyValue>),
    /// Others, under several names or another one; none where nothing is measured.
    Several(Vec<Arc<Bound>>),
}

impl Bound {
    fn new(made: &Arc<Made>, attributes: Vec<KeyValue>, binds: bool) -> Self {
        if !binds {
            return Self::Attributes(Arc::clone(made), attributes);
        }
        match &**made {
            Made::CounterInt(made) => Self::CounterInt(made.bind(&attributes)),
            Made::CounterDouble(made) => Self::CounterDouble(made.bind(&attributes)),
            Made::UpDownCounterInt(made) => Self::UpDownCounterInt(made.bind(&attributes)),
            Made::UpDownCounterDouble(made) => Self::UpDownCounterDouble(made.bind(&attributes)),
            Made::GaugeInt(made) => Self::GaugeInt(made.bind(&attributes)),
            Made::GaugeDouble(made) => Self::GaugeDouble(made.bind(&attributes)),
            Made::HistogramInt(made) => Self::HistogramInt(made.bind(&attributes)),
            Made::HistogramDouble(made) => Self::HistogramDouble(made.bind(&attributes)),
        }
    }

    /// Measures, whatever the provider is.
    fn record(&self, value: &Value) {
        match self {
            Self::Attributes(made, attributes) => made.record(value, attributes),
            Self::Several(all) => all.iter().for_each(|it| it.record(value)),
            _ => self.record_bound(value),
        }
    }

    /// Measures by a handle of the SDK's.
    #[inline]
    fn record_bound(&self, value: &Value) {
        match (self, value) {
            (Self::CounterInt(bound), Value::Int(value)) => bound.add(not_negative(*value)),
            (Self::CounterDouble(bound), Value::Double(value)) => bound.add(*value),
            (Self::UpDownCounterInt(bound), Value::Int(value)) => bound.add(*value),
            (Self::UpDownCounterDouble(bound), Value::Double(value)) => bound.add(*value),
            (Self::GaugeInt(bound), Value::Int(value)) => bound.record(*value),
            (Self::GaugeDouble(bound), Value::Double(value)) => bound.record(*value),
            (Self::HistogramInt(bound), Value::Int(value)) => bound.record(not_negative(*value)),
            (Self::HistogramDouble(bound), Value::Double(value)) => bound.record(*value),
            // One counts as one in either type.
            #[allow(clippy::cast_precision_loss)]
            (Self::CounterDouble(bound), Value::Int(value)) => bound.add(*value as f64),
            _ => self.record_several(value),
        }
    }

    #[cold]
    #[inline(never)]
    fn record_several(&self, value: &Value) {
        // The generator lets a metric take only values of its own type: others there are none.
        if let Self::Several(all) = self {
            for bound in all {
                bound.record(value);
            }
        }
    }
}

#[inline]
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
    if !is_bound() || told::time().is_some() || metric.is_withheld(None) {
        return;
    }
    let mut batch = Attributes::new(Gate::closed());
    attributes.write(&mut batch);
    with_entries(metric, batch.entries(), |values| {
        measure_here(None, metric, &value.value(), values);
    });
}

/// Measures with the meter provider that counts here: a span's own, the test scope's, the process's.
pub(crate) fn measure_here(
    own: Option<&Arc<Binding>>,
    metric: &'static MetricDefinition,
    value: &Value,
    attributes: &[Option<&Value>],
) {
    if own.is_some() || Binding::is_scoped() {
        if let Some(binding) = Binding::of(own) {
            binding.measure(metric, value, attributes);
        }
    } else if !recent::measure(metric, value, attributes) {
        measure_global(metric, value, attributes);
    }
}

#[cold]
fn measure_global(metric: &'static MetricDefinition, value: &Value, attributes: &[Option<&Value>]) {
    let generation = GENERATION.load(Ordering::Acquire);
    let Some(binding) = Binding::of(None) else {
        return;
    };
    match binding.bound(metric, attributes) {
        Some(bound) => {
            bound.record_bound(value);
            recent::keep(metric, generation, attributes, &bound);
        }
        None => binding.measure(metric, value, attributes),
    }
}

/// Calls `f` with the values of a metric's attributes, in the order of its fields, as `entries` have
/// them.
fn with_entries<R>(
    metric: &'static MetricDefinition,
    entries: &[Entry],
    f: impl FnOnce(&[Option<&Value>]) -> R,
) -> R {
    with_slots(metric, f, |slots| {
        // They come in the order of the metric's attributes, as both are generated.
        let mut rest = entries.iter();
        let mut next = rest.next();
        for (slot, field) in slots.iter_mut().zip(metric.fields) {
            if let Some((key, value)) = next
                && same(key, field.key())
            {
                *slot = Some(value);
                next = rest.next();
            }
        }
        if next.is_some() {
            for (slot, field) in slots.iter_mut().zip(metric.fields) {
                *slot = find(entries, field.key());
            }
        }
    })
}

/// Calls `f` with the values of a metric's attributes, in the order of its fields.
pub(crate) fn with_values<'a, R>(
    metric: &'static MetricDefinition,
    mut value: impl FnMut(usize, &'static Field) -> Option<&'a Value>,
    f: impl FnOnce(&[Option<&'a Value>]) -> R,
) -> R {
    with_slots(metric, f, |slots| {
        for ((place, slot), field) in slots.iter_mut().enumerate().zip(metric.fields) {
            *slot = value(place, field);
        }
    })
}

fn with_slots<'a, R>(
    metric: &'static MetricDefinition,
    f: impl FnOnce(&[Option<&'a Value>]) -> R,
    fill: impl FnOnce(&mut [Option<&'a Value>]),
) -> R {
    let mut few = [None; series::ATTRIBUTES];
    if let Some(few) = few.get_mut(..metric.fields.len()) {
        fill(few);
        return f(few);
    }
    let mut all = vec![None; metric.fields.len()];
    fill(&mut all);
    f(&all)
}

macro_rules! instruments {
    ($($(#[$docs:meta])* $name:ident, $bound:ident, $method:ident, $verb:literal;)*) => {$(
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

            /// The same for these attributes alone, to be kept where it is called often: it looks nothing up.
            pub fn bind(&self, attributes: &A) -> $bound<N> {
                $bound { series: BoundSeries::new(self.metric, attributes), number: PhantomData }
            }
        }

        #[doc = concat!("A [`", stringify!($name), "`] for one set of attributes.")]
        ///
        /// It resolves through the meter provider that is set when it measures, and is bounded as the
        /// instrument is: where that admits no more values, `_OTHER` stands for them.
        pub struct $bound<N> {
            series: BoundSeries,
            number: PhantomData<fn(N)>,
        }

        impl<N: Number> $bound<N> {
            #[doc = $verb]
            #[inline]
            pub fn $method(&self, value: N) {
                self.series.measure(|| value.value());
            }
        }

        impl<N> std::fmt::Debug for $bound<N> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_tuple(stringify!($bound)).field(&self.series.name()).finish()
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
    Counter, BoundCounter, add, "Adds to it.";
    /// A metric that grows and shrinks.
    UpDownCounter, BoundUpDownCounter, add, "Adds to it; a negative value takes away.";
    /// A metric of which the last value counts.
    Gauge, BoundGauge, record, "Sets it.";
    /// A metric of which the distribution counts.
    Histogram, BoundHistogram, record, "Records a value.";
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

    /// The same for these attributes alone, to be kept where it is called often: it looks nothing up.
    pub fn bind(&self, attributes: &A) -> BoundDurationHistogram {
        BoundDurationHistogram(BoundSeries::new(self.metric, attributes))
    }
}

/// A [`DurationHistogram`] for one set of attributes.
///
/// It resolves through the meter provider that is set when it measures, and is bounded as the
/// instrument is: where that admits no more values, `_OTHER` stands for them.
///
/// ```
/// use std::time::Duration;
///
/// use vigil::metrics::gen_ai::{EXECUTE_TOOL_DURATION, ExecuteToolDurationAttributes};
///
/// let read_file = EXECUTE_TOOL_DURATION.bind(&ExecuteToolDurationAttributes::new("read_file"));
/// read_file.record(Duration::from_millis(15));
/// ```
pub struct BoundDurationHistogram(BoundSeries);

impl BoundDurationHistogram {
    /// Records a duration.
    #[inline]
    pub fn record(&self, duration: Duration) {
        self.0.measure(|| Value::Double(duration.as_secs_f64()));
    }
}

impl std::fmt::Debug for BoundDurationHistogram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = f.debug_tuple("BoundDurationHistogram");
        debug.field(&self.0.name()).finish()
    }
}

impl<A> std::fmt::Debug for DurationHistogram<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("DurationHistogram")
            .field(&self.metric.name)
            .finish()
    }
}
