//! What is shown of chains and vaults.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use alloy::primitives::{Address, B256, U256};
use serde::Serialize;
use tokio::time::Instant;
use vagus_allocator::Reason;
use vagus_chain::{Account, Tally};
use vagus_policy::{AssetInfo, BlockRef, Mode};

use crate::{
    status::{Holding, Mandate, StatusView},
    world::ChainWorld,
};

/// A round that takes longer than this, and than thirty times an endpoint's patience, hangs.
const LONGEST_ROUND: Duration = Duration::from_secs(300);

/// What kept a round from being worked off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TroubleKind {
    /// No endpoint answers, or not with something to go on from.
    Chain,
    /// The journal cannot be written or read.
    Journal,
    /// Anything else.
    Other,
}

/// What keeps a chain from being worked on.
#[derive(Clone, Copy, Debug)]
pub struct Trouble {
    /// What kind.
    pub kind: TroubleKind,
    /// Rounds in a row that failed.
    pub failures: u64,
    /// Since when.
    pub since: Instant,
}

/// What the account that pays for transactions has, and may spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purse {
    /// Its balance, wei.
    pub balance_wei: U256,
    /// Balance below which a person should send it something, wei.
    pub low_wei: U256,
    /// The daily fee budget and what is left of it, wei; none without one.
    pub budget_wei: Option<(u128, u128)>,
}

impl Purse {
    /// Whether it can pay for few transactions more.
    #[must_use]
    pub fn is_low(&self) -> bool {
        self.balance_wei < self.low_wei
    }

    /// Whether less than a fifth of the budget is left.
    #[must_use]
    pub fn is_budget_low(&self) -> bool {
        self.budget_wei.is_some_and(|(budget, left)| left < budget / 5)
    }
}

/// One endpoint as it was asked. The host alone says which; its place tells two of one host apart.
#[derive(Clone, Debug)]
pub struct EndpointView {
    /// Place in the configuration, from zero.
    pub place: usize,
    /// Scheme, host and port.
    pub endpoint: String,
    /// Requests by method.
    pub tallies: Vec<(&'static str, Tally)>,
}

/// One chain as it stands.
#[derive(Clone, Debug)]
pub struct ChainView {
    /// Name in the configuration.
    pub name: String,
    /// EIP-155 id.
    pub chain_id: u64,
    /// Account that acts.
    pub agent: Address,
    /// Longest time without a new head.
    pub stale_after: Duration,
    /// Longest time that a round may take.
    pub patience: Duration,
    /// When its loop last came to the end of a round.
    pub beat: Instant,
    /// Whether its loop has ended.
    pub has_ended: bool,
    /// The newest head that was seen.
    pub head: Option<BlockRef>,
    /// When a new head was last seen; the start, before the first.
    pub head_since: Instant,
    /// Height of the newest head that was worked off.
    pub worked_number: Option<u64>,
    /// Height of the newest block that is known to be final.
    pub finalized_number: Option<u64>,
    /// Base fee of the newest head, wei.
    pub base_fee_wei: u128,
    /// What the account that pays has, and may spend; none until it was looked at.
    pub purse: Option<Purse>,
    /// What became of the blocks, those before a restart included.
    pub account: Account,
    /// What keeps it from being worked on; none if nothing does.
    pub trouble: Option<Trouble>,
    /// Whether what was in flight at the start was brought together with the chain.
    pub is_reconciled: bool,
    /// Whether this keeper signs and sends.
    pub sends: bool,
    /// Reasons for which the whole chain was held, by how often that began.
    pub held: BTreeMap<Reason, u64>,
    /// When each of them last began.
    pub held_at: BTreeMap<Reason, Instant>,
    /// Its endpoints.
    pub endpoints: Vec<EndpointView>,
    /// Its vaults, by address.
    pub vaults: Vec<Arc<VaultView>>,
}

/// The latest decision about a vault.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Latest {
    /// Height of its block.
    pub block: u64,
    /// Why.
    pub reason: Reason,
    /// Hash of its record as it stands.
    pub decision: B256,
    /// Whether something is to be moved.
    pub is_rebalance: bool,
    /// Blocks in a row that were decided with this reason.
    pub count: u64,
    /// Since when it is decided with this reason.
    #[serde(skip)]
    pub since: Instant,
}

/// A vault as it was last seen.
#[derive(Clone, Debug, Serialize)]
pub struct Seen {
    /// The block.
    pub block: BlockRef,
    /// The vault's asset.
    pub asset: AssetInfo,
    /// Net asset value, smallest unit.
    #[serde(with = "vagus_policy::decimal")]
    pub nav: U256,
    /// Version of the policy in force, zero for none.
    pub policy_version: u64,
    /// Its hash.
    pub policy_hash: B256,
    /// Mode in force.
    pub mode: Mode,
    /// The agent's mandate; none if the policy in force names no such agent.
    pub mandate: Option<Mandate>,
    /// Idle, then the strategies in policy order.
    pub holdings: Vec<Holding>,
}

impl From<StatusView> for Seen {
    fn from(view: StatusView) -> Self {
        let StatusView {
            head,
            asset,
            nav,
            policy_version,
            policy_hash,
            mode,
            mandate,
            holdings,
            ..
        } = view;
        Self { block: head, asset, nav, policy_version, policy_hash, mode, mandate, holdings }
    }
}

/// One vault as it stands. What is counted is counted since the start.
#[derive(Clone, Debug)]
pub struct VaultView {
    /// Name in the configuration.
    pub name: String,
    /// Its address.
    pub vault: Address,
    /// Whether this keeper decides about it.
    pub decides: bool,
    /// Whether a rebalance of it is under way.
    pub is_in_flight: bool,
    /// The latest decision.
    pub latest: Option<Latest>,
    /// Decisions by reason.
    pub decisions: BTreeMap<Reason, u64>,
    /// Transactions by each state that they came to.
    pub transactions: BTreeMap<&'static str, u64>,
    /// The latest that reverted, and when it became known.
    pub reverted: Option<(B256, Instant)>,
    /// The latest that lost its nonce to somebody else, and when it became known.
    pub foreign: Option<(B256, Instant)>,
    /// Fees of all that became final, wei.
    pub fees_wei: U256,
    /// As it was last seen.
    pub seen: Option<Seen>,
}

impl VaultView {
    pub(super) fn decide(
        &mut self,
        block: u64,
        reason: Reason,
        decision: B256,
        is_rebalance: bool,
    ) {
        let before = self.latest.filter(|latest| latest.reason == reason);
        self.latest = Some(Latest {
            block,
            reason,
            decision,
            is_rebalance,
            count: before.map_or(1, |latest| latest.count.saturating_add(1)),
            since: before.map_or_else(Instant::now, |latest| latest.since),
        });
    }
}

impl ChainView {
    pub(super) fn new(world: &ChainWorld) -> Self {
        let profile = &world.config.profile;
        let vaults = world.vaults.iter().map(|vault| {
            Arc::new(VaultView {
                name: vault.config.name.clone(),
                vault: vault.entry.vault,
                decides: false,
                is_in_flight: false,
                latest: None,
                decisions: BTreeMap::new(),
                transactions: BTreeMap::new(),
                reverted: None,
                foreign: None,
                fees_wei: U256::ZERO,
                seen: None,
            })
        });
        Self {
            name: world.config.name.clone(),
            chain_id: world.config.chain_id,
            agent: world.agent,
            stale_after: profile.stale_after(),
            patience: LONGEST_ROUND.max(profile.timeout().saturating_mul(30)),
            beat: Instant::now(),
            has_ended: false,
            head: None,
            head_since: Instant::now(),
            worked_number: None,
            finalized_number: None,
            base_fee_wei: 0,
            purse: None,
            account: Account::default(),
            trouble: None,
            is_reconciled: false,
            sends: false,
            held: BTreeMap::new(),
            held_at: BTreeMap::new(),
            endpoints: Vec::new(),
            vaults: vaults.collect(),
        }
    }

    /// Age of the newest head, by a clock that only goes forward.
    #[must_use]
    pub fn head_age(&self) -> Duration {
        self.head_since.elapsed()
    }

    /// Blocks between the newest head that was seen and the newest that was worked off.
    #[must_use]
    pub fn blocks_behind(&self) -> Option<u64> {
        let head = self.head?.number;
        Some(self.worked_number.map_or(head, |worked| head.saturating_sub(worked)))
    }

    /// Which vaults this keeper decides about, and which wait for a transaction.
    pub fn set_vaults(
        &mut self,
        decides: impl Fn(Address) -> bool,
        waiting: Option<&HashMap<Address, Reason>>,
    ) {
        for vault in &mut self.vaults {
            let decides = decides(vault.vault);
            let is_in_flight =
                waiting.map_or(vault.is_in_flight, |waiting| waiting.contains_key(&vault.vault));
            if (vault.decides, vault.is_in_flight) != (decides, is_in_flight) {
                let vault = Arc::make_mut(vault);
                (vault.decides, vault.is_in_flight) = (decides, is_in_flight);
            }
        }
    }
}
