//! What holds of whatever is refused.

use vigil_gen::diagnostic::Rejected;

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
