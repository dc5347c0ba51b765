//! One market of a generated history.

use alloy_primitives::{I256, U256};
use vagus_allocator::curves::{AaveV3Market, Change, MorphoBlueMarket};
use vagus_draw::Draw;
use vagus_policy::{
    AaveV3Curve, Curve, MorphoBlueCurve,
    math::{bps_down, mul_div_down},
};

use super::WHOLE;

const RAY: U256 = vagus_allocator::math::RAY;
/// Shares of Morpho Blue for one unit at the beginning.
const MORPHO_SHARES: u64 = 1;
/// Utilisation beyond which nobody borrows, and below which nobody repays, bps.
const MOST_USED_BPS: u16 = 9_500;
const LEAST_USED_BPS: u16 = 3_000;

/// A market with what others do in it.
#[derive(Clone, Debug)]
pub(crate) struct Market {
    curve: Curve,
}

#[cfg(test)]
impl From<Curve> for Market {
    fn from(curve: Curve) -> Self {
        Self { curve }
    }
}

fn bps_of(of: U256, bps: u64) -> U256 {
    mul_div_down(of, U256::from(bps), U256::from(10_000))
}

impl Market {
    /// A market of 20 to 60 million, of which 60 to 90 % is lent.
    pub(crate) fn new(draw: &mut Draw, place: usize, at: u64) -> Self {
        let supplied = U256::from(u128::from(draw.within(20_000_000, 60_000_000)) * WHOLE);
        let debt = bps_of(supplied, draw.within(6_000, 9_000));
        let curve = if place.is_multiple_of(2) {
            Curve::AaveV3(AaveV3Curve {
                // Active, six decimals, a reserve factor of 10 %.
                configuration: (U256::ONE << 56)
                    | (U256::from(6) << 48)
                    | (U256::from(1_000) << 64),
                optimal_usage_ray: bps_of(RAY, draw.within(8_000, 9_200)),
                base_rate_ray: U256::ZERO,
                slope1_ray: bps_of(RAY, draw.within(350, 700)),
                slope2_ray: bps_of(RAY, draw.within(4_000, 9_000)),
                variable_borrow_index_ray: RAY,
                variable_borrow_rate_ray: U256::ZERO,
                scaled_debt: debt,
                virtual_balance: supplied - debt,
                deficit: U256::ZERO,
                last_update_at: at,
                total_a_token_supply: supplied,
                accrued_to_treasury: U256::ZERO,
                liquidity_index_ray: RAY,
            })
        } else {
            let yearly_bps = draw.within(250, 700);
            let rate_at_target = u128::from(yearly_bps) * 100_000_000_000_000 / 31_536_000;
            let shares = supplied * U256::from(MORPHO_SHARES);
            Curve::MorphoBlue(MorphoBlueCurve {
                total_supply_assets: supplied,
                total_supply_shares: shares,
                total_borrow_assets: debt,
                total_borrow_shares: debt * U256::from(MORPHO_SHARES),
                last_update_at: at,
                fee_wad: U256::ZERO,
                rate_at_target_wad: I256::from_raw(U256::from(rate_at_target)),
            })
        };
        Self { curve }
    }

    pub(crate) const fn curve(&self) -> &Curve {
        &self.curve
    }

    /// What can be paid out.
    pub(super) fn cash(&self) -> U256 {
        match &self.curve {
            Curve::Unknown | Curve::MorphoBlueMarkets(_) => U256::ZERO,
            Curve::AaveV3(curve) => curve.virtual_balance,
            Curve::MorphoBlue(curve) => {
                curve.total_supply_assets.saturating_sub(curve.total_borrow_assets)
            }
        }
    }

    /// Accrues to a moment and lets somebody act: what does not add up is left as it was.
    pub(super) fn go_on(&mut self, draw: &mut Draw, at: u64) {
        let (part_bps, kind) = (draw.within(1, 600), draw.below(4));
        self.act(at, part_bps, kind);
    }

    /// Accrues to a moment as if somebody had touched it.
    #[cfg(test)]
    pub(crate) fn accrue(&mut self, at: u64) {
        self.act(at, 0, 0);
    }

    fn act(&mut self, at: u64, part_bps: u64, kind: u64) {
        let next = match &self.curve {
            Curve::Unknown | Curve::MorphoBlueMarkets(_) => None,
            Curve::AaveV3(curve) => aave(curve, at, part_bps, kind).map(Curve::AaveV3),
            Curve::MorphoBlue(curve) => morpho(curve, at, part_bps, kind).map(Curve::MorphoBlue),
        };
        if let Some(next) = next {
            self.curve = next;
        }
    }
}

/// What is lent and what is supplied after somebody has acted on a part of the market.
fn acted(debt: U256, supplied: U256, part_bps: u64, kind: u64) -> (U256, U256) {
    let amount = bps_of(supplied, part_bps);
    let (most, least) = (bps_down(supplied, MOST_USED_BPS), bps_down(supplied, LEAST_USED_BPS));
    match kind {
        0 => (debt.saturating_add(amount).min(most).max(debt), supplied),
        1 => (debt.saturating_sub(amount).max(least).min(debt), supplied),
        2 => (debt, supplied.saturating_add(amount)),
        _ if debt < bps_down(supplied.saturating_sub(amount), MOST_USED_BPS) => {
            (debt, supplied - amount)
        }
        _ => (debt, supplied),
    }
}

fn aave(curve: &AaveV3Curve, at: u64, part_bps: u64, kind: u64) -> Option<AaveV3Curve> {
    let still = Change::Deposit(U256::ZERO);
    let stored = AaveV3Market::at(curve, curve.last_update_at).ok()?;
    let rate_ray = stored.rates_after(still).ok()?.supply_ray;
    let market = AaveV3Market::at(curve, at).ok()?;
    let mut next = curve.clone();
    next.last_update_at = at;
    next.liquidity_index_ray = market.liquidity_index_ray(rate_ray).ok()?;
    next.variable_borrow_index_ray = market.borrow_index_ray();
    let supplied = curve.virtual_balance.checked_add(market.debt())?;
    let (debt, supplied) = acted(market.debt(), supplied, part_bps, kind);
    next.scaled_debt = mul_div_down(debt, RAY, next.variable_borrow_index_ray);
    next.virtual_balance = supplied.checked_sub(debt)?;
    next.total_a_token_supply = supplied;
    next.variable_borrow_rate_ray =
        AaveV3Market::at(&next, at).ok()?.rates_after(still).ok()?.borrow_ray;
    Some(next)
}

fn morpho(curve: &MorphoBlueCurve, at: u64, part_bps: u64, kind: u64) -> Option<MorphoBlueCurve> {
    let market = MorphoBlueMarket::at(curve, at).ok()?;
    let (before, shares) = (market.total_supply_assets, market.total_supply_shares);
    let (debt, supplied) = acted(market.total_borrow_assets, before, part_bps, kind);
    Some(MorphoBlueCurve {
        total_supply_assets: supplied,
        total_supply_shares: mul_div_down(shares, supplied, before),
        total_borrow_assets: debt,
        total_borrow_shares: mul_div_down(
            market.total_borrow_shares,
            debt,
            market.total_borrow_assets,
        ),
        last_update_at: at,
        fee_wad: curve.fee_wad,
        rate_at_target_wad: market.rate_at_target_wad,
    })
}
