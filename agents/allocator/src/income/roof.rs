//! A curve that lies on or above our own income between two positions and is concave where it rises, for the certificate.
//!
//! At a venue with a kink this is income itself on one side of it (`curves::shape`). Of an adaptive curve it is the income
//! that a straight line over the usage would give, drawn through the venue's own rates at the two ends: between them, in one
//! phase of the model, the rate is convex in the usage and so lies below the line. A line has the form of a shape without a
//! kink, and with it the shape's proof, whatever its rate at zero usage. Where the phase is not the same at both ends the line
//! is level, at the rate of the lower position, since the rate never rises with what we hold. Over a strategy of several
//! markets lies a straight line (`markets`).

use alloy_primitives::{I256, U256};

use super::{
    Base, Earning,
    market::{Market, Span, UNIT_RAY, Venue},
};
use crate::{
    curves::{MorphoBlueMarket, Shape},
    math::{
        CurveError, CurveResult, RAY, add, amount, div_signed, mul, mul_div_down, mul_signed,
        signed, sub, sub_signed, u256,
    },
};
use vagus_policy::math::{mul_div_down as mul_div_down_wide, mul_div_up};

/// A curve on or above our own income, rewards left out, up to a few times [`Earning::noise_ray`].
#[derive(Clone, Debug)]
pub(crate) enum Roof<'a> {
    /// Income itself, on one side of the kink.
    Shape(&'a Market, &'a Shape),
    /// What a straight line of borrow rates gives.
    Line(Line),
    /// A straight line of incomes.
    Straight(Straight),
    /// A rate that does not depend on what we hold.
    Flat(U256),
}

/// Yearly income at two positions, in 10^-27 of the asset's smallest unit, and a straight line in between.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Straight {
    pub(super) from: (u128, U256),
    pub(super) to: (u128, U256),
}

/// A borrow rate that is a straight line over the usage. Rates are yearly, ray.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    debt: U256,
    others: U256,
    kept_ray: U256,
    /// The lower end: usage, and the rate there.
    low: (U256, U256),
    /// Rise of the rate per 100 % of usage.
    slope_ray: U256,
}

impl Earning {
    /// The roof over the positions between two, which lie on one side of the kink.
    ///
    /// # Errors
    /// As [`Earning::rate_ray`].
    pub(crate) fn roof(&self, from: u128, to: u128) -> CurveResult<Roof<'_>> {
        match &self.base {
            Base::Flat(rate, _) => Ok(Roof::Flat(*rate)),
            Base::Market(market) => market.roof(from, to),
            Base::Markets(markets) => markets.straight(from, to).map(Roof::Straight),
        }
    }
}

impl Market {
    /// See [`Earning::roof`].
    pub(super) fn roof(&self, from: u128, to: u128) -> CurveResult<Roof<'_>> {
        match &self.venue {
            Venue::AaveV3(_, shape) | Venue::MorphoBlue(_, Span::Moment(shape)) => {
                Ok(Roof::Shape(self, shape))
            }
            Venue::MorphoBlue(market, Span::Seconds(seconds)) => {
                self.line(market, *seconds, from, to).map(Roof::Line)
            }
        }
    }

    fn line(
        &self,
        market: &MorphoBlueMarket,
        seconds: u64,
        from: u128,
        to: u128,
    ) -> CurveResult<Line> {
        let others = sub(market.total_supply_assets, amount(self.position))?;
        let debt = market.total_borrow_assets;
        let end = |held: u128| -> CurveResult<_> {
            // Below what the venue can pay out there is only leaving, which earns nothing.
            let supplied = add(others, amount(held))?.max(debt);
            let mean = market.mean_with(supplied, seconds)?;
            let rate = mul(u256(mean.borrow_wad), u256(UNIT_RAY))?;
            Ok((usage_ray(debt, supplied)?, rate, mean.phase))
        };
        let (low_usage, low_rate, low_phase) = end(to)?;
        let (high_usage, high_rate, high_phase) =
            if from == to { (low_usage, low_rate, low_phase) } else { end(from)? };
        let span = sub(high_usage, low_usage)?;
        let (rate, slope_ray) = if high_phase == low_phase && !span.is_zero() {
            (low_rate, mul_div_down(sub(high_rate, low_rate)?, RAY, span)?)
        } else {
            (high_rate, U256::ZERO)
        };
        Ok(Line { debt, others, kept_ray: market.kept_ray()?, low: (low_usage, rate), slope_ray })
    }
}

impl Roof<'_> {
    /// Yearly income at a position, in 10^-27 of the asset's smallest unit.
    ///
    /// # Errors
    /// As [`Earning::rate_ray`].
    pub(crate) fn income_ray(&self, held: u128) -> CurveResult<U256> {
        let rate = match self {
            Self::Shape(market, _) => market.rate_ray(held)?,
            Self::Line(line) => line.rate_ray(held)?,
            Self::Straight(straight) => return Ok(straight.income_ray_up(held)),
            Self::Flat(rate) => *rate,
        };
        mul(rate, amount(held))
    }

    /// Yearly income of one more unit, ray; negative where one more unit presses the rate down by more than it earns.
    ///
    /// # Errors
    /// If a number overflows.
    pub(crate) fn marginal_ray(&self, held: u128) -> CurveResult<I256> {
        match self {
            Self::Shape(market, shape) => shape.marginal_ray(amount(market.position), amount(held)),
            Self::Line(line) => line.marginal_ray(held),
            Self::Straight(straight) => straight.marginal_ray(),
            Self::Flat(rate) => signed(*rate),
        }
    }
}

impl Straight {
    /// Income at a position between the two, rounded up.
    fn income_ray_up(&self, held: u128) -> U256 {
        let ((from, low), (to, high)) = (self.from, self.to);
        let span = amount(to.saturating_sub(from));
        let part = amount(held.clamp(from, to) - from);
        if part.is_zero() {
            low
        } else if high >= low {
            low.saturating_add(mul_div_up(high - low, part, span))
        } else {
            low - mul_div_down_wide(low - high, part, span)
        }
    }

    fn marginal_ray(&self) -> CurveResult<I256> {
        let ((from, low), (to, high)) = (self.from, self.to);
        let span = amount(to.saturating_sub(from).max(1));
        div_signed(sub_signed(signed(high)?, signed(low)?)?, signed(span)?)
    }
}

impl Line {
    /// Usage and borrow rate at a position.
    fn at(&self, supplied: U256) -> CurveResult<(U256, U256)> {
        let usage = usage_ray(self.debt, supplied)?;
        let (low, rate) = self.low;
        let risen = mul_div_down(usage.saturating_sub(low), self.slope_ray, RAY)?;
        Ok((usage, add(rate, risen)?))
    }

    fn rate_ray(&self, held: u128) -> CurveResult<U256> {
        let (usage, rate) = self.at(add(self.others, amount(held))?)?;
        mul_div_down(mul_div_down(rate, usage, RAY)?, self.kept_ray, RAY)
    }

    fn marginal_ray(&self, held: u128) -> CurveResult<I256> {
        let supplied = add(self.others, amount(held))?;
        let (usage, rate) = self.at(supplied)?;
        let ours = if supplied.is_zero() {
            U256::ZERO
        } else {
            mul_div_down(amount(held), RAY, supplied)?
        };
        // d/dp of p × r × T ÷ supplied = T ÷ supplied × (r × (1 − p ÷ supplied) − p ÷ supplied × slope × usage).
        let earned = mul_div_down(rate, RAY.saturating_sub(ours), RAY)?;
        let pressed = mul_div_down(mul_div_down(self.slope_ray, usage, RAY)?, ours, RAY)?;
        let kept = mul_div_down(usage, self.kept_ray, RAY)?;
        let per_supply = sub_signed(signed(earned)?, signed(pressed)?)?;
        div_signed(mul_signed(per_supply, signed(kept)?)?, I256::from_raw(RAY))
    }
}

fn usage_ray(debt: U256, supplied: U256) -> CurveResult<U256> {
    if supplied.is_zero() {
        return if debt.is_zero() { Ok(U256::ZERO) } else { Err(CurveError::Inconsistent) };
    }
    mul_div_down(debt, RAY, supplied)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails here says so")]
mod tests {
    use proptest::prelude::*;
    use vagus_policy::MorphoBlueCurve;

    use super::*;

    const NOW: u64 = 1_800_000_000;

    /// A market in which we hold a part, over so many days.
    fn earning(
        supplied: u128,
        usage_bps: u128,
        held_bps: u128,
        rate_bps: u128,
        days: u64,
    ) -> Earning {
        let wide = |value: u128| U256::from(value);
        let curve = MorphoBlueCurve {
            total_supply_assets: wide(supplied),
            total_supply_shares: wide(supplied * 1_000_000),
            total_borrow_assets: wide(supplied * usage_bps / 10_000),
            total_borrow_shares: wide(supplied * usage_bps / 10_000 * 1_000_000),
            last_update_at: NOW,
            fee_wad: wide(100_000_000_000_000_000),
            rate_at_target_wad: I256::try_from(rate_bps * 100_000_000_000_000 / 31_536_000)
                .unwrap(),
        };
        let position = supplied * held_bps / 10_000;
        let market = MorphoBlueMarket::at(&curve, NOW + 12).unwrap();
        let market = Market::adaptive(market, position, days * 86_400).unwrap();
        let base = Base::Market(Box::new(market));
        Earning { position, base, reward_ray: U256::ZERO, reward: 0 }
    }

    /// The pieces between two positions.
    fn pieces(earning: &Earning, from: u128, to: u128) -> Vec<(u128, u128)> {
        let breaks = earning.breaks().iter().flat_map(|(first, last)| [*first, *last]);
        let mut starts: Vec<u128> = breaks.filter(|place| from < *place && *place <= to).collect();
        starts.insert(0, from);
        starts.dedup();
        let ends = starts.iter().skip(1).map(|start| start - 1).chain([to]);
        starts.iter().copied().zip(ends).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

        #[test]
        fn a_roof_lies_above_income_and_is_concave_where_it_rises(
            supplied in 1_000_000_u128..1 << 60, usage_bps in 0_u128..=10_000,
            held_bps in 0_u128..=9_900, rate_bps in 10_u128..=20_000, days in 0_u64..1_000,
            places in prop::collection::vec(any::<u64>(), 24),
        ) {
            let earning = earning(supplied, usage_bps, held_bps, rate_bps, days);
            let position = earning.position();
            let room = u128::try_from(earning.withdraw_room()).unwrap();
            let (from, to) = (position.saturating_sub(room), position + 3 * supplied);
            let mut rate_before = None::<U256>;
            for (from, to) in pieces(&earning, from, to) {
                let roof = earning.roof(from, to).unwrap();
                let at = |part: u64| from + (to - from) / u128::from(u64::MAX) * u128::from(part)
                    + (to - from) % u128::from(u64::MAX) * (u128::from(part) >> 32) / (1 << 32);
                let mut sorted: Vec<u128> = places.iter().map(|part| at(*part)).collect();
                sorted.extend([from, to]);
                sorted.sort_unstable();
                let mut marginal_before = None::<I256>;
                for place in sorted {
                    let rate = earning.rate_ray(place).unwrap();
                    prop_assert!(rate_before.is_none_or(|before| rate <= before), "rises at {place}");
                    rate_before = Some(rate);
                    let above = roof.income_ray(place).unwrap() + U256::from(2) * earning.noise_ray(place);
                    prop_assert!(earning.income_ray(place).unwrap() <= above, "{place} of {from}..{to}");
                    let marginal = roof.marginal_ray(place).unwrap();
                    // A last digit of the usage, times the slope.
                    let digits = I256::try_from(1_000_000_000_000_i64).unwrap();
                    if let Some(before) = marginal_before.filter(|_| !marginal.is_negative()) {
                        prop_assert!(marginal <= before + digits, "{place}: {before} to {marginal}");
                    }
                    marginal_before = Some(marginal);
                }
            }
        }

        #[test]
        fn away_from_its_breaks_a_curve_lies_close_under_its_roof(
            usage_bps in 5_000_u128..=9_990, rate_bps in 50_u128..=2_000,
        ) {
            let supplied = 10_000_000_000_000;
            let earning = earning(supplied, usage_bps, 500, rate_bps, 30);
            let position = earning.position();
            for (from, to) in pieces(&earning, position, position + supplied / 10) {
                let roof = earning.roof(from, to).unwrap();
                let middle = from + (to - from) / 2;
                let (income, above) =
                    (earning.income_ray(middle).unwrap(), roof.income_ray(middle).unwrap());
                // Within a tenth, unless the piece is the range of a break.
                prop_assert!(to - from < 1_000 || above <= income + income / U256::from(10));
            }
        }
    }
}
