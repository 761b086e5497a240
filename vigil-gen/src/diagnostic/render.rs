//! Lays a diagnostic out in the manner of rustc.

use std::fmt::Write as _;

use super::{Diagnostic, Location, is_hidden, visible};
use crate::source::SourceMap;

/// Longer lines are cut around the place that is meant.
const LINE_LIMIT: usize = 160;
/// How much of a cut line stands before that place.
const CONTEXT: usize = 60;
/// What a tab is printed as.
const TAB: &str = "    ";

/// One of them: message, place, source line, further places, help.
pub(super) fn paragraph(diagnostic: &Diagnostic, sources: &SourceMap) -> String {
    let at = diagnostic.primary;
    let line = sources.line(at);
    let number = at.line.to_string();
    let gutter = " ".repeat(if line.is_some() { number.len() } else { 1 });

    let message = visible(&diagnostic.message);
    let word = diagnostic.severity.word();
    let mut out = format!("{word}[{}]: {message}\n", diagnostic.code);
    put(
        &mut out,
        format_args!("{gutter}--> {}", position(at, sources)),
    );
    if let Some(line) = line {
        let Excerpt {
            text,
            before,
            marked,
        } = excerpt(line, at);
        put(&mut out, format_args!("{gutter} |"));
        put(&mut out, format_args!("{number} | {text}"));
        put(
            &mut out,
            format_args!("{gutter} | {}{}", " ".repeat(before), "^".repeat(marked)),
        );
    }
    for (location, label) in &diagnostic.secondary {
        put(
            &mut out,
            format_args!(
                "{gutter}::: {} {}",
                position(*location, sources),
                visible(label)
            ),
        );
    }
    if let Some(help) = &diagnostic.help {
        put(&mut out, format_args!("{gutter} = help: {}", visible(help)));
    }
    out
}

fn put(out: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a String can't fail.
    let _ = writeln!(out, "{line}");
}

/// `file:line:column`, or the file alone where nothing in it is meant.
pub(super) fn position(at: Location, sources: &SourceMap) -> String {
    let path = visible(sources.display(at.file));
    if at.line == 0 {
        path
    } else {
        format!("{path}:{}:{}", at.line, at.column)
    }
}

/// A printable piece of a source line.
struct Excerpt {
    text: String,
    /// Terminal columns before the marked part.
    before: usize,
    /// Terminal columns of the marked part.
    marked: usize,
}

fn excerpt(line: &str, at: Location) -> Excerpt {
    let start = at.column.saturating_sub(1) as usize;
    let from = if line.chars().nth(LINE_LIMIT).is_some() {
        start.saturating_sub(CONTEXT)
    } else {
        0
    };
    // Only the window is looked at: a line may be as long as a file, and hold as many errors.
    let mut rest = line.chars().skip(from);
    let characters: Vec<char> = rest.by_ref().take(LINE_LIMIT).collect();
    let start = (start - from).min(characters.len());
    let end = (start + at.width as usize).min(characters.len());

    let lead = if from > 0 { "..." } else { "" };
    let tail = if rest.next().is_some() { "..." } else { "" };
    let middle: String = characters.iter().map(|&c| printable(c)).collect();
    Excerpt {
        text: format!("{lead}{middle}{tail}").trim_end().to_owned(),
        before: lead.len() + columns(&characters[..start]),
        // A place between characters, such as the end of a line, still gets its caret.
        marked: columns(&characters[start..end]).max(1),
    }
}

fn columns(characters: &[char]) -> usize {
    characters
        .iter()
        .map(|&c| if c == '\t' { TAB.len() } else { width(c) })
        .sum()
}

/// A terminal must not be steered by what a file holds.
fn printable(c: char) -> String {
    match c {
        '\t' => TAB.to_owned(),
        c if is_hidden(c) => char::REPLACEMENT_CHARACTER.to_string(),
        c => c.to_string(),
    }
}

/// How many columns of a terminal a character takes: right for what stands in registries,
/// which is prose in living languages and the odd emoji.
fn width(c: char) -> usize {
    match u32::from(c) {
        _ if is_hidden(c) => 1,
        0x0300..=0x036f | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe4f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1faff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}
