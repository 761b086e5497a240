//! What JSON text says, as a structured value.

use super::check::is_structure;
use crate::carrier::{AnyValue, Text};

/// The object or array that the text is, if it is one.
///
/// Names that stand twice count once, with the last value. A number that is no 64-bit integer is the
/// nearest `double`.
pub(crate) fn structure(text: &str) -> Option<AnyValue> {
    // From here on there is nothing to check, and no depth to fear.
    is_structure(text).then(|| Reader(text).value())
}

/// What is left of JSON that is known to be whole.
struct Reader<'a>(&'a str);

impl Reader<'_> {
    fn space(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    /// Takes what comes next, if it is that.
    fn take(&mut self, what: &str) -> bool {
        self.space();
        match self.0.strip_prefix(what) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self) -> AnyValue {
        if self.take("{") {
            let mut entries: Vec<(Text, AnyValue)> = Vec::new();
            while !self.take("}") {
                self.take(",");
                self.take("\"");
                let name = self.string();
                self.take(":");
                entries.push((name.into(), self.value()));
            }
            AnyValue::map(entries)
        } else if self.take("[") {
            let mut values = Vec::new();
            while !self.take("]") {
                self.take(",");
                values.push(self.value());
            }
            AnyValue::List(values)
        } else if self.take("\"") {
            AnyValue::from(self.string())
        } else if self.take("true") {
            AnyValue::Bool(true)
        } else if self.take("false") {
            AnyValue::Bool(false)
        } else if self.take("null") {
            AnyValue::Null
        } else {
            self.number()
        }
    }

    fn number(&mut self) -> AnyValue {
        let is_part = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
        let end = self.0.find(|c| !is_part(c)).unwrap_or(self.0.len());
        // One byte at least, so that this comes to an end whatever happens.
        let (number, rest) = self.0.split_at(end.max(self.0.len().min(1)));
        self.0 = rest;
        match (number.parse::<i64>(), number.parse::<f64>()) {
            (Ok(int), _) => AnyValue::Int(int),
            (_, Ok(double)) => AnyValue::Double(double),
            _ => AnyValue::Null,
        }
    }

    /// A string, from behind the quote that opens it.
    fn string(&mut self) -> String {
        let mut text = String::new();
        while let Some(place) = self.0.find(['"', '\\']) {
            let (plain, from) = self.0.split_at(place);
            text.push_str(plain);
            self.0 = &from[1..];
            if from.starts_with('"') {
                break;
            }
            text.push(self.escaped());
        }
        text
    }

    /// What stands behind a backslash.
    fn escaped(&mut self) -> char {
        let mut chars = self.0.chars();
        let first = chars.next().unwrap_or_default();
        self.0 = chars.as_str();
        match first {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => self.unicode(),
            other => other,
        }
    }

    /// Four digits, and those of the other half of a pair. What is half a pair is no character.
    fn unicode(&mut self) -> char {
        let high = self.unit();
        if !(0xd800..0xdc00).contains(&high) {
            return char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER);
        }
        let before = self.0;
        if let Some(rest) = self.0.strip_prefix("\\u") {
            self.0 = rest;
            let low = self.unit();
            if (0xdc00..0xe000).contains(&low) {
                let both = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                return char::from_u32(both).unwrap_or(char::REPLACEMENT_CHARACTER);
            }
            self.0 = before;
        }
        char::REPLACEMENT_CHARACTER
    }

    fn unit(&mut self) -> u32 {
        let (digits, rest) = self.0.split_at_checked(4).unwrap_or((self.0, ""));
        self.0 = rest;
        u32::from_str_radix(digits, 16).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(json: &str) -> String {
        structure(json).map_or_else(|| "none".to_owned(), |value| value.to_json())
    }

    #[test]
    fn all_of_json_is_read() {
        assert_eq!(
            again(" { \"a\" : [ 1 , -2.5e+3 , 0 , true , false , null , \"x\" , { } , [ ] ] } "),
            r#"{"a":[1,-2500.0,0,true,false,null,"x",{},[]]}"#
        );
    }

    #[test]
    fn escapes_are_what_they_stand_for() {
        let value = structure(r#"["\"\\\/\b\f\n\r\t\u00e4\ud83d\ude00"]"#);
        let text = "\"\\/\u{8}\u{c}\n\r\tä😀";
        assert_eq!(value, Some(AnyValue::from([text])));
    }

    #[test]
    fn half_a_pair_is_a_replacement_character() {
        let value = structure(r#"["\ud83d","\ud83dx","\ude00","\ud83d\u0041"]"#);
        let texts = ["\u{fffd}", "\u{fffd}x", "\u{fffd}", "\u{fffd}A"];
        assert_eq!(value, Some(AnyValue::from(texts)));
    }

    #[test]
    fn numbers_beyond_an_integer_are_doubles() {
        assert_eq!(
            again("[9223372036854775807,9223372036854775808,1e400]"),
            "[9223372036854775807,9.223372036854776e18,null]"
        );
    }

    #[test]
    fn what_is_no_structure_is_none() {
        for text in ["", "1", "\"a\"", "{\"a\":", "[1,]", "text"] {
            assert_eq!(structure(text), None, "{text}");
        }
    }
}
