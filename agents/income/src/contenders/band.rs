//! The borrow rate of each market in a band: above it assets go in, below it they come out, into idle if nowhere else.

use alloy_primitives::U256;
use vagus_policy::math::mul_div_down;

use super::{
    market::{Market, WAD},
    pass::{Wish, Wishes},
};

/// The public bot's default band, 3 % to 8 % with interest on interest, as yearly rates without: ln 1.03 and ln 1.08.
const LOWEST: U256 = U256::from_limbs([29_558_802_241_544_403, 0, 0, 0]);
const HIGHEST: U256 = U256::from_limbs([76_961_041_136_128_325, 0, 0, 0]);
/// Distance from the band, with interest on interest, that is worth a rebalance, by its default: 0.25 %.
const LEAST_DISTANCE: U256 = U256::from_limbs([2_500_000_000_000_000, 0, 0, 0]);

/// A yearly rate with interest on interest: three terms of its series, as the bot takes it.
fn compounded(rate: U256) -> U256 {
    let second = mul_div_down(rate, rate, U256::from(2) * WAD);
    rate + second + mul_div_down(second, rate, U256::from(3) * WAD)
}

pub(super) fn wishes(markets: &[Market]) -> Wishes {
    let mut is_worth_it = false;
    let mut wish = |market: &Market| {
        let (utilisation, curve) = (market.utilisation(), market.curve);
        let (low, high) = (curve.utilisation(LOWEST), curve.utilisation(HIGHEST));
        let mut to = |bound: U256| {
            let (now, then) = (curve.rate(utilisation), curve.rate(bound));
            is_worth_it |= compounded(now).abs_diff(compounded(then)) > LEAST_DISTANCE;
        };
        if utilisation > high {
            to(high);
            Wish { inward: market.deposit_to(high), ..Wish::default() }
        } else if utilisation < low {
            to(low);
            Wish { out: market.withdrawal_to(low), ..Wish::default() }
        } else {
            Wish::default()
        }
    };
    let wishes: Vec<Wish> = markets.iter().map(&mut wish).collect();
    if is_worth_it { Wishes { markets: wishes, may_idle: true } } else { Wishes::default() }
}
