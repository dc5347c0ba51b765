//! A venue's supply rate without its rounding: two straight pieces over the usage of borrows, meeting at the kink.
//!
//! With T the debt, c the supply of all others, p our position, D the deficit, our yearly income on one piece is
//! p × r × T ÷ (c + p + D) with the borrow rate r = a + s × T ÷ (c + p). Its derivative has the sign of
//! h(p) = a × (c + D) + s × T × (c × (c + D) − p²) ÷ (c + p)², and h falls in p wherever c ≥ 0. So on each piece income
//! first rises, then falls, and is concave as long as it rises, whatever our share of the venue. At the kink the
//! derivative jumps up as p grows: the two pieces have to be looked at one by one.

use alloy_primitives::{I256, U256};

use crate::math::{
    CurveError, CurveResult, RAY, add, div_signed, mul_div_down, mul_div_up, mul_signed, signed,
    sub, sub_signed,
};

/// The parameters of a curve at one moment. Rates are yearly, ray; amounts in the asset's smallest unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Borrowed, with interest.
    pub debt: U256,
    /// Borrowed and available: what the usage is measured against, our position included.
    pub supplied: U256,
    /// Added to the supply when income is shared out, but not when the usage is measured.
    pub deficit: U256,
    /// Usage at the kink.
    pub optimal_usage_ray: U256,
    /// Borrow rate at zero usage.
    pub base_rate_ray: U256,
    /// Rise of the borrow rate up to the kink.
    pub slope1_ray: U256,
    /// Rise of the borrow rate from the kink to full usage.
    pub slope2_ray: U256,
    /// Part of what borrowers pay that reaches suppliers.
    pub kept_ray: U256,
    /// Bound on how far the venue's rounded rate and this one lie apart, ray.
    pub rate_noise_ray: U256,
}

/// Smallest position at which the usage is at most the given one: ⌈debt ÷ usage⌉ less the supply of all others.
pub(crate) fn position_at_up(debt: U256, others: U256, usage_ray: U256) -> CurveResult<U256> {
    Ok(mul_div_up(debt, RAY, usage_ray)?.saturating_sub(others))
}

impl Shape {
    /// Smallest position at which the venue stands at or below its kink, if everyone else stays and we hold `position`
    /// now.
    ///
    /// # Errors
    /// If the position is more than the supply, or a number overflows.
    pub fn kink_position_up(&self, position: U256) -> CurveResult<U256> {
        position_at_up(self.debt, sub(self.supplied, position)?, self.optimal_usage_ray)
    }

    /// Yearly income of one more unit if our position goes from `position` to `target`, ray; negative where one more
    /// unit presses the rate down by more than it earns. At the kink: of the piece below it.
    ///
    /// # Errors
    /// If the position is more than the supply, or a number overflows.
    pub fn marginal_ray(&self, position: U256, target: U256) -> CurveResult<I256> {
        if self.debt.is_zero() {
            return Ok(I256::ZERO);
        }
        let supplied = add(sub(self.supplied, position)?, target)?;
        let shared = add(supplied, self.deficit)?;
        let usage = mul_div_down(self.debt, RAY, supplied)?;
        let supply_usage = mul_div_down(self.debt, RAY, shared)?;
        let (rate, slope) = self.borrow_rate_and_slope(usage)?;
        let ours = mul_div_down(target, RAY, supplied)?;
        let ours_shared = mul_div_down(target, RAY, shared)?;
        // d/dp of p × r × T ÷ shared = T ÷ shared × (r × (1 − p ÷ shared) − p ÷ supplied × slope × usage).
        let earned = mul_div_down(rate, RAY.saturating_sub(ours_shared), RAY)?;
        let pressed = mul_div_down(mul_div_down(slope, usage, RAY)?, ours, RAY)?;
        let per_supply = sub_signed(signed(earned)?, signed(pressed)?)?;
        let kept = mul_div_down(supply_usage, self.kept_ray, RAY)?;
        div_signed(mul_signed(per_supply, signed(kept)?)?, I256::from_raw(RAY))
    }

    /// Borrow rate at a usage, and its slope there (per 100 % of usage).
    fn borrow_rate_and_slope(&self, usage_ray: U256) -> CurveResult<(U256, U256)> {
        if usage_ray > self.optimal_usage_ray {
            let left = sub(RAY, self.optimal_usage_ray)?;
            let excess = sub(usage_ray, self.optimal_usage_ray)?;
            let rising = mul_div_down(self.slope2_ray, excess, left)?;
            let rate = add(add(self.base_rate_ray, self.slope1_ray)?, rising)?;
            return Ok((rate, mul_div_down(self.slope2_ray, RAY, left)?));
        }
        if self.optimal_usage_ray.is_zero() {
            return Err(CurveError::DivisionByZero);
        }
        let rising = mul_div_down(self.slope1_ray, usage_ray, self.optimal_usage_ray)?;
        let slope = mul_div_down(self.slope1_ray, RAY, self.optimal_usage_ray)?;
        Ok((add(self.base_rate_ray, rising)?, slope))
    }
}
