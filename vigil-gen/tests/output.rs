//! What happens to the output directory.

mod support;

use std::fs;

use support::{Playground, attribute};
use vigil_gen::MARKER;
use vigil_gen::{Failure, generate};

#[test]
fn the_first_run_writes_everything_and_the_second_nothing() {
    let playground = Playground::new();
    let first = generate(&playground.options()).unwrap();
    assert_eq!(first.counts.written, playground.snapshot().len());
    let before = playground.snapshot();

    let second = generate(&playground.options()).unwrap();

    assert_eq!((second.counts.written, second.counts.removed), (0, 0));
    assert_eq!(second.counts.unchanged, before.len());
    assert_eq!(before, playground.snapshot(), "text or time stamps differ");
}

#[test]
fn only_the_file_whose_content_changed_is_written() {
    let playground = Playground::new();
    generate(&playground.options()).unwrap();
    let before = playground.snapshot();
    playground.write(
        "semconv/srv.yaml",
        &attribute("srv.name").replace("Its name.", "Another brief."),
    );

    let report = generate(&playground.options()).unwrap();

    assert_eq!(report.counts.written, 1);
    for (old, new) in before.iter().zip(playground.snapshot()) {
        let expected = old.0.ends_with("semconv/srv.rs");
        assert_eq!(old.1 != new.1, expected, "{}", new.0.display());
        assert_eq!(old.2 != new.2, expected, "{}", new.0.display());
    }
}

#[test]
fn a_check_finds_nothing_after_a_run() {
    let playground = Playground::new();
    generate(&playground.options()).unwrap();

    let report = generate(&playground.check_options()).unwrap();

    assert!(!report.stale);
    assert_eq!(report.diff.as_deref(), Some(""));
}

#[test]
fn a_check_shows_what_is_stale_missing_and_orphaned_and_writes_nothing() {
    let playground = Playground::new();
    generate(&playground.options()).unwrap();
    let stale = playground
        .read("out/semconv/app.rs")
        .replace("Its name.", "Edited by hand.");
    playground.write("out/semconv/app.rs", &stale);
    fs::remove_file(playground.path("out/semconv/srv.rs")).unwrap();
    playground.write("out/spans/gone.rs", &format!("{MARKER}\n\n//! Gone.\n"));
    let before = playground.snapshot();

    let report = generate(&playground.check_options()).unwrap();

    assert!(report.stale);
    assert_eq!(before, playground.snapshot());
    let diff = report.diff.unwrap();
    let out = playground.out();
    for line in [
        format!("--- {}", out.join("semconv/app.rs").display()),
        format!("+++ {}", out.join("semconv/app.rs").display()),
        "-/// Edited by hand.".to_owned(),
        "+/// Its name.".to_owned(),
        format!("+++ {}", out.join("semconv/srv.rs").display()),
        format!("--- {}", out.join("spans/gone.rs").display()),
        "-//! Gone.".to_owned(),
    ] {
        assert!(
            diff.lines().any(|found| found == line),
            "no line `{line}` in\n{diff}"
        );
    }
    assert_eq!(
        diff.lines().filter(|line| *line == "--- /dev/null").count(),
        1
    );
    assert_eq!(
        diff.lines().filter(|line| *line == "+++ /dev/null").count(),
        1
    );
}

#[test]
fn files_that_are_no_longer_made_are_removed_and_so_are_directories_that_they_leave_empty() {
    let playground = Playground::new();
    playground.write(
        "semconv/events.yaml",
        "file_format: definition/2\nevents:\n  - name: app.done\n    brief: It is done.\n    stability: development\n    \
         requirement_level: recommended\n",
    );
    generate(&playground.options()).unwrap();
    assert!(playground.path("out/events/app.rs").is_file());
    fs::remove_file(playground.path("semconv/events.yaml")).unwrap();

    let report = generate(&playground.options()).unwrap();

    assert_eq!(report.counts.removed, 1);
    assert!(!playground.path("out/events").exists());
    assert!(!playground.read("out/events.rs").contains("pub mod"));
}

#[test]
fn a_file_of_somebodys_own_in_the_output_directory_is_never_touched() {
    let playground = Playground::new();
    generate(&playground.options()).unwrap();
    playground.write("out/mine.rs", "// My own.\n");
    playground.write("out/semconv/mine.rs", "// My own too.\n");
    playground.write("out/events/notes.txt", MARKER);
    let before = playground.snapshot();

    generate(&playground.options()).unwrap();

    assert_eq!(before, playground.snapshot());
}

#[test]
fn a_file_of_somebodys_own_that_is_in_the_way_is_an_error_and_nothing_is_written() {
    let playground = Playground::new();
    playground.write("out/semconv/srv.rs", "// My own.\n");

    let error = output_error(&playground);

    assert!(
        error.contains("out/semconv/srv.rs is in the way"),
        "{error}"
    );
    assert!(error.contains("help: move or delete it"), "{error}");
    assert_eq!(playground.snapshot().len(), 1);
    assert_eq!(playground.read("out/semconv/srv.rs"), "// My own.\n");
}

#[test]
fn everything_that_is_in_the_way_is_reported_in_one_run() {
    let playground = Playground::new();
    playground.write("out/semconv/srv.rs", "// My own.\n");
    fs::create_dir_all(playground.path("out/registry.rs")).unwrap();
    playground.write("out/spans", "a file where a directory belongs");

    let error = output_error(&playground);

    assert!(
        error.contains("out/semconv/srv.rs is in the way: it does not say that it is generated"),
        "{error}"
    );
    assert!(
        error.contains("out/registry.rs is in the way: it is a directory"),
        "{error}"
    );
    assert!(
        error.contains("out/spans is in the way: it is no directory"),
        "{error}"
    );
    assert_eq!(error.matches("error[output]").count(), 3, "{error}");
}

#[test]
fn an_output_directory_that_is_a_file_is_an_error() {
    let playground = Playground::new();
    playground.write("out", "a file");

    let error = output_error(&playground);

    assert!(
        error.contains("out is in the way: it is no directory"),
        "{error}"
    );
    assert_eq!(playground.read("out"), "a file");
}

#[test]
fn a_read_only_file_is_an_error_and_keeps_its_content() {
    let playground = Playground::new();
    generate(&playground.options()).unwrap();
    let path = playground.path("out/semconv/app.rs");
    fs::write(&path, format!("{MARKER}\n")).unwrap();
    let mut permissions = fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions).unwrap();

    let error = output_error(&playground);

    assert!(
        error.contains("semconv/app.rs is in the way: it is read-only"),
        "{error}"
    );
    assert_eq!(playground.read("out/semconv/app.rs"), format!("{MARKER}\n"));
}

#[cfg(unix)]
#[test]
fn a_link_in_the_output_directory_is_an_error_and_what_it_leads_to_is_untouched() {
    let playground = Playground::new();
    playground.write("elsewhere/app.rs", &format!("{MARKER}\n"));
    fs::create_dir_all(playground.path("out/semconv")).unwrap();
    std::os::unix::fs::symlink(
        playground.path("elsewhere/app.rs"),
        playground.path("out/semconv/app.rs"),
    )
    .unwrap();
    std::os::unix::fs::symlink(playground.path("elsewhere"), playground.path("out/spans")).unwrap();

    let error = output_error(&playground);

    assert!(
        error.contains("out/semconv/app.rs is in the way: it is a symbolic link"),
        "{error}"
    );
    assert!(
        error.contains("out/spans is in the way: it is a symbolic link"),
        "{error}"
    );
    assert_eq!(playground.read("elsewhere/app.rs"), format!("{MARKER}\n"));
}

#[cfg(unix)]
#[test]
fn an_output_directory_that_is_itself_a_link_is_followed() {
    let playground = Playground::new();
    fs::create_dir(playground.path("real")).unwrap();
    std::os::unix::fs::symlink(playground.path("real"), playground.out()).unwrap();

    generate(&playground.options()).unwrap();

    assert!(playground.path("real/semconv/app.rs").is_file());
}

#[cfg(unix)]
#[test]
fn new_files_have_the_permissions_of_any_new_file_and_old_ones_keep_theirs() {
    use std::os::unix::fs::PermissionsExt as _;
    let playground = Playground::new();
    generate(&playground.options()).unwrap();
    playground.write("plain", "");
    let mode = |below: &str| {
        fs::metadata(playground.path(below))
            .unwrap()
            .permissions()
            .mode()
    };
    assert_eq!(mode("out/semconv/app.rs"), mode("plain"));

    fs::set_permissions(
        playground.path("out/semconv/app.rs"),
        fs::Permissions::from_mode(0o640),
    )
    .unwrap();
    playground.write("semconv/app.yaml", &attribute("app.title"));
    generate(&playground.options()).unwrap();

    assert_eq!(mode("out/semconv/app.rs") & 0o777, 0o640);
    assert!(playground.read("out/semconv/app.rs").contains("app.title"));
}

#[test]
fn a_registry_with_errors_changes_nothing() {
    let playground = Playground::new();
    generate(&playground.options()).unwrap();
    playground.write(
        "semconv/app.yaml",
        &attribute("app.title").replace("string", "strng"),
    );
    playground.write("semconv/srv.yaml", &attribute("srv.title"));
    let before = playground.snapshot();

    let failure = generate(&playground.options()).unwrap_err();

    assert!(matches!(failure, Failure::Registry(_)), "{failure}");
    assert_eq!(before, playground.snapshot());
}

#[test]
fn a_run_that_was_killed_between_files_is_seen_by_a_check_and_repaired_by_the_next_run() {
    let playground = Playground::new();
    generate(&playground.options()).unwrap();
    let whole = playground.snapshot();
    // Some files are written, one is not yet, and one is half written beside its place.
    fs::remove_file(playground.path("out/semconv/srv.rs")).unwrap();
    playground.write("out/semconv/.vigil-gen-a1b2c3.tmp", "// @gener");
    playground.write("out/.vigil-gen-d4e5f6.tmp", "");

    let check = generate(&playground.check_options()).unwrap();
    assert!(check.stale);
    let diff = check.diff.unwrap();
    assert_eq!(
        diff.matches("left behind by a run that was stopped")
            .count(),
        2,
        "{diff}"
    );

    generate(&playground.options()).unwrap();

    let texts = |files: Vec<(std::path::PathBuf, String, _)>| -> Vec<_> {
        files
            .into_iter()
            .map(|(path, text, _): (_, _, std::time::SystemTime)| (path, text))
            .collect()
    };
    assert_eq!(texts(whole), texts(playground.snapshot()));
    assert!(!generate(&playground.check_options()).unwrap().stale);
}

#[test]
fn a_temporary_file_alone_makes_a_check_fail() {
    let playground = Playground::new();
    generate(&playground.options()).unwrap();
    playground.write("out/.vigil-gen-a1b2c3.tmp", "");
    assert!(generate(&playground.check_options()).unwrap().stale);
}

#[test]
fn an_empty_generated_file_is_no_generated_file() {
    let playground = Playground::new();
    generate(&playground.options()).unwrap();
    playground.write("out/semconv/app.rs", "");
    assert!(output_error(&playground).contains("semconv/app.rs is in the way"));
}

#[test]
fn the_summary_counts_attributes_by_directory_and_files_by_what_became_of_them() {
    let playground = Playground::new();
    playground.write("semconv/app/more.yaml", &attribute("app.title"));
    let report = generate(&playground.options()).unwrap().to_string();
    assert!(
        report.contains("3 attributes (app 2, srv 1) in 4 files"),
        "{report}"
    );
    assert!(
        report.contains("0 spans, 0 records, 0 metrics, 0 events\n"),
        "{report}"
    );
    assert!(
        report.contains("8 written, 0 unchanged, 0 removed"),
        "{report}"
    );
}

#[test]
fn a_file_of_somebodys_own_with_the_name_of_a_temporary_one_is_not_touched() {
    let playground = Playground::new();
    generate(&playground.options()).unwrap();
    playground.write("out/.vigil-gen-notes.tmp", "My notes.\n");

    assert!(!generate(&playground.check_options()).unwrap().stale);
    generate(&playground.options()).unwrap();

    assert_eq!(playground.read("out/.vigil-gen-notes.tmp"), "My notes.\n");
}

#[test]
fn a_generated_file_in_a_directory_that_no_run_makes_any_more_is_removed() {
    let playground = Playground::new();
    generate(&playground.options()).unwrap();
    playground.write("out/olddir/old.rs", &format!("{MARKER}\n"));
    playground.write("out/mydir/mine.rs", "// My own.\n");
    assert!(generate(&playground.check_options()).unwrap().stale);

    assert_eq!(generate(&playground.options()).unwrap().counts.removed, 1);

    assert!(!playground.path("out/olddir").exists());
    assert!(playground.path("out/mydir/mine.rs").exists());
}

#[test]
fn runs_at_the_same_time_do_not_disturb_each_other() {
    let playground = Playground::new();
    let other = Playground::new();
    other.write("semconv/srv.yaml", &attribute("other.name"));
    generate(&playground.options()).unwrap();
    // Each run removes what the other has written.
    let mut others = other.options();
    others.out = playground.out();
    std::thread::scope(|scope| {
        for options in [
            playground.options(),
            others.clone(),
            playground.options(),
            others,
        ] {
            scope.spawn(move || {
                for _ in 0..5 {
                    generate(&options).unwrap_or_else(|failure| panic!("{failure}"));
                }
            });
        }
    });
    generate(&playground.options()).unwrap();
    let left: Vec<_> = fs::read_dir(playground.path("out/semconv"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[cfg(unix)]
#[test]
fn a_directory_that_can_not_be_written_to_is_no_obstacle_but_a_failure() {
    use std::os::unix::fs::PermissionsExt as _;
    let playground = Playground::new();
    generate(&playground.options()).unwrap();
    playground.write("semconv/app.yaml", &attribute("app.title"));
    let directory = playground.path("out/semconv");
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o555)).unwrap();
    // Whoever may do everything is refused nothing.
    let may_do_everything = fs::write(directory.join("probe"), "").is_ok();
    if !may_do_everything {
        let error = output_error(&playground);
        assert_eq!(
            error,
            "error[output]: can't write out/semconv/app.rs: Permission denied\n\nnothing was written\n"
        );
    }
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn what_is_wrong_with_the_whole_directory_is_said_once() {
    let playground = Playground::new();
    playground.write("out", "a file");
    let error = output_error(&playground);
    assert_eq!(error.matches("error[").count(), 1, "{error}");
    assert!(error.ends_with("\nnothing was written\n"), "{error}");

    let mut options = playground.options();
    options.out = playground.path("out/below");
    let error = generate(&options).unwrap_err().to_string();
    assert_eq!(error.matches("error[").count(), 1, "{error}");
}

fn output_error(playground: &Playground) -> String {
    let failure = generate(&playground.options()).unwrap_err();
    assert!(matches!(failure, Failure::Output(_)), "{failure}");
    let dir = format!(
        "{}/",
        playground
            .path("")
            .display()
            .to_string()
            .trim_end_matches('/')
    );
    failure.to_string().replace(&dir, "")
}
