//! Cases: a plan that is accepted, and one thing about it or its world that is changed.

use alloy_primitives::{Address, U256};
use vagus_policy::{ALL_ASSETS, MAX_MOVES, Mode, Move, Policy, VaultState};

use crate::{
    abi::sol,
    compare::Case,
    documents::{AGENT, OTHER_AGENT, STRANGER, narrow, open, reopened},
    plans::{accepted, fresh, scope},
    rng::Rng,
    tune,
    world::{GUARDIAN, World},
};

/// What a case is drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Focus {
    /// All limits at random, honest or somewhat costly strategies.
    Anything,
    /// Strategies that claim any number at all.
    Claims,
    Mode,
    Mandate,
    Scope,
    Freshness,
    Cooldown,
    Shape,
    Turnover,
    Weight,
    Floor,
    Idle,
    Loss,
    Price,
}

/// In turn, so that each gets its share.
pub(crate) const FOCUSES: [Focus; 16] = [
    Focus::Anything,
    Focus::Turnover,
    Focus::Weight,
    Focus::Floor,
    Focus::Anything,
    Focus::Idle,
    Focus::Loss,
    Focus::Price,
    Focus::Claims,
    Focus::Mode,
    Focus::Mandate,
    Focus::Scope,
    Focus::Anything,
    Focus::Freshness,
    Focus::Cooldown,
    Focus::Shape,
];

/// A treasury with money in it and some of it placed.
pub(crate) fn start(template: &World, rng: &mut Rng) -> World {
    let mut world = template.clone();
    let count = if rng.chance(75) { rng.within(2, 6) } else { rng.within(16, 18) };
    let mut listed = Vec::new();
    for index in (0_u8..).take(usize::try_from(count).unwrap_or(2)) {
        let shares = u128::from(rng.within(1 << 40, 1 << 41));
        let assets = match rng.below(4) {
            0 => shares,
            1 => shares * u128::from(rng.within(1, 100)),
            _ => (shares >> rng.below(30)) + u128::from(rng.below(1 << 12)),
        };
        world.set_price(index, assets, shares);
        listed.push((world.strategy(index), assets, shares));
    }
    let mut policy = open(&listed, rng);
    policy.limits.seasoning_seconds = rng.pick(&[1, 10_000]);
    world.adopt(policy);
    world.enter((U256::from(rng.next() | 1 << 63) << 40) >> rng.index(80));
    for _ in 0..5 {
        world.chain.now += rng.within(1, 10_000);
        world.chain.must(GUARDIAN, world.vault, &sol::Vault::checkpointCall {});
        let (state, at) = (world.state(AGENT), world.chain.now);
        let plan = accepted(&world.policy, &state, AGENT, at, rng);
        // Nothing is lost if it is refused: the next may not be.
        let _ = world.rebalance(AGENT, &plan);
    }
    world
}

/// A case on a copy of the world.
pub(crate) fn draw(world: &World, focus: Focus, rng: &mut Rng) -> Case {
    let mut world = world.clone();
    world.chain.now += match rng.below(10) {
        0 => 86_400 + rng.below(200_000),
        1..=3 => rng.below(10_000),
        _ => 0,
    };
    let nav = world.state(AGENT).nav.nav_assets;
    let opened = reopened(&world.policy, rng);
    let is_narrow = matches!(focus, Focus::Anything) || focus == Focus::Claims && rng.chance(30);
    let policy = if is_narrow { narrow(&opened, nav, rng) } else { opened };
    let agent = rng.pick(&[AGENT, AGENT, OTHER_AGENT]);
    let policy = focused(focus, policy, &mut world, agent, rng);
    world.adopt(policy);
    let first = world.state(agent).agent.last_rebalance_at;
    if first != 0 && focus != Focus::Cooldown {
        let cooled_down_at = first + u64::from(world.policy.limits.cooldown_seconds);
        world.chain.now = world.chain.now.max(cooled_down_at);
    }
    if !matches!(focus, Focus::Turnover | Focus::Loss | Focus::Cooldown | Focus::Mandate) {
        // Full buckets would hide every later rule.
        let window = u64::from(world.policy.limits.window_seconds);
        world.chain.now += rng.pick(&[0, window / 2, window]);
        if rng.chance(10) {
            // The first second at which a reference may follow, or the one before.
            let references = world.state(agent).strategies;
            let follows_at = references[rng.index(references.len())].reference_at + 86_400;
            world.chain.now = world.chain.now.max(follows_at - rng.below(2));
        }
    }
    drift(&mut world, rng);

    let (state, at) = (world.state(agent), world.chain.now);
    let plan = accepted(&world.policy, &state, agent, at, rng);
    let mut case = Case { world, agent, plan, is_honest: true };
    change(focus, &mut case, &state, rng);
    case
}

/// The one limit of an open policy that the focus is on, drawn narrow.
fn focused(
    focus: Focus,
    mut policy: Policy,
    world: &mut World,
    agent: Address,
    rng: &mut Rng,
) -> Policy {
    let state = world.state(agent);
    let count = policy.strategies.len();
    let (Some(mandate), limits) =
        (policy.agents.iter_mut().find(|entry| entry.agent == agent), &mut policy.limits)
    else {
        return policy;
    };
    match focus {
        Focus::Mandate => mandate.expires_at = world.chain.now + rng.within(1, 100),
        Focus::Scope => {
            mandate.scope = u32::try_from(rng.within(1, (1 << count) - 1)).unwrap_or(1);
        }
        Focus::Cooldown => {
            let ends_at = world.chain.now + rng.within(1, 100);
            let cooldown = ends_at - state.agent.last_rebalance_at.min(ends_at);
            limits.cooldown_seconds = u32::try_from(cooldown).unwrap_or(u32::MAX);
        }
        Focus::Turnover if rng.chance(50) => limits.max_turnover_bps = rng.bps(1, 3_000),
        Focus::Turnover => mandate.max_turnover_bps = rng.bps(1, 3_000),
        Focus::Loss if rng.chance(50) => limits.max_loss_bps = rng.bps(0, 300),
        Focus::Loss => mandate.max_loss_bps = rng.bps(0, 300),
        Focus::Weight if rng.chance(50) => {
            policy.strategies.iter_mut().for_each(|entry| entry.max_weight_bps = rng.bps(1, 9_999));
        }
        Focus::Floor | Focus::Mode => {
            let nav = state.nav.nav_assets.max(U256::ONE);
            for (entry, position) in policy.strategies.iter_mut().zip(&state.strategies) {
                let weight = position.redeem_assets * U256::from(10_000) / nav;
                entry.min_weight_bps = rng.bps(0, weight.saturating_to::<u16>().min(10_000));
            }
        }
        Focus::Idle => {
            let weight = state.idle * U256::from(10_000) / state.nav.nav_assets.max(U256::ONE);
            limits.min_idle_bps = rng.bps(0, weight.saturating_to::<u16>().min(10_000));
        }
        Focus::Price => {
            policy.strategies.iter_mut().for_each(|entry| entry.price_band_bps = rng.bps(0, 2_000));
        }
        _ => {}
    }
    policy
}

/// Moves the share prices of some strategies, mostly inside their band around the guard's reference.
fn drift(world: &mut World, rng: &mut Rng) {
    let references = world.chain.view(world.guard, &sol::Guard::strategyStatesCall {});
    for (index, reference) in (0_u8..).zip(references) {
        if !rng.chance(30) {
            continue;
        }
        let band = world.policy.strategies[usize::from(index)].price_band_bps.min(500);
        let beyond = if rng.chance(3) { 100 } else { 0 };
        let step = U256::from(rng.below(u64::from(band) + beyond + 1));
        let whole = U256::from(10_000);
        let factor = if rng.chance(50) { whole + step } else { whole - step };
        let assets: U256 = (reference.referencePrice >> 64_usize) * factor / whole;
        world.set_price(index, assets.saturating_to(), 1 << 64);
    }
}

/// The one thing that makes the case.
fn change(focus: Focus, case: &mut Case, state: &VaultState, rng: &mut Rng) {
    match focus {
        Focus::Anything => anything(case, state, rng),
        Focus::Claims => claims(case, rng),
        Focus::Mode => mode(case, rng),
        Focus::Mandate => mandate(case, rng),
        Focus::Scope => out_of_scope(case, rng),
        Focus::Freshness => freshness(case, state, rng),
        Focus::Cooldown => {
            let cooldown = u64::from(case.world.policy.limits.cooldown_seconds);
            let ends_at = state.agent.last_rebalance_at + cooldown;
            let at = ends_at.saturating_sub(rng.below(2));
            case.world.chain.now = case.world.chain.now.max(at);
            case.plan.deadline = case.world.chain.now;
        }
        Focus::Shape => shape(case, state, rng),
        Focus::Turnover => tune::turnover(case, state, rng),
        Focus::Weight => tune::weight(case, rng),
        Focus::Floor => tune::floor(case, rng),
        Focus::Idle => tune::idle(case, rng),
        Focus::Loss => tune::loss(case, state, rng),
        Focus::Price => tune::price(case, rng),
    }
}

fn anything(case: &mut Case, state: &VaultState, rng: &mut Rng) {
    let Some(leg) = case.plan.moves.first().copied() else { return };
    match rng.below(8) {
        0 => {
            case.world.set_fees(leg.index, rng.bps(0, 40), rng.bps(0, 40));
            case.is_honest = false;
        }
        1 => {
            let loss = tune::small(rng, leg.assets);
            case.world.set_take(leg.index, loss, loss);
            case.is_honest = false;
        }
        2 => {
            let place = rng.index(case.plan.moves.len());
            let assets = case.plan.moves[place].assets;
            if assets != ALL_ASSETS {
                case.plan.moves[place].assets = assets.saturating_mul(2).min(ALL_ASSETS - 1);
            }
        }
        3 => {
            let index = u8::try_from(rng.index(state.strategies.len())).unwrap_or(0);
            let assets = rng.amount(state.idle).saturating_to::<u128>();
            case.plan.moves.retain(|other| other.index != index);
            case.plan.moves.push(Move { index, is_deposit: true, assets });
        }
        _ => {}
    }
}

/// Numbers of any size, where a strategy tells its position's worth.
fn claims(case: &mut Case, rng: &mut Rng) {
    case.is_honest = false;
    for leg in case.plan.moves.clone() {
        if rng.chance(70) {
            let near = |rng: &mut Rng| match rng.below(4) {
                0 => U256::MAX,
                1 => U256::ZERO,
                _ => rng.word(),
            };
            let claim = (near(rng), near(rng));
            case.world.set_claim(leg.index, Some(claim));
        }
        if rng.chance(20) {
            case.world.set_take(leg.index, leg.assets / 2, leg.assets / 2);
        }
    }
}

fn mode(case: &mut Case, rng: &mut Rng) {
    if rng.chance(50) {
        case.plan.moves.retain(|leg| !leg.is_deposit);
    }
    let mode = rng.pick(&[Mode::Active, Mode::ExitOnly, Mode::ExitOnly, Mode::Paused]);
    if mode != Mode::Active {
        let call = sol::Guard::setModeCall { mode: mode as u8 };
        case.world.chain.must(GUARDIAN, case.world.guard, &call);
        case.plan.policy_version += 1;
    }
    // Outside of Active no floor holds anyone back.
    if mode == Mode::ExitOnly && rng.chance(50) {
        case.plan
            .moves
            .iter_mut()
            .filter(|leg| !leg.is_deposit)
            .for_each(|leg| leg.assets = ALL_ASSETS);
    }
}

fn mandate(case: &mut Case, rng: &mut Rng) {
    match rng.below(6) {
        0 => case.agent = STRANGER,
        1 => {
            let call = sol::Guard::revokeAgentCall { agent: case.agent };
            case.world.chain.must(GUARDIAN, case.world.guard, &call);
            case.plan.policy_version += 1;
        }
        _ => {
            let agents = &case.world.policy.agents;
            let entry = agents.iter().find(|entry| entry.agent == case.agent);
            let expires_at = entry.map_or(0, |entry| entry.expires_at);
            case.world.chain.now = case.world.chain.now.max(expires_at + rng.below(2));
            case.plan.deadline = case.world.chain.now;
        }
    }
}

fn out_of_scope(case: &mut Case, rng: &mut Rng) {
    let mask = scope(&case.world.policy, case.agent);
    let outside: Vec<u8> = (0..32).filter(|index| mask >> index & 1 == 0).collect();
    if outside.is_empty() || case.plan.moves.is_empty() || rng.chance(40) {
        return;
    }
    // A place behind one in scope is a step over the edge.
    let edge = outside.iter().find(|index| **index > 0 && mask >> (**index - 1) & 1 == 1);
    let index = match edge {
        Some(index) if rng.chance(70) => *index,
        _ => rng.pick(&outside),
    };
    let place = rng.index(case.plan.moves.len());
    case.plan.moves[place].index = rng.pick(&[index, index, index, 32, 255]);
}

fn freshness(case: &mut Case, state: &VaultState, rng: &mut Rng) {
    let plan = &mut case.plan;
    let count = state.guard_state.rebalance_count;
    let now = case.world.chain.now;
    match rng.below(9) {
        0 => plan.policy_version += 1,
        1 => plan.policy_version -= 1,
        2 => plan.nonce += 1,
        3 => plan.nonce = plan.nonce.wrapping_sub(1),
        4 => plan.deadline = now,
        5 => plan.deadline = now - 1,
        6 => plan.vault_count = count + 1,
        7 => plan.vault_count = count.wrapping_sub(1),
        _ => {}
    }
}

fn shape(case: &mut Case, state: &VaultState, rng: &mut Rng) {
    let count = state.strategies.len();
    let all = |length: usize| {
        let unit = |index| Move { index, is_deposit: true, assets: 1 };
        (0_u8..).take(length.min(count)).map(unit).collect::<Vec<_>>()
    };
    let moves = &mut case.plan.moves;
    // Only a long list can be filled to the last move, so it often is.
    let choice = if count >= MAX_MOVES && rng.chance(50) { rng.within(1, 2) } else { rng.below(8) };
    match choice {
        0 => moves.clear(),
        1 => *moves = all(MAX_MOVES),
        2 => *moves = all(MAX_MOVES + 1),
        3 => moves.extend(moves.first().copied()),
        4 => moves.iter_mut().for_each(|leg| leg.assets = 0),
        5 => moves.reverse(),
        6 => moves.iter_mut().filter(|leg| leg.is_deposit).for_each(|leg| leg.assets = ALL_ASSETS),
        // In scope there is nothing beyond the list, so R3 speaks first.
        _ => moves.push(Move {
            index: u8::try_from(count).unwrap_or(0),
            is_deposit: true,
            assets: 1,
        }),
    }
    case.plan = fresh(state, case.world.chain.now, case.plan.moves.clone(), rng);
}
