//! The guard's rules by number, and a refusal by one of them.

use std::fmt;

use alloy_primitives::U256;
use serde::{Deserialize, Serialize};

use crate::decimal;

/// The guard's rules; the discriminant is the rule's stable number and the Solidity enum's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Rule {
    /// R1: the mode allows it.
    Mode = 1,
    /// R2: the agent has a mandate, not revoked, not expired.
    Mandate = 2,
    /// R3: every touched strategy is in the agent's scope.
    Scope = 3,
    /// R4: policy version, nonce, deadline and rebalance count match.
    Freshness = 4,
    /// R5: the agent's cooldown is over.
    Cooldown = 5,
    /// R6: the list of moves is well formed.
    Shape = 6,
    /// R7: the moved sum fits the vault's and the agent's turnover bucket.
    Turnover = 7,
    /// R8: no deposited-into strategy ends above its limit.
    Weight = 8,
    /// R9: no group of a deposited-into strategy ends above its limit.
    Group = 9,
    /// R10: no withdrawn-from strategy ends below its floor.
    Floor = 10,
    /// R11: idle stays above its floor.
    Idle = 11,
    /// R12: the loss fits the vault's and the agent's loss bucket.
    Loss = 12,
    /// R13: share prices are inside their band.
    Price = 13,
    /// R14: the objective's target weights are respected.
    Objective = 14,
}

impl Rule {
    /// The rule of a number, if there is one.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        [
            Self::Mode,
            Self::Mandate,
            Self::Scope,
            Self::Freshness,
            Self::Cooldown,
            Self::Shape,
            Self::Turnover,
            Self::Weight,
            Self::Group,
            Self::Floor,
            Self::Idle,
            Self::Loss,
            Self::Price,
            Self::Objective,
        ]
        .into_iter()
        .find(|rule| *rule as u8 == number)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "R{} {:?}", *self as u8, self)
    }
}

/// A rule refuses: which one, what was seen, what was allowed. Units depend on the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{rule} refuses: observed {observed}, limit {limit}")]
pub struct Refusal {
    /// The lowest rule that refuses.
    pub rule: Rule,
    /// What was seen.
    #[serde(with = "decimal")]
    pub observed: U256,
    /// What was allowed.
    #[serde(with = "decimal")]
    pub limit: U256,
}
