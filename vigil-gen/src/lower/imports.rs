//! The `use` lines of a file: gathered while its content is made, so that none is missing or idle.

use std::collections::{BTreeMap, BTreeSet};

/// Where the generated modules and the runtime are.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    /// The module that holds the generated ones: `crate::generated`.
    pub(crate) root: String,
}

/// What a file uses.
#[derive(Default)]
pub(crate) struct Imports {
    std: Names,
    carrier: BTreeSet<&'static str>,
    generated: Names,
    spans: Names,
    namespaces: BTreeSet<String>,
}

/// Names by the path of the module that they are in.
type Names = BTreeMap<String, BTreeSet<String>>;

impl Imports {
    /// A type or trait of the carrier.
    pub(crate) fn carrier(&mut self, name: &'static str) -> &'static str {
        self.carrier.insert(name);
        name
    }

    /// Several of them.
    pub(crate) fn carriers(&mut self, names: &[&'static str]) {
        self.carrier.extend(names);
    }

    /// Something of the standard library.
    pub(crate) fn std(&mut self, module: &str, name: &str) {
        insert(&mut self.std, module, name);
    }

    /// The module of a namespace's attributes.
    pub(crate) fn semconv(&mut self, module: &str) {
        self.namespaces.insert(module.to_owned());
        insert(&mut self.generated, "::semconv", module);
    }

    /// A generated module beside `semconv`.
    pub(crate) fn sibling(&mut self, module: &str) {
        insert(&mut self.generated, "", module);
    }

    /// A generated module beside `semconv`, for what it has of a namespace.
    pub(crate) fn kind(&mut self, kind: &str, module: &str) {
        self.namespaces.insert(module.to_owned());
        self.sibling(kind);
    }

    /// The modules of the namespaces that the file refers to.
    pub(crate) fn namespaces(&self) -> impl Iterator<Item = &String> {
        self.namespaces.iter()
    }

    /// A span's type, from the module of another namespace.
    pub(crate) fn span_type(&mut self, module: &str, name: &str) {
        self.namespaces.insert(module.to_owned());
        insert(&mut self.spans, &format!("::spans::{module}"), name);
    }

    /// Every name that the file gets from elsewhere, those of spans left out: they are claimed where
    /// they are made.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let named = self.std.values().chain(self.generated.values()).flatten();
        named
            .map(String::as_str)
            .chain(self.carrier.iter().copied())
    }

    /// The lines, in groups.
    pub(crate) fn groups(&self, paths: &Paths) -> Vec<Vec<String>> {
        let std: Vec<String> = self
            .std
            .iter()
            .map(|(module, names)| line(module, names))
            .collect();
        let mut rest: Vec<String> = self
            .generated
            .iter()
            .chain(&self.spans)
            .map(|(module, names)| line(&format!("{}{module}", paths.root), names))
            .collect();
        if !self.carrier.is_empty() {
            // A namespace `vigil` hides the crate of that name.
            let hidden = self.generated.values().any(|names| names.contains("vigil"));
            let carrier = if hidden {
                "::vigil::carrier"
            } else {
                "vigil::carrier"
            };
            rest.push(line(
                carrier,
                &self.carrier.iter().map(|name| (*name).to_owned()).collect(),
            ));
        }
        [std, rest]
            .into_iter()
            .filter(|group| !group.is_empty())
            .collect()
    }
}

fn insert(names: &mut Names, module: &str, name: &str) {
    names
        .entry(module.to_owned())
        .or_default()
        .insert(name.to_owned());
}

fn line(module: &str, names: &BTreeSet<String>) -> String {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    match names.as_slice() {
        [one] => format!("use {module}::{one};"),
        _ => format!("use {module}::{{{}}};", names.join(", ")),
    }
}
