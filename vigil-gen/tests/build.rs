//! The generator in a build script: what it tells cargo, and how errors look there.

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use support::{Playground, attribute, workspace};
use vigil_gen::{Build, Failure};

#[test]
fn everything_that_is_read_is_named_and_nothing_else_is_written() {
    let playground = Playground::new();
    playground.write(
        "base/manifest.yaml",
        "schema_url: https://example.com/schemas/base/1.0.0\n",
    );
    playground.write("base/base.yaml", &attribute("base.name"));
    playground.write(
        "semconv/manifest.yaml",
        "schema_url: https://example.com/schemas/1.0.0\ndependencies: [{ registry_path: ../base }]\n",
    );
    playground.write(
        "templates/index.j2",
        &fs::read_to_string(support::templates().join("index.j2")).unwrap(),
    );
    playground.write(
        "vigil-gen.toml",
        "registry = \"semconv\"\nout = \"src\"\ntemplates = \"templates\"\nmodule = \"crate::telemetry\"\n\
         [[outputs]]\ntemplate = \"index.j2\"\napply_to = \"rust.index\"\nfile = \"{module}.md\"\ndir = \"docs\"\n",
    );
    let report = Build::from_config(playground.path("vigil-gen.toml"))
        .run_in(playground.path("target/out"))
        .unwrap();
    for file in [
        "vigil-gen.toml",
        "semconv",
        "semconv/manifest.yaml",
        "semconv/app.yaml",
        "base",
        "base/base.yaml",
        "templates",
        "templates/index.j2",
    ] {
        assert!(
            report.inputs.contains(&playground.path(file)),
            "no {file} in {:?}",
            report.inputs
        );
    }
    assert!(
        playground
            .read("target/out/mod.rs")
            .contains("pub mod semconv;")
    );
    assert!(!playground.path("src").exists() && !playground.path("docs").exists());
}

#[test]
fn what_is_made_is_not_formatted_and_is_made_once() {
    let playground = Playground::new();
    let build = || Build::new(playground.path("semconv")).module("crate::telemetry");
    let first = build().run_in(playground.out()).unwrap();
    assert_eq!(first.counts.written, 9);
    assert_eq!(build().run_in(playground.out()).unwrap().counts.written, 0);
    assert!(
        playground.read("out/semconv/app.rs").contains("\n\n\n"),
        "it is formatted"
    );
}

#[test]
fn a_configuration_that_can_not_be_read_is_told_when_it_runs() {
    let playground = Playground::new();
    let build = Build::from_config(playground.path("vigil-gen.toml")).module("crate::telemetry");
    let failure = build.run_in(playground.out()).unwrap_err();
    assert!(matches!(failure, Failure::Registry(_)));
    assert!(failure.to_string().contains("vigil-gen.toml"), "{failure}");
}

#[test]
fn cargo_shows_the_error_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let generator = Path::new(env!("CARGO_MANIFEST_DIR"));
    write(
        "Cargo.toml",
        &format!(
            "[package]\nname = \"broken-registry\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
             [build-dependencies]\nvigil-gen = {{ path = {generator:?} }}\n"
        ),
    );
    write(
        "build.rs",
        "fn main() {\n    vigil_gen::Build::new(\"conventions\").run();\n}\n",
    );
    write("src/lib.rs", "");
    write(
        "conventions/manifest.yaml",
        "schema_url: https://example.com/schemas/1.0.0\n",
    );
    write(
        "conventions/app.yaml",
        &attribute("app.name").replace("string", "strng"),
    );
    fs::copy(
        workspace().join("Cargo.lock"),
        dir.path().join("Cargo.lock"),
    )
    .unwrap();

    let output = cargo(dir.path());

    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    for line in [
        "error[invalid-type]: there is no type `strng`",
        "--> conventions/app.yaml:4:11",
        "1 error; nothing was written",
    ] {
        assert!(said.contains(line), "no `{line}` in\n{said}");
    }
    assert!(!said.contains("panicked"), "{said}");

    write("conventions/app.yaml", &attribute("app.name"));
    let output = cargo(dir.path());
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn cargo(dir: &Path) -> Output {
    Command::new(env!("CARGO"))
        .args(["check", "--offline", "--quiet"])
        // So that what the generator needs is not built twice.
        .env(
            "CARGO_TARGET_DIR",
            Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap(),
        )
        // No rustfmt is called.
        .env("RUSTFMT", "no-such-rustfmt")
        .current_dir(dir)
        .output()
        .unwrap()
}
