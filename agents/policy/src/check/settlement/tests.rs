use alloy_primitives::U256;

use crate::{
    Checked, Mode, ObjectiveKind, Policy, Rebalance, Receipt, Refusal, Rule, StrategyStatus,
    Subject, VaultState,
    check::tests::{deposit, exact, refusal, verdict, withdraw},
};

/// Under target weights: 19 % and 22 % of one million, with a band of one percent. A withdrawal from the first strategy
/// leaves `out`, a deposit into the second leaves `into`.
fn ends_at(
    out: u64,
    into: u64,
    change: fn(&mut Policy, &mut VaultState, &mut Rebalance, &mut Receipt),
) -> Result<Checked, Refusal> {
    verdict(|p, s, plan, receipt| {
        p.objective.kind = ObjectiveKind::TargetWeights;
        p.objective.band_bps = 100;
        p.objective.target_weights_bps = vec![2_000, 2_200, 0];
        for (strategy, value) in s.strategies.iter_mut().zip([out + 10_000, into - 20_000]) {
            strategy.shares = U256::from(value);
        }
        plan.moves = vec![withdraw(0, 10_000), deposit(1, 20_000)];
        *receipt = exact(s, &plan.moves);
        change(p, s, plan, receipt);
    })
}

#[test]
fn strategies_end_inside_the_band_of_their_target() {
    assert!(ends_at(190_000, 230_000, |_, _, _, _| {}).is_ok());
    let low = ends_at(189_999, 230_000, |_, _, _, _| {}).unwrap_err();
    assert_eq!(low, refusal(Rule::Objective, 189_999, 190_000));
    let high = ends_at(190_000, 230_001, |_, _, _, _| {}).unwrap_err();
    assert_eq!(high, refusal(Rule::Objective, 230_001, 230_000));
    let both = ends_at(189_999, 230_001, |_, _, _, _| {}).unwrap_err();
    assert_eq!(both, refusal(Rule::Objective, 189_999, 190_000));
}

#[test]
fn steps_towards_the_band_are_free() {
    // Far above after a withdrawal, far below after a deposit.
    let checked = ends_at(400_000, 100_000, |_, _, _, _| {}).unwrap();
    let seen: Vec<_> =
        checked.observations.iter().filter(|seen| seen.rule == Rule::Objective).collect();
    assert_eq!(seen.len(), 2);
    assert_eq!((seen[0].subject, seen[0].limit), (Subject::Strategy(0), U256::from(190_000)));
    assert_eq!((seen[1].subject, seen[1].limit), (Subject::Strategy(1), U256::from(230_000)));
    // Nothing changed hands: neither side counts.
    let still = ends_at(189_999, 230_000, |_, _, _, receipt| {
        receipt.legs[0].shares_before = receipt.legs[0].shares_after;
        receipt.legs[0].value_before = receipt.legs[0].value_after;
        receipt.legs[0].assets = U256::ZERO;
    });
    assert!(still.is_ok());
}

#[test]
fn ends_of_bands_round_inwards() {
    // NAV 999,999: 21 % + 1 % is 229,999.77, and 20 % − 1 % is 189,999.81.
    let odd = |_: &mut Policy, _: &mut VaultState, _: &mut Rebalance, receipt: &mut Receipt| {
        receipt.nav = U256::from(999_999);
    };
    assert!(ends_at(190_000, 229_999, odd).is_ok());
    assert_eq!(ends_at(190_000, 230_000, odd).unwrap_err().limit, U256::from(229_999));
    assert_eq!(ends_at(189_999, 229_999, odd).unwrap_err().limit, U256::from(190_000));
}

#[test]
fn targets_end_at_nothing_and_at_everything() {
    let wide = ends_at(10_000, 480_000, |p, _, _, _| {
        p.strategies[0].min_weight_bps = 0;
        p.objective.target_weights_bps = vec![50, 9_950, 0];
    });
    let seen = wide.unwrap();
    let limits: Vec<_> = seen
        .observations
        .iter()
        .filter(|seen| seen.rule == Rule::Objective)
        .map(|seen| seen.limit)
        .collect();
    assert_eq!(limits, [U256::ZERO, U256::from(1_000_000)]);
}

#[test]
fn strategy_that_is_not_active_has_no_target() {
    let leaving = ends_at(5_000, 230_000, |p, _, _, _| {
        p.strategies[0].status = StrategyStatus::ExitOnly;
        p.strategies[0].min_weight_bps = 10_000;
    });
    assert!(leaving.is_ok());
}

#[test]
fn targets_bind_in_active_mode_and_under_their_objective_only() {
    let leaving = ends_at(150_000, 230_000, |_, s, plan, receipt| {
        s.guard_state.mode = Mode::ExitOnly;
        plan.moves.pop();
        *receipt = exact(s, &plan.moves);
    });
    assert!(leaving.is_ok());
    let income = ends_at(150_000, 400_000, |p, _, _, _| {
        p.objective.kind = ObjectiveKind::Yield;
        p.objective.target_weights_bps.clear();
    });
    assert!(income.is_ok());
}
