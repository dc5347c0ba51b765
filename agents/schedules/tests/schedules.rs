//! Thousands of schedules on the chain in process. `VAGUS_SCHEDULES=10000` runs so many, `VAGUS_SCHEDULE=7` replays one.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Instant;

use vagus_schedules::{Schedule, Tally, run};

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn whatever_goes_wrong_every_decision_ends_as_the_chain_says() {
    if let Some(seed) = number("VAGUS_SCHEDULE") {
        let schedule = Schedule::of(seed);
        println!("{schedule:#?}");
        let ran = run(&schedule);
        println!("{ran:#?}");
        assert!(ran.findings.is_empty(), "seed {seed}: {:#?}", ran.findings);
        return;
    }
    let count = number("VAGUS_SCHEDULES").unwrap_or(1_000);
    let (mut tally, mut failed, began) = (Tally::default(), Vec::new(), Instant::now());
    for seed in 0..count {
        let ran = run(&Schedule::of(seed));
        tally.add(&ran);
        failed.extend((!ran.findings.is_empty()).then_some((seed, ran.findings)));
    }
    println!("{tally}in {:.0?}", began.elapsed());
    let few: Vec<_> = failed.iter().take(12).collect();
    assert!(failed.is_empty(), "{} of {count} seeds: {few:#?}", failed.len());
    if count >= 1_000 {
        assert_eq!(tally.missing(), Vec::<String>::new());
    }
}

#[test]
fn the_same_seed_is_the_same_run_call_by_call() {
    for seed in 0..40 {
        let schedule = Schedule::of(seed);
        let (one, other) = (run(&schedule), run(&schedule));
        assert!(one.calls > 50, "seed {seed}: {} calls", one.calls);
        assert_eq!((one.trace, one.calls), (other.trace, other.calls), "seed {seed}");
    }
}
