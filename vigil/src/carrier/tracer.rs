//! The OpenTelemetry side: a tracer under `tracing-opentelemetry`'s layer that knows typed spans.
//!
//! The layer asks its tracer to build every span. For a typed span the carrier leaves what it
//! knows on the thread before it makes the layer ask, so that name, kind, scope and the sampled
//! attributes reach samplers as they are, typed, and no string is parsed back.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::SystemTime;

use opentelemetry::trace::{
    SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt, Tracer, TracerProvider,
};
use opentelemetry::{Context, InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, Span};
use tracing::{Dispatch, Metadata};

use super::definition::Scope;
use super::inherited::Inherited;
use super::layer::FindTyped;
use super::state::SpanState;

thread_local! {
    /// The typed span that `tracing` is making here and now.
    static OPENING: RefCell<Option<Arc<SpanState>>> = const { RefCell::new(None) };
    /// The typed span that OpenTelemetry is asked to make next.
    static BUILDING: RefCell<Option<Building>> = const { RefCell::new(None) };
    /// The SDK is making a span that has its inherited attributes already.
    static BUILT_HERE: Cell<bool> = const { Cell::new(false) };
    /// What passes through the layers has reached OpenTelemetry by a shorter way.
    static SENDING: Cell<bool> = const { Cell::new(false) };
    /// A log line is being turned into an event of the span around it.
    static LOGGING: Cell<bool> = const { Cell::new(false) };
}

/// What OpenTelemetry needs to know of a typed span.
pub(crate) struct Building {
    pub(crate) state: Weak<SpanState>,
    pub(crate) name: String,
    pub(crate) kind: SpanKind,
    pub(crate) scope: &'static Scope,
    pub(crate) start_time: Option<SystemTime>,
    pub(crate) attributes: Vec<KeyValue>,
}

/// Leaves `value` in `place` while `f` runs, and nothing after it, even if it panics.
fn leave<T: 'static, R>(
    place: &'static std::thread::LocalKey<RefCell<Option<T>>>,
    value: T,
    f: impl FnOnce() -> R,
) -> R {
    struct Clear<T: 'static>(&'static std::thread::LocalKey<RefCell<Option<T>>>);

    impl<T: 'static> Drop for Clear<T> {
        fn drop(&mut self) {
            self.0.set(None);
        }
    }

    place.set(Some(value));
    let _clear = Clear(place);
    f()
}

/// Runs `f`, in which `tracing` makes the typed span of `state`.
pub(crate) fn while_opening<R>(state: &Arc<SpanState>, f: impl FnOnce() -> R) -> R {
    leave(&OPENING, Arc::clone(state), f)
}

/// The typed span that is being made, if that is what `metadata` belongs to: another layer may
/// make a span of its own on the way.
pub(crate) fn opening(metadata: &'static Metadata<'static>) -> Option<Weak<SpanState>> {
    OPENING.with_borrow(|state| {
        let state = state.as_ref()?;
        std::ptr::eq(state.definition.metadata(), metadata).then(|| Arc::downgrade(state))
    })
}

/// Runs `f`, in which OpenTelemetry makes a typed span.
pub(crate) fn while_building<R>(building: Building, f: impl FnOnce() -> R) -> R {
    leave(&BUILDING, building, f)
}

/// Whether the span that the SDK is making comes through `tracing`.
pub(crate) fn is_building() -> bool {
    BUILT_HERE.get()
}

/// Runs `f`, whose telemetry is meant for other layers alone.
pub(crate) fn while_sending<R>(f: impl FnOnce() -> R) -> R {
    with_flag(&SENDING, f)
}

pub(crate) fn is_sending() -> bool {
    SENDING.get()
}

/// Runs `f`, in which a log line becomes a span event.
pub(crate) fn while_logging<R>(f: impl FnOnce() -> R) -> R {
    with_flag(&LOGGING, f)
}

fn with_flag<R>(flag: &'static std::thread::LocalKey<Cell<bool>>, f: impl FnOnce() -> R) -> R {
    struct Restore(&'static std::thread::LocalKey<Cell<bool>>, bool);

    impl Drop for Restore {
        fn drop(&mut self) {
            self.0.set(self.1);
        }
    }

    let _restore = Restore(flag, flag.replace(true));
    f()
}

/// Whether there is a span in the context.
pub(crate) fn has_span(context: &Context) -> bool {
    context.span().span_context().is_valid()
}

/// The nearest typed span around the current code that `wanted` accepts.
pub(crate) fn current_typed(wanted: impl Fn(&SpanState) -> bool) -> Option<Arc<SpanState>> {
    tracing::dispatcher::get_default(|dispatch: &Dispatch| {
        let find = dispatch.downcast_ref::<FindTyped>()?;
        find.nearest(dispatch, &wanted)
    })
}

/// The tracer under the layer.
#[derive(Debug)]
pub(crate) struct CarrierTracer {
    provider: SdkTracerProvider,
    /// For spans that other instrumentation makes through `tracing`.
    foreign: SdkTracer,
    /// One for each crate whose spans were generated: a handful.
    typed: RwLock<Vec<(&'static Scope, SdkTracer)>>,
}

impl CarrierTracer {
    pub(crate) fn new(provider: SdkTracerProvider) -> Self {
        Self {
            foreign: provider.tracer("tracing"),
            provider,
            typed: RwLock::default(),
        }
    }

    fn build_typed(&self, scope: &'static Scope, builder: SpanBuilder, parent: &Context) -> Span {
        let known = self.typed.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, tracer)) = known.iter().find(|(other, _)| std::ptr::eq(*other, scope)) {
            return tracer.build_with_context(builder, parent);
        }
        drop(known);
        let tracer = self
            .provider
            .tracer_with_scope(instrumentation_scope(scope));
        let span = tracer.build_with_context(builder, parent);
        self.typed
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push((scope, tracer));
        span
    }
}

pub(crate) fn instrumentation_scope(scope: &Scope) -> InstrumentationScope {
    InstrumentationScope::builder(scope.name)
        .with_version(scope.version)
        .with_schema_url(scope.schema_url)
        .build()
}

impl Tracer for CarrierTracer {
    type Span = CarrierSpan;

    fn build_with_context(&self, mut builder: SpanBuilder, parent: &Context) -> CarrierSpan {
        let building = BUILDING.take();
        let typed = building
            .as_ref()
            .map(|building| Weak::clone(&building.state));
        let inner = with_flag(&BUILT_HERE, || {
            if let Some(building) = building {
                builder.name = Cow::Owned(building.name);
                builder.span_kind = Some(building.kind);
                builder.attributes = Some(building.attributes);
                builder.start_time = building.start_time.or(builder.start_time);
                self.build_typed(building.scope, builder, parent)
            } else {
                if let Some(inherited) = Inherited::of(parent) {
                    inherited.complete(builder.attributes.get_or_insert_default());
                }
                self.foreign.build_with_context(builder, parent)
            }
        });
        CarrierSpan { inner, typed }
    }
}

/// An SDK span whose contract, if it has one, holds against whoever reaches it.
#[derive(Debug)]
pub(crate) struct CarrierSpan {
    inner: Span,
    typed: Option<Weak<SpanState>>,
}

impl CarrierSpan {
    /// The typed span behind it, while its attributes are still gathered.
    fn open(&self) -> Option<Arc<SpanState>> {
        self.typed
            .as_ref()?
            .upgrade()
            .filter(|state| state.is_open())
    }
}

impl opentelemetry::trace::Span for CarrierSpan {
    fn add_event_with_timestamp<T>(
        &mut self,
        name: T,
        timestamp: SystemTime,
        attributes: Vec<KeyValue>,
    ) where
        T: Into<Cow<'static, str>>,
    {
        self.inner
            .add_event_with_timestamp(name, timestamp, attributes);
    }

    fn span_context(&self) -> &SpanContext {
        self.inner.span_context()
    }

    fn is_recording(&self) -> bool {
        self.inner.is_recording()
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        match self.open() {
            Some(state) => state.set_foreign(attribute),
            None => self.inner.set_attribute(attribute),
        }
    }

    fn set_status(&mut self, status: Status) {
        // A log line says nothing of how a typed span ends, whatever its level.
        if self.typed.is_none() || !LOGGING.get() {
            self.inner.set_status(status);
        }
    }

    fn update_name<T>(&mut self, name: T)
    where
        T: Into<Cow<'static, str>>,
    {
        self.inner.update_name(name);
    }

    fn add_link(&mut self, context: SpanContext, attributes: Vec<KeyValue>) {
        self.inner.add_link(context, attributes);
    }

    fn end_with_timestamp(&mut self, timestamp: SystemTime) {
        // The layer ends a span when `tracing` closes it, at the time of its last exit. A typed
        // span has ended by then, or is about to.
        if self.open().is_none() {
            self.inner.end_with_timestamp(timestamp);
        }
    }
}
