//! The 43 conventions, by name and type. They are a promise: a change here is a change of it.

use vigil::carrier::ValueType::{self, Double, Int, String, Strings};
use vigil::registry::REGISTRY;

const CONVENTIONS: [(&str, ValueType); 43] = [
    ("gen_ai.operation.name", String),
    ("gen_ai.provider.name", String),
    ("gen_ai.request.model", String),
    ("gen_ai.request.max_tokens", Int),
    ("gen_ai.request.temperature", Double),
    ("gen_ai.request.top_p", Double),
    ("gen_ai.response.id", String),
    ("gen_ai.response.model", String),
    ("gen_ai.response.finish_reasons", Strings),
    ("gen_ai.usage.input_tokens", Int),
    ("gen_ai.usage.output_tokens", Int),
    ("gen_ai.token.type", String),
    ("gen_ai.tool.name", String),
    ("gen_ai.tool.call.id", String),
    ("gen_ai.agent.name", String),
    ("gen_ai.agent.id", String),
    ("life.session_id", String),
    ("life.run_id", String),
    ("life.branch_id", String),
    ("life.loop_phase", String),
    ("life.operating_mode", String),
    ("life.event_seq", Int),
    ("life.event_kind", String),
    ("life.budget.tokens_remaining", Int),
    ("life.budget.cost_remaining_usd", Double),
    ("life.budget.time_remaining_ms", Int),
    ("life.budget.tool_calls_remaining", Int),
    ("life.state.progress", Double),
    ("life.state.uncertainty", Double),
    ("life.state.risk_level", String),
    ("life.state.error_streak", Int),
    ("life.state.context_pressure", Double),
    ("life.tool.status", String),
    ("life.tool.output", String),
    ("life.mode.from", String),
    ("life.mode.to", String),
    ("autonomic.economic_mode", String),
    ("autonomic.operational_health", Double),
    ("autonomic.cognitive_health", Double),
    ("autonomic.economic_health", Double),
    ("lago.stream_id", String),
    ("lago.blob_hash", String),
    ("lago.fs_branch", String),
];

/// The members of the closed enums among them.
const MEMBERS: [(&str, &[&str]); 8] = [
    ("gen_ai.token.type", &["input", "output"]),
    (
        "life.loop_phase",
        &[
            "perceive",
            "deliberate",
            "gate",
            "execute",
            "commit",
            "reflect",
            "sleep",
        ],
    ),
    ("life.operating_mode", MODES),
    ("life.mode.from", MODES),
    ("life.mode.to", MODES),
    (
        "life.state.risk_level",
        &["low", "medium", "high", "critical"],
    ),
    ("life.tool.status", &["ok", "error", "timeout", "cancelled"]),
    (
        "autonomic.economic_mode",
        &["sovereign", "conserving", "hustle", "hibernate"],
    ),
];

const MODES: &[&str] = &[
    "explore",
    "execute",
    "verify",
    "recover",
    "ask_human",
    "sleep",
];

#[test]
fn the_registry_holds_the_43_conventions_with_their_types() {
    for (key, value_type) in CONVENTIONS {
        let attribute = REGISTRY
            .attribute(key)
            .unwrap_or_else(|| panic!("`{key}` is missing"));
        assert_eq!(attribute.value_type, value_type, "{key}");
        assert!(!attribute.deprecated, "{key}");
    }
}

#[test]
fn the_closed_enums_have_exactly_their_members() {
    for (key, members) in MEMBERS {
        let attribute = REGISTRY.attribute(key).expect("it is one of the 43");
        assert_eq!(attribute.closed, Some(members), "{key}");
    }
}

#[test]
fn each_convention_is_defined_in_the_directory_of_its_namespace() {
    let registry = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../semconv");
    for (namespace, count) in [("gen_ai", 16), ("life", 20), ("autonomic", 4), ("lago", 3)] {
        let text = std::fs::read_to_string(registry.join(namespace).join("attributes.yaml"))
            .expect("each namespace has its attributes");
        let yaml: serde_yaml::Value = serde_yaml::from_str(&text).expect("it is YAML");
        let defined: Vec<&str> = yaml["attributes"]
            .as_sequence()
            .expect("attributes are a list")
            .iter()
            .map(|attribute| attribute["key"].as_str().expect("an attribute has a key"))
            .collect();
        let promised: Vec<&str> = CONVENTIONS
            .iter()
            .map(|(key, _)| *key)
            .filter(|key| key.split('.').next() == Some(namespace))
            .collect();
        assert_eq!(promised.len(), count, "{namespace}");
        for key in promised {
            assert!(defined.contains(&key), "{key}");
        }
    }
}

#[test]
fn content_and_identities_are_marked() {
    for key in [
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
        "gen_ai.tool.definitions",
        "gen_ai.tool.call.arguments",
        "gen_ai.tool.call.result",
        "gen_ai.tool.description",
        "life.tool.output",
    ] {
        assert!(
            REGISTRY
                .attribute(key)
                .is_some_and(|attribute| attribute.sensitive),
            "{key}"
        );
    }
    for key in [
        "life.session_id",
        "life.run_id",
        "gen_ai.conversation.id",
        "session.id",
        "gen_ai.response.id",
        "gen_ai.tool.call.id",
    ] {
        assert!(
            REGISTRY
                .attribute(key)
                .is_some_and(|attribute| attribute.identity),
            "{key}"
        );
        let measured = REGISTRY
            .metrics
            .iter()
            .find(|metric| metric.field(key).is_some());
        assert!(measured.is_none(), "{key} is on {measured:?}");
    }
}
