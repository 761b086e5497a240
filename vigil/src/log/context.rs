//! Where a log event stands.

use opentelemetry::trace::{SpanContext, TraceContextExt};
use tracing::span::{Attributes, Id};
use tracing::{Dispatch, Event, Metadata, Subscriber};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::TARGET;
use crate::carrier;

/// A typed span that was started under a foreign one, of which it does not know where that stands.
struct Outermost;

/// Remembers that of a typed span, which `tracing` does not.
pub(super) fn note_outermost<S>(attrs: &Attributes<'_>, id: &Id, ctx: &Context<'_, S>)
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    if !is_typed(attrs.metadata()) {
        return;
    }
    let Some(parent) = attrs.parent().and_then(|parent| ctx.span(parent)) else {
        return;
    };
    if !is_typed(parent.metadata())
        && let Some(span) = ctx.span(id)
    {
        // Another such layer notes the same.
        span.extensions_mut().replace(Outermost);
    }
}

/// How many typed spans the event stands under, as an [`EndedSpan`](crate::carrier::EndedSpan) counts
/// them: those that each was started under, not those that it was met in.
pub(super) fn depth<S>(event: &Event<'_>, ctx: &Context<'_, S>) -> usize
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let mut depth = 0;
    for span in ctx.event_scope(event).into_iter().flatten() {
        if is_typed(span.metadata()) {
            depth += 1;
            if span.extensions().get::<Outermost>().is_some() {
                break;
            }
        }
    }
    depth
}

fn is_typed(metadata: &Metadata<'_>) -> bool {
    metadata.target() == TARGET
}

/// The trace and span ids that are around the event.
pub(super) fn ids<S>(
    event: &Event<'_>,
    ctx: &Context<'_, S>,
    ids: impl Fn(&Id) -> Option<SpanContext>,
) -> Option<SpanContext>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    // Where spans carry OpenTelemetry's context, the one of the current span is current.
    let current = event.is_contextual().then(|| {
        opentelemetry::Context::map_current(|context| context.span().span_context().clone())
    });
    current.filter(SpanContext::is_valid).or_else(|| {
        let mut scope = ctx.event_scope(event).into_iter().flatten();
        scope.find_map(|span| ids(&span.id()))
    })
}

/// The ids of a span, if it has some.
pub(super) fn ids_of(id: &Id, dispatch: &Dispatch) -> Option<SpanContext> {
    carrier::ids_of(id, dispatch).filter(SpanContext::is_valid)
}
