//! The process's pipeline beside one of the caller's own.

use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::trace::{Span as _, Tracer};
use opentelemetry::{Context, KeyValue, global};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, Span, SpanData, SpanProcessor};
use tracing_subscriber::layer::SubscriberExt;
use vigil::carrier::Root;
use vigil::{VigConfig, agent_span};
use vigil_tests::receiver::Receiver;

const CONTENT: &str = "gen_ai.input.messages";

/// Tells the process's pipeline of the spans that end in another one.
#[derive(Debug, Default)]
struct Tells(OnceLock<()>);

impl SpanProcessor for Tells {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.0.get_or_init(|| {
            let mut told = global::tracer("tells").start_with_context("told", &Context::new());
            told.set_attribute(KeyValue::new("name", span.name));
            told.set_attribute(KeyValue::new(CONTENT, "secret"));
            told.end();
        });
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

#[test]
fn content_stays_here_on_a_span_that_ends_while_a_typed_one_does() {
    let receiver = Receiver::http();
    let config = VigConfig::new().endpoint(receiver.url(""));
    let guard = vigil::init(&config).expect("nothing is there before");
    let own = SdkTracerProvider::builder()
        .with_span_processor(Tells::default())
        .build();
    let subscriber = tracing_subscriber::registry().with(vigil::trace_layer(&own));
    tracing::subscriber::with_default(subscriber, || {
        agent_span("s-1", "arcan").parent(&Root).start().end();
    });
    assert_eq!(guard.shutdown(Duration::from_secs(60)).lost(), 0);
    let spans = receiver.spans();
    let told = spans.iter().find(|span| span.name == "told");
    let told = told.expect("it is exported");
    let keys: Vec<_> = told.attributes.iter().map(|it| it.key.as_str()).collect();
    assert_eq!(keys, ["name"]);
}
