//! Where a tick's instructions go, by callgrind.

use std::collections::BTreeMap;
use std::io;
use std::process::Command;

use crate::cases::{Case, Who};
use crate::driver;

/// How many functions are named.
const NAMED: usize = 25;

/// Whose instructions they are: by a part of the function's name, the first that fits.
const GROUPS: [(&str, &[&str]); 7] = [
    ("Vigil", &["vigil::"]),
    ("OpenTelemetry", &["opentelemetry"]),
    ("`tracing`", &["tracing", "sharded_slab"]),
    (
        "allocator",
        &[
            "malloc",
            "free",
            "rust_alloc",
            "rust_dealloc",
            "unlink_chunk",
        ],
    ),
    (
        "copying and comparing memory",
        &["__mem", "memmove", "memcpy"],
    ),
    ("clocks", &["clock_gettime", "Timespec"]),
    ("the standard library's, for all of these", &[""]),
];

/// A tick's instructions.
pub(crate) struct Profile {
    groups: Vec<(&'static str, f64)>,
    functions: Vec<(String, f64)>,
}

impl Profile {
    /// Ticks under callgrind.
    pub(crate) fn of(case: Case, who: Who) -> io::Result<Self> {
        let file = std::env::temp_dir().join(format!("vigil-profile-{}", std::process::id()));
        let counted = driver::callgrind(case, who, &file).and_then(|_| {
            Command::new("callgrind_annotate")
                .args(["--auto=no", "--threshold=100"])
                .arg(&file)
                .output()
        });
        // It is of no use to anybody else.
        let _ = std::fs::remove_file(&file);
        let ticks = f64::from(driver::callgrind_ticks(case));
        Ok(Self::read(
            &String::from_utf8_lossy(&counted?.stdout),
            ticks,
        ))
    }

    fn read(annotated: &str, ticks: f64) -> Self {
        let mut functions: BTreeMap<String, f64> = BTreeMap::new();
        let lines = annotated
            .lines()
            .skip_while(|line| !line.contains("file:function"));
        for (function, instructions) in lines.filter_map(function) {
            *functions.entry(function).or_default() += instructions / ticks;
        }
        let mut groups: Vec<_> = GROUPS.iter().map(|(group, _)| (*group, 0.0)).collect();
        for (function, instructions) in &functions {
            let group = GROUPS
                .iter()
                .position(|(_, parts)| parts.iter().any(|part| function.contains(part)));
            if let Some(group) = group {
                groups[group].1 += instructions;
            }
        }
        let mut functions: Vec<_> = functions.into_iter().collect();
        functions.sort_by(|one, other| other.1.total_cmp(&one.1));
        Self { groups, functions }
    }

    /// Whose instructions they are, the most first.
    pub(crate) fn groups(&self) -> Vec<(&'static str, f64)> {
        let mut groups = self.groups.clone();
        groups.sort_by(|one, other| other.1.total_cmp(&one.1));
        groups
    }

    /// The dearest functions, each without those that it calls.
    pub(crate) fn functions(&self) -> &[(String, f64)] {
        &self.functions[..self.functions.len().min(NAMED)]
    }
}

/// `12,345 ( 1.2%)  file:function [object]`
fn function(line: &str) -> Option<(String, f64)> {
    let (instructions, rest) = line.trim_start().split_once(' ')?;
    let instructions: f64 = instructions.replace(',', "").parse().ok()?;
    let (_, place) = rest.split_once("%)")?;
    let place = place.trim();
    let place = place.rsplit_once(" [").map_or(place, |(place, _)| place);
    // Names of functions have colons, but none stands alone before them.
    let (_, name) = place.split_once(".rs:").or_else(|| {
        let (_, name) = place.split_once(':')?;
        Some(("", name))
    })?;
    // callgrind counts the depth of recursion.
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit());
    Some((name.trim_end_matches('\'').to_owned(), instructions))
}
