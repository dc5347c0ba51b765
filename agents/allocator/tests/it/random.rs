//! Random worlds: every limit that a decision meets, on both sides.

use alloy_primitives::{B256, U256};
use proptest::{collection::vec, prelude::*};
use vagus_allocator::NativePrice;
use vagus_policy::{Bucket, Curve, GroupPolicy, ObjectiveKind, StrategyStatus};

use crate::world::{
    AaveSpec, MarketSpec, NOW, USDC, World, aave, liquidity, markets, morpho, room, world,
};

#[derive(Clone, Debug)]
pub(crate) struct VenueSpec {
    is_morpho: bool,
    others: u128,
    position: u128,
    usage_bps: u32,
    optimal_bps: u32,
    base_bps: u32,
    slope1_bps: u32,
    slope2_bps: u32,
    kept_out_bps: u32,
    max_weight_bps: u16,
    min_weight_bps: u16,
    cap: u128,
    room: Option<u128>,
    status: StrategyStatus,
    groups: u16,
    target_bps: u16,
}

fn venue() -> impl Strategy<Value = VenueSpec> {
    (
        (any::<bool>(), 1_u128..20_000_000, 0_u128..3_000_000, 0_u32..=10_000, 0_u8..4),
        (1_000_u32..=9_900, 0_u32..300, 0_u32..1_500, 0_u32..20_000, 0_u32..3_000),
        (1_000_u16..=10_000, 0_u16..500, 10_000_u128..20_000_000),
        prop::option::weighted(0.3, 0_u128..2_000_000),
        (0_u8..20, 0_u16..8, 0_u16..3_000),
    )
        .prop_map(
            |(
                (is_morpho, others, position, usage_bps, held),
                (optimal_bps, base_bps, slope1_bps, slope2_bps, kept_out_bps),
                (max_weight_bps, min_weight_bps, cap),
                room,
                (status, groups, target_bps),
            )| VenueSpec {
                is_morpho,
                others: others * USDC + 17,
                position: if held == 0 { 0 } else { position * USDC + 3 },
                usage_bps,
                optimal_bps,
                base_bps,
                slope1_bps,
                slope2_bps: slope1_bps + slope2_bps,
                kept_out_bps,
                max_weight_bps,
                min_weight_bps: if held == 1 { min_weight_bps } else { 0 },
                cap: if held == 2 { cap * USDC } else { 1 << 100 },
                room: room.map(|room| room * USDC + 5),
                status: if status == 0 { StrategyStatus::ExitOnly } else { StrategyStatus::Active },
                groups,
                target_bps,
            },
        )
}

fn curve(spec: &VenueSpec) -> Curve {
    let supplied = spec.others + spec.position;
    let debt = supplied * u128::from(spec.usage_bps) / 10_000;
    if spec.is_morpho {
        morpho(supplied, debt, spec.slope1_bps.clamp(10, 20_000), spec.kept_out_bps.min(2_500))
    } else {
        aave(AaveSpec {
            optimal_bps: spec.optimal_bps,
            base_bps: spec.base_bps,
            slope1_bps: spec.slope1_bps,
            slope2_bps: spec.slope2_bps,
            reserve_factor_bps: spec.kept_out_bps,
            available: supplied - debt,
            debt,
            deficit: 0,
        })
    }
}

pub(crate) fn any_world(most_venues: usize) -> impl Strategy<Value = World> {
    (
        vec(venue(), 1..=most_venues),
        (0_u128..3_000_000, 0_u8..3),
        (0_u16..2_000, 100_u16..=20_000, 100_u16..=20_000),
        (0_u64..1_000_000_000_000_000_000, 0_u64..1_000_000_000_000_000_000, 0_u8..3),
        (0_u16..50, 1_u32..120, 0_u64..50, 0_u32..6),
        (0_u16..200, 0_u128..5_000, 1_u32..=8),
        (
            vec((500_u16..=10_000, prop::option::weighted(0.3, 10_000_u128..5_000_000)), 0..=3),
            0_u8..6,
            0_u16..400,
        ),
    )
        .prop_map(
            |(
                venues,
                (idle, has_idle),
                (min_idle_bps, vault_bps, agent_bps),
                (vault_level, agent_level, is_used),
                (hurdle_bps, days, gas_gwei, in_scope),
                (headroom_bps, smallest, seasoned),
                (groups, is_weighted, band_bps),
            )| {
                let list: Vec<(Curve, u128)> =
                    venues.iter().map(|spec| (curve(spec), spec.position)).collect();
                let idle = if has_idle == 0 { 0 } else { idle * USDC + 11 };
                let mut world = world(idle, &list);
                let limits = &mut world.policy.limits;
                limits.min_idle_bps = min_idle_bps;
                limits.max_turnover_bps = vault_bps.min(10_000);
                let mandate = &mut world.policy.agents[0];
                mandate.max_turnover_bps = agent_bps.min(10_000);
                if in_scope == 0 {
                    mandate.scope = 0b1010_1101;
                }
                if is_used == 0 {
                    world.snapshot.vault.guard_state.turnover =
                        Bucket { level_wad: vault_level, updated_at: NOW - 100 };
                    world.snapshot.vault.agent.turnover =
                        Bucket { level_wad: agent_level, updated_at: NOW - 5_000 };
                }
                for (place, spec) in venues.iter().enumerate() {
                    let listed = &mut world.policy.strategies[place];
                    listed.max_weight_bps = spec.max_weight_bps;
                    listed.min_weight_bps = spec.min_weight_bps;
                    listed.cap = spec.cap;
                    listed.status = spec.status;
                    listed.groups = spec.groups & ((1 << groups.len()) - 1);
                    if let Some(room) = spec.room {
                        world.snapshot.vault.strategies[place].max_deposit_assets =
                            U256::from(room);
                    }
                }
                for (place, (max_weight_bps, cap)) in groups.into_iter().enumerate() {
                    let name = B256::right_padding_from(format!("group {place}").as_bytes());
                    let cap = cap.map_or(1 << 100, |cap| cap * USDC);
                    world.policy.groups.push(GroupPolicy { name, max_weight_bps, cap });
                }
                if is_weighted == 0 {
                    let objective = &mut world.policy.objective;
                    objective.kind = ObjectiveKind::TargetWeights;
                    objective.band_bps = band_bps;
                    // Together at most everything.
                    let targets = venues.iter().map(|spec| spec.target_bps);
                    let share = u16::try_from(venues.len()).unwrap().max(4) / 4;
                    objective.target_weights_bps = targets.map(|bps| bps / share).collect();
                }
                let checkpoint = &mut world.snapshot.vault.checkpoint;
                checkpoint.base = checkpoint.nav * U256::from(seasoned) / U256::from(8);
                world.policy.objective.hurdle_bps = hurdle_bps;
                world.policy.objective.horizon_seconds = days * 86_400;
                world.inputs.gas_price_wei = u128::from(gas_gwei) * 1_000_000_000;
                world.inputs.native_price = NativePrice::Fixed { assets_per_native: 3_000 * USDC };
                world.inputs.headroom_bps = headroom_bps;
                world.inputs.smallest_move = smallest * USDC;
                world
            },
        )
}

/// Some markets of a strategy over several, of which others may hold a part too.
#[derive(Clone, Debug)]
pub(crate) struct MarketsSpec {
    others: u128,
    /// Each with a weight of the strategy's position for what is held, and a cap that is one of several kinds.
    markets: Vec<(MarketSpec, u8)>,
}

fn markets_spec() -> impl Strategy<Value = MarketsSpec> {
    let market = (
        (1_u128..20_000_000, 0_u128..5, 1_u128..3_000_000, 0_u8..5),
        (0_u32..=10_000, 10_u32..3_000, 0_u32..2_500),
    );
    let market =
        market.prop_map(|((others, held, cap, kind), (usage_bps, target_rate_bps, fee_bps))| {
            let others = others * USDC + 17;
            (
                MarketSpec { others, held, cap: cap * USDC, usage_bps, target_rate_bps, fee_bps },
                kind,
            )
        });
    (prop_oneof![Just(0), 1_u128..5_000_000], vec(market, 1..=8))
        .prop_map(|(others, markets)| MarketsSpec { others: others * USDC, markets })
}

/// The curve of a strategy of which we hold a position.
fn spread_out(spec: &MarketsSpec, position: u128) -> Curve {
    let weights: u128 = spec.markets.iter().map(|(market, _)| market.held).sum();
    let (all, count) = (spec.others + position, spec.markets.len());
    let mut left = all;
    let markets_of = spec.markets.iter().enumerate().map(|(place, (market, kind))| {
        let part = all * market.held / weights.max(1);
        let held = if place + 1 == count { left } else { part.min(left) };
        left -= held;
        let cap = match kind {
            0 => held.max(1),
            1 => held / 2 + 1,
            _ => held + market.cap,
        };
        MarketSpec { held, cap, ..*market }
    });
    let specs: Vec<MarketSpec> = markets_of.collect();
    markets(&specs)
}

/// Random worlds in which such a part of the strategies are over several markets.
pub(crate) fn any_world_of_markets(most_venues: usize, part: f64) -> impl Strategy<Value = World> {
    (any_world(most_venues), vec(prop::option::weighted(part, markets_spec()), most_venues))
        .prop_map(|(mut world, specs)| {
            for (strategy, spec) in world.snapshot.vault.strategies.iter_mut().zip(specs) {
                let Some(spec) = spec else { continue };
                let position: u128 = strategy.convert_assets.to();
                strategy.curve = spread_out(&spec, position);
                strategy.max_withdraw_assets =
                    strategy.convert_assets.min(liquidity(&strategy.curve));
                strategy.max_deposit_assets =
                    strategy.max_deposit_assets.min(room(&strategy.curve));
            }
            world
        })
}

/// The world right after a plan, as predicted, at the same moment.
pub(crate) fn after(world: &World, moves: &[vagus_policy::Move]) -> World {
    let mut next = world.clone();
    let state = &world.snapshot.vault;
    let receipt = vagus_policy::predict(&world.policy, state, moves);
    let asked = vagus_policy::Rebalance {
        policy_version: 1,
        nonce: state.agent.nonce,
        vault_count: vagus_policy::ANY_COUNT,
        deadline: NOW + 300,
        decision: alloy_primitives::B256::ZERO,
        moves: moves.to_vec(),
    };
    let at = NOW + u64::from(world.inputs.block_seconds);
    let checked = vagus_policy::check(&world.policy, state, &asked, at, &receipt).unwrap();
    let vault = &mut next.snapshot.vault;
    vault.idle = receipt.idle_after;
    vault.guard_state.turnover = checked.vault_turnover;
    vault.guard_state.loss = checked.vault_loss;
    vault.guard_state.rebalance_count = checked.rebalance_count;
    vault.agent.turnover = checked.agent_turnover;
    vault.agent.loss = checked.agent_loss;
    vault.agent.nonce = checked.nonce;
    vault.agent.last_rebalance_at = at;
    for (leg, done) in moves.iter().zip(&receipt.legs) {
        let strategy = &mut vault.strategies[usize::from(leg.index)];
        strategy.shares = done.shares_after;
        strategy.convert_assets = done.value_after;
        strategy.redeem_assets = done.value_after;
        let moved = done.assets;
        let shift = |held: U256| if leg.is_deposit { held + moved } else { held - moved };
        match &mut strategy.curve {
            Curve::Unknown => {}
            Curve::AaveV3(curve) => curve.virtual_balance = shift(curve.virtual_balance),
            Curve::MorphoBlue(curve) => {
                curve.total_supply_assets = shift(curve.total_supply_assets);
            }
            Curve::MorphoBlueMarkets(curve) => {
                crate::markets::act(curve, leg.is_deposit, moved.to(), NOW);
            }
        }
        if leg.is_deposit && strategy.max_deposit_assets != U256::MAX {
            strategy.max_deposit_assets -= moved;
        }
        strategy.max_withdraw_assets =
            strategy.convert_assets.min(crate::world::liquidity(&strategy.curve));
    }
    next
}
