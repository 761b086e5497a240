//! What is wrong with broken registries: one directory per case, one snapshot of what is printed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use vigil_gen::diagnostic::CODES;
use vigil_gen::diagnostic::{Diagnostics, Rejected};
use vigil_gen::read_registry;

use support::yaml_files;

mod support;

/// Codes that no directory of a repository can show. `edges.rs` and the tests of the later stages
/// do.
const SHOWN_ELSEWHERE: [&str; 20] = [
    "no-registry",
    "unreadable-file",
    "file-too-large",
    "not-utf8",
    "too-many-references",
    "identifier-collision",
    "required-template",
    "metric-template",
    "lint-level",
    "invalid-toml",
    "output-word",
    "file-pattern",
    "rust-path",
    "unknown-crate",
    "elsewhere",
    "template",
    "rustfmt",
    "changelog",
    "output",
    "date",
];

#[test]
fn every_broken_registry_is_refused_as_its_snapshot_says() {
    for case in cases() {
        let rejected = refused(&case);
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("refused__{case}"), rejected.to_string());
        });
    }
}

#[test]
fn every_error_code_is_shown_by_a_case() {
    let shown: BTreeSet<&str> = cases()
        .iter()
        .flat_map(|case| codes(&refused(case).diagnostics))
        .collect();
    let missing: Vec<&str> = CODES
        .iter()
        .map(|it| it.code)
        .filter(|code| !shown.contains(code) && !SHOWN_ELSEWHERE.contains(code))
        .collect();
    assert!(missing.is_empty(), "no case shows {missing:?}");
}

#[test]
fn every_case_says_why_it_exists() {
    for case in cases() {
        let explained = yaml_files(&directory(&case)).iter().any(|path| {
            let text = fs::read_to_string(path).unwrap();
            text.starts_with("# ") && text.lines().next().unwrap().ends_with('.')
        });
        assert!(
            explained,
            "no file of {case} begins with a comment that says why"
        );
    }
}

#[test]
fn every_error_names_a_line_and_a_column_unless_it_is_about_the_whole_registry() {
    const WHOLE: [&str; 2] = ["no-manifest", "empty-registry"];
    for case in cases() {
        let rejected = refused(&case);
        for diagnostic in &rejected.diagnostics {
            let somewhere = diagnostic.primary.line > 0 && diagnostic.primary.column > 0;
            assert!(
                somewhere || WHOLE.contains(&diagnostic.code),
                "{case}: {} has no place",
                diagnostic.message
            );
        }
    }
}

#[test]
fn no_error_speaks_of_the_implementation() {
    const WORDS: [&str; 21] = [
        "serde",
        "untagged",
        "HashMap",
        "BTreeMap",
        "String",
        "&str",
        "i64",
        "u32",
        "f64",
        "usize",
        "Some(",
        "variant",
        "struct",
        "deserialize",
        "invalid type",
        "expected a",
        "Option",
        "Vec<",
        "panicked",
        "unwrap",
        "None",
    ];
    for case in cases() {
        for diagnostic in &refused(&case).diagnostics {
            let labels = diagnostic.secondary.iter().map(|(_, label)| label);
            let texts = labels.chain(&diagnostic.help);
            for text in texts.chain([&diagnostic.message]) {
                let word = WORDS.iter().find(|word| text.contains(*word));
                assert_eq!(word, None, "{case}: {text}");
            }
        }
    }
}

#[test]
fn errors_are_sentences_in_the_manner_of_rustc() {
    for case in cases() {
        for diagnostic in &refused(&case).diagnostics {
            let message = &diagnostic.message;
            assert!(
                !message.starts_with(char::is_uppercase),
                "{case}: {message}"
            );
            assert!(!message.ends_with('.'), "{case}: {message}");
            assert_eq!(message.matches('`').count() % 2, 0, "{case}: {message}");
        }
    }
}

#[test]
fn errors_come_in_the_order_of_the_files() {
    for case in cases() {
        let rejected = refused(&case);
        let places: Vec<_> = rejected
            .diagnostics
            .iter()
            .map(|diagnostic| diagnostic.primary)
            .collect();
        assert!(places.is_sorted(), "{case}");
    }
}

#[test]
fn a_reference_to_an_unknown_attribute_suggests_the_nearest_one_and_where_it_is() {
    let rejected = refused("unknown-attribute");
    let error = rejected
        .diagnostics
        .iter()
        .find(|it| it.message.contains("`app.phse`"))
        .unwrap();
    assert_eq!(
        error.help.as_deref(),
        Some("did you mean `app.phase` (tests/refused/unknown-attribute/app.yaml:4)?")
    );
}

#[test]
fn a_reference_that_is_near_to_nothing_gets_no_suggestion() {
    let rejected = refused("unknown-attribute");
    let error = rejected
        .diagnostics
        .iter()
        .find(|it| it.message.contains("`other.thing`"))
        .unwrap();
    assert_eq!(error.help, None);
}

#[test]
fn a_file_that_does_not_parse_does_not_make_its_names_unknown() {
    let rejected = refused("invalid-yaml");
    let codes = codes(&rejected.diagnostics);
    assert_eq!(codes, BTreeSet::from(["invalid-yaml", "invalid-type"]));
}

fn codes(diagnostics: &Diagnostics) -> BTreeSet<&'static str> {
    diagnostics
        .iter()
        .map(|diagnostic| diagnostic.code)
        .collect()
}

fn refused(case: &str) -> Rejected {
    match read_registry(&directory(case)) {
        Ok(_) => panic!("{case} is accepted"),
        Err(rejected) => rejected,
    }
}

/// Relative, since the path shows in the messages.
fn directory(case: &str) -> PathBuf {
    Path::new("tests/refused").join(case)
}

fn cases() -> Vec<String> {
    let mut cases: Vec<String> = fs::read_dir("tests/refused")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    cases.sort();
    cases
}
