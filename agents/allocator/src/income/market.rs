//! One market with a position in it, over a horizon.

use alloy_primitives::U256;
use vagus_policy::{AaveV3Curve, MorphoBlueCurve};

use super::{Horizon, fitting};
use crate::{
    curves::{AaveV3Market, Change, MorphoBlueMarket, Shape, shape::position_at_up, slope::Slope},
    math::{CurveResult, YEAR_SECONDS, amount, sub, u256},
};

/// Yearly rate of one unit of the rate model, ray: 10^-18 per second.
pub(super) const UNIT_RAY: u64 = YEAR_SECONDS * 1_000_000_000;

#[derive(Clone, Debug)]
pub(crate) struct Market {
    pub(super) position: u128,
    pub(super) kink: u128,
    /// Ranges of positions, rising, between which the venue's formula is one smooth piece: from one position, at which the
    /// next piece begins, or a few before, to that one. The kink is among them.
    pub(super) breaks: Vec<(u128, u128)>,
    pub(super) slope: Slope,
    pub(super) venue: Venue,
}

#[derive(Clone, Debug)]
pub(crate) enum Venue {
    AaveV3(Box<AaveV3Market>, Box<Shape>),
    /// With the curve of the moment, or the seconds that the mean is of.
    MorphoBlue(MorphoBlueMarket, Span),
}

#[derive(Clone, Debug)]
pub(crate) enum Span {
    Moment(Box<Shape>),
    Seconds(u64),
}

impl Span {
    fn seconds(&self) -> u64 {
        match self {
            Self::Moment(_) => 0,
            Self::Seconds(seconds) => *seconds,
        }
    }
}

impl Market {
    pub(super) fn aave(curve: &AaveV3Curve, position: u128, horizon: Horizon) -> CurveResult<Self> {
        let market = AaveV3Market::at(curve, horizon.at)?;
        let shape = market.shape()?;
        Self::kinked(shape, position, |shape| Venue::AaveV3(Box::new(market), Box::new(shape)))
    }

    pub(super) fn morpho(
        curve: &MorphoBlueCurve,
        position: u128,
        horizon: Horizon,
    ) -> CurveResult<Self> {
        let market = MorphoBlueMarket::at(curve, horizon.at)?;
        Self::accrued(market, position, horizon.seconds)
    }

    /// Of a market of Morpho that is accrued already.
    pub(super) fn accrued(
        market: MorphoBlueMarket,
        position: u128,
        seconds: u64,
    ) -> CurveResult<Self> {
        if seconds > 0 {
            return Self::adaptive(market, position, seconds);
        }
        let shape = market.shape()?;
        Self::kinked(shape, position, |shape| {
            Venue::MorphoBlue(market, Span::Moment(Box::new(shape)))
        })
    }

    fn kinked(
        shape: Shape,
        position: u128,
        venue: impl FnOnce(Shape) -> Venue,
    ) -> CurveResult<Self> {
        let kink = fitting(shape.kink_position_up(amount(position))?)?;
        let slope = Slope::of(&shape, position)?;
        let breaks = vec![(kink, kink)];
        Ok(Self { position, kink, breaks, slope, venue: venue(shape) })
    }

    pub(super) fn adaptive(
        market: MorphoBlueMarket,
        position: u128,
        seconds: u64,
    ) -> CurveResult<Self> {
        let (debt, supplied) = (market.total_borrow_assets, market.total_supply_assets);
        let others = sub(supplied, amount(position))?;
        let kink = fitting(position_at_up(debt, others, MorphoBlueMarket::target_ray())?)?;
        let mut breaks = Vec::new();
        for (high, low) in market.breaks_ray(seconds)? {
            let place = |usage| fitting(position_at_up(debt, others, usage)?);
            // What does not fit is out of reach.
            if let (Ok(first), Ok(last)) = (place(high), place(low)) {
                breaks.push((first, last));
            }
        }
        let arcs = market.arcs(seconds)?;
        let slope = Slope::arched(arcs, [debt, supplied], market.kept_ray()?, position)?;
        let venue = Venue::MorphoBlue(market, Span::Seconds(seconds));
        Ok(Self { position, kink, breaks, slope, venue })
    }

    /// The mean yearly supply rate of the horizon once so much is held, ray.
    pub(super) fn rate_ray(&self, target: u128) -> CurveResult<U256> {
        let change = if target >= self.position {
            Change::Deposit(amount(target.saturating_sub(self.position)))
        } else {
            Change::Withdrawal(amount(self.position.saturating_sub(target)))
        };
        match &self.venue {
            Venue::AaveV3(market, _) => Ok(market.rates_after(change)?.supply_ray),
            Venue::MorphoBlue(market, span) => {
                Ok(market.after(change)?.rates_over(span.seconds())?.supply_yearly_ray)
            }
        }
    }

    /// What the market can pay out.
    pub(super) fn withdraw_room(&self) -> U256 {
        match &self.venue {
            Venue::AaveV3(market, _) => market.withdraw_room(),
            Venue::MorphoBlue(market, _) => market.withdraw_room(),
        }
    }

    /// Bound on how far the venue's rounded rate and the one without rounding lie apart, ray.
    pub(super) fn rate_noise_ray(&self) -> U256 {
        match &self.venue {
            Venue::AaveV3(_, shape) | Venue::MorphoBlue(_, Span::Moment(shape)) => {
                shape.rate_noise_ray
            }
            // The model's rates are whole units, and so is its speed, which the horizon multiplies.
            Venue::MorphoBlue(_, Span::Seconds(seconds)) => {
                u256(UNIT_RAY).saturating_mul(u256(8 + seconds / 1_000_000))
            }
        }
    }
}
