//! What must hold of a page of HTML, without a browser.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use vigil_gen::registry::{AttributeType, Registry};
use vigil_gen::{Options, Output, Subject, generate};

/// Elements that have no end.
const VOID: [&str; 5] = ["br", "hr", "input", "meta", "!doctype"];

/// What would make a browser load something.
const LOADS: [&str; 8] = [
    " src=",
    "<link",
    "<iframe",
    "<object",
    "url(",
    "@import",
    "fetch(",
    "XMLHttpRequest",
];

/// The page as the built-in template makes it.
pub(crate) fn make(registry: &Path, out: &Path) -> String {
    let mut options = Options::new(registry, "", out);
    options.templates = None;
    options.outputs = vec![Output::new("docs.html.j2", Subject::Registry, "index.html").unwrap()];
    generate(&options).unwrap_or_else(|failure| panic!("{}: {failure}", registry.display()));
    fs::read_to_string(out.join("index.html")).unwrap()
}

/// Every element ends, no id is there twice, every link within the page leads somewhere, and nothing is loaded.
pub(crate) fn check(text: &str) {
    for loads in LOADS {
        assert!(!text.contains(loads), "{loads}");
    }
    let (markup, script) = text.split_once("<script>").unwrap();
    let (_, rest) = script.split_once("</script>").unwrap();
    let markup = format!("{markup}{rest}");
    let mut open = Vec::new();
    let mut ids = BTreeSet::new();
    let mut links = BTreeSet::new();
    for tag in tags(&markup) {
        let name = tag.split([' ', '/']).find(|it| !it.is_empty()).unwrap();
        if let Some(end) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(end), "{tag}");
        } else if !VOID.contains(&name) {
            open.push(name);
        }
        if let Some(id) = value(tag, "id") {
            assert!(ids.insert(id), "{id} is there twice");
        }
        if let Some(link) = value(tag, "href") {
            match link.strip_prefix('#') {
                Some(within) => {
                    links.insert(within);
                }
                None => assert!(
                    ["https://", "http://", "mailto:"]
                        .iter()
                        .any(|it| link.starts_with(it)),
                    "{link}"
                ),
            }
        }
    }
    assert!(open.is_empty(), "{open:?} do not end");
    let lost: Vec<_> = links.difference(&ids).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

/// There is an article for each definition, which says of what kind it is.
pub(crate) fn check_definitions(text: &str, registry: &Registry) {
    let articles: BTreeSet<(&str, &str)> = tags(text)
        .filter(|tag| tag.starts_with("article "))
        .map(|tag| (value(tag, "id").unwrap(), value(tag, "data-kind").unwrap()))
        .collect();
    let mut expected = BTreeSet::new();
    for (key, attribute) in &registry.attributes {
        let kind = match attribute.ty {
            AttributeType::Enum(_) => "attribute enum",
            _ => "attribute",
        };
        expected.insert((format!("attribute-{key}"), kind));
    }
    for (id, group) in &registry.groups {
        let kind = if group.record.is_some() {
            "record"
        } else {
            "group"
        };
        expected.insert((format!("group-{id}"), kind));
    }
    expected.extend(
        registry
            .spans
            .keys()
            .map(|it| (format!("span-{it}"), "span")),
    );
    expected.extend(
        registry
            .metrics
            .keys()
            .map(|it| (format!("metric-{it}"), "metric")),
    );
    expected.extend(
        registry
            .events
            .keys()
            .map(|it| (format!("event-{it}"), "event")),
    );
    expected.extend(
        registry
            .entities
            .keys()
            .map(|it| (format!("entity-{it}"), "entity")),
    );
    let expected: BTreeSet<(&str, &str)> = expected
        .iter()
        .map(|(id, kind)| (id.as_str(), *kind))
        .collect();
    assert_eq!(articles, expected);
}

/// What stands between `<` and `>`, comments left out.
fn tags(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split('<').skip(1).filter(|it| !it.starts_with("!--"));
    parts.map(|part| part.split('>').next().unwrap())
}

/// The value of an attribute of a tag.
fn value<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split('"').next()
}
