//! Signed products of shares and prices, rounded down, with what was cut off.

use alloy_primitives::{I256, U256};
use serde::{Deserialize, Serialize};
use vagus_policy::decimal;

/// Price of a strategy's shares, exact: `assets` for `shares`, both in their smallest units. A strategy that could not be
/// read counts as nothing: 0 for 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Assets ...
    #[serde(with = "decimal")]
    pub assets: U256,
    /// ... for so many shares; above zero.
    #[serde(with = "decimal")]
    pub shares: U256,
}

/// A fraction with a denominator above zero, as whole part (rounded down) and remainder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    /// Rounded down, towards minus infinity.
    pub(crate) whole: I256,
    /// What was cut off, from 0 up to below the price's shares.
    pub(crate) rest: I256,
}

impl Price {
    /// Nothing for a share.
    pub const NOTHING: Self = Self { assets: U256::ZERO, shares: U256::ONE };

    /// What so many shares are worth; none if the price has no shares under it or the product is out of range.
    pub(crate) fn value(self, shares: I256) -> Option<Cut> {
        let assets = I256::try_from(self.assets).ok()?;
        let under = I256::try_from(self.shares).ok().filter(|under| under.is_positive())?;
        let product = shares.checked_mul(assets)?;
        // Neither can overflow: the divisor is positive.
        let (whole, rest) = (product.div_euclid(under), product.rem_euclid(under));
        Some(Cut { whole, rest })
    }

    /// What so many shares are worth, if that is a whole amount.
    pub(crate) fn whole_value(self, shares: I256) -> Option<I256> {
        self.value(shares).filter(|cut| cut.rest.is_zero()).map(|cut| cut.whole)
    }

    /// How many shares an amount buys, rounded down; none if they cost nothing or the product is out of range.
    pub(crate) fn shares_for(self, assets: I256) -> Option<I256> {
        Self { assets: self.shares, shares: self.assets }.value(assets).map(|cut| cut.whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(assets: u64, shares: u64) -> Price {
        Price { assets: U256::from(assets), shares: U256::from(shares) }
    }

    fn signed(value: i64) -> I256 {
        I256::try_from(value).unwrap()
    }

    #[test]
    fn values_are_rounded_down_on_both_sides_of_zero() {
        assert_eq!(price(10, 3).value(signed(1)), Some(Cut { whole: signed(3), rest: signed(1) }));
        assert_eq!(
            price(10, 3).value(signed(-1)),
            Some(Cut { whole: signed(-4), rest: signed(2) })
        );
        assert_eq!(price(10, 3).whole_value(signed(-3)), Some(signed(-10)));
        assert_eq!(price(10, 3).whole_value(signed(1)), None);
        assert_eq!(price(10, 3).shares_for(signed(10)), Some(signed(3)));
    }

    #[test]
    fn a_price_without_shares_and_a_product_too_large_are_none() {
        assert_eq!(price(10, 0).value(signed(1)), None);
        assert_eq!(price(0, 1).shares_for(signed(1)), None);
        let huge = Price { assets: U256::MAX >> 1, shares: U256::ONE };
        assert_eq!(huge.value(signed(2)), None);
        assert_eq!(huge.value(signed(1)).map(|cut| cut.whole), Some(I256::MAX));
    }
}
