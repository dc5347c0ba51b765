//! The command line.

mod backtest;
mod journal;
mod policy;
mod report;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::trace::Wanted;

pub use backtest::Backtesting;
pub use journal::{
    Adopting, Copying, Exporting, Journal, JournalCommand, Listing, Showing, WritingHistory,
};
pub use policy::{
    Acting, Beginning, Diffing, OfVaultIfAny, Office, PolicyCommand, PolicyVerb, Previewing,
    Proposing, Validating, Verifying, Vetoing, Way,
};
pub use report::{ReportFormat, Reporting};

/// Examples under the help.
const EXAMPLES: &str = "\
Examples:
  keeper plan --config keeper.toml                what would be done now, and why; sends nothing
  keeper run --config keeper.toml                 follow the chains and act until interrupted
  keeper run --config keeper.toml --json          the same, one JSON object per line
  keeper run --config keeper.toml --shadow        the same, but nothing is signed or sent
  keeper status --config keeper.toml --vault main chain, policy, mandate, weights, last decisions
  keeper status --config keeper.toml --treasury   all vaults of all chains on one page
  keeper report --config keeper.toml --vault main  what came of each decision; also as CSV, JSON and HTML
  keeper backtest main.history --policy next.toml what another policy would have come to over the past
  keeper move out.toml --config keeper.toml       a person's rebalance, inside the same rules
  keeper pause --config keeper.toml --vault main --person Ada --reason \"oracle looks odd\"
  keeper journal backup --config keeper.toml FILE copy the journal while the keeper runs
  keeper policy diff on-chain policy.toml --config keeper.toml  what a vote would change, and when
  keeper trace 0x1f3a… --config keeper.toml       why a transaction was sent, and whether that is reproduced

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
    Status(Status),
    /// Say where a vault's result came from: decision by decision, venue by venue, to the unit; sends nothing
    #[command(after_help = report::EXAMPLES)]
    Report(Reporting),
    /// Say what would have been decided over a past, under any policy, and what would have come of it; asks nobody
    #[command(after_help = backtest::EXAMPLES)]
    Backtest(Backtesting),
    /// Carry out a rebalance that a person wrote down, inside the same rules and by the same way as the keeper's own
    #[command(after_help = MOVE_EXAMPLES)]
    Move(Moving),
    /// Stop acting on a vault until it is resumed; a running keeper sees it at its next block
    #[command(after_help = PAUSE_EXAMPLES)]
    Pause(Intervening),
    /// Let a vault that was paused, or is held with `ModelMistrust`, go on
    #[command(after_help = PAUSE_EXAMPLES)]
    Resume(Intervening),
    /// Look at everything the keeper needs, and say what is wrong and what to do; sends nothing
    Doctor(Common),
    /// List, show and export what was decided; copy the journal, put a copy back, or let stand what it does not know
    Journal(Journal),
    /// Say what was seen, considered and decided behind a transaction, a decision or a block, and whether it is reproduced
    #[command(after_help = TRACE_EXAMPLES)]
    Trace(Tracing),
    /// Write, check, compare, try and propose the policy that governance votes on
    Policy(PolicyVerb),
    /// Say what this binary is: version, commit, version of the algorithm
    Version(Version),
    /// Ask what only a person knows, find out the rest, and write a configuration; sends nothing
    #[command(after_help = INIT_EXAMPLES)]
    Init(Init),
    /// Write completions for a shell
    #[command(after_help = COMPLETION_EXAMPLES)]
    Completions(Completions),
}

/// Examples under the help of `keeper move`.
const MOVE_EXAMPLES: &str = "\
Examples:
  keeper move out.toml --config keeper.toml --dry-run   what would refuse it; sends nothing and needs no key
  keeper move out.toml --config keeper.toml             until it is mined; the record names who and why

out.toml:
  vault = \"main\"
  person = \"Ada\"
  reason = \"the venue has announced a migration\"
  [[legs]]
  strategy = \"Aave Core\"      # its name in the configuration, its symbol, or its address
  direction = \"from\"          # or \"into\"
  amount = \"250_000 USDC\"     # or, from a strategy, \"all\"

A journal in a file is one process's: stop the keeper first. Exit code 12 is a refusal, 13 a move that did not execute.";

/// Options of `keeper move`.
#[derive(Clone, Debug, Args)]
pub struct Moving {
    /// Vault, legs, person and reason, as TOML
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Configuration file
    #[arg(long, short, value_name = "FILE")]
    pub config: PathBuf,
    /// Only say what would refuse it
    #[arg(long)]
    pub dry_run: bool,
    /// Use a key that lies in the clear (`unsafe_raw_key_file`, `unsafe_raw_key_env`): whoever reads it can act for the agent
    #[arg(long)]
    pub unsafe_raw_key: bool,
    /// Print JSON, with a schema version, instead of text
    #[arg(long)]
    pub json: bool,
}

/// Examples under the help of `keeper trace`.
const TRACE_EXAMPLES: &str = "\
Examples:
  keeper trace 0x1f3a77c2… --config keeper.toml       a transaction of the agent, or a decision
  keeper trace 21345678 --config keeper.toml          what was decided at a block
  keeper journal export --config keeper.toml 0x1f3a77c2 decision.json
  keeper trace --record decision.json --rpc URL       the same by anybody, with nothing but this file and an archive endpoint
  VAGUS_RPC_URL=https://… keeper trace --record decision.json

Exit codes: 0 reproduced; 3 the record was altered; 4 decided by another version of the algorithm; 5 the endpoint does not have what
is to be compared; 6 not reproduced. More: docs/operations/trace.md.";

/// Options of `keeper trace`.
#[derive(Clone, Debug, Args)]
#[command(group = clap::ArgGroup::new("source").required(true).args(["config", "record"]))]
pub struct Tracing {
    /// Hash of a transaction or a decision, the first digits of a decision's (at least eight, after 0x), or a block's number
    #[arg(value_name = "WHAT", required_unless_present = "record", conflicts_with = "record")]
    pub what: Option<Wanted>,
    /// Configuration file, which names journal, endpoints and vaults
    #[arg(long, short, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Only this vault of the configuration
    #[arg(long, value_name = "NAME", requires = "config")]
    pub vault: Option<String>,
    /// A decision that `keeper journal export` wrote; needs no configuration and no journal
    #[arg(long, value_name = "FILE", conflicts_with = "config", requires = "rpc")]
    pub record: Option<PathBuf>,
    /// An endpoint with the state of the record's block; in the environment no other process sees its key
    #[arg(long, value_name = "URL", env = "VAGUS_RPC_URL", hide_env_values = true)]
    pub rpc: Option<String>,
    /// In the journal of `keeper run --shadow`
    #[arg(long, requires = "config")]
    pub shadow: bool,
    /// Print JSON, with a schema version, instead of text
    #[arg(long)]
    pub json: bool,
}

/// Options of `keeper version`.
#[derive(Clone, Copy, Debug, Args)]
pub struct Version {
    /// Print JSON, with a schema version, instead of text
    #[arg(long)]
    pub json: bool,
}

/// Examples under the help of `keeper init`.
const INIT_EXAMPLES: &str = "\
Examples:
  MAINNET_RPC_URL=https://… keeper init keeper.toml
      asks for deployment file, endpoint, agent and keystore, looks at the chain, and writes keeper.toml
  keeper doctor --config keeper.toml
      what is still missing";

/// Options of `keeper init`.
#[derive(Clone, Debug, Args)]
pub struct Init {
    /// The configuration; it must not be there yet
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
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

/// Examples under the help of `keeper pause` and `keeper resume`.
const PAUSE_EXAMPLES: &str = "\
Examples:
  keeper pause --config keeper.toml --vault main --person Ada --reason \"oracle looks odd\"
      nothing is decided any more, and what waits to be mined is taken back
  keeper resume --config keeper.toml --vault main --person Ada --reason \"oracle is right, checked by hand\"
      it goes on, and what spoke against the vault is cleared

Both are kept in the journal, beside a running keeper or without one; no endpoint is asked. `keeper status` shows them.";

/// Options of `keeper pause` and `keeper resume`.
#[derive(Clone, Debug, Args)]
pub struct Intervening {
    /// Configuration file, which names journal and vault
    #[arg(long, short, value_name = "FILE")]
    pub config: PathBuf,
    /// The vault, by its name in the configuration
    #[arg(long, value_name = "NAME")]
    pub vault: String,
    /// Who does it; kept in the journal
    #[arg(long, value_name = "NAME", value_parser = one_line)]
    pub person: String,
    /// Why; kept in the journal
    #[arg(long, value_name = "TEXT", value_parser = one_line)]
    pub reason: String,
    /// Print JSON, with a schema version, instead of text
    #[arg(long)]
    pub json: bool,
}

fn one_line(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.contains(char::is_control) {
        return Err("expected one line of text".to_owned());
    }
    Ok(text.to_owned())
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
    /// Use a key that lies in the clear (`unsafe_raw_key_file`, `unsafe_raw_key_env`): whoever reads it can act for the agent
    #[arg(long)]
    pub unsafe_raw_key: bool,
    /// Do everything but sign and send; needs no key, and writes a journal of its own (journal.shadow.db beside journal.db)
    #[arg(long, conflicts_with = "propose")]
    pub shadow: bool,
    /// Send nothing, and write each plan into this folder, as a batch that a Safe's owners import, sign and execute; the agent
    /// is the Safe, and no key is needed
    #[arg(long, value_name = "FOLDER")]
    pub propose: Option<PathBuf>,
    /// Hours that people have for signing
    #[arg(long, value_name = "HOURS", default_value_t = 24, requires = "propose", value_parser = clap::value_parser!(u32).range(1..=720))]
    pub sign_within: u32,
}

/// Options of `keeper status`.
#[derive(Clone, Debug, Args)]
pub struct Status {
    /// Options of every command
    #[command(flatten)]
    pub common: Common,
    /// Of the journal of `keeper run --shadow`
    #[arg(long)]
    pub shadow: bool,
    /// One line for each vault of all chains, by treasury, and what they hold together
    #[arg(long, conflicts_with = "watch")]
    pub treasury: bool,
    /// Look again every so many seconds until interrupted: a view to leave open at a terminal, one page after the other in a
    /// pipe
    #[arg(
        long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "5",
        value_parser = clap::value_parser!(u64).range(1..=3_600)
    )]
    pub watch: Option<u64>,
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
