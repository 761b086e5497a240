//! What lints find, what suppresses it, and what becomes of it.

mod support;

use std::collections::BTreeSet;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use support::{Playground, call, cases, name, stderr, stdout, workspace};
use vigil_gen::diagnostic::{Diagnostics, Warnings};
use vigil_gen::lint::{GROUPS, Judging, LINTS, Level, Levels, lint};
use vigil_gen::{Checked, Date, read_registry};

#[test]
fn every_lint_finds_what_its_failing_case_shows_and_nothing_in_its_passing_case() {
    for lint in LINTS {
        let (found, told) = judged(&case(lint.name), "fails");
        let codes: BTreeSet<&str> = found.iter().map(|it| it.code).collect();
        assert_eq!(codes, BTreeSet::from([lint.name]), "{told}");
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("lint__{}", lint.name), told);
        });
        let (found, told) = judged(&case(lint.name), "passes");
        assert!(found.is_empty(), "{}: {told}", lint.name);
    }
}

#[test]
fn every_case_is_that_of_a_lint_and_says_why_it_exists() {
    for case in cases("lints") {
        let known = LINTS.iter().any(|lint| lint.name == name(&case));
        assert!(known, "{} is no lint", name(&case));
        for side in ["fails", "passes"] {
            let text = fs::read_to_string(case.join(side).join("app.yaml")).unwrap();
            let first = text.lines().next().unwrap();
            assert!(
                first.starts_with("# ") && first.ends_with('.'),
                "{}: {first}",
                case.display()
            );
        }
    }
}

#[test]
fn every_lint_has_a_name_of_words_with_hyphens_that_no_error_has() {
    let mut names = BTreeSet::from(GROUPS);
    names.extend(vigil_gen::diagnostic::CODES.iter().map(|it| it.code));
    for lint in LINTS {
        assert!(names.insert(lint.name), "{}", lint.name);
        let plain = |c: char| c.is_ascii_lowercase() || c == '-';
        assert!(lint.name.chars().all(plain), "{}", lint.name);
        assert!(lint.meaning.ends_with('.') && lint.remedy.ends_with('.'));
    }
}

#[test]
fn what_lints_say_are_sentences_in_the_manner_of_rustc_with_help() {
    for lint in LINTS {
        for finding in &judged(&case(lint.name), "fails").0 {
            let message = &finding.message;
            assert!(!message.starts_with(char::is_uppercase), "{message}");
            assert!(!message.ends_with('.'), "{message}");
            assert_eq!(message.matches('`').count() % 2, 0, "{message}");
            assert!(finding.help.is_some(), "{message}");
        }
    }
}

/// `VIGIL_UPDATE_DOCS=1` writes the table anew.
#[test]
fn the_documentation_lists_every_lint_and_what_is_said_of_it() {
    let path = workspace().join("docs/registry.md");
    let text = fs::read_to_string(&path).unwrap();
    let head = "| lint | level | what it finds | what to do |\n|---|---|---|---|\n";
    let start = text.find(head).unwrap() + head.len();
    let end = start + text[start..].find("\nWhat is an error").unwrap();
    let mut table = String::new();
    for lint in LINTS {
        let (name, level) = (lint.name, lint.level.word());
        let (meaning, remedy) = (lint.meaning, lint.remedy);
        writeln!(table, "| `{name}` | {level} | {meaning} | {remedy} |").unwrap();
    }
    if env::var_os("VIGIL_UPDATE_DOCS").is_some() {
        fs::write(&path, text[..start].to_owned() + &table + &text[end..]).unwrap();
        return;
    }
    assert_eq!(
        &text[start..end],
        table,
        "run the test with VIGIL_UPDATE_DOCS=1 to write the table anew"
    );
}

#[test]
fn the_registries_of_the_workspace_and_what_init_makes_give_no_cause_to_warn() {
    let playground = Playground::new();
    let vigil = workspace().join("vigil");
    let made = call(
        &playground.path(""),
        &["init", "shop", "--vigil", vigil.to_str().unwrap()],
    );
    assert!(made.status.success(), "{}", stderr(&made));
    assert!(!stderr(&made).contains("warning"), "{}", stderr(&made));
    let root = workspace();
    for registry in [
        root.join("semconv"),
        root.join("examples/planner/conventions"),
        root.join("examples/thermostat/conventions"),
        playground.path("shop/conventions"),
    ] {
        let linted = call(
            &playground.path(""),
            &["lint", "--registry", registry.to_str().unwrap()],
        );
        assert_eq!(stderr(&linted), "nothing found\n", "{}", registry.display());
        assert!(linted.status.success());
    }
}

#[test]
fn a_warning_is_told_and_everything_is_written() {
    let playground = noisy();
    let output = playground.command(&[]);
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(
        told.starts_with(
            "warning[unit-in-name]: `app.wait_ms` has the unit `ms` in its name\n --> semconv/app.yaml:3:10\n"
        ),
        "{told}"
    );
    assert!(told.contains("\nlints      1 warning\n"), "{told}");
    assert_eq!(stdout(&output), "");
    assert!(playground.out().join("semconv/app.rs").exists());
}

#[test]
fn a_denied_lint_writes_nothing_and_is_told_with_all_other_errors() {
    let playground = noisy();
    let output = playground.command(&["--deny", "unit-in-name"]);
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(told.starts_with("error[unit-in-name]: "), "{told}");
    assert!(told.ends_with("\n1 error; nothing was written\n"), "{told}");
    assert!(!playground.out().exists());

    // Two names that make one constant are found only when code is made of them.
    playground.write(
        "semconv/srv.yaml",
        "file_format: definition/2\nattributes:\n  - { key: srv.a.b, type: boolean, brief: Whether it was asked for., stability: stable }\n  - { key: srv.a_b, type: boolean, brief: Whether it was given., stability: stable }\n",
    );
    let output = playground.command(&["--deny", "warnings"]);
    let told = stderr(&output);
    assert!(told.contains("error[unit-in-name]"), "{told}");
    assert!(told.contains("error[identifier-collision]"), "{told}");
    assert!(
        told.ends_with("\n2 errors; nothing was written\n"),
        "{told}"
    );
    assert!(!playground.out().exists());
}

#[test]
fn what_is_denied_is_told_along_with_names_that_do_not_exist_and_broken_contracts() {
    let playground = noisy();
    let told = |broken: &str| {
        playground.write("semconv/srv.yaml", &(attribute("srv.kind") + broken));
        let output = playground.command(&["--deny", "warnings"]);
        let linted = call(
            &playground.path(""),
            &["lint", "--registry", "semconv", "--deny", "warnings"],
        );
        assert_eq!(stderr(&output), stderr(&linted));
        assert_eq!(output.status.code(), Some(1));
        assert!(!playground.out().exists());
        stderr(&output)
    };
    // What is suppressed on a reference that leads nowhere is not left over.
    let event = "events:\n  - name: srv.done\n    brief: It was done.\n    stability: development\n    attributes: [{ ref: srv.knd, annotations: { vigil: { allow: [less-stable-attribute] } } }]\n";
    let unknown = told(event);
    assert!(unknown.contains("error[unknown-attribute]"), "{unknown}");
    assert!(unknown.contains("error[unit-in-name]"), "{unknown}");
    assert!(
        unknown.ends_with("\n2 errors; nothing was written\n"),
        "{unknown}"
    );
    let span = "spans:\n  - { type: srv.job.internal, kind: internal, name: { note: job }, brief: A piece of work., stability: development, annotations: { vigil: { builder: job_span } } }\n";
    let broken = told(span);
    assert!(broken.contains("error[incomplete-contract]"), "{broken}");
    assert!(broken.contains("error[unit-in-name]"), "{broken}");
    // What can't be read can't be judged.
    let unread = told("events: [{ name: srv.done, brief: 7, stability: development }]\n");
    assert!(unread.contains("error[wrong-shape]"), "{unread}");
    assert!(
        unread.ends_with("\n1 error; nothing was written\n"),
        "{unread}"
    );
}

#[test]
fn findings_are_lines_of_json_with_the_name_of_their_lint() {
    let playground = noisy();
    let line = |arguments: &[&str]| -> serde_json::Value {
        let output = playground.command(arguments);
        serde_json::from_str(stdout(&output).lines().next().unwrap()).unwrap()
    };
    let warned = line(&["--message-format", "json"]);
    assert_eq!(warned["severity"], "warning");
    assert_eq!(warned["code"], "unit-in-name");
    assert_eq!(warned["file"], "semconv/app.yaml");
    assert_eq!(warned["line"], 3);
    let denied = line(&["--message-format", "json", "--deny", "all"]);
    assert_eq!(denied["severity"], "error");
}

#[test]
fn levels_come_from_the_configuration_and_the_command_line_has_the_last_word() {
    let playground = noisy();
    let config = |lints: &str| {
        let text = format!("registry = \"semconv\"\nout = \"out\"\n[lints]\n{lints}\n");
        playground.write("vigil-gen.toml", &text);
    };
    let codes = |arguments: &[&str]| {
        let generated = call(&playground.path(""), arguments);
        let lint: Vec<&str> = [&["lint"], arguments].concat();
        let linted = call(&playground.path(""), &lint);
        assert_eq!(
            generated.status.code(),
            linted.status.code(),
            "{}",
            stderr(&generated)
        );
        (generated.status.code(), stderr(&linted))
    };
    let warned = |(code, told): (Option<i32>, String)| {
        assert!(told.ends_with("\n1 warning\n"), "{told}");
        assert_eq!(code, Some(0));
    };
    let denied = |(code, told): (Option<i32>, String)| {
        assert!(told.ends_with("\n1 error\n"), "{told}");
        assert_eq!(code, Some(1));
    };
    let allowed = |found: (Option<i32>, String)| {
        assert_eq!(found, (Some(0), "nothing found\n".to_owned()));
    };
    config("");
    warned(codes(&[]));
    config("unit-in-name = \"deny\"");
    denied(codes(&[]));
    warned(codes(&["--warn", "unit-in-name"]));
    allowed(codes(&["--allow", "unit-in-name"]));
    config("unit-in-name = \"allow\"");
    allowed(codes(&[]));
    allowed(codes(&["--deny", "warnings"]));
    denied(codes(&["--deny", "unit-in-name,expired"]));
    // Single lints count more than all, and `warnings` has what is left.
    config("all = \"allow\"\nunit-in-name = \"warn\"\nwarnings = \"deny\"");
    denied(codes(&[]));
    config("unit-in-name = \"warn\"\nall = \"deny\"");
    warned(codes(&["--allow", "missing-owner"]));
    allowed(codes(&["--allow", "all"]));
}

#[test]
fn lints_and_levels_that_do_not_exist_are_refused_with_what_was_meant() {
    let playground = noisy();
    playground.write(
        "vigil-gen.toml",
        "registry = \"semconv\"\nout = \"out\"\n\n[lints]\nunit-in-names = \"deny\"\nexpired = \"warning\"\nwarning = \"deny\"\nno-examples = true\n",
    );
    let output = call(&playground.path(""), &[]);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!("unknown-in-config", stderr(&output));

    playground.write(
        "vigil-gen.toml",
        "registry = \"semconv\"\nout = \"out\"\nlints = \"deny\"\n",
    );
    let told = stderr(&call(&playground.path(""), &[]));
    assert!(
        told.contains("error[wrong-shape]: `lints` is a table, not text"),
        "{told}"
    );

    for (arguments, expected) in [
        (
            &["--deny", "unit-in-nmae"][..],
            "there is no lint `unit-in-nmae`; did you mean `unit-in-name`?",
        ),
        (
            &["--warn", "everything"],
            "there is no lint `everything`; `vigil-gen lints` lists all of them",
        ),
        (
            &["--warn", "expired", "--deny", "expired"],
            "`expired` gets two levels",
        ),
        (&["--today", "tomorrow"], "a day is written as `2027-06-30`"),
    ] {
        let output = playground.command(arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    }
}

#[test]
fn what_expires_is_compared_with_the_day_that_is_named_or_that_of_the_build() {
    let playground = Playground::new();
    let noted = "    annotations: { vigil: { expires: 2027-06-30 } }\n";
    playground.write("semconv/srv.yaml", &(attribute("srv.kind") + noted));
    playground.write("semconv/app.yaml", &attribute("app.kind"));
    let found = |today: &[&str], epoch: Option<&str>| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_vigil-gen"));
        command.current_dir(playground.path(""));
        command
            .env_remove("SOURCE_DATE_EPOCH")
            .envs(epoch.map(|it| ("SOURCE_DATE_EPOCH", it)));
        let output = command
            .args(["lint", "--registry", "semconv"])
            .args(today)
            .output()
            .unwrap();
        (output.status.code(), stderr(&output))
    };
    assert_eq!(
        found(&["--today", "2027-06-29"], Some("4000000000")).1,
        "nothing found\n"
    );
    let (code, told) = found(&["--today", "2027-06-30"], None);
    assert!(
        told.starts_with("warning[expired]: `srv.kind` expired on 2027-06-30\n"),
        "{told}"
    );
    assert_eq!(code, Some(0));
    // The last second of the day before, and the first of that day, in UTC.
    assert_eq!(found(&[], Some("1814313599")).1, "nothing found\n");
    assert!(
        found(&[], Some("1814313600"))
            .1
            .contains("warning[expired]")
    );
    let (code, told) = found(&[], Some("today"));
    assert_eq!(code, Some(1));
    assert!(
        told.starts_with("error[date]: `SOURCE_DATE_EPOCH` is the seconds since 1970, not `today`"),
        "{told}"
    );
}

#[test]
fn what_is_generated_is_the_same_whatever_day_it_is() {
    let playground = Playground::new();
    let noted = "    annotations: { vigil: { expires: 2027-06-30 } }\n";
    playground.write("semconv/srv.yaml", &(attribute("srv.kind") + noted));
    playground.write("semconv/app.yaml", &attribute("app.kind"));
    assert!(
        playground
            .command(&["--today", "2027-01-01"])
            .status
            .success()
    );
    let later = playground.command(&["--today", "2028-01-01", "--check"]);
    assert_eq!(later.status.code(), Some(0), "{}", stderr(&later));
    assert!(stderr(&later).contains("warning[expired]"));
}

#[test]
fn a_suppression_holds_for_what_it_stands_on_and_all_within_and_for_nothing_else() {
    let playground = Playground::new();
    playground.write("semconv/srv.yaml", &attribute("srv.kind"));
    let write = |on_event: &str, on_reference: &str| {
        let text = format!(
            "{}events:\n  - name: app.done\n    brief: It was done.\n    stability: development\n    attributes:\n      - ref: app.kind\n        brief: no sentence\n        annotations: {{ vigil: {{ allow: [{on_reference}] }} }}\n      - ref: srv.kind\n        brief: none either\n    annotations: {{ vigil: {{ allow: [{on_event}] }} }}\n",
            attribute("app.kind")
        );
        playground.write("semconv/app.yaml", &text);
        let output = call(
            &playground.path(""),
            &["lint", "--registry", "semconv", "--message-format", "json"],
        );
        let lines: Vec<(String, u64)> = stdout(&output)
            .lines()
            .map(|line| {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                (
                    line["code"].as_str().unwrap().to_owned(),
                    line["line"].as_u64().unwrap(),
                )
            })
            .collect();
        lines
    };
    let brief = |line| ("unclear-brief".to_owned(), line);
    let unused = |line| ("unused-allow".to_owned(), line);
    assert_eq!(write("", ""), [brief(13), brief(16)]);
    assert_eq!(write("", "unclear-brief"), [brief(16)]);
    assert_eq!(write("unclear-brief", ""), []);
    // The nearer one suppresses; one that is left over is told of.
    assert_eq!(write("unclear-brief", "unclear-brief"), []);
    assert_eq!(write("unclear-brief, unclear-brief", ""), [unused(18)]);
    assert_eq!(
        write("expired", "unit-in-name"),
        [brief(13), unused(15), brief(16), unused(18)]
    );
    // What is not in force is suppressed all the same.
    assert_eq!(write("missing-owner, unclear-brief", ""), []);
}

#[test]
fn registries_of_the_older_format_are_judged_and_suppress_alike() {
    let playground = Playground::new();
    let text = "groups:
  - id: registry.app
    type: attribute_group
    brief: What is said of a call.
    attributes:
      - id: app.wait_ms
        type: int
        brief: How long the caller waited.
        stability: stable
        examples: [1]
        annotations: { vigil: { owner: callers, allow: [unit-in-name] } }
      - id: app.reply_ms
        type: int
        brief: How long the reply took.
        stability: stable
        examples: [1]
  - id: metric.app.calls
    type: metric
    metric_name: app.calls_total
    instrument: counter
    unit: \"{call}\"
    brief: Calls that came in.
    stability: stable
    annotations: { vigil: { allow: [total-in-name, expired] } }
    attributes:
      - { ref: app.wait_ms, brief: long, annotations: { vigil: { allow: [unclear-brief] } } }
      - { ref: app.reply_ms, brief: longer }
";
    playground.write("semconv/app.yaml", text);
    playground.write("semconv/srv.yaml", &attribute("srv.kind"));
    let output = call(
        &playground.path(""),
        &["lint", "--registry", "semconv", "--message-format", "json"],
    );
    let found: Vec<String> = stdout(&output)
        .lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            format!("{}:{}", line["code"].as_str().unwrap(), line["line"])
        })
        .collect();
    assert_eq!(
        found,
        ["unit-in-name:12", "unused-allow:24", "unclear-brief:27"]
    );
}

#[test]
fn what_others_define_is_theirs() {
    let playground = Playground::new();
    playground.write(
        "semconv/manifest.yaml",
        "schema_url: https://example.com/schemas/1.0.0\ndescription: A test.\nstability: development\ndependencies: [{ schema_url: https://example.com/base/1.0.0, registry_path: ../base }]\n",
    );
    playground.write("semconv/srv.yaml", &attribute("srv.kind"));
    playground.write(
        "semconv/app.yaml",
        "file_format: definition/2\nimports: { events: [base.done] }\nevents:\n  - name: app.done\n    brief: It was done.\n    stability: development\n    attributes: [{ ref: base.wait_ms }]\n",
    );
    playground.write(
        "base/manifest.yaml",
        "schema_url: https://example.com/base/1.0.0\ndescription: A base.\nstability: development\n",
    );
    playground.write(
        "base/base.yaml",
        "file_format: definition/2\nattributes:\n  - { key: base.wait_ms, type: int, brief: wait, stability: development, annotations: { vigil: { allow: [expired] } } }\nevents:\n  - { name: base.done, brief: Done., stability: development }\n",
    );
    let own = call(&playground.path(""), &["lint", "--registry", "semconv"]);
    assert_eq!(stderr(&own), "nothing found\n");
    let base = call(&playground.path(""), &["lint", "--registry", "base"]);
    assert!(
        stderr(&base).ends_with("\n5 warnings\n"),
        "{}",
        stderr(&base)
    );
}

#[test]
fn a_revision_can_be_the_baseline_and_one_that_can_not_be_had_is_told_of() {
    let playground = Playground::new();
    let before = call(
        &playground.path(""),
        &["lint", "--registry", "semconv", "--baseline", "v1"],
    );
    assert_eq!(before.status.code(), Some(2));
    assert!(
        stderr(&before).contains("no baseline `v1`"),
        "{}",
        stderr(&before)
    );
    let old = Path::new(env!("CARGO_MANIFEST_DIR")).join(case("removed-without-deprecation"));
    let old = old.join("before");
    let against_old = |registry: &str, more: &[&str]| {
        let old = old.to_str().unwrap();
        let arguments = ["lint", "--registry", registry, "--baseline", old];
        call(&playground.path(""), &[&arguments[..], more].concat())
    };
    let same = against_old(old.to_str().unwrap(), &[]);
    assert_eq!(stderr(&same), "nothing found\n");
    let gone = against_old("semconv", &[]);
    assert_eq!(gone.status.code(), Some(1));
    assert!(
        stderr(&gone).contains("error[removed-without-deprecation]: "),
        "{}",
        stderr(&gone)
    );
    let allowed = against_old("semconv", &["--allow", "removed-without-deprecation"]);
    assert_eq!(allowed.status.code(), Some(0));
}

#[test]
fn lints_lists_all_with_the_levels_that_they_have() {
    let playground = Playground::new();
    let outside = tempfile::tempdir().unwrap();
    let listed = stdout(&call(outside.path(), &["lints"]));
    assert_eq!(listed.lines().count(), LINTS.len());
    for (line, lint) in listed.lines().zip(LINTS) {
        let mut words = line.split_whitespace();
        assert_eq!(words.next(), Some(lint.name));
        assert_eq!(words.next(), Some(lint.level.word()));
        assert!(line.ends_with(&lint.meaning()), "{line}");
    }
    playground.write(
        "vigil-gen.toml",
        "registry = \"semconv\"\nout = \"out\"\n[lints]\nmissing-owner = \"deny\"\n",
    );
    let listed = call(
        &playground.path(""),
        &["lints", "--format", "json", "--warn", "unbounded-attribute"],
    );
    let listed: serde_json::Value = serde_json::from_str(&stdout(&listed)).unwrap();
    let of = |name: &str| {
        let mut all = listed.as_array().unwrap().iter();
        all.find(|it| it["name"] == name).unwrap().clone()
    };
    assert_eq!(of("missing-owner")["level"], "deny");
    assert_eq!(of("missing-owner")["default"], "allow");
    assert_eq!(of("unbounded-attribute")["level"], "warn");
    assert_eq!(of("removed-without-deprecation")["needs_baseline"], true);
}

#[test]
fn explain_says_what_a_lint_is_for() {
    let output = call(
        &Playground::new().path(""),
        &["explain", "warning[missing-owner]"],
    );
    assert_eq!(
        stdout(&output),
        "missing-owner: A definition that nobody answers for.\n\n\
         Name an [owner](docs/registry.md#owners-and-expiry) of it, of its namespace, or of the whole registry.\n\n\
         A lint, `allow` unless `vigil-gen.toml` says otherwise.\n"
    );
}

#[test]
fn owners_are_those_of_the_definition_its_namespace_or_the_registry_in_that_order() {
    let playground = Playground::new();
    playground.write(
        "semconv/manifest.yaml",
        "schema_url: https://example.com/schemas/1.0.0\ndescription: A test.\nstability: development\nannotations: { vigil: { owner: everyone, owners: { app: callers, app.order: shop } } }\n",
    );
    let own = "    annotations: { vigil: { owner: me, expires: 2027-06-30 } }\n";
    playground.write("semconv/a.yaml", &(attribute("app.order.kind") + own));
    playground.write("semconv/b.yaml", &attribute("app.order.size"));
    playground.write("semconv/app.yaml", &attribute("app.orders"));
    playground.write("semconv/srv.yaml", &attribute("srv.kind"));
    let resolved = call(
        &playground.path(""),
        &["resolve", "--registry", "semconv", "--format", "json"],
    );
    let resolved: serde_json::Value = serde_json::from_str(&stdout(&resolved)).unwrap();
    let docs = |key: &str| resolved["attributes"][key]["docs"].clone();
    assert_eq!(docs("app.order.kind")["owner"], "me");
    assert_eq!(docs("app.order.kind")["expires"], "2027-06-30");
    assert_eq!(docs("app.order.size")["owner"], "shop");
    assert_eq!(docs("app.orders")["owner"], "callers");
    assert_eq!(docs("srv.kind")["owner"], "everyone");
    assert!(docs("srv.kind").get("expires").is_none());
}

#[test]
fn the_pages_for_people_name_owners_and_days() {
    let playground = Playground::new();
    let note = "    annotations: { vigil: { owner: those & us, expires: 2999-06-30 } }\n";
    let event = "events:\n  - { name: app.done, brief: It was done., stability: development, annotations: { vigil: { owner: shop, expires: 2999-12-31 } } }\n";
    playground.write("semconv/app.yaml", &(attribute("app.kind") + note + event));
    playground.write("semconv/srv.yaml", &attribute("srv.kind"));
    let output = |template, subject, file| {
        format!(
            "[[outputs]]\ntemplate = \"{template}\"\napply_to = \"{subject}\"\nfile = \"{file}\"\ndir = \"docs\"\n"
        )
    };
    let config = "registry = \"semconv\"\nrust = false\n".to_owned()
        + &output("docs_namespace.md.j2", "namespace", "{namespace}.md")
        + &output("docs.html.j2", "registry", "index.html");
    playground.write("vigil-gen.toml", &config);
    let made = call(&playground.path(""), &[]);
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    let page = playground.read("docs/app.md");
    assert!(
        page.contains("| owner those & us; expires 2999-06-30 |"),
        "{page}"
    );
    assert!(
        page.contains("\n- Owner: shop\n- Expires: 2999-12-31\n"),
        "{page}"
    );
    let other = playground.read("docs/srv.md");
    assert!(
        !other.contains("wner") && !other.contains("xpires"),
        "{other}"
    );
    let page = playground.read("docs/index.html");
    for badge in [
        "owner: those &amp; us<",
        "expires 2999-06-30<",
        "owner: shop<",
    ] {
        assert!(page.contains(badge), "no {badge}");
    }
}

#[test]
fn upkeep_alone_does_not_hold_a_registry_to_vigils_own_rules() {
    let playground = Playground::new();
    let metric = "metrics:\n  - { name: app.calls, instrument: counter, unit: \"{call}\", brief: Calls that came in., stability: stable, attributes: [{ ref: app.kind }], annotations: { vigil: { NOTE } } }\n";
    let write = |note: &str| {
        let text = attribute("app.kind") + &metric.replace("NOTE", note);
        playground.write("semconv/app.yaml", &text);
        playground.command(&[])
    };
    let upkeep = "owner: me, expires: 2999-01-01, allow: [unbounded-attribute]";
    let output = write(upkeep);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let output = write("measures: count");
    assert!(
        stderr(&output).contains("error[missing-cardinality]"),
        "{}",
        stderr(&output)
    );
}

/// A registry with one thing that lints find.
fn noisy() -> Playground {
    let playground = Playground::new();
    playground.write(
        "semconv/app.yaml",
        "file_format: definition/2\nattributes:\n  - key: app.wait_ms\n    type: int\n    brief: How long the caller waited.\n    stability: development\n    examples: [12]\n",
    );
    playground.write("semconv/srv.yaml", &attribute("srv.kind"));
    playground
}

/// A file with an attribute that no lint has anything against.
fn attribute(key: &str) -> String {
    support::attribute(key).replace("Its name.", "What sort of call it was.")
}

/// All that is found on one side of a case, whatever its level, and how it is told.
fn judged(case: &Path, side: &str) -> (Diagnostics, String) {
    let read = |dir: PathBuf| -> Checked {
        read_registry(&dir).unwrap_or_else(|it| panic!("{}: {it}", dir.display()))
    };
    let checked = read(case.join(side));
    let before = case.join("before");
    let before = before.exists().then(|| read(before));
    let mut levels = Levels::default();
    levels.give([("all", Level::Warn)]).unwrap();
    let judging = Judging {
        levels: &levels,
        today: "2026-11-28".parse::<Date>().unwrap(),
        baseline: before.as_ref(),
    };
    let diagnostics = lint(&checked, &judging);
    let told = Warnings {
        diagnostics: diagnostics.clone(),
        sources: checked.sources,
    };
    (diagnostics, told.to_string())
}

/// Relative, since the path shows in what is told.
fn case(name: &str) -> PathBuf {
    Path::new("tests/lints").join(name)
}
