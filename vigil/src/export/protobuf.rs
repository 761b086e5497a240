//! Protobuf as it is written: field after field, straight from the SDK's types. Official types in
//! between would cost an allocation for each key and each value.

use opentelemetry::logs::AnyValue;
use opentelemetry::{Array, InstrumentationScope, Key, KeyValue, StringValue, Value};
use opentelemetry_sdk::Resource;

use super::limits::AttributeLimits;

/// A length below this takes one byte.
const SMALL: usize = 1 << 7;

/// Bytes of the longest number.
const LONGEST_VARINT: usize = 10;

/// A message in the making.
pub(super) struct Writer(Vec<u8>);

impl Writer {
    /// One of about so many bytes.
    pub(super) fn of_about(bytes: usize) -> Self {
        // A little more, as growing copies all of it.
        Self(Vec::with_capacity(bytes + bytes / 8))
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    #[inline]
    fn varint(&mut self, value: u64) {
        if value < 0x80 {
            self.0.push(low_bits(value));
        } else {
            self.long_varint(value);
        }
    }

    fn long_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(low_bits(value) | 0x80);
            value >>= 7;
        }
        self.0.push(low_bits(value));
    }

    #[inline]
    fn key(&mut self, field: u32, kind: u32) {
        self.varint(u64::from(field << 3 | kind));
    }

    /// A number, unless it is zero.
    pub(super) fn uint(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.key(field, 0);
            self.varint(value);
        }
    }

    /// A number in eight bytes, unless it is zero.
    pub(super) fn fixed64(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.key(field, 1);
            self.0.extend_from_slice(&value.to_le_bytes());
        }
    }

    /// A number in four bytes, unless it is zero.
    pub(super) fn fixed32(&mut self, field: u32, value: u32) {
        if value != 0 {
            self.key(field, 5);
            self.0.extend_from_slice(&value.to_le_bytes());
        }
    }

    /// Text, unless it is empty.
    pub(super) fn text(&mut self, field: u32, text: &str) {
        self.bytes(field, text.as_bytes());
    }

    /// Bytes, unless there are none.
    pub(super) fn bytes(&mut self, field: u32, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.all_bytes(field, bytes);
        }
    }

    fn all_bytes(&mut self, field: u32, bytes: &[u8]) {
        self.key(field, 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// A message, of about so many bytes: where it turns out to need another length of its length, it
    /// is moved.
    pub(super) fn message(&mut self, field: u32, about: usize, write: impl FnOnce(&mut Self)) {
        self.key(field, 2);
        let reserved = varint_length(about);
        let at = self.0.len();
        self.0.extend_from_slice(&[0; LONGEST_VARINT][..reserved]);
        write(self);
        let length = self.0.len() - at - reserved;
        if reserved == 1 && length < SMALL {
            self.0[at] = low_bits(length as u64);
        } else {
            self.set_length(at, reserved, length);
        }
    }

    /// Puts a length where room for it was reserved.
    fn set_length(&mut self, at: usize, reserved: usize, length: usize) {
        let needed = varint_length(length);
        if needed > reserved {
            self.0.splice(at..at, (reserved..needed).map(|_| 0));
        } else if needed < reserved {
            self.0.drain(at + needed..at + reserved);
        }
        let mut rest = length as u64;
        for place in 0..needed {
            let more = if place + 1 < needed { 0x80 } else { 0 };
            self.0[at + place] = low_bits(rest) | more;
            rest >>= 7;
        }
    }

    /// Attributes of a span, of one of its events or links, of a scope or a resource.
    pub(super) fn attributes(
        &mut self,
        field: u32,
        attributes: &[KeyValue],
        limits: AttributeLimits,
    ) {
        for KeyValue { key, value, .. } in attributes {
            self.attribute(field, key, |it| it.value(value, limits));
        }
    }

    /// An attribute whose value `value` writes.
    #[inline]
    pub(super) fn attribute(&mut self, field: u32, key: &Key, value: impl FnOnce(&mut Self)) {
        self.message(field, 0, |it| {
            it.text(1, key.as_str());
            it.message(2, 0, value);
        });
    }

    fn value(&mut self, value: &Value, limits: AttributeLimits) {
        match value {
            Value::Bool(value) => self.bool_value(*value),
            Value::I64(value) => self.int_value(*value),
            Value::F64(value) => self.double_value(*value),
            Value::String(value) => self.text_value(value, limits),
            Value::Array(Array::Bool(values)) => {
                self.array(values, |it, value| it.bool_value(*value));
            }
            Value::Array(Array::I64(values)) => {
                self.array(values, |it, value| it.int_value(*value));
            }
            Value::Array(Array::F64(values)) => {
                self.array(values, |it, value| it.double_value(*value));
            }
            Value::Array(Array::String(values)) => {
                self.array(values, |it, value| it.text_value(value, limits));
            }
            // Whatever comes: it arrives as text at least.
            other => self.text_value(&StringValue::from(other.to_string()), limits),
        }
    }

    /// A value of a log record.
    pub(super) fn log_value(&mut self, value: &AnyValue, limits: AttributeLimits) {
        match value {
            AnyValue::Boolean(value) => self.bool_value(*value),
            AnyValue::Int(value) => self.int_value(*value),
            AnyValue::Double(value) => self.double_value(*value),
            AnyValue::String(value) => self.text_value(value, limits),
            AnyValue::Bytes(value) => self.all_bytes(7, limits.bytes(value)),
            AnyValue::ListAny(values) => {
                self.array(values, |it, value| it.log_value(value, limits));
            }
            AnyValue::Map(values) => self.message(6, SMALL, |it| {
                for (key, value) in values.iter() {
                    it.attribute(1, key, |it| it.log_value(value, limits));
                }
            }),
            // Whatever comes: it arrives as text at least.
            other => self.text_value(&StringValue::from(format!("{other:?}")), limits),
        }
    }

    fn text_value(&mut self, value: &StringValue, limits: AttributeLimits) {
        self.all_bytes(1, limits.text(value.as_str()).as_bytes());
    }

    fn bool_value(&mut self, value: bool) {
        self.key(2, 0);
        self.varint(u64::from(value));
    }

    fn int_value(&mut self, value: i64) {
        self.key(3, 0);
        self.varint(value.cast_unsigned());
    }

    fn double_value(&mut self, value: f64) {
        self.key(4, 1);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn array<T>(&mut self, values: &[T], write: impl Fn(&mut Self, &T)) {
        self.message(5, 0, |it| {
            for value in values {
                it.message(1, 0, |it| write(it, value));
            }
        });
    }

    pub(super) fn resource(&mut self, field: u32, resource: &Resource) {
        self.message(field, SMALL, |it| {
            for (key, value) in resource {
                it.attribute(1, key, |it| it.value(value, AttributeLimits::default()));
            }
        });
    }

    /// A scope, by another name if there is one.
    pub(super) fn scope(&mut self, field: u32, scope: &InstrumentationScope, name: Option<&str>) {
        self.message(field, 0, |it| {
            it.text(1, name.unwrap_or(scope.name()));
            it.text(2, scope.version().unwrap_or_default());
            for KeyValue { key, value, .. } in scope.attributes() {
                it.attribute(3, key, |it| it.value(value, AttributeLimits::default()));
            }
        });
    }
}

#[allow(clippy::cast_possible_truncation, reason = "seven bits fit")]
fn low_bits(value: u64) -> u8 {
    (value & 0x7f) as u8
}

/// How many bytes a number takes.
fn varint_length(number: usize) -> usize {
    let bits = usize::BITS - (number | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

/// Nanoseconds since the epoch; what was before it was at it.
pub(super) fn nanos(time: std::time::SystemTime) -> u64 {
    let since = time.duration_since(std::time::UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_nanos()).unwrap_or(u64::MAX)
}
