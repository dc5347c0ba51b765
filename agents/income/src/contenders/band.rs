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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contenders::market::Kinked;

    fn percent(n: u64) -> U256 {
        U256::from(n) * WAD / U256::from(100)
    }

    /// At 90 % borrowers pay 4 %.
    fn market(owed: u64) -> Market {
        let curve = Kinked {
            at_zero: percent(1),
            kink: percent(90),
            at_kink: percent(4),
            at_all: percent(16),
        };
        let (lent, position) = (U256::from(1_000_000), U256::from(100_000));
        Market { lent, owed: U256::from(owed), position, payable: position, room: U256::MAX, curve }
    }

    #[test]
    fn what_is_above_the_band_gets_and_what_is_below_gives() {
        let markets = [market(980_000), market(850_000), market(500_000)];
        let wishes = wishes(&markets);
        assert!(wishes.may_idle);
        // 7.70 % is paid at 93.08 % utilisation, and 2.96 % at 58.68 %.
        let [high, within, low] = wishes.markets[..] else { panic!("{wishes:?}") };
        assert_eq!(
            high.inward,
            U256::from(980_000) * WAD / markets[0].curve.utilisation(HIGHEST)
                - U256::from(1_000_000)
        );
        assert!(high.inward > U256::from(52_000) && high.inward < U256::from(54_000), "{high:?}");
        assert_eq!(within, Wish::default());
        assert_eq!(low.out, U256::from(100_000), "all that is the treasury's");
    }

    #[test]
    fn a_quarter_of_a_percent_off_is_not_worth_it() {
        // 93.08 % is the upper end, and 0.23 % more is paid at 93.26 %.
        assert!(wishes(&[market(932_500), market(850_000)]).markets.is_empty());
        assert!(!wishes(&[market(934_000), market(850_000)]).markets.is_empty());
    }
}
