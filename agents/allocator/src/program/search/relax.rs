//! What the choices made so far leave, solved as a program.

use std::{borrow::Cow, rc::Rc};

use crate::program::{
    envelope::{envelope, stretch},
    problem::{Goal, Limit, Side, Strategy, Value, Way, product, sum},
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

/// What a strategy offers by a choice.
#[derive(Debug)]
pub(super) struct Offer {
    /// Value of what it offers at least, the leg of a fixed move not taken off.
    base: Value,
    /// What it moves at least.
    start: (Way, i128),
    /// What it may move beyond that.
    columns: Vec<(Way, Rc<Column>)>,
}

/// The relaxation of everything.
pub(super) struct Root {
    /// With as many legs as there may be, or fewer; if none was found, the one that comes nearest.
    pub(super) relaxed: Relaxed,
    /// The one with the fewest that are too many, if any are.
    pub(super) beyond: Option<Relaxed>,
    /// Price of a leg, beyond its cost, at which the bound is lowest.
    pub(super) leg_price: Value,
    /// Prices of the rows there.
    pub(super) prices: Vec<i128>,
}

/// Prices of a leg that are tried until few enough are made.
const MOST_PRICES: usize = 8;

/// What a relaxation is worth at a price of a leg, and so about it.
struct Line {
    price: Value,
    total: Value,
    legs: usize,
}

impl Line {
    fn of(relaxed: &Relaxed, price: Value) -> Self {
        let legs = relaxed.moves.iter().filter(|(_, amount)| *amount > 0).count();
        Self { price, total: relaxed.total, legs }
    }

    /// The line's total at another price.
    fn at(&self, price: Value) -> Value {
        let further = price.saturating_sub(self.price);
        self.total.saturating_sub(further.saturating_mul(count(self.legs)))
    }

    /// The price at which a steeper line meets a flatter one, if that lies between theirs.
    fn meets(&self, flatter: &Self) -> Option<Value> {
        let at_zero = |line: &Self| sum(line.total, line.price.saturating_mul(count(line.legs)));
        let apart = at_zero(self).saturating_sub(at_zero(flatter));
        let price = apart.checked_div(count(self.legs.checked_sub(flatter.legs)?))?;
        (self.price < price && price < flatter.price).then_some(price)
    }
}

fn count(legs: usize) -> Value {
    Value::try_from(legs).unwrap_or(Value::MAX)
}

/// Rows of the program: idle, turnover, and one per group from here on.
pub(super) const IDLE: usize = 0;
pub(super) const TURNOVER: usize = 1;
pub(super) const GROUPS: usize = 2;

/// The rows that a unit moved draws on, with its sign there.
fn rows(strategy: &Strategy, way: Way) -> impl Iterator<Item = (usize, i8)> {
    let sign = way.sign();
    let groups = strategy.groups.iter().map(move |group| (GROUPS + group, sign));
    [(IDLE, sign), (TURNOVER, 1)].into_iter().chain(groups)
}

/// What room left in a limit adds.
pub(super) fn goal(goal: &Goal) -> Rc<Column> {
    let row = match goal.limit {
        Limit::Idle => IDLE,
        Limit::Group(place) => GROUPS + place,
    };
    Rc::new(Column { ends: vec![goal.most], slopes: vec![goal.slope], rows: vec![(row, 1)] })
}

impl Search<'_> {
    /// The relaxation of everything, with the price of a leg that keeps their number.
    ///
    /// What the relaxation is worth falls in that price along lines, each as steep as there are legs. Where the lines of two
    /// prices meet is looked next (J. E. Kelley, "The cutting-plane method for solving convex programs", 1960).
    pub(super) fn root(&mut self, open: &[Choice]) -> Option<Root> {
        let most = self.problem.most_legs;
        let bound = |line: &Line| sum(line.total, line.price.saturating_mul(count(most)));
        let first = self.relax(open)?;
        let mut low = Line::of(&first, Value::ZERO);
        let mut tightest = (bound(&low), Value::ZERO, first.optimum.prices.clone());
        let (mut kept, mut beyond) = (None, None);
        if low.legs <= most {
            kept = Some(first);
        } else {
            beyond = Some(first);
            // No leg is worth more than everything.
            let price = low.total.max(Value::ONE);
            let mut high = Line { price, total: Value::ZERO, legs: 0 };
            for _ in 0..MOST_PRICES {
                let Some(price) = low.meets(&high) else { break };
                // As low as the bound can come by these lines.
                let least = sum(low.at(price), price.saturating_mul(count(most)));
                if kept.is_some() && tightest.0.saturating_sub(least) <= self.problem.tolerance {
                    break;
                }
                self.charge(price);
                let Some(relaxed) = self.relax(open) else { break };
                let line = Line::of(&relaxed, price);
                if bound(&line) < tightest.0 {
                    tightest = (bound(&line), price, relaxed.optimum.prices.clone());
                }
                if line.legs > most {
                    (low, beyond) = (line, Some(relaxed));
                } else {
                    (high, kept) = (line, Some(relaxed));
                }
            }
        }
        let (_, leg_price, prices) = tightest;
        let (relaxed, beyond) = match kept {
            Some(kept) => (kept, beyond),
            None => (beyond?, None),
        };
        Some(Root { relaxed, beyond, leg_price, prices })
    }

    /// Sets the price of a leg beyond its cost.
    pub(super) fn charge(&mut self, price: Value) {
        self.leg = sum(self.problem.leg_cost, price);
        for offers in &mut self.offers {
            offers.retain(|(choice, _)| *choice != Choice::Open);
        }
    }

    /// What a strategy offers by a choice; none if the choice cannot be.
    fn offer(&mut self, place: usize, choice: Choice) -> Option<Rc<Offer>> {
        if let Some((_, known)) = self.offers[place].iter().find(|(of, _)| *of == choice) {
            return known.clone();
        }
        let made = self.make(place, choice).map(Rc::new);
        self.offers[place].push((choice, made.clone()));
        made
    }

    /// A strategy without the ways whose least leg is more than may be moved at all.
    fn able<'a>(&self, strategy: &'a Strategy) -> Cow<'a, Strategy> {
        let is_able = |side: &Side| side.least <= self.problem.turnover;
        if is_able(&strategy.inward) && is_able(&strategy.outward) {
            return Cow::Borrowed(strategy);
        }
        let mut able = strategy.clone();
        for side in [&mut able.inward, &mut able.outward] {
            if !is_able(side) {
                *side = Side::default();
            }
        }
        Cow::Owned(able)
    }

    fn make(&self, place: usize, choice: Choice) -> Option<Offer> {
        let strategy = &self.problem.strategies[place];
        let mut offer = match choice {
            Choice::Still => return None,
            Choice::Open => {
                let seen = envelope(&self.able(strategy), self.leg);
                let columns = [(Way::In, seen.inward), (Way::Out, seen.outward)];
                (seen.base, (Way::In, 0), columns.to_vec())
            }
            Choice::Moves { way, piece } => {
                let side = strategy.side(way);
                let piece = side.pieces().get(piece)?.clone();
                let (from, column) = stretch(side, piece)?;
                (side.value(from), (way, from), vec![(way, column)])
            }
        };
        offer.2.retain(|(_, column)| !column.ends.is_empty());
        let columns = offer.2.into_iter().map(|(way, mut column)| {
            column.rows = rows(strategy, way).collect();
            (way, Rc::new(column))
        });
        Some(Offer { base: offer.0, start: offer.1, columns: columns.collect() })
    }

    /// Solves the program that the choices leave.
    pub(super) fn relax(&mut self, choices: &[Choice]) -> Option<Relaxed> {
        self.nodes += 1;
        let problem = self.problem;
        let most_columns = 2 * choices.len() + self.goals.len();
        let mut program = Program {
            columns: Vec::with_capacity(most_columns),
            rhs: vec![problem.idle, problem.turnover],
        };
        program.rhs.extend(&problem.groups);
        let mut owners: Vec<(usize, Way)> = Vec::with_capacity(most_columns);
        let mut moves = vec![(Way::In, 0_i128); choices.len()];
        let mut values = vec![Value::ZERO; choices.len()];
        for (place, choice) in choices.iter().enumerate().filter(|(_, one)| **one != Choice::Still)
        {
            let offer = self.offer(place, *choice)?;
            (moves[place], values[place]) = (offer.start, offer.base);
            if matches!(choice, Choice::Moves { .. }) {
                values[place] = values[place].saturating_sub(self.leg);
            }
            let (way, from) = offer.start;
            for (row, sign) in rows(&problem.strategies[place], way).filter(|_| from != 0) {
                program.rhs[row] -= from * i128::from(sign);
            }
            for (way, column) in &offer.columns {
                program.columns.push(Rc::clone(column));
                owners.push((place, *way));
            }
        }
        program.columns.extend(self.goals.iter().cloned());
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
        let aims = program.columns.iter().zip(&optimum.values).skip(owners.len());
        let aims = aims.map(|(column, amount)| paid(column, *amount));
        let total = values.iter().copied().chain(aims).fold(Value::ZERO, sum);
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
        let held =
            groups.map(|group| optimum.prices[GROUPS + group]).sum::<i128>() + optimum.prices[IDLE];
        optimum.prices[TURNOVER] + held * i128::from(way.sign())
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
