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
mod artifact;
mod cases;
mod chain;
mod compare;
mod documents;
mod plans;
mod rng;
mod submissions;
mod tally;
mod tune;
mod world;

pub use submissions::submit;
pub use tally::{ENFORCED, RuleTally, Tally};

use crate::{
    cases::{FOCUSES, draw, start},
    compare::{Verdict, compare},
    documents::open,
    rng::Rng,
    world::World,
};

/// Cases on one treasury before the next one is founded.
const CASES_PER_WORLD: u64 = 64;

/// Runs `cases` cases that `seed` determines.
///
/// # Errors
/// If the build is missing, or at the first case on which the two sides differ: what they differ in, and the case.
pub fn run(cases: u64, seed: u64) -> Result<Tally, String> {
    let mut rng = Rng::new(seed);
    let template = World::deploy(open(&[], &mut rng))?;
    let mut world = start(&template, &mut rng);
    let mut tally = Tally::default();
    for number in 0..cases {
        if number > 0 && number % CASES_PER_WORLD == 0 {
            world = start(&template, &mut rng);
        }
        let focus = FOCUSES[usize::try_from(number).unwrap_or(0) % FOCUSES.len()];
        let mut case = draw(&world, focus, &mut rng);
        let verdict = compare(&mut case).map_err(|difference| {
            format!(
                "case {number} of seed {seed} ({focus:?}): {difference}\nat {} by {}\n{:#?}\nunder {:#?}",
                case.world.chain.now, case.agent, case.plan, case.world.policy
            )
        })?;
        tally.count(&verdict);
        if matches!(verdict, Verdict::Accepted(_)) && rng.chance(60) {
            world = case.world;
            settle_down(&mut world, &case.plan.moves);
        }
    }
    Ok(tally)
}

/// Strategies that were made to cheat for one case are honest in the next.
fn settle_down(world: &mut World, moves: &[vagus_policy::Move]) {
    for leg in moves {
        world.set_claim(leg.index, None);
        world.set_take(leg.index, 0, 0);
        world.set_fees(leg.index, 0, 0);
    }
}
