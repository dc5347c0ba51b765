//! Our yearly income from a venue as a function of what we hold there.
//!
//! Our present position leaves and the asked one enters, everyone else stays; the rate is the venue's own after that
//! change (`curves`), to the last digit. At Aave it is the rate of the moment, which stays until somebody acts. At Morpho
//! the adaptive curve moves while nobody acts, so it is the mean rate of the whole horizon, as the rate model itself would
//! state it at its end. Both count simple interest. A strategy over several markets earns what all of them pay it, and we
//! our part of that (`markets`). Where there is no curve, the rate may be one that does not depend on what we hold
//! (`rates`), and a reward adds its own to either.

mod market;
mod markets;
mod roof;

use alloy_primitives::U256;
use vagus_policy::{Curve, Policy, StrategyState};

use crate::{
    curves::slope::binary,
    math::{CurveError, CurveResult, add, amount, mul},
    rates::{RateBase, RateInput},
};
use market::Market;
use markets::Markets;
pub(crate) use roof::Roof;

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
    Markets(Box<Markets>),
    /// Yearly rate, ray, and the same in native integers.
    Flat(U256, i128),
}

impl Base {
    fn of(
        strategy: &StrategyState,
        source: &RateBase,
        position: u128,
        horizon: Horizon,
    ) -> CurveResult<Option<Self>> {
        let rate = match source {
            RateBase::Curve => return Self::of_curve(&strategy.curve, position, horizon),
            RateBase::Flat { yearly_ray } => Some(*yearly_ray),
            RateBase::History(history) => history.yearly_ray_down(horizon.at),
        };
        let Some(rate) = rate else { return Ok(None) };
        Ok(Some(Self::Flat(rate, native(rate)?)))
    }

    fn of_curve(curve: &Curve, position: u128, horizon: Horizon) -> CurveResult<Option<Self>> {
        let market = match curve {
            Curve::Unknown => return Ok(None),
            Curve::AaveV3(curve) => Market::aave(curve, position, horizon)?,
            Curve::MorphoBlue(curve) => Market::morpho(curve, position, horizon)?,
            Curve::MorphoBlueMarkets(curve) => {
                let markets = Markets::of(curve, position, horizon)?;
                return Ok(Some(Self::Markets(Box::new(markets))));
            }
        };
        Ok(Some(Self::Market(Box::new(market))))
    }
}

fn fitting(value: U256) -> CurveResult<u128> {
    u128::try_from(value).map_err(|_| CurveError::Overflow)
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

    /// Smallest position of ours at which the venue is at or below its kink; zero without one. Of several markets: at which
    /// none that pays us out on the way there is pushed above its own.
    #[must_use]
    pub fn kink(&self) -> u128 {
        match &self.base {
            Base::Market(market) => market.kink,
            Base::Markets(markets) => markets.kink(),
            Base::Flat(..) => 0,
        }
    }

    /// What the venue can pay out by its own books, smallest unit; 2^256 − 1 if they are not known.
    #[must_use]
    pub fn withdraw_room(&self) -> U256 {
        match &self.base {
            Base::Flat(..) => U256::MAX,
            Base::Market(market) => market.withdraw_room(),
            Base::Markets(markets) => markets.withdraw_room(),
        }
    }

    /// What the venue takes in by its own books, smallest unit; 2^256 − 1 if they do not say.
    #[must_use]
    pub fn deposit_room(&self) -> U256 {
        match &self.base {
            Base::Flat(..) | Base::Market(_) => U256::MAX,
            Base::Markets(markets) => markets.deposit_room(),
        }
    }

    /// Units that are lost to rounding where the whole position leaves, beyond those of a single market.
    pub(crate) fn exit_rounding(&self) -> u128 {
        match &self.base {
            Base::Flat(..) | Base::Market(_) => 0,
            Base::Markets(markets) => markets.exit_rounding(),
        }
    }

    /// Ranges of positions, rising, between which the venue's formula is one smooth piece, which begins at the end of a range;
    /// the kink is among them.
    pub(crate) fn breaks(&self) -> &[(u128, u128)] {
        match &self.base {
            Base::Market(market) => &market.breaks,
            Base::Markets(markets) => markets.breaks(),
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
            Base::Market(market) => market.rate_ray(target),
            Base::Markets(markets) => markets.rate_ray(target),
            Base::Flat(rate, _) => Ok(*rate),
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
            Base::Markets(markets) => markets.quick_marginal(target),
            Base::Flat(_, rate) => *rate,
        };
        marginal + self.reward
    }

    /// The yearly rate in native integers, with as many digits.
    pub(crate) fn quick_rate(&self, target: u128) -> i128 {
        let rate = match &self.base {
            Base::Market(market) => market.slope.rate(target),
            Base::Markets(markets) => markets.quick_rate(target),
            Base::Flat(_, rate) => *rate,
        };
        rate + self.reward
    }

    /// Bound on the rounding of [`Earning::income_ray`] at `target`, in its unit.
    #[must_use]
    pub fn noise_ray(&self, target: u128) -> U256 {
        let rate = match &self.base {
            Base::Market(market) => market.rate_noise_ray(),
            Base::Markets(markets) => markets.rate_noise_ray(),
            Base::Flat(..) => return U256::ZERO,
        };
        rate.saturating_mul(amount(target))
    }
}
