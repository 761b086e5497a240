//! From the IR and the registry to source text, through minijinja.

#[cfg(test)]
mod documented;
mod filters;
pub(crate) mod markdown;
mod prometheus;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, merge_maps};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};
use serde::Serialize;

use crate::codes::TEMPLATE;
use crate::diagnostic::{Diagnostic, Diagnostics, Location, Rejected, nearest, placeless, quoted};
use crate::embedded;
use crate::ir::Ir;
use crate::names;
use crate::output::plain;
use crate::outputs::{Output, Subject};
use crate::registry::Registry;
use crate::renames::Renames;
use crate::source::SourceMap;

/// What the names of Vigil's own templates end in.
const EXTENSION: &str = "j2";

/// The generated files: their text by their path below the output directory, with `/`.
pub type Files = BTreeMap<String, String>;

/// The templates of a directory over those that are built in.
#[derive(Debug)]
pub(crate) struct Templates {
    environment: Environment<'static>,
    dir: Option<PathBuf>,
    /// What each of them says, for messages.
    texts: BTreeMap<String, String>,
    /// Those that are the directory's own.
    own: BTreeSet<String>,
}

/// What templates are given beside the IR.
pub(crate) struct Subjects<'a> {
    registry: &'a Registry,
    /// The registry as templates see it, once one does.
    value: OnceCell<Value>,
}

impl<'a> Subjects<'a> {
    pub(crate) fn new(registry: &'a Registry) -> Self {
        Self {
            registry,
            value: OnceCell::new(),
        }
    }

    fn value(&self) -> Value {
        let value = self.value.get_or_init(|| seen(self.registry));
        value.clone()
    }
}

impl Templates {
    /// Reads every template of a directory, if there is one; those that it lacks are Vigil's own.
    ///
    /// # Errors
    ///
    /// When the directory or a template can't be read, or a template does not parse.
    pub(crate) fn read(dir: Option<&Path>) -> Result<Self, RenderError> {
        let mut templates = Self {
            environment: environment()?,
            dir: dir.map(Path::to_owned),
            texts: embedded::TEMPLATES
                .iter()
                .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
                .collect(),
            own: BTreeSet::new(),
        };
        let paths = dir.map_or(Ok(Vec::new()), |dir| {
            template_paths(dir).map_err(|error| RenderError::read(dir, &error))
        })?;
        for path in paths {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            let text =
                fs::read_to_string(&path).map_err(|error| RenderError::read(&path, &error))?;
            templates.own.insert(name.to_owned());
            templates.texts.insert(name.to_owned(), text);
        }
        for (name, text) in &templates.texts {
            let (name, text) = (name.clone(), text.clone());
            let added = templates.environment.add_template_owned(name, text);
            added.map_err(|error| templates.error(&error))?;
        }
        Ok(templates)
    }

    /// Whether there is a template of that name; else the one that may be meant.
    pub(crate) fn find(&self, name: &str) -> Result<(), Option<String>> {
        if self.environment.get_template(name).is_ok() {
            return Ok(());
        }
        let known: Vec<&str> = self.environment.templates().map(|(name, _)| name).collect();
        Err(nearest(name, known).map(str::to_owned))
    }

    /// Renders the files of an output, without what says that they are generated.
    ///
    /// # Errors
    ///
    /// The first thing that a template can't do, with its place in the template; two files of one name.
    pub(crate) fn render(
        &self,
        output: &Output,
        ir: Option<&Ir>,
        subjects: &Subjects<'_>,
    ) -> Result<Files, RenderError> {
        let mut run = Run {
            templates: self,
            output,
            files: Files::new(),
        };
        match ir.filter(|_| output.subject.is_rust()) {
            Some(ir) => run.rust(ir)?,
            None => run.subjects(subjects)?,
        }
        Ok(run.files)
    }

    /// Names the template and the line. The innermost cause counts: the others say who included whom.
    fn error(&self, error: &minijinja::Error) -> RenderError {
        let mut innermost = error;
        while let Some(cause) = innermost
            .source()
            .and_then(|cause| cause.downcast_ref::<minijinja::Error>())
        {
            innermost = cause;
        }
        let place = match (innermost.name(), self.dir.as_deref()) {
            (Some(name), _) => self.place(name, innermost),
            (None, Some(dir)) => Place::whole(dir),
            (None, None) => Place::Words("the templates".to_owned()),
        };
        let message = match innermost.detail() {
            Some(detail) => format!("{}: {detail}", innermost.kind()),
            None => innermost.kind().to_string(),
        };
        let help = match innermost.kind() {
            minijinja::ErrorKind::UndefinedError
            | minijinja::ErrorKind::UnknownFilter
            | minijinja::ErrorKind::UnknownTest => {
                Some("what a template is given, and what it can call, is in docs/templates.md")
            }
            _ => None,
        };
        RenderError {
            place,
            message,
            help: help.map(str::to_owned),
        }
    }

    /// Where in a template an error is.
    fn place(&self, name: &str, error: &minijinja::Error) -> Place {
        let (dir, shown) = match self.dir.as_deref().filter(|_| self.own.contains(name)) {
            Some(dir) => (dir, name.to_owned()),
            None => (Path::new(""), format!("{name} (built in)")),
        };
        let text = self.texts.get(name).map_or("", String::as_str);
        let mut sources = SourceMap::new(dir);
        let file = sources.add(sources.root().file, &shown, text.to_owned());
        let at = match (error.range(), error.line()) {
            (Some(range), _) => sources.at(file, range),
            (None, Some(line)) => Location {
                file,
                line: u32::try_from(line).unwrap_or(u32::MAX),
                column: 1,
                width: 1,
            },
            (None, None) => Location::whole(file),
        };
        Place::File(Box::new(sources), at)
    }
}

/// One output, being rendered.
struct Run<'a> {
    templates: &'a Templates,
    output: &'a Output,
    files: Files,
}

impl Run<'_> {
    fn rust(&mut self, ir: &Ir) -> Result<(), RenderError> {
        match self.output.subject {
            Subject::RustRoot => self.add(&[], &seen(&ir.root)),
            Subject::RustRegistry => self.add(&[], &seen(&ir.registry)),
            Subject::RustIndex => self.modules(&ir.indexes, |it| &it.file),
            Subject::RustSemconv => self.modules(&ir.semconv, |it| &it.header.file),
            Subject::RustSpans => self.modules(&ir.spans, |it| &it.header.file),
            Subject::RustRecords => self.modules(&ir.records, |it| &it.header.file),
            Subject::RustMetrics => self.modules(&ir.metrics, |it| &it.header.file),
            Subject::RustEvents => self.modules(&ir.events, |it| &it.header.file),
            _ => Ok(()),
        }
    }

    fn modules<T: Serialize>(
        &mut self,
        modules: &[T],
        file: impl Fn(&T) -> &String,
    ) -> Result<(), RenderError> {
        for module in modules {
            self.add(&[("module", file(module))], &seen(module))?;
        }
        Ok(())
    }

    fn subjects(&mut self, subjects: &Subjects<'_>) -> Result<(), RenderError> {
        let Registry {
            attributes,
            groups,
            spans,
            metrics,
            events,
            entities,
            ..
        } = subjects.registry;
        match self.output.subject {
            Subject::Namespace => {
                for (namespace, there) in namespaces(subjects.registry) {
                    let whole = context! { registry => subjects.value() };
                    let context = merge_maps([whole, there]);
                    self.add(&[("namespace", &namespace)], &context)?;
                }
                Ok(())
            }
            Subject::Attribute => self.each("attribute", attributes, subjects),
            Subject::Group => self.each("group", groups, subjects),
            Subject::Record => {
                let records = groups.iter().filter(|(_, group)| group.record.is_some());
                self.each("group", records, subjects)
            }
            Subject::Span => self.each("span", spans, subjects),
            Subject::Metric => self.each("metric", metrics, subjects),
            Subject::Event => self.each("event", events, subjects),
            Subject::Entity => self.each("entity", entities, subjects),
            _ => {
                let version = subjects.registry.manifest.version();
                let namespaces = namespaces(subjects.registry);
                let namespaces: Vec<Value> = namespaces.into_iter().map(|(_, it)| it).collect();
                let context = context! {
                    registry => subjects.value(),
                    namespaces,
                    renames => seen(&Renames::of(subjects.registry)),
                    version => version,
                };
                self.add(&[("version", version)], &context)
            }
        }
    }

    /// A file for each definition, which the template sees as `variable`.
    fn each<'a, T: Serialize + 'a>(
        &mut self,
        variable: &str,
        definitions: impl IntoIterator<Item = (&'a String, &'a T)>,
        subjects: &Subjects<'_>,
    ) -> Result<(), RenderError> {
        for (name, definition) in definitions {
            let namespace = names::namespace(name);
            let context = Value::from_pairs([
                (variable, seen(definition)),
                ("namespace", Value::from(namespace)),
                ("registry", subjects.value()),
            ]);
            self.add(&[("name", name), ("namespace", namespace)], &context)?;
        }
        Ok(())
    }

    fn add(&mut self, values: &[(&str, &str)], context: &Value) -> Result<(), RenderError> {
        let path = self.output.file.fill(values);
        let text = self
            .templates
            .environment
            .get_template(&self.output.template)
            .and_then(|template| template.render(context))
            .map_err(|error| self.templates.error(&error))?;
        if self.files.insert(path.clone(), text).is_some() {
            return Err(RenderError {
                place: Place::Words(self.output.template.clone()),
                message: format!(
                    "two of `{}` make the file {}",
                    self.output.subject.word(),
                    quoted(&path)
                ),
                help: Some("rename one of them: what no file name can hold becomes `_`".to_owned()),
            });
        }
        Ok(())
    }
}

/// A value as templates see it.
fn seen(value: &impl Serialize) -> Value {
    Value::from(Serde(value))
}

/// What there is of each namespace.
fn namespaces(registry: &Registry) -> Vec<(String, Value)> {
    let Registry {
        attributes,
        groups,
        spans,
        metrics,
        events,
        entities,
        ..
    } = registry;
    let names = attributes
        .keys()
        .chain(groups.keys())
        .chain(spans.keys())
        .chain(metrics.keys())
        .chain(events.keys())
        .chain(entities.keys());
    let all: BTreeSet<&str> = names.map(|name| names::namespace(name)).collect();
    all.into_iter()
        .map(|namespace| {
            let context = context! {
                namespace => namespace,
                attributes => of_namespace(namespace, attributes),
                groups => of_namespace(namespace, groups),
                spans => of_namespace(namespace, spans),
                metrics => of_namespace(namespace, metrics),
                events => of_namespace(namespace, events),
                entities => of_namespace(namespace, entities),
            };
            (namespace.to_owned(), context)
        })
        .collect()
}

fn of_namespace<T: Serialize>(namespace: &str, definitions: &BTreeMap<String, T>) -> Value {
    definitions
        .iter()
        .filter(|(name, _)| names::namespace(name) == namespace)
        .map(|(_, definition)| seen(definition))
        .collect()
}

/// Strict about what is undefined, and with all that templates can call.
pub(crate) fn environment() -> Result<Environment<'static>, RenderError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    let syntax = layout_syntax().map_err(|error| RenderError {
        place: Place::Words("the templates".to_owned()),
        message: error.to_string(),
        help: None,
    })?;
    environment.set_syntax(syntax);
    filters::add(&mut environment);
    Ok(environment)
}

/// Lines that hold only a tag leave nothing behind.
fn layout_syntax() -> Result<SyntaxConfig, minijinja::Error> {
    SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()
}

/// The templates of a directory, by name.
pub(crate) fn template_paths(dir: &Path) -> io::Result<Vec<PathBuf>> {
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
#[derive(Clone, Debug)]
pub struct RenderError {
    place: Place,
    message: String,
    help: Option<String>,
}

/// What an error is about.
#[derive(Clone, Debug)]
enum Place {
    /// A template, or the directory of templates.
    File(Box<SourceMap>, Location),
    /// Anything else, in words.
    Words(String),
}

impl Place {
    /// A file or directory as a whole.
    fn whole(path: &Path) -> Self {
        let sources = SourceMap::new(path);
        let at = sources.root();
        Self::File(Box::new(sources), at)
    }
}

impl RenderError {
    fn read(path: &Path, error: &io::Error) -> Self {
        Self {
            place: Place::whole(path),
            message: format!("can't read it: {}", plain(error)),
            help: (error.kind() == io::ErrorKind::NotFound)
                .then(|| "name the directory that holds your templates".to_owned()),
        }
    }

    /// What is wrong with an output as a whole.
    pub(crate) fn of_output(output: &Output, message: String, help: &str) -> Self {
        Self {
            place: Place::Words(format!("the output of `{}`", output.template)),
            message,
            help: Some(help.to_owned()),
        }
    }

    /// An output names a template that isn't there.
    pub(crate) fn no_template(output: &Output, guess: Option<&str>) -> Self {
        Self {
            place: Place::Words(format!("the output of `{}`", output.subject.word())),
            message: format!("there is no template {}", quoted(&output.template)),
            help: guess.map(|name| format!("did you mean {}?", quoted(name))),
        }
    }
}

impl RenderError {
    /// With its sources, if it is about a file.
    fn placed(&self, sources: &SourceMap, at: Location) -> Rejected {
        let error = Diagnostic::new(TEMPLATE, at, &self.message).with_help_if(self.help.clone());
        let mut diagnostics = Diagnostics::new();
        diagnostics.push(error);
        Rejected::new(diagnostics, sources.clone())
    }

    /// As a line of JSON.
    pub(crate) fn json_line(&self) -> String {
        match &self.place {
            Place::File(sources, at) => {
                let rejected = self.placed(sources, *at);
                rejected.diagnostics.json_lines(&rejected.sources)
            }
            Place::Words(place) => {
                let message = format!("{}: {}", place, self.message);
                placeless(TEMPLATE, &message, self.help.as_deref()) + "\n"
            }
        }
    }
}

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match &self.place {
            Place::File(sources, at) => return self.placed(sources, *at).fmt(f),
            Place::Words(place) => place,
        };
        write!(f, "error[{TEMPLATE}]: {}\n  --> {place}\n", self.message)?;
        match &self.help {
            Some(help) => writeln!(f, "   = help: {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for RenderError {}
