//! A year of one history for each contender.

use alloy_primitives::{I256, U256};
use anyhow::{Context, Result};

use crate::{
    contenders::{Contender, gas_price_wei, native_price},
    history::History,
    others::{STEPS, Step},
    world::World,
};

/// What a year brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Year {
    /// What the treasury was worth at its beginning, smallest unit.
    pub before: U256,
    /// And at its end.
    pub after: U256,
    /// Gas of all rebalances in the asset, each rounded up.
    pub gas: U256,
    /// Rebalances that were carried out.
    pub rebalances: u64,
    /// Rebalances that were wanted and reverted. They are not sent, so they cost nothing.
    pub refused: u64,
}

/// Ten thousandths of a percent in one.
const PARTS: u64 = 1_000_000;

impl Year {
    /// Income after gas of what there was at the beginning, in ten thousandths of a percent, rounded down.
    ///
    /// # Errors
    /// If an amount is out of range or there was nothing.
    pub fn income(&self) -> Result<i64> {
        let signed = |amount: U256| I256::try_from(amount).context("an amount out of range");
        let gained = signed(self.after)? - signed(self.before)? - signed(self.gas)?;
        let before = signed(self.before)?;
        anyhow::ensure!(before.is_positive(), "nothing at the beginning");
        let scaled = gained * signed(U256::from(PARTS))?;
        // Towards zero, and one further down if something was cut off a loss.
        let quotient = scaled / before;
        let is_cut = scaled.is_negative() && quotient * before != scaled;
        let quotient = if is_cut { quotient - I256::ONE } else { quotient };
        i64::try_from(quotient).context("an income out of range")
    }
}

/// Opens a history: the world at the beginning of the year, and the steps of the year.
///
/// # Errors
/// Those of [`World::open`].
pub fn open(history: &History) -> Result<(World, Vec<Step>)> {
    let (world, others) = World::open(history)?;
    let steps = usize::try_from(STEPS)?;
    Ok((world, others.take(steps).collect()))
}

/// Goes through a year in a copy of the world.
///
/// # Errors
/// If the treasury cannot be read.
pub fn year(world: &World, steps: &[Step], contender: Contender) -> Result<Year> {
    let mut world = world.clone();
    let before = world.see()?.vault.nav.live_assets;
    let mut year = Year { before, after: before, gas: U256::ZERO, rebalances: 0, refused: 0 };
    for step in steps {
        world.go_on(step);
        if contender == Contender::Hold {
            continue;
        }
        let seen = world.see()?;
        let moves = contender.moves(&world.policy, &seen)?;
        if moves.is_empty() {
            continue;
        }
        match world.rebalance(&seen, &moves) {
            Ok(gas) => {
                let wei = U256::from(gas) * U256::from(gas_price_wei(step.base_fee_wei));
                year.gas += native_price().assets_up(wei).context("a price of gas")?;
                year.rebalances += 1;
            }
            Err(_) => year.refused += 1,
        }
    }
    year.after = world.see()?.vault.nav.live_assets;
    Ok(year)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn income_is_after_gas_and_rounded_down() {
        let income = |before: u64, after: u64, gas: u64| {
            let [before, after, gas] = [before, after, gas].map(U256::from);
            Year { before, after, gas, rebalances: 0, refused: 0 }.income()
        };
        assert_eq!(income(100, 105, 0).unwrap(), 50_000);
        assert_eq!(income(100, 105, 5).unwrap(), 0);
        assert_eq!(income(3, 4, 0).unwrap(), 333_333);
        assert_eq!(income(3, 2, 0).unwrap(), -333_334);
        assert_eq!(income(100, 100, 150).unwrap(), -1_500_000);
        assert!(income(0, 1, 0).is_err());
    }
}
