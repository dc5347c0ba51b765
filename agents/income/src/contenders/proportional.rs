//! In proportion to what others have lent to each market. Acts if a position is off by more than 5 % of the treasury.

use alloy_primitives::U256;
use vagus_policy::math::mul_div_down;

use super::{
    market::Market,
    pass::{Wish, Wishes},
};

/// Part of the treasury that a position may be off by.
const LEAST_PART: U256 = U256::from_limbs([20, 0, 0, 0]);

pub(super) fn wishes(markets: &[Market], idle: U256) -> Wishes {
    let treasury = markets.iter().fold(idle, |sum, market| sum + market.position);
    let lent_by_others = |market: &Market| market.lent.saturating_sub(market.position);
    let all: U256 = markets.iter().map(lent_by_others).sum();
    if all.is_zero() {
        return Wishes::default();
    }
    let target = |market: &Market| mul_div_down(treasury, lent_by_others(market), all);
    let is_off = |market: &Market| market.position.abs_diff(target(market)) > treasury / LEAST_PART;
    if !markets.iter().any(is_off) {
        return Wishes::default();
    }
    let wish = |market: &Market| Wish {
        out: market.position.saturating_sub(target(market)).min(market.payable),
        inward: target(market).saturating_sub(market.position).min(market.room),
    };
    Wishes { markets: markets.iter().map(wish).collect(), may_idle: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contenders::market::{Kinked, WAD};

    fn market(others: u64, position: u64) -> Market {
        let (others, position) = (U256::from(others), U256::from(position));
        let curve = Kinked { at_zero: WAD, kink: WAD, at_kink: WAD, at_all: WAD };
        let lent = others + position;
        Market { lent, owed: U256::ZERO, position, payable: position, room: U256::MAX, curve }
    }

    #[test]
    fn positions_follow_what_others_lend_once_a_twentieth_is_wrong() {
        // Right are 750 and 250.
        assert!(wishes(&[market(3_000, 700), market(1_000, 300)], U256::ZERO).markets.is_empty());
        let off = wishes(&[market(3_000, 699), market(1_000, 301)], U256::ZERO);
        assert_eq!((off.markets[0].inward, off.markets[1].out), (U256::from(51), U256::from(51)));
    }
}
