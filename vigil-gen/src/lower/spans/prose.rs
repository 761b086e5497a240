//! What the docs of a span say.

use crate::ir;
use crate::registry::{NamePart, Span, SpanName};

use super::super::docs::{self, Docs};
use super::SpanNames;
use super::recording::feeds;

/// The docs of the function that starts a span.
pub(super) fn function_docs(
    span: &Span,
    names: &SpanNames,
    place: &ir::Place,
    items: Vec<String>,
    more: bool,
) -> Vec<String> {
    let starts = match &span.name {
        SpanName::Pattern(parts) => format!("Starts {}, `{}`.", names.a_title(), pattern(parts)),
        SpanName::Prose(_) => format!("Starts {}.", names.a_title()),
    };
    let name = match &span.name {
        SpanName::Prose(text) if !text.is_empty() => {
            format!(
                "Its name: {}",
                docs::sentence(&docs::escape(&docs::within_sentence(text)))
            )
        }
        _ => String::new(),
    };
    let stands = if place.root {
        format!(
            "It stands under the current span, if there is one; [`parent`]({}::parent) puts it elsewhere.",
            names.builder()
        )
    } else {
        String::new()
    };
    let more = if more {
        format!(
            "[`builder`]({}::builder) takes what is not required.",
            names.handle
        )
    } else {
        String::new()
    };
    Docs::new()
        .paragraph(&starts)
        .brief(&span.docs.brief)
        .paragraph(&name)
        .paragraph(&stands)
        .list(items)
        .paragraph(&more)
        .paragraph(&feeds(&span.metrics, " when it ends").unwrap_or_default())
        .lines()
}

/// The docs of the open span's type.
pub(super) fn handle_docs(span: &Span, names: &SpanNames) -> Vec<String> {
    Docs::new()
        .paragraph(&format!("An open {}. Ends when dropped.", names.title()))
        .brief(&span.docs.brief)
        .note(&span.docs.note)
        .lines()
}

/// The docs of what gives the nearest open span.
pub(super) fn current_docs(names: &SpanNames) -> Vec<String> {
    line(&format!(
        "The nearest open {} around the current code, or what stands in for it.",
        names.title()
    ))
}

/// The docs of the builder's type.
pub(super) fn builder_docs(names: &SpanNames) -> Vec<String> {
    line(&format!(
        "The start of {}. See [`{}`].",
        names.a_title(),
        names.function
    ))
}

/// The docs of what gives the builder of a span whose function starts it.
pub(super) fn immediate_docs(names: &SpanNames, has_setters: bool) -> Vec<String> {
    let what = if has_setters {
        "for what it does not require, and to say when it started"
    } else {
        "to say when that was"
    };
    line(&format!(
        "The span before it starts, {what}. See [`{}`].",
        names.function
    ))
}

/// The docs of the method that puts a root under a parent.
pub(super) fn parent_docs(place: &ir::Place) -> Vec<String> {
    line(&format!(
        "Puts it under `parent`: see [`{}`] for what that may be.",
        place.bound
    ))
}

/// Docs of one sentence or two.
pub(super) fn line(text: &str) -> Vec<String> {
    Docs::new().paragraph(text).lines()
}

fn pattern(parts: &[NamePart]) -> String {
    let words: Vec<String> = parts
        .iter()
        .map(|part| match part {
            NamePart::Word(word) => word.clone(),
            NamePart::Key(key) => format!("{{{key}}}"),
        })
        .collect();
    words.join(" ")
}
