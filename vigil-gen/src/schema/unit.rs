//! Units, as UCUM writes them.
//!
//! Not all of UCUM's tables, but all of its grammar: a misspelt or spelled-out unit goes out with
//! every measurement, and no backend can tell what it was meant to be.

use super::Located;
use crate::codes;
use crate::diagnostic::{Diagnostic, Diagnostics, quoted};

/// Units that stand alone or with a prefix: `s`, `ms`, `kBy`.
const METRIC: &str = "m s g rad K C cd mol sr Hz N Pa J W A V F Ohm S Wb Cel T H lm lx Bq Gy Sv l L \
     ar t bar u eV pc gf dyn erg P St Mx G Oe Gb sb Lmb ph Ci R RAD REM cal cal_m cal_IT cal_th tex \
     st mho kat U bit By Bd Np g% eq osm Ky Gal";
/// Units that take no prefix. The last one is upstream's, for fans, and not UCUM's.
const PLAIN: &str = "% gon deg ' '' min h d wk mo a a_t a_j a_g mo_s mo_j atm att sph circ bit_s Ao \
     10* 10^ B rpm";
const PREFIXES: &str = "Y Z E P T G M k h da d c m u n p f a z y Ki Mi Gi Ti";
/// What people write instead.
const SPELLED_OUT: &[(&str, &str)] = &[
    ("nanosecond", "ns"),
    ("nano", "ns"),
    ("microsecond", "us"),
    ("micro", "us"),
    ("millisecond", "ms"),
    ("msec", "ms"),
    ("milli", "ms"),
    ("second", "s"),
    ("sec", "s"),
    ("minute", "min"),
    ("hour", "h"),
    ("hr", "h"),
    ("day", "d"),
    ("week", "wk"),
    ("month", "mo"),
    ("year", "a"),
    ("bit", "bit"),
    ("byte", "By"),
    ("kb", "kBy"),
    ("kilobyte", "kBy"),
    ("mb", "MBy"),
    ("megabyte", "MBy"),
    ("gb", "GBy"),
    ("gigabyte", "GBy"),
    ("kib", "KiBy"),
    ("kibibyte", "KiBy"),
    ("mib", "MiBy"),
    ("mebibyte", "MiBy"),
    ("gib", "GiBy"),
    ("gibibyte", "GiBy"),
    ("percent", "%"),
    ("celsius", "Cel"),
    ("kelvin", "K"),
    ("hertz", "Hz"),
    ("joule", "J"),
    ("watt", "W"),
    ("meter", "m"),
    ("metre", "m"),
    ("ratio", "1"),
    ("fraction", "1"),
    ("none", "1"),
];
/// Parentheses within parentheses; nobody writes more than one.
const DEPTH_LIMIT: usize = 8;

/// Reports a unit that UCUM does not have.
pub(super) fn check_unit(unit: &Located<String>, diagnostics: &mut Diagnostics) {
    let text = &unit.value;
    let shown = quoted(text);
    let problem = if text.is_empty() {
        "a unit must not be empty".to_owned()
    } else if !text.chars().all(|c| c.is_ascii_graphic()) {
        format!("the unit {shown} holds spaces or characters outside of ASCII")
    } else {
        match read(text) {
            Ok(()) => return,
            Err(Problem::Braces) => format!("the braces of the unit {shown} do not match"),
            Err(Problem::Brackets) => format!("the brackets of the unit {shown} do not match"),
            Err(Problem::Factor) => format!("a factor is missing in the unit {shown}"),
            Err(Problem::Unknown(part)) if part == *text => format!("there is no unit {shown}"),
            Err(Problem::Unknown(part)) => {
                format!("there is no unit {} in {shown}", quoted(&part))
            }
        }
    };
    let help = suggestion(text).map(|unit| format!("write `{unit}`"));
    diagnostics.push(
        Diagnostic::new(codes::INVALID_UNIT, unit.at, problem)
            .with_help("units are UCUM: `s`, `By`, `1`, or a word in braces such as `{token}`")
            .with_help_if(help),
    );
}

/// What a unit that is a mere word was meant to be.
fn suggestion(text: &str) -> Option<String> {
    let word = text.trim_start_matches('{').trim_end_matches('}');
    if word.is_empty() || !word.chars().all(|c| c.is_ascii_alphabetic() || c == '_') {
        return None;
    }
    let lower = word.to_lowercase();
    let singular = match lower.strip_suffix('s') {
        Some(rest) if rest.len() > 1 && !rest.ends_with('s') => rest,
        _ => &lower,
    };
    let known = SPELLED_OUT
        .iter()
        .find(|(spelled, _)| *spelled == singular || *spelled == lower);
    Some(match known {
        Some((_, unit)) => (*unit).to_owned(),
        None => format!("\"{{{singular}}}\""),
    })
}

enum Problem {
    Braces,
    Brackets,
    Factor,
    Unknown(String),
}

fn read(text: &str) -> Result<(), Problem> {
    let mut rest = text;
    term(&mut rest, 0)?;
    match rest.chars().next() {
        None => Ok(()),
        Some('}') => Err(Problem::Braces),
        Some(_) => Err(Problem::Brackets),
    }
}

/// Factors with `.` and `/` between them. A `/` may also lead.
fn term(rest: &mut &str, depth: usize) -> Result<(), Problem> {
    if depth > DEPTH_LIMIT {
        return Err(Problem::Brackets);
    }
    *rest = rest.strip_prefix('/').unwrap_or(rest);
    loop {
        factor(rest, depth)?;
        match rest.strip_prefix(['.', '/']) {
            Some(after) => *rest = after,
            None => return Ok(()),
        }
    }
}

/// A unit with an annotation in braces, either alone, or a term in parentheses.
fn factor(rest: &mut &str, depth: usize) -> Result<(), Problem> {
    if let Some(after) = rest.strip_prefix('(') {
        *rest = after;
        term(rest, depth + 1)?;
        *rest = rest.strip_prefix(')').ok_or(Problem::Brackets)?;
        return Ok(());
    }
    let unit = take_unit(rest)?;
    let annotated = take_annotation(rest)?;
    if unit.is_empty() && !annotated {
        return Err(match rest.chars().next() {
            Some(')' | ']') => Problem::Brackets,
            Some('}') => Problem::Braces,
            _ => Problem::Factor,
        });
    }
    // What follows an annotation is another factor, which needs a sign before it.
    if annotated && rest.starts_with(|c: char| !matches!(c, '.' | '/' | ')' | '}' | ']')) {
        return Err(if rest.starts_with('{') {
            Problem::Braces
        } else {
            Problem::Factor
        });
    }
    if rest.starts_with('}') {
        Err(Problem::Braces)
    } else if unit.is_empty() || is_unit(unit) {
        Ok(())
    } else {
        Err(Problem::Unknown(unit.to_owned()))
    }
}

/// Up to the next sign, with what is in square brackets as a whole.
fn take_unit<'a>(rest: &mut &'a str) -> Result<&'a str, Problem> {
    let mut open = false;
    let mut end = rest.len();
    for (at, c) in rest.char_indices() {
        match c {
            '[' if open => return Err(Problem::Brackets),
            '[' => open = true,
            ']' if !open => return Err(Problem::Brackets),
            ']' => open = false,
            '.' | '/' | '(' | ')' | '{' | '}' if !open => {
                end = at;
                break;
            }
            _ => {}
        }
    }
    if open {
        return Err(Problem::Brackets);
    }
    let (unit, after) = rest.split_at(end);
    if after.starts_with('(') {
        return Err(Problem::Factor);
    }
    *rest = after;
    Ok(unit)
}

fn take_annotation(rest: &mut &str) -> Result<bool, Problem> {
    let Some(inside) = rest.strip_prefix('{') else {
        return Ok(false);
    };
    match inside.split_once('}') {
        Some((word, after)) if !word.is_empty() && !word.contains('{') => {
            *rest = after;
            Ok(true)
        }
        _ => Err(Problem::Braces),
    }
}

/// A number, or a known unit, with a prefix if it can have one, and with an exponent.
fn is_unit(text: &str) -> bool {
    if text.bytes().all(|c| c.is_ascii_digit()) {
        return true;
    }
    let has = |list: &str, word: &str| list.split_ascii_whitespace().any(|it| it == word);
    let base = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let base = if base.len() < text.len() {
        base.strip_suffix(['+', '-']).unwrap_or(base)
    } else {
        base
    };
    // UCUM's customary units stand in square brackets, some after a letter: `[in_i]`, `m[Hg]`.
    if let Some((before, inside)) = base.split_once('[') {
        return inside.len() > 1
            && inside.ends_with(']')
            && before.len() <= 4
            && before.bytes().all(|c| c.is_ascii_alphabetic() || c == b'_');
    }
    if has(METRIC, base) || has(PLAIN, base) {
        return true;
    }
    PREFIXES.split_ascii_whitespace().any(|prefix| {
        base.strip_prefix(prefix)
            .is_some_and(|unit| has(METRIC, unit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ucum_writes_is_a_unit() {
        for unit in [
            "1",
            "s",
            "ms",
            "us",
            "By",
            "KiBy",
            "By/s",
            "/s",
            "%",
            "Cel",
            "{token}",
            "{run}/min",
            "By{raw}",
            "m/s2",
            "10*6",
            "10*-3",
            "s-1",
            "[degF]",
            "mm[Hg]",
            "kg.m/s2",
            "J/(kg.K)",
            "{a/b}",
            "m2",
            "bit/s",
            "{USD}",
            "100",
            "mmol/L",
            "eV",
            "'",
        ] {
            assert!(read(unit).is_ok(), "{unit}");
        }
    }

    #[test]
    fn what_ucum_can_not_read_is_none() {
        for unit in [
            "seconds",
            "Celsius",
            "tokens",
            "%%",
            "//",
            "/",
            "[",
            "]",
            "[]",
            "a)b",
            "(a",
            "m//s",
            "milliseconds",
            "kb",
            "m/",
            ".",
            "s.",
            "{",
            "}",
            "{}",
            "{a{b}}",
            "{a}{b}",
            "()",
            "s(m)",
            "{a}s",
            "KB",
            "sec",
        ] {
            assert!(read(unit).is_err(), "{unit}");
        }
    }

    #[test]
    fn a_word_is_answered_with_the_unit_that_it_means() {
        let meant = |text| suggestion(text).unwrap_or_default();
        assert_eq!(meant("seconds"), "s");
        assert_eq!(meant("milliseconds"), "ms");
        assert_eq!(meant("KB"), "kBy");
        assert_eq!(meant("tokens"), "\"{token}\"");
        assert_eq!(meant("m//s"), "");
    }
}
