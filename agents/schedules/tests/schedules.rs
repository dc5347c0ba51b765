//! Thousands of schedules on the chain in process. `VAGUS_SCHEDULES=10000` runs so many, `VAGUS_SCHEDULE=7` replays one.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Instant;

use vagus_schedules::{Finding, Schedule, Tally, run};

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
    let count = number("VAGUS_SCHEDULES").unwrap_or(300);
    let began = Instant::now();
    let (tally, failed) = run_all(count);
    println!("{tally}in {:.0?}", began.elapsed());
    let few: Vec<_> = failed.iter().take(12).collect();
    assert!(failed.is_empty(), "{} of {count} seeds: {few:#?}", failed.len());
    if count >= 10_000 {
        assert_eq!(tally.missing(), Vec::<String>::new());
    }
}

/// One world per thread; what one finds does not depend on the others.
fn run_all(count: u64) -> (Tally, Vec<(u64, Vec<Finding>)>) {
    let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let work = |first: u64| {
        let (mut tally, mut failed) = (Tally::default(), Vec::new());
        for seed in (first..count).step_by(threads as usize) {
            let ran = run(&Schedule::of(seed));
            tally.add(&ran);
            failed.extend((!ran.findings.is_empty()).then_some((seed, ran.findings)));
        }
        (tally, failed)
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|first| scope.spawn(move || work(first))).collect();
        let (mut tally, mut failed) = (Tally::default(), Vec::new());
        for worker in workers {
            let (more, wrong) = worker.join().unwrap();
            tally.merge(&more);
            failed.extend(wrong);
        }
        failed.sort_by_key(|(seed, _)| *seed);
        (tally, failed)
    })
}

/// For copies of the keeper with a planted fault.
#[test]
#[ignore = "a search, run by tools/planted-keeper-faults.mjs"]
fn the_first_seed_that_finds_something() {
    for seed in 0..number("VAGUS_SCHEDULES").unwrap_or(300) {
        let ran = run(&Schedule::of(seed));
        if let Some(finding) = ran.findings.first() {
            return println!("\nseed {seed}: {finding}");
        }
    }
    println!("\nnothing was found");
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
