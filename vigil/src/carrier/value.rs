//! Attribute values, and what callers may pass for them.

use std::fmt;
use std::sync::Arc;

use opentelemetry::StringValue;

use super::any::AnyValue;
use super::attributes::same;
use super::definition::{Aggregate, ValueType};

/// Text that is cheap to clone: a static string, or shared.
///
/// Everything that a caller passes as text becomes one of these, and only if somebody listens:
/// with telemetry off, no string is ever copied.
#[derive(Clone)]
pub struct Text(Repr);

#[derive(Clone)]
enum Repr {
    Static(&'static str),
    Shared(Arc<str>),
}

impl Text {
    /// Text that lives as long as the program; nothing is copied.
    pub const fn from_static(text: &'static str) -> Self {
        Self(Repr::Static(text))
    }

    /// The text.
    #[inline]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Static(text) => text,
            Repr::Shared(text) => text,
        }
    }

    /// The text, if it lives as long as the program.
    pub(crate) fn as_static(&self) -> Option<&'static str> {
        match self.0 {
            Repr::Static(text) => Some(text),
            Repr::Shared(_) => None,
        }
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::from_static("")
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        same(self.as_str(), other.as_str())
    }
}

impl Eq for Text {}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl std::hash::Hash for Text {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Repr::Shared(Arc::from(text)))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Repr::Shared(Arc::from(text)))
    }
}

impl From<&String> for Text {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<Arc<str>> for Text {
    fn from(text: Arc<str>) -> Self {
        Self(Repr::Shared(text))
    }
}

impl From<std::borrow::Cow<'_, str>> for Text {
    fn from(text: std::borrow::Cow<'_, str>) -> Self {
        match text {
            std::borrow::Cow::Borrowed(text) => Self::from(text),
            std::borrow::Cow::Owned(text) => Self::from(text),
        }
    }
}

impl From<&Text> for Text {
    fn from(text: &Text) -> Self {
        text.clone()
    }
}

impl From<Text> for opentelemetry::Key {
    fn from(text: Text) -> Self {
        match text.0 {
            Repr::Static(text) => Self::from(text),
            Repr::Shared(text) => Self::from(text),
        }
    }
}

impl From<Text> for StringValue {
    fn from(text: Text) -> Self {
        match text.0 {
            Repr::Static(text) => StringValue::from(text),
            Repr::Shared(text) => StringValue::from(text),
        }
    }
}

/// An integer as the wire carries it: 64 bits, signed.
///
/// Every integer type converts into it; what lies outside its range becomes the nearest bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Int(i64);

impl Int {
    /// The integer.
    pub const fn get(self) -> i64 {
        self.0
    }
}

macro_rules! int_from {
    (exact: $($exact:ty),*; clamped: $($clamped:ty),*) => {
        $(impl From<$exact> for Int {
            fn from(value: $exact) -> Self {
                Self(i64::from(value))
            }
        })*
        $(impl From<$clamped> for Int {
            fn from(value: $clamped) -> Self {
                Self(i64::try_from(value).unwrap_or(if value.leading_zeros() == 0 && <$clamped>::MIN != 0 {
                    i64::MIN
                } else {
                    i64::MAX
                }))
            }
        })*
    };
}

int_from!(exact: i8, i16, i32, i64, u8, u16, u32; clamped: u64, usize, isize, u128, i128);

/// The value of an attribute, of one of the types that OpenTelemetry knows.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `boolean`
    Bool(bool),
    /// `int`
    Int(i64),
    /// `double`
    Double(f64),
    /// `string`
    Text(Text),
    /// `boolean[]`
    Bools(Vec<bool>),
    /// `int[]`
    Ints(Vec<i64>),
    /// `double[]`
    Doubles(Vec<f64>),
    /// `string[]`
    Texts(Vec<Text>),
    /// `any` that is no text: spans carry its JSON.
    Any(Arc<AnyValue>),
}

impl Value {
    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&Text> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn is(&self, value_type: ValueType) -> bool {
        let own = match self {
            Self::Bool(_) => ValueType::Boolean,
            Self::Int(_) => ValueType::Int,
            Self::Double(_) => ValueType::Double,
            Self::Text(_) => ValueType::String,
            Self::Bools(_) => ValueType::Booleans,
            Self::Ints(_) => ValueType::Ints,
            Self::Doubles(_) => ValueType::Doubles,
            Self::Texts(_) => ValueType::Strings,
            Self::Any(_) => ValueType::Any,
        };
        // Text is also any value.
        own == value_type || own == ValueType::String && value_type == ValueType::Any
    }

    /// A foreign value in the type that the registry declares, if it can be told in it.
    pub(crate) fn of(value_type: ValueType, value: opentelemetry::Value) -> Option<Self> {
        Self::of_foreign(value).filter(|value| value.is(value_type))
    }

    /// A foreign value of a type that is known here.
    pub(crate) fn of_foreign(value: opentelemetry::Value) -> Option<Self> {
        use opentelemetry::{Array, Value as Otel};
        Some(match value {
            Otel::Bool(value) => Self::Bool(value),
            Otel::I64(value) => Self::Int(value),
            Otel::F64(value) => Self::Double(value),
            Otel::String(value) => Self::Text(value.as_str().into()),
            Otel::Array(Array::Bool(values)) => Self::Bools(values),
            Otel::Array(Array::I64(values)) => Self::Ints(values),
            Otel::Array(Array::F64(values)) => Self::Doubles(values),
            Otel::Array(Array::String(values)) => {
                Self::Texts(values.iter().map(|value| value.as_str().into()).collect())
            }
            _ => return None,
        })
    }

    /// The value, of which nothing is left here.
    #[inline]
    pub(crate) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Bool(false))
    }

    /// Puts `next` where this value stands, as `aggregate` says.
    #[inline]
    pub(crate) fn merge(&mut self, next: Value, aggregate: Aggregate) {
        match (aggregate, self, next) {
            (Aggregate::Sum, Value::Int(sum), Value::Int(next)) => *sum = sum.saturating_add(next),
            (Aggregate::Sum, Value::Double(sum), Value::Double(next)) => *sum += next,
            (Aggregate::Append, Value::Bools(all), Value::Bools(next)) => all.extend(next),
            (Aggregate::Append, Value::Ints(all), Value::Ints(next)) => all.extend(next),
            (Aggregate::Append, Value::Doubles(all), Value::Doubles(next)) => all.extend(next),
            (Aggregate::Append, Value::Texts(all), Value::Texts(next)) => all.extend(next),
            (_, this, next) => *this = next,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Double(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
            Self::Bools(values) => write!(f, "{values:?}"),
            Self::Ints(values) => write!(f, "{values:?}"),
            Self::Doubles(values) => write!(f, "{values:?}"),
            Self::Texts(values) => write!(f, "{values:?}"),
            Self::Any(value) => value.fmt(f),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Int> for Value {
    fn from(value: Int) -> Self {
        Self::Int(value.get())
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Double(value)
    }
}

impl From<Text> for Value {
    fn from(value: Text) -> Self {
        Self::Text(value)
    }
}

impl From<&'static str> for Value {
    fn from(value: &'static str) -> Self {
        Self::Text(Text::from_static(value))
    }
}

/// A duration, in seconds.
impl From<std::time::Duration> for Value {
    fn from(value: std::time::Duration) -> Self {
        Self::Double(value.as_secs_f64())
    }
}

impl From<Value> for opentelemetry::Value {
    fn from(value: Value) -> Self {
        use opentelemetry::Array;
        match value {
            Value::Bool(value) => Self::Bool(value),
            Value::Int(value) => Self::I64(value),
            Value::Double(value) => Self::F64(value),
            Value::Text(value) => Self::String(value.into()),
            Value::Bools(values) => Self::Array(Array::Bool(values)),
            Value::Ints(values) => Self::Array(Array::I64(values)),
            Value::Doubles(values) => Self::Array(Array::F64(values)),
            Value::Texts(values) => Self::Array(Array::String(
                values.into_iter().map(StringValue::from).collect(),
            )),
            Value::Any(value) => Self::String(Arc::unwrap_or_clone(value).into_text().into()),
        }
    }
}

/// What arrays of attributes hold.
pub trait Element: Sized {
    /// The array as a value.
    fn array(elements: Vec<Self>) -> Value;
}

impl Element for bool {
    fn array(elements: Vec<Self>) -> Value {
        Value::Bools(elements)
    }
}

impl Element for Int {
    fn array(elements: Vec<Self>) -> Value {
        Value::Ints(elements.into_iter().map(Int::get).collect())
    }
}

impl Element for f64 {
    fn array(elements: Vec<Self>) -> Value {
        Value::Doubles(elements)
    }
}

impl Element for Text {
    fn array(elements: Vec<Self>) -> Value {
        Value::Texts(elements)
    }
}

/// A value that is not a member of a closed enum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownMember {
    attribute_type: &'static str,
    value: String,
}

impl UnknownMember {
    /// `value` is no member of the enum of that name.
    pub fn new(attribute_type: &'static str, value: &str) -> Self {
        Self {
            attribute_type,
            value: value.to_owned(),
        }
    }
}

impl fmt::Display for UnknownMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no member of `{}`",
            self.value, self.attribute_type
        )
    }
}

impl std::error::Error for UnknownMember {}
