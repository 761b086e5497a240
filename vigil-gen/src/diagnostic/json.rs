//! A diagnostic as a line of JSON, for editors and other programs.

use serde::Serialize;

use super::{Diagnostic, Location, Severity};
use crate::source::SourceMap;

/// What a line says. Keys are only ever added.
#[derive(Serialize)]
struct Line<'a> {
    severity: &'a str,
    code: &'a str,
    message: &'a str,
    #[serde(flatten)]
    place: Option<Place<'a>>,
    /// The line that is meant, as it is in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    related: Vec<Related<'a>>,
    help: Option<&'a str>,
}

/// A file, and the place in it unless it is meant as a whole.
#[derive(Serialize)]
struct Place<'a> {
    file: &'a str,
    line: Option<u32>,
    column: Option<u32>,
    /// How many characters are meant, on that line.
    width: Option<u32>,
}

#[derive(Serialize)]
struct Related<'a> {
    message: &'a str,
    #[serde(flatten)]
    place: Place<'a>,
}

/// One error or warning of a registry, without a line break.
pub(super) fn line(diagnostic: &Diagnostic, sources: &SourceMap) -> String {
    let related = diagnostic.secondary.iter();
    let related = related.map(|(at, message)| Related {
        message,
        place: place(*at, sources),
    });
    text(&Line {
        severity: diagnostic.severity.word(),
        code: diagnostic.code,
        message: &diagnostic.message,
        place: Some(place(diagnostic.primary, sources)),
        text: sources.line(diagnostic.primary),
        related: related.collect(),
        help: diagnostic.help.as_deref(),
    })
}

/// An error that is not about the registry, and has no place in it.
pub(crate) fn placeless(code: &str, message: &str, help: Option<&str>) -> String {
    text(&Line {
        severity: Severity::Error.word(),
        code,
        message,
        place: None,
        text: None,
        related: Vec::new(),
        help,
    })
}

fn place(at: Location, sources: &SourceMap) -> Place<'_> {
    let somewhere = |number: u32| (at.line > 0).then_some(number);
    Place {
        file: sources.display(at.file),
        line: somewhere(at.line),
        column: somewhere(at.column),
        width: somewhere(sources.line(at).map_or(at.width, |line| {
            // What goes on over lines is marked to the end of its first one.
            let rest = line
                .chars()
                .count()
                .saturating_sub(at.column.saturating_sub(1) as usize);
            at.width.min(u32::try_from(rest).unwrap_or(u32::MAX))
        })),
    }
}

fn text(line: &Line<'_>) -> String {
    // Text and numbers make JSON, whatever they are.
    serde_json::to_string(line).unwrap_or_default()
}
