//! The table, and where it goes.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::child::Cost;

/// One registry.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    pub(crate) read: Cost,
    /// The time of rendering alone; memory and instructions of the whole process, reading included.
    pub(crate) render: Cost,
}

const BEGIN: &str = "<!-- generator: begin -->\n";
const END: &str = "<!-- generator: end -->\n";

/// A row for each registry.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut table = "| registry | YAML | read | | | render | | |\n\
                     |---|--:|--:|--:|--:|--:|--:|--:|\n\
                     | | | time | instructions | peak memory | time | instructions | peak memory |\n"
        .to_owned();
    for row in rows {
        let both = row.render.instructions;
        let alone = both.zip(row.read.instructions);
        let alone = alone.map(|(both, read)| both.saturating_sub(read));
        let _ = writeln!(
            table,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            row.name,
            megabytes(row.bytes),
            milliseconds(&row.read),
            millions(row.read.instructions),
            megabytes(row.read.memory),
            milliseconds(&row.render),
            millions(alone),
            megabytes(row.render.memory),
        );
    }
    table
}

#[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

fn milliseconds(cost: &Cost) -> String {
    format!("{:.0} ms", cost.time.as_secs_f64() * 1e3)
}

fn millions(count: Option<u64>) -> String {
    count.map_or_else(
        || "–".to_owned(),
        |count| format!("{} M", count / 1_000_000),
    )
}

/// Puts the table between its marks.
pub(crate) fn write(table: &str) -> Result<(), Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/performance.md");
    let text = fs::read_to_string(&path)?;
    let (before, rest) = text
        .split_once(BEGIN)
        .ok_or("no mark where the table begins")?;
    let (_, after) = rest.split_once(END).ok_or("no mark where the table ends")?;
    fs::write(&path, format!("{before}{BEGIN}\n{table}\n{END}{after}"))?;
    Ok(())
}
