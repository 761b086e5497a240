//! Vigil without any transport, in a program that aborts when it panics.

#![cfg(unix)]

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use vigil_tests::scratch::{Package, workspace};

const MAIN: &str = r#"
use vigil::{Deliberate, VigConfig, agent_span, chat_span, phase_span};

fn main() {
    let guard = vigil::init(&VigConfig::new()).expect("there is no other");
    let agent = agent_span("s-1", "arcan").start();
    let deliberate = phase_span(&agent, Deliberate);
    let chat = chat_span(&deliberate, "claude-sonnet-4-5", "anthropic").start();
    assert!(agent.span_context().is_some_and(|ids| ids.is_valid()));
    chat.in_scope(|| assert!(std::env::args().len() > 1, "boom"));
    drop((chat, deliberate, agent));
    println!("{}", guard.shutdown(std::time::Duration::from_secs(2)));
}
"#;

#[test]
fn a_program_that_aborts_when_it_panics_tells_what_was_open() {
    let package = Package::new(
        "bare",
        &format!(
            "[dependencies]\nvigil = {{ path = {:?}, default-features = false }}\n\
             [profile.dev]\npanic = \"abort\"\ndebug = false\n",
            workspace().join("vigil")
        ),
    );
    package.file("main.rs", MAIN);
    let built = package.cargo(["build"]);
    let said = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{said}");
    let run = |args: &[&str], variables: &[(&str, &str)]| {
        Command::new(package.target().join("debug/bare"))
            .args(args)
            .env_clear()
            .envs(variables.iter().copied())
            .output()
            .expect("it starts")
    };

    let output = run(&[], &[]);
    let lines = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.signal(), Some(6), "{lines}");
    let told = lines.lines().filter(|line| line.contains("✗ panic"));
    // Metrics are told as well, each with a sign.
    let (metrics, spans): (Vec<_>, Vec<_>) = told.partition(|line| line.contains('∑'));
    assert_eq!((metrics.len(), spans.len()), (2, 3), "{lines}");
    let told = lines.find("invoke_agent arcan").zip(lines.find("boom"));
    assert!(
        told.is_some_and(|(span, message)| span < message),
        "the hook that was there comes after that:\n{lines}"
    );

    let output = run(&["well"], &[]);
    let lines = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{lines}");
    assert!(lines.contains("chat claude-sonnet-4-5"), "{lines}");

    let endpoint = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318")];
    let output = run(&["well"], &endpoint);
    let lines = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{lines}");
    assert!(
        lines.contains("(`http-proto`, `http-json`, `grpc`): nothing is exported"),
        "it says that it can't export:\n{lines}"
    );
}
