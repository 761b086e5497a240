//! `vigil-gen diff`: what is told of two registries, and what it exits with.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use support::{Playground, cases, git, name, options, stderr, stdout, workspace};
use vigil_gen::diff::{Audience, Diff, RULES};
use vigil_gen::{read_registry, render_unformatted};

#[test]
fn every_pair_of_registries_is_told_apart_as_its_snapshot_says() {
    for case in cases("diff") {
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("diff__{}", name(&case)), compared(&case).to_string());
        });
    }
}

#[test]
fn every_kind_of_change_is_shown_by_a_pair() {
    let shown: BTreeSet<&str> = cases("diff")
        .iter()
        .flat_map(|case| compared(case).changes)
        .map(|change| change.rule.name)
        .collect();
    let missing: Vec<&str> = RULES
        .iter()
        .map(|rule| rule.name)
        .filter(|name| !shown.contains(name))
        .collect();
    assert!(missing.is_empty(), "no pair shows {missing:?}");
}

#[test]
fn every_kind_of_change_that_breaks_something_says_how_to_do_without_and_what_to_do_now() {
    for rule in RULES {
        let breaks = rule.code.breaks() || rule.dashboards.breaks();
        assert_eq!(rule.instead.is_some(), breaks, "{}", rule.name);
        assert!(rule.migration.is_some() || !breaks, "{}", rule.name);
    }
    let names: BTreeSet<&str> = RULES.iter().map(|rule| rule.name).collect();
    assert_eq!(names.len(), RULES.len());
}

#[test]
fn code_is_judged_to_break_if_and_only_if_a_public_signature_is_gone() {
    let mut wrong = Vec::new();
    for case in cases("diff") {
        let (before, after) = (
            signatures(&case.join("before")),
            signatures(&case.join("after")),
        );
        let gone: Vec<&String> = before.difference(&after).collect();
        let judged = compared(&case).breaking(Audience::Code) > 0;
        if judged == gone.is_empty() && !BY_MEANING.contains(&name(&case).as_str()) {
            wrong.push(format!("{}: judged {judged}, gone: {gone:#?}", name(&case)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_registry_is_the_same_as_itself() {
    let mut same = vec![workspace().join("semconv")];
    same.extend(
        cases("diff")
            .iter()
            .flat_map(|it| [it.join("before"), it.join("after")]),
    );
    for registry in same {
        let checked = read_registry(&registry).unwrap();
        let diff = Diff::of(&checked.registry, &checked.registry);
        assert!(diff.changes.is_empty(), "{}:\n{diff}", registry.display());
    }
}

#[test]
fn a_change_that_breaks_something_for_those_who_are_named_makes_the_exit_status_1() {
    let codes = |case: &str| {
        ["code", "dashboards", "code,dashboards", "none"]
            .map(|deny| pair(case, &["--deny", deny]).status.code())
    };
    assert_eq!(codes("added"), [Some(0); 4]);
    assert_eq!(
        codes("argument-order"),
        [Some(1), Some(0), Some(1), Some(0)]
    );
    assert_eq!(codes("boundaries"), [Some(0), Some(1), Some(1), Some(0)]);
    assert_eq!(codes("removed"), [Some(1), Some(1), Some(1), Some(0)]);
    assert_eq!(pair("argument-order", &[]).status.code(), Some(1));
    assert_eq!(pair("boundaries", &[]).status.code(), Some(1));
    assert_eq!(pair("same-meaning", &[]).status.code(), Some(0));
    assert_eq!(
        pair("added", &["--deny", "none,code"]).status.code(),
        Some(2)
    );
    assert_eq!(pair("added", &["--deny", "people"]).status.code(), Some(2));
}

#[test]
fn what_the_baseline_announced_can_be_let_through_and_nothing_else() {
    let codes = |case: &str, deny: &str| {
        [&[][..], &["--allow-announced"]].map(|allow| {
            let arguments = [&["--deny", deny], allow].concat();
            pair(case, &arguments).status.code()
        })
    };
    assert_eq!(codes("removed-obsoleted", "code"), [Some(1), Some(0)]);
    assert_eq!(codes("removed-obsoleted", "dashboards"), [Some(1), Some(0)]);
    assert_eq!(
        codes("renamed-removed-in-place", "code"),
        [Some(1), Some(0)]
    );
    assert_eq!(
        codes("renamed-removed-in-place", "dashboards"),
        [Some(0), Some(0)]
    );
    // One that is announced beside one that isn't.
    assert_eq!(codes("renamed-twice-and-removed", "code"), [Some(1); 2]);
    assert_eq!(codes("renamed-removed-early", "dashboards"), [Some(1); 2]);
    assert_eq!(codes("removed", "code"), [Some(1), Some(1)]);
}

#[test]
fn markdown_is_the_section_of_a_changelog_with_what_breaks_first() {
    let told = |case| stdout(&pair(case, &["--format", "markdown", "--deny", "none"]));
    insta::assert_snapshot!("markdown", told("labels"));
    insta::assert_snapshot!("markdown-announced", told("renamed-removed-early"));
    insta::assert_snapshot!("markdown-renamed", told("renamed"));
    assert_eq!(told("same-meaning"), "### Registry\n\nNo changes.\n");
}

#[test]
fn json_holds_both_verdicts_with_their_reasons() {
    let told = |case| -> serde_json::Value {
        serde_json::from_str(&stdout(&pair(case, &["--format", "json"]))).unwrap()
    };
    let json = told("argument-order");
    assert_eq!(
        json["breaking"],
        serde_json::json!({ "code": 1, "dashboards": 0 })
    );
    assert_eq!(
        told("renamed-removed-in-place")["announced"],
        serde_json::json!({ "code": 3, "dashboards": 0 })
    );
    let change = &json["changes"][0];
    assert_eq!(change["subject"], "span");
    assert_eq!(change["name"], "app.job.internal");
    assert_eq!(change["rule"], "argument-order");
    assert_eq!(change["code"]["breaking"], true);
    assert_eq!(change["code"]["announced"], false);
    assert_eq!(change["dashboards"]["reason"], "the same is sent");
    assert!(change["instead"].is_string());
    assert_eq!(
        change["migration"],
        "read every call of it, also those that still compile"
    );
    assert_eq!(told("same-meaning")["changes"], serde_json::json!([]));
}

#[test]
fn a_git_revision_is_read_with_what_the_registry_depended_on_then() {
    let playground = Playground::new();
    let path = |below: &str| playground.path(below).to_str().unwrap().to_owned();
    let registry = path("semconv/more");
    playground.write(
        "semconv/more/manifest.yaml",
        "schema_url: https://example.com/more/1.0.0\ndescription: B.\nstability: development\ndependencies: [{ name: base, registry_path: ../base }]\n",
    );
    playground.write("semconv/more/more.yaml", METRIC);
    playground.write(
        "semconv/base/manifest.yaml",
        "schema_url: https://example.com/base/1.0.0\ndescription: B.\nstability: development\n",
    );
    let base = "file_format: definition/2\nattributes: [{ key: base.flag, type: boolean, brief: B., stability: development }]\n";
    playground.write("semconv/base/base.yaml", base);
    git(&playground, &["init", "--quiet"]);
    git(&playground, &["add", "."]);
    git(&playground, &["commit", "--quiet", "-m", "first"]);
    git(&playground, &["tag", "v1"]);

    let same = diff(&["v1", "--registry", &registry]);
    assert_eq!(stdout(&same), "no changes\n");
    assert_eq!(same.status.code(), Some(0));

    // What is not committed counts as well, and so does what a dependency says.
    playground.write(
        "semconv/more/more.yaml",
        &METRIC.replace("counter", "gauge"),
    );
    playground.write("semconv/base/base.yaml", &base.replace("boolean", "int"));
    let changed = diff(&["v1", "--registry", &registry]);
    for rule in ["[metric-instrument]", "[attribute-type]"] {
        assert!(stdout(&changed).contains(rule), "{}", stdout(&changed));
    }
    assert_eq!(changed.status.code(), Some(1));

    playground.write("semconv/base/base.yaml", base);

    // The baseline's errors are named as git names files of a revision.
    playground.write(
        "semconv/more/more.yaml",
        &METRIC.replace("counter", "gouge"),
    );
    git(&playground, &["commit", "--quiet", "-am", "broken"]);
    playground.write("semconv/more/more.yaml", METRIC);
    let broken = diff(&["HEAD", "--registry", &registry]);
    assert_eq!(broken.status.code(), Some(1));
    let told = stderr(&broken);
    assert!(
        told.starts_with("the baseline `HEAD` has errors:\n"),
        "{told}"
    );
    assert!(
        told.contains("--> HEAD:/semconv/more/more.yaml:2:"),
        "{told}"
    );
    assert!(broken.stdout.is_empty());

    // A revision without the registry, and none at all.
    playground.write(
        "semconv/later/manifest.yaml",
        "schema_url: https://example.com/later/1.0.0\ndescription: B.\nstability: development\n",
    );
    playground.write("semconv/later/later.yaml", base);
    let absent = diff(&["v1", "--registry", &path("semconv/later")]);
    assert_eq!(absent.status.code(), Some(2));
    assert!(
        stderr(&absent).contains("it has no registry in `semconv/later`"),
        "{}",
        stderr(&absent)
    );
    let unknown = diff(&["v2", "--registry", &registry]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(
        stderr(&unknown).contains("no baseline `v2`"),
        "{}",
        stderr(&unknown)
    );
}

#[cfg(unix)]
#[test]
fn links_are_followed_in_a_git_revision_as_they_are_on_disk() {
    use std::os::unix::fs::symlink;

    let playground = Playground::new();
    let registry = playground.path("semconv");
    playground.write(
        "semconv/manifest.yaml",
        "schema_url: https://example.com/schemas/1.0.0\ndescription: B.\nstability: development\n",
    );
    playground.write("shared/metrics/one.yaml", METRIC);
    playground.write(
        "shared/flag.yaml",
        "file_format: definition/2\nattributes: [{ key: base.flag, type: boolean, brief: B., stability: development }]\n",
    );
    // A file, and a directory through one that is itself linked.
    symlink("../shared/flag.yaml", registry.join("flag.yaml")).unwrap();
    symlink("shared", playground.path("alias")).unwrap();
    symlink("../alias/metrics", registry.join("more")).unwrap();
    // Nobody's, and in circles.
    symlink("..", playground.path("shared/up")).unwrap();
    git(&playground, &["init", "--quiet"]);
    git(&playground, &["add", "."]);
    git(&playground, &["commit", "--quiet", "-m", "first"]);

    let registry = registry.to_str().unwrap();
    let same = diff(&["HEAD", "--registry", registry]);
    assert_eq!(stdout(&same), "no changes\n", "{}", stderr(&same));

    playground.write(
        "shared/metrics/one.yaml",
        &METRIC.replace("counter", "gauge"),
    );
    let changed = diff(&["HEAD", "--registry", registry]);
    assert!(
        stdout(&changed).contains("[metric-instrument]"),
        "{}",
        stdout(&changed)
    );

    // What lies elsewhere, no revision has.
    symlink(
        "/nowhere/to/be/found.yaml",
        playground.path("semconv/far.yaml"),
    )
    .unwrap();
    git(&playground, &["add", "."]);
    git(&playground, &["commit", "--quiet", "-m", "second"]);
    fs::remove_file(playground.path("semconv/far.yaml")).unwrap();
    let out = diff(&["HEAD", "--registry", registry]);
    assert_eq!(out.status.code(), Some(2));
    assert!(
        stderr(&out).contains("`semconv/far.yaml` leads out of the repository"),
        "{}",
        stderr(&out)
    );
}

#[test]
fn a_baseline_that_can_not_be_had_is_told_of() {
    let playground = Playground::new();
    let registry = playground.path("semconv");
    let registry = registry.to_str().unwrap();
    let outside = diff(&["v1", "--registry", registry]);
    assert_eq!(outside.status.code(), Some(2));
    assert!(
        stderr(&outside).contains("is in no git repository"),
        "{}",
        stderr(&outside)
    );

    let no_git = Command::new(env!("CARGO_BIN_EXE_vigil-gen"))
        .args(["diff", "v1", "--registry", registry])
        .env("PATH", "")
        .output()
        .unwrap();
    assert_eq!(no_git.status.code(), Some(2));
    assert!(
        stderr(&no_git).contains("can't be run"),
        "{}",
        stderr(&no_git)
    );

    // A directory is a baseline whatever git says, and its errors are the baseline's.
    playground.write("old/nothing.txt", "");
    let old = playground.path("old");
    let empty = diff(&[old.to_str().unwrap(), "--registry", registry]);
    assert_eq!(empty.status.code(), Some(1));
    let told = stderr(&empty);
    assert!(
        told.starts_with("the baseline `") && told.contains("error[no-manifest]"),
        "{told}"
    );
}

/// What breaks code although every signature stays: a unit, a `match` that lacks an arm, a promise.
const BY_MEANING: [&str; 3] = ["attribute-unit", "enum-closed-member", "stability-lowered"];

/// What the generated code of a registry offers: every public item, variant and implementation, each
/// after the file and the block that it stands in.
fn signatures(registry: &Path) -> BTreeSet<String> {
    let checked = read_registry(registry).unwrap();
    let rendered = render_unformatted(&checked, &options(registry, Path::new("out"))).unwrap();
    let mut signatures = BTreeSet::new();
    for (path, text) in rendered.values().flatten() {
        let mut block = String::new();
        let mut variants = false;
        let mut derived = Vec::new();
        // Nothing is indented yet: what stands within what, braces tell, which are in pairs in text too.
        let mut depth = 0;
        let mut deeper = |line: &str| {
            let before = depth;
            depth += line.matches('{').count();
            depth -= line.matches('}').count();
            before
        };
        let mut lines = text
            .lines()
            .map(str::trim)
            .filter(|it| !it.starts_with("//"));
        while let Some(line) = lines.next() {
            let top = deeper(line) == 0;
            if let Some(list) = line.strip_prefix("#[derive(") {
                derived = list.trim_end_matches(")]").split(", ").collect();
            }
            if line.starts_with("pub ") || line.starts_with("impl") {
                let mut item = line.to_owned();
                // A field ends with its line.
                while !item.contains(['{', ';']) && !line.ends_with(',') {
                    let Some(next) = lines.next() else { break };
                    deeper(next);
                    item = format!("{item} {next}");
                }
                let end = item.find(['{', ';', '=']).unwrap_or(item.len());
                let item = item[..end].split_whitespace().collect::<Vec<_>>().join(" ");
                if top {
                    for it in derived.drain(..) {
                        signatures.insert(format!("{path}: {item}: {it}"));
                    }
                    variants = item.starts_with("pub enum");
                    let holds = ["pub enum", "pub struct", "pub trait", "impl"];
                    let holds = holds.iter().any(|it| item.starts_with(it));
                    block = if holds { item.clone() } else { String::new() };
                }
                signatures.insert(format!("{path}: {block}: {item}"));
            } else if variants && line.starts_with(|c: char| c.is_ascii_uppercase()) {
                signatures.insert(format!("{path}: {block}: {line}"));
            }
        }
    }
    signatures
}

const METRIC: &str = "file_format: definition/2
metrics: [{ name: more.count, instrument: counter, unit: \"1\", brief: B., stability: development, requirement_level: recommended, attributes: [{ ref: base.flag, requirement_level: required }], annotations: { code_generation: { metric_value_type: int } } }]
";

fn compared(case: &Path) -> Diff {
    let read = |side| {
        read_registry(&case.join(side)).unwrap_or_else(|it| panic!("{}: {it}", case.display()))
    };
    Diff::of(&read("before").registry, &read("after").registry)
}

fn pair(case: &str, arguments: &[&str]) -> Output {
    let case = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/diff")
        .join(case);
    assert!(fs::exists(&case).unwrap(), "{}", case.display());
    let (before, after) = (case.join("before"), case.join("after"));
    let mut all = vec![
        before.to_str().unwrap(),
        "--registry",
        after.to_str().unwrap(),
    ];
    all.extend(arguments);
    diff(&all)
}

fn diff(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vigil-gen"))
        .arg("diff")
        .args(arguments)
        .output()
        .unwrap()
}
