//! What holds of every decision, whatever the world.

use alloy_primitives::{I256, U256};
use proptest::prelude::*;
use vagus_allocator::{
    Action, CertificateError, Decision, Earning, Horizon, NativePrice, Reason, decide,
    verify_certificate,
};
use vagus_policy::{ANY_COUNT, Curve, Move, Rebalance, check_with_headroom, predict};

use crate::{
    random::{after, any_world},
    world::{NOW, World},
};

pub(crate) fn answer(world: &World) -> Decision {
    decide(&world.policy, &world.snapshot, &world.inputs)
}

pub(crate) fn moves(decision: &Decision) -> &[Move] {
    match &decision.action {
        Action::Rebalance { moves } => moves,
        Action::Hold { .. } => &[],
    }
}

/// The same worlds on every run; another number of them by `VAGUS_CASES` and others by `VAGUS_SEED`, for a longer look.
pub(crate) fn config(cases: u32) -> ProptestConfig {
    let asked = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    ProptestConfig {
        cases: asked("VAGUS_CASES").map_or(cases, |cases| cases as u32),
        failure_persistence: None,
        max_shrink_iters: 2_000,
        rng_seed: proptest::test_runner::RngSeed::Fixed(asked("VAGUS_SEED").unwrap_or(20_260_101)),
        ..Default::default()
    }
}

/// The plan is accepted by the rules, and the certificate by its own check.
pub(crate) fn holds_of(world: &World) -> Result<(), TestCaseError> {
    let decision = answer(world);
    prop_assert_eq!(&decision, &answer(world), "the same answer twice");
    prop_assert_ne!(decision.reason, Reason::RuleRefuses, "{:?}", decision.refusal);
    let moves = moves(&decision);
    prop_assert_eq!(decision.reason.is_rebalance(), !moves.is_empty());
    for leg in moves {
        prop_assert!(leg.assets > 0);
    }
    let state = &world.snapshot.vault;
    if !moves.is_empty() {
        let receipt = predict(&world.policy, state, moves);
        let asked = Rebalance {
            policy_version: 1,
            nonce: 0,
            vault_count: ANY_COUNT,
            deadline: NOW + 300,
            decision: Default::default(),
            moves: moves.to_vec(),
        };
        for at in [NOW + 12, NOW + 300] {
            let verdict = check_with_headroom(
                &world.policy,
                state,
                &asked,
                at,
                &receipt,
                world.inputs.headroom_bps,
            );
            prop_assert!(verdict.is_ok(), "{:?} {:?}", verdict, moves);
        }
    }
    let verdict = verify_certificate(&world.policy, &world.snapshot, &world.inputs, &decision);
    if decision.lines.is_empty() {
        prop_assert_eq!(verdict, Err(CertificateError::Nothing));
    } else {
        prop_assert_eq!(verdict, Ok(()));
    }
    Ok(())
}

proptest! {
    #![proptest_config(config(600))]

    #[test]
    fn every_plan_is_accepted_by_the_rules_and_its_certificate_holds(world in any_world(8)) {
        holds_of(&world)?;
    }

    #[test]
    fn after_its_own_plan_it_holds(mut world in any_world(6)) {
        world.policy.limits.cooldown_seconds = 0;
        let first = answer(&world);
        let mut next = after_or_same(&world, &first);
        let mut second = answer(&next);
        // A repair may open what was closed to income before: a group that had used up its headroom.
        if first.reason != Reason::Income && second.reason == Reason::Income {
            next = after_or_same(&next, &second);
            second = answer(&next);
        }
        if first.reason.is_rebalance() {
            prop_assert!(!second.reason.is_rebalance(), "first {:#?}\nsecond {:#?}", first, second);
        }
    }

    #[test]
    fn a_higher_hurdle_moves_no_more(world in any_world(5), more in 1_u16..100) {
        let low = answer(&world);
        let mut high = world.clone();
        high.policy.objective.hurdle_bps += more;
        let high = answer(&high);
        if high.reason == Reason::Income {
            prop_assert_eq!(low.reason, Reason::Income);
        }
        if low.reason == Reason::Optimal || low.reason == Reason::BelowHurdle {
            prop_assert!(!high.reason.is_rebalance());
        }
    }

    #[test]
    fn without_a_gas_price_only_repairs_go_on(mut world in any_world(5)) {
        world.inputs.native_price = NativePrice::Missing;
        prop_assert_ne!(answer(&world).reason, Reason::Income);
    }
}

fn after_or_same(world: &World, decision: &Decision) -> World {
    match moves(decision) {
        [] => world.clone(),
        moves => after(world, moves),
    }
}

fn wild() -> impl Strategy<Value = U256> {
    (any::<[u64; 4]>(), 0_usize..=256, 0_u8..8).prop_map(|(limbs, shift, corner)| match corner {
        0 => U256::ZERO,
        1 => U256::MAX,
        2 => U256::ONE,
        _ => U256::from_limbs(limbs).checked_shr(shift).unwrap_or_default(),
    })
}

proptest! {
    #![proptest_config(config(1_000))]

    #[test]
    fn absurd_curves_are_errors_and_no_panic(
        n in proptest::collection::vec(wild(), 13), at in any::<u64>(), last in any::<u64>(),
        seconds in any::<u64>(), position in any::<u128>(), target in any::<u128>(), is_morpho in any::<bool>(),
        mut world in any_world(3),
    ) {
        let curve = if is_morpho {
            Curve::MorphoBlue(vagus_policy::MorphoBlueCurve {
                total_supply_assets: n[0], total_supply_shares: n[1], total_borrow_assets: n[2],
                total_borrow_shares: n[3], last_update_at: last, fee_wad: n[4],
                rate_at_target_wad: I256::from_raw(n[5]),
            })
        } else {
            Curve::AaveV3(vagus_policy::AaveV3Curve {
                configuration: n[0], optimal_usage_ray: n[1], base_rate_ray: n[2],
                slope1_ray: n[3], slope2_ray: n[4], variable_borrow_index_ray: n[5],
                variable_borrow_rate_ray: n[6], scaled_debt: n[7], virtual_balance: n[8],
                deficit: n[9], last_update_at: last, total_a_token_supply: n[10],
                accrued_to_treasury: n[11], liquidity_index_ray: n[12],
            })
        };
        if let Curve::AaveV3(curve) = &curve
            && let Ok(market) = vagus_allocator::curves::AaveV3Market::at(curve, at)
        {
            let _ = market.deposit_room(n[3]);
            let _ = market.supply_cap();
        }
        let strategy = &mut world.snapshot.vault.strategies[0];
        strategy.curve = curve;
        let horizon = Horizon { at, seconds };
        if let Ok(Some(earning)) = Earning::of(strategy, None, position, horizon) {
            let _ = earning.income_ray(target);
        }
        answer(&world);
    }

    #[test]
    fn absurd_snapshots_are_holds_and_no_panic(
        mut world in any_world(4), n in proptest::collection::vec(wild(), 9),
        word in any::<u64>(), which in any::<u16>(),
    ) {
        let is_wild = |bit: u16| which >> bit & 1 == 1;
        let vault = &mut world.snapshot.vault;
        let strategy = &mut vault.strategies[0];
        if is_wild(0) { strategy.convert_assets = n[0]; }
        if is_wild(1) { strategy.redeem_assets = n[1]; }
        if is_wild(2) { strategy.shares = n[2]; }
        if is_wild(3) { strategy.max_withdraw_assets = n[3]; }
        if is_wild(4) { strategy.max_deposit_assets = n[4]; }
        if is_wild(5) { strategy.reference_price = n[5]; }
        if is_wild(6) { vault.idle = n[6]; }
        if is_wild(7) { vault.checkpoint.nav = n[7]; }
        if is_wild(8) { vault.checkpoint.base = n[8]; }
        if is_wild(9) { vault.guard_state.turnover.level_wad = word; }
        if is_wild(10) { world.inputs.gas_price_wei = u128::from(word) << (word % 64); }
        if is_wild(11) { world.snapshot.block.timestamp = word; }
        if is_wild(12) { world.inputs.smallest_move = u128::from(word) << (word % 64); }
        if is_wild(13) { world.inputs.headroom_bps = word as u16; }
        if is_wild(14) { world.policy.objective.hurdle_bps = word as u16; }
        if is_wild(15) { world.policy.objective.horizon_seconds = word as u32; }
        let decision = answer(&world);
        prop_assert_eq!(&decision, &answer(&world));
    }
}
