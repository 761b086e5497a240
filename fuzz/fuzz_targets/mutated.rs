//! Real registries, changed as the bytes say: which, in which file, and how.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use vigil_gen::{Options, lower, read_registry_in_memory};

use mutations::{Files, Mutation, mutate, registries};

#[path = "../../vigil-gen/tests/support/checks.rs"]
mod checks;
#[path = "../../vigil-gen/tests/support/mutations.rs"]
mod mutations;

static CORPUS: LazyLock<Vec<(Files, String)>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let tests = root.join("vigil-gen/tests");
    let mut corpus = registries(&root, &["semconv"]);
    for folder in ["accepted", "generated", "lints"] {
        corpus.extend(registries(&tests, &[folder]));
    }
    corpus.extend(registries(
        &tests,
        &["accepted/depends", "refused/imports", "dependencies"],
    ));
    corpus
});

fuzz_target!(|data: &[u8]| {
    let [case, low, high, changes @ ..] = data else {
        return;
    };
    let (mut files, root) = CORPUS[usize::from(*case) % CORPUS.len()].clone();
    let mutations: Vec<Mutation> = changes
        .chunks_exact(5)
        .take(8)
        .map(|bytes| Mutation {
            kind: bytes[0],
            at: u16::from_le_bytes([bytes[1], bytes[2]]),
            with: u16::from_le_bytes([bytes[3], bytes[4]]),
        })
        .collect();
    mutate(
        &mut files,
        &root,
        u16::from_le_bytes([*low, *high]),
        &mutations,
    );
    match read_registry_in_memory(&files, &root) {
        Err(rejected) => checks::rejected(&rejected),
        Ok(checked) => {
            checks::judged(&checked);
            if let Err(rejected) = lower(&checked, &Options::new(&*root, "templates", "out")) {
                checks::rejected(&rejected);
            }
        }
    }
});
