//! Random problems of the allocator: markets with a kink in which we hold something, limits that bind.

use vagus_allocator::program::{Found, Problem, Side, Strategy, Value};
use vagus_draw::Draw;

/// Binary digits of slopes.
const DIGITS: u32 = 56;
/// Smallest units of one of the asset, which has six decimals.
const UNIT: i128 = 1_000_000;

/// Which problems are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Concave curves, groups that lie one inside the other, legs that cost nothing and may be of any size.
    Exact,
    /// Curves with a kink, groups that cross, gas for each leg, a smallest move, at most 16 legs.
    General,
}

/// A problem with what is asked about it.
#[derive(Clone, Debug)]
pub struct Instance {
    /// The problem.
    pub problem: Problem,
    /// Yearly value of what is held before anything moves, in the unit of [`Value`].
    pub income: Value,
}

/// What a problem's best plan runs into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traits {
    /// A group has no room left.
    pub binds_group: bool,
    /// Turnover is used up.
    pub binds_turnover: bool,
    /// Some strategy's move ends at its kink or beyond it.
    pub crosses_kink: bool,
    /// Something moves.
    pub moves: bool,
}

impl Instance {
    /// The problem of a seed, of so many strategies with so many segments each.
    #[must_use]
    pub fn draw(seed: u64, class: Class, strategies: usize, segments: usize) -> Self {
        let mut draw = Draw::new(seed);
        let mut income = Value::ZERO;
        let groups = 1 + draw.index(8);
        let mut problem = Problem {
            groups: vec![0; groups],
            most_legs: if class == Class::General { 16 } else { usize::MAX >> 1 },
            ..Problem::default()
        };
        let mut least = 0;
        if class == Class::General {
            least = i128::from(draw.within(1, 5_000)) * UNIT;
            // A few tenths to a few tens, paid by what is earned in a horizon of a day to a month.
            let cost = i128::from(draw.within(100_000, 20_000_000));
            let horizons = i128::from(draw.within(12, 365));
            problem.leg_cost = value(cost * horizons) << DIGITS;
        }
        let mut held = 0;
        for _ in 0..strategies {
            let (strategy, position, earned) = market(&mut draw, class, segments);
            held += position;
            income += earned;
            let mut strategy = strategy;
            (strategy.inward.least, strategy.outward.least) = (least, least);
            strategy.groups = match class {
                // One inside the other: each strategy is in the first few of a chain, or in none.
                Class::Exact => (0..draw.index(groups + 1)).collect(),
                Class::General => (0..groups).filter(|_| draw.chance(30)).collect(),
            };
            problem.strategies.push(strategy);
        }
        let part = |draw: &mut Draw, whole: i128, percent: u64| {
            whole * i128::from(draw.below(percent * 10)) / 1_000
        };
        let idle = part(&mut draw, held, 20);
        problem.idle = if draw.chance(70) { idle } else { 0 };
        problem.turnover = part(&mut draw, held, 100);
        for room in &mut problem.groups {
            *room = part(&mut draw, held, 12);
        }
        // Of a chain the inner ones are no wider than the outer ones.
        if class == Class::Exact {
            problem.groups.sort_unstable_by_key(|room| std::cmp::Reverse(*room));
        }
        problem.tolerance = income >> 11;
        Self { problem, income }
    }

    /// What a plan for it runs into.
    #[must_use]
    pub fn traits(&self, found: &Found) -> Traits {
        let problem = &self.problem;
        let moved: i128 = found.moves.iter().map(|moved| moved.abs()).sum();
        let is_full = |group: usize, room: i128| {
            let members = problem.strategies.iter().zip(&found.moves);
            let of_group = members.filter(|(strategy, _)| strategy.groups.contains(&group));
            let drawn: i128 = of_group.map(|(_, moved)| moved).sum();
            drawn > 0 && room - drawn <= UNIT
        };
        // Up to a kink a further unit earns less and less; from there on it earns more again.
        let is_crossed = |side: &Side, moved: i128| {
            let mut kinks = side.slopes.windows(2).zip(&side.ends);
            kinks.any(|(pair, end)| pair[1] > pair[0] && moved + UNIT >= *end)
        };
        Traits {
            binds_group: problem
                .groups
                .iter()
                .enumerate()
                .any(|(group, room)| is_full(group, *room)),
            binds_turnover: problem.turnover - moved <= UNIT && moved > 0,
            crosses_kink: problem.strategies.iter().zip(&found.moves).any(|(one, moved)| {
                let side = if *moved > 0 { &one.inward } else { &one.outward };
                *moved != 0 && is_crossed(side, moved.abs())
            }),
            moves: moved > 0,
        }
    }
}

/// A market cut into segments, with us somewhere in it: what it offers, our position, and what that earns.
fn market(draw: &mut Draw, class: Class, segments: usize) -> (Strategy, i128, Value) {
    let size = i128::from(draw.within(100_000, 20_000_000)) * UNIT;
    // Yearly rates of a unit, in hundredths of a per cent.
    let rate = |bps: u64| (i128::from(bps) << DIGITS) / 10_000;
    let kink = if class == Class::General && draw.chance(35) { draw.index(segments) } else { 0 };
    let (mut ends, mut slopes): (Vec<i128>, Vec<i128>) = (Vec::new(), Vec::new());
    let step = size / i128::try_from(segments).unwrap_or(1);
    let mut slope = rate(draw.within(50, 2_500));
    let fall = slope / i128::try_from(segments).unwrap_or(1);
    for place in 0..segments {
        let before = ends.last().copied().unwrap_or(0);
        ends.push(before + 1 + step / 2 + i128::from(draw.below(1_000)) * step / 1_000);
        // At the kink more of us lowers what borrowers pay no longer so fast: the next unit earns more again.
        if place > 0 && place == kink {
            slope += rate(draw.within(10, 400));
        }
        slopes.push(slope);
        slope -= 1 + fall * i128::from(draw.within(200, 1_400)) / 1_000;
    }
    let at = if draw.chance(25) { 0 } else { draw.index(segments + 1) };
    let position = at.checked_sub(1).map_or(0, |last| ends[last]);
    let inward = Side {
        least: 0,
        ends: ends[at..].iter().map(|end| end - position).collect(),
        slopes: slopes[at..].to_vec(),
    };
    let mut outward = Side::default();
    let mut held = Side::default();
    for place in (0..at).rev() {
        let start = place.checked_sub(1).map_or(0, |before| ends[before]);
        outward.ends.push(position - start);
        outward.slopes.push(-slopes[place]);
    }
    held.ends.extend(&ends[..at]);
    held.slopes.extend(&slopes[..at]);
    // Some of it cannot be left: a floor, or no liquidity.
    if draw.chance(20) && !outward.ends.is_empty() {
        let kept = draw.index(outward.ends.len() + 1);
        outward.ends.truncate(kept);
        outward.slopes.truncate(kept);
    }
    let earned = held.value(position);
    (Strategy { inward, outward, groups: Vec::new() }, position, earned)
}

fn value(amount: i128) -> Value {
    Value::try_from(amount).unwrap_or_default()
}
