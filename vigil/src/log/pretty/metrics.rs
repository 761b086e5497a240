//! Metrics for people: the lines of a report stand in columns.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use opentelemetry::KeyValue;

use super::{Line, Style, dollars, readable, short, shown};
use crate::log::metrics::{Amount, Kind, Measured, Point};
use crate::semconv::{error, gen_ai, life};

/// Attributes whose value says by itself what it is, in the order in which they read well.
const PLAIN: [&str; 6] = [
    gen_ai::OPERATION_NAME,
    gen_ai::REQUEST_MODEL,
    gen_ai::TOOL_NAME,
    gen_ai::AGENT_NAME,
    gen_ai::TOKEN_TYPE,
    life::TOOL_STATUS,
];

/// The lines of a report.
pub(in crate::log) fn metrics(now: SystemTime, points: &[Point], color: bool) -> Vec<String> {
    let columns: Vec<[String; 3]> = points
        .iter()
        .map(|point| [point.name.clone(), total(point), detail(point)])
        .collect();
    let width = |place: usize| {
        let widths = columns.iter().map(|cells| cells[place].chars().count());
        widths.max().unwrap_or(0)
    };
    let (name_width, total_width, detail_width) = (width(0), width(1), width(2));
    let lines = points.iter().zip(&columns).map(|(point, cells)| {
        let [name, total, detail] = cells;
        let mut text = String::new();
        let mut line = Line {
            text: &mut text,
            color,
        };
        line.place(now, 0);
        let mark = match point.kind {
            Kind::Gauge => '=',
            _ => '∑',
        };
        line.paint(Style::Dim, |text| text.push(mark));
        line.text.push(' ');
        shown(line.text, &format!("{name:name_width$}"));
        line.text.push_str("  ");
        line.paint(Style::Cyan, |text| {
            let _ = write!(text, "{total:>total_width$}");
        });
        if detail_width > 0 {
            line.text.push_str("  ");
            line.paint(Style::Dim, |text| {
                let _ = write!(text, "{detail:detail_width$}");
            });
        }
        attributes(&mut line, &point.attributes);
        text.truncate(text.trim_end().len());
        text
    });
    lines.collect()
}

/// How much in all, or at last.
fn total(point: &Point) -> String {
    match point.measured {
        Measured::Value(value) => with_unit(value, &point.unit),
        Measured::Distribution { sum, .. } => with_unit(sum, &point.unit),
    }
}

/// `2 × 640 (80…1200)`
// A count beyond 2^53 is none.
#[allow(clippy::cast_precision_loss)]
fn detail(point: &Point) -> String {
    let Measured::Distribution {
        count,
        sum,
        min,
        max,
    } = point.measured
    else {
        return String::new();
    };
    if count < 2 {
        return String::new();
    }
    let average = sum.as_f64() / count as f64;
    let mut detail = format!("{count} × {}", bare(Amount::Double(average), &point.unit));
    if let (Some(min), Some(max)) = (min, max)
        && min != max
    {
        let (min, max) = (bare(min, &point.unit), bare(max, &point.unit));
        let _ = write!(detail, " ({min}…{max})");
    }
    detail
}

/// `1280 tokens`, `40.3ms`, `$4.20`
fn with_unit(amount: Amount, unit: &str) -> String {
    let bare = bare(amount, unit);
    let counted = unit.strip_prefix('{').and_then(|it| it.strip_suffix('}'));
    match (counted, unit) {
        (_, "s" | "ms" | "{USD}" | "1" | "") => bare,
        (Some(thing), _) if bare == "1" => format!("1 {thing}"),
        (Some(thing), _) => format!("{bare} {thing}s"),
        (None, unit) => format!("{bare} {unit}"),
    }
}

/// The number alone, with its unit only where that is part of how it is written.
fn bare(amount: Amount, unit: &str) -> String {
    let seconds = match unit {
        "s" => Some(amount.as_f64()),
        "ms" => Some(amount.as_f64() / 1e3),
        _ => None,
    };
    if let Some(seconds) = seconds
        && let Ok(duration) = Duration::try_from_secs_f64(seconds.abs())
    {
        let mut text = String::new();
        if seconds < 0.0 {
            text.push('-');
        }
        readable(&mut text, duration);
        return text;
    }
    match amount {
        amount if unit == "{USD}" => {
            let mut text = String::new();
            dollars(&mut text, amount.as_f64());
            text
        }
        Amount::Int(amount) => amount.to_string(),
        Amount::Double(amount) => number(amount),
    }
}

/// Three digits or so, more only before the point.
fn number(value: f64) -> String {
    let digits = match value.abs() {
        large if large >= 100.0 => 0,
        medium if medium >= 10.0 => 1,
        small if small >= 0.01 => 2,
        0.0 => 0,
        _ => return format!("{value:.2e}"),
    };
    let text = format!("{value:.digits$}");
    if digits == 0 {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn attributes(line: &mut Line<'_>, attributes: &[KeyValue]) {
    let mut rest: Vec<&KeyValue> = attributes.iter().collect();
    let mut take = |key: &str| {
        let place = rest.iter().position(|other| other.key.as_str() == key)?;
        Some(rest.remove(place).value.as_str())
    };
    let mut space = "  ";
    let model = take(gen_ai::RESPONSE_MODEL);
    let asked = attributes
        .iter()
        .find(|other| other.key.as_str() == gen_ai::REQUEST_MODEL);
    for key in PLAIN {
        if let Some(value) = take(key) {
            line.text.push_str(space);
            shown(line.text, &value);
            space = " ";
        }
    }
    if let (Some(from), Some(to)) = (take(life::MODE_FROM), take(life::MODE_TO)) {
        line.text.push_str(space);
        line.paint(Style::Yellow, |text| {
            shown(text, &from);
            text.push('→');
            shown(text, &to);
        });
    }
    if let Some(error_type) = take(error::TYPE) {
        line.text.push_str("  ");
        line.paint(Style::Red, |text| {
            text.push_str("✗ ");
            shown(text, &error_type);
        });
    }
    let mut space = "  ";
    if let Some(provider) = take(gen_ai::PROVIDER_NAME) {
        line.text.push_str(space);
        shown(line.text, &provider);
        space = " ";
    }
    // The model that answered is mostly the one that was asked.
    if let Some(model) = model
        && asked.is_none_or(|asked| asked.value.as_str() != model)
    {
        line.text.push_str(space);
        line.attribute(short(gen_ai::RESPONSE_MODEL), &model);
        space = " ";
    }
    for attribute in rest {
        line.text.push_str(space);
        line.attribute(short(attribute.key.as_str()), &attribute.value.as_str());
        space = " ";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_as_one_says_them() {
        for (amount, unit, expected) in [
            (Amount::Int(1_200), "{token}", "1200 tokens"),
            (Amount::Int(1), "{execution}", "1 execution"),
            (Amount::Double(0.0403), "s", "40.3ms"),
            (Amount::Double(-0.5), "s", "-500ms"),
            (Amount::Double(4.2), "{USD}", "$4.20"),
            (Amount::Double(0.004), "{USD}", "$0.004"),
            (Amount::Double(0.25), "1", "0.25"),
            (Amount::Int(7), "", "7"),
            (Amount::Int(512), "By", "512 By"),
            (Amount::Double(0.0), "By", "0 By"),
            (Amount::Double(0.000_012), "1", "1.20e-5"),
            (Amount::Double(1_234.56), "By", "1235 By"),
        ] {
            assert_eq!(with_unit(amount, unit), expected);
        }
    }
}
