//! Bringing a case exactly to a limit, or one past it.

use alloy_primitives::U256;
use vagus_policy::{
    ALL_ASSETS, Move, Receipt, VaultState,
    math::{bps_down, bps_up},
    price::Band,
};

use crate::{
    compare::Case,
    plans::{loss_room, turnover_room},
    rng::Rng,
};

/// How often an amount is corrected, because a strategy's rounding moved the goal.
pub(crate) const TRIES: usize = 6;

/// A part of an amount that a limit might bear.
pub(crate) fn small(rng: &mut Rng, assets: u128) -> u128 {
    (assets >> rng.within(6, 14)) + u128::from(rng.below(3))
}

pub(crate) fn simulated(case: &mut Case) -> Option<Receipt> {
    case.world.simulate(&case.plan.moves).ok()
}

/// Adds a difference to a leg's amount, as far as it stays an amount. Whether there was none.
pub(crate) fn resize(case: &mut Case, place: usize, up: bool, by: U256) -> bool {
    let Some(leg) = case.plan.moves.get_mut(place) else { return true };
    let by = by.saturating_to::<u128>();
    leg.assets = if up { leg.assets.saturating_add(by) } else { leg.assets.saturating_sub(by) };
    leg.assets = leg.assets.clamp(1, ALL_ASSETS - 1);
    by == 0
}

/// As [`resize`], and what a deposit takes more is given to the vault, so that the limit can be reached and not only the
/// end of idle.
pub(crate) fn resize_with_gift(case: &mut Case, place: usize, up: bool, by: U256) -> bool {
    if up && case.plan.moves.get(place).is_some_and(|leg| leg.is_deposit) {
        case.world.give(by);
    }
    resize(case, place, up, by)
}

pub(crate) fn difference(from: U256, to: U256) -> (bool, U256) {
    (to >= from, from.abs_diff(to))
}

fn place_of(case: &Case, is_deposit: bool, rng: &mut Rng) -> Option<usize> {
    let fits = |place: &usize| {
        let leg = case.plan.moves[*place];
        leg.is_deposit == is_deposit && leg.assets != ALL_ASSETS
    };
    let places: Vec<_> = (0..case.plan.moves.len()).filter(fits).collect();
    if places.is_empty() { None } else { Some(rng.pick(&places)) }
}

/// R7: the sum fills the smaller bucket.
pub(crate) fn turnover(case: &mut Case, state: &VaultState, rng: &mut Rng) {
    let Some(receipt) = simulated(case) else { return };
    let at = case.world.chain.now;
    let room = turnover_room(&case.world.policy, state, case.agent, receipt.base, at);
    let goal = room + U256::from(rng.below(2));
    let sum = receipt.legs.iter().fold(U256::ZERO, |sum, leg| sum + leg.assets);
    let is_deposit = rng.chance(60);
    let place = place_of(case, is_deposit, rng);
    if let Some(place) = place.or_else(|| place_of(case, !is_deposit, rng)) {
        let (up, by) = difference(sum, goal);
        resize_with_gift(case, place, up, by);
    }
}

/// R8: a deposit ends at its limit, by its amount or by the cap.
pub(crate) fn weight(case: &mut Case, rng: &mut Rng) {
    let Some(place) = place_of(case, true, rng) else { return };
    let index = usize::from(case.plan.moves[place].index);
    let past = U256::from(rng.below(2));
    if rng.chance(60) {
        let Some(receipt) = simulated(case) else { return };
        let mut policy = case.world.policy.clone();
        policy.strategies[index].cap =
            receipt.legs[place].value_after.saturating_sub(past).saturating_to();
        adopt(case, policy);
        return;
    }
    for _ in 0..TRIES {
        let Some(receipt) = simulated(case) else { return };
        let entry = &case.world.policy.strategies[index];
        let limit = bps_down(receipt.base, entry.max_weight_bps).min(U256::from(entry.cap));
        let (up, by) = difference(receipt.legs[place].value_after, limit + past);
        if resize_with_gift(case, place, up, by) {
            return;
        }
    }
}

/// R14: a leg ends at the end of its target's band.
pub(crate) fn objective(case: &mut Case, rng: &mut Rng) {
    let is_deposit = rng.chance(50);
    let place = place_of(case, is_deposit, rng).or_else(|| place_of(case, !is_deposit, rng));
    let Some(place) = place else { return };
    let leg = case.plan.moves[place];
    if leg.is_deposit && rng.chance(15) {
        unchanged(case, leg);
        return;
    }
    let past = U256::from(rng.below(2));
    for _ in 0..TRIES {
        let Some(receipt) = simulated(case) else { return };
        let objective = &case.world.policy.objective;
        let target = objective.target_weights_bps[usize::from(leg.index)];
        let value = receipt.legs[place].value_after;
        let (up, by) = if leg.is_deposit {
            let high = bps_down(receipt.nav, (target + objective.band_bps).min(10_000));
            difference(value, high + past)
        } else {
            let low = bps_up(receipt.nav, target.saturating_sub(objective.band_bps));
            difference(low.saturating_sub(past), value)
        };
        if resize_with_gift(case, place, up, by) {
            return;
        }
    }
}

/// R14: a strategy above its target's band keeps a whole deposit back, so that the position stays what it was.
fn unchanged(case: &mut Case, leg: Move) {
    case.is_honest = false;
    case.is_previewed = false;
    case.traits.push("leg that changes no shares");
    case.world.set_take(leg.index, leg.assets, 0);
    let mut policy = case.world.policy.clone();
    policy.objective.target_weights_bps[usize::from(leg.index)] = 0;
    policy.objective.band_bps = 0;
    adopt(case, policy);
}

/// R10: a withdrawal ends at its floor.
pub(crate) fn floor(case: &mut Case, rng: &mut Rng) {
    let Some(place) = place_of(case, false, rng) else { return };
    let index = usize::from(case.plan.moves[place].index);
    let past = U256::from(rng.below(2));
    for _ in 0..TRIES {
        let Some(receipt) = simulated(case) else { return };
        let limit = bps_up(receipt.nav, case.world.policy.strategies[index].min_weight_bps);
        let (up, by) = difference(limit.saturating_sub(past), receipt.legs[place].value_after);
        if resize(case, place, up, by) {
            return;
        }
    }
}

/// R11: idle ends at its floor.
pub(crate) fn idle(case: &mut Case, rng: &mut Rng) {
    let Some(place) = place_of(case, true, rng) else { return };
    let past = U256::from(rng.below(2));
    for _ in 0..2 {
        let Some(receipt) = simulated(case) else { return };
        let limit = bps_up(receipt.nav, case.world.policy.limits.min_idle_bps);
        let (up, by) = difference(limit.saturating_sub(past), receipt.idle_after);
        if resize(case, place, up, by) {
            return;
        }
    }
}

/// R12: a strategy keeps back just what the smaller bucket bears.
pub(crate) fn loss(case: &mut Case, state: &VaultState, rng: &mut Rng) {
    if case.plan.moves.is_empty() {
        return;
    }
    case.is_honest = false;
    case.is_previewed = false;
    let place = rng.index(case.plan.moves.len());
    let leg = case.plan.moves[place];
    let past = U256::from(rng.below(2));
    let mut kept = U256::ZERO;
    for _ in 0..TRIES {
        let Some(receipt) = simulated(case) else { return };
        let at = case.world.chain.now;
        let room = loss_room(&case.world.policy, state, case.agent, receipt.base, at);
        let (up, by) = difference(lost(case, &receipt), room + past);
        if by.is_zero() {
            return;
        }
        kept = if up { kept.saturating_add(by) } else { kept.saturating_sub(by) };
        let take = kept.saturating_to::<u128>();
        case.world.set_take(leg.index, take, take);
    }
}

/// What R12 measures, written down once more to aim by; whether it is right is for the comparison to say.
fn lost(case: &Case, receipt: &Receipt) -> U256 {
    let mut idle = receipt.idle_before;
    let mut loss = U256::ZERO;
    for (asked, leg) in case.plan.moves.iter().zip(&receipt.legs) {
        let due = if asked.is_deposit {
            idle = idle.saturating_sub(leg.assets);
            leg.value_before.saturating_add(leg.assets)
        } else {
            idle = idle.saturating_add(leg.assets);
            leg.value_before.saturating_sub(leg.assets)
        };
        loss = loss.saturating_add(due.saturating_sub(leg.value_after));
    }
    loss.saturating_add(idle.saturating_sub(receipt.idle_after))
}

/// R13: a strategy claims a value at an end of the band.
pub(crate) fn price(case: &mut Case, rng: &mut Rng) {
    if case.plan.moves.is_empty() {
        return;
    }
    case.is_honest = false;
    case.is_previewed = false;
    let place = rng.index(case.plan.moves.len());
    let leg = case.plan.moves[place];
    let Some(receipt) = simulated(case) else { return };
    let state = case.world.state(case.agent);
    let index = usize::from(leg.index);
    let entry = &case.world.policy.strategies[index];
    let band = Band::around(state.strategies[index].reference_price, entry.price_band_bps, 0);
    let seen = receipt.legs[place];
    let past = U256::from(rng.below(2));
    let assets = seen.assets;
    if !leg.is_deposit {
        let value = band.lowest_value_up(seen.shares_before).saturating_sub(U256::ONE + past);
        let after = value.saturating_sub(assets);
        case.world.set_claim(leg.index, Some((value, after)));
        return;
    }
    let value = if rng.chance(50) {
        band.lowest_value_up(seen.shares_after).saturating_sub(U256::ONE + past)
    } else {
        band.highest_value(seen.shares_after).saturating_add(past)
    };
    case.world.set_claim(leg.index, Some((value.saturating_sub(assets), value)));
}

/// Puts another document in force and makes the plan fresh again.
pub(crate) fn adopt(case: &mut Case, policy: vagus_policy::Policy) {
    case.world.adopt(policy);
    let state = case.world.state(case.agent);
    case.plan.policy_version = state.guard_state.policy_version;
    case.plan.deadline = case.plan.deadline.max(case.world.chain.now);
}
