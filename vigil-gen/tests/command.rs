//! The command line: its exit status, what it prints where, and from where it can be called.

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use support::{Playground, attribute, call, stderr, stdout, templates};

#[test]
fn a_run_that_went_well_exits_with_0_and_says_what_it_did() {
    let playground = Playground::new();
    let output = playground.command(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stdout(&output), "");
    assert!(
        stderr(&output).contains("2 attributes (app 1, srv 1) in 3 files"),
        "{}",
        stderr(&output)
    );
    assert!(
        stderr(&output).contains("out: 8 written, 0 unchanged, 0 removed"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn resolve_prints_what_a_registry_means_and_writes_nothing() {
    let playground = Playground::new();
    playground.write(
        "semconv/more.yaml",
        "file_format: definition/2\nevents:\n  - { name: app.done, brief: B., stability: stable, attributes: [{ ref: app.name }] }\n",
    );
    let printed = |arguments: &[&str]| {
        let output = call(&playground.path(""), arguments);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert_eq!(stderr(&output), "");
        stdout(&output)
    };
    let yaml = printed(&["resolve", "--registry", "semconv"]);
    let json = printed(&["resolve", "--registry", "semconv", "--format", "json"]);
    assert!(yaml.contains("  app.done:\n    name: app.done\n"), "{yaml}");
    let yaml: serde_json::Value = serde_yaml::from_str(&yaml).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(yaml, json);
    assert_eq!(json["attributes"]["app.name"]["type"], "string");
    assert_eq!(
        json["events"]["app.done"]["attributes"][0]["key"],
        "app.name"
    );
    assert!(!playground.out().exists());
}

#[test]
fn schema_prints_what_an_editor_needs_for_each_kind_of_file() {
    let titles = [
        (&["schema"][..], "in the format definition/2"),
        (&["schema", "definitions"], "in the format definition/2"),
        (&["schema", "groups"], "in the older format of groups"),
        (&["schema", "manifest"], "The manifest of a registry"),
    ];
    for (arguments, title) in titles {
        let output = call(&Playground::new().path(""), arguments);
        assert!(output.status.success());
        let schema: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let printed = schema["title"].as_str().unwrap();
        assert!(printed.contains(title), "{printed}");
        assert_eq!(schema["type"], "object");
    }
    let unknown = call(&Playground::new().path(""), &["schema", "spans"]);
    assert_eq!(unknown.status.code(), Some(2));
}

#[test]
fn explain_says_what_a_code_means_and_what_to_do() {
    let playground = Playground::new();
    let output = call(&playground.path(""), &["explain", "error[invalid-measure]"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        stdout(&output),
        "invalid-measure: A measurement that the metric can't take from its sources.\n\n\
         See [Metrics](docs/registry.md#metrics) for what each measure asks for.\n"
    );
}

#[test]
fn explain_without_a_code_lists_all_of_them() {
    let output = call(&Playground::new().path(""), &["explain"]);
    let listed = stdout(&output);
    for code in vigil_gen::diagnostic::CODES {
        assert!(listed.contains(&format!("{}: {}\n", code.code, code.meaning)));
    }
}

#[test]
fn explain_suggests_the_code_that_was_meant_and_exits_with_2() {
    let output = call(
        &Playground::new().path(""),
        &["explain", "unknown-atribute"],
    );
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr(&output),
        "error: there is no error code or lint `unknown-atribute`\n\ndid you mean `unknown-attribute`?\n"
    );
}

#[test]
fn errors_are_lines_of_json_for_whoever_asks_for_them() {
    let playground = Playground::new();
    playground.write(
        "semconv/app.yaml",
        &(attribute("app.name") + "events:\n  - { name: app.done, brief: B., stability: stable, attributes: [{ ref: app.nam }] }\n"),
    );
    playground.write("semconv/srv.yaml", &attribute("app.name"));
    let output = playground.command(&["--message-format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stderr(&output), "2 errors; nothing was written\n");
    let lines: Vec<serde_json::Value> = stdout(&output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        lines,
        [
            serde_json::json!({
                "severity": "error",
                "code": "unknown-attribute",
                "message": "no attribute `app.nam`",
                "file": "semconv/app.yaml", "line": 9, "column": 73, "width": 7,
                "text": "  - { name: app.done, brief: B., stability: stable, attributes: [{ ref: app.nam }] }",
                "related": [],
                "help": "did you mean `app.name` (semconv/app.yaml:3)?",
            }),
            serde_json::json!({
                "severity": "error",
                "code": "duplicate-attribute",
                "message": "`app.name` is defined twice",
                "file": "semconv/srv.yaml", "line": 3, "column": 10, "width": 8,
                "text": "  - key: app.name",
                "related": [{
                    "message": "first defined here",
                    "file": "semconv/app.yaml", "line": 3, "column": 10, "width": 8,
                }],
                "help": null,
            }),
        ]
    );
}

#[test]
fn an_error_that_is_not_about_the_registry_is_a_line_of_json_without_a_place() {
    let playground = Playground::new();
    playground.write("out", "in the way");
    let output = playground.command(&["--message-format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let line: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(line["code"], "output");
    assert_eq!(line.get("file"), None);
}

#[test]
fn a_check_of_fresh_code_exits_with_0_and_prints_no_diff() {
    let playground = Playground::new();
    playground.command(&[]);
    let output = playground.command(&["--check"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stdout(&output), "");
}

#[test]
fn a_check_of_stale_code_exits_with_1_prints_a_unified_diff_and_writes_nothing() {
    let playground = Playground::new();
    playground.command(&[]);
    playground.write(
        "semconv/app.yaml",
        &attribute("app.name").replace("Its name.", "Another brief."),
    );
    let before = playground.snapshot();

    let output = playground.command(&["--check"]);

    assert_eq!(output.status.code(), Some(1));
    let diff = stdout(&output);
    assert!(
        diff.starts_with("--- out/semconv/app.rs\n+++ out/semconv/app.rs\n@@ "),
        "{diff}"
    );
    assert!(
        diff.contains("\n-/// Its name.\n+/// Another brief.\n"),
        "{diff}"
    );
    assert!(
        stderr(&output).contains("1 to write"),
        "{}",
        stderr(&output)
    );
    assert!(
        stderr(&output).contains("the generated code is stale"),
        "{}",
        stderr(&output)
    );
    assert_eq!(before, playground.snapshot());
}

#[test]
fn a_check_before_the_first_run_exits_with_1_and_makes_no_directory() {
    let playground = Playground::new();
    let output = playground.command(&["--check"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(!playground.out().exists());
}

#[test]
fn a_registry_with_errors_exits_with_1_and_points_at_each() {
    let playground = Playground::new();
    playground.write(
        "semconv/app.yaml",
        &attribute("app.name").replace("string", "strng"),
    );
    playground.write(
        "semconv/srv.yaml",
        &attribute("srv.name").replace("development", "shaky"),
    );
    let output = playground.command(&[]);
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(text.contains("--> semconv/app.yaml:4:11"), "{text}");
    assert!(text.contains("--> semconv/srv.yaml:6:16"), "{text}");
    assert!(text.ends_with("2 errors; nothing was written\n"), "{text}");
    assert!(!playground.out().exists());
}

#[test]
fn a_file_in_the_way_exits_with_1() {
    let playground = Playground::new();
    playground.write("out/semconv.rs", "// My own.\n");
    let output = playground.command(&[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("out/semconv.rs is in the way"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn an_unknown_argument_exits_with_2() {
    let output = Playground::new().command(&["--chekc"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--check"), "{}", stderr(&output));
}

#[test]
fn a_module_that_is_no_path_from_the_crate_exits_with_2() {
    for module in ["", "foo", "::x", "crate::", "a b"] {
        let output = Playground::new().command(&["--module", module]);
        assert_eq!(output.status.code(), Some(2), "{module}");
        assert!(
            stderr(&output).contains("a path from `crate`"),
            "{}",
            stderr(&output)
        );
    }
}

#[cfg(unix)]
#[test]
fn a_rustfmt_that_fails_without_a_word_is_not_blamed_on_the_templates() {
    let playground = Playground::new();
    let output = Command::new(env!("CARGO_BIN_EXE_vigil-gen"))
        .current_dir(playground.path(""))
        .args(["--registry", "semconv", "--out", "out", "--templates"])
        .arg(templates())
        .env("RUSTFMT", "false")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stderr(&output),
        "error[rustfmt]: it ended with exit status: 1 and said nothing\n\nnothing was written\n"
    );
}

#[test]
fn outside_of_a_workspace_it_exits_with_2_and_says_what_it_looked_for() {
    let dir = tempfile::tempdir().unwrap();
    let output = call(dir.path(), &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("no vigil-gen.toml in"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn without_arguments_it_does_the_main_job_from_any_directory_of_the_workspace() {
    let playground = Playground::new();
    playground.write(
        "vigil-gen.toml",
        "registry = \"semconv\"\nout = \"vigil/src/generated\"\n",
    );
    fs::create_dir_all(playground.path("some/where")).unwrap();

    let output = call(&playground.path("some/where"), &[]);

    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(
        playground
            .path("vigil/src/generated/semconv/app.rs")
            .is_file()
    );
    assert_eq!(
        call(&playground.path("semconv"), &["--check"])
            .status
            .code(),
        Some(0)
    );
    assert_eq!(
        call(&playground.path(""), &["--check"]).status.code(),
        Some(0)
    );
}

#[test]
fn the_help_shows_the_main_job_the_check_and_a_registry_of_ones_own() {
    let output = call(Path::new("."), &["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let help = stdout(&output);
    for text in [
        "cargo run -p vigil-gen\n",
        "-- --check",
        "--registry",
        "--templates",
        "--out",
        "vigil-gen diff v0.1.0\n",
        "Exit status:",
    ] {
        assert!(help.contains(text), "no `{text}` in\n{help}");
    }
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let playground = Playground::new();
    let mut child = Command::new(env!("CARGO_BIN_EXE_vigil-gen"))
        .current_dir(playground.path(""))
        .args([
            "--check",
            "--registry",
            "semconv",
            "--out",
            "out",
            "--templates",
        ])
        .arg(templates())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());

    let output = child.wait_with_output().unwrap();

    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(!stderr(&output).contains("panicked"), "{}", stderr(&output));
}

#[test]
fn rustfmt_can_be_named_by_a_variable() {
    let playground = Playground::new();
    let output = Command::new(env!("CARGO_BIN_EXE_vigil-gen"))
        .current_dir(playground.path(""))
        .args(["--registry", "semconv", "--out", "out", "--templates"])
        .arg(templates())
        .env("RUSTFMT", "no-such-rustfmt")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("can't run `no-such-rustfmt`"),
        "{}",
        stderr(&output)
    );
}
