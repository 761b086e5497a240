//! What a template can get wrong, and how it is told.

mod support;

use std::fs;

use support::{Playground, templates};
use vigil_gen::{Failure, MARKER, Options, generate, render_files};

#[test]
fn an_undefined_variable_is_an_error_that_shows_its_place() {
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
    let shown = format!(
        " --> templates/index.j2:{line}:12\n  |\n{line} | pub mod {{{{ module.itm }}}};\n  |            ^^^^^^^^^^\n  = help: "
    );
    assert!(error.contains(&shown), "{error}");
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
        error.contains(&format!("--> templates/macros.j2:{line}:16\n")),
        "{error}"
    );
}

#[test]
fn a_template_that_does_not_parse_is_an_error_with_its_place() {
    let playground = with_template("events.j2", |text| format!("{text}{{% if %}}\n"));
    let line = 1 + template("events.j2").lines().count();

    let error = error(&playground);

    assert!(
        error.starts_with("error[template]: syntax error"),
        "{error}"
    );
    assert!(
        error.contains(&format!("--> templates/events.j2:{line}:7\n")),
        "{error}"
    );
}

#[test]
fn a_template_takes_the_place_of_the_built_in_one_and_the_others_stay() {
    let playground = Playground::new();
    let edited = template("index.j2").replace("pub mod", "pub(crate) mod");
    playground.write("templates/index.j2", &edited);

    generate(&options(&playground)).unwrap();

    let index = playground.read("out/semconv.rs");
    assert!(index.contains("pub(crate) mod app;"), "{index}");
    assert!(
        playground
            .read("out/semconv/app.rs")
            .contains("pub const NAME: &str")
    );
}

#[test]
fn without_a_directory_of_templates_the_built_in_ones_make_the_same() {
    let playground = with_template("index.j2", str::to_owned);
    let own = render_files(&options(&playground)).unwrap();
    let built_in = Options {
        templates: None,
        ..playground.options()
    };
    let built_in = render_files(&built_in).unwrap();
    assert_eq!(own.files.len(), 8);
    for (path, text) in own.files {
        let marked = text.replace(
            "; edit semconv/ or templates/ instead",
            "; edit semconv/ instead",
        );
        assert_eq!(built_in.files[&path], marked, "{path}");
    }
}

#[test]
fn an_error_in_a_built_in_template_says_that_it_is_built_in() {
    let playground = Playground::new();
    // It hides a macro that the built-in templates use.
    playground.write(
        "templates/macros.j2",
        "{% macro head(header) %}{% endmacro %}\n",
    );
    let error = error(&playground);
    assert!(error.contains(".j2 (built in):"), "{error}");
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
fn whatever_a_template_begins_with_the_file_begins_with_the_marker() {
    let playground = with_template("registry.j2", |text| format!("// My own.\n{text}"));
    generate(&options(&playground)).unwrap();
    let text = playground.read("out/registry.rs");
    let (first, rest) = text.split_once('\n').unwrap();
    assert_eq!(
        first,
        format!("{MARKER}; edit semconv/ or templates/ instead.")
    );
    assert!(rest.starts_with("\n// My own.\n"), "{rest}");
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
        templates: Some(playground.path("templates")),
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
