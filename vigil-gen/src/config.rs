//! `vigil-gen.toml`: what a project makes of which registry, and where.

mod toml;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::Options;
use crate::codes;
use crate::diagnostic::{Diagnostic, Diagnostics, Location, Rejected, nearest, quoted};
use crate::embedded;
use crate::lint::{self, GROUPS, Level, Levels};
use crate::load::joined;
use crate::names;
use crate::output::plain;
use crate::outputs::{Comment, FilePattern, Output, Subject};
use crate::render::template_paths;
use crate::schema::Located;
use crate::schema::fields::{Fields, Vocabulary, text};
use crate::schema::shape::{Field, Shape, Value, field};
use crate::source::SourceMap;
use crate::yaml::{Node, Yaml};

/// What a configuration file is called.
pub const CONFIG_NAME: &str = "vigil-gen.toml";

/// Larger files are no configuration.
const SIZE_LIMIT: u64 = 1024 * 1024;

/// The keys at the top of the file.
pub(crate) static CONFIG: Shape = Shape {
    what: "the configuration",
    name: "configuration",
    required: &["registry"],
    fields: &[KEYS],
};

const KEYS: &[Field] = &[
    field!("registry", Value::Text, "The directory of the registry."),
    field!(
        "templates",
        Value::Text,
        "The directory of templates of your own: those that it lacks are Vigil's, which are built in. So a file `spans.j2` there takes the place of Vigil's, alone.",
    ),
    field!(
        "out",
        Value::Text,
        "The directory of the generated code, and of outputs that name none.",
    ),
    field!(
        "module",
        Value::Text,
        "The Rust path of the module that stands in `out`. Left out, it is `crate::generated`.",
    ),
    field!(
        "rust",
        Value::Flag,
        "Whether the typed Rust API is made. Left out, it is.",
    ),
    field!(
        "features_per_namespace",
        Value::Flag,
        "Whether each namespace is behind a feature of the crate: see [A feature for each namespace](#a-feature-for-each-namespace). Left out, none is.",
    ),
    field!(
        "crates",
        Value::Map(&Value::Text),
        "The Rust path where the code of a dependency is already, by the dependency's directory: see [Code that is there already](#code-that-is-there-already).",
    ),
    field!(
        "lints",
        Value::Map(&Value::Word(&LEVELS)),
        "The level of each lint, `allow`, `warn` or `deny`, by its name; `all` and `warnings` stand for several. See [Lints](#lints).",
    ),
    field!(
        "outputs",
        Value::List(&Value::Shape(&OUTPUT)),
        "What else is made: see [Outputs](#outputs).",
    ),
];

/// The keys of an output.
pub(crate) static OUTPUT: Shape = Shape {
    what: "an output",
    name: "output",
    required: &["template", "apply_to", "file"],
    fields: &[OUTPUT_KEYS],
};

const OUTPUT_KEYS: &[Field] = &[
    field!(
        "template",
        Value::Text,
        "The template's file name, in `templates` or of Vigil's own. What it can use is in [templates.md](templates.md).",
    ),
    field!(
        "apply_to",
        Value::Word(&SUBJECTS),
        "What the template is applied to, a file for each: one of the words that follow this table.",
    ),
    field!(
        "file",
        Value::Text,
        "The files' names within `dir`. `{namespace}` and `{name}` stand for those of the definition, `{module}` for that of a Rust module, `{version}` for the last part of the schema URL, where the whole registry makes one file.",
    ),
    field!(
        "dir",
        Value::Text,
        "Their directory. Left out, it is `out`.",
    ),
    field!(
        "rustfmt",
        Value::Flag,
        "Whether rustfmt formats them. Left out, it formats what ends in `.rs`.",
    ),
    field!(
        "comment",
        Value::Word(&COMMENTS),
        "How they say in their first line that they are generated: `//`, `#`, `--`, `<!-- -->`, `/* */` or `none`. Left out, their ending decides.",
    ),
];

static LEVELS: Vocabulary<Level> = Vocabulary {
    what: "level of a lint",
    code: codes::LINT_LEVEL,
    words: Level::WORDS,
    also: &[],
};

static SUBJECTS: Vocabulary<Subject> = Vocabulary {
    what: "subject",
    code: codes::OUTPUT_WORD,
    words: Subject::WORDS,
    also: &[],
};

static COMMENTS: Vocabulary<Comment> = Vocabulary {
    what: "style of comment",
    code: codes::OUTPUT_WORD,
    words: Comment::WORDS,
    also: &[],
};

/// What a configuration file says. Its paths are as the file's own path is: from where it was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The file.
    pub path: PathBuf,
    /// `registry`
    pub registry: PathBuf,
    /// `templates`
    pub templates: Option<PathBuf>,
    /// `out`
    pub out: Option<PathBuf>,
    /// `module`
    pub module: Option<String>,
    /// The outputs: the Rust API unless `rust` is false, and those of `outputs`.
    pub outputs: Vec<Output>,
    /// `features_per_namespace`
    pub features_per_namespace: bool,
    /// `crates`
    pub crates: BTreeMap<PathBuf, String>,
    /// `lints`
    pub lints: Levels,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// All that is wrong with it, with line and column.
    pub fn read(path: &Path) -> Result<Self, Rejected> {
        let dir = path.parent().unwrap_or(Path::new(""));
        let mut diagnostics = Diagnostics::new();
        let (sources, root) = parse(path, &mut diagnostics);
        let config = root.and_then(|root| {
            Reader {
                dir,
                diagnostics: &mut diagnostics,
            }
            .config(path, &root)
        });
        match config {
            Some(config) if diagnostics.is_empty() => Ok(config),
            _ => Err(Rejected::new(diagnostics, sources)),
        }
    }

    /// Whether the directories are there that the file names under `keys`, of `registry` and `templates`:
    /// those that nothing takes the place of.
    ///
    /// # Errors
    ///
    /// Those that are not, with line and column.
    pub fn require_directories(&self, keys: &[&str]) -> Result<(), Rejected> {
        let named = [
            ("registry", Some(&self.registry), codes::NO_REGISTRY),
            ("templates", self.templates.as_ref(), codes::TEMPLATE),
        ];
        let missing: Vec<_> = named
            .into_iter()
            .filter(|(key, ..)| keys.contains(key))
            .filter_map(|(key, dir, code)| Some((key, dir.filter(|dir| !dir.is_dir())?, code)))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        // Nothing but an error needs the places, so the file is read for them again.
        let mut diagnostics = Diagnostics::new();
        let (sources, root) = parse(&self.path, &mut diagnostics);
        for (key, dir, code) in missing {
            let place = root.as_ref().and_then(|root| root.get(key));
            let at = place.map_or_else(|| sources.root(), |node| node.at);
            let dir = quoted(&dir.display().to_string());
            diagnostics.push(
                Diagnostic::new(code, at, format!("there is no directory {dir}"))
                    .with_help("name one that is there, relative to this file"),
            );
        }
        Err(Rejected::new(diagnostics, sources))
    }

    /// The nearest file of that name in `dir` or above it.
    pub fn find(dir: &Path) -> Option<PathBuf> {
        let found = dir.ancestors().map(|dir| dir.join(CONFIG_NAME));
        found.into_iter().find(|path| path.is_file())
    }

    /// What a run reads and writes.
    pub fn options(&self) -> Options {
        let out = self.out.clone().unwrap_or_default();
        let mut options = Options::new(&self.registry, "", out);
        options.templates.clone_from(&self.templates);
        if let Some(module) = &self.module {
            options.module.clone_from(module);
        }
        options.outputs.clone_from(&self.outputs);
        options.features_per_namespace = self.features_per_namespace;
        options.crates.clone_from(&self.crates);
        options.lints.clone_from(&self.lints);
        options.config = Some(self.path.clone());
        options
    }
}

/// The file as a tree, if it is one; what is wrong with it is then reported.
fn parse(path: &Path, diagnostics: &mut Diagnostics) -> (SourceMap, Option<Node>) {
    let mut sources = SourceMap::new(path.parent().unwrap_or(Path::new("")));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (text, problem) = match read_text(path) {
        Ok(text) => (text, None),
        Err(problem) => (String::new(), Some(problem)),
    };
    let file = sources.add(sources.root().file, &name, text);
    if let Some(problem) = problem {
        let at = Location::whole(file);
        diagnostics.push(Diagnostic::new(codes::UNREADABLE_FILE, at, problem));
        return (sources, None);
    }
    let root = toml::parse(file, &sources, diagnostics);
    (sources, root)
}

fn read_text(path: &Path) -> Result<String, String> {
    let failed = |error: &io::Error| format!("this file can't be read: {}", plain(error));
    let metadata = fs::metadata(path).map_err(|error| failed(&error))?;
    if !metadata.is_file() {
        return Err("this is no file".to_owned());
    }
    if metadata.len() > SIZE_LIMIT {
        return Err("this file is larger than 1 MiB".to_owned());
    }
    let bytes = fs::read(path).map_err(|error| failed(&error))?;
    String::from_utf8(bytes).map_err(|_| "this file is not UTF-8 text".to_owned())
}

struct Reader<'a> {
    dir: &'a Path,
    diagnostics: &'a mut Diagnostics,
}

impl Reader<'_> {
    fn config(&mut self, path: &Path, root: &Node) -> Option<Config> {
        let fields = Fields::open(root, &CONFIG, self.diagnostics)?;
        let registry = self.path(&fields, "registry");
        let templates = self.path(&fields, "templates");
        let out = self.path(&fields, "out");
        let module = fields.text("module", self.diagnostics).map(|module| {
            if !names::is_module_path(&module.value) {
                let message = format!("{} is no path of a module", quoted(&module.value));
                self.diagnostics.push(
                    Diagnostic::new(codes::RUST_PATH, module.at, message)
                        .with_help("write a path from `crate`, such as `crate::telemetry`"),
                );
            }
            module.value
        });
        let crates = self.crates(&fields);
        let features_per_namespace = fields
            .flag("features_per_namespace", self.diagnostics)
            .is_some_and(|it| it.value);
        let rust = fields
            .flag("rust", self.diagnostics)
            .is_none_or(|it| it.value);
        let mut outputs = if rust { Output::rust() } else { Vec::new() };
        let nodes = self.outputs(&fields);
        let mut homeless = rust.then_some(root.at);
        for node in nodes {
            let Some(output) = self.output(node, templates.as_deref()) else {
                continue;
            };
            if output.dir.is_none() {
                homeless.get_or_insert(node.at);
            }
            outputs.push(output);
        }
        if let (None, None, Some(at)) = (&out, fields.get("out"), homeless) {
            let message = "nothing says where the generated files go";
            self.diagnostics.push(
                Diagnostic::new(codes::MISSING_FIELD, at, message)
                    .with_help("add `out`, such as `out = \"src/telemetry\"`, or `dir` to each output and `rust = false`"),
            );
        }
        if outputs.is_empty() && nodes.is_empty() {
            let at = fields.entry("rust").map_or(root.at, |entry| entry.key_at);
            self.diagnostics.push(
                Diagnostic::new(codes::MISSING_FIELD, at, "nothing is made of this registry")
                    .with_help("list `outputs`, or take out `rust = false`"),
            );
        }
        Some(Config {
            path: path.to_owned(),
            registry: registry?,
            templates,
            out,
            module,
            outputs,
            features_per_namespace,
            crates,
            lints: self.lints(&fields),
        })
    }

    /// A path, relative to the file.
    fn path(&mut self, fields: &Fields<'_>, name: &str) -> Option<PathBuf> {
        let path = fields.text(name, self.diagnostics)?;
        if path.value.trim().is_empty() {
            let message = format!("`{name}` is empty");
            self.diagnostics.push(
                Diagnostic::new(codes::MISSING_FIELD, path.at, message)
                    .with_help("name a directory, relative to this file; `.` is its own"),
            );
            return None;
        }
        Some(joined(self.dir, &path.value))
    }

    fn outputs<'a>(&mut self, fields: &Fields<'a>) -> &'a [Node] {
        let Some(entry) = fields.entry("outputs") else {
            return &[];
        };
        if let Yaml::Map(_) = entry.node.yaml {
            let message = "`outputs` is a list, not a table";
            self.diagnostics.push(
                Diagnostic::new(codes::WRONG_SHAPE, entry.key_at, message)
                    .with_help("begin each output with `[[outputs]]`"),
            );
            return &[];
        }
        fields.list("outputs", self.diagnostics)
    }

    fn crates(&mut self, fields: &Fields<'_>) -> BTreeMap<PathBuf, String> {
        let mut crates = BTreeMap::new();
        let Some(node) = fields.get("crates") else {
            return crates;
        };
        let Some(entries) = Some(node.entries()).filter(|it| !it.is_empty()) else {
            self.diagnostics.push(
                Diagnostic::new(
                    codes::WRONG_SHAPE,
                    node.at,
                    format!("`crates` is a table, not {}", node.described()),
                )
                .with_help("write `crates = { \"../semconv\" = \"vigil\" }`"),
            );
            return crates;
        };
        for entry in entries {
            let what = format!("the crate of {}", quoted(&entry.key));
            let Some(path) = text(&entry.node, &what, self.diagnostics) else {
                continue;
            };
            if !names::is_rust_path(&path.value) {
                let message = format!("{} is no Rust path", quoted(&path.value));
                self.diagnostics.push(
                    Diagnostic::new(codes::RUST_PATH, path.at, message)
                        .with_help("write the path of the module that holds `semconv`, `spans` and so on, such as `vigil`"),
                );
                continue;
            }
            let dir = joined(self.dir, &entry.key);
            if !dir.is_dir() {
                let message = format!(
                    "there is no directory {}",
                    quoted(&dir.display().to_string())
                );
                self.diagnostics.push(
                    Diagnostic::new(codes::NO_REGISTRY, entry.key_at, message).with_help(
                        "name the registry as the manifest does, but relative to this file",
                    ),
                );
                continue;
            }
            crates.insert(dir, path.value);
        }
        crates
    }

    fn lints(&mut self, fields: &Fields<'_>) -> Levels {
        let Some(node) = fields.get("lints") else {
            return Levels::default();
        };
        if !matches!(node.yaml, Yaml::Map(_)) {
            let message = format!("`lints` is a table, not {}", node.described());
            self.diagnostics.push(
                Diagnostic::new(codes::WRONG_SHAPE, node.at, message).with_help(
                    "begin it with `[lints]`, and write `missing-owner = \"deny\"` below",
                ),
            );
        }
        let mut given = Vec::new();
        for entry in node.entries() {
            let level = LEVELS.read(&entry.node, self.diagnostics);
            let name = entry.key.as_str();
            if lint::find(name).is_none() && !GROUPS.contains(&name) {
                let name = Located::new(entry.key.clone(), entry.key_at);
                self.diagnostics.push(lint::unknown(&name, GROUPS));
            } else if let Some(level) = level {
                given.push((name, level.value));
            }
        }
        let mut levels = Levels::default();
        // TOML has each key once, and unknown ones are left out.
        let _ = levels.give(given);
        levels
    }

    fn output(&mut self, node: &Node, templates: Option<&Path>) -> Option<Output> {
        let fields = Fields::open(node, &OUTPUT, self.diagnostics)?;
        let template = fields.text("template", self.diagnostics);
        let subject = fields.word("apply_to", &SUBJECTS, self.diagnostics);
        let file = fields.text("file", self.diagnostics);
        let dir = self.path(&fields, "dir");
        let rustfmt = fields.flag("rustfmt", self.diagnostics);
        let comment = fields.word("comment", &COMMENTS, self.diagnostics);
        if let Some(template) = &template {
            self.check_template(&template.value, template.at, templates);
        }
        let (file, subject) = (file?, subject?.value);
        if let Err(error) = FilePattern::new(&file.value, subject) {
            self.diagnostics.push(
                Diagnostic::new(codes::FILE_PATTERN, file.at, error.message).with_help(error.help),
            );
        }
        let mut output = Output::new(&template?.value, subject, &file.value).ok()?;
        output.dir = dir;
        if let Some(rustfmt) = rustfmt {
            output.rustfmt = rustfmt.value;
        }
        if let Some(comment) = comment {
            output.comment = comment.value;
        }
        Some(output)
    }

    fn check_template(&mut self, name: &str, at: Location, templates: Option<&Path>) {
        let mut known: Vec<String> = embedded::TEMPLATES
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect();
        // What is wrong with the directory is said when it is read.
        let own = templates
            .map(template_paths)
            .and_then(Result::ok)
            .unwrap_or_default();
        known.extend(
            own.iter()
                .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())),
        );
        if known.iter().any(|it| it == name) {
            return;
        }
        let help = match nearest(name, known.iter().map(String::as_str)) {
            Some(guess) => format!("did you mean {}?", quoted(guess)),
            None => match templates {
                Some(dir) => format!(
                    "put it into {}; its name ends in `.j2`",
                    quoted(&dir.display().to_string())
                ),
                None => "say with `templates` in which directory it is".to_owned(),
            },
        };
        let message = format!("there is no template {}", quoted(name));
        self.diagnostics
            .push(Diagnostic::new(codes::TEMPLATE, at, message).with_help(help));
    }
}
