//! Integer arithmetic of the rules: products over 512 bits, results that stop at 2^256 − 1 instead of wrapping.
//!
//! The guard saturates in the same places: strategies report the numbers that rules look at, and a hostile one must
//! not be able to turn a rule into an arithmetic failure.

use alloy_primitives::{U256, U512};

/// 10^18, the unit of bucket levels and growth rates.
pub const WAD: U256 = U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);
/// 2^128, the unit of prices.
pub const PRICE_ONE: U256 = U256::from_limbs([0, 0, 1, 0]);
/// 10,000 basis points.
pub const BPS_U256: U256 = U256::from_limbs([10_000, 0, 0, 0]);

/// ⌊x × y ÷ denominator⌋, at most 2^256 − 1; 2^256 − 1 if the denominator is zero.
#[must_use]
pub fn mul_div_down(x: U256, y: U256, denominator: U256) -> U256 {
    divided(x, y, denominator).0
}

/// ⌈x × y ÷ denominator⌉, at most 2^256 − 1; 2^256 − 1 if the denominator is zero.
#[must_use]
pub fn mul_div_up(x: U256, y: U256, denominator: U256) -> U256 {
    let (quotient, has_remainder) = divided(x, y, denominator);
    if has_remainder { quotient.saturating_add(U256::ONE) } else { quotient }
}

/// ⌊amount × bps ÷ 10,000⌋.
#[must_use]
pub fn bps_down(amount: U256, bps: u16) -> U256 {
    mul_div_down(amount, U256::from(bps), BPS_U256)
}

/// ⌈amount × bps ÷ 10,000⌉.
#[must_use]
pub fn bps_up(amount: U256, bps: u16) -> U256 {
    mul_div_up(amount, U256::from(bps), BPS_U256)
}

fn divided(x: U256, y: U256, denominator: U256) -> (U256, bool) {
    if denominator.is_zero() {
        return (U256::MAX, false);
    }
    if x.bit_len() + y.bit_len() <= 256 {
        // Below 2^256 by the lengths of the factors.
        let (quotient, remainder) = x.wrapping_mul(y).div_rem(denominator);
        return (quotient, !remainder.is_zero());
    }
    // Below 2^512 by the lengths of the factors.
    let product = U512::from(x).wrapping_mul(U512::from(y));
    let (quotient, remainder) = product.div_rem(U512::from(denominator));
    if quotient.bit_len() > 256 {
        return (U256::MAX, false);
    }
    let limbs = quotient.as_limbs();
    (U256::from_limbs([limbs[0], limbs[1], limbs[2], limbs[3]]), !remainder.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number() -> impl Strategy<Value = U256> {
        (any::<[u64; 4]>(), 0_usize..256).prop_map(|(limbs, bits)| U256::from_limbs(limbs) >> bits)
    }

    proptest! {
        #[test]
        fn quotient_and_remainder_make_the_product(x in number(), y in number(), d in number()) {
            prop_assume!(!d.is_zero());
            let product = U512::from(x) * U512::from(y);
            let down = mul_div_down(x, y, d);
            let up = mul_div_up(x, y, d);
            if down == U256::MAX {
                prop_assert!(product >= U512::from(U256::MAX) * U512::from(d));
                prop_assert_eq!(up, U256::MAX);
            } else {
                let rest = product - U512::from(down) * U512::from(d);
                prop_assert!(rest < U512::from(d));
                prop_assert_eq!(up - down, U256::from(u8::from(!rest.is_zero())));
            }
        }
    }

    #[test]
    fn bps_of_amounts_round_as_named() {
        assert_eq!(bps_down(U256::from(9_999), 5_000), U256::from(4_999));
        assert_eq!(bps_up(U256::from(9_999), 5_000), U256::from(5_000));
        assert_eq!(bps_down(U256::MAX, 10_000), U256::MAX);
        assert_eq!(mul_div_down(U256::MAX, U256::MAX, U256::ONE), U256::MAX);
        assert_eq!(mul_div_up(U256::ONE, U256::ONE, U256::ZERO), U256::MAX);
    }
}
