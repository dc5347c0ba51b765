//! A group of strategies that share a limit.

use alloy_primitives::U256;
use vagus_policy::{Policy, Snapshot, groups::members, math::bps_down, price::Band};

use super::{NoView, ROUNDING_UNITS, View, capped, fitting, lowered};
use crate::Inputs;

/// A group and what its members hold.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// Limit of R9: min(cap, weight × base).
    pub(crate) limit: u128,
    /// The same less headroom.
    pub(crate) goal: u128,
    /// What its members hold, by the guard's valuation.
    pub(crate) held: u128,
    /// Whether anything may be deposited into it: every member is readable and inside its price band, and together they
    /// keep headroom, or are above the limit so that repair makes some. Between the two a deposit would need a larger
    /// withdrawal in the same plan.
    pub(crate) is_open: bool,
}

impl Group {
    /// What its members may take in beyond what they give.
    pub(crate) fn room(&self) -> u128 {
        self.goal.saturating_sub(self.held)
    }
}

pub(super) fn group(
    view: &View,
    policy: &Policy,
    snapshot: &Snapshot,
    inputs: &Inputs,
    place: usize,
) -> Result<Group, NoView> {
    let limit = policy.groups.get(place).map_or(U256::ZERO, |group| {
        U256::from(group.cap).min(bps_down(view.base, group.max_weight_bps))
    });
    let (mut held, mut count, mut is_open) = (0_u128, 0_u128, true);
    for index in members(policy, 1 << place) {
        let at = usize::from(index);
        let listed = policy.strategies.get(at).zip(snapshot.vault.strategies.get(at));
        let (entry, strategy) = listed.ok_or(NoView::Mismatch)?;
        let value = strategy.redeem_assets;
        held = held.saturating_add(fitting(value)?);
        count += 1;
        let band =
            Band::around(strategy.reference_price, entry.price_band_bps, inputs.headroom_bps);
        let is_priced = strategy.shares.is_zero()
            || value.saturating_add(U256::ONE) >= band.lowest_value_up(strategy.shares)
                && value <= band.highest_value(strategy.shares);
        is_open &= strategy.is_readable && is_priced;
    }
    // Each member's value after a leg may be a few units above what was moved.
    let goal = capped(lowered(limit, inputs.headroom_bps)).saturating_sub(count * ROUNDING_UNITS);
    let limit = capped(limit);
    let has_headroom = held <= goal || held > limit;
    Ok(Group { limit, goal, held, is_open: is_open && has_headroom })
}
