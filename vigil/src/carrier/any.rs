//! Structured values: what attributes of the type `any` and bodies of events hold.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use opentelemetry::logs;

use super::value::{Int, Text, Value};
use crate::config::base64;
use crate::log::json;

/// A structured value: of an attribute of the type `any`, or of the body of an event.
///
/// On log records it goes out as it is. Attributes of spans have no structure: there it is JSON text,
/// text as it is, and so it is in log lines. An attribute's text that is a JSON object or array has its
/// structure on log records too. Bytes are base64 in JSON, and numbers that JSON has not are null. A null
/// is left out of a map on a log record, and the text `null` anywhere else there.
///
/// ```
/// use vigil::carrier::AnyValue;
///
/// let value = AnyValue::map([
///     ("city", AnyValue::from("Oslo")),
///     ("degrees", AnyValue::from(12)),
///     ("wind", AnyValue::from([3.5, 4.0])),
/// ]);
/// assert_eq!(value.to_json(), r#"{"city":"Oslo","degrees":12,"wind":[3.5,4.0]}"#);
/// ```
///
/// With the feature `serde`, [`Json`](crate::content::Json) makes one of anything that is `Serialize`,
/// and `AnyValue` is `Deserialize`.
#[derive(Clone, PartialEq)]
pub enum AnyValue {
    /// Nothing.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A number.
    Double(f64),
    /// Text.
    Text(Text),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Values in their order.
    List(Vec<AnyValue>),
    /// Values by their names, each of which stands there once.
    Map(Vec<(Text, AnyValue)>),
}

impl AnyValue {
    /// Bytes: a `Vec<u8>` would be a list of numbers.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Bytes(bytes.into())
    }

    /// A list of these values.
    pub fn list(values: impl IntoIterator<Item = impl Into<AnyValue>>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }

    /// A map of these values, by their names. The last value of a name counts.
    pub fn map(values: impl IntoIterator<Item = (impl Into<Text>, impl Into<AnyValue>)>) -> Self {
        let mut entries: Vec<(Text, AnyValue)> = Vec::new();
        let mut places: HashMap<Text, usize> = HashMap::new();
        for (name, value) in values {
            let name = name.into();
            if let Some(place) = places.get(&name) {
                entries[*place].1 = value.into();
            } else {
                places.insert(name.clone(), entries.len());
                entries.push((name, value.into()));
            }
        }
        Self::Map(entries)
    }

    /// The value of that name in a map.
    pub fn get(&self, name: &str) -> Option<&AnyValue> {
        match self {
            Self::Map(entries) => {
                let mut entries = entries.iter();
                entries.find_map(|(other, value)| (other == name).then_some(value))
            }
            _ => None,
        }
    }

    /// The JSON of it.
    pub fn to_json(&self) -> String {
        let mut json = String::new();
        self.write(&mut json);
        json
    }

    /// As the attribute of a span has it: text as it is, JSON of what is not.
    pub(crate) fn into_text(self) -> Text {
        match self {
            Self::Text(text) => text,
            other => Text::from(other.to_json()),
        }
    }

    pub(crate) fn write(&self, line: &mut String) {
        use fmt::Write as _;
        match self {
            Self::Null => line.push_str("null"),
            Self::Bool(value) => line.push_str(if *value { "true" } else { "false" }),
            // A string takes all.
            Self::Int(value) => drop(write!(line, "{value}")),
            Self::Double(value) => json::double(line, *value),
            Self::Text(text) => json::string(line, text.as_str()),
            Self::Bytes(bytes) => json::string(line, &base64(bytes)),
            Self::List(values) => {
                line.push('[');
                for (place, value) in values.iter().enumerate() {
                    if place > 0 {
                        line.push(',');
                    }
                    value.write(line);
                }
                line.push(']');
            }
            Self::Map(entries) => {
                line.push('{');
                for (place, (name, value)) in entries.iter().enumerate() {
                    if place > 0 {
                        line.push(',');
                    }
                    json::string(line, name.as_str());
                    line.push(':');
                    value.write(line);
                }
                line.push('}');
            }
        }
    }
}

/// JSON.
impl fmt::Display for AnyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_json())
    }
}

/// JSON, so that layers that print fields by `Debug` print that.
impl fmt::Debug for AnyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Nothing.
impl Default for AnyValue {
    fn default() -> Self {
        Self::Null
    }
}

macro_rules! any_from {
    (int: $($int:ty),*; text: $($text:ty),*; list: $($element:ty),*) => {
        $(impl From<$int> for AnyValue {
            fn from(value: $int) -> Self {
                Self::Int(Int::from(value).get())
            }
        })*
        $(impl From<$text> for AnyValue {
            fn from(text: $text) -> Self {
                Self::Text(text.into())
            }
        })*
        $(impl From<Vec<$element>> for AnyValue {
            fn from(values: Vec<$element>) -> Self {
                Self::list(values)
            }
        }
        impl<const N: usize> From<[$element; N]> for AnyValue {
            fn from(values: [$element; N]) -> Self {
                Self::list(values)
            }
        })*
    };
}

any_from!(
    int: i8, i16, i32, i64, u8, u16, u32, u64, usize, isize, u128, i128;
    text: &str, String, &String, Arc<str>, Cow<'_, str>, Text, &Text;
    list: AnyValue, bool, i64, f64, &str, String, Text
);

impl From<bool> for AnyValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Int> for AnyValue {
    fn from(value: Int) -> Self {
        Self::Int(value.get())
    }
}

impl From<f32> for AnyValue {
    fn from(value: f32) -> Self {
        Self::Double(value.into())
    }
}

impl From<f64> for AnyValue {
    fn from(value: f64) -> Self {
        Self::Double(value)
    }
}

/// `None` is null.
impl<T: Into<AnyValue>> From<Option<T>> for AnyValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<K: Into<Text>, V: Into<AnyValue>> From<BTreeMap<K, V>> for AnyValue {
    fn from(values: BTreeMap<K, V>) -> Self {
        Self::map(values)
    }
}

/// In the order of the names.
impl<K: Into<Text>, V: Into<AnyValue>, S> From<HashMap<K, V, S>> for AnyValue {
    fn from(values: HashMap<K, V, S>) -> Self {
        let values = values.into_iter();
        let sorted: BTreeMap<Text, V> = values.map(|(name, value)| (name.into(), value)).collect();
        Self::map(sorted)
    }
}

impl<K: Into<Text>, V: Into<AnyValue>> FromIterator<(K, V)> for AnyValue {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(values: I) -> Self {
        Self::map(values)
    }
}

impl From<Value> for AnyValue {
    fn from(value: Value) -> Self {
        match value {
            Value::Bool(value) => Self::Bool(value),
            Value::Int(value) => Self::Int(value),
            Value::Double(value) => Self::Double(value),
            Value::Text(text) => Self::Text(text),
            Value::Bools(values) => Self::list(values),
            Value::Ints(values) => Self::list(values),
            Value::Doubles(values) => Self::list(values),
            Value::Texts(texts) => Self::list(texts),
            Value::Any(value) => Arc::unwrap_or_clone(value),
        }
    }
}

impl From<AnyValue> for Value {
    fn from(value: AnyValue) -> Self {
        match value {
            AnyValue::Text(text) => Self::Text(text),
            other => Self::Any(Arc::new(other)),
        }
    }
}

/// As a log record has it.
impl From<AnyValue> for logs::AnyValue {
    fn from(value: AnyValue) -> Self {
        match value {
            AnyValue::Null => Self::String("null".into()),
            AnyValue::Bool(value) => Self::Boolean(value),
            AnyValue::Int(value) => Self::Int(value),
            AnyValue::Double(value) => Self::Double(value),
            AnyValue::Text(text) => Self::String(text.into()),
            AnyValue::Bytes(bytes) => Self::Bytes(Box::new(bytes)),
            AnyValue::List(values) => {
                Self::ListAny(Box::new(values.into_iter().map(Into::into).collect()))
            }
            AnyValue::Map(entries) => {
                let entries = entries.into_iter();
                let entries = entries.filter(|(_, value)| *value != AnyValue::Null);
                let entries = entries.map(|(name, value)| (name.into(), value.into()));
                Self::Map(Box::new(entries.collect()))
            }
        }
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for AnyValue {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(feature = "serde")]
struct Visitor;

#[cfg(feature = "serde")]
impl<'de> serde::de::Visitor<'de> for Visitor {
    type Value = AnyValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<AnyValue, E> {
        Ok(AnyValue::Null)
    }

    fn visit_none<E>(self) -> Result<AnyValue, E> {
        Ok(AnyValue::Null)
    }

    fn visit_some<D: serde::Deserializer<'de>>(self, value: D) -> Result<AnyValue, D::Error> {
        serde::Deserialize::deserialize(value)
    }

    fn visit_bool<E>(self, value: bool) -> Result<AnyValue, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<AnyValue, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<AnyValue, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<AnyValue, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<AnyValue, E> {
        Ok(value.into())
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<AnyValue, E> {
        Ok(AnyValue::bytes(value))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut values: A) -> Result<AnyValue, A::Error> {
        let mut list: Vec<AnyValue> = Vec::new();
        while let Some(value) = values.next_element()? {
            list.push(value);
        }
        Ok(AnyValue::List(list))
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut values: A) -> Result<AnyValue, A::Error> {
        let mut entries: Vec<(String, AnyValue)> = Vec::new();
        while let Some(entry) = values.next_entry()? {
            entries.push(entry);
        }
        Ok(AnyValue::map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_has_not_is_told_in_what_it_has() {
        let value = AnyValue::list([
            AnyValue::from(f64::NAN),
            AnyValue::from(None::<i64>),
            AnyValue::bytes(*b"ab"),
            AnyValue::from(u64::MAX),
        ]);
        assert_eq!(
            value.to_json(),
            format!("[null,null,\"YWI=\",{}]", i64::MAX)
        );
    }

    #[test]
    fn the_last_value_of_a_name_counts() {
        let value = AnyValue::map([("a", 1), ("b", 2), ("a", 3)]);
        assert_eq!(value.to_json(), r#"{"a":3,"b":2}"#);
        assert_eq!(value.get("b"), Some(&AnyValue::Int(2)));
    }

    #[test]
    fn text_stands_on_spans_as_it_is() {
        assert_eq!(AnyValue::from("a \"b\"").into_text(), "a \"b\"");
        assert_eq!(AnyValue::from(["a"]).into_text(), r#"["a"]"#);
    }

    #[test]
    fn a_null_of_a_map_is_left_out_of_log_records() {
        let value = AnyValue::map([
            ("a", AnyValue::Null),
            ("b", AnyValue::from([AnyValue::Null])),
        ]);
        let logs::AnyValue::Map(map) = logs::AnyValue::from(value) else {
            panic!("it is a map");
        };
        assert_eq!(map.len(), 1);
        assert_eq!(
            map[&opentelemetry::Key::from("b")],
            logs::AnyValue::ListAny(Box::new(vec![logs::AnyValue::String("null".into())]))
        );
    }
}
