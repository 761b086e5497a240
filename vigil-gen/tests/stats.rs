//! `vigil-gen stats`: what is counted, and how many series metrics can make.

mod support;

use std::process::{Command, Output};

use support::{Playground, workspace};

const METRICS: &str = r#"groups:
  - id: registry.app
    type: attribute_group
    brief: B.
    stability: stable
    attributes:
      - { id: app.flag, type: boolean, brief: B., stability: stable }
      - { id: app.free, type: string, brief: B., stability: development, examples: [a] }
      - id: app.kind
        type: { members: [{ id: a, value: a, brief: B., stability: stable }, { id: b, value: b, brief: B., stability: stable }] }
        brief: B.
        stability: stable
        deprecated: use nothing
  - id: metric.app.bounded
    type: metric
    metric_name: app.bounded
    instrument: counter
    unit: "{x}"
    brief: B.
    stability: stable
    attributes:
      - { ref: app.flag, requirement_level: required }
      - { ref: app.kind }
      - { ref: app.free, requirement_level: opt_in }
  - id: metric.app.none
    type: metric
    metric_name: app.none
    instrument: counter
    unit: "{x}"
    brief: B.
    stability: stable
  - id: metric.app.unbounded
    type: metric
    metric_name: app.unbounded
    instrument: counter
    unit: "{x}"
    brief: B.
    stability: development
    attributes:
      - { ref: app.flag }
      - { ref: app.free }
"#;

#[test]
fn everything_is_counted_by_namespace_kind_and_stability_and_metrics_by_their_series() {
    let playground = Playground::new();
    playground.write("semconv/metrics.yaml", METRICS);
    let text = call(&playground, &["--registry", "semconv"]);
    insta::assert_snapshot!("stats", text);

    let json = call(&playground, &["--registry", "semconv", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["total"]["metrics"], 3);
    assert_eq!(json["namespaces"]["srv"]["attributes"], 1);
    assert_eq!(json["stability"]["deprecated"]["attributes"], 1);
    let series = &json["series"];
    // A flag, times an enum of two and one for others, which may be missing.
    assert_eq!(series["app.bounded"]["largest"], 2 * (2 + 1 + 1));
    assert_eq!(series["app.none"]["largest"], 1);
    assert_eq!(
        series["app.unbounded"],
        serde_json::json!({ "largest": null, "values": { "app.flag": 3, "app.free": null } })
    );
}

#[test]
fn a_bound_counts_with_what_stands_for_all_beyond_it() {
    let playground = Playground::new();
    let registry = workspace().join("semconv");
    let json = call(
        &playground,
        &["--registry", registry.to_str().unwrap(), "--format", "json"],
    );
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    // 200 tools and one for the others, times four ways to end.
    assert_eq!(json["series"]["life.tool.executions"]["largest"], 201 * 4);
}

#[test]
fn a_registry_with_errors_is_not_counted() {
    let playground = Playground::new();
    playground.write("semconv/bad.yaml", "groups: 3\n");
    let output = output(&playground, &["--registry", "semconv"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
}

fn call(playground: &Playground, arguments: &[&str]) -> String {
    let output = output(playground, arguments);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn output(playground: &Playground, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vigil-gen"))
        .current_dir(playground.path(""))
        .arg("stats")
        .args(arguments)
        .output()
        .unwrap()
}
