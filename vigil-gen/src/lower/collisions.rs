//! Identifiers that would stand twice in the same place of the generated code.

use std::collections::BTreeMap;

use crate::codes;
use crate::diagnostic::{Diagnostic, Diagnostics, Location};

/// The identifiers given so far, by the place where they must be unique.
#[derive(Default)]
pub(crate) struct Identifiers {
    taken: BTreeMap<(String, String), Owner>,
    pub(crate) diagnostics: Diagnostics,
}

/// What an identifier was made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    /// As the registry names it.
    pub(crate) name: String,
    /// Where it is defined.
    pub(crate) at: Location,
}

impl Owner {
    pub(crate) fn new(name: &str, at: Location) -> Self {
        Self {
            name: name.to_owned(),
            at,
        }
    }
}

impl Identifiers {
    /// Gives `identifier` to `owner` within `place`, which is named in the error as it is here:
    /// `semconv::gen_ai`. Returns whether it was free.
    pub(crate) fn claim(&mut self, place: &str, identifier: &str, owner: Owner) -> bool {
        let key = (place.to_owned(), identifier.to_owned());
        let Some(first) = self.taken.get(&key) else {
            self.taken.insert(key, owner);
            return true;
        };
        let message = if first.name == owner.name {
            format!("`{}` makes `{identifier}` twice in `{place}`", owner.name)
        } else {
            format!(
                "`{}` and `{}` both make `{identifier}` in `{place}`",
                first.name, owner.name
            )
        };
        self.diagnostics.push(
            Diagnostic::new(codes::IDENTIFIER_COLLISION, owner.at, message)
                .with_secondary(first.at, format!("`{}` is defined here", first.name))
                .with_help("the Rust identifier is the name without its namespace, `.` and `_` being the same: rename one of them"),
        );
        false
    }
}
