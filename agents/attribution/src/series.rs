//! The period as lines of a plot: at each point what is held, what it earned, and what other ways would have earned.
//!
//! Values along the way are rounded down by strategy; to the unit is only the end, in the attribution.

use std::collections::BTreeMap;

use alloy_primitives::I256;

use crate::{
    Actor, Delta, History, Kind, Point, Result,
    attribution::{add, signed, value},
};

/// The vault at one point. Smallest unit of the asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Height.
    pub block: u64,
    /// Unix time.
    pub timestamp: u64,
    /// Idle.
    pub idle: I256,
    /// Value of each strategy.
    pub values: Vec<I256>,
    /// All of it.
    pub total: I256,
    /// V(t) − V(0) − flows until then.
    pub income: I256,
    /// The same without any decision: opening portfolio and flows held unchanged.
    pub unmanaged: I256,
    /// The same if the opening value and every flow had gone wholly into one strategy, at the prices of their blocks; none from
    /// the first time on at which its shares cost nothing or cannot be read.
    pub single: Vec<Option<I256>>,
    /// By actor: what its decisions until then have come to, less the gas that has a price.
    pub actors: BTreeMap<Actor, I256>,
}

/// A portfolio of signed amounts: what would be held if only some events had happened.
#[derive(Clone, Debug)]
struct Portfolio {
    delta: Delta,
}

impl Portfolio {
    fn add(&mut self, delta: &Delta, block: u64) -> Result<()> {
        self.delta.idle = add(self.delta.idle, delta.idle, block)?;
        for (held, change) in self.delta.shares.iter_mut().zip(&delta.shares) {
            *held = add(*held, *change, block)?;
        }
        Ok(())
    }

    fn values(&self, point: &Point) -> Result<Vec<I256>> {
        let shares = self.delta.shares.iter().zip(&point.prices);
        shares.map(|(shares, price)| Ok(value(*price, *shares, point.block)?.whole)).collect()
    }

    fn total(&self, point: &Point) -> Result<I256> {
        let values = self.values(point)?;
        values.iter().try_fold(self.delta.idle, |sum, value| add(sum, *value, point.block))
    }
}

/// The series of a history, one sample for each point.
///
/// # Errors
/// As [`crate::attribute`], but for prices that value the end at no whole amount.
pub fn series(history: &History) -> Result<Vec<Sample>> {
    let (opening, _) = history.validate()?;
    let venues = history.venues();
    let mut real = Portfolio { delta: Delta::none(venues) };
    let shares = history.opening.shares.iter().map(|shares| signed(*shares, opening.block));
    real.delta = Delta {
        idle: signed(history.opening.idle, opening.block)?,
        shares: shares.collect::<Result<_>>()?,
    };
    let mut unmanaged = real.clone();
    let mut actors: BTreeMap<Actor, (Portfolio, I256)> = BTreeMap::new();
    // What came in so far, the opening included, and what it would have bought of each strategy alone.
    let mut invested = I256::ZERO;
    let mut alone: Vec<Option<I256>> = vec![Some(I256::ZERO); venues];
    let mut events = history.events.iter().peekable();
    let mut samples = Vec::with_capacity(history.points.len());
    for (place, point) in history.points.iter().enumerate() {
        let block = point.block;
        let mut entered = if place == 0 { real.total(point)? } else { I256::ZERO };
        while let Some(event) = events.next_if(|event| event.point == place) {
            real.add(&event.delta, block)?;
            match event.kind {
                Kind::Flow(_) => {
                    unmanaged.add(&event.delta, block)?;
                    let flow = Portfolio { delta: event.delta.clone() };
                    entered = add(entered, flow.total(point)?, block)?;
                }
                Kind::Decision(decision) => {
                    let none = || (Portfolio { delta: Delta::none(venues) }, I256::ZERO);
                    let (moved, gas) = actors.entry(decision.actor).or_insert_with(none);
                    moved.add(&event.delta, block)?;
                    let paid = signed(decision.gas_assets.unwrap_or_default(), block)?;
                    *gas = add(*gas, paid, block)?;
                }
            }
        }
        invested = add(invested, entered, block)?;
        let mut single = Vec::with_capacity(venues);
        for (units, price) in alone.iter_mut().zip(&point.prices) {
            let bought = price.shares_for(entered);
            *units = match (*units, bought) {
                (Some(units), _) if entered.is_zero() => Some(units),
                (Some(units), Some(bought)) => Some(add(units, bought, block)?),
                _ => None,
            };
            let worth = units.map(|units| value(*price, units, block)).transpose()?;
            single.push(worth.map(|worth| add(worth.whole, -invested, block)).transpose()?);
        }
        let mut profits = BTreeMap::new();
        for (actor, (moved, gas)) in &actors {
            profits.insert(*actor, add(moved.total(point)?, -*gas, block)?);
        }
        let total = real.total(point)?;
        samples.push(Sample {
            block,
            timestamp: point.timestamp,
            idle: real.delta.idle,
            values: real.values(point)?,
            total,
            income: add(total, -invested, block)?,
            unmanaged: add(unmanaged.total(point)?, -invested, block)?,
            single,
            actors: profits,
        });
    }
    Ok(samples)
}
