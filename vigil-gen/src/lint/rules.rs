//! Every lint, in the order in which they judge.

use super::Level::{Allow, Deny, Warn};
use super::scope::Scope;
use super::{Level, Lint, allows, content, metrics, names, promises, texts, upkeep};
use crate::diagnostic::Diagnostic;

/// What can be said against a registry.
pub static LINTS: &[Lint] = &[
    row(
        "unclear-brief",
        Warn,
        texts::briefs,
        "A brief that does not tell: it repeats the name, is still to be written, is no sentence, or is longer than 200 characters.",
        "Say in one sentence what it is, with unit and range; what else one must know belongs into `note`.",
    ),
    row(
        "no-examples",
        Warn,
        texts::examples,
        "An attribute of numbers or structured values without examples. Text without any is an error.",
        "Add `examples` with real values: they show the unit and the order of magnitude.",
    ),
    row(
        "unit-in-name",
        Warn,
        names::units,
        "An attribute of numbers, or a metric, whose name ends in a unit, such as `_ms` or `.bytes`.",
        "Leave the unit out of the name: a metric has its `unit`, an attribute `annotations.vigil.unit`.",
    ),
    row(
        "total-in-name",
        Warn,
        names::totals,
        "A metric whose name ends in `total`. Prometheus appends it to counters by itself, and of other sums it tells what is not so.",
        "Leave `total` out of the name.",
    ),
    row(
        "plural-updowncounter",
        Warn,
        names::plurals,
        "An up-down counter with a plural for a name. OpenTelemetry keeps that for what counts events.",
        "Name what is counted in the singular, with `.count` or what is told of it: `queue.message.count`.",
    ),
    row(
        "no-namespace",
        Warn,
        names::namespaces,
        "An attribute or a metric whose name has no namespace.",
        "Begin it with one of your own: `shop.order.size`.",
    ),
    row(
        "name-is-namespace",
        Warn,
        names::trees,
        "A name that others of its kind have as their namespace, so that no backend can show them as a tree.",
        "Name the one more exactly: `file.owner.name` beside `file.owner.id`, not `file.owner`.",
    ),
    row(
        "constant-collision",
        Warn,
        names::constants,
        "Two names that differ in `.` and `_` alone, so that they are one where dots can't stand: as constants, in Prometheus.",
        "Rename one.",
    ),
    row(
        "reserved-namespace",
        Warn,
        names::reserved,
        "A name that begins with `otel.`, which only OpenTelemetry's specification defines.",
        "Put it into a namespace of your own.",
    ),
    row(
        "upstream-namespace",
        Warn,
        names::upstream,
        "An attribute or a metric of one's own in a namespace of OpenTelemetry's, where the registry depends on theirs: what they define there next may have the same name.",
        "Put it into a namespace of your own.",
    ),
    row(
        "less-stable-attribute",
        Warn,
        promises::stability,
        "A reference to an attribute that is less stable than what refers to it, and not opt-in: what it promises, it can't keep.",
        "Make the reference `opt_in`, or give both one stability.",
    ),
    row(
        "unmarked-content",
        Warn,
        content::unmarked,
        "An attribute that is called as content or a secret is, not marked as `sensitive`, and sent unasked.",
        "Mark it as `sensitive` and refer to it `opt_in`.",
    ),
    row(
        "unbounded-attribute",
        Allow,
        metrics::unbounded,
        "A metric attribute without a bound, where nothing asks for one: in registries that [Vigil's own rules](#whose-rules-hold) don't hold for.",
        "Add `cardinality: N` to the reference, or take it out.",
    ),
    row(
        "too-many-series",
        Allow,
        metrics::series,
        "A metric that can make more than 1,791 series, which is how many the SDK keeps apart: beyond them it counts all together.",
        "Lower the bounds or take an attribute out, if all combinations can occur; `vigil-gen stats` shows the factors.",
    ),
    row(
        "missing-owner",
        Allow,
        upkeep::owners,
        "A definition that nobody answers for.",
        "Name an [owner](#owners-and-expiry) of it, of its namespace, or of the whole registry.",
    ),
    row(
        "expired",
        Warn,
        upkeep::expired,
        "A definition whose day has come.",
        "Look whether anybody still needs it: then set [`expires`](#owners-and-expiry) to a later day. If not, deprecate it.",
    ),
    row(
        "removed-without-deprecation",
        Deny,
        promises::removed,
        "A definition or an enum member that the baseline has, not deprecated, and that is gone.",
        "Keep it, with `deprecated`, for at least one release. `vigil-gen lint --baseline` compares.",
    )
    .against_a_baseline(),
    row(
        "allow-without-reason",
        Allow,
        allows::reasons,
        "A lint that is suppressed without a reason.",
        "Write `{ lint: NAME, reason: … }`.",
    ),
    // Last: it looks at what the others left over.
    row(
        "unused-allow",
        Warn,
        allows::unused,
        "A lint that is suppressed where it finds nothing.",
        "Take it out of `allow`.",
    ),
];

const fn row(
    name: &'static str,
    level: Level,
    judge: fn(&Scope<'_>) -> Vec<Diagnostic>,
    meaning: &'static str,
    remedy: &'static str,
) -> Lint {
    Lint {
        name,
        level,
        meaning,
        remedy,
        needs_baseline: false,
        judge,
    }
}

impl Lint {
    const fn against_a_baseline(mut self) -> Self {
        self.needs_baseline = true;
        self
    }
}
