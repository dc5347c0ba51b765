//! Cases: a plan that is accepted, and one thing about it or its world that is changed.

use alloy_primitives::{Address, U256};
use vagus_policy::{ObjectiveKind, Policy};

use crate::{
    abi::sol,
    agents,
    changes::change,
    compare::Case,
    documents::{aim, group, narrow, open, reopened, weights_around},
    plans::{Wanted, accepted},
    rng::{Amounts as _, Rng},
    world::{GUARDIAN, World},
};

/// What a case is drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Focus {
    /// All limits at random, honest or somewhat costly strategies.
    Anything,
    /// Strategies that claim any number at all.
    Claims,
    /// Several rules at once.
    Several,
    Mode,
    Mandate,
    Scope,
    Freshness,
    Cooldown,
    Shape,
    Turnover,
    Weight,
    /// The sum of a group.
    Group,
    /// A member of a group that cannot be read, or at the end of its price band.
    Member,
    Floor,
    Idle,
    Loss,
    Price,
    Objective,
}

impl Focus {
    /// What its plans must hold.
    fn wants(self) -> Wanted {
        match self {
            Self::Weight | Self::Group | Self::Member | Self::Idle => Wanted::Deposit,
            Self::Floor => Wanted::Withdrawal,
            _ => Wanted::Anything,
        }
    }
}

/// In turn, so that each gets its share.
pub(crate) const FOCUSES: [Focus; 26] = [
    Focus::Anything,
    Focus::Turnover,
    Focus::Weight,
    Focus::Floor,
    Focus::Group,
    Focus::Several,
    Focus::Idle,
    Focus::Objective,
    Focus::Loss,
    Focus::Price,
    Focus::Shape,
    Focus::Mode,
    Focus::Anything,
    Focus::Claims,
    Focus::Mandate,
    Focus::Scope,
    Focus::Floor,
    Focus::Weight,
    Focus::Member,
    Focus::Freshness,
    Focus::Cooldown,
    Focus::Several,
    Focus::Group,
    Focus::Objective,
    Focus::Shape,
    Focus::Loss,
];

/// A treasury with money in it and some of it placed.
pub(crate) fn start(template: &World, rng: &mut Rng) -> World {
    let mut world = template.clone();
    let count = if rng.chance(55) { rng.within(2, 6) } else { rng.within(17, 18) };
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
        let agent = agents::named()[0];
        let (state, at) = (world.state(agent), world.chain.now);
        let plan = accepted(&world.policy, &state, agent, at, Wanted::Anything, rng);
        // Nothing is lost if it is refused: the next may not be.
        let _ = world.rebalance(agent, &plan);
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
    let agent = rng.pick(&agents::named());
    let nav = world.state(agent).nav.nav_assets;
    let opened = reopened(&world.policy, rng);
    let is_narrow = matches!(focus, Focus::Anything) || focus == Focus::Claims && rng.chance(30);
    let policy = if is_narrow { narrow(&opened, nav, rng) } else { opened };
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
    let mut traits = drift(&mut world, rng);
    if rng.chance(30) {
        // Adoption leaves the checkpoint to be refreshed by whoever comes next: here not by the rebalance.
        world.chain.must(GUARDIAN, world.vault, &sol::Vault::checkpointCall {});
    }

    let (state, at) = (world.state(agent), world.chain.now);
    let plan = accepted(&world.policy, &state, agent, at, focus.wants(), rng);
    let is_relayed = rng.chance(25);
    traits.extend(traits_of(&world, agent, is_relayed, state.checkpoint.is_fresh));
    let mut case = Case {
        world,
        agent,
        plan,
        is_relayed,
        is_forged: is_relayed && rng.chance(20),
        later: rng.pick(&[1, 100_000]),
        is_honest: true,
        is_previewed: true,
        traits,
    };
    if rng.chance(8) {
        fees(&mut case, rng);
    }
    if case.is_forged {
        case.traits.push("forged signature first");
    }
    change(focus, &mut case, &state, rng);
    case
}

/// The plan's strategies charge something on the way in and on the way out.
pub(crate) fn fees(case: &mut Case, rng: &mut Rng) {
    for leg in case.plan.moves.clone() {
        case.world.set_fees(leg.index, rng.bps(0, 40), rng.bps(0, 40));
    }
    case.is_honest = false;
    case.traits.push("strategy with fees");
}

/// What is said of a case in the table of what the cases had.
fn traits_of(world: &World, agent: Address, is_relayed: bool, is_fresh: bool) -> Vec<&'static str> {
    let policy = &world.policy;
    let fees = policy.limits.management_fee_bps + policy.limits.performance_fee_bps;
    let is_crossed = |a: u16, b: u16| a & b != 0 && a & !b != 0 && b & !a != 0;
    let masks: Vec<u16> = policy.strategies.iter().map(|entry| entry.groups).collect();
    let overlaps = masks.iter().any(|a| masks.iter().any(|b| is_crossed(*a, *b)));
    let has = [
        (is_relayed, "relayed"),
        (!is_relayed, "sent by the agent"),
        (agent == agents::named()[0], "first agent"),
        (agent == agents::named()[1], "second agent"),
        (fees != 0, "vault with fees"),
        (!is_fresh, "checkpoint to be refreshed"),
        (is_fresh, "checkpoint as it stands"),
        (!policy.groups.is_empty(), "groups"),
        (overlaps, "groups that overlap"),
        (policy.objective.kind == ObjectiveKind::TargetWeights, "target weights"),
        (policy.strategies.len() > 16, "17 strategies or more"),
    ];
    let decimals = match world.decimals {
        0 => "0 decimals",
        6 => "6 decimals",
        8 => "8 decimals",
        18 => "18 decimals",
        _ => "27 decimals",
    };
    has.into_iter().filter(|(has, _)| *has).map(|(_, name)| name).chain([decimals]).collect()
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
        Focus::Group | Focus::Member => {
            group(&mut policy, rng);
            if focus == Focus::Group && rng.chance(50) {
                let nav = state.nav.nav_assets.max(U256::ONE);
                for (place, entry) in policy.groups.iter_mut().enumerate() {
                    // Room for something, so that a plan can come up to the limit.
                    let members = policy.strategies.iter().zip(&state.strategies);
                    let held = members
                        .filter(|(entry, _)| entry.groups >> place & 1 == 1)
                        .fold(U256::ZERO, |sum, (_, position)| sum + position.redeem_assets);
                    let weight = (held * U256::from(10_000) / nav).saturating_to::<u16>();
                    entry.max_weight_bps = rng.bps(weight.min(9_999), 10_000);
                }
            }
        }
        Focus::Objective => {
            let weights = weights_around(&state, rng);
            aim(&mut policy, weights, rng.bps(0, 2_000));
        }
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

/// Moves the share prices of some strategies, mostly inside their band around the guard's reference. Answers what became
/// of prices.
fn drift(world: &mut World, rng: &mut Rng) -> Vec<&'static str> {
    let mut traits = Vec::new();
    let references = world.chain.view(world.guard, &sol::Guard::strategyStatesCall {});
    for (index, reference) in (0_u8..).zip(references) {
        if !rng.chance(30) {
            continue;
        }
        let band = world.policy.strategies[usize::from(index)].price_band_bps.min(500);
        let beyond = if rng.chance(3) { 100 } else { 0 };
        let step = U256::from(rng.below(u64::from(band) + beyond + 1));
        let whole = U256::from(10_000);
        let rises = rng.chance(50);
        let factor = if rises { whole + step } else { whole - step };
        let name = if rises { "rising share price" } else { "falling share price" };
        if !step.is_zero() && !traits.contains(&name) {
            traits.push(name);
        }
        let assets: U256 = (reference.referencePrice >> 64_usize) * factor / whole;
        world.set_price(index, assets.saturating_to(), 1 << 64);
    }
    traits
}
