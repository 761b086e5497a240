//! What all definitions have in common: names, docs, units.

use super::fields::{Fields, Vocabulary};
use super::shape::{Cases, Field, Shape, Value, field};
use super::upkeep::{Upkeep, read_upkeep};
use super::{DocsDef, Located, Reading};
use crate::codes;
use crate::diagnostic::{Diagnostic, Diagnostics, quoted};
use crate::locations::Kind;
use crate::registry::{Deprecated, DeprecationReason, Origin, Stability};
use crate::yaml::Node;

pub(super) const STABILITY: Vocabulary<Stability> = Vocabulary {
    what: "stability",
    code: codes::INVALID_STABILITY,
    words: &[
        ("development", Stability::Development),
        ("alpha", Stability::Alpha),
        ("beta", Stability::Beta),
        ("release_candidate", Stability::ReleaseCandidate),
        ("stable", Stability::Stable),
    ],
    // Spellings of the format's earlier versions, which upstream's tool still reads.
    also: &[
        ("experimental", Stability::Development),
        ("deprecated", Stability::Development),
    ],
};

/// `brief`, as a definition has it.
pub(super) const BRIEF: Field = field!(
    "brief",
    Value::Sentence,
    "One sentence that leads with the meaning and names unit and range. It becomes the first line of the Rust docs.",
);

/// `note`
pub(super) const NOTE: Field = field!("note", Value::Text, "What else one must know.");

/// `stability`
pub(super) const STABILITY_FIELD: Field = field!(
    "stability",
    Value::Named("stability", &Value::Word(&STABILITY)),
    "`development`, `alpha`, `beta`, `release_candidate` or `stable`. `experimental`, of an earlier format, is read as `development`.",
);

/// `deprecated`
pub(super) const DEPRECATED: Field = field!(
    "deprecated",
    Value::Named(
        "deprecated",
        &Value::Either(&[Value::Cases(&DEPRECATIONS), Value::Text])
    ),
    "`{ reason: renamed, renamed_to: KEY }`, or `{ reason: obsoleted, note: … }`, or `{ reason: uncategorized, note: … }`. A mere text, of an earlier format, is read as a note without a reason.",
);

/// What every definition may say of itself.
pub(super) const DOCS: &[Field] = &[BRIEF, NOTE, STABILITY_FIELD, DEPRECATED];

/// Enters a name. False, and an error, if it is taken.
pub(super) fn declare(kind: Kind, name: &Located<String>, reading: &mut Reading<'_>) -> bool {
    let Some(first) = reading.definitions.locations.get(kind, &name.value) else {
        reading
            .definitions
            .locations
            .add(kind, &name.value, name.at);
        if name_problem(&name.value).is_some() {
            let mended = mended_name(&name.value);
            let locations = &mut reading.definitions.locations;
            locations.malformed(kind, &name.value, mended);
        }
        return true;
    };
    let code = match kind {
        Kind::Attribute => codes::DUPLICATE_ATTRIBUTE,
        Kind::Group => codes::DUPLICATE_GROUP,
        Kind::Span => codes::DUPLICATE_SPAN,
        Kind::Metric => codes::DUPLICATE_METRIC,
        Kind::Event => codes::DUPLICATE_EVENT,
        Kind::Entity => codes::DUPLICATE_ENTITY,
    };
    let registries = [first.file, name.at.file].map(|file| {
        let registry = reading.definitions.registry_of(file);
        registry.map(|it| (it.root, it.name.as_str()))
    });
    let label = match registries {
        [Some((one, name)), Some((other, _))] if one != other => {
            format!("first defined here, in the registry {}", quoted(name))
        }
        _ => "first defined here".to_owned(),
    };
    reading.diagnostics.push(
        Diagnostic::new(
            code,
            name.at,
            format!("{} is defined twice", quoted(&name.value)),
        )
        .with_secondary(first, label),
    );
    false
}

/// OpenTelemetry's naming rules: lowercase words of letters and digits, joined by single `.` or
/// `_`, beginning with a letter. A name may be another one's namespace; upstream has such names.
pub(super) fn check_name(what: &str, name: &Located<String>, diagnostics: &mut Diagnostics) {
    let text = &name.value;
    if text.is_empty() {
        diagnostics.push(Diagnostic::new(
            codes::INVALID_NAME,
            name.at,
            format!("{what} must not be empty"),
        ));
        return;
    }
    let Some(problem) = name_problem(text) else {
        return;
    };
    let help = mended_name(text).map(|name| format!("write `{name}`"));
    let message = format!("{what} {problem}, unlike {}", quoted(text));
    diagnostics.push(Diagnostic::new(codes::INVALID_NAME, name.at, message).with_help_if(help));
}

/// What is wrong with a name, to follow "a name".
fn name_problem(text: &str) -> Option<&'static str> {
    if !text.starts_with(|c: char| c.is_ascii_lowercase()) {
        Some("begins with a lowercase letter")
    } else if !text
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_'))
    {
        Some("is made of lowercase letters, digits, `.` and `_`")
    } else if text.ends_with(['.', '_']) {
        Some("does not end in `.` or `_`")
    } else if ["..", "__", "._", "_."]
        .iter()
        .any(|pair| text.contains(pair))
    {
        Some("has no two of `.` and `_` next to each other")
    } else {
        None
    }
}

/// A name against the rules as it was most likely meant: `life.runId` is `life.run_id`.
fn mended_name(text: &str) -> Option<String> {
    let mut mended = String::with_capacity(text.len() + 4);
    let mut before = '.';
    for c in text.trim().chars() {
        let capital = c.is_ascii_uppercase();
        if capital && (before.is_ascii_lowercase() || before.is_ascii_digit()) {
            mended.push('_');
        }
        before = c;
        let c = match c {
            '-' | ' ' | '/' | ':' => '_',
            c => c.to_ascii_lowercase(),
        };
        let joins = |c: char| matches!(c, '.' | '_');
        match mended.pop() {
            // Of two separators the dot is the one that counts.
            Some(last) if joins(last) && joins(c) => mended.push(last.min(c)),
            Some(last) => mended.extend([last, c]),
            None => mended.push(c),
        }
    }
    let mended = mended.trim_matches(['.', '_']);
    (mended != text && name_problem(mended).is_none()).then(|| mended.to_owned())
}

/// Brief, note, stability, deprecation, owner and expiry.
pub(super) fn read_docs(
    fields: &Fields<'_>,
    origin: &Origin,
    diagnostics: &mut Diagnostics,
) -> DocsDef {
    let brief = fields.prose("brief", diagnostics);
    if brief.as_ref().is_some_and(String::is_empty)
        && let Some(entry) = fields.entry("brief")
    {
        diagnostics.push(
            Diagnostic::new(codes::MISSING_FIELD, entry.key_at, "the `brief` is empty")
                .with_help("say in a sentence what this is"),
        );
    }
    let Upkeep { owner, expires } = read_upkeep(fields, diagnostics);
    DocsDef {
        brief,
        note: fields.prose("note", diagnostics),
        stability: fields
            .word("stability", &STABILITY, diagnostics)
            .map(|it| it.value),
        deprecated: fields
            .get("deprecated")
            .and_then(|node| read_deprecated(node, diagnostics)),
        owner,
        expires,
        origin: origin.clone(),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reason {
    Renamed,
    Obsoleted,
    Uncategorized,
    Unspecified,
}

const REASONS: Vocabulary<Reason> = Vocabulary {
    what: "reason of deprecation",
    code: codes::INVALID_DEPRECATION,
    words: &[
        ("renamed", Reason::Renamed),
        ("obsoleted", Reason::Obsoleted),
        ("uncategorized", Reason::Uncategorized),
    ],
    // Stands for the sentence of the format's first version; nobody should write it anew.
    also: &[("unspecified", Reason::Unspecified)],
};

const RENAMED_TO: Field = field!(
    "renamed_to",
    Value::Text,
    "The name that takes the place of this one.",
);

const WHY: Field = field!("note", Value::Text, "Why, and what to use instead.");

static RENAMING: Shape = Shape {
    what: "a renaming",
    name: "renaming",
    required: &["reason", "renamed_to"],
    fields: &[&[
        field!(
            "reason",
            Value::Is(&["renamed"]),
            "`renamed`, `obsoleted` or `uncategorized`.",
        ),
        RENAMED_TO,
        WHY,
    ]],
};

/// Upstream's schema asks for a `note` and says nothing of `renamed_to`; its registry has
/// deprecations without the one and with the other, so neither is a reason to refuse.
static DEPRECATION: Shape = Shape {
    what: "a deprecation",
    name: "deprecation",
    required: &["reason"],
    fields: &[&[
        field!(
            "reason",
            Value::Is(&["obsoleted", "uncategorized", "unspecified"]),
            "`renamed`, `obsoleted` or `uncategorized`.",
        ),
        WHY,
        RENAMED_TO,
    ]],
};

static DEPRECATIONS: Cases = Cases {
    key: "reason",
    shapes: &[&RENAMING, &DEPRECATION],
};

fn read_deprecated(node: &Node, diagnostics: &mut Diagnostics) -> Option<Located<Deprecated>> {
    // The format's first version had only a sentence here, which upstream's tool still reads.
    if let Some(sentence) = node.text() {
        let deprecated = Deprecated {
            reason: DeprecationReason::Unspecified,
            note: sentence.trim().to_owned(),
        };
        return Some(Located::new(deprecated, node.at));
    }
    // The other fields depend on the reason: without one, only that it is missing can be said.
    let reason = match node.get("reason").filter(|node| !node.is_null()) {
        Some(node) => Some(REASONS.read(node, diagnostics)?.value),
        None => None,
    };
    let renamed = reason == Some(Reason::Renamed);
    let fields = Fields::open(
        node,
        if renamed { &RENAMING } else { &DEPRECATION },
        diagnostics,
    )?;
    let explanation = fields.prose("note", diagnostics).unwrap_or_default();
    let (reason, at) = match reason? {
        Reason::Renamed => {
            let to = fields.text("renamed_to", diagnostics)?;
            (DeprecationReason::Renamed(to.value), to.at)
        }
        Reason::Obsoleted => (DeprecationReason::Obsoleted, node.at),
        Reason::Uncategorized => (DeprecationReason::Uncategorized, node.at),
        Reason::Unspecified => (DeprecationReason::Unspecified, node.at),
    };
    Some(Located::new(
        Deprecated {
            reason,
            note: explanation,
        },
        at,
    ))
}
