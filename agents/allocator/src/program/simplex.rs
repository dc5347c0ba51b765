//! A linear program whose variables pay by concave piecewise-linear curves, solved exactly in integers.
//!
//! Maximise Σ f_j(u_j) with 0 ≤ u_j ≤ its last break and A u ≤ b, where every entry of A is −1, 0 or 1 and there are few
//! rows. The simplex method on the curves themselves (R. Fourer, "A simplex algorithm for piecewise-linear programming I",
//! Mathematical Programming 33, 1985): a variable outside the basis stands at one of its breaks, and a step passes breaks
//! for as long as the sum still rises. The inverse of the basis is kept as an adjugate over a determinant, fraction-free
//! (J. Edmonds, "Systems of distinct representatives and linear algebra", 1967), so that nothing is ever rounded before the
//! end. Rows may be overdrawn at a price that nothing is worth, so that any start serves.

mod inverse;
mod tableau;

use std::rc::Rc;

use tableau::Tableau;

/// A variable: what it pays per unit, and which rows it draws on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Column {
    /// Ends of its segments, rising, the last one its most. It begins at zero.
    pub(crate) ends: Vec<i128>,
    /// What a unit pays on each segment, falling.
    pub(crate) slopes: Vec<i128>,
    /// Rows with the sign of its entry there.
    pub(crate) rows: Vec<(usize, i8)>,
}

impl Column {
    /// None yet, with room for so many segments.
    pub(super) fn with_segments(count: usize) -> Self {
        Self { ends: Vec::with_capacity(count), slopes: Vec::with_capacity(count), rows: vec![] }
    }

    /// Value at a break; the first one is zero.
    pub(super) fn at(&self, place: usize) -> i128 {
        match place {
            0 => 0,
            place => self.ends[place - 1],
        }
    }
}

/// A program.
#[derive(Clone, Debug, Default)]
pub(crate) struct Program {
    pub(crate) columns: Vec<Rc<Column>>,
    /// What each row has.
    pub(crate) rhs: Vec<i128>,
}

/// The best values, and the prices of rows that prove it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Optimum {
    /// Of each column, rounded down; no row is overdrawn by it.
    pub(crate) values: Vec<i128>,
    /// Of each row, rounded up; never negative.
    pub(crate) prices: Vec<i128>,
    /// Steps that it took.
    pub(crate) steps: usize,
}

/// Why there is no optimum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoOptimum {
    /// The rows cannot be kept together.
    Infeasible,
    /// More steps than are allowed, or numbers beyond 128 bits.
    Exhausted,
}

/// Steps of no length after which the first variable that gains enters, not the one that gains most.
const PATIENCE: usize = 12;

/// Solves from a start: the break at which each column stands; where none is given, zero.
pub(crate) fn solve(program: &Program, start: &[usize]) -> Result<Optimum, NoOptimum> {
    let mut tableau = Tableau::new(program, start).ok_or(NoOptimum::Exhausted)?;
    let limit = 64 + 16 * (program.rhs.len() + program.columns.len());
    let mut idle_steps = 0;
    for steps in 0..limit {
        let prices = tableau.prices().ok_or(NoOptimum::Exhausted)?;
        let Some((entering, is_up)) = tableau.entering(&prices, idle_steps > PATIENCE) else {
            if tableau.is_overdrawn() {
                return Err(NoOptimum::Infeasible);
            }
            let (mut values, prices) = tableau.rounded(&prices);
            keep_rows(program, &mut values);
            return Ok(Optimum { values, prices, steps });
        };
        let has_moved = tableau.step(entering, is_up).ok_or(NoOptimum::Exhausted)?;
        idle_steps = if has_moved { 0 } else { idle_steps + 1 };
    }
    Err(NoOptimum::Exhausted)
}

/// Rounding down what gives to a row can overdraw it by a few units: what draws on it is lowered by them, which is good
/// for every row it draws on.
fn keep_rows(program: &Program, values: &mut [i128]) {
    let mut over: Vec<i128> = program.rhs.iter().map(|has| -has).collect();
    for (column, value) in program.columns.iter().zip(&*values).filter(|(_, value)| **value != 0) {
        for (row, sign) in &column.rows {
            over[*row] += value * i128::from(*sign);
        }
    }
    for row in 0..over.len() {
        if over[row] <= 0 {
            continue;
        }
        for (column, value) in program.columns.iter().zip(values.iter_mut()) {
            let only_draws = column.rows.iter().all(|(_, sign)| *sign > 0);
            if over[row] > 0 && only_draws && column.rows.iter().any(|(of, _)| *of == row) {
                let less = over[row].min(*value);
                *value -= less;
                for (of, _) in &column.rows {
                    over[*of] -= less;
                }
            }
        }
    }
}
