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
