//! The YAML files of a git revision.

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
        let blobs = blobs(registry, &commit)?;
        let below = if prefix.is_empty() {
            String::new()
        } else {
            format!("{prefix}/")
        };
        if !blobs.iter().any(|(path, _)| path.starts_with(&below)) {
            let place = if prefix.is_empty() { "." } else { prefix };
            return Err(format!("it has no registry in {}", quoted(place)));
        }
        // As git itself writes a file of a revision.
        let root = format!("{revision}:");
        let contents = contents(registry, &blobs)?;
        let paths = blobs.iter().map(|(path, _)| format!("{root}/{path}"));
        Ok(Self {
            files: paths.zip(contents).collect(),
            registry: format!("{root}/{prefix}").trim_end_matches('/').to_owned(),
        })
    }
}

/// The YAML files of a commit: the path and the id of each.
fn blobs(dir: &Path, commit: &str) -> Result<Vec<(String, String)>, String> {
    let tree = git(dir, ["ls-tree", "-r", "-z", "--full-tree", commit])?;
    if !tree.status.success() {
        return Err(format!("git can't list its files: {}", said(&tree)));
    }
    let text = String::from_utf8_lossy(&tree.stdout);
    let entries = text.split('\0').filter_map(|entry| {
        // `100644 blob <id>\t<path>`; links and submodules are no files of a registry.
        let (head, path) = entry.split_once('\t')?;
        let mut words = head.split(' ');
        let file = words.next()?.starts_with("100");
        let id = words.nth(1)?;
        let extension = Path::new(path).extension()?;
        let yaml = extension == "yaml" || extension == "yml";
        (file && yaml).then(|| (path.to_owned(), id.to_owned()))
    });
    Ok(entries.collect())
}

/// What the files hold, in their order.
fn contents(dir: &Path, blobs: &[(String, String)]) -> Result<Vec<Vec<u8>>, String> {
    let lost = |error: io::Error| format!("git can't read its files: {error}");
    let mut child = command(dir, ["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| missing(&error))?;
    let ids: Vec<&str> = blobs.iter().map(|(_, id)| id.as_str()).collect();
    let asked = ids.join(
        "
",
    ) + "
";
    // Beside reading, or both sides wait for each other once a pipe is full.
    let writer = child
        .stdin
        .take()
        .map(|mut stdin| thread::spawn(move || stdin.write_all(asked.as_bytes())));
    let mut contents = Vec::with_capacity(blobs.len());
    if let Some(stdout) = child.stdout.take() {
        let mut stdout = io::BufReader::new(stdout);
        for _ in blobs {
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
