//! The features of the namespaces, in the `Cargo.toml` of the crate that the code is for.
//!
//! They stand between two lines, which whoever owns the file has put there once. Nothing else of it is
//! touched.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::ir::Feature;
use crate::output::{Edit, MANIFEST_MARKER, Obstacle, OutputError};

/// What ends the part that is generated.
const END: &str = "# @generated end";

/// How long a line may be.
const WIDTH: usize = 100;

/// What has to change in the `Cargo.toml` nearest to `out`, for it to have these features.
///
/// # Errors
///
/// When there is none, when it has no place for them, and when it can't be read.
pub(crate) fn edit(out: &Path, features: &[Feature]) -> Result<Edit, OutputError> {
    let path = manifest(out).ok_or_else(|| {
        OutputError::of(vec![Obstacle::of(format!(
            "there is no Cargo.toml in {} or above it to put the features of the namespaces into",
            out.display()
        ))])
    })?;
    let old = fs::read_to_string(&path)
        .map_err(|error| OutputError::of(vec![Obstacle::failed("read", &path, &error)]))?;
    let new = with_features(&old, features)
        .map_err(|problem| OutputError::of(vec![problem.obstacle(&path)]))?;
    Ok(Edit { path, old, new })
}

/// Features of code that is not made.
pub(crate) fn of_nothing() -> OutputError {
    let message = "each namespace is to be behind a feature, but no Rust is made";
    let help = "take out `features_per_namespace`, or `rust = false`";
    let obstacle = Obstacle::of(message.to_owned()).with_help(help.to_owned());
    OutputError::of(vec![obstacle])
}

/// The `Cargo.toml` nearest to `dir`, if it has these features: for whoever may not write to it.
///
/// # Errors
///
/// As [`edit`], and when it has not.
pub(crate) fn compare(dir: &Path, features: &[Feature]) -> Result<PathBuf, OutputError> {
    let edit = edit(dir, features)?;
    if edit.is_done() {
        return Ok(edit.path);
    }
    let message = format!(
        "{} does not have the features that the code is behind",
        edit.path.display()
    );
    let help = format!(
        "a build script leaves it as it is; change it so:\n\n{}",
        edit.diff()
    );
    Err(OutputError::of(vec![Obstacle::of(message).with_help(help)]))
}

/// The nearest one, by a path from here where that is how the directory was given.
fn manifest(out: &Path) -> Option<PathBuf> {
    let found = |dir: &Path| Some(dir.join("Cargo.toml")).filter(|path| path.is_file());
    out.ancestors().find_map(found).or_else(|| {
        let here = env::current_dir().ok()?;
        here.join(out).ancestors().find_map(found)
    })
}

/// Why a `Cargo.toml` takes no features.
#[derive(Debug, PartialEq)]
enum Problem {
    NoPlace,
    NoEnd,
    Twice,
}

impl Problem {
    fn obstacle(&self, path: &Path) -> Obstacle {
        let path = path.display();
        let message = match self {
            Self::NoPlace => format!("{path} has no place for the features of the namespaces"),
            Self::NoEnd => {
                format!("{path} does not say where the features of the namespaces end")
            }
            Self::Twice => format!("{path} has two places for the features of the namespaces"),
        };
        let help = match self {
            Self::NoPlace => {
                format!("put these lines there, below `[features]`:\n\n{MANIFEST_MARKER}\n{END}")
            }
            Self::NoEnd => format!("put `{END}` on a line below"),
            Self::Twice => "keep one of them".to_owned(),
        };
        Obstacle::of(message).with_help(help)
    }
}

/// The text with what stands between the two lines replaced.
fn with_features(text: &str, features: &[Feature]) -> Result<String, Problem> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let places = |marker: &str| -> Vec<usize> {
        let lines = lines.iter().enumerate();
        let marked = lines.filter(|(_, line)| line.trim() == marker);
        marked.map(|(place, _)| place).collect()
    };
    let begin = match places(MANIFEST_MARKER).as_slice() {
        [one] => *one,
        [] => return Err(Problem::NoPlace),
        _ => return Err(Problem::Twice),
    };
    let end = places(END).into_iter().find(|place| *place > begin);
    let end = end.ok_or(Problem::NoEnd)?;
    let line_end = if lines[begin].ends_with("\r\n") {
        "\r\n"
    } else {
        "\n"
    };
    let features = features.iter().map(line).collect::<String>();
    let features = features.replace('\n', line_end);
    Ok([lines[..=begin].concat(), features, lines[end..].concat()].concat())
}

fn line(feature: &Feature) -> String {
    let quoted: Vec<String> = feature
        .requires
        .iter()
        .map(|it| format!("{it:?}"))
        .collect();
    let line = format!("{} = [{}]\n", feature.name, quoted.join(", "));
    if line.len() <= WIDTH {
        return line;
    }
    let items: Vec<String> = quoted.iter().map(|it| format!("    {it},\n")).collect();
    format!("{} = [\n{}]\n", feature.name, items.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feature(name: &str, requires: &[&str]) -> Feature {
        Feature {
            name: name.to_owned(),
            requires: requires.iter().map(|it| (*it).to_owned()).collect(),
        }
    }

    fn file(features: &str) -> String {
        format!("[features]\nmine = []\n{MANIFEST_MARKER}\n{features}{END}\n\n[lints]\n")
    }

    #[test]
    fn only_what_stands_between_the_lines_is_replaced() {
        let features = [feature("a", &[]), feature("b", &["a", "c"])];
        let new = file("a = []\nb = [\"a\", \"c\"]\n");
        assert_eq!(
            with_features(&file("old = []\n"), &features),
            Ok(new.clone())
        );
        assert_eq!(with_features(&new, &features), Ok(new));
    }

    #[test]
    fn line_ends_stay_as_they_are() {
        let windows = file("old = []\n").replace('\n', "\r\n");
        let new = file("a = []\n").replace('\n', "\r\n");
        assert_eq!(with_features(&windows, &[feature("a", &[])]), Ok(new));
    }

    #[test]
    fn a_long_list_stands_below_its_name() {
        let many = ["a_namespace"; 9];
        let new = with_features(&file(""), &[feature("a", &many)]).unwrap();
        assert!(new.contains("a = [\n    \"a_namespace\",\n"), "{new}");
    }

    #[test]
    fn a_file_without_a_place_is_left_alone() {
        assert_eq!(with_features("[features]\n", &[]), Err(Problem::NoPlace));
        let open = format!("{MANIFEST_MARKER}\n");
        assert_eq!(with_features(&open, &[]), Err(Problem::NoEnd));
        let twice = file("") + &file("");
        assert_eq!(with_features(&twice, &[]), Err(Problem::Twice));
    }
}
