//! Where a log event stands.

use opentelemetry::trace::{SpanContext, TraceContextExt};
use tracing::span::{Attributes, Id};
use tracing::{Dispatch, Event, Subscriber};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::carrier;

/// How many typed spans a typed span stands under: those that it was started under, not those that it is
/// met in. `tracing` does not know all of them.
struct Depth(usize);

/// Remembers that of a typed span that is being made.
pub(super) fn note_depth<S>(attrs: &Attributes<'_>, id: &Id, ctx: &Context<'_, S>)
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    if let Some(depth) = carrier::opening_depth(attrs.metadata())
        && let Some(span) = ctx.span(id)
    {
        // Another such layer notes the same.
        span.extensions_mut().replace(Depth(depth));
    }
}

/// How many typed spans the event stands under, as an [`EndedSpan`](crate::carrier::EndedSpan) counts
/// them.
pub(super) fn depth<S>(event: &Event<'_>, ctx: &Context<'_, S>) -> usize
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let mut scope = ctx.event_scope(event).into_iter().flatten();
    let above = scope.find_map(|span| Some(span.extensions().get::<Depth>()?.0));
    above.map_or(0, |above| above + 1)
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
    let current = event
        .is_contextual()
        .then(|| carrier::current::map(|context| context.span().span_context().clone()));
    current.filter(SpanContext::is_valid).or_else(|| {
        let mut scope = ctx.event_scope(event).into_iter().flatten();
        scope.find_map(|span| ids(&span.id()))
    })
}

/// The ids of a span, if it has some.
pub(super) fn ids_of(id: &Id, dispatch: &Dispatch) -> Option<SpanContext> {
    carrier::ids_of(id, dispatch).filter(SpanContext::is_valid)
}
