//! The committed code is what the registry and the templates make.

use std::path::Path;

#[test]
fn the_committed_code_is_fresh() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut options = vigil_gen::Options::new(
        workspace.join("semconv"),
        workspace.join("templates"),
        workspace.join("vigil/src/generated"),
    );
    options.check = true;
    let report = vigil_gen::generate(&options).unwrap_or_else(|failure| panic!("{failure}"));
    assert!(
        !report.stale,
        "run `cargo run -p vigil-gen`:\n{}",
        report.diff.unwrap_or_default()
    );
}
