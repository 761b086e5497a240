//! What is exported arrives as it was made, or is counted as lost; whatever the collector does.

mod faults;
mod retries;
mod runtimes;
mod setup;
mod wire;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::trace::{Tracer, TracerProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;
use vigil::export::{Batch, Export, ExportStats, Monitor, Protocol, Report, Target};
use vigil_tests::receiver::Receiver;

const PROTOCOLS: [Protocol; 3] = [Protocol::HttpProtobuf, Protocol::HttpJson, Protocol::Grpc];

const LONG: Duration = Duration::from_secs(20);

fn is_grpc(protocol: Protocol) -> bool {
    protocol == Protocol::Grpc
}

fn target(protocol: Protocol, receiver: &Receiver, path: &str) -> Target {
    Target::new(protocol, receiver.url(path))
}

/// The reports of an export.
#[derive(Clone, Default)]
struct Reports(Arc<Mutex<Vec<Report>>>);

impl Reports {
    fn listener(&self) -> impl Fn(&Report) + Send + Sync + use<> {
        let reports = Arc::clone(&self.0);
        move |report| {
            let mut reports = reports.lock().unwrap_or_else(PoisonError::into_inner);
            reports.push(report.clone());
        }
    }

    fn all(&self) -> Vec<Report> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// A provider that exports traces, and what to ask about it.
struct Traces {
    provider: SdkTracerProvider,
    monitor: Monitor,
    reports: Reports,
}

impl Traces {
    /// Batches of what is there when it is flushed, and no more often.
    fn to(target: Target) -> Self {
        Self::batched(
            target,
            Batch::spans().schedule_delay(Duration::from_secs(3600)),
        )
    }

    fn batched(target: Target, batch: Batch) -> Self {
        let reports = Reports::default();
        let export = Export::to(target)
            .batch(batch)
            .reporter(reports.listener())
            .spans()
            .unwrap();
        let monitor = export.monitor();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(export)
            .build();
        Self {
            provider,
            monitor,
            reports,
        }
    }

    fn make(&self, spans: usize) {
        let tracer = self.provider.tracer("test");
        for _ in 0..spans {
            drop(tracer.start("span"));
        }
    }

    fn stats(&self) -> ExportStats {
        let stats = self.monitor.stats();
        assert_eq!(
            stats.created,
            stats.delivered + stats.dropped + stats.rejected + stats.failed + stats.pending,
            "{stats:?}"
        );
        stats
    }
}
