//! Numbers at the ends of their ranges: a plan or standing still, and never a panic.

use vagus_allocator::program::{Goal, Limit, Problem, Side, Strategy, Value, search, verify};
use vagus_draw::Draw;

fn side(draw: &mut Draw, most_bits: u64) -> Side {
    let mut side = Side { least: 1_i128 << draw.below(most_bits + 3), ..Side::default() };
    for _ in 0..draw.below(6) {
        let length = 1_i128 << draw.below(most_bits);
        side.ends.push(side.most() + length + i128::from(draw.below(2)));
        let slope = 1_i128 << draw.below(70);
        side.slopes.push(if draw.chance(50) { -slope } else { slope });
    }
    side
}

fn goals(draw: &mut Draw, groups: usize, most_bits: u64) -> Vec<Goal> {
    let limits = std::iter::once(Limit::Idle).chain((0..groups).map(Limit::Group));
    let kept: Vec<Limit> = limits.filter(|_| draw.chance(20)).collect();
    let one = |limit| Goal {
        limit,
        most: 1_i128 << draw.below(most_bits),
        slope: 1_i128 << draw.below(70),
    };
    kept.into_iter().map(one).collect()
}

#[test]
fn the_largest_numbers_do_no_harm() {
    let mut draw = Draw::new(0x6c61_7267);
    let (mut moving, mut still) = (0, 0);
    for number in 0..4_000 {
        let bits = draw.within(1, 110);
        let amount = |draw: &mut Draw| 1_i128 << draw.below(bits + 3);
        let groups = draw.index(5);
        let strategies = (0..draw.within(0, 8)).map(|_| Strategy {
            inward: side(&mut draw, bits),
            outward: side(&mut draw, bits),
            groups: (0..groups).filter(|_| draw.chance(50)).collect(),
        });
        let strategies = strategies.collect();
        let idle = amount(&mut draw);
        let problem = Problem {
            strategies,
            idle: if draw.chance(20) { -idle } else { idle },
            turnover: amount(&mut draw),
            groups: (0..groups).map(|_| amount(&mut draw)).collect(),
            goals: goals(&mut draw, groups, bits),
            leg_cost: Value::ONE << usize::try_from(draw.below(180)).expect("small"),
            most_legs: draw.index(5),
            tolerance: Value::ZERO,
        };
        let found = search(&problem);
        verify(&problem, &found).unwrap_or_else(|flaw| panic!("{number}: {flaw}: {problem:?}"));
        if found.value > Value::ZERO { moving += 1 } else { still += 1 }
    }
    println!("{moving} move, {still} stand still");
    assert!(moving > 400 && still > 400, "{moving} {still}");
}
