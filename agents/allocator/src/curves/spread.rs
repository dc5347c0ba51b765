//! How a strategy of ours over several markets of Morpho Blue spreads its assets.
//!
//! Order and integers are those of the contract (`contracts/strategies/MorphoBlueMarketsStrategy.sol`): deposits fill the
//! markets from the first to the last, each up to its cap; withdrawals empty them from the last to the first, each as far as
//! it can pay, and pass over one in which no more is to be had than an exit from it may lose by rounding. Morpho's own
//! balance, which the contract looks at too, is never less than what its markets have not lent, but in the midst of a flash
//! loan.

use alloy_primitives::U256;
use vagus_policy::{MorphoBlueHolding, MorphoBlueMarketsCurve};

use super::{Change, MorphoBlueMarket};
use crate::math::{CurveError, CurveResult, add, amount, mul_div_down, mul_div_up, u256};

/// Most markets that the contract takes.
const MOST_MARKETS: usize = 8;
/// Positions and rooms stay below this, so that sums of them fit.
const LARGEST: u128 = 1 << 112;

/// A strategy's markets at one moment, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spread {
    slots: Vec<Slot>,
}

/// One market with what the strategy has in it; all of it for all of the strategy's holders, smallest unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The market, accrued to the moment.
    pub market: MorphoBlueMarket,
    /// What the strategy's shares there are worth.
    pub held: u128,
    /// What deposits may add.
    pub room: u128,
    /// What withdrawals can take.
    pub payable: u128,
    /// Most that an entry or an exit may lose by rounding.
    pub rounding: u128,
}

impl Slot {
    fn at(holding: &MorphoBlueHolding, at: u64) -> CurveResult<Self> {
        let market = MorphoBlueMarket::at(&holding.curve, at)?;
        let held = fitting(market.worth_down(holding.supply_shares)?)?;
        let rounding = fitting(add(market.worth_up(U256::ONE)?, U256::ONE)?)?;
        let room = holding.cap.saturating_sub(amount(held)).min(amount(LARGEST));
        let available = amount(held).min(market.withdraw_room());
        let payable = if available <= amount(rounding) { U256::ZERO } else { available };
        Ok(Self { market, held, room: fitting(room)?, payable: fitting(payable)?, rounding })
    }
}

impl Spread {
    /// The strategy's markets accrued to `at`, Unix time.
    ///
    /// # Errors
    /// As [`MorphoBlueMarket::at`], [`CurveError::Inconsistent`] if there are no markets or more than the contract takes.
    pub fn at(curve: &MorphoBlueMarketsCurve, at: u64) -> CurveResult<Self> {
        if curve.markets.is_empty() || curve.markets.len() > MOST_MARKETS {
            return Err(CurveError::Inconsistent);
        }
        let slots = curve.markets.iter().map(|holding| Slot::at(holding, at));
        Ok(Self { slots: slots.collect::<CurveResult<_>>()? })
    }

    /// The markets, in the order in which deposits fill them.
    #[must_use]
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// What the strategy holds in all, smallest unit: `totalAssets`.
    #[must_use]
    pub fn total(&self) -> u128 {
        self.slots.iter().map(|slot| slot.held).sum()
    }

    /// What it takes in, smallest unit: `maxDeposit`, as far as that is below 2^112 in each market.
    #[must_use]
    pub fn deposit_room(&self) -> u128 {
        self.slots.iter().map(|slot| slot.room).sum()
    }

    /// What it can pay out to all of its holders, smallest unit.
    #[must_use]
    pub fn withdraw_room(&self) -> u128 {
        self.slots.iter().map(|slot| slot.payable).sum()
    }

    /// What it holds in each market after a change, smallest unit.
    ///
    /// # Errors
    /// [`CurveError::Inconsistent`] if it does not take in or cannot pay out so much.
    pub fn after(&self, change: Change) -> CurveResult<Vec<u128>> {
        let mut held: Vec<u128> = self.slots.iter().map(|slot| slot.held).collect();
        let places = held.iter_mut().zip(&self.slots);
        let left = match change {
            Change::Deposit(assets) => places.fold(fitting(assets)?, |left, (held, slot)| {
                let moved = left.min(slot.room);
                *held += moved;
                left - moved
            }),
            Change::Withdrawal(assets) => {
                places.rev().fold(fitting(assets)?, |left, (held, slot)| {
                    let moved = left.min(slot.payable);
                    *held -= moved;
                    left - moved
                })
            }
        };
        if left == 0 { Ok(held) } else { Err(CurveError::Inconsistent) }
    }
}

impl MorphoBlueMarket {
    /// What supply shares are worth, rounded down.
    fn worth_down(&self, shares: U256) -> CurveResult<U256> {
        let (assets, all) = self.priced()?;
        mul_div_down(shares, assets, all)
    }

    /// The same, rounded up.
    fn worth_up(&self, shares: U256) -> CurveResult<U256> {
        let (assets, all) = self.priced()?;
        mul_div_up(shares, assets, all)
    }

    /// Assets and shares with what Morpho adds to each before it divides.
    fn priced(&self) -> CurveResult<(U256, U256)> {
        Ok((
            add(self.total_supply_assets, u256(super::morpho_blue::VIRTUAL_ASSETS))?,
            add(self.total_supply_shares, u256(super::morpho_blue::VIRTUAL_SHARES))?,
        ))
    }
}

fn fitting(value: U256) -> CurveResult<u128> {
    u128::try_from(value).ok().filter(|fits| *fits <= LARGEST).ok_or(CurveError::Overflow)
}
