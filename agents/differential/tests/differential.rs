//! Random rebalances through the Rust rules and through the compiled guard.

use std::env;

use vagus_differential::{RULES, Tally, compare_documents, run, submit};

/// A number from the environment, or another.
fn setting(name: &str, otherwise: u64) -> u64 {
    match env::var(name) {
        Err(_) => otherwise,
        Ok(text) => match text.parse() {
            Ok(number) => number,
            Err(_) => panic!("{name} is {text:?}; expected a number"),
        },
    }
}

#[test]
fn rust_and_solidity_say_the_same() {
    let cases = setting("VAGUS_DIFFERENTIAL_CASES", 10_000);
    let seed = setting("VAGUS_DIFFERENTIAL_SEED", 0x0076_6167_7573);
    let tally = match run(cases, seed) {
        Ok(tally) => tally,
        Err(difference) => panic!("{difference}"),
    };
    println!("{tally}");
    // Neither side of a verdict is there by accident.
    let missing = tally.shortfalls();
    assert!(missing.is_empty(), "too few cases of: {}\n{tally}", missing.join("; "));
}

#[test]
fn rust_and_the_guard_take_the_same_documents() {
    let seen = match submit(1_500, setting("VAGUS_DIFFERENTIAL_SEED", 1)) {
        Ok(seen) => seen,
        Err(difference) => panic!("{difference}"),
    };
    println!("{seen:#?}");
    // One entry for each field that can be refused, and one for what is taken.
    assert!(seen.get("").is_some_and(|taken| *taken > 100), "{seen:#?}");
    assert_eq!(seen.len(), 34, "{seen:#?}");
}

#[test]
fn rust_and_the_guard_agree_on_what_takes_effect_at_once() {
    let pairs = setting("VAGUS_DIFFERENTIAL_PAIRS", 6_000);
    let seen = match compare_documents(pairs, setting("VAGUS_DIFFERENTIAL_SEED", 7)) {
        Ok(seen) => seen,
        Err(difference) => panic!("{difference}"),
    };
    println!("{seen}");
    // Both answers are common, also where only one thing decides and where guardian or agents have acted.
    let part = |of: u64| pairs / of;
    assert!(seen.at_once > part(4) && seen.waits > part(4), "{seen}");
    assert!(seen.at_once_with_changes > part(6) && seen.waits_for_one > part(10), "{seen}");
    assert!(seen.under_a_closed_mode > part(30), "{seen}");
    let (at_once, waits) = seen.with_ended_mandates;
    assert!(at_once > part(30) && waits > part(30) && seen.at_birth > 0, "{seen}");
}

#[test]
fn a_tally_without_cases_owes_every_cell() {
    assert!(Tally::default().shortfalls().len() > 2 * RULES.len());
}
