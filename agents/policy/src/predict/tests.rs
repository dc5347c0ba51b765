use alloy_primitives::U256;
use proptest::prelude::*;

use super::*;
use crate::{
    price::{Band, unit_shares_up},
    snapshot::ReadPrice,
    testing::{policy, state},
};

fn deposit(index: u8, assets: u128) -> Move {
    Move { index, is_deposit: true, assets }
}

fn withdraw(index: u8, assets: u128) -> Move {
    Move { index, is_deposit: false, assets }
}

#[test]
fn nav_and_base_are_those_a_rebalance_would_use() {
    let mut state = state();
    state.nav.nav_assets = U256::from(77);
    state.nav.base_assets = U256::from(66);
    let fresh = predict(&policy(), &state, &[]);
    assert_eq!((fresh.nav, fresh.base), (state.checkpoint.nav, state.checkpoint.base));
    state.checkpoint.is_fresh = false;
    let refreshed = predict(&policy(), &state, &[]);
    assert_eq!((refreshed.nav, refreshed.base), (U256::from(77), U256::from(66)));
}

#[test]
fn legs_lose_a_unit_or_two_and_idle_adds_up() {
    let state = state();
    let receipt = predict(
        &policy(),
        &state,
        &[withdraw(0, 50_000), withdraw(2, ALL_ASSETS), deposit(1, 30_000)],
    );
    assert_eq!(receipt.idle_before, U256::from(400_000));
    assert_eq!(receipt.idle_after, U256::from(620_000));
    assert_eq!(receipt.legs[0].value_after, U256::from(149_998));
    assert_eq!(receipt.legs[0].shares_after, U256::from(150_000));
    assert_eq!(receipt.legs[1].assets, U256::from(200_000));
    assert_eq!(receipt.legs[1].value_after, U256::ZERO);
    assert_eq!(receipt.legs[2].value_after, U256::from(229_998));
}

#[test]
fn exit_fee_shows_on_the_way_in() {
    let mut state = state();
    // One percent: the position converts to 200,000 and would pay 198,000.
    state.strategies[1].redeem_assets = U256::from(198_000);
    let receipt = predict(&policy(), &state, &[deposit(1, 100_000)]);
    let gained = receipt.legs[0].value_after - receipt.legs[0].value_before;
    assert_eq!(gained, U256::from(98_999));
}

#[test]
fn first_deposit_is_priced_by_the_reference_and_dust_does_not_mislead() {
    let mut state = state();
    // 1.05 assets a share, at 18 decimals of shares against 6 of assets.
    let reference = PRICE_ONE * U256::from(105) / U256::from(100) / U256::from(10_u64.pow(12));
    let strategy = &mut state.strategies[0];
    strategy.reference_price = reference;
    for shares in [0_u64, 1, 1_000_000_000_000, 3_000_000_000_000] {
        let strategy = &mut state.strategies[0];
        strategy.shares = U256::from(shares);
        strategy.redeem_assets = mul_div_down(strategy.shares, reference, PRICE_ONE);
        strategy.convert_assets = strategy.redeem_assets;
        let receipt = predict(&policy(), &state, &[deposit(0, 1_000_000)]);
        let leg = receipt.legs[0];
        assert!(leg.value_after + U256::from(3) >= leg.value_before + U256::from(1_000_000));
        let band = Band::around(reference, 1, 0);
        assert!(leg.value_after + U256::ONE >= band.lowest_value_up(leg.shares_after));
        assert!(leg.value_after <= band.highest_value(leg.shares_after));
    }
}

/// A deposit that the rules see as it will be: by the price that was read, not by a reference that it ran away from.
#[test]
fn what_is_not_held_is_priced_as_read_and_a_gift_of_a_share_changes_nothing() {
    let unit = unit_shares_up(PRICE_ONE);
    for (percent, is_within) in [(100, true), (101, true), (102, false), (103, false), (98, false)]
    {
        let read = ReadPrice { shares: unit, assets: unit * U256::from(percent) / U256::from(100) };
        // A share of a price between one and two is worth one unit.
        for shares in [0_u64, 1, 2] {
            let mut state = state();
            let strategy = &mut state.strategies[0];
            strategy.reference_price = PRICE_ONE;
            strategy.read_price = Some(read);
            strategy.shares = U256::from(shares);
            strategy.redeem_assets = strategy.shares * read.assets / unit;
            strategy.convert_assets = strategy.redeem_assets;
            let leg = predict(&policy(), &state, &[deposit(0, 1_000_000_000)]).legs[0];
            let band = Band::around(PRICE_ONE, 100, 0);
            let is_priced = leg.value_after + U256::ONE >= band.lowest_value_up(leg.shares_after)
                && leg.value_after <= band.highest_value(leg.shares_after);
            assert_eq!(is_priced, is_within, "{percent} % with {shares} shares: {leg:?}");
            assert!(
                leg.value_after + U256::from(5) >= leg.value_before + U256::from(1_000_000_000)
            );
        }
    }
}

#[test]
fn a_position_tells_its_price_better_than_what_was_read_apart_from_it() {
    let mut state = state();
    let before = predict(&policy(), &state, &[deposit(0, 50_000), withdraw(1, 50_000)]);
    for strategy in &mut state.strategies {
        // A venue that pays less for more.
        strategy.read_price =
            Some(ReadPrice { shares: U256::from(1 << 30), assets: U256::from(1 << 29) });
    }
    let after = predict(&policy(), &state, &[deposit(0, 50_000), withdraw(1, 50_000)]);
    let distance = before.legs[0].value_after.abs_diff(after.legs[0].value_after);
    assert!(distance <= U256::ONE, "{distance}");
    assert_eq!(before.legs[1].value_before, after.legs[1].value_before);
}

#[test]
fn strategies_unknown_to_state_or_policy_are_left_alone() {
    let receipt = predict(&policy(), &state(), &[deposit(200, 5)]);
    assert_eq!(receipt.legs[0].value_after, U256::ZERO);
    assert_eq!(receipt.idle_after, U256::from(399_995));
}

proptest! {
    /// Against an ERC-4626 that rounds as the standard's reference implementation does.
    #[test]
    fn prediction_is_never_better_than_an_honest_strategy(
        total_assets in 1_u128 << 20..1 << 90, total_shares in 1_u128 << 20..1 << 90,
        part in 1_u64.., amount in 1_u64.., is_deposit: bool,
    ) {
        let (t, s) = (U256::from(total_assets), U256::from(total_shares));
        let shares = mul_div_down(s, U256::from(part), U256::MAX >> 192).max(U256::ONE);
        let value = |shares| mul_div_down(shares, t, s);
        let before = value(shares);
        let mut state = state();
        let strategy = &mut state.strategies[0];
        strategy.shares = shares;
        strategy.convert_assets = before;
        strategy.redeem_assets = before;
        strategy.reference_price = price_down(t, s);
        let amount = if is_deposit { U256::from(amount) } else { before.min(U256::from(amount)) };
        prop_assume!(!amount.is_zero());
        let (after_shares, after_assets, held) = if is_deposit {
            let minted = mul_div_down(amount, s, t);
            (s + minted, t + amount, shares + minted)
        } else {
            let burned = mul_div_up(amount, s, t);
            prop_assume!(burned < shares && burned < s);
            (s - burned, t - amount, shares - burned)
        };
        let real = mul_div_down(held, after_assets, after_shares);
        let leg = Move { index: 0, is_deposit, assets: amount.to() };
        let predicted = predict(&policy(), &state, &[leg]).legs[0].value_after;
        prop_assert!(predicted <= real, "{predicted} above {real}");
        // A share may be worth more than a unit; then its rounding is the strategy's, not ours.
        let share_value = mul_div_up(U256::from(3), t, s) + U256::from(4);
        prop_assert!(predicted + share_value >= real, "{predicted} far below {real}");
    }
}
