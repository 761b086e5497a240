//! Where telemetry goes over OTLP, and how.

use vigil_tests::receiver::{Authority, Received, Receiver};

use super::{ENDPOINT, SIGNALS, Seen, Way, setter, signals_that, variable};

pub(super) const SEEN: &[Seen] = &[
    (
        each_signal_goes_to_its_endpoint,
        &[
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
            "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
            "VigConfig::endpoint",
            "VigConfig::otlp",
            "VigConfig::otlp_for",
            "Otlp::endpoint",
        ],
    ),
    (
        each_signal_speaks_its_protocol,
        &[
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
            "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
            "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL",
            "VigConfig::protocol",
            "Otlp::protocol",
        ],
    ),
    (
        each_signal_has_its_headers,
        &[
            "OTEL_EXPORTER_OTLP_HEADERS",
            "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
            "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
            "OTEL_EXPORTER_OTLP_LOGS_HEADERS",
            "VigConfig::header",
            "Otlp::header",
        ],
    ),
    (
        each_signal_is_compressed_if_it_is_to_be,
        &[
            "OTEL_EXPORTER_OTLP_COMPRESSION",
            "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
            "OTEL_EXPORTER_OTLP_METRICS_COMPRESSION",
            "OTEL_EXPORTER_OTLP_LOGS_COMPRESSION",
            "Otlp::compression",
        ],
    ),
    (
        authorities_are_trusted_by_the_signals_that_name_them,
        &[
            "OTEL_EXPORTER_OTLP_CERTIFICATE",
            "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
            "OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE",
            "OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE",
            "Otlp::ca_certificate",
        ],
    ),
    (
        certificates_are_shown_by_the_signals_that_have_them,
        &[
            "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
            "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE",
            "OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE",
            "OTEL_EXPORTER_OTLP_LOGS_CLIENT_CERTIFICATE",
            "OTEL_EXPORTER_OTLP_CLIENT_KEY",
            "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY",
            "OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY",
            "OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY",
            "Otlp::client_certificate",
        ],
    ),
    (
        grpc_goes_without_tls_if_it_may,
        &[
            "OTEL_EXPORTER_OTLP_INSECURE",
            "OTEL_EXPORTER_OTLP_TRACES_INSECURE",
            "OTEL_EXPORTER_OTLP_METRICS_INSECURE",
            "OTEL_EXPORTER_OTLP_LOGS_INSECURE",
            "Otlp::insecure",
        ],
    ),
];

/// The variable for all signals, or for one.
fn otlp(signal: Option<&str>, name: &str) -> String {
    match signal {
        Some(signal) => format!("OTEL_EXPORTER_OTLP_{signal}_{name}"),
        None => format!("OTEL_EXPORTER_OTLP_{name}"),
    }
}

/// The signals that a variable for all, or for one, is about.
fn about(signal: Option<&'static str>) -> Vec<&'static str> {
    signal.map_or(SIGNALS.to_vec(), |signal| vec![signal])
}

/// All signals together, and each by itself.
fn scopes() -> impl Iterator<Item = Option<&'static str>> {
    std::iter::once(None).chain(SIGNALS.map(Some))
}

/// The way as code says it: for all signals, and for traces alone.
fn in_code(text: &str) -> [(Option<&'static str>, Way); 2] {
    [
        (None, setter("otlp", text)),
        (Some("TRACES"), setter("otlp_for", text)),
    ]
}

/// A setting by variable and by code, all that there is of it.
fn ways(name: &str, value: &str, code: &str) -> Vec<(Option<&'static str>, Way)> {
    let variables = scopes().map(|signal| (signal, variable(otlp(signal, name), value)));
    variables.chain(in_code(code)).collect()
}

fn header<'a>(received: &'a Received, name: &str) -> Option<&'a str> {
    received.headers.get(name).map(String::as_str)
}

#[test]
fn each_signal_goes_to_its_endpoint() {
    let paths = |way: Way, receiver: &Receiver| {
        way.run("tick");
        let requests = receiver.requests();
        let mut paths: Vec<_> = requests.into_iter().map(|it| it.path).collect();
        paths.sort();
        paths.dedup();
        paths
    };
    let all = ["/base/v1/logs", "/base/v1/metrics", "/base/v1/traces"];
    let receiver = Receiver::http();
    assert_eq!(
        paths(variable(ENDPOINT, receiver.url("/base")), &receiver),
        all
    );
    let receiver = Receiver::http();
    assert_eq!(
        paths(setter("endpoint", &receiver.url("/base")), &receiver),
        all
    );
    let receiver = Receiver::http();
    let code = format!("endpoint:{}", receiver.url("/base"));
    assert_eq!(paths(setter("otlp", &code), &receiver), all);
    for signal in SIGNALS {
        let receiver = Receiver::http();
        let path = format!("/own/v1/{}", signal.to_lowercase());
        let way = variable(otlp(Some(signal), "ENDPOINT"), receiver.url(&path));
        assert_eq!(paths(way, &receiver), [path], "{signal} alone");
    }
    let receiver = Receiver::http();
    let code = format!("endpoint:{}", receiver.url("/own/v1/traces"));
    assert_eq!(
        paths(setter("otlp_for", &code), &receiver),
        ["/own/v1/traces"]
    );
}

#[test]
fn each_signal_speaks_its_protocol() {
    let is_json = |it: &Received| header(it, "content-type") == Some("application/json");
    let mut ways = ways("PROTOCOL", "http/json", "protocol:http/json");
    ways.push((None, setter("protocol", "http/json")));
    for (signal, way) in ways {
        let receiver = Receiver::http();
        way.clone().to(&receiver).run("tick");
        assert_eq!(signals_that(&receiver, is_json), about(signal), "{way:?}");
    }
    let receiver = Receiver::grpc();
    variable(otlp(None, "PROTOCOL"), "grpc")
        .to(&receiver)
        .run("tick");
    let is_grpc = |it: &Received| header(it, "content-type") == Some("application/grpc");
    assert_eq!(signals_that(&receiver, is_grpc), SIGNALS);
}

#[test]
fn each_signal_has_its_headers() {
    let has_it =
        |it: &Received| header(it, "x-key") == Some("a b") || header(it, "x-code") == Some("a b");
    let mut ways = ways("HEADERS", "x-key=a%20b", "header:a b");
    ways.push((None, setter("header", "a b")));
    for (signal, way) in ways {
        let receiver = Receiver::http();
        way.clone().to(&receiver).run("tick");
        assert_eq!(signals_that(&receiver, has_it), about(signal), "{way:?}");
    }
}

#[test]
fn each_signal_is_compressed_if_it_is_to_be() {
    let is_packed = |it: &Received| header(it, "content-encoding") == Some("gzip");
    for (signal, way) in ways("COMPRESSION", "gzip", "compression:gzip") {
        let receiver = Receiver::http();
        way.clone().to(&receiver).run("tick");
        assert_eq!(signals_that(&receiver, is_packed), about(signal), "{way:?}");
    }
}

/// The signals that anything came of; what can't come is given up.
fn arrived(way: Way, receiver: &Receiver) -> Vec<&'static str> {
    way.variable(otlp(None, "TIMEOUT"), "3000").run("tick");
    let came = |signal: &&str| super::requests_of(receiver, signal) > 0;
    SIGNALS.into_iter().filter(came).collect()
}

#[test]
fn authorities_are_trusted_by_the_signals_that_name_them() {
    let tls = || {
        let authority = Authority::new();
        let file = authority.ca_file().to_string_lossy().into_owned();
        (Receiver::tls(false, authority, false), file)
    };
    for signal in scopes() {
        let (receiver, file) = tls();
        let way = variable(otlp(signal, "CERTIFICATE"), file).to(&receiver);
        assert_eq!(arrived(way, &receiver), about(signal));
    }
    for place in 0..2 {
        let (receiver, file) = tls();
        let (signal, way) = in_code(&format!("ca_certificate:{file}"))[place].clone();
        assert_eq!(arrived(way.to(&receiver), &receiver), about(signal));
    }
}

#[test]
fn certificates_are_shown_by_the_signals_that_have_them() {
    let tls = || {
        let authority = Authority::new();
        let (certificate, key) = authority.client_files();
        let files = [authority.ca_file(), certificate, key];
        let files = files.map(|file| file.to_string_lossy().into_owned());
        (Receiver::tls(false, authority, true), files)
    };
    for signal in scopes() {
        let (receiver, [ca, certificate, key]) = tls();
        let way = variable(otlp(None, "CERTIFICATE"), ca)
            .variable(otlp(signal, "CLIENT_CERTIFICATE"), certificate)
            .variable(otlp(signal, "CLIENT_KEY"), key)
            .to(&receiver);
        assert_eq!(arrived(way, &receiver), about(signal));
    }
    for place in 0..2 {
        let (receiver, [ca, certificate, key]) = tls();
        let code = format!("client_certificate:{certificate},{key}");
        let (signal, way) = in_code(&code)[place].clone();
        let way = way.variable(otlp(None, "CERTIFICATE"), ca).to(&receiver);
        assert_eq!(arrived(way, &receiver), about(signal));
    }
}

#[test]
fn grpc_goes_without_tls_if_it_may() {
    for (signal, way) in ways("INSECURE", "true", "insecure:true") {
        let receiver = Receiver::grpc();
        let url = receiver.url("");
        let bare = url.strip_prefix("http://").expect("it is plain");
        let way = way
            .variable(ENDPOINT, bare)
            .variable(otlp(None, "PROTOCOL"), "grpc");
        assert_eq!(arrived(way.clone(), &receiver), about(signal), "{way:?}");
    }
}
