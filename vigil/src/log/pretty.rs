//! Lines for people.

mod metrics;
mod span;

use std::fmt::{Debug, Write};
use std::ops::Range;
use std::time::{Duration, SystemTime};

use tracing::field::{Field, Visit};
use tracing::{Event, Level};

use super::output::Buffers;
use super::{TARGET, number, text, time};
use crate::carrier::Value;
use crate::semconv::life;

pub(super) use metrics::metrics;
pub(super) use span::span;

/// How much of a value is shown.
const VALUE: usize = 80;

/// The line of a log event that stands so far down the tree.
pub(super) fn event(
    buffers: &mut Buffers,
    now: SystemTime,
    event: &Event<'_>,
    depth: usize,
    color: bool,
) {
    let metadata = event.metadata();
    let Buffers { line, aside } = buffers;
    let mut line = Line { text: line, color };
    line.place(now, depth);
    let typed = metadata.target() == TARGET;
    if typed && *metadata.level() == Level::INFO {
        line.paint(Style::Cyan, |text| text.push('•'));
    } else {
        let style = match *metadata.level() {
            Level::ERROR => Style::Red,
            Level::WARN => Style::Yellow,
            Level::INFO => Style::Green,
            _ => Style::Dim,
        };
        line.paint(style, |text| text.push_str(metadata.level().as_str()));
        line.text.push(' ');
        line.paint(Style::Dim, |text| {
            text.push_str(metadata.target());
            text.push(':');
        });
    }
    let mut fields = Fields {
        message: line.text.len(),
        line,
        rest: Line { text: aside, color },
        typed,
        from: None,
        to: None,
    };
    event.record(&mut text::Shown(&mut fields));
    let Fields {
        line,
        rest,
        from,
        to,
        ..
    } = fields;
    let mut rest = rest.text.as_str();
    if let Some((from, to)) = from.zip(to) {
        line.text.push_str("  ");
        line.text.push_str(&rest[from.value]);
        line.text.push('→');
        line.text.push_str(&rest[to.value]);
        // They are not said twice.
        let (first, last) = if from.field.start < to.field.start {
            (from.field, to.field)
        } else {
            (to.field, from.field)
        };
        line.text.push_str(&rest[..first.start]);
        line.text.push_str(&rest[first.end..last.start]);
        rest = &rest[last.end..];
    }
    line.text.push_str(rest);
}

/// Less than a cent is told in full.
fn dollars(line: &mut String, cost: f64) {
    line.push('$');
    if cost != 0.0 && cost.abs() < 0.01 {
        return number::plain_double(line, cost);
    }
    let cents = cost.abs() * 100.0;
    let is_between = (cents.fract() - 0.5).abs() < 1e-4;
    if is_between || !(0.5..1e9).contains(&cents) {
        let _ = write!(line, "{cost:.2}");
        return;
    }
    if cost < 0.0 {
        line.push('-');
    }
    // Whole, and far below what fits.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    decimal(line, cents.round() as u64, 2);
}

/// Three digits or so, in the unit that fits: `35µs`, `40.2ms`, `1.25s`, `2m05s`, `1h02m`.
fn readable(line: &mut String, duration: Duration) {
    const MICRO: u64 = 1_000;
    const MILLI: u64 = 1_000_000;
    const SECOND: u64 = 1_000_000_000;

    // Half a millennium is long enough.
    let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    // Rounded to what is shown before the unit is chosen, so that nothing is `1000ms`.
    let rounded = |line: &mut String, unit: u64| {
        let (places, step) = match nanos {
            nanos if nanos < unit / 1_000 * 9_995 => (2, unit / 100),
            nanos if nanos < unit / 1_000 * 99_950 => (1, unit / 10),
            _ => (0, unit),
        };
        let (whole, rest) = (nanos / step, nanos % step);
        let is_up = 2 * rest > step || (2 * rest == step && whole % 2 == 1);
        decimal(line, whole + u64::from(is_up), places);
    };
    if nanos < MICRO {
        number::int(line, nanos);
        line.push_str("ns");
    } else if nanos < MILLI {
        number::int(line, nanos / MICRO);
        line.push_str("µs");
    } else if nanos < 999_500 * MICRO {
        rounded(line, MILLI);
        line.push_str("ms");
    } else if nanos < 59_950 * MILLI {
        rounded(line, SECOND);
        line.push('s');
    } else {
        let seconds = (nanos / MILLI).saturating_add(500) / 1_000;
        let minutes = seconds / 60;
        let _ = if minutes < 60 {
            write!(line, "{minutes}m{:02}s", seconds % 60)
        } else {
            write!(line, "{}h{:02}m", minutes / 60, minutes % 60)
        };
    }
}

/// So many of the number's digits stand behind the point: none, one or two.
fn decimal(line: &mut String, number: u64, places: u32) {
    let unit = 10_u64.pow(places);
    number::int(line, number / unit);
    let rest = u32::try_from(number % unit).unwrap_or_default();
    match places {
        0 => {}
        1 => {
            line.push('.');
            number::digits::<1>(line, rest);
        }
        _ => {
            line.push('.');
            number::digits::<2>(line, rest);
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

/// A value as it reads without quotes around texts.
fn value(line: &mut String, value: &Value) {
    fn join<T>(line: &mut String, values: &[T], show: impl Fn(&mut String, &T)) {
        line.push('[');
        for (place, value) in values.iter().enumerate() {
            if place > 0 {
                line.push(',');
            }
            show(line, value);
        }
        line.push(']');
    }
    let bool = |line: &mut String, value: &bool| line.push_str(text::bool(*value));
    match value {
        Value::Bool(value) => bool(line, value),
        Value::Int(value) => number::int(line, *value),
        Value::Double(value) => number::plain_double(line, *value),
        Value::Text(text) => line.push_str(text.as_str()),
        Value::Bools(values) => join(line, values, bool),
        Value::Ints(values) => join(line, values, |line, value| number::int(line, *value)),
        Value::Doubles(values) => join(line, values, |line, value| {
            number::plain_double(line, *value);
        }),
        Value::Texts(texts) => join(line, texts, |line, text| line.push_str(text.as_str())),
        Value::Any(value) => value.write(line),
    }
}

/// A line, while it is written.
struct Line<'a> {
    text: &'a mut String,
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
    fn paint(&mut self, style: Style, write: impl FnOnce(&mut String)) {
        if !self.color {
            return write(self.text);
        }
        self.text.push_str(match style {
            Style::Bold => "\x1b[1m",
            Style::Cyan => "\x1b[36m",
            Style::Dim => "\x1b[2m",
            Style::Green => "\x1b[32m",
            Style::Red => "\x1b[31m",
            Style::RedBold => "\x1b[1;31m",
            Style::Yellow => "\x1b[33m",
        });
        write(self.text);
        self.text.push_str("\x1b[0m");
    }

    /// The time, and a mark for each span above.
    fn place(&mut self, now: SystemTime, depth: usize) {
        self.paint(Style::Dim, |text| {
            time::of_day(text, now);
            text.push(' ');
            for _ in 0..depth {
                text.push_str("│ ");
            }
        });
    }

    fn name(&mut self, name: &str) {
        self.paint(Style::Dim, |text| {
            text.push_str(name);
            text.push('=');
        });
    }

    /// An attribute, and where its value stands, quotes apart.
    fn attribute(&mut self, name: &str, value: &str) -> Range<usize> {
        self.name(name);
        self.quoted(value)
    }

    /// A value, in quotes where one could not see else where it ends.
    fn quoted(&mut self, value: &str) -> Range<usize> {
        let quotes = !is_bare(value);
        if quotes {
            self.text.push('"');
        }
        let start = self.text.len();
        shown(self.text, value);
        let end = self.text.len();
        if quotes {
            self.text.push('"');
        }
        start..end
    }

    /// An attribute whose value `write` writes.
    fn attribute_of(&mut self, name: &str, write: impl FnOnce(&mut String)) -> Range<usize> {
        self.name(name);
        let start = self.text.len();
        write(self.text);
        let value = &self.text[start..];
        if value.len() <= VALUE && is_plain(value) && is_bare(value) {
            return start..self.text.len();
        }
        let value = self.text.split_off(start);
        self.quoted(&value)
    }
}

/// Whether one sees where the value ends.
fn is_bare(value: &str) -> bool {
    let plain = |byte: u8| matches!(byte, b'!' | b'#'..=b'<' | b'>'..=b'~');
    if value.bytes().all(plain) {
        return !value.is_empty();
    }
    !value.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '='))
}

/// Text in a line: without what would break the line or the terminal, and not more than a line
/// bears.
fn shown(line: &mut String, text: &str) {
    // As many characters have no fewer bytes.
    let is_short = text.len() <= VALUE;
    let cut = (!is_short)
        .then(|| text.char_indices().nth(VALUE))
        .flatten();
    match cut {
        Some((end, _)) => {
            plain(line, &text[..end]);
            line.push('…');
        }
        None => plain(line, text),
    }
}

/// Text whose control characters can be seen and have no effect.
fn plain(line: &mut String, text: &str) {
    // Most text is, and that can be seen many bytes at a time.
    if is_plain(text) {
        return line.push_str(text);
    }
    for c in text.chars() {
        if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
}

/// Whether it has characters of ASCII alone that can be seen.
fn is_plain(text: &str) -> bool {
    let plain = |byte: u8| matches!(byte, 0x20..0x7f);
    text.bytes().fold(true, |all, byte| all & plain(byte))
}

/// Writes with [`plain`].
struct Plain<'a>(&'a mut String);

impl Write for Plain<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        plain(self.0, text);
        Ok(())
    }
}

/// The fields of an event: the message in the line, the rest aside, as it may be met before.
struct Fields<'a> {
    line: Line<'a>,
    /// Where the message begins.
    message: usize,
    rest: Line<'a>,
    typed: bool,
    /// The mode before and after.
    from: Option<Part>,
    to: Option<Part>,
}

/// Where a field stands, and its value.
struct Part {
    field: Range<usize>,
    value: Range<usize>,
}

impl Fields<'_> {
    fn message(&mut self) -> &mut String {
        // Of several the last counts.
        self.line.text.truncate(self.message);
        self.line.text.push(' ');
        self.line.text
    }

    fn put(&mut self, field: &Field, write: impl FnOnce(&mut Line<'_>, &str) -> Range<usize>) {
        let name = text::name(field);
        let start = self.rest.text.len();
        self.rest.text.push(' ');
        if !self.typed {
            write(&mut self.rest, name);
            return;
        }
        let value = write(&mut self.rest, short(name));
        let field = start..self.rest.text.len();
        let part = Some(Part { field, value });
        match name {
            life::MODE_FROM => self.from = part,
            life::MODE_TO => self.to = part,
            _ => {}
        }
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, |rest, name| {
            rest.attribute_of(name, |text| number::double(text, value))
        });
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, |rest, name| {
            rest.attribute_of(name, |text| number::int(text, value))
        });
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, |rest, name| {
            rest.attribute_of(name, |text| number::int(text, value))
        });
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == text::MESSAGE {
            plain(self.message(), value);
        } else {
            self.put(field, |rest, name| rest.attribute(name, value));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == text::MESSAGE {
            let _ = write!(Plain(self.message()), "{value:?}");
        } else {
            self.put(field, |rest, name| {
                rest.attribute_of(name, |text| {
                    let _ = write!(text, "{value:?}");
                })
            });
        }
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
            (9_994_999, "9.99ms"),
            (9_995_000, "10.0ms"),
            (1_250_000_000, "1.25s"),
            (59_900_000_000, "59.9s"),
            (59_970_000_000, "1m00s"),
            (125_000_000_000, "2m05s"),
            (3_725_000_000_000, "1h02m"),
        ] {
            let mut text = String::new();
            readable(&mut text, Duration::from_nanos(nanos));
            assert_eq!(text, expected);
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
        let shown = |text: &str| {
            let mut line = String::new();
            shown(&mut line, text);
            line
        };
        assert_eq!(shown("a\nb\u{1b}[31m"), "a\\nb\\u{1b}[31m");
        assert_eq!(shown(&"ü".repeat(500)).chars().count(), VALUE + 1);
        assert_eq!(shown(&"u".repeat(500)).chars().count(), VALUE + 1);
    }

    #[test]
    fn dollars_are_rounded_as_the_standard_library_does() {
        for cost in [
            0.0,
            4.2,
            4.755,
            1.115,
            1.005,
            0.125,
            0.135,
            99.995,
            0.01,
            -4.25,
            -0.5,
            1e12,
            123_456.785,
        ] {
            let mut text = String::new();
            dollars(&mut text, cost);
            assert_eq!(text, format!("${cost:.2}"));
        }
        let mut text = String::new();
        dollars(&mut text, 0.004);
        assert_eq!(text, "$0.004");
    }
}
