//! Lines for machines.

use std::fmt::{self, Debug, Write};
use std::time::SystemTime;

use opentelemetry::trace::{SpanContext, Status};
use tracing::Event;
use tracing::field::{Field, Visit};

use super::context::Around;
use super::metrics::{Amount, Measured, Point};
use super::{LEVEL, METRICS, TARGET, text, time};
use crate::carrier::{EndedSpan, Value};
use crate::content::is_structure;
use crate::semconv::error;

/// The line of a log event.
pub(super) fn event(line: &mut String, now: SystemTime, event: &Event<'_>, around: &Around) {
    let metadata = event.metadata();
    let mut object = Object::start(line);
    head(
        &mut object,
        now,
        metadata.level().as_str(),
        metadata.target(),
    );
    let mut fields = Fields {
        // The carrier, which alone has arrays, gives them as text.
        arrays: metadata.target() == TARGET,
        ..Fields::default()
    };
    event.record(&mut text::Shown(&mut fields));
    if let Some(message) = &fields.message {
        object.string("message", message);
    }
    if !fields.json.is_empty() {
        object.key("fields");
        object.line.push('{');
        object.line.push_str(&fields.json);
        object.line.push('}');
    }
    if let Some(span) = around.span {
        object.string("span", span);
    }
    ids(&mut object, around.ids.as_ref());
    object.end();
}

/// The line of a typed span.
pub(super) fn span(line: &mut String, now: SystemTime, span: &EndedSpan<'_>) {
    let mut object = Object::start(line);
    head(&mut object, now, LEVEL.as_str(), TARGET);
    object.string("event", "span");
    object.string("name", &span.name());
    object.key("duration_ms");
    let nanos = span.duration().as_nanos();
    let _ = write!(
        object.line,
        "{}.{:06}",
        nanos / 1_000_000,
        nanos % 1_000_000
    );
    if let Status::Error { description } = span.status() {
        object.string("status", "error");
        if let Some(error_type) = span.attribute(error::TYPE) {
            object.key("error.type");
            value(object.line, error_type);
        }
        if !description.is_empty() {
            object.string("error.message", description);
        }
    } else {
        object.string("status", "ok");
    }
    object.key("attributes");
    let mut attributes = Object::start(object.line);
    for (key, attribute) in span.attributes() {
        attributes.key(key);
        value(attributes.line, attribute);
    }
    for (key, attribute) in span.inherited() {
        attributes.key(key);
        value(attributes.line, attribute);
    }
    attributes.end();
    ids(&mut object, span.span_context().as_ref());
    if let Some(parent) = span.parent_span_id() {
        object.hex("parent_span_id", &parent.to_bytes());
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
            display(object.line, count);
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
    object.key("timestamp");
    object.line.push('"');
    time::rfc3339(object.line, now);
    object.line.push('"');
    object.string("level", level);
    object.string("target", target);
}

fn ids(object: &mut Object<'_>, ids: Option<&SpanContext>) {
    if let Some(ids) = ids {
        object.hex("trace_id", &ids.trace_id().to_bytes());
        object.hex("span_id", &ids.span_id().to_bytes());
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

    fn key(&mut self, key: &str) {
        if !std::mem::take(&mut self.first) {
            self.line.push(',');
        }
        string(self.line, key);
        self.line.push(':');
    }

    fn string(&mut self, key: &str, value: &str) {
        self.key(key);
        string(self.line, value);
    }

    fn hex(&mut self, key: &str, bytes: &[u8]) {
        self.key(key);
        self.line.push('"');
        for byte in bytes {
            for digit in [byte >> 4, byte & 15] {
                self.line
                    .push(char::from(b"0123456789abcdef"[usize::from(digit)]));
            }
        }
        self.line.push('"');
    }

    fn amount(&mut self, key: &str, amount: Amount) {
        self.key(key);
        match amount {
            Amount::Int(amount) => display(self.line, amount),
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
        Value::Bool(value) => display(line, value),
        Value::I64(value) => display(line, value),
        Value::F64(value) => double(line, *value),
        Value::Array(values) => match values {
            Array::Bool(values) => array(line, values, |line, value| display(line, value)),
            Array::I64(values) => array(line, values, |line, value| display(line, value)),
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
        Value::Bool(value) => display(line, value),
        Value::Int(value) => display(line, value),
        Value::Double(value) => double(line, *value),
        Value::Text(value) => string(line, value.as_str()),
        Value::Bools(values) => array(line, values, |line, value| display(line, value)),
        Value::Ints(values) => array(line, values, |line, value| display(line, value)),
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

fn display(line: &mut String, value: impl fmt::Display) {
    let _ = write!(line, "{value}");
}

/// JSON has no infinities, and nothing that is no number.
pub(crate) fn double(line: &mut String, value: f64) {
    if value.is_finite() {
        // Debug keeps very large and small numbers short.
        let _ = write!(line, "{value:?}");
    } else {
        line.push_str("null");
    }
}

/// A string in its quotes.
pub(crate) fn string(line: &mut String, value: &str) {
    line.push('"');
    let _ = Escaped(line).write_str(value);
    line.push('"');
}

/// Writes what stands between the quotes of a string.
struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Most text is plain, and that can be seen many bytes at a time.
        let plain = |byte: u8| !matches!(byte, 0..0x20 | b'"' | b'\\' | 0x7f..);
        if text.bytes().fold(true, |all, byte| all & plain(byte)) {
            self.0.push_str(text);
            return Ok(());
        }
        let mut rest = text;
        while let Some(place) = rest.find(|c: char| c.is_control() || matches!(c, '"' | '\\')) {
            let (plain, from) = rest.split_at(place);
            self.0.push_str(plain);
            let mut chars = from.chars();
            match chars.next() {
                Some('"') => self.0.push_str("\\\""),
                Some('\\') => self.0.push_str("\\\\"),
                Some('\n') => self.0.push_str("\\n"),
                Some('\r') => self.0.push_str("\\r"),
                Some('\t') => self.0.push_str("\\t"),
                Some(control) => write!(self.0, "\\u{:04x}", u32::from(control))?,
                None => {}
            }
            rest = chars.as_str();
        }
        self.0.push_str(rest);
        Ok(())
    }
}

/// The fields of an event.
#[derive(Default)]
struct Fields {
    message: Option<String>,
    json: String,
    arrays: bool,
}

impl Fields {
    fn key(&mut self, field: &Field) -> &mut String {
        if !self.json.is_empty() {
            self.json.push(',');
        }
        string(&mut self.json, text::name(field));
        self.json.push(':');
        &mut self.json
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        double(self.key(field), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        display(self.key(field), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        display(self.key(field), value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        display(self.key(field), value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        display(self.key(field), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        display(self.key(field), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == text::MESSAGE {
            self.message = Some(value.to_owned());
        } else {
            string(self.key(field), value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == text::MESSAGE {
            self.message = Some(format!("{value:?}"));
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

    fn escaped(text: &str) -> String {
        let mut line = String::new();
        string(&mut line, text);
        line
    }

    #[test]
    fn strings_are_escaped_as_json_asks() {
        assert_eq!(escaped("plain ü 漢 🦀"), "\"plain ü 漢 🦀\"");
        assert_eq!(escaped("a\"b\\c"), r#""a\"b\\c""#);
        assert_eq!(escaped("\n\r\t"), r#""\n\r\t""#);
        assert_eq!(
            escaped("\0\u{1b}\u{7f}\u{85}"),
            r#""\u0000\u001b\u007f\u0085""#
        );
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
