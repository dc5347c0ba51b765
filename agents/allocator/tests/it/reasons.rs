//! Each reason at its boundary and one step past it.

use alloy_primitives::{B256, U256};
use vagus_allocator::{
    Action, Certificate, Decision, Limiting, NativePrice, Reason, decide, verify_certificate,
};
use vagus_policy::{ALL_ASSETS, Bucket, Mode, Move, Rule, StrategyStatus};

use crate::world::{NOW, USDC, World, morpho, two_markets, world};

fn answer(world: &World) -> Decision {
    let decision = decide(&world.policy, &world.snapshot, &world.inputs);
    if !decision.lines.is_empty() {
        let verdict = verify_certificate(&world.policy, &world.snapshot, &world.inputs, &decision);
        assert_eq!(verdict, Ok(()));
    }
    decision
}

fn moves(decision: &Decision) -> &[Move] {
    match &decision.action {
        Action::Rebalance { moves } => moves,
        Action::Hold { .. } => &[],
    }
}

/// Two equal markets with the same amount of ours in each: nothing to gain.
fn balanced() -> World {
    let market = || morpho(10_000_000 * USDC, 8_000_000 * USDC, 400, 0);
    world(50_000 * USDC, &[(market(), 475_000 * USDC), (market(), 475_000 * USDC)])
}

#[test]
fn nothing_to_gain_is_a_proven_hold() {
    let decision = answer(&balanced());
    assert_eq!(decision.reason, Reason::Optimal);
    assert!(matches!(decision.action, Action::Hold { is_proven: true, .. }));
}

#[test]
fn no_policy_in_force() {
    let mut world = two_markets();
    world.snapshot.vault.guard_state.policy_version = 0;
    assert_eq!(answer(&world).reason, Reason::NoPolicy);
    let mut world = two_markets();
    world.snapshot.vault.guard_state.policy_hash = B256::ZERO;
    assert_eq!(answer(&world).reason, Reason::NoPolicy);
    let mut world = two_markets();
    world.snapshot.vault.strategies.pop();
    assert_eq!(answer(&world).reason, Reason::NoPolicy);
}

#[test]
fn modes_close() {
    let mut world = two_markets();
    world.snapshot.vault.guard_state.mode = Mode::Paused;
    assert_eq!(answer(&world).reason, Reason::ModeClosed);
    world.snapshot.vault.guard_state.mode = Mode::ExitOnly;
    assert_eq!(answer(&world).reason, Reason::ModeClosed);
    // A repair goes on in exit-only, by withdrawals alone.
    world.policy.strategies[0].cap = 900_000 * USDC;
    let decision = answer(&world);
    assert_eq!(decision.reason, Reason::RepairWeight);
    assert!(moves(&decision).iter().all(|leg| !leg.is_deposit));
}

#[test]
fn mandate_ends_with_its_last_second() {
    let mut world = two_markets();
    world.policy.agents[0].expires_at = NOW + 12;
    assert_eq!(answer(&world).reason, Reason::Income);
    world.policy.agents[0].expires_at = NOW + 11;
    let decision = answer(&world);
    assert_eq!(decision.reason, Reason::NoMandate);
    let refusal = decision.refusal.unwrap();
    assert_eq!(refusal.rule, Rule::Mandate);
    assert_eq!((refusal.observed, refusal.limit), (U256::from(NOW + 12), U256::from(NOW + 11)));

    let mut world = two_markets();
    world.snapshot.vault.agent.is_revoked = true;
    let refusal = answer(&world).refusal.unwrap();
    assert_eq!((refusal.rule, refusal.observed), (Rule::Mandate, U256::ZERO));
}

#[test]
fn cooldown_ends_with_its_last_second() {
    let mut world = two_markets();
    world.policy.limits.cooldown_seconds = 600;
    world.snapshot.vault.agent.last_rebalance_at = NOW + 12 - 600;
    assert_eq!(answer(&world).reason, Reason::Income);
    world.snapshot.vault.agent.last_rebalance_at += 1;
    let decision = answer(&world);
    assert_eq!(decision.reason, Reason::Cooldown);
    assert!(matches!(decision.action, Action::Hold { retry_at: Some(at), .. } if at == NOW + 13));
}

#[test]
fn nothing_seasoned_and_nothing_readable() {
    let mut world = two_markets();
    world.snapshot.vault.checkpoint.base = U256::ZERO;
    assert_eq!(answer(&world).reason, Reason::NoCapital);
    let mut world = two_markets();
    world.snapshot.vault.strategies[1].is_readable = false;
    assert_eq!(answer(&world).reason, Reason::Unreadable);
    // A written-off strategy need not be readable.
    world.policy.strategies[1].status = StrategyStatus::WrittenOff;
    assert_ne!(answer(&world).reason, Reason::Unreadable);
}

#[test]
fn weight_is_repaired_one_unit_past_its_limit_and_not_at_it() {
    let mut world = balanced();
    world.policy.strategies[0].cap = 475_000 * USDC;
    assert_eq!(answer(&world).reason, Reason::Optimal);
    world.policy.strategies[0].cap -= 1;
    let decision = answer(&world);
    assert_eq!(decision.reason, Reason::RepairWeight);
    let cap = world.policy.strategies[0].cap;
    let goal = cap - (cap * 10).div_ceil(10_000);
    assert_eq!(
        moves(&decision)[0],
        Move { index: 0, is_deposit: false, assets: 475_000 * USDC - goal }
    );
}

#[test]
fn idle_is_repaired_one_unit_below_its_floor_from_the_worse_market() {
    let mut world = balanced();
    world.snapshot.vault.strategies[1].curve = morpho(10_000_000 * USDC, 8_100_000 * USDC, 400, 0);
    // So that nothing pays but what has to be done.
    world.policy.objective.hurdle_bps = 500;
    assert_eq!(answer(&world).reason, Reason::BelowHurdle);
    world.snapshot.vault.idle -= U256::ONE;
    let decision = answer(&world);
    assert_eq!(decision.reason, Reason::RepairIdle);
    // The floor of 50,000 and its headroom of 10 bps are 50 short; the smallest move is 100.
    assert_eq!(moves(&decision), [Move { index: 0, is_deposit: false, assets: 100 * USDC }]);
}

#[test]
fn exit_only_is_left_wholly_and_its_dust_stays() {
    let mut world = balanced();
    world.policy.strategies[0].status = StrategyStatus::ExitOnly;
    let decision = answer(&world);
    assert_eq!(decision.reason, Reason::RepairExitOnly);
    let leave = Move { index: 0, is_deposit: false, assets: ALL_ASSETS };
    assert_eq!(moves(&decision)[0], leave);
    let strategy = &mut world.snapshot.vault.strategies[0];
    let dust = U256::from(100 * USDC - 1);
    (strategy.shares, strategy.convert_assets) = (dust, dust);
    (strategy.redeem_assets, strategy.max_withdraw_assets) = (dust, dust);
    assert_eq!(answer(&world).reason, Reason::Optimal);
}

#[test]
fn without_a_price_of_gas_income_waits_and_repair_does_not() {
    let mut world = two_markets();
    world.inputs.native_price = NativePrice::Missing;
    assert_eq!(answer(&world).reason, Reason::NoNativePrice);
    world.policy.strategies[0].cap = 900_000 * USDC;
    assert_eq!(answer(&world).reason, Reason::RepairWeight);
}

#[test]
fn a_full_bucket_waits_until_it_has_leaked_enough() {
    let mut world = two_markets();
    // A move of this size pays for its gas.
    world.inputs.smallest_move = 40_000 * USDC;
    world.snapshot.vault.agent.turnover =
        Bucket { level_wad: 1_000_000_000_000_000_000, updated_at: NOW + 12 };
    let decision = answer(&world);
    assert_eq!(decision.reason, Reason::TurnoverSpent);
    // What would be done is told, and what bounds every plan that may move more than is left.
    let declined = &decision.candidates[0];
    assert!(declined.gain > declined.cost + declined.hurdle && !declined.moves.is_empty());
    let Certificate { value, upper_bound, turnover_price_ray, .. } = decision.certificate;
    assert!(value >= declined.gain && upper_bound >= value && turnover_price_ray.is_zero());
    let binding = decision.bindings[0];
    assert_eq!(binding.limiting, Limiting::Rule(Rule::Turnover));
    let lines = decision.lines.iter();
    let moved = lines.map(|line| line.assets_after.abs_diff(line.assets_before)).sum::<U256>();
    assert_eq!((binding.observed, binding.limit), (moved, U256::ZERO));
    let Action::Hold { retry_at: Some(at), .. } = decision.action else { panic!("a time") };
    assert!(at > NOW + 12);
    world.snapshot.block.timestamp = at - 12;
    assert_eq!(answer(&world).reason, Reason::Income);
    world.snapshot.block.timestamp = at - 13;
    assert_eq!(answer(&world).reason, Reason::TurnoverSpent);
}

#[test]
fn no_loss_allowed_is_said() {
    let mut world = two_markets();
    world.policy.limits.max_loss_bps = 0;
    let decision = answer(&world);
    assert_eq!(decision.reason, Reason::LossSpent);
    assert_eq!(decision.bindings[0].limiting, Limiting::Rule(Rule::Loss));
    let is_for_ever = matches!(decision.action, Action::Hold { retry_at: None, .. });
    assert!(is_for_ever, "no bucket of this size ever takes it");
}

#[test]
fn a_full_loss_bucket_waits_until_it_has_leaked_enough() {
    let full = Bucket { level_wad: 1_000_000_000_000_000_000, updated_at: NOW + 12 };
    for is_agents in [false, true] {
        let mut world = two_markets();
        if is_agents {
            world.snapshot.vault.agent.loss = full;
        } else {
            world.snapshot.vault.guard_state.loss = full;
        }
        let decision = answer(&world);
        assert_eq!(decision.reason, Reason::LossSpent);
        assert!(!decision.candidates[0].moves.is_empty(), "the plan declined");
        let Action::Hold { retry_at: Some(at), .. } = decision.action else { panic!("a time") };
        assert!(at > NOW + 12);
        world.snapshot.block.timestamp = at - 12;
        assert_eq!(answer(&world).reason, Reason::Income);
        world.snapshot.block.timestamp = at - 13;
        assert_eq!(answer(&world).reason, Reason::LossSpent);
    }
}

#[test]
fn prices_outside_their_band_close_a_strategy() {
    let mut world = two_markets();
    world.snapshot.vault.strategies[0].redeem_assets -= U256::from(20_000 * USDC);
    let decision = answer(&world);
    assert!(moves(&decision).iter().all(|leg| leg.index != 0));
}

#[test]
fn out_of_scope_is_left_alone() {
    let mut world = two_markets();
    world.policy.agents[0].scope = 0b10;
    let decision = answer(&world);
    assert_eq!(decision.reason, Reason::Income);
    assert!(moves(&decision).iter().all(|leg| leg.index == 1));
    // What is outside its limits there is another agent's to repair, and no reason to stand still.
    world.policy.strategies[0].cap = 900_000 * USDC;
    let decision = answer(&world);
    assert_eq!(decision.reason, Reason::Income);
    assert!(moves(&decision).iter().all(|leg| leg.index == 1));
}

#[test]
fn a_false_certificate_is_not_accepted() {
    let world = two_markets();
    let honest = answer(&world);
    let verdict = |decision: &Decision| {
        verify_certificate(&world.policy, &world.snapshot, &world.inputs, decision)
    };
    let mut false_value = honest.clone();
    false_value.certificate.value += U256::ONE;
    assert!(verdict(&false_value).is_err());
    let mut false_bound = honest.clone();
    false_bound.certificate.upper_bound -= U256::ONE;
    assert!(verdict(&false_bound).is_err());
    let mut false_price = honest.clone();
    false_price.certificate.idle_price_ray += U256::from(10).pow(U256::from(24));
    assert!(verdict(&false_price).is_err());
    let mut false_moves = honest.clone();
    if let Action::Rebalance { moves } = &mut false_moves.action {
        moves[0].assets -= 1;
    }
    assert!(verdict(&false_moves).is_err());
    let mut false_hold = honest;
    false_hold.action = Action::Hold { is_proven: true, retry_at: None };
    assert!(verdict(&false_hold).is_err());
}
