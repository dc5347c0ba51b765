//! Price references and the bands around them. Arithmetic of `contracts/guard/PriceBands.sol`.
//!
//! A price is ⌊value × 2^128 ÷ shares⌋, both in smallest units.

use alloy_primitives::U256;

use crate::{
    document::BPS,
    math::{BPS_U256, PRICE_ONE, WAD, bps_down, mul_div_down, mul_div_up},
};

/// Seconds that must pass before a reference follows the price again.
pub const FOLLOW_SECONDS: u64 = 86_400;
/// Shares that tell a price without a position are worth 2 to this power smallest units.
const UNIT_VALUE_BITS: usize = 30;
/// Significant bits of a stored reference.
const STORED_BITS: usize = 44;

/// ⌊value × 2^128 ÷ shares⌋, at most 2^256 − 1; `shares` above zero.
#[must_use]
pub fn price_down(value: U256, shares: U256) -> U256 {
    mul_div_down(value, PRICE_ONE, shares)
}

/// The prices inside a band around a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Band {
    low: U256,
    high: U256,
}

impl Band {
    /// From ⌊P × (10,000 − b) ÷ 10,000⌋ to ⌈P × (10,000 + b) ÷ 10,000⌉, each end then drawn towards the reference by
    /// `headroom_bps` of its distance, rounded inwards.
    #[must_use]
    pub fn around(reference_price: U256, band_bps: u16, headroom_bps: u16) -> Self {
        let low = bps_down(reference_price, BPS.saturating_sub(band_bps));
        let high = mul_div_up(reference_price, BPS_U256 + U256::from(band_bps), BPS_U256);
        let headroom = U256::from(headroom_bps.min(BPS));
        let below = mul_div_up(reference_price.saturating_sub(low), headroom, BPS_U256);
        let above = mul_div_up(high.saturating_sub(reference_price), headroom, BPS_U256);
        Self { low: low.saturating_add(below), high: high.saturating_sub(above) }
    }

    /// Least value of `shares` inside the band, before the one unit of grace: ⌈shares × low ÷ 2^128⌉.
    #[must_use]
    pub fn lowest_value_up(&self, shares: U256) -> U256 {
        mul_div_up(shares, self.low, PRICE_ONE)
    }

    /// Greatest value of `shares` inside the band, with the one unit of grace: ⌊shares × high ÷ 2^128⌋ + 1.
    #[must_use]
    pub fn highest_value(&self, shares: U256) -> U256 {
        mul_div_down(shares, self.high, PRICE_ONE).saturating_add(U256::ONE)
    }
}

/// A price as the guard stores it: its 44 most significant bits, rounded down. Prices below 2^44 are exact.
#[must_use]
pub fn stored_price_down(price: U256) -> U256 {
    let cut = price.bit_len().saturating_sub(STORED_BITS);
    (price >> cut) << cut
}

/// Where a reference goes at Unix time `at`: towards the price, either way by at most what growth allows for the time that
/// has passed, ⌊P × max growth × elapsed ÷ (10^18 × 86,400)⌋, and by at most the band, ⌊P × band ÷ 10,000⌋. `None`, it
/// stays as it is with its time, if less than a day has passed or there are no shares.
///
/// A rounded value tells the price only to one unit: it lies from ⌊value × 2^128 ÷ shares⌋ to
/// ⌊(value + 1) × 2^128 ÷ shares⌋. A reference among these stays, with the new time; others go towards the nearer end.
#[must_use]
pub fn follow(
    reference_price: U256,
    reference_at: u64,
    at: u64,
    max_growth_wad: u64,
    band_bps: u16,
    value: U256,
    shares: U256,
) -> Option<U256> {
    let elapsed = at.saturating_sub(reference_at);
    if shares.is_zero() || elapsed < FOLLOW_SECONDS {
        return None;
    }
    let rate = U256::from(max_growth_wad).saturating_mul(U256::from(elapsed));
    let growth = mul_div_down(reference_price, rate, WAD * U256::from(FOLLOW_SECONDS));
    let step = growth.min(bps_down(reference_price, band_bps));
    let lowest = price_down(value, shares);
    let highest = price_down(value.saturating_add(U256::ONE), shares);
    let price = reference_price
        .clamp(lowest, highest)
        .min(reference_price.saturating_add(step))
        .max(reference_price.saturating_sub(step));
    Some(stored_price_down(price))
}

/// The shares whose value tells a strategy's price whatever the vault holds: ⌈2^30 × 2^128 ÷ P⌉, at least one.
#[must_use]
pub fn unit_shares_up(reference_price: U256) -> U256 {
    (PRICE_ONE << UNIT_VALUE_BITS).div_ceil(reference_price.max(U256::ONE))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = FOLLOW_SECONDS;
    /// Wider than any step that growth allows here.
    const WIDE: u16 = 9_999;

    #[test]
    fn reference_follows_after_a_day_and_not_a_second_before() {
        let growth = 10_000_000_000_000_000; // 1 % a day
        let price = PRICE_ONE;
        let (value, shares) = (U256::from(1_005), U256::from(1_000));
        assert_eq!(follow(price, 100, 100 + DAY - 1, growth, WIDE, value, shares), None);
        assert_eq!(
            follow(price, 100, 100 + DAY, growth, WIDE, value, shares),
            Some(stored_price_down(price_down(value, shares)))
        );
        assert_eq!(follow(price, 100, 100 + DAY, growth, WIDE, value, U256::ZERO), None);
    }

    #[test]
    fn reference_inside_what_a_rounded_value_tells_stays_and_others_go_to_the_nearer_end() {
        let growth = 1_000_000_000_000_000_000; // 100 % a day
        let shares = U256::from(3);
        let goes = |from: U256| follow(from, 0, DAY, growth, WIDE, U256::from(4), shares);
        let (lowest, highest) =
            (price_down(U256::from(4), shares), price_down(U256::from(5), shares));
        for inside in [lowest, lowest + U256::ONE, highest - U256::ONE, highest] {
            assert_eq!(goes(inside), Some(stored_price_down(inside)));
        }
        assert_eq!(goes(lowest - U256::ONE), Some(stored_price_down(lowest)));
        assert_eq!(goes(highest + U256::ONE), Some(stored_price_down(highest)));
        assert_eq!(goes(U256::from(2) * PRICE_ONE), Some(stored_price_down(highest)));
    }

    #[test]
    fn stored_references_keep_44_bits() {
        let exact = (U256::ONE << 44) - U256::ONE;
        assert_eq!(stored_price_down(exact), exact);
        assert_eq!(stored_price_down(U256::ZERO), U256::ZERO);
        assert_eq!(stored_price_down(exact + U256::from(2)), exact + U256::ONE);
        assert_eq!(stored_price_down(U256::MAX), U256::MAX - ((U256::ONE << 212) - U256::ONE));
        // A price of 2^220 and a bit.
        let followed =
            follow(U256::ONE << 220, 0, DAY, 1 << 50, WIDE, U256::MAX >> 100, U256::from(3));
        assert!(followed.is_some_and(|price| price == stored_price_down(price)));
    }

    #[test]
    fn reference_moves_by_at_most_the_growth_of_the_elapsed_time() {
        let growth = 10_000_000_000_000_000;
        let price = PRICE_ONE;
        let step = price / U256::from(100);
        let shares = U256::from(1_000);
        let up = follow(price, 0, DAY, growth, WIDE, U256::from(2_000), shares);
        let down = follow(price, 0, 3 * DAY, growth, WIDE, U256::from(1), shares);
        assert_eq!(up, Some(stored_price_down(price + step)));
        assert_eq!(down, Some(stored_price_down(price - price * U256::from(3) / U256::from(100))));
    }

    #[test]
    fn reference_moves_by_at_most_the_band_however_long_it_stood() {
        let growth = 10_000_000_000_000_000; // 1 % a day, so a band of 2.5 % after two days and a half
        let (shares, band) = (U256::from(1_000_000), PRICE_ONE / U256::from(40));
        let goes = |elapsed, value: u64| {
            follow(PRICE_ONE, 0, elapsed, growth, 250, U256::from(value), shares)
        };
        let up = |step| Some(stored_price_down(PRICE_ONE + step));
        let whole = 5 * DAY / 2;
        let before = PRICE_ONE * U256::from(whole - 1) / U256::from(100 * DAY);
        assert!(before < band);
        assert_eq!(goes(whole - 1, 2_000_000), up(before));
        for elapsed in [whole, whole + 1, 3_650 * DAY] {
            assert_eq!(goes(elapsed, 2_000_000), up(band));
            assert_eq!(goes(elapsed, 0), Some(stored_price_down(PRICE_ONE - band)));
        }
        // At the edge of the band it is reached.
        assert_eq!(goes(whole, 1_025_000), up(band));
        assert_eq!(
            follow(U256::ONE, 0, 300 * DAY, growth, WIDE, U256::ZERO, shares),
            Some(U256::ONE)
        );
    }

    #[test]
    fn unit_shares_are_worth_2_to_the_30th_or_one_share() {
        let unit = U256::ONE << 30;
        assert_eq!(unit_shares_up(PRICE_ONE), unit);
        assert_eq!(unit_shares_up(PRICE_ONE / U256::from(2)), unit << 1);
        assert_eq!(unit_shares_up(PRICE_ONE + U256::ONE), unit);
        assert_eq!(unit_shares_up(PRICE_ONE - U256::ONE), unit + U256::ONE);
        assert_eq!(unit_shares_up(U256::MAX), U256::ONE);
        assert_eq!(unit_shares_up(U256::ONE), U256::ONE << 158);
        assert_eq!(unit_shares_up(U256::ZERO), U256::ONE << 158);
    }

    #[test]
    fn ends_of_a_band_lie_where_the_percentage_says() {
        let shares = U256::from(1_000_000);
        let band = Band::around(PRICE_ONE, 100, 0);
        assert_eq!(band.lowest_value_up(shares), U256::from(990_000));
        assert_eq!(band.highest_value(shares), U256::from(1_010_001));
        let tight = Band::around(PRICE_ONE, 100, 1_000);
        assert_eq!(tight.lowest_value_up(shares), U256::from(991_001));
        assert_eq!(tight.highest_value(shares), U256::from(1_009_000));
    }

    #[test]
    fn largest_numbers_saturate() {
        let band = Band::around(U256::MAX, 9_999, 0);
        assert_eq!(band.highest_value(U256::MAX), U256::MAX);
        assert_eq!(price_down(U256::MAX, U256::ONE), U256::MAX);
    }
}
