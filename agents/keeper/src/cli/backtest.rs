//! The command line of `keeper backtest`.

use std::path::PathBuf;

use alloy::primitives::Address;
use clap::Args;

/// Examples under the help of `keeper backtest`.
pub(super) const EXAMPLES: &str = "\
Examples:
  keeper journal history --config keeper.toml --vault main main.history
      the past of a vault out of the journal, as one file
  keeper backtest main.history
      what was decided, decided again: every record has to come out with its hash
  keeper backtest main.history --policy next.toml --recorded
      what another policy would have come to, beside the one that was in force
  keeper backtest main.history --policy a.toml --policy b.toml --out reports --resume work
      two policies side by side, each report as JSON, CSV and HTML; if it is killed, the same command goes on

No endpoint, no journal and no key is asked. What is exact and what is held fixed: docs/operations/backtest.md.";

/// Options of `keeper backtest`.
#[derive(Clone, Debug, Args)]
pub struct Backtesting {
    /// A history that `keeper journal history` wrote
    #[arg(value_name = "HISTORY")]
    pub history: PathBuf,
    /// Decide under this policy file from the first block to the last; may be repeated
    #[arg(long, value_name = "FILE")]
    pub policy: Vec<PathBuf>,
    /// Decide under whatever was in force as well [default: that alone]
    #[arg(long)]
    pub recorded: bool,
    /// A name that the policy files use for an account; those of the history are known
    #[arg(long, value_name = "NAME=ADDRESS", value_parser = named)]
    pub name: Vec<(String, Address)>,
    /// Write each report into this folder, as JSON, CSV and HTML; what is there of the same name is replaced
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Keep in this folder how far it is; the same command goes on from there, and comes to the same to the last digit
    #[arg(long, value_name = "FOLDER")]
    pub resume: Option<PathBuf>,
    /// Print JSON, with a schema version, instead of text
    #[arg(long)]
    pub json: bool,
}

fn named(text: &str) -> Result<(String, Address), String> {
    let parts = text.split_once('=');
    let parts = parts.and_then(|(name, address)| Some((name.to_owned(), address.parse().ok()?)));
    parts.ok_or_else(|| "expected a name, = and an address".to_owned())
}
