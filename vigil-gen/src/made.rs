//! From outputs to files: rendered, marked as generated, formatted, by directory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::diagnostic::quoted;
use crate::ir::Ir;
use crate::outputs::Output;
use crate::registry::Registry;
use crate::render::{Files, RenderError, Subjects, Templates};
use crate::{Failure, Options, directory_name, format};

/// The files of each directory.
pub(crate) type Directories = BTreeMap<PathBuf, Files>;

/// Makes the files of all outputs.
///
/// # Errors
///
/// The first thing that a template, or rustfmt, can't do; two outputs that make the same file.
pub(crate) fn make(
    options: &Options,
    templates: &Templates,
    ir: Option<&Ir>,
    registry: &Registry,
) -> Result<Directories, Failure> {
    let sources = sources(options);
    let subjects = Subjects::new(registry);
    let mut made = Directories::new();
    let mut rust = Directories::new();
    for output in &options.outputs {
        if let Err(guess) = templates.find(&output.template) {
            return Err(RenderError::no_template(output, guess.as_deref()).into());
        }
        let dir = output.dir.as_ref().unwrap_or(&options.out);
        let marker = output.comment.marker(&sources);
        let files = templates.render(output, ir, &subjects)?;
        let formatted = output.rustfmt && options.format;
        for (path, text) in files {
            let there = |of: &Directories| of.get(dir).is_some_and(|it| it.contains_key(&path));
            if there(&made) || there(&rust) {
                return Err(twice(output, &dir.join(&path)).into());
            }
            let of = if formatted { &mut rust } else { &mut made };
            let text = format!("{marker}{text}");
            of.entry(dir.clone()).or_default().insert(path, text);
        }
    }
    for (dir, files) in rust {
        let files = format::format(&files, &dir, &options.rustfmt)?;
        made.entry(dir).or_default().extend(files);
    }
    // What makes nothing any more may have made something.
    for output in &options.outputs {
        let dir = output.dir.as_ref().unwrap_or(&options.out);
        made.entry(dir.clone()).or_default();
    }
    Ok(made)
}

/// What to edit instead of what is generated.
fn sources(options: &Options) -> String {
    let registry = directory_name(&options.registry, "the registry");
    match &options.templates {
        Some(templates) => format!(
            "{registry}/ or {}/",
            directory_name(templates, "the templates")
        ),
        None => format!("{registry}/"),
    }
}

fn twice(output: &Output, path: &Path) -> RenderError {
    let path = path.display().to_string();
    RenderError::of_output(
        output,
        format!("two outputs make the file {}", quoted(&path)),
        "give one of them another `file` or `dir`",
    )
}

/// The same files, those of a directory within another one as that one's own: each directory is then
/// written, and looked through for what is no longer made, by itself.
pub(crate) fn outermost(directories: Directories) -> Directories {
    let whole = |dir: &Path| {
        let absolute = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
        std::fs::canonicalize(&absolute).unwrap_or(absolute)
    };
    let mut outermost: Vec<(PathBuf, PathBuf)> = Vec::new();
    let mut result = Directories::new();
    let mut in_order: Vec<(PathBuf, PathBuf, Files)> = directories
        .into_iter()
        .map(|(dir, files)| (whole(&dir), dir, files))
        .collect();
    in_order.sort_by(|a, b| a.0.cmp(&b.0));
    for (place, dir, files) in in_order {
        let within = outermost.iter().find_map(|(outer, shown)| {
            let below = place.strip_prefix(outer).ok()?;
            Some((shown.clone(), below.to_str()?.replace('\\', "/")))
        });
        let Some((shown, below)) = within else {
            outermost.push((place, dir.clone()));
            result.insert(dir, files);
            continue;
        };
        let files = files.into_iter().map(|(path, text)| match below.as_str() {
            "" => (path, text),
            below => (format!("{below}/{path}"), text),
        });
        result.entry(shown).or_default().extend(files);
    }
    result
}
