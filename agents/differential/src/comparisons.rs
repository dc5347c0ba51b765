//! Pairs of documents: what is in force in the compiled guard, and one that is submitted to it. Guard and Rust have to agree
//! on its hash, on whether it takes effect at once, and, asked by the guardian, on whether it is taken at all.

use std::fmt;

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolError;
use vagus_policy::{
    AgentPolicy, Mode, Policy, StrategyStatus,
    compare::{Effect, InForce, changes, takes_effect_at_once},
    decode, encode, hash,
    toml::Context,
    validate, validate_ceilings,
};

use crate::{
    abi::{self, sol},
    documents::{aim, group, narrow, open},
    rng::{Amounts as _, Rng},
    world::{GUARDIAN, OWNER, World},
};

/// Documents that are submitted against one that is in force.
const PAIRS_PER_DOCUMENT: u64 = 25;

/// How many pairs were compared, by what the answer was and what made it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Comparisons {
    /// Took effect at once, or would have.
    pub at_once: u64,
    /// Would wait.
    pub waits: u64,
    /// Of those at once, the ones that differ from what is in force.
    pub at_once_with_changes: u64,
    /// Of those that wait, the ones in which a single change has to.
    pub waits_for_one: u64,
    /// Under a mode that was closed since the adoption.
    pub under_a_closed_mode: u64,
    /// With mandates that have ended: at once, and waiting.
    pub with_ended_mandates: (u64, u64),
    /// Submitted while nothing was in force.
    pub at_birth: u64,
}

impl fmt::Display for Comparisons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:#?}")
    }
}

/// A change in the closing direction, all of which are on the guard's list.
fn tighten(policy: &mut Policy, rng: &mut Rng) {
    let lower = |value: &mut u16, rng: &mut Rng| *value -= rng.bps(0, (*value).min(50));
    let limits = &mut policy.limits;
    match rng.below(16) {
        0 => limits.mode = rng.pick(&[limits.mode, Mode::Paused]),
        1 => {
            limits.cooldown_seconds =
                limits.cooldown_seconds.saturating_add(u32::from(rng.bps(0, 2)))
        }
        2 => limits.window_seconds = limits.window_seconds.saturating_add(u32::from(rng.bps(0, 2))),
        3 => lower(&mut limits.max_turnover_bps, rng),
        4 => lower(&mut limits.max_loss_bps, rng),
        5 => limits.min_idle_bps += rng.bps(0, (10_000 - limits.min_idle_bps).min(9)),
        6 => {
            limits.seasoning_seconds =
                limits.seasoning_seconds.saturating_add(u32::from(rng.bps(0, 2)))
        }
        7 => limits.deposit_cap -= u128::from(rng.below(3)).min(limits.deposit_cap),
        8 => lower(&mut limits.management_fee_bps, rng),
        9 => lower(&mut limits.performance_fee_bps, rng),
        10 => lower(&mut any(&mut policy.strategies, rng).max_weight_bps, rng),
        11 => {
            let entry = any(&mut policy.strategies, rng);
            entry.cap -= u128::from(rng.below(3)).min(entry.cap);
        }
        12 => {
            let entry = any(&mut policy.strategies, rng);
            if entry.status == StrategyStatus::Active {
                entry.status = StrategyStatus::ExitOnly;
            }
        }
        13 if !policy.groups.is_empty() => {
            let group = any(&mut policy.groups, rng);
            lower(&mut group.max_weight_bps, rng);
            group.cap -= u128::from(rng.below(2)).min(group.cap);
        }
        14 if !policy.agents.is_empty() => {
            let agent = any(&mut policy.agents, rng);
            agent.scope &= u32::try_from(rng.next() & 0xffff_ffff).unwrap_or(0);
            agent.expires_at = agent.expires_at.saturating_sub(rng.below(2));
        }
        _ if !policy.agents.is_empty() => {
            let agent = any(&mut policy.agents, rng);
            lower(&mut agent.max_turnover_bps, rng);
            lower(&mut agent.max_loss_bps, rng);
        }
        _ => {}
    }
}

/// Any change, in either direction, also of what the list does not name.
fn disturb(policy: &mut Policy, rng: &mut Rng) {
    let step = |value: &mut u16, most: u16, rng: &mut Rng| {
        *value = if rng.chance(50) { value.saturating_sub(1) } else { (*value + 1).min(most) };
    };
    let limits = &mut policy.limits;
    match rng.below(30) {
        0 => limits.mode = rng.pick(&[Mode::Active, Mode::ExitOnly, Mode::Paused]),
        1 => limits.cooldown_seconds = limits.cooldown_seconds.saturating_sub(1),
        2 => limits.window_seconds = limits.window_seconds.saturating_sub(1).max(1),
        3 => step(&mut limits.max_turnover_bps, 10_000, rng),
        4 => step(&mut limits.max_loss_bps, 10_000, rng),
        5 => step(&mut limits.min_idle_bps, 10_000, rng),
        6 => limits.max_growth_wad = rng.below(1_000_000_000_000_000_001),
        7 => step(&mut limits.max_drawdown_bps, 10_000, rng),
        8 => limits.entry_halt_seconds = limits.entry_halt_seconds.saturating_add(1),
        9 => limits.seasoning_seconds = limits.seasoning_seconds.saturating_sub(1).max(1),
        10 => limits.max_nav_age_seconds = limits.max_nav_age_seconds.saturating_sub(1),
        11 => limits.policy_delay_seconds = u32::from(rng.bps(1, 10)),
        12 => limits.deposit_cap = limits.deposit_cap.saturating_add(1),
        13 => step(&mut limits.management_fee_bps, 500, rng),
        14 => step(&mut limits.performance_fee_bps, 2_000, rng),
        15 => limits.fee_recipient = Address::repeat_byte(rng.pick(&[0xfe, 0xfd])),
        16 => step(&mut any(&mut policy.strategies, rng).max_weight_bps, 10_000, rng),
        17 => step(&mut any(&mut policy.strategies, rng).min_weight_bps, 10_000, rng),
        18 => step(&mut any(&mut policy.strategies, rng).price_band_bps, 9_999, rng),
        19 => {
            let entry = any(&mut policy.strategies, rng);
            entry.cap = entry.cap.saturating_add(1);
            entry.reference_shares += u128::from(rng.below(2));
        }
        20 => {
            let statuses =
                [StrategyStatus::Active, StrategyStatus::ExitOnly, StrategyStatus::WrittenOff];
            any(&mut policy.strategies, rng).status = rng.pick(&statuses);
        }
        21 => {
            let place = rng.index(policy.strategies.len());
            policy.strategies.swap(0, place);
        }
        22 if policy.strategies.len() > 2 => {
            policy.strategies.pop();
        }
        23 => group(policy, rng),
        24 if !policy.groups.is_empty() => {
            let bit = 1 << rng.index(policy.groups.len());
            any(&mut policy.strategies, rng).groups ^= bit;
        }
        25 if !policy.groups.is_empty() => {
            let group = any(&mut policy.groups, rng);
            group.cap = group.cap.saturating_add(1);
            step(&mut group.max_weight_bps, 10_000, rng);
        }
        26 => policy.agents.reverse(),
        27 if !policy.agents.is_empty() => {
            let agent = any(&mut policy.agents, rng);
            match rng.below(4) {
                0 => agent.scope |= 1,
                1 => agent.expires_at = (agent.expires_at + 1).min((1 << 40) - 1),
                2 => agent.agent = Address::repeat_byte(rng.pick(&[0x71, 0x72])),
                _ => step(&mut agent.max_loss_bps, 10_000, rng),
            }
        }
        28 => {
            let weights = policy.strategies.iter().map(|_| rng.bps(0, 500)).collect();
            aim(policy, weights, rng.bps(0, 100));
        }
        _ => {
            policy.objective.hurdle_bps = rng.bps(0, 1);
            policy.objective.horizon_seconds += u32::from(rng.bps(0, 1));
        }
    }
}

fn any<'a, T>(list: &'a mut [T], rng: &mut Rng) -> &'a mut T {
    let place = rng.index(list.len());
    &mut list[place]
}

/// What the guard has made of the document since.
fn overlay(world: &mut World, rng: &mut Rng) {
    if rng.chance(15) {
        let current = mode_of(world);
        let closed: Vec<Mode> =
            [Mode::ExitOnly, Mode::Paused].into_iter().filter(|mode| *mode > current).collect();
        if !closed.is_empty() {
            let mode = rng.pick(&closed) as u8;
            world.chain.must(GUARDIAN, world.guard, &sol::Guard::setModeCall { mode });
        }
    }
    while rng.chance(25) && !world.policy.agents.is_empty() {
        let AgentPolicy { agent, .. } = *any(&mut world.policy.agents.clone(), rng);
        // One that has none any more is refused, and nothing changes.
        let call = sol::Guard::revokeAgentCall { agent };
        let _ = world.chain.send(rng.pick(&[GUARDIAN, OWNER]), world.guard, encoded(&call));
    }
}

fn encoded<C: alloy_sol_types::SolCall>(call: &C) -> Bytes {
    call.abi_encode().into()
}

fn mode_of(world: &mut World) -> Mode {
    let state = world.chain.view(world.guard, &sol::Guard::guardStateCall {});
    abi::guard_state(&state).mode
}

/// A bit for each agent of the document in force whose mandate has ended, as the guard says.
fn ended(world: &mut World) -> u16 {
    let agents = world.policy.agents.clone();
    agents.iter().enumerate().fold(0, |mask, (place, entry)| {
        let call = sol::Guard::agentStateCall { agent: entry.agent };
        let is_ended = world.chain.view(world.guard, &call).isRevoked;
        mask | u16::from(is_ended) << place
    })
}

/// Compares `pairs` pairs that `seed` determines.
///
/// # Errors
/// If the build is missing, or at the first pair on which guard and Rust differ: what they differ in.
pub fn compare_documents(pairs: u64, seed: u64) -> Result<Comparisons, String> {
    let mut rng = Rng::new(seed);
    let mut seen = Comparisons::default();
    let template = World::deploy(open(&[], &mut rng), 6)?;
    let mut number = 0;
    while number < pairs {
        let mut world = template.clone();
        let count = 2 + rng.index(6);
        let listed: Vec<_> =
            world.strategies.iter().take(count).map(|strategy| (*strategy, 1, 1)).collect();
        let policy = narrow(&open(&listed, &mut rng), U256::from(1_000_000), &mut rng);
        if rng.chance(10) {
            pair(&mut world, None, &policy, &mut seen).map_err(|it| told(it, number, seed))?;
            seen.at_birth += 1;
            number += 1;
        }
        world.adopt(policy);
        overlay(&mut world, &mut rng);
        let state = (mode_of(&mut world), ended(&mut world));
        for _ in 0..PAIRS_PER_DOCUMENT {
            let next = neighbour(&world.policy, state.1, &mut rng);
            let is_taken = validate(&next)
                .and_then(|()| validate_ceilings(&next.limits, &World::ceilings()))
                .is_ok();
            if is_taken {
                pair(&mut world, Some(state), &next, &mut seen)
                    .map_err(|it| told(it, number, seed))?;
                number += 1;
            }
        }
    }
    Ok(seen)
}

/// A document that differs by little from the one in force.
fn neighbour(now: &Policy, ended: u16, rng: &mut Rng) -> Policy {
    let mut next = now.clone();
    if rng.chance(75) {
        let mut place = 0;
        next.agents.retain(|_| {
            place += 1;
            ended >> (place - 1) & 1 == 0
        });
    }
    for _ in 0..rng.below(5) {
        tighten(&mut next, rng);
    }
    if rng.chance(50) {
        for _ in 0..rng.within(1, 2) {
            disturb(&mut next, rng);
        }
    }
    next
}

fn told(difference: String, number: u64, seed: u64) -> String {
    format!("pair {number} of seed {seed}: {difference}")
}

/// Submits a document, and nothing of it stays.
fn pair(
    world: &mut World,
    state: Option<(Mode, u16)>,
    next: &Policy,
    seen: &mut Comparisons,
) -> Result<(), String> {
    let now = world.policy.clone();
    let in_force =
        state.map(|(mode, ended_mandates)| InForce { policy: &now, mode, ended_mandates });
    let is_at_once = takes_effect_at_once(in_force, next);
    let context = Context::new("DIF", 6);
    let found = in_force.map_or_else(Vec::new, |it| changes(it, next, &context));
    let one_by_one = state.is_some() && found.iter().all(|it| it.effect == Effect::AtOnce);
    let document = encode(next);
    let owner = world.try_submit_as(OWNER, next);
    let guardian = world.try_submit_as(GUARDIAN, next);
    let expected: Vec<u8> = [hash(next), B256::with_last_byte(is_at_once.into())].concat();
    let not_stricter = Bytes::from(sol::Guard::NotStricter {}.abi_encode());
    let agrees = is_at_once == one_by_one
        && owner.as_ref().is_ok_and(|data| data.as_ref() == expected)
        && match &guardian {
            Ok(data) => is_at_once && data.as_ref() == expected,
            Err(data) => !is_at_once && *data == not_stricter,
        }
        && decode(&document).is_ok_and(|decoded| decoded == *next);
    if !agrees {
        return Err(format!(
            "Rust says at once: {is_at_once}, one by one {one_by_one}; the guard {owner:?} to its owner, {guardian:?} to \
             its guardian, under {state:?}\n{found:#?}\nin force {now:#?}\nsubmitted {next:#?}"
        ));
    }
    let waiting = found.iter().filter(|it| it.effect == Effect::Waits).count();
    let counter = if is_at_once { &mut seen.at_once } else { &mut seen.waits };
    *counter += 1;
    seen.at_once_with_changes += u64::from(is_at_once && !found.is_empty());
    seen.waits_for_one += u64::from(waiting == 1);
    if let Some((mode, ended)) = state {
        seen.under_a_closed_mode += u64::from(mode != now.limits.mode);
        seen.with_ended_mandates.0 += u64::from(ended != 0 && is_at_once);
        seen.with_ended_mandates.1 += u64::from(ended != 0 && !is_at_once);
    }
    Ok(())
}
