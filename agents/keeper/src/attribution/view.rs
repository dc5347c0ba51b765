//! The report as a document: what all forms of it show.

#[cfg(test)]
mod fixture;
mod make;

use alloy::primitives::{Address, B256, I256, U256};
use serde::{Serialize, Serializer};
use vagus_allocator::Reason;
use vagus_attribution::{Action, Actor, FlowKind, Sum, VenueResult};
use vagus_journal::{OutcomeState, run::Held};
use vagus_policy::{AssetInfo, decimal};

#[cfg(test)]
pub(crate) use fixture::fixture;
pub(crate) use make::{Facts, report};

/// A signed amount, in JSON a decimal string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(pub I256);

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A block at an end of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// Height.
    pub block: u64,
    /// Hash.
    pub hash: B256,
    /// Unix time.
    pub timestamp: u64,
    /// Live value of the vault at its end.
    pub assets: Amount,
}

/// Where the result came from. Smallest unit of the asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Value at the end less value at the opening less flows.
    pub result: Amount,
    /// Flows at the prices of their blocks.
    pub flowed: Amount,
    /// The opening portfolio, held unchanged.
    pub held: Amount,
    /// Decisions, from their execution on.
    pub decided: Amount,
    /// Flows, held unchanged since.
    pub gained_flows: Amount,
    /// Gas of decisions, as far as it has a price; paid by the agent, so no part of the result.
    #[serde(with = "decimal")]
    pub gas_assets: U256,
    /// Transactions whose gas has none.
    pub unpriced: u64,
    /// Decisions less their gas.
    pub decided_net: Amount,
}

/// A strategy over the period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Venue {
    /// Its address.
    pub strategy: Address,
    /// For people.
    pub name: String,
    /// What it came to.
    #[serde(flatten)]
    pub of: VenueResult,
}

/// A decision that was carried out, or paid for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decided {
    /// Height of its block.
    pub block: u64,
    /// Unix time of its block.
    pub timestamp: u64,
    /// Its transaction.
    pub transaction: Option<B256>,
    /// Hash of its record.
    pub decision: Option<B256>,
    /// Who.
    pub actor: Actor,
    /// What.
    pub action: Action,
    /// Version of the policy in force.
    pub policy_version: u64,
    /// Why; none if the journal does not know of it.
    pub reason: Option<Reason>,
    /// How far it came, by the journal.
    pub state: Option<OutcomeState>,
    /// Change of idle.
    pub idle: Amount,
    /// Change of each strategy's shares.
    pub shares: Vec<Amount>,
    /// What its execution alone made or cost, at the prices of its block.
    pub executed: Amount,
    /// What it has gained since at each strategy.
    pub gains: Vec<Amount>,
    /// What it is credited with: execution and gains.
    pub credit: Amount,
    /// What its gas cost; none if that has no price.
    #[serde(serialize_with = "optional")]
    pub gas_assets: Option<U256>,
    /// What its gas cost, wei.
    #[serde(serialize_with = "optional")]
    pub fee_wei: Option<U256>,
}

/// A flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Flow {
    /// Height of its block.
    pub block: u64,
    /// Unix time of its block.
    pub timestamp: u64,
    /// Its transaction; none if no event explains it.
    pub transaction: Option<B256>,
    /// What it was.
    pub kind: FlowKind,
    /// Change of idle.
    pub idle: Amount,
    /// Change of each strategy's shares.
    pub shares: Vec<Amount>,
    /// What came in or went out, at the prices of its block.
    pub assets: Amount,
    /// What that has gained since at each strategy.
    pub gains: Vec<Amount>,
    /// Together.
    pub gained: Amount,
}

/// A sum over decisions, by a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Keyed<K> {
    /// The key.
    pub key: K,
    /// The sum.
    #[serde(flatten)]
    pub sum: Sum,
    /// Credit less the gas that has a price.
    pub net: Amount,
}

/// Sums over decisions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sums {
    /// By who acted.
    pub actors: Vec<Keyed<Actor>>,
    /// By the version of the policy in force.
    pub policy_versions: Vec<Keyed<u64>>,
    /// By month, UTC, of their execution, as in 2026-11.
    pub months: Vec<Keyed<String>>,
}

/// Which fee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeeKind {
    /// The management fee.
    Management,
    /// The performance fee.
    Performance,
}

/// A fee that was taken. It changes nothing of what the vault holds: of the result it is no part, and as a flow it is zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fee {
    /// Height of its block.
    pub block: u64,
    /// Unix time of its block.
    pub timestamp: u64,
    /// Its transaction.
    pub transaction: B256,
    /// Which.
    pub kind: FeeKind,
    /// Shares of the vault that were minted, smallest unit.
    #[serde(with = "decimal")]
    pub shares: U256,
    /// What these are worth at the end of the block by the vault's own `convertToAssets`; none if it does not say.
    #[serde(serialize_with = "optional")]
    pub assets: Option<U256>,
}

/// Shares of the vault that were minted as fees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FeeShares {
    /// Of the management fee.
    #[serde(with = "decimal")]
    pub management: U256,
    /// Of the performance fee.
    #[serde(with = "decimal")]
    pub performance: U256,
}

/// The vault at one block, for plots. Values on the way are rounded down by strategy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// Height.
    pub block: u64,
    /// Unix time.
    pub timestamp: u64,
    /// Live value.
    pub total: Amount,
    /// Idle.
    pub idle: Amount,
    /// Value of each strategy.
    pub values: Vec<Amount>,
    /// Income until then.
    pub income: Amount,
    /// Income without any decision.
    pub unmanaged: Amount,
    /// Income if everything had gone into one strategy; none if it has no price.
    pub single: Vec<Option<Amount>>,
    /// Profit of each actor's decisions until then, less gas that has a price, in the order of the sums by actor.
    pub actors: Vec<Amount>,
    /// The most that each strategy may hold, by weight or cap, bps of base; none if it is not known.
    pub max_weights_bps: Vec<Option<u64>>,
    /// Least idle, bps of NAV; none if it is not known.
    pub min_idle_bps: Option<u64>,
    /// Used of the vault's turnover budget, bps of it; none if it is not known.
    pub turnover_used_bps: Option<u64>,
    /// Used of the vault's loss budget, bps of it; none if it is not known.
    pub loss_used_bps: Option<u64>,
    /// Used of the turnover budget of the keeper's own agent, bps of it; none if it is not known.
    pub agent_turnover_used_bps: Option<u64>,
    /// Used of its loss budget, likewise.
    pub agent_loss_used_bps: Option<u64>,
}

/// Where a vault's result came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Version of this document.
    pub schema: u32,
    /// Name in the configuration.
    pub vault: String,
    /// Treasury in the deployment file.
    pub treasury: String,
    /// Name of the chain in the configuration.
    pub chain: String,
    /// EIP-155 id.
    pub chain_id: u64,
    /// The vault.
    pub address: Address,
    /// The vault's asset.
    pub asset: AssetInfo,
    /// Opening.
    pub opening: Moment,
    /// End.
    pub closing: Moment,
    /// Whether the end is final.
    pub is_final: bool,
    /// Where the result came from.
    pub result: Outcome,
    /// Strategies.
    pub venues: Vec<Venue>,
    /// Decisions in the order of their execution.
    pub decisions: Vec<Decided>,
    /// Holds, oldest first.
    pub holds: Vec<Held>,
    /// Flows in order.
    pub flows: Vec<Flow>,
    /// Fees in order.
    pub fees: Vec<Fee>,
    /// Sums over decisions.
    pub sums: Sums,
    /// Fee shares that were minted.
    pub fee_shares: FeeShares,
    /// Lines of the plots.
    pub series: Vec<Sample>,
    /// What a reader has to know, one sentence each.
    pub notes: Vec<String>,
}

/// An amount that may be missing, in JSON a decimal string or null.
pub(crate) fn optional<S: Serializer>(
    amount: &Option<U256>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match amount {
        Some(amount) => serializer.collect_str(amount),
        None => serializer.serialize_none(),
    }
}
