//! The export's own doings are nobody's telemetry, and an outage is a warning. One test: the
//! subscriber is the process's.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use vigil::export::{Batch, Export, Protocol, Target};
use vigil_tests::receiver::{Answer, Receiver};

#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

impl<S: Subscriber> Layer<S> for Warnings {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() == Level::WARN && event.metadata().target() == "vigil" {
            let mut message = Message(String::new());
            event.record(&mut message);
            self.0.lock().unwrap().push(message.0);
        }
    }
}

#[test]
fn an_export_is_not_exported_and_an_outage_is_one_warning() {
    let receivers = [Receiver::http(), Receiver::http(), Receiver::grpc()];
    let protocols = [Protocol::HttpProtobuf, Protocol::HttpJson, Protocol::Grpc];
    let warnings = Warnings::default();
    let mut providers = SdkTracerProvider::builder();
    let mut monitors = Vec::new();
    for (receiver, protocol) in receivers.iter().zip(protocols) {
        let export = Export::to(Target::new(protocol, receiver.url("/v1/traces")))
            .batch(Batch::spans().schedule_delay(Duration::from_millis(10)))
            .spans()
            .unwrap();
        monitors.push(export.monitor());
        providers = providers.with_span_processor(export);
    }
    let provider = providers.build();
    // Without a filter: everything that anybody says or does is exported.
    let subscriber = tracing_subscriber::registry()
        .with(tracing_opentelemetry::layer().with_tracer(provider.tracer("all")))
        .with(warnings.clone());
    tracing::subscriber::set_global_default(subscriber).unwrap();

    for receiver in &receivers {
        receiver.next(Answer::Never("first"));
        receiver.next(Answer::Never("second"));
    }
    for n in 0..5 {
        tracing::info_span!("mine", n).in_scope(|| tracing::info!("said"));
        provider.force_flush().ok();
    }
    provider.shutdown().unwrap();
    for (receiver, monitor) in receivers.iter().zip(monitors) {
        let names: Vec<_> = receiver.spans().into_iter().map(|span| span.name).collect();
        assert_eq!(names, ["mine"; 3]);
        assert_eq!(monitor.stats().created, 5);
    }
    let until = Instant::now() + Duration::from_secs(10);
    while warnings.0.lock().unwrap().len() < 6 && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    let warnings = warnings.0.lock().unwrap().clone();
    let count = |text: &str| warnings.iter().filter(|line| line.contains(text)).count();
    assert_eq!(warnings.len(), 6, "{warnings:?}");
    assert_eq!(count("export of traces is failing: http://127.0.0.1:"), 3);
    assert_eq!(count(": first"), 3);
    assert_eq!(count("export of traces is working again after "), 3);
    assert_eq!(count(" s: 2 spans lost"), 3);
}
