//! The policy files of the world, with the addresses of this world for the names in them.

use std::path::{Path, PathBuf};

use alloy::primitives::Address;
use anyhow::{Context as _, Result};
use vagus_policy::{
    Policy,
    toml::{Context, parse},
};

use crate::{anvil::Head, figures::amount, paths, venues::TokenInfo};

use alloy::primitives::U256;

/// Names that policy files use for the strategies of the demo, in the order of the world's strategies.
pub const NAMES: [&str; 3] = ["aave_main", "aave_prime", "morpho"];
/// Name that policy files use for the agent.
pub const AGENT: &str = "keeper";

/// The policy files with their names resolved.
#[derive(Clone, Debug)]
pub struct Policies {
    context: Context,
    token: TokenInfo,
    names: Vec<(String, Address)>,
}

/// A change of what is in force, for the checker.
#[derive(Clone, Debug)]
pub enum Chapter {
    /// A policy took effect.
    Adopted {
        /// First block under it.
        from_block: u64,
        /// Time of that block.
        at: u64,
        /// Its file.
        file: PathBuf,
        /// The document.
        policy: Box<Policy>,
    },
    /// An agent's mandate ended.
    Revoked {
        /// First block without it.
        from_block: u64,
        /// The agent.
        agent: Address,
    },
}

impl Chapter {
    /// A policy took effect in the block `head`.
    #[must_use]
    pub fn adopted(head: &Head, file: PathBuf, policy: Policy) -> Self {
        Self::Adopted {
            from_block: head.number + 1,
            at: head.timestamp,
            file,
            policy: Box::new(policy),
        }
    }

    /// A mandate ended in the block `head`.
    #[must_use]
    pub fn revoked(head: &Head, agent: Address) -> Self {
        Self::Revoked { from_block: head.number + 1, agent }
    }
}

impl Policies {
    /// Names of a world. `strategies` with the decimals of their shares.
    #[must_use]
    pub fn new(token: &TokenInfo, strategies: &[(String, Address, u8)], agent: Address) -> Self {
        let mut context =
            Context::new(token.symbol.clone(), token.decimals).with_account(AGENT, agent);
        for (name, (_, address, decimals)) in NAMES.iter().zip(strategies) {
            context = context.with_strategy(*name, *address, *decimals);
        }
        let names = strategies.iter().map(|(name, address, _)| (name.clone(), *address)).collect();
        Self { context, token: token.clone(), names }
    }

    /// What names and units of the files mean.
    #[must_use]
    pub const fn context(&self) -> &Context {
        &self.context
    }

    /// Addresses by the names that the files use.
    #[must_use]
    pub fn addresses(&self) -> Vec<(String, Address)> {
        self.context.names.iter().map(|(name, named)| (name.clone(), named.address)).collect()
    }

    /// The first policy, and its file.
    ///
    /// # Errors
    /// If the file does not read.
    pub fn first(&self) -> Result<(PathBuf, Policy)> {
        self.read(&paths::root().join("agents/e2e/worlds/policy.toml"))
    }

    /// The policy with a lower limit, and its file.
    ///
    /// # Errors
    /// If the file does not read.
    pub fn tightened(&self) -> Result<(PathBuf, Policy)> {
        self.read(&paths::root().join("agents/e2e/worlds/policy-tightened.toml"))
    }

    /// Any policy file.
    ///
    /// # Errors
    /// If the file does not read.
    pub fn read(&self, path: &Path) -> Result<(PathBuf, Policy)> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Ok((path.to_path_buf(), parse(&text, &name, &self.context)?))
    }

    /// The limits of a policy, for people.
    #[must_use]
    pub fn summary(&self, policy: &Policy) -> Vec<Vec<String>> {
        let bps = |bps: u16| format!("{}.{:02} %", bps / 100, bps % 100);
        let limits = &policy.limits;
        let mut rows = vec![
            vec!["idle, at least".to_owned(), bps(limits.min_idle_bps)],
            vec!["turnover a day".to_owned(), bps(limits.max_turnover_bps)],
            vec!["loss a day".to_owned(), bps(limits.max_loss_bps)],
            vec![
                "between two rebalances".to_owned(),
                format!("{} min", limits.cooldown_seconds / 60),
            ],
        ];
        for strategy in &policy.strategies {
            let name = self
                .names
                .iter()
                .find(|(_, address)| *address == strategy.strategy)
                .map_or("unnamed", |(name, _)| name.as_str());
            let cap = amount(U256::from(strategy.cap), self.token.decimals);
            rows.push(vec![
                format!("{name}, at most"),
                format!("{} and {cap} {}", bps(strategy.max_weight_bps), self.token.symbol),
            ]);
        }
        rows
    }
}
