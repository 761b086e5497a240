//! The `tracing` callsite of a definition, made when it is first used.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use tracing::callsite::Callsite;
use tracing::field::{Field, FieldSet};
use tracing::metadata::Kind;
use tracing::subscriber::{Interest, NoSubscriber};
use tracing::{Dispatch, Level, Metadata};

/// The target of everything that the carrier gives to `tracing`, for filters: `vigil=info`.
pub(crate) const TARGET: &str = "vigil";

/// The level of typed spans and events.
pub(crate) const LEVEL: Level = Level::INFO;

/// Whether the carrier gave that to `tracing`.
#[inline]
pub(crate) fn is_carried(metadata: &Metadata<'_>) -> bool {
    metadata.target() == TARGET
}

const MADE: &str = "a callsite is registered after its metadata is made";

const UNREGISTERED: u8 = 0;
const NEVER: u8 = 1;
const SOMETIMES: u8 = 2;
const ALWAYS: u8 = 3;

/// What `tracing` knows of one definition.
///
/// It stands inside a static definition, and so needs no macro in generated code: field names
/// come from the definition the first time that anybody listens.
#[derive(Debug)]
pub(crate) struct Site {
    metadata: OnceLock<(Metadata<'static>, Box<[Field]>)>,
    interest: AtomicU8,
}

impl Site {
    pub(crate) const fn new() -> Self {
        Self {
            metadata: OnceLock::new(),
            interest: AtomicU8::new(UNREGISTERED),
        }
    }

    /// The metadata, registered with `tracing`; `keys` are the names of its fields.
    #[inline]
    pub(crate) fn metadata(
        &'static self,
        name: &'static str,
        kind: Kind,
        keys: impl FnOnce() -> Vec<&'static str>,
    ) -> &'static Metadata<'static> {
        if let Some((metadata, _)) = self.metadata.get() {
            return metadata;
        }
        let mut first = false;
        let (metadata, _) = self.metadata.get_or_init(|| {
            first = true;
            // Once for each definition, of which there are as many as the registry holds.
            let keys: &'static [&'static str] = Vec::leak(keys());
            let identifier = || tracing::callsite::Identifier(self);
            let fields = FieldSet::new(keys, identifier()).iter().collect();
            let set = FieldSet::new(keys, identifier());
            let metadata = Metadata::new(name, TARGET, LEVEL, None, None, None, set, kind);
            (metadata, fields)
        });
        if first {
            tracing::callsite::register(self);
        }
        metadata
    }

    /// The metadata and its fields, once [`metadata`](Self::metadata) has made them.
    #[inline]
    pub(crate) fn made(&'static self) -> (&'static Metadata<'static>, &'static [Field]) {
        let (metadata, fields) = self.metadata.get().expect(MADE);
        (metadata, fields)
    }

    /// Whether every subscriber wants everything that is made here.
    #[inline]
    pub(crate) fn is_always_enabled(&self) -> bool {
        self.interest.load(Ordering::Relaxed) == ALWAYS
    }

    /// Whether `dispatch` wants what is made here.
    #[inline]
    pub(crate) fn enabled(
        &self,
        metadata: &'static Metadata<'static>,
        dispatch: &Dispatch,
    ) -> bool {
        match self.interest.load(Ordering::Relaxed) {
            NEVER => false,
            // The interest is everybody's; this thread may have no subscriber.
            ALWAYS => !dispatch.is::<NoSubscriber>(),
            _ => dispatch.enabled(metadata),
        }
    }
}

impl Callsite for Site {
    fn set_interest(&self, interest: Interest) {
        let interest = if interest.is_never() {
            NEVER
        } else if interest.is_always() {
            ALWAYS
        } else {
            SOMETIMES
        };
        self.interest.store(interest, Ordering::Relaxed);
    }

    #[inline]
    fn metadata(&self) -> &Metadata<'_> {
        // `metadata` fills the cell before it registers the callsite, and nobody else can reach it.
        &self.metadata.get().expect(MADE).0
    }
}
