//! What a run makes: for each output a template, what it is applied to, and what its files are called.

use std::path::{Path, PathBuf};

/// A template, what it is applied to, and where that goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The template's file name: `metrics.md.j2`.
    pub template: String,
    /// What it is applied to: a file for each.
    pub subject: Subject,
    /// The names of the files.
    pub file: FilePattern,
    /// The directory that they go to; none: [`Options::out`](crate::Options::out).
    pub dir: Option<PathBuf>,
    /// Whether rustfmt formats them.
    pub rustfmt: bool,
    /// How the files say that they are generated.
    pub comment: Comment,
}

impl Output {
    /// An output whose files say that they are generated, and are formatted, as their extension asks.
    ///
    /// # Errors
    ///
    /// As [`FilePattern::new`].
    pub fn new(template: &str, subject: Subject, file: &str) -> Result<Self, PatternError> {
        let file = FilePattern::new(file, subject)?;
        Ok(Self {
            template: template.to_owned(),
            subject,
            rustfmt: file.is_rust(),
            comment: Comment::of(&file.text),
            file,
            dir: None,
        })
    }

    /// What makes the typed Rust API.
    pub fn rust() -> Vec<Self> {
        RUST.iter()
            .map(|(template, subject, file)| Self {
                template: (*template).to_owned(),
                subject: *subject,
                file: FilePattern {
                    text: (*file).to_owned(),
                },
                dir: None,
                rustfmt: true,
                comment: Comment::Slashes,
            })
            .collect()
    }

    /// The file that holds the others of the Rust API, for whoever does not write one.
    pub(crate) fn rust_root(file: FilePattern) -> Self {
        Self {
            template: "index.j2".to_owned(),
            subject: Subject::RustRoot,
            file,
            dir: None,
            rustfmt: true,
            comment: Comment::Slashes,
        }
    }
}

const RUST: [(&str, Subject, &str); 7] = [
    ("index.j2", Subject::RustIndex, "{module}.rs"),
    ("registry.j2", Subject::RustRegistry, "registry.rs"),
    ("semconv.j2", Subject::RustSemconv, "semconv/{module}.rs"),
    ("spans.j2", Subject::RustSpans, "spans/{module}.rs"),
    ("records.j2", Subject::RustRecords, "records/{module}.rs"),
    ("metrics.j2", Subject::RustMetrics, "metrics/{module}.rs"),
    ("events.j2", Subject::RustEvents, "events/{module}.rs"),
];

/// What a template is applied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The whole registry, once.
    Registry,
    /// Each namespace: the first part of a key, type or name.
    Namespace,
    /// Each attribute.
    Attribute,
    /// Each public attribute group.
    Group,
    /// Each public attribute group that is a record.
    Record,
    /// Each span.
    Span,
    /// Each metric.
    Metric,
    /// Each event.
    Event,
    /// Each entity.
    Entity,
    /// The list of the Rust modules at the top.
    RustRoot,
    /// Each list of Rust modules: `semconv`, `spans` and so on.
    RustIndex,
    /// The Rust module with the registry in one static.
    RustRegistry,
    /// Each namespace's Rust module of attributes.
    RustSemconv,
    /// Each namespace's Rust module of spans.
    RustSpans,
    /// Each namespace's Rust module of records.
    RustRecords,
    /// Each namespace's Rust module of metrics.
    RustMetrics,
    /// Each namespace's Rust module of events.
    RustEvents,
}

impl Subject {
    /// All of them, as `apply_to` names them.
    pub const WORDS: &'static [(&'static str, Subject)] = &[
        ("registry", Self::Registry),
        ("namespace", Self::Namespace),
        ("attribute", Self::Attribute),
        ("group", Self::Group),
        ("record", Self::Record),
        ("span", Self::Span),
        ("metric", Self::Metric),
        ("event", Self::Event),
        ("entity", Self::Entity),
        ("rust.root", Self::RustRoot),
        ("rust.index", Self::RustIndex),
        ("rust.registry", Self::RustRegistry),
        ("rust.semconv", Self::RustSemconv),
        ("rust.spans", Self::RustSpans),
        ("rust.records", Self::RustRecords),
        ("rust.metrics", Self::RustMetrics),
        ("rust.events", Self::RustEvents),
    ];

    /// The word that names it.
    pub fn word(self) -> &'static str {
        let found = Self::WORDS.iter().find(|(_, subject)| *subject == self);
        found.map_or("", |(word, _)| word)
    }

    /// Whether it is laid out of Rust identifiers and expressions, which the registry must have.
    pub(crate) fn is_rust(self) -> bool {
        self.word().starts_with("rust.")
    }

    /// Whether one file is made of it, whatever the registry holds.
    fn is_single(self) -> bool {
        matches!(self, Self::Registry | Self::RustRoot | Self::RustRegistry)
    }

    /// The placeholders that file names may have; of several files, the first tells them apart.
    pub fn placeholders(self) -> &'static [&'static str] {
        match self {
            Self::Registry => &["version"],
            Self::RustRoot | Self::RustRegistry => &[],
            Self::Namespace => &["namespace"],
            Self::Attribute
            | Self::Group
            | Self::Record
            | Self::Span
            | Self::Metric
            | Self::Event
            | Self::Entity => &["name", "namespace"],
            Self::RustIndex
            | Self::RustSemconv
            | Self::RustSpans
            | Self::RustRecords
            | Self::RustMetrics
            | Self::RustEvents => &["module"],
        }
    }
}

/// The names of an output's files: a path below its directory, with `{placeholders}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePattern {
    text: String,
}

impl FilePattern {
    /// A pattern for the files of a subject.
    ///
    /// # Errors
    ///
    /// When a placeholder is none of the subject's, when all files would have the same name, or when the
    /// path leads out of the directory.
    pub fn new(text: &str, subject: Subject) -> Result<Self, PatternError> {
        let known = subject.placeholders();
        let error = |message: String, help: String| Err(PatternError { message, help });
        let offered = || {
            let braced: Vec<String> = known.iter().map(|name| format!("`{{{name}}}`")).collect();
            if braced.is_empty() {
                format!("there is one file of `{}`: name it", subject.word())
            } else {
                format!("of `{}` there is {}", subject.word(), braced.join(" and "))
            }
        };
        let mut rest = text;
        let mut used = Vec::new();
        while let Some(at) = rest.find(['{', '}']) {
            let Some(end) = rest[at..].find('}').filter(|_| rest[at..].starts_with('{')) else {
                return error(
                    format!("`{text}` has a brace without its other one"),
                    offered(),
                );
            };
            let name = &rest[at + 1..at + end];
            if !known.contains(&name) {
                return error(format!("there is no placeholder `{{{name}}}`"), offered());
            }
            used.push(name);
            rest = &rest[at + end + 1..];
        }
        if let Some(first) = known.first()
            && !subject.is_single()
            && !used.contains(first)
        {
            return error(
                format!("each {} would go to the same file `{text}`", subject.word()),
                format!("put `{{{first}}}` into its name"),
            );
        }
        let sound = text.split('/').all(|part| !matches!(part, "" | "." | ".."));
        if !sound || text.contains(['\\', ':']) || text.contains(char::is_control) {
            return error(
                format!("`{text}` is no file below the output's directory"),
                "give a relative path with `/` between its parts, and the directory as `dir`"
                    .to_owned(),
            );
        }
        if Path::new(text)
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with(".vigil-gen"))
        {
            return error(
                format!("`{text}` is a name that the generator keeps for itself"),
                "choose another one".to_owned(),
            );
        }
        Ok(Self {
            text: text.to_owned(),
        })
    }

    /// The name of one file.
    pub(crate) fn fill(&self, values: &[(&str, &str)]) -> String {
        let mut text = self.text.clone();
        for (name, value) in values {
            let value: String = value
                .chars()
                .map(|c| {
                    if c.is_ascii_alphanumeric() || "._-".contains(c) {
                        c
                    } else {
                        '_'
                    }
                })
                .collect();
            text = text.replace(&format!("{{{name}}}"), &value);
        }
        text
    }

    fn is_rust(&self) -> bool {
        extension(&self.text) == "rs"
    }
}

/// Why something is no [`FilePattern`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

impl std::fmt::Display for PatternError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}; {}", self.message, self.help)
    }
}

impl std::error::Error for PatternError {}

/// What every generated file says in its first line.
pub(crate) const SIGNATURE: &str = "@generated by `cargo run -p vigil-gen`";

/// How a file says in its first line that it is generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comment {
    /// `// …`
    Slashes,
    /// `# …`
    Hash,
    /// `-- …`
    Dashes,
    /// `<!-- … -->`
    Markup,
    /// `/* … */`
    Block,
    /// Not at all: what can't hold a comment is listed in the directory's `.vigil-gen`.
    None,
}

impl Comment {
    /// All of them, as `comment` names them.
    pub const WORDS: &'static [(&'static str, Comment)] = &[
        ("//", Self::Slashes),
        ("#", Self::Hash),
        ("--", Self::Dashes),
        ("<!-- -->", Self::Markup),
        ("/* */", Self::Block),
        ("none", Self::None),
    ];

    /// That of files with such a name.
    pub fn of(path: &str) -> Self {
        match extension(path) {
            "rs" | "c" | "cc" | "cpp" | "cs" | "go" | "h" | "hpp" | "java" | "js" | "kt"
            | "proto" | "scala" | "swift" | "ts" => Self::Slashes,
            "md" | "html" | "htm" | "svg" => Self::Markup,
            "yaml" | "yml" | "toml" | "py" | "rb" | "sh" | "tf" | "conf" | "vigil-gen" => {
                Self::Hash
            }
            "sql" | "lua" => Self::Dashes,
            "css" => Self::Block,
            _ => Self::None,
        }
    }

    /// What a generated file begins with, as far as it is always the same; nothing if it can't say so.
    pub(crate) fn opening(self) -> Option<String> {
        let open = match self {
            Self::Slashes => "//",
            Self::Hash => "#",
            Self::Dashes => "--",
            Self::Markup => "<!--",
            Self::Block => "/*",
            Self::None => return None,
        };
        Some(format!("{open} {SIGNATURE}"))
    }

    /// The first line of a generated file, and the blank one after it.
    pub(crate) fn marker(self, sources: &str) -> String {
        let close = match self {
            Self::Markup => " -->",
            Self::Block => " */",
            _ => "",
        };
        match self.opening() {
            Some(opening) => format!("{opening}; edit {sources} instead.{close}\n\n"),
            None => String::new(),
        }
    }
}

fn extension(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_patterns_of_the_rust_api_are_patterns() {
        for output in Output::rust() {
            let pattern = FilePattern::new(&output.file.text, output.subject);
            assert_eq!(pattern, Ok(output.file));
        }
    }
}
