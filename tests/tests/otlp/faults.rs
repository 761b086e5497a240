//! Collectors that are down, hang or are slow: the agent never waits, and the numbers add up.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use opentelemetry::logs::{LogRecord, Logger, LoggerProvider};
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{Tracer, TracerProvider};
use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use vigil::export::{Batch, Export, Protocol, Report, shutdown_meter_provider};
use vigil_tests::receiver::{Answer, Receiver};

use super::{LONG, PROTOCOLS, Traces, is_grpc, target};

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < until, "{what} does not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_burst_from_many_threads_loses_nothing_with_the_default_settings() {
    for protocol in PROTOCOLS {
        let receiver = Receiver::plain(is_grpc(protocol));
        let traces = Traces::batched(target(protocol, &receiver, "/v1/traces"), Batch::spans());
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| traces.make(1_250));
            }
        });
        traces.provider.shutdown_with_timeout(LONG).unwrap();
        let spans = receiver.spans();
        let distinct: HashSet<_> = spans.iter().map(|span| &span.span_id).collect();
        assert_eq!(
            (spans.len(), distinct.len()),
            (20_000, 20_000),
            "{protocol}"
        );
        let stats = traces.stats();
        assert_eq!((stats.created, stats.delivered), (20_000, 20_000));
        assert_eq!(traces.reports.all(), []);
    }
}

#[test]
fn an_outage_is_reported_once_with_its_end() {
    for protocol in PROTOCOLS {
        let receiver = Receiver::down(is_grpc(protocol), None, false);
        let traces = Traces::batched(
            target(protocol, &receiver, "/v1/traces").timeout(LONG),
            Batch::spans()
                .schedule_delay(Duration::from_millis(10))
                .max_export_batch_size(10),
        );
        traces.make(50);
        wait_until("an outage", || !traces.reports.all().is_empty());
        let receiver = receiver.up();
        traces.provider.force_flush().unwrap();
        assert_eq!(receiver.spans().len(), 50, "{protocol}");
        wait_until("its end", || traces.reports.all().len() == 2);
        let reports = traces.reports.all();
        let [
            Report::OutageBegan { reason, .. },
            Report::OutageEnded {
                lost: 0,
                recovered: true,
                ..
            },
        ] = reports.as_slice()
        else {
            panic!("{protocol}: {reports:?}");
        };
        assert!(
            reason.to_lowercase().contains("connection refused"),
            "{reason}"
        );
    }
}

#[test]
fn the_end_of_an_outage_says_what_it_cost() {
    for protocol in PROTOCOLS {
        let receiver = Receiver::plain(is_grpc(protocol));
        for _ in 0..3 {
            receiver.next(Answer::Never("no"));
        }
        let traces = Traces::to(target(protocol, &receiver, "/v1/traces"));
        for spans in [2, 3, 4] {
            traces.make(spans);
            traces.provider.force_flush().unwrap_err();
        }
        traces.make(5);
        traces.provider.force_flush().unwrap();
        wait_until("its end", || traces.reports.all().len() == 2);
        assert!(
            matches!(
                traces.reports.all().as_slice(),
                [
                    Report::OutageBegan { .. },
                    Report::OutageEnded {
                        lost: 9,
                        recovered: true,
                        ..
                    }
                ]
            ),
            "{protocol}: {:?}",
            traces.reports.all()
        );
        assert_eq!(traces.stats().delivered, 5);
    }
}

#[test]
fn an_outage_that_outlives_the_export_is_reported_at_shutdown() {
    for protocol in PROTOCOLS {
        let receiver = Receiver::down(is_grpc(protocol), None, false);
        let traces = Traces::to(target(protocol, &receiver, "/v1/traces"));
        traces.make(7);
        let begun = Instant::now();
        traces.provider.shutdown_with_timeout(LONG).unwrap_err();
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "{protocol}: nobody waits for a collector that is not there"
        );
        assert!(
            matches!(
                traces.reports.all().as_slice(),
                [
                    Report::OutageBegan { .. },
                    Report::OutageEnded {
                        lost: 7,
                        recovered: false,
                        ..
                    }
                ]
            ),
            "{protocol}: {:?}",
            traces.reports.all()
        );
    }
}

#[test]
fn a_hanging_collector_costs_the_agent_nothing_and_the_exit_its_bound() {
    for protocol in PROTOCOLS {
        let receiver = Receiver::plain(is_grpc(protocol));
        receiver.always(Answer::Hang);
        let traces = Traces::batched(
            target(protocol, &receiver, "/v1/traces"),
            Batch::spans().schedule_delay(Duration::from_millis(10)),
        );
        traces.make(1);
        receiver.wait_for(1);
        let begun = Instant::now();
        traces.make(5_000);
        assert!(begun.elapsed() < Duration::from_secs(2), "{protocol}");
        let begun = Instant::now();
        let result = traces
            .provider
            .shutdown_with_timeout(Duration::from_millis(300));
        assert!(begun.elapsed() < Duration::from_secs(2), "{protocol}");
        assert!(result.is_err(), "{protocol}");
        let stats = traces.stats();
        assert_eq!((stats.created, stats.failed), (5_001, 5_001));
        assert_eq!(stats.pending, 0);
    }
}

#[test]
fn logs_and_metrics_keep_the_bound_too() {
    for protocol in PROTOCOLS {
        let receiver = Receiver::plain(is_grpc(protocol));
        receiver.always(Answer::Hang);
        let bound = Duration::from_millis(300);

        let export = Export::to(target(protocol, &receiver, "/v1/logs"))
            .logs()
            .unwrap();
        let monitor = export.monitor();
        let logs = SdkLoggerProvider::builder()
            .with_log_processor(export)
            .build();
        let logger = logs.logger("test");
        let mut record = logger.create_log_record();
        record.set_body("text".into());
        logger.emit(record);
        let begun = Instant::now();
        logs.shutdown_with_timeout(bound).unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(2), "{protocol}");
        assert_eq!(monitor.stats().failed, 1);

        let export = Export::to(target(protocol, &receiver, "/v1/metrics"))
            .metrics()
            .unwrap();
        let monitor = export.monitor();
        let metrics = SdkMeterProvider::builder()
            .with_reader(PeriodicReader::builder(export).build())
            .build();
        metrics
            .meter("test")
            .u64_counter("calls")
            .build()
            .add(1, &[]);
        let begun = Instant::now();
        let result = shutdown_meter_provider(&metrics, &monitor, bound);
        assert!(begun.elapsed() < Duration::from_secs(2), "{protocol}");
        assert!(
            matches!(result, Err(OTelSdkError::Timeout(_))),
            "{result:?}"
        );
        assert_eq!(monitor.stats().failed, 1);
    }
}

#[test]
fn metrics_of_a_collector_that_is_not_there_do_not_delay_the_exit() {
    for protocol in PROTOCOLS {
        let receiver = Receiver::down(is_grpc(protocol), None, false);
        let export = Export::to(target(protocol, &receiver, "/v1/metrics"))
            .metrics()
            .unwrap();
        let monitor = export.monitor();
        let metrics = SdkMeterProvider::builder()
            .with_reader(PeriodicReader::builder(export).build())
            .build();
        metrics
            .meter("test")
            .u64_counter("calls")
            .build()
            .add(1, &[]);
        let begun = Instant::now();
        shutdown_meter_provider(&metrics, &monitor, LONG).unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(5), "{protocol}");
        assert_eq!(monitor.stats().failed, 1);
    }
}

#[test]
fn what_finds_the_queue_full_is_counted_to_the_last() {
    let receiver = Receiver::http();
    receiver.always(Answer::Hang);
    let traces = Traces::batched(
        target(Protocol::HttpProtobuf, &receiver, "/v1/traces"),
        Batch::spans().max_queue_size(100).max_export_batch_size(10),
    );
    traces.make(10);
    receiver.wait_for(1);
    traces.make(490);
    let stats = traces.stats();
    assert_eq!((stats.created, stats.dropped), (500, 390));
    assert_eq!(stats.pending, 110);
    let bound = Duration::from_millis(50);
    traces.provider.shutdown_with_timeout(bound).unwrap_err();
    let stats = traces.stats();
    assert_eq!((stats.dropped, stats.failed, stats.pending), (390, 110, 0));
    let reports = traces.reports.all();
    assert!(
        matches!(
            reports.as_slice(),
            [
                Report::OutageBegan { .. },
                Report::OutageEnded {
                    lost: 500,
                    recovered: false,
                    ..
                }
            ]
        ),
        "{reports:?}"
    );
}

#[test]
fn what_waits_is_bounded_in_bytes_too_and_counted() {
    for protocol in PROTOCOLS {
        let receiver = Receiver::plain(is_grpc(protocol));
        let batch = Batch::spans()
            .schedule_delay(Duration::from_secs(3600))
            .max_queue_bytes(1_000_000);
        let traces = Traces::batched(target(protocol, &receiver, "/v1/traces"), batch);
        let maker = traces.provider.tracer("test");
        let long = "x".repeat(100_000);
        for _ in 0..50 {
            let text = KeyValue::new("text", long.clone());
            drop(
                maker
                    .span_builder("span")
                    .with_attributes([text])
                    .start(&maker),
            );
        }
        traces.make(1);
        traces.provider.force_flush().unwrap();
        // Nine of a hundred kilobytes each fit, with what else a span takes, and a small one more.
        let stats = traces.stats();
        assert_eq!(
            (stats.created, stats.delivered, stats.dropped),
            (51, 10, 41)
        );
        assert_eq!(receiver.spans().len(), 10, "{protocol}");
        let reports = traces.reports.all();
        let Some(Report::OutageBegan { reason, .. }) = reports.first() else {
            panic!("{reports:?}");
        };
        let full = "the queue of 1000000 bytes of spans is full, 4";
        assert!(reason.starts_with(full), "{reason}");
        // There is room again, for one that is larger than all that may wait, too.
        let text = KeyValue::new("text", "x".repeat(2_000_000));
        drop(
            maker
                .span_builder("span")
                .with_attributes([text])
                .start(&maker),
        );
        traces.provider.force_flush().unwrap();
        assert_eq!(receiver.spans().len(), 11, "{protocol}");
    }
}

#[test]
fn an_overflow_is_over_when_all_arrives_again() {
    let receiver = Receiver::http();
    receiver.next(Answer::Slow(Duration::from_millis(200)));
    let traces = Traces::batched(
        target(Protocol::HttpProtobuf, &receiver, "/v1/traces"),
        Batch::spans().max_queue_size(20).max_export_batch_size(10),
    );
    traces.make(10);
    receiver.wait_for(1);
    traces.make(50);
    traces.provider.force_flush().unwrap();
    wait_until("the end", || traces.reports.all().len() == 2);
    let reports = traces.reports.all();
    let [
        Report::OutageBegan { reason, .. },
        Report::OutageEnded {
            lost: 30,
            recovered: true,
            ..
        },
    ] = reports.as_slice()
    else {
        panic!("{reports:?}");
    };
    assert!(
        reason.starts_with("the queue of 20 spans is full"),
        "{reason}"
    );
    assert_eq!(traces.stats().delivered, 30);
}

#[test]
fn a_queue_that_overflows_again_and_again_is_one_outage() {
    let receiver = Receiver::http();
    receiver.always(Answer::Slow(Duration::from_millis(10)));
    let traces = Traces::batched(
        target(Protocol::HttpProtobuf, &receiver, "/v1/traces"),
        Batch::spans().max_queue_size(20).max_export_batch_size(10),
    );
    for _ in 0..20 {
        traces.make(40);
        // A delivery or two in which nothing is dropped.
        std::thread::sleep(Duration::from_millis(25));
    }
    traces.provider.force_flush().unwrap();
    wait_until("the end", || traces.reports.all().len() >= 2);
    let stats = traces.stats();
    assert_eq!(stats.created, stats.delivered + stats.dropped);
    let reports = traces.reports.all();
    assert_eq!(reports.len(), 2, "{reports:?}");
}

#[test]
fn what_comes_after_shutdown_is_dropped_and_counted() {
    let receiver = Receiver::http();
    let traces = Traces::to(target(Protocol::HttpProtobuf, &receiver, "/v1/traces"));
    traces.make(2);
    traces.monitor.shutdown(LONG).unwrap();
    traces.make(3);
    assert!(matches!(
        traces.monitor.shutdown(LONG),
        Err(OTelSdkError::AlreadyShutdown)
    ));
    let stats = traces.stats();
    assert_eq!((stats.delivered, stats.dropped), (2, 3));
}

#[test]
fn a_slow_collector_gets_everything() {
    for protocol in PROTOCOLS {
        let receiver = Receiver::plain(is_grpc(protocol));
        receiver.always(Answer::Slow(Duration::from_millis(50)));
        let traces = Traces::batched(target(protocol, &receiver, "/v1/traces"), Batch::spans());
        traces.make(5_000);
        traces.provider.shutdown_with_timeout(LONG).unwrap();
        assert_eq!(receiver.spans().len(), 5_000, "{protocol}");
    }
}

#[test]
fn a_flush_waits_for_all_that_was_made_before_whoever_delivers_it() {
    for protocol in PROTOCOLS {
        let receiver = Receiver::plain(is_grpc(protocol));
        for n in 0..40 {
            // Later ones overtake earlier ones.
            receiver.next(Answer::Slow(Duration::from_millis(80 * (n % 3))));
        }
        let traces = Traces::batched(
            target(protocol, &receiver, "/v1/traces"),
            Batch::spans()
                .max_export_batch_size(10)
                .schedule_delay(Duration::from_secs(3600)),
        );
        for all in [200, 205] {
            traces.make(if all == 200 { 200 } else { 5 });
            traces.provider.force_flush().unwrap();
            let stats = traces.stats();
            assert_eq!((stats.delivered, stats.pending), (all, 0), "{protocol}");
        }
        assert_eq!(receiver.spans().len(), 205, "{protocol}");
    }
}

#[test]
fn a_collector_that_never_answers_gets_one_request_at_a_time() {
    for protocol in PROTOCOLS {
        let receiver = Receiver::plain(is_grpc(protocol));
        receiver.always(Answer::Hang);
        let traces = Traces::batched(target(protocol, &receiver, "/v1/traces"), Batch::spans());
        traces.make(20_000);
        receiver.wait_for(1);
        traces
            .provider
            .shutdown_with_timeout(Duration::from_millis(500))
            .unwrap_err();
        assert_eq!(receiver.requests().len(), 1, "{protocol}");
        let stats = traces.stats();
        assert_eq!((stats.created, stats.failed), (20_000, 20_000));
    }
}

#[test]
fn many_threads_and_a_moody_collector_add_up() {
    for protocol in PROTOCOLS {
        let receiver = Receiver::plain(is_grpc(protocol));
        for n in 0..20 {
            receiver.next(match n % 4 {
                0 => Answer::Never("no"),
                1 => Answer::Partial(3, "some"),
                2 => Answer::Later(None),
                _ => Answer::Accept,
            });
        }
        let traces = Traces::batched(
            target(protocol, &receiver, "/v1/traces"),
            Batch::spans()
                .max_export_batch_size(100)
                .max_queue_size(1_000),
        );
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| traces.make(500));
            }
        });
        // Some were lost.
        let _ = traces.provider.shutdown_with_timeout(LONG);
        let stats = traces.stats();
        assert_eq!((stats.created, stats.pending), (4_000, 0));
        let accepted = receiver.spans().len() as u64;
        assert_eq!(accepted, stats.delivered + stats.rejected, "{protocol}");
    }
}
