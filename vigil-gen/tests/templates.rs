//! What a template can get wrong, and how it is told.

mod support;

use std::fs;

use support::{Playground, templates};
use vigil_gen::{Failure, Options, generate};

#[test]
fn an_undefined_variable_is_an_error_that_names_the_template_and_the_line() {
    let playground = with_template("index.j2", |text| {
        text.replace("{{ module.item }}", "{{ module.itm }}")
    });
    let line = 1 + template("index.j2")
        .lines()
        .position(|line| line.contains("{{ module.item }}"))
        .unwrap();

    let error = error(&playground);

    assert!(
        error.starts_with("error[template]: undefined value"),
        "{error}"
    );
    assert!(
        error.contains(&format!("  --> templates/index.j2:{line}\n")),
        "{error}"
    );
    assert!(!playground.out().exists());
}

#[test]
fn an_undefined_variable_in_a_macro_is_placed_in_the_file_of_the_macro() {
    let playground = with_template("macros.j2", |text| {
        text.replace("header.docs", "header.doc")
    });
    let line = 1 + template("macros.j2")
        .lines()
        .position(|line| line.contains("header.docs"))
        .unwrap();

    let error = error(&playground);

    assert!(
        error.contains(&format!("  --> templates/macros.j2:{line}\n")),
        "{error}"
    );
}

#[test]
fn a_template_that_does_not_parse_is_an_error_with_its_line() {
    let playground = with_template("events.j2", |text| format!("{text}{{% if %}}\n"));
    let line = 1 + template("events.j2").lines().count();

    let error = error(&playground);

    assert!(
        error.starts_with("error[template]: syntax error"),
        "{error}"
    );
    assert!(
        error.contains(&format!("  --> templates/events.j2:{line}\n")),
        "{error}"
    );
}

#[test]
fn a_template_that_is_missing_is_named() {
    let playground = with_template("index.j2", str::to_owned);
    fs::remove_file(playground.path("templates/index.j2")).unwrap();

    let error = error(&playground);

    assert!(error.contains("index.j2"), "{error}");
    assert!(
        error.contains("= help: every kind of file needs its template"),
        "{error}"
    );
}

#[test]
fn a_directory_of_templates_that_is_missing_is_named() {
    let playground = Playground::new();
    let error = error(&playground);
    assert!(error.contains("--> templates\n"), "{error}");
}

#[test]
fn output_that_is_no_rust_is_an_error_that_names_the_generated_file_and_writes_nothing() {
    let playground = with_template("semconv.j2", |text| format!("{text}fn (\n"));

    let error = error(&playground);

    assert!(
        error.starts_with("error[rustfmt]: what the templates make is no Rust"),
        "{error}"
    );
    assert!(error.contains("--> semconv/app.rs:"), "{error}");
    assert!(!playground.out().exists());
}

#[test]
fn a_template_that_does_not_begin_with_the_marker_is_refused() {
    let playground = with_template("registry.j2", |text| format!("// My own.\n{text}"));

    let error = error(&playground);

    assert!(
        error.contains("registry.rs is in the way: its template does not begin it with"),
        "{error}"
    );
    assert!(!playground.out().exists());
}

#[test]
fn a_missing_rustfmt_is_an_error_with_help() {
    let playground = with_template("index.j2", str::to_owned);
    let mut options = options(&playground);
    options.rustfmt = "no-such-rustfmt".into();

    let failure = generate(&options).unwrap_err();

    assert!(matches!(failure, Failure::Format(_)), "{failure}");
    let text = failure.to_string();
    assert!(text.contains("can't run `no-such-rustfmt`"), "{text}");
    assert!(
        text.contains("= help: `rustup component add rustfmt`"),
        "{text}"
    );
}

#[test]
fn code_is_formatted_as_the_nearest_rustfmt_toml_above_the_output_asks() {
    let playground = with_template("index.j2", str::to_owned);
    playground.write("rustfmt.toml", "hard_tabs = true\n");
    generate(&options(&playground)).unwrap();
    assert!(
        playground
            .read("out/semconv/app.rs")
            .contains("\n\tuse vigil::carrier")
    );

    playground.write("out/rustfmt.toml", "tab_spaces = 2\n");
    generate(&options(&playground)).unwrap();
    assert!(
        playground
            .read("out/semconv/app.rs")
            .contains("\n  use vigil::carrier")
    );
}

/// A playground with a copy of the templates, one of them edited.
fn with_template(name: &str, edit: impl Fn(&str) -> String) -> Playground {
    let playground = Playground::new();
    for entry in fs::read_dir(templates()).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let edited = if file == name { edit(&text) } else { text };
        playground.write(&format!("templates/{file}"), &edited);
    }
    playground
}

fn template(name: &str) -> String {
    fs::read_to_string(templates().join(name)).unwrap()
}

fn options(playground: &Playground) -> Options {
    Options {
        templates: playground.path("templates"),
        ..playground.options()
    }
}

fn error(playground: &Playground) -> String {
    let failure = generate(&options(playground)).unwrap_err();
    failure.to_string().replace(
        &format!("{}/", playground.path("x").parent().unwrap().display()),
        "",
    )
}
