//! What is wrong with a registry, and where: errors and warnings, and how they are printed.
//!
//! A stage never stops at its first error. It pushes a [`Diagnostic`] and goes on with what it
//! can still make sense of, so that one run reports everything.

mod json;
mod render;
mod suggest;

use std::collections::BTreeSet;
use std::fmt;

pub use crate::codes::{CODES, Code, explain};
pub(crate) use json::placeless;
pub(crate) use suggest::{is_hidden, is_steering, misspelt, visible};
pub use suggest::{listed, nearest, one_of, quoted};

use crate::source::{FileId, SourceMap};

/// How many errors and warnings are printed. Nobody reads more at a time.
const PRINTED: usize = 200;

/// A place in a file: where a scalar begins and how far it reaches on its first line.
///
/// Lines and columns count from 1, columns in characters. A line of 0 means the file as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The file.
    pub file: FileId,
    /// The line, from 1; 0 for the whole file.
    pub line: u32,
    /// The column in characters, from 1; 0 for the whole file.
    pub column: u32,
    /// How many characters are meant.
    pub width: u32,
}

impl Location {
    /// A file as a whole.
    pub fn whole(file: FileId) -> Self {
        Self {
            file,
            ..Self::default()
        }
    }
}

/// Whether it keeps anything from being made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is written.
    #[default]
    Error,
    /// It is told, and that is all.
    Warning,
}

impl Severity {
    /// As it is printed: `error`, `warning`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One error or warning.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// Where it is. First, since errors are sorted by it.
    pub primary: Location,
    /// Which kind it is: one of [`CODES`], or the name of one of the [`LINTS`](crate::lint::LINTS).
    pub code: &'static str,
    /// One sentence, lowercase, YAML text in backticks.
    pub message: String,
    /// Other places that have to do with it, and what they have to do with it.
    pub secondary: Vec<(Location, String)>,
    /// What to do about it, where that can be said.
    pub help: Option<String>,
    /// Whether it is an error.
    pub severity: Severity,
}

impl Diagnostic {
    /// An error of the kind `code` at `primary`.
    pub fn new(code: &'static str, primary: Location, message: impl Into<String>) -> Self {
        Self {
            primary,
            code,
            message: message.into(),
            secondary: Vec::new(),
            help: None,
            severity: Severity::Error,
        }
    }

    /// All of it but the line that is meant, without a line break.
    pub(crate) fn in_a_line(&self, sources: &SourceMap) -> String {
        let place = render::position(self.primary, sources);
        let help = self.help.as_ref();
        let help = help.map_or_else(String::new, |help| format!(" (help: {})", visible(help)));
        format!("{place}: {} [{}]{help}", visible(&self.message), self.code)
    }

    /// Makes it an error or a warning.
    #[must_use]
    pub(crate) fn with_severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// Points at another place as well.
    #[must_use]
    pub fn with_secondary(mut self, location: Location, label: impl Into<String>) -> Self {
        self.secondary.push((location, label.into()));
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says what to do about it, if that is known.
    #[must_use]
    pub fn with_help_if(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }
}

/// The errors and warnings of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic);
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// How many are errors, or warnings.
    pub fn count(&self, severity: Severity) -> usize {
        let of = self.list.iter().filter(|it| it.severity == severity);
        of.count()
    }

    /// The errors alone.
    #[must_use]
    pub(crate) fn errors(mut self) -> Self {
        self.list.retain(|it| it.severity == Severity::Error);
        self
    }

    /// How many there are of which kind, in words: `1 error, 2 warnings`.
    pub fn counted(&self) -> String {
        let counts = [Severity::Error, Severity::Warning].map(|it| (self.count(it), it.word()));
        let words = counts.iter().filter(|(count, _)| *count > 0);
        let words = words.map(|(count, word)| match count {
            1 => format!("1 {word}"),
            _ => format!("{count} {word}s"),
        });
        words.collect::<Vec<_>>().join(", ")
    }

    /// All of them, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// Sorts by file, line and column, and drops what is said twice.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.list.sort();
        self.list.dedup();
        self
    }

    /// The text for a terminal, one paragraph each, without a summary. Says how many there are
    /// beyond those that it shows.
    pub fn render(&self, sources: &SourceMap) -> String {
        let paragraphs: Vec<String> = self
            .list
            .iter()
            .take(PRINTED)
            .map(|diagnostic| render::paragraph(diagnostic, sources))
            .collect();
        let mut text = paragraphs.join("\n");
        let further = self.list.len().saturating_sub(PRINTED);
        if further > 0 {
            text.extend(["\nand ", &further.to_string(), " more\n"]);
        }
        text
    }
}

impl Diagnostics {
    /// All of them, each as a line of JSON.
    pub fn json_lines(&self, sources: &SourceMap) -> String {
        let lines = self.list.iter();
        lines
            .map(|diagnostic| json::line(diagnostic, sources) + "\n")
            .collect()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: I) {
        self.list.extend(diagnostics);
    }
}

/// Why nothing is said of names that are not defined.
const UNCHECKED: &str = "some definitions can't be read, so it was not checked whether the names that are referred to \
     exist; that comes once these errors are mended\n\n";

/// A registry that was refused: the errors, with the sources that they point into.
///
/// Displays as the text for a terminal.
#[derive(Clone, Debug)]
pub struct Rejected {
    /// What is wrong.
    pub diagnostics: Diagnostics,
    /// The files that it is wrong in.
    pub sources: SourceMap,
    /// Whether some of it could not be read, so that nothing was said about what is not defined.
    pub names_unchecked: bool,
}

impl Rejected {
    /// Sorts the errors and keeps them with their sources.
    pub fn new(diagnostics: Diagnostics, sources: SourceMap) -> Self {
        Self {
            diagnostics: diagnostics.sorted(),
            sources,
            names_unchecked: false,
        }
    }

    /// Adds further errors in the same sources, but where there is one already.
    #[must_use]
    pub(crate) fn and(mut self, found: Diagnostics) -> Self {
        let places: BTreeSet<Location> = self.diagnostics.iter().map(|it| it.primary).collect();
        let further = found.list.into_iter();
        let further = further.filter(|it| !places.contains(&it.primary));
        self.diagnostics.extend(further);
        self.diagnostics = self.diagnostics.sorted();
        self
    }

    /// Says whether names went unchecked.
    #[must_use]
    pub(crate) fn with_names_unchecked(mut self, unchecked: bool) -> Self {
        self.names_unchecked = unchecked;
        self
    }
}

impl Rejected {
    /// What a run says last.
    pub(crate) fn summary(&self) -> String {
        let unchecked = if self.names_unchecked { UNCHECKED } else { "" };
        let counted = self.diagnostics.counted();
        format!("{unchecked}{counted}; nothing was written\n")
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.diagnostics.render(&self.sources))?;
        if self.names_unchecked {
            write!(f, "\n{}", UNCHECKED.trim_end())?;
            f.write_str("\n")?;
        }
        Ok(())
    }
}

impl std::error::Error for Rejected {}

/// What there is to say of a registry that is in order.
///
/// Displays as the text for a terminal: nothing if there is nothing.
#[derive(Clone, Debug)]
pub struct Warnings {
    /// What it is.
    pub diagnostics: Diagnostics,
    /// The files that it is about.
    pub sources: SourceMap,
}

impl Warnings {
    /// All of them, each as a line of JSON.
    pub fn json_lines(&self) -> String {
        self.diagnostics.json_lines(&self.sources)
    }
}

impl fmt::Display for Warnings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.diagnostics.render(&self.sources))
    }
}
