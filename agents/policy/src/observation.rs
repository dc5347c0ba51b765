//! What the rules saw of an accepted plan, and what it leaves behind.

use alloy_primitives::{Address, U256};
use serde::{Deserialize, Serialize};

use crate::{decimal, rule::Rule, snapshot::Bucket};

/// How an observed value must lie to its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// Observed ≤ limit.
    AtMost,
    /// Observed ≥ limit; for a price, under R9 and R13, with one unit of grace.
    AtLeast,
    /// Observed = limit.
    Equal,
    /// Both are bit masks; every bit of observed is set in limit.
    Within,
}

/// What an observation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// The whole vault.
    Vault,
    /// The agent.
    Agent,
    /// The strategy at this place of the policy's list.
    Strategy(u8),
    /// The group at this place of the policy's list.
    Group(u8),
    /// The plan's policy version.
    PolicyVersion,
    /// The plan's nonce.
    Nonce,
    /// The plan's deadline.
    Deadline,
    /// The rebalance count the plan names.
    VaultCount,
}

/// What one rule saw and allowed. Units depend on the rule: amounts in the asset's smallest unit, Unix times, counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// The rule.
    pub rule: Rule,
    /// Of what.
    pub subject: Subject,
    /// How `observed` must lie to `limit`.
    pub bound: Bound,
    /// What was seen.
    #[serde(with = "decimal")]
    pub observed: U256,
    /// What is allowed.
    #[serde(with = "decimal")]
    pub limit: U256,
}

impl Observation {
    /// What is left until the rule refuses; `None` where there is no distance, under [`Bound::Equal`] and
    /// [`Bound::Within`].
    #[must_use]
    pub fn headroom(&self) -> Option<U256> {
        match self.bound {
            Bound::AtMost => Some(self.limit.saturating_sub(self.observed)),
            Bound::AtLeast => Some(self.observed.saturating_sub(self.limit)),
            Bound::Equal | Bound::Within => None,
        }
    }

    /// Whether the rule holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        match self.bound {
            // A strategy that may hold nothing takes no deposit, not even one that is worth nothing.
            Bound::AtMost if self.rule == Rule::Weight && self.limit.is_zero() => false,
            Bound::AtMost => self.observed <= self.limit,
            Bound::AtLeast if matches!(self.rule, Rule::Group | Rule::Price) => {
                self.observed.saturating_add(U256::ONE) >= self.limit
            }
            Bound::AtLeast => self.observed >= self.limit,
            Bound::Equal => self.observed == self.limit,
            Bound::Within => self.observed & !self.limit == U256::ZERO,
        }
    }
}

/// The price reference of a touched strategy after the rebalance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// The strategy.
    pub strategy: Address,
    /// Value × 2^128 ÷ shares.
    #[serde(with = "decimal")]
    pub price: U256,
    /// Unix time at which it was set or last followed the price.
    pub at: u64,
}

/// An accepted rebalance: what each rule saw, and the guard's state after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// Every rule that looked at something, lowest first, then in the order of the legs.
    pub observations: Vec<Observation>,
    /// What R7 measured: the sum of all legs' amounts.
    #[serde(with = "decimal")]
    pub turnover_assets: U256,
    /// What R12 measured.
    #[serde(with = "decimal")]
    pub loss_assets: U256,
    /// The vault's turnover bucket afterwards.
    pub vault_turnover: Bucket,
    /// The vault's loss bucket afterwards.
    pub vault_loss: Bucket,
    /// The agent's turnover bucket afterwards.
    pub agent_turnover: Bucket,
    /// The agent's loss bucket afterwards.
    pub agent_loss: Bucket,
    /// Rebalance count of the vault afterwards.
    pub rebalance_count: u64,
    /// The agent's next nonce afterwards.
    pub nonce: u64,
    /// References of the touched strategies afterwards, in the order of the legs.
    pub references: Vec<Reference>,
}
