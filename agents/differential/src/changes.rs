//! The one thing that makes a case.

use alloy_primitives::U256;
use vagus_policy::{ALL_ASSETS, MAX_MOVES, Mode, Move, VaultState};

use crate::{
    abi::sol,
    agents,
    cases::{Focus, fees},
    compare::Case,
    documents::{aim, group},
    plans::{fresh, scope},
    rng::{Amounts as _, Rng},
    tune, tune_groups,
    world::GUARDIAN,
};

/// Changes the case by what the focus is on.
pub(crate) fn change(focus: Focus, case: &mut Case, state: &VaultState, rng: &mut Rng) {
    match focus {
        Focus::Anything => anything(case, state, rng),
        Focus::Claims => claims(case, rng),
        Focus::Several => several(case, rng),
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
        Focus::Group => tune_groups::group(case, rng),
        Focus::Member => tune_groups::member(case, rng),
        Focus::Floor => tune::floor(case, rng),
        Focus::Idle => tune::idle(case, rng),
        Focus::Loss => tune::loss(case, state, rng),
        Focus::Price => tune::price(case, rng),
        Focus::Objective => tune::objective(case, rng),
    }
}

fn anything(case: &mut Case, state: &VaultState, rng: &mut Rng) {
    let Some(leg) = case.plan.moves.first().copied() else { return };
    match rng.below(8) {
        0 => fees(case, rng),
        1 => {
            let loss = tune::small(rng, leg.assets);
            case.world.set_take(leg.index, loss, loss);
            case.is_honest = false;
            case.is_previewed = false;
            case.traits.push("strategy that keeps back");
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
    case.is_previewed = false;
    case.traits.push("strategy that claims");
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
    let mode = rng.pick(&[Mode::ExitOnly, Mode::ExitOnly, Mode::ExitOnly, Mode::Paused]);
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
    match rng.below(10) {
        0 => case.agent = agents::stranger(),
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
    let most = (state.idle >> 5_usize).saturating_to::<u128>().max(1);
    let amount = rng.amount(U256::from(most)).saturating_to::<u128>();
    let all = |length: usize| {
        let unit = |index| Move { index, is_deposit: true, assets: amount };
        (0_u8..).take(length.min(count)).map(unit).collect::<Vec<_>>()
    };
    let moves = &mut case.plan.moves;
    // Only a long list can be filled to the last move, so it often is.
    let choice = if count >= MAX_MOVES && rng.chance(80) { rng.within(1, 2) } else { rng.below(8) };
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

/// Two to four limits drawn so narrow that the plan breaks them, and often something about the plan itself besides.
fn several(case: &mut Case, rng: &mut Rng) {
    let Some(leg) = case.plan.moves.first().copied() else { return };
    let mut policy = case.world.policy.clone();
    let state = case.world.state(case.agent);
    for _ in 0..rng.within(2, 4) {
        match rng.below(9) {
            0 => policy.limits.max_turnover_bps = rng.bps(0, 3),
            1 => {
                policy.strategies.iter_mut().for_each(|entry| entry.cap = u128::from(rng.below(3)))
            }
            2 => {
                group(&mut policy, rng);
                policy.groups.iter_mut().for_each(|group| group.cap = u128::from(rng.below(3)));
            }
            3 => policy.strategies.iter_mut().for_each(|entry| entry.min_weight_bps = 10_000),
            4 => policy.limits.min_idle_bps = 10_000,
            5 => {
                case.is_honest = false;
                case.is_previewed = false;
                policy.limits.max_loss_bps = 0;
                case.traits.push("strategy that keeps back");
                let take = 1 + tune::small(rng, leg.assets);
                case.world.set_take(leg.index, take, take);
            }
            6 => {
                policy.strategies.iter_mut().for_each(|entry| entry.price_band_bps = 0);
                let price = state.strategies[usize::from(leg.index)].reference_price >> 64_usize;
                let price = if leg.is_deposit { price * U256::from(2) } else { price >> 1_usize };
                case.world.set_price(leg.index, price.saturating_to(), 1 << 64);
            }
            7 => {
                let all = policy.strategies.len();
                let mut weights = vec![0; all];
                if !leg.is_deposit {
                    weights[usize::from(leg.index)] = 10_000;
                }
                aim(&mut policy, weights, 0);
            }
            _ => policy.limits.cooldown_seconds = u32::MAX,
        }
    }
    tune::adopt(case, policy);
    if rng.chance(40) {
        match rng.below(4) {
            0 => case.plan.nonce += 1,
            1 => case.plan.moves.iter_mut().for_each(|leg| leg.assets = 0),
            2 => out_of_scope(case, rng),
            _ => mode(case, rng),
        }
    }
}
