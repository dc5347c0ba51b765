//! What policy and snapshot allow, per strategy, per group and for the whole plan, with headroom taken off every limit.

mod group;
mod venue;

use alloy_primitives::U256;
use vagus_policy::{
    AgentPolicy, Policy, Snapshot,
    budget::Budget,
    math::{bps_down, bps_up},
    predict,
};

use crate::{Inputs, certificate::KnownBounds};

pub(crate) use group::Group;
pub(crate) use venue::Venue;

/// Amounts of one position stay below this, so that sums of all of them and their products with rates fit.
pub(crate) const LARGEST_AMOUNT: u128 = 1 << 112;
/// Units that the guard's own valuation of a leg may be off by rounding.
pub(crate) const ROUNDING_UNITS: u128 = 4;

/// Everything a plan has to fit in.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) at: u64,
    /// The time that rates are means of, where venues move them while nobody acts.
    pub(crate) seconds: u32,
    pub(crate) nav: U256,
    pub(crate) base: U256,
    pub(crate) idle: u128,
    /// Floor of R11.
    pub(crate) min_idle: u128,
    /// The same with headroom: what a plan that deposits leaves.
    pub(crate) idle_goal: u128,
    /// What vault and agent may still move, with headroom.
    pub(crate) turnover: u128,
    pub(crate) venues: Vec<Venue>,
    pub(crate) groups: Vec<Group>,
    pub(crate) bounds: KnownBounds,
}

/// Why there is no view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoView {
    /// An amount is absurd.
    TooLarge,
    /// Policy and snapshot list different strategies.
    Mismatch,
}

pub(crate) fn fitting(value: U256) -> Result<u128, NoView> {
    u128::try_from(value).ok().filter(|fits| *fits < LARGEST_AMOUNT).ok_or(NoView::TooLarge)
}

pub(crate) fn capped(value: U256) -> u128 {
    u128::try_from(value).map_or(LARGEST_AMOUNT, |fits| fits.min(LARGEST_AMOUNT))
}

/// A limit that may not be passed, with headroom.
fn lowered(limit: U256, headroom_bps: u16) -> U256 {
    limit.saturating_sub(bps_up(limit, headroom_bps))
}

/// A floor that may not be passed, with headroom.
fn raised(floor: U256, headroom_bps: u16) -> U256 {
    floor.saturating_add(bps_up(floor, headroom_bps))
}

/// Looks at the world at the next block's time, and at income over so many seconds from then on.
pub(crate) fn view(
    policy: &Policy,
    snapshot: &Snapshot,
    inputs: &Inputs,
    mandate: &AgentPolicy,
    seconds: u32,
) -> Result<View, NoView> {
    let state = &snapshot.vault;
    if policy.strategies.len() != state.strategies.len()
        || policy.strategies.iter().zip(&state.strategies).any(|(p, s)| p.strategy != s.strategy)
    {
        return Err(NoView::Mismatch);
    }
    let at = snapshot.block.timestamp.saturating_add(u64::from(inputs.block_seconds));
    let nothing = predict(policy, state, &[]);
    let (nav, base) = (nothing.nav, nothing.base);
    fitting(nav)?;
    fitting(base)?;
    let limits = &policy.limits;
    let room = |bucket, bps| {
        let budget = Budget::at(bucket, base, bps, limits.window_seconds, at);
        lowered(budget.capacity, inputs.headroom_bps).saturating_sub(budget.used_up())
    };
    let guard = &state.guard_state;
    let turnover = room(guard.turnover, limits.max_turnover_bps)
        .min(room(state.agent.turnover, mandate.max_turnover_bps));
    let min_idle = bps_up(nav, limits.min_idle_bps);
    let mut view = View {
        at,
        seconds,
        nav,
        base,
        idle: fitting(state.idle)?,
        min_idle: capped(min_idle),
        idle_goal: capped(raised(min_idle, inputs.headroom_bps)),
        turnover: capped(turnover),
        venues: Vec::with_capacity(policy.strategies.len()),
        groups: Vec::with_capacity(policy.groups.len()),
        bounds: KnownBounds::default(),
    };
    for place in 0..policy.groups.len() {
        view.groups.push(group::group(&view, policy, snapshot, inputs, place)?);
    }
    for place in 0..policy.strategies.len() {
        let is_in_scope = mandate.scope.checked_shr(place as u32).unwrap_or(0) & 1 == 1;
        let venue = venue::venue(&view, policy, snapshot, inputs, place, is_in_scope)?;
        view.venues.push(venue);
    }
    Ok(view)
}

impl View {
    /// Idle above what has to stay; below zero if it is short of it.
    pub(crate) fn slack(&self) -> i128 {
        // Both are below 2^113.
        self.idle as i128 - self.idle_goal as i128
    }
}
