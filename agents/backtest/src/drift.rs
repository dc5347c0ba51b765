//! How a venue with our position replaced stands to the recorded one.
//!
//! Others' cash movements and shares are held fixed, so four numbers say it all: the cash that we have there more or less,
//! and what debt, share price and rate at target have become in between, as factors of the recorded ones. A factor goes on by
//! what the venue's formula makes of both states over the same time: growth with our position replaced over growth as
//! recorded. So what the formula does not see (a block between two lines in which somebody moved) is in both, and a venue
//! at which nothing differs stays the recorded one to the last digit.

use alloy_primitives::{I256, U256};
use serde::{Deserialize, Serialize};
use vagus_allocator::{
    curves::{AaveV3Market, Change, MorphoBlueMarket, Spread, spread::Slot},
    math::{CurveError, CurveResult},
};
use vagus_policy::{
    AaveV3Curve, Curve, MorphoBlueCurve, MorphoBlueHolding, MorphoBlueMarketsCurve, decimal,
    math::{PRICE_ONE, mul_div_down},
};

use crate::quote::{VIRTUAL_ASSETS, VIRTUAL_SHARES};

/// One venue beside the recorded one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Drift {
    /// Cash there is more, smallest unit of the asset.
    #[serde(with = "decimal")]
    pub(crate) cash: I256,
    /// Debt, as a factor, 2^128 = 1; the others likewise.
    #[serde(with = "decimal")]
    debt: U256,
    /// Worth of a share.
    #[serde(with = "decimal")]
    pub(crate) price: U256,
    /// Morpho Blue's rate at target.
    #[serde(with = "decimal")]
    target: U256,
}

impl Drift {
    /// The recorded venue itself.
    pub(crate) const NONE: Self =
        Self { cash: I256::ZERO, debt: PRICE_ONE, price: PRICE_ONE, target: PRICE_ONE };

    /// Whether the venue is the recorded one.
    pub(crate) fn is_none(&self) -> bool {
        *self == Self::NONE
    }

    /// Goes on from `from` to `to` at a venue whose curve was read at `from`. What the formulas do not give stays.
    #[must_use]
    pub(crate) fn grown(self, curve: &Curve, from: u64, to: u64) -> Self {
        if self.is_none() || to <= from {
            return self;
        }
        self.growth(curve, from, to).unwrap_or(self)
    }

    fn growth(self, curve: &Curve, from: u64, to: u64) -> CurveResult<Self> {
        let recorded = Growth::of(&Self::NONE.applied(curve, from)?, from, to)?;
        let own = Growth::of(&self.applied(curve, from)?, from, to)?;
        let factor = |now, own, recorded: U256| {
            if recorded.is_zero() { now } else { mul_div_down(now, own, recorded) }
        };
        Ok(Self {
            cash: self.cash,
            debt: factor(self.debt, own.debt, recorded.debt),
            price: factor(self.price, own.price, recorded.price),
            target: factor(self.target, own.target, recorded.target),
        })
    }

    /// The curve with our position replaced, as if the venue had been touched at `at`; the recorded one where nothing
    /// differs, or where the formulas do not hold.
    pub(crate) fn replaced(&self, curve: &Curve, at: u64) -> Curve {
        if self.is_none() {
            return curve.clone();
        }
        self.applied(curve, at).unwrap_or_else(|_| curve.clone())
    }

    fn applied(&self, curve: &Curve, at: u64) -> CurveResult<Curve> {
        match curve {
            Curve::Unknown => Ok(Curve::Unknown),
            Curve::AaveV3(curve) => self.aave(curve, at).map(Curve::AaveV3),
            Curve::MorphoBlue(curve) => self.morpho(curve, at).map(Curve::MorphoBlue),
            Curve::MorphoBlueMarkets(curve) => {
                self.markets(curve, at).map(Curve::MorphoBlueMarkets)
            }
        }
    }

    /// Of several markets only what we hold more or less is told apart, spread by the strategy's own order; what that makes of
    /// each market's debt and rate at target in the course of time is not. What the order has no room for goes into the last
    /// market, and what it cannot pay comes from the last ones.
    fn markets(
        &self,
        curve: &MorphoBlueMarketsCurve,
        at: u64,
    ) -> CurveResult<MorphoBlueMarketsCurve> {
        let spread = Spread::at(curve, at)?;
        let mut left =
            u128::try_from(self.cash.unsigned_abs()).map_err(|_| CurveError::Overflow)?;
        let mut moved = vec![0_u128; spread.slots().len()];
        let is_less = self.cash.is_negative();
        let mut take = |place: usize, most: u128| {
            let part = left.min(most);
            moved[place] += part;
            left -= part;
        };
        let slots = || spread.slots().iter().enumerate();
        if is_less {
            slots().rev().for_each(|(place, slot)| take(place, slot.payable));
            slots().rev().for_each(|(place, slot)| take(place, slot.held - slot.payable));
        } else {
            slots().for_each(|(place, slot)| take(place, slot.room));
            take(spread.slots().len() - 1, u128::MAX);
        }
        let holding = |((holding, slot), moved): ((&MorphoBlueHolding, &Slot), u128)| {
            let market = &slot.market;
            let (assets, all) = (market.total_supply_assets, market.total_supply_shares);
            let moved = U256::from(moved);
            let shares = mul_div_down(
                moved,
                all.saturating_add(VIRTUAL_SHARES),
                assets.saturating_add(VIRTUAL_ASSETS),
            );
            let changed = |amount: U256, by: U256| {
                if is_less { amount.saturating_sub(by) } else { amount.saturating_add(by) }
            };
            MorphoBlueHolding {
                supply_shares: changed(holding.supply_shares, shares),
                curve: MorphoBlueCurve {
                    total_supply_assets: changed(assets, moved).max(market.total_borrow_assets),
                    total_supply_shares: changed(all, shares),
                    total_borrow_assets: market.total_borrow_assets,
                    total_borrow_shares: market.total_borrow_shares,
                    last_update_at: at,
                    fee_wad: market.fee_wad,
                    rate_at_target_wad: market.rate_at_target_wad,
                },
                ..holding.clone()
            }
        };
        let markets = curve.markets.iter().zip(spread.slots()).zip(moved).map(holding).collect();
        Ok(MorphoBlueMarketsCurve { markets })
    }

    fn aave(&self, curve: &AaveV3Curve, at: u64) -> CurveResult<AaveV3Curve> {
        let stored = AaveV3Market::at(curve, curve.last_update_at)?;
        let stored_ray = stored.rates_after(Change::Deposit(U256::ZERO))?.supply_ray;
        let market = AaveV3Market::at(curve, at)?;
        let mut own = curve.clone();
        own.last_update_at = at;
        own.liquidity_index_ray =
            mul_div_down(market.liquidity_index_ray(stored_ray)?, self.price, PRICE_ONE);
        own.variable_borrow_index_ray =
            mul_div_down(market.borrow_index_ray(), self.debt, PRICE_ONE);
        own.virtual_balance = shifted(curve.virtual_balance, self.cash)?;
        let touched = AaveV3Market::at(&own, at)?;
        own.variable_borrow_rate_ray = touched.rates_after(Change::Deposit(U256::ZERO))?.borrow_ray;
        let more = self.more(market.debt(), touched.debt())?;
        own.total_a_token_supply = shifted(curve.total_a_token_supply, more)?;
        Ok(own)
    }

    fn morpho(&self, curve: &MorphoBlueCurve, at: u64) -> CurveResult<MorphoBlueCurve> {
        let market = MorphoBlueMarket::at(curve, at)?;
        let debt = mul_div_down(market.total_borrow_assets, self.debt, PRICE_ONE);
        let more = self.more(market.total_borrow_assets, debt)?;
        let supplied = shifted(market.total_supply_assets, more)?.max(debt);
        // As many shares as the price leaves; fees are minted by it.
        let price = mul_div_down(
            self.price,
            market.total_supply_assets,
            market.total_supply_shares.max(U256::ONE),
        );
        let shares = if price.is_zero() {
            market.total_supply_shares
        } else {
            mul_div_down(supplied, PRICE_ONE, price)
        };
        let target = mul_div_down(market.rate_at_target_wad.unsigned_abs(), self.target, PRICE_ONE);
        Ok(MorphoBlueCurve {
            total_supply_assets: supplied,
            total_supply_shares: shares,
            total_borrow_assets: debt,
            total_borrow_shares: market.total_borrow_shares,
            last_update_at: at,
            fee_wad: market.fee_wad,
            rate_at_target_wad: I256::try_from(target).map_err(|_| CurveError::Overflow)?,
        })
    }

    /// What is supplied more, if debt is another: cash and debt together.
    fn more(&self, debt: U256, own: U256) -> CurveResult<I256> {
        let signed = |amount| I256::try_from(amount).map_err(|_| CurveError::Overflow);
        let debt = signed(own)?.checked_sub(signed(debt)?).ok_or(CurveError::Overflow)?;
        self.cash.checked_add(debt).ok_or(CurveError::Overflow)
    }
}

/// An amount with a signed one added; nothing less than zero.
pub(crate) fn shifted(amount: U256, by: I256) -> CurveResult<U256> {
    if by.is_negative() {
        return Ok(amount.saturating_sub(by.unsigned_abs()));
    }
    amount.checked_add(by.unsigned_abs()).ok_or(CurveError::Overflow)
}

/// What time makes of a venue that nobody touches, as factors, 2^128 = 1.
struct Growth {
    debt: U256,
    price: U256,
    target: U256,
}

impl Growth {
    /// Of a curve that was touched at `from`.
    fn of(curve: &Curve, from: u64, to: u64) -> CurveResult<Self> {
        let factor = |before: U256, after: U256| {
            if before.is_zero() { PRICE_ONE } else { mul_div_down(after, PRICE_ONE, before) }
        };
        match curve {
            Curve::Unknown => Ok(Self { debt: PRICE_ONE, price: PRICE_ONE, target: PRICE_ONE }),
            Curve::AaveV3(curve) => {
                let before = AaveV3Market::at(curve, from)?;
                let rate_ray = before.rates_after(Change::Deposit(U256::ZERO))?.supply_ray;
                let after = AaveV3Market::at(curve, to)?;
                Ok(Self {
                    debt: factor(before.borrow_index_ray(), after.borrow_index_ray()),
                    price: factor(curve.liquidity_index_ray, after.liquidity_index_ray(rate_ray)?),
                    target: PRICE_ONE,
                })
            }
            Curve::MorphoBlue(curve) => {
                let (before, after) =
                    (MorphoBlueMarket::at(curve, from)?, MorphoBlueMarket::at(curve, to)?);
                let price = |market: &MorphoBlueMarket| {
                    let shares = market.total_supply_shares.max(U256::ONE);
                    mul_div_down(market.total_supply_assets, PRICE_ONE, shares)
                };
                let target = |market: &MorphoBlueMarket| market.rate_at_target_wad.unsigned_abs();
                Ok(Self {
                    debt: factor(before.total_borrow_assets, after.total_borrow_assets),
                    price: factor(price(&before), price(&after)),
                    target: factor(target(&before), target(&after)),
                })
            }
            Curve::MorphoBlueMarkets(curve) => {
                let total = |at| Ok(U256::from(Spread::at(curve, at)?.total()));
                let price = factor(total(from)?, total(to)?);
                Ok(Self { debt: PRICE_ONE, price, target: PRICE_ONE })
            }
        }
    }
}

#[cfg(test)]
mod tests;
