//! Equal utilisation: what all markets owe divided by what all have lent is the target of each. Acts if one is off by more
//! than 2.5 %.

use alloy_primitives::U256;
use vagus_policy::math::mul_div_down;

use super::{
    market::{Market, WAD},
    pass::{Wish, Wishes},
};

/// Distance from the target that is worth a rebalance, by the public bot's default.
const LEAST_DISTANCE: U256 = U256::from_limbs([25_000_000_000_000_000, 0, 0, 0]);

pub(super) fn wishes(markets: &[Market]) -> Wishes {
    let owed: U256 = markets.iter().map(|market| market.owed).sum();
    let lent: U256 = markets.iter().map(|market| market.lent).sum();
    if lent.is_zero() {
        return Wishes::default();
    }
    let target = mul_div_down(owed, WAD, lent);
    let is_off = |market: &Market| market.utilisation().abs_diff(target) > LEAST_DISTANCE;
    if !markets.iter().any(is_off) {
        return Wishes::default();
    }
    let wish = |market: &Market| {
        if market.utilisation() > target {
            Wish { inward: market.deposit_to(target), ..Wish::default() }
        } else {
            Wish { out: market.withdrawal_to(target), ..Wish::default() }
        }
    };
    Wishes { markets: markets.iter().map(wish).collect(), may_idle: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contenders::market::Kinked;

    fn market(lent: u64, owed: u64) -> Market {
        let (lent, owed) = (U256::from(lent), U256::from(owed));
        let curve = Kinked { at_zero: WAD, kink: WAD, at_kink: WAD, at_all: WAD };
        Market { lent, owed, position: lent, payable: lent, room: U256::MAX, curve }
    }

    #[test]
    fn all_end_at_what_all_owe_of_what_all_have_lent() {
        let wishes = wishes(&[market(1_000, 900), market(1_000, 700), market(1_000, 800)]);
        let amounts: Vec<_> = wishes.markets.iter().map(|wish| (wish.inward, wish.out)).collect();
        let expected = [(125, 0), (0, 125), (0, 0)];
        assert_eq!(amounts, expected.map(|(inward, out)| (U256::from(inward), U256::from(out))));
    }

    #[test]
    fn two_and_a_half_percent_off_is_not_worth_it() {
        assert!(wishes(&[market(1_000, 825), market(1_000, 775)]).markets.is_empty());
        assert!(!wishes(&[market(1_000, 826), market(1_000, 774)]).markets.is_empty());
    }
}
