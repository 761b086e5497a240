//! That all do the same: one tick of each, kept in memory.

use std::io;
use std::process::Command;

use crate::cases::{Case, Who};
use crate::sinks::Kept;
use crate::subjects;

/// Shows one tick.
pub(crate) fn show(who: Who) {
    let kept = Kept::default();
    let mut subject = subjects::build(Case::Export, who, Some(&kept));
    subject.tick();
    subject.flush();
    crate::pipeline::collect();
    let exported = kept.take();
    for mut span in exported.spans {
        span.attributes.sort();
        let attributes = span.attributes.join(", ");
        println!("span {} [{}] {attributes}", span.name, span.kind);
        for event in span.events {
            println!("  event {event}");
        }
    }
    for (metric, values) in exported.metrics {
        println!("metric {metric} {values}");
    }
}

/// Shows one tick of each, and whether those that can do the same do.
pub(crate) fn run() -> io::Result<bool> {
    let mut counts = Vec::new();
    for who in [
        Who::Vigil,
        Who::LifeVigil,
        Who::ByHand,
        Who::Bare,
        Who::Floor,
    ] {
        let output = Command::new(std::env::current_exe()?)
            .args(["show", &who.name()])
            .env_clear()
            .output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        let spans = said.lines().filter(|line| line.starts_with("span "));
        let attributes: usize = spans.clone().map(|span| span.split(", ").count()).sum();
        let events = said.lines().filter(|line| line.starts_with("  event "));
        let values: u64 = said
            .lines()
            .filter_map(|line| {
                line.strip_prefix("metric ")?
                    .rsplit_once(' ')?
                    .1
                    .parse::<u64>()
                    .ok()
            })
            .sum::<u64>();
        let count = (spans.count(), attributes, events.count(), values);
        println!(
            "{}: {} spans, {} attributes, {} events, {} measurements\n{said}",
            who.title(Case::Export),
            count.0,
            count.1,
            count.2,
            count.3,
        );
        counts.push((who, count));
    }
    let vigil = counts[0].1;
    let same = counts
        .iter()
        .filter(|(who, _)| *who != Who::LifeVigil)
        .all(|(_, count)| *count == vigil);
    let expected = vigil.0 == 6 && vigil.3 == 8;
    println!(
        "{}",
        if same && expected {
            "all but life-vigil do the same"
        } else {
            "they do not do the same"
        }
    );
    Ok(same && expected)
}
