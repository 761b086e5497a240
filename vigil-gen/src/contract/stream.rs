//! Streams: what a span says of work that comes in chunks.

use super::Checker;
use crate::codes;
use crate::diagnostic::{Diagnostic, quoted};
use crate::locations::Kind;
use crate::registry::{AttributeType, Stream};
use crate::schema::{Located, SpanDef};

/// Checks the attributes that a stream names; the metric is checked with the others.
pub(super) fn check(span: &SpanDef, checker: &mut Checker<'_>) -> Option<Stream> {
    let notes = span.notes.as_ref()?.stream.as_ref()?;
    if let Some(flag) = &notes.flag {
        check_attribute(span, flag, checker, |ty, _| {
            (*ty != AttributeType::Boolean).then_some("is no boolean")
        });
    }
    let first = notes.time_to_first_chunk.as_ref()?;
    check_attribute(span, first, checker, |ty, unit| {
        if *ty != AttributeType::Double {
            Some("is no `double`")
        } else if unit != Some("s") {
            Some("is not in the unit `s`")
        } else {
            None
        }
    });
    let value = |name: &Located<String>| name.value.clone();
    Some(Stream {
        flag: notes.flag.as_ref().map(value),
        time_to_first_chunk: value(first),
        time_per_output_chunk: notes.time_per_output_chunk.as_ref().map(value),
    })
}

/// The attribute is the span's own, of the right type, and free to be set once it streams.
fn check_attribute(
    span: &SpanDef,
    key: &Located<String>,
    checker: &mut Checker<'_>,
    of_type: impl FnOnce(&AttributeType, Option<&str>) -> Option<&'static str>,
) {
    if !checker.names.expect(Kind::Attribute, key) {
        return;
    }
    let attribute = checker.resolved.attributes.get(&key.value);
    let mistyped = attribute.and_then(|it| of_type(&it.ty, it.unit.as_deref()));
    let references = checker.own_references(&span.ty.value);
    let reference = references.iter().find(|it| it.key.value == key.value);
    let sampled = reference
        .and_then(|it| it.sampling_relevant.as_ref())
        .is_some_and(|it| it.value);
    let problem = match reference {
        None => "is no attribute of this span",
        Some(_) if sampled => "is relevant for sampling",
        Some(it) if it.notes.value.is_some() => "has a fixed value",
        Some(_) => match mistyped {
            Some(problem) => problem,
            None => return,
        },
    };
    let message = format!("{} {problem}, so no stream can set it", quoted(&key.value));
    let error = Diagnostic::new(codes::INVALID_STREAM, key.at, message);
    checker.push(match reference {
        Some(reference) => error.with_secondary(reference.key.at, "referred to here"),
        None => error.with_help(format!(
            "add `- ref: {}` to the span's attributes",
            key.value
        )),
    });
}
