//! The time of a line, in UTC.

use std::cell::Cell;
use std::time::{Duration, SystemTime};

use super::number::{ascii, digit, fill};

const DAY: u64 = 24 * 60 * 60;

/// `2026-11-22T19:31:51.123456Z`, as RFC 3339 has it.
pub(super) fn rfc3339(line: &mut String, time: SystemTime) {
    let time = since_epoch(time);
    let second = Second::of(time);
    // One text, as each costs a look at all of it.
    let mut text = [b'.'; LONGEST + ".000000Z".len()];
    text[..LONGEST].copy_from_slice(&second.text);
    fill(&mut text[LONGEST + 1..LONGEST + 7], time.subsec_micros());
    text[LONGEST + 7] = b'Z';
    line.push_str(ascii(&text[second.start..]));
}

/// `19:31:51.123`
pub(super) fn of_day(line: &mut String, time: SystemTime) {
    let time = since_epoch(time);
    let second = Second::of(time);
    let mut text = [b'.'; CLOCK + ".000".len()];
    text[..CLOCK].copy_from_slice(&second.text[LONGEST - CLOCK..]);
    fill(&mut text[CLOCK + 1..], time.subsec_millis());
    line.push_str(ascii(&text));
}

/// How a second reads. Lines come many in one, so a thread keeps its last.
#[derive(Clone, Copy)]
struct Second {
    since_epoch: u64,
    /// At the end of it: `2026-11-22T19:31:51`.
    text: [u8; LONGEST],
    start: usize,
}

/// The year of the last `SystemTime` has twelve digits.
const LONGEST: usize = "292277026596-12-04T15:30:07".len();
const CLOCK: usize = "15:30:07".len();

thread_local! {
    static SECOND: Cell<Option<Second>> = const { Cell::new(None) };
}

impl Second {
    fn of(time: Duration) -> Self {
        match SECOND.get() {
            Some(second) if second.since_epoch == time.as_secs() => second,
            _ => {
                let second = Self::new(time.as_secs());
                SECOND.set(Some(second));
                second
            }
        }
    }

    fn new(since_epoch: u64) -> Self {
        let (year, month, day) = date(since_epoch / DAY);
        let of_day = since_epoch % DAY;
        let mut text = [0; LONGEST];
        let mut start = LONGEST;
        for (number, width, before) in [
            (of_day % 60, 2, Some(b':')),
            (of_day / 60 % 60, 2, Some(b':')),
            (of_day / 3600, 2, Some(b'T')),
            (day, 2, Some(b'-')),
            (month, 2, Some(b'-')),
            (year, 4, None),
        ] {
            let mut rest = number;
            let mut written = 0;
            while rest > 0 || written < width {
                start -= 1;
                text[start] = digit(rest);
                rest /= 10;
                written += 1;
            }
            if let Some(before) = before {
                start -= 1;
                text[start] = before;
            }
        }
        Self {
            since_epoch,
            text,
            start,
        }
    }
}

/// A clock that is set to before 1970 tells nothing.
fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}

/// Year, month and day in the Gregorian calendar, `days` after 1970-01-01.
///
/// Counted in years that begin in March, so that the leap day is the last of its year; 400 such
/// years have 146,097 days, and five months from March or August on have 153.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = 400 * era + year_of_era;
    if month < 10 {
        (year, month + 3, day)
    } else {
        (year + 1, month - 9, day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_rfc_3339_has_them() {
        let cases = [
            (0, 0, "1970-01-01T00:00:00.000000Z"),
            (951_782_399, 999_999_999, "2000-02-28T23:59:59.999999Z"),
            (951_782_400, 1_000, "2000-02-29T00:00:00.000001Z"),
            (951_868_800, 0, "2000-03-01T00:00:00.000000Z"),
            (1_735_689_599, 0, "2024-12-31T23:59:59.000000Z"),
            (1_735_689_600, 0, "2025-01-01T00:00:00.000000Z"),
            (4_107_542_400, 0, "2100-03-01T00:00:00.000000Z"),
            (253_402_300_800, 0, "10000-01-01T00:00:00.000000Z"),
        ];
        for (seconds, nanos, expected) in cases {
            let mut line = String::new();
            let time = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos);
            rfc3339(&mut line, time);
            assert_eq!(line, expected);
        }
    }

    #[test]
    fn a_clock_before_1970_tells_the_epoch() {
        let mut line = String::new();
        of_day(
            &mut line,
            SystemTime::UNIX_EPOCH - Duration::from_secs(86_400),
        );
        assert_eq!(line, "00:00:00.000");
    }
}
