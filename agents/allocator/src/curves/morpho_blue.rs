//! Morpho Blue under the adaptive curve: a market accrued to a given time, and its rates after a change.
//!
//! The formulas are those of `Morpho.sol` (package `@morpho-org/morpho-blue` 1.0.0) and of the published adaptive curve
//! rate model; every division truncates towards zero. With WAD = 10^18, u the utilisation, e its distance from the
//! target of 90 % divided by what is left on that side, and n the seconds since the last update:
//!
//! 1. rate at target: end = clamp(start × exp(50 per year × e × n)); average = (start + end + 2 × middle) ÷ 4, where
//!    the middle uses half the exponent; a market that was never used starts at 4 % per year;
//! 2. curve(a) = (k × e + 1) × a with k = 3 above target and 3/4 below;
//! 3. interest = borrows × (z + z²/2 + z³/6) with z = curve(average) × n, added to borrows and supply; the fee's part
//!    becomes supply shares;
//! 4. from then on, as long as nobody acts, borrowers pay curve(average) at the new utilisation, the average being that of
//!    the time looked at, which begins with end; suppliers earn that × utilisation × (1 − fee).
//!
//! The rate model itself is `adaptive`. No contract states the supply rate: here it is rounded down, which no market can fall short of by more than one unit.

use alloy_primitives::{I256, U256};
use vagus_policy::MorphoBlueCurve;

use super::{
    Change, Shape,
    adaptive::{BREAK_WAD, INITIAL_RATE_WAD, Mean, TARGET_WAD, breaks_wad, mean},
    slope::{self, Arc},
};
use crate::math::{
    CurveError, CurveResult, RAY, WAD, YEAR_SECONDS, add, div_down, mul, mul_div_down, sub, u256,
};

/// [`WAD`] in native integers.
const WAD_NATIVE: u128 = 1_000_000_000_000_000_000;
pub(super) const VIRTUAL_SHARES: u64 = 1_000_000;
pub(super) const VIRTUAL_ASSETS: u64 = 1;

/// Rates of a market per second, WAD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MorphoBlueRates {
    /// What borrowers pay.
    pub borrow_wad: U256,
    /// What suppliers earn, rounded down.
    pub supply_wad: U256,
    /// What suppliers earn in a year, simple, ray, rounded down once from the exact product.
    pub supply_yearly_ray: U256,
    /// Utilisation, WAD, rounded down.
    pub utilisation_wad: U256,
}

/// A market accrued to one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MorphoBlueMarket {
    /// Supplied, smallest unit.
    pub total_supply_assets: U256,
    /// Supply shares, the fee's included.
    pub total_supply_shares: U256,
    /// Borrowed, smallest unit.
    pub total_borrow_assets: U256,
    /// Borrow shares.
    pub total_borrow_shares: U256,
    /// Fee on interest, WAD.
    pub fee_wad: U256,
    /// Rate at target utilisation after adaptation, per second, WAD.
    pub rate_at_target_wad: I256,
}

impl MorphoBlueMarket {
    /// Accrues the market to `at`, Unix time.
    ///
    /// # Errors
    /// [`CurveError::Inconsistent`] if `at` is before the market's last update or the fee above 100 %, otherwise if a
    /// number overflows.
    pub fn at(curve: &MorphoBlueCurve, at: u64) -> CurveResult<Self> {
        let elapsed = at.checked_sub(curve.last_update_at).ok_or(CurveError::Inconsistent)?;
        if curve.fee_wad > WAD {
            return Err(CurveError::Inconsistent);
        }
        let mut market = Self {
            total_supply_assets: curve.total_supply_assets,
            total_supply_shares: curve.total_supply_shares,
            total_borrow_assets: curve.total_borrow_assets,
            total_borrow_shares: curve.total_borrow_shares,
            fee_wad: curve.fee_wad,
            rate_at_target_wad: curve.rate_at_target_wad,
        };
        if elapsed > 0 {
            market.accrue(elapsed)?;
        } else if market.rate_at_target_wad.is_zero() {
            market.rate_at_target_wad = small(INITIAL_RATE_WAD);
        }
        Ok(market)
    }

    /// Lets so many seconds pass in which nobody acts.
    ///
    /// # Errors
    /// As [`Self::mean`].
    pub fn accrue(&mut self, elapsed: u64) -> CurveResult<()> {
        let mean = self.mean(elapsed)?;
        let rate = u256(mean.borrow_wad);
        let interest = mul_div_down(self.total_borrow_assets, compounded_wad(rate, elapsed)?, WAD)?;
        self.rate_at_target_wad = small(mean.end_rate_at_target_wad);
        self.total_borrow_assets = add(self.total_borrow_assets, interest)?;
        self.total_supply_assets = add(self.total_supply_assets, interest)?;
        let fee = mul_div_down(interest, self.fee_wad, WAD)?;
        let fee_shares = mul_div_down(
            fee,
            add(self.total_supply_shares, u256(VIRTUAL_SHARES))?,
            add(sub(self.total_supply_assets, fee)?, u256(VIRTUAL_ASSETS))?,
        )?;
        self.total_supply_shares = add(self.total_supply_shares, fee_shares)?;
        Ok(())
    }

    /// Borrowed ÷ supplied, WAD, rounded down; zero without supply.
    ///
    /// # Errors
    /// If a number overflows.
    pub fn utilisation_wad(&self) -> CurveResult<U256> {
        utilisation_wad(self.total_borrow_assets, self.total_supply_assets)
    }

    /// Assets that can be withdrawn or borrowed now, smallest unit.
    #[must_use]
    pub fn withdraw_room(&self) -> U256 {
        self.total_supply_assets.saturating_sub(self.total_borrow_assets)
    }

    /// The market after a change at the same moment; shares round as Morpho does, against the supplier.
    ///
    /// # Errors
    /// [`CurveError::Inconsistent`] if more is withdrawn than is liquid, otherwise if a number overflows.
    pub fn after(&self, change: Change) -> CurveResult<Self> {
        let mut market = self.clone();
        let shares = add(self.total_supply_shares, u256(VIRTUAL_SHARES))?;
        let assets = add(self.total_supply_assets, u256(VIRTUAL_ASSETS))?;
        match change {
            Change::Deposit(deposited) => {
                let minted = mul_div_down(deposited, shares, assets)?;
                market.total_supply_assets = add(self.total_supply_assets, deposited)?;
                market.total_supply_shares = add(self.total_supply_shares, minted)?;
            }
            Change::Withdrawal(withdrawn) => {
                if withdrawn > self.withdraw_room() {
                    return Err(CurveError::Inconsistent);
                }
                let burned = crate::math::mul_div_up(withdrawn, shares, assets)?;
                market.total_supply_assets = sub(self.total_supply_assets, withdrawn)?;
                market.total_supply_shares = sub(self.total_supply_shares, burned)?;
            }
        }
        Ok(market)
    }

    /// What the rate model answers after so many seconds in which nobody acts: the mean of the time, and where it ends.
    ///
    /// # Errors
    /// [`CurveError::Inconsistent`] if the rate at target is none that the model stores, otherwise if a number overflows.
    pub fn mean(&self, seconds: u64) -> CurveResult<Mean> {
        self.mean_with(self.total_supply_assets, seconds)
    }

    /// The same with another supply.
    pub(crate) fn mean_with(&self, supplied: U256, seconds: u64) -> CurveResult<Mean> {
        let utilisation = utilisation_wad(self.total_borrow_assets, supplied)?;
        mean(self.stored_rate()?, utilisation, seconds)
    }

    /// The mean rates of so many seconds from this moment on, if nobody acts; of no time at all, the rates of the moment.
    ///
    /// # Errors
    /// As [`Self::mean`].
    pub fn rates_over(&self, seconds: u64) -> CurveResult<MorphoBlueRates> {
        let utilisation_wad = self.utilisation_wad()?;
        let borrow_wad = u256(self.mean(seconds)?.borrow_wad);
        let kept_wad = sub(WAD, self.fee_wad)?;
        let supply_wad =
            mul_div_down(mul_div_down(borrow_wad, utilisation_wad, WAD)?, kept_wad, WAD)?;
        let product = mul(mul(borrow_wad, utilisation_wad)?, kept_wad)?;
        let supply_yearly_ray =
            div_down(mul(div_down(product, u256(1_000_000_000))?, u256(YEAR_SECONDS))?, WAD)?;
        Ok(MorphoBlueRates { borrow_wad, supply_wad, supply_yearly_ray, utilisation_wad })
    }

    /// The mean yearly borrow rate of so many seconds over the usage, for the search.
    pub(crate) fn arcs(&self, seconds: u64) -> CurveResult<Vec<Arc>> {
        let rate = self.stored_rate()?;
        let yearly = |usage: i128| -> CurveResult<u128> {
            let borrow = mean(rate, U256::from(usage.unsigned_abs()), seconds)?.borrow_wad;
            // A rate is below 2^40 per second.
            Ok(((u128::from(borrow) * u128::from(YEAR_SECONDS)) << slope::DIGITS) / WAD_NATIVE)
        };
        let mut arcs = Vec::new();
        let mut from = 0;
        for to in breaks_wad(rate, seconds).into_iter().chain([WAD_NATIVE as i128]) {
            // The ends of a piece are known to a few of 10^-12, and may lie on its neighbour.
            let (low, high) = (from + BREAK_WAD, to - BREAK_WAD);
            if high > low {
                let third = (high - low) / 3;
                let places = [low, low + third, high - third, high];
                let mut rates = [0; 4];
                for (rate, place) in rates.iter_mut().zip(places) {
                    *rate = yearly(place)?;
                }
                let binary = |wad: i128| (wad.unsigned_abs() << slope::DIGITS) / WAD_NATIVE;
                arcs.push(Arc::through(binary(low), binary(high - low), rates));
            }
            from = to;
        }
        Ok(arcs)
    }

    /// Usages, ray, between which the mean over so many seconds is a convex cubic, each as the range in which it lies; falling.
    pub(crate) fn breaks_ray(&self, seconds: u64) -> CurveResult<Vec<(U256, U256)>> {
        let ray =
            |wad: i128| U256::from(wad.max(1).unsigned_abs()).saturating_mul(u256(1_000_000_000));
        let breaks = breaks_wad(self.stored_rate()?, seconds).into_iter().rev();
        let range = |usage: i128| match usage {
            // The target itself is a whole number, and on the lower piece.
            TARGET_WAD => (ray(usage + 1), ray(usage)),
            _ => (ray(usage + BREAK_WAD), ray(usage - BREAK_WAD)),
        };
        Ok(breaks.map(range).collect())
    }

    fn stored_rate(&self) -> CurveResult<u64> {
        u64::try_from(self.rate_at_target_wad).map_err(|_| CurveError::Inconsistent)
    }

    /// The curve of the moment without rounding, as the search needs it.
    ///
    /// # Errors
    /// If a number overflows or the rate at target is negative.
    pub fn shape(&self) -> CurveResult<Shape> {
        let wad_to_ray = u256(1_000_000_000);
        let target_rate_ray = mul(mul(u256(self.stored_rate()?), u256(YEAR_SECONDS))?, wad_to_ray)?;
        Ok(Shape {
            debt: self.total_borrow_assets,
            supplied: self.total_supply_assets,
            deficit: U256::ZERO,
            optimal_usage_ray: Self::target_ray(),
            base_rate_ray: target_rate_ray >> 2,
            slope1_ray: sub(target_rate_ray, target_rate_ray >> 2)?,
            slope2_ray: mul(target_rate_ray, u256(3))?,
            kept_ray: self.kept_ray()?,
            // The model's rates are whole units of 10^-18 per second: a few of them a year.
            rate_noise_ray: mul(u256(8 * YEAR_SECONDS), wad_to_ray)?,
        })
    }

    /// The usage above which the rate at target rises, ray: the curve's kink.
    #[must_use]
    pub(crate) fn target_ray() -> U256 {
        u256(TARGET_WAD as u64).saturating_mul(u256(1_000_000_000))
    }

    /// Part of what borrowers pay that reaches suppliers, ray.
    ///
    /// # Errors
    /// If the fee is above 100 %.
    pub fn kept_ray(&self) -> CurveResult<U256> {
        sub(RAY, mul(self.fee_wad, u256(1_000_000_000))?)
    }
}

/// Borrowed ÷ supplied, WAD, rounded down; zero without supply.
fn utilisation_wad(borrowed: U256, supplied: U256) -> CurveResult<U256> {
    if supplied.is_zero() {
        return Ok(U256::ZERO);
    }
    mul_div_down(borrowed, WAD, supplied)
}

fn small(value: u64) -> I256 {
    I256::from_raw(u256(value))
}

/// Three terms of e^(rate × seconds) − 1, WAD, each rounded down.
fn compounded_wad(rate_wad: U256, seconds: u64) -> CurveResult<U256> {
    let first = mul(rate_wad, u256(seconds))?;
    let second = mul_div_down(first, first, WAD << 1)?;
    let third = mul_div_down(second, first, mul(WAD, u256(3))?)?;
    add(add(first, second)?, third)
}
