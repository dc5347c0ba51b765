//! Aave V3.6: the rates of a reserve after a deposit or withdrawal, at a given time.
//!
//! The formulas are those of Aave's `ReserveLogic` and `DefaultReserveInterestRateStrategyV2` (package
//! `@aave-dao/aave-v3-origin` 3.6.0), with the rounding of its `WadRayMath`, `PercentageMath`, `MathUtils` and
//! `TokenMath`. With RAY = 10^27, I the borrow index at `at`, sd the scaled debt, V the virtual balance, D the deficit
//! and O the optimal usage:
//!
//! 1. y = ⌊borrow rate × n ÷ year⌋ for n seconds since the last update; I = (RAY + y + y × (y/2 + y × y/6)) × index;
//! 2. T = ⌈sd × I⌉; without debt the supply rate is zero and the borrow rate the base rate;
//! 3. usage of borrows T ÷ (V ± x + T), usage of supply T ÷ (V ± x + T + D);
//! 4. borrow rate r = base + slope 1 × usage ÷ O, above the kink base + slope 1 + slope 2 × (usage − O) ÷ (1 − O);
//! 5. supply rate = r × usage of supply × (1 − reserve factor): yearly, simple.

use alloy_primitives::U256;
use vagus_policy::AaveV3Curve;

use super::{Change, Shape};
use crate::math::{
    BPS, CurveError, CurveResult, RAY, YEAR_SECONDS, add, div_down, mul, mul_div_up, percent_mul,
    ray_div, ray_mul, ray_mul_up, sub, u256,
};

const DECIMALS_BIT: usize = 48;
const ACTIVE_BIT: usize = 56;
const FROZEN_BIT: usize = 57;
const PAUSED_BIT: usize = 60;
const RESERVE_FACTOR_BIT: usize = 64;
const SUPPLY_CAP_BIT: usize = 116;

/// Yearly rates of a reserve, ray, simple interest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AaveV3Rates {
    /// What suppliers earn.
    pub supply_ray: U256,
    /// What borrowers pay.
    pub borrow_ray: U256,
}

/// A reserve with its debt accrued to one moment.
#[derive(Clone, Debug)]
pub struct AaveV3Market {
    curve: AaveV3Curve,
    debt: U256,
    index: U256,
    elapsed: u64,
}

impl AaveV3Market {
    /// Accrues the reserve to `at`, Unix time.
    ///
    /// # Errors
    /// [`CurveError::Inconsistent`] if `at` is before the reserve's last update, otherwise if a number overflows.
    pub fn at(curve: &AaveV3Curve, at: u64) -> CurveResult<Self> {
        let elapsed = at.checked_sub(curve.last_update_at).ok_or(CurveError::Inconsistent)?;
        let index = borrow_index(curve, elapsed)?;
        let debt = ray_mul_up(curve.scaled_debt, index)?;
        Ok(Self { curve: curve.clone(), debt, index, elapsed })
    }

    /// Borrow index at this moment, ray.
    #[must_use]
    pub fn borrow_index_ray(&self) -> U256 {
        self.index
    }

    /// Debt with interest, rounded up as the debt token does, smallest unit.
    #[must_use]
    pub fn debt(&self) -> U256 {
        self.debt
    }

    /// Assets that lie in the reserve, smallest unit: what can be withdrawn or borrowed now.
    #[must_use]
    pub fn available(&self) -> U256 {
        self.curve.virtual_balance
    }

    /// Part of borrowers' interest that Aave keeps, bps.
    #[must_use]
    pub fn reserve_factor_bps(&self) -> U256 {
        bits(self.curve.configuration, RESERVE_FACTOR_BIT, 16)
    }

    /// Most that may be supplied, smallest unit; none if there is no cap.
    ///
    /// # Errors
    /// If the cap does not fit.
    pub fn supply_cap(&self) -> CurveResult<Option<U256>> {
        let cap = bits(self.curve.configuration, SUPPLY_CAP_BIT, 36);
        if cap.is_zero() {
            return Ok(None);
        }
        let decimals = bits(self.curve.configuration, DECIMALS_BIT, 8);
        let unit = u256(10).checked_pow(decimals).ok_or(CurveError::Overflow)?;
        mul(cap, unit).map(Some)
    }

    /// What the reserve still takes in, smallest unit: 2^256 − 1 without a cap, zero if it is inactive, paused or
    /// frozen. Counts, as Aave's static token does, what is owed to Aave's treasury, and rounds against the depositor.
    ///
    /// `supply_rate_ray` is the rate that the pool has stored since its last update. It is not among the curve's
    /// inputs, so a decision takes the strategy's own `maxDeposit` instead; this is its formula, for checking it. The
    /// curve carries the aToken's supply with interest, so `at` has to be the time it was read at.
    ///
    /// # Errors
    /// If a number overflows.
    pub fn deposit_room(&self, supply_rate_ray: U256) -> CurveResult<U256> {
        if !self.flag(ACTIVE_BIT) || self.flag(PAUSED_BIT) || self.flag(FROZEN_BIT) {
            return Ok(U256::ZERO);
        }
        let Some(cap) = self.supply_cap()? else { return Ok(U256::MAX) };
        let index = self.liquidity_index_ray(supply_rate_ray)?;
        // The supply is ⌊scaled × index⌋ with an index of at least 1, so only one scaled amount gives it.
        let scaled = mul_div_up(self.curve.total_a_token_supply, RAY, index)?;
        let owed = add(scaled, self.curve.accrued_to_treasury)?;
        Ok(cap.saturating_sub(ray_mul_up(owed, index)?))
    }

    /// What one scaled unit of supply is worth at this moment, ray, if the pool has stored `supply_rate_ray` since its last
    /// update: interest of suppliers is simple between two updates.
    ///
    /// # Errors
    /// If a number overflows.
    pub fn liquidity_index_ray(&self, supply_rate_ray: U256) -> CurveResult<U256> {
        let growth = div_down(mul(supply_rate_ray, u256(self.elapsed))?, u256(YEAR_SECONDS))?;
        ray_mul(add(RAY, growth)?, self.curve.liquidity_index_ray)
    }

    /// What the reserve can pay out, smallest unit: zero if it is inactive or paused.
    #[must_use]
    pub fn withdraw_room(&self) -> U256 {
        if !self.flag(ACTIVE_BIT) || self.flag(PAUSED_BIT) {
            return U256::ZERO;
        }
        self.curve.virtual_balance
    }

    /// The rates after a change, to the last digit what Aave's pool will say.
    ///
    /// # Errors
    /// [`CurveError::Inconsistent`] if more is withdrawn than there is, otherwise if a number overflows.
    pub fn rates_after(&self, change: Change) -> CurveResult<AaveV3Rates> {
        self.rates_with_available(match change {
            Change::Deposit(assets) => add(self.curve.virtual_balance, assets)?,
            Change::Withdrawal(assets) => sub(self.curve.virtual_balance, assets)?,
        })
    }

    fn rates_with_available(&self, available: U256) -> CurveResult<AaveV3Rates> {
        let curve = &self.curve;
        if self.debt.is_zero() {
            return Ok(AaveV3Rates { supply_ray: U256::ZERO, borrow_ray: curve.base_rate_ray });
        }
        let supplied = add(available, self.debt)?;
        let borrow_usage = ray_div(self.debt, supplied)?;
        let supply_usage = ray_div(self.debt, add(supplied, curve.deficit)?)?;
        let borrow_ray = if borrow_usage > curve.optimal_usage_ray {
            let excess = ray_div(
                sub(borrow_usage, curve.optimal_usage_ray)?,
                sub(RAY, curve.optimal_usage_ray)?,
            )?;
            add(add(curve.base_rate_ray, curve.slope1_ray)?, ray_mul(curve.slope2_ray, excess)?)?
        } else {
            let rising =
                ray_div(ray_mul(curve.slope1_ray, borrow_usage)?, curve.optimal_usage_ray)?;
            add(curve.base_rate_ray, rising)?
        };
        let kept = sub(u256(BPS), self.reserve_factor_bps())?;
        let supply_ray = percent_mul(ray_mul(borrow_ray, supply_usage)?, kept)?;
        // The pool stores both in 128 bits and reverts otherwise.
        if supply_ray.bit_len() > 128 || borrow_ray.bit_len() > 128 {
            return Err(CurveError::Overflow);
        }
        Ok(AaveV3Rates { supply_ray, borrow_ray })
    }

    /// The same curve without rounding, as the search needs it.
    ///
    /// # Errors
    /// If a number overflows.
    pub fn shape(&self) -> CurveResult<Shape> {
        let kept = sub(u256(BPS), self.reserve_factor_bps())?;
        Ok(Shape {
            debt: self.debt,
            supplied: add(self.curve.virtual_balance, self.debt)?,
            deficit: self.curve.deficit,
            optimal_usage_ray: self.curve.optimal_usage_ray,
            base_rate_ray: self.curve.base_rate_ray,
            slope1_ray: self.curve.slope1_ray,
            slope2_ray: self.curve.slope2_ray,
            kept_ray: div_down(mul(kept, RAY)?, u256(BPS))?,
            rate_noise_ray: u256(16),
        })
    }

    fn flag(&self, bit: usize) -> bool {
        self.curve.configuration.bit(bit)
    }
}

/// Borrow index after `elapsed` seconds, ray: compound interest by three terms of its series.
fn borrow_index(curve: &AaveV3Curve, elapsed: u64) -> CurveResult<U256> {
    if elapsed == 0 || curve.scaled_debt.is_zero() {
        return Ok(curve.variable_borrow_index_ray);
    }
    let y = div_down(mul(curve.variable_borrow_rate_ray, u256(elapsed))?, u256(YEAR_SECONDS))?;
    let third = ray_mul(y, div_down(y, u256(6))?)?;
    let second = ray_mul(y, add(y >> 1, third)?)?;
    ray_mul(add(add(RAY, y)?, second)?, curve.variable_borrow_index_ray)
}

fn bits(word: U256, start: usize, count: usize) -> U256 {
    (word >> start) & ((U256::ONE << count) - U256::ONE)
}
