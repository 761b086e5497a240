//! What is common to all signals.

use super::*;

/// Variables, values that they can't have, and what is said then.
const UNREADABLE: &[(&str, &str, &str)] = &[
    (
        "OTEL_BSP_MAX_QUEUE_SIZE",
        "abc",
        "`abc` is not a positive integer: using 32768",
    ),
    (
        "OTEL_BSP_MAX_QUEUE_SIZE",
        "0",
        "`0` is not a positive integer: using 32768",
    ),
    (
        "OTEL_BSP_MAX_QUEUE_SIZE",
        "-1",
        "`-1` is not a positive integer: using 32768",
    ),
    (
        "OTEL_BSP_MAX_QUEUE_SIZE",
        "+1",
        "`+1` is not a positive integer: using 32768",
    ),
    (
        "OTEL_BSP_MAX_QUEUE_SIZE",
        "1e3",
        "`1e3` is not a positive integer: using 32768",
    ),
    (
        "OTEL_BSP_MAX_QUEUE_SIZE",
        "4294967296",
        "`4294967296` is more than 2147483647: using 32768",
    ),
    (
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
        "x",
        "`x` is not a positive integer: using 512",
    ),
    (
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
        "40000",
        "`40000` is more than may wait: using 32768",
    ),
    (
        "OTEL_BSP_SCHEDULE_DELAY",
        "5s",
        "`5s` is not a number of milliseconds: using 5000 ms",
    ),
    (
        "OTEL_BLRP_SCHEDULE_DELAY",
        "-5",
        "`-5` is not a number of milliseconds: using 1000 ms",
    ),
    (
        "OTEL_BLRP_EXPORT_TIMEOUT",
        "1.5",
        "`1.5` is not a number of milliseconds: using 30000 ms",
    ),
    (
        "OTEL_METRIC_EXPORT_INTERVAL",
        "0",
        "`0` is not a positive number of milliseconds: using 60000 ms",
    ),
    (
        "OTEL_METRIC_EXPORT_TIMEOUT",
        "x",
        "`x` is not a number of milliseconds: using 30000 ms",
    ),
    (
        "OTEL_SPAN_LINK_COUNT_LIMIT",
        "x",
        "`x` is not an integer from 0: using 128",
    ),
    (
        "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "x",
        "`x` is not an integer from 0: using no limit",
    ),
    (
        "OTEL_TRACES_SAMPLER",
        "sometimes",
        "`sometimes` is none of `always_on`, `always_off`, \
          `traceidratio`, `parentbased_always_on`, `parentbased_always_off`, `parentbased_traceidratio`: \
          using parentbased_always_on",
    ),
    (
        "OTEL_TRACES_SAMPLER_ARG",
        "0.5",
        "`OTEL_TRACES_SAMPLER` names no sampler that takes it: \
          using parentbased_always_on",
    ),
    (
        "VIGIL_SAMPLING_RATIO",
        "50%",
        "`50%` is not a number from 0 to 1: using parentbased_always_on",
    ),
    (
        "VIGIL_SAMPLING_RATIO",
        "NaN",
        "`NaN` is not a number from 0 to 1: using parentbased_always_on",
    ),
    (
        "VIGIL_SAMPLING_RATIO",
        "-0.1",
        "`-0.1` is not a number from 0 to 1: using parentbased_always_on",
    ),
    (
        "VIGIL_SAMPLING_RATIO",
        "1.1",
        "`1.1` is not a number from 0 to 1: using parentbased_always_on",
    ),
    (
        "VIGIL_SAMPLING_RATIO",
        "inf",
        "`inf` is not a number from 0 to 1: using parentbased_always_on",
    ),
    (
        "VIGIL_LOG_FORMAT",
        "jsn",
        "`jsn` is none of `pretty`, `json`: using pretty",
    ),
    (
        "VIGIL_CAPTURE_CONTENT",
        "1",
        "`1` is neither `true` nor `false`: using false",
    ),
    (
        "VIGIL_CAPTURE_CONTENT_MAX_BYTES",
        "0",
        "`0` is not a positive integer: using 65536",
    ),
    (
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
        "true",
        "`true` is none of `NO_CONTENT`, \
          `SPAN_ONLY`, `EVENT_ONLY`, `SPAN_AND_EVENT`: using NO_CONTENT",
    ),
    (
        "OTEL_SEMCONV_STABILITY_OPT_IN",
        "gen_ai_latest",
        "`gen_ai_latest` is none of `gen_ai_latest_experimental`, with or without `/dup`: ignoring it",
    ),
    (
        "OTEL_SEMCONV_STABILITY_OPT_IN",
        "http/dup, genai_latest_experimental",
        "`genai_latest_experimental` is none of `gen_ai_latest_experimental`, with or without `/dup`: ignoring it",
    ),
    (
        "OTEL_SEMCONV_STABILITY_OPT_IN",
        "gen_ai_latest_experimental/both",
        "`gen_ai_latest_experimental/both` is none of `gen_ai_latest_experimental`, with or without `/dup`: ignoring it",
    ),
    (
        "OTEL_SDK_DISABLED",
        "yes",
        "`yes` is neither `true` nor `false`: using false",
    ),
    (
        "OTEL_PROPAGATORS",
        "b3,baggage",
        "`b3` is none of `tracecontext`, `baggage`: using baggage",
    ),
    (
        "OTEL_PROPAGATORS",
        "b3",
        "`b3` is none of `tracecontext`, `baggage`: using tracecontext,baggage",
    ),
    (
        "OTEL_PROPAGATORS",
        "none,baggage",
        "`none` does not go with others: using baggage",
    ),
    (
        "OTEL_RESOURCE_ATTRIBUTES",
        "a=1,b",
        "`b` is not `key=value`: ignoring all of it",
    ),
    (
        "OTEL_RESOURCE_ATTRIBUTES",
        "a=%zz",
        "`a=%zz` is not percent-encoded UTF-8: ignoring all of it",
    ),
    (
        "OTEL_RESOURCE_ATTRIBUTES",
        "=1",
        "`=1` has no key: ignoring all of it",
    ),
    (
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "udp",
        "`udp` is none of `http/protobuf`, `http/json`, `grpc`: using http/protobuf",
    ),
    (
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
        "both",
        "`both` is none of `cumulative`, `delta`, `lowmemory`: using cumulative",
    ),
    (
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
        "x",
        "`x` is none of \
          `explicit_bucket_histogram`, `base2_exponential_bucket_histogram`: using explicit_bucket_histogram",
    ),
    (
        "OTEL_CONFIG_FILE",
        "otel.yaml",
        "configuration files are not read: it has no effect",
    ),
    (
        "VIGIL_PRESET",
        "honeycomb",
        "`honeycomb` is none of `langfuse`, `langsmith`, `jaeger`, `tempo`, `none`: using none",
    ),
    (
        "VIGIL_LOG_FORMAT",
        "a\nb\u{1b}",
        "`a\\nb\\u{1b}` is none of `pretty`, `json`: using pretty",
    ),
];

#[test]
fn what_cannot_be_read_is_reported_with_what_holds() {
    for (name, value, problem) in UNREADABLE {
        assert_eq!(warned(name, value), format!("`{name}`: {problem}"));
    }
    for (name, value) in [
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
    ] {
        let resolved = from(&[(OTLP, "http://c"), (name, value)]);
        assert_eq!(resolved.warnings().len(), 1);
        assert_eq!(resolved.warnings()[0].name(), name);
    }
}

#[test]
fn a_variable_without_a_value_is_not_set() {
    let code = VigConfig::new()
        .endpoint("http://code")
        .log_format(LogFormat::Json);
    let empty: Vec<_> = VARIABLES
        .iter()
        .flat_map(|variable| variable.names)
        .map(|name| (*name, " "))
        .collect();
    let resolved = resolve_with(&code, &empty);
    assert_eq!(
        url(&resolved, Signal::Traces),
        Some("http://code/v1/traces")
    );
    assert_eq!(resolved.log_format(), LogFormat::Json);
    assert_eq!(warnings(&resolved), [""; 0]);
}

/// Every setting that is common to all signals.
fn everything() -> VigConfig {
    let seconds = Duration::from_secs;
    VigConfig::new()
        .service_name("code")
        .resource_attribute("a", "code")
        .resource_attribute("n", 1)
        .sampler(Sampler::TraceIdRatio(0.25))
        .propagators([Propagator::Baggage, Propagator::Baggage])
        .span_queue_size(100)
        .span_batch_size(10)
        .span_delay(seconds(1))
        .span_export_timeout(seconds(2))
        .span_concurrent_exports(2)
        .log_queue_size(200)
        .log_batch_size(20)
        .log_delay(seconds(3))
        .log_export_timeout(Duration::ZERO)
        .log_concurrent_exports(3)
        .metric_interval(seconds(5))
        .metric_export_timeout(seconds(6))
        .temporality(Temporality::Delta)
        .histogram_aggregation(HistogramAggregation::Exponential)
        .limits(Limits {
            span_attributes: 7,
            log_attribute_length: Some(8),
            ..Limits::default()
        })
        .log_format(LogFormat::Json)
        .log_filter("debug")
        .capture_content(CaptureContent::SpanAndEvent)
        .content_max_bytes(9)
        .stability_opt_in("gen_ai_latest_experimental")
        .disabled(true)
}

#[test]
fn every_setting_holds_from_code() {
    let seconds = Duration::from_secs;
    let code = resolve_with(&everything(), &[]);
    assert_eq!(warnings(&code), [""; 0]);
    assert!(code.is_disabled());
    assert_eq!(attribute(&code, "service.name").as_deref(), Some("code"));
    assert_eq!(attribute(&code, "n").as_deref(), Some("1"));
    assert_eq!(code.sampler(), Sampler::TraceIdRatio(0.25));
    assert_eq!(code.propagators(), [Propagator::Baggage]);
    let batch = code.span_batch();
    assert_eq!(
        (batch.max_queue_size, batch.max_export_batch_size),
        (100, 10)
    );
    assert_eq!(
        (batch.schedule_delay, batch.export_timeout),
        (seconds(1), seconds(2))
    );
    assert_eq!(batch.max_concurrent_exports, 2);
    let batch = code.log_batch();
    assert_eq!(
        (batch.max_queue_size, batch.max_export_batch_size),
        (200, 20)
    );
    assert_eq!(
        (batch.schedule_delay, batch.export_timeout),
        (seconds(3), env::NO_LIMIT)
    );
    assert_eq!(batch.max_concurrent_exports, 3);
    assert_eq!(
        (code.metric_interval(), code.metric_export_timeout()),
        (seconds(5), seconds(6))
    );
    assert_eq!(code.temporality(), Temporality::Delta);
    assert_eq!(
        code.histogram_aggregation(),
        HistogramAggregation::Exponential
    );
    assert_eq!(code.limits().span_attributes, 7);
    assert_eq!(code.limits().log_attribute_length, Some(8));
    assert_eq!(code.log_format(), LogFormat::Json);
    assert_eq!(code.log_filter(), "debug");
    assert_eq!(code.capture_content(), CaptureContent::SpanAndEvent);
    assert_eq!(code.content_max_bytes(), 9);
    assert_eq!(names(&code), Names::Latest);
}

#[test]
fn the_environment_overrides_every_setting() {
    let both = resolve_with(
        &everything(),
        &[
            ("OTEL_SDK_DISABLED", "False"),
            ("OTEL_SERVICE_NAME", "env"),
            ("OTEL_RESOURCE_ATTRIBUTES", "a=env,b=x%2Cy%3D"),
            ("OTEL_TRACES_SAMPLER", "PARENTBASED_TRACEIDRATIO"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.5"),
            ("OTEL_PROPAGATORS", "none"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "101"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "11"),
            ("OTEL_BSP_SCHEDULE_DELAY", "0"),
            ("OTEL_BSP_EXPORT_TIMEOUT", "0"),
            ("OTEL_BSP_MAX_CONCURRENT_EXPORTS", "5"),
            ("OTEL_BLRP_MAX_QUEUE_SIZE", "201"),
            ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "21"),
            ("OTEL_BLRP_SCHEDULE_DELAY", "3001"),
            ("OTEL_BLRP_EXPORT_TIMEOUT", "4001"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "5001"),
            ("OTEL_METRIC_EXPORT_TIMEOUT", "6001"),
            (
                "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
                "LowMemory",
            ),
            (
                "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
                "explicit_bucket_histogram",
            ),
            ("VIGIL_LOG_FORMAT", "PRETTY"),
            ("RUST_LOG", "vigil=trace"),
            (
                "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
                "event_only",
            ),
            ("VIGIL_CAPTURE_CONTENT_MAX_BYTES", "90"),
            (
                "OTEL_SEMCONV_STABILITY_OPT_IN",
                "http, Gen_AI_latest_experimental/DUP, acme_latest,,",
            ),
        ],
    );
    assert_eq!(warnings(&both), [""; 0]);
    assert!(!both.is_disabled());
    assert_eq!(attribute(&both, "service.name").as_deref(), Some("env"));
    assert_eq!(attribute(&both, "a").as_deref(), Some("env"));
    assert_eq!(attribute(&both, "b").as_deref(), Some("x,y="));
    assert_eq!(attribute(&both, "n").as_deref(), Some("1"));
    assert_eq!(both.sampler(), Sampler::ParentBasedTraceIdRatio(0.5));
    assert_eq!(both.propagators(), []);
    let batch = both.span_batch();
    assert_eq!(
        (batch.max_queue_size, batch.max_export_batch_size),
        (101, 11)
    );
    assert_eq!(
        (batch.schedule_delay, batch.export_timeout),
        (Duration::from_millis(1), env::NO_LIMIT)
    );
    assert_eq!(batch.max_concurrent_exports, 5);
    let batch = both.log_batch();
    assert_eq!(
        (batch.max_queue_size, batch.max_export_batch_size),
        (201, 21)
    );
    assert_eq!(
        (
            batch.schedule_delay.as_millis(),
            batch.export_timeout.as_millis()
        ),
        (3001, 4001)
    );
    assert_eq!(
        (
            both.metric_interval().as_millis(),
            both.metric_export_timeout().as_millis()
        ),
        (5001, 6001)
    );
    assert_eq!(both.temporality(), Temporality::LowMemory);
    assert_eq!(
        both.histogram_aggregation(),
        HistogramAggregation::ExplicitBuckets
    );
    assert_eq!(both.log_format(), LogFormat::Pretty);
    assert_eq!(both.log_filter(), "vigil=trace");
    assert_eq!(both.capture_content(), CaptureContent::EventOnly);
    assert_eq!(both.content_max_bytes(), 90);
    assert_eq!(names(&both), Names::Both);
    assert_eq!(
        both.stability_opt_in().to_string(),
        "http,gen_ai_latest_experimental/dup,acme_latest"
    );
}

fn names(resolved: &Resolved) -> Names {
    let opt_in = resolved.stability_opt_in();
    opt_in.names("gen_ai_latest_experimental")
}

#[test]
fn both_names_win_over_the_latest_whichever_is_said_first() {
    let latest = "gen_ai_latest_experimental";
    for list in [
        format!("{latest}/dup,{latest}"),
        format!("{latest},{latest}/dup"),
    ] {
        let resolved = from(&[("OTEL_SEMCONV_STABILITY_OPT_IN", &list)]);
        assert_eq!(names(&resolved), Names::Both, "{list}");
        assert_eq!(warnings(&resolved), [""; 0]);
    }
}

#[test]
fn categories_of_other_instrumentation_are_nobodys_business() {
    let others = "http,http/dup,database,messaging/dup,rpc,k8s,code,general,acme_latest,/dup,a b";
    let resolved = from(&[("OTEL_SEMCONV_STABILITY_OPT_IN", others)]);
    assert_eq!(names(&resolved), Names::Former);
    assert_eq!(warnings(&resolved), [""; 0]);
}

#[test]
fn what_code_says_is_checked_too() {
    let config = VigConfig::new()
        .sampler(Sampler::TraceIdRatio(f64::NAN))
        .span_queue_size(0)
        .log_queue_size(10)
        .log_batch_size(20)
        .metric_interval(Duration::ZERO)
        .content_max_bytes(0)
        .stability_opt_in("gen_ai/dup");
    let resolved = resolve_with(&config, &[]);
    assert_eq!(resolved.log_batch().max_export_batch_size, 10);
    let mut said = warnings(&resolved);
    said.sort();
    assert_eq!(
        said,
        [
            "`VigConfig::content_max_bytes`: `0` is not a positive integer: using 65536",
            "`VigConfig::log_batch_size`: `20` is more than may wait: using 10",
            "`VigConfig::metric_interval`: `0 ms` is not a positive duration: using 60000 ms",
            "`VigConfig::sampler`: `traceidratio NaN` has no ratio from 0 to 1: using parentbased_always_on",
            "`VigConfig::span_queue_size`: `0` is not a positive integer: using 32768",
            "`VigConfig::stability_opt_in`: `gen_ai/dup` is none of `gen_ai_latest_experimental`, with or without `/dup`: ignoring it",
        ]
    );
}

#[test]
fn a_small_queue_makes_small_batches_without_a_word() {
    let resolved = from(&[("OTEL_BLRP_MAX_QUEUE_SIZE", "100")]);
    assert_eq!(resolved.log_batch().max_export_batch_size, 100);
    assert_eq!(warnings(&resolved), [""; 0]);
}

#[test]
fn disabled_means_no_signal_goes_anywhere_and_propagation_stays() {
    let resolved = from(&[
        ("OTEL_SDK_DISABLED", "TRUE"),
        (OTLP, "http://c"),
        ("OTEL_TRACES_EXPORTER", "console"),
    ]);
    assert!(resolved.is_disabled() && !resolved.is_local());
    assert_eq!(urls(&resolved), [None; 3]);
    assert!(!resolved.output(Signal::Traces).is_on_console());
    assert_eq!(resolved.propagators().len(), 2);
}

#[test]
fn samplers_take_their_names_and_arguments_from_the_specification() {
    let cases: &[(&str, &str, Sampler)] = &[
        ("always_on", "", Sampler::AlwaysOn),
        ("always_off", "", Sampler::AlwaysOff),
        ("traceidratio", "", Sampler::TraceIdRatio(1.0)),
        ("traceidratio", "0", Sampler::TraceIdRatio(0.0)),
        ("parentbased_always_on", "", Sampler::ParentBasedAlwaysOn),
        ("parentbased_always_off", "", Sampler::ParentBasedAlwaysOff),
        (
            "parentbased_traceidratio",
            "1e-1",
            Sampler::ParentBasedTraceIdRatio(0.1),
        ),
    ];
    for (name, argument, sampler) in cases {
        let resolved = from(&[
            ("OTEL_TRACES_SAMPLER", name),
            ("OTEL_TRACES_SAMPLER_ARG", argument),
        ]);
        assert_eq!(resolved.sampler(), *sampler);
        assert_eq!(warnings(&resolved), [""; 0]);
    }
    let resolved = from(&[
        ("OTEL_TRACES_SAMPLER", "traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "NaN"),
    ]);
    assert_eq!(resolved.sampler(), Sampler::TraceIdRatio(1.0));
    assert_eq!(
        warnings(&resolved),
        ["`OTEL_TRACES_SAMPLER_ARG`: `NaN` is not a number from 0 to 1: using 1"]
    );
    let resolved = from(&[
        ("OTEL_TRACES_SAMPLER", "always_off"),
        ("OTEL_TRACES_SAMPLER_ARG", "1"),
    ]);
    assert_eq!(
        warnings(&resolved),
        ["`OTEL_TRACES_SAMPLER_ARG`: `always_off` takes no argument: using always_off"]
    );
}

#[test]
fn a_standard_variable_beats_vigils_own_and_using_both_is_reported() {
    let own = ("VIGIL_SAMPLING_RATIO", "0.5");
    assert_eq!(
        from(&[own]).sampler(),
        Sampler::ParentBasedTraceIdRatio(0.5)
    );
    let both = from(&[own, ("OTEL_TRACES_SAMPLER", "always_off")]);
    assert_eq!(both.sampler(), Sampler::AlwaysOff);
    assert_eq!(
        warnings(&both),
        ["`VIGIL_SAMPLING_RATIO`: `OTEL_TRACES_SAMPLER` is set as well: using always_off"]
    );

    let own = ("VIGIL_CAPTURE_CONTENT", "TRUE");
    assert_eq!(from(&[own]).capture_content(), CaptureContent::SpanOnly);
    let both = from(&[
        own,
        (
            "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
            "NO_CONTENT",
        ),
    ]);
    assert_eq!(both.capture_content(), CaptureContent::NoContent);
    assert_eq!(
        warnings(&both),
        [
            "`VIGIL_CAPTURE_CONTENT`: `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT` is set as well: \
          using NO_CONTENT"
        ]
    );

    let both = langfuse_and(&[(OTLP, "http://c")]);
    assert_eq!(url(&both, Signal::Traces), Some("http://c/v1/traces"));
    assert_eq!(
        warnings(&both),
        [
            "`VIGIL_PRESET`: `OTEL_EXPORTER_OTLP_ENDPOINT` is set as well: using `http://c/v1/traces`"
        ]
    );
}

#[test]
fn content_that_code_captures_is_turned_off_by_what_cannot_be_read() {
    let config = VigConfig::new().capture_content(CaptureContent::SpanAndEvent);
    for (name, value) in [
        ("VIGIL_CAPTURE_CONTENT", "off"),
        ("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "off"),
    ] {
        let resolved = resolve_with(&config, &[(name, value)]);
        assert_eq!(resolved.capture_content(), CaptureContent::NoContent);
        assert_eq!(resolved.warnings().len(), 1);
    }
    let resolved = resolve_with(&config, &[("VIGIL_CAPTURE_CONTENT", "true")]);
    assert_eq!(resolved.capture_content(), CaptureContent::SpanAndEvent);
}

#[test]
fn general_limits_stand_in_for_those_that_are_not_given() {
    let resolved = from(&[
        ("OTEL_ATTRIBUTE_COUNT_LIMIT", "10"),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "20"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "11"),
        ("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "21"),
        ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "12"),
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", "0"),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "13"),
    ]);
    assert_eq!(
        resolved.limits(),
        Limits {
            span_attributes: 11,
            span_attribute_length: Some(20),
            span_events: 0,
            span_links: 13,
            event_attributes: 10,
            link_attributes: 12,
            log_attributes: 10,
            log_attribute_length: Some(21),
        }
    );
}

#[test]
fn the_resource_is_complete_and_nobody_elses_reading_decides() {
    let resolved = from(&[("OTEL_SERVICE_NAME", "arcan")]);
    let resource = resolved.resource();
    let get = |key: &'static str| resource.get(&key.into()).map(|value| value.to_string());
    assert_eq!(get("service.name").as_deref(), Some("arcan"));
    assert_eq!(get("telemetry.sdk.language").as_deref(), Some("rust"));
    let listed = from(&[("OTEL_RESOURCE_ATTRIBUTES", "service.name=listed")]);
    assert_eq!(
        attribute(&listed, "service.name").as_deref(),
        Some("listed")
    );
    let empty = resolve_with(&VigConfig::new().service_name(""), &[]);
    assert!(
        attribute(&empty, "service.name")
            .unwrap()
            .starts_with("unknown_service")
    );
    assert_eq!(
        empty.resource_attributes(),
        [KeyValue::new(
            "service.name",
            attribute(&empty, "service.name").unwrap().into_owned()
        )]
    );
}
