//! Registries as they come out of a bad day: real files, changed in ways that people and machines
//! change files. The property test draws the changes at random, the fuzzer chooses them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The files of registries, by path.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// One change of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mutation {
    /// What is done; any number means something.
    pub(crate) kind: u8,
    /// Where, as a part of 65536 of the file.
    pub(crate) at: u16,
    /// With what.
    pub(crate) with: u16,
}

/// What no registry has, or has elsewhere.
const SNIPPETS: [&str; 30] = [
    "&a [*a, *a, *a]",
    "a: &a [x]\nb: &b [*a, *a, *a, *a]\nc: [*b, *b, *b, *b]\n",
    "&loop { again: *loop }",
    "<<: *base",
    "!!binary aGk=",
    "!!set { ? a }",
    "? { a: b }\n: c\n",
    "---\n",
    "...\n",
    "\t",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    "{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{",
    "- - - - - - - - - - - - - - - - - - - - - ",
    "]",
    "}",
    "\"",
    "'",
    "|\n",
    ">+9\n",
    ": ",
    "#",
    "\u{202e}",
    "\u{0}",
    "\u{feff}",
    "9999999999999999999999999999",
    "0x1p999",
    ".nan",
    "~",
    "%YAML 9.9\n",
    "\r",
];

/// Words that a key or a value may turn into.
const WORDS: [&str; 24] = [
    "key",
    "ref",
    "ref_group",
    "type",
    "id",
    "attributes",
    "groups",
    "spans",
    "extends",
    "members",
    "annotations",
    "vigil",
    "parents",
    "record",
    "measures",
    "stream",
    "requirement_level",
    "deprecated",
    "internal",
    "template[string]",
    "gen_ai.request.model",
    "app.name",
    "*",
    "1.0.0",
];

/// The registries below folders of a directory, each with all files of those that lie beside it.
pub(crate) fn registries(dir: &Path, folders: &[&str]) -> Vec<(Files, String)> {
    let mut files = Files::new();
    for folder in folders {
        collect(dir, &dir.join(folder), &mut files);
    }
    let roots = files.keys().filter_map(|path| {
        let (root, name) = path.rsplit_once('/')?;
        name.ends_with("manifest.yaml").then(|| root.to_owned())
    });
    let roots: Vec<String> = roots.collect();
    roots
        .into_iter()
        .map(|root| (files.clone(), root))
        .collect()
}

fn collect(base: &Path, dir: &Path, files: &mut Files) {
    let entries = fs::read_dir(dir).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(base, &path, files);
        } else if path
            .extension()
            .is_some_and(|it| it == "yaml" || it == "yml")
        {
            let below = path.strip_prefix(base).unwrap();
            let below = below.to_str().unwrap().replace('\\', "/");
            files.insert(below, fs::read(&path).unwrap());
        }
    }
}

/// Changes one file of a registry; which one, `choice` says.
pub(crate) fn mutate(files: &mut Files, root: &str, choice: u16, mutations: &[Mutation]) {
    let prefix = format!("{root}/");
    let own: Vec<String> = files
        .keys()
        .filter(|path| path.starts_with(&prefix))
        .cloned()
        .collect();
    let Some(path) = own.get(usize::from(choice) % own.len().max(1)) else {
        return;
    };
    let others: Vec<Vec<u8>> = own
        .iter()
        .filter(|other| *other != path)
        .map(|other| files[other].clone())
        .collect();
    let mut content = files[path].clone();
    for mutation in mutations {
        apply(&mut content, &others, *mutation);
    }
    files.insert(path.clone(), content);
}

fn apply(content: &mut Vec<u8>, others: &[Vec<u8>], mutation: Mutation) {
    let Mutation { kind, at, with } = mutation;
    let with = usize::from(with);
    let byte = content.len() * usize::from(at) / 65536;
    match kind % 13 {
        0 => {
            if let Some(byte) = content.get_mut(byte) {
                *byte ^= 1 << (with % 8);
            }
        }
        1 => content.insert(byte, u8::try_from(with % 256).unwrap_or_default()),
        2 => {
            let end = (byte + with % 40).min(content.len());
            content.drain(byte..end);
        }
        3 => content.truncate(byte),
        4 => insert(content, byte, SNIPPETS[with % SNIPPETS.len()].as_bytes()),
        5 => {
            if let Some(other) = others.get(with % others.len().max(1)) {
                let from = other.len() * with / 65536;
                let to = (from + 200).min(other.len());
                insert(content, byte, &other[from..to]);
            }
        }
        kind => apply_to_line(content, at, with, kind),
    }
}

/// What is done to whole lines, or to the words of one.
fn apply_to_line(content: &mut Vec<u8>, at: u16, with: usize, kind: u8) {
    let mut lines: Vec<Vec<u8>> = content.split(|c| *c == b'\n').map(<[u8]>::to_vec).collect();
    let line = lines.len() * usize::from(at) / 65536;
    let words = |line: &[u8]| -> Vec<(usize, usize)> {
        let is_word = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.');
        let mut words = Vec::new();
        let mut start = None;
        for (index, c) in line.iter().copied().chain([b' ']).enumerate() {
            match (is_word(c), start) {
                (true, None) => start = Some(index),
                (false, Some(from)) => {
                    words.push((from, index));
                    start = None;
                }
                _ => {}
            }
        }
        words
    };
    match kind {
        6 => lines.insert(line, lines[line].clone()),
        7 => {
            lines.remove(line);
        }
        8 => {
            let indented: Vec<u8> = std::iter::repeat_n(b' ', with % 9).collect();
            let text = lines[line].trim_ascii_start().to_vec();
            lines[line] = [indented, text].concat();
        }
        9 => {
            let to = with % lines.len();
            let moved = lines.remove(line);
            lines.insert(to.min(lines.len()), moved);
        }
        10 => {
            let found = words(&lines[line]);
            if let Some((from, to)) = found.get(with % found.len().max(1)) {
                let word = WORDS[with % WORDS.len()].bytes();
                lines[line].splice(from..to, word);
            }
        }
        11 => {
            let text = WORDS[with % WORDS.len()];
            lines.insert(
                line,
                format!("{:width$}{text}: {text}", "", width = with % 9).into(),
            );
        }
        _ => {
            // A value, or a key, of some other line.
            let other = lines[with % lines.len()].clone();
            let (found, taken) = (words(&lines[line]), words(&other));
            if let (Some((from, to)), Some((start, end))) = (
                found.get(with % found.len().max(1)),
                taken.get(with % taken.len().max(1)),
            ) {
                lines[line].splice(from..to, other[*start..*end].to_vec());
            }
        }
    }
    *content = lines.join(&b'\n');
}

fn insert(content: &mut Vec<u8>, at: usize, text: &[u8]) {
    content.splice(at..at, text.iter().copied());
}
