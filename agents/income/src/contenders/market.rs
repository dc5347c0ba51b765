//! A market as the bots look at it: what is lent, what is owed, and the curve between utilisation and borrow rate.

use alloy_primitives::U256;
use anyhow::{Result, anyhow, bail};
use vagus_allocator::curves::{AaveV3Market, MorphoBlueMarket};
use vagus_policy::{Curve, Snapshot, StrategyState, math::mul_div_down};

/// 10^18.
pub(super) const WAD: U256 = U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);
const YEAR_SECONDS: U256 = U256::from_limbs([31_536_000, 0, 0, 0]);
const WADS_IN_RAY: U256 = U256::from_limbs([1_000_000_000, 0, 0, 0]);
/// Morpho's adaptive curve: its target utilisation, and by how much the rate differs from that at target at the ends.
const MORPHO_TARGET: U256 = U256::from_limbs([900_000_000_000_000_000, 0, 0, 0]);
const MORPHO_STEEPNESS: U256 = U256::from_limbs([4, 0, 0, 0]);

/// Two straight lines from utilisation to the yearly borrow rate, 10^18 = 100 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kinked {
    pub(super) at_zero: U256,
    pub(super) kink: U256,
    pub(super) at_kink: U256,
    pub(super) at_all: U256,
}

impl Kinked {
    /// The borrow rate at a utilisation, rounded down.
    pub(super) fn rate(&self, utilisation: U256) -> U256 {
        let on = |from: U256, to: U256, part: U256, of: U256| {
            from + mul_div_down(to.saturating_sub(from), part, of)
        };
        if utilisation <= self.kink {
            return on(self.at_zero, self.at_kink, utilisation, self.kink);
        }
        let (above, all) = (utilisation.min(WAD) - self.kink, WAD - self.kink);
        on(self.at_kink, self.at_all, above, all)
    }

    /// The utilisation at which borrowers pay a rate, rounded down: none of it below the lowest, all above the highest.
    pub(super) fn utilisation(&self, rate: U256) -> U256 {
        if rate >= self.at_all {
            WAD
        } else if rate >= self.at_kink {
            let (above, all) = (rate - self.at_kink, self.at_all - self.at_kink);
            self.kink + mul_div_down(WAD - self.kink, above, all)
        } else if rate > self.at_zero {
            mul_div_down(self.kink, rate - self.at_zero, self.at_kink - self.at_zero)
        } else {
            U256::ZERO
        }
    }
}

/// A market, with interest to the moment of the snapshot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Market {
    /// Lent by everybody, smallest unit.
    pub(super) lent: U256,
    /// Owed.
    pub(super) owed: U256,
    /// The treasury's part of `lent`.
    pub(super) position: U256,
    /// What the treasury gets out now.
    pub(super) payable: U256,
    /// What it may put in.
    pub(super) room: U256,
    pub(super) curve: Kinked,
}

impl Market {
    /// The markets of a snapshot.
    pub(super) fn all(seen: &Snapshot) -> Result<Vec<Self>> {
        let at = seen.block.timestamp;
        seen.vault.strategies.iter().map(|state| Self::of(state, at)).collect()
    }

    fn of(state: &StrategyState, at: u64) -> Result<Self> {
        let unfit = |error| anyhow!("{}: {error:?}", state.symbol);
        let (lent, owed, curve) = match &state.curve {
            Curve::AaveV3(raw) => {
                let market = AaveV3Market::at(raw, at).map_err(unfit)?;
                let at_kink = raw.base_rate_ray + raw.slope1_ray;
                let curve = Kinked {
                    at_zero: raw.base_rate_ray / WADS_IN_RAY,
                    kink: raw.optimal_usage_ray / WADS_IN_RAY,
                    at_kink: at_kink / WADS_IN_RAY,
                    at_all: (at_kink + raw.slope2_ray) / WADS_IN_RAY,
                };
                (market.available() + market.debt(), market.debt(), curve)
            }
            Curve::MorphoBlue(raw) => {
                let market = MorphoBlueMarket::at(raw, at).map_err(unfit)?;
                let at_kink = market.rate_at_target_wad.unsigned_abs() * YEAR_SECONDS;
                let curve = Kinked {
                    at_zero: at_kink / MORPHO_STEEPNESS,
                    kink: MORPHO_TARGET,
                    at_kink,
                    at_all: at_kink * MORPHO_STEEPNESS,
                };
                (market.total_supply_assets, market.total_borrow_assets, curve)
            }
            Curve::MorphoBlueMarkets(_) => bail!("{}: several markets at once", state.symbol),
            Curve::Unknown => bail!("{}: no known venue", state.symbol),
        };
        Ok(Self {
            lent,
            owed,
            position: state.redeem_assets,
            payable: state.max_withdraw_assets,
            room: state.max_deposit_assets,
            curve,
        })
    }

    /// Owed ÷ lent, rounded down.
    pub(super) fn utilisation(&self) -> U256 {
        if self.lent.is_zero() { U256::ZERO } else { mul_div_down(self.owed, WAD, self.lent) }
    }

    /// What has to be put in for a lower utilisation, as far as there is room.
    pub(super) fn deposit_to(&self, utilisation: U256) -> U256 {
        let lent = mul_div_down(self.owed, WAD, utilisation.max(U256::ONE));
        lent.saturating_sub(self.lent).min(self.room)
    }

    /// What has to be taken out for a higher utilisation, as far as it is the treasury's and to be had.
    pub(super) fn withdrawal_to(&self, utilisation: U256) -> U256 {
        let lent = mul_div_down(self.owed, WAD, utilisation.max(U256::ONE));
        self.lent.saturating_sub(lent).min(self.payable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_and_utilisation_are_inverse() {
        let percent = |n: u64| U256::from(n) * WAD / U256::from(100);
        let curve = Kinked {
            at_zero: percent(1),
            kink: percent(90),
            at_kink: percent(4),
            at_all: percent(16),
        };
        for (utilisation, rate) in [(0, 1), (30, 2), (90, 4), (95, 10), (100, 16)] {
            assert_eq!(curve.rate(percent(utilisation)), percent(rate));
            assert_eq!(curve.utilisation(percent(rate)), percent(utilisation));
        }
        assert_eq!(curve.utilisation(percent(17)), WAD);
        assert_eq!(curve.utilisation(U256::ZERO), U256::ZERO);
    }
}
