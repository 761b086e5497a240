//! Programs that only some machines have.

use std::env;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::thread;

/// A program, if it is installed; says so if it isn't.
pub fn installed(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|it| it.is_file());
    if found.is_none() {
        skipped(&format!("{name} is not installed"));
    }
    found
}

/// Says why a test does nothing: past the capture of what tests print, or nobody would read it.
pub fn skipped(why: &str) {
    let test = thread::current();
    let test = test.name().unwrap_or_default();
    let _ = writeln!(io::stderr(), "skipped: {test}: {why}");
}
