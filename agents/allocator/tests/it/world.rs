//! Small worlds to decide in: a policy, a snapshot that fits it, inputs.

use alloy_primitives::{Address, B256, I256, U256};
use vagus_allocator::{Inputs, NativePrice};
use vagus_policy::{
    AaveV3Curve, AgentPolicy, AgentState, AssetInfo, BlockRef, Bucket, Checkpoint, Curve,
    GuardState, Limits, Mode, MorphoBlueCurve, MorphoBlueHolding, MorphoBlueMarketsCurve, NavState,
    Objective, ObjectiveKind, Policy, Snapshot, StrategyPolicy, StrategyState, StrategyStatus,
    VaultState,
};

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const USDC: u128 = 1_000_000;
pub(crate) const RAY: u128 = 1_000_000_000_000_000_000_000_000_000;

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) policy: Policy,
    pub(crate) snapshot: Snapshot,
    pub(crate) inputs: Inputs,
}

pub(crate) fn agent() -> Address {
    Address::repeat_byte(0xa9)
}

/// Rates in hundredths of a percent, amounts in whole assets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AaveSpec {
    pub(crate) optimal_bps: u32,
    pub(crate) base_bps: u32,
    pub(crate) slope1_bps: u32,
    pub(crate) slope2_bps: u32,
    pub(crate) reserve_factor_bps: u32,
    pub(crate) available: u128,
    pub(crate) debt: u128,
    pub(crate) deficit: u128,
}

pub(crate) fn aave(spec: AaveSpec) -> Curve {
    let bps = |value: u32| U256::from(value) * U256::from(RAY / 10_000);
    Curve::AaveV3(AaveV3Curve {
        // Active, six decimals, the reserve factor.
        configuration: (U256::ONE << 56)
            | (U256::from(6) << 48)
            | (U256::from(spec.reserve_factor_bps) << 64),
        optimal_usage_ray: bps(spec.optimal_bps),
        base_rate_ray: bps(spec.base_bps),
        slope1_ray: bps(spec.slope1_bps),
        slope2_ray: bps(spec.slope2_bps),
        variable_borrow_index_ray: U256::from(RAY),
        variable_borrow_rate_ray: U256::ZERO,
        scaled_debt: U256::from(spec.debt),
        virtual_balance: U256::from(spec.available),
        deficit: U256::from(spec.deficit),
        last_update_at: NOW,
        total_a_token_supply: U256::from(spec.available + spec.debt),
        accrued_to_treasury: U256::ZERO,
        liquidity_index_ray: U256::from(RAY),
    })
}

pub(crate) fn morpho(supplied: u128, borrowed: u128, target_rate_bps: u32, fee_bps: u32) -> Curve {
    Curve::MorphoBlue(morpho_market(supplied, borrowed, target_rate_bps, fee_bps))
}

fn morpho_market(
    supplied: u128,
    borrowed: u128,
    target_rate_bps: u32,
    fee_bps: u32,
) -> MorphoBlueCurve {
    MorphoBlueCurve {
        total_supply_assets: U256::from(supplied),
        total_supply_shares: U256::from(supplied) * U256::from(1_000_000),
        total_borrow_assets: U256::from(borrowed),
        total_borrow_shares: U256::from(borrowed) * U256::from(1_000_000),
        last_update_at: NOW,
        fee_wad: U256::from(fee_bps) * U256::from(100_000_000_000_000_u64),
        rate_at_target_wad: I256::try_from(
            i128::from(target_rate_bps) * 100_000_000_000_000 / 31_536_000,
        )
        .unwrap(),
    }
}

/// One market of a strategy over several; amounts in smallest units.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MarketSpec {
    /// What others than the strategy have lent.
    pub(crate) others: u128,
    /// What the strategy holds there, for all of its holders.
    pub(crate) held: u128,
    pub(crate) cap: u128,
    /// Of all that is lent.
    pub(crate) usage_bps: u32,
    pub(crate) target_rate_bps: u32,
    pub(crate) fee_bps: u32,
}

pub(crate) fn markets(specs: &[MarketSpec]) -> Curve {
    let holding = |(place, spec): (usize, &MarketSpec)| {
        let supplied = spec.others + spec.held;
        let borrowed = supplied * u128::from(spec.usage_bps) / 10_000;
        MorphoBlueHolding {
            market_id: B256::with_last_byte(place as u8 + 1),
            cap: U256::from(spec.cap),
            supply_shares: U256::from(spec.held) * U256::from(1_000_000),
            curve: morpho_market(supplied, borrowed, spec.target_rate_bps, spec.fee_bps),
        }
    };
    let markets = specs.iter().enumerate().map(holding).collect();
    Curve::MorphoBlueMarkets(MorphoBlueMarketsCurve { markets })
}

pub(crate) fn liquidity(curve: &Curve) -> U256 {
    match curve {
        Curve::Unknown => U256::MAX,
        Curve::AaveV3(curve) => curve.virtual_balance,
        Curve::MorphoBlue(curve) => {
            curve.total_supply_assets.saturating_sub(curve.total_borrow_assets)
        }
        Curve::MorphoBlueMarkets(curve) => {
            let slots = crate::markets::slots(curve, NOW);
            U256::from(slots.iter().map(|slot| slot.payable).sum::<u128>())
        }
    }
}

/// What a strategy takes in; 2^256 − 1 without a limit.
pub(crate) fn room(curve: &Curve) -> U256 {
    match curve {
        Curve::MorphoBlueMarkets(curve) => {
            let slots = crate::markets::slots(curve, NOW);
            U256::from(slots.iter().map(|slot| slot.room).sum::<u128>())
        }
        _ => U256::MAX,
    }
}

/// The strategy at a place of the list.
pub(crate) fn address(index: usize) -> Address {
    Address::repeat_byte(index as u8 + 1)
}

pub(crate) fn world(idle: u128, venues: &[(Curve, u128)]) -> World {
    let held: u128 = venues.iter().map(|(_, position)| position).sum();
    let nav = U256::from(idle + held);
    let strategies = venues
        .iter()
        .enumerate()
        .map(|(index, _)| StrategyPolicy {
            strategy: address(index),
            status: StrategyStatus::Active,
            max_weight_bps: 10_000,
            min_weight_bps: 0,
            cap: 1 << 100,
            price_band_bps: 100,
            reference_assets: 1,
            reference_shares: 1,
            groups: 0,
        })
        .collect();
    let states = venues
        .iter()
        .enumerate()
        .map(|(index, (curve, position))| StrategyState {
            strategy: address(index),
            symbol: format!("S{index}"),
            decimals: 6,
            is_readable: true,
            shares: U256::from(*position),
            convert_assets: U256::from(*position),
            redeem_assets: U256::from(*position),
            max_withdraw_assets: U256::from(*position).min(liquidity(curve)),
            max_deposit_assets: room(curve),
            reference_price: U256::ONE << 128,
            reference_at: NOW - 1_000,
            read_price: None,
            curve: curve.clone(),
        })
        .collect();
    World {
        policy: Policy {
            schema_version: 1,
            limits: Limits {
                mode: Mode::Active,
                cooldown_seconds: 0,
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
            strategies,
            groups: Vec::new(),
            agents: vec![AgentPolicy {
                agent: agent(),
                expires_at: NOW + 1_000_000,
                scope: u32::MAX,
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
        },
        snapshot: Snapshot {
            lens_version: 1,
            chain_id: 31_337,
            block: BlockRef {
                number: 100,
                hash: B256::repeat_byte(1),
                parent_hash: B256::repeat_byte(2),
                timestamp: NOW,
            },
            base_fee_wei: 1_000_000_000,
            vault: VaultState {
                vault: Address::repeat_byte(0x71),
                guard: Address::repeat_byte(0x72),
                asset: AssetInfo {
                    address: Address::repeat_byte(0x73),
                    symbol: "USDC".into(),
                    decimals: 6,
                },
                idle: U256::from(idle),
                nav: NavState {
                    live_assets: nav,
                    nav_assets: nav,
                    entry_assets: nav,
                    base_assets: nav,
                    supply: nav,
                    is_readable: true,
                    ..NavState::default()
                },
                checkpoint: Checkpoint { nav, base: nav, is_fresh: true },
                guard_state: GuardState {
                    policy_version: 1,
                    policy_hash: B256::repeat_byte(9),
                    policy_block: 1,
                    mode: Mode::Active,
                    rebalance_count: 0,
                    turnover: Bucket::default(),
                    loss: Bucket::default(),
                },
                agent: AgentState { agent: agent(), exists: true, ..AgentState::default() },
                strategies: states,
            },
        },
        inputs: Inputs {
            agent: agent(),
            gas_price_wei: 2_000_000_000,
            native_price: NativePrice::Fixed { assets_per_native: 3_000 * USDC },
            base_gas: 150_000,
            leg_gas: 250_000,
            headroom_bps: 10,
            smallest_move: 100 * USDC,
            deadline_seconds: 300,
            block_seconds: 12,
            rates: Vec::new(),
        },
    }
}

/// Two lending markets, the second the better one, and 1,000,000 in the first.
pub(crate) fn two_markets() -> World {
    let low = aave(AaveSpec {
        optimal_bps: 9_000,
        base_bps: 0,
        slope1_bps: 450,
        slope2_bps: 6_000,
        reserve_factor_bps: 1_000,
        available: 6_000_000 * USDC,
        debt: 4_000_000 * USDC,
        deficit: 0,
    });
    let high = aave(AaveSpec {
        optimal_bps: 8_000,
        base_bps: 100,
        slope1_bps: 700,
        slope2_bps: 9_000,
        reserve_factor_bps: 2_000,
        available: 3_000_000 * USDC,
        debt: 7_000_000 * USDC,
        deficit: 0,
    });
    world(100_000 * USDC, &[(low, 1_000_000 * USDC), (high, 0)])
}
