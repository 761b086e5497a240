//! The pages that are made of a registry for people to read.

#[path = "docs/browser.rs"]
mod browser;
#[path = "docs/html.rs"]
mod html;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use pulldown_cmark::{Event, Options as Extensions, Parser, Tag, TagEnd};
use support::{Playground, cases, upstream_in, workspace};
use vigil_gen::registry::{AttributeType, Registry};
use vigil_gen::{Options, Output, Subject, generate, read_registry};

/// Text in which everything that Markdown and HTML treat in their own way occurs.
const HARD: &str = r"A | bar, a <tag>, an `a|b`, a [link](https://example.com/) &
  a <script>alert(1)</script> over
  three lines.";

#[test]
fn every_link_of_the_committed_pages_leads_somewhere() {
    let pages = Pages::read(&workspace().join("docs/semconv"));
    pages.check_links();
}

#[test]
fn the_pages_of_the_registry_tell_of_every_definition() {
    let registry = read_registry(&workspace().join("semconv")).unwrap();
    let pages = Pages::read(&workspace().join("docs/semconv"));
    pages.check_definitions(&registry.registry);
}

#[test]
fn every_accepted_registry_has_pages_whose_links_lead_somewhere() {
    for case in ["accepted", "generated"].into_iter().flat_map(cases) {
        let out = tempfile::tempdir().unwrap();
        let pages = Pages::make(&case, out.path());
        pages.check_links();
        let read = read_registry(&case).unwrap_or_else(|rejected| panic!("{rejected}"));
        pages.check_definitions(&read.registry);
    }
}

#[test]
fn the_whole_of_upstream_has_pages() {
    let playground = tempfile::tempdir().unwrap();
    let Some(registry) = upstream_in(playground.path()) else {
        return;
    };
    let pages = Pages::make(&registry, &playground.path().join("docs"));
    let read = read_registry(&registry).unwrap_or_else(|rejected| panic!("{rejected}"));
    pages.check_definitions(&read.registry);
    assert!(
        !pages.texts["README.md"].contains("mermaid"),
        "no span of upstream's has a contract"
    );
    let text = html::make(&registry, &playground.path().join("html"));
    html::check(&text);
    html::check_definitions(&text, &read.registry);
}

#[test]
fn whatever_a_brief_holds_a_table_keeps_its_columns_and_its_text() {
    let playground = hard();
    let pages = Pages::make(&playground.path("semconv"), &playground.path("docs"));
    pages.check_links();
    for (name, text) in &pages.texts {
        let mut cells = 0;
        for event in Parser::new_ext(text, Extensions::ENABLE_TABLES) {
            match event {
                Event::Html(html) | Event::InlineHtml(html) => assert!(
                    ["<a id=", "</a>", "<!-- @generated"]
                        .iter()
                        .any(|own| html.starts_with(own)),
                    "{name}: {html}"
                ),
                Event::Start(Tag::TableCell) => cells += 1,
                _ => {}
            }
        }
        assert!(cells > 0, "{name}");
    }
    let app = &pages.texts["app.md"];
    let row = app
        .lines()
        .find(|line| line.contains("\"attribute-app.kind\""));
    assert_eq!(columns(row.unwrap()), 6);
    assert!(app.contains(r"A \| bar, a &lt;tag>, an `a\|b`, a [link](https://example.com/)"));
}

#[test]
fn the_page_tells_of_every_definition_and_its_links_lead_somewhere() {
    let checked = read_registry(&workspace().join("semconv")).unwrap();
    let text = committed_page();
    html::check(&text);
    html::check_definitions(&text, &checked.registry);
}

#[test]
fn every_accepted_registry_has_a_page() {
    for case in ["accepted", "generated"].into_iter().flat_map(cases) {
        let out = tempfile::tempdir().unwrap();
        let text = html::make(&case, out.path());
        html::check(&text);
        let read = read_registry(&case).unwrap_or_else(|rejected| panic!("{rejected}"));
        html::check_definitions(&text, &read.registry);
    }
}

#[test]
fn no_cell_of_a_table_begins_with_what_separates_one_fact_from_the_next() {
    let mut registries: Vec<_> = ["accepted", "generated"]
        .into_iter()
        .flat_map(cases)
        .collect();
    registries.push(workspace().join("semconv"));
    for registry in registries {
        let out = tempfile::tempdir().unwrap();
        let pages = Pages::make(&registry, out.path());
        let lines = pages.texts.values().flat_map(|text| text.lines());
        let wrong: Vec<&str> = lines.filter(|line| line.contains("| ; ")).collect();
        assert!(wrong.is_empty(), "{}: {wrong:#?}", registry.display());
        let page = html::make(&registry, out.path());
        assert!(!page.contains("\">; "), "{}", registry.display());
    }
}

#[test]
fn whatever_a_brief_holds_is_text_in_the_page() {
    let playground = hard();
    let text = html::make(&playground.path("semconv"), &playground.path("docs"));
    html::check(&text);
    assert!(!text.contains("<tag>") && !text.contains("<script>alert"));
    for shown in [
        "a &lt;tag&gt;, an <code>a|b</code>, a <a href=\"https://example.com/\">link</a>",
        "a &lt;script&gt;alert(1)&lt;/script&gt; over",
        "<code>a|`b` &lt;c&gt;</code>",
        "<code>&lt;d&gt;\ne</code>",
        "<p>conditionally required: If &lt;x&gt; | y.</p>",
    ] {
        assert!(text.contains(shown), "{shown} is not in\n{text}");
    }
}

/// In Chromium, where it is installed.
#[test]
fn in_a_browser_the_page_finds_every_attribute_by_keyboard_filter_and_link() {
    let page = committed_page();
    let dark = page.replace("(prefers-color-scheme: dark)", "all");
    assert_ne!(page, dark);
    let registry = read_registry(&workspace().join("semconv"))
        .unwrap()
        .registry;
    let mut expected = serde_json::json!({
        "errors": [],
        "console": [],
        "requests": 0,
        "attributes": registry.attributes.len(),
        "lost": [],
        "slash focuses": true,
        "nothing": { "shown": 0, "said": true, "count": format!("0 of {} conventions", all(&registry)) },
        "escape": all(&registry),
        "metrics of life": registry.metrics.keys().filter(|it| it.starts_with("life.")).collect::<Vec<_>>(),
        "enums": registry.attributes.values().filter(|it| matches!(it.ty, AttributeType::Enum(_))).count(),
        "link through a filter": { "shown": true, "query": "" },
        "tree": registry.spans.keys().collect::<BTreeSet<_>>(),
        "unlabelled": [],
        "faint": [],
        "wide": 0,
        "glued": [],
    });
    // A screen in light and in dark, and a phone.
    for (page, width) in [(&page, 1280), (&dark, 1280), (&page, 360)] {
        expected["width"] = width.into();
        let Some(report) = browser::report(page, width) else {
            return;
        };
        assert_eq!(report, expected);
    }
}

fn committed_page() -> String {
    fs::read_to_string(workspace().join("docs/semconv/index.html")).unwrap()
}

/// How many articles a page has.
fn all(registry: &Registry) -> usize {
    registry.attributes.len()
        + registry.groups.len()
        + registry.spans.len()
        + registry.metrics.len()
        + registry.events.len()
        + registry.entities.len()
}

/// Where the generated definitions and the links are looked for.
struct Pages {
    texts: BTreeMap<String, String>,
}

impl Pages {
    fn read(dir: &Path) -> Self {
        let texts = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|it| it == "md"))
            .map(|path| {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                (name, fs::read_to_string(path).unwrap())
            })
            .collect();
        Self { texts }
    }

    /// The pages as the built-in templates make them.
    fn make(registry: &Path, out: &Path) -> Self {
        let mut options = Options::new(registry, "", out);
        options.templates = None;
        options.outputs = vec![
            Output::new("docs_index.md.j2", Subject::Registry, "README.md").unwrap(),
            Output::new("docs_namespace.md.j2", Subject::Namespace, "{namespace}.md").unwrap(),
        ];
        generate(&options).unwrap_or_else(|failure| panic!("{}: {failure}", registry.display()));
        Self::read(out)
    }

    fn anchors(&self) -> BTreeMap<&str, BTreeSet<String>> {
        let pages = self.texts.iter();
        pages
            .map(|(name, text)| (name.as_str(), anchors(text)))
            .collect()
    }

    fn check_links(&self) {
        let anchors = self.anchors();
        let mut checked = 0;
        for (name, text) in &self.texts {
            for event in Parser::new_ext(text, Extensions::ENABLE_TABLES) {
                let Event::Start(Tag::Link { dest_url, .. }) = event else {
                    continue;
                };
                if dest_url.contains("://") {
                    continue;
                }
                let (page, anchor) = dest_url.split_once('#').unwrap_or((&dest_url, ""));
                let page = if page.is_empty() { name } else { page };
                let there = anchors
                    .get(page)
                    .unwrap_or_else(|| panic!("{name} links to {dest_url}"));
                assert!(
                    anchor.is_empty() || there.contains(anchor),
                    "{name} links to {dest_url}"
                );
                checked += 1;
            }
        }
        assert!(checked > 0);
    }

    fn check_definitions(&self, registry: &Registry) {
        let anchors = self.anchors();
        for (kind, names) in [
            ("attribute", names(&registry.attributes)),
            ("group", names(&registry.groups)),
            ("span", names(&registry.spans)),
            ("metric", names(&registry.metrics)),
            ("event", names(&registry.events)),
            ("entity", names(&registry.entities)),
        ] {
            for name in names {
                let page = format!("{}.md", name.split('.').next().unwrap());
                let anchor = format!("{kind}-{name}");
                assert!(anchors[page.as_str()].contains(&anchor), "{page}#{anchor}");
            }
        }
    }
}

fn names<T>(definitions: &BTreeMap<String, T>) -> Vec<&str> {
    definitions.keys().map(String::as_str).collect()
}

/// What links can lead to in a page: elements with an id, and headings as forges name them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    let mut heading: Option<String> = None;
    for event in Parser::new_ext(text, Extensions::ENABLE_TABLES) {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => {
                let ids = html.split("<a id=\"").skip(1);
                anchors.extend(ids.map(|rest| rest.split('"').next().unwrap().to_owned()));
            }
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let text = heading.take().unwrap_or_default().to_lowercase();
                let kept = text
                    .chars()
                    .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
                anchors.insert(kept.collect::<String>().replace(' ', "-"));
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&text);
                }
            }
            _ => {}
        }
    }
    anchors
}

/// How many cells a row has.
fn columns(row: &str) -> usize {
    row.replace("\\|", "").matches('|').count() - 1
}

/// A registry with hard text wherever text goes.
fn hard() -> Playground {
    let playground = Playground::new();
    let said = format!(
        "brief: |\n      {0}\n    note: |\n      {0}\n    stability: stable",
        HARD.replace('\n', "\n    ")
    );
    playground.write(
        "semconv/app.yaml",
        &format!(
            "file_format: definition/2
attributes:
  - key: app.kind
    type:
      members:
        - {{ id: a, value: \"a|`b` <c>\", brief: \"<i>|\", stability: stable }}
    {said}
  - key: app.text
    type: string
    examples: [\"a|b\", \"`c`\", \"<d>\\ne\"]
    {said}
attribute_groups:
  - id: app.group
    visibility: public
    {said}
    attributes:
      - {{ ref: app.text, requirement_level: {{ conditionally_required: \"If <x> | y.\" }} }}
spans:
  - type: app.work.internal
    kind: internal
    name: {{ note: \"<work> | {{app.text}}\" }}
    {said}
    attributes: [{{ ref: app.text }}]
events:
  - name: app.done
    {said}
    attributes: [{{ ref: app.kind }}]
metrics:
  - name: app.count
    instrument: counter
    unit: \"{{a}}\"
    {said}
    attributes: [{{ ref: app.kind }}]
    annotations: {{ code_generation: {{ metric_value_type: int }} }}
"
        ),
    );
    playground
}
