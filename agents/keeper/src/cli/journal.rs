//! The command line of `keeper journal`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use vagus_allocator::Reason;

use super::Common;

/// Examples under the help of `keeper journal`.
const JOURNAL_EXAMPLES: &str = "\
Examples:
  keeper journal list --config keeper.toml --rebalances
      what was done, newest first
  keeper journal show --config keeper.toml 0x1f3a77c2
      one decision with what came of it; the first eight digits of its hash do
  keeper journal export --config keeper.toml 0x1f3a77c2 decision.json
      a file with all that `keeper trace --record` needs: the record, its place in the chain of records, what came of it
  keeper journal history --config keeper.toml --vault main main.history
      all that was seen and decided about a vault, as one file for keeper backtest
  keeper journal backup --config keeper.toml /backup/journal-2026-11-21.sqlite
      copies the journal, from SQLite or PostgreSQL, while the keeper runs
  keeper journal restore --config keeper.toml /backup/journal-2026-11-21.sqlite
      puts it where the configuration names a journal; what lies there has to be moved away first
  keeper journal adopt --config keeper.toml --note \"restored after disk failure, checked by Ada\"
      goes on although the chain knows of more than the journal, after a person has looked

More: docs/operations/journal.md.";

/// Options of `keeper journal`.
#[derive(Clone, Debug, Args)]
#[command(after_help = JOURNAL_EXAMPLES)]
pub struct Journal {
    /// What to do.
    #[command(subcommand)]
    pub command: JournalCommand,
}

/// What to do with the journal.
#[derive(Clone, Debug, Subcommand)]
pub enum JournalCommand {
    /// List decisions, newest first
    #[command(after_help = JOURNAL_EXAMPLES)]
    List(Listing),
    /// Show one decision and what came of it
    #[command(after_help = JOURNAL_EXAMPLES)]
    Show(Showing),
    /// Write a decision into a new file that anybody can check against the chain: keeper trace --record
    #[command(after_help = JOURNAL_EXAMPLES)]
    Export(Exporting),
    /// Write the past of a vault into a new file that `keeper backtest` goes through
    #[command(after_help = JOURNAL_EXAMPLES)]
    History(WritingHistory),
    /// Copy the journal into a new file, while keepers run; every chain of hashes is followed in the copy
    #[command(after_help = JOURNAL_EXAMPLES)]
    Backup(Copying),
    /// Put a copy in the place of a journal that holds nothing; the copy is left as it is
    #[command(after_help = JOURNAL_EXAMPLES)]
    Restore(Copying),
    /// Take the vaults as they stand on the chain, though the journal does not know all that was done; sends nothing
    #[command(after_help = JOURNAL_EXAMPLES)]
    Adopt(Adopting),
}

/// Options of copies.
#[derive(Clone, Debug, Args)]
pub struct Copying {
    /// Configuration file, which names the journal
    #[arg(long, short, value_name = "FILE")]
    pub config: PathBuf,
    /// The copy
    #[arg(value_name = "COPY")]
    pub file: PathBuf,
    /// Print JSON, with a schema version, instead of text
    #[arg(long)]
    pub json: bool,
}

/// Options of `keeper journal adopt`.
#[derive(Clone, Debug, Args)]
pub struct Adopting {
    /// Options of every command
    #[command(flatten)]
    pub common: Common,
    /// Who looked, and why it may stand; kept in the journal
    #[arg(long, value_name = "TEXT")]
    pub note: String,
}

/// Options of `keeper journal list`.
#[derive(Clone, Debug, Args)]
pub struct Listing {
    /// Options of every command
    #[command(flatten)]
    pub common: Common,
    /// At most this many of each vault
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,
    /// Only rebalances
    #[arg(long)]
    pub rebalances: bool,
    /// Only decisions with this reason code
    #[arg(long, value_name = "CODE")]
    pub reason: Option<Reason>,
    /// Only decisions at this block or later
    #[arg(long, value_name = "BLOCK")]
    pub from_block: Option<u64>,
    /// Only decisions at this block or earlier
    #[arg(long, value_name = "BLOCK")]
    pub to_block: Option<u64>,
    /// Of the journal of `keeper run --shadow`
    #[arg(long)]
    pub shadow: bool,
}

/// Options of `keeper journal show`.
#[derive(Clone, Debug, Args)]
pub struct Showing {
    /// Configuration file, which names the journal
    #[arg(long, short, value_name = "FILE")]
    pub config: PathBuf,
    /// Hash of the decision, or its first digits, at least eight
    #[arg(value_name = "DECISION", value_parser = hash_digits)]
    pub decision: String,
    /// Print JSON, with a schema version, instead of text
    #[arg(long)]
    pub json: bool,
    /// Of the journal of `keeper run --shadow`
    #[arg(long)]
    pub shadow: bool,
}

/// Options of `keeper journal history`.
#[derive(Clone, Debug, Args)]
pub struct WritingHistory {
    /// Configuration file, which names journal, vault and chain
    #[arg(long, short, value_name = "FILE")]
    pub config: PathBuf,
    /// The vault, by its name in the configuration; needed if that names several
    #[arg(long, value_name = "NAME")]
    pub vault: Option<String>,
    /// Only what was decided at this block or later
    #[arg(long, value_name = "BLOCK")]
    pub from: Option<u64>,
    /// Only what was decided at this block or earlier
    #[arg(long, value_name = "BLOCK")]
    pub to: Option<u64>,
    /// The file; it must not be there yet
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Print JSON, with a schema version, instead of text
    #[arg(long)]
    pub json: bool,
}

/// Options of `keeper journal export`.
#[derive(Clone, Debug, Args)]
pub struct Exporting {
    /// Which one
    #[command(flatten)]
    pub showing: Showing,
    /// The file; it must not be there yet
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The record alone, as it was hashed: the keccak-256 of the file is the decision that the guard's event names
    #[arg(long)]
    pub bare: bool,
}

/// The hexadecimal digits of a hash or of its beginning, without 0x.
fn hash_digits(text: &str) -> Result<String, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let is_hash = (8..=64).contains(&digits.len()) && digits.chars().all(|c| c.is_ascii_hexdigit());
    if is_hash {
        Ok(digits.to_ascii_lowercase())
    } else {
        Err("expected from 8 to 64 hexadecimal digits of a decision's hash".to_owned())
    }
}
