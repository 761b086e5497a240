//! How much content an attribute carries.

use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::value::{Text, Value};

/// What stands where text was cut.
const CUT: &str = "…";

static MAX_BYTES: AtomicUsize = AtomicUsize::new(usize::MAX);

/// Cuts the content of an attribute to this size, in bytes, from now on. Any size at first.
///
/// JSON stays JSON: the texts in it are cut, the longest first, never the structure around them.
pub fn set_content_max_bytes(bytes: usize) {
    MAX_BYTES.store(bytes, Ordering::Relaxed);
}

/// The value, cut to the size that content may have.
pub(crate) fn cut_to_size(value: Value) -> Value {
    let max = MAX_BYTES.load(Ordering::Relaxed);
    match value {
        Value::Text(text) if text.as_str().len() > max => match fit(text.as_str(), max) {
            Cow::Borrowed(cut) => Value::Text(Text::from(cut)),
            Cow::Owned(cut) => Value::Text(Text::from(cut)),
        },
        Value::Any(any) => {
            let json = any.to_json();
            if json.len() > max {
                Value::Text(Text::from(fit(&json, max).into_owned()))
            } else {
                Value::Any(any)
            }
        }
        other => other,
    }
}

fn fit(text: &str, max: usize) -> Cow<'_, str> {
    if !text.trim_start().starts_with(['{', '[', '"']) {
        return Cow::Owned(cut(text, max));
    }
    // The longest that texts may be: what fits with it, fits with less.
    let (mut fits, mut exceeds) = (0, max);
    while exceeds - fits > 1 {
        let middle = fits.midpoint(exceeds);
        if shorten(text, middle).len() <= max {
            fits = middle;
        } else {
            exceeds = middle;
        }
    }
    let shortened = shorten(text, fits);
    // All structure and no text: nothing of it can go without breaking it.
    Cow::Owned(if shortened.len() <= max {
        shortened
    } else {
        "null".to_owned()
    })
}

/// JSON with every text that is not a key cut to `length` bytes.
fn shorten(json: &str, length: usize) -> String {
    let mut short = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(start) = rest.find('"') {
        let (before, literal) = rest.split_at(start + 1);
        short.push_str(before);
        let end = end_of_literal(literal);
        let (inside, after) = literal.split_at(end);
        let is_key = after.trim_start_matches('"').trim_start().starts_with(':');
        if is_key || inside.len() <= length {
            short.push_str(inside);
        } else {
            short.push_str(whole_escapes(&inside[..floor(inside, length)]));
            short.push_str(CUT);
        }
        rest = after;
        if let Some(after) = rest.strip_prefix('"') {
            short.push('"');
            rest = after;
        }
    }
    short.push_str(rest);
    short
}

/// Where the text of a literal ends, from behind its opening quote.
fn end_of_literal(literal: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in literal.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at,
            _ => {}
        }
    }
    literal.len()
}

/// The text without an escape that the cut went through: `\`, `\u`, `\u12`, or half of a pair.
fn whole_escapes(text: &str) -> &str {
    let mut end = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let length = match rest.as_bytes() {
            [b'\\', b'u', ..] if is_high_surrogate(rest) => 12,
            [b'\\', b'u', ..] => 6,
            [b'\\', ..] => 2,
            _ => rest.chars().next().map_or(1, char::len_utf8),
        };
        let Some(next) = rest.get(length..) else {
            break;
        };
        end += length;
        rest = next;
    }
    &text[..end]
}

fn is_high_surrogate(escape: &str) -> bool {
    escape
        .get(2..6)
        .and_then(|digits| u16::from_str_radix(digits, 16).ok())
        .is_some_and(|unit| (0xd800..0xdc00).contains(&unit))
}

/// Text that is no JSON.
fn cut(text: &str, max: usize) -> String {
    match max.checked_sub(CUT.len()) {
        Some(length) => text[..floor(text, length)].to_owned() + CUT,
        None => String::new(),
    }
}

/// The nearest place from `at` downwards where a character begins.
fn floor(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_cut_between_characters() {
        assert_eq!(fit("größer als erlaubt", 8), "grö…");
        assert_eq!(fit("abc", 2), "");
    }

    #[test]
    fn json_is_cut_in_its_texts_and_keys_stay() {
        let json = r#"[{"role":"user","parts":[{"type":"text","content":"0123456789012345678901234567890123456789"}]}]"#;
        let cut = fit(json, 80);
        assert!(cut.len() <= 80, "{cut}");
        assert!(
            cut.starts_with(r#"[{"role":"user","parts":[{"type":"text","content":"0123"#),
            "{cut}"
        );
        assert!(cut.ends_with("…\"}]}]"), "{cut}");
    }

    #[test]
    fn no_escape_is_cut_through() {
        for json in [
            r#"{"a":"\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\"}"#,
            r#"{"a":"\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4"}"#,
            r#"{"a":"\ud83d\ude00\ud83d\ude00\ud83d\ude00\ud83d\ude00"}"#,
            r#"{"a":"say \"hi\" and \"bye\" and \"hi\" again"}"#,
        ] {
            for max in 8..json.len() {
                let cut = fit(json, max);
                assert!(cut.len() <= max.max(4), "{max}: {cut}");
                if cut == "null" {
                    continue;
                }
                let inside = cut
                    .strip_prefix(r#"{"a":""#)
                    .and_then(|rest| rest.strip_suffix(r#""}"#));
                let inside = inside.unwrap_or_else(|| panic!("{max}: {cut}"));
                let inside = inside.trim_end_matches(CUT);
                assert_eq!(whole_escapes(inside), inside, "{max}: {cut}");
            }
        }
    }

    #[test]
    fn what_is_all_structure_is_left_out() {
        assert_eq!(fit("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]", 12), "null");
    }

    #[test]
    fn broken_json_is_no_trouble() {
        for json in [
            r#"{"a":"unclosed and long enough to be cut"#,
            "[\"",
            "{\"a\\",
            "\"\\u12",
        ] {
            for max in 0..json.len() {
                assert!(fit(json, max).len() <= max.max(4));
            }
        }
    }
}
