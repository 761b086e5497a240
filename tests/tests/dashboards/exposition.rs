//! Metrics that came over OTLP, as they stand on a page that Prometheus scrapes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint};

use super::{called, instrument};

/// What a program measured. What adds up does so by runs, as if it had run that often by then.
pub(crate) struct Page {
    families: BTreeMap<String, Family>,
}

/// The series of one metric, the last value of each.
struct Family {
    kind: &'static str,
    adds_up: bool,
    series: BTreeMap<String, f64>,
}

impl Page {
    pub(crate) fn of(metrics: Vec<Metric>) -> Self {
        let mut page = Self {
            families: BTreeMap::new(),
        };
        for metric in metrics {
            page.add(metric);
        }
        page
    }

    fn add(&mut self, metric: Metric) {
        let data = metric.data.expect("it has data");
        let names = called(&metric.name, &metric.unit, instrument(&data));
        let family = names[0].strip_suffix("_bucket").unwrap_or(&names[0]);
        let (kind, adds_up) = match &data {
            Data::Gauge(_) => ("gauge", false),
            Data::Sum(it) if !it.is_monotonic => ("gauge", false),
            Data::Sum(_) => ("counter", true),
            _ => ("histogram", true),
        };
        let family = self.families.entry(family.to_owned()).or_insert(Family {
            kind,
            adds_up,
            series: BTreeMap::new(),
        });
        match data {
            Data::Gauge(it) => family.numbers(&names[0], it.data_points),
            Data::Sum(it) => family.numbers(&names[0], it.data_points),
            Data::Histogram(it) => {
                let [bucket, sum, count] = names.as_slice() else {
                    panic!("{names:?}");
                };
                for point in it.data_points {
                    let labels = labels(&point.attributes);
                    let bounds = point.explicit_bounds.iter().map(ToString::to_string);
                    let mut so_far = 0;
                    for (bound, n) in bounds.chain(["+Inf".to_owned()]).zip(point.bucket_counts) {
                        so_far += n;
                        let labels = format!("{labels}le=\"{bound}\"");
                        family.set(bucket, &labels, exact(so_far));
                    }
                    assert_eq!(so_far, point.count, "{bucket}");
                    family.set(sum, &labels, point.sum.expect("a sum"));
                    family.set(count, &labels, exact(point.count));
                }
            }
            other => panic!("{other:?}"),
        }
    }

    /// After so many runs.
    pub(crate) fn text(&self, runs: u32) -> String {
        let mut text = String::new();
        for (name, family) in &self.families {
            writeln!(text, "# TYPE {name} {}", family.kind).unwrap();
            for (series, value) in &family.series {
                let times = if family.adds_up { f64::from(runs) } else { 1.0 };
                writeln!(text, "{series} {}", value * times).unwrap();
            }
        }
        text
    }
}

impl Family {
    fn numbers(&mut self, name: &str, points: Vec<NumberDataPoint>) {
        for point in points {
            let value = match point.value.expect("a value") {
                Number::AsDouble(value) => value,
                Number::AsInt(value) => exact(value.unsigned_abs()),
            };
            self.set(name, &labels(&point.attributes), value);
        }
    }

    fn set(&mut self, name: &str, labels: &str, value: f64) {
        self.series.insert(format!("{name}{{{labels}}}"), value);
    }
}

/// Each with its value and a comma, as they stand in braces.
fn labels(attributes: &[KeyValue]) -> String {
    let mut labels = String::new();
    for attribute in attributes {
        let value = match attribute
            .value
            .as_ref()
            .and_then(|AnyValue { value }| value.as_ref())
        {
            Some(Any::StringValue(text)) => text.clone(),
            Some(Any::IntValue(number)) => number.to_string(),
            Some(Any::BoolValue(flag)) => flag.to_string(),
            other => panic!("{}: {other:?}", attribute.key),
        };
        let value = value
            .replace('\\', r"\\")
            .replace('"', "\\\"")
            .replace('\n', r"\n");
        write!(labels, "{}=\"{value}\",", attribute.key.replace('.', "_")).unwrap();
    }
    labels
}

/// Numbers of a test are small.
fn exact(number: u64) -> f64 {
    u32::try_from(number)
        .map(f64::from)
        .expect("a small number")
}
