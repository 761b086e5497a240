//! What people say, and what nobody else is to know.

use super::scope::{Definition, Scope};
use crate::diagnostic::{Diagnostic, quoted};
use crate::locations::Kind;
use crate::registry::{AttributeType, PrimitiveType, RequirementLevel};

/// What content and secrets are called.
const WORDS: [&str; 24] = [
    "api_key",
    "arguments",
    "completion",
    "completions",
    "content",
    "contents",
    "credential",
    "credentials",
    "email",
    "instructions",
    "messages",
    "passphrase",
    "password",
    "phone_number",
    "private_key",
    "prompt",
    "prompts",
    "secret",
    "secrets",
    "system_instructions",
    "system_prompt",
    "transcript",
    "user_prompt",
    "utterance",
];

pub(super) fn unmarked(scope: &Scope<'_>) -> Vec<Diagnostic> {
    let attributes = scope.attributes().filter(|it| !it.sensitive);
    let suspect = attributes.filter(|it| {
        let last = it.key.rsplit('.').next().unwrap_or_default();
        holds_anything(&it.ty) && WORDS.contains(&last)
    });
    let found = suspect.filter_map(|attribute| {
        let key = &attribute.key;
        // Whoever sends it unasked.
        let (holder, at) = scope.own().find_map(|definition| {
            // Of a group nothing is sent, unless it is a record.
            let group = scope.registry.groups.get(definition.name);
            let sent =
                definition.kind != Kind::Group || group.is_some_and(|it| it.record.is_some());
            if !sent {
                return None;
            }
            let mut references = scope.references(definition);
            references
                .find(|it| it.key == *key && !matches!(it.level, RequirementLevel::OptIn(_)))?;
            Some((definition.name, scope.reference_at(definition, key)))
        })?;
        let message = format!(
            "{} looks like content, and {} sends it unasked",
            quoted(key),
            quoted(holder)
        );
        Some(
            scope
                .finding(scope.at(Definition::attribute(attribute)), message)
                .with_secondary(at, "referred to here")
                .with_help("mark it as `sensitive` and refer to it `opt_in`"),
        )
    });
    found.collect()
}

/// Whether values of the type can be what somebody wrote.
fn holds_anything(ty: &AttributeType) -> bool {
    match ty {
        AttributeType::String | AttributeType::Any => true,
        AttributeType::Array(item) => *item == PrimitiveType::String,
        AttributeType::Template(inner) => holds_anything(inner),
        _ => false,
    }
}
