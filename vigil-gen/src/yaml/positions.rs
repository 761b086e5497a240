//! The tree of positions of a YAML document, from a marked event parser.

use std::collections::HashMap;
use std::ops::ControlFlow;

use saphyr_parser::{Event, Parser, ScanError, Span};

use crate::codes;
use crate::diagnostic::{Diagnostic, Diagnostics, Location, quoted};
use crate::source::FileId;

/// Definitions nest about ten deep; annotations of others may nest deeper.
const DEPTH_LIMIT: usize = 64;

/// Where a value stands, and its parts.
pub(super) struct Positions {
    pub(super) at: Location,
    pub(super) shape: Shape,
}

pub(super) enum Shape {
    Scalar,
    List(Vec<Positions>),
    /// In the order of the file: the key's place, and the value's.
    Map(Vec<(Location, Positions)>),
}

/// Reads the events of a file's one document; reports all that keeps it from being read.
pub(super) fn read(file: FileId, text: &str, diagnostics: &mut Diagnostics) -> Option<Positions> {
    let mut reader = Reader {
        file,
        open: Vec::new(),
        root: None,
        documents: 0,
        problems: Vec::new(),
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
                reader.problems.push(scan_error(file, &error));
                break;
            }
        }
    }
    if reader.problems.is_empty() && reader.root.is_none() {
        reader.problems.push(empty_file(file));
    }
    let readable = reader.problems.is_empty();
    diagnostics.extend(reader.problems);
    reader.root.filter(|_| readable)
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

fn scan_error(file: FileId, error: &ScanError) -> Diagnostic {
    let mark = error.marker();
    let at = Location {
        file,
        line: number(mark.line().max(1)),
        column: number(mark.col() + 1),
        width: 1,
    };
    Diagnostic::new(
        codes::INVALID_YAML,
        at,
        format!("this is not YAML: {}", error.info()),
    )
}

struct Reader {
    file: FileId,
    /// The collections that haven't ended yet, outermost first.
    open: Vec<Open>,
    root: Option<Positions>,
    documents: usize,
    problems: Vec<Diagnostic>,
    aliased: bool,
}

struct Open {
    at: Location,
    kind: OpenKind,
}

enum OpenKind {
    List(Vec<Positions>),
    Map {
        entries: Vec<(Location, Positions)>,
        key: Option<Location>,
        seen: HashMap<String, Location>,
    },
}

impl Reader {
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
                self.finish(
                    Positions {
                        at,
                        shape: Shape::Scalar,
                    },
                    None,
                );
            }
            Event::Scalar(text, ..) => {
                self.finish(
                    Positions {
                        at,
                        shape: Shape::Scalar,
                    },
                    Some(&text),
                );
            }
            Event::SequenceStart(..) => return self.begin(at, OpenKind::List(Vec::new())),
            Event::MappingStart(..) => {
                let kind = OpenKind::Map {
                    entries: Vec::new(),
                    key: None,
                    seen: HashMap::new(),
                };
                return self.begin(at, kind);
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    self.finish(open.closed(), None);
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

    /// Hands a finished value to the collection around it; `text` if it is a scalar.
    fn finish(&mut self, value: Positions, text: Option<&str>) {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(value);
            return;
        };
        let (entries, key, seen) = match &mut open.kind {
            OpenKind::List(items) => return items.push(value),
            OpenKind::Map { entries, key, seen } => (entries, key, seen),
        };
        if let Some(key) = key.take() {
            return entries.push((key, value));
        }
        let at = value.at;
        *key = Some(at);
        // Keys that are no scalars are refused later on.
        if let Some(text) = text
            && let Some(first) = seen.insert(text.to_owned(), at)
        {
            let message = format!("{} is given twice in one mapping", quoted(text));
            self.problems.push(
                Diagnostic::new(codes::DUPLICATE_FIELD, at, message)
                    .with_secondary(first, "first given here"),
            );
        }
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
    fn closed(self) -> Positions {
        let (first, shape) = match self.kind {
            OpenKind::List(items) => (items.first().map(|item| item.at), Shape::List(items)),
            OpenKind::Map { entries, .. } => {
                (entries.first().map(|entry| entry.0), Shape::Map(entries))
            }
        };
        // A block collection begins where its first scalar does: mark that one.
        let at = match first {
            Some(first) if self.at.width == 0 || first.line == self.at.line => Location {
                width: first.width,
                ..first
            },
            _ => self.at,
        };
        Positions { at, shape }
    }
}

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
