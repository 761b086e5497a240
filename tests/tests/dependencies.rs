//! Who links what: the generator no OpenTelemetry, the runtime no generator.

use std::process::Command;

/// The crates that a package of the workspace is built with, tests apart.
fn linked(package: &str) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--locked",
            "--edges",
            "normal,build",
            "--prefix",
            "none",
        ])
        .args(["--all-features", "--package", package])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs: it runs this test");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).expect("names are text");
    text.lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_generator_links_no_telemetry() {
    let linked = linked("vigil-gen");
    assert!(linked.iter().any(|name| name == "minijinja"));
    for name in &linked {
        assert!(
            !name.contains("opentelemetry") && !name.starts_with("tracing"),
            "{name}"
        );
    }
}

#[test]
fn the_runtime_links_no_generator() {
    let linked = linked("vigil");
    assert!(linked.iter().any(|name| name == "opentelemetry"));
    for name in ["vigil-gen", "minijinja", "serde_yaml", "clap"] {
        assert!(!linked.iter().any(|other| other == name), "{name}");
    }
}
