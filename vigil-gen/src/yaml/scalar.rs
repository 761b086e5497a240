//! What a plain scalar is, as serde_yaml has it.

use std::borrow::Cow;

use super::Yaml;

/// The value of a scalar without quotes.
pub(super) fn plain(scalar: Cow<'_, str>) -> Yaml {
    let text = &*scalar;
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Yaml::Null,
        "true" | "True" | "TRUE" => return Yaml::Bool(true),
        "false" | "False" | "FALSE" => return Yaml::Bool(false),
        _ => {}
    }
    // Most scalars are words.
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Yaml::String(scalar.into_owned());
    }
    match whole(text) {
        Some(Whole::Fits(number)) => Yaml::Int(number),
        Some(Whole::Beyond) => Yaml::Huge(text.parse().unwrap_or(f64::INFINITY)),
        None => match float(text) {
            Some(number) => Yaml::Float(number),
            None => Yaml::String(scalar.into_owned()),
        },
    }
}

enum Whole {
    Fits(i64),
    Beyond,
}

fn whole(text: &str) -> Option<Whole> {
    let (sign, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) => (&text[..1], digits),
        None => ("", text),
    };
    let radixes = [("0x", 16), ("0o", 8), ("0b", 2)];
    let (digits, radix) = radixes
        .iter()
        .find_map(|(prefix, radix)| Some((digits.strip_prefix(prefix)?, *radix)))
        .unwrap_or((digits, 10));
    // With a leading zero it is text: a code, not a count.
    let code = radix == 10 && digits.len() > 1 && digits.starts_with('0');
    if digits.is_empty() || code || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    Some(
        match i64::from_str_radix(&format!("{sign}{digits}"), radix) {
            Ok(number) => Whole::Fits(number),
            Err(_) => Whole::Beyond,
        },
    )
}

fn float(text: &str) -> Option<f64> {
    let (sign, number) = match text.strip_prefix(['+', '-']) {
        Some(number) => (&text[..1], number),
        None => ("", text),
    };
    match number {
        ".inf" | ".Inf" | ".INF" if sign == "-" => return Some(f64::NEG_INFINITY),
        ".inf" | ".Inf" | ".INF" => return Some(f64::INFINITY),
        ".nan" | ".NaN" | ".NAN" if sign.is_empty() => return Some(f64::NAN),
        _ => {}
    }
    let code =
        number.len() > 1 && number.starts_with('0') && number.bytes().all(|c| c.is_ascii_digit());
    if code || number.starts_with(['+', '-']) {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use serde_yaml::Value;

    use super::*;

    #[test]
    fn scalars_are_what_serde_yaml_takes_them_for() {
        let texts = [
            "~",
            "null",
            "nul",
            "true",
            "True",
            "yes",
            "on",
            "0",
            "-0",
            "+1",
            "1",
            "-1",
            "007",
            "-01",
            "0x1F",
            "0o17",
            "0b101",
            "-0x1f",
            "0xg",
            "1_000",
            "1.5",
            "-1.5",
            "+1.5",
            ".5",
            "5.",
            "1e3",
            "1E-3",
            "1e999",
            ".inf",
            "-.Inf",
            "+.INF",
            ".nan",
            "-.nan",
            "inf",
            "nan",
            "-inf",
            "+-1",
            "--1",
            "+",
            ".",
            "1.2.3",
            "12:30",
            "2024-01-01",
            "00",
            "0.0",
            "00.5",
            "9223372036854775807",
            "-9223372036854775808",
            "1e",
            "e1",
            "-e1",
            "word",
        ];
        for text in texts {
            let Ok(expected) = serde_yaml::from_str::<Value>(text) else {
                continue;
            };
            let same = match (plain(text.into()), &expected) {
                (Yaml::Null, Value::Null) => true,
                (Yaml::Bool(own), Value::Bool(other)) => own == *other,
                (Yaml::Int(own), Value::Number(other)) => other.as_i64() == Some(own),
                (Yaml::Float(own), Value::Number(other)) => {
                    other.is_f64() && Some(own.to_bits()) == other.as_f64().map(f64::to_bits)
                }
                (Yaml::String(own), Value::String(other)) => own == *other,
                _ => false,
            };
            assert!(same, "{text}: {:?}, not {expected:?}", plain(text.into()));
        }
    }

    #[test]
    fn whole_numbers_of_any_length_are_numbers() {
        for text in [
            "9223372036854775808",
            "-9223372036854775809",
            &"9".repeat(60),
        ] {
            assert!(matches!(plain(text.into()), Yaml::Huge(_)), "{text}");
        }
    }
}
