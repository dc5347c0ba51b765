//! What is outside its limits, and by how much. That is brought inside before income, without hurdle, at least cost.
//!
//! A strategy above its limit (zero for exit-only) is brought to the limit less headroom, so that interest does not carry it
//! over again at once; likewise a group; idle below its floor is filled to the floor plus headroom, and a strategy below its
//! floor too. An exit-only rest below the smallest move stays: anyone could send such a rest, and each would cost a
//! rebalance. What is below a floor or outside the band of a target is no danger: it waits while gas has no price, or
//! costs more than a hundredth of what would move.

use vagus_policy::Rule;

use crate::{
    Inputs, Reason,
    math::{amount, u256},
    plan::gas_cost_up,
    view::{Venue, View},
};

/// What is no danger is repaired if gas is at most this part of what has to move.
const MOST_COST_PART: u64 = 100;

/// Amounts that have to move, each at least the smallest move; zero where nothing has to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// Out of each strategy, in policy order.
    pub(crate) out: Vec<u128>,
    /// Into each strategy.
    pub(crate) inward: Vec<u128>,
    /// Out of each group.
    pub(crate) groups: Vec<u128>,
    /// Into idle.
    pub(crate) idle: u128,
}

impl Needs {
    /// Looks for what is outside its limits.
    pub(crate) fn of(view: &View, inputs: &Inputs) -> Self {
        let gas = gas_cost_up(inputs, 1);
        let is_cheap = |missing: u128| {
            gas.is_some_and(|gas| gas.saturating_mul(u256(MOST_COST_PART)) <= amount(missing))
        };
        let outward = |venue: &Venue| {
            let missing = excess(venue);
            if venue.limit_rule == Rule::Weight || is_cheap(missing) { missing } else { 0 }
        };
        let inward = |venue: &Venue| Some(shortage(venue)).filter(|m| is_cheap(*m)).unwrap_or(0);
        let smallest = view.venues.first().map_or(0, |venue| venue.smallest);
        let wanted = |is_outside: bool, missing: u128| {
            if is_outside { missing.max(smallest) } else { 0 }
        };
        let groups = view.groups.iter();
        Self {
            out: view.venues.iter().map(outward).collect(),
            inward: view.venues.iter().map(inward).collect(),
            groups: groups
                .map(|group| {
                    wanted(group.held > group.limit, group.held.saturating_sub(group.goal))
                })
                .collect(),
            idle: wanted(view.idle < view.min_idle, view.idle_goal.saturating_sub(view.idle)),
        }
    }

    /// Whether everything is inside its limits.
    pub(crate) fn is_empty(&self) -> bool {
        let mut all = self.out.iter().chain(&self.inward).chain(&self.groups);
        self.idle == 0 && all.all(|missing| *missing == 0)
    }

    /// Nothing, of so many strategies and groups.
    pub(crate) fn none(strategies: usize, groups: usize) -> Self {
        Self {
            out: vec![0; strategies],
            inward: vec![0; strategies],
            groups: vec![0; groups],
            idle: 0,
        }
    }

    /// What a plan that reaches the targets does about it, by the most urgent; none if it does nothing about it.
    pub(crate) fn met_by(&self, view: &View, targets: &[u128]) -> Option<Reason> {
        let legs = || view.venues.iter().zip(targets).enumerate();
        let is_met_out = |rule: Option<Rule>| {
            legs().any(|(place, (venue, target))| {
                let is_of = match rule {
                    None => venue.is_exit_only,
                    Some(rule) => !venue.is_exit_only && venue.limit_rule == rule,
                };
                is_of && self.out[place] > 0 && *target < venue.position
            })
        };
        let is_met_in = |rule: Rule| {
            legs().any(|(place, (venue, target))| {
                venue.floor_rule == rule && self.inward[place] > 0 && *target > venue.position
            })
        };
        let net = |group: Option<usize>| -> i128 {
            let members = legs()
                .filter(|(_, (venue, _))| group.is_none_or(|place| venue.groups.contains(&place)));
            // Below 2^113 each.
            members.map(|(_, (venue, target))| *target as i128 - venue.position as i128).sum()
        };
        let is_group_met = || {
            let short = self.groups.iter().enumerate().filter(|(_, missing)| **missing > 0);
            short.map(|(place, _)| place).any(|place| net(Some(place)) < 0)
        };
        if is_met_out(None) {
            Some(Reason::RepairExitOnly)
        } else if is_met_out(Some(Rule::Weight)) {
            Some(Reason::RepairWeight)
        } else if is_group_met() {
            Some(Reason::RepairGroup)
        } else if self.idle > 0 && net(None) < 0 {
            Some(Reason::RepairIdle)
        } else if is_met_in(Rule::Floor) {
            Some(Reason::RepairFloor)
        } else if is_met_out(Some(Rule::Objective)) || is_met_in(Rule::Objective) {
            Some(Reason::RepairTarget)
        } else {
            None
        }
    }

    /// What is asked to leave strategies in all: what is exempt from the hurdle.
    pub(crate) fn out_in_all(&self) -> u128 {
        self.out.iter().chain(&self.groups).fold(self.idle, |sum, one| sum.saturating_add(*one))
    }

    /// What is asked to enter strategies in all.
    pub(crate) fn in_in_all(&self) -> u128 {
        self.inward.iter().fold(0, |sum, one| sum.saturating_add(*one))
    }
}

/// What a strategy holds above its limit less headroom; what the agent may not touch is another's to repair.
fn excess(venue: &Venue) -> u128 {
    if venue.is_written_off || !venue.is_in_scope || venue.value <= venue.limit {
        return 0;
    }
    if venue.is_exit_only {
        return if venue.value >= venue.smallest { venue.position } else { 0 };
    }
    (venue.value - venue.goal.min(venue.value)).max(venue.smallest).min(venue.position)
}

/// What a strategy holds below its floor and headroom; nothing where it takes nothing.
fn shortage(venue: &Venue) -> u128 {
    if venue.is_written_off || !venue.is_in_scope || venue.value >= venue.floor {
        return 0;
    }
    (venue.floor_goal - venue.value.min(venue.floor_goal)).max(venue.smallest)
}
