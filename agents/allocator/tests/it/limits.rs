//! Groups, floors and target weights: what is outside is repaired, and no plan breaks them.

use alloy_primitives::{B256, U256};
use vagus_allocator::{Action, Decision, Limiting, NativePrice, Reason, decide};
use vagus_policy::{
    ALL_ASSETS, GroupPolicy, Move, ObjectiveKind, ReadPrice, Rule, StrategyStatus, check, predict,
    price::{Band, unit_shares_up},
};

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
fn group_without_room_takes_nothing_and_what_is_too_much_leaves_it() {
    let mut world = grouped(1);
    // Without it the first strategy would be the next best.
    assert!(moves(&answer(&world)).iter().all(|leg| leg.index == 0));
    world.policy.strategies[0].groups = 1;
    let decision = answer(&world);
    assert_eq!(decision.reason, Reason::RepairGroup);
    let leave = Move { index: 0, is_deposit: false, assets: ALL_ASSETS };
    assert_eq!(moves(&decision), [leave]);
}

#[test]
fn group_is_repaired_one_unit_past_its_limit_and_not_at_it() {
    let mut world = grouped(1_000_000 * USDC);
    world.policy.strategies[0].groups = 1;
    // So that nothing pays but what has to be done.
    world.policy.objective.hurdle_bps = 2_000;
    let swap = answer(&world);
    // Its headroom is used up, so that nothing may come in; and nothing has to leave.
    assert_eq!((swap.reason, moves(&swap)), (Reason::Optimal, &[][..]));
    assert!(swap.bindings.iter().any(|binding| binding.limiting == Limiting::Rule(Rule::Group)));
    world.policy.groups[0].cap -= 1;
    let decision = answer(&world);
    assert_eq!(decision.reason, Reason::RepairGroup);
    let cap = world.policy.groups[0].cap;
    let goal = cap - (cap * 10).div_ceil(10_000) - 8;
    let assets = 1_000_000 * USDC - goal;
    assert_eq!(moves(&decision), [Move { index: 0, is_deposit: false, assets }]);
}

#[test]
fn crossing_groups_are_repaired_by_what_they_share() {
    let market = || crate::world::morpho(10_000_000 * USDC, 8_000_000 * USDC, 400, 0);
    let mut world = crate::world::world(
        100_000 * USDC,
        &[(market(), 300_000 * USDC), (market(), 300_000 * USDC), (market(), 300_000 * USDC)],
    );
    let group = |name: &[u8]| GroupPolicy {
        name: B256::right_padding_from(name),
        max_weight_bps: 10_000,
        cap: 550_000 * USDC,
    };
    world.policy.groups = vec![group(b"first"), group(b"second")];
    world.policy.objective.hurdle_bps = 2_000;
    for (place, groups) in [0b01, 0b11, 0b10].into_iter().enumerate() {
        world.policy.strategies[place].groups = groups;
    }
    let decision = answer(&world);
    assert_eq!(decision.reason, Reason::RepairGroup);
    // One leg out of the strategy that is in both serves both.
    let [leg] = moves(&decision) else { panic!("{:?}", moves(&decision)) };
    assert_eq!((leg.index, leg.is_deposit), (1, false));
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
fn member_outside_of_its_band_closes_the_group() {
    let mut world = grouped(u128::MAX);
    world.policy.strategies[0].groups = 1;
    // The position is worth twice what the guard knows of, which stops no withdrawal from it.
    let strategy = &mut world.snapshot.vault.strategies[0];
    strategy.reference_price /= U256::from(2);
    let decision = answer(&world);
    assert_eq!((decision.reason, moves(&decision)), (Reason::Optimal, &[][..]));
    assert!(decision.bindings.iter().any(|one| one.limiting == Limiting::Rule(Rule::Group)));
}

/// The second strategy, which earns more, is not held, and its shares pay this many ten-thousandths of the reference.
fn read_at(ten_thousandths: u64) -> World {
    let mut world = two_markets();
    let strategy = &mut world.snapshot.vault.strategies[1];
    assert!(strategy.shares.is_zero());
    let shares = unit_shares_up(strategy.reference_price);
    let assets = shares * U256::from(ten_thousandths) / U256::from(10_000);
    strategy.read_price = Some(ReadPrice { shares, assets });
    world
}

#[test]
fn strategy_out_of_its_band_is_not_entered_however_much_it_earns_and_the_decision_says_so() {
    let band = u64::from(two_markets().policy.strategies[1].price_band_bps);
    // Headroom is a tenth of the band at most.
    for inside in [10_000, 10_000 + band * 8 / 10, 10_000 - band * 8 / 10] {
        let decision = answer(&read_at(inside));
        assert!(moves(&decision).iter().any(|leg| leg.index == 1), "{inside}");
    }
    for outside in [10_000 + band + 1, 10_000 - band - 1, 30_000, 1] {
        let world = read_at(outside);
        let decision = answer(&world);
        assert!(moves(&decision).iter().all(|leg| leg.index != 1), "{outside}");
        let mut named = decision.bindings.iter().filter(|one| one.index == Some(1));
        let named = named.next().expect("the strategy that earns more is named");
        assert_eq!(named.limiting, Limiting::Rule(Rule::Price));
        assert_eq!(named.observed > named.limit, outside > 10_000);
        assert_eq!(
            vagus_allocator::verify_certificate(
                &world.policy,
                &world.snapshot,
                &world.inputs,
                &decision
            ),
            Ok(())
        );
        // What would be refused: the rules say so of the same deposit.
        let moves = [Move { index: 1, is_deposit: true, assets: 1_000 * USDC }];
        let receipt = predict(&world.policy, &world.snapshot.vault, &moves);
        let leg = receipt.legs[0];
        let strategy = &world.snapshot.vault.strategies[1];
        let bps = world.policy.strategies[1].price_band_bps;
        let band = Band::around(strategy.reference_price, bps, 0);
        let is_within = leg.value_after + U256::ONE >= band.lowest_value_up(leg.shares_after)
            && leg.value_after <= band.highest_value(leg.shares_after);
        assert!(!is_within, "{outside}");
    }
}

/// A third of everything in each of two markets, and targets around that.
fn weighted(targets: [u16; 2], band_bps: u16) -> World {
    let market = || crate::world::morpho(10_000_000 * USDC, 8_000_000 * USDC, 400, 0);
    let mut world = crate::world::world(
        1_000_000 * USDC,
        &[(market(), 1_000_000 * USDC), (market(), 1_000_000 * USDC)],
    );
    world.policy.limits.min_idle_bps = 0;
    world.policy.objective.kind = ObjectiveKind::TargetWeights;
    world.policy.objective.target_weights_bps = targets.to_vec();
    world.policy.objective.band_bps = band_bps;
    world
}

#[test]
fn inside_the_band_nothing_moves_and_one_past_it_the_fewest_legs() {
    // A third is held: the band's edge lies at 33.33 % of NAV, and one past it at 33.34 %.
    assert_eq!(answer(&weighted([3_433, 3_300], 100)).reason, Reason::WithinBand);
    let decision = answer(&weighted([3_434, 3_300], 100));
    assert_eq!(decision.reason, Reason::RepairTarget);
    // To the edge and its headroom, a thousandth of it.
    let edge = 1_000_200 * USDC;
    let assets = edge + edge / 1_000 + 4 - 1_000_000 * USDC;
    assert_eq!(moves(&decision), [Move { index: 0, is_deposit: true, assets }]);
    assert_eq!(answer(&weighted([3_300, 3_234], 100)).reason, Reason::WithinBand);
    let decision = answer(&weighted([3_300, 3_233], 100));
    assert_eq!(decision.reason, Reason::RepairTarget);
    let edge = 999_900 * USDC;
    let assets = 1_000_000 * USDC - (edge - edge / 1_000);
    assert_eq!(moves(&decision), [Move { index: 1, is_deposit: false, assets }]);
}

#[test]
fn what_is_no_danger_is_repaired_for_a_hundredth_of_it_and_not_for_one_unit_more() {
    let mut world = weighted([3_434, 3_300], 100);
    let edge = 1_000_200 * USDC;
    let missing = edge + edge / 1_000 + 4 - 1_000_000 * USDC;
    world.inputs.native_price = NativePrice::Native;
    (world.inputs.base_gas, world.inputs.leg_gas) = (0, 1);
    world.inputs.gas_price_wei = missing / 100;
    assert_eq!(answer(&world).reason, Reason::RepairTarget);
    world.inputs.gas_price_wei += 1;
    assert_eq!(answer(&world).reason, Reason::WithinBand);
    world.inputs.native_price = NativePrice::Missing;
    assert_eq!(answer(&world).reason, Reason::WithinBand);
    // What is above its cap is a danger, whatever gas costs.
    world.policy.strategies[0].cap = 900_000 * USDC;
    world.policy.objective.kind = ObjectiveKind::Yield;
    assert_eq!(answer(&world).reason, Reason::RepairWeight);
}

#[test]
fn strategy_below_its_floor_is_filled_from_idle() {
    let mut world = weighted([0, 0], 0);
    world.policy.objective.kind = ObjectiveKind::Yield;
    world.policy.objective.hurdle_bps = 2_000;
    world.policy.strategies[0].min_weight_bps = 3_333;
    assert_ne!(answer(&world).reason, Reason::RepairFloor);
    world.policy.strategies[0].min_weight_bps = 3_334;
    let decision = answer(&world);
    assert_eq!(decision.reason, Reason::RepairFloor);
    let [leg] = moves(&decision) else { panic!("{:?}", moves(&decision)) };
    assert_eq!((leg.index, leg.is_deposit), (0, true));
}

#[test]
fn repair_against_the_targets_is_a_hold_that_says_so() {
    let mut world = two_markets();
    world.policy.strategies[0].cap = 900_000 * USDC;
    world.policy.objective.kind = ObjectiveKind::TargetWeights;
    world.policy.objective.target_weights_bps = vec![9_500, 0];
    world.policy.objective.band_bps = 100;
    let decision = answer(&world);
    assert_eq!((decision.reason, moves(&decision)), (Reason::RepairBlocked, &[][..]));
    assert_eq!(decision.bindings[0].limiting, Limiting::Rule(Rule::Objective));
    // The band reaches to 891,000, less than the cap.
    world.policy.objective.target_weights_bps = vec![8_000, 0];
    assert_eq!(answer(&world).reason, Reason::RepairTarget);
    world.policy.objective.target_weights_bps = vec![8_200, 0];
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
