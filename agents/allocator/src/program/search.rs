//! Branch and bound over who moves, which way, and on which stretch of the curve.
//!
//! The relaxation gives every open strategy the concave envelope of each of its sides; its prices are the certificate, and
//! its values say who should move. Those are then fixed, and the program is solved anew with their own curves, which gives
//! a plan. What is left between plan and bound is branched on, where envelope and curve differ most, until the difference
//! is small or enough programs were solved: a count, never a clock.

mod plan;
mod relax;

use std::rc::Rc;

use super::{
    bound::{upper_bound, worth},
    problem::{Found, Prices, Problem, Value, Way, sum},
    simplex::Column,
};
use relax::{GROUPS, IDLE, Offer, Relaxed, Root, TURNOVER, goal};

/// Most programs that are solved for one problem.
const MOST_NODES: usize = 96;
/// Most that are solved in a row without a better plan.
const MOST_IN_VAIN: usize = 16;

/// What is fixed of a strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    Open,
    Still,
    Moves { way: Way, piece: usize },
}

/// A part of the search, with the bound of what it was split from.
struct Node {
    choices: Vec<Choice>,
    bound: Value,
}

struct Search<'a> {
    problem: &'a Problem,
    /// What a leg costs, with the price that keeps their number.
    leg: Value,
    /// What is given back of that price: as many legs as there may be.
    rebate: Value,
    /// Prices at the last optimum, where the next one is looked for.
    prices: Vec<i128>,
    /// What each strategy offers by the choices that were looked at.
    offers: Vec<Vec<(Choice, Option<Rc<Offer>>)>>,
    /// What room left in the limits adds.
    goals: Vec<Rc<Column>>,
    nodes: usize,
}

/// The best plan that the search finds, and prices that bound what it can have missed.
#[must_use]
pub fn search(problem: &Problem) -> Found {
    search_from(problem, &[])
}

/// The same, but no worse than a plan that is known, as far as that keeps the limits.
pub(crate) fn search_from(problem: &Problem, known: &[i128]) -> Found {
    let still = vec![0; problem.strategies.len()];
    let value = worth(problem, &still).unwrap_or(Value::ZERO);
    let mut best = Found { moves: still, value, ..Found::default() };
    if let Ok(value) = worth(problem, known)
        && value > best.value
    {
        (best.moves, best.value) = (known.to_vec(), value);
    }
    let mut search = Search {
        problem,
        leg: problem.leg_cost,
        rebate: Value::ZERO,
        prices: Vec::new(),
        offers: vec![Vec::new(); problem.strategies.len()],
        goals: problem.goals.iter().filter(|goal| goal.most > 0).map(goal).collect(),
        nodes: 0,
    };
    let open = vec![Choice::Open; problem.strategies.len()];
    let Some(Root { relaxed: root, beyond, leg_price, prices }) = search.root(&open) else {
        best.prices.groups = vec![0; problem.groups.len()];
        best.bound = upper_bound(problem, &best.prices).unwrap_or(Value::MAX);
        return best;
    };
    search.charge(leg_price);
    search.rebate =
        leg_price.saturating_mul(Value::try_from(problem.most_legs).unwrap_or(Value::MAX));
    best.prices = Prices {
        idle: prices[IDLE],
        turnover: prices[TURNOVER],
        groups: prices[GROUPS..].to_vec(),
        leg: leg_price,
    };
    let bound = upper_bound(problem, &best.prices).unwrap_or(Value::MAX);
    best.bound = bound;
    search.improve(&mut best, &root);
    if is_close(problem, best.value, bound) {
        best.nodes = search.nodes;
        return best;
    }
    if let Some(beyond) = beyond {
        search.improve(&mut best, &beyond);
    }
    search.polish(&mut best);
    let polished = best.value;
    let mut open_nodes = vec![];
    search.split(&mut open_nodes, &open, &root, bound);
    let mut improved_at = search.nodes;
    while let Some(place) = most(&open_nodes)
        && search.nodes < MOST_NODES
        && search.nodes - improved_at < MOST_IN_VAIN
    {
        let node = open_nodes.swap_remove(place);
        if is_close(problem, best.value, node.bound) {
            // No other part promises more.
            break;
        }
        let Some(relaxed) = search.relax(&node.choices) else { continue };
        let bound = sum(relaxed.total, search.rebate).min(node.bound);
        if is_close(problem, best.value, bound) {
            continue;
        }
        let before = best.value;
        search.improve(&mut best, &relaxed);
        if best.value > before {
            improved_at = search.nodes;
        }
        search.split(&mut open_nodes, &node.choices, &relaxed, bound);
    }
    if best.value > polished {
        search.polish(&mut best);
    }
    best.nodes = search.nodes;
    best
}

/// The open part whose bound is highest.
fn most(nodes: &[Node]) -> Option<usize> {
    let highest = nodes
        .iter()
        .enumerate()
        .max_by_key(|(place, node)| (node.bound, std::cmp::Reverse(*place)));
    highest.map(|(place, _)| place)
}

fn is_close(problem: &Problem, value: Value, bound: Value) -> bool {
    bound.saturating_sub(value) <= problem.tolerance
}

impl Search<'_> {
    /// Splits where the relaxation promises most beyond the curve.
    fn split(&self, nodes: &mut Vec<Node>, choices: &[Choice], relaxed: &Relaxed, bound: Value) {
        let problem = self.problem;
        let promised = |place: usize| {
            let (way, amount) = relaxed.moves[place];
            let side = problem.strategies[place].side(way);
            if 0 < amount && amount < side.least {
                // No such leg can be made, whatever it would bring.
                return relaxed.values[place].saturating_abs();
            }
            let real = match amount {
                0 => Value::ZERO,
                amount => side.value(amount).saturating_sub(self.leg),
            };
            relaxed.values[place].saturating_sub(real)
        };
        let widest = (0..choices.len())
            .filter(|place| choices[*place] == Choice::Open)
            .map(|place| (promised(place), std::cmp::Reverse(place)))
            .max();
        let Some((promise, std::cmp::Reverse(place))) = widest else { return };
        if promise <= Value::ZERO {
            return;
        }
        let strategy = &problem.strategies[place];
        let mut children = vec![Choice::Still];
        for way in [Way::In, Way::Out] {
            let pieces = strategy.side(way).pieces().len();
            children.extend((0..pieces).map(|piece| Choice::Moves { way, piece }));
        }
        for child in children {
            let mut choices = choices.to_vec();
            choices[place] = child;
            nodes.push(Node { choices, bound });
        }
    }
}
