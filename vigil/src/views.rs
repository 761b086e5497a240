//! How many series an instrument may have, as the registry bounds them.

use std::sync::{PoisonError, RwLock};

use opentelemetry_sdk::metrics::{Instrument, Stream};

use crate::carrier::{Field, Level, MetricDefinition, ValueType};

/// No instrument has more series than this, whatever its attributes would allow.
///
/// The SDK's own limit is 2,000, and it takes the memory for all of them when the instrument is made.
/// Its table doubles, and this many are what half of that one holds.
const MOST_SERIES: usize = 1_791;

/// The metrics that are about to be measured, or have been: those of other people's registries as well.
static KNOWN: RwLock<Vec<&'static MetricDefinition>> = RwLock::new(Vec::new());

/// From now on [`metric_view`] knows the metric.
pub(crate) fn register(metric: &'static MetricDefinition) {
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    if !known.iter().any(|other| std::ptr::eq(*other, metric)) {
        known.push(metric);
    }
}

/// A view that gives each instrument of a registry, Vigil's or one that you generate from, room for as
/// many series as the registry allows: see [`MetricDefinition::cardinality_limit`]. Instruments of others
/// it leaves alone.
///
/// [`init`](crate::init) has it. For an SDK of your own:
///
/// ```
/// use opentelemetry_sdk::metrics::SdkMeterProvider;
///
/// let meters = SdkMeterProvider::builder()
///     .with_view(vigil::metric_view)
///     .build();
/// vigil::set_meter_provider(meters);
/// ```
///
/// The SDK makes a stream for each view that an instrument matches, so views of your own that match the
/// same instruments set the limit themselves:
///
/// ```
/// use opentelemetry_sdk::metrics::{Aggregation, Instrument, SdkMeterProvider, Stream};
/// use vigil::metrics::gen_ai::definitions::CLIENT_OPERATION_DURATION;
///
/// let view = |instrument: &Instrument| {
///     (instrument.name() == CLIENT_OPERATION_DURATION.name()).then(|| {
///         Stream::builder()
///             .with_aggregation(Aggregation::Base2ExponentialHistogram {
///                 max_size: 160,
///                 max_scale: 20,
///                 record_min_max: true,
///             })
///             .with_cardinality_limit(CLIENT_OPERATION_DURATION.cardinality_limit())
///             .build()
///             .ok()
///     })?
/// };
/// let meters = SdkMeterProvider::builder().with_view(view).build();
/// # drop(meters);
/// ```
pub fn metric_view(instrument: &Instrument) -> Option<Stream> {
    let limit = cardinality_limit(instrument)?;
    Stream::builder().with_cardinality_limit(limit).build().ok()
}

/// That of the instrument's metric, if a registry has it.
pub(crate) fn cardinality_limit(instrument: &Instrument) -> Option<usize> {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    let metric = known.iter().find(|metric| {
        metric.name() == instrument.name() && metric.scope.name == instrument.scope().name()
    })?;
    Some(metric.cardinality_limit())
}

impl MetricDefinition {
    /// How many series it may have in a process, each with other values of its attributes: the product of
    /// what its attributes are bounded to, at least 1 and at most 1,791.
    ///
    /// A text counts as often as the registry admits values of it, and once for `_OTHER`; a closed enum
    /// has its members, a boolean two values, and a constant one. An attribute that need not be there counts
    /// once more. What has no bound, such as an open enum, is worth the most there may be.
    ///
    /// Beyond the limit the SDK counts everything together, under the attribute `otel.metric.overflow`.
    pub fn cardinality_limit(&self) -> usize {
        let values = self.attributes().iter().map(distinct_values);
        let product = values.fold(1_usize, usize::saturating_mul);
        product.clamp(1, MOST_SERIES)
    }
}

/// How many values the attribute may have on its metric, none among them where it may be absent.
fn distinct_values(field: &Field) -> usize {
    let attribute = field.attribute;
    let values = if field.constant.is_some() {
        1
    } else if let Some(admitted) = field.cardinality {
        admitted.saturating_add(1)
    } else if let Some(members) = attribute.closed {
        members.len()
    } else if attribute.value_type == ValueType::Boolean {
        2
    } else {
        MOST_SERIES
    };
    values.saturating_add(usize::from(field.level != Level::Required))
}
