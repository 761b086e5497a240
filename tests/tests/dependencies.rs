//! Who links what: the generator no OpenTelemetry, the runtime no generator, and nothing of the Agent OS
//! without its features.

use std::process::Command;

/// The crates that a package of the workspace is built with under these features, tests apart.
fn linked(package: &str, features: &[&str]) -> Vec<String> {
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
        .args(["--package", package])
        .args(features)
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
    let linked = linked("vigil-gen", &["--all-features"]);
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
    let linked = linked("vigil", &["--all-features"]);
    assert!(linked.iter().any(|name| name == "opentelemetry"));
    for name in ["vigil-gen", "minijinja", "serde_yaml", "clap"] {
        assert!(!linked.iter().any(|other| other == name), "{name}");
    }
}

#[test]
fn the_agent_os_is_linked_only_where_it_is_asked_for() {
    let has = |features: &[&str]| {
        let linked = linked("vigil", features);
        let names = [
            "aios-protocol",
            "lago-core",
            "lago-journal",
            "redb",
            "chrono",
            "uuid",
        ];
        names.map(|name| linked.iter().any(|other| other == name))
    };
    let none = [false; 6];
    assert_eq!(has(&[]), none);
    assert_eq!(has(&["--no-default-features"]), none);
    let others = "grpc,http-json,http-proto,serde,testing";
    assert_eq!(has(&["--no-default-features", "--features", others]), none);
    // The protocol brings `chrono` and `uuid`. The journal itself is for examples and tests.
    let protocol = [true, false, false, false, true, true];
    assert_eq!(has(&["--features", "aios"]), protocol);
    let lago = [true, true, false, false, true, true];
    assert_eq!(has(&["--features", "lago"]), lago);
}
