//! Backends by name.

use vigil_tests::receiver::{Received, Receiver};

use super::{Seen, Way, setter, text, variable};

pub(super) const SEEN: &[Seen] = &[
    (
        langfuse_is_spoken_to_as_it_wants_it,
        &[
            "VIGIL_PRESET",
            "VigConfig::preset",
            "LANGFUSE_BASE_URL",
            "LANGFUSE_HOST",
            "LANGFUSE_PUBLIC_KEY",
            "LANGFUSE_SECRET_KEY",
        ],
    ),
    (
        langsmith_is_spoken_to_as_it_wants_it,
        &[
            "LANGSMITH_ENDPOINT",
            "LANGSMITH_API_KEY",
            "LANGSMITH_PROJECT",
        ],
    ),
];

/// The first request, of which there are only some of traces, and what a key of the chat is.
fn sent(way: &Way, receiver: &Receiver, key: &str) -> (Received, Option<String>) {
    let ran = way.run("tick");
    let requests = receiver.requests();
    assert!(!requests.is_empty(), "{way:?}: {}", ran.lines);
    assert!(requests.iter().all(|it| super::signal_of(it) == "TRACES"));
    let spans = receiver.spans();
    let chat = spans.iter().find(|span| span.name.starts_with("chat"));
    let value = text(&chat.expect("the chat is there").attributes, key);
    (requests[0].clone(), value)
}

#[test]
fn langfuse_is_spoken_to_as_it_wants_it() {
    for address in ["LANGFUSE_BASE_URL", "LANGFUSE_HOST"] {
        for way in [
            variable("VIGIL_PRESET", "langfuse"),
            setter("preset", "langfuse"),
        ] {
            let receiver = Receiver::http();
            let way = way
                .variable(address, receiver.url(""))
                .variable("LANGFUSE_PUBLIC_KEY", "pk")
                .variable("LANGFUSE_SECRET_KEY", "sk");
            let (request, kind) = sent(&way, &receiver, "langfuse.observation.type");
            assert_eq!(request.path, "/api/public/otel/v1/traces");
            // `pk:sk`
            assert_eq!(request.headers["authorization"], "Basic cGs6c2s=");
            assert_eq!(kind.as_deref(), Some("generation"));
        }
    }
    let receiver = Receiver::http();
    setter("preset", "langfuse")
        .variable("VIGIL_PRESET", "none")
        .variable("LANGFUSE_BASE_URL", receiver.url(""))
        .variable("LANGFUSE_PUBLIC_KEY", "pk")
        .variable("LANGFUSE_SECRET_KEY", "sk")
        .run("tick");
    assert!(receiver.requests().is_empty(), "`none` takes it away");
}

#[test]
fn langsmith_is_spoken_to_as_it_wants_it() {
    let receiver = Receiver::http();
    let way = variable("VIGIL_PRESET", "langsmith")
        .variable("LANGSMITH_ENDPOINT", receiver.url(""))
        .variable("LANGSMITH_API_KEY", "key")
        .variable("LANGSMITH_PROJECT", "arcan");
    let (request, kind) = sent(&way, &receiver, "langsmith.span.kind");
    assert_eq!(request.path, "/otel/v1/traces");
    assert_eq!(request.headers["x-api-key"], "key");
    assert_eq!(request.headers["langsmith-project"], "arcan");
    assert_eq!(kind.as_deref(), Some("llm"));
}
