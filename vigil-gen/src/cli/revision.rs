//! The YAML files of a git revision, its links followed.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;

use vigil_gen::diagnostic::quoted;

/// The files, each by its path with the revision before it, and where the registry is among them.
pub(super) struct Revision {
    pub(super) files: BTreeMap<String, Vec<u8>>,
    pub(super) registry: String,
}

impl Revision {
    /// What the repository around `registry` held at `revision`; or why that can't be told.
    ///
    /// All its YAML is read, since a registry may depend on others beside it.
    pub(super) fn read(revision: &str, registry: &Path) -> Result<Self, String> {
        let prefix = git(registry, ["rev-parse", "--show-prefix"])?;
        if !prefix.status.success() {
            return Err(format!(
                "{} is in no git repository: {}",
                quoted(&registry.display().to_string()),
                said(&prefix)
            ));
        }
        let prefix = String::from_utf8_lossy(&prefix.stdout);
        let prefix = prefix.trim_end_matches('\n').trim_end_matches('/');
        let wanted = format!("{revision}^{{commit}}");
        let arguments = [
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            &wanted,
        ];
        let commit = git(registry, arguments)?;
        if !commit.status.success() {
            return Err("it is neither a directory nor a revision that git knows".to_owned());
        }
        let commit = String::from_utf8_lossy(&commit.stdout).trim().to_owned();
        let entries = entries(registry, &commit)?;
        let below = if prefix.is_empty() {
            String::new()
        } else {
            format!("{prefix}/")
        };
        let is_below = |(path, _): (&String, &Entry)| path.starts_with(&below);
        if !entries.iter().any(is_below) {
            let place = if prefix.is_empty() { "." } else { prefix };
            return Err(format!("it has no registry in {}", quoted(place)));
        }
        let ids = entries.values().map(Entry::id);
        let contents = contents(registry, &ids.collect::<Vec<_>>())?;
        let tree = Tree::new(&entries, contents);
        let out = tree
            .links
            .iter()
            .find(|(path, to)| path.starts_with(&below) && to.is_none());
        if let Some((path, _)) = out {
            return Err(format!("{} leads out of the repository", quoted(path)));
        }
        // As git itself writes a file of a revision.
        let root = format!("{revision}:");
        let files = tree.files_and_what_links_lead_to().into_iter();
        Ok(Self {
            files: files
                .map(|(path, content)| (format!("{root}/{path}"), content))
                .collect(),
            registry: format!("{root}/{prefix}").trim_end_matches('/').to_owned(),
        })
    }
}

/// What is in a commit, by its id.
enum Entry {
    File(String),
    Link(String),
}

impl Entry {
    fn id(&self) -> &str {
        match self {
            Self::File(id) | Self::Link(id) => id,
        }
    }
}

/// The YAML files and the links of a commit, by path.
fn entries(dir: &Path, commit: &str) -> Result<BTreeMap<String, Entry>, String> {
    let tree = git(dir, ["ls-tree", "-r", "-z", "--full-tree", commit])?;
    if !tree.status.success() {
        return Err(format!("git can't list its files: {}", said(&tree)));
    }
    let text = String::from_utf8_lossy(&tree.stdout);
    let entries = text.split('\0').filter_map(|entry| {
        // `100644 blob <id>\t<path>`; submodules are no files of a registry.
        let (head, path) = entry.split_once('\t')?;
        let mut words = head.split(' ');
        let mode = words.next()?;
        let id = words.nth(1)?.to_owned();
        let entry = match mode {
            "120000" => Entry::Link(id),
            mode if mode.starts_with("100") && is_yaml(path) => Entry::File(id),
            _ => return None,
        };
        Some((path.to_owned(), entry))
    });
    Ok(entries.collect())
}

fn is_yaml(path: &str) -> bool {
    let extension = Path::new(path).extension();
    extension.is_some_and(|it| it == "yaml" || it == "yml")
}

/// The files of a commit, and where its links lead; nowhere if that is out of the repository.
struct Tree {
    files: BTreeMap<String, Vec<u8>>,
    links: BTreeMap<String, Option<String>>,
}

/// How many links are followed after each other.
const LINKS_LIMIT: usize = 4;

impl Tree {
    fn new(entries: &BTreeMap<String, Entry>, contents: Vec<Vec<u8>>) -> Self {
        let mut tree = Self {
            files: BTreeMap::new(),
            links: BTreeMap::new(),
        };
        for ((path, entry), content) in entries.iter().zip(contents) {
            match entry {
                Entry::File(_) => {
                    tree.files.insert(path.clone(), content);
                }
                Entry::Link(_) => {
                    let to = linked(path, &String::from_utf8_lossy(&content));
                    tree.links.insert(path.clone(), to);
                }
            }
        }
        tree
    }

    /// As whoever reads files sees it: what a link leads to stands below the link's name as well.
    fn files_and_what_links_lead_to(mut self) -> BTreeMap<String, Vec<u8>> {
        for _ in 0..LINKS_LIMIT {
            let mut further = Vec::new();
            for (link, to) in &self.links {
                let Some(to) = to else { continue };
                let within = format!("{to}/");
                // What leads to what holds it goes in circles.
                if link.starts_with(&within) {
                    continue;
                }
                let below = self.files.range(within.clone()..);
                let below = below.map_while(|(path, content)| {
                    let rest = path.strip_prefix(&within)?;
                    Some((format!("{link}/{rest}"), content))
                });
                let itself = self.files.get(to).filter(|_| is_yaml(link));
                let itself = itself.map(|content| (link.clone(), content));
                let new = below
                    .chain(itself)
                    .filter(|(path, _)| !self.files.contains_key(path));
                further.extend(new.map(|(path, content)| (path, content.clone())));
            }
            if further.is_empty() {
                break;
            }
            self.files.extend(further);
        }
        self.files
    }
}

/// Where a link leads, as a path of the repository.
fn linked(link: &str, target: &str) -> Option<String> {
    let mut place: Vec<&str> = link.split('/').collect();
    place.pop();
    if target.starts_with('/') {
        return None;
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                place.pop()?;
            }
            part => place.push(part),
        }
    }
    Some(place.join("/"))
}

/// What files and links hold, in their order.
fn contents(dir: &Path, ids: &[&str]) -> Result<Vec<Vec<u8>>, String> {
    let lost = |error: io::Error| format!("git can't read its files: {error}");
    let mut child = command(dir, ["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| missing(&error))?;
    let asked = ids.join("\n") + "\n";
    // Beside reading, or both sides wait for each other once a pipe is full.
    let writer = child
        .stdin
        .take()
        .map(|mut stdin| thread::spawn(move || stdin.write_all(asked.as_bytes())));
    let mut contents = Vec::with_capacity(ids.len());
    if let Some(stdout) = child.stdout.take() {
        let mut stdout = io::BufReader::new(stdout);
        for _ in ids {
            contents.push(content(&mut stdout).map_err(lost)?);
        }
    }
    if let Some(writer) = writer {
        let written = writer
            .join()
            .unwrap_or_else(|_| Err(io::ErrorKind::Other.into()));
        written.map_err(lost)?;
    }
    child.wait().map_err(lost)?;
    Ok(contents)
}

/// One answer of `git cat-file --batch`: a line that ends in the size, the content, a line break.
fn content(stdout: &mut impl io::BufRead) -> io::Result<Vec<u8>> {
    let mut head = String::new();
    stdout.read_line(&mut head)?;
    let size = head
        .trim_end()
        .rsplit(' ')
        .next()
        .and_then(|size| size.parse().ok());
    let Some(size) = size else {
        return Err(io::Error::other(head.trim_end().to_owned()));
    };
    let mut content = Vec::new();
    let read = stdout.take(size).read_to_end(&mut content)?;
    if (read as u64) < size {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    stdout.read_exact(&mut [0])?;
    Ok(content)
}

fn git<const N: usize>(dir: &Path, arguments: [&str; N]) -> Result<Output, String> {
    command(dir, arguments)
        .output()
        .map_err(|error| missing(&error))
}

fn command<const N: usize>(dir: &Path, arguments: [&str; N]) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(dir).args(arguments.map(OsStr::new));
    command
}

fn missing(error: &io::Error) -> String {
    format!("it is no directory, and git, which would know of a revision, can't be run: {error}")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}
