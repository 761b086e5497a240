//! What tools take and answer.

use std::borrow::Cow;

use super::check::is_structure;
use super::write::Write;
use crate::log::json::string;

/// Arguments of a tool, its answer, or a schema: JSON, or text.
///
/// Text that is a JSON object or array goes out as one; any other goes out as text, also if it looks
/// like a number.
///
/// ```
/// use vigil::content::Data;
///
/// assert_eq!(Data::from(r#"{"city":"Oslo"}"#).to_json(), r#"{"city":"Oslo"}"#);
/// assert_eq!(Data::from(r#"{"city":"Os"#).to_json(), r#""{\"city\":\"Os""#);
/// assert_eq!(Data::from("12").to_json(), r#""12""#);
/// assert_eq!(Data::text("[1]").to_json(), r#""[1]""#);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Data<'a>(Repr<'a>);

#[derive(Clone, Debug, PartialEq)]
enum Repr<'a> {
    Json(Cow<'a, str>),
    Text(Cow<'a, str>),
}

impl<'a> Data<'a> {
    /// Text, even if it is JSON.
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self(Repr::Text(text.into()))
    }

    /// The JSON of it.
    pub fn to_json(&self) -> String {
        let mut json = String::new();
        self.write(&mut json);
        json
    }

    fn of(text: Cow<'a, str>) -> Self {
        Self(if is_structure(&text) {
            Repr::Json(text)
        } else {
            Repr::Text(text)
        })
    }
}

impl Write for Data<'_> {
    fn write(&self, json: &mut String) {
        match &self.0 {
            Repr::Json(value) => json.push_str(value),
            Repr::Text(text) => string(json, text),
        }
    }
}

impl<'a> From<&'a str> for Data<'a> {
    fn from(text: &'a str) -> Self {
        Self::of(Cow::Borrowed(text))
    }
}

impl From<String> for Data<'_> {
    fn from(text: String) -> Self {
        Self::of(Cow::Owned(text))
    }
}

impl<'a> From<&'a String> for Data<'a> {
    fn from(text: &'a String) -> Self {
        Self::of(Cow::Borrowed(text))
    }
}

impl<'a> From<Cow<'a, str>> for Data<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        Self::of(text)
    }
}

/// The JSON of a value. Feature `serde`.
///
/// A value that can't be serialized, or that panics over it, leaves a text that says so.
///
/// ```
/// use vigil::carrier::Text;
/// use vigil::content::{Json, Message};
///
/// #[derive(serde::Serialize)]
/// struct Weather {
///     city: &'static str,
/// }
///
/// let weather = Weather { city: "Oslo" };
/// assert_eq!(Text::from(Json(&weather)), r#"{"city":"Oslo"}"#);
/// let call = Message::assistant().tool_call("call-1", "weather", Json(&weather));
/// assert!(Text::from(call).as_str().contains(r#""arguments":{"city":"Oslo"}"#));
/// ```
#[cfg(feature = "serde")]
#[derive(Clone, Copy, Debug)]
pub struct Json<'a, T: ?Sized>(pub &'a T);

/// What stands for a value that can't be serialized.
#[cfg(feature = "serde")]
const FAILED: &str = "\"(could not be serialized)\"";

#[cfg(feature = "serde")]
impl<T: serde::Serialize + ?Sized> Json<'_, T> {
    fn json(self) -> String {
        let serialize = || serde_json::to_string(self.0);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(serialize))
            .ok()
            .and_then(Result::ok)
            .unwrap_or_else(|| FAILED.to_owned())
    }
}

#[cfg(feature = "serde")]
impl<T: serde::Serialize + ?Sized> From<Json<'_, T>> for Data<'_> {
    fn from(value: Json<'_, T>) -> Self {
        Self(Repr::Json(Cow::Owned(value.json())))
    }
}

#[cfg(feature = "serde")]
impl<T: serde::Serialize + ?Sized> From<Json<'_, T>> for crate::carrier::Text {
    fn from(value: Json<'_, T>) -> Self {
        Self::from(value.json())
    }
}

#[cfg(feature = "serde")]
impl<T: serde::Serialize + ?Sized> From<Json<'_, T>> for crate::carrier::AnyValue {
    fn from(value: Json<'_, T>) -> Self {
        let json = value.json();
        // What stands too deep to be read back is JSON all the same.
        serde_json::from_str(&json).unwrap_or_else(|_| Self::from(json))
    }
}
