//! Where telemetry ends: exporters that drop everything, or keep it for a check.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What was exported, for `--check`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept(Arc<Mutex<Exported>>);

#[derive(Clone, Debug, Default)]
pub(crate) struct Exported {
    pub(crate) spans: Vec<KeptSpan>,
    /// Each metric with how many values it has met.
    pub(crate) metrics: Vec<(String, u64)>,
}

/// A span that was exported.
#[derive(Clone, Debug)]
pub(crate) struct KeptSpan {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) attributes: Vec<String>,
    pub(crate) events: Vec<String>,
}

impl Kept {
    pub(crate) fn take(&self) -> Exported {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Exported> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

macro_rules! sinks {
    ($spans:ident, $metrics:ident, $sdk:ident, $shutdown:ident($($timeout:ty)?), $data:ty, $count:ident) => {
        /// Drops spans, or keeps them.
        #[derive(Debug, Default)]
        pub(crate) struct $spans(pub(crate) Option<Kept>);

        impl $sdk::trace::SpanExporter for $spans {
            async fn export(
                &self,
                batch: Vec<$sdk::trace::SpanData>,
            ) -> $sdk::error::OTelSdkResult {
                if let Some(kept) = &self.0 {
                    kept.lock().spans.extend(batch.into_iter().map(|span| KeptSpan {
                        name: span.name.to_string(),
                        kind: format!("{:?}", span.span_kind),
                        attributes: span
                            .attributes
                            .iter()
                            .map(|it| format!("{}={}", it.key, it.value))
                            .collect(),
                        events: span.events.events.iter().map(|it| it.name.to_string()).collect(),
                    }));
                }
                Ok(())
            }
        }

        /// Drops metrics, or keeps how many values they have met.
        #[derive(Debug, Default)]
        pub(crate) struct $metrics(pub(crate) Option<Kept>);

        impl $sdk::metrics::exporter::PushMetricExporter for $metrics {
            async fn export(&self, metrics: $data) -> $sdk::error::OTelSdkResult {
                if let Some(kept) = &self.0 {
                    kept.lock().metrics = $count(metrics);
                }
                Ok(())
            }

            fn force_flush(&self) -> $sdk::error::OTelSdkResult {
                Ok(())
            }

            fn $shutdown(&self $(, _: $timeout)?) -> $sdk::error::OTelSdkResult {
                Ok(())
            }

            fn temporality(&self) -> $sdk::metrics::Temporality {
                $sdk::metrics::Temporality::Cumulative
            }
        }
    };
}

sinks!(
    Spans,
    Metrics,
    opentelemetry_sdk,
    shutdown_with_timeout(Duration),
    &opentelemetry_sdk::metrics::data::ResourceMetrics,
    count
);
sinks!(
    OldSpans,
    OldMetrics,
    opentelemetry_sdk_old,
    shutdown(),
    &mut opentelemetry_sdk_old::metrics::data::ResourceMetrics,
    count_old
);

fn count(metrics: &opentelemetry_sdk::metrics::data::ResourceMetrics) -> Vec<(String, u64)> {
    use opentelemetry_sdk::metrics::data::{
        AggregatedMetrics, HistogramDataPoint, MetricData, ScopeMetrics,
    };

    fn values<T: Copy>(data: &MetricData<T>, number: impl Fn(T) -> u64) -> u64 {
        match data {
            MetricData::Gauge(gauge) => gauge.data_points().count() as u64,
            MetricData::Sum(sum) => sum.data_points().map(|it| number(it.value())).sum(),
            MetricData::Histogram(all) => all.data_points().map(HistogramDataPoint::count).sum(),
            MetricData::ExponentialHistogram(_) => 0,
        }
    }

    let all = metrics.scope_metrics().flat_map(ScopeMetrics::metrics);
    all.map(|metric| {
        let values = match metric.data() {
            AggregatedMetrics::F64(data) => values(data, |_| 0),
            AggregatedMetrics::U64(data) => values(data, |value| value),
            AggregatedMetrics::I64(data) => values(data, i64::unsigned_abs),
        };
        (metric.name().to_owned(), values)
    })
    .collect()
}

fn count_old(
    metrics: &mut opentelemetry_sdk_old::metrics::data::ResourceMetrics,
) -> Vec<(String, u64)> {
    use opentelemetry_sdk_old::metrics::data::{Gauge, Histogram, Sum};

    let all = metrics
        .scope_metrics
        .iter()
        .flat_map(|scope| &scope.metrics);
    all.map(|metric| {
        let data = metric.data.as_any();
        let gauges = data
            .downcast_ref::<Gauge<u64>>()
            .map(|it| it.data_points.len())
            .or_else(|| {
                data.downcast_ref::<Gauge<f64>>()
                    .map(|it| it.data_points.len())
            });
        let sums = data.downcast_ref::<Sum<u64>>();
        let sums = sums.map(|it| it.data_points.iter().map(|it| it.value).sum::<u64>());
        let ints = data.downcast_ref::<Histogram<u64>>();
        let ints = ints.map(|it| it.data_points.iter().map(|it| it.count).sum::<u64>());
        let doubles = data.downcast_ref::<Histogram<f64>>();
        let doubles = doubles.map(|it| it.data_points.iter().map(|it| it.count).sum::<u64>());
        let values = gauges.map(|it| it as u64).or(sums).or(ints).or(doubles);
        (metric.name.to_string(), values.unwrap_or_default())
    })
    .collect()
}
