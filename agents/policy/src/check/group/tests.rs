use alloy_primitives::{B256, U256};

use crate::{
    Checked, GroupPolicy, MemberReading, Policy, Rebalance, Receipt, Refusal, Rule, StrategyStatus,
    Subject, VaultState, check,
    check::tests::{deposit, exact, plan, refusal, withdraw},
    check_with_headroom, predict,
    testing::{NOW, policy, state},
};

fn group(max_weight_bps: u16, cap: u128) -> GroupPolicy {
    GroupPolicy { name: B256::repeat_byte(1), max_weight_bps, cap }
}

fn reading(index: u8, value: u64) -> MemberReading {
    MemberReading { index, is_readable: true, value: U256::from(value), shares: U256::from(value) }
}

/// Two groups over three strategies: the first two, and the last two. The second is deposited into, the first withdrawn
/// from; the third is untouched.
fn case() -> (Policy, VaultState, Rebalance, Receipt) {
    let (mut policy, state) = (policy(), state());
    policy.groups = vec![group(6_000, 410_000), group(4_200, u128::MAX)];
    for (entry, mask) in policy.strategies.iter_mut().zip([0b01, 0b11, 0b10]) {
        entry.groups = mask;
    }
    let plan = plan(vec![withdraw(0, 10_000), deposit(1, 20_000)]);
    let mut receipt = exact(&state, &plan.moves);
    receipt.members = vec![reading(2, 200_000)];
    (policy, state, plan, receipt)
}

fn verdict(
    change: impl FnOnce(&mut Policy, &mut VaultState, &mut Rebalance, &mut Receipt),
) -> Result<Checked, Refusal> {
    let (mut policy, mut state, mut plan, mut receipt) = case();
    change(&mut policy, &mut state, &mut plan, &mut receipt);
    check(&policy, &state, &plan, NOW, &receipt)
}

#[test]
fn sum_of_members_fits_to_the_last_unit() {
    // 190,000 + 220,000 of 410,000; 220,000 + 200,000 of 420,000.
    let checked = verdict(|_, _, _, _| {}).unwrap();
    let seen: Vec<_> = checked
        .observations
        .iter()
        .filter(|seen| matches!(seen.subject, Subject::Group(_)))
        .map(|seen| (seen.subject, seen.observed, seen.limit))
        .collect();
    let pair = |place, amount: u64| (Subject::Group(place), U256::from(amount), U256::from(amount));
    assert_eq!(seen, [pair(0, 410_000), pair(1, 420_000)]);

    let past = verdict(|p, _, _, _| p.groups[0].cap = 409_999).unwrap_err();
    assert_eq!(past, refusal(Rule::Group, 410_000, 409_999));
    let past = verdict(|p, _, _, _| p.groups[1].max_weight_bps = 4_199).unwrap_err();
    assert_eq!(past, refusal(Rule::Group, 420_000, 419_900));
    let past = verdict(|_, _, _, r| r.members = vec![reading(2, 200_001)]).unwrap_err();
    assert_eq!(past, refusal(Rule::Group, 420_001, 420_000));
}

#[test]
fn groups_come_in_the_order_in_which_deposits_reach_them() {
    // Both are past; the first deposit leg is in the second group alone.
    let order = |moves: Vec<crate::Move>| {
        verdict(|p, s, plan, receipt| {
            p.agents[0].scope = 0b111;
            (p.groups[0].cap, p.groups[1].cap) = (1, 2);
            plan.moves = moves;
            *receipt = exact(s, &plan.moves);
            receipt.members = crate::groups::untouched_members(p, &plan.moves)
                .into_iter()
                .map(|index| reading(index, 200_000))
                .collect();
        })
        .unwrap_err()
    };
    assert_eq!(order(vec![deposit(1, 1)]), refusal(Rule::Group, 400_001, 1));
    assert_eq!(order(vec![deposit(2, 1), deposit(0, 1)]), refusal(Rule::Group, 400_001, 2));
    assert_eq!(order(vec![deposit(0, 1), deposit(2, 1)]), refusal(Rule::Group, 400_001, 1));
}

#[test]
fn groups_that_nothing_is_deposited_into_are_not_asked() {
    let leaving = verdict(|p, s, plan, receipt| {
        p.groups.iter_mut().for_each(|group| group.cap = 0);
        plan.moves = vec![withdraw(1, 10_000)];
        *receipt = exact(s, &plan.moves);
    });
    assert!(leaving.is_ok());
    let elsewhere = verdict(|p, s, plan, receipt| {
        p.groups[1].cap = 0;
        plan.moves = vec![deposit(0, 1)];
        *receipt = exact(s, &plan.moves);
        receipt.members = vec![reading(1, 200_000)];
    });
    assert!(elsewhere.is_ok());
}

#[test]
fn member_that_cannot_be_read_refuses() {
    let unreadable = verdict(|_, _, _, receipt| {
        receipt.members = vec![MemberReading { index: 2, ..MemberReading::default() }];
    });
    let expected = Refusal { rule: Rule::Group, observed: U256::MAX, limit: U256::from(420_000) };
    assert_eq!(unreadable.unwrap_err(), expected);
}

#[test]
fn member_outside_of_its_band_refuses_on_either_side() {
    // 200,000 shares at a reference of one, 1 % either side, a unit of grace.
    let worth = |value: u64| {
        verdict(|p, _, _, receipt| {
            p.groups[1].max_weight_bps = 10_000;
            receipt.members[0].value = U256::from(value);
        })
    };
    assert!(worth(197_999).is_ok());
    assert_eq!(worth(197_998).unwrap_err(), refusal(Rule::Group, 197_998, 198_000));
    assert!(worth(202_001).is_ok());
    assert_eq!(worth(202_002).unwrap_err(), refusal(Rule::Group, 202_002, 202_001));
    // A touched member is judged by its receipt, also after a withdrawal, and before the sum.
    let touched = verdict(|_, _, _, receipt| receipt.legs[0].value_after = U256::from(300_000));
    assert_eq!(touched.unwrap_err(), refusal(Rule::Group, 300_000, 191_901));
}

#[test]
fn members_without_shares_count_nothing_and_have_no_price() {
    let empty = verdict(|_, _, _, receipt| {
        receipt.members = vec![MemberReading {
            index: 2,
            is_readable: true,
            value: U256::from(5),
            shares: U256::ZERO,
        }];
    });
    assert!(empty.is_ok_and(|checked| {
        checked
            .observations
            .iter()
            .any(|seen| seen.subject == Subject::Group(1) && seen.observed == U256::from(220_000))
    }));
}

#[test]
fn written_off_members_do_not_count() {
    let written_off = verdict(|p, _, _, receipt| {
        p.strategies[2].status = StrategyStatus::WrittenOff;
        receipt.members.clear();
    });
    assert!(written_off.is_ok());
    let exit_only = verdict(|p, _, _, _| {
        p.strategies[2].status = StrategyStatus::ExitOnly;
        p.groups[1].cap = 0;
    });
    assert_eq!(exit_only.unwrap_err(), refusal(Rule::Group, 420_000, 0));
}

#[test]
fn sums_saturate() {
    let huge = verdict(|p, _, _, receipt| {
        p.strategies[2].price_band_bps = 9_999;
        receipt.members[0].value = U256::MAX;
        receipt.members[0].shares = U256::MAX;
    });
    assert_eq!(huge.unwrap_err().observed, U256::MAX);
}

#[test]
fn prediction_reads_the_members_from_the_state() {
    let (policy, mut state, plan, _) = case();
    state.strategies[2].redeem_assets = U256::from(199_999);
    let predicted = predict(&policy, &state, &plan.moves);
    let shares = U256::from(200_000);
    assert_eq!(predicted.members, [MemberReading { shares, ..reading(2, 199_999) }]);
    state.strategies[2].is_readable = false;
    let predicted = predict(&policy, &state, &plan.moves);
    assert!(!predicted.members[0].is_readable);
    let refused = check(&policy, &state, &plan, NOW, &predicted).unwrap_err();
    assert_eq!((refused.rule, refused.observed), (Rule::Group, U256::MAX));
}

#[test]
fn headroom_is_kept_from_groups() {
    let (mut policy, state, plan, receipt) = case();
    policy.groups[0].cap = 1_000_000;
    policy.groups[1].max_weight_bps = 4_300;
    let with = |bps| check_with_headroom(&policy, &state, &plan, NOW, &receipt, bps);
    // 420,000 of 430,000.
    assert!(with(232).is_ok());
    assert_eq!(with(233).unwrap_err(), refusal(Rule::Group, 420_000, 419_981));
}
