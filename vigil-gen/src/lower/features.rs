//! A feature for each namespace, with what it needs of the others.

use std::collections::{BTreeMap, BTreeSet};

use crate::ir;
use crate::names;

/// The features of the modules that begin with these.
pub(super) fn features<'a>(headers: impl Iterator<Item = &'a ir::Header>) -> Vec<ir::Feature> {
    let mut requires: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for header in headers {
        let uses = header.uses.iter().map(|module| names::feature_name(module));
        requires
            .entry(names::feature_name(&names::module_name(&header.file)))
            .or_default()
            .extend(uses);
    }
    let features = requires.into_iter();
    let features = features.map(|(name, requires)| ir::Feature {
        name,
        requires: requires.into_iter().collect(),
    });
    features.collect()
}

/// The lint that the list of all definitions must allow, which imports modules that may be empty.
pub(super) fn unused_allow() -> ir::Allow {
    ir::Allow {
        lint: "unused_imports".to_owned(),
        reason: "without a feature there is nothing to list".to_owned(),
    }
}
