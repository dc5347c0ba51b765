//! The command line of `keeper report`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::attribution::Bound;

/// Examples under the help of `keeper report`.
pub(super) const EXAMPLES: &str = "\
Examples:
  keeper report --config keeper.toml --vault main
      the vault's whole life in the terminal
  keeper report --config keeper.toml --vault main --from 2026-11-01 --to 2026-11-30 --format html --out november.html
      a month as one file, with plots, to read on a phone or to print
  keeper report --config keeper.toml --vault main --from 21000000 --format csv
      from the end of a block on, one row for each part; the column `credit` adds up to the last row

Old state is needed back to the beginning of the report: an archive node, or a recent --from. How to read it:
docs/operations/report.md.";

/// In which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Tables for a terminal
    Table,
    /// One row for each part
    Csv,
    /// One document, with a schema version
    Json,
    /// One file with plots that needs nothing else
    Html,
}

/// Options of `keeper report`.
#[derive(Clone, Debug, Args)]
pub struct Reporting {
    /// Configuration file
    #[arg(long, short, value_name = "FILE")]
    pub config: PathBuf,
    /// The vault, by its name in the configuration; needed if that names several
    #[arg(long, value_name = "NAME")]
    pub vault: Option<String>,
    /// Begin at the end of this block, or with this day (UTC, like 2026-11-01) [default: before the vault was there]
    #[arg(long, value_name = "BLOCK|DATE")]
    pub from: Option<Bound>,
    /// End at the end of this block, or of this day (UTC) [default: the newest block]
    #[arg(long, value_name = "BLOCK|DATE")]
    pub to: Option<Bound>,
    /// In which form
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "table")]
    pub format: ReportFormat,
    /// Write it into this file instead of printing it; what is there is replaced
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
}

impl Reporting {
    /// The form that is asked for.
    #[must_use]
    pub fn format(&self) -> ReportFormat {
        if self.json { ReportFormat::Json } else { self.format }
    }
}
