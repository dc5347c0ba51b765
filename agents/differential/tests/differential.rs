//! Random rebalances through the Rust rules and through the compiled guard.

use std::env;

use vagus_differential::run;

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
    let empty = tally.empty_cells();
    assert!(empty.is_empty(), "no case for: {}\n{tally}", empty.join(", "));
    // Neither side of the verdict is there by accident.
    assert!(tally.accepted * 4 >= tally.cases, "too few accepted\n{tally}");
    assert!((tally.cases - tally.accepted) * 4 >= tally.cases, "too few refused\n{tally}");
    assert!(tally.failed * 10 <= tally.cases, "too many not carried out\n{tally}");
}
