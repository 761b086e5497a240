//! Reading the environment, and reporting what can't be read.

use std::cell::RefCell;
use std::fmt::Display;
use std::time::Duration;

use super::options::Named;
use super::text::quote;
use super::warning::Warning;

/// The largest number that a variable may have: what the specification asks for.
const LARGEST: u64 = i32::MAX as u64;

/// What stands for "no limit" in a timeout: some 24 days.
pub(super) const NO_LIMIT: Duration = Duration::from_millis(LARGEST);

/// The environment, and what was found wrong so far.
pub(super) struct Env<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    warnings: RefCell<Vec<Warning>>,
}

/// A value, or what is wrong with the text.
pub(super) type Parsed<T> = Result<T, String>;

impl<'a> Env<'a> {
    pub(super) fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            lookup,
            warnings: RefCell::default(),
        }
    }

    /// The value of a variable, without space around it. One without a value is not set.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let value = (self.lookup)(name)?;
        let trimmed = value.trim();
        (!trimmed.is_empty()).then(|| trimmed.to_owned())
    }

    /// The variable's value, else `current`, which is what a report says holds.
    pub(super) fn read<T>(
        &self,
        name: &str,
        current: T,
        parse: impl FnOnce(&str) -> Parsed<T>,
        show: impl FnOnce(&T) -> String,
    ) -> T {
        match self.text(name).map(|text| parse(&text)) {
            Some(Ok(value)) => value,
            Some(Err(problem)) => {
                self.warn(name, problem, using(show(&current)));
                current
            }
            None => current,
        }
    }

    pub(super) fn number(&self, name: &str, current: usize, smallest: u64) -> usize {
        self.read(
            name,
            current,
            |text| number(text, smallest),
            ToString::to_string,
        )
    }

    /// A limit, where none is one too.
    pub(super) fn limit(&self, name: &str, current: Option<usize>) -> Option<usize> {
        self.read(
            name,
            current,
            |text| number(text, 0).map(Some),
            |limit| limit.map_or_else(|| "no limit".to_owned(), |limit| limit.to_string()),
        )
    }

    pub(super) fn duration(&self, name: &str, current: Duration, smallest: u64) -> Duration {
        self.read(
            name,
            current,
            |text| milliseconds(text, smallest),
            show_duration,
        )
    }

    /// A duration of which 0 means that there is no limit.
    pub(super) fn timeout(&self, name: &str, current: Duration) -> Duration {
        no_limit_if_zero(self.duration(name, current, 0))
    }

    /// A boolean, if it is set. One that can't be read is `false`, as the specification says.
    pub(super) fn boolean(&self, name: &str) -> Option<bool> {
        let text = self.text(name)?;
        let value = text.eq_ignore_ascii_case("true");
        if !value && !text.eq_ignore_ascii_case("false") {
            let problem = format!("{} is neither `true` nor `false`", quote(&text));
            self.warn(name, problem, using("false"));
        }
        Some(value)
    }

    pub(super) fn named<T: Named + PartialEq>(&self, name: &str, current: T) -> T {
        self.read(name, current, one_of, |value| value.name().to_owned())
    }

    /// A list of names, or `none`, which is an empty one. Nothing if the variable says nothing that
    /// can be read; then what `current` shows holds.
    pub(super) fn list<T: Named + PartialEq>(
        &self,
        name: &str,
        current: impl Fn() -> String,
    ) -> Option<Vec<T>> {
        let text = self.text(name)?;
        let entries: Vec<_> = text
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
            .collect();
        let (none, entries): (Vec<&str>, Vec<&str>) = entries
            .into_iter()
            .partition(|entry| entry.eq_ignore_ascii_case("none"));
        let mut values = Vec::new();
        let mut problems = Vec::new();
        for entry in entries {
            match one_of(entry) {
                Ok(value) if values.contains(&value) => {}
                Ok(value) => values.push(value),
                Err(problem) => problems.push(problem),
            }
        }
        if !none.is_empty() && !values.is_empty() {
            problems.push("`none` does not go with others".to_owned());
        }
        let read = (!values.is_empty() || !none.is_empty()).then_some(values);
        if read.is_none() && problems.is_empty() {
            problems.push(format!("{} names nothing", quote(&text)));
        }
        for problem in problems {
            let outcome = read
                .as_ref()
                .map_or_else(&current, |values| show_list(values));
            self.warn(name, problem, using(outcome));
        }
        read
    }

    /// Reports, unless that was reported before.
    pub(super) fn warn(
        &self,
        name: impl Into<String>,
        problem: impl Into<String>,
        outcome: impl Into<String>,
    ) {
        let warning = Warning::new(name, problem, outcome);
        let mut warnings = self.warnings.borrow_mut();
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }

    pub(super) fn into_warnings(self) -> Vec<Warning> {
        self.warnings.into_inner()
    }
}

pub(super) fn using(value: impl Display) -> String {
    format!("using {value}")
}

pub(super) fn show_duration(duration: &Duration) -> String {
    format!("{} ms", duration.as_millis())
}

pub(super) fn no_limit_if_zero(timeout: Duration) -> Duration {
    if timeout.is_zero() { NO_LIMIT } else { timeout }
}

pub(super) fn one_of<T: Named>(text: &str) -> Parsed<T> {
    T::named(text).ok_or_else(|| format!("{} is none of {}", quote(text), T::names()))
}

pub(super) fn number(text: &str, smallest: u64) -> Parsed<usize> {
    let kind = if smallest == 0 {
        "an integer from 0"
    } else {
        "a positive integer"
    };
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u64>() {
        Ok(number) if digits && number >= smallest && number <= LARGEST => {
            usize::try_from(number).map_err(|_| format!("{} is too large", quote(text)))
        }
        Ok(number) if digits && number > LARGEST => {
            Err(format!("{} is more than {LARGEST}", quote(text)))
        }
        _ => Err(format!("{} is not {kind}", quote(text))),
    }
}

pub(super) fn milliseconds(text: &str, smallest: u64) -> Parsed<Duration> {
    let number = number(text, smallest).map_err(|problem| {
        problem
            .replace("an integer from 0", "a number of milliseconds")
            .replace("a positive integer", "a positive number of milliseconds")
    })?;
    Ok(Duration::from_millis(number as u64))
}

pub(super) fn ratio(text: &str) -> Parsed<f64> {
    text.parse()
        .ok()
        .filter(|ratio| is_ratio(*ratio))
        .ok_or_else(|| format!("{} is not a number from 0 to 1", quote(text)))
}

/// Not so for NaN either.
pub(super) fn is_ratio(ratio: f64) -> bool {
    (0.0..=1.0).contains(&ratio)
}

pub(super) fn show_list<T: Named + PartialEq>(values: &[T]) -> String {
    if values.is_empty() {
        return "none".to_owned();
    }
    let names: Vec<_> = values.iter().map(|value| value.name()).collect();
    names.join(",")
}
