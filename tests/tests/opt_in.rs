//! Two names at once: what leaves by which name, as `OTEL_SEMCONV_STABILITY_OPT_IN` says.

// Numbers come back as they were recorded, to the last bit.
#![allow(clippy::float_cmp)]

use std::collections::BTreeMap;

use vigil::config::{Names, StabilityOptIn};
use vigil::registry::REGISTRY;
use vigil::testing::{Exported, ExportedSpan, Pipeline};
use vigil_tests::everything::{least, missing, most};

const CATEGORY: &str = "gen_ai_latest_experimental";

/// Nothing, the latest names, both.
const MODES: [&str; 3] = [
    "",
    "gen_ai_latest_experimental",
    "gen_ai_latest_experimental/dup",
];

/// Attributes of the chat span and of its event, by both names.
const KEYS: [(&str, &str); 1] = [(
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_write.input_tokens",
)];

/// Metrics by both names.
const METRICS: [(&str, &str); 3] = [
    (
        "gen_ai.client.operation.duration",
        "gen_ai.client.inference.duration",
    ),
    (
        "gen_ai.client.operation.time_to_first_chunk",
        "gen_ai.client.inference.time_to_first_chunk",
    ),
    (
        "gen_ai.client.operation.time_per_output_chunk",
        "gen_ai.client.inference.time_per_output_chunk",
    ),
];

/// Counters that only the latest names have, and what they come to in [`most`].
const COUNTERS: [(&str, f64); 5] = [
    ("gen_ai.client.inference.usage.input_tokens", 1_200.0),
    ("gen_ai.client.inference.usage.output_tokens", 80.0),
    (
        "gen_ai.client.inference.usage.cache_read.input_tokens",
        512.0,
    ),
    (
        "gen_ai.client.inference.usage.cache_write.input_tokens",
        64.0,
    ),
    (
        "gen_ai.client.inference.usage.reasoning.output_tokens",
        30.0,
    ),
];

fn pipeline(mode: &str) -> Pipeline {
    let builder = Pipeline::builder().capture_content();
    builder.stability_opt_in(mode).build()
}

fn names(mode: &str) -> Names {
    StabilityOptIn::from(mode).names(CATEGORY)
}

/// Checks what [`most`] left in that mode.
fn check(exported: &Exported, mode: &str) {
    let names = names(mode);
    let (former, latest) = (names.has_former(), names.has_latest());
    let spans = exported.spans.iter();
    let chats: Vec<&ExportedSpan> = spans.filter(|it| it.name() == "chat sonnet").collect();
    assert!(!chats.is_empty());
    for chat in chats {
        let details = "gen_ai.client.inference.operation.details";
        let events = chat.events();
        let event = events.iter().find(|it| it.name == details);
        let log = exported.logs.iter().find(|it| it.event_name == details);
        let told = event
            .map(|it| &it.attributes)
            .or(log.map(|it| &it.attributes));
        let told = told.expect("the chat tells its details");
        for (old, new) in KEYS {
            let on_event = |key: &str| told.iter().find(|it| it.key.as_str() == key);
            for (key, there) in [(old, former), (new, latest)] {
                let value = chat.attribute(key).cloned();
                assert_eq!(
                    value,
                    there.then(|| 64_i64.into()),
                    "{mode}: {key} of the span"
                );
                let value = on_event(key).map(|it| it.value.clone());
                assert_eq!(
                    value,
                    there.then(|| 64_i64.into()),
                    "{mode}: {key} of the event"
                );
            }
        }
    }
    let points = |name: &str, operation: &str| {
        let metrics = exported.metrics.iter().filter(|it| it.name == name);
        let points = metrics.flat_map(|it| it.points.clone());
        let of = |it: &vigil::testing::Point| {
            let mut attributes = it.attributes.iter();
            attributes.any(|it| {
                it.key.as_str() == "gen_ai.operation.name" && it.value.as_str() == operation
            })
        };
        points.filter(of).collect::<Vec<_>>()
    };
    for (old, new) in METRICS {
        let (was, is) = (points(old, "chat"), points(new, "chat"));
        assert_eq!(was.len(), usize::from(former), "{mode}: {old}");
        assert_eq!(is.len(), usize::from(latest), "{mode}: {new}");
        if let ([was], [is]) = (&was[..], &is[..]) {
            assert_eq!(
                (was.value, was.count, &was.bounds),
                (is.value, is.count, &is.bounds),
                "{new}"
            );
            let sorted = |point: &vigil::testing::Point| {
                let attributes = point.attributes.iter();
                attributes
                    .map(|it| (it.key.to_string(), it.value.to_string()))
                    .collect::<BTreeMap<_, _>>()
            };
            assert_eq!(sorted(was), sorted(is), "{new}");
        }
    }
    assert_eq!(
        points("gen_ai.client.token.usage", "chat").len(),
        2 * usize::from(former),
        "{mode}"
    );
    for (name, sum) in COUNTERS {
        let values: Vec<f64> = points(name, "chat").iter().map(|it| it.value).collect();
        assert_eq!(
            values,
            if latest { vec![sum] } else { vec![] },
            "{mode}: {name}"
        );
    }
    // What generates nothing keeps its name.
    let embeddings = "gen_ai.client.operation.duration";
    assert_eq!(points(embeddings, "embeddings").len(), 1, "{mode}");
    assert!(
        points("gen_ai.client.inference.duration", "embeddings").is_empty(),
        "{mode}"
    );
}

#[test]
fn a_pipeline_in_memory_emits_the_names_that_were_opted_in_to() {
    for mode in MODES {
        let pipeline = pipeline(mode);
        pipeline.scope(most);
        check(&pipeline.exported(), mode);
        pipeline.assert_conforms(&REGISTRY);
        assert_eq!(missing(&pipeline.exported()), [""; 0], "{mode}");
    }
}

#[test]
fn every_signal_conforms_in_every_mode_with_only_what_is_required() {
    for mode in MODES {
        let pipeline = pipeline(mode);
        pipeline.scope(least);
        pipeline.assert_conforms(&REGISTRY);
    }
}
