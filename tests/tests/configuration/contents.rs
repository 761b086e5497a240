//! Content, and how much of it.

use vigil_tests::receiver::Receiver;

use super::{Seen, Way, setter, text, variable};

pub(super) const SEEN: &[Seen] = &[
    (
        content_leaves_where_it_is_asked_for_and_only_then,
        &[
            "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
            "VIGIL_CAPTURE_CONTENT",
            "VigConfig::capture_content",
        ],
    ),
    (
        content_is_as_long_as_it_may_be,
        &[
            "VIGIL_CAPTURE_CONTENT_MAX_BYTES",
            "VigConfig::content_max_bytes",
        ],
    ),
    (
        content_is_looked_at_before_it_leaves,
        &["VigConfig::redact"],
    ),
];

const STANDARD: &str = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";

fn messages(way: &Way) -> Option<String> {
    let receiver = Receiver::http();
    way.clone().to(&receiver).run("tick");
    let spans = receiver.spans();
    let chat = spans
        .iter()
        .find(|span| span.name.starts_with("chat"))
        .expect("the chat is there");
    text(&chat.attributes, "gen_ai.input.messages")
}

#[test]
fn content_leaves_where_it_is_asked_for_and_only_then() {
    for (expected, way) in [
        (false, Way::default()),
        (true, variable(STANDARD, "SPAN_ONLY")),
        (true, variable(STANDARD, "SPAN_AND_EVENT")),
        (false, variable(STANDARD, "NO_CONTENT")),
        (true, variable("VIGIL_CAPTURE_CONTENT", "true")),
        (true, setter("capture_content", "SPAN_ONLY")),
        (
            false,
            setter("capture_content", "SPAN_ONLY").variable("VIGIL_CAPTURE_CONTENT", "false"),
        ),
    ] {
        let messages = messages(&way);
        let is_there = messages.is_some_and(|messages| messages.contains("secret"));
        assert_eq!(is_there, expected, "{way:?}");
    }
}

#[test]
fn content_is_as_long_as_it_may_be() {
    let all = messages(&variable(STANDARD, "SPAN_ONLY")).expect("it is captured");
    for way in [
        variable("VIGIL_CAPTURE_CONTENT_MAX_BYTES", "75"),
        setter("content_max_bytes", "75"),
    ] {
        let cut = messages(&way.variable(STANDARD, "SPAN_ONLY")).expect("it is captured");
        assert!(cut.len() <= 75 && cut.len() < all.len(), "{cut}");
        let json: serde_json::Value = serde_json::from_str(&cut).expect("it is still JSON");
        assert_eq!(json[0]["role"], "user");
    }
}

#[test]
fn content_is_looked_at_before_it_leaves() {
    let redacted = setter("redact", "secret").variable(STANDARD, "SPAN_ONLY");
    let messages = messages(&redacted).expect("it is captured");
    assert!(!messages.contains("secret"), "{messages}");
    assert!(messages.contains("and more than fits"), "{messages}");
}
