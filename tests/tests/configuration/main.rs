//! Every variable and every setter has an effect that is seen outside the process.
//!
//! Each module lists its tests with what they see the effect of; whatever is on no list fails the
//! two tests here.

mod batches;
mod contents;
mod ends;
mod limits;
mod lines;
mod opt_in;
mod presets;
mod spans;
mod transport;

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use vigil_tests::receiver::{Body, Received, Receiver};

/// A test, and the variables and setters whose effect it sees.
type Seen = (fn(), &'static [&'static str]);

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const SIGNALS: [&str; 3] = ["TRACES", "METRICS", "LOGS"];

/// What the environment and code say.
#[derive(Clone, Debug, Default)]
struct Way {
    variables: Vec<(String, String)>,
    setters: Vec<String>,
}

fn variable(name: impl Into<String>, value: impl Into<String>) -> Way {
    Way::default().variable(name, value)
}

fn setter(name: &str, value: &str) -> Way {
    Way::default().setter(name, value)
}

/// What the program said.
struct Ran {
    out: String,
    lines: String,
}

impl Ran {
    /// How long the shutdown took.
    fn millis(&self) -> u64 {
        let took = self.out.split_once("took ").expect("it says how long").1;
        let number = took.split(' ').next().expect("a number");
        number.parse().expect("a number")
    }
}

impl Way {
    fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    fn setter(mut self, name: &str, value: &str) -> Self {
        self.setters.push(format!("{name}={value}"));
        self
    }

    /// Everything goes to that receiver.
    fn to(self, receiver: &Receiver) -> Self {
        let url = receiver.url("");
        self.variable(ENDPOINT, url)
    }

    /// Only this signal goes anywhere.
    fn only(self, signal: &str) -> Self {
        SIGNALS
            .into_iter()
            .filter(|other| *other != signal)
            .fold(self, |way, other| {
                way.variable(format!("OTEL_{other}_EXPORTER"), "none")
            })
    }

    fn command(&self, work: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_configured"));
        command
            .arg(work)
            .args(&self.setters)
            .env_clear()
            .envs(self.variables.iter().cloned());
        command
    }

    fn run(&self, work: &str) -> Ran {
        let output = self.command(work).output().expect("the program starts");
        let lines = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{self:?}: {lines}");
        Ran {
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            lines,
        }
    }

    /// Starts the program, which works until this is dropped.
    fn start(&self) -> Running {
        let mut command = self.command("wait");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Running(command.spawn().expect("the program starts"))
    }
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

fn signal_of(received: &Received) -> &'static str {
    match received.body {
        Body::Traces(_) => "TRACES",
        Body::Metrics(_) => "METRICS",
        Body::Logs(_) => "LOGS",
    }
}

/// How many requests of a signal have come.
fn requests_of(receiver: &Receiver, signal: &str) -> usize {
    let requests = receiver.requests();
    let of_signal = requests.iter().filter(|it| signal_of(it) == signal);
    of_signal.count()
}

/// All three signals come, those that `is_so` is true for alone.
fn signals_that(receiver: &Receiver, is_so: impl Fn(&Received) -> bool) -> Vec<&'static str> {
    let requests = receiver.requests();
    let mut so = Vec::new();
    for signal in SIGNALS {
        let mut of_signal = requests.iter().filter(|it| signal_of(it) == signal);
        let first = of_signal.next();
        let first = first.unwrap_or_else(|| panic!("nothing of {signal} came"));
        if is_so(first) {
            so.push(signal);
            assert!(of_signal.all(&is_so), "{signal}");
        } else {
            assert!(!of_signal.any(&is_so), "{signal}");
        }
    }
    so
}

fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let attribute = attributes.iter().find(|attribute| attribute.key == key)?;
    match attribute.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        other => Some(format!("{other:?}")),
    }
}

fn names(receiver: &Receiver) -> BTreeSet<String> {
    receiver.spans().into_iter().map(|span| span.name).collect()
}

fn seen() -> BTreeSet<&'static str> {
    let lists = [
        batches::SEEN,
        contents::SEEN,
        ends::SEEN,
        limits::SEEN,
        lines::SEEN,
        opt_in::SEEN,
        presets::SEEN,
        spans::SEEN,
        transport::SEEN,
    ];
    let tests = lists.into_iter().flatten();
    tests.flat_map(|(_, what)| what.iter().copied()).collect()
}

#[test]
fn no_variable_is_without_a_test_that_sees_its_effect() {
    let seen = seen();
    let variables = vigil::config::VARIABLES.iter();
    let unseen: Vec<_> = variables
        .flat_map(|variable| variable.names)
        .filter(|name| !seen.contains(*name))
        .collect();
    assert!(unseen.is_empty(), "{unseen:?}");
}

#[test]
fn no_setter_is_without_a_test_that_sees_its_effect() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../vigil/src/config.rs");
    let source = std::fs::read_to_string(path).expect("the source is there");
    let seen = seen();
    let mut of = "";
    let mut setters = Vec::new();
    for line in source.lines() {
        if let Some(name) = line.strip_prefix("impl ") {
            of = name.trim_end_matches(" {");
        }
        let name = line.strip_prefix("    pub fn ").and_then(|line| {
            let (name, _) = line.split_once('(')?;
            let (name, _) = name.split_once('<').unwrap_or((name, ""));
            Some(format!("{of}::{name}"))
        });
        setters.extend(name);
    }
    setters.retain(|name| !name.ends_with("::new") && !name.contains("::resolve"));
    assert!(setters.len() > 30, "{setters:?}");
    setters.retain(|name| !seen.contains(name.as_str()));
    assert!(setters.is_empty(), "{setters:?}");
}
