//! The outcome: what came of a decision. Appended, never hashed, because other machines would see other things.

use alloy_primitives::{Address, B256, Bytes, U256};
use serde::{Deserialize, Serialize};
use vagus_policy::{Receipt, Refusal, decimal};

/// How far a decision has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeState {
    /// Terminal: nothing was to be done.
    Held,
    /// Terminal: the simulation of the exact transaction failed, and nothing was sent.
    SimulationFailed,
    /// A transaction is on its way, or about to be.
    Submitted,
    /// It was mined and is not final.
    Included,
    /// Terminal: executed and final.
    Executed,
    /// Terminal: mined, reverted and final.
    Reverted,
    /// Terminal: its nonce was taken back.
    Cancelled,
    /// Terminal: its deadline passed before anything was sent.
    Expired,
    /// Terminal: its nonce was used by a transaction that is none of ours.
    Foreign,
    /// It was written down for people to sign and send.
    Proposed,
    /// A shadow decided it, and looks at what would have come of it. Nothing of a shadow is ever sent.
    InShadow,
    /// Terminal: a shadow decided it, and has seen what would have come of it.
    Shadowed,
}

impl OutcomeState {
    /// Whether nothing but a reorganisation is expected any more.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        !matches!(self, Self::Submitted | Self::Included | Self::Proposed | Self::InShadow)
    }
}

/// An `eth_call` of the exact transaction at the decision's block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Simulation {
    /// Height of the block it ran on.
    pub block_number: u64,
    /// Hash of that block.
    pub block_hash: B256,
    /// Whether it went through.
    pub is_success: bool,
    /// Gas it used, if the endpoint said so.
    pub gas_used: Option<u64>,
    /// The guard's refusal, if that is why it failed.
    pub refusal: Option<Refusal>,
    /// What it returned or reverted with.
    pub output: Bytes,
    /// What else is known of a failure, in words.
    pub message: Option<String>,
}

/// Bytes that were signed for a decision; the bytes themselves lie with the attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttemptSummary {
    /// Hash of the transaction.
    pub hash: B256,
    /// Account that signed.
    pub from: Address,
    /// Its nonce.
    pub nonce: u64,
    /// Most for base fee and tip together, wei per gas.
    #[serde(with = "decimal")]
    pub max_fee_wei: u128,
    /// Most for the tip, wei per gas.
    #[serde(with = "decimal")]
    pub priority_fee_wei: u128,
    /// Whether it takes the nonce back instead of rebalancing.
    pub is_cancel: bool,
}

/// Where an attempt was mined, and what it cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptSummary {
    /// Hash of the transaction.
    pub transaction_hash: B256,
    /// Height of its block.
    pub block_number: u64,
    /// Hash of its block.
    pub block_hash: B256,
    /// Unix time of its block.
    pub block_timestamp: u64,
    /// Whether it was executed; false: reverted.
    pub is_success: bool,
    /// Gas used.
    pub gas_used: u64,
    /// Price paid, wei per gas.
    #[serde(with = "decimal")]
    pub effective_gas_price_wei: u128,
    /// What a rollup charged for the bytes beside the gas, wei.
    #[serde(with = "decimal", default)]
    pub data_fee_wei: u128,
}

impl ReceiptSummary {
    /// What it cost, wei.
    #[must_use]
    pub const fn fee_wei(&self) -> u128 {
        let of_gas_wei = (self.gas_used as u128).saturating_mul(self.effective_gas_price_wei);
        of_gas_wei.saturating_add(self.data_fee_wei)
    }
}

/// What the execution was expected to do beside what it did, by the guard's event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settlement {
    /// As it stands in the record.
    pub predicted: Receipt,
    /// As it happened.
    pub actual: Receipt,
}

/// Why a transaction that had been simulated reverted all the same. Documented for operators in `docs/codes.md`; a code is
/// never renamed or reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RevertCause {
    /// Another rebalance, trim or pull of the vault came first.
    OtherAgent,
    /// Somebody took assets out of the vault first.
    Exit,
    /// Somebody brought assets into the vault first.
    Entry,
    /// Prices or the liquidity of a venue had moved.
    Price,
    /// Policy, mode or mandate had changed.
    Governance,
    /// It was mined after its deadline.
    Deadline,
    /// None of these: the keeper sent what it should not have sent.
    Ours,
}

impl RevertCause {
    /// Every cause, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::OtherAgent,
        Self::Exit,
        Self::Entry,
        Self::Price,
        Self::Governance,
        Self::Deadline,
        Self::Ours,
    ];
}

/// A revert that was looked into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revert {
    /// Why.
    pub cause: RevertCause,
    /// The guard's refusal, if the call could be made to fail again and that is why.
    pub refusal: Option<Refusal>,
    /// What the call said when it was made to fail again, in words.
    pub message: Option<String>,
}

/// A person who asked for a rebalance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// Who.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// What a shadow found out about a plan that nobody sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShadowNotes {
    /// The same call on the first block that was seen after the one it was decided at: with what others did meanwhile.
    pub tried: Option<Simulation>,
    /// Whether that call did what was predicted, within the vault's headroom; none if it failed or is no rebalance.
    pub is_as_predicted: Option<bool>,
    /// The vault on the first block that was seen after the plan's deadline.
    pub end: Option<ShadowEnd>,
}

/// Where a vault came to without a plan, beside where the plan would have led.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShadowEnd {
    /// Height of the block.
    pub block_number: u64,
    /// Hash of the block.
    pub block_hash: B256,
    /// Rebalances, trims and pulls of the vault since the plan, by whomever.
    pub rebalances: u64,
    /// Idle that the plan predicted for itself.
    #[serde(with = "decimal")]
    pub idle_predicted: U256,
    /// Idle there is.
    #[serde(with = "decimal")]
    pub idle: U256,
    /// The plan's legs, in its order.
    pub legs: Vec<ShadowLeg>,
}

/// A strategy that the plan would have touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShadowLeg {
    /// The strategy.
    pub strategy: Address,
    /// Value before the plan.
    #[serde(with = "decimal")]
    pub before: U256,
    /// Value that the plan predicted.
    #[serde(with = "decimal")]
    pub predicted: U256,
    /// Value in the end; zero if the vault does not list it any more.
    #[serde(with = "decimal")]
    pub actual: U256,
}

/// What came of a decision, as known when it was written. Each one replaces the one before; all are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// Hash of the decision record.
    pub decision: B256,
    /// Version of the keeper that wrote it.
    pub keeper_version: String,
    /// How far it has come.
    pub state: OutcomeState,
    /// The last simulation, if there was one.
    pub simulation: Option<Simulation>,
    /// Everything signed for it, oldest first.
    pub attempts: Vec<AttemptSummary>,
    /// Where one of them was mined.
    pub receipt: Option<ReceiptSummary>,
    /// Where nonces before its own were mined that were filled so that it could be, once it has ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fills: Vec<ReceiptSummary>,
    /// Height of the finalized block under which the receipt was seen.
    pub finalized_number: Option<u64>,
    /// Prediction and reality, once executed.
    pub settlement: Option<Settlement>,
    /// Whether the execution did what it was expected to do, within the vault's headroom; none while that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_as_predicted: Option<bool>,
    /// Why the rebalance reverted, if it did and that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revert: Option<Revert>,
    /// Who asked for it, if a person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<Person>,
    /// What a shadow found out about it, if one made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<ShadowNotes>,
    /// Whether the block that the decision was made at was reorganised away.
    pub is_orphaned: bool,
}

impl Outcome {
    /// An outcome of which nothing but the state is known.
    #[must_use]
    pub fn new(decision: B256, keeper_version: &str, state: OutcomeState) -> Self {
        Self {
            decision,
            keeper_version: keeper_version.to_owned(),
            state,
            simulation: None,
            attempts: Vec::new(),
            receipt: None,
            fills: Vec::new(),
            finalized_number: None,
            settlement: None,
            is_as_predicted: None,
            revert: None,
            person: None,
            shadow: None,
            is_orphaned: false,
        }
    }

    /// Everything that was mined for it.
    pub fn mined(&self) -> impl Iterator<Item = &ReceiptSummary> {
        self.receipt.iter().chain(&self.fills)
    }

    /// What it cost, wei; none if nothing was mined for it.
    #[must_use]
    pub fn fee_wei(&self) -> Option<u128> {
        self.mined().map(ReceiptSummary::fee_wei).reduce(u128::saturating_add)
    }
}
