//! Programs under test, seen from outside.

use std::io::Read;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use vigil::export::{Protocol, Signal};

use crate::receiver::Receiver;

/// Every transport.
pub const PROTOCOLS: [Protocol; 3] = [Protocol::HttpProtobuf, Protocol::HttpJson, Protocol::Grpc];

/// Every signal.
pub const SIGNALS: [Signal; 3] = [Signal::Traces, Signal::Metrics, Signal::Logs];

/// No program under test has a reason to take longer.
const FAR_TOO_LONG: Duration = Duration::from_secs(60);

/// How a program went.
#[derive(Clone, Debug)]
pub struct Ran {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub out: String,
    /// Its standard error: where log lines go.
    pub lines: String,
    /// How long it took, from start to end.
    pub took: Duration,
}

impl Ran {
    /// What the program says became of a signal: the number behind `name=` in its line.
    ///
    /// # Panics
    ///
    /// If it says nothing of it.
    #[track_caller]
    pub fn number(&self, signal: Signal, name: &str) -> u64 {
        let line = self.out.lines().find_map(|line| {
            let rest = line.strip_prefix(&signal.to_string())?;
            rest.split(' ')
                .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
        });
        let number = line.and_then(|number| number.parse().ok());
        number.unwrap_or_else(|| panic!("no {name} of {signal}: {self:?}"))
    }
}

/// Runs `program` with nothing in its environment but `variables`.
///
/// # Panics
///
/// If it can't be started, or doesn't end within a minute; then it is killed.
#[track_caller]
pub fn run(program: &str, arguments: &[&str], variables: &[(String, String)]) -> Ran {
    let begun = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let out = collect(child.stdout.take());
    let lines = collect(child.stderr.take());
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child of ours") {
            break status;
        }
        if begun.elapsed() > FAR_TOO_LONG {
            let _ = child.kill();
            panic!("{program} {arguments:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let took = begun.elapsed();
    let text = |collected: std::thread::JoinHandle<String>| collected.join().unwrap_or_default();
    Ran {
        status,
        out: text(out),
        lines: text(lines),
        took,
    }
}

/// Reads all of it, on a thread of its own: a full pipe would stop the program.
fn collect(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// The variables that send everything to `receiver`.
pub fn towards(protocol: Protocol, receiver: &Receiver) -> Vec<(String, String)> {
    let mut variables = vec![set("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url(""))];
    variables.push(set("OTEL_EXPORTER_OTLP_PROTOCOL", protocol));
    variables
}

/// A variable of the environment.
pub fn set(name: &str, value: impl std::fmt::Display) -> (String, String) {
    (name.to_owned(), value.to_string())
}
