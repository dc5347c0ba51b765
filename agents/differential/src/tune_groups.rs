//! Bringing a case exactly to a limit of R9, or one past it.

use alloy_primitives::U256;
use vagus_policy::{StrategyStatus, math::bps_down, price::Band};

use crate::{
    compare::Case,
    rng::Rng,
    tune::{TRIES, adopt, difference, resize_with_gift, simulated},
};

/// R9: a group that is deposited into ends at its limit, by an amount or by the cap.
pub(crate) fn group(case: &mut Case, rng: &mut Rng) {
    let Some((place, group)) = deposit_in_group(case, rng) else { return };
    let past = U256::from(rng.below(2));
    if rng.chance(50) {
        let Some(sum) = group_sum(case, group) else { return };
        let mut policy = case.world.policy.clone();
        policy.groups[group].cap = sum.saturating_sub(past).saturating_to();
        adopt(case, policy);
        return;
    }
    for _ in 0..TRIES {
        let (Some(sum), Some(receipt)) = (group_sum(case, group), simulated(case)) else { return };
        let entry = &case.world.policy.groups[group];
        let limit = bps_down(receipt.base, entry.max_weight_bps).min(U256::from(entry.cap));
        let (up, by) = difference(sum, limit + past);
        if resize_with_gift(case, place, up, by) {
            return;
        }
    }
}

/// A deposit leg and a group of its strategy.
fn deposit_in_group(case: &Case, rng: &mut Rng) -> Option<(usize, usize)> {
    let policy = &case.world.policy;
    let grouped = |place: usize| {
        let leg = case.plan.moves[place];
        let mask = policy.strategies[usize::from(leg.index)].groups;
        let mask = if leg.is_deposit { mask } else { 0 };
        (0..policy.groups.len()).filter(move |group| mask >> group & 1 == 1)
    };
    let all: Vec<_> = (0..case.plan.moves.len())
        .flat_map(|place| grouped(place).map(move |group| (place, group)))
        .collect();
    if all.is_empty() { None } else { Some(rng.pick(&all)) }
}

/// What R9 measures of a group, written down once more to aim by.
fn group_sum(case: &mut Case, group: usize) -> Option<U256> {
    let receipt = simulated(case)?;
    let state = case.world.state(case.agent);
    let mut sum = U256::ZERO;
    for (index, entry) in (0_u8..).zip(&case.world.policy.strategies) {
        if entry.groups >> group & 1 == 0 || entry.status == StrategyStatus::WrittenOff {
            continue;
        }
        let touched = case.plan.moves.iter().position(|leg| leg.index == index);
        sum = sum.saturating_add(match touched {
            Some(place) => receipt.legs[place].value_after,
            None => state.strategies[usize::from(index)].redeem_assets,
        });
    }
    Some(sum)
}

/// R9: a member of a group that is deposited into keeps silent, or claims a value at an end of its band.
pub(crate) fn member(case: &mut Case, rng: &mut Rng) {
    let Some((deposit, group)) = deposit_in_group(case, rng) else { return };
    let policy = case.world.policy.clone();
    let deposited = case.plan.moves[deposit].index;
    let members: Vec<u8> = (0_u8..)
        .zip(&policy.strategies)
        .filter(|(index, entry)| entry.groups >> group & 1 == 1 && *index != deposited)
        .map(|(index, _)| index)
        .collect();
    if members.is_empty() {
        return;
    }
    let index = rng.pick(&members);
    let touched = case.plan.moves.iter().position(|leg| leg.index == index);
    case.is_honest = false;
    case.is_previewed = false;
    if touched.is_none() && rng.chance(25) {
        case.world.set_mute(index, true);
        case.traits.push("member that cannot be read");
        return;
    }
    let state = case.world.state(case.agent);
    let position = &state.strategies[usize::from(index)];
    let band_bps = policy.strategies[usize::from(index)].price_band_bps;
    let band = Band::around(position.reference_price, band_bps, 0);
    let (before, shares) = match touched {
        None => (None, position.shares),
        Some(place) => {
            let Some(receipt) = simulated(case) else { return };
            (Some(receipt.legs[place].value_before), receipt.legs[place].shares_after)
        }
    };
    let past = U256::from(rng.below(2));
    // Above the band nothing is lost, so that other rules have nothing to say.
    let value = if touched.is_none() && rng.chance(50) {
        band.lowest_value_up(shares).saturating_sub(U256::ONE + past)
    } else {
        band.highest_value(shares).saturating_add(past)
    };
    case.world.set_claim(index, Some((before.unwrap_or(value), value)));
    case.traits.push("member at the end of its band");
}
