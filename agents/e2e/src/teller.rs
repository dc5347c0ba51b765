//! Tells the story as it happens, or keeps silent.

use anstyle::{AnsiColor, Style};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets::NOTHING};

const HEADING: Style = AnsiColor::Cyan.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const STOP: Style = AnsiColor::Yellow.on_default();
const FAINT: Style = Style::new().dimmed();

/// What kind of line it is; the colour follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Somebody does something.
    Plain,
    /// Capital moved.
    Good,
    /// Something was refused or held, as it should be.
    Stop,
    /// Detail for those who look twice.
    Faint,
}

/// Prints to standard output, in colour where a person looks, or prints nothing.
#[derive(Clone, Copy, Debug)]
pub struct Teller {
    speaks: bool,
}

impl Teller {
    /// One that prints.
    #[must_use]
    pub fn aloud() -> Self {
        Self { speaks: true }
    }

    /// One that keeps silent.
    #[must_use]
    pub fn silent() -> Self {
        Self { speaks: false }
    }

    /// Opens a chapter.
    pub fn chapter(&self, title: &str) {
        if self.speaks {
            anstream::println!("\n{HEADING}{title}{HEADING:#}");
        }
    }

    /// One line.
    pub fn line(&self, tone: Tone, text: &str) {
        if !self.speaks {
            return;
        }
        let style = match tone {
            Tone::Plain => Style::new(),
            Tone::Good => GOOD,
            Tone::Stop => STOP,
            Tone::Faint => FAINT,
        };
        anstream::println!("  {style}{text}{style:#}");
    }

    /// A table whose columns after the first are numbers.
    pub fn table(&self, header: &[&str], rows: &[Vec<String>]) {
        if !self.speaks {
            return;
        }
        let mut table = Table::new();
        table
            .load_style(NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled)
            .set_header(header.to_vec());
        for row in rows {
            table.add_row(row.clone());
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        for (row, line) in table.to_string().lines().enumerate() {
            let style = if row == 0 { FAINT } else { Style::new() };
            anstream::println!("  {style}{}{style:#}", line.trim_end());
        }
    }
}
