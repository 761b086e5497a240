//! Where signals go, and what belongs to an endpoint.

use super::*;

#[test]
fn without_an_endpoint_nothing_is_exported_and_nothing_is_wrong() {
    let resolved = from(&[]);
    assert!(resolved.is_local());
    assert_eq!(urls(&resolved), [None; 3]);
    assert_eq!(warnings(&resolved), [""; 0]);
    assert_eq!(resolved.sampler(), Sampler::ParentBasedAlwaysOn);
    assert_eq!(
        resolved.propagators(),
        [Propagator::TraceContext, Propagator::Baggage]
    );
    assert_eq!(resolved.capture_content(), CaptureContent::NoContent);
    assert_eq!(resolved.log_format(), LogFormat::Pretty);
    assert_eq!(resolved.limits(), Limits::default());
    assert!(
        attribute(&resolved, "service.name")
            .unwrap()
            .starts_with("unknown_service:")
    );
}

#[test]
fn a_base_endpoint_gets_the_path_of_each_signal_and_one_of_a_signal_none() {
    let cases: &[(&str, &str)] = &[
        ("http://c:4318", "http://c:4318/v1/traces"),
        ("http://c:4318/", "http://c:4318/v1/traces"),
        ("https://c/otlp", "https://c/otlp/v1/traces"),
        ("https://c/otlp/", "https://c/otlp/v1/traces"),
        ("https://c/otlp?token=t", "https://c/otlp/v1/traces?token=t"),
        ("  HTTP://c  ", "http://c/v1/traces"),
    ];
    for (endpoint, traces) in cases {
        let resolved = from(&[(OTLP, endpoint)]);
        assert_eq!(url(&resolved, Signal::Traces), Some(*traces));
        assert_eq!(warnings(&resolved), [""; 0]);
    }
    assert_eq!(
        urls(&from(&[
            (OTLP, "http://c/base"),
            (OTLP_METRICS, "https://m/my/metrics/")
        ])),
        [
            Some("http://c/base/v1/traces"),
            Some("https://m/my/metrics/"),
            Some("http://c/base/v1/logs"),
        ],
    );
    assert_eq!(
        urls(&from(&[(OTLP_TRACES, "http://c:4318")])),
        [Some("http://c:4318/"), None, None],
    );
}

#[test]
fn an_otlp_exporter_without_an_endpoint_goes_to_this_machine() {
    let exporter = ("OTEL_TRACES_EXPORTER", "otlp");
    assert_eq!(
        urls(&from(&[exporter])),
        [Some("http://localhost:4318/v1/traces"), None, None]
    );
    assert_eq!(
        urls(&from(&[exporter, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")])),
        [Some("http://localhost:4317"), None, None]
    );
    assert_eq!(
        url(&from(&[exporter, (OTLP, "http://c")]), Signal::Traces),
        Some("http://c/v1/traces")
    );
}

#[test]
fn exporters_say_where_a_signal_goes() {
    let cases: &[(&str, bool, bool, bool, &str)] = &[
        ("otlp", true, false, false, ""),
        ("OTLP", true, false, false, ""),
        ("console", false, true, false, ""),
        ("otlp, console", true, true, false, ""),
        ("none", false, false, true, ""),
        ("", true, false, false, ""),
        (
            "zipkin",
            true,
            false,
            false,
            "`OTEL_LOGS_EXPORTER`: `zipkin` is none of `otlp`, `console`, `none`: \
             using `otlp` where there is an endpoint",
        ),
        (
            "console,zipkin",
            false,
            true,
            false,
            "`OTEL_LOGS_EXPORTER`: `zipkin` is none of `otlp`, `console`, `none`: using console",
        ),
        (
            "none,otlp",
            true,
            false,
            false,
            "`OTEL_LOGS_EXPORTER`: `none` does not go with others: using otlp",
        ),
        (
            ",",
            true,
            false,
            false,
            "`OTEL_LOGS_EXPORTER`: `,` names nothing: using `otlp` where there is an endpoint",
        ),
    ];
    for (value, exported, console, off, warning) in cases {
        let resolved = from(&[(OTLP, "http://c"), ("OTEL_LOGS_EXPORTER", value)]);
        let output = resolved.output(Signal::Logs);
        assert_eq!(output.target().is_some(), *exported, "{value}");
        assert_eq!(output.is_on_console(), *console, "{value}");
        assert_eq!(output.is_off(), *off, "{value}");
        assert_eq!(warnings(&resolved).join("\n"), *warning, "{value}");
    }
    let off = VigConfig::new().traces(false);
    assert!(
        resolve_with(&off, &[(OTLP, "http://c")])
            .output(Signal::Traces)
            .is_off()
    );
    let on = resolve_with(
        &off,
        &[(OTLP, "http://c"), ("OTEL_TRACES_EXPORTER", "otlp")],
    );
    assert!(on.target(Signal::Traces).is_some());
}

#[test]
fn grpc_endpoints_are_a_host_with_or_without_a_scheme() {
    let cases: &[(&str, &str, &str, &str)] = &[
        ("http://c:4317", "", "http://c:4317", ""),
        ("https://c:4317/", "true", "https://c:4317", ""),
        ("c:4317", "", "https://c:4317", ""),
        ("c:4317", "TRUE", "http://c:4317", ""),
        (
            "http://c:4317/v1/traces",
            "",
            "http://c:4317",
            "`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`: gRPC has no use for the path in \
             `http://c:4317/v1/traces`: using `http://c:4317`",
        ),
        (
            "c:4317",
            "yes",
            "https://c:4317",
            "`OTEL_EXPORTER_OTLP_TRACES_INSECURE`: `yes` is neither `true` nor `false`: using false",
        ),
    ];
    for (endpoint, insecure, expected, warning) in cases {
        let resolved = from(&[
            (OTLP_TRACES, endpoint),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TRACES_INSECURE", insecure),
        ]);
        // Only its host is shown, so the whole of it is compared.
        assert_eq!(url(&resolved, Signal::Traces), Some(*expected));
        assert_eq!(warnings(&resolved).join("\n"), *warning);
    }
}

#[test]
fn an_endpoint_that_cannot_be_read_gives_way_to_the_next() {
    assert_eq!(
        warned(OTLP, "collector:4318"),
        "`OTEL_EXPORTER_OTLP_ENDPOINT`: `collector:4318` is no URL of `http://` or `https://`: \
         nothing is exported"
    );
    let resolved = from(&[(OTLP, "http://c"), (OTLP_TRACES, "ftp://u:word@h/?k=word")]);
    assert_eq!(url(&resolved, Signal::Traces), Some("http://c/v1/traces"));
    assert_eq!(
        warnings(&resolved),
        [
            "`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`: `ftp://***@h/?***` is no URL of `http://` or \
          `https://`: using `http://c/v1/traces`"
        ]
    );
    let resolved = resolve_with(
        &VigConfig::new().endpoint("http://code").metrics(false),
        &[(OTLP, "nonsense")],
    );
    assert_eq!(
        warnings(&resolved),
        [
            "`OTEL_EXPORTER_OTLP_ENDPOINT`: `nonsense` is no URL of `http://` or `https://`: traces go to \
          `http://code/v1/traces`, metrics are not exported, logs go to `http://code/v1/logs`"
        ]
    );
    let resolved = resolve_with(&VigConfig::new().endpoint("code:1"), &[]);
    assert_eq!(
        warnings(&resolved),
        [
            "`VigConfig::otlp: endpoint`: `code:1` is no URL of `http://` or `https://`: nothing is exported"
        ]
    );
}

#[test]
fn the_environment_wins_over_code_for_every_endpoint() {
    let config = VigConfig::new()
        .endpoint("http://code")
        .otlp_for(Signal::Logs, Otlp::new().endpoint("http://code/logs"));
    assert_eq!(
        urls(&resolve_with(&config, &[])),
        [
            Some("http://code/v1/traces"),
            Some("http://code/v1/metrics"),
            Some("http://code/logs"),
        ]
    );
    let resolved = resolve_with(
        &config,
        &[(OTLP, "http://env"), (OTLP_TRACES, "http://t/x")],
    );
    assert_eq!(
        urls(&resolved),
        [
            Some("http://t/x"),
            Some("http://env/v1/metrics"),
            Some("http://env/v1/logs")
        ]
    );
}

#[test]
fn headers_are_decoded_and_what_is_none_is_reported_without_being_shown() {
    let name = "OTEL_EXPORTER_OTLP_HEADERS";
    let resolved = from(&[
        (OTLP, "http://c"),
        (
            name,
            "Authorization=Basic%20dTpw==, X-A = 1 ,x-a=2;m=3,,x-empty=",
        ),
    ]);
    let target = traces(&resolved);
    assert_eq!(header(target, "authorization"), Some("Basic dTpw=="));
    assert_eq!(header(target, "x-a"), Some("2;m=3"));
    assert_eq!(header(target, "x-empty"), Some(""));
    assert_eq!(target.headers.len(), 3);
    assert_eq!(warnings(&resolved), [""; 0]);

    let cases: &[(&str, &str, usize)] = &[
        (
            "x-bad key=word",
            "entry 1 has no valid header name: it is not sent",
            0,
        ),
        (
            "a=1,=word",
            "entry 2 has no valid header name: it is not sent",
            1,
        ),
        ("word", "entry 1 is not `name=value`: it is not sent", 0),
        (
            "a=wo%0Ard",
            "the value of entry 1 is not printable ASCII: it is not sent",
            0,
        ),
        (
            "a=w%FFord",
            "the value of entry 1 is not UTF-8: it is not sent",
            0,
        ),
        (
            "a=wörd",
            "the value of entry 1 is not printable ASCII: it is not sent",
            0,
        ),
        (
            "a=100%word",
            "the value of entry 1 is not percent-encoded: it is sent as it stands",
            1,
        ),
        (
            "Content-Type=word",
            "`content-type` is the exporter's to set: it is not sent",
            0,
        ),
        (
            "grpc-timeout=word",
            "`grpc-timeout` is the exporter's to set: it is not sent",
            0,
        ),
    ];
    for (value, problem, sent) in cases {
        let resolved = from(&[(OTLP, "http://c"), (name, value)]);
        assert_eq!(
            warnings(&resolved),
            [format!("`{name}`: {problem}")],
            "{value}"
        );
        assert_eq!(traces(&resolved).headers.len(), *sent, "{value}");
        assert!(!warnings(&resolved)[0].contains("word"), "{value}");
    }
}

#[test]
fn headers_of_a_signal_replace_the_general_ones() {
    let resolved = from(&[
        (OTLP, "http://c"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=1,b=2"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "a=3"),
    ]);
    assert_eq!(header(traces(&resolved), "a"), Some("3"));
    assert_eq!(header(traces(&resolved), "b"), None);
    let logs = resolved.target(Signal::Logs).unwrap();
    assert_eq!(header(logs, "b"), Some("2"));
}

#[test]
fn headers_and_certificates_in_code_stay_with_the_endpoint_in_code() {
    let otlp = Otlp::new()
        .header("Authorization", "word")
        .ca_certificate("/ca.pem");
    let alone = VigConfig::new().otlp(otlp.clone());
    let resolved = resolve_with(&alone, &[(OTLP, "http://env")]);
    assert_eq!(header(traces(&resolved), "authorization"), Some("word"));
    assert!(traces(&resolved).tls.ca_certificate.is_some());

    let config = VigConfig::new().otlp(otlp.endpoint("http://code"));
    let resolved = resolve_with(&config, &[]);
    assert_eq!(header(traces(&resolved), "authorization"), Some("word"));
    let resolved = resolve_with(&config, &[(OTLP, "http://env")]);
    assert_eq!(traces(&resolved).headers.len(), 0);
    assert!(traces(&resolved).tls.ca_certificate.is_none());
    assert_eq!(
        warnings(&resolved),
        [
            "`Otlp::header`: `OTEL_EXPORTER_OTLP_ENDPOINT` replaces the endpoint that it belongs to: it is not sent"
        ]
    );
    let resolved = resolve_with(&config, &[("OTEL_EXPORTER_OTLP_HEADERS", "x-k=1")]);
    assert_eq!(header(traces(&resolved), "authorization"), None);
    assert_eq!(header(traces(&resolved), "x-k"), Some("1"));
}

#[test]
fn headers_that_go_nowhere_are_reported() {
    assert_eq!(
        warned("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "a=1"),
        "`OTEL_EXPORTER_OTLP_LOGS_HEADERS`: there is no endpoint: they are not sent"
    );
}

#[test]
fn a_user_in_a_url_becomes_authorization_unless_that_is_given() {
    let resolved = from(&[(OTLP, "https://user:p%40ss@c/base")]);
    assert_eq!(
        url(&resolved, Signal::Traces),
        Some("https://c/base/v1/traces")
    );
    assert_eq!(
        header(traces(&resolved), "authorization"),
        Some("Basic dXNlcjpwQHNz")
    );
    let given = ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=own");
    let resolved = from(&[(OTLP, "https://user:p@c"), given]);
    assert_eq!(header(traces(&resolved), "authorization"), Some("own"));
}

#[test]
fn how_a_signal_is_sent_is_the_signals_before_the_general() {
    let code = Otlp::new()
        .protocol(Protocol::Grpc)
        .timeout(Duration::from_secs(1))
        .compression(Compression::Gzip);
    let config = VigConfig::new()
        .endpoint("http://c:1")
        .otlp_for(Signal::Logs, code);
    let resolved = resolve_with(&config, &[]);
    let logs = resolved.target(Signal::Logs).unwrap();
    assert_eq!(
        (logs.protocol, logs.timeout, logs.compression),
        (Protocol::Grpc, Duration::from_secs(1), Compression::Gzip)
    );
    assert_eq!(logs.url, "http://c:1");
    let target = traces(&resolved);
    assert_eq!(
        (target.protocol, target.timeout, target.compression),
        (
            Protocol::HttpProtobuf,
            Duration::from_secs(10),
            Compression::None
        )
    );

    let resolved = resolve_with(
        &config,
        &[
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "HTTP/JSON"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "2000"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "0"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "none"),
            ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca"),
            ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "/t/ca"),
            ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/crt"),
            ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", "/t/crt"),
            ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/key"),
        ],
    );
    let logs = resolved.target(Signal::Logs).unwrap();
    assert_eq!(
        (logs.protocol, logs.timeout, logs.compression),
        (
            Protocol::HttpJson,
            Duration::from_secs(2),
            Compression::None
        )
    );
    let target = traces(&resolved);
    assert_eq!(
        (target.protocol, target.timeout, target.compression),
        (Protocol::Grpc, env::NO_LIMIT, Compression::Gzip)
    );
    let files = |tls: &Tls| {
        [
            &tls.ca_certificate,
            &tls.client_certificate,
            &tls.client_key,
        ]
        .map(|path| path.as_ref().unwrap().to_str().unwrap().to_owned())
    };
    assert_eq!(files(&logs.tls), ["/ca", "/crt", "/key"]);
    assert_eq!(files(&target.tls), ["/t/ca", "/t/crt", "/key"]);
    assert_eq!(warnings(&resolved), [""; 0]);
}

#[test]
fn a_client_certificate_needs_its_key() {
    let name = "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE";
    let resolved = from(&[(OTLP, "https://c"), (name, "/crt")]);
    assert_eq!(traces(&resolved).tls.client_certificate, None);
    assert_eq!(
        warnings(&resolved),
        [format!(
            "`{name}`: no key is set beside it: no client certificate is presented"
        )]
    );
}

#[test]
fn a_protocol_that_is_not_built_in_is_reported() {
    let only_http = |protocol| protocol == Protocol::HttpProtobuf;
    let lookup = |name: &str| match name {
        OTLP => Some("http://c".to_owned()),
        "OTEL_EXPORTER_OTLP_PROTOCOL" => Some("http/json".to_owned()),
        _ => None,
    };
    let resolved = resolve::resolve(&VigConfig::new(), &lookup, &only_http);
    assert_eq!(traces(&resolved).protocol, Protocol::HttpProtobuf);
    assert_eq!(
        warnings(&resolved),
        [
            "`OTEL_EXPORTER_OTLP_PROTOCOL`: `http/json` needs the feature `http-json`, which is off: \
          using http/protobuf"
        ]
    );
    let resolved = resolve::resolve(&VigConfig::new(), &lookup, &|_| false);
    assert_eq!(urls(&resolved), [None; 3]);
    assert!(warnings(&resolved).contains(
        &"`Otlp::protocol`: no feature of `vigil` is on that could send it (`http-proto`, `http-json`, `grpc`): nothing is exported".to_owned()
    ));
}
