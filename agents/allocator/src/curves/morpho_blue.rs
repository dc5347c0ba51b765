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
//! 4. from then on borrowers pay curve(end) at the new utilisation, suppliers earn that × utilisation × (1 − fee).
//!
//! No contract states the supply rate: here it is rounded down, which no market can fall short of by more than one unit.

use alloy_primitives::{I256, U256};
use vagus_policy::MorphoBlueCurve;

use super::{Change, Shape};
use crate::math::{
    CurveError, CurveResult, RAY, WAD, WAD_SIGNED, YEAR_SECONDS, add, add_signed, div_down,
    div_signed, mul, mul_div_down, mul_signed, signed, sub, sub_signed, u256, unsigned,
    wad_div_signed, wad_mul_signed,
};

const TARGET_WAD: u64 = 900_000_000_000_000_000;
/// Adaptation at an error of 100 %, per second: 50 ÷ year.
const SPEED_WAD: u64 = (50_000_000_000_000_000_000_u128 / YEAR_SECONDS as u128) as u64;
const INITIAL_RATE_WAD: u64 = 40_000_000_000_000_000 / YEAR_SECONDS;
const MIN_RATE_WAD: u64 = 1_000_000_000_000_000 / YEAR_SECONDS;
const MAX_RATE_WAD: u64 = 2_000_000_000_000_000_000 / YEAR_SECONDS;
const STEEPNESS_ABOVE_WAD: u64 = 3_000_000_000_000_000_000;
const STEEPNESS_BELOW_WAD: u64 = 750_000_000_000_000_000;

const LN_2_WAD: i64 = 693_147_180_559_945_309;
/// ln(10^-18): below it exp is zero.
const EXP_LOWEST_WAD: i128 = -41_446_531_673_892_822_312;
/// From here on exp is past any clamp; the published model clips here as well.
const EXP_HIGHEST_WAD: i128 = 93_859_467_695_000_404_319;

const VIRTUAL_SHARES: u64 = 1_000_000;
const VIRTUAL_ASSETS: u64 = 1;

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

    fn accrue(&mut self, elapsed: u64) -> CurveResult<()> {
        let error = error_wad(self.utilisation_wad()?)?;
        let (average, end) = adapt(self.rate_at_target_wad, error, elapsed)?;
        let rate = unsigned(curve_wad(average, error)?)?;
        let interest = mul_div_down(self.total_borrow_assets, compounded_wad(rate, elapsed)?, WAD)?;
        self.rate_at_target_wad = end;
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
        if self.total_supply_assets.is_zero() {
            return Ok(U256::ZERO);
        }
        mul_div_down(self.total_borrow_assets, WAD, self.total_supply_assets)
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

    /// The rates from this moment on, no time having passed.
    ///
    /// # Errors
    /// If a number overflows.
    pub fn rates(&self) -> CurveResult<MorphoBlueRates> {
        let utilisation_wad = self.utilisation_wad()?;
        let borrow_wad =
            unsigned(curve_wad(self.rate_at_target_wad, error_wad(utilisation_wad)?)?)?;
        let kept_wad = sub(WAD, self.fee_wad)?;
        let supply_wad =
            mul_div_down(mul_div_down(borrow_wad, utilisation_wad, WAD)?, kept_wad, WAD)?;
        let product = mul(mul(borrow_wad, utilisation_wad)?, kept_wad)?;
        let supply_yearly_ray =
            div_down(mul(div_down(product, u256(1_000_000_000))?, u256(YEAR_SECONDS))?, WAD)?;
        Ok(MorphoBlueRates { borrow_wad, supply_wad, supply_yearly_ray, utilisation_wad })
    }

    /// The same curve without rounding, as the search needs it.
    ///
    /// # Errors
    /// If a number overflows or the rate at target is negative.
    pub fn shape(&self) -> CurveResult<Shape> {
        let wad_to_ray = u256(1_000_000_000);
        let target_rate_ray =
            mul(mul(unsigned(self.rate_at_target_wad)?, u256(YEAR_SECONDS))?, wad_to_ray)?;
        Ok(Shape {
            debt: self.total_borrow_assets,
            supplied: self.total_supply_assets,
            deficit: U256::ZERO,
            optimal_usage_ray: mul(u256(TARGET_WAD), wad_to_ray)?,
            base_rate_ray: target_rate_ray >> 2,
            slope1_ray: sub(target_rate_ray, target_rate_ray >> 2)?,
            slope2_ray: mul(target_rate_ray, u256(3))?,
            kept_ray: sub(RAY, mul(self.fee_wad, wad_to_ray)?)?,
            // The model's rates are whole units of 10^-18 per second: a few of them a year.
            rate_noise_ray: mul(u256(8 * YEAR_SECONDS), wad_to_ray)?,
        })
    }
}

fn small(value: u64) -> I256 {
    I256::from_raw(u256(value))
}

/// Distance of the utilisation from the target, divided by what is left on that side; 10^18 at full utilisation.
fn error_wad(utilisation_wad: U256) -> CurveResult<I256> {
    let distance = sub_signed(signed(utilisation_wad)?, small(TARGET_WAD))?;
    let side = if utilisation_wad > u256(TARGET_WAD) {
        sub_signed(WAD_SIGNED, small(TARGET_WAD))?
    } else {
        small(TARGET_WAD)
    };
    wad_div_signed(distance, side)
}

/// Average since the last update and end value of the rate at target.
fn adapt(start: I256, error: I256, elapsed: u64) -> CurveResult<(I256, I256)> {
    if start.is_zero() {
        return Ok((small(INITIAL_RATE_WAD), small(INITIAL_RATE_WAD)));
    }
    let speed = wad_mul_signed(small(SPEED_WAD), error)?;
    let adaptation = mul_signed(speed, small(elapsed))?;
    if adaptation.is_zero() {
        return Ok((start, start));
    }
    let end = adapted(start, adaptation)?;
    let middle = adapted(start, div_signed(adaptation, small(2))?)?;
    let sum = add_signed(add_signed(start, end)?, mul_signed(middle, small(2))?)?;
    Ok((div_signed(sum, small(4))?, end))
}

fn adapted(start: I256, adaptation: I256) -> CurveResult<I256> {
    let grown = wad_mul_signed(start, exp_wad(adaptation)?)?;
    Ok(grown.clamp(small(MIN_RATE_WAD), small(MAX_RATE_WAD)))
}

fn curve_wad(rate_at_target: I256, error: I256) -> CurveResult<I256> {
    let steepness =
        small(if error.is_negative() { STEEPNESS_BELOW_WAD } else { STEEPNESS_ABOVE_WAD });
    let factor = add_signed(wad_mul_signed(steepness, error)?, WAD_SIGNED)?;
    wad_mul_signed(factor, rate_at_target)
}

/// exp(x) by 2^q × (1 + r + r²/2), x = q ln 2 + r, q rounded half towards zero.
fn exp_wad(x: I256) -> CurveResult<I256> {
    let bound = |value: i128| I256::try_from(value).map_err(|_| CurveError::Overflow);
    if x < bound(EXP_LOWEST_WAD)? {
        return Ok(I256::ZERO);
    }
    // Clipped, as any larger value is past the clamp of the rate.
    let x = x.min(bound(EXP_HIGHEST_WAD)?);
    let ln2 = bound(i128::from(LN_2_WAD))?;
    let half = bound(i128::from(LN_2_WAD / 2))?;
    let rounded = if x.is_negative() { sub_signed(x, half)? } else { add_signed(x, half)? };
    let q = div_signed(rounded, ln2)?;
    let r = sub_signed(x, mul_signed(q, ln2)?)?;
    let square = div_signed(div_signed(mul_signed(r, r)?, WAD_SIGNED)?, small(2))?;
    let base = add_signed(add_signed(WAD_SIGNED, r)?, square)?;
    // |q| is at most 136, since |x| is at most 94 × 10^18: the shift stays below 256 bits.
    let shift = usize::try_from(q.unsigned_abs()).map_err(|_| CurveError::Overflow)?;
    let magnitude = unsigned(base)?;
    if q.is_negative() { signed(magnitude >> shift) } else { signed(magnitude << shift) }
}

/// Three terms of e^(rate × seconds) − 1, WAD, each rounded down.
fn compounded_wad(rate_wad: U256, seconds: u64) -> CurveResult<U256> {
    let first = mul(rate_wad, u256(seconds))?;
    let second = mul_div_down(first, first, WAD << 1)?;
    let third = mul_div_down(second, first, mul(WAD, u256(3))?)?;
    add(add(first, second)?, third)
}
