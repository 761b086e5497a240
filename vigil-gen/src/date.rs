//! Days, as registries write them.

use std::env;
use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, NaiveDate};
use serde::{Serialize, Serializer};

/// A day of the calendar. Is written, and displays, as `2027-06-30`.
///
/// ```
/// let day: vigil_gen::Date = "2027-06-30".parse()?;
/// assert!("2027-02-29".parse::<vigil_gen::Date>().is_err());
/// assert_eq!(day.to_string(), "2027-06-30");
/// # Ok::<(), vigil_gen::DateError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(NaiveDate);

impl Date {
    /// The day that it is, in UTC: what `SOURCE_DATE_EPOCH` says, in seconds since 1970, if it is set, or
    /// the clock.
    ///
    /// # Errors
    ///
    /// If the variable is set and says nothing of the kind.
    pub fn today() -> Result<Self, DateError> {
        let Some(said) = env::var_os("SOURCE_DATE_EPOCH") else {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            let seconds = now.map_or(0, |since| since.as_secs());
            return Self::since_1970(i64::try_from(seconds).ok()).ok_or_else(|| {
                DateError("the clock says something that no calendar has".to_owned())
            });
        };
        let said = said.to_string_lossy();
        Self::since_1970(said.trim().parse().ok()).ok_or_else(|| {
            DateError(format!(
                "`SOURCE_DATE_EPOCH` is the seconds since 1970, not `{said}`"
            ))
        })
    }

    fn since_1970(seconds: Option<i64>) -> Option<Self> {
        let time = DateTime::from_timestamp(seconds?, 0)?;
        Some(Self(time.date_naive()))
    }
}

impl FromStr for Date {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        let written = text.as_bytes();
        let shaped = written.len() == 10
            && written.iter().enumerate().all(|(at, byte)| match at {
                4 | 7 => *byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
        let day = day.filter(|_| shaped).map(Self);
        day.ok_or_else(|| DateError("a day is written as `2027-06-30`".to_owned()))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why something is no day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateError(String);

impl fmt::Display for DateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DateError {}
