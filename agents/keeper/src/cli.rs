//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Examples under the help.
const EXAMPLES: &str = "\
Examples:
  keeper plan --config keeper.toml                what would be done now, and why; sends nothing
  keeper run --config keeper.toml                 follow the chains and act until interrupted
  keeper run --config keeper.toml --json          the same, one JSON object per line
  keeper status --config keeper.toml --vault main chain, policy, mandate, weights, last decisions
  keeper journal backup --config keeper.toml FILE copy the journal while the keeper runs

Logs go to stderr and obey RUST_LOG (default: info). Exit and reason codes: docs/codes.md.";

/// Keeps a treasury inside the limits that its governance voted, and earning.
#[derive(Debug, Parser)]
#[command(name = "keeper", version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Follow the chains, decide at every block, and act inside the policy
    Run(Run),
    /// Say what would be done now and why; sends nothing and needs no key
    Plan(Common),
    /// Say how things stand: chain, policy, mandate, weights, last decisions
    Status(Common),
    /// Copy the journal, put a copy back, or let stand what it does not know
    Journal(Journal),
}

/// Examples under the help of `keeper journal`.
const JOURNAL_EXAMPLES: &str = "\
Examples:
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

/// Options of `keeper run`.
#[derive(Clone, Debug, Args)]
pub struct Run {
    /// Options of every command
    #[command(flatten)]
    pub common: Common,
    /// Go on with a chain that rewrote a block it had called final, after a person has looked; may be repeated
    #[arg(long, value_name = "CHAIN")]
    pub accept_rewritten: Vec<String>,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// Configuration file; an annotated one is at agents/keeper/examples/keeper.toml
    #[arg(long, short, value_name = "FILE")]
    pub config: PathBuf,
    /// Only this vault of the configuration
    #[arg(long, value_name = "NAME")]
    pub vault: Option<String>,
    /// Print JSON, with a schema version, instead of text
    #[arg(long)]
    pub json: bool,
}
