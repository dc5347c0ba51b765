//! Income that is not taken from a venue's curve alone: stated rates, histories of prices, rewards.

use alloy_primitives::U256;
use vagus_allocator::{
    Action, Binding, Decision, History, Limiting, RateBase, RateInput, Reason, Reward, Sample,
    decide, math::RAY, verify_certificate,
};
use vagus_policy::{Curve, Move};

use crate::world::{NOW, USDC, World, address, morpho, two_markets};

const DAY: u64 = 86_400;

/// The decision, its certificate recomputed.
pub(crate) fn answer(world: &World) -> Decision {
    let decision = decide(&world.policy, &world.snapshot, &world.inputs);
    let verified = verify_certificate(&world.policy, &world.snapshot, &world.inputs, &decision);
    assert_eq!(verified, Ok(()), "{:?}", decision.reason);
    decision
}

fn moves(decision: &Decision) -> &[Move] {
    match &decision.action {
        Action::Rebalance { moves } => moves,
        Action::Hold { .. } => &[],
    }
}

fn bps(value: u64) -> U256 {
    RAY * U256::from(value) / U256::from(10_000)
}

fn input(index: usize, base: RateBase) -> RateInput {
    RateInput { strategy: address(index), base, reward: None }
}

pub(crate) fn flat(index: usize, rate_bps: u64) -> RateInput {
    input(index, RateBase::Flat { yearly_ray: bps(rate_bps) })
}

/// A price that grows by so many millionths a day.
pub(crate) fn history(index: usize, days: u64, millionths: u64) -> RateInput {
    let sample = |day: u64| Sample {
        block: 100 - days + day,
        at: NOW - (days - day) * DAY,
        assets: U256::from(1_000_000_000_000 + day * millionths * 1_000_000),
    };
    let samples = (0..=days).map(sample).collect();
    let base = RateBase::History(History { min_samples: 8, max_age_seconds: 2 * DAY, samples });
    input(index, base)
}

/// A reward on a strategy whose curve is known.
pub(crate) fn rewarded(index: usize, rate_bps: u64, expires_at: u64) -> RateInput {
    let yearly_ray = bps(rate_bps);
    let reward = Some(Reward { yearly_ray, source: "campaign".into(), expires_at });
    RateInput { reward, ..input(index, RateBase::Curve) }
}

/// Two strategies of which no curve is known, and 1,000,000 in the first.
fn two_unknown() -> World {
    let mut world = two_markets();
    for strategy in &mut world.snapshot.vault.strategies {
        strategy.curve = Curve::Unknown;
        strategy.max_withdraw_assets = strategy.convert_assets;
    }
    world
}

#[test]
fn a_stated_rate_is_income_whatever_we_hold() {
    let mut world = two_unknown();
    assert_eq!(answer(&world).reason, Reason::Optimal, "nothing is known of either");
    world.inputs.rates = vec![flat(0, 300), flat(1, 500)];
    let decision = answer(&world);
    assert_eq!(decision.reason, Reason::Income);
    // All of the first, and what idle has to spare, goes where more is paid, as far as limits let it.
    assert!(moves(&decision).iter().any(|leg| leg.index == 0 && !leg.is_deposit));
    assert!(moves(&decision).iter().any(|leg| leg.index == 1 && leg.is_deposit));
    let line = &decision.lines[1];
    assert_eq!((line.rate_before_ray, line.rate_after_ray), (bps(500), bps(500)));
    assert_eq!(line.yearly_income_after, line.assets_after * U256::from(500) / U256::from(10_000));
    // The other way round only idle moves.
    world.inputs.rates = vec![flat(0, 500), flat(1, 300)];
    assert!(moves(&answer(&world)).iter().all(|leg| leg.index == 0 && leg.is_deposit));
}

#[test]
fn what_a_venue_does_not_take_in_stays_where_it_is() {
    let mut world = two_unknown();
    world.inputs.rates = vec![flat(0, 300), flat(1, 500)];
    world.snapshot.vault.strategies[1].max_deposit_assets = U256::from(200_000 * USDC);
    let decision = answer(&world);
    let after = decision.lines[1].assets_after;
    assert!(after <= U256::from(200_000 * USDC) && after > U256::from(199_000 * USDC), "{after}");
}

#[test]
fn a_past_that_is_too_short_moves_nothing_in_or_out() {
    let mut world = two_unknown();
    // 8 samples are asked for.
    world.inputs.rates = vec![history(0, 7, 100), history(1, 6, 500)];
    let decision = answer(&world);
    assert_eq!((decision.reason, moves(&decision).len()), (Reason::Income, 1), "idle alone");
    assert!(moves(&decision).iter().all(|leg| leg.index == 0 && leg.is_deposit));
    world.snapshot.vault.idle = U256::from(55_060 * USDC);
    let decision = answer(&world);
    assert_eq!(decision.reason, Reason::NoHistory);
    assert!(matches!(decision.action, Action::Hold { is_proven: false, .. }));
    let lacking = |decision: &Decision| {
        let Binding { limiting, index, observed, limit } = decision.bindings[0];
        assert_eq!((limiting, index, limit), (Limiting::Samples, Some(1), U256::from(8)));
        observed
    };
    assert_eq!(lacking(&decision), U256::from(7));
    // Enough of them, and none young enough.
    let mut old = world.clone();
    old.inputs.rates[1] = history(1, 7, 500);
    if let RateBase::History(past) = &mut old.inputs.rates[1].base {
        past.max_age_seconds = 11;
    }
    let decision = answer(&old);
    assert_eq!((decision.reason, lacking(&decision)), (Reason::NoHistory, U256::ZERO));
    // One sample more.
    world.inputs.rates[1] = history(1, 7, 500);
    let decision = answer(&world);
    assert_eq!(decision.reason, Reason::Income);
    assert!(moves(&decision).iter().any(|leg| leg.index == 1 && leg.is_deposit));
    // What is out of the agent's hands is no reason.
    world.inputs.rates[1] = history(1, 6, 500);
    world.policy.agents[0].scope = 1;
    assert_eq!(answer(&world).reason, Reason::Optimal);
}

#[test]
fn a_reward_counts_on_top_until_it_expires() {
    let mut world = two_markets();
    let plain = answer(&world);
    assert!(moves(&plain).iter().any(|leg| leg.index == 1 && leg.is_deposit));
    let next = NOW + u64::from(world.inputs.block_seconds);
    world.inputs.rates = vec![rewarded(0, 900, next + 1)];
    let decision = answer(&world);
    assert!(moves(&decision).iter().all(|leg| leg.index == 0 && leg.is_deposit), "it stays there");
    assert_eq!(decision.lines[0].rate_before_ray, plain.lines[0].rate_before_ray + bps(900));
    world.inputs.rates = vec![rewarded(0, 900, next)];
    assert_eq!(answer(&world).action, plain.action, "expired");
    // A reward on a strategy of which nothing else is known says nothing.
    let mut world = two_unknown();
    world.inputs.rates = vec![rewarded(0, 900, next + 1)];
    assert_eq!(moves(&answer(&world)), []);
}

/// A market at half of its capacity that pays more now, and one at its target that will go on paying what it pays.
fn fading_and_steady(horizon_seconds: u32) -> World {
    let fading = morpho(10_000_000 * USDC, 5_000_000 * USDC, 1_200, 0);
    let steady = morpho(10_000_000 * USDC, 9_000_000 * USDC, 400, 0);
    let mut world = crate::world::world(1_000_000 * USDC, &[(fading, 0), (steady, 0)]);
    for listed in &mut world.policy.strategies {
        listed.cap = 100_000 * USDC;
    }
    world.policy.limits.max_turnover_bps = 1_000;
    world.policy.objective.horizon_seconds = horizon_seconds;
    world.policy.objective.hurdle_bps = 0;
    world.inputs.gas_price_wei = 0;
    world
}

#[test]
fn the_horizon_decides_what_an_adaptive_market_is_worth() {
    let day = 86_400;
    for (horizon, chosen) in [(day / 24, 0), (60 * day, 1)] {
        let decision = answer(&fading_and_steady(horizon));
        assert_eq!(decision.reason, Reason::Income);
        assert!(moves(&decision).iter().all(|leg| leg.index == chosen), "{horizon}: {decision:#?}");
        assert!(moves(&decision).iter().any(|leg| leg.assets > 90_000 * USDC));
    }
    // 4 % now and a third of it over two months, since the rate at target falls to a fortieth.
    let decision = answer(&fading_and_steady(60 * 86_400));
    let rate = decision.lines[0].rate_before_ray;
    assert!(rate > bps(120) && rate < bps(150), "{rate}");
    let now = answer(&fading_and_steady(1)).lines[0].rate_before_ray;
    assert!(now > bps(398) && now <= bps(400), "{now}");
}
