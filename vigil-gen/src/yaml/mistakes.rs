//! What someone meant whose file is not YAML.

use saphyr_parser::ScanError;

use super::reader::{DEPTH_LIMIT, number};
use crate::codes;
use crate::diagnostic::{Diagnostic, Location, quoted, visible};
use crate::source::FileId;

/// How far back an opening bracket is looked for.
const BRACKET_LINES: usize = 200;
/// How far back a key without its colon is looked for.
const COLON_LINES: usize = 3;

/// Where the parser gave up, and what most likely led to it.
pub(super) fn scan_error(file: FileId, lines: &[&str], error: &ScanError) -> Diagnostic {
    let mark = error.marker();
    let (line, column) = (mark.line().max(1), mark.col());
    let place = |line: usize, column: usize, width: usize| Location {
        file,
        line: number(line),
        column: number(column + 1),
        width: number(width),
    };
    let here = place(line, column, 1);
    let info = error.info();
    if info.contains("recursion limit") {
        let message = format!("collections are nested more than {DEPTH_LIMIT} deep");
        return Diagnostic::new(codes::TOO_DEEP, here, message);
    }
    if let Some((line, column)) = tab(lines, line) {
        let message = "this line is indented with a tab";
        return Diagnostic::new(codes::INVALID_YAML, place(line, column, 1), message)
            .with_help("YAML indents with spaces");
    }
    if let Some((line, column, bracket)) = unclosed(lines, line, column, info) {
        let message = format!("this `{bracket}` is never closed");
        return Diagnostic::new(codes::INVALID_YAML, place(line, column, 1), message)
            .with_secondary(here, "noticed here");
    }
    if let Some((line, column, key)) = glued(lines, line) {
        let message = format!("there is no space after the `:` of {}", quoted(key));
        let width = key.chars().count() + 1;
        return Diagnostic::new(codes::INVALID_YAML, place(line, column, width), message)
            .with_help(format!("write `{key}: ` and then the value"));
    }
    let for_want_of_a_colon =
        info.contains("simple key") || info.contains("mapping values are not allowed");
    if for_want_of_a_colon && let Some((line, column, key, value)) = colonless(lines, line) {
        let message = format!("there is no `:` after {}", quoted(key));
        let at = place(line, column, key.chars().count());
        let meant = format!("{key}: {}", visible(value));
        return Diagnostic::new(codes::INVALID_YAML, at, message)
            .with_help(format!("write `{}`", meant.trim_end()));
    }
    let before: String = line_at(lines, line)
        .unwrap_or_default()
        .chars()
        .take(column)
        .collect();
    let help = if info.contains("mapping values are not allowed") && before.contains(": ") {
        Some("a text with `: ` in it needs quotes")
    } else if info.contains("did not find expected ',' or '}'") && before.contains(": ") {
        Some("a text with `: ` in it needs quotes, and fields need a `,` between them")
    } else if info.contains("whitespace") && before.ends_with('\t') {
        Some("write a space instead of the tab")
    } else {
        None
    };
    if info.contains("quoted scalar")
        && (info.contains("indentation") || info.contains("end of stream"))
    {
        return Diagnostic::new(
            codes::INVALID_YAML,
            here,
            "the quote that begins here is never closed",
        )
        .with_help("end the text with the same quote");
    }
    Diagnostic::new(
        codes::INVALID_YAML,
        here,
        format!("this is not YAML: {info}"),
    )
    .with_help_if(help.map(str::to_owned))
}

fn line_at<'a>(lines: &[&'a str], line: usize) -> Option<&'a str> {
    lines.get(line.checked_sub(1)?).copied()
}

/// A tab in the indentation of the line or of one next to it; the parser may notice late or early.
fn tab(lines: &[&str], line: usize) -> Option<(usize, usize)> {
    [line, line + 1, line.saturating_sub(1)]
        .into_iter()
        .find_map(|line| {
            let text = line_at(lines, line)?;
            let indentation = text.len() - text.trim_start_matches([' ', '\t']).len();
            if indentation == text.trim_end().len() {
                return None;
            }
            Some((line, text[..indentation].find('\t')?))
        })
}

/// An opening bracket above that nothing closes.
fn unclosed(
    lines: &[&str],
    line: usize,
    column: usize,
    info: &str,
) -> Option<(usize, usize, char)> {
    let flow = ["flow", "eof", "inside a block"];
    if !flow.iter().any(|part| info.contains(part)) {
        return None;
    }
    let mut depth = 0_usize;
    for number in (line.saturating_sub(BRACKET_LINES).max(1)..=line).rev() {
        let text: Vec<char> = line_at(lines, number).unwrap_or_default().chars().collect();
        let end = if number == line {
            column.min(text.len())
        } else {
            text.len()
        };
        for (at, c) in text[..end].iter().enumerate().rev() {
            match c {
                '}' | ']' => depth += 1,
                '{' | '[' if depth > 0 => depth -= 1,
                // On the same line it may be closed further on.
                '{' | '[' => return (number < line).then_some((number, at, *c)),
                _ => {}
            }
        }
    }
    None
}

/// A key without its colon, `type string`, on the line or one of those before: the parser takes it
/// for the beginning of a text, and notices at the next key.
fn colonless<'a>(lines: &[&'a str], line: usize) -> Option<(usize, usize, &'a str, &'a str)> {
    // How far right the text of a line stands, behind the `-` of an item.
    let start = |text: &str| text.len() - text.trim_start_matches([' ', '-']).len();
    let said = |number: usize| {
        let text = line_at(lines, number)?;
        let said = text.trim();
        (!said.is_empty() && !said.starts_with('#')).then_some(text)
    };
    let mut above = (line.saturating_sub(COLON_LINES).max(1)..=line).rev();
    above.find_map(|number| {
        let text = said(number)?;
        let column = start(text);
        let (key, value) = text[column..]
            .split_once(' ')
            .unwrap_or((&text[column..], ""));
        let is_key = !key.is_empty() && key.bytes().all(|c| c.is_ascii_lowercase() || c == b'_');
        if !is_key || text.contains(':') {
            return None;
        }
        let before = (1..number).rev().find_map(said);
        // Further right than a key with a value, it goes on with that value.
        let goes_on = before.is_some_and(|before| {
            start(before) < column && !before.trim_end().ends_with(':') && before.contains(": ")
        });
        (!goes_on).then_some((number, column, key, value.trim()))
    })
}

/// A key that is glued to its value, on the line or the one before: `key:life.run_id`.
fn glued<'a>(lines: &[&'a str], line: usize) -> Option<(usize, usize, &'a str)> {
    [line, line.saturating_sub(1)]
        .into_iter()
        .find_map(|number| {
            let text = line_at(lines, number)?;
            let start = text.len() - text.trim_start_matches([' ', '-']).len();
            let (key, value) = text[start..].split_once(':')?;
            let is_key =
                !key.is_empty() && key.bytes().all(|c| c.is_ascii_lowercase() || c == b'_');
            let is_value =
                value.starts_with(|c: char| !c.is_whitespace() && !matches!(c, ':' | '/'));
            (is_key && is_value).then_some((number, start, key))
        })
}
