//! What is worth a line, and the line.

use alloy::primitives::{B256, U256};
use serde::Serialize;
use vagus_allocator::{Action, Reason};
use vagus_journal::{DecisionRecord, Observation, Outcome, OutcomeState, RevertCause};
use vagus_policy::{AssetInfo, Refusal, decimal};

use crate::{
    render::number::{assets, short},
    words,
    world::VaultWorld,
};

/// Something worth a line.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// Nothing is done at a block.
    Hold(HoldEvent),
    /// A rebalance is stored and about to be sent.
    Rebalance(RebalanceEvent),
    /// A call that anybody may make is stored and about to be sent.
    Upkeep(UpkeepEvent),
    /// There is news of a rebalance.
    Settled(SettledEvent),
    /// Something holds all vaults of a chain.
    Chain(ChainEvent),
}

/// Nothing is done at a block.
#[derive(Clone, Debug, Serialize)]
pub struct HoldEvent {
    pub(crate) vault: String,
    pub(crate) block: u64,
    pub(crate) reason: Reason,
    refusal: Option<Refusal>,
    is_proven: bool,
    /// Hash of the run's record as it stands.
    pub(crate) decision: B256,
    /// Blocks in the run.
    pub(super) count: u64,
}

/// A rebalance is stored and about to be sent.
#[derive(Clone, Debug, Serialize)]
pub struct RebalanceEvent {
    pub(crate) vault: String,
    pub(crate) block: u64,
    pub(crate) reason: Reason,
    pub(crate) decision: B256,
    moves: usize,
    #[serde(with = "decimal")]
    moved_assets: U256,
    #[serde(with = "decimal")]
    yearly_income_before: U256,
    #[serde(with = "decimal")]
    yearly_income_after: U256,
    #[serde(with = "decimal")]
    cost_assets: U256,
    asset: AssetInfo,
}

/// A call that anybody may make is stored and about to be sent.
#[derive(Clone, Debug, Serialize)]
pub struct UpkeepEvent {
    /// Name of the vault.
    pub vault: String,
    /// The block it was decided at.
    pub block: u64,
    /// Why.
    pub reason: Reason,
    /// Hash of its record.
    pub decision: B256,
}

/// There is news of a rebalance.
#[derive(Clone, Debug, Serialize)]
pub struct SettledEvent {
    pub(crate) vault: String,
    pub(crate) decision: B256,
    pub(crate) state: OutcomeState,
    block: Option<u64>,
    gas_used: Option<u64>,
    /// Why it reverted, if it did and that is known.
    revert: Option<RevertCause>,
    #[serde(skip)]
    has_reverted: bool,
    /// What was paid for it, wei.
    #[serde(with = "decimal")]
    pub(crate) fee_wei: U256,
    #[serde(skip)]
    reason: Reason,
}

/// Something holds all vaults of a chain.
#[derive(Clone, Debug, Serialize)]
pub struct ChainEvent {
    pub(crate) chain: String,
    pub(crate) reason: Reason,
    /// The newest block, if there is one.
    block: Option<u64>,
    detail: String,
}

impl ChainEvent {
    /// For a reason, at a block.
    #[must_use]
    pub const fn new(chain: String, reason: Reason, block: Option<u64>, detail: String) -> Self {
        Self { chain, reason, block, detail }
    }
}

impl HoldEvent {
    /// From what was observed, and the run that it became part of.
    #[must_use]
    pub fn new(vault: &VaultWorld, seen: &Observation, decision: B256, count: u64) -> Self {
        Self {
            vault: vault.config.name.clone(),
            block: seen.snapshot.block.number,
            reason: seen.decision.reason,
            refusal: seen.decision.refusal,
            is_proven: matches!(seen.decision.action, Action::Hold { is_proven: true, .. }),
            decision,
            count,
        }
    }
}

impl RebalanceEvent {
    /// From what was observed and decided.
    #[must_use]
    pub fn new(vault: &VaultWorld, seen: &Observation, decision: B256) -> Self {
        let lines = &seen.decision.lines;
        let sum = |of: fn(&vagus_allocator::StrategyLine) -> U256| {
            lines.iter().map(of).fold(U256::ZERO, U256::saturating_add)
        };
        let moves = match &seen.decision.action {
            Action::Rebalance { moves } => moves.len(),
            Action::Hold { .. } => 0,
        };
        Self {
            vault: vault.config.name.clone(),
            block: seen.snapshot.block.number,
            reason: seen.decision.reason,
            decision,
            moves,
            moved_assets: sum(|line| line.assets_before.abs_diff(line.assets_after)),
            yearly_income_before: sum(|line| line.yearly_income_before),
            yearly_income_after: sum(|line| line.yearly_income_after),
            cost_assets: seen.decision.candidates.first().map_or(U256::ZERO, |best| best.cost),
            asset: seen.snapshot.vault.asset.clone(),
        }
    }
}

impl SettledEvent {
    /// From an outcome and its record.
    #[must_use]
    pub fn new(vault: String, outcome: &Outcome, record: &DecisionRecord) -> Self {
        let reason = record.reason();
        Self {
            vault,
            decision: outcome.decision,
            state: outcome.state,
            block: outcome.receipt.map(|receipt| receipt.block_number),
            gas_used: outcome.receipt.map(|receipt| receipt.gas_used),
            revert: outcome.revert.as_ref().map(|revert| revert.cause),
            has_reverted: outcome.receipt.is_some_and(|receipt| !receipt.is_success),
            fee_wei: U256::from(outcome.fee_wei().unwrap_or_default()),
            reason,
        }
    }
}

impl Event {
    pub(super) fn vault(&self) -> &str {
        match self {
            Self::Hold(event) => &event.vault,
            Self::Rebalance(event) => &event.vault,
            Self::Upkeep(event) => &event.vault,
            Self::Settled(event) => &event.vault,
            Self::Chain(event) => &event.chain,
        }
    }

    /// The line for a person; none for a hold that only goes on.
    pub(super) fn line(&self) -> Option<String> {
        match self {
            Self::Hold(event) => {
                if event.count > 1 {
                    return None;
                }
                let mut line = format!(
                    "block {:<8} {}  hold       {:?}: {}",
                    event.block,
                    event.vault,
                    event.reason,
                    words::reason(event.reason)
                );
                if let Some(refusal) = &event.refusal {
                    line.push_str(&format!(" ({refusal})"));
                }
                if event.is_proven {
                    line.push_str(", proven");
                }
                Some(line)
            }
            Self::Rebalance(event) => Some(format!(
                "block {:<8} {}  rebalance  {:?}: {} in {} moves, income a year {} → {}, cost {}, decision {}",
                event.block,
                event.vault,
                event.reason,
                assets(event.moved_assets, &event.asset),
                event.moves,
                assets(event.yearly_income_before, &event.asset),
                assets(event.yearly_income_after, &event.asset),
                assets(event.cost_assets, &event.asset),
                short(event.decision),
            )),
            Self::Upkeep(event) => Some(format!(
                "block {:<8} {}  upkeep     {:?}: {}, decision {}",
                event.block,
                event.vault,
                event.reason,
                words::reason(event.reason),
                short(event.decision)
            )),
            Self::Chain(event) => {
                let place = event
                    .block
                    .map_or("block –       ".to_owned(), |block| format!("block {block:<8}"));
                let (chain, reason, detail) = (&event.chain, event.reason, &event.detail);
                let words = words::reason(reason);
                Some(format!("{place} {chain}  hold       {reason:?}: {words} ({detail})"))
            }
            Self::Settled(event) => {
                let what = match event.state {
                    OutcomeState::Included if event.has_reverted => "is mined and REVERTED",
                    OutcomeState::Included => "is mined",
                    OutcomeState::Executed => "is final",
                    OutcomeState::Reverted => "was mined and REVERTED",
                    OutcomeState::Cancelled => "was taken back after its deadline",
                    OutcomeState::Expired => "expired before it was sent",
                    OutcomeState::Foreign => "lost its nonce to somebody else who holds the key",
                    OutcomeState::Proposed => "is not mined any more, and waits to be signed",
                    OutcomeState::Held
                    | OutcomeState::SimulationFailed
                    | OutcomeState::InShadow
                    | OutcomeState::Shadowed
                    | OutcomeState::Submitted => return None,
                };
                let place = event
                    .block
                    .map_or("block –       ".to_owned(), |block| format!("block {block:<8}"));
                let gas = event.gas_used.map_or(String::new(), |gas| format!(", gas {gas}"));
                let why = event.revert.map_or(String::new(), |cause| {
                    format!(", {cause:?}: {}", words::revert(cause))
                });
                Some(format!(
                    "{place} {}  settled    {:?}: decision {} {what}{why}{gas}",
                    event.vault,
                    event.reason,
                    short(event.decision)
                ))
            }
        }
    }
}
