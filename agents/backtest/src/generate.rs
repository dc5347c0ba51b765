//! Histories from a seed, for tests and measurements: lending markets in which others borrow, repay, supply and withdraw at
//! every line, by the venues' own formulas, and a vault that nobody moves.

mod market;

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256, keccak256};
use vagus_allocator::{Inputs, NativePrice};
use vagus_draw::Draw;
use vagus_policy::{
    AgentPolicy, AgentState, AssetInfo, BlockRef, Bucket, Checkpoint, GuardState, Limits, Mode,
    NavState, Objective, ObjectiveKind, Policy, Snapshot, StrategyPolicy, StrategyState,
    StrategyStatus, VaultState, math::PRICE_ONE,
};

use crate::{
    history::{Block, HISTORY_VERSION, Head, Named, units},
    quote::Quote,
};
pub(crate) use market::Market;

/// One whole of the asset, smallest unit.
const WHOLE: u128 = 1_000_000;
/// Time of the first line: 1 January 2026.
const BEGAN_AT: u64 = 1_767_225_600;
/// Seconds between blocks.
const BLOCK_SECONDS: u64 = 12;
/// What the vault holds of each strategy, and idle, in wholes.
const POSITION: u128 = 1_000_000;
/// Days for which the agent's mandate lasts.
const MANDATE_SECONDS: u64 = 100 * 365 * 86_400;

/// A history under way.
#[derive(Clone, Debug)]
pub struct Generator {
    draw: Draw,
    markets: Vec<Market>,
    shares: Vec<U256>,
    /// Seconds between lines, a multiple of those between blocks.
    line_seconds: u64,
    number: u64,
    at: u64,
    hash: B256,
}

fn agent() -> Address {
    Address::repeat_byte(0xa9)
}

fn strategy(place: usize) -> Address {
    // There are at most 32.
    Address::repeat_byte(u8::try_from(place).unwrap_or_default().saturating_add(1))
}

impl Generator {
    /// With so many strategies, at most 32, every second one an Aave V3 reserve and the others Morpho Blue markets, and a
    /// line every so many blocks.
    #[must_use]
    pub fn new(seed: u64, strategies: usize, blocks_between: u64) -> Self {
        let mut draw = Draw::new(seed);
        let count = strategies.min(32);
        let markets = (0..count).map(|place| Market::new(&mut draw, place, BEGAN_AT));
        Self {
            markets: markets.collect(),
            shares: vec![U256::from(POSITION * WHOLE); count],
            draw,
            line_seconds: BLOCK_SECONDS.saturating_mul(blocks_between.max(1)),
            number: 1_000_000,
            at: BEGAN_AT,
            hash: keccak256(seed.to_be_bytes()),
        }
    }

    /// The first line of its file.
    #[must_use]
    pub fn head(&self) -> Head {
        let named = |place: usize| Named {
            strategy: strategy(place),
            name: format!("market_{}", place + 1),
            symbol: format!("M{}", place + 1),
            decimals: 6,
        };
        Head {
            vagus_history: HISTORY_VERSION,
            name: "generated".to_owned(),
            chain: "none".to_owned(),
            chain_id: 31_337,
            vault: Address::repeat_byte(0x71),
            guard: Address::repeat_byte(0x72),
            asset: asset(),
            lens_version: 1,
            lens: Address::repeat_byte(0x74),
            lens_code_hash: B256::repeat_byte(0x75),
            agent: agent(),
            strategies: (0..self.markets.len()).map(named).collect(),
            accounts: BTreeMap::from([("keeper".to_owned(), agent())]),
            policies: BTreeMap::new(),
            units: units(),
        }
    }

    /// A policy that lets a good half of the vault be moved a day.
    #[must_use]
    pub fn policy(&self) -> Policy {
        let count = self.markets.len();
        let listed = |place| StrategyPolicy {
            strategy: strategy(place),
            status: StrategyStatus::Active,
            max_weight_bps: 4_000,
            min_weight_bps: 0,
            cap: 1_000_000_000 * WHOLE,
            price_band_bps: 5_000,
            reference_assets: 1,
            reference_shares: 1,
            groups: 0,
        };
        Policy {
            schema_version: vagus_policy::POLICY_SCHEMA_VERSION,
            limits: Limits {
                mode: Mode::Active,
                cooldown_seconds: 600,
                window_seconds: 86_400,
                max_turnover_bps: 10_000,
                max_loss_bps: 100,
                min_idle_bps: 500,
                max_growth_wad: 5_000_000_000_000_000,
                max_drawdown_bps: 100,
                entry_halt_seconds: 86_400,
                seasoning_seconds: 3_600,
                max_nav_age_seconds: 3_600,
                policy_delay_seconds: 3_600,
                deposit_cap: 1_000_000_000 * WHOLE,
                management_fee_bps: 0,
                performance_fee_bps: 0,
                fee_recipient: Address::ZERO,
            },
            strategies: (0..count).map(listed).collect(),
            groups: Vec::new(),
            agents: vec![AgentPolicy {
                agent: agent(),
                expires_at: BEGAN_AT.saturating_add(MANDATE_SECONDS),
                scope: u32::MAX >> (32_usize.saturating_sub(count.clamp(1, 32))),
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

    fn states(&self) -> Vec<StrategyState> {
        let with_place = self.markets.iter().zip(&self.shares).enumerate();
        let states = with_place.map(|(place, (market, shares))| {
            let mut state = StrategyState {
                strategy: strategy(place),
                symbol: format!("M{}", place + 1),
                decimals: 6,
                is_readable: true,
                shares: *shares,
                convert_assets: U256::ZERO,
                redeem_assets: U256::ZERO,
                max_withdraw_assets: U256::ZERO,
                max_deposit_assets: U256::MAX,
                reference_price: PRICE_ONE,
                reference_at: BEGAN_AT,
                read_price: None,
                curve: market.curve().clone(),
            };
            // Of no shares the formula is all there is to say.
            let nobody = StrategyState { shares: U256::ZERO, ..state.clone() };
            let value = Quote::of(&nobody, self.at, self.at).convert.assets_down(*shares);
            (state.convert_assets, state.redeem_assets) = (value, value);
            state.max_withdraw_assets = value.min(market.cash());
            state
        });
        states.collect()
    }

    fn snapshot(&self, parent_hash: B256) -> Snapshot {
        let strategies = self.states();
        let idle = U256::from(POSITION * WHOLE);
        let nav = strategies.iter().fold(idle, |sum, one| sum.saturating_add(one.redeem_assets));
        Snapshot {
            lens_version: 1,
            chain_id: 31_337,
            block: BlockRef {
                number: self.number,
                hash: self.hash,
                parent_hash,
                timestamp: self.at,
            },
            base_fee_wei: 1_000_000_000,
            vault: VaultState {
                vault: Address::repeat_byte(0x71),
                guard: Address::repeat_byte(0x72),
                asset: asset(),
                idle,
                nav: NavState {
                    live_assets: nav,
                    nav_assets: nav,
                    entry_assets: nav,
                    base_assets: nav,
                    supply: nav,
                    seasoned_wad: U256::from(10_u64.pow(18)),
                    is_readable: true,
                    ..NavState::default()
                },
                checkpoint: Checkpoint { nav, base: nav, is_fresh: true },
                guard_state: GuardState {
                    policy_version: 1,
                    policy_hash: B256::ZERO,
                    policy_block: 1,
                    mode: Mode::Active,
                    rebalance_count: 0,
                    turnover: Bucket::default(),
                    loss: Bucket::default(),
                },
                agent: AgentState { agent: agent(), exists: true, ..AgentState::default() },
                strategies,
            },
        }
    }
}

fn asset() -> AssetInfo {
    AssetInfo { address: Address::repeat_byte(0x73), symbol: "USDC".to_owned(), decimals: 6 }
}

impl Iterator for Generator {
    type Item = Block;

    /// The next block; there is always one.
    fn next(&mut self) -> Option<Block> {
        let parent_hash = self.hash;
        self.hash = keccak256(self.hash);
        self.at = self.at.saturating_add(self.line_seconds);
        let blocks = self.line_seconds / BLOCK_SECONDS;
        self.number = self.number.saturating_add(blocks);
        for market in &mut self.markets {
            market.go_on(&mut self.draw, self.at);
        }
        let inputs = Inputs {
            agent: agent(),
            gas_price_wei: u128::from(self.draw.within(200_000_000, 3_000_000_000)),
            native_price: NativePrice::Fixed { assets_per_native: 3_000 * WHOLE },
            base_gas: 150_000,
            leg_gas: 250_000,
            headroom_bps: 10,
            smallest_move: 100 * WHOLE,
            deadline_seconds: 300,
            block_seconds: 12,
            rates: Vec::new(),
        };
        Some(Block { snapshot: self.snapshot(parent_hash), inputs, blocks: 1, recorded: None })
    }
}
