//! The inverse of the basis, exact: an adjugate over a determinant, kept fraction-free.

/// Inverse of a square matrix of small integers.
#[derive(Debug)]
pub(super) struct Inverse {
    rows: usize,
    /// Adjugate, row by row: the inverse times the determinant.
    adjugate: Vec<i64>,
    determinant: i64,
}

impl Inverse {
    /// Of the unit matrix.
    pub(super) fn unit(rows: usize) -> Self {
        let adjugate = (0..rows * rows).map(|at| i64::from(at / rows == at % rows)).collect();
        Self { rows, adjugate, determinant: 1 }
    }

    /// The determinant, always above zero. Everything that this module gives is times it.
    pub(super) fn determinant(&self) -> i128 {
        i128::from(self.determinant)
    }

    fn row(&self, place: usize) -> &[i64] {
        &self.adjugate[place * self.rows..(place + 1) * self.rows]
    }

    /// The inverse times a column that is given by its rows and signs. None beyond 64 bits.
    pub(super) fn of_column(&self, column: &[(usize, i8)]) -> Option<Vec<i64>> {
        let of_place = |place: usize| {
            let row = self.row(place);
            let entries = column.iter();
            entries.copied().try_fold(0_i64, |sum, (at, sign)| {
                sum.checked_add(row[at].checked_mul(i64::from(sign))?)
            })
        };
        (0..self.rows).map(of_place).collect()
    }

    /// The inverse times what the rows have left.
    pub(super) fn of_rows(&self, left: &[i128]) -> Option<Vec<i128>> {
        let of_place = |place: usize| {
            let entries = self.row(place).iter().zip(left).filter(|(entry, _)| **entry != 0);
            entries.into_iter().try_fold(0_i128, |sum, (entry, left)| {
                sum.checked_add(left.checked_mul(i128::from(*entry))?)
            })
        };
        (0..self.rows).map(of_place).collect()
    }

    /// Slopes of the members times the inverse: the prices of the rows.
    pub(super) fn of_slopes(&self, slopes: impl Iterator<Item = i128>) -> Option<Vec<i128>> {
        let mut prices = vec![0_i128; self.rows];
        for (place, slope) in slopes.enumerate().filter(|(_, slope)| *slope != 0) {
            let entries = prices.iter_mut().zip(self.row(place));
            for (price, entry) in entries.filter(|(_, entry)| **entry != 0) {
                *price = price.checked_add(slope.checked_mul(i128::from(*entry))?)?;
            }
        }
        Some(prices)
    }

    /// Puts a column, as [`Self::of_column`] gives it, in the place of a member.
    pub(super) fn exchange(&mut self, place: usize, seen: &[i64]) -> Option<()> {
        let (old, new) = (self.determinant(), i128::from(seen[place]));
        let pivot = self.row(place).to_vec();
        for (other, rate) in seen.iter().enumerate().filter(|(other, _)| *other != place) {
            let row = &mut self.adjugate[other * self.rows..(other + 1) * self.rows];
            for (entry, of_pivot) in row.iter_mut().zip(&pivot) {
                // Each product is below 2^126. The division leaves no rest: minors of a matrix of integers.
                let minor = new * i128::from(*entry) - i128::from(*rate) * i128::from(*of_pivot);
                *entry = i64::try_from(if old == 1 { minor } else { minor / old }).ok()?;
            }
        }
        self.determinant = seen[place];
        if self.determinant < 0 {
            self.determinant = self.determinant.checked_neg()?;
            for entry in &mut self.adjugate {
                *entry = entry.checked_neg()?;
            }
        }
        Some(())
    }
}
