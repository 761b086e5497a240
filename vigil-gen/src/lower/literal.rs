//! Values as Rust literals.

use crate::registry::EnumValue;

/// A string literal.
pub(crate) fn string(text: &str) -> String {
    format!("{text:?}")
}

/// A literal of type `f64`, its digits in groups.
pub(crate) fn double(value: f64) -> String {
    let text = format!("{value:?}");
    let Some((whole, fraction)) = text.split_once('.').filter(|_| !text.contains('e')) else {
        return text;
    };
    let (sign, digits) = match whole.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", whole),
    };
    format!(
        "{sign}{}.{}",
        grouped_from_right(digits),
        grouped_from_left(fraction)
    )
}

/// A literal of an integer type, its digits in groups.
pub(crate) fn int(value: i64) -> String {
    let digits = grouped_from_right(&value.unsigned_abs().to_string());
    if value < 0 {
        format!("-{digits}")
    } else {
        digits
    }
}

/// A member's value as a literal of its own type.
pub(crate) fn value(value: &EnumValue) -> String {
    match value {
        EnumValue::String(text) => string(text),
        EnumValue::Int(value) => int(*value),
        EnumValue::Boolean(value) => value.to_string(),
    }
}

/// A member's value as a literal that is sure of its type: what `Into<Value>` takes.
pub(crate) fn typed_value(member: &EnumValue) -> String {
    match member {
        EnumValue::Int(_) => format!("{}_i64", value(member)),
        EnumValue::String(_) | EnumValue::Boolean(_) => value(member),
    }
}

/// A member's value as a string literal, whatever its type.
pub(crate) fn value_as_string(value: &EnumValue) -> String {
    match value {
        EnumValue::String(text) => string(text),
        EnumValue::Int(value) => string(&value.to_string()),
        EnumValue::Boolean(value) => string(&value.to_string()),
    }
}

fn grouped_from_right(digits: &str) -> String {
    if digits.len() < 5 {
        return digits.to_owned();
    }
    let head = digits.len() % 3;
    let (first, rest) = digits.split_at(head);
    let groups = (!first.is_empty()).then_some(first).into_iter();
    let rest: Vec<&str> = groups.chain(chunks(rest)).collect();
    rest.join("_")
}

fn grouped_from_left(digits: &str) -> String {
    if digits.len() < 5 {
        return digits.to_owned();
    }
    chunks(digits).collect::<Vec<_>>().join("_")
}

fn chunks(digits: &str) -> impl Iterator<Item = &str> {
    (0..digits.len())
        .step_by(3)
        .map(|start| &digits[start..digits.len().min(start + 3)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_have_their_digits_in_groups() {
        assert_eq!(double(1.0), "1.0");
        assert_eq!(double(4096.0), "4096.0");
        assert_eq!(double(16384.0), "16_384.0");
        assert_eq!(double(67_108_864.0), "67_108_864.0");
        assert_eq!(double(-123_456.789), "-123_456.789");
        assert_eq!(double(0.00005), "5e-5");
        assert_eq!(double(0.12345), "0.123_45");
        assert_eq!(int(200), "200");
        assert_eq!(int(-1_000_000), "-1_000_000");
        assert_eq!(int(i64::MIN), "-9_223_372_036_854_775_808");
    }

    #[test]
    fn text_is_quoted_as_rust_wants_it() {
        assert_eq!(string("a \"b\" \\ \n"), r#""a \"b\" \\ \n""#);
    }

    #[test]
    fn members_are_sure_of_their_type_where_it_is_inferred() {
        assert_eq!(typed_value(&EnumValue::Int(3)), "3_i64");
        assert_eq!(typed_value(&EnumValue::Boolean(true)), "true");
        assert_eq!(value_as_string(&EnumValue::Int(3)), "\"3\"");
    }
}
