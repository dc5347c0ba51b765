//! Beside every plan there is, where that is a small number.

use vagus_allocator::program::{
    Goal, Limit, Problem, Side, Strategy, Value, search, verify, worth,
};
use vagus_draw::Draw;

/// A side of a few units, with a kink or not.
fn side(draw: &mut Draw, sign: i128, least: i128) -> Side {
    let mut side = Side { least, ..Side::default() };
    let mut slope = i128::from(draw.below(40)) - if sign < 0 { 36 } else { 4 };
    for _ in 0..draw.below(4) {
        let end = side.most() + i128::from(draw.within(1, 2));
        side.ends.push(end);
        side.slopes.push(slope);
        slope += if draw.chance(15) {
            i128::from(draw.below(9))
        } else {
            -i128::from(draw.within(1, 9))
        };
    }
    side
}

fn problem(draw: &mut Draw) -> Problem {
    let groups = draw.index(3);
    let least = i128::from(draw.within(1, 3));
    let strategies = (0..draw.within(1, 4)).map(|_| {
        // Some may only be left by a large step.
        let least_out = if draw.chance(10) { 4 } else { least };
        Strategy {
            inward: side(draw, 1, least),
            outward: side(draw, -1, least_out),
            groups: (0..groups).filter(|_| draw.chance(50)).collect(),
        }
    });
    let strategies = strategies.collect();
    Problem {
        strategies,
        idle: i128::from(draw.below(6)) - i128::from(draw.below(2)),
        turnover: i128::from(draw.below(14)),
        groups: (0..groups).map(|_| i128::from(draw.below(5))).collect(),
        goals: goals(draw, groups),
        leg_cost: Value::try_from(draw.below(12)).expect("small"),
        most_legs: 1 + draw.index(4),
        tolerance: Value::ZERO,
    }
}

/// Room that is worth something, as where too much is held.
fn goals(draw: &mut Draw, groups: usize) -> Vec<Goal> {
    let mut goals = Vec::new();
    for limit in std::iter::once(Limit::Idle).chain((0..groups).map(Limit::Group)) {
        if draw.chance(15) {
            let (most, slope) = (i128::from(draw.within(1, 4)), i128::from(draw.within(1, 60)));
            goals.push(Goal { limit, most, slope });
        }
    }
    goals
}

/// The best worth of all plans in whole units.
fn best(problem: &Problem, moves: &mut Vec<i128>) -> Value {
    let Some(strategy) = problem.strategies.get(moves.len()) else {
        return worth(problem, moves).unwrap_or(Value::ZERO).max(Value::ZERO);
    };
    let mut most = Value::ZERO;
    for moved in -strategy.outward.most()..=strategy.inward.most() {
        moves.push(moved);
        most = most.max(best(problem, moves));
        moves.pop();
    }
    most
}

fn standing(problem: &Problem) -> Value {
    let still = vec![0; problem.strategies.len()];
    worth(problem, &still).unwrap_or(Value::ZERO).max(Value::ZERO)
}

#[test]
fn no_plan_of_whole_units_is_better_than_the_bound_and_few_than_ours() {
    let mut draw = Draw::new(0x6772_6964);
    let (mut reached, mut moving) = (0, 0);
    const PROBLEMS: u32 = 3_000;
    for number in 0..PROBLEMS {
        let problem = problem(&mut draw);
        let found = search(&problem);
        let bound =
            verify(&problem, &found).unwrap_or_else(|flaw| panic!("{number}: {flaw}: {problem:?}"));
        let best = best(&problem, &mut Vec::new());
        assert!(found.value <= best, "{number}: {} beats {best}: {problem:?}", found.value);
        assert!(best <= bound, "{number}: {best} is above the bound of {bound}: {problem:?}");
        moving += u32::from(best > standing(&problem));
        reached += u32::from(best == found.value);
    }
    println!(
        "{reached} of {PROBLEMS} reach the best plan of whole units; {moving} have one that moves"
    );
    assert!(moving * 3 > PROBLEMS, "{moving}");
    // A unit is a large part of everything here, and the search knows nothing smaller.
    assert!(reached * 100 >= PROBLEMS * 97, "{reached}");
}
