//! The command line of `keeper policy`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

use super::Common;
use crate::policy::Side;

/// Examples under the help of `keeper policy`.
const EXAMPLES: &str = "\
Examples:
  keeper policy validate policy.toml                              the file alone: forms, ranges, what limits mean together
  keeper policy validate policy.toml --config keeper.toml         the same against the live treasury
  keeper policy show --config keeper.toml > policy.toml           what is in force, as a file
  keeper policy diff on-chain policy.toml --config keeper.toml    what would change, what of it waits and how long
  keeper policy preview policy.toml --config keeper.toml          what it would do to the treasury as it stands
  keeper policy propose policy.toml --config keeper.toml          the Governor's proposal, with a description to read
  keeper policy pending --config keeper.toml                      what waits, until when, and who may veto it
  keeper policy verify policy.toml --config keeper.toml           whether the chain is what the files say

How a policy is written, reviewed and voted on: docs/operations/policy.md.";

/// Options of `keeper policy`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct PolicyVerb {
    /// What to do.
    #[command(subcommand)]
    pub command: PolicyCommand,
}

/// What to do with a policy.
#[derive(Clone, Debug, Subcommand)]
pub enum PolicyCommand {
    /// Check a file: forms, ranges, ceilings, and limits that contradict each other or are usual slips
    #[command(after_help = EXAMPLES)]
    Validate(Validating),
    /// Print the policy in force as a file
    #[command(after_help = EXAMPLES)]
    Show(Common),
    /// Say what waits, from when on it can be put in force, and who may veto it
    #[command(after_help = EXAMPLES)]
    Pending(Common),
    /// Say limit by limit what differs, what of it takes effect at once, and what waits until when
    #[command(after_help = EXAMPLES)]
    Diff(Diffing),
    /// Make the transaction that proposes or submits a file, with a description that contains what it changes
    #[command(after_help = EXAMPLES)]
    Propose(Proposing),
    /// Make the transaction that puts a waiting policy in force, which anybody may send
    #[command(after_help = EXAMPLES)]
    Activate(Acting),
    /// Make the transaction that ends a waiting policy, for its owner or guardian
    #[command(after_help = EXAMPLES)]
    Veto(Vetoing),
    /// Write a new file: from the live treasury, or from answers
    #[command(after_help = EXAMPLES)]
    New(Beginning),
    /// Say what a file would do to the treasury as it stands now: limits, moves, income, budgets
    #[command(after_help = EXAMPLES)]
    Preview(Previewing),
    /// Compare the chain with what is declared: record, policy, code of the build; every limit, owner, role and power
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(Verifying),
}

/// Examples under the help of `keeper policy verify`.
const VERIFY_EXAMPLES: &str = "\
Examples:
  keeper policy verify policy.toml --config keeper.toml --vault main
      whether the policy in force is this file, and everything else is as it was deployed
  keeper policy verify --config keeper.toml
      every vault of every chain, each beside the file that the configuration names as its policy
  keeper policy verify --record deployments/1/my-dao.json --rpc URL
      at the end of a deployment, or by anybody: no policy file and no configuration
  VAGUS_RPC_URL=https://… keeper policy verify policy.toml --record deployments/1/my-dao.json --json
      in CI, see deploy/ci/verify.yml

A strategy that is not of this build is compared with deployments/<chain id>/<treasury>.strategies.json, beside the record.
Exit code 16: something is not as it is declared. Every check: docs/operations/verify.md.";

/// Options of `keeper policy verify`.
#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("source").required(true).args(["config", "record"]))]
pub struct Verifying {
    /// The policy that is to be in force, as TOML [default: what the configuration names as the vault's `policy`; else the hash of
    /// the record's `policyHash`]
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Configuration file, which names record, endpoints and strategies
    #[arg(long, short, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The deployment's record; needs no configuration
    #[arg(long, value_name = "FILE", conflicts_with = "config", requires = "rpc")]
    pub record: Option<PathBuf>,
    /// An endpoint; in the environment no other process sees its key
    #[arg(long, value_name = "URL", env = "VAGUS_RPC_URL", hide_env_values = true)]
    pub rpc: Option<String>,
    /// The vault: by its name in the configuration, or by its address in the record; needed with a policy file if there are several
    /// [default: all of them]
    #[arg(long, value_name = "NAME|ADDRESS")]
    pub vault: Option<String>,
    /// Code of another build: a list that `make code-hashes` wrote, or a folder of forge's artifacts
    #[arg(long, value_name = "PATH")]
    pub code: Option<PathBuf>,
    /// Code hashes of strategies that are not of this build [default: beside the record]
    #[arg(long, value_name = "FILE")]
    pub strategies: Option<PathBuf>,
    /// Print JSON, with a schema version, instead of text
    #[arg(long)]
    pub json: bool,
}

/// One vault of a configuration, if there is one.
#[derive(Clone, Debug, Args)]
pub struct OfVaultIfAny {
    /// Configuration file; without one the file is looked at by itself
    #[arg(long, short, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The vault, by its name in the configuration; needed if that names several
    #[arg(long, value_name = "NAME", requires = "config")]
    pub vault: Option<String>,
    /// Print JSON, with a schema version, instead of text
    #[arg(long)]
    pub json: bool,
}

/// Options of `keeper policy validate`.
#[derive(Clone, Debug, Args)]
pub struct Validating {
    /// The policy, as TOML
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The treasury that it is for.
    #[command(flatten)]
    pub of: OfVaultIfAny,
    /// End with a failure for warnings too
    #[arg(long)]
    pub strict: bool,
}

/// Options of `keeper policy diff`.
#[derive(Clone, Debug, Args)]
pub struct Diffing {
    /// What is compared: a file, on-chain, pending, or proposal:ID
    #[arg(value_name = "A")]
    pub before: Side,
    /// With what: likewise
    #[arg(value_name = "B")]
    pub after: Side,
    /// The treasury that they are of.
    #[command(flatten)]
    pub of: OfVaultIfAny,
}

/// How a transaction leaves the keeper.
#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("way").args(["safe", "send"]))]
pub struct Way {
    /// Write it into this new file, as a batch that the Transaction Builder of Safe imports
    #[arg(long, value_name = "FILE")]
    pub safe: Option<PathBuf>,
    /// Send it, by the key of [agent] unless --keystore names another
    #[arg(long)]
    pub send: bool,
    /// Encrypted keystore of the account that sends
    #[arg(long, value_name = "FILE", requires = "send")]
    pub keystore: Option<PathBuf>,
    /// File with its password; without one it is asked
    #[arg(long, value_name = "FILE", requires = "keystore")]
    pub password_file: Option<PathBuf>,
    /// Use a key of [agent] that lies in the clear
    #[arg(long, requires = "send")]
    pub unsafe_raw_key: bool,
}

/// Whose right is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Office {
    /// The owner of the guard; behind a timelock, its Governor
    Owner,
    /// The guardian, who may only tighten
    Guardian,
}

/// Options of `keeper policy propose`.
#[derive(Clone, Debug, Args)]
pub struct Proposing {
    /// The policy, as TOML
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The treasury that it is for.
    #[command(flatten)]
    pub of: Common,
    /// Whose right is used
    #[arg(long = "as", value_name = "OFFICE", default_value = "owner")]
    pub office: Office,
    /// What stands above the description that is made; one line
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// How it leaves.
    #[command(flatten)]
    pub way: Way,
}

/// Options of `keeper policy activate`.
#[derive(Clone, Debug, Args)]
pub struct Acting {
    /// The treasury.
    #[command(flatten)]
    pub of: Common,
    /// How it leaves.
    #[command(flatten)]
    pub way: Way,
}

/// Options of `keeper policy veto`.
#[derive(Clone, Debug, Args)]
pub struct Vetoing {
    /// The treasury.
    #[command(flatten)]
    pub of: Common,
    /// Whose right is used
    #[arg(long = "as", value_name = "OFFICE", default_value = "guardian")]
    pub office: Office,
    /// How it leaves.
    #[command(flatten)]
    pub way: Way,
}

/// Options of `keeper policy new`.
#[derive(Clone, Debug, Args)]
pub struct Beginning {
    /// The file; it must not be there yet
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Configuration file; without one everything is asked
    #[arg(long, short, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The vault, by its name in the configuration; needed if that names several
    #[arg(long, value_name = "NAME", requires = "config")]
    pub vault: Option<String>,
    /// Ask nothing: what is in force, or what is usual where nothing is
    #[arg(long, requires = "config")]
    pub defaults: bool,
}

/// Options of `keeper policy preview`.
#[derive(Clone, Debug, Args)]
pub struct Previewing {
    /// The policy, as TOML
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Also what it would have done and earned over this past, which `keeper journal history` wrote, beside what was in force
    #[arg(long, value_name = "HISTORY")]
    pub backtest: Option<PathBuf>,
    /// The treasury that it is for.
    #[command(flatten)]
    pub of: Common,
}
