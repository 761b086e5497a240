//! Doc comments: prose of the registry as lines of rustdoc.

use crate::registry::{Deprecated, DeprecationReason, RequirementLevel, Stability};

/// How long a line may be, so that it fits within an item of an `impl`.
const WIDTH: usize = 92;

/// Doc comments in the making.
#[derive(Default)]
pub(crate) struct Docs {
    lines: Vec<String>,
}

impl Docs {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a paragraph that is rustdoc already: links and code are meant.
    pub(crate) fn paragraph(mut self, text: &str) -> Self {
        if !text.is_empty() {
            self.separate();
            self.wrap(&guarded(text), "", "");
        }
        self
    }

    /// Adds a sentence of the registry as a paragraph.
    pub(crate) fn brief(self, text: &str) -> Self {
        let text = sentence(&escape(&one_line(text)));
        self.paragraph(&text)
    }

    /// Adds Markdown of the registry.
    pub(crate) fn note(mut self, text: &str) -> Self {
        for block in blocks(text) {
            match block {
                Block::Paragraph(text) => self = self.paragraph(&escape(&text)),
                Block::Item {
                    indent,
                    marker,
                    text,
                } => {
                    if !matches!(self.lines.last(), Some(last) if is_item(last)) {
                        self.separate();
                    }
                    let first = format!("{}{marker} ", " ".repeat(indent));
                    let rest = " ".repeat(first.len());
                    self.wrap(&guarded(&escape(&text)), &first, &rest);
                }
                Block::Verbatim(lines) => {
                    self.separate();
                    self.lines.extend(lines);
                }
            }
        }
        self
    }

    /// Adds a list whose items are rustdoc already.
    pub(crate) fn list(mut self, items: impl IntoIterator<Item = String>) -> Self {
        let mut first = true;
        for item in items {
            if std::mem::take(&mut first) {
                self.separate();
            }
            self.wrap(&item, "* ", "  ");
        }
        self
    }

    pub(crate) fn lines(self) -> Vec<String> {
        self.lines
    }

    fn separate(&mut self) {
        if !self.lines.is_empty() {
            self.lines.push(String::new());
        }
    }

    fn wrap(&mut self, text: &str, first: &str, rest: &str) {
        self.lines.extend(wrap(text, first, rest, WIDTH));
    }
}

/// Markdown without blocks, in lines that are no longer than `width` where it can be helped, the first and
/// the others with what they begin with.
pub(crate) fn wrap(text: &str, first: &str, rest: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = first.to_owned();
    let mut empty = true;
    for word in text.split_whitespace() {
        let fits = line.chars().count() + 1 + word.chars().count() <= width;
        if empty {
            line.push_str(word);
        } else if fits || begins_a_block(word) {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(std::mem::replace(&mut line, format!("{rest}{word}")));
        }
        empty = false;
    }
    lines.push(line.trim_end().to_owned());
    lines
}

/// A piece of Markdown.
enum Block {
    Paragraph(String),
    Item {
        indent: usize,
        marker: String,
        text: String,
    },
    /// Fenced code, tables, headings, quotes: as they stand.
    Verbatim(Vec<String>),
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let trimmed = line.trim();
        if trimmed.is_empty() {
            continue;
        }
        if let Some(fence) = fence(trimmed) {
            // rustdoc takes a fence without a language for a test, and clippy minds tabs.
            let mut code = vec![format!("{fence}text")];
            code.extend(
                lines
                    .by_ref()
                    .map(|line| line.trim_end().replace('\t', "    "))
                    .take_while(|line| !closes(line.trim(), fence)),
            );
            code.push(fence.to_owned());
            blocks.push(Block::Verbatim(code));
        } else if trimmed.starts_with(['|', '#', '>']) {
            let verbatim_line = |line: &str| escape(&line.trim().replace('\t', "    "));
            let mut verbatim = vec![verbatim_line(trimmed)];
            while let Some(next) = lines.next_if(|next| next.trim().starts_with(['|', '>'])) {
                verbatim.push(verbatim_line(next));
            }
            blocks.push(Block::Verbatim(verbatim));
        } else {
            let item = marker(trimmed)
                .map(|marker| (line.len() - line.trim_start().len(), marker.to_owned()));
            let skipped = item.as_ref().map_or(0, |(_, marker)| marker.len());
            let mut text = trimmed[skipped..].trim().to_owned();
            while let Some(next) = lines.next_if(|next| continues(next.trim())) {
                text.push(' ');
                text.push_str(next.trim());
            }
            blocks.push(match item {
                Some((indent, marker)) => Block::Item {
                    indent,
                    marker,
                    text,
                },
                None => Block::Paragraph(text),
            });
        }
    }
    blocks
}

fn continues(line: &str) -> bool {
    !line.is_empty()
        && marker(line).is_none()
        && fence(line).is_none()
        && !line.starts_with(['|', '#', '>'])
}

/// The run of ticks or tildes that a line opens a block of code with.
fn fence(line: &str) -> Option<&str> {
    let mark = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let rest = line.trim_start_matches(mark);
    let run = &line[..line.len() - rest.len()];
    // Ticks that close on the same line are code within it.
    (run.len() >= 3 && !(mark == '`' && rest.contains(mark))).then_some(run)
}

/// Whether a line ends the block of code that this fence began.
fn closes(line: &str, fence: &str) -> bool {
    line.starts_with(fence) && line.chars().all(|c| fence.starts_with(c))
}

/// The text, so that its first word is a word even where it stands first in a line.
fn guarded(text: &str) -> String {
    let word = text.split_whitespace().next().unwrap_or_default();
    if !begins_a_block(word) && fence(text).is_none() {
        return text.to_owned();
    }
    // A digit can't be escaped, what follows the number can.
    let digits = word.len() - word.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    format!("{}\\{}", &text[..digits], &text[digits..])
}

/// The bullet or number that a list's item begins with.
fn marker(line: &str) -> Option<&str> {
    let (word, _) = line.split_once(' ')?;
    begins_a_block(word)
        .then_some(word)
        .filter(|word| !word.starts_with(['>', '#', '~']) && !is_rule(word))
}

fn is_item(line: &str) -> bool {
    line.starts_with(' ') || marker(line).is_some()
}

/// Whether a line that begins with this word would be taken for a list, a heading, a quote, a rule or
/// a block of code.
fn begins_a_block(word: &str) -> bool {
    let number = word.strip_suffix(['.', ')']);
    matches!(word, "-" | "*" | "+")
        || word.starts_with('>')
        || (!word.is_empty() && word.chars().all(|c| c == '#'))
        || is_rule(word)
        || word.starts_with("~~~")
        || number.is_some_and(|digits| {
            !digits.is_empty() && digits.len() < 10 && digits.bytes().all(|b| b.is_ascii_digit())
        })
}

/// Whether a line of this word is a rule, or makes a heading of the line above.
fn is_rule(word: &str) -> bool {
    ["-", "*", "_", "="]
        .iter()
        .any(|mark| !word.is_empty() && word.trim_start_matches(mark).is_empty())
        && (word.len() > 2 || word.starts_with('='))
}

/// Text whose brackets and angles rustdoc leaves alone. Code spans and links stay what they are.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let taken = whole(rest);
        if let Some(length) = taken {
            out.push_str(&rest[..length]);
            rest = &rest[length..];
            continue;
        }
        if rest.starts_with("http://") || rest.starts_with("https://") {
            let end = rest
                .find(|c: char| c.is_whitespace() || c == '<' || c == '>')
                .unwrap_or(rest.len());
            let url = rest[..end].trim_end_matches(['.', ',', ';', ':', ')', '!', '?']);
            out.push('<');
            out.push_str(url);
            out.push('>');
            rest = &rest[url.len()..];
            continue;
        }
        if matches!(c, '[' | ']' | '<' | '`') {
            out.push('\\');
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}

/// The length of the code span, link, autolink or escape that the text begins with.
fn whole(text: &str) -> Option<usize> {
    match text.as_bytes().first()? {
        b'`' => {
            let ticks = text.len() - text.trim_start_matches('`').len();
            let close = text[ticks..].find(&text[..ticks])?;
            Some(ticks + close + ticks)
        }
        b'[' => {
            let middle = text.find("](")?;
            let label_is_plain = !text[1..middle].contains(['[', ']', '<']);
            let end = text[middle..].find(')')?;
            let target = &text[middle + 2..middle + end];
            (label_is_plain && target.contains("://") && !target.contains('<'))
                .then_some(middle + end + 1)
        }
        b'<' if text.starts_with("<http") => text.find('>').map(|end| end + 1),
        b'\\' => text.chars().nth(1).map(|next| 1 + next.len_utf8()),
        _ => None,
    }
}

/// A link to an item, its target left out where the text says it.
pub(crate) fn link(text: &str, target: &str) -> String {
    if text == target {
        format!("[`{text}`]")
    } else {
        format!("[`{text}`]({target})")
    }
}

/// The text on one line.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text with a full stop.
pub(crate) fn sentence(text: &str) -> String {
    match text.chars().last() {
        Some('.' | '!' | '?' | ':') | None => text.to_owned(),
        Some(_) => format!("{text}."),
    }
}

/// The text as it reads within a sentence.
pub(crate) fn within_sentence(text: &str) -> String {
    let text = one_line(text);
    let text = text.trim_end_matches('.');
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            format!("{}{}", first.to_lowercase(), &text[first.len_utf8()..])
        }
        _ => text.to_owned(),
    }
}

/// `a` or `an`.
pub(crate) fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    }
}

/// `a, b or c`.
pub(crate) fn any_of(items: &[String]) -> String {
    match items {
        [head @ .., last] if !head.is_empty() => format!("{} or {last}", head.join(", ")),
        _ => items.concat(),
    }
}

/// `a, b and c`.
pub(crate) fn all_of(items: &[String]) -> String {
    match items {
        [head @ .., last] if !head.is_empty() => format!("{} and {last}", head.join(", ")),
        _ => items.concat(),
    }
}

pub(crate) fn stability(stability: Stability) -> &'static str {
    match stability {
        Stability::Development => "development",
        Stability::Alpha => "alpha",
        Stability::Beta => "beta",
        Stability::ReleaseCandidate => "release candidate",
        Stability::Stable => "stable",
    }
}

/// The requirement level, to stand after a comma.
pub(crate) fn level(level: &RequirementLevel) -> String {
    let (word, condition) = match level {
        RequirementLevel::Required => ("required", None),
        RequirementLevel::ConditionallyRequired(text) => ("conditionally required", Some(text)),
        RequirementLevel::Recommended(text) => ("recommended", text.as_ref()),
        RequirementLevel::OptIn(text) => ("opt-in", text.as_ref()),
    };
    match condition
        .map(|text| escape(&within_sentence(text)))
        .filter(|text| !text.is_empty())
    {
        Some(condition) => format!("{word}: {condition}"),
        None => word.to_owned(),
    }
}

/// What to tell whoever still uses it. `instead` is how Rust code names what took its place.
pub(crate) fn deprecation(deprecated: &Deprecated, instead: Option<&str>) -> String {
    let what = match (&deprecated.reason, instead) {
        (DeprecationReason::Renamed(to), Some(instead)) => {
            format!("renamed to `{to}`: use `{instead}`")
        }
        (DeprecationReason::Renamed(to), None) => format!("renamed to `{to}`"),
        (DeprecationReason::Obsoleted, _) => "nothing took its place".to_owned(),
        (DeprecationReason::Uncategorized | DeprecationReason::Unspecified, _) => String::new(),
    };
    // rustdoc takes it for Markdown.
    let note = escape(&one_line(&deprecated.note));
    match (what.is_empty(), note.is_empty()) {
        (true, true) => "not to be used any more".to_owned(),
        (true, false) => note,
        (false, true) => what,
        (false, false) => format!("{what}. {note}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(text: &str) -> Vec<String> {
        Docs::new().note(text).lines()
    }

    #[test]
    fn a_brief_becomes_a_sentence() {
        assert_eq!(Docs::new().brief("The model").lines(), ["The model."]);
        assert_eq!(
            Docs::new().brief("Which\n  model?").lines(),
            ["Which model?"]
        );
        assert_eq!(Docs::new().brief("").lines(), Vec::<String>::new());
    }

    #[test]
    fn brackets_and_angles_are_escaped_outside_of_code_and_links() {
        assert_eq!(
            escape("a [b] <c> `[d] <e>` ` f"),
            r"a \[b\] \<c> `[d] <e>` \` f"
        );
        assert_eq!(
            escape("[text](https://x.y/z) [name](other)"),
            r"[text](https://x.y/z) \[name\](other)"
        );
        assert_eq!(escape(r"\[kept\]"), r"\[kept\]");
    }

    #[test]
    fn bare_addresses_become_links() {
        assert_eq!(escape("see https://x.y/z."), "see <https://x.y/z>.");
        assert_eq!(escape("<https://x.y/z>"), "<https://x.y/z>");
    }

    #[test]
    fn long_lines_are_broken_where_no_line_begins_a_list() {
        let full = format!("{}of", "word ".repeat(18));
        assert_eq!(note(&format!("{full} word")), [full.as_str(), "word"]);
        assert_eq!(
            note(&format!("{full} - word")),
            [format!("{full} -").as_str(), "word"]
        );
    }

    #[test]
    fn items_hang_by_their_marker() {
        let lines = note("- one\n  more\n- two\n  1. deep\n\nAfter.");
        assert_eq!(lines, ["- one more", "- two", "  1. deep", "", "After."]);
    }

    #[test]
    fn code_is_never_taken_for_a_test() {
        assert_eq!(note("```rust\nx [1]\n```"), ["```text", "x [1]", "```"]);
        assert_eq!(note("    indented"), ["indented"]);
        assert_eq!(note("```\nunclosed"), ["```text", "unclosed", "```"]);
    }

    #[test]
    fn a_sentence_begins_no_block() {
        for (text, line) in [
            ("- a dash", r"\- a dash."),
            ("* a star", r"\* a star."),
            ("> a quote", r"\> a quote."),
            ("# a heading", r"\# a heading."),
            ("1. a number", r"1\. a number."),
            ("1986) a year", r"1986\) a year."),
            ("~~~ rust", r"\~~~ rust."),
            ("---", "---."),
            ("1.5 seconds", "1.5 seconds."),
            ("-1 or more", "-1 or more."),
        ] {
            assert_eq!(Docs::new().brief(text).lines(), [line]);
        }
        assert_eq!(note("- - twice"), [r"- \- twice"]);
    }

    #[test]
    fn fences_end_with_as_many_marks_as_they_begin_with() {
        assert_eq!(
            note("````md\n```\n\tx\n```\n`````\nAfter."),
            ["````text", "```", "    x", "```", "````", "", "After."]
        );
        assert_eq!(note("```one line``` of code"), ["```one line``` of code"]);
    }

    #[test]
    fn a_link_holds_no_element() {
        assert_eq!(escape("[<b>](https://x.y)"), r"\[\<b>\](<https://x.y>)");
    }

    #[test]
    fn conditions_read_on_after_a_colon() {
        let level = |text: &str| level(&RequirementLevel::ConditionallyRequired(text.to_owned()));
        assert_eq!(level("If known."), "conditionally required: if known");
        assert_eq!(level("HTTP only"), "conditionally required: HTTP only");
        assert_eq!(level(""), "conditionally required");
    }
}
