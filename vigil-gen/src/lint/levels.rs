//! What becomes of what lints find.

use std::collections::BTreeMap;
use std::fmt;

use super::{LINTS, Lint, find, help_for};
use crate::diagnostic::quoted;

/// What becomes of what a lint finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing.
    Allow,
    /// It is told.
    Warn,
    /// It is an error: nothing is written.
    Deny,
}

impl Level {
    /// The levels, as they are written.
    pub(crate) const WORDS: &'static [(&'static str, Self)] = &[
        ("allow", Self::Allow),
        ("warn", Self::Warn),
        ("deny", Self::Deny),
    ];

    /// As it is written: `deny`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Warn => "warn",
            Self::Deny => "deny",
        }
    }
}

/// What can be given a level in place of a lint: all of them, and those that would warn.
pub const GROUPS: [&str; 2] = ["all", "warnings"];

/// The level of each lint: its own, unless it was given another one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    given: BTreeMap<&'static str, Level>,
}

impl Levels {
    /// That of a lint.
    pub fn of(&self, lint: &Lint) -> Level {
        self.given.get(lint.name).copied().unwrap_or(lint.level)
    }

    /// Gives levels to lints, by their names. Whatever the order, `all` comes first, then single lints, then
    /// `warnings`: those that would warn by then.
    ///
    /// ```
    /// use vigil_gen::lint::{Level, Levels, find};
    ///
    /// let mut levels = Levels::default();
    /// levels.give([("expired", Level::Warn), ("all", Level::Deny)])?;
    /// assert_eq!(levels.of(find("expired").unwrap()), Level::Warn);
    /// assert_eq!(levels.of(find("unit-in-name").unwrap()), Level::Deny);
    /// # Ok::<(), vigil_gen::lint::LevelError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If a name is no lint's, or one gets two levels. Then none is given.
    pub fn give<'n>(
        &mut self,
        levels: impl IntoIterator<Item = (&'n str, Level)>,
    ) -> Result<(), LevelError> {
        let mut named = BTreeMap::new();
        for (name, level) in levels {
            if find(name).is_none() && !GROUPS.contains(&name) {
                let help = help_for(name, GROUPS);
                return Err(LevelError(format!(
                    "there is no lint {}; {help}",
                    quoted(name)
                )));
            }
            if named.insert(name, level).is_some_and(|it| it != level) {
                return Err(LevelError(format!("{} gets two levels", quoted(name))));
            }
        }
        if let Some(level) = named.get("all") {
            self.given = LINTS.iter().map(|lint| (lint.name, *level)).collect();
        }
        for lint in LINTS {
            if let Some(level) = named.get(lint.name) {
                self.given.insert(lint.name, *level);
            }
        }
        if let Some(level) = named.get("warnings") {
            for lint in LINTS {
                if self.of(lint) == Level::Warn {
                    self.given.insert(lint.name, *level);
                }
            }
        }
        Ok(())
    }
}

/// Why lints were given no levels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelError(String);

impl fmt::Display for LevelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LevelError {}
