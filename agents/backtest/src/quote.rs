//! What shares of a strategy are worth, as an exact fraction: by the venue's formula where there is one, else as the
//! position itself was valued.

use alloy_primitives::U256;
use vagus_allocator::curves::{AaveV3Market, Change, MorphoBlueMarket, Spread};
use vagus_policy::{
    AaveV3Curve, Curve, StrategyState,
    math::{PRICE_ONE, mul_div_down, mul_div_up},
};

/// 10^27.
const RAY: U256 = vagus_allocator::math::RAY;
/// What Morpho Blue adds to assets and to shares before it divides one by the other.
pub(crate) const VIRTUAL_ASSETS: U256 = U256::ONE;
pub(crate) const VIRTUAL_SHARES: U256 = U256::from_limbs([1_000_000, 0, 0, 0]);
/// Most that a value by the formula may differ from the one that was read, smallest unit: what one more rounding makes.
const MOST_OFF: U256 = U256::ONE;
/// Binary digits that are added to a fraction before it is multiplied by a factor.
const DIGITS: usize = 64;

/// Assets for a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fraction {
    pub(crate) assets: U256,
    /// Above zero.
    pub(crate) shares: U256,
}

impl Fraction {
    /// What shares are worth, rounded down.
    pub(crate) fn assets_down(self, shares: U256) -> U256 {
        mul_div_down(shares, self.assets, self.shares)
    }

    /// Shares that assets buy, rounded down; none for nothing.
    pub(crate) fn shares_down(self, assets: U256) -> U256 {
        if self.assets.is_zero() {
            U256::ZERO
        } else {
            mul_div_down(assets, self.shares, self.assets)
        }
    }

    /// Shares that are given up for assets, rounded up.
    pub(crate) fn shares_up(self, assets: U256) -> U256 {
        mul_div_up(assets, self.shares, self.assets)
    }

    /// Times a factor, 2^128 = 1.
    pub(crate) fn times(self, factor: U256) -> Self {
        if factor == PRICE_ONE {
            return self;
        }
        Self {
            assets: mul_div_down(self.assets, factor, PRICE_ONE >> DIGITS),
            shares: self.shares.saturating_mul(U256::ONE << DIGITS),
        }
    }
}

/// What shares of a strategy are worth at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quote {
    /// `convertToAssets`.
    pub(crate) convert: Fraction,
    /// `previewRedeem`, after an exit fee.
    pub(crate) redeem: Fraction,
}

impl Quote {
    /// Of a strategy that was seen at `seen_at`, at `at` or later.
    pub(crate) fn of(state: &StrategyState, seen_at: u64, at: u64) -> Self {
        let as_valued = || as_read(state).times(growth(state, seen_at, at).unwrap_or(PRICE_ONE));
        let convert = by_formula(state, seen_at, at).unwrap_or_else(as_valued);
        let has_fee = state.convert_assets.saturating_sub(state.redeem_assets) > MOST_OFF;
        let redeem = if has_fee {
            convert.times(mul_div_down(PRICE_ONE, state.redeem_assets, state.convert_assets))
        } else {
            convert
        };
        Self { convert, redeem }
    }

    /// Times a factor, 2^128 = 1.
    pub(crate) fn times(self, factor: U256) -> Self {
        Self { convert: self.convert.times(factor), redeem: self.redeem.times(factor) }
    }
}

/// As the position was valued; without one, at the price that was read, or else at the guard's reference.
fn as_read(state: &StrategyState) -> Fraction {
    if !state.shares.is_zero() {
        return Fraction { assets: state.convert_assets, shares: state.shares };
    }
    match state.read_price {
        Some(read) if !read.assets.is_zero() => {
            Fraction { assets: read.assets, shares: read.shares }
        }
        _ => Fraction { assets: state.reference_price, shares: PRICE_ONE },
    }
}

/// What time makes of a position whose strategy's own number of shares nobody says, as a factor: of one over several markets
/// what it makes of all that they hold.
fn growth(state: &StrategyState, seen_at: u64, at: u64) -> Option<U256> {
    let Curve::MorphoBlueMarkets(curve) = &state.curve else { return None };
    let total = |at| Some(U256::from(Spread::at(curve, at).ok()?.total()));
    let before = total(seen_at)?;
    (!before.is_zero()).then_some(mul_div_down(total(at)?, PRICE_ONE, before))
}

/// By the venue's formula, if it says of the position what was read of it.
fn by_formula(state: &StrategyState, seen_at: u64, at: u64) -> Option<Fraction> {
    let of = |moment| match &state.curve {
        Curve::Unknown | Curve::MorphoBlueMarkets(_) => None,
        Curve::AaveV3(curve) => aave(curve, moment),
        Curve::MorphoBlue(curve) => {
            let market = MorphoBlueMarket::at(curve, moment).ok()?;
            Some(Fraction {
                assets: market.total_supply_assets.checked_add(VIRTUAL_ASSETS)?,
                shares: market.total_supply_shares.checked_add(VIRTUAL_SHARES)?,
            })
        }
    };
    let seen = of(seen_at)?;
    if seen.assets_down(state.shares).abs_diff(state.convert_assets) > MOST_OFF {
        return None;
    }
    if at == seen_at { Some(seen) } else { of(at) }
}

fn aave(curve: &AaveV3Curve, at: u64) -> Option<Fraction> {
    let stored = AaveV3Market::at(curve, curve.last_update_at).ok()?;
    let rate_ray = stored.rates_after(Change::Deposit(U256::ZERO)).ok()?.supply_ray;
    let assets = AaveV3Market::at(curve, at).ok()?.liquidity_index_ray(rate_ray).ok()?;
    Some(Fraction { assets, shares: RAY })
}
