//! Backtests themselves.

use alloy_primitives::{I256, U256};
use vagus_attribution::{Action, Kind, attribute};
use vagus_backtest::{Backtest, BacktestError, Rules, generate::Generator};

use crate::support::{backtest, lines, read};

#[test]
fn plans_are_carried_out_and_the_parts_add_up_to_the_unit() {
    for (seed, between) in [(1, 300), (2, 1), (3, 7_200)] {
        let generator = Generator::new(seed, 6, between);
        let policy = generator.policy();
        let (summary, blocks) = read(&lines(generator, 200)).unwrap();
        let outcome = backtest(&summary, &blocks, Rules::of(policy));
        let followed = outcome.followed;
        assert_eq!(followed.decided, 200);
        assert!(followed.executed >= 3, "seed {seed}: {followed:?}");
        let found = attribute(&outcome.history).unwrap();
        let held: I256 = found.held.gained;
        let parts = held + found.decided + found.gained_flows;
        assert_eq!(parts, found.result, "seed {seed}");
        assert!(found.result.is_positive());
        assert_eq!(found.flowed_assets, I256::ZERO, "nobody came or went");
        let moved = outcome.history.events.iter().filter(|event| match event.kind {
            Kind::Decision(decision) => decision.action == Action::Rebalance,
            Kind::Flow(_) => false,
        });
        assert_eq!(moved.count() as u64, followed.executed);
        assert!(outcome.compared.own_from.is_some());
    }
}

/// Better than what is held unchanged: otherwise the formulas or the decisions are wrong.
#[test]
fn decisions_earn_more_than_holding_and_less_than_the_best_market() {
    let generator = Generator::new(11, 8, 300);
    let policy = generator.policy();
    let (summary, blocks) = read(&lines(generator, 1_000)).unwrap();
    let outcome = backtest(&summary, &blocks, Rules::of(policy));
    let found = attribute(&outcome.history).unwrap();
    assert!(found.decided.is_positive(), "{}", found.decided);
    let opening = U256::try_from(found.opening_assets).unwrap();
    let result = U256::try_from(found.result).unwrap();
    // Six weeks at rates below 40 % a year.
    assert!(result * U256::from(20) < opening, "{result} of {opening}");
}

#[test]
fn another_policy_comes_to_another_result() {
    let generator = Generator::new(5, 6, 300);
    let policy = generator.policy();
    let mut tight = policy.clone();
    tight.limits.max_turnover_bps = 500;
    tight.agents[0].max_turnover_bps = 500;
    let (summary, blocks) = read(&lines(generator, 200)).unwrap();
    let wide = backtest(&summary, &blocks, Rules::of(policy.clone()));
    let narrow = backtest(&summary, &blocks, Rules::of(tight));
    assert_ne!(wide.head, narrow.head);
    assert_ne!(
        attribute(&wide.history).unwrap().result,
        attribute(&narrow.history).unwrap().result
    );
    assert_eq!(backtest(&summary, &blocks, Rules::of(policy)), wide, "the same once more");
}

#[test]
fn what_goes_on_later_comes_to_the_same() {
    let generator = Generator::new(9, 5, 300);
    let policy = generator.policy();
    let (summary, blocks) = read(&lines(generator, 120)).unwrap();
    let whole = backtest(&summary, &blocks, Rules::of(policy.clone()));
    for stop in [1, 2, 59, 60, 119, 120] {
        let mut first = Backtest::new(&summary, Rules::of(policy.clone()));
        for block in &blocks[..stop] {
            first.step(block.clone()).unwrap();
        }
        let kept = first.kept().unwrap();
        drop(first);
        let last = |lines: u64| blocks.get(usize::try_from(lines).unwrap() - 1).cloned();
        let mut second =
            Backtest::new(&summary, Rules::of(policy.clone())).resumed(&kept, last).unwrap();
        assert_eq!(second.lines(), stop as u64);
        for block in &blocks[stop..] {
            second.step(block.clone()).unwrap();
        }
        assert_eq!(second.finish().unwrap(), whole, "stopped after {stop}");
    }
    let fresh = || Backtest::new(&summary, Rules::of(policy.clone()));
    assert!(fresh().resumed("{}", |_| Some(blocks[0].clone())).is_none());
}

#[test]
fn a_policy_that_does_not_fit_is_refused_in_one_sentence() {
    let generator = Generator::new(9, 3, 300);
    let policy = generator.policy();
    let (summary, blocks) = read(&lines(generator, 2)).unwrap();
    let fit = |change: fn(&mut vagus_policy::Policy)| {
        let mut policy = policy.clone();
        change(&mut policy);
        Rules::of(policy).fit(&summary.head, &summary.followed, &blocks[0])
    };
    assert_eq!(fit(|_| {}), Ok(()));
    let unseen = fit(|policy| policy.strategies[0].strategy = alloy_primitives::Address::ZERO);
    assert!(matches!(unseen, Err(BacktestError::Unseen(_))), "{unseen:?}");
    let unlisted = fit(|policy| {
        policy.strategies.pop();
    });
    assert!(matches!(unlisted, Err(BacktestError::Unlisted(_))), "{unlisted:?}");
    let nobody = fit(|policy| policy.agents[0].agent = alloy_primitives::Address::ZERO);
    assert!(matches!(nobody, Err(BacktestError::NoMandate(_))), "{nobody:?}");
}
