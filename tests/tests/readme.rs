//! The README's code is code that compiles and runs: `vigil/examples/readme.rs`.

use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_code_in_the_readme_is_that_of_the_example() {
    let example = read("vigil/examples/readme.rs");
    let readme = read("README.md");
    let mut parts = 0;
    for part in example.split("\n// README: ").skip(1) {
        let (title, code) = part.split_once('\n').expect("a mark is a line of its own");
        if title != "end" {
            let block = format!("```rust\n{}\n```\n", code.trim_end());
            assert!(readme.contains(&block), "{title}:\n{block}");
            parts += 1;
        }
    }
    assert_eq!(parts, readme.matches("```rust").count());
}
