//! What the contracts forbid does not compile, and the compiler says which contract it was.

#[test]
fn what_a_contract_forbids_does_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/contract/*.rs");
}

#[test]
fn the_compiler_names_the_contract_that_was_broken() {
    for (case, contract) in [
        (
            "chat_under_execute",
            "the contract is `parents` and `phases` of `gen_ai.inference.client` in semconv/gen_ai/spans.yaml",
        ),
        (
            "tool_under_deliberate",
            "the contract is `parents` and `phases` of `gen_ai.execute_tool.internal` in semconv/gen_ai/spans.yaml",
        ),
        (
            "budget_on_execute",
            "the contract is `record.phases` of `life.budget` in semconv/life/records.yaml",
        ),
    ] {
        let path = format!(
            "{}/tests/contract/{case}.stderr",
            env!("CARGO_MANIFEST_DIR")
        );
        let said = std::fs::read_to_string(path).expect("each case has its expected output");
        assert!(said.contains(contract), "{case}: {said}");
    }
}
