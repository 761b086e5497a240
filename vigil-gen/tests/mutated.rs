//! Whatever becomes of a registry's files, it is read or refused: real ones, changed at random, from
//! fixed seeds. `fuzz/` goes on from here without an end.

use std::cell::Cell;
use std::path::Path;
use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use vigil_gen::{Options, lower, read_registry_in_memory};

use support::checks;
use support::mutations::{Files, Mutation, mutate, registries};
use support::schemas::{Schemas, is_about_shape};

mod support;

/// What editors have against a file is what the generator has against its shape.
static SCHEMAS: LazyLock<Schemas> = LazyLock::new(Schemas::new);

/// How many changed registries are read.
const CASES: u32 = 1500;

#[test]
fn a_registry_that_was_changed_at_random_is_read_or_refused_with_places() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut corpus = Vec::new();
    for folder in ["accepted", "generated", "lints"] {
        corpus.extend(registries(&tests, &[folder]));
    }
    // What depends on others finds them from where it lies.
    let dependent = registries(
        &tests,
        &["accepted/depends", "refused/imports", "dependencies"],
    );
    corpus.extend(dependent);
    let read = Cell::new(0);
    let changes = (0..corpus.len(), any::<u16>(), vec(mutation(), 1..5));
    runner(CASES)
        .run(&changes, |(case, choice, mutations)| {
            let (mut files, root) = corpus[case].clone();
            mutate(&mut files, &root, choice, &mutations);
            read.set(read.get() + u32::from(check(&files, &root)));
            Ok(())
        })
        .unwrap();
    // Neither may be all that there is to see.
    let read = read.get();
    assert!(read > CASES / 20 && read < CASES - CASES / 20, "{read}");
}

#[test]
fn vigils_own_registry_changed_at_random_is_read_or_refused_with_places() {
    let (files, root) = registries(&support::workspace(), &["semconv"]).remove(0);
    let changes = (any::<u16>(), vec(mutation(), 1..4));
    runner(60)
        .run(&changes, |(choice, mutations)| {
            let mut files = files.clone();
            mutate(&mut files, &root, choice, &mutations);
            check(&files, &root);
            Ok(())
        })
        .unwrap();
}

#[test]
fn bytes_that_are_no_registry_are_refused_with_places() {
    runner(500)
        .run(&vec(any::<u8>(), 0..400), |bytes| {
            let manifest = b"schema_url: https://example.com/schemas/1.0.0".to_vec();
            let files = [("r/manifest.yaml", manifest), ("r/r.yaml", bytes)];
            let files = files.map(|(path, content)| (path.to_owned(), content));
            check(&files.into(), "r");
            Ok(())
        })
        .unwrap();
}

fn mutation() -> impl Strategy<Value = Mutation> {
    any::<(u8, u16, u16)>().prop_map(|(kind, at, with)| Mutation { kind, at, with })
}

/// The same cases in every run.
fn runner(cases: u32) -> TestRunner {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// Reads a registry, and goes as far with it as it lets one; whether it could be read.
fn check(files: &Files, root: &str) -> bool {
    let misfits = |path: &str| SCHEMAS.misfits(path, &files[path]);
    match read_registry_in_memory(files, root) {
        Err(rejected) => {
            checks::rejected(&rejected);
            // Of a key that is given twice, others take the last.
            let twice = |code: &str| code == "duplicate-field";
            if rejected.diagnostics.iter().any(|it| twice(it.code)) {
                return false;
            }
            for error in rejected.diagnostics.iter().filter(|it| is_about_shape(it)) {
                let path = rejected.sources.display(error.primary.file);
                let fits = misfits(path).is_some_and(|misfits| misfits.is_empty());
                assert!(!fits, "{path} fits the schema, but {}", error.message);
            }
            false
        }
        Ok(checked) => {
            for path in files
                .keys()
                .filter(|path| path.starts_with(&format!("{root}/")))
            {
                let misfits = misfits(path).unwrap_or_default();
                assert!(misfits.is_empty(), "{path} is read, but {misfits:?}");
            }
            checks::judged(&checked);
            if let Err(rejected) = lower(&checked, &Options::new(root, "templates", "out")) {
                checks::rejected(&rejected);
            }
            true
        }
    }
}
