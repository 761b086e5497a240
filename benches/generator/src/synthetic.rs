//! A registry of any size, in the proportions of OpenTelemetry's own.

use std::fmt::Write as _;

/// Attributes of one namespace, and so of one file.
const NAMESPACE: usize = 100;

/// The files of a registry with so many attributes, and a metric for every two of them, a span for
/// every ten, an event for every twenty.
pub(crate) fn registry(attributes: usize) -> Vec<(String, String)> {
    let manifest = "schema_url: https://example.com/schemas/1.0.0\n".to_owned();
    let mut files = vec![("manifest.yaml".to_owned(), manifest)];
    for namespace in 0..attributes.div_ceil(NAMESPACE) {
        let count = NAMESPACE.min(attributes - namespace * NAMESPACE);
        files.push((format!("n{namespace}.yaml"), file(namespace, count)));
    }
    files
}

fn file(namespace: usize, attributes: usize) -> String {
    let mut text = "file_format: definition/2\nattributes:\n".to_owned();
    for index in 0..attributes {
        attribute(&mut text, namespace, index);
    }
    text.push_str("attribute_groups:\n");
    for index in (0..attributes).step_by(10) {
        let _ = write!(
            text,
            "  - id: n{namespace}.group_{index}\n    visibility: internal\n    attributes:\n"
        );
        references(&mut text, namespace, index, attributes, 5);
    }
    text.push_str("metrics:\n");
    for index in (0..attributes).step_by(2) {
        let _ = write!(
            text,
            "  - name: n{namespace}.metric_{index}.duration\n    instrument: histogram\n    unit: s\n    \
             brief: How long the operation number {index} of this namespace took until it was done.\n    \
             stability: development\n    attributes:\n"
        );
        references(&mut text, namespace, index, attributes, 4);
    }
    text.push_str("spans:\n");
    for index in (0..attributes).step_by(10) {
        let _ = write!(
            text,
            "  - type: n{namespace}.operation_{index}.client\n    kind: client\n    \
             name: {{ note: \"operation {{n{namespace}.attribute_{index}}}\" }}\n    \
             brief: The operation number {index} of this namespace, from its request to its answer.\n    \
             stability: development\n    attributes:\n      - ref_group: n{namespace}.group_{index}\n"
        );
        references(&mut text, namespace, index + 5, attributes, 3);
    }
    text.push_str("events:\n");
    for index in (0..attributes).step_by(20) {
        let _ = write!(
            text,
            "  - name: n{namespace}.event_{index}\n    \
             brief: The operation number {index} of this namespace came to its end.\n    \
             stability: development\n    attributes:\n"
        );
        references(&mut text, namespace, index, attributes, 6);
    }
    text
}

fn attribute(text: &mut String, namespace: usize, index: usize) {
    let _ = write!(text, "  - key: n{namespace}.attribute_{index}\n    type:");
    match index % 5 {
        0 | 1 => text.push_str(" string\n    examples: [\"a value\", \"another value\"]\n"),
        2 => text.push_str(" int\n    examples: [1, 250]\n"),
        3 => text.push_str(" \"string[]\"\n    examples: [[a, b]]\n"),
        _ => {
            text.push_str("\n      members:\n");
            for member in ["first", "second", "third"] {
                let _ = write!(
                    text,
                    "        - id: {member}\n          value: {member}\n          \
                     brief: The {member} of the values that it can have.\n          \
                     stability: development\n"
                );
            }
        }
    }
    let _ = write!(
        text,
        "    brief: What the attribute number {index} says of the operation that it is on.\n    \
         note: |\n      It is set by whoever starts the operation, and stays as it is until the end. Where it is\n      \
         not known, it is left out; nothing is to be made up in its place.\n    \
         stability: development\n"
    );
}

fn references(text: &mut String, namespace: usize, from: usize, attributes: usize, count: usize) {
    for index in from..(from + count).min(attributes) {
        let level = ["required", "recommended", "opt_in"][index % 3];
        let _ = write!(
            text,
            "      - ref: n{namespace}.attribute_{index}\n        requirement_level: {level}\n"
        );
    }
}
