//! What is opted in to: `OTEL_SEMCONV_STABILITY_OPT_IN`.

use std::fmt;

use crate::generated::registry::REGISTRY;

/// Behind a category: both names.
const BOTH: &str = "/dup";

/// Which of two names is emitted, where the registry has a former and a latest one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Names {
    /// The former one.
    #[default]
    Former,
    /// The latest one.
    Latest,
    /// Both, with the same values: dashboards can be moved one by one.
    Both,
}

impl Names {
    /// Whether the former name is emitted.
    pub const fn has_former(self) -> bool {
        matches!(self, Self::Former | Self::Both)
    }

    /// What stands behind a category that asks for it.
    pub(super) const fn suffix(self) -> &'static str {
        match self {
            Self::Both => BOTH,
            Self::Former | Self::Latest => "",
        }
    }

    /// Whether the latest name is emitted.
    pub const fn has_latest(self) -> bool {
        matches!(self, Self::Latest | Self::Both)
    }
}

/// The categories whose latest names somebody asks for, as `OTEL_SEMCONV_STABILITY_OPT_IN` lists them.
///
/// Registries say which names belong to which category. Vigil's has `gen_ai_latest_experimental`; what
/// no registry has is other instrumentation's, and changes nothing here.
///
/// ```
/// use vigil::config::{Names, StabilityOptIn};
///
/// let opt_in = StabilityOptIn::from("gen_ai_latest_experimental/dup, http");
/// assert_eq!(opt_in.names("gen_ai_latest_experimental"), Names::Both);
/// assert_eq!(opt_in.names("http"), Names::Latest);
/// assert_eq!(opt_in.names("acme_latest"), Names::Former);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StabilityOptIn(Vec<(String, Names)>);

impl StabilityOptIn {
    /// Nothing is opted in to: the former names.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The same with a category, as the variable has it: `gen_ai_latest_experimental` for the latest
    /// names, with `/dup` behind it for both. Both win over the latest, in whatever order they are said.
    #[must_use]
    pub fn with(mut self, entry: &str) -> Self {
        let entry = entry.trim().to_ascii_lowercase();
        let (category, names) = match entry.strip_suffix(BOTH) {
            Some(category) => (category, Names::Both),
            None => (entry.as_str(), Names::Latest),
        };
        if category.is_empty() {
            return self;
        }
        match self.0.iter_mut().find(|(other, _)| other == category) {
            Some((_, earlier)) if names == Names::Both => *earlier = names,
            Some(_) => {}
            None => self.0.push((category.to_owned(), names)),
        }
        self
    }

    /// Which names of a category are emitted.
    pub fn names(&self, category: &str) -> Names {
        let found = self.0.iter().find(|(other, _)| other == category);
        found.map_or(Names::Former, |(_, names)| *names)
    }

    /// Whether nothing is opted in to.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Categories that are none of `known`, and begin as one of them does: with its namespace.
    pub(super) fn misspelt(&self, known: &[&str]) -> Vec<(String, Names)> {
        let letters =
            |text: &str| -> String { text.chars().filter(char::is_ascii_alphanumeric).collect() };
        // Of `gen_ai_latest_experimental`, `gen_ai`.
        let namespaces: Vec<String> = known
            .iter()
            .filter_map(|category| {
                let attributes = REGISTRY.attributes.iter().flat_map(|it| it.iter());
                let namespaces = attributes.filter_map(|it| Some(it.key.split_once('.')?.0));
                let own = namespaces.filter(|it| category.starts_with(it));
                own.max_by_key(|it| it.len()).map(letters)
            })
            .collect();
        let looks_alike = |category: &str| {
            let category = letters(category);
            namespaces.iter().any(|it| category.starts_with(it))
        };
        let categories = self.0.iter();
        categories
            .filter(|(it, _)| !known.contains(&it.as_str()) && looks_alike(it))
            .cloned()
            .collect()
    }

    pub(super) fn without(mut self, category: &str) -> Self {
        self.0.retain(|(other, _)| other != category);
        self
    }

    /// The categories, in the order in which they were said.
    pub fn categories(&self) -> impl Iterator<Item = (&str, Names)> {
        self.0
            .iter()
            .map(|(category, names)| (category.as_str(), *names))
    }
}

/// A list with commas, as the variable has it.
impl From<&str> for StabilityOptIn {
    fn from(list: &str) -> Self {
        list.split(',').fold(Self::new(), Self::with)
    }
}

impl fmt::Display for StabilityOptIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (category, names)) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{category}{}", names.suffix())?;
        }
        Ok(())
    }
}
