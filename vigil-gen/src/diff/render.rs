//! Changes as text, Markdown and JSON.

use std::fmt;

use serde_json::{Value, json};

use super::{Audience, Change, Diff, Judgement, rules};
use crate::lower::docs::wrap;
use crate::render::markdown::tame;
use crate::report::counted;

/// How long a line of a changelog may be.
const WIDTH: usize = 110;

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = None;
        for change in &self.changes {
            let place = (change.subject, &change.name);
            if last.replace(place) != Some(place) {
                writeln!(f, "{} {}", change.subject, change.name)?;
            }
            let rule = change.rule;
            writeln!(f, "  {} [{}]", change.what, rule.name)?;
            for (audience, judgement) in [("code", &rule.code), ("dashboards", &rule.dashboards)] {
                let verdict = match judgement {
                    Judgement::Fine(_) => "fine",
                    Judgement::Announced(_) => "BREAKING, announced",
                    Judgement::Breaks(_) => "BREAKING",
                };
                writeln!(f, "    {audience}: {verdict}: {}", judgement.reason())?;
            }
            if let Some(instead) = rule.instead {
                writeln!(f, "    instead: {instead}")?;
            }
        }
        writeln!(f, "{}", self.summary())
    }
}

impl Diff {
    /// How many changes there are, and how many break something.
    pub fn summary(&self) -> String {
        if self.changes.is_empty() {
            return "no changes".to_owned();
        }
        let changes = counted(self.changes.len(), "change");
        let announced = |audience| match self.announced(audience) {
            0 => String::new(),
            count => format!(" ({count} announced)"),
        };
        format!(
            "{changes}: {} breaking for code{}, {} for dashboards{}",
            self.breaking(Audience::Code),
            announced(Audience::Code),
            self.breaking(Audience::Dashboards),
            announced(Audience::Dashboards)
        )
    }

    /// As the section *Registry* of a changelog: what breaks first, what was added last.
    pub fn markdown(&self) -> String {
        format!("### Registry\n\n{}", self.section())
    }

    /// What stands in that section.
    pub(super) fn section(&self) -> String {
        if self.changes.is_empty() {
            return "No changes.\n".to_owned();
        }
        let added = |it: &&Change| it.rule.name == rules::ADDED.name;
        let (added, changed): (Vec<&Change>, Vec<&Change>) = self.changes.iter().partition(added);
        let (breaking, fine): (Vec<&Change>, Vec<&Change>) = changed
            .into_iter()
            .partition(|it| it.breaks_for().is_some());
        let items = breaking.into_iter().chain(fine).map(Change::item);
        items
            .chain(additions(&added))
            .map(|it| lines(&it))
            .collect()
    }

    /// As JSON, indented. Keys are only ever added.
    pub fn json(&self) -> String {
        let changes: Vec<Value> = self.changes.iter().map(Change::json).collect();
        let whole = json!({
            "breaking": {
                "code": self.breaking(Audience::Code),
                "dashboards": self.breaking(Audience::Dashboards),
            },
            "announced": {
                "code": self.announced(Audience::Code),
                "dashboards": self.announced(Audience::Dashboards),
            },
            "changes": changes,
        });
        let mut text = serde_json::to_string_pretty(&whole).unwrap_or_default();
        text.push('\n');
        text
    }
}

impl Change {
    /// Whom it breaks something for, and whether that was announced, in words.
    fn breaks_for(&self) -> Option<String> {
        let whom = [
            ("code", Audience::Code),
            ("dashboards", Audience::Dashboards),
        ];
        let words: Vec<String> = whom
            .into_iter()
            .filter_map(|(word, audience)| match self.judgement(audience) {
                Judgement::Fine(_) => None,
                Judgement::Announced(_) => Some(format!("{word} (announced)")),
                Judgement::Breaks(_) => Some(word.to_owned()),
            })
            .collect();
        (!words.is_empty()).then(|| words.join(" and "))
    }

    fn item(&self) -> String {
        let mut item = format!("{} `{}`: {}.", sentence(self.subject), self.name, self.what);
        if let Some(whom) = self.breaks_for() {
            let judgements = [&self.rule.code, &self.rule.dashboards].into_iter();
            let mut reasons: Vec<&str> = judgements
                .filter(|it| it.breaks())
                .map(Judgement::reason)
                .collect();
            reasons.dedup();
            item = format!("{item} **Breaking for {whom}**: {}.", reasons.join("; "));
        }
        match self.rule.migration {
            Some(migration) => format!("{item} What to do: {migration}."),
            None => item,
        }
    }

    fn json(&self) -> Value {
        let verdict = |it: &Judgement| {
            json!({
                "breaking": it.breaks(),
                "announced": it.announced(),
                "reason": it.reason(),
            })
        };
        json!({
            "subject": self.subject,
            "name": self.name,
            "rule": self.rule.name,
            "what": self.what,
            "code": verdict(&self.rule.code),
            "dashboards": verdict(&self.rule.dashboards),
            "instead": self.rule.instead,
            "migration": self.rule.migration,
        })
    }
}

/// What was added, by kind, and attributes by the first part of their keys.
fn additions(added: &[&Change]) -> Vec<String> {
    let kind = |change: &Change| match change.name.split_once('.') {
        Some((namespace, _)) if change.subject == "attribute" => {
            (change.subject, namespace.to_owned())
        }
        _ => (change.subject, String::new()),
    };
    let kinds = added.chunk_by(|a, b| kind(a) == kind(b));
    kinds
        .filter_map(|list| {
            let (subject, namespace) = kind(list.first()?);
            let of = match namespace.as_str() {
                "" => String::new(),
                namespace => format!(" of `{namespace}`"),
            };
            let names: Vec<String> = list.iter().map(|it| format!("`{}`", it.name)).collect();
            let what = counted(list.len(), subject);
            Some(format!("Added {what}{of}: {}.", names.join(", ")))
        })
        .collect()
}

/// An item of a list. HTML in it would be the reader's page.
fn lines(item: &str) -> String {
    let mut lines = wrap(&tame(item), "- ", "  ", WIDTH).join("\n");
    lines.push('\n');
    lines
}

/// With a capital.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|it| it.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
