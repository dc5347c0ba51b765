//! Checked integer arithmetic in the fixed-point scales of the venues.
//!
//! Every operation that could overflow or divide by zero is an error, never a panic and never a wrapped number: the
//! inputs are what an endpoint said, and an endpoint may say anything.

use alloy_primitives::{I256, U256};

/// A curve's raw inputs make no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CurveError {
    /// A result does not fit its type; the venue itself would revert.
    #[error("a number of the curve does not fit its type")]
    Overflow,
    /// A divisor is zero.
    #[error("the curve divides by zero")]
    DivisionByZero,
    /// A difference that cannot be negative is: more is taken than there is, or time runs backwards.
    #[error("the curve's inputs contradict each other")]
    Inconsistent,
}

/// Result of arithmetic on a curve.
pub type CurveResult<T> = Result<T, CurveError>;

/// 100 % in Aave's scale, 10^27.
pub const RAY: U256 = U256::from_limbs([11515845246265065472, 54210108, 0, 0]);
/// 100 % in Morpho's scale, 10^18.
pub const WAD: U256 = U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);
/// Seconds in a year, as both venues count it.
pub const YEAR_SECONDS: u64 = 31_536_000;
/// 100 % in basis points.
pub const BPS: u64 = 10_000;

pub(crate) fn u256(value: u64) -> U256 {
    U256::from_limbs([value, 0, 0, 0])
}

pub(crate) fn amount(value: u128) -> U256 {
    U256::from_limbs([value as u64, (value >> 64) as u64, 0, 0])
}

pub(crate) fn add(a: U256, b: U256) -> CurveResult<U256> {
    a.checked_add(b).ok_or(CurveError::Overflow)
}

pub(crate) fn sub(a: U256, b: U256) -> CurveResult<U256> {
    a.checked_sub(b).ok_or(CurveError::Inconsistent)
}

pub(crate) fn mul(a: U256, b: U256) -> CurveResult<U256> {
    a.checked_mul(b).ok_or(CurveError::Overflow)
}

pub(crate) fn div_down(a: U256, b: U256) -> CurveResult<U256> {
    a.checked_div(b).ok_or(CurveError::DivisionByZero)
}

pub(crate) fn mul_div_down(a: U256, b: U256, c: U256) -> CurveResult<U256> {
    div_down(mul(a, b)?, c)
}

pub(crate) fn mul_div_up(a: U256, b: U256, c: U256) -> CurveResult<U256> {
    let product = mul(a, b)?;
    let quotient = div_down(product, c)?;
    // The divisor is not zero here: the line above would have failed.
    if (product % c).is_zero() { Ok(quotient) } else { add(quotient, U256::ONE) }
}

/// a × b ÷ 10^27, rounded half up: Aave's `rayMul`.
pub(crate) fn ray_mul(a: U256, b: U256) -> CurveResult<U256> {
    div_down(add(mul(a, b)?, RAY >> 1)?, RAY)
}

/// a × b ÷ 10^27, rounded up: Aave's `rayMulCeil`.
pub(crate) fn ray_mul_up(a: U256, b: U256) -> CurveResult<U256> {
    mul_div_up(a, b, RAY)
}

/// a × 10^27 ÷ b, rounded half up: Aave's `rayDiv`.
pub(crate) fn ray_div(a: U256, b: U256) -> CurveResult<U256> {
    div_down(add(mul(a, RAY)?, b >> 1)?, b)
}

/// a × p ÷ 10,000, rounded half up: Aave's `percentMul`.
pub(crate) fn percent_mul(a: U256, bps: U256) -> CurveResult<U256> {
    div_down(add(mul(a, bps)?, u256(BPS / 2))?, u256(BPS))
}

pub(crate) fn signed(value: U256) -> CurveResult<I256> {
    I256::try_from(value).map_err(|_| CurveError::Overflow)
}

pub(crate) fn sub_signed(a: I256, b: I256) -> CurveResult<I256> {
    a.checked_sub(b).ok_or(CurveError::Overflow)
}

pub(crate) fn mul_signed(a: I256, b: I256) -> CurveResult<I256> {
    a.checked_mul(b).ok_or(CurveError::Overflow)
}

/// a ÷ b, towards zero.
pub(crate) fn div_signed(a: I256, b: I256) -> CurveResult<I256> {
    if b.is_zero() {
        return Err(CurveError::DivisionByZero);
    }
    a.checked_div(b).ok_or(CurveError::Overflow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_what_they_say() {
        assert_eq!(RAY.to_string(), "1000000000000000000000000000");
        assert_eq!(WAD.to_string(), "1000000000000000000");
    }

    #[test]
    fn rounding_is_the_venues() {
        assert_eq!(ray_mul(RAY >> 1, U256::ONE), Ok(U256::ONE));
        assert_eq!(ray_mul((RAY >> 1) - U256::ONE, U256::ONE), Ok(U256::ZERO));
        assert_eq!(ray_mul_up(U256::ONE, U256::ONE), Ok(U256::ONE));
        assert_eq!(percent_mul(u256(1), u256(5_000)), Ok(U256::ONE));
        assert_eq!(percent_mul(u256(1), u256(4_999)), Ok(U256::ZERO));
        assert_eq!(ray_div(U256::ONE, U256::ZERO), Err(CurveError::DivisionByZero));
        assert_eq!(mul(U256::MAX, u256(2)), Err(CurveError::Overflow));
    }
}
