//! The command line.

mod journal;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use journal::{Adopting, Copying, Exporting, Journal, JournalCommand, Listing, Showing};

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
    /// List, show and export what was decided; copy the journal, put a copy back, or let stand what it does not know
    Journal(Journal),
    /// Say what this binary is: version, commit, version of the algorithm
    Version(Version),
    /// Write completions for a shell
    #[command(after_help = COMPLETION_EXAMPLES)]
    Completions(Completions),
}

/// Options of `keeper version`.
#[derive(Clone, Copy, Debug, Args)]
pub struct Version {
    /// Print JSON, with a schema version, instead of text
    #[arg(long)]
    pub json: bool,
}

/// Examples under the help of `keeper completions`.
const COMPLETION_EXAMPLES: &str = "\
Examples:
  keeper completions bash > /etc/bash_completion.d/keeper
  keeper completions zsh > \"${fpath[1]}/_keeper\"
  keeper completions fish > ~/.config/fish/completions/keeper.fish";

/// Options of `keeper completions`.
#[derive(Clone, Copy, Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: clap_complete::Shell,
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
