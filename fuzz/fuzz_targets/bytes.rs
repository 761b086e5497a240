//! Any bytes as the files of a registry: loader and resolver read or refuse them.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use vigil_gen::{Options, lower, read_registry_in_memory};

#[path = "../../vigil-gen/tests/support/checks.rs"]
mod checks;

/// What ends a file; the next one begins behind it.
const END: u8 = 0x1c;

fuzz_target!(|data: &[u8]| {
    let manifest = b"schema_url: https://example.com/schemas/1.0.0".to_vec();
    let mut files = BTreeMap::from([("r/manifest.yaml".to_owned(), manifest)]);
    for (index, content) in data.split(|byte| *byte == END).enumerate() {
        files.insert(format!("r/{index}.yaml"), content.to_vec());
    }
    match read_registry_in_memory(&files, "r") {
        Err(rejected) => checks::rejected(&rejected),
        Ok(checked) => {
            checks::judged(&checked);
            if let Err(rejected) = lower(&checked, &Options::new("r", "templates", "out")) {
                checks::rejected(&rejected);
            }
        }
    }
});
