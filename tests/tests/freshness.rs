//! The committed code is what the registries and the templates make.

use std::path::Path;

use vigil_gen::Options;

fn check(registry: &str, out: &str, module: &str) {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut options = Options::new(
        workspace.join(registry),
        workspace.join("templates"),
        workspace.join(out),
    );
    module.clone_into(&mut options.module);
    options.check = true;
    let report = vigil_gen::generate(&options).unwrap_or_else(|failure| panic!("{failure}"));
    assert!(
        !report.stale,
        "run `cargo run -p vigil-gen`, for `{registry}`:\n{}",
        report.diff.unwrap_or_default()
    );
}

#[test]
fn the_committed_code_is_fresh() {
    check("semconv", "vigil/src/generated", "crate::generated");
}

#[test]
fn the_code_of_the_registry_of_the_tests_is_fresh() {
    check("tests/registry", "tests/src/kinds", "crate::kinds");
}
