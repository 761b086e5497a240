//! Identifiers that would stand twice in the same place of the generated code.

use std::collections::BTreeMap;

use crate::codes;
use crate::diagnostic::{Diagnostic, Diagnostics, Location};

/// The identifiers given so far, by the place where they must be unique.
#[derive(Default)]
pub(crate) struct Identifiers {
    taken: BTreeMap<(String, Space, String), Owner>,
    pub(crate) diagnostics: Diagnostics,
}

/// The namespaces of Rust: names in one don't meet those in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Space {
    /// Types, traits and modules.
    Types,
    /// Constants, statics, functions, methods, arguments and fields.
    Values,
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
    /// Gives the type, trait or module `identifier` to `owner` within `place`, which is named in the
    /// error as it is here: `semconv::gen_ai`. Returns whether it was free.
    pub(crate) fn claim_type(&mut self, place: &str, identifier: &str, owner: Owner) -> bool {
        self.claim(place, Space::Types, identifier, owner)
    }

    /// The same for whatever is no type.
    pub(crate) fn claim_value(&mut self, place: &str, identifier: &str, owner: Owner) -> bool {
        self.claim(place, Space::Values, identifier, owner)
    }

    fn claim(&mut self, place: &str, space: Space, identifier: &str, owner: Owner) -> bool {
        let key = (place.to_owned(), space, identifier.to_owned());
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
        let error = Diagnostic::new(codes::IDENTIFIER_COLLISION, owner.at, message)
            .with_help("the Rust identifier is the name without its namespace, `.` and `_` being the same: rename one of them");
        self.diagnostics.push(if first.at == owner.at {
            error
        } else {
            error.with_secondary(first.at, format!("`{}` is defined here", first.name))
        });
        false
    }

    /// Reports what hides a name in `place` that generated code brings into it or has there whatever
    /// the registry says. `names` makes way for such names as far as it knows them; what it does not
    /// know is an error here rather than code that does not compile.
    pub(crate) fn reserve<'a>(
        &mut self,
        place: &str,
        space: Space,
        in_use: impl IntoIterator<Item = &'a str>,
    ) {
        for name in in_use {
            let key = (place.to_owned(), space, name.to_owned());
            let Some(owner) = self.taken.get(&key) else {
                continue;
            };
            self.diagnostics.push(
                Diagnostic::new(
                    codes::IDENTIFIER_COLLISION,
                    owner.at,
                    format!(
                        "`{}` makes `{name}` in `{place}`, where generated code uses that name itself",
                        owner.name
                    ),
                )
                .with_help("rename it"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Location;

    fn owner(name: &str) -> Owner {
        Owner::new(name, Location::default())
    }

    #[test]
    fn a_constant_and_a_type_of_one_name_do_not_meet() {
        let mut identifiers = Identifiers::default();
        assert!(identifiers.claim_value("semconv::app", "X", owner("app.x")));
        assert!(identifiers.claim_type("semconv::app", "X", owner("app.x")));
        assert!(identifiers.diagnostics.is_empty());
        assert!(!identifiers.claim_type("semconv::app", "X", owner("app.y")));
    }

    #[test]
    fn what_hides_a_name_in_use_is_reported() {
        let mut identifiers = Identifiers::default();
        identifiers.claim_type("spans", "Future", owner("app.future"));
        identifiers.claim_value("spans", "Handle", owner("app.handle"));
        identifiers.reserve("spans", Space::Types, ["Handle", "Future"]);
        let messages: Vec<_> = identifiers
            .diagnostics
            .iter()
            .map(|error| error.message.clone())
            .collect();
        assert_eq!(
            messages,
            ["`app.future` makes `Future` in `spans`, where generated code uses that name itself"]
        );
    }
}
