//! Changes as text, Markdown and JSON.

use std::fmt;

use serde_json::{Value, json};

use super::{Audience, Change, Diff, Judgement};

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
    fn summary(&self) -> String {
        let count = |count: usize| match count {
            0 => "no changes".to_owned(),
            1 => "1 change".to_owned(),
            count => format!("{count} changes"),
        };
        let changes = count(self.changes.len());
        if self.changes.is_empty() {
            return changes;
        }
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

    /// As the section *Registry* of a changelog: what breaks first, then the rest.
    pub fn markdown(&self) -> String {
        let mut text = "### Registry\n\n".to_owned();
        if self.changes.is_empty() {
            text.push_str("No changes.\n");
        }
        let (breaking, fine): (Vec<&Change>, Vec<&Change>) = self
            .changes
            .iter()
            .partition(|it| it.breaks_for().is_some());
        for change in breaking.into_iter().chain(fine) {
            text.push_str(&change.item());
        }
        text
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
        let mut item = format!("- {} `{}`: {}.", self.subject, self.name, self.what);
        if let Some(whom) = self.breaks_for() {
            let judgements = [&self.rule.code, &self.rule.dashboards].into_iter();
            let mut reasons: Vec<&str> = judgements
                .filter(|it| it.breaks())
                .map(Judgement::reason)
                .collect();
            reasons.dedup();
            item = format!("{item} **Breaking for {whom}**: {}.", reasons.join("; "));
            if let Some(instead) = self.rule.instead {
                item = format!("{item} Without breaking: {instead}.");
            }
        }
        item + "\n"
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
        })
    }
}
