//! How telemetry waits and leaves.

use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use vigil_tests::receiver::{Answer, Body, Receiver};

use super::{SIGNALS, Seen, Way, requests_of, setter, variable};

pub(super) const SEEN: &[Seen] = &[
    (
        a_request_holds_no_more_than_a_batch,
        &[
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
            "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
            "VigConfig::span_batch_size",
            "VigConfig::log_batch_size",
        ],
    ),
    (
        what_does_not_fit_into_the_queue_is_lost_and_counted,
        &[
            "OTEL_BSP_MAX_QUEUE_SIZE",
            "OTEL_BLRP_MAX_QUEUE_SIZE",
            "VigConfig::span_queue_size",
            "VigConfig::log_queue_size",
        ],
    ),
    (
        each_signal_leaves_in_its_time,
        &[
            "OTEL_BSP_SCHEDULE_DELAY",
            "OTEL_BLRP_SCHEDULE_DELAY",
            "OTEL_METRIC_EXPORT_INTERVAL",
            "VigConfig::span_delay",
            "VigConfig::log_delay",
            "VigConfig::metric_interval",
        ],
    ),
    (
        an_export_takes_no_longer_than_it_may,
        &[
            "OTEL_BSP_EXPORT_TIMEOUT",
            "OTEL_BLRP_EXPORT_TIMEOUT",
            "OTEL_METRIC_EXPORT_TIMEOUT",
            "OTEL_EXPORTER_OTLP_TIMEOUT",
            "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
            "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT",
            "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT",
            "VigConfig::span_export_timeout",
            "VigConfig::log_export_timeout",
            "VigConfig::metric_export_timeout",
            "Otlp::timeout",
        ],
    ),
    (
        no_more_requests_are_under_way_than_may,
        &[
            "OTEL_BSP_MAX_CONCURRENT_EXPORTS",
            "VigConfig::span_concurrent_exports",
            "VigConfig::log_concurrent_exports",
        ],
    ),
    (
        metrics_count_since_when_they_are_asked_to,
        &[
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
            "VigConfig::temporality",
        ],
    ),
    (
        histograms_are_exponential_if_asked_to_be_over_every_transport,
        &[
            "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
            "VigConfig::histogram_aggregation",
        ],
    ),
];

/// How many spans or log records each request has.
fn sizes(receiver: &Receiver) -> Vec<usize> {
    let requests = receiver.requests();
    let sizes = requests.iter().map(|received| match &received.body {
        Body::Traces(request) => {
            let scopes = request.resource_spans.iter().flat_map(|it| &it.scope_spans);
            scopes.map(|scope| scope.spans.len()).sum()
        }
        Body::Logs(request) => {
            let scopes = request.resource_logs.iter().flat_map(|it| &it.scope_logs);
            scopes.map(|scope| scope.log_records.len()).sum()
        }
        Body::Metrics(_) => 0,
    });
    sizes.collect()
}

#[test]
fn a_request_holds_no_more_than_a_batch() {
    for (work, signal, all, way) in [
        ("many", "TRACES", 400, Way::default()),
        (
            "many",
            "TRACES",
            400,
            variable("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "7"),
        ),
        ("many", "TRACES", 400, setter("span_batch_size", "7")),
        (
            "lines",
            "LOGS",
            40,
            variable("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "7"),
        ),
        ("lines", "LOGS", 40, setter("log_batch_size", "7")),
    ] {
        let receiver = Receiver::http();
        way.clone().to(&receiver).only(signal).run(work);
        let sizes = sizes(&receiver);
        assert_eq!(sizes.iter().sum::<usize>(), all, "{way:?}");
        let largest = sizes.into_iter().max().expect("requests came");
        let is_limited = !(way.variables.is_empty() && way.setters.is_empty());
        assert_eq!(largest <= 7, is_limited, "{way:?}: {largest}");
    }
}

#[test]
fn what_does_not_fit_into_the_queue_is_lost_and_counted() {
    for (work, signal, all, way) in [
        (
            "many",
            "TRACES",
            400,
            variable("OTEL_BSP_MAX_QUEUE_SIZE", "8"),
        ),
        ("many", "TRACES", 400, setter("span_queue_size", "8")),
        (
            "lines",
            "LOGS",
            40,
            variable("OTEL_BLRP_MAX_QUEUE_SIZE", "8"),
        ),
        ("lines", "LOGS", 40, setter("log_queue_size", "8")),
    ] {
        let receiver = Receiver::http();
        receiver.always(Answer::Slow(Duration::from_millis(300)));
        let ran = way.clone().to(&receiver).only(signal).run(work);
        let came = receiver.spans().len() + receiver.logs().len();
        let things = if signal == "TRACES" {
            "spans"
        } else {
            "log records"
        };
        assert!(came < all, "{way:?}: {came}");
        let said = format!("{came} {things} delivered and ");
        assert!(ran.out.contains(&said), "{way:?}: {}", ran.out);
        // The warning about the loss is a log line, which comes on top.
        let (_, lost) = ran.out.split_once(&said).expect("it is there");
        let lost: usize = lost.split(' ').next().unwrap().parse().expect("a number");
        assert!(came + lost >= all, "{way:?}: {}", ran.out);
    }
}

#[test]
fn each_signal_leaves_in_its_time() {
    const SOON: &str = "20";
    const NEVER: &str = "3600000";
    let variables = [
        "OTEL_BSP_SCHEDULE_DELAY",
        "OTEL_METRIC_EXPORT_INTERVAL",
        "OTEL_BLRP_SCHEDULE_DELAY",
    ];
    let setters = ["span_delay", "metric_interval", "log_delay"];
    for (soon, signal) in SIGNALS.into_iter().enumerate() {
        let by_variable = |way: Way, place: usize| {
            way.variable(variables[place], if place == soon { SOON } else { NEVER })
        };
        let by_setter = |way: Way, place: usize| {
            way.setter(setters[place], if place == soon { SOON } else { NEVER })
        };
        for way in [
            (0..3).fold(Way::default(), by_variable),
            (0..3).fold(Way::default(), by_setter),
        ] {
            let receiver = Receiver::http();
            let running = way.clone().to(&receiver).start();
            let until = Instant::now() + Duration::from_secs(4);
            while requests_of(&receiver, signal) == 0 {
                assert!(Instant::now() < until, "{way:?}");
                std::thread::sleep(Duration::from_millis(5));
            }
            // Longer than log records wait unless told otherwise.
            if signal != "LOGS" {
                std::thread::sleep(Duration::from_millis(1_200));
            }
            for other in SIGNALS.into_iter().filter(|other| *other != signal) {
                assert_eq!(requests_of(&receiver, other), 0, "{way:?}");
            }
            drop(running);
            for other in SIGNALS {
                assert_ne!(requests_of(&receiver, other), 0, "at the end: {other}");
            }
        }
    }
}

#[test]
fn an_export_takes_no_longer_than_it_may() {
    const MILLIS: &str = "200";
    let mut ways = vec![
        ("TRACES", variable("OTEL_BSP_EXPORT_TIMEOUT", MILLIS)),
        ("LOGS", variable("OTEL_BLRP_EXPORT_TIMEOUT", MILLIS)),
        ("METRICS", variable("OTEL_METRIC_EXPORT_TIMEOUT", MILLIS)),
        ("TRACES", setter("span_export_timeout", MILLIS)),
        ("LOGS", setter("log_export_timeout", MILLIS)),
        ("METRICS", setter("metric_export_timeout", MILLIS)),
    ];
    for signal in SIGNALS {
        let own = format!("OTEL_EXPORTER_OTLP_{signal}_TIMEOUT");
        ways.push((signal, variable(own, MILLIS)));
        ways.push((signal, variable("OTEL_EXPORTER_OTLP_TIMEOUT", MILLIS)));
        ways.push((signal, setter("otlp", "timeout:200")));
    }
    for (signal, way) in ways {
        let receiver = Receiver::http();
        receiver.always(Answer::Hang);
        let ran = way.clone().to(&receiver).only(signal).run("tick");
        assert!(ran.out.contains("lost"), "{way:?}: {}", ran.out);
        assert!(ran.millis() < 3_000, "{way:?}: {}", ran.out);
    }
}

#[test]
fn no_more_requests_are_under_way_than_may() {
    let spans = |way: Way| way.variable("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "7");
    let lines = |way: Way| way.variable("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "2");
    for (work, signal, most, way) in [
        ("many", "TRACES", 4, spans(Way::default())),
        (
            "many",
            "TRACES",
            1,
            spans(variable("OTEL_BSP_MAX_CONCURRENT_EXPORTS", "1")),
        ),
        (
            "many",
            "TRACES",
            3,
            spans(variable("OTEL_BSP_MAX_CONCURRENT_EXPORTS", "3")),
        ),
        (
            "many",
            "TRACES",
            2,
            spans(setter("span_concurrent_exports", "2")),
        ),
        (
            "lines",
            "LOGS",
            1,
            lines(setter("log_concurrent_exports", "1")),
        ),
        (
            "lines",
            "LOGS",
            3,
            lines(setter("log_concurrent_exports", "3")),
        ),
    ] {
        let receiver = Receiver::http();
        // It seems well, and then never answers again: what is under way stays so to the end.
        receiver.next(Answer::Slow(Duration::from_millis(300)));
        receiver.always(Answer::Hang);
        way.clone().to(&receiver).only(signal).run(work);
        assert_eq!(receiver.requests().len(), 1 + most, "{way:?}");
    }
}

#[test]
fn metrics_count_since_when_they_are_asked_to() {
    const VARIABLE: &str = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
    const DELTA: i32 = 1;
    const CUMULATIVE: i32 = 2;
    for (expected, way) in [
        (CUMULATIVE, Way::default()),
        (CUMULATIVE, variable(VARIABLE, "cumulative")),
        (DELTA, variable(VARIABLE, "delta")),
        (DELTA, variable(VARIABLE, "lowmemory")),
        (DELTA, setter("temporality", "delta")),
    ] {
        let receiver = Receiver::http();
        way.clone().to(&receiver).run("tick");
        let metrics = receiver.metrics();
        assert!(metrics.len() > 3);
        for metric in metrics {
            let temporality = match metric.data {
                Some(Data::Sum(sum)) => sum.aggregation_temporality,
                Some(Data::Histogram(histogram)) => histogram.aggregation_temporality,
                _ => continue,
            };
            assert_eq!(temporality, expected, "{way:?}: {}", metric.name);
        }
    }
}

#[test]
fn histograms_are_exponential_if_asked_to_be_over_every_transport() {
    const VARIABLE: &str = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION";
    for protocol in ["http/protobuf", "http/json", "grpc"] {
        for way in [
            variable(VARIABLE, "base2_exponential_bucket_histogram"),
            setter("histogram_aggregation", "exponential"),
        ] {
            let receiver = Receiver::plain(protocol == "grpc");
            way.to(&receiver)
                .variable("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
                .run("paced");
            let metrics = receiver.metrics();
            let is_explicit = |data: &Data| matches!(data, Data::Histogram(_));
            let mut data = metrics.iter().filter_map(|metric| metric.data.as_ref());
            assert!(!data.any(is_explicit), "{protocol}: {metrics:?}");
            let tokens = metrics
                .iter()
                .find(|metric| metric.name == "gen_ai.client.token.usage");
            let Some(Some(Data::ExponentialHistogram(tokens))) =
                tokens.map(|metric| metric.data.as_ref())
            else {
                panic!("{protocol}: {metrics:?}");
            };
            let mut sums: Vec<_> = tokens
                .data_points
                .iter()
                .map(|point| {
                    let buckets = point.positive.as_ref().expect("buckets");
                    let counts = &buckets.bucket_counts;
                    assert_eq!(point.count, 6);
                    assert_eq!(counts.iter().sum::<u64>(), 6);
                    assert!(counts.len() <= 160, "{counts:?}");
                    assert_eq!(point.scale, 20, "one value needs no coarser scale");
                    assert_eq!(point.min, point.max);
                    point.sum.expect("a sum")
                })
                .collect();
            sums.sort_by(f64::total_cmp);
            assert_eq!(sums, [60.0, 600.0]);
        }
    }
    let receiver = Receiver::http();
    Way::default().to(&receiver).run("tick");
    let metrics = receiver.metrics();
    let mut data = metrics.iter().filter_map(|metric| metric.data.as_ref());
    assert!(!data.any(|data| matches!(data, Data::ExponentialHistogram(_))));
}
