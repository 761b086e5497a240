//! What is made of the golden registries: the IR and the code, one snapshot each per case.

mod support;

use std::fs;
use std::path::Path;

use support::{cases, golden, name, options};
use vigil_gen::{Failure, Output, lower, read_registry, render_files};

#[test]
fn every_golden_registry_lowers_to_the_ir_of_its_snapshot() {
    for case in cases("generated") {
        let checked = read_registry(&case).unwrap_or_else(|rejected| panic!("{rejected}"));
        let ir = lower(&checked, &options(&case, Path::new("out"))).unwrap();
        snapshot("ir", &case, &serde_yaml::to_string(&ir).unwrap());
    }
}

#[test]
fn every_golden_registry_renders_to_the_code_of_its_snapshot() {
    for case in cases("generated") {
        let code: Vec<String> = code_of(&case)
            .into_iter()
            .map(|(path, text)| format!("==== {path}\n{text}"))
            .collect();
        snapshot("code", &case, &code.concat());
    }
}

#[test]
fn what_no_code_can_be_made_of_is_reported_with_its_places() {
    for case in cases("collisions") {
        let Err(failure) = render_files(&options(&case, Path::new("out"))) else {
            panic!("{} is accepted", case.display());
        };
        assert!(matches!(failure, Failure::Registry(_)), "{failure}");
        let text = failure
            .to_string()
            .replace(&format!("{}/", case.display()), "");
        snapshot("collision", &case, &text);
    }
}

#[test]
fn a_constant_and_a_type_of_one_name_are_no_collision() {
    let code = code_of(&golden("own-words"));
    let text = &code["semconv/app.rs"];
    assert!(text.contains("pub const X: &str"), "{text}");
    assert!(text.contains("pub enum X {"), "{text}");
}

#[test]
fn an_event_that_goes_out_with_a_record_is_sent_by_nothing_else() {
    let code = code_of(&golden("own-words"));
    let text = &code["events/app.rs"];
    assert!(!text.contains("pub struct Done"), "{text}");
    assert!(text.contains("pub static DONE: EventDefinition"), "{text}");
    assert!(text.contains("pub struct Opened"), "{text}");
}

#[test]
fn every_type_that_a_template_names_without_a_path_is_one_that_names_keeps_free() {
    // These stand in modules that hold statics alone.
    const AMONG_STATICS: [&str; 4] = ["AttributeDefinition", "Registry", "Scope", "ValueType"];
    let names = fs::read_to_string(support::workspace().join("vigil-gen/src/names.rs")).unwrap();
    // The others make no Rust.
    let mut templates: Vec<String> = Output::rust().into_iter().map(|it| it.template).collect();
    templates.push("macros.j2".to_owned());
    for template in templates {
        let path = support::templates().join(template);
        for word in types_in(&fs::read_to_string(&path).unwrap()) {
            assert!(
                AMONG_STATICS.contains(&word.as_str()) || names.contains(&format!("\"{word}\"")),
                "`{word}` of {} is in no list of names.rs",
                path.display()
            );
        }
    }
}

/// The words that begin with a capital outside of tags, comments, texts and paths.
fn types_in(template: &str) -> Vec<String> {
    let mut code = String::new();
    let mut rest = template;
    while let Some(start) = rest
        .find("{{")
        .into_iter()
        .chain(rest.find("{%"))
        .chain(rest.find("{#"))
        .min()
    {
        code.push_str(&rest[..start]);
        // What an expression makes may be a part of a word.
        code.push(if rest[start..].starts_with("{{") {
            '_'
        } else {
            ' '
        });
        let close = match &rest[start..start + 2] {
            "{{" => "}}",
            "{%" => "%}",
            _ => "#}",
        };
        rest = &rest[start + rest[start..].find(close).unwrap() + 2..];
    }
    code.push_str(rest);
    let mut types = Vec::new();
    for line in code.lines() {
        let line = line.trim_start();
        let is_prose = line.trim_start_matches('_').starts_with("//");
        // Derives are macros, which types don't hide.
        if is_prose || line.starts_with("#[") {
            continue;
        }
        // An associated type is named through its trait.
        let line = match line.split_once('=') {
            Some((name, rest)) if name.starts_with("type ") => rest,
            _ => line,
        };
        let without_texts: String = line.split('"').step_by(2).collect();
        // So is one that a bound names.
        let without_texts = without_texts.replace("<Item = ", "<");
        let mut before = ' ';
        let mut word = String::new();
        for c in without_texts.chars().chain([' ']) {
            if c.is_alphanumeric() || c == '_' {
                word.push(c);
                continue;
            }
            let is_type = word.starts_with(char::is_uppercase)
                && word.chars().any(char::is_lowercase)
                && before != ':'
                && before != '.';
            if is_type {
                types.push(std::mem::take(&mut word));
            }
            word.clear();
            before = c;
        }
    }
    types
}

#[test]
fn every_case_says_in_its_first_line_why_it_exists() {
    for case in cases("generated").into_iter().chain(cases("collisions")) {
        let text = fs::read_to_string(case.join("registry.yaml")).unwrap();
        let first = text.lines().next().unwrap();
        assert!(
            first.starts_with("# ") && first.ends_with('.'),
            "{}: {first}",
            case.display()
        );
    }
}

#[test]
fn every_generated_file_begins_with_the_marker() {
    for case in cases("generated") {
        for (path, text) in code_of(&case) {
            assert!(
                text.starts_with(vigil_gen::MARKER),
                "{path} of {}",
                case.display()
            );
        }
    }
}

#[test]
fn the_same_registry_gives_the_same_bytes_wherever_it_lies_and_whatever_order_its_files_have() {
    let original = golden("contract");
    let text = fs::read_to_string(original.join("registry.yaml")).unwrap();
    let (head, rest) = text.split_once("attribute_groups:\n").unwrap();
    let (groups, spans) = rest.split_once("spans:\n").unwrap();
    let parts = [
        ("attributes.yaml", head.to_owned()),
        (
            "groups.yaml",
            format!("file_format: definition/2\nattribute_groups:\n{groups}"),
        ),
        (
            "spans.yaml",
            format!("file_format: definition/2\nspans:\n{spans}"),
        ),
    ];
    let manifest = fs::read_to_string(original.join("manifest.yaml")).unwrap();

    let mut rendered = Vec::new();
    for (backwards, prefix) in [(false, ""), (true, ""), (false, "z_"), (true, "a_")] {
        let dir = tempfile::tempdir().unwrap();
        let registry = dir.path().join("registry");
        fs::create_dir(&registry).unwrap();
        fs::write(registry.join("manifest.yaml"), &manifest).unwrap();
        let mut parts = parts.to_vec();
        if backwards {
            parts.reverse();
        }
        for (index, (file, text)) in parts.into_iter().enumerate() {
            // A prefix that counts changes the order in which the files are read.
            let file = if prefix.is_empty() {
                file.to_owned()
            } else {
                format!("{prefix}{index}.yaml")
            };
            fs::write(registry.join(file), text).unwrap();
        }
        let files = render_files(&options(&registry, &dir.path().join("out")))
            .unwrap()
            .files;
        rendered.push(without_origins(files));
    }
    for other in &rendered[1..] {
        assert_eq!(rendered[0], *other);
    }
}

#[test]
fn rendering_twice_gives_the_same_bytes() {
    for case in cases("generated") {
        assert_eq!(code_of(&case), code_of(&case), "{}", case.display());
    }
}

#[test]
fn the_module_path_is_the_one_that_was_asked_for() {
    let mut options = options(&golden("contract"), Path::new("out"));
    options.module = "crate::telemetry".to_owned();
    let files = render_files(&options).unwrap().files;
    assert!(files["spans/app.rs"].contains("use crate::telemetry::semconv::app;"));
    assert!(
        files
            .values()
            .all(|text| !text.contains("crate::generated"))
    );
}

fn code_of(case: &Path) -> vigil_gen::Files {
    render_files(&options(case, Path::new("out")))
        .unwrap_or_else(|failure| panic!("{failure}"))
        .files
}

/// A contract's note names the file that it is in; the rest must not depend on it.
fn without_origins(files: vigil_gen::Files) -> Vec<(String, String)> {
    let drop_origin = |line: &str| match line.split_once(" in registry/") {
        Some((before, _)) => before.to_owned(),
        None => line.to_owned(),
    };
    files
        .into_iter()
        .map(|(path, text)| {
            (
                path,
                text.lines().map(drop_origin).collect::<Vec<_>>().join("\n"),
            )
        })
        .collect()
}

fn snapshot(kind: &str, case: &Path, text: &str) {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(format!("{kind}__{}", name(case)), text);
    });
}
