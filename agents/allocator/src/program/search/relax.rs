//! What the choices made so far leave, solved as a program.

use crate::program::{
    envelope::{envelope, stretch},
    problem::{Value, Way, product, sum},
    simplex::{Column, Optimum, Program, solve},
    start,
};

use super::{Choice, Search};

/// A solved relaxation.
pub(super) struct Relaxed {
    /// What each strategy moves, by way.
    pub(super) moves: Vec<(Way, i128)>,
    /// What each strategy's move is worth in the relaxation.
    pub(super) values: Vec<Value>,
    pub(super) total: Value,
    pub(super) optimum: Optimum,
}

impl Search<'_> {
    /// The relaxation of everything, at the price of a leg that keeps their number.
    pub(super) fn root(&mut self, open: &[Choice]) -> Option<(Relaxed, Value)> {
        let root = self.relax(open)?;
        let legs =
            |relaxed: &Relaxed| relaxed.moves.iter().filter(|(_, amount)| *amount > 0).count();
        if legs(&root) <= self.problem.most_legs {
            return Some((root, Value::ZERO));
        }
        // No leg is worth more than everything.
        let (mut low, mut high) = (Value::ZERO, root.total.max(Value::ONE));
        let mut kept = None;
        for _ in 0..10 {
            let middle = sum(low, high.saturating_sub(low).asr(1));
            self.leg = sum(self.problem.leg_cost, middle);
            match self.relax(open) {
                Some(relaxed) if legs(&relaxed) > self.problem.most_legs => low = middle,
                Some(relaxed) => {
                    kept = Some((relaxed, middle));
                    high = middle;
                }
                None => high = middle,
            }
        }
        kept.or(Some((root, Value::ZERO)))
    }

    /// Solves the program that the choices leave.
    pub(super) fn relax(&mut self, choices: &[Choice]) -> Option<Relaxed> {
        self.nodes += 1;
        let problem = self.problem;
        let mut program =
            Program { columns: Vec::new(), rhs: vec![problem.idle, problem.turnover] };
        program.rhs.extend(&problem.groups);
        let mut owners: Vec<(usize, Way)> = Vec::new();
        let mut moves = vec![(Way::In, 0_i128); choices.len()];
        let mut values = vec![Value::ZERO; choices.len()];
        for (place, (choice, strategy)) in choices.iter().zip(&problem.strategies).enumerate() {
            let mut offer = |way: Way, mut column: Column, from: i128| {
                let sign = way.sign();
                let of_groups = strategy.groups.iter().map(|group| (2 + group, sign));
                column.rows = [(0, sign), (1, 1)].into_iter().chain(of_groups).collect();
                for (row, sign) in &column.rows {
                    program.rhs[*row] -= from * i128::from(*sign);
                }
                if !column.ends.is_empty() {
                    program.columns.push(column);
                    owners.push((place, way));
                }
            };
            match *choice {
                Choice::Still => {}
                Choice::Open => {
                    let seen = envelope(strategy, problem.smallest_move, self.leg);
                    values[place] = seen.base;
                    offer(Way::In, seen.inward, 0);
                    offer(Way::Out, seen.outward, 0);
                }
                Choice::Moves { way, piece } => {
                    let side = strategy.side(way);
                    let piece = side.pieces().get(piece)?.clone();
                    let (from, column) = stretch(side, piece, problem.smallest_move)?;
                    moves[place] = (way, from);
                    values[place] = side.value(from).saturating_sub(self.leg);
                    offer(way, column, from);
                }
            }
        }
        let begin = if self.prices.is_empty() {
            start::start(&program)
        } else {
            start::at(&program, &self.prices)
        };
        let optimum = solve(&program, &begin).ok()?;
        self.prices.clone_from(&optimum.prices);
        for ((place, way), (column, amount)) in
            owners.iter().zip(program.columns.iter().zip(&optimum.values))
        {
            if *amount > 0 {
                values[*place] = sum(values[*place], paid(column, *amount));
                // Along one line over both ways the program may go both at once: what counts is the difference.
                let (before, moved) = moves[*place];
                let net = moved * i128::from(before.sign()) + amount * i128::from(way.sign());
                moves[*place] = (if net < 0 { Way::Out } else { Way::In }, net.abs());
            }
        }
        let total = values.iter().copied().fold(Value::ZERO, sum);
        Some(Relaxed { moves, values, total, optimum })
    }

    /// What a move is worth beyond what it costs at the prices.
    pub(super) fn net(&self, fixed: &Relaxed, place: usize) -> Value {
        let (way, amount) = fixed.moves[place];
        let cost = product(self.cost(&fixed.optimum, place, way), amount);
        // The price that keeps the number of legs is no cost.
        let price = self.leg.saturating_sub(self.problem.leg_cost);
        sum(fixed.values[place], price).saturating_sub(cost)
    }

    /// What a unit moved costs at the prices.
    pub(super) fn cost(&self, optimum: &Optimum, place: usize, way: Way) -> i128 {
        let groups = self.problem.strategies[place].groups.iter();
        let held = groups.map(|group| optimum.prices[2 + group]).sum::<i128>() + optimum.prices[0];
        optimum.prices[1] + held * i128::from(way.sign())
    }
}

fn paid(column: &Column, amount: i128) -> Value {
    let mut from = 0;
    let mut value = Value::ZERO;
    for (end, slope) in column.ends.iter().zip(&column.slopes) {
        let here = amount.min(*end) - from;
        if here <= 0 {
            break;
        }
        value = sum(value, product(*slope, here));
        from = *end;
    }
    value
}
