//! Legs at the limits of what a venue lets, and one past them.

use alloy_primitives::Address;
use vagus_policy::Curve;

use super::*;
use crate::quote::Fraction;

fn state(shares: u64, out: u64, room: u64) -> StrategyState {
    let price = U256::ONE << 128;
    StrategyState {
        strategy: Address::ZERO,
        symbol: String::new(),
        decimals: 6,
        is_readable: true,
        shares: U256::from(shares),
        convert_assets: U256::ZERO,
        redeem_assets: U256::ZERO,
        max_withdraw_assets: U256::from(out),
        max_deposit_assets: U256::from(room),
        reference_price: price,
        reference_at: 0,
        read_price: None,
        curve: Curve::Unknown,
    }
}

/// Four assets for three shares.
fn quote() -> Quote {
    let convert = Fraction { assets: U256::from(4), shares: U256::from(3) };
    Quote { convert, redeem: convert }
}

fn done(is_deposit: bool, assets: u128, state: &StrategyState) -> Option<(u64, u64)> {
    let asked = Move { index: 0, is_deposit, assets };
    let done = leg(asked, state, quote())?;
    Some((done.assets.to(), done.shares_after.to()))
}

#[test]
fn shares_are_rounded_against_the_vault() {
    let state = state(300, 400, 1_000);
    // 10 × 3 ÷ 4 = 7.5: seven are given, eight are taken.
    assert_eq!(done(true, 10, &state), Some((10, 307)));
    assert_eq!(done(false, 10, &state), Some((10, 292)));
    assert_eq!(done(false, ALL_ASSETS, &state), Some((400, 0)));
}

#[test]
fn a_venue_takes_and_pays_what_it_said_and_not_a_unit_more() {
    let state = state(300, 99, 50);
    assert!(done(true, 50, &state).is_some());
    assert_eq!(done(true, 51, &state), None);
    assert!(done(false, 99, &state).is_some());
    assert_eq!(done(false, 100, &state), None);
    assert_eq!(done(false, ALL_ASSETS, &state), None, "all is more than can be paid");
    assert_eq!(done(true, 1, &state), None, "no share for it");
}

#[test]
fn no_more_shares_are_given_up_than_there_are() {
    let state = state(3, 1_000, 0);
    assert_eq!(done(false, 4, &state), Some((4, 0)));
    assert_eq!(done(false, 5, &state), None);
}
