//! The gate that all content passes: whether it is captured, for where, and as what.

use std::cell::Cell;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use tracing::field::Field;

use super::callsite::TARGET;
use super::content;
use super::instruments::Binding;
use super::keyed;
use super::tracer::{self, with_flag};
use super::value::{Text, Value};
use crate::config::CaptureContent;
use crate::generated::registry::REGISTRY;

/// Where content goes, outside of test scopes: see [`coded`].
static CAPTURE: AtomicU8 = AtomicU8::new(0);
/// What looks at it before it goes there.
static REDACTION: RwLock<Option<Redaction>> = RwLock::new(None);

std::thread_local! {
    /// The redaction runs.
    static REDACTING: Cell<bool> = const { Cell::new(false) };
}

/// Captures content, such as messages and tool output, from now on, or stops to. Off at first.
///
/// `true` puts it onto spans; a [`CaptureContent`] says where it goes. Into events goes that of
/// spans that send one when they end, as chats do, and that of events themselves.
///
/// ```
/// use vigil::config::CaptureContent;
///
/// vigil::set_capture_content(true);
/// vigil::set_capture_content(CaptureContent::EventOnly);
/// # vigil::set_capture_content(false);
/// ```
pub fn set_capture_content(capture: impl Into<CaptureContent>) {
    CAPTURE.store(coded(capture.into()), Ordering::Relaxed);
}

fn coded(capture: CaptureContent) -> u8 {
    u8::from(capture.on_spans()) | u8::from(capture.in_events()) << 1
}

fn decoded(code: u8) -> CaptureContent {
    CaptureContent::of(code & 1 != 0, code & 2 != 0)
}

/// Asks `redact` about every piece of content from now on, before it is cut to size: with the key of
/// its attribute and its text. What it returns goes out, and with `None` nothing does.
///
/// It is called on the thread that records, and only where content is captured. It may log and start
/// spans; content in there is left out. If it panics, what it was asked about is left out.
///
/// ```
/// vigil::set_redaction(|key, text| match key {
///     "life.tool.output" => None,
///     _ => Some(text.replace("hunter2", "…")),
/// });
/// ```
pub fn set_redaction(redact: impl Fn(&str, &str) -> Option<String> + Send + Sync + 'static) {
    set(Redaction::new(redact));
}

pub(crate) fn set(redaction: Redaction) {
    let before = REDACTION
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .replace(redaction);
    // It is foreign code: not with the lock held.
    drop(before);
}

/// What looks at content before it goes out.
#[derive(Clone)]
pub(crate) struct Redaction(Arc<Hook>);

struct Hook {
    redact: Box<Redact>,
    panicked: AtomicBool,
}

type Redact = dyn Fn(&str, &str) -> Option<String> + Send + Sync;

impl Redaction {
    pub(crate) fn new(
        redact: impl Fn(&str, &str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Hook {
            redact: Box::new(redact),
            panicked: AtomicBool::new(false),
        }))
    }

    /// What goes out for `text`. Content of what the hook itself does is left out: it would have to
    /// ask again, and again.
    fn apply(&self, key: &str, text: &str) -> Option<String> {
        if REDACTING.get() {
            return None;
        }
        let ask = || std::panic::catch_unwind(AssertUnwindSafe(|| (self.0.redact)(key, text)));
        let answer = with_flag(&REDACTING, ask);
        if answer.is_err() && !self.0.panicked.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                target: TARGET,
                attribute = key,
                "the redaction panicked: content over which it does is left out",
            );
        }
        answer.ok().flatten()
    }
}

impl fmt::Debug for Redaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Redaction").finish_non_exhaustive()
    }
}

/// What may pass, and as what: as it was when a batch of attributes was begun.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate {
    capture: CaptureContent,
    redaction: Option<Redaction>,
}

impl Gate {
    pub(crate) const fn new(capture: CaptureContent, redaction: Option<Redaction>) -> Self {
        Self { capture, redaction }
    }

    /// A gate that lets nothing pass.
    pub(crate) const fn closed() -> Self {
        Self::new(CaptureContent::NoContent, None)
    }

    /// The one that counts here: a span's own, the test scope's, the process's.
    pub(crate) fn of(own: Option<&Binding>) -> Self {
        match own {
            Some(binding) => binding.gate().clone(),
            None => match Binding::scoped() {
                Some(binding) => binding.gate().clone(),
                None => Self::global(),
            },
        }
    }

    fn global() -> Self {
        let capture = decoded(CAPTURE.load(Ordering::Relaxed));
        if capture == CaptureContent::NoContent {
            return Self::closed();
        }
        let redaction = REDACTION
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        Self::new(capture, redaction)
    }

    /// The same for what has a place for content on spans, in events, or both.
    pub(crate) fn only(mut self, spans: bool, events: bool) -> Self {
        let capture = self.capture;
        self.capture =
            CaptureContent::of(spans && capture.on_spans(), events && capture.in_events());
        self
    }

    pub(crate) fn capture(&self) -> CaptureContent {
        self.capture
    }

    pub(crate) fn is_open(&self) -> bool {
        self.capture != CaptureContent::NoContent
    }

    /// The value as it goes out: what the redaction makes of it, cut to size. The caller holds no
    /// lock.
    pub(crate) fn admit(&self, key: &str, value: Value) -> Option<Value> {
        if !self.is_open() {
            return None;
        }
        let value = match &self.redaction {
            Some(redaction) => redacted(redaction, key, value)?,
            None => value,
        };
        Some(content::cut_to_size(value))
    }
}

fn redacted(redaction: &Redaction, key: &str, value: Value) -> Option<Value> {
    match value {
        Value::Text(text) => {
            let text = redaction.apply(key, text.as_str())?;
            Some(Value::Text(Text::from(text)))
        }
        Value::Texts(texts) => {
            let texts = texts.iter();
            let texts = texts.filter_map(|text| redaction.apply(key, text.as_str()));
            Some(Value::Texts(texts.map(Text::from).collect()))
        }
        Value::Any(value) => {
            let text = value.to_json();
            let answer = redaction.apply(key, &text)?;
            Some(if answer == text {
                Value::Any(value)
            } else {
                Value::Text(Text::from(answer))
            })
        }
        // Another text has no place here.
        value => {
            let text = value.to_string();
            (redaction.apply(key, &text)? == text).then_some(value)
        }
    }
}

/// Where content may stand on a span that leaves the process: nowhere if there is a redaction that
/// it has not `passed`.
#[cfg(feature = "_otlp")]
pub(crate) fn leaving(passed: bool) -> CaptureContent {
    let gate = Gate::global();
    if !passed && gate.redaction.is_some() {
        return CaptureContent::NoContent;
    }
    gate.capture
}

/// Whether spans have the content that is captured here.
pub(crate) fn captures_on_spans() -> bool {
    Gate::of(None).capture().on_spans()
}

/// Whether content is captured anywhere, so that it is worth keeping.
#[cfg(feature = "aios")]
pub(crate) fn captures() -> bool {
    Gate::of(None).capture() != CaptureContent::NoContent
}

/// Where foreign code puts something.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    Span,
    Event,
}

/// Whether what foreign code says under this key, on a span or event of its own, stays here: it is
/// content by Vigil's registry and not captured there, or there is a redaction, which can't be asked
/// where such code calls in.
pub(crate) fn withholds(key: &str, place: Place) -> bool {
    if !is_content(key) {
        return false;
    }
    let gate = Gate::of(None);
    let captured = match place {
        Place::Span => gate.capture.on_spans(),
        Place::Event => gate.capture.in_events(),
    };
    !captured || gate.redaction.is_some()
}

/// Whether a log line leaves the field out. What the carrier sends has passed the gate already.
pub(crate) fn hides(field: &Field, name: &str) -> bool {
    withholds(name, Place::Event) && !tracer::is_passing(&field.callsite())
}

/// The keys under which content stands.
struct ContentKeys {
    keys: Vec<&'static str>,
    /// Those below which it stands.
    prefixes: Vec<&'static str>,
    /// A bit for each length that a key has: most keys of others have another one.
    lengths: u64,
}

impl ContentKeys {
    fn of_registry() -> Self {
        let attributes = REGISTRY.attributes.iter().copied().flatten();
        let sensitive = || attributes.clone().filter(|attribute| attribute.sensitive);
        let keys = |is_prefix: bool| -> Vec<&'static str> {
            let some = sensitive().filter(|it| it.template.is_some() == is_prefix);
            some.map(|attribute| attribute.key).collect()
        };
        let whole = keys(false);
        Self {
            lengths: whole.iter().fold(0, |all, key| all | Self::bit(key)),
            keys: whole,
            prefixes: keys(true),
        }
    }

    fn bit(key: &str) -> u64 {
        1 << (key.len() % 64)
    }
}

/// Whether Vigil's registry says that what stands under this key is content.
pub(crate) fn is_content(key: &str) -> bool {
    static KEYS: OnceLock<ContentKeys> = OnceLock::new();
    let content = KEYS.get_or_init(ContentKeys::of_registry);
    content.lengths & ContentKeys::bit(key) != 0 && content.keys.contains(&key)
        || content.prefixes.iter().any(|it| keyed::is_below(it, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(redact: impl Fn(&str, &str) -> Option<String> + Send + Sync + 'static) -> Gate {
        Gate::new(CaptureContent::SpanOnly, Some(Redaction::new(redact)))
    }

    #[test]
    fn each_text_of_an_array_is_asked_about() {
        let gate = asked(|_, text| (text != "b").then(|| text.to_uppercase()));
        let texts = |texts: &[&str]| Value::Texts(texts.iter().map(|it| Text::from(*it)).collect());
        assert_eq!(
            gate.admit("k", texts(&["a", "b", "c"])),
            Some(texts(&["A", "C"]))
        );
    }

    #[test]
    fn what_is_no_text_stays_or_goes() {
        let gate = asked(|_, text| (text != "7").then(|| text.to_owned()));
        assert_eq!(gate.admit("k", Value::Int(6)), Some(Value::Int(6)));
        assert_eq!(gate.admit("k", Value::Int(7)), None);
        let gate = asked(|_, _| Some("…".to_owned()));
        assert_eq!(gate.admit("k", Value::Int(6)), None);
    }

    #[test]
    fn places_come_back_as_they_were_stored() {
        for capture in [
            CaptureContent::NoContent,
            CaptureContent::SpanOnly,
            CaptureContent::EventOnly,
            CaptureContent::SpanAndEvent,
        ] {
            assert_eq!(decoded(coded(capture)), capture);
        }
    }
}
