//! The rules once more, in plain arithmetic and without an order, to count what a case breaks: a case that breaks several
//! rules has to be refused by the lowest. Written from the rules' text, not from the code under test.

use alloy_primitives::{U256, U512};
use vagus_policy::{
    ALL_ASSETS, ANY_COUNT, AgentPolicy, Bucket, MAX_MOVES, Mode, ObjectiveKind, Policy, Rebalance,
    Receipt, Rule, StrategyStatus, VaultState,
};

/// What R9 found first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GroupFault {
    Unreadable,
    Price,
    Sum,
}

/// The rules among R1 to R6 that the plan breaks, lowest first.
pub(crate) fn before_execution(
    policy: &Policy,
    state: &VaultState,
    plan: &Rebalance,
    at: u64,
) -> Vec<Rule> {
    let guard = &state.guard_state;
    let deposits = plan.moves.iter().any(|leg| leg.is_deposit);
    let mandate = mandate(policy, state);
    let scope = mandate.map_or(0, |entry| u64::from(entry.scope));
    let is_in_scope = |index: u8| index < 32 && scope >> index & 1 == 1;
    let last = state.agent.last_rebalance_at;
    let broken = [
        (Rule::Mode, guard.mode == Mode::Paused || guard.mode == Mode::ExitOnly && deposits),
        (Rule::Mandate, mandate.is_none_or(|entry| at > entry.expires_at)),
        (Rule::Scope, !plan.moves.iter().all(|leg| is_in_scope(leg.index))),
        (
            Rule::Freshness,
            plan.policy_version != guard.policy_version
                || plan.nonce != state.agent.nonce
                || plan.deadline < at
                || ![ANY_COUNT, guard.rebalance_count].contains(&plan.vault_count),
        ),
        (
            Rule::Cooldown,
            last != 0 && at - last.min(at) < u64::from(policy.limits.cooldown_seconds),
        ),
        (Rule::Shape, !is_shaped(policy, plan)),
    ];
    broken.into_iter().filter(|(_, is_broken)| *is_broken).map(|(rule, _)| rule).collect()
}

fn is_shaped(policy: &Policy, plan: &Rebalance) -> bool {
    let moves = &plan.moves;
    let mut indices: Vec<_> = moves.iter().map(|leg| leg.index).collect();
    indices.sort_unstable();
    indices.dedup();
    (1..=MAX_MOVES).contains(&moves.len())
        && indices.len() == moves.len()
        && indices.iter().all(|index| usize::from(*index) < policy.strategies.len())
        && moves.iter().all(|leg| leg.assets != 0 && !(leg.is_deposit && leg.assets == ALL_ASSETS))
        && moves.is_sorted_by_key(|leg| leg.is_deposit)
}

/// The rules from R7 on that the receipt of a well-shaped plan breaks, lowest first.
pub(crate) fn after_execution(
    policy: &Policy,
    state: &VaultState,
    plan: &Rebalance,
    at: u64,
    receipt: &Receipt,
) -> Vec<Rule> {
    let Some(mandate) = mandate(policy, state) else { return Vec::new() };
    let limits = &policy.limits;
    let (base, nav) = (wide(receipt.base), wide(receipt.nav));
    let spends = |bucket: Bucket, bps: u16, amount: U512| {
        let capacity = part(base, bps);
        let wad = U512::from(1_000_000_000_000_000_000_u64);
        let leaked = U512::from(at.saturating_sub(bucket.updated_at)) * wad
            / U512::from(limits.window_seconds);
        let level = U512::from(bucket.level_wad).saturating_sub(leaked);
        ceil(level * capacity, wad) + amount > capacity
    };
    let turnover = receipt.legs.iter().fold(U512::ZERO, |sum, leg| sum + wide(leg.assets));
    let loss = loss(plan, receipt);
    let legs = || plan.moves.iter().zip(&receipt.legs);
    let entry = |index: u8| &policy.strategies[usize::from(index)];
    let is_active = |index: u8| entry(index).status == StrategyStatus::Active;
    let mode = state.guard_state.mode;

    let too_heavy = legs().any(|(asked, leg)| {
        let most =
            U512::from(entry(asked.index).cap).min(part(base, entry(asked.index).max_weight_bps));
        let most = if is_active(asked.index) { most } else { U512::ZERO };
        asked.is_deposit && (most.is_zero() || wide(leg.value_after) > most)
    });
    let below_floor = mode == Mode::Active
        && legs().any(|(asked, leg)| {
            !asked.is_deposit
                && is_active(asked.index)
                && exceeds(nav, entry(asked.index).min_weight_bps, leg.value_after)
        });
    let too_idle = plan.moves.iter().any(|leg| leg.is_deposit)
        && exceeds(nav, limits.min_idle_bps, receipt.idle_after);
    let out_of_band = legs().any(|(asked, leg)| {
        let (value, shares) = if asked.is_deposit {
            (leg.value_after, leg.shares_after)
        } else {
            (leg.value_before, leg.shares_before)
        };
        let (below, above) = sides(policy, state, asked.index, value, shares);
        below || asked.is_deposit && above
    });
    let targets = &policy.objective;
    let off_target = mode == Mode::Active
        && targets.kind == ObjectiveKind::TargetWeights
        && legs().any(|(asked, leg)| {
            let target = targets.target_weights_bps[usize::from(asked.index)];
            let target = if is_active(asked.index) { target } else { 0 };
            let high = (target + targets.band_bps).min(10_000);
            let low = target.saturating_sub(targets.band_bps);
            leg.shares_after > leg.shares_before && wide(leg.value_after) > part(nav, high)
                || leg.shares_after < leg.shares_before && exceeds(nav, low, leg.value_after)
        });
    let broken = [
        (
            Rule::Turnover,
            spends(state.guard_state.turnover, limits.max_turnover_bps, turnover)
                || spends(state.agent.turnover, mandate.max_turnover_bps, turnover),
        ),
        (Rule::Weight, too_heavy),
        (Rule::Group, group_fault(policy, state, plan, receipt).is_some()),
        (Rule::Floor, below_floor),
        (Rule::Idle, too_idle),
        (
            Rule::Loss,
            spends(state.guard_state.loss, limits.max_loss_bps, loss)
                || spends(state.agent.loss, mandate.max_loss_bps, loss),
        ),
        (Rule::Price, out_of_band),
        (Rule::Objective, off_target),
    ];
    broken.into_iter().filter(|(_, is_broken)| *is_broken).map(|(rule, _)| rule).collect()
}

/// What is wrong with the groups that the plan deposits into, by the first of them that is not in order.
pub(crate) fn group_fault(
    policy: &Policy,
    state: &VaultState,
    plan: &Rebalance,
    receipt: &Receipt,
) -> Option<GroupFault> {
    let mut order = Vec::new();
    for leg in plan.moves.iter().filter(|leg| leg.is_deposit) {
        let mask = policy.strategies[usize::from(leg.index)].groups;
        order.extend((0..16).filter(|place| mask >> place & 1 == 1));
    }
    // A group that comes again is judged as it was the first time.
    order.into_iter().find_map(|place| group_fault_of(place, policy, state, plan, receipt))
}

fn group_fault_of(
    place: usize,
    policy: &Policy,
    state: &VaultState,
    plan: &Rebalance,
    receipt: &Receipt,
) -> Option<GroupFault> {
    let mut sum = U512::ZERO;
    for (index, entry) in (0_u8..).zip(&policy.strategies) {
        if entry.groups >> place & 1 == 0 || entry.status == StrategyStatus::WrittenOff {
            continue;
        }
        let touched = plan.moves.iter().position(|leg| leg.index == index);
        let (is_readable, value, shares) = match touched {
            Some(leg) => (true, receipt.legs[leg].value_after, receipt.legs[leg].shares_after),
            None => {
                let member = receipt.members.iter().find(|member| member.index == index);
                member.map_or((false, U256::ZERO, U256::ZERO), |member| {
                    (member.is_readable, member.value, member.shares)
                })
            }
        };
        if !is_readable {
            return Some(GroupFault::Unreadable);
        }
        if shares.is_zero() {
            continue;
        }
        if matches!(sides(policy, state, index, value, shares), (true, _) | (_, true)) {
            return Some(GroupFault::Price);
        }
        sum += wide(value);
    }
    let group = &policy.groups[place];
    let most = U512::from(group.cap).min(part(wide(receipt.base), group.max_weight_bps));
    (sum > most).then_some(GroupFault::Sum)
}

/// Whether a position is priced below its band, and whether above it.
fn sides(
    policy: &Policy,
    state: &VaultState,
    index: u8,
    value: U256,
    shares: U256,
) -> (bool, bool) {
    let place = usize::from(index);
    let reference = wide(state.strategies[place].reference_price);
    let band = policy.strategies[place].price_band_bps;
    let unit = U512::ONE << 128;
    let whole = U512::from(10_000);
    let low = reference * U512::from(10_000 - band) / whole;
    let high = ceil(reference * U512::from(10_000 + band), whole);
    let (value, shares) = (wide(value), wide(shares));
    (value + U512::ONE < ceil(shares * low, unit), value > shares * high / unit + U512::ONE)
}

fn loss(plan: &Rebalance, receipt: &Receipt) -> U512 {
    let mut lost = U512::ZERO;
    let (mut idle, mut paid) = (wide(receipt.idle_before), U512::ZERO);
    for (asked, leg) in plan.moves.iter().zip(&receipt.legs) {
        let (before, assets) = (wide(leg.value_before), wide(leg.assets));
        let due = if asked.is_deposit {
            paid += assets;
            before + assets
        } else {
            idle += assets;
            before.saturating_sub(assets)
        };
        lost += due.saturating_sub(wide(leg.value_after));
    }
    lost + idle.saturating_sub(paid).saturating_sub(wide(receipt.idle_after))
}

fn mandate<'a>(policy: &'a Policy, state: &VaultState) -> Option<&'a AgentPolicy> {
    let holds = state.agent.exists && !state.agent.is_revoked;
    policy.agents.iter().find(|entry| holds && entry.agent == state.agent.agent)
}

/// Whether this part of a whole, rounded up, is above a value.
fn exceeds(whole: U512, bps: u16, value: U256) -> bool {
    ceil(whole * U512::from(bps), U512::from(10_000)) > wide(value)
}

fn part(whole: U512, bps: u16) -> U512 {
    whole * U512::from(bps) / U512::from(10_000)
}

fn ceil(number: U512, by: U512) -> U512 {
    let (quotient, rest) = number.div_rem(by);
    if rest.is_zero() { quotient } else { quotient + U512::ONE }
}

fn wide(number: U256) -> U512 {
    U512::from(number)
}
