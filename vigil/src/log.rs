//! Log lines: what is logged, and typed spans where they end, for people or for machines.
//!
//! A [`LogLayer`] stands beside a [`trace_layer`](crate::trace_layer), or alone:
//!
//! ```
//! use tracing_subscriber::layer::SubscriberExt;
//! use vigil::log::{LogFormat, LogLayer};
//!
//! # fn main() -> Result<(), vigil::log::FilterError> {
//! let lines = LogLayer::new(LogFormat::Pretty).filter("info,hyper=warn")?;
//! let subscriber = tracing_subscriber::registry().with(lines);
//! # drop(subscriber);
//! # Ok(())
//! # }
//! ```
//!
//! A typed span is a line of level `INFO` and target `vigil`, so `warn` or `info,vigil=off` leave
//! spans out. Metrics are written with [`MetricLines`]: they have the target `vigil::metrics`.
//!
//! # Pretty
//!
//! A span stands where it ends, under what happened in it, and as far to the right as it is down the
//! tree:
//!
//! ```text
//! 19:43:01.726 │ │ chat sonnet            40.3ms  1200→85 tokens [800 cached]  tool_call  anthropic
//! 19:43:01.726 │ phase deliberate         40.6ms
//! 19:43:01.726 │ │ INFO arcan: allowed tool=read_file
//! 19:43:01.726 │ phase gate                122µs
//! 19:43:01.744 │ │ execute_tool read_file 17.5ms  ✗ std::io::Error  tool.call.id=call-1
//! 19:43:01.744 │ phase execute            17.7ms
//! 19:43:01.745 invoke_agent arcan         60.2ms  session_id=s-1 run_id=r-7
//! ```
//!
//! Metrics have how much there was in all; of several values also how many, their average and
//! their range:
//!
//! ```text
//! 19:43:01.745 ∑ client.operation.duration      80.5ms  2 × 40.2ms (40.1ms…40.3ms)  chat sonnet  anthropic
//! 19:43:01.745 ∑ client.token.usage        1280 tokens  2 × 640 (80…1200)           chat sonnet input  anthropic
//! 19:43:01.745 ∑ tool.executions           1 execution                              read_file error
//! ```
//!
//! # JSON
//!
//! One object a line. A log event has `timestamp`, `level`, `target`, `message`, `fields`, and, inside
//! a span, `span`, `trace_id` and `span_id`. A typed span has `event` (`span`), `name`, `duration_ms`,
//! `status` (`ok` or `error`), `error.type`, `error.message`, `attributes` (inherited ones, such as the
//! session, among them), its ids and `parent_span_id`. A data point of a metric has `event` (`metric`), `name`, `kind` (`counter`, `updowncounter`, `gauge`, `histogram`),
//! `unit`, `attributes` and `value`; a histogram's has `count`, `sum`, `min` and `max` instead, and no
//! buckets. What is not there, is not written.

mod context;
pub(crate) mod json;
mod metrics;
mod number;
mod output;
mod pretty;
mod text;
mod time;

use std::any::TypeId;
use std::fmt;
use std::io::{IsTerminal, Write};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use tracing::dispatcher::WeakDispatch;
use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use self::output::{Buffers, Output};
use crate::carrier::{self, EndedSpan, OnEnd};

pub use self::metrics::MetricLines;
pub use crate::config::LogFormat;

/// The target of typed spans and events.
const TARGET: &str = "vigil";
/// The target of metrics.
const METRICS: &str = "vigil::metrics";
/// The level of both.
const LEVEL: Level = Level::INFO;

/// A layer that writes what is logged, and typed spans where they end, a line each.
///
/// Its filter says what is written and nothing else: other layers get what they would get without
/// it. As `tracing` asks all layers together how much is wanted at all, those that want more than
/// this one have to say so, as every filter of `tracing-subscriber` does.
///
/// Nothing that goes wrong in here reaches the program: a line that can't be written is lost, one
/// that is logged by the writer itself is not written.
///
/// Several of them, each put on the subscriber by itself, all tell of typed spans; in a list of layers
/// only the first does, and within a `reload::Layer` none.
///
/// ```
/// use tracing_subscriber::layer::SubscriberExt;
/// use vigil::log::{LogFormat, LogLayer};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let path = std::env::temp_dir().join(format!("vigil-doc-{}.jsonl", std::process::id()));
/// let file = std::fs::File::create(&path)?;
/// let subscriber = tracing_subscriber::registry()
///     .with(LogLayer::new(LogFormat::Json).writer(file).filter("info")?);
/// tracing::subscriber::with_default(subscriber, || {
///     vigil::agent_span("s-1", "arcan").start().end();
/// });
/// assert!(std::fs::read_to_string(&path)?.contains(r#""name":"invoke_agent arcan""#));
/// # std::fs::remove_file(&path)?;
/// # Ok(())
/// # }
/// ```
pub struct LogLayer {
    /// Shared with the hook for ended spans once the layer is in place, and not before.
    printer: Arc<Printer>,
    /// The printers of such layers below, and this one: only one layer is told of ended spans.
    all: Printers,
    metrics: Option<MetricLines>,
    on_end: Option<OnEnd>,
    dispatch: OnceLock<WeakDispatch>,
}

/// Writes lines.
struct Printer {
    format: LogFormat,
    filter: Targets,
    color: Option<bool>,
    spans: bool,
    output: Output,
}

#[derive(Clone, Default)]
struct Printers {
    printers: Vec<Arc<Printer>>,
    metrics: Vec<MetricLines>,
}

impl LogLayer {
    /// Lines of that format, to stderr, of level `INFO` and above.
    pub fn new(format: LogFormat) -> Self {
        Self {
            printer: Arc::new(Printer {
                format,
                filter: Targets::new().with_default(LevelFilter::INFO),
                color: None,
                spans: true,
                output: Output::stderr(),
            }),
            all: Printers::default(),
            metrics: None,
            on_end: None,
            dispatch: OnceLock::new(),
        }
    }

    /// Writes to `writer` instead of stderr. Each line is written at once, and flushed.
    ///
    /// ```
    /// use vigil::log::{LogFormat, LogLayer};
    ///
    /// let layer = LogLayer::new(LogFormat::Json).writer(std::io::stdout());
    /// # drop(layer);
    /// ```
    #[must_use]
    pub fn writer(self, writer: impl Write + Send + 'static) -> Self {
        self.with(|printer| printer.output = Output::new(Box::new(writer)))
    }

    /// Writes what `directives` ask for, in the syntax of `RUST_LOG`: levels for targets, with those
    /// that a target begins with. Empty directives change nothing.
    ///
    /// # Errors
    ///
    /// If the directives can't be read, spans and fields included: they have no meaning here.
    ///
    /// ```
    /// use vigil::log::{LogFormat, LogLayer};
    ///
    /// assert!(LogLayer::new(LogFormat::Json).filter("warn,vigil=info").is_ok());
    /// assert!(LogLayer::new(LogFormat::Json).filter("vigil=loud").is_err());
    /// ```
    pub fn filter(self, directives: &str) -> Result<Self, FilterError> {
        Ok(match parse_filter(directives)? {
            Some(filter) => self.with(|printer| printer.filter = filter),
            None => self,
        })
    }

    /// Whether pretty lines have colors. At first they have where stderr is a terminal and
    /// `NO_COLOR` is not set; with a writer of your own they have none.
    ///
    /// ```
    /// use vigil::log::{LogFormat, LogLayer};
    ///
    /// let layer = LogLayer::new(LogFormat::Pretty).color(false);
    /// # drop(layer);
    /// ```
    #[must_use]
    pub fn color(self, color: bool) -> Self {
        self.with(|printer| printer.color = Some(color))
    }

    /// Whether typed spans are written where they end: yes, at first.
    ///
    /// ```
    /// use vigil::log::{LogFormat, LogLayer};
    ///
    /// let layer = LogLayer::new(LogFormat::Pretty).spans(false);
    /// # drop(layer);
    /// ```
    #[must_use]
    pub fn spans(self, spans: bool) -> Self {
        self.with(|printer| printer.spans = spans)
    }

    /// Writes what `metrics` collects, a line for each data point.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vigil::log::{LogFormat, LogLayer, MetricLines};
    ///
    /// let metrics = MetricLines::every(Duration::from_secs(60));
    /// let layer = LogLayer::new(LogFormat::Pretty).metrics(&metrics);
    /// # drop(layer);
    /// ```
    #[must_use]
    pub fn metrics(mut self, metrics: &MetricLines) -> Self {
        self.metrics = Some(metrics.clone());
        self
    }

    /// Whether lines of metrics pass the filter.
    pub(crate) fn wants_metrics(&self) -> bool {
        self.printer.wants(METRICS, LEVEL)
    }

    /// Like [`filter`](Self::filter), for what has been checked.
    pub(crate) fn filtered(self, directives: &str) -> Self {
        match parse_filter(directives) {
            Ok(Some(filter)) => self.with(|printer| printer.filter = filter),
            _ => self,
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Printer)) -> Self {
        // Nobody else has it before the layer is in place.
        if let Some(printer) = Arc::get_mut(&mut self.printer) {
            change(printer);
        }
        self
    }

    fn settle(&mut self, mut below: Printers) {
        if let Some(printer) = Arc::get_mut(&mut self.printer) {
            let fitting = || {
                printer.output.is_stderr()
                    && std::io::stderr().is_terminal()
                    && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            };
            printer.color = Some(printer.color.unwrap_or_else(fitting));
        }
        below.printers.push(Arc::clone(&self.printer));
        if let Some(metrics) = &self.metrics {
            metrics.write_to(&self.printer);
            below.metrics.push(metrics.clone());
        }
        let Printers { printers, metrics } = below.clone();
        self.all = below;
        // The filter is always the same, and so is what passes it.
        let wants = |printer: &Arc<Printer>| printer.wants(TARGET, LEVEL);
        let on_end = if printers.iter().any(|it| it.spans && wants(it)) {
            OnEnd::new(move |span| {
                for printer in &printers {
                    printer.span(span);
                }
            })
        } else if printers.iter().any(wants) || !metrics.is_empty() {
            OnEnd::nothing()
        } else {
            return;
        };
        self.on_end = Some(if metrics.is_empty() {
            on_end
        } else {
            on_end.after_root(move || metrics.iter().for_each(MetricLines::write_if_due))
        });
    }

    /// The dispatcher that this layer is part of.
    fn with_dispatch<R>(&self, f: impl FnOnce(&Dispatch) -> Option<R>) -> Option<R> {
        if let Some(dispatch) = self.dispatch.get().and_then(WeakDispatch::upgrade) {
            return f(&dispatch);
        }
        // In a list of layers nobody is told. An id means nothing elsewhere, so it has to be ours.
        tracing::dispatcher::get_default(|dispatch| {
            let all = &dispatch.downcast_ref::<Printers>()?.printers;
            all.iter()
                .any(|printer| Arc::ptr_eq(printer, &self.printer))
                .then(|| dispatch.clone())
        })
        .and_then(|dispatch| f(&dispatch))
    }
}

impl fmt::Debug for LogLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogLayer")
            .field("format", &self.printer.format)
            .field("filter", &self.printer.filter.to_string())
            .finish_non_exhaustive()
    }
}

impl<S> Layer<S> for LogLayer
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn on_register_dispatch(&self, subscriber: &Dispatch) {
        // Once: a layer is part of one subscriber.
        let _ = self.dispatch.set(subscriber.downgrade());
    }

    fn on_layer(&mut self, subscriber: &mut S) {
        let below: &dyn Subscriber = subscriber;
        let below = below.downcast_ref::<Printers>();
        self.settle(below.cloned().unwrap_or_default());
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let filter = &self.printer.filter;
        let stated = filter.iter().map(|(_, level)| level);
        // Typed spans are there for the others, whatever is written here.
        Some(
            stated
                .chain(filter.default_level())
                .fold(LevelFilter::from_level(LEVEL), LevelFilter::max),
        )
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let metadata = event.metadata();
        // What a span says of itself when it ends belongs to its line.
        let of_span = metadata.target() == TARGET && carrier::is_ending();
        // The span's own line has the content, unless it is captured for events alone.
        if of_span && (!self.printer.spans || carrier::captures_on_spans()) {
            return;
        }
        if self.printer.wants(metadata.target(), *metadata.level()) {
            self.printer.print(|buffers| {
                let now = carrier::now();
                let teller = carrier::teller(metadata);
                match self.printer.format {
                    LogFormat::Json => {
                        let span = match &teller {
                            Some(teller) => Some(teller.label()),
                            None => ctx.event_span(event).map(|span| span.name()),
                        };
                        let ids = match &teller {
                            Some(teller) => teller.ids(),
                            None => context::ids(event, &ctx, |id| {
                                self.with_dispatch(|dispatch| context::ids_of(id, dispatch))
                            }),
                        };
                        json::event(buffers, now, event, span, ids.as_ref());
                    }
                    LogFormat::Pretty => {
                        let depth = match &teller {
                            _ if !self.printer.draws_tree() => 0,
                            Some(teller) => teller.depth() + 1,
                            None => context::depth(event, &ctx),
                        };
                        pretty::event(buffers, now, event, depth, self.printer.is_colored());
                    }
                }
            });
        }
    }

    fn on_new_span(
        &self,
        attrs: &tracing::span::Attributes<'_>,
        id: &tracing::span::Id,
        ctx: Context<'_, S>,
    ) {
        if self.printer.draws_tree() {
            context::note_depth(attrs, id, &ctx);
        }
    }

    // SAFETY: the pointers are to `self` and to parts of it, valid for as long as it is.
    #[allow(unsafe_code)]
    unsafe fn downcast_raw(&self, id: TypeId) -> Option<*const ()> {
        if id == TypeId::of::<Self>() {
            Some(std::ptr::from_ref(self).cast())
        } else if id == TypeId::of::<OnEnd>() {
            self.on_end.as_ref().map(|it| std::ptr::from_ref(it).cast())
        } else if id == TypeId::of::<Printers>() {
            Some(std::ptr::from_ref(&self.all).cast())
        } else {
            None
        }
    }
}

impl Printer {
    fn wants(&self, target: &str, level: Level) -> bool {
        self.filter.would_enable(target, &level)
    }

    fn is_colored(&self) -> bool {
        self.color.unwrap_or(false)
    }

    /// Whether log events stand in a tree of spans.
    fn draws_tree(&self) -> bool {
        self.spans && self.format == LogFormat::Pretty
    }

    fn span(&self, span: &EndedSpan<'_>) {
        if self.spans && self.wants(TARGET, LEVEL) {
            let now = carrier::now();
            self.print(|buffers| match self.format {
                LogFormat::Json => json::span(buffers, now, span),
                LogFormat::Pretty => pretty::span(buffers, now, span, self.is_colored()),
            });
        }
    }

    fn metrics(&self, points: &[metrics::Point]) {
        let now = SystemTime::now();
        match self.format {
            LogFormat::Json => {
                for point in points {
                    self.print(|buffers| json::metric(&mut buffers.line, now, point));
                }
            }
            LogFormat::Pretty => {
                for line in pretty::metrics(now, points, self.is_colored()) {
                    self.print(|buffers| buffers.line.push_str(&line));
                }
            }
        }
    }

    /// Writes the line that `format` makes. Neither it nor the writer can panic out of here.
    fn print(&self, format: impl FnOnce(&mut Buffers)) {
        if output::is_writing() {
            return;
        }
        let _ = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let mut buffers = Buffers::take();
            format(&mut buffers);
            self.output.write(&mut buffers.line);
            buffers.keep();
        }));
    }
}

/// The filter that these directives are, if there are any.
pub(crate) fn parse_filter(directives: &str) -> Result<Option<Targets>, FilterError> {
    let stated: Vec<&str> = directives
        .split(',')
        .map(str::trim)
        .filter(|directive| !directive.is_empty())
        .collect();
    // By themselves, so that the one that can't be read is known.
    for directive in &stated {
        let error = |problem: String| FilterError {
            directive: (*directive).to_owned(),
            problem,
        };
        let foreign = |c: char| !c.is_alphanumeric() && !"_:=.-/".contains(c);
        if let Some(c) = directive.chars().find(|c| foreign(*c)) {
            return Err(error(format!("`{}` has no meaning here", c.escape_debug())));
        }
        directive
            .parse::<Targets>()
            .map_err(|problem| error(problem.to_string()))?;
    }
    if stated.is_empty() {
        return Ok(None);
    }
    let filter = stated.join(",").parse();
    let error = |problem: tracing_subscriber::filter::ParseError| FilterError {
        directive: directives.to_owned(),
        problem: problem.to_string(),
    };
    filter.map(Some).map_err(error)
}

/// A log filter that can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    directive: String,
    problem: String,
}

impl FilterError {
    /// What can't be read.
    pub fn directive(&self) -> &str {
        &self.directive
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no log filter, such as `info,vigil=debug`: {}",
            self.directive.escape_debug(),
            self.problem
        )
    }
}

impl std::error::Error for FilterError {}
