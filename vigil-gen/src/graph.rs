//! Definitions that lead to other definitions: an order in which to visit them, and cycles.

use std::collections::BTreeMap;

use crate::codes;
use crate::diagnostic::{Diagnostic, Location};

/// What each definition leads to, and where it says so.
pub(crate) type Edges<'a> = BTreeMap<&'a str, Vec<(&'a str, Location)>>;

/// How many names of a cycle a message shows.
const NAMES_SHOWN: usize = 12;

/// What [`walk`] found.
pub(crate) struct Walk<'a> {
    /// Every definition, after all that it leads to (but for cycles).
    pub(crate) order: Vec<&'a str>,
    /// The cycles: their names, the first one again at the end, and the step that closes them.
    pub(crate) cycles: Vec<Cycle<'a>>,
}

/// Definitions that lead back to the first of them.
pub(crate) struct Cycle<'a> {
    pub(crate) names: Vec<&'a str>,
    pub(crate) at: Location,
}

impl Cycle<'_> {
    /// The error, beginning with `what`, such as "these groups refer to each other in a circle".
    pub(crate) fn diagnostic(&self, what: &str) -> Diagnostic {
        let mut path = self.names[..self.names.len().min(NAMES_SHOWN)].join(" -> ");
        if self.names.len() > NAMES_SHOWN {
            path.push_str(" -> ...");
        }
        Diagnostic::new(codes::CYCLE, self.at, format!("{what}: `{path}`"))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Done,
}

/// Visits everything, depth first. Chains may be as long as a file; so no recursion.
pub(crate) fn walk<'a>(edges: &Edges<'a>) -> Walk<'a> {
    let mut found = Walk {
        order: Vec::new(),
        cycles: Vec::new(),
    };
    let mut states: BTreeMap<&str, State> = BTreeMap::new();
    for &start in edges.keys() {
        if states.contains_key(start) {
            continue;
        }
        states.insert(start, State::Open);
        let mut path: Vec<(&'a str, usize)> = vec![(start, 0)];
        while let Some((name, next)) = path.last_mut() {
            let name = *name;
            let step = edges.get(name).and_then(|steps| steps.get(*next)).copied();
            *next += 1;
            let Some((to, at)) = step else {
                states.insert(name, State::Done);
                found.order.push(name);
                path.pop();
                continue;
            };
            match states.get(to) {
                Some(State::Open) => {
                    let from = path
                        .iter()
                        .position(|(name, _)| *name == to)
                        .unwrap_or_default();
                    let names = path[from..]
                        .iter()
                        .map(|(name, _)| *name)
                        .chain([to])
                        .collect();
                    found.cycles.push(Cycle { names, at });
                }
                None if edges.contains_key(to) => {
                    states.insert(to, State::Open);
                    path.push((to, 0));
                }
                Some(State::Done) | None => {}
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_led_to_comes_first_and_cycles_are_named_from_their_start() {
        let at = Location::default();
        let edges: Edges<'_> = [
            ("a", vec![("b", at)]),
            ("b", vec![("c", at)]),
            ("c", vec![("b", at)]),
        ]
        .into();
        let found = walk(&edges);
        assert_eq!(found.order, ["c", "b", "a"]);
        assert_eq!(found.cycles.len(), 1);
        assert_eq!(found.cycles[0].names, ["b", "c", "b"]);
    }
}
