//! Lines for machines.

use std::fmt::{self, Debug, Write};
use std::time::SystemTime;

use opentelemetry::trace::{SpanContext, Status};
use tracing::Event;
use tracing::field::{Field, Visit};

use super::metrics::{Amount, Measured, Point};
use super::output::Buffers;
use super::{LEVEL, METRICS, TARGET, number, text, time};
use crate::carrier::{EndedSpan, Value};
use crate::content::is_structure;
use crate::semconv::error;

/// The line of a log event, in the span of that name and with those ids.
pub(super) fn event(
    buffers: &mut Buffers,
    now: SystemTime,
    event: &Event<'_>,
    span: Option<&str>,
    span_context: Option<&SpanContext>,
) {
    let metadata = event.metadata();
    let Buffers { line, aside } = buffers;
    let mut object = Object::start(line);
    head(
        &mut object,
        now,
        metadata.level().as_str(),
        metadata.target(),
    );
    let mut fields = Fields {
        message: object.line.len(),
        line: object.line,
        json: aside,
        // The carrier, which alone has arrays, gives them as text.
        arrays: metadata.target() == TARGET,
    };
    event.record(&mut text::Shown(&mut fields));
    if !aside.is_empty() {
        object.key("fields");
        object.line.push('{');
        object.line.push_str(aside);
        object.line.push('}');
    }
    if let Some(span) = span {
        object.string("span", span);
    }
    ids(&mut object, span_context);
    object.end();
}

/// The line of a typed span.
pub(super) fn span(buffers: &mut Buffers, now: SystemTime, span: &EndedSpan<'_>) {
    let Buffers { line, aside } = buffers;
    let mut object = Object::start(line);
    head(&mut object, now, LEVEL.as_str(), TARGET);
    object.line.push_str(r#","event":"span","name":"#);
    span.write_name(aside);
    string(object.line, aside);
    object.line.push_str(r#","duration_ms":"#);
    let duration = span.duration();
    let millis = u128::from(duration.as_secs()) * 1_000 + u128::from(duration.subsec_millis());
    match u64::try_from(millis) {
        Ok(millis) => number::int(object.line, millis),
        Err(_) => number::int(object.line, millis),
    }
    object.line.push('.');
    number::digits::<6>(object.line, duration.subsec_nanos() % 1_000_000);
    if let Status::Error { description } = span.status() {
        object.line.push_str(r#","status":"error""#);
        if let Some(error_type) = span.attribute(error::TYPE) {
            object.key("error.type");
            value(object.line, error_type);
        }
        if !description.is_empty() {
            object.string("error.message", description);
        }
    } else {
        object.line.push_str(r#","status":"ok""#);
    }
    object.line.push_str(r#","attributes":"#);
    let mut attributes = Object::start(object.line);
    for (key, attribute) in span.attributes() {
        attributes.key(key);
        value(attributes.line, attribute);
    }
    for (key, attribute) in span.undeclared() {
        attributes.key(key);
        value(attributes.line, &attribute);
    }
    match span.inherited_whole() {
        Some(inherited) => attributes.members(inherited.text(|text, entries| {
            let mut attributes = Object::within(text);
            for (key, attribute) in entries {
                attributes.key(key);
                value(attributes.line, attribute);
            }
        })),
        None => {
            for (key, attribute) in span.inherited() {
                attributes.key(key);
                value(attributes.line, attribute);
            }
        }
    }
    attributes.end();
    ids(&mut object, span.span_context().as_ref());
    if let Some(parent) = span.parent_span_id() {
        let mut text = *br#","parent_span_id":"................""#;
        hex(&mut text[19..35], &parent.to_bytes());
        object.line.push_str(number::ascii(&text));
    }
    object.end();
}

/// The line of a metric's data point.
pub(super) fn metric(line: &mut String, now: SystemTime, point: &Point) {
    let mut object = Object::start(line);
    head(&mut object, now, LEVEL.as_str(), METRICS);
    object.string("event", "metric");
    object.string("name", &point.name);
    object.string("kind", point.kind.as_str());
    object.string("unit", &point.unit);
    object.key("attributes");
    let mut attributes = Object::start(object.line);
    for attribute in &point.attributes {
        attributes.key(attribute.key.as_str());
        foreign(attributes.line, &attribute.value);
    }
    attributes.end();
    match point.measured {
        Measured::Value(value) => object.amount("value", value),
        Measured::Distribution {
            count,
            sum,
            min,
            max,
        } => {
            object.key("count");
            number::int(object.line, count);
            object.amount("sum", sum);
            for (key, bound) in [("min", min), ("max", max)] {
                if let Some(bound) = bound {
                    object.amount(key, bound);
                }
            }
        }
    }
    object.end();
}

fn head(object: &mut Object<'_>, now: SystemTime, level: &str, target: &str) {
    object.line.push_str(r#""timestamp":""#);
    time::rfc3339(object.line, now);
    object.line.push_str(r#"","level":""#);
    object.line.push_str(level);
    object.line.push_str(r#"","target":"#);
    string(object.line, target);
    object.first = false;
}

fn ids(object: &mut Object<'_>, ids: Option<&SpanContext>) {
    if let Some(ids) = ids {
        let mut text =
            *br#","trace_id":"................................","span_id":"................""#;
        hex(&mut text[13..45], &ids.trace_id().to_bytes());
        hex(&mut text[58..74], &ids.span_id().to_bytes());
        object.line.push_str(number::ascii(&text));
    }
}

/// Bytes, in twice as many digits.
fn hex(text: &mut [u8], bytes: &[u8]) {
    const DIGITS: [[u8; 2]; 256] = {
        let mut digits = [[0; 2]; 256];
        let mut byte = 0;
        while byte < 256 {
            digits[byte] = [
                b"0123456789abcdef"[byte >> 4],
                b"0123456789abcdef"[byte & 15],
            ];
            byte += 1;
        }
        digits
    };
    let (pairs, _) = text.as_chunks_mut::<2>();
    for (pair, byte) in pairs.iter_mut().zip(bytes) {
        *pair = DIGITS[usize::from(*byte)];
    }
}

/// An object, while it is written.
struct Object<'a> {
    line: &'a mut String,
    first: bool,
}

impl<'a> Object<'a> {
    fn start(line: &'a mut String) -> Self {
        line.push('{');
        Self { line, first: true }
    }

    /// Its members alone.
    fn within(line: &'a mut String) -> Self {
        Self { line, first: true }
    }

    fn key(&mut self, key: &str) {
        self.line.reserve(key.len() + 4);
        if !std::mem::take(&mut self.first) {
            self.line.push(',');
        }
        string(self.line, key);
        self.line.push(':');
    }

    /// Members that are written already.
    fn members(&mut self, members: &str) {
        if !members.is_empty() {
            if !std::mem::take(&mut self.first) {
                self.line.push(',');
            }
            self.line.push_str(members);
        }
    }

    fn string(&mut self, key: &str, value: &str) {
        self.key(key);
        string(self.line, value);
    }

    fn amount(&mut self, key: &str, amount: Amount) {
        self.key(key);
        match amount {
            Amount::Int(amount) => number::int(self.line, amount),
            Amount::Double(amount) => double(self.line, amount),
        }
    }

    fn end(self) {
        self.line.push('}');
    }
}

/// A value that is OpenTelemetry's, not the carrier's.
fn foreign(line: &mut String, value: &opentelemetry::Value) {
    use opentelemetry::{Array, Value};
    match value {
        Value::Bool(value) => line.push_str(text::bool(*value)),
        Value::I64(value) => number::int(line, *value),
        Value::F64(value) => double(line, *value),
        Value::Array(values) => match values {
            Array::Bool(values) => {
                array(line, values, |line, value| {
                    line.push_str(text::bool(*value));
                });
            }
            Array::I64(values) => array(line, values, |line, value| number::int(line, *value)),
            Array::F64(values) => array(line, values, |line, value| double(line, *value)),
            Array::String(values) => {
                array(line, values, |line, value| string(line, value.as_str()));
            }
            // Whatever else there may be one day.
            _ => string(line, &value.as_str()),
        },
        _ => string(line, &value.as_str()),
    }
}

fn value(line: &mut String, value: &Value) {
    match value {
        Value::Bool(value) => line.push_str(text::bool(*value)),
        Value::Int(value) => number::int(line, *value),
        Value::Double(value) => double(line, *value),
        Value::Text(value) => string(line, value.as_str()),
        Value::Bools(values) => array(line, values, |line, value| {
            line.push_str(text::bool(*value));
        }),
        Value::Ints(values) => array(line, values, |line, value| number::int(line, *value)),
        Value::Doubles(values) => array(line, values, |line, value| double(line, *value)),
        Value::Texts(values) => array(line, values, |line, value| string(line, value.as_str())),
        Value::Any(value) => value.write(line),
    }
}

fn array<T>(line: &mut String, values: &[T], element: impl Fn(&mut String, &T)) {
    line.push('[');
    for (place, value) in values.iter().enumerate() {
        if place > 0 {
            line.push(',');
        }
        element(line, value);
    }
    line.push(']');
}

/// JSON has no infinities, and nothing that is no number.
pub(crate) fn double(line: &mut String, value: f64) {
    if value.is_finite() {
        // As Debug has it, which keeps very large and small numbers short.
        number::double(line, value);
    } else {
        line.push_str("null");
    }
}

/// A string in its quotes.
pub(crate) fn string(line: &mut String, value: &str) {
    line.push('"');
    escaped(line, value);
    line.push('"');
}

/// What stands between the quotes of a string.
fn escaped(line: &mut String, text: &str) {
    if is_plain(text.as_bytes()) {
        return line.push_str(text);
    }
    let mut rest = text;
    while let Some(place) = rest.find(|c: char| c.is_control() || matches!(c, '"' | '\\')) {
        let (plain, from) = rest.split_at(place);
        line.push_str(plain);
        let mut chars = from.chars();
        match chars.next() {
            Some('"') => line.push_str("\\\""),
            Some('\\') => line.push_str("\\\\"),
            Some('\n') => line.push_str("\\n"),
            Some('\r') => line.push_str("\\r"),
            Some('\t') => line.push_str("\\t"),
            Some(control) => {
                let _ = write!(line, "\\u{:04x}", u32::from(control));
            }
            None => {}
        }
        rest = chars.as_str();
    }
    line.push_str(rest);
}

/// Whether it is ASCII that needs no escape, as most text is. Eight bytes are looked at a time.
fn is_plain(text: &[u8]) -> bool {
    const EACH: u64 = 0x0101_0101_0101_0101;

    // The high bit of a byte says that it is below, if none of those before it is.
    let below = |word: u64, bound: u8| word.wrapping_sub(EACH * u64::from(bound)) & !word;
    let is = |word: u64, byte: u8| below(word ^ (EACH * u64::from(byte)), 1);
    let is_plain_word = |word: &[u8; 8]| {
        let word = u64::from_le_bytes(*word);
        let is_delete_or_more = word | word.wrapping_add(EACH);
        let found = is_delete_or_more | below(word, b' ') | is(word, b'"') | is(word, b'\\');
        found & (EACH << 7) == 0
    };
    let (words, _) = text.as_chunks::<8>();
    match text.last_chunk::<8>() {
        // The last eight stand for those that are left over.
        Some(last) => words.iter().all(is_plain_word) && is_plain_word(last),
        None => text
            .iter()
            .all(|byte| !matches!(byte, 0..0x20 | b'"' | b'\\' | 0x7f..)),
    }
}

/// Writes with [`escaped`].
struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escaped(self.0, text);
        Ok(())
    }
}

/// The fields of an event: the message in the line, the rest aside, as it may be met before.
struct Fields<'a> {
    line: &'a mut String,
    /// Where the message begins.
    message: usize,
    json: &'a mut String,
    arrays: bool,
}

impl Fields<'_> {
    fn key(&mut self, field: &Field) -> &mut String {
        if !self.json.is_empty() {
            self.json.push(',');
        }
        string(self.json, text::name(field));
        self.json.push(':');
        self.json
    }

    fn message(&mut self, write: impl FnOnce(&mut String)) {
        // Of several the last counts.
        self.line.truncate(self.message);
        self.line.push_str(r#","message":""#);
        write(self.line);
        self.line.push('"');
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        double(self.key(field), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        number::int(self.key(field), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        number::int(self.key(field), value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        number::int(self.key(field), value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        number::int(self.key(field), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.key(field).push_str(text::bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == text::MESSAGE {
            self.message(|line| escaped(line, value));
        } else {
            string(self.key(field), value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == text::MESSAGE {
            self.message(|line| {
                let _ = write!(Escaped(line), "{value:?}");
            });
            return;
        }
        if self.arrays
            && let Some(structure) = structure_of_debug(&format!("{value:?}"))
        {
            self.key(field).push_str(&structure);
            return;
        }
        let json = self.key(field);
        json.push('"');
        let _ = write!(Escaped(json), "{value:?}");
        json.push('"');
    }
}

/// The JSON of what the carrier gives as `Debug`: an array, or a structured value, which is JSON
/// already.
fn structure_of_debug(debug: &str) -> Option<String> {
    array_of_debug(debug).or_else(|| is_structure(debug).then(|| debug.to_owned()))
}

/// The JSON of an array of plain values that Rust's `Debug` has written, if it is one.
fn array_of_debug(debug: &str) -> Option<String> {
    let mut rest = debug.strip_prefix('[')?.strip_suffix(']')?;
    let mut json = String::from("[");
    while !rest.is_empty() {
        if json.len() > 1 {
            json.push(',');
            rest = rest.strip_prefix(", ")?;
        }
        if let Some(quoted) = rest.strip_prefix('"') {
            let (text, after) = unquote(quoted)?;
            string(&mut json, &text);
            rest = after;
        } else {
            let (plain, _) = rest.split_once(',').unwrap_or((rest, ""));
            match plain {
                "true" | "false" => json.push_str(plain),
                "NaN" | "inf" | "-inf" => json.push_str("null"),
                _ => {
                    plain.parse::<f64>().ok()?;
                    json.push_str(plain);
                }
            }
            rest = &rest[plain.len()..];
        }
    }
    json.push(']');
    Some(json)
}

/// What stands before the next quote, as it was before `Debug`, and what stands after it.
fn unquote(quoted: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '"' => return Some((text, chars.as_str())),
            '\\' => match chars.next()? {
                'n' => text.push('\n'),
                'r' => text.push('\r'),
                't' => text.push('\t'),
                '0' => text.push('\0'),
                'u' => {
                    let (code, after) = chars.as_str().strip_prefix('{')?.split_once('}')?;
                    text.push(char::from_u32(u32::from_str_radix(code, 16).ok()?)?);
                    chars = after.chars();
                }
                other => text.push(other),
            },
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(text: &str) -> String {
        let mut line = String::new();
        string(&mut line, text);
        line
    }

    #[test]
    fn strings_are_escaped_as_json_asks() {
        assert_eq!(quoted("plain ü 漢 🦀"), "\"plain ü 漢 🦀\"");
        assert_eq!(quoted("a\"b\\c"), r#""a\"b\\c""#);
        assert_eq!(quoted("\n\r\t"), r#""\n\r\t""#);
        assert_eq!(
            quoted("\0\u{1b}\u{7f}\u{85}"),
            r#""\u0000\u001b\u007f\u0085""#
        );
    }

    #[test]
    fn what_needs_an_escape_is_seen_wherever_it_stands() {
        for length in 1..20 {
            for place in 0..length {
                for byte in 0..=u8::MAX {
                    let mut text = vec![b'a'; length];
                    text[place] = byte;
                    let expected = matches!(byte, b' '..=b'~') && !b"\"\\".contains(&byte);
                    assert_eq!(is_plain(&text), expected, "{text:?}");
                }
            }
        }
        assert!(is_plain(b""));
    }

    #[test]
    fn doubles_are_numbers_or_null() {
        for (value, expected) in [
            (1.0, "1.0"),
            (1e300, "1e300"),
            (-2.5e-9, "-2.5e-9"),
            (f64::NAN, "null"),
            (f64::NEG_INFINITY, "null"),
        ] {
            let mut line = String::new();
            double(&mut line, value);
            assert_eq!(line, expected);
        }
    }

    #[test]
    fn arrays_come_back_from_debug() {
        let array = |debug: &dyn Debug| array_of_debug(&format!("{debug:?}"));
        assert_eq!(array(&[1, -2]).as_deref(), Some("[1,-2]"));
        assert_eq!(array(&[true, false]).as_deref(), Some("[true,false]"));
        assert_eq!(
            array(&[0.5, f64::NAN, f64::INFINITY]).as_deref(),
            Some("[0.5,null,null]")
        );
        assert_eq!(
            array(&["a, \"b\"]", "\u{1b}\n'ü"]).as_deref(),
            Some(r#"["a, \"b\"]","\u001b\n'ü"]"#)
        );
        assert_eq!(array(&Vec::<i64>::new()).as_deref(), Some("[]"));
        assert_eq!(array(&[Some(1)]), None);
        assert_eq!(array(&"text"), None);
    }
}
