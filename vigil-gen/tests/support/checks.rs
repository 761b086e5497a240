//! What holds of whatever is refused.

use vigil_gen::Checked;
use vigil_gen::diagnostic::{Rejected, Warnings};
use vigil_gen::lint::{Judging, Level, Levels, lint};

/// Errors of a registry as a whole, which no file can be blamed for.
const WHOLE: [&str; 6] = [
    "no-registry",
    "no-manifest",
    "empty-registry",
    "unreadable-file",
    "file-too-large",
    "identifier-collision",
];

/// There are errors, each is at a place that there is, and all can be printed.
pub(crate) fn rejected(rejected: &Rejected) {
    assert!(!rejected.diagnostics.is_empty());
    for error in &rejected.diagnostics {
        let at = error.primary;
        let lines = rejected.sources.text(at.file).split('\n').count();
        let somewhere = at.line > 0 && at.column > 0 && at.line as usize <= lines + 1;
        assert!(
            somewhere || WHOLE.contains(&error.code),
            "{}: {} is at {}",
            error.code,
            error.message,
            rejected.sources.position(at)
        );
    }
    assert!(rejected.to_string().contains("error["));
    let lines = rejected.diagnostics.json_lines(&rejected.sources);
    assert_eq!(lines.lines().count(), rejected.diagnostics.len());
    for line in lines.lines() {
        assert!(line.starts_with('{') && line.ends_with('}'), "{line}");
    }
}

/// Whatever is read can be judged, and what is found is at a place that there is, and can be printed.
pub(crate) fn judged(checked: &Checked) {
    let mut levels = Levels::default();
    levels.give([("all", Level::Warn)]).unwrap();
    let judging = Judging {
        levels: &levels,
        today: "2026-11-28".parse().unwrap(),
        baseline: Some(checked),
    };
    let found = Warnings {
        diagnostics: lint(checked, &judging),
        sources: checked.sources.clone(),
    };
    for finding in &found.diagnostics {
        let at = finding.primary;
        let lines = found.sources.text(at.file).split('\n').count();
        let somewhere = at.line > 0 && at.column > 0 && at.line as usize <= lines;
        assert!(somewhere, "{}: {}", finding.code, finding.message);
    }
    assert_eq!(found.to_string().is_empty(), found.diagnostics.is_empty());
    assert_eq!(found.json_lines().lines().count(), found.diagnostics.len());
}
