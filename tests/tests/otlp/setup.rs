//! What is wrong with a target is said before anything is lost.

use vigil::export::{Export, Protocol, Target, Tls};
use vigil_tests::receiver::Authority;

use super::PROTOCOLS;

fn error(target: Target) -> String {
    Export::to(target).spans().unwrap_err().to_string()
}

#[test]
fn a_url_that_is_none_is_refused() {
    for protocol in PROTOCOLS {
        assert_eq!(
            error(Target::new(protocol, "localhost:4318")),
            "can't export to `localhost:4318`: it must begin with `http://` or `https://`"
        );
        assert_eq!(
            error(Target::new(protocol, "http:///v1/traces")),
            "can't export to `http:///v1/traces`: it names no host"
        );
        let spaced = error(Target::new(protocol, "http://local host:1"));
        assert!(
            spaced.starts_with("can't export to `http://local host:1`: "),
            "{spaced}"
        );
    }
    assert_eq!(
        error(Target::new(
            Protocol::Grpc,
            "http://localhost:4317/v1/traces"
        )),
        "can't export to `http://localhost:4317/v1/traces`: \
         over gRPC there is no path: give `scheme://host:port`"
    );
}

#[test]
fn a_header_that_can_not_be_sent_is_refused() {
    for protocol in PROTOCOLS {
        let target = Target::new(protocol, "http://localhost:1");
        assert_eq!(
            error(target.clone().header("x-bad key", "secret")),
            "can't send the header `x-bad key`: that is no name of a header"
        );
        assert_eq!(
            error(target.clone().header("x-key", "sec\nret")),
            "can't send the header `x-key`: its value has characters other than visible ASCII"
        );
        assert_eq!(
            error(target.header("Content-Type", "secret")),
            "can't send the header `Content-Type`: the exporter sets it itself"
        );
    }
}

#[test]
fn certificates_that_can_not_be_used_are_refused() {
    let authority = Authority::new();
    let (certificate, key) = authority.client_files();
    for protocol in PROTOCOLS {
        let with = |tls: Tls| error(Target::new(protocol, "https://localhost:1").tls(tls));
        let missing = with(Tls::new().ca_certificate("/nowhere/ca.pem"));
        assert!(
            missing.starts_with("can't use `/nowhere/ca.pem`: No such file"),
            "{missing}"
        );
        let no_certificate = with(Tls::new().ca_certificate(&key));
        assert!(
            no_certificate.ends_with("it holds no certificate in PEM"),
            "{no_certificate}"
        );
        let no_key = with(Tls::new().client(&certificate, &certificate));
        assert!(
            no_key.contains("it holds no private key in PEM"),
            "{no_key}"
        );
        let unfit = with(Tls::new().client(&certificate, authority.other_key()));
        assert!(unfit.contains("it does not fit `"), "{unfit}");
    }
}

#[test]
fn secrets_do_not_show() {
    let target = Target::new(
        Protocol::HttpProtobuf,
        "http://user:hunter2@localhost:4318/v1/traces?key=hunter2",
    )
    .header("authorization", "hunter2");
    assert_eq!(target.shown_url(), "http://localhost:4318/v1/traces");
    for shown in [
        format!("{target:?}"),
        format!("{:?}", Export::to(target.clone())),
        error(target.header("bad key", "hunter2")),
        error(Target::new(
            Protocol::HttpProtobuf,
            "user:hunter2@localhost",
        )),
    ] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
