//! What was compared with the declared files: a table for each area, one row for each check.

use anstyle::{AnsiColor, Style};

use super::{number::time, table::words};
use crate::verify::Report;

const STRONG: Style = Style::new().bold();
const OK: Style = AnsiColor::Green.on_default();
const FAIL: Style = AnsiColor::Red.on_default().bold();

/// The whole page.
#[must_use]
pub fn text(report: &Report) -> String {
    let mut page = vec![format!(
        "{STRONG}Treasury {}{STRONG:#} on chain {}, block {} of {}",
        report.treasury,
        report.chain_id,
        report.block.number,
        time(report.block.timestamp)
    )];
    let mut areas: Vec<&str> = Vec::new();
    for check in &report.checks {
        if !areas.contains(&check.area.as_str()) {
            areas.push(&check.area);
        }
    }
    for area in areas {
        let rows: Vec<Vec<String>> = report
            .checks
            .iter()
            .filter(|check| check.area == area)
            .map(|check| {
                let word = if check.ok { "ok" } else { "DEVIATES" };
                let found = if check.ok { "the same" } else { &check.found };
                vec![
                    word.to_owned(),
                    check.subject.clone(),
                    check.expected.clone(),
                    found.to_owned(),
                ]
            })
            .collect();
        let table = words(&["", area, "declared", "on the chain"], &rows);
        page.push(String::new());
        page.push(table);
    }
    page.push(String::new());
    let count = report.checks.len();
    page.push(match report.deviations() {
        0 => format!("{OK}The chain is as declared{OK:#}: {count} checks."),
        deviations => {
            format!("{FAIL}The chain is NOT as declared{FAIL:#}: {deviations} of {count} checks deviate.")
        }
    });
    page.join("\n")
}
