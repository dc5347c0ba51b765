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
  keeper backtest calm.history --generate 7 --lines 2000
      a history that is drawn from the seed 7 instead of a recorded one, written beside the policy it is gone through under

No endpoint, no journal and no key is asked. What is exact and what is held fixed: docs/operations/backtest.md.";

/// Options of `keeper backtest`.
#[derive(Clone, Debug, Args)]
pub struct Backtesting {
    /// A history that `keeper journal history` wrote; with --generate the new file that one is written into
    #[arg(value_name = "HISTORY")]
    pub history: PathBuf,
    /// Draw a history from this seed, write it into HISTORY and its policy beside it (with the ending .toml), and go through it
    #[arg(long, value_name = "SEED", conflicts_with = "recorded")]
    pub generate: Option<u64>,
    /// Strategies of a generated history, every second one an Aave V3 reserve, the others Morpho Blue markets
    #[arg(long, value_name = "COUNT", requires = "generate", default_value_t = 8,
        value_parser = clap::value_parser!(u16).range(1..=32))]
    pub strategies: u16,
    /// Blocks of a generated history, an hour apart
    #[arg(long, value_name = "COUNT", requires = "generate", default_value_t = 1_000,
        value_parser = clap::value_parser!(u32).range(2..))]
    pub lines: u32,
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
