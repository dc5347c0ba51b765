//! What a plan claims is checked by what uses nothing of the search. The search scores itself by that check; independent of
//! both are the solvers that its plans are compared with.

use vagus_allocator::program::{Found, Problem, Value, search, upper_bound, verify};
use vagus_quality::{Class, Instance};

fn instances() -> impl Iterator<Item = (Instance, Found)> {
    let one = |seed: u64| {
        let strategies = 2 + usize::try_from(seed % 31).expect("small");
        let instance = Instance::draw(seed, Class::General, strategies, 32);
        let found = search(&instance.problem);
        (instance, found)
    };
    (1_000..).map(one).filter(|(_, found)| found.value > Value::ZERO)
}

#[test]
fn a_certificate_that_is_altered_by_one_unit_is_rejected() {
    for (instance, found) in instances().take(100) {
        let problem = &instance.problem;
        assert!(verify(problem, &found).is_ok());
        for sign in [Value::ONE, Value::MINUS_ONE] {
            let claimed = Found { value: found.value + sign, ..found.clone() };
            assert!(verify(problem, &claimed).is_err(), "another value");
            let claimed = Found { bound: found.bound + sign, ..found.clone() };
            assert!(verify(problem, &claimed).is_err(), "another bound");
        }
        for place in (0..found.moves.len()).filter(|place| found.moves[*place] != 0) {
            for unit in [-1, 1] {
                let mut claimed = found.clone();
                claimed.moves[place] += unit;
                assert!(verify(problem, &claimed).is_err(), "another move at {place}");
            }
        }
        // Another price is another bound; or it proves the very same one, and then it is as good.
        for unit in [-1, 1] {
            for place in 0..2 + found.prices.groups.len() {
                let mut claimed = found.clone();
                let price = match place {
                    0 => &mut claimed.prices.idle,
                    1 => &mut claimed.prices.turnover,
                    place => &mut claimed.prices.groups[place - 2],
                };
                *price += unit;
                let is_taken = verify(problem, &claimed).is_ok();
                let proves_the_same = upper_bound(problem, &claimed.prices) == Ok(found.bound);
                assert_eq!(is_taken, proves_the_same, "another price at {place}");
            }
        }
    }
}

/// Sets the least that a leg moves.
fn set_least(problem: &mut Problem, least: i128) {
    for strategy in &mut problem.strategies {
        (strategy.inward.least, strategy.outward.least) = (least, least);
    }
}

#[test]
fn what_is_no_plan_is_named() {
    let (instance, found) = instances().next().expect("endless");
    let mut problem = instance.problem;
    let sentence =
        |problem: &_, found: &_| verify(problem, found).expect_err("refused").to_string();

    let mut short = found.clone();
    short.moves.pop();
    assert!(
        sentence(&problem, &short).contains("moves, expected"),
        "{}",
        sentence(&problem, &short)
    );
    let mut priceless = found.clone();
    priceless.prices.groups.push(0);
    assert!(sentence(&problem, &priceless).contains("prices of groups, expected"));
    let mut negative = found.clone();
    negative.prices.turnover = -1;
    assert_eq!(
        sentence(&problem, &negative),
        "the price of turnover is negative, expected at least zero"
    );

    let turnover: i128 = found.moves.iter().map(|moved| moved.abs()).sum();
    problem.turnover = turnover - 1;
    assert_eq!(
        sentence(&problem, &found),
        format!("turnover reaches {turnover}, expected at most {}", turnover - 1)
    );
    problem.turnover = turnover;
    let smallest = found
        .moves
        .iter()
        .map(|moved| moved.abs())
        .filter(|moved| *moved > 0)
        .min()
        .expect("it moves");
    set_least(&mut problem, smallest + 1);
    assert_eq!(
        sentence(&problem, &found),
        format!("a leg moves {smallest}, expected at least {}", smallest + 1)
    );
    set_least(&mut problem, smallest);
    let legs = found.moves.iter().filter(|moved| **moved != 0).count();
    problem.most_legs = legs - 1;
    assert!(sentence(&problem, &found).starts_with("the number of legs reaches"));
}
