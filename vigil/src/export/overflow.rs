//! Metrics that have met more series than they have room for.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;

/// What stands on the point that the SDK counts all further series in.
const OVERFLOW: &str = "otel.metric.overflow";

/// The metrics of which it has been told, by scope and name.
#[derive(Debug, Default)]
pub(super) struct Overflows(Mutex<HashSet<(String, String)>>);

impl Overflows {
    /// Tells of metrics that have overflowed, each once.
    pub(super) fn tell(&self, request: &ExportMetricsServiceRequest) {
        let resources = request.resource_metrics.iter();
        for scope in resources.flat_map(|resource| &resource.scope_metrics) {
            for metric in &scope.metrics {
                if !metric.data.as_ref().is_some_and(has_overflowed) {
                    continue;
                }
                let of = scope.scope.as_ref().map(|scope| scope.name.clone());
                let key = (of.unwrap_or_default(), metric.name.clone());
                let is_news = self
                    .0
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(key);
                if is_news {
                    tracing::warn!(
                        target: "vigil",
                        metric = metric.name,
                        "the metric has met more series than it has room for: the others are counted together, as `{OVERFLOW}`",
                    );
                }
            }
        }
    }
}

fn has_overflowed(data: &Data) -> bool {
    macro_rules! any {
        ($data:expr) => {
            $data
                .data_points
                .iter()
                .any(|point| stands_for_many(&point.attributes))
        };
    }
    match data {
        Data::Gauge(gauge) => any!(gauge),
        Data::Sum(sum) => any!(sum),
        Data::Histogram(histogram) => any!(histogram),
        Data::ExponentialHistogram(histogram) => any!(histogram),
        Data::Summary(_) => false,
    }
}

/// The SDK puts nothing else on that point.
fn stands_for_many(attributes: &[KeyValue]) -> bool {
    matches!(attributes, [only] if only.key == OVERFLOW)
}
