//! A run of an agent: a tool that fails, a change of mode, a model that is out of reach.
//!
//! `cargo run -p vigil --example agent_loop` prints it in the terminal, each span where it ends; nothing
//! else needs to run. With `OTEL_EXPORTER_OTLP_ENDPOINT` set it goes to that collector instead.

use std::time::Duration;

use vigil::records::gen_ai::TokenUsage;
use vigil::records::life::{AgentState, Budget};
use vigil::semconv::gen_ai::ProviderName;
use vigil::semconv::life::{OperatingMode, RiskLevel};
use vigil::spans::gen_ai::AgentSpan;
use vigil::{
    Commit, Deliberate, Execute, Gate, Perceive, Reflect, Sleep, VigConfig, agent_span, chat_span,
    phase_span, tool_span,
};

/// What the model wants done.
struct ToolCall {
    id: &'static str,
    name: &'static str,
}

/// What the model answered.
struct Reply {
    tool_calls: Vec<ToolCall>,
    input_tokens: u64,
    output_tokens: u64,
}

#[derive(Debug)]
struct ToolFailed;

/// A model that first wants a file read, then a test run, and is then out of reach.
fn complete(tick: usize) -> Result<Reply, std::io::Error> {
    std::thread::sleep(Duration::from_millis(40));
    if tick > 1 {
        return Err(std::io::ErrorKind::ConnectionReset.into());
    }
    let call = [
        ToolCall {
            id: "call-1",
            name: "read_file",
        },
        ToolCall {
            id: "call-2",
            name: "run_tests",
        },
    ];
    Ok(Reply {
        tool_calls: call.into_iter().skip(tick).take(1).collect(),
        input_tokens: 1_200 + 300 * tick as u64,
        output_tokens: 85,
    })
}

/// Tools, of which one fails.
fn call_tool(call: &ToolCall) -> Result<String, ToolFailed> {
    std::thread::sleep(Duration::from_millis(15));
    match call.name {
        "read_file" => Ok("fn main() {}".to_owned()),
        _ => Err(ToolFailed),
    }
}

fn tick(agent: &AgentSpan, tick: usize) -> Result<(), std::io::Error> {
    let perceive = phase_span(agent, Perceive);
    perceive.record_operating_mode(OperatingMode::Explore);
    perceive.record_budget(&Budget::new(100_000 - 1_500 * tick).cost_remaining_usd(4.2));
    drop(perceive);

    let deliberate = phase_span(agent, Deliberate);
    let chat = chat_span(&deliberate, "claude-sonnet-4-5", ProviderName::Anthropic)
        .request_max_tokens(4_096)
        .start();
    let reply = chat.run_blocking(|| complete(tick))?;
    chat.record_token_usage(
        &TokenUsage::default()
            .input_tokens(reply.input_tokens)
            .output_tokens(reply.output_tokens),
    );
    chat.record_finish_reason("tool_call");
    drop((chat, deliberate));

    let mut failed = false;
    for call in &reply.tool_calls {
        phase_span(agent, Gate).in_scope(|| tracing::info!(tool = call.name, "allowed"));
        let execute = phase_span(agent, Execute);
        let tool = tool_span(&execute, call.name, call.id).start();
        failed |= tool.run_blocking(|| call_tool(call)).is_err();
    }
    drop(phase_span(agent, Commit));

    let reflect = phase_span(agent, Reflect);
    reflect.record_agent_state(&AgentState::new(0.5).risk_level(RiskLevel::Low));
    if failed {
        reflect.record_mode_transition(OperatingMode::Explore, OperatingMode::Recover);
    }
    drop(reflect);
    drop(phase_span(agent, Sleep));
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let guard = vigil::init(&VigConfig::new().service_name("agent-loop"))?;

    let agent = agent_span("s-1", "arcan").run_id("r-7").start();
    for n in 0..3 {
        if let Err(error) = tick(&agent, n) {
            // The chat has its error; the run has one if it says so.
            agent.record_error_with("model_unavailable", error.to_string());
            break;
        }
    }
    agent.end();

    eprintln!("{}", guard.shutdown(Duration::from_secs(2)));
    Ok(())
}
