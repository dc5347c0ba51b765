//! What entering a strategy costs: seen by what it would pay back for the shares that are held, and charged on the way in.

use alloy_primitives::U256;
use vagus_allocator::{Action, Reason};
use vagus_policy::Curve;

use crate::{
    properties::moves,
    rates::{answer, flat},
    world::{USDC, World, world},
};

/// 1,000,000 at 3 %; 10,000 at 7 %, where leaving costs `fee_bps`; and nothing yet at `other_bps`, where it costs nothing.
fn costly(fee_bps: u128, other_bps: u64) -> World {
    let unknown = || Curve::Unknown;
    let mut world = world(
        53_250 * USDC,
        &[(unknown(), 1_000_000 * USDC), (unknown(), 10_000 * USDC), (unknown(), 0)],
    );
    for strategy in &mut world.snapshot.vault.strategies {
        strategy.max_withdraw_assets = strategy.convert_assets;
    }
    let strategy = &mut world.snapshot.vault.strategies[1];
    strategy.redeem_assets = U256::from(10_000 * USDC * (10_000 - fee_bps) / 10_000);
    strategy.max_withdraw_assets = strategy.redeem_assets;
    world.inputs.rates = vec![flat(0, 300), flat(1, 700), flat(2, other_bps)];
    world
}

#[test]
fn a_plan_through_a_costly_strategy_does_not_hide_one_that_pays() {
    // Of what enters, half a hundredth is lost: over thirty days as much as 6 % a year.
    let decision = answer(&costly(50, 500));
    assert_eq!(decision.reason, Reason::Income);
    assert!(moves(&decision).iter().all(|leg| leg.index != 1), "{:?}", moves(&decision));
    assert!(moves(&decision).iter().any(|leg| leg.index == 2 && leg.is_deposit));
    // Without the cost it is the better one.
    let decision = answer(&costly(0, 500));
    assert!(moves(&decision).iter().all(|leg| leg.index != 2), "{:?}", moves(&decision));
    assert!(moves(&decision).iter().any(|leg| leg.index == 1 && leg.is_deposit));
}

#[test]
fn a_hold_before_a_costly_strategy_is_proven_by_what_it_costs() {
    let mut world = costly(50, 300);
    let decision = answer(&world);
    assert_eq!(decision.reason, Reason::BelowHurdle);
    assert!(matches!(decision.action, Action::Hold { is_proven: true, .. }));
    let declined = &decision.candidates[0];
    assert!(declined.moves.iter().any(|leg| leg.index == 1 && leg.is_deposit));
    assert!(declined.gain > U256::ZERO && declined.gain < declined.cost);
    // The longer it stays, the less the cost is a year.
    world.policy.objective.horizon_seconds *= 3;
    assert_eq!(answer(&world).reason, Reason::Income);
}

#[test]
fn what_entering_costs_is_in_the_cost() {
    let mut world = costly(10, 300);
    world.inputs.gas_price_wei = 0;
    let decision = answer(&world);
    assert_eq!(decision.reason, Reason::Income);
    let entered = moves(&decision).iter().find(|leg| leg.is_deposit && leg.index == 1).unwrap();
    let cost = decision.candidates[0].cost;
    // A value is known to one unit for all that is held.
    let least = entered.assets / 1_000 - entered.assets / (10_000 * USDC) - 1;
    let most = entered.assets.div_ceil(1_000);
    assert!((U256::from(least)..=U256::from(most)).contains(&cost), "{least} {cost} {most}");
    // Leaving it costs nothing again: that was charged on the way in.
    world.inputs.rates = vec![flat(0, 700), flat(1, 300), flat(2, 300)];
    let decision = answer(&world);
    assert!(moves(&decision).iter().any(|leg| leg.index == 1 && !leg.is_deposit));
    assert_eq!(decision.candidates[0].cost, U256::ZERO);
}

#[test]
fn a_unit_of_rounding_is_no_cost() {
    let mut world = costly(0, 500);
    let plain = answer(&world);
    world.snapshot.vault.strategies[1].redeem_assets -= U256::ONE;
    let rounded = answer(&world);
    assert_eq!(moves(&plain), moves(&rounded));
    assert_eq!(plain.candidates[0].cost, rounded.candidates[0].cost);
}
