//! The error codes, as they are documented.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use vigil_gen::diagnostic::CODES;

/// `VIGIL_UPDATE_DOCS=1` writes the tables anew.
#[test]
fn the_documentation_lists_every_code_and_what_is_said_of_it() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/registry.md");
    let text = fs::read_to_string(&path).unwrap();
    let start = text.find("### Files\n").unwrap();
    let (before, tables) = text.split_at(start);
    if env::var_os("VIGIL_UPDATE_DOCS").is_some() {
        fs::write(&path, before.to_owned() + &documented()).unwrap();
        return;
    }
    assert_eq!(
        tables,
        documented(),
        "run the test with VIGIL_UPDATE_DOCS=1 to write the tables anew"
    );
}

#[test]
fn no_code_is_listed_twice_and_every_one_is_words_with_hyphens() {
    for (index, code) in CODES.iter().enumerate() {
        let name = code.code;
        assert!(CODES[..index].iter().all(|it| it.code != name), "{name}");
        let plain = |c: char| c.is_ascii_lowercase() || c == '-' || c.is_ascii_digit();
        assert!(name.chars().all(plain), "{name}");
    }
}

fn documented() -> String {
    let mut text = String::new();
    let mut topic = "";
    for code in CODES {
        if code.topic != topic {
            if !topic.is_empty() {
                text.push('\n');
            }
            topic = code.topic;
            writeln!(text, "### {topic}\n").unwrap();
            if topic == "Output" {
                text.push_str("These are not about the registry, and have no place in it.\n\n");
            }
            text.push_str("| code | meaning | what to do |\n|---|---|---|\n");
        }
        let (name, meaning, remedy) = (code.code, code.meaning, code.remedy);
        writeln!(text, "| `{name}` | {meaning} | {remedy} |").unwrap();
    }
    text
}
