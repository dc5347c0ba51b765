//! Interleavings of keepers on one PostgreSQL, held between any two statements for longer than their leases.
//!
//! Each schedule is a seed. Three holders decide about two vaults and send with one key; a driver lets one of them at a
//! time go on to its next statement or its next question to the chain, turns the database's clock, mines, and ends
//! sessions that stand inside a transaction, as the server itself would. The chain here knows no guard: it executes
//! whatever is next, so that nothing but leases and journal keeps a decision from being executed twice.
//!
//! `VAGUS_FLEET_SEED=7` replays one schedule, `VAGUS_FLEET_SCHEDULES=1000` runs so many.

mod check;
mod driver;
mod holder;
mod processes;
mod world;

use std::time::Instant;

use crate::fixture::Place;
use driver::{Counts, Driver};

/// How many are run at once, each on a database of its own.
const WORKERS: u64 = 4;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// Runs schedules, and gives back what was wrong in each that failed.
async fn run(seeds: Vec<u64>, is_fenced: bool) -> Option<(Counts, Vec<(u64, String)>)> {
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..WORKERS {
        let place = Place::postgres_only().await?;
        let mine: Vec<_> = seeds.iter().copied().filter(|seed| seed % WORKERS == worker).collect();
        workers.spawn(async move {
            let mut driver = Driver::open(place).await;
            if !is_fenced {
                driver.plant_no_fence().await;
                driver.steps = 260;
            }
            let mut failed = Vec::new();
            for seed in mine {
                failed.extend(driver.schedule(seed).await.err().map(|what| (seed, what)));
            }
            (driver.counts, failed)
        });
    }
    let (mut counts, mut failed) = (Counts::default(), Vec::new());
    while let Some(done) = workers.join_next().await {
        let (more, wrong) = done.unwrap();
        counts.add(&more);
        failed.extend(wrong);
    }
    Some((counts, failed))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_decision_is_executed_at_most_once_however_holders_are_paused() {
    let schedules = number("VAGUS_FLEET_SCHEDULES").unwrap_or(150);
    let seeds = number("VAGUS_FLEET_SEED").map_or_else(|| (0..schedules).collect(), |s| vec![s]);
    let began = Instant::now();
    let is_whole = seeds.len() >= 1_000;
    let Some((counts, failed)) = run(seeds, true).await else { return };
    println!("{counts} in {:.0?}", began.elapsed());
    assert!(failed.is_empty(), "seeds and what was wrong: {failed:#?}");
    if is_whole {
        counts.assert_floors();
    }
}

/// Both kinds of damage have to show. How soon depends on which session the server serves first, so schedules are added
/// until both have, up to a number at which a blind check would be certain.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_without_fencing_are_caught() {
    let mut missing = vec!["two of its decisions were executed", "after token"];
    for first in (0..400).step_by(40) {
        let Some((_, failed)) = run((first..first + 40).collect(), false).await else { return };
        println!(
            "lease without fencing: caught by {} of schedules {first} to {}",
            failed.len(),
            first + 39
        );
        missing.retain(|what| !failed.iter().any(|(_, found)| found.contains(what)));
        if missing.is_empty() {
            return;
        }
    }
    panic!("400 schedules with leases that fence nothing never showed: {missing:?}");
}
