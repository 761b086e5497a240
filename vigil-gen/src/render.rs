//! From the IR to source text, through minijinja.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

use crate::codes::TEMPLATE;
use crate::ir::Ir;
use crate::output::plain;

/// What a template's name ends in.
const EXTENSION: &str = "j2";

/// The generated files: their text by their path below the output directory, with `/`.
pub type Files = BTreeMap<String, String>;

/// The templates of a directory.
#[derive(Debug)]
pub(crate) struct Templates {
    environment: Environment<'static>,
    dir: PathBuf,
}

impl Templates {
    /// Reads every `*.j2` of a directory.
    ///
    /// # Errors
    ///
    /// When the directory or a template can't be read, or a template does not parse.
    pub(crate) fn read(dir: &Path) -> Result<Self, RenderError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment
            .set_syntax(layout_syntax().map_err(|error| RenderError::template(dir, &error))?);
        let mut templates = Self {
            environment,
            dir: dir.to_owned(),
        };
        for path in template_paths(dir).map_err(|error| RenderError::read(dir, &error))? {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            let text =
                fs::read_to_string(&path).map_err(|error| RenderError::read(&path, &error))?;
            let added = templates
                .environment
                .add_template_owned(name.to_owned(), text);
            added.map_err(|error| RenderError::template(dir, &error))?;
        }
        Ok(templates)
    }

    /// Renders every file.
    ///
    /// # Errors
    ///
    /// The first thing that a template can't do, with the template and the line.
    pub(crate) fn render(&self, ir: &Ir) -> Result<Files, RenderError> {
        let mut files = Files::new();
        for index in &ir.indexes {
            self.add(&mut files, "index", format!("{}.rs", index.file), index)?;
        }
        self.add(
            &mut files,
            "registry",
            "registry.rs".to_owned(),
            &ir.registry,
        )?;
        for module in &ir.semconv {
            self.add(
                &mut files,
                "semconv",
                in_dir("semconv", &module.header.file),
                module,
            )?;
        }
        for module in &ir.spans {
            self.add(
                &mut files,
                "spans",
                in_dir("spans", &module.header.file),
                module,
            )?;
        }
        for module in &ir.records {
            self.add(
                &mut files,
                "records",
                in_dir("records", &module.header.file),
                module,
            )?;
        }
        for module in &ir.metrics {
            self.add(
                &mut files,
                "metrics",
                in_dir("metrics", &module.header.file),
                module,
            )?;
        }
        for module in &ir.events {
            self.add(
                &mut files,
                "events",
                in_dir("events", &module.header.file),
                module,
            )?;
        }
        Ok(files)
    }

    fn add(
        &self,
        files: &mut Files,
        template: &str,
        path: String,
        context: &impl Serialize,
    ) -> Result<(), RenderError> {
        let name = format!("{template}.{EXTENSION}");
        let text = self
            .environment
            .get_template(&name)
            .and_then(|template| template.render(Serde(context)))
            .map_err(|error| RenderError::template(&self.dir, &error))?;
        files.insert(path, text);
        Ok(())
    }
}

/// Lines that hold only a tag leave nothing behind.
fn layout_syntax() -> Result<SyntaxConfig, minijinja::Error> {
    SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()
}

fn in_dir(dir: &str, file: &str) -> String {
    format!("{dir}/{file}.rs")
}

fn template_paths(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == EXTENSION)
        {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Why nothing could be rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderError {
    place: String,
    message: String,
    help: Option<String>,
}

impl RenderError {
    fn read(path: &Path, error: &io::Error) -> Self {
        Self {
            place: path.display().to_string(),
            message: format!("can't read it: {}", plain(error)),
            help: None,
        }
    }

    /// Names the template and the line. The innermost cause counts: the others say who included whom.
    fn template(dir: &Path, error: &minijinja::Error) -> Self {
        let mut innermost = error;
        while let Some(cause) = innermost
            .source()
            .and_then(|cause| cause.downcast_ref::<minijinja::Error>())
        {
            innermost = cause;
        }
        let place = match (innermost.name(), innermost.line()) {
            (Some(name), Some(line)) => format!("{}:{line}", dir.join(name).display()),
            _ => dir.display().to_string(),
        };
        let message = match innermost.detail() {
            Some(detail) => format!("{}: {detail}", innermost.kind()),
            None => innermost.kind().to_string(),
        };
        let help = match innermost.kind() {
            minijinja::ErrorKind::UndefinedError => {
                Some("what a template is given is in `vigil_gen::ir`".to_owned())
            }
            minijinja::ErrorKind::TemplateNotFound => {
                Some("every kind of file needs its template: those of Vigil are a start".to_owned())
            }
            _ => None,
        };
        Self {
            place,
            message,
            help,
        }
    }
}

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "error[{TEMPLATE}]: {}\n  --> {}\n",
            self.message, self.place
        )?;
        match &self.help {
            Some(help) => writeln!(f, "   = help: {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for RenderError {}
