//! What the tests of the generated output share.

#![allow(dead_code, reason = "each test crate uses its part")]

pub(crate) mod checks;
pub(crate) mod mutations;
pub(crate) mod schemas;

use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;

use vigil_gen::Options;

/// The templates of the workspace.
pub(crate) fn templates() -> PathBuf {
    workspace().join("templates")
}

/// The workspace.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A golden registry.
pub(crate) fn golden(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/generated")
        .join(case)
}

/// OpenTelemetry's own registry, if it is there; says so if it isn't.
pub(crate) fn upstream() -> Option<PathBuf> {
    let beside = workspace().join("../shared/upstream");
    let place = env::var_os("VIGIL_UPSTREAM").map_or(beside, PathBuf::from);
    let versions = fs::read_dir(&place).into_iter().flatten();
    let mut versions: Vec<PathBuf> = versions.map(|it| it.unwrap().path()).collect();
    versions.sort();
    let mut models = versions.iter().map(|version| version.join("model"));
    let found = models.rfind(|model| model.is_dir());
    if found.is_none() {
        skipped(&format!(
            "no model of OpenTelemetry's in {} (VIGIL_UPSTREAM says where it is)",
            place.display()
        ));
    }
    found
}

/// Says why a test does nothing: past the capture of what tests print, or nobody would read it.
pub(crate) fn skipped(why: &str) {
    let test = std::thread::current();
    let test = test.name().unwrap_or_default();
    let _ = writeln!(io::stderr(), "skipped: {test}: {why}");
}

/// A program by one of its names, if it is installed; says so if it isn't.
pub(crate) fn installed(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let dirs: Vec<PathBuf> = env::split_paths(&path).collect();
    let mut places = names
        .iter()
        .flat_map(|name| dirs.iter().map(move |dir| dir.join(name)));
    let found = places.find(|it| it.is_file());
    if found.is_none() {
        skipped(&format!("{} is not installed", names[0]));
    }
    found
}

/// OpenTelemetry's own registry as one that can be read, put into a directory: with the manifest that
/// upstream writes when it publishes.
pub(crate) fn upstream_in(dir: &Path) -> Option<PathBuf> {
    let model = upstream()?;
    let registry = dir.join("upstream");
    fs::create_dir_all(&registry).unwrap();
    let manifest = "schema_url: https://opentelemetry.io/schemas/1.41.1\n";
    fs::write(registry.join("manifest.yaml"), manifest).unwrap();
    for from in yaml_files(&model) {
        let to = registry.join(from.strip_prefix(&model).unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    }
    Some(registry)
}

/// Every YAML file below a directory.
pub(crate) fn yaml_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(yaml_files(&path));
        } else if path
            .extension()
            .is_some_and(|it| it == "yaml" || it == "yml")
        {
            files.push(path);
        }
    }
    files
}

/// The directories below `tests/<folder>`, by name.
pub(crate) fn cases(folder: &str) -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> = fs::read_dir(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests")
            .join(folder),
    )
    .unwrap()
    .map(|entry| entry.unwrap().path())
    .collect();
    cases.sort();
    cases
}

/// The name of a case's directory.
pub(crate) fn name(case: &Path) -> String {
    case.file_name().unwrap().to_str().unwrap().to_owned()
}

/// Options for a registry, the workspace's templates and an output directory.
pub(crate) fn options(registry: &Path, out: &Path) -> Options {
    Options::new(registry, templates(), out)
}

/// A directory with a small registry in `semconv`, to be written to `out`.
pub(crate) struct Playground {
    dir: tempfile::TempDir,
}

impl Playground {
    /// With one attribute in each of the namespaces `app` and `srv`.
    pub(crate) fn new() -> Self {
        let playground = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        playground.write(
            "semconv/manifest.yaml",
            "schema_url: https://example.com/schemas/1.0.0\ndescription: A test.\nstability: development\n",
        );
        playground.write("semconv/app.yaml", &attribute("app.name"));
        playground.write("semconv/srv.yaml", &attribute("srv.name"));
        playground
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.path("out")
    }

    pub(crate) fn options(&self) -> Options {
        options(&self.path("semconv"), &self.out())
    }

    pub(crate) fn check_options(&self) -> Options {
        Options {
            check: true,
            ..self.options()
        }
    }

    pub(crate) fn write(&self, below: &str, text: &str) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, below: &str) -> String {
        fs::read_to_string(self.path(below)).unwrap()
    }

    /// Every file of the output directory, with its text and its time stamp.
    pub(crate) fn snapshot(&self) -> Vec<(PathBuf, String, SystemTime)> {
        let mut files = Vec::new();
        collect(&self.out(), &mut files);
        files.sort();
        files
    }

    /// The command line, run in this directory on this registry.
    pub(crate) fn command(&self, arguments: &[&str]) -> Output {
        let templates = templates();
        Command::new(env!("CARGO_BIN_EXE_vigil-gen"))
            .current_dir(self.dir.path())
            .args(["--registry", "semconv", "--out", "out", "--templates"])
            .arg(templates)
            .args(arguments)
            .output()
            .unwrap()
    }
}

/// The command line, called in a directory.
pub(crate) fn call(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vigil-gen"))
        .current_dir(dir)
        .args(arguments)
        .output()
        .unwrap()
}

/// A call of git in the playground, as somebody whose own settings play no part.
pub(crate) fn git(playground: &Playground, arguments: &[&str]) {
    let output = Command::new("git")
        .current_dir(playground.path(""))
        .args(["-c", "user.name=Test", "-c", "user.email=test@example.com"])
        .args([
            "-c",
            "commit.gpgsign=false",
            "-c",
            "core.hooksPath=/dev/null",
        ])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A file that defines one attribute.
pub(crate) fn attribute(key: &str) -> String {
    format!(
        "file_format: definition/2\nattributes:\n  - key: {key}\n    type: string\n    brief: Its name.\n    \
         stability: development\n    examples: [a]\n"
    )
}

fn collect(dir: &Path, files: &mut Vec<(PathBuf, String, SystemTime)>) {
    for entry in fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            let modified = fs::metadata(&path).unwrap().modified().unwrap();
            let text = fs::read_to_string(&path).unwrap();
            files.push((path, text, modified));
        }
    }
}
