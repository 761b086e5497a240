//! The prose of a registry, which is Markdown, in pages of Markdown and HTML.

use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// Text as it can stand in a cell of a Markdown table.
pub(super) fn cell(text: &str) -> String {
    tame(&line(text)).replace('|', "\\|")
}

/// Any text as Markdown's code in a line.
pub(super) fn code(text: &str) -> String {
    let text = line(text);
    if text.is_empty() {
        return text;
    }
    let ticks = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(ticks + 1);
    let space = if ticks > 0 { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Markdown whose HTML is text: `<key>` is a word that somebody wrote, and no element of the page.
pub(crate) fn tame(text: &str) -> String {
    let mut text = text.to_owned();
    loop {
        let html: Vec<usize> = Parser::new_ext(&text, extensions())
            .into_offset_iter()
            .filter(|(event, _)| matches!(event, Event::Html(_) | Event::InlineHtml(_)))
            .filter_map(|(_, range)| Some(range.start + text.get(range.clone())?.find('<')?))
            .collect();
        if html.is_empty() {
            return text;
        }
        // What is after the first `<` of a block may be anything, so it is read again.
        for at in html.into_iter().rev() {
            text.replace_range(at..=at, "&lt;");
        }
    }
}

/// Markdown as HTML that brings nothing of its own: no elements, no images, no scripts.
pub(super) fn html(text: &str) -> String {
    let mut links = Vec::new();
    let events = Parser::new_ext(text, extensions()).filter_map(|event| match event {
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
            let outside = is_address(&dest_url);
            links.push(outside);
            outside.then(|| Event::Start(link(dest_url)))
        }
        Event::End(TagEnd::Link | TagEnd::Image) => {
            links.pop()?.then_some(Event::End(TagEnd::Link))
        }
        Event::Start(Tag::Heading { level, .. }) => Some(Event::Start(heading(level))),
        Event::End(TagEnd::Heading(level)) => Some(Event::End(heading(level).to_end())),
        other => Some(other),
    });
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, events);
    html.trim_end().to_owned()
}

fn extensions() -> Options {
    Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH
}

/// Whether a link leads to the same place from any page.
fn is_address(url: &str) -> bool {
    ["https://", "http://", "mailto:"]
        .iter()
        .any(|scheme| url.starts_with(scheme))
}

fn link(dest_url: CowStr<'_>) -> Tag<'_> {
    Tag::Link {
        link_type: pulldown_cmark::LinkType::Inline,
        dest_url,
        title: CowStr::Borrowed(""),
        id: CowStr::Borrowed(""),
    }
}

/// A heading of a note stands below those of the page.
fn heading(level: HeadingLevel) -> Tag<'static> {
    Tag::Heading {
        level: match level {
            HeadingLevel::H1 | HeadingLevel::H2 => HeadingLevel::H5,
            _ => HeadingLevel::H6,
        },
        id: None,
        classes: Vec::new(),
        attrs: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_prose_is_text_and_code_stays_as_it_is() {
        for (text, tamed) in [
            ("the `<key>` of <key>", "the `<key>` of &lt;key>"),
            ("<div>\n<b>x</b>", "&lt;div>\n&lt;b>x&lt;/b>"),
            ("1 < 2, <https://a.example>", "1 < 2, <https://a.example>"),
            ("```\n<a>\n```", "```\n<a>\n```"),
            ("<!-- away", "&lt;!-- away"),
        ] {
            assert_eq!(tame(text), tamed);
        }
    }

    #[test]
    fn a_cell_is_a_line_without_bars_and_markup() {
        assert_eq!(cell("a |\n\n `b|c` <d>"), "a \\| `b\\|c` &lt;d>");
    }

    #[test]
    fn code_may_hold_ticks() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("`a` ``b"), "``` `a` ``b ```");
        assert_eq!(code(" \n"), "");
    }

    #[test]
    fn html_of_prose_runs_nothing_and_loads_nothing() {
        for (text, html_text) in [
            ("<script>x</script>", "&lt;script&gt;x&lt;/script&gt;"),
            ("a <b>", "<p>a &lt;b&gt;</p>"),
            ("[a](javascript:x)", "<p>a</p>"),
            ("[a](../x.md) [b](#y)", "<p>a b</p>"),
            (
                "![a](https://a.example/i.png)",
                "<p><a href=\"https://a.example/i.png\">a</a></p>",
            ),
            ("# a", "<h5>a</h5>"),
            ("`a<` & b", "<p><code>a&lt;</code> &amp; b</p>"),
        ] {
            assert_eq!(html(text), html_text);
        }
    }
}
