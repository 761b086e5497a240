//! No runtime, any runtime, inside one: it makes no difference.

use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use tokio::runtime::Builder;
use vigil::export::{Export, Protocol};
use vigil_tests::receiver::Receiver;

use super::{LONG, PROTOCOLS, Traces, is_grpc, target};

/// Sets up, exports, flushes and drops, here and now.
fn export(protocol: Protocol) {
    let receiver = Receiver::plain(is_grpc(protocol));
    let traces = Traces::to(target(protocol, &receiver, "/v1/traces"));
    let export = Export::to(target(protocol, &receiver, "/v1/metrics"))
        .metrics()
        .unwrap();
    let metrics = SdkMeterProvider::builder()
        .with_reader(PeriodicReader::builder(export).build())
        .build();
    traces.make(3);
    traces.provider.force_flush().unwrap();
    metrics
        .meter("test")
        .u64_counter("calls")
        .build()
        .add(1, &[]);
    metrics.force_flush().unwrap();
    traces.make(4);
    let monitor = traces.monitor.clone();
    // Without a shutdown: the SDK's provider does it.
    drop(traces);
    drop(metrics);
    assert_eq!(receiver.spans().len(), 7, "{protocol}");
    assert!(!receiver.metrics().is_empty(), "{protocol}");
    assert_eq!(monitor.stats().delivered, 7);
}

#[test]
fn without_a_runtime() {
    for protocol in PROTOCOLS {
        export(protocol);
    }
}

#[test]
fn inside_a_current_thread_runtime() {
    for protocol in PROTOCOLS {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { export(protocol) });
    }
}

#[test]
fn inside_a_multi_thread_runtime_and_its_tasks() {
    for protocol in PROTOCOLS {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            export(protocol);
            tokio::spawn(async move { export(protocol) }).await.unwrap();
        });
    }
}

#[test]
fn beyond_the_runtime_that_it_was_made_in() {
    for protocol in PROTOCOLS {
        let receiver = Receiver::plain(is_grpc(protocol));
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let traces = runtime.block_on(async {
            let traces = Traces::to(target(protocol, &receiver, "/v1/traces"));
            traces.make(1);
            traces
        });
        drop(runtime);
        traces.make(1);
        traces.provider.shutdown_with_timeout(LONG).unwrap();
        assert_eq!(receiver.spans().len(), 2, "{protocol}");
    }
}
