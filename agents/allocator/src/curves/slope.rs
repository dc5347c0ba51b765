//! The marginal income of a venue in native integers, for the inner loop of the search: of [`Shape`], or of a rate that is a
//! cubic in the usage between some places.
//!
//! Fractions and rates have 56 binary digits: 1.4 × 10^-17, far below what a unit of income can notice. What does not
//! fit (rates above 409,600 %, more debt than supply) is refused when the curve is made, not met in the loop. The
//! certificate does not use this module.

use alloy_primitives::U256;

use super::Shape;
use crate::math::{CurveError, CurveResult, RAY};

/// Binary digits of fractions and rates.
pub(crate) const DIGITS: u32 = 56;
const ONE: u128 = 1 << DIGITS;
/// Largest rate, slope or amount that the products of the loop hold.
const LARGEST_RATE: u128 = 1 << (DIGITS + 12);
const LARGEST_AMOUNT: u128 = 1 << 120;

/// A venue prepared for one position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slope {
    debt: u128,
    others: u128,
    deficit: u128,
    kept: u128,
    rise: Rise,
}

/// The borrow rate over the usage.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rise {
    Kinked {
        optimal: u128,
        base: u128,
        /// Borrow rate at the kink.
        at_kink: u128,
        /// Rise per 100 % of usage, below and above the kink.
        below: u128,
        above: u128,
    },
    /// From the lowest usage on.
    Arcs(Vec<Arc>),
}

/// A rate that is a cubic over some usages, in the part of its width.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arc {
    from: u128,
    width: u128,
    terms: [i128; 4],
}

impl Arc {
    /// Through four rates at even distances, the first one at `from` and the last one at the end of the width.
    pub(crate) fn through(from: u128, width: u128, rates: [u128; 4]) -> Self {
        // Rates are below 2^68: so are their differences but for a few digits.
        let [a, b, c, d] = rates.map(|rate| rate as i128);
        let (first, second, third) = (b - a, c - 2 * b + a, d - 3 * c + 3 * b - a);
        let terms =
            [a, 3 * first - 3 * second / 2 + third, 9 * (second - third) / 2, 9 * third / 2];
        Self { from, width, terms }
    }

    /// Rate and its rise per 100 % of usage.
    fn at(&self, usage: u128) -> (u128, u128) {
        let [a, b, c, d] = self.terms;
        let part = fraction(usage.saturating_sub(self.from), self.width) as i128;
        let times = |x: i128, y: i128| (x * y) >> DIGITS;
        let rate = a + times(b + times(c + times(d, part), part), part);
        let rise = b + times(2 * c + times(3 * d, part), part);
        // A rise is below 2^71.
        let slope = (rise.max(0).unsigned_abs() << 50).checked_div(self.width).unwrap_or(0);
        (rate.max(0).unsigned_abs(), (slope << (DIGITS - 50)).min(LARGEST_RATE - 1))
    }
}

impl Slope {
    /// Prepares a shape in which we hold `position`.
    pub(crate) fn of(shape: &Shape, position: u128) -> CurveResult<Self> {
        let optimal = binary(shape.optimal_usage_ray)?;
        let (slope1, slope2) = (binary(shape.slope1_ray)?, binary(shape.slope2_ray)?);
        let base = binary(shape.base_rate_ray)?;
        let per_usage = |rise: u128, span: u128| {
            // A piece without width is never stood on.
            let slope = (rise << DIGITS).checked_div(span).unwrap_or(0);
            if slope < LARGEST_RATE { Ok(slope) } else { Err(CurveError::Overflow) }
        };
        let rise = Rise::Kinked {
            optimal,
            base,
            at_kink: base + slope1,
            below: per_usage(slope1, optimal)?,
            above: per_usage(slope2, ONE.saturating_sub(optimal))?,
        };
        Self::with(rise, [shape.debt, shape.supplied, shape.deficit], shape.kept_ray, position)
    }

    /// Prepares a venue whose rate has arcs, from the lowest usage on, at least one; `amounts` are debt and supply.
    pub(crate) fn arched(
        arcs: Vec<Arc>,
        [debt, supplied]: [U256; 2],
        kept_ray: U256,
        position: u128,
    ) -> CurveResult<Self> {
        if arcs.is_empty() {
            return Err(CurveError::Inconsistent);
        }
        Self::with(Rise::Arcs(arcs), [debt, supplied, U256::ZERO], kept_ray, position)
    }

    fn with(rise: Rise, amounts: [U256; 3], kept_ray: U256, position: u128) -> CurveResult<Self> {
        let amount = |value: U256| {
            u128::try_from(value)
                .ok()
                .filter(|fits| *fits < LARGEST_AMOUNT)
                .ok_or(CurveError::Overflow)
        };
        let [debt, supplied, deficit] = amounts;
        let (debt, supplied) = (amount(debt)?, amount(supplied)?);
        if debt > supplied {
            return Err(CurveError::Inconsistent);
        }
        let others = supplied.checked_sub(position).ok_or(CurveError::Inconsistent)?;
        let kept = binary(kept_ray)?.min(ONE);
        Ok(Self { debt, others, deficit: amount(deficit)?, kept, rise })
    }

    /// Borrow rate at a usage, and its rise there per 100 % of usage.
    fn borrow_rate_and_slope(&self, usage: u128) -> (u128, u128) {
        match &self.rise {
            Rise::Kinked { optimal, base, at_kink, below, above } => {
                if usage > *optimal {
                    (at_kink + times(*above, usage - optimal), *above)
                } else {
                    (base + times(*below, usage), *below)
                }
            }
            Rise::Arcs(arcs) => {
                let place = arcs.partition_point(|arc| arc.from <= usage).saturating_sub(1);
                arcs.get(place).map_or((0, 0), |arc| arc.at(usage))
            }
        }
    }

    /// Yearly rate that all of `target` earns, 56 binary digits.
    pub(crate) fn rate(&self, target: u128) -> i128 {
        let supplied = self.others.saturating_add(target);
        let usage = fraction(self.debt, supplied);
        let supply_usage = fraction(self.debt, supplied.saturating_add(self.deficit));
        let (rate, _) = self.borrow_rate_and_slope(usage);
        // Below 2^69, as a borrow rate is at most two of 2^68.
        times(times(rate, supply_usage), self.kept) as i128
    }

    /// Yearly income of one more unit once we hold `target`, 56 binary digits.
    pub(crate) fn marginal(&self, target: u128) -> i128 {
        if self.debt == 0 {
            return 0;
        }
        let supplied = self.others.saturating_add(target);
        let shared = supplied.saturating_add(self.deficit);
        let usage = fraction(self.debt, supplied);
        let ours = fraction(target, supplied);
        let (supply_usage, ours_shared) = if self.deficit == 0 {
            (usage, ours)
        } else {
            (fraction(self.debt, shared), fraction(target, shared))
        };
        let (rate, slope) = self.borrow_rate_and_slope(usage);
        let earned = times(rate, ONE.saturating_sub(ours_shared));
        let pressed = times(times(slope, usage), ours);
        let kept = times(supply_usage, self.kept);
        // Below 2^70, since a rate is at most three of 2^68, and `kept` at most 2^56.
        let per_supply = earned as i128 - pressed as i128;
        (per_supply * kept as i128) >> DIGITS
    }
}

/// A ray number with 56 binary digits, rounded to the nearest; refused if it is no rate.
pub(crate) fn binary(value_ray: U256) -> CurveResult<u128> {
    let shifted = value_ray.checked_mul(U256::from(ONE)).ok_or(CurveError::Overflow)?;
    u128::try_from((shifted + (RAY >> 1)) / RAY)
        .ok()
        .filter(|fits| *fits < LARGEST_RATE)
        .ok_or(CurveError::Overflow)
}

/// a ÷ b with 56 binary digits, at most 1, rounded down; zero if b is zero.
pub(crate) fn fraction(a: u128, b: u128) -> u128 {
    // The 70 leading bits of the divisor are kept: their loss is below the last digit.
    let excess = 128_u32.saturating_sub(b.leading_zeros()).saturating_sub(70);
    let (a, b) = (a.min(b) >> excess, b >> excess);
    (a << DIGITS).checked_div(b).unwrap_or(0)
}

fn times(a: u128, b: u128) -> u128 {
    (a * b) >> DIGITS
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails here says so")]
mod tests {
    use alloy_primitives::I256;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn is_the_marginal_of_the_shape(
            debt in 1_u128..1 << 60, available in 0_u128..1 << 60, deficit in 0_u128..1 << 40,
            position in 0_u128..1 << 50, more in 0_u128..1 << 60, optimal in 1_000_u64..=9_900,
            rates in prop::array::uniform3(0_u64..20_000), kept in 0_u64..=10_000,
        ) {
            let bps = |value: u64| RAY * U256::from(value) / U256::from(10_000);
            let supplied = debt + available + position;
            let shape = Shape {
                debt: U256::from(debt), supplied: U256::from(supplied), deficit: U256::from(deficit),
                optimal_usage_ray: bps(optimal), base_rate_ray: bps(rates[0]),
                slope1_ray: bps(rates[1]), slope2_ray: bps(rates[2]), kept_ray: bps(kept),
                rate_noise_ray: U256::ZERO,
            };
            let target = position + more;
            let near = shape.kink_position_up(U256::from(position)).unwrap();
            // On the kink itself the two may stand on different sides by their rounding.
            prop_assume!(near.abs_diff(U256::from(target)) > U256::from(supplied >> 40));
            let exact = shape.marginal_ray(U256::from(position), U256::from(target)).unwrap();
            let quick = Slope::of(&shape, position).unwrap().marginal(target);
            let quick = I256::try_from(quick).unwrap() * I256::from_raw(RAY) / I256::from_raw(U256::from(ONE));
            // A few last digits, times the largest slope that occurs here.
            let tolerance = I256::try_from(100_000_000_000_000_i64).unwrap();
            prop_assert!((exact - quick).abs() < tolerance, "{exact} {quick}");
        }
    }
}
