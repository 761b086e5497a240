use vigil::agent_span;

fn main() {
    let agent = agent_span("s-1", "arcan").start();
    let _two = agent.clone();
    agent.end();
    agent.record_run_id("r-7");
}
