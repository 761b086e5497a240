//! Numbers, in both formats: they are most of a line, and `fmt` takes its time.

use std::fmt::Write;

/// An integer.
pub(super) fn int(line: &mut String, value: impl itoa::Integer) {
    line.push_str(itoa::Buffer::new().format(value));
}

/// A finite number as `Debug` writes it: the shortest that is read as the same, with a point or an
/// exponent.
pub(super) fn double(line: &mut String, value: f64) {
    if is_ordinary(value) {
        line.push_str(zmij::Buffer::new().format_finite(value));
    } else {
        let _ = write!(line, "{value:?}");
    }
}

/// A number as `Display` writes it: without a point where it is whole.
pub(super) fn plain_double(line: &mut String, value: f64) {
    if is_ordinary(value) {
        let mut buffer = zmij::Buffer::new();
        let text = buffer.format_finite(value);
        line.push_str(text.strip_suffix(".0").unwrap_or(text));
    } else {
        let _ = write!(line, "{value}");
    }
}

/// Whether everybody writes it without an exponent. They differ in where it begins.
fn is_ordinary(value: f64) -> bool {
    value == 0.0 || (1e-4..1e15).contains(&value.abs())
}

/// The last so many digits of the number.
pub(super) fn digits<const WIDTH: usize>(line: &mut String, number: u32) {
    let mut text = [b'0'; WIDTH];
    fill(&mut text, number);
    line.push_str(ascii(&text));
}

/// The last digits of the number, as many as there is room for.
#[inline]
pub(super) fn fill(text: &mut [u8], number: u32) {
    let mut rest = number;
    for place in text.iter_mut().rev() {
        *place = digit(rest.into());
        rest /= 10;
    }
}

/// The last digit of the number.
pub(super) fn digit(number: u64) -> u8 {
    b"0123456789"[usize::try_from(number % 10).unwrap_or_default()]
}

/// Text of ASCII alone.
pub(super) fn ascii(text: &[u8]) -> &str {
    std::str::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_read_as_the_standard_library_writes_them() {
        for value in [
            0.0,
            -0.0,
            1.0,
            -1.0,
            0.1,
            0.7,
            4.75,
            1e-4,
            9.9e-5,
            1.234e-5,
            1e-300,
            123_456.789,
            1e14,
            1e15,
            1e16,
            1.5e17,
            1e300,
            f64::MIN_POSITIVE,
            f64::MAX,
            0.1 + 0.2,
            999_999_999_999_999.9,
        ] {
            let (mut debug, mut display) = (String::new(), String::new());
            double(&mut debug, value);
            plain_double(&mut display, value);
            assert_eq!(debug, format!("{value:?}"));
            assert_eq!(display, format!("{value}"));
        }
    }

    #[test]
    fn digits_are_as_many_as_asked_for() {
        let mut line = String::new();
        digits::<6>(&mut line, 42);
        digits::<3>(&mut line, 999);
        assert_eq!(line, "000042999");
    }
}
