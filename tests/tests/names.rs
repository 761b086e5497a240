//! Spans that the registry names in prose: whoever starts them says what they are called.

use vigil::carrier::{
    AttributeDefinition, Field, Level, Registry, Scope, SpanDefinition, SpanKind, SpanStart, Text,
    ValueType,
};
use vigil::testing::Pipeline;

static SCOPE: Scope = Scope {
    name: "names",
    version: "1.0.0",
    schema_url: "https://example.com/schemas/1.0.0",
};
static NAME: AttributeDefinition = AttributeDefinition::new("app.name", ValueType::String);
static TASK: SpanDefinition =
    SpanDefinition::new("app.task.internal", "app_task", SpanKind::Internal, &SCOPE)
        .fields(&[Field::new(&NAME, Level::Recommended)]);
static OTHER: SpanDefinition = SpanDefinition::new(
    "app.other.internal",
    "app_other",
    SpanKind::Internal,
    &SCOPE,
);
static REGISTRY: Registry = Registry {
    scope: &SCOPE,
    attributes: &[&[&NAME]],
    spans: &[&OTHER, &TASK],
    metrics: &[],
    events: &[],
    dependencies: &[],
};

fn start(name: &'static str) {
    let mut start = SpanStart::root(&TASK);
    start.name(name);
    start.set::<Text>("app.name", "sweep");
    drop(start.start());
}

#[test]
fn a_span_is_called_what_it_was_called_when_it_started() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| start("sweep the floor"));
    assert_eq!(
        pipeline
            .span("sweep the floor")
            .attribute("app.name")
            .map(ToString::to_string),
        Some("sweep".to_owned())
    );
    pipeline.assert_conforms(&REGISTRY);
}

#[test]
fn a_span_without_a_name_is_called_by_its_type() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| start(""));
    assert_eq!(pipeline.span("app_task").name(), "app_task");
}
