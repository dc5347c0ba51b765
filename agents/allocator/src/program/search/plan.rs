//! From a relaxation to a plan, and from a plan to a better one.

use crate::program::{
    bound::worth,
    problem::{Found, Side, Strategy, Value, Way, product},
    simplex::Optimum,
};

use super::{Choice, Search, relax::Relaxed};

/// Rounds in which legs that do not pay are dropped from a plan.
const MOST_DROPS: usize = 6;
/// Exchanges that are tried on a plan.
const MOST_SWAPS: usize = 64;

impl Search<'_> {
    /// Makes a plan of what a relaxation moves, and keeps it if it is the best.
    pub(super) fn improve(&mut self, best: &mut Found, relaxed: &Relaxed) {
        let problem = self.problem;
        let mut choices: Vec<Choice> = relaxed
            .moves
            .iter()
            .zip(&problem.strategies)
            .map(|((way, amount), strategy)| {
                let side = strategy.side(*way);
                // What is moved by halves of the smallest move and more is moved.
                if *amount == 0 || *amount * 2 < side.least {
                    return Choice::Still;
                }
                let amount = (*amount).max(side.least);
                Choice::of(*way, side, amount)
            })
            .collect();
        for _ in 0..MOST_DROPS {
            let Some(fixed) = self.relax(&choices) else {
                // The smallest moves do not fit together: the least of them goes.
                let Some(least) = least(&choices, &relaxed.values) else { return };
                choices[least] = Choice::Still;
                continue;
            };
            self.keep(best, &fixed);
            // A leg that does not pay what the limits cost it is dropped, and so are those beyond their number.
            let mut nets: Vec<(Value, usize)> = (0..choices.len())
                .filter(|place| matches!(choices[*place], Choice::Moves { .. }))
                .map(|place| (self.net(&fixed, place), place))
                .collect();
            nets.sort_unstable();
            let excess = nets.len().saturating_sub(problem.most_legs);
            let losing = usize::from(nets.first().is_some_and(|(net, _)| net.is_negative()));
            let dropped = excess.max(losing);
            if dropped == 0 {
                return;
            }
            for (_, place) in nets.iter().take(dropped) {
                choices[*place] = Choice::Still;
            }
        }
    }

    /// Lets a strategy that stands still move as well, or in place of one that gains little, as long as that helps.
    pub(super) fn polish(&mut self, best: &mut Found) {
        let problem = self.problem;
        let mut left = MOST_SWAPS;
        'again: while left > 0 {
            let choices = self.chosen(&best.moves);
            let Some(fixed) = self.relax(&choices) else { return };
            let mut outside: Vec<(Value, usize, Choice)> = (0..choices.len())
                .filter(|place| choices[*place] == Choice::Still)
                .filter_map(|place| self.promise(&fixed.optimum, place))
                .filter(|(net, ..)| *net > Value::ZERO)
                .collect();
            outside.sort_unstable_by_key(|(net, place, _)| (std::cmp::Reverse(*net), *place));
            let mut inside: Vec<(Value, usize)> = (0..choices.len())
                .filter(|place| matches!(choices[*place], Choice::Moves { .. }))
                .map(|place| (self.net(&fixed, place), place))
                .collect();
            inside.sort_unstable();
            let has_room = inside.len() < problem.most_legs;
            for (_, enters, choice) in outside.into_iter().take(8) {
                let leavers = inside.iter().take(3).map(|(_, place)| Some(*place));
                for leaves in has_room.then_some(None).into_iter().chain(leavers) {
                    if left == 0 {
                        return;
                    }
                    left -= 1;
                    let mut choices = choices.clone();
                    choices[enters] = choice;
                    if let Some(leaves) = leaves {
                        choices[leaves] = Choice::Still;
                    }
                    let before = best.value;
                    if let Some(relaxed) = self.relax(&choices) {
                        self.keep(best, &relaxed);
                    }
                    if best.value > before {
                        continue 'again;
                    }
                }
            }
            return;
        }
    }

    /// The choices that a plan stands for.
    pub(super) fn chosen(&self, moves: &[i128]) -> Vec<Choice> {
        let strategies = self.problem.strategies.iter();
        let of = |(moved, strategy): (&i128, &Strategy)| {
            if *moved == 0 {
                return Choice::Still;
            }
            let way = if *moved > 0 { Way::In } else { Way::Out };
            Choice::of(way, strategy.side(way), moved.abs())
        };
        moves.iter().zip(strategies).map(of).collect()
    }

    /// What a strategy that stands still could gain at the prices, and how.
    pub(super) fn promise(
        &self,
        optimum: &Optimum,
        place: usize,
    ) -> Option<(Value, usize, Choice)> {
        let mut best: Option<(Value, usize, Choice)> = None;
        for way in [Way::In, Way::Out] {
            let side = self.problem.strategies[place].side(way);
            let cost = self.cost(optimum, place, way);
            for (number, piece) in side.pieces().into_iter().enumerate() {
                let last = side.ends[piece.end - 1];
                // As far as a unit gains, but at least the smallest move.
                let gains = side.slopes[piece.clone()].partition_point(|slope| *slope > cost);
                let end = (piece.start + gains).checked_sub(1).map_or(0, |at| side.ends[at]);
                let amount = end.max(side.least);
                if amount > last {
                    continue;
                }
                let net = side
                    .value(amount)
                    .saturating_sub(product(cost, amount))
                    .saturating_sub(self.problem.leg_cost);
                if best.is_none_or(|(most, ..)| net > most) {
                    best = Some((net, place, Choice::Moves { way, piece: number }));
                }
            }
        }
        best
    }

    /// Keeps a plan if it is the best.
    pub(super) fn keep(&self, best: &mut Found, fixed: &Relaxed) {
        let signed = |(way, amount): &(Way, i128)| amount * i128::from(way.sign());
        let moves: Vec<i128> = fixed.moves.iter().map(signed).collect();
        if let Ok(value) = worth(self.problem, &moves)
            && value > best.value
        {
            (best.moves, best.value) = (moves, value);
        }
    }
}

impl Choice {
    /// Moving an amount, which lies on one stretch of the curve or beyond its end.
    fn of(way: Way, side: &Side, amount: i128) -> Self {
        let holds = |piece: &std::ops::Range<usize>| amount <= side.ends[piece.end - 1];
        let piece = side.pieces().iter().position(holds);
        piece.map_or(Self::Still, |piece| Self::Moves { way, piece })
    }
}

/// The move that is worth least.
fn least(choices: &[Choice], values: &[Value]) -> Option<usize> {
    let moving = choices.iter().zip(values).enumerate();
    let moving = moving.filter(|(_, (choice, _))| matches!(choice, Choice::Moves { .. }));
    moving.min_by_key(|(_, (_, value))| **value).map(|(place, _)| place)
}
