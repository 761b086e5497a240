//! Lines for people.

mod metrics;

use std::fmt::{self, Debug, Write};
use std::time::{Duration, SystemTime};

use opentelemetry::trace::Status;
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

use super::context::Around;
use super::{TARGET, text, time};
use crate::carrier::{EndedSpan, NamePart, Value};
use crate::semconv::{error, gen_ai, life};

pub(super) use metrics::metrics;

/// How wide a span's name is, with what it is indented by. The durations stand in a column.
const NAME: usize = 26;
/// How wide a duration is.
const DURATION: usize = 6;
/// How much of a value is shown.
const VALUE: usize = 80;

/// The line of a log event.
pub(super) fn event(
    line: &mut String,
    now: SystemTime,
    event: &Event<'_>,
    around: &Around,
    color: bool,
) {
    let metadata = event.metadata();
    let mut line = Line { line, color };
    line.place(now, around.depth);
    let typed = metadata.target() == TARGET;
    if typed && *metadata.level() == Level::INFO {
        line.paint(Style::Cyan, "•");
    } else {
        let style = match *metadata.level() {
            Level::ERROR => Style::Red,
            Level::WARN => Style::Yellow,
            Level::INFO => Style::Green,
            _ => Style::Dim,
        };
        line.paint(style, metadata.level().as_str());
        line.push(" ");
        line.paint(Style::Dim, format_args!("{}:", metadata.target()));
    }
    let mut fields = Fields::default();
    event.record(&mut text::Shown(&mut fields));
    if let Some(message) = &fields.message {
        line.push(" ");
        let _ = Plain(&mut *line.line).write_str(message);
    }
    let mode = |key| fields.of(typed, key);
    let moved = mode(life::MODE_FROM).zip(mode(life::MODE_TO));
    if let Some((from, to)) = moved {
        line.push(format_args!("  {from}→{to}"));
    }
    for (name, value) in &fields.rest {
        if moved.is_none() || !matches!(*name, life::MODE_FROM | life::MODE_TO) {
            let name = if typed { short(name) } else { name };
            line.push(" ");
            line.attribute(name, value);
        }
    }
}

/// The line of a typed span.
pub(super) fn span(line: &mut String, now: SystemTime, span: &EndedSpan<'_>, color: bool) {
    let mut line = Line { line, color };
    let name = Shown(&span.name()).to_string();
    let failed = matches!(span.status(), Status::Error { .. });
    line.place(now, span.depth());
    line.paint(if failed { Style::RedBold } else { Style::Bold }, &name);
    let width = NAME.saturating_sub(2 * span.depth() + name.chars().count());
    let duration = readable(span.duration());
    let width = width + 1 + DURATION.saturating_sub(duration.chars().count());
    line.push(format_args!("{:width$}", ""));
    line.paint(Style::Cyan, duration);

    let mut rest: Vec<(&str, &Value)> = span
        .attributes()
        .filter(|(key, value)| !is_said(span, key, value))
        .collect();
    let mut take = |key: &str| {
        let place = rest.iter().position(|(other, _)| *other == key)?;
        Some(rest.remove(place).1)
    };
    let error_type = take(error::TYPE);
    let status = take(life::TOOL_STATUS);
    if let Status::Error { description } = span.status() {
        let error_type = error_type.map(Value::to_string).unwrap_or_default();
        // `error` and `cancelled` say no more than the error does.
        let status = status
            .map(Value::to_string)
            .filter(|status| status != "error" && *status != error_type);
        let mut error = String::from("✗");
        for part in [status.as_deref(), Some(&error_type)].into_iter().flatten() {
            let _ = write!(error, " {}", Shown(part));
        }
        if !description.is_empty() {
            let _ = write!(error, ": {}", Shown(description));
        }
        line.push("  ");
        line.paint(Style::Red, error);
    } else if let Some(status) = status {
        line.push("  ");
        line.paint(Style::Green, Shown(&status.to_string()));
    }
    if let Some(tokens) = tokens(&mut take) {
        line.push("  ");
        line.push(tokens);
    }
    if let Some(Value::Texts(reasons)) = take(gen_ai::RESPONSE_FINISH_REASONS) {
        line.push("  ");
        let reasons: Vec<String> = reasons
            .iter()
            .map(|reason| Shown(reason.as_str()).to_string())
            .collect();
        line.push(reasons.join(","));
    }
    if let Some(Value::Double(seconds)) = take(gen_ai::RESPONSE_TIME_TO_FIRST_CHUNK)
        && let Ok(first) = Duration::try_from_secs_f64(*seconds)
    {
        line.push(format_args!("  first chunk {}", readable(first)));
    }
    if let Some(budget) = budget(&mut take) {
        line.push(format_args!("  budget {budget}"));
    }
    if let (Some(from), Some(to)) = (take(life::MODE_FROM), take(life::MODE_TO)) {
        line.push("  mode ");
        line.paint(Style::Yellow, format_args!("{from}→{to}"));
    } else if let Some(mode) = take(life::OPERATING_MODE) {
        line.push(format_args!("  mode {}", Shown(&mode.to_string())));
    }
    let mut space = "  ";
    if let Some(provider) = take(gen_ai::PROVIDER_NAME) {
        line.push(format_args!("{space}{}", Shown(&provider.to_string())));
        space = " ";
    }
    for (key, value) in rest {
        line.push(space);
        line.attribute(short(key), &shown(value));
        space = " ";
    }
}

/// Whether the name or the type of the span, or another attribute, says the same.
fn is_said(span: &EndedSpan<'_>, key: &str, value: &Value) -> bool {
    let named = |part: &NamePart| matches!(part, NamePart::Key(other) if *other == key);
    if span.definition().name.iter().any(named) {
        return true;
    }
    span.definition().field(key).is_some_and(|field| {
        let filled = field.attribute.filled_from;
        field.constant.is_some()
            || filled
                .and_then(|from| span.attribute(from))
                .is_some_and(|from| from == value)
    })
}

/// `1200→85 tokens [800 cached]`
fn tokens<'a>(take: &mut impl FnMut(&str) -> Option<&'a Value>) -> Option<String> {
    let input = take(gen_ai::USAGE_INPUT_TOKENS);
    let output = take(gen_ai::USAGE_OUTPUT_TOKENS);
    let of_these: Vec<String> = [
        (gen_ai::USAGE_CACHE_READ_INPUT_TOKENS, "cached"),
        (gen_ai::USAGE_CACHE_CREATION_INPUT_TOKENS, "to cache"),
        (gen_ai::USAGE_REASONING_OUTPUT_TOKENS, "reasoning"),
    ]
    .into_iter()
    .filter_map(|(key, word)| Some(format!("{} {word}", take(key)?)))
    .collect();
    let mut tokens = match (input, output) {
        (Some(input), Some(output)) => format!("{input}→{output} tokens"),
        (Some(input), None) => format!("{input} tokens in"),
        (None, Some(output)) => format!("{output} tokens out"),
        (None, None) if of_these.is_empty() => return None,
        (None, None) => "tokens".to_owned(),
    };
    if !of_these.is_empty() {
        let _ = write!(tokens, " [{}]", of_these.join(", "));
    }
    Some(tokens)
}

/// `98500 tokens, $4.20, 30.0s, 12 calls`
fn budget<'a>(take: &mut impl FnMut(&str) -> Option<&'a Value>) -> Option<String> {
    let tokens = take(life::BUDGET_TOKENS_REMAINING).map(|tokens| format!("{tokens} tokens"));
    let cost = take(life::BUDGET_COST_REMAINING_USD).map(|cost| match cost {
        Value::Double(cost) => dollars(*cost),
        cost => format!("${cost}"),
    });
    let time = take(life::BUDGET_TIME_REMAINING_MS).map(|time| match time {
        Value::Int(time) => u64::try_from(*time).map_or_else(
            |_| format!("{time}ms"),
            |time| readable(Duration::from_millis(time)),
        ),
        time => time.to_string(),
    });
    let calls = take(life::BUDGET_TOOL_CALLS_REMAINING).map(|calls| format!("{calls} calls"));
    let parts: Vec<String> = [tokens, cost, time, calls].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// Less than a cent is told in full.
fn dollars(cost: f64) -> String {
    if cost == 0.0 || cost.abs() >= 0.01 {
        format!("${cost:.2}")
    } else {
        format!("${cost}")
    }
}

/// Three digits or so, in the unit that fits: `35µs`, `40.2ms`, `1.25s`, `2m05s`, `1h02m`.
fn readable(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let micros = duration.as_micros();
    // Rounded to what is shown before the unit is chosen, so that nothing is `1000ms`.
    let digits = |value: f64| match value {
        value if value < 9.995 => 2,
        value if value < 99.95 => 1,
        _ => 0,
    };
    if nanos < 1_000 {
        format!("{nanos}ns")
    } else if micros < 1_000 {
        format!("{micros}µs")
    } else if micros < 999_500 {
        let millis = duration.as_secs_f64() * 1e3;
        format!("{millis:.*}ms", digits(millis))
    } else if duration.as_millis() < 59_950 {
        let seconds = duration.as_secs_f64();
        format!("{seconds:.*}s", digits(seconds))
    } else {
        let seconds = (duration.as_millis() + 500) / 1_000;
        let minutes = seconds / 60;
        if minutes < 60 {
            format!("{minutes}m{:02}s", seconds % 60)
        } else {
            format!("{}h{:02}m", minutes / 60, minutes % 60)
        }
    }
}

/// A key without what everybody knows: `gen_ai.request.max_tokens` is `max_tokens`.
fn short(key: &str) -> &str {
    let Some((namespace, rest)) = key.split_once('.') else {
        return key;
    };
    let ours = matches!(
        namespace,
        "gen_ai" | "life" | "autonomic" | "lago" | "vigil"
    );
    if !ours {
        return key;
    }
    match rest.split_once('.') {
        Some(("request" | "state", last)) => last,
        _ => rest,
    }
}

fn shown(value: &Value) -> String {
    fn join<T>(values: &[T], show: impl Fn(&T) -> String) -> String {
        let values: Vec<String> = values.iter().map(show).collect();
        format!("[{}]", values.join(","))
    }
    match value {
        Value::Text(text) => text.as_str().to_owned(),
        Value::Texts(texts) => join(texts, |text| text.as_str().to_owned()),
        Value::Bools(values) => join(values, bool::to_string),
        Value::Ints(values) => join(values, i64::to_string),
        Value::Doubles(values) => join(values, f64::to_string),
        value => value.to_string(),
    }
}

/// A line, while it is written.
struct Line<'a> {
    line: &'a mut String,
    color: bool,
}

#[derive(Clone, Copy)]
enum Style {
    Bold,
    Cyan,
    Dim,
    Green,
    Red,
    RedBold,
    Yellow,
}

impl Line<'_> {
    fn push(&mut self, text: impl fmt::Display) {
        let _ = write!(self.line, "{text}");
    }

    fn paint(&mut self, style: Style, text: impl fmt::Display) {
        if !self.color {
            return self.push(text);
        }
        let code = match style {
            Style::Bold => "1",
            Style::Cyan => "36",
            Style::Dim => "2",
            Style::Green => "32",
            Style::Red => "31",
            Style::RedBold => "1;31",
            Style::Yellow => "33",
        };
        let _ = write!(self.line, "\x1b[{code}m{text}\x1b[0m");
    }

    /// The time, and a mark for each span above.
    fn place(&mut self, now: SystemTime, depth: usize) {
        let mut head = String::with_capacity(32);
        time::of_day(&mut head, now);
        head.push(' ');
        for _ in 0..depth {
            head.push_str("│ ");
        }
        self.paint(Style::Dim, head);
    }

    fn attribute(&mut self, name: &str, value: &str) {
        self.paint(Style::Dim, format_args!("{name}="));
        let bare = !value.is_empty()
            && !value.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '='));
        if bare {
            self.push(Shown(value));
        } else {
            self.push(format_args!("\"{}\"", Shown(value)));
        }
    }
}

/// Text in a line: without what would break the line or the terminal, and not more than a line
/// bears.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As many characters have no fewer bytes.
        let is_short = self.0.len() <= VALUE;
        let cut = (!is_short)
            .then(|| self.0.char_indices().nth(VALUE))
            .flatten();
        match cut {
            Some((end, _)) => {
                Plain(&mut *f).write_str(&self.0[..end])?;
                f.write_str("…")
            }
            None => Plain(f).write_str(self.0),
        }
    }
}

/// Writes control characters so that they can be seen and have no effect.
struct Plain<W>(W);

impl<W: Write + ?Sized> Write for Plain<&mut W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Most text is, and that can be seen many bytes at a time.
        let plain = |byte: u8| matches!(byte, 0x20..0x7f);
        if text.bytes().fold(true, |all, byte| all & plain(byte)) {
            return self.0.write_str(text);
        }
        for c in text.chars() {
            if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
                write!(self.0, "{}", c.escape_default())?;
            } else {
                self.0.write_char(c)?;
            }
        }
        Ok(())
    }
}

/// The fields of an event.
#[derive(Default)]
struct Fields {
    message: Option<String>,
    rest: Vec<(&'static str, String)>,
}

impl Fields {
    fn of(&self, typed: bool, key: &str) -> Option<&str> {
        let mut named = self.rest.iter().filter(|(name, _)| typed && *name == key);
        named.next().map(|(_, value)| value.as_str())
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == text::MESSAGE {
            self.message = Some(value.to_owned());
        } else {
            self.rest.push((text::name(field), value.to_owned()));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits_and_the_unit_that_fits() {
        for (nanos, expected) in [
            (0, "0ns"),
            (999, "999ns"),
            (35_400, "35µs"),
            (999_999, "999µs"),
            (1_000_000, "1.00ms"),
            (40_250_000, "40.2ms"),
            (99_960_000, "100ms"),
            (999_400_000, "999ms"),
            (999_600_000, "1.00s"),
            (1_250_000_000, "1.25s"),
            (59_900_000_000, "59.9s"),
            (59_970_000_000, "1m00s"),
            (125_000_000_000, "2m05s"),
            (3_725_000_000_000, "1h02m"),
        ] {
            assert_eq!(readable(Duration::from_nanos(nanos)), expected);
        }
    }

    #[test]
    fn keys_lose_what_everybody_knows() {
        for (key, expected) in [
            ("gen_ai.request.max_tokens", "max_tokens"),
            ("gen_ai.response.id", "response.id"),
            ("life.session_id", "session_id"),
            ("life.state.progress", "progress"),
            ("server.address", "server.address"),
            ("acme.order.id", "acme.order.id"),
            ("plain", "plain"),
        ] {
            assert_eq!(short(key), expected);
        }
    }

    #[test]
    fn what_is_shown_can_neither_break_the_line_nor_fill_the_screen() {
        assert_eq!(Shown("a\nb\u{1b}[31m").to_string(), "a\\nb\\u{1b}[31m");
        let long = "ü".repeat(500);
        assert_eq!(Shown(&long).to_string().chars().count(), VALUE + 1);
    }
}
