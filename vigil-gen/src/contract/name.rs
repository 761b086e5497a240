//! Span names: which are patterns, and whether a span can fill them.

use super::Checker;
use crate::codes;
use crate::diagnostic::{Diagnostic, Location, quoted};
use crate::locations::Kind;
use crate::registry::{AttributeType, NamePart, SetTime, SpanName};
use crate::resolve::ResolvedSpan;
use crate::schema::{Located, SpanDef};

/// Reads the name of a span and checks its placeholders.
pub(super) fn check(
    span: &SpanDef,
    resolved: &ResolvedSpan,
    checker: &mut Checker<'_>,
) -> SpanName {
    let Some(note) = &resolved.name else {
        return SpanName::Prose(String::new());
    };
    let text = note.value.trim();
    let bound = span.notes.is_some();
    let parts = match pattern(text) {
        Ok(parts) => parts,
        Err(problem) => {
            if bound || problem == Problem::Braces {
                checker.push(refusal(note, problem));
            }
            return SpanName::Prose(text.to_owned());
        }
    };
    let keys = parts.iter().filter_map(|part| match part {
        NamePart::Key(key) => Some(key.as_str()),
        NamePart::Word(_) => None,
    });
    let mut is_pattern = true;
    for key in keys {
        // Upstream writes things like `{target}`, which are prose to everyone but people.
        let stands_for_prose = !bound
            && !key.contains('.')
            && checker
                .names
                .definitions
                .locations
                .get(Kind::Attribute, key)
                .is_none();
        if stands_for_prose {
            is_pattern = false;
        } else {
            check_key(span, note, key, checker);
        }
    }
    if is_pattern {
        SpanName::Pattern(parts)
    } else {
        SpanName::Prose(text.to_owned())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Problem {
    /// The text is plain, but for braces that don't match.
    Braces,
    /// A placeholder has something next to it.
    Glued,
    /// It is something for people to read.
    Prose,
}

/// Words and placeholders with spaces between them.
fn pattern(text: &str) -> Result<Vec<NamePart>, Problem> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./- ".contains(c);
    if text.is_empty() || !text.chars().all(|c| plain(c) || matches!(c, '{' | '}')) {
        return Err(Problem::Prose);
    }
    text.split_whitespace().map(part).collect()
}

fn part(word: &str) -> Result<NamePart, Problem> {
    if !word.contains(['{', '}']) {
        return Ok(NamePart::Word(word.to_owned()));
    }
    if let Some(key) = word
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        && !key.contains(['{', '}'])
    {
        let formed = key.starts_with(|c: char| c.is_ascii_lowercase())
            && key
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._".contains(c));
        return if formed {
            Ok(NamePart::Key(key.to_owned()))
        } else {
            Err(Problem::Prose)
        };
    }
    let mut open = false;
    for c in word.chars().filter(|c| matches!(c, '{' | '}')) {
        if open == (c == '{') {
            return Err(Problem::Braces);
        }
        open = c == '{';
    }
    Err(if open {
        Problem::Braces
    } else {
        Problem::Glued
    })
}

fn refusal(note: &Located<String>, problem: Problem) -> Diagnostic {
    let message = match problem {
        Problem::Braces => "the braces of this span name do not match",
        Problem::Glued => "a placeholder of a span name stands between spaces",
        Problem::Prose => "the name of a span with a contract is a pattern, not prose",
    };
    Diagnostic::new(codes::SPAN_NAME, note.at, message).with_help(
        "write words and attribute keys in braces, such as `chat {gen_ai.request.model}`",
    )
}

fn check_key(span: &SpanDef, note: &Located<String>, key: &str, checker: &mut Checker<'_>) {
    let at = place_of(key, note, checker);
    if !checker
        .names
        .expect(Kind::Attribute, &Located::new(key.to_owned(), at))
    {
        return;
    }
    let ty = &span.ty.value;
    let own = checker
        .own_references(ty)
        .iter()
        .find(|it| it.key.value == key);
    let ids = checker.links.records.get(ty).into_iter().flatten();
    let recorded = ids
        .flat_map(|id| checker.group_references(id))
        .any(|it| it.key.value == key);
    let attribute = checker.resolved.attributes.get(key);
    let sensitive = attribute.is_some_and(|it| it.sensitive);
    let is_template = attribute.is_some_and(|it| matches!(it.ty, AttributeType::Template(_)));
    let set = own
        .and_then(|own| own.notes.set.as_ref())
        .map_or(SetTime::Start, |set| set.value);
    let (problem, help) = match own {
        _ if sensitive => ("is sensitive, so it can't be part of a name", None),
        _ if is_template => (
            "is the prefix of keys that are made at run time, so it can't be part of a name",
            None,
        ),
        Some(_) if span.notes.is_none() || set == SetTime::Start => return,
        Some(_) => (
            "is not known when the span starts, so it can't be part of its name",
            None,
        ),
        None if recorded => ("comes with a record, after the span got its name", None),
        None => {
            let help = format!("add `- ref: {key}` to its attributes");
            (
                "is no attribute of this span, so it can't be part of its name",
                Some(help),
            )
        }
    };
    let error = Diagnostic::new(codes::SPAN_NAME, at, format!("{} {problem}", quoted(key)));
    let error = match own {
        Some(own) => error.with_secondary(own.key.at, "referred to here"),
        None => error,
    };
    checker.push(error.with_help_if(help));
}

/// Where in the note a placeholder stands, if its line holds it as it is.
fn place_of(key: &str, note: &Located<String>, checker: &Checker<'_>) -> Location {
    let line = checker.names.sources.line(note.at).unwrap_or_default();
    let before: usize = line
        .chars()
        .take(note.at.column.saturating_sub(1) as usize)
        .map(char::len_utf8)
        .sum();
    let found = line[before..].find(&format!("{{{key}}}"));
    let Some(offset) = found else { return note.at };
    let columns = line[..=before + offset].chars().count() + 1;
    let count = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    Location {
        column: count(columns),
        width: count(key.chars().count()),
        ..note.at
    }
}
