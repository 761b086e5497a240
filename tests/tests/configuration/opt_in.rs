//! The names that are emitted.

use vigil_tests::receiver::Receiver;

use super::{Seen, Way, setter, variable};

pub(super) const SEEN: &[Seen] = &[(
    metrics_leave_by_the_names_that_were_opted_in_to,
    &[
        "OTEL_SEMCONV_STABILITY_OPT_IN",
        "VigConfig::stability_opt_in",
    ],
)];

const STANDARD: &str = "OTEL_SEMCONV_STABILITY_OPT_IN";
const LATEST: &str = "gen_ai_latest_experimental";
const BOTH: &str = "gen_ai_latest_experimental/dup";

/// Whether the former and the latest metric of input tokens came.
fn came(way: &Way) -> (bool, bool) {
    let receiver = Receiver::http();
    way.clone().to(&receiver).run("tick");
    let metrics = receiver.metrics();
    let has = |name: &str| metrics.iter().any(|metric| metric.name == name);
    (
        has("gen_ai.client.token.usage"),
        has("gen_ai.client.inference.usage.input_tokens"),
    )
}

#[test]
fn metrics_leave_by_the_names_that_were_opted_in_to() {
    for (expected, way) in [
        ((true, false), Way::default()),
        ((false, true), variable(STANDARD, LATEST)),
        (
            (false, true),
            variable(STANDARD, "http/dup, GEN_AI_LATEST_EXPERIMENTAL"),
        ),
        ((true, true), variable(STANDARD, BOTH)),
        ((true, true), variable(STANDARD, format!("{BOTH},{LATEST}"))),
        ((true, false), variable(STANDARD, "http,database/dup")),
        ((true, false), variable(STANDARD, "gen_ai_latest")),
        ((false, true), setter("stability_opt_in", LATEST)),
        (
            (true, true),
            setter("stability_opt_in", LATEST).variable(STANDARD, BOTH),
        ),
        (
            (true, false),
            setter("stability_opt_in", LATEST).variable(STANDARD, "http"),
        ),
    ] {
        assert_eq!(came(&way), expected, "{way:?}");
    }
}

#[test]
fn a_category_that_is_misspelt_is_named_in_the_log() {
    let receiver = Receiver::http();
    let way = variable(STANDARD, "http,gen_ai_latest/dup").to(&receiver);
    let lines = way.run("tick").lines;
    assert!(lines.contains("OTEL_SEMCONV_STABILITY_OPT_IN"), "{lines}");
    assert!(lines.contains("gen_ai_latest_experimental"), "{lines}");
    assert!(!lines.contains("http`"), "{lines}");
}
