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
    /// What other crates hold already: the names here, as they are written in a `use` line.
    elsewhere: BTreeMap<String, BTreeMap<String, String>>,
    /// The namespaces of what is generated here.
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

    /// The module of a namespace's attributes, of those that are generated here or of `root`'s. What it
    /// is called in the file.
    pub(crate) fn semconv(&mut self, root: Option<&str>, module: &str) -> String {
        let Some(root) = root else {
            self.namespaces.insert(module.to_owned());
            insert(&mut self.generated, "::semconv", module);
            return module.to_owned();
        };
        self.renamed(root, &format!("{root}::semconv"), module)
    }

    /// The modules of a kind, likewise, for what that of a namespace holds.
    pub(crate) fn kind(&mut self, root: Option<&str>, kind: &'static str, module: &str) -> String {
        let Some(root) = root else {
            self.namespaces.insert(module.to_owned());
            self.sibling(kind);
            return kind.to_owned();
        };
        self.renamed(root, root, kind)
    }

    /// A module of another crate: there may be one of the same name here.
    fn renamed(&mut self, root: &str, path: &str, module: &str) -> String {
        let prefix = root.replace("::", "_").replace("r#", "");
        let alias = format!("{prefix}_{}", module.trim_start_matches("r#"));
        let names = self.elsewhere.entry(path.to_owned()).or_default();
        names.insert(alias.clone(), format!("{module} as {alias}"));
        alias
    }

    /// A generated module beside `semconv`.
    pub(crate) fn sibling(&mut self, module: &str) {
        insert(&mut self.generated, "", module);
    }

    /// The modules of the namespaces, generated here, that the file refers to.
    pub(crate) fn namespaces(&self) -> impl Iterator<Item = &String> {
        self.namespaces.iter()
    }

    /// A span's type, from the module of another namespace, here or in `root`.
    pub(crate) fn span_type(&mut self, root: Option<&str>, module: &str, name: &str) {
        match root {
            None => {
                self.namespaces.insert(module.to_owned());
                insert(&mut self.spans, &format!("::spans::{module}"), name);
            }
            Some(root) => {
                let names = self.elsewhere.entry(format!("{root}::spans::{module}"));
                names.or_default().insert(name.to_owned(), name.to_owned());
            }
        }
    }

    /// Every name that the file gets from elsewhere, those of spans that are made here left out: they
    /// are claimed where they are made.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let named = self.std.values().chain(self.generated.values()).flatten();
        named
            .chain(self.elsewhere.values().flat_map(BTreeMap::keys))
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
        // A namespace hides the crate of that name.
        let outside = |path: &str| {
            let first = path.split("::").next().unwrap_or_default();
            if self.generated.values().any(|names| names.contains(first)) {
                format!("::{path}")
            } else {
                path.to_owned()
            }
        };
        rest.extend(self.elsewhere.iter().map(|(path, names)| {
            let names = names.values().cloned().collect();
            line(&outside(path), &names)
        }));
        if !self.carrier.is_empty() {
            rest.push(line(
                &outside("vigil::carrier"),
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
