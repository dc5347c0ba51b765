//! From targets to a list of moves, and what that list is worth.

use alloy_primitives::U256;
use vagus_policy::{ALL_ASSETS, Move, Policy, Snapshot, math::mul_div_up, predict};

use crate::{
    Candidate, Inputs, NativePrice,
    income::Earning,
    math::{BPS, RAY, YEAR_SECONDS, amount, u256},
    needs::Needs,
    view::{LARGEST_AMOUNT, View},
};

/// What we would hold of each strategy, in policy order.
pub(crate) type Targets = Vec<u128>;

/// A list of moves with its value over the horizon.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) targets: Targets,
    pub(crate) moves: Vec<Move>,
    /// Income gained over the horizon, rounded down and by the venues' own rounding; zero if it loses.
    pub(crate) gain: U256,
    /// Income lost over the horizon, rounded up; zero if it gains.
    pub(crate) loss: U256,
    /// Gas and, of what is deposited, the round trip that the strategy charges, rounded up.
    pub(crate) cost: U256,
    /// Hurdle, rounded up.
    pub(crate) hurdle: U256,
}

impl Plan {
    /// What is left of the gain after costs.
    pub(crate) fn net(&self) -> U256 {
        self.gain.saturating_sub(self.cost)
    }

    /// Whether the gain beats costs and hurdle.
    pub(crate) fn pays(&self) -> bool {
        !self.moves.is_empty() && self.gain > self.cost.saturating_add(self.hurdle)
    }

    pub(crate) fn candidate(&self) -> Candidate {
        Candidate {
            moves: self.moves.clone(),
            gain: self.gain,
            cost: self.cost,
            hurdle: self.hurdle,
        }
    }
}

/// Yearly hurdle on each unit deposited, ray, rounded down: `hurdleBps` over the horizon.
pub(crate) fn hurdle_ray(policy: &Policy) -> U256 {
    let horizon = u256(u64::from(policy.objective.horizon_seconds.max(1)));
    // Below 2^122, by the sizes of the factors.
    RAY * u256(u64::from(policy.objective.hurdle_bps)) * u256(YEAR_SECONDS) / (u256(BPS) * horizon)
}

/// Yearly rate of what is paid once, ray, rounded down: spread over the horizon.
pub(crate) fn yearly_ray(policy: &Policy, once_ray: U256) -> U256 {
    if once_ray.is_zero() {
        return U256::ZERO;
    }
    let horizon = u256(u64::from(policy.objective.horizon_seconds.max(1)));
    vagus_policy::math::mul_div_down(once_ray, u256(YEAR_SECONDS), horizon)
}

/// Gas of a rebalance of so many legs in the asset, rounded up; none if the price is missing.
pub(crate) fn gas_cost_up(inputs: &Inputs, legs: usize) -> Option<U256> {
    let gas =
        u256(inputs.leg_gas).saturating_mul(U256::from(legs)).saturating_add(u256(inputs.base_gas));
    let wei = gas.saturating_mul(amount(inputs.gas_price_wei));
    let unit = u256(1_000_000_000_000_000_000);
    match inputs.native_price {
        NativePrice::Native => Some(wei),
        NativePrice::Fixed { assets_per_native } => {
            Some(mul_div_up(wei, amount(assets_per_native), unit))
        }
        NativePrice::Missing => None,
    }
}

/// Makes the moves that lead from the positions to the targets and values them. Deposits are cut to what idle allows.
/// What has to be moved is asked for no hurdle.
pub(crate) fn plan(
    policy: &Policy,
    snapshot: &Snapshot,
    inputs: &Inputs,
    view: &View,
    targets: &[u128],
    needs: &Needs,
) -> Plan {
    let mut targets = targets.to_vec();
    let mut moves = moves(view, &targets);
    let receipt = predict(policy, &snapshot.vault, &moves);
    let has_deposit = moves.iter().any(|leg| leg.is_deposit);
    let mut missing = if has_deposit {
        u128::try_from(amount(view.idle_goal).saturating_sub(receipt.idle_after))
            .unwrap_or(LARGEST_AMOUNT)
    } else {
        0
    };
    // What the legs really bring in can be a few units less than what stands there.
    for leg in moves.iter_mut().rev().filter(|leg| leg.is_deposit) {
        let cut = leg.assets.min(missing);
        leg.assets -= cut;
        missing -= cut;
        if let Some(target) = targets.get_mut(usize::from(leg.index)) {
            *target -= cut;
        }
    }
    moves.retain(|leg| leg.assets > 0);
    value(policy, snapshot, inputs, view, (targets, moves), needs)
}

fn moves(view: &View, targets: &[u128]) -> Vec<Move> {
    let legs = || view.venues.iter().zip(targets).zip(0_u8..);
    let withdrawals = legs().filter(|((venue, target), _)| **target < venue.position).map(
        |((venue, target), index)| {
            let assets =
                if *target == 0 && venue.can_leave { ALL_ASSETS } else { venue.position - target };
            Move { index, is_deposit: false, assets }
        },
    );
    let deposits = legs().filter(|((venue, target), _)| **target > venue.position).map(
        |((venue, target), index)| Move {
            index,
            is_deposit: true,
            assets: target - venue.position,
        },
    );
    withdrawals.chain(deposits).collect()
}

fn value(
    policy: &Policy,
    snapshot: &Snapshot,
    inputs: &Inputs,
    view: &View,
    (targets, moves): (Targets, Vec<Move>),
    needs: &Needs,
) -> Plan {
    let (mut before, mut after, mut noise) = (U256::ZERO, U256::ZERO, U256::ZERO);
    for (venue, target) in view.venues.iter().zip(&targets) {
        let Some(earning) = venue.earning.as_ref().filter(|_| *target != venue.position) else {
            continue;
        };
        before = before.saturating_add(income(earning, venue.position));
        after = after.saturating_add(income(earning, *target));
        noise = noise
            .saturating_add(earning.noise_ray(venue.position))
            .saturating_add(earning.noise_ray(*target));
    }
    let horizon = u256(u64::from(policy.objective.horizon_seconds));
    let gain = over_horizon_down(after.saturating_sub(before.saturating_add(noise)), horizon);
    let lost = before.saturating_sub(after);
    let loss = if lost.is_zero() {
        U256::ZERO
    } else {
        over_horizon_down(lost, horizon).saturating_add(U256::ONE)
    };

    let receipt = predict(policy, &snapshot.vault, &moves);
    let (mut moved_in, mut moved_out, mut entry) = (U256::ZERO, U256::ZERO, U256::ZERO);
    for (leg, done) in moves.iter().zip(&receipt.legs) {
        if leg.is_deposit {
            moved_in = moved_in.saturating_add(done.assets);
            let venue = view.venues.get(usize::from(leg.index));
            let lost_ray = venue.map_or(U256::ZERO, |venue| venue.entry_ray);
            if !lost_ray.is_zero() {
                entry = entry.saturating_add(mul_div_up(done.assets, lost_ray, RAY));
            }
        } else {
            moved_out = moved_out.saturating_add(done.assets);
        }
    }
    let gas = gas_cost_up(inputs, moves.len()).unwrap_or(U256::ZERO);
    let cost = if moves.is_empty() { U256::ZERO } else { gas.saturating_add(entry) };
    let moved_in = moved_in.saturating_sub(amount(needs.in_in_all()));
    let moved = moved_in.max(moved_out.saturating_sub(amount(needs.out_in_all())));
    let hurdle = vagus_policy::math::bps_up(moved, policy.objective.hurdle_bps);
    Plan { targets, moves, gain, loss, cost, hurdle }
}

/// Income at a target, zero where the venue gives none.
pub(crate) fn income(earning: &Earning, target: u128) -> U256 {
    earning.income_ray(target).unwrap_or(U256::ZERO)
}

/// Yearly ray income over the horizon, in the asset's smallest unit, rounded down.
pub(crate) fn over_horizon_down(yearly_ray: U256, horizon: U256) -> U256 {
    vagus_policy::math::mul_div_down(yearly_ray, horizon, u256(YEAR_SECONDS)) / RAY
}
