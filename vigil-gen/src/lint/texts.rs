//! What is told of a definition.

use std::collections::BTreeSet;

use super::scope::{Definition, Scope};
use crate::diagnostic::{Diagnostic, quoted};
use crate::registry::{AttributeType, PrimitiveType};

/// A brief is one sentence; what is longer is read by nobody where it is shown.
const LONGEST: usize = 200;

pub(super) fn briefs(scope: &Scope<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for definition in scope.current() {
        let name = definition.name;
        let brief = &definition.docs.brief;
        if let Some(problem) = problem(brief).or_else(|| repeats(brief, name)) {
            let message = format!("the brief of {} {problem}", quoted(name));
            found.push(scope.finding(scope.at(definition), message));
        }
        for reference in scope.references(definition) {
            let attribute = scope.attribute(reference);
            if attribute.is_none_or(|it| it.docs.brief == reference.brief) {
                continue;
            }
            if let Some(problem) = problem(&reference.brief) {
                let key = &reference.key;
                let message = format!("the brief of {} on {} {problem}", quoted(key), quoted(name));
                found.push(scope.finding(scope.reference_at(definition, key), message));
            }
        }
    }
    for attribute in scope.attributes() {
        let AttributeType::Enum(ty) = &attribute.ty else {
            continue;
        };
        for member in &ty.members {
            if member.docs.deprecated.is_some() {
                continue;
            }
            // Its id stands in for a brief that is not there.
            let missing = member.docs.brief == member.id;
            let problem = if missing {
                Some("is missing".to_owned())
            } else {
                problem(&member.docs.brief)
            };
            if let Some(problem) = problem {
                let (id, key) = (quoted(&member.id), quoted(&attribute.key));
                let at = scope.checked.locations.member(&attribute.key, &member.id);
                let message = format!("the brief of the member {id} of {key} {problem}");
                found.push(scope.finding(at, message));
            }
        }
    }
    let help = "say in one sentence what it is, and leave the rest to `note`";
    found.into_iter().map(|it| it.with_help(help)).collect()
}

/// What is wrong with a brief, whatever it is the brief of.
fn problem(brief: &str) -> Option<String> {
    const LATER: [&str; 4] = ["TODO", "TBD", "FIXME", "XXX"];
    let mut words = brief.split(|c: char| !c.is_alphanumeric());
    let length = brief.chars().count();
    if brief.is_empty() {
        Some("is empty".to_owned())
    } else if words.any(|word| LATER.contains(&word)) {
        Some("is still to be written".to_owned())
    } else if !brief
        .trim_end_matches(['"', '\'', ')', '`', '*', '_'])
        .ends_with('.')
    {
        Some("does not end in a full stop".to_owned())
    } else if length > LONGEST {
        Some(format!("has {length} characters, more than {LONGEST}"))
    } else {
        None
    }
}

/// Whether a brief has no word that the name has not.
fn repeats(brief: &str, name: &str) -> Option<String> {
    const EMPTY: [&str; 8] = ["a", "an", "the", "of", "for", "s", "its", "this"];
    let words = |text: &str| -> BTreeSet<String> {
        let words = text.split(|c: char| !c.is_alphanumeric());
        let words = words.map(str::to_lowercase);
        let telling = words.filter(|word| !word.is_empty() && !EMPTY.contains(&word.as_str()));
        telling.collect()
    };
    let repeated = words(brief).is_subset(&words(name));
    repeated.then(|| "says no more than its name".to_owned())
}

pub(super) fn examples(scope: &Scope<'_>) -> Vec<Diagnostic> {
    let attributes = scope.attributes().filter(|it| it.examples.is_empty());
    let attributes = attributes.filter(|it| asks_for_examples(&it.ty));
    let found = attributes.map(|it| {
        let message = format!("{} has no examples", quoted(&it.key));
        let help = "add `examples` with real values";
        scope
            .finding(scope.at(Definition::attribute(it)), message)
            .with_help(help)
    });
    found.collect()
}

/// Whether values of the type don't speak for themselves. Text is asked for them before.
fn asks_for_examples(ty: &AttributeType) -> bool {
    match ty {
        AttributeType::Int | AttributeType::Double | AttributeType::Any => true,
        AttributeType::Array(item) => {
            matches!(item, PrimitiveType::Int | PrimitiveType::Double)
        }
        AttributeType::Template(inner) => asks_for_examples(inner),
        AttributeType::String | AttributeType::Boolean | AttributeType::Enum(_) => false,
    }
}
