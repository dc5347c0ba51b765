//! One look for all tables.

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};

/// A table with a heading; all columns but the first are numbers, to the right.
#[must_use]
pub fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    aligned(heading, rows, CellAlignment::Right)
}

/// A table with a heading, of words.
#[must_use]
pub fn words(heading: &[&str], rows: &[Vec<String>]) -> String {
    aligned(heading, rows, CellAlignment::Left)
}

fn aligned(heading: &[&str], rows: &[Vec<String>], others: CellAlignment) -> String {
    let cell = |(place, text): (usize, &str)| {
        Cell::new(text).set_alignment(if place == 0 { CellAlignment::Left } else { others })
    };
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(heading.iter().copied().enumerate().map(cell));
    for row in rows {
        table.add_row(row.iter().map(String::as_str).enumerate().map(cell));
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}
