//! Venues with another position, beside the same venues in which that position really is.

use vagus_draw::Draw;

use super::*;
use crate::generate::Market;

const BEGAN_AT: u64 = 1_767_225_600;
const HOUR: u64 = 3_600;

fn signed(amount: u64) -> I256 {
    I256::try_from(amount).unwrap()
}

/// The venue with assets more or less in it, which somebody put there at `at`.
fn with_cash(curve: &Curve, assets: I256, at: u64) -> Curve {
    let more = |amount| shifted(amount, assets).unwrap();
    match curve {
        Curve::Unknown => Curve::Unknown,
        Curve::AaveV3(curve) => {
            let mut next = curve.clone();
            next.virtual_balance = more(next.virtual_balance);
            next.total_a_token_supply = more(next.total_a_token_supply);
            let market = AaveV3Market::at(&next, at).unwrap();
            let rates = market.rates_after(Change::Deposit(U256::ZERO)).unwrap();
            next.variable_borrow_rate_ray = rates.borrow_ray;
            Curve::AaveV3(next)
        }
        Curve::MorphoBlue(curve) => {
            let mut next = curve.clone();
            let shares = mul_div_down(
                next.total_supply_shares,
                assets.unsigned_abs(),
                next.total_supply_assets,
            );
            let shares = I256::try_from(shares).unwrap();
            let shares = if assets.is_negative() { -shares } else { shares };
            next.total_supply_shares = shifted(next.total_supply_shares, shares).unwrap();
            next.total_supply_assets = more(next.total_supply_assets);
            Curve::MorphoBlue(next)
        }
        Curve::MorphoBlueMarkets(_) => unreachable!("no market of its own"),
    }
}

/// Worth of 10^24 shares.
fn price(curve: &Curve) -> U256 {
    let whole = U256::from(10_u128.pow(24));
    match curve {
        Curve::Unknown | Curve::MorphoBlueMarkets(_) => U256::ZERO,
        Curve::AaveV3(curve) => {
            mul_div_down(whole, curve.liquidity_index_ray, vagus_allocator::math::RAY)
        }
        Curve::MorphoBlue(curve) => {
            mul_div_down(whole, curve.total_supply_assets, curve.total_supply_shares)
        }
    }
}

/// Debt, and the yearly supply rate.
fn debt_and_rate(curve: &Curve, at: u64) -> (U256, U256) {
    match curve {
        Curve::Unknown | Curve::MorphoBlueMarkets(_) => (U256::ZERO, U256::ZERO),
        Curve::AaveV3(curve) => {
            let market = AaveV3Market::at(curve, at).unwrap();
            (market.debt(), market.rates_after(Change::Deposit(U256::ZERO)).unwrap().supply_ray)
        }
        Curve::MorphoBlue(curve) => {
            let market = MorphoBlueMarket::at(curve, at).unwrap();
            (market.total_borrow_assets, market.rates_over(0).unwrap().supply_yearly_ray)
        }
    }
}

/// At most a part in so many.
fn near(one: U256, other: U256, part: u64) -> bool {
    one.abs_diff(other).saturating_mul(U256::from(part)) <= one.max(other) + U256::from(part)
}

#[test]
fn a_venue_with_another_position_goes_on_as_one_in_which_it_is() {
    for place in 0..6 {
        for assets in [5_000_000_000_000_i64, -2_000_000_000_000, 1_000_000] {
            let assets = I256::try_from(assets).unwrap();
            let mut recorded = Market::new(&mut Draw::new(100 + place as u64), place, BEGAN_AT);
            // A reserve that was never touched has no rate stored yet.
            recorded.accrue(BEGAN_AT);
            let mut real = Market::from(with_cash(recorded.curve(), assets, BEGAN_AT));
            let mut drift = Drift { cash: assets, ..Drift::NONE };
            for hour in 1..=24 * 30 {
                let (from, to) = (BEGAN_AT + (hour - 1) * HOUR, BEGAN_AT + hour * HOUR);
                drift = drift.grown(recorded.curve(), from, to);
                recorded.accrue(to);
                real.accrue(to);
                if hour % 240 != 0 {
                    continue;
                }
                let replaced = drift.replaced(recorded.curve(), to);
                let name = format!("market {place}, {assets} more, hour {hour}");
                let own = mul_div_down(price(recorded.curve()), drift.price, PRICE_ONE);
                assert!(near(own, price(real.curve()), 1_000_000_000), "{name}: price");
                let (debt, rate) = debt_and_rate(&replaced, to);
                let (real_debt, real_rate) = debt_and_rate(real.curve(), to);
                assert!(near(debt, real_debt, 1_000_000_000), "{name}: debt {debt} {real_debt}");
                assert!(near(rate, real_rate, 1_000_000), "{name}: rate {rate} {real_rate}");
                // It is the position that makes the difference, not the rounding of a test.
                let without = debt_and_rate(recorded.curve(), to).1;
                let is_small = assets.abs() < signed(1_000_000_000);
                assert!(is_small || !near(without, real_rate, 1_000), "{name}: {without}");
            }
        }
    }
}

#[test]
fn a_venue_at_which_nothing_differs_is_the_recorded_one_to_the_last_digit() {
    let market = Market::new(&mut Draw::new(1), 0, BEGAN_AT);
    let same = Drift::NONE.grown(market.curve(), BEGAN_AT, BEGAN_AT + HOUR);
    assert_eq!(same, Drift::NONE);
    assert_eq!(&same.replaced(market.curve(), BEGAN_AT + HOUR), market.curve());
    // What went in and came out again leaves what it changed in between, and nothing else.
    let lent = Drift { cash: signed(1_000_000_000_000), ..Drift::NONE };
    let grown = lent.grown(market.curve(), BEGAN_AT, BEGAN_AT + HOUR);
    assert!(grown.price < PRICE_ONE, "more cash, a lower rate: {grown:?}");
    assert!(grown.debt < PRICE_ONE);
    assert_eq!(lent.grown(market.curve(), BEGAN_AT, BEGAN_AT), lent);
}

/// A strategy over the odd ones of generated markets, with a part of each in it.
fn several(markets: &[Market], part: u64) -> MorphoBlueMarketsCurve {
    let holding = |(place, market): (u8, &Market)| {
        let Curve::MorphoBlue(curve) = market.curve() else { panic!("{market:?}") };
        MorphoBlueHolding {
            market_id: alloy_primitives::B256::with_last_byte(place),
            cap: curve.total_supply_assets / U256::from(10),
            supply_shares: curve.total_supply_shares / U256::from(part),
            curve: curve.clone(),
        }
    };
    MorphoBlueMarketsCurve { markets: (0..).zip(markets).map(holding).collect() }
}

#[test]
fn several_markets_hold_what_the_own_position_is_more_by_the_strategys_order() {
    let place = |place: usize| Market::new(&mut Draw::new(7 + place as u64), 1, BEGAN_AT);
    let curve = several(&[place(0), place(1), place(2)], 20);
    let seen = Spread::at(&curve, BEGAN_AT + HOUR).unwrap();
    let rooms: Vec<u128> = seen.slots().iter().map(|slot| slot.room).collect();
    let total = seen.total();
    for more in [rooms[0] / 2, rooms[0] + rooms[1] / 2] {
        let cash = I256::try_from(more).unwrap();
        for (cash, is_more) in [(cash, true), (-cash, false)] {
            let drift = Drift { cash, ..Drift::NONE };
            let own = drift.replaced(&Curve::MorphoBlueMarkets(curve.clone()), BEGAN_AT + HOUR);
            let Curve::MorphoBlueMarkets(own) = own else { panic!("{own:?}") };
            let own = Spread::at(&own, BEGAN_AT + HOUR).unwrap();
            let expected = if is_more { total + more } else { total - more };
            assert!(own.total().abs_diff(expected) < 10, "{} of {expected}", own.total());
            let change = U256::from(more);
            let change = if is_more { Change::Deposit(change) } else { Change::Withdrawal(change) };
            let by_order = seen.after(change).unwrap();
            for (slot, held) in own.slots().iter().zip(by_order) {
                assert!(slot.held.abs_diff(held) < 4, "{} of {held}", slot.held);
            }
        }
    }
    // More in the markets, a lower rate, a lower growth of the price.
    let more = Drift { cash: I256::try_from(total).unwrap(), ..Drift::NONE };
    let grown = more.grown(&Curve::MorphoBlueMarkets(curve), BEGAN_AT, BEGAN_AT + 24 * HOUR);
    assert!(grown.price < PRICE_ONE, "{grown:?}");
}
