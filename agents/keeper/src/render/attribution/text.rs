//! A report for a terminal.

use anstyle::{AnsiColor, Style};

use super::tables::{facts, tables};
use crate::{attribution::view::Report, render::table::table};

const STRONG: Style = Style::new().bold();
const HEADING: Style = AnsiColor::Cyan.on_default().bold();
/// Rows of a long table.
const MOST: usize = 40;

/// The whole page.
#[must_use]
pub fn text(report: &Report) -> String {
    let facts = facts(report);
    let facts = facts.iter().map(|(key, value)| format!("{STRONG}{key:<9}{STRONG:#} {value}"));
    let mut page = vec![facts.collect::<Vec<_>>().join("\n")];
    for one in tables(report, MOST) {
        let columns: Vec<&str> = one.columns.iter().map(String::as_str).collect();
        let about = if one.about.is_empty() { String::new() } else { format!("\n{}", one.about) };
        let heading = one.heading;
        page.push(format!("{HEADING}{heading}{HEADING:#}{about}\n{}", table(&columns, &one.rows)));
    }
    let fees = &report.fee_shares;
    if !(fees.management.is_zero() && fees.performance.is_zero()) {
        page.push(format!(
            "Fee shares minted: {} for management, {} for performance (smallest units of the vault's shares).",
            fees.management, fees.performance
        ));
    }
    page.push(report.notes.join("\n"));
    page.join("\n\n")
}
