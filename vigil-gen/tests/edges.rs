//! Files as they come: other line ends, other encodings, other sizes, other machines.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use vigil_gen::diagnostic::Rejected;
use vigil_gen::{Checked, read_registry, read_registry_in_memory};

use support::mutations::registries;

mod support;

const MANIFEST: &str = "schema_url: https://example.com/schemas/1.0.0\n";
const NAME: &str = "file_format: definition/2
attributes:
  - key: app.name
    type: string
    brief: The name.
    stability: development
    examples: [a]
";
const STARTED: &str = "file_format: definition/2
events:
  - name: app.started
    brief: It started.
    stability: development
    attributes:
      - ref: app.name
";

#[test]
fn windows_line_ends_mean_the_same() {
    let unix = accepted(&registry(&[("a.yaml", NAME), ("b.yaml", STARTED)]));
    let windows = accepted(&registry(&[
        ("a.yaml", &NAME.replace('\n', "\r\n")),
        ("b.yaml", &STARTED.replace('\n', "\r\n")),
    ]));
    assert_eq!(unix.registry, windows.registry);
}

#[test]
fn windows_line_ends_do_not_move_the_caret() {
    let text = NAME
        .replace("type: string", "type: strin")
        .replace('\n', "\r\n");
    let printed = refused(&registry(&[("a.yaml", &text)])).to_string();
    assert!(printed.contains("a.yaml:4:11\n"), "{printed}");
    assert!(
        printed.contains("4 |     type: strin\n  |           ^^^^^\n"),
        "{printed}"
    );
    assert!(!printed.contains('\r'));
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_text() {
    let marked = accepted(&registry(&[("a.yaml", &format!("\u{feff}{NAME}"))]));
    assert_eq!(
        marked.registry,
        accepted(&registry(&[("a.yaml", NAME)])).registry
    );
    let broken = refused(&registry(&[(
        "a.yaml",
        &format!("\u{feff}{}", NAME.replace("definition/2", "x")),
    )]));
    assert_eq!(
        broken.diagnostics.iter().next().map(|it| it.primary.column),
        Some(14)
    );
}

#[test]
fn the_order_in_which_files_come_plays_no_part() {
    let files = [
        ("a.yaml", NAME),
        ("z/b.yaml", STARTED),
        ("c/d.yaml", "file_format: definition/2\nmetrics: []\n"),
    ];
    let forwards = accepted(&registry(&files));
    let mut reversed = files;
    reversed.reverse();
    let backwards = accepted(&registry(&reversed));
    assert_eq!(forwards.registry, backwards.registry);
    assert_eq!(forwards.locations, backwards.locations);
    assert_eq!(forwards.files, 4);
}

#[test]
fn where_a_registry_lies_does_not_show_in_what_it_means() {
    let dir = registry(&[("app/a.yaml", NAME)]);
    let direct = accepted(&dir);
    let dotted = read_registry(&dir.path().join("app/..")).unwrap();
    assert_eq!(direct.registry, dotted.registry);
    assert_eq!(
        direct.registry.attributes["app.name"].docs.origin.file,
        "app/a.yaml"
    );
    assert_eq!(
        direct.registry.attributes["app.name"].docs.origin.namespace,
        "app"
    );
}

#[test]
fn a_registry_in_memory_means_the_same_as_on_disk() {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for (files, root) in registries(&base, &["accepted", "dependencies", "refused"]) {
        let [memory, disk] = [
            read_registry_in_memory(&files, &root),
            read_registry(&base.join(&root)),
        ];
        match (memory, disk) {
            (Ok(memory), Ok(disk)) => {
                assert_eq!(memory.registry, disk.registry, "{root}");
                assert_eq!(memory.files, disk.files, "{root}");
            }
            (Err(memory), Err(disk)) => {
                assert_eq!(codes(&memory), codes(&disk), "{root}");
            }
            (memory, disk) => panic!("{root}: {:?} {:?}", memory.err(), disk.err()),
        }
    }
}

#[test]
fn what_is_not_in_memory_is_not_looked_for_elsewhere() {
    let here = env!("CARGO_MANIFEST_DIR");
    let manifest = format!(
        "{MANIFEST}dependencies:\n  - {{ schema_url: https://example.com/other/1.0.0, registry_path: {here} }}\n  \
         - {{ schema_url: https://example.com/third/1.0.0, registry_path: ../../.. }}\n"
    );
    let files = [("r/manifest.yaml", manifest.as_str()), ("r/a.yaml", NAME)];
    let files = files.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()));
    let rejected = read_registry_in_memory(&files.clone().into(), "r").unwrap_err();
    assert_eq!(codes(&rejected), ["no-registry", "no-registry"]);
    let rejected = read_registry_in_memory(&files.into(), "s").unwrap_err();
    assert_eq!(codes(&rejected), ["no-registry"]);
}

#[test]
fn hidden_files_and_other_kinds_of_files_are_not_read() {
    let dir = registry(&[
        ("a.yaml", NAME),
        (".hidden.yaml", "{"),
        (".git/config.yaml", "{"),
        ("README.md", "{"),
    ]);
    assert_eq!(accepted(&dir).files, 2);
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let printed = read_registry(Path::new("no/such/registry/"))
        .unwrap_err()
        .to_string();
    insta::assert_snapshot!(printed, @r"
    error[no-registry]: there is no such directory
     --> no/such/registry
      = help: name the directory that holds `manifest.yaml` with `--registry`
    ");
}

#[test]
fn a_file_is_no_registry() {
    let printed = read_registry(Path::new("Cargo.toml"))
        .unwrap_err()
        .to_string();
    insta::assert_snapshot!(printed, @r"
    error[no-registry]: a registry is a directory, and this is a file
     --> Cargo.toml
      = help: name the directory that holds `manifest.yaml` with `--registry`
    ");
}

#[test]
fn text_that_is_not_utf8_is_pointed_at() {
    let dir = registry(&[("b.yaml", STARTED)]);
    fs::write(
        dir.path().join("a.yaml"),
        b"file_format: definition/2\n# gr\xfc\xdfe\n",
    )
    .unwrap();
    let rejected = refused(&dir);
    let error = rejected.diagnostics.iter().next().unwrap();
    assert_eq!(
        (error.code, error.primary.line, error.primary.column),
        ("not-utf8", 2, 5)
    );
    // What the file defines is unknown, so nothing can be said of references to it.
    assert_eq!(rejected.diagnostics.len(), 1);
}

#[test]
fn a_file_larger_than_any_registry_is_not_read() {
    let dir = registry(&[("a.yaml", &"# x\n".repeat(3 * 1024 * 1024))]);
    assert_eq!(codes(&refused(&dir)), ["file-too-large"]);
}

#[cfg(unix)]
#[test]
fn a_file_that_can_not_be_opened_is_reported() {
    let dir = registry(&[("a.yaml", NAME)]);
    std::os::unix::fs::symlink("nowhere.yaml", dir.path().join("b.yaml")).unwrap();
    let rejected = refused(&dir);
    assert_eq!(codes(&rejected), ["unreadable-file"]);
    assert!(rejected.to_string().contains("no such file"), "{rejected}");
}

#[cfg(unix)]
#[test]
fn a_directory_that_holds_itself_is_reported_once() {
    let dir = registry(&[("a.yaml", NAME), ("z/b.yaml", STARTED)]);
    std::os::unix::fs::symlink(".", dir.path().join("again")).unwrap();
    std::os::unix::fs::symlink("z", dir.path().join("b")).unwrap();
    let rejected = refused(&dir);
    assert_eq!(codes(&rejected), ["unreadable-file", "unreadable-file"]);
    let printed = rejected.to_string();
    assert!(printed.contains("/b/` is `"), "{printed}");
    assert!(printed.contains("/z/` over again"), "{printed}");
}

#[cfg(unix)]
#[test]
fn a_socket_is_no_file_and_is_not_waited_for() {
    let dir = registry(&[("b.yaml", STARTED)]);
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("a.yaml")).unwrap();
    let rejected = refused(&dir);
    assert_eq!(codes(&rejected), ["unreadable-file"]);
    let printed = rejected.to_string();
    assert!(printed.contains("it is not a regular file"), "{printed}");
}

#[cfg(unix)]
#[test]
fn a_directory_that_can_not_be_read_does_not_make_its_names_unknown() {
    let dir = registry(&[("b.yaml", STARTED)]);
    let mut path = dir.path().to_owned();
    for _ in 0..18 {
        path.push("d");
    }
    fs::create_dir_all(&path).unwrap();
    let rejected = refused(&dir);
    assert_eq!(codes(&rejected), ["unreadable-file"]);
    assert!(rejected.names_unchecked);
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_whose_name_is_no_text_is_read_all_the_same() {
    use std::os::unix::ffi::OsStrExt as _;
    let dir = registry(&[("b.yaml", STARTED)]);
    let name = std::ffi::OsStr::from_bytes(b"a\xff.yaml");
    fs::write(dir.path().join(name), NAME).unwrap();
    assert_eq!(accepted(&dir).files, 3);
}

#[test]
fn text_that_is_not_utf8_is_pointed_at_behind_a_byte_order_mark() {
    let dir = registry(&[("b.yaml", STARTED)]);
    fs::write(dir.path().join("a.yaml"), b"\xef\xbb\xbf# gr\xfc\xdfe\n").unwrap();
    let rejected = refused(&dir);
    let error = rejected.diagnostics.iter().next().unwrap();
    assert_eq!((error.primary.line, error.primary.column), (1, 5));
}

#[test]
fn lines_may_end_in_a_carriage_return_alone() {
    let text = NAME
        .replace("type: string", "type: strin")
        .replace('\n', "\r");
    let printed = refused(&registry(&[("a.yaml", &text)])).to_string();
    assert!(printed.contains("4 |     type: strin\n"), "{printed}");
}

#[test]
fn what_can_not_be_seen_is_never_printed_as_it_is() {
    let text = NAME
        .replace("app.name", "app.n\u{200b}ame")
        .replace("The name.", "The \u{202e}name.");
    let printed = refused(&registry(&[("a.yaml", &text)])).to_string();
    assert!(printed.contains("`app.n\\u{200b}ame`"), "{printed}");
    assert!(!printed.contains(['\u{200b}', '\u{202e}']), "{printed:?}");
}

#[test]
fn a_long_chain_of_groups_is_followed_to_its_end() {
    let last = 20_000;
    let links: String = (0..last)
        .map(|index| group(index, &format!("ref_group: app.g{}", index + 1)))
        .chain([group(last, "ref: app.name")])
        .collect();
    let text = format!(
        "{NAME}attribute_groups:\n{links}events:\n{}",
        event(0, "ref_group: app.g0")
    );
    let checked = accepted(&registry(&[("a.yaml", &text)]));
    assert_eq!(
        checked.registry.events["app.e0"].attributes[0].key,
        "app.name"
    );
}

#[test]
fn of_a_file_full_of_errors_the_first_are_printed_and_the_rest_are_counted() {
    let events: String = (0..20_000)
        .map(|index| event(index, &format!("ref: app.nam{index}")))
        .collect();
    let text = format!("{NAME}events:\n{events}");
    let rejected = refused(&registry(&[("a.yaml", &text)]));
    assert_eq!(rejected.diagnostics.len(), 20_000);
    let printed = rejected.to_string();
    assert_eq!(printed.matches("error[unknown-attribute]").count(), 200);
    assert!(printed.ends_with("\nand 19800 more\n"), "{printed}");
}

#[test]
fn a_line_full_of_errors_is_reported_in_time() {
    let items = "{ key: app.a, typ: int }, ".repeat(20_000);
    let text = format!("file_format: definition/2\nattributes: [{items}]\n");
    let started = std::time::Instant::now();
    let printed = refused(&registry(&[("a.yaml", &text)])).to_string();
    assert!(printed.contains("did you mean `type`?"));
    assert!(started.elapsed().as_secs() < 15, "{:?}", started.elapsed());
}

#[test]
fn groups_that_multiply_are_cut_off() {
    let attributes: String = (0..1_000).map(number).collect();
    let groups: String = (0..1_000)
        .map(|index| {
            let next = match index {
                999 => String::new(),
                _ => format!(" }}, {{ ref_group: app.g{}", index + 1),
            };
            group(index, &format!("ref: app.n{index}{next}"))
        })
        .collect();
    let text =
        format!("file_format: definition/2\nattributes:\n{attributes}attribute_groups:\n{groups}");
    let rejected = refused(&registry(&[("a.yaml", &text)]));
    assert_eq!(codes(&rejected), ["too-many-references"]);
}

#[test]
fn flow_collections_nested_without_end_are_refused() {
    for open in ["[", "{a: ", "- ", "? "] {
        let text = format!(
            "file_format: definition/2\nattributes: \n {}",
            open.repeat(100_000)
        );
        let rejected = refused(&registry(&[("a.yaml", &text)]));
        let codes = codes(&rejected);
        assert!(
            codes == ["too-deep"] || codes == ["invalid-yaml"],
            "{open}: {codes:?}"
        );
    }
    let text = format!(
        "file_format: definition/2\nattributes: {}",
        "[".repeat(5_000)
    );
    assert_eq!(
        codes(&refused(&registry(&[("a.yaml", &text)]))),
        ["too-deep"]
    );
}

#[test]
fn what_a_file_holds_can_not_steer_the_terminal() {
    let text = NAME
        .replace("app.name", "\"app.\\e[31mname\"")
        .replace("The name.", "\u{1b}[2J");
    let printed = refused(&registry(&[("a.yaml", &text)])).to_string();
    assert!(!printed.contains('\u{1b}'), "{printed:?}");
}

#[test]
fn a_caret_stands_under_its_word_whatever_is_before_it() {
    let wide = registry(&[(
        "a.yaml",
        "file_format: definition/2\nattributes: [{ 名: x, kee: y }]\n",
    )]);
    let printed = refused(&wide).to_string();
    let expected = "2 | attributes: [{ 名: x, kee: y }]\n  |                       ^^^\n";
    assert!(printed.contains(expected), "{printed}");
    let text = "file_format: definition/2\nattributes: [{ \"a\tb\": x, kee: y }]\n";
    let printed = refused(&registry(&[("a.yaml", text)])).to_string();
    let expected =
        "2 | attributes: [{ \"a    b\": x, kee: y }]\n  |                             ^^^\n";
    assert!(printed.contains(expected), "{printed}");
}

#[test]
fn reading_twice_gives_the_same_errors() {
    let dir = registry(&[("a.yaml", &NAME.replace("key", "kee")), ("b.yaml", STARTED)]);
    assert_eq!(refused(&dir).to_string(), refused(&dir).to_string());
}

fn number(index: usize) -> String {
    format!("  - {{ key: app.n{index}, type: int, brief: B., stability: development }}\n")
}

fn group(index: usize, item: &str) -> String {
    format!("  - {{ id: app.g{index}, visibility: internal, attributes: [{{ {item} }}] }}\n")
}

fn event(index: usize, item: &str) -> String {
    format!(
        "  - {{ name: app.e{index}, brief: B., stability: stable, attributes: [{{ {item} }}] }}\n"
    )
}

fn registry(files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("manifest.yaml"), MANIFEST).unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn accepted(dir: &TempDir) -> Checked {
    match read_registry(dir.path()) {
        Ok(checked) => checked,
        Err(rejected) => panic!("refused:\n{rejected}"),
    }
}

fn refused(dir: &TempDir) -> Rejected {
    match read_registry(dir.path()) {
        Ok(_) => panic!("accepted"),
        Err(rejected) => rejected,
    }
}

fn codes(rejected: &Rejected) -> Vec<&'static str> {
    rejected
        .diagnostics
        .iter()
        .map(|diagnostic| diagnostic.code)
        .collect()
}
