//! The tick on Vigil.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use vigil::carrier::{
    BoundCounter, BoundDurationHistogram, BoundGauge, BoundHistogram, InheritedAttributes,
};
use vigil::config::Sampler;
use vigil::export::Signal;
use vigil::log::{LogFormat, LogLayer};
use vigil::metrics::gen_ai::{
    CLIENT_OPERATION_DURATION, CLIENT_TOKEN_USAGE, ClientOperationDurationAttributes,
    ClientTokenUsageAttributes, EXECUTE_TOOL_DURATION, ExecuteToolDurationAttributes,
};
use vigil::metrics::life::{
    BUDGET_COST_REMAINING_USD, BUDGET_TOKENS_REMAINING, BudgetCostRemainingUsdAttributes,
    BudgetTokensRemainingAttributes, MODE_TRANSITIONS, ModeTransitionsAttributes, TOOL_EXECUTIONS,
    ToolExecutionsAttributes,
};
use vigil::records::gen_ai::TokenUsage;
use vigil::records::life::Budget;
use vigil::semconv::gen_ai::{OperationName, ProviderName, TokenType};
use vigil::semconv::life::{OperatingMode, ToolStatus};
use vigil::spans::gen_ai::AgentSpan;
use vigil::{
    Deliberate, Execute, Perceive, Reflect, VigConfig, VigGuard, agent_span, chat_span, phase_span,
    tool_span,
};

use super::{AGENT, CALL, MODEL, RESPONSE, SESSION, Subject, TOOL, work};
use crate::cases::{Case, Who};
use crate::pipeline;
use crate::sinks::Kept;

struct Tick {
    agent: AgentSpan,
    logs: bool,
    tracers: Option<SdkTracerProvider>,
    guard: Option<VigGuard>,
}

pub(super) fn build(case: Case, who: Who, kept: Option<&Kept>) -> Box<dyn Subject> {
    let (mut tracers, mut guard) = (None, None);
    let format = if case.is_json() {
        LogFormat::Json
    } else {
        LogFormat::Pretty
    };
    let lines = || LogLayer::new(format).writer(std::io::sink()).spans(false);
    match (who, case) {
        (Who::VigilInit, _) => guard = Some(init(case, format)),
        (_, Case::Off) => {}
        (_, Case::Metrics) => {
            vigil::set_meter_provider(pipeline::meters(kept));
            return match who {
                Who::VigilBound => Box::new(BoundMeasurements::new()),
                _ => Box::new(Measurements::new()),
            };
        }
        (Who::VigilEvents, _) => tracing_subscriber::registry().with(lines()).init(),
        _ => {
            let spans = InheritedAttributes::before(pipeline::batches(kept));
            let provider = pipeline::tracers(case, spans);
            tracing_subscriber::registry()
                // No other layer is there that would look at fields.
                .with(vigil::trace_layer(&provider).with_fields(false))
                .with(case.logs().then(lines))
                .init();
            vigil::set_meter_provider(pipeline::meters(kept));
            tracers = Some(provider);
        }
    }
    Box::new(Tick {
        agent: agent_span(SESSION, AGENT).start(),
        logs: case.logs(),
        tracers,
        guard,
    })
}

/// The whole product. It exports to a collector in this process that takes everything.
fn init(case: Case, format: LogFormat) -> VigGuard {
    let config = VigConfig::new().service_name("benches").log_format(format);
    let config = if case.is_local() {
        config
    } else {
        let config = config.endpoint(collector()).logs(false);
        // Lines only where they are measured.
        let filter = if case.logs() { "info" } else { "warn" };
        let config = config.log_filter(filter);
        match case {
            Case::SampledOut => config.sampler(Sampler::AlwaysOff),
            _ => config,
        }
    };
    vigil::init_with_writer(&config, std::io::sink()).expect("nothing else was started")
}

/// An OTLP collector that accepts.
fn collector() -> String {
    fn answer(stream: TcpStream) -> std::io::Result<()> {
        let mut requests = BufReader::new(stream.try_clone()?);
        let mut answers = stream;
        loop {
            let mut length = 0;
            let mut line = String::new();
            while line != "\r\n" {
                line.clear();
                if requests.read_line(&mut line)? == 0 {
                    return Ok(());
                }
                if let Some((name, value)) = line.split_once(':')
                    && name.eq_ignore_ascii_case("content-length")
                {
                    length = value.trim().parse().unwrap_or(0);
                }
            }
            std::io::copy(&mut requests.by_ref().take(length), &mut std::io::sink())?;
            answers.write_all(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n",
            )?;
        }
    }

    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(|| answer(stream));
        }
    });
    format!("http://{address}")
}

impl Subject for Tick {
    fn tick(&mut self) {
        let agent = &self.agent;
        phase_span(agent, Perceive).record_budget(&Budget::new(118_000).cost_remaining_usd(4.75));

        let deliberate = phase_span(agent, Deliberate);
        let chat = chat_span(&deliberate, MODEL, ProviderName::Anthropic)
            .request_max_tokens(4096)
            .request_temperature(0.7)
            .start();
        let replied = chat.run_blocking(work);
        let usage = TokenUsage::default().input_tokens(1200).output_tokens(85);
        chat.record_token_usage(&usage);
        chat.record_finish_reason("tool_call");
        chat.record_response_id(RESPONSE);
        chat.record_response_model(MODEL);
        drop((chat, deliberate));

        let execute = phase_span(agent, Execute);
        if self.logs {
            execute.in_scope(|| tracing::info!(tool = TOOL, "allowed"));
        }
        let tool = tool_span(&execute, TOOL, CALL).start();
        let ran = tool.run_blocking(work);
        tool.record_tool_status(ToolStatus::Ok);
        drop((tool, execute));

        let reflect = phase_span(agent, Reflect);
        reflect.record_mode_transition(OperatingMode::Explore, OperatingMode::Execute);
        drop((reflect, replied, ran));
    }

    fn flush(&mut self) {
        if let Some(tracers) = &self.tracers {
            tracers.force_flush().expect("the exporter takes all");
        }
        if let Some(guard) = &self.guard {
            // Fewer wait for a batch to be full.
            while guard.stats(Signal::Traces).pending >= 512 {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

/// The measurements of a tick, through the instruments.
struct Measurements {
    tokens: BudgetTokensRemainingAttributes,
    cost: BudgetCostRemainingUsdAttributes,
    duration: ClientOperationDurationAttributes,
    input: ClientTokenUsageAttributes,
    output: ClientTokenUsageAttributes,
    tool_duration: ExecuteToolDurationAttributes,
    executions: ToolExecutionsAttributes,
    transitions: ModeTransitionsAttributes,
}

impl Measurements {
    fn new() -> Self {
        let usage = |token_type| {
            ClientTokenUsageAttributes::new(
                OperationName::Chat,
                ProviderName::Anthropic,
                token_type,
            )
            .request_model(MODEL)
            .response_model(MODEL)
        };
        Self {
            tokens: BudgetTokensRemainingAttributes::default().agent_name(AGENT),
            cost: BudgetCostRemainingUsdAttributes::default().agent_name(AGENT),
            duration: ClientOperationDurationAttributes::new(
                OperationName::Chat,
                ProviderName::Anthropic,
            )
            .request_model(MODEL)
            .response_model(MODEL),
            input: usage(TokenType::Input),
            output: usage(TokenType::Output),
            tool_duration: ExecuteToolDurationAttributes::new(TOOL),
            executions: ToolExecutionsAttributes::new(TOOL, ToolStatus::Ok),
            transitions: ModeTransitionsAttributes::new(
                OperatingMode::Explore,
                OperatingMode::Execute,
            ),
        }
    }
}

/// The same, each through an instrument that is bound to its attributes.
struct BoundMeasurements {
    tokens: BoundGauge<i64>,
    cost: BoundGauge<f64>,
    duration: BoundDurationHistogram,
    input: BoundHistogram<u64>,
    output: BoundHistogram<u64>,
    tool_duration: BoundDurationHistogram,
    executions: BoundCounter<u64>,
    transitions: BoundCounter<u64>,
}

impl BoundMeasurements {
    fn new() -> Self {
        let of = Measurements::new();
        Self {
            tokens: BUDGET_TOKENS_REMAINING.bind(&of.tokens),
            cost: BUDGET_COST_REMAINING_USD.bind(&of.cost),
            duration: CLIENT_OPERATION_DURATION.bind(&of.duration),
            input: CLIENT_TOKEN_USAGE.bind(&of.input),
            output: CLIENT_TOKEN_USAGE.bind(&of.output),
            tool_duration: EXECUTE_TOOL_DURATION.bind(&of.tool_duration),
            executions: TOOL_EXECUTIONS.bind(&of.executions),
            transitions: MODE_TRANSITIONS.bind(&of.transitions),
        }
    }
}

impl Subject for BoundMeasurements {
    fn tick(&mut self) {
        self.tokens.record(118_000);
        self.cost.record(4.75);
        self.duration.record(Duration::from_millis(1500));
        self.input.record(1200);
        self.output.record(85);
        self.tool_duration.record(Duration::from_millis(15));
        self.executions.add(1);
        self.transitions.add(1);
    }
}

impl Subject for Measurements {
    fn tick(&mut self) {
        BUDGET_TOKENS_REMAINING.record(118_000, &self.tokens);
        BUDGET_COST_REMAINING_USD.record(4.75, &self.cost);
        CLIENT_OPERATION_DURATION.record(Duration::from_millis(1500), &self.duration);
        CLIENT_TOKEN_USAGE.record(1200, &self.input);
        CLIENT_TOKEN_USAGE.record(85, &self.output);
        EXECUTE_TOOL_DURATION.record(Duration::from_millis(15), &self.tool_duration);
        TOOL_EXECUTIONS.add(1, &self.executions);
        MODE_TRANSITIONS.add(1, &self.transitions);
    }
}
