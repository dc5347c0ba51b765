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
