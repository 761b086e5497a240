//! How a process ends, and what of its telemetry is there afterwards.

#![cfg(unix)]

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use vigil::export::Protocol;
use vigil_tests::child::{PROTOCOLS, towards};
use vigil_tests::installed::skipped;
use vigil_tests::receiver::{Answer, Receiver};

/// An agent that ends as `how` says, with spans open.
struct Ending(Child);

struct Ended {
    status: ExitStatus,
    /// What it said after it was ready.
    said: String,
    lines: String,
}

impl Ending {
    fn of(how: &str, variables: &[(&str, &str)]) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_ending"))
            .arg(how)
            .env_clear()
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the agent starts");
        Self(child)
    }

    /// Waits until its spans are open, and sends it `signal`.
    fn get(&mut self, signal: libc::c_int) {
        let out = self.0.stdout.as_mut().expect("it is piped");
        let mut ready = [0; 6];
        out.read_exact(&mut ready)
            .expect("it says that it is ready");
        assert_eq!(&ready, b"ready\n");
        let process = libc::pid_t::try_from(self.0.id()).expect("ids are small");
        // SAFETY: the process is a child that nobody has waited for.
        #[allow(unsafe_code)]
        let sent = unsafe { libc::kill(process, signal) };
        assert_eq!(sent, 0);
    }

    fn wait(mut self) -> Ended {
        let lines = self.0.stderr.take().expect("it is piped");
        let lines = std::thread::spawn(move || {
            let lines = BufReader::new(lines).lines().map_while(Result::ok);
            lines.collect::<Vec<_>>().join("\n")
        });
        let mut said = String::new();
        let mut out = self.0.stdout.take().expect("it is piped");
        out.read_to_string(&mut said).expect("it is text");
        Ended {
            status: self.0.wait().expect("it ends"),
            said,
            lines: lines.join().expect("it is read"),
        }
    }
}

fn ended(how: &str, variables: &[(&str, &str)]) -> Ended {
    Ending::of(how, variables).wait()
}

/// What an agent that ends as `how` says sends over each transport, if it gets that signal.
fn over_every_transport(how: &str, signal: Option<libc::c_int>, check: impl Fn(&Receiver, &Ended)) {
    for protocol in PROTOCOLS {
        let receiver = Receiver::plain(protocol == Protocol::Grpc);
        let variables = towards(protocol, &receiver);
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let mut ending = Ending::of(how, &variables);
        if let Some(signal) = signal {
            ending.get(signal);
        }
        check(&receiver, &ending.wait());
    }
}

fn endpoint(url: &str) -> [(&'static str, &str); 1] {
    [("OTEL_EXPORTER_OTLP_ENDPOINT", url)]
}

fn error_type(spans: &[Span], name: &str) -> Option<String> {
    let span = spans.iter().find(|span| span.name == name);
    let span = span.unwrap_or_else(|| panic!("no `{name}` in {spans:?}"));
    let attributes = span.attributes.iter();
    let error = attributes.filter(|attribute| attribute.key == "error.type");
    let values = error.filter_map(|attribute| attribute.value.as_ref()?.value.clone());
    values
        .map(|value| match value {
            Value::StringValue(text) => text,
            other => panic!("`error.type` is {other:?}"),
        })
        .next()
}

const OPEN: [&str; 3] = [
    "chat claude-sonnet-4-5",
    "phase deliberate",
    "invoke_agent arcan",
];

/// All that was open has arrived, with that mark, its status and its parents.
fn assert_marked(receiver: &Receiver, mark: &str) {
    let spans = receiver.spans();
    for name in OPEN {
        assert_eq!(error_type(&spans, name).as_deref(), Some(mark), "{name}");
    }
    for pair in OPEN.windows(2) {
        let of = |name: &str| spans.iter().find(|span| span.name == name);
        let (child, parent) = (of(pair[0]), of(pair[1]));
        let parents = child.zip(parent);
        assert!(parents.is_some_and(|(child, parent)| child.parent_span_id == parent.span_id));
    }
    let failed = |span: &Span| span.status.as_ref().is_some_and(|status| status.code == 2);
    assert!(spans.iter().all(failed), "{spans:?}");
    let metrics = receiver.metrics();
    let measured = |name: &str| metrics.iter().any(|metric| metric.name == name);
    assert!(measured("gen_ai.client.operation.duration"));
    assert!(measured("gen_ai.invoke_agent.duration"));
}

#[test]
fn spans_that_are_open_at_a_shutdown_end_first_and_are_part_of_it() {
    let receiver = Receiver::http();
    let ended = ended("shutdown", &endpoint(&receiver.url("")));
    assert_eq!(ended.said, "lost 0 in time true\n", "{}", ended.lines);
    assert_marked(&receiver, "terminated");
}

#[test]
fn a_layer_that_panics_over_the_end_of_its_span_costs_the_others_nothing() {
    let receiver = Receiver::http();
    let ended = ended("broken-layer", &endpoint(&receiver.url("")));
    assert_eq!(ended.said, "lost 0 in time true\n", "{}", ended.lines);
    assert_marked(&receiver, "terminated");
}

#[test]
fn every_orderly_end_of_the_process_hands_over_what_is_open() {
    for (how, code) in [
        ("return", 0),
        ("leak", 0),
        ("exit", 3),
        ("process-exit", 3),
        ("thread-exit", 3),
    ] {
        over_every_transport(how, None, |receiver, ended| {
            assert_eq!(ended.status.code(), Some(code), "{how}: {}", ended.lines);
            if how == "leak" {
                // Here the handles went first, in their order.
                assert_eq!(receiver.spans().len(), 3);
            } else {
                assert_marked(receiver, "terminated");
            }
        });
    }
}

#[test]
fn a_signal_hands_over_what_is_open_and_then_ends_the_process_as_ever() {
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
        over_every_transport("wait", Some(signal), |receiver, ended| {
            assert_eq!(ended.status.signal(), Some(signal), "{}", ended.lines);
            assert_marked(receiver, "terminated");
        });
    }
}

#[test]
fn an_error_that_was_seen_before_the_end_stays_the_error() {
    let receiver = Receiver::http();
    let mut ending = Ending::of("failed", &endpoint(&receiver.url("")));
    ending.get(libc::SIGTERM);
    ending.wait();
    let spans = receiver.spans();
    let error_type = |name| error_type(&spans, name);
    assert_eq!(
        error_type("execute_tool failed").as_deref(),
        Some("overloaded")
    );
    assert_eq!(
        error_type("execute_tool slow").as_deref(),
        Some("terminated"),
        "nobody has said that this was all"
    );
}

#[test]
fn a_handler_that_was_there_before_has_its_turn_after_that_with_the_pipeline_running() {
    let receiver = Receiver::http();
    let mut ending = Ending::of("handler-before", &endpoint(&receiver.url("")));
    ending.get(libc::SIGTERM);
    let ended = ending.wait();
    assert_eq!(ended.said, "asked to end\n");
    assert!(ended.status.success());
    let spans = receiver.spans();
    for name in OPEN {
        assert_eq!(error_type(&spans, name).as_deref(), Some("terminated"));
    }
    assert_eq!(error_type(&spans, "invoke_agent afterwards"), None);
}

#[test]
fn a_handler_that_came_later_has_taken_the_signal_over() {
    let receiver = Receiver::http();
    let mut ending = Ending::of("handler-after", &endpoint(&receiver.url("")));
    ending.get(libc::SIGTERM);
    let ended = ending.wait();
    assert_eq!(ended.said, "asked to end\n");
    assert!(ended.status.success());
    let spans = receiver.spans();
    assert_eq!(error_type(&spans, "invoke_agent afterwards"), None);
    assert_eq!(
        error_type(&spans, "invoke_agent arcan").as_deref(),
        Some("terminated"),
        "the guard ends what is open"
    );
}

#[test]
fn a_program_that_winds_up_by_itself_is_given_the_time_to() {
    let receiver = Receiver::http();
    let mut ending = Ending::of("tokio-signal", &endpoint(&receiver.url("")));
    ending.get(libc::SIGINT);
    let at = Instant::now();
    let arrived = || {
        receiver
            .spans()
            .iter()
            .any(|span| span.name == "invoke_agent already-over")
    };
    while !arrived() && at.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let ended = ending.wait();
    assert_eq!(ended.said, "wound up\n", "{}", ended.lines);
    assert!(ended.status.success());
    let spans = receiver.spans();
    assert_eq!(error_type(&spans, "invoke_agent afterwards"), None);
    assert_eq!(spans.len(), 5);
}

#[test]
fn a_signal_is_not_lost_on_a_guard_that_waits_for_a_shorter_time() {
    let receiver = Receiver::http();
    receiver.always(Answer::Hang);
    let url = receiver.url("");
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("VIGIL_SHUTDOWN_TIMEOUT", "1000"),
    ];
    let mut ending = Ending::of("shutdown-meanwhile", &variables);
    ending.get(libc::SIGTERM);
    let ended = ending.wait();
    assert_eq!(ended.status.signal(), Some(libc::SIGTERM), "{}", ended.said);
}

#[test]
fn a_signal_to_a_fork_ends_the_fork_and_nothing_else() {
    let receiver = Receiver::http();
    let ended = ended("fork", &endpoint(&receiver.url("")));
    let expected = format!("ready\nthe fork was ended by {}\n", libc::SIGTERM);
    assert_eq!(ended.said, expected, "{}", ended.lines);
    assert!(ended.status.success());
    let spans = receiver.spans();
    assert_eq!(error_type(&spans, "invoke_agent afterwards"), None);
}

#[cfg(target_os = "linux")]
#[test]
fn the_first_process_of_a_container_goes_on_and_so_does_its_telemetry() {
    let may = Command::new("unshare").args(["-Urpf", "true"]).status();
    if !may.is_ok_and(|status| status.success()) {
        skipped("this system does not let `unshare -Urpf` make a container");
        return;
    }
    let receiver = Receiver::http();
    let url = receiver.url("");
    let child = Command::new("unshare")
        .args(["-Urpf", env!("CARGO_BIN_EXE_ending"), "first-process"])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &url)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let ended = Ending(child).wait();
    assert_eq!(ended.said, "signalled as 1\n", "{}", ended.lines);
    let spans = receiver.spans();
    assert_eq!(error_type(&spans, "invoke_agent afterwards"), None);
}

#[test]
fn signals_are_left_alone_if_that_is_said() {
    let receiver = Receiver::http();
    let mut ending = Ending::of("not-handled", &endpoint(&receiver.url("")));
    ending.get(libc::SIGTERM);
    let ended = ending.wait();
    assert_eq!(ended.status.signal(), Some(libc::SIGTERM));
    assert!(receiver.spans().is_empty());
}

#[test]
fn a_fatal_panic_marks_its_own_trace_and_hands_everything_over_before_the_hook() {
    over_every_transport("fatal-panic", None, |receiver, ended| {
        assert_eq!(ended.status.signal(), Some(libc::SIGABRT));
        assert!(
            ended.said.ends_with("the hook that was there before\n"),
            "{}",
            ended.said
        );
        let spans = receiver.spans();
        for name in OPEN {
            assert_eq!(error_type(&spans, name).as_deref(), Some("panic"), "{name}");
        }
        let bystander = error_type(&spans, "invoke_agent bystander");
        assert_eq!(bystander.as_deref(), Some("terminated"));
    });
}

#[test]
fn a_panic_that_unwinds_ends_the_spans_that_it_passes() {
    let receiver = Receiver::http();
    let ended = ended("panic", &endpoint(&receiver.url("")));
    assert_eq!(ended.status.code(), Some(101), "{}", ended.lines);
    let spans = receiver.spans();
    for name in OPEN {
        assert_eq!(error_type(&spans, name).as_deref(), Some("panic"), "{name}");
    }
    let bystander = error_type(&spans, "invoke_agent bystander");
    assert_eq!(bystander.as_deref(), Some("terminated"));
}

#[test]
fn the_bound_holds_whatever_the_collector_does_and_however_the_process_ends() {
    for how in ["return", "exit", "process-exit", "fatal-panic"] {
        let receiver = Receiver::http();
        receiver.always(Answer::Hang);
        let url = receiver.url("");
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
            ("VIGIL_SHUTDOWN_TIMEOUT", "300"),
        ];
        let start = Instant::now();
        ended(how, &variables);
        let took = start.elapsed();
        assert!(took < Duration::from_secs(8), "{how}: {took:?}");
    }
}

#[test]
fn without_an_endpoint_a_signal_tells_what_was_open() {
    let mut ending = Ending::of("wait", &[]);
    ending.get(libc::SIGINT);
    let ended = ending.wait();
    assert_eq!(ended.status.signal(), Some(libc::SIGINT));
    let places: Vec<_> = OPEN
        .iter()
        .map(|name| {
            let mut lines = ended.lines.lines();
            let place = lines.position(|line| line.contains(name) && !line.contains('∑'));
            place.unwrap_or_else(|| panic!("no `{name}`:\n{}", ended.lines))
        })
        .collect();
    assert!(places.is_sorted(), "the deepest first:\n{}", ended.lines);
    let marked = ended
        .lines
        .lines()
        .filter(|line| line.contains("✗ terminated"));
    let (metrics, spans): (Vec<_>, Vec<_>) = marked.partition(|line| line.contains('∑'));
    assert_eq!((metrics.len(), spans.len()), (2, 3), "{}", ended.lines);
}
