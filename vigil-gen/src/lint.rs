//! What can be said against a registry that is in order.
//!
//! Every lint is a row of one table, [`LINTS`]: its name, its level, what it is for, and the function
//! that judges. It looks at what the registry itself defines; what it takes from others is theirs. A
//! [level](Levels) decides whether what it finds is told, keeps anything from being written, or neither;
//! `annotations.vigil.allow` suppresses it where it occurs.

mod allows;
mod content;
mod levels;
mod metrics;
mod names;
mod promises;
mod rules;
mod scope;
mod texts;
mod upkeep;

use std::fmt;

use serde::Serialize;

use crate::Checked;
use crate::codes;
use crate::date::Date;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, nearest, quoted};
use crate::schema::Located;
use crate::schema::shape::{Words, without_links};
use scope::Scope;

pub use levels::{GROUPS, Level, LevelError, Levels};
pub use metrics::MOST_SERIES;
pub use rules::LINTS;

/// Something that can be said against a registry.
#[derive(Debug)]
pub struct Lint {
    /// What it is called: `unit-in-name`.
    pub name: &'static str,
    /// What becomes of it unless somebody says otherwise.
    pub level: Level,
    /// What it finds, in a line of Markdown.
    pub meaning: &'static str,
    /// What to do about it, likewise. Links lead to sections of `docs/registry.md`.
    pub remedy: &'static str,
    /// Whether it compares with an earlier state of the registry, and finds nothing without one.
    pub needs_baseline: bool,
    judge: fn(&Scope<'_>) -> Vec<Diagnostic>,
}

impl Lint {
    /// What it finds, in a line without links.
    pub fn meaning(&self) -> String {
        without_links(self.meaning)
    }
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            level,
            meaning,
            remedy,
            ..
        } = self;
        let [meaning, remedy] = [meaning, remedy].map(|it| codes::from_the_workspace(it));
        let level = level.word();
        write!(
            f,
            "{name}: {meaning}\n\n{remedy}\n\nA lint, `{level}` unless `vigil-gen.toml` says otherwise.\n"
        )
    }
}

/// All lints as JSON, indented, each with the level that it has and its own. Keys are only ever added.
pub fn json(levels: &Levels) -> String {
    #[derive(Serialize)]
    struct Row<'a> {
        name: &'a str,
        level: &'a str,
        default: &'a str,
        meaning: String,
        needs_baseline: bool,
    }
    let rows = LINTS.iter().map(|lint| Row {
        name: lint.name,
        level: levels.of(lint).word(),
        default: lint.level.word(),
        meaning: lint.meaning(),
        needs_baseline: lint.needs_baseline,
    });
    let rows: Vec<Row<'_>> = rows.collect();
    let mut text = serde_json::to_string_pretty(&rows).unwrap_or_default();
    text.push('\n');
    text
}

/// The lint of that name.
pub fn find(name: &str) -> Option<&'static Lint> {
    LINTS.iter().find(|lint| lint.name == name)
}

/// The error for a name that is no lint's, nor one of the `others` that may stand there.
pub(crate) fn unknown(
    name: &Located<String>,
    others: impl IntoIterator<Item = &'static str>,
) -> Diagnostic {
    let message = format!("there is no lint {}", quoted(&name.value));
    Diagnostic::new(codes::UNKNOWN_LINT, name.at, message).with_help(help_for(&name.value, others))
}

/// What was most likely meant by a name that is no lint's.
fn help_for(name: &str, others: impl IntoIterator<Item = &'static str>) -> String {
    let known = LINTS.iter().map(|lint| lint.name).chain(others);
    match nearest(name, known) {
        Some(guess) => format!("did you mean {}?", quoted(guess)),
        None => "`vigil-gen lints` lists all of them".to_owned(),
    }
}

/// The names of all lints, for editors.
pub(crate) struct LintNames;

impl Words for LintNames {
    fn offered(&self) -> Vec<&'static str> {
        LINTS.iter().map(|lint| lint.name).collect()
    }

    fn also(&self) -> Vec<&'static str> {
        Vec::new()
    }
}

/// What lints go by, besides the registry.
#[derive(Clone, Debug)]
pub struct Judging<'a> {
    /// What becomes of what each of them finds.
    pub levels: &'a Levels,
    /// The day that it is.
    pub today: Date,
    /// An earlier state of the registry, for the lints that compare.
    pub baseline: Option<&'a Checked>,
}

/// Judges a registry: errors and warnings, as the levels say, without what is suppressed where it occurs.
pub fn lint(checked: &Checked, judging: &Judging<'_>) -> Diagnostics {
    judge(LINTS, checked, judging)
}

/// Judges a registry of which some references are missing: nobody knows what is suppressed there.
pub(crate) fn lint_in_part(checked: &Checked, judging: &Judging<'_>) -> Diagnostics {
    let (_last, others) = LINTS.split_last().unzip();
    judge(others.unwrap_or_default(), checked, judging)
}

fn judge(lints: &'static [Lint], checked: &Checked, judging: &Judging<'_>) -> Diagnostics {
    let mut used = vec![false; checked.allows.len()];
    let mut found = Diagnostics::new();
    // All of them judge, whatever their level: what a suppressed one finds is not left over.
    for lint in lints {
        let findings = (lint.judge)(&Scope::new(lint, checked, judging, &used));
        let severity = match judging.levels.of(lint) {
            Level::Allow => None,
            Level::Warn => Some(Severity::Warning),
            Level::Deny => Some(Severity::Error),
        };
        for finding in findings {
            let allows = checked.allows.iter().enumerate();
            let covering = allows.filter(|(_, it)| {
                // One that suppresses nothing does not suppress that this is told.
                let itself = it.lint.at == finding.primary;
                it.lint.value.name == lint.name && it.covers(finding.primary) && !itself
            });
            let nearest = covering
                .rev()
                .max_by_key(|(_, it)| it.nearness())
                .map(|(index, _)| index);
            match (nearest, severity) {
                (Some(index), _) => used[index] = true,
                (None, Some(severity)) => found.push(finding.with_severity(severity)),
                (None, None) => {}
            }
        }
    }
    found.sorted()
}
