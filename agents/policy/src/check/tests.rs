use alloy_primitives::{B256, U256};
use proptest::prelude::*;

use super::*;
use crate::{
    ALL_ASSETS, ANY_COUNT, GroupPolicy, MAX_MOVES, MemberReading, Observation, StrategyStatus,
    authorise,
    math::PRICE_ONE,
    predict,
    testing::{NAV, NOW, address, policy, state},
};

pub(super) fn deposit(index: u8, assets: u128) -> Move {
    Move { index, is_deposit: true, assets }
}

pub(super) fn withdraw(index: u8, assets: u128) -> Move {
    Move { index, is_deposit: false, assets }
}

pub(super) fn plan(moves: Vec<Move>) -> Rebalance {
    Rebalance {
        policy_version: 3,
        nonce: 5,
        vault_count: 7,
        deadline: NOW,
        decision: B256::ZERO,
        moves,
    }
}

/// A receipt without any loss at a price of one.
pub(super) fn exact(state: &VaultState, moves: &[Move]) -> Receipt {
    let mut idle = state.idle;
    let legs = moves
        .iter()
        .map(|leg| {
            let before = state.strategies[usize::from(leg.index)].shares;
            let assets = U256::from(leg.assets);
            let after = if leg.is_deposit {
                idle -= assets;
                before + assets
            } else {
                idle += assets;
                before - assets
            };
            LegReceipt {
                assets,
                value_before: before,
                value_after: after,
                shares_before: before,
                shares_after: after,
            }
        })
        .collect();
    let whole = U256::from(NAV);
    Receipt {
        nav: whole,
        base: whole,
        idle_before: state.idle,
        idle_after: idle,
        legs,
        members: Vec::new(),
    }
}

pub(super) fn refusal(rule: Rule, observed: u64, limit: u64) -> Refusal {
    Refusal { rule, observed: U256::from(observed), limit: U256::from(limit) }
}

/// Changes the accepted case of one withdrawal and one deposit, and asks.
pub(super) fn verdict(
    change: impl FnOnce(&mut Policy, &mut VaultState, &mut Rebalance, &mut Receipt),
) -> Result<Checked, Refusal> {
    let (mut policy, mut state) = (policy(), state());
    let mut plan = plan(vec![withdraw(0, 10_000), deposit(1, 20_000)]);
    let mut receipt = exact(&state, &plan.moves);
    change(&mut policy, &mut state, &mut plan, &mut receipt);
    check(&policy, &state, &plan, NOW, &receipt)
}

pub(super) fn refused(
    change: impl FnOnce(&mut Policy, &mut VaultState, &mut Rebalance, &mut Receipt),
) -> Refusal {
    verdict(change).unwrap_err()
}

#[test]
fn accepted_case_leaves_what_the_guard_leaves() {
    let checked = verdict(|_, _, _, _| {}).unwrap();
    assert_eq!(checked.turnover_assets, U256::from(30_000));
    assert_eq!(checked.loss_assets, U256::ZERO);
    // 30,000 of 500,000 and of 400,000.
    assert_eq!(checked.vault_turnover.level_wad, 60_000_000_000_000_000);
    assert_eq!(checked.agent_turnover.level_wad, 75_000_000_000_000_000);
    assert_eq!(checked.vault_loss, Bucket { level_wad: 0, updated_at: NOW });
    assert_eq!((checked.nonce, checked.rebalance_count), (6, 8));
    let rules: Vec<_> = checked.observations.iter().map(|seen| seen.rule as u8).collect();
    assert!(rules.is_sorted());
    for rule in (1..=13).filter(|rule| *rule != 9) {
        assert!(rules.contains(&rule), "R{rule} saw nothing");
    }
    assert!(checked.observations.iter().all(Observation::holds));
}

#[test]
fn mode_refuses_by_what_the_plan_does() {
    assert_eq!(refused(|_, s, _, _| s.guard_state.mode = Mode::Paused), refusal(Rule::Mode, 2, 0));
    assert_eq!(
        refused(|_, s, _, _| s.guard_state.mode = Mode::ExitOnly),
        refusal(Rule::Mode, 1, 0)
    );
    let exits = verdict(|_, s, plan, receipt| {
        s.guard_state.mode = Mode::ExitOnly;
        plan.moves.pop();
        *receipt = exact(s, &plan.moves);
    });
    assert!(exits.is_ok());
}

#[test]
fn mandate_ends_with_its_last_second() {
    assert!(verdict(|p, _, _, _| p.agents[0].expires_at = NOW).is_ok());
    let expired = refused(|p, _, _, _| p.agents[0].expires_at = NOW - 1);
    assert_eq!(expired, refusal(Rule::Mandate, NOW, NOW - 1));
    assert_eq!(refused(|_, s, _, _| s.agent.exists = false), refusal(Rule::Mandate, 0, 0));
    assert_eq!(refused(|_, s, _, _| s.agent.is_revoked = true), refusal(Rule::Mandate, 0, 0));
    assert_eq!(refused(|p, _, _, _| p.agents.clear()), refusal(Rule::Mandate, 0, 0));
}

#[test]
fn scope_is_a_mask_of_places() {
    assert_eq!(refused(|_, _, plan, _| plan.moves[1].index = 2), refusal(Rule::Scope, 2, 3));
    assert_eq!(refused(|_, _, plan, _| plan.moves[0].index = 255), refusal(Rule::Scope, 255, 3));
    // In scope but beyond the list: R6.
    let beyond = refused(|p, _, plan, _| {
        p.agents[0].scope = u32::MAX;
        plan.moves[0].index = 3;
    });
    assert_eq!(beyond, refusal(Rule::Shape, 3, 3));
}

#[test]
fn freshness_refuses_in_its_order() {
    let all_wrong = |_: &mut Policy, _: &mut VaultState, plan: &mut Rebalance, _: &mut Receipt| {
        (plan.policy_version, plan.nonce, plan.deadline, plan.vault_count) = (4, 6, NOW - 1, 8);
    };
    assert_eq!(refused(all_wrong), refusal(Rule::Freshness, 4, 3));
    assert_eq!(refused(|_, _, plan, _| plan.nonce = 4), refusal(Rule::Freshness, 4, 5));
    let late = refused(|_, _, plan, _| plan.deadline = NOW - 1);
    assert_eq!(late, refusal(Rule::Freshness, NOW, NOW - 1));
    assert_eq!(refused(|_, _, plan, _| plan.vault_count = 6), refusal(Rule::Freshness, 6, 7));
    assert!(verdict(|_, _, plan, _| plan.vault_count = ANY_COUNT).is_ok());
}

#[test]
fn cooldown_is_over_at_its_last_second() {
    let early = refused(|_, s, _, _| s.agent.last_rebalance_at = NOW - 599);
    assert_eq!(early, refusal(Rule::Cooldown, NOW, NOW + 1));
    assert!(verdict(|_, s, _, _| s.agent.last_rebalance_at = 0).is_ok());
    let endless = refused(|p, _, _, _| p.limits.cooldown_seconds = u32::MAX);
    assert_eq!(endless.rule, Rule::Cooldown);
}

#[test]
fn shape_names_the_earliest_leg() {
    let shaped = |moves: Vec<Move>| {
        let mut policy = policy();
        policy.agents[0].scope = 0b111;
        authorise(&policy, &state(), &plan(moves), NOW).map_err(|refusal| {
            assert_eq!(refusal.rule, Rule::Shape);
            (refusal.observed, refusal.limit)
        })
    };
    let pair = |a: u128, b: u128| Err((U256::from(a), U256::from(b)));
    assert_eq!(shaped(vec![]), pair(0, 16));
    assert_eq!(shaped(vec![deposit(0, 1); MAX_MOVES + 1]), pair(17, 16));
    assert_eq!(shaped(vec![deposit(1, 1), deposit(1, 0)]), pair(1, 1));
    assert_eq!(shaped(vec![withdraw(0, 0)]), pair(0, 1));
    assert_eq!(shaped(vec![withdraw(0, 1), deposit(1, 1), withdraw(2, 1)]), pair(2, 1));
    assert_eq!(shaped(vec![deposit(0, ALL_ASSETS)]), pair(ALL_ASSETS, ALL_ASSETS - 1));
    assert_eq!(shaped(vec![deposit(0, ALL_ASSETS - 1)]), Ok(()));
    assert_eq!(shaped(vec![withdraw(0, ALL_ASSETS), deposit(1, 1)]), Ok(()));
}

#[test]
fn turnover_fits_to_the_last_unit() {
    // Of the vault's 500,000, half are used; of the agent's 400,000, 250,000 would be moved.
    let moved = |amount: u64| {
        verdict(|_, s, _, receipt| {
            let level_wad = 500_000_000_000_000_000;
            s.guard_state.turnover = Bucket { level_wad, updated_at: NOW };
            receipt.legs[0].assets = U256::from(amount - 20_000);
            receipt.legs[0].value_before = U256::from(amount);
            receipt.legs[0].shares_before = U256::from(amount);
            receipt.idle_after = U256::from(800_000);
        })
    };
    assert!(moved(250_000).is_ok());
    assert_eq!(moved(250_001).unwrap_err(), refusal(Rule::Turnover, 500_001, 500_000));
    // The agent's own bucket, when the vault's is empty.
    let moved = |amount: u64| {
        verdict(|_, s, _, receipt| {
            let level_wad = 1;
            s.agent.turnover = Bucket { level_wad, updated_at: NOW };
            receipt.legs[0].assets = U256::from(amount - 20_000);
            receipt.legs[0].value_before = U256::from(amount);
            receipt.legs[0].shares_before = U256::from(amount);
            receipt.idle_after = U256::from(800_000);
        })
    };
    assert!(moved(399_999).is_ok());
    assert_eq!(moved(400_000).unwrap_err(), refusal(Rule::Turnover, 400_001, 400_000));
}

#[test]
fn weight_is_the_smaller_of_cap_and_share() {
    let ends_at = |value: u64, change: fn(&mut StrategyPolicy)| {
        verdict(|p, _, _, receipt| {
            change(&mut p.strategies[1]);
            receipt.legs[1].value_after = U256::from(value);
            receipt.legs[1].shares_after = U256::from(value);
        })
    };
    assert!(ends_at(500_000, |_| {}).is_ok());
    assert_eq!(ends_at(500_001, |_| {}).unwrap_err(), refusal(Rule::Weight, 500_001, 500_000));
    let narrow: fn(&mut StrategyPolicy) = |entry| entry.max_weight_bps = 3_000;
    assert!(ends_at(300_000, narrow).is_ok());
    assert_eq!(ends_at(300_001, narrow).unwrap_err(), refusal(Rule::Weight, 300_001, 300_000));
    for status in [StrategyStatus::ExitOnly, StrategyStatus::WrittenOff] {
        let closed = refused(|p, _, _, _| p.strategies[1].status = status);
        assert_eq!(closed, refusal(Rule::Weight, 220_000, 0));
    }
    // A limit of zero takes no deposit, whatever the strategy says it is worth.
    let nothing: fn(&mut StrategyPolicy) = |entry| entry.cap = 0;
    assert_eq!(ends_at(0, nothing).unwrap_err(), refusal(Rule::Weight, 0, 0));
    let one: fn(&mut StrategyPolicy) = |entry| entry.cap = 1;
    assert!(ends_at(1, one).is_err_and(|refusal| refusal.rule == Rule::Loss));
}

#[test]
fn floor_holds_in_active_mode_only() {
    let ends_at = |value: u64| {
        verdict(|_, _, _, receipt| {
            receipt.legs[0].value_before = U256::from(value + 10_000);
            receipt.legs[0].shares_before = U256::from(value + 10_000);
            receipt.legs[0].value_after = U256::from(value);
        })
    };
    assert!(ends_at(100_000).is_ok());
    assert_eq!(ends_at(99_999).unwrap_err(), refusal(Rule::Floor, 99_999, 100_000));
    let leaving = verdict(|_, s, plan, receipt| {
        s.guard_state.mode = Mode::ExitOnly;
        plan.moves = vec![withdraw(0, 150_000)];
        *receipt = exact(s, &plan.moves);
    });
    assert!(leaving.is_ok());
    for status in [StrategyStatus::ExitOnly, StrategyStatus::WrittenOff] {
        let leaving = verdict(|p, s, plan, receipt| {
            p.strategies[0].status = status;
            plan.moves = vec![withdraw(0, 150_000)];
            *receipt = exact(s, &plan.moves);
        });
        assert!(leaving.is_ok());
    }
}

#[test]
fn idle_floor_binds_deposits() {
    let ends_at = |idle: u64| {
        verdict(|_, _, _, receipt| {
            receipt.idle_before = U256::from(idle + 10_000);
            receipt.idle_after = U256::from(idle);
        })
    };
    assert!(ends_at(50_000).is_ok());
    assert_eq!(ends_at(49_999).unwrap_err(), refusal(Rule::Idle, 49_999, 50_000));
    let only_out = verdict(|_, s, plan, receipt| {
        s.idle = U256::ZERO;
        plan.moves.pop();
        *receipt = exact(s, &plan.moves);
    });
    assert!(only_out.is_ok());
}

#[test]
fn losses_add_up_and_gains_do_not_count() {
    // The agent's bucket holds 4,000, the vault's 5,000.
    let lost = |out: u64, into: u64, idle: u64| {
        verdict(|_, _, _, receipt| {
            receipt.legs[0].value_after -= U256::from(out);
            receipt.legs[1].value_after -= U256::from(into);
            receipt.idle_after -= U256::from(idle);
        })
    };
    assert!(lost(1_000, 1_000, 2_000).is_ok());
    assert_eq!(lost(1_000, 1_000, 2_001).unwrap_err(), refusal(Rule::Loss, 4_001, 4_000));
    assert_eq!(lost(2_000, 2_000, 1_001).unwrap_err(), refusal(Rule::Loss, 5_001, 5_000));
    let offset = refused(|_, _, _, receipt| {
        receipt.legs[0].value_after += U256::from(9_000);
        receipt.idle_after -= U256::from(4_001);
    });
    assert_eq!(offset, refusal(Rule::Loss, 4_001, 4_000));
}

#[test]
fn prices_stay_in_their_band_with_one_unit_of_grace() {
    let priced = |out: u64, into: u64| {
        verdict(|p, _, _, receipt| {
            p.limits.max_loss_bps = 10_000;
            p.agents[0].max_loss_bps = 10_000;
            receipt.legs[0].value_before = U256::from(out);
            receipt.legs[1].value_after = U256::from(into);
        })
    };
    // 200,000 shares before the withdrawal, 220,000 after the deposit; 1 % either side.
    assert!(priced(197_999, 217_799).is_ok());
    assert_eq!(priced(197_998, 220_000).unwrap_err(), refusal(Rule::Price, 197_998, 198_000));
    assert_eq!(priced(200_000, 217_798).unwrap_err(), refusal(Rule::Price, 217_798, 217_800));
    // Above the band: no withdrawal is stopped, a deposit is.
    assert!(priced(300_000, 222_201).is_ok());
    assert_eq!(priced(300_000, 222_202).unwrap_err(), refusal(Rule::Price, 222_202, 222_201));
}

#[test]
fn references_follow_the_price_of_touched_strategies() {
    let checked = verdict(|_, s, _, receipt| {
        for strategy in &mut s.strategies {
            strategy.reference_at = NOW - 86_400;
        }
        receipt.legs[0].value_before = U256::from(201_000);
        receipt.legs[1].value_after = U256::from(222_200);
    })
    .unwrap();
    let hundredth = |n: u64| PRICE_ONE * U256::from(n) / U256::from(1_000);
    // Of a price of at least one and below two, 44 bits are kept.
    let stored = |price: U256| (price >> 85) << 85;
    let expected = |n, price| Reference { strategy: address(n), price: stored(price), at: NOW };
    // Half a percent up; and one percent, which is the most for a day.
    assert_eq!(checked.references[0], expected(1, hundredth(1_005)));
    assert_eq!(checked.references[1], expected(2, PRICE_ONE + PRICE_ONE / U256::from(100)));
    let unmoved = verdict(|_, _, _, _| {}).unwrap().references[0];
    assert_eq!((unmoved.price, unmoved.at), (PRICE_ONE, NOW - 100));
}

#[test]
fn lowest_rule_and_earliest_leg_are_named() {
    let everything = refused(|p, _, _, receipt| {
        p.strategies[1].cap = 0;
        receipt.legs[0].value_after = U256::ZERO;
        receipt.idle_after = U256::ZERO;
    });
    assert_eq!(everything.rule, Rule::Weight);
    let two_floors = refused(|p, s, plan, receipt| {
        p.agents[0].scope = 0b111;
        p.limits.max_turnover_bps = 10_000;
        p.agents[0].max_turnover_bps = 10_000;
        plan.moves = vec![withdraw(2, 150_000), withdraw(0, 110_000)];
        *receipt = exact(s, &plan.moves);
    });
    assert_eq!(two_floors, refusal(Rule::Floor, 50_000, 100_000));
}

#[test]
fn what_does_not_fit_is_refused() {
    let cut = |_: &mut Policy, _: &mut VaultState, _: &mut Rebalance, receipt: &mut Receipt| {
        receipt.legs.pop();
    };
    assert_eq!(refused(cut), refusal(Rule::Shape, 1, 2));
    assert_eq!(refused(|_, s, _, _| s.strategies.truncate(2)), refusal(Rule::Shape, 2, 3));
    let other = refused(|_, s, _, _| s.strategies[1].strategy = address(99));
    assert_eq!(other, refusal(Rule::Shape, 1, 3));
    let member = MemberReading { index: 2, is_readable: true, ..MemberReading::default() };
    let surplus = refused(|_, _, _, receipt| receipt.members.push(member));
    assert_eq!(surplus, refusal(Rule::Shape, 1, 0));
    let absent = refused(|p, _, _, _| {
        p.groups = vec![GroupPolicy { name: B256::ZERO, max_weight_bps: 10_000, cap: u128::MAX }];
        p.strategies.iter_mut().for_each(|entry| entry.groups = 1);
    });
    assert_eq!(absent, refusal(Rule::Shape, 0, 1));
}

#[test]
fn headroom_is_kept_from_every_limit() {
    let (policy, state) = (policy(), state());
    let plan = plan(vec![deposit(1, 299_700)]);
    let receipt = exact(&state, &plan.moves);
    let with = |bps| check_with_headroom(&policy, &state, &plan, NOW, &receipt, bps);
    // 499,700 of 500,000: six of 10,000 are left.
    assert!(with(6).is_ok());
    assert_eq!(with(7).unwrap_err(), refusal(Rule::Weight, 499_700, 499_650));
    assert_eq!(with(u16::MAX).unwrap_err().limit, U256::ZERO);
}

proptest! {
    #[test]
    fn headroom_never_accepts_what_the_rules_refuse(
        moves in prop::collection::vec((0..3_u8, any::<bool>(), 1..400_000_u128), 1..4), bps in 0..200_u16,
    ) {
        let (mut policy, state) = (policy(), state());
        policy.agents[0].scope = 0b111;
        let mut moves: Vec<_> = moves
            .into_iter()
            .map(|(index, is_deposit, assets)| Move { index, is_deposit, assets })
            .collect();
        moves.sort_by_key(|leg| leg.is_deposit);
        let plan = plan(moves);
        let receipt = predict(&policy, &state, &plan.moves);
        let tight = check_with_headroom(&policy, &state, &plan, NOW, &receipt, bps);
        match check(&policy, &state, &plan, NOW, &receipt) {
            Err(_) => prop_assert!(tight.is_err()),
            Ok(checked) => prop_assert!(checked.observations.iter().all(Observation::holds)),
        }
    }

    #[test]
    fn no_numbers_panic(
        nav: [u64; 4], base: [u64; 4], legs: [[[u64; 4]; 5]; 2], reference: [u64; 4], band: u16, at: u64,
        level_wad: u64,
    ) {
        let (mut policy, mut state) = (policy(), state());
        policy.strategies[0].price_band_bps = band;
        policy.strategies[1].max_weight_bps = band;
        policy.limits.min_idle_bps = band;
        policy.limits.max_turnover_bps = band;
        policy.agents[0].expires_at = u64::MAX;
        state.strategies[0].reference_price = U256::from_limbs(reference);
        state.guard_state.turnover = Bucket { level_wad, updated_at: at };
        let legs = legs.map(|leg| {
            let [assets, value_before, value_after, shares_before, shares_after] =
                leg.map(U256::from_limbs);
            LegReceipt { assets, value_before, value_after, shares_before, shares_after }
        });
        let receipt = Receipt {
            nav: U256::from_limbs(nav),
            base: U256::from_limbs(base),
            idle_before: U256::MAX,
            idle_after: U256::ZERO,
            legs: legs.to_vec(),
            members: Vec::new(),
        };
        let mut plan = plan(vec![withdraw(0, ALL_ASSETS), deposit(1, 1)]);
        plan.deadline = u64::MAX;
        let _ = check(&policy, &state, &plan, at, &receipt);
    }
}
