//! A start near the optimum: prices of rows, found one after the other by bisection, and where each column stands at them.

use super::simplex::{Column, Program};

/// Bits of a price that are searched for.
const PRICE_BITS: u32 = 5;

/// The break at which each column stands at given prices of the rows.
pub(crate) fn at(program: &Program, prices: &[i128]) -> Vec<usize> {
    let cost = |column: &Column| -> i128 {
        column.rows.iter().map(|(row, sign)| prices[*row] * i128::from(*sign)).sum()
    };
    program.columns.iter().map(|column| stands(column, cost(column))).collect()
}

/// The break at which each column stands at prices that are looked for.
pub(crate) fn start(program: &Program) -> Vec<usize> {
    let mut costs = vec![0_i128; program.columns.len()];
    let mut of_row: Vec<Vec<(usize, i128)>> = vec![Vec::new(); program.rhs.len()];
    let mut top = 0;
    for (place, column) in program.columns.iter().enumerate() {
        for (row, sign) in &column.rows {
            of_row[*row].push((place, i128::from(*sign)));
        }
        for slope in column.slopes.first().into_iter().chain(column.slopes.last()) {
            top = top.max(slope.unsigned_abs());
        }
    }
    let top = i128::try_from(top).unwrap_or(i128::MAX / 8).min(i128::MAX / 8) + 1;
    for (row, members) in of_row.iter().enumerate() {
        let found = price(program, &costs, (row, members), top);
        for (column, sign) in members {
            costs[*column] += sign * found;
        }
    }
    program.columns.iter().zip(&costs).map(|(column, cost)| stands(column, *cost)).collect()
}

/// About the lowest price at which a row is not overdrawn, the others' staying.
fn price(
    program: &Program,
    costs: &[i128],
    (row, members): (usize, &[(usize, i128)]),
    top: i128,
) -> i128 {
    let is_kept = |price: i128| {
        let mut left = program.rhs[row];
        for (place, sign) in members {
            let column = &program.columns[*place];
            let cost = costs[*place] + sign * price;
            left = left.saturating_sub(sign * column.at(stands(column, cost)));
        }
        left >= 0
    };
    if is_kept(0) {
        return 0;
    }
    // Beyond twice the dearest slope nobody draws, and everybody gives.
    let (mut low, mut high) = (0, top * 2);
    while high - low > (high >> PRICE_BITS).max(1) {
        let middle = low + (high - low) / 2;
        if is_kept(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

/// Last break up to which each unit pays more than it costs.
fn stands(column: &Column, cost: i128) -> usize {
    column.slopes.partition_point(|slope| *slope > cost)
}
