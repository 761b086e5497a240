//! What an open span does with work that comes in chunks.

use crate::ir;
use crate::names;
use crate::registry::Span;

use super::super::Context;
use super::super::collisions::{Identifiers, Owner};
use super::super::docs::Docs;
use super::super::imports::Imports;
use super::recording::feeds;

/// The methods for it, of a span that says so; `place` has room for them.
pub(super) fn claimed_stream(
    span: &Span,
    place: &str,
    owner: &Owner,
    imports: &mut Imports,
    identifiers: &mut Identifiers,
) -> Option<ir::StreamMethods> {
    let stream = stream_methods(span, imports)?;
    identifiers.claim_value(place, &stream.method, owner.clone());
    Some(stream)
}

fn stream_methods(span: &Span, imports: &mut Imports) -> Option<ir::StreamMethods> {
    let stream = span.stream.as_ref()?;
    imports.carriers(&[
        "RunStream",
        "RunStreamWith",
        "SpanStream",
        "Stream",
        "Text",
        "record_chunk",
        "run_stream",
        "run_stream_with",
    ]);
    let first = format!(
        "The first one sets `{}`, counted from the start of the span, unless it was recorded.",
        stream.time_to_first_chunk
    );
    let metric: Vec<String> = stream.time_per_output_chunk.iter().cloned().collect();
    let further = feeds(&metric, " with the time since the one before");
    let further = further.map(|text| text.replacen("Feeds", "Each later one feeds", 1));
    let flag = stream.flag.as_ref();
    let flag = flag.map(|flag| format!("`{flag}` is true from then on, unless it was given."));
    let effects: Vec<String> = [Some(first), further, flag].into_iter().flatten().collect();
    Some(ir::StreamMethods {
        method: names::record_method("chunk"),
        docs: Docs::new()
            .paragraph("A chunk has arrived: for clients that call back for each. What [`run_stream`](Self::run_stream) runs records its chunks itself.")
            .paragraph(&effects.join(" "))
            .lines(),
    })
}

impl Context<'_> {
    /// What is recorded of its chunks, as an expression.
    pub(super) fn stream_definition(&self, span: &Span, imports: &mut Imports) -> Option<String> {
        let stream = span.stream.as_ref()?;
        imports.carrier("StreamDefinition");
        let first = self.key(&stream.time_to_first_chunk, imports);
        let flag = stream.flag.as_ref();
        let flag = flag.map(|flag| format!(".flag({})", self.key(flag, imports)));
        let metric = stream.time_per_output_chunk.as_ref();
        let metric = metric.map(|metric| {
            let metric = self.metric_definition(metric, imports);
            format!(".time_per_output_chunk({metric})")
        });
        Some(format!(
            "StreamDefinition::new({first}){}{}",
            flag.unwrap_or_default(),
            metric.unwrap_or_default()
        ))
    }
}
