//! A second reader: serde_yaml, which other tools read registries with, is asked whether it can read
//! each file too. It says yes unless something is very odd, takes as long as everything else
//! together, and so is asked on a thread of its own, meanwhile.

use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};

use serde::de::IgnoredAny;

use crate::codes;
use crate::diagnostic::{Diagnostic, Location, is_steering};
use crate::source::FileId;

use super::reader::number;

/// The reader, at work.
#[derive(Debug)]
pub(crate) struct SecondReader {
    files: Option<Sender<(FileId, Arc<str>)>>,
    thread: Option<JoinHandle<Vec<Diagnostic>>>,
    /// What was found where there is no thread.
    found: Vec<Diagnostic>,
}

impl SecondReader {
    /// Begins.
    pub(crate) fn start() -> Self {
        let (sender, files) = mpsc::channel::<(FileId, Arc<str>)>();
        let read_all = move || {
            let read = files.into_iter();
            read.filter_map(|(file, text)| problem(file, &text))
                .collect()
        };
        let thread = thread::Builder::new().spawn(read_all).ok();
        Self {
            files: thread.is_some().then_some(sender),
            thread,
            found: Vec::new(),
        }
    }

    /// Has a file read that the first reader could read.
    pub(crate) fn read(&mut self, file: FileId, text: Arc<str>) {
        match &self.files {
            Some(files) => {
                let _ = files.send((file, text));
            }
            None => self.found.extend(problem(file, &text)),
        }
    }

    /// What can't be read, once all was tried.
    pub(crate) fn finish(mut self) -> Vec<Diagnostic> {
        drop(self.files.take());
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(found)) => self.found.extend(found),
            // A panic there is one here.
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => {}
        }
        self.found
    }
}

/// What serde_yaml refuses although the first reader does not.
fn problem(file: FileId, text: &str) -> Option<Diagnostic> {
    let error = serde_yaml::from_str::<IgnoredAny>(text).err()?;
    // It stops at a character that can't be seen, and can't say where.
    let hidden = |c: char| is_steering(c) || c == BYTE_ORDER_MARK;
    if let Some((at, c)) = text.char_indices().find(|(_, c)| hidden(*c)) {
        let message = format!(
            "this file holds the character U+{:04X}, which can't be seen",
            u32::from(c)
        );
        return Some(
            Diagnostic::new(codes::HIDDEN_CHARACTER, place(file, &text[..at]), message)
                .with_help("take it out"),
        );
    }
    let at = error.location();
    let (line, column) = at.map_or((1, 1), |at| (at.line().max(1), at.column().max(1)));
    let at = Location {
        file,
        line: number(line),
        column: number(column),
        width: 1,
    };
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    let message = format!("this is not YAML: {message}");
    Some(Diagnostic::new(codes::INVALID_YAML, at, message))
}

/// At the beginning of a file it is taken off; anywhere else it is a character like others.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Where the text after `before` begins.
fn place(file: FileId, before: &str) -> Location {
    let column = before
        .rsplit('\n')
        .next()
        .map_or(0, |rest| rest.chars().count());
    Location {
        file,
        line: number(before.matches('\n').count() + 1),
        column: number(column + 1),
        width: 1,
    }
}
