//! Where a log event stands.

use opentelemetry::trace::{SpanContext, TraceContextExt};
use tracing::span::{Attributes, Id};
use tracing::{Dispatch, Event, Subscriber};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::TARGET;
use crate::carrier;

/// How many typed spans a typed span stands under, as an [`EndedSpan`](crate::carrier::EndedSpan)
/// counts them: those that it was started under, not those that it was met in.
struct Depth(usize);

/// Remembers the depth of a typed span.
pub(super) fn note_depth<S>(attrs: &Attributes<'_>, id: &Id, ctx: &Context<'_, S>)
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    if attrs.metadata().target() != TARGET {
        return;
    }
    let depth = |span: SpanRef<'_, S>| Some(span.extensions().get::<Depth>()?.0 + 1);
    let above = match attrs.parent() {
        Some(parent) => ctx.span(parent).and_then(depth),
        // The nearest typed span around, as the carrier looks for it.
        None if attrs.is_contextual() => ctx
            .lookup_current()
            .and_then(|current| current.scope().find_map(depth)),
        None => None,
    };
    if let Some(span) = ctx.span(id) {
        // Another such layer notes the same.
        span.extensions_mut().replace(Depth(above.unwrap_or(0)));
    }
}

/// What is around an event.
pub(super) struct Around {
    /// The name of the span.
    pub(super) span: Option<&'static str>,
    /// How far down the tree of typed spans it is.
    pub(super) depth: usize,
    /// The trace and span ids.
    pub(super) ids: Option<SpanContext>,
}

impl Around {
    pub(super) fn of<S>(
        event: &Event<'_>,
        ctx: &Context<'_, S>,
        ids: impl Fn(&Id) -> Option<SpanContext>,
    ) -> Self
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let scope = || ctx.event_scope(event).into_iter().flatten();
        // Where spans carry OpenTelemetry's context, the one of the current span is current.
        let current = event.is_contextual().then(|| {
            opentelemetry::Context::map_current(|context| context.span().span_context().clone())
        });
        Self {
            span: ctx.event_span(event).map(|span| span.name()),
            depth: scope()
                .find_map(|span| Some(span.extensions().get::<Depth>()?.0 + 1))
                .unwrap_or(0),
            ids: current
                .filter(SpanContext::is_valid)
                .or_else(|| scope().find_map(|span| ids(&span.id()))),
        }
    }
}

/// The ids of a span, if it has some.
pub(super) fn ids(id: &Id, dispatch: &Dispatch) -> Option<SpanContext> {
    carrier::ids_of(id, dispatch).filter(SpanContext::is_valid)
}
