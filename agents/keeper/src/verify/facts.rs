//! What was read from the chain at one block. What a contract does not answer is none: it is not what it should be.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, B256, Bytes, U256};
use vagus_policy::{BlockRef, Ceilings, Mode, Policy};

/// Everything that was read.
#[derive(Clone, Debug)]
pub struct Seen {
    /// At which block.
    pub block: BlockRef,
    /// The chain's id.
    pub chain_id: u64,
    /// Hash of block 0; none if the endpoint does not have it.
    pub genesis: Option<B256>,
    /// The owner, and who may act through it.
    pub owner: OwnerFacts,
    /// In the order of the declaration.
    pub vaults: Vec<VaultFacts>,
}

/// The owner of the guards; a part is empty where the owner is of another kind.
#[derive(Clone, Debug, Default)]
pub struct OwnerFacts {
    /// Its runtime code.
    pub code: Bytes,
    /// The timelock.
    pub timelock: Option<TimelockFacts>,
    /// The Governor.
    pub governor: Option<GovernorFacts>,
    /// The Safe.
    pub safe: Option<SafeFacts>,
}

/// A timelock.
#[derive(Clone, Debug, Default)]
pub struct TimelockFacts {
    /// Its delay, seconds.
    pub delay_seconds: Option<U256>,
    /// Members of each role, by its events.
    pub members: BTreeMap<B256, BTreeSet<Address>>,
    /// Roles that another role than the usual one administers.
    pub moved_admins: BTreeMap<B256, B256>,
    /// Roles that declared members turn out not to have when asked.
    pub missing: Vec<(B256, Address)>,
    /// Roles that the deployer has when asked.
    pub of_deployer: Vec<B256>,
}

/// A Governor.
#[derive(Clone, Debug, Default)]
pub struct GovernorFacts {
    /// Its runtime code.
    pub code: Bytes,
    /// That of the votes token of the declaration.
    pub votes_code: Bytes,
    /// Its timelock.
    pub timelock: Option<Address>,
    /// Its votes token.
    pub token: Option<Address>,
    /// Between a proposal and its vote.
    pub voting_delay: Option<U256>,
    /// Length of a vote.
    pub voting_period: Option<U256>,
    /// Votes needed to propose.
    pub proposal_threshold: Option<U256>,
    /// Quorum in percent.
    pub quorum_percent: Option<U256>,
    /// Votes of the deployer: what it holds, and what it has been given.
    pub votes_of_deployer: (Option<U256>, Option<U256>),
}

/// A Safe.
#[derive(Clone, Debug, Default)]
pub struct SafeFacts {
    /// The contract whose code it runs.
    pub singleton: Address,
    /// That one's runtime code.
    pub singleton_code: Bytes,
    /// Its owners.
    pub owners: Option<Vec<Address>>,
    /// How many of them have to sign.
    pub threshold: Option<U256>,
    /// The first of its modules.
    pub modules: Option<Vec<Address>>,
    /// What is asked before and after each of its transactions; zero for nothing.
    pub guard: Address,
}

/// One vault with its guard.
#[derive(Clone, Debug, Default)]
pub struct VaultFacts {
    /// Runtime code of each contract, by the name of the contract.
    pub codes: BTreeMap<&'static str, Bytes>,
    /// Addresses that the contracts name, by what they are.
    pub parts: BTreeMap<&'static str, Option<Address>>,
    /// Owner of the guard.
    pub owner: Option<Address>,
    /// Who is offered ownership; zero for nobody.
    pub offered_owner: Option<Address>,
    /// The guardian.
    pub guardian: Option<Address>,
    /// Who is named guardian, and from when; a time of zero for nobody.
    pub named_guardian: Option<(Address, u64)>,
    /// What no vote lifts.
    pub ceilings: Option<Ceilings>,
    /// Delay of policies, seconds.
    pub policy_delay_seconds: Option<u32>,
    /// Hash of the policy that waits; zero for none.
    pub pending: Option<B256>,
    /// Version, hash and block of the policy in force.
    pub in_force: Option<(u64, B256, u64)>,
    /// Mode in force.
    pub mode: Option<Mode>,
    /// The document in force, from its event.
    pub policy: Option<Policy>,
    /// Settings that the vault itself prices by, in the order of the document.
    pub settings: Option<Settings>,
    /// Strategies that exits draw on, with their status by its number.
    pub exit_list: Option<Vec<(Address, u8)>>,
    /// For each declared agent whether its mandate holds.
    pub mandates: Vec<(Address, Option<bool>)>,
    /// Whether the deployer was ever an agent.
    pub deployer_is_agent: Option<bool>,
    /// Strategies of the declared policy, or of the one in force.
    pub strategies: Vec<StrategyFacts>,
}

/// What the vault itself prices by; units as in the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Fastest growth per day, 10^18 = 100 %.
    pub max_growth_wad: u64,
    /// Fall of the mark, bps.
    pub max_drawdown_bps: u16,
    /// Seconds for that fall.
    pub entry_halt_seconds: u32,
    /// Seconds after which supply counts fully.
    pub seasoning_seconds: u32,
    /// Age of a usable checkpoint, seconds.
    pub max_nav_age_seconds: u32,
    /// Most that deposits may reach, smallest unit.
    pub deposit_cap: u128,
    /// Yearly fee, bps.
    pub management_fee_bps: u16,
    /// Fee on gains, bps.
    pub performance_fee_bps: u16,
    /// Who receives both.
    pub fee_recipient: Address,
}

/// A strategy's code.
#[derive(Clone, Debug, Default)]
pub struct StrategyFacts {
    /// The strategy.
    pub strategy: Address,
    /// Its runtime code.
    pub code: Bytes,
    /// Where an upgradable proxy has its code, and that code.
    pub implementation: Option<(Address, Bytes)>,
}
