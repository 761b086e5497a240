//! The committed code is what the registries and the templates make.

use std::path::Path;

use vigil_gen::Config;

#[test]
fn the_committed_code_is_fresh() {
    assert_fresh("vigil-gen.toml");
}

#[test]
fn the_committed_code_of_the_example_is_fresh() {
    assert_fresh("examples/planner/vigil-gen.toml");
}

#[test]
fn the_committed_code_of_the_registry_of_the_tests_is_fresh() {
    assert_fresh("tests/vigil-gen.toml");
}

#[track_caller]
fn assert_fresh(path: &str) {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let config = Config::read(&workspace.join(path));
    let mut options = config
        .unwrap_or_else(|rejected| panic!("{rejected}"))
        .options();
    options.check = true;
    let report = vigil_gen::generate(&options).unwrap_or_else(|failure| panic!("{failure}"));
    assert!(
        !report.stale,
        "run `cargo run -p vigil-gen -- --config {path}`:\n{}",
        report.diff.unwrap_or_default()
    );
}
