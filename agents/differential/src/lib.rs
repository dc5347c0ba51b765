//! The rules in Rust against the compiled guard and vault, in one process: the same verdict, the same rule, the same
//! numbers, and after acceptance the same buckets, nonce and price references.
//!
//! Contracts come from the Solidity build of this repository and are deployed by the real factory; policies are adopted
//! by the owner's real submissions. Strategies are OpenZeppelin's ERC-4626 with a price, fees and claims that the test
//! sets (`test/differential`). A receipt is never computed here: it is what the vault does when its guard asks.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a crate of tests, in which nothing else may go on after a failure"
)]

mod abi;
mod agents;
mod cases;
mod changes;
mod compare;
mod comparisons;
mod documents;
mod follows;
mod plans;
mod rng;
mod submissions;
mod tally;
mod tune;
mod tune_groups;
mod violations;
mod world;

pub use comparisons::{Comparisons, compare_documents};
pub use submissions::submit;
pub use tally::{RULES, RuleTally, Tally};

use std::{
    num::NonZero,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use crate::{
    cases::{FOCUSES, draw, start},
    compare::{Verdict, compare},
    documents::open,
    follows::Follows,
    rng::Rng,
    world::World,
};

/// Cases on one treasury before the next one is founded.
const CASES_PER_WORLD: u64 = 50;
/// Cases of one part of a run. Parts are independent, so that they can be run side by side.
const CASES_PER_PART: u64 = 1_000;
/// In one case of so many every reference follows its price, whoever asks.
const CASES_PER_FOLLOW: u64 = 4;
/// Decimals of the assets.
const DECIMALS: [u8; 5] = [0, 6, 8, 18, 27];

/// Runs `cases` cases that `seed` determines, on as many threads as the machine has processors.
///
/// # Errors
/// If the build is missing, or at the first case on which the two sides differ: what they differ in, and the case.
pub fn run(cases: u64, seed: u64) -> Result<Tally, String> {
    let mut rng = Rng::new(seed);
    let templates = DECIMALS
        .iter()
        .map(|decimals| World::deploy(open(&[], &mut rng), *decimals))
        .collect::<Result<Vec<_>, _>>()?;
    let parts: Vec<(u64, u64)> = (0..cases.div_ceil(CASES_PER_PART))
        .map(|part| (part * CASES_PER_PART, rng.next()))
        .collect();
    let next = AtomicUsize::new(0);
    let has_difference = AtomicBool::new(false);
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let work = || {
        let mut done = Vec::new();
        while let Some(&(first, seed)) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
            let count = CASES_PER_PART.min(cases - first);
            done.push((first, run_part(&templates, first, count, seed, &has_difference)));
        }
        done
    };
    let mut results: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        // A panic of a case is the test's.
        let join = |thread: thread::ScopedJoinHandle<'_, _>| thread.join().expect("no panic");
        threads.into_iter().flat_map(join).collect()
    });
    results.sort_by_key(|(first, _)| *first);
    let mut tally = Tally::default();
    for (_, result) in results {
        tally.add(&result?);
    }
    Ok(tally)
}

/// Ends early where another part has found a difference.
fn run_part(
    templates: &[World],
    first: u64,
    count: u64,
    seed: u64,
    has_difference: &AtomicBool,
) -> Result<Tally, String> {
    let mut rng = Rng::new(seed);
    let mut tally = Tally::default();
    let mut world = start(&templates[rng.index(templates.len())], &mut rng);
    for number in first..first + count {
        if has_difference.load(Ordering::Relaxed) {
            break;
        }
        if number > first && number % CASES_PER_WORLD == 0 {
            world = start(&templates[rng.index(templates.len())], &mut rng);
        }
        let focus = FOCUSES[usize::try_from(number).unwrap_or(0) % FOCUSES.len()];
        let mut case = draw(&world, focus, &mut rng);
        let mode = case.world.state(case.agent).guard_state.mode;
        let followed = if number % CASES_PER_FOLLOW == 0 {
            follows::compare(&case.world)
        } else {
            Ok(Follows::default())
        };
        let verdict = followed.and_then(|followed| {
            tally.follow(followed);
            compare(&mut case)
        });
        let verdict = verdict.map_err(|difference| {
            has_difference.store(true, Ordering::Relaxed);
            format!(
                "case {number} of seed {seed} ({focus:?}): {difference}\nat {} by {}\n{:#?}\nunder {:#?}",
                case.world.chain.now, case.agent, case.plan, case.world.policy
            )
        })?;
        tally.count(&verdict, mode, &case.plan, &case.traits);
        if matches!(verdict, Verdict::Accepted(_)) && rng.chance(60) {
            let is_honest = case.is_honest;
            world = case.world;
            if !is_honest {
                settle_down(&mut world);
            }
        }
    }
    Ok(tally)
}

/// Strategies that were made to cheat for one case are honest in the next.
fn settle_down(world: &mut World) {
    for index in (0..).take(world.policy.strategies.len()) {
        world.set_claim(index, None);
        world.set_take(index, 0, 0);
        world.set_fees(index, 0, 0);
        world.set_mute(index, false);
    }
}
