//! The committed code is what the registry and the templates make.

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

#[track_caller]
fn assert_fresh(config: &str) {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let config = Config::read(&workspace.join(config));
    let mut options = config
        .unwrap_or_else(|rejected| panic!("{rejected}"))
        .options();
    options.check = true;
    let report = vigil_gen::generate(&options).unwrap_or_else(|failure| panic!("{failure}"));
    assert!(
        !report.stale,
        "run `cargo run -p vigil-gen`:\n{}",
        report.diff.unwrap_or_default()
    );
}
