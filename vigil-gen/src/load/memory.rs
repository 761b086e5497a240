//! Registries that lie in no file system.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::{Found, MANIFEST_NAMES, is_yaml};

/// The files: their content, by their path with `/`.
pub(super) type Memory = BTreeMap<String, Vec<u8>>;

/// The directory that a path leads to, if there is one.
pub(super) fn directory(files: &Memory, path: &Path) -> Option<PathBuf> {
    let mut place = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if place.pop() => {}
            Component::Normal(name) => place.push(name),
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    let prefix = prefix(&place)?;
    let holds = files.keys().any(|path| path.starts_with(&prefix));
    holds.then_some(place)
}

/// As the file system has it: YAML files that are not hidden, without registries within.
pub(super) fn find(files: &Memory, dir: &Path) -> Option<Found> {
    let dir = directory(files, dir)?;
    let prefix = prefix(&dir)?;
    let below = || files.keys().filter_map(|path| path.strip_prefix(&prefix));
    let inner: Vec<&str> = below()
        .filter_map(|path| path.rsplit_once('/'))
        .filter(|(_, name)| MANIFEST_NAMES.contains(name))
        .map(|(inner, _)| inner)
        .collect();
    let mut found = Found::default();
    for path in below() {
        let hidden = path.split('/').any(|part| part.starts_with('.'));
        let within = inner.iter().any(|inner| {
            let rest = path.strip_prefix(inner);
            rest.is_some_and(|rest| rest.starts_with('/'))
        });
        if is_yaml(Path::new(path)) && !hidden && !within {
            found.files.insert(path.to_owned(), dir.join(path));
        }
    }
    Some(found)
}

/// The content of a file.
pub(super) fn read(files: &Memory, path: &Path) -> io::Result<Vec<u8>> {
    let content = path.to_str().and_then(|path| files.get(path));
    content.cloned().ok_or(io::ErrorKind::NotFound.into())
}

/// What the paths of a directory's files begin with.
fn prefix(dir: &Path) -> Option<String> {
    let dir = dir.to_str()?;
    Some(if dir.is_empty() {
        String::new()
    } else {
        format!("{dir}/")
    })
}
