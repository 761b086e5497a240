//! Words for messages: quoting, enumerating, and guessing what was meant.

/// How much of a text from a file a message repeats.
const QUOTE_LIMIT: usize = 80;

/// A text from a file, in backticks, on one line and safe to print.
pub fn quoted(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars().take(QUOTE_LIMIT) {
        push_visible(&mut shown, c);
    }
    if text.chars().nth(QUOTE_LIMIT).is_some() {
        shown.push_str("...");
    }
    format!("`{shown}`")
}

/// The text with everything escaped that a terminal would not show as it stands.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    text.chars().for_each(|c| push_visible(&mut shown, c));
    shown
}

fn push_visible(shown: &mut String, c: char) {
    if is_hidden(c) {
        shown.extend(c.escape_default());
    } else {
        shown.push(c);
    }
}

/// Whether a character takes no room of its own, or moves what is around it.
pub(crate) fn is_hidden(c: char) -> bool {
    is_steering(c)
        || matches!(
            c,
            '\n' | '\t' | '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}'
        )
}

/// Whether a character makes text look different from what it is: control characters, other line
/// ends than `\n`, and what changes the direction of writing.
pub(crate) fn is_steering(c: char) -> bool {
    let harmless = matches!(c, '\n' | '\t');
    let direction = matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    (c.is_control() && !harmless) || direction || matches!(c, '\u{2028}' | '\u{2029}')
}

/// `` `a`, `b` and `c` ``
pub fn listed<S: AsRef<str>>(words: impl IntoIterator<Item = S>) -> String {
    joined(words, "and")
}

/// `` `a`, `b` or `c` ``
pub fn one_of<S: AsRef<str>>(words: impl IntoIterator<Item = S>) -> String {
    joined(words, "or")
}

fn joined<S: AsRef<str>>(words: impl IntoIterator<Item = S>, last: &str) -> String {
    let mut words: Vec<String> = words
        .into_iter()
        .map(|word| quoted(word.as_ref()))
        .collect();
    let Some(end) = words.pop() else {
        return String::new();
    };
    if words.is_empty() {
        end
    } else {
        format!("{} {last} {end}", words.join(", "))
    }
}

/// The candidate that was most likely meant by `word`, if one is near enough.
///
/// Ties go to the first in order, so that the suggestion doesn't depend on chance.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Beyond a quarter of its letters a word is no longer a misspelling of another one.
    let limit = (word.chars().count() / 4).clamp(1, 4);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        if candidate.len().abs_diff(word.len()) > limit * 4 {
            continue;
        }
        let distance = edit_distance(word, candidate);
        let better = best.is_none_or(|(least, held)| (distance, candidate) < (least, held));
        if distance <= limit && better {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// The candidate that `word` differs from in no more than `limit` letters, and in some.
pub(crate) fn misspelt<'a>(word: &str, candidates: &[&'a str], limit: usize) -> Option<&'a str> {
    if word.len() > 64 {
        return None;
    }
    let distances = candidates.iter().map(|it| (edit_distance(word, it), *it));
    let near = distances.filter(|(distance, it)| *distance <= limit && word != *it);
    near.min().map(|(_, it)| it)
}

/// How many letters have to be changed, added, left out or swapped with their neighbour to make
/// one word of the other. Case doesn't count, nor does the choice between `.`, `_` and `-`.
fn edit_distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().map(folded).collect();
    let right: Vec<char> = right.chars().map(folded).collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for i in 1..=left.len() {
        let mut row = vec![i];
        for j in 1..=right.len() {
            let same = left[i - 1] == right[j - 1];
            let mut cost = (last[j - 1] + usize::from(!same))
                .min(last[j] + 1)
                .min(row[j - 1] + 1);
            let swapped =
                i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1];
            if swapped {
                cost = cost.min(before_last[j - 2] + 1);
            }
            row.push(cost);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[right.len()]
}

fn folded(c: char) -> char {
    match c {
        '_' | '-' => '.',
        c => c.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swapped_pair_of_letters_counts_once() {
        assert_eq!(edit_distance("modle", "model"), 1);
        assert_eq!(edit_distance("", "ab"), 2);
        assert_eq!(edit_distance("a.b", "a_b"), 0);
    }

    #[test]
    fn a_word_that_is_far_from_all_candidates_gets_no_suggestion() {
        assert_eq!(nearest("zebra", ["client", "server"]), None);
        assert_eq!(nearest("clinet", ["client", "server"]), Some("client"));
    }

    #[test]
    fn long_and_unprintable_text_is_tamed_before_it_is_quoted() {
        assert_eq!(quoted("a\u{1b}[0m\nb"), "`a\\u{1b}[0m\\nb`");
        assert_eq!(quoted(&"x".repeat(100)), format!("`{}...`", "x".repeat(80)));
    }

    #[test]
    fn what_can_not_be_seen_is_escaped_in_messages() {
        assert_eq!(quoted("a\u{202e}b\u{200b}"), "`a\\u{202e}b\\u{200b}`");
        assert_eq!(visible("\u{2066}x\n"), "\\u{2066}x\\n");
    }

    #[test]
    fn words_are_enumerated_as_in_prose() {
        assert_eq!(one_of(["a", "b", "c"]), "`a`, `b` or `c`");
        assert_eq!(listed(["a"]), "`a`");
    }
}
