//! Two names at once with a subscriber and an SDK of somebody's own: what a collector gets, as the process
//! changes its mind.

use opentelemetry::InstrumentationScope;
use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt as _;
use vigil::carrier::InheritedAttributes;
use vigil::config::CaptureContent;
use vigil::export::{Export, Protocol, Target};
use vigil::metrics::gen_ai::{CLIENT_TOKEN_USAGE, ClientTokenUsageAttributes};
use vigil::registry::REGISTRY;
use vigil::semconv::gen_ai::TokenType;
use vigil::testing::Exported;
use vigil_tests::everything::{missing, most};
use vigil_tests::received::exported;
use vigil_tests::receiver::Receiver;

const LATEST: &str = "gen_ai_latest_experimental";
const BOTH: &str = "gen_ai_latest_experimental/dup";

/// What a collector gets of a run with everything in it. The parts are put together as one does without
/// `init`.
fn run() -> Exported {
    let receiver = Receiver::http();
    let to = |path: &str| Export::to(Target::new(Protocol::HttpProtobuf, receiver.url(path)));
    let spans = to("/v1/traces").spans().unwrap();
    let tracers = SdkTracerProvider::builder()
        .with_span_processor(InheritedAttributes::before(spans))
        .build();
    let logs = SdkLoggerProvider::builder()
        .with_log_processor(to("/v1/logs").logs().unwrap())
        .build();
    let meters = SdkMeterProvider::builder()
        .with_view(vigil::metric_view)
        .with_reader(PeriodicReader::builder(to("/v1/metrics").metrics().unwrap()).build())
        .build();
    vigil::set_meter_provider(meters.clone());
    let subscriber = tracing_subscriber::registry()
        .with(vigil::trace_layer(&tracers).with_events(false))
        .with(vigil::log_bridge(&logs));
    tracing::subscriber::with_default(subscriber, most);
    tracers.shutdown().unwrap();
    meters.shutdown().unwrap();
    logs.shutdown().unwrap();
    exported(&receiver.requests())
}

fn has(exported: &Exported, metric: &str) -> bool {
    exported.metrics.iter().any(|it| it.name == metric)
}

#[test]
fn a_process_that_changes_its_mind_emits_what_it_asks_for_from_then_on() {
    vigil::set_capture_content(CaptureContent::SpanAndEvent);
    for (opt_in, former, latest) in [
        ("", true, false),
        (LATEST, false, true),
        (BOTH, true, true),
        (LATEST, false, true),
        ("", true, false),
    ] {
        vigil::set_stability_opt_in(opt_in);
        let mut exported = run();
        exported.stability_opt_in = opt_in.into();
        exported.assert_conforms(&REGISTRY);
        assert_eq!(missing(&exported), [""; 0], "{opt_in}");
        let usage = has(&exported, "gen_ai.client.token.usage");
        assert_eq!(usage, former, "{opt_in}");
        let counter = has(&exported, "gen_ai.client.inference.usage.input_tokens");
        assert_eq!(counter, latest, "{opt_in}");
    }

    instruments_that_were_there_before_have_the_names_of_after(|meters| {
        vigil::set_meter_provider(meters);
    });
    // Another provider binds nothing to attributes.
    instruments_that_were_there_before_have_the_names_of_after(|meters| {
        vigil::set_meter_provider(Other(meters));
    });
}

/// A meter provider that Vigil does not know.
struct Other(SdkMeterProvider);

impl MeterProvider for Other {
    fn meter_with_scope(&self, scope: InstrumentationScope) -> Meter {
        self.0.meter_with_scope(scope)
    }
}

fn instruments_that_were_there_before_have_the_names_of_after(set: impl Fn(SdkMeterProvider)) {
    let read = ClientTokenUsageAttributes::new("chat", "anthropic", TokenType::Input);
    let bound = CLIENT_TOKEN_USAGE.bind(&read);
    let receiver = Receiver::http();
    let target = Target::new(Protocol::HttpProtobuf, receiver.url("/v1/metrics"));
    let reader = PeriodicReader::builder(Export::to(target).metrics().unwrap()).build();
    let meters = SdkMeterProvider::builder().with_reader(reader).build();
    set(meters.clone());
    for opt_in in ["", LATEST, BOTH] {
        vigil::set_stability_opt_in(opt_in);
        CLIENT_TOKEN_USAGE.record(10, &read);
        bound.record(5);
    }
    meters.shutdown().unwrap();
    let exported = exported(&receiver.requests());
    let sum = |name: &str| {
        let metrics = exported.metrics.iter().filter(|it| it.name == name);
        let points = metrics.flat_map(|it| &it.points);
        points.map(|it| it.value).sum::<f64>().to_string()
    };
    assert_eq!(sum("gen_ai.client.token.usage"), "30");
    assert_eq!(sum("gen_ai.client.inference.usage.input_tokens"), "30");
}
