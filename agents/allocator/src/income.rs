//! Our yearly income from a venue as a function of what we hold there.
//!
//! Our present position leaves and the asked one enters, everyone else stays; the rate is the venue's own after that
//! change (`curves`), to the last digit. Both sources pay simple interest at the rate of the moment. What Morpho's
//! adaptive model will do to its rate during the horizon is not looked at: the rate right after the change is taken for
//! the whole of it. Where there is no curve, the rate may be one that does not depend on what we hold (`rates`), and a
//! reward adds its own to either.

use alloy_primitives::{I256, U256};
use vagus_policy::{Curve, StrategyState};

use crate::{
    curves::{
        AaveV3Market, Change, MorphoBlueMarket, Shape,
        slope::{Slope, binary},
    },
    math::{CurveError, CurveResult, add, add_signed, amount, mul, signed},
    rates::{RateBase, RateInput},
};

/// A venue at one moment, with our position in it.
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
    shape: Shape,
    slope: Slope,
    venue: Venue,
}

#[derive(Clone, Debug)]
enum Venue {
    AaveV3(Box<AaveV3Market>),
    MorphoBlue(MorphoBlueMarket),
}

impl Market {
    fn of(strategy: &StrategyState, position: u128, at: u64) -> CurveResult<Option<Self>> {
        let venue = match &strategy.curve {
            Curve::Unknown => return Ok(None),
            Curve::AaveV3(curve) => Venue::AaveV3(Box::new(AaveV3Market::at(curve, at)?)),
            Curve::MorphoBlue(curve) => Venue::MorphoBlue(MorphoBlueMarket::at(curve, at)?),
        };
        let shape = match &venue {
            Venue::AaveV3(market) => market.shape()?,
            Venue::MorphoBlue(market) => market.shape()?,
        };
        let kink = u128::try_from(shape.kink_position_up(amount(position))?)
            .map_err(|_| CurveError::Overflow)?;
        let slope = Slope::of(&shape, position)?;
        Ok(Some(Self { kink, shape, slope, venue }))
    }

    fn rate_ray(&self, change: Change) -> CurveResult<U256> {
        match &self.venue {
            Venue::AaveV3(market) => Ok(market.rates_after(change)?.supply_ray),
            Venue::MorphoBlue(market) => Ok(market.after(change)?.rates()?.supply_yearly_ray),
        }
    }
}

impl Base {
    fn of(
        strategy: &StrategyState,
        source: &RateBase,
        position: u128,
        at: u64,
    ) -> CurveResult<Option<Self>> {
        let rate = match source {
            RateBase::Curve => {
                let market = Market::of(strategy, position, at)?;
                return Ok(market.map(|market| Self::Market(Box::new(market))));
            }
            RateBase::Flat { yearly_ray } => Some(*yearly_ray),
            RateBase::History(history) => history.yearly_ray_down(at),
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
    /// The income curve of a strategy at Unix time `at`; none if nothing is known of its income.
    ///
    /// # Errors
    /// If the raw inputs make no curve, or our position is more than the venue holds.
    pub fn of(
        strategy: &StrategyState,
        input: Option<&RateInput>,
        position: u128,
        at: u64,
    ) -> CurveResult<Option<Self>> {
        let source = input.map_or(&RateBase::Curve, |input| &input.base);
        let Some(base) = Base::of(strategy, source, position, at)? else { return Ok(None) };
        let reward = input.and_then(|input| input.reward.as_ref());
        let reward_ray = reward.map_or(U256::ZERO, |reward| reward.yearly_ray_at(at));
        let earning = Self { position, base, reward_ray, reward: native(reward_ray)? };
        // Both ends of what can be asked later are asked now, so that a broken curve is found here.
        earning.rate_ray(position)?;
        earning.marginal_ray(position)?;
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
                Venue::AaveV3(market) => market.withdraw_room(),
                Venue::MorphoBlue(market) => market.withdraw_room(),
            },
        }
    }

    /// The yearly supply rate, rewards included, ray, once we hold `target`.
    ///
    /// # Errors
    /// [`CurveError::Inconsistent`] if the venue cannot pay out what leaves, otherwise if a number overflows.
    pub fn rate_ray(&self, target: u128) -> CurveResult<U256> {
        let change = if target >= self.position {
            Change::Deposit(amount(target.saturating_sub(self.position)))
        } else {
            Change::Withdrawal(amount(self.position.saturating_sub(target)))
        };
        let rate = match &self.base {
            Base::Market(market) => market.rate_ray(change)?,
            Base::Flat(rate, _) => *rate,
        };
        add(rate, self.reward_ray)
    }

    /// Our yearly income once we hold `target`, in 10^-27 of the asset's smallest unit.
    ///
    /// # Errors
    /// As [`Earning::rate_ray`].
    pub fn income_ray(&self, target: u128) -> CurveResult<U256> {
        mul(self.rate_ray(target)?, amount(target))
    }

    /// Yearly income of one more unit once we hold `target`, ray, without the venue's rounding.
    ///
    /// # Errors
    /// If a number overflows.
    pub fn marginal_ray(&self, target: u128) -> CurveResult<I256> {
        let marginal = match &self.base {
            Base::Market(market) => {
                market.shape.marginal_ray(amount(self.position), amount(target))?
            }
            Base::Flat(rate, _) => signed(*rate)?,
        };
        add_signed(marginal, signed(self.reward_ray)?)
    }

    /// The same in native integers, with [`crate::curves::slope::DIGITS`] binary digits, for the search.
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
            Base::Market(market) => market.shape.rate_noise_ray.saturating_mul(amount(target)),
            Base::Flat(..) => U256::ZERO,
        }
    }
}
