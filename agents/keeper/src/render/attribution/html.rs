//! A report as one file that needs nothing else: no script, no font, no address is asked.

use super::{
    plots,
    tables::{Table, facts, tables},
};
use crate::attribution::view::Report;

const STYLE: &str = include_str!("report.css");
/// Rows of a long table.
const MOST: usize = 200;

/// Text as it may stand in HTML, between tags and inside quoted attributes.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // Marks of direction could turn the text around them.
            c if c.is_control()
                || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') =>
            {
                safe.push('\u{fffd}');
            }
            c => safe.push(c),
        }
    }
    safe
}

/// The whole file.
#[must_use]
pub fn html(report: &Report) -> String {
    let title = escaped(&format!("Report of {}", report.vault));
    let facts: String = facts(report)
        .iter()
        .map(|(key, value)| format!("<dt>{key}</dt><dd>{}</dd>", escaped(value)))
        .collect();
    let mut all = tables(report, MOST).into_iter();
    // The result stands before the plots, everything else behind.
    let first: String = all.next().iter().map(section).collect();
    let others: String = all.map(|table| section(&table)).collect();
    let notes: String =
        report.notes.iter().map(|note| format!("<li>{}</li>", escaped(note))).collect();
    let fees = &report.fee_shares;
    let plots = plots::figures(report);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n\
         <dl>{facts}</dl>\n{first}<section class=\"plots\">\n{plots}</section>\n{others}\
         <section><h2>To know</h2><ul>{notes}<li>Fee shares minted: {} for management, {} for performance (smallest units of \
         the vault's shares).</li></ul></section>\n</main>\n</body>\n</html>\n",
        fees.management, fees.performance
    )
}

fn section(table: &Table) -> String {
    let Table { heading, about, columns, rows } = table;
    let cells = |tag: &str, cells: &[String]| -> String {
        cells.iter().map(|cell| format!("<{tag}>{}</{tag}>", escaped(cell))).collect()
    };
    let head = cells("th", columns);
    let body: String = rows.iter().map(|row| format!("<tr>{}</tr>\n", cells("td", row))).collect();
    let about = if about.is_empty() { String::new() } else { format!("<p>{}</p>", escaped(about)) };
    format!(
        "<section><h2>{heading}</h2>{about}<div class=\"wide\"><table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\
         </tbody></table></div></section>\n"
    )
}
