//! The state of the simplex method: who is in the basis, where everybody stands, and how one step goes.

use std::cmp::Ordering;

use super::{Program, inverse::Inverse};

/// A row that is overdrawn costs the dearest slope times two to this.
const PENALTY_BITS: u32 = 16;

/// One of the columns, or the slack of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variable {
    Column(usize),
    Slack(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// At this break.
    Nonbasic(usize),
    /// In this row of the basis.
    Basic,
}

/// A member of the basis, standing in one of its segments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Basic {
    pub(super) variable: Variable,
    segment: usize,
}

pub(super) struct Tableau<'a> {
    program: &'a Program,
    penalty: i128,
    columns: Vec<Place>,
    slacks: Vec<Place>,
    basis: Vec<Basic>,
    inverse: Inverse,
    /// What the rows have left beside the variables outside the basis.
    left: Vec<i128>,
    /// Values of the basis, times the determinant.
    values: Vec<i128>,
}

impl<'a> Tableau<'a> {
    pub(super) fn new(program: &'a Program, start: &[usize]) -> Option<Self> {
        let rows = program.rhs.len();
        let dearest = program
            .columns
            .iter()
            .flat_map(|column| column.slopes.first().into_iter().chain(column.slopes.last()))
            .map(|slope| slope.unsigned_abs())
            .max()
            .unwrap_or(0);
        let penalty = i128::try_from(dearest.checked_add(1)?.checked_shl(PENALTY_BITS)?).ok()?;
        let mut left = program.rhs.clone();
        let mut columns = Vec::with_capacity(program.columns.len());
        for (place, column) in program.columns.iter().enumerate() {
            let at = start.get(place).copied().unwrap_or(0).min(column.ends.len());
            columns.push(Place::Nonbasic(at));
            for (row, sign) in &column.rows {
                left[*row] =
                    left[*row].checked_sub(column.at(at).checked_mul(i128::from(*sign))?)?;
            }
        }
        let basis = (0..rows)
            .map(|row| Basic {
                variable: Variable::Slack(row),
                segment: usize::from(left[row] >= 0),
            })
            .collect();
        let values = left.clone();
        Some(Self {
            program,
            penalty,
            columns,
            slacks: vec![Place::Basic; rows],
            basis,
            inverse: Inverse::unit(rows),
            left,
            values,
        })
    }

    /// What a unit pays on a segment.
    fn slope(&self, variable: Variable, segment: usize) -> i128 {
        match variable {
            Variable::Column(column) => self.program.columns[column].slopes[segment],
            Variable::Slack(_) if segment == 0 => self.penalty,
            Variable::Slack(_) => 0,
        }
    }

    fn segments(&self, variable: Variable) -> usize {
        match variable {
            Variable::Column(column) => self.program.columns[column].slopes.len(),
            // Overdrawn, and not.
            Variable::Slack(_) => 2,
        }
    }

    /// The break at an end of a segment; none where it has no end.
    fn end(&self, variable: Variable, segment: usize, is_upper: bool) -> Option<i128> {
        match variable {
            Variable::Column(column) => {
                Some(self.program.columns[column].at(segment + usize::from(is_upper)))
            }
            Variable::Slack(_) => ((segment == 0) == is_upper).then_some(0),
        }
    }

    /// Prices of the rows times the determinant.
    pub(super) fn prices(&self) -> Option<Vec<i128>> {
        let slopes = self.basis.iter().map(|basic| self.slope(basic.variable, basic.segment));
        self.inverse.of_slopes(slopes)
    }

    /// The variable that gains most by a unit, and its direction; the first that gains at all, if asked so.
    pub(super) fn entering(&self, prices: &[i128], takes_first: bool) -> Option<(Variable, bool)> {
        let scale = self.inverse.determinant();
        // One, most of the time.
        let scaled = |slope: i128| if scale == 1 { slope } else { slope.saturating_mul(scale) };
        let mut best: Option<(i128, Variable, bool)> = None;
        let mut offer = |gain: i128, variable, is_up| {
            if gain > 0 && best.is_none_or(|(most, ..)| !takes_first && gain > most) {
                best = Some((gain, variable, is_up));
            }
        };
        for (place, column) in self.program.columns.iter().enumerate() {
            let Place::Nonbasic(at) = self.columns[place] else { continue };
            let mut paid = 0_i128;
            for (row, sign) in &column.rows {
                paid = match sign {
                    1 => paid.saturating_add(prices[*row]),
                    _ => paid.saturating_sub(prices[*row]),
                };
            }
            if let Some(slope) = column.slopes.get(at) {
                offer(scaled(*slope).saturating_sub(paid), Variable::Column(place), true);
            }
            if let Some(slope) = at.checked_sub(1).and_then(|at| column.slopes.get(at)) {
                offer(paid.saturating_sub(scaled(*slope)), Variable::Column(place), false);
            }
        }
        for (row, price) in prices.iter().enumerate() {
            if self.slacks[row] != Place::Basic {
                offer(price.saturating_neg(), Variable::Slack(row), true);
                let dear = self.penalty.saturating_mul(scale);
                offer(price.saturating_sub(dear), Variable::Slack(row), false);
            }
        }
        best.map(|(_, variable, is_up)| (variable, is_up))
    }

    /// A variable's column seen from the basis, times the determinant.
    fn seen(&self, variable: Variable) -> Option<Vec<i64>> {
        match variable {
            Variable::Slack(row) => self.inverse.of_column(&[(row, 1)]),
            Variable::Column(column) => self.inverse.of_column(&self.program.columns[column].rows),
        }
    }

    /// Moves a variable as far as the sum rises. Whether it moved at all.
    pub(super) fn step(&mut self, entering: Variable, is_up: bool) -> Option<bool> {
        let seen = self.seen(entering)?;
        let scale = self.inverse.determinant();
        let first = match (self.place(entering), is_up) {
            (Place::Nonbasic(at), true) => at,
            (Place::Nonbasic(at), false) => at.checked_sub(1)?,
            (Place::Basic, _) => return None,
        };
        // A slack stands between its two segments.
        let begin = match entering {
            Variable::Column(column) => {
                self.program.columns[column].at(first + usize::from(!is_up))
            }
            Variable::Slack(_) => 0,
        };
        let mut segment = first;
        let sign = if is_up { 1 } else { -1 };
        // What the sum gains per unit moved, times the determinant.
        let mut gain = scale.checked_mul(self.slope(entering, segment))?;
        for (basic, rate) in self.basis.iter().zip(&seen) {
            let slope = self.slope(basic.variable, basic.segment);
            gain = gain.checked_sub(slope.checked_mul(i128::from(*rate))?)?;
        }
        gain *= sign;
        loop {
            // The nearest break: of the entering variable, or of one in the basis.
            let mut nearest: Option<(Ratio, Option<usize>)> = None;
            if let Some(end) = self.end(entering, segment, is_up) {
                let distance = Ratio { over: (end - begin).abs(), under: 1 };
                nearest = Some((distance, None));
            }
            for (place, basic) in
                self.basis.iter().enumerate().filter(|(place, _)| seen[*place] != 0)
            {
                let rises = (seen[place] > 0) != is_up;
                let Some(end) = self.end(basic.variable, basic.segment, rises) else { continue };
                let over = end.checked_mul(scale)?.checked_sub(self.values[place])?.abs();
                let distance = Ratio { over, under: i128::from(seen[place]).abs() };
                if nearest.is_none_or(|(least, _)| distance.is_less(least)) {
                    nearest = Some((distance, Some(place)));
                }
            }
            let (distance, whose) = nearest?;
            // What is lost per unit beyond it; none: it ends there.
            let lost = match whose {
                None => self.loss(entering, segment, is_up).map(|loss| loss.checked_mul(scale)),
                Some(place) => {
                    let Basic { variable, segment } = self.basis[place];
                    let rises = (seen[place] > 0) != is_up;
                    let rate = i128::from(seen[place]).abs();
                    self.loss(variable, segment, rises).map(|loss| loss.checked_mul(rate))
                }
            };
            let after = match lost {
                None => None,
                Some(lost) => Some(gain.checked_sub(lost?)?),
            };
            if let Some(after) = after.filter(|after| *after > 0) {
                gain = after;
                match whose {
                    None => segment = if is_up { segment + 1 } else { segment - 1 },
                    Some(place) => {
                        let rises = (seen[place] > 0) != is_up;
                        let at = &mut self.basis[place].segment;
                        *at = if rises { *at + 1 } else { *at - 1 };
                    }
                }
                continue;
            }
            let has_moved = distance.over != 0;
            match whose {
                None => self.move_to(entering, segment + usize::from(is_up))?,
                Some(place) => {
                    let rises = (seen[place] > 0) != is_up;
                    self.exchange(entering, segment, place, rises, &seen)?;
                }
            }
            return Some(has_moved);
        }
    }

    fn place(&self, variable: Variable) -> Place {
        match variable {
            Variable::Column(column) => self.columns[column],
            // Its one break lies after its first segment.
            Variable::Slack(row) => self.slacks[row],
        }
    }

    /// By how much less the next segment in a direction pays; none if there is no next one.
    fn loss(&self, variable: Variable, segment: usize, is_up: bool) -> Option<i128> {
        let here = self.slope(variable, segment);
        if is_up {
            let next = Some(segment + 1).filter(|next| *next < self.segments(variable))?;
            Some(here - self.slope(variable, next))
        } else {
            Some(self.slope(variable, segment.checked_sub(1)?) - here)
        }
    }

    /// Puts a variable outside the basis at another break.
    fn move_to(&mut self, variable: Variable, at: usize) -> Option<()> {
        let Variable::Column(column) = variable else { return None };
        let Place::Nonbasic(before) = self.columns[column] else { return None };
        self.draw(column, before, -1)?;
        self.draw(column, at, 1)?;
        self.columns[column] = Place::Nonbasic(at);
        self.refresh()
    }

    /// Draws what a column takes at a break from the rows, or gives it back.
    fn draw(&mut self, column: usize, at: usize, times: i128) -> Option<()> {
        let column = &self.program.columns[column];
        let value = column.at(at).checked_mul(times)?;
        for (row, sign) in &column.rows {
            let left = &mut self.left[*row];
            *left = left.checked_sub(value.checked_mul(i128::from(*sign))?)?;
        }
        Some(())
    }

    fn exchange(
        &mut self,
        entering: Variable,
        segment: usize,
        place: usize,
        rises: bool,
        seen: &[i64],
    ) -> Option<()> {
        let leaving = self.basis[place];
        match entering {
            Variable::Column(column) => {
                let Place::Nonbasic(at) = self.columns[column] else { return None };
                self.draw(column, at, -1)?;
                self.columns[column] = Place::Basic;
            }
            Variable::Slack(row) => self.slacks[row] = Place::Basic,
        }
        match leaving.variable {
            Variable::Column(column) => {
                let at = leaving.segment + usize::from(rises);
                self.draw(column, at, 1)?;
                self.columns[column] = Place::Nonbasic(at);
            }
            Variable::Slack(row) => self.slacks[row] = Place::Nonbasic(1),
        }
        self.basis[place] = Basic { variable: entering, segment };
        self.inverse.exchange(place, seen)?;
        self.refresh()
    }

    /// Values of the basis anew.
    fn refresh(&mut self) -> Option<()> {
        self.values = self.inverse.of_rows(&self.left)?;
        Some(())
    }
}

impl Tableau<'_> {
    /// Whether a row is overdrawn.
    pub(super) fn is_overdrawn(&self) -> bool {
        let is_slack = |basic: &Basic| matches!(basic.variable, Variable::Slack(_));
        self.basis.iter().zip(&self.values).any(|(basic, value)| is_slack(basic) && *value < 0)
    }

    /// Values of the columns, rounded down, and prices of the rows, rounded up.
    pub(super) fn rounded(&self, prices: &[i128]) -> (Vec<i128>, Vec<i128>) {
        let scale = self.inverse.determinant();
        let outside = self.columns.iter().zip(&self.program.columns);
        let mut values: Vec<i128> = outside
            .map(|(place, column)| match place {
                Place::Nonbasic(at) => column.at(*at),
                Place::Basic => 0,
            })
            .collect();
        for (basic, value) in self.basis.iter().zip(&self.values) {
            if let Variable::Column(column) = basic.variable {
                values[column] = value.div_euclid(scale);
            }
        }
        let up = |price: &i128| price.saturating_neg().div_euclid(scale).saturating_neg().max(0);
        (values, prices.iter().map(up).collect())
    }
}

/// A distance: never negative.
#[derive(Clone, Copy, Debug)]
struct Ratio {
    over: i128,
    under: i128,
}

impl Ratio {
    fn is_less(self, other: Self) -> bool {
        if self.under == other.under {
            return self.over < other.over;
        }
        let (whole, others) = (self.over / self.under, other.over / other.under);
        let of_rest = || {
            let (rest, others) = (self.over % self.under, other.over % other.under);
            // Below 2^126: both factors are entries of the basis.
            (rest * other.under).cmp(&(others * self.under))
        };
        whole.cmp(&others).then_with(of_rest) == Ordering::Less
    }
}
