//! The keeper is killed, without warning, at each step of its path and at seeded moments; nothing is lost or done twice.

use std::collections::BTreeSet;

use alloy::primitives::U256;
use tokio::sync::OnceCell;
use vagus_e2e::{
    paths,
    trial::{Base, Kill, KillPlan, Trial},
};
use vagus_keeper::crash::CRASH_STEPS;

/// The world that all trials start from, and the story as it goes when nobody is killed.
static UNKILLED: OnceCell<(Base, Trial)> = OnceCell::const_new();

async fn unkilled() -> &'static (Base, Trial) {
    let made = UNKILLED.get_or_init(|| async {
        let base = Base::build(&paths::run_folder("trials").unwrap()).await.unwrap();
        let trial = Trial::play(&base, KillPlan::never()).await.unwrap();
        println!("{}", trial.line());
        (base, trial)
    });
    made.await
}

/// What every story ends with, killed or not.
fn ends_well(trial: &Trial) {
    let line = trial.line();
    println!("{line}");

    // No decision was executed twice, and each is one that the journal explains.
    let decisions: BTreeSet<_> = trial.executed.iter().map(|event| event.decision).collect();
    assert_eq!(decisions.len(), trial.executed.len(), "{line}: {:#?}", trial.executed);
    let nonces: Vec<u64> = trial.executed.iter().map(|event| event.nonce).collect();
    assert_eq!(nonces, (0..nonces.len() as u64).collect::<Vec<_>>(), "{line}");
    let rebalances: Vec<_> = trial.records.iter().filter(|record| !record.is_hold).collect();
    for event in &trial.executed {
        let found = rebalances.iter().filter(|record| record.hash == event.decision).count();
        assert_eq!(found, 1, "{line}: {event:?}");
    }
    assert_eq!(trial.operations, trial.executed.len(), "{line}: capital moved otherwise");
    assert_eq!(trial.refusals, 0, "{line}");
    assert!(trial.is_intact, "{line}");

    // Every record has come to its end, and says truly whether it was executed.
    for record in &trial.records {
        let outcome = record.outcome.unwrap_or_else(|| panic!("{line}: no outcome: {record:#?}"));
        assert!(outcome.is_terminal(), "{line}: {record:#?}");
        let is_executed = decisions.contains(&record.hash);
        assert_eq!(outcome == vagus_journal::OutcomeState::Executed, is_executed, "{line}");
    }
    assert_eq!(trial.in_flight, 0, "{line}");

    assert!(trial.breaches.is_empty(), "{line}: {:#?}", trial.breaches);

    let plans = trial.answer["plans"].as_array().unwrap();
    assert_eq!(plans.len(), 1, "{line}");
    assert_eq!(plans[0]["is_rebalance"], false, "{line}: {:#}", trial.answer);
}

/// What the depositors of a story in which somebody died got is what they get when nobody does. A keeper that is back
/// before the next block costs nothing at all; one that stays away costs interest, here less than a millionth.
fn pays_the_same(trial: &Trial, unkilled: &Trial) {
    let line = trial.line();
    let is_exact = matches!(trial.plan.kill, Kill::At(_)) && trial.plan.blocks_down == 0;
    assert_eq!(trial.payouts.len(), 3, "{line}");
    for ((name, paid), (_, expected)) in trial.payouts.iter().zip(&unkilled.payouts) {
        let most = if is_exact { U256::ZERO } else { *expected / U256::from(1_000_000) };
        assert!(
            paid.abs_diff(*expected) <= most,
            "{line}: {name} got {paid}, and {expected} when nobody was killed"
        );
    }
}

async fn dies_and_ends_well(plan: KillPlan) -> Trial {
    let (base, unkilled) = unkilled().await;
    let trial = Trial::play(base, plan).await.unwrap();
    let signals: Vec<_> = trial.deaths.iter().map(|death| death.signal).collect();
    assert_eq!(signals, [Some(9)], "{}: the kill did not happen", trial.line());
    assert_eq!(trial.restarts, 1, "{}", trial.line());
    ends_well(&trial);
    pays_the_same(&trial, unkilled);
    // What a failure would have to be explained from is not needed.
    std::fs::remove_dir_all(&trial.folder).unwrap();
    trial
}

/// Which passage of a step belongs to the second rebalance: that is decided at the sixth block.
fn second(step: &str) -> u64 {
    match step {
        "observed" | "decided" | "checked" | "stored" => 6,
        _ => 2,
    }
}

/// What the journal holds for the newest block when a keeper dies there: the proof that it died where it should.
fn left_at(step: &str, is_before: bool) -> &'static str {
    match (step, is_before) {
        // A nonce is stored with the bytes that use it.
        ("stored", false) | ("signed", _) | ("attempt-stored", true) => "its decision and intended",
        ("attempt-stored", false) | ("broadcast", _) => "its decision and signed",
        ("included", _) => "no decision for it and included",
        _ => "no decision for it and nothing in flight",
    }
}

/// Right before and right after a step: on the way of the first rebalance, with a restart at once; and of the second,
/// with nobody there until its deadline has passed.
async fn each_side_of(step: &str) {
    for is_before in [true, false] {
        let place = if is_before { format!("before-{step}") } else { step.to_owned() };
        for (times, blocks_down) in [(1, 0), (second(step), 3)] {
            let plan = KillPlan::at(&format!("{place}:{times}"), blocks_down);
            let trial = dies_and_ends_well(plan).await;
            assert_eq!(trial.deaths[0].left, left_at(step, is_before), "{}", trial.line());
        }
    }
}

macro_rules! steps {
    ($($test:ident: $step:literal,)*) => {
        $(
            #[tokio::test]
            async fn $test() {
                each_side_of($step).await;
            }
        )*

        #[test]
        fn every_step_of_the_path_has_its_kill() {
            assert_eq!(CRASH_STEPS, [$($step),*]);
        }
    };
}

steps! {
    killed_at_observed: "observed",
    killed_at_decided: "decided",
    killed_at_checked: "checked",
    killed_at_simulated: "simulated",
    killed_at_stored: "stored",
    killed_at_signed: "signed",
    killed_at_attempt_stored: "attempt-stored",
    killed_at_broadcast: "broadcast",
    killed_at_included: "included",
    killed_at_settled: "settled",
}

async fn at_moments(seeds: std::ops::Range<u64>) {
    let (_, unkilled) = unkilled().await;
    for seed in seeds {
        dies_and_ends_well(KillPlan::seeded(seed, &unkilled.rhythm)).await;
    }
}

#[tokio::test]
async fn killed_at_moments_0_to_4() {
    at_moments(0..5).await;
}

#[tokio::test]
async fn killed_at_moments_5_to_9() {
    at_moments(5..10).await;
}

#[tokio::test]
async fn killed_at_moments_10_to_14() {
    at_moments(10..15).await;
}

#[tokio::test]
async fn killed_at_moments_15_to_19() {
    at_moments(15..20).await;
}

#[tokio::test]
async fn nobody_is_killed() {
    let (_, unkilled) = unkilled().await;
    assert_eq!((unkilled.deaths.len(), unkilled.restarts), (0, 0));
    // An allocation, an answer to the loan, and a repair after the withdrawal.
    let reasons: Vec<_> =
        unkilled.records.iter().filter(|r| !r.is_hold).map(|r| r.reason.as_str()).collect();
    assert!(matches!(reasons[..], ["Income", "Income", repair] if repair.starts_with("Repair")));
    assert_eq!(unkilled.executed.len(), 3);
    ends_well(unkilled);
}
