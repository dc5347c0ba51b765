//! The attribution itself, and the rule by which remainders find their place.

use alloy_primitives::{I256, U256};
use serde::Serialize;
use vagus_policy::decimal;

use crate::{
    AttributionError, Delta, History, Kind, Point, Result,
    amount::{Cut, Price},
};

/// What one event, or the opening portfolio, has to do with the result. Smallest unit of the asset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Δ·p at the end of its block: of a flow, what came in or went out; of a decision, what its execution alone made or
    /// cost; of the opening portfolio zero.
    pub at_block: I256,
    /// What it has gained since at each strategy, Δ·(p(T) − p(t)).
    pub gains: Vec<I256>,
    /// The sum of the gains.
    pub gained: I256,
}

impl Part {
    /// What a decision is credited with: Δ·p(T).
    ///
    /// # Errors
    /// [`AttributionError::OutOfRange`].
    pub fn credit(&self) -> Result<I256> {
        add(self.at_block, self.gained, 0)
    }
}

/// One strategy over the period. Smallest unit of the asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct VenueResult {
    /// Value at the opening.
    #[serde(with = "decimal")]
    pub opening_assets: I256,
    /// Value at the end.
    #[serde(with = "decimal")]
    pub closing_assets: I256,
    /// What decisions brought in, net, at the prices of their blocks.
    #[serde(with = "decimal")]
    pub moved_assets: I256,
    /// What flows brought in, net, at the prices of their blocks.
    #[serde(with = "decimal")]
    pub flowed_assets: I256,
    /// Closing less opening, moved and flowed.
    #[serde(with = "decimal")]
    pub gained: I256,
    /// Of that: of the opening portfolio, held unchanged.
    #[serde(with = "decimal")]
    pub gained_held: I256,
    /// Of that: of decisions.
    #[serde(with = "decimal")]
    pub gained_decisions: I256,
    /// Of that: of flows.
    #[serde(with = "decimal")]
    pub gained_flows: I256,
}

/// Where the result came from. Smallest unit of the asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribution {
    /// V(0).
    pub opening_assets: I256,
    /// V(T).
    pub closing_assets: I256,
    /// Sum of all flows at the prices of their blocks.
    pub flowed_assets: I256,
    /// V(T) − V(0) − flows: the vault's result in live value.
    pub result: I256,
    /// The opening portfolio, held unchanged.
    pub held: Part,
    /// Of each event, in their order.
    pub parts: Vec<Part>,
    /// Sum of what decisions are credited with.
    pub decided: I256,
    /// Sum of what flows have gained since.
    pub gained_flows: I256,
    /// Of each strategy.
    pub venues: Vec<VenueResult>,
}

pub(crate) fn add(a: I256, b: I256, block: u64) -> Result<I256> {
    a.checked_add(b).ok_or(AttributionError::OutOfRange { what: "a sum", block })
}

pub(crate) fn signed(amount: U256, block: u64) -> Result<I256> {
    I256::try_from(amount).map_err(|_| AttributionError::OutOfRange { what: "a balance", block })
}

pub(crate) fn value(price: Price, shares: I256, block: u64) -> Result<Cut> {
    price.value(shares).ok_or(AttributionError::OutOfRange { what: "a value", block })
}

fn whole(point: &Point, venue: usize, price: Price, shares: I256) -> Result<I256> {
    let block = point.block;
    value(price, shares, block)?;
    price.whole_value(shares).ok_or(AttributionError::NotWhole { venue, block })
}

/// Attributes a history.
///
/// # Errors
/// If the history is malformed, more went out than was held, a closing or opening price does not value the position at a
/// whole amount, or a product is out of range.
pub fn attribute(history: &History) -> Result<Attribution> {
    let (opening, closing) = history.validate()?;
    let block = closing.block;
    let venues = history.venues();
    let mut held = Part { gains: Vec::with_capacity(venues), ..Part::default() };
    let none = Part { gains: Vec::with_capacity(venues), ..Part::default() };
    let mut parts = vec![none; history.events.len()];
    let (mut results, mut flowed) = (Vec::with_capacity(venues), I256::ZERO);
    let (opening_idle, mut idle) = {
        let idle = signed(history.opening.idle, opening.block)?;
        (idle, idle)
    };
    for (event, part) in history.events.iter().zip(&mut parts) {
        idle = add(idle, event.delta.idle, block)?;
        if idle.is_negative() {
            let block = history.points[event.point].block;
            return Err(AttributionError::Negative { venue: None, block });
        }
        part.at_block = event.delta.idle;
    }
    let (mut opening_assets, mut closing_assets) = (opening_idle, idle);
    for venue in 0..venues {
        let result = column(history, venue, &mut held, &mut parts)?;
        opening_assets = add(opening_assets, result.opening_assets, block)?;
        closing_assets = add(closing_assets, result.closing_assets, block)?;
        results.push(result);
    }
    let (mut decided, mut gained_flows) = (I256::ZERO, I256::ZERO);
    held.gained = total(&held.gains, block)?;
    for (event, part) in history.events.iter().zip(&mut parts) {
        part.gained = total(&part.gains, block)?;
        match event.kind {
            Kind::Decision(_) => decided = add(decided, part.credit()?, block)?,
            Kind::Flow(_) => {
                flowed = add(flowed, part.at_block, block)?;
                gained_flows = add(gained_flows, part.gained, block)?;
            }
        }
    }
    let result = add(add(closing_assets, -opening_assets, block)?, -flowed, block)?;
    Ok(Attribution {
        opening_assets,
        closing_assets,
        flowed_assets: flowed,
        result,
        held,
        parts,
        decided,
        gained_flows,
        venues: results,
    })
}

fn total(amounts: &[I256], block: u64) -> Result<I256> {
    amounts.iter().try_fold(I256::ZERO, |sum, amount| add(sum, *amount, block))
}

/// One strategy: what everybody has gained there, to the unit.
fn column(
    history: &History,
    venue: usize,
    held: &mut Part,
    parts: &mut [Part],
) -> Result<VenueResult> {
    let (opening, closing) = history.validate()?;
    let (block, last) = (closing.block, closing.prices[venue]);
    let mut shares = signed(history.opening.shares[venue], opening.block)?;
    let mut result = VenueResult {
        opening_assets: whole(opening, venue, opening.prices[venue], shares)?,
        ..VenueResult::default()
    };
    // Values at the end, the opening portfolio's first; what they were worth at their blocks is whole already.
    let mut cuts = Vec::with_capacity(parts.len().saturating_add(1));
    let first = value(last, shares, block)?;
    cuts.push(Cut { whole: add(first.whole, -result.opening_assets, block)?, ..first });
    for (event, part) in history.events.iter().zip(&mut *parts) {
        let Delta { shares: changes, .. } = &event.delta;
        let point = &history.points[event.point];
        shares = add(shares, changes[venue], point.block)?;
        if shares.is_negative() {
            return Err(AttributionError::Negative { venue: Some(venue), block: point.block });
        }
        let then = value(point.prices[venue], changes[venue], point.block)?.whole;
        let now = value(last, changes[venue], block)?;
        cuts.push(Cut { whole: add(now.whole, -then, block)?, ..now });
        part.at_block = add(part.at_block, then, block)?;
        let brought = match event.kind {
            Kind::Decision(_) => &mut result.moved_assets,
            Kind::Flow(_) => &mut result.flowed_assets,
        };
        *brought = add(*brought, then, block)?;
    }
    result.closing_assets = whole(closing, venue, last, shares)?;
    let gains = give_out(&cuts, last, block)?;
    let (of_held, of_events) = gains.split_first().unwrap_or((&I256::ZERO, &[]));
    held.gains.push(*of_held);
    result.gained_held = *of_held;
    for ((event, part), gain) in history.events.iter().zip(parts).zip(of_events) {
        part.gains.push(*gain);
        let of_kind = match event.kind {
            Kind::Decision(_) => &mut result.gained_decisions,
            Kind::Flow(_) => &mut result.gained_flows,
        };
        *of_kind = add(*of_kind, *gain, block)?;
    }
    result.gained = total(&gains, block)?;
    Ok(result)
}

/// Largest remainder: the units that were cut off go to those that lost most by it, of equal ones to the earliest.
fn give_out(cuts: &[Cut], price: Price, block: u64) -> Result<Vec<I256>> {
    let mut gains: Vec<I256> = cuts.iter().map(|cut| cut.whole).collect();
    let rests: Vec<I256> = cuts.iter().map(|cut| cut.rest).collect();
    let under = signed(price.shares, block)?;
    // The price has shares under it: `value` saw to that. The sum is a multiple of them, or the closing value would not have
    // been whole.
    let missing = total(&rests, block)?.checked_div(under).unwrap_or_default();
    let missing = usize::try_from(missing).unwrap_or(usize::MAX);
    let mut order: Vec<usize> = (0..cuts.len()).collect();
    order.sort_by(|a, b| rests[*b].cmp(&rests[*a]).then(a.cmp(b)));
    for place in order.into_iter().take(missing) {
        gains[place] = add(gains[place], I256::ONE, block)?;
    }
    Ok(gains)
}
