//! Packages that tests write and build: what users would have.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// The directory of the workspace.
///
/// # Panics
///
/// If it is not where it was when this was built.
pub fn workspace() -> PathBuf {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).expect("it is there")
}

/// A package outside of the workspace that depends on it, with the versions of its lock file, so
/// that nothing needs to be fetched.
#[derive(Debug)]
pub struct Package {
    name: &'static str,
    dir: TempDir,
}

impl Package {
    /// A package with this `Cargo.toml` after its name.
    ///
    /// # Panics
    ///
    /// If it can't be written.
    pub fn new(name: &'static str, manifest: &str) -> Self {
        let workspace = workspace();
        let dir = tempfile::tempdir().expect("a temporary directory");
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n{manifest}\n[workspace]\n"
        );
        fs::write(dir.path().join("Cargo.toml"), manifest).expect("it can be written");
        for file in ["Cargo.lock", "rust-toolchain.toml"] {
            fs::copy(workspace.join(file), dir.path().join(file)).expect("there is one");
        }
        fs::create_dir(dir.path().join("src")).expect("it is new");
        Self { name, dir }
    }

    /// Where its code is.
    pub fn src(&self) -> PathBuf {
        self.dir.path().join("src")
    }

    /// Writes a file of its code.
    ///
    /// # Panics
    ///
    /// If it can't be written.
    pub fn file(&self, name: &str, text: &str) {
        fs::write(self.src().join(name), text).expect("it can be written");
    }

    /// Where its builds go: they are kept, so that the next is quick.
    pub fn target(&self) -> PathBuf {
        workspace().join("target/tests").join(self.name)
    }

    /// Runs cargo in it.
    ///
    /// # Panics
    ///
    /// If cargo can't be started.
    pub fn cargo(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Output {
        Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(args)
            .args(["--offline", "--quiet"])
            .current_dir(self.dir.path())
            .env("CARGO_TARGET_DIR", self.target())
            .output()
            .expect("cargo runs: it runs this test")
    }
}
