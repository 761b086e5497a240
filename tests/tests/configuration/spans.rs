//! What spans are recorded, what they come from, and what travels with them.

use vigil_tests::receiver::{Body, Receiver};

use super::{Seen, Way, names, setter, text, variable};

pub(super) const SEEN: &[Seen] = &[
    (
        samplers_keep_the_share_that_they_are_to,
        &[
            "OTEL_TRACES_SAMPLER_ARG",
            "VIGIL_SAMPLING_RATIO",
            "VigConfig::sampler",
        ],
    ),
    (samplers_ask_the_parent_or_do_not, &["OTEL_TRACES_SAMPLER"]),
    (
        everything_says_where_it_comes_from,
        &[
            "OTEL_SERVICE_NAME",
            "OTEL_RESOURCE_ATTRIBUTES",
            "VigConfig::service_name",
            "VigConfig::resource_attribute",
        ],
    ),
    (
        what_travels_is_what_was_asked_for,
        &["OTEL_PROPAGATORS", "VigConfig::propagators"],
    ),
];

fn sampler(name: &str) -> Way {
    variable("OTEL_TRACES_SAMPLER", name)
}

#[test]
fn samplers_keep_the_share_that_they_are_to() {
    const ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";
    for (expected, way) in [
        (400..=400, Way::default()),
        (0..=0, sampler("traceidratio").variable(ARGUMENT, "0")),
        (400..=400, sampler("traceidratio")),
        (60..=140, sampler("traceidratio").variable(ARGUMENT, "0.25")),
        (
            60..=140,
            sampler("parentbased_traceidratio").variable(ARGUMENT, "0.25"),
        ),
        (60..=140, variable("VIGIL_SAMPLING_RATIO", "0.25")),
        (60..=140, setter("sampler", "quarter")),
        (60..=140, setter("sampler", "parentbased_quarter")),
        (0..=0, setter("sampler", "always_off")),
    ] {
        let receiver = Receiver::http();
        way.clone().to(&receiver).run("many");
        let kept = receiver.spans().len();
        assert!(expected.contains(&kept), "{way:?}: {kept}");
    }
}

#[test]
fn samplers_ask_the_parent_or_do_not() {
    for (expected, way) in [
        (&["sampled", "root"][..], Way::default()),
        (&["sampled", "unsampled", "root"], sampler("always_on")),
        (&[], sampler("always_off")),
        (&["sampled", "root"], sampler("parentbased_always_on")),
        (&["sampled"], sampler("parentbased_always_off")),
        (&["sampled"], variable("VIGIL_SAMPLING_RATIO", "0")),
        (
            &["sampled", "unsampled", "root"],
            setter("sampler", "always_on"),
        ),
        (&["sampled"], setter("sampler", "parentbased_always_off")),
    ] {
        let receiver = Receiver::http();
        way.clone().to(&receiver).run("remote");
        let expected = expected.iter().map(|name| format!("invoke_agent {name}"));
        assert_eq!(names(&receiver), expected.collect(), "{way:?}");
    }
}

/// The service and an attribute of the resource, which is the same for all signals.
fn resource(way: &Way) -> (Option<String>, Option<String>) {
    let receiver = Receiver::http();
    way.clone().to(&receiver).run("tick");
    let mut found = Vec::new();
    for received in receiver.requests() {
        let resources: Vec<_> = match received.body {
            Body::Traces(it) => it
                .resource_spans
                .into_iter()
                .map(|it| it.resource)
                .collect(),
            Body::Metrics(it) => it
                .resource_metrics
                .into_iter()
                .map(|it| it.resource)
                .collect(),
            Body::Logs(it) => it.resource_logs.into_iter().map(|it| it.resource).collect(),
        };
        for resource in resources {
            let attributes = resource.expect("a resource").attributes;
            found.push((
                text(&attributes, "service.name"),
                text(&attributes, "acme.key"),
            ));
        }
    }
    assert!(found.len() >= 3);
    assert!(found.iter().all(|other| *other == found[0]), "{found:?}");
    found.swap_remove(0)
}

#[test]
fn everything_says_where_it_comes_from() {
    const ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";
    const NAME: &str = "OTEL_SERVICE_NAME";
    let encoded = "acme.key=a%20b%2C%C3%BC,service.name=listed";
    for ((service, key), way) in [
        (("unknown_service:configured", None), Way::default()),
        (("named", None), variable(NAME, "named")),
        (("coded", None), setter("service_name", "coded")),
        (
            ("named", None),
            setter("service_name", "coded").variable(NAME, "named"),
        ),
        (("listed", Some("a b,ü")), variable(ATTRIBUTES, encoded)),
        (
            ("named", Some("a b,ü")),
            variable(ATTRIBUTES, encoded).variable(NAME, "named"),
        ),
        (
            ("unknown_service:configured", Some("coded")),
            setter("resource_attribute", "coded"),
        ),
        (
            ("listed", Some("a b,ü")),
            setter("resource_attribute", "coded").variable(ATTRIBUTES, encoded),
        ),
    ] {
        let expected = (Some(service.to_owned()), key.map(str::to_owned));
        assert_eq!(resource(&way), expected, "{way:?}");
    }
}

#[test]
fn what_travels_is_what_was_asked_for() {
    for (expected, value) in [
        ("baggage,traceparent,tracestate", "tracecontext,baggage"),
        ("traceparent,tracestate", "tracecontext"),
        ("baggage", "baggage"),
        ("", "none"),
    ] {
        for way in [
            variable("OTEL_PROPAGATORS", value),
            setter("propagators", value),
        ] {
            let out = way.run("inject").out;
            let injected = out
                .lines()
                .next()
                .and_then(|line| line.strip_prefix("injected "));
            assert_eq!(injected, Some(expected), "{way:?}");
        }
    }
}
