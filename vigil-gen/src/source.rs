//! The files of a registry and their text, for messages.

use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::diagnostic::Location;

/// A file of a [`SourceMap`]. Ids are in the order of the paths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId(u32);

/// Every file that was read, of the registry and of those that it depends on. Each registry begins
/// with its directory itself, which is where an error stands that no file can be blamed for.
#[derive(Clone, Debug)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

#[derive(Clone, Debug, Default)]
struct SourceFile {
    /// The path as the user would write it.
    display: String,
    /// The path below the registry, with `/`.
    relative: String,
    text: Arc<str>,
    /// Where each line begins, in bytes; nobody asks before there is an error.
    lines: OnceLock<Vec<usize>>,
}

impl SourceFile {
    fn lines(&self) -> &[usize] {
        self.lines.get_or_init(|| {
            let breaks = self.text.match_indices('\n').map(|(at, _)| at + 1);
            std::iter::once(0).chain(breaks).collect()
        })
    }
}

impl SourceMap {
    /// The directory, no files yet.
    pub fn new(dir: &Path) -> Self {
        let mut map = Self { files: Vec::new() };
        map.add_root(dir);
        map
    }

    /// Adds the directory of a registry; files that are added next are its own.
    pub fn add_root(&mut self, dir: &Path) -> FileId {
        let display = dir.display().to_string().replace('\\', "/");
        let display = match display.trim_end_matches('/') {
            "" if display.is_empty() => ".".to_owned(),
            "" => "/".to_owned(),
            trimmed => trimmed.to_owned(),
        };
        let root = self.next();
        self.files.push(SourceFile {
            display,
            ..SourceFile::default()
        });
        root
    }

    /// The directory of the registry that was asked for.
    pub fn root(&self) -> Location {
        Location::default()
    }

    fn next(&self) -> FileId {
        FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX))
    }

    /// Adds a file. `relative` is its path below the directory of its registry, with `/`.
    pub fn add(&mut self, root: FileId, relative: &str, text: String) -> FileId {
        let id = self.next();
        let display = match self.display(root) {
            "." => relative.to_owned(),
            "/" => format!("/{relative}"),
            dir => format!("{dir}/{relative}"),
        };
        self.files.push(SourceFile {
            display,
            relative: relative.to_owned(),
            text: text.into(),
            lines: OnceLock::new(),
        });
        id
    }

    /// The path for messages.
    pub fn display(&self, file: FileId) -> &str {
        self.get(file).map_or("", |file| &file.display)
    }

    /// The paths of all files that were read.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        // A registry's directory has no path below itself.
        let files = self.files.iter().filter(|file| !file.relative.is_empty());
        files.map(|file| file.display.as_str())
    }

    /// The path below the directory of the file's registry.
    pub fn relative(&self, file: FileId) -> &str {
        self.get(file).map_or("", |file| &file.relative)
    }

    /// A file of the registry that was asked for, by its path below its directory.
    pub(crate) fn own_file(&self, relative: &str) -> Option<FileId> {
        let files = self.files.iter().enumerate().skip(1);
        // Those of other registries follow their directories.
        let mut own = files.take_while(|(_, file)| !file.relative.is_empty());
        let (index, _) = own.find(|(_, file)| file.relative == relative)?;
        u32::try_from(index).ok().map(FileId)
    }

    /// The text of a file.
    pub fn text(&self, file: FileId) -> &str {
        self.get(file).map_or("", |file| &file.text)
    }

    /// `file:line:column`, for use within a sentence.
    pub fn position(&self, at: Location) -> String {
        format!("{}:{}:{}", self.display(at.file), at.line, at.column)
    }

    /// The place of a range of bytes.
    pub(crate) fn at(&self, file: FileId, range: Range<usize>) -> Location {
        let Some(source) = self.get(file) else {
            return Location::whole(file);
        };
        let (text, lines) = (&source.text, source.lines());
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        let start = range.start.min(text.len());
        let line = lines.partition_point(|begin| *begin <= start) - 1;
        let before = text.get(lines[line]..start).unwrap_or_default();
        let meant = text.get(start..range.end).unwrap_or_default();
        let first = meant.split('\n').next().unwrap_or_default();
        Location {
            file,
            line: number(line + 1),
            column: number(before.chars().count() + 1),
            width: number(first.chars().count()),
        }
    }

    /// The text of a file, to be held by someone else.
    pub(crate) fn shared_text(&self, file: FileId) -> Arc<str> {
        self.get(file)
            .map_or_else(|| "".into(), |file| file.text.clone())
    }

    /// The line that a location is on.
    pub(crate) fn line(&self, at: Location) -> Option<&str> {
        let index = (at.line as usize).checked_sub(1)?;
        let file = self.get(at.file)?;
        let line = &file.text[*file.lines().get(index)?..];
        let line = line.split('\n').next()?;
        Some(line.trim_end_matches('\r'))
    }

    fn get(&self, file: FileId) -> Option<&SourceFile> {
        self.files.get(file.0 as usize)
    }
}
