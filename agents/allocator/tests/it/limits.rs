//! Limits that the search does not know of itself: what they refuse is not sent.

use alloy_primitives::{B256, U256};
use vagus_allocator::{Action, Decision, Reason, decide};
use vagus_policy::{GroupPolicy, Move, ObjectiveKind, Rule, StrategyStatus, check, predict};

use crate::world::{USDC, World, two_markets};

fn answer(world: &World) -> Decision {
    decide(&world.policy, &world.snapshot, &world.inputs)
}

fn moves(decision: &Decision) -> &[Move] {
    match &decision.action {
        Action::Rebalance { moves } => moves,
        Action::Hold { .. } => &[],
    }
}

/// The second strategy, which earns more, in a group.
fn grouped(cap: u128) -> World {
    let mut world = two_markets();
    let name = B256::right_padding_from(b"venue");
    world.policy.groups = vec![GroupPolicy { name, max_weight_bps: 10_000, cap }];
    world.policy.strategies[1].groups = 1;
    world
}

#[test]
fn group_with_room_changes_nothing() {
    let free = answer(&two_markets());
    let decision = answer(&grouped(u128::MAX));
    assert_eq!(decision.reason, Reason::Income);
    assert_eq!(decision.action, free.action);
}

#[test]
fn group_without_room_is_a_hold_that_names_the_rule() {
    let mut world = grouped(1);
    // Without it the first strategy would be the next best.
    assert!(moves(&answer(&world)).iter().all(|leg| leg.index == 0));
    world.policy.strategies[0].groups = 1;
    let decision = answer(&world);
    assert_eq!(decision.reason, Reason::RuleRefuses);
    let refusal = decision.refusal.unwrap();
    assert_eq!(refusal.rule, Rule::Group);
    // Less the headroom that is kept.
    assert!(refusal.observed > U256::ONE && refusal.limit < U256::ONE, "{refusal}");
}

#[test]
fn what_is_sent_fits_the_group() {
    for cap in [500 * USDC, 1_000 * USDC, 40_000 * USDC] {
        let world = grouped(cap);
        let decision = answer(&world);
        let receipt = predict(&world.policy, &world.snapshot.vault, moves(&decision));
        let held = |(asked, leg): (&Move, &vagus_policy::LegReceipt)| {
            if asked.index == 1 { leg.value_after } else { U256::ZERO }
        };
        let held: U256 = moves(&decision).iter().zip(&receipt.legs).map(held).sum();
        assert!(held <= U256::from(cap), "{held} of {cap}");
    }
}

#[test]
fn member_outside_of_its_band_is_a_hold_that_names_the_rule() {
    let mut world = grouped(u128::MAX);
    world.policy.strategies[0].groups = 1;
    // The position is worth twice what the guard knows of, which stops no withdrawal from it.
    let strategy = &mut world.snapshot.vault.strategies[0];
    strategy.reference_price /= U256::from(2);
    let decision = answer(&world);
    assert_eq!(decision.reason, Reason::RuleRefuses);
    assert_eq!(decision.refusal.unwrap().rule, Rule::Group);
}

#[test]
fn repair_against_the_targets_is_a_hold_that_names_the_rule() {
    let mut world = two_markets();
    world.policy.strategies[0].cap = 900_000 * USDC;
    world.policy.objective.kind = ObjectiveKind::TargetWeights;
    world.policy.objective.target_weights_bps = vec![9_500, 0];
    world.policy.objective.band_bps = 100;
    let decision = answer(&world);
    assert_eq!(decision.reason, Reason::RuleRefuses);
    assert_eq!(decision.refusal.unwrap().rule, Rule::Objective);
    world.policy.objective.target_weights_bps = vec![8_000, 0];
    assert_eq!(answer(&world).reason, Reason::RepairWeight);
}

#[test]
fn strategy_that_was_closed_is_left_whatever_its_floor_was() {
    let mut world = two_markets();
    world.policy.strategies[0].status = StrategyStatus::ExitOnly;
    world.policy.strategies[0].min_weight_bps = 5_000;
    let decision = answer(&world);
    assert_eq!(decision.reason, Reason::RepairExitOnly);
    let state = &world.snapshot.vault;
    let receipt = predict(&world.policy, state, moves(&decision));
    let left = moves(&decision).iter().zip(&receipt.legs).find(|(asked, _)| asked.index == 0);
    assert!(left.is_some_and(|(_, leg)| leg.value_after.is_zero()));
    let plan = vagus_policy::Rebalance {
        policy_version: state.guard_state.policy_version,
        nonce: state.agent.nonce,
        vault_count: vagus_policy::ANY_COUNT,
        deadline: u64::MAX,
        decision: B256::ZERO,
        moves: moves(&decision).to_vec(),
    };
    let at = world.snapshot.block.timestamp + 12;
    assert!(check(&world.policy, state, &plan, at, &receipt).is_ok());
}
