//! What happened to a vault between two blocks.

use alloy_primitives::{Address, I256, U256};
use serde::{Deserialize, Serialize};

use crate::{AttributionError, Price, Result};

/// What a vault held at its opening.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holdings {
    /// Its own balance of the asset, smallest unit.
    pub idle: U256,
    /// Shares of each strategy, smallest unit.
    pub shares: Vec<U256>,
}

/// What an event changed of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delta {
    /// Change of idle, smallest unit of the asset.
    pub idle: I256,
    /// Change of the shares of each strategy, smallest unit of each.
    pub shares: Vec<I256>,
}

impl Delta {
    /// No change of so many strategies.
    #[must_use]
    pub fn none(venues: usize) -> Self {
        Self { idle: I256::ZERO, shares: vec![I256::ZERO; venues] }
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.idle.is_zero() && self.shares.iter().all(|shares| shares.is_zero())
    }
}

/// A block at whose end prices are known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// Height.
    pub block: u64,
    /// Unix time.
    pub timestamp: u64,
    /// Price of each strategy.
    pub prices: Vec<Price>,
}

/// Who acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "address", rename_all = "kebab-case")]
pub enum Actor {
    /// An agent with a mandate.
    Agent(Address),
    /// Somebody who trimmed what stood above its cap, which anybody may.
    Anyone(Address),
    /// The guardian, who brought a strategy back to idle.
    Guardian,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// A list of moves between strategies.
    Rebalance,
    /// A strategy was brought down to its absolute cap.
    Trim,
    /// The guardian brought a strategy back to idle.
    Pull,
    /// A call that keeps the vault in order and moves nothing.
    Upkeep,
    /// A transaction that was paid for and did nothing: it reverted, or took its nonce back.
    Failed,
    /// A nonce was filled that somebody had left open before the decision's own.
    Fill,
}

/// A decision that was carried out, or at least paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Who.
    pub actor: Actor,
    /// What.
    pub action: Action,
    /// Version of the policy in force.
    pub policy_version: u64,
    /// What its transaction cost, in the asset's smallest unit, rounded up; none if no price of gas is known. It is paid by
    /// the agent, not by the vault, so it is no part of the vault's result.
    pub gas_assets: Option<U256>,
}

/// What changed the holdings without a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlowKind {
    /// A depositor entered.
    Deposit,
    /// A depositor left with assets.
    Withdrawal,
    /// A depositor left with parts of what the vault holds.
    InKind,
    /// Somebody sent something for nothing.
    Donation,
    /// A policy wrote a strategy off: what is held of it counts nothing from then on.
    WriteOff,
    /// A policy took a strategy off the list, or one onto it, of which shares were held.
    Listing,
    /// What no event explains.
    Other,
}

/// What an event was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A decision.
    Decision(Decision),
    /// A flow.
    Flow(FlowKind),
}

/// Something that changed the holdings, or was paid for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Place of its block among the points; not the opening.
    pub point: usize,
    /// What it changed.
    pub delta: Delta,
    /// What it was.
    pub kind: Kind,
}

/// What happened to a vault between two blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// What it held at the end of the first point's block. What a policy had written off is not counted.
    pub opening: Holdings,
    /// In ascending order; the first is the opening, the last the end. Every price values what is held at it as the strategy
    /// itself does: assets of the whole position over its shares.
    pub points: Vec<Point>,
    /// In the order in which they happened.
    pub events: Vec<Event>,
}

impl History {
    /// Number of strategies.
    #[must_use]
    pub fn venues(&self) -> usize {
        self.opening.shares.len()
    }

    /// The opening and the end, if the history is well formed.
    ///
    /// # Errors
    /// [`AttributionError::Misaligned`] or [`AttributionError::Unordered`], naming the first fault.
    pub fn validate(&self) -> Result<(&Point, &Point)> {
        let expected = self.venues();
        let aligned = |what, found| {
            if found == expected {
                Ok(())
            } else {
                Err(AttributionError::Misaligned { what, found, expected })
            }
        };
        for (place, point) in self.points.iter().enumerate() {
            aligned("the prices of a point", point.prices.len())?;
            let before = place.checked_sub(1).and_then(|before| self.points.get(before));
            if before.is_some_and(|before| before.block >= point.block) {
                return Err(AttributionError::Unordered { what: "points", place });
            }
        }
        let mut last = 1;
        for (place, event) in self.events.iter().enumerate() {
            aligned("the change of an event", event.delta.shares.len())?;
            if event.point < last {
                return Err(AttributionError::Unordered { what: "events", place });
            }
            last = event.point;
        }
        if !self.events.is_empty() && last >= self.points.len() {
            let (found, expected) = (self.points.len(), last.saturating_add(1));
            return Err(AttributionError::Misaligned { what: "points", found, expected });
        }
        match (self.points.first(), self.points.last()) {
            (Some(opening), Some(closing)) => Ok((opening, closing)),
            _ => Err(AttributionError::Unordered { what: "points", place: 0 }),
        }
    }
}
