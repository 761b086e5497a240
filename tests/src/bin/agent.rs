//! A small agent with a pipeline of its own, for tests that look at a process from outside.
//!
//! Its argument says how it goes: `run` (a tick and an orderly end), `drop` (the guard is dropped
//! at the end of `main`), `twice` (a second `init`), `own` (a subscriber of its own before `init`),
//! `speak` (content, said in all ways; a second argument says how it is redacted).

use std::time::Duration;

use vigil::content::{Message, Part};
use vigil::records::gen_ai::TokenUsage;
use vigil::records::life::Budget;
use vigil::semconv::life::{OperatingMode, ToolStatus};
use vigil::{Deliberate, Execute, Perceive, Reflect, VigConfig};
use vigil::{agent_span, chat_span, phase_span, tool_span};

fn tick() {
    let agent = agent_span("s-1", "arcan").run_id("r-7").start();
    phase_span(&agent, Perceive).record_budget(&Budget::new(1_000).cost_remaining_usd(2.5));
    let deliberate = phase_span(&agent, Deliberate);
    let chat = chat_span(&deliberate, "claude-sonnet-4-5", "anthropic")
        .input_messages(|| r#"[{"role":"user","parts":[{"type":"text","content":"secret"}]}]"#)
        .start();
    chat.record_token_usage(&TokenUsage::default().input_tokens(1_200).output_tokens(80));
    chat.record_finish_reason("stop");
    chat.in_scope(|| tracing::info!(attempt = 1, "asking the model"));
    drop((chat, deliberate));
    let execute = phase_span(&agent, Execute);
    tool_span(&execute, "shell", "call-1")
        .start()
        .record_tool_status(ToolStatus::Timeout);
    drop(execute);
    phase_span(&agent, Reflect)
        .record_mode_transition(OperatingMode::Explore, OperatingMode::Recover);
}

fn speak() {
    let agent = agent_span("s-1", "arcan").start();
    let deliberate = phase_span(&agent, Deliberate);
    let chat = chat_span(&deliberate, "claude-sonnet-4-5", "anthropic")
        .request_stop_sequences(["END"])
        .system_instructions(|| Part::text("secret rules"))
        .input_messages(|| [Message::user("a secret \"question\"")])
        .start();
    chat.record_token_usage(&TokenUsage::default().input_tokens(1_200).output_tokens(80));
    chat.record_finish_reason("stop");
    chat.record_output_messages(|| {
        Message::assistant()
            .text("a secret answer")
            .finish_reason("stop")
    });
    chat.record_error("overloaded");
    chat.in_scope(|| {
        tracing::info!(gen_ai.input.messages = "secret", "a line");
        let foreign = tracing::info_span!("foreign", gen_ai.output.messages = "secret");
        foreign.in_scope(|| tracing::info!(life.tool.output = ?"secret", "another"));
    });
    drop((chat, deliberate));
    let execute = phase_span(&agent, Execute);
    let tool = tool_span(&execute, "shell", "call-1")
        .tool_call_arguments(|| r#"{"command":"secret"}"#)
        .start();
    tool.record_tool_output(|| "secret output");
    tool.record_tool_status(ToolStatus::Ok);
}

fn redacted(config: VigConfig, how: &str) -> VigConfig {
    match how {
        "replaced" => config.redact(|_, text| Some(text.replace("secret", "***"))),
        "left out" => config.redact(|key, text| {
            (key != "gen_ai.input.messages").then(|| text.replace("secret", "***"))
        }),
        "panicking" => config.redact(|_, _| panic!("no")),
        _ => config,
    }
}

fn main() {
    let how = std::env::args().nth(1).unwrap_or_default();
    let config = VigConfig::new().service_name("agent-under-test");
    let config = redacted(config, &std::env::args().nth(2).unwrap_or_default());
    if how == "own" {
        let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry());
        match vigil::init(&config) {
            Ok(_) => println!("started"),
            Err(error) => println!("refused: {error}"),
        }
        return;
    }
    let guard = match vigil::init(&config) {
        Ok(guard) => guard,
        Err(error) => {
            println!("refused: {error}");
            return;
        }
    };
    if how == "twice" {
        match vigil::init(&config) {
            Ok(_) => println!("started"),
            Err(error) => println!("refused: {error}"),
        }
    }
    if how == "speak" {
        speak();
    } else {
        tick();
    }
    if how == "drop" {
        return;
    }
    let report = guard.shutdown(Duration::from_secs(5));
    println!("lost {} in time {}", report.lost(), report.in_time);
}
