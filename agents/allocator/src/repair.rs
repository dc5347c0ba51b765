//! Bringing the treasury inside its limits: before income, without hurdle, at least cost.
//!
//! A strategy above its limit (zero for exit-only) is brought to the limit less headroom, so that interest does not
//! carry it over again at once; idle below its floor is filled to the floor plus headroom from where least income is
//! lost. Both go as far as scope, floors, liquidity and turnover allow. An exit-only rest below the smallest move stays:
//! anyone could send such a rest, and each would cost a rebalance.

use crate::{
    Inputs, Reason,
    plan::Targets,
    solve::{Mover, withdraw},
    view::{Venue, View},
};

/// A repair that can be made.
#[derive(Clone, Debug)]
pub(crate) struct Repair {
    pub(crate) reason: Reason,
    /// What we would hold, in policy order; only withdrawals.
    pub(crate) targets: Targets,
}

/// Whether something is outside its limits, and what can be done about it.
#[derive(Clone, Debug)]
pub(crate) enum Need {
    /// All limits are kept.
    Nothing,
    /// Something is outside, and nothing can be moved: why.
    Blocked(Blocked),
    /// These withdrawals help.
    Repair(Repair),
}

/// Why nothing can be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blocked {
    /// The turnover budgets.
    Turnover,
    /// Liquidity, scope, a floor or a price.
    Venue,
}

/// Looks for what is outside its limits.
pub(crate) fn repair(view: &View, inputs: &Inputs) -> Need {
    let mut targets: Targets = view.venues.iter().map(|venue| venue.position).collect();
    let mut turnover = view.turnover;
    let mut reason = None;
    let mut blocked = None;

    let mut above: Vec<(usize, &Venue)> = view
        .venues
        .iter()
        .enumerate()
        .filter(|(_, venue)| is_above(venue, inputs.smallest_move))
        .collect();
    above.sort_by_key(|(index, venue)| {
        (!venue.is_exit_only, std::cmp::Reverse(venue.value - venue.limit), *index)
    });
    for (index, venue) in above {
        let why = if venue.is_exit_only { Reason::RepairExitOnly } else { Reason::RepairWeight };
        let (target, stopped) = lowered(view, venue, inputs, turnover);
        match (target, stopped) {
            (Some(target), _) => {
                turnover -= venue.position - target;
                targets[index] = target;
                reason = reason.or(Some(why));
            }
            (None, stopped) => blocked = blocked.or(stopped),
        }
    }

    let withdrawn: u128 =
        view.venues.iter().zip(&targets).map(|(venue, target)| venue.position - target).sum();
    let idle = view.idle + withdrawn;
    if view.idle < view.min_idle && idle < view.min_idle {
        match fill_idle(view, inputs, &mut targets, view.idle_goal - idle, turnover) {
            Ok(()) => reason = reason.or(Some(Reason::RepairIdle)),
            Err(stopped) => blocked = blocked.or(Some(stopped)),
        }
    } else if view.idle < view.min_idle && withdrawn > 0 {
        reason = reason.or(Some(Reason::RepairIdle));
    }
    match (reason, blocked) {
        (Some(reason), _) => Need::Repair(Repair { reason, targets }),
        (None, Some(blocked)) => Need::Blocked(blocked),
        (None, None) => Need::Nothing,
    }
}

fn is_above(venue: &Venue, smallest: u128) -> bool {
    if venue.is_written_off || venue.value <= venue.limit {
        return false;
    }
    !venue.is_exit_only || venue.value >= smallest
}

/// Where a strategy above its limit is brought to, or why it cannot be.
fn lowered(
    view: &View,
    venue: &Venue,
    inputs: &Inputs,
    turnover: u128,
) -> (Option<u128>, Option<Blocked>) {
    let smallest = inputs.smallest_move.max(1);
    // A limit less headroom; the position may be a little more than the guard's value.
    let wanted = (venue.value - venue.goal.min(venue.value)).max(smallest).min(venue.position);
    let mut target = venue.position - wanted;
    if target < smallest && venue.can_leave {
        target = 0;
    }
    let reachable = target.max(venue.lowest);
    if venue.position - reachable < smallest.min(wanted) {
        return (None, Some(Blocked::Venue));
    }
    let affordable = reachable.max(venue.position.saturating_sub(turnover));
    if venue.position - affordable < smallest.min(wanted) || view.turnover == 0 {
        return (None, Some(Blocked::Turnover));
    }
    (Some(affordable), None)
}

/// Takes what idle lacks from where least income is lost.
fn fill_idle(
    view: &View,
    inputs: &Inputs,
    targets: &mut Targets,
    lacking: u128,
    turnover: u128,
) -> Result<(), Blocked> {
    let smallest = inputs.smallest_move.max(1);
    let wanted = lacking.max(smallest);
    let affordable = wanted.min(turnover);
    if affordable < smallest {
        return Err(Blocked::Turnover);
    }
    // As far as no venue is pushed above its kink; then, since exits need it, beyond.
    let is_free = |venue: &Venue, target: u128| venue.lowest < target;
    let mover =
        |index: usize, venue: &'_ Venue, target: u128, is_gentle: bool| -> (usize, u128, u128) {
            let kink = venue.earning.as_ref().map_or(0, |earning| earning.kink()).min(target);
            let lowest = if is_gentle { venue.lowest.max(kink) } else { venue.lowest };
            (index, target, lowest.min(target))
        };
    let mut left = affordable;
    for is_gentle in [true, false] {
        let movers: Vec<Mover<'_>> = view
            .venues
            .iter()
            .enumerate()
            .filter(|(index, venue)| is_free(venue, targets[*index]))
            .map(|(index, venue)| {
                let (index, position, lowest) = mover(index, venue, targets[index], is_gentle);
                Mover::new(index, position, (lowest, position), venue.earning.as_ref())
            })
            .collect();
        let before: Vec<u128> =
            movers.iter().map(|mover| view.venues[mover.index].position).collect();
        let lowered = cheapest_withdrawal(&movers, &before, left, smallest);
        for (mover, target) in movers.iter().zip(lowered) {
            left -= (mover.position - target).min(left);
            targets[mover.index] = target;
        }
    }
    if left < affordable { Ok(()) } else { Err(Blocked::Venue) }
}

/// Withdraws by price; a leg below the smallest move, what was taken `before` included, is left to the others.
fn cheapest_withdrawal(
    movers: &[Mover<'_>],
    before: &[u128],
    wanted: u128,
    smallest: u128,
) -> Vec<u128> {
    let mut active: Vec<bool> = vec![true; movers.len()];
    loop {
        let chosen: Vec<Mover<'_>> = movers
            .iter()
            .zip(&active)
            .filter_map(|(mover, is_active)| is_active.then_some(*mover))
            .collect();
        let mut found = withdraw(&chosen, wanted).into_iter();
        let targets: Vec<u128> =
            movers
                .iter()
                .zip(&active)
                .map(|(mover, is_active)| {
                    if *is_active { found.next().unwrap_or(mover.position) } else { mover.position }
                })
                .collect();
        let small = movers
            .iter()
            .zip(before)
            .zip(&targets)
            .enumerate()
            .filter(|(_, ((mover, _), target))| **target < mover.position)
            .map(|(place, ((_, before), target))| (before - target, place))
            .filter(|(moved, _)| *moved < smallest)
            .min();
        match small {
            Some((_, place)) => active[place] = false,
            None => return targets,
        }
    }
}
