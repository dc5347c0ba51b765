//! A small world for tests: two Aave markets, one vault with idle to place, an agent with a mandate.

#![allow(clippy::expect_used)]

#[cfg(test)]
pub(crate) mod said;
#[cfg(test)]
pub(crate) mod wire;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use alloy::primitives::{Address, B256, U256};
use vagus_allocator::{Inputs, NativePrice};
use vagus_chain::{
    AgentKey, Chain, Deployment, Endpoints, VaultDeployment,
    deployment::{CodeHashes, DEPLOYMENT_SCHEMA_VERSION},
    memory::MemoryChain,
};
use vagus_policy::{
    AaveV3Curve, AgentPolicy, AgentState, AssetInfo, BlockRef, Bucket, Ceilings, Checkpoint, Curve,
    GuardState, Limits, Mode, NavState, Objective, ObjectiveKind, Policy, Snapshot, StrategyPolicy,
    StrategyState, StrategyStatus, VaultState,
};

use crate::{
    config::Config,
    world::{ChainWorld, VaultWorld},
};

/// Time of the first block.
pub const NOW: u64 = 1_800_000_000;
/// One USDC, smallest unit.
pub const USDC: u128 = 1_000_000;
/// Seconds between blocks.
pub const BLOCK_SECONDS: u64 = 12;
const RAY: u128 = 1_000_000_000_000_000_000_000_000_000;

/// Compares with a file of `tests/data` that a person has read and found good. `UPDATE_GOLDEN=1` writes it anew.
///
/// # Panics
/// If it is another, or not there.
pub fn assert_golden(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, found).expect("written");
    }
    let golden = std::fs::read_to_string(&path).expect("the golden file is there");
    assert_eq!(found, golden, "{name}");
}

/// The vault.
#[must_use]
pub fn vault() -> Address {
    Address::repeat_byte(0x71)
}

/// Its guard.
#[must_use]
pub fn guard() -> Address {
    Address::repeat_byte(0x72)
}

fn strategy(place: u8) -> Address {
    Address::repeat_byte(0xa0 | place)
}

/// An Aave market with this much supplied and borrowed, in whole USDC, that pays 5 % at its kink of 90 %.
fn market(supplied: u128, borrowed: u128) -> Curve {
    Curve::AaveV3(AaveV3Curve {
        // Active, six decimals, a reserve factor of 10 %.
        configuration: (U256::ONE << 56) | (U256::from(6) << 48) | (U256::from(1_000) << 64),
        optimal_usage_ray: U256::from(RAY / 10 * 9),
        base_rate_ray: U256::ZERO,
        slope1_ray: U256::from(RAY / 20),
        slope2_ray: U256::from(RAY),
        variable_borrow_index_ray: U256::from(RAY),
        variable_borrow_rate_ray: U256::ZERO,
        scaled_debt: U256::from(borrowed * USDC),
        virtual_balance: U256::from((supplied - borrowed) * USDC),
        deficit: U256::ZERO,
        last_update_at: NOW,
        total_a_token_supply: U256::from(supplied * USDC),
        accrued_to_treasury: U256::ZERO,
        liquidity_index_ray: U256::from(RAY),
    })
}

/// The policy in force: two strategies, one agent.
#[must_use]
pub fn policy(agent: Address) -> Policy {
    let listed = |place| StrategyPolicy {
        strategy: strategy(place),
        status: StrategyStatus::Active,
        max_weight_bps: 6_000,
        min_weight_bps: 0,
        cap: 1 << 100,
        price_band_bps: 100,
        reference_assets: 1,
        reference_shares: 1,
        groups: 0,
    };
    Policy {
        schema_version: 1,
        limits: Limits {
            mode: Mode::Active,
            cooldown_seconds: 60,
            window_seconds: 86_400,
            max_turnover_bps: 10_000,
            max_loss_bps: 100,
            min_idle_bps: 500,
            max_growth_wad: 1_000_000_000_000_000,
            max_drawdown_bps: 100,
            entry_halt_seconds: 3_600,
            seasoning_seconds: 3_600,
            max_nav_age_seconds: 3_600,
            policy_delay_seconds: 3_600,
            deposit_cap: 1 << 100,
            management_fee_bps: 0,
            performance_fee_bps: 0,
            fee_recipient: Address::ZERO,
        },
        strategies: vec![listed(1), listed(2)],
        groups: Vec::new(),
        agents: vec![AgentPolicy {
            agent,
            expires_at: NOW + 1_000_000,
            scope: 0b11,
            max_turnover_bps: 10_000,
            max_loss_bps: 100,
        }],
        objective: Objective {
            kind: ObjectiveKind::Yield,
            hurdle_bps: 1,
            horizon_seconds: 30 * 86_400,
            band_bps: 0,
            target_weights_bps: Vec::new(),
        },
    }
}

/// A million USDC, all of it idle.
#[must_use]
pub fn snapshot(agent: Address) -> Snapshot {
    let nav = U256::from(1_000_000 * USDC);
    let state = |place: u8, curve: Curve| StrategyState {
        strategy: strategy(place),
        symbol: format!("S{place}"),
        decimals: 6,
        is_readable: true,
        shares: U256::ZERO,
        convert_assets: U256::ZERO,
        redeem_assets: U256::ZERO,
        max_withdraw_assets: U256::ZERO,
        max_deposit_assets: U256::MAX,
        reference_price: U256::ONE << 128,
        reference_at: NOW - 1_000,
        read_price: None,
        curve,
    };
    Snapshot {
        lens_version: vagus_chain::LENS_VERSION,
        chain_id: 31_337,
        block: BlockRef {
            number: 100,
            hash: B256::repeat_byte(1),
            parent_hash: B256::repeat_byte(2),
            timestamp: NOW,
        },
        base_fee_wei: 1_000_000_000,
        vault: VaultState {
            vault: vault(),
            guard: guard(),
            asset: AssetInfo {
                address: Address::repeat_byte(0x73),
                symbol: "USDC".to_owned(),
                decimals: 6,
            },
            idle: nav,
            nav: NavState {
                live_assets: nav,
                nav_assets: nav,
                entry_assets: nav,
                base_assets: nav,
                supply: nav,
                is_readable: true,
                is_entry_open: true,
                refreshed_at: NOW - 1_000,
                ..NavState::default()
            },
            checkpoint: Checkpoint { nav, base: nav, is_fresh: true },
            guard_state: GuardState {
                policy_version: 1,
                policy_hash: vagus_policy::hash(&policy(agent)),
                policy_block: 1,
                mode: Mode::Active,
                rebalance_count: 0,
                turnover: Bucket::default(),
                loss: Bucket::default(),
            },
            agent: AgentState { agent, exists: true, ..AgentState::default() },
            strategies: vec![
                state(1, market(10_000_000, 8_000_000)),
                state(2, market(20_000_000, 15_000_000)),
            ],
        },
    }
}

/// What a decision is made from beside the snapshot.
#[must_use]
pub fn inputs(agent: Address) -> Inputs {
    Inputs {
        agent,
        gas_price_wei: 2_000_000_000,
        native_price: NativePrice::Fixed { assets_per_native: 3_000 * USDC },
        base_gas: 250_000,
        leg_gas: 350_000,
        headroom_bps: 10,
        smallest_move: 100 * USDC,
        deadline_seconds: 300,
        block_seconds: 12,
        rates: Vec::new(),
    }
}

/// The example configuration, on the local chain.
#[must_use]
pub fn config() -> Config {
    let text =
        include_str!("../examples/keeper.toml").replace("chain_id = 1\n", "chain_id = 31337\n");
    Config::parse(&text, "keeper.toml".as_ref(), "".as_ref(), &|_| Some("http://localhost".into()))
        .expect("sound")
}

pub(crate) fn deployment() -> VaultDeployment {
    let zero = Address::ZERO;
    VaultDeployment {
        asset: Address::repeat_byte(0x73),
        vault: vault(),
        conduit: zero,
        guard: guard(),
        guardian: zero,
        factory: zero,
        vault_periphery: None,
        guard_governance: None,
        guard_rules: None,
        governor: None,
        timelock: None,
        votes: None,
        lens: Address::repeat_byte(0x74),
        lens_version: vagus_chain::LENS_VERSION,
        ceilings: Ceilings {
            max_turnover_bps: 0,
            max_loss_bps: 0,
            min_window_seconds: 0,
            min_policy_delay_seconds: 0,
            max_policy_delay_seconds: 0,
            max_management_fee_bps: 0,
            max_performance_fee_bps: 0,
            grace_seconds: 0,
        },
        code_hashes: CodeHashes {
            vault: B256::ZERO,
            vault_periphery: None,
            conduit: B256::ZERO,
            guard: B256::ZERO,
            guard_governance: None,
            guard_rules: None,
            factory: None,
            lens: B256::repeat_byte(0x75),
        },
        policy_hash: B256::ZERO,
    }
}

/// A chain in process, and the keeper's world on it.
#[must_use]
pub fn world(key: &AgentKey) -> (Arc<MemoryChain>, ChainWorld) {
    let agent = key.address();
    let chain = Arc::new(MemoryChain::new(policy(agent), snapshot(agent)));
    (chain.clone(), world_on(&chain, agent))
}

/// The keeper's world on a chain that is there.
#[must_use]
pub fn world_on(chain: &Arc<MemoryChain>, agent: Address) -> ChainWorld {
    let mut config = config();
    // The tests that are about it set it.
    config.chains[0].fees.daily_budget = None;
    let mut vault = config.vaults[0].clone();
    vault.deployment = PathBuf::new();
    vault.strategies = BTreeMap::from([
        (strategy(1), "Aave Core".to_owned()),
        (strategy(2), "Aave Prime".to_owned()),
    ]);
    let dynamic: Arc<dyn Chain> = chain.clone();
    ChainWorld {
        config: config.chains[0].clone(),
        endpoints: Endpoints::new(vec![dynamic]),
        agent,
        account: agent,
        word_bytes: 0,
        vaults: vec![VaultWorld {
            config: vault,
            deployment: Arc::new(Deployment {
                schema_version: DEPLOYMENT_SCHEMA_VERSION,
                treasury: "demo".to_owned(),
                chain_id: config.chains[0].chain_id,
                genesis_hash: B256::ZERO,
                deploy_block: 0,
                deployer: Address::ZERO,
                owner: None,
                vaults: vec![deployment()],
            }),
            entry: deployment(),
        }],
        is_proven: true,
    }
}
