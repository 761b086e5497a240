//! The README's code. A test holds the two together: what stands between the marks, stands there.

struct Call {
    name: String,
    id: String,
}

struct Reply {
    input: u32,
    output: u32,
    calls: Vec<Call>,
}

struct Model;

impl Model {
    async fn complete(&self) -> Result<Reply, std::io::Error> {
        std::future::ready(Ok(Reply {
            input: 1_200,
            output: 80,
            calls: vec![Call {
                name: "read_file".to_owned(),
                id: "call-1".to_owned(),
            }],
        }))
        .await
    }
}

impl Call {
    async fn execute(&self) -> Result<(), std::io::Error> {
        std::future::ready(Err(std::io::ErrorKind::NotFound.into())).await
    }
}

// README: the loop
use vigil::records::{gen_ai::TokenUsage, life::Budget};
use vigil::semconv::{gen_ai::ProviderName, life::OperatingMode};
use vigil::{AgentSpan, Deliberate, Execute, Perceive, Reflect};
use vigil::{agent_span, chat_span, phase_span, tool_span};

async fn run(session: &str, model: &Model) -> Result<(), std::io::Error> {
    let agent = agent_span(session, "arcan").start();
    agent.run(tick(&agent, model)).await // an error sets the status and `error.type`
}

async fn tick(agent: &AgentSpan, model: &Model) -> Result<(), std::io::Error> {
    phase_span(agent, Perceive).record_budget(&Budget::new(118_000).cost_remaining_usd(4.75));

    let deliberate = phase_span(agent, Deliberate);
    let chat = chat_span(&deliberate, "claude-sonnet-4-5", ProviderName::Anthropic).start();
    let reply = chat.run(model.complete()).await?;
    let usage = TokenUsage::default()
        .input_tokens(reply.input)
        .output_tokens(reply.output);
    chat.record_token_usage(&usage);
    chat.record_finish_reason("stop");
    drop((chat, deliberate)); // they end here; duration and tokens are measured, once

    let execute = phase_span(agent, Execute);
    for call in &reply.calls {
        let tool = tool_span(&execute, &call.name, &call.id).start();
        let _ = tool.run(call.execute()).await; // its result is the tool's status
    }
    drop(execute);

    phase_span(agent, Reflect)
        .record_mode_transition(OperatingMode::Explore, OperatingMode::Execute);
    Ok(())
}
// README: end

fn run_the_agent() -> Result<(), std::io::Error> {
    let mut run = std::pin::pin!(run("s-1", &Model));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(result) = run.as_mut().poll(&mut context) {
            return result;
        }
    }
}

// README: the pipeline
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let guard = vigil::init(&vigil::VigConfig::new().service_name("arcan"))?;
    run_the_agent()?;
    println!("{}", guard.shutdown(std::time::Duration::from_secs(2)));
    Ok(())
}
// README: end
