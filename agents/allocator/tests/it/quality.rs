//! How good the search is, against every plan on a grid: a table over withdrawals and deposits in whole steps, filled
//! strategy by strategy, finds the grid's best plan exactly, gas per leg and what entering costs included; of each pair of
//! sums the hurdle is known, so that it finds the best plan after the hurdle too. Limits are worked out here from the policy,
//! not taken from the code under test.

use alloy_primitives::U256;
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use vagus_allocator::{Action, Decision, Earning, Horizon, Reason, decide};
use vagus_policy::{Move, ObjectiveKind, StrategyStatus, budget::Budget};

use crate::{
    properties::config,
    random::{any_world, any_world_of_markets},
    world::{NOW, USDC, World},
};

const STEPS: usize = 24;

/// Takes away what would need a repair.
fn calm(world: &mut World) {
    let state = &mut world.snapshot.vault;
    state.checkpoint.base = state.checkpoint.nav;
    let nav = small(state.checkpoint.nav);
    world.policy.groups.clear();
    world.policy.objective.kind = ObjectiveKind::Yield;
    for (listed, strategy) in world.policy.strategies.iter_mut().zip(&state.strategies) {
        let held = small(strategy.redeem_assets);
        listed.groups = 0;
        if held < (nav * u128::from(listed.min_weight_bps)).div_ceil(10_000) {
            listed.min_weight_bps = 0;
        }
        if held > 0 {
            listed.status = StrategyStatus::Active;
        }
        if held > listed.cap.min(nav * u128::from(listed.max_weight_bps) / 10_000) {
            (listed.cap, listed.max_weight_bps) = (1 << 100, 10_000);
        }
    }
    let floor = (nav * u128::from(world.policy.limits.min_idle_bps)).div_ceil(10_000);
    if small(state.idle) < floor {
        world.policy.limits.min_idle_bps = 0;
    }
}

fn small(value: U256) -> u128 {
    u128::try_from(value).unwrap_or(u128::MAX)
}

struct Limits {
    turnover: u128,
    slack: i128,
    ranges: Vec<(u128, u128)>,
}

/// Limits with headroom, written down once more.
fn limits(world: &World, earnings: &[Earning]) -> Limits {
    let h = u128::from(world.inputs.headroom_bps);
    let tight = |limit: u128| limit - (limit * h).div_ceil(10_000);
    let state = &world.snapshot.vault;
    let (nav, base) = (small(state.checkpoint.nav), small(state.checkpoint.base));
    let mandate = &world.policy.agents[0];
    let room = |bucket, bps| {
        let budget = Budget::at(bucket, U256::from(base), bps, 86_400, NOW + 12);
        tight(small(budget.capacity)).saturating_sub(small(budget.used_up()))
    };
    let turnover = room(state.guard_state.turnover, world.policy.limits.max_turnover_bps)
        .min(room(state.agent.turnover, mandate.max_turnover_bps));
    let floor = (nav * u128::from(world.policy.limits.min_idle_bps)).div_ceil(10_000);
    let goal = floor + (floor * h).div_ceil(10_000);
    let ranges = world
        .policy
        .strategies
        .iter()
        .zip(&state.strategies)
        .zip(earnings)
        .enumerate()
        .map(|(index, ((listed, strategy), earning))| {
            let held = small(strategy.convert_assets);
            let in_scope = mandate.scope >> index & 1 == 1;
            if !in_scope {
                return (held, held);
            }
            let limit = tight(listed.cap.min(base * u128::from(listed.max_weight_bps) / 10_000));
            let room = small(strategy.max_deposit_assets);
            let room = if room == u128::MAX {
                room
            } else {
                room.saturating_sub(((room + held) * h).div_ceil(10_000))
            };
            let highest = if listed.status == StrategyStatus::Active {
                limit.min(held.saturating_add(room)).max(held)
            } else {
                held
            };
            let least = (nav * u128::from(listed.min_weight_bps)).div_ceil(10_000);
            let least = if least == 0 { 0 } else { least + (least * h).div_ceil(10_000) + 4 };
            let liquid = small(strategy.max_withdraw_assets);
            (held.saturating_sub(liquid).max(least).max(earning.kink()).min(held), highest)
        })
        .collect();
    Limits { turnover, slack: small(state.idle) as i128 - goal as i128, ranges }
}

/// Yearly income in whole units, for a sum of which only a thousandth matters.
fn income(earning: &Earning, held: u128) -> i128 {
    let ray = U256::from(10).pow(U256::from(27));
    earning.income_ray(held).map_or(0, |income| small(income / ray) as i128)
}

/// What some assets lose by entering a strategy, by what it would pay for what is held of it.
fn entry_cost(world: &World, place: usize, assets: u128) -> i128 {
    let strategy = &world.snapshot.vault.strategies[place];
    let (held, value) = (strategy.convert_assets, strategy.redeem_assets);
    if held == value {
        return 0;
    }
    small((U256::from(assets) * (held - value)).div_ceil(held)) as i128
}

/// What the grid's best plans are worth over the horizon, less gas of the legs and what entering costs, more than standing
/// still.
struct Best {
    /// Before the hurdle.
    income: i128,
    /// After it.
    net: i128,
}

fn hurdle(world: &World, moved: u128) -> i128 {
    (moved * u128::from(world.policy.objective.hurdle_bps)).div_ceil(10_000) as i128
}

fn best_on_grid(world: &World, earnings: &[Earning], limits: &Limits) -> Best {
    let step = (limits.turnover / STEPS as u128).max(1);
    let horizon = i128::from(world.policy.objective.horizon_seconds);
    let leg_gas = leg_gas(world);
    let minimum = i128::MIN / 2;
    let mut best = vec![vec![minimum; STEPS + 1]; STEPS + 1];
    best[0][0] = 0;
    let venues = earnings.iter().zip(&limits.ranges).enumerate();
    for (place, (earning, (lowest, highest))) in venues {
        let held = earning.position();
        let now = income(earning, held);
        let gain = |target: u128| {
            let cost = leg_gas + entry_cost(world, place, target.saturating_sub(held));
            (income(earning, target) - now) * horizon / 31_536_000 - cost
        };
        let outs: Vec<i128> = (1..=STEPS as u128)
            .map_while(|k| held.checked_sub(k * step).filter(|t| t >= lowest).map(gain))
            .collect();
        let ins: Vec<i128> = (1..=STEPS as u128)
            .map(|k| held + k * step)
            .take_while(|target| target <= highest)
            // Not above the kink by standing there already: from above one may come down, or stay.
            .map(gain)
            .collect();
        let mut next = best.clone();
        for (out, row) in best.iter().enumerate() {
            for (inward, value) in row.iter().enumerate().filter(|(_, value)| **value > minimum) {
                for (k, gain) in outs.iter().enumerate().take(STEPS - out) {
                    let cell = &mut next[out + k + 1][inward];
                    *cell = (*cell).max(value + gain);
                }
                for (k, gain) in ins.iter().enumerate().take(STEPS - inward) {
                    let cell = &mut next[out][inward + k + 1];
                    *cell = (*cell).max(value + gain);
                }
            }
        }
        best = next;
    }
    let mut found = Best { income: 0, net: 0 };
    for (out, row) in best.iter().enumerate() {
        for (inward, value) in row.iter().enumerate() {
            let fits = out + inward <= STEPS
                && (inward == 0
                    || inward as i128 * step as i128 <= out as i128 * step as i128 + limits.slack);
            if fits {
                let hurdle = hurdle(world, out.max(inward) as u128 * step);
                found.income = found.income.max(*value);
                found.net = found.net.max(value - hurdle);
            }
        }
    }
    found
}

fn leg_gas(world: &World) -> i128 {
    (u128::from(world.inputs.leg_gas) * world.inputs.gas_price_wei * 3_000_000_000
        / 10_u128.pow(18)) as i128
}

fn base_gas(world: &World) -> i128 {
    (u128::from(world.inputs.base_gas) * world.inputs.gas_price_wei * 3_000_000_000
        / 10_u128.pow(18)) as i128
}

/// How far our plan falls short of the grid's best, in millionths of all income; none if the world needs a repair.
fn shortfall(world: &World, decision: &Decision) -> Option<(i128, String)> {
    let horizon = Horizon::of(&world.policy, NOW + 12);
    let earnings: Vec<Earning> = world
        .snapshot
        .vault
        .strategies
        .iter()
        .map(|s| Earning::of(s, None, small(s.convert_assets), horizon).unwrap().unwrap())
        .collect();
    if !matches!(
        decision.reason,
        Reason::Income | Reason::Optimal | Reason::BelowHurdle | Reason::TurnoverSpent
    ) {
        return None;
    }
    let limits = limits(world, &earnings);
    let Best { income: grid, net: grid_net } = best_on_grid(world, &earnings, &limits);
    let bound = small(decision.certificate.upper_bound) as i128;
    assert!(
        grid <= bound + 10,
        "the grid gains {grid}, more than the bound {bound}: {decision:#?}"
    );
    let grid_net = (grid_net - base_gas(world)).max(0);
    let is_proven = matches!(decision.action, Action::Hold { is_proven: true, .. });
    assert!(!is_proven || grid_net <= 10, "the grid gains {grid_net} where a hold is proven");
    let horizon = i128::from(world.policy.objective.horizon_seconds);
    let over_horizon = |earning: &Earning, held| income(earning, held) * horizon / 31_536_000;
    let now: i128 = earnings.iter().map(|e| over_horizon(e, e.position())).sum();
    // Income less costs, and what the hurdle asks of that.
    let worth = |moves: &[Move]| -> (i128, i128) {
        let (mut net, mut out, mut inward) = (-base_gas(world), 0, 0);
        for leg in moves {
            let place = usize::from(leg.index);
            let (earning, held) = (&earnings[place], earnings[place].position());
            let target = if leg.is_deposit {
                inward += leg.assets;
                net -= entry_cost(world, place, leg.assets);
                held + leg.assets
            } else {
                let assets = leg.assets.min(held);
                out += assets;
                held - assets
            };
            net += over_horizon(earning, target) - over_horizon(earning, held) - leg_gas(world);
        }
        (net, hurdle(world, out.max(inward)))
    };
    // Who moves is decided with the hurdle, how far without it: of the plans considered one has to be the best after the
    // hurdle, and what is done earns no less than that one.
    let ours = match &decision.action {
        Action::Rebalance { moves } => {
            let considered = decision.candidates.iter().filter(|it| !it.moves.is_empty());
            let best =
                considered.map(|it| worth(&it.moves)).max_by_key(|(net, hurdle)| net - hurdle);
            let (best, asked) = best.unwrap();
            let done = worth(moves).0;
            assert!(done + 20 >= best, "{done} is done where {best} was found: {decision:#?}");
            if world.policy.objective.hurdle_bps == 0 { done } else { best - asked }
        }
        Action::Hold { .. } => 0,
    };
    let missing = (grid_net - ours - 10).max(0) * 1_000_000 / (now + grid).max(1);
    Some((missing, format!("grid {grid_net} ours {ours} of {now}: {decision:#?}")))
}

/// What was seen of many worlds.
struct Seen {
    looked_at: u32,
    beyond: u32,
    worst: (i128, String),
    /// Worlds in which the plan moves a strategy over several markets, and in which two of its markets or more.
    moved: u32,
    crossed: u32,
    /// Of plans under a hurdle: how many, how many beyond a thousandth after it, and the worst.
    hurdled: (u32, u32, i128),
    /// Worlds with a hold that is proven, and those whose plan enters what costs something to enter.
    proven: u32,
    entered: u32,
}

/// Leaving takes up to 80 bps of a part of what is held; more would be beyond the price band.
fn charge(world: &mut World) {
    for (place, strategy) in world.snapshot.vault.strategies.iter_mut().enumerate() {
        let held = small(strategy.convert_assets);
        let fee_bps = held / USDC * 7_919 % 81;
        // Of less, one unit of rounding would say too much of the price.
        if held >= 100_000 * USDC && fee_bps > 20 {
            strategy.redeem_assets = U256::from(held - held * fee_bps / 10_000);
            strategy.max_withdraw_assets = strategy.max_withdraw_assets.min(strategy.redeem_assets);
            world.policy.strategies[place].min_weight_bps = 0;
        }
    }
    world.policy.limits.max_loss_bps = 10_000;
    world.policy.agents[0].max_loss_bps = 10_000;
}

fn enters_a_costly_one(world: &World, decision: &Decision) -> bool {
    let Action::Rebalance { moves } = &decision.action else { return false };
    moves.iter().any(|leg| leg.is_deposit && entry_cost(world, leg.index.into(), USDC) > 0)
}

fn look(worlds: impl Strategy<Value = World>, cases: u32, has_fees: bool) -> Seen {
    let mut runner = TestRunner::new(config(cases));
    let worlds = (worlds, any::<bool>());
    let mut seen = Seen {
        looked_at: 0,
        beyond: 0,
        worst: (0, String::new()),
        moved: 0,
        crossed: 0,
        hurdled: (0, 0, 0),
        proven: 0,
        entered: 0,
    };
    for _ in 0..runner.config().cases {
        let (mut world, has_hurdle) = worlds.new_tree(&mut runner).unwrap().current();
        if !has_hurdle {
            world.policy.objective.hurdle_bps = 0;
        }
        // Without the limits that a grid cannot see.
        world.inputs.smallest_move = 1_000_000;
        calm(&mut world);
        if has_fees {
            charge(&mut world);
        }
        let decision = decide(&world.policy, &world.snapshot, &world.inputs);
        let Some((missing, words)) = shortfall(&world, &decision) else { continue };
        let touched = crate::markets::touched(&world);
        let is_plan = decision.reason.is_rebalance();
        let missing = if is_plan && world.policy.objective.hurdle_bps > 0 {
            let (count, beyond, worst) = seen.hurdled;
            seen.hurdled = (count + 1, beyond + u32::from(missing > 1_000), worst.max(missing));
            0
        } else {
            missing
        };
        seen.looked_at += 1;
        seen.proven += u32::from(matches!(decision.action, Action::Hold { is_proven: true, .. }));
        seen.entered += u32::from(enters_a_costly_one(&world, &decision));
        seen.beyond += u32::from(missing > 1_000);
        seen.moved += u32::from(touched.iter().any(|count| *count > 0));
        seen.crossed += u32::from(touched.iter().any(|count| *count > 1));
        if missing > seen.worst.0 {
            seen.worst = (missing, words);
        }
    }
    println!(
        "{} worlds, {} of them beyond a thousandth, worst {} millionths; several markets moved in {}, two and more in {}; {} proven holds; {} enter at a cost",
        seen.looked_at,
        seen.beyond,
        seen.worst.0,
        seen.moved,
        seen.crossed,
        seen.proven,
        seen.entered
    );
    seen
}

impl Seen {
    /// All within a hundredth of all income, and 999 in 1,000 within a thousandth. The hurdle is paid on the larger one of
    /// deposits and withdrawals, of which the search prices deposits: where a plan withdraws more than it deposits, after the
    /// hurdle it may be further from the best, in 1 of 200 by more than a thousandth, and by a twentieth at most.
    fn is_near(&self) {
        let Self { looked_at, beyond, worst, .. } = self;
        let (hurdled, beyond_hurdle, worst_after) = self.hurdled;
        println!(
            "  {hurdled} plans under a hurdle, {beyond_hurdle} of them beyond a thousandth after it, worst {worst_after} millionths"
        );
        assert!(
            hurdled * 10 > *looked_at && beyond_hurdle * 200 <= hurdled && worst_after <= 50_000
        );
        assert!(worst.0 <= 10_000, "{worst:?}");
        assert!(beyond * 1_000 <= *looked_at, "{beyond} of {looked_at}; worst {worst:?}");
    }
}

#[test]
fn income_is_within_a_thousandth_of_the_best_on_a_grid() {
    let cases = config(4_000).cases;
    let seen = look(any_world(8), cases, false);
    assert!(seen.looked_at > cases / 2);
    assert!(seen.proven * 20 > seen.looked_at, "too few proven holds: {}", seen.proven);
    seen.is_near();
}

#[test]
fn income_after_what_entering_costs_is_within_a_thousandth_of_the_best_on_a_grid() {
    let cases = config(2_000).cases;
    let seen = look(any_world(8), cases, true);
    assert!(seen.looked_at > cases / 2);
    assert!(seen.entered * 20 > seen.looked_at, "too few enter at a cost: {}", seen.entered);
    seen.is_near();
}

#[test]
fn income_over_several_markets_is_within_a_thousandth_of_the_best_on_a_grid() {
    let cases = config(2_000).cases;
    let seen = look(any_world_of_markets(8, 0.99), cases, false);
    assert!(seen.looked_at > cases / 2);
    assert!(seen.moved * 3 > seen.looked_at && seen.crossed * 10 > seen.looked_at);
    seen.is_near();
}
