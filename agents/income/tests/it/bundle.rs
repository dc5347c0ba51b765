//! A treasury with a strategy over several Morpho markets on the real contracts: what the keeper sees through the lens, what
//! it expects, and what comes of it.

use alloy_primitives::U256;
use vagus_allocator::{
    Earning, Horizon, Inputs, NativePrice,
    curves::{Change, Spread},
    decide,
    math::{RAY, YEAR_SECONDS},
    verify_certificate,
};
use vagus_income::{
    history::{HISTORIES, History},
    world::{AGENT, BLOCK_SECONDS, DEADLINE_SECONDS, World},
};
use vagus_policy::{Curve, MorphoBlueMarketsCurve, Move, Snapshot, StrategyState, predict};

const USDC: u128 = 1_000_000;
const CAPS: [u128; 3] = [900_000 * USDC, 1_600_000 * USDC, 5_000_000 * USDC];
const DAY: u64 = 86_400;

fn history() -> &'static History {
    HISTORIES.iter().find(|history| history.name == "small Morpho markets").unwrap()
}

fn bundle(seen: &Snapshot) -> (&StrategyState, &MorphoBlueMarketsCurve) {
    let strategy = &seen.vault.strategies[0];
    let Curve::MorphoBlueMarkets(curve) = &strategy.curve else { panic!("{strategy:?}") };
    (strategy, curve)
}

/// What the strategy holds in each market at the moment that was seen.
fn held(seen: &Snapshot) -> Vec<u128> {
    let spread = Spread::at(bundle(seen).1, seen.block.timestamp).unwrap();
    spread.slots().iter().map(|slot| slot.held).collect()
}

/// Moves, lets a time pass and compares with what was expected beforehand.
fn is_as_expected(world: &mut World, moves: &[Move], seconds: u64) {
    let seen = world.see().unwrap();
    let (strategy, curve) = bundle(&seen);
    let leg = moves.iter().find(|leg| leg.index == 0).unwrap();
    let position: u128 = strategy.convert_assets.to();
    let (change, target) = if leg.is_deposit {
        (Change::Deposit(U256::from(leg.assets)), position + leg.assets)
    } else {
        (Change::Withdrawal(U256::from(leg.assets)), position - leg.assets)
    };
    let at = seen.block.timestamp + u64::from(BLOCK_SECONDS);
    let spread = Spread::at(curve, at).unwrap().after(change).unwrap();
    let earning = Earning::of(strategy, None, position, Horizon { at, seconds }).unwrap().unwrap();
    let receipt = predict(&world.policy, &seen.vault, moves);

    world.rebalance(&seen, moves).unwrap();
    let after = world.see().unwrap();
    for (expected, held) in spread.iter().zip(held(&after)) {
        assert!(expected.abs_diff(held) <= 4, "{held} of {expected}");
    }
    let value = receipt.legs[moves.iter().position(|leg| leg.index == 0).unwrap()].value_after;
    // Some seconds of interest at another rate than the mean, and an entry's or exit's rounding in each market.
    let second = earning.income_ray(position).unwrap() / RAY / U256::from(YEAR_SECONDS);
    let most = value + U256::from(60) * (second + U256::ONE);
    let redeem = bundle(&after).0.redeem_assets;
    assert!(redeem + U256::from(16) >= value && redeem <= most, "{redeem} of {value} to {most}");

    world.wait(seconds);
    let later = world.see().unwrap();
    let earned = bundle(&later).0.convert_assets - bundle(&after).0.convert_assets;
    let over = |yearly: U256| yearly * U256::from(seconds) / U256::from(YEAR_SECONDS) / RAY;
    let expected = over(earning.income_ray(target).unwrap());
    // Interest on interest, and on the 12 seconds, is what comes on top.
    let most = expected + expected * U256::from(seconds) / U256::from(YEAR_SECONDS) / U256::from(4);
    assert!(earned + U256::from(16) >= expected && earned <= most, "{earned} of {expected}");
    // The position's own effect is in it: the rate before would have promised something else.
    let before = over(earning.rate_ray(position).unwrap() * U256::from(target));
    let off = before.abs_diff(earned) * U256::from(1_000) / earned;
    assert!(off >= U256::from(5), "{before} by the rate before, {earned} earned");
}

#[test]
fn a_strategy_over_several_markets_is_seen_and_earns_what_was_expected() {
    let (mut world, _) = World::open_bundled(history(), &CAPS).unwrap();
    let seen = world.see().unwrap();
    let (strategy, curve) = bundle(&seen);
    assert_eq!(curve.markets.len(), CAPS.len());
    assert!(curve.markets.iter().zip(CAPS).all(|(market, cap)| market.cap == U256::from(cap)));
    world.lend(strategy.strategy, 300_000 * USDC);
    let seen = world.see().unwrap();
    let total: u128 = held(&seen).iter().sum();
    let position: u128 = bundle(&seen).0.convert_assets.to();
    assert!((total - position).abs_diff(300_000 * USDC) < 10, "{total} {position}");

    let inputs = Inputs {
        agent: AGENT,
        gas_price_wei: 1_000_000_000,
        native_price: NativePrice::Fixed { assets_per_native: 3_000 * USDC },
        base_gas: 150_000,
        leg_gas: 250_000,
        headroom_bps: 10,
        smallest_move: 100 * USDC,
        deadline_seconds: DEADLINE_SECONDS,
        block_seconds: BLOCK_SECONDS,
        rates: Vec::new(),
    };
    let decision = decide(&world.policy, &seen, &inputs);
    assert!(!decision.lines[0].rate_before_ray.is_zero(), "{decision:#?}");
    let verified = verify_certificate(&world.policy, &seen, &inputs, &decision);
    assert_eq!(verified, Ok(()), "{decision:#?}");

    let moved = 600_000 * USDC;
    let out = |index| Move { index, is_deposit: false, assets: moved };
    let into = |index| Move { index, is_deposit: true, assets: moved };
    is_as_expected(&mut world.clone(), &[out(1), into(0)], 30 * DAY);
    is_as_expected(&mut world.clone(), &[out(0), into(1)], 30 * DAY);
    is_as_expected(&mut world.clone(), &[out(0)], 200 * DAY);
}
