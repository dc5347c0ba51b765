//! Our yearly income from a venue as a function of what we hold there.
//!
//! Our present position leaves and the asked one enters, everyone else stays; the rate is the venue's own after that
//! change (`curves`), to the last digit. At Aave it is the rate of the moment, which stays until somebody acts. At Morpho
//! the adaptive curve moves while nobody acts, so it is the mean rate of the whole horizon, as the rate model itself would
//! state it at its end. Both count simple interest. Where there is no curve, the rate may be one that does not depend on
//! what we hold (`rates`), and a reward adds its own to either.

mod roof;

use alloy_primitives::U256;
use vagus_policy::{Curve, Policy, StrategyState};

use crate::{
    curves::{
        AaveV3Market, Change, MorphoBlueMarket, Shape,
        shape::position_at_up,
        slope::{Slope, binary},
    },
    math::{CurveError, CurveResult, YEAR_SECONDS, add, amount, mul, sub, u256},
    rates::{RateBase, RateInput},
};
pub(crate) use roof::Roof;

/// Yearly rate of one unit of the rate model, ray: 10^-18 per second.
const UNIT_RAY: u64 = YEAR_SECONDS * 1_000_000_000;

/// The time over which income is reckoned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Horizon {
    /// Its beginning, Unix time.
    pub at: u64,
    /// How long it is.
    pub seconds: u64,
}

impl Horizon {
    /// What a policy asks about, from a time on.
    #[must_use]
    pub fn of(policy: &Policy, at: u64) -> Self {
        Self { at, seconds: policy.objective.horizon_seconds.into() }
    }
}

/// A venue over a horizon, with our position in it.
#[derive(Clone, Debug)]
pub struct Earning {
    position: u128,
    base: Base,
    /// Yearly rate of rewards, ray, and the same in native integers.
    reward_ray: U256,
    reward: i128,
}

#[derive(Clone, Debug)]
enum Base {
    Market(Box<Market>),
    /// Yearly rate, ray, and the same in native integers.
    Flat(U256, i128),
}

#[derive(Clone, Debug)]
struct Market {
    kink: u128,
    /// Ranges of positions, rising, between which the venue's formula is one smooth piece: from one position, at which the
    /// next piece begins, or a few before, to that one. The kink is among them.
    breaks: Vec<(u128, u128)>,
    slope: Slope,
    venue: Venue,
}

#[derive(Clone, Debug)]
enum Venue {
    AaveV3(Box<AaveV3Market>, Box<Shape>),
    /// With the curve of the moment, or the seconds that the mean is of.
    MorphoBlue(MorphoBlueMarket, Span),
}

#[derive(Clone, Debug)]
enum Span {
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
    fn of(strategy: &StrategyState, position: u128, horizon: Horizon) -> CurveResult<Option<Self>> {
        match &strategy.curve {
            Curve::Unknown => Ok(None),
            Curve::AaveV3(curve) => {
                let market = AaveV3Market::at(curve, horizon.at)?;
                let shape = market.shape()?;
                Self::kinked(shape, position, |shape| {
                    Venue::AaveV3(Box::new(market), Box::new(shape))
                })
            }
            Curve::MorphoBlue(curve) => {
                let market = MorphoBlueMarket::at(curve, horizon.at)?;
                if horizon.seconds > 0 {
                    return Self::adaptive(market, position, horizon.seconds).map(Some);
                }
                let shape = market.shape()?;
                Self::kinked(shape, position, |shape| {
                    Venue::MorphoBlue(market, Span::Moment(Box::new(shape)))
                })
            }
        }
    }

    fn kinked(
        shape: Shape,
        position: u128,
        venue: impl FnOnce(Shape) -> Venue,
    ) -> CurveResult<Option<Self>> {
        let kink = fitting(shape.kink_position_up(amount(position))?)?;
        let slope = Slope::of(&shape, position)?;
        Ok(Some(Self { kink, breaks: vec![(kink, kink)], slope, venue: venue(shape) }))
    }

    fn adaptive(market: MorphoBlueMarket, position: u128, seconds: u64) -> CurveResult<Self> {
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
        Ok(Self { kink, breaks, slope, venue: Venue::MorphoBlue(market, Span::Seconds(seconds)) })
    }

    fn rate_ray(&self, change: Change) -> CurveResult<U256> {
        match &self.venue {
            Venue::AaveV3(market, _) => Ok(market.rates_after(change)?.supply_ray),
            Venue::MorphoBlue(market, span) => {
                Ok(market.after(change)?.rates_over(span.seconds())?.supply_yearly_ray)
            }
        }
    }

    /// Bound on how far the venue's rounded rate and the one without rounding lie apart, ray.
    fn rate_noise_ray(&self) -> U256 {
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

fn fitting(value: U256) -> CurveResult<u128> {
    u128::try_from(value).map_err(|_| CurveError::Overflow)
}

impl Base {
    fn of(
        strategy: &StrategyState,
        source: &RateBase,
        position: u128,
        horizon: Horizon,
    ) -> CurveResult<Option<Self>> {
        let rate = match source {
            RateBase::Curve => {
                let market = Market::of(strategy, position, horizon)?;
                return Ok(market.map(|market| Self::Market(Box::new(market))));
            }
            RateBase::Flat { yearly_ray } => Some(*yearly_ray),
            RateBase::History(history) => history.yearly_ray_down(horizon.at),
        };
        let Some(rate) = rate else { return Ok(None) };
        Ok(Some(Self::Flat(rate, native(rate)?)))
    }
}

/// A rate in native integers.
fn native(rate_ray: U256) -> CurveResult<i128> {
    i128::try_from(binary(rate_ray)?).map_err(|_| CurveError::Overflow)
}

impl Earning {
    /// The income curve of a strategy over a horizon; none if nothing is known of its income.
    ///
    /// # Errors
    /// If the raw inputs make no curve, or our position is more than the venue holds.
    pub fn of(
        strategy: &StrategyState,
        input: Option<&RateInput>,
        position: u128,
        horizon: Horizon,
    ) -> CurveResult<Option<Self>> {
        let source = input.map_or(&RateBase::Curve, |input| &input.base);
        let Some(base) = Base::of(strategy, source, position, horizon)? else { return Ok(None) };
        let reward = input.and_then(|input| input.reward.as_ref());
        let reward_ray = reward.map_or(U256::ZERO, |reward| reward.yearly_ray_at(horizon.at));
        let earning = Self { position, base, reward_ray, reward: native(reward_ray)? };
        // What can be asked later is asked now, so that a broken curve is found here.
        earning.rate_ray(position)?;
        earning.roof(position, position)?.marginal_ray(position)?;
        Ok(Some(earning))
    }

    /// What we hold now, smallest unit.
    #[must_use]
    pub fn position(&self) -> u128 {
        self.position
    }

    /// Smallest position of ours at which the venue is at or below its kink; zero without one.
    #[must_use]
    pub fn kink(&self) -> u128 {
        match &self.base {
            Base::Market(market) => market.kink,
            Base::Flat(..) => 0,
        }
    }

    /// What the venue can pay out by its own books, smallest unit; 2^256 − 1 if they are not known.
    #[must_use]
    pub fn withdraw_room(&self) -> U256 {
        match &self.base {
            Base::Flat(..) => U256::MAX,
            Base::Market(market) => match &market.venue {
                Venue::AaveV3(market, _) => market.withdraw_room(),
                Venue::MorphoBlue(market, _) => market.withdraw_room(),
            },
        }
    }

    /// Ranges of positions, rising, between which the venue's formula is one smooth piece, which begins at the end of a range;
    /// the kink is among them.
    pub(crate) fn breaks(&self) -> &[(u128, u128)] {
        match &self.base {
            Base::Market(market) => &market.breaks,
            Base::Flat(..) => &[],
        }
    }

    /// The mean yearly supply rate of the horizon, rewards included, ray, once we hold `target`.
    ///
    /// # Errors
    /// [`CurveError::Inconsistent`] if the venue cannot pay out what leaves, otherwise if a number overflows.
    pub fn rate_ray(&self, target: u128) -> CurveResult<U256> {
        add(self.own_rate_ray(target)?, self.reward_ray)
    }

    /// The same without rewards.
    fn own_rate_ray(&self, target: u128) -> CurveResult<U256> {
        match &self.base {
            Base::Market(market) => market.rate_ray(self.change(target)),
            Base::Flat(rate, _) => Ok(*rate),
        }
    }

    fn change(&self, target: u128) -> Change {
        if target >= self.position {
            Change::Deposit(amount(target.saturating_sub(self.position)))
        } else {
            Change::Withdrawal(amount(self.position.saturating_sub(target)))
        }
    }

    /// Our yearly income once we hold `target`, in 10^-27 of the asset's smallest unit.
    ///
    /// # Errors
    /// As [`Earning::rate_ray`].
    pub fn income_ray(&self, target: u128) -> CurveResult<U256> {
        mul(self.rate_ray(target)?, amount(target))
    }

    /// Yearly rate of rewards, ray: it does not depend on what we hold.
    pub(crate) fn reward_ray(&self) -> U256 {
        self.reward_ray
    }

    /// Yearly income of one more unit once we hold `target`, in native integers with [`crate::curves::slope::DIGITS`] binary
    /// digits, for the search.
    pub(crate) fn quick_marginal(&self, target: u128) -> i128 {
        let marginal = match &self.base {
            Base::Market(market) => market.slope.marginal(target),
            Base::Flat(_, rate) => *rate,
        };
        marginal + self.reward
    }

    /// The yearly rate in native integers, with as many digits.
    pub(crate) fn quick_rate(&self, target: u128) -> i128 {
        let rate = match &self.base {
            Base::Market(market) => market.slope.rate(target),
            Base::Flat(_, rate) => *rate,
        };
        rate + self.reward
    }

    /// Bound on the rounding of [`Earning::income_ray`] at `target`, in its unit.
    #[must_use]
    pub fn noise_ray(&self, target: u128) -> U256 {
        match &self.base {
            Base::Market(market) => market.rate_noise_ray().saturating_mul(amount(target)),
            Base::Flat(..) => U256::ZERO,
        }
    }
}
