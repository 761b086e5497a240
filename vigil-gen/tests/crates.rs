//! Registries whose dependencies have their code elsewhere already: it is referred to, not made again.

mod support;

use support::{Playground, call, stderr};

const BASE: &str = r#"file_format: definition/2
attributes:
  - key: app.mode
    type:
      members:
        - { id: fast, value: fast, brief: Fast., stability: stable }
    brief: How it works.
    stability: stable
    annotations: { vigil: { type: Mode } }
  - { key: app.name, type: string, brief: Its name., stability: stable, examples: [a] }
  # Of this one nothing is taken, but it has the better claim to the constant.
  - { key: app.left.out, type: string, brief: Left out., stability: stable, examples: [a] }
  - key: app.left_out
    type: string
    brief: Left out, formerly.
    stability: stable
    examples: [a]
    deprecated: { reason: renamed, renamed_to: app.left.out }
spans:
  - type: app.run.internal
    kind: internal
    name: { note: "run" }
    brief: A run.
    stability: stable
    attributes:
      - { ref: app.mode, requirement_level: required }
    annotations: { vigil: { builder: run_span, root: true, metrics: [app.runs] } }
metrics:
  - name: app.runs
    instrument: counter
    unit: "{run}"
    brief: Runs.
    stability: stable
    attributes:
      - { ref: app.mode, requirement_level: required }
    annotations: { code_generation: { metric_value_type: int }, vigil: { measures: count } }
"#;

const OWN: &str = r#"file_format: definition/2
attributes:
  - key: app.depth
    type: int
    brief: How deep.
    stability: stable
    examples: [3]
  - key: app.other_mode
    type:
      members:
        - { id: fast, value: fast, brief: Fast., stability: stable }
    brief: How else it works.
    stability: stable
    annotations: { vigil: { type: Mode } }
spans:
  - type: app.step.internal
    kind: internal
    name: { note: "step" }
    brief: A step.
    stability: stable
    attributes:
      - { ref: app.mode, requirement_level: required }
      - { ref: app.other_mode }
      - { ref: app.depth }
      - { ref: app.left_out }
    annotations: { vigil: { builder: step_span, parents: [app.run.internal], metrics: [app.runs] } }
"#;

#[test]
fn what_is_there_already_is_referred_to_under_its_own_name() {
    let playground = project(OWN);
    let output = call(&playground.path("own"), &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let spans = playground.read("own/src/spans/app.rs");
    for line in [
        "use base::semconv::app as base_app;",
        "use base::spans::app::RunSpan;",
        "use crate::generated::semconv::app;",
        "impl StepSpanParent for RunSpan {}",
        "base_app::Mode",
        "base_metrics::app::definitions::RUNS",
        "app::DEPTH",
    ] {
        assert!(spans.contains(line), "no `{line}` in\n{spans}");
    }
    // Named as where it was generated, with what is not taken from there.
    assert!(
        spans.contains("base_app::definitions::LEFT_OUT_"),
        "{spans}"
    );
    let semconv = playground.read("own/src/semconv/app.rs");
    assert!(semconv.contains("pub const OTHER_MODE"), "{semconv}");
    assert!(semconv.contains("(base::semconv::app::Mode)"), "{semconv}");
    assert!(
        !semconv.contains("enum Mode") && !semconv.contains("pub const MODE"),
        "{semconv}"
    );
    assert!(!playground.path("own/src/metrics/app.rs").exists());
    let registry = playground.read("own/src/registry.rs");
    assert!(
        registry.contains("dependencies: &[&base::registry::REGISTRY]"),
        "{registry}"
    );
}

#[test]
fn without_its_crate_a_dependency_is_generated_along() {
    let playground = project(OWN);
    playground.write(
        "own/vigil-gen.toml",
        "registry = \"semconv\"\nout = \"src\"\n",
    );
    assert_eq!(call(&playground.path("own"), &[]).status.code(), Some(0));
    let semconv = playground.read("own/src/semconv/app.rs");
    assert!(
        semconv.contains("pub const MODE") && semconv.contains("pub const DEPTH"),
        "{semconv}"
    );
    assert!(
        playground
            .read("own/src/registry.rs")
            .contains("dependencies: &[]")
    );
}

#[test]
fn what_would_have_to_be_written_into_other_code_is_refused() {
    let own = OWN.to_owned()
        + r#"attribute_groups:
  - id: app.note
    visibility: public
    brief: A note.
    stability: stable
    attributes: [{ ref: app.depth }]
    annotations: { vigil: { record: { on: app.run.internal } } }
metrics:
  - name: app.own_runs
    instrument: counter
    unit: "{run}"
    brief: Runs.
    stability: stable
    annotations: { code_generation: { metric_value_type: int }, vigil: { measures: count, from: [app.run.internal] } }
events:
  - name: app.ran
    brief: It ran.
    stability: stable
    annotations: { vigil: { at_end_of: app.run.internal } }
"#;
    let playground = project(&own);
    let output = call(&playground.path("own"), &[]);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!("elsewhere", stderr(&output));
    assert!(!playground.path("own/src").exists());
}

#[test]
fn a_crate_of_what_is_no_dependency_is_refused() {
    let playground = project(OWN);
    playground.write(
        "own/vigil-gen.toml",
        "registry = \"../base\"\nout = \"src\"\ncrates = { semconv = \"own\" }\n",
    );
    let output = call(&playground.path("own"), &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output)
            .starts_with("error[unknown-crate]: the code of `semconv` is said to be in `own`, but"),
        "{}",
        stderr(&output)
    );
}

fn project(own: &str) -> Playground {
    let playground = Playground::new();
    playground.write(
        "base/manifest.yaml",
        "schema_url: https://example.com/schemas/base/1.0.0\n",
    );
    playground.write("base/app.yaml", BASE);
    playground.write(
        "own/semconv/manifest.yaml",
        "schema_url: https://example.com/schemas/own/1.0.0\ndependencies: [{ registry_path: ../../base }]\n",
    );
    playground.write("own/semconv/app.yaml", own);
    playground.write(
        "own/vigil-gen.toml",
        "registry = \"semconv\"\nout = \"src\"\ncrates = { \"../base\" = \"base\" }\n",
    );
    playground
}
