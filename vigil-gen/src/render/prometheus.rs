//! What metrics and attributes are called in Prometheus, when they come there over OTLP.

use minijinja::{Error, ErrorKind, Value};

/// Words for units; any other one stands as it is.
const UNITS: [(&str, &str); 26] = [
    ("1", ""),
    ("%", "percent"),
    ("A", "amperes"),
    ("By", "bytes"),
    ("Cel", "celsius"),
    ("GBy", "gigabytes"),
    ("GiBy", "gibibytes"),
    ("Hz", "hertz"),
    ("J", "joules"),
    ("KBy", "kilobytes"),
    ("KiBy", "kibibytes"),
    ("MBy", "megabytes"),
    ("MiBy", "mebibytes"),
    ("TBy", "terabytes"),
    ("TiBy", "tebibytes"),
    ("V", "volts"),
    ("W", "watts"),
    ("d", "days"),
    ("g", "grams"),
    ("h", "hours"),
    ("m", "meters"),
    ("min", "minutes"),
    ("ms", "milliseconds"),
    ("ns", "nanoseconds"),
    ("s", "seconds"),
    ("us", "microseconds"),
];

/// Words for what a unit is divided by.
const PER: [(&str, &str); 7] = [
    ("d", "day"),
    ("h", "hour"),
    ("m", "minute"),
    ("mo", "month"),
    ("s", "second"),
    ("w", "week"),
    ("y", "year"),
];

/// The name of a metric, without a histogram's `_bucket`, `_sum` and `_count`.
pub(super) fn metric(metric: &Value) -> Result<String, Error> {
    let field = |name: &str| {
        let value = metric.get_attr(name)?;
        value.as_str().map(str::to_owned).ok_or_else(|| {
            let message = format!("prometheus_name is for metrics: this has no text `{name}`");
            Error::new(ErrorKind::InvalidOperation, message)
        })
    };
    Ok(name(
        &field("name")?,
        &field("unit")?,
        &field("instrument")?,
    ))
}

/// The name of an attribute.
pub(super) fn label(key: &str) -> String {
    let label: String = key
        .chars()
        .map(|c| if is_plain(c) { c } else { '_' })
        .collect();
    if label.starts_with(|c: char| c.is_ascii_digit()) {
        return format!("key_{label}");
    }
    label
}

fn name(name: &str, unit: &str, instrument: &str) -> String {
    let mut words: Vec<&str> = name
        .split(|c: char| !c.is_ascii_alphanumeric() && c != ':')
        .filter(|word| !word.is_empty())
        .collect();
    let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
    add(&mut words, word(&UNITS, main), None);
    add(&mut words, word(&PER, per), Some("per"));
    let last = match instrument {
        "counter" => Some("total"),
        "gauge" if unit == "1" => Some("ratio"),
        _ => None,
    };
    if let Some(last) = last {
        words.retain(|word| *word != last);
        words.push(last);
    }
    let joined = words.join("_");
    if joined.starts_with(|c: char| c.is_ascii_digit()) {
        return format!("_{joined}");
    }
    joined
}

/// The word for a unit; nothing for one in braces, which only says what is counted.
fn word<'a>(words: &[(&str, &'static str)], unit: &'a str) -> &'a str {
    let unit = unit.trim();
    if unit.contains(['{', '}']) {
        return "";
    }
    let known = words.iter().find(|(known, _)| *known == unit);
    known.map_or(unit, |(_, word)| word)
}

/// Adds the words of a unit, unless the name has them.
fn add<'a>(words: &mut Vec<&'a str>, unit: &'a str, before: Option<&'a str>) {
    let unit: Vec<&str> = unit
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    if unit.is_empty() || unit.iter().all(|word| words.contains(word)) {
        return;
    }
    words.extend(before);
    words.extend(unit);
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_called_as_prometheus_calls_it() {
        for (key, unit, instrument, called) in [
            ("a.b.duration", "s", "histogram", "a_b_duration_seconds"),
            ("a.tokens", "{token}", "histogram", "a_tokens"),
            ("a.calls", "{call}", "counter", "a_calls_total"),
            ("a.total.calls", "1", "counter", "a_calls_total"),
            ("a.open", "{call}", "up_down_counter", "a_open"),
            ("a.use", "1", "gauge", "a_use_ratio"),
            ("a.io", "By", "counter", "a_io_bytes_total"),
            ("a.io", "By/s", "gauge", "a_io_bytes_per_second"),
            ("a.calls", "{call}/min", "gauge", "a_calls_per_min"),
            ("a.seconds", "s", "gauge", "a_seconds"),
            ("a__b-c", "", "gauge", "a_b_c"),
            ("1a", "", "gauge", "_1a"),
        ] {
            assert_eq!(
                name(key, unit, instrument),
                called,
                "{key} {unit} {instrument}"
            );
        }
    }

    #[test]
    fn an_attribute_is_called_as_prometheus_calls_it() {
        assert_eq!(label("gen_ai.request.model"), "gen_ai_request_model");
        assert_eq!(label("a-b.c"), "a_b_c");
        assert_eq!(label("1a"), "key_1a");
    }
}
