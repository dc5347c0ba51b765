//! Plans that the rules accept, as far as the state tells: where every case starts.

use alloy_primitives::{Address, B256, U256};
use vagus_policy::{
    ALL_ASSETS, ANY_COUNT, Move, Policy, Rebalance, StrategyStatus, VaultState,
    budget::Budget,
    math::{bps_down, bps_up},
};

use crate::rng::{Amounts as _, Rng};

/// How often a plan is drawn anew because it turned out not to serve.
const TRIES: usize = 8;

/// What a plan has to hold to serve its case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Anything,
    Deposit,
    Withdrawal,
}

/// A plan of withdrawals and deposits inside all limits; empty if nothing fits.
pub(crate) fn accepted(
    policy: &Policy,
    state: &VaultState,
    agent: Address,
    at: u64,
    wanted: Wanted,
    rng: &mut Rng,
) -> Rebalance {
    let serves = |leg: &Move| match wanted {
        Wanted::Anything => true,
        Wanted::Deposit => leg.is_deposit,
        Wanted::Withdrawal => !leg.is_deposit && leg.assets != ALL_ASSETS,
    };
    let mut plan = drawn(policy, state, agent, at, rng);
    for _ in 0..TRIES {
        if plan.moves.iter().any(serves) {
            break;
        }
        plan = drawn(policy, state, agent, at, rng);
    }
    plan
}

fn drawn(policy: &Policy, state: &VaultState, agent: Address, at: u64, rng: &mut Rng) -> Rebalance {
    let (nav, base) = if state.checkpoint.is_fresh {
        (state.checkpoint.nav, state.checkpoint.base)
    } else {
        (state.nav.nav_assets, state.nav.base_assets)
    };
    let mut room = turnover_room(policy, state, agent, base, at);
    let scope = scope(policy, agent);
    let mut order: Vec<u8> = (0_u8..).take(policy.strategies.len()).collect();
    for last in (1..order.len()).rev() {
        order.swap(last, rng.index(last + 1));
    }
    let legs = rng.within(1, 4).min(order.len() as u64);
    let withdrawals = rng.below(legs + 1);

    let (mut idle, mut moves) = (state.idle, Vec::new());
    let in_scope = |index: &&u8| scope >> **index & 1 == 1;
    let mut places = order.iter().filter(in_scope);
    for &index in places.by_ref().take(usize::try_from(withdrawals).unwrap_or(0)) {
        let place = usize::from(index);
        let (entry, position) = (&policy.strategies[place], &state.strategies[place]);
        let (low, _) = target(policy, index, nav);
        let floor = bps_up(nav, entry.min_weight_bps).max(low);
        let free = position.redeem_assets.saturating_sub(floor + U256::from(2)).min(room);
        let is_all = floor.is_zero() && position.redeem_assets <= room && rng.chance(10);
        let assets = if is_all { position.redeem_assets } else { rng.amount(free) };
        if assets.is_zero() {
            continue;
        }
        room -= assets;
        idle += assets;
        let assets = if is_all { ALL_ASSETS } else { assets.saturating_to() };
        moves.push(Move { index, is_deposit: false, assets });
    }
    let kept = bps_up(nav, policy.limits.min_idle_bps);
    for &index in places.take(usize::try_from(legs - withdrawals).unwrap_or(0)) {
        let place = usize::from(index);
        let (entry, position) = (&policy.strategies[place], &state.strategies[place]);
        let limit = bps_down(base, entry.max_weight_bps).min(U256::from(entry.cap));
        let (_, high) = target(policy, index, nav);
        let free = limit.min(high).saturating_sub(position.redeem_assets);
        let free = free.min(group_room(policy, state, entry.groups, base));
        let free = free.min(room).min(idle.saturating_sub(kept));
        let assets = rng.amount(free);
        if entry.status != StrategyStatus::Active || assets.is_zero() {
            continue;
        }
        room -= assets;
        idle -= assets;
        moves.push(Move { index, is_deposit: true, assets: assets.saturating_to() });
    }
    fresh(state, at, moves, rng)
}

/// Where a strategy may end by its target: no lower after a withdrawal, no higher after a deposit.
fn target(policy: &Policy, index: u8, nav: U256) -> (U256, U256) {
    let objective = &policy.objective;
    let Some(target) = objective.target_weights_bps.get(usize::from(index)) else {
        return (U256::ZERO, U256::MAX);
    };
    let high = target.saturating_add(objective.band_bps).min(10_000);
    (bps_up(nav, target.saturating_sub(objective.band_bps)), bps_down(nav, high))
}

/// What still fits all groups of this mask, as they stand before the plan.
fn group_room(policy: &Policy, state: &VaultState, mask: u16, base: U256) -> U256 {
    let mut room = U256::MAX;
    for (place, group) in policy.groups.iter().enumerate().filter(|(i, _)| mask >> i & 1 == 1) {
        let members = policy.strategies.iter().zip(&state.strategies);
        let held = members
            .filter(|(entry, _)| entry.groups >> place & 1 == 1)
            .fold(U256::ZERO, |sum, (_, position)| sum.saturating_add(position.redeem_assets));
        let limit = U256::from(group.cap).min(bps_down(base, group.max_weight_bps));
        room = room.min(limit.saturating_sub(held));
    }
    room
}

/// A plan of these moves that is fresh.
pub(crate) fn fresh(state: &VaultState, at: u64, moves: Vec<Move>, rng: &mut Rng) -> Rebalance {
    Rebalance {
        policy_version: state.guard_state.policy_version,
        nonce: state.agent.nonce,
        vault_count: rng.pick(&[ANY_COUNT, state.guard_state.rebalance_count]),
        deadline: at + rng.pick(&[0, 1, 1_000]),
        decision: B256::from(rng.word()),
        moves,
    }
}

/// What still fits both turnover buckets.
pub(crate) fn turnover_room(
    policy: &Policy,
    state: &VaultState,
    agent: Address,
    base: U256,
    at: u64,
) -> U256 {
    let window = policy.limits.window_seconds;
    let vault_bps = policy.limits.max_turnover_bps;
    let vault = Budget::at(state.guard_state.turnover, base, vault_bps, window, at);
    let agent_bps =
        policy.agents.iter().find(|entry| entry.agent == agent).map_or(0, |e| e.max_turnover_bps);
    let agent = Budget::at(state.agent.turnover, base, agent_bps, window, at);
    vault.room_down().min(agent.room_down())
}

/// What still fits both loss buckets.
pub(crate) fn loss_room(
    policy: &Policy,
    state: &VaultState,
    agent: Address,
    base: U256,
    at: u64,
) -> U256 {
    let window = policy.limits.window_seconds;
    let vault = Budget::at(state.guard_state.loss, base, policy.limits.max_loss_bps, window, at);
    let agent_bps =
        policy.agents.iter().find(|entry| entry.agent == agent).map_or(0, |e| e.max_loss_bps);
    let agent = Budget::at(state.agent.loss, base, agent_bps, window, at);
    vault.room_down().min(agent.room_down())
}

pub(crate) fn scope(policy: &Policy, agent: Address) -> u32 {
    policy.agents.iter().find(|entry| entry.agent == agent).map_or(0, |entry| entry.scope)
}
