//! Log lines: what is written, what is not, and that nothing goes wrong.

use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use vigil::log::{LogFormat, LogLayer};
use vigil::records::gen_ai::TokenUsage;
use vigil::records::life::Budget;
use vigil::semconv::life::OperatingMode;
use vigil::testing::Pipeline;
use vigil::{
    Deliberate, Execute, Perceive, Reflect, Sleep, agent_span, chat_span, phase_span, tool_span,
};

/// A writer whose lines a test can read.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    fn text(&self) -> String {
        let bytes = self.0.lock().expect("nobody panics with it").clone();
        String::from_utf8(bytes).expect("lines are UTF-8")
    }

    fn lines(&self) -> Vec<String> {
        self.text().lines().map(str::to_owned).collect()
    }

    #[track_caller]
    fn json(&self) -> Vec<Value> {
        let parse =
            |line: &String| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        self.lines().iter().map(parse).collect()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics with it").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn layer(format: LogFormat, filter: &str) -> (LogLayer, Captured) {
    let captured = Captured::default();
    let layer = LogLayer::new(format)
        .writer(captured.clone())
        .filter(filter)
        .expect("the filter can be read");
    (layer, captured)
}

/// Runs `f` with that layer alone, and returns what it has written.
fn written(format: LogFormat, filter: &str, f: impl FnOnce()) -> Captured {
    let (layer, captured) = layer(format, filter);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), f);
    captured
}

fn with_writer(writer: impl Write + Send + 'static, f: impl FnOnce()) {
    let layer = LogLayer::new(LogFormat::Json).writer(writer);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), f);
}

#[derive(Debug)]
struct ToolFailed;

/// A small run, with an end in failure.
fn run() {
    let agent = agent_span("s-1", "arcan").run_id("r-7").start();
    let perceive = phase_span(&agent, Perceive);
    perceive.record_operating_mode(OperatingMode::Explore);
    perceive.record_budget(
        &Budget::new(98_500)
            .cost_remaining_usd(4.2)
            .time_remaining_ms(90_000)
            .tool_calls_remaining(12),
    );
    drop(perceive);
    let deliberate = phase_span(&agent, Deliberate);
    let chat = chat_span(&deliberate, "sonnet", "anthropic")
        .request_temperature(0.5)
        .start();
    chat.in_scope(|| tracing::warn!(target: "arcan", attempt = 2, reason = "too busy", "retrying"));
    let usage = TokenUsage::default().input_tokens(1_200).output_tokens(85);
    chat.record_token_usage(&usage.cache_read_input_tokens(800));
    chat.record_finish_reason("tool_call");
    drop((chat, deliberate));
    let execute = phase_span(&agent, Execute);
    let tool = tool_span(&execute, "run_tests", "call-2").start();
    let _ = tool.run_blocking(|| Err::<(), _>(ToolFailed));
    drop((tool, execute));
    let reflect = phase_span(&agent, Reflect);
    reflect.record_mode_transition(OperatingMode::Explore, OperatingMode::Recover);
}

/// The lines with their times and durations, which differ, replaced by as many signs.
fn timeless(lines: &str) -> String {
    let units = ["ns", "µs", "ms", "s"];
    let mut out = String::new();
    for line in lines.lines() {
        let (time, rest) = line.split_at("00:00:00.000".len());
        assert!(
            time.chars().all(|c| c.is_ascii_digit() || ":.".contains(c)),
            "{line}"
        );
        let word = rest.split(' ').find(|word| {
            let unit = word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
            unit != *word && units.contains(&unit)
        });
        let is_span = !["INFO", "WARN", "•"].iter().any(|mark| rest.contains(mark));
        let mut rest = rest.to_owned();
        if let Some(word) = word.filter(|_| is_span) {
            let padded = format!("{word:>6}");
            rest = rest.replacen(&padded, "  TIME", 1);
        }
        out.push_str("HH:MM:SS.mmm");
        out.push_str(&rest);
        out.push('\n');
    }
    out
}

#[test]
fn a_run_reads_as_a_tree() {
    // Alone, beside a trace layer, and beside one that gives `tracing` only the spans that code runs in.
    for fields in [None, Some(true), Some(false)] {
        let (layer, captured) = layer(LogFormat::Pretty, "info");
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::AlwaysOff)
            .build();
        let traces = fields.map(|it| vigil::trace_layer(&provider).with_fields(it));
        let subscriber = tracing_subscriber::registry().with(traces).with(layer);
        tracing::subscriber::with_default(subscriber, run);
        assert_eq!(timeless(&captured.text()), TREE, "{fields:?}");
    }
}

const TREE: &str = "\
HH:MM:SS.mmm │ phase perceive             TIME  budget 98500 tokens, $4.20, 1m30s, 12 calls  mode explore
HH:MM:SS.mmm │ │ │ WARN arcan: retrying attempt=2 reason=\"too busy\"
HH:MM:SS.mmm │ │ chat sonnet              TIME  1200→85 tokens [800 cached]  tool_call  anthropic temperature=0.5
HH:MM:SS.mmm │ phase deliberate           TIME
HH:MM:SS.mmm │ │ execute_tool run_tests   TIME  ✗ log_lines::ToolFailed  tool.call.id=call-2
HH:MM:SS.mmm │ phase execute              TIME
HH:MM:SS.mmm │ │ • life.mode.transition  explore→recover
HH:MM:SS.mmm │ phase reflect              TIME  mode explore→recover
HH:MM:SS.mmm invoke_agent arcan           TIME  session_id=s-1 run_id=r-7
";

#[test]
fn colors_are_there_if_asked_for_and_only_then() {
    let captured = Captured::default();
    let layer = LogLayer::new(LogFormat::Pretty)
        .writer(captured.clone())
        .color(true);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), run);
    assert!(
        captured
            .text()
            .contains("\x1b[31m✗ log_lines::ToolFailed\x1b[0m")
    );
    assert!(
        captured
            .text()
            .contains("\x1b[1;31mexecute_tool run_tests\x1b[0m")
    );
    let plain = written(LogFormat::Pretty, "info", run);
    assert!(!plain.text().contains('\x1b'));
}

#[test]
fn what_is_logged_can_not_forge_lines_or_reach_the_terminal() {
    let lines = written(LogFormat::Pretty, "info", || {
        tracing::info!(field = "x\n12:00:00.000 ERROR", "said\n\x1b[2J{}", "\u{9b}");
        agent_span("s-1", "evil\n\x1b[31m").start().end();
    });
    assert_eq!(lines.lines().len(), 2);
    assert!(!lines.text().contains(['\x1b', '\u{9b}']));
}

#[test]
fn json_lines_keep_types() {
    let lines = written(LogFormat::Json, "info", || {
        tracing::info!(
            target: "arcan",
            count = 3_u64,
            most = u64::MAX,
            least = i64::MIN,
            share = 0.25,
            nothing = f64::NAN,
            endless = f64::INFINITY,
            done = true,
            text = "a \"b\" \\ \u{1}\u{1b} ü 🦀\n",
            debug = ?Some("x\ty"),
            error = &io::Error::other("no \"luck\"") as &dyn std::error::Error,
            r#type = "raw",
            "said {}",
            1
        );
    });
    let [line] = lines.json().try_into().expect("one line");
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["target"], "arcan");
    assert_eq!(line["message"], "said 1");
    let fields = json!({
        "count": 3, "most": u64::MAX, "least": i64::MIN, "share": 0.25, "nothing": null,
        "endless": null, "done": true, "text": "a \"b\" \\ \u{1}\u{1b} ü 🦀\n",
        "debug": "Some(\"x\\ty\")", "error": "no \"luck\"", "type": "raw",
    });
    assert_eq!(line["fields"], fields);
    for absent in ["span", "trace_id", "span_id", "event"] {
        assert!(line.get(absent).is_none(), "{absent}");
    }
}

#[test]
fn a_timestamp_is_the_time_in_utc_to_the_microsecond() {
    let before = SystemTime::now();
    let lines = written(LogFormat::Json, "info", || tracing::info!("now"));
    let after = SystemTime::now();
    let line = &lines.json()[0];
    let stamp = line["timestamp"].as_str().expect("a text");
    assert_eq!(stamp.len(), "2026-11-22T19:31:51.123456Z".len());
    // `Sun, 22 Nov 2026 19:31:51 GMT`, by somebody else's reckoning.
    let second = |time: SystemTime| {
        let date = httpdate::fmt_http_date(time);
        (
            date[12..16].to_owned(),
            date[5..7].to_owned(),
            date[17..25].to_owned(),
        )
    };
    let told = (
        stamp[..4].to_owned(),
        stamp[8..10].to_owned(),
        stamp[11..19].to_owned(),
    );
    assert!([before, after].map(second).contains(&told), "{stamp}");
    assert!(stamp[20..26].chars().all(|c| c.is_ascii_digit()) && stamp.ends_with('Z'));
}

#[test]
fn a_span_is_a_line_with_its_attributes_duration_and_end() {
    let lines = written(LogFormat::Json, "info", run).json();
    let named = |name: &str| {
        let mut found = lines.iter().filter(|line| line["name"] == name);
        found.next().unwrap_or_else(|| panic!("{name}")).clone()
    };
    let chat = named("chat sonnet");
    assert_eq!(chat["event"], "span");
    assert_eq!(
        (&chat["level"], &chat["target"]),
        (&json!("INFO"), &json!("vigil"))
    );
    assert_eq!(chat["status"], "ok");
    assert!(chat["duration_ms"].as_f64().is_some_and(|it| it > 0.0));
    let attributes = &chat["attributes"];
    assert_eq!(attributes["gen_ai.usage.input_tokens"], 1_200);
    assert_eq!(attributes["gen_ai.request.temperature"], 0.5);
    assert_eq!(
        attributes["gen_ai.response.finish_reasons"],
        json!(["tool_call"])
    );
    let tool = named("execute_tool run_tests");
    assert_eq!(tool["status"], "error");
    assert_eq!(tool["error.type"], "log_lines::ToolFailed");
    assert_eq!(tool["attributes"]["life.tool.status"], "error");
    let moved = lines
        .iter()
        .find(|line| line["message"] == "life.mode.transition");
    let moved = moved.expect("typed events are lines");
    assert_eq!(moved["fields"]["life.mode.to"], "recover");
    assert_eq!(moved["span"], "phase");
    assert_eq!(lines.len(), 9);
}

#[test]
fn a_span_that_took_long_says_how_long() {
    let lines = written(LogFormat::Json, "info", || {
        let agent = agent_span("s-1", "arcan").start();
        std::thread::sleep(Duration::from_millis(20));
        agent.end();
    });
    let duration = lines.json()[0]["duration_ms"].as_f64().expect("a number");
    assert!((20.0..20_000.0).contains(&duration), "{duration}");
}

#[test]
fn the_filter_decides_what_is_written() {
    let log = || {
        tracing::error!(target: "a", "1");
        tracing::info!(target: "a::deep", "2");
        tracing::debug!(target: "a::deep", "3");
        tracing::debug!(target: "b", "4");
        agent_span("s-1", "arcan").start().end();
    };
    for (filter, expected) in [
        ("info", "1 2 span"),
        ("", "1 2 span"),
        (" , ", "1 2 span"),
        ("warn", "1"),
        ("off", ""),
        ("vigil=info", "span"),
        ("info,vigil=off", "1 2"),
        ("warn,a::deep=debug", "1 2 3"),
        ("error, b=debug ,vigil=info", "1 4 span"),
        ("trace", "1 2 3 4 span"),
    ] {
        let lines = written(LogFormat::Json, filter, log).json();
        let said = |line: &Value| {
            let said = line.get("message").unwrap_or(&line["event"]);
            said.as_str().expect("a text").to_owned()
        };
        let said: Vec<String> = lines.iter().map(said).collect();
        assert_eq!(said.join(" "), expected, "{filter}");
    }
}

#[test]
fn a_filter_that_can_not_be_read_is_named() {
    let error = LogLayer::new(LogFormat::Json)
        .filter("info,vigil=loud")
        .expect_err("there is no such level");
    assert_eq!(error.directive(), "vigil=loud");
    assert!(error.to_string().contains("`vigil=loud`"), "{error}");
}

#[test]
fn nothing_is_formatted_for_what_nobody_asked_to_see() {
    struct Counts<'a>(&'a AtomicUsize);
    impl std::fmt::Debug for Counts<'_> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.fetch_add(1, Ordering::Relaxed);
            f.write_str("counted")
        }
    }
    let formatted = AtomicUsize::new(0);
    let lines = written(LogFormat::Json, "warn", || {
        tracing::info!(value = ?Counts(&formatted), "unseen");
        assert_eq!(formatted.load(Ordering::Relaxed), 0);
        tracing::warn!(value = ?Counts(&formatted), "seen");
        assert_eq!(formatted.load(Ordering::Relaxed), 1);
    });
    assert_eq!(lines.lines().len(), 1);
}

/// Remembers what it was given.
#[derive(Clone, Default)]
struct Witness(Arc<Mutex<Vec<&'static str>>>);

impl<S: Subscriber + for<'span> LookupSpan<'span>> Layer<S> for Witness {
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }

    fn on_new_span(
        &self,
        attrs: &tracing::span::Attributes<'_>,
        _: &tracing::span::Id,
        _: Context<'_, S>,
    ) {
        let mut seen = self.0.lock().expect("nobody panics with it");
        seen.push(attrs.metadata().name());
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut seen = self.0.lock().expect("nobody panics with it");
        seen.push(event.metadata().level().as_str());
    }
}

#[test]
fn other_layers_and_traces_get_the_same_whatever_the_filter() {
    for filter in ["off", "error", "trace"] {
        let (layer, _) = layer(LogFormat::Pretty, filter);
        let witness = Witness::default();
        let pipeline = Pipeline::builder()
            .layer(layer)
            .layer(witness.clone())
            .build();
        pipeline.scope(|| {
            let agent = agent_span("s-1", "arcan").start();
            agent.in_scope(|| {
                tracing::debug!("d");
                tracing::info_span!("foreign").in_scope(|| tracing::info!("i"));
            });
            tool_span(&phase_span(&agent, Execute), "ls", "call-1")
                .start()
                .end();
        });
        let seen = witness.0.lock().expect("nobody panics with it").clone();
        assert_eq!(
            seen,
            ["agent", "DEBUG", "foreign", "INFO", "phase", "tool"],
            "{filter}"
        );
        assert_eq!(pipeline.spans().len(), 4, "{filter}");
    }
}

#[test]
fn the_level_hint_lets_typed_spans_be() {
    let hint = |filter| {
        let (layer, _) = layer(LogFormat::Pretty, filter);
        Layer::<tracing_subscriber::Registry>::max_level_hint(&layer)
    };
    assert_eq!(hint("off"), Some(LevelFilter::INFO));
    assert_eq!(hint("warn,vigil=error"), Some(LevelFilter::INFO));
    assert_eq!(hint("warn,a=trace"), Some(LevelFilter::TRACE));
}

#[test]
fn ids_are_those_of_the_exported_spans() {
    let (layer, captured) = layer(LogFormat::Json, "info");
    let pipeline = Pipeline::builder().layer(layer).build();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let reflect = phase_span(&agent, Reflect);
        reflect.in_scope(|| {
            tracing::info!("typed");
            tracing::info_span!("foreign").in_scope(|| tracing::info!("foreign"));
            tracing::info!(parent: None, "nowhere");
        });
        reflect.record_mode_transition(OperatingMode::Explore, OperatingMode::Recover);
    });
    assert_ids(&captured.json(), &pipeline);
}

fn assert_ids(lines: &[Value], pipeline: &Pipeline) {
    let phase = pipeline.span("phase reflect");
    for (said, span) in [
        ("typed", &phase),
        ("foreign", &pipeline.span("foreign")),
        ("life.mode.transition", &phase),
    ] {
        let line = lines.iter().find(|line| line["message"] == said);
        let line = line.unwrap_or_else(|| panic!("{said}"));
        assert_eq!(line["trace_id"], span.trace_id().to_string(), "{said}");
        assert_eq!(line["span_id"], span.span_id().to_string(), "{said}");
    }
    let nowhere = lines.iter().find(|line| line["message"] == "nowhere");
    assert!(nowhere.expect("it is there").get("span_id").is_none());
    for name in ["phase reflect", "invoke_agent arcan"] {
        let line = lines.iter().find(|line| line["name"] == name);
        let line = line.unwrap_or_else(|| panic!("{name}"));
        assert_eq!(line["trace_id"], phase.trace_id().to_string());
        assert_eq!(line["span_id"], pipeline.span(name).span_id().to_string());
    }
}

#[test]
fn ids_are_there_though_nothing_is_sampled_or_entered() {
    let (layer, captured) = layer(LogFormat::Json, "info");
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::AlwaysOff)
        .build();
    let subscriber = tracing_subscriber::registry()
        .with(vigil::trace_layer(&provider))
        .with(layer);
    let dispatch = Dispatch::new(subscriber);
    let agent = tracing::dispatcher::with_default(&dispatch, || agent_span("s-1", "arcan").start());
    // Elsewhere, and no dispatcher is this thread's.
    let reflect = phase_span(&agent, Reflect);
    reflect.record_mode_transition(OperatingMode::Explore, OperatingMode::Recover);
    drop((reflect, agent));
    let lines = captured.json();
    assert_eq!(lines.len(), 3);
    for line in &lines {
        assert_eq!(line["trace_id"].as_str().map(str::len), Some(32), "{line}");
        assert_eq!(line["span_id"].as_str().map(str::len), Some(16), "{line}");
    }
    assert_eq!(lines[0]["span_id"], lines[1]["span_id"]);
}

#[test]
fn lines_of_many_threads_stay_whole() {
    for format in [LogFormat::Json, LogFormat::Pretty] {
        let (layer, captured) = layer(format, "info");
        let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let dispatch = &dispatch;
                scope.spawn(move || {
                    tracing::dispatcher::with_default(dispatch, || {
                        for line in 0..250 {
                            tracing::info!(thread, line, text = "x".repeat(line), "said");
                            agent_span("s-1", "arcan").start().end();
                        }
                    });
                });
            }
        });
        let lines = captured.lines();
        assert_eq!(lines.len(), 8 * 500);
        match format {
            LogFormat::Json => {
                let lines = captured.json();
                assert_eq!(
                    lines.iter().filter(|line| line["event"] == "span").count(),
                    2_000
                );
            }
            LogFormat::Pretty => {
                let ends = |line: &String| {
                    line.contains("invoke_agent arcan") && line.ends_with("session_id=s-1")
                };
                assert_eq!(lines.iter().filter(|line| ends(line)).count(), 2_000);
            }
        }
    }
}

#[test]
fn each_line_is_one_write() {
    struct Counting(Arc<AtomicUsize>);
    impl Write for Counting {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            assert_eq!(bytes.last(), Some(&b'\n'));
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let writes = Arc::new(AtomicUsize::new(0));
    with_writer(Counting(Arc::clone(&writes)), || {
        tracing::info!(text = "x".repeat(100_000), "long");
        agent_span("s-1", "arcan").start().end();
    });
    assert_eq!(writes.load(Ordering::Relaxed), 2);
}

#[test]
fn a_writer_that_fails_midway_loses_that_line_alone() {
    struct Full(Captured, usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1 += 1;
            match self.1 {
                1 => Err(io::ErrorKind::Interrupted.into()),
                3 => self.0.write(&bytes[..10]),
                4 => Err(io::ErrorKind::StorageFull.into()),
                _ => self.0.write(bytes),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }
    let captured = Captured::default();
    with_writer(Full(captured.clone(), 0), || {
        for n in 1..=3 {
            tracing::info!(n);
        }
    });
    let lines = captured.lines();
    assert_eq!(lines.len(), 3, "{lines:?}");
    let parsed: Vec<Option<Value>> = lines
        .iter()
        .map(|line| serde_json::from_str(line).ok())
        .collect();
    let n = |place: usize| {
        parsed[place]
            .as_ref()
            .map(|line| line["fields"]["n"].clone())
    };
    assert_eq!((n(0), n(1), n(2)), (Some(json!(1)), None, Some(json!(3))));
}

#[test]
fn a_writer_or_a_value_that_panics_does_not_reach_the_program() {
    struct Panics(Captured, bool);
    impl Write for Panics {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            assert!(std::mem::replace(&mut self.1, true), "the first time");
            self.0.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    struct Bad;
    impl std::fmt::Debug for Bad {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("not to be shown")
        }
    }
    let captured = Captured::default();
    with_writer(Panics(captured.clone(), false), || {
        tracing::info!("lost");
        tracing::info!(bad = ?Bad, "lost as well");
        agent_span("s-1", "arcan").start().end();
    });
    let lines = captured.json();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["name"], "invoke_agent arcan");
}

#[test]
fn a_writer_that_logs_neither_hangs_nor_recurses() {
    struct Logs(Captured);
    impl Write for Logs {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            tracing::error!("from the writer");
            agent_span("s-2", "writer").start().end();
            self.0.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            tracing::error!("from the writer");
            Ok(())
        }
    }
    let captured = Captured::default();
    with_writer(Logs(captured.clone()), || {
        tracing::info!("first");
        agent_span("s-1", "arcan").start().end();
    });
    let lines = captured.json();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["message"], "first");
    assert_eq!(lines[1]["name"], "invoke_agent arcan");
}

#[test]
fn two_log_layers_both_tell_of_spans() {
    let (pretty, people) = layer(LogFormat::Pretty, "info");
    let (json, machines) = layer(LogFormat::Json, "vigil=info");
    let subscriber = tracing_subscriber::registry().with(pretty).with(json);
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!("said");
        agent_span("s-1", "arcan").start().end();
    });
    assert_eq!(people.lines().len(), 2);
    assert_eq!(machines.json().len(), 1);
}

#[test]
fn a_span_that_is_disabled_elsewhere_is_not_told() {
    let (layer, captured) = layer(LogFormat::Json, "info");
    let shut = tracing_subscriber::filter::filter_fn(|metadata| metadata.name() != "phase");
    let subscriber = tracing_subscriber::registry().with(layer).with(shut);
    tracing::subscriber::with_default(subscriber, || {
        let agent = agent_span("s-1", "arcan").start();
        drop(phase_span(&agent, Sleep));
    });
    let lines = captured.json();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["name"], "invoke_agent arcan");
}

#[test]
fn a_sub_agent_is_indented_under_the_tool_that_runs_it() {
    let (layer, captured) = layer(LogFormat::Pretty, "info");
    let pipeline = Pipeline::builder().build();
    let subscriber = tracing_subscriber::registry()
        .with(vigil::trace_layer(pipeline.tracer_provider()))
        .with(layer);
    tracing::subscriber::with_default(subscriber, || {
        let agent = agent_span("s-1", "arcan").start();
        let execute = phase_span(&agent, Execute);
        let tool = tool_span(&execute, "delegate", "call-1").start();
        let _: Result<(), ()> = tool.run_blocking(|| {
            let scout = agent_span("s-2", "scout").start();
            scout.in_scope(|| tracing::info!("looking around"));
            Ok(())
        });
    });
    let guides = |words: &str| {
        let lines = captured.lines();
        let line = lines.iter().find(|line| line.contains(words));
        line.unwrap_or_else(|| panic!("{words}: {lines:?}"))
            .matches('│')
            .count()
    };
    assert_eq!(guides("execute_tool delegate"), 2);
    assert_eq!(guides("invoke_agent scout"), 3);
    assert_eq!(guides("looking around"), 4);
}

#[test]
fn events_stand_under_their_span_where_its_tree_begins_under_a_foreign_one() {
    let lines = written(LogFormat::Pretty, "info", || {
        let agent = agent_span("s-1", "arcan").start();
        let foreign = agent.in_scope(|| tracing::info_span!("request"));
        let scout = agent_span("s-2", "scout").parent(&foreign).start();
        scout.in_scope(|| tracing::info!("looking around"));
        foreign.in_scope(|| tracing::info!("asking"));
    });
    let guides = |words: &str| {
        let lines = lines.lines();
        let line = lines.iter().find(|line| line.contains(words));
        line.map(|line| line.matches('│').count())
    };
    assert_eq!(guides("invoke_agent scout"), Some(0));
    assert_eq!(guides("looking around"), Some(1));
    assert_eq!(guides("asking"), Some(1));
}

#[test]
fn json_lines_tell_the_whole_tree_and_whose_work_it_is() {
    let pipeline = SdkTracerProvider::builder()
        .with_sampler(Sampler::AlwaysOff)
        .build();
    for fields in [true, false] {
        let (layer, captured) = layer(LogFormat::Json, "info");
        let subscriber = tracing_subscriber::registry()
            .with(vigil::trace_layer(&pipeline).with_fields(fields))
            .with(layer);
        tracing::subscriber::with_default(subscriber, run);
        assert_whole_tree(&captured.json());
    }
}

#[track_caller]
fn assert_whole_tree(lines: &[Value]) {
    let spans: Vec<_> = lines
        .iter()
        .filter(|line| line["event"] == "span")
        .collect();
    let named = |name: &str| {
        let span = spans.iter().find(|span| span["name"] == name);
        *span.unwrap_or_else(|| panic!("no `{name}`"))
    };
    for (child, parent) in [
        ("chat sonnet", "phase deliberate"),
        ("execute_tool run_tests", "phase execute"),
        ("phase deliberate", "invoke_agent arcan"),
    ] {
        assert_eq!(named(child)["parent_span_id"], named(parent)["span_id"]);
    }
    assert!(named("invoke_agent arcan").get("parent_span_id").is_none());
    let event = lines
        .iter()
        .find(|line| line["message"] == "life.mode.transition");
    let event = event.expect("the event is told");
    assert_eq!(event["span_id"], named("phase reflect")["span_id"]);
    assert_eq!(event["span"], "phase");
    for span in spans {
        assert_eq!(span["attributes"]["life.session_id"], "s-1", "{span}");
        assert_eq!(span["attributes"]["life.run_id"], "r-7", "{span}");
    }
}

#[test]
fn json_lines_have_what_the_agent_says_of_its_run_and_what_a_span_says_instead() {
    use tracing_opentelemetry::OpenTelemetrySpanExt;

    let pipeline = Pipeline::new();
    let (layer, captured) = layer(LogFormat::Json, "info");
    let subscriber = tracing_subscriber::registry()
        .with(vigil::trace_layer(pipeline.tracer_provider()).with_fields(false))
        .with(layer);
    tracing::subscriber::with_default(subscriber, || {
        let agent = agent_span("s-\"1\"", "arcan").start();
        drop(phase_span(&agent, Perceive));
        agent.record_run_id("r-7");
        drop(phase_span(&agent, Deliberate));
        agent.record_run_id("r-8");
        let execute = phase_span(&agent, Execute);
        execute.span().set_attribute("life.run_id", "r-9");
        drop(execute);
        drop(phase_span(&agent, Reflect));
    });
    let lines = captured.json();
    let runs: Vec<_> = lines
        .iter()
        .map(|line| line["attributes"]["life.run_id"].as_str())
        .collect();
    assert_eq!(
        runs,
        [None, Some("r-7"), Some("r-9"), Some("r-8"), Some("r-8")]
    );
    for line in &lines {
        assert_eq!(line["attributes"]["life.session_id"], "s-\"1\"");
    }
}

#[test]
fn what_foreign_code_sets_stands_in_the_line_of_the_span() {
    use tracing_opentelemetry::OpenTelemetrySpanExt;

    for (format, tenant, attempt) in [
        (LogFormat::Json, "\"tenant\":\"acme\"", "\"attempt\":2"),
        (LogFormat::Pretty, "tenant=acme", "attempt=2"),
    ] {
        let pipeline = Pipeline::new();
        let (layer, captured) = layer(format, "info");
        let subscriber = tracing_subscriber::registry()
            .with(vigil::trace_layer(pipeline.tracer_provider()))
            .with(layer);
        tracing::subscriber::with_default(subscriber, || {
            let agent = agent_span("s-1", "arcan").start();
            agent.span().set_attribute("tenant", "acme");
            agent.span().set_attribute("attempt", 2);
        });
        let line = captured.text();
        assert!(line.contains(tenant) && line.contains(attempt), "{line}");
    }
}
