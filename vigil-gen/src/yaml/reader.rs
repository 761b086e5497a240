//! From the events of a marked parser to a tree of values.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::ControlFlow;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use super::mistakes::scan_error;
use super::{Entry, Node, Yaml, scalar};
use crate::codes;
use crate::diagnostic::{Diagnostic, Diagnostics, Location, is_steering, quoted};
use crate::source::FileId;

/// Definitions nest about ten deep; annotations of others may nest deeper.
pub(super) const DEPTH_LIMIT: usize = 64;

/// How many brackets of a file may be closed further left than the parser has it.
const REPAIRS: usize = 20;

/// Reads the events of a file's one document; reports all that keeps it from being read.
///
/// A bracket that is closed on a line of its own may stand as far left as the key above it: so does
/// upstream write, and so does serde_yaml read. The parser wants it further right, and gets it.
pub(super) fn read(file: FileId, text: &str, diagnostics: &mut Diagnostics) -> Option<Node> {
    let mut repaired = Cow::Borrowed(text);
    for _ in 0..REPAIRS {
        match attempt(file, &repaired) {
            (_, Some(line)) => repaired = Cow::Owned(with_bracket_indented(&repaired, line)),
            (reader, None) => return reader.result(diagnostics),
        }
    }
    attempt(file, &repaired).0.result(diagnostics)
}

/// The file, with the bracket that this line begins with as far right as the line above.
fn with_bracket_indented(text: &str, line: usize) -> String {
    let mut lines: Vec<&str> = text.split('\n').collect();
    let above = lines[..line].iter().rev().find(|it| !it.trim().is_empty());
    let padded = format!(
        "{}{}",
        indentation(above.unwrap_or(&"")),
        lines[line].trim_start()
    );
    lines[line] = &padded;
    lines.join("\n")
}

fn indentation(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches(' ').len()]
}

/// The index of the line of a bracket that only stands too far left.
fn bracket_to_indent(lines: &[&str], error: &ScanError) -> Option<usize> {
    let line = error.marker().line().checked_sub(1)?;
    let text = lines.get(line)?;
    let above = lines[..line]
        .iter()
        .rev()
        .find(|it| !it.trim().is_empty())?;
    let further_left = indentation(text).len() < indentation(above).len();
    let closes = text.trim_start().starts_with([']', '}']);
    (error.info().contains("invalid indentation") && closes && further_left).then_some(line)
}

/// Reads as far as that goes. If all that is wrong is where a bracket stands, the index of its line.
fn attempt(file: FileId, text: &str) -> (Reader<'_>, Option<usize>) {
    let mut reader = Reader {
        file,
        text,
        hides: may_hide(text) && text.chars().any(is_steering),
        open: Vec::new(),
        root: None,
        documents: 0,
        problems: Vec::new(),
        remarks: Vec::new(),
        aliased: false,
    };
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => {
                if reader.take(event, span).is_break() {
                    break;
                }
            }
            Err(error) => {
                let lines: Vec<&str> = text.split('\n').collect();
                if let Some(line) = bracket_to_indent(&lines, &error) {
                    return (reader, Some(line));
                }
                let problem = scan_error(file, &lines, &error);
                reader.problems.push(problem);
                break;
            }
        }
    }
    if reader.problems.is_empty() && reader.root.is_none() {
        reader.problems.push(empty_file(file));
    }
    (reader, None)
}

/// A file that says nothing is more likely a mistake than an intention.
fn empty_file(file: FileId) -> Diagnostic {
    let start = Location {
        file,
        line: 1,
        column: 1,
        width: 0,
    };
    Diagnostic::new(codes::EMPTY_FILE, start, "this file holds nothing")
        .with_help("begin with `file_format: definition/2`, or delete the file")
}

struct Reader<'a> {
    file: FileId,
    text: &'a str,
    /// Whether the text holds characters that can't be seen.
    hides: bool,
    /// The collections that haven't ended yet, outermost first.
    open: Vec<Open>,
    root: Option<Node>,
    documents: usize,
    /// What keeps the file from being read.
    problems: Vec<Diagnostic>,
    /// What is wrong, but leaves the rest of the file as it is.
    remarks: Vec<Diagnostic>,
    aliased: bool,
}

struct Open {
    at: Location,
    kind: OpenKind,
}

enum OpenKind {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        /// The key that waits for its value, and its text if it has one.
        key: Option<(Location, Option<String>)>,
        first: Option<Location>,
    },
}

impl Reader<'_> {
    fn result(self, diagnostics: &mut Diagnostics) -> Option<Node> {
        let readable = self.problems.is_empty();
        diagnostics.extend(self.problems);
        diagnostics.extend(self.remarks);
        self.root.filter(|_| readable)
    }

    /// Breaks where going on would cost more than it could tell.
    fn take(&mut self, event: Event<'_>, span: Span) -> ControlFlow<()> {
        let at = self.location(span);
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.problem(
                        codes::MULTIPLE_DOCUMENTS,
                        at,
                        "a file holds one document, and here a second one begins",
                    );
                    return ControlFlow::Break(());
                }
            }
            Event::Alias(_) => {
                self.refuse_alias(at);
                self.finish(Node {
                    at,
                    yaml: Yaml::Null,
                });
            }
            Event::Scalar(text, style, _, tag) => {
                if tag.is_some() {
                    self.refuse_tag(at);
                }
                // An escape makes a character that the file does not hold.
                if self.hides || style == ScalarStyle::DoubleQuoted {
                    self.check_characters(&text, at, span);
                }
                let yaml = if style == ScalarStyle::Plain {
                    scalar::plain(text)
                } else {
                    Yaml::String(text.into_owned())
                };
                self.finish(Node { at, yaml });
            }
            Event::SequenceStart(_, tag) => {
                if tag.is_some() {
                    self.refuse_tag(at);
                }
                return self.begin(at, OpenKind::List(Vec::new()));
            }
            Event::MappingStart(_, tag) => {
                if tag.is_some() {
                    self.refuse_tag(at);
                }
                let kind = OpenKind::Map {
                    entries: Vec::new(),
                    key: None,
                    first: None,
                };
                return self.begin(at, kind);
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    if let OpenKind::Map { entries, .. } = &open.kind {
                        report_duplicates(entries, &mut self.remarks);
                    }
                    self.finish(open.closed());
                }
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        ControlFlow::Continue(())
    }

    fn begin(&mut self, at: Location, kind: OpenKind) -> ControlFlow<()> {
        if self.open.len() >= DEPTH_LIMIT {
            self.problem(
                codes::TOO_DEEP,
                at,
                format!("collections are nested more than {DEPTH_LIMIT} deep"),
            );
            return ControlFlow::Break(());
        }
        self.open.push(Open { at, kind });
        ControlFlow::Continue(())
    }

    /// Hands a finished value to the collection around it.
    fn finish(&mut self, node: Node) {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        let (entries, key, first) = match &mut open.kind {
            OpenKind::List(items) => return items.push(node),
            OpenKind::Map {
                entries,
                key,
                first,
            } => (entries, key, first),
        };
        if let Some((key_at, key)) = key.take() {
            entries.extend(key.map(|key| Entry { key, key_at, node }));
            return;
        }
        let at = node.at;
        first.get_or_insert(at);
        let text = key_text(node.yaml);
        if text.is_none() {
            let message = "a key is text, not a list or a mapping";
            self.remarks
                .push(Diagnostic::new(codes::WRONG_SHAPE, at, message));
        }
        *key = Some((at, text));
    }

    fn problem(&mut self, code: &'static str, at: Location, message: impl Into<String>) {
        self.problems.push(Diagnostic::new(code, at, message));
    }

    /// Whoever uses one alias uses many, and the first says it all.
    fn refuse_alias(&mut self, at: Location) {
        if !std::mem::replace(&mut self.aliased, true) {
            self.problems.push(
                Diagnostic::new(codes::YAML_ALIAS, at, "aliases are not supported")
                    .with_help("write out what it stands for, or put it into an attribute group"),
            );
        }
    }

    fn refuse_tag(&mut self, at: Location) {
        let rest = self.rest_of_line(at);
        let tag: String = rest.chars().take_while(|c| !c.is_whitespace()).collect();
        let (at, message) = if tag.starts_with('!') {
            let width = number(tag.chars().count());
            let message = format!("the tag {} means nothing in a registry", quoted(&tag));
            (Location { width, ..at }, message)
        } else {
            (
                at,
                "this has a tag, which means nothing in a registry".to_owned(),
            )
        };
        self.remarks
            .push(Diagnostic::new(codes::YAML_TAG, at, message).with_help("take the tag out"));
    }

    fn rest_of_line(&self, at: Location) -> &str {
        let line = self.line(at.line as usize).unwrap_or_default();
        let start = line
            .char_indices()
            .nth(at.column.saturating_sub(1) as usize);
        start.map_or("", |(start, _)| &line[start..])
    }

    /// Text that does not look like what it is would mislead whoever reviews it, and compilers
    /// refuse it in what is made of it.
    fn check_characters(&mut self, text: &str, at: Location, span: Span) {
        let Some(hidden) = text.chars().find(|c| is_steering(*c)) else {
            return;
        };
        let at = self.place_of(hidden, span).unwrap_or(at);
        let message = format!(
            "this text holds the character U+{:04X}, which can't be seen",
            u32::from(hidden)
        );
        self.remarks
            .push(Diagnostic::new(codes::HIDDEN_CHARACTER, at, message).with_help("take it out"));
    }

    fn line(&self, line: usize) -> Option<&str> {
        self.text.split('\n').nth(line.checked_sub(1)?)
    }

    /// Where a character stands, unless the text has it as an escape.
    fn place_of(&self, c: char, span: Span) -> Option<Location> {
        for line in span.start.line()..=span.end.line() {
            let text = self.line(line)?;
            let from = if line == span.start.line() {
                span.start.col()
            } else {
                0
            };
            let to = if line == span.end.line() {
                span.end.col()
            } else {
                usize::MAX
            };
            let mut columns = text.chars().enumerate().take(to).skip(from);
            if let Some((column, _)) = columns.find(|(_, found)| *found == c) {
                return Some(Location {
                    file: self.file,
                    line: number(line),
                    column: number(column + 1),
                    width: 1,
                });
            }
        }
        None
    }

    fn location(&self, span: Span) -> Location {
        let width = if span.end.line() == span.start.line() {
            span.end.col().saturating_sub(span.start.col())
        } else {
            // What goes on over lines is marked to the end of its first one.
            usize::from(u16::MAX)
        };
        Location {
            file: self.file,
            line: number(span.start.line().max(1)),
            column: number(span.start.col() + 1),
            width: number(width),
        }
    }
}

impl Open {
    fn closed(self) -> Node {
        let (first, yaml) = match self.kind {
            OpenKind::List(items) => (items.first().map(|item| item.at), Yaml::List(items)),
            OpenKind::Map { entries, first, .. } => (first, Yaml::Map(entries)),
        };
        // A block collection begins where its first scalar does: mark that one.
        let at = match first {
            Some(first) if self.at.width == 0 || first.line == self.at.line => Location {
                width: first.width,
                ..first
            },
            _ => self.at,
        };
        Node { at, yaml }
    }
}

/// Whether there is a byte that a character which can't be seen begins with.
fn may_hide(text: &str) -> bool {
    text.bytes().any(|byte| {
        let control = byte < b' ' && byte != b'\n' && byte != b'\t';
        control || matches!(byte, 0x7f | 0xc2 | 0xd8 | 0xe2)
    })
}

/// How many keys are compared with each other; beyond, a table costs less.
const COMPARED: usize = 16;

/// The same key in another spelling is the same key.
fn report_duplicates(entries: &[Entry], remarks: &mut Vec<Diagnostic>) {
    let mut report = |entry: &Entry, earlier: &Entry| {
        let message = format!("{} is given twice in one mapping", quoted(&entry.key));
        remarks.push(
            Diagnostic::new(codes::DUPLICATE_FIELD, entry.key_at, message)
                .with_secondary(earlier.key_at, "first given here"),
        );
    };
    if entries.len() <= COMPARED {
        for (index, entry) in entries.iter().enumerate() {
            let earlier = entries[..index].iter().find(|it| it.key == entry.key);
            if let Some(earlier) = earlier {
                report(entry, earlier);
            }
        }
        return;
    }
    let mut first: HashMap<&str, &Entry> = HashMap::with_capacity(entries.len());
    for entry in entries {
        let earlier = *first.entry(&entry.key).or_insert(entry);
        if earlier.key_at != entry.key_at {
            report(entry, earlier);
        }
    }
}

fn key_text(key: Yaml) -> Option<String> {
    match key {
        Yaml::Null => Some("null".to_owned()),
        Yaml::Bool(value) => Some(value.to_string()),
        Yaml::Int(value) => Some(value.to_string()),
        Yaml::Huge(value) | Yaml::Float(value) => Some(value.to_string()),
        Yaml::String(value) => Some(value),
        Yaml::List(_) | Yaml::Map(_) => None,
    }
}

pub(super) fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
